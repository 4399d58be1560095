/* Exact decimals, currencies and money. See decimal.h.
 *
 * Every operation has two ways: a short one in 64- and 128-bit machine arithmetic that nearly all
 * trade figures take, and one general way over wide integers that is exact for everything
 * representable. The short way is taken only where it provably gives the same answer.
 * Owns nothing; calls buf and status only. Pure. */
#include "base/decimal.h"

#include <assert.h>

__extension__ typedef unsigned __int128 uint128;

enum { MAX_DIGITS = 38 };

#define E18 UINT64_C(1000000000000000000)
#define E19 UINT64_C(10000000000000000000)
#define POWERS_1_TO_18(f)                                                                          \
    f UINT64_C(10), f UINT64_C(100), f UINT64_C(1000), f UINT64_C(10000), f UINT64_C(100000),      \
        f UINT64_C(1000000), f UINT64_C(10000000), f UINT64_C(100000000), f UINT64_C(1000000000),  \
        f UINT64_C(10000000000), f UINT64_C(100000000000), f UINT64_C(1000000000000),              \
        f UINT64_C(10000000000000), f UINT64_C(100000000000000), f UINT64_C(1000000000000000),     \
        f UINT64_C(10000000000000000), f UINT64_C(100000000000000000), f E18

static const uint128 power10[MAX_DIGITS + 1] = {
    1, POWERS_1_TO_18(), E19, POWERS_1_TO_18((uint128)E19 *), (uint128)E19 *E19,
};

/* ---- magnitudes ---- */

static inline uint128 magnitude(xd_int128 value)
{
    return value < 0 ? -(uint128)value : (uint128)value;
}

static inline bool fits_int64(xd_int128 value)
{
    return value == (int64_t)value;
}

static inline int bit_length(uint128 value)
{
    uint64_t high = (uint64_t)(value >> 64);
    uint64_t low = (uint64_t)value;
    if (high) {
        return 128 - __builtin_clzll(high);
    }
    return low ? 64 - __builtin_clzll(low) : 0;
}

/* value x 10^digits into *ret when the bit lengths prove that it stays below 2^127. */
static inline bool scale_up(uint128 value, int32_t digits, uint128 *ret)
{
    if (digits > MAX_DIGITS || bit_length(value) + bit_length(power10[digits]) > 127) {
        return false;
    }
    *ret = value * power10[digits];
    return true;
}

/* Writes the answer when it is representable. */
static inline xd_status settle(uint128 value, bool negative, int32_t scale, xd_decimal *ret)
{
    if (value >= power10[MAX_DIGITS]) {
        return XD_OVERFLOW;
    }
    *ret = (xd_decimal){negative ? -(xd_int128)value : (xd_int128)value, scale};
    return XD_OK;
}

/* ---- wide integers ---- */

/* 544 bits: the largest number formed is a x b x 10^76 in a ratio, below 10^152 < 2^506, and
 * division shifts it by less than one limb. */
enum { WIDE_LIMBS = 17 };

typedef struct wide {
    int count;                 /* limbs in use, none of them leading zeros */
    uint32_t limb[WIDE_LIMBS]; /* least significant first; those past count are not set */
} wide;

static void wide_trim(wide *w)
{
    while (w->count > 0 && w->limb[w->count - 1] == 0) {
        w->count--;
    }
}

static wide wide_of(uint128 value)
{
    wide w = {.count = 4};
    for (int i = 0; i < 4; i++) {
        w.limb[i] = (uint32_t)(value >> (32 * i));
    }
    wide_trim(&w);
    return w;
}

static wide wide_mul(const wide *a, const wide *b)
{
    wide w = {.count = a->count + b->count};
    assert(w.count <= WIDE_LIMBS);
    memset(w.limb, 0, sizeof w.limb);
    for (int i = 0; i < a->count; i++) {
        uint64_t carry = 0;
        for (int j = 0; j < b->count; j++) {
            carry += (uint64_t)a->limb[i] * b->limb[j] + w.limb[i + j];
            w.limb[i + j] = (uint32_t)carry;
            carry >>= 32;
        }
        w.limb[i + b->count] = (uint32_t)carry;
    }
    wide_trim(&w);
    return w;
}

static wide wide_scale_up(wide w, int32_t digits)
{
    while (digits > 0) {
        int32_t step = digits < MAX_DIGITS ? digits : MAX_DIGITS;
        wide power = wide_of(power10[step]);
        w = wide_mul(&w, &power);
        digits -= step;
    }
    return w;
}

