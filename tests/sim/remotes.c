/* The remote systems of the simulation. See remotes.h. */
#include "remotes.h"

#include "clock.h"
#include "map.h"

#include "base/hash.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    ARENA_CAP = 512 << 20,
    KEY_MAX = 64,
    BODY_CAP = 64 << 20,
    VALUE_CAP = 4096,
    TIMEOUT_US = 10 * 1000 * 1000
};

/* One request on its way. */
typedef struct call {
    xd_call face; /* first: a call is found from its face */
    uint32_t system;
    xd_message message;
    bool is_lookup;
    bool attached;      /* the hub waits for the answer */
    bool acts;          /* what arrives is done */
    int64_t arrives_us; /* XD_NEVER_US: not, or no longer */
    int64_t again_us;   /* arrives a second time */
    int64_t ends_us;
    xd_answer answer;
    struct call *next; /* free list, or those under way */
} call;

typedef struct weather {
    sim_weather now;
    int64_t until_us;
} weather;

/* What is known of one idempotency key at one system. */
typedef struct known {
    uint32_t sent; /* requests */
    size_t effect; /* number of the effect, from 1; 0: none */
    int64_t not_before_us;
} known;

struct remotes {
    const sim_plan *plan; /* borrows */
    sim_verdict *verdict; /* borrows */
    xd_arena arena;
    xd_arena scratch;
    map known[SIM_SYSTEMS];
    weather weather[SIM_SYSTEMS];
    call *free_calls, *under_way;
    remote_effect *effects; /* owns */
    size_t effect_count, effect_size;
    remotes_counts counts;
};

void sim_fail(sim_verdict *verdict, const char *format, ...)
{
    if (verdict->failed) {
        return;
    }
    verdict->failed = true;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(verdict->text, sizeof verdict->text, format, arguments);
    va_end(arguments);
}

/* --- life --- */

remotes *remotes_create(const sim_plan *plan, sim_verdict *verdict)
{
    remotes *r = calloc(1, sizeof *r);
    assert(r);
    r->plan = plan;
    r->verdict = verdict;
    xd_arena_init(&r->arena, ARENA_CAP);
    xd_arena_init(&r->scratch, ARENA_CAP);
    for (uint32_t i = 0; i < SIM_SYSTEMS; i++) {
        map_init(&r->known[i], &r->arena);
    }
    return r;
}

static void calls_free(call *c)
{
    for (call *next; c; c = next) {
        next = c->next;
        xd_buf_finish(&c->face.idempotency_key);
        xd_buf_finish(&c->face.traceparent);
        xd_buf_finish(&c->face.delivery_id);
        xd_buf_finish(&c->face.body);
        xd_buf_finish(&c->face.path);
        free(c);
    }
}

void remotes_destroy(remotes *r)
{
    calls_free(r->free_calls);
    calls_free(r->under_way);
    xd_arena_finish(&r->arena);
    xd_arena_finish(&r->scratch);
    free(r->effects);
    free(r);
}

static known *known_at(remotes *r, uint32_t system, xd_str key)
{
    void **at = map_at(&r->known[system], key);
    if (!*at) {
        *at = xd_arena_zalloc(&r->arena, sizeof(known));
        assert(*at);
    }
    return *at;
}

/* "cd-12-0" */
static bool parse_key(xd_str key, int64_t *ret_seq, uint32_t *ret_index)
{
    const char *dash = key.len > 3 ? memchr(key.ptr + 3, '-', key.len - 3) : NULL;
    int64_t index = 0;
    if (!dash || !xd_str_to_int64((xd_str){key.ptr + 3, (size_t)(dash - key.ptr) - 3}, ret_seq) ||
        !xd_str_to_int64((xd_str){dash + 1, key.len - (size_t)(dash - key.ptr) - 1}, &index)) {
        return false;
    }
    *ret_index = (uint32_t)index;
    return true;
}

/* --- elements of a request --- */

typedef struct element {
    xd_str key, body;
    xd_message message;
} element;

