/* Opening a database file: creation, checks that it is ours and whole, and the translation of
 * SQLite's result codes. Upgrades are in upgrade.c. May call base and SQLite. */
#include "sqlite_int.h"
#include "vfs.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum {
    WRITER_BUSY_MS = 250,
    READER_BUSY_MS = 2000,
    STATE_CACHE_KIB = 12288,
    LOG_CACHE_KIB = 1024,
    READER_CACHE_KIB = 2048
};

static bool disk_is_full(sqlite3 *db, int rc)
{
    int error = db && (rc & 0xff) == SQLITE_IOERR ? sqlite3_system_errno(db) : 0;
    return (rc & 0xff) == SQLITE_FULL || error == ENOSPC || error == EDQUOT;
}

xd_status xd_sqlite_fail(xd_fault *fault, sqlite3 *db, int rc, const char *path, const char *doing)
{
    const char *said = db ? sqlite3_errmsg(db) : sqlite3_errstr(rc);
    xd_status status;
    if (disk_is_full(db, rc)) {
        status = xd_fail(fault, XD_FULL, "store.full",
                         "the disk is full while %s: nothing was half-applied; free space where "
                         "the database is and the hub goes on",
                         doing);
    } else if ((rc & 0xff) == SQLITE_BUSY || (rc & 0xff) == SQLITE_LOCKED) {
        status = xd_fail(fault, XD_BUSY, "store.locked",
                         "the database is locked by another process while %s: end that process's "
                         "transaction (a sqlite3 shell, a backup) and try again",
                         doing);
    } else if (rc == SQLITE_IOERR_DATA) {
        status = xd_fail(fault, XD_CORRUPT, "store.checksum",
                         "the database file is damaged (a page does not match its checksum, while "
                         "%s): stop the hub, keep a copy of the file, let `crossdock verify` name "
                         "what is hit, then restore the last good backup",
                         doing);
    } else if ((rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB) {
        status = xd_fail(fault, XD_CORRUPT, "store.corrupt",
                         "the database file is damaged (%s, while %s): stop the hub, keep a copy "
                         "of the file, let `crossdock verify` name what is hit, then restore the "
                         "last good backup",
                         said, doing);
    } else if ((rc & 0xff) == SQLITE_NOMEM || rc == SQLITE_IOERR_NOMEM) {
        status = xd_fail(fault, XD_NO_MEMORY, "store.memory", "no memory left while %s", doing);
    } else if ((rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CANTOPEN ||
               (rc & 0xff) == SQLITE_READONLY || (rc & 0xff) == SQLITE_PERM) {
        int error = db ? sqlite3_system_errno(db) : 0;
        status = xd_fail(fault, XD_IO, "store.io",
                         "%s failed: %s%s%s (code %d); check the disk, the path and who owns it",
                         doing, said, error ? ", " : "", error ? strerror(error) : "", rc);
    } else {
        status =
            xd_fail(fault, XD_INTERNAL, "store.sql", "%s failed: %s (code %d)", doing, said, rc);
    }
    xd_fault_at(fault, -1, path);
    return status;
}

/* As a blob: SQLite copies a text to end it with a zero, and without memory for that it is NULL. */
xd_str xd_sqlite_text(sqlite3_stmt *s, int column)
{
    const char *text = sqlite3_column_blob(s, column);
    return (xd_str){text ? text : "", text ? (size_t)sqlite3_column_bytes(s, column) : 0};
}

int xd_sqlite_number(sqlite3 *db, const char *sql, int64_t *ret)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(statement);
        if (rc == SQLITE_ROW) {
            *ret = sqlite3_column_int64(statement, 0);
            rc = SQLITE_OK;
        }
    }
    sqlite3_finalize(statement);
    return rc;
}

