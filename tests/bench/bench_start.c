/* start_up and idle: how soon the hub answers /readyz after exec, and its resident memory when
 * nothing happens.
 *     bench_start [ROUNDS] */
#include "hubrun.h"

#include <stdlib.h>

enum { ROUNDS_MAX = 99, IDLE_MS = 300 };

int main(int argc, char **argv)
{
    uint32_t rounds = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 9;
    double start_ms[ROUNDS_MAX];
    double rss_mb[ROUNDS_MAX];
    rounds = rounds > ROUNDS_MAX ? ROUNDS_MAX : rounds;
    for (uint32_t i = 0; i < rounds; i++) {
        bench_hub hub = hub_start(&(hub_options){.sink_port = 9, .batch_max = 1});
        bench_sleep_ms(IDLE_MS);
        start_ms[i] = hub.start_ms;
        rss_mb[i] = bench_rss_mb(hub.process.pid);
        hub_stop(&hub);
    }
    double rss = bench_median(rss_mb, rounds);
    bench_print(&(bench_figure){
        .bench = "start_up", .value = bench_median(start_ms, rounds), .unit = "ms", .rss_mb = rss});
    bench_print(&(bench_figure){.bench = "idle_memory", .value = rss, .unit = "MB", .rss_mb = rss});
    return 0;
}
