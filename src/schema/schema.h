/* JSON Schema, draft 2020-12: a schema is compiled once and then checks any number of documents,
 * from any number of threads. Numbers are compared exactly, whatever their size; nothing is ever
 * fetched; schemas and documents that would loop or explode are stopped by limits. Pure. */
#ifndef XD_SCHEMA_SCHEMA_H
#define XD_SCHEMA_SCHEMA_H

#include "base/arena.h"
#include "base/json.h"

typedef struct xd_schema xd_schema; /* immutable once compiled */

/* Finds the document that a $ref or $schema names. uri is absolute, without fragment. The tree is
 * copied before the next call, so it may live in arena, which is the caller's to use during the
 * compilation, or elsewhere. Answers XD_NOT_FOUND (without a fault) when there is none. */
typedef xd_status (*xd_schema_load)(void *self, xd_str uri, xd_arena *arena, const xd_json **ret,
                                    xd_fault *fault);

typedef struct xd_schema_options {
    xd_str base_uri;     /* of a schema without $id; may be empty */
    bool assert_formats; /* "format" refuses; otherwise it only describes, as the draft says */
    xd_schema_load load; /* NULL: only the document itself and the drafts' meta-schemas */
    void *load_self;     /* first argument of load */
    size_t max_bytes;    /* memory of the compiled schema; 0 is 64 MB */
} xd_schema_options;

/* Compiles. Everything that the schema can reach is resolved and checked now, never later.
 * Faults: XD_INVALID (a keyword of the wrong shape, a $ref that names nothing, a schema that refers
 * to itself without end, an unknown vocabulary or dialect), with path and offset in the schema and
 * rule "schema.*"; XD_LIMIT, XD_NO_MEMORY; and whatever load answers. */
XD_CHECKED xd_status xd_schema_compile(const xd_json *schema, const xd_schema_options *options,
                                       xd_schema **ret, xd_fault *fault);
/* Accepts NULL. */
void xd_schema_destroy(xd_schema *schema);

/* Whether the document fulfils the schema: stops at the first failure and says no more. Allocates
 * nothing in the usual case. Faults: XD_LIMIT (rule "schema.steps" or "schema.depth": checking
 * takes more work or nesting than is allowed; "regex.limit"; "schema.number": an exponent beyond
 * 10^12), XD_NO_MEMORY. */
XD_CHECKED xd_status xd_schema_check(const xd_schema *schema, const xd_json *document,
                                     bool *ret_valid, xd_fault *fault);

/* One failure or annotation, as the "basic" output of the draft, section 12.4.2. Locations are JSON
 * pointers; the absolute one is a URI whose fragment is a pointer. */
typedef struct xd_schema_unit {
    struct xd_schema_unit *next;
    xd_str instance_location;
    xd_str keyword_location; /* the way evaluation took, through every $ref */
    xd_str absolute_keyword_location;
    xd_str text;          /* failure: what was expected and what was found */
    const xd_json *value; /* annotation: what the schema says */
    uint32_t offset;      /* of that part of the document in its text; leads to line and column */
} xd_schema_unit;

typedef struct xd_schema_report {
    bool valid;
    const xd_schema_unit *failures;    /* in the order they were found; none when valid */
    uint32_t failure_count;            /* of the list */
    bool cut_short;                    /* more failures were found than max_failures */
    const xd_schema_unit *annotations; /* of a valid document: format, content*, title, ... */
} xd_schema_report;

/* As xd_schema_check, but goes on after a failure and reports up to max_failures of them (0 is
 * 1,000). Everything of the report lives in arena or borrows from schema and document. */
XD_CHECKED xd_status xd_schema_validate(const xd_schema *schema, const xd_json *document,
                                        uint32_t max_failures, xd_arena *arena,
                                        const xd_schema_report **ret, xd_fault *fault);
/* Appends a report as the draft's basic output, one JSON object. */
void xd_schema_write_basic(xd_buf *buf, const xd_schema_report *report);

#endif
