/* Pictures: golden values from XPath functions 3.1, and properties over many numbers, texts and
 * instants. */
#include "base/random.h"
#include "mapping/picture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define MARCH_2018 INT64_C(1521801216617) /* 2018-03-23T10:33:36.617Z, a Friday */

static xd_arena arena;

static int set_up(void **state)
{
    (void)state;
    xd_arena_init(&arena, 1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    xd_arena_finish(&arena);
    return 0;
}

/* What came out, or the code of the fault. */
static const char *outcome(xd_status status, xd_str text, const xd_fault *fault)
{
    static char shown[400];
    snprintf(shown, sizeof shown, "%.*s",
             XD_FMT(status == XD_OK ? text : xd_str_from(fault->rule)));
    return shown;
}

static const char *number(const char *value, const char *picture, const char *options)
{
    xd_fault fault = XD_FAULT_NONE;
    xd_str text = XD_STR_NULL;
    const xd_json *parsed = NULL;
    if (options) {
        assert_int_equal(
            xd_json_parse(xd_str_from(options), XD_JSON_LIMITS_DEFAULT, &arena, &parsed, &fault),
            XD_OK);
    }
    xd_status status = xd_picture_format_number(xd_str_from(value), xd_str_from(picture), parsed,
                                                &arena, &text, &fault);
    return outcome(status, text, &fault);
}

static const char *integer(const char *value, const char *picture)
{
    xd_fault fault = XD_FAULT_NONE;
    xd_str text = XD_STR_NULL;
    xd_status status =
        xd_picture_format_integer(xd_str_from(value), xd_str_from(picture), &arena, &text, &fault);
    return outcome(status, text, &fault);
}

static const char *parsed_integer(const char *value, const char *picture)
{
    xd_fault fault = XD_FAULT_NONE;
    xd_str text = XD_STR_NULL;
    xd_status status =
        xd_picture_parse_integer(xd_str_from(value), xd_str_from(picture), &arena, &text, &fault);
    return outcome(status, text, &fault);
}

static const char *instant(int64_t millis, const char *picture, const char *zone)
{
    xd_fault fault = XD_FAULT_NONE;
    xd_str text = XD_STR_NULL;
    xd_status status = xd_picture_from_millis(millis, xd_str_from(picture), xd_str_from(zone),
                                              &arena, &text, &fault);
    return outcome(status, text, &fault);
}

static const char *parsed_instant(const char *value, const char *picture)
{
    static char shown[32];
    xd_fault fault = XD_FAULT_NONE;
    int64_t millis = 0;
    bool found = false;
    xd_status status = xd_picture_to_millis(xd_str_from(value), xd_str_from(picture), MARCH_2018,
                                            &millis, &found, &fault);
    if (status != XD_OK) {
        return outcome(status, XD_STR_NULL, &fault);
    }
    snprintf(shown, sizeof shown, "%lld", (long long)millis);
    return found ? shown : "undefined";
}

static void numbers_are_written_as_their_picture_shows(void **state)
{
    (void)state;
    static const struct {
        const char *value, *picture, *options, *expected;
    } samples[] = {
        {"12345.6", "#,###.00", NULL, "12,345.60"},
        {"123412345678.9", "9,9,99.99", NULL, "123412345,6,78.90"},
        {"94.79", "#,##,### EUR", NULL, "95 EUR"},
        {"1234.56789", "9,999.999,999", NULL, "1,234.567,890"},
        {"1234.5", "0.000,0", NULL, "1234.500,0"},
        {"1234.5", "0.###,#", NULL, "1234.5"},
        {"123.9", "9999", NULL, "0124"},
        {"0.5", "0", NULL, "0"},
        {"1.5", "0", NULL, "2"},
        {"2.5", "0", NULL, "2"},
        {"99.995", "0.00", NULL, "100.00"},
        {"99.985", "0.00", NULL, "99.98"},
        {"0.14", "01%", NULL, "14%"},
        {"0.4857", "###.###\xE2\x80\xB0", NULL, "485.7\xE2\x80\xB0"},
        {"0.14", "###pm", "{\"per-mille\":\"pm\"}", "140pm"},
        {"-6", "000", NULL, "-006"},
        {"-6", "$000;($000)", NULL, "($006)"},
        {"-0.004", "0.00", NULL, "-0.00"},
        {"1234.5678", "00.000e000", NULL, "12.346e002"},
        {"10", "0e0", NULL, "1e1"},
        {"0.00001", "0.0e0", NULL, "1.0e-5"},
        {"0.234", ".00e0", NULL, ".23e0"},
        {"0", "0.00e0", NULL, "0.00e0"},
        {"745.59", "USD #0.0e00", NULL, "USD 7.5e02"},
        {"20", "0e", NULL, "20e"},
        {"0.1", "AeAAA", "{\"zero-digit\":\"A\"}", "Be-AAB"},
        {"1234.5", "\xD9\xA0\xD9\xAB\xD9\xA0",
         "{\"zero-digit\":\"\xD9\xA0\",\"decimal-separator\":\"\xD9\xAB\"}",
         "\xD9\xA1\xD9\xA2\xD9\xA3\xD9\xA4\xD9\xAB\xD9\xA5"},
        {"1234.5", "#.##0,00", "{\"decimal-separator\":\",\",\"grouping-separator\":\".\"}",
         "1.234,50"},
        {"0", "#.##", NULL, ".0"},
        {"0", "#", NULL, "0"},
        {"99999999999999999999999999999999999999.5", "#,##0.0", NULL,
         "99,999,999,999,999,999,999,999,999,999,999,999,999.5"},
        {"1e30", "0", NULL, "1000000000000000000000000000000"},
        {"20", "#;#;#", NULL, "D3080"},
        {"20", "#.0.0", NULL, "D3081"},
        {"20", "#0.0%%", NULL, "D3082"},
        {"20", "#0.0\xE2\x80\xB0\xE2\x80\xB0", NULL, "D3083"},
        {"20", "#0.0%\xE2\x80\xB0", NULL, "D3084"},
        {"20", ".e0", NULL, "D3085"},
        {"20", "0+.e0", NULL, "D3086"},
        {"20", "0,.e0", NULL, "D3087"},
        {"20", "0,", NULL, "D3088"},
        {"20", "0,,0", NULL, "D3089"},
        {"20", "0#.e0", NULL, "D3090"},
        {"20", "#0.#0e0", NULL, "D3091"},
        {"20", "#0.0e0%", NULL, "D3092"},
        {"20", "#0.0e0,0", NULL, "D3093"},
        {"20", "---", NULL, "D3086"},
        {"20", "", NULL, "D3085"},
        {"20", "0", "{\"decimal-separator\":\"dot\"}", "picture.option"},
    };
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        const char *got = number(samples[i].value, samples[i].picture, samples[i].options);
        if (strcmp(got, samples[i].expected) != 0) {
            fail_msg("%s as \"%s\": %s, not %s", samples[i].value, samples[i].picture, got,
                     samples[i].expected);
        }
    }
}

