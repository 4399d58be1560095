/* Bulk. See bulk.h. */
#include "ingress/bulk.h"

#include "ingress/problem.h"

#include <assert.h>
#include <stdio.h>

enum { PROBLEM_BYTES = 1024, PROBLEMS_CAP = XD_BULK_MAX_PROBLEMS * PROBLEM_BYTES };

void xd_bulk_init(xd_bulk *bulk, const xd_decode_limits *limits, xd_str actor)
{
    *bulk = (xd_bulk){.limits = *limits, .actor = actor};
    size_t most = limits->max_event_bytes + XD_BULK_CHUNK_BYTES + 2 * (size_t)XD_BULK_ADD_BYTES;
    xd_lines_init(&bulk->lines, limits->max_event_bytes, most);
    xd_buf_init(&bulk->problems, PROBLEMS_CAP);
}

void xd_bulk_finish(xd_bulk *bulk)
{
    xd_lines_finish(&bulk->lines);
    xd_buf_finish(&bulk->problems);
}

bool xd_bulk_add(xd_bulk *bulk, xd_str bytes)
{
    assert(bytes.len <= XD_BULK_ADD_BYTES);
    return xd_lines_add(&bulk->lines, bytes);
}

bool xd_bulk_is_full(const xd_bulk *bulk)
{
    return xd_lines_waiting(&bulk->lines) >= XD_BULK_CHUNK_BYTES;
}

/* Records a refusal; line says where, NULL when the fault does. */
static void refuse_at(xd_bulk *bulk, const xd_line *line, xd_fault *fault)
{
    bulk->tally.lines++;
    bulk->tally.refused++;
    if (bulk->problem_count == XD_BULK_MAX_PROBLEMS) {
        return;
    }
    if (line) {
        fault->line = (int32_t)(line->number < INT32_MAX ? line->number : INT32_MAX);
        fault->offset = fault->offset < 0 ? line->offset : line->offset + fault->offset;
    }
    size_t before = bulk->problems.len;
    if (bulk->problem_count > 0) {
        xd_buf_char(&bulk->problems, ',');
    }
    xd_buf_char(&bulk->problems, '{');
    xd_problem_write_place(&bulk->problems, fault);
    xd_buf_char(&bulk->problems, '}');
    if (bulk->problems.failed) {
        /* The list is full; what does not fit is still counted. */
        bulk->problems.failed = false;
        bulk->problems.len = before;
        return;
    }
    bulk->problem_count++;
}

void xd_bulk_refuse(xd_bulk *bulk, xd_fault *fault)
{
    refuse_at(bulk, NULL, fault);
}

/* A copy, since the engine steps the event after the request is over. All events of a chunk share
 * one. */
static xd_status name_actor(const xd_bulk *bulk, xd_submission *s, xd_event *event, xd_fault *fault)
{
    event->actor = s->count > 0 ? s->events[0].actor : xd_arena_copy(&s->arena, bulk->actor);
    return event->actor.ptr ? XD_OK
                            : xd_fail(fault, XD_NO_MEMORY, "http.memory", "no memory for a line");
}

/* Decodes one line into the submission's next event. */
static xd_status decode_line(xd_bulk *bulk, xd_submission *s, xd_line *numbers, const xd_line *line,
                             xd_fault *fault)
{
    xd_str text = xd_arena_copy(&s->arena, line->text);
    if (!text.ptr) {
        return xd_fail(fault, XD_NO_MEMORY, "http.memory", "no memory for a line");
    }
    xd_event *event = &s->events[s->count];
    XD_TRY(xd_decode_event(text, &bulk->limits, &s->arena, event, fault));
    XD_TRY(name_actor(bulk, s, event, fault));
    numbers[s->count++] = *line;
    return XD_OK;
}

/* Takes lines until the chunk is full; what is refused is recorded. A line that only lacks room in
 * an arena that others have filled is left for the next submission. */
static xd_status take_lines(xd_bulk *bulk, bool last, xd_submission *s, xd_line *numbers,
                            xd_fault *fault)
{
    size_t bytes = 0;
    xd_line line;
    for (bool fresh = true;; fresh = false) {
        xd_line_kind kind = xd_lines_peek(&bulk->lines, last, &line);
        if (kind == XD_LINE_NONE || s->count == XD_BULK_CHUNK_LINES ||
            (s->count > 0 && bytes + line.text.len > XD_BULK_CHUNK_BYTES)) {
            return XD_OK;
        }
        bytes += line.text.len;
        xd_fault problem = XD_FAULT_NONE;
        xd_status status =
            kind == XD_LINE_TOO_LONG
                ? xd_fail(&problem, XD_LIMIT, "event.size",
                          "this line is longer than the %zu bytes that an event may have (limit "
                          "max_event_bytes)",
                          bulk->limits.max_event_bytes)
                : decode_line(bulk, s, numbers, &line, &problem);
        bool lacks_room =
            status == XD_NO_MEMORY ||
            (status == XD_LIMIT && xd_str_eq(xd_str_from(problem.rule), XD_STR("json.memory")));
        if (lacks_room && !fresh) {
            return XD_OK;
        }
        if (status == XD_NO_MEMORY) {
            *fault = problem;
            return status;
        }
        if (status == XD_OK) {
            bulk->tally.lines++;
        } else {
            refuse_at(bulk, &line, &problem);
        }
        xd_lines_drop(&bulk->lines, &line);
    }
}

/* The submission goes before anyone else has seen it. */
static void discard(xd_submission *s)
{
    xd_submission_release(s);
    xd_submission_release(s);
}

