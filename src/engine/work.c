/* The engine's work between two transactions: steps, deliveries, timers. See engine_int.h. */
#include "engine/engine_int.h"

#include "observe/log.h"

#include <stdlib.h>

enum {
    STEP_CHUNK = 32,       /* steps between two looks at the queue when few senders come */
    STEP_SHARE = 8,        /* under full intake, steps per turn are at least appended / this */
    STEP_MIN = 8,          /* and at least this */
    BURST_BACKLOG = 250000 /* events that may wait before stepping gets an equal share */
};

void xd_work_offer(void *self, xd_parcel *parcel)
{
    xd_engine *e = self;
    if (e->offering) {
        e->port.offer(e->port.self, parcel);
    } else {
        /* Not lost: it is in the OUTBOX documents, which are offered as a whole later. */
        xd_parcel_release(parcel);
    }
}

void xd_work_timer_set(void *self, xd_instant due, xd_str key)
{
    xd_engine *e = self;
    e->failed = !xd_timers_add(&e->timers, due, key) || e->failed;
}

/* --- stepping --- */

/* The next event to step when it is among the kept ones, else NULL. */
static const xd_event *next_retained(xd_engine *e, int64_t seq)
{
    while (e->retained_head) {
        xd_submission *s = e->retained_head;
        while (s->unstepped < s->count &&
               (!xd_submission_is_new(s, s->unstepped) || s->events[s->unstepped].seq < seq)) {
            s->unstepped++;
        }
        if (s->unstepped < s->count) {
            const xd_event *event = &s->events[s->unstepped];
            return event->seq == seq ? event : NULL;
        }
        e->retained_head = s->next;
        if (!e->retained_head) {
            e->retained_tail = &e->retained_head;
        }
        e->retained_bytes -= s->bytes;
        xd_submission_release(s);
    }
    return NULL;
}

static xd_status step_event(xd_engine *e, const xd_event *event, xd_fault *fault)
{
    XD_TRY(xd_processor_step(e->processor, event, fault));
    xd_figure_add(&e->stepped, 1);
    xd_figure_set(&e->stepped_seq, event->seq);
    if (!e->dirty_since_us) {
        e->dirty_since_us = xd_engine_now_us();
    }
    return XD_OK;
}

typedef struct read_back {
    xd_engine *engine;
    xd_fault *fault;
} read_back;

static xd_status step_row(void *context, const xd_log_row *row)
{
    read_back *r = context;
    xd_engine *e = r->engine;
    xd_arena_reset(&e->read_arena);
    xd_event event;
    XD_TRY(xd_event_of_row(row, &e->read_arena, &event, r->fault));
    return step_event(e, &event, r->fault);
}

/* Steps at most chunk events; false when there is nothing left to step, or a fault. */
static bool step_some(xd_engine *e, int64_t chunk, xd_status *ret_status, xd_fault *fault)
{
    int64_t end = xd_processor_stepped(e->processor) + chunk;
    while (*ret_status == XD_OK && xd_processor_stepped(e->processor) < end) {
        int64_t seq = xd_processor_stepped(e->processor) + 1;
        if (seq > e->appender.committed_head) {
            return false;
        }
        const xd_event *event = next_retained(e, seq);
        if (event) {
            *ret_status = step_event(e, event, fault);
            continue;
        }
        int64_t limit = end - seq + 1;
        if (e->retained_head) {
            int64_t kept = e->retained_head->events[e->retained_head->unstepped].seq;
            limit = kept - seq < limit ? kept - seq : limit;
        }
        read_back r = {.engine = e, .fault = fault};
        *ret_status = e->store->ops->log_each(e->store, seq - 1, limit, step_row, &r, fault);
    }
    return *ret_status == XD_OK;
}

