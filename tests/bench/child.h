/* Programs under measurement, each a process of its own: bare floors and the hub. Starts them on a
 * free port, waits until they serve, stops them by process id; and scratch folders. */
#ifndef BENCH_CHILD_H
#define BENCH_CHILD_H

#include "measure.h"

typedef struct bench_child {
    pid_t pid;
    uint16_t port;
} bench_child;

/* A port that was free a moment ago. */
uint16_t child_free_port(void);
/* Runs argv[0] and returns once port takes connections and, when ready_path is not NULL, a GET of
 * it is answered 200. What the child prints goes to the file log_path, or to standard error when
 * that is NULL. */
bench_child child_start(const char *const argv[], uint16_t port, const char *ready_path,
                        const char *log_path);
/* A program beside this one (such as "floor_http") with a free port as its first argument and
 * argument (may be NULL) as its second. */
bench_child child_start_floor(const char *name, const char *argument);
/* SIGTERM, then waits; a crash ends the benchmark. */
void child_stop(bench_child *child);
/* Body of GET path into text (NUL-terminated); false unless the answer is 200. */
bool child_get(uint16_t port, const char *path, const char *authorization, char *text, size_t size);

/* A fresh folder under $BENCH_SCRATCH (default: the working directory). */
typedef struct bench_scratch {
    char path[512];
} bench_scratch;
bench_scratch scratch_make(void);
/* Removes the folder with what is in it, and in folders in it. */
void scratch_remove(const bench_scratch *scratch);

#endif
