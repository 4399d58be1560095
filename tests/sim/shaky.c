/* The store that can fail. See shaky.h. */
#include "shaky.h"

#include "base/hash.h"
#include "base/planted.h"
#include "clock.h"

#include <assert.h>
#include <stdlib.h>

enum { RECORD_CAP = 256 << 20 };

typedef enum record_kind {
    RECORD_LOG,
    RECORD_EVENT,
    RECORD_RAW,
    RECORD_STATE,
    RECORD_NUMBERED,
    RECORD_META
} record_kind;

/* One write of the transaction that is to be torn. */
typedef struct record {
    struct record *next;
    record_kind kind;
    xd_log_row row;
    int64_t number; /* state kind, numbered table or meta value */
    int64_t ordinal;
    xd_str key, value;
} record;

typedef struct arming {
    uint32_t after, count;
    xd_status status;
} arming;

typedef struct face {
    xd_store base;
    shaky *owner;
} face;

struct shaky {
    face log, state;    /* the two writers */
    xd_store *inner;    /* owns */
    xd_store *snapshot; /* owns: the state alone; NULL: as at the very beginning */
    shaky_committed committed;
    void *self;
    arming writes, reads;
    int64_t refuse_until_us;
    xd_status refuse_status;
    bool tear, tear_applied; /* the next commit */
    bool dying, dying_applied;
    uint32_t die_after;
    bool dead;
    bool in_transaction;
    xd_arena arena; /* of records */
    record *records, **records_end;
    bool ghost; /* records reached the disk although their commit failed */
    int64_t committed_head;
    int64_t operations, faults;
};

static shaky *of(xd_store *store)
{
    return ((face *)(void *)store)->owner;
}

/* --- deciding --- */

static xd_status broken(shaky *s, xd_status status, xd_fault *fault)
{
    s->faults++;
    return xd_fail(fault, status, "store.simulated",
                   status == XD_FULL   ? "the disk is full"
                   : status == XD_BUSY ? "the database is locked"
                                       : "input/output error");
}

static bool due(arming *a, xd_status *ret)
{
    if (a->count == 0) {
        return false;
    }
    if (a->after > 0) {
        a->after--;
        return false;
    }
    a->count--;
    *ret = a->status;
    return true;
}

/* Every operation of the writer passes here. Reads are refused only by shaky_fail. */
static xd_status pass(shaky *s, bool writes, xd_fault *fault)
{
    xd_status status;
    s->operations++;
    if (!s->dead && s->dying && s->die_after-- == 0) {
        s->dead = true;
    }
    if (s->dead) {
        return broken(s, XD_IO, fault);
    }
    if (due(&s->writes, &status)) {
        return broken(s, status, fault);
    }
    if (writes && sim_now_us() < s->refuse_until_us) {
        return broken(s, s->refuse_status, fault);
    }
    return XD_OK;
}

/* --- what a torn transaction wrote --- */

static record *record_add(shaky *s, record_kind kind)
{
    record *r = xd_arena_zalloc(&s->arena, sizeof *r);
    assert(r);
    r->kind = kind;
    *s->records_end = r;
    s->records_end = &r->next;
    return r;
}

static void records_clear(shaky *s)
{
    s->records = NULL;
    s->records_end = &s->records;
    s->ghost = false;
    xd_arena_reset(&s->arena);
}

static xd_str keep(shaky *s, xd_str text)
{
    return text.ptr ? xd_arena_copy(&s->arena, text) : XD_STR_NULL;
}

static bool recording(const shaky *s)
{
    return s->tear && s->tear_applied;
}

