/* The load generator: HTTP/1.1 POSTs over keep-alive connections to 127.0.0.1, one thread, epoll.
 * Closed loop (every connection always has a request under way) or at a fixed rate, where latency
 * counts from the moment a request was due, so that a slow answer is not hidden by the requests it
 * held up. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "measure.h"

#include "base/buf.h"

typedef struct load_options {
    uint16_t port;
    const char *path;
    const char *content_type;
    const char *authorization; /* whole header value, or NULL */
    uint32_t connections;      /* at most 1024 */
    double rate_per_s;         /* 0: closed loop */
    int64_t duration_ms;       /* stops sending after this; 0: no limit of time */
    uint64_t requests;         /* or after so many; 0: no limit */
    uint64_t first;            /* number of the first request */
    void *context;
    /* Appends the body of request number. */
    void (*body)(void *context, uint64_t number, xd_buf *buf);
    /* When not NULL: called as request number is sent for the first time (at a fixed rate: with the
     * moment it was due). */
    void (*sending)(void *context, uint64_t number, int64_t at_ns);
} load_options;

typedef struct load_result {
    uint64_t accepted;    /* answered 2xx */
    uint64_t refused;     /* answered anything else but 429 and 503 */
    uint64_t pushed_back; /* answers 429 and 503, each sent again a little later */
    uint64_t next;        /* number of the next request that was not sent */
    double seconds;       /* first request to last answer */
    uint32_t first_refusal;
    bench_histogram latency; /* of the accepted */
} load_result;

/* Runs to the end; a connection that breaks ends the program. */
void load_run(const load_options *options, load_result *ret);

#endif
