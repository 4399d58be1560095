/* The HTTP side over a real engine and memory store, byte for byte: what is accepted, what is
 * refused and where, limits, keys, decisions. */
#include "ingress/test_hub.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>

static void start(test_hub *hub)
{
    test_hub_start(hub, (xd_ingress_options){0}, (xd_engine_options){0}, (xd_ingress_ports){0},
                   true);
}

/* --- content modes --- */

static void single_events_are_accepted_once(void **state)
{
    (void)state;
    test_hub hub;
    test_answer a;
    start(&hub);
    int fd = test_connect(hub.port);
    xd_str body = XD_STR(TEST_EVENT("e-1", "PO-1", "10"));
    test_request(fd, "POST", "/v1/events", TEST_STRUCTURED, body, &a);
    test_expect(&a, 202, "{\"accepted\":\"e-1\",\"seq\":2,\"duplicate\":false}");
    test_request(fd, "POST", "/v1/events", TEST_JSON, body, &a);
    test_expect(&a, 202, "{\"accepted\":\"e-1\",\"seq\":2,\"duplicate\":true}");
    /* The same content spelled otherwise is the same. */
    test_request(fd, "POST", "/v1/events", "Content-Type: Application/JSON; charset=\"UTF-8\"\r\n",
                 XD_STR(" " TEST_EVENT("e-1", "PO-1", "10") "\n"), &a);
    test_expect(&a, 202, "\"duplicate\":true");
    test_request(fd, "POST", "/v1/events", TEST_STRUCTURED, XD_STR(TEST_EVENT("e-1", "PO-1", "11")),
                 &a);
    test_expect(&a, 409, "\"rule\":\"event.id\",\"pointer\":\"/id\"");
    assert_true(test_has_header(&a, "Content-Type: application/problem+json"));
    assert_int_equal(test_hub_appended(&hub), 1);
    close(fd);
    test_hub_stop(&hub);
}

static void binary_mode_decodes_its_headers(void **state)
{
    (void)state;
    test_hub hub;
    test_answer a;
    start(&hub);
    xd_str data = XD_STR(TEST_DATA("PO-2", "10"));
#define BINARY TEST_JSON "ce-specversion: 1.0\r\nCe-Type: crossdock.purchase_order.v1\r\n"
    test_call(&hub, "POST", "/v1/events",
              BINARY "ce-source: urn:test\r\nce-id: \"b%20%C3%A9-\\\"1\"\r\n", data, &a);
    test_expect(&a, 202, "{\"accepted\":\"b \xc3\xa9-\\\"1\",\"seq\":2");
    test_call(&hub, "POST", "/v1/events", BINARY "ce-source: urn:test\r\nce-id: b%2\r\n", data, &a);
    test_expect(&a, 400, "\"rule\":\"http.percent_encoding\",\"pointer\":\"ce-id\"");
    test_call(&hub, "POST", "/v1/events", BINARY "ce-source: urn:test\r\nce-id: b%ff\r\n", data,
              &a);
    test_expect(&a, 400, "\"rule\":\"http.utf8\"");
    test_call(&hub, "POST", "/v1/events", BINARY "ce-id: b-2\r\n", data, &a);
    test_expect(&a, 422, "\"rule\":\"event.source\",\"pointer\":\"ce-source\"");
    test_call(&hub, "POST", "/v1/events", BINARY "ce-source: urn:test\r\nce-id: b-3\r\n",
              XD_STR(TEST_DATA("PO-2", "-10")), &a);
    test_expect(&a, 422, "\"pointer\":\"/data/lines/0/quantity\",\"line\":1");
    test_hub_stop(&hub);
}

static void batches_are_taken_whole_or_not_at_all(void **state)
{
    (void)state;
    test_hub hub;
    test_answer a;
    start(&hub);
    int fd = test_connect(hub.port);
    test_request(fd, "POST", "/v1/events", TEST_BATCH,
                 XD_STR("[" TEST_EVENT("a", "PO-1", "1") "," TEST_EVENT("b", "PO-2", "1") "]"), &a);
    test_expect(&a, 202,
                "{\"accepted\":2,\"duplicates\":0,\"results\":[{\"id\":\"a\",\"seq\":2,"
                "\"duplicate\":false},{\"id\":\"b\",\"seq\":3,\"duplicate\":false}]}");
    /* A rule broken by one refuses all, and says by which. */
    test_request(fd, "POST", "/v1/events", TEST_JSON,
                 XD_STR("[" TEST_EVENT("c", "PO-3", "1") ",\n " TEST_EVENT("d", "PO-4", "x") "]"),
                 &a);
    test_expect(&a, 422, "\"pointer\":\"/1/data/lines/0/quantity\",\"line\":2");
    test_expect(&a, 422, "\"index\":1}");
    /* So does one whose id is taken. */
    test_request(fd, "POST", "/v1/events", TEST_BATCH,
                 XD_STR("[" TEST_EVENT("c", "PO-3", "1") "," TEST_EVENT("a", "PO-1", "2") "]"), &a);
    test_expect(&a, 409, "\"pointer\":\"/1/id\"");
    test_expect(&a, 409, "\"index\":1}");
    assert_int_equal(test_hub_appended(&hub), 2);
    test_request(fd, "POST", "/v1/events", TEST_BATCH,
                 XD_STR("[" TEST_EVENT("c", "PO-3", "1") "," TEST_EVENT("a", "PO-1", "1") "]"), &a);
    test_expect(&a, 202, "{\"accepted\":1,\"duplicates\":1,");
    test_request(fd, "POST", "/v1/events", TEST_BATCH, XD_STR("[]"), &a);
    test_expect(&a, 202, "{\"accepted\":0,");
    test_request(fd, "POST", "/v1/events", TEST_BATCH, XD_STR("{}"), &a);
    test_expect(&a, 422, "\"rule\":\"batch.array\"");
    close(fd);
    test_hub_stop(&hub);
}

