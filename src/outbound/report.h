/* Report: what the delivery thread shows of itself, as Prometheus text and as JSON. Plain data and
 * writers; no locks. */
#ifndef XD_OUTBOUND_REPORT_H
#define XD_OUTBOUND_REPORT_H

#include "base/buf.h"
#include "base/time.h"
#include "outbound/schedule.h"

enum { XD_REPORT_BUCKETS = 12, XD_REPORT_ERROR_MAX = 320 };

/* Durations of answered requests; bucket i counts those up to its bound (not cumulative). */
typedef struct xd_latency {
    int64_t buckets[XD_REPORT_BUCKETS + 1]; /* the last one: longer than every bound */
    int64_t sum_us;
} xd_latency;

void xd_latency_add(xd_latency *latency, int64_t duration_us);

typedef struct xd_remote_report {
    xd_str name; /* borrows */
    xd_lane_stats lane;
    xd_latency latency;
    char last_error[XD_REPORT_ERROR_MAX];
    xd_instant last_error_at; /* XD_INSTANT_NONE: never */
} xd_remote_report;

typedef struct xd_outbound_report {
    uint32_t remote_count;
    xd_remote_report remotes[XD_SCHEDULE_MAX_LANES];
    int64_t tracked;      /* deliveries in memory */
    int64_t memory_bytes; /* texts they hold */
    bool overflow;        /* more is open than is tracked; the rest is in the store */
} xd_outbound_report;

/* now: wall clock, for ages. */
void xd_report_metrics(const xd_outbound_report *report, xd_instant now, xd_buf *buf);
void xd_report_status(const xd_outbound_report *report, xd_instant now, xd_buf *buf);

#endif
