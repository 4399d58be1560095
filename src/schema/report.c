/* What a check has to say: failures and annotations with their locations, and the draft's basic
 * output. See run.h and schema.h. Pure. */
#include "schema/run.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { UNIT_BYTES_MAX = 256 << 20, UNIT_STEPS = 8, SHOWN_CHARS = 60 };

/* --- locations --- */

static void put_step(xd_buf *buf, xd_str step)
{
    xd_buf_char(buf, '/');
    for (size_t i = 0; i < step.len; i++) {
        if (step.ptr[i] == '~') {
            XD_BUF_LIT(buf, "~0");
        } else if (step.ptr[i] == '/') {
            XD_BUF_LIT(buf, "~1");
        } else {
            xd_buf_char(buf, step.ptr[i]);
        }
    }
}

static void put_instance_location(xd_buf *buf, const xd_schema_frame *frame)
{
    /* The way is kept from its end; turn it around. Depth is bounded, and so is this recursion. */
    if (frame->up) {
        put_instance_location(buf, frame->up);
    }
    if (frame->into_member) {
        put_step(buf, frame->member);
    } else if (frame->into_item) {
        xd_buf_printf(buf, "/%u", frame->item);
    }
}

static void put_keyword_location(xd_buf *buf, const xd_schema_frame *frame)
{
    if (frame->up) {
        put_keyword_location(buf, frame->up);
    }
    if (frame->keyword) {
        put_step(buf, xd_str_from(frame->keyword));
        if (frame->name.ptr) {
            put_step(buf, frame->name);
        } else if (frame->has_index) {
            xd_buf_printf(buf, "/%u", frame->index);
        }
    }
}

/* A JSON pointer as a URI fragment: what a fragment may not hold is encoded. */
static void put_fragment(xd_buf *buf, xd_str pointer)
{
    static const char hex[] = "0123456789ABCDEF";
    static const char plain[] = "-._~!$&'()*+,;=:@/?";
    for (size_t i = 0; i < pointer.len; i++) {
        uint8_t c = (uint8_t)pointer.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (letter || (c && strchr(plain, c))) {
            xd_buf_char(buf, (char)c);
        } else {
            xd_buf_char(buf, '%');
            xd_buf_char(buf, hex[c >> 4]);
            xd_buf_char(buf, hex[c & 15]);
        }
    }
}

/* --- units --- */

static bool no_room(xd_schema_run *r)
{
    return xd_schema_stop(r, XD_NO_MEMORY, "schema.memory",
                          "the report of what does not fit needs more memory than is allowed");
}

/* Copies a unit and what it points at into one block: of the arena, or of the heap. */
static xd_schema_unit *copy_unit(const xd_schema_unit *from, xd_arena *arena, size_t *ret_bytes)
{
    xd_str parts[] = {from->instance_location, from->keyword_location,
                      from->absolute_keyword_location, from->text};
    size_t bytes = sizeof *from;
    for (size_t i = 0; i < 4; i++) {
        bytes += parts[i].len;
    }
    xd_schema_unit *unit = arena ? xd_arena_alloc(arena, bytes) : malloc(bytes);
    if (!unit) {
        return NULL;
    }
    char *at = (char *)(unit + 1);
    for (size_t i = 0; i < 4; i++) {
        if (parts[i].len) {
            memcpy(at, parts[i].ptr, parts[i].len);
        }
        parts[i].ptr = at;
        at += parts[i].len;
    }
    *unit = (xd_schema_unit){.instance_location = parts[0],
                             .keyword_location = parts[1],
                             .absolute_keyword_location = parts[2],
                             .text = parts[3],
                             .value = from->value,
                             .offset = from->offset};
    *ret_bytes += bytes;
    return unit;
}

