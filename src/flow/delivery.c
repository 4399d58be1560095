/* What became of deliveries (hub.outcomes), and what people decide about dead letters
 * (hub.dead_letter): the outbox and dead-letter documents. Pure. */
#include "base/planted.h"
#include "flow/flow_int.h"

/* "<seq>.<index>"; false when it is not one. */
static bool parse_id(xd_str id, int64_t *ret_seq, int64_t *ret_index)
{
    const char *dot = id.len ? memchr(id.ptr, '.', id.len) : NULL;
    size_t at = dot ? (size_t)(dot - id.ptr) : id.len;
    return dot && xd_str_to_int64((xd_str){id.ptr, at}, ret_seq) &&
           xd_str_to_int64((xd_str){dot + 1, id.len - at - 1}, ret_index) && *ret_seq > 0 &&
           *ret_index >= 0;
}

static bool is_index(const xd_json *number, int64_t index)
{
    int64_t value = -1;
    return xd_str_to_int64(number->text, &value) && value == index;
}

/* Appends ,"sending":[...], the indexes of deliveries that are being sent: those of the old
 * document, less one and with one more where these are not negative. */
static void write_sending(xd_buf *buf, const xd_json *outbox, int64_t less, int64_t more)
{
    const xd_json *old = XD_GET(outbox, "sending");
    uint32_t written = 0;
    for (uint32_t i = 0; old && i < old->count; i++) {
        if (!is_index(&old->items[i], less) && !is_index(&old->items[i], more)) {
            xd_buf_str_add(buf, written++ ? XD_STR(",") : XD_STR(",\"sending\":["));
            xd_buf_str_add(buf, old->items[i].text);
        }
    }
    if (more >= 0) {
        xd_buf_str_add(buf, written++ ? XD_STR(",") : XD_STR(",\"sending\":["));
        xd_buf_int(buf, more);
    }
    xd_buf_str_add(buf, written ? XD_STR("]") : XD_STR(""));
}

static xd_status load_outbox(xd_flow *f, int64_t seq, const xd_json **ret, const xd_json **ret_to)
{
    *ret = NULL;
    XD_TRY(xd_step_get(f->step, XD_STATE_OUTBOX, xd_key_seq(f->arena, seq), ret, f->fault));
    const xd_json *to = XD_GET(*ret, "to");
    *ret_to = to && to->type == XD_JSON_ARRAY ? to : NULL;
    return XD_OK;
}

/* Rewrites an outbox document without the entry of index; *ret_entry borrows the old document, NULL
 * when it has none (the outcome came twice). */
static xd_status take_entry(xd_flow *f, int64_t seq, int64_t index, const xd_json **ret_entry,
                            xd_str *ret_order_key)
{
    const xd_json *outbox = NULL, *to = NULL;
    xd_str key = xd_key_seq(f->arena, seq);
    *ret_entry = NULL;
    XD_TRY(load_outbox(f, seq, &outbox, &to));
    if (!to) {
        return XD_OK;
    }
    xd_buf *buf = xd_step_scratch(f->step);
    XD_BUF_LIT(buf, "{\"order_key\":");
    *ret_order_key = XD_TEXT(outbox, "order_key");
    xd_json_write_string(buf, *ret_order_key);
    uint32_t left = 0;
    for (uint32_t i = 0; i < to->count; i++) {
        if (is_index(&to->items[i].items[0], index)) {
            *ret_entry = &to->items[i];
            continue;
        }
        xd_buf_str_add(buf, left++ ? XD_STR(",") : XD_STR(",\"to\":["));
        xd_json_write(buf, &to->items[i]);
    }
    if (!*ret_entry) {
        return XD_OK;
    }
    xd_buf_str_add(buf, left ? XD_STR("]") : XD_STR(""));
    write_sending(buf, outbox, index, -1);
    xd_buf_char(buf, '}');
    return left ? xd_step_put(f->step, XD_STATE_OUTBOX, key, xd_buf_str(buf), f->fault)
                : xd_step_delete(f->step, XD_STATE_OUTBOX, key, f->fault);
}

