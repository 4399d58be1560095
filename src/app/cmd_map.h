/* What the `crossdock map` commands share. Private to src/app. */
#ifndef XD_APP_CMD_MAP_H
#define XD_APP_CMD_MAP_H

#include "app/cli.h"
#include "base/arena.h"
#include "mapping/map.h"

/* What a map may use on the command line: a person waits for it and can stop it. */
#define XD_MAP_ARENA_BYTES ((size_t)1 << 30)
extern const xd_map_limits xd_map_command_limits;

/* Reads a file, "-" for standard input; the text lives in arena. */
XD_CHECKED xd_status xd_map_read_file(const char *path, xd_arena *arena, xd_str *ret,
                                      xd_fault *fault);
/* The same, parsed; the fault's text carries path, line and column. */
XD_CHECKED xd_status xd_map_read_json(const char *path, xd_arena *arena, const xd_json **ret,
                                      xd_fault *fault);
/* Runs map over every record of an NDJSON file ("-": standard input) and prints its results, one a
 * line; by: over every run of neighbouring records for which it gives the same, as an array. Says
 * what goes wrong with file and line and goes on; an exit code. */
int xd_map_run_each(const xd_map *map, const char *map_name, const xd_map *by, const char *path,
                    xd_instant now);
/* Runs a folder of the JSONata test suite and prints what failed; an exit code. */
int xd_map_run_suite(const char *folder);
/* Runs the golden pairs in a folder and those below it and prints what failed; an exit code. at:
 * the instant of $now() and of the codes, NULL: 2026-01-01T00:00:00Z. write: writes what comes of
 * inputs that stand alone. */
int xd_map_run_pairs(const char *folder, const char *at, bool write);

#endif
