/* Inputs of maps outside the hub. See map_input.h. */
#include "app/map_input.h"

#include "app/cmd_map.h"
#include "app/config_yaml.h"
#include "base/fraction.h"
#include "format/format.h"

#include <stdio.h>
#include <stdlib.h>

enum { TEXT_MAX_BYTES = 256 << 20, JSON_DEPTH = 512 };

/* Puts file and place into the text of a fault found in it. */
static xd_status in_file(const char *path, const xd_fault *inner, xd_fault *fault)
{
    char place[48] = "";
    if (inner->line > 0 && inner->column > 0) {
        snprintf(place, sizeof place, ":%d:%d", (int)inner->line, (int)inner->column);
    } else if (inner->line > 0) {
        snprintf(place, sizeof place, ":%d", (int)inner->line);
    }
    return xd_fail(fault, inner->code, inner->rule, "%s%s: %s%s%s", path, place, inner->path,
                   inner->path[0] ? ": " : "", inner->text);
}

static bool ends_in(const char *path, const char *ending)
{
    size_t n = strlen(path);
    size_t e = strlen(ending);
    return n >= e && strcmp(path + n - e, ending) == 0;
}

static xd_status read_yaml(const char *path, xd_str text, xd_arena *arena, const xd_json **ret,
                           xd_fault *fault)
{
    xd_config_errors *errors = calloc(1, sizeof *errors);
    if (!errors) {
        return xd_fail(fault, XD_NO_MEMORY, "map.memory", "no memory for a layout");
    }
    xd_status status = xd_yaml_parse(path, text, arena, ret, errors);
    if (status != XD_OK) {
        const xd_config_error *first = &errors->items[0];
        status = xd_fail(fault, status, first->rule, "%.150s:%d:%d: %.150s", path, (int)first->line,
                         (int)first->column, first->text);
    }
    free(errors);
    return status;
}

xd_status xd_map_read_layout(const char *path, xd_arena *arena, const xd_json **ret,
                             xd_fault *fault)
{
    if (!ends_in(path, ".yaml") && !ends_in(path, ".yml")) {
        return xd_map_read_json(path, arena, ret, fault);
    }
    xd_str text;
    XD_TRY(xd_map_read_file(path, arena, &text, fault));
    return read_yaml(path, text, arena, ret, fault);
}

static xd_status open_layout(const char *path, const char *layout_path, xd_arena *arena,
                             xd_format **ret, xd_fault *fault)
{
    const xd_json *layout = NULL;
    xd_fault inner = XD_FAULT_NONE;
    if (layout_path) {
        XD_TRY(xd_map_read_layout(layout_path, arena, &layout, fault));
    } else {
        xd_str text = ends_in(path, ".csv")      ? XD_STR("{\"format\":\"csv\",\"header\":true}")
                      : ends_in(path, ".xml")    ? XD_STR("{\"format\":\"xml\"}")
                      : ends_in(path, ".ndjson") ? XD_STR("{\"format\":\"ndjson\"}")
                                                 : XD_STR_NULL;
        if (!text.ptr) {
            return xd_fail(fault, XD_INVALID, "layout.missing",
                           "%s: give a layout; without one only .json, .csv, .xml and .ndjson are "
                           "read",
                           path);
        }
        XD_TRY(xd_json_parse(text, XD_JSON_LIMITS_DEFAULT, arena, &layout, fault));
    }
    xd_status status = xd_format_open(layout, ret, &inner);
    return status == XD_OK ? XD_OK : in_file(layout_path ? layout_path : path, &inner, fault);
}

/* Writes every record of the reader into buf, with commas between. */
static xd_status gather(xd_format_reader *reader, const char *path, xd_buf *buf,
                        uint32_t *ret_count, xd_fault *fault)
{
    for (uint32_t count = 0;; count++) {
        const xd_json *record = NULL;
        xd_fault inner = XD_FAULT_NONE;
        if (xd_format_next(reader, &record, NULL, &inner) != XD_OK) {
            return in_file(path, &inner, fault);
        }
        if (!record) {
            *ret_count = count;
            return XD_OK;
        }
        if (count > 0) {
            xd_buf_char(buf, ',');
        }
        xd_json_write(buf, record);
        if (buf->failed) {
            return xd_fail(fault, XD_LIMIT, "file.bytes", "%s is too large to map at once", path);
        }
    }
}

