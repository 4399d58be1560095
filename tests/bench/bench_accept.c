/* accept: single-event POSTs over 64 connections to the hub, each validated and on disk before it
 * is answered, beside a bare handler that answers 202. Hub and floor take turns. When the cores are
 * full the hub accepts first and steps later, so accept_stepped says what the rate is when the time
 * until the last event is stepped counts too. bench_accept [SECONDS [ROUNDS]] */
#include "feed.h"
#include "hubrun.h"
#include "load.h"

#include <stdio.h>
#include <stdlib.h>

enum { CONNECTIONS = 64, ORDERS = 10000, ROUNDS_MAX = 9, WARM_UP_MS = 500 };

static void write_receipt(void *context, uint64_t number, xd_buf *buf)
{
    (void)context;
    feed_receipt(buf, number, number % ORDERS);
}

/* Runs for duration_ms from *next on. */
static void run_load(uint16_t port, const char *path, int64_t duration_ms, uint64_t *next,
                     load_result *ret)
{
    const load_options options = {.port = port,
                                  .path = path,
                                  .content_type = "application/cloudevents+json",
                                  .authorization = HUB_AUTHORIZATION,
                                  .connections = CONNECTIONS,
                                  .duration_ms = duration_ms,
                                  .first = *next,
                                  .body = write_receipt};
    load_run(&options, ret);
    *next = ret->next;
    if (ret->refused) {
        bench_die("%llu events were refused, the first with status %u",
                  (unsigned long long)ret->refused, ret->first_refusal);
    }
}

typedef struct accept_rounds {
    double value[ROUNDS_MAX], floor[ROUNDS_MAX], p50[ROUNDS_MAX], p99[ROUNDS_MAX], cpu[ROUNDS_MAX];
    double events[ROUNDS_MAX], rss[ROUNDS_MAX];
    double stepped[ROUNDS_MAX]; /* per second, until all were */
} accept_rounds;

static void wait_until_stepped(const bench_hub *hub)
{
    while (hub_metric(hub, "crossdock_engine_backlog") > 0) {
        bench_sleep_ms(10);
    }
}

static void run_hub(accept_rounds *all, uint32_t i, int64_t duration_ms)
{
    static load_result result;
    uint64_t next = 0;
    bench_hub hub = hub_start(&(hub_options){.batch_max = 1});
    hub_load_orders(&hub, 0, ORDERS);
    run_load(hub.process.port, HUB_EVENTS_PATH, WARM_UP_MS, &next, &result);
    wait_until_stepped(&hub);
    double cpu = bench_cpu_s(hub.process.pid);
    run_load(hub.process.port, HUB_EVENTS_PATH, duration_ms, &next, &result);
    int64_t over_ns = bench_now_ns();
    wait_until_stepped(&hub);
    double rest_s = (double)(bench_now_ns() - over_ns) / 1e9;
    all->stepped[i] = (double)result.accepted / (result.seconds + rest_s);
    all->cpu[i] = bench_cpu_s(hub.process.pid) - cpu;
    all->rss[i] = bench_rss_peak_mb(hub.process.pid);
    all->value[i] = (double)result.accepted / result.seconds;
    all->events[i] = (double)result.accepted;
    all->p50[i] = bench_histogram_ms(&result.latency, 500);
    all->p99[i] = bench_histogram_ms(&result.latency, 990);
    if (result.pushed_back) {
        fprintf(stderr, "bench: the hub asked to try again later %llu times\n",
                (unsigned long long)result.pushed_back);
    }
    hub_stop(&hub);
}

static void run_floor(accept_rounds *all, uint32_t i, int64_t duration_ms)
{
    static load_result result;
    uint64_t next = 0;
    bench_child bare = child_start_floor("floor_http", NULL);
    run_load(bare.port, "/", WARM_UP_MS, &next, &result);
    run_load(bare.port, "/", duration_ms, &next, &result);
    all->floor[i] = (double)result.accepted / result.seconds;
    child_stop(&bare);
}

int main(int argc, char **argv)
{
    static accept_rounds all;
    int64_t duration_ms = (argc > 1 ? strtol(argv[1], NULL, 10) : 5) * 1000;
    uint32_t count = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 3;
    count = count > ROUNDS_MAX ? ROUNDS_MAX : count;
    for (uint32_t i = 0; i < count; i++) {
        run_floor(&all, i, duration_ms / 2);
        run_hub(&all, i, duration_ms);
        fprintf(stderr, "bench: accept %.0f/s, floor %.0f/s, p99 %.1f ms\n", all.value[i],
                all.floor[i], all.p99[i]);
    }
    bench_print(&(bench_figure){.bench = "accept",
                                .value = bench_median(all.value, count),
                                .unit = "events/s",
                                .floor = bench_median(all.floor, count),
                                .p50_ms = bench_median(all.p50, count),
                                .p99_ms = bench_median(all.p99, count),
                                .cpu_s = bench_median(all.cpu, count),
                                .events = bench_median(all.events, count),
                                .rss_mb = bench_median(all.rss, count)});
    bench_print(&(bench_figure){
        .bench = "accept_stepped", .value = bench_median(all.stepped, count), .unit = "events/s"});
    return 0;
}
