/* The simulated world. See world.h. */
#include "world.h"

#include "base/hash.h"
#include "clock.h"
#include "engine/engine.h"
#include "outbound/dispatch.h"
#include "shaky.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    SECOND_US = 1000000,
    TICK_US = 3000,       /* between two turns of a busy engine */
    STALLED_US = 60000,   /* while its store refuses */
    QUIET_STEPS = 200000, /* most turns until everything has drained */
    STOP_STEPS = 2000,    /* most turns of an orderly stop */
    STOP_GRACE_US = 5 * 1000 * 1000
};

/* One request of a sender or a person. */
typedef struct request {
    struct request *next;
    struct world *world;
    const sim_document *documents;
    uint32_t count;
    bool all_or_nothing, insists; /* insists: sends again until it is answered */
    xd_str idempotency_key;
    xd_random draw;
    int64_t due_us;            /* when it is sent next */
    xd_submission *submission; /* under way */
    uint32_t place[8];         /* of the submission's events among the documents */
    bool over;
} request;

enum { DOCUMENTS_MAX = sizeof((request *)0)->place / sizeof(uint32_t) };

typedef struct world {
    const sim_plan *plan;
    sim_verdict *verdict;
    sim_figures *figures;
    xd_remote_options remotes_filled[SIM_SYSTEMS];
    xd_arena arena;
    xd_arena look; /* for looking at state */
    shaky *store;
    remotes *remotes;
    audit *audit;
    xd_engine *engine; /* NULL: the hub is down */
    xd_dispatch *dispatch;
    int64_t up_at_us; /* when it is down: starts again then */
    int32_t definition;
    request *requests; /* not over */
    xd_random draw;    /* of turns and moments only */
    int64_t engine_next_us;
    bool engine_busy;
    bool map_known; /* records are read only by maps that are in the log */
} world;

/* --- the hub --- */

static void on_commit(void *self)
{
    world *w = self;
    audit_commit(w->audit, shaky_inner(w->store));
    if (w->plan->estate.power_cuts && xd_random_below(&w->draw, 16) == 0) {
        shaky_snapshot(w->store);
    }
}

static bool try_start(world *w, xd_fault *fault)
{
    const sim_estate *e = &w->plan->estate;
    const xd_engine_options engine_options = {.batch_max = e->batch_max,
                                              .flush_rows = e->flush_rows,
                                              .flush_ms = e->flush_ms,
                                              .cache_bytes = e->cache_bytes,
                                              .clock = sim_wall};
    const xd_outbound_options outbound_options = {.remotes = w->remotes_filled,
                                                  .remote_count = SIM_SYSTEMS,
                                                  .memory_bytes = e->memory_bytes,
                                                  .max_entries = e->max_entries,
                                                  .seed = w->plan->seed};
    const xd_outbound_clock clock = {sim_now_us, sim_wall};
    xd_store *reader = shaky_reader(w->store);
    if (xd_dispatch_create(&outbound_options, reader, remotes_port(w->remotes), clock, &w->dispatch,
                           fault) != XD_OK) {
        xd_store_destroy(reader);
        return false;
    }
    xd_str definition = e->definitions[w->definition];
    bool up = xd_engine_create(shaky_log(w->store), shaky_state(w->store), &engine_options,
                               definition, &w->engine, fault) == XD_OK;
    if (!up) {
        w->engine = NULL;
    } else {
        xd_dispatch_connect(w->dispatch, w->engine);
        up = xd_engine_connect(w->engine, xd_dispatch_port(w->dispatch), fault) == XD_OK;
    }
    return up;
}

