/* Sources. See source.h. */
#include "ingress/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { ARENA_BYTES = 64 << 20 };

static xd_status no_memory(xd_fault *fault)
{
    return xd_fail(fault, XD_NO_MEMORY, "source.memory", "no memory for a source");
}

static char *copy_text(xd_str text)
{
    char *copy = malloc(text.len + 1);
    if (copy) {
        memcpy(copy, text.ptr, text.len);
        copy[text.len] = '\0';
    }
    return copy;
}

static const char *media_of(const xd_format *layout)
{
    static const char *const media[][2] = {{"csv", "text/csv"},
                                           {"xml", "application/xml"},
                                           {"json", "application/json"},
                                           {"ndjson", "application/x-ndjson"}};
    for (size_t i = 0; i < sizeof media / sizeof media[0]; i++) {
        if (strcmp(media[i][0], xd_format_name(layout)) == 0) {
            return media[i][1];
        }
    }
    return "text/plain";
}

/* Encodings whose line feed is a byte of its own. */
static bool is_by_byte(xd_str encoding)
{
    static const char *const starts[] = {"utf-8",    "utf8",    "us-ascii", "ascii",
                                         "iso-8859", "iso8859", "latin",    "windows-125",
                                         "cp125",    "cp437",   "cp850"};
    bool good = encoding.len == 0;
    for (size_t i = 0; !good && i < sizeof starts / sizeof starts[0]; i++) {
        good = encoding.len >= strlen(starts[i]) &&
               strncasecmp(encoding.ptr, starts[i], strlen(starts[i])) == 0;
    }
    return good;
}

static xd_status open_layout(xd_source *s, xd_str text, xd_fault *fault)
{
    const xd_json *layout;
    XD_TRY(xd_json_parse(text.ptr ? text : XD_STR("{\"format\":\"json\"}"), XD_JSON_LIMITS_DEFAULT,
                         &s->arena, &layout, fault));
    XD_TRY(xd_format_open(layout, &s->layout, fault));
    s->media = media_of(s->layout);
    const char *format = xd_format_name(s->layout);
    s->of_lines = (strcmp(format, "csv") == 0 || strcmp(format, "ndjson") == 0) &&
                  is_by_byte(XD_TEXT(layout, "encoding"));
    const xd_json *header = XD_GET(layout, "header");
    const xd_json *quote = XD_GET(layout, "quote");
    s->has_header = header && header->type == XD_JSON_TRUE;
    s->quote = !quote                                             ? '"'
               : quote->type == XD_JSON_STRING && quote->text.len ? quote->text.ptr[0]
                                                                  : '\0';
    return XD_OK;
}

/* What the map says of itself only helps messages, so a map that cannot be read off is fine. */
static xd_status read_lineage(xd_source *s, xd_fault *fault)
{
    const xd_json *rows = NULL;
    if (xd_map_explain(s->map, &s->arena, &rows, fault) == XD_NO_MEMORY) {
        return XD_NO_MEMORY;
    }
    uint32_t count = rows && rows->type == XD_JSON_ARRAY ? rows->count : 0;
    s->lineage = xd_arena_zalloc(&s->arena, (count + 1) * sizeof *s->lineage);
    if (!s->lineage) {
        return no_memory(fault);
    }
    for (uint32_t i = 0; i < count; i++) {
        const xd_json *row = &rows->items[i];
        if (xd_str_eq(XD_TEXT(row, "role"), XD_STR("value"))) {
            s->lineage[s->lineage_count++] = (xd_source_lineage){
                XD_TEXT(row, "target"), XD_TEXT(row, "source"), XD_INT(row, "offset", -1)};
        }
    }
    return XD_OK;
}

static xd_status open_expression(const char *text, const char *what, xd_map **ret, xd_fault *fault)
{
    xd_fault inner = XD_FAULT_NONE;
    xd_status status = text ? xd_map_compile(xd_str_from(text), ret, &inner) : XD_OK;
    return status == XD_OK ? XD_OK
                           : xd_fail(fault, status, inner.rule, "%s, byte %lld: %s", what,
                                     (long long)inner.offset + 1, inner.text);
}

static xd_status fill(xd_source *s, const xd_source_options *o, xd_fault *fault)
{
    s->name = copy_text(xd_str_from(o->name));
    s->map_file = copy_text(xd_str_from(o->map_file));
    s->map_text = copy_text(o->map_text);
    s->map_bytes = o->map_text.len;
    if (!s->name || !s->map_file || !s->map_text) {
        return no_memory(fault);
    }
    snprintf(s->map_hash, sizeof s->map_hash, "%.*s", XD_FMT(o->map_hash));
    s->codes = o->codes;
    s->to = xd_kind_by_name(xd_str_from(o->to));
    if (!s->to || s->to->internal) {
        return xd_fail(fault, XD_INVALID, "source.kind", "%s is no kind of document", o->to);
    }
    XD_TRY(open_layout(s, o->layout, fault));
    xd_status status = xd_map_compile(o->map_text, &s->map, fault);
    if (status != XD_OK) {
        xd_source_name_place(s, fault);
        return status;
    }
    XD_TRY(open_expression(o->by, "by", &s->by, fault));
    XD_TRY(open_expression(o->time, "time", &s->time, fault));
    return read_lineage(s, fault);
}

