/* Values of the match: posting an invoice against GRNI, un-posting it by mirrored entries, settling
 * what a step touched. See match.h. Pure. */
#include "flow/match.h"
#include "flow/stock.h"

#include <assert.h>

/* --- entries of an invoice --- */

xd_status xd_post_variance(xd_flow *f, xd_journal *journal, const xd_order_line *line, xd_str site,
                           xd_decimal quantity, xd_decimal variance)
{
    const xd_ordered *ordered = &line->ordered;
    xd_decimal kept = variance, rest = variance;
    if (xd_is_zero(variance)) {
        return XD_OK;
    }
    if (ordered->item.len) {
        xd_stock_doc *stock = NULL;
        XD_TRY(xd_flow_stock(f, site, ordered->item, &stock));
        xd_decimal covered = xd_decimal_min(stock->stock.quantity, quantity);
        if (f->definition->standard_cost || !xd_is_positive(covered)) {
            kept = XD_ZERO;
        } else {
            XD_TRY(xd_flow_share(f, variance, covered, quantity, &kept));
            XD_TRY(xd_flow_add(f, &stock->stock.value, kept));
            xd_doc_change(&stock->doc);
        }
    }
    XD_TRY(xd_flow_subtract(f, &rest, kept));
    XD_TRY(xd_entry_line(f, journal, XD_ACCOUNT_INV, ordered->account, kept, line->po_line,
                         ordered->item, ordered->item.len ? site : XD_STR_NULL));
    return xd_entry_role(f, journal, XD_ACCOUNT_IPV, rest, line->po_line);
}

xd_status xd_invoice_entry(xd_flow *f, xd_invoice *invoice, xd_journal *journal)
{
    xd_entry *entry = NULL;
    XD_TRY(xd_entry_post(f, journal, &entry));
    if (!entry) {
        return XD_OK;
    }
    xd_buf *buf = xd_step_scratch(f->step);
    xd_str old = invoice->postings.text;
    if (old.ptr) {
        xd_buf_add(buf, old.ptr, old.len - 1); /* without its closing bracket */
    }
    xd_buf_str_add(buf, old.ptr ? XD_STR(",{\"ordinal\":") : XD_STR("[{\"ordinal\":"));
    xd_buf_int(buf, entry->ordinal);
    XD_BUF_LIT(buf, ",\"lines\":");
    xd_journal_write_lines(buf, journal->lines, journal->count);
    XD_BUF_LIT(buf, "}]");
    XD_TRY(xd_flow_keep_json(f, buf, &invoice->postings));
    xd_invoice_touch(f, invoice);
    return XD_OK;
}

/* --- posting --- */

/* Goods of one site that an invoice line is matched with. */
typedef struct site_share {
    struct site_share *next;
    xd_str site;
    xd_decimal quantity;
} site_share;

static xd_status add_site(xd_flow *f, site_share **list, xd_str site, xd_decimal quantity)
{
    site_share *share_of = *list;
    while (share_of && !xd_str_eq(share_of->site, site)) {
        share_of = share_of->next;
    }
    if (!share_of) {
        share_of = xd_arena_zalloc(f->arena, sizeof *share_of);
        if (!share_of) {
            return xd_flow_no_memory(f);
        }
        share_of->site = site;
        share_of->next = *list;
        *list = share_of;
    }
    return xd_flow_add(f, &share_of->quantity, quantity);
}

/* Relieves GRNI of everything that bill is matched with. */
static xd_status relieve(xd_flow *f, xd_order_line *line, xd_invoice_line *bill,
                         xd_decimal *ret_relief, site_share **ret_sites)
{
    for (int64_t j = 1; j <= bill->allocations; j++) {
        xd_match *match = NULL;
        xd_receipt_line *row = NULL;
        XD_TRY(xd_flow_load(f, &xd_match_type, xd_key_number(f->arena, bill->doc.key, j), &match));
        XD_TRY(xd_row_load(f, line, match->receipt, &row));
        assert(!match->amount.set);
        match->amount.set = true;
        XD_TRY(xd_flow_exact(f, xd_layer_take(&row->layer, match->quantity, f->definition->digits,
                                              &match->amount.value)));
        XD_TRY(xd_flow_add(f, ret_relief, match->amount.value));
        XD_TRY(add_site(f, ret_sites, row->site, match->quantity));
        xd_doc_change(&match->doc);
        xd_doc_change(&row->doc);
    }
    return XD_OK;
}

