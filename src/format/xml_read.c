/* Reading XML. See xml.h. libxml2's push parser is fed small slices and calls back; its own tree,
 * validation, external subsets and entities are never used. Owns the parser, the names, two arenas
 * that take turns and the queue of records that a slice completed. */
#include "format/xml_tree_int.h"

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/xmlerror.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    SLICE_BYTES = 16 << 10,
    MOST_PENDING = 256 << 10, /* of a start tag or DOCTYPE: libxml2's work on one is quadratic */
    NAME_BYTES = 16 << 20,
    FIRST_ITEMS = 16,
    MOST_SCOPES = 64,           /* they are repeated on every record */
    DEFAULTED_SLACK = 64 << 10, /* attribute defaults may outgrow the document by this and */
    DEFAULTED_FACTOR = 8        /* this times its bytes */
};

typedef struct xml_record {
    xd_json value;
    uint32_t arena;
    int line; /* where it begins */
} xml_record;

typedef struct xml_scope { /* a namespace declared around the records */
    const char *prefix, *uri;
    uint32_t depth;
} xml_scope;

struct xd_xml_reader {
    const xd_xml_layout *layout; /* borrows */
    xmlParserCtxtPtr parser;     /* owns */
    xd_str piece;                /* borrows */
    size_t at;                   /* in piece */
    bool last, ended, failed;
    bool complete; /* the document's end was met */
    uint64_t bytes, defaulted_bytes;

    xd_fault fault; /* of a callback, until next returns it */
    xd_status status;

    xd_arena names_arena; /* owns */
    xd_xml_names names;
    xd_xml_builder builder;
    uint32_t depth;   /* open elements */
    uint32_t matched; /* of them, from the root, that lie on the path to the records */
    bool building;
    int record_line;       /* of the record's start tag */
    uint32_t record_depth; /* depth of the element around the record */
    xd_xml_name **path;    /* owns; open elements of the record, for rules by path */
    xml_scope *scopes;     /* owns */
    uint32_t scope_count, scope_size;

    xd_arena arenas[2]; /* take turns: one is filled while records of the other are read */
    uint32_t live[2];   /* records in the queue, or given last */
    uint32_t current;
    xml_record *queue; /* owns */
    uint32_t queue_first, queue_count, queue_size;
    bool given; /* queue_first - 1 is in the caller's hands */

    xd_str doctype_name, doctype_public, doctype_system; /* live in names_arena */
    bool has_doctype;
    bool entity_declared; /* libxml2 asks for what it just declared */
};

/* --- faults --- */

/* Keeps the first fault and places it where the parser is. */
static void note(xd_xml_reader *reader, xd_code code, const char *rule, const char *text)
{
    if (reader->status != XD_OK) {
        return;
    }
    xmlParserInputPtr input = reader->parser->input;
    reader->status = xd_fail(&reader->fault, code, rule, "%s", text);
    if (input) {
        xd_fault_at(&reader->fault, xmlByteConsumed(reader->parser), NULL);
        reader->fault.line = input->line;
        reader->fault.column = input->col;
    }
}

/* The same, and stops. Only where libxml2 looks whether it was stopped: in its calls about
 * entities, elements and text, not while it reports an error or reads declarations. */
static void fail(xd_xml_reader *reader, xd_code code, const char *rule, const char *text)
{
    note(reader, code, rule, text);
    xmlStopParser(reader->parser);
}

/* The builder refused: for lack of memory, or for what it was given. */
static void refused(xd_xml_reader *reader)
{
    if (reader->builder.not_utf8) {
        fail(reader, XD_INVALID, "xml.syntax", "the text before this place is not UTF-8");
        return;
    }
    fail(reader, XD_LIMIT, "xml.size",
         "a record needs more memory than is allowed (max_record_bytes)");
}

