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
static bench_round run_engine(const char *path, const bench_size *size, FILE *const traces[2])
{
    engine_run run;
    engine_run_open(&run, path, traces);
    engine_run_feed(&run, 0, size->orders, write_order);
    engine_run_settle(&run);
    for (int i = 0; traces && i < 2; i++) {
        trace_store_mark(traces[i]);
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

/* Runs floor_sqlite on the two empty files of a hub's database, side by side as the hub's two
 * threads write them; the seconds of the slower one. */
static double run_floor(const char *trace_path, const char *path, const char *log_path)
{
    xd_fault fault = XD_FAULT_NONE;
    xd_store *store;
    if (xd_store_sqlite_open(path, XD_STORE_WRITE, &store, &fault) != XD_OK) {
        bench_die("%s", fault.text);
    }
    xd_store_destroy(store);
    char command[2048];
    ssize_t n = readlink("/proc/self/exe", command, sizeof command - 1);
    command[n > 0 ? n : 0] = '\0';
    char *name = strrchr(command, '/') + 1;
    size_t room = sizeof command - (size_t)(name - command);
    FILE *floors[2];
    for (int i = 0; i < 2; i++) {
        snprintf(name, room, "floor_sqlite '%s.%d' '%s' %s", trace_path, i, i ? path : log_path,
                 i ? "NORMAL" : "FULL");
        floors[i] = popen(command, "r");
    }
    double slowest = 0;
    for (int i = 0; i < 2; i++) {
        char answer[64];
        double seconds = 0;
        if (!floors[i] || !fgets(answer, sizeof answer, floors[i]) || pclose(floors[i]) != 0 ||
            sscanf(answer, "%lf", &seconds) != 1) {
            bench_die("%s: failed", command);
        }
        slowest = seconds > slowest ? seconds : slowest;
    }
    return slowest;
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
    char log_path[600];
    char trace_path[600];
    FILE *traces[2];
    order_count = size.orders;
    rounds = rounds > ROUNDS_MAX ? ROUNDS_MAX : rounds;
    snprintf(path, sizeof path, "%s/crossdock.db", scratch.path);
    snprintf(log_path, sizeof log_path, "%s/crossdock-log.db", scratch.path);
    snprintf(trace_path, sizeof trace_path, "%s/trace", scratch.path);
    for (int i = 0; i < 2; i++) {
        char name[640];
        snprintf(name, sizeof name, "%s.%d", trace_path, i);
        traces[i] = fopen(name, "w");
        if (!traces[i] || setvbuf(traces[i], NULL, _IOFBF, 1 << 20) != 0) {
            bench_die("cannot write %s", name);
        }
    }
    run_engine(path, &size, traces);
    fclose(traces[0]);
    fclose(traces[1]);
    for (uint32_t i = 0; i < rounds; i++) {
        remove_database(path);
        remove_database(log_path);
        bench_round round = run_engine(path, &size, NULL);
        engine_s[i] = round.seconds;
        cpu_s[i] = round.cpu_s;
        remove_database(path);
        remove_database(log_path);
        floor_s[i] = run_floor(trace_path, path, log_path);
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
