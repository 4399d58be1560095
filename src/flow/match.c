/* Quantities of the match: allocation, parting, queues. See match.h. Pure. */
#include "flow/match.h"
#include "base/planted.h"

#include "flow/tolerance.h"

#include <assert.h>

/* --- small things --- */

xd_status xd_invoice_load(xd_flow *f, xd_str key, xd_invoice **ret)
{
    return xd_flow_load(f, &xd_invoice_type, key, ret);
}

xd_status xd_invoice_line_load(xd_flow *f, const xd_invoice *invoice, int64_t n,
                               xd_invoice_line **ret)
{
    return xd_bill_load(f, xd_key_number(f->arena, invoice->doc.key, n), ret);
}

void xd_invoice_touch(xd_flow *f, xd_invoice *invoice)
{
    xd_doc_change(&invoice->doc);
    if (!invoice->touched) {
        invoice->touched = true;
        *(f->last_touched ? &f->last_touched->next_touched : &f->touched) = invoice;
        f->last_touched = invoice;
    }
}

xd_status xd_bill_remainder(xd_flow *f, const xd_invoice_line *bill, xd_decimal *ret)
{
    *ret = bill->quantity;
    return xd_flow_subtract(f, ret, bill->matched);
}

xd_status xd_bill_order_line(xd_flow *f, const xd_invoice_line *bill, xd_order_line **ret)
{
    return xd_flow_order_line(f, bill->po, bill->po_line, ret);
}

xd_status xd_order_value(xd_flow *f, const xd_order_line *line, xd_decimal quantity,
                         xd_decimal *ret)
{
    const xd_ordered *ordered = &line->ordered;
    xd_decimal value;
    XD_TRY(xd_flow_exact(f, xd_decimal_mul(quantity, ordered->unit_price, &value)));
    if (xd_is_positive(ordered->factor_numerator)) {
        /* A price per order unit covers numerator / denominator base units; twelve digits are far
         * below any currency's. */
        XD_TRY(xd_flow_exact(f, xd_decimal_mul_div(value, ordered->factor_denominator,
                                                   ordered->factor_numerator, 12, XD_HALF_AWAY,
                                                   &value)));
    }
    *ret = value;
    return XD_OK;
}

/* Moves part of the invoice line's value between its ahead and matched shares; part of whole. */
static xd_status move_value(xd_flow *f, xd_decimal *from, xd_decimal *to, xd_decimal part,
                            xd_decimal whole, xd_decimal *ret_moved)
{
    XD_TRY(xd_flow_share(f, *from, part, whole, ret_moved));
    XD_TRY(xd_flow_subtract(f, from, *ret_moved));
    return xd_flow_add(f, to, *ret_moved);
}

static xd_status note_match(xd_flow *f, xd_invoice *invoice, const xd_invoice_line *bill,
                            const xd_receipt_line *row, xd_decimal quantity)
{
    xd_buf *buf = xd_step_scratch(f->step);
    XD_BUF_LIT(buf, "{\"line\":");
    xd_buf_int(buf, bill->line);
    XD_BUF_LIT(buf, ",\"po\":");
    xd_json_write_string(buf, bill->po);
    XD_BUF_LIT(buf, ",\"po_line\":");
    xd_buf_int(buf, bill->po_line);
    XD_BUF_LIT(buf, ",\"site\":");
    xd_json_write_string(buf, row->site);
    XD_BUF_LIT(buf, ",\"receipt\":");
    xd_json_write_string(buf, row->receipt);
    XD_BUF_LIT(buf, ",\"quantity\":\"");
    xd_decimal_write(buf, quantity);
    XD_BUF_LIT(buf, "\"}");
    return xd_invoice_note(f, invoice, false, buf);
}

/* --- allocations --- */

