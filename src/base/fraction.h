/* Factors between units, as people write them: "12", "0.25" or "1/3". Pure. */
#ifndef XD_BASE_FRACTION_H
#define XD_BASE_FRACTION_H

#include "base/str.h"

/* Reads a number above zero: digits with or without a fraction after a point, or two whole numbers
 * with '/' between them. What comes out is exact, and not reduced ("0.50" is 50/100). False, with
 * outputs untouched, on anything else and on what does not fit. */
bool xd_fraction_parse(xd_str text, int64_t *ret_numerator, int64_t *ret_denominator);

#endif
