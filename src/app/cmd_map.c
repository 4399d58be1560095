/* `crossdock map`: run a map over a file, explain it, and run test suites. */
#include "app/cmd_map.h"

#include "mapping/map.h"

#include <errno.h>
#include <stdio.h>
#include <sys/time.h>

enum { FILE_MAX_BYTES = 256 << 20, JSON_DEPTH = 512 };

const xd_map_limits xd_map_command_limits = {.steps = 10000000000, .bytes = XD_MAP_ARENA_BYTES};

static xd_status read_stream(FILE *file, const char *path, xd_arena *arena, xd_str *ret,
                             xd_fault *fault)
{
    xd_buf buf;
    char chunk[65536];
    size_t n;
    xd_status status = XD_OK;
    xd_buf_init(&buf, FILE_MAX_BYTES);
    while ((n = fread(chunk, 1, sizeof chunk, file)) > 0 && !buf.failed) {
        xd_buf_add(&buf, chunk, n);
    }
    xd_str text = buf.failed ? XD_STR_NULL : xd_arena_copy(arena, xd_buf_str(&buf));
    if (ferror(file)) {
        status = xd_fail(fault, XD_IO, "file.read", "cannot read %s: %s", path, strerror(errno));
    } else if (!text.ptr) {
        status = xd_fail(fault, XD_LIMIT, "file.bytes",
                         "%s is larger than the %d MB that are read at once", path,
                         FILE_MAX_BYTES >> 20);
    } else {
        *ret = text;
    }
    xd_buf_finish(&buf);
    return status;
}

xd_status xd_map_read_file(const char *path, xd_arena *arena, xd_str *ret, xd_fault *fault)
{
    if (strcmp(path, "-") == 0) {
        return read_stream(stdin, "standard input", arena, ret, fault);
    }
    FILE *file = fopen(path, "rbe");
    if (!file) {
        return xd_fail(fault, errno == ENOENT ? XD_NOT_FOUND : XD_IO, "file.open",
                       "cannot open %s: %s", path, strerror(errno));
    }
    xd_status status = read_stream(file, path, arena, ret, fault);
    fclose(file);
    return status;
}

/* Puts path, line and column into the text of a fault found in a file. */
static xd_status in_file(const char *path, const xd_fault *inner, xd_fault *fault)
{
    if (inner->line > 0) {
        return xd_fail(fault, inner->code, inner->rule, "%s:%d:%d: %s", path, inner->line,
                       inner->column, inner->text);
    }
    return xd_fail(fault, inner->code, inner->rule, "%s: %s", path, inner->text);
}

xd_status xd_map_read_json(const char *path, xd_arena *arena, const xd_json **ret, xd_fault *fault)
{
    xd_str text;
    XD_TRY(xd_map_read_file(path, arena, &text, fault));
    xd_json_limits limits = {.max_bytes = FILE_MAX_BYTES, .max_depth = JSON_DEPTH};
    xd_fault inner = XD_FAULT_NONE;
    xd_status status = xd_json_parse(text, limits, arena, ret, &inner);
    return status == XD_OK ? XD_OK : in_file(path, &inner, fault);
}

/* Reads and compiles the map in a file; its text stays in arena. */
static xd_status compile_file(const char *path, xd_arena *arena, xd_map **ret, xd_fault *fault)
{
    xd_str text;
    XD_TRY(xd_map_read_file(path, arena, &text, fault));
    xd_fault inner = XD_FAULT_NONE;
    xd_status status = xd_map_compile(text, ret, &inner);
    if (status != XD_OK) {
        (void)in_file(path, &inner, fault);
    }
    return status;
}

static xd_instant clock_now(void)
{
    struct timeval now;
    gettimeofday(&now, NULL);
    return (xd_instant)now.tv_sec * 1000000 + now.tv_usec;
}

