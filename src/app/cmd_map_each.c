/* `crossdock map run --each` and `--by`: a map over a long NDJSON file, record by record or group
 * by group, in memory that does not grow with the file. Owns its buffers; may call src/format and
 * src/mapping. */
#include "app/cmd_format.h"
#include "app/cmd_map.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    PIECE_BYTES = 256 << 10,
    OUTPUT_BYTES = 256 << 10,
    GROUP_MAX_BYTES = 256 << 20,
    KEY_MAX_BYTES = 1 << 20,
    JSON_DEPTH = 512
};

typedef struct each {
    const xd_map *map;
    const char *map_name;
    const char *name; /* of the input, for messages */
    const xd_map *by; /* NULL: every record by itself */
    xd_map_world world;
    xd_arena arena;   /* of one run of the map */
    xd_arena scratch; /* of one key */
    xd_buf group;     /* the records of the group so far: "[{},{}" */
    xd_buf key;       /* of the group */
    xd_buf next_key;
    int64_t group_line; /* of its first record */
    xd_buf output;
    bool unwritable; /* standard output failed */
    bool bad;        /* something was refused */
} each;

/* "FILE:LINE: MAP:LINE:COLUMN: what"; map_name NULL: the fault lies in the file. */
static void say(each *e, int64_t line, const char *map_name, const xd_fault *fault)
{
    char at[64] = "";
    if (map_name && fault->line > 0) {
        snprintf(at, sizeof at, ":%d:%d", (int)fault->line, (int)fault->column);
    }
    fflush(stdout);
    fprintf(stderr, "%s:%lld: %s%s%s%s\n", e->name, (long long)line, map_name ? map_name : "", at,
            map_name ? ": " : "", fault->text);
    e->bad = true;
}

static void put_output(each *e)
{
    if (fwrite(e->output.ptr, 1, e->output.len, stdout) != e->output.len) {
        e->unwritable = true;
    }
    xd_buf_clear(&e->output);
}

static void put_line(each *e, const xd_json *value)
{
    xd_json_write(&e->output, value);
    xd_buf_char(&e->output, '\n');
    if (e->output.len >= OUTPUT_BYTES) {
        put_output(e);
    }
}

/* Runs the map over one input that began at line of the file. */
static void run_one(each *e, const xd_json *input, int64_t line)
{
    const xd_json *result = NULL;
    xd_fault fault = XD_FAULT_NONE;
    e->world.seed = (uint64_t)line; /* $random differs from record to record */
    if (xd_map_run(e->map, input, NULL, &e->world, &xd_map_command_limits, &e->arena, &result,
                   &fault) != XD_OK) {
        say(e, line, e->map_name, &fault);
    } else if (result && result->type == XD_JSON_ARRAY) {
        for (uint32_t i = 0; i < result->count; i++) {
            put_line(e, &result->items[i]);
        }
    } else if (result) {
        put_line(e, result);
    }
    if (e->output.failed) {
        (void)xd_fail(&fault, XD_LIMIT, "map.bytes", "the result is too large");
        say(e, line, e->map_name, &fault);
        xd_buf_clear(&e->output);
    }
    xd_arena_reset(&e->arena);
}

/* Hands the records gathered so far to the map as one array. */
static void run_group(each *e)
{
    if (e->group.len == 0) {
        return;
    }
    xd_buf_char(&e->group, ']');
    xd_fault fault = XD_FAULT_NONE;
    const xd_json *rows = NULL;
    xd_json_limits limits = {
        .max_bytes = GROUP_MAX_BYTES, .max_depth = JSON_DEPTH + 1, .allow_duplicates = true};
    if (e->group.failed) {
        (void)xd_fail(&fault, XD_LIMIT, "map.group",
                      "the records of one group are larger than the %d MB that are read at once; "
                      "is the file sorted by what --by names?",
                      GROUP_MAX_BYTES >> 20);
        say(e, e->group_line, NULL, &fault);
    } else if (xd_json_parse(xd_buf_str(&e->group), limits, &e->arena, &rows, &fault) != XD_OK) {
        say(e, e->group_line, NULL, &fault);
    } else {
        run_one(e, rows, e->group_line);
    }
    xd_arena_reset(&e->arena);
    xd_buf_clear(&e->group);
}

