/* Factors between units, as people write them. */
#include "base/fraction.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void what_people_write_is_read_exactly(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t above, below;
    } good[] = {{"12", 12, 1},
                {"12/1", 12, 1},
                {"1/3", 1, 3},
                {"0.25", 25, 100},
                {"0.45359237", 45359237, 100000000},
                {"007", 7, 1},
                {"9223372036854775807/9223372036854775807", INT64_MAX, INT64_MAX}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        int64_t above = 0, below = 0;
        assert_true(xd_fraction_parse(xd_str_from(good[i].text), &above, &below));
        assert_int_equal(above, good[i].above);
        assert_int_equal(below, good[i].below);
    }
}

static void all_else_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "0",
                                      "0.0",
                                      "0/5",
                                      "5/0",
                                      "-12",
                                      "+12",
                                      " 12",
                                      "12 ",
                                      "12/",
                                      "/12",
                                      "12.",
                                      ".5",
                                      "1/2/3",
                                      "1,5",
                                      "1.5/2",
                                      "1/.5",
                                      "1e3",
                                      "1.2.3",
                                      "x",
                                      "12%",
                                      "\u0661",
                                      "9223372036854775808",
                                      "0.0000000000000000001"};
    int64_t above = 7, below = 8;
    assert_false(xd_fraction_parse(XD_STR_NULL, &above, &below));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(xd_fraction_parse(xd_str_from(bad[i]), &above, &below));
    }
    assert_int_equal(above, 7);
    assert_int_equal(below, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_people_write_is_read_exactly),
        cmocka_unit_test(all_else_is_refused_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
