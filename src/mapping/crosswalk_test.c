/* Crosswalks: rows as files and events give them, entries by time, and the index against a plain
 * list. */
#include "base/random.h"
#include "mapping/crosswalk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define DAY INT64_C(86400000000)

static xd_status read_row(const char *text, xd_arena *arena, xd_crosswalk_row *ret, xd_fault *fault)
{
    const xd_json *json = NULL;
    assert_int_equal(xd_json_parse(xd_str_from(text), XD_JSON_LIMITS_DEFAULT, arena, &json, fault),
                     XD_OK);
    return xd_crosswalk_read_row(json, ret, fault);
}

static void rows_are_read_with_their_times(void **state)
{
    (void)state;
    xd_arena arena;
    xd_arena_init(&arena, 1 << 16);
    xd_crosswalk_row row;
    assert_int_equal(read_row("{\"table\":\"unit\",\"system\":\"wms\",\"code\":\"CS\",\"value\":"
                              "\"case\",\"valid_from\":\"2026-01-01\",\"valid_to\":\"2026-12-31\"}",
                              &arena, &row, NULL),
                     XD_OK);
    assert_int_equal(row.valid_from, 20454 * DAY);
    assert_int_equal(row.valid_to, 20819 * DAY); /* the last day counts whole */
    assert_memory_equal(row.value.ptr, "case", 4);
    assert_int_equal(read_row("{\"table\":\"unit\",\"system\":\"wms\",\"code\":\"CS\",\"value\":"
                              "null,\"valid_from\":\"\",\"valid_to\":\"2026-01-01T00:00:00Z\"}",
                              &arena, &row, NULL),
                     XD_OK);
    assert_null(row.value.ptr);
    assert_int_equal(row.valid_from, XD_INSTANT_NONE);
    assert_int_equal(row.valid_to, 20454 * DAY);
    static const struct {
        const char *text, *rule, *path;
    } bad[] = {
        {"[]", "xref.row", ""},
        {"{\"system\":\"a\",\"code\":\"b\",\"value\":\"c\"}", "xref.required", "/table"},
        {"{\"table\":\"t\",\"system\":\"\",\"code\":\"b\",\"value\":\"c\"}", "xref.required",
         "/system"},
        {"{\"table\":\"t\",\"system\":\"s\",\"code\":7,\"value\":\"c\"}", "xref.required", "/code"},
        {"{\"table\":\"t\",\"system\":\"s\",\"code\":\"c\"}", "xref.required", "/value"},
        {"{\"table\":\"t\",\"system\":\"s\",\"code\":\"c\",\"value\":\"v\",\"valid\":1}",
         "xref.unknown", "/valid"},
        {"{\"table\":\"t\",\"system\":\"s\",\"code\":\"c\",\"value\":\"v\",\"valid_from\":"
         "\"1.1.2026\"}",
         "xref.time", "/valid_from"},
        {"{\"table\":\"t\",\"system\":\"s\",\"code\":\"c\",\"value\":\"v\",\"valid_to\":"
         "\"2026-02-30\"}",
         "xref.time", "/valid_to"},
        {"{\"table\":\"t\",\"system\":\"s\",\"code\":\"c\",\"value\":\"v\",\"valid_from\":"
         "\"2026-02-02\",\"valid_to\":\"2026-02-01\"}",
         "xref.order", "/valid_to"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        xd_fault fault = XD_FAULT_NONE;
        assert_int_equal(read_row(bad[i].text, &arena, &row, &fault), XD_INVALID);
        assert_string_equal(fault.rule, bad[i].rule);
        assert_string_equal(fault.path, bad[i].path);
    }
    xd_arena_finish(&arena);
}

static xd_crosswalk_row row_of(const char *code, const char *value, xd_instant from, xd_instant to)
{
    return (xd_crosswalk_row){XD_STR("item"),     XD_STR("erp"), xd_str_from(code),
                              xd_str_from(value), from,          to};
}

static void the_entry_that_began_last_is_in_force(void **state)
{
    (void)state;
    xd_crosswalk *c = NULL;
    assert_int_equal(xd_crosswalk_create(1 << 16, &c, NULL), XD_OK);
    const xd_crosswalk_row rows[] = {
        row_of("4711", "old", XD_INSTANT_NONE, XD_INSTANT_NONE),
        row_of("4711", "new", 10 * DAY, 20 * DAY),
        row_of("4711", "newest", 30 * DAY, XD_INSTANT_NONE),
    };
    bool changed = false;
    for (int i = 2; i >= 0; i--) {
        assert_int_equal(xd_crosswalk_put(c, &rows[i], &changed, NULL), XD_OK);
        assert_true(changed);
    }
    static const struct {
        xd_instant at;
        const char *value;
    } expected[] = {{INT64_MIN, "old"},    {10 * DAY - 1, "old"}, {10 * DAY, "new"},
                    {20 * DAY - 1, "new"}, {20 * DAY, NULL},      {30 * DAY - 1, NULL},
                    {30 * DAY, "newest"},  {INT64_MAX, "newest"}};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        xd_str got =
            xd_crosswalk_get(c, XD_STR("item"), XD_STR("erp"), XD_STR("4711"), expected[i].at);
        assert_true(xd_str_eq(got, xd_str_from(expected[i].value)));
    }
    assert_null(xd_crosswalk_get(c, XD_STR("item"), XD_STR("er"), XD_STR("p4711"), 0).ptr);
    assert_int_equal(xd_crosswalk_put(c, &rows[1], &changed, NULL), XD_OK);
    assert_false(changed);
    xd_crosswalk_row taken_back = rows[1];
    taken_back.value = XD_STR_NULL;
    assert_int_equal(xd_crosswalk_put(c, &taken_back, &changed, NULL), XD_OK);
    assert_true(changed);
    assert_int_equal(xd_crosswalk_count(c), 2);
    xd_str again = xd_crosswalk_get(c, XD_STR("item"), XD_STR("erp"), XD_STR("4711"), 15 * DAY);
    assert_true(xd_str_eq(again, XD_STR("old")));
    static char long_text[2000];
    memset(long_text, 'x', sizeof long_text - 1);
    xd_crosswalk_row bad = row_of(long_text, "v", 0, 1);
    xd_fault fault = XD_FAULT_NONE;
    assert_int_equal(xd_crosswalk_put(c, &bad, NULL, &fault), XD_INVALID);
    assert_string_equal(fault.path, "/code");
    xd_crosswalk_destroy(c);
}

