/* The compiled form of a schema, shared by the files of this folder: nodes, one for each subschema,
 * with their keywords sorted by the type of value they speak of. Private to src/schema. */
#ifndef XD_SCHEMA_SCHEMA_INT_H
#define XD_SCHEMA_SCHEMA_INT_H

#include "base/regex.h"
#include "schema/number.h"
#include "schema/schema.h"

/* Types as bits. A number without fraction is both an integer and a number. */
enum {
    XD_TYPE_NULL = 1,
    XD_TYPE_BOOLEAN = 2,
    XD_TYPE_INTEGER = 4,
    XD_TYPE_NUMBER = 8,
    XD_TYPE_STRING = 16,
    XD_TYPE_ARRAY = 32,
    XD_TYPE_OBJECT = 64,
    XD_TYPE_ANY = 127
};

/* Vocabularies as bits. */
enum {
    XD_VOCAB_CORE = 1,
    XD_VOCAB_APPLICATOR = 2,
    XD_VOCAB_UNEVALUATED = 4,
    XD_VOCAB_VALIDATION = 8,
    XD_VOCAB_METADATA = 16,
    XD_VOCAB_FORMAT_ANNOTATION = 32,
    XD_VOCAB_FORMAT_ASSERTION = 64,
    XD_VOCAB_CONTENT = 128,
    XD_VOCAB_2019 = 256, /* not a vocabulary: keywords are read as draft 2019-09 reads them */
    XD_VOCAB_STANDARD = 1 | 2 | 4 | 8 | 16 | 32 | 128
};

typedef struct xd_schema_node xd_schema_node;
typedef struct xd_schema_resource xd_schema_resource;

/* --- patterns --- */

typedef struct xd_schema_pattern xd_schema_pattern; /* pattern.c */

/* Reads an ECMA-262 pattern. Simple ones become a table walk, all others a regular expression. */
XD_CHECKED xd_status xd_schema_pattern_create(xd_schema *schema, xd_str text,
                                              const xd_schema_pattern **ret, xd_fault *fault);
/* Whether some part of subject matches. Adds the work to *steps. Faults as xd_regex_match. */
XD_CHECKED xd_status xd_schema_pattern_match(const xd_schema_pattern *pattern, xd_str subject,
                                             uint64_t *steps, bool *ret_found, xd_fault *fault);
xd_str xd_schema_pattern_text(const xd_schema_pattern *pattern);
/* True when the pattern is matched without a regular expression. */
bool xd_schema_pattern_is_simple(const xd_schema_pattern *pattern);

/* --- formats --- */

typedef struct xd_schema_format {
    const char *name;
    uint32_t types; /* of the values it speaks of */
    bool (*matches)(xd_str text);
    const char *example;
} xd_schema_format;

/* NULL when the draft does not define the name. */
const xd_schema_format *xd_schema_format_find(xd_str name);
/* The scanners, by file: format_idn.c, format_uri.c, format_time.c. */
bool xd_schema_format_is_idn_hostname(xd_str text);
bool xd_schema_format_is_hostname(xd_str text);
bool xd_schema_format_is_ipv4(xd_str text);
bool xd_schema_format_is_ipv6(xd_str text);
bool xd_schema_format_is_uri(xd_str text);
bool xd_schema_format_is_uri_reference(xd_str text);
bool xd_schema_format_is_iri(xd_str text);
bool xd_schema_format_is_iri_reference(xd_str text);
bool xd_schema_format_is_uri_template(xd_str text);
bool xd_schema_format_is_date(xd_str text);
bool xd_schema_format_is_time(xd_str text);
bool xd_schema_format_is_date_time(xd_str text);
bool xd_schema_format_is_duration(xd_str text);

/* --- nodes --- */

typedef struct xd_schema_strings {
    bool has_max;
    uint64_t min_length, max_length; /* in characters */
    const xd_schema_pattern *pattern;
    const xd_schema_format *format; /* only when formats are asserted */
} xd_schema_strings;

