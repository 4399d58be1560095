/* Floor of end_to_end: a bare loop that moves the same requests without logic. A libmicrohttpd
 * thread reads each POST, answers 202 and hands the body on; a libcurl-multi thread posts bodies of
 * the sizes that the hub sends to the three systems. Nothing is validated, stored or retried.
 *     floor_e2e PORT SINK_PORT/ERP_BYTES/PROCUREMENT_BYTES/FINANCE_BYTES */
#include "feed.h"
#include "poster.h"
#include "sink.h"

#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LANES = 192, QUEUE_MAX = 100000 };

typedef struct relay_message { /* one receipt on its way */
    struct relay_message *next;
    uint32_t posted, answered; /* of the three */
    size_t len;
    char body[]; /* as read, then padded: long enough for every delivery */
} relay_message;

typedef struct relay {
    pthread_mutex_t mutex;
    relay_message *first, **last; /* guarded by mutex */
    uint32_t queued;
    poster *poster;
    char urls[SINK_SYSTEMS][64];
    size_t sizes[SINK_SYSTEMS];
    size_t room; /* bytes for a body */
} relay;

static relay_message *take(relay *self)
{
    pthread_mutex_lock(&self->mutex);
    relay_message *taken = self->first;
    if (taken) {
        self->first = taken->next;
        self->queued--;
        if (!self->first) {
            self->last = &self->first;
        }
    }
    pthread_mutex_unlock(&self->mutex);
    return taken;
}

static bool put(relay *self, relay_message *message)
{
    pthread_mutex_lock(&self->mutex);
    bool ok = self->queued < QUEUE_MAX;
    if (ok) {
        *self->last = message;
        self->last = &message->next;
        self->queued++;
    }
    pthread_mutex_unlock(&self->mutex);
    if (ok) {
        poster_wake(self->poster);
    }
    return ok;
}

static void delivered(void *context, uint64_t number)
{
    (void)context;
    relay_message *message = (void *)(uintptr_t)number;
    if (++message->answered == SINK_SYSTEMS) {
        free(message);
    }
}

static void *deliver(void *context)
{
    relay *self = context;
    relay_message *current = NULL;
    for (;;) {
        while (poster_free_lanes(self->poster) && (current || (current = take(self)))) {
            uint32_t i = current->posted++;
            poster_post(self->poster, self->urls[i], current->body, self->sizes[i],
                        (uint64_t)(uintptr_t)current);
            if (current->posted == SINK_SYSTEMS) {
                current = NULL;
            }
        }
        poster_turn(self->poster, 100);
    }
    return NULL;
}

static enum MHD_Result respond(struct MHD_Connection *connection, unsigned status)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *body,
                              size_t *size, void **slot)
{
    relay *self = context;
    relay_message *message = *slot;
    (void)url;
    (void)method;
    (void)version;
    if (!message) {
        message = calloc(1, sizeof *message + self->room);
        *slot = message;
        return message ? MHD_YES : MHD_NO;
    }
    if (*size) {
        if (message->len + *size > self->room) {
            return MHD_NO;
        }
        memcpy(message->body + message->len, body, *size);
        message->len += *size;
        *size = 0;
        return MHD_YES;
    }
    memset(message->body + message->len, ' ', self->room - message->len);
    bool taken = put(self, message);
    if (!taken) {
        free(message);
    }
    *slot = NULL;
    return respond(connection, taken ? 202 : 503);
}

int main(int argc, char **argv)
{
    struct relay *self = calloc(1, sizeof *self);
    unsigned sink_port = 0;
    pthread_t thread;
    sigset_t stop;
    int number = 0;
    if (!self || argc != 3 ||
        sscanf(argv[2], "%u/%zu/%zu/%zu", &sink_port, &self->sizes[0], &self->sizes[1],
               &self->sizes[2]) != 4) {
        fputs("usage: floor_e2e PORT SINK_PORT/BYTES/BYTES/BYTES\n", stderr);
        return 2;
    }
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &stop, NULL);
    snprintf(self->urls[0], 64, "http://127.0.0.1:%u/erp/inventory", sink_port);
    snprintf(self->urls[1], 64, "http://127.0.0.1:%u/procurement/receipt-status", sink_port);
    snprintf(self->urls[2], 64, "http://127.0.0.1:%u/finance/journal", sink_port);
    self->room = 4096;
    for (int i = 0; i < SINK_SYSTEMS; i++) {
        self->room = self->sizes[i] > self->room ? self->sizes[i] : self->room;
    }
    pthread_mutex_init(&self->mutex, NULL);
    self->last = &self->first;
    self->poster = poster_create(LANES, self, delivered);
    if (pthread_create(&thread, NULL, deliver, self) != 0) {
        bench_die("no thread");
    }
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, (uint16_t)strtoul(argv[1], NULL, 10), NULL,
                         NULL, answer, self, MHD_OPTION_CONNECTION_LIMIT, 1024u, MHD_OPTION_END);
    if (!daemon) {
        bench_die("cannot serve on port %s", argv[1]);
    }
    sigwait(&stop, &number);
    _exit(0); /* what is under way does not matter any more */
}
