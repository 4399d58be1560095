/* Equality of JSON values as JSON Schema means it (1 and 1.0 are one number, members have no
 * order), and a hash that agrees with it. Private to src/schema. Pure. */
#ifndef XD_SCHEMA_VALUE_H
#define XD_SCHEMA_VALUE_H

#include "base/json.h"

/* What is added to *steps when a value is nested too deep to look at. */
#define XD_SCHEMA_TOO_DEEP ((uint64_t)1 << 40)

/* Equal values have equal hashes. Adds the work done to *steps, which may be NULL. */
uint64_t xd_schema_value_hash(const xd_json *value, uint64_t *steps);
bool xd_schema_value_equal(const xd_json *a, const xd_json *b, uint64_t *steps);
/* Whether two items of the array are equal: their places in *ret_first and *ret_second, first below
 * second. *ret_failed tells that there was no memory to find out. */
bool xd_schema_value_find_twins(const xd_json *array, uint64_t *steps, uint32_t *ret_first,
                                uint32_t *ret_second, bool *ret_failed);

#endif
