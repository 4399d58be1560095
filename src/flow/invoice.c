/* Supplier invoices: admitted once, paired, checked, matched; posted when nothing holds them. Pure.
 */
#include "flow/billing.h"
#include "flow/controls.h"
#include "flow/duplicate.h"
#include "flow/tolerance.h"

/* --- the document --- */

static xd_status fill_header(xd_flow *f, xd_invoice *invoice, xd_str digest)
{
    const xd_json *data = f->data, *lines = XD_GET(data, "lines");
    invoice->invoice = XD_TEXT(data, "invoice");
    invoice->supplier = XD_TEXT(data, "supplier");
    invoice->po = XD_TEXT(data, "po");
    if (invoice->po.len == 0) {
        invoice->po = XD_TEXT(&lines->items[0], "po");
    }
    invoice->currency = XD_TEXT(data, "currency");
    invoice->date = XD_TEXT(data, "invoice_date");
    invoice->posting_date = XD_TEXT(data, "posting_date");
    invoice->entered_by = f->person;
    invoice->status = XD_STR("PARKED");
    invoice->seq = f->event->seq;
    invoice->digest = digest;
    xd_doc_change(&invoice->doc);
    return xd_flow_at(f, &invoice->at);
}

static xd_status answer_known(xd_flow *f, const xd_invoice *known, xd_str digest)
{
    if (xd_str_eq(known->digest, digest)) {
        return xd_answer_duplicate(f,
                                   "invoice %.*s of supplier %.*s is known from event %lld with "
                                   "the same content",
                                   XD_FMT(known->invoice), XD_FMT(known->supplier),
                                   (long long)known->seq);
    }
    return xd_answer_exception(f, "DUPLICATE_CONFLICT",
                               "supplier %.*s used invoice number %.*s before in this year (event "
                               "%lld) with other content: it is not booked",
                               XD_FMT(known->supplier), XD_FMT(XD_TEXT(f->data, "invoice")),
                               (long long)known->seq);
}

/* --- checks of the whole document --- */

static xd_status hold_document(xd_flow *f, xd_invoice *invoice, xd_hold_code code, const char *rule,
                               xd_decimal expected, xd_decimal actual)
{
    xd_decimal excess = actual;
    XD_TRY(xd_flow_subtract(f, &excess, expected));
    xd_buf *buf = xd_step_scratch(f->step);
    xd_buf_printf(buf, "{\"rule\":\"%s\",\"expected\":\"", rule);
    xd_decimal_write(buf, expected);
    XD_BUF_LIT(buf, "\",\"actual\":\"");
    xd_decimal_write(buf, actual);
    XD_BUF_LIT(buf, "\",\"rounding_cap\":\"");
    xd_decimal_write(buf, f->definition->rounding_cap);
    XD_BUF_LIT(buf, "\"}");
    xd_str evidence;
    XD_TRY(xd_flow_keep(f, buf, &evidence));
    return xd_hold_set(f, invoice, NULL, code, xd_decimal_abs(excess), evidence);
}

static xd_status differs(xd_flow *f, xd_decimal a, xd_decimal b, bool *ret)
{
    XD_TRY(xd_flow_subtract(f, &a, b));
    *ret = xd_decimal_cmp(xd_decimal_abs(a), f->definition->rounding_cap) > 0;
    return XD_OK;
}

/* The net that the order's prices give for what could be paired. */
static xd_status check_net(xd_flow *f, xd_invoice *invoice, const xd_billed *lines, uint32_t count)
{
    xd_decimal expected = XD_ZERO, actual = XD_ZERO, excess;
    for (uint32_t i = 0; i < count; i++) {
        xd_decimal value;
        if (lines[i].line) {
            XD_TRY(xd_order_value(f, lines[i].line, lines[i].quantity, &value));
            XD_TRY(xd_flow_add(f, &expected, value));
            XD_TRY(xd_flow_add(f, &actual, lines[i].amount));
        }
    }
    XD_TRY(xd_flow_round(f, expected, &expected));
    XD_TRY(xd_tolerance_excess(f, &f->definition->invoice_total, actual, expected, &excess));
    return xd_is_positive(excess)
               ? hold_document(f, invoice, XD_HOLD_TOTAL, "invoice_total", expected, actual)
               : XD_OK;
}

