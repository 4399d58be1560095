/* Transport over links. See transport.h.
 *
 * A request is written whole into one buffer and handed over with one send; its answer is usually
 * taken with one recv. Sockets are registered with epoll once, edge-triggered and for both
 * directions, so that a request costs no epoll_ctl: an event is only a hint to look, what a socket
 * says is taken from send and recv.
 *
 * A call has a connection while it is under way. Idle ones are kept per remote and the one used
 * last goes first, so few stay busy and the rest grow old and are closed. A connection carries
 * another request only when the answer before it was whole and beyond doubt (http1.h), nothing came
 * after it, and the peer has not closed it. Nothing is ever sent twice: a call whose connection
 * breaks after a byte was handed over ends as unknown. */
#include "outbound/transport.h"

#include "outbound/endpoint.h"
#include "outbound/http1.h"
#include "outbound/link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
    HEADER_CAP = 4096,
    BODY_CAP = 256 << 20,
    BODY_KEPT = 256 << 10,  /* a larger buffer is freed after use */
    BODY_JOINED = 16 << 10, /* a body up to this size goes with its head */
    PATH_CAP = 16384,
    REASON_MAX = 320,
    RECEIVE_BUFFER = 16 << 10,
    READY_MAX = 256, /* sockets handled per turn */
    IDLE_MAX_US = 118000000,
    IDLE_TRUSTED_US = 20000 /* after longer idleness a connection is looked at before use */
};

#define HANGUP ((uint32_t)(EPOLLRDHUP | EPOLLHUP | EPOLLERR))

typedef struct call call;
typedef struct conn conn;
typedef struct remote remote;

struct call {
    xd_call face; /* first: a call is found from its face */
    remote *remote;
    bool lookup;
    xd_buf out;   /* the head, with the body when that is short; holds a secret */
    size_t total; /* bytes of the request */
    size_t sent;  /* of them, handed over */
    int64_t deadline_us;
    conn *conn;            /* borrows: NULL when not under way */
    call *earlier, *later; /* under way to the same remote, by deadline */
    call *next;            /* free list, or those that could not be started */
    call *next_all;        /* every call of the transport */
};

typedef enum conn_state { CONN_OPENING, CONN_BUSY, CONN_IDLE, CONN_DEAD } conn_state;

struct conn {
    xd_link link;
    remote *remote;
    conn_state state;
    call *call;    /* borrows: while opening or busy */
    bool answered; /* the answer is whole, the request is not */
    int64_t idle_since_us;
    conn *colder, *hotter; /* idle ones of the remote */
    conn *before, *after;  /* all living ones of the transport; after also among the dead */
    xd_http1 reply;
};

struct remote {
    const xd_remote_options *options; /* borrows */
    xd_endpoint endpoint;
    call *free_calls;
    call *first, *last;      /* under way, by deadline */
    conn *coldest, *hottest; /* idle */
};

struct xd_transport {
    CURLM *multi;
    int epoll;
    int wake;            /* eventfd */
    int64_t timer_at_us; /* when libcurl wants to be called; XD_NEVER_US */
    uint32_t opening;    /* connections that libcurl is opening */
    bool attend;         /* a connection needs a look without an event of its own */
    int64_t now_us;      /* of this turn, when known */
    bool now_known;
    call *calls;
    call *stillborn; /* could not be started: reported in the next perform */
    conn *conns;
    conn *dead; /* freed when no event of this turn can name them any more */
    int ready_count;
    struct epoll_event ready[READY_MAX];
    char in[RECEIVE_BUFFER];
    uint32_t remote_count;
    remote remotes[];
};

/* Who is told of answers, in one perform. */
typedef struct sink {
    xd_transport_answered answered;
    void *self;
} sink;

static call *call_of(xd_call *face)
{
    return (call *)face;
}

/* --- time --- */

static int64_t monotonic_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Read once between two waits. */
static int64_t now_us(xd_transport *t)
{
    if (!t->now_known) {
        t->now_us = monotonic_us();
        t->now_known = true;
    }
    return t->now_us;
}

/* --- what epoll is told: 0 is the eventfd, an even number a connection, an odd one a socket that
 * libcurl is opening --- */

static uint64_t token_of_socket(curl_socket_t fd)
{
    return (uint64_t)(uint32_t)fd << 1 | 1;
}

