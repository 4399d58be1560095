/* What the engine asks of a store, in two halves that are committed apart. The log: an append-only
 * sequence of events, and the answers kept for Idempotency-Key. The state: documents by (kind,
 * key), numbered documents, and the register of events (the log's lines without their bodies, by
 * identity and number); a pure function of the log, never ahead of it. Everything between begin and
 * commit is applied whole or not at all. Drivers: src/store/sqlite, src/store/memory. One writer of
 * each half; a store object is used by one thread at a time. Values are JSON text. */
#ifndef XD_PORT_STORE_H
#define XD_PORT_STORE_H

#include "base/arena.h"
#include "base/status.h"
#include "base/time.h"

/* Kinds of state documents. Numbers are persisted; names are what people see in views. */
typedef enum xd_state_kind {
    XD_STATE_NONE = 0,
    XD_STATE_ITEM = 1,            /* item code */
    XD_STATE_SUPPLIER = 2,        /* supplier code */
    XD_STATE_SITE = 3,            /* site code */
    XD_STATE_UOM = 4,             /* unit code */
    XD_STATE_ACCOUNT = 5,         /* role or role/category */
    XD_STATE_CROSSWALK = 6,       /* table/system/code: all its entries, in order of time */
    XD_STATE_PURCHASE_ORDER = 10, /* po: header, no lines */
    XD_STATE_ORDER_LINE = 11,     /* po/line */
    XD_STATE_RECEIPT_LINE = 12,   /* n/po/line, n six digits: what a match is made against */
    XD_STATE_ORDER_CHANGE = 13,
    XD_STATE_ACKNOWLEDGEMENT = 14,
    XD_STATE_SHIP_NOTICE = 15,
    XD_STATE_ORDER_ITEM = 16, /* po/item: the order lines that order it */
    XD_STATE_RECEIPT = 20,    /* site/receipt number */
    XD_STATE_RETURN = 21,
    XD_STATE_MOVEMENT = 22,     /* adjustment, count, transfer, shipment: kind name/number */
    XD_STATE_STOCK = 23,        /* site/item: quantity and value on hand */
    XD_STATE_INVOICE = 30,      /* supplier/normalised number/year */
    XD_STATE_MATCH = 31,        /* invoice key/line/n: one allocation */
    XD_STATE_HOLD = 32,         /* hold id */
    XD_STATE_INVOICE_LINE = 33, /* invoice key/n: one invoice line, n-th of its invoice */
    XD_STATE_CREDIT = 34,
    XD_STATE_PAYMENT = 35,
    XD_STATE_LEDGER = 36,     /* "journal": numbers given so far, head of the hash chain */
    XD_STATE_CONTROL = 38,    /* po/line: p2p-controls counters and findings */
    XD_STATE_DUPLICATE = 39,  /* soft duplicate key -> invoice */
    XD_STATE_PARK_QUEUE = 50, /* wait kind/wait key: first and next number */
    XD_STATE_PARKED = 51,     /* wait kind/wait key/n: one parked event */
    XD_STATE_OUTBOX = 52,     /* seq as 16 hex digits: deliveries not yet settled */
    XD_STATE_DEAD = 53,       /* delivery id: dead letter with its reason */
    XD_STATE_EXCEPTION = 54,  /* seq as 16 hex digits: a business exception for a person */
    XD_STATE_TIMER = 55,
    XD_STATE_DEFINITION = 56, /* "current" */
    XD_STATE_CODE_WAIT = 58,  /* table/system/code: numbers of its rows; table/system/code/n: a
                                 delivery that waits for the code */
    XD_STATE_MAP = 57,        /* the map's hash: one version; name/<name>: the newest one's hash */
    XD_STATE_LIMIT = 64
} xd_state_kind;

/* Lower-case name of a state kind ("order_line"); NULL when unknown. */
const char *xd_state_kind_name(xd_state_kind kind);

/* Append-only numbered documents. */
typedef enum xd_numbered {
    XD_NUMBERED_EFFECT = 1, /* by event seq: what the flow did and why, and what it sends; may be
                               replaced when a parked event resumes */
    XD_NUMBERED_JOURNAL = 2 /* by posting ordinal 1..: journal entry, with hash */
} xd_numbered;

