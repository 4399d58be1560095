/* libFuzzer target for the files of `crossdock xref import`. Every row is good, repeated or a
 * problem at its line; good ones are in order and would pass the hub's door. */
#include "app/xref_rows.h"
#include "canon/kind.h"

#include "fuzz.h"

#include <stdio.h>
#include <unistd.h>

static char path[] = "/tmp/crossdock-fuzz-XXXXXX";
static bool has_path;

static void remove_file(void)
{
    unlink(path);
}

static void write_file(const uint8_t *data, size_t size)
{
    if (!has_path) {
        int fd = mkstemp(path);
        REQUIRE(fd >= 0 && close(fd) == 0);
        has_path = true;
        atexit(remove_file);
    }
    FILE *file = fopen(path, "wb");
    REQUIRE(file && fwrite(data, 1, size, file) == size);
    REQUIRE(fclose(file) == 0);
}

/* CSV, as it is without --layout, and lines of JSON, whose records may be anything. */
static const xd_format *format_of(bool lines)
{
    static const char *const layouts[] = {"{\"format\":\"csv\",\"header\":true}",
                                          "{\"format\":\"ndjson\"}"};
    static xd_format *formats[2];
    if (!formats[lines]) {
        xd_arena arena;
        const xd_json *tree = NULL;
        xd_arena_init(&arena, 1 << 20);
        REQUIRE(xd_json_parse(xd_str_from(layouts[lines]), XD_JSON_LIMITS_DEFAULT, &arena, &tree,
                              NULL) == XD_OK);
        REQUIRE(xd_format_open(tree, &formats[lines], NULL) == XD_OK);
        xd_arena_finish(&arena);
    }
    return formats[lines];
}

static void check(const xd_xref_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        const xd_crosswalk_row *row = &rows->rows[i].row;
        REQUIRE(row->table.len && row->system.len && row->code.len);
        REQUIRE(row->table.len <= 64 && row->system.len <= 64 && row->code.len <= 128);
        REQUIRE(row->value.len <= 1024 && xd_utf8_valid(row->value, NULL));
        REQUIRE(row->valid_to == XD_INSTANT_NONE || row->valid_from < row->valid_to);
    }
    int64_t kept = rows->bad < XD_XREF_PROBLEMS_KEPT ? rows->bad : XD_XREF_PROBLEMS_KEPT;
    for (int64_t i = 0; i < kept; i++) {
        REQUIRE(rows->problems[i].text.len && xd_utf8_valid(rows->problems[i].text, NULL));
        REQUIRE(rows->problems[i].line >= 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    write_file(data + 1, size - 1);
    xd_xref_source source = {.path = path, .format = format_of(data[0] & 2)};
    if (data[0] % 2) { /* as `xref import --table item --system wms` has it */
        source.table = XD_STR("item");
        source.system = XD_STR("wms");
    }
    xd_xref_rows *rows = NULL;
    xd_fault fault = XD_FAULT_NONE;
    REQUIRE(xd_xref_rows_create(&rows, &fault) == XD_OK);
    REQUIRE(xd_xref_rows_read(rows, &source, &fault) == XD_OK);
    xd_xref_rows_sort(rows);
    check(rows);
    xd_xref_rows_destroy(rows);
    return 0;
}
