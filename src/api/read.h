/* The read side: answers questions about documents, holds, deliveries and the journal from the
 * database file, as JSON. One dispatcher serves HTTP and the command line alike; docs/read.md
 * describes every route and its members. Runs beside a hub or without one. Writes nothing.
 *
 * State is written by the hub within about 100 ms of the event; /status tells how far it is. */
#ifndef XD_API_READ_H
#define XD_API_READ_H

#include "base/time.h"
#include "port/read.h"

typedef struct xd_reader xd_reader;

/* Opens the database for reading; path is copied. clock gives the present for ages. Connections are
 * kept for reuse; any number of threads may ask at once. Faults: XD_NOT_FOUND (no such file),
 * XD_CONFLICT (schema of another version), XD_CORRUPT, XD_IO, XD_BUSY, XD_NO_MEMORY. */
XD_CHECKED xd_status xd_read_open(const char *path, xd_instant (*clock)(void), xd_reader **ret,
                                  xd_fault *fault);
/* No request may be under way. Accepts NULL. */
void xd_read_close(xd_reader *reader);

/* Answers one request; context is an xd_reader. Lists are pages
 * {"items":[...],"next":"<cursor>"|null}; query arguments "limit" (1..1000, default 100) and
 * "cursor". Appends to ret_body, which keeps its length on failure. Faults: XD_NOT_FOUND (no such
 * document or route), XD_INVALID (argument), XD_LIMIT (the answer is larger than ret_body may be),
 * and those of the store. */
XD_CHECKED xd_status xd_read_dispatch(void *context, const xd_read_request *request,
                                      xd_buf *ret_body, xd_fault *fault);

#endif
