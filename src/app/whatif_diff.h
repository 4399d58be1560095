/* How two JSON values differ, as rows of {"path", "before"?, "after"?}: path is a JSON pointer, and
 * a side that is absent has no such member. Values whose canonical forms are equal do not differ
 * (1.50 and 1.5). Items that stand before or behind a list's changed part are recognised. */
#ifndef XD_APP_WHATIF_DIFF_H
#define XD_APP_WHATIF_DIFF_H

#include "base/json.h"

/* Appends the rows to buf, with commas between; either value may be NULL: absent. *ret_count: how
 * many. XD_NO_MEMORY, XD_LIMIT. */
XD_CHECKED xd_status xd_whatif_diff(const xd_json *before, const xd_json *after, xd_arena *scratch,
                                    xd_buf *buf, uint32_t *ret_count, xd_fault *fault);
XD_CHECKED xd_status xd_whatif_equal(const xd_json *a, const xd_json *b, xd_arena *scratch,
                                     bool *ret, xd_fault *fault);

#endif
