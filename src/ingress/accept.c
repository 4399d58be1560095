/* POST /v1/events: single events in structured and binary mode, batches, and NDJSON. See
 * docs/api.md. The answer leaves only after the engine has committed. */
#include "ingress/ingress_int.h"

#include "base/hash.h"
#include "ingress/problem.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum {
    IDEMPOTENCY_KEY_MAX = 255,
    SMALL_BODY_BYTES = 16 << 10, /* up to here a body gets its memory before it comes */
    /* What an event takes while it is decoded, with its text and its tree: seldom more. */
    LIKELY_BYTES = 512,
    LIKELY_FACTOR = 4,
    /* More than this takes so long to decode (a millisecond for 256 KiB, two or three when it is
     * lines) that the decoder does it: the others of the loop would wait for it, at each of the
     * passes in which their own requests come and go. */
    HEAVY_BYTES = 32 << 10,
    /* What one NDJSON request may hold at once, whatever its length: lines and one submission. */
    LINES_HELD = 2 * XD_BULK_CHUNK_BYTES
};

#define JSON_TYPE "application/json"

/* --- answers --- */

/* Status and body for what the engine said of a submission whose status is XD_OK. */
static unsigned write_answer(const xd_submission *s, bool is_batch, xd_buf *buf)
{
    if (!is_batch) {
        const xd_appended *r = &s->results[0];
        const xd_event *e = &s->events[0];
        if (r->status != XD_OK) {
            xd_fault fault = XD_FAULT_NONE;
            xd_fail(&fault, r->status, "event.id",
                    "id %.*s of source %.*s is already in the log (seq %lld) with other content: "
                    "send the change under an id of its own",
                    XD_FMT(e->id), XD_FMT(e->source), (long long)r->seq);
            xd_fault_at(&fault, -1, "/id");
            xd_problem_write(buf, xd_problem_status(&fault), &fault, -1);
            return xd_problem_status(&fault);
        }
        XD_BUF_LIT(buf, "{\"accepted\":");
        xd_json_write_string(buf, e->id);
        XD_BUF_LIT(buf, ",\"seq\":");
        xd_buf_int(buf, r->seq);
        xd_buf_str_add(buf, r->duplicate ? XD_STR(",\"duplicate\":true}\n")
                                         : XD_STR(",\"duplicate\":false}\n"));
        return 202;
    }
    int64_t duplicates = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        duplicates += s->results[i].duplicate;
    }
    xd_buf_printf(buf, "{\"accepted\":%lld,\"duplicates\":%lld,\"results\":[",
                  (long long)(s->count - duplicates), (long long)duplicates);
    for (uint32_t i = 0; i < s->count; i++) {
        xd_buf_str_add(buf, i ? XD_STR(",{\"id\":") : XD_STR("{\"id\":"));
        xd_json_write_string(buf, s->events[i].id);
        XD_BUF_LIT(buf, ",\"seq\":");
        xd_buf_int(buf, s->results[i].seq);
        xd_buf_str_add(buf, s->results[i].duplicate ? XD_STR(",\"duplicate\":true}")
                                                    : XD_STR(",\"duplicate\":false}"));
    }
    XD_BUF_LIT(buf, "]}\n");
    return 202;
}

/* What is kept under an idempotency key: status, a space, the body. On the engine thread, when the
 * request may be gone. */
static void write_kept_answer(xd_submission *s, xd_buf *ret_answer)
{
    xd_buf body;
    xd_buf_init(&body, ret_answer->cap_bytes);
    unsigned status = write_answer(s, s->all_or_nothing, &body);
    xd_buf_printf(ret_answer, "%u ", status);
    xd_buf_str_add(ret_answer, xd_buf_str(&body));
    ret_answer->failed = ret_answer->failed || body.failed;
    xd_buf_finish(&body);
}

