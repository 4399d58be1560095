/* Mapper: the maps of what goes out, by version, compiled when the first delivery needs them and
 * kept as long as the process lives (a version is never changed, and few are in use at one time).
 * Versions and codes are read from the store's state, each delivery's as of the event that sent it,
 * so that whatever is made again is made the same. Owns its maps and scratch memory; one thread. */
#ifndef XD_OUTBOUND_MAPPER_H
#define XD_OUTBOUND_MAPPER_H

#include "flow/outmap.h"
#include "outbound/bodies.h"

typedef struct xd_mapper xd_mapper;

/* bodies is borrowed: its store is read. NULL when out of memory. */
xd_mapper *xd_mapper_create(xd_bodies *bodies);
/* Accepts NULL. */
void xd_mapper_destroy(xd_mapper *mapper);

/* A small number for a version ("name@hash"): 1 and up; 0 when out of memory. */
uint32_t xd_mapper_number(xd_mapper *mapper, xd_str version);

/* Appends what delivery->map makes of body, nothing on a fault. *ret is the map, which lives as
 * long as the mapper; *ret_missing, good until the next call, the key of the code that is missing.
 * Faults: those of xd_outmap_write; XD_BUSY (the version or the codes are not
 * in the store yet: try again in a moment); the store's. */
XD_CHECKED xd_status xd_mapper_write(xd_mapper *mapper, const xd_tracked *delivery,
                                     const xd_opened *opened, xd_str system, xd_str body,
                                     xd_buf *buf, const xd_outmap **ret, xd_str *ret_missing,
                                     xd_fault *fault);

#endif
