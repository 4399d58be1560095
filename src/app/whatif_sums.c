/* Sums by account. See whatif_sums.h. */
#include "app/whatif_sums.h"

#include <stdio.h>
#include <stdlib.h>

void xd_whatif_sums_finish(xd_whatif_sums *sums)
{
    for (size_t i = 0; i < sums->count; i++) {
        free(sums->accounts[i].account);
    }
    free(sums->accounts);
    *sums = (xd_whatif_sums){0};
}

static bool fill(xd_whatif_account *ret, xd_str account, xd_str role, xd_str currency)
{
    char *text = malloc(account.len + role.len + currency.len + 3);
    if (!text) {
        return false;
    }
    int n = snprintf(text, account.len + 1, "%.*s", XD_FMT(account)) + 1;
    int k = n + snprintf(text + n, role.len + 1, "%.*s", XD_FMT(role)) + 1;
    snprintf(text + k, currency.len + 1, "%.*s", XD_FMT(currency));
    *ret = (xd_whatif_account){.account = text, .role = text + n, .currency = text + k};
    return true;
}

/* NULL when there is no memory. */
static xd_whatif_account *find(xd_whatif_sums *sums, xd_str account, xd_str role, xd_str currency)
{
    size_t at = 0;
    for (; at < sums->count; at++) {
        xd_whatif_account *a = &sums->accounts[at];
        int order = xd_str_cmp(xd_str_from(a->account), account);
        order = order ? order : xd_str_cmp(xd_str_from(a->currency), currency);
        if (order == 0) {
            return a;
        }
        if (order > 0) {
            break;
        }
    }
    if (sums->count == sums->size) {
        size_t size = sums->size ? sums->size * 2 : 16;
        xd_whatif_account *grown = realloc(sums->accounts, size * sizeof *grown);
        if (!grown) {
            return NULL;
        }
        sums->accounts = grown;
        sums->size = size;
    }
    xd_whatif_account made;
    if (!fill(&made, account, role, currency)) {
        return NULL;
    }
    memmove(sums->accounts + at + 1, sums->accounts + at, (sums->count - at) * sizeof made);
    sums->accounts[at] = made;
    sums->count++;
    return &sums->accounts[at];
}

xd_status xd_whatif_sums_add(xd_whatif_sums *sums, xd_whatif_side side, const xd_json *lines,
                             xd_str currency, xd_fault *fault)
{
    for (uint32_t i = 0; lines && lines->type == XD_JSON_ARRAY && i < lines->count; i++) {
        const xd_json *line = &lines->items[i];
        xd_str debit = XD_TEXT(line, "debit");
        xd_decimal amount;
        XD_TRY(xd_decimal_parse(debit.ptr ? debit : XD_TEXT(line, "credit"), &amount, fault));
        xd_whatif_account *account =
            find(sums, XD_TEXT(line, "account"), XD_TEXT(line, "role"), currency);
        if (!account) {
            return xd_fail(fault, XD_NO_MEMORY, "replay.memory", "no memory for the sums");
        }
        xd_decimal *sum = &account->sums[side];
        xd_status status = xd_decimal_add(*sum, debit.ptr ? amount : xd_decimal_neg(amount), sum);
        if (status != XD_OK) {
            return xd_fail(fault, status, "replay.sum", "the sum of account %s is out of range",
                           account->account);
        }
    }
    return XD_OK;
}

bool xd_whatif_sums_differ(const xd_whatif_account *account)
{
    return xd_decimal_cmp(account->sums[XD_BEFORE], account->sums[XD_AFTER]) != 0;
}

static xd_decimal with_digits(xd_decimal value, int32_t digits)
{
    xd_decimal padded = value;
    return digits > value.scale && xd_decimal_round(value, digits, XD_HALF_AWAY, &padded) == XD_OK
               ? padded
               : value;
}

xd_status xd_whatif_sums_write(const xd_whatif_account *account, xd_buf *buf, xd_fault *fault)
{
    xd_decimal difference;
    xd_status status =
        xd_decimal_sub(account->sums[XD_AFTER], account->sums[XD_BEFORE], &difference);
    if (status != XD_OK) {
        return xd_fail(fault, status, "replay.sum", "the sum of account %s is out of range",
                       account->account);
    }
    int32_t digits = xd_currency_digits(xd_str_from(account->currency));
    const struct {
        const char *name;
        xd_decimal value;
    } amounts[] = {{"before", account->sums[XD_BEFORE]},
                   {"after", account->sums[XD_AFTER]},
                   {"difference", difference}};
    XD_BUF_LIT(buf, "\"account\":");
    xd_json_write_string(buf, xd_str_from(account->account));
    if (account->role[0]) {
        XD_BUF_LIT(buf, ",\"role\":");
        xd_json_write_string(buf, xd_str_from(account->role));
    }
    XD_BUF_LIT(buf, ",\"currency\":");
    xd_json_write_string(buf, xd_str_from(account->currency));
    for (size_t i = 0; i < sizeof amounts / sizeof amounts[0]; i++) {
        xd_buf_printf(buf, ",\"%s\":\"", amounts[i].name);
        xd_decimal_write(buf, with_digits(amounts[i].value, digits));
        xd_buf_char(buf, '"');
    }
    return XD_OK;
}
