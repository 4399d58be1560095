/* The hub under measurement. */
#include "hubrun.h"

#include "feed.h"
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ORDERS_PER_REQUEST = 1000,
    SETTLE_MS = 200, /* the state of the last orders is written within this */
};

static const char config_head[] = "hub:\n"
                                  "  listen: 127.0.0.1:%u\n"
                                  "keys:\n"
                                  "  bench:\n"
                                  "    secret_env: BENCH_SECRET\n"
                                  "    scopes: [events:write, read, metrics]\n"
                                  "flow:\n"
                                  "  currency: USD\n";

static const char config_system[] = "  %s:\n"
                                    "    url: http://127.0.0.1:%u/%s\n"
                                    "    receives: [%s]\n"
                                    "    idempotency_key: \"{id}\"\n"
                                    "    concurrency: 64\n"
                                    "    batch_max: %u\n"
                                    "    pipeline: %u\n";

static void write_config(const bench_scratch *folder, uint16_t port, const hub_options *options)
{
    static const struct {
        const char *name, *receives;
    } systems[] = {{"erp", "inventory"}, {"procurement", "receipt_status"}, {"finance", "journal"}};
    char path[1024];
    snprintf(path, sizeof path, "%s/crossdock.yaml", folder->path);
    FILE *file = fopen(path, "w");
    if (!file) {
        bench_die("cannot write %s: %s", path, strerror(errno));
    }
    fprintf(file, config_head, port);
    if (options->sink_port) {
        fputs("systems:\n", file);
        for (size_t i = 0; i < sizeof systems / sizeof *systems; i++) {
            fprintf(file, config_system, systems[i].name, options->sink_port, systems[i].name,
                    systems[i].receives, options->batch_max,
                    options->pipeline ? options->pipeline : 1);
        }
    }
    fclose(file);
}

bench_hub hub_start(const hub_options *options)
{
    const char *program = getenv("CROSSDOCK");
    if (!program) {
        bench_die("CROSSDOCK must name the program to measure");
    }
    setenv("BENCH_SECRET", strrchr(HUB_AUTHORIZATION, ' ') + 1, 1);
    bench_hub started = {.folder = scratch_make()};
    uint16_t port = child_free_port();
    write_config(&started.folder, port, options);
    const char *const argv[] = {program, "-C", started.folder.path, "run", NULL};
    char log[1024];
    snprintf(log, sizeof log, "%s/log", started.folder.path);
    int64_t begin = bench_now_ns();
    started.process = child_start(argv, port, "/readyz", log);
    started.start_ms = (double)(bench_now_ns() - begin) / 1e6;
    return started;
}

double hub_metric(const bench_hub *hub, const char *name)
{
    static char text[1 << 18];
    if (!child_get(hub->process.port, "/metrics", HUB_AUTHORIZATION, text, sizeof text)) {
        bench_die("the hub's metrics cannot be read");
    }
    size_t length = strlen(name);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) == 0 && line[length] == ' ') {
            double value = -1;
            return sscanf(line + length, "%lf", &value) == 1 ? value : -1;
        }
    }
    return -1;
}

void hub_stop(bench_hub *hub)
{
    child_stop(&hub->process);
    scratch_remove(&hub->folder);
}

typedef struct order_range {
    uint64_t first, end;
} order_range;

static void write_orders(void *context, uint64_t number, xd_buf *buf)
{
    const order_range *range = context;
    uint64_t begin = range->first + number * ORDERS_PER_REQUEST;
    for (uint64_t i = begin; i < begin + ORDERS_PER_REQUEST && i < range->end; i++) {
        feed_order(buf, i);
        xd_buf_char(buf, '\n');
    }
}

void hub_load_orders(const bench_hub *hub, uint64_t first, uint64_t count)
{
    order_range range = {first, first + count};
    load_options options = {.port = hub->process.port,
                            .path = HUB_EVENTS_PATH,
                            .content_type = "application/x-ndjson",
                            .authorization = HUB_AUTHORIZATION,
                            .connections = 1,
                            .requests = (count + ORDERS_PER_REQUEST - 1) / ORDERS_PER_REQUEST,
                            .context = &range,
                            .body = write_orders};
    static load_result result;
    load_run(&options, &result);
    if (result.refused) {
        bench_die("the hub refused purchase orders with status %u", result.first_refusal);
    }
    while (hub_metric(hub, "crossdock_engine_backlog") > 0) {
        bench_sleep_ms(10);
    }
    bench_sleep_ms(SETTLE_MS);
}
