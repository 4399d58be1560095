/* libFuzzer target for JSON Schemas. The input is an array: a schema, and further schemas that are
 * documents too. What compiles must check every document within its limits, give the same answer
 * quickly and at length, report places that are valid UTF-8, and compare with the others without
 * ever contradicting what the documents show. */
#include "base/json.h"
#include "schema/diff.h"
#include "schema/schema.h"

#include "fuzz.h"

enum { ARENA_BYTES = 64 << 20, SCHEMAS = 4 };

/* Whether document fits; false in *ret_known when a limit was met. */
static bool check(const xd_schema *schema, const xd_json *document, xd_arena *arena,
                  bool *ret_known)
{
    bool quick = false;
    xd_fault fault = XD_FAULT_NONE;
    xd_status status = xd_schema_check(schema, document, &quick, &fault);
    REQUIRE(status == XD_OK || status == XD_LIMIT || status == XD_NO_MEMORY);
    const xd_schema_report *report = NULL;
    xd_status other = xd_schema_validate(schema, document, 50, arena, &report, &fault);
    *ret_known = status == XD_OK && other == XD_OK;
    if (!*ret_known) {
        return false;
    }
    REQUIRE(report->valid == quick);
    REQUIRE((report->failures == NULL) == quick);
    for (const xd_schema_unit *unit = report->failures; unit; unit = unit->next) {
        size_t bad;
        REQUIRE(unit->text.len && xd_utf8_valid(unit->text, &bad));
        REQUIRE(xd_utf8_valid(unit->keyword_location, &bad));
        REQUIRE(xd_utf8_valid(unit->instance_location, &bad));
    }
    return quick;
}

static void compare(const xd_schema *older, const xd_schema *newer, const xd_json *documents,
                    xd_arena *arena)
{
    const xd_schema_comparison *c = NULL;
    if (xd_schema_compare(older, newer, arena, &c, NULL) != XD_OK) {
        return;
    }
    REQUIRE(older != newer || (c->backward && c->forward));
    for (uint32_t i = 0; i < documents->count; i++) {
        bool known;
        bool known_too;
        bool first = check(older, &documents->items[i], arena, &known);
        bool second = check(newer, &documents->items[i], arena, &known_too);
        if (known && known_too) {
            REQUIRE(!(c->backward && first && !second));
            REQUIRE(!(c->forward && second && !first));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    xd_arena arena;
    xd_arena_init(&arena, ARENA_BYTES);
    const xd_json *root = NULL;
    xd_schema *schemas[SCHEMAS] = {0};
    uint32_t count = 0;
    if (xd_json_parse((xd_str){(const char *)data, size}, XD_JSON_LIMITS_DEFAULT, &arena, &root,
                      NULL) == XD_OK &&
        root->type == XD_JSON_ARRAY) {
        for (uint32_t i = 0; i < root->count && count < SCHEMAS; i++) {
            xd_fault fault = XD_FAULT_NONE;
            xd_schema_options options = {.assert_formats = size % 2 == 1, .max_bytes = 8 << 20};
            xd_status status =
                xd_schema_compile(&root->items[i], &options, &schemas[count], &fault);
            REQUIRE(status == XD_OK || (fault.code == status && fault.text[0]));
            count += status == XD_OK;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = 0; k < root->count; k++) {
            bool known;
            (void)check(schemas[i], &root->items[k], &arena, &known);
        }
        compare(schemas[0], schemas[i], root, &arena);
    }
    for (uint32_t i = 0; i < count; i++) {
        xd_schema_destroy(schemas[i]);
    }
    xd_arena_finish(&arena);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    return fuzz_mutate_json(data, size, max_size, seed);
}
