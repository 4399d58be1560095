/* A flipped bit anywhere in a database file is noticed, and named: pages of every kind, the header,
 * bytes that no document uses, free pages, the write-ahead log. And copies made beside a writer. */
#include "sqlite/check.h"
#include "sqlite/copy.h"
#include "sqlite/sqlite_int.h"
#include "sqlite/vfs.h"
#include "store_test.h"

#include "base/random.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

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

/* Some of everything: long texts (overflow pages), several pages of each tree, free pages. */
static void fill(const test_folder *at)
{
    static char text[40000];
    memset(text, 'x', sizeof text - 1);
    xd_store *store = test_open(at->path, XD_STORE_WRITE);
    test_begin(store);
    for (int64_t i = 1; i <= 400; i++) {
        char id[24];
        snprintf(id, sizeof id, "%lld", (long long)i);
        text[i % 50 == 0 ? sizeof text - 1 : 300] = '\0';
        const xd_log_row row = test_row(i, i % 3 ? "wms" : "erp", id, text);
        test_append(store, row);
        assert_int_equal(store->ops->event_put(store, &row, NULL), XD_OK);
        text[300] = 'x';
        test_put(store, i % 2 ? XD_STATE_ITEM : XD_STATE_ORDER_LINE, id, text + sizeof text - 200);
        assert_int_equal(store->ops->numbered_put(store, XD_NUMBERED_EFFECT, i,
                                                  (xd_str){text, (size_t)i * 2}, NULL),
                         XD_OK);
    }
    test_put(store, XD_STATE_SITE, "long", text);
    test_commit(store);
    test_begin(store);
    assert_int_equal(store->ops->state_put(store, XD_STATE_SITE, XD_STR("long"), XD_STR_NULL, NULL),
                     XD_OK);
    test_commit(store);
    xd_store_destroy(store);
}

typedef struct findings {
    int count;
    xd_damage first;
} findings;

static void note(void *context, const xd_damage *damage)
{
    findings *f = context;
    if (f->count++ == 0) {
        f->first = *damage;
    }
}

static findings check(const test_folder *at, xd_page_figures *ret)
{
    findings f = {0};
    xd_page_figures figures = {0};
    xd_fault fault = XD_FAULT_NONE;
    xd_status status = xd_sqlite_check_pages(at->path, NULL, note, &f, &figures, &fault);
    if (status != XD_OK) { /* refused, which is noticing too */
        f.count++;
        snprintf(f.first.where, sizeof f.first.where, "%s", fault.text);
    }
    if (ret) {
        *ret = figures;
    }
    return f;
}

static off_t size_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

static void flip_bit(const char *path, off_t byte, int bit)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    unsigned char value;
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &value, 1, byte), 1);
    value ^= (unsigned char)(1u << bit);
    assert_int_equal(pwrite(fd, &value, 1, byte), 1);
    close(fd);
}

static void assert_noticed(const test_folder *at, off_t byte, int bit)
{
    flip_bit(at->path, byte, bit);
    findings f = check(at, NULL);
    flip_bit(at->path, byte, bit);
    if (f.count == 0) {
        fail_msg("bit %d of byte %lld was not noticed", bit, (long long)byte);
    }
    if (f.first.page != byte / XD_SQLITE_PAGE_BYTES + 1) {
        fail_msg("bit %d of byte %lld was put on page %lld: %s", bit, (long long)byte,
                 (long long)f.first.page, f.first.where);
    }
    if (strstr(f.first.where, "nobody knows")) {
        fail_msg("page %lld has no name", (long long)f.first.page);
    }
}

static void a_whole_file_is_found_whole(void **state)
{
    const test_folder *at = *state;
    fill(at);
    xd_page_figures figures;
    findings f = check(at, &figures);
    if (f.count) {
        fail_msg("page %lld, %s: %s", (long long)f.first.page, f.first.where, f.first.what);
    }
    assert_int_equal(figures.pages, size_of(at->path) / XD_SQLITE_PAGE_BYTES);
    assert_int_equal(xd_sqlite_check_structure(at->path, XD_STORE_READ, note, &f, NULL), XD_OK);
    assert_int_equal(f.count, 0);
}

