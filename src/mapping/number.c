/* Decimal floating point of maps. See number.h. Owns nothing. Pure. */
#include "mapping/number.h"

#include "mapping/map_int.h"

__extension__ typedef unsigned __int128 uint128;

enum { MAX_DIGITS = 38 };

static uint128 power10(int n)
{
    uint128 p = 1;
    for (; n >= 16; n -= 16) {
        p *= UINT64_C(10000000000000000);
    }
    static const uint64_t small[] = {UINT64_C(1),
                                     UINT64_C(10),
                                     UINT64_C(100),
                                     UINT64_C(1000),
                                     UINT64_C(10000),
                                     UINT64_C(100000),
                                     UINT64_C(1000000),
                                     UINT64_C(10000000),
                                     UINT64_C(100000000),
                                     UINT64_C(1000000000),
                                     UINT64_C(10000000000),
                                     UINT64_C(100000000000),
                                     UINT64_C(1000000000000),
                                     UINT64_C(10000000000000),
                                     UINT64_C(100000000000000),
                                     UINT64_C(1000000000000000)};
    return p * small[n];
}

static uint128 magnitude(xd_int128 c)
{
    return c < 0 ? (uint128)0 - (uint128)c : (uint128)c;
}

static bool fits_int64(xd_int128 c)
{
    return c == (int64_t)c;
}

/* Decimal digits of m; 0 has none. */
static int digits_of(uint128 m)
{
    int n = 0;
    while (m >= UINT64_C(1000000000000000)) {
        m /= UINT64_C(1000000000000000);
        n += 15;
    }
    for (uint64_t rest = (uint64_t)m; rest; rest /= 10) {
        n++;
    }
    return n;
}

/* Drops n digits of m, rounding as mode says. sticky: something not zero was dropped before. */
static uint128 drop_digits(uint128 m, int64_t n, xd_rounding mode, bool sticky, bool *ret_inexact)
{
    if (n > MAX_DIGITS) {
        *ret_inexact = *ret_inexact || m != 0;
        return mode == XD_UP && (m != 0 || sticky) ? 1 : 0;
    }
    uint128 unit = power10((int)n);
    uint128 kept = m / unit;
    uint128 rest = m % unit;
    if (rest == 0 && !sticky) {
        return kept;
    }
    *ret_inexact = true;
    uint128 half = unit / 2;
    bool above = rest > half || (rest == half && sticky);
    bool tie = rest == half && !sticky && unit > 1;
    bool up = mode == XD_UP || (mode == XD_HALF_EVEN && (above || (tie && (kept & 1)))) ||
              (mode == XD_HALF_AWAY && (above || tie));
    return kept + (up ? 1 : 0);
}

/* Puts together what an operation gave, within 38 digits and the range. */
static bool settle(uint128 m, bool negative, int64_t exponent, bool inexact, xd_number *ret)
{
    int digits = m > UINT64_MAX ? digits_of(m) : 19;
    if (digits > MAX_DIGITS) {
        m = drop_digits(m, digits - MAX_DIGITS, XD_HALF_EVEN, false, &inexact);
        exponent += digits - MAX_DIGITS;
        digits = MAX_DIGITS;
    }
    if (m == 0) {
        *ret = (xd_number){.inexact = inexact};
        return true;
    }
    if (exponent + digits - 1 > XD_NUMBER_MAX_EXPONENT || exponent < XD_NUMBER_MIN_EXPONENT) {
        digits = digits_of(m);
        if (exponent + digits - 1 > XD_NUMBER_MAX_EXPONENT) {
            return false;
        }
        if (exponent < XD_NUMBER_MIN_EXPONENT) {
            m = drop_digits(m, XD_NUMBER_MIN_EXPONENT - exponent, XD_HALF_EVEN, false, &inexact);
            exponent = m ? XD_NUMBER_MIN_EXPONENT : 0;
        }
    }
    ret->coefficient = negative ? -(xd_int128)m : (xd_int128)m;
    ret->exponent = (int32_t)exponent;
    ret->inexact = inexact;
    return true;
}

/* --- texts --- */

