/* Answers as bytes: golden ones of every kind that RFC 9112 names, each read whole, byte by byte
 * and cut in two at every place. */
#include "outbound/http1.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

typedef struct golden {
    const char *text;
    xd_http1_progress progress; /* after the text, and after its end when that was MORE */
    int32_t status;
    bool keep;
    const char *body;
    const char *after; /* of the text, what is no part of the answer */
} golden;

#define OK "HTTP/1.1 200 OK\r\n"

/* Feeds text in pieces that end at cut, at cut + step and so on; the connection ends after it. */
static void feed(xd_http1 *a, const char *text, size_t len, size_t cut, size_t step, size_t *used)
{
    xd_http1_begin(a);
    *used = 0;
    xd_http1_progress progress = XD_HTTP1_MORE;
    for (size_t at = 0, n = cut; at < len && progress == XD_HTTP1_MORE; at += n, n = step) {
        n = n < len - at ? n : len - at;
        char *piece = malloc(n + 1); /* a read past its end is seen by the address sanitizer */
        assert_non_null(piece);
        memcpy(piece, text + at, n);
        size_t taken = 0;
        progress = xd_http1_feed(a, piece, n, &taken);
        assert_true(taken <= n && (taken == n || progress != XD_HTTP1_MORE));
        *used += taken;
        free(piece);
    }
    if (progress == XD_HTTP1_MORE) {
        xd_http1_end(a);
    }
}

static void check_one(const golden *g, size_t cut, size_t step)
{
    static xd_http1 a;
    size_t len = strlen(g->text);
    size_t used;
    feed(&a, g->text, len, cut, step, &used);
    if (a.progress != g->progress || a.status != g->status || a.keep != g->keep) {
        print_error("%s\ncut at %zu, then %zu: progress %d status %d keep %d: %s\n", g->text, cut,
                    step, (int)a.progress, (int)a.status, a.keep, a.fault ? a.fault : "");
    }
    assert_int_equal(a.progress, g->progress);
    assert_int_equal(a.status, g->status);
    assert_int_equal(a.keep, g->keep);
    assert_int_equal(a.body_len, strlen(g->body ? g->body : ""));
    assert_memory_equal(a.body, g->body ? g->body : "", a.body_len);
    if (a.progress == XD_HTTP1_BAD) {
        assert_non_null(a.fault);
    } else {
        assert_int_equal(used, len - strlen(g->after ? g->after : ""));
    }
}

static void check(const golden *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(list[i].text);
        check_one(&list[i], 1, 1);
        for (size_t cut = 1; cut <= len; cut++) {
            check_one(&list[i], cut, len);
        }
    }
}

#define CHECK(list) check((list), sizeof(list) / sizeof((list)[0]))

static void content_ends_where_the_head_says(void **state)
{
    (void)state;
    static const golden list[] = {
        {OK "Content-Length: 2\r\n\r\nhi", XD_HTTP1_DONE, 200, true, "hi", NULL},
        {OK "CONTENT-LENGTH:\t2 \t\r\n\r\nhimore", XD_HTTP1_DONE, 200, true, "hi", "more"},
        {OK "Content-Length: 0\r\n\r\n", XD_HTTP1_DONE, 200, true, "", NULL},
        {OK "Content-Length: 0002\r\n\r\nhi", XD_HTTP1_DONE, 200, true, "hi", NULL},
        {"HTTP/1.1 422\r\nContent-Length: 1\r\n\r\nx", XD_HTTP1_DONE, 422, true, "x", NULL},
        {"HTTP/1.1 503 \r\nContent-Length: 1\r\n\r\nx", XD_HTTP1_DONE, 503, true, "x", NULL},
        {"HTTP/1.1 600 odd\r\nContent-Length: 0\r\n\r\n", XD_HTTP1_DONE, 600, true, "", NULL},
        /* 6.3 rule 1: no content, whatever the fields say. */
        {"HTTP/1.1 204 No\r\n\r\n", XD_HTTP1_DONE, 204, true, "", NULL},
        {"HTTP/1.1 204 No\r\nContent-Length: 3\r\n\r\nabc", XD_HTTP1_DONE, 204, true, "", "abc"},
        {"HTTP/1.1 304 Not\r\nContent-Length: x\r\n\r\n", XD_HTTP1_DONE, 304, true, "", NULL},
        /* Rule 8: until the connection ends. */
        {OK "\r\nhi there", XD_HTTP1_DONE, 200, false, "hi there", NULL},
        {OK "\r\n", XD_HTTP1_DONE, 200, false, "", NULL},
    };
    CHECK(list);
}