static void on_error(void *context, xmlErrorPtr error)
{
    xd_xml_reader *reader = context;
    if (!reader || !error || error->level < XML_ERR_ERROR || error->code == XML_WAR_NS_URI) {
        return; /* namespaces are names: whether they are good URIs is not for us to say */
    }
    char text[256];
    snprintf(text, sizeof text, "%s", error->message ? error->message : "not well-formed");
    size_t n = strlen(text);
    while (n && (text[n - 1] == '\n' || text[n - 1] == ' ')) {
        text[--n] = '\0';
    }
    bool size = error->code == XML_ERR_NO_MEMORY || error->code == XML_ERR_ENTITY_LOOP;
    const char *rule = error->domain == XML_FROM_NAMESPACE ? "xml.namespace" : "xml.syntax";
    note(reader, size ? XD_LIMIT : XD_INVALID, rule, text);
    reader->fault.line = error->line;
    reader->fault.column = error->int2;
}

/* --- DOCTYPE: tolerated, never followed --- */

static xd_str keep(xd_xml_reader *reader, const xmlChar *text)
{
    return text ? xd_arena_copy(&reader->names_arena, xd_str_from((const char *)text))
                : XD_STR_NULL;
}

static void on_doctype(void *context, const xmlChar *name, const xmlChar *external,
                       const xmlChar *system)
{
    xd_xml_reader *reader = context;
    reader->has_doctype = true;
    reader->doctype_name = keep(reader, name);
    reader->doctype_public = keep(reader, external);
    reader->doctype_system = keep(reader, system);
}

static void on_entity_declared(void *context, const xmlChar *name, int type,
                               const xmlChar *public_id, const xmlChar *system_id, xmlChar *content)
{
    xd_xml_reader *reader = context;
    (void)name;
    (void)type;
    (void)public_id;
    (void)system_id;
    /* libxml2 looks an entity that it declared with a text up once, to keep that text. */
    reader->entity_declared = content != NULL;
}

static void refuse_entity(xd_xml_reader *reader, const xmlChar *name)
{
    char text[256];
    snprintf(text, sizeof text,
             "the entity '%.100s' is used here; entities are not expanded, so its text must stand "
             "in the document",
             (const char *)name);
    fail(reader, XD_INVALID, "xml.entity", text);
}

static xmlEntityPtr on_entity(void *context, const xmlChar *name)
{
    xd_xml_reader *reader = context;
    xmlEntityPtr predefined = xmlGetPredefinedEntity(name);
    if (predefined) {
        return predefined;
    }
    if (reader->entity_declared) {
        reader->entity_declared = false;
        return NULL;
    }
    refuse_entity(reader, name);
    return NULL;
}

static xmlEntityPtr on_parameter_entity(void *context, const xmlChar *name)
{
    xd_xml_reader *reader = context;
    if (reader->entity_declared) {
        reader->entity_declared = false;
        return NULL;
    }
    refuse_entity(reader, name);
    return NULL;
}

static void on_reference(void *context, const xmlChar *name)
{
    refuse_entity(context, name);
}

/* Defaults that declare namespaces would come with every element and cannot be counted there. */
static void on_attribute_declared(void *context, const xmlChar *element, const xmlChar *name,
                                  int type, int def, const xmlChar *value, xmlEnumerationPtr words)
{
    xd_xml_reader *reader = context;
    (void)element;
    (void)type;
    (void)def;
    xmlFreeEnumeration(words);
    if (value && strncmp((const char *)name, "xmlns", 5) == 0) {
        note(reader, XD_INVALID, "xml.doctype",
             "the DOCTYPE declares a namespace by default; declare it on the elements");
    }
}

/* --- records --- */

/* Chooses the arena of a record that begins: the other one as soon as nobody reads it. */
static void choose_arena(xd_xml_reader *reader)
{
    uint32_t other = 1 - reader->current;
    if (reader->live[other] == 0) {
        xd_arena_reset(&reader->arenas[other]);
        reader->current = other;
    }
    xd_xml_build_in(&reader->builder, &reader->arenas[reader->current]);
}

static bool begin_record(xd_xml_reader *reader)
{
    choose_arena(reader);
    reader->building = true;
    reader->record_line = reader->parser && reader->parser->input ? reader->parser->input->line : 1;
    reader->record_depth = reader->depth;
    return xd_xml_build_open(&reader->builder, NULL);
}

