/* Unit of measure master. Pure. */
#include "canon/kinds_int.h"

static const xd_field fields[] = {
    XD_F_CODE("uom", XD_REQUIRED, "unit code"),
    XD_F_TEXT("name", XD_REQUIRED, 256, "name"),
    XD_F_EXTENSIONS,
};

static const xd_record record = XD_RECORD(fields, NULL, NULL);
const xd_field xd_uom_document = XD_DOCUMENT(record);
