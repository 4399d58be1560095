/* Inside the engine: its state, and what its files do for each other. Private to src/engine.
 *
 * engine.c opens and closes it, queue.c is what submitters touch, loop.c holds the threads,
 * write.c is the appender's transaction, work.c the stepper's steps, writes, deliveries and timers.
 * The appender hands what it committed to the stepper in `handed`; the stepper tells what it has
 * written in `state_seq`. Nothing else is shared between them. */
#ifndef XD_ENGINE_ENGINE_INT_H
#define XD_ENGINE_ENGINE_INT_H

#include "engine/append.h"
#include "engine/engine.h"
#include "engine/processor.h"
#include "engine/timers.h"

#include <pthread.h>

struct xd_engine {
    uint32_t magic;
    xd_store *log;   /* borrows; the appender's */
    xd_store *state; /* borrows; the stepper's */
    bool one_store;  /* both are the same object: turns are taken under turn_lock */
    pthread_mutex_t turn_lock;
    xd_engine_options options;
    xd_delivery_port port; /* offer NULL: not connected */
    xd_code_port codes;    /* changed NULL: not connected */

    /* Shared with submitters and between the threads, under lock. */
    pthread_mutex_t lock;
    pthread_cond_t work;    /* the appender waits here */
    pthread_cond_t steps;   /* the stepper waits here */
    pthread_cond_t settled; /* settle waits here */
    xd_submission *queue_head;
    xd_submission **queue_tail;
    size_t queue_bytes;
    uint32_t queue_length;
    uint32_t awaited; /* submissions that the appender waits for; 0: it does not wait */
    bool stepper_waits;
    bool ordinary;              /* of the two steppers that one has the turn (loop.c) */
    bool stepper_over;          /* both are to end */
    pthread_cond_t turn;        /* the other one waits here */
    bool appending;             /* a batch is off the queue and not answered */
    bool appender_over;         /* its thread has ended, or never ran */
    xd_submission *handed_head; /* committed, for the stepper to take */
    xd_submission **handed_tail;
    xd_fault refusal; /* of the last write that the store refused */
    pthread_t appender_thread;
    pthread_t stepper_thread;
    pthread_t idle_thread;
    bool running;
    atomic_bool stopping;
    atomic_bool write_now;
    atomic_bool log_refused;         /* the store refused the last append */
    atomic_bool state_refused;       /* the store refused the last write of state */
    atomic_int_fast64_t retry_at_us; /* when the appender tries a refusing store again */
    atomic_bool failed; /* memory ran out in the middle of a change: only a restart is safe */
    atomic_size_t retained_bytes;       /* of what is handed or retained */
    atomic_int_fast64_t committed_head; /* last seq that is durable and handed over */

    /* The appender's own. */
    xd_appender appender;
    uint32_t turn_submissions; /* that the last turn took, and so answered */

    /* The stepper's own: of the thread that has the turn. */
    xd_processor *processor; /* owns */
    xd_timers timers;
    xd_arena read_arena;
    xd_submission *retained_head; /* taken, not wholly stepped, in order */
    xd_submission **retained_tail;
    int64_t offer_from; /* deliveries are offered once this seq is stepped */
    bool offering;
    xd_parcel *offers; /* of the steps of this turn, in order */
    xd_parcel **offers_tail;
    int64_t dirty_since_us;    /* monotonic; 0 when nothing is dirty */
    int64_t last_step_us;      /* monotonic */
    int64_t offered_at_us;     /* monotonic; 0 before the first delivery */
    xd_instant stepped_at;     /* when the event stepped last was recorded; 0 before the first */
    int64_t write_retry_at_us; /* 0: the store takes state */

    atomic_int_fast64_t appended, duplicates, conflicts, refused, stepped, batches, flushes, rows,
        state_seq, stepped_seq, append_us, step_us, commit_us, write_us;
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

/* Appends the batch, commits, answers the senders, hands over to the stepper. */
void xd_append_batch(xd_engine *engine, xd_submission *batch);
/* Whether event i of the submission was appended by it. */
bool xd_submission_is_new(const xd_submission *submission, uint32_t i);

/* The stepper's turn: steps some of what is durable, writes state when it is due. */
void xd_work_turn(xd_engine *engine);
/* Microseconds until the stepper has something to do by itself; 0 for now. */
int64_t xd_work_wait_us(xd_engine *engine);
/* How many durable events are not stepped. */
int64_t xd_work_waiting(const xd_engine *engine);
/* How long what is to be stepped next has waited, about; 0 when nothing waits. */
int64_t xd_work_lag_us(const xd_engine *engine);
/* Whether all that is durable is stepped and written. */
bool xd_work_is_done(const xd_engine *engine);
/* The processor's ports (self is the engine). */
void xd_work_offer(void *self, xd_parcel *parcel);
void xd_work_timer_set(void *self, xd_instant due, xd_str key);
void xd_work_code_changed(void *self, const xd_event *event);

/* Bodies of the engine's threads. */
void *xd_engine_run_appender(void *engine);
void *xd_engine_run_stepper(void *engine);
void *xd_engine_run_idle_stepper(void *engine);

#endif