/* A body of many chunks of the engine, sent in odd pieces with chunked transfer encoding. */
static void ndjson_takes_each_line_for_itself(void **state)
{
    (void)state;
    enum { LINES = 3000 };
    test_hub hub;
    test_answer a;
    start(&hub);
    xd_buf body;
    xd_buf_init(&body, 4 << 20);
    int bad = 0;
    for (int i = 0; i < LINES; i++) {
        const char *quantity = i % 100 == 7 ? "-1" : "5";
        bad += i % 100 == 7;
        xd_buf_printf(&body,
                      "{\"specversion\":\"1.0\",\"id\":\"n-%d\",\"source\":\"urn:test\",\"type\":"
                      "\"crossdock.purchase_order.v1\",\"data\":{\"po\":\"PO-%d\",\"supplier\":"
                      "\"S-1\",\"currency\":\"USD\",\"lines\":[{\"po_line\":10,\"item\":\"A\","
                      "\"uom\":\"EA\",\"quantity\":\"%s\",\"unit_price\":\"1.50\"}]}}%s",
                      i % 2900, i % 2900, quantity, i % 3 ? "\n" : "\r\n\n");
    }
    XD_BUF_LIT(&body, "{\"specversion\":\"1.0\",\"id\":\"cut");
    int fd = test_connect(hub.port);
    const char head[] = "POST /v1/events HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " TEST_SECRET
                        "\r\n" TEST_NDJSON "Transfer-Encoding: chunked\r\n\r\n";
    test_send(fd, head, sizeof head - 1);
    for (size_t at = 0, n = 1; at < body.len; at += n, n = n * 7 % 9973 + 1) {
        n = n < body.len - at ? n : body.len - at;
        char size[32];
        test_send(fd, size, (size_t)snprintf(size, sizeof size, "%zx\r\n", n));
        test_send(fd, body.ptr + at, n);
        test_send(fd, "\r\n", 2);
    }
    test_send(fd, "0\r\n\r\n", 5);
    test_receive(fd, true, &a);
    char expected[128];
    snprintf(expected, sizeof expected,
             "{\"lines\":%d,\"accepted\":%d,\"duplicates\":%d,\"refused\":%d,", LINES + 1,
             2900 - 29, 99, bad + 1);
    test_expect(&a, 207, expected);
    /* Line 8 of events is number 11 of the body: blank lines count. */
    test_expect(&a, 207, "\"line\":11,");
    assert_non_null(strstr(a.body, "\"line\":4001,"));
    assert_int_equal(test_hub_appended(&hub), 2900 - 29);
    close(fd);
    test_call(&hub, "POST", "/v1/events", TEST_NDJSON, XD_STR("{}\n[]\n"), &a);
    test_expect(&a, 422, "\"rule\":\"ndjson.refused\",\"lines\":2,\"accepted\":0");
    test_call(&hub, "POST", "/v1/events", TEST_NDJSON "Idempotency-Key: k\r\n", XD_STR("{}\n"), &a);
    test_expect(&a, 400, "\"rule\":\"idempotency.ndjson\"");
    test_call(&hub, "POST", "/v1/events", TEST_NDJSON, XD_STR("\n\n"), &a);
    test_expect(&a, 202, "{\"lines\":0,");
    /* Nothing of all that is still accounted for. */
    test_call(&hub, "GET", "/metrics", "", XD_STR(""), &a);
    test_expect(&a, 200, "crossdock_http_inflight_bytes 0\n");
    xd_buf_finish(&body);
    test_hub_stop(&hub);
}

static void idempotency_keys_repeat_the_answer(void **state)
{
    (void)state;
    test_hub hub;
    test_answer first;
    test_answer a;
    start(&hub);
    xd_str body = XD_STR(TEST_EVENT("i-1", "PO-1", "1"));
    test_call(&hub, "POST", "/v1/events", TEST_JSON "Idempotency-Key: k-1\r\n", body, &first);
    test_expect(&first, 202, "\"duplicate\":false");
    assert_false(test_has_header(&first, "Idempotent-Replayed"));
    test_call(&hub, "POST", "/v1/events", TEST_JSON "Idempotency-Key: k-1\r\n", body, &a);
    test_expect(&a, 202, first.body);
    assert_true(test_has_header(&a, "Idempotent-Replayed: true"));
    test_call(&hub, "POST", "/v1/events", TEST_JSON "Idempotency-Key: k-1\r\n",
              XD_STR(TEST_EVENT("i-2", "PO-2", "1")), &a);
    test_expect(&a, 409, "\"rule\":\"idempotency.payload\"");
    test_call(&hub, "POST", "/v1/events", TEST_JSON "Idempotency-Key: k-2\r\n", body, &a);
    test_expect(&a, 202, "\"duplicate\":true");
    test_call(&hub, "POST", "/v1/events", TEST_JSON "Idempotency-Key: \r\n", body, &a);
    test_expect(&a, 400, "\"rule\":\"idempotency.key\"");
    assert_int_equal(test_hub_appended(&hub), 1);
    test_hub_stop(&hub);
}

