/* What only the SQLite driver promises: durability, one writer, refusal of foreign, newer and
 * damaged files, migration, a full disk, and a write-ahead log that stays bounded. */
#include "sqlite/sqlite_int.h"
#include "sqlite/vfs.h"
#include "store_test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static int setup(void **state)
{
    test_folder *at = calloc(1, sizeof *at);
    assert_non_null(at);
    test_folder_make(at);
    *state = at;
    return 0;
}

static int teardown(void **state)
{
    test_folder_remove(*state);
    free(*state);
    return 0;
}

static xd_status try_open(const test_folder *at, xd_store_mode mode, xd_fault *fault)
{
    *fault = XD_FAULT_NONE;
    xd_store *store = NULL;
    xd_status status = xd_store_sqlite_open(at->path, mode, &store, fault);
    assert_int_equal(status == XD_OK, store != NULL);
    xd_store_destroy(store);
    return status;
}

/* vfs NULL: as any other program would, without our checksums. */
static void raw_through(const char *vfs, const test_folder *at, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(
        sqlite3_open_v2(at->path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs), SQLITE_OK);
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) {
        fail_msg("%s: %s", sql, message);
    }
    sqlite3_close(db);
}

static void raw(const test_folder *at, const char *sql)
{
    raw_through(NULL, at, sql);
}

static void write_something(const test_folder *at)
{
    xd_store *store = test_open(at->path, XD_STORE_WRITE);
    test_begin(store);
    test_append(store, test_row(1, "wms", "1", "{}"));
    test_put(store, XD_STATE_ITEM, "SKU-1", "{}");
    test_commit(store);
    xd_store_destroy(store);
}

static void assert_something(xd_store *store)
{
    int64_t head = 0;
    assert_int_equal(store->ops->log_head(store, &head, NULL), XD_OK);
    assert_int_equal(head, 1);
    xd_arena arena;
    xd_arena_init(&arena, 65536);
    xd_str value = XD_STR_NULL;
    assert_int_equal(
        store->ops->state_get(store, XD_STATE_ITEM, XD_STR("SKU-1"), &arena, &value, NULL), XD_OK);
    assert_non_null(value.ptr);
    xd_arena_finish(&arena);
}

