/* A running hub: wires store, engine, outbound, intake and ingress from a configuration, in the
 * order that lets nobody in before everything behind is ready, and takes them down in the reverse
 * one. Owns all parts. */
#ifndef XD_APP_HUB_H
#define XD_APP_HUB_H

#include "app/config.h"

typedef struct xd_hub xd_hub;

/* Opens the store, recovers, and serves. config is borrowed until stop. */
XD_CHECKED xd_status xd_hub_start(const xd_config *config, xd_hub **ret, xd_fault *fault);
/* False once the engine has failed: the process should end, so that a new start recovers from the
 * log. */
bool xd_hub_healthy(const xd_hub *hub);
/* Takes the keys of a changed configuration, which then belongs to the hub. */
void xd_hub_take_keys(xd_hub *hub, xd_config *changed);
/* Stops taking in, finishes what is under way within config->drain_ms, writes state, frees. Accepts
 * NULL. */
void xd_hub_stop(xd_hub *hub);

#endif
