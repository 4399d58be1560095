/* Transfer between two sites (X12 943, 944): one document when it leaves and one when it arrives.
 * Pure. */
#include "canon/kinds_int.h"

enum { LINE, ITEM, UOM, QUANTITY, LOTS, EXTENSIONS };

static const xd_field line_fields[] = {
    [LINE] = XD_F_LINE("line", XD_REQUIRED | XD_UNIQUE, "number of the line in this transfer"),
    [ITEM] = XD_F_CODE("item", XD_REQUIRED, "item"),
    [UOM] = XD_F_CODE("uom", 0, "unit of the quantity; the item's when absent"),
    [QUANTITY] = XD_F_QUANTITY("quantity", XD_REQUIRED | XD_POSITIVE, "quantity moved"),
    [LOTS] = XD_F_LIST("lots", 0, 0, XD_LOTS_MAX, xd_lot_record, "lots moved"),
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
    DOC_TRANSFER_NO,
    DOC_FROM_SITE,
    DOC_TO_SITE,
    DOC_MOVEMENT,
    DOC_MOVED_AT,
    DOC_LINES,
    DOC_EXTENSIONS
};

static const char *const movements[] = {"shipped", "received", NULL};

static const xd_field fields[] = {
    [DOC_TRANSFER_NO] = XD_F_CODE("transfer_no", XD_REQUIRED, "number of the transfer"),
    [DOC_FROM_SITE] = XD_F_CODE("from_site", XD_REQUIRED, "warehouse it leaves"),
    [DOC_TO_SITE] = XD_F_CODE("to_site", XD_REQUIRED, "warehouse it goes to"),
    [DOC_MOVEMENT] = XD_F_CHOICE("movement", XD_REQUIRED, movements, "which end of the way"),
    [DOC_MOVED_AT] = XD_F_INSTANT("moved_at", XD_REQUIRED, "when it left or arrived"),
    [DOC_LINES] = XD_F_LIST("lines", XD_REQUIRED, 1, XD_LINES_MAX, line_record, "what moved"),
    [DOC_EXTENSIONS] = XD_F_EXTENSIONS,
};

static xd_status check(const xd_values *values, xd_sum *sum)
{
    (void)sum;
    if (xd_str_eq(values->value[DOC_FROM_SITE].json->text, values->value[DOC_TO_SITE].json->text)) {
        return xd_field_fail(values, DOC_TO_SITE, "same", "to_site is the same as from_site");
    }
    return XD_OK;
}

static const char *const rules[] = {"from_site and to_site differ.", NULL};

static const xd_record record = XD_RECORD(fields, check, rules);
const xd_field xd_transfer_document = XD_DOCUMENT(record);