static xd_status load_match(xd_flow *f, const xd_invoice_line *bill, int64_t j, bool is_new,
                            xd_match **ret)
{
    xd_str key = xd_key_number(f->arena, bill->doc.key, j);
    return is_new ? xd_doc_create(&f->docs, f->step, &xd_match_type, key, ret, f->fault)
                  : xd_flow_load(f, &xd_match_type, key, ret);
}

/* Pairs quantity of bill with row. amount is set when the invoice is posted: the GRNI value
 * relieved. */
static xd_status allocate(xd_flow *f, xd_order_line *line, xd_invoice *invoice,
                          xd_invoice_line *bill, xd_receipt_line *row, xd_decimal quantity,
                          xd_limit_value amount)
{
    xd_match *match = NULL;
    if (bill->allocations > 0) {
        XD_TRY(load_match(f, bill, bill->allocations, false, &match));
    }
    if (!match || match->receipt != row->n || match->amount.set != amount.set) {
        XD_TRY(load_match(f, bill, ++bill->allocations, true, &match));
        match->po = bill->po;
        match->po_line = bill->po_line;
        match->receipt = row->n;
        match->quantity = XD_ZERO;
        match->amount = (xd_limit_value){amount.set, XD_ZERO};
    }
    if (xd_is_zero(bill->matched)) {
        XD_TRY(xd_list_append(f, line, XD_BILL_MATCHES, bill));
    }
    XD_TRY(xd_flow_add(f, &match->quantity, quantity));
    XD_TRY(xd_flow_add(f, &match->amount.value, amount.value));
    XD_TRY(xd_flow_add(f, &row->matched, quantity));
    XD_TRY(xd_flow_add(f, &bill->matched, quantity));
    XD_TRY(xd_flow_add(f, &line->matched, quantity));
    xd_doc_change(&match->doc);
    xd_doc_change(&row->doc);
    xd_doc_change(&bill->doc);
    xd_doc_change(&line->doc);
    xd_invoice_touch(f, invoice);
    return note_match(f, invoice, bill, row, quantity);
}

xd_status xd_match_part(xd_flow *f, xd_order_line *line, xd_invoice_line *bill, xd_decimal quantity,
                        xd_decimal *ret_relief)
{
    xd_invoice *invoice = NULL;
    XD_TRY(xd_invoice_load(f, bill->invoice, &invoice));
    xd_decimal relief = XD_ZERO, rest = quantity;
    while (xd_is_positive(rest)) {
        assert(bill->allocations > 0);
        xd_match *match = NULL;
        xd_receipt_line *row = NULL;
        XD_TRY(load_match(f, bill, bill->allocations, false, &match));
        XD_TRY(xd_row_load(f, line, match->receipt, &row));
        xd_decimal part = xd_decimal_min(rest, match->quantity);
        if (match->amount.set) {
            xd_decimal amount;
            XD_TRY(xd_flow_share(f, match->amount.value, part, match->quantity, &amount));
            XD_TRY(xd_flow_exact(f, xd_layer_put_back(&row->layer, part, amount)));
            XD_TRY(xd_flow_subtract(f, &match->amount.value, amount));
            XD_TRY(xd_flow_add(f, &relief, amount));
        }
        XD_TRY(xd_flow_subtract(f, &match->quantity, part));
        XD_TRY(xd_flow_subtract(f, &row->matched, part));
        XD_TRY(xd_flow_subtract(f, &bill->matched, part));
        XD_TRY(xd_flow_subtract(f, &line->matched, part));
        XD_TRY(xd_flow_subtract(f, &rest, part));
        XD_TRY(note_match(f, invoice, bill, row, xd_decimal_neg(part)));
        xd_doc_change(&row->doc);
        xd_row_freed(line, row);
        if (xd_is_zero(match->quantity)) {
            bill->allocations--;
            xd_doc_delete(&match->doc);
        } else {
            xd_doc_change(&match->doc);
        }
    }
    if (xd_is_zero(bill->matched)) {
        XD_TRY(xd_list_remove(f, line, XD_BILL_MATCHES, bill));
    }
    xd_doc_change(&bill->doc);
    xd_doc_change(&line->doc);
    xd_invoice_touch(f, invoice);
    *ret_relief = relief;
    return XD_OK;
}