/* The exponent after e, held within a range that no text needs to pass. */
static bool parse_exponent(const char *p, const char *end, int64_t *ret)
{
    bool negative = p < end && *p == '-';
    p += p < end && (*p == '-' || *p == '+');
    if (p == end) {
        return false;
    }
    int64_t value = 0;
    for (; p < end; p++) {
        if (*p < '0' || *p > '9') {
            return false;
        }
        value = value < 100000000 ? value * 10 + (*p - '0') : value;
    }
    *ret = negative ? -value : value;
    return true;
}

bool xd_number_parse(xd_str text, xd_number *ret)
{
    const char *p = text.ptr;
    const char *end = p + text.len;
    bool negative = p < end && *p == '-';
    p += negative;
    const char *first = p;
    uint64_t small = 0;
    uint128 m = 0;
    int digits = 0; /* kept */
    int64_t exponent = 0;
    bool point = false;
    bool inexact = false;
    for (; p < end; p++) {
        unsigned digit = (unsigned)(unsigned char)*p - '0';
        if (digit > 9) {
            if (*p != '.' || point || p == first) {
                break;
            }
            point = true;
            continue;
        }
        if (digits < 18) {
            small = small * 10 + digit;
            digits += small != 0;
            exponent -= point;
        } else if (digits < MAX_DIGITS) {
            m = (digits == 18 ? small : m) * 10 + digit;
            digits++;
            exponent -= point;
        } else {
            inexact = inexact || digit != 0;
            exponent += !point;
        }
    }
    if (p == first || p[-1] == '.') {
        return false;
    }
    if (p < end) {
        int64_t given;
        if ((*p != 'e' && *p != 'E') || !parse_exponent(p + 1, end, &given)) {
            return false;
        }
        exponent += given;
    }
    if (digits <= 18) {
        m = small;
        if (exponent <= 0 && exponent > -30) { /* nearly all numbers end here */
            ret->coefficient = negative ? -(int64_t)small : (int64_t)small;
            ret->exponent = (int32_t)exponent;
            ret->inexact = false;
            return true;
        }
    }
    return settle(m, negative, exponent, inexact, ret);
}

static char *put_digits(uint128 m, char *end)
{
    while (m > UINT64_MAX) {
        *--end = (char)('0' + (int)(m % 10));
        m /= 10;
    }
    uint64_t rest = (uint64_t)m;
    do {
        *--end = (char)('0' + (int)(rest % 10));
        rest /= 10;
    } while (rest);
    return end;
}

xd_number xd_number_normal(xd_number n)
{
    if (n.coefficient == 0) {
        return (xd_number){.inexact = n.inexact};
    }
    while (!fits_int64(n.coefficient) && n.coefficient % 10 == 0) {
        n.coefficient /= 10;
        n.exponent++;
    }
    if (fits_int64(n.coefficient)) {
        int64_t c = (int64_t)n.coefficient;
        while (c % 10 == 0) {
            c /= 10;
            n.exponent++;
        }
        n.coefficient = c;
    }
    return n;
}

xd_str xd_number_text(xd_number n, int digits, char *text)
{
    if (digits > 0) {
        int have = digits_of(magnitude(n.coefficient));
        if (have > digits) {
            n = xd_number_round(n, digits - have - (int64_t)n.exponent, XD_HALF_EVEN);
        }
    }
    n = xd_number_normal(n);
    char buffer[48];
    char *end = buffer + sizeof buffer;
    char *first = put_digits(magnitude(n.coefficient), end);
    int count = (int)(end - first);
    int point = count + n.exponent; /* digits before the point */
    char *out = text;
    if (n.coefficient < 0) {
        *out++ = '-';
    }
    if (point > 21 || point < -5) {
        *out++ = *first++;
        if (count > 1) {
            *out++ = '.';
            memcpy(out, first, (size_t)(end - first));
            out += end - first;
        }
        *out++ = 'e';
        *out++ = point > 0 ? '+' : '-';
        char *exponent = put_digits((uint128)(point > 0 ? point - 1 : 1 - point), end);
        memcpy(out, exponent, (size_t)(end - exponent));
        out += end - exponent;
        return (xd_str){text, (size_t)(out - text)};
    }
    if (point <= 0) {
        *out++ = '0';
        *out++ = '.';
        for (; point < 0; point++) {
            *out++ = '0';
        }
        memcpy(out, first, (size_t)count);
        out += count;
    } else {
        int whole = point < count ? point : count;
        memcpy(out, first, (size_t)whole);
        out += whole;
        for (int i = count; i < point; i++) {
            *out++ = '0';
        }
        if (count > point) {
            *out++ = '.';
            memcpy(out, first + point, (size_t)(count - point));
            out += count - point;
        }
    }
    return (xd_str){text, (size_t)(out - text)};
}

