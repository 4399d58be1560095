/* Purchase-to-pay controls: per order line, plain counts of documents in the order in which they
 * arrived, and findings about that order (definition: controls). A document counts one per line,
 * once, when it arrives, whether it is posted, parked or held. Private to src/flow. Pure. */
#ifndef XD_FLOW_CONTROLS_H
#define XD_FLOW_CONTROLS_H

#include "flow/flow_int.h"

typedef enum xd_control_event {
    XD_CONTROL_ORDERED, /* the line has a row from here on, also when nothing happens to it */
    XD_CONTROL_RECEIPT,
    XD_CONTROL_RECEIPT_CANCELLED,
    XD_CONTROL_INVOICE,
    XD_CONTROL_INVOICE_CANCELLED,
    XD_CONTROL_CLEARING,
    XD_CONTROL_BLOCK_REMOVED
} xd_control_event;

/* Counts one event on an order line; nothing when the definition keeps no controls. */
XD_CHECKED xd_status xd_control_count(xd_flow *f, xd_str po, int64_t po_line,
                                      xd_control_event what);
/* Counts one event on every line of the document; po is that of lines which name none. */
XD_CHECKED xd_status xd_control_count_lines(xd_flow *f, xd_str po, xd_control_event what);

#endif
