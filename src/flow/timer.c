/* What happens when a timer runs out. The one there is watches a parked document: one that still
 * waits after parked_days becomes an exception for a person. It stays parked, and when it goes on
 * after all its exception is settled. Private to src/flow. Pure. */
#include "flow/flow_int.h"

static xd_status raise_overdue(xd_flow *f, const xd_json *parked)
{
    const xd_exception_subject about = {.seq = XD_INT(parked, "seq", 0),
                                        .kind = XD_TEXT(parked, "kind"),
                                        .key = XD_TEXT(parked, "key"),
                                        .order_key = XD_TEXT(parked, "order_key")};
    xd_str text = xd_arena_printf(
        f->arena, "%.*s %.*s waits for %.*s %.*s since %.*s: send what it waits for, or ask for it",
        XD_FMT(about.kind), XD_FMT(about.key), XD_FMT(XD_TEXT(parked, "wait_kind")),
        XD_FMT(XD_TEXT(parked, "wait_key")), XD_FMT(XD_TEXT(parked, "since")));
    return text.ptr ? xd_exception_open(f, &about, "PARKED_TOO_LONG", text) : xd_flow_no_memory(f);
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