/* --- bad input --- */

static void bad_input_is_named_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *headers, *body;
        int status;
        const char *text;
    } cases[] = {
        {TEST_STRUCTURED, "", 400, "json."},
        {TEST_STRUCTURED, "{\"specversion\":\"1.0\",\n\"id\":\"t", 400, "\"line\":2"},
        {TEST_STRUCTURED, "[1,2", 400, "json."},
        {TEST_STRUCTURED, "\"text\"", 422, "\"rule\":\"event.type\""},
        {TEST_STRUCTURED, "\xef\xbb\xbf{}", 400, "json."},
        {TEST_STRUCTURED, "{\"id\":\"\xff\"}", 400, "\"rule\":\"json.utf8\""},
        {TEST_STRUCTURED, "{\"id\":1,\"id\":2}", 400, "json.duplicate"},
        {TEST_STRUCTURED, "{}", 422, "\"pointer\":\"/specversion\""},
        {TEST_STRUCTURED,
         "{\"specversion\":\"1.0\",\"id\":\"x\",\"source\":\"s\",\"type\":\"unheard.of\"}", 422,
         "\"rule\":\"event.type\",\"pointer\":\"/type\",\"line\":1"},
        {TEST_STRUCTURED,
         "{\"specversion\":\"1.0\",\"id\":\"x\",\"source\":\"s\",\"type\":"
         "\"crossdock.purchase_order.v9\",\"data\":{}}",
         422, "\"rule\":\"event.version\""},
        {TEST_STRUCTURED,
         "{\"specversion\":\"1.0\",\"id\":\"x\",\"source\":\"s\",\"type\":"
         "\"crossdock.hub_hold_release.v1\",\"data\":{}}",
         403, "\"rule\":\"event.internal\""},
        {TEST_STRUCTURED, TEST_EVENT("q", "PO-1", "-3"), 422,
         "\"pointer\":\"/data/lines/0/quantity\""},
        {"Content-Type: text/xml\r\n", "<a/>", 415, "\"rule\":\"http.content_type\""},
        {"", "{}", 415, "Content-Type is absent"},
        {"Content-Type: application/json; charset=latin1\r\n", "{}", 415, "UTF-8"},
        {TEST_JSON "Content-Encoding: gzip\r\n", "x", 415, "\"rule\":\"http.content_encoding\""},
    };
    test_hub hub;
    test_answer a;
    start(&hub);
    int fd = test_connect(hub.port);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_request(fd, "POST", "/v1/events", cases[i].headers, xd_str_from(cases[i].body), &a);
        test_expect(&a, cases[i].status, cases[i].text);
        /* The connection goes on after every refusal. */
        assert_false(a.closes);
    }
    test_request(fd, "POST", "/v1/events", TEST_STRUCTURED,
                 (xd_str){"{\"id\":\"a\0b\"}", sizeof "{\"id\":\"a\0b\"}" - 1}, &a);
    test_expect(&a, 400, "json.");
    assert_int_equal(test_hub_appended(&hub), 0);
    close(fd);
    test_hub_stop(&hub);
}

/* Builds prefix, n copies of unit, suffix. */
static xd_buf repeat(const char *prefix, const char *unit, size_t n, const char *suffix)
{
    xd_buf buf;
    xd_buf_init(&buf, 64 << 20);
    xd_buf_str_add(&buf, xd_str_from(prefix));
    for (size_t i = 0; i < n; i++) {
        xd_buf_str_add(&buf, xd_str_from(unit));
    }
    xd_buf_str_add(&buf, xd_str_from(suffix));
    return buf;
}

