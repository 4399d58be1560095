/* Link: one connection to a remote system, opened by libcurl: name resolution, TCP, TLS with the
 * remote's certificate verified, connect timeout, no proxy of the environment. Afterwards bytes go
 * over it as they are; what they mean is the caller's business. Owns the socket. One thread. */
#ifndef XD_OUTBOUND_LINK_H
#define XD_OUTBOUND_LINK_H

#include "base/status.h"
#include "outbound/outbound.h"

#include <curl/curl.h>
#include <sys/uio.h>

typedef struct xd_link {
    CURL *easy;   /* owns: while it opens; with TLS as long as it lives */
    CURLM *multi; /* borrows */
    curl_socket_t fd;
    bool tls;
    bool taken;     /* plain: the socket is ours alone, libcurl does not close it */
    bool *ret_lost; /* borrows: set when libcurl closes the socket by itself */
    bool lost;
    char error[CURL_ERROR_SIZE]; /* what went wrong last, for people */
} xd_link;

typedef enum xd_link_moved {
    XD_LINK_MOVED,
    XD_LINK_WAIT,   /* nothing can be moved now */
    XD_LINK_CLOSED, /* receiving: the peer has closed its side */
    XD_LINK_BROKEN  /* see error */
} xd_link_moved;

/* Begins to open: the multi handle's socket and timer functions drive it and its message DONE says
 * how it ended; CURLINFO_PRIVATE gives owner. ret_lost is borrowed until the link is closed. Fault:
 * XD_NO_MEMORY. */
XD_CHECKED xd_status xd_link_open(xd_link *link, CURLM *multi, const xd_remote_options *remote,
                                  void *owner, bool *ret_lost);
/* After DONE without error: from now on bytes can be moved; false when there is no socket. */
bool xd_link_take(xd_link *link);
void xd_link_close(xd_link *link);

/* At most the bytes of count >= 1 parts, in order; with TLS of the first one. *ret_n is how many,
 * with XD_LINK_MOVED only. */
xd_link_moved xd_link_send(xd_link *link, struct iovec *parts, int count, size_t *ret_n);
/* At most n bytes; *ret_n as above. */
xd_link_moved xd_link_receive(xd_link *link, char *bytes, size_t n, size_t *ret_n);

#endif
