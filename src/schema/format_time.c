/* Dates, times and durations as RFC 3339 writes them (section 5.6 and appendix A). See
 * schema_int.h. Pure. */
#include "schema/schema_int.h"

/* Reads exactly n digits at *at, which moves on; -1 when they are not there. */
static int read_digits(xd_str text, size_t *at, size_t n)
{
    int value = 0;
    if (text.len - *at < n) {
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        unsigned digit = (unsigned)(uint8_t)text.ptr[*at + i] - '0';
        if (digit > 9) {
            return -1;
        }
        value = value * 10 + (int)digit;
    }
    *at += n;
    return value;
}

static bool read_char(xd_str text, size_t *at, char c)
{
    bool found = *at < text.len && text.ptr[*at] == c;
    *at += found;
    return found;
}

static bool read_date(xd_str text, size_t *at)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = read_digits(text, at, 4);
    bool first = year >= 0 && read_char(text, at, '-');
    int month = first ? read_digits(text, at, 2) : -1;
    bool second = month >= 1 && month <= 12 && read_char(text, at, '-');
    int day = second ? read_digits(text, at, 2) : -1;
    if (day < 1) {
        return false;
    }
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day <= days[month - 1] + (month == 2 && leap);
}

/* Minutes east of UTC; false when there is no offset at *at. */
static bool read_offset(xd_str text, size_t *at, int *ret_minutes)
{
    if (read_char(text, at, 'Z') || read_char(text, at, 'z')) {
        *ret_minutes = 0;
        return true;
    }
    bool west = *at < text.len && text.ptr[*at] == '-';
    if (!west && !(*at < text.len && text.ptr[*at] == '+')) {
        return false;
    }
    *at += 1;
    int hours = read_digits(text, at, 2);
    int minutes = hours >= 0 && read_char(text, at, ':') ? read_digits(text, at, 2) : -1;
    if (minutes < 0 || hours > 23 || minutes > 59) {
        return false;
    }
    *ret_minutes = (west ? -1 : 1) * (hours * 60 + minutes);
    return true;
}

static bool read_time(xd_str text, size_t *at)
{
    int hour = read_digits(text, at, 2);
    int minute = hour >= 0 && read_char(text, at, ':') ? read_digits(text, at, 2) : -1;
    int second = minute >= 0 && read_char(text, at, ':') ? read_digits(text, at, 2) : -1;
    if (second < 0 || hour > 23 || minute > 59 || second > 60) {
        return false;
    }
    if (read_char(text, at, '.')) {
        size_t from = *at;
        while (*at < text.len && text.ptr[*at] >= '0' && text.ptr[*at] <= '9') {
            *at += 1;
        }
        if (*at == from) {
            return false;
        }
    }
    int offset;
    if (!read_offset(text, at, &offset)) {
        return false;
    }
    /* A leap second is the last of a day in UTC (section 5.7). */
    int day_minutes = 24 * 60;
    int utc = ((hour * 60 + minute - offset) % day_minutes + day_minutes) % day_minutes;
    return second < 60 || utc == day_minutes - 1;
}

bool xd_schema_format_is_date(xd_str text)
{
    size_t at = 0;
    return read_date(text, &at) && at == text.len;
}

bool xd_schema_format_is_time(xd_str text)
{
    size_t at = 0;
    return read_time(text, &at) && at == text.len;
}

bool xd_schema_format_is_date_time(xd_str text)
{
    size_t at = 0;
    return read_date(text, &at) && (read_char(text, &at, 'T') || read_char(text, &at, 't')) &&
           read_time(text, &at) && at == text.len;
}

/* Reads "digits unit" groups, each unit once and in the order of units, no unit left out between
 * two (appendix A allows P1Y2M3D and P2M3D but not P1Y3D). */
static bool read_units(xd_str text, size_t *at, const char *units)
{
    const char *last = NULL;
    while (*at < text.len && text.ptr[*at] != 'T') {
        size_t from = *at;
        while (*at < text.len && text.ptr[*at] >= '0' && text.ptr[*at] <= '9') {
            *at += 1;
        }
        if (*at == from || *at == text.len) {
            return false;
        }
        const char *unit = text.ptr[*at] ? strchr(units, text.ptr[*at]) : NULL;
        if (!unit || (last && unit != last + 1)) {
            return false;
        }
        last = unit;
        *at += 1;
    }
    return last != NULL;
}

bool xd_schema_format_is_duration(xd_str text)
{
    size_t at = 0;
    if (!read_char(text, &at, 'P') || at == text.len) {
        return false;
    }
    if (text.ptr[text.len - 1] == 'W') {
        return read_units(text, &at, "W") && at == text.len;
    }
    if (text.ptr[at] != 'T' && !read_units(text, &at, "YMD")) {
        return false;
    }
    if (at == text.len) {
        return true;
    }
    return read_char(text, &at, 'T') && read_units(text, &at, "HMS") && at == text.len;
}