static int wide_cmp(const wide *a, const wide *b)
{
    if (a->count != b->count) {
        return a->count < b->count ? -1 : 1;
    }
    for (int i = a->count - 1; i >= 0; i--) {
        if (a->limb[i] != b->limb[i]) {
            return a->limb[i] < b->limb[i] ? -1 : 1;
        }
    }
    return 0;
}

static wide wide_add(const wide *a, const wide *b)
{
    const wide *longer = a->count >= b->count ? a : b;
    const wide *shorter = longer == a ? b : a;
    wide w = *longer;
    uint64_t carry = 0;
    for (int i = 0; i < longer->count; i++) {
        carry += (uint64_t)longer->limb[i] + (i < shorter->count ? shorter->limb[i] : 0);
        w.limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry) {
        assert(w.count < WIDE_LIMBS);
        w.limb[w.count++] = (uint32_t)carry;
    }
    return w;
}

/* a - b, where a >= b. */
static wide wide_sub(const wide *a, const wide *b)
{
    wide w = *a;
    int64_t borrow = 0;
    for (int i = 0; i < a->count; i++) {
        borrow += (int64_t)a->limb[i] - (i < b->count ? b->limb[i] : 0);
        w.limb[i] = (uint32_t)borrow;
        borrow >>= 32;
    }
    assert(borrow == 0);
    wide_trim(&w);
    return w;
}

/* Divides *w by a divisor of one limb and returns the remainder. */
static uint32_t wide_div_small(wide *w, uint32_t divisor)
{
    uint64_t rest = 0;
    for (int i = w->count - 1; i >= 0; i--) {
        rest = rest << 32 | w->limb[i];
        w->limb[i] = (uint32_t)(rest / divisor);
        rest %= divisor;
    }
    wide_trim(w);
    return (uint32_t)rest;
}

