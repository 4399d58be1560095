/* Codes for one run of a map: what $xref and $uom ask, answered from state documents. Pure. */
#ifndef XD_FLOW_LOOK_H
#define XD_FLOW_LOOK_H

#include "flow/step.h"
#include "mapping/map.h"

typedef struct xd_look {
    xd_state_view view; /* where crosswalk documents are read */
    xd_instant at;      /* codes in force at this instant */
    int64_t seq;        /* as state was right after this event; INT64_MAX: as it is */
    xd_arena *arena;    /* borrows: that of the run */
    xd_str missing;     /* key of the code that was asked for last and not there; ptr NULL: none */
} xd_look;

/* The world of a run: look is borrowed, $now() is its instant. */
xd_map_world xd_look_world(xd_look *look, uint64_t seed);

#endif
