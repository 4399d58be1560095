/* Lines, charges and totals of supplier invoices and credit memos. See kinds_int.h. Pure. */
#include "canon/kinds_int.h"

enum {
    LINE,
    PO,
    PO_LINE,
    ITEM,
    DESCRIPTION,
    RECEIPT_NO,
    RECEIPT_LINE,
    UOM,
    QUANTITY,
    UNIT_PRICE,
    AMOUNT,
    TAX_CODE,
    TAX_RATE,
    CURRENCY,
    EXTENSIONS
};

static const xd_field line_fields[] = {
    [LINE] = XD_F_LINE("line", XD_REQUIRED | XD_UNIQUE, "number of the line in this document"),
    [PO] = XD_F_CODE("po", 0, "purchase order, when not the document's"),
    [PO_LINE] = XD_F_LINE("po_line", 0, "line of the purchase order"),
    [ITEM] = XD_F_CODE("item", 0, "item"),
    [DESCRIPTION] = XD_F_TEXT("description", 0, 512, "words for people"),
    [RECEIPT_NO] = XD_F_CODE("receipt_no", 0, "goods receipt billed"),
    [RECEIPT_LINE] = XD_F_LINE("receipt_line", 0, "line of that receipt"),
    [UOM] = XD_F_CODE("uom", 0, "unit of the quantity"),
    [QUANTITY] = XD_F_QUANTITY("quantity", XD_REQUIRED | XD_POSITIVE, "quantity billed"),
    [UNIT_PRICE] = XD_F_PRICE("unit_price", XD_REQUIRED, "price of one unit"),
    [AMOUNT] = XD_F_AMOUNT("amount", 0, "net amount of the line"),
    [TAX_CODE] = XD_F_CODE("tax_code", 0, "tax code"),
    [TAX_RATE] = XD_F_PERCENT("tax_rate", 0, "tax in percent of the net amount"),
    [CURRENCY] = XD_F_CURRENCY("currency", 0, "that of the document"),
    [EXTENSIONS] = XD_F_EXTENSIONS,
};

static xd_status check_line(const xd_values *values, xd_sum *sum)
{
    if (xd_given(values, RECEIPT_LINE) && !xd_given(values, RECEIPT_NO)) {
        return xd_field_fail(values, RECEIPT_LINE, "reference",
                             "receipt_line is given without receipt_no; give both or neither");
    }
    return xd_given(values, AMOUNT) ? xd_sum_add(values, AMOUNT, sum) : XD_OK;
}

static const char *const line_rules[] = {
    "receipt_line is given only with receipt_no.",
    NULL,
};

const xd_record xd_bill_line_record = XD_RECORD(line_fields, check_line, line_rules);

enum { CHARGE_CODE, CHARGE_AMOUNT, CHARGE_CURRENCY };

static const xd_field charge_fields[] = {
    [CHARGE_CODE] = XD_F_CODE("code", XD_REQUIRED, "what is charged, such as freight"),
    [CHARGE_AMOUNT] =
        XD_F_AMOUNT("amount", XD_REQUIRED | XD_SIGNED, "net amount; a discount is negative"),
    [CHARGE_CURRENCY] = XD_F_CURRENCY("currency", 0, "that of the document"),
};

static xd_status check_charge(const xd_values *values, xd_sum *sum)
{
    return xd_sum_add(values, CHARGE_AMOUNT, sum);
}

const xd_record xd_charge_record = XD_RECORD(charge_fields, check_charge, NULL);

static xd_status must_equal(const xd_values *values, uint32_t field, const char *what,
                            xd_decimal wanted)
{
    xd_decimal given = values->value[field].decimal;
    if (xd_decimal_cmp(given, wanted) == 0) {
        return XD_OK;
    }
    char given_text[XD_DECIMAL_MAX_TEXT];
    char wanted_text[XD_DECIMAL_MAX_TEXT];
    return xd_field_fail(values, field, "sum", "%s is %s, but %s %s; correct the figures",
                         values->record->fields[field].name, xd_decimal_text(given, given_text).ptr,
                         what, xd_decimal_text(wanted, wanted_text).ptr);
}

xd_status xd_check_bill(const xd_values *values, const xd_bill *bill)
{
    const xd_value *value = values->value;
    if (!xd_given(values, bill->net)) {
        return XD_OK;
    }
    if (value[bill->lines].sum.parts == value[bill->lines].json->count) {
        XD_TRY(must_equal(values, bill->net, "the amounts of the lines add up to",
                          value[bill->lines].sum.total));
    }
    if (!xd_given(values, bill->total) || !xd_given(values, bill->tax)) {
        return XD_OK;
    }
    xd_decimal charges = xd_given(values, bill->charges) ? value[bill->charges].sum.total : XD_ZERO;
    xd_decimal wanted;
    if (xd_decimal_add(value[bill->net].decimal, charges, &wanted) != XD_OK ||
        xd_decimal_add(wanted, value[bill->tax].decimal, &wanted) != XD_OK) {
        return xd_field_fail(values, bill->total, "range",
                             "net + charges + tax is beyond 38 digits");
    }
    return must_equal(values, bill->total, "net + charges + tax is", wanted);
}