/* A limit, exact; also as an integer when it is one that fits. */
typedef struct xd_schema_bound {
    bool given;
    bool is_small;
    int64_t small;
    xd_schema_number number;
    xd_str text;
} xd_schema_bound;

typedef struct xd_schema_numbers {
    xd_schema_bound minimum, maximum, above, below; /* above and below are the exclusive ones */
    bool has_multiple;
    xd_schema_number multiple;
    xd_str multiple_text;
} xd_schema_numbers;

/* enum, or const as a choice of one. */
typedef struct xd_schema_choices {
    const char *keyword;
    const xd_json *values; /* borrows count of them */
    uint32_t count;
    uint32_t strings;         /* how many are strings */
    const uint64_t *hashes;   /* sorted, count of them; NULL when there are few */
    const uint32_t *position; /* of the value of each hash */
} xd_schema_choices;

typedef struct xd_schema_arrays {
    uint64_t min_items, max_items;
    bool has_max, unique;
    uint32_t prefix_count;
    const xd_schema_node *const *prefix;
    const char *prefix_keyword;
    const xd_schema_node *items;
    const char *items_keyword;
    const xd_schema_node *contains;
    uint64_t min_contains, max_contains;
    bool has_max_contains;
} xd_schema_arrays;

/* A member that the schema names. */
typedef struct xd_schema_name {
    xd_str name;
    const xd_schema_node *node; /* of properties; NULL when only required or depended on */
    uint32_t tracked;           /* 1 + bit of its presence; 0 when no one asks */
} xd_schema_name;

typedef struct xd_schema_pair {
    const xd_schema_pattern *pattern;
    const xd_schema_node *node;
} xd_schema_pair;

/* If the member of bit trigger is there, then so must be those of bits needs. */
typedef struct xd_schema_dependency {
    const char *keyword;
    xd_str name;
    uint32_t trigger;
    uint32_t needs_count;
    const uint32_t *needs;
} xd_schema_dependency;

typedef struct xd_schema_objects {
    uint64_t min_properties, max_properties;
    bool has_max;
    const xd_schema_name *names;
    uint32_t name_count;
    uint32_t tracked_count; /* the first required_count of these bits are required */
    uint32_t required_count;
    const uint32_t *tracked_name; /* position in names of each bit */
    const uint32_t *slots;        /* hash table: 1 + position in names, 0 is free */
    uint32_t slot_mask;
    const xd_schema_pair *patterns;
    uint32_t pattern_count;
    const xd_schema_node *additional;
    const xd_schema_node *property_names;
    const xd_schema_dependency *dependencies;
    uint32_t dependency_count;
} xd_schema_objects;

typedef enum xd_schema_apply {
    XD_APPLY_REF,
    XD_APPLY_DYNAMIC_REF,
    XD_APPLY_ALL_OF,
    XD_APPLY_ANY_OF,
    XD_APPLY_ONE_OF,
    XD_APPLY_NOT,
    XD_APPLY_IF,        /* nodes: if, then, else; the latter two may be NULL */
    XD_APPLY_DEPENDENT, /* nodes[0], when the member name is there */
    XD_APPLY_RECURSIVE_REF
} xd_schema_apply;

/* A keyword that applies other schemas to the same value. */
typedef struct xd_schema_inplace {
    const struct xd_schema_inplace *next;
    xd_schema_apply apply;
    const char *keyword;
    xd_str name; /* of XD_APPLY_DEPENDENT: the member; of XD_APPLY_DYNAMIC_REF: the anchor */
    uint32_t count;
    const xd_schema_node **nodes;
} xd_schema_inplace;

typedef struct xd_schema_note {
    const struct xd_schema_note *next;
    const char *keyword;
    const xd_json *value; /* borrows */
    uint32_t types;       /* of the values it speaks of */
} xd_schema_note;

