/* Page checksums between SQLite and the disk. See vfs.h, docs/adr/0005.
 *
 * Only the database file carries sums; the write-ahead log has SQLite's own. So sums are computed
 * where pages go from the log to the file: on the checkpoint thread, never inside a commit. A page
 * that comes from the file enters SQLite with zeros where its sum was. Should another program (a
 * sqlite3 shell after a crash) carry the log over into the file, its pages therefore say "not
 * summed" instead of bearing the sum of older bytes.
 *
 * On their way to the log, frames are gathered (gather.h). The database file is written page by
 * page: a checkpoint that stops short of the log's end counts its pages as copied without a sync or
 * another call that could report an error, so none of them may be kept back.
 *
 * Files with another page size or reserve (databases of others, and of Crossdock before schema 3)
 * pass through untouched. */
#include "vfs.h"

#include "gather.h"
#include "page_sum.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    HEADER_BYTES = 100,
    PAGE_SIZE_AT = 16,
    RESERVE_AT = 20,
    WRITE_LOCK = 0 /* WAL_WRITE_LOCK (SQLite, "WAL-mode File Format", 2.3.1) */
};

typedef struct summed_file {
    sqlite3_file base;
    sqlite3_file *inner; /* owns; of the default VFS */
    bool database;       /* not a log or a temporary file */
    bool summed;         /* its header says so */
    unsigned char *page; /* owns; for sealing, so that SQLite's buffers stay as they are */
    /* Borrows: a database file and its write-ahead log, of one connection, know each other. */
    struct summed_file *peer;
    xd_gather gather; /* of a log */
} summed_file;

static summed_file *self_of(sqlite3_file *file)
{
    return (summed_file *)(void *)file;
}

static sqlite3_file *inner_of(sqlite3_file *file)
{
    return self_of(file)->inner;
}

static void note_header(summed_file *self, const unsigned char *header)
{
    int size = header[PAGE_SIZE_AT] << 8 | header[PAGE_SIZE_AT + 1];
    self->summed = size == XD_SQLITE_PAGE_BYTES && header[RESERVE_AT] == XD_SQLITE_RESERVED_BYTES;
}

static bool whole_page(const summed_file *self, int n, sqlite3_int64 at)
{
    return self->summed && n == XD_SQLITE_PAGE_BYTES && at % XD_SQLITE_PAGE_BYTES == 0;
}

static uint32_t page_number(sqlite3_int64 at)
{
    return (uint32_t)(at / XD_SQLITE_PAGE_BYTES) + 1;
}

/* SQLite takes a short read for the end of the file and the rest for zeros; a device that ends
 * early elsewhere must not pass as one. */
static bool past_end(summed_file *self, int n, sqlite3_int64 at)
{
    sqlite3_int64 size = 0;
    return self->inner->pMethods->xFileSize(self->inner, &size) == SQLITE_OK && at + n > size;
}

static int file_read(sqlite3_file *file, void *buffer, int n, sqlite3_int64 at)
{
    summed_file *self = self_of(file);
    int rc = xd_gather_read(&self->gather, self->inner, buffer, n, at);
    if (rc == SQLITE_IOERR_SHORT_READ && self->database) {
        return past_end(self, n, at) ? rc : SQLITE_IOERR_READ;
    }
    if (rc != SQLITE_OK || !self->database) {
        return rc;
    }
    if (at == 0 && n >= HEADER_BYTES) {
        note_header(self, buffer);
    }
    if (whole_page(self, n, at)) {
        if (xd_page_check(buffer, page_number(at)) == XD_PAGE_DAMAGED) {
            sqlite3_log(SQLITE_IOERR_DATA, "page %u does not match its checksum", page_number(at));
            return SQLITE_IOERR_DATA;
        }
        memset((char *)buffer + XD_SQLITE_SUMMED_BYTES, 0, XD_SQLITE_SUM_BYTES);
    }
    return SQLITE_OK;
}

static int file_write(sqlite3_file *file, const void *buffer, int n, sqlite3_int64 at)
{
    summed_file *self = self_of(file);
    if (self->database && at == 0 && n >= HEADER_BYTES) {
        note_header(self, buffer);
    }
    if (self->database && whole_page(self, n, at)) {
        memcpy(self->page, buffer, (size_t)n);
        xd_page_seal(self->page, page_number(at));
        buffer = self->page;
    }
    return xd_gather_write(&self->gather, self->inner, buffer, n, at);
}

static void part(summed_file *self)
{
    if (self->peer) {
        self->peer->peer = NULL;
        self->peer = NULL;
    }
}

static int file_close(sqlite3_file *file)
{
    summed_file *self = self_of(file);
    part(self);
    xd_gather_finish(&self->gather);
    int rc = self->inner->pMethods ? self->inner->pMethods->xClose(self->inner) : SQLITE_OK;
    free(self->inner);
    free(self->page);
    self->inner = NULL;
    self->page = NULL;
    return rc;
}

/* --- these meet the whole file --- */

static int bring(sqlite3_file *file)
{
    return xd_gather_flush(&self_of(file)->gather, inner_of(file));
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    int rc = bring(file);
    return rc == SQLITE_OK ? inner_of(file)->pMethods->xTruncate(inner_of(file), size) : rc;
}

static int file_sync(sqlite3_file *file, int flags)
{
    int rc = bring(file);
    return rc == SQLITE_OK ? inner_of(file)->pMethods->xSync(inner_of(file), flags) : rc;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *ret)
{
    int rc = bring(file);
    return rc == SQLITE_OK ? inner_of(file)->pMethods->xFileSize(inner_of(file), ret) : rc;
}