static void end_record(xd_xml_reader *reader)
{
    xml_record record = {.arena = reader->current, .line = reader->record_line};
    reader->building = false;
    if (!xd_xml_build_close(&reader->builder, false, true, &record.value)) {
        refused(reader);
        return;
    }
    if (reader->queue_first == reader->queue_count) {
        reader->queue_first = reader->queue_count = 0;
    }
    if (reader->queue_count == reader->queue_size) {
        uint32_t size = reader->queue_size ? reader->queue_size * 2 : FIRST_ITEMS;
        xml_record *queue = realloc(reader->queue, size * sizeof *queue);
        if (!queue) {
            refused(reader);
            return;
        }
        reader->queue = queue;
        reader->queue_size = size;
    }
    reader->queue[reader->queue_count++] = record;
    reader->live[reader->current]++;
}

static bool add_doctype(xd_xml_reader *reader)
{
    const struct {
        const char *name;
        xd_str value;
    } parts[] = {{"name", reader->doctype_name},
                 {"public", reader->doctype_public},
                 {"system", reader->doctype_system}};
    xd_json_member *members = xd_arena_alloc(reader->builder.arena, 3 * sizeof *members);
    if (!members) {
        return false;
    }
    uint32_t count = 0;
    for (size_t i = 0; i < 3; i++) {
        xd_str value =
            parts[i].value.ptr ? xd_arena_copy(reader->builder.arena, parts[i].value) : XD_STR_NULL;
        if (parts[i].value.ptr && !value.ptr) {
            return false;
        }
        if (value.ptr) {
            members[count++] = (xd_json_member){xd_str_from(parts[i].name),
                                                {.type = XD_JSON_STRING, .text = value}};
        }
    }
    return xd_xml_build_node(&reader->builder, &reader->builder.doctype_name,
                             (xd_json){.type = XD_JSON_OBJECT, .count = count, .members = members});
}

/* --- elements --- */

static bool rule_matches(const xd_xml_reader *reader, const xd_xml_rules *rules, uint32_t depth)
{
    for (uint32_t i = 0; i < rules->count; i++) {
        const xd_xml_rule *rule = &rules->items[i];
        if (!rule->absolute || rule->step_count != depth) {
            continue;
        }
        uint32_t k = 0;
        while (k < depth && reader->path[k] &&
               xd_str_eq(rule->steps[k], reader->path[k]->element)) {
            k++;
        }
        if (k == depth) {
            return true;
        }
    }
    return false;
}

static const xd_str *mapped_prefix(const xd_xml_layout *layout, const char *uri)
{
    for (uint32_t i = 0; i < layout->namespace_count; i++) {
        if (xd_xml_same_uri(layout->namespaces[i].uri, uri)) {
            return &layout->namespaces[i].prefix;
        }
    }
    return NULL;
}

/* Whether the layout gives this prefix to another namespace than uri (NULL: none). */
static bool prefix_taken(const xd_xml_layout *layout, const char *prefix, const char *uri)
{
    for (uint32_t i = 0; i < layout->namespace_count; i++) {
        if (xd_str_eq(layout->namespaces[i].prefix, xd_str_from(prefix))) {
            return !uri || !xd_xml_same_uri(layout->namespaces[i].uri, uri);
        }
    }
    return false;
}

/* A declaration as "@xmlns:p"; those that the layout knows are left out. */
static bool add_namespace(xd_xml_reader *reader, const char *prefix, const char *uri)
{
    if (uri && *uri && mapped_prefix(reader->layout, uri)) {
        return true;
    }
    if (uri && *uri && prefix_taken(reader->layout, prefix, uri)) {
        fail(reader, XD_INVALID, "xml.namespace",
             "the document gives a prefix another namespace than the layout does");
        return true;
    }
    xd_xml_name *name = prefix ? xd_xml_names_get(&reader->names, prefix, "xmlns", NULL)
                               : xd_xml_names_get(&reader->names, "xmlns", NULL, NULL);
    return name && xd_xml_build_attribute(&reader->builder, name, xd_str_from(uri ? uri : ""));
}

