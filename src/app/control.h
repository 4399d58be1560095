/* The command line's way to the running hub: HTTP over its Unix control socket. */
#ifndef XD_APP_CONTROL_H
#define XD_APP_CONTROL_H

#include "base/buf.h"
#include "base/status.h"

/* Posts a JSON body. path starts with /v1 and is already encoded (xd_control_encode). The answer's
 * body is appended to ret_answer. Faults: XD_UNAVAILABLE (no hub runs here), XD_TIMEOUT, and what
 * the hub refused, with its own words: XD_NOT_FOUND, XD_CONFLICT, XD_DENIED, XD_INVALID, XD_BUSY.
 */
XD_CHECKED xd_status xd_control_post(const char *socket_path, const char *path, xd_str body,
                                     xd_buf *ret_answer, xd_fault *fault);
/* As above with GET and without a body. */
XD_CHECKED xd_status xd_control_get(const char *socket_path, const char *path, xd_buf *ret_answer,
                                    xd_fault *fault);
/* Appends an id to a path: everything but letters, digits and "-._~/" percent-encoded. */
void xd_control_encode(xd_buf *buf, const char *id);

#endif
