/* The life of a request: MHD's callbacks, suspending and waking, the answer. See ingress_int.h.
 * Owns the connections' memory. May call MHD; knows no route in particular. */
#include "ingress/ingress_int.h"

#include "ingress/problem.h"
#include "observe/log.h"

#include <assert.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

enum {
    OUT_CAP = 32 << 20,  /* most that an answer may have */
    OUT_KEEP = 64 << 10, /* an answer buffer larger than this is not kept */
    DROP_BYTES =
        1 << 20, /* a refused body up to here is read, so that the client sees the answer */
    SLOW_BYTES_PER_S = 16384, /* a body that comes slower than this is cut */
    CROWDED_US = 1000000      /* how long a newcomer may be silent once connections get scarce */
};

int64_t xd_ingress_now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void set_deadline(xd_client *client, int64_t at_us)
{
    atomic_store_explicit(&client->deadline_us, at_us, memory_order_relaxed);
}

static int64_t idle_us(const xd_ingress *g)
{
    return (int64_t)g->options.idle_timeout_s * 1000000;
}

/* --- suspending and waking --- */

static void begin_wait(xd_request *r, void (*step)(xd_request *))
{
    assert(!r->waiting);
    r->step = step;
    r->waiting = true;
    set_deadline(r->client, 0);
    atomic_fetch_add_explicit(&r->client->ingress->waiting, 1, memory_order_relaxed);
}

void xd_request_wait(xd_request *r, void (*step)(xd_request *))
{
    begin_wait(r, step);
    MHD_suspend_connection(r->mhd);
}

void xd_request_await_commit(xd_request *r, void (*step)(xd_request *))
{
    assert(r->body_complete);
    begin_wait(r, step);
    xd_loop_add_patient(r);
}

void xd_request_wake(xd_request *r)
{
    xd_loop_resume(r->client->loop, r->mhd);
}

static void end_wait(xd_request *r)
{
    assert(r->waiting);
    r->waiting = false;
    set_deadline(r->client, xd_ingress_now_us() + idle_us(r->client->ingress));
    atomic_fetch_sub_explicit(&r->client->ingress->waiting, 1, memory_order_release);
}

void xd_request_await_nothing(xd_request *r)
{
    xd_loop_drop_patient(r);
    end_wait(r);
}

void xd_request_hand_over(xd_request *r, bool (*work)(xd_request *), void (*step)(xd_request *))
{
    r->work = work;
    xd_request_wait(r, step);
    xd_workers_add(&r->client->ingress->workers, r);
}

void xd_request_hand_to_decoder(xd_request *r, bool (*work)(xd_request *),
                                void (*step)(xd_request *))
{
    r->work = work;
    xd_request_wait(r, step);
    xd_workers_add(&r->client->ingress->decoders, r);
}

/* --- settling the answer --- */

void xd_request_settle(xd_request *r, unsigned status, const char *content_type)
{
    if (r->out.failed) {
        xd_buf_clear(&r->out);
        xd_request_refuse_text(r, 503, XD_NO_MEMORY, "http.memory",
                               "the answer does not fit into memory; ask for less at once");
        return;
    }
    r->status = status;
    r->content_type = content_type;
}

void xd_request_refuse(xd_request *r, unsigned status, const xd_fault *fault, int64_t index)
{
    status = status ? status : xd_problem_status(fault);
    xd_buf_clear(&r->out);
    xd_problem_write(&r->out, status, fault, index);
    r->retry_later = status == 503 || status == 507 || status == 429;
    r->refused_because = fault->code;
    r->status = status;
    r->content_type = "application/problem+json";
}

void xd_request_refuse_text(xd_request *r, unsigned status, xd_code code, const char *rule,
                            const char *format, ...)
{
    xd_fault fault = XD_FAULT_NONE;
    char text[sizeof fault.text];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    xd_fail(&fault, code, rule, "%s", text);
    xd_request_refuse(r, status, &fault, -1);
}

