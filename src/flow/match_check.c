/* What is checked of an invoice line besides goods: price, amount, ordered quantity, approval. See
 * match.h. Pure. */
#include "flow/match.h"
#include "flow/tolerance.h"

typedef struct number {
    const char *name;
    xd_decimal value;
} number;

/* Opens or clears the hold of code, by whether excess is above zero. */
static xd_status check(xd_flow *f, xd_invoice *invoice, xd_invoice_line *bill, xd_hold_code code,
                       const char *rule_name, const xd_tolerance *rule, xd_decimal excess,
                       const number *numbers, size_t count)
{
    if (!xd_is_positive(excess)) {
        return xd_hold_clear(f, invoice, bill, code);
    }
    xd_buf *buf = xd_step_scratch(f->step);
    xd_buf_printf(buf, "{\"rule\":\"%s\",\"limit\":", rule_name);
    xd_tolerance_write(buf, rule);
    for (size_t i = 0; i < count; i++) {
        xd_buf_printf(buf, ",\"%s\":\"", numbers[i].name);
        xd_decimal_write(buf, xd_decimal_normal(numbers[i].value));
        xd_buf_char(buf, '"');
    }
    xd_buf_char(buf, '}');
    xd_str evidence;
    XD_TRY(xd_flow_keep(f, buf, &evidence));
    return xd_hold_set(f, invoice, bill, code, excess, evidence);
}

/* The net that the price rule looks at: quantity x unit price exactly as invoiced, unless the line
 * states another amount (a discount), which is then the real price. Rounding to cents is not a
 * price difference. */
static xd_status priced_net(xd_flow *f, const xd_invoice_line *bill, xd_decimal *ret)
{
    xd_decimal exact, rounded;
    xd_decimal quantity =
        xd_is_zero(bill->stated_quantity) ? bill->invoiced_quantity : bill->stated_quantity;
    XD_TRY(xd_flow_exact(f, xd_decimal_mul(quantity, bill->unit_price, &exact)));
    XD_TRY(xd_flow_round(f, exact, &rounded));
    *ret = xd_decimal_cmp(rounded, bill->invoiced_amount) == 0 ? exact : bill->invoiced_amount;
    return XD_OK;
}

static xd_status check_price(xd_flow *f, const xd_order_line *line, xd_invoice *invoice,
                             xd_invoice_line *bill)
{
    xd_decimal actual, expected, excess;
    XD_TRY(priced_net(f, bill, &actual));
    XD_TRY(xd_order_value(f, line, bill->invoiced_quantity, &expected));
    /* The rule's absolute sides are per unit; compared on the line's net they count once per unit.
     */
    xd_tolerance rule = f->definition->price;
    xd_limit_value *sides[] = {&rule.upper_absolute, &rule.lower_absolute};
    for (int i = 0; i < 2; i++) {
        if (sides[i]->set) {
            XD_TRY(xd_flow_exact(
                f, xd_decimal_mul(sides[i]->value, bill->invoiced_quantity, &sides[i]->value)));
        }
    }
    const number numbers[] = {{"order_price", line->ordered.unit_price},
                              {"invoice_price", bill->unit_price},
                              {"quantity", bill->invoiced_quantity},
                              {"net_at_order_price", expected},
                              {"net", actual}};
    XD_TRY(xd_tolerance_excess(f, &rule, actual, expected, &excess));
    return check(f, invoice, bill, XD_HOLD_PRICE, "price", &f->definition->price, excess, numbers,
                 sizeof numbers / sizeof *numbers);
}

static xd_status check_quantity(xd_flow *f, xd_invoice *invoice, xd_invoice_line *bill,
                                xd_decimal ordered, xd_decimal billed)
{
    xd_decimal actual = billed, excess;
    XD_TRY(xd_flow_add(f, &actual, bill->quantity));
    const number numbers[] = {
        {"ordered", ordered}, {"billed_before", billed}, {"quantity", bill->quantity}};
    XD_TRY(xd_tolerance_excess(f, &f->definition->quantity_ordered, actual, ordered, &excess));
    return check(f, invoice, bill, XD_HOLD_QUANTITY_ORDERED, "quantity_ordered",
                 &f->definition->quantity_ordered, excess, numbers,
                 sizeof numbers / sizeof *numbers);
}

