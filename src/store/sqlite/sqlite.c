/* The SQLite store: two files, the log's and the state's, each with one writer (held by a lock
 * file, so that readers of other processes may come and go), prepared statements, group commit by
 * the caller. Owns its connections, its statements, the lock and the checkpointers. May call base
 * and SQLite. */
#include "base/hash.h"
#include "port/store.h"
#include "sqlite_int.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAGIC = 0x53514c53, SOURCES = 256 };

/* The two halves of a store, each a file. A reader has one connection for both. */
enum { LOG, STATE, HALVES };

typedef enum statement {
    /* In the log's file. */
    LOG_BEGIN,
    LOG_COMMIT,
    LOG_ROLLBACK,
    LOG_APPEND,
    LOG_GET,
    LOG_HEAD,
    RAW_PUT,
    RAW_GET,
    ANSWER_GET,
    ANSWER_PUT,
    ANSWER_PURGE,
    /* In the state's file. */
    STATE_BEGIN,
    FIRST_OF_STATE = STATE_BEGIN,
    STATE_COMMIT,
    STATE_ROLLBACK,
    READ_BEGIN,
    SOURCE_FIND,
    SOURCE_ADD,
    EVENT_PUT,
    EVENT_FIND,
    STATE_GET,
    STATE_PUT,
    STATE_DELETE,
    EFFECT_PUT,
    JOURNAL_PUT,
    EFFECT_GET,
    JOURNAL_GET,
    META_GET,
    META_PUT,
    STATEMENTS
} statement;

#define LOG_COLUMNS                                                                                \
    "SELECT seq, recorded_at, kind, source, id, key, time, actor, trace, body, order_key, map, "   \
    "raw FROM log "

/* For tables without further indexes, OR REPLACE is one descent of the tree; an upsert is two. */
static const char *const SQL[STATEMENTS] = {
    [LOG_BEGIN] = "BEGIN IMMEDIATE",
    [LOG_COMMIT] = "COMMIT",
    [LOG_ROLLBACK] = "ROLLBACK",
    [LOG_APPEND] = "INSERT INTO log (seq, recorded_at, kind, source, id, key, time, actor, trace, "
                   "body, order_key, map, raw) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [RAW_PUT] = "INSERT OR IGNORE INTO raw (hash, media, bytes) VALUES (?, ?, ?)",
    [RAW_GET] = "SELECT media, bytes FROM raw WHERE hash = ?",
    [LOG_GET] = LOG_COLUMNS "WHERE seq = ?",
    [LOG_HEAD] = "SELECT max(seq) FROM log",
    [ANSWER_GET] = "SELECT payload_hash, answer FROM answer WHERE consumer = ? AND key = ?",
    [ANSWER_PUT] = "INSERT OR REPLACE INTO answer (consumer, key, payload_hash, answer, at) "
                   "VALUES (?, ?, ?, ?, ?)",
    [ANSWER_PURGE] = "DELETE FROM answer WHERE at < ?",
    [STATE_BEGIN] = "BEGIN IMMEDIATE",
    [STATE_COMMIT] = "COMMIT",
    [STATE_ROLLBACK] = "ROLLBACK",
    [READ_BEGIN] = "BEGIN",
    [SOURCE_FIND] = "SELECT id FROM source WHERE name = ?",
    [SOURCE_ADD] = "INSERT INTO source (name) VALUES (?)",
    [EVENT_PUT] = "INSERT INTO event (seq, recorded_at, kind, source_id, id, key, time, actor, "
                  "order_key, bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                  "ON CONFLICT (source_id, id) DO UPDATE SET key = excluded.key, "
                  "order_key = excluded.order_key WHERE seq = excluded.seq AND "
                  "(key <> excluded.key OR order_key <> excluded.order_key)",
    [EVENT_FIND] = "SELECT seq FROM event WHERE source_id = ? AND id = ?",
    [STATE_GET] = "SELECT value FROM state WHERE kind = ? AND key = ?",
    [STATE_PUT] = "INSERT OR REPLACE INTO state (kind, key, value) VALUES (?, ?, ?)",
    [STATE_DELETE] = "DELETE FROM state WHERE kind = ? AND key = ?",
    [EFFECT_PUT] = "INSERT OR REPLACE INTO effect (seq, body) VALUES (?, ?)",
    [JOURNAL_PUT] = "INSERT INTO journal (ordinal, body) VALUES (?, ?)",
    [EFFECT_GET] = "SELECT body FROM effect WHERE seq = ?",
    [JOURNAL_GET] = "SELECT body FROM journal WHERE ordinal = ?",
    [META_GET] = "SELECT value FROM meta WHERE name = ?",
    [META_PUT] = "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)",
};

