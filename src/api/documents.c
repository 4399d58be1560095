/* Documents: lists by kind, one with its state and events, and finding one by the number people
 * have at hand. May call flow (keys), canon, base and SQLite. */
#include "api/read_int.h"
#include "flow/key.h"

enum { EVENTS_SHOWN = 20, EVENTS_SEARCHED = 50, HITS_SHOWN = 50 };

static const xd_named_kind KINDS[] = {
    {"item", XD_KIND_ITEM, XD_STATE_ITEM, NULL, NULL},
    {"supplier", XD_KIND_SUPPLIER, XD_STATE_SUPPLIER, NULL, NULL},
    {"site", XD_KIND_SITE, XD_STATE_SITE, NULL, NULL},
    {"uom", XD_KIND_UOM, XD_STATE_UOM, NULL, NULL},
    {"account", XD_KIND_ACCOUNT, XD_STATE_ACCOUNT, NULL, NULL},
    {"purchase_order", XD_KIND_PURCHASE_ORDER, XD_STATE_PURCHASE_ORDER, NULL, NULL},
    {"order_change", XD_KIND_ORDER_CHANGE, XD_STATE_ORDER_CHANGE, "po", NULL},
    {"acknowledgement", XD_KIND_ACKNOWLEDGEMENT, XD_STATE_ACKNOWLEDGEMENT, "po", NULL},
    {"ship_notice", XD_KIND_SHIP_NOTICE, XD_STATE_SHIP_NOTICE, "supplier", NULL},
    {"order_activity", XD_KIND_ORDER_ACTIVITY, XD_STATE_NONE, NULL, NULL},
    {"goods_receipt", XD_KIND_GOODS_RECEIPT, XD_STATE_RECEIPT, "site", NULL},
    {"supplier_return", XD_KIND_SUPPLIER_RETURN, XD_STATE_RETURN, "site", NULL},
    {"adjustment", XD_KIND_ADJUSTMENT, XD_STATE_MOVEMENT, NULL, "adjustment"},
    {"cycle_count", XD_KIND_CYCLE_COUNT, XD_STATE_MOVEMENT, NULL, "cycle_count"},
    {"transfer", XD_KIND_TRANSFER, XD_STATE_MOVEMENT, NULL, "transfer"},
    {"sales_shipment", XD_KIND_SALES_SHIPMENT, XD_STATE_MOVEMENT, NULL, "sales_shipment"},
    {"supplier_invoice", XD_KIND_SUPPLIER_INVOICE, XD_STATE_INVOICE, "supplier", NULL},
    {"credit_memo", XD_KIND_CREDIT_MEMO, XD_STATE_CREDIT, "supplier", NULL},
    {"payment_status", XD_KIND_PAYMENT_STATUS, XD_STATE_PAYMENT, NULL, NULL},
    {"journal_entry", XD_KIND_JOURNAL_ENTRY, XD_STATE_MOVEMENT, NULL, "journal_entry"},
    /* State that belongs to documents rather than being one. */
    {"order_line", XD_KIND_NONE, XD_STATE_ORDER_LINE, NULL, NULL},
    {"receipt_line", XD_KIND_NONE, XD_STATE_RECEIPT_LINE, NULL, NULL},
    {"invoice_line", XD_KIND_NONE, XD_STATE_INVOICE_LINE, NULL, NULL},
    {"match", XD_KIND_NONE, XD_STATE_MATCH, NULL, NULL},
    {"stock", XD_KIND_NONE, XD_STATE_STOCK, NULL, NULL},
    {"control", XD_KIND_NONE, XD_STATE_CONTROL, NULL, NULL},
    {"definition", XD_KIND_NONE, XD_STATE_DEFINITION, NULL, NULL},
};

const xd_named_kind *xd_named_kind_find(xd_str name)
{
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
        if (xd_str_eq(xd_str_from(KINDS[i].name), name)) {
            return &KINDS[i];
        }
    }
    return NULL;
}

/* --- finding --- */

/* Keys from first part '/' to before first part '0', which is the byte after '/'. */
static xd_status part_range(xd_ask *ask, xd_str part, xd_str *ret_from, xd_str *ret_to)
{
    *ret_from = xd_arena_printf(ask->arena, "%.*s/", XD_FMT(part));
    *ret_to = xd_arena_printf(ask->arena, "%.*s0", XD_FMT(part));
    return ret_from->ptr && ret_to->ptr ? XD_OK : xd_ask_no_memory(ask);
}

