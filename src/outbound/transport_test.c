/* The transport against a remote system that is a bare socket: every way in which an answer can
 * come, come late, come cut or not come. */
#include "outbound/transport_test.h"

#include "outbound/endpoint.h"

/* --- requests --- */

static void a_request_is_what_the_contract_says(void **state)
{
    (void)state;
    bench b;
    char text[4096];
    char expected[4096];
    open_bench(&b, 2000);
    post(&b, "7.0", 3);
    int fd = take_connection(&b);
    read_request(&b, fd, text, sizeof text, 3, sizeof text);
    snprintf(expected, sizeof expected,
             "POST /erp/receipt-status HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
             "User-Agent: crossdock/" XD_VERSION "\r\nAccept: */*\r\nAuthorization: Bearer hush\r\n"
             "Content-Type: application/json\r\nContent-Length: 3\r\nIdempotency-Key: key-7.0\r\n"
             "traceparent: trace\r\nX-Crossdock-Delivery: 7.0\r\n\r\nabc",
             b.port);
    assert_string_equal(text, expected);
    say(fd, OK);
    await(&b, 1);
    assert_last(&b, XD_ANSWER_OK, 200, "");
    xd_call *call = acquire(&b, "7.1");
    xd_buf_str_add(&call->path, XD_STR("/lookup?key=a%2Fb"));
    assert_int_equal(xd_transport_get(b.transport, call), XD_OK);
    read_request(&b, fd, text, sizeof text, 0, sizeof text);
    snprintf(expected, sizeof expected,
             "GET /erp/lookup?key=a%%2Fb HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
             "User-Agent: crossdock/" XD_VERSION "\r\nAccept: */*\r\nAuthorization: Bearer hush\r\n"
             "Idempotency-Key: key-7.1\r\ntraceparent: trace\r\nX-Crossdock-Delivery: 7.1\r\n\r\n",
             b.port);
    assert_string_equal(text, expected);
    say(fd, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
    await(&b, 2);
    assert_last(&b, XD_ANSWER_ABSENT, 404, "http 404");
    close_bench(&b);
}

static void addresses_are_read_once_and_strictly(void **state)
{
    (void)state;
    static const struct {
        const char *url, *path, *line, *host; /* line NULL: refused */
    } cases[] = {
        {"http://erp", NULL, "POST /inventory HTTP/1.1\r\n", "Host: erp\r\n"},
        {"http://erp:80/a%20b/../c", "/x?y=1&z=%41#part", "POST /c/x?y=1&z=%41 HTTP/1.1\r\n",
         "Host: erp\r\n"},
        {"https://erp.example:443/", NULL, "POST //inventory HTTP/1.1\r\n",
         "Host: erp.example\r\n"},
        {"https://erp.example:80/api", NULL, "POST /api/inventory HTTP/1.1\r\n",
         "Host: erp.example:80\r\n"},
        {"http://[::1]:9100/erp", NULL, "POST /erp/inventory HTTP/1.1\r\n", "Host: [::1]:9100\r\n"},
        {"http://erp/\xc3\xa4", NULL, "POST /%c3%a4/inventory HTTP/1.1\r\n", "Host: erp\r\n"},
        {"ftp://erp", NULL, NULL, NULL},
        {"http://", NULL, NULL, NULL},
        {"http://erp:99999", NULL, NULL, NULL},
        {"http://user:pssst@erp", NULL, NULL, NULL},
        {"http://user@erp", NULL, NULL, NULL},
        {"http://e\xc3\xa4", NULL, NULL, NULL},
        {"http://erp/a\r\nX: y", NULL, NULL, NULL},
        {"http://erp\r\nX: y/", NULL, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        xd_remote_options options = {.name = "erp", .url = cases[i].url};
        options.paths[XD_MESSAGE_INVENTORY] = cases[i].path;
        xd_endpoint e;
        xd_fault fault = XD_FAULT_NONE;
        xd_status status = xd_endpoint_init(&e, &options, &fault);
        if (!cases[i].line) {
            assert_int_equal(status, XD_INVALID);
            assert_non_null(strstr(fault.text, "system erp"));
            assert_null(strstr(fault.text, "pssst"));
        } else {
            assert_int_equal(status, XD_OK);
            xd_str line = xd_buf_str(&e.posts[XD_MESSAGE_INVENTORY]);
            assert_int_equal(line.len, strlen(cases[i].line));
            assert_memory_equal(line.ptr, cases[i].line, line.len);
            assert_memory_equal(e.common.ptr, cases[i].host, strlen(cases[i].host));
        }
        xd_endpoint_finish(&e);
    }
}

static void what_would_end_its_header_line_is_refused_and_not_shown(void **state)
{
    (void)state;
    const xd_remote_options cases[] = {
        {.name = "erp", .url = "http://erp", .authorization = "Bearer pssst\r\nX: y"},
        {.name = "erp", .url = "http://erp", .idempotency_key = "{id}\npssst"},
    };
    for (size_t i = 0; i < 2; i++) {
        xd_fault fault = XD_FAULT_NONE;
        xd_transport *transport = NULL;
        assert_int_equal(xd_transport_create(&cases[i], 1, &transport, &fault), XD_INVALID);
        assert_null(transport);
        assert_null(strstr(fault.text, "pssst"));
        assert_non_null(strstr(fault.text, i ? "idempotency_key" : "authorization"));
    }
}

/* --- connections --- */

static void a_connection_carries_one_request_after_another(void **state)
{
    (void)state;
    bench b;
    open_bench(&b, 2000);
    int fd = exchange(&b, -1, "1.0", OK);
    await(&b, 1);
    exchange(&b, fd, "2.0", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n");
    await(&b, 2);
    exchange(&b, fd, "3.0",
             "HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n4\r\noops\r\n0\r\n\r\n");
    await(&b, 3);
    assert_last(&b, XD_ANSWER_TRANSIENT, 500, "http 500: oops");
    exchange(&b, fd, "4.0", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    await(&b, 4);
    exchange(&b, -1, "5.0", OK);
    await(&b, 5);
    for (int i = 0; i < b.count; i++) {
        assert_int_equal(b.answers[i].id[0], '1' + i);
    }
    close_bench(&b);
}

static void each_call_under_way_has_a_connection_and_the_last_used_goes_first(void **state)
{
    (void)state;
    bench b;
    int fds[3];
    char text[4096];
    open_bench(&b, 2000);
    for (int i = 0; i < 3; i++) {
        post(&b, i == 0 ? "1.0" : i == 1 ? "2.0" : "3.0", 5);
        fds[i] = take_connection(&b);
        read_request(&b, fds[i], text, sizeof text, 5, sizeof text);
    }
    for (int i = 0; i < 3; i++) {
        say(fds[i], OK);
        await(&b, i + 1);
    }
    for (int i = 0; i < 5; i++) {
        exchange(&b, fds[2], "4.0", OK);
        await(&b, 4 + i);
    }
    assert_no_other_connection(&b);
    close_bench(&b);
}

static void a_connection_closed_while_idle_is_not_used(void **state)
{
    (void)state;
    bench b;
    open_bench(&b, 2000);
    for (int i = 0; i < 3; i++) {
        int fd = exchange(&b, -1, "1.0", OK);
        await(&b, i + 1);
        if (i == 1) { /* a farewell nobody asked for */
            say(fd, "HTTP/1.1 408 Late\r\nContent-Length: 0\r\n\r\n");
        }
        hang_up(&b, fd);
        if (i == 2) { /* seen only when it is looked at */
            usleep(30000);
        } else {
            turn(&b, 20);
        }
    }
    exchange(&b, -1, "2.0", OK);
    await(&b, 4);
    assert_last(&b, XD_ANSWER_OK, 200, "");
    close_bench(&b);
}

static void a_reset_before_the_request_left_costs_nothing(void **state)
{
    (void)state;
    bench b;
    open_bench(&b, 2000);
    int fd = exchange(&b, -1, "1.0", OK);
    await(&b, 1);
    reset(&b, fd); /* seen when the next request is to leave */
    exchange(&b, -1, "2.0", OK);
    await(&b, 2);
    assert_last(&b, XD_ANSWER_OK, 200, "");
    close_bench(&b);
}

static void what_comes_after_an_answer_is_never_the_next_ones(void **state)
{
    (void)state;
    bench b;
    open_bench(&b, 2000);
    exchange(&b, -1, "1.0", OK OK);
    await(&b, 1);
    int second = exchange(&b, -1, "2.0", "HTTP/1.1 409 No\r\nContent-Length: 0\r\n\r\n");
    await(&b, 2);
    assert_last(&b, XD_ANSWER_PERMANENT, 409, "http 409");
    /* Later, while the connection is idle. */
    say(second, OK);
    turn(&b, 20);
    exchange(&b, -1, "3.0", "HTTP/1.1 410 No\r\nContent-Length: 0\r\n\r\n");
    await(&b, 3);
    assert_last(&b, XD_ANSWER_PERMANENT, 410, "http 410");
    close_bench(&b);
}

/* --- answers that fail --- */

static void a_cut_answer_is_unknown_unless_the_decision_came(void **state)
{
    (void)state;
    static const struct {
        const char *text, *reason;
        xd_answer_kind kind;
        int32_t status;
    } cases[] = {
        {"", "no answer: the connection was closed before an answer came", XD_ANSWER_UNKNOWN, 0},
        {"HTTP/1.1 20", "no answer: the connection was closed before the answer was whole",
         XD_ANSWER_UNKNOWN, 0},
        {"HTTP/1.1 100 Continue\r\n\r\n",
         "no answer: the connection was closed before the answer was whole", XD_ANSWER_UNKNOWN, 0},
        {"HTTP/1.1 422 No\r\nContent-Le", "http 422", XD_ANSWER_PERMANENT, 422},
        {"HTTP/1.1 422 No\r\nContent-Length: 9\r\n\r\ncaf\xc3", "http 422: caf",
         XD_ANSWER_PERMANENT, 422},
        {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", "", XD_ANSWER_OK, 200},
        {"SSH-2.0-x\r\n", "no answer: it is not HTTP/1.1", XD_ANSWER_UNKNOWN, 0},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
         "no answer: its Content-Length is in doubt", XD_ANSWER_UNKNOWN, 0},
    };
    bench b;
    open_bench(&b, 2000);
    int count = (int)(sizeof cases / sizeof cases[0]);
    for (int i = 0; i < count; i++) {
        int fd = exchange(&b, -1, "1.0", cases[i].text);
        hang_up(&b, fd);
        await(&b, i + 1);
        assert_last(&b, cases[i].kind, cases[i].status, cases[i].reason);
        assert_no_other_connection(&b); /* nothing is sent again */
    }
    close_bench(&b);
}

static void a_reset_is_unknown(void **state)
{
    (void)state;
    bench b;
    char text[4096];
    open_bench(&b, 2000);
    post(&b, "1.0", 5);
    int fd = take_connection(&b);
    read_request(&b, fd, text, sizeof text, 5, sizeof text);
    reset(&b, fd);
    await(&b, 1);
    assert_last(&b, XD_ANSWER_UNKNOWN, 0, "no answer: Recv failure: Connection reset by peer");
    assert_no_other_connection(&b);
    close_bench(&b);
}

static void time_is_bounded_however_slowly_bytes_come(void **state)
{
    (void)state;
    bench b;
    open_bench(&b, 500);
    int fd = exchange(&b, -1, "1.0", "HTTP/1.1 2");
    for (int i = 0; b.count == 0 && i < TURNS; i++) {
        turn(&b, 5);
        if (i % 8 == 7 && b.count == 0) {
            say(fd, "0");
        }
    }
    assert_last(&b, XD_ANSWER_UNKNOWN, 0, "no answer: timed out after 500 ms");
    /* Its answer may still come: the connection is gone. */
    exchange(&b, -1, "2.0", "HTTP/1.1 503 No\r\nRetry-After: 7\r\nContent-Length: 9\r\n\r\nbusy");
    await(&b, 2);
    assert_last(&b, XD_ANSWER_TRANSIENT, 503, "http 503: busy");
    assert_int_equal(b.answers[1].retry_after_us, 7000000);
    close_bench(&b);
}

static void retry_after_is_seconds_or_a_date(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        int64_t least_s, most_s;
    } cases[] = {
        {"120", 120, 120},
        {"99999999999999999999", INT32_MAX, INT32_MAX},
        {"-5", 0, 0},
        {"soon", 0, 0},
        {"Fri, 31 Dec 1999 23:59:59 GMT", 0, 0},
        {"Thu, 01 Jan 2099 00:00:00 GMT", 1000000, INT32_MAX},
        {"Thursday, 01-Jan-60 00:00:00 GMT", 0, INT32_MAX},
        {"Thu Jan  1 00:00:00 2099", 1000000, INT32_MAX},
    };
    bench b;
    open_bench(&b, 2000);
    int fd = -1;
    for (int i = 0; i < (int)(sizeof cases / sizeof cases[0]); i++) {
        char text[256];
        snprintf(text, sizeof text,
                 "HTTP/1.1 503 No\r\nContent-Length: 0\r\nRetry-After: %s\r\n\r\n", cases[i].value);
        fd = exchange(&b, fd, "1.0", text);
        await(&b, i + 1);
        int64_t s = b.answers[i].retry_after_us / 1000000;
        assert_true(s >= cases[i].least_s && s <= cases[i].most_s);
    }
    close_bench(&b);
}

static void a_handshake_that_fails_is_unsent(void **state)
{
    (void)state;
    bench b;
    open_remote(&b, 2000);
    snprintf(b.url, sizeof b.url, "https://127.0.0.1:%u/erp", b.port);
    open_transport(&b);
    static const char *const greetings[] = {"", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
    for (int i = 0; i < 2; i++) {
        post(&b, "1.0", 5);
        int fd = take_connection(&b);
        say(fd, greetings[i]);
        shutdown(fd, SHUT_WR);
        await(&b, i + 1);
        assert_int_equal(b.answers[i].kind, XD_ANSWER_UNSENT);
        assert_int_equal(strncmp(b.answers[i].reason, "not sent: ", 10), 0);
        assert_true(strlen(b.answers[i].reason) > 20);
    }
    close_bench(&b);
}

static void what_never_left_is_unsent(void **state)
{
    (void)state;
    char long_name[128] = "http://";
    memset(long_name + 7, 'a', 70); /* a label has at most 63: no resolver is asked */
    bench b;
    open_bench(&b, 2000);
    close_listener(&b);
    post(&b, "1.0", 5);
    await(&b, 1);
    assert_int_equal(b.answers[0].kind, XD_ANSWER_UNSENT);
    assert_int_equal(strncmp(b.answers[0].reason, "not sent: Failed to connect to 127.0.0.1", 40),
                     0);
    xd_transport_destroy(b.transport);
    b.options.url = long_name;
    open_transport(&b);
    post(&b, "2.0", 5);
    await(&b, 2);
    assert_int_equal(b.answers[1].kind, XD_ANSWER_UNSENT);
    assert_int_equal(strncmp(b.answers[1].reason, "not sent: Could not resolve host", 32), 0);
    close_bench(&b);
}

/* --- large bodies --- */

static void a_large_body_reaches_a_slow_reader_whole(void **state)
{
    (void)state;
    bench b;
    static char text[2 * BIG];
    open_bench(&b, 20000);
    for (int i = 0; i < 2; i++) {
        post(&b, "1.0", BIG);
        int fd = take_connection(&b);
        size_t n = read_request(&b, fd, text, sizeof text, BIG, 9973);
        for (size_t at = 0; at < BIG; at++) {
            assert_int_equal(text[n - BIG + at], 'a' + at % 23);
        }
        say(fd, OK);
        await(&b, i + 1);
        assert_last(&b, XD_ANSWER_OK, 200, "");
        hang_up(&b, fd);
        turn(&b, 20);
    }
    close_bench(&b);
}

/* The peer has not read the body; whether it says where its answer ends, and closes, or not. */
static void refuse_early(const char *answer, bool closes)
{
    bench b;
    char text[1024];
    open_bench(&b, 60000); /* longer than it is waited for */
    post(&b, "1.0", 16 * BIG);
    int fd = take_connection(&b);
    ssize_t got = -1;
    for (int i = 0; i < TURNS && got <= 0; i++) {
        turn(&b, 1);
        got = recv(fd, text, sizeof text, 0);
    }
    assert_true(got > 0);
    say(fd, answer);
    turn(&b, 0);
    if (closes) {
        hang_up(&b, fd); /* unread bytes: a reset follows */
    }
    await(&b, 1);
    assert_last(&b, XD_ANSWER_PERMANENT, 413, "http 413: too big");
    close_bench(&b);
}

static void a_refusal_before_the_body_was_read_counts(void **state)
{
    (void)state;
    refuse_early("HTTP/1.1 413 No\r\nContent-Length: 7\r\n\r\ntoo big", true);
    refuse_early("HTTP/1.1 413 No\r\nContent-Length: 7\r\n\r\ntoo big", false);
    refuse_early("HTTP/1.1 413 No\r\nConnection: close\r\n\r\ntoo big", true);
    refuse_early("HTTP/1.1 413 No\r\nConnection: close\r\n\r\ntoo big", false);
}

static void an_early_yes_does_not_stop_the_body(void **state)
{
    (void)state;
    static char text[9 * BIG];
    static const char *const beginnings[] = {OK, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"};
    static const char *const ends[] = {"", "ok"};
    for (int i = 0; i < 2; i++) {
        bench b;
        open_bench(&b, 20000);
        post(&b, "1.0", 8 * BIG);
        int fd = take_connection(&b);
        say(fd, beginnings[i]);
        size_t n = read_request(&b, fd, text, sizeof text, 8 * BIG, BIG / 16);
        assert_true(n > 8 * BIG);
        say(fd, ends[i]);
        await(&b, 1);
        assert_last(&b, XD_ANSWER_OK, 200, "");
        close_bench(&b);
    }
}

static void an_early_yes_stands_when_the_connection_breaks(void **state)
{
    (void)state;
    bench b;
    open_bench(&b, 60000); /* longer than it is waited for */
    post(&b, "1.0", 16 * BIG);
    int fd = take_connection(&b);
    say(fd, OK);
    turn(&b, 1);
    turn(&b, 1);
    assert_int_equal(b.count, 0);
    reset(&b, fd);
    await(&b, 1);
    assert_last(&b, XD_ANSWER_OK, 200, "");
    close_bench(&b);
}

static void requests_under_way_are_abandoned_at_the_end(void **state)
{
    (void)state;
    bench b;
    open_bench(&b, 2000);
    post(&b, "1.0", 5);
    take_connection(&b);
    post(&b, "2.0", 5);
    turn(&b, 0);
    close_bench(&b);
    assert_int_equal(b.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_what_the_contract_says),
        cmocka_unit_test(addresses_are_read_once_and_strictly),
        cmocka_unit_test(what_would_end_its_header_line_is_refused_and_not_shown),
        cmocka_unit_test(a_connection_carries_one_request_after_another),
        cmocka_unit_test(each_call_under_way_has_a_connection_and_the_last_used_goes_first),
        cmocka_unit_test(a_connection_closed_while_idle_is_not_used),
        cmocka_unit_test(a_reset_before_the_request_left_costs_nothing),
        cmocka_unit_test(what_comes_after_an_answer_is_never_the_next_ones),
        cmocka_unit_test(a_cut_answer_is_unknown_unless_the_decision_came),
        cmocka_unit_test(a_reset_is_unknown),
        cmocka_unit_test(time_is_bounded_however_slowly_bytes_come),
        cmocka_unit_test(retry_after_is_seconds_or_a_date),
        cmocka_unit_test(a_handshake_that_fails_is_unsent),
        cmocka_unit_test(what_never_left_is_unsent),
        cmocka_unit_test(a_large_body_reaches_a_slow_reader_whole),
        cmocka_unit_test(a_refusal_before_the_body_was_read_counts),
        cmocka_unit_test(an_early_yes_does_not_stop_the_body),
        cmocka_unit_test(an_early_yes_stands_when_the_connection_breaks),
        cmocka_unit_test(requests_under_way_are_abandoned_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
