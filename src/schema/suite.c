/* The official test suite's files. See suite.h. */
#include "schema/suite.h"

#include <stdio.h>

enum { ARENA_BYTES = 64 << 20 };

struct group {
    const xd_json *group;
    xd_schema_suite_told told;
    void *told_self;
};

static void tell(const struct group *g, const xd_json *test, const char *wrong)
{
    g->told(g->told_self, XD_TEXT(g->group, "description"), XD_TEXT(test, "description"), !*wrong,
            xd_str_from(wrong));
}

static void run_case(const struct group *g, const xd_schema *schema, const xd_json *test)
{
    const xd_json *data = XD_GET(test, "data");
    bool expected = xd_json_get_bool(test, XD_STR("valid"));
    bool quick = false;
    char wrong[512] = "";
    xd_fault fault = XD_FAULT_NONE;
    xd_arena arena;
    xd_arena_init(&arena, ARENA_BYTES);
    const xd_schema_report *report = NULL;
    if (!data) {
        snprintf(wrong, sizeof wrong, "the case has no data");
    } else if (xd_schema_check(schema, data, &quick, &fault) != XD_OK ||
               xd_schema_validate(schema, data, 0, &arena, &report, &fault) != XD_OK) {
        snprintf(wrong, sizeof wrong, "%s", fault.text);
    } else if (quick != report->valid) {
        snprintf(wrong, sizeof wrong, "the quick check and the report disagree");
    } else if (quick != expected) {
        const xd_schema_unit *first = report->failures;
        snprintf(wrong, sizeof wrong, "expected %s, found %s%s%.*s", expected ? "valid" : "invalid",
                 quick ? "valid" : "invalid", first ? ": " : "", first ? (int)first->text.len : 0,
                 first ? first->text.ptr : "");
    } else if (!report->valid && !report->failures) {
        snprintf(wrong, sizeof wrong, "nothing says why the document is invalid");
    }
    tell(g, test, wrong);
    xd_arena_finish(&arena);
}

static void run_group(const struct group *g, const xd_json *tests, const xd_schema_options *options)
{
    xd_fault fault = XD_FAULT_NONE;
    xd_schema *schema = NULL;
    const xd_json *source = XD_GET(g->group, "schema");
    xd_status status = source ? xd_schema_compile(source, options, &schema, &fault)
                              : xd_fail(&fault, XD_INVALID, "suite.schema", "there is no schema");
    for (uint32_t i = 0; i < tests->count; i++) {
        if (status == XD_OK) {
            run_case(g, schema, &tests->items[i]);
        } else {
            tell(g, &tests->items[i], fault.text);
        }
    }
    xd_schema_destroy(schema);
}

xd_status xd_schema_suite_run(const xd_json *file, const xd_schema_options *options,
                              xd_schema_suite_told told, void *told_self, xd_fault *fault)
{
    if (file->type != XD_JSON_ARRAY) {
        return xd_fail(fault, XD_INVALID, "suite.file",
                       "a file of the suite is an array of groups, not a%s %s",
                       file->type == XD_JSON_OBJECT ? "n" : "", xd_json_type_name(file->type));
    }
    for (uint32_t i = 0; i < file->count; i++) {
        const xd_json *tests = XD_GET(&file->items[i], "tests");
        if (!tests || tests->type != XD_JSON_ARRAY) {
            return xd_fail(fault, XD_INVALID, "suite.file", "group %u has no tests", i);
        }
        struct group g = {.group = &file->items[i], .told = told, .told_self = told_self};
        run_group(&g, tests, options);
    }
    return XD_OK;
}
