/* What waits, is held or failed: holds, dead letters, parked documents, exceptions, the outbox. May
 * call flow (names), base and SQLite. */
#include "api/read_int.h"
#include "flow/key.h"

static const char LIST[] =
    "SELECT key, value FROM state WHERE kind = ?1 AND key > ?2 AND (?3 IS NULL OR key < ?3)"
    " AND (?4 IS NULL OR value ->> ?5 = ?4) AND (?6 IS NULL OR value ->> ?7 = ?6)"
    " AND (?8 IS NULL OR value ->> ?9 = ?8) ORDER BY key LIMIT ?10";

static xd_status select_list(xd_ask *ask, const xd_listing *list, const xd_page *page,
                             sqlite3_stmt **ret)
{
    sqlite3_stmt *s = NULL;
    xd_str first = list->from.ptr ? list->from : XD_STR("");
    XD_TRY(xd_ask_prepare(ask, LIST, &s));
    sqlite3_bind_int(s, 1, (int)list->kind);
    xd_bind(s, 2, xd_str_cmp(page->cursor, first) > 0 ? page->cursor : first);
    xd_bind_optional(s, 3, list->to);
    for (int i = 0; i < XD_LISTING_FILTERS; i++) {
        xd_bind_optional(s, 4 + 2 * i, list->wanted[i]);
        xd_bind_optional(s, 5 + 2 * i, xd_str_from(list->member[i]));
    }
    sqlite3_bind_int64(s, 10, page->limit + 1);
    *ret = s;
    return XD_OK;
}

xd_status xd_ask_rows(xd_ask *ask, const xd_listing *list, xd_write_row write)
{
    xd_page page;
    sqlite3_stmt *s = NULL;
    XD_TRY(xd_ask_page(ask, &page));
    XD_TRY(select_list(ask, list, &page, &s));
    xd_status status = XD_OK;
    xd_str key = XD_STR_NULL;
    bool more = false;
    xd_out_items(ask->out);
    for (int64_t n = 0; !more && xd_ask_row(ask, s, &status); n++) {
        xd_str value = XD_STR_NULL;
        more = n == page.limit;
        if (!more) {
            status = xd_ask_copy(ask, xd_column(s, 0), &key);
            status = status == XD_OK ? xd_ask_copy(ask, xd_column(s, 1), &value) : status;
            status = status == XD_OK ? write(ask, key, value) : status;
        }
    }
    sqlite3_reset(s);
    xd_out_next(ask->out, more ? key : XD_STR_NULL);
    return status;
}

static xd_status write_document(xd_ask *ask, xd_str key, xd_str value)
{
    xd_out_item(ask->out, "id", key, value);
    return XD_OK;
}

xd_status xd_ask_list(xd_ask *ask, const xd_listing *list)
{
    return xd_ask_rows(ask, list, write_document);
}

/* The open ones, unless "all" is asked for. */
static xd_str status_wanted(const xd_ask *ask, xd_str open)
{
    xd_str wanted = xd_ask_argument(ask, "status");
    if (wanted.ptr) {
        return wanted;
    }
    return xd_ask_flag(ask, "all") ? XD_STR_NULL : open;
}

xd_status xd_ask_holds(xd_ask *ask)
{
    xd_listing list = {.kind = XD_STATE_HOLD,
                       .member = {"status", "code", "supplier"},
                       .wanted = {status_wanted(ask, XD_STR("OPEN")), xd_ask_argument(ask, "code"),
                                  xd_ask_argument(ask, "supplier")}};
    return xd_ask_list(ask, &list);
}

/* list: what shows all of them, as a person types it and as a program asks for it. */
static xd_status write_one(xd_ask *ask, xd_state_kind kind, xd_str key, const char *what,
                           const char *list)
{
    xd_str value = XD_STR_NULL;
    XD_TRY(xd_ask_state(ask, kind, key, &value));
    if (!value.ptr) {
        return xd_fail(ask->fault, XD_NOT_FOUND, "read.unknown",
                       "there is no %s %.*s; %s lists them", what,
                       (int)(ask->rest.len < 100 ? ask->rest.len : 100), ask->rest.ptr, list);
    }
    xd_out_item(ask->out, "id", ask->rest, value);
    return XD_OK;
}

xd_status xd_ask_hold(xd_ask *ask)
{
    return write_one(ask, XD_STATE_HOLD, ask->rest, "hold",
                     "`crossdock hold list --all` or GET /v1/holds?all=true");
}

xd_status xd_ask_dead_letters(xd_ask *ask)
{
    xd_str state = xd_ask_argument(ask, "state");
    if (!state.ptr && !xd_ask_flag(ask, "all")) {
        state = XD_STR("open");
    }
    xd_listing list = {.kind = XD_STATE_DEAD,
                       .member = {"state", "system"},
                       .wanted = {state, xd_ask_argument(ask, "system")}};
    return xd_ask_list(ask, &list);
}