bool xd_request_charge(xd_request *r, size_t bytes)
{
    xd_ingress *g = r->client->ingress;
    size_t most = g->options.max_inflight_bytes;
    if (r->body_mode != XD_BODY_ARENA) {
        /* Bodies that grow as they come leave the last quarter to small ones: many that stand still
         * half-way must not keep everybody else out. */
        most -= most / 4;
    }
    size_t before = atomic_fetch_add_explicit(&g->inflight_bytes, bytes, memory_order_relaxed);
    if (before > 0 && before + bytes > most) {
        atomic_fetch_sub_explicit(&g->inflight_bytes, bytes, memory_order_relaxed);
        xd_request_refuse_text(r, 503, XD_BUSY, "http.inflight",
                               "the requests under way already take %zu bytes (limit "
                               "max_inflight_bytes); try again in a moment",
                               before);
        return false;
    }
    r->charged += bytes;
    return true;
}

bool xd_request_expect_body(xd_request *r, xd_body_mode mode, size_t max_bytes)
{
    int64_t length = r->headers.content_length;
    if (length > 0 && (uint64_t)length > max_bytes) {
        xd_request_refuse_text(r, 413, XD_LIMIT, "http.body_size",
                               "the body has %lld bytes; at most %zu are taken", (long long)length,
                               max_bytes);
        return false;
    }
    r->body_mode = mode;
    r->max_body_bytes = max_bytes;
    return true;
}

/* --- taking the body --- */

/* A body may take as long as the idle timeout plus what its size needs at the slowest pace. */
static void move_deadline(xd_request *r)
{
    int64_t allowed = idle_us(r->client->ingress) + r->received * 1000000 / SLOW_BYTES_PER_S;
    set_deadline(r->client, r->started_us + allowed);
}

static void gather(xd_request *r, xd_str piece)
{
    if ((uint64_t)r->received > r->max_body_bytes) {
        xd_request_refuse_text(r, 413, XD_LIMIT, "http.body_size",
                               "the body has more than the %zu bytes that are taken",
                               r->max_body_bytes);
        return;
    }
    if (!xd_request_charge(r, piece.len)) {
        return;
    }
    xd_buf_str_add(&r->gather, piece);
    if (r->gather.failed) {
        xd_request_refuse_text(r, 503, XD_NO_MEMORY, "http.memory", "no memory for the body");
    }
}

/* One piece of the body. Returns how many bytes were taken. */
static size_t take(xd_request *r, xd_str piece)
{
    r->client->loop->active = true;
    if (r->waiting) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(r->mhd, MHD_CONNECTION_INFO_CONNECTION_SUSPENDED);
        if (!info || info->suspended == MHD_YES) {
            /* MHD hands out what it has read of a chunked body even while suspended. */
            return 0;
        }
        end_wait(r);
        if (!r->status) {
            r->step(r);
        }
        if (r->waiting) {
            return 0;
        }
    }
    r->received += (int64_t)piece.len;
    if (r->status || r->body_mode == XD_BODY_DROP) {
        r->dropped += (int64_t)piece.len;
        return piece.len;
    }
    switch (r->body_mode) {
    case XD_BODY_ARENA:
        memcpy(r->body + (r->received - (int64_t)piece.len), piece.ptr, piece.len);
        break;
    case XD_BODY_GATHER:
        gather(r, piece);
        break;
    default:
        xd_accept_take(r, piece);
        break;
    }
    if (!r->waiting) {
        move_deadline(r);
    }
    return piece.len;
}

/* --- the answer --- */

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
    /* Without memory for it the answer is still right without the header. */
    (void)MHD_add_response_header(response, name, value);
}

static void add_allow(struct MHD_Response *response, uint32_t methods)
{
    char text[64];
    snprintf(text, sizeof text, "%s%s%sOPTIONS", methods & XD_METHOD_GET ? "GET, " : "",
             methods & XD_METHOD_HEAD ? "HEAD, " : "", methods & XD_METHOD_POST ? "POST, " : "");
    add_header(response, "Allow", text);
}

