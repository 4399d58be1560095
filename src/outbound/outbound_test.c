/* Outbound over real sockets: a remote that fails in every way it can, and a hub of the test's own
 * that takes the outcomes. Waits are bounded, never asserted on except for a declared minimum. */
#include "outbound/outbound.h"

#include "outbound/test_hub.h"
#include "outbound/test_remote.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct bench {
    test_remote *remote;
    xd_outbound *outbound;
    xd_delivery_port port;
    char urls[TEST_HUB_SYSTEMS][64];
    xd_remote_options remotes[TEST_HUB_SYSTEMS];
} bench;

static const char *const system_names[TEST_HUB_SYSTEMS] = {"erp", "procurement", "finance"};

static const xd_remote_options quick = {.concurrency = 4,
                                        .timeout_ms = 5000,
                                        .attempts = 5,
                                        .backoff_ms = 5,
                                        .backoff_max_ms = 20,
                                        .breaker_failures = 1000,
                                        .breaker_open_ms = 50,
                                        .unknown_retry = true};

static void start(bench *b, const xd_outbound_options *more)
{
    xd_outbound_options options = more ? *more : (xd_outbound_options){.seed = 1};
    options.remotes = b->remotes;
    options.remote_count = TEST_HUB_SYSTEMS;
    assert_int_equal(xd_outbound_create(&options, test_hub_reader(), &b->outbound, NULL), XD_OK);
    b->port = xd_outbound_port(b->outbound);
}

static void run(bench *b)
{
    assert_int_equal(xd_outbound_start(b->outbound, test_hub_engine(), NULL), XD_OK);
}

/* A remote with three systems that answers by script; every system has the same options. */
static void open_bench(bench *b, const xd_remote_options *options, test_script script,
                       void *context)
{
    *b = (bench){0};
    test_hub_open();
    b->remote = test_remote_open(0, script, context);
    assert_non_null(b->remote);
    for (size_t i = 0; i < TEST_HUB_SYSTEMS; i++) {
        snprintf(b->urls[i], sizeof b->urls[i], "http://127.0.0.1:%u/%s",
                 test_remote_port(b->remote), system_names[i]);
        b->remotes[i] = *options;
        b->remotes[i].name = system_names[i];
        b->remotes[i].url = b->urls[i];
    }
}

static void close_bench(bench *b)
{
    xd_outbound_stop(b->outbound, 2000);
    test_hub_close();
    xd_outbound_destroy(b->outbound);
    if (b->remote) {
        test_remote_close(b->remote);
    }
}

static int64_t emit(bench *b, const char *order_key)
{
    const test_event event = {
        .systems = {"erp"}, .message = XD_MESSAGE_INVENTORY, .order_key = order_key};
    return test_hub_emit(b->port, &event);
}

/* One delivery for each of that many order keys. */
static void emit_each(bench *b, int count)
{
    for (int i = 0; i < count; i++) {
        char key[16];
        snprintf(key, sizeof key, "PO-%d", i);
        emit(b, key);
    }
}

static void await_requests(const bench *b, uint32_t count)
{
    for (int i = 0; i < 400 && test_remote_count(b->remote) < count; i++) {
        test_sleep_ms(5);
    }
}

static test_reply always(const test_reply *reply)
{
    return *reply;
}

static test_reply accept_all(void *context, const test_arrival *arrival, uint32_t number)
{
    (void)context;
    (void)arrival;
    (void)number;
    return (test_reply){.status = 200};
}

/* The script's replies in turn, the last one for ever. */
typedef struct replies {
    const test_reply *list;
    uint32_t count;
} replies;

static test_reply in_turn(void *context, const test_arrival *arrival, uint32_t number)
{
    const replies *r = context;
    (void)arrival;
    return always(&r->list[number < r->count ? number : r->count - 1]);
}

static int64_t seq_of(const test_arrival *a)
{
    int64_t seq = 0;
    const char *dot = strchr(a->delivery, '.');
    assert_non_null(dot);
    assert_true(xd_str_to_int64((xd_str){a->delivery, (size_t)(dot - a->delivery)}, &seq));
    return seq;
}

/* --- the plain way --- */

