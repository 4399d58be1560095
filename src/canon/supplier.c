/* Supplier master. Pure. */
#include "canon/kinds_int.h"

static const xd_field fields[] = {
    XD_F_CODE("supplier", XD_REQUIRED, "supplier code"),
    XD_F_TEXT("name", XD_REQUIRED, 256, "name"),
    XD_F_CODE("terms", 0, "payment terms"),
    XD_F_CODE("group", 0, "supplier group: invoice numbers are unique within it"),
    XD_F_CURRENCY("currency", 0, "currency usually billed in"),
    XD_F_EXTENSIONS,
};

static const xd_record record = XD_RECORD(fields, NULL, NULL);
const xd_field xd_supplier_document = XD_DOCUMENT(record);