/* Queues the settled answer. */
static enum MHD_Result answer(xd_request *r)
{
    assert(r->status);
    r->client->loop->active = true;
    /* The buffer belongs to the connection and lives until the next request on it. */
    struct MHD_Response *response =
        MHD_create_response_from_buffer(r->out.len, r->out.ptr, MHD_RESPMEM_PERSISTENT);
    if (!response) {
        return MHD_NO;
    }
    if (r->content_type) {
        add_header(response, "Content-Type", r->content_type);
    }
    if (r->method & (XD_METHOD_GET | XD_METHOD_HEAD)) {
        add_header(response, "Cache-Control", "no-store");
    }
    if (r->allow) {
        add_allow(response, r->allow);
    }
    if (r->retry_later) {
        add_header(response, "Retry-After", r->status == 507 ? "30" : "1");
    }
    if (r->replayed) {
        add_header(response, "Idempotent-Replayed", "true");
    }
    if (r->authenticate) {
        add_header(response, "WWW-Authenticate", "Bearer realm=\"crossdock\"");
    }
    if (r->client->ingress->stopping) {
        add_header(response, "Connection", "close");
    }
    if (r->out.len > OUT_KEEP) {
        /* A long answer may take its time, but a client that does not read it is cut. */
        set_deadline(r->client, xd_ingress_now_us() + idle_us(r->client->ingress) +
                                    (int64_t)r->out.len * 1000000 / SLOW_BYTES_PER_S);
    }
    enum MHD_Result queued = MHD_queue_response(r->mhd, r->status, response);
    MHD_destroy_response(response);
    return queued;
}

/* --- beginning --- */

typedef struct header_place {
    const char *name;
    size_t offset; /* of a xd_str in xd_request_headers */
} header_place;

#define HEADER(text, member)                                                                       \
    {                                                                                              \
        text, offsetof(xd_request_headers, member)                                                 \
    }
static const header_place header_places[] = {
    HEADER("content-type", content_type),
    HEADER("content-encoding", content_encoding),
    HEADER("authorization", authorization),
    HEADER("idempotency-key", idempotency_key),
    HEADER("traceparent", traceparent),
    HEADER("x-crossdock-person", person),
    HEADER("ce-specversion", ce.specversion),
    HEADER("ce-id", ce.id),
    HEADER("ce-source", ce.source),
    HEADER("ce-type", ce.type),
    HEADER("ce-time", ce.time),
    HEADER("ce-subject", ce.subject),
    HEADER("ce-dataschema", ce.dataschema),
    HEADER("ce-traceparent", traceparent),
};

static enum MHD_Result note_header(void *cls, enum MHD_ValueKind kind, const char *key,
                                   size_t key_size, const char *value, size_t value_size)
{
    (void)kind;
    xd_request_headers *h = cls;
    xd_str text = {value ? value : "", value_size};
    if (key_size == 14 && strncasecmp(key, "content-length", 14) == 0) {
        int64_t length;
        if (xd_str_to_int64(text, &length) && length >= 0) {
            h->content_length = length;
        }
        return MHD_YES;
    }
    if (key_size == 17 && strncasecmp(key, "transfer-encoding", 17) == 0) {
        h->chunked = true;
        return MHD_YES;
    }
    if (key_size == 6 && strncasecmp(key, "expect", 6) == 0) {
        h->expects_continue = true;
        return MHD_YES;
    }
    for (size_t i = 0; i < sizeof header_places / sizeof header_places[0]; i++) {
        const char *name = header_places[i].name;
        /* The first letters tell most headers apart without a call. */
        if (tolower((unsigned char)key[0]) == name[0] && strlen(name) == key_size &&
            strncasecmp(key, name, key_size) == 0) {
            memcpy((char *)h + header_places[i].offset, &text, sizeof text);
            break;
        }
    }
    return MHD_YES;
}

