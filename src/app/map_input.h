/* What a map is given outside the hub: a file as one JSON tree, by its layout, and code tables from
 * a CSV file. */
#ifndef XD_APP_MAP_INPUT_H
#define XD_APP_MAP_INPUT_H

#include "mapping/crosswalk.h"
#include "mapping/map.h"

/* Reads a file for a map. JSON (.json) as it is; all else by the layout in layout_path, or, when
 * that is NULL, by the format that the name ends in (.csv, .xml, .ndjson). XML of one record is
 * that record; records of other formats are an array. Faults name file, line and column. */
XD_CHECKED xd_status xd_map_read_input(const char *path, const char *layout_path, xd_arena *arena,
                                       const xd_json **ret, xd_fault *fault);

/* Reads a layout, in JSON or YAML. Faults name the file. */
XD_CHECKED xd_status xd_map_read_layout(const char *path, xd_arena *arena, const xd_json **ret,
                                        xd_fault *fault);

/* Enters the rows of a CSV file with the columns table, system, code, value, valid_from, valid_to.
 * Faults: "FILE:LINE: COLUMN ...". */
XD_CHECKED xd_status xd_map_read_codes(const char *path, xd_arena *arena, xd_crosswalk *crosswalk,
                                       xd_fault *fault);

/* Answers of the world from code tables at one instant. $uom finds its factor in the table
 * "uom", system "factor", code "FROM>TO". self is an xd_map_codes. */
typedef struct xd_map_codes {
    const xd_crosswalk *crosswalk; /* borrows */
    xd_instant at;
} xd_map_codes;
xd_map_world xd_map_codes_world(xd_map_codes *codes);

#endif