static void integers_are_written_and_read_back(void **state)
{
    (void)state;
    static const struct {
        const char *value, *picture, *expected;
    } samples[] = {
        {"1234567890", "#:###,##0", "1234:567,890"},
        {"10", "#:###,##0", "10"},
        {"1234567890", "##,##,##0", "12345,67,890"},
        {"12340", "###\xD9\xA1", "\xD9\xA1\xD9\xA2\xD9\xA3\xD9\xA4\xD9\xA0"},
        {"123", "000;o", "123rd"},
        {"11", "0;o", "11th"},
        {"1012", "#,##0;o", "1,012th"},
        {"1984", "I", "MCMLXXXIV"},
        {"123456", "A", "FZPH"},
        {"555", "Ww", "Five Hundred and Fifty-Five"},
        {"1000000000001", "w;o", "one trillion and first"},
        {"3730", "w", "three thousand, seven hundred and thirty"},
        {"1234567890123456", "w",
         "one thousand, two hundred and thirty-four trillion, five hundred and sixty-seven "
         "billion, "
         "eight hundred and ninety million, one hundred and twenty-three thousand, four hundred "
         "and "
         "fifty-six"},
        {"1e46", "w", "ten billion trillion trillion trillion"},
        {"99", "W;o", "NINETY-NINTH"},
        {"-3", "0000", "-0003"},
        {"0", "w", "zero"},
        {"0", "w;o", "zeroth"},
    };
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        const char *got = integer(samples[i].value, samples[i].picture);
        if (strcmp(got, samples[i].expected) != 0) {
            fail_msg("%s as \"%s\": %s, not %s", samples[i].value, samples[i].picture, got,
                     samples[i].expected);
        }
        char expected[64];
        snprintf(expected, sizeof expected, "%s",
                 strchr(samples[i].value, 'e') ? "10000000000000000000000000000000000000000000000"
                                               : samples[i].value);
        assert_string_equal(parsed_integer(samples[i].expected, samples[i].picture), expected);
    }
    assert_string_equal(integer("-3.5", "0"), "-4");
    assert_string_equal(integer("12.6", "###0"), "12");
    assert_string_equal(integer("-9.99", "0"), "-10");
    assert_string_equal(integer("12340", "##0\xEF\xBC\x90"), "D3131");
    assert_string_equal(integer("12", "\xCE\xB1"), "D3130");
    assert_string_equal(parsed_integer("12", "\xCE\xB1"), "D3130");
    assert_string_equal(parsed_integer("12x", "0"), "D3030");
    assert_string_equal(parsed_integer("twelve apples", "w"), "D3030");
    assert_string_equal(parsed_integer("", "I"), "0");
    xd_str text = XD_STR_NULL;
    xd_fault fault = XD_FAULT_NONE;
    assert_int_equal(xd_picture_format_base(XD_STR("-100"), 2, &arena, &text, &fault), XD_OK);
    assert_memory_equal(text.ptr, "-1100100", text.len);
    assert_int_equal(xd_picture_format_base(XD_STR("1e46"), 16, &arena, &text, &fault), XD_OK);
    assert_memory_equal(text.ptr, "1c06a5ec5433c60ddaa16406f5a400000000000", text.len);
    assert_string_equal(integer("1e46", "w"), "ten billion trillion trillion trillion");
    assert_string_equal(parsed_integer("ten billion trillion trillion trillion", "w"),
                        "10000000000000000000000000000000000000000000000");
}

