/* The required cases of the official JSON Schema test suite, draft 2020-12, from ../shared/suites
 * or the folder in CROSSDOCK_SUITES. `crossdock schema test` runs the same, and the optional ones.
 */
#include "schema/suite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARENA_BYTES = 64 << 20, PATH_BYTES = 1024 };

struct run {
    char folder[PATH_BYTES / 2];
    const char *file;
    uint32_t passed, failed;
};

static xd_str read_file(const char *path, xd_arena *arena)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        return XD_STR_NULL;
    }
    xd_buf buf;
    xd_buf_init(&buf, ARENA_BYTES);
    char chunk[4096];
    size_t n;
    while ((n = fread(chunk, 1, sizeof chunk, file)) > 0) {
        xd_buf_add(&buf, chunk, n);
    }
    fclose(file);
    xd_str text = xd_arena_copy(arena, xd_buf_str(&buf));
    xd_buf_finish(&buf);
    return text;
}

static xd_status load_remote(void *self, xd_str uri, xd_arena *arena, const xd_json **ret,
                             xd_fault *fault)
{
    const struct run *run = self;
    xd_str prefix = XD_STR("http://localhost:1234/");
    char path[PATH_BYTES];
    if (!xd_str_starts(uri, prefix)) {
        return XD_NOT_FOUND;
    }
    snprintf(path, sizeof path, "%s/remotes/%.*s", run->folder, (int)(uri.len - prefix.len),
             uri.ptr + prefix.len);
    xd_str text = read_file(path, arena);
    return text.ptr ? xd_json_parse(text, XD_JSON_LIMITS_DEFAULT, arena, ret, fault) : XD_NOT_FOUND;
}

static void tell(void *self, xd_str group, xd_str test, bool passed, xd_str wrong)
{
    struct run *run = self;
    *(passed ? &run->passed : &run->failed) += 1;
    if (!passed) {
        print_error("%s: %.*s: %.*s: %.*s\n", run->file, XD_FMT(group), XD_FMT(test),
                    XD_FMT(wrong));
    }
}

static void run_file(struct run *run, const char *name)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/tests/draft2020-12/%s", run->folder, name);
    xd_arena arena;
    xd_arena_init(&arena, ARENA_BYTES);
    const xd_json *file = NULL;
    xd_fault fault = XD_FAULT_NONE;
    xd_schema_options options = {.load = load_remote, .load_self = run};
    run->file = name;
    assert_int_equal(
        xd_json_parse(read_file(path, &arena), XD_JSON_LIMITS_DEFAULT, &arena, &file, &fault),
        XD_OK);
    assert_int_equal(xd_schema_suite_run(file, &options, tell, run, &fault), XD_OK);
    xd_arena_finish(&arena);
}

static void test_required_cases_of_the_official_suite_pass(void **state)
{
    (void)state;
    struct run run = {.file = ""};
    const char *suites = getenv("CROSSDOCK_SUITES");
    snprintf(run.folder, sizeof run.folder, "%s/json-schema", suites ? suites : "../shared/suites");
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/tests/draft2020-12", run.folder);
    DIR *dir = opendir(path);
    if (!dir) {
        print_message("SKIPPED: no JSON-Schema-Test-Suite in %s; set CROSSDOCK_SUITES\n",
                      run.folder);
        skip();
    }
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        size_t length = strlen(entry->d_name);
        if (length > 5 && strcmp(entry->d_name + length - 5, ".json") == 0) {
            run_file(&run, entry->d_name);
        }
    }
    closedir(dir);
    print_message("%u passed, %u failed\n", run.passed, run.failed);
    assert_true(run.passed > 0);
    assert_int_equal(run.failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_required_cases_of_the_official_suite_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
