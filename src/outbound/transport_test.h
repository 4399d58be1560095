/* For the tests of the transport: a remote system that is a bare socket of the test's own, so that
 * an answer can come, come late, come cut or not come. One thread; waits are bounded. */
#ifndef XD_OUTBOUND_TRANSPORT_TEST_H
#define XD_OUTBOUND_TRANSPORT_TEST_H

#include "outbound/transport.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { TURNS = 5000, ANSWERS_MAX = 64, CONNECTIONS_MAX = 64, BIG = 1 << 20 };

typedef struct seen {
    xd_answer_kind kind;
    int32_t status;
    bool beside;
    int64_t retry_after_us;
    char reason[512];
    char id[16]; /* of the call */
} seen;

typedef struct bench {
    int listener;
    uint16_t port;
    char url[64];
    xd_remote_options options;
    xd_transport *transport;
    seen answers[ANSWERS_MAX];
    int count;
    int fds[CONNECTIONS_MAX]; /* the remote's ends that were taken and not hung up */
    int fd_count;
    const char *posts_next; /* an id; NULL: none: posted when the first answer is reported */
} bench;

static inline void unblock(int fd)
{
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
}

/* The remote, with all that a transport to it needs. */
static inline void open_remote(bench *b, int32_t timeout_ms)
{
    memset(b, 0, sizeof *b);
    b->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    assert_int_equal(bind(b->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(b->listener, 16), 0);
    assert_int_equal(getsockname(b->listener, (struct sockaddr *)&address, &size), 0);
    unblock(b->listener);
    b->port = ntohs(address.sin_port);
    snprintf(b->url, sizeof b->url, "http://127.0.0.1:%u/erp", b->port);
    b->options = (xd_remote_options){.name = "erp",
                                     .url = b->url,
                                     .concurrency = 8,
                                     .timeout_ms = timeout_ms,
                                     .connect_timeout_ms = 2000,
                                     .authorization = "Bearer hush"};
}

static inline void open_transport(bench *b)
{
    assert_int_equal(xd_transport_create(&b->options, 1, &b->transport, NULL), XD_OK);
}

static inline void open_bench(bench *b, int32_t timeout_ms)
{
    open_remote(b, timeout_ms);
    open_transport(b);
}

static inline void close_listener(bench *b)
{
    close(b->listener);
    b->listener = -1;
}

static inline void hang_up(bench *b, int fd)
{
    int i = 0;
    while (i < b->fd_count && b->fds[i] != fd) {
        i++;
    }
    assert_true(i < b->fd_count);
    b->fds[i] = b->fds[--b->fd_count];
    close(fd);
}

static inline void reset(bench *b, int fd)
{
    const struct linger now = {.l_onoff = 1};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    hang_up(b, fd);
}

static inline void close_bench(bench *b)
{
    xd_transport_destroy(b->transport);
    while (b->fd_count) {
        hang_up(b, b->fds[0]);
    }
    if (b->listener >= 0) {
        close_listener(b);
    }
}

static inline xd_call *acquire(bench *b, const char *id)
{
    xd_call *call = xd_transport_acquire(b->transport, 0);
    assert_non_null(call);
    xd_buf_printf(&call->idempotency_key, "key-%s", id);
    xd_buf_str_add(&call->traceparent, XD_STR("trace"));
    xd_buf_str_add(&call->delivery_id, xd_str_from(id));
    return call;
}

static inline void post(bench *b, const char *id, size_t body_bytes)
{
    xd_call *call = acquire(b, id);
    for (size_t i = 0; i < body_bytes; i++) {
        xd_buf_char(&call->body, (char)('a' + i % 23));
    }
    assert_int_equal(xd_transport_post(b->transport, call, XD_MESSAGE_RECEIPT_STATUS), XD_OK);
}

static inline void note(void *self, const xd_call *call, const xd_answer *answer)
{
    bench *b = self;
    assert_true(b->count < ANSWERS_MAX);
    seen *s = &b->answers[b->count++];
    s->kind = answer->kind;
    s->status = answer->status;
    s->beside = answer->beside;
    s->retry_after_us = answer->retry_after_us;
    snprintf(s->reason, sizeof s->reason, "%s", answer->reason);
    snprintf(s->id, sizeof s->id, "%.*s", XD_FMT(xd_buf_str(&call->delivery_id)));
    if (b->posts_next) {
        const char *id = b->posts_next;
        b->posts_next = NULL;
        post(b, id, 5);
    }
}

static inline void turn(bench *b, int32_t wait_ms)
{
    xd_transport_perform(b->transport, note, b);
    xd_transport_wait(b->transport, wait_ms);
}

/* Turns until that many answers were reported. */
static inline void await(bench *b, int count)
{
    for (int i = 0; i < TURNS && b->count < count; i++) {
        turn(b, 1);
    }
    assert_int_equal(b->count, count);
}

/* The remote's end; the bench closes it. */
static inline int take_connection(bench *b)
{
    int fd = -1;
    for (int i = 0; i < TURNS && fd < 0; i++) {
        turn(b, 1);
        fd = accept(b->listener, NULL, NULL);
    }
    assert_true(fd >= 0 && b->fd_count < CONNECTIONS_MAX);
    unblock(fd);
    b->fds[b->fd_count++] = fd;
    return fd;
}

static inline void assert_no_other_connection(bench *b)
{
    for (int i = 0; i < 10; i++) {
        turn(b, 1);
        assert_int_equal(accept(b->listener, NULL, NULL), -1);
    }
}

/* Reads one request of that many bytes of content, at most step bytes a turn. */
static inline size_t read_request(bench *b, int fd, char *text, size_t size, size_t body_bytes,
                                  size_t step)
{
    size_t n = 0;
    text[0] = '\0';
    const char *end = NULL;
    for (int i = 0; i < TURNS && !(end && n >= (size_t)(end - text) + 4 + body_bytes); i++) {
        turn(b, n ? 0 : 1);
        size_t room = size - 1 - n;
        ssize_t got = recv(fd, text + n, room < step ? room : step, 0);
        n += got > 0 ? (size_t)got : 0;
        text[n] = '\0';
        end = end ? end : strstr(text, "\r\n\r\n");
    }
    assert_non_null(end);
    assert_int_equal(n, (size_t)(end - text) + 4 + body_bytes);
    return n;
}

static inline void say(int fd, const char *text)
{
    size_t n = strlen(text);
    assert_int_equal(send(fd, text, n, MSG_NOSIGNAL), (ssize_t)n);
}

/* Posts, and gives the answer to it over the connection given, or over a new one. */
static inline int exchange(bench *b, int fd, const char *id, const char *answer)
{
    char text[4096];
    post(b, id, 5);
    fd = fd < 0 ? take_connection(b) : fd;
    read_request(b, fd, text, sizeof text, 5, sizeof text);
    char line[64];
    snprintf(line, sizeof line, "\r\nX-Crossdock-Delivery: %s\r\n", id);
    assert_non_null(strstr(text, line));
    say(fd, answer);
    return fd;
}

static inline void assert_last(const bench *b, xd_answer_kind kind, int32_t status,
                               const char *reason)
{
    const seen *s = &b->answers[b->count - 1];
    assert_string_equal(s->reason, reason);
    assert_int_equal(s->kind, kind);
    assert_int_equal(s->status, status);
}

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

#endif
