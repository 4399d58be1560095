/* Compiled maps by the hash of their version: the last ones used are kept, since most documents of
 * a day need the same few. Nothing of a result depends on what is kept. One thread. Private to
 * src/flow. */
#ifndef XD_FLOW_MAPS_H
#define XD_FLOW_MAPS_H

#include "flow/step.h"
#include "mapping/map.h"

/* The map of this hash, compiled from text unless it is kept; *maps is created when NULL. *ret is
 * good until the next call. Faults: those of xd_map_compile. */
XD_CHECKED xd_status xd_maps_get(xd_maps **maps, xd_str hash, xd_str text, const xd_map **ret,
                                 xd_fault *fault);
/* Accepts NULL. */
void xd_maps_destroy(xd_maps *maps);

#endif
