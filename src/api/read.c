/* The read side's door: connections, routes, and one transaction per question. Owns the idle
 * connections. May call store's opening, base and SQLite. */
#include "api/session.h"
#include "store/sqlite/open.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum {
    MAGIC = 0x52454144,
    IDLE_MAX = 8,
    ARENA_CAP = 64 << 20,
    LONGEST_MS = 60000, /* of one question: while it runs, the write-ahead log cannot begin anew */
    STEPS_BETWEEN_LOOKS = 100000
};

struct xd_reader {
    uint32_t magic;
    char *path; /* owns */
    xd_instant (*clock)(void);
    pthread_mutex_t lock;
    xd_session *idle; /* owns; guarded by lock */
    int idle_count;
};

typedef struct route {
    const char *path;
    const char *suffix; /* NULL: the path is whole; else the rest ends in it and is not empty */
    xd_status (*answer)(xd_ask *ask);
} route;

static const route ROUTES[] = {
    {"/documents/", "", xd_ask_documents},
    {"/trace/", "", xd_ask_trace},
    {"/holds", NULL, xd_ask_holds},
    {"/holds/", "", xd_ask_hold},
    {"/dead-letters", NULL, xd_ask_dead_letters},
    {"/dead-letters/", "", xd_ask_dead_letter},
    {"/parked", NULL, xd_ask_parked},
    {"/exceptions", NULL, xd_ask_exceptions},
    {"/exceptions/", "", xd_ask_exception},
    {"/outbox", NULL, xd_ask_outbox},
    {"/crosswalks", NULL, xd_ask_crosswalks},
    {"/crosswalks/missing", NULL, xd_ask_missing_codes},
    {"/crosswalks/", "", xd_ask_crosswalk},
    {"/journal", NULL, xd_ask_journal},
    {"/balances", NULL, xd_ask_balances},
    {"/invoices/", "/match", xd_ask_match},
    {"/status", NULL, xd_ask_status},
    {"/queues", NULL, xd_ask_queues},
    {"/search", NULL, xd_ask_search},
    {"/raw/", "", xd_ask_raw},
    {"/reports/p2p-controls", NULL, xd_ask_controls},
};

/* --- connections --- */

