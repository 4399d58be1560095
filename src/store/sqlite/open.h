/* Read connections to the database file and the meaning of SQLite's result codes: for those who ask
 * in SQL. */
#ifndef XD_STORE_SQLITE_OPEN_H
#define XD_STORE_SQLITE_OPEN_H

#include "base/status.h"
#include "base/str.h"

#include <sqlite3.h>

/* Fills *fault from a SQLite result code and returns ours. doing is a phrase such as "appending to
 * the log"; db may be NULL. */
xd_status xd_sqlite_fail(xd_fault *fault, sqlite3 *db, int rc, const char *path, const char *doing);

/* A text of the row, borrowed; "" for NULL. Needs no memory, so that a text that is there is never
 * taken for absent; a number would need some, and is cast in SQL (which then fails) or read as one.
 */
xd_str xd_sqlite_text(sqlite3_stmt *s, int column);

/* Path of the log's file beside the state's: "crossdock.db", "crossdock-log.db". Freed by
 * sqlite3_free; NULL when out of memory. */
char *xd_sqlite_log_path(const char *path);

/* Opens a read-only connection to a database of exactly our version, with the log's file attached:
 * tables of both are found by their names. XD_NOT_FOUND when there is no such file. */
XD_CHECKED xd_status xd_sqlite_open_read(const char *path, sqlite3 **ret, xd_fault *fault);
/* The same for files that nobody writes (a backup): no locks, no files beside it, a write-ahead
 * log that lies there is not looked at. */
XD_CHECKED xd_status xd_sqlite_open_still(const char *path, sqlite3 **ret, xd_fault *fault);

/* The schema version of the state's file that this program writes. */
extern const int XD_SQLITE_VERSION;

/* While this file lies beside the database, a restore is under way or was interrupted, and the
 * database cannot be opened for writing. */
#define XD_SQLITE_RESTORING ".restoring"

/* Takes the lock that a hub holds while it runs on the database at path; closing *ret_fd gives it
 * back. XD_BUSY, rule "store.in_use"; XD_IO, XD_FULL. */
XD_CHECKED xd_status xd_sqlite_take_lock(const char *path, int *ret_fd, xd_fault *fault);

#endif
