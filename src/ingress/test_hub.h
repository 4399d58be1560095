/* For the tests of this folder: a hub (memory store, engine, ingress on a free port) and an HTTP
 * client on a raw socket, so that tests see every byte. */
#ifndef XD_INGRESS_TEST_HUB_H
#define XD_INGRESS_TEST_HUB_H

#include "base/hash.h"
#include "ingress/ingress.h"

#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define TEST_DEFINITION XD_STR("{\"company\":\"Test\",\"currency\":\"USD\",\"ledger\":\"main\"}")
#define TEST_SECRET "test-secret"

typedef struct test_hub {
    xd_store *store;
    xd_engine *engine;
    xd_ingress *ingress;
    uint16_t port;
    bool has_thread; /* of the engine */
    xd_key keys[4];
} test_hub;

static inline xd_instant test_clock(void)
{
    return 1790000000000000;
}

static inline void test_key(xd_key *key, const char *secret, const char *name, const char *person,
                            uint32_t scopes)
{
    *key = (xd_key){.name = name, .person = person, .scopes = scopes};
    xd_sha256_of(xd_str_from(secret), key->hash);
}

/* options may set limits; address, port and (unless given) one key with all scopes are added. */
static inline void test_hub_start(test_hub *hub, xd_ingress_options options,
                                  xd_engine_options engine_options, xd_ingress_ports ports,
                                  bool run_engine)
{
    xd_fault fault = XD_FAULT_NONE;
    *hub = (test_hub){.store = xd_store_memory_create(), .has_thread = run_engine};
    engine_options.clock = test_clock;
    assert_int_equal(xd_engine_create(hub->store, hub->store, &engine_options, TEST_DEFINITION,
                                      &hub->engine, &fault),
                     XD_OK);
    if (run_engine) {
        assert_int_equal(xd_engine_start(hub->engine, &fault), XD_OK);
    }
    if (!options.keys && !options.open_loopback) {
        test_key(&hub->keys[0], TEST_SECRET, "wms", "", 15);
        options.keys = hub->keys;
        options.key_count = 1;
    }
    options.address = "127.0.0.1";
    xd_status status = xd_ingress_start(&options, hub->engine, ports, &hub->ingress, &fault);
    if (status != XD_OK) {
        fail_msg("the ingress does not start: %s", fault.text);
    }
    hub->port = xd_ingress_port(hub->ingress);
}

static inline void test_hub_stop(test_hub *hub)
{
    xd_ingress_stop(hub->ingress, 1000);
    xd_ingress_destroy(hub->ingress);
    if (hub->has_thread) {
        xd_engine_stop(hub->engine);
    }
    xd_engine_destroy(hub->engine);
    xd_store_destroy(hub->store);
}

/* Events in the log; the definition is not counted. */
static inline int64_t test_hub_appended(test_hub *hub)
{
    xd_engine_stats stats;
    if (hub->has_thread) {
        assert_true(xd_engine_settle(hub->engine, 10000));
    }
    xd_engine_stats_get(hub->engine, &stats);
    return stats.log_head - 1;
}

/* --- client --- */

typedef struct test_answer {
    int status; /* 0: the connection ended without an answer */
    char head[4096];
    char body[1 << 16]; /* cut when longer */
    bool closes;        /* the server says that it will close */
} test_answer;

static inline int test_connect(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static inline int test_connect_control(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* False when the server closed before everything was sent. */
static inline bool test_send(int fd, const void *bytes, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t sent = send(fd, (const char *)bytes + at, n - at, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        at += (size_t)sent;
    }
    return true;
}

/* One byte, or -1 when the connection ended or nothing came for ten seconds. */
static inline int test_byte(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    unsigned char c;
    if (poll(&wait, 1, 10000) <= 0 || recv(fd, &c, 1, 0) != 1) {
        return -1;
    }
    return c;
}

static inline bool test_has_header(const test_answer *answer, const char *line)
{
    return strstr(answer->head, line) != NULL;
}

/* Reads one answer; has_body false for answers to HEAD. */
static inline void test_receive(int fd, bool has_body, test_answer *ret)
{
    memset(ret, 0, sizeof *ret);
    size_t n = 0;
    while (n + 1 < sizeof ret->head && !strstr(ret->head, "\r\n\r\n")) {
        int c = test_byte(fd);
        if (c < 0) {
            return;
        }
        ret->head[n++] = (char)c;
    }
    ret->status = (int)strtol(ret->head + strlen("HTTP/1.1 "), NULL, 10);
    ret->closes = test_has_header(ret, "Connection: close");
    const char *length = strstr(ret->head, "Content-Length: ");
    size_t size = length && has_body ? strtoul(length + strlen("Content-Length: "), NULL, 10) : 0;
    for (size_t i = 0; i < size; i++) {
        int c = test_byte(fd);
        if (c < 0) {
            fail_msg("the body of an answer is cut: %s", ret->head);
        }
        if (i + 1 < sizeof ret->body) {
            ret->body[i] = (char)c;
        }
    }
}

/* One request on an open connection; headers are whole lines with CRLF, or "". */
static inline void test_request(int fd, const char *method, const char *path, const char *headers,
                                xd_str body, test_answer *ret)
{
    char head[8192];
    int n = snprintf(head, sizeof head,
                     "%s %s HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer " TEST_SECRET
                     "\r\n%sContent-Length: %zu\r\n\r\n",
                     method, path, headers, body.len);
    assert_true(n > 0 && (size_t)n < sizeof head);
    test_send(fd, head, (size_t)n);
    test_send(fd, body.ptr, body.len);
    test_receive(fd, strcmp(method, "HEAD") != 0, ret);
}

/* One request on a connection of its own. */
static inline void test_call(const test_hub *hub, const char *method, const char *path,
                             const char *headers, xd_str body, test_answer *ret)
{
    int fd = test_connect(hub->port);
    test_request(fd, method, path, headers, body, ret);
    close(fd);
}

#define TEST_JSON "Content-Type: application/json\r\n"
#define TEST_STRUCTURED "Content-Type: application/cloudevents+json\r\n"
#define TEST_BATCH "Content-Type: application/cloudevents-batch+json\r\n"
#define TEST_NDJSON "Content-Type: application/x-ndjson\r\n"

static inline void test_expect(const test_answer *answer, int status, const char *text)
{
    if (answer->status != status || (text && !strstr(answer->body, text))) {
        fail_msg("expected %d with %s, got %s%s", status, text ? text : "anything", answer->head,
                 answer->body);
    }
}

/* A purchase order as data, and as a whole event. */
#define TEST_DATA(po, quantity)                                                                    \
    "{\"po\":\"" po "\",\"supplier\":\"S-1\",\"currency\":\"USD\",\"lines\":[{\"po_line\":10,"     \
    "\"item\":\"A\",\"uom\":\"EA\",\"quantity\":\"" quantity "\",\"unit_price\":\"1.50\"}]}"
#define TEST_EVENT(id, po, quantity)                                                               \
    "{\"specversion\":\"1.0\",\"id\":\"" id "\",\"source\":\"urn:test\","                          \
    "\"type\":\"crossdock.purchase_order.v1\",\"data\":" TEST_DATA(po, quantity) "}"

#endif