static void apply_one(shaky *s, const record *r)
{
    xd_store *inner = s->inner;
    xd_status status = XD_OK;
    switch (r->kind) {
    case RECORD_LOG:
        status = inner->ops->log_append(inner, &r->row, NULL);
        break;
    case RECORD_EVENT:
        status = inner->ops->event_put(inner, &r->row, NULL);
        break;
    case RECORD_RAW:
        status = inner->ops->raw_put(inner, r->key, r->row.source, r->value, NULL);
        break;
    case RECORD_STATE:
        status = inner->ops->state_put(inner, (xd_state_kind)r->number, r->key, r->value, NULL);
        break;
    case RECORD_NUMBERED:
        status =
            inner->ops->numbered_put(inner, (xd_numbered)r->number, r->ordinal, r->value, NULL);
        break;
    case RECORD_META:
        status = inner->ops->meta_put(inner, r->key, r->number, NULL);
        break;
    }
    assert(status == XD_OK);
}

static void apply_ghost(shaky *s)
{
    xd_status status = s->inner->ops->begin(s->inner, NULL);
    assert(status == XD_OK);
    for (const record *r = s->records; r; r = r->next) {
        apply_one(s, r);
    }
    status = s->inner->ops->commit(s->inner, NULL);
    assert(status == XD_OK);
    status = s->inner->ops->log_head(s->inner, &s->committed_head, NULL);
    assert(status == XD_OK);
}

/* --- the contract: transactions --- */

static void face_destroy(xd_store *store)
{
    (void)store;
}

static xd_status do_begin(xd_store *store, xd_fault *fault)
{
    shaky *s = of(store);
    assert(!s->in_transaction);
    XD_TRY(pass(s, true, fault));
    XD_TRY(s->inner->ops->begin(s->inner, fault));
    if (recording(s)) {
        records_clear(s);
    }
    s->in_transaction = true;
    return XD_OK;
}

static void undo(shaky *s)
{
    s->inner->ops->rollback(s->inner);
    s->in_transaction = false;
}

static xd_status do_commit(xd_store *store, xd_fault *fault)
{
    shaky *s = of(store);
    assert(s->in_transaction);
    bool was_dead = s->dead;
    xd_status status = pass(s, true, fault);
    if (status == XD_OK && s->tear) {
        s->tear = false;
        s->ghost = s->tear_applied;
        status = broken(s, XD_IO, fault);
    }
    if (status == XD_OK && XD_PLANTED(commit_lies) && s->operations % 41 == 0) {
        undo(s);
        return XD_OK;
    }
    /* Dying in the middle of a commit: the disk has it all or nothing, and nobody is told. */
    bool applies = status == XD_OK || (s->dead && !was_dead && s->dying_applied);
    if (!applies) {
        undo(s);
        return status;
    }
    xd_status inner_status = s->inner->ops->commit(s->inner, NULL);
    assert(inner_status == XD_OK);
    s->in_transaction = false;
    records_clear(s);
    inner_status = s->inner->ops->log_head(s->inner, &s->committed_head, NULL);
    assert(inner_status == XD_OK);
    s->committed(s->self);
    return status;
}

static void do_rollback(xd_store *store)
{
    undo(of(store));
}

static void do_nothing(xd_store *store)
{
    (void)store;
}

/* --- the contract: log --- */

static void record_row(shaky *s, record_kind kind, const xd_log_row *row)
{
    if (recording(s)) {
        record *r = record_add(s, kind);
        r->row = *row;
        r->row.source = keep(s, row->source);
        r->row.id = keep(s, row->id);
        r->row.key = keep(s, row->key);
        r->row.order_key = keep(s, row->order_key);
        r->row.actor = keep(s, row->actor);
        r->row.trace = keep(s, row->trace);
        r->row.body = keep(s, row->body);
        r->row.map = keep(s, row->map);
        r->row.raw = keep(s, row->raw);
    }
}

static xd_status do_log_append(xd_store *store, const xd_log_row *row, xd_fault *fault)
{
    shaky *s = of(store);
    XD_TRY(pass(s, true, fault));
    record_row(s, RECORD_LOG, row);
    return s->inner->ops->log_append(s->inner, row, fault);
}

