/* Built-in functions on numbers. Owns nothing. Pure. */
#include "mapping/functions.h"

#include "mapping/picture.h"

/* The number of an argument; a fault when it is out of range. */
static xd_status number_arg(const xd_call *call, const xd_value *v, xd_number *ret)
{
    if (v->type == XD_V_INFINITE) {
        return xd_run_range(call->run);
    }
    *ret = xd_number_of(v);
    return XD_OK;
}

/* --- casting --- */

static bool parse_radix(xd_str s, xd_number *ret)
{
    if (s.len < 3 || s.ptr[0] != '0') {
        return false;
    }
    char kind = s.ptr[1] | 0x20;
    unsigned radix = kind == 'x' ? 16 : kind == 'o' ? 8 : kind == 'b' ? 2 : 0;
    xd_number value = {0};
    for (size_t i = 2; i < s.len; i++) {
        char c = s.ptr[i];
        unsigned digit = c >= '0' && c <= '9' ? (unsigned)(c - '0')
                         : (c | 0x20) >= 'a'  ? (unsigned)((c | 0x20) - 'a') + 10
                                              : 99;
        if (digit >= radix || !xd_number_mul(value, (xd_number){radix, 0, false}, &value) ||
            !xd_number_add(value, (xd_number){digit, 0, false}, &value)) {
            return false;
        }
    }
    *ret = value;
    return true;
}

XD_FN(number)
{
    (void)arg_count;
    *ret = args[0];
    xd_number n;
    switch (args[0].type) {
    case XD_JSON_TRUE:
    case XD_JSON_FALSE:
        *ret = xd_int_value(args[0].type == XD_JSON_TRUE);
        return XD_OK;
    case XD_JSON_STRING:
        if (xd_number_parse(args[0].text, &n) || parse_radix(args[0].text, &n)) {
            return xd_number_value(call->run, n, ret);
        }
        return xd_call_fail(call, "D3030", "\"%.*s\" cannot be cast to a number",
                            (int)(args[0].text.len < 80 ? args[0].text.len : 80), args[0].text.ptr);
    default:
        return XD_OK;
    }
}

/* --- one number --- */

XD_FN(abs)
{
    (void)arg_count;
    xd_number n;
    *ret = args[0];
    if (xd_is_undefined(&args[0])) {
        return XD_OK;
    }
    XD_TRY(number_arg(call, &args[0], &n));
    return xd_number_value(call->run, n.coefficient < 0 ? xd_number_neg(n) : n, ret);
}

XD_FN(floor)
{
    (void)arg_count;
    xd_number n;
    *ret = args[0];
    if (xd_is_undefined(&args[0])) {
        return XD_OK;
    }
    XD_TRY(number_arg(call, &args[0], &n));
    return xd_number_value(call->run, xd_number_floor(n), ret);
}

XD_FN(ceil)
{
    (void)arg_count;
    xd_number n;
    *ret = args[0];
    if (xd_is_undefined(&args[0])) {
        return XD_OK;
    }
    XD_TRY(number_arg(call, &args[0], &n));
    n = xd_number_neg(xd_number_floor(xd_number_neg(n)));
    return xd_number_value(call->run, n, ret);
}

XD_FN(round)
{
    (void)arg_count;
    xd_number n;
    xd_number digits = {0};
    *ret = args[0];
    if (xd_is_undefined(&args[0])) {
        return XD_OK;
    }
    XD_TRY(number_arg(call, &args[0], &n));
    if (!xd_is_undefined(&args[1])) {
        XD_TRY(number_arg(call, &args[1], &digits));
    }
    n = xd_number_round(n, xd_number_int64(digits), XD_HALF_EVEN);
    return xd_number_value(call->run, n, ret);
}

XD_FN(power)
{
    (void)arg_count;
    xd_number n;
    xd_number exponent;
    *ret = args[0];
    if (xd_is_undefined(&args[0])) {
        return XD_OK;
    }
    XD_TRY(number_arg(call, &args[0], &n));
    bool missing = xd_is_undefined(&args[1]);
    XD_TRY(number_arg(call, &args[missing ? 0 : 1], &exponent));
    if (missing || !xd_number_power(n, exponent, &n)) {
        return xd_call_fail(call, "D3061",
                            "the power function gives no number for this base and exponent");
    }
    return xd_number_value(call->run, n, ret);
}

