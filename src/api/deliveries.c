/* What an event sent, to whom, and what became of it: from the outbox, the dead letters, the
 * recorded outcomes, and for what was delivered long ago from what its step did. May call flow
 * (names and the definition), canon, base and SQLite. */
#include "api/deliveries.h"

static void expect(xd_deliveries *d, const xd_definition *definition, xd_message message)
{
    for (uint32_t i = 0; i < definition->system_count && d->count < XD_TOLD_MAX; i++) {
        if (definition->systems[i].receives & (1u << message)) {
            d->at[d->count++] = (xd_told_delivery){.system = definition->systems[i].name,
                                                   .message = xd_str_from(xd_message_name(message)),
                                                   .at = XD_INSTANT_NONE};
        }
    }
}

static bool is_result(const xd_json *effect, const char *result)
{
    return xd_str_eq(XD_TEXT(effect, "result"), xd_str_from(result));
}

/* What a step sent, in order, follows from what it did; only what is still to be delivered is
 * stored (docs/messages.md; the order is that of xd_flow_send in the flows). */
static void expect_all(xd_deliveries *d, const xd_definition *definition, xd_kind kind,
                       const xd_json *effect)
{
    bool applied = is_result(effect, "applied");
    bool posted = is_result(effect, "posted");
    bool answered = applied || is_result(effect, "exception") || is_result(effect, "noted");
    if (kind <= XD_KIND_ACCOUNT && applied) {
        expect(d, definition, XD_MESSAGE_MASTER);
    }
    if ((kind == XD_KIND_PURCHASE_ORDER || kind == XD_KIND_ORDER_CHANGE) && applied) {
        expect(d, definition, XD_MESSAGE_ORDER);
    }
    if ((kind == XD_KIND_ORDER_CHANGE || kind == XD_KIND_ACKNOWLEDGEMENT) && answered) {
        expect(d, definition, XD_MESSAGE_ORDER_STATUS);
    }
    if (kind >= XD_KIND_GOODS_RECEIPT && kind <= XD_KIND_SALES_SHIPMENT && posted) {
        expect(d, definition, XD_MESSAGE_INVENTORY);
    }
    if ((kind == XD_KIND_GOODS_RECEIPT || kind == XD_KIND_SUPPLIER_RETURN) && posted) {
        expect(d, definition, XD_MESSAGE_RECEIPT_STATUS);
    }
    if (XD_GET(effect, "journal") || XD_GET(effect, "entries")) {
        expect(d, definition, XD_MESSAGE_JOURNAL);
    }
    if (XD_GET(effect, "invoices")) {
        expect(d, definition, XD_MESSAGE_INVOICE_STATUS);
    }
}

static xd_told_delivery *settle(xd_deliveries *d, int64_t index, const char *state, xd_str system)
{
    if (index < 0 || index >= XD_TOLD_MAX) {
        return NULL;
    }
    xd_told_delivery *one = &d->at[index];
    d->sure = d->sure && index < d->count && (!system.ptr || xd_str_eq(system, one->system));
    one->state = state;
    return one;
}

static xd_status settle_waiting(xd_ask *ask, const xd_seen_event *event, xd_deliveries *d)
{
    xd_str text = XD_STR_NULL;
    const xd_json *row = NULL;
    xd_str key = xd_arena_printf(ask->arena, "%016llx", (unsigned long long)event->seq);
    XD_TRY(xd_ask_state(ask, XD_STATE_OUTBOX, key, &text));
    if (!text.ptr) {
        return XD_OK;
    }
    XD_TRY(xd_ask_parse(ask, text, &row));
    const xd_json *to = XD_GET(row, "to");
    for (uint32_t i = 0; to && i < to->count; i++) {
        int64_t index = -1;
        if (to->items[i].count < 3 || !xd_str_to_int64(to->items[i].items[0].text, &index)) {
            continue;
        }
        xd_told_delivery *one = settle(d, index, "waiting", to->items[i].items[1].text);
        if (one) {
            *one = (xd_told_delivery){.system = to->items[i].items[1].text,
                                      .message = to->items[i].items[2].text,
                                      .map = to->items[i].count > 5 ? to->items[i].items[4].text
                                                                    : XD_STR_NULL,
                                      .state = "waiting",
                                      .at = XD_INSTANT_NONE};
        }
    }
    return XD_OK;
}

static const char *state_of_dead(const xd_json *dead)
{
    bool dropped = xd_str_eq(XD_TEXT(dead, "state"), XD_STR("dropped"));
    bool is_unknown = xd_str_eq(XD_TEXT(dead, "class"), XD_STR("unknown"));
    return dropped ? "dropped" : is_unknown ? "unknown" : "dead";
}