static const char LOG_EACH[] = LOG_COLUMNS "WHERE seq > ? ORDER BY seq LIMIT ?";
static const char STATE_EACH[] =
    "SELECT kind, key, value FROM state WHERE kind >= ? AND kind < ? ORDER BY kind, key";
static const char EFFECT_EACH[] = "SELECT seq, body FROM effect WHERE seq > ? ORDER BY seq LIMIT ?";
static const char JOURNAL_EACH[] =
    "SELECT ordinal, body FROM journal WHERE ordinal > ? ORDER BY ordinal LIMIT ?";

typedef struct source_slot {
    char *name; /* owns; NULL: empty */
    size_t len;
    int64_t id;
} source_slot;

typedef struct half {
    sqlite3 *db; /* owns, unless both halves of a reader share it */
    char *path;  /* owns; sqlite3_free */
    bool writable;
    bool open;                     /* a transaction is */
    xd_checkpointer *checkpointer; /* owns; NULL when not writable */
} half;

typedef struct sqlite_store {
    xd_store base;
    uint32_t magic;
    half halves[HALVES];
    int lock_fd; /* owns; -1 when another object holds the lock */
    bool still;  /* nobody writes the files */
    bool open;   /* a transaction is, on whatever can be written */
    bool held;   /* a snapshot of the state is, for reading outside a transaction */
    int64_t head;
    int64_t committed_head;
    sqlite3_stmt *statements[STATEMENTS]; /* owns */
    source_slot sources[SOURCES];         /* ids of source names, by hash; emptied by rollback */
} sqlite_store;

static sqlite_store *self_of(xd_store *store)
{
    sqlite_store *self = (sqlite_store *)store;
    assert(self->magic == MAGIC);
    return self;
}

static const half *half_of(const sqlite_store *self, statement which)
{
    return &self->halves[which < FIRST_OF_STATE ? LOG : STATE];
}

static xd_status fail(const half *h, int rc, const char *doing, xd_fault *fault)
{
    return xd_sqlite_fail(fault, h->db, rc, h->path, doing);
}

static xd_status no_room(xd_fault *fault)
{
    return xd_fail(fault, XD_NO_MEMORY, "store.memory",
                   "a stored document does not fit into the memory allowed for this message");
}

/* --- binding and reading --- */

static void bind_text(sqlite3_stmt *s, int column, xd_str text)
{
    /* Bound without a copy: every caller steps before its text goes away. An empty text must not
     * become NULL. Only out of range columns and huge texts fail, and those fail the step. */
    sqlite3_bind_text64(s, column, text.ptr ? text.ptr : "", text.len, SQLITE_STATIC, SQLITE_UTF8);
}

/* Runs a statement that returns no rows. */
static xd_status run(sqlite_store *self, statement which, const char *doing, xd_fault *fault)
{
    sqlite3_stmt *s = self->statements[which];
    int rc = sqlite3_step(s);
    xd_status status = rc == SQLITE_DONE ? XD_OK : fail(half_of(self, which), rc, doing, fault);
    sqlite3_reset(s);
    return status;
}

/* Runs a statement that returns one integer or nothing (then *ret_value is absent). */
static xd_status run_integer(sqlite_store *self, statement which, int64_t absent,
                             int64_t *ret_value, const char *doing, xd_fault *fault)
{
    sqlite3_stmt *s = self->statements[which];
    int rc = sqlite3_step(s);
    xd_status status = XD_OK;
    if (rc == SQLITE_ROW) {
        *ret_value = sqlite3_column_int64(s, 0);
    } else if (rc == SQLITE_DONE) {
        *ret_value = absent;
    } else {
        status = fail(half_of(self, which), rc, doing, fault);
    }
    sqlite3_reset(s);
    return status;
}

/* Runs a statement that returns one text or nothing (then *ret_value is XD_STR_NULL). */
static xd_status run_text(sqlite_store *self, statement which, xd_arena *arena, xd_str *ret_value,
                          const char *doing, xd_fault *fault)
{
    sqlite3_stmt *s = self->statements[which];
    int rc = sqlite3_step(s);
    xd_status status = XD_OK;
    if (rc == SQLITE_ROW) {
        xd_str copy = xd_arena_copy(arena, xd_sqlite_text(s, 0));
        if (copy.ptr) {
            *ret_value = copy;
        } else {
            status = no_room(fault);
        }
    } else if (rc == SQLITE_DONE) {
        *ret_value = XD_STR_NULL;
    } else {
        status = fail(half_of(self, which), rc, doing, fault);
    }
    sqlite3_reset(s);
    return status;
}

/* --- sources --- */

static source_slot *source_slot_of(sqlite_store *self, xd_str name)
{
    return &self->sources[xd_hash64(name, 0) % SOURCES];
}

static void forget_sources(sqlite_store *self)
{
    for (size_t i = 0; i < SOURCES; i++) {
        free(self->sources[i].name);
        self->sources[i] = (source_slot){0};
    }
}

