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

/* Waits, a moment, until the hub has read all and keeps no request waiting. */
static void let_answer(const fuzz_hub *hub, int fd)
{
    int unread = 1;
    for (int64_t until_us = xd_ingress_now_us() + UNHURRIED_MS * INT64_C(1000);
         (unread || hub->ingress->waiting) && xd_ingress_now_us() < until_us; sched_yield()) {
        REQUIRE(ioctl(fd, SIOCOUTQ, &unread) == 0);
    }
}

static size_t talk(fuzz_hub *hub, const uint8_t *data, size_t size)
{
    int fds[2];
    int buffer = 1 << 20; /* so that all of the input fits */
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    ssize_t sent = size ? send(fds[0], data, size, MSG_NOSIGNAL) : 0;
    REQUIRE(sent == (ssize_t)size);
    if (size % 2) { /* This client goes as soon as it has spoken. */
        shutdown(fds[0], SHUT_WR);
    }
    REQUIRE(MHD_add_connection(hub->ingress->tcp.daemon, fds[1], (struct sockaddr *)&peer,
                               sizeof peer) == MHD_YES);
    if (size % 2 == 0) { /* And this one when it has its answers. */
        let_answer(hub, fds[0]);
        shutdown(fds[0], SHUT_WR);
    }
    size_t got = 0;
    for (ssize_t n = 1; n > 0 && got < sizeof answer - 1;) {
        if (!readable(fds[0])) {
            say_state(hub);
            abort(); /* Every connection ends. */
        }
        n = recv(fds[0], answer + got, sizeof answer - 1 - got, 0);
        got += n > 0 ? (size_t)n : 0;
    }
    close(fds[0]);
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
