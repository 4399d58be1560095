/* A bare libcurl-multi loop that posts one body again and again: how fast deliveries can leave at
 * all, with the sink on the same machine.
 *     floor_post [SECONDS] */
#include "feed.h"
#include "poster.h"
#include "sink.h"

#include <stdio.h>
#include <stdlib.h>

enum { LANES = 64 };

static void count_done(void *context, uint64_t number)
{
    (void)number;
    ++*(uint64_t *)context;
}

int main(int argc, char **argv)
{
    int64_t seconds = argc > 1 ? (int64_t)strtol(argv[1], NULL, 10) : 4;
    uint64_t done = 0;
    sink *systems = sink_start(0, NULL, NULL);
    poster *loop = poster_create(LANES, &done, count_done);
    char url[64];
    xd_buf body;
    xd_buf_init(&body, 1 << 20);
    feed_receipt(&body, 0, 0);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/erp/inventory", sink_port(systems));
    int64_t begin = bench_now_ns();
    double cpu = bench_cpu_s(0);
    while (bench_now_ns() - begin < seconds * 1000000000) {
        while (poster_post(loop, url, body.ptr, body.len, 0)) {
        }
        poster_turn(loop, 5);
    }
    double elapsed = (double)(bench_now_ns() - begin) / 1e9;
    bench_print(&(bench_figure){.bench = "floor_post",
                                .value = (double)done / elapsed,
                                .unit = "posts/s",
                                .cpu_s = bench_cpu_s(0) - cpu,
                                .events = (double)done,
                                .rss_mb = bench_rss_peak_mb(0)});
    return 0;
}
