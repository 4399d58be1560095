/* Requests that wait for their commit, over a real engine and memory store: answers, push-back,
 * stopping, clients that leave, bodies that do not come, many at once. */
#include "ingress/bulk.h"
#include "ingress/test_hub.h"

#include <poll.h>
#include <pthread.h>
#include <time.h>

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

static bool is_silent(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    return poll(&wait, 1, 50) == 0;
}

static void post_only(int fd, const char *id)
{
    char body[512];
    int n = snprintf(body, sizeof body,
                     "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"urn:test\",\"type\":"
                     "\"crossdock.site.v1\",\"data\":{\"site\":\"S\",\"name\":\"Site\"}}",
                     id);
    char request[1024];
    n = snprintf(request, sizeof request,
                 "POST /v1/events HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " TEST_SECRET
                 "\r\n" TEST_JSON "Content-Length: %d\r\n\r\n%s",
                 n, body);
    test_send(fd, request, (size_t)n);
}

/* The engine is turned by hand: no answer before the commit, push-back beyond its queue, and a
 * client that goes away meanwhile harms nobody. */
static void answers_come_after_the_commit(void **state)
{
    (void)state;
    test_hub hub;
    test_answer a;
    test_hub_start(&hub, (xd_ingress_options){0}, (xd_engine_options){.queue_max = 2},
                   (xd_ingress_ports){0}, false);
    int first = test_connect(hub.port);
    int second = test_connect(hub.port);
    int third = test_connect(hub.port);
    post_only(first, "w-1");
    assert_true(is_silent(first));
    post_only(second, "w-2");
    assert_true(is_silent(second));
    post_only(third, "w-3");
    test_receive(third, true, &a);
    test_expect(&a, 503, "\"rule\":\"engine.queue\"");
    assert_true(test_has_header(&a, "Retry-After: 1"));
    close(second);
    xd_engine_turn(hub.engine);
    test_receive(first, true, &a);
    test_expect(&a, 202, "\"accepted\":\"w-1\"");
    assert_int_equal(test_hub_appended(&hub), 2);
    post_only(third, "w-3");
    assert_true(is_silent(third));
    /* Stopping waits for what is under way, but not for ever; later answers still go out. */
    xd_ingress_stop(hub.ingress, 20);
    post_only(first, "w-4");
    test_receive(first, true, &a);
    test_expect(&a, 503, "\"rule\":\"http.stopping\"");
    assert_true(a.closes);
    xd_engine_turn(hub.engine);
    test_receive(third, true, &a);
    test_expect(&a, 202, "\"accepted\":\"w-3\"");
    close(first);
    close(third);
    test_hub_stop(&hub);
}

/* Closes as a client does that has crashed. */
static void reset_connection(int fd)
{
    const struct linger at_once = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
}

static int64_t figure(const test_hub *hub, const char *name)
{
    xd_buf text;
    xd_buf_init(&text, 1 << 20);
    xd_ingress_metrics(hub->ingress, &text);
    xd_buf_char(&text, '\0');
    const char *line = strstr(text.ptr, name);
    assert_non_null(line);
    int64_t value = strtoll(line + strlen(name), NULL, 10);
    xd_buf_finish(&text);
    return value;
}

/* Waits until the figure has this value. */
static void await_figure(const test_hub *hub, const char *name, int64_t value)
{
    for (int i = 0; i < 5000 && figure(hub, name) != value; i++) {
        pause_ms(1);
    }
    assert_int_equal(figure(hub, name), value);
}

/* --- large bodies --- */

/* Reads that are held until they are let go. */
typedef struct held_reads {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int reading;
    bool released;
} held_reads;

static xd_status read_when_released(void *context, const xd_read_request *question, xd_buf *body,
                                    xd_fault *fault)
{
    held_reads *held = context;
    (void)question;
    (void)fault;
    pthread_mutex_lock(&held->lock);
    held->reading++;
    pthread_cond_broadcast(&held->changed);
    while (!held->released) {
        pthread_cond_wait(&held->changed, &held->lock);
    }
    pthread_mutex_unlock(&held->lock);
    XD_BUF_LIT(body, "{}");
    return XD_OK;
}

