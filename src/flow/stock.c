/* Stock on hand and what goods moving in or out of it post. Pure. */
#include "flow/stock.h"

#include "ledger/valuation.h"

xd_status xd_flow_stock(xd_flow *f, xd_str site, xd_str item, xd_stock_doc **ret)
{
    return xd_flow_load(f, &xd_stock_type, xd_key_pair(f->arena, site, item), ret);
}

xd_status xd_stock_wake(xd_flow *f, xd_stock_doc *stock)
{
    if (stock->waiting > 0 && xd_is_positive(stock->stock.quantity)) {
        stock->waiting--;
        xd_doc_change(&stock->doc);
        return xd_step_wake_next(f->step, XD_STR("stock"), stock->doc.key, f->fault);
    }
    return XD_OK;
}

xd_status xd_stock_standard_cost(xd_flow *f, xd_str item, xd_limit_value *ret)
{
    const xd_json *master = NULL;
    XD_TRY(xd_step_get(f->step, XD_STATE_ITEM, xd_key_part(f->arena, item), &master, f->fault));
    xd_limit_value cost = {0};
    XD_TRY(xd_flow_decimal(f, master, XD_STR("standard_cost"), &cost.value, &cost.set));
    *ret = cost;
    return XD_OK;
}

xd_status xd_stock_goods_in(xd_flow *f, xd_journal *journal, const xd_order_line *line, xd_str site,
                            xd_decimal quantity, xd_decimal amount)
{
    const xd_ordered *ordered = &line->ordered;
    xd_decimal value = amount, difference = XD_ZERO;
    if (ordered->item.len) {
        xd_limit_value cost = {0};
        if (f->definition->standard_cost) {
            XD_TRY(xd_stock_standard_cost(f, ordered->item, &cost));
        }
        if (cost.set) {
            XD_TRY(
                xd_flow_exact(f, xd_decimal_mul_round(quantity, cost.value, f->definition->digits,
                                                      XD_HALF_AWAY, &value)));
            difference = amount;
            XD_TRY(xd_flow_subtract(f, &difference, value));
        }
        xd_stock_doc *stock = NULL;
        XD_TRY(xd_flow_stock(f, site, ordered->item, &stock));
        XD_TRY(xd_flow_exact(f, xd_stock_receive(&stock->stock, quantity, value)));
        xd_doc_change(&stock->doc);
        XD_TRY(xd_stock_wake(f, stock));
    }
    XD_TRY(xd_entry_line(f, journal, XD_ACCOUNT_INV, ordered->account, value, line->po_line,
                         ordered->item, XD_STR_NULL));
    return xd_entry_role(f, journal, XD_ACCOUNT_PPV, difference, line->po_line);
}

xd_status xd_stock_goods_out(xd_flow *f, xd_journal *journal, const xd_order_line *line,
                             xd_str site, xd_decimal quantity, xd_decimal amount, bool at_receipt)
{
    const xd_ordered *ordered = &line->ordered;
    xd_decimal value = amount, difference = amount;
    bool standard = f->definition->standard_cost;
    if (ordered->item.len) {
        xd_stock_doc *stock = NULL;
        XD_TRY(xd_flow_stock(f, site, ordered->item, &stock));
        bool enough = xd_decimal_cmp(stock->stock.quantity, quantity) >= 0;
        xd_status status =
            enough && (standard || !at_receipt)
                ? xd_stock_issue(&stock->stock, quantity, f->definition->digits, &value)
                : xd_stock_reverse(&stock->stock, quantity, amount, &value);
        XD_TRY(xd_flow_exact(f, status));
        xd_doc_change(&stock->doc);
    }
    XD_TRY(xd_flow_subtract(f, &difference, value));
    XD_TRY(xd_entry_line(f, journal, XD_ACCOUNT_INV, ordered->account, xd_decimal_neg(value),
                         line->po_line, ordered->item, XD_STR_NULL));
    return xd_entry_role(f, journal, standard ? XD_ACCOUNT_PPV : XD_ACCOUNT_IPV,
                         xd_decimal_neg(difference), line->po_line);
}