/* Notes that the delivery is being sent, or no longer is. One that is not open stays as it is. */
static xd_status mark_sending(xd_flow *f, int64_t seq, int64_t index, bool sending)
{
    const xd_json *outbox = NULL, *to = NULL;
    XD_TRY(load_outbox(f, seq, &outbox, &to));
    bool is_open = false;
    for (uint32_t i = 0; to && i < to->count; i++) {
        is_open |= is_index(&to->items[i].items[0], index);
    }
    if (!is_open) {
        return XD_OK;
    }
    xd_buf *buf = xd_step_scratch(f->step);
    XD_BUF_LIT(buf, "{\"order_key\":");
    xd_json_write_string(buf, XD_TEXT(outbox, "order_key"));
    XD_BUF_LIT(buf, ",\"to\":");
    xd_json_write(buf, to);
    write_sending(buf, outbox, sending ? -1 : index, sending ? index : -1);
    xd_buf_char(buf, '}');
    return xd_step_put(f->step, XD_STATE_OUTBOX, xd_key_seq(f->arena, seq), xd_buf_str(buf),
                       f->fault);
}

static void write_member(xd_buf *buf, const char *name, xd_str value)
{
    xd_buf_printf(buf, ",\"%s\":", name);
    xd_json_write_string(buf, value);
}

/* Whether the code has changed since the delivery looked for it. */
static xd_status code_is_newer(xd_flow *f, xd_str code, int64_t codes_at, bool *ret)
{
    const xd_json *known = NULL;
    XD_TRY(xd_step_get(f->step, XD_STATE_CROSSWALK, code, &known, f->fault));
    *ret = XD_INT(known, "seq", 0) > codes_at;
    return XD_OK;
}

/* Notes under a code that a delivery could not be made without it, so that it is sent when the code
 * is there. */
static xd_status wait_for_code(xd_flow *f, xd_str code, int64_t codes_at, xd_str id)
{
    const xd_json *queue = NULL;
    bool newer = false;
    XD_TRY(code_is_newer(f, code, codes_at, &newer));
    if (newer) {
        return XD_OK; /* resend_late has it */
    }
    XD_TRY(xd_step_get(f->step, XD_STATE_CODE_WAIT, code, &queue, f->fault));
    int64_t next = XD_INT(queue, "next", 1);
    xd_buf *buf = xd_step_scratch(f->step);
    XD_BUF_LIT(buf, "{\"delivery\":");
    xd_json_write_string(buf, id);
    xd_buf_char(buf, '}');
    XD_TRY(xd_step_put(f->step, XD_STATE_CODE_WAIT, xd_key_number(f->arena, code, next),
                       xd_buf_str(buf), f->fault));
    buf = xd_step_scratch(f->step);
    xd_buf_printf(buf, "{\"first\":%lld,\"next\":%lld}", (long long)XD_INT(queue, "first", 1),
                  (long long)next + 1);
    return xd_step_put(f->step, XD_STATE_CODE_WAIT, code, xd_buf_str(buf), f->fault);
}

static xd_status bury(xd_flow *f, const xd_json *failed, int64_t seq, int64_t index,
                      const xd_json *entry, xd_str order_key)
{
    xd_str id = XD_TEXT(failed, "id");
    xd_str class = XD_TEXT(failed, "class");
    xd_buf *buf = xd_step_scratch(f->step);
    XD_BUF_LIT(buf, "{\"id\":");
    xd_json_write_string(buf, id);
    xd_buf_printf(buf, ",\"seq\":%lld,\"index\":%lld", (long long)seq, (long long)index);
    write_member(buf, "system", entry->items[1].text);
    write_member(buf, "message", entry->items[2].text);
    write_member(buf, "order_key", entry->count > 3 ? entry->items[3].text : order_key);
    if (entry->count > 5) {
        write_member(buf, "map", entry->items[4].text);
        xd_buf_printf(buf, ",\"codes_at\":%.*s", XD_FMT(entry->items[5].text));
    }
    /* The entry's last item, see xd_delivery_write_map. */
    bool seen = entry->count == 5 || entry->count == 7 || xd_json_get_bool(failed, XD_STR("seen"));
    xd_buf_str_add(buf, seen ? XD_STR(",\"seen\":true") : XD_STR(""));
    write_member(buf, "class", class.len ? class : XD_STR("dead"));
    write_member(buf, "reason", XD_TEXT(failed, "reason"));
    xd_buf_printf(buf, ",\"status\":%lld,\"attempts\":%lld,\"at\":\"",
                  (long long)XD_INT(failed, "status", 0), (long long)XD_INT(failed, "attempts", 0));
    xd_instant_write(buf, f->event->recorded_at);
    XD_BUF_LIT(buf, "\",\"state\":\"open\"");
    xd_str code = XD_TEXT(failed, "wait");
    if (code.ptr) {
        write_member(buf, "wait", code);
    }
    xd_buf_char(buf, '}');
    XD_TRY(xd_step_put(f->step, XD_STATE_DEAD, id, xd_buf_str(buf), f->fault));
    int64_t codes_at = 0;
    bool waits = code.ptr && entry->count > 5 && xd_str_to_int64(entry->items[5].text, &codes_at);
    return waits ? wait_for_code(f, code, codes_at, id) : XD_OK;
}

