/* Sums of journal lines by account and currency, on two sides. Owns its accounts. */
#ifndef XD_APP_WHATIF_SUMS_H
#define XD_APP_WHATIF_SUMS_H

#include "base/decimal.h"
#include "base/json.h"

typedef enum xd_whatif_side { XD_BEFORE, XD_AFTER, XD_SIDES } xd_whatif_side;

typedef struct xd_whatif_account {
    char *account, *role, *currency; /* owns, in one block */
    xd_decimal sums[XD_SIDES];       /* debits less credits */
} xd_whatif_account;

typedef struct xd_whatif_sums {  /* all zero: empty */
    xd_whatif_account *accounts; /* owns; in order of account and currency */
    size_t count, size;
} xd_whatif_sums;

void xd_whatif_sums_finish(xd_whatif_sums *sums);
/* Adds {"account","role"?,"debit"|"credit"} lines. XD_NO_MEMORY, XD_OVERFLOW. */
XD_CHECKED xd_status xd_whatif_sums_add(xd_whatif_sums *sums, xd_whatif_side side,
                                        const xd_json *lines, xd_str currency, xd_fault *fault);
/* Whether an account's sums differ. */
bool xd_whatif_sums_differ(const xd_whatif_account *account);
/* "account":..,"role"?,"currency":..,"before":..,"after":..,"difference":.. XD_OVERFLOW. */
XD_CHECKED xd_status xd_whatif_sums_write(const xd_whatif_account *account, xd_buf *buf,
                                          xd_fault *fault);

#endif
