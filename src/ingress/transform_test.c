/* From bytes to submissions: what becomes of records by layout and map, which identity documents
 * have, what is refused and where, what waits for a code; and that cutting a file changes nothing.
 */
#include "ingress/cutter.h"
#include "ingress/transform.h"

#include "base/hash.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define NO_HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define CSV "{\"format\":\"csv\",\"header\":true}"
#define CODE "{\"table\": \"t\", \"system\": \"s\", \"code\": code, \"value\": value}"
#define GROUPS                                                                                     \
    "{\"receipt_no\": $[0].no, \"purchase_order\": $[0].po, \"site\": $xref(\"site\", \"w\", "     \
    "$[0].site),\n \"received_at\": $[0].at,\n \"lines\": [$.{\"line\": $number(line), "           \
    "\"po_line\": $number(line),\n  \"quantity\": $uom($number(qty), unit, \"EA\")}]}"
#define HEAD "no;po;site;at;line;qty;unit\n"

typedef struct fixture {
    xd_codes *codes;
    xd_source *source;
    xd_bulk bulk;
    xd_buf out; /* a line for each event: kind id data map raw */
    int submissions;
    int documents;
} fixture;

static void setup(fixture *f, const char *layout, const char *map, const char *to, const char *by,
                  const char *time)
{
    xd_fault fault = XD_FAULT_NONE;
    xd_decode_limits limits = {.max_event_bytes = 4096, .max_depth = 32, .max_batch = 1000};
    *f = (fixture){0};
    xd_bulk_init(&f->bulk, &limits, XD_STR("anna"));
    xd_buf_init(&f->out, 64 << 20);
    assert_int_equal(xd_codes_create(&f->codes, &fault), XD_OK);
    xd_source_options options = {.name = "wms",
                                 .map_file = "maps/m.jsonata",
                                 .map_text = xd_str_from(map),
                                 .map_hash = XD_STR(NO_HASH),
                                 .layout = layout ? xd_str_from(layout) : XD_STR_NULL,
                                 .to = to,
                                 .by = by,
                                 .time = time,
                                 .codes = f->codes};
    if (xd_source_open(&options, &f->source, &fault) != XD_OK) {
        fail_msg("%s", fault.text);
    }
}

static void teardown(fixture *f)
{
    xd_source_close(f->source);
    xd_codes_destroy(f->codes);
    xd_bulk_finish(&f->bulk);
    xd_buf_finish(&f->out);
}

static void put_code(fixture *f, const char *table, const char *system, const char *code,
                     const char *value, const char *from)
{
    xd_instant at = XD_INSTANT_NONE;
    if (from) {
        assert_true(xd_moment_parse(xd_str_from(from), false, &at));
    }
    xd_crosswalk_row row = {.table = xd_str_from(table),
                            .system = xd_str_from(system),
                            .code = xd_str_from(code),
                            .value = xd_str_from(value),
                            .valid_from = at,
                            .valid_to = XD_INSTANT_NONE};
    assert_int_equal(xd_codes_put(f->codes, &row, NULL), XD_OK);
}

static void note_events(fixture *f, xd_submission *s)
{
    f->submissions++;
    for (uint32_t i = 0; i < s->count; i++) {
        const xd_event *e = &s->events[i];
        assert_true(xd_str_eq(e->source, XD_STR("wms")) && xd_str_eq(e->actor, XD_STR("anna")));
        assert_true(xd_str_eq(e->map, XD_STR(NO_HASH)));
        assert_true(xd_str_starts(e->raw, s->raw_hash));
        f->documents++;
        xd_buf_printf(&f->out, "%s %.*s %.*s %.*s\n", e->kind->name, XD_FMT(e->id),
                      XD_FMT(e->data_text), (int)(e->raw.len - 64), e->raw.ptr + 64);
    }
    xd_submission_release(s);
    xd_submission_release(s);
}