static void instants_are_written_as_their_picture_shows(void **state)
{
    (void)state;
    static const struct {
        int64_t millis;
        const char *picture, *zone, *expected;
    } samples[] = {
        {MARCH_2018, "", "", "2018-03-23T10:33:36.617Z"},
        {MARCH_2018, "", "-0500", "2018-03-23T05:33:36.617-05:00"},
        {MARCH_2018, "[[Year]]: [[[Y0001]]]", "", "[Year]: [2018]"},
        {MARCH_2018, "[Y9,999,*] [Y,2] [Y0001,2-2] [YI] [Yw]", "",
         "2,018 18 18 MMXVIII two thousand and eighteen"},
        {MARCH_2018, "[FNn], the [Dwo] of [MNn,3-3] [Y] [E]", "",
         "Friday, the twenty-third of Mar 2018 ISO"},
        {MARCH_2018, "[D 0\t1].[M#1] [h]:[m]:[s] [PN]/[Pn]", "", "23.3 10:33:36 AM/am"},
        {MARCH_2018, "[f001] [f] [f1] [f01] [f,1-1] [f000001]", "", "617 617 617 61 6 617000"},
        {MARCH_2018 - 612, "[f001] [f] [f0##]", "", "005 005 005"},
        {MARCH_2018, "[Z] [z] [Z0] [Z0101] [Z01:01t] [ZZ] [ZN]", "+0530",
         "+05:30 GMT+05:30 +5:30 +0530 +05:30 +05:30 +05:30"},
        {MARCH_2018, "[H01]:[m01] [Z] [Z0]", "-0330", "07:03 -03:30 -3:30"},
        {MARCH_2018, "[H01] [ZZ] [Z01:01t]", "-0500", "05 R -05:00"},
        {MARCH_2018, "[H01] [ZZ] [Z01:01t]", "0000", "10 Z Z"},
        {MARCH_2018, "[W]-[w]-[d]-[F1]-[xNn]-[X]", "", "12-4-82-5-March-2018"},
        {INT64_C(1104537600000), "[X0001]-W[W01]-[F1]", "", "2004-W53-6"},
        {INT64_C(1483272000000), "[w] of [xNn]", "", "5 of December"},
        {-1, "", "", "1969-12-31T23:59:59.999Z"},
        {INT64_C(-62167219200000), "[Y0001]-[M01]-[D01]", "", "0000-01-01"},
        {MARCH_2018, "[Z010101t]", "+0530", "D3134"},
        {MARCH_2018, "[YN]", "", "D3133"},
        {MARCH_2018, "[Y]-[M", "", "D3135"},
        {MARCH_2018, "[Q]", "", "D3132"},
        {MARCH_2018, "[]", "", "D3132"},
        {MARCH_2018, "[D0\xEF\xBC\x90]", "", "D3131"},
        {MARCH_2018, "[Dx]", "", "D3130"},
        {MARCH_2018, "", "Paris", "time.zone"},
        {INT64_MAX, "", "", "time.instant"},
    };
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        const char *got = instant(samples[i].millis, samples[i].picture, samples[i].zone);
        if (strcmp(got, samples[i].expected) != 0) {
            fail_msg("\"%s\": %s, not %s", samples[i].picture, got, samples[i].expected);
        }
    }
}

