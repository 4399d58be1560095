/* Floor of engine: a bare SQLite program that writes the rows and bytes of a trace in the same
 * transactions, with the schema of the hub and its durability (WAL, synchronous FULL for the log),
 * and nothing else: no parsing, no logic, no deduplication but the unique index. Prints the seconds
 * from the trace's mark to its end.
 *     floor_sqlite TRACE DATABASE SYNCHRONOUS      (an empty database with the hub's schema)
 * With BENCH_DESCRIBE set it also says what the trace consists of. */
#include "measure.h"
#include "trace.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SOURCES_MAX = 16 };

static const char *const statements[] = {
    [TRACE_LOG] = "INSERT INTO log (seq, recorded_at, kind, source, id, key, "
                  "order_key, time, actor, trace, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [TRACE_EVENT] = "INSERT INTO event (seq, recorded_at, kind, source_id, id, key, "
                    "order_key, time, actor, bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                    "ON CONFLICT (source_id, id) DO NOTHING",
    [TRACE_STATE_PUT] = "INSERT OR REPLACE INTO state (kind, key, value) VALUES (?, ?, ?)",
    [TRACE_STATE_DELETE] = "DELETE FROM state WHERE kind = ? AND key = ?",
    [TRACE_EFFECT] = "INSERT OR REPLACE INTO effect (seq, body) VALUES (?, ?)",
    [TRACE_JOURNAL] = "INSERT INTO journal (ordinal, body) VALUES (?, ?)",
    [TRACE_META] = "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)",
    [TRACE_BEGIN] = "BEGIN",
    [TRACE_COMMIT] = "COMMIT",
    [TRACE_ROLLBACK] = "ROLLBACK",
    [TRACE_MARK] = NULL,
};
enum { STATEMENTS = sizeof statements / sizeof *statements };

typedef struct writer {
    sqlite3 *db;
    sqlite3_stmt *prepared[STATEMENTS];
    xd_str sources[SOURCES_MAX];
    int source_count;
    uint64_t rows[STATEMENTS], bytes[STATEMENTS]; /* since the mark */
} writer;

static void check(writer *self, int rc)
{
    if (rc != SQLITE_OK && rc != SQLITE_DONE) {
        bench_die("floor_sqlite: %s", sqlite3_errmsg(self->db));
    }
}

static void open_database(writer *self, const char *path, const char *synchronous)
{
    char pragmas[160];
    snprintf(pragmas, sizeof pragmas,
             "PRAGMA journal_mode=WAL; PRAGMA synchronous=%s;"
             "PRAGMA wal_autocheckpoint=8000; PRAGMA cache_size=-65536",
             synchronous);
    check(self,
          sqlite3_open_v2(path, &self->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL));
    check(self, sqlite3_exec(self->db, pragmas, NULL, NULL, NULL));
    for (int i = 0; i < STATEMENTS; i++) {
        /* Each file has tables of its own. */
        bool log = sqlite3_table_column_metadata(self->db, NULL, "log", NULL, NULL, NULL, NULL,
                                                 NULL, NULL) == SQLITE_OK;
        bool here = i >= TRACE_BEGIN && i <= TRACE_ROLLBACK ? true : log == (i == TRACE_LOG);
        if (statements[i] && here) {
            check(self, sqlite3_prepare_v3(self->db, statements[i], -1, SQLITE_PREPARE_PERSISTENT,
                                           &self->prepared[i], NULL));
        }
    }
}

static int source_id(writer *self, xd_str name)
{
    for (int i = 0; i < self->source_count; i++) {
        if (xd_str_eq(self->sources[i], name)) {
            return i + 1;
        }
    }
    if (self->source_count == SOURCES_MAX) {
        bench_die("more than %d sources in the trace", (int)SOURCES_MAX);
    }
    char sql[256];
    sqlite3_snprintf(sizeof sql, sql, "INSERT INTO source (id, name) VALUES (%d, '%.*q')",
                     self->source_count + 1, (int)name.len, name.ptr);
    check(self, sqlite3_exec(self->db, sql, NULL, NULL, NULL));
    self->sources[self->source_count++] = name;
    return self->source_count;
}

static void bind_text(sqlite3_stmt *statement, int at, xd_str text)
{
    sqlite3_bind_text(statement, at, text.ptr, (int)text.len, SQLITE_STATIC);
}

static void bind_log(writer *self, sqlite3_stmt *statement, const trace_record *head,
                     const xd_str *texts)
{
    sqlite3_bind_int64(statement, 1, head->number);
    sqlite3_bind_int64(statement, 2, head->recorded_at);
    sqlite3_bind_int(statement, 3, head->kind);
    if (head->op == TRACE_LOG) {
        bind_text(statement, 4, texts[0]);
        bind_text(statement, 10, texts[5]);
        bind_text(statement, 11, texts[6]);
    } else {
        sqlite3_bind_int(statement, 4, source_id(self, texts[0]));
        sqlite3_bind_int64(statement, 10, (sqlite3_int64)head->body_bytes);
    }
    bind_text(statement, 5, texts[1]);
    bind_text(statement, 6, texts[2]);
    bind_text(statement, 7, texts[3]);
    if (head->time == XD_INSTANT_NONE) {
        sqlite3_bind_null(statement, 8);
    } else {
        sqlite3_bind_int64(statement, 8, head->time);
    }
    bind_text(statement, 9, texts[4]);
}

static void write_record(writer *self, const trace_record *head, const xd_str *texts)
{
    sqlite3_stmt *statement = self->prepared[head->op];
    switch (head->op) {
    case TRACE_LOG:
    case TRACE_EVENT:
        bind_log(self, statement, head, texts);
        break;
    case TRACE_STATE_PUT:
    case TRACE_STATE_DELETE:
        sqlite3_bind_int(statement, 1, head->kind);
        bind_text(statement, 2, texts[0]);
        if (head->op == TRACE_STATE_PUT) {
            bind_text(statement, 3, texts[1]);
        }
        break;
    case TRACE_EFFECT:
    case TRACE_JOURNAL:
        sqlite3_bind_int64(statement, 1, head->number);
        bind_text(statement, 2, texts[0]);
        break;
    case TRACE_META:
        bind_text(statement, 1, texts[0]);
        sqlite3_bind_int64(statement, 2, head->number);
        break;
    default:
        break;
    }
    check(self, sqlite3_step(statement));
    sqlite3_reset(statement);
}

/* Writes every record; returns when the mark was passed. */
static int64_t write_trace(writer *self, const char *bytes, size_t size)
{
    int64_t marked = bench_now_ns();
    for (size_t at = 0; at < size;) {
        trace_record head;
        xd_str texts[TRACE_TEXTS];
        memcpy(&head, bytes + at, sizeof head);
        at += sizeof head;
        for (int i = 0; i < TRACE_TEXTS; i++) {
            texts[i] = (xd_str){bytes + at, head.lengths[i]};
            at += head.lengths[i];
            self->bytes[head.op] += head.lengths[i];
        }
        self->rows[head.op]++;
        if (head.op == TRACE_MARK) {
            marked = bench_now_ns();
            memset(self->rows, 0, sizeof self->rows);
            memset(self->bytes, 0, sizeof self->bytes);
        } else {
            write_record(self, &head, texts);
        }
    }
    return marked;
}

/* What a trace consists of, for whoever wants to lower the floor. */
static void describe(const writer *self)
{
    static const char *const names[STATEMENTS] = {
        [TRACE_COMMIT] = "commits",
        [TRACE_LOG] = "log",
        [TRACE_EVENT] = "register",
        [TRACE_STATE_PUT] = "state",
        [TRACE_STATE_DELETE] = "state deleted",
        [TRACE_EFFECT] = "effect",
        [TRACE_JOURNAL] = "journal",
        [TRACE_META] = "meta",
    };
    uint64_t either = self->rows[TRACE_LOG] + self->rows[TRACE_EVENT];
    double events = either ? (double)either : 1;
    for (int i = 0; i < STATEMENTS; i++) {
        if (names[i]) {
            fprintf(stderr, "bench: %-13s %6.3f rows and %6.0f bytes per event\n", names[i],
                    (double)self->rows[i] / events, (double)self->bytes[i] / events);
        }
    }
}

int main(int argc, char **argv)
{
    struct stat status;
    writer self = {0};
    int fd = argc == 4 ? open(argv[1], O_RDONLY) : -1;
    if (fd < 0 || fstat(fd, &status) != 0) {
        fputs("usage: floor_sqlite TRACE DATABASE SYNCHRONOUS\n", stderr);
        return 2;
    }
    size_t size = (size_t)status.st_size;
    const char *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (bytes == MAP_FAILED) {
        bench_die("the trace cannot be read");
    }
    open_database(&self, argv[2], argv[3]);
    int64_t marked = write_trace(&self, bytes, size);
    printf("%.6f\n", (double)(bench_now_ns() - marked) / 1e9);
    if (getenv("BENCH_DESCRIBE")) {
        describe(&self);
    }
    return 0;
}