static void remember_source(source_slot *slot, xd_str name, int64_t id)
{
    char *copy = malloc(name.len + 1);
    if (copy) { /* without memory it is looked up again next time */
        memcpy(copy, name.ptr ? name.ptr : "", name.len);
        free(slot->name);
        *slot = (source_slot){copy, name.len, id};
    }
}

/* 0: there is none. A source never goes away, so that its number is asked for once. */
static xd_status find_source(sqlite_store *self, xd_str name, int64_t *ret_id, xd_fault *fault)
{
    source_slot *slot = source_slot_of(self, name);
    if (slot->name && xd_str_eq((xd_str){slot->name, slot->len}, name)) {
        *ret_id = slot->id;
        return XD_OK;
    }
    int64_t id = 0;
    bind_text(self->statements[SOURCE_FIND], 1, name);
    XD_TRY(run_integer(self, SOURCE_FIND, 0, &id, "looking up a source", fault));
    if (id != 0) {
        remember_source(slot, name, id);
    }
    *ret_id = id;
    return XD_OK;
}

static xd_status source_id(sqlite_store *self, xd_str name, int64_t *ret_id, xd_fault *fault)
{
    int64_t id = 0;
    XD_TRY(find_source(self, name, &id, fault));
    if (id == 0) {
        bind_text(self->statements[SOURCE_ADD], 1, name);
        XD_TRY(run(self, SOURCE_ADD, "adding a source", fault));
        id = sqlite3_last_insert_rowid(self->halves[STATE].db);
        remember_source(source_slot_of(self, name), name, id);
    }
    *ret_id = id;
    return XD_OK;
}

/* --- transactions --- */

static bool is_reader(const sqlite_store *self)
{
    return !self->halves[LOG].writable && !self->halves[STATE].writable;
}

/* Prepared, since it must work when there is no memory left. Some failures (a full disk) make
 * SQLite roll back by itself. */
static void roll_back_half(sqlite_store *self, int which)
{
    static const statement ROLLBACK[HALVES] = {LOG_ROLLBACK, STATE_ROLLBACK};
    half *h = &self->halves[which];
    if (h->open && !sqlite3_get_autocommit(h->db)) {
        (void)run(self, ROLLBACK[which], "rolling back", NULL);
    }
    h->open = false;
}

static void sqlite_rollback(xd_store *store)
{
    sqlite_store *self = self_of(store);
    if (!self->open) {
        return;
    }
    roll_back_half(self, LOG);
    roll_back_half(self, STATE);
    self->head = self->committed_head;
    self->open = false;
    forget_sources(self);
}

static xd_status begin_half(sqlite_store *self, int which, xd_fault *fault)
{
    static const statement BEGIN[HALVES] = {LOG_BEGIN, STATE_BEGIN};
    half *h = &self->halves[which];
    if (h->writable) {
        xd_checkpointer_admit(h->checkpointer);
        XD_TRY(run(self, BEGIN[which], "beginning a transaction", fault));
        h->open = true;
    }
    return XD_OK;
}

static xd_status sqlite_begin(xd_store *store, xd_fault *fault)
{
    sqlite_store *self = self_of(store);
    assert(!self->open && !self->held);
    self->open = true;
    xd_status status = XD_OK;
    if (!self->halves[STATE].writable) { /* what is read in between is of one moment */
        status = run(self, READ_BEGIN, "beginning a transaction", fault);
        self->halves[STATE].open = status == XD_OK;
    }
    for (int i = 0; i < HALVES && status == XD_OK; i++) {
        status = begin_half(self, i, fault);
    }
    if (status != XD_OK) {
        sqlite_rollback(store);
    }
    return status;
}

static xd_status commit_half(sqlite_store *self, int which, xd_fault *fault)
{
    static const statement COMMIT[HALVES] = {LOG_COMMIT, STATE_COMMIT};
    half *h = &self->halves[which];
    if (!h->open) {
        return XD_OK;
    }
    if (sqlite3_get_autocommit(h->db)) {
        return xd_fail(fault, XD_IO, "store.rolled_back",
                       "an earlier failure had already rolled this transaction back");
    }
    XD_TRY(run(self, COMMIT[which], "committing", fault));
    h->open = false;
    return XD_OK;
}

/* The log first: state may lag behind it, never the other way round. */
static xd_status sqlite_commit(xd_store *store, xd_fault *fault)
{
    sqlite_store *self = self_of(store);
    assert(self->open);
    xd_status status = commit_half(self, LOG, fault);
    if (status == XD_OK) {
        self->committed_head = self->head;
        status = commit_half(self, STATE, fault);
    }
    if (status != XD_OK) {
        sqlite_rollback(store);
    }
    self->open = false;
    return status;
}

