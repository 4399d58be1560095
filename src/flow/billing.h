/* What supplier invoices and credit memos have in common: their numbers, lines, amounts and pairing
 * with order lines. Private to src/flow. Pure. */
#ifndef XD_FLOW_BILLING_H
#define XD_FLOW_BILLING_H

#include "flow/match.h"

/* supplier/number: number in upper case, letters and digits only, leading zeros dropped, because
 * suppliers and those who type them write one number in many ways. */
XD_CHECKED xd_status xd_billing_number(xd_flow *f, xd_str supplier, xd_str number, xd_str *ret);
/* supplier/number/year: suppliers use their numbers again each year. */
XD_CHECKED xd_status xd_billing_key(xd_flow *f, xd_str supplier, xd_str number, xd_str date,
                                    xd_str *ret);

/* The booked invoice of that number of the year of date or the year before; NULL when there is
 * none, or no number. */
XD_CHECKED xd_status xd_billing_find(xd_flow *f, xd_str supplier, xd_str number, xd_str date,
                                     xd_invoice **ret);

/* A line of the document. */
typedef struct xd_billed {
    const xd_json *json;
    int64_t number;
    xd_str po;           /* the line's own, else the document's */
    xd_decimal quantity; /* in base units once paired */
    xd_decimal stated;   /* as on the document */
    xd_decimal unit_price, amount;
    xd_order_line *line;       /* NULL: not paired */
    xd_invoice_line *unpaired; /* of a credit without order line: what it takes from */
    bool unit_unknown;
    int64_t row; /* receipt row that the line names, 0: none */
} xd_billed;

typedef struct xd_bill_amounts {
    xd_decimal net, charges, tax, total;
    bool has_tax, has_total; /* stated, not computed */
    xd_decimal rated_tax;    /* tax recomputed from the lines' rates */
    bool has_rates;
} xd_bill_amounts;

/* Lines of the document, not yet paired. */
XD_CHECKED xd_status xd_billing_lines(xd_flow *f, xd_billed **ret_lines, uint32_t *ret_count);
/* Sums of the document; what it does not state is computed. */
XD_CHECKED xd_status xd_billing_amounts(xd_flow *f, const xd_billed *lines, uint32_t count,
                                        xd_bill_amounts *ret);
/* Finds the order line of a billed line: by its number, else by its item when one order line has
 * it, or one of several has exactly this price and enough open quantity. *ret_missing_order is the
 * key of an order that is not known. */
XD_CHECKED xd_status xd_billing_pair(xd_flow *f, xd_str supplier, xd_billed *billed,
                                     xd_str *ret_missing_order);

#endif
