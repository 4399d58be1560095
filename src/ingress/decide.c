/* Decisions of people: releasing a hold, retrying or dropping dead letters, settling exceptions. A
 * decision is an event of the hub; before it is appended the read side is asked whether there is
 * something to decide. Runs on a worker, because both may take a while. */
#include "ingress/ingress_int.h"

#include "base/hash.h"

#include <stdio.h>
#include <strings.h>
#include <unistd.h>

enum {
    REASON_MAX = 500,
    IDS_MAX = 1000,
    ARENA_CAP = 64 << 20,
    DECISION_ID_BYTES = 16,
    FOLLOW_MS = 2000, /* how long the answer waits for what the decision did */
};

/* What can be decided about. */
typedef struct subject {
    xd_route_id route;
    xd_kind kind;       /* of the event that a decision is */
    const char *name;   /* "dead letter" */
    const char *folder; /* of the read side */
    const char *state;  /* member of the document that says whether it is open */
    const char *member; /* of the event, that holds the id */
    const char *rule;   /* broken when it is not open */
    bool only_one;      /* there is one decision, which the event does not name */
} subject;

static const subject SUBJECTS[] = {
    {XD_ROUTE_HOLD_RELEASE, XD_KIND_HUB_HOLD_RELEASE, "hold", "holds", "status", "hold",
     "hold.open", true},
    {XD_ROUTE_DEAD_LETTERS, XD_KIND_HUB_DEAD_LETTER, "dead letter", "dead-letters", "state",
     "delivery", "dead_letter.open", false},
    {XD_ROUTE_EXCEPTIONS, XD_KIND_HUB_EXCEPTION, "exception", "exceptions", "status", "exception",
     "exception.open", false},
};

typedef struct decision {
    xd_request *request;
    const subject *about;
    const char *verb; /* "release", "retry", "drop", "settle" */
    xd_str reason;
    xd_str person;
    bool anew; /* what is retried is to be made anew, though the system may have seen it */
    xd_arena arena;
    xd_buf text; /* of what was read last */
} decision;

/* --- asking the read side --- */

/* Answers the one argument that is ever asked for here: where a timeline begins. */
static const char *cursor_argument(void *self, const char *name)
{
    return strcmp(name, "cursor") == 0 ? self : NULL;
}

/* Reads one document into the decision's text (emptied first) and parses it. cursor may be NULL. */
static xd_status look_up(decision *d, const char *folder, xd_str id, char *cursor,
                         const xd_json **ret, xd_fault *fault)
{
    const xd_ingress_ports *ports = &d->request->client->ingress->ports;
    xd_str path = xd_arena_printf(&d->arena, "/%s/%.*s", folder, XD_FMT(id));
    if (!path.ptr) {
        return xd_fail(fault, XD_NO_MEMORY, "http.memory", "no memory for the decision");
    }
    xd_read_request question = {.path = path.ptr, .query = cursor_argument, .self = cursor};
    xd_buf_clear(&d->text);
    XD_TRY(ports->read(ports->read_context, &question, &d->text, fault));
    xd_str text = xd_arena_copy(&d->arena, xd_buf_str(&d->text));
    return text.ptr ? xd_json_parse(text, XD_JSON_LIMITS_DEFAULT, &d->arena, ret, fault)
                    : xd_fail(fault, XD_NO_MEMORY, "http.memory", "no memory for the decision");
}

/* Whether there is what is to be decided about, and it is open. */
static xd_status check_open(decision *d, xd_str id, xd_fault *fault)
{
    const xd_json *found = NULL;
    XD_TRY(look_up(d, d->about->folder, id, NULL, &found, fault));
    xd_str is = xd_json_get_text(found, xd_str_from(d->about->state));
    if (is.len && (is.len != 4 || strncasecmp(is.ptr, "open", 4) != 0)) {
        return xd_fail(fault, XD_CONFLICT, d->about->rule,
                       "%s %.*s is not open any more, it is %.*s", d->about->name, XD_FMT(id),
                       XD_FMT(is));
    }
    return XD_OK;
}

