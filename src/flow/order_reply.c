/* What the supplier says about an order: acknowledgements (X12 855) and ship notices (856). Pure.
 */
#include "flow/order.h"
#include "flow/rows.h"

/* Codes of X12 element 668 that differ from what was ordered, so that a buyer must look. */
static bool differs(xd_str code)
{
    static const char *const codes[] = {"IB", "IC", "ID", "IP", "IQ", "IR", "IS", "BP"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if (xd_str_eq(code, xd_str_from(codes[i]))) {
            return true;
        }
    }
    return false;
}

/* Keeps what the supplier says on the order line. */
static xd_status acknowledge_line(xd_flow *f, xd_order_line *line, const xd_json *json)
{
    static const char *const members[] = {"code", "quantity", "unit_price", "date"};
    xd_buf *buf = xd_step_scratch(f->step);
    XD_BUF_LIT(buf, "{\"seq\":");
    xd_buf_int(buf, f->event->seq);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        xd_str text = xd_json_get_text(json, xd_str_from(members[i]));
        if (text.ptr) {
            xd_buf_printf(buf, ",\"%s\":", members[i]);
            xd_json_write_string(buf, text);
        }
    }
    xd_buf_char(buf, '}');
    XD_TRY(xd_flow_keep_json(f, buf, &line->ordered.acknowledged));
    return xd_flow_set_ordered(f, line);
}

/* Begins the document that both flows keep. */
static xd_buf *begin_reply(xd_flow *f, const char *const *names, const char *status)
{
    xd_buf *buf = xd_step_scratch(f->step);
    XD_BUF_LIT(buf, "{\"seq\":");
    xd_buf_int(buf, f->event->seq);
    XD_BUF_LIT(buf, ",\"at\":\"");
    xd_instant_write(buf, f->event->recorded_at);
    xd_buf_printf(buf, "\",\"status\":\"%s\"", status);
    for (; *names; names++) {
        xd_str text = xd_json_get_text(f->data, xd_str_from(*names));
        if (text.ptr) {
            xd_buf_printf(buf, ",\"%s\":", *names);
            xd_json_write_string(buf, text);
        }
    }
    return buf;
}

/* Whether every line of the document is in the order; *ret_line is the key of the first that is
 * not. */
static xd_status lines_known(xd_flow *f, xd_str po, const xd_json *lines, xd_str *ret_missing)
{
    *ret_missing = XD_STR_NULL;
    for (uint32_t i = 0; i < lines->count; i++) {
        xd_order_line *line = NULL;
        XD_TRY(xd_flow_order_line(f, po, XD_INT(&lines->items[i], "po_line", 0), &line));
        if (!line->doc.exists) {
            *ret_missing = line->doc.key;
            return XD_OK;
        }
    }
    return XD_OK;
}

/* Parks, or answers a repeated document; *ret_go is whether the flow goes on. */
static xd_status admit(xd_flow *f, xd_state_kind kind, xd_str key, const char *what, xd_str digest,
                       bool *ret_go)
{
    xd_order *order = NULL;
    const xd_json *known = NULL;
    xd_str missing, po = XD_TEXT(f->data, "po");
    *ret_go = false;
    XD_TRY(xd_step_get(f->step, kind, key, &known, f->fault));
    if (known && xd_str_eq(XD_TEXT(known, "digest"), digest)) {
        return xd_answer_duplicate(f, "%s %.*s is known", what, XD_FMT(f->event->key));
    }
    if (known) {
        return xd_answer_exception(f, "DUPLICATE_CONFLICT",
                                   "%s %.*s is known with other content; give it a new number",
                                   what, XD_FMT(f->event->key));
    }
    XD_TRY(xd_flow_order(f, po, &order));
    if (!order->doc.exists) {
        return xd_answer_park(f, "purchase_order", order->doc.key);
    }
    XD_TRY(lines_known(f, po, XD_GET(f->data, "lines"), &missing));
    if (missing.ptr) {
        return xd_answer_park(f, "order_line", missing);
    }
    *ret_go = true;
    return XD_OK;
}

