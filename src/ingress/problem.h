/* Problem documents (RFC 9457): how a fault looks to an HTTP client. Pure. */
#ifndef XD_INGRESS_PROBLEM_H
#define XD_INGRESS_PROBLEM_H

#include "base/buf.h"
#include "base/status.h"

/* HTTP status of a fault: 400 for what cannot be read (rules "json.*", "http.*"), 422 for what
 * breaks a rule, 413 for a limit, 409, 403, 404, 503, 507, 500. */
unsigned xd_problem_status(const xd_fault *fault);

/* Appends {"type","title","status","detail","rule","pointer","line","column","offset","index"};
 * members that are unknown are left out. index is that of the event in a batch, -1 when there is
 * none. */
void xd_problem_write(xd_buf *buf, unsigned status, const xd_fault *fault, int64_t index);

/* Appends the members rule, pointer, line, column, offset and detail, without braces: one refused
 * line of an NDJSON body or file. */
void xd_problem_write_place(xd_buf *buf, const xd_fault *fault);

#endif
