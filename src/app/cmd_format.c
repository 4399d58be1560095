/* `crossdock format read|write`: files in other formats to NDJSON and back, by a layout. Neither
 * needs a project nor a running hub. */
#include "app/cmd_format.h"

#include "app/cli.h"
#include "app/config_yaml.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    LAYOUT_BYTES = 1 << 20,
    PIECE_BYTES = 256 << 10,
    OUTPUT_BYTES = 256 << 10,
    OUTPUT_MAX_BYTES = 256 << 20
};

/* --- the layout --- */

static int cannot(const char *doing, const char *path)
{
    int error = errno;
    return xd_cli_say(error == ENOENT ? XD_EXIT_NOT_FOUND : XD_EXIT_FAILED, "cannot %s %s: %s",
                      doing, path, strerror(error));
}

/* "FILE:LINE:COLUMN: /member: what (rule)"; what is unknown is left out. */
static void say_fault(const char *file, const xd_fault *fault)
{
    char place[64] = "";
    if (fault->line > 0 && fault->column > 0) {
        snprintf(place, sizeof place, ":%d:%d", (int)fault->line, (int)fault->column);
    } else if (fault->line > 0) {
        snprintf(place, sizeof place, ":%d", (int)fault->line);
    } else if (fault->offset >= 0) {
        snprintf(place, sizeof place, ":byte %lld", (long long)fault->offset);
    }
    fflush(stdout);
    fprintf(stderr, "%s%s: %s%s%s (%s)\n", file, place, fault->path, fault->path[0] ? ": " : "",
            fault->text, fault->rule);
}