/* A unit at frame and keyword (NULL: at the schema itself) whose message is text. */
static xd_schema_unit *make_unit(xd_schema_run *r, const xd_schema_frame *frame,
                                 const char *keyword, xd_str text)
{
    xd_buf *buf = &r->text;
    xd_schema_unit unit = {.text = text, .offset = frame->value->offset};
    xd_buf_clear(buf);
    put_instance_location(buf, frame);
    size_t instance = buf->len;
    put_keyword_location(buf, frame);
    if (keyword) {
        put_step(buf, xd_str_from(keyword));
    }
    size_t evaluated = buf->len;
    xd_buf_str_add(buf, frame->node->resource->uri);
    xd_buf_char(buf, '#');
    put_fragment(buf, frame->node->pointer);
    if (keyword) {
        xd_buf_char(buf, '/');
        put_fragment(buf, xd_str_from(keyword));
    }
    if (buf->failed || r->unit_bytes > UNIT_BYTES_MAX) {
        (void)no_room(r);
        return NULL;
    }
    unit.instance_location = (xd_str){buf->ptr, instance};
    unit.keyword_location = (xd_str){buf->ptr + instance, evaluated - instance};
    unit.absolute_keyword_location = (xd_str){buf->ptr + evaluated, buf->len - evaluated};
    xd_schema_unit *kept = copy_unit(&unit, NULL, &r->unit_bytes);
    if (!kept) {
        (void)no_room(r);
    }
    return kept;
}

/* --- failures and annotations --- */

bool xd_schema_fail(xd_schema_run *r, const xd_schema_frame *frame, const char *keyword,
                    const char *format, ...)
{
    if (r->status != XD_OK || !xd_schema_charge(r, UNIT_STEPS)) {
        return false;
    }
    if (r->failure_count >= r->failure_max) {
        r->cut_short = true;
        return false;
    }
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    xd_str message = {text, n < (int)sizeof text ? (size_t)n : sizeof text - 1};
    size_t bad;
    if (!xd_utf8_valid(message, &bad)) {
        message.len = bad; /* Rather less than half a character. */
    }
    xd_schema_unit *unit = make_unit(r, frame, keyword, message);
    if (!unit) {
        return false;
    }
    if (r->last_failure) {
        r->last_failure->next = unit;
    } else {
        r->first_failure = unit;
    }
    r->last_failure = unit;
    r->failure_count++;
    return false;
}

void xd_schema_note_all(xd_schema_run *r, const xd_schema_frame *frame)
{
    for (const xd_schema_note *note = frame->node->notes; note; note = note->next) {
        if (!(note->types & xd_schema_type_of(frame->value)) || !xd_schema_charge(r, UNIT_STEPS)) {
            continue;
        }
        xd_schema_unit *unit = make_unit(r, frame, note->keyword, XD_STR_NULL);
        if (!unit) {
            return;
        }
        unit->value = note->value;
        if (r->last_note) {
            r->last_note->next = unit;
        } else {
            r->first_note = unit;
        }
        r->last_note = unit;
    }
}

static void free_units(xd_schema_run *r, xd_schema_unit *unit)
{
    while (unit) {
        xd_schema_unit *next = unit->next;
        r->unit_bytes -= sizeof *unit + unit->instance_location.len + unit->keyword_location.len +
                         unit->absolute_keyword_location.len + unit->text.len;
        free(unit);
        unit = next;
    }
}

xd_schema_point xd_schema_here(const xd_schema_run *r)
{
    return (xd_schema_point){.last_failure = r->last_failure,
                             .last_note = r->last_note,
                             .failure_count = r->failure_count,
                             .cut_short = r->cut_short};
}

void xd_schema_forget_failures(xd_schema_run *r, const xd_schema_point *point)
{
    xd_schema_unit **end = point->last_failure ? &point->last_failure->next : &r->first_failure;
    free_units(r, *end);
    *end = NULL;
    r->last_failure = point->last_failure;
    r->failure_count = point->failure_count;
    r->cut_short = point->cut_short;
}

void xd_schema_forget_notes(xd_schema_run *r, const xd_schema_point *point)
{
    xd_schema_unit **end = point->last_note ? &point->last_note->next : &r->first_note;
    free_units(r, *end);
    *end = NULL;
    r->last_note = point->last_note;
}

