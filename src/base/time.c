/* Instants and business dates. See time.h. Calendar arithmetic is the proleptic Gregorian calendar
 * counted in 400-year eras that begin in March, so that the leap day is a year's last day.
 * Owns nothing; calls buf and status only. Pure. */
#include "base/time.h"

#include <assert.h>

enum {
    DAYS_PER_ERA = 146097, /* 400 Gregorian years */
    DAYS_TO_1970 = 719468, /* from 0000-03-01 to 1970-01-01 */
    FIRST_DATE = -719162,  /* 0001-01-01 */
    LAST_DATE = 2932896,   /* 9999-12-31 */
    DATE_LEN = 10,         /* YYYY-MM-DD */
    SECONDS_LEN = 19,      /* YYYY-MM-DDThh:mm:ss */
    MAX_FRACTION_DIGITS = 9
};

static const int64_t second_us = 1000000;
static const int64_t minute_us = 60 * INT64_C(1000000);
static const int64_t day_us = 86400 * INT64_C(1000000);

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int32_t days_of(int32_t year, int32_t month, int32_t day)
{
    year -= month <= 2;
    int32_t era = year / 400;
    int32_t year_of_era = year - era * 400;
    int32_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int32_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + day_of_era - DAYS_TO_1970;
}

void xd_date_split(xd_date date, int32_t *ret_year, int32_t *ret_month, int32_t *ret_day)
{
    int64_t days = (int64_t)date + DAYS_TO_1970;
    int64_t era = floor_div(days, DAYS_PER_ERA);
    int32_t day_of_era = (int32_t)(days - era * DAYS_PER_ERA);
    int32_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int32_t shifted_month = (5 * day_of_year + 2) / 153; /* 0 is March */
    *ret_day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    *ret_month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
    *ret_year = (int32_t)(year_of_era + era * 400) + (*ret_month <= 2);
}

/* Value of n digits at p, or -1 when one of them is no digit. */
static inline int32_t digits(const char *p, int n)
{
    int32_t value = 0;
    for (int i = 0; i < n; i++) {
        unsigned digit = (unsigned)(unsigned char)p[i] - '0';
        if (digit > 9) {
            return -1;
        }
        value = value * 10 + (int32_t)digit;
    }
    return value;
}

/* YYYY-MM-DD in the DATE_LEN bytes at p; false when malformed or not in the calendar. */
static bool read_date(const char *p, xd_date *ret)
{
    static const uint8_t month_days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int32_t year = digits(p, 4);
    int32_t month = digits(p + 5, 2);
    int32_t day = digits(p + 8, 2);
    if (year < 1 || month < 1 || month > 12 || day < 1 || p[4] != '-' || p[7] != '-') {
        return false;
    }
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (day > month_days[month - 1] + (month == 2 && leap)) {
        return false;
    }
    *ret = days_of(year, month, day);
    return true;
}

static xd_status not_a_date(xd_str text, xd_fault *fault)
{
    return xd_fail(fault, XD_INVALID, "time.date",
                   "'%.*s' is not a date that exists; write YYYY-MM-DD, such as 2026-11-17",
                   text.len < 40 ? (int)text.len : 40, text.len ? text.ptr : "");
}

xd_status xd_date_parse(xd_str text, xd_date *ret, xd_fault *fault)
{
    xd_date date;
    if (text.len != DATE_LEN || !read_date(text.ptr, &date)) {
        return not_a_date(text, fault);
    }
    *ret = date;
    return XD_OK;
}

/* Reads ".digits" at *p, moving it on; false when the point has no or too many digits. */
static bool read_fraction(const char **p, const char *end, int64_t *ret_us)
{
    const char *q = *p + 1;
    int64_t us = 0;
    int64_t unit = second_us / 10;
    int count = 0;
    for (; q < end && *q >= '0' && *q <= '9'; q++) {
        us += (*q - '0') * unit; /* past microseconds unit is 0 and digits are dropped */
        unit /= 10;
        count++;
    }
    *p = q;
    *ret_us = us;
    return count >= 1 && count <= MAX_FRACTION_DIGITS;
}

/* Reads "Z" or "+hh:mm" filling the rest. */
static bool read_offset(const char *p, const char *end, int64_t *ret_us)
{
    if (end - p == 1 && (*p == 'Z' || *p == 'z')) {
        *ret_us = 0;
        return true;
    }
    if (end - p != 6 || (*p != '+' && *p != '-') || p[3] != ':') {
        return false;
    }
    int32_t hours = digits(p + 1, 2);
    int32_t minutes = digits(p + 4, 2);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) {
        return false;
    }
    int64_t us = (hours * 60 + minutes) * minute_us;
    *ret_us = *p == '-' ? -us : us;
    return true;
}

