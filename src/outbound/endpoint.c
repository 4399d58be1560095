/* Endpoint. See endpoint.h. */
#include "outbound/endpoint.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

enum {
    URL_CAP = 16384,
    HEADER_CAP = 16384,
    OUT_CAP = 1 << 20,
    OUT_SIZE = 2048,  /* what a request usually needs */
    LENGTHS_MAX = 256 /* names, Content-Length and line ends of the lines that differ */
};

static xd_status no_memory(xd_fault *fault)
{
    return xd_fail(fault, XD_NO_MEMORY, NULL, "no memory for request headers");
}

/* Visible ASCII. */
static bool is_visible(const char *text)
{
    const char *p = text;
    while (*p > ' ' && *p < 0x7f) {
        p++;
    }
    return *p == '\0';
}

/* What no header value may hold, RFC 9110 section 5.5: it could end its line. */
static bool holds_control(const char *text)
{
    const char *p = text;
    while (*p && !((unsigned char)*p < ' ' && *p != '\t') && *p != 0x7f) {
        p++;
    }
    return *p != '\0';
}

static xd_status not_an_address(const char *system, const char *why, xd_fault *fault)
{
    return xd_fail(fault, XD_INVALID, "remote.url", "system %s: its URL is no address: %s", system,
                   why);
}

/* Reads an address; *ret is the caller's. Not even an error shows the text: it may hold a secret.
 */
static xd_status parse(const char *system, const char *text, CURLU **ret, xd_fault *fault)
{
    CURLU *url = curl_url();
    if (!url) {
        return no_memory(fault);
    }
    CURLUcode rc = curl_url_set(url, CURLUPART_URL, text, CURLU_URLENCODE);
    char *user = NULL;
    xd_status status = XD_OK;
    if (rc != CURLUE_OK) {
        status = rc == CURLUE_OUT_OF_MEMORY ? no_memory(fault)
                                            : not_an_address(system, curl_url_strerror(rc), fault);
    } else if (curl_url_get(url, CURLUPART_USER, &user, 0) == CURLUE_OK) {
        explicit_bzero(user, strlen(user));
        status = not_an_address(system, "a user in it would be a secret in clear", fault);
    }
    curl_free(user);
    if (status != XD_OK) {
        curl_url_cleanup(url);
        return status;
    }
    *ret = url;
    return XD_OK;
}

/* "POST /erp/inventory?x=1 HTTP/1.1\r\n": origin-form, RFC 9112 section 3.2.1. */
static xd_status write_line(const char *method, CURLU *url, xd_buf *out)
{
    char *path = NULL;
    char *query = NULL;
    CURLUcode rc = curl_url_get(url, CURLUPART_PATH, &path, 0);
    if (rc == CURLUE_OK) {
        CURLUcode none = curl_url_get(url, CURLUPART_QUERY, &query, 0);
        rc = none == CURLUE_OK || none == CURLUE_NO_QUERY ? CURLUE_OK : none;
    }
    xd_status status = rc == CURLUE_OK ? XD_OK : XD_NO_MEMORY;
    if (status == XD_OK && !(is_visible(path) && (!query || is_visible(query)))) {
        status = XD_INVALID;
    }
    if (status == XD_OK) {
        xd_buf_str_add(out, xd_str_from(method));
        xd_buf_char(out, ' ');
        xd_buf_str_add(out, xd_str_from(path));
        xd_buf_str_add(out, query ? XD_STR("?") : XD_STR(""));
        xd_buf_str_add(out, xd_str_from(query));
        XD_BUF_LIT(out, " HTTP/1.1\r\n");
    }
    curl_free(path);
    curl_free(query);
    return status == XD_OK && out->failed ? XD_NO_MEMORY : status;
}

/* Reads the remote's URL with path after it. */
static xd_status read_target(const xd_remote_options *o, xd_str path, CURLU **ret, xd_fault *fault)
{
    xd_buf text;
    xd_buf_init(&text, URL_CAP);
    xd_buf_str_add(&text, xd_str_from(o->url));
    xd_buf_str_add(&text, path);
    xd_buf_char(&text, '\0');
    bool whole = path.len == 0 || !memchr(path.ptr, '\0', path.len);
    xd_status status = text.failed ? no_memory(fault)
                       : whole     ? parse(o->name, text.ptr, ret, fault)
                                   : XD_INVALID;
    xd_buf_finish(&text);
    return status;
}