/* Failing to hold only makes reads slower, so it is not reported. */
static void sqlite_hold(xd_store *store)
{
    sqlite_store *self = self_of(store);
    assert(!self->open && !self->held);
    self->held = run(self, READ_BEGIN, "holding a snapshot", NULL) == XD_OK;
}

static void sqlite_let_go(xd_store *store)
{
    sqlite_store *self = self_of(store);
    if (self->held && run(self, STATE_COMMIT, "letting a snapshot go", NULL) != XD_OK) {
        (void)run(self, STATE_ROLLBACK, "letting a snapshot go", NULL);
    }
    self->held = false;
}

static int note_commit(void *context, sqlite3 *db, const char *name, int frames)
{
    (void)db;
    (void)name;
    xd_checkpointer_note(context, frames);
    return SQLITE_OK;
}

static void sqlite_destroy(xd_store *store)
{
    sqlite_store *self = self_of(store);
    sqlite_rollback(store);
    sqlite_let_go(store);
    forget_sources(self);
    for (int i = 0; i < STATEMENTS; i++) {
        sqlite3_finalize(self->statements[i]);
    }
    bool shared = self->halves[LOG].db == self->halves[STATE].db;
    for (int i = 0; i < HALVES; i++) {
        half *h = &self->halves[i];
        xd_checkpointer_stop(h->checkpointer);
        if (h->writable && h->db) { /* so that a hub at rest is two files; later if it fails */
            sqlite3_wal_checkpoint_v2(h->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
        }
        if (i == LOG || !shared) {
            sqlite3_close(h->db);
        }
        sqlite3_free(h->path);
    }
    if (self->lock_fd >= 0) {
        close(self->lock_fd);
    }
    free(self);
}

/* --- the log and the register of its events --- */

static void bind_time(sqlite3_stmt *s, int column, xd_instant time)
{
    if (time == XD_INSTANT_NONE) {
        sqlite3_bind_null(s, column);
    } else {
        sqlite3_bind_int64(s, column, time);
    }
}

/* Most events have none: NULL takes no room. */
static void bind_name(sqlite3_stmt *s, int column, xd_str name)
{
    if (name.len) {
        bind_text(s, column, name);
    } else {
        sqlite3_bind_null(s, column);
    }
}

static xd_status sqlite_log_append(xd_store *store, const xd_log_row *row, xd_fault *fault)
{
    sqlite_store *self = self_of(store);
    assert(self->halves[LOG].open);
    assert(row->seq == self->head + 1);
    sqlite3_stmt *s = self->statements[LOG_APPEND];
    sqlite3_bind_int64(s, 1, row->seq);
    sqlite3_bind_int64(s, 2, row->recorded_at);
    sqlite3_bind_int(s, 3, row->kind);
    bind_text(s, 4, row->source);
    bind_text(s, 5, row->id);
    bind_text(s, 6, row->key);
    bind_time(s, 7, row->time);
    bind_text(s, 8, row->actor);
    bind_text(s, 9, row->trace);
    bind_text(s, 10, row->body);
    bind_text(s, 11, row->order_key);
    bind_name(s, 12, row->map);
    bind_name(s, 13, row->raw);
    XD_TRY(run(self, LOG_APPEND, "appending to the log", fault));
    self->head = row->seq;
    return XD_OK;
}

static xd_status sqlite_event_put(xd_store *store, const xd_log_row *row, xd_fault *fault)
{
    sqlite_store *self = self_of(store);
    assert(self->halves[STATE].open);
    int64_t source = 0;
    XD_TRY(source_id(self, row->source, &source, fault));
    sqlite3_stmt *s = self->statements[EVENT_PUT];
    sqlite3_bind_int64(s, 1, row->seq);
    sqlite3_bind_int64(s, 2, row->recorded_at);
    sqlite3_bind_int(s, 3, row->kind);
    sqlite3_bind_int64(s, 4, source);
    bind_text(s, 5, row->id);
    bind_text(s, 6, row->key);
    bind_time(s, 7, row->time);
    bind_text(s, 8, row->actor);
    bind_text(s, 9, row->order_key);
    sqlite3_bind_int64(s, 10, (int64_t)row->body.len);
    return run(self, EVENT_PUT, "registering an event", fault);
}

static xd_status sqlite_event_find(xd_store *store, xd_str source, xd_str id, int64_t *ret_seq,
                                   xd_fault *fault)
{
    sqlite_store *self = self_of(store);
    int64_t number = 0;
    XD_TRY(find_source(self, source, &number, fault));
    if (number == 0) {
        *ret_seq = 0;
        return XD_OK;
    }
    sqlite3_bind_int64(self->statements[EVENT_FIND], 1, number);
    bind_text(self->statements[EVENT_FIND], 2, id);
    return run_integer(self, EVENT_FIND, 0, ret_seq, "finding an event", fault);
}

/* Texts live until the statement is stepped or reset. */
static xd_log_row column_row(sqlite3_stmt *s)
{
    bool timeless = sqlite3_column_type(s, 6) == SQLITE_NULL;
    return (xd_log_row){
        .seq = sqlite3_column_int64(s, 0),
        .recorded_at = sqlite3_column_int64(s, 1),
        .kind = sqlite3_column_int(s, 2),
        .source = xd_sqlite_text(s, 3),
        .id = xd_sqlite_text(s, 4),
        .key = xd_sqlite_text(s, 5),
        .time = timeless ? XD_INSTANT_NONE : sqlite3_column_int64(s, 6),
        .actor = xd_sqlite_text(s, 7),
        .trace = xd_sqlite_text(s, 8),
        .body = xd_sqlite_text(s, 9),
        .order_key = xd_sqlite_text(s, 10),
        .map = xd_sqlite_text(s, 11),
        .raw = xd_sqlite_text(s, 12),
    };
}

static bool copy_row(xd_log_row *row, xd_arena *arena)
{
    row->source = xd_arena_copy(arena, row->source);
    row->id = xd_arena_copy(arena, row->id);
    row->key = xd_arena_copy(arena, row->key);
    row->actor = xd_arena_copy(arena, row->actor);
    row->trace = xd_arena_copy(arena, row->trace);
    row->body = xd_arena_copy(arena, row->body);
    row->order_key = xd_arena_copy(arena, row->order_key);
    row->map = xd_arena_copy(arena, row->map);
    row->raw = xd_arena_copy(arena, row->raw);
    return row->source.ptr && row->id.ptr && row->key.ptr && row->actor.ptr && row->trace.ptr &&
           row->body.ptr && row->order_key.ptr && row->map.ptr && row->raw.ptr;
}

static xd_status sqlite_log_get(xd_store *store, int64_t seq, xd_arena *arena, xd_log_row *ret_row,
                                xd_fault *fault)
{
    sqlite_store *self = self_of(store);
    sqlite3_stmt *s = self->statements[LOG_GET];
    sqlite3_bind_int64(s, 1, seq);
    int rc = sqlite3_step(s);
    xd_status status = XD_OK;
    if (rc == SQLITE_ROW) {
        xd_log_row row = column_row(s);
        if (copy_row(&row, arena)) {
            *ret_row = row;
        } else {
            status = no_room(fault);
        }
    } else if (rc == SQLITE_DONE) {
        status =
            xd_fail(fault, XD_NOT_FOUND, "log.seq", "the log holds no event %lld", (long long)seq);
    } else {
        status = fail(&self->halves[LOG], rc, "reading the log", fault);
    }
    sqlite3_reset(s);
    return status;
}

static xd_status sqlite_raw_put(xd_store *store, xd_str hash, xd_str media, xd_str bytes,
                                xd_fault *fault)
{
    sqlite_store *self = self_of(store);
    assert(self->halves[LOG].open);
    sqlite3_stmt *s = self->statements[RAW_PUT];
    bind_text(s, 1, hash);
    bind_text(s, 2, media);
    sqlite3_bind_blob64(s, 3, bytes.ptr ? bytes.ptr : "", bytes.len, SQLITE_STATIC);
    return run(self, RAW_PUT, "keeping received bytes", fault);
}

static xd_status sqlite_raw_get(xd_store *store, xd_str hash, xd_arena *arena, xd_str *ret_media,
                                xd_str *ret_bytes, xd_fault *fault)
{
    sqlite_store *self = self_of(store);
    sqlite3_stmt *s = self->statements[RAW_GET];
    bind_text(s, 1, hash);
    int rc = sqlite3_step(s);
    xd_status status = XD_OK;
    if (rc == SQLITE_ROW) {
        xd_str bytes = xd_sqlite_text(s, 1);
        xd_str media = xd_arena_copy(arena, xd_sqlite_text(s, 0));
        bytes = xd_arena_copy(arena, bytes);
        if (media.ptr && bytes.ptr) {
            *ret_media = media;
            *ret_bytes = bytes;
        } else {
            status = no_room(fault);
        }
    } else if (rc == SQLITE_DONE) {
        *ret_bytes = XD_STR_NULL;
    } else {
        status = fail(&self->halves[LOG], rc, "reading received bytes", fault);
    }
    sqlite3_reset(s);
    return status;
}

/* Walks use a statement of their own, so that the visitor may call the store. */
static xd_status walk_begin(const half *h, const char *sql, int64_t first, int64_t second,
                            sqlite3_stmt **ret, xd_fault *fault)
{
    int rc = sqlite3_prepare_v2(h->db, sql, -1, ret, NULL);
    if (rc != SQLITE_OK) {
        return fail(h, rc, "preparing a walk", fault);
    }
    sqlite3_bind_int64(*ret, 1, first);
    sqlite3_bind_int64(*ret, 2, second);
    return XD_OK;
}

/* True while there is a row; at the end, or on failure, *status says which. */
static bool walk_next(const half *h, sqlite3_stmt *s, xd_status *status, xd_fault *fault)
{
    if (*status != XD_OK) {
        return false;
    }
    int rc = sqlite3_step(s);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
        *status = fail(h, rc, "walking a table", fault);
    }
    return rc == SQLITE_ROW;
}