/* Everything in memory is gone; what is on disk stays. */
static void fall(world *w, int64_t down_us, bool power_cut)
{
    if (w->engine) {
        xd_engine_abandon(w->engine);
    }
    xd_dispatch_destroy(w->dispatch);
    w->engine = NULL;
    w->dispatch = NULL;
    remotes_hub_gone(w->remotes);
    shaky_restart(w->store);
    if (power_cut) {
        shaky_fall_back(w->store);
        audit_rewind(w->audit);
    }
    audit_commit(w->audit, shaky_inner(w->store));
    audit_restart(w->audit, shaky_inner(w->store));
    for (request *r = w->requests; r; r = r->next) {
        if (r->submission) {
            xd_submission_release(r->submission);
            r->submission = NULL;
            r->over = !r->insists;
            r->due_us = sim_now_us() + (int64_t)xd_random_below(&r->draw, SECOND_US);
        }
    }
    w->up_at_us = sim_now_us() + down_us;
}

static void start(world *w)
{
    xd_fault fault = XD_FAULT_NONE;
    if (!try_start(w, &fault)) {
        fall(w, 300000, false);
    }
    w->engine_next_us = 0;
}

static void crash(world *w)
{
    w->figures->crashes++;
    bool power_cut = w->plan->estate.power_cuts && xd_random_below(&w->draw, 2);
    fall(w, 1000 + (int64_t)xd_random_below(&w->draw, 3 * SECOND_US), power_cut);
}

/* --- requests --- */

static void answer_text(xd_submission *s, xd_buf *ret)
{
    for (uint32_t i = 0; i < s->count; i++) {
        xd_buf_printf(ret, "%lld%c", (long long)s->results[i].seq,
                      s->results[i].status == XD_CONFLICT ? 'c' : 'a');
    }
}

static void accepted(world *w, const sim_document *d, int64_t seq, bool duplicate)
{
    w->map_known |= d->kind == XD_KIND_HUB_MAP && xd_str_eq(d->id, w->plan->map.id);
    audit_accepted(w->audit, shaky_inner(w->store), d, seq, duplicate,
                   shaky_committed_head(w->store));
}

/* An answer kept under an idempotency key: "12a13c". */
static void replayed(request *r, const xd_submission *s)
{
    xd_str text = s->stored_answer;
    size_t at = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        size_t end = at;
        int64_t seq = 0;
        while (end < text.len && text.ptr[end] != 'a' && text.ptr[end] != 'c') {
            end++;
        }
        if (end == text.len || !xd_str_to_int64((xd_str){text.ptr + at, end - at}, &seq)) {
            sim_fail(r->world->verdict, "the answer kept under %.*s is not the one given: %.*s",
                     XD_FMT(r->idempotency_key), XD_FMT(text));
            return;
        }
        if (text.ptr[end] == 'a') {
            accepted(r->world, &r->documents[r->place[i]], seq, true);
        }
        at = end + 1;
    }
}

static void take_results(request *r, const xd_submission *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        const xd_appended *result = &s->results[i];
        if (result->status == XD_OK) {
            accepted(r->world, &r->documents[r->place[i]], result->seq, result->duplicate);
        } else {
            r->world->figures->conflicts++;
        }
    }
}

/* On the engine's turn: the answer to a sender. */
static void on_done(xd_submission *s)
{
    request *r = s->context;
    world *w = r->world;
    if (shaky_is_dead(w->store)) {
        return; /* the connection broke: fall takes the submission back */
    }
    r->submission = NULL;
    r->over = true;
    if (s->status == XD_OK && shaky_in_transaction(w->store)) {
        sim_fail(w->verdict, "a request was answered before its transaction was committed");
    }
    if (s->status == XD_OK && s->stored_answer.ptr) {
        replayed(r, s);
    } else if (s->status == XD_OK) {
        take_results(r, s);
    } else if (s->status == XD_CONFLICT) {
        w->figures->conflicts++;
    } else if (r->insists) {
        r->over = false;
        r->due_us = sim_now_us() + 10000 + (int64_t)xd_random_below(&r->draw, SECOND_US);
    }
    xd_submission_release(s);
}

