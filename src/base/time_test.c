/* Dates and instants against a calendar counted day by day. */
#include "base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static bool leap_year(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && leap_year(year));
}

static void every_date_from_year_1_to_9999_is_one_day_after_the_last(void **state)
{
    (void)state;
    xd_buf buf;
    xd_buf_init(&buf, 64);
    xd_date expected = -719162; /* 0001-01-01, by 1969 years of 365 days and 477 leap days */
    for (int year = 1; year <= 9999; year++) {
        for (int month = 1; month <= 12; month++) {
            for (int day = 1; day <= 31; day++) {
                char text[16];
                xd_date date = XD_DATE_NONE;
                snprintf(text, sizeof text, "%04d-%02d-%02d", year, month, day);
                xd_status status = xd_date_parse((xd_str){text, 10}, &date, NULL);
                if (day > days_in(year, month)) {
                    assert_true(status == XD_INVALID && date == XD_DATE_NONE);
                    continue;
                }
                assert_true(status == XD_OK && date == expected);
                xd_buf_clear(&buf);
                xd_date_write(&buf, date);
                assert_true(xd_str_eq(xd_buf_str(&buf), (xd_str){text, 10}));
                expected++;
            }
        }
    }
    assert_int_equal(expected, 2932897);
    xd_buf_finish(&buf);
}

static xd_instant instant(const char *text)
{
    xd_instant value;
    xd_fault fault;
    if (xd_instant_parse(xd_str_from(text), &value, &fault) != XD_OK) {
        fail_msg("%s", fault.text);
    }
    return value;
}

static void instants_are_read_at_any_offset_and_written_in_utc(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"},
        {"2026-11-17T13:06:04.123Z", "2026-11-17T13:06:04.123Z"},
        {"2026-11-17t13:06:04.123456z", "2026-11-17T13:06:04.123456Z"},
        {"2026-11-17T13:06:04.1234569Z", "2026-11-17T13:06:04.123456Z"},
        {"2026-11-17T13:06:04.5Z", "2026-11-17T13:06:04.500Z"},
        {"2026-11-17T13:06:04.000000999Z", "2026-11-17T13:06:04Z"},
        {"2026-03-01T00:30:00+01:00", "2026-02-28T23:30:00Z"},
        {"2024-02-29T23:30:00-00:45", "2024-03-01T00:15:00Z"},
        {"2026-01-01T00:00:00-00:00", "2026-01-01T00:00:00Z"},
        {"1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"},
        {"0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"},
        {"9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"},
        {"0001-01-01T23:59:00+23:59", "0001-01-01T00:00:00Z"},
    };
    xd_buf buf;
    xd_buf_init(&buf, 64);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        xd_buf_clear(&buf);
        xd_instant_write(&buf, instant(cases[i][0]));
        xd_buf_char(&buf, '\0');
        assert_string_equal(buf.ptr, cases[i][1]);
    }
    assert_true(instant("2026-11-17T13:06:04.123Z") == INT64_C(1794920764123000));
    assert_true(instant("1969-12-31T23:59:59.999999Z") == -1);
    xd_buf_finish(&buf);
}

static void instants_that_do_not_exist_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "2026-11-17",
        "2026-11-17T13:06:04",
        "2026-11-17 13:06:04Z",
        "2026-11-17T13:06Z",
        "2026-02-29T00:00:00Z",
        "2026-11-31T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-10T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2026-11-17T24:00:00Z",
        "2026-11-17T23:60:00Z",
        "2026-11-17T23:59:60Z",
        "2026-11-17T13:06:04.Z",
        "2026-11-17T13:06:04.1234567890Z",
        "2026-11-17T13:06:04,5Z",
        "2026-11-17T13:06:04+0100",
        "2026-11-17T13:06:04+24:00",
        "2026-11-17T13:06:04+01:60",
        "2026-11-17T13:06:04ZZ",
        "2026-11-17T13:06:04.123",
        "2026-11-17T13:06:04.",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "-2026-11-17T13:06:04Z",
        "2026-1a-17T13:06:04Z",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        xd_instant value = 7;
        xd_fault fault = XD_FAULT_NONE;
        assert_int_equal(xd_instant_parse(xd_str_from(bad[i]), &value, &fault), XD_INVALID);
        assert_string_equal(fault.rule, "time.instant");
        assert_true(value == 7);
    }
}

static void the_business_date_follows_the_zone(void **state)
{
    (void)state;
    xd_instant late = instant("2026-12-31T23:30:00Z");
    xd_date utc = xd_date_of(late, 0);
    assert_int_equal(xd_date_of(late, 60), utc + 1);
    assert_int_equal(xd_date_of(late, -24 * 60), utc - 1);
    assert_int_equal(xd_date_of(-1, 0), -1);
    assert_int_equal(xd_date_of(0, -1), -1);
    assert_int_equal(xd_date_of(0, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_date_from_year_1_to_9999_is_one_day_after_the_last),
        cmocka_unit_test(instants_are_read_at_any_offset_and_written_in_utc),
        cmocka_unit_test(instants_that_do_not_exist_are_refused),
        cmocka_unit_test(the_business_date_follows_the_zone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
