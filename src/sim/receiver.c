/* HTTP server of the simulated systems. See receiver.h. */
#include "sim/receiver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

enum {
    BODY_CAP = 32 << 20,
    ARENA_CAP = 256 << 20,
    CONNECTIONS_MAX = 512,
    MOST_FAULTS = 3, /* of one message, so that everything comes through in the end */
    DRAW_LIMIT = 1000,
    SLOW_SHARE = 4,    /* a slow answer takes a quarter of a late one */
    PATIENCE_MS = 500, /* no caller gives up sooner */
    SLICE_MS = 20,
};

struct xd_receiver {
    xd_receiver_options options;
    xd_book *book; /* borrows */
    struct MHD_Daemon *daemon;
    atomic_bool stopping;
    atomic_uint_fast64_t mishaps[XD_MISHAP_COUNT];
    atomic_uint_fast64_t doubtful;
    atomic_uint_fast64_t refused; /* requests that were not as documented */
};

/* A request under way. */
typedef struct request {
    xd_buf body;
} request;

/* How many of a thousand requests meet each mishap. */
static const uint32_t chances[][XD_MISHAP_COUNT] = {
    [XD_FAULTS_NONE] = {0},
    [XD_FAULTS_LIGHT] = {[XD_MISHAP_SLOW] = 20,
                         [XD_MISHAP_LATE] = 3,
                         [XD_MISHAP_DROP] = 5,
                         [XD_MISHAP_RESET] = 5,
                         [XD_MISHAP_UNAVAILABLE] = 20,
                         [XD_MISHAP_TOO_MANY] = 5},
    [XD_FAULTS_HEAVY] = {[XD_MISHAP_SLOW] = 60,
                         [XD_MISHAP_LATE] = 20,
                         [XD_MISHAP_DROP] = 40,
                         [XD_MISHAP_RESET] = 40,
                         [XD_MISHAP_UNAVAILABLE] = 80,
                         [XD_MISHAP_TOO_MANY] = 20},
};

const char *xd_mishap_name(xd_mishap mishap)
{
    static const char *const names[] = {"none",  "slow",        "late",    "drop",
                                        "reset", "unavailable", "too_many"};
    return names[mishap];
}

uint64_t xd_receiver_mishaps(const xd_receiver *receiver, xd_mishap mishap)
{
    return atomic_load(&receiver->mishaps[mishap]);
}

uint64_t xd_receiver_doubtful(const xd_receiver *receiver)
{
    return atomic_load(&receiver->doubtful);
}

/* --- answers --- */

