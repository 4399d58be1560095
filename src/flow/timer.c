/* What happens when a timer runs out. The one there is watches a parked document: one that still
 * waits after parked_days becomes an exception for a person. It stays parked, and when it goes on
 * after all its exception is settled. Private to src/flow. Pure. */
#include "flow/flow_int.h"

static xd_status raise_overdue(xd_flow *f, const xd_json *parked)
{
    xd_str kind = XD_TEXT(parked, "kind");
    xd_str key = XD_TEXT(parked, "key");
    xd_buf *buf = xd_step_scratch(f->step);
    XD_BUF_LIT(buf, "{\"seq\":");
    xd_buf_int(buf, XD_INT(parked, "seq", 0));
    XD_BUF_LIT(buf, ",\"kind\":");
    xd_json_write_string(buf, kind);
    XD_BUF_LIT(buf, ",\"key\":");
    xd_json_write_string(buf, key);
    XD_BUF_LIT(buf, ",\"order_key\":");
    xd_json_write_string(buf, XD_TEXT(parked, "order_key"));
    XD_BUF_LIT(buf, ",\"code\":\"PARKED_TOO_LONG\",\"text\":");
    xd_str text = xd_arena_printf(
        f->arena, "%.*s %.*s waits for %.*s %.*s since %.*s: send what it waits for, or ask for it",
        XD_FMT(kind), XD_FMT(key), XD_FMT(XD_TEXT(parked, "wait_kind")),
        XD_FMT(XD_TEXT(parked, "wait_key")), XD_FMT(XD_TEXT(parked, "since")));
    if (!text.ptr) {
        return xd_flow_no_memory(f);
    }
    xd_json_write_string(buf, text);
    XD_BUF_LIT(buf, ",\"status\":\"open\",\"at\":\"");
    xd_instant_write(buf, f->event->recorded_at);
    XD_BUF_LIT(buf, "\"}");
    if (buf->failed) {
        return xd_flow_no_memory(f);
    }
    return xd_step_put(f->step, XD_STATE_EXCEPTION, xd_key_seq(f->arena, XD_INT(parked, "seq", 0)),
                       xd_buf_str(buf), f->fault);
}

xd_status xd_flow_timer(xd_flow *f)
{
    enum { DUE_DIGITS = 16 };
    xd_str key = XD_TEXT(f->data, "timer");
    const xd_json *timer = NULL;
    if (key.len > DUE_DIGITS) {
        XD_TRY(xd_step_get(f->step, XD_STATE_TIMER, key, &timer, f->fault));
    }
    if (!timer) {
        return xd_answer(f, "noted"); /* taken back since */
    }
    XD_TRY(xd_step_delete(f->step, XD_STATE_TIMER, key, f->fault));
    xd_str row = {key.ptr + DUE_DIGITS + 1, key.len - DUE_DIGITS - 1};
    const xd_json *parked = NULL;
    XD_TRY(xd_step_get(f->step, XD_STATE_PARKED, row, &parked, f->fault));
    if (parked) {
        XD_TRY(raise_overdue(f, parked));
    }
    return xd_answer(f, parked ? "applied" : "noted");
}
