/* Frames of a write-ahead log, many in one write. See gather.h. Owns the buffer; calls the file. */
#include "gather.h"

#include "page_sum.h"

#include <stdlib.h>
#include <string.h>

enum {
    HEADER_BYTES = 24, /* SQLite, "WAL-mode File Format", 2.1 */
    COMMIT_AT = 4,     /* size of the database after a commit, else zero */
    COMMIT_BYTES = 4,
    FRAME_BYTES = HEADER_BYTES + XD_SQLITE_PAGE_BYTES,
    ROOM_FRAMES = 15, /* measured: 7 save a little less */
    ROOM_BYTES = ROOM_FRAMES * FRAME_BYTES
};

/* SQLite's unix VFS keeps 17 bits of the size of a write, and takes what was left out for a full
 * disk. */
_Static_assert(ROOM_BYTES < 1 << 17, "one write");

void xd_gather_finish(xd_gather *gather)
{
    free(gather->bytes);
    *gather = (xd_gather){0};
}

void xd_gather_allow(xd_gather *gather, bool allowed)
{
    gather->allowed = allowed;
    gather->size = 0;
}

int xd_gather_flush(xd_gather *gather, sqlite3_file *file)
{
    if (gather->size == 0) {
        return SQLITE_OK;
    }
    int rc = file->pMethods->xWrite(file, gather->bytes, gather->size, gather->at);
    if (rc == SQLITE_OK) {
        gather->size = 0;
    }
    return rc;
}

static bool ends_transaction(const unsigned char *header)
{
    static const unsigned char no[COMMIT_BYTES];
    return memcmp(header + COMMIT_AT, no, COMMIT_BYTES) != 0;
}

static void keep(xd_gather *gather, const void *bytes, int n, sqlite3_int64 at)
{
    if (gather->size == 0) {
        gather->at = at;
    }
    memcpy(gather->bytes + gather->size, bytes, (size_t)n);
    gather->size += n;
}

/* A commit frame's header is kept back only behind other frames. SQLite also writes headers alone,
 * when it sums a transaction's frames anew, and no page follows the last of those; each of them is
 * elsewhere than where the one before ended, so nothing is kept back when it comes. */
static bool may_keep_header(xd_gather *gather, const unsigned char *header)
{
    if (!gather->allowed || (gather->size == 0 && ends_transaction(header))) {
        return false;
    }
    if (!gather->bytes) {
        gather->bytes = malloc(ROOM_BYTES);
    }
    return gather->bytes != NULL; /* without memory each write goes its own way */
}

static int keep_page(xd_gather *gather, sqlite3_file *file, const void *page, sqlite3_int64 at)
{
    bool commit = ends_transaction(gather->bytes + gather->size - HEADER_BYTES);
    keep(gather, page, XD_SQLITE_PAGE_BYTES, at);
    if (!commit && gather->size < ROOM_BYTES) {
        return SQLITE_OK;
    }
    int rc = xd_gather_flush(gather, file);
    if (rc != SQLITE_OK) {
        gather->size -= XD_SQLITE_PAGE_BYTES;
    }
    return rc;
}

int xd_gather_write(xd_gather *gather, sqlite3_file *file, const void *bytes, int n,
                    sqlite3_int64 at)
{
    bool follows = gather->size == 0 || at == gather->at + gather->size;
    bool after_header = gather->size % FRAME_BYTES == HEADER_BYTES;
    if (follows && after_header && n == XD_SQLITE_PAGE_BYTES) {
        return keep_page(gather, file, bytes, at);
    }
    if (!follows || after_header || n != HEADER_BYTES) {
        int rc = xd_gather_flush(gather, file);
        if (rc != SQLITE_OK) {
            return rc;
        }
    }
    if (n == HEADER_BYTES && may_keep_header(gather, bytes)) {
        keep(gather, bytes, n, at);
        return SQLITE_OK;
    }
    return file->pMethods->xWrite(file, bytes, n, at);
}

int xd_gather_read(xd_gather *gather, sqlite3_file *file, void *buffer, int n, sqlite3_int64 at)
{
    sqlite3_int64 end = gather->at + gather->size;
    if (gather->size > 0 && at >= gather->at && at + n <= end) {
        memcpy(buffer, gather->bytes + (at - gather->at), (size_t)n);
        return SQLITE_OK;
    }
    if (gather->size > 0 && at < end && at + n > gather->at) {
        int rc = xd_gather_flush(gather, file);
        if (rc != SQLITE_OK) {
            return rc;
        }
    }
    return file->pMethods->xRead(file, buffer, n, at);
}
