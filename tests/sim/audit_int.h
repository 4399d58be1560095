/* Inside the audit: journal and acceptance (audit.c), deliveries (audit_deliveries.c), business
 * state (audit_state.c). Private to this folder. */
#ifndef XD_SIM_AUDIT_INT_H
#define XD_SIM_AUDIT_INT_H

#include "audit.h"

#include "base/decimal.h"
#include "base/hash.h"

typedef struct year {
    int64_t year, last;
} year;

typedef struct account {
    xd_decimal booked; /* debits less credits of the hub's journals */
    xd_decimal told;   /* and of those that finance has */
} account;

enum { AUDIT_YEARS = 16 };

struct audit {
    sim_verdict *verdict; /* borrows */
    xd_arena arena;       /* for the whole run */
    xd_arena scratch;     /* for one document */
    char head[XD_SHA256_HEX + 1];
    int64_t ordinal; /* of the newest journal seen */
    int64_t state_seq;
    year years[AUDIT_YEARS];
    uint32_t year_count;
    map accounts;
    map accepted;           /* source, NUL, id -> the document that was acknowledged */
    xd_decimal grni, stock; /* by role, in the journals */
};

/* Exact sums; a figure out of range fails the run. */
void audit_add(audit *a, xd_decimal *sum, xd_decimal part);
/* A decimal member, zero when absent. */
xd_decimal audit_number(audit *a, const xd_json *object, const char *name);
account *audit_account(audit *a, xd_str code);
/* Parses into the scratch arena; NULL fails the run. */
const xd_json *audit_parse(audit *a, xd_str text);

/* What became of the crosswalks in the log, counted apart from the hub (audit_codes.c). */
typedef struct audit_codes audit_codes;
audit_codes *audit_codes_read(audit *a, xd_store *store);
/* Whether the code key ("table/system/code") has a value in force at an instant, at the end. */
bool audit_codes_holds(const audit_codes *codes, xd_str key, xd_instant at);
/* Whether it had that value then, as the log stood after event seq or any later one. */
bool audit_codes_had(const audit_codes *codes, xd_str key, xd_instant at, int64_t seq,
                     xd_str value);

void audit_state(audit *a, xd_store *store, audit_figures *ret);
void audit_deliveries(audit *a, xd_store *store, const sim_plan *plan, remotes *systems,
                      audit_figures *ret);

#endif