static xd_status run_map(const xd_cli *cli, xd_arena *arena, xd_buf *out, xd_fault *fault)
{
    xd_map *map;
    const xd_json *input;
    const xd_json *result = NULL;
    xd_fault inner = XD_FAULT_NONE;
    XD_TRY(compile_file(cli->arguments[0], arena, &map, fault));
    xd_status status = xd_map_read_json(cli->arguments[1], arena, &input, fault);
    if (status == XD_OK) {
        xd_map_world world = {.now = clock_now()};
        status =
            xd_map_run(map, input, NULL, &world, &xd_map_command_limits, arena, &result, &inner);
        if (status != XD_OK) {
            (void)in_file(cli->arguments[0], &inner, fault);
        }
    }
    if (status == XD_OK && result) {
        xd_json_write(out, result); /* it borrows from the map */
        xd_buf_char(out, '\n');
    }
    xd_map_destroy(map);
    XD_TRY(status);
    return out->failed ? xd_fail(fault, XD_LIMIT, "map.bytes", "the result is too large") : XD_OK;
}

/* The map record by record, or in the groups that by (an expression, or NULL) makes. */
static int run_each(const xd_cli *cli, const char *by, xd_arena *arena)
{
    xd_map *map = NULL;
    xd_map *key = NULL;
    xd_fault fault = XD_FAULT_NONE;
    xd_fault inner = XD_FAULT_NONE;
    xd_status status = compile_file(cli->arguments[0], arena, &map, &fault);
    if (status == XD_OK && by) {
        status = xd_map_compile(xd_str_from(by), &key, &inner);
        if (status != XD_OK) {
            (void)in_file("--by", &inner, &fault);
        }
    }
    int answer = status == XD_OK
                     ? xd_map_run_each(map, cli->arguments[0], key, cli->arguments[1], clock_now())
                     : xd_cli_fault(&fault);
    xd_map_destroy(key);
    xd_map_destroy(map);
    return answer;
}

static int run_whole(const xd_cli *cli, xd_arena *arena)
{
    xd_buf out;
    xd_fault fault = XD_FAULT_NONE;
    xd_buf_init(&out, XD_MAP_ARENA_BYTES);
    xd_status status = run_map(cli, arena, &out, &fault);
    int answer = status == XD_OK ? xd_cli_print(&out) : xd_cli_fault(&fault);
    xd_buf_finish(&out);
    return answer;
}

int xd_cmd_map_run(xd_cli *cli)
{
    const char *by = xd_cli_option(cli, "by");
    xd_arena arena;
    xd_arena_init(&arena, XD_MAP_ARENA_BYTES);
    int answer =
        by || xd_cli_option(cli, "each") ? run_each(cli, by, &arena) : run_whole(cli, &arena);
    xd_arena_finish(&arena);
    return answer;
}

/* --- explain --- */

/* What the input has at a source path, for people: its first value. */
static const xd_json *sample_of(const xd_json *row, const xd_json *input, xd_arena *arena)
{
    xd_map *map;
    const xd_json *found = NULL;
    xd_str source = XD_TEXT(row, "source");
    if (source.ptr[0] == '(' || xd_map_compile(source, &map, NULL) != XD_OK) {
        return NULL;
    }
    if (xd_map_run(map, input, NULL, NULL, NULL, arena, &found, NULL) != XD_OK) {
        found = NULL;
    }
    xd_map_destroy(map);
    while (found && found->type == XD_JSON_ARRAY && found->count > 0) {
        found = &found->items[0];
    }
    return found;
}

