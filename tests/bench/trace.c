/* A store that records what is written through it. */
#include "trace.h"

#include "measure.h"

#include <stdlib.h>

typedef struct trace_store {
    xd_store store; /* first: the engine sees this */
    xd_store *inner;
    FILE *file;
} trace_store;

static xd_store *inner_of(xd_store *store)
{
    return ((trace_store *)store)->inner;
}

static void record(FILE *file, trace_record head, const xd_str *texts, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        head.lengths[i] = (uint32_t)texts[i].len;
    }
    bool ok = fwrite(&head, sizeof head, 1, file) == 1;
    for (uint32_t i = 0; ok && i < count; i++) {
        ok = fwrite(texts[i].ptr, 1, texts[i].len, file) == texts[i].len;
    }
    if (!ok) {
        bench_die("the trace cannot be written");
    }
}

static void record_of(xd_store *store, trace_record head, const xd_str *texts, uint32_t count)
{
    record(((trace_store *)store)->file, head, texts, count);
}

static void destroy(xd_store *store)
{
    xd_store_destroy(inner_of(store));
    free(store);
}

static xd_status begin(xd_store *store, xd_fault *fault)
{
    record_of(store, (trace_record){.op = TRACE_BEGIN}, NULL, 0);
    return inner_of(store)->ops->begin(inner_of(store), fault);
}

static xd_status commit(xd_store *store, xd_fault *fault)
{
    record_of(store, (trace_record){.op = TRACE_COMMIT}, NULL, 0);
    return inner_of(store)->ops->commit(inner_of(store), fault);
}

static void rollback(xd_store *store)
{
    record_of(store, (trace_record){.op = TRACE_ROLLBACK}, NULL, 0);
    inner_of(store)->ops->rollback(inner_of(store));
}

static void hold(xd_store *store)
{
    inner_of(store)->ops->hold(inner_of(store));
}

static void let_go(xd_store *store)
{
    inner_of(store)->ops->let_go(inner_of(store));
}

static void record_row(xd_store *store, trace_op op, const xd_log_row *row)
{
    const xd_str texts[] = {row->source, row->id,    row->key, row->order_key,
                            row->actor,  row->trace, row->body};
    record_of(store,
              (trace_record){.op = op,
                             .kind = row->kind,
                             .number = row->seq,
                             .recorded_at = row->recorded_at,
                             .time = row->time,
                             .body_bytes = row->body.len},
              texts, op == TRACE_LOG ? TRACE_TEXTS : TRACE_TEXTS - 1);
}

static xd_status log_append(xd_store *store, const xd_log_row *row, xd_fault *fault)
{
    record_row(store, TRACE_LOG, row);
    return inner_of(store)->ops->log_append(inner_of(store), row, fault);
}

/* Not measured: the load of the benchmarks is canonical. */
static xd_status raw_put(xd_store *store, xd_str hash, xd_str media, xd_str bytes, xd_fault *fault)
{
    return inner_of(store)->ops->raw_put(inner_of(store), hash, media, bytes, fault);
}

static xd_status raw_get(xd_store *store, xd_str hash, xd_arena *arena, xd_str *ret_media,
                         xd_str *ret_bytes, xd_fault *fault)
{
    return inner_of(store)->ops->raw_get(inner_of(store), hash, arena, ret_media, ret_bytes, fault);
}

static xd_status event_put(xd_store *store, const xd_log_row *row, xd_fault *fault)
{
    record_row(store, TRACE_EVENT, row);
    return inner_of(store)->ops->event_put(inner_of(store), row, fault);
}

static xd_status event_find(xd_store *store, xd_str source, xd_str id, int64_t *ret_seq,
                            xd_fault *fault)
{
    return inner_of(store)->ops->event_find(inner_of(store), source, id, ret_seq, fault);
}

static xd_status log_get(xd_store *store, int64_t seq, xd_arena *arena, xd_log_row *ret_row,
                         xd_fault *fault)
{
    return inner_of(store)->ops->log_get(inner_of(store), seq, arena, ret_row, fault);
}

static xd_status log_each(xd_store *store, int64_t after, int64_t limit, xd_log_visit visit,
                          void *context, xd_fault *fault)
{
    return inner_of(store)->ops->log_each(inner_of(store), after, limit, visit, context, fault);
}

static xd_status log_head(xd_store *store, int64_t *ret_seq, xd_fault *fault)
{
    return inner_of(store)->ops->log_head(inner_of(store), ret_seq, fault);
}