static xd_status do_raw_put(xd_store *store, xd_str hash, xd_str media, xd_str bytes,
                            xd_fault *fault)
{
    shaky *s = of(store);
    XD_TRY(pass(s, true, fault));
    if (recording(s)) {
        record *r = record_add(s, RECORD_RAW);
        r->key = keep(s, hash);
        r->row.source = keep(s, media);
        r->value = keep(s, bytes);
    }
    if (XD_PLANTED(forget_raw_bytes)) {
        return XD_OK;
    }
    return s->inner->ops->raw_put(s->inner, hash, media, bytes, fault);
}

static xd_status do_raw_get(xd_store *store, xd_str hash, xd_arena *arena, xd_str *ret_media,
                            xd_str *ret_bytes, xd_fault *fault)
{
    shaky *s = of(store);
    XD_TRY(pass(s, false, fault));
    return s->inner->ops->raw_get(s->inner, hash, arena, ret_media, ret_bytes, fault);
}

static xd_status do_event_put(xd_store *store, const xd_log_row *row, xd_fault *fault)
{
    shaky *s = of(store);
    XD_TRY(pass(s, true, fault));
    record_row(s, RECORD_EVENT, row);
    return s->inner->ops->event_put(s->inner, row, fault);
}

static xd_status do_event_find(xd_store *store, xd_str source, xd_str id, int64_t *ret,
                               xd_fault *fault)
{
    shaky *s = of(store);
    XD_TRY(pass(s, false, fault));
    return s->inner->ops->event_find(s->inner, source, id, ret, fault);
}

static xd_status do_log_get(xd_store *store, int64_t seq, xd_arena *arena, xd_log_row *ret,
                            xd_fault *fault)
{
    shaky *s = of(store);
    XD_TRY(pass(s, false, fault));
    return s->inner->ops->log_get(s->inner, seq, arena, ret, fault);
}

static xd_status do_log_each(xd_store *store, int64_t after, int64_t limit, xd_log_visit visit,
                             void *context, xd_fault *fault)
{
    shaky *s = of(store);
    XD_TRY(pass(s, false, fault));
    return s->inner->ops->log_each(s->inner, after, limit, visit, context, fault);
}

static xd_status do_log_head(xd_store *store, int64_t *ret, xd_fault *fault)
{
    shaky *s = of(store);
    XD_TRY(pass(s, false, fault));
    return s->inner->ops->log_head(s->inner, ret, fault);
}

/* --- the contract: state and numbered documents --- */

static xd_status do_state_get(xd_store *store, xd_state_kind kind, xd_str key, xd_arena *arena,
                              xd_str *ret, xd_fault *fault)
{
    shaky *s = of(store);
    XD_TRY(pass(s, false, fault));
    return s->inner->ops->state_get(s->inner, kind, key, arena, ret, fault);
}

static xd_status do_state_put(xd_store *store, xd_state_kind kind, xd_str key, xd_str value,
                              xd_fault *fault)
{
    shaky *s = of(store);
    XD_TRY(pass(s, true, fault));
    if (recording(s)) {
        record *r = record_add(s, RECORD_STATE);
        r->number = kind;
        r->key = keep(s, key);
        r->value = keep(s, value);
    }
    return s->inner->ops->state_put(s->inner, kind, key, value, fault);
}

static xd_status do_state_each(xd_store *store, xd_state_kind only_kind, xd_state_visit visit,
                               void *context, xd_fault *fault)
{
    shaky *s = of(store);
    XD_TRY(pass(s, false, fault));
    return s->inner->ops->state_each(s->inner, only_kind, visit, context, fault);
}

static xd_status do_numbered_put(xd_store *store, xd_numbered table, int64_t number, xd_str value,
                                 xd_fault *fault)
{
    shaky *s = of(store);
    XD_TRY(pass(s, true, fault));
    if (recording(s)) {
        record *r = record_add(s, RECORD_NUMBERED);
        r->number = table;
        r->ordinal = number;
        r->value = keep(s, value);
    }
    return s->inner->ops->numbered_put(s->inner, table, number, value, fault);
}

static xd_status do_numbered_get(xd_store *store, xd_numbered table, int64_t number,
                                 xd_arena *arena, xd_str *ret, xd_fault *fault)
{
    shaky *s = of(store);
    XD_TRY(pass(s, false, fault));
    return s->inner->ops->numbered_get(s->inner, table, number, arena, ret, fault);
}

