/* The transport's life, its turns and its waiting. See transport.h and transport_int.h. */
#include "outbound/transport_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
    HEADER_CAP = 4096,
    BODY_CAP = 256 << 20,
    BODY_KEPT = 256 << 10,  /* a larger buffer is freed after use */
    BODY_JOINED = 16 << 10, /* a body up to this size goes with its head */
    PATH_CAP = 16384,
    IDLE_MAX_US = 118000000
};

static xd_trip *trip_of(xd_call *face)
{
    return (xd_trip *)face;
}

/* --- time --- */

static int64_t monotonic_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t xd_transport_now_us(xd_transport *t)
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

static void target_init(xd_target *target, const xd_remote_options *options)
{
    uint32_t pipeline = options->pipeline ? options->pipeline : 1;
    target->options = options;
    target->pipeline = pipeline < XD_PIPELINE_MAX ? pipeline : XD_PIPELINE_MAX;
    target->most = (options->concurrency + target->pipeline - 1) / target->pipeline;
}

xd_status xd_transport_create(const xd_remote_options *remotes, uint32_t count, xd_transport **ret,
                              xd_fault *fault)
{
    if (curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK) {
        return xd_fail(fault, XD_UNAVAILABLE, "outbound.curl", "libcurl does not start");
    }
    xd_transport *t = calloc(1, sizeof *t + count * sizeof(xd_target));
    if (!t) {
        curl_global_cleanup();
        return xd_fail(fault, XD_NO_MEMORY, NULL, "no memory for the transport");
    }
    t->timer_at_us = XD_NEVER_US;
    xd_status status = multi_set_up(t, remotes, count, fault);
    for (uint32_t i = 0; status == XD_OK && i < count; i++) {
        t->target_count++;
        target_init(&t->targets[i], &remotes[i]);
        status = xd_endpoint_init(&t->targets[i].endpoint, &remotes[i], fault);
    }
    if (status != XD_OK) {
        xd_transport_destroy(t);
        return status;
    }
    *ret = t;
    return XD_OK;
}