static void chunks_are_put_together(void **state)
{
    (void)state;
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"
    static const golden list[] = {
        {CHUNKED "2\r\nhi\r\n0\r\n\r\n", XD_HTTP1_DONE, 200, true, "hi", NULL},
        {CHUNKED "00A\r\n0123456789\r\n1;a=\"b\";c\r\nX\r\n000\r\n\r\nmore", XD_HTTP1_DONE, 200,
         true, "0123456789X", "more"},
        {CHUNKED "0\r\nDigest: x\r\n folded\r\nContent-Length: 9\r\nConnection: close\r\n\r\n",
         XD_HTTP1_DONE, 200, true, "", NULL},
        {OK "transfer-encoding: gzip , CHUNKED\r\n\r\n1\r\nz\r\n0\r\n\r\n", XD_HTTP1_DONE, 200,
         true, "z", NULL},
        {OK "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", XD_HTTP1_DONE,
         200, true, "", NULL},
        /* Chunked is not the last: until the connection ends. */
        {OK "Transfer-Encoding: chunked, gzip\r\n\r\n1\r\nz\r\n", XD_HTTP1_DONE, 200, false,
         "1\r\nz\r\n", NULL},
        /* The decision counts; no one can say where the rest ends. */
        {CHUNKED "2\r\nhi!\r\n0\r\n\r\n", XD_HTTP1_BAD, 200, false, "hi", NULL},
        {CHUNKED "\r\n", XD_HTTP1_BAD, 200, false, "", NULL},
        {CHUNKED "-1\r\nx", XD_HTTP1_BAD, 200, false, "", NULL},
        {CHUNKED "0x2\r\nhi\r\n0\r\n\r\n", XD_HTTP1_BAD, 200, false, "", NULL},
        {CHUNKED "2 3\r\nhi\r\n0\r\n\r\n", XD_HTTP1_BAD, 200, false, "", NULL},
        {CHUNKED "2\nhi\r\n0\r\n\r\n", XD_HTTP1_BAD, 200, false, "", NULL},
        {CHUNKED "2\r\nhi\n0\r\n\r\n", XD_HTTP1_BAD, 200, false, "hi", NULL},
        {CHUNKED "2;a\rb\r\nhi\r\n0\r\n\r\n", XD_HTTP1_BAD, 200, false, "", NULL},
        {CHUNKED "10000000000000000\r\nhi", XD_HTTP1_BAD, 200, false, "", NULL},
        {CHUNKED "fffffffffffffffff\r\nhi", XD_HTTP1_BAD, 200, false, "", NULL},
        {CHUNKED "0\r\nno field\r\n\r\n", XD_HTTP1_BAD, 200, false, "", NULL},
        {CHUNKED "2\r\nhi\r\n", XD_HTTP1_BAD, 200, false, "hi", NULL},
    };
    CHECK(list);
}

static void interim_answers_are_passed_over(void **state)
{
    (void)state;
    static const golden list[] = {
        {"HTTP/1.1 100 Continue\r\n\r\n" OK "Content-Length: 1\r\n\r\na", XD_HTTP1_DONE, 200, true,
         "a", NULL},
        {"HTTP/1.1 103 Early\r\nLink: x\r\nContent-Length: 5\r\nRetry-After: 9\r\n\r\n"
         "HTTP/1.1 102 P\r\nConnection: close\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
         XD_HTTP1_DONE, 204, true, "", NULL},
        {"HTTP/1.1 100 Continue\r\n\r\n", XD_HTTP1_BAD, 0, false, "", NULL},
        {"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\n\r\n", XD_HTTP1_BAD, 0, false, "", NULL},
    };
    CHECK(list);
}