static void every_system_gets_every_message_once_and_in_order_per_key(void **state)
{
    (void)state;
    enum { EVENTS = 400, KEYS = 7 };
    bench b;
    xd_remote_options options = quick;
    options.authorization = "Bearer hush";
    open_bench(&b, &options, accept_all, NULL);
    start(&b, NULL);
    run(&b);
    for (int i = 0; i < EVENTS; i++) {
        char key[16];
        snprintf(key, sizeof key, "PO-%d", i % KEYS);
        const test_event event = {.systems = {"erp", "procurement", "finance"},
                                  .message = XD_MESSAGE_RECEIPT_STATUS,
                                  .order_key = key};
        test_hub_emit(b.port, &event);
    }
    assert_true(test_hub_wait(EVENTS * 3));
    assert_int_equal(test_remote_count(b.remote), EVENTS * 3);
    int64_t last[TEST_HUB_SYSTEMS][KEYS] = {{0}};
    for (uint32_t i = 0; i < EVENTS * 3; i++) {
        test_arrival a = test_remote_arrival(b.remote, i);
        int64_t seq = seq_of(&a);
        uint32_t system = 0;
        char path[64];
        snprintf(path, sizeof path, "/%s/receipt-status", system_names[0]);
        while (strcmp(path, a.path) != 0) {
            assert_true(++system < TEST_HUB_SYSTEMS);
            snprintf(path, sizeof path, "/%s/receipt-status", system_names[system]);
        }
        assert_true(seq > last[system][(seq - 1) % KEYS]);
        last[system][(seq - 1) % KEYS] = seq;
        char expected[128];
        snprintf(expected, sizeof expected, "cd-%lld-%u", (long long)seq, system);
        assert_string_equal(a.key, expected);
        snprintf(expected, sizeof expected,
                 "{\"message\":\"receipt_status\",\"seq\":%lld,\"receipt\":\"GR-%lld\"}",
                 (long long)seq, (long long)seq);
        assert_string_equal(a.body, expected);
        assert_string_equal(a.authorization, "Bearer hush");
        assert_int_equal(strlen(a.traceparent), 55);
    }
    for (int64_t seq = 1; seq <= EVENTS; seq++) {
        for (uint32_t i = 0; i < TEST_HUB_SYSTEMS; i++) {
            assert_int_equal(test_hub_outcome(seq, i).ok, 1);
        }
    }
    close_bench(&b);
}

static void slots_bound_what_a_crash_could_repeat(void **state)
{
    (void)state;
    bench b;
    open_bench(&b, &quick, accept_all, NULL);
    start(&b, NULL);
    run(&b);
    test_hub_hold(true);
    emit_each(&b, 50);
    await_requests(&b, quick.concurrency);
    test_sleep_ms(50);
    assert_int_equal(test_remote_count(b.remote), quick.concurrency);
    test_hub_hold(false);
    assert_true(test_hub_wait(50));
    assert_int_equal(test_remote_count(b.remote), 50);
    close_bench(&b);
}

static void refused_outcomes_are_submitted_again(void **state)
{
    (void)state;
    bench b;
    open_bench(&b, &quick, accept_all, NULL);
    start(&b, NULL);
    test_hub_refuse(5, XD_BUSY);
    run(&b);
    int64_t seq = emit(&b, "PO-1");
    assert_true(test_hub_wait(1));
    assert_int_equal(test_hub_outcome(seq, 0).ok, 1);
    close_bench(&b);
}

/* --- failures --- */

static void transient_answers_are_tried_again_and_retry_after_is_honoured(void **state)
{
    (void)state;
    const test_reply list[] = {
        {.status = 503}, {.status = 429, .retry_after = "1"}, {.status = 200}};
    replies script = {list, 3};
    bench b;
    open_bench(&b, &quick, in_turn, &script);
    start(&b, NULL);
    run(&b);
    struct timespec t0;
    struct timespec t1;
    clock_gettime(CLOCK_MONOTONIC, &t0);
    int64_t seq = emit(&b, "PO-1");
    assert_true(test_hub_wait(1));
    clock_gettime(CLOCK_MONOTONIC, &t1);
    assert_true((t1.tv_sec - t0.tv_sec) * 1000 + (t1.tv_nsec - t0.tv_nsec) / 1000000 >= 1000);
    assert_int_equal(test_hub_outcome(seq, 0).ok, 1);
    assert_int_equal(test_remote_count(b.remote), 3);
    test_arrival first = test_remote_arrival(b.remote, 0);
    test_arrival last = test_remote_arrival(b.remote, 2);
    assert_string_equal(first.key, last.key);
    assert_string_not_equal(first.traceparent, last.traceparent);         /* another span */
    assert_memory_equal(first.traceparent + 3, last.traceparent + 3, 32); /* of one trace */
    close_bench(&b);
}

