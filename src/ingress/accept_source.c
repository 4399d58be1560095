/* POST /v1/sources/NAME: the bytes of a system in its own words, mapped by the source's map. Read
 * and mapped on a worker, submission by submission; the answer has the counts of NDJSON. Under an
 * Idempotency-Key all of it is one submission. See docs/sources.md. */
#include "ingress/ingress_int.h"

static void build_next(xd_request *r);

static xd_str body_of(const xd_request *r)
{
    return xd_buf_str(&r->gather);
}

/* What is kept under an idempotency key: status, a space, the body. On the engine thread; the
 * request is suspended and stays as it is, so the counts are taken back. */
static void write_kept_tally(xd_submission *s, xd_buf *ret_answer)
{
    xd_request *r = s->context;
    xd_bulk *bulk = r->bulk;
    xd_bulk_tally tally = bulk->tally;
    uint32_t problem_count = bulk->problem_count;
    size_t problems = bulk->problems.len;
    xd_buf body;
    xd_buf_init(&body, ret_answer->cap_bytes);
    xd_bulk_count(bulk, s);
    unsigned status = xd_accept_write_tally(r, &body);
    xd_buf_printf(ret_answer, "%u ", status);
    xd_buf_str_add(ret_answer, xd_buf_str(&body));
    ret_answer->failed = ret_answer->failed || body.failed;
    xd_buf_finish(&body);
    bulk->tally = tally;
    bulk->problem_count = problem_count;
    bulk->problems.len = problems;
}

/* The engine is done with a submission. */
static void settle(xd_request *r)
{
    xd_submission *s = r->submission;
    r->submission = NULL;
    if (s->status != XD_OK) {
        r->bulk->tally.lines -= s->count;
        xd_accept_refuse_tally(r, &s->fault);
        xd_submission_release(s);
    } else if (s->stored_answer.ptr) {
        xd_accept_replay(r, s->stored_answer);
        xd_submission_release(s);
    } else {
        xd_bulk_settle(r->bulk, s);
        build_next(r);
    }
}

/* False with the answer settled. */
static bool sign(xd_request *r, xd_submission *s)
{
    xd_str trace = xd_accept_trace(r, &s->arena);
    if (!trace.ptr) {
        xd_request_refuse_text(r, 503, XD_NO_MEMORY, "http.memory", "no memory for the request");
        return false;
    }
    for (uint32_t i = 0; i < s->count; i++) {
        s->events[i].trace = trace;
    }
    s->answer = write_kept_tally;
    return !r->headers.idempotency_key.ptr || xd_accept_set_key(r, s, body_of(r));
}

/* A worker has built the next submission, or found that there is none. */
static void submit_next(xd_request *r)
{
    xd_submission *s = r->submission;
    if (r->build_fault.code != XD_OK) {
        xd_accept_refuse_tally(r, &r->build_fault);
        return;
    }
    if (!s) {
        xd_accept_answer_tally(r);
        return;
    }
    xd_fault fault = XD_FAULT_NONE;
    if (sign(r, s) && !xd_accept_submit(r, settle, &fault)) {
        r->bulk->tally.lines -= s->count;
        xd_accept_refuse_tally(r, &fault);
        xd_request_wake(r);
    }
}

static xd_status build(xd_request *r, xd_fault *fault)
{
    if (!r->transform) {
        XD_TRY(xd_transform_create(r->source, body_of(r), r->client->ingress->options.clock(),
                                   r->bulk, &r->transform, fault));
        if (r->headers.idempotency_key.ptr) {
            xd_transform_take_whole(r->transform);
        }
    }
    return xd_transform_next(r->transform, &r->submission, fault);
}

/* On a worker. */
static bool work(xd_request *r)
{
    r->is_handed_over = false;
    r->build_fault = XD_FAULT_NONE;
    r->build_fault.code = build(r, &r->build_fault);
    return true;
}

static void build_next(xd_request *r)
{
    xd_request_hand_over(r, work, submit_next);
}

void xd_source_begin(xd_request *r)
{
    const xd_ingress_options *o = &r->client->ingress->options;
    for (uint32_t i = 0; i < o->source_count && !r->source; i++) {
        r->source = xd_str_eq(r->id, xd_str_from(o->sources[i]->name)) ? o->sources[i] : NULL;
    }
    if (!r->source) {
        xd_request_refuse_text(r, 404, XD_NOT_FOUND, "source.unknown",
                               "there is no source %.*s with a map: name one in crossdock.yaml "
                               "under sources, or send events to /v1/events",
                               (int)(r->id.len < 100 ? r->id.len : 100), r->id.ptr);
        return;
    }
    if (xd_accept_check_encoding(r) && xd_accept_check_key(r) &&
        xd_request_expect_body(r, XD_BODY_GATHER, o->max_body_bytes) && xd_accept_open_bulk(r)) {
        r->step = build_next;
    }
}
