/* Purchase order (X12 850). Pure. */
#include "canon/kinds_int.h"

static const xd_field line_fields[] = {
    XD_F_LINE("po_line", XD_REQUIRED | XD_UNIQUE, "number of the line in this order"),
    XD_F_CODE("item", 0, "item; absent for services"),
    XD_F_TEXT("description", 0, 512, "words for people"),
    XD_F_CODE("uom", 0, "ordering unit"),
    XD_F_QUANTITY("quantity", XD_POSITIVE, "quantity ordered; absent for an open-ended order"),
    XD_F_PRICE("unit_price", XD_REQUIRED, "price of one ordering unit"),
    XD_F_CODE("gl", 0, "ledger account the line is charged to"),
    XD_F_RECORD("uom_factor", 0, xd_uom_factor_record, "base units in one ordering unit"),
    XD_F_CODE("tax_code", 0, "tax code"),
    XD_F_CURRENCY("currency", 0, "that of the order"),
    XD_F_EXTENSIONS,
};

static const xd_record line_record = XD_RECORD(line_fields, NULL, NULL);

static const xd_field fields[] = {
    XD_F_CODE("po", XD_REQUIRED, "number of the order"),
    XD_F_CODE("supplier", XD_REQUIRED, "supplier ordered from"),
    XD_F_CODE("site", 0, "warehouse to deliver to"),
    XD_F_CURRENCY("currency", XD_REQUIRED, "currency of the prices"),
    XD_F_INSTANT("ordered_at", 0, "when it was ordered"),
    XD_F_CODE("terms", 0, "payment terms"),
    XD_F_INTEGER("version", 0, 1, 1000000, "version of the order; 1 when absent"),
    XD_F_CODE("created_by", 0, "person who created it"),
    XD_F_CODE("approved_by", 0, "person who approved it"),
    XD_F_PERCENT("tolerance_pct", 0, "over-receipt allowed, in percent; company rule when absent"),
    XD_F_INTEGER("match_level", 0, 2, 3, "2- or 3-way match; company rule when absent"),
    XD_F_LIST("lines", XD_REQUIRED, 1, XD_LINES_MAX, line_record, "what is ordered"),
    XD_F_EXTENSIONS,
};

static const xd_record record = XD_RECORD(fields, NULL, NULL);
const xd_field xd_purchase_order_document = XD_DOCUMENT(record);
