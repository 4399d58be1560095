/* Inside the SQLite driver: migrations, opening for writing, and the checkpointer. Private to
 * src/store. */
#ifndef XD_STORE_SQLITE_INT_H
#define XD_STORE_SQLITE_INT_H

#include "port/store.h"
#include "store/sqlite/open.h"

enum {
    XD_SQLITE_APPLICATION_ID = 0x58646f63, /* "Xdoc", PRAGMA application_id */
    XD_SQLITE_PAGE_BYTES = 8192 /* measured against 4096 and 16384: fewest bytes and calls per
                                   commit of one to five hundred events together */
};

/* Migrations: migration i brings a database from version i to i + 1. Only ever appended to. */
extern const char *const XD_SQLITE_MIGRATIONS[];
extern const int XD_SQLITE_VERSION;   /* number of migrations */
extern const char XD_SQLITE_TABLES[]; /* migration 0 */
extern const char XD_SQLITE_VIEWS[];  /* migration 1 */

/* Opens the database file for writing, creating and migrating it when needed. Faults as
 * xd_store_sqlite_open, save the lock, which is the caller's. */
XD_CHECKED xd_status xd_sqlite_open_write(const char *path, sqlite3 **ret, xd_fault *fault);
/* The connection of a store made by xd_store_sqlite_open; borrowed. For tests. */
sqlite3 *xd_store_sqlite_connection(xd_store *store);

/* Checkpointer: a thread with a connection of its own that copies the write-ahead log into the
 * database file, so that commits do not. */
typedef struct xd_checkpointer xd_checkpointer;

XD_CHECKED xd_status xd_checkpointer_start(const char *path, xd_checkpointer **ret,
                                           xd_fault *fault);
/* Joins the thread. Accepts NULL. */
void xd_checkpointer_stop(xd_checkpointer *checkpointer);
/* After a commit: the write-ahead log now holds frames pages. */
void xd_checkpointer_note(xd_checkpointer *checkpointer, int frames);
/* Before a transaction: returns at once while the write-ahead log is short; past its limit waits a
 * few milliseconds for the thread to copy the rest, because SQLite starts the file anew only when
 * everything in it has been copied. */
void xd_checkpointer_admit(xd_checkpointer *checkpointer);

#endif