static bool remember_scope(xd_xml_reader *reader, const char *prefix, const char *uri)
{
    if (reader->scope_count == MOST_SCOPES) {
        fail(reader, XD_LIMIT, "xml.attributes",
             "more than 64 namespaces are declared around the records");
        return true;
    }
    if (reader->scope_count == reader->scope_size) {
        uint32_t size = reader->scope_size ? reader->scope_size * 2 : FIRST_ITEMS;
        xml_scope *scopes = realloc(reader->scopes, size * sizeof *scopes);
        if (!scopes) {
            return false;
        }
        reader->scopes = scopes;
        reader->scope_size = size;
    }
    reader->scopes[reader->scope_count++] = (xml_scope){prefix, uri, reader->depth};
    return true;
}

/* Namespaces declared around a record hold inside it: they are declared on it, the innermost first,
 * unless it declares the prefix itself. */
static bool add_scopes(xd_xml_reader *reader, int count, const xmlChar **namespaces)
{
    for (uint32_t i = reader->scope_count; i > 0; i--) {
        const xml_scope *scope = &reader->scopes[i - 1];
        bool hidden = false;
        for (int k = 0; k < count && !hidden; k++) {
            hidden = (const char *)namespaces[2 * k] == scope->prefix; /* kept once by libxml2 */
        }
        for (uint32_t k = i; k < reader->scope_count && !hidden; k++) {
            hidden = reader->scopes[k].prefix == scope->prefix;
        }
        bool nothing = !scope->prefix && (!scope->uri || !*scope->uri);
        if (!hidden && !nothing && !add_namespace(reader, scope->prefix, scope->uri)) {
            return false;
        }
    }
    return true;
}

static bool add_attributes(xd_xml_reader *reader, int count, int defaulted,
                           const xmlChar **attributes)
{
    for (int i = 0; i < count; i++) {
        const xmlChar **a = attributes + (ptrdiff_t)5 * i;
        xd_str value = {(const char *)a[3], (size_t)(a[4] - a[3])};
        if (i >= count - defaulted) {
            reader->defaulted_bytes += value.len + strlen((const char *)a[0]) + 1;
        }
        if (a[1] && strcmp((const char *)a[1], "xml") != 0 &&
            prefix_taken(reader->layout, (const char *)a[1], (const char *)a[2])) {
            fail(reader, XD_INVALID, "xml.namespace",
                 "the document gives a prefix another namespace than the layout does");
            return true;
        }
        const char *uri = (const char *)a[2];
        const xd_str *prefix = uri ? mapped_prefix(reader->layout, uri) : NULL;
        if (prefix && prefix->len == 0) {
            fail(reader, XD_INVALID, "xml.namespace",
                 "an attribute is in a namespace to which the layout gives no prefix");
            return true;
        }
        xd_xml_name *name =
            xd_xml_names_get(&reader->names, (const char *)a[0], (const char *)a[1], uri);
        if (!name || !xd_xml_build_attribute(&reader->builder, name, value)) {
            return false;
        }
    }
    uint64_t most = DEFAULTED_SLACK + DEFAULTED_FACTOR * reader->bytes;
    if (reader->defaulted_bytes > most) {
        fail(reader, XD_LIMIT, "xml.doctype",
             "attribute defaults of the DOCTYPE outgrow the document");
    }
    return true;
}

/* Whether the element that opens lies on the path, and is a record. */
static bool on_path(xd_xml_reader *reader, const xd_xml_name *name, bool *ret_record)
{
    const xd_xml_layout *layout = reader->layout;
    bool along = reader->matched == reader->depth && reader->depth < layout->each_count &&
                 xd_str_eq(layout->each[reader->depth], name->element);
    *ret_record = along && reader->depth + 1 == layout->each_count;
    return along;
}

static bool open_element(xd_xml_reader *reader, xd_xml_name *name, int namespace_count,
                         const xmlChar **namespaces, int attribute_count, int defaulted,
                         const xmlChar **attributes)
{
    bool record = false;
    if (!reader->building) {
        if (on_path(reader, name, &record)) {
            reader->matched++;
        }
        if (record && !begin_record(reader)) {
            return false;
        }
    }
    if (!reader->building) {
        for (int i = 0; i < namespace_count; i++) {
            if (!remember_scope(reader, (const char *)namespaces[2 * i],
                                (const char *)namespaces[2 * i + 1])) {
                return false;
            }
        }
        return true;
    }
    if (!xd_xml_build_open(&reader->builder, name)) {
        return false;
    }
    for (int i = 0; i < namespace_count; i++) {
        if (!add_namespace(reader, (const char *)namespaces[2 * i],
                           (const char *)namespaces[2 * i + 1])) {
            return false;
        }
    }
    if (record && !add_scopes(reader, namespace_count, namespaces)) {
        return false;
    }
    /* A failure stops the parser, and with it the bytes that values point to are gone. */
    return reader->status != XD_OK ||
           add_attributes(reader, attribute_count, defaulted, attributes);
}

