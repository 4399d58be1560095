/* Endpoint: what is the same in every request to a remote system, made once: request lines by
 * message, Host, Authorization; and the heads of requests (RFC 9112 section 3) made from that. Owns
 * its texts; what held the secret is wiped. */
#ifndef XD_OUTBOUND_ENDPOINT_H
#define XD_OUTBOUND_ENDPOINT_H

#include "outbound/transport.h"

typedef struct xd_endpoint {
    const xd_remote_options *options; /* borrows */
    xd_buf posts[XD_MESSAGE_LIMIT];   /* request lines */
    xd_buf common;                    /* header lines with their ends */
} xd_endpoint;

/* options are borrowed. Faults: XD_INVALID (what is no http or https address, or names a user; what
 * a header cannot hold), XD_NO_MEMORY. To be finished also after a fault. */
XD_CHECKED xd_status xd_endpoint_init(xd_endpoint *endpoint, const xd_remote_options *options,
                                      xd_fault *fault);
void xd_endpoint_finish(xd_endpoint *endpoint);

/* Writes the head of a request to out, which it empties first, and leaves room for body_bytes more.
 * out then holds a secret: see xd_endpoint_wipe. Faults: XD_NO_MEMORY; of a look-up also a path
 * that makes no address. */
XD_CHECKED xd_status xd_endpoint_post(const xd_endpoint *endpoint, const xd_call *call,
                                      xd_message message, size_t body_bytes, xd_buf *out);
XD_CHECKED xd_status xd_endpoint_get(const xd_endpoint *endpoint, const xd_call *call, xd_buf *out);
/* Finishes a buffer that a request was written to. */
void xd_endpoint_wipe(xd_buf *out);

#endif
