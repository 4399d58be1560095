/* Change of a purchase order (X12 860, 865): names the version it is based on, so that a stale one
 * can be refused. Pure. */
#include "canon/kinds_int.h"

enum {
    PO_LINE,
    ACTION,
    QUANTITY,
    UNIT_PRICE,
    ITEM,
    DESCRIPTION,
    UOM,
    UOM_FACTOR,
    GL,
    TAX_CODE,
    CURRENCY,
    EXTENSIONS
};
enum { CHANGE, ADD, CANCEL };

static const char *const actions[] = {
    [CHANGE] = "change", [ADD] = "add", [CANCEL] = "cancel", NULL};

static const xd_field line_fields[] = {
    [PO_LINE] = XD_F_LINE("po_line", XD_REQUIRED | XD_UNIQUE, "line of the order"),
    [ACTION] = XD_F_CHOICE("action", XD_REQUIRED, actions, "what happens to the line"),
    [QUANTITY] = XD_F_QUANTITY("quantity", XD_POSITIVE, "new quantity ordered"),
    [UNIT_PRICE] = XD_F_PRICE("unit_price", 0, "new price of one ordering unit"),
    [ITEM] = XD_F_CODE("item", 0, "new item; frozen after the first receipt"),
    [DESCRIPTION] = XD_F_TEXT("description", 0, 512, "new words for people"),
    [UOM] = XD_F_CODE("uom", 0, "new ordering unit; frozen after the first receipt"),
    [UOM_FACTOR] =
        XD_F_RECORD("uom_factor", 0, xd_uom_factor_record, "base units in one ordering unit"),
    [GL] = XD_F_CODE("gl", 0, "new ledger account"),
    [TAX_CODE] = XD_F_CODE("tax_code", 0, "new tax code"),
    [CURRENCY] = XD_F_CURRENCY("currency", 0, "that of the order"),
    [EXTENSIONS] = XD_F_EXTENSIONS,
};

static bool changes_anything(const xd_values *values)
{
    for (uint32_t i = QUANTITY; i <= TAX_CODE; i++) {
        if (xd_given(values, i)) {
            return true;
        }
    }
    return false;
}

static xd_status check_line(const xd_values *values, xd_sum *sum)
{
    (void)sum;
    int64_t action = values->value[ACTION].integer;
    if (action == ADD && !xd_given(values, UNIT_PRICE)) {
        return xd_field_fail(values, UNIT_PRICE, "required",
                             "unit_price is missing; a line that is added needs one");
    }
    if (action == CHANGE && !changes_anything(values)) {
        return xd_field_fail(values, ACTION, "empty",
                             "the change names nothing to change; give quantity, unit_price or "
                             "another new value");
    }
    if (action == CANCEL && changes_anything(values)) {
        return xd_field_fail(values, ACTION, "conflict",
                             "the line is cancelled and given new values; do one of the two");
    }
    return XD_OK;
}

static const char *const line_rules[] = {
    "add needs unit_price; change needs at least one new value; cancel takes none.",
    NULL,
};

static const xd_record line_record = XD_RECORD(line_fields, check_line, line_rules);

enum { DOC_PO, DOC_BASED_ON, DOC_VERSION, DOC_REQUESTED_BY, DOC_STATUS, DOC_LINES, DOC_EXTENSIONS };

static const char *const statuses[] = {"proposed", "pending_approval", "approved",   "transmitted",
                                       "accepted", "rejected",         "superseded", NULL};

static const xd_field fields[] = {
    [DOC_PO] = XD_F_CODE("po", XD_REQUIRED, "number of the order"),
    [DOC_BASED_ON] = XD_F_INTEGER("based_on", XD_REQUIRED, 1, 1000000, "version it changes"),
    [DOC_VERSION] = XD_F_INTEGER("version", XD_REQUIRED, 2, 1000000, "version it makes"),
    [DOC_REQUESTED_BY] = XD_F_CODE("requested_by", 0, "person who asked for it"),
    [DOC_STATUS] = XD_F_CHOICE("status", 0, statuses, "where the change stands"),
    [DOC_LINES] = XD_F_LIST("lines", XD_REQUIRED, 1, XD_LINES_MAX, line_record, "what changes"),
    [DOC_EXTENSIONS] = XD_F_EXTENSIONS,
};

static xd_status check(const xd_values *values, xd_sum *sum)
{
    (void)sum;
    if (values->value[DOC_VERSION].integer <= values->value[DOC_BASED_ON].integer) {
        return xd_field_fail(values, DOC_VERSION, "stale",
                             "version %lld does not follow the version %lld it is based on",
                             (long long)values->value[DOC_VERSION].integer,
                             (long long)values->value[DOC_BASED_ON].integer);
    }
    return XD_OK;
}

static const char *const rules[] = {"version is above based_on.", NULL};

static const xd_record record = XD_RECORD(fields, check, rules);
const xd_field xd_order_change_document = XD_DOCUMENT(record);
