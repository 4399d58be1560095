/* Outbound: the delivery thread. Wires inbox -> feed -> schedule -> transport -> outcomes; every
 * decision is the schedule's, every byte on the wire the transport's. Owns all of them and the read
 * connection to the store. */
#include "outbound/outbound.h"

#include "observe/log.h"
#include "outbound/feed.h"
#include "outbound/inbox.h"
#include "outbound/outcomes.h"
#include "outbound/report.h"
#include "outbound/transport.h"
#include "outbound/wire.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

enum {
    INBOX_PARCELS = 65536,
    ENTRIES_MIN = 1000,    /* below it, one event's deliveries might not fit */
    NOT_READY_US = 50000,  /* until a body that is not in the store yet is asked for again */
    NOT_READY_MAX = 1200,  /* times: a minute */
    BATCH_BYTES = 8 << 20, /* a batch is closed when its body has grown past this */
    SCRATCH_CAP = 64 << 20,
    IDLE_MS = 1000
};

struct xd_outbound {
    xd_remote_options remotes[XD_SCHEDULE_MAX_LANES]; /* with defaults filled in */
    xd_str names[XD_SCHEDULE_MAX_LANES];
    uint32_t remote_count;
    xd_schedule *schedule;
    xd_transport *transport;
    xd_bodies *bodies;
    xd_feed *feed;
    xd_outcomes *outcomes;
    xd_engine *engine; /* borrows */
    xd_random random;  /* of span ids */
    xd_buf scratch;
    xd_inbox inbox;
    int64_t now_us; /* monotonic, read once per turn */
    pthread_t thread;
    bool running;
    atomic_bool stopping;
    atomic_int_fast64_t stop_at_us;
    pthread_mutex_t report_lock;
    xd_outbound_report report;                   /* shown; behind the lock */
    xd_remote_report own[XD_SCHEDULE_MAX_LANES]; /* the thread's own */
};

static int64_t monotonic_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static xd_instant wall_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (xd_instant)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* --- what the parts ask of each other --- */

static xd_progress engine_progress(void *self)
{
    const xd_outbound *o = self;
    xd_engine_stats stats;
    xd_engine_stats_get(o->engine, &stats);
    return (xd_progress){stats.stepped_seq, stats.log_head};
}

static void log_failure(const xd_outcome *outcome)
{
    char id[48];
    snprintf(id, sizeof id, "%lld.%u", (long long)outcome->seq, outcome->index);
    XD_LOG(XD_LOG_WARNING,
           outcome->settled == XD_SETTLED_DEAD ? "outbound.dead" : "outbound.unknown",
           XD_LOG_TEXT("delivery", xd_str_from(id)), XD_LOG_TEXT("system", outcome->system),
           XD_LOG_TEXT("message", outcome->message), XD_LOG_TEXT("order_key", outcome->order_key),
           XD_LOG_INT("attempts", outcome->attempts), XD_LOG_TEXT("reason", outcome->reason));
}

static void outcome_add(xd_outbound *o, const xd_outcome *outcome, xd_tracked *delivery)
{
    if (outcome->settled != XD_SETTLED_OK) {
        log_failure(outcome);
    }
    if (!xd_outcomes_add(o->outcomes, outcome, delivery)) {
        /* It stays open in the store and its slot stays taken: the next start settles it. */
        XD_LOG(XD_LOG_ERROR, "outbound.memory", XD_LOG_INT("seq", outcome->seq),
               XD_LOG_TEXT("text", XD_STR("no memory to record an outcome")));
    }
}

static void on_settle(void *self, xd_tracked *d, xd_settled settled, int32_t status,
                      const char *reason)
{
    xd_outbound *o = self;
    const xd_outcome outcome = {.seq = d->seq,
                                .index = d->index,
                                .settled = settled,
                                .superseded = d->superseded,
                                .system = o->names[d->lane],
                                .order_key = xd_tracked_key(d),
                                .message = xd_str_from(xd_message_name((xd_message)d->message)),
                                .reason = xd_str_from(reason),
                                .status = status,
                                .attempts = d->attempts};
    xd_feed_release(o->feed, d);
    outcome_add(o, &outcome, d);
}