/* The state that an event made: among those with the same first key part, the one with its seq. */
static xd_status state_made_by(xd_ask *ask, xd_state_kind kind, xd_str part, int64_t seq,
                               xd_found *found)
{
    sqlite3_stmt *s = NULL;
    xd_str from = XD_STR_NULL;
    xd_str to = XD_STR_NULL;
    XD_TRY(part_range(ask, part, &from, &to));
    XD_TRY(xd_ask_prepare(ask,
                          "SELECT key, value FROM state WHERE kind = ? AND key > ? AND key < ?"
                          " AND value ->> 'seq' = ? LIMIT 1",
                          &s));
    sqlite3_bind_int(s, 1, (int)kind);
    xd_bind(s, 2, from);
    xd_bind(s, 3, to);
    sqlite3_bind_int64(s, 4, seq);
    xd_status status = XD_OK;
    if (xd_ask_row(ask, s, &status)) {
        status = xd_ask_copy(ask, xd_column(s, 0), &found->key);
        status = status == XD_OK ? xd_ask_copy(ask, xd_column(s, 1), &found->value) : status;
        sqlite3_reset(s);
    }
    return status;
}

static xd_status state_with_key(xd_ask *ask, xd_state_kind kind, xd_str key, xd_found *found)
{
    if (!key.ptr) {
        return xd_ask_no_memory(ask);
    }
    xd_str value = XD_STR_NULL;
    XD_TRY(xd_ask_state(ask, kind, key, &value));
    if (value.ptr) {
        found->key = key;
        found->value = value;
    }
    return XD_OK;
}

/* State document of one event; found->key stays NULL when it made none (a repeat, say). */
static xd_status state_of_event(xd_ask *ask, const xd_named_kind *kind, const xd_seen_event *event,
                                xd_found *found)
{
    if (kind->state == XD_STATE_NONE) {
        return XD_OK;
    }
    if (kind->movement) {
        return state_with_key(ask, kind->state,
                              xd_key_pair(ask->arena, xd_str_from(kind->movement), event->key),
                              found);
    }
    if (!kind->scope) {
        return state_with_key(ask, kind->state, xd_key_part(ask->arena, event->key), found);
    }
    const xd_json *body = NULL;
    XD_TRY(xd_ask_parse(ask, event->body, &body));
    xd_str part = xd_key_part(ask->arena, xd_json_get_text(body, xd_str_from(kind->scope)));
    return part.ptr ? state_made_by(ask, kind->state, part, event->seq, found)
                    : xd_ask_no_memory(ask);
}

static xd_status seqs_of_number(xd_ask *ask, xd_kind kind, xd_str number, int64_t *seqs,
                                int *ret_count)
{
    sqlite3_stmt *s = NULL;
    XD_TRY(xd_ask_prepare(ask,
                          "SELECT seq FROM event e WHERE key = ? AND key <> '' AND " XD_SQL_KIND(
                              "e") " = ? ORDER BY seq DESC LIMIT ?",
                          &s));
    xd_bind(s, 1, number);
    sqlite3_bind_int(s, 2, (int)kind);
    sqlite3_bind_int(s, 3, EVENTS_SEARCHED);
    xd_status status = XD_OK;
    int count = 0;
    while (xd_ask_row(ask, s, &status)) {
        seqs[count++] = sqlite3_column_int64(s, 0);
    }
    *ret_count = count;
    return status;
}

static xd_status unknown(xd_ask *ask, const xd_named_kind *kind, xd_str name)
{
    return xd_fail(
        ask->fault, XD_NOT_FOUND, "read.unknown",
        "there is no %s %.*s; `crossdock search` or GET /v1/search?q=... looks in every kind",
        kind->name, (int)(name.len < 100 ? name.len : 100), name.ptr);
}

/* By the document's own number: every event that carries it is asked for the state it made. */
static xd_status find_by_number(xd_ask *ask, const xd_named_kind *kind, xd_str number,
                                xd_found *ret)
{
    int64_t seqs[EVENTS_SEARCHED];
    int count = 0;
    xd_found found = {0};
    XD_TRY(seqs_of_number(ask, kind->kind, number, seqs, &count));
    for (int i = 0; i < count; i++) {
        xd_found one = {0};
        XD_TRY(xd_ask_event(ask, seqs[i], &one.event));
        XD_TRY(state_of_event(ask, kind, &one.event, &one));
        if (i == 0 || (one.key.ptr && !found.key.ptr)) {
            found.event = one.event;
            found.key = one.key;
            found.value = one.value;
        } else if (one.key.ptr && !xd_str_eq(one.key, found.key)) {
            return xd_fail(ask->fault, XD_CONFLICT, "read.ambiguous",
                           "%s %.*s is several documents: %.*s, %.*s; name one of them so",
                           kind->name, (int)(number.len < 60 ? number.len : 60), number.ptr,
                           XD_FMT(found.key), XD_FMT(one.key));
        }
    }
    if (count == 0) {
        return unknown(ask, kind, number);
    }
    *ret = found;
    return XD_OK;
}

