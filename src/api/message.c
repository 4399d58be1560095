/* The body of one message to a system, made anew, since bodies are not stored: what the flow
 * renders, and what the map of its delivery makes of that. May call flow, base and SQLite. */
#include "api/read_int.h"
#include "base/hash.h"
#include "flow/outmap.h"

enum { BODY_CAP = 64 << 20, HEX_MAX = 1 << 20 };

static xd_status view_get(void *self, xd_state_kind kind, xd_str key, xd_arena *arena,
                          xd_str *ret_value, xd_fault *fault)
{
    (void)arena; /* the ask's own */
    (void)fault;
    return xd_ask_state(self, kind, key, ret_value);
}

/* Bytes as people can read them: JSON as it is, other text as a string, the rest as hex digits. */
static xd_status write_body(xd_ask *ask, const xd_outmap *map, xd_str bytes)
{
    size_t bad = 0;
    xd_out_text(ask->out, "content_type", xd_str_from(xd_outmap_media(map)));
    if (xd_outmap_is_json(map)) {
        while (bytes.len && bytes.ptr[bytes.len - 1] == '\n') {
            bytes.len--;
        }
        xd_out_raw(ask->out, "body", bytes);
    } else if (xd_utf8_valid(bytes, &bad)) {
        xd_out_text(ask->out, "body", bytes);
    } else {
        size_t count = bytes.len < HEX_MAX ? bytes.len : HEX_MAX;
        char *hex = xd_arena_alloc(ask->arena, 2 * count + 1);
        if (!hex) {
            return xd_ask_no_memory(ask);
        }
        xd_hex((const uint8_t *)bytes.ptr, count, hex);
        xd_out_text(ask->out, "body_hex", (xd_str){hex, 2 * count});
    }
    return XD_OK;
}

static xd_status open_map(xd_ask *ask, xd_str version, xd_outmap **ret, xd_fault *why)
{
    xd_str text = XD_STR_NULL;
    const xd_json *data = NULL;
    XD_TRY(xd_ask_state(ask, XD_STATE_MAP, xd_outmap_hash(version), &text));
    if (!text.ptr) {
        return xd_fail(why, XD_NOT_FOUND, "outbound.map",
                       "the version of the map is not in the log");
    }
    XD_TRY(xd_ask_parse(ask, text, &data));
    return xd_outmap_open(data, ret, why);
}

/* What the map makes, or why it makes nothing; beside it what it was given. */
static xd_status write_mapped(xd_ask *ask, const xd_message_told *told, const xd_event *event,
                              xd_str unmapped)
{
    xd_outmap *map = NULL;
    xd_fault why = XD_FAULT_NONE;
    xd_buf made;
    xd_arena scratch; /* of its own: a map that needs too much of it has a fault to tell */
    xd_buf_init(&made, BODY_CAP);
    xd_arena_init(&scratch, BODY_CAP);
    const xd_outmap_use use = {.body = unmapped,
                               .system = told->system,
                               .message = told->message,
                               .event = event,
                               .index = told->index,
                               .codes_at = told->codes_at,
                               .view = {ask, view_get}};
    xd_status status = open_map(ask, told->map, &map, &why);
    if (status == XD_OK) {
        status = xd_outmap_write(map, &use, &scratch, &made, NULL, &why);
    }
    if (scratch.starved || made.starved || status == XD_NO_MEMORY) {
        status = xd_ask_starved(ask);
    }
    if (status == XD_OK) {
        status = write_body(ask, map, xd_buf_str(&made));
    } else if (status != XD_NO_MEMORY && why.code != XD_OK) {
        xd_out_text(ask->out, "body_fault", xd_str_from(why.text));
        status = XD_OK;
    }
    xd_out_raw(ask->out, "unmapped", unmapped);
    xd_buf_finish(&made);
    xd_arena_finish(&scratch);
    xd_outmap_close(map);
    return status;
}

xd_status xd_out_message(xd_ask *ask, const xd_message_told *told, const xd_seen_event *seen)
{
    xd_event event = {.seq = seen->seq,
                      .recorded_at = seen->recorded_at,
                      .kind = seen->kind,
                      .source = seen->source,
                      .id = seen->id,
                      .time = seen->time,
                      .actor = seen->actor,
                      .trace = seen->trace,
                      .data_text = seen->body};
    XD_TRY(xd_event_open(&event, false, ask->arena, ask->fault));
    xd_str effect_text = XD_STR_NULL;
    const xd_json *effect = NULL;
    XD_TRY(xd_ask_effect(ask, seen->seq, &effect_text));
    if (effect_text.ptr) {
        XD_TRY(xd_ask_parse(ask, effect_text, &effect));
    }
    if (!told->map.ptr) {
        xd_out_name(ask->out, "body");
        return xd_flow_render(told->message, &event, effect, ask->out, ask->fault);
    }
    xd_buf unmapped;
    xd_buf_init(&unmapped, BODY_CAP);
    xd_status status = xd_flow_render(told->message, &event, effect, &unmapped, ask->fault);
    if (status == XD_OK) {
        status = write_mapped(ask, told, &event, xd_buf_str(&unmapped));
    }
    xd_buf_finish(&unmapped);
    return status;
}
