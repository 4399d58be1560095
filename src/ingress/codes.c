/* The codes in memory. See codes.h. */
#include "ingress/codes.h"

#include "base/fraction.h"
#include "flow/crosswalk.h"
#include "observe/log.h"

#include <pthread.h>
#include <stdlib.h>

enum { CODES_BYTES = 512 << 20, STATE_BYTES = 64 << 20 };

struct xd_codes {
    pthread_rwlock_t lock;
    xd_crosswalk *index; /* owns */
    /* A change could not be entered, so nothing here can be believed: every code is then missing,
     * and every record that needs one is mapped by its step. */
    bool lost;
};

xd_status xd_codes_create(xd_codes **ret, xd_fault *fault)
{
    xd_codes *codes = calloc(1, sizeof *codes);
    if (!codes) {
        return xd_fail(fault, XD_NO_MEMORY, "codes.memory", "no memory for the codes");
    }
    xd_status status = xd_crosswalk_create(CODES_BYTES, &codes->index, fault);
    if (status != XD_OK) {
        free(codes);
        return status;
    }
    pthread_rwlock_init(&codes->lock, NULL);
    *ret = codes;
    return XD_OK;
}

void xd_codes_destroy(xd_codes *codes)
{
    if (codes) {
        pthread_rwlock_destroy(&codes->lock);
        xd_crosswalk_destroy(codes->index);
        free(codes);
    }
}

/* --- filling --- */

typedef struct loading {
    xd_codes *codes;
    xd_arena arena;
    xd_fault *fault;
} loading;

static xd_status put_row(void *context, const xd_crosswalk_row *row)
{
    loading *l = context;
    return xd_crosswalk_put(l->codes->index, row, NULL, l->fault);
}

static xd_status load_document(void *context, xd_state_kind kind, xd_str key, xd_str value)
{
    (void)kind;
    (void)key;
    loading *l = context;
    const xd_json *document;
    xd_arena_reset(&l->arena);
    XD_TRY(xd_json_parse(value, XD_JSON_LIMITS_DEFAULT, &l->arena, &document, l->fault));
    return xd_crosswalk_of_state(document, put_row, l, l->fault);
}

xd_status xd_codes_load(xd_codes *codes, xd_store *store, xd_fault *fault)
{
    loading l = {.codes = codes, .fault = fault};
    xd_arena_init(&l.arena, STATE_BYTES);
    pthread_rwlock_wrlock(&codes->lock);
    xd_status status = store->ops->state_each(store, XD_STATE_CROSSWALK, load_document, &l, fault);
    pthread_rwlock_unlock(&codes->lock);
    xd_arena_finish(&l.arena);
    return status;
}

xd_status xd_codes_put(xd_codes *codes, const xd_crosswalk_row *row, xd_fault *fault)
{
    pthread_rwlock_wrlock(&codes->lock);
    xd_status status = xd_crosswalk_put(codes->index, row, NULL, fault);
    pthread_rwlock_unlock(&codes->lock);
    return status;
}

void xd_codes_take(void *self, const xd_event *event)
{
    xd_codes *codes = self;
    xd_crosswalk_row row;
    xd_fault fault = XD_FAULT_NONE;
    xd_status status = xd_crosswalk_of_event(event->data, &row, &fault);
    pthread_rwlock_wrlock(&codes->lock);
    if (status == XD_OK) {
        status = xd_crosswalk_put(codes->index, &row, NULL, &fault);
    }
    bool first = status != XD_OK && !codes->lost;
    codes->lost = codes->lost || status != XD_OK;
    pthread_rwlock_unlock(&codes->lock);
    if (first) {
        xd_log_fault(XD_LOG_WARNING, "codes.lost", &fault);
    }
}

/* --- answering --- */

/* The value, copied, since the index may change as soon as the lock is let go. */
static xd_status find(const xd_codes_look *look, xd_str table, xd_str system, xd_str code,
                      xd_arena *arena, xd_str *ret_value, xd_fault *fault)
{
    xd_codes *codes = look->codes;
    pthread_rwlock_rdlock(&codes->lock);
    xd_str found =
        codes->lost ? XD_STR_NULL : xd_crosswalk_get(codes->index, table, system, code, look->at);
    xd_str copy = found.ptr ? xd_arena_copy(arena, found) : XD_STR_NULL;
    pthread_rwlock_unlock(&codes->lock);
    if (found.ptr && !copy.ptr) {
        return xd_fail(fault, XD_LIMIT, "map.bytes", "no room for a code");
    }
    *ret_value = copy;
    return XD_OK;
}

static xd_status find_code(void *self, xd_str table, xd_str system, xd_str code, xd_arena *arena,
                           xd_str *ret_value, xd_fault *fault)
{
    xd_codes_look *look = self;
    XD_TRY(find(look, table, system, code, arena, ret_value, fault));
    if (!ret_value->ptr) {
        look->missing = true;
        *ret_value = look->guess ? code : XD_STR_NULL;
    }
    return XD_OK;
}

/* In the table uom, system factor, code "FROM>TO", as in flow/document.c. */
static xd_status find_factor(void *self, xd_str from, xd_str to, int64_t *ret_numerator,
                             int64_t *ret_denominator, xd_fault *fault)
{
    xd_codes_look *look = self;
    xd_arena arena;
    xd_arena_init(&arena, 2 * (XD_CROSSWALK_CODE_BYTES + XD_CROSSWALK_VALUE_BYTES) + 4096);
    xd_str pair = xd_arena_printf(&arena, "%.*s>%.*s", XD_FMT(from), XD_FMT(to));
    xd_str found = XD_STR_NULL;
    xd_status status =
        pair.ptr ? find(look, XD_STR("uom"), XD_STR("factor"), pair, &arena, &found, fault) : XD_OK;
    int64_t numerator = 0;
    int64_t denominator = 0;
    bool known = xd_fraction_parse(found, &numerator, &denominator);
    look->missing = look->missing || !known;
    *ret_numerator = known ? numerator : look->guess;
    *ret_denominator = known ? denominator : 1;
    xd_arena_finish(&arena);
    return status;
}

xd_map_world xd_codes_world(xd_codes_look *look)
{
    return (xd_map_world){.self = look, .now = look->at, .xref = find_code, .uom = find_factor};
}
