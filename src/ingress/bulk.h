/* Bulk: a stream of NDJSON lines into submissions of a bounded size, each line an event of its own:
 * good lines are accepted, refused ones are counted and listed with their place. Used by the HTTP
 * NDJSON mode and by the watched folders. One stream, one thread at a time. */
#ifndef XD_INGRESS_BULK_H
#define XD_INGRESS_BULK_H

#include "ingress/decode.h"
#include "ingress/lines.h"

enum {
    XD_BULK_CHUNK_BYTES = 256 << 10, /* of lines per submission, unless one line is longer */
    XD_BULK_CHUNK_LINES = 512,
    XD_BULK_MAX_PROBLEMS = 1000 /* refused lines that are listed; all are counted */
};

typedef struct xd_bulk_tally {
    int64_t lines;      /* that were not blank */
    int64_t accepted;   /* new in the log */
    int64_t duplicates; /* already there with the same content */
    int64_t refused;
    int64_t first_seq, last_seq; /* of what is in the log; 0 when nothing */
} xd_bulk_tally;

typedef struct xd_bulk {
    xd_decode_limits limits;
    xd_str actor; /* borrows */
    xd_lines lines;
    xd_bulk_tally tally;
    xd_buf problems; /* JSON objects with commas between them */
    uint32_t problem_count;
    const xd_line *numbers; /* of the events under way; borrows their submission's arena */
    bool is_document;       /* numbers count the elements of one JSON document */
} xd_bulk;

void xd_bulk_init(xd_bulk *bulk, const xd_decode_limits *limits, xd_str actor);
void xd_bulk_finish(xd_bulk *bulk);

/* Most bytes one xd_bulk_add may bring. */
enum { XD_BULK_ADD_BYTES = 256 << 10 };
/* False when there is no memory. */
bool xd_bulk_add(xd_bulk *bulk, xd_str bytes);
/* True when the next submission should be built before more is added. */
bool xd_bulk_is_full(const xd_bulk *bulk);

/* Builds the next submission from the lines at hand; *ret_submission is NULL when there is none to
 * make (all lines were refused, or none is whole yet). last: nothing more will be added. The caller
 * submits it and, when its done has been called, hands it to xd_bulk_settle. XD_NO_MEMORY. */
XD_CHECKED xd_status xd_bulk_next(xd_bulk *bulk, bool last, xd_submission **ret_submission,
                                  xd_fault *fault);
/* Instead of lines: one JSON document, an event or an array of events, each for itself. */
XD_CHECKED xd_status xd_bulk_document(xd_bulk *bulk, xd_str text, xd_submission **ret_submission,
                                      xd_fault *fault);
/* Counts the results of a submission. */
void xd_bulk_count(xd_bulk *bulk, const xd_submission *submission);
/* Counts the results of a submission whose status is XD_OK, and releases it. */
void xd_bulk_settle(xd_bulk *bulk, xd_submission *submission);

/* Records a refusal whose place the fault has: of the whole, when nothing of it could be looked at
 * line by line, or of one record. */
void xd_bulk_refuse(xd_bulk *bulk, xd_fault *fault);

/* Appends "lines":n,"accepted":n,"duplicates":n,"refused":n,"first_seq":n,"last_seq":n,
 * "problems":[...] without braces. */
void xd_bulk_write(const xd_bulk *bulk, xd_buf *buf);

#endif
