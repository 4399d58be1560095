/* Plans: the estate, and documents, decisions and faults in one list. See plan.h. */
#include "plan.h"

#include "flow/definition.h"

#include <assert.h>
#include <stdio.h>

enum { ARENA_CAP = 256 << 20, SECOND_US = 1000000 };

static uint32_t below(xd_random *r, uint32_t limit)
{
    return (uint32_t)xd_random_below(r, limit);
}

static bool chance(xd_random *r, uint32_t percent)
{
    return below(r, 100) < percent;
}

/* --- the estate --- */

static void make_remote(xd_random *r, sim_estate *e, uint32_t i)
{
    static const char *const names[SIM_SYSTEMS] = {"erp", "procurement", "finance", "wms"};
    e->safety[i] = (sim_safety)below(r, 3);
    e->remotes[i] = (xd_remote_options){
        .name = names[i],
        .url = "http://simulated",
        .concurrency = 1 + below(r, 8),
        .rate_per_s = chance(r, 20) ? 20 + below(r, 200) : 0,
        .timeout_ms = 10000,
        .connect_timeout_ms = 3000,
        .attempts = 2 + below(r, 10),
        .backoff_ms = 50 + (int32_t)below(r, 500),
        .backoff_max_ms = 20000,
        .breaker_failures = 2 + below(r, 10),
        .breaker_open_ms = 500 + (int32_t)below(r, 4000),
        .batch_max = chance(r, 30) ? 2 + below(r, 10) : 1,
        .batch_wait_ms = 1 + (int32_t)below(r, 40),
        /* Finance books every entry; leaving one out would be no coalescing but a loss. */
        .coalesce = i != SIM_FINANCE && chance(r, 20),
        .lookup_path = e->safety[i] == SIM_LOOKUP ? "/lookup?key={idempotency_key}" : NULL,
        .unknown_retry = e->safety[i] == SIM_KEYED};
}

static void tolerance(xd_random *r, xd_buf *b, const char *name, bool more)
{
    static const char *const sides[] = {"{}", "{\"upper_percent\":\"0\"}",
                                        "{\"upper_percent\":\"10\",\"lower_percent\":\"5\"}",
                                        "{\"upper_absolute\":\"2.50\"}", "{}"};
    xd_buf_printf(b, "%s\"%s\":%s", more ? "," : "", name, sides[below(r, 5)]);
}

static xd_str make_definition(xd_random *r, xd_arena *arena, bool mapped)
{
    xd_buf b;
    xd_buf_init(&b, 1 << 16);
    xd_buf_printf(
        &b,
        "{\"edition\":%d,\"company\":\"sim\",\"currency\":\"USD\",\"match\":{\"level\":%u,"
        "\"early_invoice\":\"%s\"},\"valuation\":\"%s\",\"controls\":%s,\"require\":[%s],"
        "\"rounding_cap\":\"%s\",\"duplicate_days\":%u,\"controller_limit\":\"%s\","
        "\"controllers\":[\"carol\"],\"tolerances\":{",
        XD_EDITION, chance(r, 75) ? 3 : 2, chance(r, 60) ? "park" : "post",
        chance(r, 75) ? "moving_average" : "standard", chance(r, 30) ? "true" : "false",
        chance(r, 50) ? "\"item\",\"supplier\",\"site\"" : "", chance(r, 50) ? "0.05" : "0",
        chance(r, 40) ? 7 : 0, chance(r, 30) ? "100" : "0");
    tolerance(r, &b, "price", false);
    tolerance(r, &b, "quantity_ordered", true);
    tolerance(r, &b, "quantity_received", true);
    tolerance(r, &b, "over_receipt", true);
    XD_BUF_LIT(&b, "},\"systems\":["
                   "{\"name\":\"erp\",\"receives\":[\"inventory\",\"master\"]},"
                   "{\"name\":\"procurement\",\"receives\":[\"receipt_status\",\"order_status\","
                   "\"invoice_status\"]},"
                   "{\"name\":\"finance\",\"receives\":[\"journal\"]");
    xd_buf_printf(&b, "%s},{\"name\":\"wms\",\"receives\":[\"order\"]}]}",
                  mapped ? ",\"maps\":{\"journal\":\"out@" SIM_OUT_MAP "\"}" : "");
    xd_str text = xd_arena_copy(arena, xd_buf_str(&b));
    xd_buf_finish(&b);
    assert(text.ptr);
    return text;
}

