/* Credit memos. A quantity credit takes from what is billed and not yet matched first, the newest
 * first, then from what is matched, whose goods become free for other invoices; a price or charge
 * credit changes value only. An invoice that is not posted just becomes smaller; one that is posted
 * gets an entry of its own. Pure. */
#include "flow/billing.h"
#include "flow/controls.h"

#include <assert.h>

/* What one invoice gets of the credit. */
typedef struct credited {
    struct credited *next;
    xd_invoice *invoice;
    xd_journal *journal; /* NULL: the invoice is not posted */
    xd_decimal net;
} credited;

typedef struct credit {
    xd_credit *doc;
    xd_billed *lines;
    uint32_t count;
    xd_bill_amounts amounts;
    xd_invoice *reference; /* NULL: it names none */
    credited *first, *last;
} credit;

static xd_status credited_of(xd_flow *f, credit *c, xd_invoice *invoice, credited **ret)
{
    credited *part = c->first;
    while (part && part->invoice != invoice) {
        part = part->next;
    }
    if (!part) {
        part = xd_arena_zalloc(f->arena, sizeof *part);
        if (!part) {
            return xd_flow_no_memory(f);
        }
        part->invoice = invoice;
        if (invoice->posted) {
            XD_TRY(xd_entry_begin(f, "credit_memo", c->doc->doc.key, invoice->po, &part->journal));
        }
        *(c->last ? &c->last->next : &c->first) = part;
        c->last = part;
    }
    xd_invoice_touch(f, invoice);
    *ret = part;
    return XD_OK;
}

/* A credit of quantity in work: what is left of one of its lines. */
typedef struct credit_line {
    credit *credit;
    xd_order_line *line;
    xd_decimal quantity, amount;
} credit_line;

/* Takes part of the line's amount along with quantity. */
static xd_status take(xd_flow *f, credit_line *left, xd_decimal quantity, xd_decimal *ret_amount)
{
    XD_TRY(xd_flow_share(f, left->amount, quantity, left->quantity, ret_amount));
    XD_TRY(xd_flow_subtract(f, &left->amount, *ret_amount));
    return xd_flow_subtract(f, &left->quantity, quantity);
}

/* The invoice line becomes smaller by quantity and amount. One without quantity needs no decisions
 * any more. */
static xd_status shrink(xd_flow *f, credited *part, xd_order_line *line, xd_invoice_line *bill,
                        xd_decimal quantity, xd_decimal amount)
{
    XD_TRY(xd_flow_subtract(f, &bill->quantity, quantity));
    XD_TRY(xd_flow_subtract(f, &bill->amount, amount));
    XD_TRY(xd_flow_add(f, &part->net, amount));
    xd_doc_change(&bill->doc);
    if (line) {
        XD_TRY(xd_flow_subtract(f, &line->billed, quantity));
        XD_TRY(xd_flow_subtract(f, &line->billed_amount, amount));
        xd_doc_change(&line->doc);
        XD_TRY(xd_match_requeue(f, line, part->invoice, bill));
    }
    if (!xd_is_zero(bill->quantity)) {
        return XD_OK;
    }
    part->invoice->live--;
    for (int code = 0; code < XD_HOLD_COUNT; code++) {
        XD_TRY(xd_hold_clear(f, part->invoice, bill, (xd_hold_code)code));
    }
    return XD_OK;
}

static xd_status post_grni(xd_flow *f, credited *part, const xd_order_line *line, xd_decimal amount)
{
    return xd_entry_line(f, part->journal, XD_ACCOUNT_GRNI, line->head->grni,
                         xd_decimal_neg(amount), line->po_line, XD_STR_NULL, XD_STR_NULL);
}

/* Credits what is billed ahead of its goods: up to the remainder of bill. */
static xd_status credit_ahead(xd_flow *f, credit_line *left, xd_invoice_line *bill)
{
    xd_invoice *invoice = NULL;
    credited *part = NULL;
    xd_decimal remainder, quantity, amount, value;
    XD_TRY(xd_invoice_load(f, bill->invoice, &invoice));
    XD_TRY(credited_of(f, left->credit, invoice, &part));
    XD_TRY(xd_bill_remainder(f, bill, &remainder));
    quantity = xd_decimal_min(left->quantity, remainder);
    if (xd_is_zero(quantity)) {
        return XD_OK;
    }
    XD_TRY(take(f, left, quantity, &amount));
    if (part->journal) {
        XD_TRY(xd_flow_share(f, bill->ahead_value, quantity, remainder, &value));
        XD_TRY(xd_flow_subtract(f, &bill->ahead_value, value));
        XD_TRY(post_grni(f, part, left->line, value));
        XD_TRY(xd_flow_subtract(f, &value, amount));
        XD_TRY(xd_entry_role(f, part->journal, XD_ACCOUNT_IPV, value, left->line->po_line));
    }
    return shrink(f, part, left->line, bill, quantity, amount);
}

