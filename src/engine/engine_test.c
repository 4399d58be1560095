/* The engine over the memory store, turned by hand: what its senders are told, what is in the log,
 * and what is left when it dies between two writes. Then its threads over files. */
#define _GNU_SOURCE /* SCHED_IDLE */
#include "engine/engine.h"
#include "engine/replay.h"
#include "store/store_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>

enum { ARENA_CAP = 4 << 20, SENT_EACH = 500 };

static xd_instant fixed_clock(void)
{
    return INT64_C(1795392000000000); /* 2026-11-23T00:00:00Z */
}

static const char definition[] =
    "{\"company\":\"ACME\",\"currency\":\"USD\",\"ledger\":\"main\",\"systems\":[{\"name\":\"erp\","
    "\"receives\":[\"inventory\"]},{\"name\":\"finance\",\"receives\":[\"journal\"]}]}";

static const char order[] =
    "{\"specversion\":\"1.0\",\"id\":\"o-1\",\"source\":\"urn:erp\","
    "\"type\":\"crossdock.purchase_order.v1\",\"data\":{\"po\":\"PO-1\",\"supplier\":\"SUP-1\","
    "\"currency\":\"USD\",\"lines\":[{\"po_line\":10,\"item\":\"SKU-1\",\"quantity\":\"100\","
    "\"unit_price\":\"10\"}]}}";

static void receipt_text(char *text, size_t size, const char *id, int number, const char *quantity)
{
    snprintf(
        text, size,
        "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"urn:wms\","
        "\"type\":\"goods.receipt.confirmed\",\"data\":{\"receipt_no\":\"GR-%d\","
        "\"purchase_order\":\"PO-1\",\"site\":\"EAST\",\"received_at\":\"2026-11-20T10:00:00Z\","
        "\"lines\":[{\"line\":1,\"po_line\":10,\"item\":\"SKU-1\",\"quantity\":\"%s\"}]}}",
        id, number, quantity);
}

static void mark_done(xd_submission *s)
{
    *(bool *)s->context = true;
}

/* A submission of CloudEvents texts (NULL-terminated list). */
static xd_submission *submission_of(const char *const *texts, bool *done)
{
    uint32_t n = 0;
    while (texts[n]) {
        n++;
    }
    xd_submission *s = xd_submission_create(n, ARENA_CAP);
    for (uint32_t i = 0; i < n; i++) {
        xd_str text = xd_arena_copy(&s->arena, xd_str_from(texts[i]));
        const xd_json *json;
        xd_fault fault = XD_FAULT_NONE;
        xd_status status = xd_json_parse(text, XD_JSON_LIMITS_DEFAULT, &s->arena, &json, &fault);
        if (status == XD_OK) {
            status = xd_event_from_cloudevent(json, text, &s->arena, &s->events[i], &fault);
        }
        if (status != XD_OK) {
            fail_msg("%s: %s", fault.rule, fault.text);
        }
        s->bytes += text.len;
    }
    *done = false;
    s->context = done;
    s->done = mark_done;
    return s;
}

static xd_engine *engine_on(xd_store *store, int32_t flush_ms)
{
    xd_engine_options options = {.clock = fixed_clock, .flush_ms = flush_ms, .queue_max = 3};
    xd_engine *engine = NULL;
    xd_fault fault = XD_FAULT_NONE;
    if (xd_engine_create(store, store, &options, XD_STR(definition), &engine, &fault) != XD_OK) {
        fail_msg("%s", fault.text);
    }
    return engine;
}

static xd_appended send_one(xd_engine *engine, const char *text)
{
    bool done;
    const char *texts[] = {text, NULL};
    xd_submission *s = submission_of(texts, &done);
    assert_int_equal(xd_engine_submit(engine, s, NULL), XD_OK);
    xd_engine_turn(engine);
    assert_true(done);
    assert_int_equal(s->status, XD_OK);
    xd_appended result = s->results[0];
    xd_submission_release(s);
    return result;
}

static int64_t log_head(xd_store *store)
{
    int64_t head;
    assert_int_equal(store->ops->log_head(store, &head, NULL), XD_OK);
    return head;
}