struct xd_schema_node {
    uint32_t types;   /* allowed */
    bool never;       /* the schema false */
    bool leaf;        /* looks only at the value itself, never at its parts or at other schemas */
    bool string_only; /* a leaf that allows only strings and has no choices */
    bool compiled;
    uint8_t color;                /* of the search for loops */
    const xd_schema_node *direct; /* the node to run in place of this one; itself or what a lone
                                     $ref leads to */
    const xd_schema_strings *strings;
    const xd_schema_numbers *numbers;
    const xd_schema_choices *enumeration;
    const xd_schema_choices *constant;
    const xd_schema_objects *objects;
    const xd_schema_arrays *arrays;
    const xd_schema_inplace *inplace;
    const xd_schema_node *unevaluated_properties;
    const xd_schema_node *unevaluated_items;
    const xd_schema_note *notes;
    const xd_json *source; /* borrows from the schema's own copy */
    xd_schema_resource *resource;
    xd_str pointer; /* from the root of the resource */
    xd_schema_node *next_pending;
    xd_schema_node *next_indexed; /* in the order in which they were found */
};

typedef struct xd_schema_anchor {
    struct xd_schema_anchor *next;
    xd_str name;
    bool dynamic;
    xd_schema_node *node;
} xd_schema_anchor;

struct xd_schema_resource {
    xd_str uri; /* absolute when the schema says so, without fragment */
    xd_schema_node *root;
    uint32_t vocabularies;
    bool recursive; /* draft 2019-09: "$recursiveAnchor": true */
    bool foreign;   /* of another document than the one that is compiled */
    xd_schema_anchor *anchors;
};

/* Another URI under which a resource is known. */
typedef struct xd_schema_alias {
    struct xd_schema_alias *next;
    xd_str uri;
    xd_schema_resource *resource;
} xd_schema_alias;

struct xd_schema {
    uint32_t magic;
    xd_arena arena; /* owns everything but the regular expressions */
    xd_schema_node *root;
    bool dynamic; /* some $dynamicRef must look at the way evaluation took */
    struct xd_schema_owned {
        struct xd_schema_owned *next;
        xd_regex *regex; /* owns */
    } * regexes;
};

/* --- while compiling --- */

typedef struct xd_schema_compiler {
    xd_schema *schema;
    const xd_schema_options *options;
    xd_fault *fault;
    xd_arena scratch; /* what loaders read */
    xd_schema_alias *aliases;
    xd_schema_node **table; /* nodes by their source, open addressing; owned, on the heap */
    size_t table_size, table_used;
    xd_schema_node *first_indexed, *last_indexed;
    xd_schema_node *pending;         /* indexed or referred to, but not compiled yet */
    xd_schema_anchor *dynamic_names; /* anchors that some $dynamicRef asks for */
    uint32_t resource_count;
    uint32_t anchor_count; /* and names that dynamic references ask for */
} xd_schema_compiler;

/* load.c: makes the copy of a document known under base and returns the node of its root. */
XD_CHECKED xd_status xd_schema_add_document(xd_schema_compiler *c, const xd_json *tree, xd_str base,
                                            uint32_t vocabularies, xd_schema_node **ret);
/* load.c: the node that ref names, seen from resource; *ret_anchor is the name when the fragment is
 * a dynamic anchor, empty otherwise. at is the place of ref, for faults. */
XD_CHECKED xd_status xd_schema_resolve(xd_schema_compiler *c, const xd_schema_node *from,
                                       const char *keyword, xd_str ref, xd_schema_node **ret,
                                       xd_str *ret_anchor);
/* load.c: the node of a subschema; NULL when it was never indexed. */
xd_schema_node *xd_schema_node_of(const xd_schema_compiler *c, const xd_json *source);
/* load.c: tells a fault at a keyword of node (or of the node itself, keyword NULL). */
xd_status xd_schema_bad(xd_schema_compiler *c, xd_code code, const xd_schema_node *node,
                        const char *keyword, const char *rule, const char *format, ...)
    __attribute__((format(printf, 6, 7)));
