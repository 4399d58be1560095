/* Link. See link.h.
 *
 * The easy handle is told to connect and nothing more (CURLOPT_CONNECT_ONLY). A plain connection's
 * socket is then taken over and the handle freed: libcurl would look after it as after one of its
 * idle ones, and close it when it thinks that it is too old. With TLS the handle stays, since it
 * holds the session. */
#include "outbound/link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { NEVER_TOO_OLD_S = 1000000000 };

/* libcurl has done with a socket: one that failed, or that of the connection. */
static int on_close(void *self, curl_socket_t fd)
{
    xd_link *l = self;
    if (fd != l->fd) {
        return close(fd);
    }
    if (l->taken) {
        return 0;
    }
    l->lost = true;
    *l->ret_lost = true;
    l->fd = CURL_SOCKET_BAD;
    return close(fd);
}

xd_status xd_link_open(xd_link *l, CURLM *multi, const xd_remote_options *remote, void *owner,
                       bool *ret_lost)
{
    CURL *easy = curl_easy_init();
    if (!easy) {
        return XD_NO_MEMORY;
    }
    l->easy = easy;
    l->multi = multi;
    l->fd = CURL_SOCKET_BAD;
    l->tls = strncmp(remote->url, "https://", 8) == 0;
    l->taken = l->lost = false;
    l->ret_lost = ret_lost;
    l->error[0] = '\0';
    CURLcode rc = curl_easy_setopt(easy, CURLOPT_URL, remote->url);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, owner);
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1); /* ALPN says so */
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)remote->connect_timeout_ms);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, l->error);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, l);
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)NEVER_TOO_OLD_S);
    /* Giving up on a name must not wait for the resolver: other systems are being served. */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    if (remote->ca_file && rc == CURLE_OK) {
        rc = curl_easy_setopt(easy, CURLOPT_CAINFO, remote->ca_file);
    }
    if (rc != CURLE_OK || curl_multi_add_handle(multi, easy) != CURLM_OK) {
        curl_easy_cleanup(easy);
        l->easy = NULL;
        return XD_NO_MEMORY;
    }
    return XD_OK;
}

static void forget_easy(xd_link *l)
{
    if (l->easy) {
        curl_multi_remove_handle(l->multi, l->easy);
        curl_easy_cleanup(l->easy);
        l->easy = NULL;
    }
}

bool xd_link_take(xd_link *l)
{
    curl_socket_t fd = CURL_SOCKET_BAD;
    if (curl_easy_getinfo(l->easy, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK ||
        fd == CURL_SOCKET_BAD) {
        snprintf(l->error, sizeof l->error, "the connection has no socket");
        return false;
    }
    l->fd = fd;
    if (!l->tls) {
        l->taken = true;
        forget_easy(l);
    }
    return true;
}

void xd_link_close(xd_link *l)
{
    curl_socket_t fd = l->fd;
    l->fd = CURL_SOCKET_BAD; /* nobody is to be told */
    forget_easy(l);
    if (l->taken) {
        close(fd);
        l->taken = false;
    }
}

static xd_link_moved failed(xd_link *l, const char *what, int error)
{
    snprintf(l->error, sizeof l->error, "%s failure: %s", what, strerror(error));
    return XD_LINK_BROKEN;
}

static xd_link_moved moved_by_curl(xd_link *l, CURLcode rc, const char *what)
{
    if (rc == CURLE_OK) {
        return XD_LINK_MOVED;
    }
    if (rc == CURLE_AGAIN) {
        return XD_LINK_WAIT;
    }
    if (!l->error[0]) {
        snprintf(l->error, sizeof l->error, "%s failure: %s", what, curl_easy_strerror(rc));
    }
    return XD_LINK_BROKEN;
}

xd_link_moved xd_link_send(xd_link *l, struct iovec *parts, int count, size_t *ret_n)
{
    if (l->lost) {
        return failed(l, "Send", ECONNRESET);
    }
    if (l->tls) {
        CURLcode rc = curl_easy_send(l->easy, parts->iov_base, parts->iov_len, ret_n);
        return moved_by_curl(l, rc, "Send");
    }
    const struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)count};
    ssize_t sent;
    do {
        sent = sendmsg(l->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        return errno == EAGAIN || errno == EWOULDBLOCK ? XD_LINK_WAIT : failed(l, "Send", errno);
    }
    *ret_n = (size_t)sent;
    return XD_LINK_MOVED;
}

xd_link_moved xd_link_receive(xd_link *l, char *bytes, size_t n, size_t *ret_n)
{
    if (l->lost) {
        return XD_LINK_CLOSED;
    }
    if (l->tls) {
        xd_link_moved moved = moved_by_curl(l, curl_easy_recv(l->easy, bytes, n, ret_n), "Recv");
        return moved == XD_LINK_MOVED && *ret_n == 0 ? XD_LINK_CLOSED : moved;
    }
    ssize_t got;
    do {
        got = recv(l->fd, bytes, n, MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return errno == EAGAIN || errno == EWOULDBLOCK ? XD_LINK_WAIT : failed(l, "Recv", errno);
    }
    *ret_n = (size_t)got;
    return got ? XD_LINK_MOVED : XD_LINK_CLOSED;
}