static void a_refusal_is_a_dead_letter_with_its_reason(void **state)
{
    (void)state;
    const test_reply list[] = {{.status = 422, .body = "{\"error\":\"unknown item\"}\n"},
                               {.status = 302},
                               {.status = 200}};
    replies script = {list, 3};
    bench b;
    open_bench(&b, &quick, in_turn, &script);
    start(&b, NULL);
    run(&b);
    int64_t first = emit(&b, "PO-1");
    int64_t second = emit(&b, "PO-1");
    int64_t third = emit(&b, "PO-1");
    assert_true(test_hub_wait(3));
    test_outcome outcome = test_hub_outcome(first, 0);
    assert_int_equal(outcome.dead, 1);
    assert_int_equal(outcome.status, 422);
    assert_int_equal(outcome.attempts, 1);
    assert_string_equal(outcome.reason, "http 422: {\"error\":\"unknown item\"}");
    assert_int_equal(test_hub_outcome(second, 0).dead, 1); /* a redirect is not followed */
    assert_int_equal(test_hub_outcome(third, 0).ok, 1);
    close_bench(&b);
}

static void attempts_run_out(void **state)
{
    (void)state;
    const test_reply list[] = {{.status = 500, .body = "oops"}};
    replies script = {list, 1};
    bench b;
    open_bench(&b, &quick, in_turn, &script);
    start(&b, NULL);
    run(&b);
    int64_t seq = emit(&b, "PO-1");
    assert_true(test_hub_wait(1));
    test_outcome outcome = test_hub_outcome(seq, 0);
    assert_int_equal(outcome.dead, 1);
    assert_int_equal(outcome.attempts, quick.attempts);
    assert_string_equal(outcome.reason, "http 500: oops");
    assert_int_equal(test_remote_count(b.remote), quick.attempts);
    close_bench(&b);
}

/* The second request on a kept-open connection is committed and the connection closed: a client
 * library would resend it silently, at once; here it must be the schedule's decision. */
static void a_connection_lost_after_the_commit_is_sent_again_with_the_same_key(void **state)
{
    (void)state;
    const test_reply list[] = {{.status = 200}, {.status = 0}, {.status = 200}};
    replies script = {list, 3};
    bench b;
    open_bench(&b, &quick, in_turn, &script);
    start(&b, NULL);
    run(&b);
    emit(&b, "PO-1");
    int64_t seq = emit(&b, "PO-1");
    assert_true(test_hub_wait(2));
    assert_int_equal(test_hub_outcome(seq, 0).ok, 1);
    assert_int_equal(test_remote_count(b.remote), 3);
    test_arrival dropped = test_remote_arrival(b.remote, 1);
    test_arrival again = test_remote_arrival(b.remote, 2);
    assert_string_equal(dropped.key, again.key);
    close_bench(&b);
}

static test_reply lookup_script(void *context, const test_arrival *arrival, uint32_t number)
{
    (void)number;
    uint32_t *posts = context;
    if (strcmp(arrival->method, "GET") == 0) {
        assert_string_equal(arrival->path, "/erp/lookup");
        return (test_reply){.status = strstr(arrival->query, "cd-2-0") ? 404 : 200};
    }
    (*posts)++;
    return (test_reply){.status = *posts == 1 || *posts == 2 ? 0 : 200};
}

static void an_unknown_outcome_is_looked_up(void **state)
{
    (void)state;
    uint32_t posts = 0;
    bench b;
    xd_remote_options options = quick;
    options.lookup_path = "/lookup?key={idempotency_key}&id={id}";
    options.unknown_retry = false;
    open_bench(&b, &options, lookup_script, &posts);
    start(&b, NULL);
    run(&b);
    int64_t has_it = emit(&b, "PO-1");
    int64_t has_it_not = emit(&b, "PO-1");
    assert_true(test_hub_wait(2));
    assert_int_equal(test_hub_outcome(has_it, 0).ok, 1);
    assert_int_equal(test_hub_outcome(has_it_not, 0).ok, 1);
    /* POST (lost), GET (yes); POST (lost), GET (no), POST. */
    assert_int_equal(test_remote_count(b.remote), 5);
    assert_int_equal(posts, 3);
    test_arrival lookup = test_remote_arrival(b.remote, 1);
    assert_string_equal(lookup.query, "key=cd-1-0;id=id-1;");
    /* That it has it not is an answer, and no error of the system. */
    xd_buf text;
    xd_buf_init(&text, 1 << 16);
    xd_outbound_status(b.outbound, &text);
    xd_buf_char(&text, '\0');
    assert_non_null(strstr(text.ptr, "no answer"));
    assert_null(strstr(text.ptr, "http 404"));
    xd_buf_finish(&text);
    close_bench(&b);
}

