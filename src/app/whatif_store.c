/* Two states side by side. See whatif_store.h. */
#include "app/whatif_store.h"

#include "canon/kind.h"

#include <stdlib.h>

enum { SCRATCH_CAP = 256 << 20 };

typedef struct one_face {
    xd_store base;
    xd_whatif_store *states;
    xd_whatif_side side;
} one_face;

struct xd_whatif_store {
    one_face faces[XD_SIDES];
    xd_store *log;       /* borrows */
    xd_store *common;    /* owns: the first state */
    xd_store *different; /* owns: documents of the second that differ, '=' and value, or '-'; as
                            effects, its own events: number of the like, and body */
    xd_whatif_sink sink;
    void *context;
    xd_arena scratch;
    bool forked;
};

static xd_whatif_store *states_of(xd_store *store)
{
    return ((one_face *)store)->states;
}

static xd_status no_memory(xd_fault *fault)
{
    return xd_fail(fault, XD_NO_MEMORY, "replay.memory", "no memory to keep the state in");
}

/* --- transactions --- */

static xd_status face_begin(xd_store *store, xd_fault *fault)
{
    xd_whatif_store *states = states_of(store);
    XD_TRY(states->common->ops->begin(states->common, fault));
    XD_TRY(states->different->ops->begin(states->different, fault));
    return XD_OK;
}

static xd_status face_commit(xd_store *store, xd_fault *fault)
{
    xd_whatif_store *states = states_of(store);
    XD_TRY(states->common->ops->commit(states->common, fault));
    return states->different->ops->commit(states->different, fault);
}

/* --- documents --- */

/* What the second state has of its own under the key: ptr NULL when nothing. */
static xd_status own(xd_whatif_store *states, xd_state_kind kind, xd_str key, xd_arena *arena,
                     xd_str *ret, xd_fault *fault)
{
    return states->different->ops->state_get(states->different, kind, key, arena, ret, fault);
}

static xd_str meaning(xd_str kept)
{
    return kept.ptr[0] == '=' ? (xd_str){kept.ptr + 1, kept.len - 1} : XD_STR_NULL;
}

static xd_status keep(xd_whatif_store *states, xd_state_kind kind, xd_str key, xd_str value,
                      xd_fault *fault)
{
    xd_str kept = value.ptr ? xd_arena_printf(&states->scratch, "=%.*s", XD_FMT(value))
                            : xd_arena_copy(&states->scratch, XD_STR("-"));
    return kept.ptr ? states->different->ops->state_put(states->different, kind, key, kept, fault)
                    : no_memory(fault);
}

static bool same(xd_str a, xd_str b)
{
    return !a.ptr == !b.ptr && xd_str_eq(a, b);
}

static xd_status before_get(xd_store *store, xd_state_kind kind, xd_str key, xd_arena *arena,
                            xd_str *ret_value, xd_fault *fault)
{
    xd_store *common = states_of(store)->common;
    return common->ops->state_get(common, kind, key, arena, ret_value, fault);
}

static xd_status before_each(xd_store *store, xd_state_kind only_kind, xd_state_visit visit,
                             void *context, xd_fault *fault)
{
    xd_store *common = states_of(store)->common;
    return common->ops->state_each(common, only_kind, visit, context, fault);
}

/* The second state keeps what it had. */
static xd_status before_put(xd_store *store, xd_state_kind kind, xd_str key, xd_str value,
                            xd_fault *fault)
{
    xd_whatif_store *states = states_of(store);
    xd_store *common = states->common;
    if (states->forked) {
        xd_str kept, old;
        xd_arena_reset(&states->scratch);
        XD_TRY(own(states, kind, key, &states->scratch, &kept, fault));
        if (!kept.ptr) {
            XD_TRY(common->ops->state_get(common, kind, key, &states->scratch, &old, fault));
            if (!same(old, value)) {
                XD_TRY(keep(states, kind, key, old, fault));
            }
        } else if (same(meaning(kept), value)) {
            XD_TRY(states->different->ops->state_put(states->different, kind, key, XD_STR_NULL,
                                                     fault));
        }
    }
    return common->ops->state_put(common, kind, key, value, fault);
}

