/* Opening, closing and asking the engine. See engine.h and engine_int.h. */
#include "engine/engine_int.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MAGIC = 0x454e474e, READ_ARENA_CAP = 64 << 20 };

int64_t xd_engine_now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static xd_status load_timer(void *context, xd_state_kind kind, xd_str key, xd_str value)
{
    (void)kind;
    (void)value;
    xd_work_timer_set(context, xd_timer_due(key), key);
    return XD_OK;
}

static void set_defaults(xd_engine_options *o)
{
    o->queue_max = o->queue_max ? o->queue_max : 4096;
    o->queue_max_bytes = o->queue_max_bytes ? o->queue_max_bytes : (size_t)64 << 20;
    o->backlog_max = o->backlog_max ? o->backlog_max : 1000000;
    o->batch_max = o->batch_max ? o->batch_max : 1024;
    o->flush_rows = o->flush_rows ? o->flush_rows : 8000;
    o->flush_ms = o->flush_ms ? o->flush_ms : 100;
    o->cache_bytes = o->cache_bytes ? o->cache_bytes : (size_t)24 << 20;
}

xd_submission *xd_engine_internal(xd_kind kind, xd_str id, xd_str actor, xd_str data,
                                  xd_fault *fault)
{
    xd_submission *s = xd_submission_create(1, data.len * 8 + 65536);
    if (!s) {
        xd_fail(fault, XD_NO_MEMORY, NULL, "no memory for an event of the hub");
        return NULL;
    }
    s->bytes = data.len;
    s->events[0] = (xd_event){.kind = xd_kind_find(kind),
                              .source = XD_STR("hub"),
                              .id = xd_arena_copy(&s->arena, id),
                              .actor = xd_arena_copy(&s->arena, actor),
                              .time = XD_INSTANT_NONE,
                              .data_text = xd_arena_copy(&s->arena, data)};
    assert(s->events[0].kind && s->events[0].kind->internal);
    if (!s->events[0].data_text.ptr || !s->events[0].id.ptr || !s->events[0].actor.ptr) {
        xd_fail(fault, XD_NO_MEMORY, NULL, "no memory for an event of the hub");
    } else if (xd_event_open(&s->events[0], false, &s->arena, fault) == XD_OK) {
        return s;
    }
    xd_submission_release(s);
    xd_submission_release(s);
    return NULL;
}

/* Whether the last definition in the log is this one: it is in what state was not written from yet,
 * or it is the state's. */
static xd_status definition_is_current(xd_engine *e, xd_str definition_json, bool *ret,
                                       xd_fault *fault)
{
    xd_str current;
    xd_arena_reset(&e->read_arena);
    if (e->appender.definition_seq > 0) {
        xd_log_row row;
        XD_TRY(
            e->log->ops->log_get(e->log, e->appender.definition_seq, &e->read_arena, &row, fault));
        current = row.body;
    } else {
        XD_TRY(e->state->ops->state_get(e->state, XD_STATE_DEFINITION, XD_STR("current"),
                                        &e->read_arena, &current, fault));
    }
    *ret = current.ptr && xd_str_eq(current, definition_json);
    return XD_OK;
}

static xd_status append_definition_event(xd_engine *e, xd_submission *s, xd_fault *fault)
{
    bool undo;
    XD_TRY(e->log->ops->begin(e->log, fault));
    xd_status status = xd_append(&e->appender, s, e->options.clock(), &undo, fault);
    if (status != XD_OK) {
        e->log->ops->rollback(e->log);
        return status;
    }
    XD_TRY(e->log->ops->commit(e->log, fault));
    xd_appender_committed(&e->appender);
    return XD_OK;
}

/* Appends the configured definition when it is not the one in force. */
static xd_status ensure_definition(xd_engine *e, xd_str definition_json, xd_fault *fault)
{
    bool current = true;
    if (definition_json.len) {
        XD_TRY(definition_is_current(e, definition_json, &current, fault));
    }
    if (current) {
        return XD_OK;
    }
    char id[48];
    snprintf(id, sizeof id, "definition-%lld", (long long)e->appender.head + 1);
    xd_fault local = XD_FAULT_NONE;
    xd_submission *s = xd_engine_internal(XD_KIND_HUB_DEFINITION, xd_str_from(id), XD_STR("hub"),
                                          definition_json, &local);
    xd_status status = s ? append_definition_event(e, s, &local) : local.code;
    if (status != XD_OK && fault) {
        *fault = local;
    }
    if (s) {
        xd_submission_release(s);
        xd_submission_release(s);
    }
    return status;
}

