/* A remote system for tests. See test_remote.h. */
#include "outbound/test_remote.h"

#include "outbound/test_hub.h"

#include <arpa/inet.h>
#include <assert.h>
#include <microhttpd.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARRIVALS_MAX = 40000 };

struct test_remote {
    pthread_mutex_t lock;
    struct MHD_Daemon *daemon;
    test_script script;
    void *context;
    test_arrival *arrivals; /* owns, grows */
    uint32_t count, size;
    uint32_t open, most_open;
    uint32_t connections;
    char key[4096], certificate[4096]; /* PEM, "" without TLS */
};

typedef struct body {
    size_t len;
    char text[sizeof((test_arrival *)0)->body];
} body;

static void copy_header(struct MHD_Connection *c, const char *name, char *to, size_t size)
{
    const char *value = MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
    snprintf(to, size, "%s", value ? value : "");
}

static enum MHD_Result add_query(void *to, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
    (void)kind;
    char *query = to;
    size_t n = strlen(query);
    snprintf(query + n, sizeof((test_arrival *)0)->query - n, "%s=%s;", name, value ? value : "");
    return MHD_YES;
}

static test_reply arrive(test_remote *r, struct MHD_Connection *c, const char *path,
                         const char *method, const body *b)
{
    test_arrival a = {.method = ""};
    snprintf(a.method, sizeof a.method, "%s", method);
    snprintf(a.path, sizeof a.path, "%s", path);
    copy_header(c, "Idempotency-Key", a.key, sizeof a.key);
    copy_header(c, "traceparent", a.traceparent, sizeof a.traceparent);
    copy_header(c, "X-Crossdock-Delivery", a.delivery, sizeof a.delivery);
    copy_header(c, "Authorization", a.authorization, sizeof a.authorization);
    copy_header(c, "Content-Type", a.content_type, sizeof a.content_type);
    const char *action = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "SOAPAction");
    snprintf(a.soap_action, sizeof a.soap_action, "%s", action ? action : "none");
    MHD_get_connection_values(c, MHD_GET_ARGUMENT_KIND, add_query, a.query);
    memcpy(a.body, b->text, b->len);
    pthread_mutex_lock(&r->lock);
    if (r->count == r->size) {
        r->size = r->size ? r->size * 2 : 256;
        r->arrivals = realloc(r->arrivals, r->size * sizeof a);
        assert(r->arrivals && r->size <= ARRIVALS_MAX * 2);
    }
    r->arrivals[r->count] = a;
    test_reply reply = r->script(r->context, &a, r->count);
    r->count++;
    r->open++;
    r->most_open = r->open > r->most_open ? r->open : r->most_open;
    pthread_mutex_unlock(&r->lock);
    return reply;
}

static enum MHD_Result answer(struct MHD_Connection *c, const test_reply *reply)
{
    const char *text = reply->body ? reply->body : "";
    struct MHD_Response *response = MHD_create_response_from_buffer(
        strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
    if (reply->retry_after) {
        MHD_add_response_header(response, "Retry-After", reply->retry_after);
    }
    enum MHD_Result result = MHD_queue_response(c, (unsigned)reply->status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result handle(void *self, struct MHD_Connection *c, const char *path,
                              const char *method, const char *version, const char *data,
                              size_t *size, void **state)
{
    test_remote *r = self;
    (void)version;
    body *b = *state;
    if (!b) {
        *state = calloc(1, sizeof(body));
        return *state ? MHD_YES : MHD_NO;
    }
    if (*size) {
        assert(b->len + *size < sizeof b->text);
        memcpy(b->text + b->len, data, *size);
        b->len += *size;
        *size = 0;
        return MHD_YES;
    }
    test_reply reply = arrive(r, c, path, method, b);
    if (reply.delay_ms) {
        test_sleep_ms(reply.delay_ms);
    }
    pthread_mutex_lock(&r->lock);
    r->open--;
    pthread_mutex_unlock(&r->lock);
    return reply.status ? answer(c, &reply) : MHD_NO;
}

static void completed(void *self, struct MHD_Connection *c, void **state,
                      enum MHD_RequestTerminationCode code)
{
    (void)self;
    (void)c;
    (void)code;
    free(*state);
    *state = NULL;
}

static void connected(void *self, struct MHD_Connection *c, void **state,
                      enum MHD_ConnectionNotificationCode code)
{
    test_remote *r = self;
    (void)c;
    (void)state;
    pthread_mutex_lock(&r->lock);
    r->connections += code == MHD_CONNECTION_NOTIFY_STARTED;
    pthread_mutex_unlock(&r->lock);
}

static test_remote *create(test_script script, void *context)
{
    test_remote *r = calloc(1, sizeof *r);
    assert(r);
    pthread_mutex_init(&r->lock, NULL);
    r->script = script;
    r->context = context;
    return r;
}

static test_remote *listen_on(test_remote *r, uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_KEY, 0, r->key},
                                         {MHD_OPTION_HTTPS_MEM_CERT, 0, r->certificate},
                                         {MHD_OPTION_END, 0, NULL}};
    bool plain = r->key[0] == '\0';
    r->daemon =
        MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
                             MHD_USE_POLL | (plain ? 0 : MHD_USE_TLS),
                         port, NULL, NULL, handle, r, MHD_OPTION_SOCK_ADDR, &address,
                         MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_NOTIFY_COMPLETED,
                         completed, NULL, MHD_OPTION_NOTIFY_CONNECTION, connected, r,
                         MHD_OPTION_ARRAY, plain ? tls + 2 : tls, MHD_OPTION_END);
    if (!r->daemon) {
        test_remote_close(r);
        return NULL;
    }
    return r;
}