static void an_event_is_in_the_log_once_its_sender_is_answered(void **state)
{
    (void)state;
    xd_store *store = xd_store_memory_create();
    xd_engine *engine = engine_on(store, 1000000);
    xd_appended first = send_one(engine, order);
    assert_int_equal(log_head(store), first.seq);
    assert_false(first.duplicate);
    xd_appended again = send_one(engine, order);
    assert_true(again.duplicate);
    assert_int_equal(again.seq, first.seq);
    assert_int_equal(log_head(store), first.seq);
    xd_engine_destroy(engine);
    xd_store_destroy(store);
}

static void the_same_id_with_other_content_is_a_conflict(void **state)
{
    (void)state;
    xd_store *store = xd_store_memory_create();
    xd_engine *engine = engine_on(store, 1000000);
    char one[1024];
    char spelled[1024];
    char other[1024];
    receipt_text(one, sizeof one, "r-1", 1, "5");
    receipt_text(other, sizeof other, "r-1", 1, "6");
    snprintf(spelled, sizeof spelled, "%s", one);
    spelled[strlen(spelled) - 2] = ' '; /* white space before the last brace is not content */
    snprintf(spelled + strlen(spelled) - 1, 4, "}}");
    assert_int_equal(send_one(engine, one).status, XD_OK);
    assert_true(send_one(engine, spelled).duplicate);
    assert_int_equal(send_one(engine, other).status, XD_CONFLICT);
    xd_engine_destroy(engine);
    xd_store_destroy(store);
}

static void a_batch_with_one_conflict_appends_nothing(void **state)
{
    (void)state;
    xd_store *store = xd_store_memory_create();
    xd_engine *engine = engine_on(store, 1000000);
    char one[1024];
    char two[1024];
    char changed[1024];
    receipt_text(one, sizeof one, "r-1", 1, "5");
    receipt_text(two, sizeof two, "r-2", 2, "5");
    receipt_text(changed, sizeof changed, "r-1", 1, "7");
    send_one(engine, one);
    int64_t before = log_head(store);
    bool done;
    const char *texts[] = {two, changed, NULL};
    xd_submission *s = submission_of(texts, &done);
    s->all_or_nothing = true;
    assert_int_equal(xd_engine_submit(engine, s, NULL), XD_OK);
    xd_engine_turn(engine);
    assert_true(done);
    assert_int_equal(s->status, XD_CONFLICT);
    assert_string_equal(s->fault.path, "/1/id");
    assert_int_equal(log_head(store), before);
    xd_submission_release(s);
    assert_int_equal(send_one(engine, two).seq, before + 1);
    xd_engine_destroy(engine);
    xd_store_destroy(store);
}

static void answer_with_seq(xd_submission *s, xd_buf *answer)
{
    xd_buf_printf(answer, "seq %lld", (long long)s->results[0].seq);
}

static xd_submission *keyed(xd_engine *engine, const char *text, const char *hash, bool *done)
{
    const char *texts[] = {text, NULL};
    xd_submission *s = submission_of(texts, done);
    s->consumer = XD_STR("wms");
    s->idempotency_key = XD_STR("k-1");
    s->payload_hash = xd_str_from(hash);
    s->answer = answer_with_seq;
    assert_int_equal(xd_engine_submit(engine, s, NULL), XD_OK);
    xd_engine_turn(engine);
    return s;
}

static void an_idempotency_key_answers_the_same_and_refuses_another_payload(void **state)
{
    (void)state;
    xd_store *store = xd_store_memory_create();
    xd_engine *engine = engine_on(store, 1000000);
    char one[1024];
    receipt_text(one, sizeof one, "r-1", 1, "5");
    bool done;
    xd_submission *first = keyed(engine, one, "hash-a", &done);
    assert_null(first->stored_answer.ptr);
    char expected[32];
    snprintf(expected, sizeof expected, "seq %lld", (long long)first->results[0].seq);
    xd_submission *second = keyed(engine, one, "hash-a", &done);
    assert_true(xd_str_eq(second->stored_answer, xd_str_from(expected)));
    xd_submission *third = keyed(engine, one, "hash-b", &done);
    assert_int_equal(third->status, XD_CONFLICT);
    xd_submission_release(first);
    xd_submission_release(second);
    xd_submission_release(third);
    xd_engine_destroy(engine);
    xd_store_destroy(store);
}