/* --- the body of the request --- */

static bool read_reason(decision *d, const xd_json *body)
{
    d->reason = XD_TEXT(body, "reason");
    if (d->reason.len == 0 || d->reason.len > REASON_MAX) {
        xd_request_refuse_text(d->request, 422, XD_INVALID, "decision.reason",
                               "reason must say in 1 to %d bytes why this is decided", REASON_MAX);
        return false;
    }
    return true;
}

/* Who decides: the key's person. A key of a system, and the control socket, may name the person it
 * acts for; a key of a person may not name another. */
static bool read_person(decision *d, const xd_json *body)
{
    xd_request *r = d->request;
    xd_str own = xd_str_from(r->person);
    xd_str named = XD_TEXT(body, "person");
    if (named.len && !r->person_may_be_named && !xd_str_eq(named, own)) {
        xd_request_refuse_text(r, 403, XD_DENIED, "decision.person",
                               "this key belongs to %s and cannot decide for anybody else",
                               r->person);
        return false;
    }
    d->person = named.len ? named : own;
    if (d->person.len == 0 || d->person.len >= XD_NAME_BYTES) {
        xd_request_refuse_text(r, 422, XD_INVALID, "decision.person",
                               "person must name who decides, in 1 to %d bytes: key %s is a "
                               "system's",
                               XD_NAME_BYTES - 1, r->caller);
        return false;
    }
    return true;
}

static bool read_body(decision *d, const xd_json **ret_body)
{
    xd_request *r = d->request;
    xd_fault fault = XD_FAULT_NONE;
    xd_json_limits limits = XD_JSON_LIMITS_DEFAULT;
    limits.max_depth = 8;
    xd_status status = xd_json_parse(xd_buf_str(&r->gather), limits, &d->arena, ret_body, &fault);
    if (status == XD_OK && (*ret_body)->type != XD_JSON_OBJECT) {
        status = xd_fail(&fault, XD_INVALID, "decision.object",
                         "a decision is a JSON object with reason and, if needed, person");
    }
    if (status != XD_OK) {
        xd_request_refuse(r, 0, &fault, -1);
        return false;
    }
    d->anew = xd_json_get_bool(*ret_body, XD_STR("anew"));
    return read_reason(d, *ret_body) && read_person(d, *ret_body);
}

/* --- posting --- */

/* The id of the decision's event: every request is a decision of its own. One that is repeated
 * finds it no longer open. */
static xd_str decision_id(decision *d)
{
    unsigned char bytes[DECISION_ID_BYTES];
    if (getentropy(bytes, sizeof bytes) != 0) {
        return XD_STR_NULL;
    }
    char hex[2 * sizeof bytes + 1];
    xd_hex(bytes, sizeof bytes, hex);
    return xd_arena_printf(&d->arena, "decision-%s", hex);
}

static xd_status post(decision *d, xd_str target, int64_t *ret_seq, xd_fault *fault)
{
    xd_buf data;
    xd_buf_init(&data, 64 << 10);
    xd_buf_printf(&data, "{\"%s\":", d->about->member);
    xd_json_write_string(&data, target);
    if (!d->about->only_one) {
        xd_buf_printf(&data, ",\"decision\":\"%s\"%s", d->verb, d->anew ? ",\"anew\":true" : "");
    }
    XD_BUF_LIT(&data, ",\"person\":");
    xd_json_write_string(&data, d->person);
    XD_BUF_LIT(&data, ",\"reason\":");
    xd_json_write_string(&data, d->reason);
    XD_BUF_LIT(&data, "}");
    xd_str id = decision_id(d);
    xd_status status =
        data.failed || !id.ptr
            ? xd_fail(fault, XD_NO_MEMORY, "http.memory", "no memory for the decision")
            : xd_engine_post(d->request->client->ingress->engine, d->about->kind, id, d->person,
                             xd_buf_str(&data), ret_seq, fault);
    xd_buf_finish(&data);
    return status;
}