static void limits_hold(void **state)
{
    (void)state;
    test_hub hub;
    test_answer a;
    test_hub_start(&hub,
                   (xd_ingress_options){.max_body_bytes = 2 << 20,
                                        .max_event_bytes = 256 << 10,
                                        .max_batch = 3,
                                        .max_inflight_bytes = 8 << 20},
                   (xd_engine_options){0}, (xd_ingress_ports){0}, true);
    xd_buf deep = repeat("", "[", 10000, "");
    test_call(&hub, "POST", "/v1/events", TEST_STRUCTURED, xd_buf_str(&deep), &a);
    test_expect(&a, 413, "\"rule\":\"json.depth\"");
    test_call(&hub, "POST", "/v1/events", TEST_BATCH, xd_buf_str(&deep), &a);
    test_expect(&a, 413, "\"rule\":\"json.depth\"");
    xd_buf_finish(&deep);
    xd_buf text = repeat("{\"specversion\":\"1.0\",\"id\":\"", "0123456789abcdef", 65536, "\"}");
    test_call(&hub, "POST", "/v1/events", TEST_STRUCTURED, xd_buf_str(&text), &a);
    test_expect(&a, 413, "\"rule\":\"event.size\"");
    test_call(&hub, "POST", "/v1/events", TEST_NDJSON, xd_buf_str(&text), &a);
    test_expect(&a, 422, "\"rule\":\"event.size\",\"line\":1");
    xd_buf_finish(&text);
    xd_buf dense = repeat("[", "0,", 1 << 20, "0]");
    test_call(&hub, "POST", "/v1/events", TEST_BATCH, xd_buf_str(&dense), &a);
    test_expect(&a, 413, "\"rule\":\"http.body_size\"");
    dense.len = (1 << 20) - 1;
    dense.ptr[dense.len - 1] = ']';
    test_call(&hub, "POST", "/v1/events", TEST_BATCH, xd_buf_str(&dense), &a);
    test_expect(&a, 413, "\"rule\":\"batch.count\"");
    xd_buf_finish(&dense);
    test_call(&hub, "POST", "/v1/events", TEST_BATCH, XD_STR("[{},{},{},{}]"), &a);
    test_expect(&a, 413, "\"rule\":\"batch.count\"");
    /* Refused by its announced length, before a byte of it was sent. */
    int fd = test_connect(hub.port);
    const char huge[] = "POST /v1/events HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " TEST_SECRET
                        "\r\n" TEST_JSON "Content-Length: 99999999999\r\n\r\n";
    test_send(fd, huge, sizeof huge - 1);
    test_receive(fd, true, &a);
    test_expect(&a, 413, "99999999999");
    close(fd);
    xd_buf header = repeat("X-Long: ", "0123456789abcdef", 500, "\r\n");
    char *large = malloc(header.len * 3 + 1);
    large[0] = '\0';
    fd = test_connect(hub.port);
    const char begin[] = "GET /healthz HTTP/1.1\r\nHost: h\r\n";
    test_send(fd, begin, sizeof begin - 1);
    for (int i = 0; i < 3; i++) {
        test_send(fd, header.ptr, header.len);
    }
    test_send(fd, "\r\n", 2);
    test_receive(fd, true, &a);
    test_expect(&a, 431, NULL);
    free(large);
    xd_buf_finish(&header);
    close(fd);
    assert_int_equal(test_hub_appended(&hub), 0);
    test_hub_stop(&hub);
}

/* A chunked body that never ends is cut off at the limit, in every mode. */
static void endless_bodies_end_at_the_limit(void **state)
{
    (void)state;
    test_hub hub;
    test_answer a;
    test_hub_start(&hub, (xd_ingress_options){.max_body_bytes = 1 << 20}, (xd_engine_options){0},
                   (xd_ingress_ports){0}, true);
    const char *const types[] = {TEST_JSON, TEST_NDJSON};
    char piece[4096 + 16];
    size_t n = (size_t)snprintf(piece, sizeof piece, "1000\r\n");
    memset(piece + n, ' ', 4096);
    memcpy(piece + n + 4096, "\r\n", 2);
    n += 4096 + 2;
    for (size_t i = 0; i < 2; i++) {
        int fd = test_connect(hub.port);
        char head[512];
        int h = snprintf(head, sizeof head,
                         "POST /v1/events HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " TEST_SECRET
                         "\r\n%sTransfer-Encoding: chunked\r\n\r\n",
                         types[i]);
        test_send(fd, head, (size_t)h);
        for (int k = 0; k < 300; k++) {
            test_send(fd, piece, n);
        }
        test_send(fd, "0\r\n\r\n", 5);
        test_receive(fd, true, &a);
        test_expect(&a, 413, "\"rule\":\"http.body_size\"");
        close(fd);
    }
    test_hub_stop(&hub);
}

/* --- HTTP --- */

static void methods_and_paths(void **state)
{
    (void)state;
    test_hub hub;
    test_answer a;
    start(&hub);
    int fd = test_connect(hub.port);
    test_request(fd, "HEAD", "/healthz", "", XD_STR(""), &a);
    test_expect(&a, 200, NULL);
    test_request(fd, "GET", "/healthz", "", XD_STR(""), &a);
    test_expect(&a, 200, "alive");
    test_request(fd, "GET", "/readyz", "", XD_STR(""), &a);
    test_expect(&a, 200, "ready");
    test_request(fd, "OPTIONS", "/v1/events", "", XD_STR(""), &a);
    test_expect(&a, 204, NULL);
    assert_true(test_has_header(&a, "Allow: POST, OPTIONS"));
    test_request(fd, "DELETE", "/v1/holds", "", XD_STR(""), &a);
    test_expect(&a, 405, "\"rule\":\"http.method\"");
    assert_true(test_has_header(&a, "Allow: GET, HEAD, OPTIONS"));
    test_request(fd, "GET", "/v1/holds/H-1/release", "", XD_STR(""), &a);
    test_expect(&a, 404, NULL); /* There is no read side here. */
    test_request(fd, "GET", "/nothing", "", XD_STR(""), &a);
    test_expect(&a, 404, "\"rule\":\"http.path\"");
    test_request(fd, "GET", "/v1/schemas", "", XD_STR(""), &a);
    test_expect(&a, 200, "crossdock.goods_receipt.v1");
    test_request(fd, "GET", "/v1/schemas/goods_receipt", "", XD_STR(""), &a);
    test_expect(&a, 200, "receipt_no");
    test_request(fd, "GET", "/v1/schemas/hub_outcomes", "", XD_STR(""), &a);
    test_expect(&a, 404, "\"rule\":\"schema.kind\"");
    test_request(fd, "POST", "/v1/settle?timeout_ms=5000", "", XD_STR(""), &a);
    test_expect(&a, 200, "{\"settled\":true,");
    test_request(fd, "POST", "/v1/settle?timeout_ms=soon", "", XD_STR(""), &a);
    test_expect(&a, 400, "\"rule\":\"settle.timeout_ms\"");
    test_request(fd, "GET", "/metrics", "", XD_STR(""), &a);
    test_expect(&a, 200, "crossdock_http_requests_total{route=\"healthz\",status=\"200\"} 2\n");
    test_expect(&a, 200, "crossdock_http_refused_total{reason=\"not_found\"} 3\n");
    test_expect(&a, 200, "crossdock_engine_appended_total 0\n");
    close(fd);
    test_hub_stop(&hub);
}