static bool is_yaml(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

static int parse_layout(const char *path, xd_str text, xd_arena *arena, const xd_json **ret)
{
    if (is_yaml(path)) {
        static xd_config_errors errors; /* large */
        if (xd_yaml_parse(path, text, arena, ret, &errors) == XD_OK) {
            return XD_EXIT_OK;
        }
        xd_buf buf;
        xd_buf_init(&buf, LAYOUT_BYTES);
        xd_config_errors_write(&errors, "", &buf);
        fwrite(buf.ptr, 1, buf.len, stderr);
        xd_buf_finish(&buf);
        return XD_EXIT_FAILED;
    }
    xd_fault fault = XD_FAULT_NONE;
    if (xd_json_parse(text, XD_JSON_LIMITS_DEFAULT, arena, ret, &fault) != XD_OK) {
        xd_fault_locate(&fault, text);
        say_fault(path, &fault);
        return xd_cli_exit_code(fault.code);
    }
    return XD_EXIT_OK;
}

int xd_cmd_format_open(const char *path, xd_format **ret)
{
    FILE *file = fopen(path, "rbe");
    if (!file) {
        return cannot("open the layout", path);
    }
    xd_arena arena;
    xd_arena_init(&arena, 16 * (size_t)LAYOUT_BYTES);
    char *bytes = xd_arena_alloc(&arena, LAYOUT_BYTES);
    size_t n = bytes ? fread(bytes, 1, LAYOUT_BYTES, file) : 0;
    bool readable = !ferror(file);
    fclose(file);
    int answer = XD_EXIT_OK;
    const xd_json *tree = NULL;
    xd_str text = {bytes, n};
    if (!readable) {
        answer = cannot("read the layout", path);
    } else if (!bytes || n == LAYOUT_BYTES) {
        answer = xd_cli_say(XD_EXIT_FAILED, "%s is too large for a layout", path);
    } else {
        answer = parse_layout(path, text, &arena, &tree);
    }
    if (answer == XD_EXIT_OK) {
        xd_fault fault = XD_FAULT_NONE;
        if (xd_format_open(tree, ret, &fault) != XD_OK) {
            xd_fault_locate(&fault, text);
            say_fault(path, &fault);
            answer = xd_cli_exit_code(fault.code);
        }
    }
    xd_arena_finish(&arena);
    return answer;
}

/* --- running records through --- */

typedef struct run {
    const char *name; /* of the input, for messages */
    xd_format_reader *reader;
    xd_format_writer *writer;
    xd_buf output;
    bool unwritable; /* standard output failed */
    bool bad;        /* some record was refused */
} run;

static bool put_output(run *r)
{
    if (fwrite(r->output.ptr, 1, r->output.len, stdout) != r->output.len) {
        r->unwritable = true;
    }
    xd_buf_clear(&r->output);
    return !r->unwritable;
}

/* Takes all records that the reader has. False: the input cannot be read on. */
static bool take_records(run *r)
{
    for (;;) {
        const xd_json *record = NULL;
        xd_fault fault = XD_FAULT_NONE;
        bool goes_on = false;
        if (xd_format_next(r->reader, &record, &goes_on, &fault) != XD_OK) {
            say_fault(r->name, &fault);
            r->bad = true;
            if (goes_on) {
                continue;
            }
            return false;
        }
        if (!record) {
            return true;
        }
        if (xd_format_write(r->writer, record, &r->output, &fault) != XD_OK) {
            fault.line = (int32_t)xd_format_line(r->reader);
            fault.column = 0;
            say_fault(r->name, &fault);
            r->bad = true;
            if (fault.code == XD_NO_MEMORY) {
                return false;
            }
        }
        if (r->output.len >= OUTPUT_BYTES && !put_output(r)) {
            return false;
        }
    }
}

static int run_file(run *r, FILE *file)
{
    char *piece = malloc(PIECE_BYTES);
    if (!piece) {
        return xd_cli_say(XD_EXIT_FAILED, "no memory to read %s", r->name);
    }
    bool reading = true;
    bool broken = false;
    while (reading) {
        size_t n = fread(piece, 1, PIECE_BYTES, file);
        if (ferror(file)) {
            broken = true;
            break;
        }
        bool last = feof(file) != 0;
        xd_format_feed(r->reader, (xd_str){piece, n}, last);
        reading = take_records(r) && !last;
    }
    free(piece);
    if (broken) {
        return cannot("read", r->name);
    }
    xd_fault fault = XD_FAULT_NONE;
    if (xd_format_write_end(r->writer, &r->output, &fault) != XD_OK) {
        say_fault(r->name, &fault);
        r->bad = true;
    }
    if (!put_output(r) || fflush(stdout) != 0) {
        return xd_cli_say(XD_EXIT_FAILED, "cannot write to standard output");
    }
    return r->bad ? XD_EXIT_FAILED : XD_EXIT_OK;
}

/* Reads path ("-": standard input) as one format and prints it as the other. */
static int convert(const char *path, const xd_format *from, const xd_format *to)
{
    bool standard = strcmp(path, "-") == 0;
    run r = {.name = standard ? "standard input" : path};
    FILE *file = standard ? stdin : fopen(path, "rbe");
    if (!file) {
        return cannot("open", path);
    }
    xd_buf_init(&r.output, OUTPUT_MAX_BYTES);
    xd_fault fault = XD_FAULT_NONE;
    int answer;
    if (xd_format_reader_create(from, &r.reader, &fault) != XD_OK ||
        xd_format_writer_create(to, &r.writer, &fault) != XD_OK) {
        answer = xd_cli_fault(&fault);
    } else {
        answer = run_file(&r, file);
    }
    xd_format_writer_destroy(r.writer);
    xd_format_reader_destroy(r.reader);
    xd_buf_finish(&r.output);
    if (!standard) {
        fclose(file);
    }
    return answer;
}

int xd_cmd_format_ndjson(xd_format **ret)
{
    xd_json_member members[] = {
        {XD_STR("format"), {.type = XD_JSON_STRING, .text = XD_STR("ndjson")}},
        {XD_STR("max_row_bytes"), {.type = XD_JSON_NUMBER, .text = XD_STR("67108864")}},
        {XD_STR("max_depth"), {.type = XD_JSON_NUMBER, .text = XD_STR("512")}}};
    xd_json layout = {.type = XD_JSON_OBJECT, .count = 3, .members = members};
    xd_fault fault = XD_FAULT_NONE;
    return xd_format_open(&layout, ret, &fault) == XD_OK ? XD_EXIT_OK : xd_cli_fault(&fault);
}

static int run_command(xd_cli *cli, bool writes)
{
    xd_format *layout = NULL;
    xd_format *ndjson = NULL;
    int answer = xd_cmd_format_open(cli->arguments[0], &layout);
    if (answer == XD_EXIT_OK) {
        answer = xd_cmd_format_ndjson(&ndjson);
    }
    if (answer == XD_EXIT_OK) {
        const char *path = cli->argument_count > 1 ? cli->arguments[1] : "-";
        answer = writes ? convert(path, ndjson, layout) : convert(path, layout, ndjson);
    }
    xd_format_close(ndjson);
    xd_format_close(layout);
    return answer;
}

int xd_cmd_format_read(xd_cli *cli)
{
    return run_command(cli, false);
}

int xd_cmd_format_write(xd_cli *cli)
{
    return run_command(cli, true);
}
