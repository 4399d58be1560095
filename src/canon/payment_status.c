/* Payment status: what finance or the bank says about paying an invoice. Pure. */
#include "canon/kinds_int.h"

enum { PAYMENT, SUPPLIER, INVOICE, PO, PO_LINE, STATUS, AMOUNT, CURRENCY, EXTENSIONS };

static const char *const statuses[] = {"cleared", "blocked", "block_removed", "paid", NULL};

static const xd_field fields[] = {
    [PAYMENT] = XD_F_CODE("payment", XD_REQUIRED, "number of the notice"),
    [SUPPLIER] = XD_F_CODE("supplier", 0, "supplier paid"),
    [INVOICE] = XD_F_CODE("invoice", 0, "invoice it is about"),
    [PO] = XD_F_CODE("po", 0, "purchase order it is about"),
    [PO_LINE] = XD_F_LINE("po_line", 0, "line of that order"),
    [STATUS] = XD_F_CHOICE("status", XD_REQUIRED, statuses, "what happened"),
    [AMOUNT] = XD_F_AMOUNT("amount", 0, "amount cleared or paid"),
    [CURRENCY] = XD_F_CURRENCY("currency", 0, "currency of the amount"),
    [EXTENSIONS] = XD_F_EXTENSIONS,
};

static xd_status check(const xd_values *values, xd_sum *sum)
{
    (void)sum;
    if (!xd_given(values, INVOICE) && !xd_given(values, PO)) {
        return xd_field_fail(values, INVOICE, "required",
                             "neither invoice nor po is given; name what the payment is about");
    }
    if (xd_given(values, PO_LINE) && !xd_given(values, PO)) {
        return xd_field_fail(values, PO_LINE, "reference",
                             "po_line is given without po; give both or neither");
    }
    if (xd_given(values, AMOUNT) && !xd_given(values, CURRENCY)) {
        return xd_field_fail(values, CURRENCY, "required",
                             "currency is missing; an amount needs one");
    }
    return XD_OK;
}

static const char *const rules[] = {
    "invoice or po is given; po_line only with po; amount only with currency.",
    NULL,
};

static const xd_record record = XD_RECORD(fields, check, rules);
const xd_field xd_payment_status_document = XD_DOCUMENT(record);