/* --- ahead of the goods --- */

static int level_of(const xd_flow *f, const xd_order_line *line)
{
    return line->head->match_level ? (int)line->head->match_level : f->definition->match_level;
}

/* Whether remainder of bill may stand without goods when received have come. *ret_counts tells
 * whether it takes from the allowance that the tolerance gives; *ret_excess is how far it passes
 * it. */
static xd_status may_go_ahead(xd_flow *f, const xd_order_line *line, const xd_invoice_line *bill,
                              xd_decimal remainder, xd_decimal received, bool *ret_counts,
                              xd_decimal *ret_excess)
{
    *ret_counts = false;
    *ret_excess = XD_ZERO;
    xd_limit_value upper = {0};
    if (xd_is_positive(remainder) && level_of(f, line) > 2) {
        XD_TRY(xd_tolerance_upper(f, &f->definition->quantity_received, received, &upper));
    }
    if (!upper.set) {
        return XD_OK;
    }
    *ret_counts = true;
    xd_decimal excess = line->granted;
    XD_TRY(xd_flow_subtract(f, &excess, bill->granted));
    XD_TRY(xd_flow_add(f, &excess, remainder));
    XD_TRY(xd_flow_add(f, &excess, received));
    XD_TRY(xd_flow_subtract(f, &excess, upper.value));
    *ret_excess = xd_is_positive(excess) ? excess : XD_ZERO;
    return XD_OK;
}

static xd_status grant(xd_flow *f, xd_order_line *line, xd_invoice_line *bill, xd_decimal granted)
{
    XD_TRY(xd_flow_subtract(f, &line->granted, bill->granted));
    XD_TRY(xd_flow_add(f, &line->granted, granted));
    bill->granted = granted;
    xd_doc_change(&bill->doc);
    xd_doc_change(&line->doc);
    return XD_OK;
}

static xd_status hold_for_goods(xd_flow *f, xd_order_line *line, xd_invoice *invoice,
                                xd_invoice_line *bill, xd_decimal received, xd_decimal excess)
{
    xd_buf *buf = xd_step_scratch(f->step);
    static const char *const names[] = {"received", "billed", "matched", "quantity", "paired"};
    const xd_decimal values[] = {received, line->billed, line->matched, bill->quantity,
                                 bill->matched};
    XD_BUF_LIT(buf, "{\"rule\":\"quantity_received\",\"limit\":");
    xd_tolerance_write(buf, &f->definition->quantity_received);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        xd_buf_printf(buf, ",\"%s\":\"", names[i]);
        xd_decimal_write(buf, values[i]);
        xd_buf_char(buf, '"');
    }
    xd_buf_char(buf, '}');
    xd_str evidence;
    XD_TRY(xd_flow_keep(f, buf, &evidence));
    return xd_hold_set(f, invoice, bill, XD_HOLD_QUANTITY_RECEIVED, excess, evidence);
}

/* Puts bill into the list where it belongs. One that was matched before is older than what waits,
 * so it goes to the front. */
static xd_status place(xd_flow *f, xd_order_line *line, xd_invoice *invoice, xd_invoice_line *bill,
                       bool has_remainder)
{
    static const char *const names[] = {"waiting", "ahead"};
    bool held = bill->open & xd_hold_bit(XD_HOLD_QUANTITY_RECEIVED);
    bool was_ahead = xd_str_eq(bill->queue, XD_STR("ahead"));
    bool was_queued = bill->queue.len > 0;
    xd_bill_list list = invoice->posted || !held ? XD_BILL_AHEAD : XD_BILL_WAITING;
    if (was_queued && has_remainder && was_ahead == (list == XD_BILL_AHEAD)) {
        return XD_OK;
    }
    if (was_queued) {
        XD_TRY(xd_list_remove(f, line, was_ahead ? XD_BILL_AHEAD : XD_BILL_WAITING, bill));
        bill->queue = XD_STR_NULL;
    }
    if (!has_remainder) {
        return XD_OK;
    }
    bill->queue = xd_str_from(names[list]);
    bool front = !invoice->is_new && (!was_queued || was_ahead);
    return front ? xd_list_prepend(f, line, list, bill) : xd_list_append(f, line, list, bill);
}