static void requests_may_be_pipelined(void **state)
{
    (void)state;
    test_hub hub;
    test_answer a;
    start(&hub);
    xd_buf all;
    xd_buf_init(&all, 1 << 20);
    for (int i = 0; i < 50; i++) {
        char body[512];
        int n =
            snprintf(body, sizeof body,
                     "{\"specversion\":\"1.0\",\"id\":\"p-%d\",\"source\":\"urn:test\",\"type\":"
                     "\"crossdock.site.v1\",\"data\":{\"site\":\"S-%d\",\"name\":\"Site\"}}",
                     i, i);
        xd_buf_printf(&all,
                      "POST /v1/events HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " TEST_SECRET
                      "\r\n" TEST_JSON "Content-Length: %d\r\n\r\n%s",
                      n, body);
    }
    int fd = test_connect(hub.port);
    assert_true(test_send(fd, all.ptr, all.len));
    for (int i = 0; i < 50; i++) {
        char expected[64];
        snprintf(expected, sizeof expected, "{\"accepted\":\"p-%d\",\"seq\":%d,", i, i + 2);
        test_receive(fd, true, &a);
        test_expect(&a, 202, expected);
    }
    close(fd);
    xd_buf_finish(&all);
    test_hub_stop(&hub);
}

static void expect_continue_is_answered(void **state)
{
    (void)state;
    test_hub hub;
    test_answer a;
    start(&hub);
    xd_str body = XD_STR(TEST_EVENT("c-1", "PO-1", "1"));
    char head[512];
    int n = snprintf(head, sizeof head,
                     "POST /v1/events HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " TEST_SECRET
                     "\r\nExpect: 100-continue\r\n" TEST_JSON "Content-Length: %zu\r\n\r\n",
                     body.len);
    int fd = test_connect(hub.port);
    test_send(fd, head, (size_t)n);
    test_receive(fd, false, &a);
    assert_int_equal(a.status, 100);
    test_send(fd, body.ptr, body.len);
    test_receive(fd, true, &a);
    test_expect(&a, 202, "\"accepted\":\"c-1\"");
    close(fd);
    /* What will be refused is refused before the body is sent. */
    fd = test_connect(hub.port);
    const char denied[] = "POST /v1/events HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
                          "Content-Length: 100\r\n\r\n";
    test_send(fd, denied, sizeof denied - 1);
    test_receive(fd, true, &a);
    test_expect(&a, 401, NULL);
    close(fd);
    test_hub_stop(&hub);
}

static void slow_clients_are_cut(void **state)
{
    (void)state;
    test_hub hub;
    test_hub_start(&hub, (xd_ingress_options){.idle_timeout_s = 1}, (xd_engine_options){0},
                   (xd_ingress_ports){0}, true);
    const char *const beginnings[] = {
        "POST /v1/events HTTP/1.1\r\nX-Drip: ",
        "POST /v1/events HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " TEST_SECRET "\r\n" TEST_JSON
        "Content-Length: 10000\r\n\r\n",
    };
    for (size_t i = 0; i < 2; i++) {
        int fd = test_connect(hub.port);
        test_send(fd, beginnings[i], strlen(beginnings[i]));
        /* One byte now and then is activity, but not enough of it. */
        bool cut = false;
        for (int k = 0; k < 100 && !cut; k++) {
            struct pollfd wait = {.fd = fd, .events = POLLIN};
            char c;
            cut = !test_send(fd, " ", 1) || (poll(&wait, 1, 100) > 0 && recv(fd, &c, 1, 0) <= 0);
        }
        assert_true(cut);
        close(fd);
    }
    test_hub_stop(&hub);
}

/* --- keys --- */