/* The messages that a request carries; they borrow its body and the scratch arena. */
static uint32_t elements_of(remotes *r, const call *c, element **ret)
{
    xd_arena_reset(&r->scratch);
    xd_str body = xd_buf_str(&c->face.body);
    if (r->plan->estate.remotes[c->system].batch_max <= 1) {
        *ret = xd_arena_zalloc(&r->scratch, sizeof **ret);
        **ret = (element){xd_buf_str(&c->face.idempotency_key), body, c->message};
        return 1;
    }
    const xd_json *array = NULL;
    xd_fault fault = XD_FAULT_NONE;
    if (xd_json_parse(body, XD_JSON_LIMITS_DEFAULT, &r->scratch, &array, &fault) != XD_OK ||
        array->type != XD_JSON_ARRAY || array->count == 0) {
        sim_fail(r->verdict, "a batch is no JSON array: %.*s", XD_FMT(body));
        return 0;
    }
    *ret = xd_arena_zalloc(&r->scratch, array->count * sizeof **ret);
    for (uint32_t i = 0; i < array->count; i++) {
        const xd_json *e = &array->items[i];
        const xd_json *message = XD_GET(e, "body");
        (*ret)[i] = (element){XD_TEXT(e, "idempotency_key"),
                              message ? xd_json_source(message, body) : XD_STR_NULL,
                              xd_message_by_name(XD_TEXT(e, "message"))};
    }
    return array->count;
}

/* --- acting --- */

static void act(remotes *r, const call *c, const element *e)
{
    known *k = known_at(r, c->system, e->key);
    const char *name = r->plan->estate.remotes[c->system].name;
    if (k->effect) {
        r->counts.repeats++;
        if (!xd_str_eq(r->effects[k->effect - 1].body, e->body)) {
            sim_fail(r->verdict, "%s was told two things under the key %.*s: %.*s and %.*s", name,
                     XD_FMT(e->key), XD_FMT(r->effects[k->effect - 1].body), XD_FMT(e->body));
        }
        if (r->plan->estate.safety[c->system] != SIM_KEYED) {
            sim_fail(r->verdict, "%s, which does not deduplicate, was told %.*s twice", name,
                     XD_FMT(e->key));
        }
        return;
    }
    remote_effect effect = {.system = c->system,
                            .message = e->message,
                            .order = r->effect_count,
                            .body = xd_arena_copy(&r->arena, e->body)};
    if (!parse_key(e->key, &effect.seq, &effect.index)) {
        sim_fail(r->verdict, "%s was sent an idempotency key that is none: %.*s", name,
                 XD_FMT(e->key));
        return;
    }
    if (r->effect_count == r->effect_size) {
        r->effect_size = r->effect_size ? r->effect_size * 2 : 256;
        r->effects = realloc(r->effects, r->effect_size * sizeof *r->effects);
        assert(r->effects);
    }
    r->effects[r->effect_count++] = effect;
    r->counts.effects++;
    k->effect = r->effect_count;
}

static xd_str lookup_key(const call *c)
{
    xd_str path = xd_buf_str(&c->face.path);
    const char *at = path.len ? memchr(path.ptr, '=', path.len) : NULL;
    return at ? (xd_str){at + 1, path.len - (size_t)(at + 1 - path.ptr)} : path;
}

static void arrive(remotes *r, call *c)
{
    if (c->is_lookup) {
        if (c->answer.status == 200) {
            bool has = known_at(r, c->system, lookup_key(c))->effect != 0;
            c->answer = (xd_answer){.kind = xd_answer_of_status(has ? 200 : 404, true),
                                    .status = has ? 200 : 404,
                                    .reason = has ? "" : "http 404"};
        }
        return;
    }
    element *elements = NULL;
    uint32_t count = c->acts ? elements_of(r, c, &elements) : 0;
    for (uint32_t i = 0; i < count; i++) {
        act(r, c, &elements[i]);
    }
}

void remotes_run(remotes *r)
{
    int64_t now_us = sim_now_us();
    for (call *c = r->under_way; c; c = c->next) {
        if (c->arrives_us <= now_us) {
            c->arrives_us = XD_NEVER_US;
            arrive(r, c);
        }
        if (c->again_us <= now_us) {
            c->again_us = XD_NEVER_US;
            arrive(r, c);
        }
    }
    /* What nobody waits for and has happened is over. */
    for (call **link = &r->under_way; *link;) {
        call *c = *link;
        if (!c->attached && c->arrives_us == XD_NEVER_US && c->again_us == XD_NEVER_US) {
            *link = c->next;
            c->next = r->free_calls;
            r->free_calls = c;
        } else {
            link = &c->next;
        }
    }
}