test_remote *test_remote_open(uint16_t port, test_script script, void *context)
{
    return listen_on(create(script, context), port);
}

static void copy_pem(BIO *bio, char *to, size_t size)
{
    int n = BIO_read(bio, to, (int)size - 1);
    assert(n > 0 && (size_t)n < size - 1);
    to[n] = '\0';
    BIO_free(bio);
}

/* An EC key and a certificate for 127.0.0.1 that it signs itself. */
static void make_certificate(test_remote *r)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    assert(key && x);
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    X509_NAME *name = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(x, name);
    X509_EXTENSION *address = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");
    X509_EXTENSION *ca = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "CA:TRUE");
    X509_add_ext(x, address, -1);
    X509_add_ext(x, ca, -1);
    X509_EXTENSION_free(address);
    X509_EXTENSION_free(ca);
    int signed_bytes = X509_sign(x, key, EVP_sha256());
    assert(signed_bytes > 0);
    BIO *key_text = BIO_new(BIO_s_mem());
    BIO *certificate_text = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(key_text, key, NULL, NULL, 0, NULL, NULL);
    PEM_write_bio_X509(certificate_text, x);
    copy_pem(key_text, r->key, sizeof r->key);
    copy_pem(certificate_text, r->certificate, sizeof r->certificate);
    X509_free(x);
    EVP_PKEY_free(key);
}

test_remote *test_remote_open_tls(test_script script, void *context, const char *certificate_path)
{
    test_remote *r = create(script, context);
    make_certificate(r);
    FILE *file = fopen(certificate_path, "w");
    assert(file);
    fputs(r->certificate, file);
    fclose(file);
    return listen_on(r, 0);
}

void test_remote_close(test_remote *r)
{
    if (r->daemon) {
        MHD_stop_daemon(r->daemon);
    }
    pthread_mutex_destroy(&r->lock);
    free(r->arrivals);
    free(r);
}

uint16_t test_remote_port(const test_remote *r)
{
    return MHD_get_daemon_info(r->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

uint32_t test_remote_count(test_remote *r)
{
    pthread_mutex_lock(&r->lock);
    uint32_t n = r->count;
    pthread_mutex_unlock(&r->lock);
    return n;
}

test_arrival test_remote_arrival(test_remote *r, uint32_t i)
{
    pthread_mutex_lock(&r->lock);
    assert(i < r->count);
    test_arrival a = r->arrivals[i];
    pthread_mutex_unlock(&r->lock);
    return a;
}

uint32_t test_remote_connections(test_remote *r)
{
    pthread_mutex_lock(&r->lock);
    uint32_t n = r->connections;
    pthread_mutex_unlock(&r->lock);
    return n;
}

uint32_t test_remote_most_open(test_remote *r)
{
    pthread_mutex_lock(&r->lock);
    uint32_t n = r->most_open;
    pthread_mutex_unlock(&r->lock);
    return n;
}
