/* Runs JSONTestSuite (github.com/nst/JSONTestSuite, test_parsing) from ../shared/suites or the
 * folder in CROSSDOCK_SUITES: y_ files must be accepted, n_ files refused, and i_ files, which the
 * standard leaves open, must do what docs/json.md says. */
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARENA_BYTES = 64 << 20 };

/* The i_ files that are accepted: numbers of any size, because lexemes are kept. All others are
 * refused for their encoding, half a surrogate pair, or their depth. */
static const char *const open_accepted[] = {
    "i_number_double_huge_neg_exp.json", "i_number_huge_exp.json",
    "i_number_neg_int_huge_exp.json",    "i_number_pos_double_huge_exp.json",
    "i_number_real_neg_overflow.json",   "i_number_real_pos_overflow.json",
    "i_number_real_underflow.json",      "i_number_too_big_neg_int.json",
    "i_number_too_big_pos_int.json",     "i_number_very_big_negative_int.json",
};

static const char *suite_folder(char *path, size_t size)
{
    const char *suites = getenv("CROSSDOCK_SUITES");
    snprintf(path, size, "%s/jsontestsuite", suites ? suites : "../shared/suites");
    return path;
}

static bool should_accept(const char *name)
{
    if (name[0] != 'i') {
        return name[0] == 'y';
    }
    for (size_t i = 0; i < sizeof open_accepted / sizeof open_accepted[0]; i++) {
        if (strcmp(name, open_accepted[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void read_file(const char *path, xd_buf *buf)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char chunk[4096];
    size_t n;
    while ((n = fread(chunk, 1, sizeof chunk, file)) > 0) {
        xd_buf_add(buf, chunk, n);
    }
    assert_false(ferror(file) || buf->failed);
    fclose(file);
}

/* What was accepted must come back from its written form. */
static void assert_survives_writing(const xd_json *root, xd_json_limits limits, xd_arena *arena)
{
    xd_buf written;
    xd_buf again;
    xd_buf_init(&written, ARENA_BYTES);
    xd_buf_init(&again, ARENA_BYTES);
    xd_json_write(&written, root);
    const xd_json *reread = NULL;
    assert_int_equal(xd_json_parse(xd_buf_str(&written), limits, arena, &reread, NULL), XD_OK);
    xd_json_write(&again, reread);
    assert_true(xd_str_eq(xd_buf_str(&written), xd_buf_str(&again)));
    xd_buf_finish(&again);
    xd_buf_finish(&written);
}

/* Whether the file is read as it should be; says so when not. */
static bool file_behaves(const char *folder, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    xd_buf text;
    xd_buf_init(&text, ARENA_BYTES);
    read_file(path, &text);
    xd_arena arena;
    xd_arena_init(&arena, ARENA_BYTES);
    xd_json_limits limits = XD_JSON_LIMITS_DEFAULT;
    limits.allow_duplicates = true; /* The suite counts two members of one name as valid. */
    const xd_json *root = NULL;
    xd_fault fault = XD_FAULT_NONE;
    xd_status status = xd_json_parse(xd_buf_str(&text), limits, &arena, &root, &fault);
    bool accepted = status == XD_OK;
    if (accepted) {
        assert_survives_writing(root, limits, &arena);
    } else {
        assert_true(status == XD_INVALID || status == XD_LIMIT);
        assert_true(fault.offset >= 0 && fault.offset <= (int64_t)text.len);
    }
    bool behaves = accepted == should_accept(name);
    if (!behaves) {
        print_error("%s was %s: %s\n", name, accepted ? "accepted" : "refused", fault.text);
    }
    xd_arena_finish(&arena);
    xd_buf_finish(&text);
    return behaves;
}

static void test_suite_files_are_accepted_or_refused_as_documented(void **state)
{
    (void)state;
    char folder[512];
    DIR *dir = opendir(suite_folder(folder, sizeof folder));
    if (!dir) {
        print_message("SKIPPED: no JSONTestSuite in %s; set CROSSDOCK_SUITES\n", folder);
        skip();
    }
    int files = 0;
    int wrong = 0;
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        if (strchr("yni", entry->d_name[0]) && entry->d_name[1] == '_') {
            files++;
            wrong += !file_behaves(folder, entry->d_name);
        }
    }
    closedir(dir);
    print_message("%d files, %d wrong\n", files, wrong);
    assert_true(files > 0);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suite_files_are_accepted_or_refused_as_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
