/* The page check. See check.h. */
#include "check.h"

#include "pages_int.h"
#include "sqlite_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    PAGE = XD_SQLITE_PAGE_BYTES,
    PIECE_PAGES = 128,
    TRIES = 25,
    PAUSE_NS = 10000000,
    COUNTER_AT = 24,
    COUNT_AT = 28,
    RESERVE_AT = 20,
    VERSION_AT = 60,
    VALID_FOR_AT = 92,
    PROGRESS_EVERY = 64 << 20
};

typedef struct checking {
    xd_page_file file;
    uint8_t *findings; /* owns */
    uint8_t *named;    /* owns */
    xd_damage_visit visit;
    void *context;
    const char *path;
    xd_page_figures figures;
    int64_t suspects;
    bool logged; /* there is a write-ahead log, so a hub may be running */
    char header[100];
} checking;

static xd_status io_fault(const checking *c, const char *doing, xd_fault *fault)
{
    int error = errno;
    xd_status status = xd_fail(fault, error == ENOENT ? XD_NOT_FOUND : XD_IO, "store.read",
                               "%s the database file failed: %s", doing, strerror(error));
    xd_fault_at(fault, -1, c->path);
    return status;
}

static void tell(checking *c, int64_t page, const char *where, const char *what)
{
    xd_damage damage = {.page = page};
    snprintf(damage.where, sizeof damage.where, "%s", where);
    snprintf(damage.what, sizeof damage.what, "%s", what);
    c->visit(c->context, &damage);
}

/* A checkpoint may be in the middle of this page: it is damaged only if it stays so. */
static xd_page_state look_again(checking *c, uint32_t number, unsigned char *page)
{
    const struct timespec pause = {0, PAUSE_NS};
    xd_page_state state = XD_PAGE_DAMAGED;
    for (int i = 0; i < (c->logged ? TRIES : 1) && state != XD_PAGE_GOOD; i++) {
        if (i > 0) {
            nanosleep(&pause, NULL);
        }
        if (pread(c->file.fd, page, PAGE, (off_t)(number - 1) * PAGE) == PAGE) {
            state = xd_page_check(page, number);
        }
    }
    return state;
}

static bool is_blank(const unsigned char *page)
{
    return page[0] == 0 && memcmp(page, page + 1, PAGE - 1) == 0;
}

static void judge(checking *c, uint32_t number, unsigned char *page)
{
    xd_page_state state = xd_page_check(page, number);
    if (state != XD_PAGE_GOOD && !is_blank(page)) {
        state = look_again(c, number, page);
    }
    if (number == 1 && state == XD_PAGE_GOOD) {
        memcpy(c->header, page, sizeof c->header);
    }
    c->findings[number - 1] = state == XD_PAGE_DAMAGED ? XD_PAGE_BAD
                              : state == XD_PAGE_GOOD  ? XD_PAGE_FINE
                              : is_blank(page)         ? XD_PAGE_BLANK
                                                       : XD_PAGE_BARE;
    c->suspects += state != XD_PAGE_GOOD;
    c->figures.pages++;
}

static xd_status read_all(checking *c, xd_store_progress progress, xd_fault *fault)
{
    unsigned char *piece = malloc((size_t)PIECE_PAGES * PAGE);
    if (!piece) {
        return xd_fail(fault, XD_NO_MEMORY, "store.memory", "no memory to read the database");
    }
    int64_t total = (int64_t)c->file.pages * PAGE;
    xd_status status = XD_OK;
    for (uint32_t at = 0; at < c->file.pages && status == XD_OK;) {
        ssize_t n = pread(c->file.fd, piece, (size_t)PIECE_PAGES * PAGE, (off_t)at * PAGE);
        if (n < PAGE) {
            status = io_fault(c, "reading", fault);
            break;
        }
        for (ssize_t i = 0; i < n / PAGE && at < c->file.pages; i++, at++) {
            judge(c, at + 1, piece + i * PAGE);
        }
        int64_t done = (int64_t)at * PAGE;
        if (progress && done / PROGRESS_EVERY != (done - n) / PROGRESS_EVERY) {
            progress(c->context, done, total);
        }
    }
    free(piece);
    return status;
}

