/* Ingress: the HTTP side of the hub (libmicrohttpd). Decodes, authenticates, validates and submits;
 * answers only after commit. The read side and metrics come through callbacks, so that this layer
 * knows no SQL. */
#ifndef XD_INGRESS_INGRESS_H
#define XD_INGRESS_INGRESS_H

#include "engine/engine.h"
#include "ingress/source.h"
#include "port/read.h"

typedef enum xd_scope {
    XD_SCOPE_EVENTS_WRITE = 1, /* "events:write" */
    XD_SCOPE_READ = 2,         /* "read" */
    XD_SCOPE_DECIDE = 4,       /* "decide": release holds, retry or drop dead letters */
    XD_SCOPE_METRICS = 8       /* "metrics" */
} xd_scope;

/* A bearer key, hashed at rest. */
typedef struct xd_key {
    const char *name;   /* shows in logs and as actor; at most 128 bytes */
    const char *person; /* for segregation of duties; "" for systems; at most 128 bytes */
    uint8_t hash[32];   /* SHA-256 of the secret */
    uint32_t scopes;    /* xd_scope bits */
} xd_key;

typedef struct xd_ingress_options {
    const char *address;       /* IPv4 or IPv6 literal */
    uint16_t port;             /* 0: any free port */
    const char *control_path;  /* Unix socket for the local command line (mode 0600), NULL: none */
    uint32_t threads;          /* default 1 (measured: a second one is slower on two cores) */
    uint32_t max_connections;  /* default 1024 */
    uint32_t max_per_address;  /* default 0: no limit */
    uint32_t idle_timeout_s;   /* default 30: slow or silent clients are closed */
    size_t max_body_bytes;     /* default 8 MiB */
    size_t max_event_bytes;    /* default 1 MiB */
    uint32_t max_batch;        /* default 10,000 events */
    uint32_t max_depth;        /* default 32 */
    size_t max_inflight_bytes; /* bodies being read or processed, default 64 MiB: past it 503 */
    const xd_key *keys;        /* borrows */
    uint32_t key_count;
    xd_instant (*clock)(void);       /* business time of what is mapped and has none; needed with
                                        sources */
    const xd_source *const *sources; /* whose records are mapped; borrows */
    uint32_t source_count;
    bool open_loopback; /* a caller at 127.0.0.1 or ::1 may append events without a key; refused
                           (XD_INVALID) unless address is a loopback address. Reading and deciding
                           still need a key. */
} xd_ingress_options;

typedef struct xd_ingress_ports {
    void *read_context;
    xd_read_handler read;
    void *metrics_context;
    void (*metrics)(void *context, xd_buf *buf); /* Prometheus text, without the ingress's own */
    bool (*ready)(void *context);                /* for /readyz */
} xd_ingress_ports;

typedef struct xd_ingress xd_ingress;
/* Binds and serves at once: call it last. engine is borrowed. */
XD_CHECKED xd_status xd_ingress_start(const xd_ingress_options *options, xd_engine *engine,
                                      xd_ingress_ports ports, xd_ingress **ret, xd_fault *fault);
uint16_t xd_ingress_port(const xd_ingress *ingress);
/* Stops accepting; waits for requests under way (at most grace_ms). Later answers of the engine
 * still go out until destroy. */
void xd_ingress_stop(xd_ingress *ingress, int32_t grace_ms);
/* Waits until the engine has answered whatever it took over: it must run, or have been stopped.
 * Accepts NULL. */
void xd_ingress_destroy(xd_ingress *ingress);
/* Swaps the keys (SIGHUP); copies nothing, the old ones may be freed after it returns. */
void xd_ingress_set_keys(xd_ingress *ingress, const xd_key *keys, uint32_t key_count);
/* Prometheus lines of the ingress itself. */
void xd_ingress_metrics(xd_ingress *ingress, xd_buf *buf);

#endif
