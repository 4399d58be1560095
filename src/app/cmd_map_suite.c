/* `crossdock map test --suite`: the JSONata test suite, from a folder with datasets/ and groups/.
 */
#include "app/cmd_map.h"

#include "mapping/suite.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARENA_BYTES = 1 << 30, NAMES_MAX = 8192 };

struct suite {
    const char *folder;
    const char *group;
    uint32_t passed, failed, meant;
};

static int cmp_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names in a folder, sorted; the caller frees each and the list. -1 when it cannot be read. */
static int list_folder(const char *path, char ***ret)
{
    DIR *dir = opendir(path);
    char **names = dir ? calloc(NAMES_MAX, sizeof *names) : NULL;
    int count = 0;
    const struct dirent *entry;
    while (names && count < NAMES_MAX && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.') {
            names[count] = strdup(entry->d_name);
            count += names[count] != NULL;
        }
    }
    if (dir) {
        closedir(dir);
    }
    if (!names) {
        return -1;
    }
    qsort(names, (size_t)count, sizeof *names, cmp_names);
    *ret = names;
    return count;
}

static void free_names(char **names, int count)
{
    for (int i = 0; i < count; i++) {
        free(names[i]);
    }
    free(names);
}

static const char *difference_of(const char *name)
{
    for (const xd_map_difference *d = xd_map_differences; d->name; d++) {
        if (strcmp(d->name, name) == 0) {
            return d->reason;
        }
    }
    return NULL;
}

/* The input of a case: its data, or the dataset it names. */
static xd_status input_of(const struct suite *suite, const xd_json *test, xd_arena *arena,
                          const xd_json **ret, xd_fault *fault)
{
    xd_str dataset = XD_TEXT(test, "dataset");
    *ret = XD_GET(test, "data");
    if (*ret || !dataset.ptr) {
        return XD_OK;
    }
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/datasets/%.*s.json", suite->folder, XD_FMT(dataset));
    return xd_map_read_json(path, arena, ret, fault);
}

static xd_status expression_of(const struct suite *suite, const xd_json *test, xd_arena *arena,
                               xd_str *ret, xd_fault *fault)
{
    *ret = XD_TEXT(test, "expr");
    if (ret->ptr) {
        return XD_OK;
    }
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/groups/%s/%.*s", suite->folder, suite->group,
             XD_FMT(XD_TEXT(test, "expr-file")));
    return xd_map_read_file(path, arena, ret, fault);
}

static void run_case(struct suite *suite, const char *name, const xd_json *test, xd_arena *arena)
{
    xd_fault fault = XD_FAULT_NONE;
    const xd_json *input = NULL;
    xd_str expression = XD_STR("");
    xd_str wrong = XD_STR("");
    xd_status status = input_of(suite, test, arena, &input, &fault);
    if (status == XD_OK) {
        status = expression_of(suite, test, arena, &expression, &fault);
    }
    if (status != XD_OK) {
        suite->failed++;
        printf("FAILED %s: %s\n", name, fault.text);
    } else if (xd_map_suite_passes(test, expression, input, arena, &wrong)) {
        suite->passed++;
    } else if (difference_of(name)) {
        suite->meant++;
        printf("DIFFERS AS DOCUMENTED %s: %s (%.*s)\n", name, difference_of(name), XD_FMT(wrong));
    } else {
        suite->failed++;
        printf("FAILED %s: %.*s\n", name, XD_FMT(wrong));
    }
}

static bool is_surrogate_escape(xd_str text, size_t i, bool low)
{
    return i + 6 <= text.len && text.ptr[i] == '\\' && text.ptr[i + 1] == 'u' &&
           (text.ptr[i + 2] | 0x20) == 'd' &&
           (low ? strchr("CDEFcdef", text.ptr[i + 3]) : strchr("89ABab", text.ptr[i + 3]));
}

/* Some cases hold half a surrogate pair, which is no text to our reader: it is handed on as the
 * escape that the language itself has for it. */
