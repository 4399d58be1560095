/* The engine: the only door into the log (append), then the step of every event in log order.
 *
 * One thread takes what waits in the queue, appends it to the log (deduplicating on source and id),
 * commits once, and only then answers the senders. Another steps what is durable against the state
 * cache, offers deliveries to outbound, and writes state in groups of its own transactions; in a
 * burst a third takes its place, which has only the cores that nobody else wants. State is a pure
 * function of the log: what has not been written when the process dies is stepped again at the next
 * start. */
#ifndef XD_ENGINE_ENGINE_H
#define XD_ENGINE_ENGINE_H

#include "canon/event.h"
#include "flow/step.h"
#include "port/store.h"

#include <stdatomic.h>

typedef struct xd_engine xd_engine;

/* Answer to one event of a submission. */
typedef struct xd_appended {
    xd_status status; /* XD_OK, or XD_CONFLICT (this id has other content) */
    bool duplicate;   /* already in the log with the same content: nothing was appended */
    int64_t seq;      /* its place in the log (of the first one, when duplicate or conflict) */
} xd_appended;

/* One request on its way to the log: decoded, validated events that are appended together.
 * Two owners (submitter and engine); each calls xd_submission_release once. */
typedef struct xd_submission xd_submission;
struct xd_submission {
    xd_arena arena; /* owns everything below */
    xd_event *events;
    uint32_t count;
    bool all_or_nothing;  /* one conflict refuses all (batch mode); false: each for itself */
    xd_appended *results; /* count entries, filled by the engine */
    xd_status
        status; /* of the whole: XD_OK, XD_CONFLICT (idempotency key or batch), or a store fault */
    xd_fault fault; /* when status is not XD_OK */
    size_t bytes;   /* of the payload, for queue limits */
    /* What the events were mapped from, kept in the transaction of the first that is new; ptr NULL:
     * nothing. raw_hash is its SHA-256 in hexadecimal. The texts must outlive done. */
    xd_str raw_bytes, raw_media, raw_hash;
    /* Idempotency-Key, or empty. */
    xd_str consumer;
    xd_str idempotency_key;
    xd_str payload_hash;
    xd_str stored_answer; /* set when the key was used before with this payload: answer this */
    /* Renders the answer that is kept under the idempotency key; called only when there is a key.
     */
    void (*answer)(xd_submission *submission, xd_buf *ret_answer);
    /* Called on the engine thread once the outcome is durable (or refused). Must be quick. */
    void (*done)(xd_submission *submission);
    void *context; /* the submitter's */
    /* The submitter's too, at any time: the engine never looks at them. */
    void *waiter;
    xd_submission *link;
    /* The engine's. */
    xd_submission *next;
    atomic_int owners;
    uint32_t unstepped;
};

/* Room for count events in a fresh submission owned by the caller and (later) the engine; NULL when
 * out of memory. arena_cap bounds everything of this request. */
xd_submission *xd_submission_create(uint32_t count, size_t arena_cap);
/* As above for one event, which with all that belongs to it will likely take likely_bytes. */
xd_submission *xd_submission_create_one(size_t likely_bytes, size_t arena_cap);
void xd_submission_release(xd_submission *submission);

/* What outbound gets of one event: its deliveries and, when still at hand, the texts to render
 * from. Shared; release when done. */
typedef struct xd_parcel {
    atomic_int owners;
    struct xd_parcel *next; /* for whoever owns the parcel alone */
    int64_t seq;
    xd_str data_text; /* ptr NULL: load from the store (log body and effect) */
    xd_str effect;
    xd_str source, id, key, trace;
    xd_kind kind;
    xd_instant recorded_at, time;
    uint32_t count;
    struct xd_parcel_delivery {
        uint32_t index;
        uint32_t message;
        xd_str system; /* name */
        xd_str order_key;
        xd_str map;       /* "name@<hash>": version of the map of its body; ptr NULL: none */
        int64_t codes_at; /* event as of which that map sees codes */
    } deliveries[];
} xd_parcel;
void xd_parcel_release(xd_parcel *parcel);

/* Where the engine offers deliveries; called on the stepping thread, in log order. The
 * callee takes over one ownership of the parcel. Must not block. */