static void note_named(void *context, uint32_t page, const char *where)
{
    checking *c = context;
    static const char *const WHAT[] = {
        [XD_PAGE_BAD] = "does not match its checksum",
        [XD_PAGE_BARE] = "has no checksum: another program than the hub has written it",
        [XD_PAGE_BLANK] = "was never written, or its writing was lost",
    };
    xd_page_finding finding = (xd_page_finding)c->findings[page - 1];
    c->figures.damaged += finding != XD_PAGE_BARE;
    c->figures.unsummed += finding == XD_PAGE_BARE;
    tell(c, page, where, WHAT[finding]);
}

static xd_status name_damage(checking *c, xd_fault *fault)
{
    XD_TRY(xd_pages_name(&c->file, c->named, note_named, c, fault));
    for (uint32_t i = 0; i < c->file.pages; i++) {
        bool nameless = !c->named[i] && c->findings[i] != XD_PAGE_FINE;
        if (nameless && c->findings[i] != XD_PAGE_BLANK) {
            note_named(c, i + 1, "below another damaged page, so nobody knows of what");
        }
    }
    return XD_OK;
}

/* The length of the file against what page 1 says, once the write-ahead log has been taken over. */
static void check_length(checking *c, off_t bytes)
{
    char text[160];
    const unsigned char *h = (const unsigned char *)c->header;
    if (bytes % PAGE != 0) {
        snprintf(text, sizeof text, "ends %lld bytes into a page", (long long)(bytes % PAGE));
        tell(c, (int64_t)c->file.pages + 1, "the end of the file", text);
        c->figures.damaged++;
    }
    uint32_t count = xd_page_number_at(h + COUNT_AT, 4);
    if (!c->logged && h[0] && memcmp(h + COUNTER_AT, h + VALID_FOR_AT, 4) == 0 &&
        count != c->file.pages) {
        snprintf(text, sizeof text, "holds %u pages, and its header counts %u",
                 (unsigned)c->file.pages, (unsigned)count);
        tell(c, 0, "the file", text);
        c->figures.damaged++;
    }
}

/* Of a version that had no checksums, by two witnesses that no single flipped bit can change. */
static bool is_older(const unsigned char *header)
{
    return header[RESERVE_AT] == 0 &&
           xd_page_number_at(header + VERSION_AT, 4) < XD_SQLITE_SUMMED_VERSION;
}

static bool has_log(const char *path)
{
    char *wal = sqlite3_mprintf("%s-wal", path);
    struct stat st;
    bool logged = !wal || (stat(wal, &st) == 0 && st.st_size > 0);
    sqlite3_free(wal);
    return logged;
}

