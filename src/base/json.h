/* JSON (RFC 8259): a reader into an arena tree that keeps number lexemes, member order and source
 * positions; writers; and the one canonical form used for hashing. Numbers never pass through a
 * double. Pure. */
#ifndef XD_BASE_JSON_H
#define XD_BASE_JSON_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/status.h"

typedef enum xd_json_type {
    XD_JSON_NULL,
    XD_JSON_FALSE,
    XD_JSON_TRUE,
    XD_JSON_NUMBER, /* text is the lexeme as given */
    XD_JSON_STRING, /* text is the unescaped value, UTF-8, may hold U+0000 */
    XD_JSON_ARRAY,
    XD_JSON_OBJECT
} xd_json_type;

typedef struct xd_json xd_json;
typedef struct xd_json_member xd_json_member;

struct xd_json {
    uint32_t type;   /* xd_json_type */
    uint32_t count;  /* items or members */
    uint32_t offset; /* first byte of this value in the source text; 0 when built */
    uint32_t length; /* bytes of this value in the source text; 0 when built */
    union {
        xd_str text;             /* NUMBER, STRING: borrows arena or source text */
        xd_json *items;          /* ARRAY: count items, contiguous */
        xd_json_member *members; /* OBJECT: count members, contiguous, in source order */
    };
};

struct xd_json_member {
    xd_str name;
    xd_json value;
};

typedef struct xd_json_limits {
    size_t max_bytes;      /* of the text; at most UINT32_MAX - 1 */
    uint32_t max_depth;    /* nesting of arrays and objects; the outermost is 1 */
    bool allow_duplicates; /* false refuses two members of one name in an object */
} xd_json_limits;

#define XD_JSON_LIMITS_DEFAULT                                                                     \
    ((xd_json_limits){.max_bytes = 16u << 20, .max_depth = 64, .allow_duplicates = false})

/* Reads exactly one JSON value, surrounded by white space at most. Strings and numbers of the tree
 * borrow from text where no unescaping was needed, so text must outlive the tree.
 * Faults: XD_INVALID (syntax, UTF-8, lone surrogate escape, duplicate name), XD_LIMIT (size,
 * depth), XD_NO_MEMORY; with offset, and rule "json.*". A byte order mark is refused. */
XD_CHECKED xd_status xd_json_parse(xd_str text, xd_json_limits limits, xd_arena *arena,
                                   const xd_json **ret_root, xd_fault *fault);

/* Member by name, the first where duplicates were allowed; NULL when object is NULL, not an object,
 * or has no such member. */
const xd_json *xd_json_get(const xd_json *object, xd_str name);
#define XD_GET(object, literal) xd_json_get((object), XD_STR(literal))
/* Text of a string or number member; {NULL, 0} when absent or of another type. */
xd_str xd_json_get_text(const xd_json *object, xd_str name);
#define XD_TEXT(object, literal) xd_json_get_text((object), XD_STR(literal))
/* Integer member given as a JSON number without fraction or exponent; fallback when absent or not
 * one. */
int64_t xd_json_get_int(const xd_json *object, xd_str name, int64_t fallback);
#define XD_INT(object, literal, fallback) xd_json_get_int((object), XD_STR(literal), (fallback))
/* True only when the member is true. */
bool xd_json_get_bool(const xd_json *object, xd_str name);

/* The source bytes of a parsed value (borrows source). */
xd_str xd_json_source(const xd_json *value, xd_str source);
const char *xd_json_type_name(uint32_t type);

/* --- writing text directly --- */
/* Appends s as a JSON string with quotes; escapes only what RFC 8259 demands. */
void xd_json_write_string(xd_buf *buf, xd_str s);
/* Appends the tree compactly, numbers as their lexemes. */
void xd_json_write(xd_buf *buf, const xd_json *value);
/* Begins an object with the members of another one, but for those of that name: the brace, and a
 * comma behind each. */
void xd_json_write_without(xd_buf *buf, const xd_json *object, xd_str name);
/* Appends the canonical form: members sorted by the UTF-8 bytes of their names, no white space,
 * strings with minimal escapes, numbers normalised as exact decimals (1.50, 15e-1 and 1.5 are one;
 * -0 is 0). Two values are equal exactly when their canonical forms are. scratch is used for
 * sorting. Faults: XD_NO_MEMORY, XD_LIMIT when a number needs more than 400 zeros beside its
 * digits. */
XD_CHECKED xd_status xd_json_canonical(xd_buf *buf, const xd_json *value, xd_arena *scratch,
                                       xd_fault *fault);

#endif