/* w << bits with exactly count limbs; bits is below 32. */
static wide wide_shift_left(const wide *w, int bits, int count)
{
    wide shifted = {.count = count};
    assert(count <= WIDE_LIMBS);
    uint64_t carry = 0;
    for (int i = 0; i < count; i++) {
        carry |= (i < w->count ? (uint64_t)w->limb[i] : 0) << bits;
        shifted.limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    return shifted;
}

/* One digit of the quotient in Knuth's algorithm D: u, whose limbs j.. hold the running remainder,
 * loses q x v, and q is returned. v is normalised (its top bit is set). */
static uint32_t wide_div_step(wide *u, const wide *v, int j)
{
    int n = v->count;
    uint64_t top = (uint64_t)u->limb[j + n] << 32 | u->limb[j + n - 1];
    uint64_t q = top / v->limb[n - 1];
    uint64_t rest = top % v->limb[n - 1];
    while (q >> 32 || q * v->limb[n - 2] > (rest << 32 | u->limb[j + n - 2])) {
        q--;
        rest += v->limb[n - 1];
        if (rest >> 32) {
            break;
        }
    }
    int64_t borrow = 0;
    uint64_t carry = 0;
    for (int i = 0; i < n; i++) {
        carry += q * v->limb[i];
        borrow += (int64_t)u->limb[i + j] - (int64_t)(carry & UINT32_MAX);
        u->limb[i + j] = (uint32_t)borrow;
        borrow >>= 32;
        carry >>= 32;
    }
    borrow += (int64_t)u->limb[j + n] - (int64_t)carry;
    u->limb[j + n] = (uint32_t)borrow;
    if (borrow < 0) { /* q was one too large: happens about twice in 2^32 */
        q--;
        carry = 0;
        for (int i = 0; i < n; i++) {
            carry += (uint64_t)u->limb[i + j] + v->limb[i];
            u->limb[i + j] = (uint32_t)carry;
            carry >>= 32;
        }
        u->limb[j + n] += (uint32_t)carry;
    }
    return (uint32_t)q;
}

/* *ret_quotient = a / b; returns where twice the remainder stands against b (<0, 0, >0), which is
 * all that rounding needs, and whether the remainder is not zero in *ret_inexact.
 * Knuth, The Art of Computer Programming, volume 2, 4.3.1, algorithm D. */
static int wide_div(const wide *a, const wide *b, wide *ret_quotient, bool *ret_inexact)
{
    assert(b->count > 0);
    wide quotient = {.count = 0};
    wide rest = *a;
    if (b->count == 1) {
        quotient = *a;
        rest = wide_of(wide_div_small(&quotient, b->limb[0]));
    } else if (wide_cmp(a, b) >= 0) {
        int shift = __builtin_clz(b->limb[b->count - 1]);
        wide u = wide_shift_left(a, shift, a->count + 1);
        wide v = wide_shift_left(b, shift, b->count);
        quotient.count = a->count - b->count + 1;
        for (int j = quotient.count - 1; j >= 0; j--) {
            quotient.limb[j] = wide_div_step(&u, &v, j);
        }
        wide_trim(&quotient);
        wide_trim(&u);
        /* Remainder and divisor stay shifted alike, so they compare as if they were not. */
        *ret_quotient = quotient;
        *ret_inexact = u.count > 0;
        wide twice = wide_add(&u, &u);
        return wide_cmp(&twice, &v);
    }
    *ret_quotient = quotient;
    *ret_inexact = rest.count > 0;
    wide twice = wide_add(&rest, &rest);
    return wide_cmp(&twice, b);
}

/* The value when it is below 2^128. */
static bool wide_narrow(const wide *w, uint128 *ret)
{
    if (w->count > 4) {
        return false;
    }
    uint128 value = 0;
    for (int i = w->count - 1; i >= 0; i--) {
        value = value << 32 | w->limb[i];
    }
    *ret = value;
    return true;
}

/* Writes an exact result, dropping trailing fractional zeros only as far as needed to fit. */
static xd_status wide_settle(wide w, bool negative, int32_t scale, xd_decimal *ret)
{
    for (;;) {
        uint128 value;
        if (scale <= XD_DECIMAL_MAX_SCALE && wide_narrow(&w, &value) &&
            value < power10[MAX_DIGITS]) {
            return settle(value, negative, scale, ret);
        }
        if (scale == 0 || wide_div_small(&w, 10) != 0) {
            return XD_OVERFLOW;
        }
        scale--;
    }
}

/* ---- reading ---- */

/* The parts of a number's text, found before any arithmetic. */
typedef struct lexeme {
    xd_str whole;
    xd_str fraction;
    int64_t exponent; /* saturated far outside what can matter */
} lexeme;

static xd_str take_digits(const char **p, const char *end)
{
    const char *start = *p;
    while (*p < end && (unsigned)(unsigned char)**p - '0' <= 9) {
        ++*p;
    }
    return (xd_str){start, (size_t)(*p - start)};
}

/* Splits digits[.digits][e[+-]digits]; false when the text is anything else. */
static bool split_lexeme(const char *p, const char *end, lexeme *ret)
{
    lexeme parts = {.exponent = 0};
    parts.whole = take_digits(&p, end);
    if (parts.whole.len == 0) {
        return false;
    }
    if (p < end && *p == '.') {
        p++;
        parts.fraction = take_digits(&p, end);
        if (parts.fraction.len == 0) {
            return false;
        }
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        bool negative = p < end && *p == '-';
        if (p < end && (*p == '-' || *p == '+')) {
            p++;
        }
        xd_str digits = take_digits(&p, end);
        if (digits.len == 0) {
            return false;
        }
        /* Larger than any text's length, so that no run of zeros can bring it back into range. */
        const int64_t limit = INT64_C(1) << 56;
        for (size_t i = 0; i < digits.len && parts.exponent < limit; i++) {
            parts.exponent = parts.exponent * 10 + (digits.ptr[i] - '0');
        }
        if (negative) {
            parts.exponent = -parts.exponent;
        }
    }
    if (p != end) {
        return false;
    }
    *ret = parts;
    return true;
}

/* Digit i of whole and fraction together. */
static inline char digit_at(const lexeme *parts, size_t i)
{
    return i < parts->whole.len ? parts->whole.ptr[i] : parts->fraction.ptr[i - parts->whole.len];
}

static xd_status parse_any(const char *p, const char *end, bool negative, xd_str text,
                           xd_decimal *ret, xd_fault *fault)
{
    lexeme parts;
    if (!split_lexeme(p, end, &parts)) {
        return xd_fail(fault, XD_INVALID, "decimal.syntax",
                       "'%.*s' is not a decimal number; write digits with an optional point, "
                       "such as 12.50",
                       text.len < 40 ? (int)text.len : 40, text.len ? text.ptr : "");
    }
    size_t first = 0;
    size_t last = parts.whole.len + parts.fraction.len; /* one past the last digit kept */
    int64_t scale = (int64_t)parts.fraction.len - parts.exponent;
    while (first < last && digit_at(&parts, first) == '0') {
        first++;
    }
    if (first == last) {
        int64_t kept = scale < 0 ? 0 : scale > MAX_DIGITS ? MAX_DIGITS : scale;
        *ret = (xd_decimal){0, (int32_t)kept};
        return XD_OK;
    }
    if (last - first > MAX_DIGITS || scale > XD_DECIMAL_MAX_SCALE) {
        while (scale > 0 && digit_at(&parts, last - 1) == '0') {
            last--;
            scale--;
        }
    }
    int64_t digits = (int64_t)(last - first) - (scale < 0 ? scale : 0);
    if (digits > MAX_DIGITS || scale > XD_DECIMAL_MAX_SCALE) {
        return xd_fail(fault, XD_OVERFLOW, "decimal.digits",
                       "'%.*s' has more than 38 significant digits or decimal places; "
                       "send it with fewer",
                       text.len < 48 ? (int)text.len : 48, text.ptr);
    }
    uint128 value = 0;
    for (size_t i = first; i < last; i++) {
        value = value * 10 + (unsigned)(digit_at(&parts, i) - '0');
    }
    if (scale < 0) {
        value *= power10[-scale];
        scale = 0;
    }
    *ret = (xd_decimal){negative ? -(xd_int128)value : (xd_int128)value, (int32_t)scale};
    return XD_OK;
}

xd_status xd_decimal_parse(xd_str text, xd_decimal *ret, xd_fault *fault)
{
    const char *p = text.ptr;
    const char *end = p + text.len;
    bool negative = text.len > 0 && *p == '-';
    p += negative;
    /* Up to 19 characters of digits and point fit 64 bits and need no care. */
    if (end - p <= 19 && p < end) {
        const char *q = p;
        uint64_t value = 0;
        unsigned digit;
        while (q < end && (digit = (unsigned)(unsigned char)*q - '0') <= 9) {
            value = value * 10 + digit;
            q++;
        }
        int32_t scale = 0;
        if (q < end && *q == '.' && q > p && q + 1 < end) {
            const char *fraction = ++q;
            while (q < end && (digit = (unsigned)(unsigned char)*q - '0') <= 9) {
                value = value * 10 + digit;
                q++;
            }
            scale = (int32_t)(q - fraction);
        }
        if (q == end) {
            xd_int128 coefficient = (xd_int128)value;
            *ret = (xd_decimal){negative ? -coefficient : coefficient, scale};
            return XD_OK;
        }
    }
    return parse_any(p, end, negative, text, ret, fault);
}

/* ---- writing ---- */

/* Writes the digits of value so that they end at end; returns where they start. */
static char *digits_before(char *end, uint64_t value)
{
    do {
        *--end = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    return end;
}

/* Formats into the bytes ending at end (XD_DECIMAL_MAX_TEXT of them are enough); returns the
 * start. */
static char *format_before(char *end, xd_decimal value)
{
    uint128 left = magnitude(value.coefficient);
    char *start = end;
    while (left > UINT64_MAX) { /* at most twice */
        uint128 rest = left / E19;
        char *low = digits_before(start, (uint64_t)(left - rest * E19));
        while (low > start - 19) {
            *--low = '0';
        }
        start = low;
        left = rest;
    }
    start = digits_before(start, (uint64_t)left);
    if (value.scale > 0) {
        char *point = end - value.scale;
        while (start >= point) {
            *--start = '0';
        }
        memmove(start - 1, start, (size_t)(point - start));
        start--;
        point[-1] = '.';
    }
    if (value.coefficient < 0) {
        *--start = '-';
    }
    return start;
}

void xd_decimal_write(xd_buf *buf, xd_decimal value)
{
    char text[XD_DECIMAL_MAX_TEXT];
    char *end = text + sizeof text;
    char *start = format_before(end, value);
    xd_buf_add(buf, start, (size_t)(end - start));
}

xd_str xd_decimal_text(xd_decimal value, char *text)
{
    char digits[XD_DECIMAL_MAX_TEXT];
    char *end = digits + sizeof digits;
    char *start = format_before(end, value);
    size_t len = (size_t)(end - start);
    memcpy(text, start, len);
    text[len] = '\0';
    return (xd_str){text, len};
}

/* ---- arithmetic ---- */

xd_decimal xd_decimal_normal(xd_decimal value)
{
    if (value.coefficient == 0) {
        return XD_ZERO;
    }
    while (value.scale > 0 && !fits_int64(value.coefficient) && value.coefficient % 10 == 0) {
        value.coefficient /= 10;
        value.scale--;
    }
    if (fits_int64(value.coefficient)) {
        int64_t small = (int64_t)value.coefficient;
        while (value.scale > 0 && small % 10 == 0) {
            small /= 10;
            value.scale--;
        }
        value.coefficient = small;
    }
    return value;
}

static xd_status add_wide(xd_decimal a, xd_decimal b, xd_decimal *ret)
{
    int32_t scale = a.scale > b.scale ? a.scale : b.scale;
    wide x = wide_scale_up(wide_of(magnitude(a.coefficient)), scale - a.scale);
    wide y = wide_scale_up(wide_of(magnitude(b.coefficient)), scale - b.scale);
    bool a_negative = a.coefficient < 0;
    bool b_negative = b.coefficient < 0;
    if (a_negative == b_negative) {
        return wide_settle(wide_add(&x, &y), a_negative, scale, ret);
    }
    if (wide_cmp(&x, &y) >= 0) {
        return wide_settle(wide_sub(&x, &y), a_negative, scale, ret);
    }
    return wide_settle(wide_sub(&y, &x), b_negative, scale, ret);
}

xd_status xd_decimal_add(xd_decimal a, xd_decimal b, xd_decimal *ret)
{
    if (fits_int64(a.coefficient) && fits_int64(b.coefficient)) {
        int32_t difference = a.scale - b.scale;
        if (difference == 0) {
            *ret = (xd_decimal){a.coefficient + b.coefficient, a.scale};
            return XD_OK;
        }
        /* 2^63 x 10^18 + 2^63 is below 10^38. */
        if (difference > 0 && difference <= 18) {
            *ret = (xd_decimal){a.coefficient + b.coefficient * (xd_int128)power10[difference],
                                a.scale};
            return XD_OK;
        }
        if (difference < 0 && difference >= -18) {
            *ret = (xd_decimal){a.coefficient * (xd_int128)power10[-difference] + b.coefficient,
                                b.scale};
            return XD_OK;
        }
    }
    return add_wide(a, b, ret);
}

xd_status xd_decimal_sub(xd_decimal a, xd_decimal b, xd_decimal *ret)
{
    return xd_decimal_add(a, xd_decimal_neg(b), ret);
}

xd_status xd_decimal_mul(xd_decimal a, xd_decimal b, xd_decimal *ret)
{
    /* 2^63 x 2^63 is below 10^38. */
    if (fits_int64(a.coefficient) && fits_int64(b.coefficient) &&
        a.scale + b.scale <= XD_DECIMAL_MAX_SCALE) {
        *ret = (xd_decimal){(xd_int128)(int64_t)a.coefficient * (int64_t)b.coefficient,
                            a.scale + b.scale};
        return XD_OK;
    }
    wide x = wide_of(magnitude(a.coefficient));
    wide y = wide_of(magnitude(b.coefficient));
    return wide_settle(wide_mul(&x, &y), (a.coefficient < 0) != (b.coefficient < 0),
                       a.scale + b.scale, ret);
}

/* Whether a quotient's magnitude must grow by one. half is twice the remainder against the
 * divisor. */
static bool rounds_up(xd_rounding mode, bool odd, bool inexact, int half)
{
    switch (mode) {
    case XD_HALF_AWAY:
        return half >= 0 && inexact;
    case XD_HALF_EVEN:
        return half > 0 || (half == 0 && inexact && odd);
    case XD_UP:
        return inexact;
    case XD_DOWN:
    default:
        return false;
    }
}

/* a x b / c in wide integers, where shift is the power of ten still to be applied. */
static xd_status ratio_wide(xd_decimal a, xd_decimal b, xd_decimal c, int32_t shift, int32_t scale,
                            xd_rounding mode, bool negative, xd_decimal *ret)
{
    wide x = wide_of(magnitude(a.coefficient));
    wide y = wide_of(magnitude(b.coefficient));
    wide dividend = wide_scale_up(wide_mul(&x, &y), shift > 0 ? shift : 0);
    wide divisor = wide_scale_up(wide_of(magnitude(c.coefficient)), shift < 0 ? -shift : 0);
    wide quotient;
    bool inexact;
    int half = wide_div(&dividend, &divisor, &quotient, &inexact);
    bool odd = quotient.count > 0 && (quotient.limb[0] & 1);
    uint128 value;
    if (!wide_narrow(&quotient, &value) || value >= power10[MAX_DIGITS]) {
        return XD_OVERFLOW;
    }
    return settle(value + rounds_up(mode, odd, inexact, half), negative, scale, ret);
}

/* a x b / c rounded to scale: the one way by which anything is ever rounded. c is not zero. */
static xd_status ratio(xd_decimal a, xd_decimal b, xd_decimal c, int32_t scale, xd_rounding mode,
                       xd_decimal *ret)
{
    assert(scale >= 0 && scale <= XD_DECIMAL_MAX_SCALE);
    int32_t shift = scale + c.scale - a.scale - b.scale;
    bool negative = (a.coefficient < 0) != (b.coefficient < 0);
    negative = negative != (c.coefficient < 0);
    if (!fits_int64(a.coefficient) || !fits_int64(b.coefficient)) {
        return ratio_wide(a, b, c, shift, scale, mode, negative, ret);
    }
    uint128 dividend = magnitude(a.coefficient) * magnitude(b.coefficient);
    uint128 divisor = magnitude(c.coefficient);
    if ((shift > 0 && !scale_up(dividend, shift, &dividend)) ||
        (shift < 0 && !scale_up(divisor, -shift, &divisor))) {
        return ratio_wide(a, b, c, shift, scale, mode, negative, ret);
    }
    uint128 quotient;
    uint128 rest;
    if (dividend <= UINT64_MAX && divisor <= UINT64_MAX) {
        quotient = (uint64_t)dividend / (uint64_t)divisor;
        rest = (uint64_t)dividend % (uint64_t)divisor;
    } else {
        quotient = dividend / divisor;
        rest = dividend - quotient * divisor;
    }
    uint128 other = divisor - rest;
    int half = (rest > other) - (rest < other);
    return settle(quotient + rounds_up(mode, quotient & 1, rest != 0, half), negative, scale, ret);
}

xd_status xd_decimal_div(xd_decimal a, xd_decimal b, int32_t scale, xd_rounding mode,
                         xd_decimal *ret)
{
    return xd_decimal_mul_div(a, xd_decimal_int(1), b, scale, mode, ret);
}

xd_status xd_decimal_mul_round(xd_decimal a, xd_decimal b, int32_t scale, xd_rounding mode,
                               xd_decimal *ret)
{
    return ratio(a, b, xd_decimal_int(1), scale, mode, ret);
}

xd_status xd_decimal_mul_div(xd_decimal a, xd_decimal b, xd_decimal c, int32_t scale,
                             xd_rounding mode, xd_decimal *ret)
{
    if (c.coefficient == 0) {
        return XD_INVALID;
    }
    return ratio(a, b, c, scale, mode, ret);
}

xd_status xd_decimal_round(xd_decimal value, int32_t scale, xd_rounding mode, xd_decimal *ret)
{
    if (value.scale == scale) {
        *ret = value;
        return XD_OK;
    }
    return ratio(value, xd_decimal_int(1), xd_decimal_int(1), scale, mode, ret);
}

static int cmp_wide(xd_decimal a, xd_decimal b)
{
    int sign = xd_decimal_sign(a);
    if (sign != xd_decimal_sign(b) || sign == 0) {
        return sign - xd_decimal_sign(b);
    }
    int32_t scale = a.scale > b.scale ? a.scale : b.scale;
    wide x = wide_scale_up(wide_of(magnitude(a.coefficient)), scale - a.scale);
    wide y = wide_scale_up(wide_of(magnitude(b.coefficient)), scale - b.scale);
    return sign * wide_cmp(&x, &y);
}

int xd_decimal_cmp(xd_decimal a, xd_decimal b)
{
    int32_t difference = a.scale - b.scale;
    if (difference != 0) {
        if (!fits_int64(a.coefficient) || !fits_int64(b.coefficient) || difference > 18 ||
            difference < -18) {
            return cmp_wide(a, b);
        }
        if (difference > 0) {
            b.coefficient *= (xd_int128)power10[difference];
        } else {
            a.coefficient *= (xd_int128)power10[-difference];
        }
    }
    return (a.coefficient > b.coefficient) - (a.coefficient < b.coefficient);
}

/* ---- currencies and money ---- */

#define AT(a, b, c) (((a) - 'A') * 26 * 26 + ((b) - 'A') * 26 + ((c) - 'A'))
/* Digits plus one, so that 0 means no currency. */
#define D0(a, b, c) [AT(a, b, c)] = 1
#define D2(a, b, c) [AT(a, b, c)] = 3
#define D3(a, b, c) [AT(a, b, c)] = 4
#define D4(a, b, c) [AT(a, b, c)] = 5

/* ISO 4217 list one as of 2026, without codes that have no minor unit (metals, bond units, XTS,
 * XXX); ANG and BGN, withdrawn in 2025 and 2026, stay because documents before that carry them. */
static const uint8_t currency_digits[26 * 26 * 26] = {
    D2('A', 'E', 'D'), D2('A', 'F', 'N'), D2('A', 'L', 'L'), D2('A', 'M', 'D'), D2('A', 'N', 'G'),
    D2('A', 'O', 'A'), D2('A', 'R', 'S'), D2('A', 'U', 'D'), D2('A', 'W', 'G'), D2('A', 'Z', 'N'),
    D2('B', 'A', 'M'), D2('B', 'B', 'D'), D2('B', 'D', 'T'), D2('B', 'G', 'N'), D3('B', 'H', 'D'),
    D0('B', 'I', 'F'), D2('B', 'M', 'D'), D2('B', 'N', 'D'), D2('B', 'O', 'B'), D2('B', 'O', 'V'),
    D2('B', 'R', 'L'), D2('B', 'S', 'D'), D2('B', 'T', 'N'), D2('B', 'W', 'P'), D2('B', 'Y', 'N'),
    D2('B', 'Z', 'D'), D2('C', 'A', 'D'), D2('C', 'D', 'F'), D2('C', 'H', 'E'), D2('C', 'H', 'F'),
    D2('C', 'H', 'W'), D4('C', 'L', 'F'), D0('C', 'L', 'P'), D2('C', 'N', 'Y'), D2('C', 'O', 'P'),
    D2('C', 'O', 'U'), D2('C', 'R', 'C'), D2('C', 'U', 'P'), D2('C', 'V', 'E'), D2('C', 'Z', 'K'),
    D0('D', 'J', 'F'), D2('D', 'K', 'K'), D2('D', 'O', 'P'), D2('D', 'Z', 'D'), D2('E', 'G', 'P'),
    D2('E', 'R', 'N'), D2('E', 'T', 'B'), D2('E', 'U', 'R'), D2('F', 'J', 'D'), D2('F', 'K', 'P'),
    D2('G', 'B', 'P'), D2('G', 'E', 'L'), D2('G', 'H', 'S'), D2('G', 'I', 'P'), D2('G', 'M', 'D'),
    D0('G', 'N', 'F'), D2('G', 'T', 'Q'), D2('G', 'Y', 'D'), D2('H', 'K', 'D'), D2('H', 'N', 'L'),
    D2('H', 'T', 'G'), D2('H', 'U', 'F'), D2('I', 'D', 'R'), D2('I', 'L', 'S'), D2('I', 'N', 'R'),
    D3('I', 'Q', 'D'), D2('I', 'R', 'R'), D0('I', 'S', 'K'), D2('J', 'M', 'D'), D3('J', 'O', 'D'),
    D0('J', 'P', 'Y'), D2('K', 'E', 'S'), D2('K', 'G', 'S'), D2('K', 'H', 'R'), D0('K', 'M', 'F'),
    D2('K', 'P', 'W'), D0('K', 'R', 'W'), D3('K', 'W', 'D'), D2('K', 'Y', 'D'), D2('K', 'Z', 'T'),
    D2('L', 'A', 'K'), D2('L', 'B', 'P'), D2('L', 'K', 'R'), D2('L', 'R', 'D'), D2('L', 'S', 'L'),
    D3('L', 'Y', 'D'), D2('M', 'A', 'D'), D2('M', 'D', 'L'), D2('M', 'G', 'A'), D2('M', 'K', 'D'),
    D2('M', 'M', 'K'), D2('M', 'N', 'T'), D2('M', 'O', 'P'), D2('M', 'R', 'U'), D2('M', 'U', 'R'),
    D2('M', 'V', 'R'), D2('M', 'W', 'K'), D2('M', 'X', 'N'), D2('M', 'X', 'V'), D2('M', 'Y', 'R'),
    D2('M', 'Z', 'N'), D2('N', 'A', 'D'), D2('N', 'G', 'N'), D2('N', 'I', 'O'), D2('N', 'O', 'K'),
    D2('N', 'P', 'R'), D2('N', 'Z', 'D'), D3('O', 'M', 'R'), D2('P', 'A', 'B'), D2('P', 'E', 'N'),
    D2('P', 'G', 'K'), D2('P', 'H', 'P'), D2('P', 'K', 'R'), D2('P', 'L', 'N'), D0('P', 'Y', 'G'),
    D2('Q', 'A', 'R'), D2('R', 'O', 'N'), D2('R', 'S', 'D'), D2('R', 'U', 'B'), D0('R', 'W', 'F'),
    D2('S', 'A', 'R'), D2('S', 'B', 'D'), D2('S', 'C', 'R'), D2('S', 'D', 'G'), D2('S', 'E', 'K'),
    D2('S', 'G', 'D'), D2('S', 'H', 'P'), D2('S', 'L', 'E'), D2('S', 'O', 'S'), D2('S', 'R', 'D'),
    D2('S', 'S', 'P'), D2('S', 'T', 'N'), D2('S', 'V', 'C'), D2('S', 'Y', 'P'), D2('S', 'Z', 'L'),
    D2('T', 'H', 'B'), D2('T', 'J', 'S'), D2('T', 'M', 'T'), D3('T', 'N', 'D'), D2('T', 'O', 'P'),
    D2('T', 'R', 'Y'), D2('T', 'T', 'D'), D2('T', 'W', 'D'), D2('T', 'Z', 'S'), D2('U', 'A', 'H'),
    D0('U', 'G', 'X'), D2('U', 'S', 'D'), D2('U', 'S', 'N'), D0('U', 'Y', 'I'), D2('U', 'Y', 'U'),
    D4('U', 'Y', 'W'), D2('U', 'Z', 'S'), D2('V', 'E', 'D'), D2('V', 'E', 'S'), D0('V', 'N', 'D'),
    D0('V', 'U', 'V'), D2('W', 'S', 'T'), D0('X', 'A', 'F'), D2('X', 'C', 'D'), D2('X', 'C', 'G'),
    D0('X', 'O', 'F'), D0('X', 'P', 'F'), D2('Y', 'E', 'R'), D2('Z', 'A', 'R'), D2('Z', 'M', 'W'),
    D2('Z', 'W', 'G'),
};

int xd_currency_digits(xd_str code)
{
    if (code.len != 3) {
        return -1;
    }
    for (int i = 0; i < 3; i++) {
        if (code.ptr[i] < 'A' || code.ptr[i] > 'Z') {
            return -1;
        }
    }
    return currency_digits[AT(code.ptr[0], code.ptr[1], code.ptr[2])] - 1;
}

xd_status xd_money_add(xd_money a, xd_money b, xd_money *ret, xd_fault *fault)
{
    if (memcmp(a.currency, b.currency, sizeof a.currency) != 0) {
        return xd_fail(fault, XD_INVALID, "money.currency",
                       "amounts in %.3s and %.3s cannot be added; convert one of them first",
                       a.currency, b.currency);
    }
    xd_money sum = a;
    if (xd_decimal_add(a.amount, b.amount, &sum.amount) != XD_OK) {
        return xd_fail(fault, XD_OVERFLOW, "money.overflow",
                       "the sum of two %.3s amounts has more than 38 digits", a.currency);
    }
    *ret = sum;
    return XD_OK;
}

xd_status xd_money_extend(xd_decimal quantity, xd_decimal unit_price, xd_str currency,
                          xd_rounding mode, xd_money *ret, xd_fault *fault)
{
    int digits = xd_currency_digits(currency);
    if (digits < 0) {
        return xd_fail(fault, XD_INVALID, "money.currency",
                       "'%.*s' is not an ISO 4217 currency code",
                       currency.len < 8 ? (int)currency.len : 8, currency.len ? currency.ptr : "");
    }
    xd_money money = {.currency = {currency.ptr[0], currency.ptr[1], currency.ptr[2], '\0'}};
    if (xd_decimal_mul_round(quantity, unit_price, digits, mode, &money.amount) != XD_OK) {
        return xd_fail(fault, XD_OVERFLOW, "money.overflow",
                       "quantity x unit price has more than 38 digits");
    }
    *ret = money;
    return XD_OK;
}