static void on_forget(void *self, xd_tracked *d)
{
    xd_feed_release(((xd_outbound *)self)->feed, d);
}

static void on_refuse(void *self, int64_t seq, uint32_t index, uint32_t message, xd_str system,
                      xd_str order_key)
{
    bool named = message > XD_MESSAGE_NONE && message < XD_MESSAGE_LIMIT;
    const xd_outcome outcome = {
        .seq = seq,
        .index = index,
        .settled = XD_SETTLED_DEAD,
        .system = system,
        .order_key = order_key,
        .message = xd_str_from(named ? xd_message_name((xd_message)message) : ""),
        .reason = named ? XD_STR("the configuration has no system of this name; add it and retry")
                        : XD_STR("the message is unknown to this version of the hub")};
    outcome_add(self, &outcome, NULL);
}

static void on_recorded(void *self, xd_tracked *d, int64_t outcome_seq)
{
    xd_outbound *o = self;
    xd_feed_recorded(o->feed, d, outcome_seq);
    xd_schedule_recorded(o->schedule, o->now_us, d);
}

/* On the engine's thread. */
static void on_done(xd_submission *submission)
{
    xd_outbound *o = submission->context;
    if (xd_inbox_put_done(&o->inbox, submission)) {
        xd_transport_wake(o->transport);
    }
}

/* On the engine's thread. */
static void on_offer(void *self, xd_parcel *parcel)
{
    xd_outbound *o = self;
    if (xd_inbox_put_parcel(&o->inbox, parcel)) {
        xd_transport_wake(o->transport);
    }
}

/* --- life --- */

static void fill_defaults(xd_remote_options *r)
{
    r->concurrency = r->concurrency ? r->concurrency : 16;
    r->timeout_ms = r->timeout_ms > 0 ? r->timeout_ms : 10000;
    r->connect_timeout_ms = r->connect_timeout_ms > 0 ? r->connect_timeout_ms : 3000;
    r->attempts = r->attempts ? r->attempts : 12;
    r->backoff_ms = r->backoff_ms > 0 ? r->backoff_ms : 200;
    r->backoff_max_ms = r->backoff_max_ms > 0 ? r->backoff_max_ms : 60000;
    r->breaker_failures = r->breaker_failures ? r->breaker_failures : 10;
    r->breaker_open_ms = r->breaker_open_ms > 0 ? r->breaker_open_ms : 2000;
    r->batch_max = r->batch_max ? r->batch_max : 1;
    r->batch_wait_ms = r->batch_wait_ms > 0 ? r->batch_wait_ms : 20;
    r->idempotency_key = r->idempotency_key ? r->idempotency_key : "cd-{seq}-{index}";
}

static xd_lane_options lane_options(const xd_remote_options *r)
{
    return (xd_lane_options){.concurrency = r->concurrency,
                             .rate_per_s = r->rate_per_s,
                             .burst = r->burst,
                             .attempts = r->attempts,
                             .backoff_ms = r->backoff_ms,
                             .backoff_max_ms = r->backoff_max_ms,
                             .breaker_failures = r->breaker_failures,
                             .breaker_open_ms = r->breaker_open_ms,
                             .batch_max = r->batch_max,
                             .batch_wait_ms = r->batch_wait_ms,
                             .coalesce = r->coalesce,
                             .lookup = r->lookup_path != NULL,
                             .unknown_retry = r->unknown_retry};
}

static xd_status no_memory(xd_fault *fault)
{
    return xd_fail(fault, XD_NO_MEMORY, NULL, "no memory for outbound delivery");
}

