/* Schemas and documents in files. See schema_files.h. */
#include "app/schema_files.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { FILE_MAX_BYTES = 256 << 20, DEPTH_MAX = 256, FOLDER_DEPTH = 8 };

static xd_status read_all(FILE *file, const char *path, xd_arena *arena, xd_str *ret,
                          xd_fault *fault)
{
    xd_buf buf;
    xd_buf_init(&buf, FILE_MAX_BYTES);
    char chunk[65536];
    size_t n;
    while ((n = fread(chunk, 1, sizeof chunk, file)) > 0 && !buf.failed) {
        xd_buf_add(&buf, chunk, n);
    }
    xd_status status = XD_OK;
    if (ferror(file)) {
        status = xd_fail(fault, XD_IO, "file.read", "cannot read %s: %s", path, strerror(errno));
    } else {
        *ret = buf.failed ? XD_STR_NULL : xd_arena_copy(arena, xd_buf_str(&buf));
        if (!ret->ptr && buf.len) {
            status = xd_fail(fault, XD_LIMIT, "file.bytes",
                             "%s is larger than the %d MB that are read at once", path,
                             FILE_MAX_BYTES >> 20);
        }
    }
    xd_buf_finish(&buf);
    return status;
}

xd_status xd_schema_file_read(const char *path, xd_arena *arena, xd_str *ret_text,
                              const xd_json **ret, xd_fault *fault)
{
    FILE *file = fopen(path, "rbe");
    if (!file) {
        return xd_fail(fault, errno == ENOENT ? XD_NOT_FOUND : XD_IO, "file.open",
                       "cannot open %s: %s", path, strerror(errno));
    }
    xd_str text = XD_STR("");
    xd_status status = read_all(file, path, arena, &text, fault);
    fclose(file);
    XD_TRY(status);
    xd_json_limits limits = {.max_bytes = FILE_MAX_BYTES, .max_depth = DEPTH_MAX};
    xd_fault local = XD_FAULT_NONE;
    status = xd_json_parse(text, limits, arena, ret, &local);
    if (status != XD_OK) {
        (void)xd_fail(fault, status, local.rule, "%s:%d:%d: %s", path, local.line, local.column,
                      local.text);
        return status;
    }
    if (ret_text) {
        *ret_text = text;
    }
    return XD_OK;
}

/* --- by URI --- */

/* True for a path that stays inside its folder. */
static bool is_inside(xd_str path)
{
    for (size_t i = 0; i < path.len; i++) {
        bool start = i == 0 || path.ptr[i - 1] == '/';
        if (start && path.len - i >= 2 && path.ptr[i] == '.' && path.ptr[i + 1] == '.') {
            return false;
        }
    }
    return path.len > 0 && !memchr(path.ptr, '\0', path.len);
}

static bool is_file(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

/* Looks through a folder for the JSON file whose $id is the URI. */
static xd_status find_by_id(const char *folder, xd_str uri, int folders_deep, xd_arena *arena,
                            const xd_json **ret)
{
    DIR *dir = folders_deep > 0 ? opendir(folder) : NULL;
    xd_status status = XD_NOT_FOUND;
    const struct dirent *entry;
    while (dir && status == XD_NOT_FOUND && (entry = readdir(dir)) != NULL) {
        char path[PATH_MAX];
        size_t length = strlen(entry->d_name);
        if (entry->d_name[0] == '.' ||
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) >= (int)sizeof path) {
            continue;
        }
        if (length > 5 && strcmp(entry->d_name + length - 5, ".json") == 0) {
            const xd_json *tree = NULL;
            xd_str id = XD_STR_NULL;
            if (xd_schema_file_read(path, arena, NULL, &tree, NULL) == XD_OK) {
                id = XD_TEXT(tree, "$id");
            }
            id.len -= id.len && id.ptr[id.len - 1] == '#';
            if (id.len && xd_str_eq(id, uri)) {
                *ret = tree;
                status = XD_OK;
            }
        } else if (!is_file(path)) {
            status = find_by_id(path, uri, folders_deep - 1, arena, ret);
        }
    }
    if (dir) {
        closedir(dir);
    }
    return status;
}

xd_status xd_schema_file_load(void *self, xd_str uri, xd_arena *arena, const xd_json **ret,
                              xd_fault *fault)
{
    const xd_schema_files *files = self;
    char path[PATH_MAX];
    if (files->folder && files->prefix.len && xd_str_starts(uri, files->prefix)) {
        xd_str rest = {uri.ptr + files->prefix.len, uri.len - files->prefix.len};
        bool fits = is_inside(rest) && snprintf(path, sizeof path, "%s/%.*s", files->folder,
                                                XD_FMT(rest)) < (int)sizeof path;
        if (fits && is_file(path)) {
            return xd_schema_file_read(path, arena, NULL, ret, fault);
        }
    }
    return files->id_folder ? find_by_id(files->id_folder, uri, files->id_depth, arena, ret)
                            : XD_NOT_FOUND;
}

/* --- compiling --- */

/* The path made absolute, in arena; {NULL, 0} when there is none. */
static xd_str absolute_path(const char *path, xd_arena *arena)
{
    char *absolute = realpath(path, NULL);
    xd_str kept = absolute ? xd_arena_copy(arena, xd_str_from(absolute)) : XD_STR_NULL;
    free(absolute);
    return kept;
}

xd_status xd_schema_file_compile(const char *path, const xd_schema_file_options *options,
                                 xd_arena *arena, xd_schema **ret, xd_fault *fault)
{
    xd_str text = XD_STR("");
    const xd_json *tree = NULL;
    XD_TRY(xd_schema_file_read(path, arena, &text, &tree, fault));
    xd_str absolute = absolute_path(path, arena);
    size_t folder_length = absolute.len;
    while (folder_length > 1 && absolute.ptr[folder_length - 1] != '/') {
        folder_length--;
    }
    char folder[PATH_MAX];
    char prefix[PATH_MAX];
    xd_str uri = xd_arena_printf(arena, "file://%.*s", XD_FMT(absolute));
    if (!absolute.ptr || !uri.ptr || folder_length >= sizeof folder - 8) {
        return xd_fail(fault, XD_IO, "file.path", "cannot use the path %s", path);
    }
    memcpy(folder, absolute.ptr, folder_length);
    folder[folder_length] = '\0';
    snprintf(prefix, sizeof prefix, "file://%.*s", (int)folder_length, absolute.ptr);
    /* Without a folder of schemas only the one that the schema lies in is searched, and no deeper:
     * who knows what lies below. */
    xd_schema_files files = {.prefix = xd_str_from(prefix),
                             .folder = folder,
                             .id_folder = options->folder ? options->folder : folder,
                             .id_depth = options->folder ? FOLDER_DEPTH : 1};
    const xd_schema_options compile = {.base_uri = uri,
                                       .assert_formats = options->assert_formats,
                                       .load = xd_schema_file_load,
                                       .load_self = &files};
    xd_fault local = XD_FAULT_NONE;
    xd_status status = xd_schema_compile(tree, &compile, ret, &local);
    if (status == XD_OK) {
        return XD_OK;
    }
    if (local.offset < 0) {
        return xd_fail(fault, status, local.rule, "%s: %s", path, local.text);
    }
    xd_fault_locate(&local, text);
    return xd_fail(fault, status, local.rule, "%s:%d:%d: %s: %s", path, local.line, local.column,
                   local.path[0] ? local.path : "/", local.text);
}