static void on_start(void *context, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri,
                     int namespace_count, const xmlChar **namespaces, int attribute_count,
                     int defaulted, const xmlChar **attributes)
{
    xd_xml_reader *reader = context;
    const xd_xml_layout *layout = reader->layout;
    if (reader->status != XD_OK) {
        return;
    }
    if (reader->depth >= layout->max_depth) {
        fail(reader, XD_LIMIT, "xml.depth", "elements are nested too deeply (max_depth)");
        return;
    }
    if ((uint32_t)attribute_count + (uint32_t)namespace_count > layout->max_attributes) {
        fail(reader, XD_LIMIT, "xml.attributes",
             "an element has too many attributes (max_attributes)");
        return;
    }
    if (layout->namespace_count && !(uri && mapped_prefix(layout, (const char *)uri)) &&
        prefix_taken(layout, (const char *)prefix, (const char *)uri)) {
        fail(reader, XD_INVALID, "xml.namespace",
             "the element is not in the namespace that the layout gives its prefix");
        return;
    }
    xd_xml_name *name = xd_xml_names_get(&reader->names, (const char *)local, (const char *)prefix,
                                         (const char *)uri);
    if (!name) {
        fail(reader, XD_LIMIT, "xml.names", "the document has too many different names");
        return;
    }
    reader->path[reader->depth] = name;
    if (!open_element(reader, name, namespace_count, namespaces, attribute_count, defaulted,
                      attributes)) {
        refused(reader);
    }
    reader->depth++;
}

static void on_end(void *context, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri)
{
    xd_xml_reader *reader = context;
    (void)local;
    (void)prefix;
    (void)uri;
    if (reader->status != XD_OK) {
        return;
    }
    uint32_t depth = reader->depth--;
    if (reader->building) {
        xd_xml_name *name = reader->path[depth - 1];
        bool array = name->array;
        bool object = name->object;
        if (name->path_rule) {
            array = array || rule_matches(reader, &reader->layout->arrays, depth);
            object = object || rule_matches(reader, &reader->layout->objects, depth);
        }
        bool outermost = reader->depth == reader->record_depth;
        if (!xd_xml_build_close(&reader->builder, array && !outermost, object, NULL)) {
            refused(reader);
            return;
        }
        if (outermost && reader->layout->each_count) {
            end_record(reader);
        }
    }
    while (reader->scope_count && reader->scopes[reader->scope_count - 1].depth >= reader->depth) {
        reader->scope_count--;
    }
    if (reader->matched > reader->depth) {
        reader->matched = reader->depth;
    }
}

static void on_text(void *context, const xmlChar *bytes, int n)
{
    xd_xml_reader *reader = context;
    if (reader->building && reader->status == XD_OK && reader->depth > reader->record_depth &&
        !xd_xml_build_text(&reader->builder, (const char *)bytes, (size_t)n)) {
        refused(reader);
    }
}

/* Comments and instructions count inside a record; around the root they belong to the document. */
static bool keeps_notes(const xd_xml_reader *reader)
{
    return reader->layout->comments && reader->building && reader->status == XD_OK;
}

static void on_comment(void *context, const xmlChar *text)
{
    xd_xml_reader *reader = context;
    if (reader->parser->inSubset || !keeps_notes(reader)) {
        return;
    }
    xd_str own = xd_arena_copy(reader->builder.arena, xd_str_from((const char *)text));
    if (!own.ptr || !xd_xml_build_node(&reader->builder, &reader->builder.comment_name,
                                       (xd_json){.type = XD_JSON_STRING, .text = own})) {
        refused(reader);
    }
}

