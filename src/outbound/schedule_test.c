/* The schedule under a clock and answers of the test's own: each rule alone, then all together
 * against a model of the remote systems under random failures. */
#include "outbound/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SETTLED_MAX = 4096 };

/* What the schedule reported, in order. */
typedef struct bench {
    xd_schedule *schedule;
    int64_t now_us;
    xd_tracked *settled[SETTLED_MAX];
    xd_settled how[SETTLED_MAX];
    uint32_t count;
    uint32_t forgotten;
} bench;

static void on_settle(void *self, xd_tracked *d, xd_settled settled, int32_t status,
                      const char *reason)
{
    bench *b = self;
    (void)status;
    assert_non_null(reason);
    assert_true(b->count < SETTLED_MAX);
    b->settled[b->count] = d;
    b->how[b->count++] = settled;
}

static void on_forget(void *self, xd_tracked *d)
{
    (void)d;
    ((bench *)self)->forgotten++;
}

static const xd_lane_options plain = {.concurrency = 4,
                                      .attempts = 3,
                                      .backoff_ms = 100,
                                      .backoff_max_ms = 1000,
                                      .breaker_failures = 1000,
                                      .breaker_open_ms = 500,
                                      .batch_max = 1,
                                      .unknown_retry = true};

static void open_bench(bench *b, const xd_lane_options *options, uint32_t lanes)
{
    *b = (bench){.now_us = 1000000000};
    b->schedule =
        xd_schedule_create(options, lanes, 7, (xd_schedule_port){b, on_settle, on_forget});
    assert_non_null(b->schedule);
}

static xd_tracked *add(bench *b, int64_t seq, uint32_t message, const char *key)
{
    xd_tracked *d = NULL;
    assert_int_equal(xd_schedule_add(b->schedule, b->now_us, 0, seq, 0, message, xd_str_from(key),
                                     b->now_us, &d),
                     XD_OK);
    return d;
}

/* With a key that no other delivery has. */
static void add_of_its_own(bench *b, int64_t seq)
{
    char key[32];
    snprintf(key, sizeof key, "k%lld", (long long)seq);
    add(b, seq, 1, key);
}

/* Eight deliveries that do not wait for each other; after that many failures none goes. */
static void open_bench_with_breaker(bench *b, uint32_t failures)
{
    xd_lane_options options = plain;
    options.breaker_failures = failures;
    options.attempts = 100;
    open_bench(b, &options, 1);
    for (int64_t seq = 1; seq <= 8; seq++) {
        add_of_its_own(b, seq);
    }
}

static xd_request *next(bench *b)
{
    return xd_schedule_next(b->schedule, b->now_us);
}

static void answer(bench *b, xd_request *request, xd_answer_kind kind, int32_t status)
{
    const xd_answer a = {.kind = kind, .status = status, .reason = "a reason"};
    xd_schedule_answered(b->schedule, b->now_us, request, &a);
}

static void record_all(bench *b)
{
    for (uint32_t i = 0; i < b->count; i++) {
        xd_schedule_recorded(b->schedule, b->now_us, b->settled[i]);
    }
    b->count = 0;
}

/* Moves the clock to the instant the schedule asked for. */
static void sleep_until_due(bench *b)
{
    int64_t at_us = xd_schedule_wake_at(b->schedule);
    assert_true(at_us != XD_NEVER_US);
    if (at_us > b->now_us) {
        b->now_us = at_us;
    }
}

static void one_key_goes_in_order_and_only_after_the_record(void **state)
{
    (void)state;
    bench b;
    open_bench(&b, &plain, 1);
    add(&b, 1, 1, "PO-1");
    add(&b, 2, 1, "PO-1");
    add(&b, 3, 1, "PO-2");
    xd_request *first = next(&b);
    xd_request *other = next(&b);
    assert_int_equal(first->deliveries[0]->seq, 1);
    assert_int_equal(other->deliveries[0]->seq, 3);
    assert_null(next(&b));
    answer(&b, first, XD_ANSWER_OK, 200);
    assert_null(next(&b)); /* answered, but not durable yet */
    record_all(&b);
    assert_int_equal(next(&b)->deliveries[0]->seq, 2);
    xd_schedule_destroy(b.schedule);
    assert_int_equal(b.forgotten, 3);
}

