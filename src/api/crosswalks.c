/* Codes: the tables as they are, and the codes that documents wait for. May call flow (keys, the
 * entry in force), base and SQLite. */
#include "api/read_int.h"
#include "flow/crosswalk.h"
#include "flow/key.h"

/* --- the tables --- */

/* The instant that is asked for; XD_INSTANT_NONE without one. */
static xd_status asked_at(const xd_ask *ask, xd_instant *ret)
{
    xd_str at = xd_ask_argument(ask, "at");
    *ret = XD_INSTANT_NONE;
    if (at.ptr && !xd_moment_parse(at, false, ret)) {
        return xd_fail(ask->fault, XD_INVALID, "read.at",
                       "at must be a date such as 2026-11-23, or an instant such as "
                       "2026-11-23T08:30:00Z");
    }
    return XD_OK;
}

/* With an instant: only codes with an entry in force then, and its value. */
static xd_status write_code(xd_ask *ask, xd_str key, xd_str value)
{
    xd_instant at;
    xd_str in_force = XD_STR_NULL;
    XD_TRY(asked_at(ask, &at));
    if (at != XD_INSTANT_NONE) {
        const xd_json *document = NULL;
        XD_TRY(xd_ask_parse(ask, value, &document));
        in_force = xd_crosswalk_in_force(document, at);
        if (!in_force.ptr) {
            return XD_OK;
        }
    }
    xd_out_item(ask->out, "id", key, value);
    if (in_force.ptr) {
        xd_out_reopen(ask->out);
        xd_out_text(ask->out, "value", in_force);
        xd_out_close(ask->out, '}');
    }
    return XD_OK;
}

/* prefix and an end that no key with it reaches: '0' follows '/'. */
static xd_status set_range(xd_ask *ask, xd_listing *list, xd_str prefix)
{
    list->from = xd_arena_printf(ask->arena, "%.*s/", XD_FMT(prefix));
    list->to = xd_arena_printf(ask->arena, "%.*s0", XD_FMT(prefix));
    return prefix.ptr && list->from.ptr && list->to.ptr ? XD_OK : xd_ask_no_memory(ask);
}

static xd_status write_one_code(xd_ask *ask, xd_str key)
{
    xd_str value = XD_STR_NULL;
    XD_TRY(xd_ask_state(ask, XD_STATE_CROSSWALK, key, &value));
    xd_out_items(ask->out);
    if (value.ptr) {
        XD_TRY(write_code(ask, key, value));
    }
    xd_out_next(ask->out, XD_STR_NULL);
    return XD_OK;
}

xd_status xd_ask_crosswalks(xd_ask *ask)
{
    xd_str table = xd_ask_argument(ask, "table");
    xd_str system = xd_ask_argument(ask, "system");
    xd_str code = xd_ask_argument(ask, "code");
    xd_instant at;
    XD_TRY(asked_at(ask, &at));
    if (table.ptr && system.ptr && code.ptr) {
        xd_str key = xd_key_join(ask->arena, xd_key_pair(ask->arena, table, system),
                                 xd_key_part(ask->arena, code));
        return key.ptr ? write_one_code(ask, key) : xd_ask_no_memory(ask);
    }
    xd_listing list = {.kind = XD_STATE_CROSSWALK,
                       .member = {"system", "code"},
                       .wanted = {table.ptr ? XD_STR_NULL : system, code}};
    if (table.ptr && system.ptr) {
        XD_TRY(set_range(ask, &list, xd_key_pair(ask->arena, table, system)));
    } else if (table.ptr) {
        XD_TRY(set_range(ask, &list, xd_key_part(ask->arena, table)));
    }
    return xd_ask_rows(ask, &list, write_code);
}

xd_status xd_ask_crosswalk(xd_ask *ask)
{
    xd_str value = XD_STR_NULL;
    XD_TRY(xd_ask_state(ask, XD_STATE_CROSSWALK, ask->rest, &value));
    if (!value.ptr) {
        return xd_fail(
            ask->fault, XD_NOT_FOUND, "read.unknown",
            "there is no code %.*s; `crossdock xref list` or GET /v1/crosswalks lists them",
            (int)(ask->rest.len < 100 ? ask->rest.len : 100), ask->rest.ptr);
    }
    xd_out_item(ask->out, "id", ask->rest, value);
    return XD_OK;
}

/* --- what is waited for --- */

/* Parked documents, and dead letters that were not made for want of a code. The bare column since
 * is that of the row with the least seq, as SQLite promises beside min(). */
static const char MISSING[] =
    "SELECT code, sum(parked), sum(NOT parked), min(seq), since FROM"
    " (SELECT value ->> 'wait_key' AS code, 1 AS parked, value ->> 'seq' AS seq,"
    "  value ->> 'since' AS since FROM state WHERE kind = ?1 AND key > ?2 AND key < ?3"
    "  UNION ALL SELECT d.value ->> 'wait', 0, d.value ->> 'seq', d.value ->> 'at'"
    "  FROM state w CROSS JOIN state d ON d.kind = ?4 AND d.key = w.value ->> 'delivery'"
    "  WHERE w.kind = ?5 AND w.key > ?6 AND (?7 IS NULL OR w.key < ?7)"
    "  AND d.value ->> 'state' = 'open' AND d.value ->> 'wait' IS NOT NULL)"
    " WHERE code > ?8 GROUP BY code ORDER BY code LIMIT ?9";