static xd_status bad_id(xd_flow *f, xd_str id)
{
    return xd_fail(f->fault, XD_INVALID, "delivery.id",
                   "%.*s is not the id of a delivery; they look like 12.0", XD_FMT(id));
}

/* The ids of "sending" or "unsent". */
static xd_status mark_all(xd_flow *f, const xd_json *ids, bool sending)
{
    int64_t seq, index;
    for (uint32_t i = 0; ids && ids->type == XD_JSON_ARRAY && i < ids->count; i++) {
        if (ids->items[i].type != XD_JSON_STRING || !parse_id(ids->items[i].text, &seq, &index)) {
            return xd_fail(f->fault, XD_INVALID, "delivery.id",
                           "a delivery being sent lacks its delivery id");
        }
        XD_TRY(mark_sending(f, seq, index, sending));
    }
    return XD_OK;
}

/* Puts the delivery back into its event's outbox document. */
static xd_status put_back(xd_flow *f, const xd_json *dead, const xd_delivery *delivery)
{
    const xd_json *outbox = NULL, *to = NULL;
    xd_str key = xd_key_seq(f->arena, delivery->seq);
    XD_TRY(load_outbox(f, delivery->seq, &outbox, &to));
    xd_buf *buf = xd_step_scratch(f->step);
    XD_BUF_LIT(buf, "{\"order_key\":");
    xd_json_write_string(buf, outbox ? XD_TEXT(outbox, "order_key") : XD_TEXT(dead, "order_key"));
    XD_BUF_LIT(buf, ",\"to\":[");
    for (uint32_t i = 0; to && i < to->count; i++) {
        xd_json_write(buf, &to->items[i]);
        xd_buf_char(buf, ',');
    }
    xd_buf_printf(buf, "[%lld,", (long long)XD_INT(dead, "index", 0));
    xd_json_write_string(buf, XD_TEXT(dead, "system"));
    xd_buf_char(buf, ',');
    xd_json_write_string(buf, XD_TEXT(dead, "message"));
    xd_buf_char(buf, ',');
    xd_json_write_string(buf, XD_TEXT(dead, "order_key"));
    xd_delivery_write_map(buf, delivery, f->definition->edition);
    XD_BUF_LIT(buf, "]]");
    write_sending(buf, outbox, -1, -1);
    xd_buf_char(buf, '}');
    return xd_step_put(f->step, XD_STATE_OUTBOX, key, xd_buf_str(buf), f->fault);
}

/* The delivery of a dead letter, without its map; false when its system is no longer configured. */
static bool delivery_of(const xd_flow *f, const xd_json *dead, xd_delivery *ret)
{
    const xd_definition *definition = f->definition;
    xd_str system = XD_TEXT(dead, "system");
    uint32_t at = 0;
    while (at < definition->system_count && !xd_str_eq(definition->systems[at].name, system)) {
        at++;
    }
    *ret = (xd_delivery){.seq = XD_INT(dead, "seq", 0),
                         .index = (uint32_t)XD_INT(dead, "index", 0),
                         .system = at,
                         .message = xd_message_by_name(XD_TEXT(dead, "message")),
                         .order_key = XD_TEXT(dead, "order_key")};
    return at < definition->system_count;
}

