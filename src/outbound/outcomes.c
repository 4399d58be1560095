/* Outcomes. See outcomes.h. */
#include "outbound/outcomes.h"

#include "base/planted.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    GROUP_MAX = 1024,        /* outcomes in one event */
    BUSY_RETRY_US = 5000,    /* the engine's queue is full */
    STORE_RETRY_US = 500000, /* the store refuses writes */
    FAILURE_CAP = 8192,
    GROUP_CAP = 16 << 20,
    FIRST_ITEMS = 256
};

typedef struct item {
    int64_t seq;
    uint32_t index;
    xd_told told;
    bool superseded;
    char *failure; /* owns: JSON object when it failed, else NULL */
    xd_tracked *delivery;
} item;

struct xd_outcomes {
    xd_instant start;
    void (*done)(xd_submission *submission);
    void *context;
    item *items; /* owns: a ring */
    size_t first, count, size;
    xd_submission *submitted; /* owns a share, until it is taken back; NULL: none under way */
    size_t under_way;         /* the first of them, in the submission that is under way */
    uint64_t number;          /* of the event under way or next */
    int64_t not_before_us;
    xd_buf data;
};

xd_outcomes *xd_outcomes_create(xd_instant start, void (*done)(xd_submission *submission),
                                void *context)
{
    xd_outcomes *o = calloc(1, sizeof *o);
    if (!o) {
        return NULL;
    }
    o->start = start;
    o->done = done;
    o->context = context;
    xd_buf_init(&o->data, GROUP_CAP);
    return o;
}

static item *item_at(const xd_outcomes *o, size_t i)
{
    return &o->items[(o->first + i) % o->size];
}

void xd_outcomes_destroy(xd_outcomes *o)
{
    if (!o) {
        return;
    }
    for (size_t i = 0; i < o->count; i++) {
        free(item_at(o, i)->failure);
    }
    xd_submission_release(o->submitted);
    free(o->items);
    xd_buf_finish(&o->data);
    free(o);
}

static bool grow(xd_outcomes *o)
{
    size_t size = o->size ? o->size * 2 : FIRST_ITEMS;
    item *items = malloc(size * sizeof *items);
    if (!items) {
        return false;
    }
    for (size_t i = 0; i < o->count; i++) {
        items[i] = *item_at(o, i);
    }
    free(o->items);
    o->items = items;
    o->first = 0;
    o->size = size;
    return true;
}

/* {"id":..} of a failed delivery, on the heap; NULL when out of memory. */
static char *failure_text(const xd_outcome *outcome)
{
    xd_buf b;
    xd_buf_init(&b, FAILURE_CAP);
    xd_buf_printf(&b, "{\"id\":\"%" PRId64 ".%" PRIu32 "\",\"system\":", outcome->seq,
                  outcome->index);
    xd_json_write_string(&b, outcome->system);
    XD_BUF_LIT(&b, ",\"order_key\":");
    xd_json_write_string(&b, outcome->order_key);
    XD_BUF_LIT(&b, ",\"message\":");
    xd_json_write_string(&b, outcome->message);
    xd_buf_printf(&b, ",\"class\":\"%s\",\"reason\":",
                  outcome->settled == XD_SETTLED_UNKNOWN ? "unknown" : "dead");
    xd_json_write_string(&b, outcome->reason);
    if (outcome->wait.ptr) {
        XD_BUF_LIT(&b, ",\"wait\":");
        xd_json_write_string(&b, outcome->wait);
    }
    xd_buf_str_add(&b, outcome->seen ? XD_STR(",\"seen\":true") : XD_STR(""));
    xd_buf_printf(&b, ",\"status\":%d,\"attempts\":%u}", (int)outcome->status, outcome->attempts);
    xd_buf_char(&b, '\0');
    if (b.failed) {
        xd_buf_finish(&b);
        return NULL;
    }
    return b.ptr;
}

bool xd_outcomes_add(xd_outcomes *o, const xd_outcome *outcome, xd_tracked *delivery)
{
    if (o->count == o->size && !grow(o)) {
        return false;
    }
    item added = {.seq = outcome->seq,
                  .index = outcome->index,
                  .told = outcome->told,
                  .superseded = outcome->superseded,
                  .delivery = delivery};
    if (outcome->told == XD_TOLD_SETTLED && outcome->settled != XD_SETTLED_OK) {
        added.failure = failure_text(outcome);
        if (!added.failure) {
            return false;
        }
    }
    *item_at(o, o->count) = added;
    o->count++;
    return true;
}

static void write_ids(xd_outcomes *o, const char *name, size_t n, xd_told told,
                      bool superseded_only)
{
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        const item *it = item_at(o, i);
        if (it->told != told || it->failure || (superseded_only && !it->superseded)) {
            continue;
        }
        if (any) {
            XD_BUF_LIT(&o->data, ",\"");
        } else {
            xd_buf_printf(&o->data, "%s\"%s\":[\"", o->data.len > 1 ? "," : "", name);
        }
        any = true;
        xd_buf_int(&o->data, it->seq);
        xd_buf_char(&o->data, '.');
        xd_buf_int(&o->data, it->index);
        xd_buf_char(&o->data, '"');
    }
    if (any) {
        xd_buf_char(&o->data, ']');
    }
}

