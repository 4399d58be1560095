/* Watched folders: which files are read, what becomes of them, and that neither bytes nor events
 * get lost or counted twice. */
#include "ingress/intake.h"
#include "ingress/test_hub.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

typedef struct fixture {
    char folder[64];
    xd_store *store;
    xd_engine *engine;
    xd_intake *intake;
    xd_intake_folder watched;
} fixture;

static void setup(fixture *f, const char *pattern, bool run_engine)
{
    xd_fault fault = XD_FAULT_NONE;
    snprintf(f->folder, sizeof f->folder, "/tmp/xd-intake-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    f->store = xd_store_memory_create();
    xd_engine_options engine_options = {.clock = test_clock, .queue_max = run_engine ? 0 : 1};
    assert_int_equal(
        xd_engine_create(f->store, f->store, &engine_options, TEST_DEFINITION, &f->engine, &fault),
        XD_OK);
    if (run_engine) {
        assert_int_equal(xd_engine_start(f->engine, &fault), XD_OK);
    }
    f->watched = (xd_intake_folder){.name = "wms-files", .folder = f->folder, .pattern = pattern};
    assert_int_equal(xd_intake_create(&(xd_intake_options){.folders = &f->watched,
                                                           .folder_count = 1,
                                                           .settle_ms = -1,
                                                           .poll_ms = 5,
                                                           .max_event_bytes = 4096,
                                                           .max_file_bytes = 16384},
                                      f->engine, &f->intake, &fault),
                     XD_OK);
}

static void remove_files(const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    char path[512];
    while (dir && (entry = readdir(dir)) != NULL) {
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        unlink(path);
    }
    if (dir) {
        closedir(dir);
    }
    rmdir(folder);
}

static void teardown(fixture *f)
{
    char path[128];
    xd_intake_destroy(f->intake);
    xd_engine_stop(f->engine);
    xd_engine_destroy(f->engine);
    xd_store_destroy(f->store);
    snprintf(path, sizeof path, "%s/done", f->folder);
    remove_files(path);
    snprintf(path, sizeof path, "%s/failed", f->folder);
    remove_files(path);
    remove_files(f->folder);
}

static void put(const fixture *f, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", f->folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Text of a file in the folder; NULL when there is none. The caller frees it. */
static char *get(const fixture *f, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", f->folder, name);
    FILE *file = fopen(path, "r");
    if (!file) {
        return NULL;
    }
    char *text = calloc(1, 1 << 20);
    size_t n = fread(text, 1, (1 << 20) - 1, file);
    text[n] = '\0';
    fclose(file);
    return text;
}

static void expect_file(const fixture *f, const char *name, const char *text)
{
    char *got = get(f, name);
    if (!got || !strstr(got, text)) {
        fail_msg("%s: expected %s, got %s", name, text, got ? got : "no file");
    }
    free(got);
}

static void expect_no_file(const fixture *f, const char *name)
{
    char *got = get(f, name);
    assert_null(got);
}

static int64_t in_log(fixture *f)
{
    xd_engine_stats stats;
    assert_true(xd_engine_settle(f->engine, 10000));
    xd_engine_stats_get(f->engine, &stats);
    return stats.log_head - 1;
}

static void good_files_are_done(void **state)
{
    (void)state;
    fixture f;
    setup(&f, NULL, true);
    const char *lines = TEST_EVENT("1", "PO-1", "5") "\r\n\n" TEST_EVENT("2", "PO-2", "5");
    put(&f, "a.ndjson", lines);
    put(&f, "b.json", "[" TEST_EVENT("3", "PO-3", "5") ",\n" TEST_EVENT("4", "PO-4", "5") "]");
    put(&f, "c.json", TEST_EVENT("5", "PO-5", "5"));
    put(&f, "empty.ndjson", "");
    put(&f, ".hidden", "x");
    put(&f, "half.tmp", "x");
    put(&f, "half.ndjson.part", "x");
    assert_int_equal(xd_intake_scan(f.intake), 4);
    expect_file(&f, "done/a.ndjson", lines);
    expect_file(&f, "done/b.json", "PO-4");
    expect_file(&f, "done/c.json", "PO-5");
    expect_file(&f, "done/empty.ndjson", "");
    expect_no_file(&f, "a.ndjson");
    expect_file(&f, "half.tmp", "x");
    expect_file(&f, ".hidden", "x");
    assert_int_equal(in_log(&f), 5);
    /* The same file again changes nothing, and both copies are kept. */
    put(&f, "a.ndjson", lines);
    assert_int_equal(xd_intake_scan(f.intake), 1);
    assert_int_equal(xd_intake_scan(f.intake), 0);
    expect_file(&f, "done/a.ndjson.1", lines);
    assert_int_equal(in_log(&f), 5);
    xd_arena arena;
    xd_arena_init(&arena, 1 << 20);
    xd_log_row row;
    xd_fault fault = XD_FAULT_NONE;
    xd_engine_stop(f.engine);
    assert_int_equal(f.store->ops->log_get(f.store, 2, &arena, &row, &fault), XD_OK);
    assert_true(xd_str_eq(row.actor, XD_STR("wms-files")));
    xd_arena_finish(&arena);
    xd_buf metrics;
    xd_buf_init(&metrics, 1 << 16);
    xd_intake_metrics(f.intake, &metrics);
    xd_buf_char(&metrics, '\0');
    assert_non_null(strstr(metrics.ptr, "files_total{end=\"done\"} 5\n"));
    assert_non_null(strstr(metrics.ptr, "events_total{result=\"duplicate\"} 2\n"));
    xd_buf_finish(&metrics);
    teardown(&f);
}

static void failed_files_say_where(void **state)
{
    (void)state;
    fixture f;
    setup(&f, NULL, true);
    /* A bad line in the middle, and the file cut within its last line. */
    const char *lines =
        TEST_EVENT("1", "PO-1", "5") "\n" TEST_EVENT("2", "PO-2", "-5") "\n" TEST_EVENT(
            "3", "PO-3", "5") "\n{\"specversion\":\"1.0\",\"id\":\"4\",\"sou";
    put(&f, "a.ndjson", lines);
    assert_int_equal(xd_intake_scan(f.intake), 1);
    expect_file(&f, "failed/a.ndjson", lines);
    expect_file(
        &f, "failed/a.ndjson.errors.json",
        "{\"file\":\"a.ndjson\",\"lines\":4,\"accepted\":2,\"duplicates\":0,\"refused\":2,");
    expect_file(&f, "failed/a.ndjson.errors.json",
                "\"pointer\":\"/data/lines/0/quantity\",\"line\":2,\"column\":");
    expect_file(&f, "failed/a.ndjson.errors.json", "\"line\":4,\"column\":");
    assert_int_equal(in_log(&f), 2);
    /* Corrected, the whole file may come again. */
    put(&f, "a.ndjson", TEST_EVENT("1", "PO-1", "5") "\n" TEST_EVENT("2", "PO-2", "5") "\n");
    assert_int_equal(xd_intake_scan(f.intake), 1);
    expect_file(&f, "done/a.ndjson", "PO-2");
    assert_int_equal(in_log(&f), 3);
    /* An id that is taken by other content. */
    put(&f, "b.ndjson", "\n" TEST_EVENT("1", "PO-1", "6") "\n");
    put(&f, "c.json", "[" TEST_EVENT("9", "PO-9", "5") ",\n " TEST_EVENT("1", "PO-1", "6") "]");
    put(&f, "d.json", "[" TEST_EVENT("9", "PO-9", "5") ",\n {\"id\":1}, {]");
    put(&f, "e.json", "[" TEST_EVENT("10", "PO-10", "5") ",\n {\"id\":\"1\"}]");
    assert_int_equal(xd_intake_scan(f.intake), 4);
    expect_file(&f, "failed/b.ndjson.errors.json",
                "\"rule\":\"event.id\",\"pointer\":\"/id\",\"line\":2");
    expect_file(&f, "failed/c.json.errors.json",
                "\"lines\":2,\"accepted\":1,\"duplicates\":0,\"refused\":1");
    expect_file(&f, "failed/c.json.errors.json", "\"rule\":\"event.id\",\"pointer\":\"/1/id\"");
    expect_file(&f, "failed/d.json.errors.json", "\"rule\":\"json.");
    expect_file(&f, "failed/d.json.errors.json", "\"line\":2");
    expect_file(&f, "failed/e.json.errors.json", "\"pointer\":\"/1/specversion\",\"line\":2");
    assert_int_equal(in_log(&f), 5);
    teardown(&f);
}

static void limits_of_files(void **state)
{
    (void)state;
    fixture f;
    setup(&f, NULL, true);
    char *text = malloc(40000);
    assert_non_null(text);
    memset(text, ' ', 40000);
    memcpy(text, "{\"a\":\"", 6);
    memset(text + 6, 'x', 5000);
    snprintf(text + 5006, 30000, "\n%s\n", TEST_EVENT("1", "PO-1", "5"));
    put(&f, "a.ndjson", text);
    memset(text, ' ', 20000);
    text[20000] = '\0';
    put(&f, "b.json", text);
    free(text);
    assert_int_equal(xd_intake_scan(f.intake), 2);
    expect_file(&f, "failed/a.ndjson.errors.json", "\"rule\":\"event.size\",\"line\":1");
    expect_file(&f, "failed/b.json.errors.json", "\"rule\":\"intake.file_size\"");
    assert_int_equal(in_log(&f), 1);
    teardown(&f);
}

static void only_complete_wanted_files_are_read(void **state)
{
    (void)state;
    fixture f;
    setup(&f, "*.ndjson", true);
    put(&f, "a.ndjson", TEST_EVENT("1", "PO-1", "5"));
    put(&f, "a.csv", "not for us");
    char target[256];
    char link[256];
    snprintf(target, sizeof target, "%s/a.csv", f.folder);
    snprintf(link, sizeof link, "%s/link.ndjson", f.folder);
    assert_int_equal(symlink(target, link), 0);
    assert_int_equal(xd_intake_scan(f.intake), 1);
    expect_file(&f, "a.csv", "not for us");
    /* With a settling time, a file just written waits, and an old one does not. */
    xd_intake *patient;
    xd_fault fault = XD_FAULT_NONE;
    assert_int_equal(
        xd_intake_create(
            &(xd_intake_options){.folders = &f.watched, .folder_count = 1, .settle_ms = 3600000},
            f.engine, &patient, &fault),
        XD_OK);
    put(&f, "new.ndjson", TEST_EVENT("2", "PO-2", "5"));
    put(&f, "old.ndjson", TEST_EVENT("3", "PO-3", "5"));
    char old[256];
    snprintf(old, sizeof old, "%s/old.ndjson", f.folder);
    const struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    assert_int_equal(utimensat(AT_FDCWD, old, times, 0), 0);
    assert_int_equal(xd_intake_scan(patient), 1);
    expect_file(&f, "new.ndjson", "PO-2");
    expect_file(&f, "done/old.ndjson", "PO-3");
    xd_intake_destroy(patient);
    teardown(&f);
}

static void release_quietly(xd_submission *s)
{
    (void)s;
}

/* Fills the queue of an engine that does not run yet. */
static xd_submission *occupy(fixture *f)
{
    xd_fault fault = XD_FAULT_NONE;
    xd_submission *s = xd_submission_create(1, 1 << 16);
    s->done = release_quietly;
    s->events[0] = (xd_event){.kind = xd_kind_find(XD_KIND_SITE),
                              .source = XD_STR("urn:test"),
                              .id = XD_STR("first"),
                              .time = XD_INSTANT_NONE,
                              .data_text = XD_STR("{\"site\":\"S\",\"name\":\"S\"}")};
    assert_int_equal(xd_event_open(&s->events[0], true, &s->arena, &fault), XD_OK);
    assert_int_equal(xd_engine_submit(f->engine, s, &fault), XD_OK);
    return s;
}

/* A file of many engine batches, by the thread, while the engine takes nothing at first. */
static void large_files_and_a_busy_engine(void **state)
{
    (void)state;
    enum { EVENTS = 3000 };
    fixture f;
    setup(&f, NULL, false);
    xd_buf text;
    xd_buf_init(&text, 8 << 20);
    for (int i = 0; i < EVENTS; i++) {
        xd_buf_printf(&text,
                      "{\"specversion\":\"1.0\",\"id\":\"%d\",\"source\":\"urn:test\",\"type\":"
                      "\"crossdock.site.v1\",\"data\":{\"site\":\"S-%d\",\"name\":\"%0200d\"}}\n",
                      i, i, 0);
    }
    xd_buf_char(&text, '\0');
    put(&f, "large.ndjson.tmp", text.ptr);
    xd_buf_finish(&text);
    xd_fault fault = XD_FAULT_NONE;
    xd_submission *first = occupy(&f);
    assert_int_equal(xd_intake_start(f.intake, &fault), XD_OK);
    char from[256];
    char to[256];
    snprintf(from, sizeof from, "%s/large.ndjson.tmp", f.folder);
    snprintf(to, sizeof to, "%s/large.ndjson", f.folder);
    assert_int_equal(rename(from, to), 0);
    xd_engine_stats stats = {0};
    for (int i = 0; i < 1000 && stats.refused == 0; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        xd_engine_stats_get(f.engine, &stats);
    }
    assert_true(stats.refused > 0);
    assert_int_equal(xd_engine_start(f.engine, &fault), XD_OK);
    char *done = NULL;
    for (int i = 0; i < 1000 && !done; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        done = get(&f, "done/large.ndjson");
    }
    assert_non_null(done);
    free(done);
    assert_int_equal(in_log(&f), EVENTS + 1);
    xd_submission_release(first);
    xd_intake_stop(f.intake);
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_files_are_done),
        cmocka_unit_test(failed_files_say_where),
        cmocka_unit_test(limits_of_files),
        cmocka_unit_test(only_complete_wanted_files_are_read),
        cmocka_unit_test(large_files_and_a_busy_engine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