static void keys_and_scopes(void **state)
{
    (void)state;
    test_hub hub;
    test_answer a;
    start(&hub);
    xd_key keys[3];
    test_key(&keys[0], TEST_SECRET, "wms", "", XD_SCOPE_EVENTS_WRITE);
    test_key(&keys[1], "other", "erp", "", XD_SCOPE_READ);
    test_key(&keys[2], "third", "monitor", "", XD_SCOPE_METRICS);
    xd_ingress_set_keys(hub.ingress, keys, 3);
    xd_str body = XD_STR(TEST_EVENT("k-1", "PO-1", "1"));
    test_call(&hub, "POST", "/v1/events", TEST_JSON, body, &a);
    test_expect(&a, 202, NULL);
    test_call(&hub, "GET", "/v1/holds", "", XD_STR(""), &a);
    test_expect(&a, 403, "key wms lacks the scope read");
    test_call(&hub, "GET", "/metrics", "", XD_STR(""), &a);
    test_expect(&a, 403, "\"rule\":\"key.scope\"");
    test_call(&hub, "POST", "/v1/holds/1/release", TEST_JSON, XD_STR("{}"), &a);
    test_expect(&a, 403, "decide");
    const struct {
        const char *header;
        int status;
        const char *rule;
    } tries[] = {
        {"", 401, "key.missing"},
        {"Authorization: Basic dGVzdDp0ZXN0\r\n", 401, "key.missing"},
        {"Authorization: Bearer \r\n", 401, "key.missing"},
        {"Authorization: Bearer wrong\r\n", 401, "key.unknown"},
        {"Authorization: Bearer other\r\n", 403, "key.scope"},
        {"Authorization: bearer  " TEST_SECRET " \r\n", 202, "accepted"},
    };
    for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++) {
        char request[1024];
        int n = snprintf(request, sizeof request,
                         "POST /v1/events HTTP/1.1\r\nHost: h\r\n%s" TEST_JSON
                         "Content-Length: %zu\r\n\r\n%s",
                         tries[i].header, body.len, body.ptr);
        int fd = test_connect(hub.port);
        test_send(fd, request, (size_t)n);
        test_receive(fd, true, &a);
        test_expect(&a, tries[i].status, tries[i].rule);
        assert_int_equal(test_has_header(&a, "WWW-Authenticate: Bearer"), a.status == 401);
        close(fd);
    }
    xd_ingress_set_keys(hub.ingress, NULL, 0);
    test_call(&hub, "POST", "/v1/events", TEST_JSON, body, &a);
    test_expect(&a, 401, "\"rule\":\"key.none\"");
    test_call(&hub, "GET", "/healthz", "", XD_STR(""), &a);
    test_expect(&a, 200, NULL);
    test_hub_stop(&hub);
}

static void loopback_may_be_open_for_events_only(void **state)
{
    (void)state;
    test_hub hub;
    test_answer a;
    test_hub_start(&hub, (xd_ingress_options){.open_loopback = true}, (xd_engine_options){0},
                   (xd_ingress_ports){0}, true);
    xd_str body = XD_STR(TEST_EVENT("o-1", "PO-1", "1"));
    char request[1024];
    int n = snprintf(request, sizeof request,
                     "POST /v1/events HTTP/1.1\r\nHost: h\r\n" TEST_JSON
                     "Content-Length: %zu\r\n\r\n%s",
                     body.len, body.ptr);
    int fd = test_connect(hub.port);
    test_send(fd, request, (size_t)n);
    test_receive(fd, true, &a);
    test_expect(&a, 202, NULL);
    const char read[] = "GET /v1/holds HTTP/1.1\r\nHost: h\r\n\r\n";
    test_send(fd, read, sizeof read - 1);
    test_receive(fd, true, &a);
    test_expect(&a, 401, NULL);
    close(fd);
    xd_ingress *other;
    xd_fault fault = XD_FAULT_NONE;
    assert_int_equal(
        xd_ingress_start(&(xd_ingress_options){.address = "0.0.0.0", .open_loopback = true},
                         hub.engine, (xd_ingress_ports){0}, &other, &fault),
        XD_INVALID);
    assert_int_equal(
        xd_ingress_start(&(xd_ingress_options){.address = "127.0.0.1", .port = hub.port},
                         hub.engine, (xd_ingress_ports){0}, &other, &fault),
        XD_CONFLICT);
    test_hub_stop(&hub);
}

/* --- reading and deciding --- */

/* A read side of one open hold, an open exception and two dead letters. Its timeline says what the
 * flow would. */
static xd_status read_fake(void *context, const xd_read_request *question, xd_buf *body,
                           xd_fault *fault)
{
    (void)context;
    const char *path = question->path;
    const char *cursor = question->query(question->self, "cursor");
    if (strcmp(path, "/holds/H/1") == 0) {
        XD_BUF_LIT(body, "{\"id\":\"H/1\",\"status\":\"OPEN\"}");
    } else if (strcmp(path, "/holds/H/2") == 0) {
        XD_BUF_LIT(body, "{\"id\":\"H/2\",\"status\":\"RELEASED\"}");
    } else if (strcmp(path, "/dead-letters/12.0") == 0 || strcmp(path, "/dead-letters/12.1") == 0) {
        XD_BUF_LIT(body, "{\"id\":\"12.0\",\"state\":\"open\"}");
    } else if (strcmp(path, "/exceptions/7") == 0) {
        XD_BUF_LIT(body, "{\"id\":\"7\",\"status\":\"open\"}");
    } else if (strcmp(path, "/exceptions/8") == 0) {
        XD_BUF_LIT(body, "{\"id\":\"8\",\"status\":\"settled\"}");
    } else if (strcmp(path, "/trace/7") == 0 || strcmp(path, "/trace/H/1") == 0 ||
               strcmp(path, "/trace/12.0") == 0) {
        xd_buf_printf(body, "{\"items\":[{\"seq\":1},{\"seq\":%ld,\"result\":\"applied\"}]}",
                      strtol(cursor, NULL, 10) + 1);
    } else if (strcmp(path, "/trace/12.1") == 0) {
        xd_buf_printf(body,
                      "{\"items\":[{\"seq\":%ld,\"result\":\"refused\",\"reason\":\"no such "
                      "system\"}]}",
                      strtol(cursor, NULL, 10) + 1);
    } else if (strcmp(path, "/queues") == 0) {
        XD_BUF_LIT(body, "{\"holds\":{\"count\":2,\"oldest_age_s\":70},\"parked\":{\"count\":0}}");
    } else if (strcmp(path, "/echo") == 0) {
        const char *q = question->query(question->self, "q");
        xd_buf_printf(body, "{\"q\":\"%s\"}", q ? q : "none");
    } else if (strcmp(path, "/limited") == 0) {
        return xd_fail(fault, XD_LIMIT, "read.limit", "limit may be at most 500");
    } else {
        return xd_fail(fault, XD_NOT_FOUND, "read.path", "nothing at %s", path);
    }
    return XD_OK;
}

