/* Transform: the bytes of one file or body of a source into submissions: read as records by the
 * layout, mapped, checked, and pinned with the map's version and the bytes' hash. A record whose
 * map needs a code that is not known goes through as an event of kind document, which its step maps
 * once the code is there. Every other fault refuses the record, with its place in the file and in
 * the map, and nothing of it is accepted. One thread at a time. */
#ifndef XD_INGRESS_TRANSFORM_H
#define XD_INGRESS_TRANSFORM_H

#include "ingress/bulk.h"
#include "ingress/source.h"

/* Most bytes of one file or body: they are kept whole. */
enum { XD_TRANSFORM_MAX_BYTES = 512 << 20 };

typedef struct xd_transform xd_transform;

/* source, bytes and bulk (which counts, and lists what is refused) must outlive the transform;
 * bytes also every submission's done. now: business time of what has none. Faults: XD_LIMIT,
 * XD_NO_MEMORY. */
XD_CHECKED xd_status xd_transform_create(const xd_source *source, xd_str bytes, xd_instant now,
                                         xd_bulk *bulk, xd_transform **ret, xd_fault *fault);
/* Accepts NULL. */
void xd_transform_destroy(xd_transform *transform);

/* The bytes are a piece of a file: what to add to its lines and offsets to have those of the file.
 */
void xd_transform_stand_behind(xd_transform *transform, int64_t lines, int64_t bytes);
/* From now on everything goes into one submission; more than max_batch documents are XD_LIMIT. */
void xd_transform_take_whole(xd_transform *transform);
/* The next submission; *ret NULL at the end. The caller submits it and, when its done has been
 * called, hands it to xd_bulk_settle. XD_LIMIT, XD_NO_MEMORY. */
XD_CHECKED xd_status xd_transform_next(xd_transform *transform, xd_submission **ret,
                                       xd_fault *fault);

#endif