static void a_failing_key_waits_and_holds_only_itself(void **state)
{
    (void)state;
    bench b;
    open_bench(&b, &plain, 1);
    add(&b, 1, 1, "bad");
    add(&b, 2, 1, "bad");
    xd_request *request = next(&b);
    answer(&b, request, XD_ANSWER_TRANSIENT, 503);
    add(&b, 3, 1, "good");
    request = next(&b);
    assert_int_equal(request->deliveries[0]->seq, 3);
    answer(&b, request, XD_ANSWER_OK, 200);
    assert_null(next(&b));
    sleep_until_due(&b);
    assert_int_equal(next(&b)->deliveries[0]->seq, 1);
    xd_schedule_destroy(b.schedule);
}

static void slots_are_held_until_the_outcome_is_recorded(void **state)
{
    (void)state;
    bench b;
    xd_lane_options options = plain;
    options.concurrency = 2;
    open_bench(&b, &options, 1);
    add(&b, 1, 1, "a");
    add(&b, 2, 1, "b");
    add(&b, 3, 1, "c");
    xd_request *first = next(&b);
    xd_request *second = next(&b);
    assert_null(next(&b));
    answer(&b, first, XD_ANSWER_OK, 200);
    assert_null(next(&b));
    assert_true(xd_schedule_wake_at(b.schedule) == XD_NEVER_US);
    record_all(&b);
    assert_int_equal(next(&b)->deliveries[0]->seq, 3);
    answer(&b, second, XD_ANSWER_UNSENT, 0); /* nothing to record: the slot is free at once */
    sleep_until_due(&b);
    assert_int_equal(next(&b)->deliveries[0]->seq, 2);
    xd_schedule_destroy(b.schedule);
}

static void attempts_run_out_and_the_last_reason_stays(void **state)
{
    (void)state;
    bench b;
    open_bench(&b, &plain, 1);
    add(&b, 1, 1, "a");
    for (int i = 0; i < 3; i++) {
        sleep_until_due(&b);
        answer(&b, next(&b), XD_ANSWER_TRANSIENT, 500);
    }
    assert_int_equal(b.count, 1);
    assert_int_equal(b.how[0], XD_SETTLED_DEAD);
    assert_int_equal(b.settled[0]->attempts, 3);
    xd_schedule_destroy(b.schedule);
}

static void a_refusal_is_dead_at_once(void **state)
{
    (void)state;
    bench b;
    open_bench(&b, &plain, 1);
    add(&b, 1, 1, "a");
    answer(&b, next(&b), XD_ANSWER_PERMANENT, 422);
    assert_int_equal(b.how[0], XD_SETTLED_DEAD);
    assert_int_equal(b.settled[0]->attempts, 1);
    xd_schedule_destroy(b.schedule);
}

static void an_unknown_outcome_is_asked_for_and_believed(void **state)
{
    (void)state;
    bench b;
    xd_lane_options options = plain;
    options.lookup = true;
    open_bench(&b, &options, 1);
    add(&b, 1, 1, "has it");
    answer(&b, next(&b), XD_ANSWER_UNKNOWN, 0);
    sleep_until_due(&b);
    xd_request *request = next(&b);
    assert_true(request->lookup);
    answer(&b, request, XD_ANSWER_OK, 200);
    assert_int_equal(b.how[0], XD_SETTLED_OK);
    record_all(&b);

    add(&b, 2, 1, "has it not");
    answer(&b, next(&b), XD_ANSWER_UNKNOWN, 0);
    sleep_until_due(&b);
    request = next(&b);
    assert_true(request->lookup);
    answer(&b, request, XD_ANSWER_TRANSIENT, 503); /* the look-up itself is tried again */
    sleep_until_due(&b);
    request = next(&b);
    assert_true(request->lookup);
    answer(&b, request, XD_ANSWER_ABSENT, 404);
    request = next(&b);
    assert_false(request->lookup);
    answer(&b, request, XD_ANSWER_PERMANENT, 400);
    assert_int_equal(b.how[0], XD_SETTLED_DEAD);
    record_all(&b);

    add(&b, 3, 1, "never says");
    answer(&b, next(&b), XD_ANSWER_UNKNOWN, 0);
    for (int i = 0; i < 3; i++) {
        sleep_until_due(&b);
        answer(&b, next(&b), XD_ANSWER_UNKNOWN, 0);
    }
    assert_int_equal(b.how[0], XD_SETTLED_UNKNOWN);
    xd_schedule_destroy(b.schedule);
}

