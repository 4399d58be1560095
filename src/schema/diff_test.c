/* Comparing schemas: verdicts as people expect them, and that no verdict is ever wrong: whatever
 * the older schema accepts and the newer one refuses must keep the verdict from saying "backward".
 */
#include "schema/diff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARENA_BYTES = 64 << 20, SCHEMAS = 120, DOCUMENTS = 400 };

static xd_arena arena;

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

static const xd_json *parse(xd_str text)
{
    const xd_json *tree = NULL;
    xd_fault fault = XD_FAULT_NONE;
    if (xd_json_parse(text, XD_JSON_LIMITS_DEFAULT, &arena, &tree, &fault) != XD_OK) {
        print_error("%.*s: %s\n", XD_FMT(text), fault.text);
        fail();
    }
    return tree;
}

static xd_schema *compile(xd_str text)
{
    xd_schema *schema = NULL;
    xd_fault fault = XD_FAULT_NONE;
    xd_schema_options options = {0};
    if (xd_schema_compile(parse(text), &options, &schema, &fault) != XD_OK) {
        print_error("%.*s: %s\n", XD_FMT(text), fault.text);
        fail();
    }
    return schema;
}

static const xd_schema_comparison *compare(const char *older, const char *newer)
{
    xd_schema *a = compile(xd_str_from(older));
    xd_schema *b = compile(xd_str_from(newer));
    const xd_schema_comparison *c = NULL;
    assert_int_equal(xd_schema_compare(a, b, &arena, &c, NULL), XD_OK);
    assert_int_equal(c->backward, c->backward_breaks == NULL);
    assert_int_equal(c->forward, c->forward_breaks == NULL);
    xd_schema_destroy(a);
    xd_schema_destroy(b);
    return c;
}

static void test_verdicts_of_usual_changes(void **state)
{
    (void)state;
    const struct {
        const char *older, *newer;
        bool backward, forward;
    } cases[] = {
        {"{\"type\":\"string\"}", "{\"type\":[\"string\",\"null\"]}", true, false},
        {"{\"type\":\"integer\"}", "{\"type\":\"number\"}", true, false},
        {"{\"enum\":[\"a\",\"b\"]}", "{\"enum\":[\"b\",\"a\",\"c\"]}", true, false},
        {"{\"enum\":[\"a\"]}", "{\"type\":\"string\",\"maxLength\":1}", true, false},
        {"{\"required\":[\"a\"]}", "{\"required\":[\"a\",\"b\"]}", false, true},
        {"{\"properties\":{\"a\":{\"type\":\"string\"}}}", "{}", true, false},
        {"{\"properties\":{\"a\":{}},\"additionalProperties\":false}",
         "{\"properties\":{\"a\":{},\"b\":{}},\"additionalProperties\":false}", true, false},
        {"{\"minimum\":1,\"maximum\":9}", "{\"exclusiveMinimum\":0.5,\"maximum\":9.0}", true,
         false},
        {"{\"multipleOf\":6}", "{\"multipleOf\":3}", true, false},
        {"{\"type\":\"integer\"}", "{\"type\":\"number\",\"multipleOf\":1}", true, false},
        {"{\"items\":{\"type\":\"string\"},\"maxItems\":3}", "{\"maxItems\":4}", true, false},
        {"{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"minLength\":2}}}", "{\"minLength\":2}", true,
         true},
        {"{\"anyOf\":[{\"type\":\"string\"},{\"const\":1}]}",
         "{\"anyOf\":[{\"type\":\"integer\"},{\"type\":[\"string\",\"null\"]}]}", true, false},
        {"{\"type\":\"object\",\"required\":[\"k\"],\"oneOf\":["
         "{\"properties\":{\"k\":{\"const\":1}}},{\"properties\":{\"k\":{\"const\":2}}}]}",
         "{\"required\":[\"k\"],\"type\":\"object\",\"oneOf\":["
         "{\"properties\":{\"k\":{\"const\":2}}},{\"properties\":{\"k\":{\"const\":3}}},"
         "{\"properties\":{\"k\":{\"const\":1}}}]}",
         true, false},
        {"{\"minimum\":1,\"anyOf\":[{\"required\":[\"a\"]},{\"required\":[\"b\"]}]}",
         "{\"minimum\":0,\"anyOf\":[{\"required\":[\"b\"]},{\"required\":[\"c\"]},{\"required\":["
         "\"a\"]}]}",
         true, false},
        {"{\"pattern\":\"^a\"}", "{\"pattern\":\"^ab\"}", false, false},
        {"{\"properties\":{\"n\":{\"$ref\":\"#\"},\"v\":{\"maximum\":3}}}",
         "{\"properties\":{\"n\":{\"$ref\":\"#\"},\"v\":{\"maximum\":4}}}", true, false},
        {"{\"not\":{\"type\":[\"string\",\"null\"]}}", "{\"not\":{\"type\":\"string\"}}", true,
         false},
        {"{\"patternProperties\":{\"^x-\":{\"type\":\"integer\"}}}",
         "{\"patternProperties\":{\"^x-\":{\"type\":\"number\"}}}", true, false},
        {"{\"prefixItems\":[{\"const\":1}],\"items\":false}", "{\"items\":{\"enum\":[1,2]}}", true,
         false},
        {"{\"type\":\"object\",\"unevaluatedProperties\":false,\"properties\":{\"a\":{}}}",
         "{\"unevaluatedProperties\":false,\"properties\":{\"a\":{}},\"type\":\"object\"}", true,
         true},
        {"{\"additionalProperties\":{\"maximum\":5}}",
         "{\"properties\":{\"a\":{\"maximum\":6}},\"additionalProperties\":{\"maximum\":5}}", true,
         false},
        {"{\"type\":\"integer\",\"exclusiveMinimum\":5}", "{\"type\":\"integer\",\"minimum\":6}",
         true, true},
        {"{\"exclusiveMaximum\":5}", "{\"maximum\":4}", false, true},
        {"{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}",
         "{\"type\":[\"string\",\"null\"]}", true, true},
        {"{\"not\":{\"type\":\"string\"}}",
         "{\"type\":[\"null\",\"boolean\",\"number\",\"array\",\"object\"]}", true, true},
        {"false", "{\"type\":\"string\"}", true, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const xd_schema_comparison *c = compare(cases[i].older, cases[i].newer);
        if (c->backward != cases[i].backward || c->forward != cases[i].forward) {
            const xd_schema_break *b = c->backward_breaks ? c->backward_breaks : c->forward_breaks;
            print_error("%s to %s: backward %d, forward %d: %.*s\n", cases[i].older, cases[i].newer,
                        c->backward, c->forward, b ? (int)b->reason.len : 0,
                        b ? b->reason.ptr : "");
            fail();
        }
    }
}

static void test_breaks_say_where_and_why(void **state)
{
    (void)state;
    const xd_schema_comparison *c =
        compare("{\"properties\":{\"lines\":{\"items\":{\"properties\":{\"uom\":"
                "{\"enum\":[\"EA\",\"CS\"]},\"code\":{\"pattern\":\"^[A-Z]+$\"}}}}}}",
                "{\"properties\":{\"lines\":{\"items\":{\"properties\":{\"uom\":"
                "{\"enum\":[\"EA\"]},\"code\":{\"pattern\":\"^[A-Z]{2}$\"}}}}}}");
    const xd_schema_break *b = c->backward_breaks;
    assert_non_null(b);
    assert_true(xd_str_eq(b->place, XD_STR("/lines/*/uom")));
    assert_true(xd_str_eq(b->new_location, XD_STR("#/properties/lines/items/properties/uom")));
    assert_true(xd_str_eq(b->reason,
                          XD_STR("the older schema allows \"CS\", and the newer schema does not")));
    b = b->next;
    assert_non_null(b);
    assert_true(b->undecided);
    assert_true(xd_str_starts(b->reason, XD_STR("cannot be decided")));
    assert_true(xd_str_eq(b->place, XD_STR("/lines/*/code")));
}

/* --- random schemas and documents --- */

static uint64_t random_state;

static uint32_t random_below(uint32_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state >> 11) % n);
}

