/* Judges cases of the JSONata test suite (jsonata-js/jsonata, folder test/test-suite): what an
 * expression should give, or with which code it should fail. Pure: who calls it reads the files. */
#ifndef XD_MAPPING_SUITE_H
#define XD_MAPPING_SUITE_H

#include "base/json.h"

/* Runs one case. test is its object, expression its text, input the value it is applied to (NULL:
 * none). When it fails, *ret_wrong says what was expected and found; it lives in arena. */
bool xd_map_suite_passes(const xd_json *test, xd_str expression, const xd_json *input,
                         xd_arena *arena, xd_str *ret_wrong);

/* A case whose other answer is meant, and why. */
typedef struct xd_map_difference {
    const char *name; /* "group/case000" */
    const char *reason;
} xd_map_difference;

/* All of them; ends with name NULL. docs/mapping.md explains them. */
extern const xd_map_difference xd_map_differences[];

#endif
