/* Dies at a chosen call: preloaded into the hub (LD_PRELOAD), it recognises the system calls of a
 * start, a commit, a checkpoint, a delivery, an answer and a stop, counts them, and ends the
 * process with SIGKILL before, in the middle of or after the n-th one. The hub itself knows nothing
 * of it.
 *
 *     CROSSDOCK_KILL         POINT:before|half|after:N, such as commit.sync:after:17; without it
 *                            calls are only counted
 *     CROSSDOCK_KILL_LOG     file that gets the line "POINT WHEN" at the death
 *     CROSSDOCK_KILL_COUNTS  file with a 64-bit number per point, added to by every life
 *     CROSSDOCK_KILL_NAMES   when set, prints the points, one a line, in the order of the numbers,
 *                            and ends
 *
 * A start lasts until the hub listens on TCP, which it does last; a stop begins when it takes the
 * signal that asks for one. What it does with descriptors on the way is its own affair. run checks
 * both ends: a life that nobody asked to stop counts no stop, and one that was asked counts some.
 */
#define _GNU_SOURCE
#undef _FILE_OFFSET_BITS /* else open and open64 are one name */

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    FDS = 65536,
    KERNEL_SIGSET_BYTES = _NSIG / 8,
    FRAME_BYTES = 24 + 8192 /* header and page: more than SQLite writes at once by itself */
};

typedef enum point {
    NOWHERE,
    STARTUP_OPEN,
    STARTUP_READ,
    STARTUP_MIGRATE, /* into the database file or its journal, also by a checkpoint at this time */
    STARTUP_MIGRATE_SYNC,
    STARTUP_APPEND, /* into the write-ahead log: migrations, the definition, events stepped again */
    STARTUP_APPEND_SYNC,
    STARTUP_UNLINK,  /* a write-ahead log that nobody has open any more */
    COMMIT_WRITE,    /* of events */
    COMMIT_GATHERED, /* the same, several frames of the write-ahead log in one call (gather.h) */
    COMMIT_SYNC,
    FLUSH_WRITE, /* of state, mostly several frames in one call */
    WAL_BEGIN,   /* a write-ahead log begins anew */
    READ,
    CHECKPOINT_WRITE,
    CHECKPOINT_SYNC,
    STOP_WRITE,
    STOP_SYNC,
    STOP_CHECKPOINT,
    STOP_CHECKPOINT_SYNC,
    STOP_UNLINK,
    DELIVERY_CONNECT,
    DELIVERY_SEND,
    DELIVERY_RECEIVE,
    INTAKE_ACCEPT,
    INTAKE_RECEIVE,
    INTAKE_MOVE, /* a file that was read goes to done/ */
    ANSWER_SEND,
    POINTS
} point;

static const char *const names[POINTS] = {
    [NOWHERE] = "other",
    [STARTUP_OPEN] = "startup.open",
    [STARTUP_READ] = "startup.read",
    [STARTUP_MIGRATE] = "startup.migrate",
    [STARTUP_MIGRATE_SYNC] = "startup.migrate_sync",
    [STARTUP_APPEND] = "startup.append",
    [STARTUP_APPEND_SYNC] = "startup.append_sync",
    [STARTUP_UNLINK] = "startup.unlink",
    [COMMIT_WRITE] = "commit.write",
    [COMMIT_GATHERED] = "commit.gathered",
    [COMMIT_SYNC] = "commit.sync",
    [FLUSH_WRITE] = "flush.write",
    [WAL_BEGIN] = "wal.begin",
    [READ] = "read",
    [CHECKPOINT_WRITE] = "checkpoint.write",
    [CHECKPOINT_SYNC] = "checkpoint.sync",
    [STOP_WRITE] = "stop.write",
    [STOP_SYNC] = "stop.sync",
    [STOP_CHECKPOINT] = "stop.checkpoint",
    [STOP_CHECKPOINT_SYNC] = "stop.checkpoint_sync",
    [STOP_UNLINK] = "stop.unlink",
    [DELIVERY_CONNECT] = "delivery.connect",
    [DELIVERY_SEND] = "delivery.send",
    [DELIVERY_RECEIVE] = "delivery.receive",
    [INTAKE_ACCEPT] = "intake.accept",
    [INTAKE_RECEIVE] = "intake.receive",
    [INTAKE_MOVE] = "intake.move",
    [ANSWER_SEND] = "answer.send",
};

