/* Several requests on one connection of the transport, against a remote system that is a bare
 * socket: whose answer is whose, and what becomes of the others when one of them goes wrong. */
#include "outbound/transport_test.h"

#include "base/random.h"

#include <netinet/tcp.h>

enum { CALLS = 400 };

static void open_pipelined(bench *b, uint32_t concurrency, uint32_t pipeline)
{
    open_remote(b, 2000);
    b->options.concurrency = concurrency;
    b->options.pipeline = pipeline;
    open_transport(b);
}

/* Reads that many requests with 5 bytes of content: the first letters of their ids, in order. */
static const char *read_requests(bench *b, int fd, size_t count)
{
    static char ids[64];
    char text[8192];
    size_t n = 0;
    for (int i = 0; i < TURNS && (i == 0 || strlen(ids) < count); i++) {
        turn(b, 1);
        ssize_t got = recv(fd, text + n, sizeof text - 1 - n, 0);
        n += got > 0 ? (size_t)got : 0;
        text[n] = '\0';
        size_t found = 0;
        for (char *at = text; (at = strstr(at, "Delivery: ")) != NULL; at++) {
            const char *end = strstr(at, "\r\n\r\nabcde");
            ids[found] = at[10];
            found += end != NULL;
        }
        ids[found] = '\0';
    }
    return ids;
}

static void post_each(bench *b, const char *ids)
{
    for (char id[2] = ""; (id[0] = *ids) != '\0'; ids++) {
        post(b, id, 5);
    }
}

/* All on one connection, which is given. */
static int carry_all(bench *b, const char *ids)
{
    open_pipelined(b, (uint32_t)strlen(ids), (uint32_t)strlen(ids));
    post_each(b, ids);
    int fd = take_connection(b);
    assert_string_equal(read_requests(b, fd, strlen(ids)), ids);
    return fd;
}

static void assert_answers(const bench *b, const char *ids)
{
    assert_int_equal(b->count, strlen(ids));
    for (int i = 0; i < b->count; i++) {
        assert_int_equal(b->answers[i].id[0], ids[i]);
    }
}

#define NO "HTTP/1.1 409 No\r\nContent-Length: 0\r\n\r\n"

static void requests_follow_one_another_and_answers_come_in_their_order(void **state)
{
    (void)state;
    bench b;
    int fd = carry_all(&b, "123");
    assert_no_other_connection(&b);
    say(fd, OK NO "HTTP/1.1 204 No\r\n");
    await(&b, 2);
    assert_last(&b, XD_ANSWER_PERMANENT, 409, "http 409");
    post_each(&b, "4"); /* behind one that waits */
    assert_string_equal(read_requests(&b, fd, 1), "4");
    say(fd, "\r\n" NO);
    await(&b, 4);
    assert_answers(&b, "1234");
    assert_int_equal(b.answers[2].status, 204);
    assert_no_other_connection(&b);
    close_bench(&b);
}

static void
a_request_goes_behind_others_where_none_is_idle_and_behind_as_few_as_possible(void **state)
{
    (void)state;
    bench b;
    open_pipelined(&b, 6, 3);
    post_each(&b, "12");
    int fd = take_connection(&b);
    int other = take_connection(&b);
    assert_int_equal(strlen(read_requests(&b, fd, 1)), 1);
    assert_int_equal(strlen(read_requests(&b, other, 1)), 1);
    post_each(&b, "34");
    assert_int_equal(strlen(read_requests(&b, fd, 1)), 1);
    assert_int_equal(strlen(read_requests(&b, other, 1)), 1);
    say(fd, OK OK);
    say(other, OK);
    await(&b, 3);
    post_each(&b, "5");
    assert_string_equal(read_requests(&b, fd, 1), "5");
    post_each(&b, "6");
    post_each(&b, "7");
    assert_int_equal(strlen(read_requests(&b, fd, 1)), 1);
    assert_int_equal(strlen(read_requests(&b, other, 1)), 1);
    assert_no_other_connection(&b);
    close_bench(&b);
}

static void what_follows_the_last_answer_ends_the_connection(void **state)
{
    (void)state;
    bench b;
    int fd = carry_all(&b, "12");
    say(fd, OK OK NO);
    await(&b, 2);
    assert_last(&b, XD_ANSWER_OK, 200, "");
    exchange(&b, -1, "3", OK);
    await(&b, 3);
    assert_last(&b, XD_ANSWER_OK, 200, "");
    close_bench(&b);
}

