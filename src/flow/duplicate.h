/* Soft duplicates: invoices that look like another one under a different number. Private to
 * src/flow. Pure. */
#ifndef XD_FLOW_DUPLICATE_H
#define XD_FLOW_DUPLICATE_H

#include "flow/billing.h"

/* Looks for a recent invoice of the same supplier, currency and gross amount, of the same order
 * lines and quantities, or of the same number within the supplier's group, remembers this one, and
 * holds it when there is one. */
XD_CHECKED xd_status xd_duplicate_check(xd_flow *f, xd_invoice *invoice, const xd_billed *lines,
                                        uint32_t count);

#endif
