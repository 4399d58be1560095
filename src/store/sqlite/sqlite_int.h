/* Inside the SQLite driver: migrations, opening for writing, and the checkpointer. Private to
 * src/store. */
#ifndef XD_STORE_SQLITE_INT_H
#define XD_STORE_SQLITE_INT_H

#include "port/store.h"
#include "store/sqlite/open.h"
#include "store/sqlite/page_sum.h"

enum { XD_SQLITE_APPLICATION_ID = 0x58646f63 /* "Xdoc", PRAGMA application_id */ };

/* From this version on every page of the state's file carries a checksum; older files are rewritten
 * whole. From the one after next on the log is in a file of its own. */
enum { XD_SQLITE_SUMMED_VERSION = 3, XD_SQLITE_SPLIT_VERSION = 4 };

/* What the file of a write-ahead log may have for good: when the log begins anew, a longer one is
 * shortened to this (PRAGMA journal_size_limit). As a rule it begins anew before, see checkpoint.c.
 */
enum { XD_SQLITE_WAL_BYTES = 64 << 20 };

typedef struct xd_sqlite_migration {
    const char *sql; /* moving(x) in it is x, and counts a row */
    /* For one that takes its time where the file is large, else NULL. */
    const char *what; /* for people */
    const char *rows; /* SELECT of how many it goes through */
    int passes;       /* how often it counts each */
} xd_sqlite_migration;

/* One of the two files. */
typedef struct xd_sqlite_file {
    const char *path;
    const xd_sqlite_migration *migrations; /* i brings it to version i + 1; only ever appended to */
    int newest;                            /* the version this program writes */
    int summed;                            /* the version from which on its pages carry checksums */
} xd_sqlite_file;

xd_sqlite_file xd_sqlite_state_file(const char *path);
xd_sqlite_file xd_sqlite_log_file(const char *path);
extern const char XD_SQLITE_VIEWS[];
extern const char XD_SQLITE_EVENT_VIEWS[];
extern const char XD_SQLITE_CODE_VIEWS[];
extern const char XD_SQLITE_RECEIPT_VIEW[];
extern const char XD_SQLITE_KIND_VIEWS[];
extern const char XD_SQLITE_EXCEPTION_VIEWS[];
/* Run in the log's file with the old database attached as old. */
extern const xd_sqlite_migration XD_SQLITE_MOVE_LOG;

/* What the header of a database says. */
typedef struct xd_sqlite_identity {
    int64_t application;
    int64_t version;
    int64_t objects; /* tables and views */
    int64_t page_bytes;
    int reserved_bytes;
    bool fresh; /* nobody's yet */
} xd_sqlite_identity;

XD_CHECKED xd_status xd_sqlite_identify(sqlite3 *db, const char *path, xd_sqlite_identity *ret,
                                        xd_fault *fault);
/* Ours, not newer than this program, and laid out as its version should be. */
XD_CHECKED xd_status xd_sqlite_check_identity(const xd_sqlite_identity *is,
                                              const xd_sqlite_file *file, xd_fault *fault);

/* A connection through the checksum layer; name is a path or, with SQLITE_OPEN_URI, a URI. */
XD_CHECKED xd_status xd_sqlite_connect(const char *name, int flags, int busy_ms, sqlite3 **ret,
                                       xd_fault *fault);
/* Runs SQL without results. */
XD_CHECKED xd_status xd_sqlite_do(sqlite3 *db, const char *sql, const char *path, const char *doing,
                                  xd_fault *fault);
/* "file:PATH?PARAMETERS" for sqlite3_free; NULL when out of memory. */
char *xd_sqlite_uri(const char *path, const char *parameters);
/* Makes an empty file for its owner only, unless there is one. */
XD_CHECKED xd_status xd_sqlite_create_private(const char *path, xd_fault *fault);

/* Who is told of an upgrade. */
typedef struct xd_sqlite_teller {
    xd_store_tell_upgrade tell; /* or NULL */
    void *context;
} xd_sqlite_teller;

/* One number from SQL; an SQLite result code. ret is untouched when there is no row. */
int xd_sqlite_number(sqlite3 *db, const char *sql, int64_t *ret);

/* Runs migrations from (exclusive of what is done) to a version, and then more (or NULL), in one
 * transaction. file->path is the name for faults. */
XD_CHECKED xd_status xd_sqlite_migrate(sqlite3 *db, const xd_sqlite_file *file, int64_t from,
                                       int64_t to, const xd_sqlite_migration *more,
                                       xd_sqlite_teller teller, xd_fault *fault);
/* Writes the database anew with room for checksums and puts the new file in the old one's place, in
 * one step. Closes db in any case. */
XD_CHECKED xd_status xd_sqlite_rewrite(sqlite3 *db, const char *path, int64_t version,
                                       xd_sqlite_teller teller, xd_fault *fault);

/* Creates and upgrades both files when needed. Faults as xd_store_sqlite_open, save the lock, which
 * is the caller's. */
XD_CHECKED xd_status xd_sqlite_prepare(const char *path, const char *log_path,
                                       xd_sqlite_teller teller, xd_fault *fault);
/* Connections for writing to files that are prepared. */
XD_CHECKED xd_status xd_sqlite_open_state(const char *path, sqlite3 **ret, xd_fault *fault);
XD_CHECKED xd_status xd_sqlite_open_log(const char *log_path, sqlite3 **ret, xd_fault *fault);
/* Reads one of the two files only. */
XD_CHECKED xd_status xd_sqlite_open_part(const xd_sqlite_file *file, sqlite3 **ret,
                                         xd_fault *fault);
/* Connections of a store made by xd_store_sqlite_open; borrowed. For tests. */
sqlite3 *xd_store_sqlite_connection(xd_store *store, bool log);

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
