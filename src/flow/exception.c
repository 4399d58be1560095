/* Exceptions: documents that a person must look at, numbered as the events that raised them, and
 * what the person decides (hub.exception). Pure. */
#include "flow/flow_int.h"
#include "flow/key.h"

xd_status xd_exception_open(xd_flow *f, const xd_exception_subject *about, const char *code,
                            xd_str text)
{
    xd_buf *buf = xd_step_scratch(f->step);
    XD_BUF_LIT(buf, "{\"seq\":");
    xd_buf_int(buf, about->seq);
    XD_BUF_LIT(buf, ",\"kind\":");
    xd_json_write_string(buf, about->kind);
    XD_BUF_LIT(buf, ",\"key\":");
    xd_json_write_string(buf, about->key);
    XD_BUF_LIT(buf, ",\"order_key\":");
    xd_json_write_string(buf, about->order_key);
    xd_buf_printf(buf, ",\"code\":\"%s\",\"text\":", code);
    xd_json_write_string(buf, text);
    XD_BUF_LIT(buf, ",\"status\":\"open\",\"at\":\"");
    xd_instant_write(buf, f->event->recorded_at);
    XD_BUF_LIT(buf, "\"}");
    if (buf->failed) {
        return xd_flow_no_memory(f);
    }
    return xd_step_put(f->step, XD_STATE_EXCEPTION, xd_key_seq(f->arena, about->seq),
                       xd_buf_str(buf), f->fault);
}

xd_status xd_raise(xd_flow *f, const char *code, xd_str text)
{
    const xd_event *event = f->event;
    const xd_exception_subject own = {.seq = event->seq,
                                      .kind = xd_str_from(event->kind->name),
                                      .key = event->key,
                                      .order_key = event->order_key};
    return xd_exception_open(f, &own, code, text);
}

/* The exception that the decision names; NULL when there is none. */
static xd_status named(xd_flow *f, xd_str id, const xd_json **ret)
{
    int64_t seq = 0;
    *ret = NULL;
    if (!xd_str_to_int64(id, &seq) || seq <= 0) {
        return XD_OK;
    }
    return xd_step_get(f->step, XD_STATE_EXCEPTION, xd_key_seq(f->arena, seq), ret, f->fault);
}

static xd_status settle(xd_flow *f, const xd_json *exception, xd_str by, xd_str reason)
{
    xd_buf *buf = xd_step_scratch(f->step);
    xd_json_write_without(buf, exception, XD_STR("status"));
    XD_BUF_LIT(buf, "\"status\":\"settled\",\"settled_by\":");
    xd_json_write_string(buf, by);
    XD_BUF_LIT(buf, ",\"settled_reason\":");
    xd_json_write_string(buf, reason);
    XD_BUF_LIT(buf, ",\"settled_at\":\"");
    xd_instant_write(buf, f->event->recorded_at);
    XD_BUF_LIT(buf, "\"}");
    if (buf->failed) {
        return xd_flow_no_memory(f);
    }
    return xd_step_put(f->step, XD_STATE_EXCEPTION,
                       xd_key_seq(f->arena, XD_INT(exception, "seq", 0)), xd_buf_str(buf),
                       f->fault);
}

static bool is_open(const xd_json *exception)
{
    return xd_str_eq(XD_TEXT(exception, "status"), XD_STR("open"));
}

xd_status xd_exception_outdated(xd_flow *f, int64_t seq)
{
    const xd_json *exception = NULL;
    if (f->definition->edition < 4) {
        return XD_OK;
    }
    XD_TRY(
        xd_step_get(f->step, XD_STATE_EXCEPTION, xd_key_seq(f->arena, seq), &exception, f->fault));
    if (!exception || !is_open(exception)) {
        return XD_OK;
    }
    xd_str reason = xd_arena_printf(f->arena, "sent again as event %lld", (long long)f->event->seq);
    return reason.ptr ? settle(f, exception, XD_STR("system"), reason) : xd_flow_no_memory(f);
}

xd_status xd_flow_exception(xd_flow *f)
{
    xd_str id = XD_TEXT(f->data, "exception");
    xd_str decision = XD_TEXT(f->data, "decision");
    xd_str reason = XD_TEXT(f->data, "reason");
    const xd_json *exception = NULL;
    XD_TRY(named(f, id, &exception));
    if (!exception) {
        return xd_answer_refused(f, "there is no exception %.*s", XD_FMT(id));
    }
    if (!is_open(exception)) {
        xd_str by = XD_TEXT(exception, "settled_by");
        return xd_answer_refused(f, "exception %.*s is not open: %.*s settled it", XD_FMT(id),
                                 XD_FMT(by.ptr ? by : XD_STR("system")));
    }
    if (f->person.len == 0) {
        return xd_answer_refused(f, "a decision needs the name of the person who takes it");
    }
    if (!xd_str_eq(decision, XD_STR("settle"))) {
        return xd_answer_refused(f, "the decision must be settle, not %.*s", XD_FMT(decision));
    }
    XD_TRY(settle(f, exception, f->person, reason.ptr ? reason : XD_STR("")));
    xd_str text =
        xd_arena_printf(f->arena, "settled by %.*s: %.*s", XD_FMT(f->person), XD_FMT(reason));
    return text.ptr ? xd_answer_reason(f, "applied", text) : xd_flow_no_memory(f);
}
