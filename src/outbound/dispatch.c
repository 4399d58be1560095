/* Dispatch. See dispatch.h. Wires inbox -> feed -> schedule -> transport -> outcomes; every
 * decision is the schedule's, every byte on the wire the transport's. */
#include "outbound/dispatch.h"

#include "base/planted.h"
#include "observe/log.h"
#include "outbound/feed.h"
#include "outbound/inbox.h"
#include "outbound/mapper.h"
#include "outbound/outcomes.h"
#include "outbound/wire.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    INBOX_PARCELS = 65536,
    ENTRIES_MIN = 1000,    /* below it, one event's deliveries might not fit */
    NOT_READY_US = 50000,  /* until a body that is not in the store yet is asked for again */
    NOT_READY_MAX = 1200,  /* times: a minute */
    BATCH_BYTES = 8 << 20, /* a batch is closed when its body has grown past this */
    SCRATCH_CAP = 64 << 20
};

struct xd_dispatch {
    const xd_remote_options *remotes; /* borrows */
    xd_str names[XD_SCHEDULE_MAX_LANES];
    uint32_t remote_count;
    xd_transport_port transport;
    xd_outbound_clock clock;
    xd_schedule *schedule;
    xd_bodies *bodies;
    xd_mapper *mapper;
    xd_feed *feed;
    xd_outcomes *outcomes;
    xd_engine *engine; /* borrows */
    xd_random random;  /* of span ids */
    xd_buf scratch;    /* one message of a batch */
    xd_buf unmapped;   /* what a map is given */
    xd_str missing;    /* borrows: the code without which the delivery under way cannot be made */
    xd_inbox inbox;
    bool stopping;
    int64_t now_us;                              /* monotonic, read once per turn */
    xd_remote_report own[XD_SCHEDULE_MAX_LANES]; /* what the report is copied from */
};

/* --- what the parts ask of each other --- */

static xd_progress engine_progress(void *self)
{
    const xd_dispatch *o = self;
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

static void outcome_add(xd_dispatch *o, const xd_outcome *outcome, xd_tracked *delivery)
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
    xd_dispatch *o = self;
    const xd_outcome outcome = {.seq = d->seq,
                                .index = d->index,
                                .settled = settled,
                                .superseded = d->superseded,
                                .system = o->names[d->lane],
                                .order_key = xd_tracked_key(d),
                                .message = xd_str_from(xd_message_name((xd_message)d->message)),
                                .reason = xd_str_from(reason),
                                .wait = o->missing,
                                .seen = d->told,
                                .status = status,
                                .attempts = d->attempts};
    xd_feed_release(o->feed, d);
    outcome_add(o, &outcome, d);
}