xd_status xd_schema_no_memory(xd_schema_compiler *c);
/* keywords.c: what may stand below a keyword of an object schema. */
typedef enum xd_schema_shape {
    XD_SHAPE_NONE,
    XD_SHAPE_SCHEMA,
    XD_SHAPE_LIST, /* of schemas */
    XD_SHAPE_MAP,  /* of schemas */
    XD_SHAPE_MIXED /* dependencies: a map whose values are schemas or lists of names; or the items
                      of draft 2019-09: a schema or a list */
} xd_schema_shape;
xd_schema_shape xd_schema_keyword_shape(xd_str keyword, uint32_t vocabularies);
/* compile.c: fills in a node from its source. */
XD_CHECKED xd_status xd_schema_compile_node(xd_schema_compiler *c, xd_schema_node *node);
/* compile_object.c */
XD_CHECKED xd_status xd_schema_compile_objects(xd_schema_compiler *c, xd_schema_node *node);
/* compile_array.c */
XD_CHECKED xd_status xd_schema_compile_arrays(xd_schema_compiler *c, xd_schema_node *node);
/* A count keyword such as minLength; *ret_given tells whether it is there. */
XD_CHECKED xd_status xd_schema_count(xd_schema_compiler *c, const xd_schema_node *node,
                                     const char *keyword, uint64_t *ret, bool *ret_given);
/* The compiled-later node of a subschema keyword; NULL in *ret when the keyword is not there. */
XD_CHECKED xd_status xd_schema_sub(xd_schema_compiler *c, const xd_schema_node *node,
                                   const char *keyword, const xd_schema_node **ret);
/* The same for one value below a keyword. */
XD_CHECKED xd_status xd_schema_child(xd_schema_compiler *c, const xd_schema_node *node,
                                     const char *keyword, const xd_json *value,
                                     const xd_schema_node **ret);
XD_CHECKED xd_status xd_schema_list(xd_schema_compiler *c, const xd_schema_node *node,
                                    const char *keyword, uint32_t *ret_count,
                                    const xd_schema_node ***ret);
/* metaschema.c: the text of a meta-schema of the drafts, by URI; {NULL, 0} when it is none. */
xd_str xd_schema_builtin(xd_str uri);

/* The hash by which member names are found. */
static inline uint64_t xd_schema_load8(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

static inline uint32_t xd_schema_load4(const char *p)
{
    uint32_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

static inline uint32_t xd_schema_name_hash(xd_str name)
{
    uint64_t a;
    uint64_t b = 0;
    if (name.len >= 8) {
        a = xd_schema_load8(name.ptr);
        b = xd_schema_load8(name.ptr + name.len - 8);
    } else if (name.len >= 4) {
        a = xd_schema_load4(name.ptr);
        b = xd_schema_load4(name.ptr + name.len - 4);
    } else if (name.len > 0) {
        a = (uint64_t)(uint8_t)name.ptr[0] << 16 | (uint64_t)(uint8_t)name.ptr[name.len / 2] << 8 |
            (uint8_t)name.ptr[name.len - 1];
    } else {
        a = 0;
    }
    a = (a ^ name.len) * UINT64_C(0x9E3779B97F4A7C15) + b;
    a = (a ^ a >> 29) * UINT64_C(0xD6E8FEB86659FD93);
    return (uint32_t)(a >> 32);
}

/* Equality of names and short texts without a call. */
static inline bool xd_schema_same(xd_str a, xd_str b)
{
    if (a.len != b.len) {
        return false;
    }
    size_t n = a.len;
    if (n >= 8) {
        size_t i = 0;
        for (; i + 8 <= n; i += 8) {
            if (xd_schema_load8(a.ptr + i) != xd_schema_load8(b.ptr + i)) {
                return false;
            }
        }
        return xd_schema_load8(a.ptr + n - 8) == xd_schema_load8(b.ptr + n - 8);
    }
    if (n >= 4) {
        return xd_schema_load4(a.ptr) == xd_schema_load4(b.ptr) &&
               xd_schema_load4(a.ptr + n - 4) == xd_schema_load4(b.ptr + n - 4);
    }
    for (size_t i = 0; i < n; i++) {
        if (a.ptr[i] != b.ptr[i]) {
            return false;
        }
    }
    return true;
}

#endif