void xd_accept_replay(xd_request *r, xd_str kept)
{
    int64_t status = 0;
    if (kept.len < 4 || !xd_str_to_int64((xd_str){kept.ptr, 3}, &status) || status < 200) {
        xd_request_refuse_text(r, 500, XD_CORRUPT, "idempotency.answer",
                               "the answer kept under this Idempotency-Key cannot be read");
        return;
    }
    xd_buf_add(&r->out, kept.ptr + 4, kept.len - 4);
    r->replayed = true;
    xd_request_settle(r, (unsigned)status, status < 300 ? JSON_TYPE : "application/problem+json");
}

/* The place of the refused event, from a path such as "/17/id". */
static int64_t index_of_path(const char *path)
{
    xd_str digits = xd_str_from(path[0] == '/' ? path + 1 : "");
    const char *slash = digits.len ? memchr(digits.ptr, '/', digits.len) : NULL;
    digits.len = slash ? (size_t)(slash - digits.ptr) : digits.len;
    int64_t index = -1;
    return xd_str_to_int64(digits, &index) ? index : -1;
}

/* The engine is done with the submission. */
static void answer_submission(xd_request *r)
{
    const xd_submission *s = r->submission;
    if (s->status != XD_OK) {
        xd_request_refuse(r, 0, &s->fault, r->is_batch ? index_of_path(s->fault.path) : -1);
        return;
    }
    if (s->stored_answer.ptr) {
        xd_accept_replay(r, s->stored_answer);
        return;
    }
    unsigned status = write_answer(s, r->is_batch, &r->out);
    if (status >= 300) {
        r->refused_because = XD_CONFLICT;
    }
    xd_request_settle(r, status, status < 300 ? JSON_TYPE : "application/problem+json");
}

static void wake_submitter(xd_submission *s)
{
    xd_request_wake(s->context);
}

bool xd_accept_submit(xd_request *r, void (*step)(xd_request *), xd_fault *fault)
{
    xd_submission *s = r->submission;
    s->context = r;
    s->done = wake_submitter;
    r->is_handed_over = true;
    xd_request_wait(r, step);
    return xd_engine_submit(r->client->ingress->engine, s, fault) == XD_OK;
}

/* --- what single events and batches share --- */