typedef enum target { OTHER, DATABASE, LOG_WAL, STATE_WAL, REMOTE, CLIENT } target;
typedef enum phase { STARTING, SERVING, STOPPING } phase;
typedef enum moment { NEVER, BEFORE, HALF, AFTER } moment;

static const char *const moments[] = {
    [NEVER] = "never", [BEFORE] = "before", [HALF] = "half", [AFTER] = "after"};

static struct {
    point where;
    moment when;
    unsigned number; /* of the call at this point in this life, from 1 */
    char log[512];
} plan;
static atomic_uint calls[POINTS];
static atomic_uint_fast64_t *totals; /* shared with other lives; NULL: not kept */
static _Atomic uint8_t targets[FDS]; /* target by descriptor */
static atomic_int now;               /* phase; only ever goes on to the next */
static _Thread_local bool appended;  /* this thread wrote to the log and did not sync it yet */

/* --- the plan --- */

static void map_totals(const char *path)
{
    size_t size = POINTS * sizeof *totals;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0 && ftruncate(fd, (off_t)size) == 0) {
        void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        totals = map == MAP_FAILED ? NULL : map;
    }
    syscall(SYS_close, fd);
}

static void read_plan(const char *text)
{
    char name[64];
    char when[16];
    if (sscanf(text, "%63[^:]:%15[^:]:%u", name, when, &plan.number) != 3) {
        fprintf(stderr, "kill_points: CROSSDOCK_KILL is not POINT:WHEN:N: %s\n", text);
        _exit(2);
    }
    for (int p = 1; p < POINTS; p++) {
        plan.where = strcmp(names[p], name) == 0 ? (point)p : plan.where;
    }
    for (int m = BEFORE; m <= AFTER; m++) {
        plan.when = strcmp(moments[m], when) == 0 ? (moment)m : plan.when;
    }
    if (plan.where == NOWHERE || plan.when == NEVER || plan.number == 0) {
        fprintf(stderr, "kill_points: no such point or moment: %s\n", text);
        _exit(2);
    }
}

__attribute__((constructor)) static void begin(void)
{
    const char *text = getenv("CROSSDOCK_KILL");
    const char *log = getenv("CROSSDOCK_KILL_LOG");
    const char *counts = getenv("CROSSDOCK_KILL_COUNTS");
    if (getenv("CROSSDOCK_KILL_NAMES")) {
        for (int p = 0; p < POINTS; p++) {
            puts(names[p]);
        }
        fflush(stdout);
        _exit(0);
    }
    snprintf(plan.log, sizeof plan.log, "%s", log ? log : "");
    if (counts && *counts) {
        map_totals(counts);
    }
    if (text && *text) {
        read_plan(text);
    }
}

static _Noreturn void die(void)
{
    char line[128];
    int n = snprintf(line, sizeof line, "%s %s\n", names[plan.where], moments[plan.when]);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, plan.log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    syscall(SYS_write, fd, line, (size_t)n);
    for (;;) {
        kill(getpid(), SIGKILL);
    }
}

/* Counts the call that is about to be made; NEVER unless it is the chosen one. */
static moment arrive(point p)
{
    if (p == NOWHERE) {
        return NEVER;
    }
    if (totals) {
        atomic_fetch_add(&totals[p], 1);
    }
    unsigned number = atomic_fetch_add(&calls[p], 1) + 1;
    if (p != plan.where || number != plan.number) {
        return NEVER;
    }
    if (plan.when == BEFORE) {
        die();
    }
    return plan.when;
}

