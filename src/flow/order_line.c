/* One line of an order document against the order line it is about: may it be, and make it so. See
 * order.h. Freeze rules: DOMAIN section 1, PO change rules. Pure. */
#include "flow/match.h"
#include "flow/order.h"

static void take_text(const xd_json *json, xd_str name, bool clear, xd_str *value)
{
    xd_str text = xd_json_get_text(json, name);
    if (text.ptr || clear) {
        *value = text;
    }
}

static xd_status take_factor(xd_flow *f, const xd_json *json, bool clear, xd_ordered *wanted)
{
    const xd_json *factor = XD_GET(json, "uom_factor");
    if (factor && factor->type == XD_JSON_OBJECT) {
        XD_TRY(xd_flow_decimal(f, factor, XD_STR("numerator"), &wanted->factor_numerator, NULL));
        return xd_flow_decimal(f, factor, XD_STR("denominator"), &wanted->factor_denominator, NULL);
    }
    if (clear) {
        wanted->factor_numerator = wanted->factor_denominator = XD_ZERO;
    }
    return XD_OK;
}

/* Account that the line's goods go to: its own, its item category's, the general one. */
static xd_status account_of(xd_flow *f, xd_str gl, xd_str item, xd_str *ret)
{
    if (gl.len) {
        *ret = gl;
        return XD_OK;
    }
    const xd_json *master = NULL;
    if (item.len) {
        XD_TRY(xd_step_get(f->step, XD_STATE_ITEM, xd_key_part(f->arena, item), &master, f->fault));
    }
    return xd_flow_account(f, XD_ACCOUNT_INV, XD_TEXT(master, "category"), ret);
}

static xd_status fill(xd_flow *f, xd_order_step *step)
{
    const xd_json *json = step->json;
    bool clear = step->action != XD_ORDER_CHANGE;
    xd_ordered *wanted = &step->wanted;
    *wanted = step->line->ordered;
    if (step->action == XD_ORDER_CANCEL) {
        wanted->cancelled = true;
        return XD_OK;
    }
    xd_decimal number;
    bool given;
    XD_TRY(xd_flow_decimal(f, json, XD_STR("quantity"), &number, &given));
    if (given || clear) {
        wanted->quantity = (xd_limit_value){given, number};
    }
    XD_TRY(xd_flow_decimal(f, json, XD_STR("unit_price"), &number, &given));
    if (given) {
        step->dearer =
            step->line->doc.exists && xd_decimal_cmp(number, step->line->ordered.unit_price) > 0;
        wanted->unit_price = number;
    }
    take_text(json, XD_STR("item"), clear, &wanted->item);
    take_text(json, XD_STR("description"), clear, &wanted->description);
    take_text(json, XD_STR("uom"), clear, &wanted->uom);
    take_text(json, XD_STR("tax_code"), clear, &wanted->tax_code);
    XD_TRY(take_factor(f, json, clear, wanted));
    xd_str gl = XD_TEXT(json, "gl");
    if (gl.len || clear || !xd_str_eq(wanted->item, step->line->ordered.item)) {
        XD_TRY(account_of(f, gl, wanted->item, &wanted->account));
    }
    wanted->cancelled = false;
    return XD_OK;
}

static bool same_unit(const xd_ordered *a, const xd_ordered *b)
{
    return xd_str_eq(a->uom, b->uom) &&
           xd_decimal_cmp(a->factor_numerator, b->factor_numerator) == 0 &&
           xd_decimal_cmp(a->factor_denominator, b->factor_denominator) == 0;
}

static xd_status object(xd_flow *f, xd_order_objection *ret, const char *code, const char *pattern,
                        const xd_order_step *step, xd_decimal number)
{
    char text[XD_DECIMAL_MAX_TEXT];
    (void)xd_decimal_text(xd_decimal_normal(number), text);
    ret->code = code;
    ret->text =
        xd_arena_printf(f->arena, "line %lld of order %.*s %s%s", (long long)step->line->po_line,
                        XD_FMT(step->line->po), pattern, number.coefficient ? text : "");
    return ret->text.ptr ? XD_OK : xd_flow_no_memory(f);
}