/* --- values --- */

xd_number xd_number_of(const xd_value *v)
{
    xd_number n = {0};
    if (v->type == XD_V_SMALL) {
        n.coefficient = (int64_t)v->text.len;
        n.exponent = (int32_t)v->count;
    } else if (v->type == XD_V_WIDE) {
        memcpy(&n, v->text.ptr, sizeof n);
    } else if (!xd_number_parse(v->text, &n)) {
        /* Beyond the range: as far out as a number goes, and marked as not exact. */
        n = (xd_number){.coefficient = v->text.ptr[0] == '-' ? -9 : 9,
                        .exponent = XD_NUMBER_MAX_EXPONENT,
                        .inexact = true};
    }
    return n;
}

xd_status xd_number_value(struct xd_run *run, xd_number n, xd_value *ret)
{
    if (!fits_int64(n.coefficient)) {
        n = xd_number_normal(n);
    }
    if (fits_int64(n.coefficient) && !n.inexact) {
        *ret = (xd_value){.type = XD_V_SMALL,
                          .count = (uint32_t)n.exponent,
                          .text = {NULL, (size_t)(int64_t)n.coefficient}};
        return XD_OK;
    }
    xd_number *wide = xd_arena_alloc(run->arena, sizeof *wide);
    if (!wide) {
        return xd_run_no_memory(run);
    }
    *wide = n;
    *ret = (xd_value){.type = XD_V_WIDE, .text = {(const char *)(const void *)wide, 0}};
    return XD_OK;
}

/* --- arithmetic --- */

bool xd_number_add(xd_number a, xd_number b, xd_number *ret)
{
    bool inexact = a.inexact || b.inexact;
    if (a.exponent == b.exponent && fits_int64(a.coefficient) && fits_int64(b.coefficient)) {
        *ret = (xd_number){a.coefficient + b.coefficient, a.exponent, inexact};
        return true;
    }
    if (a.coefficient == 0 || b.coefficient == 0) {
        *ret = a.coefficient == 0 ? b : a;
        ret->inexact = inexact;
        return true;
    }
    if (a.exponent < b.exponent) {
        xd_number swap = a;
        a = b;
        b = swap;
    }
    /* a has the greater exponent: give it digits, then take from b what still lies below. */
    uint128 x = magnitude(a.coefficient);
    int room = MAX_DIGITS - 1 - digits_of(x);
    int64_t shift = (int64_t)a.exponent - b.exponent;
    int64_t up = shift < room ? shift : (room > 0 ? room : 0);
    x *= power10((int)up);
    uint128 y = magnitude(b.coefficient);
    int64_t exponent = a.exponent - up;
    if (exponent > b.exponent) {
        y = drop_digits(y, exponent - b.exponent, XD_HALF_EVEN, false, &inexact);
    }
    bool negative = a.coefficient < 0;
    if (negative == (b.coefficient < 0)) {
        return settle(x + y, negative, exponent, inexact, ret);
    }
    return x >= y ? settle(x - y, negative, exponent, inexact, ret)
                  : settle(y - x, !negative, exponent, inexact, ret);
}

