/* Dates and instants by pattern, such as DD.MM.YYYY HH:mm: see docs/formats.md for the letters.
 * Owns nothing; pure. */
#include "format/value_int.h"

#include "base/time.h"

typedef enum token_kind {
    TOKEN_LITERAL,
    TOKEN_YEAR,
    TOKEN_SHORT_YEAR,
    TOKEN_MONTH,
    TOKEN_MONTH_NAME,
    TOKEN_DAY,
    TOKEN_HOUR,
    TOKEN_MINUTE,
    TOKEN_SECOND,
    TOKEN_FRACTION,
    TOKEN_OFFSET,
    TOKEN_UNKNOWN
} token_kind;

typedef struct token {
    token_kind kind;
    uint32_t length; /* of the pattern */
    bool loose;      /* one or two digits */
} token;

static const char month_names[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/* The token at p: a run of one letter is one token, everything else stands for itself. */
static token next_token(const char *p, const char *end)
{
    uint32_t n = 1;
    while (p + n < end && p[n] == p[0]) {
        n++;
    }
    switch (p[0]) {
    case 'Y':
    case 'y':
        return (token){n == 4 ? TOKEN_YEAR : n == 2 ? TOKEN_SHORT_YEAR : TOKEN_UNKNOWN, n, false};
    case 'M':
        return (token){n <= 2 ? TOKEN_MONTH : n == 3 ? TOKEN_MONTH_NAME : TOKEN_UNKNOWN, n, n == 1};
    case 'D':
    case 'd':
        return (token){n <= 2 ? TOKEN_DAY : TOKEN_UNKNOWN, n, n == 1};
    case 'H':
        return (token){n <= 2 ? TOKEN_HOUR : TOKEN_UNKNOWN, n, n == 1};
    case 'm':
        return (token){n == 2 ? TOKEN_MINUTE : TOKEN_UNKNOWN, n, false};
    case 's':
        return (token){n == 2 ? TOKEN_SECOND : TOKEN_UNKNOWN, n, false};
    case 'S':
        return (token){n <= 6 ? TOKEN_FRACTION : TOKEN_UNKNOWN, n, false};
    case 'Z':
        return (token){n == 1 ? TOKEN_OFFSET : TOKEN_UNKNOWN, n, false};
    case 'T':
        return (token){TOKEN_LITERAL, 1, false};
    default: {
        char lower = (char)(p[0] | 0x20);
        return (token){lower >= 'a' && lower <= 'z' ? TOKEN_UNKNOWN : TOKEN_LITERAL, 1, false};
    }
    }
}

xd_status xd_pattern_check(const xd_layout *layout, xd_str pattern, bool instant, bool has_offset)
{
    uint32_t seen = 0;
    const char *end = pattern.ptr + pattern.len;
    for (const char *p = pattern.ptr; p < end;) {
        token t = next_token(p, end);
        if (t.kind == TOKEN_UNKNOWN) {
            return xd_layout_fail(layout, "format", "layout.pattern",
                                  "the pattern has no letters '%.*s'; it knows YYYY YY MM M MMM DD "
                                  "D HH H mm ss SSS Z",
                                  (int)t.length, p);
        }
        if (t.kind != TOKEN_LITERAL && (seen & 1u << t.kind)) {
            return xd_layout_fail(layout, "format", "layout.pattern",
                                  "the pattern says '%.*s' or the like twice (MM is the month, mm "
                                  "the minute)",
                                  (int)t.length, p);
        }
        seen |= 1u << t.kind;
        p += t.length;
    }
    bool year = seen & (1u << TOKEN_YEAR | 1u << TOKEN_SHORT_YEAR);
    bool month = seen & (1u << TOKEN_MONTH | 1u << TOKEN_MONTH_NAME);
    if (!year || !month || !(seen & 1u << TOKEN_DAY)) {
        return xd_layout_fail(layout, "format", "layout.pattern",
                              "a date pattern needs year, month and day, such as DD.MM.YYYY (MM is "
                              "the month, mm the minute)");
    }
    if (!instant && seen >> TOKEN_HOUR & 0x1F) {
        return xd_layout_fail(layout, "format", "layout.pattern",
                              "a date has no time of day; use the type instant");
    }
    if (instant && !has_offset && !(seen & 1u << TOKEN_OFFSET)) {
        return xd_layout_fail(layout, NULL, "layout.pattern",
                              "an instant needs its offset from UTC: Z in the pattern, or "
                              "\"offset\": \"+01:00\" beside it");
    }
    return XD_OK;
}

typedef struct parts {
    int32_t year, month, day, hour, minute, second, fraction_us, offset_min;
} parts;

/* min to max digits at *p. */
static bool take_digits(const char **p, const char *end, int min, int max, int32_t *ret)
{
    int32_t value = 0;
    int n = 0;
    while (n < max && *p < end && **p >= '0' && **p <= '9') {
        value = value * 10 + (**p - '0');
        (*p)++;
        n++;
    }
    *ret = value;
    return n >= min;
}

static bool take_month_name(const char **p, const char *end, int32_t *ret)
{
    for (int32_t i = 0; end - *p >= 3 && i < 12; i++) {
        const char *name = month_names[i];
        if (((*p)[0] | 0x20) == (name[0] | 0x20) && ((*p)[1] | 0x20) == name[1] &&
            ((*p)[2] | 0x20) == name[2]) {
            *p += 3;
            *ret = i + 1;
            return true;
        }
    }
    return false;
}

static bool take_offset(const char **p, const char *end, int32_t *ret)
{
    if (*p < end && (**p == 'Z' || **p == 'z')) {
        (*p)++;
        *ret = 0;
        return true;
    }
    if (*p == end || (**p != '+' && **p != '-')) {
        return false;
    }
    bool west = **p == '-';
    int32_t hours;
    int32_t minutes;
    (*p)++;
    if (!take_digits(p, end, 2, 2, &hours)) {
        return false;
    }
    if (*p < end && **p == ':') {
        (*p)++;
    }
    if (!take_digits(p, end, 2, 2, &minutes) || hours > 23 || minutes > 59) {
        return false;
    }
    *ret = (west ? -1 : 1) * (hours * 60 + minutes);
    return true;
}

static bool take_token(token t, const char *pattern, const char **p, const char *end, parts *at)
{
    int min = t.loose ? 1 : 2;
    switch (t.kind) {
    case TOKEN_YEAR:
        return take_digits(p, end, 4, 4, &at->year);
    case TOKEN_SHORT_YEAR: /* 70 to 99 are of the last century */
        if (!take_digits(p, end, 2, 2, &at->year)) {
            return false;
        }
        at->year += at->year < 70 ? 2000 : 1900;
        return true;
    case TOKEN_MONTH:
        return take_digits(p, end, min, 2, &at->month);
    case TOKEN_MONTH_NAME:
        return take_month_name(p, end, &at->month);
    case TOKEN_DAY:
        return take_digits(p, end, min, 2, &at->day);
    case TOKEN_HOUR:
        return take_digits(p, end, min, 2, &at->hour);
    case TOKEN_MINUTE:
        return take_digits(p, end, 2, 2, &at->minute);
    case TOKEN_SECOND:
        return take_digits(p, end, 2, 2, &at->second);
    case TOKEN_FRACTION:
        if (!take_digits(p, end, (int)t.length, (int)t.length, &at->fraction_us)) {
            return false;
        }
        for (uint32_t i = t.length; i < 6; i++) {
            at->fraction_us *= 10;
        }
        return true;
    case TOKEN_OFFSET:
        return take_offset(p, end, &at->offset_min);
    default:
        return *p < end && *(*p)++ == *pattern;
    }
}

/* Writes count digits of value at to; returns the end. */
static char *put_digits(char *to, int count, int32_t value)
{
    for (int i = count; i > 0; i--) {
        to[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
    return to + count;
}

bool xd_pattern_read(xd_str pattern, xd_str text, bool instant, int32_t offset_min, xd_buf *iso)
{
    parts at = {.offset_min = offset_min};
    const char *p = text.ptr;
    const char *end = text.ptr + text.len;
    const char *pattern_end = pattern.ptr + pattern.len;
    for (const char *q = pattern.ptr; q < pattern_end;) {
        token t = next_token(q, pattern_end);
        if (!take_token(t, q, &p, end, &at)) {
            return false;
        }
        q += t.length;
    }
    if (p != end) {
        return false;
    }
    /* The readers of base know the calendar and the bounds. */
    char text_iso[sizeof "2026-11-17T13:06:04.123456+01:00"];
    char *to = put_digits(text_iso, 4, at.year);
    *to++ = '-';
    to = put_digits(to, 2, at.month);
    *to++ = '-';
    to = put_digits(to, 2, at.day);
    xd_date date;
    if (!instant) {
        xd_str written = {text_iso, (size_t)(to - text_iso)};
        xd_buf_str_add(iso, written);
        return !iso->failed && xd_date_parse(written, &date, NULL) == XD_OK;
    }
    int32_t off = at.offset_min < 0 ? -at.offset_min : at.offset_min;
    *to++ = 'T';
    to = put_digits(to, 2, at.hour);
    *to++ = ':';
    to = put_digits(to, 2, at.minute);
    *to++ = ':';
    to = put_digits(to, 2, at.second);
    *to++ = '.';
    to = put_digits(to, 6, at.fraction_us);
    *to++ = at.offset_min < 0 ? '-' : '+';
    to = put_digits(to, 2, off / 60);
    *to++ = ':';
    to = put_digits(to, 2, off % 60);
    xd_instant moment;
    if (xd_instant_parse((xd_str){text_iso, (size_t)(to - text_iso)}, &moment, NULL) != XD_OK) {
        return false;
    }
    xd_instant_write(iso, moment);
    return !iso->failed;
}

static bool split_iso(xd_str iso, bool instant, int32_t offset_min, parts *ret)
{
    xd_date date;
    parts at = {.offset_min = offset_min};
    if (instant) {
        xd_instant moment;
        if (xd_instant_parse(iso, &moment, NULL) != XD_OK) {
            return false;
        }
        date = xd_date_of(moment, offset_min);
        int64_t us = moment + offset_min * INT64_C(60000000) - date * INT64_C(86400000000);
        at.fraction_us = (int32_t)(us % 1000000);
        int32_t seconds = (int32_t)(us / 1000000);
        at.hour = seconds / 3600;
        at.minute = seconds / 60 % 60;
        at.second = seconds % 60;
    } else if (xd_date_parse(iso, &date, NULL) != XD_OK) {
        return false;
    }
    xd_date_split(date, &at.year, &at.month, &at.day);
    *ret = at;
    return at.year >= 1 && at.year <= 9999; /* an offset may lead out of them */
}

static void write_token(token t, const char *pattern, const parts *at, xd_buf *buf)
{
    int32_t fraction = at->fraction_us;
    int32_t off = at->offset_min < 0 ? -at->offset_min : at->offset_min;
    int32_t value = 0;
    switch (t.kind) {
    case TOKEN_YEAR:
        xd_buf_printf(buf, "%04d", at->year);
        return;
    case TOKEN_MONTH_NAME:
        xd_buf_add(buf, month_names[at->month - 1], 3);
        return;
    case TOKEN_FRACTION:
        for (uint32_t i = t.length; i < 6; i++) {
            fraction /= 10;
        }
        xd_buf_printf(buf, "%0*d", (int)t.length, fraction);
        return;
    case TOKEN_OFFSET:
        xd_buf_printf(buf, "%c%02d:%02d", at->offset_min < 0 ? '-' : '+', off / 60, off % 60);
        return;
    case TOKEN_SHORT_YEAR:
        value = at->year % 100;
        break;
    case TOKEN_MONTH:
        value = at->month;
        break;
    case TOKEN_DAY:
        value = at->day;
        break;
    case TOKEN_HOUR:
        value = at->hour;
        break;
    case TOKEN_MINUTE:
        value = at->minute;
        break;
    case TOKEN_SECOND:
        value = at->second;
        break;
    default:
        xd_buf_char(buf, *pattern);
        return;
    }
    xd_buf_printf(buf, "%0*d", t.loose ? 1 : 2, value);
}

bool xd_pattern_write(xd_str pattern, xd_str iso, bool instant, int32_t offset_min, xd_buf *buf)
{
    parts at;
    if (!split_iso(iso, instant, offset_min, &at)) {
        return false;
    }
    const char *end = pattern.ptr + pattern.len;
    for (const char *p = pattern.ptr; p < end;) {
        token t = next_token(p, end);
        if (t.kind == TOKEN_SHORT_YEAR && (at.year < 1970 || at.year > 2069)) {
            return false; /* two digits would be read as another century */
        }
        write_token(t, p, &at, buf);
        p += t.length;
    }
    return true;
}