static xd_status read_cases(const char *path, xd_arena *arena, const xd_json **ret, xd_fault *fault)
{
    xd_status status = xd_map_read_json(path, arena, ret, fault);
    if (status == XD_OK || strcmp(fault->rule, "json.surrogate") != 0) {
        return status;
    }
    xd_str text;
    XD_TRY(xd_map_read_file(path, arena, &text, fault));
    char *out = xd_arena_alloc(arena, text.len * 2);
    if (!out) {
        return xd_fail(fault, XD_NO_MEMORY, "map.memory", "no memory to read %s", path);
    }
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (is_surrogate_escape(text, i, false) && is_surrogate_escape(text, i + 6, true)) {
            memcpy(out + n, text.ptr + i, 12);
            n += 12;
            i += 11;
            continue;
        }
        if (is_surrogate_escape(text, i, false) || is_surrogate_escape(text, i, true)) {
            out[n++] = '\\';
        }
        out[n++] = text.ptr[i];
    }
    xd_json_limits limits = XD_JSON_LIMITS_DEFAULT;
    return xd_json_parse((xd_str){out, n}, limits, arena, ret, fault);
}

/* A file holds one case or an array of them. */
static void run_file(struct suite *suite, const char *file)
{
    char path[PATH_MAX];
    char name[512];
    xd_arena arena;
    xd_fault fault = XD_FAULT_NONE;
    const xd_json *tests = NULL;
    snprintf(path, sizeof path, "%s/groups/%s/%s", suite->folder, suite->group, file);
    int stem = (int)strlen(file) - 5; /* without .json */
    xd_arena_init(&arena, ARENA_BYTES);
    if (read_cases(path, &arena, &tests, &fault) != XD_OK) {
        suite->failed++;
        printf("FAILED %s/%.*s: %s\n", suite->group, stem, file, fault.text);
    } else if (tests->type == XD_JSON_ARRAY) {
        for (uint32_t i = 0; i < tests->count; i++) {
            snprintf(name, sizeof name, "%s/%.*s[%u]", suite->group, stem, file, i);
            run_case(suite, name, &tests->items[i], &arena);
        }
    } else {
        snprintf(name, sizeof name, "%s/%.*s", suite->group, stem, file);
        run_case(suite, name, tests, &arena);
    }
    xd_arena_finish(&arena);
}

static int run_group(struct suite *suite)
{
    char path[PATH_MAX];
    char **files;
    snprintf(path, sizeof path, "%s/groups/%s", suite->folder, suite->group);
    int count = list_folder(path, &files);
    if (count < 0) {
        return xd_cli_say(XD_EXIT_FAILED, "cannot list %s: %s", path, strerror(errno));
    }
    for (int i = 0; i < count; i++) {
        size_t length = strlen(files[i]);
        if (length > 5 && strcmp(files[i] + length - 5, ".json") == 0) {
            run_file(suite, files[i]);
        }
    }
    free_names(files, count);
    return XD_EXIT_OK;
}

int xd_map_run_suite(const char *folder)
{
    char path[PATH_MAX];
    char **groups;
    snprintf(path, sizeof path, "%s/groups", folder);
    int count = list_folder(path, &groups);
    if (count < 0) {
        return xd_cli_say(XD_EXIT_NOT_FOUND,
                          "cannot list %s: %s; a suite has folders groups and "
                          "datasets",
                          path, strerror(errno));
    }
    struct suite suite = {.folder = folder};
    int answer = XD_EXIT_OK;
    for (int i = 0; i < count && answer == XD_EXIT_OK; i++) {
        suite.group = groups[i];
        answer = run_group(&suite);
    }
    free_names(groups, count);
    if (answer != XD_EXIT_OK) {
        return answer;
    }
    if (suite.meant) {
        printf("%u differ as documented in docs/mapping.md\n", suite.meant);
    }
    printf("%u passed, %u failed\n", suite.passed, suite.failed);
    return suite.failed ? XD_EXIT_FAILED : XD_EXIT_OK;
}