static xd_status open_parts(xd_engine *e, xd_str definition_json, xd_fault *fault)
{
    xd_processor_ports ports = {.self = e,
                                .offer = xd_work_offer,
                                .timer = xd_work_timer_set,
                                .crosswalk = xd_work_code_changed};
    XD_TRY(xd_processor_create(e->state, e->options.cache_bytes, ports, &e->processor, fault));
    int64_t written = xd_processor_written_seq(e->processor);
    XD_TRY(xd_appender_init(&e->appender, e->log, written, fault));
    XD_TRY(ensure_definition(e, definition_json, fault));
    XD_TRY(e->state->ops->state_each(e->state, XD_STATE_TIMER, load_timer, e, fault));
    e->offer_from = e->appender.head;
    e->committed_head = e->appender.head;
    xd_figure_set(&e->stepped_seq, written);
    xd_figure_set(&e->state_seq, written);
    return XD_OK;
}

xd_status xd_engine_create(xd_store *log, xd_store *state, const xd_engine_options *options,
                           xd_str definition_json, xd_engine **ret, xd_fault *fault)
{
    assert(options->clock);
    xd_engine *e = calloc(1, sizeof *e);
    if (!e) {
        return xd_fail(fault, XD_NO_MEMORY, NULL, "no memory for the engine");
    }
    e->magic = MAGIC;
    e->log = log;
    e->state = state;
    e->one_store = log == state;
    e->options = *options;
    set_defaults(&e->options);
    e->queue_tail = &e->queue_head;
    e->handed_tail = &e->handed_head;
    e->offers_tail = &e->offers;
    e->retained_tail = &e->retained_head;
    e->ordinary = true;
    e->appender_over = true;
    xd_arena_init(&e->read_arena, READ_ARENA_CAP);
    pthread_mutex_init(&e->lock, NULL);
    pthread_mutex_init(&e->turn_lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&e->work, &attributes);
    pthread_cond_init(&e->steps, &attributes);
    pthread_cond_init(&e->turn, &attributes);
    pthread_cond_init(&e->settled, &attributes);
    pthread_condattr_destroy(&attributes);
    xd_status status = open_parts(e, definition_json, fault);
    if (status != XD_OK) {
        xd_engine_destroy(e);
        return status;
    }
    *ret = e;
    return XD_OK;
}

static void release_all(xd_submission *head)
{
    for (xd_submission *next; head; head = next) {
        next = head->next;
        xd_submission_release(head);
    }
}

void xd_engine_destroy(xd_engine *e)
{
    if (e) {
        xd_engine_stop(e);
        xd_engine_abandon(e);
    }
}

void xd_engine_abandon(xd_engine *e)
{
    assert(e->magic == MAGIC && !e->running);
    release_all(e->queue_head);
    *e->retained_tail = e->handed_head;
    release_all(e->retained_head);
    xd_processor_destroy(e->processor);
    xd_appender_finish(&e->appender);
    xd_timers_finish(&e->timers);
    xd_arena_finish(&e->read_arena);
    pthread_cond_destroy(&e->work);
    pthread_cond_destroy(&e->steps);
    pthread_cond_destroy(&e->turn);
    pthread_cond_destroy(&e->settled);
    pthread_mutex_destroy(&e->lock);
    pthread_mutex_destroy(&e->turn_lock);
    e->magic = 0;
    free(e);
}

xd_status xd_engine_connect(xd_engine *e, xd_delivery_port port, xd_fault *fault)
{
    if (e->running) {
        return xd_fail(fault, XD_INTERNAL, "engine.order", "connect outbound before starting");
    }
    e->port = port;
    return XD_OK;
}

xd_status xd_engine_connect_codes(xd_engine *e, xd_code_port port, xd_fault *fault)
{
    if (e->running) {
        return xd_fail(fault, XD_INTERNAL, "engine.order", "connect codes before starting");
    }
    e->codes = port;
    return XD_OK;
}

static void stop_appender(xd_engine *e)
{
    pthread_mutex_lock(&e->lock);
    e->stopping = true;
    pthread_cond_signal(&e->work);
    pthread_mutex_unlock(&e->lock);
    pthread_join(e->appender_thread, NULL);
}