bool xd_number_mul(xd_number a, xd_number b, xd_number *ret)
{
    bool inexact = a.inexact || b.inexact;
    bool negative = (a.coefficient < 0) != (b.coefficient < 0);
    int64_t exponent = (int64_t)a.exponent + b.exponent;
    if (fits_int64(a.coefficient) && fits_int64(b.coefficient)) {
        return settle(magnitude(a.coefficient) * magnitude(b.coefficient), negative, exponent,
                      inexact, ret);
    }
    int excess =
        digits_of(magnitude(a.coefficient)) + digits_of(magnitude(b.coefficient)) - MAX_DIGITS;
    excess = excess > 0 ? excess : 0;
    /* The product at scale 0 of decimals whose scales add up to what must go. */
    int first = excess / 2;
    xd_decimal product;
    xd_decimal x = {a.coefficient, first};
    xd_decimal y = {b.coefficient, excess - first};
    if (xd_decimal_mul_round(x, y, 0, XD_HALF_EVEN, &product) != XD_OK) {
        return false;
    }
    return settle(magnitude(product.coefficient), product.coefficient < 0, exponent + excess,
                  inexact || excess > 0, ret);
}

bool xd_number_div(xd_number a, xd_number b, int digits, xd_number *ret)
{
    bool inexact = a.inexact || b.inexact;
    if (b.coefficient == 0) {
        return false;
    }
    bool negative = (a.coefficient < 0) != (b.coefficient < 0);
    uint128 x = magnitude(a.coefficient);
    uint128 y = magnitude(b.coefficient);
    int64_t exponent = (int64_t)a.exponent - b.exponent;
    if (x % y == 0) {
        return settle(x / y, negative, exponent, inexact, ret);
    }
    const uint128 billion = 1000000000;
    if (x <= UINT64_MAX && x * billion % y == 0) {
        return settle(x * billion / y, negative, exponent - 9, inexact, ret);
    }
    int shift = digits - (digits_of(x) - digits_of(y));
    for (;; shift--) {
        int scale = shift < MAX_DIGITS ? (shift > 0 ? shift : 0) : MAX_DIGITS;
        xd_decimal dividend = {a.coefficient, shift < 0 ? -shift : 0};
        xd_decimal divisor = {b.coefficient, shift > MAX_DIGITS ? shift - MAX_DIGITS : 0};
        xd_decimal quotient;
        if (xd_decimal_div(dividend, divisor, scale, XD_HALF_EVEN, &quotient) != XD_OK) {
            return false;
        }
        uint128 q = magnitude(quotient.coefficient);
        if (digits_of(q) > digits) {
            continue;
        }
        /* It came out even when the product of quotient and divisor says so. */
        xd_number back;
        xd_number whole = xd_number_normal((xd_number){quotient.coefficient, 0, false});
        bool even = digits_of(magnitude(whole.coefficient)) + digits_of(y) <= MAX_DIGITS &&
                    xd_number_mul(whole, (xd_number){b.coefficient, -shift, false}, &back) &&
                    xd_number_cmp(back, (xd_number){a.coefficient, 0, false}) == 0;
        return settle(q, negative, exponent - shift, inexact || !even, ret);
    }
}

bool xd_number_mod(xd_number a, xd_number b, xd_number *ret)
{
    if (b.coefficient == 0) {
        return false;
    }
    bool negative = a.coefficient < 0;
    bool inexact = a.inexact || b.inexact;
    a = xd_number_normal(a);
    b = xd_number_normal(b);
    uint128 x = magnitude(a.coefficient);
    uint128 y = magnitude(b.coefficient);
    if (a.exponent < b.exponent) {
        int64_t shift = (int64_t)b.exponent - a.exponent;
        if (shift + digits_of(y) > MAX_DIGITS) {
            *ret = a; /* the divisor is greater */
            return true;
        }
        y *= power10((int)shift);
        return settle(x % y, negative, a.exponent, inexact, ret);
    }
    if (digits_of(y) >= MAX_DIGITS) {
        return false;
    }
    x %= y;
    for (int32_t i = b.exponent; i < a.exponent && x; i++) {
        x = x * 10 % y;
    }
    return settle(x, negative, b.exponent, inexact, ret);
}

