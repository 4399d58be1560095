/* A map with the files beside it: NAME.jsonata, NAME.layout.json (or .yaml), NAME.test.json.
 * See map_pair.h.
 */
#include "app/map_pair.h"

#include "app/cmd_map.h"
#include "app/map_input.h"
#include "canon/kind.h"
#include "flow/definition.h"
#include "format/format.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

static char *path_of(const char *folder, const char *stem, const char *ending, xd_arena *arena)
{
    xd_str path = xd_arena_printf(arena, "%s/%s%s%c", folder, stem, ending, '\0');
    return (char *)path.ptr;
}

static bool is_there(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

/* A member as a text that ends in NUL, "" when it is not there. */
static const char *text_of(const xd_json *settings, const char *name, xd_arena *arena)
{
    xd_str found = xd_json_get_text(settings, xd_str_from(name));
    xd_str copy = xd_arena_printf(arena, "%.*s%c", XD_FMT(found), '\0');
    return copy.ptr ? copy.ptr : "";
}

static xd_status check_names(const xd_json *settings, const char *path, xd_fault *fault)
{
    static const char *const known[] = {"to", "from", "by", "time", "layout", "back", "gives"};
    enum { KNOWN = sizeof known / sizeof known[0] };
    if (settings->type != XD_JSON_OBJECT) {
        return xd_fail(fault, XD_INVALID, "test.settings", "%s: expected an object", path);
    }
    for (uint32_t i = 0; i < settings->count; i++) {
        const xd_json_member *m = &settings->members[i];
        size_t k = 0;
        while (k < KNOWN && !xd_str_eq(m->name, xd_str_from(known[k]))) {
            k++;
        }
        if (k == KNOWN || m->value.type != XD_JSON_STRING) {
            return xd_fail(fault, XD_INVALID, "test.settings",
                           "%s: %.*s: expected texts named to, from, by, time, layout, back or "
                           "gives",
                           path, XD_FMT(m->name));
        }
    }
    return XD_OK;
}

static xd_status check_settings(const xd_map_subject *s, const char *path, xd_fault *fault)
{
    const xd_kind_info *kind = xd_kind_by_name(xd_str_from(s->to));
    if (s->to[0] && (!kind || kind->internal)) {
        return xd_fail(fault, XD_INVALID, "test.settings",
                       "%s: to: there is no document kind %s; `crossdock schema` lists them", path,
                       s->to);
    }
    if (s->from[0] && strcmp(s->from, "any") != 0 &&
        xd_message_by_name(xd_str_from(s->from)) == XD_MESSAGE_NONE) {
        return xd_fail(fault, XD_INVALID, "test.settings",
                       "%s: from: there is no message %s; expected any, inventory, "
                       "receipt_status, journal, order, order_status, invoice_status or master",
                       path, s->from);
    }
    if (s->to[0] && s->from[0]) {
        return xd_fail(fault, XD_INVALID, "test.settings",
                       "%s: a map has either to (of what comes in) or from (of what goes out)",
                       path);
    }
    if ((s->by[0] || s->time[0]) && !s->to[0]) {
        return xd_fail(fault, XD_INVALID, "test.settings", "%s: by and time need to", path);
    }
    if (s->back[0] && (!s->from[0] || !s->gives[0])) {
        return xd_fail(fault, XD_INVALID, "test.settings",
                       "%s: back needs from and gives: what reading it back must give", path);
    }
    return XD_OK;
}

static xd_status read_settings(const char *folder, const char *path, xd_arena *arena,
                               xd_map_subject *s, xd_fault *fault)
{
    const xd_json *settings = NULL;
    if (is_there(path)) {
        XD_TRY(xd_map_read_json(path, arena, &settings, fault));
        XD_TRY(check_names(settings, path, fault));
    }
    s->to = text_of(settings, "to", arena);
    s->from = text_of(settings, "from", arena);
    s->by = text_of(settings, "by", arena);
    s->time = text_of(settings, "time", arena);
    s->back = text_of(settings, "back", arena);
    s->gives = text_of(settings, "gives", arena);
    const char *layout = text_of(settings, "layout", arena);
    s->layout = layout[0] ? path_of(folder, layout, "", arena) : s->layout;
    return check_settings(s, path, fault);
}

/* Opens the layout once, so that a mistake in it is said of it and not of every case. */
static xd_status check_layout(const char *path, xd_arena *arena, xd_fault *fault)
{
    const xd_json *layout = NULL;
    xd_format *format = NULL;
    xd_fault inner = XD_FAULT_NONE;
    XD_TRY(xd_map_read_layout(path, arena, &layout, fault));
    xd_status status = xd_format_open(layout, &format, &inner);
    xd_format_close(format);
    return status == XD_OK ? XD_OK
                           : xd_fail(fault, status, inner.rule, "%.150s: %s%s%.140s", path,
                                     inner.path, inner.path[0] ? ": " : "", inner.text);
}

xd_status xd_map_subject_open(const char *folder, const char *stem, xd_arena *arena,
                              xd_map_subject *ret, xd_fault *fault)
{
    char *path = path_of(folder, stem, ".jsonata", arena);
    char *layout = path_of(folder, stem, ".layout.json", arena);
    char *yaml = path_of(folder, stem, ".layout.yaml", arena);
    char *settings = path_of(folder, stem, ".test.json", arena);
    if (!path || !layout || !yaml || !settings) {
        return xd_fail(fault, XD_NO_MEMORY, "map.memory", "no memory for the pairs of a map");
    }
    xd_map_subject s = {.path = path,
                        .layout = is_there(layout) ? layout
                                  : is_there(yaml) ? yaml
                                                   : NULL};
    XD_TRY(read_settings(folder, settings, arena, &s, fault));
    if (s.layout) {
        XD_TRY(check_layout(s.layout, arena, fault));
    }
    XD_TRY(xd_map_read_file(path, arena, &s.text, fault));
    xd_fault inner = XD_FAULT_NONE;
    xd_status status = xd_map_compile(s.text, &s.map, &inner);
    if (status != XD_OK) {
        return xd_fail(fault, status, inner.rule, "%d:%d: %s", (int)inner.line, (int)inner.column,
                       inner.text);
    }
    *ret = s;
    return XD_OK;
}

void xd_map_subject_close(xd_map_subject *subject)
{
    if (subject) {
        xd_map_destroy(subject->map);
        subject->map = NULL;
    }
}
