/* Files of the official JSON Schema test suite: groups of a schema and documents that fit it or do
 * not. Used by `crossdock schema test` and by the tests. Pure. */
#ifndef XD_SCHEMA_SUITE_H
#define XD_SCHEMA_SUITE_H

#include "schema/schema.h"

/* One case: what is wrong is empty when it passed. */
typedef void (*xd_schema_suite_told)(void *self, xd_str group, xd_str test, bool passed,
                                     xd_str wrong);

/* Runs every case of a file: both ways of checking must give the answer asked for. A schema that
 * cannot be compiled fails all its cases. Faults: XD_INVALID when the file is not such a file. */
XD_CHECKED xd_status xd_schema_suite_run(const xd_json *file, const xd_schema_options *options,
                                         xd_schema_suite_told told, void *told_self,
                                         xd_fault *fault);

#endif