static uint32_t method_of(const char *text)
{
    return strcmp(text, "POST") == 0      ? XD_METHOD_POST
           : strcmp(text, "GET") == 0     ? XD_METHOD_GET
           : strcmp(text, "HEAD") == 0    ? XD_METHOD_HEAD
           : strcmp(text, "OPTIONS") == 0 ? XD_METHOD_OPTIONS
                                          : XD_METHOD_OTHER;
}

/* Finds the route and lets the caller in, or settles why not. */
static bool admit(xd_request *r)
{
    r->route = xd_route_find(r->path, r->method, &r->id);
    if (!r->route) {
        xd_request_refuse_text(r, 404, XD_NOT_FOUND, "http.path",
                               "%.200s is not a path of this hub (docs/api.md lists them)",
                               r->path);
        return false;
    }
    if (r->method == XD_METHOD_OPTIONS) {
        r->allow = r->route->methods;
        xd_request_settle(r, 204, NULL);
        return false;
    }
    if (!(r->method & r->route->methods)) {
        r->allow = r->route->methods;
        xd_request_refuse_text(r, 405, XD_INVALID, "http.method",
                               "this path takes other methods; the Allow header names them");
        return false;
    }
    if (r->client->ingress->stopping && r->route->scopes) {
        xd_request_refuse_text(r, 503, XD_BUSY, "http.stopping",
                               "the hub is stopping; try again in a moment");
        return false;
    }
    return xd_auth_check(r);
}

/* The headers are here. */
static enum MHD_Result begin(xd_client *client, struct MHD_Connection *mhd, const char *url,
                             const char *method)
{
    xd_request *r = &client->request;
    r->mhd = mhd;
    r->path = url;
    r->method = method_of(method);
    r->active = true;
    client->has_asked = true;
    r->started_us = xd_ingress_now_us();
    r->headers.content_length = -1;
    r->body_mode = XD_BODY_DROP;
    set_deadline(client, r->started_us + idle_us(client->ingress));
    MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, note_header, &r->headers);
    if (admit(r)) {
        r->route->begin(r);
    }
    if (!r->status) {
        return MHD_YES;
    }
    const xd_request_headers *h = &r->headers;
    bool body_follows = h->chunked || h->content_length > 0;
    bool worth_reading = !h->chunked && !h->expects_continue && h->content_length <= DROP_BYTES;
    if (body_follows && !worth_reading) {
        /* Answered before the body: MHD closes the connection after that. */
        return answer(r);
    }
    r->body_mode = XD_BODY_DROP;
    return MHD_YES;
}

static void init_request(xd_request *r, xd_client *client)
{
    r->client = client;
    xd_buf_init(&r->out, OUT_CAP);
    xd_buf_init(&r->gather, client->ingress->options.max_body_bytes + 1);
}

/* Makes the request ready for the next one on its connection, keeping small buffers. */
static void clear(xd_request *r)
{
    xd_client *client = r->client;
    atomic_fetch_sub_explicit(&client->ingress->inflight_bytes, r->charged, memory_order_relaxed);
    if (!r->is_handed_over) {
        xd_submission_release(r->submission);
    }
    xd_submission_release(r->submission);
    xd_transform_destroy(r->transform);
    if (r->bulk) {
        xd_bulk_finish(r->bulk);
        free(r->bulk);
    }
    xd_buf_finish(&r->gather);
    xd_buf out = r->out;
    *r = (xd_request){0};
    init_request(r, client);
    if (out.size > OUT_KEEP) {
        xd_buf_finish(&out);
    } else {
        r->out = out;
        xd_buf_clear(&r->out);
    }
}

/* --- MHD's callbacks --- */

static xd_client *client_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

