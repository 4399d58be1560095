/* Report. See report.h. */
#include "outbound/report.h"

#include "base/json.h"

#include <inttypes.h>

static const int64_t bounds_us[XD_REPORT_BUCKETS] = {
    500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 1000000, 5000000, 30000000};

void xd_latency_add(xd_latency *latency, int64_t duration_us)
{
    size_t i = 0;
    while (i < XD_REPORT_BUCKETS && duration_us > bounds_us[i]) {
        i++;
    }
    latency->buckets[i]++;
    latency->sum_us += duration_us;
}

static int64_t age_us(const xd_remote_report *r, xd_instant now)
{
    return r->lane.oldest == INT64_MAX || r->lane.oldest > now ? 0 : now - r->lane.oldest;
}

/* A label value: backslash, quote and line feed are escaped (Prometheus text format 0.0.4). */
static void label(xd_buf *buf, xd_str value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (c == '\n') {
            XD_BUF_LIT(buf, "\\n");
            continue;
        }
        if (c == '\\' || c == '"') {
            xd_buf_char(buf, '\\');
        }
        xd_buf_char(buf, c);
    }
}

static void head(xd_buf *buf, const char *name, const char *type, const char *help)
{
    xd_buf_printf(buf, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void sample(xd_buf *buf, const char *name, const xd_remote_report *r, const char *more,
                   int64_t value)
{
    xd_buf_printf(buf, "%s{system=\"", name);
    label(buf, r->name);
    xd_buf_printf(buf, "\"%s} %" PRId64 "\n", more, value);
}

/* One family with one figure per system. */
#define FAMILY(name, type, help, value)                                                            \
    do {                                                                                           \
        head(buf, (name), (type), (help));                                                         \
        for (uint32_t i = 0; i < report->remote_count; i++) {                                      \
            const xd_remote_report *r = &report->remotes[i];                                       \
            sample(buf, (name), r, "", (value));                                                   \
        }                                                                                          \
    } while (0)

static void seconds(xd_buf *buf, int64_t us)
{
    xd_buf_printf(buf, "%" PRId64 ".%06" PRId64, us / 1000000, us % 1000000);
}

static void results(const xd_outbound_report *report, xd_buf *buf)
{
    static const char name[] = "crossdock_outbound_deliveries_total";
    head(buf, name, "counter", "Deliveries settled since start, by result.");
    for (uint32_t i = 0; i < report->remote_count; i++) {
        const xd_remote_report *r = &report->remotes[i];
        sample(buf, name, r, ",result=\"ok\"", r->lane.ok);
        sample(buf, name, r, ",result=\"superseded\"", r->lane.superseded);
        sample(buf, name, r, ",result=\"dead\"", r->lane.dead);
        sample(buf, name, r, ",result=\"unknown\"", r->lane.unknown);
    }
}

static void durations(const xd_outbound_report *report, xd_buf *buf)
{
    static const char name[] = "crossdock_outbound_request_seconds";
    head(buf, name, "histogram", "Time from start to answer of one request.");
    for (uint32_t i = 0; i < report->remote_count; i++) {
        const xd_remote_report *r = &report->remotes[i];
        int64_t total = 0;
        for (size_t k = 0; k <= XD_REPORT_BUCKETS; k++) {
            total += r->latency.buckets[k];
            xd_buf_printf(buf, "%s_bucket{system=\"", name);
            label(buf, r->name);
            XD_BUF_LIT(buf, "\",le=\"");
            if (k < XD_REPORT_BUCKETS) {
                seconds(buf, bounds_us[k]);
            } else {
                XD_BUF_LIT(buf, "+Inf");
            }
            xd_buf_printf(buf, "\"} %" PRId64 "\n", total);
        }
        xd_buf_printf(buf, "%s_sum{system=\"", name);
        label(buf, r->name);
        XD_BUF_LIT(buf, "\"} ");
        seconds(buf, r->latency.sum_us);
        xd_buf_printf(buf, "\n%s_count{system=\"", name);
        label(buf, r->name);
        xd_buf_printf(buf, "\"} %" PRId64 "\n", total);
    }
}

void xd_report_metrics(const xd_outbound_report *report, xd_instant now, xd_buf *buf)
{
    FAMILY("crossdock_outbound_requests_total", "counter", "Requests answered since start.",
           r->lane.requests);
    FAMILY("crossdock_outbound_lookups_total", "counter",
           "Requests of these that asked for an unknown outcome.", r->lane.lookups);
    FAMILY("crossdock_outbound_retries_total", "counter", "Deliveries put back to try again.",
           r->lane.retried);
    results(report, buf);
    FAMILY("crossdock_outbound_waiting", "gauge", "Deliveries waiting to be sent.",
           r->lane.waiting);
    FAMILY("crossdock_outbound_in_flight", "gauge", "Requests under way.", r->lane.in_flight);
    FAMILY("crossdock_outbound_unrecorded", "gauge",
           "Deliveries settled whose outcome is not in the log yet.", r->lane.unrecorded);
    FAMILY("crossdock_outbound_oldest_seconds", "gauge", "Age of the oldest open delivery.",
           age_us(r, now) / 1000000);
    FAMILY("crossdock_outbound_breaker_state", "gauge", "0 closed, 1 open, 2 half open.",
           (int64_t)r->lane.breaker);
    FAMILY("crossdock_outbound_breaker_opened_total", "counter", "Times the breaker opened.",
           r->lane.breaker_opened);
    durations(report, buf);
    head(buf, "crossdock_outbound_tracked", "gauge", "Open deliveries kept in memory.");
    xd_buf_printf(buf, "crossdock_outbound_tracked %" PRId64 "\n", report->tracked);
    head(buf, "crossdock_outbound_memory_bytes", "gauge", "Texts kept in memory for them.");
    xd_buf_printf(buf, "crossdock_outbound_memory_bytes %" PRId64 "\n", report->memory_bytes);
    head(buf, "crossdock_outbound_overflow", "gauge",
         "1 while more is open than is kept in memory; the rest is in the store.");
    xd_buf_printf(buf, "crossdock_outbound_overflow %d\n", report->overflow);
}

void xd_report_status(const xd_outbound_report *report, xd_instant now, xd_buf *buf)
{
    XD_BUF_LIT(buf, "{\"systems\":[");
    for (uint32_t i = 0; i < report->remote_count; i++) {
        const xd_remote_report *r = &report->remotes[i];
        xd_buf_printf(buf, "%s{\"system\":", i ? "," : "");
        xd_json_write_string(buf, r->name);
        xd_buf_printf(buf,
                      ",\"waiting\":%" PRId64 ",\"in_flight\":%" PRId64 ",\"unrecorded\":%" PRId64
                      ",\"oldest_age_s\":",
                      r->lane.waiting, r->lane.in_flight, r->lane.unrecorded);
        seconds(buf, age_us(r, now));
        xd_buf_printf(buf,
                      ",\"breaker\":\"%s\",\"requests\":%" PRId64 ",\"ok\":%" PRId64
                      ",\"superseded\":%" PRId64 ",\"retried\":%" PRId64 ",\"dead\":%" PRId64
                      ",\"unknown\":%" PRId64 ",\"last_error\":",
                      xd_breaker_name(r->lane.breaker), r->lane.requests, r->lane.ok,
                      r->lane.superseded, r->lane.retried, r->lane.dead, r->lane.unknown);
        if (r->last_error_at == XD_INSTANT_NONE) {
            XD_BUF_LIT(buf, "null,\"last_error_at\":null}");
            continue;
        }
        xd_json_write_string(buf, xd_str_from(r->last_error));
        XD_BUF_LIT(buf, ",\"last_error_at\":\"");
        xd_instant_write(buf, r->last_error_at);
        XD_BUF_LIT(buf, "\"}");
    }
    xd_buf_printf(buf, "],\"tracked\":%" PRId64 ",\"memory_bytes\":%" PRId64 ",\"overflow\":%s}",
                  report->tracked, report->memory_bytes, report->overflow ? "true" : "false");
}