/* Splits the variance of a bill over the sites of its goods; what has no goods is a price variance.
 */
static xd_status post_variances(xd_flow *f, xd_journal *journal, const xd_order_line *line,
                                const xd_invoice_line *bill, const site_share *sites,
                                xd_decimal variance)
{
    xd_decimal rest = variance, quantity = bill->matched;
    for (; sites; sites = sites->next) {
        xd_decimal part;
        XD_TRY(xd_flow_share(f, rest, sites->quantity, quantity, &part));
        XD_TRY(xd_flow_subtract(f, &rest, part));
        XD_TRY(xd_flow_subtract(f, &quantity, sites->quantity));
        XD_TRY(xd_post_variance(f, journal, line, sites->site, sites->quantity, part));
    }
    return xd_entry_role(f, journal, XD_ACCOUNT_IPV, rest, line->po_line);
}

static xd_status post_bill(xd_flow *f, xd_journal *journal, xd_invoice_line *bill)
{
    xd_order_line *line = NULL;
    site_share *sites = NULL;
    xd_decimal relief = XD_ZERO, remainder, grni, variance;
    if (!xd_bill_paired(bill)) { /* Credited in full, or it would still be held. */
        return xd_entry_role(f, journal, XD_ACCOUNT_IPV, bill->amount, 0);
    }
    XD_TRY(xd_bill_order_line(f, bill, &line));
    XD_TRY(xd_bill_remainder(f, bill, &remainder));
    bill->matched_value = bill->amount;
    bill->ahead_value = XD_ZERO;
    if (xd_is_positive(remainder)) {
        XD_TRY(xd_flow_share(f, bill->amount, bill->matched, bill->quantity, &bill->matched_value));
        bill->ahead_value = bill->amount;
        XD_TRY(xd_flow_subtract(f, &bill->ahead_value, bill->matched_value));
    }
    xd_doc_change(&bill->doc);
    XD_TRY(relieve(f, line, bill, &relief, &sites));
    grni = relief;
    XD_TRY(xd_flow_add(f, &grni, bill->ahead_value));
    variance = bill->matched_value;
    XD_TRY(xd_flow_subtract(f, &variance, relief));
    XD_TRY(xd_entry_line(f, journal, XD_ACCOUNT_GRNI, line->head->grni, grni, line->po_line,
                         XD_STR_NULL, XD_STR_NULL));
    return post_variances(f, journal, line, bill, sites, variance);
}

/* Posted or not decides in which lists the lines of an invoice belong. */
static xd_status requeue_bills(xd_flow *f, xd_invoice *invoice)
{
    for (int64_t n = 1; n <= invoice->lines; n++) {
        xd_invoice_line *bill = NULL;
        xd_order_line *line = NULL;
        XD_TRY(xd_invoice_line_load(f, invoice, n, &bill));
        if (xd_bill_paired(bill)) {
            XD_TRY(xd_bill_order_line(f, bill, &line));
            XD_TRY(xd_match_requeue(f, line, invoice, bill));
        }
    }
    return XD_OK;
}

/* An invoice that waited for goods posts on the day they came, not before its own posting date. */
static xd_str posting_date(const xd_flow *f, const xd_invoice *invoice)
{
    xd_str own = invoice->posting_date.len ? invoice->posting_date : invoice->date;
    return xd_str_cmp(own, f->date) > 0 ? own : f->date;
}

