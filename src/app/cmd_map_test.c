/* `crossdock map test DIR`: golden pairs beside each map. Beside NAME.jsonata the files
 * NAME.CASE.in.EXT and NAME.CASE.out.json are a pair; NAME.layout.json is the layout of inputs that
 * are not JSON; xref.csv in the same folder has the codes that $xref and $uom find. An empty out
 * file means that the map gives nothing. */
#include "app/cmd_map.h"
#include "app/map_input.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum {
    ARENA_BYTES = 1 << 30,
    CODES_BYTES = 256 << 20,
    NAMES_MAX = 8192,
    DEPTH_MAX = 8, /* folders within folders */
    VALUE_SHOWN = 60
};

typedef struct tests {
    xd_arena arena;          /* of one case */
    xd_arena codes_arena;    /* of one folder's code tables */
    xd_crosswalk *crosswalk; /* of the folder under way; NULL: none */
    xd_instant at;
    uint32_t passed, failed;
} tests;

static int fail_case(tests *t, const char *name, const char *text)
{
    t->failed++;
    printf("FAIL %s: %s\n", name, text);
    return XD_EXIT_FAILED;
}

/* --- comparing --- */

static void shorten(const xd_json *value, char *text, size_t size)
{
    xd_buf buf;
    xd_buf_init(&buf, 1 << 20);
    if (value) {
        xd_json_write(&buf, value);
    } else {
        XD_BUF_LIT(&buf, "nothing");
    }
    size_t n = buf.len < VALUE_SHOWN ? buf.len : VALUE_SHOWN;
    while (n < buf.len && n > 0 && ((unsigned char)buf.ptr[n] & 0xC0) == 0x80) {
        n--;
    }
    snprintf(text, size, "%.*s%s", (int)n, buf.ptr ? buf.ptr : "", n < buf.len ? "..." : "");
    xd_buf_finish(&buf);
}

static bool same(tests *t, const xd_json *a, const xd_json *b)
{
    xd_buf left;
    xd_buf right;
    xd_buf_init(&left, ARENA_BYTES);
    xd_buf_init(&right, ARENA_BYTES);
    bool equal = xd_json_canonical(&left, a, &t->arena, NULL) == XD_OK &&
                 xd_json_canonical(&right, b, &t->arena, NULL) == XD_OK &&
                 xd_str_eq(xd_buf_str(&left), xd_buf_str(&right));
    xd_buf_finish(&left);
    xd_buf_finish(&right);
    return equal;
}

/* Moves both to the first place where they differ; path grows by it. */
static void find_difference(tests *t, const xd_json **a, const xd_json **b, char *path, size_t size)
{
    for (;;) {
        size_t used = strlen(path);
        const xd_json *in_a = NULL;
        const xd_json *in_b = NULL;
        bool found = false;
        if (!*a || !*b || (*a)->type != (*b)->type) {
            return;
        }
        if ((*a)->type == XD_JSON_ARRAY) {
            uint32_t most = (*a)->count > (*b)->count ? (*a)->count : (*b)->count;
            for (uint32_t i = 0; i < most && !found; i++) {
                in_a = i < (*a)->count ? &(*a)->items[i] : NULL;
                in_b = i < (*b)->count ? &(*b)->items[i] : NULL;
                found = !in_a || !in_b || !same(t, in_a, in_b);
                snprintf(path + used, size - used, "/%u", (unsigned)i);
            }
        } else if ((*a)->type == XD_JSON_OBJECT) {
            for (int side = 0; side < 2 && !found; side++) {
                const xd_json *object = side ? *b : *a;
                for (uint32_t i = 0; i < object->count && !found; i++) {
                    xd_str name = object->members[i].name;
                    in_a = xd_json_get(*a, name);
                    in_b = xd_json_get(*b, name);
                    found = !in_a || !in_b || !same(t, in_a, in_b);
                    snprintf(path + used, size - used, "/%.*s", XD_FMT(name));
                }
            }
        }
        if (!found) {
            path[used] = '\0';
            return;
        }
        *a = in_a;
        *b = in_b;
    }
}