static void a_late_answer_without_lookup_or_dedup_stops_for_a_person(void **state)
{
    (void)state;
    const test_reply list[] = {{.status = 200, .delay_ms = 400}, {.status = 200}};
    replies script = {list, 2};
    bench b;
    xd_remote_options options = quick;
    options.unknown_retry = false;
    options.timeout_ms = 100;
    open_bench(&b, &options, in_turn, &script);
    start(&b, NULL);
    run(&b);
    int64_t seq = emit(&b, "PO-1");
    int64_t next = emit(&b, "PO-1");
    assert_true(test_hub_wait(2));
    test_outcome outcome = test_hub_outcome(seq, 0);
    assert_int_equal(outcome.unknown, 1);
    assert_int_equal(outcome.status, 0);
    assert_non_null(strstr(outcome.reason, "no answer"));
    assert_int_equal(test_hub_outcome(next, 0).ok, 1);
    close_bench(&b);
}

static void a_remote_that_is_down_is_waited_for(void **state)
{
    (void)state;
    bench b;
    xd_remote_options options = quick;
    options.attempts = 1000;
    options.breaker_failures = 3;
    open_bench(&b, &options, accept_all, NULL);
    uint16_t port = test_remote_port(b.remote);
    test_remote_close(b.remote);
    start(&b, NULL);
    run(&b);
    emit_each(&b, 20);
    test_sleep_ms(150);
    xd_buf text;
    xd_buf_init(&text, 1 << 16);
    xd_outbound_status(b.outbound, &text);
    xd_buf_char(&text, '\0');
    assert_non_null(strstr(text.ptr, "\"last_error\":\"not sent: "));
    assert_null(strstr(text.ptr, "\"dead\":1"));
    xd_buf_finish(&text);
    b.remote = test_remote_open(port, accept_all, NULL);
    assert_non_null(b.remote);
    assert_true(test_hub_wait(20));
    assert_int_equal(test_remote_count(b.remote), 20);
    close_bench(&b);
}

/* A TLS remote, with its certificate in a file of the test's. */
static void open_tls_bench(bench *b, const xd_remote_options *options, char *certificate)
{
    int fd = mkstemp(certificate);
    assert_true(fd >= 0);
    close(fd);
    open_bench(b, options, accept_all, NULL);
    test_remote_close(b->remote);
    b->remote = test_remote_open_tls(accept_all, NULL, certificate);
    assert_non_null(b->remote);
    for (size_t i = 0; i < TEST_HUB_SYSTEMS; i++) {
        snprintf(b->urls[i], sizeof b->urls[i], "https://127.0.0.1:%u/%s",
                 test_remote_port(b->remote), system_names[i]);
    }
}

/* Three systems at one TLS remote: one trusts its certificate, one has the system's trust only, and
 * one knows the remote by a name that the certificate does not have. */
static void a_certificate_nobody_vouches_for_is_refused(void **state)
{
    (void)state;
    char certificate[] = "/tmp/crossdock-test-XXXXXX";
    bench b;
    xd_remote_options options = quick;
    options.attempts = 2;
    open_tls_bench(&b, &options, certificate);
    snprintf(b.urls[2], sizeof b.urls[2], "https://localhost:%u/finance",
             test_remote_port(b.remote));
    b.remotes[1].ca_file = certificate;
    b.remotes[2].ca_file = certificate;
    start(&b, NULL);
    run(&b);
    const test_event event = {.systems = {"erp", "procurement", "finance"},
                              .message = XD_MESSAGE_INVENTORY,
                              .order_key = "PO-1"};
    int64_t seq = test_hub_emit(b.port, &event);
    assert_true(test_hub_wait(3));
    test_outcome untrusted = test_hub_outcome(seq, 0);
    assert_int_equal(untrusted.dead, 1);
    assert_non_null(strstr(untrusted.reason, "not sent: SSL certificate problem"));
    assert_int_equal(test_hub_outcome(seq, 1).ok, 1);
    test_outcome misnamed = test_hub_outcome(seq, 2);
    assert_int_equal(misnamed.dead, 1);
    assert_non_null(strstr(misnamed.reason, "not sent: SSL: no alternative certificate subject"));
    assert_int_equal(test_remote_count(b.remote), 1);
    close_bench(&b);
    unlink(certificate);
}