static bool read_instant(const char *p, const char *end, xd_instant *ret)
{
    xd_date date;
    if (end - p < SECONDS_LEN + 1 || !read_date(p, &date) || (p[10] != 'T' && p[10] != 't') ||
        p[13] != ':' || p[16] != ':') {
        return false;
    }
    int32_t hour = digits(p + 11, 2);
    int32_t minute = digits(p + 14, 2);
    int32_t second = digits(p + 17, 2);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) {
        return false;
    }
    p += SECONDS_LEN;
    int64_t fraction_us = 0;
    int64_t offset_us;
    if ((*p == '.' && !read_fraction(&p, end, &fraction_us)) || !read_offset(p, end, &offset_us)) {
        return false;
    }
    int64_t seconds = hour * 3600 + minute * 60 + second;
    xd_instant instant = date * day_us + seconds * second_us + fraction_us - offset_us;
    /* An offset may lead out of the years that can be written again. */
    if (instant < FIRST_DATE * day_us || instant >= (LAST_DATE + 1) * day_us) {
        return false;
    }
    *ret = instant;
    return true;
}

xd_status xd_instant_parse(xd_str text, xd_instant *ret, xd_fault *fault)
{
    if (!read_instant(text.ptr, text.ptr + text.len, ret)) {
        return xd_fail(fault, XD_INVALID, "time.instant",
                       "'%.*s' is not an instant that exists; write RFC 3339 with an offset, such "
                       "as 2026-11-17T13:06:04Z",
                       text.len < 40 ? (int)text.len : 40, text.len ? text.ptr : "");
    }
    return XD_OK;
}

/* Writes n digits of value at p. */
static void put_digits(char *p, int n, int32_t value)
{
    while (n > 0) {
        p[--n] = (char)('0' + value % 10);
        value /= 10;
    }
}

static void put_date(char *p, xd_date date)
{
    int32_t year;
    int32_t month;
    int32_t day;
    assert(date >= FIRST_DATE && date <= LAST_DATE);
    xd_date_split(date, &year, &month, &day);
    put_digits(p, 4, year);
    p[4] = '-';
    put_digits(p + 5, 2, month);
    p[7] = '-';
    put_digits(p + 8, 2, day);
}

void xd_date_write(xd_buf *buf, xd_date date)
{
    char text[DATE_LEN];
    put_date(text, date);
    xd_buf_add(buf, text, sizeof text);
}

void xd_instant_write(xd_buf *buf, xd_instant instant)
{
    char text[SECONDS_LEN + 8];
    size_t len = SECONDS_LEN;
    int64_t days = floor_div(instant, day_us);
    int64_t us = instant - days * day_us;
    int32_t seconds = (int32_t)(us / second_us);
    int32_t fraction_us = (int32_t)(us % second_us);
    assert(days >= FIRST_DATE && days <= LAST_DATE);
    put_date(text, (xd_date)days);
    text[10] = 'T';
    put_digits(text + 11, 2, seconds / 3600);
    text[13] = ':';
    put_digits(text + 14, 2, seconds / 60 % 60);
    text[16] = ':';
    put_digits(text + 17, 2, seconds % 60);
    if (fraction_us != 0) {
        bool millis = fraction_us % 1000 == 0;
        text[len] = '.';
        put_digits(text + len + 1, millis ? 3 : 6, millis ? fraction_us / 1000 : fraction_us);
        len += millis ? 4 : 7;
    }
    text[len++] = 'Z';
    xd_buf_add(buf, text, len);
}

xd_date xd_date_of(xd_instant instant, int32_t offset_minutes)
{
    /* Taken apart first, so that an offset cannot overflow. */
    int64_t days = floor_div(instant, day_us);
    int64_t us = instant - days * day_us + offset_minutes * minute_us;
    return (xd_date)(days + floor_div(us, day_us));
}

bool xd_moment_parse(xd_str text, bool last_day, xd_instant *ret)
{
    enum { DAY_S = 86400 };
    xd_date date;
    if (xd_date_parse(text, &date, NULL) == XD_OK) {
        *ret = ((int64_t)date + (last_day ? 1 : 0)) * DAY_S * 1000000;
        return true;
    }
    return xd_instant_parse(text, ret, NULL) == XD_OK;
}