static void instants_are_read_as_their_picture_shows(void **state)
{
    (void)state;
    static const struct {
        const char *text, *picture, *expected;
    } samples[] = {
        {"1970-01-01T00:00:00.001Z", "", "1"},
        {"2018-02-01T09:42:13.123+0000", "", "1517478133123"},
        {"2018-02-01T09:42:13.1239-05:30", "", "1517497933123"},
        {"2017-10-30", "", "1509321600000"},
        {"2018", "", "1514764800000"},
        {"0001-01-01", "", "-62135596800000"},
        {"01-02-2018", "", "D3110"},
        {"2018-02-30", "", "D3110"},
        {"2018-02-01T25:00:00Z", "", "D3110"},
        {"2018-02-01T10:00:00x", "", "D3110"},
        {"", "x", "undefined"},
        {"201802", "[Y,*-4][M01]", "1517443200000"},
        {"20180205", "[Y0001][M01][D01]", "1517788800000"},
        {"20240101123849", "[Y0000][M00][D00][H00][m00][s00]", "1704112729000"},
        {"Friday, 23rd march 2018", "[FNn], [D1o] [MNn] [Y]", "1521763200000"},
        {"23 Mar MMXVIII", "[D] [MNn,3-3] [YI]", "1521763200000"},
        {"twenty-third of March, two thousand and eighteen", "[Dwo] of [MNn], [Yw]",
         "1521763200000"},
        {"2018-082", "[Y]-[d001]", "1521763200000"},
        {"2018-82 10:33 am", "[Y]-[d] [h]:[m] [P]", "1521801180000"},
        {"12:05 AM", "[h]:[m] [PN]", "1521763500000"},
        {"12:05 pm", "[h]:[m] [PN]", "1521806700000"},
        {"14:45", "[H]:[m]", "1521816300000"},
        {"06-23", "[M]-[D]", "1529712000000"},
        {"2018-03-23T10:33:36.617+05:30", "[Y]-[M]-[D]T[H]:[m]:[s].[f001][Z01:01]",
         "1521781416617"},
        {"2018-03-23T10:33:36.617Z", "[Y]-[M]-[D]T[H]:[m]:[s].[f001][Z01:01t]", "1521801216617"},
        {"2018-03-23 GMT-03:30", "[Y]-[M]-[D] [z]", "1521775800000"},
        {"2018-03-23 -3:30", "[Y]-[M]-[D] [Z0]", "1521775800000"},
        {"2,018", "[Y9,999,*]", "1514764800000"},
        {"\xD9\xA2\xD9\xA0\xD9\xA1\xD9\xA8", "[Y\xD9\xA0\xD9\xA0\xD9\xA0\xD9\xA1]",
         "1514764800000"},
        {"18-03-23", "[Y,2]-[M]-[D]", "-1633996800000"}, /* as the language's dates: 1918 */
        {"2018-02-30", "[Y]-[M]-[D]", "undefined"},
        {"2018-13-01", "[Y]-[M]-[D]", "undefined"},
        {"2018-366", "[Y]-[d]", "undefined"},
        {"hello", "[Y]-[M]-[D]", "undefined"},
        {"hello", "hello", "undefined"},
        {"23 Foo 2018", "[D] [MNn] [Y]", "undefined"},
        {"2018 23", "[Y] [D]", "D3136"},
        {"2018-03-23 10:36", "[Y]-[M]-[D] [m]:[s]", "D3136"},
        {"2018-12-5", "[X]-[W]-[F1]", "D3136"},
        {"3 2", "[x] [w]", "D3136"},
        {"2018 ISO", "[Y] [E]", "D3133"},
        {"2018", "[YN]", "D3133"},
        {"2018", "[Yx]", "D3130"},
        {"2018", "[Y", "D3135"},
    };
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        const char *got = parsed_instant(samples[i].text, samples[i].picture);
        if (strcmp(got, samples[i].expected) != 0) {
            fail_msg("\"%s\" as \"%s\": %s, not %s", samples[i].text, samples[i].picture, got,
                     samples[i].expected);
        }
    }
}