static xd_status check_amount(xd_flow *f, const xd_order_line *line, xd_invoice *invoice,
                              xd_invoice_line *bill, xd_decimal ordered, xd_decimal billed_amount)
{
    xd_decimal actual = billed_amount, expected, excess;
    XD_TRY(xd_flow_add(f, &actual, bill->amount));
    XD_TRY(xd_order_value(f, line, ordered, &expected));
    XD_TRY(xd_flow_round(f, expected, &expected));
    const number numbers[] = {
        {"ordered_net", expected}, {"billed_before", billed_amount}, {"net", bill->amount}};
    XD_TRY(xd_tolerance_excess(f, &f->definition->extended_price, actual, expected, &excess));
    return check(f, invoice, bill, XD_HOLD_AMOUNT, "extended_price", &f->definition->extended_price,
                 excess, numbers, sizeof numbers / sizeof *numbers);
}

static xd_status check_approval(xd_flow *f, const xd_order_line *line, xd_invoice *invoice,
                                xd_invoice_line *bill)
{
    const xd_order *order = line->head;
    if (!xd_str_eq(order->status, XD_STR("PENDING_APPROVAL"))) {
        return xd_hold_clear(f, invoice, bill, XD_HOLD_ORDER_NOT_APPROVED);
    }
    xd_buf *buf = xd_step_scratch(f->step);
    XD_BUF_LIT(buf, "{\"rule\":\"order_approved\",\"order_version\":");
    xd_buf_int(buf, order->version);
    XD_BUF_LIT(buf, ",\"created_by\":");
    xd_json_write_string(buf, order->created_by);
    xd_buf_char(buf, '}');
    xd_str evidence;
    XD_TRY(xd_flow_keep(f, buf, &evidence));
    return xd_hold_set(f, invoice, bill, XD_HOLD_ORDER_NOT_APPROVED, xd_decimal_int(1), evidence);
}

xd_status xd_bill_check(xd_flow *f, xd_order_line *line, xd_invoice *invoice, xd_invoice_line *bill,
                        xd_decimal billed, xd_decimal billed_amount)
{
    XD_TRY(check_price(f, line, invoice, bill));
    XD_TRY(check_approval(f, line, invoice, bill));
    xd_limit_value ordered;
    XD_TRY(xd_line_ordered(f, line, &ordered));
    if (!ordered.set) {
        return XD_OK; /* Open-ended: there is no quantity to pass. */
    }
    XD_TRY(check_quantity(f, invoice, bill, ordered.value, billed));
    return check_amount(f, line, invoice, bill, ordered.value, billed_amount);
}

/* What was billed by those that no quantity or amount hold stops: the base on which the held ones
 * are tried again, in the order in which they came. */
static xd_status accepted(xd_flow *f, xd_order_line *line, xd_decimal *ret_quantity,
                          xd_decimal *ret_amount)
{
    xd_decimal quantity = line->billed, amount = line->billed_amount;
    xd_invoice_line *bill = NULL;
    XD_TRY(xd_list_first(f, line, XD_BILL_PENDING, &bill));
    while (bill) {
        if (bill->open & xd_hold_bit(XD_HOLD_QUANTITY_ORDERED)) {
            XD_TRY(xd_flow_subtract(f, &quantity, bill->quantity));
        }
        if (bill->open & xd_hold_bit(XD_HOLD_AMOUNT)) {
            XD_TRY(xd_flow_subtract(f, &amount, bill->amount));
        }
        XD_TRY(xd_list_next(f, XD_BILL_PENDING, bill, &bill));
    }
    *ret_quantity = quantity;
    *ret_amount = amount;
    return XD_OK;
}

/* The part of *base that was billed before value: value itself is in it unless it is held. */
static xd_status before(xd_flow *f, xd_decimal *base, xd_decimal value, bool held, xd_decimal *ret)
{
    *ret = *base;
    return held ? xd_flow_add(f, base, value) : xd_flow_subtract(f, ret, value);
}

xd_status xd_bill_check_pending(xd_flow *f, xd_order_line *line)
{
    xd_decimal quantity, amount;
    xd_invoice_line *bill = NULL, *next = NULL;
    XD_TRY(accepted(f, line, &quantity, &amount));
    XD_TRY(xd_list_first(f, line, XD_BILL_PENDING, &bill));
    for (; bill; bill = next) {
        XD_TRY(xd_list_next(f, XD_BILL_PENDING, bill, &next));
        xd_invoice *invoice = NULL;
        xd_decimal billed, billed_amount;
        XD_TRY(xd_invoice_load(f, bill->invoice, &invoice));
        XD_TRY(before(f, &quantity, bill->quantity,
                      bill->open & xd_hold_bit(XD_HOLD_QUANTITY_ORDERED), &billed));
        XD_TRY(before(f, &amount, bill->amount, bill->open & xd_hold_bit(XD_HOLD_AMOUNT),
                      &billed_amount));
        XD_TRY(xd_bill_check(f, line, invoice, bill, billed, billed_amount));
        XD_TRY(xd_bill_pend(f, line, invoice, bill));
    }
    return XD_OK;
}