static void deliver_over_tls(uint32_t pipeline, uint32_t connections)
{
    enum { EVENTS = 200 };
    char certificate[] = "/tmp/crossdock-test-XXXXXX";
    bench b;
    xd_remote_options options = quick;
    options.pipeline = pipeline;
    open_tls_bench(&b, &options, certificate);
    b.remotes[0].ca_file = certificate;
    start(&b, NULL);
    run(&b);
    emit_each(&b, EVENTS);
    assert_true(test_hub_wait(EVENTS));
    for (int64_t seq = 1; seq <= EVENTS; seq++) {
        assert_int_equal(test_hub_outcome(seq, 0).ok, 1);
    }
    assert_int_equal(test_remote_count(b.remote), EVENTS);
    assert_true(test_remote_connections(b.remote) <= connections);
    close_bench(&b);
    unlink(certificate);
}

static void tls_connections_carry_one_request_after_another(void **state)
{
    (void)state;
    deliver_over_tls(1, quick.concurrency);
}

static void tls_connections_carry_several_requests_at_a_time(void **state)
{
    (void)state;
    deliver_over_tls(2, quick.concurrency / 2);
}

/* --- batches --- */

static test_reply batch_script(void *context, const test_arrival *arrival, uint32_t number)
{
    (void)context;
    (void)number;
    /* A batch with the bad message is refused whole. */
    return (test_reply){.status = strstr(arrival->body, "\"GR-3\"") ? 400 : 200};
}

static void a_batch_is_one_request_and_splits_when_refused(void **state)
{
    (void)state;
    bench b;
    xd_remote_options options = quick;
    options.batch_max = 5;
    options.batch_wait_ms = 30;
    options.concurrency = 1;
    open_bench(&b, &options, batch_script, NULL);
    start(&b, NULL);
    emit_each(&b, 10);
    run(&b);
    assert_true(test_hub_wait(10));
    test_arrival first = test_remote_arrival(b.remote, 0);
    assert_string_equal(first.key, "cd-1-0");
    assert_non_null(strstr(first.body, "[{\"idempotency_key\":\"cd-1-0\",\"message\":\"inventory\","
                                       "\"body\":{\"message\":\"inventory\",\"seq\":1,"));
    assert_non_null(strstr(first.body, ",{\"idempotency_key\":\"cd-5-0\""));
    assert_null(strstr(first.body, "cd-6-0"));
    assert_int_equal(test_remote_count(b.remote), 2 + 5);
    for (int64_t seq = 1; seq <= 10; seq++) {
        assert_int_equal(test_hub_outcome(seq, 0).ok, seq != 3);
    }
    assert_int_equal(test_hub_outcome(3, 0).dead, 1);
    close_bench(&b);
}

/* --- bounds --- */

static void bodies_that_left_memory_come_from_the_store(void **state)
{
    (void)state;
    bench b;
    open_bench(&b, &quick, accept_all, NULL);
    start(&b, &(xd_outbound_options){.seed = 1, .memory_bytes = 2000});
    for (int i = 0; i < 200; i++) {
        char key[16];
        snprintf(key, sizeof key, "PO-%d", i);
        const test_event event = {.systems = {"erp"},
                                  .message = XD_MESSAGE_INVENTORY,
                                  .order_key = key,
                                  .without_texts = i % 2 == 0,
                                  .unwritten = i >= 100};
        test_hub_emit(b.port, &event);
    }
    run(&b);
    assert_true(test_hub_wait(50));
    assert_true(test_hub_recorded() < 200); /* those not in the store yet wait */
    test_hub_write();
    assert_true(test_hub_wait(200));
    assert_int_equal(test_remote_count(b.remote), 200);
    close_bench(&b);
}

/* Far more than may be tracked, first at once and then while it drains. Some are offered twice, as
 * a retried dead letter would be, when again is set: those may overtake what is not read again yet.
 */
static void overflow(bool again, uint32_t pipeline)
{
    enum { EVENTS = 6000, KEYS = 97 };
    bench b;
    xd_remote_options options = quick;
    options.concurrency = 32;
    options.pipeline = pipeline;
    open_bench(&b, &options, accept_all, NULL);
    start(&b, &(xd_outbound_options){.seed = 1, .max_entries = 1000});
    for (int i = 0; i < EVENTS; i++) {
        if (i == EVENTS / 2) {
            run(&b);
        }
        char key[16];
        snprintf(key, sizeof key, "PO-%d", i % KEYS);
        emit(&b, key);
        if (again && i % 512 == 511) {
            test_hub_offer_again(b.port, 1 + i / 2);
        }
        if (i > EVENTS / 2 && i % 100 == 0) {
            test_sleep_ms(5);
        }
    }
    assert_true(test_hub_wait(EVENTS));
    test_sleep_ms(100);
    assert_int_equal(test_hub_recorded(), EVENTS);
    assert_int_equal(test_hub_open_deliveries(), 0);
    assert_int_equal(test_remote_count(b.remote), EVENTS);
    int64_t last[KEYS] = {0};
    for (uint32_t i = 0; !again && i < EVENTS; i++) {
        test_arrival a = test_remote_arrival(b.remote, i);
        int64_t seq = seq_of(&a);
        assert_true(seq > last[(seq - 1) % KEYS]);
        last[(seq - 1) % KEYS] = seq;
    }
    close_bench(&b);
}

