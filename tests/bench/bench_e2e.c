/* end_to_end: a receipt in by HTTP, three deliveries out to ERP, procurement and finance, counted
 * when all three have arrived; beside a bare loop that moves the same requests without logic. Then
 * latency at half of that load, the same with requests that do not wait for answers on their
 * connection, and with batch deliveries.
 *     bench_e2e [RECEIPTS [ROUNDS]] */
#include "feed.h"
#include "hubrun.h"
#include "load.h"
#include "sink.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    CONNECTIONS = 64,
    ORDERS = 10000,
    ROUNDS_MAX = 9,
    MOST = 1000000,   /* receipts in one run */
    HALF_LOAD_S = 6,  /* how long receipts come at half load */
    DRAIN_MS = 60000, /* longest wait for the last delivery */
    BATCH = 100,
    PIPELINE = 10
};

typedef struct bench_flight { /* one run: what is under way between sender and sink */
    _Atomic int64_t *sent_ns;
    bench_histogram latency; /* sink thread only until the run is over */
    _Atomic int64_t last_ns;
} bench_flight;

typedef struct outcome {
    double per_s, p50_ms, p99_ms, cpu_s, rss_mb, events;
    double bytes; /* mean body of a delivery */
    uint64_t requests;
} outcome;

static void write_receipt(void *context, uint64_t number, xd_buf *buf)
{
    (void)context;
    feed_receipt(buf, number, number % ORDERS);
}

static void note_sending(void *context, uint64_t number, int64_t at_ns)
{
    bench_flight *flight = context;
    if (number < MOST) {
        atomic_store(&flight->sent_ns[number], at_ns);
    }
}

static void note_complete(void *context, uint64_t number, int64_t at_ns)
{
    bench_flight *flight = context;
    bench_histogram_add(&flight->latency, at_ns - atomic_load(&flight->sent_ns[number]));
    atomic_store(&flight->last_ns, at_ns);
}

/* Sends receipts to port and waits until everything accepted has arrived at the sink. */
static outcome fly(bench_flight *flight, uint16_t port, const char *path, pid_t pid, sink *systems,
                   double rate_per_s, uint64_t receipts)
{
    static load_result result;
    const load_options options = {.port = port,
                                  .path = path,
                                  .content_type = "application/cloudevents+json",
                                  .authorization = HUB_AUTHORIZATION,
                                  .connections = CONNECTIONS,
                                  .rate_per_s = rate_per_s,
                                  .requests = receipts,
                                  .context = flight,
                                  .body = write_receipt,
                                  .sending = note_sending};
    double cpu = bench_cpu_s(pid);
    int64_t begin = bench_now_ns();
    load_run(&options, &result);
    if (result.refused) {
        bench_die("%llu receipts were refused, the first with status %u",
                  (unsigned long long)result.refused, result.first_refusal);
    }
    int64_t end = bench_now_ns() + DRAIN_MS * INT64_C(1000000);
    while (sink_complete(systems) < result.accepted && bench_now_ns() < end) {
        bench_sleep_ms(5);
    }
    if (sink_complete(systems) != result.accepted) {
        bench_die("%llu receipts were accepted, %llu have reached every system",
                  (unsigned long long)result.accepted, (unsigned long long)sink_complete(systems));
    }
    double seconds = (double)(atomic_load(&flight->last_ns) - begin) / 1e9;
    return (outcome){.per_s = (double)result.accepted / seconds,
                     .p50_ms = bench_histogram_ms(&flight->latency, 500),
                     .p99_ms = bench_histogram_ms(&flight->latency, 990),
                     .cpu_s = bench_cpu_s(pid) - cpu,
                     .rss_mb = bench_rss_peak_mb(pid),
                     .events = (double)result.accepted,
                     .requests = sink_requests(systems),
                     .bytes = (double)sink_body_bytes(systems) /
                              (double)(sink_requests(systems) ? sink_requests(systems) : 1)};
}

