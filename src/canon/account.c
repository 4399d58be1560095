/* Account mapping: which ledger account plays a role in journals, in general or for one item
 * category. Pure. */
#include "canon/kinds_int.h"

static const xd_field fields[] = {
    XD_F_CODE("role", XD_REQUIRED, "role in journals, such as GRNI"),
    XD_F_CODE("account", XD_REQUIRED, "ledger account"),
    XD_F_CODE("category", 0, "item category it holds for; all when absent"),
    XD_F_EXTENSIONS,
};

static const xd_record record = XD_RECORD(fields, NULL, NULL);
const xd_field xd_account_document = XD_DOCUMENT(record);
