/* A safe part of YAML 1.2 as a JSON tree that knows where each value stood: mappings with plain
 * keys, sequences, and scalars of the core types. Anchors, aliases, tags, directives, duplicate
 * keys and several documents in one file are refused: a configuration that reads one way to a
 * person and another way to the program is a trap. Calls libyaml; reads no files. */
#ifndef XD_APP_CONFIG_YAML_H
#define XD_APP_CONFIG_YAML_H

#include "app/config_error.h"
#include "base/json.h"

enum {
    XD_YAML_MAX_BYTES = 1 << 20,
    XD_YAML_MAX_DEPTH = 16,
    XD_YAML_MAX_NODES = 100000,
};

/* Reads one document. Numbers keep their digits; every value's offset is its first byte in text and
 * every member name borrows text, so text must outlive the tree. Errors are added under the name
 * file. XD_INVALID or XD_LIMIT when any was found (ret_root is then untouched), XD_NO_MEMORY. */
XD_CHECKED xd_status xd_yaml_parse(const char *file, xd_str text, xd_arena *arena,
                                   const xd_json **ret_root, xd_config_errors *errors);

#endif
