/* Decode. See decode.h. */
#include "ingress/decode.h"

#include <stdio.h>

enum { ARENA_FLOOR = 128 << 10, ARENA_FACTOR = 20 };

size_t xd_decode_arena_cap(size_t text_bytes)
{
    return ARENA_FLOOR + text_bytes * ARENA_FACTOR;
}

/* Running out of an arena that is far from its cap means that the machine has no memory; close to
 * it, that this request is built to need more than its size allows. */
static xd_status explain_memory(const xd_arena *arena, xd_status status, xd_fault *fault)
{
    if (status == XD_NO_MEMORY && arena->used_bytes >= arena->cap_bytes / 3) {
        return xd_fail(fault, XD_LIMIT, "json.memory",
                       "this document needs more memory than a document of its size may take");
    }
    return status;
}

static xd_status parse(xd_str text, uint32_t max_depth, xd_arena *arena, const xd_json **ret_root,
                       xd_fault *fault)
{
    xd_json_limits limits = {.max_bytes = text.len + 1, .max_depth = max_depth};
    return explain_memory(arena, xd_json_parse(text, limits, arena, ret_root, fault), fault);
}

static xd_status check_size(size_t bytes, const xd_decode_limits *limits, xd_fault *fault)
{
    if (bytes > limits->max_event_bytes) {
        return xd_fail(fault, XD_LIMIT, "event.size",
                       "the event has %zu bytes; at most %zu are taken (limit max_event_bytes)",
                       bytes, limits->max_event_bytes);
    }
    return XD_OK;
}

xd_status xd_decode_event(xd_str text, const xd_decode_limits *limits, xd_arena *arena,
                          xd_event *ret, xd_fault *fault)
{
    XD_TRY(check_size(text.len, limits, fault));
    const xd_json *root;
    XD_TRY(parse(text, limits->max_depth, arena, &root, fault));
    xd_status status =
        explain_memory(arena, xd_event_from_cloudevent(root, text, arena, ret, fault), fault);
    if (status != XD_OK && fault) {
        xd_fault_locate(fault, text);
    }
    return status;
}

bool xd_decode_is_array(xd_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r') {
            return c == '[';
        }
    }
    return false;
}

xd_status xd_decode_make_room(xd_submission *submission, uint32_t count, xd_fault *fault)
{
    xd_event *events = xd_arena_zalloc(&submission->arena, (count + 1) * sizeof *events);
    xd_appended *results = xd_arena_zalloc(&submission->arena, (count + 1) * sizeof *results);
    if (!events || !results) {
        return explain_memory(&submission->arena,
                              xd_fail(fault, XD_NO_MEMORY, "http.memory",
                                      "no memory for %u events; try again later", count),
                              fault);
    }
    submission->events = events;
    submission->results = results;
    submission->count = count;
    return XD_OK;
}

/* Puts the event's place in front of the path inside it. */
static void prefix_index(xd_fault *fault, int64_t index)
{
    char path[sizeof fault->path];
    int n = snprintf(path, sizeof path, "/%lld%s", (long long)index, fault->path);
    if (n > 0 && (size_t)n < sizeof path) {
        xd_fault_at(fault, fault->offset, path);
    }
}

xd_status xd_decode_item(const xd_json *item, int64_t index, xd_str text,
                         const xd_decode_limits *limits, xd_arena *arena, xd_event *ret,
                         xd_fault *fault)
{
    xd_status status = check_size(item->length, limits, fault);
    if (status == XD_OK) {
        status =
            explain_memory(arena, xd_event_from_cloudevent(item, text, arena, ret, fault), fault);
    }
    if (status != XD_OK && fault) {
        if (fault->offset < 0) {
            xd_fault_at(fault, item->offset, NULL);
        }
        if (index >= 0) {
            prefix_index(fault, index);
        }
        xd_fault_locate(fault, text);
    }
    return status;
}

xd_status xd_decode_tree(xd_str text, const xd_decode_limits *limits, xd_arena *arena,
                         const xd_json **ret_root, xd_fault *fault)
{
    const xd_json *root;
    XD_TRY(parse(text, limits->max_depth + 1, arena, &root, fault));
    if (root->type == XD_JSON_ARRAY && root->count > limits->max_batch) {
        return xd_fail(fault, XD_LIMIT, "batch.count",
                       "the batch has %u events; at most %u are taken at once (limit max_batch): "
                       "send several batches, or NDJSON",
                       root->count, limits->max_batch);
    }
    *ret_root = root;
    return XD_OK;
}