static void a_connection_is_kept_only_when_both_sides_want_that(void **state)
{
    (void)state;
    static const golden list[] = {
        {OK "Connection: close\r\nContent-Length: 0\r\n\r\n", XD_HTTP1_DONE, 200, false, "", NULL},
        {OK "Connection: foo , CLOSE\r\nContent-Length: 0\r\n\r\n", XD_HTTP1_DONE, 200, false, "",
         NULL},
        {OK "Connection: closed\r\nContent-Length: 0\r\n\r\n", XD_HTTP1_DONE, 200, true, "", NULL},
        {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", XD_HTTP1_DONE, 200, false, "", NULL},
        {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", XD_HTTP1_DONE,
         200, true, "", NULL},
        {"HTTP/1.0 200 OK\r\nConnection: keep-alive, close\r\nContent-Length: 0\r\n\r\n",
         XD_HTTP1_DONE, 200, false, "", NULL},
        {"HTTP/1.0 204 No\r\n\r\n", XD_HTTP1_DONE, 204, false, "", NULL},
    };
    CHECK(list);
}

static void what_can_be_read_in_two_ways_ends_the_connection(void **state)
{
    (void)state;
    static const golden list[] = {
        /* 6.3 rule 5: the answer is discarded. */
        {OK "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", XD_HTTP1_BAD, 0, false, "", NULL},
        {OK "Content-Length: 1, 2\r\n\r\nab", XD_HTTP1_BAD, 0, false, "", NULL},
        {OK "Content-Length: ,\r\n\r\na", XD_HTTP1_BAD, 0, false, "", NULL},
        {OK "Content-Length:\r\n\r\na", XD_HTTP1_BAD, 0, false, "", NULL},
        {OK "Content-Length: -1\r\n\r\na", XD_HTTP1_BAD, 0, false, "", NULL},
        {OK "Content-Length: +1\r\n\r\na", XD_HTTP1_BAD, 0, false, "", NULL},
        {OK "Content-Length: 0x1\r\n\r\na", XD_HTTP1_BAD, 0, false, "", NULL},
        {OK "Content-Length: 1 1\r\n\r\na", XD_HTTP1_BAD, 0, false, "", NULL},
        {OK "Content-Length: 18446744073709551617\r\n\r\na", XD_HTTP1_BAD, 0, false, "", NULL},
        /* The same twice is one length. */
        {OK "Content-Length: 1\r\nContent-Length: 1\r\n\r\na", XD_HTTP1_DONE, 200, false, "a",
         NULL},
        {OK "Content-Length: 1, 01\r\n\r\na", XD_HTTP1_DONE, 200, false, "a", NULL},
        {OK "Content-Length: ,1,\r\n\r\na", XD_HTTP1_DONE, 200, false, "a", NULL},
        /* Rule 3, and 6.1: both, or a coding from before it was invented, or twice, or unknown. */
        {OK "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", XD_HTTP1_BAD, 200,
         false, "", NULL},
        {OK "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n", XD_HTTP1_BAD, 200,
         false, "", NULL},
        {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", XD_HTTP1_BAD, 200, false,
         "", NULL},
        {OK "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", XD_HTTP1_BAD, 200, false, "",
         NULL},
        {OK "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n", XD_HTTP1_BAD, 200, false, "", NULL},
        {OK "Transfer-Encoding: \r\n\r\n0\r\n\r\n", XD_HTTP1_BAD, 200, false, "", NULL},
        {OK "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n", XD_HTTP1_BAD, 200, false, "", NULL},
        /* 2.2 and 5.1: names, colons and control characters. */
        {OK "Content-Length : 1\r\n\r\na", XD_HTTP1_BAD, 200, false, "", NULL},
        {OK " Content-Length: 1\r\n\r\na", XD_HTTP1_BAD, 200, false, "", NULL},
        {OK ": 1\r\n\r\n", XD_HTTP1_BAD, 200, false, "", NULL},
        {OK "no colon\r\n\r\n", XD_HTTP1_BAD, 200, false, "", NULL},
        {OK "X: a\rContent-Length: 1\r\n\r\na", XD_HTTP1_BAD, 200, false, "", NULL},
        {OK "X\xc3\xa4: a\r\n\r\n", XD_HTTP1_BAD, 200, false, "", NULL},
        /* A bare LF may end a line, but is nothing to build on. */
        {"HTTP/1.1 200 OK\nContent-Length: 1\n\na", XD_HTTP1_DONE, 200, false, "a", NULL},
        {OK "Content-Length: 1\r\n\na", XD_HTTP1_DONE, 200, false, "a", NULL},
        {OK "Content-Length: 1\r\n\r\r\na", XD_HTTP1_BAD, 200, false, "", NULL},
    };
    CHECK(list);
}

static void folded_lines_are_one(void **state)
{
    (void)state;
    static const golden list[] = {
        {OK "X: a\r\n b\r\n\tc\r\nContent-Length:\r\n 1\r\n\r\na", XD_HTTP1_DONE, 200, true, "a",
         NULL},
        {OK "Content-Length: 1\r\n 2\r\n\r\na", XD_HTTP1_BAD, 0, false, "", NULL},
        {OK "Transfer-Encoding:\r\n \r\n\tchunked\r\n\r\n0\r\n\r\n", XD_HTTP1_DONE, 200, true, "",
         NULL},
        {OK "Connection: a,\r\n close\r\nContent-Length: 0\r\n\r\n", XD_HTTP1_DONE, 200, false, "",
         NULL},
    };
    CHECK(list);
}

static void what_is_no_answer_is_none(void **state)
{
    (void)state;
    static const golden list[] = {
        {"", XD_HTTP1_BAD, 0, false, "", NULL},
        {"HTTP/1.1 200", XD_HTTP1_BAD, 0, false, "", NULL}, /* not a whole line: 2000 perhaps */
        {"HTTP/1.1 2000 OK\r\n\r\n", XD_HTTP1_BAD, 0, false, "", NULL},
        {"HTTP/1.1 20 OK\r\n\r\n", XD_HTTP1_BAD, 0, false, "", NULL},
        {"HTTP/1.1 020 OK\r\n\r\n", XD_HTTP1_BAD, 0, false, "", NULL},
        {"HTTP/1.1  200 OK\r\n\r\n", XD_HTTP1_BAD, 0, false, "", NULL},
        {"HTTP/1.1\t200 OK\r\n\r\n", XD_HTTP1_BAD, 0, false, "", NULL},
        {"http/1.1 200 OK\r\n\r\n", XD_HTTP1_BAD, 0, false, "", NULL},
        {"HTTP/2 200 OK\r\n\r\n", XD_HTTP1_BAD, 0, false, "", NULL},
        {"HTTP/2.0 200 OK\r\n\r\n", XD_HTTP1_BAD, 0, false, "", NULL},
        {"\r\nHTTP/1.1 200 OK\r\n\r\n", XD_HTTP1_BAD, 0, false, "", NULL},
        {"220 mail.example ESMTP\r\n", XD_HTTP1_BAD, 0, false, "", NULL},
        {"HTTP/1.1 200 O\rK\r\n\r\n", XD_HTTP1_BAD, 0, false, "", NULL},
    };
    CHECK(list);
}

static void the_decision_counts_when_the_rest_does_not_come(void **state)
{
    (void)state;
    static const golden list[] = {
        {"HTTP/1.1 201 Created\r\n", XD_HTTP1_BAD, 201, false, "", NULL},
        {"HTTP/1.1 409 No\r\nContent-Le", XD_HTTP1_BAD, 409, false, "", NULL},
        {"HTTP/1.1 409 No\r\nContent-Length: 5\r\n\r\nab", XD_HTTP1_BAD, 409, false, "ab", NULL},
    };
    CHECK(list);
}

static void retry_after_is_that_of_the_final_answer(void **state)
{
    (void)state;
    static xd_http1 a;
    static const char text[] = "HTTP/1.1 103 E\r\nRetry-After: 7\r\n\r\nHTTP/1.1 503 No\r\n"
                               "retry-after:  Fri, 31 Dec 1999\r\n 23:59:59 GMT \r\n\r\n";
    size_t used;
    feed(&a, text, sizeof text - 1, 1, 1, &used);
    assert_string_equal(a.retry_after, "Fri, 31 Dec 1999 23:59:59 GMT");
    static const char plain[] = "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n";
    feed(&a, plain, sizeof plain - 1, sizeof plain, 1, &used);
    assert_string_equal(a.retry_after, "");
}

/* Text of a head with as many bytes of one line, or as many lines, as asked for. */
static void long_head(xd_http1 *a, size_t name_bytes, size_t lines, size_t step)
{
    static char text[1 << 18];
    size_t n = (size_t)snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\n");
    for (size_t i = 0; i < lines; i++) {
        memset(text + n, 'n', name_bytes);
        n += name_bytes;
        memcpy(text + n, ":\r\n", 3);
        n += 3;
    }
    memcpy(text + n, "\r\n", 2);
    size_t used;
    feed(a, text, n + 2, step, step, &used);
}

static void heads_are_bounded(void **state)
{
    (void)state;
    static xd_http1 a;
    for (size_t step = 1; step <= 1 << 18; step <<= 9) {
        long_head(&a, XD_HTTP1_LINE_MAX - 2, 1, step);
        assert_int_equal(a.progress, XD_HTTP1_DONE);
        long_head(&a, XD_HTTP1_LINE_MAX - 1, 1, step);
        assert_int_equal(a.progress, XD_HTTP1_BAD);
        long_head(&a, 1, XD_HTTP1_FIELDS_MAX, step);
        assert_int_equal(a.progress, XD_HTTP1_DONE);
        long_head(&a, 1, XD_HTTP1_FIELDS_MAX + 1, step);
        assert_int_equal(a.progress, XD_HTTP1_BAD);
        long_head(&a, 4096, 15, step);
        assert_int_equal(a.progress, XD_HTTP1_DONE);
        long_head(&a, 4096, 16, step);
        assert_int_equal(a.progress, XD_HTTP1_BAD);
        assert_int_equal(a.status, 200);
    }
}

static void of_long_content_the_beginning_is_read(void **state)
{
    (void)state;
    static xd_http1 a;
    static char text[XD_HTTP1_BODY_MAX + 4096];
    size_t head =
        (size_t)snprintf(text, sizeof text, OK "Content-Length: %d\r\n\r\n", XD_HTTP1_BODY_MAX);
    memset(text + head, 'x', sizeof text - head);
    size_t used;
    feed(&a, text, sizeof text, 1000, 4096, &used);
    assert_int_equal(a.progress, XD_HTTP1_DONE);
    assert_true(a.keep);
    assert_int_equal(used, head + XD_HTTP1_BODY_MAX);
    assert_int_equal(a.body_len, XD_HTTP1_BODY_KEPT);
    head = (size_t)snprintf(text, sizeof text, OK "Content-Length: 9000000000000000000\r\n\r\n");
    text[head] = 'x';
    feed(&a, text, sizeof text, 1000, 4096, &used);
    assert_int_equal(a.progress, XD_HTTP1_DONE);
    assert_false(a.keep);
    assert_int_equal(used, head + XD_HTTP1_BODY_MAX + 1);
}

/* After which a peer looks at no further request: only where nothing about the head is in doubt. */
static void an_answer_is_the_last_only_when_it_says_so(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool last;
    } cases[] = {
        {OK "Connection: close\r\nContent-Length: 0\r\n\r\n", true},
        {OK "Connection: close\r\n\r\nuntil the end", true},
        {OK "Content-Length: 0\r\n\r\n", false},
        {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", false},
        {OK "\r\nuntil the end", false},
        {OK "Connection: close\r\nContent-Length: 9\r\n\r\ncut", false},
        {OK "Connection: close\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n", false},
        {OK "Connection: close\nContent-Length: 0\r\n\r\n", false},
    };
    static xd_http1 a;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t used;
        feed(&a, cases[i].text, strlen(cases[i].text), 1, 1, &used);
        if (a.last != cases[i].last) {
            fail_msg("%s: %d", cases[i].text, a.last);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_ends_where_the_head_says),
        cmocka_unit_test(chunks_are_put_together),
        cmocka_unit_test(interim_answers_are_passed_over),
        cmocka_unit_test(a_connection_is_kept_only_when_both_sides_want_that),
        cmocka_unit_test(an_answer_is_the_last_only_when_it_says_so),
        cmocka_unit_test(what_can_be_read_in_two_ways_ends_the_connection),
        cmocka_unit_test(folded_lines_are_one),
        cmocka_unit_test(what_is_no_answer_is_none),
        cmocka_unit_test(the_decision_counts_when_the_rest_does_not_come),
        cmocka_unit_test(retry_after_is_that_of_the_final_answer),
        cmocka_unit_test(heads_are_bounded),
        cmocka_unit_test(of_long_content_the_beginning_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
