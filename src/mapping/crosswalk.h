/* Crosswalk: what one system calls a thing, in the words of another. A code of a table and a system
 * has entries; each begins at an instant and may end at one. In force at an instant is the entry
 * that began last by then, unless it has ended: nothing older comes back. An index in memory,
 * looked up in constant time (one hash, then the entries of that code by halves). Pure.
 *
 * One writer: while xd_crosswalk_put runs nobody else may use the index. Any number of threads may
 * look up between writes. */
#ifndef XD_MAPPING_CROSSWALK_H
#define XD_MAPPING_CROSSWALK_H

#include "base/json.h"
#include "base/time.h"

enum {
    XD_CROSSWALK_NAME_BYTES = 64,  /* of a table's or system's name */
    XD_CROSSWALK_CODE_BYTES = 128, /* of a code */
    XD_CROSSWALK_VALUE_BYTES = 1024
};

typedef struct xd_crosswalk xd_crosswalk;

typedef struct xd_crosswalk_row {
    xd_str table, system, code;
    xd_str value;          /* ptr NULL: the entry that begins at valid_from is taken back */
    xd_instant valid_from; /* XD_INSTANT_NONE: since ever */
    xd_instant valid_to;   /* the first instant no more in force; XD_INSTANT_NONE: no end */
} xd_crosswalk_row;

/* Reads a row from an object with the members table, system, code, value, valid_from, valid_to: a
 * row of a CSV file with these columns, or the data of a crosswalk event. All are texts; the last
 * two may be absent, null or empty, else an RFC 3339 instant or a date (YYYY-MM-DD, in UTC: from
 * the beginning of the first day to the end of the last). value null takes the entry back. Other
 * members are refused. Faults: XD_INVALID, rule "xref.*", path = "/" and the member's name, offset
 * of the value. ret borrows json. */
XD_CHECKED xd_status xd_crosswalk_read_row(const xd_json *json, xd_crosswalk_row *ret,
                                           xd_fault *fault);

/* cap_bytes: most that texts and entries may take. */
XD_CHECKED xd_status xd_crosswalk_create(size_t cap_bytes, xd_crosswalk **ret, xd_fault *fault);
/* Accepts NULL. */
void xd_crosswalk_destroy(xd_crosswalk *crosswalk);

/* Enters a row: a new entry, or, where the code has one that begins at the same instant, its
 * correction. The same row again changes nothing and takes no memory; a replaced value's memory
 * comes back only with the whole index. *ret_changed may be NULL. Faults: XD_INVALID (rule
 * "xref.*"), XD_NO_MEMORY; the index is then as it was. */
XD_CHECKED xd_status xd_crosswalk_put(xd_crosswalk *crosswalk, const xd_crosswalk_row *row,
                                      bool *ret_changed, xd_fault *fault);

/* The value in force at an instant, ptr NULL when there is none; borrows the index. */
xd_str xd_crosswalk_get(const xd_crosswalk *crosswalk, xd_str table, xd_str system, xd_str code,
                        xd_instant at);
/* Entries in the index. */
size_t xd_crosswalk_count(const xd_crosswalk *crosswalk);
/* Every entry, codes in the order in which they came first, entries of a code in order of time.
 * What visit returns other than XD_OK ends the walk and is returned. */
XD_CHECKED xd_status xd_crosswalk_each(const xd_crosswalk *crosswalk,
                                       xd_status (*visit)(void *context,
                                                          const xd_crosswalk_row *row),
                                       void *context);

#endif
