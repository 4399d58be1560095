/* Sales shipment (X12 940, 945): what a warehouse sent to a customer. Pure. */
#include "canon/kinds_int.h"

enum { LINE, ITEM, UOM, QUANTITY, LOTS, SERIALS, EXTENSIONS };

static const xd_field line_fields[] = {
    [LINE] = XD_F_LINE("line", XD_REQUIRED | XD_UNIQUE, "number of the line in this shipment"),
    [ITEM] = XD_F_CODE("item", XD_REQUIRED, "item"),
    [UOM] = XD_F_CODE("uom", 0, "unit of the quantity; the item's when absent"),
    [QUANTITY] = XD_F_QUANTITY("quantity", XD_REQUIRED | XD_POSITIVE, "quantity shipped"),
    [LOTS] = XD_F_LIST("lots", 0, 0, XD_LOTS_MAX, xd_lot_record, "lots shipped"),
    [SERIALS] = XD_F_CODES("serials", 0, XD_LINES_MAX, "serial numbers shipped"),
    [EXTENSIONS] = XD_F_EXTENSIONS,
};

static xd_status check_line(const xd_values *values, xd_sum *sum)
{
    (void)sum;
    return xd_check_lots(values, LOTS, QUANTITY);
}

static const char *const line_rules[] = {XD_RULE_LOTS, NULL};

static const xd_record line_record = XD_RECORD(line_fields, check_line, line_rules);

static const xd_field fields[] = {
    XD_F_CODE("shipment_no", XD_REQUIRED, "number of the shipment"),
    XD_F_CODE("site", XD_REQUIRED, "warehouse that shipped"),
    XD_F_INSTANT("shipped_at", XD_REQUIRED, "when it left"),
    XD_F_CODE("sales_order", 0, "sales order"),
    XD_F_CODE("customer", 0, "customer"),
    XD_F_CODE("carrier", 0, "carrier (SCAC)"),
    XD_F_LIST("lines", XD_REQUIRED, 1, XD_LINES_MAX, line_record, "what was shipped"),
    XD_F_EXTENSIONS,
};

static const xd_record record = XD_RECORD(fields, NULL, NULL);
const xd_field xd_sales_shipment_document = XD_DOCUMENT(record);