static xd_status after_get(xd_store *store, xd_state_kind kind, xd_str key, xd_arena *arena,
                           xd_str *ret_value, xd_fault *fault)
{
    xd_whatif_store *states = states_of(store);
    xd_str kept;
    XD_TRY(own(states, kind, key, arena, &kept, fault));
    if (kept.ptr) {
        *ret_value = meaning(kept);
        return XD_OK;
    }
    return before_get(store, kind, key, arena, ret_value, fault);
}

static xd_status after_put(xd_store *store, xd_state_kind kind, xd_str key, xd_str value,
                           xd_fault *fault)
{
    xd_whatif_store *states = states_of(store);
    xd_str common;
    xd_arena_reset(&states->scratch);
    XD_TRY(before_get(store, kind, key, &states->scratch, &common, fault));
    if (same(common, value)) {
        return states->different->ops->state_put(states->different, kind, key, XD_STR_NULL, fault);
    }
    return keep(states, kind, key, value, fault);
}

xd_status xd_whatif_put_after(xd_whatif_store *states, xd_state_kind kind, xd_str key, xd_str value,
                              xd_fault *fault)
{
    xd_store *face = xd_whatif_face(states, XD_AFTER);
    XD_TRY(face_begin(face, fault));
    XD_TRY(after_put(face, kind, key, value, fault));
    return face_commit(face, fault);
}

/* --- what is not kept --- */

static xd_status face_numbered(xd_store *store, xd_numbered table, int64_t number, xd_str value,
                               xd_fault *fault)
{
    const xd_whatif_store *states = states_of(store);
    return states->sink ? states->sink(states->context, ((one_face *)store)->side, table, number,
                                       value, fault)
                        : XD_OK;
}

static xd_status face_event(xd_store *store, const xd_log_row *row, xd_fault *fault)
{
    (void)store;
    (void)row;
    (void)fault;
    return XD_OK;
}

static xd_status meta_get(xd_store *store, xd_str name, int64_t *ret_value, xd_fault *fault)
{
    xd_store *common = states_of(store)->common;
    return common->ops->meta_get(common, name, ret_value, fault);
}

static xd_status meta_put(xd_store *store, xd_str name, int64_t value, xd_fault *fault)
{
    xd_store *common = states_of(store)->common;
    return ((one_face *)store)->side == XD_BEFORE
               ? common->ops->meta_put(common, name, value, fault)
               : XD_OK;
}

/* --- events --- */

static xd_status before_log_get(xd_store *store, int64_t seq, xd_arena *arena, xd_log_row *ret_row,
                                xd_fault *fault)
{
    xd_store *log = states_of(store)->log;
    return log->ops->log_get(log, seq, arena, ret_row, fault);
}

static xd_status after_log_get(xd_store *store, int64_t seq, xd_arena *arena, xd_log_row *ret_row,
                               xd_fault *fault)
{
    xd_store *different = states_of(store)->different;
    int64_t like = seq;
    xd_str kept;
    XD_TRY(different->ops->numbered_get(different, XD_NUMBERED_EFFECT, seq, arena, &kept, fault));
    if (kept.ptr) {
        memcpy(&like, kept.ptr, sizeof like);
    }
    XD_TRY(before_log_get(store, like, arena, ret_row, fault));
    if (kept.ptr) {
        ret_row->seq = seq;
        ret_row->kind = XD_KIND_DOCUMENT;
        ret_row->body = (xd_str){kept.ptr + sizeof like, kept.len - sizeof like};
    }
    return XD_OK;
}

