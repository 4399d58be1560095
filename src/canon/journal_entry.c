/* Journal entry from a finance system. It balances to exactly zero, has at least two lines and no
 * negative sides (posting policy). Pure. */
#include "canon/kinds_int.h"

enum { ACCOUNT, DEBIT, CREDIT, TEXT, CURRENCY, EXTENSIONS };

static const xd_field line_fields[] = {
    [ACCOUNT] = XD_F_CODE("account", XD_REQUIRED, "ledger account"),
    [DEBIT] = XD_F_AMOUNT("debit", XD_POSITIVE, "amount debited"),
    [CREDIT] = XD_F_AMOUNT("credit", XD_POSITIVE, "amount credited"),
    [TEXT] = XD_F_TEXT("text", 0, 512, "words for people"),
    [CURRENCY] = XD_F_CURRENCY("currency", 0, "that of the entry"),
    [EXTENSIONS] = XD_F_EXTENSIONS,
};

/* The list's sum is debits less credits. */
static xd_status check_line(const xd_values *values, xd_sum *sum)
{
    if (xd_given(values, DEBIT) == xd_given(values, CREDIT)) {
        return xd_field_fail(values, DEBIT, "side",
                             "a line has either debit or credit, not both and not neither");
    }
    if (xd_given(values, DEBIT)) {
        return xd_sum_add(values, DEBIT, sum);
    }
    sum->total = xd_decimal_neg(sum->total);
    XD_TRY(xd_sum_add(values, CREDIT, sum));
    sum->total = xd_decimal_neg(sum->total);
    return XD_OK;
}

static const char *const line_rules[] = {"Exactly one of debit and credit is given.", NULL};

static const xd_record line_record = XD_RECORD(line_fields, check_line, line_rules);

enum { DOC_ENTRY_NO, DOC_DATE, DOC_CURRENCY, DOC_PREPARED_BY, DOC_LINES, DOC_EXTENSIONS };

static const xd_field fields[] = {
    [DOC_ENTRY_NO] = XD_F_CODE("entry_no", XD_REQUIRED, "number of the entry"),
    [DOC_DATE] = XD_F_DATE("date", XD_REQUIRED, "posting date"),
    [DOC_CURRENCY] = XD_F_CURRENCY("currency", XD_REQUIRED, "currency of all its lines"),
    [DOC_PREPARED_BY] = XD_F_CODE("prepared_by", 0, "person who prepared it; may not post it"),
    [DOC_LINES] = XD_F_LIST("lines", XD_REQUIRED, 2, XD_LINES_MAX, line_record, "its sides"),
    [DOC_EXTENSIONS] = XD_F_EXTENSIONS,
};

static xd_status check(const xd_values *values, xd_sum *sum)
{
    (void)sum;
    xd_decimal balance = values->value[DOC_LINES].sum.total;
    if (xd_decimal_sign(balance) == 0) {
        return XD_OK;
    }
    char text[XD_DECIMAL_MAX_TEXT];
    return xd_field_fail(values, DOC_LINES, "balance",
                         "debits less credits are %s; an entry balances to zero",
                         xd_decimal_text(balance, text).ptr);
}

static const char *const rules[] = {"Debits equal credits exactly.", NULL};

static const xd_record record = XD_RECORD(fields, check, rules);
const xd_field xd_journal_entry_document = XD_DOCUMENT(record);