static xd_status read_records(const xd_format *format, const char *path, xd_str text,
                              xd_arena *arena, const xd_json **ret, xd_fault *fault)
{
    xd_format_reader *reader = NULL;
    XD_TRY(xd_format_reader_create(format, &reader, fault));
    xd_format_feed(reader, text, true);
    xd_buf buf;
    xd_buf_init(&buf, TEXT_MAX_BYTES);
    xd_buf_char(&buf, '[');
    uint32_t count = 0;
    xd_status status = gather(reader, path, &buf, &count, fault);
    xd_buf_char(&buf, ']');
    xd_str kept = XD_STR_NULL;
    if (status == XD_OK) {
        kept = buf.failed ? XD_STR_NULL : xd_arena_copy(arena, xd_buf_str(&buf));
        status = kept.ptr ? XD_OK
                          : xd_fail(fault, XD_LIMIT, "file.bytes", "%s is too large to map at once",
                                    path);
    }
    xd_buf_finish(&buf);
    xd_format_reader_destroy(reader);
    XD_TRY(status);
    xd_json_limits limits = {
        .max_bytes = TEXT_MAX_BYTES, .max_depth = JSON_DEPTH, .allow_duplicates = true};
    XD_TRY(xd_json_parse(kept, limits, arena, ret, fault));
    if (count == 1 && strcmp(xd_format_name(format), "xml") == 0) {
        *ret = &(*ret)->items[0];
    }
    return XD_OK;
}

xd_status xd_map_read_input(const char *path, const char *layout_path, xd_arena *arena,
                            const xd_json **ret, xd_fault *fault)
{
    if (!layout_path && ends_in(path, ".json")) {
        return xd_map_read_json(path, arena, ret, fault);
    }
    xd_format *format = NULL;
    xd_str text;
    XD_TRY(open_layout(path, layout_path, arena, &format, fault));
    xd_status status = xd_map_read_file(path, arena, &text, fault);
    if (status == XD_OK) {
        status = read_records(format, path, text, arena, ret, fault);
    }
    xd_format_close(format);
    return status;
}

static xd_status take_codes(xd_format_reader *reader, const char *path, xd_crosswalk *crosswalk,
                            xd_fault *fault)
{
    for (;;) {
        const xd_json *record = NULL;
        xd_crosswalk_row row;
        xd_fault inner = XD_FAULT_NONE;
        xd_status status = xd_format_next(reader, &record, NULL, &inner);
        if (status == XD_OK && !record) {
            return XD_OK;
        }
        if (status == XD_OK) {
            status = xd_crosswalk_read_row(record, &row, &inner);
            if (status == XD_OK) {
                status = xd_crosswalk_put(crosswalk, &row, NULL, &inner);
            }
            inner.line = (int32_t)xd_format_line(reader); /* the row's own offsets mean nothing */
            inner.column = 0;
        }
        if (status != XD_OK) {
            return in_file(path, &inner, fault);
        }
    }
}

xd_status xd_map_read_codes(const char *path, xd_arena *arena, xd_crosswalk *crosswalk,
                            xd_fault *fault)
{
    xd_format *format = NULL;
    xd_format_reader *reader = NULL;
    xd_str text;
    XD_TRY(xd_map_read_file(path, arena, &text, fault));
    XD_TRY(open_layout(".csv", NULL, arena, &format, fault));
    xd_status status = xd_format_reader_create(format, &reader, fault);
    if (status == XD_OK) {
        xd_format_feed(reader, text, true);
        status = take_codes(reader, path, crosswalk, fault);
    }
    xd_format_reader_destroy(reader);
    xd_format_close(format);
    return status;
}

static xd_status find_code(void *self, xd_str table, xd_str system, xd_str code, xd_arena *arena,
                           xd_str *ret_value, xd_fault *fault)
{
    (void)arena;
    (void)fault;
    const xd_map_codes *codes = self;
    *ret_value = xd_crosswalk_get(codes->crosswalk, table, system, code, codes->at);
    return XD_OK;
}

/* Anything that is no factor is an unknown one. */
static xd_status find_factor(void *self, xd_str from, xd_str to, int64_t *ret_numerator,
                             int64_t *ret_denominator, xd_fault *fault)
{
    (void)fault;
    const xd_map_codes *codes = self;
    char pair[2 * XD_CROSSWALK_NAME_BYTES];
    int n = snprintf(pair, sizeof pair, "%.*s>%.*s", XD_FMT(from), XD_FMT(to));
    xd_str found = XD_STR_NULL;
    if (n > 0 && (size_t)n < sizeof pair) {
        found = xd_crosswalk_get(codes->crosswalk, XD_STR("uom"), XD_STR("factor"),
                                 (xd_str){pair, (size_t)n}, codes->at);
    }
    *ret_numerator = 0; /* there is none */
    *ret_denominator = 1;
    (void)xd_fraction_parse(found, ret_numerator, ret_denominator);
    return XD_OK;
}

xd_map_world xd_map_codes_world(xd_map_codes *codes)
{
    return (xd_map_world){.self = codes, .now = codes->at, .xref = find_code, .uom = find_factor};
}