static xd_status do_numbered_each(xd_store *store, xd_numbered table, int64_t after, int64_t limit,
                                  xd_numbered_visit visit, void *context, xd_fault *fault)
{
    shaky *s = of(store);
    XD_TRY(pass(s, false, fault));
    return s->inner->ops->numbered_each(s->inner, table, after, limit, visit, context, fault);
}

/* --- the contract: meta values and kept answers --- */

static xd_status do_meta_get(xd_store *store, xd_str name, int64_t *ret, xd_fault *fault)
{
    shaky *s = of(store);
    XD_TRY(pass(s, false, fault));
    return s->inner->ops->meta_get(s->inner, name, ret, fault);
}

static xd_status do_meta_put(xd_store *store, xd_str name, int64_t value, xd_fault *fault)
{
    shaky *s = of(store);
    XD_TRY(pass(s, true, fault));
    if (XD_PLANTED(state_without_cursor) && xd_str_eq(name, XD_STR("state_seq"))) {
        return XD_OK;
    }
    if (recording(s)) {
        record *r = record_add(s, RECORD_META);
        r->key = keep(s, name);
        r->number = value;
    }
    return s->inner->ops->meta_put(s->inner, name, value, fault);
}

static xd_status do_answer_get(xd_store *store, xd_str consumer, xd_str key, xd_arena *arena,
                               xd_str *ret_hash, xd_str *ret_answer, xd_fault *fault)
{
    shaky *s = of(store);
    XD_TRY(pass(s, false, fault));
    return s->inner->ops->answer_get(s->inner, consumer, key, arena, ret_hash, ret_answer, fault);
}

/* Answers are left out of what a torn transaction keeps: losing one costs the sender only a second
 * look at the same events. */
static xd_status do_answer_put(xd_store *store, xd_str consumer, xd_str key, xd_str hash,
                               xd_str answer, xd_instant at, xd_fault *fault)
{
    shaky *s = of(store);
    XD_TRY(pass(s, true, fault));
    return s->inner->ops->answer_put(s->inner, consumer, key, hash, answer, at, fault);
}

static xd_status do_answer_purge(xd_store *store, xd_instant before, xd_fault *fault)
{
    shaky *s = of(store);
    XD_TRY(pass(s, true, fault));
    return s->inner->ops->answer_purge(s->inner, before, fault);
}

static const xd_store_ops WRITER = {.destroy = face_destroy,
                                    .begin = do_begin,
                                    .commit = do_commit,
                                    .rollback = do_rollback,
                                    .hold = do_nothing,
                                    .let_go = do_nothing,
                                    .log_append = do_log_append,
                                    .raw_put = do_raw_put,
                                    .raw_get = do_raw_get,
                                    .event_put = do_event_put,
                                    .event_find = do_event_find,
                                    .log_get = do_log_get,
                                    .log_each = do_log_each,
                                    .log_head = do_log_head,
                                    .state_get = do_state_get,
                                    .state_put = do_state_put,
                                    .state_each = do_state_each,
                                    .numbered_put = do_numbered_put,
                                    .numbered_get = do_numbered_get,
                                    .numbered_each = do_numbered_each,
                                    .meta_get = do_meta_get,
                                    .meta_put = do_meta_put,
                                    .answer_get = do_answer_get,
                                    .answer_put = do_answer_put,
                                    .answer_purge = do_answer_purge};

/* --- read connections: what outbound asks of one --- */

static xd_status pass_read(xd_store *store, xd_fault *fault)
{
    shaky *s = of(store);
    xd_status status;
    assert(!s->in_transaction);
    return due(&s->reads, &status) ? broken(s, status, fault) : XD_OK;
}

static void reader_destroy(xd_store *store)
{
    free(store);
}

