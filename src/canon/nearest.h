/* The known word nearest to an unknown one, for "did you mean". Pure. */
#ifndef XD_CANON_NEAREST_H
#define XD_CANON_NEAREST_H

#include "base/str.h"

typedef struct xd_nearest {
    xd_str word;      /* the unknown one */
    const char *best; /* NULL while nothing is near enough */
    size_t distance;  /* edits between word and best; before, one more than the most allowed */
} xd_nearest;

/* Starts a search; a word may differ in a third of its length. */
xd_nearest xd_nearest_to(xd_str word);
/* Offers a candidate, which must outlive the search. */
void xd_nearest_offer(xd_nearest *nearest, const char *candidate);

#endif
