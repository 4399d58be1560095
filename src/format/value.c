/* One value between its text in a file and JSON. See value_int.h. */
#include "format/value_int.h"

#include "base/decimal.h"
#include "base/time.h"

const char *const xd_value_types[] = {"text",    "decimal", "integer", "date",
                                      "instant", "boolean", NULL};

/* --- compiling --- */

static xd_status keep(const xd_layout *layout, xd_arena *arena, xd_str *text)
{
    if (text->ptr) {
        *text = xd_arena_copy(arena, *text);
        if (!text->ptr) {
            return xd_fail(layout->fault, XD_NO_MEMORY, NULL, "no memory for the layout");
        }
    }
    return XD_OK;
}

/* A text or a list of them. */
static xd_status read_words(const xd_layout *layout, const char *member, xd_arena *arena,
                            xd_str *words, uint32_t *ret_count)
{
    const xd_json *value = xd_json_get(layout->object, xd_str_from(member));
    if (!value) {
        return XD_OK;
    }
    const xd_json *items = value->type == XD_JSON_ARRAY ? value->items : value;
    uint32_t count = value->type == XD_JSON_ARRAY ? value->count : 1;
    if (count < 1 || count > XD_VALUE_WORDS) {
        return xd_layout_fail(layout, member, "layout.range", "%s needs 1 to %d words", member,
                              XD_VALUE_WORDS);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (items[i].type != XD_JSON_STRING) {
            return xd_layout_fail(layout, member, "layout.type",
                                  "%s must be a text or a list of "
                                  "texts",
                                  member);
        }
        words[i] = items[i].text;
        XD_TRY(keep(layout, arena, &words[i]));
    }
    *ret_count = count;
    return XD_OK;
}

static xd_status read_offset(const xd_layout *layout, int32_t *ret_min, bool *ret_given)
{
    xd_str text = XD_STR_NULL;
    XD_TRY(xd_layout_text(layout, "offset", &text));
    if (!text.ptr) {
        return XD_OK;
    }
    const char *p = text.ptr;
    bool good = text.len == 6 && (p[0] == '+' || p[0] == '-') && p[3] == ':';
    int64_t hours = 0;
    int64_t minutes = 0;
    good = good && p[1] >= '0' && p[4] >= '0' && xd_str_to_int64((xd_str){p + 1, 2}, &hours) &&
           xd_str_to_int64((xd_str){p + 4, 2}, &minutes) && hours < 24 && minutes < 60;
    if (!good) {
        return xd_layout_fail(layout, "offset", "layout.offset",
                              "offset must be the difference from UTC, such as +01:00");
    }
    *ret_min = (int32_t)(p[0] == '-' ? -(hours * 60 + minutes) : hours * 60 + minutes);
    *ret_given = true;
    return XD_OK;
}

/* What only some types understand is refused elsewhere: it would have no effect. */
static xd_status check_fit(const xd_layout *layout, const xd_value_spec *spec)
{
    bool number = spec->type == XD_VALUE_DECIMAL || spec->type == XD_VALUE_INTEGER;
    bool time = spec->type == XD_VALUE_DATE || spec->type == XD_VALUE_INSTANT;
    const struct {
        const char *member;
        bool fits;
    } rules[] = {
        {"decimal_comma", number},
        {"thousands", number},
        {"format", time},
        {"offset", spec->type == XD_VALUE_INSTANT},
        {"true", spec->type == XD_VALUE_BOOLEAN},
        {"false", spec->type == XD_VALUE_BOOLEAN},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (!rules[i].fits && xd_json_get(layout->object, xd_str_from(rules[i].member))) {
            return xd_layout_fail(layout, rules[i].member, "layout.type",
                                  "%s has no meaning for the type %s", rules[i].member,
                                  xd_value_types[spec->type]);
        }
    }
    return XD_OK;
}