enum MHD_Result xd_request_on_access(void *cls, struct MHD_Connection *mhd, const char *url,
                                     const char *method, const char *version, const char *upload,
                                     size_t *upload_size, void **context)
{
    (void)version;
    (void)cls;
    xd_request *r = *context;
    if (!r) {
        xd_client *client = client_of(mhd);
        if (!client) {
            return MHD_NO; /* There was no memory for the connection. */
        }
        *context = &client->request;
        return begin(client, mhd, url, method);
    }
    if (*upload_size > 0) {
        *upload_size -= take(r, (xd_str){upload, *upload_size});
        /* A refused body that goes on and on is cut: its sender does not want an answer. */
        return r->dropped > DROP_BYTES ? MHD_NO : MHD_YES;
    }
    r->body_complete = true;
    if (r->patient) {
        if (xd_loop_is_late(r)) {
            xd_loop_drop_patient(r);
            MHD_suspend_connection(mhd);
        }
        return MHD_YES;
    }
    if (r->waiting) {
        end_wait(r);
    }
    if (!r->status && r->step) {
        r->step(r);
    }
    if (r->waiting) {
        return MHD_YES;
    }
    if (!r->status) {
        xd_request_refuse_text(r, 500, XD_INTERNAL, "http.internal",
                               "the request ended without an answer; please report this");
    }
    return answer(r);
}

void xd_request_on_completed(void *cls, struct MHD_Connection *mhd, void **context,
                             enum MHD_RequestTerminationCode how)
{
    (void)mhd;
    xd_loop *loop = cls;
    xd_ingress *g = loop->listener->ingress;
    xd_request *r = *context;
    *context = NULL;
    if (!r || !r->active) {
        return;
    }
    loop->active = true;
    if (r->patient) {
        xd_loop_orphan(r);
    } else if (r->waiting) {
        end_wait(r);
    }
    int64_t now = xd_ingress_now_us();
    if (how == MHD_REQUEST_TERMINATED_COMPLETED_OK && r->status) {
        xd_http_metrics_count(&g->metrics, r->route ? r->route->id : XD_ROUTE_UNKNOWN, r->status,
                              now - r->started_us);
        if (r->refused_because) {
            xd_metric_add(&g->metrics.refused[r->refused_because], 1);
        }
        xd_metric_add(&g->metrics.sent_bytes, r->out.len);
        if (r->client->has_ended) {
            xd_loop_show_end(r->client);
        }
    } else {
        xd_metric_add(&g->metrics.aborted, 1);
    }
    xd_metric_add(&g->metrics.received_bytes, (uint64_t)r->received);
    clear(r);
    set_deadline(r->client, now + idle_us(g));
}

/* The peer's IP address, an IPv4 one as it is mapped into IPv6. */
static void note_address(xd_client *client, struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (info && info->client_addr->sa_family == AF_INET6) {
        memcpy(client->address,
               &((const struct sockaddr_in6 *)(const void *)info->client_addr)->sin6_addr,
               sizeof client->address);
    } else if (info && info->client_addr->sa_family == AF_INET) {
        memset(client->address + 10, 0xff, 2);
        memcpy(client->address + 12,
               &((const struct sockaddr_in *)(const void *)info->client_addr)->sin_addr, 4);
    }
}

/* Whether the peer has as many connections as one address may. The caller holds the lock. */
static bool has_enough(const xd_ingress *g, const xd_client *client)
{
    uint32_t most = client->local ? 0 : g->options.max_per_address;
    uint32_t open = 0;
    for (const xd_client *c = g->clients; most && c; c = c->next) {
        open += !c->local && memcmp(c->address, client->address, sizeof c->address) == 0;
    }
    return most && open >= most;
}

/* False when it may not stay. */
static bool list_client(xd_ingress *g, xd_client *client)
{
    pthread_mutex_lock(&g->clients_lock);
    bool stays = !has_enough(g, client);
    if (stays) {
        client->next = g->clients;
        if (g->clients) {
            g->clients->previous = client;
        }
        g->clients = client;
    }
    pthread_mutex_unlock(&g->clients_lock);
    return stays;
}