static void on_forget(void *self, xd_tracked *d)
{
    xd_feed_release(((xd_dispatch *)self)->feed, d);
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

static uint32_t number_map(void *self, xd_str version)
{
    return xd_mapper_number(((xd_dispatch *)self)->mapper, version);
}

static void send_declared(xd_dispatch *o, xd_request *request);

static void on_recorded(void *self, xd_tracked *d, xd_told told, int64_t outcome_seq)
{
    xd_dispatch *o = self;
    if (told == XD_TOLD_SENDING) {
        d->declared = true;
        d->declaring = false;
        send_declared(o, d->request);
        return;
    }
    xd_feed_recorded(o->feed, d, outcome_seq);
    xd_schedule_recorded(o->schedule, o->now_us, d);
}

/* On the engine's thread. */
static void on_done(xd_submission *submission)
{
    xd_dispatch *o = submission->context;
    if (xd_inbox_put_done(&o->inbox, submission)) {
        o->transport.wake(o->transport.self);
    }
}

/* On the engine's thread. */
static void on_offer(void *self, xd_parcel *parcel)
{
    xd_dispatch *o = self;
    if (xd_inbox_put_parcel(&o->inbox, parcel)) {
        o->transport.wake(o->transport.self);
    }
}

/* --- life --- */

void xd_remote_fill_defaults(xd_remote_options *r)
{
    r->concurrency = r->concurrency ? r->concurrency : 16;
    r->pipeline = r->pipeline ? r->pipeline : 1;
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

static xd_status make_parts(xd_dispatch *o, const xd_outbound_options *options, xd_store *reader,
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
        .memory_bytes = options->memory_bytes ? options->memory_bytes : (size_t)20 << 20,
        .max_entries = max_entries < ENTRIES_MIN ? ENTRIES_MIN : max_entries,
        .clock = o->clock.wall};
    if (!xd_inbox_init(&o->inbox, INBOX_PARCELS, feed_options.memory_bytes)) {
        return no_memory(fault);
    }
    o->schedule = xd_schedule_create(lanes, o->remote_count, options->seed,
                                     (xd_schedule_port){o, on_settle, on_forget});
    o->outcomes = xd_outcomes_create(o->clock.wall(), on_done, o);
    o->bodies = xd_bodies_create(reader, (xd_progress_port){o, engine_progress});
    if (!o->schedule || !o->outcomes || !o->bodies) {
        return no_memory(fault);
    }
    o->mapper = xd_mapper_create(o->bodies);
    if (!o->mapper) {
        return no_memory(fault);
    }
    o->feed = xd_feed_create(&feed_options, o->schedule, o->bodies,
                             (xd_feed_port){o, engine_progress, on_refuse, number_map});
    return o->feed ? XD_OK : no_memory(fault);
}

static void empty_inbox(xd_dispatch *o)
{
    xd_inbox_load load = {0};
    if (o->inbox.items) {
        xd_inbox_take(&o->inbox, &load);
    }
    for (size_t i = 0; i < load.count; i++) {
        if (load.items[i].parcel) {
            xd_parcel_release(load.items[i].parcel);
        } else {
            xd_outcomes_drop(o->outcomes, load.items[i].done);
        }
    }
}

void xd_dispatch_destroy(xd_dispatch *o)
{
    if (!o) {
        return;
    }
    empty_inbox(o);
    xd_schedule_destroy(o->schedule); /* lets its texts go through feed */
    xd_feed_destroy(o->feed);
    xd_mapper_destroy(o->mapper);
    xd_bodies_destroy(o->bodies);
    xd_outcomes_destroy(o->outcomes);
    xd_inbox_finish(&o->inbox);
    xd_buf_finish(&o->scratch);
    xd_buf_finish(&o->unmapped);
    free(o);
}

xd_status xd_dispatch_create(const xd_outbound_options *options, xd_store *reader,
                             xd_transport_port transport, xd_outbound_clock clock,
                             xd_dispatch **ret, xd_fault *fault)
{
    assert(options->remote_count <= XD_SCHEDULE_MAX_LANES);
    xd_dispatch *o = calloc(1, sizeof *o);
    if (!o) {
        return no_memory(fault);
    }
    xd_buf_init(&o->scratch, SCRATCH_CAP);
    xd_buf_init(&o->unmapped, SCRATCH_CAP);
    o->remotes = options->remotes;
    o->remote_count = options->remote_count;
    o->transport = transport;
    o->clock = clock;
    o->random.state = options->seed ^ (uint64_t)clock.wall();
    for (uint32_t i = 0; i < o->remote_count; i++) {
        o->names[i] = xd_str_from(o->remotes[i].name);
        o->own[i].name = o->names[i];
        o->own[i].last_error_at = XD_INSTANT_NONE;
        o->own[i].lane.oldest = INT64_MAX;
    }
    xd_status status = make_parts(o, options, reader, fault);
    if (status != XD_OK) {
        if (o->bodies) {
            xd_bodies_disown(o->bodies); /* the reader is the caller's after a failure */
        }
        xd_dispatch_destroy(o);
        return status;
    }
    *ret = o;
    return XD_OK;
}

xd_delivery_port xd_dispatch_port(xd_dispatch *o)
{
    return (xd_delivery_port){o, on_offer};
}

void xd_dispatch_connect(xd_dispatch *o, xd_engine *engine)
{
    o->engine = engine;
}

void xd_dispatch_close(xd_dispatch *o)
{
    xd_inbox_close(&o->inbox);
}

/* --- making requests --- */

/* What to do with deliveries[position] when its message cannot be made now, or ever. */
static uint32_t not_made(xd_dispatch *o, xd_request *request, uint32_t position,
                         const xd_fault *fault)
{
    xd_tracked *d = request->deliveries[position];
    bool later = fault->klass == XD_TRANSIENT || fault->code == XD_NO_MEMORY;
    if (later && d->put_back < NOT_READY_MAX) {
        return xd_schedule_put_back(o->schedule, o->now_us, request, position, NOT_READY_US);
    }
    d->told = false; /* what cannot be made now never could */
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

static void write_headers(xd_dispatch *o, xd_call *call, const xd_opened *opened,
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
static void write_element(xd_dispatch *o, xd_buf *body, const xd_opened *opened,
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

/* Appends what the delivery's map makes of its message; a batch is an array of that. */
static xd_status write_mapped(xd_dispatch *o, xd_call *call, const xd_opened *opened,
                              const xd_tracked *d, bool batch, bool first, xd_fault *fault)
{
    const xd_outmap *map = NULL;
    xd_buf_clear(&o->unmapped);
    XD_TRY(xd_flow_render((xd_message)d->message, &opened->event, opened->effect, &o->unmapped,
                          fault));
    if (batch) {
        xd_buf_char(&call->body, first ? '[' : ',');
    }
    XD_TRY(xd_mapper_write(o->mapper, d, opened, o->names[d->lane], xd_buf_str(&o->unmapped),
                           &call->body, &map, &o->missing, fault));
    if (batch && !xd_outmap_is_json(map)) {
        return xd_fail(fault, XD_CONFLICT, "outbound.batch",
                       "its map has a layout, and a batch is a JSON array: set batch_max to 1, "
                       "start the hub anew, then retry");
    }
    call->content_type = xd_outmap_media(map);
    call->soap_action = xd_outmap_soap_action(map);
    return XD_OK;
}

/* Adds one delivery to the call's body; on a fault the body is the caller's to cut back. */
static xd_status write_delivery(xd_dispatch *o, xd_call *call, const xd_tracked *d, bool batch,
                                bool first, xd_fault *fault)
{
    const xd_opened *opened;
    XD_TRY(xd_bodies_open(o->bodies, d, &opened, fault));
    xd_message message = (xd_message)d->message;
    if (d->map) {
        XD_TRY(write_mapped(o, call, opened, d, batch, first, fault));
    } else if (batch) {
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
static void write_messages(xd_dispatch *o, xd_call *call, xd_request *request)
{
    bool batch = o->remotes[request->lane].batch_max > 1;
    uint32_t written = 0;
    uint32_t count = request->count;
    call->content_type = NULL;
    call->soap_action = NULL;
    while (written < count) {
        xd_fault fault = XD_FAULT_NONE;
        size_t length = call->body.len;
        const xd_tracked *d = request->deliveries[written];
        bool other = written > 0 && d->map != request->deliveries[0]->map;
        if (batch && (length > BATCH_BYTES || other)) {
            count = xd_schedule_put_back(o->schedule, o->now_us, request, written, 0);
        } else if (write_delivery(o, call, d, batch, written == 0, &fault) == XD_OK) {
            written++;
        } else {
            call->body.len = length;
            call->body.failed = false;
            o->scratch.failed = false;
            count = not_made(o, request, written, &fault);
            o->missing = XD_STR_NULL;
        }
    }
    if (batch && count) {
        xd_buf_char(&call->body, ']');
    }
}

static uint32_t write_lookup(xd_dispatch *o, xd_call *call, xd_request *request)
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

static void put_all_back(xd_dispatch *o, xd_request *request)
{
    while (xd_schedule_put_back(o->schedule, o->now_us, request, 0, NOT_READY_US) > 0) {
    }
}

/* --- systems that can neither deduplicate nor be asked --- */

/* What was sent to such a system and not answered can only be told to a person, also when the hub
 * stops in between. So the log says before that it is being sent. */
static bool must_declare(const xd_dispatch *o, uint32_t lane)
{
    return !o->remotes[lane].lookup_path && !o->remotes[lane].unknown_retry &&
           !XD_PLANTED(send_undeclared);
}

static void tell(xd_dispatch *o, xd_tracked *d, xd_told told)
{
    const xd_outcome outcome = {.told = told, .seq = d->seq, .index = d->index};
    bool wait = told == XD_TOLD_SENDING;
    if (!xd_outcomes_add(o->outcomes, &outcome, wait ? d : NULL)) {
        XD_LOG(XD_LOG_ERROR, "outbound.memory", XD_LOG_INT("seq", d->seq),
               XD_LOG_TEXT("text", XD_STR("no memory to record a delivery")));
    }
}

/* Takes out what an earlier process was sending when it ended; false when that cannot be said now,
 * or nothing is left. */
static bool check_from_before(xd_dispatch *o, xd_request *request)
{
    uint32_t count = request->count;
    for (uint32_t i = 0; i < count;) {
        xd_tracked *d = request->deliveries[i];
        bool was_sending = false;
        xd_fault fault = XD_FAULT_NONE;
        if (d->from_before && xd_bodies_was_sending(o->bodies, d, &was_sending, &fault) != XD_OK) {
            count = not_made(o, request, i, &fault);
        } else if (was_sending) {
            d->doubtful = true;
            count = xd_schedule_refuse(o->schedule, request, i,
                                       "the hub ended while this was being sent, and the system "
                                       "cannot be asked: look there, then retry or drop");
        } else {
            d->from_before = false;
            i++;
        }
    }
    return count > 0;
}

/* True when everything the request carries is declared. */
static bool declare(xd_dispatch *o, xd_request *request)
{
    bool all = true;
    bool told = false;
    for (uint32_t i = 0; i < request->count; i++) {
        all &= request->deliveries[i]->declared;
        told |= request->deliveries[i]->declaring;
    }
    for (uint32_t i = 0; i < request->count && !told; i++) {
        xd_tracked *d = request->deliveries[i];
        if (!d->declared) {
            d->declaring = true;
            tell(o, d, XD_TOLD_SENDING);
        }
    }
    return all;
}

/* The system said that it did nothing: what waits for its next try is not under way. */
static void undeclare(xd_dispatch *o, xd_tracked *const *deliveries, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        xd_tracked *d = deliveries[i];
        if (!d->settled && d->declared) {
            d->declared = false;
            tell(o, d, XD_TOLD_UNSENT);
        }
    }
}

static void send_request(xd_dispatch *o, xd_request *request)
{
    if (must_declare(o, request->lane) &&
        (!check_from_before(o, request) || !declare(o, request))) {
        return;
    }
    xd_call *call = o->transport.acquire(o->transport.self, request->lane);
    if (!call) {
        put_all_back(o, request);
        return;
    }
    bool lookup = request->lookup;
    if (lookup) {
        if (write_lookup(o, call, request) == 0) {
            o->transport.release(o->transport.self, call);
            return;
        }
    } else {
        write_messages(o, call, request);
        if (request->count == 0) {
            o->transport.release(o->transport.self, call);
            return;
        }
    }
    call->request = request;
    call->started_us = o->now_us;
    xd_status status =
        lookup ? o->transport.get(o->transport.self, call)
               : o->transport.post(o->transport.self, call, (xd_message)request->message);
    if (status != XD_OK) {
        o->transport.release(o->transport.self, call);
        put_all_back(o, request);
    }
}

/* Sends a request that waited for the log, once all it carries is declared. */
static void send_declared(xd_dispatch *o, xd_request *request)
{
    if (!declare(o, request)) {
        return;
    }
    if (o->stopping) {
        undeclare(o, request->deliveries, request->count);
        put_all_back(o, request);
    } else {
        send_request(o, request);
    }
}

/* --- answers --- */

static void log_breaker(xd_dispatch *o, uint32_t lane, xd_breaker_state before, const char *reason)
{
    bool was_closed = before == XD_BREAKER_CLOSED;
    bool is_closed = xd_schedule_breaker(o->schedule, lane) == XD_BREAKER_CLOSED;
    if (was_closed && !is_closed) {
        XD_LOG(XD_LOG_WARNING, "outbound.breaker_open", XD_LOG_TEXT("system", o->names[lane]),
               XD_LOG_TEXT("reason", xd_str_from(reason)));
    } else if (!was_closed && is_closed) {
        XD_LOG(XD_LOG_INFO, "outbound.breaker_closed", XD_LOG_TEXT("system", o->names[lane]));
    }
}

/* Notes which bodies the remote may have seen, and which it says that it has not. */
static void note_seen(const xd_request *request, const xd_answer *answer)
{
    bool seen = answer->kind == XD_ANSWER_UNKNOWN || xd_answer_is_ambiguous(answer->status);
    for (uint32_t i = 0; i < request->count && (seen || answer->kind == XD_ANSWER_ABSENT); i++) {
        xd_tracked *d = request->deliveries[i];
        d->told = request->lookup ? d->told && answer->kind != XD_ANSWER_ABSENT : true;
    }
}

static void on_answered(void *self, const xd_call *call, const xd_answer *answer)
{
    xd_dispatch *o = self;
    uint32_t lane = call->request->lane;
    xd_remote_report *report = &o->own[lane];
    xd_latency_add(&report->latency, o->now_us - call->started_us);
    if (answer->kind != XD_ANSWER_OK && answer->kind != XD_ANSWER_ABSENT) {
        snprintf(report->last_error, sizeof report->last_error, "%s", answer->reason);
        report->last_error_at = o->clock.wall();
    }
    xd_breaker_state before = xd_schedule_breaker(o->schedule, lane);
    uint32_t count = call->request->count;
    note_seen(call->request, answer);
    xd_schedule_answered(o->schedule, o->now_us, call->request, answer);
    if (must_declare(o, lane)) {
        undeclare(o, call->request->deliveries, count);
    }
    log_breaker(o, lane, before, answer->reason);
}

/* --- the turn --- */

static void read_inbox(xd_dispatch *o)
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

static void refill(xd_dispatch *o)
{
    xd_fault fault = XD_FAULT_NONE;
    if (xd_feed_refill(o->feed, o->now_us, &fault) != XD_OK) {
        xd_log_fault(XD_LOG_WARNING, "outbound.refill", &fault);
    }
}

void xd_dispatch_turn(xd_dispatch *o, bool stopping)
{
    o->now_us = o->clock.monotonic_us();
    o->stopping = stopping;
    read_inbox(o);
    if (!stopping) {
        refill(o);
        for (xd_request *r; (r = xd_schedule_next(o->schedule, o->now_us)) != NULL;) {
            send_request(o, r);
        }
    }
    o->transport.perform(o->transport.self, on_answered, o);
    xd_outcomes_submit(o->outcomes, o->engine, o->now_us);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t xd_dispatch_wake_at(const xd_dispatch *o, bool stopping)
{
    int64_t at_us = xd_outcomes_wake_at(o->outcomes);
    if (!stopping) {
        at_us = earlier(at_us, xd_schedule_wake_at(o->schedule));
        at_us = earlier(at_us, xd_feed_wake_at(o->feed));
    }
    return at_us;
}

bool xd_dispatch_may_sleep(xd_dispatch *o)
{
    return xd_inbox_may_sleep(&o->inbox);
}

bool xd_dispatch_is_idle(const xd_dispatch *o)
{
    bool in_flight = false;
    for (uint32_t i = 0; i < o->remote_count; i++) {
        xd_lane_stats stats;
        xd_schedule_stats(o->schedule, i, &stats);
        in_flight |= stats.in_flight > 0;
    }
    return !in_flight && xd_outcomes_count(o->outcomes) == 0;
}

void xd_dispatch_report(xd_dispatch *o, xd_outbound_report *ret)
{
    ret->remote_count = o->remote_count;
    ret->tracked = xd_schedule_count(o->schedule);
    ret->memory_bytes = (int64_t)xd_feed_bytes(o->feed);
    ret->overflow = xd_feed_is_full(o->feed);
    for (uint32_t i = 0; i < o->remote_count; i++) {
        xd_schedule_stats(o->schedule, i, &o->own[i].lane);
        ret->remotes[i] = o->own[i];
    }
}
