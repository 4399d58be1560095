/* `crossdock schema validate`: one document against one schema, every failure with its line and
 * column. */
#include "app/cli.h"

#include "app/schema_files.h"

#include <stdio.h>
#include <stdlib.h>

/* Trees take some thirty times the bytes of a text in which every value is small. */
#define ARENA_BYTES ((size_t)8 << 30)

/* Where the lines of a text begin. */
struct lines {
    size_t *starts; /* owns */
    size_t count;
};

static bool find_lines(xd_str text, struct lines *ret)
{
    size_t count = 1;
    for (size_t i = 0; i < text.len; i++) {
        count += text.ptr[i] == '\n';
    }
    size_t *starts = malloc(count * sizeof *starts);
    if (!starts) {
        return false;
    }
    starts[0] = 0;
    for (size_t i = 0, n = 1; i < text.len; i++) {
        if (text.ptr[i] == '\n') {
            starts[n++] = i + 1;
        }
    }
    *ret = (struct lines){starts, count};
    return true;
}

static void locate(const struct lines *lines, size_t offset, size_t *ret_line, size_t *ret_column)
{
    size_t low = 0;
    size_t high = lines->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (lines->starts[middle] <= offset) {
            low = middle;
        } else {
            high = middle;
        }
    }
    *ret_line = low + 1;
    *ret_column = offset - lines->starts[low] + 1;
}

/* Control characters of a document must not drive the terminal. */
static void print_plain(xd_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t)text.ptr[i];
        putchar(c < 0x20 || c == 0x7f ? ' ' : c);
    }
}

static int print_failures(const char *file, xd_str text, const xd_schema_report *report)
{
    struct lines lines;
    if (!find_lines(text, &lines)) {
        return xd_cli_say(XD_EXIT_FAILED, "no memory to find lines");
    }
    for (const xd_schema_unit *unit = report->failures; unit; unit = unit->next) {
        size_t line;
        size_t column;
        locate(&lines, unit->offset, &line, &column);
        printf("%s:%zu:%zu: ", file, line, column);
        print_plain(unit->instance_location.len ? unit->instance_location : XD_STR("document"));
        printf(": ");
        print_plain(unit->text);
        printf(" (");
        print_plain(unit->keyword_location.len ? unit->keyword_location : XD_STR("/"));
        printf(")\n");
    }
    free(lines.starts);
    fprintf(stderr, "crossdock: %s: %u failure%s%s\n", file, report->failure_count,
            report->failure_count == 1 ? "" : "s", report->cut_short ? " shown, and more" : "");
    return XD_EXIT_FAILED;
}

static int check(const xd_cli *cli, const xd_schema *schema, xd_arena *arena)
{
    const char *path = cli->arguments[1];
    xd_fault fault = XD_FAULT_NONE;
    xd_str text = XD_STR("");
    const xd_json *document = NULL;
    const xd_schema_report *report = NULL;
    xd_status status = xd_schema_file_read(path, arena, &text, &document, &fault);
    if (status == XD_OK) {
        status = xd_schema_validate(schema, document, 0, arena, &report, &fault);
    }
    if (status != XD_OK) {
        return xd_cli_fault(&fault);
    }
    if (cli->json) {
        xd_buf buf;
        xd_buf_init(&buf, (size_t)1 << 30);
        xd_schema_write_basic(&buf, report);
        xd_buf_char(&buf, '\n');
        int answer = xd_cli_print(&buf);
        xd_buf_finish(&buf);
        return answer == XD_EXIT_OK && !report->valid ? XD_EXIT_FAILED : answer;
    }
    if (!report->valid) {
        return print_failures(path, text, report);
    }
    printf("%s: valid\n", path);
    return XD_EXIT_OK;
}

int xd_cmd_schema_validate(xd_cli *cli)
{
    xd_arena arena;
    xd_arena_init(&arena, ARENA_BYTES);
    xd_schema *schema = NULL;
    xd_fault fault = XD_FAULT_NONE;
    xd_schema_file_options how = {.folder = xd_cli_option(cli, "schemas"),
                                  .assert_formats = xd_cli_option(cli, "formats") != NULL};
    int answer;
    if (xd_schema_file_compile(cli->arguments[0], &how, &arena, &schema, &fault) == XD_OK) {
        answer = check(cli, schema, &arena);
    } else {
        answer = xd_cli_fault(&fault);
    }
    xd_schema_destroy(schema);
    xd_arena_finish(&arena);
    return answer;
}
