/* The stepper's work: steps, writes of state, deliveries, timers. See engine_int.h.
 *
 * Stepping happens in memory, after the events are durable, and never inside a transaction; what it
 * changed is written in groups. A failed write loses no state: dirty documents stay dirty. */
#include "engine/engine_int.h"

#include "base/planted.h"
#include "observe/log.h"

#include <stdlib.h>

enum {
    STEP_CHUNK = 64,       /* steps between two looks at the clock */
    IDLE_FLUSH_US = 10000, /* a stepper that had nothing to step for so long writes, */
    CALM_FLUSH_US = 30000, /* and one that has nothing to step just now what is older than this */
    IDLE_US = 1000000,
    RETRY_MS = 200 /* between attempts while the store refuses writes */
};

void xd_work_offer(void *self, xd_parcel *parcel)
{
    xd_engine *e = self;
    if (e->offering) {
        *e->offers_tail = parcel;
        e->offers_tail = &parcel->next;
    } else {
        /* Not lost: it is in the OUTBOX documents, which are offered as a whole later. */
        xd_parcel_release(parcel);
    }
}

/* Once per turn and not per event: the first offer may have to wake a thread. */
static void hand_over_offers(xd_engine *e)
{
    xd_parcel *parcel = e->offers;
    e->offers = NULL;
    e->offers_tail = &e->offers;
    for (xd_parcel *next; parcel; parcel = next) {
        next = parcel->next;
        e->port.offer(e->port.self, parcel);
    }
}

void xd_work_timer_set(void *self, xd_instant due, xd_str key)
{
    xd_engine *e = self;
    e->failed = !xd_timers_add(&e->timers, due, key) || e->failed;
}

void xd_work_code_changed(void *self, const xd_event *event)
{
    const xd_engine *e = self;
    if (e->codes.changed) {
        e->codes.changed(e->codes.self, event);
    }
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
        atomic_fetch_sub(&e->retained_bytes, s->bytes);
        xd_submission_release(s);
    }
    return NULL;
}