xd_status xd_match_requeue(xd_flow *f, xd_order_line *line, xd_invoice *invoice,
                           xd_invoice_line *bill)
{
    xd_decimal remainder, received, excess;
    bool counts;
    XD_TRY(xd_bill_remainder(f, bill, &remainder));
    XD_TRY(xd_line_received(f, line, &received));
    XD_TRY(may_go_ahead(f, line, bill, remainder, received, &counts, &excess));
    if (xd_is_positive(excess)) {
        XD_TRY(grant(f, line, bill, XD_ZERO));
        XD_TRY(hold_for_goods(f, line, invoice, bill, received, excess));
    } else {
        XD_TRY(grant(f, line, bill, counts ? remainder : XD_ZERO));
        XD_TRY(xd_hold_clear(f, invoice, bill, XD_HOLD_QUANTITY_RECEIVED));
    }
    XD_TRY(place(f, line, invoice, bill, xd_is_positive(remainder)));
    return xd_bill_pend(f, line, invoice, bill);
}

/* --- goods come in --- */

/* The invoice line that is next to get goods: ahead of its goods first, then waiting. NULL when
 * none is. */
static xd_status next_bill(xd_flow *f, xd_order_line *line, xd_invoice_line **ret_bill,
                           xd_invoice **ret_invoice)
{
    XD_TRY(xd_list_first(f, line, XD_BILL_AHEAD, ret_bill));
    if (!*ret_bill) {
        XD_TRY(xd_list_first(f, line, XD_BILL_WAITING, ret_bill));
    }
    return *ret_bill ? xd_invoice_load(f, (*ret_bill)->invoice, ret_invoice) : XD_OK;
}

/* More goods may bring those that wait within tolerance, one after the other. */
static xd_status admit_waiting(xd_flow *f, xd_order_line *line)
{
    for (;;) {
        xd_invoice_line *bill = NULL;
        xd_invoice *invoice = NULL;
        XD_TRY(xd_list_first(f, line, XD_BILL_WAITING, &bill));
        if (!bill) {
            return XD_OK;
        }
        XD_TRY(xd_invoice_load(f, bill->invoice, &invoice));
        XD_TRY(xd_match_requeue(f, line, invoice, bill));
        if (xd_str_eq(bill->queue, XD_STR("waiting"))) {
            return XD_OK;
        }
    }
}

static xd_status add_row(xd_flow *f, xd_order_line *line, const xd_arrival *arrival,
                         xd_decimal quantity, xd_decimal amount, xd_decimal *total,
                         xd_receipt_line **ret)
{
    XD_TRY(xd_row_add(f, line, arrival->site, arrival->receipt, arrival->line, f->date, quantity,
                      amount, ret));
    return xd_flow_add(f, total, amount);
}

static xd_status price_of(xd_flow *f, const xd_order_line *line, xd_decimal quantity,
                          xd_decimal *ret)
{
    xd_decimal value;
    XD_TRY(xd_order_value(f, line, quantity, &value));
    return xd_flow_round(f, value, ret);
}

