/* `crossdock map test DIR`: golden pairs beside each map. Beside NAME.jsonata
 *
 *   NAME.CASE.in.EXT     an input
 *   NAME.CASE.out.EXT    what comes of it; an empty one: nothing
 *   NAME.CASE.faults     the faults that come of it, a part of each a line, those of records that
 *                        wait for a code first; without an out file nothing else may come of it
 *   NAME.CASE.xref.csv   codes that are known besides
 *   NAME.layout.json     layout of inputs that are not JSON, or of what goes out
 *   NAME.test.json       settings, see map_pair.h
 *
 * xref.csv has the codes that $xref and $uom find, for its folder and those in it. */
#include "app/cmd_map.h"
#include "app/map_input.h"
#include "app/map_pair.h"

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
    WORDS_BYTES = 1 << 20
};

typedef struct tests {
    xd_arena arena;     /* of one case */
    xd_arena map_arena; /* of one map */
    xd_instant at;
    bool write; /* what comes of inputs that have neither an out nor a faults file */
    uint32_t passed, failed, written;
} tests;

/* A folder under way: its names, sorted, and the codes known in it. */
typedef struct folder {
    const char *path;
    char **names; /* owns */
    int count;
    const xd_crosswalk *crosswalk; /* NULL: none */
} folder;

