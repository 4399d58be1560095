/* Tolerances: exact comparison, no ratio is ever formed. An absent side is not checked; 0 allows
 * nothing. Private to src/flow. Pure. */
#ifndef XD_FLOW_TOLERANCE_H
#define XD_FLOW_TOLERANCE_H

#include "flow/flow_int.h"

/* The lowest upper limit that the rule sets around expected; *ret is unset when it sets none. */
XD_CHECKED xd_status xd_tolerance_upper(xd_flow *f, const xd_tolerance *rule, xd_decimal expected,
                                        xd_limit_value *ret);
/* The highest lower limit. */
XD_CHECKED xd_status xd_tolerance_lower(xd_flow *f, const xd_tolerance *rule, xd_decimal expected,
                                        xd_limit_value *ret);
/* By how much actual passes the limits around expected; zero or below when within. */
XD_CHECKED xd_status xd_tolerance_excess(xd_flow *f, const xd_tolerance *rule, xd_decimal actual,
                                         xd_decimal expected, xd_decimal *ret_excess);
/* The sides as JSON, for evidence: {"upper_percent":"2"}. */
void xd_tolerance_write(xd_buf *buf, const xd_tolerance *rule);

#endif