xd_status xd_sqlite_identify(sqlite3 *db, const char *path, xd_sqlite_identity *ret,
                             xd_fault *fault)
{
    int reserved = -1; /* asks */
    xd_sqlite_identity is = {0};
    int rc = xd_sqlite_number(db, "PRAGMA application_id", &is.application);
    rc = rc == SQLITE_OK ? xd_sqlite_number(db, "PRAGMA user_version", &is.version) : rc;
    rc = rc == SQLITE_OK ? xd_sqlite_number(db, "SELECT count(*) FROM sqlite_schema", &is.objects)
                         : rc;
    rc = rc == SQLITE_OK ? xd_sqlite_number(db, "PRAGMA page_size", &is.page_bytes) : rc;
    rc = rc == SQLITE_OK ? sqlite3_file_control(db, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved)
                         : rc;
    if (rc != SQLITE_OK) {
        return xd_sqlite_fail(fault, db, rc, path, "opening the database");
    }
    is.reserved_bytes = reserved;
    is.fresh = is.objects == 0 && is.version == 0 && is.application == 0;
    *ret = is;
    return XD_OK;
}

xd_status xd_sqlite_check_identity(const xd_sqlite_identity *is, const xd_sqlite_file *file,
                                   xd_fault *fault)
{
    const char *path = file->path;
    xd_status status = XD_OK;
    if (is->application != XD_SQLITE_APPLICATION_ID) {
        status = xd_fail(fault, XD_CONFLICT, "store.foreign",
                         "%s is a database of another program; name another file as the hub's "
                         "database",
                         path);
    } else if (is->version > file->newest) {
        status = xd_fail(fault, XD_CONFLICT, "store.newer",
                         "the database has schema version %lld, written by a newer Crossdock; this "
                         "one knows up to %d: run the newer program, or restore the backup made "
                         "before it",
                         (long long)is->version, file->newest);
    } else if (is->version >= file->summed && (is->page_bytes != XD_SQLITE_PAGE_BYTES ||
                                               is->reserved_bytes != XD_SQLITE_RESERVED_BYTES)) {
        status = xd_fail(fault, XD_CORRUPT, "store.corrupt",
                         "the database file is damaged (its header speaks of pages of %lld bytes, "
                         "%d of them reserved): stop the hub, keep a copy of the file, then "
                         "restore the last good backup",
                         (long long)is->page_bytes, is->reserved_bytes);
    }
    if (status != XD_OK) {
        xd_fault_at(fault, -1, path);
    }
    return status;
}

/* SQLite counts every allocation under one mutex unless told not to before its first use. */
static void configure_once(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    xd_sqlite_vfs_register(); /* when it fails, opening says that there is no such VFS */
}

static void configure(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, configure_once);
}

/* SQLite would create the file with the process's mask; ours is for its owner only. The file is
 * not touched when it exists: closing a descriptor drops SQLite's locks on it in this process. */
xd_status xd_sqlite_create_private(const char *path, xd_fault *fault)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        close(fd);
    } else if (errno != EEXIST) {
        int error = errno;
        xd_status status =
            xd_fail(fault, error == ENOSPC ? XD_FULL : XD_IO, "store.create",
                    "the database file cannot be created: %s; check that its folder exists and "
                    "belongs to the hub's user",
                    strerror(error));
        xd_fault_at(fault, -1, path);
        return status;
    }
    return XD_OK;
}

xd_status xd_sqlite_connect(const char *name, int flags, int busy_ms, sqlite3 **ret,
                            xd_fault *fault)
{
    configure();
    sqlite3 *db = NULL;
    int rc = sqlite3_open_v2(name, &db, flags | SQLITE_OPEN_NOMUTEX, XD_SQLITE_VFS);
    if (rc != SQLITE_OK) {
        xd_status status = xd_sqlite_fail(fault, db, rc, name, "opening the database");
        sqlite3_close(db);
        return status;
    }
    sqlite3_extended_result_codes(db, 1);
    sqlite3_busy_timeout(db, busy_ms);
    *ret = db;
    return XD_OK;
}

xd_status xd_sqlite_do(sqlite3 *db, const char *sql, const char *path, const char *doing,
                       xd_fault *fault)
{
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? XD_OK : xd_sqlite_fail(fault, db, rc, path, doing);
}

/* Page size and reserve can only be said before the first page is written; the header of a file
 * that exists decides for itself. */
static xd_status lay_out(sqlite3 *db, const char *path, xd_fault *fault)
{
    char pragma[48];
    int reserved = XD_SQLITE_RESERVED_BYTES;
    sqlite3_snprintf(sizeof pragma, pragma, "PRAGMA page_size=%d", XD_SQLITE_PAGE_BYTES);
    XD_TRY(xd_sqlite_do(db, pragma, path, "opening the database", fault));
    int rc = sqlite3_file_control(db, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved);
    return rc == SQLITE_OK ? XD_OK
                           : xd_sqlite_fail(fault, db, rc, path, "making room for checksums");
}