typedef struct xd_log_row {
    int64_t seq;
    xd_instant recorded_at;
    int32_t kind; /* xd_kind */
    xd_str source;
    xd_str id;
    xd_str key;
    xd_str order_key; /* for looking up all events of one order; "" when there is none */
    xd_instant time;  /* XD_INSTANT_NONE when absent */
    xd_str actor;
    xd_str trace;
    xd_str body;
    xd_str map; /* hash of the map that made the body, 64 hex digits; "" when it came as it is */
    xd_str raw; /* "<hash>#<record>": the bytes that the map was given; "" when none are kept */
} xd_log_row;

typedef struct xd_store xd_store;

/* Called per row; pointers live until the callback returns. A status other than XD_OK stops the
 * walk and is returned. */
typedef xd_status (*xd_log_visit)(void *context, const xd_log_row *row);
typedef xd_status (*xd_state_visit)(void *context, xd_state_kind kind, xd_str key, xd_str value);
typedef xd_status (*xd_numbered_visit)(void *context, int64_t number, xd_str value);

typedef struct xd_store_ops {
    void (*destroy)(xd_store *store);
    xd_status (*begin)(xd_store *store, xd_fault *fault);
    /* Durable when it returns XD_OK. On failure the transaction is rolled back. */
    xd_status (*commit)(xd_store *store, xd_fault *fault);
    void (*rollback)(xd_store *store);
    /* Between hold and let_go (outside a transaction) reads share one snapshot and cost no lock
     * each. A hint: a store may do nothing. begin must not be called in between. */
    void (*hold)(xd_store *store);
    void (*let_go)(xd_store *store);
    /* Appends row at row->seq, which must be head + 1. That (source, id) is new is the caller's to
     * know. */
    xd_status (*log_append)(xd_store *store, const xd_log_row *row, xd_fault *fault);
    /* One row by seq, copied into arena; XD_NOT_FOUND. */
    xd_status (*log_get)(xd_store *store, int64_t seq, xd_arena *arena, xd_log_row *ret_row,
                         xd_fault *fault);
    /* Keeps bytes as they were received, once, under their SHA-256 in hexadecimal; in the
     * transaction of the events that name them. What is there already is left alone. */
    xd_status (*raw_put)(xd_store *store, xd_str hash, xd_str media, xd_str bytes, xd_fault *fault);
    /* Copied into arena; XD_OK with *ret_bytes = XD_STR_NULL when absent. */
    xd_status (*raw_get)(xd_store *store, xd_str hash, xd_arena *arena, xd_str *ret_media,
                         xd_str *ret_bytes, xd_fault *fault);
    /* Rows with seq > after in order, at most limit. */
    xd_status (*log_each)(xd_store *store, int64_t after, int64_t limit, xd_log_visit visit,
                          void *context, xd_fault *fault);
    xd_status (*log_head)(xd_store *store, int64_t *ret_seq, xd_fault *fault);
    /* Enters an event into the register, with the state that its step led to; row->body is only
     * measured. Of an event that is in it already only key and order_key are taken; another event
     * of its identity is left alone. */
    xd_status (*event_put)(xd_store *store, const xd_log_row *row, xd_fault *fault);
    /* Seq of the registered event of this identity, 0 when there is none. */
    xd_status (*event_find)(xd_store *store, xd_str source, xd_str id, int64_t *ret_seq,
                            xd_fault *fault);
    /* Value copied into arena; XD_OK with *ret_value = XD_STR_NULL when absent. */
    xd_status (*state_get)(xd_store *store, xd_state_kind kind, xd_str key, xd_arena *arena,
                           xd_str *ret_value, xd_fault *fault);
    /* value.ptr NULL deletes; deleting what is absent is fine. */
    xd_status (*state_put)(xd_store *store, xd_state_kind kind, xd_str key, xd_str value,
                           xd_fault *fault);
    /* All state in order of (kind number, key bytes); only_kind XD_STATE_NONE means every kind. */
    xd_status (*state_each)(xd_store *store, xd_state_kind only_kind, xd_state_visit visit,
                            void *context, xd_fault *fault);
    xd_status (*numbered_put)(xd_store *store, xd_numbered table, int64_t number, xd_str value,
                              xd_fault *fault);
    xd_status (*numbered_get)(xd_store *store, xd_numbered table, int64_t number, xd_arena *arena,
                              xd_str *ret_value, xd_fault *fault);
    xd_status (*numbered_each)(xd_store *store, xd_numbered table, int64_t after, int64_t limit,
                               xd_numbered_visit visit, void *context, xd_fault *fault);
    /* Small named integers of the state, such as "state_seq"; absent is 0. */
    xd_status (*meta_get)(xd_store *store, xd_str name, int64_t *ret_value, xd_fault *fault);
    xd_status (*meta_put)(xd_store *store, xd_str name, int64_t value, xd_fault *fault);
    /* Answers kept for Idempotency-Key, scoped by consumer. Absent: *ret_answer = XD_STR_NULL. */
    xd_status (*answer_get)(xd_store *store, xd_str consumer, xd_str key, xd_arena *arena,
                            xd_str *ret_payload_hash, xd_str *ret_answer, xd_fault *fault);
    xd_status (*answer_put)(xd_store *store, xd_str consumer, xd_str key, xd_str payload_hash,
                            xd_str answer, xd_instant at, xd_fault *fault);
    /* Forgets answers older than before. */
    xd_status (*answer_purge)(xd_store *store, xd_instant before, xd_fault *fault);
} xd_store_ops;