int xd_number_cmp(xd_number a, xd_number b)
{
    int sign = (a.coefficient > 0) - (a.coefficient < 0);
    int other = (b.coefficient > 0) - (b.coefficient < 0);
    if (sign != other || sign == 0) {
        return sign - other;
    }
    if (a.exponent == b.exponent) {
        return (a.coefficient > b.coefficient) - (a.coefficient < b.coefficient);
    }
    a = xd_number_normal(a);
    b = xd_number_normal(b);
    uint128 x = magnitude(a.coefficient);
    uint128 y = magnitude(b.coefficient);
    int64_t first = digits_of(x) + (int64_t)a.exponent;
    int64_t second = digits_of(y) + (int64_t)b.exponent;
    if (first != second) {
        return first > second ? sign : -sign;
    }
    /* Equal magnitudes: the one with the greater exponent has fewer digits, so this fits. */
    if (a.exponent > b.exponent) {
        x *= power10(a.exponent - b.exponent);
    } else {
        y *= power10(b.exponent - a.exponent);
    }
    return x == y ? 0 : (x > y ? sign : -sign);
}

xd_number xd_number_round(xd_number n, int64_t digits, xd_rounding mode)
{
    int64_t drop = -digits - (int64_t)n.exponent;
    if (drop <= 0 || n.coefficient == 0) {
        return n;
    }
    bool inexact = false;
    uint128 m = drop_digits(magnitude(n.coefficient), drop, mode, false, &inexact);
    xd_number r = {.inexact = false};
    (void)settle(m, n.coefficient < 0, n.exponent + drop, false, &r);
    return r;
}

xd_number xd_number_floor(xd_number n)
{
    return xd_number_round(n, 0, n.coefficient < 0 ? XD_UP : XD_DOWN);
}

bool xd_number_is_whole(xd_number n)
{
    return n.exponent >= 0 || xd_number_normal(n).exponent >= 0;
}

int64_t xd_number_int64(xd_number n)
{
    n = xd_number_normal(xd_number_round(n, 0, XD_DOWN));
    int digits = digits_of(magnitude(n.coefficient)) + n.exponent;
    if (digits > 18) {
        return n.coefficient < 0 ? -INT64_C(1000000000000000000) : INT64_C(1000000000000000000);
    }
    return (int64_t)(n.coefficient * (xd_int128)power10(n.exponent > 0 ? n.exponent : 0));
}

bool xd_number_decimal(xd_number n, xd_decimal *ret)
{
    if (n.exponent > 0 || n.exponent < -XD_DECIMAL_MAX_SCALE) {
        n = xd_number_normal(n);
    }
    if (n.exponent < -XD_DECIMAL_MAX_SCALE) {
        n = xd_number_round(n, XD_DECIMAL_MAX_SCALE, XD_HALF_EVEN);
    }
    if (n.exponent > 0) {
        if (digits_of(magnitude(n.coefficient)) + n.exponent > MAX_DIGITS) {
            return false;
        }
        n.coefficient *= (xd_int128)power10(n.exponent);
        n.exponent = 0;
    }
    *ret = (xd_decimal){n.coefficient, -n.exponent};
    return true;
}

xd_number xd_number_from_decimal(xd_decimal d)
{
    return (xd_number){d.coefficient, -d.scale, false};
}

/* --- roots and powers --- */

enum { WORK_DIGITS = 36 };

bool xd_number_sqrt(xd_number n, xd_number *ret)
{
    if (n.coefficient <= 0) {
        *ret = (xd_number){0};
        return n.coefficient == 0;
    }
    n = xd_number_normal(n);
    /* Newton's way from a guess of the right size; each round doubles the digits that hold. */
    int digits = digits_of(magnitude(n.coefficient)) + n.exponent;
    xd_number x = {3, digits / 2, false};
    const xd_number half = {5, -1, false};
    for (int i = 0; i < 12; i++) {
        xd_number q;
        if (!xd_number_div(n, x, WORK_DIGITS, &q) || !xd_number_add(x, q, &q) ||
            !xd_number_mul(q, half, &x)) {
            return false;
        }
    }
    int have = digits_of(magnitude(x.coefficient));
    x = xd_number_round(x, XD_QUOTIENT_DIGITS - have - (int64_t)x.exponent, XD_HALF_EVEN);
    x = xd_number_normal(x);
    xd_number square;
    x.inexact = !xd_number_mul(x, x, &square) || xd_number_cmp(square, n) != 0 || n.inexact;
    *ret = x;
    return true;
}

