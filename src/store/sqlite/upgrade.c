/* Bringing a database of an older version up to this program's. Either the old file or the new one
 * is in place at any moment: what only changes tables is one transaction, and what changes the
 * file's layout is written beside it and renamed. May call base and SQLite. */
#include "sqlite_int.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PROGRESS_STEPS = 200000, BUSY_MS = 250 };

static const char UPGRADING[] = "bringing the database to this version's schema";

static void tell(xd_sqlite_teller teller, const xd_store_upgrade *is)
{
    if (teller.tell) {
        teller.tell(teller.context, is);
    }
}

/* A migration under way. */
typedef struct moving_rows {
    xd_sqlite_teller teller;
    const xd_sqlite_migration *migration; /* borrowed */
    int64_t counted;
    int64_t total; /* 0 while it is being counted */
    bool any;      /* had rows */
} moving_rows;

static int tell_rows(void *context)
{
    const moving_rows *m = context;
    if (m->migration->what) {
        tell(m->teller, &(xd_store_upgrade){.what = m->migration->what,
                                            .unit = "rows",
                                            .done = m->counted / m->migration->passes,
                                            .total = m->total});
    }
    return 0;
}

/* The SQL function moving(x). SQLite's own counters stand still until a statement ends. */
static void count_row(sqlite3_context *call, int n, sqlite3_value **values)
{
    (void)n;
    moving_rows *m = sqlite3_user_data(call);
    m->counted++;
    sqlite3_result_value(call, values[0]);
}

static int run_migration(sqlite3 *db, const xd_sqlite_migration *migration, moving_rows *m)
{
    m->migration = migration;
    m->counted = 0;
    m->total = 0;
    int64_t total = 0;
    int rc = migration->rows ? xd_sqlite_number(db, migration->rows, &total) : SQLITE_OK;
    m->total = total;
    m->any = m->any || total > 0;
    rc = rc == SQLITE_OK ? sqlite3_exec(db, migration->sql, NULL, NULL, NULL) : rc;
    if (rc == SQLITE_OK && total > 0) {
        tell_rows(m);
    }
    return rc;
}

static int run_migrations(sqlite3 *db, const xd_sqlite_file *file, int64_t from, int64_t to,
                          const xd_sqlite_migration *more, moving_rows *m)
{
    int rc = SQLITE_OK;
    for (int64_t i = from; i < to && rc == SQLITE_OK; i++) {
        rc = run_migration(db, &file->migrations[i], m);
    }
    if (more && rc == SQLITE_OK) {
        rc = run_migration(db, more, m);
    }
    char pragmas[96];
    sqlite3_snprintf(sizeof pragmas, pragmas, "PRAGMA application_id=%d; PRAGMA user_version=%d",
                     XD_SQLITE_APPLICATION_ID, (int)to);
    return rc == SQLITE_OK ? sqlite3_exec(db, pragmas, NULL, NULL, NULL) : rc;
}

static int run_watched(sqlite3 *db, const xd_sqlite_file *file, int64_t from, int64_t to,
                       const xd_sqlite_migration *more, xd_sqlite_teller teller)
{
    static const xd_sqlite_migration NONE;
    moving_rows m = {.teller = teller, .migration = &NONE};
    int rc = sqlite3_create_function(db, "moving", 1, SQLITE_UTF8, &m, count_row, NULL, NULL);
    if (rc != SQLITE_OK) {
        return rc;
    }
    sqlite3_progress_handler(db, PROGRESS_STEPS, tell_rows, &m);
    rc = run_migrations(db, file, from, to, more, &m);
    sqlite3_progress_handler(db, 0, NULL, NULL);
    if (rc == SQLITE_OK && m.any) { /* its commit and checkpoint tell nothing */
        tell(teller, &(xd_store_upgrade){.what = "writing it to disk", .unit = "bytes"});
    }
    int removed = sqlite3_create_function(db, "moving", 1, SQLITE_UTF8, NULL, NULL, NULL, NULL);
    return rc == SQLITE_OK ? removed : rc;
}

xd_status xd_sqlite_migrate(sqlite3 *db, const xd_sqlite_file *file, int64_t from, int64_t to,
                            const xd_sqlite_migration *more, xd_sqlite_teller teller,
                            xd_fault *fault)
{
    int rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    rc = rc == SQLITE_OK ? run_watched(db, file, from, to, more, teller) : rc;
    rc = rc == SQLITE_OK ? sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) : rc;
    if (rc == SQLITE_OK) {
        return XD_OK;
    }
    xd_status status = xd_sqlite_fail(fault, db, rc, file->path, UPGRADING);
    if (!sqlite3_get_autocommit(db)) {
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    }
    return status;
}

static xd_status io_fault(const char *path, const char *doing, xd_fault *fault)
{
    int error = errno;
    xd_status status = xd_fail(fault, error == ENOSPC ? XD_FULL : XD_IO, "store.upgrade",
                               "%s failed while %s: %s; the old database is as it was", doing,
                               UPGRADING, strerror(error));
    xd_fault_at(fault, -1, path);
    return status;
}