static void what_a_picture_writes_it_reads(void **state)
{
    (void)state;
    static const char *const integers[] = {"0", "000",          "#,##0", "#:##,##0", "0;o",
                                           "w", "Ww",           "W;o",   "w;o",      "a",
                                           "A", "\xE0\xA5\xA6", "i"};
    static const char *const instants[] = {
        "[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01].[f001][Z01:01t]",
        "[Y0001][M01][D01][H01][m01][s01][f001]",
        "[FNn], [D1o] [MNn] [Yw], [h]:[m]:[s].[f001] [PN] [z]",
        "[Dwo] [MN] [YI] [H]:[m]:[s].[f001] [ZZ]",
        "[Y]/[d] [h01].[m01].[s01] [P], [f001]",
        "[YA]-[Mi]-[Da] [Hw] [mw] [sw] [f001][Z0101]",
    };
    xd_random random = {.state = 11};
    for (int round = 0; round < 6000; round++) {
        char value[32];
        int64_t n = (int64_t)(xd_random_next(&random) >> (10 + xd_random_below(&random, 53)));
        size_t which = xd_random_below(&random, sizeof integers / sizeof integers[0]);
        n = which == 12 ? n % 5000 : n;
        n = n == 0 && (integers[which][0] | 0x20) == 'a' ? 1 : n;
        snprintf(value, sizeof value, "%lld", (long long)n);
        char text[400];
        snprintf(text, sizeof text, "%s", integer(value, integers[which]));
        assert_string_equal(parsed_integer(text, integers[which]), value);

        int64_t millis = (int64_t)xd_random_below(&random, 4102444800000ull);
        char expected[32];
        snprintf(expected, sizeof expected, "%lld", (long long)millis);
        const char *picture = instants[xd_random_below(&random, 6)];
        snprintf(text, sizeof text, "%s",
                 instant(millis, picture, strpbrk(picture, "Zz") ? "-0800" : ""));
        char iso_by_itself[64];
        snprintf(iso_by_itself, sizeof iso_by_itself, "%s", instant(millis, "", "-0330"));
        assert_string_equal(instant(millis, instants[0], "-0330"), iso_by_itself);
        const char *got = parsed_instant(text, picture);
        if (strcmp(got, expected) != 0) {
            fail_msg("\"%s\" as \"%s\": %s, not %s", text, picture, got, expected);
        }
        xd_arena_reset(&arena);
    }
}

/* Days of one week share its number, year and month; weeks count up or begin again at 1. */
static void weeks_and_days_follow_one_another(void **state)
{
    (void)state;
    char before[64] = "";
    for (int64_t day = -40000; day < 40000; day++) {
        char text[64];
        snprintf(text, sizeof text, "%s",
                 instant(day * 86400000, "[F1] [W01] [w1] [X0001] [x01]", ""));
        assert_int_equal(text[0] - '0', ((day + 3) % 7 + 7) % 7 + 1);
        if (before[0] != '\0' && text[0] > '1') {
            assert_string_equal(before + 1, text + 1);
        } else if (before[0] != '\0') {
            bool month_goes_on = strcmp(before + 6, text + 6) == 0;
            assert_int_equal(text[5], month_goes_on ? before[5] + 1 : '1');
            assert_true(memcmp(before + 7, text + 7, 5) == 0 || memcmp(text + 2, "01", 2) == 0);
        }
        memcpy(before, text, sizeof before);
        xd_arena_reset(&arena);
    }
}

static void hostile_texts_and_pictures_end_quickly(void **state)
{
    (void)state;
    static char text[257];
    static char picture[1001];
    for (int i = 0; i < 64; i++) {
        memcpy(text + 4 * i, "one ", 4);
        memcpy(picture + 4 * i, "[Yw]", 4);
    }
    assert_string_equal(parsed_instant(text, picture), "undefined");
    memset(text, '1', 256);
    for (int i = 0; i < 64; i++) {
        memcpy(picture + 4 * i, "[Ya]", 4);
    }
    assert_string_equal(parsed_instant(text, picture), "undefined");
    memset(picture, '[', 1000);
    assert_string_equal(instant(0, picture, ""), "picture.limit");
    memset(picture, ',', 1000);
    picture[0] = '0';
    assert_string_equal(integer("1", picture), "picture.limit");
    assert_string_equal(integer("1e3000", "w"), "D1001");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(numbers_are_written_as_their_picture_shows, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(integers_are_written_and_read_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(instants_are_written_as_their_picture_shows, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(instants_are_read_as_their_picture_shows, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_a_picture_writes_it_reads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(weeks_and_days_follow_one_another, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hostile_texts_and_pictures_end_quickly, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
