/* Purchase orders: the order itself, and changes with a version check. Pure. */
#include "flow/order.h"
#include "flow/controls.h"

#include "flow/stock.h"

/* --- shared by orders and changes --- */

static const xd_json *lines_of(const xd_flow *f)
{
    return XD_GET(f->data, "lines");
}

/* One step per line of the document, checked; *ret_objection tells the first that is not allowed.
 */
static xd_status prepare_steps(xd_flow *f, xd_str po, xd_order_action (*action_of)(const xd_json *),
                               xd_order_step **ret_steps, bool *ret_dearer,
                               xd_order_objection *ret_objection)
{
    const xd_json *lines = lines_of(f);
    xd_order_step *steps = xd_arena_zalloc(f->arena, (lines->count + 1) * sizeof *steps);
    if (!steps) {
        return xd_flow_no_memory(f);
    }
    *ret_dearer = false;
    *ret_objection = (xd_order_objection){0};
    for (uint32_t i = 0; i < lines->count && !ret_objection->code; i++) {
        steps[i].json = &lines->items[i];
        steps[i].action = action_of(&lines->items[i]);
        XD_TRY(xd_flow_order_line(f, po, XD_INT(&lines->items[i], "po_line", 0), &steps[i].line));
        XD_TRY(xd_order_check_step(f, &steps[i], ret_objection));
        *ret_dearer |= steps[i].dearer;
    }
    *ret_steps = steps;
    return XD_OK;
}

static xd_status apply_steps(xd_flow *f, xd_order *order, xd_order_step *steps)
{
    for (uint32_t i = 0; i < lines_of(f)->count; i++) {
        XD_TRY(xd_order_apply_step(f, order, &steps[i]));
    }
    return XD_OK;
}

/* An order that names its creator needs another person's approval; one that names nobody comes
 * approved from the system that owns it. */
static xd_str approval_of(xd_str created_by, xd_str approved_by)
{
    bool approved =
        created_by.len == 0 || (approved_by.len > 0 && !xd_str_eq(created_by, approved_by));
    return approved ? XD_STR("OPEN") : XD_STR("PENDING_APPROVAL");
}

/* --- purchase order --- */

/* The first master that the definition requires and the order names but that is not known. */
static xd_status missing_master(xd_flow *f, const char **ret_kind, xd_str *ret_key)
{
    const xd_definition *definition = f->definition;
    const struct {
        bool required;
        xd_state_kind kind;
        const char *name;
    } header[] = {{definition->require_supplier, XD_STATE_SUPPLIER, "supplier"},
                  {definition->require_site, XD_STATE_SITE, "site"}};
    const xd_json *lines = lines_of(f);
    *ret_kind = NULL;
    for (size_t i = 0; i < 2 + lines->count; i++) {
        bool in_header = i < 2;
        bool required = in_header ? header[i].required : definition->require_item;
        const char *name = in_header ? header[i].name : "item";
        xd_state_kind kind = in_header ? header[i].kind : XD_STATE_ITEM;
        xd_str code =
            xd_json_get_text(in_header ? f->data : &lines->items[i - 2], xd_str_from(name));
        const xd_json *master = NULL;
        if (!required || code.len == 0) {
            continue;
        }
        xd_str key = xd_key_part(f->arena, code);
        XD_TRY(xd_step_get(f->step, kind, key, &master, f->fault));
        if (!master) {
            *ret_kind = name;
            *ret_key = key;
            return XD_OK;
        }
    }
    return XD_OK;
}

static xd_status fill_header(xd_flow *f, xd_order *order, xd_str digest)
{
    const xd_json *data = f->data;
    order->po = XD_TEXT(data, "po");
    order->supplier = XD_TEXT(data, "supplier");
    order->site = XD_TEXT(data, "site");
    order->currency = XD_TEXT(data, "currency");
    order->ordered_at = XD_TEXT(data, "ordered_at");
    order->terms = XD_TEXT(data, "terms");
    order->version = XD_INT(data, "version", 1);
    order->created_by = XD_TEXT(data, "created_by");
    order->approved_by = XD_TEXT(data, "approved_by");
    order->status = approval_of(order->created_by, order->approved_by);
    order->match_level = XD_INT(data, "match_level", 0);
    order->digest = digest;
    XD_TRY(xd_flow_decimal(f, data, XD_STR("tolerance_pct"), &order->tolerance_pct.value,
                           &order->tolerance_pct.set));
    if (!order->doc.exists) {
        order->seq = f->event->seq;
        XD_TRY(xd_flow_at(f, &order->at));
        XD_TRY(xd_flow_account(f, XD_ACCOUNT_GRNI, XD_STR_NULL, &order->grni));
    }
    xd_doc_change(&order->doc);
    return XD_OK;
}

