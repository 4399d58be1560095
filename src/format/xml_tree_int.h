/* Building a JSON tree from the events of an XML parser: names and children are collected on one
 * stack and grouped when an element ends, in time proportional to their number. Private to
 * src/format. */
#ifndef XD_FORMAT_XML_TREE_INT_H
#define XD_FORMAT_XML_TREE_INT_H

#include "format/xml_int.h"

/* A name of an element or attribute, made once per reader. The marks serve the grouping. */
typedef struct xd_xml_name {
    const void *local, *prefix, *uri; /* identity: libxml2 keeps each text once */
    xd_str attribute;                 /* "@p:n"; the element's name follows the @ */
    xd_str element;
    bool array, object; /* by a rule that names it anywhere */
    bool path_rule;     /* some rule ends with this name */
    uint64_t stamp;     /* of the grouping that met it last */
    uint32_t slot;      /* of that grouping */
    uint32_t cursor;
} xd_xml_name;

typedef struct xd_xml_names {
    const xd_xml_layout *layout; /* borrows */
    xd_arena *arena;             /* borrows; where names live */
    xd_xml_name **slots;         /* owns; open addressing, slot_count is a power of two */
    uint32_t count, slot_count;
} xd_xml_names;

void xd_xml_names_init(xd_xml_names *names, const xd_xml_layout *layout, xd_arena *arena);
void xd_xml_names_finish(xd_xml_names *names);
/* The name of these (NUL-terminated, prefix and uri may be NULL); NULL when memory ran out. */
xd_xml_name *xd_xml_names_get(xd_xml_names *names, const char *local, const char *prefix,
                              const char *uri);

/* Whether raw, a value as libxml2 hands it over, is uri. It writes every & of a value as &#38;. */
bool xd_xml_same_uri(xd_str uri, const char *raw);

typedef struct xd_xml_entry { /* an attribute or child */
    xd_xml_name *name;
    bool is_attribute;
    xd_json value;
} xd_xml_entry;

typedef struct xd_xml_frame { /* an open element */
    xd_xml_name *name;
    uint32_t first;      /* of its entries */
    uint32_t attributes; /* of them */
    bool preserve;       /* xml:space */
    bool has_elements, has_ink;
} xd_xml_frame;

typedef struct xd_xml_builder {
    const xd_xml_layout *layout; /* borrows */
    xd_arena *arena;             /* borrows; where the tree being built lives */
    xd_xml_entry *entries;       /* owns */
    uint32_t entry_count, entry_size;
    xd_xml_frame *frames; /* owns; those of the record, max_depth + 1 */
    uint32_t depth;       /* of frames in use */
    xd_buf text;          /* owns; characters not yet made a node */
    xd_str blank;         /* the white space met last, in arena; most of it repeats */
    uint64_t stamp;
    bool not_utf8; /* why a call was false: libxml2 lets bad bytes pass in CDATA */
    xd_xml_name text_name, comment_name, instruction_name, doctype_name;
} xd_xml_builder;

bool xd_xml_builder_init(xd_xml_builder *builder, const xd_xml_layout *layout);
void xd_xml_builder_finish(xd_xml_builder *builder);
/* Each is false when memory (or the arena's cap) ran out, or not_utf8 is set. Values of attributes
 * are taken as libxml2 hands them over, with &#38; for every &. */
bool xd_xml_build_open(xd_xml_builder *builder, xd_xml_name *name);
/* From now on trees are built in arena. */
static inline void xd_xml_build_in(xd_xml_builder *builder, xd_arena *arena)
{
    builder->arena = arena;
    builder->blank = XD_STR_NULL;
}
bool xd_xml_build_attribute(xd_xml_builder *builder, xd_xml_name *name, xd_str value);
static inline bool xd_xml_build_text(xd_xml_builder *builder, const char *bytes, size_t n)
{
    xd_buf_add(&builder->text, bytes, n);
    return !builder->text.failed;
}
/* A node that is neither text nor element. */
bool xd_xml_build_node(xd_xml_builder *builder, xd_xml_name *name, xd_json value);
/* Ends the innermost element. as_array and as_object ask for a stable shape. The value becomes an
 * entry of the element around it; of the outermost *ret_whole is set. */
bool xd_xml_build_close(xd_xml_builder *builder, bool as_array, bool as_object, xd_json *ret_whole);

#endif