/* What the door does: decode and validate. False: refused there. */
static bool open_event(xd_submission *s, uint32_t i, const sim_document *d)
{
    xd_event *event = &s->events[i];
    const xd_kind_info *kind = xd_kind_find(d->kind);
    *event = (xd_event){.kind = kind,
                        .source = d->source,
                        .id = d->id,
                        .time = XD_INSTANT_NONE,
                        .actor = d->actor,
                        .data_text = d->data};
    return xd_event_open(event, !kind->internal, &s->arena, NULL) == XD_OK;
}

/* The bytes of a record are kept with the event. */
static void keep_bytes(xd_submission *s, xd_event *event)
{
    uint8_t digest[XD_SHA256_BYTES];
    char hex[XD_SHA256_HEX + 1];
    xd_sha256_of(event->data_text, digest);
    xd_hex(digest, sizeof digest, hex);
    s->raw_bytes = event->data_text;
    s->raw_media = XD_STR("application/json");
    s->raw_hash = xd_arena_copy(&s->arena, xd_str_from(hex));
    event->raw = xd_arena_printf(&s->arena, "%s#1", hex);
    event->map = XD_STR(SIM_MAP);
    assert(s->raw_hash.ptr && event->raw.ptr);
}

static void describe(request *r, xd_submission *s)
{
    s->done = on_done;
    s->context = r;
    s->all_or_nothing = r->all_or_nothing;
    s->bytes = 0;
    uint64_t hash = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        s->bytes += s->events[i].data_text.len;
        hash = xd_hash64(s->events[i].data_text, hash);
    }
    for (uint32_t i = 0; i < s->count && !s->raw_bytes.ptr; i++) {
        if (s->events[i].kind->kind == XD_KIND_DOCUMENT) {
            keep_bytes(s, &s->events[i]);
        }
    }
    if (r->idempotency_key.len) {
        s->consumer = XD_STR("sim");
        s->idempotency_key = r->idempotency_key;
        s->payload_hash = xd_arena_printf(&s->arena, "%016llx", (unsigned long long)hash);
        s->answer = answer_text;
    }
}

static bool must_wait_for_map(const request *r)
{
    bool has_record = false;
    for (uint32_t i = 0; i < r->count; i++) {
        has_record |= r->documents[i].kind == XD_KIND_DOCUMENT;
    }
    return has_record && !r->world->map_known;
}

static void send(request *r)
{
    world *w = r->world;
    if (must_wait_for_map(r)) {
        r->due_us = sim_now_us() + 10000;
        return;
    }
    size_t bytes = 0;
    for (uint32_t i = 0; i < r->count; i++) {
        bytes += r->documents[i].data.len;
    }
    xd_submission *s = xd_submission_create(r->count, bytes * 16 + (1 << 18));
    assert(s);
    uint32_t good = 0;
    for (uint32_t i = 0; i < r->count; i++) {
        if (open_event(s, good, &r->documents[i])) {
            r->place[good++] = i;
        }
    }
    s->count = good;
    if (good == 0 || (r->all_or_nothing && good < r->count)) {
        w->figures->refused_at_door += r->count;
        r->over = true;
        xd_submission_release(s);
        xd_submission_release(s);
        return;
    }
    describe(r, s);
    r->submission = s; /* before the engine can call done */
    xd_status status = xd_engine_submit(w->engine, s, NULL);
    if (status != XD_OK) {
        xd_submission_release(s);
        r->submission = NULL;
        r->over = !r->insists;
        r->due_us = sim_now_us() + 10000 + (int64_t)xd_random_below(&r->draw, SECOND_US);
    }
}

static void send_due(world *w)
{
    for (request *r = w->requests; r; r = r->next) {
        if (!r->over && !r->submission && r->due_us <= sim_now_us()) {
            send(r);
        }
    }
    for (request **link = &w->requests; *link;) {
        if ((*link)->over) {
            *link = (*link)->next;
        } else {
            link = &(*link)->next;
        }
    }
}

static request *add_request(world *w, const sim_document *documents, uint32_t count, uint64_t draw)
{
    request *r = xd_arena_zalloc(&w->arena, sizeof *r);
    assert(r && count <= DOCUMENTS_MAX);
    *r = (request){.world = w,
                   .documents = documents,
                   .count = count,
                   .insists = true,
                   .draw = {draw},
                   .due_us = sim_now_us()};
    request **link = &w->requests;
    while (*link) {
        link = &(*link)->next;
    }
    *link = r;
    return r;
}

