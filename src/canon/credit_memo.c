/* Supplier credit memo (X12 812). Figures are positive: the document itself says that they are
 * credited. Pure. */
#include "canon/kinds_int.h"

enum {
    CREDIT_MEMO,
    SUPPLIER,
    PO,
    CURRENCY,
    CREDIT_DATE,
    POSTING_DATE,
    KIND,
    INVOICE,
    ENTERED_BY,
    LINES,
    CHARGES,
    TAX,
    NET,
    TOTAL,
    EXTENSIONS
};

static const char *const kinds[] = {"quantity", "price", "charge", NULL};

static const xd_field fields[] = {
    [CREDIT_MEMO] = XD_F_CODE("credit_memo", XD_REQUIRED, "number the supplier gave it"),
    [SUPPLIER] = XD_F_CODE("supplier", XD_REQUIRED, "supplier who credits"),
    [PO] = XD_F_CODE("po", 0, "purchase order credited, when it is one"),
    [CURRENCY] = XD_F_CURRENCY("currency", XD_REQUIRED, "currency of all its figures"),
    [CREDIT_DATE] = XD_F_DATE("credit_date", XD_REQUIRED, "date on the credit memo"),
    [POSTING_DATE] = XD_F_DATE("posting_date", 0, "date to post on"),
    [KIND] = XD_F_CHOICE("kind", XD_REQUIRED, kinds,
                         "quantity lowers what is billed; price and charge change value only"),
    [INVOICE] = XD_F_CODE("invoice", 0, "invoice it refers to"),
    [ENTERED_BY] = XD_F_CODE("entered_by", 0, "person who entered it"),
    [LINES] =
        XD_F_LIST("lines", XD_REQUIRED, 1, XD_LINES_MAX, xd_bill_line_record, "what is credited"),
    [CHARGES] = XD_F_LIST("charges", 0, 0, XD_LOTS_MAX, xd_charge_record, "charges credited"),
    [TAX] = XD_F_AMOUNT("tax", 0, "tax in all"),
    [NET] = XD_F_AMOUNT("net", 0, "lines in all, before charges and tax"),
    [TOTAL] = XD_F_AMOUNT("total", 0, "amount credited"),
    [EXTENSIONS] = XD_F_EXTENSIONS,
};

static xd_status check(const xd_values *values, xd_sum *sum)
{
    (void)sum;
    return xd_check_bill(values, &(xd_bill){LINES, CHARGES, TAX, NET, TOTAL});
}

static const char *const rules[] = {XD_RULE_NET, XD_RULE_TOTAL, NULL};

static const xd_record record = XD_RECORD(fields, check, rules);
const xd_field xd_credit_memo_document = XD_DOCUMENT(record);