static xd_status read_log_get(xd_store *store, int64_t seq, xd_arena *arena, xd_log_row *ret,
                              xd_fault *fault)
{
    XD_TRY(pass_read(store, fault));
    xd_store *inner = of(store)->inner;
    return inner->ops->log_get(inner, seq, arena, ret, fault);
}

static xd_status read_state_get(xd_store *store, xd_state_kind kind, xd_str key, xd_arena *arena,
                                xd_str *ret, xd_fault *fault)
{
    XD_TRY(pass_read(store, fault));
    xd_store *inner = of(store)->inner;
    return inner->ops->state_get(inner, kind, key, arena, ret, fault);
}

static xd_status read_state_each(xd_store *store, xd_state_kind only_kind, xd_state_visit visit,
                                 void *context, xd_fault *fault)
{
    XD_TRY(pass_read(store, fault));
    xd_store *inner = of(store)->inner;
    return inner->ops->state_each(inner, only_kind, visit, context, fault);
}

static xd_status read_numbered_get(xd_store *store, xd_numbered table, int64_t number,
                                   xd_arena *arena, xd_str *ret, xd_fault *fault)
{
    XD_TRY(pass_read(store, fault));
    xd_store *inner = of(store)->inner;
    return inner->ops->numbered_get(inner, table, number, arena, ret, fault);
}

static xd_status read_meta_get(xd_store *store, xd_str name, int64_t *ret, xd_fault *fault)
{
    XD_TRY(pass_read(store, fault));
    xd_store *inner = of(store)->inner;
    return inner->ops->meta_get(inner, name, ret, fault);
}

static const xd_store_ops READER = {.destroy = reader_destroy,
                                    .hold = do_nothing,
                                    .let_go = do_nothing,
                                    .log_get = read_log_get,
                                    .state_get = read_state_get,
                                    .state_each = read_state_each,
                                    .numbered_get = read_numbered_get,
                                    .meta_get = read_meta_get};

/* --- life --- */

shaky *shaky_create(shaky_committed committed, void *self)
{
    shaky *s = calloc(1, sizeof *s);
    assert(s);
    s->log = (face){{&WRITER}, s};
    s->state = (face){{&WRITER}, s};
    s->inner = xd_store_memory_create();
    assert(s->inner);
    s->committed = committed;
    s->self = self;
    xd_arena_init(&s->arena, RECORD_CAP);
    records_clear(s);
    return s;
}

void shaky_destroy(shaky *s)
{
    xd_store_destroy(s->inner);
    xd_store_destroy(s->snapshot);
    xd_arena_finish(&s->arena);
    free(s);
}

xd_store *shaky_log(shaky *s)
{
    return &s->log.base;
}

xd_store *shaky_state(shaky *s)
{
    return &s->state.base;
}

xd_store *shaky_reader(shaky *s)
{
    face *f = malloc(sizeof *f);
    assert(f);
    *f = (face){{&READER}, s};
    return &f->base;
}

xd_store *shaky_inner(shaky *s)
{
    return s->inner;
}

/* --- faults --- */

void shaky_fail(shaky *s, uint32_t after, uint32_t count, xd_status status)
{
    s->writes = (arming){after, count, status};
}

void shaky_fail_reads(shaky *s, uint32_t after, uint32_t count, xd_status status)
{
    s->reads = (arming){after, count, status};
}

void shaky_refuse_until(shaky *s, int64_t until_us, xd_status status)
{
    s->refuse_until_us = until_us;
    s->refuse_status = status;
}

void shaky_tear(shaky *s, bool applied)
{
    s->tear = true;
    s->tear_applied = applied;
}

void shaky_die(shaky *s, uint32_t after, bool applied)
{
    s->dying = true;
    s->die_after = after;
    s->dying_applied = applied;
}

bool shaky_is_dead(const shaky *s)
{
    return s->dead;
}

void shaky_calm(shaky *s)
{
    s->writes = s->reads = (arming){0};
    s->refuse_until_us = 0;
    s->tear = false;
    s->dying = false;
}