static void write_schema(xd_buf *buf, int depth);

static void write_keyword(xd_buf *buf, int depth)
{
    static const char *const plain[] = {
        "\"type\":\"string\"",
        "\"type\":\"integer\"",
        "\"type\":[\"number\",\"null\"]",
        "\"type\":\"object\"",
        "\"type\":[\"array\",\"object\"]",
        "\"minimum\":1",
        "\"maximum\":2",
        "\"exclusiveMinimum\":0",
        "\"multipleOf\":2",
        "\"multipleOf\":0.5",
        "\"minLength\":1",
        "\"maxLength\":1",
        "\"pattern\":\"^a\"",
        "\"enum\":[1,\"a\",null]",
        "\"enum\":[1,{\"a\":1},[1]]",
        "\"const\":\"a\"",
        "\"required\":[\"a\"]",
        "\"required\":[\"b\",\"a\"]",
        "\"minProperties\":1",
        "\"maxProperties\":1",
        "\"minItems\":1",
        "\"maxItems\":1",
        "\"uniqueItems\":true",
        "\"additionalProperties\":false",
        "\"unevaluatedProperties\":false",
        "\"dependentRequired\":{\"a\":[\"b\"]}",
        "\"propertyNames\":{\"const\":\"a\"}",
    };
    static const char *const nested[] = {
        "\"properties\":{\"a\":",
        "\"properties\":{\"b\":",
        "\"patternProperties\":{\"^a\":",
        "\"additionalProperties\":",
        "\"items\":",
        "\"contains\":",
        "\"not\":",
        "\"unevaluatedProperties\":",
        "\"dependentSchemas\":{\"a\":",
        "\"prefixItems\":[",
        "\"allOf\":[",
        "\"anyOf\":[",
        "\"oneOf\":[",
        "\"if\":",
    };
    if (depth == 0 || random_below(3)) {
        const char *text = plain[random_below(sizeof plain / sizeof plain[0])];
        xd_buf_add(buf, text, strlen(text));
        return;
    }
    const char *text = nested[random_below(sizeof nested / sizeof nested[0])];
    size_t length = strlen(text);
    xd_buf_add(buf, text, length);
    write_schema(buf, depth - 1);
    if (text[length - 1] == '[') {
        xd_buf_char(buf, ',');
        write_schema(buf, depth - 1);
        xd_buf_char(buf, ']');
    } else if (strchr(text, '{')) {
        xd_buf_char(buf, '}');
    } else if (strstr(text, "if")) {
        XD_BUF_LIT(buf, ",\"then\":");
        write_schema(buf, depth - 1);
        XD_BUF_LIT(buf, ",\"else\":");
        write_schema(buf, depth - 1);
    }
}

