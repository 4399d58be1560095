/* map: goods receipts as text in, goods movements as text out, on one core: read, mapped, written;
 * beside reading and writing alone.
 *     bench_map [SECONDS [MAP NDJSON]]   by default a map and receipts of its own
 *     bench_map print MAP NDJSON         prints what the map makes of each document
 *     bench_map rate SECONDS MAP NDJSON  prints documents a second and nothing else
 *     bench_map write DIR                writes the map and the receipts of its own there */
#include "feed.h"
#include "measure.h"

#include "base/json.h"
#include "mapping/map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DOCUMENTS = 5000, ROUNDS = 5, ARENA_BYTES = 64 << 20, FILE_BYTES = 64 << 20 };

static const char own_map[] =
    "{ 'document': 'GOODS_MOVEMENT', 'id': id, 'reference': data.receipt_no,"
    "  'po': data.purchase_order, 'plant': data.site, 'vendor': data.supplier,"
    "  'posting_date': $substring(data.received_at, 0, 10),"
    "  'header_text': data.carrier & ' ' & data.packing_slip,"
    "  'items': [data.lines.{ 'item': line, 'po_item': po_line, 'material': item, 'unit': uom,"
    "    'movement': $number(damaged) > 0 ? '103' : '101',"
    "    'unrestricted': $formatNumber($number(quantity) - $number(damaged), '0.000'),"
    "    'blocked': $formatNumber($number(damaged), '0.000'),"
    "    'batches': [lots.{ 'batch': lot, 'quantity': quantity, 'expiry': expires }] }] }";

typedef struct bench_input {
    xd_buf text;
    xd_str *documents; /* owns */
    size_t count;
    xd_map *map;
} bench_input;

static void compile(bench_input *in, xd_str text)
{
    xd_fault fault = XD_FAULT_NONE;
    if (xd_map_compile(text, &in->map, &fault) != XD_OK) {
        bench_die("the map: %s", fault.text);
    }
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

/* One document: read, mapped when asked for, written into out. */
static void do_one(const bench_input *in, size_t i, bool map, xd_arena *arena, xd_buf *out)
{
    const xd_json *tree = NULL;
    xd_fault fault = XD_FAULT_NONE;
    xd_arena_reset(arena);
    xd_buf_clear(out);
    if (xd_json_parse(in->documents[i], XD_JSON_LIMITS_DEFAULT, arena, &tree, &fault) != XD_OK ||
        (map && xd_map_run(in->map, tree, NULL, NULL, NULL, arena, &tree, &fault) != XD_OK)) {
        bench_die("document %zu: %s", i, fault.text);
    }
    xd_json_write(out, tree);
}

/* Documents a second. */
static double run(const bench_input *in, bool map, double seconds)
{
    xd_arena arena;
    xd_buf out;
    xd_arena_init(&arena, ARENA_BYTES);
    xd_buf_init(&out, FILE_BYTES);
    int64_t begin = bench_now_ns();
    int64_t end = begin + (int64_t)(seconds * 1e9);
    int64_t now = begin;
    uint64_t done = 0;
    for (size_t i = 0; now < end; now = bench_now_ns()) {
        for (int k = 0; k < 100; k++, i = i + 1 == in->count ? 0 : i + 1) {
            do_one(in, i, map, &arena, &out);
        }
        done += 100;
    }
    xd_buf_finish(&out);
    xd_arena_finish(&arena);
    return (double)done / ((double)(now - begin) / 1e9);
}

static void print_all(const bench_input *in)
{
    xd_arena arena;
    xd_buf out;
    xd_arena_init(&arena, ARENA_BYTES);
    xd_buf_init(&out, FILE_BYTES);
    for (size_t i = 0; i < in->count; i++) {
        do_one(in, i, true, &arena, &out);
        printf("%.*s\n", (int)out.len, out.ptr);
    }
    xd_buf_finish(&out);
    xd_arena_finish(&arena);
}

static void measure(const bench_input *in, double seconds)
{
    double value[ROUNDS];
    double floor[ROUNDS];
    double cpu = bench_cpu_s(0);
    double events = 0;
    for (int i = 0; i < ROUNDS; i++) {
        floor[i] = run(in, false, seconds);
        value[i] = run(in, true, seconds);
        events += (value[i] + floor[i]) * seconds;
        fprintf(stderr, "bench: map %.0f/s, reading and writing alone %.0f/s\n", value[i],
                floor[i]);
    }
    bench_print(&(bench_figure){.bench = "map",
                                .value = bench_median(value, ROUNDS),
                                .unit = "documents/s",
                                .floor = bench_median(floor, ROUNDS),
                                .cpu_s = bench_cpu_s(0) - cpu,
                                .events = events,
                                .rss_mb = bench_rss_peak_mb(0)});
}

static void make_receipts(bench_input *in)
{
    for (uint64_t i = 0; i < DOCUMENTS; i++) {
        feed_receipt(&in->text, i, i);
        xd_buf_char(&in->text, '\n');
    }
}

static void load(bench_input *in, const char *map_path, const char *documents_path)
{
    xd_buf map;
    xd_buf_init(&map, FILE_BYTES);
    bench_read_file(map_path, &map);
    compile(in, xd_buf_str(&map));
    xd_buf_finish(&map);
    bench_read_file(documents_path, &in->text);
    split_lines(in);
}

int main(int argc, char **argv)
{
    bench_input in = {0};
    const char *verb = argc > 1 ? argv[1] : "";
    xd_buf_init(&in.text, FILE_BYTES);
    if (argc > 3 && strcmp(verb, "print") == 0) {
        load(&in, argv[2], argv[3]);
        print_all(&in);
    } else if (argc > 4 && strcmp(verb, "rate") == 0) {
        load(&in, argv[3], argv[4]);
        printf("%.0f\n", run(&in, true, (double)strtol(argv[2], NULL, 10)));
    } else if (argc > 2 && strcmp(verb, "write") == 0) {
        make_receipts(&in);
        bench_write_file(argv[2], "map.jsonata", XD_STR(own_map));
        bench_write_file(argv[2], "receipts.ndjson", xd_buf_str(&in.text));
    } else {
        if (argc > 3) {
            load(&in, argv[2], argv[3]);
        } else {
            compile(&in, XD_STR(own_map));
            make_receipts(&in);
            split_lines(&in);
        }
        measure(&in, (double)(argc > 1 ? strtol(verb, NULL, 10) : 5) / (2 * ROUNDS));
    }
    xd_map_destroy(in.map);
    free(in.documents);
    xd_buf_finish(&in.text);
    return 0;
}
