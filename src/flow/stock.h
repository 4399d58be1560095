/* Stock on hand (state kind stock, per site and item) and what goods moving in or out of it post.
 * Private to src/flow. Pure. */
#ifndef XD_FLOW_STOCK_H
#define XD_FLOW_STOCK_H

#include "flow/flow_int.h"

XD_CHECKED xd_status xd_flow_stock(xd_flow *f, xd_str site, xd_str item, xd_stock_doc **ret);
/* Wakes the first document that waits for goods there, when some are there. */
XD_CHECKED xd_status xd_stock_wake(xd_flow *f, xd_stock_doc *stock);
/* The item's standard cost; unset when the master gives none. */
XD_CHECKED xd_status xd_stock_standard_cost(xd_flow *f, xd_str item, xd_limit_value *ret);

/* Goods of an order line come in, worth amount to the supplier: debits inventory (at standard cost:
 * and the difference to PPV) and raises stock. A line without an item has no stock: its account is
 * debited. */
XD_CHECKED xd_status xd_stock_goods_in(xd_flow *f, xd_journal *journal, const xd_order_line *line,
                                       xd_str site, xd_decimal quantity, xd_decimal amount);
/* Goods of an order line leave again: credits inventory at the value they came in with (at_receipt:
 * a receipt is undone) or at average cost (they are sent back), and the difference to amount as
 * variance. */
XD_CHECKED xd_status xd_stock_goods_out(xd_flow *f, xd_journal *journal, const xd_order_line *line,
                                        xd_str site, xd_decimal quantity, xd_decimal amount,
                                        bool at_receipt);

#endif