/* 3 has not left yet: what comes is not its answer, and another connection will do. */
static void the_end_of_its_connection_costs_nothing_before_a_request_has_left(void **state)
{
    (void)state;
    for (int closes = 0; closes < 2; closes++) {
        bench b;
        open_pipelined(&b, 3, 3);
        post_each(&b, "12");
        int fd = take_connection(&b);
        assert_string_equal(read_requests(&b, fd, 2), "12");
        b.posts_next = "3";
        say(fd, closes ? OK OK : OK OK NO);
        if (closes) {
            hang_up(&b, fd);
        }
        int other = take_connection(&b);
        assert_string_equal(read_requests(&b, other, 1), "3");
        say(other, OK);
        await(&b, 3);
        assert_answers(&b, "123");
        assert_last(&b, XD_ANSWER_OK, 200, "");
        close_bench(&b);
    }
}

static void what_is_behind_an_answer_that_ends_its_connection_in_silence_is_unknown(void **state)
{
    (void)state;
    bench b;
    int fd = carry_all(&b, "12");
    say(fd, "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n");
    await(&b, 2);
    assert_answers(&b, "12");
    assert_last(&b, XD_ANSWER_UNKNOWN, 0, "no answer: the connection ended before it came");
    assert_no_other_connection(&b);
    close_bench(&b);
}

static void what_a_broken_connection_carried_is_unknown(void **state)
{
    (void)state;
    bench b;
    int fd = carry_all(&b, "123");
    say(fd, OK "HTTP/1.1 2");
    hang_up(&b, fd);
    await(&b, 3);
    assert_answers(&b, "123");
    assert_string_equal(b.answers[1].reason,
                        "no answer: the connection was closed before the answer was whole");
    assert_last(&b, XD_ANSWER_UNKNOWN, 0, "no answer: the connection ended before it came");
    assert_false(b.answers[1].beside); /* one failure, however many it carried */
    assert_true(b.answers[2].beside);
    assert_no_other_connection(&b); /* nothing is sent again */
    close_bench(&b);
}

/* A peer that closes with requests unread resets the connection, and what it had not handed over is
 * lost. Ten small answers are never held back: they fit the initial window (RFC 6928). */
static void an_answer_given_before_a_reset_arrives(void **state)
{
    (void)state;
    bench b;
    char text[8192];
    open_pipelined(&b, XD_PIPELINE_MAX, XD_PIPELINE_MAX);
    int fd = exchange(&b, -1, "0", OK);
    await(&b, 1);
    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)), 0);
    post_each(&b, "123456789A");
    ssize_t got = 0;
    for (int i = 0; i < TURNS && !(got > 0 && strstr(text, "Delivery: A\r\n\r\nabcde")); i++) {
        turn(&b, 1);
        got = recv(fd, text, sizeof text - 1, MSG_PEEK);
        text[got > 0 ? got : 0] = '\0';
    }
    assert_int_equal(got % XD_PIPELINE_MAX, 0);
    assert_int_equal(recv(fd, text, (size_t)(got - got / XD_PIPELINE_MAX), 0),
                     got - got / XD_PIPELINE_MAX);
    for (int i = 0; i < XD_PIPELINE_MAX - 1; i++) {
        say(fd, OK);
    }
    hang_up(&b, fd);
    await(&b, 1 + XD_PIPELINE_MAX);
    assert_answers(&b, "0123456789A");
    for (int i = 0; i < XD_PIPELINE_MAX; i++) {
        assert_int_equal(b.answers[i].kind, XD_ANSWER_OK);
    }
    assert_int_equal(b.answers[XD_PIPELINE_MAX].kind, XD_ANSWER_UNKNOWN);
    close_bench(&b);
}

