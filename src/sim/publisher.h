/* The publishing side: sends a plan to the hub over HTTP (libcurl) with a few connections, and does
 * not give up on a request before it is answered for good or the deadline comes. */
#ifndef XD_SIM_PUBLISHER_H
#define XD_SIM_PUBLISHER_H

#include "sim/plan.h"

#include <stdatomic.h>

enum { XD_PUBLISHER_CONNECTIONS = 4 };

typedef struct xd_publisher_options {
    const char *hub;           /* base URL */
    const char *authorization; /* whole header line, NULL: none */
    uint32_t rate_per_s;       /* events; 0: as fast as it goes */
    int64_t deadline_us;       /* monotonic */
    const atomic_bool *stop;   /* ends it before the deadline when true */
    const atomic_bool *hurry;  /* when true the rate no longer counts */
} xd_publisher_options;

typedef struct xd_published {
    bool *accepted; /* owns; by document: the hub acknowledged it */
    uint64_t sent;  /* documents, each counted once however often it had to be sent */
    uint64_t acknowledged;
    uint64_t repeats_sent;   /* of sent: documents sent a second time on purpose */
    uint64_t refused;        /* for good */
    uint64_t retries;        /* requests sent again */
    char first_refusal[512]; /* what the hub said; "" when it refused nothing */
} xd_published;

/* Sends all of plan. XD_NO_MEMORY, XD_UNAVAILABLE when libcurl does not start; a hub that refuses
 * or never answers is no fault but in the figures. */
XD_CHECKED xd_status xd_publisher_run(const xd_publisher_options *options, const xd_plan *plan,
                                      xd_published *ret, xd_fault *fault);
void xd_published_finish(xd_published *published);

/* Monotonic clock. */
int64_t xd_sim_now_us(void);
void xd_sim_sleep_ms(int64_t ms);

#endif