static int on_watch(CURL *easy, curl_socket_t fd, int what, void *self, void *unused)
{
    xd_transport *t = self;
    (void)easy;
    (void)unused;
    struct epoll_event event = {.data.u64 = token_of_socket(fd)};
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(t->epoll, EPOLL_CTL_DEL, fd, &event);
        return 0;
    }
    event.events = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) |
                   (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
    int rc = epoll_ctl(t->epoll, EPOLL_CTL_MOD, fd, &event);
    if (rc != 0 && errno == ENOENT) {
        rc = epoll_ctl(t->epoll, EPOLL_CTL_ADD, fd, &event);
    }
    return rc;
}

static int on_timer(CURLM *multi, long timeout_ms, void *self)
{
    xd_transport *t = self;
    (void)multi;
    t->timer_at_us = timeout_ms < 0    ? XD_NEVER_US
                     : timeout_ms == 0 ? INT64_MIN
                                       : monotonic_us() + (int64_t)timeout_ms * 1000;
    return 0;
}

/* From here on the socket's events are ours. */
static bool watch(xd_transport *t, conn *n)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.u64 = (uint64_t)(uintptr_t)n};
    int rc = epoll_ctl(t->epoll, EPOLL_CTL_ADD, n->link.fd, &event);
    if (rc != 0 && errno == EEXIST) {
        rc = epoll_ctl(t->epoll, EPOLL_CTL_MOD, n->link.fd, &event);
    }
    return rc == 0;
}

/* --- connections --- */

static xd_status conn_open(xd_transport *t, remote *r, call *c)
{
    conn *n = malloc(sizeof *n); /* its answer's buffer is long and is never read unwritten */
    if (!n) {
        return XD_NO_MEMORY;
    }
    memset(n, 0, offsetof(conn, reply));
    xd_http1_begin(&n->reply);
    if (xd_link_open(&n->link, t->multi, r->options, n, &t->attend) != XD_OK) {
        free(n);
        return XD_NO_MEMORY;
    }
    n->remote = r;
    n->state = CONN_OPENING;
    n->call = c;
    c->conn = n;
    n->after = t->conns;
    if (t->conns) {
        t->conns->before = n;
    }
    t->conns = n;
    t->opening++;
    return XD_OK;
}

static void idle_remove(conn *n)
{
    remote *r = n->remote;
    *(n->colder ? &n->colder->hotter : &r->coldest) = n->hotter;
    *(n->hotter ? &n->hotter->colder : &r->hottest) = n->colder;
}

static void idle_push(xd_transport *t, conn *n)
{
    remote *r = n->remote;
    n->state = CONN_IDLE;
    n->idle_since_us = now_us(t);
    n->hotter = NULL;
    n->colder = r->hottest;
    *(r->hottest ? &r->hottest->hotter : &r->coldest) = n;
    r->hottest = n;
}

static void conn_close(xd_transport *t, conn *n)
{
    if (n->state == CONN_IDLE) {
        idle_remove(n);
    }
    t->opening -= n->state == CONN_OPENING;
    xd_link_close(&n->link);
    *(n->before ? &n->before->after : &t->conns) = n->after;
    if (n->after) {
        n->after->before = n->before;
    }
    n->state = CONN_DEAD;
    n->after = t->dead;
    t->dead = n;
}

static void free_dead(xd_transport *t)
{
    for (conn *n = t->dead, *next = NULL; n; n = next) {
        next = n->after;
        free(n);
    }
    t->dead = NULL;
}

/* Nothing has come: no byte and no end. */
static bool is_quiet(conn *n)
{
    char byte;
    size_t got;
    return xd_link_receive(&n->link, &byte, 1, &got) == XD_LINK_WAIT;
}

/* --- life --- */

