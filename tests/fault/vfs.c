/* A disk that fails. See vfs.h. Owns what it remembers of each file; calls SQLite's own VFS. */
#include "vfs.h"

#include "base/random.h"

#include <assert.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 512, RECORDS = 16, SECTOR_BYTES = 512, RUBBISH_BYTES = 32768 };

/* A write since the last sync; bytes NULL: the file was cut to at. */
typedef struct change {
    int64_t at;
    size_t size;
    uint8_t *bytes; /* owns */
} change;

/* What is known of one file, whoever has it open. */
typedef struct record {
    char path[PATH_BYTES]; /* "" when unused */
    bool database;
    uint8_t *synced; /* owns: what the platters hold for sure */
    size_t synced_size;
    change *changes; /* owns */
    size_t change_count, change_room;
} record;

typedef struct file {
    sqlite3_file base;
    record *record;     /* NULL: a temporary file, out of our sight */
    sqlite3_file *real; /* in the same block */
} file;

static struct {
    pthread_mutex_t lock;
    sqlite3_vfs vfs;
    sqlite3_vfs *real;
    record records[RECORDS];
    xd_vfs_trouble trouble;
    uint64_t number, operations, troubled;
    bool lasting, power_cut;
    xd_random random;
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER};

const char *xd_vfs_trouble_name(xd_vfs_trouble trouble)
{
    static const char *const names[] = {"none", "error", "short", "full", "power"};
    return names[trouble];
}

/* --- what a file holds --- */

static void drop_changes(record *r)
{
    for (size_t i = 0; i < r->change_count; i++) {
        free(r->changes[i].bytes);
    }
    r->change_count = 0;
}

static void resize_synced(record *r, size_t size)
{
    if (size != r->synced_size) {
        r->synced = realloc(r->synced, size + 1);
        assert(r->synced);
        if (size > r->synced_size) {
            memset(r->synced + r->synced_size, 0, size - r->synced_size);
        }
        r->synced_size = size;
    }
}

static void keep_bytes(record *r, int64_t at, const uint8_t *bytes, size_t size)
{
    if ((size_t)at + size > r->synced_size) {
        resize_synced(r, (size_t)at + size);
    }
    memcpy(r->synced + at, bytes, size);
}

static void keep_sectors(record *r, const change *c)
{
    for (size_t from = 0; from < c->size;) {
        size_t sector = ((size_t)c->at + from) / SECTOR_BYTES * SECTOR_BYTES + SECTOR_BYTES;
        size_t to = sector - (size_t)c->at < c->size ? sector - (size_t)c->at : c->size;
        if (xd_random_below(&disk.random, 2)) {
            keep_bytes(r, c->at + (int64_t)from, c->bytes + from, to - from);
        }
        from = to;
    }
}

static void keep_change(record *r, const change *c)
{
    if (!c->bytes) {
        resize_synced(r, (size_t)c->at);
    } else {
        keep_bytes(r, c->at, c->bytes, c->size);
    }
}

static void sync_all(record *r)
{
    for (size_t i = 0; i < r->change_count; i++) {
        keep_change(r, &r->changes[i]);
    }
    drop_changes(r);
}

/* Each change is kept, lost, or torn, whatever came before or after it. */
static void sync_some(record *r)
{
    for (size_t i = 0; i < r->change_count; i++) {
        uint64_t fate = xd_random_below(&disk.random, 3);
        if (fate == 0) {
            keep_change(r, &r->changes[i]);
        } else if (fate == 1 && r->changes[i].bytes) {
            keep_sectors(r, &r->changes[i]);
        }
    }
    drop_changes(r);
}

static void note_change(record *r, int64_t at, const void *bytes, size_t size)
{
    if (!r) {
        return;
    }
    if (r->change_count == r->change_room) {
        r->change_room = r->change_room ? r->change_room * 2 : 64;
        r->changes = realloc(r->changes, r->change_room * sizeof *r->changes);
        assert(r->changes);
    }
    change *c = &r->changes[r->change_count++];
    *c = (change){.at = at, .size = size};
    if (bytes) {
        c->bytes = malloc(size + 1);
        assert(c->bytes);
        memcpy(c->bytes, bytes, size);
    }
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text);
    size_t m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static void load(record *r)
{
    FILE *f = fopen(r->path, "rb");
    uint8_t piece[8192];
    for (size_t n; f && (n = fread(piece, 1, sizeof piece, f)) > 0;) {
        keep_bytes(r, (int64_t)r->synced_size, piece, n);
    }
    if (f) {
        fclose(f);
    }
}

