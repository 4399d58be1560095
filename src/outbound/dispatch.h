/* Dispatch: one turn of delivery, without a thread, a socket or a clock of its own. A turn takes in
 * what the engine offered and recorded, sends what may go, takes the answers and hands outcomes
 * back; outbound.c runs it on a thread over sockets, the simulation runs it with remote systems and
 * time of its own. Everything but the delivery port is called by one thread. */
#ifndef XD_OUTBOUND_DISPATCH_H
#define XD_OUTBOUND_DISPATCH_H

#include "outbound/outbound.h"
#include "outbound/report.h"
#include "outbound/transport.h"

typedef struct xd_dispatch xd_dispatch;

typedef struct xd_outbound_clock {
    int64_t (*monotonic_us)(void);
    xd_instant (*wall)(void);
} xd_outbound_clock;

/* Fills in what is not set, as outbound.h says. */
void xd_remote_fill_defaults(xd_remote_options *remote);

/* options->remotes are borrowed, with defaults filled in, at most XD_SCHEDULE_MAX_LANES. reader is
 * owned from here on (not after a failure); transport is borrowed and must outlive the dispatch.
 * Faults: XD_NO_MEMORY. */
XD_CHECKED xd_status xd_dispatch_create(const xd_outbound_options *options, xd_store *reader,
                                        xd_transport_port transport, xd_outbound_clock clock,
                                        xd_dispatch **ret, xd_fault *fault);
/* Requests under way are forgotten, as at the end of the process. Accepts NULL. */
void xd_dispatch_destroy(xd_dispatch *dispatch);
/* Where results go; before the first turn. */
void xd_dispatch_connect(xd_dispatch *dispatch, xd_engine *engine);
/* For the engine; its functions may be called on any thread. */
xd_delivery_port xd_dispatch_port(xd_dispatch *dispatch);
/* Lets parcels go from now on; outcomes are still taken in. From any thread. */
void xd_dispatch_close(xd_dispatch *dispatch);

/* One turn. stopping: nothing new is sent. */
void xd_dispatch_turn(xd_dispatch *dispatch, bool stopping);
/* The monotonic instant at which a turn is due by itself; XD_NEVER_US when only an event can change
 * that. */
int64_t xd_dispatch_wake_at(const xd_dispatch *dispatch, bool stopping);
/* Before waiting: false when something came meanwhile. */
bool xd_dispatch_may_sleep(xd_dispatch *dispatch);
/* Nothing is under way and nothing is left to record. */
bool xd_dispatch_is_idle(const xd_dispatch *dispatch);
void xd_dispatch_report(xd_dispatch *dispatch, xd_outbound_report *ret);

#endif