static void on_instruction(void *context, const xmlChar *target, const xmlChar *data)
{
    xd_xml_reader *reader = context;
    if (reader->parser->inSubset || !keeps_notes(reader)) {
        return;
    }
    xd_json_member *members = xd_arena_zalloc(reader->builder.arena, 2 * sizeof *members);
    xd_str own_target = xd_arena_copy(reader->builder.arena, xd_str_from((const char *)target));
    xd_str own_data =
        xd_arena_copy(reader->builder.arena, xd_str_from(data ? (const char *)data : ""));
    if (!members || !own_target.ptr || !own_data.ptr) {
        refused(reader);
        return;
    }
    members[0] = (xd_json_member){XD_STR("target"), {.type = XD_JSON_STRING, .text = own_target}};
    members[1] = (xd_json_member){XD_STR("data"), {.type = XD_JSON_STRING, .text = own_data}};
    if (!xd_xml_build_node(&reader->builder, &reader->builder.instruction_name,
                           (xd_json){.type = XD_JSON_OBJECT, .count = 2, .members = members})) {
        refused(reader);
    }
}

/* The internal subset has ended: the DOCTYPE is known. */
static void on_doctype_end(void *context, const xmlChar *name, const xmlChar *external,
                           const xmlChar *system)
{
    xd_xml_reader *reader = context;
    (void)name;
    (void)external;
    (void)system;
    if (reader->has_doctype && reader->building && reader->depth == 0 && reader->status == XD_OK) {
        if (!add_doctype(reader)) {
            refused(reader);
        }
        reader->has_doctype = false;
    }
}

static void on_document_end(void *context)
{
    xd_xml_reader *reader = context;
    reader->complete = true;
    if (reader->status == XD_OK && reader->building && reader->depth == 0) {
        end_record(reader);
    }
}

/* --- the reader --- */

static xmlParserCtxtPtr create_parser(xd_xml_reader *reader)
{
    xmlSAXHandler handler = {.initialized = XML_SAX2_MAGIC,
                             .internalSubset = on_doctype,
                             .externalSubset = on_doctype_end,
                             .entityDecl = on_entity_declared,
                             .getEntity = on_entity,
                             .getParameterEntity = on_parameter_entity,
                             .attributeDecl = on_attribute_declared,
                             .reference = on_reference,
                             .startElementNs = on_start,
                             .endElementNs = on_end,
                             .characters = on_text,
                             .ignorableWhitespace = on_text,
                             .cdataBlock = on_text,
                             .comment = on_comment,
                             .processingInstruction = on_instruction,
                             .endDocument = on_document_end,
                             .serror = on_error};
    xmlInitParser();
    xmlParserCtxtPtr parser = xmlCreatePushParserCtxt(&handler, reader, NULL, 0, NULL);
    if (parser) {
        xmlCtxtUseOptions(parser, XML_PARSE_NONET);
    }
    return parser;
}

xd_status xd_xml_reader_create(const xd_xml_layout *layout, xd_xml_reader **ret, xd_fault *fault)
{
    xd_xml_reader *reader = calloc(1, sizeof *reader);
    if (!reader) {
        return xd_fail(fault, XD_NO_MEMORY, NULL, "no memory to read XML");
    }
    reader->layout = layout;
    reader->fault = XD_FAULT_NONE;
    xd_arena_init(&reader->names_arena, NAME_BYTES);
    xd_arena_init(&reader->arenas[0], layout->max_record_bytes);
    xd_arena_init(&reader->arenas[1], layout->max_record_bytes);
    xd_xml_names_init(&reader->names, layout, &reader->names_arena);
    reader->path = calloc(layout->max_depth + 1, sizeof *reader->path);
    bool built = xd_xml_builder_init(&reader->builder, layout);
    reader->parser = create_parser(reader);
    if (!built || !reader->path || !reader->parser) {
        xd_xml_reader_destroy(reader);
        return xd_fail(fault, XD_NO_MEMORY, NULL, "no memory to read XML");
    }
    if (layout->each_count == 0 && !begin_record(reader)) {
        xd_xml_reader_destroy(reader);
        return xd_fail(fault, XD_NO_MEMORY, NULL, "no memory to read XML");
    }
    *ret = reader;
    return XD_OK;
}

