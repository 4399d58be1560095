/* Texts that go with a request: idempotency key, look-up path, trace context. Pure. */
#ifndef XD_OUTBOUND_WIRE_H
#define XD_OUTBOUND_WIRE_H

#include "base/random.h"
#include "canon/event.h"

/* What a template may name: {source} {id} {seq} {index} {key} and, in a look-up path,
 * {idempotency_key}. */
typedef struct xd_wire_names {
    xd_str source, id, key;
    int64_t seq;
    uint32_t index;
    xd_str idempotency_key;
} xd_wire_names;

typedef enum xd_wire_escape {
    XD_WIRE_HEADER, /* control characters and '%' become %XX, so a value can never end its header */
    XD_WIRE_URL     /* everything but RFC 3986 unreserved characters becomes %XX */
} xd_wire_escape;

/* Appends the template with names filled in; unknown names and lone braces are copied as they are.
 */
void xd_wire_expand(xd_buf *buf, const char *template, const xd_wire_names *names,
                    xd_wire_escape escape);

/* Appends a traceparent (W3C Trace Context level 1): the trace of parent when that is well formed,
 * else one that depends on seq alone, so that all deliveries of one event share it; the span is
 * new. */
void xd_wire_traceparent(xd_buf *buf, xd_str parent, int64_t seq, xd_random *random);

#endif
