/* Append. See append.h. */
#include "engine/append.h"

#include "base/planted.h"

#include <stdio.h>

enum { SCRATCH_CAP = 64 << 20, ANSWER_CAP = 64 << 20 };

static xd_status add_recent(xd_appender *a, xd_str source, xd_str id, xd_fault *fault)
{
    return xd_recent_add(&a->recent, xd_recent_hash(source, id))
               ? XD_OK
               : xd_fail(fault, XD_NO_MEMORY, "append.memory",
                         "no memory to remember the identity of an event");
}

typedef struct tail {
    xd_appender *appender;
    xd_fault *fault;
} tail;

static xd_status remember_row(void *context, const xd_log_row *row)
{
    tail *t = context;
    t->appender->last_at = row->recorded_at;
    if (row->kind == XD_KIND_HUB_DEFINITION) {
        t->appender->definition_seq = row->seq;
    }
    return add_recent(t->appender, row->source, row->id, t->fault);
}

xd_status xd_appender_init(xd_appender *a, xd_store *store, int64_t registered, xd_fault *fault)
{
    int64_t head;
    XD_TRY(store->ops->log_head(store, &head, fault));
    *a = (xd_appender){.store = store, .head = head, .committed_head = head};
    xd_arena_init(&a->scratch, SCRATCH_CAP);
    if (!xd_recent_init(&a->recent, registered + 1)) {
        return xd_fail(fault, XD_NO_MEMORY, "append.memory", "no memory for recent identities");
    }
    if (head > 0) {
        xd_log_row last;
        XD_TRY(store->ops->log_get(store, head, &a->scratch, &last, fault));
        a->last_at = last.recorded_at;
    }
    tail t = {a, fault};
    return store->ops->log_each(store, registered, INT64_MAX, remember_row, &t, fault);
}

void xd_appender_finish(xd_appender *a)
{
    xd_recent_finish(&a->recent);
    xd_arena_finish(&a->scratch);
}

void xd_appender_registered(xd_appender *a, int64_t seq)
{
    xd_recent_forget(&a->recent, seq);
}

void xd_appender_committed(xd_appender *a)
{
    a->committed_head = a->head;
}

void xd_appender_rolled_back(xd_appender *a)
{
    a->head = a->committed_head;
    xd_recent_take_back(&a->recent, a->head + 1);
}

/* Whether two JSON texts say the same, whatever their spelling. */
static xd_status same_content(xd_appender *a, xd_str left, xd_str right, bool *ret_same,
                              xd_fault *fault)
{
    if (xd_str_eq(left, right)) {
        *ret_same = true;
        return XD_OK;
    }
    xd_buf forms[2];
    xd_str texts[2] = {left, right};
    xd_status status = XD_OK;
    for (int i = 0; i < 2; i++) {
        xd_buf_init(&forms[i], ANSWER_CAP);
        const xd_json *json;
        if (status == XD_OK) {
            status = xd_json_parse(texts[i], XD_JSON_LIMITS_DEFAULT, &a->scratch, &json, fault);
        }
        if (status == XD_OK) {
            status = xd_json_canonical(&forms[i], json, &a->scratch, fault);
        }
    }
    if (status == XD_OK) {
        *ret_same = xd_str_eq(xd_buf_str(&forms[0]), xd_buf_str(&forms[1]));
    }
    xd_buf_finish(&forms[0]);
    xd_buf_finish(&forms[1]);
    return status;
}

/* The id is in the log already: the same document again, or another one under its name? */
static xd_status judge_repeat(xd_appender *a, const xd_event *event, int64_t existing,
                              xd_appended *result, xd_fault *fault)
{
    xd_arena_reset(&a->scratch);
    xd_log_row row;
    XD_TRY(a->store->ops->log_get(a->store, existing, &a->scratch, &row, fault));
    bool same = false;
    if (row.kind == (int32_t)event->kind->kind) {
        XD_TRY(same_content(a, row.body, event->data_text, &same, fault));
    }
    *result =
        (xd_appended){.status = same ? XD_OK : XD_CONFLICT, .duplicate = same, .seq = existing};
    return XD_OK;
}

/* Seq of the event of this identity, 0 when it is new. */
static xd_status find_existing(xd_appender *a, const xd_event *event, int64_t *ret_seq,
                               xd_fault *fault)
{
    uint64_t hash = xd_recent_hash(event->source, event->id);
    int64_t seq = INT64_MAX;
    while ((seq = xd_recent_find(&a->recent, hash, seq)) > 0) {
        xd_arena_reset(&a->scratch);
        xd_log_row row;
        XD_TRY(a->store->ops->log_get(a->store, seq, &a->scratch, &row, fault));
        if (xd_str_eq(row.source, event->source) && xd_str_eq(row.id, event->id)) {
            *ret_seq = seq;
            return XD_OK;
        }
    }
    return a->store->ops->event_find(a->store, event->source, event->id, ret_seq, fault);
}