xd_status xd_value_compile(const xd_layout *layout, xd_arena *arena, bool typed, xd_value_spec *ret)
{
    xd_value_spec spec = *ret;
    bool comma = false;
    bool offset_given = false;
    if (!typed) {
        int type = XD_VALUE_TEXT;
        XD_TRY(xd_layout_word(layout, "type", xd_value_types, &type));
        spec.type = (xd_value_type)type;
    }
    XD_TRY(check_fit(layout, &spec));
    XD_TRY(xd_layout_bool(layout, "decimal_comma", &comma));
    spec.point = comma ? ',' : '.';
    XD_TRY(xd_layout_char(layout, "thousands", &spec.thousands));
    if (spec.thousands == spec.point || (spec.thousands >= '0' && spec.thousands <= '9') ||
        spec.thousands == '-' || spec.thousands == '+') {
        return xd_layout_fail(layout, "thousands", "layout.thousands",
                              "thousands cannot be '%c', which has a meaning in a number already",
                              spec.thousands);
    }
    XD_TRY(xd_layout_text(layout, "format", &spec.pattern));
    XD_TRY(keep(layout, arena, &spec.pattern));
    XD_TRY(read_offset(layout, &spec.offset_min, &offset_given));
    if (spec.pattern.len) {
        XD_TRY(xd_pattern_check(layout, spec.pattern, spec.type == XD_VALUE_INSTANT, offset_given));
    }
    XD_TRY(xd_layout_text(layout, "null", &spec.null_text));
    XD_TRY(keep(layout, arena, &spec.null_text));
    XD_TRY(xd_layout_bool(layout, "required", &spec.required));
    static const xd_str trues[] = {{"true", 4}, {"1", 1}, {"yes", 3}, {"y", 1}};
    static const xd_str falses[] = {{"false", 5}, {"0", 1}, {"no", 2}, {"n", 1}};
    memcpy(spec.trues, trues, sizeof trues);
    memcpy(spec.falses, falses, sizeof falses);
    spec.true_count = spec.false_count = 4;
    XD_TRY(read_words(layout, "true", arena, spec.trues, &spec.true_count));
    XD_TRY(read_words(layout, "false", arena, spec.falses, &spec.false_count));
    *ret = spec;
    return XD_OK;
}

/* --- reading --- */

