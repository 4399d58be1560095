/* Clients that behave: a few connections that send items at a fixed pace. Latency counts from the
 * moment a request was due until the hub has acknowledged it, over broken connections and refusals
 * for the moment; and until it has reached the good system. */
#ifndef ABUSE_CLIENT_H
#define ABUSE_CLIENT_H

#include "measure.h"

enum {
    CLIENTS = 4,
    CLIENT_RATE_PER_S = 150, /* each */
    WINDOWS_MAX = 32,
    CLIENT_GRACE_MS = 400 /* after the last window, in which what is due may still come */
};

typedef struct client_window {
    bench_histogram accept, deliver;
} client_window;

void clients_start(uint16_t port);
/* Measures count windows, one after the other. */
void clients_measure(int count, int32_t window_ms, client_window *windows);
/* On the remote's thread. */
void clients_arrived(uint32_t number, int64_t at_ns);
/* Connections of theirs that broke, answers of 429, 503 and 507, and other refusals. */
uint64_t clients_broken(void);
uint64_t clients_pushed_back(void);
uint64_t clients_refused(void);
void clients_stop(void);

#endif