static void a_full_queue_pushes_back(void **state)
{
    (void)state;
    xd_store *store = xd_store_memory_create();
    xd_engine *engine = engine_on(store, 1000000);
    xd_submission *all[4];
    bool done[4];
    for (int i = 0; i < 4; i++) {
        char text[1024];
        char id[16];
        snprintf(id, sizeof id, "r-%d", i);
        receipt_text(text, sizeof text, id, i, "1");
        const char *texts[] = {text, NULL};
        all[i] = submission_of(texts, &done[i]);
        assert_int_equal(xd_engine_submit(engine, all[i], NULL), i < 3 ? XD_OK : XD_BUSY);
    }
    xd_engine_turn(engine);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(done[i], i < 3);
        xd_submission_release(all[i]);
    }
    xd_engine_destroy(engine);
    xd_store_destroy(store);
}

/* --- a store that refuses commits for a while --- */

typedef struct moody {
    xd_store base;
    xd_store *real;
    int refuse; /* commits still to refuse */
} moody;

static xd_store_ops moody_ops;

static xd_status moody_begin(xd_store *store, xd_fault *fault)
{
    moody *m = (moody *)store;
    return m->real->ops->begin(m->real, fault);
}
static xd_status moody_commit(xd_store *store, xd_fault *fault)
{
    moody *m = (moody *)store;
    if (m->refuse > 0) {
        m->refuse--;
        m->real->ops->rollback(m->real);
        return xd_fail(fault, XD_FULL, "store.full", "the disk is full");
    }
    return m->real->ops->commit(m->real, fault);
}
static void moody_rollback(xd_store *store)
{
    moody *m = (moody *)store;
    m->real->ops->rollback(m->real);
}
static void moody_hold(xd_store *store)
{
    (void)store;
}
static xd_status moody_log_append(xd_store *store, const xd_log_row *row, xd_fault *fault)
{
    moody *m = (moody *)store;
    return m->real->ops->log_append(m->real, row, fault);
}
static xd_status moody_raw_put(xd_store *store, xd_str hash, xd_str media, xd_str bytes,
                               xd_fault *fault)
{
    moody *m = (moody *)store;
    return m->real->ops->raw_put(m->real, hash, media, bytes, fault);
}
static xd_status moody_event_put(xd_store *store, const xd_log_row *row, xd_fault *fault)
{
    moody *m = (moody *)store;
    return m->real->ops->event_put(m->real, row, fault);
}
static xd_status moody_event_find(xd_store *store, xd_str source, xd_str id, int64_t *seq,
                                  xd_fault *fault)
{
    moody *m = (moody *)store;
    return m->real->ops->event_find(m->real, source, id, seq, fault);
}
static xd_status moody_log_get(xd_store *store, int64_t seq, xd_arena *arena, xd_log_row *row,
                               xd_fault *fault)
{
    moody *m = (moody *)store;
    return m->real->ops->log_get(m->real, seq, arena, row, fault);
}
static xd_status moody_log_head(xd_store *store, int64_t *seq, xd_fault *fault)
{
    moody *m = (moody *)store;
    return m->real->ops->log_head(m->real, seq, fault);
}
static xd_status moody_log_each(xd_store *store, int64_t after, int64_t limit, xd_log_visit visit,
                                void *context, xd_fault *fault)
{
    moody *m = (moody *)store;
    return m->real->ops->log_each(m->real, after, limit, visit, context, fault);
}
static xd_status moody_state_get(xd_store *store, xd_state_kind kind, xd_str key, xd_arena *arena,
                                 xd_str *value, xd_fault *fault)
{
    moody *m = (moody *)store;
    return m->real->ops->state_get(m->real, kind, key, arena, value, fault);
}
static xd_status moody_state_put(xd_store *store, xd_state_kind kind, xd_str key, xd_str value,
                                 xd_fault *fault)
{
    moody *m = (moody *)store;
    return m->real->ops->state_put(m->real, kind, key, value, fault);
}
static xd_status moody_state_each(xd_store *store, xd_state_kind kind, xd_state_visit visit,
                                  void *context, xd_fault *fault)
{
    moody *m = (moody *)store;
    return m->real->ops->state_each(m->real, kind, visit, context, fault);
}
static xd_status moody_numbered_put(xd_store *store, xd_numbered table, int64_t number,
                                    xd_str value, xd_fault *fault)
{
    moody *m = (moody *)store;
    return m->real->ops->numbered_put(m->real, table, number, value, fault);
}
static xd_status moody_meta_get(xd_store *store, xd_str name, int64_t *value, xd_fault *fault)
{
    moody *m = (moody *)store;
    return m->real->ops->meta_get(m->real, name, value, fault);
}
static xd_status moody_meta_put(xd_store *store, xd_str name, int64_t value, xd_fault *fault)
{
    moody *m = (moody *)store;
    return m->real->ops->meta_put(m->real, name, value, fault);
}

