/* Exact numbers of any size, as JSON gives them: compared, and asked whether one is a multiple of
 * the other, without ever being rounded. Private to src/schema. Owns nothing; pure. */
#ifndef XD_SCHEMA_NUMBER_H
#define XD_SCHEMA_NUMBER_H

#include "base/str.h"

/* Significant digits d1 d2 ... dn stand for 0.d1d2...dn times 10 to the power of point. */
typedef struct xd_schema_number {
    const char *digits; /* borrows from the lexeme; from the first to the last that is not zero */
    size_t span;        /* bytes from the first digit to the last; a point may be among them */
    size_t count;       /* digits; 0 for zero */
    int64_t point;
    bool negative;
} xd_schema_number;

enum { XD_SCHEMA_NUMBER_MAX_DIVISOR_DIGITS = 37 };

/* Reads a JSON number. False when its exponent is beyond 10^12: such a number is not compared. */
bool xd_schema_number_read(xd_str lexeme, xd_schema_number *ret);
/* True when the lexeme is a plain integer of at most 18 digits. */
bool xd_schema_number_small(xd_str lexeme, int64_t *ret);
int xd_schema_number_cmp(const xd_schema_number *a, const xd_schema_number *b);
bool xd_schema_number_equal(xd_str a, xd_str b);
/* Whether a number without fraction, such as 1, 1.0 or 1e2; of any exponent. */
bool xd_schema_number_is_integer(xd_str lexeme);
/* Whether value is divisor times an integer. divisor is above zero and has at most
 * XD_SCHEMA_NUMBER_MAX_DIVISOR_DIGITS significant digits. */
bool xd_schema_number_is_multiple(const xd_schema_number *value, const xd_schema_number *divisor);
/* Equal numbers have equal hashes. */
uint64_t xd_schema_number_hash(xd_str lexeme);

#endif
