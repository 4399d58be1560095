/* One read request: what ingress hands to the read side, so that neither layer knows the other.
 * Headers only. */
#ifndef XD_PORT_READ_H
#define XD_PORT_READ_H

#include "base/buf.h"
#include "base/status.h"

/* path is percent-decoded and starts after "/v1" ("/holds", "/documents/goods_receipt/GR-1");
 * query(self, name) gives a decoded argument or NULL. Strings live until the handler returns. */
typedef struct xd_read_request {
    const char *path;
    const char *(*query)(void *self, const char *name);
    void *self;
    const char **ret_media_type; /* set (static storage) when the body is not JSON; may be NULL */
} xd_read_request;

/* Appends the body to ret_body and returns XD_OK; on any other status the caller answers with a
 * problem document made from fault. Called on several threads at once. */
typedef xd_status (*xd_read_handler)(void *context, const xd_read_request *request,
                                     xd_buf *ret_body, xd_fault *fault);

#endif