xd_status xd_ask_dead_letter(xd_ask *ask)
{
    XD_TRY(write_one(ask, XD_STATE_DEAD, ask->rest, "dead letter",
                     "`crossdock dlq list --all` or GET /v1/dead-letters?all=true"));
    xd_str value = XD_STR_NULL;
    const xd_json *dead = NULL;
    XD_TRY(xd_ask_state(ask, XD_STATE_DEAD, ask->rest, &value));
    XD_TRY(xd_ask_parse(ask, value, &dead));
    xd_seen_event seen;
    XD_TRY(xd_ask_event(ask, XD_INT(dead, "seq", 0), &seen));
    xd_out_reopen(ask->out);
    xd_out_name(ask->out, "event");
    xd_out_open(ask->out, '{');
    xd_out_event(ask->out, &seen);
    xd_out_close(ask->out, '}');
    const xd_message_told told = {.message = xd_message_by_name(XD_TEXT(dead, "message")),
                                  .index = (uint32_t)XD_INT(dead, "index", 0),
                                  .system = XD_TEXT(dead, "system"),
                                  .map = XD_TEXT(dead, "map"),
                                  .codes_at = XD_INT(dead, "codes_at", 0)};
    if (told.message != XD_MESSAGE_NONE && seen.kind) {
        XD_TRY(xd_out_message(ask, &told, &seen)); /* what the system did not take */
    }
    xd_out_close(ask->out, '}');
    return XD_OK;
}

xd_status xd_ask_parked(xd_ask *ask)
{
    xd_listing list = {.kind = XD_STATE_PARKED,
                       .member = {"wait_kind", "kind"},
                       .wanted = {xd_ask_argument(ask, "waits_for"), xd_ask_argument(ask, "kind")}};
    return xd_ask_list(ask, &list);
}

/* Its id for people is the number of the event that raised it, which its key has in hexadecimal. */
static xd_status write_exception(xd_ask *ask, xd_str key, xd_str value)
{
    int64_t seq = 0;
    XD_TRY(xd_ask_seq_of_key(ask, key, &seq));
    xd_out_item(ask->out, "id", xd_arena_printf(ask->arena, "%lld", (long long)seq), value);
    return XD_OK;
}

xd_status xd_ask_exceptions(xd_ask *ask)
{
    xd_listing list = {
        .kind = XD_STATE_EXCEPTION,
        .member = {"status", "code"},
        .wanted = {status_wanted(ask, XD_STR("open")), xd_ask_argument(ask, "code")}};
    return xd_ask_rows(ask, &list, write_exception);
}

xd_status xd_ask_exception(xd_ask *ask)
{
    int64_t seq = 0;
    xd_str key =
        xd_str_to_int64(ask->rest, &seq) && seq > 0 ? xd_key_seq(ask->arena, seq) : XD_STR("");
    return write_one(ask, XD_STATE_EXCEPTION, key, "exception",
                     "`crossdock exception list --all` or GET /v1/exceptions?all=true");
}

/* One delivery: [index, system, message, order_key?]. */
static void write_delivery(xd_ask *ask, const xd_seen_event *event, const xd_json *to,
                           xd_str order_key)
{
    xd_out_open(ask->out, '{');
    xd_out_text(
        ask->out, "delivery",
        xd_arena_printf(ask->arena, "%lld.%.*s", (long long)event->seq, XD_FMT(to->items[0].text)));
    xd_out_int(ask->out, "seq", event->seq);
    xd_out_text(ask->out, "system", to->items[1].text);
    xd_out_text(ask->out, "message", to->items[2].text);
    xd_out_text(ask->out, "order_key", to->count > 3 ? to->items[3].text : order_key);
    xd_out_text(ask->out, "map", to->count > 5 ? to->items[4].text : XD_STR_NULL);
    xd_out_text(ask->out, "kind", event->kind ? xd_str_from(event->kind->name) : XD_STR_NULL);
    xd_out_text(ask->out, "document", event->key);
    xd_out_instant(ask->out, "waiting_since", event->recorded_at);
    xd_out_close(ask->out, '}');
}

static xd_status write_deliveries(xd_ask *ask, xd_str key, xd_str value)
{
    int64_t seq = 0;
    const xd_json *row = NULL;
    xd_seen_event event;
    xd_str system = xd_ask_argument(ask, "system");
    XD_TRY(xd_ask_seq_of_key(ask, key, &seq));
    XD_TRY(xd_ask_parse(ask, value, &row));
    XD_TRY(xd_ask_event(ask, seq, &event));
    const xd_json *to = XD_GET(row, "to");
    for (uint32_t i = 0; to && i < to->count; i++) {
        const xd_json *one = &to->items[i];
        if (one->type == XD_JSON_ARRAY && one->count >= 3 &&
            (!system.ptr || xd_str_eq(system, one->items[1].text))) {
            write_delivery(ask, &event, one, XD_TEXT(row, "order_key"));
        }
    }
    return XD_OK;
}

/* A page counts events; each may wait for several deliveries. */
xd_status xd_ask_outbox(xd_ask *ask)
{
    xd_listing list = {.kind = XD_STATE_OUTBOX};
    return xd_ask_rows(ask, &list, write_deliveries);
}
