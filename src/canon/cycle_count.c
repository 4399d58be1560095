/* Cycle count: what was found on the shelf. Pure. */
#include "canon/kinds_int.h"

static const xd_field line_fields[] = {
    XD_F_LINE("line", XD_REQUIRED | XD_UNIQUE, "number of the line in this count"),
    XD_F_CODE("item", XD_REQUIRED, "item"),
    XD_F_CODE("uom", 0, "unit of the count; the item's when absent"),
    XD_F_QUANTITY("counted", XD_REQUIRED, "quantity found"),
    XD_F_CODE("lot", 0, "lot counted"),
    XD_F_EXTENSIONS,
};

static const xd_record line_record = XD_RECORD(line_fields, NULL, NULL);

static const xd_field fields[] = {
    XD_F_CODE("count_no", XD_REQUIRED, "number of the count"),
    XD_F_CODE("site", XD_REQUIRED, "warehouse"),
    XD_F_INSTANT("counted_at", XD_REQUIRED, "when it was counted"),
    XD_F_CODE("counted_by", 0, "person who counted"),
    XD_F_LIST("lines", XD_REQUIRED, 1, XD_LINES_MAX, line_record, "what was counted"),
    XD_F_EXTENSIONS,
};

static const xd_record record = XD_RECORD(fields, NULL, NULL);
const xd_field xd_cycle_count_document = XD_DOCUMENT(record);