static xd_order_action replace(const xd_json *line)
{
    (void)line;
    return XD_ORDER_REPLACE;
}

static xd_status refuse_version(xd_flow *f, const xd_order *order, int64_t version, xd_str digest)
{
    if (version == order->version && xd_str_eq(digest, order->digest)) {
        return xd_answer_duplicate(f, "order %.*s is known with the same content",
                                   XD_FMT(order->po));
    }
    const char *code = version == order->version ? "DUPLICATE_CONFLICT" : "STALE_VERSION";
    return xd_answer_exception(f, code,
                               "order %.*s version %lld was sent with other content, but the order "
                               "is at version %lld: send a higher version",
                               XD_FMT(order->po), (long long)version, (long long)order->version);
}

xd_status xd_flow_purchase_order(xd_flow *f)
{
    xd_str po = XD_TEXT(f->data, "po");
    xd_str currency = XD_TEXT(f->data, "currency");
    int64_t version = XD_INT(f->data, "version", 1);
    xd_order *order = NULL;
    xd_str digest, key;
    const char *missing = NULL;
    XD_TRY(xd_flow_order(f, po, &order));
    XD_TRY(xd_flow_digest(f, &digest));
    if (order->doc.exists && version <= order->version) {
        return refuse_version(f, order, version, digest);
    }
    if (!xd_str_eq(currency, f->definition->currency)) {
        return xd_answer_exception(f, "ORDER_CURRENCY",
                                   "order %.*s is in %.*s, but the ledger is in %.*s and there are "
                                   "no exchange rates",
                                   XD_FMT(po), XD_FMT(currency), XD_FMT(f->definition->currency));
    }
    XD_TRY(missing_master(f, &missing, &key));
    if (missing) {
        return xd_answer_park(f, missing, key);
    }
    xd_order_step *steps = NULL;
    xd_order_objection objection;
    bool dearer, is_new = !order->doc.exists;
    XD_TRY(prepare_steps(f, po, replace, &steps, &dearer, &objection));
    if (objection.code) {
        return xd_answer_exception(f, objection.code, "%.*s", XD_FMT(objection.text));
    }
    XD_TRY(xd_answer(f, "applied"));
    XD_TRY(fill_header(f, order, digest));
    XD_TRY(apply_steps(f, order, steps));
    XD_TRY(xd_control_count_lines(f, po, XD_CONTROL_ORDERED));
    if (is_new) {
        XD_TRY(xd_step_wake(f->step, XD_STR("purchase_order"), order->doc.key, f->fault));
    }
    return xd_flow_send(f, XD_MESSAGE_ORDER);
}

/* --- order change --- */

static xd_order_action action_of(const xd_json *line)
{
    xd_str action = XD_TEXT(line, "action");
    return xd_str_eq(action, XD_STR("add"))      ? XD_ORDER_ADD
           : xd_str_eq(action, XD_STR("cancel")) ? XD_ORDER_CANCEL
                                                 : XD_ORDER_CHANGE;
}

static xd_status keep_change(xd_flow *f, xd_str key, const char *status, xd_str reason,
                             xd_str digest)
{
    xd_str at;
    XD_TRY(xd_flow_at(f, &at));
    xd_buf *buf = xd_step_scratch(f->step);
    XD_BUF_LIT(buf, "{\"po\":");
    xd_json_write_string(buf, XD_TEXT(f->data, "po"));
    xd_buf_printf(buf, ",\"version\":%lld,\"based_on\":%lld,\"status\":\"%s\"",
                  (long long)XD_INT(f->data, "version", 0),
                  (long long)XD_INT(f->data, "based_on", 0), status);
    if (reason.len) {
        XD_BUF_LIT(buf, ",\"reason\":");
        xd_json_write_string(buf, reason);
    }
    XD_BUF_LIT(buf, ",\"requested_by\":");
    xd_json_write_string(buf, f->person);
    xd_buf_printf(buf, ",\"seq\":%lld,\"at\":\"%.*s\",\"digest\":\"%.*s\"}",
                  (long long)f->event->seq, XD_FMT(at), XD_FMT(digest));
    return xd_step_put(f->step, XD_STATE_ORDER_CHANGE, key, xd_buf_str(buf), f->fault);
}

