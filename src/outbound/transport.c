/* Transport over libcurl multi. See transport.h.
 *
 * Sockets are watched with epoll and libcurl is told which are ready (its "socket action"
 * interface): curl_multi_perform would look at every open request in every turn. A socket stays
 * registered while its connection lives, also between requests, so that a request costs no
 * epoll_ctl.
 *
 * A call (easy handle, header nodes, buffers) is made once and used again for ever: per request
 * only the header values and the body change, in place. libcurl would resend a request by itself
 * when a kept-open connection dies before the first byte of the answer; for a request that may have
 * been carried out that is not its decision, so a second transmission is stopped (stop_resend) and
 * reported as an unknown outcome. */
#include "outbound/transport.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
    URL_CAP = 16384,
    HEADER_CAP = 4096,
    BODY_CAP = 256 << 20,
    BODY_KEPT = 256 << 10, /* a larger buffer is freed after use */
    REPLY_KEPT = 160,      /* of the answer's body, for the reason */
    REASON_MAX = 320,
    RECEIVE_BUFFER = 4096,
    READY_MAX = 256 /* sockets handled per turn */
};

typedef enum call_mode { MODE_NEW, MODE_POST, MODE_GET } call_mode;

typedef struct call call;
struct call {
    xd_call face; /* first: a call is found from its face */
    uint32_t remote;
    call_mode mode;
    xd_message message;
    CURL *easy;
    struct curl_slist key_node, trace_node, id_node; /* in front of the remote's constant headers */
    struct curl_slist type_node, soap_node; /* in the place of the remote's first, Content-Type */
    xd_buf type;
    xd_buf url;
    uint32_t transmissions;
    char reply[REPLY_KEPT];
    size_t reply_len;
    char error[CURL_ERROR_SIZE];
    call *next;     /* free list */
    call *next_all; /* every call of the transport */
};

typedef struct remote {
    const xd_remote_options *options; /* borrows */
    struct curl_slist *headers;       /* owns: the same for every request */
    call *free_calls;
} remote;

/* What one socket waits for. */
typedef struct watch {
    uint32_t wanted;     /* epoll events libcurl asked for; 0 between requests */
    uint32_t registered; /* epoll events it is registered for */
} watch;

struct xd_transport {
    CURLM *multi;
    int epoll;
    int wake;       /* eventfd */
    watch *watches; /* owns; by descriptor */
    size_t watches_size;
    int64_t timer_at_us; /* when libcurl wants to be called; XD_NEVER_US */
    struct epoll_event ready[READY_MAX];
    int ready_count;
    call *calls;
    uint32_t remote_count;
    remote remotes[];
};

static call *call_of(xd_call *face)
{
    return (call *)face;
}

/* --- libcurl's callbacks --- */

static size_t on_body(char *bytes, size_t size, size_t count, void *self)
{
    call *c = self;
    size_t n = size * count;
    size_t room = sizeof c->reply - c->reply_len;
    size_t kept = n < room ? n : room;
    memcpy(c->reply + c->reply_len, bytes, kept);
    c->reply_len += kept;
    return n;
}

static int64_t monotonic_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static bool watches_reserve(xd_transport *t, int fd)
{
    size_t size = t->watches_size;
    while ((size_t)fd >= size) {
        size = size ? size * 2 : 256;
    }
    if (size == t->watches_size) {
        return true;
    }
    watch *watches = realloc(t->watches, size * sizeof *watches);
    if (!watches) {
        return false;
    }
    memset(watches + t->watches_size, 0, (size - t->watches_size) * sizeof *watches);
    t->watches = watches;
    t->watches_size = size;
    return true;
}

