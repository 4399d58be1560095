/* Crosswalk entry: what one system calls a thing, in the words of another, from one day on. The
 * entries of a code are told apart by the instant at which they begin. Pure. */
#include "base/fraction.h"
#include "canon/event.h"
#include "canon/kinds_int.h"

enum { TABLE, SYSTEM, CODE, VALUE, VALID_FROM, VALID_TO };
enum { NAME_BYTES = 64, CODE_BYTES = XD_EVENT_KEY_MAX, VALUE_BYTES = 1024, TIME_BYTES = 40 };

static const xd_field fields[] = {
    XD_FIELD("table", XD_FIELD_CODE, XD_REQUIRED, "name of the code table, such as item", .min = 1,
             .max = NAME_BYTES),
    XD_FIELD("system", XD_FIELD_CODE, XD_REQUIRED, "system whose code it is", .min = 1,
             .max = NAME_BYTES),
    XD_FIELD("code", XD_FIELD_CODE, XD_REQUIRED, "the system's code", .min = 1, .max = CODE_BYTES),
    XD_FIELD("value", XD_FIELD_TEXT, 0,
             "what it means here; null takes back the entry that begins at valid_from", .min = 1,
             .max = VALUE_BYTES),
    XD_F_TEXT("valid_from", 0, TIME_BYTES,
              "first day (UTC) or instant at which it holds; since ever when absent"),
    XD_F_TEXT("valid_to", 0, TIME_BYTES,
              "last day (UTC) on which it holds, or the first instant at which it does not; no end "
              "when absent"),
    XD_F_EXTENSIONS,
};

/* A date or an instant; an empty text, as a column of a file has it, is like none. */
static xd_status check_time(const xd_values *values, uint32_t field, bool last_day, xd_instant *ret)
{
    const xd_json *json = values->value[field].json;
    *ret = XD_INSTANT_NONE;
    if (!json || json->text.len == 0 || xd_moment_parse(json->text, last_day, ret)) {
        return XD_OK;
    }
    return xd_field_fail(values, field, "time",
                         "%s must be a date such as 2026-11-23, or an instant such as "
                         "2026-11-23T08:30:00Z",
                         values->record->fields[field].name);
}

static bool field_is(const xd_values *values, uint32_t field, xd_str text)
{
    return xd_str_eq(values->value[field].json->text, text);
}

/* Entries of table uom, system factor, are what the conversion of units reads. */
static xd_status check_factor(const xd_values *values)
{
    if (!field_is(values, TABLE, XD_STR("uom")) || !field_is(values, SYSTEM, XD_STR("factor"))) {
        return XD_OK;
    }
    xd_str code = values->value[CODE].json->text;
    const char *arrow = memchr(code.ptr, '>', code.len);
    const char *end = code.ptr + code.len;
    if (!arrow || arrow == code.ptr || arrow + 1 == end ||
        memchr(arrow + 1, '>', (size_t)(end - arrow - 1))) {
        return xd_field_fail(values, CODE, "factor",
                             "the code of a factor must be FROM>TO, two units such as CS>EA");
    }
    int64_t above, below;
    if (xd_given(values, VALUE) &&
        !xd_fraction_parse(values->value[VALUE].json->text, &above, &below)) {
        return xd_field_fail(values, VALUE, "factor",
                             "a factor must be a number above zero, or a fraction of two whole "
                             "numbers, such as 12, 0.25 or 1/3");
    }
    return XD_OK;
}

static xd_status check(const xd_values *values, xd_sum *sum)
{
    (void)sum;
    xd_instant from, to;
    XD_TRY(check_time(values, VALID_FROM, false, &from));
    XD_TRY(check_time(values, VALID_TO, true, &to));
    if (from != XD_INSTANT_NONE && to != XD_INSTANT_NONE && to <= from) {
        return xd_field_fail(values, VALID_TO, "order", "valid_to must come after valid_from");
    }
    return check_factor(values);
}

static const char *const rules[] = {
    "valid_from and valid_to are dates (YYYY-MM-DD) or RFC 3339 instants; valid_to comes after "
    "valid_from.",
    "In table uom, system factor, the code is FROM>TO (two units) and the value a number above "
    "zero or "
    "a fraction of two whole numbers: 12, 0.25, 1/3.",
    NULL,
};

static const xd_record record = XD_RECORD(fields, check, rules);
const xd_field xd_crosswalk_document = XD_DOCUMENT(record);