void xd_xml_reader_destroy(xd_xml_reader *reader)
{
    if (!reader) {
        return;
    }
    if (reader->parser) {
        xmlFreeDoc(reader->parser->myDoc); /* libxml2 may keep declared entities in one */
        xmlFreeParserCtxt(reader->parser);
    }
    xd_xml_names_finish(&reader->names);
    xd_xml_builder_finish(&reader->builder);
    xd_arena_finish(&reader->names_arena);
    xd_arena_finish(&reader->arenas[0]);
    xd_arena_finish(&reader->arenas[1]);
    free(reader->path);
    free(reader->scopes);
    free(reader->queue);
    free(reader);
}

void xd_xml_feed(xd_xml_reader *reader, xd_str piece, bool last)
{
    reader->piece = piece;
    reader->at = 0;
    reader->last = last;
}

int64_t xd_xml_line(const xd_xml_reader *reader)
{
    if (reader->given) {
        return reader->queue[reader->queue_first - 1].line;
    }
    return reader->parser->input ? reader->parser->input->line : 0;
}

/* What libxml2 holds back must stay small where its work on it is not linear. */
static void check_pending(xd_xml_reader *reader)
{
    const xmlParserInput *input = reader->parser->input;
    xmlParserInputState state = reader->parser->instate;
    bool bulk = state == XML_PARSER_CONTENT || state == XML_PARSER_CDATA_SECTION ||
                state == XML_PARSER_COMMENT || state == XML_PARSER_PI;
    if (input && !bulk && input->end - input->cur > MOST_PENDING) {
        fail(reader, XD_LIMIT, "xml.size", "a tag or DOCTYPE is longer than 256 KiB");
    }
}

/* Parses the next slice. */
static void parse_slice(xd_xml_reader *reader)
{
    /* Errors of conversion have no parser: they would go to standard error instead. */
    xmlSetStructuredErrorFunc(reader, on_error);
    size_t left = reader->piece.len - reader->at;
    size_t n = left < SLICE_BYTES ? left : SLICE_BYTES;
    if (n) {
        reader->bytes += n;
        if (reader->layout->max_bytes && reader->bytes > reader->layout->max_bytes) {
            fail(reader, XD_LIMIT, "xml.size", "the document is longer than allowed (max_bytes)");
            n = 0;
        }
        if (n) {
            xmlParseChunk(reader->parser, reader->piece.ptr + reader->at, (int)n, 0);
            check_pending(reader);
        }
        reader->at += n;
    } else {
        reader->ended = true;
        xmlParseChunk(reader->parser, NULL, 0, 1);
    }
    xmlSetStructuredErrorFunc(NULL, NULL);
    if (reader->status != XD_OK) {
        xmlStopParser(reader->parser);
    } else if (reader->ended && (!reader->parser->wellFormed || !reader->complete)) {
        fail(reader, XD_INVALID, "xml.syntax", "the document is not well-formed");
    }
}

static bool take_record(xd_xml_reader *reader, const xd_json **ret)
{
    if (reader->given) {
        reader->live[reader->queue[reader->queue_first - 1].arena]--;
        reader->given = false;
    }
    if (reader->queue_first == reader->queue_count) {
        return false;
    }
    *ret = &reader->queue[reader->queue_first++].value;
    reader->given = true;
    return true;
}

xd_status xd_xml_next(xd_xml_reader *reader, const xd_json **ret, xd_fault *fault)
{
    const xd_json *record = NULL;
    while (!take_record(reader, &record) && !reader->failed && !reader->ended) {
        if (reader->status == XD_OK && (reader->at < reader->piece.len || reader->last)) {
            parse_slice(reader);
        } else if (reader->status == XD_OK) {
            break; /* feed more */
        }
        if (reader->status != XD_OK && reader->queue_first == reader->queue_count) {
            break;
        }
    }
    if (!record && reader->status != XD_OK && !reader->failed) {
        reader->failed = true;
        if (fault) {
            *fault = reader->fault;
        }
        return reader->status;
    }
    *ret = record;
    return XD_OK;
}