static void without_lookup_or_dedup_an_unknown_outcome_stops_for_a_person(void **state)
{
    (void)state;
    bench b;
    xd_lane_options options = plain;
    options.unknown_retry = false;
    open_bench(&b, &options, 1);
    add(&b, 1, 1, "a");
    answer(&b, next(&b), XD_ANSWER_UNKNOWN, 0);
    assert_int_equal(b.how[0], XD_SETTLED_UNKNOWN);
    xd_schedule_destroy(b.schedule);
}

static void doubt_stays_until_the_remote_decides(void **state)
{
    (void)state;
    bench b;
    open_bench(&b, &plain, 1);
    add(&b, 1, 1, "never decided");
    answer(&b, next(&b), XD_ANSWER_UNKNOWN, 0);
    for (int i = 0; i < 2; i++) {
        sleep_until_due(&b);
        answer(&b, next(&b), XD_ANSWER_TRANSIENT, 503);
    }
    assert_int_equal(b.how[0], XD_SETTLED_UNKNOWN);
    record_all(&b);
    add(&b, 2, 1, "decided");
    answer(&b, next(&b), XD_ANSWER_UNKNOWN, 0);
    sleep_until_due(&b);
    answer(&b, next(&b), XD_ANSWER_PERMANENT, 422);
    assert_int_equal(b.how[0], XD_SETTLED_DEAD);
    xd_schedule_destroy(b.schedule);
}

static void the_rate_holds_over_a_minute_after_its_burst(void **state)
{
    (void)state;
    bench b;
    xd_lane_options options = plain;
    options.rate_per_s = 20;
    options.burst = 5;
    options.concurrency = 64;
    open_bench(&b, &options, 1);
    int64_t start_us = b.now_us;
    uint32_t sent = 0;
    for (int64_t seq = 1; b.now_us - start_us <= 60 * 1000000; seq++) {
        add_of_its_own(&b, seq);
        xd_request *request = next(&b);
        if (!request) {
            sleep_until_due(&b);
            request = next(&b);
        }
        if (b.now_us == start_us) {
            assert_true(sent < 5);
        }
        sent++;
        answer(&b, request, XD_ANSWER_OK, 200);
        record_all(&b);
    }
    assert_in_range(sent, 20 * 60, 20 * 60 + 6);
    xd_schedule_destroy(b.schedule);
}

static void an_open_breaker_holds_the_system_and_lets_one_probe_through(void **state)
{
    (void)state;
    bench b;
    open_bench_with_breaker(&b, 3);
    for (int i = 0; i < 3; i++) {
        answer(&b, next(&b), XD_ANSWER_UNSENT, 0);
    }
    int64_t opened_us = b.now_us;
    assert_null(next(&b));
    b.now_us = opened_us + 499 * 1000;
    assert_null(next(&b));
    sleep_until_due(&b);
    assert_int_equal(b.now_us, opened_us + 500 * 1000);
    xd_request *probe = next(&b);
    assert_true(probe->probe);
    uint32_t attempts = probe->deliveries[0]->attempts;
    const xd_tracked *probed = probe->deliveries[0];
    assert_null(next(&b)); /* only one */
    answer(&b, probe, XD_ANSWER_UNSENT, 0);
    assert_int_equal(probed->attempts, attempts); /* the system failed, not the message */
    assert_null(next(&b));
    sleep_until_due(&b);
    probe = next(&b);
    answer(&b, probe, XD_ANSWER_OK, 200);
    xd_lane_stats stats;
    xd_schedule_stats(b.schedule, 0, &stats);
    assert_int_equal(stats.breaker, XD_BREAKER_CLOSED);
    assert_int_equal(stats.breaker_opened, 1);
    assert_non_null(next(&b));
    assert_non_null(next(&b));
    xd_schedule_destroy(b.schedule);
}

