/* Metrics of the ingress in Prometheus' text format. See metrics_int.h and ingress.h. */
#include "ingress/ingress_int.h"

static const char *const route_names[XD_ROUTE_COUNT] = {
    [XD_ROUTE_EVENTS] = "events",
    [XD_ROUTE_SOURCES] = "sources",
    [XD_ROUTE_HOLD_RELEASE] = "hold_release",
    [XD_ROUTE_DEAD_LETTERS] = "dead_letters",
    [XD_ROUTE_EXCEPTIONS] = "exceptions",
    [XD_ROUTE_READ] = "read",
    [XD_ROUTE_SCHEMAS] = "schemas",
    [XD_ROUTE_SETTLE] = "settle",
    [XD_ROUTE_HEALTHZ] = "healthz",
    [XD_ROUTE_READYZ] = "readyz",
    [XD_ROUTE_METRICS] = "metrics",
    [XD_ROUTE_UNKNOWN] = "unknown",
};

/* The last one stands for every other status. */
static const uint16_t statuses[XD_METRIC_STATUSES] = {
    200, 202, 204, 207, 400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429, 500, 503, 507, 0};

static const int64_t bucket_us[XD_METRIC_BUCKETS] = {500,     1000,    2000,     5000,   10000,
                                                     20000,   50000,   100000,   200000, 500000,
                                                     1000000, 5000000, INT64_MAX};

_Static_assert((int)XD_CODE_COUNT <= (int)XD_METRIC_REASONS, "a counter for every code");

void xd_http_metrics_count(xd_http_metrics *m, xd_route_id route, unsigned status, int64_t took_us)
{
    int s = 0;
    while (statuses[s] && statuses[s] != status) {
        s++;
    }
    int b = 0;
    while (took_us > bucket_us[b]) {
        b++;
    }
    xd_metric_add(&m->requests[route][s], 1);
    xd_metric_add(&m->buckets[route][b], 1);
    xd_metric_add(&m->microseconds[route], took_us > 0 ? (uint64_t)took_us : 0);
}

static uint64_t value_of(const atomic_uint_fast64_t *metric)
{
    return atomic_load_explicit(metric, memory_order_relaxed);
}