/* libcurl wants to know when a socket is ready, or no longer. */
static int on_watch(CURL *easy, curl_socket_t fd, int what, void *self, void *unused)
{
    xd_transport *t = self;
    (void)easy;
    (void)unused;
    if (!watches_reserve(t, fd)) {
        return -1;
    }
    watch *w = &t->watches[fd];
    w->wanted = what == CURL_POLL_REMOVE ? 0
                                         : (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) |
                                               (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
    if (w->wanted == 0 || w->wanted == w->registered) {
        return 0; /* an unwanted event is taken off when it comes */
    }
    struct epoll_event event = {.events = w->wanted, .data.fd = fd};
    int rc = epoll_ctl(t->epoll, w->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
    w->registered = rc == 0 ? w->wanted : 0;
    return rc;
}

static int on_close(void *self, curl_socket_t fd)
{
    xd_transport *t = self;
    if ((size_t)fd < t->watches_size) {
        t->watches[fd] = (watch){0}; /* close takes it out of epoll */
    }
    return close(fd);
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

/* Called before each transmission of the request. */
static int stop_resend(void *self, char *remote_ip, char *local_ip, int remote_port, int local_port)
{
    call *c = self;
    (void)remote_ip;
    (void)local_ip;
    (void)remote_port;
    (void)local_port;
    return c->transmissions++ == 0 ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

/* --- life --- */

static bool header_add(struct curl_slist **list, const char *text)
{
    struct curl_slist *longer = curl_slist_append(*list, text);
    if (longer) {
        *list = longer;
    }
    return longer != NULL;
}

static xd_status remote_init(remote *r, const xd_remote_options *options, xd_fault *fault)
{
    r->options = options;
    if (strncmp(options->url, "http://", 7) != 0 && strncmp(options->url, "https://", 8) != 0) {
        return xd_fail(fault, XD_INVALID, "remote.url",
                       "system %s: its URL must begin with http:// or https://", options->name);
    }
    /* Content-Type is the first: calls with another pass it over (choose_type).
     * Few and short: libcurl formats headers byte by byte, a quarter of its work per request here.
     * "Expect:" takes out the header libcurl would add to large bodies, which costs a round trip.
     */
    bool whole = header_add(&r->headers, "Content-Type: application/json") &&
                 header_add(&r->headers, "Expect:");
    if (whole && options->authorization) {
        xd_buf line;
        xd_buf_init(&line, HEADER_CAP);
        xd_buf_printf(&line, "Authorization: %s", options->authorization);
        xd_buf_char(&line, '\0');
        whole = !line.failed && header_add(&r->headers, line.ptr);
        if (line.ptr) {
            explicit_bzero(line.ptr, line.size);
        }
        xd_buf_finish(&line);
    }
    return whole ? XD_OK : xd_fail(fault, XD_NO_MEMORY, NULL, "no memory for request headers");
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
    t->remote_count = count;
    t->timer_at_us = XD_NEVER_US;
    t->multi = curl_multi_init();
    t->epoll = epoll_create1(EPOLL_CLOEXEC);
    t->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event wake_event = {.events = EPOLLIN, .data.fd = t->wake};
    xd_status status = XD_OK;
    if (!t->multi || t->epoll < 0 || t->wake < 0 ||
        epoll_ctl(t->epoll, EPOLL_CTL_ADD, t->wake, &wake_event) != 0) {
        status = xd_fail(fault, XD_UNAVAILABLE, "outbound.epoll",
                         "no memory or descriptors for the transport");
    }
    long connections = 16;
    for (uint32_t i = 0; status == XD_OK && i < count; i++) {
        status = remote_init(&t->remotes[i], &remotes[i], fault);
        connections += (long)remotes[i].concurrency;
    }
    if (status != XD_OK) {
        xd_transport_destroy(t);
        return status;
    }
    curl_multi_setopt(t->multi, CURLMOPT_MAXCONNECTS, connections);
    curl_multi_setopt(t->multi, CURLMOPT_SOCKETFUNCTION, on_watch);
    curl_multi_setopt(t->multi, CURLMOPT_SOCKETDATA, t);
    curl_multi_setopt(t->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(t->multi, CURLMOPT_TIMERDATA, t);
    *ret = t;
    return XD_OK;
}

static void call_destroy(xd_transport *t, call *c)
{
    if (c->easy) {
        curl_multi_remove_handle(t->multi, c->easy);
        curl_easy_cleanup(c->easy);
    }
    xd_buf_finish(&c->face.idempotency_key);
    xd_buf_finish(&c->face.traceparent);
    xd_buf_finish(&c->face.delivery_id);
    xd_buf_finish(&c->face.body);
    xd_buf_finish(&c->face.path);
    xd_buf_finish(&c->url);
    xd_buf_finish(&c->type);
    free(c);
}

void xd_transport_destroy(xd_transport *t)
{
    if (!t) {
        return;
    }
    for (call *c = t->calls, *next = NULL; c; c = next) {
        next = c->next_all;
        call_destroy(t, c);
    }
    for (uint32_t i = 0; i < t->remote_count; i++) {
        for (struct curl_slist *h = t->remotes[i].headers; h; h = h->next) {
            explicit_bzero(h->data, strlen(h->data));
        }
        curl_slist_free_all(t->remotes[i].headers);
    }
    curl_multi_cleanup(t->multi);
    if (t->epoll >= 0) {
        close(t->epoll);
    }
    if (t->wake >= 0) {
        close(t->wake);
    }
    free(t->watches);
    free(t);
    curl_global_cleanup();
}

/* Options that never change. */
static void call_configure(xd_transport *t, call *c, const remote *r)
{
    const xd_remote_options *o = r->options;
    c->key_node.next = &c->trace_node;
    c->trace_node.next = &c->id_node;
    c->id_node.next = r->headers;
    curl_easy_setopt(c->easy, CURLOPT_PRIVATE, c);
    curl_easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c->easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(c->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(c->easy, CURLOPT_PROXY, "");
    curl_easy_setopt(c->easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(c->easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(c->easy, CURLOPT_BUFFERSIZE, (long)RECEIVE_BUFFER);
    curl_easy_setopt(c->easy, CURLOPT_USERAGENT, "crossdock/" XD_VERSION);
    curl_easy_setopt(c->easy, CURLOPT_TIMEOUT_MS, (long)o->timeout_ms);
    curl_easy_setopt(c->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)o->connect_timeout_ms);
    curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->error);
    curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, c);
    curl_easy_setopt(c->easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    curl_easy_setopt(c->easy, CURLOPT_CLOSESOCKETDATA, t);
    curl_easy_setopt(c->easy, CURLOPT_PREREQFUNCTION, stop_resend);
    curl_easy_setopt(c->easy, CURLOPT_PREREQDATA, c);
    curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, &c->key_node);
    if (o->ca_file) {
        curl_easy_setopt(c->easy, CURLOPT_CAINFO, o->ca_file);
    }
}

static call *call_create(xd_transport *t, uint32_t remote_index)
{
    call *c = calloc(1, sizeof *c);
    if (!c) {
        return NULL;
    }
    xd_buf_init(&c->face.idempotency_key, HEADER_CAP);
    xd_buf_init(&c->face.traceparent, HEADER_CAP);
    xd_buf_init(&c->face.delivery_id, HEADER_CAP);
    xd_buf_init(&c->face.body, BODY_CAP);
    xd_buf_init(&c->face.path, URL_CAP);
    xd_buf_init(&c->url, URL_CAP);
    xd_buf_init(&c->type, HEADER_CAP);
    c->easy = curl_easy_init();
    if (!c->easy) {
        call_destroy(t, c);
        return NULL;
    }
    c->remote = remote_index;
    c->next_all = t->calls;
    t->calls = c;
    call_configure(t, c, &t->remotes[remote_index]);
    return c;
}

xd_call *xd_transport_acquire(xd_transport *t, uint32_t remote_index)
{
    remote *r = &t->remotes[remote_index];
    call *c = r->free_calls;
    if (c) {
        r->free_calls = c->next;
    } else {
        c = call_create(t, remote_index);
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
    XD_BUF_LIT(&c->face.idempotency_key, "Idempotency-Key: ");
    XD_BUF_LIT(&c->face.traceparent, "traceparent: ");
    XD_BUF_LIT(&c->face.delivery_id, "X-Crossdock-Delivery: ");
    return &c->face;
}

void xd_transport_release(xd_transport *t, xd_call *face)
{
    call *c = call_of(face);
    remote *r = &t->remotes[c->remote];
    if (face->body.size > BODY_KEPT) {
        xd_buf_finish(&face->body);
        xd_buf_init(&face->body, BODY_CAP);
    }
    c->next = r->free_calls;
    r->free_calls = c;
}

/* --- starting --- */

static xd_status call_start(xd_transport *t, call *c)
{
    xd_buf_char(&c->face.idempotency_key, '\0');
    xd_buf_char(&c->face.traceparent, '\0');
    xd_buf_char(&c->face.delivery_id, '\0');
    if (c->face.idempotency_key.failed || c->face.traceparent.failed ||
        c->face.delivery_id.failed || c->url.failed) {
        return XD_NO_MEMORY;
    }
    c->key_node.data = c->face.idempotency_key.ptr;
    c->trace_node.data = c->face.traceparent.ptr;
    c->id_node.data = c->face.delivery_id.ptr;
    c->transmissions = 0;
    c->reply_len = 0;
    c->error[0] = '\0';
    return curl_multi_add_handle(t->multi, c->easy) == CURLM_OK ? XD_OK : XD_NO_MEMORY;
}

/* "receipt_status" -> "/receipt-status" unless the remote names a path. */
static void write_path(xd_buf *url, const xd_remote_options *options, xd_message message)
{
    if (options->paths[message]) {
        xd_buf_str_add(url, xd_str_from(options->paths[message]));
        return;
    }
    xd_buf_char(url, '/');
    for (const char *p = xd_message_name(message); *p; p++) {
        xd_buf_char(url, *p == '_' ? '-' : *p);
    }
}

/* Headers of a body that is not plain JSON. */
static void choose_type(call *c, struct curl_slist *constant)
{
    static char soap_action[] = "SOAPAction: \"\"";
    if (!c->face.content_type) {
        c->id_node.next = constant;
        return;
    }
    xd_buf_clear(&c->type);
    xd_buf_printf(&c->type, "Content-Type: %s", c->face.content_type);
    xd_buf_char(&c->type, '\0');
    c->type_node.data = c->type.ptr;
    c->soap_node.data = soap_action;
    c->soap_node.next = constant->next;
    c->type_node.next = c->face.soap_action ? &c->soap_node : constant->next;
    c->id_node.next = &c->type_node;
}

xd_status xd_transport_post(xd_transport *t, xd_call *face, xd_message message)
{
    call *c = call_of(face);
    const xd_remote_options *options = t->remotes[c->remote].options;
    choose_type(c, t->remotes[c->remote].headers);
    if (face->body.failed || c->type.failed) {
        return XD_NO_MEMORY;
    }
    if (c->mode != MODE_POST || c->message != message) {
        xd_buf_clear(&c->url);
        xd_buf_str_add(&c->url, xd_str_from(options->url));
        write_path(&c->url, options, message);
        xd_buf_char(&c->url, '\0');
        if (c->url.failed || curl_easy_setopt(c->easy, CURLOPT_URL, c->url.ptr) != CURLE_OK) {
            c->mode = MODE_NEW;
            return XD_NO_MEMORY;
        }
        curl_easy_setopt(c->easy, CURLOPT_POST, 1L);
        c->mode = MODE_POST;
        c->message = message;
    }
    curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, face->body.ptr ? face->body.ptr : "");
    curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)face->body.len);
    return call_start(t, c);
}

xd_status xd_transport_get(xd_transport *t, xd_call *face)
{
    call *c = call_of(face);
    c->mode = MODE_NEW; /* the URL is of this call only */
    xd_buf_clear(&c->url);
    xd_buf_str_add(&c->url, xd_str_from(t->remotes[c->remote].options->url));
    xd_buf_str_add(&c->url, xd_buf_str(&face->path));
    xd_buf_char(&c->url, '\0');
    if (face->path.failed || c->url.failed ||
        curl_easy_setopt(c->easy, CURLOPT_URL, c->url.ptr) != CURLE_OK) {
        return XD_NO_MEMORY;
    }
    curl_easy_setopt(c->easy, CURLOPT_HTTPGET, 1L);
    c->mode = MODE_GET;
    return call_start(t, c);
}

/* --- answers --- */

/* "http 422: first line of what the remote said", printable. */
static void reason_of_reply(const call *c, int32_t status, char *reason)
{
    int n = snprintf(reason, REASON_MAX, "http %d", (int)status);
    size_t at = (size_t)n;
    if (c->reply_len) {
        reason[at++] = ':';
        reason[at++] = ' ';
    }
    size_t bad = c->reply_len;
    size_t len = xd_utf8_valid((xd_str){c->reply, c->reply_len}, &bad) ? c->reply_len : bad;
    for (size_t i = 0; i < len; i++) {
        char byte = c->reply[i];
        bool control = (byte >= 0 && byte < 0x20) || byte == 0x7f;
        if (!(control && i + 1 == len)) {
            reason[at++] = control ? ' ' : byte;
        }
    }
    reason[at] = '\0';
}

static xd_answer answer_of(const call *c, CURLcode result, char *reason)
{
    long status = 0;
    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    xd_answer answer = {.reason = ""};
    if (status >= 200) { /* the decision came, even when the rest of the answer did not */
        answer.status = (int32_t)status;
        answer.kind = xd_answer_of_status(answer.status, c->mode == MODE_GET);
        if (answer.kind != XD_ANSWER_OK) {
            curl_off_t retry_after_s = 0;
            curl_easy_getinfo(c->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
            /* A date that has passed comes as a negative number. */
            retry_after_s = retry_after_s < 0           ? 0
                            : retry_after_s > INT32_MAX ? INT32_MAX
                                                        : retry_after_s;
            answer.retry_after_us = (int64_t)retry_after_s * 1000000;
            reason_of_reply(c, answer.status, reason);
            answer.reason = reason;
        }
        return answer;
    }
    long sent_bytes = 0;
    curl_easy_getinfo(c->easy, CURLINFO_REQUEST_SIZE, &sent_bytes);
    answer.kind = sent_bytes > 0 ? XD_ANSWER_UNKNOWN : XD_ANSWER_UNSENT;
    const char *text = c->error[0] ? c->error : curl_easy_strerror(result);
    if (result == CURLE_ABORTED_BY_CALLBACK) {
        text = "the connection was closed before an answer came";
    }
    snprintf(reason, REASON_MAX, "%s: %s", sent_bytes > 0 ? "no answer" : "not sent", text);
    answer.reason = reason;
    return answer;
}

/* Tells libcurl about one ready socket; one that it no longer waits for is taken off the list. */
static void socket_ready(xd_transport *t, const struct epoll_event *event)
{
    int fd = event->data.fd;
    if (fd == t->wake) {
        uint64_t count;
        ssize_t n = read(t->wake, &count, sizeof count);
        (void)n; /* it was readable; what it counts does not matter */
        return;
    }
    watch *w = &t->watches[fd];
    if (!w->registered) {
        return; /* closed earlier in this turn */
    }
    if (!w->wanted) {
        struct epoll_event none = {0};
        epoll_ctl(t->epoll, EPOLL_CTL_DEL, fd, &none);
        w->registered = 0;
        return;
    }
    bool broken = (event->events & (EPOLLERR | EPOLLHUP)) != 0;
    int action = ((event->events & EPOLLIN) || broken ? CURL_CSELECT_IN : 0) |
                 ((event->events & EPOLLOUT) ? CURL_CSELECT_OUT : 0);
    int running;
    curl_multi_socket_action(t->multi, fd, action, &running);
}

void xd_transport_perform(xd_transport *t, xd_transport_answered answered, void *self)
{
    for (int i = 0; i < t->ready_count; i++) {
        socket_ready(t, &t->ready[i]);
    }
    t->ready_count = 0;
    if (t->timer_at_us != XD_NEVER_US &&
        (t->timer_at_us == INT64_MIN || t->timer_at_us <= monotonic_us())) {
        int running;
        t->timer_at_us = XD_NEVER_US;
        curl_multi_socket_action(t->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    int queued;
    for (CURLMsg *message; (message = curl_multi_info_read(t->multi, &queued)) != NULL;) {
        if (message->msg != CURLMSG_DONE) {
            continue;
        }
        CURLcode result = message->data.result;
        char *private = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        call *c = (call *)(void *)private;
        char reason[REASON_MAX];
        xd_answer answer = answer_of(c, result, reason);
        curl_multi_remove_handle(t->multi, c->easy);
        answered(self, &c->face, &answer);
        xd_transport_release(t, &c->face);
    }
}

void xd_transport_wait(xd_transport *t, int32_t timeout_ms)
{
    if (t->timer_at_us == INT64_MIN) {
        timeout_ms = 0;
    } else if (t->timer_at_us != XD_NEVER_US && timeout_ms > 0) {
        int64_t left_us = t->timer_at_us - monotonic_us();
        int64_t left_ms = left_us <= 0 ? 0 : (left_us + 999) / 1000;
        timeout_ms = left_ms < timeout_ms ? (int32_t)left_ms : timeout_ms;
    }
    int count = epoll_wait(t->epoll, t->ready, READY_MAX, timeout_ms);
    t->ready_count = count > 0 ? count : 0;
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