/* The record of a path, made from what is on disk when it is new. */
static record *record_of(const char *path)
{
    record *empty = NULL;
    for (size_t i = 0; i < RECORDS; i++) {
        if (strcmp(disk.records[i].path, path) == 0) {
            return &disk.records[i];
        }
        empty = !empty && !disk.records[i].path[0] ? &disk.records[i] : empty;
    }
    assert(empty && strlen(path) < PATH_BYTES);
    snprintf(empty->path, sizeof empty->path, "%s", path);
    empty->database = !ends_with(path, "-wal") && !ends_with(path, "-journal");
    load(empty);
    return empty;
}

static void finish_record(record *r)
{
    drop_changes(r);
    free(r->changes);
    free(r->synced);
    *r = (record){0};
}

/* --- trouble --- */

/* Counts an operation; what it meets. The caller holds the lock. */
static xd_vfs_trouble meet(void)
{
    disk.operations++;
    if (disk.power_cut) {
        return XD_VFS_POWER;
    }
    bool met = disk.number > 0 &&
               (disk.lasting ? disk.operations >= disk.number : disk.operations == disk.number);
    if (!met) {
        return XD_VFS_NONE;
    }
    disk.troubled++;
    disk.power_cut = disk.trouble == XD_VFS_POWER;
    return disk.trouble;
}

static xd_vfs_trouble enter(void)
{
    pthread_mutex_lock(&disk.lock);
    return meet();
}

static int leave(int rc)
{
    pthread_mutex_unlock(&disk.lock);
    return rc;
}

/* --- files --- */

static int file_close(sqlite3_file *f)
{
    file *self = (file *)f;
    return self->real->pMethods ? self->real->pMethods->xClose(self->real) : SQLITE_OK;
}

static int file_read(sqlite3_file *f, void *bytes, int size, sqlite3_int64 at)
{
    file *self = (file *)f;
    xd_vfs_trouble met = enter();
    if (met == XD_VFS_ERROR || met == XD_VFS_POWER) {
        return leave(SQLITE_IOERR_READ);
    }
    int rc = self->real->pMethods->xRead(self->real, bytes, size, at);
    if (met == XD_VFS_SHORT && rc == SQLITE_OK && self->record && self->record->database) {
        memset((char *)bytes + size / 2, 0, (size_t)(size - size / 2));
        rc = SQLITE_IOERR_SHORT_READ;
    }
    return leave(rc);
}

static int file_write(sqlite3_file *f, const void *bytes, int size, sqlite3_int64 at)
{
    file *self = (file *)f;
    xd_vfs_trouble met = enter();
    if (met == XD_VFS_ERROR || met == XD_VFS_POWER) {
        return leave(SQLITE_IOERR_WRITE);
    }
    if (met == XD_VFS_FULL) {
        return leave(SQLITE_FULL);
    }
    int taken = met == XD_VFS_SHORT ? size / 2 : size;
    int rc = self->real->pMethods->xWrite(self->real, bytes, taken, at);
    if (rc == SQLITE_OK) {
        note_change(self->record, at, bytes, (size_t)taken);
    }
    return leave(met == XD_VFS_SHORT ? SQLITE_IOERR_WRITE : rc);
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    file *self = (file *)f;
    xd_vfs_trouble met = enter();
    if (met == XD_VFS_ERROR || met == XD_VFS_POWER) {
        return leave(SQLITE_IOERR_TRUNCATE);
    }
    int rc = self->real->pMethods->xTruncate(self->real, size);
    if (rc == SQLITE_OK) {
        note_change(self->record, size, NULL, 0);
    }
    return leave(rc);
}

