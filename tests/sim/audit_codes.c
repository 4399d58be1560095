/* The audit of codes: what the crosswalk events of the log come to, by a model of its own that
 * knows nothing but the rule: in force is the entry that began last, unless it has ended; a row
 * with the beginning of another takes its place, or takes it out. See audit.h. */
#include "audit_int.h"

#include "base/time.h"
#include "canon/kind.h"

#include <assert.h>

typedef struct change {
    struct change *next;
    int64_t seq;
    xd_instant from, to;
    xd_str value; /* ptr NULL: taken out */
} change;

struct audit_codes {
    audit *a;
    map changes; /* code -> the first of its changes */
};

static xd_instant moment(const xd_json *data, const char *name)
{
    xd_instant at = XD_INSTANT_NONE;
    xd_str text = xd_json_get_text(data, xd_str_from(name));
    if (text.ptr) {
        xd_status status = xd_instant_parse(text, &at, NULL);
        assert(status == XD_OK);
    }
    return at;
}

static xd_status read_row(void *context, const xd_log_row *row)
{
    audit_codes *codes = context;
    xd_arena *arena = &codes->a->arena;
    if (row->kind != XD_KIND_CROSSWALK) {
        return XD_OK;
    }
    xd_arena_reset(&codes->a->scratch);
    const xd_json *data = audit_parse(codes->a, row->body);
    change *c = xd_arena_zalloc(arena, sizeof *c);
    xd_str key =
        xd_arena_printf(&codes->a->scratch, "%.*s/%.*s/%.*s", XD_FMT(XD_TEXT(data, "table")),
                        XD_FMT(XD_TEXT(data, "system")), XD_FMT(XD_TEXT(data, "code")));
    assert(c && key.ptr);
    *c = (change){.seq = row->seq,
                  .from = moment(data, "valid_from"),
                  .to = moment(data, "valid_to"),
                  .value = XD_TEXT(data, "value")};
    c->value = c->value.ptr ? xd_arena_copy(arena, c->value) : XD_STR_NULL;
    void **end = map_at(&codes->changes, key);
    while (*end) {
        end = (void **)&((change *)*end)->next;
    }
    *end = c;
    return XD_OK;
}

audit_codes *audit_codes_read(audit *a, xd_store *store)
{
    audit_codes *codes = xd_arena_zalloc(&a->arena, sizeof *codes);
    assert(codes);
    codes->a = a;
    map_init(&codes->changes, &a->arena);
    xd_status status = store->ops->log_each(store, 0, INT64_MAX, read_row, codes, NULL);
    assert(status == XD_OK);
    return codes;
}

/* Whether a change up to event seq has taken the place of c. */
static bool is_replaced(const change *c, int64_t seq)
{
    for (const change *later = c->next; later; later = later->next) {
        if (later->seq <= seq && later->from == c->from) {
            return true;
        }
    }
    return false;
}

/* The value in force at an instant, as the log stood after event seq; ptr NULL: none. */
static xd_str value_at(const change *first, xd_instant at, int64_t seq)
{
    const change *best = NULL;
    for (const change *c = first; c && c->seq <= seq; c = c->next) {
        bool counts = c->value.ptr && c->from <= at && !is_replaced(c, seq);
        if (counts && (!best || c->from > best->from)) {
            best = c;
        }
    }
    bool holds = best && (best->to == XD_INSTANT_NONE || at < best->to);
    return holds ? best->value : XD_STR_NULL;
}

bool audit_codes_holds(const audit_codes *codes, xd_str key, xd_instant at)
{
    return value_at(map_get(&codes->changes, key), at, INT64_MAX).ptr != NULL;
}

bool audit_codes_had(const audit_codes *codes, xd_str key, xd_instant at, int64_t seq, xd_str value)
{
    const change *first = map_get(&codes->changes, key);
    bool had = xd_str_eq(value_at(first, at, seq), value);
    for (const change *c = first; c && !had; c = c->next) {
        had = c->seq > seq && xd_str_eq(value_at(first, at, c->seq), value);
    }
    return had;
}