/* {"unsent":[ids],"sending":[ids],"ok":[ids],"superseded":[those of ok that were never sent],
 * "failed":[objects]}; a list that would be empty is left out. */
static void write_group(xd_outcomes *o, size_t n)
{
    xd_buf_clear(&o->data);
    xd_buf_char(&o->data, '{');
    write_ids(o, "unsent", n, XD_TOLD_UNSENT, false);
    write_ids(o, "sending", n, XD_TOLD_SENDING, false);
    write_ids(o, "ok", n, XD_TOLD_SETTLED, false);
    write_ids(o, "superseded", n, XD_TOLD_SETTLED, true);
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        const item *it = item_at(o, i);
        if (it->failure) {
            xd_buf_printf(&o->data, "%s",
                          any               ? ","
                          : o->data.len > 1 ? ",\"failed\":["
                                            : "\"failed\":[");
            xd_buf_str_add(&o->data, xd_str_from(it->failure));
            any = true;
        }
    }
    if (any) {
        xd_buf_char(&o->data, ']');
    }
    xd_buf_char(&o->data, '}');
}

/* A submission of the first n outcomes; NULL when out of memory. */
static xd_submission *make_submission(xd_outcomes *o, size_t n)
{
    write_group(o, n);
    if (o->data.failed) {
        return NULL;
    }
    xd_submission *s = xd_submission_create(1, o->data.len * 8 + 65536);
    if (!s) {
        return NULL;
    }
    s->bytes = o->data.len;
    s->done = o->done;
    s->context = o->context;
    xd_event *event = &s->events[0];
    *event = (xd_event){.kind = xd_kind_find(XD_KIND_HUB_OUTCOMES),
                        .source = XD_STR("hub"),
                        .id = xd_arena_printf(&s->arena, "outcomes-%016" PRIx64 "-%" PRIu64,
                                              (uint64_t)o->start, o->number),
                        .actor = XD_STR("hub"),
                        .time = XD_INSTANT_NONE,
                        .data_text = xd_arena_copy(&s->arena, xd_buf_str(&o->data))};
    assert(event->kind);
    if (!event->id.ptr || !event->data_text.ptr ||
        xd_event_open(event, false, &s->arena, NULL) != XD_OK) {
        xd_submission_release(s);
        xd_submission_release(s); /* the engine's share too: it never saw it */
        return NULL;
    }
    return s;
}

void xd_outcomes_submit(xd_outcomes *o, xd_engine *engine, int64_t now_us)
{
    if (o->under_way || !o->count || now_us < o->not_before_us) {
        return;
    }
    size_t n = o->count < GROUP_MAX ? o->count : GROUP_MAX;
    xd_submission *s = make_submission(o, n);
    if (!s) {
        o->not_before_us = now_us + BUSY_RETRY_US;
        return;
    }
    o->submitted = s;
    o->under_way = n; /* before the engine can call done */
    xd_status status = xd_engine_submit(engine, s, NULL);
    if (status != XD_OK) {
        xd_submission_release(s);
        o->submitted = NULL;
        o->under_way = 0;
        o->not_before_us = now_us + (status == XD_BUSY ? BUSY_RETRY_US : STORE_RETRY_US);
    }
}

void xd_outcomes_recorded(xd_outcomes *o, xd_submission *s, int64_t now_us,
                          xd_outcome_recorded recorded, void *self)
{
    assert(o->under_way);
    size_t n = o->under_way;
    xd_status status = s->status != XD_OK ? s->status : s->results[0].status;
    int64_t seq = s->results[0].seq;
    xd_submission_release(s);
    o->submitted = NULL;
    o->under_way = 0;
    if (status != XD_OK) {
        /* A conflict can only be an id from before a clock was set back: the next number is free.
         */
        o->number += status == XD_CONFLICT;
        o->not_before_us = now_us + (status == XD_BUSY ? BUSY_RETRY_US : STORE_RETRY_US);
        return;
    }
    o->number++;
    o->not_before_us = 0;
    if (XD_PLANTED(outcome_recorded_twice) && o->number % 9 == 5) {
        return; /* the same group goes again, under the next number */
    }
    for (size_t i = 0; i < n; i++) {
        item *it = item_at(o, 0);
        xd_tracked *delivery = it->delivery;
        xd_told told = it->told;
        free(it->failure);
        o->first = (o->first + 1) % o->size;
        o->count--;
        if (delivery) {
            recorded(self, delivery, told, seq);
        }
    }
}

void xd_outcomes_drop(xd_outcomes *o, xd_submission *s)
{
    assert(o->submitted == s);
    o->submitted = NULL;
    xd_submission_release(s);
}

size_t xd_outcomes_count(const xd_outcomes *o)
{
    return o->count;
}

int64_t xd_outcomes_wake_at(const xd_outcomes *o)
{
    return o->count && !o->under_way ? o->not_before_us : XD_NEVER_US;
}