static xd_status check_document(xd_flow *f, xd_invoice *invoice, const xd_billed *lines,
                                uint32_t count, const xd_bill_amounts *amounts)
{
    bool differ;
    xd_decimal parts = amounts->net;
    XD_TRY(check_net(f, invoice, lines, count));
    XD_TRY(xd_flow_add(f, &parts, amounts->charges));
    XD_TRY(xd_flow_add(f, &parts, amounts->tax));
    XD_TRY(differs(f, parts, amounts->total, &differ));
    if (differ) {
        XD_TRY(hold_document(f, invoice, XD_HOLD_TOTAL, "header_balance", parts, amounts->total));
    }
    XD_TRY(differs(f, amounts->rated_tax, amounts->tax, &differ));
    if (differ && amounts->has_rates && amounts->has_tax) {
        XD_TRY(hold_document(f, invoice, XD_HOLD_TAX, "tax", amounts->rated_tax, amounts->tax));
    }
    if (xd_is_positive(amounts->charges)) {
        /* Nothing was expected, so any charge passes every limit. */
        XD_TRY(hold_document(f, invoice, XD_HOLD_CHARGE, "charges", XD_ZERO, amounts->charges));
    }
    return xd_duplicate_check(f, invoice, lines, count);
}

/* --- lines --- */

static xd_status make_bill(xd_flow *f, xd_invoice *invoice, const xd_billed *billed,
                           xd_invoice_line **ret)
{
    xd_invoice_line *bill = NULL;
    xd_str key = xd_key_number(f->arena, invoice->doc.key, ++invoice->lines);
    XD_TRY(xd_doc_create(&f->docs, f->step, &xd_invoice_line_type, key, &bill, f->fault));
    bill->invoice = invoice->doc.key;
    bill->line = billed->number;
    bill->item = XD_TEXT(billed->json, "item");
    bill->quantity = bill->invoiced_quantity = billed->quantity;
    bill->amount = bill->invoiced_amount = billed->amount;
    bill->unit_price = billed->unit_price;
    if (xd_decimal_cmp(billed->stated, billed->quantity) != 0) {
        bill->stated_quantity = billed->stated;
    }
    xd_doc_change(&bill->doc);
    *ret = bill;
    return XD_OK;
}

static xd_status hold_unpaired(xd_flow *f, xd_invoice *invoice, xd_invoice_line *bill,
                               const xd_billed *billed)
{
    xd_hold_code code = billed->unit_unknown ? XD_HOLD_UNIT : XD_HOLD_LINE_UNMATCHED;
    static const char *const members[] = {"po_line", "item", "uom"};
    xd_buf *buf = xd_step_scratch(f->step);
    xd_str evidence;
    XD_BUF_LIT(buf, "{\"rule\":\"pairing\",\"po\":");
    xd_json_write_string(buf, billed->po);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        const xd_json *value = xd_json_get(billed->json, xd_str_from(members[i]));
        if (value) {
            xd_buf_printf(buf, ",\"%s\":", members[i]);
            xd_json_write(buf, value);
        }
    }
    xd_buf_char(buf, '}');
    XD_TRY(xd_flow_keep(f, buf, &evidence));
    return xd_hold_set(f, invoice, bill, code, xd_decimal_int(1), evidence);
}

/* Documents that came before anything they could credit resume one by one. */
static xd_status wake_credits(xd_flow *f, xd_order_line *line)
{
    if (line->waiting_credits == 0) {
        return XD_OK;
    }
    line->waiting_credits--;
    xd_doc_change(&line->doc);
    return xd_step_wake_next(f->step, XD_STR("invoice"), line->doc.key, f->fault);
}