static void leave(moment m)
{
    if (m != NEVER) {
        die();
    }
}

/* --- which point a call is --- */

static target target_of(int fd)
{
    return fd >= 0 && fd < FDS ? (target)atomic_load(&targets[fd]) : OTHER;
}

static void set_target(int fd, target t)
{
    if (fd >= 0 && fd < FDS) {
        atomic_store(&targets[fd], (uint8_t)t);
    }
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text);
    size_t m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static target file_target(const char *path)
{
    static const struct {
        const char *end;
        target target;
    } files[] = {
        {"crossdock.db", DATABASE},         {"crossdock-log.db", DATABASE},
        {"crossdock.db-journal", DATABASE}, {"crossdock-log.db-journal", DATABASE},
        {"crossdock.db-wal", STATE_WAL},    {"crossdock-log.db-wal", LOG_WAL},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (ends_with(path, files[i].end)) {
            return files[i].target;
        }
    }
    return OTHER;
}

static bool is_wal(target t)
{
    return t == LOG_WAL || t == STATE_WAL;
}

static bool is_tcp(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    return getsockname(fd, (struct sockaddr *)&address, &size) == 0 &&
           (address.ss_family == AF_INET || address.ss_family == AF_INET6);
}

static point write_point(int fd, size_t n, int64_t at)
{
    static const point points[][2] = {[STARTING] = {STARTUP_MIGRATE, STARTUP_APPEND},
                                      [SERVING] = {CHECKPOINT_WRITE, COMMIT_WRITE},
                                      [STOPPING] = {STOP_CHECKPOINT, STOP_WRITE}};
    target t = target_of(fd);
    if (t != DATABASE && !is_wal(t)) {
        return NOWHERE;
    }
    appended = appended || t == LOG_WAL;
    int phase_now = atomic_load(&now);
    if (phase_now == SERVING && is_wal(t) && at == 0) {
        return WAL_BEGIN;
    }
    if (phase_now == SERVING && t == STATE_WAL) {
        return FLUSH_WRITE;
    }
    if (phase_now == SERVING && t == LOG_WAL && n > FRAME_BYTES) {
        return COMMIT_GATHERED;
    }
    return points[phase_now][is_wal(t)];
}

static point sync_point(int fd)
{
    static const point points[][2] = {[STARTING] = {STARTUP_MIGRATE_SYNC, STARTUP_APPEND_SYNC},
                                      [SERVING] = {CHECKPOINT_SYNC, COMMIT_SYNC},
                                      [STOPPING] = {STOP_CHECKPOINT_SYNC, STOP_SYNC}};
    target t = target_of(fd);
    if (t != DATABASE && !is_wal(t)) {
        return NOWHERE;
    }
    int phase_now = atomic_load(&now);
    if (phase_now != SERVING) {
        return points[phase_now][is_wal(t)];
    }
    /* Checkpoints sync the write-ahead log they copy; for state nothing else does. */
    bool commit = t == LOG_WAL && appended;
    appended = false;
    return points[SERVING][commit];
}

static point read_point(int fd)
{
    target t = target_of(fd);
    if (t == DATABASE || is_wal(t)) {
        return atomic_load(&now) == STARTING ? STARTUP_READ : READ;
    }
    return t == REMOTE ? DELIVERY_RECEIVE : t == CLIENT ? INTAKE_RECEIVE : NOWHERE;
}

static point send_point(int fd)
{
    target t = target_of(fd);
    return t == REMOTE ? DELIVERY_SEND : t == CLIENT ? ANSWER_SEND : NOWHERE;
}

/* --- files --- */

static int open_file(const char *path, int flags, mode_t mode)
{
    target t = file_target(path);
    moment m = arrive(t != OTHER && atomic_load(&now) == STARTING ? STARTUP_OPEN : NOWHERE);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    set_target(fd, t);
    leave(m);
    return fd;
}