typedef struct xd_delivery_port {
    void *self;
    void (*offer)(void *self, xd_parcel *parcel);
} xd_delivery_port;

/* Who keeps an index of codes; told on the stepping thread, in log order, of every crosswalk event
 * that is stepped from connecting on (what was written before is in state). Must be quick. */
typedef struct xd_code_port {
    void *self;
    void (*changed)(void *self, const xd_event *event);
} xd_code_port;

typedef struct xd_engine_options {
    uint32_t queue_max;     /* submissions waiting, default 4096 */
    size_t queue_max_bytes; /* default 64 MiB */
    int64_t
        backlog_max; /* events appended and not yet stepped, default 1,000,000: past it, XD_BUSY */
    uint32_t batch_max;        /* events appended per transaction, default 1024 */
    uint32_t flush_rows;       /* state rows that force a write, default 8000 */
    int32_t flush_ms;          /* oldest unwritten state, default 100 */
    size_t cache_bytes;        /* clean state kept in memory, default 24 MiB */
    xd_instant (*clock)(void); /* recorded_at of events */
} xd_engine_options;

typedef struct xd_engine_stats {
    int64_t appended, duplicates, conflicts, refused; /* events since start */
    int64_t stepped, batches, flushes, rows_written;
    int64_t log_head, state_seq, stepped_seq;
    int64_t queue_length, backlog;
    bool failed; /* nothing more is accepted or processed: the hub must be started anew */
    int64_t append_us, commit_us, step_us, write_us; /* time spent, since start */
} xd_engine_stats;

/* Opens the engine on the log and the state (both borrowed and used only by the engine from now on;
 * one store object may be both, at the price that appends and steps take turns): loads the
 * definition in force, appends definition_json as a hub.definition event when it differs from the
 * last one, and steps what the log holds beyond the written state. */
XD_CHECKED xd_status xd_engine_create(xd_store *log, xd_store *state,
                                      const xd_engine_options *options, xd_str definition_json,
                                      xd_engine **ret, xd_fault *fault);
/* Stops (draining the queue) and frees. Accepts NULL. */
void xd_engine_destroy(xd_engine *engine);
/* Frees without draining or writing, as a crash would: what waits in the queue is never answered.
 * Only for an engine whose threads do not run. */
void xd_engine_abandon(xd_engine *engine);
/* Offers every unsettled delivery, then new ones as they come. Call once, before start. */
XD_CHECKED xd_status xd_engine_connect(xd_engine *engine, xd_delivery_port port, xd_fault *fault);
/* Tells port of codes. Call once, before start. */
XD_CHECKED xd_status xd_engine_connect_codes(xd_engine *engine, xd_code_port port, xd_fault *fault);
/* Runs the engine's threads until xd_engine_stop. */
XD_CHECKED xd_status xd_engine_start(xd_engine *engine, xd_fault *fault);
/* Refuses new submissions, finishes queued ones, steps the backlog, writes state, joins the
 * threads. */
void xd_engine_stop(xd_engine *engine);
/* One turn of both without a thread (tests, simulation): true when there was something to do. */
bool xd_engine_turn(xd_engine *engine);

/* Hands a submission over. XD_OK: the engine will call done exactly once. XD_BUSY: a limit is
 * reached, try again after a moment (429/503); XD_FULL, XD_IO: the store refuses writes now.
 * When it is not XD_OK the engine has given up its share and done is never called; the caller
 * releases its own share once in either case. Thread-safe. */
XD_CHECKED xd_status xd_engine_submit(xd_engine *engine, xd_submission *submission,
                                      xd_fault *fault);
/* Submits one hub-internal event (kind is internal) and waits until it is durable. Thread-safe. */
XD_CHECKED xd_status xd_engine_post(xd_engine *engine, xd_kind kind, xd_str id, xd_str actor,
                                    xd_str data_json, int64_t *ret_seq, xd_fault *fault);
/* A copy of the figures; thread-safe. */
void xd_engine_stats_get(xd_engine *engine, xd_engine_stats *ret);
/* Waits until everything appended so far has been stepped and written; false on timeout.
 * Thread-safe. */
bool xd_engine_settle(xd_engine *engine, int32_t timeout_ms);

#endif
