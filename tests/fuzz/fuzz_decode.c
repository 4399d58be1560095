/* libFuzzer target for the content modes of a request: structured, batch and binary. The first byte
 * chooses the mode. In binary mode the text starts with the values of the seven ce- headers, one a
 * line, and goes on with the body; a value of "-" means that the header is absent. What a batch
 * accepts, each of its events alone must be accepted as, and what is refused must be refused with a
 * rule, at a place inside the text. */
#include "ingress/decode.h"

#include "fuzz.h"

static const xd_decode_limits limits = {.max_event_bytes = 4096, .max_depth = 16, .max_batch = 64};

static void check_refused(xd_status status, const xd_fault *fault, xd_str text)
{
    REQUIRE(fault->code == status);
    REQUIRE(status == XD_INVALID || status == XD_DENIED || status == XD_LIMIT);
    REQUIRE(fault->rule[0] && fault->text[0]);
    REQUIRE(fault->offset <= (int64_t)text.len);
    REQUIRE(fault->offset < 0 || status == XD_LIMIT || fault->line > 0);
    REQUIRE(xd_utf8_valid(xd_str_from(fault->path), NULL));
    REQUIRE(xd_utf8_valid(xd_str_from(fault->text), NULL));
}

static void check_event(const xd_event *event, xd_str text)
{
    REQUIRE(event->kind && !event->kind->internal);
    REQUIRE(event->id.len > 0 && event->id.len <= XD_EVENT_ID_MAX);
    REQUIRE(event->source.len > 0 && event->source.len <= XD_EVENT_SOURCE_MAX);
    REQUIRE(event->data_text.ptr >= text.ptr &&
            event->data_text.ptr + event->data_text.len <= text.ptr + text.len);
}

static void one(xd_str text, xd_arena *arena)
{
    xd_event event = {0};
    xd_fault fault = XD_FAULT_NONE;
    xd_status status = xd_decode_event(text, &limits, arena, &event, &fault);
    if (status == XD_OK) {
        check_event(&event, text);
    } else {
        check_refused(status, &fault, text);
    }
}

static void batch(xd_str text, xd_submission *submission)
{
    xd_fault fault = XD_FAULT_NONE;
    int64_t index = -2;
    xd_status status = xd_decode_batch(text, &limits, submission, &index, &fault);
    REQUIRE(index >= -1);
    if (status != XD_OK) {
        check_refused(status, &fault, text);
        return;
    }
    REQUIRE(index == -1 && submission->count <= limits.max_batch);
    REQUIRE(xd_decode_is_array(text));
    const xd_json *root = NULL;
    REQUIRE(xd_decode_tree(text, &limits, &submission->arena, &root, NULL) == XD_OK);
    for (uint32_t i = 0; i < submission->count; i++) {
        check_event(&submission->events[i], text);
        xd_event alone = {0};
        REQUIRE(xd_decode_event(xd_json_source(&root->items[i], text), &limits, &submission->arena,
                                &alone, NULL) == XD_OK);
        REQUIRE(xd_str_eq(alone.id, submission->events[i].id));
        REQUIRE(xd_str_eq(alone.data_text, submission->events[i].data_text));
    }
}

/* The next line of *text; ptr NULL for an absent header. */
static xd_str take_line(xd_str *text)
{
    const char *end = text->len ? memchr(text->ptr, '\n', text->len) : NULL;
    xd_str line = {text->ptr, end ? (size_t)(end - text->ptr) : text->len};
    size_t step = line.len + (end ? 1 : 0);
    *text = (xd_str){text->ptr + step, text->len - step};
    return xd_str_eq(line, XD_STR("-")) ? XD_STR_NULL : line;
}

static void binary(xd_str text, xd_arena *arena)
{
    xd_binary_attributes a;
    xd_str *const values[] = {&a.specversion, &a.id,      &a.source,    &a.type,
                              &a.time,        &a.subject, &a.dataschema};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        *values[i] = take_line(&text);
    }
    xd_event event = {0};
    xd_fault fault = XD_FAULT_NONE;
    xd_status status = xd_decode_binary(&a, text, &limits, arena, &event, &fault);
    if (status == XD_OK) {
        check_event(&event, text);
        REQUIRE(xd_utf8_valid(event.id, NULL) && xd_utf8_valid(event.source, NULL));
    } else {
        check_refused(status, &fault, text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    xd_str text = {(const char *)data + 1, size - 1};
    xd_submission *submission = xd_submission_create(1, 2 * xd_decode_arena_cap(size));
    REQUIRE(submission);
    switch (data[0] % 3) {
    case 0:
        one(text, &submission->arena);
        break;
    case 1:
        batch(text, submission);
        break;
    default:
        binary(text, &submission->arena);
        break;
    }
    xd_submission_release(submission);
    xd_submission_release(submission);
    return 0;
}