xd_status xd_engine_start(xd_engine *e, xd_fault *fault)
{
    e->running = true;
    e->appender_over = false;
    if (pthread_create(&e->appender_thread, NULL, xd_engine_run_appender, e) != 0) {
        e->running = false;
    } else if (pthread_create(&e->stepper_thread, NULL, xd_engine_run_stepper, e) != 0) {
        e->running = false;
        stop_appender(e);
    } else if (pthread_create(&e->idle_thread, NULL, xd_engine_run_idle_stepper, e) != 0) {
        e->running = false;
        stop_appender(e);
        pthread_mutex_lock(&e->lock);
        e->ordinary = true; /* if it gave the turn away: never again, since it is to stop */
        pthread_cond_broadcast(&e->turn);
        pthread_mutex_unlock(&e->lock);
        pthread_join(e->stepper_thread, NULL);
    }
    return e->running ? XD_OK
                      : xd_fail(fault, XD_UNAVAILABLE, "engine.thread",
                                "the system refused a thread for the engine");
}

void xd_engine_stop(xd_engine *e)
{
    if (e->running) {
        stop_appender(e);
        pthread_join(e->stepper_thread, NULL);
        pthread_join(e->idle_thread, NULL);
        e->running = false;
    }
    e->stopping = true;
}

typedef struct post_wait {
    pthread_mutex_t lock;
    pthread_cond_t done;
    bool over;
} post_wait;

static void post_done(xd_submission *s)
{
    post_wait *wait = s->context;
    pthread_mutex_lock(&wait->lock);
    wait->over = true;
    pthread_cond_signal(&wait->done);
    pthread_mutex_unlock(&wait->lock);
}

xd_status xd_engine_post(xd_engine *e, xd_kind kind, xd_str id, xd_str actor, xd_str data_json,
                         int64_t *ret_seq, xd_fault *fault)
{
    assert(e->running);
    xd_fault local = XD_FAULT_NONE;
    xd_submission *s = xd_engine_internal(kind, id, actor, data_json, &local);
    if (!s) {
        if (fault) {
            *fault = local;
        }
        return local.code;
    }
    post_wait wait = {.lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER};
    s->context = &wait;
    s->done = post_done;
    xd_status status = xd_engine_submit(e, s, fault);
    if (status != XD_OK) {
        xd_submission_release(s);
        return status;
    }
    pthread_mutex_lock(&wait.lock);
    while (!wait.over) {
        pthread_cond_wait(&wait.done, &wait.lock);
    }
    pthread_mutex_unlock(&wait.lock);
    status = s->status != XD_OK ? s->status : s->results[0].status;
    if (status == XD_OK && ret_seq) {
        *ret_seq = s->results[0].seq;
    }
    if (status != XD_OK && fault) {
        *fault = s->fault;
    }
    xd_submission_release(s);
    return status;
}

void xd_engine_stats_get(xd_engine *e, xd_engine_stats *ret)
{
    *ret = (xd_engine_stats){
        .appended = atomic_load(&e->appended),
        .duplicates = atomic_load(&e->duplicates),
        .conflicts = atomic_load(&e->conflicts),
        .refused = atomic_load(&e->refused),
        .stepped = atomic_load(&e->stepped),
        .batches = atomic_load(&e->batches),
        .flushes = atomic_load(&e->flushes),
        .rows_written = atomic_load(&e->rows),
        .log_head = atomic_load(&e->committed_head),
        .state_seq = atomic_load(&e->state_seq),
        .stepped_seq = atomic_load(&e->stepped_seq),
        .queue_length = (int64_t)atomic_load(&e->queue_count),
        .append_us = atomic_load(&e->append_us),
        .step_us = atomic_load(&e->step_us),
        .commit_us = atomic_load(&e->commit_us),
        .write_us = atomic_load(&e->write_us),
    };
    ret->backlog = ret->log_head - ret->stepped_seq;
    ret->failed = e->failed;
}

bool xd_engine_settle(xd_engine *e, int32_t timeout_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += timeout_ms % 1000 * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&e->lock);
    e->write_now = true;
    pthread_cond_signal(&e->steps);
    int rc = 0;
    while (e->write_now && rc == 0) {
        rc = pthread_cond_timedwait(&e->settled, &e->lock, &until);
    }
    pthread_mutex_unlock(&e->lock);
    return rc == 0 && !e->failed;
}