xd_status xd_ask_find(xd_ask *ask, const xd_named_kind *kind, xd_str name, xd_found *ret)
{
    xd_found found = {0};
    if (kind->state != XD_STATE_NONE) {
        XD_TRY(state_with_key(ask, kind->state, name, &found));
    }
    if (!found.key.ptr && kind->kind != XD_KIND_NONE) {
        return find_by_number(ask, kind, name, ret);
    }
    if (!found.key.ptr) {
        return unknown(ask, kind, name);
    }
    const xd_json *state = NULL;
    XD_TRY(xd_ask_parse(ask, found.value, &state));
    int64_t seq = XD_INT(state, "seq", 0);
    if (seq && kind->kind != XD_KIND_NONE) {
        XD_TRY(xd_ask_event(ask, seq, &found.event));
    }
    *ret = found;
    return XD_OK;
}

/* --- one document --- */

xd_status xd_out_parts(xd_ask *ask, const char *name, xd_state_kind kind, xd_str key)
{
    sqlite3_stmt *s = NULL;
    xd_str from = XD_STR_NULL;
    xd_str to = XD_STR_NULL;
    XD_TRY(part_range(ask, key, &from, &to));
    XD_TRY(xd_ask_prepare(ask,
                          "SELECT key, value FROM state WHERE kind = ?1 AND key > ?2 AND key < ?3"
                          " ORDER BY CAST(substr(key, length(?2) + 1) AS INTEGER), key",
                          &s));
    sqlite3_bind_int(s, 1, (int)kind);
    xd_bind(s, 2, from);
    xd_bind(s, 3, to);
    xd_status status = XD_OK;
    bool any = false;
    while (xd_ask_row(ask, s, &status)) {
        if (!any) {
            xd_out_name(ask->out, name);
            xd_out_open(ask->out, '[');
            any = true;
        }
        xd_out_item(ask->out, "id", xd_column(s, 0), xd_column(s, 1));
    }
    if (any) {
        xd_out_close(ask->out, ']');
    }
    return status;
}

static xd_status write_events(xd_ask *ask, xd_kind kind, xd_str number)
{
    int64_t seqs[EVENTS_SEARCHED];
    int count = 0;
    XD_TRY(seqs_of_number(ask, kind, number, seqs, &count));
    xd_out_name(ask->out, "events");
    xd_out_open(ask->out, '[');
    for (int i = 0; i < count && i < EVENTS_SHOWN; i++) {
        xd_seen_event event;
        xd_str effect = XD_STR_NULL;
        XD_TRY(xd_ask_event(ask, seqs[i], &event));
        XD_TRY(xd_ask_effect(ask, seqs[i], &effect));
        xd_out_open(ask->out, '{');
        xd_out_event(ask->out, &event);
        xd_out_raw(ask->out, "effect", effect);
        xd_out_raw(ask->out, "body", event.body);
        xd_out_close(ask->out, '}');
    }
    xd_out_close(ask->out, ']');
    return XD_OK;
}

static xd_status write_document(xd_ask *ask, const xd_named_kind *kind, xd_str name)
{
    xd_found found;
    XD_TRY(xd_ask_find(ask, kind, name, &found));
    xd_out_open(ask->out, '{');
    xd_out_text(ask->out, "kind", xd_str_from(kind->name));
    xd_out_text(ask->out, "id", found.key);
    xd_out_raw(ask->out, "state", found.value.ptr ? found.value : XD_STR("null"));
    if (found.key.ptr && kind->state == XD_STATE_PURCHASE_ORDER) {
        XD_TRY(xd_out_parts(ask, "lines", XD_STATE_ORDER_LINE, found.key));
    } else if (found.key.ptr && kind->state == XD_STATE_INVOICE) {
        XD_TRY(xd_out_parts(ask, "lines", XD_STATE_INVOICE_LINE, found.key));
        XD_TRY(xd_out_parts(ask, "holds", XD_STATE_HOLD, found.key));
    }
    if (found.event.seq) {
        XD_TRY(write_events(ask, kind->kind, found.event.key));
    }
    xd_out_close(ask->out, '}');
    return XD_OK;
}