static void fail_case(tests *t, const char *name, const char *text)
{
    t->failed++;
    printf("FAIL %s: %s\n", name, text);
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

static bool is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* --- codes --- */

static xd_status put_row(void *context, const xd_crosswalk_row *row)
{
    return xd_crosswalk_put(context, row, NULL, NULL);
}

/* All of outer (may be NULL) and the rows of a file; *ret is the caller's. */
static xd_status add_codes(tests *t, const xd_crosswalk *outer, const char *path,
                           xd_crosswalk **ret, xd_fault *fault)
{
    xd_crosswalk *crosswalk;
    XD_TRY(xd_crosswalk_create(CODES_BYTES, &crosswalk, fault));
    xd_status status = outer ? xd_crosswalk_each(outer, put_row, crosswalk) : XD_OK;
    if (status == XD_OK) {
        status = xd_map_read_codes(path, &t->arena, crosswalk, fault);
    }
    if (status != XD_OK) {
        xd_crosswalk_destroy(crosswalk);
        return status;
    }
    *ret = crosswalk;
    return XD_OK;
}

/* --- one map --- */

/* The name in the folder that begins with this, or NULL. */
static const char *find_name(const folder *f, const char *start)
{
    for (int i = 0; i < f->count; i++) {
        if (strncmp(f->names[i], start, strlen(start)) == 0) {
            return f->names[i];
        }
    }
    return NULL;
}

/* The path of NAME.CASE and an ending (any ending that begins so, with open); NULL when there is no
 * such file. */
static const char *find_part(tests *t, const folder *f, xd_str stem, const char *ending, bool open)
{
    xd_str wanted = xd_arena_printf(&t->arena, "%.*s%s%c", XD_FMT(stem), ending, '\0');
    const char *name = wanted.ptr ? find_name(f, wanted.ptr) : NULL;
    if (!name || (!open && strcmp(name, wanted.ptr) != 0)) {
        return NULL;
    }
    return xd_arena_printf(&t->arena, "%s/%s%c", f->path, name, '\0').ptr;
}

/* A pair that has only its input. */
static void run_incomplete(tests *t, const folder *f, const xd_map_pair *pair, xd_str stem)
{
    xd_fault fault = XD_FAULT_NONE;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%.*s", f->path, XD_FMT(stem));
    if (!t->write) {
        fail_case(t, pair->input,
                  "beside it is neither an .out. file nor a .faults file; --write makes them");
    } else if (xd_map_pair_write(pair, path, &fault) != XD_OK) {
        fail_case(t, pair->input, fault.text);
    } else {
        t->written++;
        printf("wrote what comes of %s: look it over\n", pair->input);
    }
}

/* The pair whose input has this name; case_bytes: of NAME.CASE in it. */
static void run_case(tests *t, const folder *f, const xd_map_subject *subject,
                     const xd_map_subject *back, const char *name, size_t case_bytes)
{
    xd_arena_reset(&t->arena);
    xd_str stem = {name, case_bytes};
    xd_str input = xd_arena_printf(&t->arena, "%s/%s%c", f->path, name, '\0');
    const char *codes = find_part(t, f, stem, ".xref.csv", false);
    xd_map_pair pair = {.subject = subject,
                        .back = back,
                        .input = input.ptr ? input.ptr : name,
                        .output = find_part(t, f, stem, ".out.", true),
                        .faults = find_part(t, f, stem, ".faults", false),
                        .crosswalk = f->crosswalk,
                        .at = t->at,
                        .arena = &t->arena};
    xd_fault fault = XD_FAULT_NONE;
    xd_crosswalk *more = NULL;
    if (codes && add_codes(t, f->crosswalk, codes, &more, &fault) != XD_OK) {
        fail_case(t, pair.input, fault.text);
        return;
    }
    pair.crosswalk = more ? more : pair.crosswalk;
    xd_buf words;
    xd_buf_init(&words, WORDS_BYTES);
    if (!pair.output && !pair.faults) {
        run_incomplete(t, f, &pair, stem);
    } else if (xd_map_pair_holds(&pair, &words)) {
        t->passed++;
    } else {
        xd_buf_char(&words, '\0');
        fail_case(t, pair.input, words.failed ? "the difference is too long" : words.ptr);
    }
    xd_buf_finish(&words);
    xd_crosswalk_destroy(more);
}

/* The cases of one map: names that begin with its name and have ".in." in them. */
static void run_cases(tests *t, const folder *f, const xd_map_subject *subject,
                      const xd_map_subject *back, const char *file, size_t stem)
{
    uint32_t before = t->passed + t->failed + t->written;
    for (int i = 0; i < f->count; i++) {
        const char *in = strstr(f->names[i], ".in.");
        if (strncmp(f->names[i], file, stem + 1) == 0 && in && in >= f->names[i] + stem) {
            run_case(t, f, subject, back, f->names[i], (size_t)(in - f->names[i]));
        }
    }
    if (t->passed + t->failed + t->written == before) {
        printf("no pair beside %s\n", subject->path);
    }
}

static void run_map(tests *t, const folder *f, const char *file, size_t stem)
{
    char name[NAME_MAX + 1];
    char path[PATH_MAX];
    xd_map_subject subject;
    xd_map_subject back = {.map = NULL};
    xd_fault fault = XD_FAULT_NONE;
    xd_arena_reset(&t->map_arena);
    snprintf(name, sizeof name, "%.*s", (int)stem, file);
    snprintf(path, sizeof path, "%s/%s", f->path, file);
    if (xd_map_subject_open(f->path, name, &t->map_arena, &subject, &fault) != XD_OK) {
        fail_case(t, path, fault.text);
        return;
    }
    if (subject.back[0] &&
        xd_map_subject_open(f->path, subject.back, &t->map_arena, &back, &fault) != XD_OK) {
        fail_case(t, path, fault.text);
    } else if (back.map && !back.to[0]) {
        fail_case(t, path, "the map that back names must itself say to which kind it maps (to)");
    } else {
        run_cases(t, f, &subject, back.map ? &back : NULL, file, stem);
    }
    xd_map_subject_close(&back);
    xd_map_subject_close(&subject);
}

static xd_status run_folder(tests *t, const char *path, const xd_crosswalk *outer, int depth,
                            xd_fault *fault)
{
    folder f = {.path = path, .crosswalk = outer};
    char child[PATH_MAX];
    xd_crosswalk *own = NULL;
    XD_TRY(list_folder(path, &f.names, &f.count, fault));
    snprintf(child, sizeof child, "%s/xref.csv", path);
    xd_arena_reset(&t->arena);
    const char *codes = find_name(&f, "xref.csv");
    xd_status status = codes ? add_codes(t, outer, child, &own, fault) : XD_OK;
    f.crosswalk = own ? own : outer;
    for (int i = 0; i < f.count && status == XD_OK; i++) {
        size_t n = strlen(f.names[i]);
        size_t ending = strlen(".jsonata");
        if (n > ending && strcmp(f.names[i] + n - ending, ".jsonata") == 0) {
            run_map(t, &f, f.names[i], n - ending);
        }
    }
    for (int i = 0; i < f.count && status == XD_OK && depth < DEPTH_MAX; i++) {
        snprintf(child, sizeof child, "%s/%s", path, f.names[i]);
        if (is_folder(child)) {
            status = run_folder(t, child, f.crosswalk, depth + 1, fault);
        }
    }
    xd_crosswalk_destroy(own);
    free_names(f.names, f.count);
    return status;
}

int xd_map_run_pairs(const char *folder_path, const char *at, bool write)
{
    tests t = {.write = write};
    xd_fault fault = XD_FAULT_NONE;
    xd_status status =
        xd_instant_parse(at ? xd_str_from(at) : XD_STR("2026-01-01T00:00:00Z"), &t.at, &fault);
    if (status != XD_OK) {
        return xd_cli_fault(&fault);
    }
    xd_arena_init(&t.arena, ARENA_BYTES);
    xd_arena_init(&t.map_arena, ARENA_BYTES);
    status = run_folder(&t, folder_path, NULL, 0, &fault);
    xd_arena_finish(&t.map_arena);
    xd_arena_finish(&t.arena);
    if (status != XD_OK) {
        return xd_cli_fault(&fault);
    }
    printf("%u passed, %u failed\n", (unsigned)t.passed, (unsigned)t.failed);
    if (t.passed + t.failed + t.written == 0) {
        return xd_cli_say(XD_EXIT_NOT_FOUND,
                          "no pairs in %s: beside NAME.jsonata put NAME.1.in.json and "
                          "NAME.1.out.json",
                          folder_path);
    }
    return t.failed ? XD_EXIT_FAILED : XD_EXIT_OK;
}
