/* The load generator. */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 1024,
    ANSWER_MAX = 64 << 10,
    REQUEST_MAX_BYTES = 64 << 20,
    PUSHED_BACK_PAUSE_MS = 20,
    DRAIN_MS = 30000, /* how long the last answers may take */
};

typedef enum connection_state { IDLE, WRITING, READING, PAUSED } connection_state;

typedef struct load_connection {
    int fd;
    connection_state state;
    xd_buf request;
    size_t written;
    char answer[ANSWER_MAX];
    size_t answer_len;
    uint64_t number;
    int64_t due_ns; /* latency counts from here */
    int64_t resume_ns;
} load_connection;

typedef struct load {
    const load_options *options;
    load_result *result;
    load_connection *connections;
    int epoll;
    xd_buf body;
    int64_t start_ns;
    int64_t stop_ns;
    int64_t last_answer_ns;
    uint64_t sent;
    uint32_t busy;
} load;

static void dial(load *self, load_connection *connection)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(self->options->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        bench_die("cannot connect to port %u: %s", self->options->port, strerror(errno));
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connection->fd = fd;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    epoll_ctl(self->epoll, EPOLL_CTL_ADD, fd, &event);
}

static void watch(load *self, load_connection *connection, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = connection};
    epoll_ctl(self->epoll, EPOLL_CTL_MOD, connection->fd, &event);
}

static void write_request(load *self, load_connection *connection)
{
    while (connection->written < connection->request.len) {
        ssize_t n =
            send(connection->fd, connection->request.ptr + connection->written,
                 connection->request.len - connection->written, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            connection->state = WRITING;
            watch(self, connection, EPOLLIN | EPOLLOUT);
            return;
        }
        if (n <= 0) {
            bench_die("connection lost while sending: %s", strerror(errno));
        }
        connection->written += (size_t)n;
    }
    if (connection->state == WRITING) {
        watch(self, connection, EPOLLIN);
    }
    connection->state = READING;
}

static void send_again(load *self, load_connection *connection)
{
    connection->written = 0;
    connection->answer_len = 0;
    connection->state = READING;
    write_request(self, connection);
}

static void send_next(load *self, load_connection *connection, int64_t due_ns)
{
    const load_options *options = self->options;
    connection->number = options->first + self->sent++;
    connection->due_ns = due_ns;
    if (options->sending) {
        options->sending(options->context, connection->number, due_ns);
    }
    xd_buf_clear(&self->body);
    options->body(options->context, connection->number, &self->body);
    xd_buf_clear(&connection->request);
    xd_buf_printf(&connection->request,
                  "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: %s\r\n%s%s%s"
                  "Content-Length: %zu\r\n\r\n",
                  options->path, options->content_type,
                  options->authorization ? "Authorization: " : "",
                  options->authorization ? options->authorization : "",
                  options->authorization ? "\r\n" : "", self->body.len);
    xd_buf_str_add(&connection->request, xd_buf_str(&self->body));
    if (connection->request.failed) {
        bench_die("out of memory");
    }
    self->busy++;
    send_again(self, connection);
}

/* Status of a complete answer, 0 when more is to come. */
static uint32_t answer_status(load_connection *connection)
{
    connection->answer[connection->answer_len] = '\0';
    const char *end = strstr(connection->answer, "\r\n\r\n");
    if (!end || connection->answer_len < 12) {
        return 0;
    }
    size_t length = 0;
    for (const char *line = strstr(connection->answer, "\r\n"); line && line < end;
         line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, "content-length:", 15) == 0) {
            length = strtoul(line + 17, NULL, 10);
        }
    }
    size_t head = (size_t)(end + 4 - connection->answer);
    if (head + length >= ANSWER_MAX) {
        bench_die("an answer is longer than %d bytes", (int)ANSWER_MAX);
    }
    return connection->answer_len >= head + length
               ? (uint32_t)strtoul(connection->answer + 9, NULL, 10)
               : 0;
}

static bool may_send(const load *self, int64_t now)
{
    return (!self->options->requests || self->sent < self->options->requests) &&
           (!self->stop_ns || now < self->stop_ns);
}