xd_status xd_decode_batch(xd_str text, const xd_decode_limits *limits, xd_submission *submission,
                          int64_t *ret_index, xd_fault *fault)
{
    *ret_index = -1;
    const xd_json *root;
    XD_TRY(xd_decode_tree(text, limits, &submission->arena, &root, fault));
    if (root->type != XD_JSON_ARRAY) {
        return xd_fail(fault, XD_INVALID, "batch.array",
                       "a batch is a JSON array of events, this is %s",
                       xd_json_type_name(root->type));
    }
    XD_TRY(xd_decode_make_room(submission, root->count, fault));
    for (uint32_t i = 0; i < root->count; i++) {
        xd_status status = xd_decode_item(&root->items[i], i, text, limits, &submission->arena,
                                          &submission->events[i], fault);
        if (status != XD_OK) {
            *ret_index = i;
            return status;
        }
    }
    return XD_OK;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* CloudEvents HTTP binding 1.0.2, section 3.1.3.2: a quoted value is unquoted, then percent
 * encoding is undone; what comes out must be UTF-8. */
static xd_status decode_header(const char *name, xd_str value, xd_arena *arena, xd_json *ret,
                               xd_fault *fault)
{
    char *out = xd_arena_alloc(arena, value.len + 1);
    if (!out) {
        return xd_fail(fault, XD_NO_MEMORY, "http.memory", "no memory for a header value");
    }
    bool quoted = value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"';
    size_t end = quoted ? value.len - 1 : value.len;
    size_t n = 0;
    for (size_t i = quoted ? 1 : 0; i < end; i++) {
        char c = value.ptr[i];
        if (quoted && c == '\\' && i + 1 < end) {
            c = value.ptr[++i];
        }
        if (c == '%') {
            int high = i + 2 < end ? hex_digit(value.ptr[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(value.ptr[i + 2]) : -1;
            if (low < 0) {
                xd_fail(fault, XD_INVALID, "http.percent_encoding",
                        "header %s has a %% that is not followed by two hexadecimal digits", name);
                xd_fault_at(fault, -1, name);
                return XD_INVALID;
            }
            c = (char)(high << 4 | low);
            i += 2;
        }
        out[n++] = c;
    }
    size_t bad;
    if (!xd_utf8_valid((xd_str){out, n}, &bad)) {
        xd_fail(fault, XD_INVALID, "http.utf8",
                "header %s is not UTF-8 after percent-decoding (byte %zu)", name, bad);
        xd_fault_at(fault, -1, name);
        return XD_INVALID;
    }
    *ret = (xd_json){.type = XD_JSON_STRING, .text = {out, n}};
    return XD_OK;
}

/* A path into the envelope that names an attribute means its header; paths into data stay. */
static void rename_attribute(xd_fault *fault)
{
    xd_str path = xd_str_from(fault->path);
    if (path.len > 1 && !xd_str_starts(path, XD_STR("/data/")) &&
        !xd_str_eq(path, XD_STR("/data"))) {
        char header[sizeof fault->path];
        snprintf(header, sizeof header, "ce-%.180s", fault->path + 1);
        xd_fault_at(fault, -1, header);
    }
}

xd_status xd_decode_binary(const xd_binary_attributes *attributes, xd_str body,
                           const xd_decode_limits *limits, xd_arena *arena, xd_event *ret,
                           xd_fault *fault)
{
    const struct {
        const char *name;
        xd_str value;
    } given[] = {
        {"specversion", attributes->specversion},
        {"id", attributes->id},
        {"source", attributes->source},
        {"type", attributes->type},
        {"time", attributes->time},
        {"subject", attributes->subject},
        {"dataschema", attributes->dataschema},
    };
    enum { GIVEN = sizeof given / sizeof given[0] };
    XD_TRY(check_size(body.len, limits, fault));
    xd_json_member *members = xd_arena_alloc(arena, (GIVEN + 1) * sizeof *members);
    if (!members) {
        return xd_fail(fault, XD_NO_MEMORY, "http.memory", "no memory for the event");
    }
    uint32_t count = 0;
    for (size_t i = 0; i < GIVEN; i++) {
        if (given[i].value.ptr) {
            char header[32];
            snprintf(header, sizeof header, "ce-%s", given[i].name);
            members[count].name = xd_str_from(given[i].name);
            XD_TRY(decode_header(header, given[i].value, arena, &members[count].value, fault));
            count++;
        }
    }
    const xd_json *data;
    /* The envelope counts as one level, so that both modes take the same documents. */
    XD_TRY(parse(body, limits->max_depth - 1, arena, &data, fault));
    members[count++] = (xd_json_member){.name = XD_STR("data"), .value = *data};
    xd_json envelope = {.type = XD_JSON_OBJECT, .count = count, .members = members};
    xd_status status =
        explain_memory(arena, xd_event_from_cloudevent(&envelope, body, arena, ret, fault), fault);
    if (status != XD_OK && fault) {
        rename_attribute(fault);
        xd_fault_locate(fault, body);
    }
    return status;
}
