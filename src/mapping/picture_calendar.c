/* The calendar that pictures of instants show: proleptic Gregorian, weeks of ISO 8601, and weeks of
 * a month by the same rule (a week belongs where its Thursday lies). Pure; see picture_int.h. */
#include "mapping/picture_int.h"

enum { MILLIS_PER_DAY = 86400000 };

const xd_str xd_picture_months[12] = {
    {"January", 7},   {"February", 8}, {"March", 5},    {"April", 5},
    {"May", 3},       {"June", 4},     {"July", 4},     {"August", 6},
    {"September", 9}, {"October", 7},  {"November", 8}, {"December", 8},
};
const xd_str xd_picture_days[7] = {
    {"Monday", 6}, {"Tuesday", 7},  {"Wednesday", 9}, {"Thursday", 8},
    {"Friday", 6}, {"Saturday", 8}, {"Sunday", 6},
};

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Days since 1970-01-01; the year begins in March so that the leap day is its last. */
int64_t xd_picture_days_from(int64_t year, int32_t month, int32_t day)
{
    year -= month <= 2;
    int64_t era = floor_div(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

int32_t xd_picture_month_days(int64_t year, int32_t month)
{
    static const int32_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && leap ? 29 : days[month - 1];
}

static void split_date(int64_t days, xd_picture_calendar *c)
{
    days += 719468;
    int64_t era = floor_div(days, 146097);
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153;
    c->day = (int32_t)(day_of_year - (153 * month + 2) / 5 + 1);
    c->month = (int32_t)(month < 10 ? month + 3 : month - 9);
    c->year = year_of_era + era * 400 + (c->month <= 2);
}

void xd_picture_calendar_of(int64_t millis, xd_picture_calendar *ret)
{
    xd_picture_calendar *c = ret;
    int64_t days = floor_div(millis, MILLIS_PER_DAY);
    int32_t time = (int32_t)(millis - days * MILLIS_PER_DAY);
    split_date(days, c);
    c->weekday = (int32_t)(((days + 3) % 7 + 7) % 7) + 1; /* 1970-01-01 was a Thursday */
    c->day_of_year = (int32_t)(days - xd_picture_days_from(c->year, 1, 1)) + 1;
    xd_picture_calendar thursday;
    split_date(days + 4 - c->weekday, &thursday);
    int64_t year_day = xd_picture_days_from(thursday.year, thursday.month, thursday.day) -
                       xd_picture_days_from(thursday.year, 1, 1);
    c->week = (int32_t)(year_day / 7) + 1;
    c->week_year = thursday.year;
    c->week_of_month = (thursday.day - 1) / 7 + 1;
    c->week_month = thursday.month;
    c->hour = time / 3600000;
    c->minute = time / 60000 % 60;
    c->second = time / 1000 % 60;
    c->millis = time % 1000;
}

int64_t xd_picture_component(const xd_picture_calendar *c, char component)
{
    switch (component) {
    case 'Y':
        return c->year;
    case 'M':
        return c->month;
    case 'D':
        return c->day;
    case 'd':
        return c->day_of_year;
    case 'F':
        return c->weekday;
    case 'W':
        return c->week;
    case 'w':
        return c->week_of_month;
    case 'X':
        return c->week_year;
    case 'x':
        return c->week_month;
    case 'H':
        return c->hour;
    case 'h':
        return c->hour % 12 ? c->hour % 12 : 12;
    case 'P':
        return c->hour >= 12;
    case 'm':
        return c->minute;
    case 's':
        return c->second;
    case 'f':
        return c->millis;
    default:
        return -1;
    }
}
