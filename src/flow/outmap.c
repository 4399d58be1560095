/* Maps of what goes out. See outmap.h. Owns the compiled map and layout. */
#include "flow/outmap.h"

#include "flow/look.h"
#include "format/format.h"

#include <stdio.h>
#include <stdlib.h>

enum { FILE_BYTES = 160, BODY_MAX_BYTES = 64 << 20, BODY_DEPTH = 512 };

struct xd_outmap {
    char file[FILE_BYTES]; /* for messages; the map's name when no file is known */
    char media[XD_OUTMAP_MEDIA_BYTES];
    char action[XD_OUTMAP_ACTION_MAX + 3]; /* with its quotes; "": not SOAP 1.1 */
    xd_map *map;                           /* owns */
    xd_format *layout;                     /* owns; NULL: the result is the body, as JSON */
    bool whole;                            /* an array is one record, not many */
    bool json;
};

xd_str xd_outmap_hash(xd_str version)
{
    const char *at = version.len ? memchr(version.ptr, '@', version.len) : NULL;
    return at ? (xd_str){at + 1, version.len - (size_t)(at - version.ptr) - 1} : version;
}

const char *xd_outmap_media(const xd_outmap *m)
{
    return m->media;
}

bool xd_outmap_is_json(const xd_outmap *m)
{
    return m->json;
}

const char *xd_outmap_soap_action(const xd_outmap *m)
{
    return m->action[0] ? m->action : NULL;
}

bool xd_soap_action_is_sound(xd_str action)
{
    bool sound = action.len <= XD_OUTMAP_ACTION_MAX;
    for (size_t i = 0; sound && i < action.len; i++) {
        char c = action.ptr[i];
        sound = c > ' ' && c < 0x7f && c != '"' && c != '\\';
    }
    return sound;
}

bool xd_content_type_is_sound(xd_str type)
{
    const char *slash = type.len ? memchr(type.ptr, '/', type.len) : NULL;
    bool sound = slash && slash > type.ptr && slash < type.ptr + type.len - 1 &&
                 type.len <= XD_OUTMAP_TYPE_MAX;
    for (size_t i = 0; sound && i < type.len; i++) {
        sound = type.ptr[i] >= ' ' && type.ptr[i] < 0x7f;
    }
    return sound;
}

/* --- opening --- */

/* "text/csv; charset=ISO-8859-1": in UTF-8 unless the layout says otherwise. */
static void text_media(xd_outmap *m, const char *type, const xd_json *layout)
{
    xd_str encoding = XD_TEXT(layout, "encoding");
    snprintf(m->media, sizeof m->media, "%s; charset=%.*s", type,
             encoding.len ? (int)(encoding.len < 40 ? encoding.len : 40) : 5,
             encoding.len ? encoding.ptr : "utf-8");
}

static void fixed_media(xd_outmap *m, const xd_json *layout)
{
    bool lines = !XD_GET(layout, "record_bytes") && !xd_json_get_bool(layout, XD_STR("rdw"));
    if (lines) {
        text_media(m, "text/plain", layout);
    } else {
        snprintf(m->media, sizeof m->media, "application/octet-stream");
    }
}

static void choose_media(xd_outmap *m, const xd_json *layout)
{
    const char *format = m->layout ? xd_format_name(m->layout) : "json";
    xd_str soap = XD_TEXT(layout, "soap");
    if (strcmp(format, "csv") == 0) {
        text_media(m, "text/csv", layout);
    } else if (strcmp(format, "fixed") == 0) {
        fixed_media(m, layout);
    } else if (strcmp(format, "xml") == 0) {
        snprintf(m->media, sizeof m->media, "%s",
                 xd_str_eq(soap, XD_STR("1.1")) ? "text/xml; charset=utf-8"
                 : soap.len                     ? "application/soap+xml; charset=utf-8"
                                                : "application/xml");
    } else {
        bool lines = strcmp(format, "ndjson") == 0;
        m->json = !lines;
        m->whole = !lines && !XD_GET(layout, "each");
        snprintf(m->media, sizeof m->media, "%s",
                 lines ? "application/x-ndjson" : "application/json");
    }
}