static xd_status sync_path(const char *path, int flags, xd_fault *fault)
{
    int fd = open(path, flags | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;
    xd_status status = good ? XD_OK : io_fault(path, "syncing", fault);
    if (fd >= 0) {
        close(fd);
    }
    return status;
}

static xd_status sync_folder_of(const char *path, xd_fault *fault)
{
    char *copy = strdup(path);
    if (!copy) {
        return xd_fail(fault, XD_NO_MEMORY, "store.memory", "no memory for a name");
    }
    xd_status status = sync_path(dirname(copy), O_RDONLY | O_DIRECTORY, fault);
    free(copy);
    return status;
}

typedef struct rewriting {
    xd_sqlite_teller teller;
    const char *copy;
    int64_t total_bytes;
} rewriting;

static int tell_bytes(void *context)
{
    const rewriting *r = context;
    struct stat st;
    if (stat(r->copy, &st) == 0) {
        tell(r->teller,
             &(xd_store_upgrade){.what = "writing the database anew with page checksums",
                                 .unit = "bytes",
                                 .done = st.st_size < r->total_bytes ? st.st_size : r->total_bytes,
                                 .total = r->total_bytes});
    }
    return 0;
}

/* VACUUM INTO needs memory for a page cache only, and writes one row after the other. */
static xd_status write_copy(sqlite3 *db, const char *path, const char *copy,
                            xd_sqlite_teller teller, xd_fault *fault)
{
    struct stat st;
    rewriting r = {teller, copy, stat(path, &st) == 0 ? st.st_size : 0};
    int reserved = XD_SQLITE_RESERVED_BYTES;
    unlink(copy); /* of an upgrade that was interrupted */
    XD_TRY(xd_sqlite_create_private(copy, fault));
    /* By a URI that says at once that pages carry sums: the first may be written last. */
    char *uri = xd_sqlite_uri(copy, "summed=1");
    char *sql = uri ? sqlite3_mprintf("VACUUM INTO %Q", uri) : NULL;
    sqlite3_free(uri);
    if (!sql) {
        return xd_fail(fault, XD_NO_MEMORY, "store.memory", "no memory to upgrade the database");
    }
    sqlite3_progress_handler(db, PROGRESS_STEPS, tell_bytes, &r);
    int rc = sqlite3_file_control(db, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved);
    rc = rc == SQLITE_OK ? sqlite3_exec(db, sql, NULL, NULL, NULL) : rc;
    sqlite3_progress_handler(db, 0, NULL, NULL);
    sqlite3_free(sql);
    return rc == SQLITE_OK ? XD_OK : xd_sqlite_fail(fault, db, rc, path, UPGRADING);
}

static xd_status finish_copy(const char *copy, int64_t version, xd_sqlite_teller teller,
                             xd_fault *fault)
{
    sqlite3 *db = NULL;
    XD_TRY(xd_sqlite_connect(copy, SQLITE_OPEN_READWRITE, BUSY_MS, &db, fault));
    const xd_sqlite_file file = xd_sqlite_state_file(copy);
    xd_status status =
        xd_sqlite_migrate(db, &file, version, XD_SQLITE_SUMMED_VERSION, NULL, teller, fault);
    if (status == XD_OK) {
        status = xd_sqlite_do(db, "PRAGMA journal_mode=WAL", copy, UPGRADING, fault);
    }
    sqlite3_close(db);
    return status == XD_OK ? sync_path(copy, O_RDONLY, fault) : status;
}

/* Folds the old file's write-ahead log into it and removes the log, which must never meet the new
 * file. Only possible when nobody else has the file open. */
static xd_status retire(sqlite3 *db, const char *path, xd_fault *fault)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(db, "PRAGMA journal_mode=DELETE", -1, &s, NULL);
    rc = rc == SQLITE_OK ? sqlite3_step(s) : rc;
    bool retired = rc == SQLITE_ROW && xd_str_eq(xd_sqlite_text(s, 0), XD_STR("delete"));
    sqlite3_finalize(s);
    if (retired) {
        return XD_OK;
    }
    if (rc != SQLITE_ROW && (rc & 0xff) != SQLITE_BUSY) {
        return xd_sqlite_fail(fault, db, rc, path, UPGRADING);
    }
    xd_status status = xd_fail(fault, XD_BUSY, "store.locked",
                               "another process reads the database, which must be upgraded: end "
                               "it (a sqlite3 shell, a crossdock command) and start again");
    xd_fault_at(fault, -1, path);
    return status;
}

xd_status xd_sqlite_rewrite(sqlite3 *db, const char *path, int64_t version, xd_sqlite_teller teller,
                            xd_fault *fault)
{
    char *copy = sqlite3_mprintf("%s.upgrade", path);
    xd_status status = copy ? write_copy(db, path, copy, teller, fault)
                            : xd_fail(fault, XD_NO_MEMORY, "store.memory", "no memory for a name");
    status = status == XD_OK ? finish_copy(copy, version, teller, fault) : status;
    status = status == XD_OK ? retire(db, path, fault) : status;
    sqlite3_close(db);
    /* The old file's journal is gone for good before another file takes its name. */
    status = status == XD_OK ? sync_folder_of(path, fault) : status;
    if (status == XD_OK && rename(copy, path) != 0) {
        status = io_fault(copy, "renaming the new file", fault);
    }
    status = status == XD_OK ? sync_folder_of(path, fault) : status;
    if (status != XD_OK && copy) {
        unlink(copy);
    }
    sqlite3_free(copy);
    return status;
}