/* Every bit of the header, one in every page's every part, and many at random. */
static void a_flipped_bit_anywhere_is_noticed_and_its_page_named(void **state)
{
    const test_folder *at = *state;
    fill(at);
    for (off_t byte = 0; byte < 100; byte++) {
        assert_noticed(at, byte, (int)(byte % 8));
    }
    off_t size = size_of(at->path);
    xd_random random = {42};
    int flips = 0;
    for (off_t page = 0; page < size; page += XD_SQLITE_PAGE_BYTES) {
        static const off_t PLACES[] = {0, 5, 9, 4000, 8179, 8180, 8183, 8184, 8191};
        for (size_t i = 0; i < sizeof PLACES / sizeof PLACES[0]; i++, flips++) {
            assert_noticed(at, page + PLACES[i], (int)(xd_random_next(&random) % 8));
        }
    }
    for (int i = 0; i < 500; i++, flips++) {
        uint64_t at_byte = xd_random_next(&random) % (uint64_t)size;
        assert_noticed(at, (off_t)at_byte, (int)(xd_random_next(&random) % 8));
    }
    print_message("%d bits flipped on %lld pages, each noticed and named\n", flips + 100,
                  (long long)(size / XD_SQLITE_PAGE_BYTES));
}

typedef struct names {
    bool schema, log, identity, state, effect, overflow, free_page;
} names;

/* What verify says of a flipped bit in each page. */
static void note_names(const test_folder *at, names *seen)
{
    off_t size = size_of(at->path);
    for (off_t page = 0; page < size; page += XD_SQLITE_PAGE_BYTES) {
        flip_bit(at->path, page + 3000, 1);
        const findings f = check(at, NULL);
        flip_bit(at->path, page + 3000, 1);
        const char *where = f.first.where;
        seen->schema |= strstr(where, "table definitions") != NULL;
        seen->log |= strstr(where, "table log, after row ") && strstr(where, ", up to row ");
        seen->identity |= strstr(where, "index event_identity of table event") != NULL;
        seen->state |= strstr(where, "table state, after item ") != NULL;
        seen->effect |= strstr(where, "table effect") != NULL;
        seen->overflow |= strstr(where, "table log, row 50 (its long text)") != NULL;
        seen->free_page |= strstr(where, "free page") != NULL;
    }
}

static void damage_is_named_by_table_and_rows(void **state)
{
    const test_folder *at = *state;
    fill(at);
    names seen = {0};
    test_folder log = *at;
    snprintf(log.path, sizeof log.path, "%s/hub-log.db", at->folder);
    note_names(at, &seen);
    note_names(&log, &seen);
    assert_true(seen.schema);
    assert_true(seen.log);
    assert_true(seen.identity);
    assert_true(seen.state);
    assert_true(seen.effect);
    assert_true(seen.overflow);
    assert_true(seen.free_page);
}

static void a_page_in_another_ones_place_and_a_cut_file_are_noticed(void **state)
{
    const test_folder *at = *state;
    fill(at);
    off_t size = size_of(at->path);
    unsigned char pages[2][XD_SQLITE_PAGE_BYTES];
    int fd = open(at->path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    off_t places[] = {5 * XD_SQLITE_PAGE_BYTES, 6 * XD_SQLITE_PAGE_BYTES};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pread(fd, pages[i], XD_SQLITE_PAGE_BYTES, places[i]),
                         XD_SQLITE_PAGE_BYTES);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pwrite(fd, pages[1 - i], XD_SQLITE_PAGE_BYTES, places[i]),
                         XD_SQLITE_PAGE_BYTES);
    }
    assert_int_equal(check(at, NULL).count, 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pwrite(fd, pages[i], XD_SQLITE_PAGE_BYTES, places[i]),
                         XD_SQLITE_PAGE_BYTES);
    }
    assert_int_equal(check(at, NULL).count, 0);
    assert_int_equal(ftruncate(fd, size - XD_SQLITE_PAGE_BYTES), 0);
    assert_true(check(at, NULL).count > 0);
    assert_int_equal(ftruncate(fd, size - XD_SQLITE_PAGE_BYTES + 100), 0);
    assert_true(check(at, NULL).count > 0);
    close(fd);
}