/* --- people --- */

typedef struct choice {
    world *world;
    xd_state_kind kind;
    const char *member;
    const char *is;
    uint64_t draw;
    uint64_t count;
    xd_str key, value; /* of the chosen one */
} choice;

static xd_status choose_one(void *context, xd_state_kind kind, xd_str key, xd_str value)
{
    choice *c = context;
    const xd_json *d = NULL;
    (void)kind;
    if (xd_json_parse(value, XD_JSON_LIMITS_DEFAULT, &c->world->look, &d, NULL) == XD_OK &&
        xd_str_eq(xd_json_get_text(d, xd_str_from(c->member)), xd_str_from(c->is))) {
        xd_random mix = {c->draw + c->count};
        c->count++;
        if (xd_random_below(&mix, c->count) == 0) {
            c->key = xd_arena_copy(&c->world->arena, key);
            c->value = xd_arena_copy(&c->world->arena, value);
        }
    }
    return XD_OK;
}

/* One of the open holds, dead letters or exceptions that people can see. */
static bool choose(choice *c)
{
    xd_store *inner = shaky_inner(c->world->store);
    xd_arena_reset(&c->world->look);
    xd_status status = inner->ops->state_each(inner, c->kind, choose_one, c, NULL);
    return status == XD_OK && c->key.ptr;
}

static void decide(world *w, xd_kind kind, uint64_t draw, xd_str person, const xd_buf *data)
{
    sim_document *d = xd_arena_zalloc(&w->arena, sizeof *d);
    assert(d && !data->failed);
    *d = (sim_document){
        .kind = kind,
        .source = XD_STR("hub"),
        .id = xd_arena_printf(&w->arena, "decision-%lld", (long long)w->figures->decisions),
        .data = xd_arena_copy(&w->arena, xd_buf_str(data)),
        .actor = person};
    w->figures->decisions++;
    /* Whoever gets an error looks again before deciding again. */
    add_request(w, d, 1, draw)->insists = false;
}

static void release_hold(world *w, uint64_t draw)
{
    static const char *const people[] = {"ann", "bob", "carol", "dave", "carol"};
    xd_random r = {draw};
    xd_str person = xd_str_from(people[xd_random_below(&r, 5)]);
    choice c = {.world = w,
                .kind = XD_STATE_HOLD,
                .member = "status",
                .is = "OPEN",
                .draw = xd_random_next(&r)};
    if (!choose(&c)) {
        return;
    }
    xd_buf b;
    xd_buf_init(&b, 1 << 16);
    XD_BUF_LIT(&b, "{\"hold\":");
    xd_json_write_string(&b, c.key);
    xd_buf_printf(&b, ",\"person\":\"%.*s\",\"reason\":\"agreed\"}", XD_FMT(person));
    decide(w, XD_KIND_HUB_HOLD_RELEASE, draw, person, &b);
    xd_buf_finish(&b);
}

/* Retry or drop: whoever decides has asked the system whether it has the message, unless that
 * deduplicates. */
static const char *verdict_on(world *w, const xd_json *dead, xd_random *r)
{
    int64_t seq = XD_INT(dead, "seq", 0);
    uint32_t index = (uint32_t)XD_INT(dead, "index", 0);
    uint32_t system = 0;
    while (!xd_str_eq(XD_TEXT(dead, "system"), xd_str_from(w->remotes_filled[system].name))) {
        system++;
    }
    if (remotes_busy_with(w->remotes, seq, index)) {
        return NULL; /* wait and see */
    }
    remotes_hurry(w->remotes, system, seq, index);
    if (remotes_has(w->remotes, system, seq, index)) {
        bool safe = w->plan->estate.safety[system] == SIM_KEYED;
        return safe && xd_random_below(r, 2) ? "retry" : "drop";
    }
    return system != SIM_FINANCE && xd_random_below(r, 8) == 0 ? "drop" : "retry";
}

