/* For the tests of this folder: a remote system over real HTTP on a free port of 127.0.0.1, which
 * answers as the test's script says and remembers what reached it. Thread-safe. */
#ifndef XD_OUTBOUND_TEST_REMOTE_H
#define XD_OUTBOUND_TEST_REMOTE_H

#include "base/str.h"

typedef struct test_remote test_remote;

/* One request as it arrived, in order of arrival. */
typedef struct test_arrival {
    char method[8];
    char path[96];
    char query[160];
    char key[96]; /* Idempotency-Key */
    char traceparent[64];
    char delivery[48];
    char authorization[64];
    char content_type[64];
    char soap_action[64]; /* "none" without the header */
    char body[2048];
} test_arrival;

typedef struct test_reply {
    int status;              /* 0: close the connection without an answer */
    int delay_ms;            /* before answering */
    const char *retry_after; /* header value or NULL */
    const char *body;
} test_reply;

/* Decides on one arrival; number counts arrivals from 0. Called under a lock. */
typedef test_reply (*test_script)(void *context, const test_arrival *arrival, uint32_t number);

/* port 0: any free one. NULL when it cannot be opened. */
test_remote *test_remote_open(uint16_t port, test_script script, void *context);
/* As above over TLS, with a certificate for 127.0.0.1 made for this run, which signs itself and is
 * written to certificate_path (PEM). */
test_remote *test_remote_open_tls(test_script script, void *context, const char *certificate_path);
void test_remote_close(test_remote *remote);
uint16_t test_remote_port(const test_remote *remote);
uint32_t test_remote_count(test_remote *remote);
/* A copy of the i-th arrival. */
test_arrival test_remote_arrival(test_remote *remote, uint32_t i);
/* Connections that were opened to it. */
uint32_t test_remote_connections(test_remote *remote);
/* Most requests that were being answered at one time. */
uint32_t test_remote_most_open(test_remote *remote);

#endif
