/* Inventory adjustment (X12 947): a correction of stock with its reason. Pure. */
#include "canon/kinds_int.h"

enum { LINE, ITEM, UOM, QUANTITY, LOT, REASON, EXTENSIONS };

static const xd_field line_fields[] = {
    [LINE] = XD_F_LINE("line", XD_REQUIRED | XD_UNIQUE, "number of the line in this adjustment"),
    [ITEM] = XD_F_CODE("item", XD_REQUIRED, "item"),
    [UOM] = XD_F_CODE("uom", 0, "unit of the quantity; the item's when absent"),
    [QUANTITY] =
        XD_F_QUANTITY("quantity", XD_REQUIRED | XD_SIGNED, "added to stock; negative takes away"),
    [LOT] = XD_F_CODE("lot", 0, "lot it is about"),
    [REASON] = XD_F_TEXT("reason", XD_REQUIRED, 256, "why"),
    [EXTENSIONS] = XD_F_EXTENSIONS,
};

static xd_status check_line(const xd_values *values, xd_sum *sum)
{
    (void)sum;
    return xd_decimal_sign(values->value[QUANTITY].decimal) != 0
               ? XD_OK
               : xd_field_fail(values, QUANTITY, "zero",
                               "quantity is 0 and adjusts nothing; leave the line out");
}

static const char *const line_rules[] = {"quantity is not 0.", NULL};

static const xd_record line_record = XD_RECORD(line_fields, check_line, line_rules);

static const xd_field fields[] = {
    XD_F_CODE("adjustment_no", XD_REQUIRED, "number of the adjustment"),
    XD_F_CODE("site", XD_REQUIRED, "warehouse"),
    XD_F_INSTANT("adjusted_at", XD_REQUIRED, "when the stock was corrected"),
    XD_F_CODE("adjusted_by", 0, "person who adjusted"),
    XD_F_CODE("approved_by", 0, "person who approved"),
    XD_F_LIST("lines", XD_REQUIRED, 1, XD_LINES_MAX, line_record, "what was corrected"),
    XD_F_EXTENSIONS,
};

static const xd_record record = XD_RECORD(fields, NULL, NULL);
const xd_field xd_adjustment_document = XD_DOCUMENT(record);