/* The real sync is left out: what survives is ours to say. */
static int file_sync(sqlite3_file *f, int flags)
{
    (void)flags;
    file *self = (file *)f;
    xd_vfs_trouble met = enter();
    if (met == XD_VFS_POWER) {
        return leave(SQLITE_IOERR_FSYNC);
    }
    if (!self->record) {
        return leave(SQLITE_OK);
    }
    if (met == XD_VFS_ERROR) {
        /* The system may have thrown away what it could not write, and says so only once. */
        sync_some(self->record);
        return leave(SQLITE_IOERR_FSYNC);
    }
    sync_all(self->record);
    return leave(SQLITE_OK);
}

static int file_size(sqlite3_file *f, sqlite3_int64 *size)
{
    file *self = (file *)f;
    xd_vfs_trouble met = enter();
    if (met == XD_VFS_ERROR || met == XD_VFS_POWER) {
        return leave(SQLITE_IOERR_FSTAT);
    }
    return leave(self->real->pMethods->xFileSize(self->real, size));
}

static int file_lock(sqlite3_file *f, int level)
{
    file *self = (file *)f;
    return self->real->pMethods->xLock(self->real, level);
}

static int file_unlock(sqlite3_file *f, int level)
{
    file *self = (file *)f;
    return self->real->pMethods->xUnlock(self->real, level);
}

static int file_reserved(sqlite3_file *f, int *out)
{
    file *self = (file *)f;
    return self->real->pMethods->xCheckReservedLock(self->real, out);
}

static int file_control(sqlite3_file *f, int op, void *argument)
{
    file *self = (file *)f;
    if (op == SQLITE_FCNTL_SIZE_HINT || op == SQLITE_FCNTL_CHUNK_SIZE) {
        return SQLITE_OK; /* the real file would grow behind our back */
    }
    return self->real->pMethods->xFileControl(self->real, op, argument);
}

static int file_sector(sqlite3_file *f)
{
    (void)f;
    return SECTOR_BYTES;
}

/* As the system's own files: writing bytes endangers no others of their sector. Nothing is promised
 * of the order or wholeness of writes. */
static int file_traits(sqlite3_file *f)
{
    (void)f;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int file_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **map)
{
    file *self = (file *)f;
    xd_vfs_trouble met = enter();
    if (met == XD_VFS_ERROR || met == XD_VFS_POWER || (met == XD_VFS_FULL && extend)) {
        return leave(met == XD_VFS_FULL ? SQLITE_IOERR_SHMSIZE : SQLITE_IOERR_SHMMAP);
    }
    return leave(self->real->pMethods->xShmMap(self->real, page, size, extend, map));
}

static int file_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
    file *self = (file *)f;
    return self->real->pMethods->xShmLock(self->real, offset, n, flags);
}

static void file_shm_barrier(sqlite3_file *f)
{
    file *self = (file *)f;
    self->real->pMethods->xShmBarrier(self->real);
}

static int file_shm_unmap(sqlite3_file *f, int remove)
{
    file *self = (file *)f;
    return self->real->pMethods->xShmUnmap(self->real, remove);
}

/* Version 2: without mapped reads, which nobody could fail. */
static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_traits,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

/* --- the VFS --- */

static int vfs_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *f, int flags,
                    int *out_flags)
{
    (void)vfs;
    file *self = (file *)f;
    xd_vfs_trouble met = enter();
    *self = (file){.real = (sqlite3_file *)(self + 1)};
    bool refused = met == XD_VFS_ERROR || met == XD_VFS_POWER ||
                   (met == XD_VFS_FULL && (flags & SQLITE_OPEN_CREATE));
    if (refused) {
        return leave(met == XD_VFS_FULL ? SQLITE_FULL : SQLITE_CANTOPEN);
    }
    record *r = name ? record_of(name) : NULL;
    int rc = disk.real->xOpen(disk.real, name, self->real, flags, out_flags);
    if (rc == SQLITE_OK) {
        self->base.pMethods = &methods;
        self->record = r;
    }
    return leave(rc);
}

