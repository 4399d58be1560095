/* The committed schemas of the canonical kinds (schemas/) beside the hub's own validator, on a
 * sample of each kind and on thousands of mutations of it. Whatever the hub accepts the schema must
 * accept: a sender that follows the hub must never be told otherwise by its schema. Where the
 * schema accepts and the hub refuses, it must be for a rule that JSON Schema cannot say; those are
 * listed. */
#include "base/json.h"
#include "canon/kind.h"
#include "schema/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARENA_BYTES = 64 << 20, PATH_BYTES = 512, POSITIONS_MAX = 2000 };

/* Ends of the names of rules ("lots.sum") that speak of several fields together, of lists that only
 * the hub has, of signs inside texts, or of texts that may be a date or an instant. */
static const char *const beyond_schema[] = {
    ".balance", ".code", ".empty", ".exceeds", ".required",
    ".side",    ".sum",  ".time",  ".unique",  ".zero",
};

static xd_str read_file(const char *path, xd_arena *arena)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        return XD_STR_NULL;
    }
    char text[65536];
    size_t n = fread(text, 1, sizeof text, file);
    fclose(file);
    return xd_arena_copy(arena, (xd_str){text, n});
}

static const xd_json *read_tree(const char *path, xd_arena *arena)
{
    const xd_json *tree = NULL;
    xd_str text = read_file(path, arena);
    if (!text.ptr || xd_json_parse(text, XD_JSON_LIMITS_DEFAULT, arena, &tree, NULL) != XD_OK) {
        return NULL;
    }
    return tree;
}

/* What is done to a sample: the value at a position is replaced or removed, or given a new member.
 */
struct mutation {
    uint32_t position;       /* counted as the tree is written */
    const char *replacement; /* NULL: removed */
    bool add;                /* a member is added to the object there instead */
    uint32_t at;             /* while writing */
};

static void write_mutated(xd_buf *buf, const xd_json *value, struct mutation *m);

static void write_children(xd_buf *buf, const xd_json *value, struct mutation *m, bool object)
{
    bool first = true;
    xd_buf_char(buf, object ? '{' : '[');
    if (m->add && m->at == m->position + 1) {
        XD_BUF_LIT(buf, "\"unknown\":1");
        first = false;
    }
    for (uint32_t i = 0; i < value->count; i++) {
        bool removed = !m->replacement && !m->add && m->at == m->position;
        if (!first && !removed) {
            xd_buf_char(buf, ',');
        }
        first = first && removed;
        if (object && !removed) {
            xd_json_write_string(buf, value->members[i].name);
            xd_buf_char(buf, ':');
        }
        write_mutated(buf, object ? &value->members[i].value : &value->items[i], m);
    }
    xd_buf_char(buf, object ? '}' : ']');
}

static void write_mutated(xd_buf *buf, const xd_json *value, struct mutation *m)
{
    uint32_t here = m->at++;
    if (here == m->position && !m->add) {
        if (m->replacement) {
            xd_buf_add(buf, m->replacement, strlen(m->replacement));
        }
        return;
    }
    if (value->type == XD_JSON_OBJECT || value->type == XD_JSON_ARRAY) {
        write_children(buf, value, m, value->type == XD_JSON_OBJECT);
    } else {
        xd_json_write(buf, value);
    }
}

struct tally {
    uint32_t both, neither, schema_only, hub_only;
};