static xd_status settle_dead(xd_ask *ask, const xd_seen_event *event, xd_deliveries *d)
{
    sqlite3_stmt *s = NULL;
    long long seq = event->seq;
    XD_TRY(xd_ask_prepare(ask, "SELECT value FROM state WHERE kind = 53 AND key >= ? AND key < ?",
                          &s));
    xd_bind(s, 1, xd_arena_printf(ask->arena, "%lld.", seq));
    xd_bind(s, 2, xd_arena_printf(ask->arena, "%lld/", seq)); /* '/' follows '.' */
    xd_status status = XD_OK;
    while (xd_ask_row(ask, s, &status)) {
        xd_str text = XD_STR_NULL;
        const xd_json *dead = NULL;
        status = xd_ask_copy(ask, xd_column(s, 0), &text);
        status = status == XD_OK ? xd_ask_parse(ask, text, &dead) : status;
        xd_told_delivery *one =
            status == XD_OK
                ? settle(d, XD_INT(dead, "index", -1), state_of_dead(dead), XD_TEXT(dead, "system"))
                : NULL;
        if (one) {
            one->system = XD_TEXT(dead, "system");
            one->message = XD_TEXT(dead, "message");
            one->reason = XD_TEXT(dead, "reason");
            one->map = XD_TEXT(dead, "map");
            one->attempts = XD_INT(dead, "attempts", 0);
            one->at = XD_INSTANT_NONE;
            if (xd_instant_parse(XD_TEXT(dead, "at"), &one->at, NULL) != XD_OK) {
                one->at = XD_INSTANT_NONE;
            }
        }
    }
    return status;
}

/* Outcomes come soon after the step, so the walk over them is short; it is bounded all the same. */
static const char OUTCOMES[] =
    "SELECT o.recorded_at, substr(k.value, length(?2) + 1) FROM (SELECT recorded_at, body FROM log"
    " WHERE seq IN (SELECT seq FROM event WHERE kind = 61 AND kind >= 60 AND seq > ?1"
    " ORDER BY seq LIMIT 5000) ORDER BY seq) o,"
    " json_each(o.body, '$.ok') k WHERE instr(o.body, '\"' || ?2) > 0"
    " AND substr(k.value, 1, length(?2)) = ?2";

/* The newest decision to send a delivery again says which map it was then made with. */
static xd_status map_of_retry(xd_ask *ask, xd_str id, xd_str *ret_map, bool *ret)
{
    sqlite3_stmt *s = NULL;
    xd_str effect_text = XD_STR_NULL;
    const xd_json *effect = NULL;
    xd_status status = XD_OK;
    int64_t seq = 0;
    *ret = false;
    XD_TRY(xd_ask_prepare(
        ask, "SELECT seq FROM event WHERE key = ?1 AND kind = 63 ORDER BY seq DESC LIMIT 1", &s));
    xd_bind(s, 1, id);
    if (xd_ask_row(ask, s, &status)) {
        seq = sqlite3_column_int64(s, 0);
        sqlite3_reset(s);
    }
    if (status != XD_OK || seq == 0) {
        return status;
    }
    XD_TRY(xd_ask_effect(ask, seq, &effect_text));
    if (effect_text.ptr) {
        XD_TRY(xd_ask_parse(ask, effect_text, &effect));
        *ret_map = XD_TEXT(effect, "map");
        *ret = true;
    }
    return XD_OK;
}

/* The maps that the bodies of delivered ones were made with, as the effect has it. */
static xd_status add_maps(xd_ask *ask, const xd_seen_event *event, const xd_json *effect,
                          xd_deliveries *d)
{
    const xd_json *maps = XD_GET(effect, "maps");
    for (int i = 0; i < XD_TOLD_MAX; i++) {
        xd_told_delivery *one = &d->at[i];
        if (!one->state || strcmp(one->state, "delivered") != 0) {
            continue;
        }
        xd_str index = xd_arena_printf(ask->arena, "%d", i);
        xd_str id = xd_arena_printf(ask->arena, "%lld.%d", (long long)event->seq, i);
        bool retried = false;
        XD_TRY(map_of_retry(ask, id, &one->map, &retried));
        if (!retried) {
            one->map = xd_json_get_text(maps, index);
        }
    }
    return XD_OK;
}

static int settled_count(const xd_deliveries *d)
{
    int settled = 0;
    for (int i = 0; i < XD_TOLD_MAX; i++) {
        settled += d->at[i].state != NULL;
    }
    return settled;
}

static xd_status settle_delivered(xd_ask *ask, const xd_seen_event *event, int64_t by,
                                  xd_deliveries *d)
{
    sqlite3_stmt *s = NULL;
    int missing = d->count - settled_count(d);
    if (d->count == 0 || (d->sure && missing <= 0)) {
        return XD_OK;
    }
    XD_TRY(xd_ask_prepare(ask, OUTCOMES, &s));
    sqlite3_bind_int64(s, 1, by);
    xd_bind(s, 2, xd_arena_printf(ask->arena, "%lld.", (long long)event->seq));
    xd_status status = XD_OK;
    while ((missing > 0 || !d->sure) && xd_ask_row(ask, s, &status)) {
        xd_told_delivery *one = settle(d, sqlite3_column_int64(s, 1), "delivered", XD_STR_NULL);
        if (one) {
            one->at = sqlite3_column_int64(s, 0);
            missing--;
        }
    }
    sqlite3_reset(s);
    return status;
}

xd_status xd_ask_deliveries(xd_ask *ask, const xd_seen_event *event, int64_t by,
                            const xd_definition *definition, const xd_json *effect,
                            xd_deliveries *ret)
{
    *ret = (xd_deliveries){.sure = true};
    if (definition && event->kind && effect) {
        expect_all(ret, definition, event->kind->kind, effect);
    }
    XD_TRY(settle_waiting(ask, event, ret));
    XD_TRY(settle_dead(ask, event, ret));
    XD_TRY(settle_delivered(ask, event, by, ret));
    return add_maps(ask, event, effect, ret);
}