XD_FN(sqrt)
{
    (void)arg_count;
    xd_number n;
    *ret = args[0];
    if (xd_is_undefined(&args[0])) {
        return XD_OK;
    }
    XD_TRY(number_arg(call, &args[0], &n));
    if (n.coefficient < 0 || !xd_number_sqrt(n, &n)) {
        return xd_call_fail(call, "D3060", "a negative number has no square root");
    }
    return xd_number_value(call->run, n, ret);
}

XD_FN(random)
{
    (void)args;
    (void)arg_count;
    uint64_t r = xd_random_next(&call->run->random) % UINT64_C(10000000000000000);
    return xd_number_value(call->run, (xd_number){(xd_int128)r, -16, false}, ret);
}

/* --- pictures --- */

/* A fault of the picture functions keeps its text; its place is that of the call. */
static xd_status picture_status(const xd_call *call, xd_status status)
{
    if (status != XD_OK) {
        call->run->fault->offset = -1;
    }
    return status;
}

static xd_status decimal_arg(const xd_call *call, const xd_value *v, xd_decimal *ret)
{
    xd_number n;
    XD_TRY(number_arg(call, v, &n));
    if (!xd_number_decimal(n, ret)) {
        return xd_call_fail(call, "D1001", "the number has more digits than can be formatted (38)");
    }
    return XD_OK;
}

/* The simplest pictures, 0 and 0.00 with any number of digits after the point, are read here. */
static bool plain_picture(xd_str picture, int *ret_digits)
{
    if (picture.len == 0 || picture.ptr[0] != '0' ||
        (picture.len > 1 && (picture.ptr[1] != '.' || picture.len < 3 || picture.len > 20))) {
        return false;
    }
    for (size_t i = 2; i < picture.len; i++) {
        if (picture.ptr[i] != '0') {
            return false;
        }
    }
    *ret_digits = picture.len > 1 ? (int)picture.len - 2 : 0;
    return true;
}

static xd_status format_plain(const xd_call *call, xd_decimal value, int digits, xd_value *ret)
{
    if (xd_decimal_round(value, digits, XD_HALF_EVEN, &value) != XD_OK) {
        return xd_call_fail(call, "D1001", "the number has more digits than can be formatted (38)");
    }
    char *text = xd_arena_alloc(call->run->arena, XD_DECIMAL_MAX_TEXT);
    if (!text) {
        return xd_run_no_memory(call->run);
    }
    *ret = xd_string_value(xd_decimal_text(value, text));
    return XD_OK;
}

XD_FN(format_number)
{
    (void)arg_count;
    *ret = args[0];
    if (xd_is_undefined(&args[0])) {
        return XD_OK;
    }
    xd_decimal value;
    int digits;
    XD_TRY(decimal_arg(call, &args[0], &value));
    xd_str picture = xd_is_undefined(&args[1]) ? XD_STR("#") : args[1].text;
    if (value.coefficient >= 0 && xd_is_undefined(&args[2]) && plain_picture(picture, &digits)) {
        return format_plain(call, value, digits, ret);
    }
    const xd_value *options = xd_is_object(&args[2]) ? xd_object_of(&args[2]) : NULL;
    xd_str text;
    XD_TRY(picture_status(call, xd_picture_format_number(value, picture, options, call->run->arena,
                                                         &text, call->run->fault)));
    *ret = xd_string_value(text);
    return XD_OK;
}

XD_FN(format_base)
{
    (void)arg_count;
    *ret = args[0];
    if (xd_is_undefined(&args[0])) {
        return XD_OK;
    }
    xd_number n;
    xd_number radix = {10, 0, false};
    XD_TRY(number_arg(call, &args[0], &n));
    if (!xd_is_undefined(&args[1])) {
        XD_TRY(number_arg(call, &args[1], &radix));
    }
    n = xd_number_round(n, 0, XD_HALF_EVEN);
    radix = xd_number_round(radix, 0, XD_HALF_EVEN);
    int64_t r = xd_number_int64(radix);
    if (r < 2 || r > 36) {
        return xd_call_fail(call, "D3100", "the radix of \"formatBase\" must be from 2 to 36");
    }
    xd_decimal value;
    xd_str text;
    if (!xd_number_decimal(n, &value)) {
        return xd_call_fail(call, "D1001", "the number has more digits than can be formatted (38)");
    }
    XD_TRY(picture_status(
        call, xd_picture_format_base(value, (int)r, call->run->arena, &text, call->run->fault)));
    *ret = xd_string_value(text);
    return XD_OK;
}