static xd_status run_piece(fixture *f, const xd_piece *piece, bool whole, xd_fault *fault)
{
    xd_transform *t;
    XD_TRY(xd_transform_create(f->source, piece->bytes, 1790000000000000, &f->bulk, &t, fault));
    xd_transform_stand_behind(t, piece->lines_before, piece->bytes_before);
    if (whole) {
        xd_transform_take_whole(t);
    }
    xd_submission *s;
    xd_status status;
    while ((status = xd_transform_next(t, &s, fault)) == XD_OK && s) {
        uint8_t digest[XD_SHA256_BYTES];
        char hex[XD_SHA256_HEX + 1];
        xd_sha256_of(s->raw_bytes, digest);
        xd_hex(digest, sizeof digest, hex);
        assert_true(xd_str_eq(s->raw_hash, xd_str_from(hex)));
        note_events(f, s);
    }
    xd_transform_destroy(t);
    return status;
}

static void run(fixture *f, const char *bytes)
{
    xd_buf_clear(&f->out);
    f->submissions = f->documents = 0;
    xd_piece piece = {.bytes = xd_str_from(bytes)};
    xd_fault fault = XD_FAULT_NONE;
    assert_int_equal(run_piece(f, &piece, false, &fault), XD_OK);
}

static void assert_problems(fixture *f, const char *wanted)
{
    xd_buf_char(&f->bulk.problems, '\0');
    assert_string_equal(f->bulk.problems.ptr, wanted);
}

static void records_of_any_format_become_documents(void **state)
{
    (void)state;
    static const struct {
        const char *layout, *map, *bytes;
    } samples[] = {
        {CSV, CODE, "code,value\na,1\nb,2\n"},
        {"{\"format\":\"ndjson\"}", CODE,
         "{\"code\":\"a\",\"value\":\"1\"}\n{\"value\":\"2\",\"code\":\"b\"}"},
        {"{\"format\":\"xml\",\"each\":\"/r/c\"}", "c." CODE,
         "<r><c><code>a</code><value>1</value></c><c><code>b</code><value>2</value></c></r>"},
    };
    static const char wanted[] =
        "crosswalk t/s/a@48bd6b3ef2b6b8c4 "
        "{\"table\":\"t\",\"system\":\"s\",\"code\":\"a\",\"value\":\"1\"} #1\n";
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        fixture f;
        setup(&f, samples[i].layout, samples[i].map, "crosswalk", NULL, NULL);
        run(&f, samples[i].bytes);
        assert_int_equal(f.documents, 2);
        assert_int_equal(f.bulk.tally.refused, 0);
        /* The number of the document, @, and what it says. */
        xd_str out = xd_buf_str(&f.out);
        assert_true(xd_str_starts(out, XD_STR("crosswalk ")));
        const char *at = memchr(out.ptr, '@', out.len);
        const char *wanted_data = strchr(wanted, '{');
        assert_non_null(at);
        assert_memory_equal(at + 18, wanted_data, strlen(wanted_data));
        teardown(&f);
    }
}

static void one_document_of_json_may_become_several(void **state)
{
    (void)state;
    fixture f;
    setup(&f, NULL, "$map(codes, function($c) { $c." CODE " })", "crosswalk", NULL, NULL);
    run(&f, "{\"codes\":[{\"code\":\"a\",\"value\":\"1\"},{\"code\":\"b\",\"value\":\"2\"}]}");
    assert_int_equal(f.documents, 2);
    run(&f, "{\"codes\":[]}"); /* nothing is something too */
    assert_int_equal(f.documents, 0);
    assert_int_equal(f.bulk.tally.refused, 0);
    run(&f, "{\"codes\":[{\"code\":\"a\",\"value\":\"1\"},{\"value\":\"2\"}]}");
    assert_int_equal(f.documents, 0); /* all of a record, or none */
    assert_int_equal(f.bulk.tally.refused, 1);
    teardown(&f);
}