static void what_is_too_much_for_memory_is_read_again_and_nothing_is_lost(void **state)
{
    (void)state;
    overflow(true, 1);
}

static void what_is_too_much_for_memory_still_goes_in_order_per_key(void **state)
{
    (void)state;
    overflow(false, 8);
}

static void stopping_lets_requests_under_way_finish_and_records_them(void **state)
{
    (void)state;
    const test_reply list[] = {{.status = 200, .delay_ms = 200}};
    replies script = {list, 1};
    bench b;
    open_bench(&b, &quick, in_turn, &script);
    start(&b, NULL);
    run(&b);
    emit_each(&b, 20);
    await_requests(&b, quick.concurrency);
    xd_outbound_stop(b.outbound, 5000);
    uint32_t sent = test_remote_count(b.remote);
    assert_true(sent >= quick.concurrency && sent < 20);
    assert_int_equal(test_hub_recorded(), sent); /* all that was sent is recorded */
    close_bench(&b);
}

static void a_system_nobody_configured_is_a_dead_letter(void **state)
{
    (void)state;
    bench b;
    open_bench(&b, &quick, accept_all, NULL);
    start(&b, NULL);
    run(&b);
    const test_event event = {
        .systems = {"mars"}, .message = XD_MESSAGE_INVENTORY, .order_key = "PO-1"};
    int64_t seq = test_hub_emit(b.port, &event);
    assert_true(test_hub_wait(1));
    assert_int_equal(test_hub_outcome(seq, 0).dead, 1);
    close_bench(&b);
}

static void metrics_are_prometheus_text(void **state)
{
    (void)state;
    bench b;
    open_bench(&b, &quick, accept_all, NULL);
    start(&b, NULL);
    run(&b);
    emit(&b, "PO-1");
    assert_true(test_hub_wait(1));
    test_sleep_ms(20);
    xd_buf text;
    xd_buf_init(&text, 1 << 16);
    xd_outbound_metrics(b.outbound, &text);
    xd_buf_char(&text, '\0');
    assert_false(text.failed);
    assert_non_null(
        strstr(text.ptr, "crossdock_outbound_deliveries_total{system=\"erp\",result=\"ok\"} 1\n"));
    assert_non_null(
        strstr(text.ptr, "crossdock_outbound_request_seconds_count{system=\"erp\"} 1\n"));
    assert_non_null(strstr(text.ptr, "crossdock_outbound_breaker_state{system=\"finance\"} 0\n"));
    xd_buf_finish(&text);
    close_bench(&b);
}

/* --- systems with a format of their own --- */

#define HASH_CSV "1111111111111111111111111111111111111111111111111111111111111111"
#define HASH_SOAP "2222222222222222222222222222222222222222222222222222222222222222"
#define HASH_OWN "3333333333333333333333333333333333333333333333333333333333333333"

static const char CSV_MAP[] =
    "{\"name\":\"csv\",\"file\":\"maps/"
    "csv.jsonata\",\"layout\":{\"format\":\"csv\",\"header\":true},"
    "\"text\":\"{'receipt': receipt, 'site': $xref('site', 'erp', 'A/1'), 'dice': $random()}\"}";
static const char SOAP_MAP[] =
    "{\"name\":\"soap\",\"layout\":{\"format\":\"xml\",\"soap\":\"1.1\"},"
    "\"soap_action\":\"urn:erp:PostGoods\","
    "\"text\":\"{'goods': {'@no': receipt}}\"}";
static const char OWN_MAP[] =
    "{\"name\":\"own\",\"text\":\"seq = 3 ? $error('not three') : {'no': receipt}\"}";

static int64_t emit_mapped(bench *b, const char *order_key, const char *map, bool unwritten)
{
    const test_event event = {.systems = {"erp"},
                              .message = XD_MESSAGE_INVENTORY,
                              .order_key = order_key,
                              .map = map,
                              .unwritten = unwritten};
    return test_hub_emit(b->port, &event);
}

