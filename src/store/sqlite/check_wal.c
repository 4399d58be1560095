/* The write-ahead log beside a database file, checked frame by frame (SQLite's "WAL file format").
 * See check.h. */
#include "check.h"

#include "pages_int.h"
#include "sqlite_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PAGE = XD_SQLITE_PAGE_BYTES, HEADER = 32, FRAME = 24 };

static const uint32_t MAGIC = 0x377f0682; /* its last bit: sums over big-endian words */

typedef struct wal_sum {
    bool big;
    uint32_t a, b;
} wal_sum;

static void sum_bytes(wal_sum *sum, const unsigned char *p, size_t n)
{
    for (size_t i = 0; i + 8 <= n; i += 8) {
        uint32_t x = xd_page_number_at(p + i, 4);
        uint32_t y = xd_page_number_at(p + i + 4, 4);
        sum->a += (sum->big ? x : __builtin_bswap32(x)) + sum->b;
        sum->b += (sum->big ? y : __builtin_bswap32(y)) + sum->a;
    }
}

static bool sum_is(const wal_sum *sum, const unsigned char *stored)
{
    return sum->a == xd_page_number_at(stored, 4) && sum->b == xd_page_number_at(stored + 4, 4);
}

typedef struct wal_scan {
    int64_t committed; /* frames up to the last commit before the first broken one */
    int64_t broken;    /* first frame of this log that does not match, 0: none */
    int64_t later;     /* frames that end a transaction, from the broken one on */
    bool followed;     /* something of this log comes after such a frame */
} wal_scan;

/* Frames of an earlier round of the log carry other salts, and are no part of it. */
static void scan_frame(wal_scan *scan, wal_sum *sum, int64_t number, const unsigned char *salts,
                       const unsigned char *frame)
{
    bool ours = memcmp(frame + 8, salts, 8) == 0;
    bool ends = xd_page_number_at(frame + 4, 4) != 0;
    if (!scan->broken) {
        wal_sum next = *sum;
        sum_bytes(&next, frame, 8);
        sum_bytes(&next, frame + FRAME, PAGE);
        if (ours && sum_is(&next, frame + 16)) {
            *sum = next;
            scan->committed = ends ? number : scan->committed;
            return;
        }
        scan->broken = number;
    }
    scan->followed |= ours && scan->later > 0;
    scan->later += ours && ends;
}

/* salts NULL: those of the first frame, because the header cannot be believed. */
static xd_status scan_frames(int fd, const unsigned char *salts, wal_sum sum, wal_scan *scan,
                             xd_fault *fault)
{
    unsigned char *frame = malloc(FRAME + PAGE);
    unsigned char first[8];
    if (!frame) {
        return xd_fail(fault, XD_NO_MEMORY, "store.memory", "no memory to check the log");
    }
    off_t at = HEADER;
    for (int64_t number = 1; pread(fd, frame, FRAME + PAGE, at) == FRAME + PAGE; number++) {
        if (!salts) {
            memcpy(first, frame + 8, sizeof first);
            salts = first;
        }
        scan_frame(scan, &sum, number, salts, frame);
        at += FRAME + PAGE;
    }
    free(frame);
    return XD_OK;
}

static void judge(const wal_scan *scan, xd_damage_visit visit, void *context)
{
    /* Each commit is on disk before the next transaction writes. So a transaction that another
     * follows was whole, and what no longer matches in it has changed since. */
    if (scan->broken && scan->followed) {
        xd_damage damage = {.page = 0};
        snprintf(damage.where, sizeof damage.where, "the write-ahead log, frame %lld",
                 (long long)scan->broken);
        snprintf(damage.what, sizeof damage.what,
                 "does not match its checksum, and SQLite would drop %lld committed transaction%s "
                 "from there on",
                 (long long)scan->later, scan->later == 1 ? "" : "s");
        visit(context, &damage);
    }
}

static xd_status check_open(int fd, xd_damage_visit visit, void *context, xd_wal_figures *figures,
                            xd_fault *fault)
{
    unsigned char header[HEADER];
    wal_scan scan = {0};
    if (pread(fd, header, sizeof header, 0) == (ssize_t)sizeof header) {
        wal_sum sum = {.big = header[3] & 1};
        sum_bytes(&sum, header, 24);
        bool good = (xd_page_number_at(header, 4) & ~1u) == MAGIC && sum_is(&sum, header + 24);
        scan.broken = good ? 0 : 1;
        XD_TRY(scan_frames(fd, good ? header + 16 : NULL, sum, &scan, fault));
        judge(&scan, visit, context);
    }
    figures->bytes = lseek(fd, 0, SEEK_END);
    figures->frames = scan.committed;
    return XD_OK;
}

xd_status xd_sqlite_check_wal(const char *path, xd_damage_visit visit, void *context,
                              xd_wal_figures *ret, xd_fault *fault)
{
    char *name = sqlite3_mprintf("%s-wal", path);
    if (!name) {
        return xd_fail(fault, XD_NO_MEMORY, "store.memory", "no memory to check the log");
    }
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    sqlite3_free(name);
    xd_wal_figures figures = {0};
    xd_status status = XD_OK;
    if (fd >= 0) {
        status = check_open(fd, visit, context, &figures, fault);
        close(fd);
    } else if (errno != ENOENT) {
        status = xd_fail(fault, XD_IO, "store.read", "the write-ahead log of %s cannot be read: %s",
                         path, strerror(errno));
    }
    if (status == XD_OK) {
        *ret = figures;
    }
    return status;
}