static xd_status state_get(xd_store *store, xd_state_kind kind, xd_str key, xd_arena *arena,
                           xd_str *ret_value, xd_fault *fault)
{
    return inner_of(store)->ops->state_get(inner_of(store), kind, key, arena, ret_value, fault);
}

static xd_status state_put(xd_store *store, xd_state_kind kind, xd_str key, xd_str value,
                           xd_fault *fault)
{
    const xd_str texts[] = {key, value};
    record_of(store,
              (trace_record){.op = value.ptr ? TRACE_STATE_PUT : TRACE_STATE_DELETE,
                             .kind = (int32_t)kind},
              texts, value.ptr ? 2 : 1);
    return inner_of(store)->ops->state_put(inner_of(store), kind, key, value, fault);
}

static xd_status state_each(xd_store *store, xd_state_kind only_kind, xd_state_visit visit,
                            void *context, xd_fault *fault)
{
    return inner_of(store)->ops->state_each(inner_of(store), only_kind, visit, context, fault);
}

static xd_status numbered_put(xd_store *store, xd_numbered table, int64_t number, xd_str value,
                              xd_fault *fault)
{
    record_of(store,
              (trace_record){.op = table == XD_NUMBERED_EFFECT ? TRACE_EFFECT : TRACE_JOURNAL,
                             .number = number},
              &value, 1);
    return inner_of(store)->ops->numbered_put(inner_of(store), table, number, value, fault);
}

static xd_status numbered_get(xd_store *store, xd_numbered table, int64_t number, xd_arena *arena,
                              xd_str *ret_value, xd_fault *fault)
{
    return inner_of(store)->ops->numbered_get(inner_of(store), table, number, arena, ret_value,
                                              fault);
}

static xd_status numbered_each(xd_store *store, xd_numbered table, int64_t after, int64_t limit,
                               xd_numbered_visit visit, void *context, xd_fault *fault)
{
    return inner_of(store)->ops->numbered_each(inner_of(store), table, after, limit, visit, context,
                                               fault);
}

static xd_status meta_get(xd_store *store, xd_str name, int64_t *ret_value, xd_fault *fault)
{
    return inner_of(store)->ops->meta_get(inner_of(store), name, ret_value, fault);
}

static xd_status meta_put(xd_store *store, xd_str name, int64_t value, xd_fault *fault)
{
    record_of(store, (trace_record){.op = TRACE_META, .number = value}, &name, 1);
    return inner_of(store)->ops->meta_put(inner_of(store), name, value, fault);
}

static xd_status answer_get(xd_store *store, xd_str consumer, xd_str key, xd_arena *arena,
                            xd_str *ret_payload_hash, xd_str *ret_answer, xd_fault *fault)
{
    return inner_of(store)->ops->answer_get(inner_of(store), consumer, key, arena, ret_payload_hash,
                                            ret_answer, fault);
}

/* The benchmark sends no idempotency keys, so answers are not part of a trace. */
static xd_status answer_put(xd_store *store, xd_str consumer, xd_str key, xd_str payload_hash,
                            xd_str answer, xd_instant at, xd_fault *fault)
{
    return inner_of(store)->ops->answer_put(inner_of(store), consumer, key, payload_hash, answer,
                                            at, fault);
}

static xd_status answer_purge(xd_store *store, xd_instant before, xd_fault *fault)
{
    return inner_of(store)->ops->answer_purge(inner_of(store), before, fault);
}

xd_store *trace_store_create(xd_store *inner, FILE *file)
{
    static const xd_store_ops ops = {
        .destroy = destroy,
        .begin = begin,
        .commit = commit,
        .rollback = rollback,
        .hold = hold,
        .let_go = let_go,
        .log_append = log_append,
        .raw_put = raw_put,
        .raw_get = raw_get,
        .event_put = event_put,
        .event_find = event_find,
        .log_get = log_get,
        .log_each = log_each,
        .log_head = log_head,
        .state_get = state_get,
        .state_put = state_put,
        .state_each = state_each,
        .numbered_put = numbered_put,
        .numbered_get = numbered_get,
        .numbered_each = numbered_each,
        .meta_get = meta_get,
        .meta_put = meta_put,
        .answer_get = answer_get,
        .answer_put = answer_put,
        .answer_purge = answer_purge,
    };
    trace_store *self = calloc(1, sizeof *self);
    if (!self) {
        bench_die("out of memory");
    }
    self->store.ops = &ops;
    self->inner = inner;
    self->file = file;
    return &self->store;
}

void trace_store_mark(FILE *file)
{
    record(file, (trace_record){.op = TRACE_MARK}, NULL, 0);
}
