/* engine: receipts of three lines through dedup, match, accrual, journal, outbox and commit,
 * without HTTP, beside a bare SQLite program that writes the same rows and bytes in the same
 * batches. One run records a trace and is not timed; then engine and floor take turns.
 *     bench_engine [RECEIPTS [ORDERS [ROUNDS]]] */
#include "child.h"
#include "engine_run.h"
#include "feed.h"
#include "measure.h"
#include "trace.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { ROUNDS_MAX = 9 };

typedef struct bench_size {
    uint64_t receipts, orders;
} bench_size;

static uint64_t order_count; /* of the feed; set once before anything runs */

static void write_order(xd_buf *buf, uint64_t number)
{
    feed_order(buf, number);
}

static void write_receipt(xd_buf *buf, uint64_t number)
{
    feed_receipt(buf, number, number % order_count);
}

typedef struct bench_round {
    double seconds, cpu_s;
} bench_round;

/* Loads the orders, then times the receipts. */
static bench_round run_engine(const char *path, const bench_size *size, FILE *trace)
{
    engine_run run;
    engine_run_open(&run, path, trace);
    engine_run_feed(&run, 0, size->orders, write_order);
    engine_run_settle(&run);
    if (trace) {
        trace_store_mark(trace);
    }
    double cpu = bench_cpu_s(0);
    int64_t begin = bench_now_ns();
    engine_run_feed(&run, 0, size->receipts, write_receipt);
    engine_run_settle(&run);
    bench_round round = {.seconds = (double)(bench_now_ns() - begin) / 1e9,
                         .cpu_s = bench_cpu_s(0) - cpu};
    engine_run_close(&run);
    return round;
}

/* Runs floor_sqlite on an empty database with the hub's schema. */
static double run_floor(const char *trace_path, const char *path)
{
    xd_fault fault = XD_FAULT_NONE;
    xd_store *store;
    if (xd_store_sqlite_open(path, XD_STORE_WRITE, &store, &fault) != XD_OK) {
        bench_die("%s", fault.text);
    }
    xd_store_destroy(store);
    char command[2048];
    char answer[64];
    ssize_t n = readlink("/proc/self/exe", command, sizeof command - 1);
    command[n > 0 ? n : 0] = '\0';
    char *name = strrchr(command, '/') + 1;
    snprintf(name, sizeof command - (size_t)(name - command), "floor_sqlite '%s' '%s'", trace_path,
             path);
    FILE *floor = popen(command, "r");
    bool ok = floor && fgets(answer, sizeof answer, floor);
    if (!ok || pclose(floor) != 0) {
        bench_die("%s: failed", command);
    }
    double seconds = 0;
    return sscanf(answer, "%lf", &seconds) == 1 ? seconds : 0;
}

static void remove_database(const char *path)
{
    static const char *const endings[] = {"", "-wal", "-shm"};
    char name[1024];
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s%s", path, endings[i]);
        unlink(name);
    }
}

static uint64_t argument(int argc, char **argv, int at, uint64_t fallback)
{
    return argc > at ? strtoull(argv[at], NULL, 10) : fallback;
}

int main(int argc, char **argv)
{
    bench_size size = {argument(argc, argv, 1, 60000), argument(argc, argv, 2, 20000)};
    uint32_t rounds = (uint32_t)argument(argc, argv, 3, 3);
    double engine_s[ROUNDS_MAX];
    double floor_s[ROUNDS_MAX];
    double cpu_s[ROUNDS_MAX];
    bench_scratch scratch = scratch_make();
    char path[600];
    char trace_path[600];
    order_count = size.orders;
    rounds = rounds > ROUNDS_MAX ? ROUNDS_MAX : rounds;
    snprintf(path, sizeof path, "%s/crossdock.db", scratch.path);
    snprintf(trace_path, sizeof trace_path, "%s/trace", scratch.path);
    FILE *trace = fopen(trace_path, "w");
    if (!trace || setvbuf(trace, NULL, _IOFBF, 1 << 20) != 0) {
        bench_die("cannot write %s", trace_path);
    }
    run_engine(path, &size, trace);
    fclose(trace);
    for (uint32_t i = 0; i < rounds; i++) {
        remove_database(path);
        bench_round round = run_engine(path, &size, NULL);
        engine_s[i] = round.seconds;
        cpu_s[i] = round.cpu_s;
        remove_database(path);
        floor_s[i] = run_floor(trace_path, path);
        fprintf(stderr, "bench: engine %.0f/s, floor %.0f/s\n", (double)size.receipts / engine_s[i],
                (double)size.receipts / floor_s[i]);
    }
    bench_print(&(bench_figure){.bench = "engine",
                                .value = (double)size.receipts / bench_median(engine_s, rounds),
                                .unit = "receipts/s",
                                .floor = (double)size.receipts / bench_median(floor_s, rounds),
                                .cpu_s = bench_median(cpu_s, rounds),
                                .events = (double)size.receipts,
                                .rss_mb = bench_rss_peak_mb(0)});
    scratch_remove(&scratch);
    return 0;
}
