/* The sink. */
#include "sink.h"

#include "feed.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { REQUEST_MAX_BYTES = 16 << 20, READ_BYTES = 64 << 10 };

typedef struct sink_client {
    int fd;
    xd_buf input;
} sink_client;

struct sink {
    pthread_t thread;
    int listener, epoll, stop;
    uint16_t port;
    uint64_t most;
    unsigned char *arrived; /* bit per system, by receipt */
    void *context;
    void (*complete)(void *context, uint64_t number, int64_t at_ns);
    _Atomic uint64_t completed, duplicates, requests, body_bytes;
};

static const char *const system_paths[SINK_SYSTEMS] = {"/erp", "/procurement", "/finance"};

static void count_receipt(sink *self, int system, uint64_t number)
{
    if (number >= self->most) {
        return;
    }
    unsigned char bit = (unsigned char)(1 << system);
    if (self->arrived[number] & bit) {
        atomic_fetch_add(&self->duplicates, 1);
        return;
    }
    self->arrived[number] |= bit;
    if (self->arrived[number] == (1 << SINK_SYSTEMS) - 1) {
        atomic_fetch_add(&self->completed, 1);
        if (self->complete) {
            self->complete(self->context, number, bench_now_ns());
        }
    }
}

/* Counts one request; a batch holds several receipts, and a message may name its own twice. */
static void take_request(sink *self, xd_str head, xd_str body)
{
    int system = 0;
    while (system < SINK_SYSTEMS && !xd_str_starts((xd_str){head.ptr + 5, head.len - 5},
                                                   xd_str_from(system_paths[system]))) {
        system++;
    }
    if (system == SINK_SYSTEMS || !xd_str_starts(head, XD_STR("POST "))) {
        bench_die("unexpected request: %.*s", XD_FMT(head));
    }
    atomic_fetch_add(&self->requests, 1);
    atomic_fetch_add(&self->body_bytes, body.len);
    size_t at = 0;
    uint64_t number = 0;
    uint64_t last = UINT64_MAX;
    while (feed_find_receipt(body, &at, &number)) {
        if (number != last) {
            count_receipt(self, system, number);
        }
        last = number;
    }
}

/* Takes the first complete request out of the input, which a NUL follows; 0 when more is to come.
 */
static size_t parse_request(sink *self, xd_str input)
{
    const char *end = input.len ? strstr(input.ptr, "\r\n\r\n") : NULL;
    if (!end) {
        return 0;
    }
    xd_str head = {input.ptr, (size_t)(end + 4 - input.ptr)};
    size_t length = 0;
    for (const char *line = head.ptr; line < end;) {
        line = (const char *)memchr(line, '\n', (size_t)(end + 4 - line)) + 1;
        if (end - line > 15 && strncasecmp(line, "content-length:", 15) == 0) {
            length = strtoul(line + 15, NULL, 10);
        }
    }
    if (input.len < head.len + length) {
        return 0;
    }
    take_request(self, head, (xd_str){head.ptr + head.len, length});
    return head.len + length;
}

static void answer(sink *self, sink_client *client)
{
    static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    size_t taken = 0;
    size_t n = 0;
    while ((n = parse_request(
                self, (xd_str){client->input.ptr + taken, client->input.len - taken})) > 0) {
        taken += n;
        if (send(client->fd, ok, sizeof ok - 1, MSG_NOSIGNAL) < 0) {
            return; /* the client has gone; the next read notices */
        }
    }
    memmove(client->input.ptr, client->input.ptr + taken, client->input.len - taken);
    client->input.len -= taken;
    client->input.ptr[client->input.len] = '\0';
}

static void handle(sink *self, sink_client *client)
{
    if (!xd_buf_reserve(&client->input, READ_BYTES)) {
        bench_die("a request is longer than %d bytes", (int)REQUEST_MAX_BYTES);
    }
    ssize_t n = recv(client->fd, client->input.ptr + client->input.len,
                     client->input.size - client->input.len - 1, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n <= 0) {
        close(client->fd);
        xd_buf_finish(&client->input);
        free(client);
        return;
    }
    client->input.len += (size_t)n;
    client->input.ptr[client->input.len] = '\0';
    answer(self, client);
}

static void accept_client(sink *self)
{
    int on = 1;
    sink_client *client = calloc(1, sizeof *client);
    if (!client) {
        bench_die("out of memory");
    }
    client->fd = accept(self->listener, NULL, NULL);
    if (client->fd < 0) {
        free(client);
        return;
    }
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    xd_buf_init(&client->input, REQUEST_MAX_BYTES);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    epoll_ctl(self->epoll, EPOLL_CTL_ADD, client->fd, &event);
}

static void *serve(void *argument)
{
    sink *self = argument;
    for (;;) {
        struct epoll_event events[256];
        int count = epoll_wait(self->epoll, events, 256, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == &self->stop) {
                return NULL;
            }
            if (events[i].data.ptr == &self->listener) {
                accept_client(self);
            } else {
                handle(self, events[i].data.ptr);
            }
        }
    }
}

sink *sink_start(uint64_t most, void *context,
                 void (*complete)(void *context, uint64_t number, int64_t at_ns))
{
    sink *self = calloc(1, sizeof *self);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    if (!self || !(self->arrived = calloc(most + 1, 1))) {
        bench_die("out of memory");
    }
    self->most = most;
    self->context = context;
    self->complete = complete;
    self->listener = socket(AF_INET, SOCK_STREAM, 0);
    self->epoll = epoll_create1(EPOLL_CLOEXEC);
    self->stop = eventfd(0, EFD_CLOEXEC);
    if (bind(self->listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(self->listener, 1024) != 0 ||
        getsockname(self->listener, (struct sockaddr *)&address, &length) != 0) {
        bench_die("the sink cannot listen: %s", strerror(errno));
    }
    self->port = ntohs(address.sin_port);
    struct epoll_event on_listener = {.events = EPOLLIN, .data.ptr = &self->listener};
    struct epoll_event on_stop = {.events = EPOLLIN, .data.ptr = &self->stop};
    epoll_ctl(self->epoll, EPOLL_CTL_ADD, self->listener, &on_listener);
    epoll_ctl(self->epoll, EPOLL_CTL_ADD, self->stop, &on_stop);
    if (pthread_create(&self->thread, NULL, serve, self) != 0) {
        bench_die("no thread for the sink");
    }
    return self;
}

uint16_t sink_port(const sink *self)
{
    return self->port;
}

uint64_t sink_complete(const sink *self)
{
    return atomic_load(&self->completed);
}

uint64_t sink_duplicates(const sink *self)
{
    return atomic_load(&self->duplicates);
}

uint64_t sink_requests(const sink *self)
{
    return atomic_load(&self->requests);
}

uint64_t sink_body_bytes(const sink *self)
{
    return atomic_load(&self->body_bytes);
}

void sink_stop(sink *self)
{
    uint64_t one = 1;
    if (write(self->stop, &one, sizeof one) != sizeof one) {
        bench_die("the sink cannot be stopped");
    }
    pthread_join(self->thread, NULL);
    close(self->listener);
    close(self->epoll);
    close(self->stop);
    free(self->arrived);
    free(self);
}