/* Asks for something to read on each of the connections; returns when all are being read. */
static void hold_reads(held_reads *held, const int *fds, int count)
{
    static const char get[] =
        "GET /v1/held HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " TEST_SECRET "\r\n\r\n";
    for (int i = 0; i < count; i++) {
        assert_true(test_send(fds[i], get, sizeof get - 1));
    }
    pthread_mutex_lock(&held->lock);
    while (held->reading < count) {
        pthread_cond_wait(&held->changed, &held->lock);
    }
    pthread_mutex_unlock(&held->lock);
}

static void release_reads(held_reads *held)
{
    pthread_mutex_lock(&held->lock);
    held->released = true;
    pthread_cond_broadcast(&held->changed);
    pthread_mutex_unlock(&held->lock);
}

enum { NONE = -1, ALL = -2 };

/* count events with something between them; number wrong of them is wrong, or NONE, or ALL. */
static xd_buf many_events(const char *ids, int count, int wrong, const char *between)
{
    xd_buf text;
    xd_buf_init(&text, 4 << 20);
    for (int i = 0; i < count; i++) {
        xd_buf_printf(&text,
                      "%s{\"specversion\":\"1.0\",\"id\":\"%s-%d\",\"source\":\"urn:test\","
                      "\"type\":\"crossdock.site.v1\",\"data\":{\"site\":\"S\",\"name\":%s}}",
                      i ? between : "", ids, i, i == wrong || wrong == ALL ? "7" : "\"Site\"");
    }
    return text;
}

static void send_many(int fd, const char *headers, const char *ids, int count, int wrong,
                      test_answer *ret)
{
    bool lines = strstr(headers, "ndjson") != NULL;
    xd_buf events = many_events(ids, count, wrong, lines ? "\n" : ",");
    xd_buf body;
    xd_buf_init(&body, 4 << 20);
    xd_buf_printf(&body, lines ? "%.*s" : "[%.*s]", XD_FMT(xd_buf_str(&events)));
    test_request(fd, "POST", "/v1/events", headers, xd_buf_str(&body), ret);
    xd_buf_finish(&events);
    xd_buf_finish(&body);
}

/* So many lines that the last one, without its end, completes a chunk: it is cut before it is known
 * that nothing follows. */
static int chunk_count(void)
{
    size_t len = 0;
    int count = XD_BULK_CHUNK_BYTES / 140;
    for (; len < XD_BULK_CHUNK_BYTES; count++) {
        xd_buf text = many_events("edge", count + 1, ALL, "\n");
        len = text.len;
        xd_buf_finish(&text);
    }
    return count;
}

/* What is large is decoded apart: it waits for no read, gets the answers of what is small, and may
 * be left alone by its client at any moment. */