static void reads_and_decisions(void **state)
{
    (void)state;
    test_hub hub;
    test_answer a;
    xd_key keys[2];
    test_key(&keys[0], TEST_SECRET, "wms", "", 15);
    test_key(&keys[1], "anna", "anna-laptop", "anna", 15);
    test_hub_start(&hub, (xd_ingress_options){.keys = keys, .key_count = 2}, (xd_engine_options){0},
                   (xd_ingress_ports){.read = read_fake}, true);
    int fd = test_connect(hub.port);
    test_request(fd, "GET", "/v1/echo?q=a%20b", "", XD_STR(""), &a);
    test_expect(&a, 200, "{\"q\":\"a b\"}");
    test_request(fd, "HEAD", "/v1/echo", "", XD_STR(""), &a);
    test_expect(&a, 200, NULL);
    test_request(fd, "GET", "/v1/limited", "", XD_STR(""), &a);
    test_expect(&a, 400, "\"rule\":\"read.limit\"");
    test_request(fd, "GET", "/v1/nothing", "", XD_STR(""), &a);
    test_expect(&a, 404, "\"rule\":\"read.path\"");
    test_request(fd, "GET", "/metrics", "", XD_STR(""), &a);
    test_expect(&a, 200, "crossdock_open{queue=\"holds\"} 2\ncrossdock_open{queue=\"parked\"} 0\n");
    test_expect(&a, 200, "crossdock_open_oldest_seconds{queue=\"holds\"} 70\n");
    /* Holds. */
    test_request(fd, "POST", "/v1/holds/H-9/release", TEST_JSON,
                 XD_STR("{\"person\":\"bo\",\"reason\":\"r\"}"), &a);
    test_expect(&a, 404, NULL);
    test_request(fd, "POST", "/v1/holds/H%2F1/release", TEST_JSON, XD_STR("{\"reason\":\"r\"}"),
                 &a);
    test_expect(&a, 422, "\"rule\":\"decision.person\"");
    test_request(fd, "POST", "/v1/holds/H%2F1/release", TEST_JSON, XD_STR("{\"person\":\"bo\"}"),
                 &a);
    test_expect(&a, 422, "\"rule\":\"decision.reason\"");
    test_request(fd, "POST", "/v1/holds/H%2F1/release", TEST_JSON,
                 XD_STR("{\"person\":\"bo\",\"reason\":\"price agreed\"}"), &a);
    test_expect(&a, 200, "{\"accepted\":\"H/1\",\"seq\":2,\"result\":\"applied\"}");
    test_request(fd, "POST", "/v1/holds/H%2F2/release", TEST_JSON,
                 XD_STR("{\"person\":\"bo\",\"reason\":\"again\"}"), &a);
    test_expect(&a, 409, "\"rule\":\"hold.open\"");
    close(fd);
    /* Dead letters and exceptions, by a person's own key. */
    const char as_anna[] = "POST /v1/%s HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer "
                           "anna\r\n" TEST_JSON "Content-Length: %zu\r\n\r\n%s";
    const struct {
        const char *path, *body;
        int status;
        const char *text;
    } decisions[] = {
        {"dead-letters/12.0/retry", "{\"reason\":\"r\"}", 200, "\"seq\":3,\"result\":\"applied\"}"},
        {"dead-letters/12.1/retry", "{\"reason\":\"r\"}", 409, "no such system"},
        {"dead-letters/12.0/drop", "{\"reason\":\"r\",\"person\":\"bo\"}", 403, "decision.person"},
        {"dead-letters/13.0/drop", "{\"reason\":\"r\"}", 404, "read.path"},
        {"dead-letters/drop", "{\"reason\":\"r\",\"ids\":[\"12.0\",\"12.1\",\"13.0\",7]}", 207,
         "{\"results\":[{\"id\":\"12.0\",\"seq\":5},{\"id\":\"12.1\",\"seq\":6,\"problem\":\"no "
         "such "
         "system\"},{\"id\":\"13.0\",\"problem\":\"nothing at /dead-letters/13.0\"},{\"id\":\"\","
         "\"problem\":\"an id must be a string\"}],\"accepted\":1,\"refused\":3}"},
        {"dead-letters/drop", "{\"reason\":\"r\",\"ids\":[\"12.0\"]}", 200,
         "\"accepted\":1,\"refused\":0}"},
        {"dead-letters/drop", "{\"reason\":\"r\"}", 422, "decision.ids"},
        {"exceptions/7/settle", "{\"reason\":\"r\"}", 200,
         "{\"accepted\":\"7\",\"seq\":8,\"result\":\"applied\"}"},
        {"exceptions/8/settle", "{\"reason\":\"r\"}", 409, "\"rule\":\"exception.open\""},
        {"exceptions/settle", "{\"reason\":\"r\",\"ids\":[\"7\",\"8\"]}", 207,
         "exception 8 is not open any more, it is settled"},
    };
    for (size_t i = 0; i < sizeof decisions / sizeof decisions[0]; i++) {
        char request[1024];
        int n = snprintf(request, sizeof request, as_anna, decisions[i].path,
                         strlen(decisions[i].body), decisions[i].body);
        fd = test_connect(hub.port);
        test_send(fd, request, (size_t)n);
        test_receive(fd, true, &a);
        test_expect(&a, decisions[i].status, decisions[i].text);
        close(fd);
    }
    xd_ingress_stop(hub.ingress, 1000);
    xd_engine_stop(hub.engine);
    xd_arena arena;
    xd_arena_init(&arena, 1 << 20);
    xd_log_row row;
    xd_fault fault = XD_FAULT_NONE;
    assert_int_equal(hub.store->ops->log_get(hub.store, 2, &arena, &row, &fault), XD_OK);
    assert_true(xd_str_eq(row.actor, XD_STR("bo")));
    assert_true(xd_str_eq(
        row.body, XD_STR("{\"hold\":\"H/1\",\"person\":\"bo\",\"reason\":\"price agreed\"}")));
    assert_int_equal(hub.store->ops->log_get(hub.store, 3, &arena, &row, &fault), XD_OK);
    assert_true(xd_str_eq(row.body, XD_STR("{\"delivery\":\"12.0\",\"decision\":\"retry\","
                                           "\"person\":\"anna\",\"reason\":\"r\"}")));
    assert_int_equal(hub.store->ops->log_get(hub.store, 8, &arena, &row, &fault), XD_OK);
    assert_true(xd_str_eq(row.key, XD_STR("7")));
    assert_true(xd_str_eq(row.body, XD_STR("{\"exception\":\"7\",\"decision\":\"settle\","
                                           "\"person\":\"anna\",\"reason\":\"r\"}")));
    xd_arena_finish(&arena);
    hub.has_thread = false;
    test_hub_stop(&hub);
}