/* Words go on without end: so many trillions of trillions. *n becomes what stands before them. */
static xd_status add_trillions(xd_number *n, xd_str picture, xd_text *text)
{
    xd_decimal value;
    xd_str word = xd_str_eq(picture, XD_STR("w"))    ? XD_STR(" trillion")
                  : xd_str_eq(picture, XD_STR("W"))  ? XD_STR(" TRILLION")
                  : xd_str_eq(picture, XD_STR("Ww")) ? XD_STR(" Trillion")
                                                     : XD_STR_NULL;
    *n = xd_number_normal(*n);
    while (!xd_number_decimal(*n, &value) && word.len && n->exponent >= 12) {
        n->exponent -= 12;
        xd_text_str(text, word);
    }
    return text->failed ? xd_run_no_memory(text->run) : XD_OK;
}

XD_FN(format_integer)
{
    (void)arg_count;
    *ret = args[0];
    if (xd_is_undefined(&args[0])) {
        return XD_OK;
    }
    xd_number n;
    xd_decimal value;
    xd_str text;
    xd_str picture = xd_is_undefined(&args[1]) ? XD_STR("0") : args[1].text;
    xd_text more = {.run = call->run};
    XD_TRY(number_arg(call, &args[0], &n));
    n = xd_number_floor(n);
    XD_TRY(add_trillions(&n, picture, &more));
    if (!xd_number_decimal(n, &value)) {
        return xd_call_fail(call, "D1001", "the number has more digits than can be formatted (38)");
    }
    XD_TRY(picture_status(call, xd_picture_format_integer(value, picture, call->run->arena, &text,
                                                          call->run->fault)));
    if (more.len) {
        xd_text whole = {.run = call->run};
        xd_text_str(&whole, text);
        xd_text_add(&whole, more.ptr, more.len);
        return xd_text_value(&whole, ret);
    }
    *ret = xd_string_value(text);
    return XD_OK;
}

XD_FN(parse_integer)
{
    (void)arg_count;
    *ret = args[0];
    if (xd_is_undefined(&args[0]) || xd_is_undefined(&args[1])) {
        *ret = xd_undefined();
        return XD_OK;
    }
    xd_decimal value;
    XD_TRY(picture_status(
        call, xd_picture_parse_integer(args[0].text, args[1].text, &value, call->run->fault)));
    return xd_number_value(call->run, xd_number_from_decimal(value), ret);
}

/* --- many numbers --- */

static xd_status sum_of(const xd_call *call, const xd_value *array, xd_number *ret)
{
    xd_number sum = {0};
    for (uint32_t i = 0; i < array->count; i++) {
        xd_value item = xd_value_item(array, i);
        xd_number n;
        XD_TRY(number_arg(call, &item, &n));
        if (!xd_number_add(sum, n, &sum)) {
            return xd_run_range(call->run);
        }
    }
    *ret = sum;
    return XD_OK;
}

XD_FN(sum)
{
    (void)arg_count;
    xd_number sum;
    *ret = args[0];
    if (xd_is_undefined(&args[0])) {
        return XD_OK;
    }
    XD_TRY(sum_of(call, &args[0], &sum));
    return xd_number_value(call->run, sum, ret);
}

XD_FN(average)
{
    (void)arg_count;
    xd_number sum;
    *ret = xd_undefined();
    if (xd_is_undefined(&args[0]) || args[0].count == 0) {
        return XD_OK;
    }
    XD_TRY(sum_of(call, &args[0], &sum));
    if (!xd_number_div(sum, (xd_number){args[0].count, 0, false}, XD_QUOTIENT_DIGITS, &sum)) {
        return xd_run_range(call->run);
    }
    return xd_number_value(call->run, sum, ret);
}

static xd_status extreme(const xd_call *call, const xd_value *array, int sign, xd_value *ret)
{
    *ret = xd_undefined();
    if (xd_is_undefined(array)) {
        return XD_OK;
    }
    xd_number best = {0};
    for (uint32_t i = 0; i < array->count; i++) {
        xd_value item = xd_value_item(array, i);
        xd_number n;
        XD_TRY(number_arg(call, &item, &n));
        if (i == 0 || xd_number_cmp(n, best) * sign > 0) {
            best = n;
            *ret = item;
        }
    }
    return XD_OK;
}

XD_FN(max)
{
    (void)arg_count;
    return extreme(call, &args[0], 1, ret);
}

XD_FN(min)
{
    (void)arg_count;
    return extreme(call, &args[0], -1, ret);
}