static void failures_beside_another_are_one_for_the_breaker(void **state)
{
    (void)state;
    bench b;
    open_bench_with_breaker(&b, 2);
    const xd_answer beside = {.kind = XD_ANSWER_UNKNOWN, .reason = "no answer", .beside = true};
    answer(&b, next(&b), XD_ANSWER_UNKNOWN, 0);
    for (int i = 0; i < 3; i++) {
        xd_schedule_answered(b.schedule, b.now_us, next(&b), &beside);
    }
    assert_int_equal(xd_schedule_breaker(b.schedule, 0), XD_BREAKER_CLOSED);
    answer(&b, next(&b), XD_ANSWER_UNKNOWN, 0);
    assert_int_equal(xd_schedule_breaker(b.schedule, 0), XD_BREAKER_OPEN);
    sleep_until_due(&b);
    xd_request *probe = next(&b);
    assert_true(probe->probe);
    xd_schedule_answered(b.schedule, b.now_us, probe, &beside);
    probe = next(&b); /* it said nothing: the next one asks */
    assert_true(probe->probe);
    answer(&b, probe, XD_ANSWER_OK, 200);
    assert_int_equal(xd_schedule_breaker(b.schedule, 0), XD_BREAKER_CLOSED);
    xd_schedule_destroy(b.schedule);
}

static void a_probe_that_is_put_back_leaves_the_next_one_as_probe(void **state)
{
    (void)state;
    bench b;
    open_bench_with_breaker(&b, 1);
    answer(&b, next(&b), XD_ANSWER_TRANSIENT, 503);
    sleep_until_due(&b);
    xd_request *probe = next(&b);
    assert_true(probe->probe);
    assert_int_equal(xd_schedule_put_back(b.schedule, b.now_us, probe, 0, 50000), 0);
    b.now_us += 1000000;
    assert_true(next(&b)->probe);
    xd_schedule_destroy(b.schedule);
}

static void backoff_doubles_with_full_jitter_and_retry_after_is_honoured(void **state)
{
    (void)state;
    xd_random random = {1};
    for (uint32_t tries = 1; tries <= 40; tries++) {
        int64_t ceiling_us = tries < 10 ? (int64_t)100000 << (tries - 1) : 30000000;
        ceiling_us = ceiling_us > 30000000 ? 30000000 : ceiling_us;
        int64_t least = INT64_MAX;
        int64_t most = 0;
        for (int i = 0; i < 2000; i++) {
            int64_t us = xd_backoff_us(&random, tries, 100, 30000);
            least = us < least ? us : least;
            most = us > most ? us : most;
        }
        assert_true(least >= 0 && least < ceiling_us / 50);
        assert_true(most <= ceiling_us && most > ceiling_us - ceiling_us / 50);
    }
    bench b;
    open_bench(&b, &plain, 1);
    add(&b, 1, 1, "a");
    const xd_answer later = {XD_ANSWER_TRANSIENT, 503, 7 * 1000000, "later", false};
    xd_schedule_answered(b.schedule, b.now_us, next(&b), &later);
    assert_int_equal(xd_schedule_wake_at(b.schedule), b.now_us + 7 * 1000000);
    xd_schedule_destroy(b.schedule);
}

static void a_batch_fills_or_waits_and_splits_when_refused(void **state)
{
    (void)state;
    bench b;
    xd_lane_options options = plain;
    options.batch_max = 3;
    options.batch_wait_ms = 20;
    open_bench(&b, &options, 1);
    add(&b, 1, 1, "a");
    add(&b, 2, 2, "b"); /* another message: another batch */
    add(&b, 3, 1, "c");
    assert_null(next(&b));
    assert_int_equal(xd_schedule_wake_at(b.schedule), b.now_us + 20000);
    add(&b, 4, 1, "d");
    add(&b, 5, 1, "d"); /* same key: never in the same batch */
    xd_request *batch = next(&b);
    assert_int_equal(batch->count, 3);
    assert_int_equal(batch->deliveries[2]->seq, 4);
    assert_null(next(&b));
    answer(&b, batch, XD_ANSWER_PERMANENT, 422);
    assert_int_equal(b.count, 0);
    int64_t expected[] = {1, 3, 4};
    for (int i = 0; i < 3; i++) {
        xd_request *alone = next(&b);
        assert_int_equal(alone->count, 1);
        assert_int_equal(alone->deliveries[0]->seq, expected[i]);
        answer(&b, alone, i == 1 ? XD_ANSWER_PERMANENT : XD_ANSWER_OK, i == 1 ? 422 : 200);
    }
    assert_int_equal(b.count, 3);
    assert_int_equal(b.how[1], XD_SETTLED_DEAD);
    record_all(&b);
    b.now_us += 20000;
    batch = next(&b);
    assert_int_equal(batch->deliveries[0]->seq, 2);
    xd_schedule_destroy(b.schedule);
}

