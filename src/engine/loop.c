/* The engine's two threads, and the turn of both without one. See engine_int.h. */
#include "engine/engine_int.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

enum {
    LINGER_US = 500,    /* at most: a commit costs the same for one event and for fifty */
    LINGER_ENOUGH = 48, /* submissions that are company enough */
    STEPPER_NICE = 19   /* when the cores are full, accepting goes first: what waits is durable */
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

/* --- the stepper --- */

/* Returns false when the thread is to end. */
static bool wait_for_steps(xd_engine *e)
{
    int64_t wait_us = xd_work_wait_us(e);
    bool stuck = e->failed || e->state_refused;
    pthread_mutex_lock(&e->lock);
    bool over = e->stopping && e->appender_over && !e->handed_head && (xd_work_is_done(e) || stuck);
    bool asked = e->handed_head || (e->write_now && !stuck);
    if (!over && !asked && wait_us > 0) {
        struct timespec until = after_us(wait_us);
        e->stepper_waits = true;
        pthread_cond_timedwait(&e->steps, &e->lock, &until);
        e->stepper_waits = false;
    }
    pthread_mutex_unlock(&e->lock);
    return !over;
}

void *xd_engine_run_stepper(void *self)
{
    xd_engine *e = self;
    prctl(PR_SET_NAME, "xd-step");
    setpriority(PRIO_PROCESS, 0, STEPPER_NICE); /* on Linux: of this thread */
    while (wait_for_steps(e)) {
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