static void large_bodies_are_decoded_apart(void **state)
{
    (void)state;
    enum { MANY = 1000, READERS = 2, LEAVING = 20 }; /* so many have more than 100 KiB */
    static test_answer a;
    held_reads held = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    test_hub hub;
    test_hub_start(&hub, (xd_ingress_options){0}, (xd_engine_options){0},
                   (xd_ingress_ports){.read = read_when_released, .read_context = &held}, true);
    int readers[READERS] = {test_connect(hub.port), test_connect(hub.port)};
    hold_reads(&held, readers, READERS);
    int fd = test_connect(hub.port);
    send_many(fd, TEST_BATCH, "whole", MANY, NONE, &a);
    test_expect(&a, 202, "{\"accepted\":1000,\"duplicates\":0,");
    send_many(fd, TEST_BATCH, "wrong", MANY, 999, &a);
    test_expect(&a, 422, "\"pointer\":\"/999/data/name\"");
    send_many(fd, TEST_JSON "Idempotency-Key: large\r\n", "keyed", MANY, NONE, &a);
    test_expect(&a, 202, "{\"accepted\":1000,");
    send_many(fd, TEST_JSON "Idempotency-Key: large\r\n", "keyed", MANY, NONE, &a);
    test_expect(&a, 202, "{\"accepted\":1000,\"duplicates\":0,");
    assert_true(test_has_header(&a, "Idempotent-Replayed: true"));
    /* The last line has no end. */
    send_many(fd, TEST_NDJSON, "line", MANY, 3, &a);
    test_expect(&a, 207, "{\"lines\":1000,\"accepted\":999,\"duplicates\":0,\"refused\":1,");
    /* Nothing comes of the first pieces. */
    send_many(fd, TEST_NDJSON, "none", 8 * MANY, ALL, &a);
    test_expect(&a, 422, "\"lines\":8000,\"accepted\":0,");
    int count = chunk_count();
    char all[64];
    send_many(fd, TEST_NDJSON, "edge", count, ALL, &a);
    snprintf(all, sizeof all, "\"lines\":%d,\"accepted\":0,", count);
    test_expect(&a, 422, all);
    for (int i = 0; i < LEAVING; i++) {
        xd_buf body = many_events("left", MANY, MANY - 1 - i, "\n");
        int leaving = test_connect(hub.port);
        char head[512];
        int n = snprintf(head, sizeof head,
                         "POST /v1/events HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " TEST_SECRET
                         "\r\n%sContent-Length: %zu\r\n\r\n",
                         i % 2 ? TEST_NDJSON : TEST_STRUCTURED, body.len);
        test_send(leaving, head, (size_t)n);
        test_send(leaving, body.ptr, body.len - (i % 4 ? 0 : 1));
        reset_connection(leaving);
        xd_buf_finish(&body);
    }
    await_figure(&hub, "\ncrossdock_http_connections_total ", READERS + 1 + LEAVING);
    await_figure(&hub, "\ncrossdock_http_connections ", READERS + 1);
    assert_int_equal(figure(&hub, "\ncrossdock_http_inflight_bytes "), 0);
    release_reads(&held);
    for (int i = 0; i < READERS; i++) {
        test_receive(readers[i], true, &a);
        test_expect(&a, 200, "{}");
        close(readers[i]);
    }
    close(fd);
    test_hub_stop(&hub);
}

/* --- slow reads --- */

/* Metrics need a worker to count what is open, but they come without one too. */
static void metrics_wait_for_no_slow_read(void **state)
{
    (void)state;
    enum { READERS = 2, TRIES = 2000 };
    test_answer a;
    held_reads held = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    test_hub hub;
    test_hub_start(&hub, (xd_ingress_options){0}, (xd_engine_options){0},
                   (xd_ingress_ports){.read = read_when_released, .read_context = &held}, true);
    int readers[READERS] = {test_connect(hub.port), test_connect(hub.port)};
    hold_reads(&held, readers, READERS);
    int fd = test_connect(hub.port);
    test_request(fd, "GET", "/metrics", "", XD_STR(""), &a);
    test_expect(&a, 200, "crossdock_http_connections 3\n");
    assert_null(strstr(a.body, "crossdock_open"));
    assert_int_equal(held.reading, READERS);
    release_reads(&held);
    for (int i = 0; i < READERS; i++) {
        test_receive(readers[i], true, &a);
        test_expect(&a, 200, "{}");
        close(readers[i]);
    }
    bool counted = false;
    for (int i = 0; i < TRIES && !counted; i++) {
        pause_ms(1);
        test_request(fd, "GET", "/metrics", "", XD_STR(""), &a);
        counted = strstr(a.body, "crossdock_open") != NULL;
    }
    assert_true(counted);
    close(fd);
    test_hub_stop(&hub);
}

/* --- clients that leave --- */