static void head(xd_buf *buf, const char *name, const char *type, const char *help)
{
    xd_buf_printf(buf, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void single(xd_buf *buf, const char *name, const char *type, const char *help,
                   uint64_t value)
{
    head(buf, name, type, help);
    xd_buf_printf(buf, "%s %llu\n", name, (unsigned long long)value);
}

static void write_seconds(xd_buf *buf, uint64_t us)
{
    xd_buf_printf(buf, "%llu.%06llu", (unsigned long long)(us / 1000000),
                  (unsigned long long)(us % 1000000));
}

static void write_requests(const xd_http_metrics *m, xd_buf *buf)
{
    head(buf, "crossdock_http_requests_total", "counter", "Requests answered.");
    for (int route = 0; route < XD_ROUTE_COUNT; route++) {
        for (int s = 0; s < XD_METRIC_STATUSES; s++) {
            uint64_t n = value_of(&m->requests[route][s]);
            if (n == 0) {
                continue;
            }
            xd_buf_printf(buf, "crossdock_http_requests_total{route=\"%s\",status=\"",
                          route_names[route]);
            if (statuses[s]) {
                xd_buf_int(buf, statuses[s]);
            } else {
                XD_BUF_LIT(buf, "other");
            }
            xd_buf_printf(buf, "\"} %llu\n", (unsigned long long)n);
        }
    }
}

static void write_latency(const xd_http_metrics *m, xd_buf *buf)
{
    head(buf, "crossdock_http_request_seconds", "histogram",
         "Time from the headers to the answer, waiting for the commit included.");
    for (int route = 0; route < XD_ROUTE_COUNT; route++) {
        uint64_t total = 0;
        for (int b = 0; b < XD_METRIC_BUCKETS; b++) {
            total += value_of(&m->buckets[route][b]);
        }
        if (total == 0) {
            continue;
        }
        uint64_t sum = 0;
        for (int b = 0; b < XD_METRIC_BUCKETS; b++) {
            sum += value_of(&m->buckets[route][b]);
            xd_buf_printf(buf, "crossdock_http_request_seconds_bucket{route=\"%s\",le=\"",
                          route_names[route]);
            if (bucket_us[b] == INT64_MAX) {
                XD_BUF_LIT(buf, "+Inf");
            } else {
                write_seconds(buf, (uint64_t)bucket_us[b]);
            }
            xd_buf_printf(buf, "\"} %llu\n", (unsigned long long)sum);
        }
        xd_buf_printf(buf, "crossdock_http_request_seconds_sum{route=\"%s\"} ", route_names[route]);
        write_seconds(buf, value_of(&m->microseconds[route]));
        xd_buf_printf(buf, "\ncrossdock_http_request_seconds_count{route=\"%s\"} %llu\n",
                      route_names[route], (unsigned long long)sum);
    }
}

static void write_refusals(const xd_http_metrics *m, xd_buf *buf)
{
    head(buf, "crossdock_http_refused_total", "counter", "Requests refused, by kind of reason.");
    for (int code = XD_OK + 1; code < XD_CODE_COUNT; code++) {
        uint64_t n = value_of(&m->refused[code]);
        if (n) {
            xd_buf_printf(buf, "crossdock_http_refused_total{reason=\"%s\"} %llu\n",
                          xd_code_name((xd_code)code), (unsigned long long)n);
        }
    }
}

static void write_engine(xd_engine *engine, xd_buf *buf)
{
    xd_engine_stats s;
    xd_engine_stats_get(engine, &s);
    const struct {
        const char *name, *type, *help;
        int64_t value;
    } rows[] = {
        {"appended_total", "counter", "Events appended to the log since start.", s.appended},
        {"duplicates_total", "counter", "Events that were in the log already.", s.duplicates},
        {"conflicts_total", "counter", "Events whose id is in the log with other content.",
         s.conflicts},
        {"refused_total", "counter", "Events refused because of a limit or the store.", s.refused},
        {"stepped_total", "counter", "Events whose flow has run since start.", s.stepped},
        {"batches_total", "counter", "Transactions of intake.", s.batches},
        {"flushes_total", "counter", "Times that state was written.", s.flushes},
        {"state_rows_total", "counter", "State documents written.", s.rows_written},
        {"log_head", "gauge", "Last sequence number in the log.", s.log_head},
        {"stepped_seq", "gauge", "Last sequence number whose flow has run.", s.stepped_seq},
        {"state_seq", "gauge", "Last sequence number whose state is written.", s.state_seq},
        {"queue_length", "gauge", "Requests waiting to be appended.", s.queue_length},
        {"backlog", "gauge", "Events appended and not yet stepped.", s.backlog},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char name[64] = "crossdock_engine_";
        size_t n = strlen(name);
        memcpy(name + n, rows[i].name, strlen(rows[i].name) + 1);
        single(buf, name, rows[i].type, rows[i].help, (uint64_t)rows[i].value);
    }
    head(buf, "crossdock_engine_seconds_total", "counter",
         "Time spent by the engine, by activity.");
    const char *const names[] = {"append", "commit", "step", "write"};
    const int64_t spent[] = {s.append_us, s.commit_us, s.step_us, s.write_us};
    for (int i = 0; i < 4; i++) {
        xd_buf_printf(buf, "crossdock_engine_seconds_total{activity=\"%s\"} ", names[i]);
        write_seconds(buf, (uint64_t)spent[i]);
        xd_buf_char(buf, '\n');
    }
}

void xd_ingress_metrics(xd_ingress *g, xd_buf *buf)
{
    const xd_http_metrics *m = &g->metrics;
    write_requests(m, buf);
    write_latency(m, buf);
    write_refusals(m, buf);
    single(buf, "crossdock_http_received_bytes_total", "counter", "Bytes of request bodies.",
           value_of(&m->received_bytes));
    single(buf, "crossdock_http_sent_bytes_total", "counter", "Bytes of answer bodies.",
           value_of(&m->sent_bytes));
    single(buf, "crossdock_http_connections_total", "counter", "Connections accepted.",
           value_of(&m->connections_total));
    single(buf, "crossdock_http_connections", "gauge", "Connections open.",
           value_of(&m->connections_open));
    single(buf, "crossdock_http_slow_clients_total", "counter", "Connections cut for slowness.",
           value_of(&m->slow_clients));
    single(buf, "crossdock_http_aborted_total", "counter",
           "Requests whose client was gone before the answer.", value_of(&m->aborted));
    single(buf, "crossdock_http_inflight_bytes", "gauge", "Memory of the requests under way.",
           atomic_load_explicit(&g->inflight_bytes, memory_order_relaxed));
    single(buf, "crossdock_http_waiting", "gauge", "Requests waiting for a commit or a worker.",
           atomic_load_explicit(&g->waiting, memory_order_relaxed));
    write_engine(g->engine, buf);
}
