/* Is every byte of a database file what was written? Reads the file itself, page by page, and says
 * for each damaged page what it belongs to. For `crossdock verify`. */
#ifndef XD_STORE_SQLITE_CHECK_H
#define XD_STORE_SQLITE_CHECK_H

#include "port/store.h"

typedef struct xd_damage {
    int64_t page;    /* 1.., 0: not of one page */
    char where[320]; /* "table log, rows 1201 to 1300" */
    char what[160];  /* "does not match its checksum" */
} xd_damage;

typedef void (*xd_damage_visit)(void *context, const xd_damage *damage);

typedef struct xd_page_figures {
    int64_t pages;
    int64_t damaged;
    int64_t unsummed; /* without a checksum: another program wrote them; told as damage too */
} xd_page_figures;

/* Reads every page. Beside a running hub it is read again for a moment before it counts as damaged,
 * because a checkpoint may be writing it. The caller has no SQLite connection to the file in this
 * process (closing the file would drop its locks). XD_OK also when there is damage; XD_CONFLICT,
 * rule "store.older": of a version without checksums; XD_NOT_FOUND, XD_IO, XD_NO_MEMORY. */
XD_CHECKED xd_status xd_sqlite_check_pages(const char *path, xd_store_progress progress,
                                           xd_damage_visit visit, void *context,
                                           xd_page_figures *ret, xd_fault *fault);

typedef struct xd_wal_figures {
    int64_t bytes;
    int64_t frames; /* pages in committed transactions */
} xd_wal_figures;

/* The write-ahead log beside the file, when there is one: SQLite ignores everything from its first
 * damaged frame on, without a word. Damage is told apart from the torn end that a crash leaves:
 * behind damage whole transactions follow. */
XD_CHECKED xd_status xd_sqlite_check_wal(const char *path, xd_damage_visit visit, void *context,
                                         xd_wal_figures *ret, xd_fault *fault);

/* PRAGMA integrity_check on both files (path is the state's): trees, order, and each index against
 * its table, entry by entry; then the register of events against the log. */
XD_CHECKED xd_status xd_sqlite_check_structure(const char *path, xd_store_mode mode,
                                               xd_damage_visit visit, void *context,
                                               xd_fault *fault);

#endif