/* Goods for an invoice line that is already posted: they come in at its price, and settle it. */
static xd_status receive_posted(xd_flow *f, xd_order_line *line, const xd_arrival *arrival,
                                xd_invoice *invoice, xd_invoice_line *bill, xd_decimal quantity,
                                xd_decimal remainder, xd_decimal *total)
{
    xd_receipt_line *row = NULL;
    xd_decimal value;
    XD_TRY(move_value(f, &bill->ahead_value, &bill->matched_value, quantity, remainder, &value));
    XD_TRY(add_row(f, line, arrival, quantity, value, total, &row));
    XD_TRY(xd_flow_exact(f, xd_layer_take(&row->layer, quantity, f->definition->digits, &value)));
    return allocate(f, line, invoice, bill, row, quantity, (xd_limit_value){true, value});
}

xd_status xd_match_receive(xd_flow *f, xd_order_line *line, const xd_arrival *arrival,
                           xd_decimal *ret_amount, int64_t *ret_row)
{
    xd_decimal rest = arrival->quantity, total = XD_ZERO;
    xd_receipt_line *row = NULL;
    int64_t first_row = line->receipts + 1;
    XD_TRY(xd_flow_add(f, &line->received, arrival->quantity));
    xd_doc_change(&line->doc);
    while (xd_is_positive(rest)) {
        xd_invoice_line *bill = NULL;
        xd_invoice *invoice = NULL;
        xd_decimal remainder, part;
        XD_TRY(next_bill(f, line, &bill, &invoice));
        if (!bill || !invoice->posted) {
            break;
        }
        XD_TRY(xd_bill_remainder(f, bill, &remainder));
        part = xd_decimal_min(rest, remainder);
        XD_TRY(receive_posted(f, line, arrival, invoice, bill, part, remainder, &total));
        XD_TRY(xd_match_requeue(f, line, invoice, bill));
        XD_TRY(xd_flow_subtract(f, &rest, part));
    }
    if (xd_is_positive(rest)) {
        xd_decimal amount;
        XD_TRY(price_of(f, line, rest, &amount));
        XD_TRY(add_row(f, line, arrival, rest, amount, &total, &row));
        XD_TRY(xd_match_again(f, line));
    }
    if (line->list_first[XD_BILL_WAITING].len) {
        XD_TRY(admit_waiting(f, line));
    }
    *ret_amount = total;
    *ret_row = first_row;
    return XD_OK;
}

/* Goods that are there settle an invoice line that is already posted: GRNI changes from the
 * invoice's price to the receipt's, and the difference is a variance of the invoice. */
static xd_status settle_posted(xd_flow *f, xd_order_line *line, xd_invoice *invoice,
                               xd_invoice_line *bill, xd_receipt_line *row, xd_decimal quantity,
                               xd_decimal remainder)
{
    xd_decimal value, relief, variance;
    XD_TRY(move_value(f, &bill->ahead_value, &bill->matched_value, quantity, remainder, &value));
    XD_TRY(xd_flow_exact(f, xd_layer_take(&row->layer, quantity, f->definition->digits, &relief)));
    XD_TRY(allocate(f, line, invoice, bill, row, quantity, (xd_limit_value){true, relief}));
    variance = value;
    XD_TRY(xd_flow_subtract(f, &variance, relief));
    xd_journal *journal = NULL;
    XD_TRY(xd_entry_begin(f, "invoice_match", invoice->doc.key, line->po, &journal));
    XD_TRY(xd_entry_line(f, journal, XD_ACCOUNT_GRNI, line->head->grni, xd_decimal_neg(variance),
                         line->po_line, XD_STR_NULL, XD_STR_NULL));
    XD_TRY(xd_post_variance(f, journal, line, row->site, quantity, variance));
    return xd_invoice_entry(f, invoice, journal);
}

