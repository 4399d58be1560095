/* Replay. See replay.h. */
#include "engine/replay.h"

#include "base/hash.h"
#include "engine/processor.h"

#include <stdio.h>

enum { GROUP = 1000, PROGRESS_EVERY = 10000, CACHE_BYTES = 64 << 20, ARENA_CAP = 64 << 20 };

typedef struct hashing {
    xd_sha256 *sha;
    int64_t documents;
} hashing;

/* Lengths go in before bytes, so that no two sequences of documents hash alike. */
static void hash_part(hashing *h, int64_t number, xd_str key, xd_str value)
{
    int64_t head[3] = {number, (int64_t)key.len, (int64_t)value.len};
    xd_sha256_update(h->sha, (xd_str){(const char *)head, sizeof head});
    xd_sha256_update(h->sha, key);
    xd_sha256_update(h->sha, value);
    h->documents++;
}

static xd_status hash_state(void *context, xd_state_kind kind, xd_str key, xd_str value)
{
    hash_part(context, (int64_t)kind, key, value);
    return XD_OK;
}

static xd_status hash_numbered(void *context, int64_t number, xd_str value)
{
    hash_part(context, number, XD_STR(""), value);
    return XD_OK;
}

xd_status xd_state_hash(xd_store *store, char ret_hex[65], int64_t *ret_documents,
                        int64_t *ret_journals, xd_fault *fault)
{
    hashing h = {.sha = xd_sha256_create()};
    if (!h.sha) {
        return xd_fail(fault, XD_NO_MEMORY, NULL, "no memory for the state hash");
    }
    xd_status status = store->ops->state_each(store, XD_STATE_NONE, hash_state, &h, fault);
    if (status == XD_OK) {
        status = store->ops->numbered_each(store, XD_NUMBERED_EFFECT, 0, INT64_MAX, hash_numbered,
                                           &h, fault);
    }
    int64_t before = h.documents;
    if (status == XD_OK) {
        status = store->ops->numbered_each(store, XD_NUMBERED_JOURNAL, 0, INT64_MAX, hash_numbered,
                                           &h, fault);
    }
    if (status == XD_OK) {
        uint8_t digest[XD_SHA256_BYTES];
        xd_sha256_final(h.sha, digest);
        xd_hex(digest, sizeof digest, ret_hex);
        *ret_documents = h.documents;
        *ret_journals = h.documents - before;
    }
    xd_sha256_destroy(h.sha);
    return status;
}

typedef struct replay {
    xd_store *memory;
    xd_processor *processor;
    xd_arena arena;
    int64_t last; /* where the written state ends */
    xd_fault *fault;
} replay;

static xd_status replay_row(void *context, const xd_log_row *row)
{
    replay *r = context;
    if (row->seq > r->last) {
        return XD_OK;
    }
    xd_arena_reset(&r->arena);
    xd_event event;
    XD_TRY(xd_event_of_row(row, &r->arena, &event, r->fault));
    /* Parked events are read back from the log, so the memory store needs the rows too. */
    XD_TRY(r->memory->ops->log_append(r->memory, row, r->fault));
    return xd_processor_step(r->processor, &event, r->fault);
}

static xd_status replay_group(replay *r, xd_store *store, xd_fault *fault)
{
    int64_t rows;
    XD_TRY(r->memory->ops->begin(r->memory, fault));
    XD_TRY(store->ops->log_each(store, xd_processor_stepped(r->processor), GROUP, replay_row, r,
                                fault));
    XD_TRY(xd_processor_write(r->processor, &rows, fault));
    XD_TRY(r->memory->ops->commit(r->memory, fault));
    xd_processor_written(r->processor);
    return XD_OK;
}

typedef struct difference {
    xd_store *other;
    xd_numbered table; /* under comparison */
    xd_arena arena;
    const char *missing; /* what it means when other lacks the document */
    char *text;
    size_t size;
    xd_fault *fault;
} difference;

static xd_status compare_state(void *context, xd_state_kind kind, xd_str key, xd_str value)
{
    difference *d = context;
    xd_arena_reset(&d->arena);
    xd_str other;
    XD_TRY(d->other->ops->state_get(d->other, kind, key, &d->arena, &other, d->fault));
    if (xd_str_eq(value, other) && other.ptr) {
        return XD_OK;
    }
    const char *name = xd_state_kind_name(kind);
    snprintf(d->text, d->size, "%s %.*s %s", name ? name : "document", XD_FMT(key),
             other.ptr ? "differs from what the log says" : d->missing);
    return XD_CONFLICT; /* stops the walk */
}

