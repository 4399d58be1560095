/* Order and grouping of a run's documents. See plan.h. Pure; calls base. */
#include "sim/author_int.h"

#include <stdlib.h>

enum {
    SINGLE_PERCENT = 72,
    BATCH_PERCENT = 16, /* the rest goes as NDJSON */
    BATCH_MAX = 12,
    NDJSON_MAX = 40,
    LOOK_AHEAD = 24, /* how far a request gathers documents of its source */
    TEXT_CAP = 1 << 20,
};
#define ARENA_CAP ((size_t)4 << 30)
#define SPAN_US (INT64_C(330) * 86400 * 1000000)  /* most business time of a run */
#define PLACE_MAX_US (INT64_C(20) * 60 * 1000000) /* most business time of a place */

static int by_place(const void *left, const void *right)
{
    const xd_document *a = left;
    const xd_document *b = right;
    if (a->place != b->place) {
        return a->place < b->place ? -1 : 1;
    }
    return (a->serial > b->serial) - (a->serial < b->serial);
}

/* How many documents the next request takes. */
static uint32_t choose_mode(xd_random *random, xd_mode *ret_mode)
{
    uint64_t draw = xd_random_below(random, 100);
    if (draw < SINGLE_PERCENT) {
        *ret_mode = XD_MODE_SINGLE;
        return 1;
    }
    bool batch = draw < SINGLE_PERCENT + BATCH_PERCENT;
    *ret_mode = batch ? XD_MODE_BATCH : XD_MODE_NDJSON;
    return 2 + (uint32_t)xd_random_below(random, (batch ? BATCH_MAX : NDJSON_MAX) - 1);
}

/* Moves the documents of each request together. A request speaks for one source, as that source's
 * system would send it. */
static bool group(xd_plan *plan, xd_random *random)
{
    uint32_t count = plan->document_count;
    xd_document *grouped = calloc(count + 1, sizeof *grouped);
    bool *taken = calloc(count + 1, sizeof *taken);
    plan->sendings = calloc(count + 1, sizeof *plan->sendings);
    if (!grouped || !taken || !plan->sendings) {
        free(grouped);
        free(taken);
        return false;
    }
    uint32_t out = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (taken[i]) {
            continue;
        }
        xd_sending *sending = &plan->sendings[plan->sending_count++];
        uint32_t most = choose_mode(random, &sending->mode);
        sending->first = out;
        for (uint32_t j = i; j < count && j < i + LOOK_AHEAD && out - sending->first < most; j++) {
            if (!taken[j] && xd_str_eq(plan->documents[j].source, plan->documents[i].source)) {
                taken[j] = true;
                grouped[out++] = plan->documents[j];
            }
        }
        sending->count = out - sending->first;
    }
    free(plan->documents);
    free(taken);
    plan->documents = grouped;
    return true;
}

xd_status xd_plan_make(uint64_t seed, uint32_t orders, xd_plan *ret, xd_fault *fault)
{
    *ret = (xd_plan){.seed = seed, .orders = orders};
    xd_arena_init(&ret->arena, ARENA_CAP);
    if (orders > XD_PLAN_MAX_ORDERS) {
        return xd_fail(fault, XD_LIMIT, "plan.orders", "at most %d orders can be played",
                       XD_PLAN_MAX_ORDERS);
    }
    if (orders == 0) {
        return XD_OK;
    }
    uint64_t places = xd_story_place(orders) + XD_STORY_PLACES;
    int64_t us_per_place = SPAN_US / (int64_t)places;
    xd_author author = {.plan = ret,
                        .random = {seed},
                        .us_per_place = us_per_place < PLACE_MAX_US ? us_per_place : PLACE_MAX_US,
                        .late_master_at = xd_story_place(orders / 3 + 1)};
    xd_buf_init(&author.text, TEXT_CAP);
    xd_author_masters(&author);
    for (uint32_t i = 1; i <= orders && !author.failed; i++) {
        xd_author_order(&author, i);
    }
    xd_buf_finish(&author.text);
    if (!author.failed) {
        qsort(ret->documents, ret->document_count, sizeof *ret->documents, by_place);
    }
    if (author.failed || !group(ret, &author.random)) {
        return xd_fail(fault, XD_NO_MEMORY, "plan.memory",
                       "no memory for the documents of %u orders; play fewer", orders);
    }
    return XD_OK;
}

void xd_plan_finish(xd_plan *plan)
{
    if (plan) {
        free(plan->documents);
        free(plan->sendings);
        xd_arena_finish(&plan->arena);
        *plan = (xd_plan){0};
    }
}