static xd_status set_up(sqlite3 *db, const char *path, const char *synchronous, int cache_kib,
                        xd_fault *fault)
{
    char pragmas[256];
    sqlite3_snprintf(sizeof pragmas, pragmas,
                     "PRAGMA journal_mode=WAL; PRAGMA synchronous=%s; "
                     "PRAGMA wal_autocheckpoint=0; PRAGMA journal_size_limit=%d; "
                     "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-%d",
                     synchronous, (int)XD_SQLITE_WAL_BYTES, cache_kib);
    return xd_sqlite_do(db, pragmas, path, "opening the database", fault);
}

static xd_status open_writer(const char *path, const char *synchronous, int cache_kib,
                             sqlite3 **ret, xd_fault *fault)
{
    sqlite3 *db = NULL;
    XD_TRY(xd_sqlite_connect(path, SQLITE_OPEN_READWRITE, WRITER_BUSY_MS, &db, fault));
    xd_status status = set_up(db, path, synchronous, cache_kib, fault);
    if (status != XD_OK) {
        sqlite3_close(db);
        return status;
    }
    *ret = db;
    return XD_OK;
}

xd_status xd_sqlite_open_state(const char *path, sqlite3 **ret, xd_fault *fault)
{
    return open_writer(path, "NORMAL", STATE_CACHE_KIB, ret, fault);
}

xd_status xd_sqlite_open_log(const char *log_path, sqlite3 **ret, xd_fault *fault)
{
    return open_writer(log_path, "FULL", LOG_CACHE_KIB, ret, fault);
}

/* A write-ahead log left by a process that died is read from the system's cache, and after a sync
 * that failed the disk may not hold all of it, which nobody will say again. Whatever is appended
 * would then hang on bytes that a power cut takes away. So it is copied into the database file,
 * whose sync is a new one, and begun anew. Where a reader or a full disk is in the way, the
 * checkpointer does it later. */
static xd_status settle_log(sqlite3 *db, const char *path, xd_fault *fault)
{
    int rc = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
    bool later = (rc & 0xff) == SQLITE_BUSY || (rc & 0xff) == SQLITE_LOCKED || disk_is_full(db, rc);
    return rc == SQLITE_OK || later
               ? XD_OK
               : xd_sqlite_fail(fault, db, rc, path, "settling what the last run left");
}

/* A lock of ours beside the file: SQLite's own exclusive mode would keep readers out too. */
xd_status xd_sqlite_take_lock(const char *path, int *ret_fd, xd_fault *fault)
{
    char *lock_path = sqlite3_mprintf("%s.lock", path);
    if (!lock_path) {
        return xd_fail(fault, XD_NO_MEMORY, "store.memory", "no memory to lock the database");
    }
    int fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    xd_status status = XD_OK;
    if (fd < 0) {
        int error = errno;
        status = xd_fail(fault, error == ENOSPC ? XD_FULL : XD_IO, "store.lock",
                         "the lock file cannot be created: %s; check that its folder exists and "
                         "belongs to the hub's user",
                         strerror(error));
        xd_fault_at(fault, -1, lock_path);
    } else if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        status = xd_fail(fault, XD_BUSY, "store.in_use",
                         "another hub already runs on this database: stop it, or give this one a "
                         "data directory of its own");
        xd_fault_at(fault, -1, path);
    } else {
        *ret_fd = fd;
    }
    sqlite3_free(lock_path);
    return status;
}

/* A file beside the database that says: the database is not to be touched yet. */
static xd_status check_restore(const char *path, xd_fault *fault)
{
    char *mark = sqlite3_mprintf("%s" XD_SQLITE_RESTORING, path);
    if (!mark) {
        return xd_fail(fault, XD_NO_MEMORY, "store.memory", "no memory to open the database");
    }
    bool restoring = access(mark, F_OK) == 0;
    sqlite3_free(mark);
    if (restoring) {
        xd_fail(fault, XD_CONFLICT, "store.restoring",
                "a restore into this data directory was interrupted: run `crossdock restore` "
                "again, with the same arguments");
        xd_fault_at(fault, -1, path);
        return XD_CONFLICT;
    }
    return XD_OK;
}