static int shown(xd_str text)
{
    return text.len < 40 ? (int)text.len : 40;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool xd_value_is_plain_number(xd_str text, bool fraction_allowed)
{
    const char *p = text.ptr;
    const char *end = p + text.len;
    p += p < end && *p == '-';
    if (p == end || !is_digit(*p) || (*p == '0' && p + 1 < end && p[1] != '.')) {
        return false;
    }
    while (p < end && is_digit(*p)) {
        p++;
    }
    if (p == end) {
        return true;
    }
    const char *point = p++;
    while (p < end && is_digit(*p)) {
        p++;
    }
    return fraction_allowed && *point == '.' && p == end && p > point + 1;
}

/* Digits with thousands separators at *p become plain ones at *to. Groups must have three digits,
 * so that a decimal comma is never taken for a separator of thousands. */
static bool take_whole(const xd_value_spec *spec, const char **p, const char *end, char **to)
{
    int group = 0;
    bool grouped = false;
    for (; *p < end; (*p)++) {
        if (is_digit(**p)) {
            *(*to)++ = **p;
            group++;
        } else if (spec->thousands && **p == spec->thousands) {
            if (group == 0 || group > 3 || (grouped && group != 3)) {
                return false;
            }
            grouped = true;
            group = 0;
        } else {
            break;
        }
    }
    return !grouped || group == 3;
}

/* Rewrites a number of the file as a JSON number into out, which holds text.len + 2 bytes. A sign
 * may lead or trail. */
static bool rewrite_number(const xd_value_spec *spec, xd_str text, char *out, xd_str *ret)
{
    const char *p = text.ptr;
    const char *end = p + text.len;
    char *to = out + 1; /* a place for the sign */
    bool negative = false;
    if (*p == '-' || *p == '+') {
        negative = *p++ == '-';
    } else if (end[-1] == '-' || end[-1] == '+') {
        negative = *--end == '-';
    }
    char *whole = to;
    if (!take_whole(spec, &p, end, &to)) {
        return false;
    }
    bool any = to > whole;
    if (!any) {
        *to++ = '0';
    }
    char *first = whole;
    while (first + 1 < to && *first == '0') {
        first++; /* leading zeros */
    }
    if (p < end && *p == spec->point && spec->type == XD_VALUE_DECIMAL) {
        char *point = to;
        *to++ = '.';
        for (p++; p < end && is_digit(*p); p++) {
            *to++ = *p;
        }
        any = any || to > point + 1;
        to = to == point + 1 ? point : to; /* "5." is 5 */
    }
    if (p != end || !any) {
        return false;
    }
    if (negative) {
        *--first = '-';
    }
    *ret = (xd_str){first, (size_t)(to - first)};
    return true;
}

static xd_status read_number(const xd_value_spec *spec, xd_str text, xd_arena *arena, xd_json *ret,
                             xd_fault *fault)
{
    bool decimal = spec->type == XD_VALUE_DECIMAL;
    xd_str number = text;
    if (!xd_value_is_plain_number(text, decimal && spec->point == '.')) {
        char *out = xd_arena_alloc(arena, text.len + 2);
        if (!out) {
            return xd_fail(fault, XD_NO_MEMORY, NULL, "no memory for a number");
        }
        if (!rewrite_number(spec, text, out, &number)) {
            return xd_fail(fault, XD_INVALID, decimal ? "value.decimal" : "value.integer",
                           "expected %s, found '%.*s'",
                           !decimal             ? "a whole number"
                           : spec->point == ',' ? "a number with decimal comma"
                                                : "a number with decimal point",
                           shown(text), text.ptr);
        }
    }
    *ret = (xd_json){.type = XD_JSON_NUMBER, .text = number};
    return XD_OK;
}

enum { ISO_BYTES = 32 }; /* the longest instant has 27 */

/* 00000000 and 00.00.0000 stand for "no date" in many systems. */
static bool is_zero_date(xd_str text)
{
    size_t zeros = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] >= '1' && text.ptr[i] <= '9') {
            return false;
        }
        zeros += text.ptr[i] == '0';
    }
    return zeros >= 6;
}

static xd_status read_time(const xd_value_spec *spec, xd_str text, xd_arena *arena, xd_json *ret,
                           xd_fault *fault)
{
    bool instant = spec->type == XD_VALUE_INSTANT;
    const char *rule = instant ? "value.instant" : "value.date";
    if (is_zero_date(text)) {
        *ret = (xd_json){.type = XD_JSON_NULL};
        return XD_OK;
    }
    xd_str iso = text;
    if (instant || spec->pattern.len) {
        char *room = xd_arena_alloc(arena, ISO_BYTES);
        if (!room) {
            return xd_fail(fault, XD_NO_MEMORY, NULL, "no memory for a date");
        }
        /* A buffer that is full from the start never grows, so the arena owns it. */
        xd_buf buf = {.ptr = room, .size = ISO_BYTES, .cap_bytes = ISO_BYTES};
        xd_instant moment;
        bool good;
        if (spec->pattern.len) {
            good = xd_pattern_read(spec->pattern, text, instant, spec->offset_min, &buf);
        } else {
            good = xd_instant_parse(text, &moment, NULL) == XD_OK;
            if (good) {
                xd_instant_write(&buf, moment);
            }
        }
        iso = xd_buf_str(&buf);
        if (!good) {
            return xd_fail(fault, XD_INVALID, rule, "expected %s like %.*s, found '%.*s'",
                           instant ? "an instant" : "a date that exists,",
                           spec->pattern.len ? shown(spec->pattern) : 20,
                           spec->pattern.len ? spec->pattern.ptr : "2026-11-17T13:06:04Z",
                           shown(text), text.ptr);
        }
    } else {
        xd_date date;
        if (xd_date_parse(text, &date, NULL) != XD_OK) {
            return xd_fail(fault, XD_INVALID, rule,
                           "expected a date that exists, like 2026-11-17, found '%.*s'; \"format\" "
                           "in the layout gives another pattern",
                           shown(text), text.ptr);
        }
    }
    *ret = (xd_json){.type = XD_JSON_STRING, .text = iso};
    return XD_OK;
}