xd_status xd_whatif_put_event(xd_whatif_store *states, int64_t seq, int64_t like, xd_str body,
                              xd_fault *fault)
{
    xd_store *different = states->different;
    xd_arena_reset(&states->scratch);
    char *kept = xd_arena_alloc(&states->scratch, sizeof like + body.len);
    if (!kept) {
        return no_memory(fault);
    }
    memcpy(kept, &like, sizeof like);
    memcpy(kept + sizeof like, body.ptr, body.len);
    XD_TRY(different->ops->begin(different, fault));
    XD_TRY(different->ops->numbered_put(different, XD_NUMBERED_EFFECT, seq,
                                        (xd_str){kept, sizeof like + body.len}, fault));
    return different->ops->commit(different, fault);
}

/* --- both --- */

/* A face is destroyed with its states. */
static const xd_store_ops BEFORE_OPS = {.begin = face_begin,
                                        .commit = face_commit,
                                        .log_get = before_log_get,
                                        .event_put = face_event,
                                        .state_get = before_get,
                                        .state_put = before_put,
                                        .state_each = before_each,
                                        .numbered_put = face_numbered,
                                        .meta_get = meta_get,
                                        .meta_put = meta_put};

static const xd_store_ops AFTER_OPS = {.begin = face_begin,
                                       .commit = face_commit,
                                       .log_get = after_log_get,
                                       .event_put = face_event,
                                       .state_get = after_get,
                                       .state_put = after_put,
                                       .numbered_put = face_numbered,
                                       .meta_get = meta_get,
                                       .meta_put = meta_put};

xd_status xd_whatif_store_create(xd_store *log, xd_whatif_sink sink, void *context,
                                 xd_whatif_store **ret, xd_fault *fault)
{
    xd_whatif_store *states = calloc(1, sizeof *states);
    if (!states) {
        return no_memory(fault);
    }
    states->log = log;
    states->sink = sink;
    states->context = context;
    states->faces[XD_BEFORE] = (one_face){{&BEFORE_OPS}, states, XD_BEFORE};
    states->faces[XD_AFTER] = (one_face){{&AFTER_OPS}, states, XD_AFTER};
    states->common = xd_store_memory_create();
    states->different = xd_store_memory_create();
    xd_arena_init(&states->scratch, SCRATCH_CAP);
    if (!states->common || !states->different) {
        xd_whatif_store_destroy(states);
        return no_memory(fault);
    }
    *ret = states;
    return XD_OK;
}

void xd_whatif_store_destroy(xd_whatif_store *states)
{
    if (states) {
        xd_store_destroy(states->common);
        xd_store_destroy(states->different);
        xd_arena_finish(&states->scratch);
        free(states);
    }
}

xd_store *xd_whatif_face(xd_whatif_store *states, xd_whatif_side side)
{
    return &states->faces[side].base;
}

void xd_whatif_fork(xd_whatif_store *states)
{
    states->forked = true;
}

typedef struct walk {
    xd_whatif_store *states;
    xd_whatif_visit visit;
    void *context;
    xd_arena arena;
    xd_fault *fault;
} walk;

static xd_status compare(void *context, xd_state_kind kind, xd_str key, xd_str value)
{
    walk *w = context;
    xd_store *common = w->states->common;
    xd_str before;
    xd_arena_reset(&w->arena);
    XD_TRY(common->ops->state_get(common, kind, key, &w->arena, &before, w->fault));
    return same(before, meaning(value)) ? XD_OK : w->visit(w->context, key, before, meaning(value));
}

xd_status xd_whatif_each(xd_whatif_store *states, xd_state_kind kind, xd_whatif_visit visit,
                         void *context, xd_fault *fault)
{
    walk w = {.states = states, .visit = visit, .context = context, .fault = fault};
    xd_arena_init(&w.arena, SCRATCH_CAP);
    xd_store *different = states->different;
    xd_status status = different->ops->state_each(different, kind, compare, &w, fault);
    xd_arena_finish(&w.arena);
    return status;
}
