/* Payment notices: what the paying system says about an invoice or an order line. Pure. */
#include "flow/billing.h"
#include "flow/controls.h"

/* Whether this payment has said this before. */
static xd_status was_seen(xd_flow *f, xd_payment *payment, xd_str status, bool *ret)
{
    const xd_json *seen = NULL;
    XD_TRY(xd_flow_tree(f, &payment->seen, &seen));
    *ret = false;
    for (uint32_t i = 0; seen && i < seen->count; i++) {
        *ret |= xd_str_eq(seen->items[i].text, status);
    }
    return XD_OK;
}

static xd_status keep(xd_flow *f, xd_payment *payment, xd_str status)
{
    const xd_json *data = f->data, *seen = NULL;
    XD_TRY(xd_flow_tree(f, &payment->seen, &seen));
    xd_buf *buf = xd_step_scratch(f->step);
    xd_buf_char(buf, '[');
    for (uint32_t i = 0; seen && i < seen->count; i++) {
        xd_json_write(buf, &seen->items[i]);
        xd_buf_char(buf, ',');
    }
    xd_json_write_string(buf, status);
    xd_buf_char(buf, ']');
    XD_TRY(xd_flow_keep_json(f, buf, &payment->seen));
    payment->payment = XD_TEXT(data, "payment");
    payment->supplier = XD_TEXT(data, "supplier");
    payment->invoice = XD_TEXT(data, "invoice");
    payment->po = XD_TEXT(data, "po");
    payment->po_line = XD_INT(data, "po_line", 0);
    payment->currency = XD_TEXT(data, "currency");
    payment->status = status;
    XD_TRY(xd_flow_decimal(f, data, XD_STR("amount"), &payment->amount, NULL));
    if (!payment->doc.exists) {
        payment->seq = f->event->seq;
        XD_TRY(xd_flow_at(f, &payment->at));
    }
    xd_doc_change(&payment->doc);
    return XD_OK;
}

xd_status xd_flow_payment_status(xd_flow *f)
{
    xd_str number = XD_TEXT(f->data, "payment"), status = XD_TEXT(f->data, "status");
    xd_str po = XD_TEXT(f->data, "po");
    int64_t po_line = XD_INT(f->data, "po_line", 0);
    xd_payment *payment = NULL;
    xd_invoice *invoice = NULL;
    XD_TRY(xd_flow_load(f, &xd_payment_type, xd_key_part(f->arena, number), &payment));
    bool seen;
    XD_TRY(was_seen(f, payment, status, &seen));
    if (seen) {
        return xd_answer_duplicate(f, "payment %.*s said %.*s before", XD_FMT(number),
                                   XD_FMT(status));
    }
    bool cleared = xd_str_eq(status, XD_STR("cleared"));
    bool paid = cleared || xd_str_eq(status, XD_STR("paid"));
    XD_TRY(keep(f, payment, status));
    if (cleared || xd_str_eq(status, XD_STR("block_removed"))) {
        XD_TRY(xd_control_count(f, po, po_line,
                                cleared ? XD_CONTROL_CLEARING : XD_CONTROL_BLOCK_REMOVED));
    }
    XD_TRY(xd_billing_find(f, XD_TEXT(f->data, "supplier"), XD_TEXT(f->data, "invoice"), f->date,
                           &invoice));
    if (!invoice) {
        return xd_answer(f, "noted");
    }
    invoice->payment = status;
    xd_invoice_touch(f, invoice);
    if (paid && (invoice->holds > 0 || !invoice->posted)) {
        return xd_answer_exception(f, "PAYMENT_OF_HELD_INVOICE",
                                   "invoice %.*s was paid although it is %.*s",
                                   XD_FMT(invoice->invoice), XD_FMT(invoice->status));
    }
    return xd_answer(f, "applied");
}
