/* `crossdock schema test`: the official JSON Schema test suite, from a folder. Required files are
 * those outside folders named "optional". */
#include "app/cli.h"

#include "app/schema_files.h"
#include "schema/suite.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { ARENA_BYTES = 1 << 30, FILES_MAX = 4096, FOLDER_DEPTH_MAX = 8 };

struct run {
    xd_cli *cli;
    xd_schema_files remotes;
    const char *root;
    bool required_only;
    const char *path; /* of the file being run, without root */
    bool optional;
    uint32_t passed, failed;                   /* required cases */
    uint32_t optional_passed, optional_failed; /* the others */
    uint32_t file_passed, file_failed;         /* of the file being run */
};

static bool is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static void tell(void *self, xd_str group, xd_str test, bool passed, xd_str wrong)
{
    struct run *run = self;
    if (passed) {
        run->file_passed++;
        return;
    }
    run->file_failed++;
    printf("FAILED %s: %.*s: %.*s: %.*s\n", run->path, XD_FMT(group), XD_FMT(test), XD_FMT(wrong));
}

static void run_file(struct run *run, const char *path)
{
    xd_arena arena;
    xd_arena_init(&arena, ARENA_BYTES);
    xd_fault fault = XD_FAULT_NONE;
    const xd_json *file = NULL;
    run->path = path + strlen(run->root) + 1;
    run->optional = strstr(run->path, "optional/") != NULL || strstr(path, "/optional/") != NULL;
    run->file_passed = run->file_failed = 0;
    xd_schema_options options = {.assert_formats = strstr(path, "optional/format/") != NULL,
                                 .load = xd_schema_file_load,
                                 .load_self = &run->remotes};
    xd_status status = xd_schema_file_read(path, &arena, NULL, &file, &fault);
    if (status == XD_OK) {
        status = xd_schema_suite_run(file, &options, tell, run, &fault);
    }
    xd_arena_finish(&arena);
    if (status != XD_OK) {
        run->file_failed++; /* The other files are run all the same. */
        printf("FAILED %s: %s\n", run->path, fault.text);
    }
    *(run->optional ? &run->optional_passed : &run->passed) += run->file_passed;
    *(run->optional ? &run->optional_failed : &run->failed) += run->file_failed;
    if (run->optional) {
        printf("%-8s %s: %u passed, %u failed\n", run->file_failed ? "optional" : "passed",
               run->path, run->file_passed, run->file_failed);
    }
}

static int cmp_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Collects the JSON files below folder. */
static bool collect(const struct run *run, const char *folder, int depth, char **paths,
                    size_t *count)
{
    DIR *dir = opendir(folder);
    if (!dir || depth > FOLDER_DEPTH_MAX) {
        if (dir) {
            closedir(dir);
        }
        return false;
    }
    bool good = true;
    const struct dirent *entry;
    while (good && (entry = readdir(dir)) != NULL) {
        char path[PATH_MAX];
        size_t length = strlen(entry->d_name);
        bool optional = strcmp(entry->d_name, "optional") == 0;
        if (entry->d_name[0] == '.' || (optional && run->required_only) ||
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) >= (int)sizeof path) {
            continue;
        }
        if (is_folder(path)) {
            good = collect(run, path, depth + 1, paths, count);
        } else if (length > 5 && strcmp(entry->d_name + length - 5, ".json") == 0) {
            good = *count < FILES_MAX && (paths[*count] = strdup(path)) != NULL;
            *count += good;
        }
    }
    closedir(dir);
    return good;
}

static int run_files(struct run *run)
{
    char **paths = calloc(FILES_MAX, sizeof *paths);
    size_t count = 0;
    bool good = paths && collect(run, run->root, 0, paths, &count);
    int answer = good
                     ? XD_EXIT_OK
                     : xd_cli_say(XD_EXIT_FAILED, "cannot list %s: %s", run->root, strerror(errno));
    if (good && !count) {
        answer = xd_cli_say(XD_EXIT_NOT_FOUND, "there is no test file in %s", run->root);
    }
    if (good) {
        qsort(paths, count, sizeof *paths, cmp_paths);
    }
    for (size_t i = 0; i < count; i++) {
        if (answer == XD_EXIT_OK) {
            run_file(run, paths[i]);
        }
        free(paths[i]);
    }
    free(paths);
    return answer;
}

/* The folder of draft 2020-12 below the one given, which may be that of the whole suite. */
static void find_root(const char *given, char *path, size_t size)
{
    static const char *const below[] = {"/tests/draft2020-12", "/draft2020-12", "/tests"};
    for (size_t i = 0; i < sizeof below / sizeof below[0]; i++) {
        if (snprintf(path, size, "%s%s", given, below[i]) < (int)size && is_folder(path)) {
            return;
        }
    }
    snprintf(path, size, "%s", given);
}

int xd_cmd_schema_test(xd_cli *cli)
{
    char root[PATH_MAX];
    find_root(cli->arguments[0], root, sizeof root);
    for (size_t n = strlen(root); n > 1 && root[n - 1] == '/'; n--) {
        root[n - 1] = '\0';
    }
    struct run run = {.cli = cli,
                      .root = root,
                      .required_only = xd_cli_option(cli, "required") != NULL,
                      .remotes = {.folder = xd_cli_option(cli, "remotes"),
                                  .prefix = XD_STR("http://localhost:1234/")}};
    int answer = run_files(&run);
    if (answer != XD_EXIT_OK) {
        return answer;
    }
    if (!run.required_only) {
        printf("optional: %u passed, %u failed\n", run.optional_passed, run.optional_failed);
    }
    printf("%u passed, %u failed\n", run.passed, run.failed);
    return run.failed ? XD_EXIT_FAILED : XD_EXIT_OK;
}
