/* Master data: the newest document per code, versioned and effective-dated; what waits for it
 * resumes. Pure. */
#include "flow/flow_int.h"

static const struct {
    xd_state_kind state;
    const char *wait_kind; /* documents may park for it; NULL: none does */
} masters[] = {
    [XD_KIND_ITEM] = {XD_STATE_ITEM, "item"},
    [XD_KIND_SUPPLIER] = {XD_STATE_SUPPLIER, "supplier"},
    [XD_KIND_SITE] = {XD_STATE_SITE, "site"},
    [XD_KIND_UOM] = {XD_STATE_UOM, NULL},
    [XD_KIND_ACCOUNT] = {XD_STATE_ACCOUNT, NULL},
};

/* Key of the document: its code; for an account the role, with the item category it is for. */
static xd_str key_of(xd_flow *f)
{
    xd_str category =
        f->event->kind->kind == XD_KIND_ACCOUNT ? XD_TEXT(f->data, "category") : XD_STR_NULL;
    return category.len ? xd_key_pair(f->arena, f->event->key, category)
                        : xd_key_part(f->arena, f->event->key);
}

xd_status xd_flow_master(xd_flow *f)
{
    xd_kind kind = f->event->kind->kind;
    xd_str key = key_of(f);
    const xd_json *known = NULL;
    XD_TRY(xd_step_get(f->step, masters[kind].state, key, &known, f->fault));
    xd_str in_force = XD_TEXT(known, "valid_from"), valid_from = XD_TEXT(f->data, "valid_from");
    if (in_force.len && valid_from.len && xd_str_cmp(valid_from, in_force) < 0) {
        XD_TRY(xd_answer(f, "noted"));
        xd_buf_printf(xd_effect(f), ",\"reason\":\"values from %.*s on are in force already\"",
                      XD_FMT(in_force));
        return XD_OK;
    }
    xd_buf *buf = xd_step_scratch(f->step);
    xd_buf_char(buf, '{');
    for (uint32_t i = 0; i < f->data->count; i++) {
        xd_json_write_string(buf, f->data->members[i].name);
        xd_buf_char(buf, ':');
        xd_json_write(buf, &f->data->members[i].value);
        xd_buf_char(buf, ',');
    }
    xd_buf_printf(buf, "\"version\":%lld,\"seq\":%lld,\"at\":\"",
                  (long long)XD_INT(known, "version", 0) + 1, (long long)f->event->seq);
    xd_instant_write(buf, f->event->recorded_at);
    XD_BUF_LIT(buf, "\"}");
    XD_TRY(xd_step_put(f->step, masters[kind].state, key, xd_buf_str(buf), f->fault));
    if (!known && masters[kind].wait_kind) {
        XD_TRY(xd_step_wake(f->step, xd_str_from(masters[kind].wait_kind), key, f->fault));
    }
    XD_TRY(xd_answer(f, "applied"));
    return xd_flow_send(f, XD_MESSAGE_MASTER);
}

xd_status xd_flow_definition(xd_flow *f)
{
    return xd_step_put(f->step, XD_STATE_DEFINITION, XD_STR("current"), f->event->data_text,
                       f->fault);
}
