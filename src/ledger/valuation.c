/* Valuation of receipt layers and of stock at moving average. See valuation.h. Pure; calls base. */
#include "ledger/valuation.h"

xd_status xd_share(xd_decimal value, xd_decimal part, xd_decimal whole, int32_t digits,
                   xd_decimal *ret)
{
    if (xd_decimal_cmp(part, whole) == 0) {
        *ret = value;
        return XD_OK;
    }
    return xd_decimal_mul_div(value, part, whole, digits, XD_HALF_AWAY, ret);
}

xd_status xd_layer_take(xd_layer *layer, xd_decimal quantity, int32_t digits,
                        xd_decimal *ret_amount)
{
    xd_decimal used, used_amount, amount;
    XD_TRY(xd_decimal_add(layer->used, quantity, &used));
    XD_TRY(xd_share(layer->amount, used, layer->quantity, digits, &used_amount));
    XD_TRY(xd_decimal_sub(used_amount, layer->used_amount, &amount));
    layer->used = used;
    layer->used_amount = used_amount;
    *ret_amount = amount;
    return XD_OK;
}

xd_status xd_layer_put_back(xd_layer *layer, xd_decimal quantity, xd_decimal amount)
{
    xd_decimal used, used_amount;
    XD_TRY(xd_decimal_sub(layer->used, quantity, &used));
    XD_TRY(xd_decimal_sub(layer->used_amount, amount, &used_amount));
    layer->used = used;
    layer->used_amount = used_amount;
    return XD_OK;
}

xd_status xd_stock_receive(xd_stock *stock, xd_decimal quantity, xd_decimal value)
{
    xd_stock after;
    XD_TRY(xd_decimal_add(stock->quantity, quantity, &after.quantity));
    XD_TRY(xd_decimal_add(stock->value, value, &after.value));
    *stock = after;
    return XD_OK;
}

xd_status xd_stock_issue(xd_stock *stock, xd_decimal quantity, int32_t digits,
                         xd_decimal *ret_value)
{
    xd_decimal value;
    XD_TRY(xd_share(stock->value, quantity, stock->quantity, digits, &value));
    XD_TRY(xd_stock_receive(stock, xd_decimal_neg(quantity), xd_decimal_neg(value)));
    *ret_value = value;
    return XD_OK;
}

xd_status xd_stock_reverse(xd_stock *stock, xd_decimal quantity, xd_decimal value,
                           xd_decimal *ret_value)
{
    xd_decimal leaves = xd_decimal_cmp(stock->quantity, quantity) == 0 ? stock->value : value;
    XD_TRY(xd_stock_receive(stock, xd_decimal_neg(quantity), xd_decimal_neg(leaves)));
    *ret_value = leaves;
    return XD_OK;
}