static xd_status sqlite_log_each(xd_store *store, int64_t after, int64_t limit, xd_log_visit visit,
                                 void *context, xd_fault *fault)
{
    const half *h = &self_of(store)->halves[LOG];
    sqlite3_stmt *s = NULL;
    xd_status status = walk_begin(h, LOG_EACH, after, limit < 0 ? 0 : limit, &s, fault);
    while (walk_next(h, s, &status, fault)) {
        xd_log_row row = column_row(s);
        status = visit(context, &row);
    }
    sqlite3_finalize(s);
    return status;
}

static xd_status sqlite_log_head(xd_store *store, int64_t *ret_seq, xd_fault *fault)
{
    sqlite_store *self = self_of(store);
    if (self->halves[LOG].writable) {
        *ret_seq = self->head;
        return XD_OK;
    }
    return run_integer(self, LOG_HEAD, 0, ret_seq, "reading the head of the log", fault);
}

/* --- state and numbered documents --- */

static xd_status sqlite_state_get(xd_store *store, xd_state_kind kind, xd_str key, xd_arena *arena,
                                  xd_str *ret_value, xd_fault *fault)
{
    sqlite_store *self = self_of(store);
    sqlite3_bind_int(self->statements[STATE_GET], 1, (int)kind);
    bind_text(self->statements[STATE_GET], 2, key);
    return run_text(self, STATE_GET, arena, ret_value, "reading state", fault);
}

