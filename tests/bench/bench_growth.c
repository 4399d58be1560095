/* engine_growth: what an event costs when a million are stored, against when ten thousand are. One
 * order in four events, the other three are receipts of three lines against orders of a while ago.
 * The large store is filled first; then both are measured in turns, so that what else the machine
 * does weighs on both alike.
 *     bench_growth [MOST_EVENTS [MOST_SECONDS]]        (seconds for filling) */
#include "child.h"
#include "engine_run.h"
#include "feed.h"
#include "measure.h"

#include <stdlib.h>

enum {
    SMALL = 10000,  /* events in the small store before a window */
    WINDOW = 20000, /* events that a cost is taken over */
    ROUNDS = 5,
    LAG = 1000, /* orders between an order and its receipts */
};

static void write_event(xd_buf *buf, uint64_t number)
{
    uint64_t order = number / 4;
    if (number % 4 == 0) {
        feed_order(buf, order);
    } else {
        feed_receipt(buf, number, order > LAG ? order - LAG : 0);
    }
}

typedef struct event_cost {
    double wall_us, cpu_us; /* per event */
} event_cost;

static event_cost run_window(engine_run *run, uint64_t first)
{
    double cpu = bench_cpu_s(0);
    int64_t begin = bench_now_ns();
    engine_run_feed(run, first, WINDOW, write_event);
    engine_run_settle(run);
    return (event_cost){.wall_us = (double)(bench_now_ns() - begin) / 1e3 / WINDOW,
                        .cpu_us = (bench_cpu_s(0) - cpu) * 1e6 / WINDOW};
}

/* A window on a fresh small store. */
static event_cost run_small(const char *folder, uint32_t round)
{
    char path[600];
    engine_run run;
    snprintf(path, sizeof path, "%s/small-%u.db", folder, round);
    engine_run_open(&run, path, NULL);
    engine_run_feed(&run, 0, SMALL, write_event);
    engine_run_settle(&run);
    event_cost cost = run_window(&run, SMALL);
    engine_run_close(&run);
    return cost;
}

/* Appends events until most are stored or the time is over; returns how many are. */
static uint64_t fill(engine_run *run, uint64_t most, int64_t seconds)
{
    uint64_t stored = 0;
    int64_t begin = bench_now_ns();
    while (stored < most && bench_now_ns() - begin < seconds * 1000000000) {
        engine_run_feed(run, stored, WINDOW, write_event);
        stored += WINDOW;
    }
    engine_run_settle(run);
    return stored;
}

int main(int argc, char **argv)
{
    uint64_t most = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    int64_t seconds = argc > 2 ? strtol(argv[2], NULL, 10) : 70;
    bench_scratch scratch = scratch_make();
    double small_wall[ROUNDS];
    double small_cpu[ROUNDS];
    double large_wall[ROUNDS];
    double large_cpu[ROUNDS];
    char path[600];
    char unit[64];
    engine_run run;
    snprintf(path, sizeof path, "%s/large.db", scratch.path);
    engine_run_open(&run, path, NULL);
    uint64_t stored = fill(&run, most, seconds);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        event_cost small = run_small(scratch.path, i);
        event_cost large = run_window(&run, stored + (uint64_t)i * WINDOW);
        small_wall[i] = small.wall_us;
        small_cpu[i] = small.cpu_us;
        large_wall[i] = large.wall_us;
        large_cpu[i] = large.cpu_us;
        fprintf(stderr, "bench: wall %.1f and %.1f us, cpu %.1f and %.1f us per event\n",
                small.wall_us, large.wall_us, small.cpu_us, large.cpu_us);
    }
    engine_run_close(&run);
    scratch_remove(&scratch);
    snprintf(unit, sizeof unit, "times the cost at %d, at %llu events", (int)SMALL,
             (unsigned long long)stored);
    bench_print(&(bench_figure){.bench = "engine_growth",
                                .value = bench_median(large_wall, ROUNDS) /
                                         bench_median(small_wall, ROUNDS),
                                .unit = unit,
                                .rss_mb = bench_rss_peak_mb(0)});
    bench_print(
        &(bench_figure){.bench = "engine_growth_cpu",
                        .value = bench_median(large_cpu, ROUNDS) / bench_median(small_cpu, ROUNDS),
                        .unit = unit});
    return 0;
}
