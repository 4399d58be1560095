/* Frames kept back on their way to the log, whatever is written, read, rolled back or refused in
 * between, first on a file in memory that can refuse writes, then under SQLite itself: two writers
 * of two processes that spill and roll back, and a reader that never sees a half transaction. */
#include "base/random.h"
#include "sqlite/gather.h"
#include "sqlite/page_sum.h"
#include "sqlite/vfs.h"
#include "store_test.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

enum {
    HEADER = 24,
    FRAME = HEADER + XD_SQLITE_PAGE_BYTES,
    FRAMES = 64,
    LOG_HEADER = 32,
    LOG_BYTES = LOG_HEADER + FRAMES * FRAME
};

/* --- a file in memory --- */

typedef struct memory_file {
    sqlite3_file base;
    unsigned char bytes[LOG_BYTES];
    int writes;
    int refuse; /* so many writes find no room, after half of their bytes */
} memory_file;

static int memory_write(sqlite3_file *file, const void *bytes, int n, sqlite3_int64 at)
{
    memory_file *self = (memory_file *)(void *)file;
    assert_true(at >= 0 && at + n <= LOG_BYTES);
    self->writes++;
    bool refused = self->refuse > 0;
    self->refuse -= refused;
    memcpy(self->bytes + at, bytes, (size_t)(refused ? n / 2 : n));
    return refused ? SQLITE_FULL : SQLITE_OK;
}

static int memory_read(sqlite3_file *file, void *buffer, int n, sqlite3_int64 at)
{
    memory_file *self = (memory_file *)(void *)file;
    memcpy(buffer, self->bytes + at, (size_t)n);
    return SQLITE_OK;
}

static const sqlite3_io_methods MEMORY = {
    .iVersion = 1, .xWrite = memory_write, .xRead = memory_read};

/* A connection's log as wal.c writes it, and what its bytes have to be. */
typedef struct log_writer {
    memory_file *file;
    xd_gather gather;
    unsigned char *expected;
    xd_random random;
    int committed; /* frames that others may read */
    int frames;    /* of them and of the transaction */
    int indexed;   /* frames of the transaction that the writer itself may read again */
    bool locked;
} log_writer;

/* An empty log, and the bytes expected of it; both to be freed. */
static memory_file *make_log(unsigned char **ret_expected)
{
    memory_file *file = calloc(1, sizeof *file);
    *ret_expected = calloc(1, LOG_BYTES);
    assert_true(file && *ret_expected);
    file->base.pMethods = &MEMORY;
    return file;
}

static sqlite3_int64 offset_of(int frame)
{
    return LOG_HEADER + (sqlite3_int64)frame * FRAME;
}

static void scribble(log_writer *w, unsigned char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bytes[i] = (unsigned char)xd_random_next(&w->random);
    }
}

static int write_bytes(log_writer *w, const unsigned char *bytes, int n, sqlite3_int64 at)
{
    int rc = xd_gather_write(&w->gather, &w->file->base, bytes, n, at);
    if (rc == SQLITE_OK) {
        memcpy(w->expected + at, bytes, (size_t)n);
    }
    return rc;
}

static int write_frame(log_writer *w, int frame, bool commit)
{
    unsigned char bytes[FRAME];
    scribble(w, bytes, sizeof bytes);
    memset(bytes + 4, 0, 4);
    bytes[7] = commit;
    int rc = write_bytes(w, bytes, HEADER, offset_of(frame));
    return rc == SQLITE_OK
               ? write_bytes(w, bytes + HEADER, XD_SQLITE_PAGE_BYTES, offset_of(frame) + HEADER)
               : rc;
}

/* What anyone may read now is in the file itself. */
static void assert_published(const log_writer *w)
{
    assert_memory_equal(w->file->bytes, w->expected, (size_t)offset_of(w->committed));
}

/* Frames of the transaction, as a cache that spills or a commit writes them; the shared index and
 * mxFrame follow only when all were written. */
static bool write_some(log_writer *w, bool commit)
{
    int n = 1 + (int)xd_random_below(&w->random, 20);
    n = n < FRAMES - w->frames ? n : FRAMES - w->frames;
    for (int i = 0; i < n; i++) {
        if (write_frame(w, w->frames + i, commit && i == n - 1) != SQLITE_OK) {
            return false;
        }
    }
    w->frames += n;
    return n > 0;
}