/* Some go at once, some when the commit has taken unusually long; what they sent is accepted. */
static void clients_may_leave_before_the_commit(void **state)
{
    (void)state;
    enum { LEAVING = 20 };
    test_hub hub;
    test_answer a;
    test_hub_start(&hub, (xd_ingress_options){0}, (xd_engine_options){0}, (xd_ingress_ports){0},
                   false);
    int fds[LEAVING];
    int stays = test_connect(hub.port);
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < LEAVING; i++) {
            char id[32];
            snprintf(id, sizeof id, "leave-%d-%d", round, i);
            fds[i] = test_connect(hub.port);
            post_only(fds[i], id);
        }
        char id[32];
        snprintf(id, sizeof id, "stay-%d", round);
        post_only(stays, id);
        await_figure(&hub, "\ncrossdock_http_waiting ", LEAVING + 1);
        pause_ms(round % 2 ? 60 : 0);
        for (int i = 0; i < LEAVING; i++) {
            reset_connection(fds[i]);
        }
        pause_ms(round / 2 ? 5 : 0);
        xd_engine_turn(hub.engine);
        test_receive(stays, true, &a);
        test_expect(&a, 202, "\"duplicate\":false");
        await_figure(&hub, "\ncrossdock_http_waiting ", 0);
        await_figure(&hub, "\ncrossdock_http_connections ", 1);
        await_figure(&hub, "\ncrossdock_http_inflight_bytes ", 0);
        assert_int_equal(test_hub_appended(&hub), (round + 1) * (LEAVING + 1));
    }
    close(stays);
    test_hub_stop(&hub);
}

/* The end comes with the request, in one packet: the answer still goes out, and the connection ends
 * right after it. */
static void clients_may_close_their_side_at_once(void **state)
{
    (void)state;
    test_hub hub;
    test_hub_start(&hub, (xd_ingress_options){0}, (xd_engine_options){0}, (xd_ingress_ports){0},
                   true);
    for (int i = 0; i < 40; i++) {
        char id[32];
        char text[2048];
        size_t got = 0;
        snprintf(id, sizeof id, "half-%d", i);
        int fd = test_connect(hub.port);
        pause_ms(i % 2);
        post_only(fd, id);
        shutdown(fd, SHUT_WR);
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        for (ssize_t n = 1; n > 0; got += (size_t)n) {
            assert_int_equal(poll(&wait, 1, 5000), 1);
            n = recv(fd, text + got, sizeof text - 1 - got, 0);
            assert_true(n >= 0);
        }
        text[got] = '\0';
        assert_non_null(strstr(text, "HTTP/1.1 202"));
        close(fd);
    }
    test_hub_stop(&hub);
}

static void one_address_has_so_many_connections(void **state)
{
    (void)state;
    test_hub hub;
    test_answer a;
    test_hub_start(&hub, (xd_ingress_options){.max_per_address = 2, .threads = 2},
                   (xd_engine_options){0}, (xd_ingress_ports){0}, true);
    int first = test_connect(hub.port);
    int second = test_connect(hub.port);
    await_figure(&hub, "\ncrossdock_http_connections ", 2);
    int third = test_connect(hub.port);
    test_receive(third, true, &a);
    assert_int_equal(a.status, 0);
    close(third);
    post_only(second, "p-1");
    test_receive(second, true, &a);
    test_expect(&a, 202, "\"duplicate\":false");
    close(first);
    await_figure(&hub, "\ncrossdock_http_connections ", 1);
    first = test_connect(hub.port);
    post_only(first, "p-2");
    test_receive(first, true, &a);
    test_expect(&a, 202, "\"duplicate\":false");
    close(first);
    close(second);
    test_hub_stop(&hub);
}

static void bytes_in_flight_are_bounded(void **state)
{
    (void)state;
    test_hub hub;
    test_answer a;
    test_hub_start(&hub, (xd_ingress_options){.max_inflight_bytes = 1024}, (xd_engine_options){0},
                   (xd_ingress_ports){0}, false);
    int first = test_connect(hub.port);
    int second = test_connect(hub.port);
    post_only(first, "f-1"); /* Its memory fills the budget. */
    assert_true(is_silent(first));
    post_only(second, "f-2");
    test_receive(second, true, &a);
    test_expect(&a, 503, "\"rule\":\"http.inflight\"");
    xd_engine_turn(hub.engine);
    test_receive(first, true, &a);
    test_expect(&a, 202, NULL);
    post_only(second, "f-2");
    for (int i = 0; i < 1000 && test_hub_appended(&hub) < 2; i++) {
        pause_ms(1);
        xd_engine_turn(hub.engine);
    }
    test_receive(second, true, &a);
    test_expect(&a, 202, NULL);
    close(first);
    close(second);
    test_hub_stop(&hub);
}