int64_t remotes_next_us(const remotes *r)
{
    int64_t next_us = XD_NEVER_US;
    for (const call *c = r->under_way; c; c = c->next) {
        next_us = c->arrives_us < next_us ? c->arrives_us : next_us;
        next_us = c->again_us < next_us ? c->again_us : next_us;
        next_us = c->attached && c->ends_us < next_us ? c->ends_us : next_us;
    }
    return next_us;
}

/* --- fate of a request --- */

static void answer(call *c, int32_t status)
{
    static const char *const reason = "http error";
    c->answer = (xd_answer){.kind = xd_answer_of_status(status, c->is_lookup),
                            .status = status,
                            .reason = status < 300 ? "" : reason};
    c->acts = c->acts && status < 300;
}

static void no_answer(call *c, bool acts)
{
    c->answer = (xd_answer){.kind = XD_ANSWER_UNKNOWN, .reason = "no answer: simulated"};
    c->acts = acts;
}

static void not_sent(call *c)
{
    c->answer = (xd_answer){.kind = XD_ANSWER_UNSENT, .reason = "not sent: connection refused"};
    c->acts = false;
    c->arrives_us = XD_NEVER_US;
}

static void be_slow(remotes *r, call *c, xd_random *draw)
{
    int64_t now_us = sim_now_us();
    int64_t takes_us = 100000 + (int64_t)xd_random_below(draw, 25000000);
    c->ends_us = now_us + takes_us;
    c->arrives_us = now_us + (int64_t)xd_random_below(draw, (uint64_t)takes_us);
    if (takes_us <= TIMEOUT_US) {
        return;
    }
    no_answer(c, true);
    c->ends_us = now_us + TIMEOUT_US;
    /* A system that offers no key must not act after the hub has given up: no look-up and no person
     * could tell in time, and no hub could do anything about it. */
    bool may_be_late = r->plan->estate.safety[c->system] == SIM_KEYED;
    if (!may_be_late && c->arrives_us > c->ends_us) {
        c->arrives_us = XD_NEVER_US;
    }
}

static void err(call *c, xd_random *draw)
{
    static const int32_t ambiguous[] = {500, 502, 504};
    uint64_t at = xd_random_below(draw, 100);
    if (at < 30) {
        return;
    }
    if (at < 55) {
        answer(c, 503);
        return;
    }
    bool acted = at < 75;
    answer(c, ambiguous[xd_random_below(draw, 3)]);
    c->acts = acted;
}

/* Some are refused for good while this weather lasts, always the same ones. */
static bool is_refused(remotes *r, const call *c)
{
    element *elements = NULL;
    uint32_t count = elements_of(r, c, &elements);
    for (uint32_t i = 0; i < count; i++) {
        if (xd_hash64(elements[i].key, r->plan->seed) % 3 == 0) {
            return true;
        }
    }
    return false;
}

static void decide(remotes *r, call *c, xd_random *draw)
{
    int64_t now_us = sim_now_us();
    weather *w = &r->weather[c->system];
    if (w->now != SIM_FINE && now_us >= w->until_us) {
        w->now = SIM_FINE;
    }
    int64_t takes_us = 500 + (int64_t)xd_random_below(draw, 30000);
    c->arrives_us = now_us + (int64_t)xd_random_below(draw, (uint64_t)takes_us);
    c->again_us = XD_NEVER_US;
    c->ends_us = now_us + takes_us;
    c->acts = true;
    answer(c, 200);
    switch (w->now) {
    case SIM_SLOW:
        be_slow(r, c, draw);
        break;
    case SIM_ERRORS:
        err(c, draw);
        break;
    case SIM_DROPS:
        if (xd_random_below(draw, 100) < 70) {
            no_answer(c, xd_random_below(draw, 2) == 0);
        }
        break;
    case SIM_RATE_LIMIT:
        if (xd_random_below(draw, 100) < 70) {
            answer(c, xd_random_below(draw, 4) ? 429 : 503);
            c->answer.retry_after_us = (int64_t)(1 + xd_random_below(draw, 20)) * 1000000;
        }
        break;
    case SIM_DOWN:
    case SIM_REMOTE_RESTART:
        not_sent(c);
        break;
    case SIM_REFUSES:
        if (!c->is_lookup && is_refused(r, c)) {
            answer(c, 422);
        }
        break;
    case SIM_TWICE:
        if (r->plan->estate.safety[c->system] == SIM_KEYED) {
            c->again_us = now_us + (int64_t)xd_random_below(draw, 5000000);
        }
        break;
    default:
        break;
    }
}