/* A spilled page changes again, and at the commit its frames are summed anew. */
static bool rewrite_some(log_writer *w)
{
    unsigned char bytes[FRAME];
    int from =
        w->committed + (int)xd_random_below(&w->random, (uint64_t)(w->frames - w->committed));
    scribble(w, bytes, sizeof bytes);
    return write_bytes(w, bytes, XD_SQLITE_PAGE_BYTES, offset_of(from) + HEADER) == SQLITE_OK;
}

static bool sum_anew(log_writer *w)
{
    for (int i = w->committed; i < w->frames; i++) {
        unsigned char bytes[FRAME];
        if (xd_gather_read(&w->gather, &w->file->base, bytes, FRAME, offset_of(i)) != SQLITE_OK) {
            return false;
        }
        scribble(w, bytes + 8, HEADER - 8);
        if (write_bytes(w, bytes, HEADER, offset_of(i)) != SQLITE_OK) {
            return false;
        }
    }
    return true;
}

static void read_again(log_writer *w)
{
    unsigned char bytes[FRAME];
    int frame = (int)xd_random_below(&w->random, (uint64_t)w->frames);
    sqlite3_int64 at = offset_of(frame);
    if (xd_gather_read(&w->gather, &w->file->base, bytes, FRAME, at) == SQLITE_OK) {
        assert_memory_equal(bytes, w->expected + at, FRAME);
    }
}

static bool commit(log_writer *w)
{
    bool again = w->frames > w->committed && xd_random_below(&w->random, 3) == 0;
    if (again && !rewrite_some(w)) {
        return false;
    }
    if (!write_some(w, true) || (again && !sum_anew(w))) {
        return false;
    }
    w->committed = w->frames;
    return true;
}

static void transaction(log_writer *w)
{
    xd_gather_allow(&w->gather, true);
    bool going = true;
    for (int turn = (int)xd_random_below(&w->random, 6); going && turn > 0; turn--) {
        switch (xd_random_below(&w->random, 4)) {
        case 0: /* back to a savepoint */
            w->frames = w->committed +
                        (int)xd_random_below(&w->random, (uint64_t)(w->frames - w->committed + 1));
            break;
        case 1:
            if (w->frames > 0) {
                read_again(w);
            }
            break;
        default:
            /* A refused statement is undone; the transaction may well go on. */
            if (!write_some(w, false)) {
                going = xd_random_below(&w->random, 2);
            }
        }
    }
    if (!going || xd_random_below(&w->random, 4) == 0 || !commit(w)) {
        w->frames = w->committed;
    }
    assert_published(w);
    xd_gather_allow(&w->gather, false);
}

static void what_is_published_is_in_the_file_whatever_happens_on_the_way(void **state)
{
    (void)state;
    unsigned char *expected = NULL;
    memory_file *file = make_log(&expected);
    for (uint64_t seed = 0; seed < 200; seed++) {
        /* Two connections take turns on one log. */
        log_writer writers[2] = {{.file = file, .expected = expected, .random = {seed}},
                                 {.file = file, .expected = expected, .random = {~seed}}};
        int committed = 0;
        for (int i = 0; i < 12; i++) {
            log_writer *w = &writers[xd_random_below(&writers[0].random, 2)];
            bool troubled = seed % 2 && xd_random_below(&w->random, 3) == 0;
            file->refuse = troubled ? 1 + (int)xd_random_below(&w->random, 3) : 0;
            w->committed = w->frames = committed;
            transaction(w);
            committed = w->committed < FRAMES ? w->committed : 0; /* the log begins anew */
        }
        xd_gather_finish(&writers[0].gather);
        xd_gather_finish(&writers[1].gather);
    }
    free(expected);
    free(file);
}

