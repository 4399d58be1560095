/* The engine's threads, and the turn of all without one. See engine_int.h. */
#define _GNU_SOURCE /* SCHED_IDLE */
#include "engine/engine_int.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

enum {
    LINGER_US = 500,    /* at most: a commit costs the same for one event and for fifty */
    LINGER_ENOUGH = 48, /* submissions that are company enough */
    STEPPER_NICE = 10,  /* of the ordinary one: what it does is durable, and others wait as well */
    BURST = 1000,       /* events that wait to be stepped */
    BURST_OVER = 100,
    LATE_US = 30000000, /* waits no longer for idle cores; about what backlog_max takes to step */
    CAUGHT_UP_US = 1000000,
    DELIVERS_US = 1000000 /* of stepping without a delivery, after which nobody waits for them */
};

static struct timespec after_us(int64_t us)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    int64_t ns = t.tv_nsec + us * 1000;
    t.tv_sec += ns / 1000000000;
    t.tv_nsec = ns % 1000000000;
    return t;
}

/* --- the appender --- */

/* The caller holds the lock. */
static xd_submission *take_batch(xd_engine *e)
{
    uint32_t waiting = e->queue_length;
    xd_submission *batch = xd_queue_take(e);
    e->turn_submissions = waiting - e->queue_length;
    e->appending = batch != NULL;
    return batch;
}

/* How many submissions are worth waiting for. Those just answered will mostly send again, those in
 * the queue wait already; a quarter of them may be late. A lone sender is answered at once. The
 * caller holds the lock. */
static uint32_t enough_company(const xd_engine *e)
{
    uint32_t company = e->turn_submissions + e->queue_length;
    company -= company / 4;
    return company < LINGER_ENOUGH ? company : LINGER_ENOUGH;
}

/* Waits for work and takes it; NULL when the thread is to end. */
static xd_submission *wait_for_batch(xd_engine *e)
{
    pthread_mutex_lock(&e->lock);
    uint32_t enough = enough_company(e);
    while (!e->queue_head && !e->stopping) {
        e->awaited = 1;
        pthread_cond_wait(&e->work, &e->lock);
    }
    const struct timespec until = after_us(LINGER_US);
    int rc = 0;
    while (e->queue_length < enough && !e->stopping && rc == 0) {
        e->awaited = enough;
        rc = pthread_cond_timedwait(&e->work, &e->lock, &until);
    }
    e->awaited = 0;
    xd_submission *batch = take_batch(e);
    if (!batch) {
        e->appender_over = true;
        pthread_cond_signal(&e->steps);
    }
    pthread_mutex_unlock(&e->lock);
    return batch;
}

void *xd_engine_run_appender(void *self)
{
    xd_engine *e = self;
    prctl(PR_SET_NAME, "xd-append"); /* what top and perf show */
    for (xd_submission *batch = wait_for_batch(e); batch; batch = wait_for_batch(e)) {
        xd_append_batch(e, batch);
    }
    return NULL;
}

/* --- the stepper ---
 *
 * Two threads, of which one at a time steps. The ordinary one has a share of the cores, if a
 * smaller one. The other has only what all others leave (SCHED_IDLE), and steps in a burst: when
 * many events wait, accepting more of them goes first, since what waits is durable. Not when
 * someone waits for what steps lead to (deliveries come of them, settle, the end), and not for
 * longer than LATE_US. Two, because a thread may always take the lowest priority, but needs a
 * privilege to leave it (ADR 6). */

/* Says which of the two goes on; called by the one that had the turn, with the lock. */
static void choose_stepper(xd_engine *e)
{
    bool burst = xd_work_waiting(e) > (e->ordinary ? BURST : BURST_OVER);
    bool late = xd_work_lag_us(e) > (e->ordinary ? CAUGHT_UP_US : LATE_US);
    bool delivers = e->offered_at_us && e->last_step_us - e->offered_at_us < DELIVERS_US;
    bool ordinary = !burst || late || delivers || e->stopping || e->write_now;
    if (ordinary != e->ordinary) {
        e->ordinary = ordinary;
        pthread_cond_broadcast(&e->turn);
    }
}

/* Returns when the thread, the ordinary one or the other, has something to do; false when it is to
 * end. */
static bool wait_for_steps(xd_engine *e, bool ordinary)
{
    pthread_mutex_lock(&e->lock);
    if (e->ordinary == ordinary) {
        choose_stepper(e);
    }
    while (e->ordinary != ordinary && !e->stepper_over) {
        pthread_cond_wait(&e->turn, &e->lock);
    }
    if (!e->stepper_over) {
        int64_t wait_us = xd_work_wait_us(e);
        bool stuck = e->failed || e->state_refused;
        bool asked = e->handed_head || (e->write_now && !stuck);
        e->stepper_over =
            e->stopping && e->appender_over && !e->handed_head && (xd_work_is_done(e) || stuck);
        if (e->stepper_over) {
            pthread_cond_broadcast(&e->turn);
        } else if (!asked && wait_us > 0) {
            struct timespec until = after_us(wait_us);
            e->stepper_waits = true;
            pthread_cond_timedwait(&e->steps, &e->lock, &until);
            e->stepper_waits = false;
        }
    }
    bool over = e->stepper_over;
    pthread_mutex_unlock(&e->lock);
    return !over;
}

void *xd_engine_run_idle_stepper(void *self)
{
    xd_engine *e = self;
    const struct sched_param none = {0};
    prctl(PR_SET_NAME, "xd-step-idle"); /* what top and perf show */
    /* Where that is refused it is as quick as others. */
    pthread_setschedparam(pthread_self(), SCHED_IDLE, &none);
    while (wait_for_steps(e, false)) {
        xd_work_turn(e);
    }
    return NULL;
}

void *xd_engine_run_stepper(void *self)
{
    xd_engine *e = self;
    prctl(PR_SET_NAME, "xd-step");
    setpriority(PRIO_PROCESS, 0, STEPPER_NICE); /* on Linux: of this thread */
    while (wait_for_steps(e, true)) {
        xd_work_turn(e);
    }
    return NULL;
}

/* --- without threads --- */

bool xd_engine_turn(xd_engine *e)
{
    pthread_mutex_lock(&e->lock);
    xd_submission *batch = take_batch(e);
    pthread_mutex_unlock(&e->lock);
    bool work = batch || !xd_work_is_done(e);
    if (batch) {
        xd_append_batch(e, batch);
    }
    xd_work_turn(e);
    return work;
}