/* The same by a plain list, newest correction last. */
typedef struct plain {
    char code[8], value[8];
    xd_instant from, to;
} plain;

static const char *plain_get(const plain *list, size_t count, const char *code, xd_instant at)
{
    const plain *best = NULL;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i].code, code) == 0 && list[i].from <= at &&
            (!best || list[i].from >= best->from)) {
            best = &list[i];
        }
    }
    return best && at < best->to ? best->value : NULL;
}

static void the_index_agrees_with_a_plain_list(void **state)
{
    (void)state;
    enum { ROWS = 2000, CODES = 300 };
    static plain list[ROWS];
    xd_crosswalk *c = NULL;
    assert_int_equal(xd_crosswalk_create(4 << 20, &c, NULL), XD_OK);
    xd_random random = {.state = 5};
    for (size_t n = 0; n < ROWS; n++) {
        plain *p = &list[n];
        snprintf(p->code, sizeof p->code, "%d", (int)xd_random_below(&random, CODES));
        snprintf(p->value, sizeof p->value, "v%d", (int)xd_random_below(&random, 1000));
        p->from = (xd_instant)xd_random_below(&random, 20);
        p->to = p->from + 1 + (xd_instant)xd_random_below(&random, 10);
        xd_crosswalk_row row = row_of(p->code, p->value, p->from, p->to);
        assert_int_equal(xd_crosswalk_put(c, &row, NULL, NULL), XD_OK);
        for (int ask = 0; ask < 20; ask++) {
            char code[8];
            snprintf(code, sizeof code, "%d", (int)xd_random_below(&random, CODES));
            xd_instant at = (xd_instant)xd_random_below(&random, 32) - 1;
            xd_str got = xd_crosswalk_get(c, XD_STR("item"), XD_STR("erp"), xd_str_from(code), at);
            assert_true(xd_str_eq(got, xd_str_from(plain_get(list, n + 1, code, at))));
        }
    }
    xd_crosswalk_destroy(c);
}

static xd_status count_row(void *context, const xd_crosswalk_row *row)
{
    (void)row;
    return ++*(size_t *)context == 0 ? XD_INTERNAL : XD_OK;
}

static void a_full_index_stays_as_it_was(void **state)
{
    (void)state;
    xd_crosswalk *c = NULL;
    assert_int_equal(xd_crosswalk_create(256 << 10, &c, NULL), XD_OK);
    char code[16];
    uint32_t n = 0;
    xd_status status = XD_OK;
    for (; status == XD_OK; n++) {
        snprintf(code, sizeof code, "c%u", (unsigned)n);
        xd_crosswalk_row row = row_of(code, code, XD_INSTANT_NONE, XD_INSTANT_NONE);
        xd_fault fault = XD_FAULT_NONE;
        status = xd_crosswalk_put(c, &row, NULL, &fault);
    }
    n--;
    assert_int_equal(status, XD_NO_MEMORY);
    assert_int_equal(xd_crosswalk_count(c), n);
    size_t seen = 0;
    assert_int_equal(xd_crosswalk_each(c, count_row, &seen), XD_OK);
    assert_int_equal(seen, n);
    for (uint32_t i = 0; i <= n; i++) {
        snprintf(code, sizeof code, "c%u", (unsigned)i);
        xd_str got = xd_crosswalk_get(c, XD_STR("item"), XD_STR("erp"), xd_str_from(code), 0);
        assert_true(xd_str_eq(got, i < n ? xd_str_from(code) : XD_STR_NULL));
    }
    xd_crosswalk_destroy(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_read_with_their_times),
        cmocka_unit_test(the_entry_that_began_last_is_in_force),
        cmocka_unit_test(the_index_agrees_with_a_plain_list),
        cmocka_unit_test(a_full_index_stays_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
