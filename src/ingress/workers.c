/* Workers: a few threads for what may take a while (reads, decisions), so that it never holds up
 * intake, and one for large bodies, so that they hold up neither the small ones nor wait for reads.
 * Now and then one of them looks after slow clients. See ingress_int.h. */
#include "ingress/ingress_int.h"

#include <assert.h>
#include <time.h>

enum { SWEEP_MS = 500, COME_BACK_MS = 5 };

void xd_workers_add(xd_workers *w, xd_request *r)
{
    pthread_mutex_lock(&w->lock);
    r->next = NULL;
    *w->tail = r;
    w->tail = &r->next;
    pthread_cond_signal(&w->work);
    pthread_mutex_unlock(&w->lock);
}

bool xd_workers_are_free(xd_workers *w)
{
    pthread_mutex_lock(&w->lock);
    bool are = !w->head && w->at_rest > 0;
    pthread_mutex_unlock(&w->lock);
    return are;
}

static void add_ms(struct timespec *t, int32_t ms)
{
    t->tv_nsec += ms % 1000 * 1000000L;
    t->tv_sec += ms / 1000 + t->tv_nsec / 1000000000;
    t->tv_nsec %= 1000000000;
}

/* The next request, or NULL after wait_ms without one. */
static xd_request *take(xd_workers *w, int32_t wait_ms, bool *ret_stopping)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    add_ms(&until, wait_ms);
    pthread_mutex_lock(&w->lock);
    int rc = 0;
    w->at_rest++;
    while (!w->head && !w->stopping && rc == 0) {
        rc = pthread_cond_timedwait(&w->work, &w->lock, &until);
    }
    w->at_rest--;
    xd_request *r = w->head;
    if (r) {
        w->head = r->next;
        w->tail = w->head ? w->tail : &w->head;
    }
    *ret_stopping = w->stopping && !r;
    pthread_mutex_unlock(&w->lock);
    return r;
}

static void work_on(xd_workers *w, xd_request *r)
{
    if (r->work(r)) {
        xd_request_wake(r);
        return;
    }
    /* Not yet: others first. The pause keeps a lone waiter from spinning. */
    nanosleep(&(struct timespec){.tv_nsec = COME_BACK_MS * 1000000L}, NULL);
    xd_workers_add(w, r);
}

static void *run(void *self)
{
    xd_workers *w = self;
    int64_t next_sweep = 0;
    for (;;) {
        bool stopping;
        xd_request *r = take(w, SWEEP_MS, &stopping);
        if (stopping) {
            return NULL;
        }
        if (r) {
            work_on(w, r);
        }
        int64_t now = xd_ingress_now_us();
        if (now >= next_sweep) {
            next_sweep = now + SWEEP_MS * 1000;
            xd_ingress_sweep(w->ingress);
        }
    }
}

xd_status xd_workers_start(xd_workers *w, xd_ingress *g, uint32_t count, xd_fault *fault)
{
    assert(count <= XD_WORKERS_MAX);
    w->ingress = g;
    w->tail = &w->head;
    w->ready = true;
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&w->work, &attributes);
    pthread_condattr_destroy(&attributes);
    while (w->running < count) {
        if (pthread_create(&w->threads[w->running], NULL, run, w) != 0) {
            return xd_fail(fault, XD_UNAVAILABLE, "ingress.thread", "cannot start a thread");
        }
        w->running++;
    }
    return XD_OK;
}

void xd_workers_stop(xd_workers *w)
{
    if (!w->ready) {
        return;
    }
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_broadcast(&w->work);
    pthread_mutex_unlock(&w->lock);
    while (w->running > 0) {
        pthread_join(w->threads[--w->running], NULL);
    }
    pthread_cond_destroy(&w->work);
    pthread_mutex_destroy(&w->lock);
}
