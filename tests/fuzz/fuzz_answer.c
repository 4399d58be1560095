/* libFuzzer target for the answers of other systems: the input is what a remote sends back to a
 * delivery or a look-up over a socket, read and judged by the transport and the schedule. Whatever
 * comes, exactly one answer is reported, in printable words, the request is sent only once, and the
 * schedule either settles the delivery or says when it goes on. The first byte chooses delivery or
 * look-up, whether the connection is cut hard, and whether it answers several deliveries. */
#include "outbound/transport.h"

#include "fuzz.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WAIT_MS = 20, TURNS = 1000, START_US = 1000000, PIPELINE = 3 };

typedef struct remote {
    int listener, connection;
    bool hard; /* cut with a reset */
    bool answered_bytes;
    char request[4096];
    size_t request_bytes;
} remote;

typedef struct seen {
    int answers;
    xd_answer answer;
    char reason[512];
} seen;

static char url[64];

static int open_listener(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    REQUIRE(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
    REQUIRE(listen(fd, 16) == 0);
    REQUIRE(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", (unsigned)ntohs(address.sin_port));
    return fd;
}

static int take_connection(int listener)
{
    int fd = accept(listener, NULL, NULL);
    REQUIRE(fd < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    return fd;
}

/* A reset instead of a farewell, so that the port can be used again at once. */
static void cut(int fd)
{
    struct linger now = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}

/* Takes the connection, reads the request and answers it once. */
static void serve(remote *r, const uint8_t *data, size_t size)
{
    if (r->connection < 0) {
        r->connection = take_connection(r->listener);
    }
    if (r->connection < 0) {
        return;
    }
    ssize_t n =
        recv(r->connection, r->request + r->request_bytes, sizeof r->request - r->request_bytes, 0);
    r->request_bytes += n > 0 ? (size_t)n : 0;
    if (r->request_bytes && !r->answered_bytes) {
        r->answered_bytes = true;
        REQUIRE(size == 0 || send(r->connection, data, size, MSG_NOSIGNAL) == (ssize_t)size);
        if (!r->hard) {
            shutdown(r->connection, SHUT_WR);
        } else {
            cut(r->connection);
            r->connection = -1;
        }
    }
}

static void note(void *self, const xd_call *call, const xd_answer *answer)
{
    seen *s = self;
    (void)call;
    s->answers++;
    s->answer = *answer;
    snprintf(s->reason, sizeof s->reason, "%s", answer->reason);
    s->answer.reason = s->reason;
}

static void check_answer(const xd_answer *answer, bool lookup)
{
    REQUIRE(answer->status == 0 || answer->status >= 200);
    REQUIRE(answer->status != 0 || answer->kind == XD_ANSWER_UNKNOWN ||
            answer->kind == XD_ANSWER_UNSENT);
    REQUIRE(answer->status == 0 || answer->kind == xd_answer_of_status(answer->status, lookup));
    REQUIRE(answer->retry_after_us >= 0);
    REQUIRE(answer->kind == XD_ANSWER_OK || answer->reason[0]);
    REQUIRE(xd_utf8_valid(xd_str_from(answer->reason), NULL));
    for (const char *p = answer->reason; *p; p++) {
        REQUIRE((unsigned char)*p >= 0x20 && *p != 0x7f);
    }
}

static void settle(void *self, xd_tracked *delivery, xd_settled settled, int32_t status,
                   const char *reason)
{
    (void)delivery;
    (void)settled;
    (void)status;
    REQUIRE(reason);
    ++*(int *)self;
}

static void forget(void *self, xd_tracked *delivery)
{
    (void)self;
    (void)delivery;
}

/* The schedule under this answer, again and again, until the delivery is settled. */
static void check_schedule(const xd_answer *answer)
{
    int settled = 0;
    xd_lane_options lane = {.concurrency = 1,
                            .attempts = 5,
                            .backoff_ms = 10,
                            .backoff_max_ms = 1000,
                            .breaker_failures = 3,
                            .breaker_open_ms = 100,
                            .batch_max = 1};
    xd_schedule *schedule =
        xd_schedule_create(&lane, 1, 1, (xd_schedule_port){&settled, settle, forget});
    xd_tracked *delivery = NULL;
    int64_t now = START_US;
    REQUIRE(schedule &&
            xd_schedule_add(schedule, now, 0, 1, 0, 0, XD_STR("k"), 0, &delivery) == XD_OK);
    for (int turn = 0; !settled && turn < TURNS; turn++) {
        xd_request *request = xd_schedule_next(schedule, now);
        if (request) {
            xd_schedule_answered(schedule, now, request, answer);
        } else {
            int64_t wake = xd_schedule_wake_at(schedule);
            REQUIRE(wake > now && wake != XD_NEVER_US);
            now = wake;
        }
    }
    /* Requests that could not even be sent may be tried for ever; all else comes to an end. */
    REQUIRE(settled == 1 || answer->kind == XD_ANSWER_UNSENT);
    xd_schedule_destroy(schedule);
}

static void note_each(void *self, const xd_call *call, const xd_answer *answer)
{
    int *answers = self;
    REQUIRE(call->delivery_id.len == 1 && call->delivery_id.ptr[0] < 'a' + PIPELINE);
    answers[call->delivery_id.ptr[0] - 'a']++;
    check_answer(answer, false);
}

/* Several requests on one connection: each ends once. Other connections are cut at once. */
static void check_pipelined(remote *r, const uint8_t *data, size_t size)
{
    int answers[PIPELINE] = {0};
    int ended = 0;
    xd_remote_options options = {.name = "erp",
                                 .url = url,
                                 .concurrency = PIPELINE,
                                 .pipeline = PIPELINE,
                                 .timeout_ms = 300,
                                 .connect_timeout_ms = 300};
    xd_transport *transport = NULL;
    REQUIRE(xd_transport_create(&options, 1, &transport, NULL) == XD_OK);
    for (int i = 0; i < PIPELINE; i++) {
        xd_call *call = xd_transport_acquire(transport, 0);
        REQUIRE(call);
        xd_buf_char(&call->delivery_id, (char)('a' + i));
        xd_buf_str_add(&call->body, XD_STR("/x"));
        REQUIRE(xd_transport_post(transport, call, XD_MESSAGE_INVENTORY) == XD_OK);
    }
    for (int turn = 0; ended < PIPELINE && turn < TURNS; turn++) {
        xd_transport_perform(transport, note_each, answers);
        serve(r, data, size);
        int other = r->answered_bytes ? take_connection(r->listener) : -1;
        if (other >= 0) {
            cut(other);
        }
        ended = 0;
        for (int i = 0; i < PIPELINE; i++) {
            REQUIRE(answers[i] <= 1);
            ended += answers[i];
        }
        xd_transport_wait(transport, r->answered_bytes ? WAIT_MS : 1);
    }
    REQUIRE(ended == PIPELINE);
    if (r->connection >= 0) {
        cut(r->connection);
    }
    xd_transport_destroy(transport);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int listener = -1;
    if (size < 1) {
        return 0;
    }
    listener = listener < 0 ? open_listener() : listener;
    bool lookup = data[0] & 1;
    remote r = {.listener = listener, .connection = -1, .hard = data[0] & 2};
    if (data[0] & 4) {
        check_pipelined(&r, data + 1, size - 1);
        return 0;
    }
    seen s = {0};
    xd_remote_options options = {
        .name = "erp", .url = url, .concurrency = 1, .timeout_ms = 300, .connect_timeout_ms = 300};
    xd_transport *transport = NULL;
    REQUIRE(xd_transport_create(&options, 1, &transport, NULL) == XD_OK);
    xd_call *call = xd_transport_acquire(transport, 0);
    REQUIRE(call);
    xd_buf_str_add(lookup ? &call->path : &call->body, XD_STR("/x"));
    REQUIRE((lookup ? xd_transport_get(transport, call)
                    : xd_transport_post(transport, call, XD_MESSAGE_INVENTORY)) == XD_OK);
    for (int turn = 0; s.answers == 0 && turn < TURNS; turn++) {
        xd_transport_perform(transport, note, &s);
        serve(&r, data + 1, size - 1);
        if (s.answers == 0) {
            xd_transport_wait(transport, r.answered_bytes ? WAIT_MS : 1);
        }
    }
    REQUIRE(s.answers == 1);
    check_answer(&s.answer, lookup);
    check_schedule(&s.answer);
    /* Nothing was sent twice: neither on this connection nor on another. */
    serve(&r, NULL, 0);
    REQUIRE(take_connection(r.listener) < 0);
    r.request[r.request_bytes < sizeof r.request ? r.request_bytes : sizeof r.request - 1] = '\0';
    const char *first = strstr(r.request, " HTTP/1.1\r\n");
    REQUIRE(!first || !strstr(first + 1, " HTTP/1.1\r\n"));
    if (r.connection >= 0) {
        cut(r.connection);
    }
    xd_transport_destroy(transport);
    return 0;
}