/* A key that was told to wait must not come before its time. */
static void check_patience(remotes *r, const call *c, const element *elements, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (sim_now_us() < known_at(r, c->system, elements[i].key)->not_before_us) {
            sim_fail(r->verdict, "%.*s was sent to %s before its Retry-After had passed",
                     XD_FMT(elements[i].key), r->plan->estate.remotes[c->system].name);
        }
    }
}

/* What the request carries: of a look-up, the key it asks for. */
static uint32_t carried(remotes *r, const call *c, element *one, element **ret)
{
    if (!c->is_lookup) {
        return elements_of(r, c, ret);
    }
    *one = (element){.key = lookup_key(c)};
    *ret = one;
    return 1;
}

/* The hub is told how long to wait. */
static void ask_for_patience(remotes *r, const call *c)
{
    element one, *elements = NULL;
    uint32_t count = c->answer.retry_after_us ? carried(r, c, &one, &elements) : 0;
    for (uint32_t i = 0; i < count; i++) {
        known_at(r, c->system, elements[i].key)->not_before_us =
            sim_now_us() + c->answer.retry_after_us;
    }
}

static void start(remotes *r, call *c)
{
    element one, *elements = NULL;
    uint32_t count = carried(r, c, &one, &elements);
    if (!count) {
        not_sent(c);
        return;
    }
    check_patience(r, c, elements, count);
    known *k = known_at(r, c->system, elements[0].key);
    uint32_t nth = k->sent++;
    xd_random draw = {r->plan->seed ^ xd_hash64(elements[0].key, c->system * 1000u + nth)};
    decide(r, c, &draw);
    count = carried(r, c, &one, &elements); /* deciding may have used the scratch memory */
    if (getenv("SIM_LOG")) {
        fprintf(stderr, "  %lld %s%s", (long long)sim_now_us(),
                r->plan->estate.remotes[c->system].name, c->is_lookup ? " look-up" : "");
        for (uint32_t i = 0; i < count; i++) {
            fprintf(stderr, " %.*s", XD_FMT(elements[i].key));
        }
        fprintf(stderr, ": %d, kind %d, arrives %lld, ends %lld\n", (int)c->answer.status,
                (int)c->answer.kind, (long long)c->arrives_us, (long long)c->ends_us);
    }
    r->counts.requests++;
    r->counts.lookups += c->is_lookup;
    r->counts.unknown += c->answer.kind == XD_ANSWER_UNKNOWN;
    r->counts.refused += c->answer.kind == XD_ANSWER_PERMANENT;
    c->attached = true;
    c->next = r->under_way;
    r->under_way = c;
}

/* --- the transport port --- */

static xd_call *port_acquire(void *self, uint32_t system)
{
    remotes *r = self;
    call *c = r->free_calls;
    if (c) {
        r->free_calls = c->next;
    } else {
        c = calloc(1, sizeof *c);
        assert(c);
        xd_buf_init(&c->face.idempotency_key, VALUE_CAP);
        xd_buf_init(&c->face.traceparent, VALUE_CAP);
        xd_buf_init(&c->face.delivery_id, VALUE_CAP);
        xd_buf_init(&c->face.path, VALUE_CAP);
        xd_buf_init(&c->face.body, BODY_CAP);
    }
    xd_buf_clear(&c->face.idempotency_key);
    xd_buf_clear(&c->face.traceparent);
    xd_buf_clear(&c->face.delivery_id);
    xd_buf_clear(&c->face.path);
    xd_buf_clear(&c->face.body);
    c->face.request = NULL;
    c->system = system;
    return &c->face;
}

static void port_release(void *self, xd_call *face)
{
    remotes *r = self;
    call *c = (call *)face;
    c->next = r->free_calls;
    r->free_calls = c;
}

static xd_status port_post(void *self, xd_call *face, xd_message message)
{
    call *c = (call *)face;
    c->message = message;
    c->is_lookup = false;
    start(self, c);
    return XD_OK;
}

static xd_status port_get(void *self, xd_call *face)
{
    call *c = (call *)face;
    c->message = XD_MESSAGE_NONE;
    c->is_lookup = true;
    start(self, c);
    return XD_OK;
}

/* The one whose answer is due first. */
static call *next_answer(remotes *r)
{
    call *first = NULL;
    for (call *c = r->under_way; c; c = c->next) {
        bool due = c->attached && c->ends_us <= sim_now_us();
        if (due && (!first || c->ends_us < first->ends_us)) {
            first = c;
        }
    }
    return first;
}

