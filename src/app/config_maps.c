/* The maps of a project: reads each map and its layout, tries them (does it compile, does the
 * layout open), and names its version by hash. Errors have the place in the map's own file. */
#include "app/config_int.h"

#include "app/config_yaml.h"
#include "base/hash.h"
#include "canon/nearest.h"
#include "flow/definition.h"
#include "flow/outmap.h"
#include "format/format.h"
#include "mapping/map.h"

#include <errno.h>
#include <stdio.h>

enum { MAP_MAX_BYTES = 256 << 10, LAYOUT_MAX_BYTES = 256 << 10, TEXT_MAX_BYTES = 4 << 20 };

typedef struct map_reader {
    const char *folder;
    xd_config_map *map;
    xd_arena *arena;
    xd_config_reporter report;
    xd_config_errors *errors;
} map_reader;

/* A fault of a setting of the map. */
static void refuse(const map_reader *r, const char *field, const char *rule, const char *format,
                   ...) __attribute__((format(printf, 4, 5)));
static void refuse(const map_reader *r, const char *field, const char *rule, const char *format,
                   ...)
{
    char pointer[192];
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    snprintf(pointer, sizeof pointer, "/maps/%s%s%s", r->map->name, field[0] ? "/" : "", field);
    r->report.at(r->report.self, pointer, rule, text);
}

/* A whole file of at most max bytes, in the arena; false after reporting. */
static bool read_file(const map_reader *r, const char *field, const char *name, size_t max,
                      xd_str *ret)
{
    bool here = name[0] == '/' || strcmp(r->folder, ".") == 0;
    xd_str path = xd_arena_printf(r->arena, "%s%s%s", here ? "" : r->folder, here ? "" : "/", name);
    FILE *file = path.ptr ? fopen(path.ptr, "re") : NULL;
    if (!file) {
        refuse(r, field, "maps.file", "%s cannot be read: %s", name, strerror(errno));
        return false;
    }
    xd_buf bytes;
    xd_buf_init(&bytes, max);
    char piece[8192];
    size_t n;
    while ((n = fread(piece, 1, sizeof piece, file)) > 0) {
        xd_buf_add(&bytes, piece, n);
    }
    bool large = bytes.failed && !bytes.starved;
    int error = ferror(file) ? errno : large ? 0 : ENOMEM;
    bool good = !ferror(file) && !bytes.failed;
    fclose(file);
    xd_str copy = good ? xd_arena_copy(r->arena, xd_buf_str(&bytes)) : XD_STR_NULL;
    if (large) {
        refuse(r, field, "maps.file", "%s cannot be read: it may have %zu KiB", name, max / 1024);
    } else if (copy.ptr == NULL) {
        refuse(r, field, "maps.file", "%s cannot be read: %s", name, strerror(error));
    } else {
        *ret = copy;
    }
    xd_buf_finish(&bytes);
    return copy.ptr != NULL;
}

static bool compile(const map_reader *r)
{
    xd_map *map = NULL;
    xd_fault fault = XD_FAULT_NONE;
    if (xd_map_compile(r->map->text, &map, &fault) != XD_OK) {
        xd_config_errors_add(r->errors, r->map->file, r->map->text, fault.offset, "", fault.rule,
                             "%s", fault.text);
        return false;
    }
    xd_map_destroy(map);
    return true;
}