static void control_socket_trusts_its_account(void **state)
{
    (void)state;
    char folder[] = "/tmp/xd-ingress-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char path[64];
    snprintf(path, sizeof path, "%s/run/control.sock", folder);
    test_hub hub;
    test_answer a;
    test_hub_start(&hub, (xd_ingress_options){.control_path = path}, (xd_engine_options){0},
                   (xd_ingress_ports){.read = read_fake}, true);
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    int fd = test_connect_control(path);
    const char request[] =
        "POST /v1/holds/H%2F1/release HTTP/1.1\r\nHost: h\r\n"
        "X-Crossdock-Person: clara\r\n" TEST_JSON "Content-Length: 14\r\n\r\n{\"reason\":\"r\"}";
    test_send(fd, request, sizeof request - 1);
    test_receive(fd, true, &a);
    test_expect(&a, 200, "applied");
    xd_arena arena;
    xd_arena_init(&arena, 1 << 20);
    xd_log_row row;
    close(fd);
    /* A second hub on the same socket is refused while the first one answers. */
    xd_ingress *other;
    xd_fault fault = XD_FAULT_NONE;
    assert_int_equal(xd_ingress_start(&(xd_ingress_options){.control_path = path}, hub.engine,
                                      (xd_ingress_ports){0}, &other, &fault),
                     XD_CONFLICT);
    xd_ingress_stop(hub.ingress, 1000);
    xd_engine_stop(hub.engine);
    assert_int_equal(hub.store->ops->log_get(hub.store, 2, &arena, &row, &fault), XD_OK);
    assert_true(xd_str_eq(row.actor, XD_STR("clara")));
    xd_arena_finish(&arena);
    hub.has_thread = false;
    test_hub_stop(&hub);
    assert_int_not_equal(stat(path, &info), 0);
    snprintf(path, sizeof path, "%s/run", folder);
    rmdir(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(single_events_are_accepted_once),
        cmocka_unit_test(binary_mode_decodes_its_headers),
        cmocka_unit_test(batches_are_taken_whole_or_not_at_all),
        cmocka_unit_test(ndjson_takes_each_line_for_itself),
        cmocka_unit_test(idempotency_keys_repeat_the_answer),
        cmocka_unit_test(bad_input_is_named_with_its_place),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(endless_bodies_end_at_the_limit),
        cmocka_unit_test(methods_and_paths),
        cmocka_unit_test(requests_may_be_pipelined),
        cmocka_unit_test(expect_continue_is_answered),
        cmocka_unit_test(slow_clients_are_cut),
        cmocka_unit_test(keys_and_scopes),
        cmocka_unit_test(loopback_may_be_open_for_events_only),
        cmocka_unit_test(reads_and_decisions),
        cmocka_unit_test(control_socket_trusts_its_account),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
