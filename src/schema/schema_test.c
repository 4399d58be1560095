/* What a compiled schema promises beyond the official suite (suite_test.c): locations, exactness,
 * limits, refusals, and that fast paths never change an answer. */
#include "schema/schema_int.h"
#include "schema/value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARENA_BYTES = 256 << 20 };

static xd_arena arena;

static const xd_json *parse(xd_str text)
{
    const xd_json *tree = NULL;
    xd_fault fault = XD_FAULT_NONE;
    xd_json_limits limits = XD_JSON_LIMITS_DEFAULT;
    limits.max_depth = 100000;
    if (xd_json_parse(text, limits, &arena, &tree, &fault) != XD_OK) {
        print_error("%s\n", fault.text);
        fail();
    }
    return tree;
}

static xd_schema *compile(const char *text)
{
    xd_schema *schema = NULL;
    xd_fault fault = XD_FAULT_NONE;
    xd_schema_options options = {0};
    if (xd_schema_compile(parse(xd_str_from(text)), &options, &schema, &fault) != XD_OK) {
        print_error("%s: %s\n", text, fault.text);
        fail();
    }
    return schema;
}

/* Both ways of checking, which must agree. */
static bool accepts(const xd_schema *schema, const xd_json *document)
{
    bool quick = false;
    const xd_schema_report *report = NULL;
    assert_int_equal(xd_schema_check(schema, document, &quick, NULL), XD_OK);
    assert_int_equal(xd_schema_validate(schema, document, 0, &arena, &report, NULL), XD_OK);
    assert_int_equal(quick, report->valid);
    assert_int_equal(report->failures == NULL, quick);
    return quick;
}

static bool fits(const char *schema_text, const char *document)
{
    xd_schema *schema = compile(schema_text);
    bool valid = accepts(schema, parse(xd_str_from(document)));
    xd_schema_destroy(schema);
    return valid;
}

static void assert_refused(const char *text, xd_status status, const char *rule, const char *path)
{
    xd_schema *schema = NULL;
    xd_fault fault = XD_FAULT_NONE;
    xd_schema_options options = {0};
    assert_int_equal(xd_schema_compile(parse(xd_str_from(text)), &options, &schema, &fault),
                     status);
    assert_null(schema);
    assert_string_equal(fault.rule, rule);
    assert_string_equal(fault.path, path);
    assert_true(fault.text[0]);
}

static int setup(void **state)
{
    (void)state;
    xd_arena_init(&arena, ARENA_BYTES);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    xd_arena_finish(&arena);
    return 0;
}

static void test_every_failure_is_named_with_three_locations(void **state)
{
    (void)state;
    xd_schema *schema = compile(
        "{\"$id\":\"https://example.com/order\",\"properties\":{\"lines\":{\"items\":"
        "{\"$ref\":\"#/$defs/a~1b\"}}},\"required\":[\"po\"],"
        "\"$defs\":{\"a/b\":{\"properties\":{\"q\":{\"type\":\"integer\",\"minimum\":1}}}}}");
    const xd_json *document = parse(XD_STR("{\"lines\":[{\"q\":1},{\"q\":0},{\"q\":\"x\"}]}"));
    const xd_schema_report *report = NULL;
    assert_int_equal(xd_schema_validate(schema, document, 0, &arena, &report, NULL), XD_OK);
    xd_buf buf;
    xd_buf_init(&buf, 1 << 20);
    xd_schema_write_basic(&buf, report);
    xd_buf_char(&buf, '\0');
    assert_string_equal(buf.ptr,
                        "{\"valid\":false,\"errors\":["
                        "{\"instanceLocation\":\"/lines/1/q\","
                        "\"keywordLocation\":\"/properties/lines/items/$ref/properties/q/minimum\","
                        "\"absoluteKeywordLocation\":"
                        "\"https://example.com/order#/$defs/a~1b/properties/q/minimum\","
                        "\"error\":\"expected a number of at least 1, found 0\"},"
                        "{\"instanceLocation\":\"/lines/2/q\","
                        "\"keywordLocation\":\"/properties/lines/items/$ref/properties/q/type\","
                        "\"absoluteKeywordLocation\":"
                        "\"https://example.com/order#/$defs/a~1b/properties/q/type\","
                        "\"error\":\"expected integer, found \\\"x\\\"\"},"
                        "{\"instanceLocation\":\"\",\"keywordLocation\":\"/required\","
                        "\"absoluteKeywordLocation\":\"https://example.com/order#/required\","
                        "\"error\":\"expected the member \\\"po\\\", found none\"}]}");
    assert_int_equal(report->failures->offset, 23);
    xd_buf_finish(&buf);
    xd_schema_destroy(schema);
}