static xd_status open_file(checking *c, off_t *ret_bytes, xd_fault *fault)
{
    c->file.fd = open(c->path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (c->file.fd < 0 || fstat(c->file.fd, &st) != 0) {
        return io_fault(c, "opening", fault);
    }
    unsigned char header[sizeof c->header] = {0};
    if (pread(c->file.fd, header, sizeof header, 0) == (ssize_t)sizeof header && is_older(header)) {
        xd_fail(fault, XD_CONFLICT, "store.older",
                "the database has schema version %u, whose pages carry no checksums: start this "
                "hub once to bring it to version %d",
                (unsigned)xd_page_number_at(header + VERSION_AT, 4), XD_SQLITE_VERSION);
        xd_fault_at(fault, -1, c->path);
        return XD_CONFLICT;
    }
    c->file.pages = (uint32_t)(st.st_size / PAGE);
    c->logged = has_log(c->path);
    c->findings = calloc(c->file.pages + 1u, 1);
    c->named = calloc(c->file.pages + 1u, 1);
    c->file.findings = c->findings;
    *ret_bytes = st.st_size;
    return c->findings && c->named
               ? XD_OK
               : xd_fail(fault, XD_NO_MEMORY, "store.memory", "no memory to check the database");
}

xd_status xd_sqlite_check_pages(const char *path, xd_store_progress progress, xd_damage_visit visit,
                                void *context, xd_page_figures *ret, xd_fault *fault)
{
    checking c = {.file = {.fd = -1}, .visit = visit, .context = context, .path = path};
    off_t bytes = 0;
    xd_status status = open_file(&c, &bytes, fault);
    status = status == XD_OK ? read_all(&c, progress, fault) : status;
    if (status == XD_OK) {
        check_length(&c, bytes);
        status = c.suspects ? name_damage(&c, fault) : XD_OK;
    }
    if (status == XD_OK) {
        *ret = c.figures;
    }
    if (c.file.fd >= 0) {
        close(c.file.fd);
    }
    free(c.findings);
    free(c.named);
    return status;
}

/* --- structure --- */

static xd_status walk_findings(sqlite3 *db, const char *path, xd_damage_visit visit, void *context,
                               xd_fault *fault)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &s, NULL);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(s);
        xd_str text = rc == SQLITE_ROW ? xd_sqlite_text(s, 0) : XD_STR("ok");
        if (!xd_str_eq(text, XD_STR("ok"))) {
            xd_damage damage = {.page = 0, .where = "the structure of the file"};
            snprintf(damage.what, sizeof damage.what, "%.*s", XD_FMT(text));
            visit(context, &damage);
        }
    }
    sqlite3_finalize(s);
    return rc == SQLITE_DONE ? XD_OK
                             : xd_sqlite_fail(fault, db, rc, path, "checking the structure");
}

/* The register, which finds events, against the log it was made from. A record that waits for its
 * map (kind 40) is found by the numbers of the document that it becomes, which the log does not
 * hold. */
static const char REGISTER[] =
    "SELECT e.seq FROM event e LEFT JOIN log l ON l.seq = e.seq "
    "LEFT JOIN source s ON s.id = e.source_id "
    "WHERE (l.source, l.id, l.kind, CASE l.kind WHEN 40 THEN e.key ELSE l.key END,"
    " CASE l.kind WHEN 40 THEN e.order_key ELSE l.order_key END, l.recorded_at, l.actor,"
    " length(CAST(l.body AS BLOB))) IS NOT"
    " (s.name, e.id, e.kind, e.key, e.order_key, e.recorded_at, e.actor, e.bytes)"
    " OR l.time IS NOT e.time "
    "UNION ALL SELECT l.seq FROM log l WHERE l.seq <="
    " coalesce((SELECT value FROM meta WHERE name = 'state_seq'), 0)"
    " AND NOT EXISTS (SELECT 1 FROM event e WHERE e.seq = l.seq)";

static xd_status walk_register(sqlite3 *db, const char *path, xd_damage_visit visit, void *context,
                               xd_fault *fault)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(db, REGISTER, -1, &s, NULL);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(s);
        if (rc == SQLITE_ROW) {
            xd_damage damage = {.what = "does not say what the log says, or is missing"};
            snprintf(damage.where, sizeof damage.where, "the register, event %lld",
                     (long long)sqlite3_column_int64(s, 0));
            visit(context, &damage);
        }
    }
    sqlite3_finalize(s);
    return rc == SQLITE_DONE ? XD_OK : xd_sqlite_fail(fault, db, rc, path, "checking the register");
}

xd_status xd_sqlite_check_structure(const char *path, xd_store_mode mode, xd_damage_visit visit,
                                    void *context, xd_fault *fault)
{
    sqlite3 *db = NULL;
    XD_TRY(mode == XD_STORE_STILL ? xd_sqlite_open_still(path, &db, fault)
                                  : xd_sqlite_open_read(path, &db, fault));
    /* One transaction, the state's snapshot before the log's, which may be ahead. */
    xd_status status =
        xd_sqlite_do(db, "BEGIN; SELECT count(*) FROM meta", path, "checking the structure", fault);
    status = status == XD_OK ? walk_findings(db, path, visit, context, fault) : status;
    status = status == XD_OK ? walk_register(db, path, visit, context, fault) : status;
    sqlite3_close(db);
    return status;
}
