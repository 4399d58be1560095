/* Shared by the files that compare schemas. Private to src/schema. */
#ifndef XD_SCHEMA_DIFF_INT_H
#define XD_SCHEMA_DIFF_INT_H

#include "schema/diff.h"
#include "schema/schema_int.h"

enum { XD_DIFF_SET_MAX = 24, XD_DIFF_PATH_BYTES = 400 };

/* Nodes that all hold for one value: what a value of the "given" side fulfils. Leaving one out
 * makes the set larger, which is safe: fewer inclusions can be proved. */
typedef struct xd_diff_set {
    uint32_t count;
    const xd_schema_node *nodes[XD_DIFF_SET_MAX];
} xd_diff_set;

/* A pair that is being compared; meeting it again inside itself means that nothing speaks against
 * it there. */
typedef struct xd_diff_pair {
    const struct xd_diff_pair *up;
    const xd_diff_set *given;
    const xd_schema_node *wanted;
} xd_diff_pair;

typedef struct xd_diff {
    xd_arena *arena;
    bool given_is_old; /* the given side is the older schema */
    uint32_t quiet;    /* above 0: nothing is reported */
    uint32_t work, depth;
    bool failed; /* no memory */
    const xd_diff_pair *pairs;
    const xd_schema_resource *roots[2]; /* locations in these need no URI */
    xd_schema_break *first, *last;
    uint32_t break_count;
    size_t path_length;
    char path[XD_DIFF_PATH_BYTES]; /* of the document */
} xd_diff;

/* diff_same.c: whether both nodes say the same, word for word, through every $ref. whole: they are
 * the roots, so that dynamic references mean the same in both as well. */
bool xd_diff_same(xd_diff *d, const xd_schema_node *a, const xd_schema_node *b, bool whole);
/* diff.c: whether whatever fulfils given fulfils wanted; reports what speaks against it. */
bool xd_diff_includes(xd_diff *d, const xd_diff_set *given, const xd_schema_node *wanted);
/* The same for one node on the given side. */
bool xd_diff_includes_node(xd_diff *d, const xd_schema_node *given, const xd_schema_node *wanted);
/* The same, without reporting. */
bool xd_diff_includes_quietly(xd_diff *d, const xd_diff_set *given, const xd_schema_node *wanted);
/* diff_parts.c: the keywords that look into objects and arrays. */
bool xd_diff_objects(xd_diff *d, const xd_diff_set *given, const xd_schema_node *wanted);
bool xd_diff_arrays(xd_diff *d, const xd_diff_set *given, const xd_schema_node *wanted);
/* diff_parts.c: whether surely no value fulfils both. */
bool xd_diff_disjoint(xd_diff *d, const xd_diff_set *given, const xd_schema_node *other,
                      unsigned depth);

/* Adds node and all that it refers to unconditionally. */
void xd_diff_add(xd_diff_set *set, const xd_schema_node *node);
uint32_t xd_diff_types(const xd_diff_set *set);
bool xd_diff_is_empty(const xd_diff_set *set);
/* What every value of the set's member of that name fulfils; likewise of item i. */
xd_diff_set xd_diff_member(const xd_diff_set *set, xd_str name);
xd_diff_set xd_diff_item(const xd_diff_set *set, uint64_t i);
/* Reports a break at a keyword of wanted; always false. */
bool xd_diff_break(xd_diff *d, const xd_diff_set *given, const xd_schema_node *wanted,
                   const char *keyword, bool undecided, const char *format, ...)
    __attribute__((format(printf, 6, 7)));
/* Steps into a member or item of the document, and back. */
size_t xd_diff_enter(xd_diff *d, xd_str step);
void xd_diff_leave(xd_diff *d, size_t before);
/* Names of the two sides in sentences: "the older schema", "the newer schema". */
const char *xd_diff_given_name(const xd_diff *d);
const char *xd_diff_wanted_name(const xd_diff *d);
#endif
