/* Building a JSON tree from the events of an XML parser: names and children are collected on one
 * stack and grouped when an element ends, in time proportional to their number. Private to
 * src/format. */
#ifndef XD_FORMAT_XML_TREE_INT_H
#define XD_FORMAT_XML_TREE_INT_H

#include "format/xml_int.h"

/* A name of an element or attribute, made once per reader. The marks serve the grouping. */
typedef struct xd_xml_name {
    const void *local, *prefix, *uri; /* identity: libxml2 keeps each text once */
    struct xd_xml_name *same; /* the first name that is written like this one: itself, or one of
                                 another prefix or namespace. What trees are built with */
    xd_str attribute;         /* "@p:n"; the element's name follows the @ */
    xd_str element;
    bool array, object; /* by a rule that names it anywhere */
    bool path_rule;     /* some rule ends with this name */
    bool space;         /* xml:space */
    uint64_t stamp;     /* of the grouping that met it last */
    uint32_t slot;      /* of that grouping */
    uint32_t cursor;
} xd_xml_name;

typedef struct xd_xml_names {
    const xd_xml_layout *layout; /* borrows */
    xd_arena *arena;             /* borrows; where names live */
    xd_xml_name **slots;         /* owns; open addressing, slot_count is a power of two */
    xd_xml_name **by_text;       /* owns; as many */
    uint32_t count, slot_count;
} xd_xml_names;

void xd_xml_names_init(xd_xml_names *names, const xd_xml_layout *layout, xd_arena *arena);
void xd_xml_names_finish(xd_xml_names *names);
/* The name of these (NUL-terminated, prefix and uri may be NULL), one for all that are written
 * alike; NULL when memory ran out. */
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
    uint32_t first; /* of its entries */
    bool preserve;  /* xml:space */
    bool has_elements, has_ink;
} xd_xml_frame;

enum {
    XD_XML_BLANKS = 8,       /* a power of two */
    XD_XML_SHORT_BYTES = 512 /* longer texts are gathered on the heap first */
};

typedef struct xd_xml_builder {
    const xd_xml_layout *layout; /* borrows */
    xd_arena *arena;             /* borrows; where the tree being built lives */
    xd_xml_entry *entries;       /* owns */
    uint32_t entry_count, entry_size;
    xd_xml_frame *frames; /* owns; those of the record, max_depth + 1 */
    uint32_t depth;       /* of frames in use */
    char *room;           /* in arena, for short texts: packed, and written where they stay */
    uint32_t room_bytes;
    uint32_t text_bytes;          /* at room, of characters not yet made a node */
    xd_buf long_text;             /* owns; those characters when they are too many for room */
    xd_str blanks[XD_XML_BLANKS]; /* white space met last, in arena; most of it repeats */
    uint64_t stamp;
    bool not_utf8; /* why a call was false: libxml2 lets bad bytes pass in CDATA */
    xd_xml_name text_name, comment_name, instruction_name, doctype_name;
} xd_xml_builder;

bool xd_xml_builder_init(xd_xml_builder *builder, const xd_xml_layout *layout);
void xd_xml_builder_finish(xd_xml_builder *builder);
/* Each is false when memory (or the arena's cap) ran out, or not_utf8 is set. Values of attributes
 * are taken as libxml2 hands them over, with &#38; for every &. */
bool xd_xml_build_open(xd_xml_builder *builder, xd_xml_name *name);
/* From now on trees are built in arena, which was just reset when it is another one than before. */
void xd_xml_build_in(xd_xml_builder *builder, xd_arena *arena);
bool xd_xml_build_attribute(xd_xml_builder *builder, xd_xml_name *name, xd_str value);
bool xd_xml_build_more_text(xd_xml_builder *builder, const char *bytes, size_t n);
static inline bool xd_xml_build_text(xd_xml_builder *builder, const char *bytes, size_t n)
{
    if (n >= builder->room_bytes - builder->text_bytes || builder->long_text.len) {
        return xd_xml_build_more_text(builder, bytes, n);
    }
    memcpy(builder->room + builder->text_bytes, bytes, n);
    builder->text_bytes += (uint32_t)n;
    return true;
}
/* A node that is neither text nor element. */
bool xd_xml_build_node(xd_xml_builder *builder, xd_xml_name *name, xd_json value);
/* Ends the innermost element. as_array and as_object ask for a stable shape. The value becomes an
 * entry of the element around it; of the outermost *ret_whole is set. */
bool xd_xml_build_close(xd_xml_builder *builder, bool as_array, bool as_object, xd_json *ret_whole);

#endif
