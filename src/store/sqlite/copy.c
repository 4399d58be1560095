/* The copy. See copy.h. */
#include "copy.h"

#include "sqlite_int.h"

#include <unistd.h>

/* Written out piece by piece: one large fsync at the end would hold up those of the hub, which
 * share the disk with it. */
enum { STEP_PAGES = 256, SYNC_EVERY_STEPS = 4, BUSY_MS = 2000 };

static const char COPYING[] = "copying the database";

static xd_status open_copy(const char *path, sqlite3 **ret, xd_fault *fault)
{
    XD_TRY(xd_sqlite_create_private(path, fault));
    char *uri = xd_sqlite_uri(path, "summed=1");
    if (!uri) {
        return xd_fail(fault, XD_NO_MEMORY, "store.memory", "no memory to copy the database");
    }
    sqlite3 *db = NULL;
    xd_status status =
        xd_sqlite_connect(uri, SQLITE_OPEN_READWRITE | SQLITE_OPEN_URI, BUSY_MS, &db, fault);
    sqlite3_free(uri);
    if (status != XD_OK) {
        return status;
    }
    /* Nobody else knows of the file yet, and the caller syncs it once. */
    status =
        xd_sqlite_do(db, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF", path, COPYING, fault);
    if (status != XD_OK) {
        sqlite3_close(db);
        return status;
    }
    *ret = db;
    return XD_OK;
}

static int sync_so_far(sqlite3 *to)
{
    sqlite3_file *file = NULL;
    int rc = sqlite3_file_control(to, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    return rc == SQLITE_OK && file->pMethods
               ? file->pMethods->xSync(file, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY)
               : rc;
}

static xd_status copy_pages(sqlite3 *from, sqlite3 *to, const char *path,
                            xd_store_progress progress, void *context, xd_fault *fault)
{
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
    if (!backup) {
        return xd_sqlite_fail(fault, to, sqlite3_errcode(to), path, COPYING);
    }
    int rc = SQLITE_OK;
    for (int i = 1; rc == SQLITE_OK; i++) {
        rc = sqlite3_backup_step(backup, STEP_PAGES);
        rc = rc == SQLITE_OK && i % SYNC_EVERY_STEPS == 0 ? sync_so_far(to) : rc;
        int64_t total = sqlite3_backup_pagecount(backup);
        if (progress) {
            progress(context, (total - sqlite3_backup_remaining(backup)) * XD_SQLITE_PAGE_BYTES,
                     total * XD_SQLITE_PAGE_BYTES);
        }
    }
    int finished = sqlite3_backup_finish(backup);
    if (rc == SQLITE_DONE) {
        rc = finished == SQLITE_OK ? SQLITE_DONE : finished;
    }
    return rc == SQLITE_DONE ? XD_OK : xd_sqlite_fail(fault, NULL, rc, path, COPYING);
}

/* The transaction keeps the source at one commit from the first page to the last. */
static xd_status copy_snapshot(sqlite3 *from, const char *path, const char *to,
                               xd_store_progress progress, void *context, xd_fault *fault)
{
    sqlite3 *copy = NULL;
    XD_TRY(open_copy(to, &copy, fault));
    xd_status status =
        xd_sqlite_do(from, "BEGIN; SELECT count(*) FROM sqlite_schema", path, COPYING, fault);
    if (status == XD_OK) {
        status = copy_pages(from, copy, path, progress, context, fault);
    }
    sqlite3_close(copy);
    return status;
}

static xd_status copy_file(const xd_sqlite_file *file, const char *to, xd_store_progress progress,
                           void *context, xd_fault *fault)
{
    sqlite3 *source = NULL;
    XD_TRY(xd_sqlite_open_part(file, &source, fault));
    xd_status status = copy_snapshot(source, file->path, to, progress, context, fault);
    sqlite3_close(source);
    return status;
}

xd_status xd_sqlite_copy(const char *from, const char *to, xd_store_progress progress,
                         void *context, xd_fault *fault)
{
    char *log_from = xd_sqlite_log_path(from);
    char *log_to = xd_sqlite_log_path(to);
    xd_status status = log_from && log_to ? XD_OK
                                          : xd_fail(fault, XD_NO_MEMORY, "store.memory",
                                                    "no memory to copy the database");
    if (status == XD_OK) {
        const xd_sqlite_file state = xd_sqlite_state_file(from);
        status = copy_file(&state, to, progress, context, fault);
    }
    if (status == XD_OK) {
        const xd_sqlite_file log = xd_sqlite_log_file(log_from);
        status = copy_file(&log, log_to, progress, context, fault);
    }
    sqlite3_free(log_from);
    sqlite3_free(log_to);
    return status;
}
