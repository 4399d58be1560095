/* How hostile connections are driven: one thread, non-blocking, a piece a turn on each. */
#define _GNU_SOURCE /* thread ids */
#include "attack.h"

#include "measure.h"
#include "web.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NICER = 10, OPEN_AT_ONCE = 20, OPEN_PER_MS = 4, READ_BYTES = 16 << 10, FIRST_BYTES = 16 };

struct hostile {
    int fd; /* -1: to be opened */
    bool connected;
    uint32_t turn;
    char *rest; /* of a piece that did not fit into the socket; owns */
    size_t rest_at, rest_len;
    char first[FIRST_BYTES]; /* of the first answer */
    size_t first_len;
};

static bool open_one(const attack *a, hostile *h)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(a->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS) {
        close(fd);
        return false;
    }
    *h = (hostile){.fd = fd};
    return true;
}

static void close_one(hostile *h)
{
    web_reset(h->fd);
    free(h->rest);
    *h = (hostile){.fd = -1};
}

static void note_answer(attack *a, hostile *h, const char *bytes, size_t n)
{
    size_t room = sizeof h->first - h->first_len;
    size_t taken = n < room ? n : room;
    memcpy(h->first + h->first_len, bytes, taken);
    bool was_whole = h->first_len >= 12;
    h->first_len += taken;
    if (was_whole || h->first_len < 12 || memcmp(h->first, "HTTP/1.", 7) != 0) {
        return;
    }
    int status = (h->first[9] - '0') * 100 + (h->first[10] - '0') * 10 + (h->first[11] - '0');
    if (status >= 100 && status < 600) {
        atomic_fetch_add(&a->answers[status / 100], 1);
        atomic_fetch_add(&a->status_413, status == 413);
        atomic_fetch_add(&a->status_431, status == 431);
    }
}

/* Reads what is there; false when the hub has closed the connection. */
static bool listen_to(attack *a, hostile *h)
{
    char bytes[READ_BYTES];
    ssize_t n = recv(h->fd, bytes, sizeof bytes, 0);
    if (n > 0) {
        note_answer(a, h, bytes, (size_t)n);
    }
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == ENOTCONN));
}

/* Sends as much as goes; false when the connection is gone. */
static bool push(hostile *h, const char *bytes, size_t n)
{
    ssize_t sent = send(h->fd, bytes, n, MSG_NOSIGNAL);
    if (sent < 0) {
        return errno == EAGAIN || errno == ENOTCONN;
    }
    if ((size_t)sent < n && !h->rest) {
        h->rest = malloc(n - (size_t)sent);
        h->rest_len = h->rest ? n - (size_t)sent : 0;
        h->rest_at = 0;
        if (h->rest) {
            memcpy(h->rest, bytes + sent, h->rest_len);
        }
    }
    return true;
}

/* One turn of one connection; false when it has to be opened anew. */
static bool hostile_turn(attack *a, hostile *h, uint32_t number)
{
    static _Thread_local char text[HOSTILE_BYTES];
    if (!h->connected) {
        struct pollfd ready = {.fd = h->fd, .events = POLLOUT};
        if (poll(&ready, 1, 0) == 0) {
            return true; /* The hub has not taken it yet. */
        }
        h->connected = true;
        atomic_fetch_add(&a->opened, 1);
    }
    if (!a->plan->deaf && !listen_to(a, h)) {
        atomic_fetch_add(&a->closed_on_us, 1);
        return false;
    }
    if (h->rest) {
        ssize_t sent = send(h->fd, h->rest + h->rest_at, h->rest_len - h->rest_at, MSG_NOSIGNAL);
        h->rest_at += sent > 0 ? (size_t)sent : 0;
        if (h->rest_at == h->rest_len) {
            free(h->rest);
            h->rest = NULL;
        }
        if (sent < 0 && errno != EAGAIN) {
            atomic_fetch_add(&a->closed_on_us, 1);
            return false;
        }
        return true;
    }
    int n = a->plan->piece(number, h->turn++, text, sizeof text);
    if (n == HOSTILE_RESET) {
        return false;
    }
    atomic_fetch_add(&a->pieces, n > 0);
    if (n > 0 && !push(h, text, (size_t)n)) {
        atomic_fetch_add(&a->closed_on_us, 1);
        return false;
    }
    return true;
}

/* Turns and openings are spread over time: bursts would measure the attacker's own habits. */
static void drive(attack *a)
{
    uint32_t count = a->plan->connections;
    hostile *all = calloc(count, sizeof *all);
    if (!all) {
        bench_die("abuse: no memory");
    }
    for (uint32_t i = 0; i < count; i++) {
        all[i].fd = -1;
    }
    int64_t from_ns = bench_now_ns();
    int64_t turns = 0;
    int64_t opened = 0;
    while (!a->stopping) {
        int64_t elapsed_ms = (bench_now_ns() - from_ns) / 1000000;
        int64_t turns_due = elapsed_ms * count / a->plan->turn_ms;
        turns = turns < turns_due - count ? turns_due - count : turns;
        for (; turns < turns_due && !a->stopping; turns++) {
            hostile *h = &all[turns % count];
            if (h->fd < 0 && opened < OPEN_AT_ONCE + elapsed_ms * OPEN_PER_MS) {
                opened += open_one(a, h);
            }
            if (h->fd >= 0 && !hostile_turn(a, h, (uint32_t)(turns % count))) {
                close_one(h);
            }
        }
        bench_sleep_ms(1);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (all[i].fd >= 0) {
            close_one(&all[i]);
        }
    }
    free(all);
}

static void *attack_main(void *self)
{
    attack *a = self;
    /* The hub's processor is not the attacker's in life; here they share one machine. */
    setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICER);
    if (a->plan->piece) {
        drive(a);
    } else {
        a->plan->run(a);
    }
    return NULL;
}

void attack_start(attack *a, const attack_plan *plan, uint16_t port)
{
    memset(a, 0, sizeof *a);
    a->plan = plan;
    a->port = port;
    if (pthread_create(&a->thread, NULL, attack_main, a) != 0) {
        bench_die("abuse: no thread");
    }
}

void attack_stop(attack *a)
{
    a->stopping = true;
    pthread_join(a->thread, NULL);
}