static xd_status append_event(xd_appender *a, const xd_submission *s, xd_event *event,
                              xd_instant now, xd_appended *result, xd_fault *fault)
{
    int64_t existing;
    XD_TRY(find_existing(a, event, &existing, fault));
    if (existing && !XD_PLANTED(drop_dedup)) {
        return judge_repeat(a, event, existing, result, fault);
    }
    xd_log_row row = {.seq = a->head + 1,
                      .recorded_at = now,
                      .kind = (int32_t)event->kind->kind,
                      .source = event->source,
                      .id = event->id,
                      .key = event->key,
                      .order_key = event->order_key,
                      .time = event->time,
                      .actor = event->actor,
                      .trace = event->trace,
                      .body = event->data_text,
                      .map = event->map,
                      .raw = event->raw};
    if (s->raw_bytes.ptr && event->raw.len) {
        XD_TRY(a->store->ops->raw_put(a->store, s->raw_hash, s->raw_media, s->raw_bytes, fault));
    }
    XD_TRY(a->store->ops->log_append(a->store, &row, fault));
    a->head = row.seq; /* before what may fail: a rollback takes both back */
    XD_TRY(add_recent(a, event->source, event->id, fault));
    event->seq = row.seq;
    event->recorded_at = now;
    *result = (xd_appended){.status = XD_OK, .seq = row.seq};
    return XD_OK;
}

/* Looks the idempotency key up; *ret_known when the submission is answered by it. */
static xd_status check_key(xd_appender *a, xd_submission *s, bool *ret_known, xd_fault *fault)
{
    xd_str hash;
    xd_str answer;
    XD_TRY(a->store->ops->answer_get(a->store, s->consumer, s->idempotency_key, &s->arena, &hash,
                                     &answer, fault));
    *ret_known = answer.ptr != NULL;
    if (!answer.ptr) {
        return XD_OK;
    }
    if (xd_str_eq(hash, s->payload_hash)) {
        s->stored_answer = answer;
    } else {
        s->status = xd_fail(&s->fault, XD_CONFLICT, "idempotency.payload",
                            "Idempotency-Key %.*s was used before with another payload; use a new "
                            "key for a new request",
                            XD_FMT(s->idempotency_key));
    }
    return XD_OK;
}

static xd_status keep_answer(xd_appender *a, xd_submission *s, xd_instant now, xd_fault *fault)
{
    xd_buf answer;
    xd_buf_init(&answer, ANSWER_CAP);
    s->answer(s, &answer);
    xd_status status =
        answer.failed ? xd_fail(fault, XD_NO_MEMORY, NULL, "no memory for the answer")
                      : a->store->ops->answer_put(a->store, s->consumer, s->idempotency_key,
                                                  s->payload_hash, xd_buf_str(&answer), now, fault);
    xd_buf_finish(&answer);
    return status;
}

xd_status xd_append(xd_appender *a, xd_submission *s, xd_instant now, bool *ret_undo,
                    xd_fault *fault)
{
    *ret_undo = false;
    now = now > a->last_at ? now : a->last_at;
    a->last_at = now;
    if (s->idempotency_key.len) {
        bool known;
        XD_TRY(check_key(a, s, &known, fault));
        if (known) {
            return XD_OK;
        }
    }
    for (uint32_t i = 0; i < s->count; i++) {
        XD_TRY(append_event(a, s, &s->events[i], now, &s->results[i], fault));
        if (s->all_or_nothing && s->results[i].status == XD_CONFLICT) {
            s->status = xd_fail(&s->fault, XD_CONFLICT, "event.id",
                                "event %u of the batch: id %.*s of source %.*s is already in the "
                                "log (seq %lld) with other content; nothing was accepted",
                                i, XD_FMT(s->events[i].id), XD_FMT(s->events[i].source),
                                (long long)s->results[i].seq);
            char path[32];
            snprintf(path, sizeof path, "/%u/id", i);
            xd_fault_at(&s->fault, -1, path);
            *ret_undo = a->head > a->committed_head;
            return XD_OK;
        }
    }
    return s->idempotency_key.len && s->answer ? keep_answer(a, s, now, fault) : XD_OK;
}
