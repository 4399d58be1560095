/* Factors between units. See fraction.h. */
#include "base/fraction.h"

/* Appends the digits of text to *number; false when there are none, or anything else. */
static bool add_digits(xd_str text, int64_t *number)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c < '0' || c > '9' || __builtin_mul_overflow(*number, 10, number) ||
            __builtin_add_overflow(*number, c - '0', number)) {
            return false;
        }
    }
    return text.len > 0;
}

bool xd_fraction_parse(xd_str text, int64_t *ret_numerator, int64_t *ret_denominator)
{
    size_t n = 0;
    while (n < text.len && text.ptr[n] != '/' && text.ptr[n] != '.') {
        n++;
    }
    bool whole = n == text.len;
    bool divided = !whole && text.ptr[n] == '/';
    xd_str rest = whole ? XD_STR("") : (xd_str){text.ptr + n + 1, text.len - n - 1};
    int64_t above = 0;
    int64_t below = divided ? 0 : 1;
    bool good = add_digits((xd_str){text.ptr, n}, &above);
    if (divided) {
        good = good && add_digits(rest, &below);
    } else if (!whole) {
        good = good && add_digits(rest, &above);
        for (size_t i = 0; good && i < rest.len; i++) {
            good = !__builtin_mul_overflow(below, 10, &below);
        }
    }
    if (!good || above <= 0 || below <= 0) {
        return false;
    }
    *ret_numerator = above;
    *ret_denominator = below;
    return true;
}