static xd_status bill_line(xd_flow *f, xd_invoice *invoice, const xd_billed *billed)
{
    xd_invoice_line *bill = NULL;
    xd_order_line *line = billed->line;
    XD_TRY(make_bill(f, invoice, billed, &bill));
    if (invoice->open & xd_hold_bit(XD_HOLD_CURRENCY)) {
        return XD_OK; /* Amounts in another currency cannot be compared with anything. */
    }
    if (!line) {
        return hold_unpaired(f, invoice, bill, billed);
    }
    bill->po = line->po;
    bill->po_line = line->po_line;
    XD_TRY(xd_bill_check(f, line, invoice, bill, line->billed, line->billed_amount));
    XD_TRY(xd_flow_add(f, &line->billed, bill->quantity));
    XD_TRY(xd_flow_add(f, &line->billed_amount, bill->amount));
    XD_TRY(xd_match_bill(f, line, invoice, bill, billed->row));
    return wake_credits(f, line);
}

static xd_status hold_currency(xd_flow *f, xd_invoice *invoice)
{
    xd_buf *buf = xd_step_scratch(f->step);
    xd_str evidence;
    XD_BUF_LIT(buf, "{\"rule\":\"currency\",\"ledger\":");
    xd_json_write_string(buf, f->definition->currency);
    XD_BUF_LIT(buf, ",\"invoice\":");
    xd_json_write_string(buf, invoice->currency);
    xd_buf_char(buf, '}');
    XD_TRY(xd_flow_keep(f, buf, &evidence));
    return xd_hold_set(f, invoice, NULL, XD_HOLD_CURRENCY, xd_decimal_int(1), evidence);
}

static xd_status book(xd_flow *f, xd_invoice *invoice, xd_billed *lines, uint32_t count)
{
    xd_bill_amounts amounts;
    xd_str number;
    XD_TRY(xd_billing_amounts(f, lines, count, &amounts));
    XD_TRY(xd_answer(f, "applied"));
    invoice->is_new = true;
    invoice->net = amounts.net;
    invoice->charges = amounts.charges;
    invoice->tax = amounts.tax;
    invoice->total = amounts.total;
    invoice->live = count;
    xd_invoice_touch(f, invoice);
    if (!xd_str_eq(invoice->currency, f->definition->currency)) {
        XD_TRY(hold_currency(f, invoice));
    } else {
        XD_TRY(check_document(f, invoice, lines, count, &amounts));
    }
    for (uint32_t i = 0; i < count; i++) {
        XD_TRY(bill_line(f, invoice, &lines[i]));
    }
    XD_TRY(xd_billing_number(f, invoice->supplier, invoice->invoice, &number));
    return xd_step_wake(f->step, XD_STR("invoice_number"), number, f->fault);
}

xd_status xd_flow_supplier_invoice(xd_flow *f)
{
    xd_str supplier = XD_TEXT(f->data, "supplier"), posting_date = XD_TEXT(f->data, "posting_date");
    xd_str key, digest;
    xd_invoice *invoice = NULL;
    xd_billed *lines = NULL;
    uint32_t count;
    f->date = posting_date.len ? posting_date : f->date;
    XD_TRY(xd_billing_key(f, supplier, XD_TEXT(f->data, "invoice"),
                          XD_TEXT(f->data, "invoice_date"), &key));
    XD_TRY(xd_invoice_load(f, key, &invoice));
    XD_TRY(xd_flow_digest(f, &digest));
    if (invoice->doc.exists && invoice->seq != f->event->seq) {
        return answer_known(f, invoice, digest);
    }
    if (!invoice->doc.exists) {
        XD_TRY(xd_control_count_lines(f, XD_TEXT(f->data, "po"), XD_CONTROL_INVOICE));
    }
    XD_TRY(xd_billing_lines(f, &lines, &count));
    XD_TRY(fill_header(f, invoice, digest));
    for (uint32_t i = 0; i < count; i++) {
        xd_str missing;
        XD_TRY(xd_billing_pair(f, supplier, &lines[i], &missing));
        if (missing.ptr) {
            return xd_answer_park(f, "purchase_order", missing);
        }
    }
    return book(f, invoice, lines, count);
}
