/* Functions that Crossdock adds to the language, for what every map between business systems needs:
 * code tables, units, amounts and dates. docs/mapping.md describes them. Owns nothing. Pure. */
#include "mapping/functions.h"

#include "mapping/picture.h"

enum { MICROS_PER_MILLI = 1000, MILLIS_PER_DAY = 86400000 };

/* $xref(table, system, code) */
XD_FN(xref)
{
    (void)arg_count;
    *ret = xd_undefined();
    if (xd_is_undefined(&args[0]) || xd_is_undefined(&args[1]) || xd_is_undefined(&args[2])) {
        return XD_OK;
    }
    const xd_map_world *world = call->run->world;
    if (!world->xref) {
        return xd_call_fail(call, "xref.none",
                            "there are no code tables here, so $xref cannot be answered");
    }
    xd_str value = XD_STR_NULL;
    xd_status status = world->xref(world->self, args[0].text, args[1].text, args[2].text,
                                   call->run->arena, &value, call->run->fault);
    if (status != XD_OK) {
        call->run->fault->offset = -1;
        return status;
    }
    if (!value.ptr) {
        return xd_fail(call->run->fault, XD_NOT_FOUND, "xref.missing",
                       "code table \"%.*s\" has no code \"%.*s\" for system \"%.*s\"; add it",
                       (int)(args[0].text.len < 60 ? args[0].text.len : 60), args[0].text.ptr,
                       (int)(args[2].text.len < 60 ? args[2].text.len : 60), args[2].text.ptr,
                       (int)(args[1].text.len < 60 ? args[1].text.len : 60), args[1].text.ptr);
    }
    *ret = xd_string_value(value);
    return XD_OK;
}

/* A quantity or amount given as a number or as a string of digits. */
static xd_status amount_of(const xd_call *call, const xd_value *v, xd_number *ret)
{
    if (v->type == XD_V_INFINITE) {
        return xd_run_range(call->run);
    }
    if (xd_is_number(v)) {
        *ret = xd_number_of(v);
        return XD_OK;
    }
    if (!xd_number_parse(v->text, ret)) {
        return xd_call_fail(call, "D3030", "\"%.*s\" is not a number",
                            (int)(v->text.len < 80 ? v->text.len : 80), v->text.ptr);
    }
    return XD_OK;
}

/* $uom(quantity, from, to) */
XD_FN(uom)
{
    (void)arg_count;
    *ret = xd_undefined();
    if (xd_is_undefined(&args[0]) || xd_is_undefined(&args[1]) || xd_is_undefined(&args[2])) {
        return XD_OK;
    }
    xd_run *run = call->run;
    xd_number quantity;
    XD_TRY(amount_of(call, &args[0], &quantity));
    if (xd_str_eq(args[1].text, args[2].text)) {
        return xd_number_value(run, quantity, ret);
    }
    if (!run->world->uom) {
        return xd_call_fail(call, "uom.none",
                            "there are no unit conversions here, so $uom cannot be answered");
    }
    int64_t numerator = 0;
    int64_t denominator = 1;
    xd_status status = run->world->uom(run->world->self, args[1].text, args[2].text, &numerator,
                                       &denominator, run->fault);
    if (status != XD_OK) {
        run->fault->offset = -1;
        return status;
    }
    if (numerator == 0 || denominator == 0) {
        return xd_fail(run->fault, XD_NOT_FOUND, "uom.missing",
                       "no conversion from unit \"%.*s\" to \"%.*s\" is known; add it",
                       (int)(args[1].text.len < 60 ? args[1].text.len : 60), args[1].text.ptr,
                       (int)(args[2].text.len < 60 ? args[2].text.len : 60), args[2].text.ptr);
    }
    if (!xd_number_mul(quantity, (xd_number){numerator, 0, false}, &quantity) ||
        !xd_number_div(quantity, (xd_number){denominator, 0, false}, XD_QUOTIENT_DIGITS,
                       &quantity)) {
        return xd_run_range(run);
    }
    return xd_number_value(run, quantity, ret);
}