/* A hub that reads a damaged page says so, instead of working with what it holds. */
static void a_running_store_refuses_a_damaged_page(void **state)
{
    const test_folder *at = *state;
    fill(at);
    off_t size = size_of(at->path);
    for (off_t page = XD_SQLITE_PAGE_BYTES; page < size; page += XD_SQLITE_PAGE_BYTES) {
        flip_bit(at->path, page + 4000, 3);
    }
    xd_fault fault = XD_FAULT_NONE;
    xd_store *store = NULL;
    assert_int_equal(xd_store_sqlite_open(at->path, XD_STORE_WRITE, &store, &fault), XD_CORRUPT);
    assert_string_equal(fault.rule, "store.checksum");
}

/* A sqlite3 shell that carries a crashed hub's log over into the file leaves pages without sums:
 * they are told apart from damaged ones, and a copy has them again. */
static void pages_that_another_program_wrote_are_told_apart(void **state)
{
    const test_folder *at = *state;
    fill(at);
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open_v2(at->path, &db, SQLITE_OPEN_READWRITE, XD_SQLITE_VFS),
                     SQLITE_OK);
    /* As after a crash: committed, and not yet in the file. */
    assert_int_equal(sqlite3_exec(db,
                                  "PRAGMA wal_autocheckpoint=0;"
                                  "UPDATE effect SET body = 'changed' WHERE seq = 7",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    int persist = 1;
    sqlite3_file_control(db, "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_close(db);
    assert_int_equal(sqlite3_open_v2(at->path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    xd_page_figures figures;
    findings f = check(at, &figures);
    assert_int_equal(figures.damaged, 0);
    assert_true(figures.unsummed > 0);
    assert_int_equal(f.count, figures.unsummed);
    assert_non_null(strstr(f.first.what, "another program"));

    test_folder copy = *at;
    snprintf(copy.path, sizeof copy.path, "%s/copy.db", at->folder);
    assert_int_equal(xd_sqlite_copy(at->path, copy.path, NULL, NULL, NULL), XD_OK);
    assert_int_equal(check(&copy, NULL).count, 0);
}

/* --- the write-ahead log --- */

static void leave_a_log(const test_folder *at)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open_v2(at->path, &db, SQLITE_OPEN_READWRITE, XD_SQLITE_VFS),
                     SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA wal_autocheckpoint=0", NULL, NULL, NULL), SQLITE_OK);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(sqlite3_exec(db, "UPDATE effect SET body = body || 'y' WHERE seq < 9",
                                      NULL, NULL, NULL),
                         SQLITE_OK);
    }
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_close(db);
}

static void damage_in_the_write_ahead_log_is_told_from_a_torn_end(void **state)
{
    const test_folder *at = *state;
    fill(at);
    leave_a_log(at);
    char wal[128];
    snprintf(wal, sizeof wal, "%s-wal", at->path);
    off_t size = size_of(wal);
    findings f = {0};
    xd_wal_figures figures;
    assert_int_equal(xd_sqlite_check_wal(at->path, note, &f, &figures, NULL), XD_OK);
    assert_int_equal(f.count, 0);
    assert_int_equal(figures.frames, (size - 32) / (24 + XD_SQLITE_PAGE_BYTES));
    assert_true(figures.frames >= 4);
    static const off_t PLACES[] = {0, 3, 17, 25, 32, 36, 50, 4000};
    for (size_t i = 0; i < sizeof PLACES / sizeof PLACES[0]; i++) {
        f = (findings){0};
        flip_bit(wal, PLACES[i], 2);
        assert_int_equal(xd_sqlite_check_wal(at->path, note, &f, &figures, NULL), XD_OK);
        flip_bit(wal, PLACES[i], 2);
        if (f.count != 1) {
            fail_msg("byte %lld of the log", (long long)PLACES[i]);
        }
        assert_non_null(strstr(f.first.where, "write-ahead log, frame 1"));
    }
    /* The last transaction may be one that a crash tore. */
    f = (findings){0};
    assert_int_equal(truncate(wal, size - 100), 0);
    assert_int_equal(xd_sqlite_check_wal(at->path, note, &f, &figures, NULL), XD_OK);
    assert_int_equal(f.count, 0);
}

/* --- copies --- */

typedef struct writer {
    xd_store *store;
    atomic_bool stop;
    int64_t head;
} writer;