static void files_are_for_their_owner_only(void **state)
{
    const test_folder *at = *state;
    mode_t mask = umask(0);
    xd_store *store = test_open(at->path, XD_STORE_WRITE);
    test_begin(store);
    test_append(store, test_row(1, "wms", "1", "{}"));
    test_commit(store);
    umask(mask);
    static const char *const SUFFIXES[] = {"", "-wal", "-shm", ".lock"};
    for (size_t i = 0; i < sizeof SUFFIXES / sizeof SUFFIXES[0]; i++) {
        char name[128];
        struct stat st;
        snprintf(name, sizeof name, "%s%s", at->path, SUFFIXES[i]);
        assert_int_equal(stat(name, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
    }
    xd_store_destroy(store);
}

/* Counting takes one lock for all threads at each allocation, and can only be switched off before
 * SQLite is first used: so this test is the first of its process. */
static void sqlite_does_not_count_its_memory(void **state)
{
    write_something(*state);
    assert_int_equal(sqlite3_memory_highwater(0), 0);
}

/* The child commits and dies without closing anything, as after kill -9. */
static void what_was_committed_survives_the_death_of_the_process(void **state)
{
    const test_folder *at = *state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        xd_store *store = NULL;
        bool ok = xd_store_sqlite_open(at->path, XD_STORE_WRITE, &store, NULL) == XD_OK;
        xd_log_row first = test_row(1, "wms", "1", "{}");
        xd_log_row second = test_row(2, "wms", "2", "{}");
        ok = ok && store->ops->begin(store, NULL) == XD_OK &&
             store->ops->log_append(store, &first, NULL) == XD_OK &&
             store->ops->state_put(store, XD_STATE_ITEM, XD_STR("SKU-1"), XD_STR("{}"), NULL) ==
                 XD_OK &&
             store->ops->commit(store, NULL) == XD_OK && store->ops->begin(store, NULL) == XD_OK &&
             store->ops->log_append(store, &second, NULL) == XD_OK;
        _exit(ok ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    xd_store *store = test_open(at->path, XD_STORE_WRITE);
    assert_something(store);
    xd_store_destroy(store);
}

static void a_second_writer_is_refused_while_readers_come_and_go(void **state)
{
    const test_folder *at = *state;
    int ready[2];
    int leave[2];
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(leave), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(leave[1]);
        xd_store *store = NULL;
        xd_fault fault;
        bool ok = xd_store_sqlite_open(at->path, XD_STORE_WRITE, &store, &fault) == XD_OK &&
                  write(ready[1], "r", 1) == 1;
        char byte;
        ok = ok && read(leave[0], &byte, 1) == 0;
        xd_store_destroy(store);
        _exit(ok ? 0 : 1);
    }
    close(leave[0]);
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    xd_fault fault;
    assert_int_equal(try_open(at, XD_STORE_WRITE, &fault), XD_BUSY);
    assert_string_equal(fault.rule, "store.in_use");
    assert_int_equal(fault.klass, XD_TRANSIENT);
    assert_string_equal(fault.path, at->path);
    assert_int_equal(try_open(at, XD_STORE_READ, &fault), XD_OK);
    close(leave[1]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(try_open(at, XD_STORE_WRITE, &fault), XD_OK);
    close(ready[0]);
    close(ready[1]);
}

static void a_foreign_transaction_makes_begin_busy_and_nothing_worse(void **state)
{
    const test_folder *at = *state;
    xd_store *store = test_open(at->path, XD_STORE_WRITE);
    sqlite3 *shell = NULL;
    assert_int_equal(sqlite3_open(at->path, &shell), SQLITE_OK);
    assert_int_equal(sqlite3_exec(shell, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    xd_fault fault = XD_FAULT_NONE;
    assert_int_equal(store->ops->begin(store, &fault), XD_BUSY);
    assert_string_equal(fault.rule, "store.locked");
    assert_int_equal(sqlite3_exec(shell, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(shell);
    test_begin(store);
    test_append(store, test_row(1, "wms", "1", "{}"));
    test_commit(store);
    xd_store_destroy(store);
}

static void a_reader_sees_commits_and_never_a_half_transaction(void **state)
{
    const test_folder *at = *state;
    write_something(at);
    xd_store *writer = test_open(at->path, XD_STORE_WRITE);
    xd_store *reader = test_open(at->path, XD_STORE_READ);
    assert_something(reader);
    test_begin(writer);
    test_append(writer, test_row(2, "wms", "2", "{}"));
    int64_t head = 0;
    assert_int_equal(reader->ops->log_head(reader, &head, NULL), XD_OK);
    assert_int_equal(head, 1);
    test_commit(writer);
    assert_int_equal(reader->ops->log_head(reader, &head, NULL), XD_OK);
    assert_int_equal(head, 2);
    xd_store_destroy(writer);
    xd_store_destroy(reader);
}

static void files_that_are_not_ours_are_refused_with_a_reason(void **state)
{
    const test_folder *at = *state;
    xd_fault fault;
    assert_int_equal(try_open(at, XD_STORE_READ, &fault), XD_NOT_FOUND);

    raw(at, "CREATE TABLE customers (name TEXT)");
    assert_int_equal(try_open(at, XD_STORE_WRITE, &fault), XD_CONFLICT);
    assert_string_equal(fault.rule, "store.foreign");
    assert_int_equal(unlink(at->path), 0);

    write_something(at);
    raw_through(XD_SQLITE_VFS, at, "PRAGMA user_version=9999");
    assert_int_equal(try_open(at, XD_STORE_WRITE, &fault), XD_CONFLICT);
    assert_string_equal(fault.rule, "store.newer");
    assert_non_null(strstr(fault.text, "9999"));
    assert_int_equal(try_open(at, XD_STORE_READ, &fault), XD_CONFLICT);

    test_folder nowhere = *at;
    snprintf(nowhere.path, sizeof nowhere.path, "%s/missing/hub.db", at->folder);
    assert_int_equal(try_open(&nowhere, XD_STORE_WRITE, &fault), XD_IO);
}

/* A folder as version 1 left it, with what sql adds. */
static void write_version_1(const test_folder *at, const char *sql)
{
    raw(at, "PRAGMA page_size=8192;" /* as every version had it */
            "CREATE TABLE gone (a)");
    raw(at, "DROP TABLE gone");
    raw(at, xd_sqlite_state_file(at->path).migrations[0].sql);
    char identity[96];
    snprintf(identity, sizeof identity, "PRAGMA application_id=%d; PRAGMA user_version=1",
             XD_SQLITE_APPLICATION_ID);
    raw(at, identity);
    raw(at, sql);
}

static void an_older_schema_is_migrated_whole_and_keeps_its_rows(void **state)
{
    const test_folder *at = *state;
    write_version_1(
        at, "INSERT INTO source VALUES (1, 'wms');"
            "INSERT INTO log VALUES (1, 5, 20, 1, 'id-1', 'GR-1', 'PO-1', NULL, '', '', '{}');"
            "INSERT INTO answer VALUES ('wms', 'key-1', 'hash', 'said', 7);"
            "INSERT INTO meta VALUES ('state_seq', 1);"
            "INSERT INTO state VALUES (1, 'SKU-1', '{}');");
    xd_fault fault;
    assert_int_equal(try_open(at, XD_STORE_READ, &fault), XD_CONFLICT);
    assert_string_equal(fault.rule, "store.older");
    xd_store *store = test_open(at->path, XD_STORE_WRITE);
    assert_something(store);
    int64_t seq = 0;
    assert_int_equal(store->ops->event_find(store, XD_STR("wms"), XD_STR("id-1"), &seq, NULL),
                     XD_OK);
    assert_int_equal(seq, 1);
    xd_arena arena;
    xd_arena_init(&arena, 1 << 16);
    xd_str hash;
    xd_str answer;
    assert_int_equal(
        store->ops->answer_get(store, XD_STR("wms"), XD_STR("key-1"), &arena, &hash, &answer, NULL),
        XD_OK);
    assert_true(xd_str_eq(answer, XD_STR("said")));
    xd_arena_finish(&arena);
    assert_int_equal(sqlite3_exec(xd_store_sqlite_connection(store, false),
                                  "SELECT * FROM v_holds, v_journal, v_invoices, v_receipts,"
                                  " v_events, v_outbox, v_dead_letters",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    xd_store_destroy(store);
    assert_int_equal(try_open(at, XD_STORE_READ, &fault), XD_OK);
}

static void assert_answer(xd_store *store, const char *sql, const char *expected)
{
    sqlite3_stmt *s = NULL;
    assert_int_equal(
        sqlite3_prepare_v2(xd_store_sqlite_connection(store, false), sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(s, 0), expected);
    sqlite3_finalize(s);
}

/* A folder as version 6 left it, with what sql adds. */
static void write_version_6(const test_folder *at, const char *sql)
{
    write_something(at);
    raw_through(XD_SQLITE_VFS, at, sql);
    raw_through(XD_SQLITE_VFS, at, "PRAGMA user_version=6");
}

static void receipt_rows_of_version_6_are_found_under_their_new_keys(void **state)
{
    const test_folder *at = *state;
    write_version_6(
        at, "DROP VIEW v_receipts; CREATE VIEW v_receipts AS SELECT 'old' AS receipt;"
            "INSERT INTO state VALUES (11, 'P/10', 'a line'), (12, 'P/10/000001', '1'),"
            " (12, 'P/10/000002', '2'), (12, 'P/10/1000000', '3'), (12, '77/5/000001', '4'),"
            " (12, 'A%2F9%25/20/000003', '{\"amount\":\"7.50\"}'), (13, 'P/10', 'another'),"
            " (20, 'EAST/GR', '{\"receipt_no\":\"GR\",\"po\":\"A/9%\",\"lines\":"
            "[{\"po_line\":20,\"n\":3}]}')");
    xd_store *store = test_open(at->path, XD_STORE_WRITE);
    assert_something(store);
    assert_answer(store,
                  "SELECT group_concat(kind || ' ' || key || ' ' || value, char(10)) FROM (SELECT"
                  " * FROM state WHERE kind BETWEEN 11 AND 13 ORDER BY kind, key)",
                  "11 P/10 a line\n"
                  "12 000001/77/5 4\n"
                  "12 000001/P/10 1\n"
                  "12 000002/P/10 2\n"
                  "12 000003/A%2F9%25/20 {\"amount\":\"7.50\"}\n"
                  "12 1000000/P/10 3\n"
                  "13 P/10 another");
    assert_answer(store, "SELECT receipt || ' ' || amount FROM v_receipts", "GR 7.50");
    assert_answer(store, "SELECT count(*) FROM sqlite_schema WHERE name = 'moved'", "0");
    xd_store_destroy(store);
}

typedef struct told_upgrade {
    int times, steps, ends;
    int64_t done, total;
} told_upgrade;

static void keep_told(void *context, const xd_store_upgrade *is)
{
    told_upgrade *told = context;
    if (strcmp(is->unit, "rows") != 0) {
        assert_int_equal(told->done, 20000);
        told->ends++;
        return;
    }
    assert_non_null(strstr(is->what, "receipt rows"));
    assert_true(is->total == 0 || (is->done <= is->total && is->total == 20000));
    assert_true(is->done >= told->done);
    told->steps += is->done > told->done;
    told->times++;
    told->done = is->done;
    told->total = is->total;
}

static void upgrade(const test_folder *at, xd_store_tell_upgrade tell, void *context)
{
    xd_store *store = NULL;
    assert_int_equal(xd_store_sqlite_open_upgrading(at->path, tell, context, &store, NULL), XD_OK);
    xd_store_destroy(store);
}

static void a_long_upgrade_tells_how_many_of_its_rows_are_done(void **state)
{
    const test_folder *at = *state;
    told_upgrade told = {0};
    upgrade(at, keep_told, &told);
    assert_int_equal(told.times + told.ends, 0); /* a new folder has no rows */
    write_version_6(
        at, "WITH RECURSIVE n (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < 20000)"
            " INSERT INTO state SELECT 12, 'P/' || n || '/000001', 'x' FROM n");
    upgrade(at, keep_told, &told);
    assert_true(told.steps > 2);
    assert_int_equal(told.ends, 1);
    assert_int_equal(told.done, 20000);
    assert_int_equal(told.total, 20000);
    int before = told.times;
    upgrade(at, keep_told, &told); /* there is nothing to upgrade any more */
    assert_int_equal(told.times, before);
    assert_int_equal(told.ends, 1);
}

/* "what done/total" of each part that has rows, as it ends. */
static void keep_parts(void *context, const xd_store_upgrade *is)
{
    char *parts = context;
    char *at = strstr(parts, is->what);
    at = at ? at : parts + strlen(parts);
    if (strcmp(is->unit, "rows") == 0) {
        snprintf(at, 512 - (size_t)(at - parts), "%s %d/%d\n", is->what, (int)is->done,
                 (int)is->total);
    }
}

static void each_part_of_an_upgrade_counts_its_own_rows(void **state)
{
    const test_folder *at = *state;
    write_version_1(at,
                    "INSERT INTO source VALUES (1, 'wms');"
                    "WITH RECURSIVE n (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < 9)"
                    " INSERT INTO log SELECT n, 5, 20, 1, n, n, n, NULL, '', '', '{}' FROM n;"
                    "INSERT INTO meta VALUES ('state_seq', 7);"
                    "INSERT INTO state VALUES (12, 'P/1/000001', ''), (12, 'P/2/000001', '');");
    char parts[512] = "";
    upgrade(at, keep_parts, parts);
    assert_string_equal(parts, "moving the log to a file of its own 9/9\n"
                               "making the register of events 7/7\n"
                               "giving receipt rows new keys 2/2\n");
}

static void a_log_that_lost_what_state_was_made_from_is_refused(void **state)
{
    const test_folder *at = *state;
    char log[128];
    snprintf(log, sizeof log, "%s/hub-log.db", at->folder);
    xd_store *store = test_open(at->path, XD_STORE_WRITE);
    test_begin(store);
    test_append(store, test_row(1, "wms", "1", "{}"));
    assert_int_equal(store->ops->meta_put(store, XD_STR("state_seq"), 1, NULL), XD_OK);
    test_commit(store);
    xd_store_destroy(store);
    assert_int_equal(unlink(log), 0);
    xd_fault fault;
    assert_int_equal(try_open(at, XD_STORE_READ, &fault), XD_NOT_FOUND);
    assert_int_equal(try_open(at, XD_STORE_WRITE, &fault), XD_CORRUPT);
    assert_string_equal(fault.rule, "store.log_missing");
    assert_string_equal(fault.path, log);

    /* The other way round nothing is lost: state is made again from the log. */
    assert_int_equal(unlink(at->path), 0);
    assert_int_equal(unlink(log), 0);
    write_something(at);
    assert_int_equal(unlink(at->path), 0);
    store = test_open(at->path, XD_STORE_WRITE);
    int64_t head = 0;
    assert_int_equal(store->ops->log_head(store, &head, NULL), XD_OK);
    assert_int_equal(head, 1);
    xd_store_destroy(store);
}

static void flip_byte(const test_folder *at, off_t offset)
{
    int fd = open(at->path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    unsigned char byte;
    assert_int_equal(pread(fd, &byte, 1, offset), 1);
    byte ^= 0x55;
    assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
    close(fd);
}

static void a_damaged_header_is_reported_as_corrupt(void **state)
{
    const test_folder *at = *state;
    static const off_t OFFSETS[] = {0, 7, 16, 21}; /* magic, page size, payload fraction */
    for (size_t i = 0; i < sizeof OFFSETS / sizeof OFFSETS[0]; i++) {
        char log[128];
        snprintf(log, sizeof log, "%s/hub-log.db", at->folder);
        unlink(at->path);
        unlink(log);
        write_something(at);
        flip_byte(at, OFFSETS[i]);
        xd_fault fault;
        assert_int_equal(try_open(at, XD_STORE_WRITE, &fault), XD_CORRUPT);
        assert_true(strcmp(fault.rule, "store.corrupt") == 0 ||
                    strcmp(fault.rule, "store.checksum") == 0);
        assert_int_equal(fault.klass, XD_POISON);
        assert_int_equal(try_open(at, XD_STORE_READ, &fault), XD_CORRUPT);
    }
}

static void a_damaged_page_is_reported_as_corrupt(void **state)
{
    const test_folder *at = *state;
    write_something(at);
    /* Every page but the first becomes noise: the log, its index and the state are gone. */
    struct stat st;
    assert_int_equal(stat(at->path, &st), 0);
    int fd = open(at->path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    char noise[XD_SQLITE_PAGE_BYTES];
    memset(noise, 0xa5, sizeof noise);
    for (off_t at_byte = (off_t)sizeof noise; at_byte < st.st_size;
         at_byte += (off_t)sizeof noise) {
        assert_int_equal(pwrite(fd, noise, sizeof noise, at_byte), (ssize_t)sizeof noise);
    }
    close(fd);
    xd_fault fault;
    assert_int_equal(try_open(at, XD_STORE_WRITE, &fault), XD_CORRUPT);
}

static xd_status fill_until_refused(xd_store *store, int64_t *head, xd_fault *fault)
{
    static char body[8000];
    memset(body, 'x', sizeof body - 1);
    for (int i = 0; i < 10000; i++) {
        char id[24];
        snprintf(id, sizeof id, "%lld", (long long)(*head + 1));
        xd_log_row row = test_row(*head + 1, "wms", id, body);
        XD_TRY(store->ops->begin(store, fault));
        xd_status status = store->ops->log_append(store, &row, fault);
        status = status == XD_OK ? store->ops->commit(store, fault) : status;
        store->ops->rollback(store);
        if (status != XD_OK) {
            return status;
        }
        (*head)++;
    }
    return XD_OK;
}

static void a_full_disk_refuses_writes_and_leaves_the_store_usable(void **state)
{
    const test_folder *at = *state;
    xd_store *store = test_open(at->path, XD_STORE_WRITE);
    sqlite3 *db = xd_store_sqlite_connection(store, true);
    assert_int_equal(sqlite3_exec(db, "PRAGMA max_page_count=60", NULL, NULL, NULL), SQLITE_OK);
    int64_t head = 0;
    xd_fault fault = XD_FAULT_NONE;
    assert_int_equal(fill_until_refused(store, &head, &fault), XD_FULL);
    assert_string_equal(fault.rule, "store.full");
    assert_int_equal(fault.klass, XD_TRANSIENT);
    assert_true(head > 10);

    xd_arena arena;
    xd_arena_init(&arena, 1 << 20);
    xd_log_row row;
    assert_int_equal(store->ops->log_get(store, head, &arena, &row, NULL), XD_OK);
    assert_int_equal(store->ops->log_get(store, head + 1, &arena, &row, NULL), XD_NOT_FOUND);
    int64_t known = 0;
    assert_int_equal(store->ops->log_head(store, &known, NULL), XD_OK);
    assert_int_equal(known, head);
    /* Space comes back: the same store goes on where it was. */
    assert_int_equal(sqlite3_exec(db, "PRAGMA max_page_count=100000", NULL, NULL, NULL), SQLITE_OK);
    char id[24];
    snprintf(id, sizeof id, "%lld", (long long)(head + 1));
    test_begin(store);
    test_append(store, test_row(head + 1, "wms", id, "{}"));
    test_commit(store);
    xd_arena_finish(&arena);
    xd_store_destroy(store);
}

/* Commits without a pause, more than the limit of the write-ahead log in all. */
static void the_write_ahead_log_stays_bounded_under_continuous_load(void **state)
{
    const test_folder *at = *state;
    xd_store *store = test_open(at->path, XD_STORE_WRITE);
    size_t size = 1u << 20;
    char *body = malloc(size);
    assert_non_null(body);
    memset(body, 'x', size - 1);
    body[size - 1] = '\0';
    char wal[128];
    snprintf(wal, sizeof wal, "%s-wal", at->path);
    off_t largest = 0;
    for (int i = 0; i < 200; i++) {
        test_begin(store);
        test_put(store, XD_STATE_ITEM, i % 2 ? "a" : "b", body);
        test_commit(store);
        struct stat st;
        assert_int_equal(stat(wal, &st), 0);
        largest = st.st_size > largest ? st.st_size : largest;
    }
    assert_true(largest < 180 << 20);
    free(body);
    xd_store_destroy(store);
}

static const char *const PARTS[] = {"hub.db", "hub-log.db"};

static off_t longest_write_ahead_log(const test_folder *at)
{
    off_t longest = 0;
    for (int i = 0; i < 2; i++) {
        char name[128];
        struct stat st;
        snprintf(name, sizeof name, "%s/%s-wal", at->folder, PARTS[i]);
        assert_int_equal(stat(name, &st), 0);
        longest = st.st_size > longest ? st.st_size : longest;
    }
    return longest;
}

/* Holds a snapshot, so that the write-ahead log cannot be copied past it. */
static sqlite3 *start_reading(const test_folder *at, const char *part)
{
    char name[128];
    snprintf(name, sizeof name, "%s/%s", at->folder, part);
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open_v2(name, &db, SQLITE_OPEN_READONLY, XD_SQLITE_VFS), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "BEGIN; SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL), SQLITE_OK);
    return db;
}

static void commit_both(xd_store *store, int64_t *head, const char *body, int rows)
{
    test_begin(store);
    for (int i = 0; i < rows; i++) {
        char id[24];
        snprintf(id, sizeof id, "%lld", (long long)++*head);
        test_append(store, test_row(*head, "wms", id, body));
        test_put(store, XD_STATE_ITEM, id, body);
    }
    test_commit(store);
}

/* More in one transaction than the files may have for good, with readers in the way. */
static void a_write_ahead_log_that_had_to_be_long_is_shortened_again(void **state)
{
    const test_folder *at = *state;
    static char body[1 << 20];
    memset(body, 'x', sizeof body - 1);
    xd_store *store = test_open(at->path, XD_STORE_WRITE);
    int64_t head = 0;
    commit_both(store, &head, "{}", 1);
    sqlite3 *readers[] = {start_reading(at, PARTS[0]), start_reading(at, PARTS[1])};
    commit_both(store, &head, body, XD_SQLITE_WAL_BYTES / (1 << 20) + 1);
    for (int i = 0; i < 20; i++) {
        commit_both(store, &head, "{}", 1);
    }
    assert_true(longest_write_ahead_log(at) > XD_SQLITE_WAL_BYTES);
    for (int i = 0; i < 2; i++) {
        sqlite3_close(readers[i]);
    }
    int commits = 0;
    for (; longest_write_ahead_log(at) > XD_SQLITE_WAL_BYTES && commits < 5000; commits++) {
        commit_both(store, &head, "{}", 1);
    }
    assert_true(commits < 5000);
    xd_store_destroy(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sqlite_does_not_count_its_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(files_are_for_their_owner_only, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_committed_survives_the_death_of_the_process, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_second_writer_is_refused_while_readers_come_and_go, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_foreign_transaction_makes_begin_busy_and_nothing_worse,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_reader_sees_commits_and_never_a_half_transaction, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(files_that_are_not_ours_are_refused_with_a_reason, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_older_schema_is_migrated_whole_and_keeps_its_rows, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(receipt_rows_of_version_6_are_found_under_their_new_keys,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_long_upgrade_tells_how_many_of_its_rows_are_done, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(each_part_of_an_upgrade_counts_its_own_rows, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_log_that_lost_what_state_was_made_from_is_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_damaged_header_is_reported_as_corrupt, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_page_is_reported_as_corrupt, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_disk_refuses_writes_and_leaves_the_store_usable,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(the_write_ahead_log_stays_bounded_under_continuous_load,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_write_ahead_log_that_had_to_be_long_is_shortened_again,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
