/* Compatibility of two schemas: is every document that one accepts accepted by the other? Answered
 * by comparing keyword with keyword through every $ref. A "yes" is a proof; what cannot be decided
 * counts as a break and says so. Pure. */
#ifndef XD_SCHEMA_DIFF_H
#define XD_SCHEMA_DIFF_H

#include "schema/schema.h"

/* One reason why documents of the one schema may be refused by the other. */
typedef struct xd_schema_break {
    const struct xd_schema_break *next;
    xd_str place;        /* in documents: a JSON pointer with * for any item or member */
    xd_str old_location; /* in the older schema, as a URI or "#" and a pointer */
    xd_str new_location;
    bool undecided; /* it could not be decided, which is treated as a break */
    xd_str reason;
} xd_schema_break;

typedef struct xd_schema_comparison {
    bool backward; /* what the older schema accepts, the newer one accepts: new readers, old data */
    bool forward;  /* and the other way round: old readers, new data */
    const xd_schema_break *backward_breaks;
    const xd_schema_break *forward_breaks;
} xd_schema_comparison;

/* Both is "full" compatibility. Breaks live in arena. Faults: XD_NO_MEMORY. Schemas too intricate
 * to compare within the limit on work give an undecided break. */
XD_CHECKED xd_status xd_schema_compare(const xd_schema *older, const xd_schema *newer,
                                       xd_arena *arena, const xd_schema_comparison **ret,
                                       xd_fault *fault);

#endif