static enum MHD_Result reply(struct MHD_Connection *c, unsigned status, const char *type,
                             const char *retry_after, xd_str body)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        body.len, (void *)(uintptr_t)(body.len ? body.ptr : ""), MHD_RESPMEM_MUST_COPY);
    if (!response) {
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    if (retry_after) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, retry_after);
    }
    enum MHD_Result result = MHD_queue_response(c, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result reply_json(struct MHD_Connection *c, unsigned status, const char *json)
{
    return reply(c, status, "application/json", NULL, xd_str_from(json));
}

static enum MHD_Result refuse(xd_receiver *r, struct MHD_Connection *c, unsigned status,
                              const char *why)
{
    char text[512];
    snprintf(text, sizeof text, "{\"title\":\"%s\",\"status\":%u}\n", why, status);
    atomic_fetch_add(&r->refused, 1);
    return reply(c, status, "application/problem+json", NULL, xd_str_from(text));
}

/* Waits, unless the receiver is being stopped. */
static void wait_ms(const xd_receiver *r, int64_t ms)
{
    const struct timespec slice = {.tv_nsec = SLICE_MS * 1000000L};
    for (int64_t waited = 0; waited < ms && !atomic_load(&r->stopping); waited += SLICE_MS) {
        nanosleep(&slice, NULL);
    }
}

/* Makes the close that follows a reset, which loses what the peer has not read. */
static void arm_reset(struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    if (info) {
        setsockopt(info->connect_fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
}

/* --- taking messages --- */

/* What a POST carries: one message under the header's key, or an array of them. */
typedef struct post {
    xd_party party;
    xd_str path, key, text;
    const xd_json *root;
    bool batch;
    const char *delivery; /* X-Crossdock-Delivery, "" without */
    const char *type;     /* Content-Type, "" without */
} post;

static uint32_t message_count(const post *p)
{
    return p->batch ? p->root->count : 1;
}

static xd_str message_key(const post *p, uint32_t i)
{
    return p->batch ? XD_TEXT(&p->root->items[i], "idempotency_key") : p->key;
}

static bool is_complete(const post *p)
{
    for (uint32_t i = 0; i < message_count(p); i++) {
        const xd_json *body = p->batch ? XD_GET(&p->root->items[i], "body") : p->root;
        if (message_key(p, i).len == 0 || !body || body->type != XD_JSON_OBJECT) {
            return false;
        }
    }
    return message_count(p) > 0;
}

static const char *ending_of(const char *type)
{
    return strstr(type, "json")  ? "json"
           : strstr(type, "csv") ? "csv"
           : strstr(type, "xml") ? "xml"
                                 : "txt";
}

/* "17.0" as "00000017.0", so that files sort as they were sent. */
static void name_file(const post *p, char *name, size_t size)
{
    const char *slash = strrchr(p->path.ptr, '/');
    char *end;
    unsigned long seq = strtoul(p->delivery, &end, 10);
    size_t n = strspn(end, ".0123456789");
    snprintf(name, size, "%08lu%.*s-%s.%s", seq, (int)n, end, slash ? slash + 1 : "message",
             ending_of(p->type));
}

/* Keeps the body in the inbox; one that is there already is the same delivery again. */
static xd_status keep(const xd_receiver *r, const post *p, xd_fault *fault)
{
    char folder[PATH_MAX / 2];
    char name[256];
    char path[PATH_MAX];
    name_file(p, name, sizeof name);
    snprintf(folder, sizeof folder, "%s/%s", r->options.inbox, xd_party_name(p->party));
    snprintf(path, sizeof path, "%s/%s", folder, name);
    (void)mkdir(r->options.inbox, 0777); /* mostly there */
    (void)mkdir(folder, 0777);
    FILE *file = fopen(path, "wbxe");
    if (!file && errno == EEXIST) {
        return XD_OK;
    }
    bool good = file && fwrite(p->text.ptr, 1, p->text.len, file) == p->text.len;
    good = (file && fclose(file) == 0) && good;
    return good
               ? XD_OK
               : xd_fail(fault, XD_IO, "inbox.write", "cannot write %s: %s", path, strerror(errno));
}

static xd_status take(xd_receiver *r, const post *p, xd_fault *fault)
{
    if (r->options.inbox) {
        XD_TRY(keep(r, p, fault));
    }
    xd_book_batch(r->book, message_count(p));
    for (uint32_t i = 0; i < message_count(p); i++) {
        const xd_json *body = p->batch ? XD_GET(&p->root->items[i], "body") : p->root;
        XD_TRY(xd_book_take(r->book, p->party, message_key(p, i), p->path, body,
                            xd_json_source(body, p->text), fault));
    }
    return XD_OK;
}

static xd_mishap draw_mishap(xd_receiver *r, const post *p)
{
    const uint32_t *chance = chances[r->options.faults];
    uint32_t draw = xd_book_draw(r->book, p->party, message_key(p, 0), r->options.seed, MOST_FAULTS,
                                 DRAW_LIMIT);
    for (xd_mishap m = XD_MISHAP_SLOW; m < XD_MISHAP_COUNT; m++) {
        if (draw < chance[m]) {
            xd_book_fault(r->book, p->party, message_key(p, 0));
            atomic_fetch_add(&r->mishaps[m], 1);
            return m;
        }
        draw -= chance[m];
    }
    return XD_MISHAP_NONE;
}

/* What happens after the messages were taken. */
static enum MHD_Result answer_taken(xd_receiver *r, struct MHD_Connection *c, const post *p,
                                    xd_mishap mishap)
{
    int32_t slow_ms = r->options.slow_ms;
    int32_t delay_ms = mishap == XD_MISHAP_LATE   ? slow_ms
                       : mishap == XD_MISHAP_SLOW ? slow_ms / SLOW_SHARE
                                                  : 0;
    if (mishap == XD_MISHAP_DROP || delay_ms >= PATIENCE_MS) {
        atomic_fetch_add(&r->doubtful, message_count(p));
    }
    if (mishap == XD_MISHAP_DROP) {
        return MHD_NO;
    }
    wait_ms(r, delay_ms);
    char text[64];
    snprintf(text, sizeof text, "{\"taken\":%u}\n", message_count(p));
    return reply_json(c, MHD_HTTP_OK, text);
}

static enum MHD_Result serve_post(xd_receiver *r, struct MHD_Connection *c, const post *p)
{
    xd_mishap mishap = draw_mishap(r, p);
    xd_fault fault = XD_FAULT_NONE;
    switch (mishap) {
    case XD_MISHAP_RESET:
        arm_reset(c);
        return MHD_NO;
    case XD_MISHAP_UNAVAILABLE:
        return reply_json(c, MHD_HTTP_SERVICE_UNAVAILABLE, "{\"title\":\"down for a moment\"}\n");
    case XD_MISHAP_TOO_MANY:
        return reply(c, MHD_HTTP_TOO_MANY_REQUESTS, "application/json", "1",
                     XD_STR("{\"title\":\"slow down\"}\n"));
    default:
        break;
    }
    if (take(r, p, &fault) != XD_OK) {
        fprintf(stderr, "crossdock-sim: %s\n", fault.text);
        return refuse(r, c, MHD_HTTP_INTERNAL_SERVER_ERROR, "the book cannot be written");
    }
    return answer_taken(r, c, p, mishap);
}

/* A header's value, "" without one. */
static const char *header_of(struct MHD_Connection *c, const char *name)
{
    const char *value = MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
    return value ? value : "";
}

/* Parses the body. In an inbox it is kept as it came, whatever it is. */
static xd_status read_body(const xd_receiver *r, xd_str text, xd_arena *arena, const xd_json **ret,
                           xd_fault *fault)
{
    xd_json_limits limits = XD_JSON_LIMITS_DEFAULT;
    limits.max_bytes = BODY_CAP;
    if (r->options.inbox) {
        xd_json *unread = xd_arena_zalloc(arena, sizeof *unread);
        if (!unread) {
            return xd_fail(fault, XD_NO_MEMORY, "receiver.memory", "no memory for a body");
        }
        *unread = (xd_json){.type = XD_JSON_OBJECT, .length = (uint32_t)text.len};
        *ret = unread;
        return XD_OK;
    }
    return xd_json_parse(text, limits, arena, ret, fault);
}

static enum MHD_Result handle_post(xd_receiver *r, struct MHD_Connection *c, xd_party party,
                                   const char *path, xd_str text)
{
    const char *key = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Idempotency-Key");
    post p = {.party = party,
              .path = xd_str_from(path),
              .key = key ? xd_str_from(key) : XD_STR_NULL,
              .text = text,
              .delivery = header_of(c, "X-Crossdock-Delivery"),
              .type = header_of(c, "Content-Type")};
    xd_fault fault = XD_FAULT_NONE;
    xd_arena arena;
    xd_arena_init(&arena, ARENA_CAP);
    enum MHD_Result result;
    if (read_body(r, text, &arena, &p.root, &fault) != XD_OK) {
        result = refuse(r, c, MHD_HTTP_BAD_REQUEST, "the body is not JSON");
    } else {
        p.batch = p.root->type == XD_JSON_ARRAY;
        result = is_complete(&p)
                     ? serve_post(r, c, &p)
                     : refuse(r, c, MHD_HTTP_BAD_REQUEST,
                              "every message needs an idempotency key and an object as its body");
    }
    xd_arena_finish(&arena);
    return result;
}

/* --- reading --- */

static void add_stats(xd_receiver *r, xd_buf *buf)
{
    xd_book *book = r->book;
    XD_BUF_LIT(buf, "{\"systems\":{");
    pthread_mutex_lock(&book->lock);
    for (uint32_t i = 0; i < XD_PARTY_COUNT; i++) {
        xd_buf_printf(buf, "%s\"%s\":{\"taken\":%llu,\"repeats\":%llu}", i ? "," : "",
                      xd_party_name(i), (unsigned long long)book->tally[i].taken,
                      (unsigned long long)book->tally[i].repeats);
    }
    xd_buf_printf(buf, "},\"journals\":%zu,\"unbalanced\":%llu,\"conflicting\":%llu",
                  book->entry_count, (unsigned long long)book->unbalanced,
                  (unsigned long long)book->conflicting);
    pthread_mutex_unlock(&book->lock);
    xd_buf_printf(buf, ",\"refused\":%llu,\"faults\":{",
                  (unsigned long long)atomic_load(&r->refused));
    for (xd_mishap m = XD_MISHAP_SLOW; m < XD_MISHAP_COUNT; m++) {
        xd_buf_printf(buf, "%s\"%s\":%llu", m > XD_MISHAP_SLOW ? "," : "", xd_mishap_name(m),
                      (unsigned long long)xd_receiver_mishaps(r, m));
    }
    XD_BUF_LIT(buf, "}}\n");
}

static enum MHD_Result handle_stats(xd_receiver *r, struct MHD_Connection *c)
{
    xd_buf buf;
    xd_buf_init(&buf, 1 << 16);
    add_stats(r, &buf);
    enum MHD_Result result = reply(c, MHD_HTTP_OK, "application/json", NULL, xd_buf_str(&buf));
    xd_buf_finish(&buf);
    return result;
}

static enum MHD_Result handle_lookup(xd_receiver *r, struct MHD_Connection *c, xd_party party)
{
    const char *key = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "key");
    if (!key) {
        return refuse(r, c, MHD_HTTP_BAD_REQUEST, "lookup needs ?key=");
    }
    bool has = xd_book_has(r->book, party, xd_str_from(key));
    return has ? reply_json(c, MHD_HTTP_OK, "{\"known\":true}\n")
               : reply_json(c, MHD_HTTP_NOT_FOUND, "{\"known\":false}\n");
}

/* --- requests --- */

/* The system a path begins with; *ret_rest is what follows it. */
static bool find_party(const char *path, xd_party *ret_party, const char **ret_rest)
{
    for (xd_party party = 0; party < XD_PARTY_COUNT; party++) {
        const char *name = xd_party_name(party);
        size_t n = strlen(name);
        if (path[0] == '/' && strncmp(path + 1, name, n) == 0 &&
            (path[n + 1] == '/' || path[n + 1] == '\0')) {
            *ret_party = party;
            *ret_rest = path + 1 + n;
            return true;
        }
    }
    return false;
}

static enum MHD_Result route(xd_receiver *r, struct MHD_Connection *c, const char *path,
                             const char *method, xd_str text)
{
    xd_party party;
    const char *rest;
    bool is_get = strcmp(method, MHD_HTTP_METHOD_GET) == 0;
    if (is_get && strcmp(path, "/ledger/stats") == 0) {
        return handle_stats(r, c);
    }
    if (!find_party(path, &party, &rest)) {
        return refuse(r, c, MHD_HTTP_NOT_FOUND, "there are /erp, /procurement, /finance, /wms");
    }
    if (is_get && strcmp(rest, "/lookup") == 0) {
        return handle_lookup(r, c, party);
    }
    if (strcmp(method, MHD_HTTP_METHOD_POST) == 0) {
        return handle_post(r, c, party, path, text);
    }
    return refuse(r, c, MHD_HTTP_METHOD_NOT_ALLOWED, "POST messages, GET lookup");
}

static enum MHD_Result handle(void *self, struct MHD_Connection *c, const char *path,
                              const char *method, const char *version, const char *data,
                              size_t *size, void **state)
{
    request *q = *state;
    (void)version;
    if (!q) {
        q = *state = calloc(1, sizeof *q);
        if (!q) {
            return MHD_NO;
        }
        xd_buf_init(&q->body, BODY_CAP);
        return MHD_YES;
    }
    if (*size > 0) {
        xd_buf_add(&q->body, data, *size);
        *size = 0;
        return MHD_YES;
    }
    if (q->body.failed) {
        return refuse(self, c, MHD_HTTP_CONTENT_TOO_LARGE, "the body is too large");
    }
    return route(self, c, path, method, xd_buf_str(&q->body));
}

static void completed(void *self, struct MHD_Connection *c, void **state,
                      enum MHD_RequestTerminationCode code)
{
    request *q = *state;
    (void)self;
    (void)c;
    (void)code;
    if (q) {
        xd_buf_finish(&q->body);
        free(q);
        *state = NULL;
    }
}

xd_status xd_receiver_start(const xd_receiver_options *options, xd_book *book, xd_receiver **ret,
                            xd_fault *fault)
{
    xd_receiver *r = calloc(1, sizeof *r);
    if (!r) {
        return xd_fail(fault, XD_NO_MEMORY, "receiver.memory", "no memory for the receiver");
    }
    r->options = *options;
    r->book = book;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(options->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    r->daemon = MHD_start_daemon(
        MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL,
        options->port, NULL, NULL, handle, r, MHD_OPTION_SOCK_ADDR, &address,
        MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS_MAX, MHD_OPTION_NOTIFY_COMPLETED, completed, NULL, MHD_OPTION_END);
    if (!r->daemon) {
        free(r);
        return xd_fail(fault, XD_UNAVAILABLE, "receiver.port",
                       "cannot listen on 127.0.0.1:%u: %s; choose another port with --listen",
                       options->port, strerror(errno));
    }
    *ret = r;
    return XD_OK;
}

uint16_t xd_receiver_port(const xd_receiver *receiver)
{
    return MHD_get_daemon_info(receiver->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

void xd_receiver_stop(xd_receiver *receiver)
{
    if (receiver) {
        atomic_store(&receiver->stopping, true);
        MHD_stop_daemon(receiver->daemon);
        free(receiver);
    }
}