static void test_annotations_of_a_branch_that_failed_are_forgotten(void **state)
{
    (void)state;
    xd_schema *schema = compile("{\"anyOf\":[{\"title\":\"no\",\"type\":\"object\"},"
                                "{\"title\":\"yes\",\"contentMediaType\":\"text/csv\"}]}");
    const xd_schema_report *report = NULL;
    assert_int_equal(xd_schema_validate(schema, parse(XD_STR("\"a;b\"")), 0, &arena, &report, NULL),
                     XD_OK);
    assert_true(report->valid && report->annotations && report->annotations->next);
    assert_true(xd_str_eq(report->annotations->keyword_location, XD_STR("/anyOf/1/title")));
    assert_null(report->annotations->next->next);
    xd_schema_destroy(schema);
}

static void test_numbers_are_compared_exactly_at_any_size(void **state)
{
    (void)state;
    const struct {
        const char *schema, *document;
        bool valid;
    } cases[] = {
        {"{\"maximum\":0.3}", "0.30000000000000000000000001", false},
        {"{\"maximum\":9007199254740992}", "9007199254740993", false},
        {"{\"multipleOf\":0.01}", "4.35", true},
        {"{\"multipleOf\":0.01}", "4.355", false},
        {"{\"multipleOf\":0.0001}", "123456789012345678901234567890.0001", true},
        {"{\"multipleOf\":3}", "1e1000000", false},
        {"{\"multipleOf\":7}", "7e999999999", true},
        {"{\"multipleOf\":12345678901234567891}", "37037036703703703673e50", true},
        {"{\"minimum\":1e-400}", "1e-401", false},
        {"{\"exclusiveMinimum\":-1e400}", "-1e400", false},
        {"{\"type\":\"integer\"}", "1e400", true},
        {"{\"type\":\"integer\"}", "1.50e1", true},
        {"{\"type\":\"integer\"}", "1e-1", false},
        {"{\"const\":100}", "1.00e2", true},
        {"{\"enum\":[[0]]}", "[-0.0]", true},
        {"{\"uniqueItems\":true}", "[1,1.0]", false},
        {"{\"uniqueItems\":true}", "[1,true,\"1\",[1],{\"a\":1},null,0,false,\"\"]", true},
        {"{\"minLength\":2.0}", "\"\\ud83d\\udca9\"", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (fits(cases[i].schema, cases[i].document) != cases[i].valid) {
            print_error("%s %s\n", cases[i].schema, cases[i].document);
            fail();
        }
    }
    xd_schema *schema = compile("{\"minimum\":1}");
    bool valid;
    assert_int_equal(xd_schema_check(schema, parse(XD_STR("1e99999999999999999999")), &valid, NULL),
                     XD_LIMIT);
    xd_schema_destroy(schema);
}

static void test_schemas_that_cannot_work_are_refused_with_a_place(void **state)
{
    (void)state;
    assert_refused("{\"properties\":{\"a\":{\"type\":\"strin\"}}}", XD_INVALID, "schema.keyword",
                   "/properties/a/type");
    assert_refused("{\"items\":[{}]}", XD_INVALID, "schema.keyword", "/items");
    assert_refused("{\"$ref\":\"#/$defs/missing\"}", XD_INVALID, "schema.ref", "/$ref");
    assert_refused("{\"$ref\":\"http://example.com/x\"}", XD_INVALID, "schema.ref", "/$ref");
    assert_refused("{\"pattern\":\"(\"}", XD_INVALID, "schema.pattern", "/pattern");
    assert_refused("{\"pattern\":\"^{a}$\"}", XD_INVALID, "schema.pattern", "/pattern");
    assert_refused("{\"pattern\":\"^a\\\\-b$\"}", XD_INVALID, "schema.pattern", "/pattern");
    assert_refused("{\"patternProperties\":{\"a{\":true}}", XD_INVALID, "schema.pattern",
                   "/patternProperties");
    assert_refused("{\"multipleOf\":0}", XD_INVALID, "schema.keyword", "/multipleOf");
    assert_refused("{\"minLength\":-1}", XD_INVALID, "schema.keyword", "/minLength");
    assert_refused("{\"$schema\":\"http://json-schema.org/draft-07/schema#\"}", XD_INVALID,
                   "schema.dialect", "/$schema");
    assert_refused("{\"$ref\":\"#\"}", XD_INVALID, "schema.loop", "");
    assert_refused("{\"allOf\":[{\"$ref\":\"#/$defs/a\"}],"
                   "\"$defs\":{\"a\":{\"anyOf\":[{\"$ref\":\"#\"}]}}}",
                   XD_INVALID, "schema.loop", "");
    assert_refused("{\"$defs\":{\"a\":{\"$id\":\"x\"},\"b\":{\"$id\":\"x\"}}}", XD_INVALID,
                   "schema.id", "/$id");
    assert_refused("17", XD_INVALID, "schema.type", "");
}

static void test_a_schema_that_multiplies_itself_is_stopped(void **state)
{
    (void)state;
    xd_buf buf;
    xd_buf_init(&buf, 1 << 20);
    XD_BUF_LIT(&buf, "{\"$ref\":\"#/$defs/n0\",\"$defs\":{");
    for (int i = 0; i < 40; i++) {
        xd_buf_printf(
            &buf, "\"n%d\":{\"allOf\":[{\"$ref\":\"#/$defs/n%d\"},{\"$ref\":\"#/$defs/n%d\"}]},", i,
            i + 1, i + 1);
    }
    XD_BUF_LIT(&buf, "\"n40\":{}}}");
    xd_buf_char(&buf, '\0');
    xd_schema *schema = compile(buf.ptr);
    bool valid;
    xd_fault fault = XD_FAULT_NONE;
    assert_int_equal(xd_schema_check(schema, parse(XD_STR("1")), &valid, &fault), XD_LIMIT);
    assert_string_equal(fault.rule, "schema.steps");
    xd_schema_destroy(schema);
    xd_buf_finish(&buf);
}

static void test_deep_documents_and_dynamic_loops_are_stopped(void **state)
{
    (void)state;
    xd_buf buf;
    xd_buf_init(&buf, 1 << 20);
    for (int i = 0; i < 50000; i++) {
        xd_buf_char(&buf, '[');
    }
    for (int i = 0; i < 50000; i++) {
        xd_buf_char(&buf, ']');
    }
    const xd_json *deep = parse(xd_buf_str(&buf));
    const char *const schemas[] = {"{\"items\":{\"$ref\":\"#\"}}", "{\"enum\":[1,[[]]]}",
                                   "{\"items\":{\"items\":{\"uniqueItems\":true}}}",
                                   "{\"uniqueItems\":true,\"contains\":{\"const\":[[]]}}"};
    for (size_t i = 0; i < sizeof schemas / sizeof schemas[0]; i++) {
        xd_schema *schema = compile(schemas[i]);
        bool valid;
        xd_status status = xd_schema_check(schema, deep, &valid, NULL);
        assert_true(status == XD_LIMIT || status == XD_OK);
        xd_schema_destroy(schema);
    }
    xd_schema *loop =
        compile("{\"$dynamicAnchor\":\"a\",\"$defs\":{\"x\":{\"$id\":\"x\","
                "\"$dynamicAnchor\":\"a\",\"$defs\":{\"y\":{\"$dynamicRef\":\"#a\"}}}},"
                "\"$ref\":\"x#/$defs/y\"}");
    bool valid;
    assert_int_equal(xd_schema_check(loop, deep, &valid, NULL), XD_LIMIT);
    xd_schema_destroy(loop);
    xd_buf_finish(&buf);
}

/* Each text alone stays within the limit of the regular expressions. */
static void test_a_costly_pattern_is_bounded_over_all_texts(void **state)
{
    (void)state;
    xd_buf buf;
    xd_buf_init(&buf, 16 << 20);
    for (int i = 0; i < 20000; i++) {
        xd_buf_printf(&buf, "%c\"aaaaaaaaaaaaaaaaaaaaaa%d!\"", i ? ',' : '[', i % 10);
    }
    xd_buf_char(&buf, ']');
    xd_schema *schema = compile("{\"items\":{\"pattern\":\"^(a|a)*$\"}}");
    const xd_schema_report *report = NULL;
    const xd_json *document = parse(xd_buf_str(&buf));
    assert_int_equal(xd_schema_validate(schema, document, 0, &arena, &report, NULL), XD_LIMIT);
    xd_schema_destroy(schema);
    xd_buf_finish(&buf);
}

static void test_uniqueness_of_many_items_is_not_quadratic(void **state)
{
    (void)state;
    xd_buf buf;
    xd_buf_init(&buf, 64 << 20);
    xd_buf_char(&buf, '[');
    for (int i = 0; i < 300000; i++) {
        xd_buf_printf(&buf, "%s{\"a\":%d,\"b\":[%d]}", i ? "," : "", i, i % 7);
    }
    size_t before = buf.len;
    xd_buf_char(&buf, ']');
    xd_schema *schema = compile("{\"uniqueItems\":true}");
    assert_true(accepts(schema, parse(xd_buf_str(&buf))));
    buf.len = before;
    XD_BUF_LIT(&buf, ",{\"b\":[3.0],\"a\":17}]");
    assert_false(accepts(schema, parse(xd_buf_str(&buf))));
    xd_schema_destroy(schema);
    xd_buf_finish(&buf);
}

/* More names, choices and required members than the small cases hold. */
static void test_large_schemas_answer_as_small_ones_do(void **state)
{
    (void)state;
    xd_buf buf;
    xd_buf_init(&buf, 1 << 20);
    XD_BUF_LIT(&buf, "{\"additionalProperties\":false,\"properties\":{");
    for (int i = 0; i < 200; i++) {
        xd_buf_printf(&buf, "%s\"m%d\":{\"enum\":[", i ? "," : "", i);
        for (int k = 0; k <= i; k++) {
            xd_buf_printf(&buf, "%s%d", k ? "," : "", k);
        }
        XD_BUF_LIT(&buf, "]}");
    }
    XD_BUF_LIT(&buf, "},\"required\":[");
    for (int i = 0; i < 150; i++) {
        xd_buf_printf(&buf, "%s\"m%d\"", i ? "," : "", i);
    }
    XD_BUF_LIT(&buf, "]}");
    xd_buf_char(&buf, '\0');
    xd_schema *schema = compile(buf.ptr);
    for (int missing = -1; missing < 200; missing++) {
        xd_buf_clear(&buf);
        xd_buf_char(&buf, '{');
        for (int i = 199; i >= 0; i--) {
            if (i != missing) {
                xd_buf_printf(&buf, "%s\"m%d\":%d", buf.len > 1 ? "," : "", i, i);
            }
        }
        xd_buf_char(&buf, '}');
        assert_int_equal(accepts(schema, parse(xd_buf_str(&buf))), missing < 0 || missing >= 150);
    }
    assert_false(accepts(schema, parse(XD_STR("{\"m10\":11}"))));
    xd_schema_destroy(schema);
    xd_buf_finish(&buf);
}

static uint64_t random_state = 88172645463325252u;

static uint32_t random_below(uint32_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state >> 11) % n);
}

