/* Frames of a write-ahead log on their way to its file, many in one write. Private to src/store.
 *
 * SQLite writes each frame in two pieces, a header and a page, and the pieces share a page of the
 * system's cache with their neighbours; written one by one, each piece pays for a call and for that
 * page again.
 *
 * What makes it safe (SQLite's wal.c, sqlite3WalFrames and walIndexWriteHdr):
 *  - Nothing is ever kept back outside the hold of the log's write lock, see xd_gather_allow. So no
 *    other connection writes to the log meanwhile, and none recovers it.
 *  - Others read only frames that a header in shared memory names, and it names none of a
 *    transaction before the write of its commit frame has returned. That write brings everything to
 *    the file first, so shared memory never names a frame that is kept back, and an error has a
 *    call that reports it.
 *  - What is kept back therefore belongs to a transaction that is not committed. When the lock
 *    goes, the transaction was rolled back, and what is left of it is dropped: written later, it
 *    would overwrite frames of others.
 *  - A write that fails keeps what it was to write, and the next call tries again: bytes that were
 *    taken are here or in the file as long as the transaction can still commit. */
#ifndef XD_STORE_GATHER_H
#define XD_STORE_GATHER_H

#include <sqlite3.h>

#include <stdbool.h>

typedef struct xd_gather {
    unsigned char *bytes; /* owns; NULL until there is something to keep back */
    sqlite3_int64 at;     /* where in the file they go */
    int size;             /* whole frames, then at most one header */
    bool allowed;
} xd_gather;

/* Zeros begin one. Frees what it owns and drops what it keeps back. */
void xd_gather_finish(xd_gather *gather);

/* The connection has got (true) or is about to give up (false) the log's write lock. */
void xd_gather_allow(xd_gather *gather, bool allowed);

/* The calls of a VFS on the log's file, with their results: SQLITE_OK or what the file said. A
 * frame that follows the last may be kept back; its page is in the file with all before it when it
 * ends a transaction and SQLITE_OK was returned. After another result this write was not taken. */
int xd_gather_write(xd_gather *gather, sqlite3_file *file, const void *bytes, int n,
                    sqlite3_int64 at);
int xd_gather_read(xd_gather *gather, sqlite3_file *file, void *buffer, int n, sqlite3_int64 at);

/* Brings what is kept back to the file. To be called before anything else is done with the file. */
int xd_gather_flush(xd_gather *gather, sqlite3_file *file);

#endif