static void session_destroy(xd_session *session)
{
    for (int i = 0; i < session->count; i++) {
        sqlite3_finalize(session->statements[i]);
    }
    sqlite3_close(session->db);
    xd_arena_finish(&session->arena);
    free(session);
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int look_at_the_clock(void *context)
{
    const xd_session *session = context;
    return now_ms() > session->deadline_ms;
}

static xd_status session_create(const char *path, xd_session **ret, xd_fault *fault)
{
    xd_session *session = calloc(1, sizeof *session);
    if (!session) {
        return xd_fail(fault, XD_NO_MEMORY, "read.memory", "no memory for a read connection");
    }
    xd_arena_init(&session->arena, ARENA_CAP);
    session->deadline_ms = INT64_MAX;
    xd_status status = xd_sqlite_open_read(path, &session->db, fault);
    if (status != XD_OK) {
        session_destroy(session);
        return status;
    }
    sqlite3_progress_handler(session->db, STEPS_BETWEEN_LOOKS, look_at_the_clock, session);
    *ret = session;
    return XD_OK;
}

static xd_status take_session(xd_reader *reader, xd_session **ret, xd_fault *fault)
{
    pthread_mutex_lock(&reader->lock);
    xd_session *session = reader->idle;
    if (session) {
        reader->idle = session->next;
        reader->idle_count--;
    }
    pthread_mutex_unlock(&reader->lock);
    if (session) {
        *ret = session;
        return XD_OK;
    }
    return session_create(reader->path, ret, fault);
}

/* One whose transaction could not be ended, for want of memory say, would answer nothing any more
 * and keep the write-ahead log from beginning anew. */
static void give_back(xd_reader *reader, xd_session *session)
{
    xd_arena_reset(&session->arena);
    bool whole = sqlite3_get_autocommit(session->db);
    pthread_mutex_lock(&reader->lock);
    bool keep = whole && reader->idle_count < IDLE_MAX;
    if (keep) {
        session->next = reader->idle;
        reader->idle = session;
        reader->idle_count++;
    }
    pthread_mutex_unlock(&reader->lock);
    if (!keep) {
        session_destroy(session);
    }
}

xd_status xd_read_open(const char *path, xd_instant (*clock)(void), xd_reader **ret,
                       xd_fault *fault)
{
    xd_reader *reader = calloc(1, sizeof *reader);
    char *copy = strdup(path);
    xd_session *session = NULL;
    if (!reader || !copy) {
        free(reader);
        free(copy);
        return xd_fail(fault, XD_NO_MEMORY, "read.memory", "no memory for the read side");
    }
    xd_status status = session_create(path, &session, fault);
    if (status != XD_OK) {
        free(reader);
        free(copy);
        return status;
    }
    *reader = (xd_reader){.magic = MAGIC, .path = copy, .clock = clock};
    pthread_mutex_init(&reader->lock, NULL);
    give_back(reader, session);
    *ret = reader;
    return XD_OK;
}

void xd_read_close(xd_reader *reader)
{
    if (!reader) {
        return;
    }
    assert(reader->magic == MAGIC);
    for (xd_session *next, *session = reader->idle; session; session = next) {
        next = session->next;
        session_destroy(session);
    }
    pthread_mutex_destroy(&reader->lock);
    free(reader->path);
    free(reader);
}

/* --- questions --- */

static bool fits(const route *r, xd_str path, xd_str *ret_rest)
{
    xd_str start = xd_str_from(r->path);
    if (!r->suffix) {
        return xd_str_eq(path, start);
    }
    xd_str end = xd_str_from(r->suffix);
    if (path.len <= start.len + end.len || !xd_str_starts(path, start) ||
        memcmp(path.ptr + path.len - end.len, end.ptr, end.len) != 0) {
        return false;
    }
    *ret_rest = (xd_str){path.ptr + start.len, path.len - start.len - end.len};
    return true;
}

static xd_status answer(xd_ask *ask, const route *r)
{
    size_t before = ask->out->len;
    ask->session->deadline_ms = now_ms() + LONGEST_MS;
    int rc = sqlite3_exec(ask->db, "BEGIN", NULL, NULL, NULL);
    if (rc != SQLITE_OK) {
        return xd_sqlite_fail(ask->fault, ask->db, rc, ask->path, "beginning to read");
    }
    xd_status status = r->answer(ask);
    if (ask->arena->failed || ask->out->starved) {
        status = xd_ask_no_memory(ask); /* whatever was made of it: no key, say, finds nothing */
    } else if (status == XD_OK && ask->out->failed) {
        status = xd_fail(ask->fault, XD_LIMIT, "read.size",
                         "the answer is larger than %zu bytes; ask for less, with a smaller limit "
                         "or a narrower filter",
                         ask->out->cap_bytes);
    }
    for (int i = 0; i < ask->session->count; i++) {
        sqlite3_reset(ask->session->statements[i]);
    }
    ask->session->deadline_ms = INT64_MAX;
    sqlite3_exec(ask->db, "ROLLBACK", NULL, NULL, NULL);
    if (status != XD_OK) {
        ask->out->len = before;
        ask->out->failed = ask->out->starved = false;
    }
    return status;
}

xd_status xd_read_dispatch(void *context, const xd_read_request *request, xd_buf *ret_body,
                           xd_fault *fault)
{
    xd_reader *reader = context;
    assert(reader->magic == MAGIC);
    xd_str path = xd_str_from(request->path);
    xd_str rest = XD_STR("");
    const route *found = NULL;
    for (size_t i = 0; i < sizeof ROUTES / sizeof ROUTES[0] && !found; i++) {
        found = fits(&ROUTES[i], path, &rest) ? &ROUTES[i] : NULL;
    }
    if (!found) {
        return xd_fail(fault, XD_NOT_FOUND, "read.route",
                       "there is nothing to read at %.*s; docs/read.md lists the routes",
                       (int)(path.len < 100 ? path.len : 100), path.ptr);
    }
    xd_session *session = NULL;
    XD_TRY(take_session(reader, &session, fault));
    xd_ask ask = {.session = session,
                  .db = session->db,
                  .path = reader->path,
                  .request = request,
                  .rest = rest,
                  .out = ret_body,
                  .arena = &session->arena,
                  .now = reader->clock ? reader->clock() : XD_INSTANT_NONE,
                  .fault = fault};
    xd_status status = answer(&ask, found);
    give_back(reader, session);
    return status;
}