static xd_status sqlite_state_put(xd_store *store, xd_state_kind kind, xd_str key, xd_str value,
                                  xd_fault *fault)
{
    sqlite_store *self = self_of(store);
    assert(self->halves[STATE].open);
    statement which = value.ptr ? STATE_PUT : STATE_DELETE;
    sqlite3_bind_int(self->statements[which], 1, (int)kind);
    bind_text(self->statements[which], 2, key);
    if (value.ptr) {
        bind_text(self->statements[which], 3, value);
    }
    return run(self, which, "writing state", fault);
}

static xd_status sqlite_state_each(xd_store *store, xd_state_kind only_kind, xd_state_visit visit,
                                   void *context, xd_fault *fault)
{
    const half *h = &self_of(store)->halves[STATE];
    sqlite3_stmt *s = NULL;
    bool all = only_kind == XD_STATE_NONE;
    xd_status status = walk_begin(h, STATE_EACH, all ? 1 : (int)only_kind,
                                  all ? XD_STATE_LIMIT : (int)only_kind + 1, &s, fault);
    while (walk_next(h, s, &status, fault)) {
        status = visit(context, (xd_state_kind)sqlite3_column_int(s, 0), xd_sqlite_text(s, 1),
                       xd_sqlite_text(s, 2));
    }
    sqlite3_finalize(s);
    return status;
}

static xd_status sqlite_numbered_put(xd_store *store, xd_numbered table, int64_t number,
                                     xd_str value, xd_fault *fault)
{
    sqlite_store *self = self_of(store);
    assert(self->halves[STATE].open);
    statement which = table == XD_NUMBERED_EFFECT ? EFFECT_PUT : JOURNAL_PUT;
    sqlite3_stmt *s = self->statements[which];
    sqlite3_bind_int64(s, 1, number);
    bind_text(s, 2, value);
    int rc = sqlite3_step(s);
    xd_status status = XD_OK;
    if (rc == SQLITE_CONSTRAINT_PRIMARYKEY || rc == SQLITE_CONSTRAINT_ROWID) {
        status = xd_fail(fault, XD_CONFLICT, "store.append_only",
                         "journal entry %lld is already in the store and may not be replaced",
                         (long long)number);
    } else if (rc != SQLITE_DONE) {
        status = fail(&self->halves[STATE], rc, "writing a numbered document", fault);
    }
    sqlite3_reset(s);
    return status;
}

static xd_status sqlite_numbered_get(xd_store *store, xd_numbered table, int64_t number,
                                     xd_arena *arena, xd_str *ret_value, xd_fault *fault)
{
    sqlite_store *self = self_of(store);
    statement which = table == XD_NUMBERED_EFFECT ? EFFECT_GET : JOURNAL_GET;
    sqlite3_bind_int64(self->statements[which], 1, number);
    return run_text(self, which, arena, ret_value, "reading a numbered document", fault);
}