/* A file on its way to what this program writes; fresh when it was just created. */
static xd_status open_to_prepare(const xd_sqlite_file *file, sqlite3 **ret,
                                 xd_sqlite_identity *ret_is, xd_fault *fault)
{
    sqlite3 *db = NULL;
    XD_TRY(xd_sqlite_create_private(file->path, fault));
    XD_TRY(xd_sqlite_connect(file->path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_URI, WRITER_BUSY_MS,
                             &db, fault));
    xd_sqlite_identity is = {0};
    xd_status status = xd_sqlite_identify(db, file->path, &is, fault);
    if (status == XD_OK) {
        status =
            is.fresh ? lay_out(db, file->path, fault) : xd_sqlite_check_identity(&is, file, fault);
    }
    status = status == XD_OK ? set_up(db, file->path, "FULL", READER_CACHE_KIB, fault) : status;
    status = status == XD_OK && !is.fresh ? settle_log(db, file->path, fault) : status;
    if (status != XD_OK) {
        sqlite3_close(db);
        return status;
    }
    *ret = db;
    *ret_is = is;
    return XD_OK;
}

static xd_status attach(sqlite3 *db, const char *name, const char *as, const char *path,
                        xd_fault *fault)
{
    char *sql = sqlite3_mprintf("ATTACH %Q AS %s", name, as);
    int rc = sql ? sqlite3_exec(db, sql, NULL, NULL, NULL) : SQLITE_NOMEM;
    sqlite3_free(sql);
    return rc == SQLITE_OK ? XD_OK
                           : xd_sqlite_fail(fault, db, rc, path, "opening the log beside it");
}

static xd_status log_is_missing(const xd_sqlite_file *file, xd_fault *fault)
{
    xd_status status = xd_fail(fault, XD_CORRUPT, "store.log_missing",
                               "the log %s is missing or empty, but there is state made from it: "
                               "restore both files from one backup",
                               file->path);
    xd_fault_at(fault, -1, file->path);
    return status;
}

/* Before version 4 the log was in the state's file. It is copied out first, and as often as it
 * takes: the old file stays the one that counts until its own migration has dropped the table. */
static xd_status prepare_log(const xd_sqlite_file *file, const char *state_path,
                             int64_t state_version, xd_sqlite_teller teller, xd_fault *fault)
{
    sqlite3 *db = NULL;
    xd_sqlite_identity is;
    XD_TRY(open_to_prepare(file, &db, &is, fault));
    xd_status status = XD_OK;
    if (state_version > 0 && state_version < XD_SQLITE_SPLIT_VERSION) {
        status = attach(db, state_path, "old", file->path, fault);
        if (status == XD_OK) {
            status = xd_sqlite_migrate(db, file, is.version, file->newest, &XD_SQLITE_MOVE_LOG,
                                       teller, fault);
        }
    } else if (is.fresh && state_version > 0) {
        status = log_is_missing(file, fault);
    } else if (is.version < file->newest) {
        status = xd_sqlite_migrate(db, file, is.version, file->newest, NULL, teller, fault);
    }
    sqlite3_close(db);
    return status;
}

xd_status xd_sqlite_prepare(const char *path, const char *log_path, xd_sqlite_teller teller,
                            xd_fault *fault)
{
    const xd_sqlite_file state = xd_sqlite_state_file(path);
    const xd_sqlite_file log = xd_sqlite_log_file(log_path);
    sqlite3 *db = NULL;
    xd_sqlite_identity is;
    XD_TRY(check_restore(path, fault));
    XD_TRY(open_to_prepare(&state, &db, &is, fault));
    if (!is.fresh && is.version < XD_SQLITE_SUMMED_VERSION) {
        XD_TRY(xd_sqlite_rewrite(db, path, is.version, teller, fault)); /* closes db */
        XD_TRY(open_to_prepare(&state, &db, &is, fault));
    }
    xd_status status = prepare_log(&log, path, is.version, teller, fault);
    if (status == XD_OK && is.version < state.newest) {
        status = xd_sqlite_migrate(db, &state, is.version, state.newest, NULL, teller, fault);
    }
    sqlite3_close(db);
    return status;
}

