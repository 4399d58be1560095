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
    xd_buf *buf = &f->step->scratch;
    xd_buf_clear(buf);
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
    xd_buf *buf = &f->step->scratch;
    xd_buf_clear(buf);
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

static xd_status bury(xd_flow *f, const xd_json *failed, int64_t seq, int64_t index,
                      const xd_json *entry, xd_str order_key)
{
    xd_str id = XD_TEXT(failed, "id");
    xd_str class = XD_TEXT(failed, "class");
    xd_buf *buf = &f->step->scratch;
    xd_buf_clear(buf);
    XD_BUF_LIT(buf, "{\"id\":");
    xd_json_write_string(buf, id);
    xd_buf_printf(buf, ",\"seq\":%lld,\"index\":%lld", (long long)seq, (long long)index);
    write_member(buf, "system", entry->items[1].text);
    write_member(buf, "message", entry->items[2].text);
    write_member(buf, "order_key", entry->count > 3 ? entry->items[3].text : order_key);
    write_member(buf, "class", class.len ? class : XD_STR("dead"));
    write_member(buf, "reason", XD_TEXT(failed, "reason"));
    xd_buf_printf(buf, ",\"status\":%lld,\"attempts\":%lld,\"at\":\"",
                  (long long)XD_INT(failed, "status", 0), (long long)XD_INT(failed, "attempts", 0));
    xd_instant_write(buf, f->event->recorded_at);
    XD_BUF_LIT(buf, "\",\"state\":\"open\"}");
    return xd_step_put(f->step, XD_STATE_DEAD, id, xd_buf_str(buf), f->fault);
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

xd_status xd_flow_outcomes(xd_flow *f)
{
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
    return XD_OK;
}

/* --- dead letters --- */

/* Puts the delivery back into its event's outbox document. */
static xd_status put_back(xd_flow *f, const xd_json *dead, int64_t seq)
{
    const xd_json *outbox = NULL, *to = NULL;
    xd_str key = xd_key_seq(f->arena, seq);
    XD_TRY(load_outbox(f, seq, &outbox, &to));
    xd_buf *buf = &f->step->scratch;
    xd_buf_clear(buf);
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
    XD_BUF_LIT(buf, "]]");
    write_sending(buf, outbox, -1, -1);
    xd_buf_char(buf, '}');
    return xd_step_put(f->step, XD_STATE_OUTBOX, key, xd_buf_str(buf), f->fault);
}

static xd_status retry(xd_flow *f, xd_str id, const xd_json *dead)
{
    const xd_definition *definition = f->definition;
    xd_str system = XD_TEXT(dead, "system");
    uint32_t at = 0;
    while (at < definition->system_count && !xd_str_eq(definition->systems[at].name, system)) {
        at++;
    }
    if (at == definition->system_count) {
        return xd_answer_refused(f, "system %.*s is no longer configured: drop the delivery",
                                 XD_FMT(system));
    }
    int64_t seq = XD_INT(dead, "seq", 0);
    XD_TRY(xd_answer(f, "applied"));
    XD_TRY(put_back(f, dead, seq));
    XD_TRY(xd_step_delete(f->step, XD_STATE_DEAD, id, f->fault));
    const xd_delivery delivery = {.seq = seq,
                                  .index = (uint32_t)XD_INT(dead, "index", 0),
                                  .system = at,
                                  .message = xd_message_by_name(XD_TEXT(dead, "message")),
                                  .order_key = XD_TEXT(dead, "order_key")};
    return xd_step_deliver(f->step, delivery, f->fault);
}

static xd_status drop(xd_flow *f, xd_str id, const xd_json *dead)
{
    XD_TRY(xd_answer(f, "applied"));
    xd_buf *buf = &f->step->scratch;
    xd_buf_clear(buf);
    xd_buf_char(buf, '{');
    for (uint32_t i = 0; i < dead->count; i++) {
        if (!xd_str_eq(dead->members[i].name, XD_STR("state"))) {
            xd_json_write_string(buf, dead->members[i].name);
            xd_buf_char(buf, ':');
            xd_json_write(buf, &dead->members[i].value);
            xd_buf_char(buf, ',');
        }
    }
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
