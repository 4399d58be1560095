/* Importing files into a hub over both doors: counts, places of refusals, resuming, gzip. */
#include "ingress/import.h"
#include "ingress/test_hub.h"

#include <sys/stat.h>
#include <zlib.h>

typedef struct fixture {
    test_hub hub;
    char folder[64];
    char file[128];
    char control[128];
} fixture;

static void setup(fixture *f, xd_engine_options engine_options)
{
    snprintf(f->folder, sizeof f->folder, "/tmp/xd-import-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->control, sizeof f->control, "%s/c.sock", f->folder);
    test_hub_start(&f->hub, (xd_ingress_options){.control_path = f->control}, engine_options,
                   (xd_ingress_ports){0}, true);
}

static void teardown(fixture *f)
{
    char mark[160];
    snprintf(mark, sizeof mark, "%s.crossdock-import", f->file);
    test_hub_stop(&f->hub);
    unlink(f->file);
    unlink(mark);
    assert_int_equal(rmdir(f->folder), 0);
}

/* Writes n events, one a line; every hundredth breaks a rule. */
static void write_lines(fixture *f, const char *name, int n)
{
    snprintf(f->file, sizeof f->file, "%s/%s", f->folder, name);
    bool zipped = strstr(name, ".gz") != NULL;
    gzFile file = gzopen(f->file, zipped ? "w" : "wT");
    assert_non_null(file);
    for (int i = 0; i < n; i++) {
        gzprintf(file,
                 "{\"specversion\":\"1.0\",\"id\":\"%d\",\"source\":\"urn:test\",\"type\":"
                 "\"crossdock.site.v1\",\"data\":{\"site\":\"%s\",\"name\":\"Site %d\"}}\n",
                 i, i % 100 == 99 ? "" : "S", i);
    }
    assert_int_equal(gzclose(file), Z_OK);
}

static void import_all(fixture *f, xd_import_options options, xd_import_result *ret)
{
    xd_fault fault = XD_FAULT_NONE;
    options.file = f->file;
    if (xd_import_run(&options, ret, &fault) != XD_OK) {
        fail_msg("import failed: %s", fault.text);
    }
    xd_buf_char(&ret->problems, '\0');
}

static void counts_and_places(void **state)
{
    (void)state;
    fixture f;
    xd_import_result r;
    char url[64];
    setup(&f, (xd_engine_options){0});
    snprintf(url, sizeof url, "http://127.0.0.1:%u", (unsigned)f.hub.port);
    const char *const names[] = {"a.ndjson", "a.ndjson.gz"};
    for (int i = 0; i < 2; i++) {
        write_lines(&f, names[i], 1000);
        import_all(&f,
                   (xd_import_options){.control_path = i ? f.control : NULL,
                                       .url = url,
                                       .secret = TEST_SECRET,
                                       .chunk_bytes = 7000},
                   &r);
        assert_int_equal(r.lines, 1000);
        assert_int_equal(r.accepted, i ? 0 : 990);
        assert_int_equal(r.duplicates, i ? 990 : 0);
        assert_int_equal(r.refused, 10);
        assert_non_null(strstr(r.problems.ptr, "\"line\":100,"));
        assert_non_null(strstr(r.problems.ptr, "\"line\":1000,"));
        xd_import_finish(&r);
        unlink(f.file);
    }
    assert_int_equal(test_hub_appended(&f.hub), 990);
    teardown(&f);
}

static void documents_are_imported_by_element(void **state)
{
    (void)state;
    fixture f;
    xd_import_result r;
    setup(&f, (xd_engine_options){0});
    snprintf(f.file, sizeof f.file, "%s/a.json", f.folder);
    FILE *file = fopen(f.file, "w");
    fputs("[" TEST_EVENT("1", "PO-1", "5") ",\n {},\n" TEST_EVENT("2", "PO-2", "5.10") "]\n", file);
    fclose(file);
    import_all(&f, (xd_import_options){.control_path = f.control, .chunk_bytes = 10}, &r);
    assert_int_equal(r.accepted, 2);
    assert_int_equal(r.refused, 1);
    assert_non_null(strstr(r.problems.ptr, "\"line\":2,"));
    xd_import_finish(&r);
    teardown(&f);
}

/* Stops the hub's key after the first request, so that the import fails in the middle. */
static void take_key_away(void *context, int64_t done, int64_t total,
                          const xd_import_result *so_far)
{
    (void)done;
    (void)total;
    (void)so_far;
    xd_ingress_set_keys(context, NULL, 0);
}

/* An import of 5,000 lines over TCP that loses its key on the way; url has room for 64 bytes. */
static xd_import_options cut_short(fixture *f, char *url, xd_import_result *r)
{
    xd_fault fault = XD_FAULT_NONE;
    setup(f, (xd_engine_options){0});
    snprintf(url, 64, "http://127.0.0.1:%u", (unsigned)f->hub.port);
    write_lines(f, "a.ndjson", 5000);
    xd_import_options options = {.file = f->file,
                                 .url = url,
                                 .secret = TEST_SECRET,
                                 .chunk_bytes = 50000,
                                 .progress_context = f->hub.ingress,
                                 .progress = take_key_away};
    assert_int_equal(xd_import_run(&options, r, &fault), XD_DENIED);
    assert_non_null(strstr(fault.text, "status 401"));
    return options;
}

static void goes_on_where_it_stopped(void **state)
{
    (void)state;
    fixture f;
    xd_import_result r;
    char url[64];
    xd_import_options options = cut_short(&f, url, &r);
    int64_t before = r.lines;
    assert_true(before > 0 && before < 5000);
    xd_import_finish(&r);
    xd_ingress_set_keys(f.hub.ingress, f.hub.keys, 1);
    options.progress = NULL;
    import_all(&f, options, &r);
    assert_int_equal(r.resumed_at_line, before);
    assert_int_equal(r.lines, 5000);
    assert_int_equal(r.accepted, 4950);
    assert_int_equal(r.duplicates, 0);
    assert_int_equal(r.refused, 50);
    assert_non_null(strstr(r.problems.ptr, "\"line\":5000,"));
    xd_import_finish(&r);
    /* Done means done: the next run starts afresh, and finds all of it in the log. */
    import_all(&f, options, &r);
    assert_int_equal(r.resumed_at_line, 0);
    assert_int_equal(r.duplicates, 4950);
    xd_import_finish(&r);
    teardown(&f);
}

static void a_file_that_was_cut_short_starts_afresh_for_another_hub(void **state)
{
    (void)state;
    fixture f;
    xd_import_result r;
    char url[64];
    cut_short(&f, url, &r);
    int64_t before = r.accepted;
    assert_true(before > 0);
    xd_import_finish(&r);
    import_all(&f, (xd_import_options){.control_path = f.control}, &r);
    assert_int_equal(r.resumed_at_line, 0);
    assert_int_equal(r.duplicates, before);
    assert_int_equal(r.accepted, 4950 - before);
    xd_import_finish(&r);
    teardown(&f);
}

static void what_cannot_be_imported_is_explained(void **state)
{
    (void)state;
    fixture f;
    xd_import_result r;
    xd_fault fault = XD_FAULT_NONE;
    setup(&f, (xd_engine_options){0});
    snprintf(f.file, sizeof f.file, "%s/none.ndjson", f.folder);
    xd_import_options options = {.file = f.file, .control_path = f.control};
    assert_int_equal(xd_import_run(&options, &r, &fault), XD_NOT_FOUND);
    xd_import_finish(&r);
    write_lines(&f, "cut.ndjson.gz", 1000);
    struct stat info;
    assert_int_equal(stat(f.file, &info), 0);
    assert_int_equal(truncate(f.file, info.st_size / 2), 0);
    options.file = f.file;
    assert_int_equal(xd_import_run(&options, &r, &fault), XD_CORRUPT);
    xd_import_finish(&r);
    unlink(f.file);
    write_lines(&f, "a.ndjson", 1);
    options.file = f.file;
    options.control_path = "/tmp/xd-no-hub-there.sock";
    assert_int_equal(xd_import_run(&options, &r, &fault), XD_UNAVAILABLE);
    assert_non_null(strstr(fault.text, "is it running?"));
    xd_import_finish(&r);
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_and_places),
        cmocka_unit_test(documents_are_imported_by_element),
        cmocka_unit_test(goes_on_where_it_stopped),
        cmocka_unit_test(a_file_that_was_cut_short_starts_afresh_for_another_hub),
        cmocka_unit_test(what_cannot_be_imported_is_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
