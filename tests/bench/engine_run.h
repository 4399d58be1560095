/* The engine without HTTP: one thread makes events as the HTTP side would (parse, validate, submit
 * one by one), the engine's own threads do the rest. Deliveries are offered and dropped. */
#ifndef BENCH_ENGINE_RUN_H
#define BENCH_ENGINE_RUN_H

#include "engine/engine.h"

#include <stdatomic.h>
#include <stdio.h>

typedef struct engine_run {
    xd_engine *engine;
    xd_store *log, *state;
    atomic_uint under_way;
    atomic_uint refused;
} engine_run;

/* Opens (or creates) the database at path. traces (of the log, of the state) may be NULL. */
void engine_run_open(engine_run *run, const char *path, FILE *const traces[2]);
/* Appends events first..first+count-1, written by event, and waits until all are answered. */
void engine_run_feed(engine_run *run, uint64_t first, uint64_t count,
                     void (*event)(xd_buf *buf, uint64_t number));
/* Waits until all that was appended is stepped and written. */
void engine_run_settle(engine_run *run);
void engine_run_close(engine_run *run);

#endif
