/* Bare HTTP over sockets of 127.0.0.1, for clients that behave and for those that do not. */
#ifndef ABUSE_WEB_H
#define ABUSE_WEB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WEB_ANSWER_BYTES = 512 << 10 };

/* A connection whose reads give up after timeout_ms; -1 when it is refused. */
int web_connect(uint16_t port, int32_t timeout_ms);
/* False when the other side is gone. */
bool web_send(int fd, const char *bytes, size_t n);

/* What was read from a connection, with the answers still in it. */
typedef struct web_reader {
    int fd;
    size_t len;
    char bytes[WEB_ANSWER_BYTES];
} web_reader;

/* Reads one answer. Returns its status, and its body (until the next call) when ret_body is not
 * NULL; 0: the connection ended; -1: nothing came in time. */
int web_answer(web_reader *reader, const char **ret_body);
/* Closes with a reset, so that neither side keeps the pair of ports waiting. */
void web_reset(int fd);

#endif