/* Corrects the code while answering, so that the next try meets another state. */
static test_reply correct_the_code(void *context, const test_arrival *arrival, uint32_t number)
{
    (void)context;
    (void)arrival;
    test_hub_state(XD_STATE_CROSSWALK, "site/erp/A%2F1",
                   "{\"entries\":[{\"value\":\"new\",\"seq\":9}],"
                   "\"past\":[{\"value\":\"Werk 1\",\"seq\":1,\"until\":9}]}");
    return (test_reply){.status = number < 3 || number == 4 ? 503 : 200};
}

static void a_mapped_body_is_the_same_on_every_try(void **state)
{
    (void)state;
    bench b;
    open_bench(&b, &quick, correct_the_code, NULL);
    test_hub_state(XD_STATE_MAP, HASH_CSV, CSV_MAP);
    test_hub_state(XD_STATE_MAP, HASH_SOAP, SOAP_MAP);
    test_hub_state(XD_STATE_CROSSWALK, "site/erp/A%2F1",
                   "{\"entries\":[{\"value\":\"Werk 1\",\"seq\":1}]}");
    start(&b, NULL);
    run(&b);
    int64_t csv = emit_mapped(&b, "PO-1", "csv@" HASH_CSV, false);
    assert_true(test_hub_wait(1));
    assert_int_equal(test_hub_outcome(csv, 0).ok, 1);
    assert_int_equal(test_remote_count(b.remote), 4);
    test_arrival first = test_remote_arrival(b.remote, 0);
    assert_string_equal(first.content_type, "text/csv; charset=utf-8");
    assert_string_equal(first.soap_action, "none");
    assert_non_null(strstr(first.body, "receipt,site,dice\r\nGR-1,Werk 1,0."));
    for (uint32_t i = 1; i < 4; i++) {
        test_arrival again = test_remote_arrival(b.remote, i);
        assert_string_equal(again.body, first.body);
        assert_string_equal(again.key, first.key);
        assert_string_equal(again.content_type, first.content_type);
    }
    /* The next one over the same connection has headers of its own. */
    emit_mapped(&b, "PO-1", "soap@" HASH_SOAP, false);
    emit(&b, "PO-1");
    assert_true(test_hub_wait(3));
    test_arrival soap = test_remote_arrival(b.remote, 4);
    assert_string_equal(soap.content_type, "text/xml; charset=utf-8");
    assert_string_equal(soap.soap_action, "\"urn:erp:PostGoods\"");
    assert_non_null(strstr(soap.body, "<goods no=\"GR-2\"/>"));
    test_arrival soap_again = test_remote_arrival(b.remote, 5);
    assert_string_equal(soap_again.body, soap.body);
    assert_string_equal(soap_again.soap_action, soap.soap_action);
    test_arrival plain = test_remote_arrival(b.remote, 6);
    assert_string_equal(plain.content_type, "application/json");
    assert_string_equal(plain.soap_action, "none");
    close_bench(&b);
}

static void what_no_map_can_make_is_a_dead_letter_and_the_rest_goes_on(void **state)
{
    (void)state;
    bench b;
    open_bench(&b, &quick, accept_all, NULL);
    test_hub_state(XD_STATE_MAP, HASH_CSV, CSV_MAP);
    test_hub_state(XD_STATE_MAP, HASH_OWN, OWN_MAP);
    start(&b, NULL);
    run(&b);
    int64_t missing = emit_mapped(&b, "PO-1", "csv@" HASH_CSV, false);
    int64_t fine = emit_mapped(&b, "PO-1", "own@" HASH_OWN, false);
    int64_t broken = emit_mapped(&b, "PO-1", "own@" HASH_OWN, false);
    int64_t after = emit(&b, "PO-1");
    assert_true(test_hub_wait(4));
    assert_int_equal(test_hub_outcome(missing, 0).dead, 1);
    assert_non_null(strstr(test_hub_outcome(missing, 0).reason,
                           "xref.missing site/erp/A%2F1: maps/csv.jsonata:1:"));
    assert_int_equal(test_hub_outcome(fine, 0).ok, 1);
    assert_int_equal(test_hub_outcome(broken, 0).dead, 1);
    assert_non_null(strstr(test_hub_outcome(broken, 0).reason, "own:1:"));
    assert_non_null(strstr(test_hub_outcome(broken, 0).reason, "not three"));
    assert_int_equal(test_hub_outcome(after, 0).ok, 1);
    assert_int_equal(test_remote_count(b.remote), 2);
    close_bench(&b);
}