static xd_str random_subject(char *room)
{
    static const char *const letters[] = {"a", "b", "c", "ab",     "0", "1",
                                          ".", "-", " ", "\u00e9", "Z"};
    size_t n = 0;
    for (uint32_t length = random_below(9); length > 0; length--) {
        const char *letter = letters[random_below(sizeof letters / sizeof letters[0])];
        memcpy(room + n, letter, strlen(letter));
        n += strlen(letter);
    }
    return (xd_str){room, n};
}

/* A row of classes with counts, some of them in optional groups: the shape that simple patterns
 * have. */
static void write_pattern(xd_buf *buf)
{
    static const char *const parts[] = {"a",       "b",      "[ab]", "[^a]", "\\d",
                                        "[0-9.-]", "\u00e9", "c",    "\\."};
    static const char *const counts[] = {"", "", "", "?", "*", "+", "{2}", "{0,2}", "{1,}"};
    bool group = false;
    xd_buf_char(buf, '^');
    for (uint32_t i = 1 + random_below(5); i > 0; i--) {
        if (!group && random_below(5) == 0) {
            group = true;
            xd_buf_printf(buf, "%s", random_below(2) ? "(" : "(?:");
        }
        xd_buf_printf(buf, "%s%s", parts[random_below(sizeof parts / sizeof parts[0])],
                      counts[random_below(sizeof counts / sizeof counts[0])]);
        if (group && random_below(2)) {
            group = false;
            XD_BUF_LIT(buf, ")?");
        }
    }
    xd_buf_printf(buf, "%s%s", group ? ")?" : "", random_below(3) ? "$" : "");
}