/* Which operation is asked for: SOAP 1.1 says it in a header of its own, even when it says nothing,
 * SOAP 1.2 in a parameter of the type. */
static xd_status choose_action(xd_outmap *m, const xd_json *layout, xd_str action, xd_fault *fault)
{
    xd_str soap = XD_TEXT(layout, "soap");
    if (!xd_soap_action_is_sound(action) || (action.len && !soap.len)) {
        return xd_fail(fault, XD_INVALID, "map.soap_action", "no header can carry its soap_action");
    }
    if (xd_str_eq(soap, XD_STR("1.1"))) {
        snprintf(m->action, sizeof m->action, "\"%.*s\"", XD_FMT(action));
    } else if (action.len) {
        size_t length = strlen(m->media);
        snprintf(m->media + length, sizeof m->media - length, "; action=\"%.*s\"", XD_FMT(action));
    }
    return XD_OK;
}

xd_status xd_outmap_open(const xd_json *version, xd_outmap **ret, xd_fault *fault)
{
    const xd_json *layout = XD_GET(version, "layout");
    xd_str file = XD_TEXT(version, "file");
    xd_str media = XD_TEXT(version, "content_type");
    file = file.len ? file : XD_TEXT(version, "name");
    xd_outmap *m = calloc(1, sizeof *m);
    if (!m) {
        return xd_fail(fault, XD_NO_MEMORY, "map.memory", "no memory for a map");
    }
    layout = layout && layout->type == XD_JSON_OBJECT ? layout : NULL;
    snprintf(m->file, sizeof m->file, "%.*s", XD_FMT(file));
    xd_status status = xd_map_compile(XD_TEXT(version, "text"), &m->map, fault);
    if (status == XD_OK && layout) {
        status = xd_format_open(layout, &m->layout, fault);
    }
    if (status == XD_OK) {
        choose_media(m, layout);
        if (media.len) {
            snprintf(m->media, sizeof m->media, "%.*s", XD_FMT(media));
        }
        status = !media.len || xd_content_type_is_sound(media)
                     ? choose_action(m, layout, XD_TEXT(version, "soap_action"), fault)
                     : xd_fail(fault, XD_INVALID, "map.content_type",
                               "no header can carry its content_type");
    }
    if (status != XD_OK) {
        xd_outmap_close(m);
        return status;
    }
    *ret = m;
    return XD_OK;
}

void xd_outmap_close(xd_outmap *m)
{
    if (m) {
        xd_map_destroy(m->map);
        xd_format_close(m->layout);
        free(m);
    }
}

/* --- writing --- */

/* Faults that are the map's or its document's, not the machine's. */
static bool is_the_maps(xd_status status)
{
    return status == XD_INVALID || status == XD_LIMIT || status == XD_OVERFLOW ||
           status == XD_CONFLICT || status == XD_DENIED;
}

static int shown(xd_str text, size_t max)
{
    return (int)(text.len < max ? text.len : max);
}

/* The key "item/erp/A%2F1" names table, system and code. */
static xd_status missing(const xd_outmap *m, xd_str key, const xd_fault *why, xd_fault *fault)
{
    return xd_fail(
        fault, XD_NOT_FOUND, why->rule,
        "xref.missing %.*s: %.100s:%d:%d needs this code; add it, and the message goes out",
        shown(key, 130), key.ptr, m->file, (int)why->line, (int)why->column);
}

static xd_status name_place(const xd_outmap *m, const xd_fault *why, xd_fault *fault)
{
    return xd_fail(fault, why->code, why->rule,
                   "%.100s:%d:%d: %.130s (%s); mend the map, start the hub anew, then retry",
                   m->file, (int)why->line, (int)why->column, why->text, why->rule);
}

static xd_status name_layout(const xd_outmap *m, const xd_fault *why, xd_fault *fault)
{
    if (!is_the_maps(why->code)) {
        if (fault) {
            *fault = *why;
        }
        return why->code;
    }
    return xd_fail(fault, why->code, why->rule,
                   "%.100s: what it makes does not fit its layout: %.60s%s%.110s (%s)", m->file,
                   why->path, why->path[0] ? ": " : "", why->text, why->rule);
}