static void take_answer(load *self, load_connection *connection, uint32_t status)
{
    load_result *result = self->result;
    int64_t now = bench_now_ns();
    if (status == 429 || status == 503) {
        result->pushed_back++;
        connection->state = PAUSED;
        connection->resume_ns = now + PUSHED_BACK_PAUSE_MS * INT64_C(1000000);
        return;
    }
    if (status >= 200 && status < 300) {
        result->accepted++;
        bench_histogram_add(&result->latency, now - connection->due_ns);
    } else if (result->refused++ == 0) {
        result->first_refusal = status;
        fprintf(stderr, "bench: refused: %.*s\n", (int)connection->answer_len, connection->answer);
    }
    self->last_answer_ns = now;
    self->busy--;
    connection->state = IDLE;
    if (self->options->rate_per_s <= 0 && may_send(self, now)) {
        send_next(self, connection, now);
    }
}

static void handle(load *self, load_connection *connection, uint32_t events)
{
    if (connection->state == WRITING && (events & EPOLLOUT)) {
        write_request(self, connection);
    }
    if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) {
        return;
    }
    ssize_t n = recv(connection->fd, connection->answer + connection->answer_len,
                     ANSWER_MAX - 1 - connection->answer_len, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n <= 0) {
        bench_die("connection lost while waiting for an answer");
    }
    connection->answer_len += (size_t)n;
    uint32_t status = answer_status(connection);
    if (status) {
        take_answer(self, connection, status);
    }
}

/* Sends what has become due; returns how long nothing more will be, in milliseconds. */
static int send_due(load *self)
{
    const load_options *options = self->options;
    int64_t now = bench_now_ns();
    int wait_ms = 10;
    for (uint32_t i = 0; i < options->connections; i++) {
        load_connection *connection = &self->connections[i];
        if (connection->state == PAUSED && now >= connection->resume_ns) {
            send_again(self, connection);
        }
        if (connection->state != IDLE || !may_send(self, now)) {
            continue;
        }
        int64_t due = now;
        if (options->rate_per_s > 0) {
            due = self->start_ns + (int64_t)((double)self->sent * 1e9 / options->rate_per_s);
            if (due > now) {
                wait_ms = 1; /* late by up to a millisecond, which then counts as latency */
                break;
            }
        }
        send_next(self, connection, due);
    }
    return wait_ms;
}

static void finish(load *self)
{
    for (uint32_t i = 0; i < self->options->connections; i++) {
        close(self->connections[i].fd);
        xd_buf_finish(&self->connections[i].request);
    }
    xd_buf_finish(&self->body);
    free(self->connections);
    close(self->epoll);
}

void load_run(const load_options *options, load_result *ret)
{
    load self = {.options = options, .result = ret};
    *ret = (load_result){0};
    if (options->connections > CONNECTIONS_MAX) {
        bench_die("at most %d connections", (int)CONNECTIONS_MAX);
    }
    self.connections = calloc(options->connections, sizeof *self.connections);
    self.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!self.connections || self.epoll < 0) {
        bench_die("out of memory");
    }
    xd_buf_init(&self.body, REQUEST_MAX_BYTES);
    for (uint32_t i = 0; i < options->connections; i++) {
        xd_buf_init(&self.connections[i].request, REQUEST_MAX_BYTES);
        dial(&self, &self.connections[i]);
    }
    self.start_ns = bench_now_ns();
    self.last_answer_ns = self.start_ns;
    self.stop_ns = options->duration_ms ? self.start_ns + options->duration_ms * 1000000 : 0;
    for (;;) {
        int wait_ms = send_due(&self);
        int64_t now = bench_now_ns();
        if (self.busy == 0 && !may_send(&self, now)) {
            break;
        }
        if (now - self.last_answer_ns > DRAIN_MS * INT64_C(1000000)) {
            bench_die("no answer for %d s", DRAIN_MS / 1000);
        }
        struct epoll_event events[256];
        int count = epoll_wait(self.epoll, events, 256, wait_ms);
        for (int i = 0; i < count; i++) {
            handle(&self, events[i].data.ptr, events[i].events);
        }
    }
    ret->next = options->first + self.sent;
    ret->seconds = (double)(self.last_answer_ns - self.start_ns) / 1e9;
    finish(&self);
}
