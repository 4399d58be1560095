/* The hub under measurement: the real program with a configuration of its own, an empty data folder
 * and one key. */
#ifndef BENCH_HUBRUN_H
#define BENCH_HUBRUN_H

#include "child.h"

typedef struct hub_options {
    uint16_t sink_port; /* of the three systems; 0: no systems */
    uint32_t batch_max; /* messages per delivery; 1: no batches */
    uint32_t pipeline;  /* requests that follow one another on a connection; 0: 1 */
} hub_options;

typedef struct bench_hub {
    bench_child process;
    bench_scratch folder;
    double start_ms; /* from exec to the first 200 of /readyz */
} bench_hub;

#define HUB_AUTHORIZATION "Bearer bench-secret"
#define HUB_EVENTS_PATH "/v1/events"

/* Runs the program that the environment variable CROSSDOCK names. */
bench_hub hub_start(const hub_options *options);
/* Value of a metric without labels; -1 when there is none of this name. */
double hub_metric(const bench_hub *hub, const char *name);
void hub_stop(bench_hub *hub);
/* Loads purchase orders first..first+count-1 of the feed as NDJSON and waits until the flow has
 * seen them. */
void hub_load_orders(const bench_hub *hub, uint64_t first, uint64_t count);

#endif
