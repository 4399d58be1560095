/* A trace of what the engine writes through its store, so that a bare SQLite program can write the
 * same rows and bytes in the same transactions. Records are native structures for the same machine
 * and run. */
#ifndef BENCH_TRACE_H
#define BENCH_TRACE_H

#include "port/store.h"

#include <stdio.h>

typedef enum trace_op {
    TRACE_BEGIN = 1,
    TRACE_COMMIT,
    TRACE_ROLLBACK,
    TRACE_LOG,          /* texts: source, id, key, order key, actor, trace, body */
    TRACE_EVENT,        /* the same without the body */
    TRACE_STATE_PUT,    /* texts: key, value */
    TRACE_STATE_DELETE, /* texts: key */
    TRACE_EFFECT,       /* texts: value */
    TRACE_JOURNAL,      /* texts: value */
    TRACE_META,         /* texts: name */
    TRACE_MARK          /* what is timed starts here */
} trace_op;

enum { TRACE_TEXTS = 7 };

/* One record; the bytes of its texts follow it. */
typedef struct trace_record {
    uint32_t op;
    int32_t kind;
    int64_t number; /* seq, ordinal or value */
    int64_t recorded_at, time;
    uint64_t body_bytes; /* of an event */
    uint32_t lengths[TRACE_TEXTS];
} trace_record;

/* A store that passes everything on to inner (owned from here on) and records what is written. file
 * is borrowed. */
xd_store *trace_store_create(xd_store *inner, FILE *file);
/* May be called from another thread while no transaction is open. */
void trace_store_mark(FILE *file);

#endif