static xd_status sqlite_numbered_each(xd_store *store, xd_numbered table, int64_t after,
                                      int64_t limit, xd_numbered_visit visit, void *context,
                                      xd_fault *fault)
{
    const half *h = &self_of(store)->halves[STATE];
    sqlite3_stmt *s = NULL;
    const char *sql = table == XD_NUMBERED_EFFECT ? EFFECT_EACH : JOURNAL_EACH;
    xd_status status = walk_begin(h, sql, after, limit < 0 ? 0 : limit, &s, fault);
    while (walk_next(h, s, &status, fault)) {
        status = visit(context, sqlite3_column_int64(s, 0), xd_sqlite_text(s, 1));
    }
    sqlite3_finalize(s);
    return status;
}

/* --- meta values and kept answers --- */

static xd_status sqlite_meta_get(xd_store *store, xd_str name, int64_t *ret_value, xd_fault *fault)
{
    sqlite_store *self = self_of(store);
    bind_text(self->statements[META_GET], 1, name);
    return run_integer(self, META_GET, 0, ret_value, "reading a meta value", fault);
}

static xd_status sqlite_meta_put(xd_store *store, xd_str name, int64_t value, xd_fault *fault)
{
    sqlite_store *self = self_of(store);
    assert(self->halves[STATE].open);
    bind_text(self->statements[META_PUT], 1, name);
    sqlite3_bind_int64(self->statements[META_PUT], 2, value);
    return run(self, META_PUT, "writing a meta value", fault);
}

static xd_status sqlite_answer_get(xd_store *store, xd_str consumer, xd_str key, xd_arena *arena,
                                   xd_str *ret_payload_hash, xd_str *ret_answer, xd_fault *fault)
{
    sqlite_store *self = self_of(store);
    sqlite3_stmt *s = self->statements[ANSWER_GET];
    bind_text(s, 1, consumer);
    bind_text(s, 2, key);
    int rc = sqlite3_step(s);
    xd_status status = XD_OK;
    if (rc == SQLITE_ROW) {
        xd_str hash = xd_arena_copy(arena, xd_sqlite_text(s, 0));
        xd_str answer = xd_arena_copy(arena, xd_sqlite_text(s, 1));
        if (hash.ptr && answer.ptr) {
            *ret_payload_hash = hash;
            *ret_answer = answer;
        } else {
            status = no_room(fault);
        }
    } else if (rc == SQLITE_DONE) {
        *ret_payload_hash = XD_STR_NULL;
        *ret_answer = XD_STR_NULL;
    } else {
        status = fail(&self->halves[LOG], rc, "reading a kept answer", fault);
    }
    sqlite3_reset(s);
    return status;
}

static xd_status sqlite_answer_put(xd_store *store, xd_str consumer, xd_str key,
                                   xd_str payload_hash, xd_str answer, xd_instant at,
                                   xd_fault *fault)
{
    sqlite_store *self = self_of(store);
    assert(self->halves[LOG].open);
    sqlite3_stmt *s = self->statements[ANSWER_PUT];
    bind_text(s, 1, consumer);
    bind_text(s, 2, key);
    bind_text(s, 3, payload_hash);
    bind_text(s, 4, answer);
    sqlite3_bind_int64(s, 5, at);
    return run(self, ANSWER_PUT, "keeping an answer", fault);
}

static xd_status sqlite_answer_purge(xd_store *store, xd_instant before, xd_fault *fault)
{
    sqlite_store *self = self_of(store);
    assert(self->halves[LOG].open);
    sqlite3_bind_int64(self->statements[ANSWER_PURGE], 1, before);
    return run(self, ANSWER_PURGE, "forgetting old answers", fault);
}

static const xd_store_ops OPS = {
    .destroy = sqlite_destroy,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .hold = sqlite_hold,
    .let_go = sqlite_let_go,
    .log_append = sqlite_log_append,
    .raw_put = sqlite_raw_put,
    .raw_get = sqlite_raw_get,
    .log_get = sqlite_log_get,
    .log_each = sqlite_log_each,
    .log_head = sqlite_log_head,
    .event_put = sqlite_event_put,
    .event_find = sqlite_event_find,
    .state_get = sqlite_state_get,
    .state_put = sqlite_state_put,
    .state_each = sqlite_state_each,
    .numbered_put = sqlite_numbered_put,
    .numbered_get = sqlite_numbered_get,
    .numbered_each = sqlite_numbered_each,
    .meta_get = sqlite_meta_get,
    .meta_put = sqlite_meta_put,
    .answer_get = sqlite_answer_get,
    .answer_put = sqlite_answer_put,
    .answer_purge = sqlite_answer_purge,
};

/* --- opening --- */

