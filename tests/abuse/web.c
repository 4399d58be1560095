/* Bare HTTP over sockets. */
#include "web.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

int web_connect(uint16_t port, int32_t timeout_ms)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval wait = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
    int one = 1;
    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

bool web_send(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        bytes += sent;
        n -= (size_t)sent;
    }
    return true;
}

/* Reads until text is there at or after from; NULL when it does not come. */
static char *read_until(web_reader *r, size_t from, size_t bytes, const char *text,
                        int *ret_failure)
{
    for (;;) {
        r->bytes[r->len] = '\0';
        char *found = text ? strstr(r->bytes + from, text) : NULL;
        if (found || (!text && r->len >= from + bytes)) {
            return text ? found : r->bytes + from;
        }
        if (r->len + 1 >= sizeof r->bytes) {
            *ret_failure = 0;
            return NULL;
        }
        ssize_t n = recv(r->fd, r->bytes + r->len, sizeof r->bytes - 1 - r->len, 0);
        if (n <= 0) {
            *ret_failure = n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? -1 : 0;
            return NULL;
        }
        r->len += (size_t)n;
    }
}

int web_answer(web_reader *r, const char **ret_body)
{
    static const char length_name[] = "Content-Length: ";
    int failure = 0;
    char *end = read_until(r, 0, 0, "\r\n\r\n", &failure);
    if (!end || strncmp(r->bytes, "HTTP/1.1 ", 9) != 0) {
        return end ? 0 : failure;
    }
    int status = (int)strtol(r->bytes + 9, NULL, 10);
    *end = '\0';
    const char *length = strstr(r->bytes, length_name);
    size_t size = length ? strtoul(length + sizeof length_name - 1, NULL, 10) : 0;
    size_t head = (size_t)(end - r->bytes) + 4;
    if (!read_until(r, head, size, NULL, &failure)) {
        return failure;
    }
    /* The body is kept in front of what follows it, for as long as the caller may look. */
    static _Thread_local char body[WEB_ANSWER_BYTES];
    memcpy(body, r->bytes + head, size);
    body[size] = '\0';
    memmove(r->bytes, r->bytes + head + size, r->len - head - size);
    r->len -= head + size;
    if (ret_body) {
        *ret_body = body;
    }
    return status;
}

void web_reset(int fd)
{
    struct linger now = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}