/* Site of the goods that bill was matched with last. */
static xd_status site_of(xd_flow *f, xd_order_line *line, const xd_invoice_line *bill, xd_str *ret)
{
    xd_match *match = NULL;
    xd_receipt_line *row = NULL;
    XD_TRY(xd_flow_load(f, &xd_match_type,
                        xd_key_number(f->arena, bill->doc.key, bill->allocations), &match));
    XD_TRY(xd_row_load(f, line, match->receipt, &row));
    *ret = row->site;
    return XD_OK;
}

/* Credits matched quantity: its goods become uninvoiced again. */
static xd_status credit_matched(xd_flow *f, credit_line *left, xd_invoice_line *bill)
{
    xd_invoice *invoice = NULL;
    credited *part = NULL;
    xd_order_line *line = left->line;
    xd_decimal matched = bill->matched, amount, value, relief;
    xd_decimal quantity = xd_decimal_min(left->quantity, matched);
    xd_str site;
    if (xd_is_zero(quantity)) {
        return XD_OK;
    }
    XD_TRY(xd_invoice_load(f, bill->invoice, &invoice));
    XD_TRY(credited_of(f, left->credit, invoice, &part));
    XD_TRY(site_of(f, line, bill, &site));
    XD_TRY(take(f, left, quantity, &amount));
    XD_TRY(xd_match_part(f, line, bill, quantity, &relief));
    if (part->journal) {
        XD_TRY(xd_flow_share(f, bill->matched_value, quantity, matched, &value));
        XD_TRY(xd_flow_subtract(f, &bill->matched_value, value));
        XD_TRY(post_grni(f, part, line, relief));
        XD_TRY(xd_flow_subtract(f, &relief, amount));
        XD_TRY(xd_post_variance(f, part->journal, line, site, quantity, relief));
    }
    return shrink(f, part, line, bill, quantity, amount);
}

/* The newest of a list gives first, until nothing is left to credit or the list is empty. */
static xd_status credit_list(xd_flow *f, credit_line *left, xd_bill_list list)
{
    while (xd_is_positive(left->quantity)) {
        xd_invoice_line *bill = NULL;
        XD_TRY(xd_list_last(f, left->line, list, &bill));
        if (!bill) {
            return XD_OK;
        }
        XD_TRY(list == XD_BILL_MATCHES ? credit_matched(f, left, bill)
                                       : credit_ahead(f, left, bill));
    }
    return XD_OK;
}

/* The invoice that the credit names gives before any other. */
static xd_status credit_reference(xd_flow *f, credit_line *left)
{
    const xd_invoice *invoice = left->credit->reference;
    for (int64_t n = 1; invoice && n <= invoice->lines && xd_is_positive(left->quantity); n++) {
        xd_invoice_line *bill = NULL;
        XD_TRY(xd_invoice_line_load(f, invoice, n, &bill));
        if (bill->po_line == left->line->po_line && xd_str_eq(bill->po, left->line->po)) {
            XD_TRY(credit_ahead(f, left, bill));
            if (xd_is_positive(left->quantity)) {
                XD_TRY(credit_matched(f, left, bill));
            }
        }
    }
    return XD_OK;
}

/* Less billed may bring others within the ordered quantity; an open-ended line has none to be
 * within. */
static xd_status check_others(xd_flow *f, xd_order_line *line, bool *ret_checked)
{
    xd_limit_value ordered;
    XD_TRY(xd_line_ordered(f, line, &ordered));
    *ret_checked = ordered.set;
    return ordered.set ? xd_bill_check_pending(f, line) : XD_OK;
}

static xd_status credit_quantity_line(xd_flow *f, credit *c, const xd_billed *billed)
{
    credit_line left = {c, billed->line, billed->quantity, billed->amount};
    XD_TRY(credit_reference(f, &left));
    XD_TRY(credit_list(f, &left, XD_BILL_WAITING));
    XD_TRY(credit_list(f, &left, XD_BILL_AHEAD));
    XD_TRY(credit_list(f, &left, XD_BILL_MATCHES));
    assert(xd_is_zero(left.quantity));
    bool checked;
    XD_TRY(xd_match_again(f, billed->line));
    return check_others(f, billed->line, &checked);
}