static xd_status make_parts(xd_outbound *o, const xd_outbound_options *options, xd_store *reader,
                            xd_fault *fault)
{
    xd_lane_options lanes[XD_SCHEDULE_MAX_LANES];
    for (uint32_t i = 0; i < o->remote_count; i++) {
        lanes[i] = lane_options(&o->remotes[i]);
    }
    uint32_t max_entries = options->max_entries ? options->max_entries : 200000;
    const xd_feed_options feed_options = {
        .systems = o->names,
        .system_count = o->remote_count,
        .memory_bytes = options->memory_bytes ? options->memory_bytes : (size_t)24 << 20,
        .max_entries = max_entries < ENTRIES_MIN ? ENTRIES_MIN : max_entries,
        .clock = wall_clock};
    if (!xd_inbox_init(&o->inbox, INBOX_PARCELS, feed_options.memory_bytes)) {
        return no_memory(fault);
    }
    XD_TRY(xd_transport_create(o->remotes, o->remote_count, &o->transport, fault));
    o->schedule = xd_schedule_create(lanes, o->remote_count, options->seed,
                                     (xd_schedule_port){o, on_settle, on_forget});
    o->outcomes = xd_outcomes_create(wall_clock(), on_done, o);
    o->bodies = xd_bodies_create(reader, (xd_progress_port){o, engine_progress});
    if (!o->schedule || !o->outcomes || !o->bodies) {
        return no_memory(fault);
    }
    o->feed = xd_feed_create(&feed_options, o->schedule, o->bodies,
                             (xd_feed_port){o, engine_progress, on_refuse});
    return o->feed ? XD_OK : no_memory(fault);
}

static void take_down(xd_outbound *o)
{
    xd_schedule_destroy(o->schedule); /* lets its texts go through feed */
    xd_feed_destroy(o->feed);
    xd_bodies_destroy(o->bodies);
    xd_outcomes_destroy(o->outcomes);
    xd_transport_destroy(o->transport);
    xd_inbox_finish(&o->inbox);
    xd_buf_finish(&o->scratch);
    pthread_mutex_destroy(&o->report_lock);
    free(o);
}

xd_status xd_outbound_create(const xd_outbound_options *options, xd_store *reader,
                             xd_outbound **ret, xd_fault *fault)
{
    if (options->remote_count > XD_SCHEDULE_MAX_LANES) {
        return xd_fail(fault, XD_LIMIT, "outbound.systems", "%u systems; at most %d are possible",
                       options->remote_count, XD_SCHEDULE_MAX_LANES);
    }
    xd_outbound *o = calloc(1, sizeof *o);
    if (!o) {
        return no_memory(fault);
    }
    pthread_mutex_init(&o->report_lock, NULL);
    xd_buf_init(&o->scratch, SCRATCH_CAP);
    o->remote_count = options->remote_count;
    o->random.state = options->seed ^ (uint64_t)wall_clock();
    for (uint32_t i = 0; i < o->remote_count; i++) {
        o->remotes[i] = options->remotes[i];
        fill_defaults(&o->remotes[i]);
        o->names[i] = xd_str_from(o->remotes[i].name);
        o->own[i].name = o->names[i];
        o->own[i].last_error_at = XD_INSTANT_NONE;
        o->own[i].lane.oldest = INT64_MAX;
    }
    o->report.remote_count = o->remote_count;
    memcpy(o->report.remotes, o->own, sizeof o->own);
    xd_status status = make_parts(o, options, reader, fault);
    if (status != XD_OK) {
        if (o->bodies) {
            xd_bodies_disown(o->bodies); /* the reader is the caller's after a failure */
        }
        take_down(o);
        return status;
    }
    *ret = o;
    return XD_OK;
}

void xd_outbound_destroy(xd_outbound *o)
{
    if (o) {
        xd_outbound_stop(o, 0);
        take_down(o);
    }
}

xd_delivery_port xd_outbound_port(xd_outbound *o)
{
    return (xd_delivery_port){o, on_offer};
}

/* --- making requests --- */

/* What to do with deliveries[position] when its message cannot be made now, or ever. */
static uint32_t not_made(xd_outbound *o, xd_request *request, uint32_t position,
                         const xd_fault *fault)
{
    const xd_tracked *d = request->deliveries[position];
    bool later = fault->klass == XD_TRANSIENT || fault->code == XD_NO_MEMORY;
    if (later && d->put_back < NOT_READY_MAX) {
        return xd_schedule_put_back(o->schedule, o->now_us, request, position, NOT_READY_US);
    }
    return xd_schedule_refuse(o->schedule, request, position, fault->text);
}