/* Adds a record to its group; a record with another key ends the group before it. */
static void take_grouped(each *e, const xd_json *record, int64_t line)
{
    const xd_json *key = NULL;
    xd_fault fault = XD_FAULT_NONE;
    xd_status status = xd_map_run(e->by, record, NULL, &e->world, &xd_map_command_limits,
                                  &e->scratch, &key, &fault);
    xd_buf_clear(&e->next_key);
    if (status == XD_OK && key) {
        status = xd_json_canonical(&e->next_key, key, &e->scratch, &fault);
        if (status == XD_OK && e->next_key.failed) {
            status = xd_fail(&fault, XD_LIMIT, "map.key", "what --by names is too large");
        }
    }
    xd_arena_reset(&e->scratch);
    if (status != XD_OK) {
        say(e, line, "--by", &fault);
        return;
    }
    if (!xd_str_eq(xd_buf_str(&e->key), xd_buf_str(&e->next_key))) {
        run_group(e);
    }
    if (e->group.len == 0) {
        xd_buf old = e->key;
        e->key = e->next_key;
        e->next_key = old;
        e->group_line = line;
    }
    xd_buf_char(&e->group, e->group.len == 0 ? '[' : ',');
    xd_json_write(&e->group, record);
}

/* Takes all records that the reader has. False: nothing more can be read or written. */
static bool take_records(each *e, xd_format_reader *reader)
{
    for (;;) {
        const xd_json *record = NULL;
        xd_fault fault = XD_FAULT_NONE;
        bool goes_on = false;
        if (xd_format_next(reader, &record, &goes_on, &fault) != XD_OK) {
            say(e, fault.line > 0 ? fault.line : xd_format_line(reader), NULL, &fault);
            if (!goes_on) {
                return false;
            }
        } else if (!record) {
            return true;
        } else if (e->by) {
            take_grouped(e, record, xd_format_line(reader));
        } else {
            run_one(e, record, xd_format_line(reader));
        }
        if (e->unwritable) {
            return false;
        }
    }
}

static int read_all(each *e, xd_format_reader *reader, FILE *file)
{
    char *piece = malloc(PIECE_BYTES);
    if (!piece) {
        return xd_cli_say(XD_EXIT_FAILED, "no memory to read %s", e->name);
    }
    bool reading = true;
    while (reading && !ferror(file)) {
        size_t n = fread(piece, 1, PIECE_BYTES, file);
        bool last = feof(file) != 0;
        xd_format_feed(reader, (xd_str){piece, n}, last);
        reading = take_records(e, reader) && !last;
    }
    free(piece);
    if (ferror(file)) {
        return xd_cli_say(XD_EXIT_FAILED, "cannot read %s: %s", e->name, strerror(errno));
    }
    run_group(e);
    put_output(e);
    if (e->unwritable || fflush(stdout) != 0) {
        return xd_cli_say(XD_EXIT_FAILED, "cannot write to standard output");
    }
    return e->bad ? XD_EXIT_FAILED : XD_EXIT_OK;
}

static int open_reader(each *e, FILE *file)
{
    xd_format *format = NULL;
    xd_format_reader *reader = NULL;
    xd_fault fault = XD_FAULT_NONE;
    int answer = xd_cmd_format_ndjson(&format);
    if (answer == XD_EXIT_OK) {
        answer = xd_format_reader_create(format, &reader, &fault) == XD_OK
                     ? read_all(e, reader, file)
                     : xd_cli_fault(&fault);
    }
    xd_format_reader_destroy(reader);
    xd_format_close(format);
    return answer;
}

int xd_map_run_each(const xd_map *map, const char *map_name, const xd_map *by, const char *path,
                    xd_instant now)
{
    bool standard = strcmp(path, "-") == 0;
    FILE *file = standard ? stdin : fopen(path, "rbe");
    if (!file) {
        return xd_cli_say(errno == ENOENT ? XD_EXIT_NOT_FOUND : XD_EXIT_FAILED,
                          "cannot open %s: %s", path, strerror(errno));
    }
    each e = {.map = map,
              .map_name = map_name,
              .name = standard ? "standard input" : path,
              .by = by,
              .world = {.now = now}};
    xd_arena_init(&e.arena, XD_MAP_ARENA_BYTES);
    xd_arena_init(&e.scratch, XD_MAP_ARENA_BYTES);
    xd_buf_init(&e.group, GROUP_MAX_BYTES);
    xd_buf_init(&e.key, KEY_MAX_BYTES);
    xd_buf_init(&e.next_key, KEY_MAX_BYTES);
    xd_buf_init(&e.output, XD_MAP_ARENA_BYTES);
    int answer = open_reader(&e, file);
    xd_buf_finish(&e.output);
    xd_buf_finish(&e.next_key);
    xd_buf_finish(&e.key);
    xd_buf_finish(&e.group);
    xd_arena_finish(&e.scratch);
    xd_arena_finish(&e.arena);
    if (!standard) {
        fclose(file);
    }
    return answer;
}
