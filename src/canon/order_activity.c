/* A milestone of an order line that moves neither goods nor money, kept for its history. Pure. */
#include "canon/kinds_int.h"

static const xd_field fields[] = {
    XD_F_CODE("activity_no", XD_REQUIRED, "number of the activity"),
    XD_F_CODE("po", XD_REQUIRED, "purchase order"),
    XD_F_LINE("po_line", XD_REQUIRED, "line of the order"),
    XD_F_TEXT("activity", XD_REQUIRED, 256, "what happened"),
    XD_F_CODE("person", 0, "who did it"),
    XD_F_EXTENSIONS,
};

static const xd_record record = XD_RECORD(fields, NULL, NULL);
const xd_field xd_order_activity_document = XD_DOCUMENT(record);