static bool same_word(xd_str a, xd_str b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        char x = a.ptr[i];
        char y = b.ptr[i];
        x = x >= 'A' && x <= 'Z' ? (char)(x | 0x20) : x;
        y = y >= 'A' && y <= 'Z' ? (char)(y | 0x20) : y;
        if (x != y) {
            return false;
        }
    }
    return true;
}

static bool among(xd_str text, const xd_str *words, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (same_word(text, words[i])) {
            return true;
        }
    }
    return false;
}

static xd_status read_boolean(const xd_value_spec *spec, xd_str text, xd_json *ret, xd_fault *fault)
{
    bool yes = among(text, spec->trues, spec->true_count);
    if (!yes && !among(text, spec->falses, spec->false_count)) {
        return xd_fail(fault, XD_INVALID, "value.boolean",
                       "expected %.*s or %.*s (or another word of the layout), found '%.*s'",
                       shown(spec->trues[0]), spec->trues[0].ptr, shown(spec->falses[0]),
                       spec->falses[0].ptr, shown(text), text.ptr);
    }
    *ret = (xd_json){.type = yes ? XD_JSON_TRUE : XD_JSON_FALSE};
    return XD_OK;
}

static xd_str trim_blanks(xd_str text)
{
    while (text.len && text.ptr[0] == ' ') {
        text.ptr++;
        text.len--;
    }
    while (text.len && text.ptr[text.len - 1] == ' ') {
        text.len--;
    }
    return text;
}

xd_status xd_value_read(const xd_value_spec *spec, xd_str text, xd_arena *arena, xd_json *ret,
                        xd_fault *fault)
{
    if (spec->type != XD_VALUE_TEXT) {
        text = trim_blanks(text);
    }
    bool word_for_empty = spec->type == XD_VALUE_BOOLEAN && text.len == 0 &&
                          (among(text, spec->trues, spec->true_count) ||
                           among(text, spec->falses, spec->false_count));
    bool null = (spec->null_text.ptr && xd_str_eq(text, spec->null_text)) ||
                (text.len == 0 && spec->type != XD_VALUE_TEXT && !word_for_empty);
    if (spec->required && (null || text.len == 0)) {
        return xd_fail(fault, XD_INVALID, "value.required", "expected a value, found none");
    }
    if (null) {
        *ret = (xd_json){.type = XD_JSON_NULL};
        return XD_OK;
    }
    switch (spec->type) {
    case XD_VALUE_DECIMAL:
    case XD_VALUE_INTEGER:
        return read_number(spec, text, arena, ret, fault);
    case XD_VALUE_DATE:
    case XD_VALUE_INSTANT:
        return read_time(spec, text, arena, ret, fault);
    case XD_VALUE_BOOLEAN:
        return read_boolean(spec, text, ret, fault);
    default:
        *ret = (xd_json){.type = XD_JSON_STRING, .text = text};
        return XD_OK;
    }
}

/* --- writing --- */

static xd_status not_writable(const char *expected, const xd_json *value, xd_fault *fault)
{
    bool text = value->type == XD_JSON_STRING || value->type == XD_JSON_NUMBER;
    return xd_fail(fault, XD_INVALID, "value.type", "expected %s, found %s%s%.*s%s", expected,
                   xd_json_type_name(value->type), text ? " '" : "", text ? shown(value->text) : 0,
                   text ? value->text.ptr : "", text ? "'" : "");
}