/* A file that is removed stays so. */
static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
    (void)vfs;
    xd_vfs_trouble met = enter();
    if (met == XD_VFS_ERROR || met == XD_VFS_POWER) {
        return leave(SQLITE_IOERR_DELETE);
    }
    int rc = disk.real->xDelete(disk.real, name, sync_folder);
    if (rc == SQLITE_OK) {
        record *r = record_of(name);
        drop_changes(r);
        resize_synced(r, 0);
    }
    return leave(rc);
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
    (void)vfs;
    xd_vfs_trouble met = enter();
    if (met == XD_VFS_ERROR || met == XD_VFS_POWER) {
        return leave(SQLITE_IOERR_ACCESS);
    }
    return leave(disk.real->xAccess(disk.real, name, flags, out));
}

void xd_vfs_register(void)
{
    disk.real = sqlite3_vfs_find(NULL);
    disk.vfs = *disk.real;
    disk.vfs.szOsFile = (int)sizeof(file) + disk.real->szOsFile;
    disk.vfs.zName = "xd-fault";
    disk.vfs.pNext = NULL;
    disk.vfs.xOpen = vfs_open;
    disk.vfs.xDelete = vfs_delete;
    disk.vfs.xAccess = vfs_access;
    int rc = sqlite3_vfs_register(&disk.vfs, 1);
    assert(rc == SQLITE_OK);
    (void)rc;
}

void xd_vfs_plan(xd_vfs_trouble trouble, uint64_t number, bool lasting, uint64_t seed)
{
    pthread_mutex_lock(&disk.lock);
    disk.trouble = trouble;
    disk.number = number;
    disk.lasting = lasting;
    disk.operations = disk.troubled = 0;
    disk.random = (xd_random){seed};
    pthread_mutex_unlock(&disk.lock);
}

void xd_vfs_mend(void)
{
    pthread_mutex_lock(&disk.lock);
    disk.number = 0;
    pthread_mutex_unlock(&disk.lock);
}

uint64_t xd_vfs_operations(void)
{
    return disk.operations;
}

uint64_t xd_vfs_troubled(void)
{
    return disk.troubled;
}

void xd_vfs_power_cut(void)
{
    pthread_mutex_lock(&disk.lock);
    disk.power_cut = true;
    pthread_mutex_unlock(&disk.lock);
}

bool xd_vfs_power_is_cut(void)
{
    return disk.power_cut;
}

static void write_file(const char *path, const uint8_t *bytes, size_t size)
{
    FILE *f = fopen(path, "wb");
    assert(f);
    size_t written = fwrite(bytes, 1, size, f);
    int rc = fclose(f);
    assert(written == size && rc == 0);
    (void)written;
    (void)rc;
}

/* What shared memory says after a power cut means nothing: the next to open it has to notice. */
static void spoil_shared_memory(const record *r)
{
    char path[PATH_BYTES + 8];
    uint8_t rubbish[RUBBISH_BYTES];
    snprintf(path, sizeof path, "%s-shm", r->path);
    if (access(path, F_OK) == 0) {
        for (size_t i = 0; i < sizeof rubbish; i++) {
            rubbish[i] = (uint8_t)xd_random_next(&disk.random);
        }
        write_file(path, rubbish, sizeof rubbish);
    }
}

void xd_vfs_power_on(uint64_t seed)
{
    pthread_mutex_lock(&disk.lock);
    disk.random = (xd_random){seed};
    disk.power_cut = false;
    disk.number = 0;
    for (size_t i = 0; i < RECORDS; i++) {
        record *r = &disk.records[i];
        if (r->path[0] && access(r->path, F_OK) == 0) {
            sync_some(r);
            write_file(r->path, r->synced, r->synced_size);
            if (r->database) {
                spoil_shared_memory(r);
            }
        }
    }
    pthread_mutex_unlock(&disk.lock);
}

void xd_vfs_forget(void)
{
    pthread_mutex_lock(&disk.lock);
    for (size_t i = 0; i < RECORDS; i++) {
        finish_record(&disk.records[i]);
    }
    disk.power_cut = false;
    disk.number = 0;
    pthread_mutex_unlock(&disk.lock);
}
