/* Lines of purchase orders as orders and changes write them. Private to src/flow. Pure. */
#ifndef XD_FLOW_ORDER_H
#define XD_FLOW_ORDER_H

#include "flow/flow_int.h"

typedef enum xd_order_action {
    XD_ORDER_ADD,
    XD_ORDER_CHANGE,  /* members not given stay */
    XD_ORDER_REPLACE, /* members not given are gone */
    XD_ORDER_CANCEL
} xd_order_action;

/* A line of an order document against the order line it is about. */
typedef struct xd_order_step {
    const xd_json *json;
    xd_order_line *line;
    xd_order_action action;
    xd_ordered wanted; /* what the line becomes */
    bool dearer;       /* its price rises */
} xd_order_step;

/* Why a step is not allowed. */
typedef struct xd_order_objection {
    const char *code; /* exception code; NULL: allowed */
    xd_str text;
} xd_order_objection;

/* Fills wanted and dearer, and checks the step against what was received and billed (DOMAIN section
 * 1). */
XD_CHECKED xd_status xd_order_check_step(xd_flow *f, xd_order_step *step, xd_order_objection *ret);
/* Makes the line what the step wants, keeps the item index, and tries pending invoices again. order
 * exists. */
XD_CHECKED xd_status xd_order_apply_step(xd_flow *f, xd_order *order, xd_order_step *step);

#endif
