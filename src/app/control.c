/* HTTP over the control socket, with libcurl. See control.h. */
#include "app/control.h"

#include "base/json.h"

#include <curl/curl.h>
#include <stdio.h>

enum { ANSWER_MAX_BYTES = 64 << 20, CONNECT_TIMEOUT_MS = 3000, TIMEOUT_MS = 60000 };

void xd_control_encode(xd_buf *buf, const char *id)
{
    for (; *id; id++) {
        char c = *id;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     strchr("-._~/", c);
        if (plain) {
            xd_buf_char(buf, c);
        } else {
            xd_buf_printf(buf, "%%%02X", (unsigned)(unsigned char)c);
        }
    }
}

static size_t take(char *bytes, size_t size, size_t n, void *answer)
{
    xd_buf *buf = answer;
    xd_buf_add(buf, bytes, size * n);
    return buf->failed ? 0 : size * n;
}

static xd_code code_of(long status)
{
    switch (status) {
    case 401:
    case 403:
        return XD_DENIED;
    case 404:
        return XD_NOT_FOUND;
    case 409:
        return XD_CONFLICT;
    case 429:
    case 503:
        return XD_BUSY;
    default:
        return status < 500 ? XD_INVALID : XD_UNAVAILABLE;
    }
}

/* Turns a problem document (RFC 9457) into a fault. */
static xd_status refuse(long status, xd_str body, xd_fault *fault)
{
    xd_arena arena;
    xd_arena_init(&arena, 1 << 20);
    const xd_json *problem = NULL;
    xd_str detail = XD_STR_NULL;
    char rule[64] = "hub.refused";
    if (xd_json_parse(body, XD_JSON_LIMITS_DEFAULT, &arena, &problem, NULL) == XD_OK) {
        xd_str named = XD_TEXT(problem, "rule");
        if (named.len) {
            snprintf(rule, sizeof rule, "%.*s", XD_FMT(named));
        }
        detail = XD_TEXT(problem, "detail");
        detail = detail.len ? detail : XD_TEXT(problem, "title");
    }
    xd_status answer = detail.len ? xd_fail(fault, code_of(status), rule, "%.*s", XD_FMT(detail))
                                  : xd_fail(fault, code_of(status), rule,
                                            "the hub answered %ld without a reason", status);
    xd_arena_finish(&arena);
    return answer;
}

static xd_status no_answer(CURLcode code, const char *socket_path, xd_fault *fault)
{
    if (code == CURLE_COULDNT_CONNECT) {
        return xd_fail(fault, XD_UNAVAILABLE, "hub.down",
                       "no hub answers on %s: start it with `crossdock run`", socket_path);
    }
    if (code == CURLE_OPERATION_TIMEDOUT) {
        return xd_fail(fault, XD_TIMEOUT, "hub.timeout",
                       "the hub did not answer within %d s; whether it acted is not known",
                       TIMEOUT_MS / 1000);
    }
    return xd_fail(fault, XD_UNAVAILABLE, "hub.answer", "the hub's answer could not be read: %s",
                   curl_easy_strerror(code));
}

static xd_status call(CURL *curl, const char *socket_path, const char *path, xd_str body,
                      struct curl_slist *headers, xd_buf *ret_answer, xd_fault *fault)
{
    char url[2048];
    if (snprintf(url, sizeof url, "http://hub%s", path) >= (int)sizeof url) {
        return xd_fail(fault, XD_LIMIT, "hub.path", "the name is too long");
    }
    xd_buf answer;
    xd_buf_init(&answer, ANSWER_MAX_BYTES);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket_path);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
    if (body.ptr) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.ptr);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    }
    CURLcode code = curl_easy_perform(curl);
    long http_status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &http_status);
    xd_status status = XD_OK;
    if (code != CURLE_OK) {
        status = no_answer(code, socket_path, fault);
    } else if (http_status < 200 || http_status > 299) {
        status = refuse(http_status, xd_buf_str(&answer), fault);
    } else {
        xd_buf_str_add(ret_answer, xd_buf_str(&answer));
    }
    xd_buf_finish(&answer);
    return status;
}

xd_status xd_control_post(const char *socket_path, const char *path, xd_str body,
                          xd_buf *ret_answer, xd_fault *fault)
{
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    xd_status status = curl && headers
                           ? call(curl, socket_path, path, body, headers, ret_answer, fault)
                           : xd_fail(fault, XD_NO_MEMORY, NULL, "out of memory");
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return status;
}

xd_status xd_control_get(const char *socket_path, const char *path, xd_buf *ret_answer,
                         xd_fault *fault)
{
    CURL *curl = curl_easy_init();
    if (!curl) {
        return xd_fail(fault, XD_NO_MEMORY, NULL, "out of memory");
    }
    xd_status status = call(curl, socket_path, path, XD_STR_NULL, NULL, ret_answer, fault);
    curl_easy_cleanup(curl);
    return status;
}
