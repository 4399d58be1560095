/* The three-way match: pairs what was billed for an order line with what was received for it,
 * oldest with oldest, and keeps matched = as much of both as possible. Values follow quantities: an
 * invoice posts when every line is paired (or within tolerance) and no hold is open.
 * docs/matching.md tells the rules. Private to src/flow. Pure. */
#ifndef XD_FLOW_MATCH_H
#define XD_FLOW_MATCH_H

#include "flow/list.h"
#include "flow/rows.h"

/* A goods receipt line about to be taken in. */
typedef struct xd_arrival {
    xd_str site, receipt;
    int64_t line;
    xd_decimal quantity; /* accepted, in base units; above zero */
} xd_arrival;

/* Takes goods in: receipt rows, and matches with what was billed ahead of them. *ret_amount is what
 * they add to GRNI: the order's price, or the invoice's for what is already posted; *ret_row the
 * number of the first row. */
XD_CHECKED xd_status xd_match_receive(xd_flow *f, xd_order_line *line, const xd_arrival *arrival,
                                      xd_decimal *ret_amount, int64_t *ret_row);

/* What goods that leave again were worth to GRNI, per site. */
typedef struct xd_departure {
    struct xd_departure *next;
    xd_str site;
    xd_decimal quantity, amount;
} xd_departure;

/* Takes goods back, at most what was received: quantity not yet billed first, the newest first,
 * then billed quantity, whose invoice is un-posted (a reversal) or stays posted and billed ahead (a
 * return). from names a receipt row to take from first; 0: none. */
XD_CHECKED xd_status xd_match_take_back(xd_flow *f, xd_order_line *line, xd_decimal quantity,
                                        bool is_return, int64_t from, xd_departure **ret);

/* Pairs a new invoice line with goods that are there; row names a preferred receipt row, 0: none.
 */
XD_CHECKED xd_status xd_match_bill(xd_flow *f, xd_order_line *line, xd_invoice *invoice,
                                   xd_invoice_line *bill, int64_t row);
/* Pairs goods that became free with what waits for goods. */
XD_CHECKED xd_status xd_match_again(xd_flow *f, xd_order_line *line);
/* Takes pairs of an invoice line apart again, the newest first; *ret_relief is the GRNI value that
 * they had relieved. */
XD_CHECKED xd_status xd_match_part(xd_flow *f, xd_order_line *line, xd_invoice_line *bill,
                                   xd_decimal quantity, xd_decimal *ret_relief);
/* Re-evaluates whether an invoice line may go ahead of its goods, and moves it to the list where it
 * belongs. Call after any change of its quantity or matched quantity, or of its invoice's being
 * posted. */
XD_CHECKED xd_status xd_match_requeue(xd_flow *f, xd_order_line *line, xd_invoice *invoice,
                                      xd_invoice_line *bill);

/* --- invoices --- */
XD_CHECKED xd_status xd_invoice_load(xd_flow *f, xd_str key, xd_invoice **ret);
/* The n-th line of an invoice. */
XD_CHECKED xd_status xd_invoice_line_load(xd_flow *f, const xd_invoice *invoice, int64_t n,
                                          xd_invoice_line **ret);
/* Marks an invoice as changed by this event: it is settled at the end of the step. */
void xd_invoice_touch(xd_flow *f, xd_invoice *invoice);
/* Quantity billed and not matched. */
XD_CHECKED xd_status xd_bill_remainder(xd_flow *f, const xd_invoice_line *bill, xd_decimal *ret);
/* Whether an invoice line was paired with an order line; one that was not is held and never posts.
 */
static inline bool xd_bill_paired(const xd_invoice_line *bill)
{
    return bill->po.len > 0;
}
/* Order line of a paired invoice line. */
XD_CHECKED xd_status xd_bill_order_line(xd_flow *f, const xd_invoice_line *bill,
                                        xd_order_line **ret);
XD_CHECKED xd_status xd_invoice_post(xd_flow *f, xd_invoice *invoice);
XD_CHECKED xd_status xd_invoice_unpost(xd_flow *f, xd_invoice *invoice);
/* Posts an entry that belongs to the invoice: un-posting will mirror it. */
XD_CHECKED xd_status xd_invoice_entry(xd_flow *f, xd_invoice *invoice, xd_journal *journal);
/* quantity at the order's price, not rounded. */
XD_CHECKED xd_status xd_order_value(xd_flow *f, const xd_order_line *line, xd_decimal quantity,
                                    xd_decimal *ret);
/* Variance of quantity at site: what is on hand takes its share into inventory, the rest is a price
 * variance. */
XD_CHECKED xd_status xd_post_variance(xd_flow *f, xd_journal *journal, const xd_order_line *line,
                                      xd_str site, xd_decimal quantity, xd_decimal variance);

/* --- holds --- */
/* The predicate of a hold is true by excess: opens it, or renews its numbers, or lets a person's
 * release lapse when the numbers are worse than the ones they saw. bill NULL: the whole document.
 * evidence is JSON. */
XD_CHECKED xd_status xd_hold_set(xd_flow *f, xd_invoice *invoice, xd_invoice_line *bill,
                                 xd_hold_code code, xd_decimal excess, xd_str evidence);
/* Whether a person has accepted as much as excess. */
XD_CHECKED xd_status xd_hold_accepted(xd_flow *f, xd_invoice *invoice, xd_invoice_line *bill,
                                      xd_hold_code code, xd_decimal excess, bool *ret);
/* The predicate is false: an open hold releases itself. */
XD_CHECKED xd_status xd_hold_clear(xd_flow *f, xd_invoice *invoice, xd_invoice_line *bill,
                                   xd_hold_code code);
/* Keeps an invoice line in its order line's list of pending ones while it is not posted or has
 * holds. */
XD_CHECKED xd_status xd_bill_pend(xd_flow *f, xd_order_line *line, const xd_invoice *invoice,
                                  xd_invoice_line *bill);
/* Evaluates price, amount, ordered quantity and approval of an invoice line; billed and
 * billed_amount are what was billed for the order line before it. */
XD_CHECKED xd_status xd_bill_check(xd_flow *f, xd_order_line *line, xd_invoice *invoice,
                                   xd_invoice_line *bill, xd_decimal billed,
                                   xd_decimal billed_amount);
/* Evaluates every pending invoice line of an order line again, after the order or the billed
 * quantity changed. */
XD_CHECKED xd_status xd_bill_check_pending(xd_flow *f, xd_order_line *line);

/* --- closing a step (flow.c) --- */
/* Gives every touched invoice its status and posts those that are ready. */
XD_CHECKED xd_status xd_match_settle(xd_flow *f);
/* Adds the "invoices" member to the effect. */
XD_CHECKED xd_status xd_match_write_effect(xd_flow *f);
/* A note for the effect: kind "holds" or "matched", json an object. */
typedef struct xd_note {
    struct xd_note *next;
    bool is_hold;
    xd_str json;
} xd_note;
XD_CHECKED xd_status xd_invoice_note(xd_flow *f, xd_invoice *invoice, bool is_hold,
                                     const xd_buf *json);

#endif
