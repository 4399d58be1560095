/* schema: receipts read and checked against a compiled JSON Schema on one core, beside reading
 * alone. bench_schema [SECONDS [SCHEMA NDJSON]]   by default a schema and receipts of its own
 *     bench_schema print SCHEMA NDJSON         prints how many are refused
 *     bench_schema rate SECONDS SCHEMA NDJSON  prints documents a second and nothing else
 *     bench_schema write DIR                   writes the schema and receipts of its own there */
#include "feed.h"
#include "measure.h"

#include "base/json.h"
#include "schema/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DOCUMENTS = 5000, ROUNDS = 5, ARENA_BYTES = 64 << 20, FILE_BYTES = 64 << 20 };

static const char own_schema[] =
    "{\"type\":\"object\",\"additionalProperties\":false,"
    "\"required\":[\"specversion\",\"id\",\"source\",\"type\",\"time\",\"subject\",\"data\"],"
    "\"properties\":{\"specversion\":{\"const\":\"1.0\"},"
    "\"id\":{\"type\":\"string\",\"minLength\":8,\"maxLength\":64,"
    "\"pattern\":\"^[A-Za-z0-9._-]+$\"},"
    "\"source\":{\"type\":\"string\",\"pattern\":\"^urn:[a-z]+:[a-z0-9-]+$\"},"
    "\"type\":{\"const\":\"goods.receipt.confirmed\"},\"time\":{\"$ref\":\"#/$defs/utc\"},"
    "\"subject\":{\"type\":\"string\",\"pattern\":\"^GR-[0-9]{9}$\"},"
    "\"data\":{\"type\":\"object\",\"additionalProperties\":false,"
    "\"required\":[\"receipt_no\",\"purchase_order\",\"supplier\",\"site\",\"received_at\","
    "\"lines\"],\"properties\":{"
    "\"receipt_no\":{\"type\":\"string\",\"pattern\":\"^GR-[0-9]{9}$\"},"
    "\"purchase_order\":{\"type\":\"string\",\"pattern\":\"^PO-[0-9]{9,10}$\"},"
    "\"supplier\":{\"type\":\"string\",\"pattern\":\"^SUP-[0-9]{5,9}$\"},"
    "\"site\":{\"enum\":[\"EAST-01\",\"EAST-02\",\"WEST-01\",\"CENT-01\"]},"
    "\"received_at\":{\"$ref\":\"#/$defs/utc\"},\"carrier\":{\"type\":\"string\",\"maxLength\":8},"
    "\"packing_slip\":{\"type\":[\"string\",\"null\"],\"maxLength\":32},"
    "\"lines\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":200,"
    "\"items\":{\"$ref\":\"#/$defs/line\"}}}}},"
    "\"$defs\":{\"utc\":{\"type\":\"string\",\"pattern\":"
    "\"^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\\\\.[0-9]{1,9})?Z$\"},"
    "\"date\":{\"type\":[\"string\",\"null\"],\"pattern\":\"^[0-9]{4}-[01][0-9]-[0-3][0-9]$\"},"
    "\"qty\":{\"type\":\"string\",\"pattern\":\"^[0-9]{1,12}(\\\\.[0-9]{1,6})?$\"},"
    "\"lot\":{\"type\":\"object\",\"additionalProperties\":false,"
    "\"required\":[\"lot\",\"quantity\"],"
    "\"properties\":{\"lot\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":32},"
    "\"quantity\":{\"$ref\":\"#/$defs/qty\"},\"expires\":{\"$ref\":\"#/$defs/date\"}}},"
    "\"line\":{\"type\":\"object\",\"additionalProperties\":false,"
    "\"required\":[\"line\",\"po_line\",\"item\",\"uom\",\"quantity\",\"lots\",\"damaged\","
    "\"disposition\"],\"properties\":{"
    "\"line\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":9999},"
    "\"po_line\":{\"type\":\"integer\",\"minimum\":10,\"maximum\":99990},"
    "\"item\":{\"type\":\"string\",\"pattern\":\"^SKU-[0-9]{3}-[0-9]{4}$\"},"
    "\"uom\":{\"enum\":[\"EA\",\"CS\",\"PL\",\"KG\"]},\"quantity\":{\"$ref\":\"#/$defs/qty\"},"
    "\"lots\":{\"type\":\"array\",\"maxItems\":50,\"items\":{\"$ref\":\"#/$defs/lot\"}},"
    "\"damaged\":{\"$ref\":\"#/$defs/qty\"},"
    "\"disposition\":{\"enum\":[\"stock\",\"quarantine\",\"scrap\",\"return\"]}}}}}";

typedef struct bench_input {
    xd_buf text;
    xd_str *documents; /* owns */
    size_t count;
    xd_schema *schema;
} bench_input;

static void compile(bench_input *in, xd_str text)
{
    xd_arena arena;
    xd_arena_init(&arena, ARENA_BYTES);
    const xd_json *tree = NULL;
    xd_fault fault = XD_FAULT_NONE;
    xd_schema_options options = {0};
    if (xd_json_parse(text, XD_JSON_LIMITS_DEFAULT, &arena, &tree, &fault) != XD_OK ||
        xd_schema_compile(tree, &options, &in->schema, &fault) != XD_OK) {
        bench_die("the schema: %s", fault.text);
    }
    xd_arena_finish(&arena);
}