static void frames_of_a_transaction_go_out_together(void **state)
{
    (void)state;
    unsigned char *expected = NULL;
    memory_file *file = make_log(&expected);
    log_writer w = {.file = file, .expected = expected, .random = {1}};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(write_frame(&w, i, i == 4), SQLITE_OK);
    }
    assert_int_equal(file->writes, 10); /* without the lock nothing is kept back */
    xd_gather_allow(&w.gather, true);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(write_frame(&w, i, false), SQLITE_OK);
    }
    assert_int_equal(file->writes, 10);
    assert_int_equal(write_frame(&w, 4, true), SQLITE_OK);
    assert_int_equal(file->writes, 11);
    xd_gather_finish(&w.gather);
    free(expected);
    free(file);
}

/* --- under SQLite --- */

enum { TRANSACTIONS = 60 };

static bool try_sql(sqlite3 *db, const char *sql)
{
    char *message = NULL;
    bool done = sqlite3_exec(db, sql, NULL, NULL, &message) == SQLITE_OK;
    if (!done) {
        print_error("%s: %s\n", sql, message);
    }
    sqlite3_free(message);
    return done;
}

/* A cache of four pages, so that transactions spill and read what they spilled. NULL on failure. */
static sqlite3 *connect_small(const test_folder *at)
{
    sqlite3 *db = NULL;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    bool done = sqlite3_open_v2(at->path, &db, flags, XD_SQLITE_VFS) == SQLITE_OK &&
                sqlite3_busy_timeout(db, 20000) == SQLITE_OK &&
                try_sql(db, "PRAGMA page_size=8192; PRAGMA journal_mode=WAL;"
                            "PRAGMA synchronous=OFF; PRAGMA cache_size=4;"
                            "PRAGMA wal_autocheckpoint=40");
    if (!done) {
        sqlite3_close(db);
    }
    return done ? db : NULL;
}

/* Every row gets the same number, each on pages of its own; some of it is undone on the way. */
static bool write_round(sqlite3 *db, int round)
{
    char sql[512];
    snprintf(sql, sizeof sql,
             "BEGIN IMMEDIATE;"
             "UPDATE t SET n = -1, body = randomblob(9000);"
             "SAVEPOINT s; UPDATE t SET n = -2, body = randomblob(9000) WHERE id %% 3 = 0;"
             "ROLLBACK TO s;"
             "UPDATE t SET n = (SELECT max(n) + 1 FROM turns), body = randomblob(9000);"
             "INSERT INTO turns SELECT max(n) + 1 FROM turns; %s",
             round % 3 ? "COMMIT" : "ROLLBACK");
    return try_sql(db, sql);
}

static int number_of(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int number = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return number;
}

static bool is_whole(sqlite3 *db)
{
    sqlite3_stmt *statement = NULL;
    bool whole = sqlite3_prepare_v2(db,
                                    "SELECT count(*) = 40 AND min(n) = max(n)"
                                    " AND min(n) = (SELECT max(n) FROM turns)"
                                    " AND min(length(body)) = 9000 FROM t",
                                    -1, &statement, NULL) == SQLITE_OK &&
                 sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_int(statement, 0) == 1;
    sqlite3_finalize(statement);
    return whole;
}

static sqlite3 *start_database(test_folder *at)
{
    test_folder_make(at);
    xd_sqlite_vfs_register();
    sqlite3 *db = connect_small(at);
    assert_non_null(db);
    assert_true(
        try_sql(db, "CREATE TABLE turns (n INTEGER PRIMARY KEY); INSERT INTO turns VALUES (0);"
                    "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, body BLOB);"
                    "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 40)"
                    "INSERT INTO t SELECT i, 0, zeroblob(9000) FROM c"));
    return db;
}

/* Both write the same frames of the log, one in vain. */
static void what_was_rolled_back_does_not_come_back(void **state)
{
    (void)state;
    test_folder at;
    sqlite3 *one = start_database(&at);
    sqlite3 *other = connect_small(&at);
    assert_non_null(other);
    /* Else the log would begin anew all the time, and be read from the file. */
    assert_true(try_sql(one, "PRAGMA wal_autocheckpoint=0"));
    assert_true(try_sql(other, "PRAGMA wal_autocheckpoint=0"));
    for (int rows = 1; rows <= 40; rows += 3) {
        char sql[160];
        snprintf(sql, sizeof sql,
                 "BEGIN IMMEDIATE; UPDATE t SET n = -1, body = randomblob(9000) WHERE id <= %d;"
                 "ROLLBACK",
                 rows);
        assert_true(try_sql(one, sql));
        snprintf(sql, sizeof sql,
                 "BEGIN IMMEDIATE; UPDATE t SET n = %d, body = randomblob(9000); COMMIT", rows);
        assert_true(try_sql(other, sql));
        snprintf(sql, sizeof sql, "SELECT min(n) = %d AND max(n) = %d FROM t", rows, rows);
        assert_int_equal(number_of(one, sql), 1);
        assert_int_equal(number_of(other, sql), 1);
    }
    sqlite3_close(one);
    sqlite3_close(other);
    test_folder_remove(&at);
}