xd_status xd_source_open(const xd_source_options *options, xd_source **ret, xd_fault *fault)
{
    xd_source *s = calloc(1, sizeof *s);
    if (!s) {
        return no_memory(fault);
    }
    xd_arena_init(&s->arena, ARENA_BYTES);
    xd_status status = fill(s, options, fault);
    if (status != XD_OK) {
        xd_source_close(s);
        return status;
    }
    *ret = s;
    return XD_OK;
}

void xd_source_close(xd_source *s)
{
    if (!s) {
        return;
    }
    xd_map_destroy(s->map);
    xd_map_destroy(s->by);
    xd_map_destroy(s->time);
    xd_format_close(s->layout);
    xd_arena_finish(&s->arena);
    free(s->map_text);
    free(s->map_file);
    free(s->name);
    free(s);
}

xd_status xd_source_key(const xd_source *s, const xd_json *record, xd_arena *arena, xd_buf *ret,
                        xd_fault *fault)
{
    const xd_json *key = NULL;
    xd_map_world world = {.now = 0};
    xd_map_limits limits = XD_MAP_LIMITS_DOCUMENT;
    xd_fault why = XD_FAULT_NONE;
    xd_status status = xd_map_run(s->by, record, NULL, &world, &limits, arena, &key, &why);
    if (status != XD_OK) {
        return xd_fail(fault, status, why.rule, "by: %s", why.text);
    }
    xd_buf_clear(ret);
    if (key) {
        xd_json_write(ret, key);
    }
    return XD_OK;
}

/* --- places in the map --- */

static void put_in_front(const xd_source *s, xd_fault *fault, int64_t offset, xd_str from)
{
    xd_fault place = XD_FAULT_NONE;
    char text[2 * sizeof fault->text]; /* xd_fail cuts it */
    place.offset = offset;
    xd_fault_locate(&place, (xd_str){s->map_text, s->map_bytes});
    if (from.len) {
        snprintf(text, sizeof text, "%.100s:%d:%d: from %.*s: %s", s->map_file, (int)place.line,
                 (int)place.column, (int)(from.len < 60 ? from.len : 60), from.ptr, fault->text);
    } else {
        snprintf(text, sizeof text, "%.100s:%d:%d: %s", s->map_file, (int)place.line,
                 (int)place.column, fault->text);
    }
    char path[sizeof fault->path];
    snprintf(path, sizeof path, "%s", fault->path);
    char rule[sizeof fault->rule];
    snprintf(rule, sizeof rule, "%s", fault->rule);
    xd_fail(fault, fault->code, rule, "%s", text);
    xd_fault_at(fault, -1, path);
}

void xd_source_name_place(const xd_source *s, xd_fault *fault)
{
    if (fault && fault->offset >= 0) {
        put_in_front(s, fault, fault->offset, XD_STR_NULL);
    }
}

/* "/lines/0/quantity" as the map tells it: "lines[].quantity". */
static void target_of(const char *pointer, char *target, size_t size)
{
    size_t n = 0;
    while (*pointer == '/' && n + 3 < size) {
        const char *step = pointer + 1;
        size_t length = strcspn(step, "/");
        bool is_index = length > 0 && strspn(step, "0123456789") >= length;
        int k = is_index
                    ? snprintf(target + n, size - n, "[]")
                    : snprintf(target + n, size - n, "%s%.*s", n ? "." : "", (int)length, step);
        n += k > 0 ? (size_t)k : 0;
        pointer = step + length;
    }
    target[n < size ? n : size - 1] = '\0';
}

void xd_source_name_field(const xd_source *s, xd_fault *fault)
{
    char target[sizeof fault->path + 64];
    target[0] = '\0';
    target_of(fault->path, target, sizeof target);
    for (uint32_t i = 0; i < s->lineage_count; i++) {
        const xd_source_lineage *row = &s->lineage[i];
        if (row->offset >= 0 && xd_str_eq(row->target, xd_str_from(target))) {
            put_in_front(s, fault, row->offset, row->from);
            return;
        }
    }
    fault->offset = -1; /* of the document, which nobody has seen */
    fault->line = fault->column = 0;
}
