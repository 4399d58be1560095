/* The queue of submissions: the one place that other threads touch. See engine_int.h. */
#include "engine/engine_int.h"

/* While the log refuses, one sender is let in now and then, to find out whether it still does. The
 * caller holds the lock. */
static bool is_refusing(xd_engine *e)
{
    bool try_again = !e->queue_head && !e->appending && xd_engine_now_us() >= e->retry_at_us;
    return e->state_refused || (e->log_refused && !try_again);
}

xd_status xd_engine_submit(xd_engine *e, xd_submission *s, xd_fault *fault)
{
    xd_status status = XD_OK;
    bool wake = false;
    bool internal = s->count == 1 && s->events[0].kind->internal;
    pthread_mutex_lock(&e->lock);
    int64_t backlog = atomic_load_explicit(&e->committed_head, memory_order_relaxed) -
                      atomic_load_explicit(&e->stepped_seq, memory_order_relaxed);
    if (e->stopping) {
        status = xd_fail(fault, XD_BUSY, "engine.stopping", "the hub is stopping; try again later");
    } else if (is_refusing(e) && !internal) {
        status = e->refusal.code;
        if (fault) {
            *fault = e->refusal;
        }
    } else if (internal) {
        /* Results of deliveries must get in even when intake is pushed back: they free memory. */
    } else if (e->queue_length >= e->options.queue_max ||
               e->queue_bytes + s->bytes > e->options.queue_max_bytes) {
        status = xd_fail(fault, XD_BUSY, "engine.queue",
                         "%u requests are waiting already; try again in a moment", e->queue_length);
    } else if (backlog > e->options.backlog_max) {
        status = xd_fail(fault, XD_BUSY, "engine.backlog",
                         "%lld events wait to be processed; try again later", (long long)backlog);
    }
    if (status == XD_OK) {
        s->next = NULL;
        *e->queue_tail = s;
        e->queue_tail = &s->next;
        e->queue_length++;
        e->queue_bytes += s->bytes;
        atomic_store_explicit(&e->queue_count, e->queue_length, memory_order_relaxed);
        wake = e->awaited > 0 && e->queue_length >= e->awaited;
        e->awaited = wake ? 0 : e->awaited;
    } else {
        xd_figure_add(&e->refused, s->count);
    }
    pthread_mutex_unlock(&e->lock);
    if (wake) {
        pthread_cond_signal(&e->work);
    }
    if (status != XD_OK) {
        xd_submission_release(s); /* the engine's share */
    }
    return status;
}

/* Takes submissions of together at most batch_max events (at least one submission). Locked by the
 * caller. */
xd_submission *xd_queue_take(xd_engine *e)
{
    xd_submission *first = e->queue_head;
    xd_submission **link = &e->queue_head;
    uint32_t events = 0;
    while (*link && (events == 0 || events + (*link)->count <= e->options.batch_max)) {
        events += (*link)->count;
        e->queue_length--;
        e->queue_bytes -= (*link)->bytes;
        link = &(*link)->next;
    }
    if (link == &e->queue_head) {
        return NULL;
    }
    e->queue_head = *link;
    if (!e->queue_head) {
        e->queue_tail = &e->queue_head;
    }
    *link = NULL;
    atomic_store_explicit(&e->queue_count, e->queue_length, memory_order_relaxed);
    return first;
}