static int file_control(sqlite3_file *file, int operation, void *argument)
{
    int rc = bring(file);
    return rc == SQLITE_OK
               ? inner_of(file)->pMethods->xFileControl(inner_of(file), operation, argument)
               : rc;
}

/* --- locks of shared memory: whoever holds the one of writers may keep frames back --- */

static int file_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    summed_file *log = offset == WRITE_LOCK ? self_of(file)->peer : NULL;
    if (log && flags & SQLITE_SHM_UNLOCK) {
        xd_gather_allow(&log->gather, false);
    }
    int rc = inner_of(file)->pMethods->xShmLock(inner_of(file), offset, n, flags);
    if (log && rc == SQLITE_OK && flags == (SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE)) {
        xd_gather_allow(&log->gather, true);
    }
    return rc;
}

/* --- everything else goes through as it is --- */

static int file_lock(sqlite3_file *file, int lock)
{
    return inner_of(file)->pMethods->xLock(inner_of(file), lock);
}

static int file_unlock(sqlite3_file *file, int lock)
{
    return inner_of(file)->pMethods->xUnlock(inner_of(file), lock);
}

static int file_check_lock(sqlite3_file *file, int *ret)
{
    return inner_of(file)->pMethods->xCheckReservedLock(inner_of(file), ret);
}

static int file_sector_size(sqlite3_file *file)
{
    return inner_of(file)->pMethods->xSectorSize(inner_of(file));
}

static int file_traits(sqlite3_file *file)
{
    return inner_of(file)->pMethods->xDeviceCharacteristics(inner_of(file));
}

static int file_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **ret)
{
    return inner_of(file)->pMethods->xShmMap(inner_of(file), page, size, extend, ret);
}

static void file_shm_barrier(sqlite3_file *file)
{
    inner_of(file)->pMethods->xShmBarrier(inner_of(file));
}

static int file_shm_unmap(sqlite3_file *file, int remove)
{
    if (self_of(file)->peer) { /* its locks go with it */
        xd_gather_allow(&self_of(file)->peer->gather, false);
    }
    return inner_of(file)->pMethods->xShmUnmap(inner_of(file), remove);
}

/* Version 2: no memory mapping, which would go around the sums. */
static const sqlite3_io_methods METHODS = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_traits,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

/* --- the VFS --- */

/* Looked up each time, so that a test may put a layer of its own below this one. */
static sqlite3_vfs *below(void)
{
    return sqlite3_vfs_find(NULL);
}

/* Only a log that knows its database hears of the lock. */
static void join(summed_file *log, sqlite3_file *database)
{
    if (database && database->pMethods == &METHODS) {
        part(self_of(database));
        log->peer = self_of(database);
        log->peer->peer = log;
    }
}

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                    int *ret_flags)
{
    (void)vfs;
    sqlite3_vfs *system = below();
    summed_file *self = self_of(file);
    *self = (summed_file){.database = flags & SQLITE_OPEN_MAIN_DB};
    self->inner = calloc(1, (size_t)system->szOsFile);
    self->page = self->database ? malloc(XD_SQLITE_PAGE_BYTES) : NULL;
    /* A database that does not exist yet begins with what SQLite writes at offset 0, except a copy
     * being made by the backup interface, which may write page 1 late: the URI says so. */
    self->summed = self->database && sqlite3_uri_boolean(name, "summed", 0);
    if (!self->inner || (self->database && !self->page)) {
        free(self->inner);
        free(self->page);
        return SQLITE_NOMEM;
    }
    int rc = system->xOpen(system, name, self->inner, flags, ret_flags);
    if (rc != SQLITE_OK) {
        file_close(file);
        return rc;
    }
    self->base.pMethods = &METHODS;
    if (flags & SQLITE_OPEN_WAL) {
        join(self, sqlite3_database_file_object(name));
    }
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    (void)vfs;
    return below()->xDelete(below(), name, sync);
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret)
{
    (void)vfs;
    return below()->xAccess(below(), name, flags, ret);
}

static int vfs_full_name(sqlite3_vfs *vfs, const char *name, int n, char *ret)
{
    (void)vfs;
    return below()->xFullPathname(below(), name, n, ret);
}

static int vfs_random(sqlite3_vfs *vfs, int n, char *ret)
{
    (void)vfs;
    return below()->xRandomness(below(), n, ret);
}

static int vfs_sleep(sqlite3_vfs *vfs, int us)
{
    (void)vfs;
    return below()->xSleep(below(), us);
}

static int vfs_time(sqlite3_vfs *vfs, double *ret)
{
    (void)vfs;
    return below()->xCurrentTime(below(), ret);
}

static int vfs_error(sqlite3_vfs *vfs, int n, char *ret)
{
    (void)vfs;
    return below()->xGetLastError(below(), n, ret);
}

static int vfs_time_int(sqlite3_vfs *vfs, sqlite3_int64 *ret)
{
    (void)vfs;
    return below()->xCurrentTimeInt64(below(), ret);
}

int xd_sqlite_vfs_register(void)
{
    /* SQLite keeps and links this object, so it cannot be const. */
    static sqlite3_vfs vfs = {
        .iVersion = 2,
        .szOsFile = sizeof(summed_file),
        .zName = XD_SQLITE_VFS,
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_name,
        .xRandomness = vfs_random,
        .xSleep = vfs_sleep,
        .xCurrentTime = vfs_time,
        .xGetLastError = vfs_error,
        .xCurrentTimeInt64 = vfs_time_int,
    };
    int rc = sqlite3_initialize();
    if (rc != SQLITE_OK || !below()) {
        return rc != SQLITE_OK ? rc : SQLITE_ERROR;
    }
    vfs.mxPathname = below()->mxPathname;
    return sqlite3_vfs_register(&vfs, 0);
}
