/* Opening a database file: creation, checks that it is ours and whole, migration, and the
 * translation of SQLite's result codes. May call base and SQLite. */
#include "sqlite_int.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

enum { WRITER_BUSY_MS = 250, READER_BUSY_MS = 2000, CACHE_KIB = 16384, READER_CACHE_KIB = 2048 };

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
    } else if ((rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB) {
        status = xd_fail(fault, XD_CORRUPT, "store.corrupt",
                         "the database file is damaged (%s, while %s): stop the hub, keep a copy "
                         "of the file, then restore the last good backup",
                         said, doing);
    } else if ((rc & 0xff) == SQLITE_NOMEM) {
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

static int number_of(sqlite3 *db, const char *sql, int64_t *ret)
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

typedef struct identity {
    int64_t application;
    int64_t version;
    int64_t objects; /* tables and views */
} identity;

static xd_status read_identity(sqlite3 *db, const char *path, identity *ret, xd_fault *fault)
{
    int rc = number_of(db, "PRAGMA application_id", &ret->application);
    rc = rc == SQLITE_OK ? number_of(db, "PRAGMA user_version", &ret->version) : rc;
    rc = rc == SQLITE_OK ? number_of(db, "SELECT count(*) FROM sqlite_schema", &ret->objects) : rc;
    return rc == SQLITE_OK ? XD_OK : xd_sqlite_fail(fault, db, rc, path, "opening the database");
}

static xd_status check_identity(const identity *is, const char *path, xd_fault *fault)
{
    if (is->application != XD_SQLITE_APPLICATION_ID) {
        xd_fail(fault, XD_CONFLICT, "store.foreign",
                "%s is a database of another program; name another file as the hub's database",
                path);
        xd_fault_at(fault, -1, path);
        return XD_CONFLICT;
    }
    if (is->version > XD_SQLITE_VERSION) {
        xd_fail(fault, XD_CONFLICT, "store.newer",
                "the database has schema version %lld, written by a newer Crossdock; this one "
                "knows up to %d: run the newer program, or restore the backup made before it",
                (long long)is->version, XD_SQLITE_VERSION);
        xd_fault_at(fault, -1, path);
        return XD_CONFLICT;
    }
    return XD_OK;
}

static int run_migrations(sqlite3 *db, int64_t from)
{
    int rc = SQLITE_OK;
    for (int64_t i = from; i < XD_SQLITE_VERSION && rc == SQLITE_OK; i++) {
        rc = sqlite3_exec(db, XD_SQLITE_MIGRATIONS[i], NULL, NULL, NULL);
    }
    char pragmas[96];
    sqlite3_snprintf(sizeof pragmas, pragmas, "PRAGMA application_id=%d; PRAGMA user_version=%d",
                     XD_SQLITE_APPLICATION_ID, XD_SQLITE_VERSION);
    return rc == SQLITE_OK ? sqlite3_exec(db, pragmas, NULL, NULL, NULL) : rc;
}

static xd_status migrate(sqlite3 *db, const char *path, xd_fault *fault)
{
    identity is = {0};
    XD_TRY(read_identity(db, path, &is, fault));
    bool fresh = is.objects == 0 && is.version == 0 && is.application == 0;
    if (!fresh) {
        XD_TRY(check_identity(&is, path, fault));
    }
    if (is.version == XD_SQLITE_VERSION) {
        return XD_OK;
    }
    int rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    rc = rc == SQLITE_OK ? run_migrations(db, is.version) : rc;
    rc = rc == SQLITE_OK ? sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) : rc;
    if (rc == SQLITE_OK) {
        return XD_OK;
    }
    xd_status status =
        xd_sqlite_fail(fault, db, rc, path, "bringing the database to this version's schema");
    if (!sqlite3_get_autocommit(db)) {
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    }
    return status;
}

/* SQLite counts every allocation under one mutex unless told not to before its first use. */
static void configure_once(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static void configure(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, configure_once);
}

/* SQLite would create the file with the process's mask; ours is for its owner only. The file is
 * not touched when it exists: closing a descriptor drops SQLite's locks on it in this process. */
static xd_status create_private(const char *path, xd_fault *fault)
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

static xd_status open_with(const char *path, int flags, int busy_ms, const char *pragmas,
                           sqlite3 **ret, xd_fault *fault)
{
    configure();
    sqlite3 *db = NULL;
    int rc = sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_extended_result_codes(db, 1);
        sqlite3_busy_timeout(db, busy_ms);
        rc = sqlite3_exec(db, pragmas, NULL, NULL, NULL);
    }
    if (rc != SQLITE_OK) {
        xd_status status = xd_sqlite_fail(fault, db, rc, path, "opening the database");
        sqlite3_close(db);
        return status;
    }
    *ret = db;
    return XD_OK;
}

xd_status xd_sqlite_open_write(const char *path, sqlite3 **ret, xd_fault *fault)
{
    char pragmas[256];
    sqlite3_snprintf(sizeof pragmas, pragmas,
                     "PRAGMA page_size=%d; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
                     "PRAGMA wal_autocheckpoint=0; PRAGMA temp_store=MEMORY; "
                     "PRAGMA cache_size=-%d",
                     XD_SQLITE_PAGE_BYTES, CACHE_KIB);
    sqlite3 *db = NULL;
    XD_TRY(create_private(path, fault));
    XD_TRY(open_with(path, SQLITE_OPEN_READWRITE, WRITER_BUSY_MS, pragmas, &db, fault));
    xd_status status = migrate(db, path, fault);
    if (status != XD_OK) {
        sqlite3_close(db);
        return status;
    }
    *ret = db;
    return XD_OK;
}

xd_status xd_sqlite_open_read(const char *path, sqlite3 **ret, xd_fault *fault)
{
    if (access(path, F_OK) != 0) {
        xd_fail(fault, XD_NOT_FOUND, "store.missing",
                "there is no database %s: start the hub once to create it", path);
        xd_fault_at(fault, -1, path);
        return XD_NOT_FOUND;
    }
    char pragmas[96];
    sqlite3_snprintf(sizeof pragmas, pragmas, "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-%d",
                     READER_CACHE_KIB);
    sqlite3 *db = NULL;
    XD_TRY(open_with(path, SQLITE_OPEN_READONLY, READER_BUSY_MS, pragmas, &db, fault));
    identity is = {0};
    xd_status status = read_identity(db, path, &is, fault);
    status = status == XD_OK ? check_identity(&is, path, fault) : status;
    if (status == XD_OK && is.version < XD_SQLITE_VERSION) {
        status = xd_fail(fault, XD_CONFLICT, "store.older",
                         "the database has the older schema version %lld: start this hub once to "
                         "bring it to version %d",
                         (long long)is.version, XD_SQLITE_VERSION);
    }
    if (status != XD_OK) {
        sqlite3_close(db);
        return status;
    }
    *ret = db;
    return XD_OK;
}
