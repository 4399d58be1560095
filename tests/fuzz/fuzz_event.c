/* libFuzzer target for events: bytes to JSON to envelope to validated document. The bytes are tried
 * as an envelope, and as the data of an envelope of each kind, so that the validator is reached
 * without the fuzzer having to invent CloudEvents. What is accepted must open again from its stored
 * bytes to the same keys; what is refused must say so at a place inside the text. */
#include "canon/event.h"

#include "fuzz.h"

enum { ARENA_BYTES = 16 << 20 };

static void check_accepted(const xd_event *event, xd_str text, xd_arena *arena)
{
    REQUIRE(event->id.len > 0 && event->id.len <= XD_EVENT_ID_MAX);
    REQUIRE(event->source.len > 0 && event->source.len <= XD_EVENT_SOURCE_MAX);
    REQUIRE(event->key.len > 0 && event->key.len <= XD_EVENT_KEY_MAX);
    REQUIRE(event->order_key.len > 0 && event->order_key.len <= XD_EVENT_KEY_MAX);
    REQUIRE(!event->kind->internal);
    REQUIRE(event->data_text.ptr >= text.ptr &&
            event->data_text.ptr + event->data_text.len <= text.ptr + text.len);
    for (int validate = 0; validate < 2; validate++) {
        xd_event again = {.kind = event->kind,
                          .source = event->source,
                          .id = event->id,
                          .data_text = event->data_text};
        REQUIRE(xd_event_open(&again, validate, arena, NULL) == XD_OK);
        REQUIRE(xd_str_eq(again.key, event->key));
        REQUIRE(xd_str_eq(again.order_key, event->order_key));
    }
}

static void check_refused(const xd_fault *fault, xd_str text)
{
    REQUIRE(fault->code == XD_INVALID || fault->code == XD_DENIED);
    REQUIRE(fault->rule[0] && fault->text[0]);
    REQUIRE(fault->offset >= 0 && (uint64_t)fault->offset < text.len);
    REQUIRE(fault->path[0] == '\0' || fault->path[0] == '/');
    REQUIRE(xd_utf8_valid(xd_str_from(fault->path), NULL));
    REQUIRE(xd_utf8_valid(xd_str_from(fault->text), NULL));
}

/* Tries text as an envelope; false when it is no JSON at all. */
static bool try_envelope(xd_str text, xd_arena *arena)
{
    const xd_json *root;
    xd_event event;
    xd_fault fault = XD_FAULT_NONE;
    xd_arena_reset(arena);
    if (xd_json_parse(text, XD_JSON_LIMITS_DEFAULT, arena, &root, NULL) != XD_OK) {
        return false;
    }
    if (xd_event_from_cloudevent(root, text, arena, &event, &fault) == XD_OK) {
        check_accepted(&event, text, arena);
    } else {
        check_refused(&fault, text);
    }
    return true;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    return fuzz_mutate_json(data, size, max_size, seed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    xd_arena arena;
    xd_buf buf;
    xd_arena_init(&arena, ARENA_BYTES);
    xd_buf_init(&buf, ARENA_BYTES);
    xd_str bytes = {(const char *)data, size};
    size_t count;
    const xd_kind_info *kinds = xd_kinds(&count);
    if (try_envelope(bytes, &arena)) {
        for (size_t i = 0; i < count; i++) {
            xd_buf_clear(&buf);
            xd_buf_printf(&buf,
                          "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\","
                          "\"type\":\"crossdock.%s.v1\",\"data\":",
                          kinds[i].name);
            xd_buf_str_add(&buf, bytes);
            xd_buf_char(&buf, '}');
            try_envelope(xd_buf_str(&buf), &arena);
        }
    }
    xd_buf_finish(&buf);
    xd_arena_finish(&arena);
    return 0;
}