static outcome fly_hub(bench_flight *flight, hub_options options, double rate_per_s,
                       uint64_t receipts)
{
    flight->latency = (bench_histogram){0};
    sink *systems = sink_start(MOST, flight, note_complete);
    options.sink_port = sink_port(systems);
    bench_hub hub = hub_start(&options);
    hub_load_orders(&hub, 0, ORDERS);
    outcome reached = fly(flight, hub.process.port, HUB_EVENTS_PATH, hub.process.pid, systems,
                          rate_per_s, receipts);
    if (sink_duplicates(systems)) {
        fprintf(stderr, "bench: %llu deliveries arrived twice\n",
                (unsigned long long)sink_duplicates(systems));
    }
    hub_stop(&hub);
    sink_stop(systems);
    return reached;
}

/* The same load through the bare loop, with deliveries as long as the hub's were. */
static outcome fly_floor(bench_flight *flight, double bytes, uint64_t receipts)
{
    char argument[64];
    flight->latency = (bench_histogram){0};
    sink *systems = sink_start(MOST, flight, note_complete);
    snprintf(argument, sizeof argument, "%u/%.0f/%.0f/%.0f", sink_port(systems), bytes, bytes,
             bytes);
    bench_child bare = child_start_floor("floor_e2e", argument);
    outcome reached = fly(flight, bare.port, "/", bare.pid, systems, 0, receipts);
    child_stop(&bare);
    sink_stop(systems);
    return reached;
}

static void print(const char *name, const outcome *reached, double per_s, double floor_per_s,
                  const char *unit)
{
    bench_print(&(bench_figure){.bench = name,
                                .value = per_s,
                                .unit = unit,
                                .floor = floor_per_s,
                                .p50_ms = reached->p50_ms,
                                .p99_ms = reached->p99_ms,
                                .cpu_s = reached->cpu_s,
                                .rss_mb = reached->rss_mb,
                                .events = reached->events});
}

int main(int argc, char **argv)
{
    static bench_flight flight;
    const hub_options singly = {.batch_max = 1};
    uint64_t receipts = argc > 1 ? strtoull(argv[1], NULL, 10) : 40000;
    uint32_t rounds = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 3;
    double per_s[ROUNDS_MAX];
    double floor_per_s[ROUNDS_MAX];
    outcome full = {0};
    rounds = rounds > ROUNDS_MAX ? ROUNDS_MAX : rounds;
    receipts = receipts > MOST ? MOST : receipts;
    flight.sent_ns = calloc(MOST, sizeof *flight.sent_ns);
    if (!flight.sent_ns) {
        bench_die("out of memory");
    }
    for (uint32_t i = 0; i < rounds; i++) {
        full = fly_hub(&flight, singly, 0, receipts);
        per_s[i] = full.per_s;
        floor_per_s[i] = fly_floor(&flight, full.bytes, receipts).per_s;
        fprintf(stderr, "bench: end_to_end %.0f/s, floor %.0f/s\n", per_s[i], floor_per_s[i]);
    }
    double median = bench_median(per_s, rounds);
    double floor = bench_median(floor_per_s, rounds);
    print("end_to_end", &full, median, floor, "receipts/s");
    outcome half = fly_hub(&flight, singly, median / 2, (uint64_t)(median / 2 * HALF_LOAD_S));
    print("end_to_end_half_load", &half, half.per_s, 0, "receipts/s");
    outcome pipelined =
        fly_hub(&flight, (hub_options){.batch_max = 1, .pipeline = PIPELINE}, 0, receipts);
    print("end_to_end_pipelined", &pipelined, pipelined.per_s, floor, "receipts/s");
    outcome batch = fly_hub(&flight, (hub_options){.batch_max = BATCH}, 0, receipts);
    print("end_to_end_batch", &batch, batch.per_s, floor, "receipts/s");
    free(flight.sent_ns);
    return 0;
}