static bool settle_dead_letter(world *w, uint64_t draw)
{
    xd_random r = {draw};
    choice c = {.world = w,
                .kind = XD_STATE_DEAD,
                .member = "state",
                .is = "open",
                .draw = xd_random_next(&r)};
    const xd_json *dead = NULL;
    if (!choose(&c)) {
        return false;
    }
    xd_arena_reset(&w->look);
    xd_status status = xd_json_parse(c.value, XD_JSON_LIMITS_DEFAULT, &w->look, &dead, NULL);
    assert(status == XD_OK);
    const char *decision = verdict_on(w, dead, &r);
    if (decision) {
        xd_buf b;
        xd_buf_init(&b, 1 << 16);
        xd_buf_printf(&b,
                      "{\"delivery\":\"%.*s\",\"decision\":\"%s\",\"person\":\"carol\",\"reason\":"
                      "\"asked\"}",
                      XD_FMT(c.key), decision);
        decide(w, XD_KIND_HUB_DEAD_LETTER, draw, XD_STR("carol"), &b);
        xd_buf_finish(&b);
    }
    return true;
}

static void settle_exception(world *w, uint64_t draw)
{
    xd_random r = {draw};
    choice c = {.world = w,
                .kind = XD_STATE_EXCEPTION,
                .member = "status",
                .is = "open",
                .draw = xd_random_next(&r)};
    if (!choose(&c)) {
        return;
    }
    xd_buf b;
    xd_buf_init(&b, 1 << 16);
    xd_buf_printf(&b,
                  "{\"exception\":\"%lld\",\"decision\":\"settle\",\"person\":\"carol\","
                  "\"reason\":\"seen to\"}",
                  strtoll(c.key.ptr, NULL, 16));
    decide(w, XD_KIND_HUB_EXCEPTION, draw, XD_STR("carol"), &b);
    xd_buf_finish(&b);
}

/* --- turns --- */

static void engine_turn(world *w)
{
    w->engine_busy = xd_engine_turn(w->engine);
    xd_engine_stats stats;
    xd_engine_stats_get(w->engine, &stats);
    int64_t tick_us = stats.log_head == stats.state_seq ? SECOND_US : TICK_US;
    if (w->engine_busy) {
        tick_us = shaky_faults(w->store) && sim_now_us() % 7 == 0 ? STALLED_US : TICK_US;
    }
    w->engine_next_us = sim_now_us() + tick_us;
    if (shaky_is_dead(w->store) || stats.failed) {
        crash(w);
    }
}

/* Everything that is due now; then *ret_next_us is when something is due again. */
static void turn(world *w, int64_t *ret_next_us)
{
    w->figures->steps++;
    if (!w->engine && w->up_at_us <= sim_now_us()) {
        start(w);
    }
    remotes_run(w->remotes);
    uint64_t order = xd_random_below(&w->draw, 8);
    if (w->engine) {
        send_due(w);
    }
    if (w->engine && order != 0) {
        engine_turn(w);
    }
    if (w->engine && order != 1) {
        xd_dispatch_turn(w->dispatch, false);
    }
    if (w->engine && order > 5) {
        engine_turn(w);
    }
    int64_t next_us = remotes_next_us(w->remotes);
    if (!w->engine) {
        next_us = w->up_at_us < next_us ? w->up_at_us : next_us;
        *ret_next_us = next_us;
        return;
    }
    int64_t wake_us =
        xd_dispatch_may_sleep(w->dispatch) ? xd_dispatch_wake_at(w->dispatch, false) : sim_now_us();
    next_us = wake_us < next_us ? wake_us : next_us;
    next_us = w->engine_next_us < next_us ? w->engine_next_us : next_us;
    for (const request *r = w->requests; r; r = r->next) {
        int64_t due_us = r->submission ? w->engine_next_us : r->due_us;
        next_us = due_us < next_us ? due_us : next_us;
    }
    *ret_next_us = next_us;
}

