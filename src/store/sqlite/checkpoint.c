/* The checkpointer. SQLite's own automatic checkpoint runs inside some unlucky commit; this one
 * runs beside them. Owns a thread and a connection. May call base and SQLite.
 *
 * The write-ahead log is copied in pieces of PIECE. It begins anew only when a transaction starts
 * at a moment when all of it has been copied. Beside a load that leaves pauses that happens by
 * itself many times a second; under a continuous one it never would: past LIMIT the thread chases
 * the end, and once it is within one commit of it the writer waits for the rest (a few
 * milliseconds). Past CEILING the writer waits in any case: the disk cannot keep up, and an
 * unbounded file would only delay the moment it has to. While a reader holds an old snapshot (a
 * backup, a report), waiting would not help: the ceiling then rises with the file, up to HARD.
 *
 * So the file is as long as XD_SQLITE_WAL_BYTES at most, what is between that and LIMIT being room
 * for the commit that goes past LIMIT and a try or two. Three things make it longer: a reader, a
 * disk that cannot keep up, and one transaction that is larger than that room, as when an event
 * sets thousands of documents free that waited for it. Its size is then what it has to be, and it
 * is shortened when the log next begins anew, by the first commit after everything was copied (a
 * quiet hub keeps it until then). Shortening at every new beginning would cost a seventh of the
 * engine's speed, because blocks that were given back have to be found and written down again. */
#include "sqlite_int.h"
#include "vfs.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

enum {
    PIECE_FRAMES = (1 << 20) / XD_SQLITE_PAGE_BYTES,
    FILE_FRAMES = XD_SQLITE_WAL_BYTES / XD_SQLITE_PAGE_BYTES,
    LIMIT_FRAMES = FILE_FRAMES / 4 * 3,
    CEILING_FRAMES = 2 * FILE_FRAMES,
    HARD_FRAMES = 128 * FILE_FRAMES, /* 8 GiB */
    NEAR_FRAMES = (1 << 20) / XD_SQLITE_PAGE_BYTES,
    IDLE_MS = 1000,  /* a quiet database is copied to its end after this */
    RETRY_MS = 50,   /* after a pass that copied nothing: a reader or a full disk is in the way */
    WAIT_MS = 100,   /* longest wait of the writer past LIMIT */
    STALL_MS = 1000, /* and past CEILING */
    MAGIC = 0x434b5054
};

struct xd_checkpointer {
    uint32_t magic;
    sqlite3 *db; /* owns */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t work; /* for the thread */
    pthread_cond_t done; /* for the writer */
    /* Guarded by mutex. */
    int frames;   /* in the log */
    int previous; /* the same one commit earlier */
    int copied;   /* of them */
    int next_wait_frames;
    int ceiling_frames;  /* CEILING, or more while a reader was in the way of this log */
    uint32_t generation; /* how often the log began anew */
    bool wanted;         /* the writer waits */
    bool stop;
};