static void make_estate(xd_random *r, sim_plan *plan)
{
    sim_estate *e = &plan->estate;
    for (uint32_t i = 0; i < SIM_SYSTEMS; i++) {
        make_remote(r, e, i);
    }
    /* Records and codes come with even seeds (author.c); a restart may add the map or take it. */
    bool mapped = plan->seed % 2 == 0 && e->remotes[SIM_FINANCE].batch_max == 1;
    for (uint32_t i = 0; i < SIM_DEFINITIONS; i++) {
        e->definitions[i] =
            make_definition(r, &plan->arena, mapped && (i == 0 || plan->seed % 8 != 0));
    }
    e->batch_max = 1 + below(r, 64);
    e->flush_rows = 1 + below(r, chance(r, 50) ? 30 : 600);
    e->flush_ms = 1 + (int32_t)below(r, 200);
    e->cache_bytes = chance(r, 50) ? 1 : (size_t)24 << 20;
    e->max_entries = chance(r, 40) ? 8 + below(r, 40) : 1000;
    e->memory_bytes = chance(r, 40) ? 1 + below(r, 8192) : (size_t)1 << 20;
    e->power_cuts = chance(r, 20);
}

/* --- actions --- */

static int64_t gap(xd_random *r)
{
    uint32_t at = below(r, 100);
    return at < 60   ? below(r, 20000)
           : at < 90 ? below(r, 400000)
           : at < 98 ? below(r, 5 * SECOND_US)
                     : (int64_t)below(r, 600) * SECOND_US;
}

/* How long something lasts: moments mostly, hours now and then. */
static int64_t while_us(xd_random *r)
{
    uint32_t at = below(r, 100);
    return at < 60   ? (int64_t)below(r, 2 * SECOND_US)
           : at < 92 ? (int64_t)below(r, 60) * SECOND_US
                     : (int64_t)below(r, 4 * 3600) * SECOND_US;
}

static sim_action *add(sim_plan *plan, xd_random *r, sim_verb verb)
{
    sim_action *a = &plan->actions[plan->count];
    *a = (sim_action){
        .number = plan->count, .verb = verb, .gap_us = gap(r), .draw = xd_random_next(r)};
    plan->count++;
    return a;
}

static void add_disturbance(sim_plan *plan, xd_random *r)
{
    uint32_t at = below(r, 100);
    if (at < 20) {
        sim_action *a = add(plan, r, SIM_CRASH);
        a->what = (int32_t)below(r, SIM_CRASHES);
        a->amount = below(r, 80);
    } else if (at < 40) {
        sim_action *a = add(plan, r, SIM_STORE);
        a->what = (int32_t)below(r, SIM_STORE_FAULTS);
        a->amount =
            a->what == SIM_DISK_FULL || a->what == SIM_LOCKED ? while_us(r) / 4 : below(r, 60);
    } else if (at < 48) {
        sim_action *a = add(plan, r, SIM_JUMP);
        int64_t by_us = while_us(r);
        a->amount = chance(r, 50) ? -by_us : by_us;
    } else if (at < 53) {
        sim_action *a = add(plan, r, SIM_STOP);
        a->what = (int32_t)below(r, SIM_DEFINITIONS);
    } else {
        sim_action *a = add(plan, r, SIM_REMOTE);
        a->what = (int32_t)below(r, SIM_WEATHERS);
        a->amount = while_us(r);
    }
}

