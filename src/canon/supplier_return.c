/* Return to the supplier (X12 180). Pure. */
#include "canon/kinds_int.h"

enum { LINE, PO_LINE, ITEM, UOM, QUANTITY, RECEIPT_NO, RECEIPT_LINE, REASON, EXTENSIONS };

static const xd_field line_fields[] = {
    [LINE] = XD_F_LINE("line", XD_REQUIRED | XD_UNIQUE, "number of the line in this return"),
    [PO_LINE] = XD_F_LINE("po_line", XD_REQUIRED, "line of the purchase order"),
    [ITEM] = XD_F_CODE("item", 0, "item"),
    [UOM] = XD_F_CODE("uom", 0, "unit of the quantity; the order line's when absent"),
    [QUANTITY] = XD_F_QUANTITY("quantity", XD_REQUIRED | XD_POSITIVE, "quantity sent back"),
    [RECEIPT_NO] = XD_F_CODE("receipt_no", 0, "receipt it came in with"),
    [RECEIPT_LINE] = XD_F_LINE("receipt_line", 0, "line of that receipt"),
    [REASON] = XD_F_TEXT("reason", 0, 256, "why it goes back"),
    [EXTENSIONS] = XD_F_EXTENSIONS,
};

static xd_status check_line(const xd_values *values, xd_sum *sum)
{
    (void)sum;
    if (xd_given(values, RECEIPT_LINE) && !xd_given(values, RECEIPT_NO)) {
        return xd_field_fail(values, RECEIPT_LINE, "reference",
                             "receipt_line is given without receipt_no; give both or neither");
    }
    return XD_OK;
}

static const char *const line_rules[] = {"receipt_line is given only with receipt_no.", NULL};

static const xd_record line_record = XD_RECORD(line_fields, check_line, line_rules);

static const xd_field fields[] = {
    XD_F_CODE("return_no", XD_REQUIRED, "number of the return"),
    XD_F_CODE("po", XD_REQUIRED, "purchase order it was received against"),
    XD_F_CODE("site", XD_REQUIRED, "warehouse that sends back"),
    XD_F_INSTANT("returned_at", XD_REQUIRED, "when it left"),
    XD_F_LIST("lines", XD_REQUIRED, 1, XD_LINES_MAX, line_record, "what goes back"),
    XD_F_EXTENSIONS,
};

static const xd_record record = XD_RECORD(fields, NULL, NULL);
const xd_field xd_supplier_return_document = XD_DOCUMENT(record);
