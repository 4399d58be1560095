/* Transport: HTTP/1.1 requests over kept-open connections that libcurl opens (link.h), all on the
 * thread that calls it, save xd_transport_wake. Owns connections and their memory; decides nothing:
 * what an answer means for a delivery is the schedule's business. TLS is verified, redirects are
 * not followed, proxies of the environment are not used, only http and https are spoken, and
 * nothing is sent twice (ADR 7). */
#ifndef XD_OUTBOUND_TRANSPORT_H
#define XD_OUTBOUND_TRANSPORT_H

#include "base/buf.h"
#include "outbound/outbound.h"
#include "outbound/schedule.h"

typedef struct xd_transport xd_transport;

/* One request being made. The caller fills what it sends, all of it, between acquire and post or
 * get. */
typedef struct xd_call {
    xd_request *request;
    int64_t started_us;
    xd_buf idempotency_key; /* header values, without control characters */
    xd_buf traceparent;
    xd_buf delivery_id;
    xd_buf body;              /* post */
    const char *content_type; /* post: what body is, static or as long-lived; NULL: JSON */
    const char *soap_action;  /* post: SOAPAction header, as long-lived; NULL: none */
    xd_buf path;              /* get: appended to the remote's URL */
} xd_call;

typedef void (*xd_transport_answered)(void *self, const xd_call *call, const xd_answer *answer);

/* What the dispatch asks of a transport: the functions below, or those of a simulation. */
typedef struct xd_transport_port {
    void *self;
    /* A call with empty values to fill; NULL when out of memory. */
    xd_call *(*acquire)(void *self, uint32_t remote);
    /* Gives back a call that is not sent. */
    void (*release)(void *self, xd_call *call);
    /* Start the call: its answer comes through perform. XD_NO_MEMORY: not started. */
    xd_status (*post)(void *self, xd_call *call, xd_message message);
    xd_status (*get)(void *self, xd_call *call);
    /* Reports the calls that ended; a reported call is free after the callback. */
    void (*perform)(void *self, xd_transport_answered answered, void *context);
    /* Ends a wait of the caller's thread; from any thread. */
    void (*wake)(void *self);
} xd_transport_port;

/* remotes: count rows, borrowed. Faults: XD_INVALID (endpoint.h: a URL or a secret that no request
 * can carry), XD_NO_MEMORY, XD_UNAVAILABLE (libcurl does not start). */
XD_CHECKED xd_status xd_transport_create(const xd_remote_options *remotes, uint32_t count,
                                         xd_transport **ret, xd_fault *fault);
/* Closes everything; requests under way are abandoned. Accepts NULL. */
void xd_transport_destroy(xd_transport *transport);

/* A call with empty buffers; NULL when out of memory. */
xd_call *xd_transport_acquire(xd_transport *transport, uint32_t remote);
/* Gives back a call that is not sent. */
void xd_transport_release(xd_transport *transport, xd_call *call);
/* Starts the call: its answer comes through xd_transport_perform. XD_NO_MEMORY: not started. */
XD_CHECKED xd_status xd_transport_post(xd_transport *transport, xd_call *call, xd_message message);
XD_CHECKED xd_status xd_transport_get(xd_transport *transport, xd_call *call);

/* Moves bytes without waiting and reports the calls that ended; a reported call is free after the
 * callback. */
void xd_transport_perform(xd_transport *transport, xd_transport_answered answered, void *self);
/* Waits until something can be done, at most timeout_ms, or until xd_transport_wake. */
void xd_transport_wait(xd_transport *transport, int32_t timeout_ms);
/* Ends a wait, from any thread. */
void xd_transport_wake(xd_transport *transport);
/* The transport as a port. */
xd_transport_port xd_transport_port_of(xd_transport *transport);

#endif
