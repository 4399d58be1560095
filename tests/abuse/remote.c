/* The systems behind the hub: one epoll thread. */
#include "remote.h"

#include "items.h"
#include "measure.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUEST_BYTES = 64 << 10, EVENTS = 64, TURN_MS = 50 };

/* One connection from the hub. */
typedef struct peer {
    int fd;
    size_t len;
    char bytes[REQUEST_BYTES];
} peer;

static struct {
    int listener, epoll;
    pthread_t thread;
    void (*arrived)(uint32_t number, int64_t at_ns);
    atomic_bool stopping, mute, poison;
    atomic_ullong refused, swallowed;
} remote;

static void answer(const peer *p, const char *head, const char *body)
{
    static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    static const char no[] = "HTTP/1.1 500 Poisoned\r\nContent-Length: 0\r\n\r\n";
    bool is_mute = strncmp(head, "POST /mute", 10) == 0;
    if (is_mute && remote.mute) {
        atomic_fetch_add(&remote.swallowed, 1);
        return;
    }
    bool poisoned = !is_mute && remote.poison && strstr(body, POISONED_KEY);
    uint32_t number;
    if (!is_mute && !poisoned && item_find(body, &number, NULL)) {
        remote.arrived(number, bench_now_ns());
    }
    atomic_fetch_add(&remote.refused, poisoned ? 1 : 0);
    (void)!send(p->fd, poisoned ? no : ok, poisoned ? sizeof no - 1 : sizeof ok - 1, MSG_NOSIGNAL);
}

/* Answers what is whole; false when the connection is over. */
static bool turn(peer *p)
{
    ssize_t n = recv(p->fd, p->bytes + p->len, sizeof p->bytes - 1 - p->len, 0);
    if (n <= 0) {
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    }
    p->len += (size_t)n;
    for (;;) {
        p->bytes[p->len] = '\0';
        char *end = strstr(p->bytes, "\r\n\r\n");
        const char *length = end ? strstr(p->bytes, "Content-Length: ") : NULL;
        if (!end) {
            return p->len + 1 < sizeof p->bytes;
        }
        size_t size = length && length < end ? strtoul(length + 16, NULL, 10) : 0;
        size_t whole = (size_t)(end - p->bytes) + 4 + size;
        if (whole + 1 > sizeof p->bytes || p->len < whole) {
            return whole + 1 <= sizeof p->bytes;
        }
        char after = p->bytes[whole];
        p->bytes[whole] = '\0';
        answer(p, p->bytes, end + 4);
        p->bytes[whole] = after;
        memmove(p->bytes, p->bytes + whole, p->len - whole);
        p->len -= whole;
    }
}

static void take_connections(void)
{
    for (int fd; (fd = accept(remote.listener, NULL, NULL)) >= 0;) {
        peer *p = calloc(1, sizeof *p);
        if (!p) {
            bench_die("abuse: no memory");
        }
        p->fd = fd;
        fcntl(fd, F_SETFL, O_NONBLOCK);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = p};
        epoll_ctl(remote.epoll, EPOLL_CTL_ADD, fd, &event);
    }
}

static void *serve(void *unused)
{
    (void)unused;
    struct epoll_event events[EVENTS];
    while (!remote.stopping) {
        int count = epoll_wait(remote.epoll, events, EVENTS, TURN_MS);
        for (int i = 0; i < count; i++) {
            peer *p = events[i].data.ptr;
            if (!p) {
                take_connections();
            } else if (!turn(p)) {
                close(p->fd);
                free(p);
            }
        }
    }
    return NULL;
}

uint16_t remote_start(void (*arrived)(uint32_t number, int64_t at_ns))
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    remote.arrived = arrived;
    remote.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    remote.epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN};
    if (bind(remote.listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(remote.listener, 256) != 0 ||
        getsockname(remote.listener, (struct sockaddr *)&address, &size) != 0 ||
        epoll_ctl(remote.epoll, EPOLL_CTL_ADD, remote.listener, &event) != 0 ||
        pthread_create(&remote.thread, NULL, serve, NULL) != 0) {
        bench_die("abuse: the remote does not start: %s", strerror(errno));
    }
    return ntohs(address.sin_port);
}

void remote_set_mute(bool mute)
{
    remote.mute = mute;
}

void remote_set_poison(bool poison)
{
    remote.poison = poison;
}

uint64_t remote_refused(void)
{
    return remote.refused;
}

uint64_t remote_swallowed(void)
{
    return remote.swallowed;
}

void remote_stop(void)
{
    remote.stopping = true;
    pthread_join(remote.thread, NULL);
    close(remote.listener);
    close(remote.epoll);
}
