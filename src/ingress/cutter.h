/* Cutter: a long file of a source into pieces that each stand on their own: cut between records
 * (never within what `by` holds together), with what stands before the first record, such as a
 * header line, repeated in front of each. A file of one piece stays as it is. Holds one piece and
 * the lines under way; pure. */
#ifndef XD_INGRESS_CUTTER_H
#define XD_INGRESS_CUTTER_H

#include "ingress/source.h"

/* Most bytes of a piece, unless the caller wants less. */
enum { XD_CUTTER_BYTES = 4 << 20 };

typedef struct xd_cutter xd_cutter;

typedef struct xd_piece {
    xd_str bytes; /* ptr NULL: there is none (yet); borrows the cutter until next is called */
    size_t taken; /* bytes of the file that it stands for */
    int64_t lines_before; /* what to add to its line numbers to have those of the file */
    int64_t bytes_before; /* the same for offsets */
    bool over;            /* nothing behind it can be read */
} xd_piece;

/* Whether files of the source can be cut: CSV and NDJSON can. */
bool xd_cutter_can(const xd_source *source);
/* source must outlive the cutter. piece_bytes at least 1 KiB. */
XD_CHECKED xd_status xd_cutter_create(const xd_source *source, size_t piece_bytes, xd_cutter **ret,
                                      xd_fault *fault);
/* Accepts NULL. */
void xd_cutter_destroy(xd_cutter *cutter);

/* Most bytes one xd_cutter_add may bring. */
enum { XD_CUTTER_ADD_BYTES = 256 << 10 };
/* False when there is no memory. Call next until there is no piece before adding more. */
bool xd_cutter_add(xd_cutter *cutter, xd_str bytes);
/* The next piece. last: nothing more will be added. Faults: XD_LIMIT (no place to cut within a
 * piece; with the line), XD_NO_MEMORY. */
XD_CHECKED xd_status xd_cutter_next(xd_cutter *cutter, bool last, xd_piece *ret, xd_fault *fault);

#endif
