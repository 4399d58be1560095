/* Valuation: what a quantity is worth when it is taken from a receipt layer or from stock. Amounts
 * are in the ledger's currency, rounded half away from zero to digits, once per taking (DOMAIN
 * section 2, Rounding). Pure. */
#ifndef XD_LEDGER_VALUATION_H
#define XD_LEDGER_VALUATION_H

#include "base/decimal.h"

/* A quantity received at one value, of which parts are used up over time. used never exceeds
 * quantity. */
typedef struct xd_layer {
    xd_decimal quantity, amount;  /* as received */
    xd_decimal used, used_amount; /* taken so far */
} xd_layer;

/* Takes quantity from the layer: the value is round(amount x cumulative / quantity) less what was
 * taken before, so that the last taking gets the residual. quantity is at most what is left.
 * XD_OVERFLOW. */
XD_CHECKED xd_status xd_layer_take(xd_layer *layer, xd_decimal quantity, int32_t digits,
                                   xd_decimal *ret_amount);
/* Undoes a taking of quantity worth amount. */
XD_CHECKED xd_status xd_layer_put_back(xd_layer *layer, xd_decimal quantity, xd_decimal amount);

/* Goods on hand at moving average: unit cost is value / quantity. */
typedef struct xd_stock {
    xd_decimal quantity, value;
} xd_stock;

XD_CHECKED xd_status xd_stock_receive(xd_stock *stock, xd_decimal quantity, xd_decimal value);
/* Issues quantity at average cost; the last unit takes the whole value. quantity is at most what is
 * on hand. */
XD_CHECKED xd_status xd_stock_issue(xd_stock *stock, xd_decimal quantity, int32_t digits,
                                    xd_decimal *ret_value);
/* Takes back a receipt of quantity worth value: value leaves stock as it came in, save that stock
 * which becomes empty keeps no value behind; *ret_value is what left. Stock may become negative. */
XD_CHECKED xd_status xd_stock_reverse(xd_stock *stock, xd_decimal quantity, xd_decimal value,
                                      xd_decimal *ret_value);

/* part / whole of value, rounded; all of it when part equals whole. whole is not zero. */
XD_CHECKED xd_status xd_share(xd_decimal value, xd_decimal part, xd_decimal whole, int32_t digits,
                              xd_decimal *ret);

#endif