/* One part of a key, up to the next '/', as it was before it was escaped; rest moves behind it. */
static xd_status take_part(xd_ask *ask, xd_str *rest, xd_str *ret)
{
    const char *slash = rest->len ? memchr(rest->ptr, '/', rest->len) : NULL;
    size_t length = slash ? (size_t)(slash - rest->ptr) : rest->len;
    char *text = xd_arena_alloc(ask->arena, length);
    if (!text) {
        return xd_ask_no_memory(ask);
    }
    size_t n = 0;
    for (size_t i = 0; i < length; i++) {
        bool escaped = rest->ptr[i] == '%' && i + 2 < length;
        text[n++] = !escaped ? rest->ptr[i] : rest->ptr[i + 2] == 'F' ? '/' : '%';
        i += escaped ? 2 : 0;
    }
    size_t used = length + (slash != NULL);
    *ret = (xd_str){text, n};
    *rest = (xd_str){rest->ptr + used, rest->len - used};
    return XD_OK;
}

typedef struct missing {
    xd_str code, since;
    int64_t documents, deliveries;
    int64_t seq; /* of the event that waits longest */
} missing;

static xd_status read_missing(xd_ask *ask, sqlite3_stmt *s, missing *ret)
{
    XD_TRY(xd_ask_copy(ask, xd_column(s, 0), &ret->code));
    ret->documents = sqlite3_column_int64(s, 1);
    ret->deliveries = sqlite3_column_int64(s, 2);
    ret->seq = sqlite3_column_int64(s, 3);
    return xd_ask_copy(ask, xd_column(s, 4), &ret->since);
}

static xd_status write_missing(xd_ask *ask, const missing *m)
{
    static const char *const names[] = {"table", "system", "code"};
    xd_str rest = m->code;
    xd_seen_event event;
    XD_TRY(xd_ask_event(ask, m->seq, &event));
    xd_out_open(ask->out, '{');
    xd_out_text(ask->out, "id", m->code);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        xd_str part;
        XD_TRY(take_part(ask, &rest, &part));
        xd_out_text(ask->out, names[i], part);
    }
    xd_out_int(ask->out, "waiting", m->documents);
    xd_out_int(ask->out, "deliveries", m->deliveries);
    xd_out_text(ask->out, "since", m->since);
    xd_out_name(ask->out, "example");
    xd_out_open(ask->out, '{');
    xd_out_event(ask->out, &event);
    xd_out_close(ask->out, '}');
    xd_out_close(ask->out, '}');
    return XD_OK;
}

/* The keys of what waits for codes: of all, or of the table, system and code asked for. */
static xd_status missing_ranges(xd_ask *ask, xd_listing *ret_parked, xd_listing *ret_unmade)
{
    xd_str table = xd_ask_argument(ask, "table");
    xd_str system = xd_ask_argument(ask, "system");
    xd_str code = xd_ask_argument(ask, "code");
    if ((system.ptr && !table.ptr) || (code.ptr && !system.ptr)) {
        return xd_fail(ask->fault, XD_INVALID, "read.table",
                       "give the table too beside system, and both beside code");
    }
    xd_str prefix = XD_STR_NULL;
    ret_unmade->from = XD_STR("");
    if (table.ptr) {
        prefix =
            system.ptr ? xd_key_pair(ask->arena, table, system) : xd_key_part(ask->arena, table);
        if (code.ptr) {
            prefix = xd_key_join(ask->arena, prefix, xd_key_part(ask->arena, code));
        }
        XD_TRY(set_range(ask, ret_unmade, prefix));
    }
    return set_range(ask, ret_parked,
                     table.ptr ? xd_key_join(ask->arena, XD_STR("xref"), prefix) : XD_STR("xref"));
}

static xd_status select_missing(xd_ask *ask, const xd_page *page, sqlite3_stmt **ret)
{
    xd_listing parked = {.kind = XD_STATE_PARKED};
    xd_listing unmade = {.kind = XD_STATE_CODE_WAIT};
    sqlite3_stmt *s = NULL;
    XD_TRY(missing_ranges(ask, &parked, &unmade));
    XD_TRY(xd_ask_prepare(ask, MISSING, &s));
    sqlite3_bind_int(s, 1, (int)parked.kind);
    xd_bind(s, 2, parked.from);
    xd_bind(s, 3, parked.to);
    sqlite3_bind_int(s, 4, XD_STATE_DEAD);
    sqlite3_bind_int(s, 5, (int)unmade.kind);
    xd_bind(s, 6, unmade.from);
    xd_bind_optional(s, 7, unmade.to);
    xd_bind(s, 8, page->cursor);
    sqlite3_bind_int64(s, 9, page->limit + 1);
    *ret = s;
    return XD_OK;
}

xd_status xd_ask_missing_codes(xd_ask *ask)
{
    xd_page page;
    sqlite3_stmt *s = NULL;
    XD_TRY(xd_ask_page(ask, &page));
    XD_TRY(select_missing(ask, &page, &s));
    xd_status status = XD_OK;
    missing m = {.code = XD_STR_NULL};
    bool more = false;
    xd_out_items(ask->out);
    for (int64_t n = 0; !more && xd_ask_row(ask, s, &status); n++) {
        more = n == page.limit;
        if (!more) {
            status = read_missing(ask, s, &m);
            status = status == XD_OK ? write_missing(ask, &m) : status;
        }
    }
    sqlite3_reset(s);
    xd_out_next(ask->out, more ? m.code : XD_STR_NULL);
    return status;
}