/* Natural logarithm of n > 0: roots bring it near 1, a series does the rest. */
static bool logarithm(xd_number n, xd_number *ret)
{
    const xd_number one = {1, 0, false};
    int64_t factor = 2;
    xd_number bound = {11, -1, false};
    xd_number least = {9, -1, false};
    while (xd_number_cmp(n, bound) > 0 || xd_number_cmp(n, least) < 0) {
        xd_number x = n;
        /* A root that keeps all the digits there are. */
        xd_number guess;
        if (!xd_number_sqrt(n, &guess) || !xd_number_div(x, guess, WORK_DIGITS, &x) ||
            !xd_number_add(x, guess, &x) || !xd_number_mul(x, (xd_number){5, -1, false}, &n)) {
            return false;
        }
        factor *= 2;
    }
    xd_number up;
    xd_number down;
    xd_number t;
    if (!xd_number_add(n, xd_number_neg(one), &up) || !xd_number_add(n, one, &down) ||
        !xd_number_div(up, down, WORK_DIGITS, &t)) {
        return false;
    }
    xd_number square;
    xd_number term = t;
    xd_number sum = t;
    bool fine = xd_number_mul(t, t, &square);
    for (int64_t k = 3; fine && k < 40; k += 2) {
        xd_number part;
        fine = xd_number_mul(term, square, &term) &&
               xd_number_div(term, (xd_number){k, 0, false}, WORK_DIGITS, &part) &&
               xd_number_add(sum, part, &sum);
    }
    return fine && xd_number_mul(sum, (xd_number){factor, 0, false}, ret);
}

/* e to the n: halved until small, then squared as often. */
static bool exponential(xd_number n, xd_number *ret)
{
    int halvings = 0;
    const xd_number bound = {1, -1, false};
    xd_number size = n.coefficient < 0 ? xd_number_neg(n) : n;
    while (xd_number_cmp(size, bound) > 0) {
        if (!xd_number_mul(size, (xd_number){5, -1, false}, &size) || ++halvings > 60) {
            return false;
        }
    }
    xd_number x = n.coefficient < 0 ? xd_number_neg(size) : size;
    xd_number sum = {1, 0, true};
    xd_number term = {1, 0, false};
    bool fine = true;
    for (int64_t k = 1; fine && k < 30; k++) {
        fine = xd_number_mul(term, x, &term) &&
               xd_number_div(term, (xd_number){k, 0, false}, WORK_DIGITS, &term) &&
               xd_number_add(sum, term, &sum);
    }
    for (; fine && halvings > 0; halvings--) {
        fine = xd_number_mul(sum, sum, &sum);
    }
    *ret = sum;
    return fine;
}

static bool whole_power(xd_number base, int64_t exponent, xd_number *ret)
{
    xd_number result = {1, 0, base.inexact};
    uint64_t left = (uint64_t)(exponent < 0 ? -exponent : exponent);
    base = xd_number_normal(base);
    while (left) {
        if ((left & 1) && !xd_number_mul(result, base, &result)) {
            return false;
        }
        left >>= 1;
        if (left && !xd_number_mul(base, base, &base)) {
            return false;
        }
    }
    if (exponent < 0) {
        return xd_number_div((xd_number){1, 0, false}, result, XD_QUOTIENT_DIGITS, ret);
    }
    *ret = result;
    return true;
}

bool xd_number_power(xd_number base, xd_number exponent, xd_number *ret)
{
    if (xd_number_is_whole(exponent)) {
        int64_t n = xd_number_int64(exponent);
        if (base.coefficient == 0 && n > 0) {
            *ret = (xd_number){0};
            return true;
        }
        return whole_power(base, n, ret);
    }
    if (base.coefficient <= 0) {
        *ret = (xd_number){0};
        return base.coefficient == 0 && exponent.coefficient > 0;
    }
    if (xd_number_cmp(exponent, (xd_number){5, -1, false}) == 0) {
        return xd_number_sqrt(base, ret);
    }
    xd_number x;
    if (!logarithm(base, &x) || !xd_number_mul(x, exponent, &x) || !exponential(x, &x)) {
        return false;
    }
    int have = digits_of(magnitude(x.coefficient));
    x = xd_number_round(x, XD_QUOTIENT_DIGITS - have - (int64_t)x.exponent, XD_HALF_EVEN);
    x.inexact = true;
    *ret = x;
    return true;
}