static bool is_yaml(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

static void refuse_other_than_soap(const map_reader *r)
{
    refuse(r, "soap_action", "maps.soap_action",
           "is for messages of SOAP: the map needs a layout with soap (docs/formats.md)");
}

/* The canonical text of the layout, once it opens. */
static bool read_layout(const map_reader *r)
{
    const char *file = r->map->layout_file;
    xd_str text = XD_STR_NULL;
    const xd_json *layout = NULL;
    xd_fault fault = XD_FAULT_NONE;
    if (!read_file(r, "layout", file, LAYOUT_MAX_BYTES, &text)) {
        return false;
    }
    xd_status status = XD_OK;
    if (is_yaml(file)) {
        if (xd_yaml_parse(file, text, r->arena, &layout, r->errors) != XD_OK) {
            return false;
        }
    } else {
        status = xd_json_parse(text, XD_JSON_LIMITS_DEFAULT, r->arena, &layout, &fault);
    }
    xd_format *format = NULL;
    if (status == XD_OK) {
        status = xd_format_open(layout, &format, &fault);
        xd_format_close(format);
    }
    xd_buf canonical;
    xd_buf_init(&canonical, TEXT_MAX_BYTES);
    if (status == XD_OK) {
        status = xd_json_canonical(&canonical, layout, r->arena, &fault);
    }
    if (status == XD_OK) {
        r->map->layout = xd_arena_copy(r->arena, xd_buf_str(&canonical));
    } else {
        xd_config_errors_add(r->errors, file, text, fault.offset, fault.path, fault.rule, "%s",
                             fault.text);
    }
    xd_buf_finish(&canonical);
    if (status == XD_OK && r->map->soap_action && !XD_TEXT(layout, "soap").len) {
        refuse_other_than_soap(r);
        return false;
    }
    return status == XD_OK;
}

/* What its messages of SOAP ask for. */
static bool check_soap_action(const map_reader *r)
{
    const char *action = r->map->soap_action;
    if (action && !xd_soap_action_is_sound(xd_str_from(action))) {
        refuse(r, "soap_action", "maps.soap_action",
               "must be a URI, such as urn:erp:PostGoods, in visible ASCII without quotes and "
               "backslashes; the hub puts it in quotes");
        return false;
    }
    if (action && !r->map->layout_file) {
        refuse_other_than_soap(r);
        return false;
    }
    return true;
}

/* A map of what goes out has the message that it takes, and perhaps a media type. */
static bool check_message(const map_reader *r)
{
    xd_str from = xd_str_from(r->map->from);
    const char *media = r->map->content_type;
    bool good = xd_str_eq(from, XD_STR("any")) || xd_message_by_name(from) != XD_MESSAGE_NONE;
    if (!good) {
        xd_nearest near = xd_nearest_to(from);
        for (int i = XD_MESSAGE_NONE + 1; i < XD_MESSAGE_LIMIT; i++) {
            xd_nearest_offer(&near, xd_message_name((xd_message)i));
        }
        refuse(
            r, "from", "maps.message", "is no message, nor any%s%s%s; docs/messages.md lists them",
            near.best ? "; did you mean " : "", near.best ? near.best : "", near.best ? "?" : "");
    }
    if (media && !xd_content_type_is_sound(xd_str_from(media))) {
        refuse(r, "content_type", "maps.content_type",
               "must be a media type, such as text/xml; charset=utf-8");
        good = false;
    }
    return check_soap_action(r) && good;
}

/* An expression that stands in the setting itself. */
static bool check_expression(const map_reader *r, const char *field, const char *text)
{
    xd_map *map = NULL;
    xd_fault fault = XD_FAULT_NONE;
    if (!text) {
        return true;
    }
    if (!r->map->to) {
        refuse(r, field, "maps.direction", "is for maps of what comes in (to)");
        return false;
    }
    if (xd_map_compile(xd_str_from(text), &map, &fault) != XD_OK) {
        refuse(r, field, fault.rule, "is no expression: at its byte %lld: %s",
               (long long)fault.offset + 1, fault.text);
        return false;
    }
    xd_map_destroy(map);
    return true;
}

static bool check_kind(const map_reader *r);

/* Whether it maps what comes in or what goes out. */
static bool check_direction(const map_reader *r)
{
    if (r->map->from && r->map->to) {
        refuse(r, "from", "maps.direction",
               "stands beside to: a map makes documents of what comes in (to), or takes messages "
               "that go out (from); write two");
        return false;
    }
    if (!r->map->from && !r->map->to) {
        refuse(r, "", "maps.direction",
               "needs to (the kind of document that it makes) or from (the message that it takes)");
        return false;
    }
    if (r->map->content_type && !r->map->from) {
        refuse(r, "content_type", "maps.direction", "is for maps of what goes out (from)");
        return false;
    }
    if (r->map->soap_action && !r->map->from) {
        refuse(r, "soap_action", "maps.direction", "is for maps of what goes out (from)");
        return false;
    }
    return r->map->from ? check_message(r) : check_kind(r);
}

static bool check_kind(const map_reader *r)
{
    xd_str name = xd_str_from(r->map->to);
    const xd_kind_info *kind = xd_kind_by_name(name);
    if (kind && !kind->internal) {
        return true;
    }
    size_t count = 0;
    const xd_kind_info *kinds = xd_kinds(&count);
    xd_nearest near = xd_nearest_to(name);
    for (size_t i = 0; i < count; i++) {
        if (!kinds[i].internal) {
            xd_nearest_offer(&near, kinds[i].name);
        }
    }
    refuse(r, "to", "maps.kind", "is no kind of document%s%s%s; `crossdock schema` lists them",
           near.best ? "; did you mean " : "", near.best ? near.best : "", near.best ? "?" : "");
    return false;
}

/* The version's name, and the event that tells the log of it. */
static void name_version(const map_reader *r)
{
    xd_config_map *map = r->map;
    xd_buf buf;
    xd_buf_init(&buf, TEXT_MAX_BYTES);
    if (map->by) {
        XD_BUF_LIT(&buf, "\"by\":");
        xd_json_write_string(&buf, xd_str_from(map->by));
        xd_buf_char(&buf, ',');
    }
    if (map->from) {
        XD_BUF_LIT(&buf, "\"content_type\":");
        xd_json_write_string(&buf, xd_str_from(map->content_type ? map->content_type : ""));
        XD_BUF_LIT(&buf, ",\"from\":");
        xd_json_write_string(&buf, xd_str_from(map->from));
        xd_buf_char(&buf, ',');
    }
    XD_BUF_LIT(&buf, "\"layout\":");
    xd_buf_str_add(&buf, map->layout.ptr ? map->layout : XD_STR("null"));
    XD_BUF_LIT(&buf, ",\"name\":");
    xd_json_write_string(&buf, xd_str_from(map->name));
    if (map->soap_action) {
        XD_BUF_LIT(&buf, ",\"soap_action\":");
        xd_json_write_string(&buf, xd_str_from(map->soap_action));
    }
    XD_BUF_LIT(&buf, ",\"text\":");
    xd_json_write_string(&buf, map->text);
    if (map->time) {
        XD_BUF_LIT(&buf, ",\"time\":");
        xd_json_write_string(&buf, xd_str_from(map->time));
    }
    if (map->to) {
        XD_BUF_LIT(&buf, ",\"to\":");
        xd_json_write_string(&buf, xd_str_from(map->to));
    }
    uint8_t digest[XD_SHA256_BYTES];
    xd_sha256_of(xd_buf_str(&buf), digest);
    xd_hex(digest, sizeof digest, map->hash);
    if (map->from) { /* for messages: the version does not depend on where it stands */
        XD_BUF_LIT(&buf, ",\"file\":");
        xd_json_write_string(&buf, xd_str_from(map->file));
    }
    map->data =
        xd_arena_printf(r->arena, "{\"hash\":\"%s\",%.*s}", map->hash, XD_FMT(xd_buf_str(&buf)));
    if (buf.failed || !map->data.ptr) {
        refuse(r, "file", "no_memory", "out of memory");
    }
    xd_buf_finish(&buf);
}

static void read_map(const map_reader *r)
{
    xd_config_map *map = r->map;
    bool good = check_direction(r);
    good &= check_expression(r, "by", r->map->by);
    good &= check_expression(r, "time", r->map->time);
    good &= read_file(r, "file", map->file, MAP_MAX_BYTES, &map->text) && compile(r);
    good &= !map->layout_file || read_layout(r);
    if (good) {
        name_version(r);
    }
}

void xd_config_read_maps(const char *folder, xd_config_map *maps, uint32_t count, xd_arena *arena,
                         xd_config_reporter report, xd_config_errors *errors)
{
    for (uint32_t i = 0; i < count; i++) {
        map_reader r = {folder, &maps[i], arena, report, errors};
        if (maps[i].name && maps[i].file) {
            read_map(&r); /* else it was refused already */
        }
    }
}
