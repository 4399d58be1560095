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

/* The digits of an argument: those given, or as the language writes a number that was computed,
 * in text, which has XD_NUMBER_TEXT bytes. */
static xd_status digits_arg(const xd_call *call, const xd_value *v, char *text, xd_str *ret)
{
    xd_number n;
    if (v->type == XD_JSON_NUMBER) {
        *ret = v->text;
        return XD_OK;
    }
    XD_TRY(number_arg(call, v, &n));
    *ret = xd_number_text(n, 0, text);
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

/* false when the value does not fit a decimal. */
static bool format_plain(const xd_call *call, const xd_value *v, int digits, xd_str *ret)
{
    xd_number n;
    xd_decimal value;
    if (v->type == XD_V_INFINITE) {
        return false;
    }
    n = xd_number_of(v);
    if (n.coefficient < 0 || n.inexact || !xd_number_decimal(n, &value) ||
        xd_decimal_round(value, digits, XD_HALF_EVEN, &value) != XD_OK) {
        return false;
    }
    char *text = xd_arena_alloc(call->run->arena, XD_DECIMAL_MAX_TEXT);
    *ret = text ? xd_decimal_text(value, text) : XD_STR_NULL;
    return text != NULL;
}

XD_FN(format_number)
{
    (void)arg_count;
    *ret = args[0];
    if (xd_is_undefined(&args[0])) {
        return XD_OK;
    }
    int places;
    xd_str text;
    xd_str picture = xd_is_undefined(&args[1]) ? XD_STR("#") : args[1].text;
    if (xd_is_undefined(&args[2]) && plain_picture(picture, &places) &&
        format_plain(call, &args[0], places, &text)) {
        *ret = xd_string_value(text);
        return XD_OK;
    }
    char buffer[XD_NUMBER_TEXT];
    xd_str digits;
    const xd_value *options = xd_is_object(&args[2]) ? xd_object_of(&args[2]) : NULL;
    XD_TRY(digits_arg(call, &args[0], buffer, &digits));
    XD_TRY(picture_status(call, xd_picture_format_number(digits, picture, options, call->run->arena,
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
    char buffer[XD_NUMBER_TEXT];
    xd_str text;
    XD_TRY(picture_status(call, xd_picture_format_base(xd_number_text(n, 0, buffer), (int)r,
                                                       call->run->arena, &text, call->run->fault)));
    *ret = xd_string_value(text);
    return XD_OK;
}

XD_FN(format_integer)
{
    (void)arg_count;
    *ret = args[0];
    if (xd_is_undefined(&args[0])) {
        return XD_OK;
    }
    char buffer[XD_NUMBER_TEXT];
    xd_str digits;
    xd_str text;
    xd_str picture = xd_is_undefined(&args[1]) ? XD_STR("0") : args[1].text;
    XD_TRY(digits_arg(call, &args[0], buffer, &digits));
    XD_TRY(picture_status(call, xd_picture_format_integer(digits, picture, call->run->arena, &text,
                                                          call->run->fault)));
    *ret = xd_string_value(text);
    return XD_OK;
}

/* The number is given with all its digits, however many. */
XD_FN(parse_integer)
{
    (void)arg_count;
    *ret = args[0];
    if (xd_is_undefined(&args[0]) || xd_is_undefined(&args[1])) {
        *ret = xd_undefined();
        return XD_OK;
    }
    xd_str digits;
    xd_number n;
    XD_TRY(
        picture_status(call, xd_picture_parse_integer(args[0].text, args[1].text, call->run->arena,
                                                      &digits, call->run->fault)));
    if (!xd_number_parse(digits, &n)) {
        return xd_run_range(call->run);
    }
    *ret = (xd_value){.type = XD_JSON_NUMBER, .text = digits};
    return XD_OK;
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