/* Digits after the point that the second argument of $money asks for. */
static xd_status money_digits(const xd_call *call, const xd_value *v, int32_t *ret)
{
    *ret = 2;
    if (xd_is_undefined(v)) {
        return XD_OK;
    }
    if (xd_is_string(v)) {
        *ret = xd_currency_digits(v->text);
        if (*ret < 0) {
            return xd_call_fail(call, "money.currency", "\"%.*s\" is not an ISO 4217 currency code",
                                (int)(v->text.len < 20 ? v->text.len : 20), v->text.ptr);
        }
        return XD_OK;
    }
    int64_t digits = v->type == XD_V_INFINITE ? -1 : xd_number_int64(xd_number_of(v));
    if (digits < 0 || digits > 18) {
        return xd_call_fail(call, "money.scale", "$money rounds to 0 to 18 digits after the point");
    }
    *ret = (int32_t)digits;
    return XD_OK;
}

/* $money(x[, currency or scale]): half away from zero, as invoices are rounded. */
XD_FN(money)
{
    (void)arg_count;
    *ret = args[0];
    if (xd_is_undefined(&args[0])) {
        return XD_OK;
    }
    xd_number n;
    int32_t digits;
    xd_decimal amount;
    XD_TRY(amount_of(call, &args[0], &n));
    XD_TRY(money_digits(call, &args[1], &digits));
    if (!xd_number_decimal(xd_number_round(n, digits, XD_HALF_AWAY), &amount) ||
        xd_decimal_round(amount, digits, XD_HALF_AWAY, &amount) != XD_OK) {
        return xd_run_range(call->run);
    }
    char *text = xd_arena_alloc(call->run->arena, XD_DECIMAL_MAX_TEXT);
    if (!text) {
        return xd_run_no_memory(call->run);
    }
    *ret = xd_string_value(xd_decimal_text(amount, text));
    return XD_OK;
}

static xd_status write_date(const xd_call *call, xd_date date, xd_value *ret)
{
    int32_t year;
    int32_t month;
    int32_t day;
    xd_date_split(date, &year, &month, &day);
    xd_str text = xd_arena_printf(call->run->arena, "%04d-%02d-%02d", year, month, day);
    *ret = xd_string_value(text);
    return text.ptr ? XD_OK : xd_run_no_memory(call->run);
}

/* $date(text[, picture]): the business date in text. */
XD_FN(date)
{
    (void)arg_count;
    *ret = args[0];
    if (xd_is_undefined(&args[0])) {
        return XD_OK;
    }
    xd_str s = args[0].text;
    xd_date date;
    if (xd_is_undefined(&args[1])) {
        /* A date is the date that stands there, whatever the time and zone after it. */
        bool timed = s.len > 10 && (s.ptr[10] == 'T' || s.ptr[10] == ' ');
        if (xd_date_parse((xd_str){s.ptr, timed ? 10 : s.len}, &date, NULL) != XD_OK) {
            return xd_call_fail(call, "map.date",
                                "\"%.*s\" does not begin with a date like 2026-01-31",
                                (int)(s.len < 60 ? s.len : 60), s.ptr);
        }
        return write_date(call, date, ret);
    }
    int64_t millis;
    bool found;
    xd_status status =
        xd_picture_to_millis(s, args[1].text, call->run->world->now / MICROS_PER_MILLI, &millis,
                             &found, call->run->fault);
    if (status != XD_OK) {
        call->run->fault->offset = -1;
        return status;
    }
    if (!found) {
        return xd_call_fail(call, "map.date", "\"%.*s\" does not fit the picture \"%.*s\"",
                            (int)(s.len < 60 ? s.len : 60), s.ptr,
                            (int)(args[1].text.len < 60 ? args[1].text.len : 60), args[1].text.ptr);
    }
    int64_t days = millis / MILLIS_PER_DAY - (millis % MILLIS_PER_DAY < 0);
    return write_date(call, (xd_date)days, ret);
}