static xd_status compare_numbered(void *context, int64_t number, xd_str value)
{
    difference *d = context;
    xd_arena_reset(&d->arena);
    xd_str other;
    XD_TRY(d->other->ops->numbered_get(d->other, d->table, number, &d->arena, &other, d->fault));
    if (other.ptr && xd_str_eq(value, other)) {
        return XD_OK;
    }
    size_t same = 0;
    while (same < value.len && same < other.len && value.ptr[same] == other.ptr[same]) {
        same++;
    }
    xd_str stored = {value.ptr + same, value.len - same < 40 ? value.len - same : 40};
    xd_str replayed = {other.ptr + same, other.len - same < 40 ? other.len - same : 40};
    snprintf(d->text, d->size, "%s %lld %s: at byte %zu \"%.*s\" is stored, \"%.*s\" follows",
             d->table == XD_NUMBERED_EFFECT ? "effect" : "journal entry", (long long)number,
             other.ptr ? "differs from what the log says" : d->missing, same, XD_FMT(stored),
             XD_FMT(replayed));
    return XD_CONFLICT;
}

/* Names the first thing that differs: effects and journal entries first, since the rest follows
 * from them. */
static xd_status explain(xd_store *live, xd_store *rebuilt, xd_replay_result *ret, xd_fault *fault)
{
    difference d = {.other = rebuilt,
                    .missing = "is in the store but the log does not lead to it",
                    .text = ret->difference,
                    .size = sizeof ret->difference,
                    .fault = fault};
    xd_arena_init(&d.arena, ARENA_CAP);
    d.table = XD_NUMBERED_EFFECT;
    xd_status status =
        live->ops->numbered_each(live, d.table, 0, INT64_MAX, compare_numbered, &d, fault);
    if (status == XD_OK) {
        d.table = XD_NUMBERED_JOURNAL;
        status = live->ops->numbered_each(live, d.table, 0, INT64_MAX, compare_numbered, &d, fault);
    }
    if (status == XD_OK) {
        status = live->ops->state_each(live, XD_STATE_NONE, compare_state, &d, fault);
    }
    if (status == XD_OK) {
        d.other = live;
        d.missing = "follows from the log but is not in the store";
        status = rebuilt->ops->state_each(rebuilt, XD_STATE_NONE, compare_state, &d, fault);
    }
    if (status == XD_OK) {
        snprintf(ret->difference, sizeof ret->difference,
                 "an effect or journal entry follows from the log but is not in the store");
    }
    xd_arena_finish(&d.arena);
    return status == XD_CONFLICT ? XD_OK : status;
}

static xd_status rebuild(replay *r, xd_store *store, xd_replay_progress progress, void *context,
                         xd_fault *fault)
{
    while (xd_processor_stepped(r->processor) < r->last) {
        int64_t before = xd_processor_stepped(r->processor);
        XD_TRY(replay_group(r, store, fault));
        int64_t done = xd_processor_stepped(r->processor);
        if (done == before) {
            return xd_fail(fault, XD_CORRUPT, "log.gap",
                           "the log ends at event %lld but state was written up to %lld",
                           (long long)done, (long long)r->last);
        }
        if (progress && done / PROGRESS_EVERY != before / PROGRESS_EVERY) {
            progress(context, done, r->last);
        }
    }
    return XD_OK;
}

xd_status xd_replay_verify(xd_store *store, xd_replay_progress progress, void *context,
                           xd_replay_result *ret, xd_fault *fault)
{
    xd_replay_result result = {0};
    replay r = {.memory = xd_store_memory_create(), .fault = fault};
    if (!r.memory) {
        return xd_fail(fault, XD_NO_MEMORY, NULL, "no memory for the replay");
    }
    xd_arena_init(&r.arena, ARENA_CAP);
    xd_processor_ports ports = {0};
    xd_status status = store->ops->meta_get(store, XD_STR("state_seq"), &r.last, fault);
    if (status == XD_OK) {
        status = xd_processor_create(r.memory, CACHE_BYTES, ports, &r.processor, fault);
    }
    if (status == XD_OK) {
        status = rebuild(&r, store, progress, context, fault);
    }
    if (status == XD_OK) {
        status = xd_state_hash(store, result.live_hash, &result.documents, &result.journals, fault);
    }
    int64_t ignored;
    if (status == XD_OK) {
        status = xd_state_hash(r.memory, result.replay_hash, &ignored, &ignored, fault);
    }
    if (status == XD_OK) {
        result.events = r.last;
        result.equal = memcmp(result.live_hash, result.replay_hash, XD_SHA256_HEX) == 0;
        if (!result.equal) {
            status = explain(store, r.memory, &result, fault);
        }
    }
    if (status == XD_OK) {
        *ret = result;
    }
    xd_processor_destroy(r.processor);
    xd_store_destroy(r.memory);
    xd_arena_finish(&r.arena);
    return status;
}