static xd_status multi_set_up(xd_transport *t, const xd_remote_options *remotes, uint32_t count,
                              xd_fault *fault)
{
    long connections = 16;
    for (uint32_t i = 0; i < count; i++) {
        connections += (long)remotes[i].concurrency;
    }
    t->multi = curl_multi_init();
    t->epoll = epoll_create1(EPOLL_CLOEXEC);
    t->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event wake_event = {.events = EPOLLIN};
    if (!t->multi || t->epoll < 0 || t->wake < 0 ||
        epoll_ctl(t->epoll, EPOLL_CTL_ADD, t->wake, &wake_event) != 0) {
        return xd_fail(fault, XD_UNAVAILABLE, "outbound.epoll",
                       "no memory or descriptors for the transport");
    }
    curl_multi_setopt(t->multi, CURLMOPT_MAXCONNECTS, connections);
    curl_multi_setopt(t->multi, CURLMOPT_SOCKETFUNCTION, on_watch);
    curl_multi_setopt(t->multi, CURLMOPT_SOCKETDATA, t);
    curl_multi_setopt(t->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(t->multi, CURLMOPT_TIMERDATA, t);
    return XD_OK;
}

xd_status xd_transport_create(const xd_remote_options *remotes, uint32_t count, xd_transport **ret,
                              xd_fault *fault)
{
    if (curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK) {
        return xd_fail(fault, XD_UNAVAILABLE, "outbound.curl", "libcurl does not start");
    }
    xd_transport *t = calloc(1, sizeof *t + count * sizeof(remote));
    if (!t) {
        curl_global_cleanup();
        return xd_fail(fault, XD_NO_MEMORY, NULL, "no memory for the transport");
    }
    t->timer_at_us = XD_NEVER_US;
    xd_status status = multi_set_up(t, remotes, count, fault);
    for (uint32_t i = 0; status == XD_OK && i < count; i++) {
        t->remote_count++;
        t->remotes[i].options = &remotes[i];
        status = xd_endpoint_init(&t->remotes[i].endpoint, &remotes[i], fault);
    }
    if (status != XD_OK) {
        xd_transport_destroy(t);
        return status;
    }
    *ret = t;
    return XD_OK;
}

static void call_destroy(call *c)
{
    xd_buf_finish(&c->face.idempotency_key);
    xd_buf_finish(&c->face.traceparent);
    xd_buf_finish(&c->face.delivery_id);
    xd_buf_finish(&c->face.body);
    xd_buf_finish(&c->face.path);
    xd_endpoint_wipe(&c->out);
    free(c);
}

void xd_transport_destroy(xd_transport *t)
{
    if (!t) {
        return;
    }
    while (t->conns) {
        conn_close(t, t->conns);
    }
    free_dead(t);
    for (call *c = t->calls, *next = NULL; c; c = next) {
        next = c->next_all;
        call_destroy(c);
    }
    for (uint32_t i = 0; i < t->remote_count; i++) {
        xd_endpoint_finish(&t->remotes[i].endpoint);
    }
    curl_multi_cleanup(t->multi);
    if (t->epoll >= 0) {
        close(t->epoll);
    }
    if (t->wake >= 0) {
        close(t->wake);
    }
    free(t);
    curl_global_cleanup();
}

static call *call_create(xd_transport *t, remote *r)
{
    call *c = calloc(1, sizeof *c);
    if (!c) {
        return NULL;
    }
    xd_buf_init(&c->face.idempotency_key, HEADER_CAP);
    xd_buf_init(&c->face.traceparent, HEADER_CAP);
    xd_buf_init(&c->face.delivery_id, HEADER_CAP);
    xd_buf_init(&c->face.body, BODY_CAP);
    xd_buf_init(&c->face.path, PATH_CAP);
    c->remote = r;
    c->next_all = t->calls;
    t->calls = c;
    return c;
}

xd_call *xd_transport_acquire(xd_transport *t, uint32_t remote_index)
{
    remote *r = &t->remotes[remote_index];
    call *c = r->free_calls;
    if (c) {
        r->free_calls = c->next;
    } else {
        c = call_create(t, r);
        if (!c) {
            return NULL;
        }
    }
    c->face.request = NULL;
    xd_buf_clear(&c->face.idempotency_key);
    xd_buf_clear(&c->face.traceparent);
    xd_buf_clear(&c->face.delivery_id);
    xd_buf_clear(&c->face.body);
    xd_buf_clear(&c->face.path);
    return &c->face;
}

void xd_transport_release(xd_transport *t, xd_call *face)
{
    call *c = call_of(face);
    (void)t;
    if (face->body.size > BODY_KEPT) {
        xd_buf_finish(&face->body);
        xd_buf_init(&face->body, BODY_CAP);
    }
    c->next = c->remote->free_calls;
    c->remote->free_calls = c;
}

/* --- sending --- */

/* Hands over what can be handed over; *ret_broken when the connection does not take any more. */
static void push(conn *n, bool *ret_broken)
{
    call *c = n->call;
    while (c->sent < c->total) {
        bool head = c->sent < c->out.len;
        const char *at = head ? c->out.ptr + c->sent : c->face.body.ptr + (c->sent - c->out.len);
        size_t left = (head ? c->out.len : c->total) - c->sent;
        size_t moved = 0;
        xd_link_moved result = xd_link_send(&n->link, at, left, &moved);
        if (result != XD_LINK_MOVED) {
            *ret_broken = result != XD_LINK_WAIT;
            return;
        }
        c->sent += moved;
    }
}

static void join(remote *r, call *c)
{
    c->earlier = r->last;
    c->later = NULL;
    *(r->last ? &r->last->later : &r->first) = c;
    r->last = c;
}

static void leave(call *c)
{
    remote *r = c->remote;
    *(c->earlier ? &c->earlier->later : &r->first) = c->later;
    *(c->later ? &c->later->earlier : &r->last) = c->earlier;
}

/* Sends the call over an idle connection; false when none of them is good. */
static bool send_over_idle(xd_transport *t, remote *r, call *c)
{
    while (r->hottest) {
        conn *n = r->hottest;
        if (n->link.lost || (now_us(t) - n->idle_since_us > IDLE_TRUSTED_US && !is_quiet(n))) {
            conn_close(t, n);
            continue;
        }
        idle_remove(n);
        n->state = CONN_BUSY;
        n->call = c;
        n->answered = false;
        c->conn = n;
        xd_http1_begin(&n->reply);
        bool broken = false;
        push(n, &broken);
        if (!broken) {
            return true;
        }
        if (c->sent) { /* perform takes what has come, and ends it */
            t->attend = true;
            return true;
        }
        conn_close(t, n); /* it was closed meanwhile, and nothing of this call has left */
    }
    return false;
}

/* Starts a call whose head is written. */
static xd_status start(xd_transport *t, call *c)
{
    remote *r = c->remote;
    c->sent = 0;
    c->deadline_us = now_us(t) + (int64_t)r->options->timeout_ms * 1000;
    if (!send_over_idle(t, r, c)) {
        XD_TRY(conn_open(t, r, c));
    }
    join(r, c);
    return XD_OK;
}

xd_status xd_transport_post(xd_transport *t, xd_call *face, xd_message message)
{
    call *c = call_of(face);
    if (face->body.failed) {
        return XD_NO_MEMORY;
    }
    bool joined = face->body.len <= BODY_JOINED;
    XD_TRY(xd_endpoint_post(&c->remote->endpoint, face, message, joined ? face->body.len : 0,
                            &c->out));
    c->lookup = false;
    c->total = c->out.len + face->body.len;
    if (joined) {
        xd_buf_str_add(&c->out, xd_buf_str(&face->body));
    }
    return start(t, c);
}

xd_status xd_transport_get(xd_transport *t, xd_call *face)
{
    call *c = call_of(face);
    c->lookup = true;
    xd_status status = xd_endpoint_get(&c->remote->endpoint, face, &c->out);
    if (status == XD_INVALID) {
        c->next = t->stillborn;
        t->stillborn = c;
        return XD_OK;
    }
    XD_TRY(status);
    c->total = c->out.len;
    return start(t, c);
}

/* --- answers --- */

/* "http 422: first line of what the remote said", printable. */
static void reason_of_reply(const xd_http1 *reply, char *reason)
{
    int n = snprintf(reason, REASON_MAX, "http %d", (int)reply->status);
    size_t at = (size_t)n;
    if (reply->body_len) {
        reason[at++] = ':';
        reason[at++] = ' ';
    }
    size_t bad = reply->body_len;
    size_t len =
        xd_utf8_valid((xd_str){reply->body, reply->body_len}, &bad) ? reply->body_len : bad;
    for (size_t i = 0; i < len; i++) {
        char byte = reply->body[i];
        bool control = (byte >= 0 && byte < 0x20) || byte == 0x7f;
        if (!(control && i + 1 == len)) {
            reason[at++] = control ? ' ' : byte;
        }
    }
    reason[at] = '\0';
}

/* Seconds or an HTTP date (RFC 9110 section 10.2.3); one that has passed is no wait. */
static int64_t retry_after_us(const char *text)
{
    int64_t seconds = 0;
    if (text[0] && text[strspn(text, "0123456789")] == '\0') {
        if (!xd_str_to_int64(xd_str_from(text), &seconds)) {
            seconds = INT32_MAX;
        }
    } else if (text[0]) {
        struct timespec now;
        time_t date = curl_getdate(text, NULL);
        clock_gettime(CLOCK_REALTIME, &now);
        seconds = date < 0 ? 0 : date - now.tv_sec;
    }
    seconds = seconds < 0 ? 0 : seconds > INT32_MAX ? INT32_MAX : seconds;
    return seconds * 1000000;
}

/* text: why there is no whole answer. */
static xd_answer answer_of(const call *c, const xd_http1 *reply, const char *text, char *reason)
{
    xd_answer answer = {.reason = ""};
    if (reply && reply->status) { /* the decision came, even when the rest of the answer did not */
        answer.status = reply->status;
        answer.kind = xd_answer_of_status(answer.status, c->lookup);
        if (answer.kind != XD_ANSWER_OK) {
            answer.retry_after_us = retry_after_us(reply->retry_after);
            reason_of_reply(reply, reason);
            answer.reason = reason;
        }
        return answer;
    }
    answer.kind = c->sent > 0 ? XD_ANSWER_UNKNOWN : XD_ANSWER_UNSENT;
    snprintf(reason, REASON_MAX, "%s: %s", c->sent > 0 ? "no answer" : "not sent", text);
    answer.reason = reason;
    return answer;
}

/* Ends the call of a connection, which is kept when it may carry another one. */
static void conclude(xd_transport *t, const sink *to, conn *n, bool keep, const char *text)
{
    call *c = n->call;
    char reason[REASON_MAX];
    const xd_answer answer = answer_of(c, &n->reply, text, reason);
    leave(c);
    c->conn = NULL;
    n->call = NULL;
    if (keep) {
        idle_push(t, n);
    } else {
        conn_close(t, n);
    }
    to->answered(to->self, &c->face, &answer);
    xd_transport_release(t, &c->face);
}

/* The answer is whole; after says whether more came with it or may be there. */
static void conclude_whole(xd_transport *t, const sink *to, conn *n, bool excess, bool maybe_more)
{
    const call *c = n->call;
    if (c->sent < c->total && n->reply.status < 300) {
        n->answered = true; /* it was taken without the rest being looked at; the rest still goes */
        return;
    }
    bool keep = n->reply.keep && !excess && c->sent == c->total;
    keep = keep && !(maybe_more && !is_quiet(n));
    conclude(t, to, n, keep, "");
}

/* RFC 9112 section 9.5: a refusal came before the request was whole. The rest is not sent, and a
 * peer that waits for it would not end its answer. */
static bool is_refused_early(const conn *n)
{
    return n->call->sent < n->call->total && n->reply.status >= 300 &&
           n->reply.state > XD_HTTP1_FIELD;
}

/* Feeds what has come to the answer; true when there may be more, hangup: since the peer has closed
 * its side, or the connection broke. Ends the call when it can be ended. */
static bool pull_some(xd_transport *t, const sink *to, conn *n, bool hangup)
{
    size_t got = 0;
    size_t used = 0;
    xd_http1_progress progress = XD_HTTP1_MORE;
    xd_link_moved moved = xd_link_receive(&n->link, t->in, sizeof t->in, &got);
    if (moved == XD_LINK_BROKEN) {
        conclude(t, to, n, false, n->link.error);
        return false;
    }
    if (moved == XD_LINK_CLOSED) {
        progress = xd_http1_end(&n->reply);
    } else if (moved == XD_LINK_MOVED) {
        progress = xd_http1_feed(&n->reply, t->in, got, &used);
    }
    /* Without TLS a short piece was all there is: what comes later has an event of its own. */
    bool maybe_more = moved != XD_LINK_WAIT && (n->link.tls || hangup || got == sizeof t->in);
    if (progress == XD_HTTP1_BAD) {
        conclude(t, to, n, false, n->reply.fault);
        return false;
    }
    if (progress == XD_HTTP1_DONE) {
        conclude_whole(t, to, n, used < got, maybe_more);
        return false;
    }
    if (!maybe_more && is_refused_early(n)) {
        conclude(t, to, n, false, "");
        return false;
    }
    return maybe_more;
}

static void pull(xd_transport *t, const sink *to, conn *n, bool hangup)
{
    while (pull_some(t, to, n, hangup)) {
    }
}

static void move(xd_transport *t, const sink *to, conn *n, uint32_t events)
{
    bool broken = n->link.lost;
    /* After a refusal the rest is not sent. */
    if (n->call->sent < n->call->total && n->reply.status < 300) {
        push(n, &broken);
    }
    if (n->answered) {
        if (broken || n->call->sent == n->call->total) {
            conclude(t, to, n, false, "");
        }
        return;
    }
    if (n->link.tls || broken || (events & (EPOLLIN | HANGUP))) {
        char error[CURL_ERROR_SIZE];
        memcpy(error, n->link.error, sizeof error);
        pull(t, to, n, broken || (events & HANGUP));
        if (broken && n->state == CONN_BUSY && n->call && !n->answered) {
            conclude(t, to, n, false, error); /* neither direction goes on */
        }
    }
}

/* libcurl has opened a connection, or not. */
static void opened(xd_transport *t, const sink *to, conn *n, CURLcode result)
{
    bool good = result == CURLE_OK && xd_link_take(&n->link);
    if (good && !watch(t, n)) {
        snprintf(n->link.error, sizeof n->link.error, "no memory to watch the connection");
        good = false;
    }
    if (!good) {
        char error[CURL_ERROR_SIZE];
        snprintf(error, sizeof error, "%s",
                 n->link.error[0] ? n->link.error : curl_easy_strerror(result));
        conclude(t, to, n, false, error);
        return;
    }
    t->opening--;
    n->state = CONN_BUSY;
    move(t, to, n, 0);
}

static void take_opened(xd_transport *t, const sink *to)
{
    int queued;
    for (CURLMsg *message; (message = curl_multi_info_read(t->multi, &queued)) != NULL;) {
        char *private = NULL;
        CURLcode result = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        conn *n = (conn *)(void *)private;
        if (message->msg == CURLMSG_DONE && n && n->state == CONN_OPENING) {
            opened(t, to, n, result);
        }
    }
}

static void run_out(xd_transport *t, const sink *to, remote *r)
{
    while (r->first && r->first->deadline_us <= now_us(t)) {
        char text[64];
        snprintf(text, sizeof text, "timed out after %d ms", (int)r->options->timeout_ms);
        conclude(t, to, r->first->conn, false, text);
    }
    while (r->coldest && now_us(t) - r->coldest->idle_since_us >= IDLE_MAX_US) {
        conn_close(t, r->coldest);
    }
}

/* Looks at every connection: rare, when one of them needs it and no event will say so. */
static void attend(xd_transport *t, const sink *to)
{
    t->attend = false;
    for (conn *n = t->conns, *next = NULL; n; n = next) {
        next = n->after;
        if (n->state == CONN_BUSY) {
            move(t, to, n, EPOLLIN);
        } else if (n->state == CONN_IDLE && n->link.lost) {
            conn_close(t, n);
        }
        if (next && next->state == CONN_DEAD) {
            t->attend = true; /* the rest in the next turn */
            return;
        }
    }
}

static void report_stillborn(xd_transport *t, const sink *to)
{
    while (t->stillborn) {
        call *c = t->stillborn;
        t->stillborn = c->next;
        const xd_answer answer = {.kind = XD_ANSWER_UNSENT,
                                  .reason = "not sent: the look-up's path makes no address"};
        to->answered(to->self, &c->face, &answer);
        xd_transport_release(t, &c->face);
    }
}

static void socket_ready(xd_transport *t, const sink *to, const struct epoll_event *event)
{
    uint64_t token = event->data.u64;
    if (token == 0) {
        uint64_t count;
        ssize_t n = read(t->wake, &count, sizeof count);
        (void)n; /* it was readable; what it counts does not matter */
    } else if (token & 1) {
        int running;
        bool broken = (event->events & (EPOLLERR | EPOLLHUP)) != 0;
        int action = ((event->events & EPOLLIN) || broken ? CURL_CSELECT_IN : 0) |
                     ((event->events & EPOLLOUT) ? CURL_CSELECT_OUT : 0);
        curl_multi_socket_action(t->multi, (curl_socket_t)(token >> 1), action, &running);
    } else {
        conn *n = (conn *)(uintptr_t)token;
        if (n->state == CONN_BUSY) {
            move(t, to, n, event->events);
        }
    }
}

void xd_transport_perform(xd_transport *t, xd_transport_answered answered, void *self)
{
    const sink to = {answered, self};
    for (int i = 0; i < t->ready_count; i++) {
        socket_ready(t, &to, &t->ready[i]);
    }
    t->ready_count = 0;
    if (t->timer_at_us != XD_NEVER_US && t->timer_at_us <= now_us(t)) {
        int running;
        t->timer_at_us = XD_NEVER_US;
        curl_multi_socket_action(t->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    if (t->opening) {
        take_opened(t, &to);
    }
    for (uint32_t i = 0; i < t->remote_count; i++) {
        run_out(t, &to, &t->remotes[i]);
    }
    if (t->attend) {
        attend(t, &to);
    }
    if (t->stillborn) {
        report_stillborn(t, &to);
    }
}

/* --- waiting --- */

static int32_t time_to_wait_ms(xd_transport *t, int32_t most_ms)
{
    int64_t at_us = t->timer_at_us;
    for (uint32_t i = 0; i < t->remote_count; i++) {
        const call *c = t->remotes[i].first;
        at_us = c && c->deadline_us < at_us ? c->deadline_us : at_us;
    }
    if (t->attend || t->stillborn || at_us == INT64_MIN) {
        return 0;
    }
    if (at_us == XD_NEVER_US || most_ms <= 0) {
        return most_ms;
    }
    int64_t left_us = at_us - now_us(t);
    int64_t left_ms = left_us <= 0 ? 0 : (left_us + 999) / 1000;
    return left_ms < most_ms ? (int32_t)left_ms : most_ms;
}

/* An idle connection has something to say: only its end is expected, and nothing is wanted. Done
 * before anything is sent in this turn. */
static bool idle_ready(xd_transport *t, const struct epoll_event *event)
{
    conn *n = (conn *)(uintptr_t)event->data.u64;
    if (!n || (event->data.u64 & 1) || n->state != CONN_IDLE) {
        return false;
    }
    if ((event->events & ~(uint32_t)EPOLLOUT) && !is_quiet(n)) {
        conn_close(t, n);
    }
    return true;
}

void xd_transport_wait(xd_transport *t, int32_t timeout_ms)
{
    timeout_ms = time_to_wait_ms(t, timeout_ms);
    free_dead(t);
    int count = epoll_wait(t->epoll, t->ready, READY_MAX, timeout_ms);
    t->now_known = false;
    t->ready_count = 0;
    for (int i = 0; i < count; i++) {
        if (!idle_ready(t, &t->ready[i])) {
            t->ready[t->ready_count++] = t->ready[i];
        }
    }
}

void xd_transport_wake(xd_transport *t)
{
    const uint64_t one = 1;
    ssize_t n = write(t->wake, &one, sizeof one);
    (void)n; /* a full counter is readable already */
}

/* --- as a port --- */

static xd_call *port_acquire(void *self, uint32_t remote_index)
{
    return xd_transport_acquire(self, remote_index);
}

static void port_release(void *self, xd_call *face)
{
    xd_transport_release(self, face);
}

static xd_status port_post(void *self, xd_call *face, xd_message message)
{
    return xd_transport_post(self, face, message);
}

static xd_status port_get(void *self, xd_call *face)
{
    return xd_transport_get(self, face);
}

static void port_perform(void *self, xd_transport_answered answered, void *context)
{
    xd_transport_perform(self, answered, context);
}

static void port_wake(void *self)
{
    xd_transport_wake(self);
}

xd_transport_port xd_transport_port_of(xd_transport *t)
{
    return (xd_transport_port){.self = t,
                               .acquire = port_acquire,
                               .release = port_release,
                               .post = port_post,
                               .get = port_get,
                               .perform = port_perform,
                               .wake = port_wake};
}