/* --- lines that no order line stands behind --- */

/* What earlier lines of the memo leave of an invoice line that nobody could pair. */
static xd_status left_of(xd_flow *f, const credit *c, const xd_billed *billed,
                         const xd_invoice_line *bill, xd_decimal *ret)
{
    *ret = bill->quantity;
    for (const xd_billed *other = c->lines; other < billed; other++) {
        if (other->unpaired == bill) {
            XD_TRY(xd_flow_subtract(f, ret, other->quantity));
        }
    }
    return XD_OK;
}

/* The line of the named invoice that nobody could pair, by number or item; NULL when there is none
 * with as much left. */
static xd_status unpaired_bill(xd_flow *f, const credit *c, const xd_billed *billed,
                               xd_invoice_line **ret)
{
    *ret = NULL;
    for (int64_t n = 1; c->reference && n <= c->reference->lines; n++) {
        xd_invoice_line *bill = NULL;
        xd_decimal left;
        xd_str item = XD_TEXT(billed->json, "item");
        XD_TRY(xd_invoice_line_load(f, c->reference, n, &bill));
        XD_TRY(left_of(f, c, billed, bill, &left));
        bool same = bill->line == billed->number || (item.len && xd_str_eq(bill->item, item));
        if (same && !xd_bill_paired(bill) && xd_decimal_cmp(left, billed->quantity) >= 0) {
            *ret = bill;
            return XD_OK;
        }
    }
    return XD_OK;
}

static xd_status credit_unpaired(xd_flow *f, credit *c, const xd_billed *billed)
{
    credited *part = NULL;
    XD_TRY(credited_of(f, c, c->reference, &part));
    return shrink(f, part, NULL, billed->unpaired, billed->quantity, billed->amount);
}

/* --- price --- */

/* The invoice line whose price is credited: the named invoice's, else the newest. */
static xd_status priced_bill(xd_flow *f, const credit *c, xd_order_line *line,
                             xd_invoice_line **ret)
{
    static const xd_bill_list lists[] = {XD_BILL_MATCHES, XD_BILL_AHEAD, XD_BILL_WAITING};
    *ret = NULL;
    for (int64_t n = 1; c->reference && n <= c->reference->lines && !*ret; n++) {
        xd_invoice_line *bill = NULL;
        XD_TRY(xd_invoice_line_load(f, c->reference, n, &bill));
        if (bill->po_line == line->po_line && xd_str_eq(bill->po, line->po)) {
            *ret = bill;
        }
    }
    for (int i = 0; i < 3 && !*ret; i++) {
        XD_TRY(xd_list_last(f, line, lists[i], ret));
    }
    return XD_OK;
}

static xd_status credit_price_line(xd_flow *f, credit *c, const xd_billed *billed)
{
    xd_order_line *line = billed->line;
    xd_invoice_line *bill = NULL;
    xd_invoice *invoice = NULL;
    credited *part = NULL;
    xd_decimal matched = XD_ZERO, ahead = billed->amount;
    xd_str site = XD_STR_NULL;
    XD_TRY(priced_bill(f, c, line, &bill));
    XD_TRY(xd_invoice_load(f, bill->invoice, &invoice));
    XD_TRY(credited_of(f, c, invoice, &part));
    if (part->journal) {
        if (xd_is_positive(bill->matched)) {
            XD_TRY(site_of(f, line, bill, &site));
            XD_TRY(xd_flow_share(f, billed->amount, bill->matched, bill->quantity, &matched));
        }
        XD_TRY(xd_flow_subtract(f, &ahead, matched));
        XD_TRY(xd_flow_subtract(f, &bill->matched_value, matched));
        XD_TRY(xd_flow_subtract(f, &bill->ahead_value, ahead));
        XD_TRY(post_grni(f, part, line, ahead));
        XD_TRY(xd_post_variance(f, part->journal, line, site,
                                xd_decimal_min(bill->matched, billed->quantity),
                                xd_decimal_neg(matched)));
    }
    XD_TRY(xd_flow_subtract(f, &bill->amount, billed->amount));
    XD_TRY(xd_flow_subtract(f, &bill->invoiced_amount, billed->amount));
    XD_TRY(xd_flow_subtract(f, &line->billed_amount, billed->amount));
    XD_TRY(xd_flow_add(f, &part->net, billed->amount));
    xd_doc_change(&bill->doc);
    xd_doc_change(&line->doc);
    bool checked;
    XD_TRY(check_others(f, line, &checked));
    if (checked || !bill->pending) {
        return XD_OK;
    }
    XD_TRY(xd_bill_check(f, line, invoice, bill, XD_ZERO, XD_ZERO));
    return xd_bill_pend(f, line, invoice, bill);
}