static void a_mapped_body_waits_until_its_codes_and_its_version_are_in_the_store(void **state)
{
    (void)state;
    bench b;
    open_bench(&b, &quick, accept_all, NULL);
    start(&b, NULL);
    run(&b);
    int64_t seq = emit_mapped(&b, "PO-1", "csv@" HASH_CSV, true);
    test_sleep_ms(60);
    test_hub_state(XD_STATE_MAP, HASH_CSV, CSV_MAP);
    test_sleep_ms(120);
    assert_int_equal(test_remote_count(b.remote), 0); /* the code may be there, not yet written */
    test_hub_state(XD_STATE_CROSSWALK, "site/erp/A%2F1",
                   "{\"entries\":[{\"value\":\"Werk 1\",\"seq\":1}]}");
    test_hub_write();
    assert_true(test_hub_wait(1));
    assert_int_equal(test_hub_outcome(seq, 0).ok, 1);
    assert_int_equal(test_remote_count(b.remote), 1);
    close_bench(&b);
}

static void a_batch_of_mapped_messages_is_an_array_of_them(void **state)
{
    (void)state;
    bench b;
    xd_remote_options options = quick;
    options.batch_max = 5;
    options.batch_wait_ms = 30;
    options.concurrency = 1;
    open_bench(&b, &options, accept_all, NULL);
    test_hub_state(XD_STATE_MAP, HASH_OWN, OWN_MAP);
    test_hub_state(XD_STATE_MAP, HASH_SOAP, SOAP_MAP);
    start(&b, NULL);
    static const char *const maps[] = {"own@" HASH_OWN, "own@" HASH_OWN,  "own@" HASH_OWN, NULL,
                                       "own@" HASH_OWN, "soap@" HASH_SOAP};
    for (int i = 0; i < 6; i++) {
        char key[16];
        snprintf(key, sizeof key, "PO-%d", i);
        emit_mapped(&b, key, maps[i], false);
    }
    run(&b);
    assert_true(test_hub_wait(6));
    test_arrival first = test_remote_arrival(b.remote, 0);
    assert_string_equal(first.body, /* 3 is dead, 4 is of no map, 6 of another */
                        "[{\"no\":\"GR-1\"},{\"no\":\"GR-2\"},{\"no\":\"GR-5\"}]");
    assert_string_equal(first.content_type, "application/json");
    assert_int_equal(test_remote_count(b.remote), 2);
    test_arrival plain = test_remote_arrival(b.remote, 1);
    assert_true(strstr(plain.body, "[{\"idempotency_key\":\"cd-4-0\"") == plain.body);
    assert_int_equal(test_hub_outcome(3, 0).dead, 1);
    assert_int_equal(test_hub_outcome(6, 0).dead, 1);
    assert_non_null(strstr(test_hub_outcome(6, 0).reason, "batch_max"));
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_system_gets_every_message_once_and_in_order_per_key),
        cmocka_unit_test(slots_bound_what_a_crash_could_repeat),
        cmocka_unit_test(refused_outcomes_are_submitted_again),
        cmocka_unit_test(transient_answers_are_tried_again_and_retry_after_is_honoured),
        cmocka_unit_test(a_refusal_is_a_dead_letter_with_its_reason),
        cmocka_unit_test(attempts_run_out),
        cmocka_unit_test(a_connection_lost_after_the_commit_is_sent_again_with_the_same_key),
        cmocka_unit_test(an_unknown_outcome_is_looked_up),
        cmocka_unit_test(a_late_answer_without_lookup_or_dedup_stops_for_a_person),
        cmocka_unit_test(a_remote_that_is_down_is_waited_for),
        cmocka_unit_test(a_certificate_nobody_vouches_for_is_refused),
        cmocka_unit_test(tls_connections_carry_one_request_after_another),
        cmocka_unit_test(tls_connections_carry_several_requests_at_a_time),
        cmocka_unit_test(a_batch_is_one_request_and_splits_when_refused),
        cmocka_unit_test(bodies_that_left_memory_come_from_the_store),
        cmocka_unit_test(what_is_too_much_for_memory_is_read_again_and_nothing_is_lost),
        cmocka_unit_test(what_is_too_much_for_memory_still_goes_in_order_per_key),
        cmocka_unit_test(stopping_lets_requests_under_way_finish_and_records_them),
        cmocka_unit_test(a_system_nobody_configured_is_a_dead_letter),
        cmocka_unit_test(metrics_are_prometheus_text),
        cmocka_unit_test(a_mapped_body_is_the_same_on_every_try),
        cmocka_unit_test(what_no_map_can_make_is_a_dead_letter_and_the_rest_goes_on),
        cmocka_unit_test(a_mapped_body_waits_until_its_codes_and_its_version_are_in_the_store),
        cmocka_unit_test(a_batch_of_mapped_messages_is_an_array_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