int open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return open_file(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return open_file(path, flags, mode);
}

int close(int fd)
{
    set_target(fd, OTHER);
    return (int)syscall(SYS_close, fd);
}

int unlink(const char *path)
{
    point p = atomic_load(&now) == STARTING ? STARTUP_UNLINK : STOP_UNLINK;
    moment m = arrive(is_wal(file_target(path)) ? p : NOWHERE);
    int rc = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    leave(m);
    return rc;
}

int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    moment m = arrive(INTAKE_MOVE);
    int rc = (int)syscall(SYS_renameat, from_folder, from, to_folder, to);
    leave(m);
    return rc;
}

int rename(const char *from, const char *to)
{
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

ssize_t pread64(int fd, void *bytes, size_t n, off64_t at)
{
    moment m = arrive(read_point(fd));
    ssize_t got = syscall(SYS_pread64, fd, bytes, n, at);
    leave(m);
    return got;
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at)
{
    moment m = arrive(write_point(fd, n, at));
    ssize_t written = syscall(SYS_pwrite64, fd, bytes, m == HALF ? n / 2 : n, at);
    leave(m);
    return written;
}

int fsync(int fd)
{
    moment m = arrive(sync_point(fd));
    int rc = (int)syscall(SYS_fsync, fd);
    leave(m);
    return rc;
}

int fdatasync(int fd)
{
    moment m = arrive(sync_point(fd));
    int rc = (int)syscall(SYS_fdatasync, fd);
    leave(m);
    return rc;
}

/* --- signals --- */

int sigtimedwait(const sigset_t *signals, siginfo_t *info, const struct timespec *timeout)
{
    int taken = (int)syscall(SYS_rt_sigtimedwait, signals, info, timeout, KERNEL_SIGSET_BYTES);
    if (taken == SIGTERM || taken == SIGINT) {
        atomic_store(&now, STOPPING);
    }
    return taken;
}

/* --- sockets --- */

int listen(int fd, int backlog)
{
    int rc = (int)syscall(SYS_listen, fd, backlog);
    if (rc == 0 && is_tcp(fd)) {
        atomic_compare_exchange_strong(&now, &(int){STARTING}, SERVING);
    }
    return rc;
}

int connect(int fd, const struct sockaddr *address, socklen_t size)
{
    bool tcp = address->sa_family == AF_INET || address->sa_family == AF_INET6;
    set_target(fd, tcp ? REMOTE : OTHER);
    moment m = arrive(tcp ? DELIVERY_CONNECT : NOWHERE);
    int rc = (int)syscall(SYS_connect, fd, address, size);
    leave(m);
    return rc;
}

int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
    int taken = (int)syscall(SYS_accept4, fd, address, size, flags);
    bool client = taken >= 0 && is_tcp(taken);
    if (client) {
        set_target(taken, CLIENT);
    }
    leave(arrive(client ? INTAKE_ACCEPT : NOWHERE));
    return taken;
}

ssize_t send(int fd, const void *bytes, size_t n, int flags)
{
    moment m = arrive(send_point(fd));
    ssize_t sent = syscall(SYS_sendto, fd, bytes, m == HALF ? n / 2 : n, flags, NULL, 0);
    leave(m);
    return sent;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    moment m = arrive(send_point(fd));
    struct msghdr first = *message;
    first.msg_iovlen = m == HALF && first.msg_iovlen > 1 ? 1 : first.msg_iovlen;
    ssize_t sent = syscall(SYS_sendmsg, fd, &first, flags);
    leave(m);
    return sent;
}

ssize_t recv(int fd, void *bytes, size_t n, int flags)
{
    moment m = arrive(read_point(fd));
    ssize_t got = syscall(SYS_recvfrom, fd, bytes, n, flags, NULL, NULL);
    leave(m);
    return got;
}
