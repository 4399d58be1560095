/* Documents, one at a time. See documents.h. */
#include "documents.h"

#include "feed.h"
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DOCUMENTS = 5000, ROUNDS = 5, ARENA_BYTES = 64 << 20, FILE_BYTES = 64 << 20 };

typedef struct bench_input {
    const bench_task *task;
    xd_buf text;
    xd_str *documents; /* owns */
    size_t count;
    void *compiled; /* owns */
} bench_input;

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

static void make_receipts(bench_input *in)
{
    for (uint64_t i = 0; i < DOCUMENTS; i++) {
        feed_receipt(&in->text, i, i);
        xd_buf_char(&in->text, '\n');
    }
}

static void load(bench_input *in, const char *path, const char *documents_path)
{
    xd_buf text;
    xd_buf_init(&text, FILE_BYTES);
    bench_read_file(path, &text);
    in->compiled = in->task->compile(xd_buf_str(&text));
    xd_buf_finish(&text);
    bench_read_file(documents_path, &in->text);
    split_lines(in);
}

static bool do_one(const bench_input *in, size_t i, bool whole, xd_arena *arena, xd_buf *out)
{
    xd_arena_reset(arena);
    xd_buf_clear(out);
    return in->task->one(whole ? in->compiled : NULL, in->documents[i], arena, out);
}

/* Documents a second, with the operation or without it; *ret_refused: how many it refused. */
static double run(const bench_input *in, bool whole, double seconds, uint64_t *ret_refused)
{
    xd_arena arena;
    xd_buf out;
    xd_arena_init(&arena, ARENA_BYTES);
    xd_buf_init(&out, FILE_BYTES);
    int64_t begin = bench_now_ns();
    int64_t end = begin + (int64_t)(seconds * 1e9);
    int64_t now = begin;
    uint64_t done = 0;
    uint64_t refused = 0;
    for (size_t i = 0; now < end; now = bench_now_ns()) {
        for (int k = 0; k < 100; k++, i = i + 1 == in->count ? 0 : i + 1) {
            refused += !do_one(in, i, whole, &arena, &out);
        }
        done += 100;
    }
    xd_buf_finish(&out);
    xd_arena_finish(&arena);
    *ret_refused = refused;
    return (double)done / ((double)(now - begin) / 1e9);
}

static void print_all(const bench_input *in)
{
    xd_arena arena;
    xd_buf out;
    unsigned long long refused = 0;
    xd_arena_init(&arena, ARENA_BYTES);
    xd_buf_init(&out, FILE_BYTES);
    for (size_t i = 0; i < in->count; i++) {
        refused += !do_one(in, i, true, &arena, &out);
        if (in->task->print) {
            in->task->print(xd_buf_str(&out));
        }
    }
    if (!in->task->print) {
        printf("%llu\n", refused);
    }
    xd_buf_finish(&out);
    xd_arena_finish(&arena);
}

static void measure(const bench_input *in, double seconds)
{
    double value[ROUNDS];
    double floor[ROUNDS];
    uint64_t refused = 0;
    double cpu = bench_cpu_s(0);
    double events = 0;
    for (int i = 0; i < ROUNDS; i++) {
        floor[i] = run(in, false, seconds, &refused);
        value[i] = run(in, true, seconds, &refused);
        events += (value[i] + floor[i]) * seconds;
        fprintf(stderr, "bench: %s %.0f/s, %.0f/s without it, %llu refused\n", in->task->name,
                value[i], floor[i], (unsigned long long)refused);
    }
    bench_print(&(bench_figure){.bench = in->task->name,
                                .value = bench_median(value, ROUNDS),
                                .unit = "documents/s",
                                .floor = bench_median(floor, ROUNDS),
                                .cpu_s = bench_cpu_s(0) - cpu,
                                .events = events,
                                .rss_mb = bench_rss_peak_mb(0)});
}

int bench_documents(const bench_task *task, int argc, char **argv)
{
    bench_input in = {.task = task};
    const char *verb = argc > 1 ? argv[1] : "";
    xd_buf_init(&in.text, FILE_BYTES);
    if (argc > 3 && strcmp(verb, "print") == 0) {
        load(&in, argv[2], argv[3]);
        print_all(&in);
    } else if (argc > 4 && strcmp(verb, "rate") == 0) {
        uint64_t refused = 0;
        load(&in, argv[3], argv[4]);
        printf("%.0f\n", run(&in, true, (double)strtol(argv[2], NULL, 10), &refused));
    } else if (argc > 2 && strcmp(verb, "write") == 0) {
        make_receipts(&in);
        bench_write_file(argv[2], task->own_file, xd_str_from(task->own));
        bench_write_file(argv[2], "receipts.ndjson", xd_buf_str(&in.text));
    } else {
        if (argc > 3) {
            load(&in, argv[2], argv[3]);
        } else {
            in.compiled = task->compile(xd_str_from(task->own));
            make_receipts(&in);
            split_lines(&in);
        }
        measure(&in, (double)(argc > 1 ? strtol(verb, NULL, 10) : 5) / (2 * ROUNDS));
    }
    task->destroy(in.compiled);
    free(in.documents);
    xd_buf_finish(&in.text);
    return 0;
}
