/* A crowd of connections: a few clients that work, and thousands that only hold a connection. Says
 * what the hub does to each, before, while and after the crowd is there.
 *
 *     crowd PORT CROWD EVENTS
 * Exit code 0 when the workers were served all the time (EVENTS events each before, during and
 * after) and a newcomer is served within five seconds once the crowd has gone. Prints one line of
 * figures. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { WORKERS = 4, ANSWER_MS = 5000, CROWD_MS = 200, RECOVER_MS = 5000, BUFFER = 8192 };

static struct sockaddr_in hub;

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int dial(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&hub, sizeof hub) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Reads one answer; its status, 0 when the connection ended or nothing came in time. */
static int answer(int fd, int timeout_ms)
{
    char text[BUFFER];
    size_t n = 0;
    int64_t end = now_ms() + timeout_ms;
    while (n < sizeof text - 1) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int64_t left = end - now_ms();
        if (left <= 0 || poll(&p, 1, (int)left) <= 0) {
            return 0;
        }
        ssize_t got = recv(fd, text + n, sizeof text - 1 - n, 0);
        if (got <= 0) {
            return 0;
        }
        n += (size_t)got;
        text[n] = '\0';
        const char *body = strstr(text, "\r\n\r\n");
        const char *length = strstr(text, "\r\nContent-Length:");
        if (body && length && n >= (size_t)(body + 4 - text) + strtoul(length + 17, NULL, 10)) {
            return (int)strtol(text + 9, NULL, 10);
        }
    }
    return 0;
}

static int get(int fd, int timeout_ms)
{
    static const char request[] = "GET /healthz HTTP/1.1\r\nHost: hub\r\n\r\n";
    if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) < 0) {
        return 0;
    }
    return answer(fd, timeout_ms);
}

/* Number 0 is a purchase order, the others are receipts against it, each of which the hub passes
 * on. */
static int post(int fd, int number)
{
    char data[512];
    char body[768];
    if (number == 0) {
        snprintf(data, sizeof data,
                 "purchase_order.v1\",\"data\":{\"po\":\"PO-1\",\"supplier\":\"S-1\",\"currency\":"
                 "\"USD\",\"lines\":[{\"po_line\":1,\"item\":\"I-1\",\"quantity\":\"100000\","
                 "\"unit_price\":\"2\"}]}");
    } else {
        snprintf(
            data, sizeof data,
            "goods_receipt.v1\",\"data\":{\"receipt_no\":\"R-%d\",\"purchase_order\":\"PO-1\","
            "\"site\":\"EAST\",\"received_at\":\"2026-11-20T10:00:00Z\",\"lines\":[{\"line\":1,"
            "\"po_line\":1,\"item\":\"I-1\",\"quantity\":\"1\"}]}",
            number);
    }
    char request[1024];
    int n = snprintf(body, sizeof body,
                     "{\"specversion\":\"1.0\",\"id\":\"e-%d\",\"source\":\"urn:crowd\","
                     "\"type\":\"crossdock.%s}",
                     number, data);
    int all = snprintf(request, sizeof request,
                       "POST /v1/events HTTP/1.1\r\nHost: hub\r\nContent-Type: "
                       "application/cloudevents+json\r\nContent-Length: %d\r\n\r\n%s",
                       n, body);
    if (send(fd, request, (size_t)all, MSG_NOSIGNAL) < 0) {
        return 0;
    }
    return answer(fd, ANSWER_MS);
}

/* Every worker sends its events over the connection it has; how many were accepted. */
static int work(const int *workers, int events, int *number)
{
    int accepted = 0;
    for (int i = 0; i < WORKERS * events; i++) {
        int status = post(workers[i % WORKERS], (*number)++);
        accepted += status >= 200 && status < 300;
    }
    return accepted;
}

/* Connects the crowd; how many of it were answered, the others wait or were turned away. */
static int gather(int *crowd, int count)
{
    int answered = 0;
    for (int i = 0; i < count; i++) {
        crowd[i] = dial();
    }
    for (int i = 0; i < count; i++) {
        answered += crowd[i] >= 0 && get(crowd[i], answered == i ? ANSWER_MS : 0) == 200;
    }
    return answered;
}

static bool newcomer_is_served(int64_t *ret_ms)
{
    int64_t start = now_ms();
    while (now_ms() - start < RECOVER_MS) {
        int fd = dial();
        int status = fd >= 0 ? get(fd, CROWD_MS) : 0;
        close(fd);
        if (status == 200) {
            *ret_ms = now_ms() - start;
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: crowd PORT CROWD EVENTS\n");
        return 2;
    }
    int count = (int)strtol(argv[2], NULL, 10);
    int events = (int)strtol(argv[3], NULL, 10);
    hub = (struct sockaddr_in){.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)strtol(argv[1], NULL, 10)),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    int *crowd = calloc((size_t)count, sizeof *crowd);
    int workers[WORKERS];
    int number = 0;
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = dial();
    }
    int before = work(workers, events, &number);
    int answered = gather(crowd, count);
    int during = work(workers, events, &number);
    for (int i = 0; i < count; i++) {
        close(crowd[i]);
    }
    int64_t recovered_ms = -1;
    bool recovered = newcomer_is_served(&recovered_ms);
    int after = work(workers, events, &number);
    printf("workers: %d, %d and %d of %d events accepted before, during and after; crowd: %d of %d "
           "answered; newcomer served %lld ms after it left\n",
           before, during, after, WORKERS * events, answered, count, (long long)recovered_ms);
    free(crowd);
    int all = WORKERS * events;
    return before == all && during == all && after == all && recovered ? 0 : 1;
}
