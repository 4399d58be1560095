/* libFuzzer target for the front door: the input is what a client sends over a connection, read by
 * libmicrohttpd and answered by the hub's own code, up to the log: events, and records of a source
 * too. Whatever comes, each answer is one of HTTP, never a 500, a refusal of ours is a problem
 * document, and afterwards nothing is held for the connection. */
#include "base/json.h"
#include "hub.h"
#include "ingress/ingress_int.h"

#include "fuzz.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_BYTES = 1 << 20, ANSWER_MS = 10000, UNHURRIED_MS = 20, ARENA_BYTES = 16 << 20 };

static char answer[ANSWER_BYTES];

/* What the hub is at when a connection does not end. */
static void say_state(fuzz_hub *hub)
{
    xd_engine_stats stats;
    xd_engine_stats_get(hub->engine, &stats);
    fprintf(stderr, "http: %u requests wait, %zu bytes in flight, %llu connections; queue %lld\n",
            (unsigned)hub->ingress->waiting, (size_t)hub->ingress->inflight_bytes,
            (unsigned long long)hub->ingress->metrics.connections_open,
            (long long)stats.queue_length);
}

/* Waits for bytes or the end. libFuzzer's clock is a signal that interrupts the wait: then again.
 */
static bool readable(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int64_t until_us = xd_ingress_now_us() + ANSWER_MS * INT64_C(1000);
    int ready = -1;
    while (ready < 0 && xd_ingress_now_us() < until_us) {
        ready = poll(&wait, 1, ANSWER_MS);
        REQUIRE(ready >= 0 || errno == EINTR);
    }
    return ready == 1;
}

/* Whether the hub has bytes of its one connection to read. */
static bool has_unread(fuzz_hub *hub)
{
    int unread = 0;
    pthread_mutex_lock(&hub->ingress->clients_lock);
    if (hub->ingress->clients) {
        REQUIRE(ioctl(hub->ingress->clients->fd, SIOCINQ, &unread) == 0);
    }
    pthread_mutex_unlock(&hub->ingress->clients_lock);
    return unread > 0;
}

/* Waits, a moment, until the hub has read all and, when it is to answer, keeps no request waiting.
 */
static void let_read(fuzz_hub *hub, uint64_t connections_before, bool answer_too)
{
    for (int64_t until_us = xd_ingress_now_us() + UNHURRIED_MS * INT64_C(1000);
         (hub->ingress->metrics.connections_total == connections_before || has_unread(hub) ||
          (answer_too && hub->ingress->waiting)) &&
         xd_ingress_now_us() < until_us;
         sched_yield()) {
    }
}

/* From another address of this machine each time: the ports of one would soon be used up, as a
 * closed connection keeps its own for a minute. A pair that is still kept so costs another try. */
static int connect_anew(fuzz_hub *hub)
{
    enum { TRIES = 16 };
    static uint32_t number;
    int buffer = 1 << 20; /* so that all of the input fits */
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(xd_ingress_port(hub->ingress)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 0; i < TRIES; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct sockaddr_in from = {.sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(0x7f010001 + number++ % 65000)};
        REQUIRE(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer) == 0);
        if (bind(fd, (struct sockaddr *)&from, sizeof from) == 0 &&
            connect(fd, (struct sockaddr *)&to, sizeof to) == 0) {
            return fd;
        }
        close(fd);
    }
    perror("fuzz_http: no connection");
    abort();
}

static size_t talk(fuzz_hub *hub, const uint8_t *data, size_t size)
{
    uint64_t before = hub->ingress->metrics.connections_total;
    int fd = connect_anew(hub);
    ssize_t sent = size ? send(fd, data, size, MSG_NOSIGNAL) : 0;
    REQUIRE(sent == (ssize_t)size || (sent < 0 && errno == EPIPE));
    /* Some clients go as soon as they were heard, others when they have their answers. */
    let_read(hub, before, size % 2 == 0);
    shutdown(fd, SHUT_WR);
    size_t got = 0;
    for (ssize_t n = 1; n > 0 && got < sizeof answer - 1;) {
        if (!readable(fd)) {
            say_state(hub);
            abort(); /* Every connection ends. */
        }
        n = recv(fd, answer + got, sizeof answer - 1 - got, 0);
        got += n > 0 ? (size_t)n : 0;
    }
    close(fd);
    answer[got] = '\0';
    return got;
}

static void check_problem(const char *body)
{
    xd_arena arena;
    xd_arena_init(&arena, ARENA_BYTES);
    const xd_json *problem = NULL;
    const char *end = strstr(body, "HTTP/1.");
    size_t length = end ? (size_t)(end - body) : strlen(body);
    if (length && !end) { /* of the last answer on the connection; HEAD has none */
        REQUIRE(xd_json_parse((xd_str){body, length}, XD_JSON_LIMITS_DEFAULT, &arena, &problem,
                              NULL) == XD_OK);
        REQUIRE(XD_INT(problem, "status", 0) >= 400);
        REQUIRE(XD_TEXT(problem, "detail").len > 0);
    }
    xd_arena_finish(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t got = talk(fuzz_hub_get(), data, size);
    if (got) {
        REQUIRE(strncmp(answer, "HTTP/1.", 7) == 0);
        REQUIRE(strncmp(answer + 8, " 500", 4) != 0);
        const char *body = strstr(answer, "\r\n\r\n");
        REQUIRE(body);
        if (strstr(answer, "Content-Type: application/problem+json\r\n") &&
            !strstr(answer + 7, "HTTP/1.")) {
            check_problem(body + 4);
        }
    }
    fuzz_hub_done();
    return 0;
}