xd_status xd_bulk_next(xd_bulk *bulk, bool last, xd_submission **ret_submission, xd_fault *fault)
{
    xd_line line;
    *ret_submission = NULL;
    while (xd_lines_peek(&bulk->lines, last, &line) != XD_LINE_NONE) {
        size_t text = line.text.len > XD_BULK_CHUNK_BYTES ? line.text.len : XD_BULK_CHUNK_BYTES;
        xd_submission *s = xd_submission_create(XD_BULK_CHUNK_LINES, xd_decode_arena_cap(text));
        xd_line *numbers =
            s ? xd_arena_alloc(&s->arena, XD_BULK_CHUNK_LINES * sizeof *numbers) : NULL;
        if (!numbers) {
            discard(s);
            return xd_fail(fault, XD_NO_MEMORY, "http.memory",
                           "no memory for the next lines; try again later");
        }
        s->count = 0;
        xd_status status = take_lines(bulk, last, s, numbers, fault);
        if (status != XD_OK) {
            discard(s);
            return status;
        }
        if (s->count > 0) {
            s->bytes = s->arena.used_bytes;
            bulk->numbers = numbers;
            *ret_submission = s;
            return XD_OK;
        }
        discard(s);
    }
    return XD_OK;
}

/* Decodes every element it can into the submission. */
static xd_status take_items(xd_bulk *bulk, const xd_json *root, xd_str text, xd_submission *s,
                            xd_fault *fault)
{
    bool many = root->type == XD_JSON_ARRAY;
    uint32_t count = many ? root->count : 1;
    XD_TRY(xd_decode_make_room(s, count, fault));
    xd_line *numbers = xd_arena_zalloc(&s->arena, (count + 1) * sizeof *numbers);
    if (!numbers) {
        return xd_fail(fault, XD_NO_MEMORY, "http.memory", "no memory for %u events", count);
    }
    s->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        const xd_json *item = many ? &root->items[i] : root;
        xd_fault problem = XD_FAULT_NONE;
        xd_event *event = &s->events[s->count];
        if (xd_decode_item(item, many ? (int64_t)i : -1, text, &bulk->limits, &s->arena, event,
                           &problem) != XD_OK) {
            refuse_at(bulk, NULL, &problem);
            continue;
        }
        bulk->tally.lines++;
        XD_TRY(name_actor(bulk, s, event, fault));
        numbers[s->count++] = (xd_line){.number = (int64_t)i + 1, .offset = item->offset};
    }
    bulk->numbers = numbers;
    bulk->is_document = true;
    return XD_OK;
}

xd_status xd_bulk_document(xd_bulk *bulk, xd_str text, xd_submission **ret_submission,
                           xd_fault *fault)
{
    *ret_submission = NULL;
    xd_submission *s = xd_submission_create(1, xd_decode_arena_cap(text.len));
    xd_str copy = s ? xd_arena_copy(&s->arena, text) : XD_STR_NULL;
    if (!copy.ptr) {
        discard(s);
        return xd_fail(fault, XD_NO_MEMORY, "http.memory", "no memory for the document");
    }
    const xd_json *root;
    xd_fault problem = XD_FAULT_NONE;
    xd_status status = xd_decode_tree(copy, &bulk->limits, &s->arena, &root, &problem);
    if (status == XD_OK) {
        status = take_items(bulk, root, copy, s, &problem);
    }
    if (status == XD_NO_MEMORY) {
        discard(s);
        *fault = problem;
        return status;
    }
    if (status != XD_OK) {
        refuse_at(bulk, NULL, &problem);
    }
    if (status != XD_OK || s->count == 0) {
        discard(s);
        return XD_OK;
    }
    s->bytes = s->arena.used_bytes;
    *ret_submission = s;
    return XD_OK;
}

void xd_bulk_count(xd_bulk *bulk, const xd_submission *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        const xd_appended *r = &s->results[i];
        if (r->status != XD_OK) {
            xd_fault fault = XD_FAULT_NONE;
            xd_fail(&fault, r->status, "event.id",
                    "id %.*s of source %.*s is already in the log (seq %lld) with other content",
                    XD_FMT(s->events[i].id), XD_FMT(s->events[i].source), (long long)r->seq);
            const xd_line *place = &bulk->numbers[i];
            char path[32] = "/id";
            if (bulk->is_document) {
                snprintf(path, sizeof path, "/%lld/id", (long long)place->number - 1);
            }
            xd_fault_at(&fault, bulk->is_document ? place->offset : -1, path);
            bulk->tally.lines--; /* It was counted when it was decoded. */
            refuse_at(bulk, bulk->is_document ? NULL : place, &fault);
            continue;
        }
        bulk->tally.accepted += !r->duplicate;
        bulk->tally.duplicates += r->duplicate;
        if (bulk->tally.first_seq == 0 || r->seq < bulk->tally.first_seq) {
            bulk->tally.first_seq = r->seq;
        }
        if (r->seq > bulk->tally.last_seq) {
            bulk->tally.last_seq = r->seq;
        }
    }
}

void xd_bulk_settle(xd_bulk *bulk, xd_submission *s)
{
    assert(s->status == XD_OK);
    xd_bulk_count(bulk, s);
    bulk->numbers = NULL;
    xd_submission_release(s);
}

void xd_bulk_write(const xd_bulk *bulk, xd_buf *buf)
{
    const xd_bulk_tally *t = &bulk->tally;
    xd_buf_printf(buf,
                  "\"lines\":%lld,\"accepted\":%lld,\"duplicates\":%lld,\"refused\":%lld,"
                  "\"first_seq\":%lld,\"last_seq\":%lld,\"problems\":[",
                  (long long)t->lines, (long long)t->accepted, (long long)t->duplicates,
                  (long long)t->refused, (long long)t->first_seq, (long long)t->last_seq);
    xd_buf_str_add(buf, xd_buf_str(&bulk->problems));
    xd_buf_char(buf, ']');
}