static xd_wire_names names_of(const xd_opened *opened, const xd_tracked *d)
{
    return (xd_wire_names){.source = opened->event.source,
                           .id = opened->event.id,
                           .key = opened->event.key,
                           .seq = d->seq,
                           .index = d->index};
}

static void write_headers(xd_outbound *o, xd_call *call, const xd_opened *opened,
                          const xd_tracked *d)
{
    const xd_wire_names names = names_of(opened, d);
    xd_wire_expand(&call->idempotency_key, o->remotes[d->lane].idempotency_key, &names,
                   XD_WIRE_HEADER);
    xd_wire_traceparent(&call->traceparent, opened->event.trace, d->seq, &o->random);
    xd_buf_int(&call->delivery_id, d->seq);
    xd_buf_char(&call->delivery_id, '.');
    xd_buf_int(&call->delivery_id, d->index);
}

/* One element of a batch: {"idempotency_key","message","body"}. */
static void write_element(xd_outbound *o, xd_buf *body, const xd_opened *opened,
                          const xd_tracked *d, xd_str message)
{
    const xd_wire_names names = names_of(opened, d);
    XD_BUF_LIT(body, "{\"idempotency_key\":");
    xd_buf key;
    xd_buf_init(&key, XD_EVENT_SOURCE_MAX * 16);
    xd_wire_expand(&key, o->remotes[d->lane].idempotency_key, &names, XD_WIRE_HEADER);
    xd_json_write_string(body, xd_buf_str(&key));
    body->failed |= key.failed;
    xd_buf_finish(&key);
    xd_buf_printf(body, ",\"message\":\"%s\",\"body\":", xd_message_name((xd_message)d->message));
    xd_buf_str_add(body, message);
    xd_buf_char(body, '}');
}

/* Adds one delivery to the call's body; on a fault the body is as before. */
static xd_status write_delivery(xd_outbound *o, xd_call *call, const xd_tracked *d, bool batch,
                                bool first, xd_fault *fault)
{
    const xd_opened *opened;
    XD_TRY(xd_bodies_open(o->bodies, d, &opened, fault));
    xd_message message = (xd_message)d->message;
    if (batch) {
        xd_buf_clear(&o->scratch);
        XD_TRY(xd_flow_render(message, &opened->event, opened->effect, &o->scratch, fault));
        xd_buf_char(&call->body, first ? '[' : ',');
        write_element(o, &call->body, opened, d, xd_buf_str(&o->scratch));
    } else {
        XD_TRY(xd_flow_render(message, &opened->event, opened->effect, &call->body, fault));
    }
    if (call->body.failed || o->scratch.failed) {
        return xd_fail(fault, XD_LIMIT, "outbound.body_size",
                       "the message is larger than a request may be");
    }
    if (first) {
        write_headers(o, call, opened, d);
    }
    return XD_OK;
}

/* Fills the call from what the request carries, taking out what cannot be sent now. */
static void write_messages(xd_outbound *o, xd_call *call, xd_request *request)
{
    bool batch = o->remotes[request->lane].batch_max > 1;
    uint32_t written = 0;
    uint32_t count = request->count;
    while (written < count) {
        xd_fault fault = XD_FAULT_NONE;
        size_t length = call->body.len;
        const xd_tracked *d = request->deliveries[written];
        if (batch && length > BATCH_BYTES) {
            count = xd_schedule_put_back(o->schedule, o->now_us, request, written, 0);
        } else if (write_delivery(o, call, d, batch, written == 0, &fault) == XD_OK) {
            written++;
        } else {
            call->body.len = length;
            call->body.failed = false;
            o->scratch.failed = false;
            count = not_made(o, request, written, &fault);
        }
    }
    if (batch && count) {
        xd_buf_char(&call->body, ']');
    }
}

