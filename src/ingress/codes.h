/* The codes of all crosswalks in memory, for maps that run beside the engine: loaded from state
 * once, then told of every change. It may be a moment behind the log, which is safe: a code that is
 * missed here only makes its record go through the log as it is, where its own step looks again.
 * Owns the index and a lock; thread-safe after loading. */
#ifndef XD_INGRESS_CODES_H
#define XD_INGRESS_CODES_H

#include "canon/event.h"
#include "mapping/crosswalk.h"
#include "mapping/map.h"
#include "port/store.h"

typedef struct xd_codes xd_codes;

XD_CHECKED xd_status xd_codes_create(xd_codes **ret, xd_fault *fault);
/* Accepts NULL. */
void xd_codes_destroy(xd_codes *codes);
/* Enters every code in the store's state. */
XD_CHECKED xd_status xd_codes_load(xd_codes *codes, xd_store *store, xd_fault *fault);
/* Enters one row, as xd_crosswalk_put does. */
XD_CHECKED xd_status xd_codes_put(xd_codes *codes, const xd_crosswalk_row *row, xd_fault *fault);
/* Takes a crosswalk event that was stepped; self is an xd_codes. */
void xd_codes_take(void *self, const xd_event *event);

/* One run of a map at an instant. */
typedef struct xd_codes_look {
    xd_codes *codes;
    xd_instant at;
    bool guess;   /* answer a code that is not there with itself, to see how far the map would go */
    bool missing; /* set when a code was asked for that is not there */
} xd_codes_look;
/* look is borrowed. */
xd_map_world xd_codes_world(xd_codes_look *look);

#endif