/* Found by make abuse: announced bodies used up the budget before a byte of them had come. */
static void bodies_that_do_not_come_take_no_room(void **state)
{
    (void)state;
    test_hub hub;
    test_answer a;
    int slow[16];
    test_hub_start(&hub, (xd_ingress_options){.max_inflight_bytes = 1 << 17},
                   (xd_engine_options){0}, (xd_ingress_ports){0}, true);
    for (int i = 0; i < 16; i++) {
        const char *type = i % 2 ? TEST_NDJSON : TEST_STRUCTURED;
        char head[512];
        int n =
            snprintf(head, sizeof head,
                     "POST /v1/events HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer " TEST_SECRET
                     "\r\n%sContent-Length: 100000\r\n\r\n{",
                     type);
        slow[i] = test_connect(hub.port);
        assert_true(test_send(slow[i], head, (size_t)n));
    }
    test_call(&hub, "POST", "/v1/events", TEST_STRUCTURED, XD_STR(TEST_EVENT("s-1", "PO-1", "5")),
              &a);
    test_expect(&a, 202, NULL);
    for (int i = 0; i < 16; i++) {
        close(slow[i]);
    }
    test_hub_stop(&hub);
}

enum { CLIENTS = 8, POSTS = 150 };

typedef struct client_work {
    const test_hub *hub;
    int number;
    int accepted, duplicates;
} client_work;

static void *run_client(void *self)
{
    client_work *w = self;
    test_answer *a = malloc(sizeof *a);
    int fd = test_connect(w->hub->port);
    for (int i = 0; i < POSTS; i++) {
        char id[32];
        /* Two clients share each set of ids. */
        snprintf(id, sizeof id, "c-%d-%d", w->number / 2, i);
        post_only(fd, id);
        test_receive(fd, true, a);
        w->accepted += a->status == 202 && strstr(a->body, "\"duplicate\":false") != NULL;
        w->duplicates += a->status == 202 && strstr(a->body, "\"duplicate\":true") != NULL;
    }
    close(fd);
    free(a);
    return NULL;
}

static void clients_at_once(uint32_t threads)
{
    test_hub hub;
    test_hub_start(&hub, (xd_ingress_options){.threads = threads}, (xd_engine_options){0},
                   (xd_ingress_ports){0}, true);
    pthread_t ids[CLIENTS];
    client_work work[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        work[i] = (client_work){.hub = &hub, .number = i};
        assert_int_equal(pthread_create(&ids[i], NULL, run_client, &work[i]), 0);
    }
    int accepted = 0;
    int duplicates = 0;
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(ids[i], NULL);
        accepted += work[i].accepted;
        duplicates += work[i].duplicates;
    }
    assert_int_equal(accepted, CLIENTS / 2 * POSTS);
    assert_int_equal(duplicates, CLIENTS / 2 * POSTS);
    assert_int_equal(test_hub_appended(&hub), CLIENTS / 2 * POSTS);
    test_hub_stop(&hub);
}

static void many_clients_one_thread(void **state)
{
    (void)state;
    clients_at_once(1);
}

static void many_clients_three_threads(void **state)
{
    (void)state;
    clients_at_once(3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_come_after_the_commit),
        cmocka_unit_test(large_bodies_are_decoded_apart),
        cmocka_unit_test(metrics_wait_for_no_slow_read),
        cmocka_unit_test(clients_may_leave_before_the_commit),
        cmocka_unit_test(clients_may_close_their_side_at_once),
        cmocka_unit_test(one_address_has_so_many_connections),
        cmocka_unit_test(bytes_in_flight_are_bounded),
        cmocka_unit_test(bodies_that_do_not_come_take_no_room),
        cmocka_unit_test(many_clients_one_thread),
        cmocka_unit_test(many_clients_three_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