static bool agree_on_pattern(xd_str text, uint32_t rounds)
{
    xd_schema *schema = compile("{}");
    const xd_schema_pattern *pattern = NULL;
    xd_regex *regex = NULL;
    assert_int_equal(xd_schema_pattern_create(schema, text, &pattern, NULL), XD_OK);
    assert_int_equal(xd_regex_create(text, XD_REGEX_STRICT, &regex, NULL), XD_OK);
    bool simple = xd_schema_pattern_is_simple(pattern);
    for (uint32_t i = 0; i < rounds; i++) {
        char room[32];
        xd_str subject = random_subject(room);
        uint64_t steps = 0;
        bool quick = false;
        bool full = false;
        assert_int_equal(xd_schema_pattern_match(pattern, subject, &steps, &quick, NULL), XD_OK);
        assert_int_equal(xd_regex_match(regex, subject, 0, NULL, 0, &full, NULL), XD_OK);
        if (quick != full) {
            print_error("%.*s on %.*s\n", XD_FMT(text), XD_FMT(subject));
        }
        assert_int_equal(quick, full);
    }
    xd_regex_destroy(regex);
    xd_schema_destroy(schema);
    return simple;
}

/* Simple patterns are matched without the regular expressions; both must say the same. */
static void test_simple_patterns_agree_with_regular_expressions(void **state)
{
    (void)state;
    static const char *const patterns[] = {
        "^PO-[0-9]{10}$",
        "^[A-Za-z0-9._-]+$",
        "^[0-9]{1,3}(\\.[0-9]{1,2})?Z$",
        "^a?b*c+$",
        "^[^a]*$",
        "^[\\u0000-\\u001F]*a",
        "^(?:ab)?[c-z]{2,}$",
        "^\\d{2}\\w$",
        "^a(bc)?",
        "^a(bc)?a$",
        "^[ab](ab)?$",
        "^[^ \\u007F-\\u009F]{1,2}$",
        "^\u00e9[\u00e0-\u00ff]+$",
        "^a{0}b$",
        "^(a)?$",
        "^[a-c]{0,2}[0-9]?$",
        "^[\\-a]+b?$",
        "^(a[bc]{1,2})?[0-9]",
    };
    uint32_t simple = 0;
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        simple += agree_on_pattern(xd_str_from(patterns[i]), 2000);
    }
    assert_true(simple >= 12);
    xd_buf buf;
    xd_buf_init(&buf, 1 << 10);
    for (int i = 0; i < 1500; i++) {
        xd_buf_clear(&buf);
        write_pattern(&buf);
        simple += agree_on_pattern(xd_buf_str(&buf), 100);
    }
    print_message("%u patterns were simple\n", simple);
    assert_true(simple > 500);
    xd_buf_finish(&buf);
}