/* W3C Trace Context: 55 characters in version 00, lower-case hexadecimal digits and dashes. */
static bool is_traceparent(xd_str s)
{
    bool good = s.len == 55;
    for (size_t i = 0; good && i < s.len; i++) {
        char c = s.ptr[i];
        bool dash = i == 2 || i == 35 || i == 52;
        good = dash ? c == '-' : (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    }
    return good;
}

xd_str xd_accept_trace(const xd_request *r, xd_arena *arena)
{
    xd_str trace = r->headers.traceparent;
    return is_traceparent(trace) ? xd_arena_copy(arena, trace) : XD_STR("");
}

/* Writes who sent the events, and the trace of the request into those that carry none. */
static bool sign_events(xd_request *r, xd_submission *s)
{
    xd_str actor = xd_str_from(r->person[0] ? r->person : r->caller);
    actor = xd_arena_copy(&s->arena, actor);
    xd_str trace = xd_accept_trace(r, &s->arena);
    if (!actor.ptr || !trace.ptr) {
        xd_request_refuse_text(r, 503, XD_NO_MEMORY, "http.memory", "no memory for the request");
        return false;
    }
    for (uint32_t i = 0; i < s->count; i++) {
        s->events[i].actor = actor;
        if (s->events[i].trace.len == 0) {
            s->events[i].trace = trace;
        }
    }
    return true;
}

/* The payload that an idempotency key stands for: content mode, attributes and body. */
static bool hash_payload(const xd_request *r, xd_str body, char *ret_hex)
{
    xd_sha256 *sha = xd_sha256_create();
    if (!sha) {
        return false;
    }
    const xd_binary_attributes *ce = &r->headers.ce;
    const xd_str attributes[] = {ce->specversion, ce->id,      ce->source,    ce->type,
                                 ce->time,        ce->subject, ce->dataschema};
    for (size_t i = 0; r->is_binary && i < sizeof attributes / sizeof attributes[0]; i++) {
        xd_sha256_update(sha, attributes[i].ptr ? attributes[i] : XD_STR(""));
        xd_sha256_update(sha, XD_STR("\n"));
    }
    xd_sha256_update(sha, body);
    uint8_t digest[XD_SHA256_BYTES];
    xd_sha256_final(sha, digest);
    xd_sha256_destroy(sha);
    xd_hex(digest, sizeof digest, ret_hex);
    return true;
}

bool xd_accept_set_key(xd_request *r, xd_submission *s, xd_str body)
{
    char hex[XD_SHA256_HEX + 1];
    bool hashed = hash_payload(r, body, hex);
    s->consumer = xd_arena_copy(&s->arena, xd_str_from(r->caller));
    s->idempotency_key = xd_arena_copy(&s->arena, r->headers.idempotency_key);
    s->payload_hash = xd_arena_copy(&s->arena, xd_str_from(hashed ? hex : ""));
    if (!hashed || !s->consumer.ptr || !s->idempotency_key.ptr || !s->payload_hash.ptr) {
        xd_request_refuse_text(r, 503, XD_NO_MEMORY, "http.memory", "no memory for the request");
        return false;
    }
    return true;
}

/* --- single events and batches --- */

static xd_status decode(xd_request *r, xd_str body, int64_t *ret_index, xd_fault *fault)
{
    const xd_decode_limits *limits = &r->client->ingress->limits;
    xd_submission *s = r->submission;
    *ret_index = -1;
    if (r->is_binary) {
        return xd_decode_binary(&r->headers.ce, body, limits, &s->arena, &s->events[0], fault);
    }
    if (r->is_batch) {
        return xd_decode_batch(body, limits, s, ret_index, fault);
    }
    return xd_decode_event(body, limits, &s->arena, &s->events[0], fault);
}

/* A body of unknown length was gathered apart; the events need it where they live. */
static bool move_gathered(xd_request *r, xd_str *ret_body)
{
    xd_submission *s = xd_submission_create(1, xd_decode_arena_cap(r->gather.len));
    r->submission = s;
    xd_str body = s ? xd_arena_copy(&s->arena, xd_buf_str(&r->gather)) : XD_STR_NULL;
    if (!body.ptr) {
        xd_request_refuse_text(r, 503, XD_NO_MEMORY, "http.memory", "no memory for the body");
        return false;
    }
    xd_buf_finish(&r->gather);
    *ret_body = body;
    return true;
}

/* The whole body is here: makes it events, or settles why not. Also on the decoder, for which
 * the answer is true: it is done. */
static bool decode_events(xd_request *r)
{
    xd_str body = {r->body, (size_t)r->received};
    if (r->body_mode == XD_BODY_GATHER && !move_gathered(r, &body)) {
        return true;
    }
    xd_submission *s = r->submission;
    r->is_batch = r->is_batch || (!r->is_binary && xd_decode_is_array(body) &&
                                  xd_media_type_is(r->headers.content_type, JSON_TYPE));
    xd_fault fault = XD_FAULT_NONE;
    int64_t index;
    if (decode(r, body, &index, &fault) != XD_OK) {
        xd_request_refuse(r, 0, &fault, index);
    } else if (sign_events(r, s) && r->headers.idempotency_key.ptr) {
        (void)xd_accept_set_key(r, s, body); /* what keeps it from that is the answer by now */
    }
    return true;
}

/* They are events. */
static void submit_events(xd_request *r)
{
    xd_submission *s = r->submission;
    xd_fault fault = XD_FAULT_NONE;
    s->answer = write_kept_answer;
    if (s->count == 0) {
        /* An empty batch is allowed and leaves no trace. */
        xd_request_settle(r, write_answer(s, true, &r->out), JSON_TYPE);
        return;
    }
    s->all_or_nothing = r->is_batch;
    s->bytes = sizeof *s + s->arena.used_bytes;
    size_t more = s->bytes > r->charged ? s->bytes - r->charged : 0;
    atomic_fetch_add_explicit(&r->client->ingress->inflight_bytes, more, memory_order_relaxed);
    r->charged += more;
    r->is_handed_over = true;
    xd_request_await_commit(r, answer_submission);
    if (xd_engine_submit(r->client->ingress->engine, s, &fault) != XD_OK) {
        xd_request_await_nothing(r);
        xd_request_refuse(r, 0, &fault, -1);
    }
}

static void take_events(xd_request *r)
{
    if (r->received > HEAVY_BYTES) {
        xd_request_hand_to_decoder(r, decode_events, submit_events);
        return;
    }
    decode_events(r);
    if (!r->status) {
        submit_events(r);
    }
}

/* --- NDJSON --- */

static void build_next_chunk(xd_request *r);

unsigned xd_accept_write_tally(const xd_request *r, xd_buf *buf)
{
    const xd_bulk_tally *t = &r->bulk->tally;
    bool none = t->refused > 0 && t->refused == t->lines;
    if (none) {
        /* A problem document that is also the tally: its first members are the problem's. */
        xd_fault fault = XD_FAULT_NONE;
        xd_fail(&fault, XD_INVALID, r->source ? "source.refused" : "ndjson.refused",
                "none of the %s was accepted; each has its reason in problems",
                r->source ? "records" : "lines");
        xd_problem_write(buf, 422, &fault, -1);
        buf->len -= 2; /* "}\n" */
        xd_buf_char(buf, ',');
    } else {
        xd_buf_char(buf, '{');
    }
    xd_bulk_write(r->bulk, buf);
    XD_BUF_LIT(buf, "}\n");
    return none ? 422 : t->refused > 0 ? 207 : 202;
}

void xd_accept_answer_tally(xd_request *r)
{
    unsigned status = xd_accept_write_tally(r, &r->out);
    if (status == 422) {
        r->refused_because = XD_INVALID;
    }
    xd_request_settle(r, status, status == 422 ? "application/problem+json" : JSON_TYPE);
}

/* The hub cannot take the next lines: say how far it came, so that the sender can go on there (or
 * simply send all again, as repeats are recognised). */
static void add_tally(xd_request *r)
{
    r->out.len -= 2; /* "}\n" */
    xd_buf_char(&r->out, ',');
    xd_bulk_write(r->bulk, &r->out);
    XD_BUF_LIT(&r->out, "}\n");
}

void xd_accept_refuse_tally(xd_request *r, const xd_fault *fault)
{
    xd_request_refuse(r, 0, fault, -1);
    add_tally(r);
}

/* The engine is done with a chunk. */
static void settle_chunk(xd_request *r)
{
    xd_submission *s = r->submission;
    r->submission = NULL;
    if (s->status != XD_OK) {
        r->bulk->tally.lines -= s->count;
        xd_accept_refuse_tally(r, &s->fault);
        xd_submission_release(s);
        return;
    }
    xd_bulk_settle(r->bulk, s);
    if (r->body_complete || xd_bulk_is_full(r->bulk)) {
        build_next_chunk(r);
    } else {
        r->step = build_next_chunk;
    }
}

/* Makes a submission of the lines at hand. Also on the decoder, for which the answer is true. */
static bool build_chunk(xd_request *r)
{
    r->is_handed_over = false;
    r->build_fault = XD_FAULT_NONE;
    r->build_fault.code = xd_bulk_next(r->bulk, r->build_is_last, &r->submission, &r->build_fault);
    return true;
}

/* Submits what was built; when the body is over and nothing is left, answers. */
static void submit_chunk(xd_request *r)
{
    r->step = build_next_chunk;
    if (r->build_fault.code != XD_OK) {
        xd_accept_refuse_tally(r, &r->build_fault);
        return;
    }
    xd_submission *s = r->submission;
    xd_fault fault = XD_FAULT_NONE;
    if (s) {
        if (!xd_accept_submit(r, settle_chunk, &fault)) {
            r->bulk->tally.lines -= s->count;
            xd_accept_refuse_tally(r, &fault);
            xd_request_wake(r);
        }
    } else if (r->build_is_last) {
        xd_accept_answer_tally(r);
    } else if (r->body_complete) {
        build_next_chunk(r); /* it was not, when this was built */
    }
}

static void build_next_chunk(xd_request *r)
{
    r->build_is_last = r->body_complete;
    if (xd_lines_waiting(&r->bulk->lines) > HEAVY_BYTES) {
        xd_request_hand_to_decoder(r, build_chunk, submit_chunk);
        return;
    }
    build_chunk(r);
    submit_chunk(r);
}

void xd_accept_take(xd_request *r, xd_str piece)
{
    if ((uint64_t)r->received > r->max_body_bytes) {
        xd_fault fault = XD_FAULT_NONE;
        xd_fail(&fault, XD_LIMIT, "http.body_size",
                "the body has more than the %zu bytes that are taken (limit max_body_bytes): send "
                "the rest in further requests",
                r->max_body_bytes);
        xd_accept_refuse_tally(r, &fault);
        return;
    }
    size_t room = LINES_HELD - r->charged;
    if (!xd_request_charge(r, piece.len < room ? piece.len : room)) {
        add_tally(r);
        return;
    }
    for (size_t at = 0; at < piece.len; at += XD_BULK_ADD_BYTES) {
        size_t rest = piece.len - at;
        xd_str part = {piece.ptr + at, rest < XD_BULK_ADD_BYTES ? rest : XD_BULK_ADD_BYTES};
        if (!xd_bulk_add(r->bulk, part)) {
            xd_fault fault = XD_FAULT_NONE;
            xd_fail(&fault, XD_NO_MEMORY, "http.memory", "no memory for the next lines");
            xd_accept_refuse_tally(r, &fault);
            return;
        }
    }
    if (xd_bulk_is_full(r->bulk)) {
        build_next_chunk(r);
    }
}

bool xd_accept_open_bulk(xd_request *r)
{
    r->bulk = malloc(sizeof *r->bulk);
    if (!r->bulk) {
        xd_request_refuse_text(r, 503, XD_NO_MEMORY, "http.memory", "no memory for the request");
        return false;
    }
    xd_bulk_init(r->bulk, &r->client->ingress->limits,
                 xd_str_from(r->person[0] ? r->person : r->caller));
    return true;
}

static void begin_lines(xd_request *r)
{
    xd_ingress *g = r->client->ingress;
    if (r->headers.idempotency_key.ptr) {
        xd_request_refuse_text(r, 400, XD_INVALID, "idempotency.ndjson",
                               "Idempotency-Key is not taken with NDJSON: each line is recognised "
                               "by its source and id, so sending the lines again is safe");
        return;
    }
    if (!xd_request_expect_body(r, XD_BODY_LINES, g->options.max_body_bytes)) {
        return;
    }
    if (!xd_accept_open_bulk(r)) {
        return;
    }
    r->step = build_next_chunk;
}

/* --- beginning --- */

bool xd_media_type_is(xd_str value, const char *type)
{
    const char *semicolon = value.len ? memchr(value.ptr, ';', value.len) : NULL;
    size_t n = semicolon ? (size_t)(semicolon - value.ptr) : value.len;
    while (n > 0 && value.ptr[n - 1] == ' ') {
        n--;
    }
    if (n != strlen(type) || strncasecmp(value.ptr, type, n) != 0) {
        return false;
    }
    for (size_t i = n; i + 8 <= value.len; i++) {
        if (strncasecmp(value.ptr + i, "charset=", 8) == 0) {
            xd_str set = {value.ptr + i + 8, value.len - i - 8};
            bool quoted = set.len > 0 && set.ptr[0] == '"';
            set = quoted ? (xd_str){set.ptr + 1, set.len - 1} : set;
            return set.len >= 5 && strncasecmp(set.ptr, "utf-8", 5) == 0;
        }
    }
    return true;
}

bool xd_accept_check_encoding(xd_request *r)
{
    xd_str encoding = r->headers.content_encoding;
    bool good = encoding.len == 0 || xd_str_eq(encoding, XD_STR("identity"));
    if (!good) {
        xd_request_refuse_text(r, 415, XD_INVALID, "http.content_encoding",
                               "Content-Encoding is not taken here: send the body as it is");
    }
    return good;
}

/* Decides the content mode; false with the answer settled when there is none for it. */
static bool choose_mode(xd_request *r, bool *ret_lines)
{
    xd_str type = r->headers.content_type;
    *ret_lines = false;
    if (!xd_accept_check_encoding(r)) {
        return false;
    }
    if (xd_media_type_is(type, "application/cloudevents-batch+json")) {
        r->is_batch = true;
    } else if (xd_media_type_is(type, "application/x-ndjson") ||
               xd_media_type_is(type, "application/ndjson")) {
        *ret_lines = true;
    } else if (xd_media_type_is(type, JSON_TYPE)) {
        r->is_binary = r->headers.ce.specversion.ptr != NULL;
    } else if (!xd_media_type_is(type, "application/cloudevents+json")) {
        xd_request_refuse_text(r, 415, XD_INVALID, "http.content_type",
                               "Content-Type is %.100s; taken are application/cloudevents+json, "
                               "application/cloudevents-batch+json, application/json and "
                               "application/x-ndjson, in UTF-8",
                               type.len ? type.ptr : "absent");
        return false;
    }
    return true;
}

bool xd_accept_check_key(xd_request *r)
{
    xd_str key = r->headers.idempotency_key;
    bool good = !key.ptr || (key.len > 0 && key.len <= IDEMPOTENCY_KEY_MAX);
    for (size_t i = 0; good && i < key.len; i++) {
        good = key.ptr[i] >= 0x20 && key.ptr[i] < 0x7f;
    }
    if (!good) {
        xd_request_refuse_text(r, 400, XD_INVALID, "idempotency.key",
                               "Idempotency-Key must be 1 to %d printable ASCII characters",
                               IDEMPOTENCY_KEY_MAX);
    }
    return good;
}

void xd_accept_begin(xd_request *r)
{
    xd_ingress *g = r->client->ingress;
    bool lines;
    if (!choose_mode(r, &lines) || !xd_accept_check_key(r)) {
        return;
    }
    if (lines) {
        begin_lines(r);
        return;
    }
    int64_t length = r->headers.content_length;
    r->step = take_events;
    size_t most = r->is_binary ? g->limits.max_event_bytes : g->options.max_body_bytes;
    /* Memory is given to what has come, not to what was announced. */
    bool is_small = length >= 0 && length <= SMALL_BODY_BYTES;
    if (!xd_request_expect_body(r, is_small ? XD_BODY_ARENA : XD_BODY_GATHER, most) ||
        r->body_mode == XD_BODY_GATHER || !xd_request_charge(r, (size_t)length)) {
        return;
    }
    r->submission = xd_submission_create_one(LIKELY_BYTES + (size_t)length * LIKELY_FACTOR,
                                             xd_decode_arena_cap((size_t)length));
    r->body = r->submission ? xd_arena_alloc(&r->submission->arena, (size_t)length + 1) : NULL;
    if (!r->body) {
        xd_request_refuse_text(r, 503, XD_NO_MEMORY, "http.memory", "no memory for the body");
    }
}