static struct timespec after_ms(int64_t ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += (ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

static bool chasing(const xd_checkpointer *self)
{
    return self->frames > self->copied && (self->wanted || self->frames > LIMIT_FRAMES);
}

static bool due(const xd_checkpointer *self)
{
    return self->frames - self->copied >= PIECE_FRAMES || chasing(self);
}

/* One pass, with the mutex released. True when it copied something. */
static bool pass(xd_checkpointer *self)
{
    uint32_t generation = self->generation;
    bool any = self->frames > self->copied;
    pthread_mutex_unlock(&self->mutex);
    int frames = 0;
    int copied = 0;
    int rc = sqlite3_wal_checkpoint_v2(self->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &frames, &copied);
    pthread_mutex_lock(&self->mutex);
    /* When the writer began the log anew meanwhile, copied tells of the old one. */
    bool progress = rc == SQLITE_OK && generation == self->generation && copied > self->copied;
    if (progress) {
        self->copied = copied;
    } else if (rc == SQLITE_OK && any && generation == self->generation) {
        int raised = self->frames + CEILING_FRAMES;
        self->ceiling_frames = raised < HARD_FRAMES ? raised : HARD_FRAMES;
    }
    pthread_cond_signal(&self->done);
    return progress;
}

static void wait_for_work(xd_checkpointer *self)
{
    if (self->frames == self->copied) {
        pthread_cond_wait(&self->work, &self->mutex);
        return;
    }
    struct timespec until = after_ms(IDLE_MS);
    int frames = self->frames;
    int rc = pthread_cond_timedwait(&self->work, &self->mutex, &until);
    if (rc == ETIMEDOUT && frames == self->frames && !self->stop) {
        pass(self);
    }
}

static void *run(void *context)
{
    prctl(PR_SET_NAME, "xd-checkpoint"); /* what top and perf show */
    xd_checkpointer *self = context;
    pthread_mutex_lock(&self->mutex);
    while (!self->stop) {
        if (!due(self)) {
            wait_for_work(self);
        } else if (!pass(self)) {
            struct timespec until = after_ms(RETRY_MS);
            pthread_cond_timedwait(&self->work, &self->mutex, &until);
        }
    }
    pthread_mutex_unlock(&self->mutex);
    return NULL;
}

static xd_status open_connection(xd_checkpointer *self, const char *path, xd_fault *fault)
{
    int rc = sqlite3_open_v2(path, &self->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                             XD_SQLITE_VFS);
    if (rc == SQLITE_OK) {
        rc = sqlite3_exec(self->db, "PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0", NULL,
                          NULL, NULL);
    }
    return rc == SQLITE_OK ? XD_OK
                           : xd_sqlite_fail(fault, self->db, rc, path, "opening for checkpoints");
}

static void free_all(xd_checkpointer *self)
{
    sqlite3_close(self->db);
    pthread_cond_destroy(&self->work);
    pthread_cond_destroy(&self->done);
    pthread_mutex_destroy(&self->mutex);
    free(self);
}

xd_status xd_checkpointer_start(const char *path, xd_checkpointer **ret, xd_fault *fault)
{
    xd_checkpointer *self = calloc(1, sizeof *self);
    if (!self) {
        return xd_fail(fault, XD_NO_MEMORY, "store.memory", "no memory for the checkpointer");
    }
    self->magic = MAGIC;
    self->next_wait_frames = LIMIT_FRAMES;
    self->ceiling_frames = CEILING_FRAMES;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&self->mutex, NULL);
    pthread_cond_init(&self->work, &monotonic);
    pthread_cond_init(&self->done, &monotonic);
    pthread_condattr_destroy(&monotonic);
    xd_status status = open_connection(self, path, fault);
    if (status == XD_OK && pthread_create(&self->thread, NULL, run, self) != 0) {
        status = xd_fail(fault, XD_NO_MEMORY, "store.thread",
                         "the system refused a thread for checkpoints of %s", path);
    }
    if (status != XD_OK) {
        free_all(self);
        return status;
    }
    *ret = self;
    return XD_OK;
}

void xd_checkpointer_stop(xd_checkpointer *checkpointer)
{
    if (!checkpointer) {
        return;
    }
    assert(checkpointer->magic == MAGIC);
    pthread_mutex_lock(&checkpointer->mutex);
    checkpointer->stop = true;
    pthread_cond_signal(&checkpointer->work);
    pthread_mutex_unlock(&checkpointer->mutex);
    pthread_join(checkpointer->thread, NULL);
    free_all(checkpointer);
}

void xd_checkpointer_note(xd_checkpointer *checkpointer, int frames)
{
    pthread_mutex_lock(&checkpointer->mutex);
    bool quiet = checkpointer->frames == checkpointer->copied;
    if (frames < checkpointer->frames) { /* begun anew */
        checkpointer->generation++;
        checkpointer->frames = 0;
        checkpointer->copied = 0;
        checkpointer->next_wait_frames = LIMIT_FRAMES;
        checkpointer->ceiling_frames = CEILING_FRAMES;
    }
    checkpointer->previous = checkpointer->frames;
    checkpointer->frames = frames;
    if (quiet || due(checkpointer)) {
        pthread_cond_signal(&checkpointer->work);
    }
    pthread_mutex_unlock(&checkpointer->mutex);
}

void xd_checkpointer_admit(xd_checkpointer *checkpointer)
{
    xd_checkpointer *self = checkpointer;
    pthread_mutex_lock(&self->mutex);
    bool near = self->previous - self->copied <= NEAR_FRAMES;
    bool over = self->frames >= self->ceiling_frames;
    if (self->frames >= self->next_wait_frames && (near || over)) {
        struct timespec until = after_ms(over ? STALL_MS : WAIT_MS);
        self->wanted = true;
        pthread_cond_signal(&self->work);
        int rc = 0;
        while (self->copied < self->frames && rc != ETIMEDOUT) {
            rc = pthread_cond_timedwait(&self->done, &self->mutex, &until);
        }
        self->wanted = false;
        /* When something is in the way (a long reader), commits go on; the next try is later. */
        self->next_wait_frames = self->frames + LIMIT_FRAMES / 4;
    }
    pthread_mutex_unlock(&self->mutex);
}
