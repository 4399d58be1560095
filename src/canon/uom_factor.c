/* Unit-of-measure factor of an order line, a rational so that a third of a case stays exact. Pure.
 */
#include "canon/kinds_int.h"

static const xd_field fields[] = {
    XD_F_INTEGER("numerator", XD_REQUIRED, 1, 1000000000, "base units"),
    XD_F_INTEGER("denominator", XD_REQUIRED, 1, 1000000000, "per this many ordering units"),
};

const xd_record xd_uom_factor_record = XD_RECORD(fields, NULL, NULL);
