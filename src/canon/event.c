/* From a CloudEvents 1.0 envelope, or a row of the log, to an event. See event.h.
 * Owns nothing; calls base and canon only. Pure. */
#include "canon/event.h"

#include <stdio.h>

/* The attributes of an envelope that mean something to the hub. */
typedef struct envelope {
    const xd_json *object;
    const xd_json *specversion, *id, *source, *type, *subject, *time, *datacontenttype, *dataschema,
        *data, *data_base64, *traceparent;
} envelope;

/* A fault of one attribute; json is its value, the envelope when it is missing, or NULL when there
 * is no envelope. */
static xd_status refuse(xd_fault *fault, xd_code code, const xd_json *json, const char *attribute,
                        const char *rule, const char *text)
{
    char path[64];
    snprintf(path, sizeof path, "/%s", attribute);
    xd_fail(fault, code, rule, "%s", text);
    xd_fault_at(fault, json ? (int64_t)json->offset : -1, path);
    return code;
}

static const xd_json **slot(envelope *e, xd_str name)
{
    static const struct {
        const char *name;
        uint8_t len;
        uint8_t offset;
    } attributes[] = {
#define ATTRIBUTE(member) {#member, sizeof(#member) - 1, offsetof(envelope, member)}
        ATTRIBUTE(specversion), ATTRIBUTE(id),          ATTRIBUTE(source),
        ATTRIBUTE(type),        ATTRIBUTE(subject),     ATTRIBUTE(time),
        ATTRIBUTE(data),        ATTRIBUTE(data_base64), ATTRIBUTE(datacontenttype),
        ATTRIBUTE(dataschema),  ATTRIBUTE(traceparent),
#undef ATTRIBUTE
    };
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++) {
        if (attributes[i].len == name.len && memcmp(attributes[i].name, name.ptr, name.len) == 0) {
            return (const xd_json **)(void *)((char *)e + attributes[i].offset);
        }
    }
    return NULL;
}

/* CloudEvents lets null stand for an absent attribute. */
static envelope open_envelope(const xd_json *object)
{
    envelope e = {.object = object};
    for (uint32_t i = 0; i < object->count; i++) {
        const xd_json **member = slot(&e, object->members[i].name);
        if (member && object->members[i].value.type != XD_JSON_NULL) {
            *member = &object->members[i].value;
        }
    }
    return e;
}

/* No control character, and no space when the attribute is a URI. */
static bool is_clean(xd_str s, unsigned char lowest)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c < lowest || c == 0x7F) {
            return false;
        }
    }
    return true;
}

/* Text of an attribute that must be a string; empty when it is absent or something else. */
static xd_str attribute_text(const xd_json *json)
{
    return json && json->type == XD_JSON_STRING ? json->text : XD_STR_NULL;
}

/* The identity; id_at and source_at say where faults are, NULL when there is no envelope. */
static xd_status check_identity(xd_str id, const xd_json *id_at, xd_str source,
                                const xd_json *source_at, xd_fault *fault)
{
    if (id.len == 0) {
        return refuse(fault, XD_INVALID, id_at, "id", "event.id",
                      "id must be a non-empty string; with source it identifies the event");
    }
    if (id.len > XD_EVENT_ID_MAX || !is_clean(id, 0x20)) {
        return refuse(fault, XD_INVALID, id_at, "id", "event.id",
                      "id must be at most 128 bytes without control characters");
    }
    if (source.len == 0) {
        return refuse(fault, XD_INVALID, source_at, "source", "event.source",
                      "source must be a non-empty URI reference naming the sending system");
    }
    if (source.len > XD_EVENT_SOURCE_MAX || !is_clean(source, 0x21)) {
        return refuse(fault, XD_INVALID, source_at, "source", "event.source",
                      "source must be at most 256 bytes without spaces or control characters");
    }
    return XD_OK;
}

/* application/json, or any media type whose suffix is +json; parameters are ignored. */
static bool is_json_media_type(xd_str type)
{
    size_t end = 0;
    while (end < type.len && type.ptr[end] != ';' && type.ptr[end] != ' ') {
        end++;
    }
    static const char suffix[] = "json";
    size_t n = sizeof suffix - 1;
    if (end < n + 2) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if ((type.ptr[end - n + i] | 0x20) != suffix[i]) {
            return false;
        }
    }
    return type.ptr[end - n - 1] == '/' || type.ptr[end - n - 1] == '+';
}

static xd_status check_optional(const envelope *e, xd_instant *ret_time, xd_fault *fault)
{
    xd_instant time = XD_INSTANT_NONE;
    if (e->subject && (e->subject->type != XD_JSON_STRING || e->subject->text.len == 0 ||
                       !is_clean(e->subject->text, 0x20))) {
        return refuse(fault, XD_INVALID, e->subject, "subject", "event.subject",
                      "subject must be a non-empty string without control characters");
    }
    if (e->time && (e->time->type != XD_JSON_STRING ||
                    xd_instant_parse(e->time->text, &time, NULL) != XD_OK)) {
        return refuse(fault, XD_INVALID, e->time, "time", "event.time",
                      "time must be an RFC 3339 instant such as 2026-11-17T13:06:04Z");
    }
    if (e->datacontenttype && (e->datacontenttype->type != XD_JSON_STRING ||
                               !is_json_media_type(e->datacontenttype->text))) {
        return refuse(fault, XD_INVALID, e->datacontenttype, "datacontenttype",
                      "event.datacontenttype",
                      "datacontenttype must be application/json or end in +json");
    }
    if (e->dataschema && (e->dataschema->type != XD_JSON_STRING || e->dataschema->text.len == 0)) {
        return refuse(fault, XD_INVALID, e->dataschema, "dataschema", "event.dataschema",
                      "dataschema must be a non-empty URI");
    }
    *ret_time = time;
    return XD_OK;
}

