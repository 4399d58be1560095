/* A compiled XML layout. Private to src/format. */
#ifndef XD_FORMAT_XML_INT_H
#define XD_FORMAT_XML_INT_H

#include "format/layout_int.h"
#include "format/soap.h"
#include "format/xml.h"

enum { XD_XML_STEPS = 32 };

/* Elements that get a stable shape: by name anywhere, or by absolute path. */
typedef struct xd_xml_rule {
    xd_str steps[XD_XML_STEPS]; /* one for a name */
    uint32_t step_count;
    bool absolute;
} xd_xml_rule;

typedef struct xd_xml_rules {
    xd_xml_rule *items;
    uint32_t count;
} xd_xml_rules;

typedef struct xd_xml_namespace {
    xd_str prefix; /* empty: the default one */
    xd_str uri;
} xd_xml_namespace;

struct xd_xml_layout {
    xd_arena arena; /* owns the rest */
    bool keep_space, comments, indent;
    xd_soap_version soap;
    xd_str each[XD_XML_STEPS]; /* names from the root to the records; none: the document */
    uint32_t each_count;
    xd_xml_rules arrays, objects;
    xd_xml_namespace *namespaces;
    uint32_t namespace_count;
    uint32_t max_depth, max_attributes;
    size_t max_record_bytes; /* memory of one record's tree */
    uint64_t max_bytes;      /* of the document; 0: no bound */
};

#define XD_XML_TEXT "#text"
#define XD_XML_ORDER "#order"
#define XD_XML_COMMENT "#comment"
#define XD_XML_INSTRUCTION "#pi"
#define XD_XML_DOCTYPE "#doctype"

/* Whether name is a name with at most one colon, as XML namespaces demand. */
bool xd_xml_is_name(xd_str name);

#endif