static void port_perform(void *self, xd_transport_answered answered, void *context)
{
    remotes *r = self;
    remotes_run(r);
    for (call *c; (c = next_answer(r)) != NULL;) {
        c->attached = false;
        ask_for_patience(r, c);
        answered(context, &c->face, &c->answer);
    }
    remotes_run(r);
}

static void port_wake(void *self)
{
    (void)self; /* the simulation looks every turn */
}

xd_transport_port remotes_port(remotes *r)
{
    return (xd_transport_port){r,        port_acquire, port_release, port_post,
                               port_get, port_perform, port_wake};
}

/* --- what happens to all --- */

/* Requests under way to a system that stops: what has not arrived is lost. */
static void cut(remotes *r, uint32_t system)
{
    for (call *c = r->under_way; c; c = c->next) {
        if (c->system == system) {
            c->arrives_us = c->again_us = XD_NEVER_US;
            c->ends_us = sim_now_us();
            if (c->attached) {
                no_answer(c, false);
            }
        }
    }
}

void remotes_set_weather(remotes *r, uint32_t system, sim_weather w, int64_t until_us)
{
    remotes_run(r);
    if (w == SIM_REMOTE_RESTART) {
        cut(r, system);
        until_us = sim_now_us() + 2000000;
    }
    r->weather[system] = (weather){w, until_us};
}

void remotes_calm(remotes *r)
{
    for (uint32_t i = 0; i < SIM_SYSTEMS; i++) {
        r->weather[i].now = SIM_FINE;
    }
}

void remotes_hub_gone(remotes *r)
{
    remotes_run(r);
    for (call *c = r->under_way; c; c = c->next) {
        c->attached = false;
        if (r->plan->estate.safety[c->system] == SIM_KEYED) {
            continue;
        }
        /* It has reached a system without keys by now, or never will. */
        c->again_us = XD_NEVER_US;
        if (c->arrives_us != XD_NEVER_US) {
            bool reaches = xd_hash64(xd_buf_str(&c->face.delivery_id), r->plan->seed) % 2;
            c->arrives_us = reaches ? sim_now_us() : XD_NEVER_US;
            r->counts.zombies += reaches;
        }
    }
    remotes_run(r);
    for (uint32_t i = 0; i < SIM_SYSTEMS; i++) {
        for (size_t k = 0; k < r->known[i].size; k++) {
            known *entry = r->known[i].slots[k].value;
            if (entry) {
                entry->not_before_us = 0; /* what a system asked for is forgotten in a crash */
            }
        }
    }
}

void remotes_hurry(remotes *r, uint32_t system, int64_t seq, uint32_t index)
{
    char text[KEY_MAX];
    snprintf(text, sizeof text, "cd-%lld-%u", (long long)seq, index);
    known_at(r, system, xd_str_from(text))->not_before_us = 0;
}

/* --- questions --- */

bool remotes_has(const remotes *r, uint32_t system, int64_t seq, uint32_t index)
{
    char text[KEY_MAX];
    snprintf(text, sizeof text, "cd-%lld-%u", (long long)seq, index);
    const known *k = map_get(&r->known[system], xd_str_from(text));
    return k && k->effect;
}

static bool holds(xd_str text, xd_str part)
{
    for (size_t i = 0; i + part.len <= text.len; i++) {
        if (memcmp(text.ptr + i, part.ptr, part.len) == 0) {
            return true;
        }
    }
    return false;
}

bool remotes_busy_with(const remotes *r, int64_t seq, uint32_t index)
{
    char text[KEY_MAX];
    int n = snprintf(text, sizeof text, "cd-%lld-%u", (long long)seq, index);
    for (const call *c = r->under_way; c; c = c->next) {
        xd_str key = xd_buf_str(&c->face.idempotency_key);
        xd_str body = xd_buf_str(&c->face.body);
        if ((c->arrives_us != XD_NEVER_US || c->again_us != XD_NEVER_US) &&
            (xd_str_eq(key, (xd_str){text, (size_t)n}) ||
             (body.len && holds(body, (xd_str){text, (size_t)n})))) {
            return true;
        }
    }
    return false;
}

remote_effect *remotes_effects(remotes *r, size_t *ret_count)
{
    *ret_count = r->effect_count;
    return r->effects;
}

remotes_counts remotes_count(const remotes *r)
{
    return r->counts;
}
