/* Supplier invoice (X12 810). Pure. */
#include "canon/kinds_int.h"

enum {
    INVOICE,
    SUPPLIER,
    PO,
    CURRENCY,
    INVOICE_DATE,
    POSTING_DATE,
    ENTERED_BY,
    LINES,
    CHARGES,
    TAX,
    NET,
    TOTAL,
    EXTENSIONS
};

static const xd_field fields[] = {
    [INVOICE] = XD_F_CODE("invoice", XD_REQUIRED, "number the supplier gave it"),
    [SUPPLIER] = XD_F_CODE("supplier", XD_REQUIRED, "supplier who bills"),
    [PO] = XD_F_CODE("po", 0, "purchase order billed, when it is one"),
    [CURRENCY] = XD_F_CURRENCY("currency", XD_REQUIRED, "currency of all its figures"),
    [INVOICE_DATE] = XD_F_DATE("invoice_date", XD_REQUIRED, "date on the invoice"),
    [POSTING_DATE] = XD_F_DATE("posting_date", 0, "date to post on"),
    [ENTERED_BY] = XD_F_CODE("entered_by", 0, "person who entered it; may not release its holds"),
    [LINES] =
        XD_F_LIST("lines", XD_REQUIRED, 1, XD_LINES_MAX, xd_bill_line_record, "what is billed"),
    [CHARGES] = XD_F_LIST("charges", 0, 0, XD_LOTS_MAX, xd_charge_record, "freight and the like"),
    [TAX] = XD_F_AMOUNT("tax", 0, "tax in all"),
    [NET] = XD_F_AMOUNT("net", 0, "lines in all, before charges and tax"),
    [TOTAL] = XD_F_AMOUNT("total", 0, "amount to pay"),
    [EXTENSIONS] = XD_F_EXTENSIONS,
};

static xd_status check(const xd_values *values, xd_sum *sum)
{
    (void)sum;
    return xd_check_bill(values, &(xd_bill){LINES, CHARGES, TAX, NET, TOTAL});
}

static const char *const rules[] = {XD_RULE_NET, XD_RULE_TOTAL, NULL};

static const xd_record record = XD_RECORD(fields, check, rules);
const xd_field xd_supplier_invoice_document = XD_DOCUMENT(record);