static void test_formats_assert_only_when_asked(void **state)
{
    (void)state;
    const xd_json *tree = parse(XD_STR("{\"format\":\"date\"}"));
    const xd_json *bad = parse(XD_STR("\"2026-02-30\""));
    for (int i = 0; i < 2; i++) {
        xd_schema *schema = NULL;
        xd_schema_options options = {.assert_formats = i == 1};
        assert_int_equal(xd_schema_compile(tree, &options, &schema, NULL), XD_OK);
        assert_int_equal(accepts(schema, bad), i == 0);
        xd_schema_destroy(schema);
    }
}

static xd_status load_2019(void *self, xd_str uri, xd_arena *scratch, const xd_json **ret,
                           xd_fault *fault)
{
    (void)self;
    if (!xd_str_eq(uri, XD_STR("http://localhost/old.json"))) {
        return XD_NOT_FOUND;
    }
    return xd_json_parse(
        XD_STR("{\"$schema\":\"https://json-schema.org/draft/2019-09/schema\","
               "\"prefixItems\":[{\"type\":\"string\"}],\"items\":[{\"type\":\"integer\"}],"
               "\"additionalItems\":{\"type\":\"boolean\"}}"),
        XD_JSON_LIMITS_DEFAULT, scratch, ret, fault);
}