/* Intake goes first, but never so that stepping starves. */
void xd_work_step(xd_engine *e)
{
    if (xd_processor_stepped(e->processor) >= e->appender.committed_head) {
        return;
    }
    int64_t start = xd_engine_now_us();
    xd_fault fault = XD_FAULT_NONE;
    xd_status status = XD_OK;
    uint32_t share = e->turn_appended / STEP_SHARE;
    uint32_t quota = share > STEP_MIN ? share : STEP_MIN;
    int64_t backlog = e->appender.committed_head - xd_processor_stepped(e->processor);
    if (backlog > BURST_BACKLOG && quota < e->turn_appended) {
        quota = e->turn_appended;
    }
    /* While senders come in numbers a short quiet does not mean that they are done. */
    bool intake = e->turn_submissions > 1;
    int64_t chunk = intake ? STEP_MIN : STEP_CHUNK;
    int64_t done = 0;
    e->store->ops->hold(e->store);
    while (!e->failed && xd_processor_dirty(e->processor) < 2 * (size_t)e->options.flush_rows &&
           step_some(e, chunk, &status, &fault)) {
        done += chunk;
        bool waiting = atomic_load_explicit(&e->queue_count, memory_order_relaxed) > 0;
        if (done >= quota && (intake || waiting)) {
            break;
        }
    }
    e->store->ops->let_go(e->store);
    if (status != XD_OK) {
        /* The cache may hold half of a change; what is durable is right, so a new start is too. */
        XD_LOG(XD_LOG_ERROR, "engine.failed",
               XD_LOG_INT("seq", xd_processor_stepped(e->processor) + 1),
               XD_LOG_TEXT("rule", xd_str_from(fault.rule)),
               XD_LOG_TEXT("text", xd_str_from(fault.text)));
        e->failed = true;
    }
    xd_figure_add(&e->step_us, xd_engine_now_us() - start);
}

/* --- offering the outbox --- */

typedef struct outbox_scan {
    xd_engine *engine;
    xd_fault *fault;
} outbox_scan;

static xd_status offer_row(void *context, xd_state_kind kind, xd_str key, xd_str value)
{
    (void)kind;
    outbox_scan *scan = context;
    xd_engine *e = scan->engine;
    xd_arena_reset(&e->read_arena);
    const xd_json *row;
    XD_TRY(xd_json_parse(value, XD_JSON_LIMITS_DEFAULT, &e->read_arena, &row, scan->fault));
    xd_parcel *parcel = xd_parcel_of_outbox(key, row);
    if (!parcel) {
        return xd_fail(scan->fault, XD_NO_MEMORY, NULL, "no memory for a waiting delivery");
    }
    e->port.offer(e->port.self, parcel);
    return XD_OK;
}

/* Once all that the log held at the start is stepped and written, the OUTBOX documents are exactly
 * what is not settled: offer them, and from then on what each step says. */
void xd_work_begin_offering(xd_engine *e)
{
    if (e->offering || !e->port.offer || e->failed ||
        xd_processor_written_seq(e->processor) < e->offer_from ||
        xd_processor_dirty(e->processor) > 0) {
        return;
    }
    xd_fault fault = XD_FAULT_NONE;
    outbox_scan scan = {.engine = e, .fault = &fault};
    xd_status status =
        e->store->ops->state_each(e->store, XD_STATE_OUTBOX, offer_row, &scan, &fault);
    if (status != XD_OK) {
        xd_log_fault(XD_LOG_ERROR, "outbox.scan", &fault);
        e->failed = true;
    }
    e->offering = true;
}

void xd_work_fire_timers(xd_engine *e)
{
    while (!e->failed && xd_timers_next(&e->timers) <= e->options.clock()) {
        xd_timer timer = xd_timers_take(&e->timers);
        xd_buf data;
        xd_buf_init(&data, 4096);
        XD_BUF_LIT(&data, "{\"timer\":");
        xd_json_write_string(&data, (xd_str){timer.key, timer.key_len});
        xd_buf_char(&data, '}');
        xd_submission *s = xd_engine_internal(XD_KIND_HUB_TIMER, (xd_str){timer.key, timer.key_len},
                                              XD_STR("hub"), xd_buf_str(&data), NULL);
        /* Refused while stopping or without memory: its document is still there at the next start.
         */
        if (s && xd_engine_submit(e, s, NULL) != XD_OK) {
            e->failed = e->failed || !e->stopping;
        }
        xd_submission_release(s);
        xd_buf_finish(&data);
        free(timer.key);
    }
}