/* --- the document's tax, charges and total --- */

static xd_status post_part(xd_flow *f, credited *part, xd_decimal tax, xd_decimal charges,
                           xd_decimal total)
{
    xd_journal *journal = part->journal;
    xd_decimal difference = total;
    XD_TRY(xd_flow_subtract(f, &difference, part->net));
    XD_TRY(xd_flow_subtract(f, &difference, tax));
    XD_TRY(xd_flow_subtract(f, &difference, charges));
    XD_TRY(xd_entry_role(f, journal, XD_ACCOUNT_VAT, xd_decimal_neg(tax), 0));
    XD_TRY(xd_entry_role(f, journal, XD_ACCOUNT_LCC, xd_decimal_neg(charges), 0));
    XD_TRY(xd_entry_difference(f, journal, xd_decimal_neg(difference)));
    XD_TRY(xd_entry_role(f, journal, XD_ACCOUNT_AP, total, 0));
    return xd_invoice_entry(f, part->invoice, journal);
}

/* Every invoice gets its part of the tax; charges and what does not add up go with the last. */
static xd_status close_parts(xd_flow *f, credit *c)
{
    xd_decimal net = c->amounts.net, tax = c->amounts.tax, total = c->amounts.total;
    for (credited *part = c->first; part; part = part->next) {
        xd_invoice *invoice = part->invoice;
        xd_decimal own_tax = tax, own_total = total, charges = c->amounts.charges;
        if (part->next) {
            charges = XD_ZERO;
            XD_TRY(xd_is_zero(net) ? XD_OK : xd_flow_share(f, tax, part->net, net, &own_tax));
            own_total = part->net;
            XD_TRY(xd_flow_add(f, &own_total, own_tax));
        }
        XD_TRY(xd_flow_subtract(f, &net, part->net));
        XD_TRY(xd_flow_subtract(f, &tax, own_tax));
        XD_TRY(xd_flow_subtract(f, &total, own_total));
        XD_TRY(xd_flow_subtract(f, &invoice->net, part->net));
        XD_TRY(xd_flow_subtract(f, &invoice->tax, own_tax));
        XD_TRY(xd_flow_subtract(f, &invoice->charges, charges));
        XD_TRY(xd_flow_subtract(f, &invoice->total, own_total));
        if (part->journal) {
            XD_TRY(post_part(f, part, own_tax, charges, own_total));
        }
        if (!xd_is_positive(invoice->charges)) {
            XD_TRY(xd_hold_clear(f, invoice, NULL, XD_HOLD_CHARGE));
        }
        for (int code = 0; invoice->live == 0 && code < XD_HOLD_COUNT; code++) {
            XD_TRY(xd_hold_clear(f, invoice, NULL, (xd_hold_code)code));
        }
    }
    return XD_OK;
}

/* A charge credit takes its amount off the named invoice's charges; one that names none is posted
 * alone. */
static xd_status credit_charge(xd_flow *f, credit *c)
{
    credited *part = NULL;
    xd_entry *entry = NULL;
    xd_journal *journal = NULL;
    XD_TRY(xd_flow_add(f, &c->amounts.charges, c->amounts.net));
    c->amounts.net = XD_ZERO;
    if (c->reference) {
        XD_TRY(credited_of(f, c, c->reference, &part));
        return close_parts(f, c);
    }
    XD_TRY(xd_entry_begin(f, "credit_memo", c->doc->doc.key, c->doc->po, &journal));
    xd_decimal charges = c->amounts.total;
    XD_TRY(xd_flow_subtract(f, &charges, c->amounts.tax));
    XD_TRY(xd_entry_role(f, journal, XD_ACCOUNT_VAT, xd_decimal_neg(c->amounts.tax), 0));
    XD_TRY(xd_entry_role(f, journal, XD_ACCOUNT_LCC, xd_decimal_neg(charges), 0));
    XD_TRY(xd_entry_role(f, journal, XD_ACCOUNT_AP, c->amounts.total, 0));
    return xd_entry_post(f, journal, &entry);
}