static xd_status prepare_all(sqlite_store *self, xd_fault *fault)
{
    for (int i = 0; i < STATEMENTS; i++) {
        const half *h = half_of(self, (statement)i);
        int rc = sqlite3_prepare_v3(h->db, SQL[i], -1, SQLITE_PREPARE_PERSISTENT,
                                    &self->statements[i], NULL);
        if (rc != SQLITE_OK) {
            return fail(h, rc, "preparing a statement", fault);
        }
    }
    return XD_OK;
}

static xd_status open_halves(sqlite_store *self, xd_sqlite_teller teller, xd_fault *fault)
{
    half *log = &self->halves[LOG];
    half *state = &self->halves[STATE];
    if (is_reader(self)) {
        XD_TRY(self->still ? xd_sqlite_open_still(state->path, &state->db, fault)
                           : xd_sqlite_open_read(state->path, &state->db, fault));
        log->db = state->db;
        return XD_OK;
    }
    if (log->writable) {
        XD_TRY(xd_sqlite_take_lock(state->path, &self->lock_fd, fault));
        XD_TRY(xd_sqlite_prepare(state->path, log->path, teller, fault));
        XD_TRY(xd_sqlite_open_log(log->path, &log->db, fault));
    } else {
        const xd_sqlite_file file = xd_sqlite_log_file(log->path);
        XD_TRY(xd_sqlite_open_part(&file, &log->db, fault));
    }
    const xd_sqlite_file file = xd_sqlite_state_file(state->path);
    return state->writable ? xd_sqlite_open_state(state->path, &state->db, fault)
                           : xd_sqlite_open_part(&file, &state->db, fault);
}

/* State is made from the log and may lag behind it. The other way round a file was lost. */
static xd_status check_halves(sqlite_store *self, xd_fault *fault)
{
    int64_t state_seq = 0;
    bind_text(self->statements[META_GET], 1, XD_STR("state_seq"));
    XD_TRY(run_integer(self, META_GET, 0, &state_seq, "reading a meta value", fault));
    if (state_seq > self->head) {
        xd_status status =
            xd_fail(fault, XD_CORRUPT, "store.log_behind",
                    "the log ends at event %lld, but state was made from events up to %lld: "
                    "restore both files from one backup; nothing was changed",
                    (long long)self->head, (long long)state_seq);
        xd_fault_at(fault, -1, self->halves[LOG].path);
        return status;
    }
    return XD_OK;
}

static xd_status open_all(sqlite_store *self, xd_sqlite_teller teller, xd_fault *fault)
{
    if (!self->halves[LOG].path || !self->halves[STATE].path) {
        return no_room(fault);
    }
    XD_TRY(open_halves(self, teller, fault));
    XD_TRY(prepare_all(self, fault));
    XD_TRY(run_integer(self, LOG_HEAD, 0, &self->head, "reading the head of the log", fault));
    self->committed_head = self->head;
    if (self->halves[LOG].writable) {
        XD_TRY(check_halves(self, fault));
    }
    for (int i = 0; i < HALVES; i++) {
        half *h = &self->halves[i];
        if (h->writable) {
            XD_TRY(xd_checkpointer_start(h->path, &h->checkpointer, fault));
            sqlite3_wal_hook(h->db, note_commit, h->checkpointer);
        }
    }
    return XD_OK;
}

sqlite3 *xd_store_sqlite_connection(xd_store *store, bool log)
{
    return self_of(store)->halves[log ? LOG : STATE].db;
}

static xd_status open_store(const char *path, xd_store_mode mode, xd_sqlite_teller teller,
                            xd_store **ret, xd_fault *fault)
{
    sqlite_store *self = calloc(1, sizeof *self);
    if (!self) {
        return no_room(fault);
    }
    *self = (sqlite_store){
        .base = {&OPS}, .magic = MAGIC, .lock_fd = -1, .still = mode == XD_STORE_STILL};
    self->halves[LOG].path = xd_sqlite_log_path(path);
    self->halves[LOG].writable = mode == XD_STORE_WRITE || mode == XD_STORE_WRITE_LOG;
    self->halves[STATE].path = sqlite3_mprintf("%s", path);
    self->halves[STATE].writable = mode == XD_STORE_WRITE || mode == XD_STORE_WRITE_STATE;
    xd_status status = open_all(self, teller, fault);
    if (status != XD_OK) {
        sqlite_destroy(&self->base);
        return status;
    }
    *ret = &self->base;
    return XD_OK;
}

xd_status xd_store_sqlite_open(const char *path, xd_store_mode mode, xd_store **ret,
                               xd_fault *fault)
{
    return open_store(path, mode, (xd_sqlite_teller){NULL, NULL}, ret, fault);
}

xd_status xd_store_sqlite_open_upgrading(const char *path, xd_store_tell_upgrade tell,
                                         void *context, xd_store **ret, xd_fault *fault)
{
    return open_store(path, XD_STORE_WRITE_LOG, (xd_sqlite_teller){tell, context}, ret, fault);
}
