/* Counters of the ingress. Relaxed atomics: each is exact, together they are a moment's blur.
 * Private to src/ingress. */
#ifndef XD_INGRESS_METRICS_INT_H
#define XD_INGRESS_METRICS_INT_H

#include "base/buf.h"

#include <stdatomic.h>

typedef enum xd_route_id {
    XD_ROUTE_EVENTS,
    XD_ROUTE_SOURCES,
    XD_ROUTE_HOLD_RELEASE,
    XD_ROUTE_DEAD_LETTERS,
    XD_ROUTE_EXCEPTIONS,
    XD_ROUTE_READ,
    XD_ROUTE_SCHEMAS,
    XD_ROUTE_SETTLE,
    XD_ROUTE_HEALTHZ,
    XD_ROUTE_READYZ,
    XD_ROUTE_METRICS,
    XD_ROUTE_UNKNOWN,
    XD_ROUTE_COUNT
} xd_route_id;

enum { XD_METRIC_STATUSES = 20, XD_METRIC_BUCKETS = 13, XD_METRIC_REASONS = 16 };

typedef struct xd_http_metrics {
    atomic_uint_fast64_t requests[XD_ROUTE_COUNT][XD_METRIC_STATUSES];
    atomic_uint_fast64_t buckets[XD_ROUTE_COUNT][XD_METRIC_BUCKETS]; /* not cumulative */
    atomic_uint_fast64_t microseconds[XD_ROUTE_COUNT];
    atomic_uint_fast64_t received_bytes, sent_bytes;
    atomic_uint_fast64_t connections_total, slow_clients, aborted;
    atomic_uint_fast64_t connections_open;
    atomic_uint_fast64_t refused[XD_METRIC_REASONS]; /* by xd_code */
} xd_http_metrics;

static inline void xd_metric_add(atomic_uint_fast64_t *metric, uint64_t n)
{
    atomic_fetch_add_explicit(metric, n, memory_order_relaxed);
}

void xd_http_metrics_count(xd_http_metrics *metrics, xd_route_id route, unsigned status,
                           int64_t took_us);

#endif