static void coalescing_keeps_the_newest_of_what_was_never_sent(void **state)
{
    (void)state;
    bench b;
    xd_lane_options options = plain;
    options.coalesce = true;
    open_bench(&b, &options, 1);
    add(&b, 1, 1, "item");
    add(&b, 2, 2, "item");
    add(&b, 3, 1, "item");
    assert_int_equal(b.count, 1);
    assert_int_equal(b.settled[0]->seq, 1);
    assert_true(b.settled[0]->superseded);
    record_all(&b);
    xd_request *request = next(&b);
    assert_int_equal(request->deliveries[0]->seq, 2);
    add(&b, 4, 2, "item"); /* 2 is under way: not superseded */
    assert_int_equal(b.count, 0);
    answer(&b, request, XD_ANSWER_TRANSIENT, 503);
    add(&b, 5, 2, "item"); /* 2 was tried: stays; 4 goes */
    assert_int_equal(b.count, 1);
    assert_int_equal(b.settled[0]->seq, 4);
    record_all(&b);
    int64_t expected[] = {2, 3, 5};
    for (int i = 0; i < 3; i++) {
        sleep_until_due(&b);
        request = next(&b);
        assert_int_equal(request->deliveries[0]->seq, expected[i]);
        answer(&b, request, XD_ANSWER_OK, 200);
        record_all(&b);
    }
    assert_int_equal(xd_schedule_count(b.schedule), 0);
    xd_schedule_destroy(b.schedule);
}

/* Else, when the hub dies before the record, the older one goes once more, after the newer one. */
static void a_newer_message_waits_until_the_record_of_the_one_it_replaces(void **state)
{
    (void)state;
    bench b;
    xd_lane_options options = plain;
    options.coalesce = true;
    open_bench(&b, &options, 1);
    add(&b, 1, 1, "item");
    add(&b, 2, 1, "item");
    assert_int_equal(b.count, 1);
    assert_null(next(&b));
    record_all(&b);
    assert_int_equal(next(&b)->deliveries[0]->seq, 2);
    xd_schedule_destroy(b.schedule);
}

static void what_an_earlier_process_may_have_sent_is_neither_replaced_nor_sent_unasked(void **state)
{
    (void)state;
    bench b;
    xd_lane_options options = plain;
    options.coalesce = true;
    options.lookup = true;
    open_bench(&b, &options, 1);
    xd_schedule_doubt(b.schedule, add(&b, 1, 1, "item"));
    add(&b, 2, 1, "item");
    assert_int_equal(b.count, 0);
    xd_request *request = next(&b);
    assert_true(request->lookup);
    assert_int_equal(request->deliveries[0]->seq, 1);
    answer(&b, request, XD_ANSWER_ABSENT, 404);
    request = next(&b);
    assert_false(request->lookup);
    assert_int_equal(request->deliveries[0]->seq, 1);
    xd_schedule_destroy(b.schedule);
}