static void a_refused_commit_is_told_to_the_sender_and_passes(void **state)
{
    (void)state;
    moody_ops = (xd_store_ops){.begin = moody_begin,
                               .commit = moody_commit,
                               .rollback = moody_rollback,
                               .hold = moody_hold,
                               .let_go = moody_hold,
                               .log_append = moody_log_append,
                               .raw_put = moody_raw_put,
                               .event_put = moody_event_put,
                               .event_find = moody_event_find,
                               .log_get = moody_log_get,
                               .log_each = moody_log_each,
                               .log_head = moody_log_head,
                               .state_get = moody_state_get,
                               .state_put = moody_state_put,
                               .state_each = moody_state_each,
                               .numbered_put = moody_numbered_put,
                               .meta_get = moody_meta_get,
                               .meta_put = moody_meta_put};
    moody m = {.base.ops = &moody_ops, .real = xd_store_memory_create()};
    xd_engine *engine = engine_on(&m.base, 1000000);
    int64_t before = log_head(m.real);
    m.refuse = 1;
    bool done;
    const char *texts[] = {order, NULL};
    xd_submission *s = submission_of(texts, &done);
    assert_int_equal(xd_engine_submit(engine, s, NULL), XD_OK);
    xd_engine_turn(engine);
    assert_true(done);
    assert_int_equal(s->status, XD_FULL);
    assert_int_equal(log_head(m.real), before);
    xd_submission_release(s);
    /* Until the store takes writes again, senders are turned away at once. */
    s = submission_of(texts, &done);
    assert_int_equal(xd_engine_submit(engine, s, NULL), XD_FULL);
    xd_submission_release(s);
    xd_engine_destroy(engine);
    engine = engine_on(&m.base, 1000000);
    assert_int_equal(send_one(engine, order).seq, before + 1);
    xd_engine_destroy(engine);
    xd_store_destroy(m.real);
}

/* --- dying between two writes --- */

static void turn_until_idle(xd_engine *engine)
{
    for (int i = 0; i < 50; i++) {
        xd_engine_turn(engine);
    }
}

static void state_after_a_crash_is_that_of_a_run_without_one(void **state)
{
    (void)state;
    char hashes[2][65];
    for (int crash = 0; crash < 2; crash++) {
        xd_store *store = xd_store_memory_create();
        xd_engine *engine = engine_on(store, 1000000);
        for (int i = 0; i < 40; i++) {
            char text[1024];
            char id[16];
            snprintf(id, sizeof id, "r-%d", i);
            receipt_text(text, sizeof text, id, i, i % 3 ? "2" : "1.5");
            send_one(engine, i == 7 ? order : text); /* receipts wait until their order comes */
            if (crash && i % 5 == 4) {
                xd_engine_destroy(engine); /* without its thread nothing more is written: a crash */
                engine = engine_on(store, i % 2 ? 1000000 : 1);
            }
        }
        xd_engine_destroy(engine);
        engine = engine_on(store, 1);
        assert_int_equal(xd_engine_start(engine, NULL), XD_OK);
        assert_true(xd_engine_settle(engine, 10000));
        xd_engine_destroy(engine);
        int64_t documents;
        int64_t journals;
        assert_int_equal(xd_state_hash(store, hashes[crash], &documents, &journals, NULL), XD_OK);
        assert_true(journals > 30);
        xd_replay_result result;
        assert_int_equal(xd_replay_verify(store, NULL, NULL, &result, NULL), XD_OK);
        assert_string_equal(result.difference, "");
        assert_true(result.equal);
        xd_store_destroy(store);
    }
    assert_string_equal(hashes[0], hashes[1]);
}

typedef struct counted {
    int64_t offers;
    int64_t deliveries;
} counted;

static void count_offer(void *self, xd_parcel *parcel)
{
    counted *c = self;
    c->offers++;
    c->deliveries += parcel->count;
    xd_parcel_release(parcel);
}

