/* The records that a map was given, found again: by the bytes as they came in, kept in the log's
 * file, and the layout of the map's version. Owns the versions of one map and a few files under
 * way; borrows the store. One thread. */
#ifndef XD_APP_WHATIF_RECORDS_H
#define XD_APP_WHATIF_RECORDS_H

#include "ingress/source.h"
#include "port/store.h"

/* One version of the map that is asked about, as the log has it. */
typedef struct xd_whatif_version {
    struct xd_whatif_version *next; /* owns */
    char hash[65];
    char instead[65];  /* names the new map in its place */
    xd_source *reader; /* owns: its layout, and a map that lets every record through */
    xd_map *map;       /* owns */
    xd_arena arena;
    xd_str data; /* of its hub.map event, with the new text and the new name; in arena */
} xd_whatif_version;

typedef struct xd_whatif_records xd_whatif_records;

XD_CHECKED xd_status xd_whatif_records_create(xd_store *store, xd_whatif_records **ret,
                                              xd_fault *fault);
/* Accepts NULL. */
void xd_whatif_records_destroy(xd_whatif_records *records);

/* Enters a version: data of its hub.map event, the new text in its place. One that is there already
 * stays. *ret borrows. */
XD_CHECKED xd_status xd_whatif_version_add(xd_whatif_records *records, const xd_json *data,
                                           xd_str text, const xd_whatif_version **ret,
                                           xd_fault *fault);
/* NULL when it is none of the map's. */
const xd_whatif_version *xd_whatif_version_find(const xd_whatif_records *records, xd_str hash);

/* The record of event.raw ("<hash>#<number>"), good until the next call. XD_CORRUPT when the bytes
 * are gone or no longer what their name says; XD_NOT_FOUND when they have no such record. */
XD_CHECKED xd_status xd_whatif_record(xd_whatif_records *records, const xd_whatif_version *version,
                                      xd_str raw, const xd_json **ret, xd_fault *fault);

#endif