static void test_draft_2019_09_is_read_as_that_draft(void **state)
{
    (void)state;
    xd_schema_options options = {.load = load_2019};
    xd_schema *schema = NULL;
    assert_int_equal(xd_schema_compile(parse(XD_STR("{\"$ref\":\"http://localhost/old.json\"}")),
                                       &options, &schema, NULL),
                     XD_OK);
    assert_true(accepts(schema, parse(XD_STR("[1,true]"))));
    assert_false(accepts(schema, parse(XD_STR("[\"a\"]"))));
    assert_false(accepts(schema, parse(XD_STR("[1,1]"))));
    xd_schema_destroy(schema);
}

static void test_failures_are_cut_short_at_the_limit(void **state)
{
    (void)state;
    xd_schema *schema = compile("{\"items\":false}");
    const xd_schema_report *report = NULL;
    assert_int_equal(
        xd_schema_validate(schema, parse(XD_STR("[1,2,3,4]")), 3, &arena, &report, NULL), XD_OK);
    assert_true(!report->valid && report->cut_short);
    assert_int_equal(report->failure_count, 3);
    xd_schema_destroy(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_failure_is_named_with_three_locations, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_annotations_of_a_branch_that_failed_are_forgotten,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_numbers_are_compared_exactly_at_any_size, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_schemas_that_cannot_work_are_refused_with_a_place,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_schema_that_multiplies_itself_is_stopped, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_deep_documents_and_dynamic_loops_are_stopped, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_costly_pattern_is_bounded_over_all_texts, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_uniqueness_of_many_items_is_not_quadratic, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_large_schemas_answer_as_small_ones_do, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_simple_patterns_agree_with_regular_expressions, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_formats_assert_only_when_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_draft_2019_09_is_read_as_that_draft, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failures_are_cut_short_at_the_limit, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
