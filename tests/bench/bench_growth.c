/* engine_growth: what an event costs when a million are stored, against when ten thousand are. One
 * order in four events, the other three are receipts of three lines against orders of a while ago.
 *     bench_growth [MOST_EVENTS [MOST_SECONDS]] */
#include "child.h"
#include "engine_run.h"
#include "feed.h"
#include "measure.h"

#include <stdlib.h>

enum {
    FIRST = 10000,  /* events stored when the first window starts */
    WINDOW = 40000, /* events that a cost is taken over */
    LAG = 1000,     /* orders between an order and its receipts */
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

int main(int argc, char **argv)
{
    uint64_t most = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    int64_t seconds = argc > 2 ? strtol(argv[2], NULL, 10) : 75;
    bench_scratch scratch = scratch_make();
    char path[600];
    char unit[64];
    engine_run run;
    int64_t begin = bench_now_ns();
    double cpu = bench_cpu_s(0);
    snprintf(path, sizeof path, "%s/crossdock.db", scratch.path);
    engine_run_open(&run, path, NULL);
    engine_run_feed(&run, 0, FIRST, write_event);
    engine_run_settle(&run);
    event_cost early = run_window(&run, FIRST);
    event_cost late = early;
    uint64_t stored = FIRST + WINDOW;
    while (stored < most && bench_now_ns() - begin < seconds * 1000000000) {
        late = run_window(&run, stored);
        stored += WINDOW;
    }
    fprintf(stderr, "bench: wall %.1f us then %.1f us, cpu %.1f us then %.1f us per event\n",
            early.wall_us, late.wall_us, early.cpu_us, late.cpu_us);
    cpu = bench_cpu_s(0) - cpu;
    double rss = bench_rss_peak_mb(0);
    engine_run_close(&run);
    scratch_remove(&scratch);
    snprintf(unit, sizeof unit, "times the cost at %d, at %llu events", (int)FIRST,
             (unsigned long long)stored);
    bench_print(&(bench_figure){.bench = "engine_growth",
                                .value = late.wall_us / early.wall_us,
                                .unit = unit,
                                .cpu_s = cpu,
                                .events = (double)stored,
                                .rss_mb = rss});
    bench_print(&(bench_figure){
        .bench = "engine_growth_cpu", .value = late.cpu_us / early.cpu_us, .unit = unit});
    return 0;
}