xd_status xd_flow_acknowledgement(xd_flow *f)
{
    static const char *const names[] = {"po", "acknowledgement_no", NULL};
    const xd_json *lines = XD_GET(f->data, "lines");
    xd_str po = XD_TEXT(f->data, "po"), digest;
    xd_str key = xd_key_pair(f->arena, po, XD_TEXT(f->data, "acknowledgement_no"));
    uint32_t different = 0;
    bool go;
    XD_TRY(xd_flow_digest(f, &digest));
    XD_TRY(admit(f, XD_STATE_ACKNOWLEDGEMENT, key, "acknowledgement", digest, &go));
    if (!go) {
        return XD_OK;
    }
    for (uint32_t i = 0; i < lines->count; i++) {
        xd_order_line *line = NULL;
        XD_TRY(xd_flow_order_line(f, po, XD_INT(&lines->items[i], "po_line", 0), &line));
        XD_TRY(acknowledge_line(f, line, &lines->items[i]));
        different += differs(XD_TEXT(&lines->items[i], "code"));
    }
    XD_TRY(different ? xd_answer_exception(
                           f, "ACKNOWLEDGED_DIFFERENTLY",
                           "the supplier does not take %u line(s) of order %.*s as ordered: "
                           "change the order or talk to the supplier",
                           (unsigned)different, XD_FMT(po))
                     : xd_answer(f, "applied"));
    xd_buf *buf = begin_reply(f, names, different ? "EXCEPTION" : "APPLIED");
    xd_buf_printf(buf, ",\"version\":%lld,\"lines\":[", (long long)XD_INT(f->data, "version", 1));
    for (uint32_t i = 0; i < lines->count; i++) {
        xd_buf_printf(buf, "%s{\"po_line\":%lld,\"code\":\"%.*s\"}", i ? "," : "",
                      (long long)XD_INT(&lines->items[i], "po_line", 0),
                      XD_FMT(XD_TEXT(&lines->items[i], "code")));
    }
    xd_buf_printf(buf, "],\"digest\":\"%.*s\"}", XD_FMT(digest));
    XD_TRY(xd_step_put(f->step, XD_STATE_ACKNOWLEDGEMENT, key, xd_buf_str(buf), f->fault));
    return xd_flow_send(f, XD_MESSAGE_ORDER_STATUS);
}

xd_status xd_flow_ship_notice(xd_flow *f)
{
    static const char *const names[] = {"shipment",    "supplier", "po", "shipped_at",
                                        "expected_at", "carrier",  NULL};
    const xd_json *lines = XD_GET(f->data, "lines");
    xd_str po = XD_TEXT(f->data, "po"), digest;
    xd_str key = xd_key_pair(f->arena, XD_TEXT(f->data, "supplier"), XD_TEXT(f->data, "shipment"));
    bool go, known = true;
    XD_TRY(xd_flow_digest(f, &digest));
    XD_TRY(admit(f, XD_STATE_SHIP_NOTICE, key, "ship notice", digest, &go));
    if (!go) {
        return XD_OK;
    }
    for (uint32_t i = 0; i < lines->count && known; i++) {
        xd_order_line *line = NULL;
        xd_decimal quantity;
        XD_TRY(xd_flow_order_line(f, po, XD_INT(&lines->items[i], "po_line", 0), &line));
        XD_TRY(xd_flow_decimal(f, &lines->items[i], XD_STR("quantity"), &quantity, NULL));
        XD_TRY(
            xd_line_base(f, line, XD_TEXT(&lines->items[i], "uom"), quantity, &quantity, &known));
        XD_TRY(xd_flow_add(f, &line->shipped, quantity));
        line->doc.changed = true;
    }
    if (!known) {
        f->docs = (xd_docs){0}; /* Nothing of a refused notice is counted. */
        return xd_answer_exception(
            f, "UNIT_UNKNOWN", "ship notice %.*s counts in a unit that order %.*s does not know",
            XD_FMT(f->event->key), XD_FMT(po));
    }
    XD_TRY(xd_answer(f, "applied"));
    xd_buf *buf = begin_reply(f, names, "EXPECTED");
    XD_BUF_LIT(buf, ",\"lines\":[");
    for (uint32_t i = 0; i < lines->count; i++) {
        xd_buf_printf(buf, "%s{\"line\":%lld,\"po_line\":%lld,\"quantity\":\"%.*s\"}", i ? "," : "",
                      (long long)XD_INT(&lines->items[i], "line", 0),
                      (long long)XD_INT(&lines->items[i], "po_line", 0),
                      XD_FMT(XD_TEXT(&lines->items[i], "quantity")));
    }
    xd_buf_printf(buf, "],\"digest\":\"%.*s\"}", XD_FMT(digest));
    return xd_step_put(f->step, XD_STATE_SHIP_NOTICE, key, xd_buf_str(buf), f->fault);
}