static void the_identity_is_what_the_document_says(void **state)
{
    (void)state;
    fixture f;
    setup(&f, NULL, "$", "crosswalk", NULL, NULL);
    static const char *const same[] = {
        "{\"table\":\"t\",\"system\":\"s\",\"code\":\"a\",\"value\":\"1\"}",
        " {\"value\":\"1\", \"code\":\"\\u0061\",\n\"table\":\"t\",\"system\":\"s\"}"};
    char ids[3][128];
    static const char *const other = "{\"table\":\"t\",\"system\":\"s\",\"code\":\"a\",\"value\":"
                                     "\"2\"}";
    for (int i = 0; i < 3; i++) {
        run(&f, i < 2 ? same[i] : other);
        xd_buf_char(&f.out, '\0');
        assert_int_equal(sscanf(f.out.ptr, "crosswalk %127s ", ids[i]), 1);
    }
    assert_string_equal(ids[0], ids[1]);
    assert_string_not_equal(ids[0], ids[2]);
    teardown(&f);
}

static void records_with_one_key_are_mapped_together(void **state)
{
    (void)state;
    fixture f;
    setup(&f, "{\"format\":\"csv\",\"header\":true,\"separator\":\";\"}", GROUPS, "goods_receipt",
          "no", "$[0].at");
    put_code(&f, "site", "w", "1", "OLD", NULL);
    put_code(&f, "site", "w", "1", "NEW", "2026-11-02T00:00:00Z");
    put_code(&f, "uom", "factor", "CS>EA", "12", NULL);
    run(&f, HEAD "A;P;1;2026-11-01T08:00:00Z;1;2;CS\n"
                 "A;P;1;2026-11-01T08:00:00Z;2;3;EA\n"
                 "B;P;1;2026-11-03T08:00:00Z;1;1;EA\n");
    assert_int_equal(f.documents, 2);
    assert_int_equal(f.submissions, 1);
    xd_buf_char(&f.out, '\0');
    assert_non_null(strstr(f.out.ptr, "goods_receipt A@"));
    assert_non_null(strstr(f.out.ptr, "\"quantity\":24},{")); /* a case is twelve */
    assert_non_null(strstr(f.out.ptr, "\"site\":\"OLD\""));   /* as of its own day */
    assert_non_null(strstr(f.out.ptr, "\"site\":\"NEW\""));
    assert_non_null(strstr(f.out.ptr, "} #2\n"));
    teardown(&f);
}

static void a_missing_code_lets_the_record_wait(void **state)
{
    (void)state;
    fixture f;
    setup(&f, NULL, "rows.{\"table\": \"t\", \"system\": \"s\", \"code\": $xref(\"x\", \"y\", c)}",
          "crosswalk", NULL, NULL);
    run(&f, "{\"rows\":[{\"c\":\"1\"},{\"c\":\"2\"}]}");
    assert_int_equal(f.bulk.tally.refused, 0);
    assert_int_equal(f.documents, 2); /* one for each document that it will be */
    xd_str out = xd_buf_str(&f.out);
    assert_true(xd_str_starts(out, XD_STR("document record@")));
    xd_buf_char(&f.out, '\0');
    assert_non_null(strstr(f.out.ptr, " {\"source\":\"wms\",\"map\":\"" NO_HASH "\",\"record\":"
                                      "{\"rows\":[{\"c\":\"1\"},{\"c\":\"2\"}]},\"n\":1,\"of\":2} "
                                      "#1\n"));
    char first[4096];
    snprintf(first, sizeof first, "%s", f.out.ptr);
    run(&f, " {\"rows\": [{\"c\":\"1\"},{\"c\":\"2\"}]}\n"); /* in another file: the same */
    xd_buf_char(&f.out, '\0');
    assert_string_equal(f.out.ptr, first);
    put_code(&f, "x", "y", "1", "one", NULL);
    put_code(&f, "x", "y", "2", "two", NULL);
    run(&f, "{\"rows\":[{\"c\":\"1\"},{\"c\":\"2\"}]}");
    assert_true(xd_str_starts(xd_buf_str(&f.out), XD_STR("crosswalk ")));
    teardown(&f);
}

/* What the map does with a code cannot be told from the code itself. */
static void a_record_waits_even_when_its_map_cannot_go_on_without_the_code(void **state)
{
    (void)state;
    fixture f;
    setup(&f, NULL, "{\"n\": $number($xref(\"x\", \"y\", c))}", "crosswalk", NULL, NULL);
    run(&f, "{\"c\":\"abc\"}");
    assert_int_equal(f.documents, 1);
    assert_true(xd_str_starts(xd_buf_str(&f.out), XD_STR("document ")));
    teardown(&f);
}