xd_status xd_order_check_step(xd_flow *f, xd_order_step *step, xd_order_objection *ret)
{
    const xd_order_line *line = step->line;
    *ret = (xd_order_objection){0};
    bool exists = line->doc.exists && !line->ordered.cancelled;
    if (step->action == XD_ORDER_ADD && exists) {
        return object(f, ret, "ORDER_LINE_EXISTS", "exists already; change it instead", step,
                      XD_ZERO);
    }
    if ((step->action == XD_ORDER_CHANGE || step->action == XD_ORDER_CANCEL) && !exists) {
        return object(f, ret, "ORDER_LINE_UNKNOWN", "does not exist or was cancelled", step,
                      XD_ZERO);
    }
    XD_TRY(fill(f, step));
    if (!line->doc.exists) {
        return XD_OK;
    }
    xd_decimal done;
    XD_TRY(xd_line_received(f, line, &done));
    done = xd_decimal_cmp(done, line->billed) < 0 ? line->billed : done;
    if (line->receipts > 0 && !(xd_str_eq(step->wanted.item, line->ordered.item) &&
                                same_unit(&step->wanted, &line->ordered))) {
        return object(f, ret, "FROZEN",
                      "has receipts: its item and unit of measure are frozen; add a new line", step,
                      XD_ZERO);
    }
    xd_order_line after = *line;
    xd_limit_value ordered;
    after.ordered = step->wanted;
    XD_TRY(xd_line_ordered(f, &after, &ordered));
    if (ordered.set && xd_decimal_cmp(ordered.value, done) < 0) {
        return object(f, ret, "QUANTITY_BELOW_DONE",
                      "cannot be ordered for less than what was received or billed, which is ",
                      step, done);
    }
    return XD_OK;
}

/* Adds the line to the order lines of its item, unless it is there. */
static xd_status index_item(xd_flow *f, const xd_order_line *line, xd_str item)
{
    xd_order_item *index = NULL;
    if (item.len == 0) {
        return XD_OK;
    }
    XD_TRY(xd_flow_load(f, &xd_order_item_type, xd_key_pair(f->arena, line->po, item), &index));
    xd_buf *buf = xd_step_scratch(f->step);
    const xd_json *lines = NULL;
    XD_TRY(xd_flow_tree(f, &index->lines, &lines));
    xd_buf_char(buf, '[');
    for (uint32_t i = 0; lines && i < lines->count; i++) {
        int64_t number = 0;
        (void)xd_str_to_int64(lines->items[i].text, &number);
        if (number == line->po_line) {
            return XD_OK;
        }
        xd_buf_int(buf, number);
        xd_buf_char(buf, ',');
    }
    xd_buf_int(buf, line->po_line);
    xd_buf_char(buf, ']');
    xd_doc_change(&index->doc);
    return xd_flow_keep_json(f, buf, &index->lines);
}

xd_status xd_order_apply_step(xd_flow *f, xd_order *order, xd_order_step *step)
{
    xd_order_line *line = step->line;
    bool is_new = !line->doc.exists;
    xd_doc_json acknowledged = line->ordered.acknowledged;
    line->ordered = step->wanted;
    line->ordered.acknowledged = acknowledged;
    XD_TRY(xd_flow_set_ordered(f, line));
    XD_TRY(index_item(f, line, line->ordered.item));
    if (!is_new) {
        return xd_bill_check_pending(f, line);
    }
    order->lines++;
    xd_doc_change(&order->doc);
    /* Documents can only wait for a line whose order is known already. */
    return order->version > 1 || order->seq != f->event->seq
               ? xd_step_wake(f->step, XD_STR("order_line"), line->doc.key, f->fault)
               : XD_OK;
}