/* Waits until what event seq did can be read; false when that takes too long. */
static bool follow(decision *d, int64_t seq)
{
    xd_engine *engine = d->request->client->ingress->engine;
    int64_t until = xd_ingress_now_us() + FOLLOW_MS * 1000LL;
    xd_engine_stats stats;
    for (;;) {
        xd_engine_stats_get(engine, &stats);
        if (stats.state_seq >= seq) {
            return true;
        }
        if (xd_ingress_now_us() > until) {
            return false;
        }
        if (xd_engine_settle(engine, 20)) {
            return true;
        }
    }
}

/* What the flow made of the decision: true with its result ("applied", "refused") and reason when
 * that can be read already. A decision is an event whose number is what was decided about, so the
 * timeline of that number holds it. */
static bool outcome(decision *d, xd_str id, int64_t seq, xd_str *ret_result, xd_str *ret_reason)
{
    char cursor[32];
    snprintf(cursor, sizeof cursor, "%lld", (long long)seq - 1);
    const xd_json *timeline = NULL;
    if (look_up(d, "trace", id, cursor, &timeline, NULL) != XD_OK) {
        return false;
    }
    const xd_json *items = XD_GET(timeline, "items");
    for (uint32_t i = 0; items && items->type == XD_JSON_ARRAY && i < items->count; i++) {
        xd_str result = XD_TEXT(&items->items[i], "result");
        if (XD_INT(&items->items[i], "seq", 0) == seq && result.len) {
            *ret_result = result;
            *ret_reason = XD_TEXT(&items->items[i], "reason");
            return true;
        }
    }
    return false;
}

/* --- one decision --- */

static void decide_one(decision *d)
{
    xd_request *r = d->request;
    xd_fault fault = XD_FAULT_NONE;
    int64_t seq = 0;
    xd_status status = check_open(d, r->id, &fault);
    if (status == XD_OK) {
        status = post(d, r->id, &seq, &fault);
    }
    if (status != XD_OK) {
        xd_request_refuse(r, 0, &fault, -1);
        return;
    }
    xd_str result = XD_STR_NULL;
    xd_str reason = XD_STR_NULL;
    bool known = follow(d, seq) && outcome(d, r->id, seq, &result, &reason);
    if (known && xd_str_eq(result, XD_STR("refused"))) {
        xd_request_refuse_text(r, 409, XD_CONFLICT, "decision.refused", "%.*s", XD_FMT(reason));
        return;
    }
    XD_BUF_LIT(&r->out, "{\"accepted\":");
    xd_json_write_string(&r->out, r->id);
    xd_buf_printf(&r->out, ",\"seq\":%lld", (long long)seq);
    if (known) {
        XD_BUF_LIT(&r->out, ",\"result\":");
        xd_json_write_string(&r->out, result);
    }
    XD_BUF_LIT(&r->out, "}\n");
    xd_request_settle(r, known ? 200 : 202, "application/json");
}

/* --- many at once --- */

typedef struct one_of_many {
    xd_str id;
    int64_t seq; /* 0: refused */
    xd_str problem;
} one_of_many;

static void post_each(decision *d, const xd_json *ids, one_of_many *ones)
{
    for (uint32_t i = 0; i < ids->count; i++) {
        xd_fault fault = XD_FAULT_NONE;
        one_of_many *one = &ones[i];
        *one = (one_of_many){.id = XD_STR("")};
        xd_status status = XD_INVALID;
        if (ids->items[i].type != XD_JSON_STRING || ids->items[i].text.len == 0) {
            xd_fail(&fault, XD_INVALID, "decision.ids", "an id must be a string");
        } else {
            one->id = ids->items[i].text;
            status = check_open(d, one->id, &fault);
            status = status == XD_OK ? post(d, one->id, &one->seq, &fault) : status;
        }
        if (status != XD_OK) {
            one->seq = 0;
            one->problem = xd_arena_copy(&d->arena, xd_str_from(fault.text));
        }
    }
}