static void refusals_name_the_place_in_the_file_and_in_the_map(void **state)
{
    (void)state;
    fixture f;
    setup(&f, CSV,
          "{\"table\": \"t\", \"system\": \"s\",\n \"code\": code,\n \"value\": $uppercase(value) "
          "& ($number(n) > 5 ? $error(\"too many\"))}",
          "crosswalk", NULL, NULL);
    run(&f, "code,value,n\na,1,1\nb,2,6\n,3,1\nc\nd,4,1\n");
    assert_int_equal(f.documents, 2);
    assert_problems(
        &f,
        "{\"rule\":\"D3137\",\"line\":3,\"detail\":\"maps/m.jsonata:3:55: too many\"},"
        "{\"rule\":\"code.empty\",\"pointer\":\"/code\",\"line\":4,\"detail\":\"maps/m.jsonata:2:"
        "10: from code: code is empty; give a value or leave it out\"},"
        "{\"rule\":\"csv.columns\",\"line\":5,\"column\":1,\"offset\":30,\"detail\":\"expected 3 "
        "fields, found 1; the first that is missing is value\"}");
    teardown(&f);
}

static void a_neighbour_that_cannot_be_read_spoils_its_group(void **state)
{
    (void)state;
    fixture f;
    setup(&f, "{\"format\":\"csv\",\"header\":true,\"separator\":\";\"}", GROUPS, "goods_receipt",
          "no", NULL);
    put_code(&f, "site", "w", "1", "S", NULL);
    run(&f, HEAD "A;P;1;2026-11-01T08:00:00Z;1;2;EA\n"
                 "B;P;1;2026-11-01T08:00:00Z;1;2;EA\n"
                 "B;P;1\n"
                 "C;P;1;2026-11-01T08:00:00Z;1;2;EA\n"
                 "D;P;1;2026-11-01T08:00:00Z;1;2;EA\n");
    assert_int_equal(f.documents, 2);
    assert_int_equal(f.bulk.tally.refused, 3);
    xd_buf_char(&f.out, '\0');
    assert_non_null(strstr(f.out.ptr, "goods_receipt A@"));
    assert_non_null(strstr(f.out.ptr, "goods_receipt D@"));
    teardown(&f);
}

static void all_of_it_is_one_submission_when_asked(void **state)
{
    (void)state;
    fixture f;
    xd_buf text;
    xd_buf_init(&text, 1 << 20);
    setup(&f, CSV, CODE, "crosswalk", NULL, NULL);
    for (int count = 1000; count <= 1001; count++) { /* max_batch is 1000 */
        xd_buf_clear(&text);
        XD_BUF_LIT(&text, "code,value\n");
        for (int i = 0; i < count; i++) {
            xd_buf_printf(&text, "c%d,v\n", i);
        }
        f.submissions = 0;
        xd_piece piece = {.bytes = xd_buf_str(&text)};
        xd_fault fault = XD_FAULT_NONE;
        xd_status status = run_piece(&f, &piece, true, &fault);
        assert_int_equal(status, count == 1000 ? XD_OK : XD_LIMIT);
        assert_int_equal(f.submissions, count == 1000 ? 1 : 0);
        assert_int_equal(run_piece(&f, &piece, false, &fault), XD_OK);
        assert_true(f.submissions > 1);
    }
    xd_buf_finish(&text);
    teardown(&f);
}