xd_status xd_match_again(xd_flow *f, xd_order_line *line)
{
    for (;;) {
        xd_decimal open, row_open, remainder;
        xd_invoice_line *bill = NULL;
        xd_invoice *invoice = NULL;
        xd_receipt_line *row = NULL;
        XD_TRY(next_bill(f, line, &bill, &invoice));
        if (!bill) {
            return XD_OK;
        }
        XD_TRY(xd_line_open(f, line, &open));
        if (!xd_is_positive(open)) {
            return XD_OK;
        }
        XD_TRY(xd_row_oldest(f, line, &row));
        XD_TRY(xd_row_open(f, row, &row_open));
        XD_TRY(xd_bill_remainder(f, bill, &remainder));
        xd_decimal part = xd_decimal_min(row_open, remainder);
        if (invoice->posted) {
            XD_TRY(settle_posted(f, line, invoice, bill, row, part, remainder));
        } else {
            XD_TRY(allocate(f, line, invoice, bill, row, part, (xd_limit_value){0}));
        }
        XD_TRY(xd_match_requeue(f, line, invoice, bill));
    }
}

xd_status xd_match_bill(xd_flow *f, xd_order_line *line, xd_invoice *invoice, xd_invoice_line *bill,
                        int64_t row_number)
{
    xd_decimal rest = bill->quantity, line_open;
    xd_receipt_line *row = NULL;
    if (row_number) {
        XD_TRY(xd_row_load(f, line, row_number, &row));
    }
    XD_TRY(xd_line_open(f, line, &line_open));
    while (xd_is_positive(rest) && xd_is_positive(line_open)) {
        xd_decimal open = XD_ZERO;
        if (row) {
            XD_TRY(xd_row_open(f, row, &open));
        }
        if (!xd_is_positive(open)) {
            XD_TRY(xd_row_oldest(f, line, &row));
            XD_TRY(xd_row_open(f, row, &open));
        }
        xd_decimal part = XD_PLANTED(match_beyond_received) ? rest : xd_decimal_min(rest, open);
        XD_TRY(allocate(f, line, invoice, bill, row, part, (xd_limit_value){0}));
        XD_TRY(xd_flow_subtract(f, &rest, part));
        XD_TRY(xd_flow_subtract(f, &line_open, part));
        row = NULL;
    }
    return xd_match_requeue(f, line, invoice, bill);
}

/* --- goods leave again --- */

static xd_status depart(xd_flow *f, xd_departure **list, xd_str site, xd_decimal quantity,
                        xd_decimal amount)
{
    xd_departure *departure = *list;
    while (departure && !xd_str_eq(departure->site, site)) {
        departure = departure->next;
    }
    if (!departure) {
        departure = xd_arena_zalloc(f->arena, sizeof *departure);
        if (!departure) {
            return xd_flow_no_memory(f);
        }
        departure->site = site;
        departure->next = *list;
        *list = departure;
    }
    XD_TRY(xd_flow_add(f, &departure->quantity, quantity));
    return xd_flow_add(f, &departure->amount, amount);
}

/* Takes up to *rest from open quantity, from row first when it is given, else the newest first. */
static xd_status take_open(xd_flow *f, xd_order_line *line, bool is_return, xd_receipt_line *row,
                           xd_decimal *rest, xd_departure **list)
{
    for (;;) {
        xd_decimal line_open, open = XD_ZERO, amount;
        XD_TRY(xd_line_open(f, line, &line_open));
        if (!xd_is_positive(*rest) || !xd_is_positive(line_open)) {
            return XD_OK;
        }
        if (row) {
            XD_TRY(xd_row_open(f, row, &open));
        }
        if (!xd_is_positive(open)) {
            XD_TRY(xd_row_newest(f, line, &row));
            XD_TRY(xd_row_open(f, row, &open));
        }
        xd_decimal part = xd_decimal_min(*rest, open);
        XD_TRY(xd_flow_exact(f, xd_layer_take(&row->layer, part, f->definition->digits, &amount)));
        XD_TRY(xd_flow_add(f, &row->gone, part));
        XD_TRY(xd_flow_add(f, is_return ? &line->returned : &line->reversed, part));
        XD_TRY(xd_flow_subtract(f, rest, part));
        XD_TRY(depart(f, list, row->site, part, amount));
        xd_doc_change(&row->doc);
        xd_doc_change(&line->doc);
        row = NULL;
    }
}

