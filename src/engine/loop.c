/* The engine's turn: wait, write, step. See engine_int.h.
 *
 * Stepping happens in memory, after the events are durable, and never inside a transaction; what it
 * changed is written together with the next append. So a failed commit loses no state: appended
 * events are refused to their senders, and dirty documents stay dirty. */
#include "engine/engine_int.h"

#include <sys/prctl.h>
#include <time.h>

enum {
    IDLE_MS = 1000,
    LINGER_US =
        250, /* wait for company under load: a commit costs the same for one event and for thirty */
    LINGER_ENOUGH = 48 /* submissions that are company enough */
};

/* One turn with a batch already taken. */
static void turn(xd_engine *e, xd_submission *batch)
{
    int64_t now_us = xd_engine_now_us();
    /* Before the outbox can be offered, what was stepped must be written. */
    bool for_offering = !e->offering && e->port.offer && xd_processor_dirty(e->processor) > 0 &&
                        xd_processor_stepped(e->processor) >= e->offer_from;
    bool with_state =
        now_us >= e->retry_at_us && !e->failed && (xd_write_is_due(e, now_us) || for_offering);
    e->turn_appended = 0;
    if (batch || with_state) {
        xd_write_batch(e, batch, with_state);
    }
    if (!e->failed) {
        xd_work_step(e);
        xd_work_begin_offering(e);
    }
}

static bool all_written(xd_engine *e)
{
    return xd_processor_stepped(e->processor) >= e->appender.committed_head &&
           xd_processor_dirty(e->processor) == 0;
}

/* Microseconds until something is due by itself; 0 for now. */
static int64_t time_to_wait_us(xd_engine *e)
{
    int64_t now = xd_engine_now_us();
    int64_t wait = IDLE_MS * 1000;
    if (e->failed) {
        return wait;
    }
    bool more = xd_processor_stepped(e->processor) < e->appender.committed_head;
    int64_t flush_us =
        e->dirty_since_us ? e->dirty_since_us + e->options.flush_ms * 1000LL - now : wait;
    if (xd_write_is_due(e, now) ||
        (xd_processor_dirty(e->processor) && !e->offering && e->port.offer && !more)) {
        flush_us = 0;
    }
    if (e->retry_at_us) {
        flush_us = e->retry_at_us - now;
        more = false;
    }
    xd_instant next_timer = xd_timers_next(&e->timers);
    int64_t timer_us = next_timer == INT64_MAX ? wait : next_timer - e->options.clock();
    wait = more ? 0 : wait;
    wait = flush_us < wait ? flush_us : wait;
    wait = timer_us < wait ? timer_us : wait;
    return wait > 0 ? wait : 0;
}

/* Waits for work and takes it. Returns false when the engine is to end. */
static bool wait_for_work(xd_engine *e, bool block, xd_submission **ret_batch)
{
    int64_t wait_us = time_to_wait_us(e);
    pthread_mutex_lock(&e->lock);
    if (block && !e->queue_head && wait_us > 0 && !e->write_now && !e->stopping) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        int64_t ns = until.tv_nsec + wait_us * 1000;
        until.tv_sec += ns / 1000000000;
        until.tv_nsec = ns % 1000000000;
        e->waiting = true;
        pthread_cond_timedwait(&e->work, &e->lock, &until);
        e->waiting = false;
    }
    /* Only when the turn before had several: a lone sender is answered at once. Nobody wakes this
     * sleep, which also saves a wake-up for every sender. */
    if (block && e->turn_submissions > 1 && e->queue_length < LINGER_ENOUGH && !e->stopping) {
        const struct timespec linger = {.tv_nsec = LINGER_US * 1000};
        pthread_mutex_unlock(&e->lock);
        nanosleep(&linger, NULL);
        pthread_mutex_lock(&e->lock);
    }
    e->turn_submissions = e->queue_length;
    *ret_batch = xd_queue_take(e);
    bool over = e->stopping && !*ret_batch && (all_written(e) || e->failed || e->writes_refused);
    pthread_mutex_unlock(&e->lock);
    return !over;
}

static void announce_settled(xd_engine *e)
{
    if (e->write_now && (all_written(e) || e->failed)) {
        pthread_mutex_lock(&e->lock);
        if (!e->queue_head) {
            e->write_now = false;
            pthread_cond_broadcast(&e->settled);
        }
        pthread_mutex_unlock(&e->lock);
    }
}

bool xd_engine_turn(xd_engine *e)
{
    xd_submission *batch;
    xd_work_fire_timers(e);
    wait_for_work(e, false, &batch);
    bool work = batch || !all_written(e);
    turn(e, batch);
    announce_settled(e);
    return work;
}

void *xd_engine_run(void *self)
{
    xd_engine *e = self;
    xd_submission *batch;
    prctl(PR_SET_NAME, "xd-engine"); /* what top and perf show */
    for (;;) {
        xd_work_fire_timers(e);
        if (!wait_for_work(e, true, &batch)) {
            return NULL;
        }
        turn(e, batch);
        announce_settled(e);
    }
}