/* "receipt_status" -> "/receipt-status" unless the remote names a path. */
static void write_path(xd_buf *path, const xd_remote_options *options, xd_message message)
{
    if (options->paths[message]) {
        xd_buf_str_add(path, xd_str_from(options->paths[message]));
        return;
    }
    xd_buf_char(path, '/');
    for (const char *p = xd_message_name(message); *p; p++) {
        xd_buf_char(path, *p == '_' ? '-' : *p);
    }
}

static xd_status write_post(xd_endpoint *e, xd_message message, xd_fault *fault)
{
    xd_buf path;
    xd_buf_init(&path, URL_CAP);
    write_path(&path, e->options, message);
    CURLU *url = NULL;
    xd_status status =
        path.failed ? no_memory(fault) : read_target(e->options, xd_buf_str(&path), &url, fault);
    if (status == XD_OK) {
        status = write_line("POST", url, &e->posts[message]);
        curl_url_cleanup(url);
        if (status != XD_OK) {
            status =
                status == XD_NO_MEMORY
                    ? no_memory(fault)
                    : not_an_address(e->options->name, "its path holds what no URL may", fault);
        }
    }
    xd_buf_finish(&path);
    return status;
}

/* Host, RFC 9112 section 3.2: as in the address, the port unless it is the scheme's own. */
static xd_status write_host(xd_endpoint *e, xd_fault *fault)
{
    CURLU *url;
    XD_TRY(parse(e->options->name, e->options->url, &url, fault));
    char *host = NULL;
    char *port = NULL;
    CURLUcode rc = curl_url_get(url, CURLUPART_HOST, &host, 0);
    CURLUcode no_port = curl_url_get(url, CURLUPART_PORT, &port, CURLU_NO_DEFAULT_PORT);
    curl_url_cleanup(url);
    xd_status status = XD_OK;
    if (rc != CURLUE_OK || !host[0] || !is_visible(host)) {
        status = not_an_address(e->options->name,
                                "a host's name is written in ASCII, others as xn--...", fault);
    } else if (no_port != CURLUE_OK && no_port != CURLUE_NO_PORT) {
        status = no_memory(fault);
    } else {
        XD_BUF_LIT(&e->common, "Host: ");
        xd_buf_str_add(&e->common, xd_str_from(host));
        xd_buf_str_add(&e->common, port ? XD_STR(":") : XD_STR(""));
        xd_buf_str_add(&e->common, xd_str_from(port));
        XD_BUF_LIT(&e->common, "\r\n");
    }
    curl_free(host);
    curl_free(port);
    return status;
}

xd_status xd_endpoint_init(xd_endpoint *e, const xd_remote_options *options, xd_fault *fault)
{
    *e = (xd_endpoint){.options = options};
    const char *secret = options->authorization;
    xd_buf_init(&e->common, HEADER_CAP);
    for (uint32_t i = 0; i < XD_MESSAGE_LIMIT; i++) {
        xd_buf_init(&e->posts[i], URL_CAP + 32);
    }
    if (strncmp(options->url, "http://", 7) != 0 && strncmp(options->url, "https://", 8) != 0) {
        return xd_fail(fault, XD_INVALID, "remote.url",
                       "system %s: its URL must begin with http:// or https://", options->name);
    }
    const char *key = options->idempotency_key;
    if ((secret && holds_control(secret)) || (key && holds_control(key))) {
        return xd_fail(fault, XD_INVALID, "remote.header",
                       "system %s: its %s holds what no header can, such as the end of a line",
                       options->name,
                       secret && holds_control(secret) ? "authorization" : "idempotency_key");
    }
    /* At once, so that no copy of the secret stays behind when it grows. */
    xd_buf_reserve(&e->common, strlen(options->url) + (secret ? strlen(secret) : 0) + LENGTHS_MAX);
    XD_TRY(write_host(e, fault));
    XD_BUF_LIT(&e->common, "User-Agent: crossdock/" XD_VERSION "\r\nAccept: */*\r\n");
    if (secret) {
        XD_BUF_LIT(&e->common, "Authorization: ");
        xd_buf_str_add(&e->common, xd_str_from(secret));
        XD_BUF_LIT(&e->common, "\r\n");
    }
    if (e->common.failed) {
        return no_memory(fault);
    }
    for (uint32_t i = XD_MESSAGE_NONE + 1; i < XD_MESSAGE_LIMIT; i++) {
        XD_TRY(write_post(e, (xd_message)i, fault));
    }
    return XD_OK;
}