static void what_would_never_fit_is_refused_not_tried_again(void **state)
{
    (void)state;
    fixture f;
    xd_buf text;
    xd_buf_init(&text, 1 << 20);
    /* Each of a thousand documents waits with the whole record. */
    setup(&f, NULL, "[1..1000].{\"code\": $xref(\"x\", \"y\", \"z\"), \"n\": $}", "crosswalk", NULL,
          NULL);
    f.bulk.limits.max_event_bytes = 1 << 20;
    XD_BUF_LIT(&text, "\"");
    while (text.len < 400000) {
        XD_BUF_LIT(&text, "0123456789");
    }
    xd_buf_add(&text, "\"", 2);
    run(&f, text.ptr);
    assert_int_equal(f.documents, 0);
    assert_int_equal(f.bulk.tally.refused, 1);
    assert_non_null(strstr(f.bulk.problems.ptr, "source.size"));
    xd_buf_finish(&text);
    teardown(&f);
}

/* --- cutting --- */

static xd_status run_cut(fixture *f, xd_str bytes, size_t piece_bytes, xd_random *random,
                         int *ret_pieces, xd_fault *fault)
{
    xd_cutter *cutter;
    XD_TRY(xd_cutter_create(f->source, piece_bytes, &cutter, fault));
    xd_status status = XD_OK;
    size_t taken = 0;
    *ret_pieces = 0;
    for (size_t at = 0; status == XD_OK;) {
        size_t n = 1 + xd_random_below(random, 700);
        n = n < bytes.len - at ? n : bytes.len - at;
        assert_true(xd_cutter_add(cutter, (xd_str){bytes.ptr + at, n}));
        at += n;
        xd_piece piece = {.bytes = XD_STR("")};
        while (status == XD_OK && piece.bytes.ptr) {
            status = xd_cutter_next(cutter, at == bytes.len, &piece, fault);
            if (status == XD_OK && piece.bytes.ptr) {
                taken += piece.taken;
                ++*ret_pieces;
                status = run_piece(f, &piece, false, fault);
            }
        }
        if (at == bytes.len) {
            break;
        }
    }
    assert_true(status != XD_OK || taken == bytes.len);
    xd_cutter_destroy(cutter);
    return status;
}

/* Lines of receipts: quotes, line feeds in them, blank lines, lines that cannot be read. */
static void write_receipts(xd_buf *text, xd_random *random)
{
    xd_buf_clear(text);
    XD_BUF_LIT(text, "\n" HEAD);
    for (int i = 0; i < 120; i++) {
        int lines = 1 + (int)xd_random_below(random, 4);
        for (int l = 1; l <= lines; l++) {
            const char *end = xd_random_below(random, 3) ? "\n" : "\r\n\n";
            if (xd_random_below(random, 60) == 0) {
                xd_buf_printf(text, "R%d;broken%s", i, end);
            }
            xd_buf_printf(text, "R%d;\"P;%d%s\";1;2026-11-01T08:00:00Z;%d;%d;EA%s", i, i,
                          xd_random_below(random, 4) ? "" : "\"\"\nx", l,
                          (int)xd_random_below(random, 20), end);
        }
    }
}

/* Events without the number of their record, which counts in its piece. */
static void drop_numbers(xd_buf *out)
{
    size_t n = 0;
    bool skip = false;
    for (size_t i = 0; i < out->len; i++) {
        skip = out->ptr[i] == '\n' ? false : skip || out->ptr[i] == '#';
        if (!skip) {
            out->ptr[n++] = out->ptr[i];
        }
    }
    out->len = n;
}

static void a_cut_file_gives_what_the_whole_one_gives(void **state)
{
    (void)state;
    xd_buf text;
    xd_buf_init(&text, 1 << 20);
    for (uint64_t seed = 1; seed <= 60; seed++) {
        xd_random random;
        random.state = seed;
        write_receipts(&text, &random);
        fixture f[2];
        int pieces = 0;
        for (int i = 0; i < 2; i++) {
            setup(&f[i], "{\"format\":\"csv\",\"header\":true,\"separator\":\";\"}", GROUPS,
                  "goods_receipt", "no", "$[0].at");
            put_code(&f[i], "site", "w", "1", "S", NULL);
            xd_fault fault = XD_FAULT_NONE;
            xd_piece whole = {.bytes = xd_buf_str(&text)};
            if ((i == 0 ? run_piece(&f[0], &whole, false, &fault)
                        : run_cut(&f[1], xd_buf_str(&text), 2048, &random, &pieces, &fault)) !=
                XD_OK) {
                fail_msg("seed %d: %s", (int)seed, fault.text);
            }
            drop_numbers(&f[i].out);
        }
        assert_true(pieces > 3);
        assert_true(xd_str_eq(xd_buf_str(&f[0].out), xd_buf_str(&f[1].out)));
        if (!xd_str_eq(xd_buf_str(&f[0].bulk.problems), xd_buf_str(&f[1].bulk.problems))) {
            fail_msg("seed %d:\n%.*s\n%.*s", (int)seed, XD_FMT(xd_buf_str(&f[0].bulk.problems)),
                     XD_FMT(xd_buf_str(&f[1].bulk.problems)));
        }
        teardown(&f[0]);
        teardown(&f[1]);
    }
    xd_buf_finish(&text);
}

