/* The audit of deliveries: steps the log a second time, which gives the state hash to compare with
 * and everything that ever was to be delivered, and compares that with what the remote systems did.
 * See audit.h. */
#include "audit_int.h"

#include "engine/processor.h"
#include "engine/replay.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { CACHE_BYTES = 64 << 20, ID_MAX = 48 };

/* One delivery that the flows asked for. */
typedef struct wanted {
    int64_t seq;
    uint32_t index, system;
    xd_message message;
    xd_str order_key;
    uint64_t offered; /* place among all offers */
    uint32_t offers, retries;
    uint32_t outcomes; /* in the log */
    bool failed;       /* was a dead letter at some time */
    bool superseded;
    bool dropped;
    const remote_effect *effect; /* NULL: no system has acted upon it */
} wanted;

typedef struct second {
    audit *a;
    const sim_plan *plan;
    xd_store *live;
    xd_store *store; /* owns: memory */
    xd_processor *processor;
    map wanted; /* by "seq.index" */
    wanted **list;
    size_t count, size;
    uint64_t offers;
} second;

static xd_str id_of(int64_t seq, uint32_t index, char *text)
{
    int n = snprintf(text, ID_MAX, "%" PRId64 ".%" PRIu32, seq, index);
    return (xd_str){text, (size_t)n};
}

/* --- stepping the log again --- */

static uint32_t system_of(const sim_plan *plan, xd_str name)
{
    uint32_t i = 0;
    while (i < SIM_SYSTEMS && !xd_str_eq(name, xd_str_from(plan->estate.remotes[i].name))) {
        i++;
    }
    return i;
}

static void want(second *s, const xd_parcel *parcel, const struct xd_parcel_delivery *d)
{
    char text[ID_MAX];
    void **at = map_at(&s->wanted, id_of(parcel->seq, d->index, text));
    wanted *w = *at;
    bool own = parcel->data_text.ptr != NULL; /* else the retry of a dead letter */
    if (!w) {
        w = xd_arena_zalloc(&s->a->arena, sizeof *w);
        assert(w);
        *at = w;
        *w = (wanted){.seq = parcel->seq,
                      .index = d->index,
                      .system = system_of(s->plan, d->system),
                      .message = (xd_message)d->message,
                      .order_key = xd_arena_copy(&s->a->arena, d->order_key),
                      .offered = s->offers};
        if (s->count == s->size) {
            s->size = s->size ? s->size * 2 : 1024;
            s->list = realloc(s->list, s->size * sizeof *s->list);
            assert(s->list);
        }
        s->list[s->count++] = w;
    } else if (own) {
        sim_fail(s->a->verdict, "delivery %s was asked for twice", text);
    }
    w->offers++;
    w->retries += !own;
    s->offers++;
}

static void on_offer(void *self, xd_parcel *parcel)
{
    for (uint32_t i = 0; i < parcel->count; i++) {
        want(self, parcel, &parcel->deliveries[i]);
    }
    xd_parcel_release(parcel);
}

static xd_status step_row(void *context, const xd_log_row *row)
{
    second *s = context;
    xd_event event;
    xd_fault fault = XD_FAULT_NONE;
    xd_arena_reset(&s->a->scratch);
    xd_status status = s->store->ops->log_append(s->store, row, &fault);
    status = status == XD_OK ? xd_event_of_row(row, &s->a->scratch, &event, &fault) : status;
    status = status == XD_OK ? xd_processor_step(s->processor, &event, &fault) : status;
    if (status != XD_OK) {
        sim_fail(s->a->verdict, "event %lld cannot be replayed: %s", (long long)row->seq,
                 fault.text);
    }
    return status;
}

static bool step_again(second *s)
{
    xd_fault fault = XD_FAULT_NONE;
    xd_processor_ports ports = {.self = s, .offer = on_offer};
    int64_t rows;
    xd_status status = xd_processor_create(s->store, CACHE_BYTES, ports, &s->processor, &fault);
    status = status == XD_OK ? s->store->ops->begin(s->store, &fault) : status;
    status = status == XD_OK ? s->live->ops->log_each(s->live, 0, INT64_MAX, step_row, s, &fault)
                             : status;
    status = status == XD_OK ? xd_processor_write(s->processor, &rows, &fault) : status;
    status = status == XD_OK ? s->store->ops->commit(s->store, &fault) : status;
    if (status != XD_OK) {
        sim_fail(s->a->verdict, "the log cannot be replayed: %s", fault.text);
        return false;
    }
    xd_processor_written(s->processor);
    return true;
}

