/* Lots of a line. See kinds_int.h. Pure. */
#include "canon/kinds_int.h"

enum { LOT, QUANTITY, EXPIRES };

static const xd_field fields[] = {
    [LOT] = XD_F_CODE("lot", XD_REQUIRED, "lot or batch number"),
    [QUANTITY] = XD_F_QUANTITY("quantity", XD_REQUIRED | XD_POSITIVE, "quantity of this lot"),
    [EXPIRES] = XD_F_DATE("expires", 0, "last day of use"),
};

static xd_status check(const xd_values *values, xd_sum *sum)
{
    return xd_sum_add(values, QUANTITY, sum);
}

const xd_record xd_lot_record = XD_RECORD(fields, check, NULL);

xd_status xd_check_lots(const xd_values *values, uint32_t lots, uint32_t quantity)
{
    if (!xd_given(values, lots) || values->value[lots].sum.parts == 0) {
        return XD_OK;
    }
    xd_decimal total = values->value[lots].sum.total;
    xd_decimal whole = values->value[quantity].decimal;
    if (xd_decimal_cmp(total, whole) == 0) {
        return XD_OK;
    }
    char total_text[XD_DECIMAL_MAX_TEXT];
    char whole_text[XD_DECIMAL_MAX_TEXT];
    return xd_field_fail(values, lots, "sum",
                         "lots add up to %s, but the line's quantity is %s; correct one of them",
                         xd_decimal_text(total, total_text).ptr,
                         xd_decimal_text(whole, whole_text).ptr);
}