static void what_cannot_be_cut_is_refused_with_its_line(void **state)
{
    (void)state;
    fixture f;
    xd_buf text;
    xd_random random;
    random.state = 7;
    xd_buf_init(&text, 1 << 20);
    setup(&f, CSV, CODE, "crosswalk", NULL, NULL);
    XD_BUF_LIT(&text, "code,value\na,1\nb,\"2");
    for (int i = 0; i < 5000; i++) {
        XD_BUF_LIT(&text, "x ");
    }
    xd_fault fault = XD_FAULT_NONE;
    int pieces = 0;
    assert_int_equal(run_cut(&f, xd_buf_str(&text), 2048, &random, &pieces, &fault), XD_LIMIT);
    assert_string_equal(fault.rule, "source.piece");
    assert_int_equal(fault.line, 3);
    assert_int_equal(f.documents, 0);
    xd_buf_finish(&text);
    teardown(&f);
}

/* Text of a thousand lines may hold more values than there is room for: that is said of these
 * records, and the sender is not asked to try again. */
static void records_too_large_to_be_mapped_together_are_refused(void **state)
{
    (void)state;
    enum { LINES = 14, VALUES = 250000 };
    fixture f;
    xd_buf text;
    xd_buf_init(&text, 64 << 20);
    setup(&f, "{\"format\":\"ndjson\"}", "$count($) = 0 ? {}", "crosswalk", "$type($)", NULL);
    for (int i = 0; i < LINES; i++) {
        for (int k = 0; k < VALUES; k++) {
            xd_buf_str_add(&text, k ? XD_STR(",0") : XD_STR("[0"));
        }
        XD_BUF_LIT(&text, "]\n");
    }
    XD_BUF_LIT(&text, "{}\n");
    xd_piece piece = {.bytes = xd_buf_str(&text)};
    xd_fault fault = XD_FAULT_NONE;
    assert_int_equal(run_piece(&f, &piece, false, &fault), XD_OK);
    assert_int_equal(f.bulk.tally.refused, 1);
    assert_int_equal(f.bulk.tally.lines, 2);
    assert_true(xd_str_starts(xd_buf_str(&f.bulk.problems),
                              XD_STR("{\"rule\":\"source.size\",\"line\":1,")));
    xd_buf_finish(&text);
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_too_large_to_be_mapped_together_are_refused),
        cmocka_unit_test(records_of_any_format_become_documents),
        cmocka_unit_test(one_document_of_json_may_become_several),
        cmocka_unit_test(the_identity_is_what_the_document_says),
        cmocka_unit_test(records_with_one_key_are_mapped_together),
        cmocka_unit_test(a_missing_code_lets_the_record_wait),
        cmocka_unit_test(a_record_waits_even_when_its_map_cannot_go_on_without_the_code),
        cmocka_unit_test(refusals_name_the_place_in_the_file_and_in_the_map),
        cmocka_unit_test(a_neighbour_that_cannot_be_read_spoils_its_group),
        cmocka_unit_test(all_of_it_is_one_submission_when_asked),
        cmocka_unit_test(what_would_never_fit_is_refused_not_tried_again),
        cmocka_unit_test(a_cut_file_gives_what_the_whole_one_gives),
        cmocka_unit_test(what_cannot_be_cut_is_refused_with_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