static void *write_on(void *context)
{
    writer *w = context;
    while (!atomic_load(&w->stop)) {
        char id[24];
        snprintf(id, sizeof id, "%lld", (long long)(w->head + 1));
        xd_log_row row = test_row(w->head + 1, "wms", id, "{}");
        bool good = w->store->ops->begin(w->store, NULL) == XD_OK &&
                    w->store->ops->log_append(w->store, &row, NULL) == XD_OK &&
                    w->store->ops->state_put(w->store, XD_STATE_ITEM, XD_STR("head"),
                                             xd_str_from(id), NULL) == XD_OK &&
                    w->store->ops->commit(w->store, NULL) == XD_OK;
        w->head += good;
    }
    return NULL;
}

static void a_copy_beside_a_writer_is_whole_and_of_one_moment(void **state)
{
    const test_folder *at = *state;
    fill(at);
    writer w = {.store = test_open(at->path, XD_STORE_WRITE), .head = 400};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, write_on, &w), 0);
    for (int i = 0; i < 10; i++) {
        test_folder copy = *at;
        snprintf(copy.path, sizeof copy.path, "%s/copy%d.db", at->folder, i);
        xd_fault fault = XD_FAULT_NONE;
        if (xd_sqlite_copy(at->path, copy.path, NULL, NULL, &fault) != XD_OK) {
            fail_msg("%s", fault.text);
        }
        findings f = check(&copy, NULL);
        if (f.count) {
            fail_msg("page %lld, %s: %s", (long long)f.first.page, f.first.where, f.first.what);
        }
        assert_int_equal(size_of(copy.path) % XD_SQLITE_PAGE_BYTES, 0);
        xd_store *store = test_open(copy.path, XD_STORE_STILL);
        xd_arena arena;
        xd_arena_init(&arena, 65536);
        int64_t head = 0;
        xd_str value;
        assert_int_equal(store->ops->log_head(store, &head, NULL), XD_OK);
        assert_int_equal(
            store->ops->state_get(store, XD_STATE_ITEM, XD_STR("head"), &arena, &value, NULL),
            XD_OK);
        int64_t said = 400;
        assert_true(!value.ptr || xd_str_to_int64(value, &said));
        assert_true(said <= head); /* state is copied first, the log may have grown since */
        xd_arena_finish(&arena);
        xd_store_destroy(store);
    }
    atomic_store(&w.stop, true);
    pthread_join(thread, NULL);
    assert_true(w.head > 400);
    xd_store_destroy(w.store);
}

static void a_damaged_database_is_not_copied(void **state)
{
    const test_folder *at = *state;
    fill(at);
    flip_bit(at->path, size_of(at->path) / 2, 4);
    test_folder copy = *at;
    snprintf(copy.path, sizeof copy.path, "%s/copy.db", at->folder);
    xd_fault fault = XD_FAULT_NONE;
    assert_int_equal(xd_sqlite_copy(at->path, copy.path, NULL, NULL, &fault), XD_CORRUPT);
}

static void the_checksum_is_the_published_one(void **state)
{
    (void)state;
    assert_true(xd_xxh64("", 0, 0) == UINT64_C(0xEF46DB3751D8E999));
    assert_true(xd_xxh64("a", 1, 0) == UINT64_C(0xD24EC4F1A98C6E5B));
    assert_true(xd_xxh64("abc", 3, 0) == UINT64_C(0x44BC2CF5AD770999));
    const char *text = "Nobody inspects the spammish repetition";
    assert_true(xd_xxh64(text, strlen(text), 0) == UINT64_C(0xFBCEA83C8A378BF1));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_checksum_is_the_published_one),
        TEST(a_whole_file_is_found_whole),
        TEST(a_flipped_bit_anywhere_is_noticed_and_its_page_named),
        TEST(damage_is_named_by_table_and_rows),
        TEST(a_page_in_another_ones_place_and_a_cut_file_are_noticed),
        TEST(a_running_store_refuses_a_damaged_page),
        TEST(pages_that_another_program_wrote_are_told_apart),
        TEST(damage_in_the_write_ahead_log_is_told_from_a_torn_end),
        TEST(a_copy_beside_a_writer_is_whole_and_of_one_moment),
        TEST(a_damaged_database_is_not_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