static void pass_time(world *w, int64_t until_us)
{
    while (!w->verdict->failed && sim_now_us() < until_us) {
        int64_t next_us;
        turn(w, &next_us);
        int64_t soonest_us = sim_now_us() + 200;
        next_us = next_us < soonest_us ? soonest_us : next_us;
        sim_advance_to(next_us < until_us ? next_us : until_us);
    }
}

/* --- stopping in order --- */

static bool drained(xd_engine *engine)
{
    xd_engine_stats stats;
    xd_engine_stats_get(engine, &stats);
    return stats.log_head == stats.state_seq && stats.queue_length == 0;
}

/* As the program does it: deliveries first, then the engine, which writes what it has. */
static void stop(world *w)
{
    int64_t grace_us = sim_now_us() + STOP_GRACE_US;
    w->figures->stops++;
    xd_dispatch_close(w->dispatch);
    while (w->engine && sim_now_us() < grace_us && !xd_dispatch_is_idle(w->dispatch)) {
        remotes_run(w->remotes);
        engine_turn(w);
        if (w->engine) {
            xd_dispatch_turn(w->dispatch, true);
            sim_advance_to(sim_now_us() + TICK_US);
        }
    }
    if (!w->engine) {
        return; /* it crashed on the way */
    }
    xd_engine_stop(w->engine);
    for (uint32_t i = 0; w->engine && i < STOP_STEPS && !drained(w->engine); i++) {
        engine_turn(w);
        sim_advance_to(sim_now_us() + TICK_US);
    }
    if (w->engine) {
        fall(w, 1000, false);
    }
}

/* --- actions --- */

static void act(world *w, const sim_action *a)
{
    xd_random r = {a->draw};
    switch (a->verb) {
    case SIM_SEND: {
        request *made = add_request(w, a->documents, a->count, a->draw);
        made->all_or_nothing = a->all_or_nothing;
        made->idempotency_key = a->idempotency_key;
        break;
    }
    case SIM_RELEASE:
        release_hold(w, a->draw);
        break;
    case SIM_DEAD_LETTER:
        if (!settle_dead_letter(w, a->draw)) {
            settle_exception(w, a->draw);
        }
        break;
    case SIM_CRASH:
        if (a->what == SIM_CRASH_NOW) {
            if (w->engine) {
                crash(w);
            }
        } else {
            shaky_die(w->store, (uint32_t)a->amount, a->what == SIM_CRASH_AT_APPLIED);
        }
        break;
    case SIM_STORE:
        switch ((sim_store_fault)a->what) {
        case SIM_FAIL_WRITES:
            shaky_fail(w->store, (uint32_t)a->amount, 1, XD_IO);
            break;
        case SIM_FAIL_READS:
            shaky_fail_reads(w->store, (uint32_t)a->amount % 8, 1 + a->draw % 3, XD_IO);
            break;
        case SIM_DISK_FULL:
        case SIM_LOCKED:
            shaky_refuse_until(w->store, sim_now_us() + a->amount,
                               a->what == SIM_DISK_FULL ? XD_FULL : XD_BUSY);
            break;
        default:
            shaky_tear(w->store, a->what == SIM_TEAR_APPLIED);
            break;
        }
        break;
    case SIM_JUMP:
        sim_wall_jump(a->amount);
        break;
    case SIM_REMOTE:
        remotes_set_weather(w->remotes, (uint32_t)xd_random_below(&r, SIM_SYSTEMS),
                            (sim_weather)a->what, sim_now_us() + a->amount);
        break;
    default:
        if (w->engine) {
            w->definition = a->what;
            stop(w);
        }
        break;
    }
}

/* --- the end --- */

static xd_status count_row(void *context, xd_state_kind kind, xd_str key, xd_str value)
{
    (void)kind;
    (void)key;
    (void)value;
    ++*(int64_t *)context;
    return XD_OK;
}

