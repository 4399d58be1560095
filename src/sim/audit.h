/* The audit from outside: what was published against what arrived, by nothing but the two ends. */
#ifndef XD_SIM_AUDIT_H
#define XD_SIM_AUDIT_H

#include "sim/book.h"
#include "sim/plan.h"
#include "sim/publisher.h"

typedef struct xd_audit_party {
    uint64_t taken, repeats;
    uint64_t missing; /* receipts that it should have been told of */
} xd_audit_party;

typedef struct xd_audit {
    uint64_t expected;   /* receipts that were acknowledged, and their orders, too */
    uint64_t lost;       /* of expected, times the systems that were not told */
    uint64_t duplicated; /* receipts told under more than one key */
    uint64_t repeats;    /* arrivals of a known key */
    uint64_t repeats_allowed;
    uint64_t conflicting;  /* arrivals of a known key with another body */
    uint64_t unreadable;   /* messages that are not as documented */
    uint64_t journals;     /* entries */
    uint64_t unbalanced;   /* of them */
    uint64_t gaps;         /* journal numbers missing or given twice */
    uint64_t out_of_order; /* receipts that arrived before an earlier one of their order */
    xd_audit_party parties[XD_PARTY_COUNT];
    /* For people: the first of each, "" when there is none. */
    char first_lost[160];
    char first_disorder[320];
} xd_audit;

/* Looks at the state of things. XD_NO_MEMORY. */
XD_CHECKED xd_status xd_audit_look(const xd_plan *plan, const xd_published *published,
                                   xd_book *book, uint64_t repeats_allowed, xd_audit *ret,
                                   xd_fault *fault);
/* Everything that should have arrived has, though other things may be wrong. */
bool xd_audit_complete(const xd_audit *audit);
/* Nothing is wrong. */
bool xd_audit_clean(const xd_audit *audit);

#endif
