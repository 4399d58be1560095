/* The engine without HTTP. */
#include "engine_run.h"

#include "measure.h"
#include "trace.h"

#include "ingress/decode.h"

#include <time.h>

enum {
    UNDER_WAY_MAX = 2048, /* submissions; below the engine's own limit */
    EVENT_MAX_BYTES = 1 << 20,
    SETTLE_MS = 600000,
};

static const char definition[] = "{\"company\":\"bench\",\"currency\":\"USD\",\"systems\":["
                                 "{\"name\":\"erp\",\"receives\":[\"inventory\"]},"
                                 "{\"name\":\"procurement\",\"receives\":[\"receipt_status\"]},"
                                 "{\"name\":\"finance\",\"receives\":[\"journal\"]}]}";

static xd_instant wall_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (xd_instant)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void drop_parcel(void *self, xd_parcel *parcel)
{
    (void)self;
    xd_parcel_release(parcel);
}

static void must(xd_status status, const xd_fault *fault, const char *what)
{
    if (status != XD_OK) {
        bench_die("%s: %s", what, fault->text);
    }
}

void engine_run_open(engine_run *run, const char *path, FILE *const traces[2])
{
    xd_fault fault = XD_FAULT_NONE;
    const xd_engine_options options = {.clock = wall_clock};
    *run = (engine_run){0};
    must(xd_store_sqlite_open(path, XD_STORE_WRITE_LOG, &run->log, &fault), &fault, path);
    must(xd_store_sqlite_open(path, XD_STORE_WRITE_STATE, &run->state, &fault), &fault, path);
    if (traces) {
        run->log = trace_store_create(run->log, traces[0]);
        run->state = trace_store_create(run->state, traces[1]);
    }
    must(xd_engine_create(run->log, run->state, &options, XD_STR(definition), &run->engine, &fault),
         &fault, "engine");
    must(xd_engine_connect(run->engine, (xd_delivery_port){NULL, drop_parcel}, &fault), &fault,
         "engine");
    must(xd_engine_start(run->engine, &fault), &fault, "engine");
}

static void done(xd_submission *submission)
{
    engine_run *run = submission->context;
    if (submission->status != XD_OK || submission->results[0].status != XD_OK ||
        submission->results[0].duplicate) {
        atomic_fetch_add(&run->refused, 1);
    }
    atomic_fetch_sub(&run->under_way, 1);
}

static void wait_below(engine_run *run, unsigned limit)
{
    const struct timespec rest = {0, 50000};
    while (atomic_load(&run->under_way) >= limit) {
        nanosleep(&rest, NULL);
    }
}

static void submit(engine_run *run, xd_str text, const xd_decode_limits *limits)
{
    xd_fault fault = XD_FAULT_NONE;
    xd_submission *submission = xd_submission_create(1, xd_decode_arena_cap(text.len));
    xd_str copy = submission ? xd_arena_copy(&submission->arena, text) : XD_STR_NULL;
    if (!copy.ptr) {
        bench_die("out of memory");
    }
    must(xd_decode_event(copy, limits, &submission->arena, &submission->events[0], &fault), &fault,
         "event");
    submission->bytes = text.len;
    submission->done = done;
    submission->context = run;
    atomic_fetch_add(&run->under_way, 1);
    must(xd_engine_submit(run->engine, submission, &fault), &fault, "submit");
    xd_submission_release(submission);
}

void engine_run_feed(engine_run *run, uint64_t first, uint64_t count,
                     void (*event)(xd_buf *buf, uint64_t number))
{
    const xd_decode_limits limits = {
        .max_event_bytes = EVENT_MAX_BYTES, .max_depth = 32, .max_batch = 1};
    xd_buf text;
    xd_buf_init(&text, EVENT_MAX_BYTES);
    for (uint64_t i = first; i < first + count; i++) {
        xd_buf_clear(&text);
        event(&text, i);
        wait_below(run, UNDER_WAY_MAX);
        submit(run, xd_buf_str(&text), &limits);
    }
    xd_buf_finish(&text);
    wait_below(run, 1);
    if (atomic_load(&run->refused)) {
        bench_die("the engine refused %u events", atomic_load(&run->refused));
    }
}

void engine_run_settle(engine_run *run)
{
    if (!xd_engine_settle(run->engine, SETTLE_MS)) {
        bench_die("the engine did not settle");
    }
}

void engine_run_close(engine_run *run)
{
    xd_engine_stop(run->engine);
    xd_engine_destroy(run->engine);
    xd_store_destroy(run->state);
    xd_store_destroy(run->log);
}