static void unsettled_deliveries_are_offered_again_after_a_crash(void **state)
{
    (void)state;
    xd_store *store = xd_store_memory_create();
    char text[1024];
    receipt_text(text, sizeof text, "r-1", 1, "5");
    int64_t seen[2];
    for (int run = 0; run < 2; run++) {
        counted c = {0};
        xd_engine *engine = engine_on(store, 1000000);
        assert_int_equal(xd_engine_connect(engine, (xd_delivery_port){&c, count_offer}, NULL),
                         XD_OK);
        if (run == 0) {
            send_one(engine, order);
            send_one(engine, text);
        }
        turn_until_idle(engine);
        seen[run] = c.deliveries;
        xd_engine_destroy(engine);
    }
    assert_true(seen[0] >= 2);
    assert_int_equal(seen[0], seen[1]);
    xd_store_destroy(store);
}

/* --- threads, on two files --- */

typedef struct sender {
    xd_engine *engine;
    int first;
    atomic_int answered;
} sender;

static void count_answer(xd_submission *s)
{
    sender *from = s->context;
    assert_int_equal(s->status, XD_OK);
    atomic_fetch_add(&from->answered, 1);
}

/* Sends receipts as fast as the engine takes them, every tenth one twice. */
static void *send_many(void *context)
{
    sender *self = context;
    for (int i = 0; i < SENT_EACH; i++) {
        char text[1024];
        char id[16];
        int number = self->first + (i % 10 == 9 ? i - 1 : i);
        snprintf(id, sizeof id, "r-%d", number);
        receipt_text(text, sizeof text, id, number, "0.001");
        const char *texts[] = {text, NULL};
        bool ignored;
        xd_status status;
        do {
            xd_submission *s = submission_of(texts, &ignored);
            s->context = self;
            s->done = count_answer;
            status = xd_engine_submit(self->engine, s, NULL);
            xd_submission_release(s);
        } while (status == XD_BUSY);
        assert_int_equal(status, XD_OK);
    }
    return NULL;
}