static void a_failure_that_leaves_it_open_is_unknown_where_nothing_deduplicates(void **state)
{
    (void)state;
    static const struct {
        bool lookup, unknown_retry;
        int32_t status;
        uint32_t settled; /* at once */
        bool asks;        /* next */
    } cases[] = {{false, false, 500, 1, false}, {false, false, 503, 0, false},
                 {false, false, 429, 0, false}, {true, true, 504, 0, true},
                 {true, true, 503, 0, false},   {false, true, 500, 0, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bench b;
        xd_lane_options options = plain;
        options.lookup = cases[i].lookup;
        options.unknown_retry = cases[i].unknown_retry;
        open_bench(&b, &options, 1);
        add(&b, 1, 1, "a");
        answer(&b, next(&b), XD_ANSWER_TRANSIENT, cases[i].status);
        assert_int_equal(b.count, cases[i].settled);
        if (cases[i].settled) {
            assert_int_equal(b.how[0], XD_SETTLED_UNKNOWN);
        } else {
            sleep_until_due(&b);
            assert_int_equal(next(&b)->lookup, cases[i].asks);
        }
        xd_schedule_destroy(b.schedule);
    }
}

static void a_delivery_is_tracked_once(void **state)
{
    (void)state;
    bench b;
    open_bench(&b, &plain, 1);
    xd_tracked *d = add(&b, 1, 1, "a");
    xd_tracked *again = NULL;
    assert_int_equal(xd_schedule_add(b.schedule, b.now_us, 0, 1, 0, 1, XD_STR("a"), 0, &again),
                     XD_CONFLICT);
    assert_null(again);
    answer(&b, next(&b), XD_ANSWER_OK, 200);
    assert_true(xd_schedule_has(b.schedule, d->seq, d->index));
    record_all(&b);
    assert_false(xd_schedule_has(b.schedule, 1, 0));
    xd_schedule_destroy(b.schedule);
}

/* --- everything together, against a model --- */

enum { MODEL_DELIVERIES = 3000, MODEL_LANES = 5, MODEL_KEYS = 40, MODEL_EVENTS = 512 };

/* One delivery as the world sees it. */
typedef struct model_delivery {
    uint32_t lane, key, message;
    uint32_t applied; /* times a remote that does not deduplicate took it in */
    uint32_t settled;
    uint32_t recorded;
    bool poison; /* refused whenever it arrives alone */
    bool in_flight;
    bool superseded;
    xd_settled how;
} model_delivery;

typedef struct model_event {
    int64_t at_us;
    xd_request *request; /* to answer, or NULL */
    xd_answer answer;
    xd_tracked *record; /* to record, or NULL */
} model_event;

typedef struct model {
    xd_schedule *schedule;
    xd_random random;
    int64_t now_us;
    xd_lane_options options[MODEL_LANES];
    model_delivery deliveries[MODEL_DELIVERIES];
    model_event events[MODEL_EVENTS];
    uint32_t event_count;
    int64_t last_done[MODEL_LANES][MODEL_KEYS]; /* last delivery that ended, per key */
} model;

static uint32_t dice(model *m, uint32_t sides)
{
    return (uint32_t)xd_random_below(&m->random, sides);
}

static void model_event_add(model *m, model_event event)
{
    assert_true(m->event_count < MODEL_EVENTS);
    m->events[m->event_count++] = event;
}

static void model_settle(void *self, xd_tracked *d, xd_settled settled, int32_t status,
                         const char *reason)
{
    model *m = self;
    (void)status;
    (void)reason;
    model_delivery *delivery = &m->deliveries[d->seq];
    assert_int_equal(delivery->settled, 0);
    delivery->settled++;
    delivery->how = settled;
    delivery->superseded = d->superseded;
    model_event_add(m, (model_event){.at_us = m->now_us + dice(m, 20000), .record = d});
}

static void model_forget(void *self, xd_tracked *d)
{
    model *m = self;
    m->deliveries[d->seq].recorded++;
}

/* What the remote does with one delivery that reaches it; a lane with unknown_retry deduplicates.
 */
static bool model_apply(model *m, model_delivery *delivery)
{
    if (delivery->applied && m->options[delivery->lane].unknown_retry) {
        return true;
    }
    if (delivery->poison) {
        return false;
    }
    delivery->applied++;
    return true;
}

static xd_answer model_answer(model *m, const xd_request *request)
{
    model_delivery *first = &m->deliveries[request->deliveries[0]->seq];
    uint32_t luck = dice(m, 100);
    if (luck < 5) {
        return (xd_answer){.kind = XD_ANSWER_UNSENT, .reason = "no connection"};
    }
    if (luck < 15) {
        return (xd_answer){XD_ANSWER_TRANSIENT, 503, dice(m, 3) ? 0 : 30000, "busy", false};
    }
    if (request->lookup) {
        return luck < 20        ? (xd_answer){.kind = XD_ANSWER_UNKNOWN, .reason = "silence"}
               : first->applied ? (xd_answer){.kind = XD_ANSWER_OK, .reason = ""}
                                : (xd_answer){.kind = XD_ANSWER_ABSENT, .reason = "absent"};
    }
    if (luck < 20) {
        return (xd_answer){.kind = XD_ANSWER_UNKNOWN, .reason = "lost before it was applied"};
    }
    bool poisoned = false;
    for (uint32_t i = 0; i < request->count; i++) {
        poisoned |= m->deliveries[request->deliveries[i]->seq].poison;
    }
    if (poisoned) { /* a batch is taken whole or not at all */
        return (xd_answer){XD_ANSWER_PERMANENT, 422, 0, "poison", false};
    }
    for (uint32_t i = 0; i < request->count; i++) {
        assert_true(model_apply(m, &m->deliveries[request->deliveries[i]->seq]));
    }
    return luck < 30 ? (xd_answer){.kind = XD_ANSWER_UNKNOWN, .reason = "answer lost"}
                     : (xd_answer){XD_ANSWER_OK, 200, 0, "", false};
}

static void model_send(model *m, xd_request *request)
{
    const xd_lane_options *options = &m->options[request->lane];
    assert_true(request->count >= 1 && request->count <= options->batch_max);
    if (dice(m, 50) == 0) {
        while (xd_schedule_put_back(m->schedule, m->now_us, request, request->count - 1, 50000)) {
        }
        return;
    }
    xd_lane_stats stats;
    xd_schedule_stats(m->schedule, request->lane, &stats);
    assert_true(stats.in_flight <= options->concurrency);
    for (uint32_t i = 0; i < request->count; i++) {
        const xd_tracked *d = request->deliveries[i];
        model_delivery *delivery = &m->deliveries[d->seq];
        assert_int_equal(delivery->message, request->message);
        assert_int_equal(delivery->settled, 0);
        assert_true(m->last_done[delivery->lane][delivery->key] < d->seq);
        for (int64_t j = 0; j < MODEL_DELIVERIES; j++) { /* nobody of its key is under way */
            const model_delivery *peer = &m->deliveries[j];
            assert_false(peer->in_flight && peer->lane == delivery->lane &&
                         peer->key == delivery->key);
        }
        delivery->in_flight = true;
    }
    model_event_add(m, (model_event){.at_us = m->now_us + 100 + dice(m, 30000),
                                     .request = request,
                                     .answer = model_answer(m, request)});
}

static void model_fire(model *m, model_event event)
{
    m->now_us = event.at_us > m->now_us ? event.at_us : m->now_us;
    if (event.record) {
        const model_delivery *delivery = &m->deliveries[event.record->seq];
        if (!delivery->superseded) {
            m->last_done[delivery->lane][delivery->key] = event.record->seq;
        }
        xd_schedule_recorded(m->schedule, m->now_us, event.record);
        return;
    }
    for (uint32_t i = 0; i < event.request->count; i++) {
        m->deliveries[event.request->deliveries[i]->seq].in_flight = false;
    }
    xd_schedule_answered(m->schedule, m->now_us, event.request, &event.answer);
}

/* Runs until nothing is left to do; every turn either fires an event or moves the clock. */
static void model_run(model *m)
{
    int64_t added = 0;
    for (;;) {
        for (uint32_t i = dice(m, 4); i > 0 && added < MODEL_DELIVERIES; i--, added++) {
            model_delivery *delivery = &m->deliveries[added];
            delivery->lane = dice(m, MODEL_LANES);
            delivery->key = dice(m, MODEL_KEYS);
            delivery->message = 1 + dice(m, 2);
            delivery->poison = dice(m, 40) == 0;
            char key[32];
            snprintf(key, sizeof key, "key-%u", delivery->key);
            xd_tracked *d = NULL;
            assert_int_equal(xd_schedule_add(m->schedule, m->now_us, delivery->lane, added, 0,
                                             delivery->message, xd_str_from(key), m->now_us, &d),
                             XD_OK);
        }
        for (xd_request *r; (r = xd_schedule_next(m->schedule, m->now_us)) != NULL;) {
            model_send(m, r);
        }
        uint32_t soonest = 0;
        for (uint32_t i = 1; i < m->event_count; i++) {
            soonest = m->events[i].at_us < m->events[soonest].at_us ? i : soonest;
        }
        int64_t wake_us = xd_schedule_wake_at(m->schedule);
        if (m->event_count && m->events[soonest].at_us <= wake_us) {
            model_event event = m->events[soonest];
            m->events[soonest] = m->events[--m->event_count];
            model_fire(m, event);
        } else if (wake_us != XD_NEVER_US) {
            assert_true(wake_us > m->now_us); /* else next would have given a request */
            m->now_us = wake_us;
        } else if (added == MODEL_DELIVERIES) {
            return;
        }
    }
}

static void model_check(const model *m)
{
    for (int64_t i = 0; i < MODEL_DELIVERIES; i++) {
        const model_delivery *d = &m->deliveries[i];
        assert_int_equal(d->settled, 1);
        assert_int_equal(d->recorded, 1);
        assert_true(d->applied <= 1); /* asked or deduplicated: never twice */
        if (d->superseded) {
            assert_int_equal(d->applied, 0);
        } else if (d->how == XD_SETTLED_OK) {
            assert_int_equal(d->applied, 1);
        } else if (d->how == XD_SETTLED_DEAD) {
            assert_int_equal(d->applied, 0); /* dead is a definite no */
        }
    }
    assert_int_equal(xd_schedule_count(m->schedule), 0);
    for (uint32_t i = 0; i < MODEL_LANES; i++) {
        xd_lane_stats stats;
        xd_schedule_stats(m->schedule, i, &stats);
        assert_int_equal(stats.waiting, 0);
        assert_int_equal(stats.in_flight, 0);
        assert_int_equal(stats.unrecorded, 0);
        assert_int_equal(stats.oldest, INT64_MAX);
        assert_true(stats.ok > 0);
    }
}

static void random_failures_never_lose_repeat_or_reorder_a_delivery(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        model *m = calloc(1, sizeof *m);
        assert_non_null(m);
        m->random.state = seed;
        m->now_us = 5000000000;
        for (uint32_t i = 0; i < MODEL_LANES; i++) {
            m->options[i] = plain;
            m->options[i].attempts = 6;
            m->options[i].breaker_failures = 8;
            m->options[i].concurrency = 1 + dice(m, 16);
            for (uint32_t k = 0; k < MODEL_KEYS; k++) {
                m->last_done[i][k] = -1;
            }
        }
        m->options[1].lookup = true;
        m->options[1].unknown_retry = false;
        m->options[2].unknown_retry = false;
        m->options[3].batch_max = 8;
        m->options[3].batch_wait_ms = 5;
        m->options[4].coalesce = true;
        m->options[4].rate_per_s = 2000;
        m->schedule = xd_schedule_create(m->options, MODEL_LANES, seed,
                                         (xd_schedule_port){m, model_settle, model_forget});
        assert_non_null(m->schedule);
        model_run(m);
        model_check(m);
        xd_schedule_destroy(m->schedule);
        free(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_key_goes_in_order_and_only_after_the_record),
        cmocka_unit_test(a_failing_key_waits_and_holds_only_itself),
        cmocka_unit_test(slots_are_held_until_the_outcome_is_recorded),
        cmocka_unit_test(attempts_run_out_and_the_last_reason_stays),
        cmocka_unit_test(a_refusal_is_dead_at_once),
        cmocka_unit_test(an_unknown_outcome_is_asked_for_and_believed),
        cmocka_unit_test(without_lookup_or_dedup_an_unknown_outcome_stops_for_a_person),
        cmocka_unit_test(doubt_stays_until_the_remote_decides),
        cmocka_unit_test(the_rate_holds_over_a_minute_after_its_burst),
        cmocka_unit_test(an_open_breaker_holds_the_system_and_lets_one_probe_through),
        cmocka_unit_test(failures_beside_another_are_one_for_the_breaker),
        cmocka_unit_test(a_probe_that_is_put_back_leaves_the_next_one_as_probe),
        cmocka_unit_test(backoff_doubles_with_full_jitter_and_retry_after_is_honoured),
        cmocka_unit_test(a_batch_fills_or_waits_and_splits_when_refused),
        cmocka_unit_test(coalescing_keeps_the_newest_of_what_was_never_sent),
        cmocka_unit_test(a_newer_message_waits_until_the_record_of_the_one_it_replaces),
        cmocka_unit_test(
            what_an_earlier_process_may_have_sent_is_neither_replaced_nor_sent_unasked),
        cmocka_unit_test(a_failure_that_leaves_it_open_is_unknown_where_nothing_deduplicates),
        cmocka_unit_test(a_delivery_is_tracked_once),
        cmocka_unit_test(random_failures_never_lose_repeat_or_reorder_a_delivery),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
