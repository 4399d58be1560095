/* Read connections to the database file and the meaning of SQLite's result codes: for those who ask
 * in SQL. */
#ifndef XD_STORE_SQLITE_OPEN_H
#define XD_STORE_SQLITE_OPEN_H

#include "base/status.h"

#include <sqlite3.h>

/* Fills *fault from a SQLite result code and returns ours. doing is a phrase such as "appending to
 * the log"; db may be NULL. */
xd_status xd_sqlite_fail(xd_fault *fault, sqlite3 *db, int rc, const char *path, const char *doing);

/* Opens a read-only connection to a database of exactly our version. XD_NOT_FOUND when there is no
 * such file. */
XD_CHECKED xd_status xd_sqlite_open_read(const char *path, sqlite3 **ret, xd_fault *fault);

#endif