static bool deliver_list(const xd_schema_unit *from, xd_arena *arena, const xd_schema_unit **ret)
{
    size_t unused = 0;
    xd_schema_unit *last = NULL;
    for (; from; from = from->next) {
        xd_schema_unit *unit = copy_unit(from, arena, &unused);
        if (!unit) {
            return false;
        }
        if (last) {
            last->next = unit;
        } else {
            *ret = unit;
        }
        last = unit;
    }
    return true;
}

xd_status xd_schema_deliver(xd_schema_run *r, bool valid, xd_arena *arena,
                            const xd_schema_report **ret)
{
    xd_schema_report *report = xd_arena_zalloc(arena, sizeof *report);
    if (!report || !deliver_list(r->first_failure, arena, &report->failures) ||
        !deliver_list(r->first_note, arena, &report->annotations)) {
        (void)no_room(r);
        return r->status;
    }
    report->valid = valid;
    report->failure_count = r->failure_count;
    report->cut_short = r->cut_short;
    *ret = report;
    return XD_OK;
}

const char *xd_schema_found(const xd_json *value, char text[XD_SCHEMA_FOUND_BYTES])
{
    bool has_text = value->type == XD_JSON_STRING || value->type == XD_JSON_NUMBER;
    size_t shown = has_text ? value->text.len : 0;
    bool cut = shown > SHOWN_CHARS;
    switch (value->type) {
    case XD_JSON_STRING:
        shown = cut ? SHOWN_CHARS : shown;
        while (cut && shown && ((uint8_t)value->text.ptr[shown] & 0xc0) == 0x80) {
            shown--;
        }
        snprintf(text, XD_SCHEMA_FOUND_BYTES, "\"%.*s%s\"", (int)shown,
                 shown ? value->text.ptr : "", cut ? "..." : "");
        break;
    case XD_JSON_NUMBER:
        snprintf(text, XD_SCHEMA_FOUND_BYTES, "%.*s%s", cut ? SHOWN_CHARS : (int)shown,
                 value->text.ptr, cut ? "..." : "");
        break;
    case XD_JSON_ARRAY:
        snprintf(text, XD_SCHEMA_FOUND_BYTES, "an array of %u", value->count);
        break;
    case XD_JSON_OBJECT:
        snprintf(text, XD_SCHEMA_FOUND_BYTES, "an object of %u member%s", value->count,
                 value->count == 1 ? "" : "s");
        break;
    default:
        snprintf(text, XD_SCHEMA_FOUND_BYTES, "%s",
                 value->type == XD_JSON_NULL    ? "null"
                 : value->type == XD_JSON_FALSE ? "false"
                                                : "true");
    }
    return text;
}

/* --- output --- */

static void write_member(xd_buf *buf, const char *name, xd_str text)
{
    xd_json_write_string(buf, xd_str_from(name));
    xd_buf_char(buf, ':');
    xd_json_write_string(buf, text);
}

static void write_units(xd_buf *buf, const char *name, const xd_schema_unit *unit)
{
    xd_buf_printf(buf, ",\"%s\":[", name);
    for (; unit; unit = unit->next) {
        xd_buf_char(buf, '{');
        write_member(buf, "instanceLocation", unit->instance_location);
        xd_buf_char(buf, ',');
        write_member(buf, "keywordLocation", unit->keyword_location);
        xd_buf_char(buf, ',');
        write_member(buf, "absoluteKeywordLocation", unit->absolute_keyword_location);
        if (unit->value) {
            XD_BUF_LIT(buf, ",\"annotation\":");
            xd_json_write(buf, unit->value);
        } else {
            xd_buf_char(buf, ',');
            write_member(buf, "error", unit->text);
        }
        xd_buf_char(buf, '}');
        if (unit->next) {
            xd_buf_char(buf, ',');
        }
    }
    xd_buf_char(buf, ']');
}

void xd_schema_write_basic(xd_buf *buf, const xd_schema_report *report)
{
    xd_buf_printf(buf, "{\"valid\":%s", report->valid ? "true" : "false");
    if (!report->valid) {
        write_units(buf, "errors", report->failures);
    } else if (report->annotations) {
        write_units(buf, "annotations", report->annotations);
    }
    xd_buf_char(buf, '}');
}
