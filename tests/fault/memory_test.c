/* The hub without memory: a small workload is run again and again, and each time another allocation
 * fails, alone or with those that follow it. Every run has to end with a clean refusal or a clean
 * restart, and with a state that is what a replay gives; reading a request ends in its event or in
 * "no memory", never in another verdict.
 *
 *     memory_test [EVERY]     tries every EVERY-th allocation (default 397)
 *     memory_test N MANY      that one run, as a failure names it
 * Last line: "N passed, N failed". */
#include "hub.h"
#include "ingress/decode.h"
#include "no_memory.h"

#include <stdio.h>
#include <stdlib.h>

enum { RESTARTS_MAX = 3, ARENA_CAP = 8 << 20 };

typedef struct tally {
    uint64_t passed, failed, refused, restarts, accepted;
} tally;

static tally totals;

static const uint64_t spans[] = {1, 3, 200}; /* allocations that fail in a row */
enum { SPANS = sizeof spans / sizeof *spans };

/* --- the hub --- */

static bool is_up(xd_fault_hub *hub)
{
    if (hub->engine && xd_fault_hub_failed(hub)) {
        xd_fault_hub_close(hub, false);
        totals.restarts++;
    }
    for (int i = 0; !hub->engine && i < RESTARTS_MAX; i++) {
        xd_fault fault = XD_FAULT_NONE;
        xd_status status = xd_fault_hub_open(hub, &fault);
        if (status != XD_OK) {
            totals.restarts++;
            if (!fault.text[0]) {
                snprintf(hub->wrong, sizeof hub->wrong, "opening fails without a reason");
            }
        }
    }
    return hub->engine != NULL;
}

static void work(xd_fault_hub *hub)
{
    for (uint32_t i = 0; i < XD_HUB_EVENTS && is_up(hub); i++) {
        xd_fault fault = XD_FAULT_NONE;
        if (xd_fault_hub_send(hub, i, &fault) == XD_OK) {
            totals.accepted++;
        } else {
            totals.refused++;
        }
        if (i % 4 == 3 && is_up(hub)) {
            (void)!xd_fault_hub_report(hub, &fault);
        }
        if (i == 8 && is_up(hub)) {
            xd_fault_hub_close(hub, true);
        }
    }
}

static void try_hub(xd_fault_hub *hub, uint64_t number, uint64_t many)
{
    xd_fault_hub_reset(hub);
    xd_no_memory_plan(number, many);
    work(hub);
    xd_no_memory_plan(0, 0);
    if (hub->engine && xd_fault_hub_failed(hub)) {
        xd_fault_hub_close(hub, false);
        totals.restarts++;
    }
    bool right = xd_fault_hub_is_right(hub);
    if (!right) {
        printf("memory_test: allocation %llu and %llu after it: %s\n", (unsigned long long)number,
               (unsigned long long)many - 1, hub->wrong);
        printf("memory_test: again with: memory_test %llu %llu\n", (unsigned long long)number,
               (unsigned long long)many);
        fflush(stdout);
        xd_fault_hub_close(hub, false);
    }
    totals.passed += right;
    totals.failed += !right;
}

/* --- the readers of requests --- */

static const xd_decode_limits limits = {
    .max_event_bytes = 1 << 20, .max_depth = 32, .max_batch = 100};

/* All events as one array. */
static size_t batch_text(char *text, size_t size)
{
    size_t n = 0;
    for (uint32_t i = 0; i < XD_HUB_EVENTS; i++) {
        text[n++] = i ? ',' : '[';
        n += xd_fault_hub_event(i, text + n, size - n);
    }
    text[n++] = ']';
    return n;
}

static xd_status decode_all(xd_str text, xd_fault *fault)
{
    int64_t index;
    xd_submission *s = xd_submission_create(1, xd_decode_arena_cap(text.len));
    if (!s) {
        return XD_NO_MEMORY;
    }
    xd_status status = xd_decode_batch(text, &limits, s, &index, fault);
    for (uint32_t i = 0; status == XD_OK && i < s->count; i++) {
        status = s->events[i].kind && s->events[i].data ? XD_OK : XD_INTERNAL;
    }
    xd_submission_release(s);
    xd_submission_release(s);
    return status;
}

static void try_decoders(void)
{
    static char buffer[64 << 10];
    xd_str text = {buffer, batch_text(buffer, sizeof buffer)};
    xd_fault fault = XD_FAULT_NONE;
    xd_no_memory_plan(0, 0);
    xd_status status = decode_all(text, &fault);
    uint64_t allocations = xd_no_memory_count();
    uint64_t runs = 0;
    for (uint64_t n = 1; n <= allocations; n++, runs++) {
        xd_no_memory_plan(n, 1);
        status = decode_all(text, &fault);
        uint64_t refused = xd_no_memory_refused();
        xd_no_memory_plan(0, 0);
        bool right = refused == 0 || status == XD_NO_MEMORY || status == XD_OK;
        if (!right) {
            printf("memory_test: reading a request, allocation %llu: %s (%s)\n",
                   (unsigned long long)n, xd_code_name(status), fault.text);
        }
        totals.passed += right;
        totals.failed += !right;
    }
    printf("reading a request: %llu runs over %llu allocations\n", (unsigned long long)runs,
           (unsigned long long)allocations);
}

/* --- all of it --- */

static void try_all(xd_fault_hub *hub, uint64_t every)
{
    xd_fault_hub_reset(hub);
    xd_no_memory_plan(0, 0);
    work(hub);
    uint64_t allocations = xd_no_memory_count();
    if (!xd_fault_hub_is_right(hub)) {
        printf("memory_test: wrong without any trouble: %s\n", hub->wrong);
        totals.failed++;
    }
    for (size_t span = 0; span < SPANS; span++) {
        tally before = totals;
        for (uint64_t n = 1 + span; n <= allocations; n += every) {
            try_hub(hub, n, spans[span]);
        }
        printf("%3llu in a row: %llu runs over %llu allocations: %llu wrong; %llu events accepted, "
               "%llu refused, %llu restarts\n",
               (unsigned long long)spans[span],
               (unsigned long long)(totals.passed + totals.failed - before.passed - before.failed),
               (unsigned long long)allocations, (unsigned long long)(totals.failed - before.failed),
               (unsigned long long)(totals.accepted - before.accepted),
               (unsigned long long)(totals.refused - before.refused),
               (unsigned long long)(totals.restarts - before.restarts));
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    static xd_fault_hub hub;
    if (!getenv("LOUD") && !freopen("/dev/null", "w", stderr)) {
        return EXIT_FAILURE; /* the hub says a lot about its memory */
    }
    xd_fault_hub_init(&hub);
    if (argc == 3) {
        try_hub(&hub, xd_fault_number(argv[1], 1), xd_fault_number(argv[2], 1));
    } else {
        uint64_t every = argc > 1 ? xd_fault_number(argv[1], 1) : 397;
        try_decoders();
        try_all(&hub, every);
    }
    xd_fault_hub_finish(&hub);
    printf("%llu passed, %llu failed\n", (unsigned long long)totals.passed,
           (unsigned long long)totals.failed);
    return totals.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