static xd_status check_readable(sqlite3 *db, const xd_sqlite_file *file, xd_fault *fault)
{
    char pragmas[96];
    sqlite3_snprintf(sizeof pragmas, pragmas, "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-%d",
                     READER_CACHE_KIB);
    XD_TRY(xd_sqlite_do(db, pragmas, file->path, "opening the database", fault));
    xd_sqlite_identity is = {0};
    XD_TRY(xd_sqlite_identify(db, file->path, &is, fault));
    XD_TRY(xd_sqlite_check_identity(&is, file, fault));
    if (is.version < file->newest) {
        return xd_fail(fault, XD_CONFLICT, "store.older",
                       "the database has the older schema version %lld: start this hub once to "
                       "bring it to version %d",
                       (long long)is.version, file->newest);
    }
    return XD_OK;
}

/* name is the file's path, or a URI with its path. */
static xd_status open_read(const xd_sqlite_file *file, const char *name, sqlite3 **ret,
                           xd_fault *fault)
{
    if (access(file->path, F_OK) != 0) {
        xd_fail(fault, XD_NOT_FOUND, "store.missing",
                "there is no database %s: start the hub once to create it", file->path);
        xd_fault_at(fault, -1, file->path);
        return XD_NOT_FOUND;
    }
    sqlite3 *db = NULL;
    XD_TRY(xd_sqlite_connect(name, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, READER_BUSY_MS, &db,
                             fault));
    xd_status status = check_readable(db, file, fault);
    if (status != XD_OK) {
        sqlite3_close(db);
        return status;
    }
    *ret = db;
    return XD_OK;
}

xd_status xd_sqlite_open_part(const xd_sqlite_file *file, sqlite3 **ret, xd_fault *fault)
{
    return open_read(file, file->path, ret, fault);
}

char *xd_sqlite_log_path(const char *path)
{
    configure(); /* the first that any opening calls of SQLite */
    size_t stem = strlen(path);
    if (stem > 3 && strcmp(path + stem - 3, ".db") == 0) {
        stem -= 3;
    }
    return sqlite3_mprintf("%.*s-log.db", (int)stem, path);
}

/* The log's file is opened by itself first, for a clear word on it, which ATTACH would not give. */
static xd_status open_both(const char *path, const char *parameters, sqlite3 **ret, xd_fault *fault)
{
    char *log_path = xd_sqlite_log_path(path);
    char *name = xd_sqlite_uri(path, parameters);
    char *log_name = log_path ? xd_sqlite_uri(log_path, parameters) : NULL;
    sqlite3 *db = NULL;
    sqlite3 *log = NULL;
    xd_status status = XD_OK;
    if (!name || !log_name) {
        status = xd_fail(fault, XD_NO_MEMORY, "store.memory", "no memory to open the database");
    }
    if (status == XD_OK) {
        const xd_sqlite_file file = xd_sqlite_state_file(path);
        status = open_read(&file, name, &db, fault);
    }
    if (status == XD_OK) {
        const xd_sqlite_file file = xd_sqlite_log_file(log_path);
        status = open_read(&file, log_name, &log, fault);
        sqlite3_close(log);
    }
    status = status == XD_OK ? attach(db, log_name, "events", log_path, fault) : status;
    sqlite3_free(log_name);
    sqlite3_free(name);
    sqlite3_free(log_path);
    if (status != XD_OK) {
        sqlite3_close(db);
        return status;
    }
    *ret = db;
    return XD_OK;
}

xd_status xd_sqlite_open_read(const char *path, sqlite3 **ret, xd_fault *fault)
{
    return open_both(path, "mode=ro", ret, fault);
}

xd_status xd_sqlite_open_still(const char *path, sqlite3 **ret, xd_fault *fault)
{
    return open_both(path, "immutable=1", ret, fault);
}

char *xd_sqlite_uri(const char *path, const char *parameters)
{
    sqlite3_str *uri = sqlite3_str_new(NULL);
    sqlite3_str_appendall(uri, "file:");
    for (const char *p = path; *p; p++) {
        if (strchr("?#%", *p)) {
            sqlite3_str_appendf(uri, "%%%02X", (unsigned)(unsigned char)*p);
        } else {
            sqlite3_str_appendchar(uri, 1, *p);
        }
    }
    sqlite3_str_appendf(uri, "?%s", parameters);
    return sqlite3_str_finish(uri);
}
