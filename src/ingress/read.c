/* What is only looked at: the read side, schemas, health, metrics; and waiting for state to be
 * written. All that may take a while runs on a worker. */
#include "ingress/ingress_int.h"

#include "ingress/problem.h"

#include <stdio.h>

enum { SETTLE_DEFAULT_MS = 10000, SETTLE_MAX_MS = 60000, SETTLE_SLICE_MS = 50 };

/* --- the read side --- */

static const char *query_argument(void *self, const char *name)
{
    xd_request *r = self;
    return MHD_lookup_connection_value(r->mhd, MHD_GET_ARGUMENT_KIND, name);
}

/* A question that breaks a rule is the client's mistake whatever kind of rule it is. */
static unsigned status_of_question(const xd_fault *fault)
{
    return fault->code == XD_INVALID || fault->code == XD_LIMIT || fault->code == XD_OVERFLOW ? 400
                                                                                              : 0;
}

static bool run_read(xd_request *r)
{
    const xd_ingress_ports *ports = &r->client->ingress->ports;
    const char *media_type = "application/json";
    xd_read_request question = {.path = r->path + sizeof "/v1" - 1,
                                .query = query_argument,
                                .self = r,
                                .ret_media_type = &media_type};
    xd_fault fault = XD_FAULT_NONE;
    xd_status status = ports->read(ports->read_context, &question, &r->out, &fault);
    if (status == XD_OK && xd_request_charge(r, r->out.len)) {
        xd_request_settle(r, 200, media_type);
    } else if (status != XD_OK) {
        xd_request_refuse(r, status_of_question(&fault), &fault, -1);
    }
    return true;
}

static void hand_to_reader(xd_request *r)
{
    if (!r->client->ingress->ports.read) {
        xd_request_refuse_text(r, 404, XD_NOT_FOUND, "http.path", "this hub has no read side");
        return;
    }
    xd_request_hand_over(r, run_read, NULL);
}

/* Suspending waits for the end of the request, as MHD calls again there and nowhere else. */
void xd_read_begin(xd_request *r)
{
    r->step = hand_to_reader;
}

/* --- schemas --- */

static void write_kinds(xd_buf *buf)
{
    size_t count;
    const xd_kind_info *kinds = xd_kinds(&count);
    bool first = true;
    XD_BUF_LIT(buf, "{\"kinds\":[");
    for (size_t i = 0; i < count; i++) {
        if (kinds[i].internal) {
            continue;
        }
        xd_buf_printf(buf, "%s{\"kind\":\"%s\",\"title\":", first ? "" : ",", kinds[i].name);
        xd_json_write_string(buf, xd_str_from(kinds[i].title));
        xd_buf_printf(buf, ",\"type\":\"crossdock.%s.v%u\",\"schema\":\"/v1/schemas/%s\"}",
                      kinds[i].name, kinds[i].version, kinds[i].name);
        first = false;
    }
    XD_BUF_LIT(buf, "]}\n");
}

void xd_read_schemas_begin(xd_request *r)
{
    if (r->id.len == 0) {
        write_kinds(&r->out);
        xd_request_settle(r, 200, "application/json");
        return;
    }
    const xd_kind_info *kind = xd_kind_by_name(r->id);
    if (!kind || kind->internal) {
        xd_request_refuse_text(r, 404, XD_NOT_FOUND, "schema.kind",
                               "%.*s is not a kind of document; GET /v1/schemas lists them",
                               (int)(r->id.len < 100 ? r->id.len : 100), r->id.ptr);
        return;
    }
    xd_canon_schema(kind, &r->out);
    xd_request_settle(r, 200, "application/schema+json");
}

/* --- settle --- */

static bool run_settle(xd_request *r)
{
    xd_engine *engine = r->client->ingress->engine;
    xd_engine_stats stats;
    bool settled = xd_engine_settle(engine, SETTLE_SLICE_MS);
    xd_engine_stats_get(engine, &stats);
    if (settled || (r->target_seq > 0 && stats.state_seq >= r->target_seq)) {
        xd_buf_printf(&r->out, "{\"settled\":true,\"log_head\":%lld,\"state_seq\":%lld}\n",
                      (long long)stats.log_head, (long long)stats.state_seq);
        xd_request_settle(r, 200, "application/json");
        return true;
    }
    if (xd_ingress_now_us() < r->deadline_us && !r->client->ingress->stopping) {
        if (r->target_seq == 0) {
            /* Events keep coming: then it is enough to get past those there are by now. */
            r->target_seq = stats.log_head;
        }
        return false;
    }
    xd_request_refuse_text(r, 503, XD_TIMEOUT, "settle.timeout",
                           "state is written up to event %lld of %lld so far; ask again",
                           (long long)stats.state_seq, (long long)stats.log_head);
    return true;
}

static void hand_to_settler(xd_request *r)
{
    xd_request_hand_over(r, run_settle, NULL);
}

void xd_read_settle_begin(xd_request *r)
{
    const char *text = query_argument(r, "timeout_ms");
    int64_t timeout_ms = SETTLE_DEFAULT_MS;
    if (text && (!xd_str_to_int64(xd_str_from(text), &timeout_ms) || timeout_ms < 0 ||
                 timeout_ms > SETTLE_MAX_MS)) {
        xd_request_refuse_text(r, 400, XD_INVALID, "settle.timeout_ms",
                               "timeout_ms must be a number from 0 to %d", SETTLE_MAX_MS);
        return;
    }
    r->deadline_us = xd_ingress_now_us() + timeout_ms * 1000;
    r->step = hand_to_settler;
}

/* --- health and metrics --- */

void xd_read_health_begin(xd_request *r)
{
    XD_BUF_LIT(&r->out, "{\"status\":\"alive\"}\n");
    xd_request_settle(r, 200, "application/json");
}

void xd_read_ready_begin(xd_request *r)
{
    xd_ingress *g = r->client->ingress;
    if (!g->stopping && (!g->ports.ready || g->ports.ready(g->ports.metrics_context))) {
        XD_BUF_LIT(&r->out, "{\"status\":\"ready\"}\n");
        xd_request_settle(r, 200, "application/json");
        return;
    }
    xd_request_refuse_text(r, 503, XD_UNAVAILABLE, "hub.ready", "the hub is %s",
                           g->stopping ? "stopping" : "not ready to take events");
}

static void answer_metrics(xd_request *r)
{
    xd_ingress *g = r->client->ingress;
    xd_ingress_metrics(g, &r->out);
    if (g->ports.metrics) {
        g->ports.metrics(g->ports.metrics_context, &r->out);
    }
    xd_open_work_write(&g->open_work, &r->out);
    xd_request_settle(r, 200, "text/plain; version=0.0.4; charset=utf-8");
}

static bool ask_open_work(xd_request *r)
{
    xd_ingress *g = r->client->ingress;
    xd_open_work_ask(&g->open_work, &g->ports);
    return true;
}

/* Metrics wait for no slow read: while all workers are busy they say what was told last. */
static void take_metrics(xd_request *r)
{
    xd_ingress *g = r->client->ingress;
    if (g->ports.read && xd_open_work_is_due(&g->open_work) && xd_workers_are_free(&g->workers)) {
        xd_request_hand_over(r, ask_open_work, answer_metrics);
    } else {
        answer_metrics(r);
    }
}

void xd_read_metrics_begin(xd_request *r)
{
    r->step = take_metrics;
}