static bool is_beyond_schema(const char *rule)
{
    const char *dot = strrchr(rule, '.');
    for (size_t i = 0; dot && i < sizeof beyond_schema / sizeof beyond_schema[0]; i++) {
        if (strcmp(dot, beyond_schema[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void compare(const xd_kind_info *kind, const xd_schema *schema, xd_str text,
                    struct tally *tally)
{
    xd_arena arena;
    xd_arena_init(&arena, ARENA_BYTES);
    const xd_json *data = NULL;
    xd_fault fault = XD_FAULT_NONE;
    if (xd_json_parse(text, XD_JSON_LIMITS_DEFAULT, &arena, &data, NULL) == XD_OK) {
        bool hub = xd_canon_validate(kind, data, &fault) == XD_OK;
        const xd_schema_report *report = NULL;
        assert_int_equal(xd_schema_validate(schema, data, 0, &arena, &report, NULL), XD_OK);
        *(hub && report->valid ? &tally->both
          : hub                ? &tally->hub_only
          : report->valid      ? &tally->schema_only
                               : &tally->neither) += 1;
        if (hub && !report->valid) {
            print_error("%s: the hub accepts and the schema refuses %.*s at %.*s: %.*s\n",
                        kind->name, XD_FMT(text), XD_FMT(report->failures->instance_location),
                        XD_FMT(report->failures->text));
        } else if (!hub && report->valid && !is_beyond_schema(fault.rule)) {
            print_error("%s: the schema accepts and the hub refuses %.*s: %s: %s\n", kind->name,
                        XD_FMT(text), fault.rule, fault.text);
            tally->hub_only++;
        }
    }
    xd_arena_finish(&arena);
}

static void run_kind(const xd_kind_info *kind, struct tally *tally)
{
    static const char *const replacements[] = {
        NULL,
        "null",
        "true",
        "0",
        "1",
        "-1",
        "1.5",
        "99999999999999999999",
        "\"\"",
        "\"x\"",
        "\" x\"",
        "\"1\"",
        "\"0\"",
        "\"-1\"",
        "\"1.50\"",
        "\"1e3\"",
        "\"01.5\"",
        "\"1.\"",
        "\"2026-11-23\"",
        "\"2026-13-45\"",
        "\"2026-11-23T08:00:00Z\"",
        "\"2026-11-23T08:00:00.5+01:00\"",
        "\"2026-11-23 08:00\"",
        "\"USD\"",
        "\"usd\"",
        "\"XYZ\"",
        "[]",
        "{}",
        "[{}]",
        "[\"a\"]",
        "{\"a\":1}",
        "\"a\\u0007b\"",
        "\"\\u00e9\\u00e9\"",
        "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaa"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaa"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaa\"",
    };
    xd_arena arena;
    xd_arena_init(&arena, ARENA_BYTES);
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "schemas/%s.json", kind->name);
    const xd_json *tree = read_tree(path, &arena);
    snprintf(path, sizeof path, "tests/fuzz/corpus/event/%s", kind->name);
    const xd_json *sample = read_tree(path, &arena);
    assert_non_null(tree);
    if (!sample) {
        print_error("there is no sample %s\n", path);
        fail();
    }
    xd_schema *schema = NULL;
    xd_fault fault = XD_FAULT_NONE;
    xd_schema_options options = {.assert_formats = true}; /* dates that exist */
    if (xd_schema_compile(tree, &options, &schema, &fault) != XD_OK) {
        print_error("schemas/%s.json: %s\n", kind->name, fault.text);
        fail();
    }
    xd_buf buf;
    xd_buf_init(&buf, 1 << 20);
    struct mutation count = {.position = UINT32_MAX};
    write_mutated(&buf, sample, &count);
    for (uint32_t position = 0; position < count.at && position < POSITIONS_MAX; position++) {
        for (size_t i = 0; i <= sizeof replacements / sizeof replacements[0]; i++) {
            bool add = i == sizeof replacements / sizeof replacements[0];
            struct mutation m = {.position = position, .add = add};
            m.replacement = add ? NULL : replacements[i];
            xd_buf_clear(&buf);
            write_mutated(&buf, sample, &m);
            compare(kind, schema, xd_buf_str(&buf), tally);
        }
    }
    xd_buf_finish(&buf);
    xd_schema_destroy(schema);
    xd_arena_finish(&arena);
}

static void test_schemas_of_kinds_say_what_the_hub_does(void **state)
{
    (void)state;
    size_t count = 0;
    const xd_kind_info *kinds = xd_kinds(&count);
    struct tally tally = {0};
    for (size_t i = 0; i < count; i++) {
        if (kinds[i].fields && !kinds[i].internal) {
            run_kind(&kinds[i], &tally);
        }
    }
    print_message("%u accepted and %u refused by both, %u refused by the hub alone\n", tally.both,
                  tally.neither, tally.schema_only);
    assert_true(tally.both > 500 && tally.neither > 5000);
    assert_int_equal(tally.hub_only, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schemas_of_kinds_say_what_the_hub_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