/* Whether the invoice of bill must leave the books when quantity of its goods turns out never to
 * have come. */
static xd_status must_unpost(xd_flow *f, xd_order_line *line, xd_invoice *invoice,
                             xd_invoice_line *bill, xd_decimal quantity, bool *ret)
{
    bool counts, accepted;
    xd_decimal remainder, received, excess;
    *ret = false;
    if (!invoice->posted || f->definition->post_early_invoices || invoice->payment.len) {
        return XD_OK;
    }
    XD_TRY(xd_bill_remainder(f, bill, &remainder));
    XD_TRY(xd_flow_add(f, &remainder, quantity));
    XD_TRY(xd_line_received(f, line, &received));
    XD_TRY(xd_flow_subtract(f, &received, quantity));
    XD_TRY(may_go_ahead(f, line, bill, remainder, received, &counts, &excess));
    XD_TRY(xd_hold_accepted(f, invoice, bill, XD_HOLD_QUANTITY_RECEIVED, excess, &accepted));
    *ret = xd_is_positive(excess) && !accepted;
    return XD_OK;
}

/* Parts quantity of a bill from its goods. While its invoice stays posted it is billed ahead now:
 * GRNI changes from the receipt's price to the invoice's. */
static xd_status part_posted(xd_flow *f, xd_order_line *line, xd_invoice *invoice,
                             xd_invoice_line *bill, xd_decimal quantity)
{
    xd_decimal matched = bill->matched, value = XD_ZERO, relief;
    XD_TRY(xd_match_part(f, line, bill, quantity, &relief));
    if (!invoice->posted) {
        return XD_OK;
    }
    XD_TRY(move_value(f, &bill->matched_value, &bill->ahead_value, quantity, matched, &value));
    XD_TRY(xd_flow_subtract(f, &value, relief));
    xd_journal *journal = NULL;
    XD_TRY(xd_entry_begin(f, "invoice_match", invoice->doc.key, line->po, &journal));
    XD_TRY(xd_entry_line(f, journal, XD_ACCOUNT_GRNI, line->head->grni, value, line->po_line,
                         XD_STR_NULL, XD_STR_NULL));
    XD_TRY(xd_entry_role(f, journal, XD_ACCOUNT_IPV, xd_decimal_neg(value), line->po_line));
    return xd_invoice_entry(f, invoice, journal);
}

xd_status xd_match_take_back(xd_flow *f, xd_order_line *line, xd_decimal quantity, bool is_return,
                             int64_t from, xd_departure **ret)
{
    xd_departure *list = NULL;
    xd_decimal rest = quantity;
    xd_receipt_line *row = NULL;
    if (from) {
        XD_TRY(xd_row_load(f, line, from, &row));
    }
    XD_TRY(take_open(f, line, is_return, row, &rest, &list));
    while (xd_is_positive(rest)) {
        xd_invoice_line *bill = NULL;
        xd_invoice *invoice = NULL;
        bool unpost = false;
        XD_TRY(xd_list_last(f, line, XD_BILL_MATCHES, &bill));
        assert(bill);
        XD_TRY(xd_invoice_load(f, bill->invoice, &invoice));
        xd_decimal part = xd_decimal_min(rest, bill->matched);
        if (!is_return) {
            XD_TRY(must_unpost(f, line, invoice, bill, part, &unpost));
        }
        if (unpost) {
            XD_TRY(xd_invoice_unpost(f, invoice));
        }
        XD_TRY(part_posted(f, line, invoice, bill, part));
        XD_TRY(xd_flow_subtract(f, &rest, part));
        XD_TRY(take_open(f, line, is_return, NULL, &part, &list));
        XD_TRY(xd_match_requeue(f, line, invoice, bill));
    }
    *ret = list;
    return XD_OK;
}