static int64_t count_state(world *w, xd_state_kind kind)
{
    int64_t count = 0;
    xd_store *inner = shaky_inner(w->store);
    xd_status status = inner->ops->state_each(inner, kind, count_row, &count, NULL);
    assert(status == XD_OK);
    return count;
}

static bool is_quiet(world *w)
{
    return w->engine && !w->requests && !w->engine_busy && drained(w->engine) &&
           xd_dispatch_is_idle(w->dispatch) && count_state(w, XD_STATE_OUTBOX) == 0;
}

/* Faults stop; then everything must come to rest, with people's help for what needs them. */
static void wind_up(world *w)
{
    remotes_calm(w->remotes);
    shaky_calm(w->store);
    for (uint32_t i = 0; i < QUIET_STEPS && !w->verdict->failed; i++) {
        int64_t next_us;
        turn(w, &next_us);
        if (is_quiet(w) &&
            !settle_dead_letter(w, w->plan->seed + (uint64_t)w->figures->decisions)) {
            return;
        }
        int64_t soonest_us = sim_now_us() + 200;
        next_us = next_us < soonest_us ? soonest_us : next_us;
        if (next_us == XD_NEVER_US) {
            break;
        }
        sim_advance_to(next_us);
    }
    int64_t waiting = 0;
    for (const request *r = w->requests; r; r = r->next) {
        waiting++;
    }
    sim_fail(w->verdict,
             "it does not come to rest: %lld requests unanswered, %lld events with open "
             "deliveries, dispatch %s, engine %s",
             (long long)waiting, (long long)count_state(w, XD_STATE_OUTBOX),
             w->dispatch && xd_dispatch_is_idle(w->dispatch) ? "idle" : "busy",
             w->engine && drained(w->engine) ? "drained" : "not drained");
}

static void take_figures(world *w)
{
    w->figures->remotes = remotes_count(w->remotes);
    w->figures->store_faults = shaky_faults(w->store);
    w->figures->store_operations = shaky_operations(w->store);
    w->figures->simulated_us = sim_now_us();
}

void sim_run(const sim_plan *plan, const bool *keep, sim_verdict *verdict, sim_figures *ret)
{
    *ret = (sim_figures){0};
    *verdict = (sim_verdict){0};
    sim_clock_reset();
    world w = {.plan = plan, .verdict = verdict, .figures = ret, .draw = {plan->seed * 4}};
    xd_arena_init(&w.arena, 512 << 20);
    xd_arena_init(&w.look, 512 << 20);
    for (uint32_t i = 0; i < SIM_SYSTEMS; i++) {
        w.remotes_filled[i] = plan->estate.remotes[i];
        xd_remote_fill_defaults(&w.remotes_filled[i]);
    }
    w.store = shaky_create(on_commit, &w);
    w.remotes = remotes_create(plan, verdict);
    w.audit = audit_create(verdict);
    start(&w);
    if (plan->map.data.ptr) {
        add_request(&w, &plan->map, 1, plan->seed);
        add_request(&w, &plan->out_map, 1, plan->seed + 1);
        add_request(&w, &plan->out_code, 1, plan->seed + 2);
    }
    for (uint32_t i = 0; i < plan->count && !verdict->failed; i++) {
        if (!keep || keep[i]) {
            pass_time(&w, sim_now_us() + plan->actions[i].gap_us);
            act(&w, &plan->actions[i]);
        }
    }
    wind_up(&w);
    if (!verdict->failed) {
        audit_end(w.audit, shaky_inner(w.store), plan, w.remotes, &ret->audit);
    }
    take_figures(&w);
    if (w.engine) {
        xd_engine_abandon(w.engine);
    }
    xd_dispatch_destroy(w.dispatch);
    for (request *r = w.requests; r; r = r->next) {
        xd_submission_release(r->submission);
    }
    shaky_destroy(w.store);
    remotes_destroy(w.remotes);
    audit_destroy(w.audit);
    xd_arena_finish(&w.arena);
    xd_arena_finish(&w.look);
}