static uint32_t write_lookup(xd_outbound *o, xd_call *call, xd_request *request)
{
    const xd_tracked *d = request->deliveries[0];
    const xd_opened *opened;
    xd_fault fault = XD_FAULT_NONE;
    if (xd_bodies_open(o->bodies, d, &opened, &fault) != XD_OK) {
        return not_made(o, request, 0, &fault);
    }
    xd_wire_names names = names_of(opened, d);
    xd_buf key;
    xd_buf_init(&key, XD_EVENT_SOURCE_MAX * 16);
    xd_wire_expand(&key, o->remotes[d->lane].idempotency_key, &names, XD_WIRE_HEADER);
    names.idempotency_key = xd_buf_str(&key);
    xd_wire_expand(&call->path, o->remotes[d->lane].lookup_path, &names, XD_WIRE_URL);
    xd_buf_finish(&key);
    write_headers(o, call, opened, d);
    return 1;
}

static void put_all_back(xd_outbound *o, xd_request *request)
{
    while (xd_schedule_put_back(o->schedule, o->now_us, request, 0, NOT_READY_US) > 0) {
    }
}

static void send_request(xd_outbound *o, xd_request *request)
{
    xd_call *call = xd_transport_acquire(o->transport, request->lane);
    if (!call) {
        put_all_back(o, request);
        return;
    }
    bool lookup = request->lookup;
    if (lookup) {
        if (write_lookup(o, call, request) == 0) {
            xd_transport_release(o->transport, call);
            return;
        }
    } else {
        write_messages(o, call, request);
        if (request->count == 0) {
            xd_transport_release(o->transport, call);
            return;
        }
    }
    call->request = request;
    call->started_us = o->now_us;
    xd_status status = lookup ? xd_transport_get(o->transport, call)
                              : xd_transport_post(o->transport, call, (xd_message)request->message);
    if (status != XD_OK) {
        xd_transport_release(o->transport, call);
        put_all_back(o, request);
    }
}

/* --- answers --- */

static void log_breaker(xd_outbound *o, uint32_t lane, xd_breaker_state before, const char *reason)
{
    xd_lane_stats stats;
    xd_schedule_stats(o->schedule, lane, &stats);
    bool was_closed = before == XD_BREAKER_CLOSED;
    bool is_closed = stats.breaker == XD_BREAKER_CLOSED;
    if (was_closed && !is_closed) {
        XD_LOG(XD_LOG_WARNING, "outbound.breaker_open", XD_LOG_TEXT("system", o->names[lane]),
               XD_LOG_TEXT("reason", xd_str_from(reason)));
    } else if (!was_closed && is_closed) {
        XD_LOG(XD_LOG_INFO, "outbound.breaker_closed", XD_LOG_TEXT("system", o->names[lane]));
    }
}

static void on_answered(void *self, const xd_call *call, const xd_answer *answer)
{
    xd_outbound *o = self;
    uint32_t lane = call->request->lane;
    xd_remote_report *report = &o->own[lane];
    xd_latency_add(&report->latency, o->now_us - call->started_us);
    if (answer->kind != XD_ANSWER_OK) {
        snprintf(report->last_error, sizeof report->last_error, "%s", answer->reason);
        report->last_error_at = wall_clock();
    }
    xd_lane_stats before;
    xd_schedule_stats(o->schedule, lane, &before);
    xd_schedule_answered(o->schedule, o->now_us, call->request, answer);
    log_breaker(o, lane, before.breaker, answer->reason);
}

/* --- the loop --- */

static void read_inbox(xd_outbound *o)
{
    xd_inbox_load load;
    xd_inbox_take(&o->inbox, &load);
    for (size_t i = 0; i < load.count; i++) {
        if (load.items[i].parcel) {
            xd_feed_offer(o->feed, load.items[i].parcel, o->now_us);
        } else {
            xd_outcomes_recorded(o->outcomes, load.items[i].done, o->now_us, on_recorded, o);
        }
    }
    if (load.lost_to) {
        xd_feed_lost(o->feed, load.lost_from, load.lost_to);
    }
}

static void refill(xd_outbound *o)
{
    xd_fault fault = XD_FAULT_NONE;
    if (xd_feed_refill(o->feed, o->now_us, &fault) != XD_OK) {
        xd_log_fault(XD_LOG_WARNING, "outbound.refill", &fault);
    }
}