/* W3C Trace Context says that a malformed traceparent is to be ignored, not refused. */
static xd_str trace_of(const xd_json *json)
{
    enum { TRACEPARENT_LEN = 55 };
    if (!json || json->type != XD_JSON_STRING || json->text.len != TRACEPARENT_LEN) {
        return XD_STR("");
    }
    for (size_t i = 0; i < TRACEPARENT_LEN; i++) {
        char c = json->text.ptr[i];
        bool dash = i == 2 || i == 35 || i == 52;
        bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (dash ? c != '-' : !hex) {
            return XD_STR("");
        }
    }
    return json->text;
}

/* Text of a member of the document, "" when it has none. */
static xd_str text_of(const xd_json *data, const char *name)
{
    xd_str text = name ? xd_json_get_text(data, xd_str_from(name)) : XD_STR_NULL;
    return text.ptr ? text : XD_STR("");
}

static void set_keys(xd_event *event)
{
    event->key = text_of(event->data, event->kind->key_field);
    event->order_key = text_of(event->data, event->kind->order_field);
    if (event->order_key.len == 0) {
        event->order_key = event->key;
    }
}

void xd_event_become(xd_event *event, const xd_kind_info *kind, const xd_json *data)
{
    event->kind = kind;
    event->data = data;
    set_keys(event);
}

/* Puts prefix before the fault's path; what no longer fits is cut off. */
static void prefix_path(xd_fault *fault, const char *prefix)
{
    if (fault) {
        char path[sizeof fault->path];
        snprintf(path, sizeof path, "%s%.*s", prefix, (int)(sizeof path - 1 - strlen(prefix)),
                 fault->path);
        xd_fault_at(fault, -1, path); /* which mends a character that was cut */
    }
}

static xd_status check_envelope(const envelope *e, const xd_kind_info **ret_kind, xd_fault *fault)
{
    if (!e->specversion || e->specversion->type != XD_JSON_STRING ||
        !xd_str_eq(e->specversion->text, XD_STR("1.0"))) {
        return refuse(fault, XD_INVALID, e->specversion ? e->specversion : e->object, "specversion",
                      "event.specversion", "specversion must be the string \"1.0\"");
    }
    XD_TRY(check_identity(attribute_text(e->id), e->id ? e->id : e->object,
                          attribute_text(e->source), e->source ? e->source : e->object, fault));
    if (!e->type || e->type->type != XD_JSON_STRING) {
        return refuse(fault, XD_INVALID, e->type ? e->type : e->object, "type", "event.type",
                      "type must be a string such as crossdock.goods_receipt.v1");
    }
    const xd_kind_info *kind;
    xd_status status = xd_kind_of_type(e->type->text, &kind, fault);
    if (status != XD_OK) {
        xd_fault_at(fault, e->type->offset, "/type");
        return status;
    }
    if (kind->internal) {
        return refuse(fault, XD_DENIED, e->type, "type", "event.internal",
                      "events of this type are written by the hub alone");
    }
    *ret_kind = kind;
    return XD_OK;
}

xd_status xd_event_from_cloudevent(const xd_json *object, xd_str text, xd_arena *arena,
                                   xd_event *ret, xd_fault *fault)
{
    (void)arena; /* the event borrows from the tree, nothing has to be built */
    if (object->type != XD_JSON_OBJECT) {
        xd_fail(fault, XD_INVALID, "event.type",
                "an event must be a JSON object with CloudEvents attributes, but is %s",
                xd_json_type_name(object->type));
        xd_fault_at(fault, object->offset, "");
        return XD_INVALID;
    }
    envelope e = open_envelope(object);
    xd_event event = {.actor = XD_STR("")};
    XD_TRY(check_envelope(&e, &event.kind, fault));
    XD_TRY(check_optional(&e, &event.time, fault));
    if (e.data_base64) {
        return refuse(fault, XD_INVALID, e.data_base64, "data_base64", "event.data",
                      "data_base64 is not taken; send the document as JSON in data");
    }
    if (!e.data) {
        return refuse(fault, XD_INVALID, e.object, "data", "event.data",
                      "data is missing; it holds the document");
    }
    xd_status status = xd_canon_validate(event.kind, e.data, fault);
    if (status != XD_OK) {
        prefix_path(fault, "/data");
        return status;
    }
    event.id = e.id->text;
    event.source = e.source->text;
    event.trace = trace_of(e.traceparent);
    event.data = e.data;
    event.data_text = xd_json_source(e.data, text);
    set_keys(&event);
    *ret = event;
    return XD_OK;
}

xd_status xd_event_open(xd_event *event, bool validate, xd_arena *arena, xd_fault *fault)
{
    if (validate) {
        XD_TRY(check_identity(event->id, NULL, event->source, NULL, fault));
    }
    /* Rows of the log were read with duplicates refused once; looking again is wasted. */
    xd_json_limits limits = XD_JSON_LIMITS_DEFAULT;
    limits.allow_duplicates = !validate;
    const xd_json *data;
    XD_TRY(xd_json_parse(event->data_text, limits, arena, &data, fault));
    if (validate) {
        XD_TRY(xd_canon_validate(event->kind, data, fault));
    }
    event->data = data;
    set_keys(event);
    return XD_OK;
}