static void split_lines(bench_input *in)
{
    in->documents = calloc(in->text.len + 1, sizeof *in->documents);
    if (!in->documents || in->text.failed) {
        bench_die("no memory for the documents");
    }
    for (size_t at = 0; at < in->text.len;) {
        const char *end = memchr(in->text.ptr + at, '\n', in->text.len - at);
        size_t n = end ? (size_t)(end - in->text.ptr) - at : in->text.len - at;
        if (n) {
            in->documents[in->count++] = (xd_str){in->text.ptr + at, n};
        }
        at += n + 1;
    }
    if (!in->count) {
        bench_die("there are no documents");
    }
}

/* Reads a document and checks it when asked for; whether it fits. */
static bool do_one(const bench_input *in, size_t i, bool check, xd_arena *arena)
{
    const xd_json *tree = NULL;
    bool valid = true;
    xd_arena_reset(arena);
    if (xd_json_parse(in->documents[i], XD_JSON_LIMITS_DEFAULT, arena, &tree, NULL) != XD_OK ||
        (check && xd_schema_check(in->schema, tree, &valid, NULL) != XD_OK)) {
        bench_die("document %zu cannot be read or checked", i);
    }
    return valid;
}

/* Documents a second; counts those that do not fit. */
static double run(const bench_input *in, bool check, double seconds, uint64_t *ret_refused)
{
    xd_arena arena;
    xd_arena_init(&arena, ARENA_BYTES);
    int64_t begin = bench_now_ns();
    int64_t end = begin + (int64_t)(seconds * 1e9);
    int64_t now = begin;
    uint64_t done = 0;
    uint64_t refused = 0;
    for (size_t i = 0; now < end; now = bench_now_ns()) {
        for (int k = 0; k < 100; k++, i = i + 1 == in->count ? 0 : i + 1) {
            refused += !do_one(in, i, check, &arena);
        }
        done += 100;
    }
    xd_arena_finish(&arena);
    *ret_refused = refused;
    return (double)done / ((double)(now - begin) / 1e9);
}

static void make_receipts(bench_input *in)
{
    for (uint64_t i = 0; i < DOCUMENTS; i++) {
        feed_receipt(&in->text, i, i);
        xd_buf_char(&in->text, '\n');
    }
}

static void load(bench_input *in, const char *schema_path, const char *documents_path)
{
    xd_buf schema;
    xd_buf_init(&schema, FILE_BYTES);
    bench_read_file(schema_path, &schema);
    compile(in, xd_buf_str(&schema));
    xd_buf_finish(&schema);
    bench_read_file(documents_path, &in->text);
    split_lines(in);
}

static uint64_t count_refused(const bench_input *in)
{
    xd_arena arena;
    uint64_t refused = 0;
    xd_arena_init(&arena, ARENA_BYTES);
    for (size_t i = 0; i < in->count; i++) {
        refused += !do_one(in, i, true, &arena);
    }
    xd_arena_finish(&arena);
    return refused;
}

static void measure(const bench_input *in, double seconds)
{
    double value[ROUNDS];
    double floor[ROUNDS];
    uint64_t refused = 0;
    double cpu = bench_cpu_s(0);
    double checked = 0;
    for (int i = 0; i < ROUNDS; i++) {
        floor[i] = run(in, false, seconds, &refused);
        value[i] = run(in, true, seconds, &refused);
        checked += (value[i] + floor[i]) * seconds;
        fprintf(stderr, "bench: schema %.0f/s, reading alone %.0f/s, %llu refused\n", value[i],
                floor[i], (unsigned long long)refused);
    }
    bench_print(&(bench_figure){.bench = "schema",
                                .value = bench_median(value, ROUNDS),
                                .unit = "documents/s",
                                .floor = bench_median(floor, ROUNDS),
                                .cpu_s = bench_cpu_s(0) - cpu,
                                .events = checked,
                                .rss_mb = bench_rss_peak_mb(0)});
}

int main(int argc, char **argv)
{
    bench_input in = {0};
    const char *verb = argc > 1 ? argv[1] : "";
    xd_buf_init(&in.text, FILE_BYTES);
    if (argc > 3 && strcmp(verb, "print") == 0) {
        load(&in, argv[2], argv[3]);
        printf("%llu\n", (unsigned long long)count_refused(&in));
    } else if (argc > 4 && strcmp(verb, "rate") == 0) {
        uint64_t refused = 0;
        load(&in, argv[3], argv[4]);
        printf("%.0f\n", run(&in, true, (double)strtol(argv[2], NULL, 10), &refused));
    } else if (argc > 2 && strcmp(verb, "write") == 0) {
        make_receipts(&in);
        bench_write_file(argv[2], "schema.json", XD_STR(own_schema));
        bench_write_file(argv[2], "receipts.ndjson", xd_buf_str(&in.text));
    } else {
        if (argc > 3) {
            load(&in, argv[2], argv[3]);
        } else {
            compile(&in, XD_STR(own_schema));
            make_receipts(&in);
            split_lines(&in);
        }
        measure(&in, (double)(argc > 1 ? strtol(verb, NULL, 10) : 5) / (2 * ROUNDS));
    }
    xd_schema_destroy(in.schema);
    free(in.documents);
    xd_buf_finish(&in.text);
    return 0;
}