static xd_status run_map(const xd_outmap *m, const xd_outmap_use *use, xd_arena *arena,
                         const xd_json **ret, xd_str *ret_missing, xd_fault *fault)
{
    const xd_json_limits limits = {.max_bytes = BODY_MAX_BYTES, .max_depth = BODY_DEPTH};
    const xd_map_limits run_limits = XD_MAP_LIMITS_DOCUMENT;
    const xd_json *input = NULL;
    XD_TRY(xd_json_parse(use->body, limits, arena, &input, fault));
    bool timed = use->event->time != XD_INSTANT_NONE;
    xd_look look = {.view = use->view,
                    .at = timed ? use->event->time : use->event->recorded_at,
                    .seq = use->codes_at,
                    .arena = arena};
    const uint64_t seed = (uint64_t)use->event->seq * XD_STEP_MAX_DELIVERIES + use->index;
    const xd_map_world world = xd_look_world(&look, seed);
    xd_json_member names[] = {
        {XD_STR("system"), {.type = XD_JSON_STRING, .text = use->system}},
        {XD_STR("message"),
         {.type = XD_JSON_STRING, .text = xd_str_from(xd_message_name(use->message))}}};
    const xd_json bindings = {.type = XD_JSON_OBJECT, .count = 2, .members = names};
    xd_fault why = XD_FAULT_NONE;
    xd_status status = xd_map_run(m->map, input, &bindings, &world, &run_limits, arena, ret, &why);
    if (status == XD_NOT_FOUND && look.missing.ptr) {
        if (ret_missing) {
            *ret_missing = look.missing;
        }
        return missing(m, look.missing, &why, fault);
    }
    if (status != XD_OK && !is_the_maps(status) && status != XD_NOT_FOUND) {
        if (fault) {
            *fault = why;
        }
        return status;
    }
    if (status == XD_OK && *ret == NULL) {
        return xd_fail(fault, XD_INVALID, "map.nothing",
                       "%.100s makes nothing of this message; a map of what goes out makes "
                       "something of every message: mend it, start the hub anew, then retry",
                       m->file);
    }
    return status == XD_OK ? XD_OK : name_place(m, &why, fault);
}

static xd_status write_records(const xd_outmap *m, xd_format_writer *writer, const xd_json *made,
                               xd_buf *buf, xd_fault *why)
{
    bool many = made->type == XD_JSON_ARRAY && !m->whole;
    const xd_json *records = many ? made->items : made;
    for (uint32_t i = 0; i < (many ? made->count : 1); i++) {
        XD_TRY(xd_format_write(writer, &records[i], buf, why));
    }
    return xd_format_write_end(writer, buf, why);
}

static xd_status write_layout(const xd_outmap *m, const xd_json *made, xd_buf *buf, xd_fault *fault)
{
    xd_format_writer *writer = NULL;
    xd_fault why = XD_FAULT_NONE;
    xd_status status = xd_format_writer_create(m->layout, &writer, &why);
    if (status == XD_OK) {
        status = write_records(m, writer, made, buf, &why);
        xd_format_writer_destroy(writer);
    }
    return status == XD_OK ? XD_OK : name_layout(m, &why, fault);
}

xd_status xd_outmap_write(const xd_outmap *m, const xd_outmap_use *use, xd_arena *arena,
                          xd_buf *buf, xd_str *ret_missing, xd_fault *fault)
{
    const xd_json *made = NULL;
    size_t begin = buf->len;
    XD_TRY(run_map(m, use, arena, &made, ret_missing, fault));
    xd_status status = XD_OK;
    if (m->layout) {
        status = write_layout(m, made, buf, fault);
    } else {
        xd_json_write(buf, made);
    }
    if (buf->failed && !buf->starved) {
        status = xd_fail(fault, XD_LIMIT, "message.size", "%.100s makes too large a body", m->file);
    } else if (buf->failed) {
        status = xd_fail(fault, XD_NO_MEMORY, "message.memory", "no memory for the message");
    } else if (status == XD_OK && buf->len == begin) {
        status = xd_fail(fault, XD_INVALID, "map.nothing",
                         "%.100s makes no record of this message; mend it, start the hub anew, "
                         "then retry",
                         m->file);
    }
    if (status != XD_OK) {
        buf->len = begin;
    }
    return status;
}