/* Asks of each what the flow made of it. */
static void follow_each(decision *d, one_of_many *ones, uint32_t count)
{
    int64_t last = 0;
    for (uint32_t i = 0; i < count; i++) {
        last = ones[i].seq > last ? ones[i].seq : last;
    }
    bool settled = last > 0 && follow(d, last);
    for (uint32_t i = 0; settled && i < count; i++) {
        xd_str result = XD_STR_NULL;
        if (ones[i].seq && outcome(d, ones[i].id, ones[i].seq, &result, &ones[i].problem) &&
            !xd_str_eq(result, XD_STR("refused"))) {
            ones[i].problem = XD_STR_NULL;
        }
    }
}

/* Each id for itself: the answer says of each what became of it. */
static void decide_many(decision *d, const xd_json *request_body)
{
    xd_request *r = d->request;
    const xd_json *ids = XD_GET(request_body, "ids");
    if (!ids || ids->type != XD_JSON_ARRAY || ids->count == 0 || ids->count > IDS_MAX) {
        xd_request_refuse_text(r, 422, XD_INVALID, "decision.ids",
                               "ids must be an array of 1 to %d ids", IDS_MAX);
        return;
    }
    one_of_many *ones = xd_arena_alloc(&d->arena, ids->count * sizeof *ones);
    if (!ones) {
        xd_request_refuse_text(r, 503, XD_NO_MEMORY, "http.memory", "no memory for the decision");
        return;
    }
    post_each(d, ids, ones);
    follow_each(d, ones, ids->count);
    uint32_t refused = 0;
    XD_BUF_LIT(&r->out, "{\"results\":[");
    for (uint32_t i = 0; i < ids->count; i++) {
        const one_of_many *one = &ones[i];
        xd_buf_str_add(&r->out, i ? XD_STR(",{\"id\":") : XD_STR("{\"id\":"));
        xd_json_write_string(&r->out, one->id);
        if (one->seq) {
            xd_buf_printf(&r->out, ",\"seq\":%lld", (long long)one->seq);
        }
        if (one->problem.ptr) {
            refused++;
            XD_BUF_LIT(&r->out, ",\"problem\":");
            xd_json_write_string(&r->out, one->problem);
        }
        xd_buf_char(&r->out, '}');
    }
    xd_buf_printf(&r->out, "],\"accepted\":%u,\"refused\":%u}\n", ids->count - refused, refused);
    xd_request_settle(r, refused ? 207 : 200, "application/json");
}

/* --- on the worker --- */

static bool run_decision(xd_request *r)
{
    decision d = {
        .request = r, .about = SUBJECTS, .verb = strrchr(r->path, '/') + 1 /* a route's own end */};
    while (d.about->route != r->route->id) {
        d.about++;
    }
    xd_arena_init(&d.arena, ARENA_CAP);
    xd_buf_init(&d.text, ARENA_CAP / 4);
    const xd_json *request_body;
    if (read_body(&d, &request_body)) {
        if (r->id.len) {
            decide_one(&d);
        } else {
            decide_many(&d, request_body);
        }
    }
    xd_buf_finish(&d.text);
    xd_arena_finish(&d.arena);
    return true;
}

static void hand_to_worker(xd_request *r)
{
    xd_request_hand_over(r, run_decision, NULL);
}

void xd_decide_begin(xd_request *r)
{
    if (!r->client->ingress->ports.read) {
        xd_request_refuse_text(r, 404, XD_NOT_FOUND, "http.path", "this hub has no read side");
        return;
    }
    if (!xd_media_type_is(r->headers.content_type, "application/json")) {
        xd_request_refuse_text(r, 415, XD_INVALID, "http.content_type",
                               "a decision is sent as Content-Type: application/json");
        return;
    }
    if (xd_request_expect_body(r, XD_BODY_GATHER, XD_DECISION_BYTES)) {
        r->step = hand_to_worker;
    }
}