/* NULL: the connection is of no use, and MHD sees its end at once. */
static xd_client *open_client(xd_loop *loop, struct MHD_Connection *mhd)
{
    xd_listener *listener = loop->listener;
    xd_ingress *g = listener->ingress;
    xd_client *client = calloc(1, sizeof *client);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (!client || !info) {
        free(client);
        return NULL;
    }
    loop->active = true;
    client->ingress = g;
    client->loop = loop;
    client->local = listener->local;
    client->fd = info->connect_fd;
    init_request(&client->request, client);
    if (client->local) {
        xd_auth_name_peer(client);
    } else {
        note_address(client, mhd);
    }
    set_deadline(client, xd_ingress_now_us() + idle_us(g));
    if (!list_client(g, client)) {
        shutdown(client->fd, SHUT_RDWR);
        free(client);
        return NULL;
    }
    xd_loop_watch_end(client);
    xd_metric_add(&g->metrics.connections_total, 1);
    xd_metric_add(&g->metrics.connections_open, 1);
    atomic_fetch_add_explicit(&listener->open, 1, memory_order_relaxed);
    return client;
}

/* Also the moment after which the sweeper no longer knows the socket: MHD closes it only then. */
static void close_client(xd_client *client)
{
    xd_ingress *g = client->ingress;
    xd_loop_forget_end(client);
    pthread_mutex_lock(&g->clients_lock);
    *(client->previous ? &client->previous->next : &g->clients) = client->next;
    if (client->next) {
        client->next->previous = client->previous;
    }
    pthread_mutex_unlock(&g->clients_lock);
    atomic_fetch_sub_explicit(&g->metrics.connections_open, 1, memory_order_relaxed);
    xd_listener *listener = client->local ? &g->control : &g->tcp;
    uint32_t open = atomic_fetch_sub_explicit(&listener->open, 1, memory_order_relaxed) - 1;
    if (open <= listener->most - listener->most / 4 && atomic_exchange(&listener->full, false)) {
        XD_LOG(XD_LOG_INFO, "connections.room", XD_LOG_INT("open", open));
    }
    clear(&client->request);
    xd_buf_finish(&client->request.out);
    free(client);
}

enum MHD_Result xd_request_admit(void *cls, const struct sockaddr *address, socklen_t size)
{
    xd_listener *listener = ((xd_loop *)cls)->listener;
    (void)address;
    (void)size;
    uint32_t open = atomic_load_explicit(&listener->open, memory_order_relaxed);
    if (open < listener->most) {
        return MHD_YES;
    }
    if (!atomic_exchange(&listener->full, true)) {
        XD_LOG(XD_LOG_WARNING, "connections.full", XD_LOG_INT("open", open),
               XD_LOG_TEXT("text", XD_STR("further connections are closed at once; see "
                                          "hub.limits.max_connections and ulimit -n")));
    }
    return MHD_NO;
}

void xd_request_on_connection(void *cls, struct MHD_Connection *mhd, void **socket_context,
                              enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *socket_context = open_client(cls, mhd);
    } else if (*socket_context) {
        close_client(*socket_context);
        *socket_context = NULL;
    }
}

void xd_ingress_sweep(xd_ingress *g)
{
    int64_t now = xd_ingress_now_us();
    int64_t spare = idle_us(g) - CROWDED_US;
    pthread_mutex_lock(&g->clients_lock);
    bool crowded = spare > 0 && g->tcp.open > g->tcp.most - g->tcp.most / 4;
    for (xd_client *client = g->clients; client; client = client->next) {
        int64_t deadline = atomic_load_explicit(&client->deadline_us, memory_order_relaxed);
        if (crowded && !client->has_asked) {
            deadline -= deadline > 0 ? spare : 0;
        }
        if (deadline > 0 && now > deadline) {
            set_deadline(client, 0);
            xd_metric_add(&g->metrics.slow_clients, 1);
            shutdown(client->fd, SHUT_RDWR);
        }
    }
    pthread_mutex_unlock(&g->clients_lock);
}
