/* Schemas and documents in files, for the commands that work on schemas: read, parsed, and found by
 * URI in folders. Nothing is ever fetched from a network. */
#ifndef XD_APP_SCHEMA_FILES_H
#define XD_APP_SCHEMA_FILES_H

#include "base/arena.h"
#include "base/json.h"
#include "schema/schema.h"

/* Where referenced documents are looked for. */
typedef struct xd_schema_files {
    xd_str prefix;         /* URIs that begin so name files of folder by what follows */
    const char *folder;    /* NULL: none */
    const char *id_folder; /* searched for a document whose $id is the URI; NULL: none */
    int id_depth;          /* how many folders deep; 1 is id_folder alone */
} xd_schema_files;

/* Reads and parses a JSON file; text and tree live in arena. *ret_text may be NULL. The fault
 * carries line and column, and the path in its text. */
XD_CHECKED xd_status xd_schema_file_read(const char *path, xd_arena *arena, xd_str *ret_text,
                                         const xd_json **ret, xd_fault *fault);
/* An xd_schema_load over an xd_schema_files. */
xd_status xd_schema_file_load(void *self, xd_str uri, xd_arena *arena, const xd_json **ret,
                              xd_fault *fault);

typedef struct xd_schema_file_options {
    const char *folder; /* of further schemas; NULL: the folder that the schema lies in */
    bool assert_formats;
} xd_schema_file_options;

/* Reads and compiles the schema in a file. Relative references lead to files beside it, and others
 * to files of the folder, by their $id. The fault's text carries path, line and column. */
XD_CHECKED xd_status xd_schema_file_compile(const char *path, const xd_schema_file_options *options,
                                            xd_arena *arena, xd_schema **ret, xd_fault *fault);

#endif