/* A change that is not in force yet (proposed, in approval) or never will be (rejected) is only
 * kept. */
static xd_status note_change(xd_flow *f, xd_str key, xd_str status, xd_str digest)
{
    bool rejected =
        xd_str_eq(status, XD_STR("rejected")) || xd_str_eq(status, XD_STR("superseded"));
    XD_TRY(keep_change(f, key, rejected ? "REJECTED" : "PROPOSED", XD_STR_NULL, digest));
    XD_TRY(xd_answer(f, "noted"));
    return xd_flow_send(f, XD_MESSAGE_ORDER_STATUS);
}

static xd_status reject_change(xd_flow *f, xd_str key, xd_str digest, const char *code,
                               xd_str reason)
{
    XD_TRY(keep_change(f, key, "REJECTED", reason, digest));
    XD_TRY(xd_answer_exception(f, code, "%.*s", XD_FMT(reason)));
    return xd_flow_send(f, XD_MESSAGE_ORDER_STATUS);
}

static bool in_force(xd_str status)
{
    return status.len == 0 || xd_str_eq(status, XD_STR("approved")) ||
           xd_str_eq(status, XD_STR("transmitted")) || xd_str_eq(status, XD_STR("accepted"));
}

static xd_status apply_change(xd_flow *f, xd_order *order, xd_str key, xd_str digest)
{
    xd_order_step *steps = NULL;
    xd_order_objection objection;
    bool dearer;
    XD_TRY(prepare_steps(f, order->po, action_of, &steps, &dearer, &objection));
    if (objection.code) {
        return reject_change(f, key, digest, objection.code, objection.text);
    }
    order->version = XD_INT(f->data, "version", 0);
    order->changed_by = f->person;
    if (dearer && XD_TEXT(f->data, "status").len == 0) {
        order->status = XD_STR("PENDING_APPROVAL"); /* A price rise is approved anew. */
    }
    xd_doc_change(&order->doc);
    XD_TRY(xd_answer(f, "applied"));
    XD_TRY(keep_change(f, key, "ACCEPTED", XD_STR_NULL, digest));
    XD_TRY(apply_steps(f, order, steps));
    XD_TRY(xd_flow_send(f, XD_MESSAGE_ORDER));
    return xd_flow_send(f, XD_MESSAGE_ORDER_STATUS);
}

xd_status xd_flow_order_change(xd_flow *f)
{
    xd_str po = XD_TEXT(f->data, "po");
    xd_str status = XD_TEXT(f->data, "status");
    int64_t version = XD_INT(f->data, "version", 0), based_on = XD_INT(f->data, "based_on", 0);
    xd_order *order = NULL;
    const xd_json *known = NULL;
    xd_str digest, key = xd_key_line(f->arena, po, version);
    XD_TRY(xd_flow_order(f, po, &order));
    if (!order->doc.exists) {
        return xd_answer_park(f, "purchase_order", order->doc.key);
    }
    XD_TRY(xd_flow_digest(f, &digest));
    XD_TRY(xd_step_get(f->step, XD_STATE_ORDER_CHANGE, key, &known, f->fault));
    if (known && xd_str_eq(XD_TEXT(known, "digest"), digest)) {
        return xd_answer_duplicate(f, "this change of order %.*s is known", XD_FMT(po));
    }
    if (!in_force(status)) {
        return note_change(f, key, status, digest);
    }
    if (based_on != order->version || version <= order->version) {
        xd_str reason = xd_arena_printf(
            f->arena, "the change of order %.*s is based on version %lld, but the order is at %lld",
            XD_FMT(po), (long long)based_on, (long long)order->version);
        /* The record of what made the version in force stays. */
        return known || version <= order->version
                   ? xd_answer_exception(f, "STALE_VERSION", "%.*s", XD_FMT(reason))
                   : reject_change(f, key, digest, "STALE_VERSION", reason);
    }
    return apply_change(f, order, key, digest);
}

/* --- activity --- */

xd_status xd_flow_order_activity(xd_flow *f)
{
    return xd_answer(f, "noted");
}
