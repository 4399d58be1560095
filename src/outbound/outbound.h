/* Outbound: delivers what flows emit to the remote systems over HTTP/1.1, each under its own
 * limits, in order per business key; settled results go back through the engine's door as
 * hub.outcomes events. */
#ifndef XD_OUTBOUND_OUTBOUND_H
#define XD_OUTBOUND_OUTBOUND_H

#include "engine/engine.h"

/* The segments that may leave a connection before anything is acknowledged (RFC 6928): more answers
 * than that could still lie with a peer that then resets the connection, and be lost with it. */
enum { XD_PIPELINE_MAX = 10 };

typedef struct xd_remote_options {
    const char *name;                    /* as in the definition's systems */
    const char *url;                     /* base, such as "http://127.0.0.1:9100/erp" */
    const char *paths[XD_MESSAGE_LIMIT]; /* per message, appended to url; NULL: "/<message-name>"
                                            with '_' as '-' */
    const char *authorization;   /* whole header value from a secret, or NULL; never logged */
    const char *idempotency_key; /* template: {source} {id} {seq} {index} {key}; default
                                    "cd-{seq}-{index}" */
    const char *ca_file;         /* TLS trust, NULL: the system's */
    uint32_t concurrency;        /* requests in flight or not yet recorded, default 16 */
    uint32_t pipeline;           /* of them on one connection, 1 (default) to XD_PIPELINE_MAX */
    double rate_per_s;           /* token bucket, 0: unlimited */
    uint32_t burst;              /* bucket size, default = max(1, rate) */
    int32_t timeout_ms;          /* whole request, default 10,000 */
    int32_t connect_timeout_ms;  /* default 3,000 */
    uint32_t attempts;           /* before dead-lettering, default 12 */
    int32_t backoff_ms;          /* first delay, doubled per attempt, full jitter; default 200 */
    int32_t backoff_max_ms;      /* default 60,000 */
    uint32_t breaker_failures;   /* consecutive failures that open the breaker, default 10 */
    int32_t breaker_open_ms;     /* then one probe after this, default 2,000 */
    uint32_t batch_max;    /* messages per request (JSON array body), default 1: no batching */
    int32_t batch_wait_ms; /* how long a batch may wait to fill, default 20 */
    bool coalesce; /* of waiting messages with one order key and message, send only the newest */
    const char *lookup_path; /* e.g. "/lookup?key={idempotency_key}": GET after an unknown outcome;
                                200 = it has it, 404 = it has not; NULL: the remote is asked again
                                only if unknown = "retry" */
    bool unknown_retry;      /* true: the remote deduplicates by Idempotency-Key, so send again
                                (default);      false and no lookup: stop as UNKNOWN for a person */
} xd_remote_options;

typedef struct xd_outbound_options {
    const xd_remote_options *remotes; /* borrows */
    uint32_t remote_count;
    size_t memory_bytes;  /* bodies kept in memory, default 20 MiB; beyond it they are read again
                             from the store */
    uint32_t max_entries; /* deliveries tracked in memory, default 200,000 */
    uint64_t seed;        /* of the jitter */
} xd_outbound_options;

typedef struct xd_outbound xd_outbound;
/* Opens with its own read connection to the store (owned from here on). */
XD_CHECKED xd_status xd_outbound_create(const xd_outbound_options *options, xd_store *reader,
                                        xd_outbound **ret, xd_fault *fault);
xd_delivery_port xd_outbound_port(xd_outbound *outbound);
/* Starts the delivery thread; results go to engine. */
XD_CHECKED xd_status xd_outbound_start(xd_outbound *outbound, xd_engine *engine, xd_fault *fault);
/* Lets requests under way finish (at most grace_ms), records their results, joins the thread. */
void xd_outbound_stop(xd_outbound *outbound, int32_t grace_ms);
void xd_outbound_destroy(xd_outbound *outbound);
/* Prometheus lines: per system sent, ok, retried, dead, unknown, breaker state, waiting, in flight,
 * latency. */
void xd_outbound_metrics(xd_outbound *outbound, xd_buf *buf);
/* JSON for `crossdock status`: per system waiting, in flight, oldest age, breaker, last error. */
void xd_outbound_status(xd_outbound *outbound, xd_buf *buf);

#endif
