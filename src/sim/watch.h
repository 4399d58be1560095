/* A look at the hub from outside: asks /healthz a few times a second over one connection and counts
 * how often the hub went away, because a hub that was killed may send again what was open then. */
#ifndef XD_SIM_WATCH_H
#define XD_SIM_WATCH_H

#include "base/status.h"

typedef struct xd_watch xd_watch;
XD_CHECKED xd_status xd_watch_start(const char *hub, xd_watch **ret, xd_fault *fault);
/* Times the hub went away after it had been there. */
uint32_t xd_watch_outages(const xd_watch *watch);
/* Accepts NULL. */
void xd_watch_stop(xd_watch *watch);

#endif
