/* Clients that behave: one thread each. */
#include "client.h"

#include "items.h"
#include "web.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 5000, RETRY_MS = 10 };

static struct {
    uint16_t port;
    atomic_bool stopping;
    pthread_t threads[CLIENTS];
    pthread_mutex_t lock;
    client_window *windows; /* NULL: nobody measures */
    int64_t from_ns, window_ns;
    int64_t count;
    atomic_ullong broken, pushed_back, refused;
} clients = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* A request belongs to the window in which it was due, however late its answer. */
static void note(bool delivered, int64_t due_ns, int64_t at_ns)
{
    pthread_mutex_lock(&clients.lock);
    if (clients.windows && due_ns >= clients.from_ns) {
        int64_t which = (due_ns - clients.from_ns) / clients.window_ns;
        if (which < clients.count) {
            client_window *window = &clients.windows[which];
            bench_histogram_add(delivered ? &window->deliver : &window->accept, at_ns - due_ns);
        }
    }
    pthread_mutex_unlock(&clients.lock);
}

void clients_arrived(uint32_t number, int64_t at_ns)
{
    int64_t due_ns = item_due(number);
    if (due_ns) {
        note(true, due_ns, at_ns);
    }
}

/* One item until it is acknowledged. */
static void send_item(web_reader *reader, uint32_t number)
{
    char request[ITEM_REQUEST_BYTES];
    size_t size = item_request(request, number);
    while (!clients.stopping) {
        if (reader->fd < 0) {
            reader->fd = web_connect(clients.port, TIMEOUT_MS);
            reader->len = 0;
        }
        int status =
            reader->fd >= 0 && web_send(reader->fd, request, size) ? web_answer(reader, NULL) : 0;
        if (status >= 200 && status < 300) {
            item_acknowledged(number);
            return;
        }
        if (status == 429 || status == 503 || status == 507) {
            atomic_fetch_add(&clients.pushed_back, 1);
        } else if (status > 0) {
            atomic_fetch_add(&clients.refused, 1);
            return;
        } else {
            atomic_fetch_add(&clients.broken, 1);
            if (reader->fd >= 0) {
                web_reset(reader->fd);
            }
            reader->fd = -1;
        }
        bench_sleep_ms(RETRY_MS);
    }
}

static void *client_main(void *which)
{
    web_reader *reader = calloc(1, sizeof *reader);
    if (!reader) {
        bench_die("abuse: no memory");
    }
    reader->fd = -1;
    int64_t period_ns = 1000000000 / CLIENT_RATE_PER_S;
    int64_t due_ns = bench_now_ns() + (int64_t)(intptr_t)which * period_ns / CLIENTS;
    while (!clients.stopping) {
        int64_t early_ns = due_ns - bench_now_ns();
        if (early_ns > 0) {
            struct timespec rest = {early_ns / 1000000000, early_ns % 1000000000};
            nanosleep(&rest, NULL);
        }
        uint32_t number = item_next();
        item_set_due(number, due_ns);
        send_item(reader, number);
        note(false, due_ns, bench_now_ns());
        due_ns += period_ns;
        /* After a long wait, no flood to make up for it. */
        int64_t now_ns = bench_now_ns();
        due_ns = due_ns < now_ns - 1000000000 ? now_ns : due_ns;
    }
    if (reader->fd >= 0) {
        web_reset(reader->fd);
    }
    free(reader);
    return NULL;
}

void clients_start(uint16_t port)
{
    clients.port = port;
    for (intptr_t i = 0; i < CLIENTS; i++) {
        if (pthread_create(&clients.threads[i], NULL, client_main, (void *)i) != 0) {
            bench_die("abuse: no thread");
        }
    }
}

/* Requests whose answer has not come by now count as slow as can be. */
static void add_missing(bench_histogram *histogram, uint64_t expected, int64_t latency_ns)
{
    while (histogram->count < expected) {
        bench_histogram_add(histogram, latency_ns);
    }
}

void clients_measure(int count, int32_t window_ms, client_window *windows)
{
    memset(windows, 0, (size_t)count * sizeof *windows);
    pthread_mutex_lock(&clients.lock);
    clients.windows = windows;
    clients.count = count;
    clients.window_ns = (int64_t)window_ms * 1000000;
    clients.from_ns = bench_now_ns();
    pthread_mutex_unlock(&clients.lock);
    bench_sleep_ms(window_ms * count + CLIENT_GRACE_MS);
    pthread_mutex_lock(&clients.lock);
    clients.windows = NULL;
    pthread_mutex_unlock(&clients.lock);
    /* A client may be off its pace by one request at either end. */
    uint64_t expected = (uint64_t)CLIENTS * CLIENT_RATE_PER_S * (uint64_t)window_ms / 1000;
    for (int i = 0; i < count; i++) {
        int64_t latency_ns = (int64_t)(window_ms * (count - i) + CLIENT_GRACE_MS) * 1000000;
        add_missing(&windows[i].accept, expected - 2 * CLIENTS, latency_ns);
        add_missing(&windows[i].deliver, expected - 2 * CLIENTS, latency_ns);
    }
}

uint64_t clients_broken(void)
{
    return clients.broken;
}

uint64_t clients_pushed_back(void)
{
    return clients.pushed_back;
}

uint64_t clients_refused(void)
{
    return clients.refused;
}

void clients_stop(void)
{
    clients.stopping = true;
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(clients.threads[i], NULL);
    }
}
