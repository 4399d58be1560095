/* Maps: JSONata 2 expressions, compiled once and evaluated over JSON trees with exact decimals.
 * Pure: what a map may ask of the world (time, code tables) comes in by xd_map_world. */
#ifndef XD_MAPPING_MAP_H
#define XD_MAPPING_MAP_H

#include "base/json.h"
#include "base/time.h"

typedef struct xd_map xd_map; /* immutable once compiled; any number of threads may run it */

typedef struct xd_map_limits {
    uint64_t steps; /* evaluations of a node, default 10 million */
    uint32_t depth; /* nested calls that are not tail calls, default 500 */
    size_t bytes;   /* of the arena given to run, default 64 MiB */
} xd_map_limits;

/* What the map of a document may take in a hub. They decide results, so they are the same on every
 * way in and for ever. */
#define XD_MAP_LIMITS_DOCUMENT                                                                     \
    ((xd_map_limits){.steps = 1000000, .depth = 200, .bytes = (size_t)16 << 20})

/* Answers of the world. Every function may be NULL: then the map's function faults. */
typedef struct xd_map_world {
    void *self;
    xd_instant now; /* $now(), $millis(): the same for the whole run */
    uint64_t
        seed; /* with now: where $random() and $shuffle() start, so that a run can be repeated */
    /* Code table look-up of $xref(table, system, code). *ret_value = XD_STR_NULL when there is no
     * such code at that time; the map then faults with XD_NOT_FOUND, rule "xref.missing", and the
     * fault names table, system and code. */
    xd_status (*xref)(void *self, xd_str table, xd_str system, xd_str code, xd_arena *arena,
                      xd_str *ret_value, xd_fault *fault);
    /* Factor of $uom(quantity, from, to) as a fraction of whole numbers: quantity * numerator /
     * denominator; numerator 0: unknown. */
    xd_status (*uom)(void *self, xd_str from, xd_str to, int64_t *ret_numerator,
                     int64_t *ret_denominator, xd_fault *fault);
} xd_map_world;

/* Compiles source (UTF-8 text of one expression); source is copied. Faults: XD_INVALID with the
 * byte offset, and the specified error code ("S0201") as rule; XD_LIMIT; XD_NO_MEMORY. */
XD_CHECKED xd_status xd_map_compile(xd_str source, xd_map **ret, xd_fault *fault);
/* Accepts NULL. */
void xd_map_destroy(xd_map *map);

/* Evaluates over input (NULL: undefined) and bindings (an object whose members become variables, or
 * NULL). The result lives in arena and may borrow from input and from the map (its literals), so
 * both must outlive it; *ret = NULL when it is undefined. limits and world may be NULL. Faults:
 * XD_INVALID (rule: the error code, such as "T2001"; offset in the map's source), XD_LIMIT (steps,
 * depth, bytes), XD_NOT_FOUND (xref.missing), XD_NO_MEMORY.
 */
XD_CHECKED xd_status xd_map_run(const xd_map *map, const xd_json *input, const xd_json *bindings,
                                const xd_map_world *world, const xd_map_limits *limits,
                                xd_arena *arena, const xd_json **ret, xd_fault *fault);

/* Lineage read off the map without running it: an array of {"target","source","role","via",
 * "offset"}, one row for each field of the input that feeds a field of the result. target is the
 * result's path ("items[].unit"), source a path as the language writes it ("data.lines.uom"),
 * "(constant)" or "(input)"; role is value, condition, filter, order or name; via lists the
 * functions passed on the way; offset is a byte of the map's source. Rows are bounded: recursive
 * functions are followed for a while only. The result lives in arena. Faults: XD_NO_MEMORY. */
XD_CHECKED xd_status xd_map_explain(const xd_map *map, xd_arena *arena, const xd_json **ret,
                                    xd_fault *fault);

#endif
