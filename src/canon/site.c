/* Site master: a warehouse or other place that holds stock. Pure. */
#include "canon/kinds_int.h"

static const xd_field fields[] = {
    XD_F_CODE("site", XD_REQUIRED, "site code"),
    XD_F_TEXT("name", XD_REQUIRED, 256, "name"),
    XD_F_INTEGER("time_zone_offset_min", 0, -840, 840,
                 "minutes east of UTC in which its business dates are counted"),
    XD_F_EXTENSIONS,
};

static const xd_record record = XD_RECORD(fields, NULL, NULL);
const xd_field xd_site_document = XD_DOCUMENT(record);