static void what_a_peer_says_it_will_not_look_at_goes_over_another_connection(void **state)
{
    (void)state;
    bench b;
    int fd = carry_all(&b, "123");
    say(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    hang_up(&b, fd);
    fd = take_connection(&b);
    assert_string_equal(read_requests(&b, fd, 2), "23");
    say(fd, OK OK);
    await(&b, 3);
    assert_answers(&b, "123");
    close_bench(&b);
}

/* Reads until nothing more comes; how many bytes. */
static size_t drain(bench *b, int fd)
{
    static char text[BIG];
    size_t n = 0;
    for (int quiet = 0; quiet < 20;) {
        turn(b, 1);
        ssize_t got = recv(fd, text, sizeof text, 0);
        quiet = got > 0 ? 0 : quiet + 1;
        n += got > 0 ? (size_t)got : 0;
    }
    return n;
}

static void what_is_behind_a_refusal_before_its_body_was_read_goes_elsewhere(void **state)
{
    (void)state;
    bench b;
    open_pipelined(&b, 2, 2);
    b.options.timeout_ms = 60000; /* longer than it is waited for */
    post(&b, "1", 16 * BIG);
    post(&b, "2", 5);
    int fd = take_connection(&b);
    say(fd, "HTTP/1.1 413 No\r\n");
    assert_true(drain(&b, fd) < 16 * BIG); /* the rest is not sent */
    say(fd, "Content-Length: 99\r\n\r\ntoo big");
    await(&b, 1);
    assert_last(&b, XD_ANSWER_PERMANENT, 413, "http 413: too big");
    int other = take_connection(&b);
    assert_string_equal(read_requests(&b, other, 1), "2");
    say(other, OK);
    await(&b, 2);
    assert_last(&b, XD_ANSWER_OK, 200, "");
    close_bench(&b);
}

static void what_is_behind_an_early_yes_goes_elsewhere(void **state)
{
    (void)state;
    bench b;
    static char text[9 * BIG];
    open_pipelined(&b, 2, 2);
    post(&b, "1", 8 * BIG);
    post(&b, "2", 5);
    int fd = take_connection(&b);
    say(fd, OK);
    read_request(&b, fd, text, sizeof text, 8 * BIG, sizeof text);
    await(&b, 1);
    assert_last(&b, XD_ANSWER_OK, 200, "");
    int other = take_connection(&b);
    assert_string_equal(read_requests(&b, other, 1), "2");
    assert_int_equal(recv(fd, text, sizeof text, 0), 0); /* and nothing more here */
    say(other, OK);
    await(&b, 2);
    close_bench(&b);
}

static void one_that_could_not_leave_in_time_is_unsent(void **state)
{
    (void)state;
    bench b;
    open_pipelined(&b, 4, 2);
    b.options.timeout_ms = 300;
    post(&b, "1", 16 * BIG); /* on a connection that is not read */
    post_each(&b, "2");      /* on another one */
    post_each(&b, "34");     /* behind 2, and behind 1 */
    int fds[2] = {take_connection(&b), take_connection(&b)};
    char text[4096];
    for (int i = 0; i < TURNS && b.count < 2; i++) {
        turn(&b, 1);
        for (int k = 0; k < 2; k++) {
            ssize_t got = recv(fds[k], text, sizeof text - 1, MSG_PEEK);
            text[got > 0 ? got : 0] = '\0';
            if (strstr(text, "Delivery: 2") && strstr(text, "Delivery: 3")) {
                assert_int_equal(recv(fds[k], text, (size_t)got, 0), got);
                say(fds[k], OK OK);
            }
        }
    }
    await(&b, 4); /* 4 found the idle connection when its time was over */
    assert_answers(&b, "2314");
    assert_string_equal(b.answers[2].reason, "no answer: timed out after 300 ms");
    assert_last(&b, XD_ANSWER_UNSENT, 0, "not sent: timed out after 300 ms");
    close_bench(&b);
}

static void one_that_takes_too_long_ends_its_connection(void **state)
{
    (void)state;
    bench b;
    open_pipelined(&b, 2, 2);
    b.options.timeout_ms = 300;
    post_each(&b, "12");
    int fd = take_connection(&b);
    assert_string_equal(read_requests(&b, fd, 2), "12");
    await(&b, 2);
    assert_string_equal(b.answers[0].reason, "no answer: timed out after 300 ms");
    assert_last(&b, XD_ANSWER_UNKNOWN, 0, "no answer: the connection ended before it came");
    close_bench(&b);
}

static void requests_on_a_connection_that_cannot_be_opened_are_all_unsent(void **state)
{
    (void)state;
    bench b;
    open_pipelined(&b, 3, 3);
    close_listener(&b);
    post_each(&b, "123");
    await(&b, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(b.answers[i].kind, XD_ANSWER_UNSENT);
        assert_non_null(strstr(b.answers[i].reason, "not sent: Failed to connect"));
        assert_int_equal(b.answers[i].beside, i > 0);
    }
    close_bench(&b);
}

/* A peer that answers each request with 409 and the request's id, until it has enough: it says
 * close, or closes in the middle. */
typedef struct moody {
    xd_random random;
    int fds[CALLS];
    bool over[CALLS];
    char in[CALLS][32768];
    size_t n[CALLS];
    int count;
    int looked_at[CALLS];
    int reported[CALLS];
    int under_way, unknown;
} moody;

static int number_of(const char *text)
{
    return (int)strtol(text, NULL, 10);
}

static void note_once(void *self, const xd_call *call, const xd_answer *answer)
{
    moody *m = self;
    char expected[64];
    char id[16];
    snprintf(id, sizeof id, "%.*s", XD_FMT(xd_buf_str(&call->delivery_id)));
    m->reported[number_of(id)]++;
    m->under_way--;
    snprintf(expected, sizeof expected, "http 409: %s", id);
    if (answer->status == 409) {
        assert_string_equal(answer->reason, expected);
        assert_int_equal(m->looked_at[number_of(id)], 1);
    } else {
        assert_int_equal(answer->kind, XD_ANSWER_UNKNOWN);
        m->unknown++;
    }
}

/* Looks at the next request of a connection; false when there is none or the connection is over. */
static bool look_at_one(moody *m, int i)
{
    if (m->over[i]) {
        m->n[i] = 0;
        return false;
    }
    m->in[i][m->n[i]] = '\0';
    char *end = strstr(m->in[i], "\r\n\r\n");
    if (!end || m->n[i] < (size_t)(end - m->in[i]) + 9) {
        return false;
    }
    int id = number_of(strstr(m->in[i], "Delivery: ") + 10);
    assert_int_equal(m->looked_at[id]++, 0);
    m->n[i] -= (size_t)(end - m->in[i]) + 9;
    memmove(m->in[i], end + 9, m->n[i]);
    uint64_t mood = xd_random_below(&m->random, 40);
    char answer[128];
    int len = snprintf(answer, sizeof answer, "HTTP/1.1 409 No\r\n%sContent-Length: 3\r\n\r\n%03d",
                       mood == 0 ? "Connection: close\r\n" : "", id);
    int said = mood == 1 ? 0 : mood == 2 ? 10 : len;
    send(m->fds[i], answer, (size_t)said, MSG_NOSIGNAL);
    if (mood < 3) {
        shutdown(m->fds[i], SHUT_WR); /* what it did not read is not answered with a reset */
        m->over[i] = true;
    }
    return mood >= 3;
}

static void each_call_ends_once_and_is_looked_at_once_whatever_the_peer_does(void **state)
{
    (void)state;
    static moody m;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        bench b;
        memset(&m, 0, sizeof m);
        m.random = (xd_random){seed};
        open_pipelined(&b, 24, 1 + (uint32_t)(seed * 3 % 8));
        int posted = 0;
        for (int i = 0; i < 20 * TURNS && (posted < CALLS || m.under_way); i++) {
            while (posted < CALLS && m.under_way < 24 && xd_random_below(&m.random, 3)) {
                char id[8];
                snprintf(id, sizeof id, "%03d", posted++);
                post(&b, id, 5);
                m.under_way++;
            }
            xd_transport_perform(b.transport, note_once, &m);
            xd_transport_wait(b.transport, 0);
            int fd = accept(b.listener, NULL, NULL);
            if (fd >= 0) {
                unblock(fd);
                m.fds[m.count++] = fd;
                assert_true(m.count < CALLS);
            }
            for (int c = 0; c < m.count; c++) {
                ssize_t got = recv(m.fds[c], m.in[c] + m.n[c], sizeof m.in[c] - 1 - m.n[c], 0);
                m.n[c] += got > 0 ? (size_t)got : 0;
                while (xd_random_below(&m.random, 4) && look_at_one(&m, c)) {
                }
            }
        }
        for (int id = 0; id < CALLS; id++) {
            assert_int_equal(m.reported[id], 1);
        }
        assert_true(m.unknown > 0 && m.unknown < CALLS / 2);
        for (int c = 0; c < m.count; c++) {
            close(m.fds[c]);
        }
        close_bench(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_follow_one_another_and_answers_come_in_their_order),
        cmocka_unit_test(
            a_request_goes_behind_others_where_none_is_idle_and_behind_as_few_as_possible),
        cmocka_unit_test(what_follows_the_last_answer_ends_the_connection),
        cmocka_unit_test(the_end_of_its_connection_costs_nothing_before_a_request_has_left),
        cmocka_unit_test(what_is_behind_an_answer_that_ends_its_connection_in_silence_is_unknown),
        cmocka_unit_test(what_a_broken_connection_carried_is_unknown),
        cmocka_unit_test(an_answer_given_before_a_reset_arrives),
        cmocka_unit_test(what_a_peer_says_it_will_not_look_at_goes_over_another_connection),
        cmocka_unit_test(what_is_behind_a_refusal_before_its_body_was_read_goes_elsewhere),
        cmocka_unit_test(what_is_behind_an_early_yes_goes_elsewhere),
        cmocka_unit_test(one_that_could_not_leave_in_time_is_unsent),
        cmocka_unit_test(one_that_takes_too_long_ends_its_connection),
        cmocka_unit_test(requests_on_a_connection_that_cannot_be_opened_are_all_unsent),
        cmocka_unit_test(each_call_ends_once_and_is_looked_at_once_whatever_the_peer_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