/* The rows with line and column, and what the input holds when there is one. */
static xd_status complete_rows(const xd_json *rows, xd_str map, const xd_json *input,
                               xd_arena *arena, const xd_json **ret, xd_fault *fault)
{
    enum { COLUMNS = 6 };
    xd_json *items = xd_arena_alloc(arena, rows->count * sizeof *items);
    xd_json *result = xd_arena_zalloc(arena, sizeof *result);
    for (uint32_t i = 0; items && result && i < rows->count; i++) {
        xd_json_member *members = xd_arena_alloc(arena, COLUMNS * sizeof *members);
        xd_fault place = XD_FAULT_NONE;
        xd_fault_at(&place, XD_INT(&rows->items[i], "offset", 0), NULL);
        xd_fault_locate(&place, map);
        xd_str at = xd_arena_printf(arena, "%d:%d", place.line, place.column);
        if (!members || !at.ptr) {
            items = NULL;
            break;
        }
        memcpy(members, rows->items[i].members, 4 * sizeof *members);
        members[4] = (xd_json_member){XD_STR("at"), {.type = XD_JSON_STRING, .text = at}};
        const xd_json *sample = input ? sample_of(&rows->items[i], input, arena) : NULL;
        if (sample) {
            members[5] = (xd_json_member){XD_STR("sample"), *sample};
        }
        items[i] = (xd_json){.type = XD_JSON_OBJECT, .count = sample ? 6 : 5, .members = members};
    }
    if (!items || !result) {
        return xd_fail(fault, XD_NO_MEMORY, "map.memory", "no memory to explain the map");
    }
    *result = (xd_json){.type = XD_JSON_ARRAY, .count = rows->count, .items = items};
    *ret = result;
    return XD_OK;
}

static xd_status explain(const xd_cli *cli, xd_arena *arena, const xd_json **ret, xd_fault *fault)
{
    xd_map *map;
    xd_str text;
    const xd_json *rows;
    const xd_json *input = NULL;
    XD_TRY(xd_map_read_file(cli->arguments[0], arena, &text, fault));
    if (cli->argument_count > 1) {
        XD_TRY(xd_map_read_json(cli->arguments[1], arena, &input, fault));
    }
    xd_fault inner = XD_FAULT_NONE;
    xd_status status = xd_map_compile(text, &map, &inner);
    if (status != XD_OK) {
        return in_file(cli->arguments[0], &inner, fault);
    }
    status = xd_map_explain(map, arena, &rows, fault);
    if (status == XD_OK) {
        status = complete_rows(rows, text, input, arena, ret, fault);
    }
    xd_map_destroy(map);
    return status;
}

int xd_cmd_map_explain(xd_cli *cli)
{
    static const xd_column columns[] = {{"target", "TARGET", false}, {"source", "SOURCE", false},
                                        {"role", "ROLE", false},     {"via", "VIA", false},
                                        {"at", "AT", false},         {"sample", "SAMPLE", false},
                                        {NULL, NULL, false}};
    static const xd_column without_sample[] = {
        {"target", "TARGET", false}, {"source", "SOURCE", false}, {"role", "ROLE", false},
        {"via", "VIA", false},       {"at", "AT", false},         {NULL, NULL, false}};
    xd_arena arena;
    xd_fault fault = XD_FAULT_NONE;
    const xd_json *rows = NULL;
    xd_arena_init(&arena, XD_MAP_ARENA_BYTES);
    xd_status status = explain(cli, &arena, &rows, &fault);
    int answer = XD_EXIT_OK;
    if (status != XD_OK) {
        answer = xd_cli_fault(&fault);
    } else if (cli->json) {
        xd_buf out;
        xd_buf_init(&out, XD_MAP_ARENA_BYTES);
        xd_json_write(&out, rows);
        xd_buf_char(&out, '\n');
        answer = xd_cli_print(&out);
        xd_buf_finish(&out);
    } else {
        xd_cli_table(cli, rows, cli->argument_count > 1 ? columns : without_sample,
                     "the map makes nothing");
    }
    xd_arena_finish(&arena);
    return answer;
}

/* --- suites --- */

int xd_cmd_map_test(xd_cli *cli)
{
    const char *suite = xd_cli_option(cli, "suite");
    if (!suite == !cli->argument_count) {
        return xd_cli_say(XD_EXIT_USAGE, "give a folder of golden pairs, or --suite DIR");
    }
    return suite ? xd_map_run_suite(suite)
                 : xd_map_run_pairs(cli->arguments[0], xd_cli_option(cli, "at"),
                                    xd_cli_option(cli, "write") != NULL);
}
