/* Advance ship notice (X12 856): what a supplier sent on its way. Pure. */
#include "canon/kinds_int.h"

enum { LINE, PO_LINE, ITEM, UOM, QUANTITY, LOTS, SERIALS, EXTENSIONS };

static const xd_field line_fields[] = {
    [LINE] = XD_F_LINE("line", XD_REQUIRED | XD_UNIQUE, "number of the line in this notice"),
    [PO_LINE] = XD_F_LINE("po_line", XD_REQUIRED, "line of the purchase order"),
    [ITEM] = XD_F_CODE("item", 0, "item"),
    [UOM] = XD_F_CODE("uom", 0, "unit of the quantity; the order line's when absent"),
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

enum {
    DOC_SHIPMENT,
    DOC_SUPPLIER,
    DOC_PO,
    DOC_SHIPPED_AT,
    DOC_EXPECTED_AT,
    DOC_CARRIER,
    DOC_LINES,
    DOC_EXTENSIONS
};

static const xd_field fields[] = {
    [DOC_SHIPMENT] = XD_F_CODE("shipment", XD_REQUIRED, "number the supplier gave the shipment"),
    [DOC_SUPPLIER] = XD_F_CODE("supplier", XD_REQUIRED, "supplier who ships"),
    [DOC_PO] = XD_F_CODE("po", XD_REQUIRED, "purchase order shipped against"),
    [DOC_SHIPPED_AT] = XD_F_INSTANT("shipped_at", XD_REQUIRED, "when it left"),
    [DOC_EXPECTED_AT] = XD_F_INSTANT("expected_at", 0, "when it should arrive"),
    [DOC_CARRIER] = XD_F_CODE("carrier", 0, "carrier (SCAC)"),
    [DOC_LINES] = XD_F_LIST("lines", XD_REQUIRED, 1, XD_LINES_MAX, line_record, "what was shipped"),
    [DOC_EXTENSIONS] = XD_F_EXTENSIONS,
};

static xd_status check(const xd_values *values, xd_sum *sum)
{
    (void)sum;
    if (xd_given(values, DOC_EXPECTED_AT) &&
        values->value[DOC_EXPECTED_AT].instant < values->value[DOC_SHIPPED_AT].instant) {
        return xd_field_fail(values, DOC_EXPECTED_AT, "order",
                             "expected_at is before shipped_at; goods cannot arrive before they "
                             "leave");
    }
    return XD_OK;
}

static const char *const rules[] = {"expected_at is not before shipped_at.", NULL};

static const xd_record record = XD_RECORD(fields, check, rules);
const xd_field xd_ship_notice_document = XD_DOCUMENT(record);
