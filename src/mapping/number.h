/* Numbers of maps: decimal floating point with 38 significant digits and the range of the
 * language's own numbers. Sums, differences and products are exact as long as they fit 38 digits;
 * quotients, roots and fractional powers are rounded, half to even, to 28. Private to src/mapping.
 * Pure. */
#ifndef XD_MAPPING_NUMBER_H
#define XD_MAPPING_NUMBER_H

#include "base/decimal.h"
#include "mapping/value.h"

typedef struct xd_number {
    xd_int128 coefficient; /* below 10^38 */
    int32_t exponent;      /* value = coefficient x 10^exponent */
    bool inexact;          /* rounded somewhere on the way */
} xd_number;

enum {
    XD_NUMBER_MAX_EXPONENT = 308, /* of the first digit: what IEEE 754 doubles reach */
    XD_NUMBER_MIN_EXPONENT = -400,
    XD_NUMBER_TEXT = 64,
    XD_QUOTIENT_DIGITS = 28
};

/* Reads -?digits[.digits][e[+-]digits], the whole of text; false on anything else and when the
 * number is out of range. */
bool xd_number_parse(xd_str text, xd_number *ret);
/* As the language writes numbers: plain up to 21 digits before the point and 6 zeros after it, else
 * with an exponent. With digits > 0 rounds to so many significant ones. text has XD_NUMBER_TEXT
 * bytes. */
xd_str xd_number_text(xd_number n, int digits, char *text);

/* The number in v, which is one but not infinite. */
xd_number xd_number_of(const xd_value *v);
/* A value of n, in the arena of the run when it is wide. */
XD_CHECKED xd_status xd_number_value(struct xd_run *run, xd_number n, xd_value *ret);

/* All false when the result is out of range (or the divisor zero). */
bool xd_number_add(xd_number a, xd_number b, xd_number *ret);
bool xd_number_mul(xd_number a, xd_number b, xd_number *ret);
bool xd_number_div(xd_number a, xd_number b, int digits, xd_number *ret);
bool xd_number_mod(xd_number a, xd_number b, xd_number *ret);
bool xd_number_power(xd_number base, xd_number exponent, xd_number *ret);
bool xd_number_sqrt(xd_number n, xd_number *ret);
int xd_number_cmp(xd_number a, xd_number b);
static inline xd_number xd_number_neg(xd_number n)
{
    n.coefficient = -n.coefficient;
    return n;
}
/* No trailing zeros in the coefficient; zero has exponent 0. */
xd_number xd_number_normal(xd_number n);
/* Rounds to digits after the point, which may be negative. */
xd_number xd_number_round(xd_number n, int64_t digits, xd_rounding mode);
xd_number xd_number_floor(xd_number n);
bool xd_number_is_whole(xd_number n);
/* Towards zero, held within int64. */
int64_t xd_number_int64(xd_number n);
/* False when it has more digits than a decimal holds. */
bool xd_number_decimal(xd_number n, xd_decimal *ret);
xd_number xd_number_from_decimal(xd_decimal d);

#endif