/* /documents/{kind} and /documents/{kind}/{key}; the key may hold slashes. */
xd_status xd_ask_documents(xd_ask *ask)
{
    const char *slash = memchr(ask->rest.ptr, '/', ask->rest.len);
    size_t length = slash ? (size_t)(slash - ask->rest.ptr) : ask->rest.len;
    const xd_named_kind *kind = xd_named_kind_find((xd_str){ask->rest.ptr, length});
    if (!kind) {
        return xd_fail(ask->fault, XD_NOT_FOUND, "read.kind",
                       "%.*s is not a kind of document; docs/read.md lists them",
                       (int)(length < 100 ? length : 100), ask->rest.ptr);
    }
    if (slash && length + 1 < ask->rest.len) {
        return write_document(ask, kind, (xd_str){slash + 1, ask->rest.len - length - 1});
    }
    if (kind->state == XD_STATE_NONE) {
        return xd_fail(ask->fault, XD_INVALID, "read.list",
                       "%s documents keep no state and cannot be listed; ask for one by number",
                       kind->name);
    }
    xd_listing list = {.kind = kind->state,
                       .member = {"status", "po", "supplier"},
                       .wanted = {xd_ask_argument(ask, "status"), xd_ask_argument(ask, "po"),
                                  xd_ask_argument(ask, "supplier")}};
    if (kind->movement) {
        XD_TRY(part_range(ask, xd_str_from(kind->movement), &list.from, &list.to));
    }
    return xd_ask_list(ask, &list);
}

/* --- search --- */

/* Numbers equal to q first, then those that begin with it. */
static const char SEARCH[] = "SELECT 1 AS rank, " XD_SQL_KIND(
    "e") " AS is_kind, key, max(seq), count(*) FROM event e"
         " WHERE key = ?1 AND key <> '' GROUP BY is_kind, key UNION ALL "
         "SELECT 2, is_kind, key, max(seq), count(*) FROM (SELECT " XD_SQL_KIND(
             "e") " AS is_kind, key,"
                  " seq FROM event e WHERE key > ?1 AND key < ?2 AND key <> '' LIMIT 2000) GROUP "
                  "BY is_kind, key "
                  "ORDER BY 1, 3, 2 LIMIT ?3";

static xd_status write_hit(xd_ask *ask, sqlite3_stmt *s)
{
    const xd_kind_info *kind = xd_kind_find((xd_kind)sqlite3_column_int(s, 1));
    int64_t seq = sqlite3_column_int64(s, 3);
    xd_seen_event event;
    xd_out_open(ask->out, '{');
    xd_out_text(ask->out, "kind", kind ? xd_str_from(kind->name) : XD_STR("unknown"));
    xd_out_text(ask->out, "document", xd_column(s, 2));
    xd_out_int(ask->out, "events", sqlite3_column_int64(s, 4));
    XD_TRY(xd_ask_event(ask, seq, &event));
    xd_out_text(ask->out, "order", event.order_key);
    xd_out_text(ask->out, "source", event.source);
    xd_out_int(ask->out, "seq", seq);
    xd_out_instant(ask->out, "recorded_at", event.recorded_at);
    xd_out_close(ask->out, '}');
    return XD_OK;
}

/* The first text after every one that begins with s: its last byte, that is not the greatest, plus
 * one. UTF-8 has no byte 0xFF. */
static xd_status after_all(xd_ask *ask, xd_str s, xd_str *ret)
{
    xd_str copy = XD_STR_NULL;
    XD_TRY(xd_ask_copy(ask, s, &copy));
    ((char *)copy.ptr)[copy.len - 1]++;
    *ret = copy;
    return XD_OK;
}

xd_status xd_ask_search(xd_ask *ask)
{
    xd_str q = xd_ask_argument(ask, "q");
    xd_str end = XD_STR_NULL;
    sqlite3_stmt *s = NULL;
    if (!q.ptr) {
        return xd_fail(ask->fault, XD_INVALID, "read.q",
                       "q must be a document number or its beginning");
    }
    XD_TRY(after_all(ask, q, &end));
    XD_TRY(xd_ask_prepare(ask, SEARCH, &s));
    xd_bind(s, 1, q);
    xd_bind(s, 2, end);
    sqlite3_bind_int(s, 3, HITS_SHOWN + 1);
    xd_status status = XD_OK;
    int hits = 0;
    xd_out_items(ask->out);
    while (xd_ask_row(ask, s, &status)) {
        status = hits++ < HITS_SHOWN ? write_hit(ask, s) : XD_OK;
    }
    xd_out_next(ask->out, XD_STR_NULL);
    xd_out_reopen(ask->out);
    xd_out_bool(ask->out, "more", hits > HITS_SHOWN);
    xd_out_close(ask->out, '}');
    return status;
}