static int judge(tests *t, const char *name, const xd_json *got, const xd_json *expected)
{
    if (got == expected || (got && expected && same(t, got, expected))) {
        t->passed++;
        return XD_EXIT_OK;
    }
    char path[192] = "";
    char wanted[VALUE_SHOWN + 8];
    char found[VALUE_SHOWN + 8];
    char text[400];
    find_difference(t, &got, &expected, path, sizeof path);
    shorten(expected, wanted, sizeof wanted);
    shorten(got, found, sizeof found);
    snprintf(text, sizeof text, "%s%sexpected %s, got %s", path, path[0] ? ": " : "", wanted,
             found);
    return fail_case(t, name, text);
}

/* --- one case --- */

/* The tree of an out file; NULL when it is empty. */
static xd_status read_expected(tests *t, const char *path, const xd_json **ret, xd_fault *fault)
{
    xd_str text;
    XD_TRY(xd_map_read_file(path, &t->arena, &text, fault));
    if (text.len == 0) {
        *ret = NULL;
        return XD_OK;
    }
    return xd_map_read_json(path, &t->arena, ret, fault);
}

static void run_case(tests *t, const xd_map *map, const char *map_path, const char *in_path,
                     const char *layout_path, const char *out_path)
{
    const xd_json *input = NULL;
    const xd_json *expected = NULL;
    const xd_json *got = NULL;
    xd_fault fault = XD_FAULT_NONE;
    xd_map_codes codes = {t->crosswalk, t->at};
    xd_map_world world = t->crosswalk ? xd_map_codes_world(&codes) : (xd_map_world){.now = t->at};
    xd_status status = xd_map_read_input(in_path, layout_path, &t->arena, &input, &fault);
    if (status == XD_OK) {
        status = read_expected(t, out_path, &expected, &fault);
    }
    if (status != XD_OK) {
        fail_case(t, in_path, fault.text);
        return;
    }
    if (xd_map_run(map, input, NULL, &world, NULL, &t->arena, &got, &fault) != XD_OK) {
        char text[600];
        snprintf(text, sizeof text, "%.200s:%d:%d: %s (%s)", map_path, (int)fault.line,
                 (int)fault.column, fault.text, fault.rule);
        fail_case(t, in_path, text);
        return;
    }
    judge(t, in_path, got, expected);
}

/* --- folders --- */

static int cmp_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names in a folder, sorted; freed by free_names. */
static xd_status list_folder(const char *path, char ***ret, int *ret_count, xd_fault *fault)
{
    DIR *dir = opendir(path);
    if (!dir) {
        return xd_fail(fault, errno == ENOENT ? XD_NOT_FOUND : XD_IO, "file.open",
                       "cannot open %s: %s", path, strerror(errno));
    }
    char **names = calloc(NAMES_MAX, sizeof *names);
    int count = 0;
    const struct dirent *entry;
    while (names && count < NAMES_MAX && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.') {
            names[count] = strdup(entry->d_name);
            count += names[count] != NULL;
        }
    }
    closedir(dir);
    if (!names) {
        return xd_fail(fault, XD_NO_MEMORY, NULL, "no memory for the names in %s", path);
    }
    qsort(names, (size_t)count, sizeof *names, cmp_names);
    *ret = names;
    *ret_count = count;
    return XD_OK;
}

static void free_names(char **names, int count)
{
    for (int i = 0; i < count; i++) {
        free(names[i]);
    }
    free(names);
}

