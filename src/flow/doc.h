/* Typed state documents. One table of members per kind is both reader and writer: members that are
 * absent are zero or empty, and what is zero or empty is not written. A step loads each document
 * once, works on the struct, marks it changed, and all changed ones are written at the end, in the
 * order they were loaded. Pure. */
#ifndef XD_FLOW_DOC_H
#define XD_FLOW_DOC_H

#include "flow/step.h"

#include <stddef.h>

/* State is the hub's own text, so it is not searched for names that come twice. */
#define XD_STATE_JSON                                                                              \
    ((xd_json_limits){.max_bytes = 16u << 20, .max_depth = 64, .allow_duplicates = true})

typedef enum xd_doc_member_type {
    XD_DOC_DECIMAL,  /* xd_decimal */
    XD_DOC_OPTIONAL, /* xd_limit_value: absent and zero differ */
    XD_DOC_INTEGER,  /* int64_t */
    XD_DOC_TEXT,     /* xd_str */
    XD_DOC_FLAG,     /* bool */
    XD_DOC_CODES,    /* uint32_t: bit set of hold codes, written as an array of names */
    XD_DOC_JSON      /* xd_doc_json */
} xd_doc_member_type;

/* A member kept as JSON text, parsed only where a flow looks into it. text.ptr NULL: absent. */
typedef struct xd_doc_json {
    xd_str text;
    const xd_json *tree; /* private: see xd_doc_tree */
} xd_doc_json;

typedef struct xd_doc_member {
    const char *name;
    uint8_t name_len;
    uint8_t type; /* xd_doc_member_type */
    uint16_t offset;
} xd_doc_member;

#define XD_DOC_MEMBER(struct_type, kind, member, json_name)                                        \
    {                                                                                              \
        (json_name), sizeof(json_name) - 1, (kind), (uint16_t)offsetof(struct_type, member)        \
    }

typedef struct xd_doc_type {
    xd_state_kind kind;
    uint16_t size; /* of the struct, which starts with an xd_doc */
    uint16_t count;
    const xd_doc_member *members;
} xd_doc_type;

typedef struct xd_doc xd_doc;
struct xd_doc {
    const xd_doc_type *type;
    xd_str key;
    xd_doc *next; /* in order of loading */
    bool exists;
    bool changed;
};

/* The documents of one step; lives in the step's arena. */
typedef struct xd_docs {
    xd_doc *first, *last;
    uint32_t count;
    xd_doc **table; /* hash index */
    uint32_t table_size;
} xd_docs;

/* The document of key, which must live as long as the arena; doc->exists tells whether there is
 * one. */
XD_CHECKED xd_status xd_doc_load(xd_docs *docs, xd_step *step, const xd_doc_type *type, xd_str key,
                                 void *ret_document, xd_fault *fault);
/* As xd_doc_load for a key that no document has yet: state is not asked. */
XD_CHECKED xd_status xd_doc_create(xd_docs *docs, xd_step *step, const xd_doc_type *type,
                                   xd_str key, void *ret_document, xd_fault *fault);
static inline void xd_doc_change(xd_doc *doc)
{
    doc->exists = true;
    doc->changed = true;
}
static inline void xd_doc_delete(xd_doc *doc)
{
    doc->exists = false;
    doc->changed = true;
}
/* Puts every changed document into the step. */
XD_CHECKED xd_status xd_docs_write(xd_docs *docs, xd_step *step, xd_fault *fault);

/* The tree of a JSON member, NULL when it is absent. */
XD_CHECKED xd_status xd_doc_tree(xd_doc_json *member, xd_arena *arena, const xd_json **ret,
                                 xd_fault *fault);
/* Gives a member new text, which must live in the arena. */
static inline void xd_doc_set(xd_doc_json *member, xd_str text)
{
    *member = (xd_doc_json){.text = text};
}

/* The table's members of an object's text, into and out of a struct that need not be a document.
 * Strings borrow text, or the arena where they needed unescaping. */
XD_CHECKED xd_status xd_members_read(const xd_doc_member *members, uint32_t count, xd_str text,
                                     xd_arena *arena, void *ret, xd_fault *fault);
void xd_members_write(xd_buf *buf, const xd_doc_member *members, uint32_t count,
                      const void *values);

#endif
