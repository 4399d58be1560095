/* Item master (X12 832, 888). Pure. */
#include "canon/kinds_int.h"

static const xd_field fields[] = {
    XD_F_CODE("item", XD_REQUIRED, "item code"),
    XD_F_TEXT("description", 0, 512, "words for people"),
    XD_F_CODE("uom", XD_REQUIRED, "base unit: stock is kept in it"),
    XD_F_CODE("category", 0, "item category; accounts and tolerances may depend on it"),
    XD_F_PRICE("standard_cost", 0, "cost of one base unit, for standard costing"),
    XD_F_DATE("valid_from", 0, "first day these values hold; from now on when absent"),
    XD_F_EXTENSIONS,
};

static const xd_record record = XD_RECORD(fields, NULL, NULL);
const xd_field xd_item_document = XD_DOCUMENT(record);