/* --- admission --- */

static xd_status fill_header(xd_flow *f, credit *c, xd_str digest, const char *status)
{
    xd_credit *doc = c->doc;
    doc->credit_memo = XD_TEXT(f->data, "credit_memo");
    doc->supplier = XD_TEXT(f->data, "supplier");
    doc->po = XD_TEXT(f->data, "po");
    doc->currency = XD_TEXT(f->data, "currency");
    doc->kind = XD_TEXT(f->data, "kind");
    doc->date = XD_TEXT(f->data, "credit_date");
    doc->invoice = XD_TEXT(f->data, "invoice");
    doc->total = c->amounts.total;
    doc->status = xd_str_from(status);
    doc->seq = f->event->seq;
    doc->digest = digest;
    xd_doc_change(&doc->doc);
    return xd_flow_at(f, &doc->at);
}

/* The invoice that the credit names, of its own year or the one before; *ret_wait is what to wait
 * for otherwise. */
static xd_status find_reference(xd_flow *f, credit *c, xd_str *ret_wait)
{
    xd_str number = XD_TEXT(f->data, "invoice"), supplier = XD_TEXT(f->data, "supplier");
    *ret_wait = XD_STR_NULL;
    if (number.len == 0) {
        return XD_OK;
    }
    XD_TRY(xd_billing_find(f, supplier, number, XD_TEXT(f->data, "credit_date"), &c->reference));
    if (c->reference) {
        return XD_OK;
    }
    return xd_billing_number(f, supplier, number, ret_wait);
}

/* Lines of a credit that names an invoice may leave out the order: the invoice knows it. */
static xd_status borrow_order(xd_flow *f, const credit *c, xd_billed *billed)
{
    xd_str item = XD_TEXT(billed->json, "item");
    int64_t po_line = XD_INT(billed->json, "po_line", 0);
    for (int64_t n = 1; c->reference && !billed->line && n <= c->reference->lines; n++) {
        xd_invoice_line *bill = NULL;
        XD_TRY(xd_invoice_line_load(f, c->reference, n, &bill));
        bool same = po_line    ? bill->po_line == po_line
                    : item.len ? xd_str_eq(bill->item, item)
                               : bill->line == billed->number;
        if (same && xd_bill_paired(bill)) {
            XD_TRY(xd_bill_order_line(f, bill, &billed->line));
        }
    }
    return XD_OK;
}

/* Whether there is as much billed as the line wants to credit; what other lines of the memo want
 * counts. */
static xd_status is_available(xd_flow *f, const credit *c, xd_billed *billed, bool *ret)
{
    xd_invoice_line *bill = NULL;
    if (!billed->line) {
        XD_TRY(unpaired_bill(f, c, billed, &billed->unpaired));
        *ret = billed->unpaired != NULL;
        return XD_OK;
    }
    if (xd_str_eq(c->doc->kind, XD_STR("price"))) {
        XD_TRY(priced_bill(f, c, billed->line, &bill));
        *ret = bill != NULL;
        return XD_OK;
    }
    XD_TRY(xd_flow_add(f, &billed->line->asked, billed->quantity));
    *ret = xd_decimal_cmp(billed->line->billed, billed->line->asked) >= 0;
    return XD_OK;
}

static xd_status park(xd_flow *f, credit *c, const char *wait_kind, xd_str wait_key)
{
    c->doc->status = XD_STR("PARKED");
    return xd_answer_park(f, wait_kind, wait_key);
}

/* Pairs the lines; parks or refuses what cannot go on. *ret_go is whether the flow goes on. */
static xd_status pair_lines(xd_flow *f, credit *c, bool *ret_go)
{
    *ret_go = false;
    for (uint32_t i = 0; i < c->count; i++) {
        xd_billed *billed = &c->lines[i];
        xd_str missing;
        bool available;
        XD_TRY(xd_billing_pair(f, c->doc->supplier, billed, &missing));
        if (missing.ptr) {
            return park(f, c, "purchase_order", missing);
        }
        XD_TRY(borrow_order(f, c, billed));
        XD_TRY(is_available(f, c, billed, &available));
        if (!available && billed->line) {
            billed->line->waiting_credits++;
            xd_doc_change(&billed->line->doc);
            return park(f, c, "invoice", billed->line->doc.key);
        }
        if (!available) {
            c->doc->status = XD_STR("EXCEPTION");
            return xd_answer_exception(f, "CREDIT_UNMATCHED",
                                       "line %lld of credit memo %.*s fits no order line and no "
                                       "line of the invoice it names",
                                       (long long)billed->number, XD_FMT(c->doc->credit_memo));
        }
    }
    *ret_go = true;
    return XD_OK;
}