struct xd_store {
    const xd_store_ops *ops;
};

/* Memory driver: reference for tests, replay and simulation. NULL when out of memory. */
xd_store *xd_store_memory_create(void);

typedef enum xd_store_mode {
    XD_STORE_WRITE,       /* both halves, committed log first, for one thread (tools, tests) */
    XD_STORE_WRITE_LOG,   /* the log; the register can be asked */
    XD_STORE_WRITE_STATE, /* the state; the log can be read. Beside a WRITE_LOG of this process */
    XD_STORE_READ,        /* read-only, beside the writers */
    XD_STORE_STILL        /* read-only, of files that nobody writes: a backup */
} xd_store_mode;

/* SQLite driver: path of the state's file; the log is beside it (crossdock.db, crossdock-log.db).
 * WAL; the log synchronous FULL; the state NORMAL: after a power cut it may fall back, never apart.
 * WRITE and WRITE_LOG take the lock, create and migrate both files and refuse a newer schema.
 * Faults: XD_IO, XD_FULL, XD_BUSY (locked by another process), XD_CORRUPT, XD_CONFLICT (newer
 * schema, another program's file), and for reading XD_NOT_FOUND. begin waits a few milliseconds
 * when the write-ahead log is long; a reader's begin only fixes what it sees. Checkpoints run on
 * threads of the driver's own so that commit never waits for one. */
XD_CHECKED xd_status xd_store_sqlite_open(const char *path, xd_store_mode mode, xd_store **ret,
                                          xd_fault *fault);

/* Called now and then with the bytes done, of about total. */
typedef void (*xd_store_progress)(void *context, int64_t done, int64_t total);

/* What an upgrade to this program's schema is at. */
typedef struct xd_store_upgrade {
    const char *what; /* in a few words; static */
    const char *unit; /* of done and total: "rows" or "bytes" */
    int64_t done;     /* only grows while what stays the same */
    int64_t total;    /* about; 0 until it is known */
} xd_store_upgrade;

typedef void (*xd_store_tell_upgrade)(void *context, const xd_store_upgrade *is);

/* As xd_store_sqlite_open with XD_STORE_WRITE_LOG, and tells many times a second how the upgrade of
 * a large file gets on. */
XD_CHECKED xd_status xd_store_sqlite_open_upgrading(const char *path, xd_store_tell_upgrade tell,
                                                    void *context, xd_store **ret, xd_fault *fault);

static inline void xd_store_destroy(xd_store *store)
{
    if (store) {
        store->ops->destroy(store);
    }
}

#endif