static xd_status write_number(const xd_value_spec *spec, const xd_json *value, xd_buf *buf,
                              xd_fault *fault)
{
    bool decimal = spec->type == XD_VALUE_DECIMAL;
    const char *expected = decimal ? "a decimal" : "a whole number";
    if (value->type != XD_JSON_NUMBER && value->type != XD_JSON_STRING) {
        return not_writable(expected, value, fault);
    }
    xd_str text = value->text;
    char plain[XD_DECIMAL_MAX_TEXT];
    if (!xd_value_is_plain_number(text, decimal)) {
        xd_decimal number;
        if (xd_decimal_parse(text, &number, NULL) != XD_OK ||
            (!decimal && xd_decimal_normal(number).scale != 0)) {
            return not_writable(expected, value, fault);
        }
        text = xd_decimal_text(decimal ? number : xd_decimal_normal(number), plain);
    }
    size_t begin = buf->len;
    xd_buf_str_add(buf, text);
    if (spec->point != '.' && !buf->failed) {
        char *point = memchr(buf->ptr + begin, '.', buf->len - begin);
        if (point) {
            *point = spec->point;
        }
    }
    return XD_OK;
}

static xd_status write_time(const xd_value_spec *spec, const xd_json *value, xd_buf *buf,
                            xd_fault *fault)
{
    bool instant = spec->type == XD_VALUE_INSTANT;
    const char *expected = instant ? "an instant (RFC 3339) that the layout's pattern can hold"
                                   : "a date (YYYY-MM-DD) that the layout's pattern can hold";
    if (value->type != XD_JSON_STRING) {
        return not_writable(expected, value, fault);
    }
    if (spec->pattern.len) {
        return xd_pattern_write(spec->pattern, value->text, instant, spec->offset_min, buf)
                   ? XD_OK
                   : not_writable(expected, value, fault);
    }
    xd_instant moment;
    xd_date date;
    if (instant ? xd_instant_parse(value->text, &moment, NULL) != XD_OK
                : xd_date_parse(value->text, &date, NULL) != XD_OK) {
        return not_writable(expected, value, fault);
    }
    if (instant) {
        xd_instant_write(buf, moment);
    } else {
        xd_buf_str_add(buf, value->text);
    }
    return XD_OK;
}

xd_status xd_value_write(const xd_value_spec *spec, const xd_json *value, xd_buf *buf,
                         xd_fault *fault)
{
    bool none = !value || value->type == XD_JSON_NULL;
    if (spec->required && (none || (value->type == XD_JSON_STRING && value->text.len == 0))) {
        return xd_fail(fault, XD_INVALID, "value.required", "expected a value, found none");
    }
    if (none) {
        xd_buf_str_add(buf, spec->null_text);
        return XD_OK;
    }
    switch (spec->type) {
    case XD_VALUE_DECIMAL:
    case XD_VALUE_INTEGER:
        return write_number(spec, value, buf, fault);
    case XD_VALUE_DATE:
    case XD_VALUE_INSTANT:
        return write_time(spec, value, buf, fault);
    case XD_VALUE_BOOLEAN:
        if (value->type != XD_JSON_TRUE && value->type != XD_JSON_FALSE) {
            return not_writable("true or false", value, fault);
        }
        xd_buf_str_add(buf, value->type == XD_JSON_TRUE ? spec->trues[0] : spec->falses[0]);
        return XD_OK;
    default:
        if (value->type == XD_JSON_ARRAY || value->type == XD_JSON_OBJECT) {
            return not_writable("a text", value, fault);
        }
        if (value->type == XD_JSON_TRUE) {
            XD_BUF_LIT(buf, "true");
        } else if (value->type == XD_JSON_FALSE) {
            XD_BUF_LIT(buf, "false");
        } else {
            xd_buf_str_add(buf, value->text);
        }
        return XD_OK;
    }
}