static void trip_destroy(xd_trip *c)
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
    for (uint32_t i = 0; i < t->target_count; i++) {
        while (t->targets[i].conns) {
            xd_conn_close(t, t->targets[i].conns);
        }
    }
    xd_conn_free_dead(t);
    for (xd_trip *c = t->trips, *next = NULL; c; c = next) {
        next = c->next_all;
        trip_destroy(c);
    }
    for (uint32_t i = 0; i < t->target_count; i++) {
        xd_endpoint_finish(&t->targets[i].endpoint);
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

static xd_trip *trip_create(xd_transport *t, xd_target *r)
{
    xd_trip *c = calloc(1, sizeof *c);
    if (!c) {
        return NULL;
    }
    xd_buf_init(&c->face.idempotency_key, HEADER_CAP);
    xd_buf_init(&c->face.traceparent, HEADER_CAP);
    xd_buf_init(&c->face.delivery_id, HEADER_CAP);
    xd_buf_init(&c->face.body, BODY_CAP);
    xd_buf_init(&c->face.path, PATH_CAP);
    c->target = r;
    c->next_all = t->trips;
    t->trips = c;
    return c;
}

xd_call *xd_transport_acquire(xd_transport *t, uint32_t remote_index)
{
    xd_target *r = &t->targets[remote_index];
    xd_trip *c = r->free_trips;
    if (c) {
        r->free_trips = c->next;
    } else {
        c = trip_create(t, r);
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
    xd_trip *c = trip_of(face);
    (void)t;
    if (face->body.size > BODY_KEPT) {
        xd_buf_finish(&face->body);
        xd_buf_init(&face->body, BODY_CAP);
    }
    c->next = c->target->free_trips;
    c->target->free_trips = c;
}

/* --- sending --- */

static void join(xd_target *r, xd_trip *c)
{
    c->earlier = r->last;
    c->later = NULL;
    *(r->last ? &r->last->later : &r->first) = c;
    r->last = c;
}

/* Starts a call whose head is written. */
static xd_status start(xd_transport *t, xd_trip *c)
{
    xd_target *r = c->target;
    c->sent = 0;
    c->deadline_us = xd_transport_now_us(t) + (int64_t)r->options->timeout_ms * 1000;
    XD_TRY(xd_carry(t, c));
    join(r, c);
    return XD_OK;
}

xd_status xd_transport_post(xd_transport *t, xd_call *face, xd_message message)
{
    xd_trip *c = trip_of(face);
    if (face->body.failed) {
        return XD_NO_MEMORY;
    }
    bool joined = face->body.len <= BODY_JOINED;
    XD_TRY(xd_endpoint_post(&c->target->endpoint, face, message, joined ? face->body.len : 0,
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
    xd_trip *c = trip_of(face);
    c->lookup = true;
    xd_status status = xd_endpoint_get(&c->target->endpoint, face, &c->out);
    if (status == XD_INVALID) {
        c->next = t->stillborn;
        t->stillborn = c;
        return XD_OK;
    }
    XD_TRY(status);
    c->total = c->out.len;
    return start(t, c);
}

/* --- turns --- */

/* libcurl has opened a connection, or not. */
static void opened(xd_transport *t, const xd_sink *to, xd_conn *n, CURLcode result)
{
    if (result == CURLE_OK && xd_conn_opened(t, n)) {
        xd_conn_move(t, to, n, 0);
        return;
    }
    char error[CURL_ERROR_SIZE];
    snprintf(error, sizeof error, "%s",
             n->link.error[0] ? n->link.error : curl_easy_strerror(result));
    xd_conn_end(t, to, n, n->first, error);
}

static void take_opened(xd_transport *t, const xd_sink *to)
{
    int queued;
    for (CURLMsg *message; (message = curl_multi_info_read(t->multi, &queued)) != NULL;) {
        char *private = NULL;
        CURLcode result = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        xd_conn *n = (xd_conn *)(void *)private;
        if (message->msg == CURLMSG_DONE && n && n->state == XD_CONN_OPENING) {
            opened(t, to, n, result);
        }
    }
}

static void run_out(xd_transport *t, const xd_sink *to, xd_target *r)
{
    while (r->first && r->first->deadline_us <= xd_transport_now_us(t)) {
        char text[64];
        snprintf(text, sizeof text, "timed out after %d ms", (int)r->options->timeout_ms);
        xd_conn_end(t, to, r->first->conn, r->first, text);
    }
    for (xd_conn *n; (n = r->loads[0].coldest) != NULL;) {
        if (xd_transport_now_us(t) - n->idle_since_us < IDLE_MAX_US) {
            break;
        }
        xd_conn_close(t, n);
    }
}

static void attend_target(xd_transport *t, const xd_sink *to, xd_target *r)
{
    for (xd_conn *n = r->conns, *next = NULL; n; n = next) {
        next = n->after;
        if (n->state == XD_CONN_BUSY) {
            xd_conn_move(t, to, n, EPOLLIN);
        } else if (n->state == XD_CONN_IDLE && n->link.lost) {
            xd_conn_close(t, n);
        }
        if (next && next->state == XD_CONN_DEAD) {
            t->attend = true; /* the rest in the next turn */
            return;
        }
    }
}

/* Looks at every connection: rare, when one of them needs it and no event will say so. */
static void attend(xd_transport *t, const xd_sink *to)
{
    t->attend = false;
    for (uint32_t i = 0; i < t->target_count; i++) {
        attend_target(t, to, &t->targets[i]);
    }
}

static void report_stillborn(xd_transport *t, const xd_sink *to)
{
    while (t->stillborn) {
        xd_trip *c = t->stillborn;
        t->stillborn = c->next;
        const xd_answer answer = {.kind = XD_ANSWER_UNSENT,
                                  .reason = "not sent: the look-up's path makes no address"};
        to->answered(to->self, &c->face, &answer);
        xd_transport_release(t, &c->face);
    }
}

static void socket_ready(xd_transport *t, const xd_sink *to, const struct epoll_event *event)
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
        xd_conn *n = (xd_conn *)(uintptr_t)token;
        if (n->state == XD_CONN_BUSY) {
            xd_conn_move(t, to, n, event->events);
        }
    }
}

void xd_transport_perform(xd_transport *t, xd_transport_answered answered, void *self)
{
    const xd_sink to = {answered, self};
    for (int i = 0; i < t->ready_count; i++) {
        socket_ready(t, &to, &t->ready[i]);
    }
    t->ready_count = 0;
    if (t->timer_at_us != XD_NEVER_US && t->timer_at_us <= xd_transport_now_us(t)) {
        int running;
        t->timer_at_us = XD_NEVER_US;
        curl_multi_socket_action(t->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    if (t->opening) {
        take_opened(t, &to);
    }
    for (uint32_t i = 0; i < t->target_count; i++) {
        run_out(t, &to, &t->targets[i]);
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
    for (uint32_t i = 0; i < t->target_count; i++) {
        const xd_trip *c = t->targets[i].first;
        at_us = c && c->deadline_us < at_us ? c->deadline_us : at_us;
    }
    if (t->attend || t->stillborn || at_us == INT64_MIN) {
        return 0;
    }
    if (at_us == XD_NEVER_US || most_ms <= 0) {
        return most_ms;
    }
    int64_t left_us = at_us - xd_transport_now_us(t);
    int64_t left_ms = left_us <= 0 ? 0 : (left_us + 999) / 1000;
    return left_ms < most_ms ? (int32_t)left_ms : most_ms;
}

/* An idle connection has something to say: only its end is expected, and nothing is wanted. Done
 * before anything is sent in this turn. */
static bool idle_ready(xd_transport *t, const struct epoll_event *event)
{
    xd_conn *n = (xd_conn *)(uintptr_t)event->data.u64;
    if (!n || (event->data.u64 & 1) || n->state != XD_CONN_IDLE) {
        return false;
    }
    if ((event->events & ~(uint32_t)EPOLLOUT) && !xd_conn_is_quiet(n)) {
        xd_conn_close(t, n);
    }
    return true;
}

void xd_transport_wait(xd_transport *t, int32_t timeout_ms)
{
    xd_conn_push_due(t);
    timeout_ms = time_to_wait_ms(t, timeout_ms);
    xd_conn_free_dead(t);
    int count = epoll_wait(t->epoll, t->ready, XD_READY_MAX, timeout_ms);
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