static void publish_report(xd_outbound *o)
{
    pthread_mutex_lock(&o->report_lock);
    o->report.tracked = xd_schedule_count(o->schedule);
    o->report.memory_bytes = (int64_t)xd_feed_bytes(o->feed);
    o->report.overflow = xd_feed_is_full(o->feed);
    for (uint32_t i = 0; i < o->remote_count; i++) {
        xd_schedule_stats(o->schedule, i, &o->own[i].lane);
        o->report.remotes[i] = o->own[i];
    }
    pthread_mutex_unlock(&o->report_lock);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Milliseconds until something is due by itself, rounded up so that it is due then. */
static int32_t time_to_wait_ms(xd_outbound *o, bool stopping)
{
    int64_t at_us = o->now_us + (int64_t)IDLE_MS * 1000;
    at_us = earlier(at_us, xd_outcomes_wake_at(o->outcomes));
    if (stopping) {
        at_us = earlier(at_us, atomic_load(&o->stop_at_us));
    } else {
        at_us = earlier(at_us, xd_schedule_wake_at(o->schedule));
        at_us = earlier(at_us, xd_feed_wake_at(o->feed));
    }
    return at_us <= o->now_us ? 0 : (int32_t)((at_us - o->now_us + 999) / 1000);
}

/* Nothing is under way and nothing is left to record, or there is no more time for it. */
static bool may_end(xd_outbound *o)
{
    if (o->now_us >= atomic_load(&o->stop_at_us)) {
        return true;
    }
    bool in_flight = false;
    for (uint32_t i = 0; i < o->remote_count; i++) {
        xd_lane_stats stats;
        xd_schedule_stats(o->schedule, i, &stats);
        in_flight |= stats.in_flight > 0;
    }
    return !in_flight && xd_outcomes_count(o->outcomes) == 0;
}

static void *run(void *self)
{
    prctl(PR_SET_NAME, "xd-outbound"); /* what top and perf show */
    xd_outbound *o = self;
    for (;;) {
        bool stopping = atomic_load(&o->stopping);
        o->now_us = monotonic_us();
        read_inbox(o);
        if (!stopping) {
            refill(o);
            for (xd_request *r; (r = xd_schedule_next(o->schedule, o->now_us)) != NULL;) {
                send_request(o, r);
            }
        }
        xd_transport_perform(o->transport, on_answered, o);
        xd_outcomes_submit(o->outcomes, o->engine, o->now_us);
        publish_report(o);
        if (stopping && may_end(o)) {
            return NULL;
        }
        int32_t timeout_ms = time_to_wait_ms(o, stopping);
        if (timeout_ms > 0 && !xd_inbox_may_sleep(&o->inbox)) {
            timeout_ms = 0;
        }
        xd_transport_wait(o->transport, timeout_ms);
    }
}

xd_status xd_outbound_start(xd_outbound *o, xd_engine *engine, xd_fault *fault)
{
    assert(!o->running);
    o->engine = engine;
    if (pthread_create(&o->thread, NULL, run, o) != 0) {
        return xd_fail(fault, XD_UNAVAILABLE, "outbound.thread",
                       "cannot start the delivery thread");
    }
    o->running = true;
    return XD_OK;
}

void xd_outbound_stop(xd_outbound *o, int32_t grace_ms)
{
    xd_inbox_close(&o->inbox);
    if (!o->running) {
        return;
    }
    atomic_store(&o->stop_at_us, monotonic_us() + (int64_t)grace_ms * 1000);
    atomic_store(&o->stopping, true);
    xd_transport_wake(o->transport);
    pthread_join(o->thread, NULL);
    o->running = false;
}

/* --- what others see --- */

static void copy_report(xd_outbound *o, xd_outbound_report *ret)
{
    pthread_mutex_lock(&o->report_lock);
    *ret = o->report;
    pthread_mutex_unlock(&o->report_lock);
}

void xd_outbound_metrics(xd_outbound *o, xd_buf *buf)
{
    xd_outbound_report report;
    copy_report(o, &report);
    xd_report_metrics(&report, wall_clock(), buf);
}

void xd_outbound_status(xd_outbound *o, xd_buf *buf)
{
    xd_outbound_report report;
    copy_report(o, &report);
    xd_report_status(&report, wall_clock(), buf);
}
