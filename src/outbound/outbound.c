/* Outbound: the delivery thread. Runs the dispatch over sockets and the machine's clocks, and shows
 * what it does. Owns both. */
#include "outbound/outbound.h"

#include "outbound/dispatch.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

enum { IDLE_MS = 1000 };

struct xd_outbound {
    xd_remote_options remotes[XD_SCHEDULE_MAX_LANES]; /* with defaults filled in */
    xd_transport *transport;
    xd_dispatch *dispatch;
    pthread_t thread;
    bool running;
    atomic_bool stopping;
    atomic_int_fast64_t stop_at_us;
    pthread_mutex_t report_lock;
    xd_outbound_report report; /* behind the lock */
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

static void take_down(xd_outbound *o)
{
    xd_dispatch_destroy(o->dispatch);
    xd_transport_destroy(o->transport);
    pthread_mutex_destroy(&o->report_lock);
    free(o);
}

static xd_status make_parts(xd_outbound *o, const xd_outbound_options *options, xd_store *reader,
                            xd_fault *fault)
{
    xd_outbound_options filled = *options;
    filled.remotes = o->remotes;
    XD_TRY(xd_transport_create(o->remotes, options->remote_count, &o->transport, fault));
    return xd_dispatch_create(&filled, reader, xd_transport_port_of(o->transport),
                              (xd_outbound_clock){monotonic_us, wall_clock}, &o->dispatch, fault);
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
        return xd_fail(fault, XD_NO_MEMORY, NULL, "no memory for outbound delivery");
    }
    pthread_mutex_init(&o->report_lock, NULL);
    for (uint32_t i = 0; i < options->remote_count; i++) {
        o->remotes[i] = options->remotes[i];
        xd_remote_fill_defaults(&o->remotes[i]);
    }
    xd_status status = make_parts(o, options, reader, fault);
    if (status != XD_OK) {
        take_down(o);
        return status;
    }
    xd_dispatch_report(o->dispatch, &o->report);
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
    return xd_dispatch_port(o->dispatch);
}

/* --- the thread --- */

/* Milliseconds until something is due by itself, rounded up so that it is due then. */
static int32_t time_to_wait_ms(xd_outbound *o, bool stopping)
{
    int64_t now_us = monotonic_us();
    int64_t at_us = now_us + (int64_t)IDLE_MS * 1000;
    int64_t due_us = xd_dispatch_wake_at(o->dispatch, stopping);
    at_us = due_us < at_us ? due_us : at_us;
    if (stopping && atomic_load(&o->stop_at_us) < at_us) {
        at_us = atomic_load(&o->stop_at_us);
    }
    return at_us <= now_us ? 0 : (int32_t)((at_us - now_us + 999) / 1000);
}

static void *run(void *self)
{
    prctl(PR_SET_NAME, "xd-outbound"); /* what top and perf show */
    xd_outbound *o = self;
    for (;;) {
        bool stopping = atomic_load(&o->stopping);
        xd_dispatch_turn(o->dispatch, stopping);
        pthread_mutex_lock(&o->report_lock);
        xd_dispatch_report(o->dispatch, &o->report);
        pthread_mutex_unlock(&o->report_lock);
        /* Nothing is left to finish, or there is no more time for it. */
        if (stopping &&
            (xd_dispatch_is_idle(o->dispatch) || monotonic_us() >= atomic_load(&o->stop_at_us))) {
            return NULL;
        }
        int32_t timeout_ms = time_to_wait_ms(o, stopping);
        if (timeout_ms > 0 && !xd_dispatch_may_sleep(o->dispatch)) {
            timeout_ms = 0;
        }
        xd_transport_wait(o->transport, timeout_ms);
    }
}

xd_status xd_outbound_start(xd_outbound *o, xd_engine *engine, xd_fault *fault)
{
    assert(!o->running);
    xd_dispatch_connect(o->dispatch, engine);
    if (pthread_create(&o->thread, NULL, run, o) != 0) {
        return xd_fail(fault, XD_UNAVAILABLE, "outbound.thread",
                       "cannot start the delivery thread");
    }
    o->running = true;
    return XD_OK;
}

void xd_outbound_stop(xd_outbound *o, int32_t grace_ms)
{
    xd_dispatch_close(o->dispatch);
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
