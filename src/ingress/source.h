/* Sources whose records are mapped: a layout that turns bytes into records, and the map that makes
 * documents of one kind of them. Immutable once open; any number of threads may use one. */
#ifndef XD_INGRESS_SOURCE_H
#define XD_INGRESS_SOURCE_H

#include "canon/kind.h"
#include "format/format.h"
#include "ingress/codes.h"

typedef struct xd_source_options {
    const char *name;     /* the CloudEvents source of its events */
    const char *map_file; /* for messages */
    xd_str map_text;
    xd_str map_hash;  /* names the version; 64 hex digits */
    xd_str layout;    /* JSON; ptr NULL: the bytes are one JSON document */
    const char *to;   /* kind of document */
    const char *by;   /* expression: neighbouring records that give the same are mapped together, as
                         an array; NULL: each by itself */
    const char *time; /* expression over what is mapped: its business time, a date or an instant;
                         NULL: none */
    xd_codes *codes;  /* borrows */
} xd_source_options;

/* A row of what the map tells of itself: which field of the result comes from where. */
typedef struct xd_source_lineage {
    xd_str target; /* "lines[].quantity" */
    xd_str from;
    int64_t offset; /* in the map's text */
} xd_source_lineage;

typedef struct xd_source {
    char *name; /* owns, as everything below */
    char *map_file;
    char *map_text;
    size_t map_bytes;
    char map_hash[65];
    const char *media; /* static: of what it reads */
    bool of_lines;     /* records end with line feeds, which are single bytes */
    bool has_header;   /* of lines, and the first row is one of names */
    char quote;        /* of CSV; '\0': none */
    xd_format *layout;
    xd_map *map, *by, *time; /* by and time may be NULL */
    const xd_kind_info *to;
    xd_codes *codes;            /* borrows */
    xd_source_lineage *lineage; /* in arena */
    uint32_t lineage_count;
    xd_arena arena;
} xd_source;

/* Copies what it needs. Faults: XD_INVALID, of the map, an expression or the layout; XD_NO_MEMORY.
 */
XD_CHECKED xd_status xd_source_open(const xd_source_options *options, xd_source **ret,
                                    xd_fault *fault);
/* Accepts NULL. */
void xd_source_close(xd_source *source);

/* The key that by gives to a record, as JSON, into ret (emptied first); "" when it gives nothing.
 * source->by is not NULL. Faults as xd_map_run. */
XD_CHECKED xd_status xd_source_key(const xd_source *source, const xd_json *record, xd_arena *arena,
                                   xd_buf *ret, xd_fault *fault);

/* The map's own place of a fault that it gave, in front of the text: "FILE:LINE:COLUMN: ...". */
void xd_source_name_place(const xd_source *source, xd_fault *fault);
/* The same for a fault of the document that the map made: the place that feeds the field that the
 * fault's path points to. */
void xd_source_name_field(const xd_source *source, xd_fault *fault);

#endif