xd_status xd_invoice_post(xd_flow *f, xd_invoice *invoice)
{
    xd_journal *journal = NULL;
    XD_TRY(xd_entry_begin(f, "invoice", invoice->doc.key, invoice->po, &journal));
    journal->date = posting_date(f, invoice);
    for (int64_t n = 1; n <= invoice->lines; n++) {
        xd_invoice_line *bill = NULL;
        XD_TRY(xd_invoice_line_load(f, invoice, n, &bill));
        XD_TRY(post_bill(f, journal, bill));
    }
    xd_decimal difference = invoice->total;
    XD_TRY(xd_flow_subtract(f, &difference, invoice->net));
    XD_TRY(xd_flow_subtract(f, &difference, invoice->charges));
    XD_TRY(xd_flow_subtract(f, &difference, invoice->tax));
    XD_TRY(xd_entry_role(f, journal, XD_ACCOUNT_VAT, invoice->tax, 0));
    XD_TRY(xd_entry_role(f, journal, XD_ACCOUNT_LCC, invoice->charges, 0));
    XD_TRY(xd_entry_difference(f, journal, difference));
    XD_TRY(xd_entry_role(f, journal, XD_ACCOUNT_AP, xd_decimal_neg(invoice->total), 0));
    XD_TRY(xd_invoice_entry(f, invoice, journal));
    /* An invoice over nothing has no entry; it is settled all the same. */
    invoice->posted =
        f->last_entry && f->last_entry->journal == journal ? f->last_entry->ordinal : -1;
    xd_invoice_touch(f, invoice);
    return requeue_bills(f, invoice);
}

/* --- un-posting --- */

/* The line of a persisted entry, with its sign turned. */
static xd_status mirror_line(xd_flow *f, xd_journal *journal, const xd_json *stored)
{
    xd_decimal debit, credit;
    XD_TRY(xd_flow_decimal(f, stored, XD_STR("debit"), &debit, NULL));
    XD_TRY(xd_flow_decimal(f, stored, XD_STR("credit"), &credit, NULL));
    XD_TRY(xd_flow_subtract(f, &credit, debit));
    xd_journal_line line = {.account = XD_TEXT(stored, "account"),
                            .role = XD_TEXT(stored, "role"),
                            .amount = credit,
                            .po_line = XD_INT(stored, "po_line", 0),
                            .item = XD_TEXT(stored, "item"),
                            .site = XD_TEXT(stored, "site")};
    if (line.site.len) {
        xd_stock_doc *stock = NULL;
        XD_TRY(xd_flow_stock(f, line.site, line.item, &stock));
        XD_TRY(xd_flow_add(f, &stock->stock.value, line.amount));
        xd_doc_change(&stock->doc);
    }
    return xd_journal_add(journal, line, f->fault);
}

/* GRNI gets back what the bill had relieved. */
static xd_status restore(xd_flow *f, xd_invoice_line *bill)
{
    xd_order_line *line = NULL;
    if (!xd_bill_paired(bill)) {
        return XD_OK;
    }
    XD_TRY(xd_bill_order_line(f, bill, &line));
    for (int64_t j = 1; j <= bill->allocations; j++) {
        xd_match *match = NULL;
        xd_receipt_line *row = NULL;
        XD_TRY(xd_flow_load(f, &xd_match_type, xd_key_number(f->arena, bill->doc.key, j), &match));
        XD_TRY(xd_row_load(f, line, match->receipt, &row));
        XD_TRY(
            xd_flow_exact(f, xd_layer_put_back(&row->layer, match->quantity, match->amount.value)));
        match->amount = (xd_limit_value){0};
        xd_doc_change(&match->doc);
        xd_doc_change(&row->doc);
    }
    bill->matched_value = XD_ZERO;
    bill->ahead_value = XD_ZERO;
    xd_doc_change(&bill->doc);
    return XD_OK;
}

xd_status xd_invoice_unpost(xd_flow *f, xd_invoice *invoice)
{
    const xd_json *postings = NULL;
    XD_TRY(xd_flow_tree(f, &invoice->postings, &postings));
    for (uint32_t i = 0; postings && i < postings->count; i++) {
        const xd_json *posting = &postings->items[i];
        const xd_json *lines = XD_GET(posting, "lines");
        xd_journal *journal = NULL;
        xd_entry *entry = NULL;
        XD_TRY(xd_entry_begin(f, "invoice_reversal", invoice->doc.key, invoice->po, &journal));
        journal->date = posting_date(f, invoice);
        journal->reversal_of = XD_INT(posting, "ordinal", 0);
        for (uint32_t k = 0; k < lines->count; k++) {
            XD_TRY(mirror_line(f, journal, &lines->items[k]));
        }
        XD_TRY(xd_entry_post(f, journal, &entry));
    }
    invoice->postings = (xd_doc_json){0};
    invoice->posted = 0;
    xd_invoice_touch(f, invoice);
    for (int64_t n = 1; n <= invoice->lines; n++) {
        xd_invoice_line *bill = NULL;
        XD_TRY(xd_invoice_line_load(f, invoice, n, &bill));
        XD_TRY(restore(f, bill));
    }
    return requeue_bills(f, invoice);
}