void shaky_restart(shaky *s)
{
    if (s->in_transaction) {
        undo(s);
    }
    if (s->ghost) {
        apply_ghost(s);
    }
    records_clear(s);
    shaky_calm(s);
    s->dead = false;
}

/* --- power cuts --- */

static xd_status copy_state(void *context, xd_state_kind kind, xd_str key, xd_str value)
{
    xd_store *to = context;
    return to->ops->state_put(to, kind, key, value, NULL);
}

typedef struct copying {
    xd_store *to, *log; /* log: whose rows and bytes */
    xd_numbered table;
    int64_t state_seq;
} copying;

static xd_status copy_numbered(void *context, int64_t number, xd_str value)
{
    copying *c = context;
    return c->to->ops->numbered_put(c->to, c->table, number, value, NULL);
}

/* What a row was mapped from lies in the log's file, so a power cut leaves it too. */
static xd_status copy_raw(const copying *c, xd_str hash)
{
    xd_arena arena;
    xd_str media, bytes;
    xd_arena_init(&arena, 16 << 20);
    xd_status status = c->log->ops->raw_get(c->log, hash, &arena, &media, &bytes, NULL);
    if (status == XD_OK) {
        status = c->to->ops->raw_put(c->to, hash, media, bytes, NULL);
    }
    xd_arena_finish(&arena);
    return status;
}

static xd_status copy_row(void *context, const xd_log_row *row)
{
    copying *c = context;
    XD_TRY(c->to->ops->log_append(c->to, row, NULL));
    if (row->raw.len) {
        XD_TRY(copy_raw(c, (xd_str){row->raw.ptr, XD_SHA256_HEX}));
    }
    return row->seq <= c->state_seq ? c->to->ops->event_put(c->to, row, NULL) : XD_OK;
}

/* The state of from, into the open transaction of to. */
static xd_status copy_half(xd_store *from, xd_store *to, int64_t *ret_state_seq)
{
    static const xd_numbered tables[] = {XD_NUMBERED_EFFECT, XD_NUMBERED_JOURNAL};
    XD_TRY(from->ops->state_each(from, XD_STATE_NONE, copy_state, to, NULL));
    for (int i = 0; i < 2; i++) {
        copying c = {.to = to, .table = tables[i]};
        XD_TRY(from->ops->numbered_each(from, c.table, 0, INT64_MAX, copy_numbered, &c, NULL));
    }
    XD_TRY(from->ops->meta_get(from, XD_STR("state_seq"), ret_state_seq, NULL));
    return to->ops->meta_put(to, XD_STR("state_seq"), *ret_state_seq, NULL);
}

static xd_store *fresh(void)
{
    xd_store *store = xd_store_memory_create();
    assert(store);
    xd_status status = store->ops->begin(store, NULL);
    assert(status == XD_OK);
    return store;
}

void shaky_snapshot(shaky *s)
{
    int64_t state_seq;
    xd_store_destroy(s->snapshot);
    s->snapshot = fresh();
    xd_status status = copy_half(s->inner, s->snapshot, &state_seq);
    status = status == XD_OK ? s->snapshot->ops->commit(s->snapshot, NULL) : status;
    assert(status == XD_OK);
}

void shaky_fall_back(shaky *s)
{
    copying c = {.to = fresh(), .log = s->inner};
    xd_status status = XD_OK;
    if (s->snapshot) {
        status = copy_half(s->snapshot, c.to, &c.state_seq);
    }
    status = status == XD_OK ? s->inner->ops->log_each(s->inner, 0, INT64_MAX, copy_row, &c, NULL)
                             : status;
    status = status == XD_OK ? c.to->ops->commit(c.to, NULL) : status;
    assert(status == XD_OK);
    xd_store_destroy(s->inner);
    s->inner = c.to;
}

int64_t shaky_committed_head(const shaky *s)
{
    return s->committed_head;
}

bool shaky_in_transaction(const shaky *s)
{
    return s->in_transaction;
}

int64_t shaky_operations(const shaky *s)
{
    return s->operations;
}

int64_t shaky_faults(const shaky *s)
{
    return s->faults;
}
