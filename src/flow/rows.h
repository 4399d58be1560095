/* The receipt rows of an order line (state kind receipt_line): what came in, oldest first for
 * matching, newest first for reversal, without ever walking over history. Private to src/flow.
 * Pure.
 *
 * Rows first..last of the line may hold open quantity; those outside do not, save rows that a
 * credit freed, which are linked into a stack (line->freed, row->next). Rows that turn out to be
 * closed are dropped from either when met, so each costs once. row->below names the next lower row
 * where numbers in between are closed. */
#ifndef XD_FLOW_ROWS_H
#define XD_FLOW_ROWS_H

#include "flow/flow_int.h"

XD_CHECKED xd_status xd_row_load(xd_flow *f, xd_order_line *line, int64_t n, xd_receipt_line **ret);
/* Adds the next row, worth amount. */
XD_CHECKED xd_status xd_row_add(xd_flow *f, xd_order_line *line, xd_str site, xd_str receipt,
                                int64_t receipt_line, xd_str date, xd_decimal quantity,
                                xd_decimal amount, xd_receipt_line **ret);
/* Quantity of a row that is neither matched nor gone. */
XD_CHECKED xd_status xd_row_open(xd_flow *f, const xd_receipt_line *row, xd_decimal *ret);
/* Quantity of the line that is received and not matched. */
XD_CHECKED xd_status xd_line_open(xd_flow *f, const xd_order_line *line, xd_decimal *ret);
/* Received less reversed less returned. */
XD_CHECKED xd_status xd_line_received(xd_flow *f, const xd_order_line *line, xd_decimal *ret);
/* Ordered quantity in base units; unset when open-ended, zero when cancelled. */
XD_CHECKED xd_status xd_line_ordered(xd_flow *f, const xd_order_line *line, xd_limit_value *ret);
/* quantity of unit in base units; *ret_known is false when the unit is neither the order's nor can
 * be the base. */
XD_CHECKED xd_status xd_line_base(xd_flow *f, const xd_order_line *line, xd_str unit,
                                  xd_decimal quantity, xd_decimal *ret, bool *ret_known);
/* Number of the first receipt row that a receipt's line made for an order line; receipt_line 0: its
 * first line for it. 0 when the receipt is not known or has none. */
XD_CHECKED xd_status xd_receipt_row(xd_flow *f, xd_receipt *receipt, const xd_order_line *line,
                                    int64_t receipt_line, int64_t *ret);
/* The oldest or newest row with open quantity; the line must have some. */
XD_CHECKED xd_status xd_row_oldest(xd_flow *f, xd_order_line *line, xd_receipt_line **ret);
XD_CHECKED xd_status xd_row_newest(xd_flow *f, xd_order_line *line, xd_receipt_line **ret);
/* Makes a row that got open quantity again findable. */
void xd_row_freed(xd_order_line *line, xd_receipt_line *row);

#endif