static xd_status send_again(xd_flow *f, xd_str id, const xd_json *dead, const xd_delivery *delivery)
{
    XD_TRY(put_back(f, dead, delivery));
    XD_TRY(xd_step_delete(f->step, XD_STATE_DEAD, id, f->fault));
    return xd_step_deliver(f->step, *delivery, f->fault);
}

/* Sends one again if it still waits for the code: a person may have decided meanwhile. */
static xd_status resend_one(xd_flow *f, xd_str id, xd_str code)
{
    const xd_json *dead = NULL;
    xd_delivery delivery;
    XD_TRY(xd_step_get(f->step, XD_STATE_DEAD, id, &dead, f->fault));
    if (!xd_str_eq(XD_TEXT(dead, "wait"), code) ||
        !xd_str_eq(XD_TEXT(dead, "state"), XD_STR("open")) || !delivery_of(f, dead, &delivery)) {
        return XD_OK;
    }
    delivery.map = XD_TEXT(dead, "map");
    delivery.codes_at = xd_step_log_seq(f->step);
    return send_again(f, id, dead, &delivery);
}

/* The code may have come between the delivery's look and the word of its failure: those that would
 * wait in vain go again at once, in parts. */
static xd_status resend_late(xd_flow *f, const xd_json *failed)
{
    for (uint32_t i = 0; failed && failed->type == XD_JSON_ARRAY && i < failed->count; i++) {
        xd_str id = XD_TEXT(&failed->items[i], "id"), code = XD_TEXT(&failed->items[i], "wait");
        const xd_json *dead = NULL;
        bool newer = false;
        if (!code.ptr) {
            continue;
        }
        XD_TRY(xd_step_get(f->step, XD_STATE_DEAD, id, &dead, f->fault));
        if (dead) {
            XD_TRY(code_is_newer(f, code, XD_INT(dead, "codes_at", 0), &newer));
        }
        if (newer && f->step->delivery_count == XD_STEP_MAX_DELIVERIES) {
            return xd_step_again(f->step, f->fault);
        }
        if (newer) {
            XD_TRY(resend_one(f, id, code));
        }
    }
    return XD_OK;
}

xd_status xd_flow_outcomes(xd_flow *f)
{
    if (f->step->resumed) {
        return resend_late(f, XD_GET(f->data, "failed"));
    }
    /* In this order: what was not sent may be tried again within the same event. */
    XD_TRY(mark_all(f, XD_GET(f->data, "unsent"), false));
    XD_TRY(mark_all(f, XD_GET(f->data, "sending"), true));
    const xd_json *ok = XD_GET(f->data, "ok"), *failed = XD_GET(f->data, "failed");
    const xd_json *entry = NULL;
    xd_str order_key = XD_STR_NULL;
    int64_t seq, index;
    for (uint32_t i = 0; ok && ok->type == XD_JSON_ARRAY && i < ok->count; i++) {
        if (ok->items[i].type != XD_JSON_STRING || !parse_id(ok->items[i].text, &seq, &index)) {
            return xd_fail(f->fault, XD_INVALID, "delivery.id", "an outcome lacks its delivery id");
        }
        XD_TRY(take_entry(f, seq, index, &entry, &order_key));
    }
    for (uint32_t i = 0; failed && failed->type == XD_JSON_ARRAY && i < failed->count; i++) {
        xd_str id = XD_TEXT(&failed->items[i], "id");
        if (!parse_id(id, &seq, &index)) {
            return bad_id(f, id);
        }
        XD_TRY(take_entry(f, seq, index, &entry, &order_key));
        if (entry && !XD_PLANTED(lose_dead_letter)) {
            XD_TRY(bury(f, &failed->items[i], seq, index, entry, order_key));
        }
    }
    return resend_late(f, failed);
}

/* --- dead letters --- */

/* What the system refused, or what could not be made, is made anew: by the map and with the codes
 * of now. What the system may have seen is sent as it was, since it goes under the same key, unless
 * the person says otherwise. */
static void choose_map(xd_flow *f, const xd_json *dead, xd_delivery *delivery)
{
    delivery->seen = xd_str_eq(XD_TEXT(dead, "class"), XD_STR("unknown")) ||
                     xd_json_get_bool(dead, XD_STR("seen"));
    if (delivery->seen && !xd_json_get_bool(f->data, XD_STR("anew"))) {
        delivery->map = XD_TEXT(dead, "map");
        delivery->codes_at = XD_INT(dead, "codes_at", 0);
    } else {
        delivery->map = f->definition->systems[delivery->system].maps[delivery->message];
        delivery->codes_at = xd_step_log_seq(f->step);
    }
}