static void appending_and_stepping_side_by_side_lose_and_repeat_nothing(void **state)
{
    (void)state;
    test_folder at;
    test_folder_make(&at);
    xd_store *log = test_open(at.path, XD_STORE_WRITE_LOG);
    xd_store *states = test_open(at.path, XD_STORE_WRITE_STATE);
    xd_engine_options options = {
        .clock = fixed_clock, .flush_ms = 5, .flush_rows = 50, .queue_max = 64};
    xd_engine *engine = NULL;
    assert_int_equal(xd_engine_create(log, states, &options, XD_STR(definition), &engine, NULL),
                     XD_OK);
    bool ordered;
    const char *texts[] = {order, NULL};
    xd_submission *first = submission_of(texts, &ordered);
    assert_int_equal(xd_engine_submit(engine, first, NULL), XD_OK);
    assert_int_equal(xd_engine_start(engine, NULL), XD_OK);
    sender senders[2] = {{.engine = engine, .first = 0}, {.engine = engine, .first = 100000}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, send_many, &senders[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    xd_submission_release(first);
    assert_true(xd_engine_settle(engine, 60000));
    xd_engine_stats stats;
    xd_engine_stats_get(engine, &stats);
    assert_int_equal(stats.appended, 1 + 2 * SENT_EACH * 9 / 10);
    assert_int_equal(stats.duplicates, 2 * SENT_EACH / 10);
    assert_int_equal(stats.backlog, 0);
    xd_engine_destroy(engine);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(senders[i].answered, SENT_EACH);
    }
    xd_store_destroy(states);
    xd_store_destroy(log);
    xd_store *reader = test_open(at.path, XD_STORE_READ);
    xd_replay_result result;
    assert_int_equal(xd_replay_verify(reader, NULL, NULL, &result, NULL), XD_OK);
    assert_string_equal(result.difference, "");
    assert_true(result.equal);
    xd_store_destroy(reader);
    test_folder_remove(&at);
}

/* --- the two that step --- */

#define SECOND ((xd_instant)1000000)

static _Atomic xd_instant moved_clock_now;

static xd_instant moved_clock(void)
{
    return moved_clock_now;
}

/* Every turn of steps passes it, on the thread that steps. */
static struct {
    pthread_mutex_t held;   /* by the test: the thread waits */
    pthread_t first;        /* guarded by held, as all below */
    int by_first, by_other; /* turns, since the engine has its threads */
    bool other_is_idle;     /* has only the cores that nobody else wants */
    bool counts;
    xd_instant other_delays; /* the clock moves by it when the other one begins */
    xd_store_ops ops;        /* of the store that has it */
    void (*hold)(xd_store *store);
} gate = {.held = PTHREAD_MUTEX_INITIALIZER};

static void count_turn(void)
{
    gate.first = gate.by_first ? gate.first : pthread_self();
    if (pthread_equal(gate.first, pthread_self())) {
        gate.by_first++;
    } else if (gate.by_other++ == 0) {
        gate.other_is_idle = sched_getscheduler(0) == SCHED_IDLE; /* on Linux: of this thread */
        moved_clock_now += gate.other_delays;
    }
}

static void pass_gate(xd_store *store)
{
    pthread_mutex_lock(&gate.held);
    if (gate.counts) {
        count_turn();
    }
    pthread_mutex_unlock(&gate.held);
    gate.hold(store);
}

static int turns_by_other(void)
{
    pthread_mutex_lock(&gate.held);
    int turns = gate.by_other;
    pthread_mutex_unlock(&gate.held);
    return turns;
}

static void ignore_offer(void *self, xd_parcel *parcel)
{
    (void)self;
    xd_parcel_release(parcel);
}

typedef struct two_steppers {
    test_folder at;
    xd_store *log, *states;
    xd_engine *engine;
    int receipts; /* so far */
} two_steppers;

static void open_two(two_steppers *t, xd_delivery_port port)
{
    *t = (two_steppers){.receipts = 0};
    test_folder_make(&t->at);
    t->log = test_open(t->at.path, XD_STORE_WRITE_LOG);
    t->states = test_open(t->at.path, XD_STORE_WRITE_STATE);
    gate.hold = t->states->ops->hold;
    gate.ops = *t->states->ops;
    gate.ops.hold = pass_gate;
    t->states->ops = &gate.ops;
    moved_clock_now = fixed_clock();
    xd_engine_options options = {.clock = moved_clock, .flush_ms = 5, .queue_max = 512};
    assert_int_equal(
        xd_engine_create(t->log, t->states, &options, XD_STR(definition), &t->engine, NULL), XD_OK);
    assert_int_equal(xd_engine_connect(t->engine, port, NULL), XD_OK);
    send_one(t->engine, order);
    turn_until_idle(t->engine);
    gate.by_first = gate.by_other = 0;
    gate.other_delays = 0;
    gate.counts = true;
    assert_int_equal(xd_engine_start(t->engine, NULL), XD_OK);
}

static void close_two(two_steppers *t)
{
    xd_engine_destroy(t->engine);
    xd_store_destroy(t->states);
    xd_store_destroy(t->log);
    test_folder_remove(&t->at);
}

static xd_status post_receipt(two_steppers *t, sender *self, xd_fault *fault)
{
    char text[1024];
    char id[16];
    snprintf(id, sizeof id, "r-%d", t->receipts);
    receipt_text(text, sizeof text, id, t->receipts++, "0.001");
    const char *texts[] = {text, NULL};
    bool ignored;
    xd_submission *s = submission_of(texts, &ignored);
    s->context = self;
    s->done = count_answer;
    xd_status status = xd_engine_submit(t->engine, s, fault);
    xd_submission_release(s);
    return status;
}

/* Returns when they are durable. */
static void post_receipts(two_steppers *t, int count)
{
    sender self = {.engine = t->engine};
    for (int i = 0; i < count; i++) {
        assert_int_equal(post_receipt(t, &self, NULL), XD_OK);
        while (i - atomic_load(&self.answered) >= 500) { /* the queue takes 512 */
            sched_yield();
        }
    }
    while (atomic_load(&self.answered) < count) {
        sched_yield();
    }
}

static void wait_until_stepped(two_steppers *t)
{
    xd_engine_stats stats;
    do {
        sched_yield();
        xd_engine_stats_get(t->engine, &stats);
    } while (stats.stepped_seq < stats.log_head);
}

typedef struct burst {
    xd_delivery_port port;
    xd_instant age;   /* of its receipts, when the first of them are stepped */
    xd_instant delay; /* that makes them older yet, when the other thread has begun with them */
    bool awaited;     /* somebody asked for all to be settled, and gave up */
} burst;

/* Many receipts wait. Returns how many turns of their steps another thread took than the one that
 * steps single ones, before and after. */
static int turns_of_burst(burst is)
{
    two_steppers t;
    open_two(&t, is.port);
    gate.other_delays = is.delay;
    post_receipts(&t, 1);
    wait_until_stepped(&t);
    assert_int_equal(turns_by_other(), 0);
    pthread_mutex_lock(&gate.held);
    post_receipts(&t, 2000);
    moved_clock_now += is.age;
    if (is.awaited) {
        assert_false(xd_engine_settle(t.engine, 0));
    }
    pthread_mutex_unlock(&gate.held);
    wait_until_stepped(&t);
    post_receipts(&t, 1);
    wait_until_stepped(&t);
    int turns = turns_by_other();
    post_receipts(&t, 1);
    wait_until_stepped(&t);
    assert_int_equal(turns_by_other(), turns);
    assert_true(xd_engine_settle(t.engine, 60000));
    close_two(&t);
    return turns;
}

enum { BURST_TURNS = 25 }; /* at least: of 64 steps, until a hundred of 2000 are left */

static void a_burst_is_stepped_to_its_end_by_a_thread_that_yields(void **state)
{
    (void)state;
    assert_true(turns_of_burst((burst){.age = 0}) >= BURST_TURNS);
    assert_true(gate.other_is_idle);
    assert_true(turns_of_burst((burst){.delay = 5 * SECOND}) >= BURST_TURNS);
}

static void a_burst_that_waits_too_long_is_stepped_by_one_that_does_not(void **state)
{
    (void)state;
    assert_int_equal(turns_of_burst((burst){.age = 60 * SECOND}), 0);
    assert_int_equal(turns_of_burst((burst){.age = 5 * SECOND}), 0); /* it catches up first */
    assert_int_equal(turns_of_burst((burst){.delay = 60 * SECOND}), 1);
}

static void a_burst_that_leads_to_deliveries_is_stepped_by_one_that_does_not(void **state)
{
    (void)state;
    assert_int_equal(turns_of_burst((burst){.port = {NULL, ignore_offer}}), 0);
}

static void a_burst_that_someone_waits_for_is_stepped_by_one_that_does_not(void **state)
{
    (void)state;
    assert_int_equal(turns_of_burst((burst){.awaited = true}), 0);
}

static void *stop(void *engine)
{
    xd_engine_stop(engine);
    return NULL;
}

static void the_steps_before_the_end_do_not_yield(void **state)
{
    (void)state;
    two_steppers t;
    pthread_t stopper;
    xd_fault fault = XD_FAULT_NONE;
    open_two(&t, (xd_delivery_port){0});
    post_receipts(&t, 1);
    wait_until_stepped(&t);
    pthread_mutex_lock(&gate.held);
    post_receipts(&t, 2000);
    assert_int_equal(pthread_create(&stopper, NULL, stop, t.engine), 0);
    sender late = {.engine = t.engine};
    while (post_receipt(&t, &late, &fault) == XD_OK || strcmp(fault.rule, "engine.stopping") != 0) {
        sched_yield();
    }
    pthread_mutex_unlock(&gate.held);
    pthread_join(stopper, NULL);
    assert_int_equal(turns_by_other(), 0);
    close_two(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_in_the_log_once_its_sender_is_answered),
        cmocka_unit_test(the_same_id_with_other_content_is_a_conflict),
        cmocka_unit_test(a_batch_with_one_conflict_appends_nothing),
        cmocka_unit_test(an_idempotency_key_answers_the_same_and_refuses_another_payload),
        cmocka_unit_test(a_full_queue_pushes_back),
        cmocka_unit_test(a_refused_commit_is_told_to_the_sender_and_passes),
        cmocka_unit_test(state_after_a_crash_is_that_of_a_run_without_one),
        cmocka_unit_test(unsettled_deliveries_are_offered_again_after_a_crash),
        cmocka_unit_test(appending_and_stepping_side_by_side_lose_and_repeat_nothing),
        cmocka_unit_test(a_burst_is_stepped_to_its_end_by_a_thread_that_yields),
        cmocka_unit_test(a_burst_that_waits_too_long_is_stepped_by_one_that_does_not),
        cmocka_unit_test(a_burst_that_leads_to_deliveries_is_stepped_by_one_that_does_not),
        cmocka_unit_test(a_burst_that_someone_waits_for_is_stepped_by_one_that_does_not),
        cmocka_unit_test(the_steps_before_the_end_do_not_yield),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