/* --- settling --- */

static xd_str status_of(const xd_invoice *invoice)
{
    if (invoice->live == 0 && xd_is_zero(invoice->total)) {
        return invoice->posted ? XD_STR("REVERSED") : XD_STR("VOID");
    }
    if (invoice->holds > 0) {
        return !invoice->posted && invoice->holds == invoice->waiting ? XD_STR("PARKED")
                                                                      : XD_STR("HELD");
    }
    bool paid = xd_str_eq(invoice->payment, XD_STR("paid")) ||
                xd_str_eq(invoice->payment, XD_STR("cleared"));
    return paid ? XD_STR("PAID") : XD_STR("MATCHED");
}

static xd_status settle(xd_flow *f, xd_invoice *invoice)
{
    bool goods_alone = f->definition->post_early_invoices && invoice->holds == invoice->waiting;
    bool ready = invoice->holds == 0 || goods_alone;
    bool is_void = invoice->live == 0 && xd_is_zero(invoice->total);
    if (!invoice->posted && ready && !is_void) {
        XD_TRY(xd_invoice_post(f, invoice));
    }
    invoice->status = status_of(invoice);
    return XD_OK;
}

xd_status xd_match_settle(xd_flow *f)
{
    for (xd_invoice *invoice = f->touched; invoice; invoice = invoice->next_touched) {
        XD_TRY(settle(f, invoice));
    }
    return XD_OK;
}

/* --- the effect --- */

xd_status xd_invoice_note(xd_flow *f, xd_invoice *invoice, bool is_hold, const xd_buf *json)
{
    xd_note *note = xd_arena_zalloc(f->arena, sizeof *note);
    if (!note) {
        return xd_flow_no_memory(f);
    }
    note->is_hold = is_hold;
    XD_TRY(xd_flow_keep(f, json, &note->json));
    *(invoice->last_note ? &invoice->last_note->next : &invoice->notes) = note;
    invoice->last_note = note;
    return XD_OK;
}

static void write_notes(xd_buf *buf, const xd_invoice *invoice, bool is_hold, xd_str member)
{
    bool more = false;
    for (const xd_note *note = invoice->notes; note; note = note->next) {
        if (note->is_hold == is_hold) {
            xd_buf_str_add(buf, more ? XD_STR(",") : member);
            xd_buf_str_add(buf, note->json);
            more = true;
        }
    }
    if (more) {
        xd_buf_char(buf, ']');
    }
}

xd_status xd_match_write_effect(xd_flow *f)
{
    xd_buf *buf = xd_effect(f);
    for (const xd_invoice *invoice = f->touched; invoice; invoice = invoice->next_touched) {
        xd_buf_str_add(buf, invoice == f->touched ? XD_STR(",\"invoices\":[{\"key\":")
                                                  : XD_STR(",{\"key\":"));
        xd_json_write_string(buf, invoice->doc.key);
        XD_BUF_LIT(buf, ",\"invoice\":");
        xd_json_write_string(buf, invoice->invoice);
        XD_BUF_LIT(buf, ",\"supplier\":");
        xd_json_write_string(buf, invoice->supplier);
        XD_BUF_LIT(buf, ",\"currency\":");
        xd_json_write_string(buf, invoice->currency);
        XD_BUF_LIT(buf, ",\"status\":");
        xd_json_write_string(buf, invoice->status);
        XD_BUF_LIT(buf, ",\"total\":\"");
        xd_decimal_write(buf, invoice->total);
        xd_buf_char(buf, '"');
        if (invoice->posted > 0) {
            XD_BUF_LIT(buf, ",\"posted\":");
            xd_buf_int(buf, invoice->posted);
        }
        write_notes(buf, invoice, true, XD_STR(",\"holds\":["));
        write_notes(buf, invoice, false, XD_STR(",\"matched\":["));
        xd_buf_char(buf, '}');
    }
    if (f->touched) {
        xd_buf_char(buf, ']');
    }
    return buf->failed ? xd_flow_no_memory(f) : XD_OK;
}
