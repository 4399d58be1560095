/* A consistent copy of a database while its hub goes on writing. For `crossdock backup`. */
#ifndef XD_STORE_SQLITE_COPY_H
#define XD_STORE_SQLITE_COPY_H

#include "port/store.h"

/* Copies the database as it is after some commit into two new files (at to, and the log beside it),
 * for their owner only, through SQLite's backup interface: a reader, that never holds the writer
 * up. The state first: a log that is longer than what state was made of is fine. Each page's
 * checksum is verified on the way and set in the copy. The copy is not yet synced. Faults:
 * XD_CORRUPT (a page is damaged: no copy), XD_FULL, XD_IO, and those of opening. On failure pieces
 * may lie there. */
XD_CHECKED xd_status xd_sqlite_copy(const char *from, const char *to, xd_store_progress progress,
                                    void *context, xd_fault *fault);

#endif