void xd_endpoint_finish(xd_endpoint *e)
{
    xd_endpoint_wipe(&e->common);
    for (uint32_t i = 0; i < XD_MESSAGE_LIMIT; i++) {
        xd_buf_finish(&e->posts[i]);
    }
}

/* --- heads --- */

void xd_endpoint_wipe(xd_buf *out)
{
    if (out->ptr) {
        explicit_bzero(out->ptr, out->size);
    }
    xd_buf_finish(out);
}

/* Empties out and makes room in it, without leaving a copy behind. */
static bool make_room(xd_buf *out, size_t bytes)
{
    if (bytes > out->size) {
        size_t size = bytes < OUT_SIZE ? OUT_SIZE : bytes;
        xd_endpoint_wipe(out);
        xd_buf_init(out, OUT_CAP);
        xd_buf_reserve(out, size);
    }
    xd_buf_clear(out);
    return bytes <= out->size;
}

static void add_value(xd_buf *out, xd_str name, const xd_buf *value)
{
    xd_buf_str_add(out, name);
    xd_buf_str_add(out, xd_buf_str(value));
    XD_BUF_LIT(out, "\r\n");
}

static size_t values_bytes(const xd_call *call)
{
    return call->idempotency_key.len + call->traceparent.len + call->delivery_id.len + LENGTHS_MAX;
}

static bool values_failed(const xd_call *call)
{
    return call->idempotency_key.failed || call->traceparent.failed || call->delivery_id.failed;
}

static void add_values(xd_buf *out, const xd_call *call)
{
    add_value(out, XD_STR("Idempotency-Key: "), &call->idempotency_key);
    add_value(out, XD_STR("traceparent: "), &call->traceparent);
    add_value(out, XD_STR("X-Crossdock-Delivery: "), &call->delivery_id);
    XD_BUF_LIT(out, "\r\n");
}

xd_status xd_endpoint_post(const xd_endpoint *e, const xd_call *call, xd_message message,
                           size_t body_bytes, xd_buf *out)
{
    xd_str line = xd_buf_str(&e->posts[message]);
    xd_str type = call->content_type ? xd_str_from(call->content_type) : XD_STR("application/json");
    xd_str action = call->soap_action ? xd_str_from(call->soap_action) : XD_STR("");
    size_t bytes = line.len + e->common.len + type.len + action.len + values_bytes(call);
    if (values_failed(call) || !make_room(out, bytes + body_bytes)) {
        return XD_NO_MEMORY;
    }
    xd_buf_str_add(out, line);
    xd_buf_str_add(out, xd_buf_str(&e->common));
    XD_BUF_LIT(out, "Content-Type: ");
    xd_buf_str_add(out, type);
    if (call->soap_action) {
        XD_BUF_LIT(out, "\r\nSOAPAction: ");
        xd_buf_str_add(out, action);
    }
    XD_BUF_LIT(out, "\r\nContent-Length: ");
    xd_buf_int(out, (int64_t)call->body.len);
    XD_BUF_LIT(out, "\r\n");
    add_values(out, call);
    return out->failed ? XD_NO_MEMORY : XD_OK;
}

xd_status xd_endpoint_get(const xd_endpoint *e, const xd_call *call, xd_buf *out)
{
    CURLU *url;
    if (call->path.failed || values_failed(call)) {
        return XD_NO_MEMORY;
    }
    XD_TRY(read_target(e->options, xd_buf_str(&call->path), &url, NULL));
    xd_buf line;
    xd_buf_init(&line, URL_CAP + 32);
    xd_status status = write_line("GET", url, &line);
    curl_url_cleanup(url);
    if (status == XD_OK && !make_room(out, line.len + e->common.len + values_bytes(call))) {
        status = XD_NO_MEMORY;
    }
    if (status == XD_OK) {
        xd_buf_str_add(out, xd_buf_str(&line));
        xd_buf_str_add(out, xd_buf_str(&e->common));
        add_values(out, call);
    }
    xd_buf_finish(&line);
    return status == XD_OK && out->failed ? XD_NO_MEMORY : status;
}