static void add_send(sim_plan *plan, xd_random *r, sim_document *documents, uint32_t count)
{
    sim_action *a = add(plan, r, SIM_SEND);
    a->documents = documents;
    a->count = count;
    a->all_or_nothing = count > 1 && chance(r, 50);
    if (chance(r, 10) && !plan->estate.power_cuts) {
        a->idempotency_key = xd_arena_printf(&plan->arena, "request-%u", a->number);
    }
}

void sim_plan_make(sim_plan *plan, uint64_t seed, uint32_t events)
{
    *plan = (sim_plan){.seed = seed};
    xd_arena_init(&plan->arena, ARENA_CAP);
    /* Streams of their own, so that a change in one does not move all others. */
    xd_random r = {seed * 4 + 1};
    make_estate(&r, plan);
    sim_writing writing = {.plan = plan, .random = {seed * 4 + 2}};
    sim_write_documents(&writing, events);
    xd_random faults = {seed * 4 + 3};
    uint32_t storm = below(&faults, 4) * 8; /* per hundred documents: none, some, many */
    uint32_t decisions = below(&faults, 12);
    plan->actions = xd_arena_zalloc(&plan->arena, (writing.count * 4 + 8) * sizeof *plan->actions);
    assert(plan->actions);
    for (uint32_t i = 0; i < writing.count;) {
        uint32_t count = chance(&faults, 8) ? 2 + below(&faults, 4) : 1;
        count = count < writing.count - i ? count : writing.count - i;
        add_send(plan, &faults, &writing.documents[i], count);
        i += count;
        if (chance(&faults, storm)) {
            add_disturbance(plan, &faults);
        }
        if (chance(&faults, decisions)) {
            add(plan, &faults, chance(&faults, 60) ? SIM_RELEASE : SIM_DEAD_LETTER);
        }
    }
}

void sim_plan_finish(sim_plan *plan)
{
    xd_arena_finish(&plan->arena);
}

const char *sim_verb_name(const sim_action *a)
{
    static const char *const verbs[SIM_VERBS] = {"send",   "decide hold",   "decide dead letter",
                                                 "crash",  "store",         "clock",
                                                 "remote", "stop and start"};
    static const char *const crashes[SIM_CRASHES] = {"crash", "crash soon",
                                                     "crash soon, commit applied"};
    static const char *const faults[SIM_STORE_FAULTS] = {
        "store: an operation fails", "store: a read of outbound fails",
        "store: disk full",          "store: locked",
        "store: a commit fails",     "store: a commit fails and is applied"};
    static const char *const weathers[SIM_WEATHERS] = {
        "remote: fine", "remote: slow", "remote: errors", "remote: drops",   "remote: 429",
        "remote: down", "remote: 422",  "remote: twice",  "remote: restarts"};
    switch (a->verb) {
    case SIM_CRASH:
        return crashes[a->what];
    case SIM_STORE:
        return faults[a->what];
    case SIM_REMOTE:
        return weathers[a->what];
    default:
        return verbs[a->verb];
    }
}

void sim_action_print(const sim_action *a)
{
    printf("  %4u +%lld.%06lld %s", a->number, (long long)(a->gap_us / SECOND_US),
           (long long)(a->gap_us % SECOND_US), sim_verb_name(a));
    if (a->verb == SIM_SEND) {
        printf("%s%s", a->count > 1 ? a->all_or_nothing ? " (all or nothing)" : " (each)" : "",
               a->idempotency_key.len ? " with Idempotency-Key" : "");
        for (uint32_t i = 0; i < a->count; i++) {
            printf("\n         %s %.*s %.*s", xd_kind_find(a->documents[i].kind)->name,
                   XD_FMT(a->documents[i].id), XD_FMT(a->documents[i].data));
        }
    } else if (a->amount) {
        printf(" %lld", (long long)a->amount);
    } else if (a->verb == SIM_STOP) {
        printf(", definition %d", (int)a->what);
    }
    putchar('\n');
}