static void compare_states(second *s)
{
    char live[65], again[65];
    int64_t documents, journals;
    xd_fault fault = XD_FAULT_NONE;
    xd_status status = xd_state_hash(s->live, live, &documents, &journals, &fault);
    status =
        status == XD_OK ? xd_state_hash(s->store, again, &documents, &journals, &fault) : status;
    if (status == XD_OK && strcmp(live, again) == 0) {
        return;
    }
    xd_replay_result result = {0};
    if (status == XD_OK) {
        status = xd_replay_verify(s->live, NULL, NULL, &result, &fault);
    }
    sim_fail(s->a->verdict, "the state is not what the log leads to: %s",
             status == XD_OK ? result.difference : fault.text);
}

/* --- what the log says of deliveries --- */

static wanted *find(second *s, xd_str id)
{
    wanted *w = id.ptr ? map_get(&s->wanted, id) : NULL;
    if (!w) {
        sim_fail(s->a->verdict, "an outcome names delivery %.*s, which nobody asked for",
                 XD_FMT(id));
    }
    return w;
}

static xd_status read_outcomes(void *context, const xd_log_row *row)
{
    second *s = context;
    if (row->kind != XD_KIND_HUB_OUTCOMES) {
        return XD_OK;
    }
    xd_arena_reset(&s->a->scratch);
    const xd_json *data = audit_parse(s->a, row->body);
    const xd_json *ok = XD_GET(data, "ok");
    const xd_json *superseded = XD_GET(data, "superseded");
    const xd_json *failed = XD_GET(data, "failed");
    for (uint32_t i = 0; ok && i < ok->count; i++) {
        wanted *w = find(s, ok->items[i].text);
        if (w) {
            w->outcomes++;
        }
    }
    for (uint32_t i = 0; superseded && i < superseded->count; i++) {
        wanted *w = find(s, superseded->items[i].text);
        if (w) {
            w->superseded = true;
        }
    }
    for (uint32_t i = 0; failed && i < failed->count; i++) {
        wanted *w = find(s, XD_TEXT(&failed->items[i], "id"));
        if (w) {
            w->outcomes++;
            w->failed = true;
        }
    }
    return XD_OK;
}

static xd_status read_dead(void *context, xd_state_kind kind, xd_str key, xd_str value)
{
    second *s = context;
    (void)kind;
    xd_arena_reset(&s->a->scratch);
    const xd_json *d = audit_parse(s->a, value);
    wanted *w = find(s, key);
    if (w) {
        w->dropped = xd_str_eq(XD_TEXT(d, "state"), XD_STR("dropped"));
    }
    return XD_OK;
}

/* --- bodies --- */

/* Whether a body is the message as rendered, or that with a code behind it (SIM_OUT_MAP). */
static bool is_told(const remote_effect *effect, xd_str rendered)
{
    xd_str opened = {rendered.ptr, rendered.len - 1};
    return xd_str_eq(effect->body, rendered) ||
           (effect->system == SIM_FINANCE && xd_str_starts(effect->body, opened) &&
            xd_str_starts((xd_str){effect->body.ptr + opened.len, effect->body.len - opened.len},
                          XD_STR(",\"unit\":\"")));
}

/* What the message says must be what the flow kept of its event. */
static void compare_body(second *s, const wanted *w)
{
    xd_log_row row;
    xd_event event;
    xd_str effect = XD_STR_NULL;
    const xd_json *tree = NULL;
    xd_fault fault = XD_FAULT_NONE;
    xd_buf body;
    xd_arena_reset(&s->a->scratch);
    xd_buf_init(&body, 16 << 20);
    xd_status status = s->store->ops->log_get(s->store, w->seq, &s->a->scratch, &row, &fault);
    if (status == XD_OK) {
        status = s->store->ops->numbered_get(s->store, XD_NUMBERED_EFFECT, w->seq, &s->a->scratch,
                                             &effect, &fault);
    }
    if (status == XD_OK) {
        status = xd_event_of_row(&row, &s->a->scratch, &event, &fault);
    }
    if (status == XD_OK) {
        tree = audit_parse(s->a, effect);
        status = tree ? xd_flow_render(w->message, &event, tree, &body, &fault) : XD_INVALID;
    }
    if (status != XD_OK) {
        sim_fail(s->a->verdict, "the message of delivery %" PRId64 ".%u cannot be made: %s", w->seq,
                 w->index, fault.text);
    } else if (!is_told(w->effect, xd_buf_str(&body))) {
        sim_fail(s->a->verdict,
                 "delivery %" PRId64 ".%u said %.*s, but the event's effect says %.*s", w->seq,
                 w->index, XD_FMT(w->effect->body), XD_FMT(xd_buf_str(&body)));
    }
    xd_buf_finish(&body);
}

/* Books what finance was told. */
static void tell_finance(second *s, const remote_effect *e)
{
    audit *a = s->a;
    xd_arena_reset(&a->scratch);
    const xd_json *entries = XD_GET(audit_parse(a, e->body), "entries");
    for (uint32_t i = 0; entries && i < entries->count; i++) {
        const xd_json *lines = XD_GET(&entries->items[i], "lines");
        for (uint32_t k = 0; lines && k < lines->count; k++) {
            xd_decimal *told = &audit_account(a, XD_TEXT(&lines->items[k], "account"))->told;
            audit_add(a, told, audit_number(a, &lines->items[k], "debit"));
            audit_add(a, told, xd_decimal_neg(audit_number(a, &lines->items[k], "credit")));
        }
    }
}

