/* Why an invoice may not be paid yet: plain names; docs/matching.md gives SAP's and Oracle's. Pure.
 */
#ifndef XD_FLOW_HOLD_CODE_H
#define XD_FLOW_HOLD_CODE_H

#include "base/str.h"

typedef enum xd_hold_code {
    XD_HOLD_PRICE,
    XD_HOLD_QUANTITY_ORDERED,
    XD_HOLD_QUANTITY_RECEIVED,
    XD_HOLD_AMOUNT,
    XD_HOLD_LINE_UNMATCHED,
    XD_HOLD_DUPLICATE,
    XD_HOLD_CURRENCY,
    XD_HOLD_TOTAL,
    XD_HOLD_TAX,
    XD_HOLD_CHARGE,
    XD_HOLD_ORDER_NOT_APPROVED,
    XD_HOLD_UNIT,
    XD_HOLD_COUNT
} xd_hold_code;

const char *xd_hold_name(xd_hold_code code);
/* XD_HOLD_COUNT when there is none. */
xd_hold_code xd_hold_by_name(xd_str name);
static inline uint32_t xd_hold_bit(xd_hold_code code)
{
    return 1u << code;
}

#endif