static xd_status step_event(xd_engine *e, const xd_event *event, xd_fault *fault)
{
    XD_TRY(xd_processor_step(e->processor, event, fault));
    xd_figure_add(&e->stepped, 1);
    xd_figure_set(&e->stepped_seq, event->seq);
    e->stepped_at = event->recorded_at;
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

/* Steps up to the event end, or until a group is worth writing. */
static xd_status step_until(xd_engine *e, int64_t end, xd_fault *fault)
{
    xd_status status = XD_OK;
    while (status == XD_OK && !e->failed && xd_processor_stepped(e->processor) < end &&
           xd_processor_dirty(e->processor) < e->options.flush_rows) {
        int64_t seq = xd_processor_stepped(e->processor) + 1;
        const xd_event *event = next_retained(e, seq);
        if (event) {
            status = step_event(e, event, fault);
            continue;
        }
        int64_t limit = end - seq + 1;
        if (e->retained_head) {
            int64_t kept = e->retained_head->events[e->retained_head->unstepped].seq;
            limit = kept - seq < limit ? kept - seq : limit;
        }
        read_back r = {.engine = e, .fault = fault};
        status = e->state->ops->log_each(e->state, seq - 1, limit, step_row, &r, fault);
    }
    return status;
}

/* Takes over what the appender handed; returns the last durable seq. */
static int64_t take_handed(xd_engine *e)
{
    pthread_mutex_lock(&e->lock);
    *e->retained_tail = e->handed_head;
    if (e->handed_head) {
        e->retained_tail = e->handed_tail;
        e->handed_head = NULL;
        e->handed_tail = &e->handed_head;
    }
    int64_t committed = e->committed_head;
    pthread_mutex_unlock(&e->lock);
    return committed;
}

static void step(xd_engine *e)
{
    int64_t end = take_handed(e);
    int64_t from = xd_processor_stepped(e->processor);
    if (from >= end || e->failed || xd_processor_dirty(e->processor) >= e->options.flush_rows) {
        return;
    }
    int64_t start = xd_engine_now_us();
    xd_fault fault = XD_FAULT_NONE;
    e->state->ops->hold(e->state);
    xd_status status = step_until(e, end < from + STEP_CHUNK ? end : from + STEP_CHUNK, &fault);
    e->state->ops->let_go(e->state);
    bool delivers = e->offers != NULL;
    hand_over_offers(e);
    if (status != XD_OK) {
        /* The cache may hold half of a change; what is durable is right, so a new start is too. */
        XD_LOG(XD_LOG_ERROR, "engine.failed",
               XD_LOG_INT("seq", xd_processor_stepped(e->processor) + 1),
               XD_LOG_TEXT("why", xd_str_from(fault.text)));
        e->failed = true;
    }
    e->last_step_us = xd_engine_now_us();
    e->offered_at_us = delivers ? e->last_step_us : e->offered_at_us;
    xd_figure_add(&e->step_us, e->last_step_us - start);
}

/* --- writing state --- */

static bool offering_waits_for_write(const xd_engine *e)
{
    return !e->offering && e->port.offer && xd_processor_stepped(e->processor) >= e->offer_from;
}

/* Microseconds until what is dirty is to be written; INT64_MAX when nothing is. */
static int64_t write_wait_us(const xd_engine *e, int64_t now_us)
{
    size_t dirty = xd_processor_dirty(e->processor);
    if (dirty == 0 || e->failed) {
        return INT64_MAX;
    }
    int64_t retry_us = e->write_retry_at_us ? e->write_retry_at_us - now_us : 0;
    if (dirty >= e->options.flush_rows || e->write_now || e->stopping ||
        offering_waits_for_write(e)) {
        return retry_us > 0 ? retry_us : 0;
    }
    int64_t due_us = e->dirty_since_us + e->options.flush_ms * 1000LL;
    if (e->running && xd_processor_stepped(e->processor) >= e->committed_head) {
        int64_t idle_us = e->last_step_us + IDLE_FLUSH_US;
        int64_t calm_us = e->dirty_since_us + CALM_FLUSH_US;
        int64_t early_us = idle_us < calm_us ? idle_us : calm_us;
        due_us = early_us < due_us ? early_us : due_us;
    }
    int64_t wait_us = due_us - now_us;
    wait_us = wait_us > retry_us ? wait_us : retry_us;
    return wait_us > 0 ? wait_us : 0;
}

static xd_status write_state(xd_engine *e, int64_t *ret_rows, xd_fault *fault)
{
    XD_TRY(e->state->ops->begin(e->state, fault));
    xd_status status = xd_processor_write(e->processor, ret_rows, fault);
    if (status != XD_OK) {
        e->state->ops->rollback(e->state);
        return status;
    }
    return e->state->ops->commit(e->state, fault);
}

static void refuse_state(xd_engine *e, const xd_fault *fault)
{
    if (!e->state_refused) {
        xd_log_fault(XD_LOG_ERROR, "store.refuses_state", fault);
    }
    e->write_retry_at_us = xd_engine_now_us() + RETRY_MS * 1000;
    pthread_mutex_lock(&e->lock);
    e->state_refused = true;
    e->refusal = *fault;
    pthread_mutex_unlock(&e->lock);
}

static void write_when_due(xd_engine *e)
{
    int64_t start = xd_engine_now_us();
    if (write_wait_us(e, start) > 0) {
        return;
    }
    int64_t rows = 0;
    xd_fault fault = XD_FAULT_NONE;
    if (write_state(e, &rows, &fault) != XD_OK) {
        refuse_state(e, &fault);
        return;
    }
    xd_processor_written(e->processor);
    if (e->state_refused) {
        XD_LOG(XD_LOG_INFO, "store.accepts_state",
               XD_LOG_INT("state_seq", xd_processor_written_seq(e->processor)));
        e->state_refused = false;
    }
    e->write_retry_at_us = 0;
    e->dirty_since_us = 0;
    xd_figure_set(&e->state_seq, xd_processor_written_seq(e->processor));
    xd_figure_add(&e->flushes, 1);
    xd_figure_add(&e->rows, rows);
    xd_figure_add(&e->write_us, xd_engine_now_us() - start);
}

/* --- deliveries --- */

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
static void begin_offering(xd_engine *e)
{
    if (e->offering || !e->port.offer || e->failed ||
        xd_processor_written_seq(e->processor) < e->offer_from ||
        xd_processor_dirty(e->processor) > 0) {
        return;
    }
    if (XD_PLANTED(forget_open_deliveries)) {
        e->offering = true;
        return;
    }
    xd_fault fault = XD_FAULT_NONE;
    outbox_scan scan = {.engine = e, .fault = &fault};
    xd_status status =
        e->state->ops->state_each(e->state, XD_STATE_OUTBOX, offer_row, &scan, &fault);
    if (status != XD_OK) {
        xd_log_fault(XD_LOG_ERROR, "outbox.scan", &fault);
        e->failed = true;
    }
    e->offering = true;
}

/* --- timers --- */

static void fire_timers(xd_engine *e)
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

/* --- the turn --- */

bool xd_work_is_done(const xd_engine *e)
{
    return xd_processor_stepped(e->processor) >= e->committed_head &&
           xd_processor_dirty(e->processor) == 0;
}

int64_t xd_work_waiting(const xd_engine *e)
{
    return e->committed_head - xd_processor_stepped(e->processor);
}

int64_t xd_work_lag_us(const xd_engine *e)
{
    return e->stepped_at && xd_work_waiting(e) > 0 ? e->options.clock() - e->stepped_at : 0;
}

static void announce_settled(xd_engine *e)
{
    if (e->write_now && (xd_work_is_done(e) || e->failed)) {
        pthread_mutex_lock(&e->lock);
        if (!e->queue_head && !e->appending && !e->handed_head) {
            e->write_now = false;
            pthread_cond_broadcast(&e->settled);
        }
        pthread_mutex_unlock(&e->lock);
    }
}

void xd_work_turn(xd_engine *e)
{
    fire_timers(e);
    if (e->one_store) {
        pthread_mutex_lock(&e->turn_lock);
    }
    step(e);
    write_when_due(e);
    begin_offering(e);
    if (e->one_store) {
        pthread_mutex_unlock(&e->turn_lock);
    }
    announce_settled(e);
}

int64_t xd_work_wait_us(xd_engine *e)
{
    if (e->failed) {
        return IDLE_US;
    }
    bool full = xd_processor_dirty(e->processor) >= e->options.flush_rows;
    if (!full && xd_processor_stepped(e->processor) < e->committed_head) {
        return 0;
    }
    int64_t wait_us = write_wait_us(e, xd_engine_now_us());
    xd_instant due = xd_timers_next(&e->timers);
    int64_t timer_us = due == INT64_MAX ? IDLE_US : due - e->options.clock();
    wait_us = timer_us < wait_us ? timer_us : wait_us;
    wait_us = wait_us < IDLE_US ? wait_us : IDLE_US;
    return wait_us > 0 ? wait_us : 0;
}