static xd_status retry(xd_flow *f, xd_str id, const xd_json *dead)
{
    xd_delivery delivery;
    if (!delivery_of(f, dead, &delivery)) {
        return xd_answer_refused(f, "system %.*s is no longer configured: drop the delivery",
                                 XD_FMT(XD_TEXT(dead, "system")));
    }
    choose_map(f, dead, &delivery);
    XD_TRY(xd_answer(f, "applied"));
    if (delivery.map.ptr) {
        write_member(xd_effect(f), "map", delivery.map);
    }
    return send_again(f, id, dead, &delivery);
}

/* --- codes that came --- */

xd_status xd_flow_resend(xd_flow *f, xd_str code)
{
    const xd_json *queue = NULL;
    XD_TRY(xd_step_get(f->step, XD_STATE_CODE_WAIT, code, &queue, f->fault));
    int64_t first = XD_INT(queue, "first", 0), next = XD_INT(queue, "next", 0);
    int64_t end = next - first > XD_STEP_MAX_DELIVERIES ? first + XD_STEP_MAX_DELIVERIES : next;
    for (; first < end; first++) {
        const xd_json *row = NULL;
        xd_str key = xd_key_number(f->arena, code, first);
        XD_TRY(xd_step_get(f->step, XD_STATE_CODE_WAIT, key, &row, f->fault));
        XD_TRY(xd_step_delete(f->step, XD_STATE_CODE_WAIT, key, f->fault));
        XD_TRY(resend_one(f, XD_TEXT(row, "delivery"), code));
    }
    if (!queue || first == next) {
        return queue ? xd_step_delete(f->step, XD_STATE_CODE_WAIT, code, f->fault) : XD_OK;
    }
    xd_buf *buf = xd_step_scratch(f->step);
    xd_buf_printf(buf, "{\"first\":%lld,\"next\":%lld}", (long long)first, (long long)next);
    XD_TRY(xd_step_put(f->step, XD_STATE_CODE_WAIT, code, xd_buf_str(buf), f->fault));
    return xd_step_again(f->step, f->fault);
}

static xd_status drop(xd_flow *f, xd_str id, const xd_json *dead)
{
    XD_TRY(xd_answer(f, "applied"));
    xd_buf *buf = xd_step_scratch(f->step);
    xd_json_write_without(buf, dead, XD_STR("state"));
    XD_BUF_LIT(buf, "\"state\":\"dropped\"");
    write_member(buf, "person", f->person);
    write_member(buf, "drop_reason", XD_TEXT(f->data, "reason"));
    XD_BUF_LIT(buf, ",\"dropped_at\":\"");
    xd_instant_write(buf, f->event->recorded_at);
    XD_BUF_LIT(buf, "\"}");
    return xd_step_put(f->step, XD_STATE_DEAD, id, xd_buf_str(buf), f->fault);
}

xd_status xd_flow_dead_letter(xd_flow *f)
{
    xd_str id = XD_TEXT(f->data, "delivery");
    const xd_json *dead = NULL;
    if (!id.ptr) {
        return bad_id(f, XD_STR(""));
    }
    XD_TRY(xd_step_get(f->step, XD_STATE_DEAD, id, &dead, f->fault));
    if (!dead || !xd_str_eq(XD_TEXT(dead, "state"), XD_STR("open"))) {
        return xd_answer_refused(f, "delivery %.*s is not a dead letter, or was dropped before",
                                 XD_FMT(id));
    }
    if (f->person.len == 0) {
        return xd_answer_refused(f, "a decision needs the name of the person who takes it");
    }
    xd_str decision = XD_TEXT(f->data, "decision");
    if (xd_str_eq(decision, XD_STR("retry"))) {
        return retry(f, id, dead);
    }
    if (xd_str_eq(decision, XD_STR("drop"))) {
        return drop(f, id, dead);
    }
    return xd_answer_refused(f, "the decision must be retry or drop, not %.*s", XD_FMT(decision));
}