static bool is_there(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

static bool is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* Runs the cases of one map: names that begin with its name and have ".in." in them. */
static void run_map(tests *t, const char *folder, const char *file, size_t stem, char **names,
                    int count)
{
    char map_path[PATH_MAX];
    char layout_path[PATH_MAX];
    snprintf(map_path, sizeof map_path, "%s/%s", folder, file);
    snprintf(layout_path, sizeof layout_path, "%s/%.*s.layout.json", folder, (int)stem, file);
    xd_str text;
    xd_map *map = NULL;
    xd_fault fault = XD_FAULT_NONE;
    xd_arena_reset(&t->arena);
    if (xd_map_read_file(map_path, &t->arena, &text, &fault) != XD_OK ||
        xd_map_compile(text, &map, &fault) != XD_OK) {
        char words[400];
        snprintf(words, sizeof words, "%d:%d: %s", (int)fault.line, (int)fault.column, fault.text);
        fail_case(t, map_path, words);
        return;
    }
    uint32_t before = t->passed + t->failed;
    for (int i = 0; i < count; i++) {
        const char *in = strstr(names[i], ".in.");
        if (strncmp(names[i], file, stem + 1) != 0 || !in || in < names[i] + stem) {
            continue;
        }
        char in_path[PATH_MAX];
        char out_path[PATH_MAX];
        snprintf(in_path, sizeof in_path, "%s/%s", folder, names[i]);
        snprintf(out_path, sizeof out_path, "%s/%.*s.out.json", folder, (int)(in - names[i]),
                 names[i]);
        bool json = strcmp(in, ".in.json") == 0;
        xd_arena_reset(&t->arena);
        run_case(t, map, map_path, in_path, !json && is_there(layout_path) ? layout_path : NULL,
                 out_path);
    }
    if (t->passed + t->failed == before) {
        printf("no pair beside %s\n", map_path);
    }
    xd_map_destroy(map);
}

static xd_status read_codes(tests *t, const char *folder, xd_fault *fault)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/xref.csv", folder);
    if (!is_there(path)) {
        return XD_OK;
    }
    XD_TRY(xd_crosswalk_create(CODES_BYTES, &t->crosswalk, fault));
    return xd_map_read_codes(path, &t->codes_arena, t->crosswalk, fault);
}

static xd_status run_folder(tests *t, const char *folder, int depth, xd_fault *fault)
{
    char **names = NULL;
    int count = 0;
    XD_TRY(list_folder(folder, &names, &count, fault));
    xd_arena_reset(&t->codes_arena);
    xd_status status = read_codes(t, folder, fault);
    for (int i = 0; i < count && status == XD_OK; i++) {
        size_t n = strlen(names[i]);
        size_t ending = strlen(".jsonata");
        if (n > ending && strcmp(names[i] + n - ending, ".jsonata") == 0) {
            run_map(t, folder, names[i], n - ending, names, count);
        }
    }
    xd_crosswalk_destroy(t->crosswalk);
    t->crosswalk = NULL;
    for (int i = 0; i < count && status == XD_OK && depth < DEPTH_MAX; i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        if (is_folder(path)) {
            status = run_folder(t, path, depth + 1, fault);
        }
    }
    free_names(names, count);
    return status;
}

int xd_map_run_pairs(const char *folder, const char *at)
{
    tests t = {.at = 0};
    xd_fault fault = XD_FAULT_NONE;
    xd_status status =
        xd_instant_parse(at ? xd_str_from(at) : XD_STR("2026-01-01T00:00:00Z"), &t.at, &fault);
    if (status != XD_OK) {
        return xd_cli_fault(&fault);
    }
    xd_arena_init(&t.arena, ARENA_BYTES);
    xd_arena_init(&t.codes_arena, CODES_BYTES);
    status = run_folder(&t, folder, 0, &fault);
    xd_arena_finish(&t.codes_arena);
    xd_arena_finish(&t.arena);
    if (status != XD_OK) {
        return xd_cli_fault(&fault);
    }
    printf("%u passed, %u failed\n", (unsigned)t.passed, (unsigned)t.failed);
    if (t.passed + t.failed == 0) {
        return xd_cli_say(XD_EXIT_NOT_FOUND,
                          "no pairs in %s: beside NAME.jsonata put NAME.1.in.json and "
                          "NAME.1.out.json",
                          folder);
    }
    return t.failed ? XD_EXIT_FAILED : XD_EXIT_OK;
}