static xd_status answer_known(xd_flow *f, const xd_credit *known, xd_str digest)
{
    if (xd_str_eq(known->digest, digest)) {
        return xd_answer_duplicate(f, "credit memo %.*s is known with the same content",
                                   XD_FMT(known->credit_memo));
    }
    return xd_answer_exception(
        f, "DUPLICATE_CONFLICT",
        "supplier %.*s used credit memo number %.*s before in this year with "
        "other content: it is not booked",
        XD_FMT(known->supplier), XD_FMT(known->credit_memo));
}

static xd_status book(xd_flow *f, credit *c)
{
    bool is_price = xd_str_eq(c->doc->kind, XD_STR("price"));
    XD_TRY(xd_answer(f, "applied"));
    for (uint32_t i = 0; i < c->count; i++) {
        const xd_billed *billed = &c->lines[i];
        if (billed->line) {
            XD_TRY(is_price ? credit_price_line(f, c, billed) : credit_quantity_line(f, c, billed));
        } else {
            XD_TRY(credit_unpaired(f, c, billed));
        }
    }
    XD_TRY(close_parts(f, c));
    for (uint32_t i = 0; i < c->count;
         i++) { /* What other parked credits wait for may be there now. */
        xd_order_line *line = c->lines[i].line;
        if (line && line->waiting_credits > 0 && xd_is_positive(line->billed)) {
            line->waiting_credits--;
            XD_TRY(xd_step_wake_next(f->step, XD_STR("invoice"), line->doc.key, f->fault));
        }
    }
    return XD_OK;
}

xd_status xd_flow_credit_memo(xd_flow *f)
{
    xd_str supplier = XD_TEXT(f->data, "supplier"), posting_date = XD_TEXT(f->data, "posting_date");
    bool is_charge = xd_str_eq(XD_TEXT(f->data, "kind"), XD_STR("charge"));
    credit c = {0};
    xd_str key, digest, wait;
    bool go;
    f->date = posting_date.len ? posting_date : f->date;
    XD_TRY(xd_billing_key(f, supplier, XD_TEXT(f->data, "credit_memo"),
                          XD_TEXT(f->data, "credit_date"), &key));
    XD_TRY(xd_flow_load(f, &xd_credit_type, key, &c.doc));
    XD_TRY(xd_flow_digest(f, &digest));
    bool failed = xd_str_eq(c.doc->status, XD_STR("EXCEPTION")); /* may be sent again, corrected */
    if (c.doc->doc.exists && c.doc->seq != f->event->seq && !failed) {
        return answer_known(f, c.doc, digest);
    }
    if (failed) {
        XD_TRY(xd_exception_outdated(f, c.doc->seq));
    }
    if (!c.doc->doc.exists && xd_str_eq(XD_TEXT(f->data, "kind"), XD_STR("quantity"))) {
        XD_TRY(xd_control_count_lines(f, XD_TEXT(f->data, "po"), XD_CONTROL_INVOICE_CANCELLED));
    }
    XD_TRY(xd_billing_lines(f, &c.lines, &c.count));
    XD_TRY(xd_billing_amounts(f, c.lines, c.count, &c.amounts));
    XD_TRY(fill_header(f, &c, digest, "POSTED"));
    if (!xd_str_eq(c.doc->currency, f->definition->currency)) {
        c.doc->status = XD_STR("EXCEPTION");
        return xd_answer_exception(
            f, "ORDER_CURRENCY", "credit memo %.*s is in %.*s, but the ledger is in %.*s",
            XD_FMT(c.doc->credit_memo), XD_FMT(c.doc->currency), XD_FMT(f->definition->currency));
    }
    XD_TRY(find_reference(f, &c, &wait));
    if (wait.ptr) {
        return park(f, &c, "invoice_number", wait);
    }
    if (is_charge) {
        XD_TRY(xd_answer(f, "applied"));
        return credit_charge(f, &c);
    }
    XD_TRY(pair_lines(f, &c, &go));
    return go ? book(f, &c) : XD_OK;
}