static void compare_finance(audit *a)
{
    char x[XD_DECIMAL_MAX_TEXT], y[XD_DECIMAL_MAX_TEXT];
    for (size_t i = 0; i < a->accounts.size; i++) {
        const account *at = a->accounts.slots[i].value;
        if (at && xd_decimal_cmp(at->booked, at->told) != 0) {
            sim_fail(a->verdict, "account %.*s: %s in the journals, %s in finance",
                     XD_FMT(a->accounts.slots[i].key), xd_decimal_text(at->booked, x).ptr,
                     xd_decimal_text(at->told, y).ptr);
        }
    }
}

/* --- effects --- */

static void pair_effects(second *s, remotes *systems)
{
    size_t count;
    remote_effect *effects = remotes_effects(systems, &count);
    for (size_t i = 0; i < count; i++) {
        remote_effect *e = &effects[i];
        char text[ID_MAX];
        wanted *w = map_get(&s->wanted, id_of(e->seq, e->index, text));
        if (!w || w->system != e->system || w->message != e->message) {
            sim_fail(s->a->verdict, "%s was sent %s, which nobody asked for",
                     s->plan->estate.remotes[e->system].name, text);
            return;
        }
        w->effect = e;
        if (e->system == SIM_FINANCE) {
            tell_finance(s, e);
        }
    }
}

static void check_fate(second *s, const wanted *w, audit_figures *ret)
{
    const char *system = s->plan->estate.remotes[w->system].name;
    if (w->outcomes != w->retries + 1) {
        sim_fail(s->a->verdict, "delivery %" PRId64 ".%u to %s has %u outcomes after %u retries",
                 w->seq, w->index, system, w->outcomes, w->retries);
    }
    if (w->effect) {
        compare_body(s, w);
    } else if (w->superseded && s->plan->estate.remotes[w->system].coalesce) {
        ret->superseded++;
    } else if (w->dropped) {
        ret->dropped++;
    } else {
        sim_fail(s->a->verdict, "delivery %" PRId64 ".%u never reached %s", w->seq, w->index,
                 system);
    }
}

static int by_key(const void *left, const void *right)
{
    const wanted *a = *(wanted *const *)left, *b = *(wanted *const *)right;
    if (a->system != b->system) {
        return a->system < b->system ? -1 : 1;
    }
    int c = xd_str_cmp(a->order_key, b->order_key);
    return c ? c : (a->offered > b->offered) - (a->offered < b->offered);
}

/* Of one system and order key: who came first in the log and was offered first, arrived first.
 * Documents that resumed were offered after younger ones and may go on either side of them; dead
 * letters step out of the row. */
static void check_order(second *s)
{
    if (s->count) {
        qsort(s->list, s->count, sizeof *s->list, by_key);
    }
    for (size_t i = 0; i < s->count; i++) {
        const wanted *a = s->list[i];
        for (size_t k = i + 1; k < s->count && s->list[k]->system == a->system &&
                               xd_str_eq(s->list[k]->order_key, a->order_key);
             k++) {
            const wanted *b = s->list[k];
            bool both = a->effect && b->effect && !a->failed && !b->failed;
            bool first = a->seq < b->seq || (a->seq == b->seq && a->index < b->index);
            if (both && first && b->effect->order < a->effect->order) {
                sim_fail(s->a->verdict,
                         "%s got %" PRId64 ".%u before %" PRId64 ".%u, both of order key %.*s",
                         s->plan->estate.remotes[a->system].name, b->seq, b->index, a->seq,
                         a->index, XD_FMT(a->order_key));
            }
        }
    }
}

void audit_deliveries(audit *a, xd_store *store, const sim_plan *plan, remotes *systems,
                      audit_figures *ret)
{
    second s = {.a = a, .plan = plan, .live = store, .store = xd_store_memory_create()};
    assert(s.store);
    map_init(&s.wanted, &a->arena);
    if (step_again(&s)) {
        compare_states(&s);
        xd_status status = store->ops->log_each(store, 0, INT64_MAX, read_outcomes, &s, NULL);
        assert(status == XD_OK);
        status = store->ops->state_each(store, XD_STATE_DEAD, read_dead, &s, NULL);
        assert(status == XD_OK);
        pair_effects(&s, systems);
        for (size_t i = 0; i < s.count && !a->verdict->failed; i++) {
            check_fate(&s, s.list[i], ret);
        }
        check_order(&s);
        compare_finance(a);
        ret->deliveries = (int64_t)s.count;
    }
    xd_processor_destroy(s.processor);
    xd_store_destroy(s.store);
    free(s.list);
}
