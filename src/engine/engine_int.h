/* Inside the engine: its state, and what its files do for each other. Private to src/engine.
 *
 * engine.c opens and closes it, queue.c is what submitters touch, write.c is the transaction,
 * work.c the steps, deliveries and timers, loop.c the turn. */
#ifndef XD_ENGINE_ENGINE_INT_H
#define XD_ENGINE_ENGINE_INT_H

#include "engine/append.h"
#include "engine/engine.h"
#include "engine/processor.h"
#include "engine/timers.h"

#include <pthread.h>

struct xd_engine {
    uint32_t magic;
    xd_store *store; /* borrows */
    xd_engine_options options;
    xd_processor *processor; /* owns */
    xd_appender appender;
    xd_delivery_port port; /* offer NULL: not connected */
    xd_timers timers;
    xd_arena read_arena;

    /* Shared with submitters, under lock. */
    pthread_mutex_t lock;
    pthread_cond_t work;    /* the engine waits here */
    pthread_cond_t settled; /* settle waits here */
    xd_submission *queue_head;
    xd_submission **queue_tail;
    size_t queue_bytes;
    uint32_t queue_length;
    bool waiting;
    atomic_bool stopping;
    atomic_bool write_now;
    atomic_bool writes_refused; /* the store refused the last write */
    xd_fault refusal;
    pthread_t thread;
    bool running;

    /* The engine thread's own. */
    xd_submission *retained_head; /* appended, not wholly stepped, in order */
    xd_submission **retained_tail;
    size_t retained_bytes;
    int64_t offer_from; /* deliveries are offered once this seq is stepped */
    bool offering;
    int64_t dirty_since_us; /* monotonic; 0 when nothing is dirty */
    int64_t retry_at_us;
    uint32_t turn_submissions; /* that the last turn found waiting */
    uint32_t turn_appended;
    atomic_bool failed; /* memory ran out in the middle of a change: only a restart is safe */

    atomic_int_fast64_t appended, duplicates, conflicts, refused, stepped, batches, flushes, rows,
        log_head, state_seq, stepped_seq, append_us, step_us, commit_us;
    atomic_uint_fast32_t queue_count; /* queue_length, readable without the lock */
};

static inline void xd_figure_add(atomic_int_fast64_t *figure, int64_t n)
{
    atomic_fetch_add_explicit(figure, n, memory_order_relaxed);
}

static inline void xd_figure_set(atomic_int_fast64_t *figure, int64_t n)
{
    atomic_store_explicit(figure, n, memory_order_relaxed);
}

/* Microseconds of the monotonic clock: for waiting and figures only, never for state. */
int64_t xd_engine_now_us(void);

/* A submission of one event of the hub's own; NULL and *fault when out of memory or malformed. */
xd_submission *xd_engine_internal(xd_kind kind, xd_str id, xd_str actor, xd_str data,
                                  xd_fault *fault);

/* Takes submissions of together at most batch_max events (at least one submission) off the queue.
 * The caller holds the lock. */
xd_submission *xd_queue_take(xd_engine *engine);

/* Whether state should be written with the next transaction. */
bool xd_write_is_due(xd_engine *engine, int64_t now_us);
/* Appends the batch, writes state when asked to, commits, answers the senders. */
void xd_write_batch(xd_engine *engine, xd_submission *batch, bool with_state);
/* Whether event i of the submission was appended by it. */
bool xd_submission_is_new(const xd_submission *submission, uint32_t i);

/* Steps pending events: all of them, or the engine's share while senders wait. */
void xd_work_step(xd_engine *engine);
/* Offers the whole outbox once what the log held at the start is stepped and written. */
void xd_work_begin_offering(xd_engine *engine);
/* Submits an event for every timer that is due. */
void xd_work_fire_timers(xd_engine *engine);
/* The processor's ports (self is the engine). */
void xd_work_offer(void *self, xd_parcel *parcel);
void xd_work_timer_set(void *self, xd_instant due, xd_str key);

/* Body of the engine thread. */
void *xd_engine_run(void *engine);

#endif