static void write_schema(xd_buf *buf, int depth)
{
    xd_buf_char(buf, '{');
    for (uint32_t i = 0, n = random_below(3); i < n; i++) {
        xd_buf_char(buf, i ? ',' : ' ');
        write_keyword(buf, depth);
    }
    xd_buf_char(buf, '}');
}

static void write_document(xd_buf *buf, int depth)
{
    static const char *const plain[] = {"null", "true", "0",    "1",     "2",      "3",     "0.5",
                                        "-1",   "1.0",  "\"\"", "\"a\"", "\"ab\"", "\"b\"", "[]"};
    uint32_t kind = depth ? random_below(6) : 0;
    if (kind < 2) {
        const char *text = plain[random_below(sizeof plain / sizeof plain[0])];
        xd_buf_add(buf, text, strlen(text));
        return;
    }
    static const char *const names[] = {"a", "b", "ab", "c"};
    bool object = kind > 3;
    xd_buf_char(buf, object ? '{' : '[');
    bool first = true;
    for (uint32_t i = 0; i < 4; i++) {
        if (random_below(2)) {
            continue;
        }
        if (!first) {
            xd_buf_char(buf, ',');
        }
        first = false;
        if (object) {
            xd_buf_printf(buf, "\"%s\":", names[i]);
        }
        write_document(buf, depth - 1);
    }
    xd_buf_char(buf, object ? '}' : ']');
}

/* A random schema without two keywords of one name, which a JSON object may not have. */
static xd_str random_schema(xd_buf *buf)
{
    for (;;) {
        xd_buf_clear(buf);
        write_schema(buf, 3);
        const xd_json *tree;
        if (xd_json_parse(xd_buf_str(buf), XD_JSON_LIMITS_DEFAULT, &arena, &tree, NULL) == XD_OK) {
            return xd_arena_copy(&arena, xd_buf_str(buf));
        }
    }
}

static bool accepts(const xd_schema *schema, const xd_json *document)
{
    bool valid = false;
    assert_int_equal(xd_schema_check(schema, document, &valid, NULL), XD_OK);
    return valid;
}

static void test_no_document_contradicts_a_verdict(void **state)
{
    (void)state;
    static xd_str texts[SCHEMAS];
    static xd_schema *schemas[SCHEMAS];
    static const xd_json *documents[DOCUMENTS];
    static bool answers[SCHEMAS][DOCUMENTS];
    const char *seed = getenv("CROSSDOCK_SEED");
    random_state = seed ? strtoull(seed, NULL, 10) | 1 : 20261123;
    xd_buf buf;
    xd_buf_init(&buf, 1 << 20);
    for (int i = 0; i < DOCUMENTS; i++) {
        xd_buf_clear(&buf);
        write_document(&buf, 2);
        documents[i] = parse(xd_arena_copy(&arena, xd_buf_str(&buf)));
    }
    for (int i = 0; i < SCHEMAS; i++) {
        texts[i] = random_schema(&buf);
        schemas[i] = compile(texts[i]);
        for (int k = 0; k < DOCUMENTS; k++) {
            answers[i][k] = accepts(schemas[i], documents[k]);
        }
    }
    uint32_t backward = 0;
    for (int i = 0; i < SCHEMAS; i++) {
        for (int k = 0; k < SCHEMAS; k++) {
            xd_arena scratch;
            xd_arena_init(&scratch, ARENA_BYTES);
            const xd_schema_comparison *c = NULL;
            assert_int_equal(xd_schema_compare(schemas[i], schemas[k], &scratch, &c, NULL), XD_OK);
            assert_true(i != k || (c->backward && c->forward));
            backward += c->backward;
            for (int n = 0; n < DOCUMENTS && c->backward; n++) {
                if (answers[i][n] && !answers[k][n]) {
                    xd_buf_clear(&buf);
                    xd_json_write(&buf, documents[n]);
                    print_error("%.*s to %.*s: %.*s\n", XD_FMT(texts[i]), XD_FMT(texts[k]),
                                XD_FMT(xd_buf_str(&buf)));
                    fail();
                }
            }
            xd_arena_finish(&scratch);
        }
    }
    print_message("%d pairs, %u of them backward\n", SCHEMAS * SCHEMAS, backward);
    assert_true(backward > SCHEMAS * 2);
    for (int i = 0; i < SCHEMAS; i++) {
        xd_schema_destroy(schemas[i]);
    }
    xd_buf_finish(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_verdicts_of_usual_changes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_breaks_say_where_and_why, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_document_contradicts_a_verdict, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
