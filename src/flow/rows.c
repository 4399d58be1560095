/* Receipt rows of an order line. See rows.h. Pure. */
#include "flow/rows.h"

#include <assert.h>

xd_status xd_row_load(xd_flow *f, xd_order_line *line, int64_t n, xd_receipt_line **ret)
{
    xd_receipt_line *row = NULL;
    XD_TRY(xd_flow_load(f, &xd_receipt_line_type, xd_key_row(f->arena, line->doc.key, n), &row));
    row->n = n;
    *ret = row;
    return XD_OK;
}

xd_status xd_row_add(xd_flow *f, xd_order_line *line, xd_str site, xd_str receipt,
                     int64_t receipt_line, xd_str date, xd_decimal quantity, xd_decimal amount,
                     xd_receipt_line **ret)
{
    int64_t n = line->receipts + 1;
    xd_receipt_line *row = NULL;
    XD_TRY(xd_doc_create(&f->docs, f->step, &xd_receipt_line_type,
                         xd_key_row(f->arena, line->doc.key, n), &row, f->fault));
    assert(!row->doc.exists);
    row->n = n;
    row->site = site;
    row->receipt = receipt;
    row->line = receipt_line;
    row->date = date;
    row->layer = (xd_layer){.quantity = quantity, .amount = amount};
    if (line->last < line->first || line->last == 0) {
        line->first = n;
    } else if (line->last != n - 1) {
        row->below = line->last;
    }
    line->last = n;
    line->receipts = n;
    xd_doc_change(&row->doc);
    xd_doc_change(&line->doc);
    *ret = row;
    return XD_OK;
}

xd_status xd_row_open(xd_flow *f, const xd_receipt_line *row, xd_decimal *ret)
{
    xd_decimal open = row->layer.quantity;
    XD_TRY(xd_flow_subtract(f, &open, row->matched));
    XD_TRY(xd_flow_subtract(f, &open, row->gone));
    *ret = open;
    return XD_OK;
}

xd_status xd_line_received(xd_flow *f, const xd_order_line *line, xd_decimal *ret)
{
    xd_decimal net = line->received;
    XD_TRY(xd_flow_subtract(f, &net, line->reversed));
    XD_TRY(xd_flow_subtract(f, &net, line->returned));
    *ret = net;
    return XD_OK;
}

xd_status xd_line_open(xd_flow *f, const xd_order_line *line, xd_decimal *ret)
{
    xd_decimal open;
    XD_TRY(xd_line_received(f, line, &open));
    XD_TRY(xd_flow_subtract(f, &open, line->matched));
    *ret = open;
    return XD_OK;
}

/* Order units into base units; a factor that is no finite decimal keeps twelve digits. */
static xd_status to_base(xd_flow *f, const xd_ordered *ordered, xd_decimal quantity,
                         xd_decimal *ret)
{
    if (!xd_is_positive(ordered->factor_numerator)) {
        *ret = quantity;
        return XD_OK;
    }
    xd_decimal base;
    XD_TRY(
        xd_flow_exact(f, xd_decimal_mul_div(quantity, ordered->factor_numerator,
                                            ordered->factor_denominator, 12, XD_HALF_AWAY, &base)));
    *ret = xd_decimal_normal(base);
    return XD_OK;
}

xd_status xd_line_ordered(xd_flow *f, const xd_order_line *line, xd_limit_value *ret)
{
    const xd_ordered *ordered = &line->ordered;
    xd_limit_value quantity = ordered->quantity;
    if (ordered->cancelled) {
        quantity = (xd_limit_value){true, XD_ZERO};
    }
    if (quantity.set) {
        XD_TRY(to_base(f, ordered, quantity.value, &quantity.value));
    }
    *ret = quantity;
    return XD_OK;
}

xd_status xd_line_base(xd_flow *f, const xd_order_line *line, xd_str unit, xd_decimal quantity,
                       xd_decimal *ret, bool *ret_known)
{
    const xd_ordered *ordered = &line->ordered;
    *ret_known = true;
    if (unit.len == 0 || ordered->uom.len == 0 || xd_str_eq(unit, ordered->uom)) {
        return to_base(f, ordered, quantity, ret);
    }
    *ret = quantity; /* The only other unit an order line knows is its base. */
    *ret_known = xd_is_positive(ordered->factor_numerator);
    return XD_OK;
}

xd_status xd_receipt_row(xd_flow *f, xd_receipt *receipt, const xd_order_line *line,
                         int64_t receipt_line, int64_t *ret)
{
    const xd_json *lines = NULL;
    XD_TRY(xd_flow_tree(f, &receipt->lines, &lines));
    *ret = 0;
    for (uint32_t i = 0; lines && xd_str_eq(receipt->po, line->po) && i < lines->count; i++) {
        const xd_json *item = &lines->items[i];
        if (XD_INT(item, "po_line", 0) == line->po_line &&
            (receipt_line == 0 || XD_INT(item, "line", 0) == receipt_line)) {
            *ret = XD_INT(item, "n", 0);
            break;
        }
    }
    return XD_OK;
}

/* The topmost freed row that is open; closed ones are dropped on the way. NULL when there is none.
 */
static xd_status top_freed(xd_flow *f, xd_order_line *line, xd_receipt_line **ret)
{
    while (line->freed) {
        xd_receipt_line *row = NULL;
        xd_decimal open;
        XD_TRY(xd_row_load(f, line, line->freed, &row));
        XD_TRY(xd_row_open(f, row, &open));
        if (xd_is_positive(open)) {
            *ret = row;
            return XD_OK;
        }
        line->freed = row->next;
        row->next = 0;
        row->in_freed = false;
        xd_doc_change(&row->doc);
        xd_doc_change(&line->doc);
    }
    *ret = NULL;
    return XD_OK;
}

xd_status xd_row_oldest(xd_flow *f, xd_order_line *line, xd_receipt_line **ret)
{
    /* Freed rows were matched once, so they are older than what waits in the range. */
    xd_receipt_line *row = NULL;
    XD_TRY(top_freed(f, line, &row));
    while (!row && line->first <= line->last) {
        xd_decimal open;
        XD_TRY(xd_row_load(f, line, line->first, &row));
        XD_TRY(xd_row_open(f, row, &open));
        if (!xd_is_positive(open)) {
            row = NULL;
            line->first++;
            xd_doc_change(&line->doc);
        }
    }
    assert(row);
    *ret = row;
    return XD_OK;
}

xd_status xd_row_newest(xd_flow *f, xd_order_line *line, xd_receipt_line **ret)
{
    xd_receipt_line *row = NULL;
    while (!row && line->last >= line->first && line->last > 0) {
        xd_decimal open;
        XD_TRY(xd_row_load(f, line, line->last, &row));
        XD_TRY(xd_row_open(f, row, &open));
        if (!xd_is_positive(open)) {
            line->last = row->below ? row->below : line->last - 1;
            row->popped = true; /* rows added later are linked past it */
            xd_doc_change(&row->doc);
            row = NULL;
            xd_doc_change(&line->doc);
        }
    }
    if (!row) {
        XD_TRY(top_freed(f, line, &row));
    }
    assert(row);
    *ret = row;
    return XD_OK;
}

void xd_row_freed(xd_order_line *line, xd_receipt_line *row)
{
    bool in_range = !row->popped && row->n >= line->first && row->n <= line->last;
    if (in_range || row->in_freed) {
        return;
    }
    row->next = line->freed;
    row->in_freed = true;
    line->freed = row->n;
    xd_doc_change(&row->doc);
    xd_doc_change(&line->doc);
}
