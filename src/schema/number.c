/* Exact numbers of any size. See number.h. */
#include "schema/number.h"

#include "base/hash.h"

__extension__ typedef unsigned __int128 uint128;

#define EXPONENT_MAX ((int64_t)1000000000000)

/* The exponent after the e; beyond every limit it stays just beyond. */
static int64_t read_exponent(const char *p, const char *end)
{
    bool negative = *p == '-';
    int64_t value = 0;
    for (p += *p == '-' || *p == '+'; p < end; p++) {
        value = value <= EXPONENT_MAX ? value * 10 + (*p - '0') : value;
    }
    return negative ? -value : value;
}

bool xd_schema_number_read(xd_str lexeme, xd_schema_number *ret)
{
    xd_schema_number n = {.negative = lexeme.ptr[0] == '-'};
    const char *p = lexeme.ptr + n.negative;
    const char *end = lexeme.ptr + lexeme.len;
    const char *last = NULL;
    bool fraction = false;
    for (; p < end && (*p | 0x20) != 'e'; p++) {
        if (*p == '.') {
            fraction = true;
            continue;
        }
        if (*p != '0') {
            n.digits = n.digits ? n.digits : p;
            last = p;
        }
        n.point += n.digits ? !fraction : -(int64_t)fraction;
    }
    if (!n.digits) {
        *ret = (xd_schema_number){0};
        return true;
    }
    n.span = (size_t)(last - n.digits) + 1;
    n.count = n.span - (memchr(n.digits, '.', n.span) != NULL);
    int64_t exponent = p < end ? read_exponent(p + 1, end) : 0;
    n.point += exponent;
    *ret = n;
    return exponent >= -EXPONENT_MAX && exponent <= EXPONENT_MAX;
}

bool xd_schema_number_small(xd_str lexeme, int64_t *ret)
{
    size_t negative = lexeme.len > 0 && lexeme.ptr[0] == '-';
    if (lexeme.len > 18 + negative || lexeme.len == negative) {
        return false;
    }
    int64_t value = 0;
    for (size_t i = negative; i < lexeme.len; i++) {
        unsigned digit = (unsigned)(uint8_t)lexeme.ptr[i] - '0';
        if (digit > 9) {
            return false;
        }
        value = value * 10 + digit;
    }
    *ret = negative ? -value : value;
    return true;
}

static int cmp_digits(const xd_schema_number *a, const xd_schema_number *b)
{
    size_t i = 0;
    size_t j = 0;
    while (i < a->span && j < b->span) {
        if (a->digits[i] == '.') {
            i++;
        } else if (b->digits[j] == '.') {
            j++;
        } else if (a->digits[i] != b->digits[j]) {
            return a->digits[i] < b->digits[j] ? -1 : 1;
        } else {
            i++;
            j++;
        }
    }
    return (i < a->span) - (j < b->span);
}

int xd_schema_number_cmp(const xd_schema_number *a, const xd_schema_number *b)
{
    int sign_a = a->count == 0 ? 0 : a->negative ? -1 : 1;
    int sign_b = b->count == 0 ? 0 : b->negative ? -1 : 1;
    if (sign_a != sign_b || sign_a == 0) {
        return (sign_a > sign_b) - (sign_a < sign_b);
    }
    int magnitude = a->point != b->point ? (a->point < b->point ? -1 : 1) : cmp_digits(a, b);
    return sign_a * magnitude;
}

bool xd_schema_number_equal(xd_str a, xd_str b)
{
    if (xd_str_eq(a, b)) {
        return true;
    }
    xd_schema_number x;
    xd_schema_number y;
    return xd_schema_number_read(a, &x) && xd_schema_number_read(b, &y) &&
           xd_schema_number_cmp(&x, &y) == 0;
}

bool xd_schema_number_is_integer(xd_str lexeme)
{
    xd_schema_number n;
    (void)xd_schema_number_read(lexeme, &n);
    return n.count == 0 || n.point >= (int64_t)n.count;
}

/* --- multiples --- */

/* Arithmetic modulo a number below 2^127. */
static uint128 add_mod(uint128 a, uint128 b, uint128 m)
{
    uint128 sum = a + b;
    return sum >= m ? sum - m : sum;
}

static uint128 mul_mod(uint128 a, uint128 b, uint128 m)
{
    if (m >> 64 == 0) {
        return a * b % m;
    }
    uint128 product = 0;
    for (; b; b >>= 1) {
        product = b & 1 ? add_mod(product, a, m) : product;
        a = add_mod(a, a, m);
    }
    return product;
}

static uint128 power_of_ten_mod(uint64_t exponent, uint128 m)
{
    uint128 result = 1 % m;
    uint128 base = 10 % m;
    for (; exponent; exponent >>= 1) {
        result = exponent & 1 ? mul_mod(result, base, m) : result;
        base = mul_mod(base, base, m);
    }
    return result;
}

static uint128 digits_mod(const xd_schema_number *n, uint128 m)
{
    uint128 rest = 0;
    for (size_t i = 0; i < n->span; i++) {
        if (n->digits[i] != '.') {
            uint128 doubled = add_mod(rest, rest, m);
            uint128 fivefold = add_mod(add_mod(doubled, doubled, m), rest, m);
            rest = add_mod(add_mod(fivefold, fivefold, m), (uint128)(n->digits[i] - '0') % m, m);
        }
    }
    return rest;
}

bool xd_schema_number_is_multiple(const xd_schema_number *value, const xd_schema_number *divisor)
{
    if (value->count == 0) {
        return true;
    }
    /* Both are whole digits times a power of ten, and neither's digits end in zero. Were the
     * value's power the smaller one, its digits would have to be divisible by ten. */
    int64_t shift =
        (value->point - (int64_t)value->count) - (divisor->point - (int64_t)divisor->count);
    if (shift < 0) {
        return false;
    }
    uint128 m = 0;
    for (size_t i = 0; i < divisor->span; i++) {
        if (divisor->digits[i] != '.') {
            m = m * 10 + (uint128)(divisor->digits[i] - '0');
        }
    }
    return mul_mod(digits_mod(value, m), power_of_ten_mod((uint64_t)shift, m), m) == 0;
}

uint64_t xd_schema_number_hash(xd_str lexeme)
{
    xd_schema_number n;
    if (!xd_schema_number_read(lexeme, &n)) {
        return xd_hash64(lexeme, 0);
    }
    uint64_t hash = (uint64_t)n.point * UINT64_C(0xD6E8FEB86659FD93) + n.negative;
    for (size_t i = 0; i < n.span; i++) {
        if (n.digits[i] != '.') {
            hash = (hash ^ (uint8_t)n.digits[i]) * UINT64_C(0x9E3779B97F4A7C15);
            hash ^= hash >> 32;
        }
    }
    return hash;
}
