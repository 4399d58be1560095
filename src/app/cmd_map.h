/* What the `crossdock map` commands share. Private to src/app. */
#ifndef XD_APP_CMD_MAP_H
#define XD_APP_CMD_MAP_H

#include "app/cli.h"
#include "base/arena.h"

/* Reads a file, "-" for standard input; the text lives in arena. */
XD_CHECKED xd_status xd_map_read_file(const char *path, xd_arena *arena, xd_str *ret,
                                      xd_fault *fault);
/* The same, parsed; the fault's text carries path, line and column. */
XD_CHECKED xd_status xd_map_read_json(const char *path, xd_arena *arena, const xd_json **ret,
                                      xd_fault *fault);
/* Runs a folder of the JSONata test suite and prints what failed; an exit code. */
int xd_map_run_suite(const char *folder);
/* Runs the golden pairs in a folder and those below it and prints what failed; an exit code. at:
 * the instant of $now() and of the codes, NULL: 2026-01-01T00:00:00Z. */
int xd_map_run_pairs(const char *folder, const char *at);

#endif
