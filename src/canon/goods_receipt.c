/* Goods receipt (X12 944, 861): what a warehouse took in, or took back, against an order. Pure. */
#include "canon/kinds_int.h"

enum {
    LINE,
    PO_LINE,
    ITEM,
    UOM,
    QUANTITY,
    LOTS,
    SERIALS,
    DAMAGED,
    REJECTED,
    DISPOSITION,
    EXTENSIONS
};

static const char *const dispositions[] = {"stock", "quarantine", "scrap", "return", NULL};
static const char *const movements[] = {"receipt", "reversal", NULL};

static const xd_field line_fields[] = {
    [LINE] = XD_F_LINE("line", XD_REQUIRED | XD_UNIQUE, "number of the line in this receipt"),
    [PO_LINE] = XD_F_LINE("po_line", XD_REQUIRED, "line of the purchase order"),
    [ITEM] = XD_F_CODE("item", 0, "item; checked against the order when given"),
    [UOM] = XD_F_CODE("uom", 0, "unit of the quantity; the order line's when absent"),
    [QUANTITY] = XD_F_QUANTITY("quantity", XD_REQUIRED | XD_POSITIVE,
                               "quantity that arrived, damaged and rejected included"),
    [LOTS] = XD_F_LIST("lots", 0, 0, XD_LOTS_MAX, xd_lot_record, "lots that arrived"),
    [SERIALS] = XD_F_CODES("serials", 0, XD_LINES_MAX, "serial numbers that arrived"),
    [DAMAGED] = XD_F_QUANTITY("damaged", 0, "part of the quantity found damaged"),
    [REJECTED] = XD_F_QUANTITY("rejected", 0, "part of the quantity refused at the dock"),
    [DISPOSITION] =
        XD_F_CHOICE("disposition", 0, dispositions, "where the damaged part goes; stock when none"),
    [EXTENSIONS] = XD_F_EXTENSIONS,
};

/* The two parts may overlap (damaged goods are often the rejected ones), so each is checked alone.
 */
static xd_status check_part(const xd_values *values, uint32_t part)
{
    if (!xd_given(values, part) ||
        xd_decimal_cmp(values->value[part].decimal, values->value[QUANTITY].decimal) <= 0) {
        return XD_OK;
    }
    char quantity[XD_DECIMAL_MAX_TEXT];
    return xd_field_fail(values, part, "exceeds", "%s exceeds the quantity %s that arrived",
                         values->record->fields[part].name,
                         xd_decimal_text(values->value[QUANTITY].decimal, quantity).ptr);
}

static xd_status check_line(const xd_values *values, xd_sum *sum)
{
    (void)sum;
    XD_TRY(check_part(values, DAMAGED));
    XD_TRY(check_part(values, REJECTED));
    return xd_check_lots(values, LOTS, QUANTITY);
}

static const char *const line_rules[] = {
    XD_RULE_LOTS,
    "damaged does not exceed quantity, nor does rejected; the two may be the same goods.",
    NULL,
};

static const xd_record line_record = XD_RECORD(line_fields, check_line, line_rules);

static const xd_field fields[] = {
    XD_F_CODE("receipt_no", XD_REQUIRED, "number of the receipt in the warehouse system"),
    XD_F_CODE("purchase_order", XD_REQUIRED, "purchase order received against"),
    XD_F_CODE("supplier", 0, "supplier; checked against the order when given"),
    XD_F_CODE("site", XD_REQUIRED, "warehouse that received"),
    XD_F_INSTANT("received_at", XD_REQUIRED, "when the goods were taken in"),
    XD_F_CHOICE("movement", 0, movements, "receipt when absent; reversal takes goods back out"),
    XD_F_CODE("carrier", 0, "carrier (SCAC)"),
    XD_F_CODE("packing_slip", 0, "supplier's packing slip"),
    XD_F_CODE("received_by", 0, "person who received"),
    XD_F_LIST("lines", XD_REQUIRED, 1, XD_LINES_MAX, line_record, "what arrived"),
    XD_F_EXTENSIONS,
};

static const xd_record record = XD_RECORD(fields, NULL, NULL);
const xd_field xd_goods_receipt_document = XD_DOCUMENT(record);