/* Calls of this process that wrote, so far; -1 where the system does not count them. */
static long write_calls(void)
{
    char line[64];
    long calls = -1;
    FILE *file = fopen("/proc/self/io", "r");
    while (file && fgets(line, sizeof line, file)) {
        sscanf(line, "syscw: %ld", &calls);
    }
    if (file) {
        fclose(file);
    }
    return calls;
}

static void a_commit_takes_few_writes(void **state)
{
    (void)state;
    test_folder at;
    sqlite3 *db = start_database(&at);
    assert_true(try_sql(db, "PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=400"));
    long before = write_calls();
    assert_true(try_sql(db, "UPDATE t SET body = randomblob(9000)"));
    long calls = write_calls() - before;
    int frames = 0;
    assert_int_equal(sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, &frames, NULL),
                     SQLITE_OK);
    assert_true(frames > 40);
    if (before >= 0) {
        assert_in_range(calls, 1, frames / 8);
    }
    sqlite3_close(db);
    test_folder_remove(&at);
}

static pid_t start_writer(const test_folder *at, int rounds)
{
    pid_t parent = getpid();
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        sqlite3 *db = connect_small(at);
        bool right = db != NULL;
        for (int i = 0; right && i < rounds && getppid() == parent; i++) {
            /* It reads between its rounds, so that others get their turn too. */
            right = write_round(db, i) && is_whole(db);
        }
        sqlite3_close(db);
        _exit(right ? 0 : 1);
    }
    return child;
}

static void readers_and_other_writers_see_whole_transactions_only(void **state)
{
    test_folder at;
    (void)state;
    sqlite3 *db = start_database(&at);
    sqlite3_close(db); /* before fork: a connection belongs to one process */
    pid_t first = start_writer(&at, TRANSACTIONS);
    db = connect_small(&at);
    assert_non_null(db);
    for (int i = 0; i < TRANSACTIONS; i++) {
        assert_true(is_whole(db));
        if (i % 4 == 0) {
            assert_true(write_round(db, i / 4));
        }
    }
    int status = 0;
    assert_int_equal(waitpid(first, &status, 0), first);
    assert_int_equal(status, 0);
    sqlite3_close(db);

    pid_t endless = start_writer(&at, 1 << 30);
    db = connect_small(&at);
    assert_non_null(db);
    int turns = number_of(db, "SELECT max(n) FROM turns");
    assert_true(turns >= TRANSACTIONS * 2 / 3);
    while (number_of(db, "SELECT max(n) FROM turns") < turns + 10) {
        assert_int_equal(waitpid(endless, &status, WNOHANG), 0);
        assert_true(is_whole(db));
    }
    assert_int_equal(kill(endless, SIGKILL), 0); /* in the middle of something */
    assert_int_equal(waitpid(endless, &status, 0), endless);
    assert_true(is_whole(db));
    assert_true(write_round(db, 1));
    assert_true(is_whole(db));
    sqlite3_close(db);

    db = connect_small(&at);
    assert_non_null(db);
    assert_true(is_whole(db));
    assert_int_equal(number_of(db, "SELECT count(*) FROM pragma_integrity_check WHERE "
                                   "integrity_check = 'ok'"),
                     1);
    sqlite3_close(db);
    test_folder_remove(&at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_of_a_transaction_go_out_together),
        cmocka_unit_test(what_is_published_is_in_the_file_whatever_happens_on_the_way),
        cmocka_unit_test(a_commit_takes_few_writes),
        cmocka_unit_test(what_was_rolled_back_does_not_come_back),
        cmocka_unit_test(readers_and_other_writers_see_whole_transactions_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
