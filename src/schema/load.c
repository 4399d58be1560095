/* Documents, resources and references: which subschemas exist, under which URIs and anchors they
 * are known, and what a $ref names. See schema_int.h. Everything lives in the schema's arena but
 * the table of nodes, which is needed only while compiling. Pure. */
#include "schema/schema_int.h"
#include "schema/uri.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { DEPTH_MAX = 512, RESOURCES_MAX = 4096, ANCHORS_MAX = 4096 };

/* --- faults --- */

xd_status xd_schema_bad(xd_schema_compiler *c, xd_code code, const xd_schema_node *node,
                        const char *keyword, const char *rule, const char *format, ...)
{
    if (!c->fault) {
        return code;
    }
    char text[sizeof c->fault->text];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    xd_str uri = node ? node->resource->uri : XD_STR_NULL;
    (void)xd_fail(c->fault, code, rule, "%s%s%.*s%s", text, uri.len ? " (in " : "",
                  (int)(uri.len < 80 ? uri.len : 80), uri.len ? uri.ptr : "", uri.len ? ")" : "");
    if (node) {
        char path[sizeof c->fault->path];
        int n = snprintf(path, sizeof path, "%.*s%s%s", XD_FMT(node->pointer), keyword ? "/" : "",
                         keyword ? keyword : "");
        const xd_json *at = keyword ? xd_json_get(node->source, xd_str_from(keyword)) : NULL;
        at = at ? at : node->source;
        int64_t offset = node->resource->foreign ? -1 : (int64_t)at->offset;
        xd_fault_at(c->fault, offset, n < (int)sizeof path ? path : NULL);
    }
    return code;
}

xd_status xd_schema_no_memory(xd_schema_compiler *c)
{
    return xd_fail(c->fault, XD_NO_MEMORY, "schema.memory",
                   "the schema needs more memory than the %zu bytes allowed for it; split it or "
                   "leave out what is not used",
                   c->schema->arena.cap_bytes);
}

/* --- the table of nodes --- */

static size_t slot_of(const xd_schema_compiler *c, const xd_json *source)
{
    uint64_t key = (uint64_t)(uintptr_t)source * UINT64_C(0x9E3779B97F4A7C15);
    size_t at = (size_t)(key >> 20) & (c->table_size - 1);
    while (c->table[at] && c->table[at]->source != source) {
        at = (at + 1) & (c->table_size - 1);
    }
    return at;
}

xd_schema_node *xd_schema_node_of(const xd_schema_compiler *c, const xd_json *source)
{
    return c->table_size ? c->table[slot_of(c, source)] : NULL;
}

static bool grow_table(xd_schema_compiler *c)
{
    xd_schema_node **old = c->table;
    size_t old_size = c->table_size;
    size_t size = old_size ? old_size * 2 : 256;
    xd_schema_node **table = calloc(size, sizeof(xd_schema_node *));
    if (!table) {
        return false;
    }
    c->table = table;
    c->table_size = size;
    for (size_t i = 0; i < old_size; i++) {
        if (old[i]) {
            c->table[slot_of(c, old[i]->source)] = old[i];
        }
    }
    free(old);
    return true;
}

static xd_status add_node(xd_schema_compiler *c, const xd_json *source,
                          xd_schema_resource *resource, xd_str pointer, xd_schema_node **ret)
{
    if (c->table_used * 2 >= c->table_size && !grow_table(c)) {
        return xd_schema_no_memory(c);
    }
    xd_schema_node *node = xd_arena_zalloc(&c->schema->arena, sizeof *node);
    if (!node) {
        return xd_schema_no_memory(c);
    }
    node->source = source;
    node->resource = resource;
    node->pointer = pointer;
    node->types = XD_TYPE_ANY;
    node->direct = node;
    c->table[slot_of(c, source)] = node;
    c->table_used++;
    if (c->last_indexed) {
        c->last_indexed->next_indexed = node;
    } else {
        c->first_indexed = node;
    }
    c->last_indexed = node;
    *ret = node;
    return XD_OK;
}

/* --- resources and anchors --- */

static xd_schema_resource *find_resource(const xd_schema_compiler *c, xd_str uri)
{
    for (const xd_schema_alias *alias = c->aliases; alias; alias = alias->next) {
        if (xd_str_eq(alias->uri, uri)) {
            return alias->resource;
        }
    }
    return NULL;
}

static xd_status add_alias(xd_schema_compiler *c, xd_schema_resource *resource, xd_str uri)
{
    const xd_schema_resource *known = find_resource(c, uri);
    if (known == resource) {
        return XD_OK;
    }
    if (known) {
        return xd_schema_bad(c, XD_INVALID, resource->root, "$id", "schema.id",
                             "two schemas claim the identifier \"%.*s\"; each needs its own",
                             XD_FMT(uri));
    }
    if (++c->resource_count > RESOURCES_MAX) {
        return xd_fail(c->fault, XD_LIMIT, "schema.resources",
                       "more than %d schemas with an $id of their own; leave out what is not used",
                       RESOURCES_MAX);
    }
    xd_schema_alias *alias = xd_arena_alloc(&c->schema->arena, sizeof *alias);
    if (!alias) {
        return xd_schema_no_memory(c);
    }
    *alias = (xd_schema_alias){.next = c->aliases, .uri = uri, .resource = resource};
    c->aliases = alias;
    return XD_OK;
}

static const xd_schema_anchor *find_anchor(const xd_schema_resource *resource, xd_str name)
{
    const xd_schema_anchor *anchor = resource->anchors;
    while (anchor && !xd_str_eq(anchor->name, name)) {
        anchor = anchor->next;
    }
    return anchor;
}

static bool is_anchor_name(xd_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char ch = name.ptr[i];
        bool letter = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || ch == '_';
        bool later = (ch >= '0' && ch <= '9') || ch == '-' || ch == '.';
        if (!letter && !(i > 0 && later)) {
            return false;
        }
    }
    return name.len > 0;
}

static xd_status add_anchor(xd_schema_compiler *c, xd_schema_node *node, const char *keyword)
{
    const xd_json *value = xd_json_get(node->source, xd_str_from(keyword));
    if (!value) {
        return XD_OK;
    }
    if (value->type != XD_JSON_STRING || !is_anchor_name(value->text)) {
        return xd_schema_bad(c, XD_INVALID, node, keyword, "schema.anchor",
                             "%s must be a name of letters, digits, '-', '_' and '.'", keyword);
    }
    if (++c->anchor_count > ANCHORS_MAX) {
        return xd_schema_bad(c, XD_LIMIT, node, keyword, "schema.anchors",
                             "more than %d anchors; leave out what is not used", ANCHORS_MAX);
    }
    const xd_schema_anchor *known = find_anchor(node->resource, value->text);
    if (known && known->node != node) {
        return xd_schema_bad(c, XD_INVALID, node, keyword, "schema.anchor",
                             "the anchor \"%.*s\" is given twice; each needs its own name",
                             XD_FMT(value->text));
    }
    xd_schema_anchor *anchor = xd_arena_alloc(&c->schema->arena, sizeof *anchor);
    if (!anchor) {
        return xd_schema_no_memory(c);
    }
    *anchor = (xd_schema_anchor){.next = node->resource->anchors,
                                 .name = value->text,
                                 .dynamic = strcmp(keyword, "$dynamicAnchor") == 0,
                                 .node = node};
    node->resource->anchors = anchor;
    return XD_OK;
}

/* --- dialects --- */

static const struct vocabulary {
    const char *name;
    uint32_t bit;
} vocabularies[] = {
    {"core", XD_VOCAB_CORE},
    {"applicator", XD_VOCAB_APPLICATOR},
    {"unevaluated", XD_VOCAB_UNEVALUATED},
    {"validation", XD_VOCAB_VALIDATION},
    {"meta-data", XD_VOCAB_METADATA},
    {"format-annotation", XD_VOCAB_FORMAT_ANNOTATION},
    {"format-assertion", XD_VOCAB_FORMAT_ASSERTION},
    {"content", XD_VOCAB_CONTENT},
};

static uint32_t vocabulary_bit(xd_str uri)
{
    xd_str prefix = XD_STR("https://json-schema.org/draft/2020-12/vocab/");
    if (xd_str_starts(uri, prefix)) {
        xd_str name = {uri.ptr + prefix.len, uri.len - prefix.len};
        for (size_t i = 0; i < sizeof vocabularies / sizeof vocabularies[0]; i++) {
            if (xd_str_eq(name, xd_str_from(vocabularies[i].name))) {
                return vocabularies[i].bit;
            }
        }
    }
    return 0;
}

/* Reads the tree of a document that is not part of the schema yet. XD_NOT_FOUND without a fault
 * when no one knows it. */
static xd_status fetch(xd_schema_compiler *c, xd_str uri, const xd_json **ret)
{
    xd_str builtin = xd_schema_builtin(uri);
    if (builtin.ptr) {
        return xd_json_parse(builtin, XD_JSON_LIMITS_DEFAULT, &c->scratch, ret, c->fault);
    }
    if (!c->options->load) {
        return XD_NOT_FOUND;
    }
    return c->options->load(c->options->load_self, uri, &c->scratch, ret, c->fault);
}

/* The vocabularies that a meta-schema of one's own names. */
static xd_status custom_dialect(xd_schema_compiler *c, const xd_schema_node *node, xd_str uri,
                                uint32_t *ret)
{
    const xd_json *meta = NULL;
    xd_status status = fetch(c, uri, &meta);
    if (status == XD_NOT_FOUND) {
        return xd_schema_bad(c, XD_INVALID, node, "$schema", "schema.dialect",
                             "the meta-schema \"%.*s\" is not known; put it into the folder of "
                             "schemas, or use https://json-schema.org/draft/2020-12/schema",
                             XD_FMT(uri));
    }
    XD_TRY(status);
    const xd_json *listed = XD_GET(meta, "$vocabulary");
    if (!listed || listed->type != XD_JSON_OBJECT) {
        *ret = XD_VOCAB_STANDARD;
        return XD_OK;
    }
    uint32_t bits = 0;
    for (uint32_t i = 0; i < listed->count; i++) {
        const xd_json_member *member = &listed->members[i];
        uint32_t bit = vocabulary_bit(member->name);
        if (!bit && member->value.type == XD_JSON_TRUE) {
            return xd_schema_bad(c, XD_INVALID, node, "$schema", "schema.vocabulary",
                                 "the meta-schema requires the vocabulary \"%.*s\", which is not "
                                 "known here; mark it false if it may be ignored",
                                 XD_FMT(member->name));
        }
        bits |= bit;
    }
    *ret = bits | XD_VOCAB_CORE;
    return XD_OK;
}

/* What "$schema" at the root of a resource says. */
static xd_status read_dialect(xd_schema_compiler *c, xd_schema_node *node)
{
    const xd_json *value = XD_GET(node->source, "$schema");
    if (!value) {
        return XD_OK;
    }
    if (value->type != XD_JSON_STRING) {
        return xd_schema_bad(c, XD_INVALID, node, "$schema", "schema.dialect",
                             "$schema must be the URI of a meta-schema");
    }
    xd_str fragment;
    xd_str uri = xd_schema_uri_split(value->text, &fragment);
    if (xd_str_eq(uri, XD_STR("https://json-schema.org/draft/2020-12/schema"))) {
        node->resource->vocabularies = XD_VOCAB_STANDARD;
        return XD_OK;
    }
    if (xd_str_eq(uri, XD_STR("https://json-schema.org/draft/2019-09/schema"))) {
        node->resource->vocabularies = XD_VOCAB_STANDARD | XD_VOCAB_2019;
        return XD_OK;
    }
    if (xd_str_starts(uri, XD_STR("http://json-schema.org/")) ||
        xd_str_starts(uri, XD_STR("https://json-schema.org/draft-0"))) {
        return xd_schema_bad(c, XD_INVALID, node, "$schema", "schema.dialect",
                             "the schema is written in %.*s, and drafts before 2019-09 read the "
                             "same words differently; rewrite it for "
                             "https://json-schema.org/draft/2020-12/schema",
                             XD_FMT(value->text));
    }
    return custom_dialect(c, node, uri, &node->resource->vocabularies);
}

/* --- indexing --- */

static xd_str pointer_step(xd_arena *arena, xd_str pointer, xd_str step)
{
    size_t extra = 0;
    for (size_t i = 0; i < step.len; i++) {
        extra += step.ptr[i] == '~' || step.ptr[i] == '/';
    }
    char *out = xd_arena_alloc(arena, pointer.len + 1 + step.len + extra);
    if (!out) {
        return XD_STR_NULL;
    }
    size_t n = pointer.len;
    if (n) {
        memcpy(out, pointer.ptr, n);
    }
    out[n++] = '/';
    for (size_t i = 0; i < step.len; i++) {
        bool escape = step.ptr[i] == '~' || step.ptr[i] == '/';
        if (escape) {
            out[n++] = '~';
        }
        out[n++] = (char)(!escape ? step.ptr[i] : step.ptr[i] == '~' ? '0' : '1');
    }
    return (xd_str){out, n};
}

static xd_str pointer_index(xd_arena *arena, xd_str pointer, uint32_t index)
{
    return xd_arena_printf(arena, "%.*s/%u", XD_FMT(pointer), index);
}

static xd_status index_schema(xd_schema_compiler *c, const xd_json *source,
                              xd_schema_resource *resource, xd_str pointer, unsigned depth,
                              xd_schema_node **ret);

static xd_status index_value(xd_schema_compiler *c, const xd_json *value, xd_schema_shape shape,
                             xd_schema_resource *resource, xd_str pointer, unsigned depth)
{
    if (!pointer.ptr) {
        return xd_schema_no_memory(c);
    }
    xd_arena *arena = &c->schema->arena;
    xd_schema_node *node;
    bool schema_like = value->type == XD_JSON_OBJECT || value->type == XD_JSON_TRUE ||
                       value->type == XD_JSON_FALSE;
    if (shape == XD_SHAPE_SCHEMA) {
        /* What is not even a schema is told when the keyword is compiled. */
        return schema_like ? index_schema(c, value, resource, pointer, depth, &node) : XD_OK;
    }
    if (shape == XD_SHAPE_LIST && value->type == XD_JSON_ARRAY) {
        for (uint32_t i = 0; i < value->count; i++) {
            XD_TRY(index_value(c, &value->items[i], XD_SHAPE_SCHEMA, resource,
                               pointer_index(arena, pointer, i), depth));
        }
    } else if ((shape == XD_SHAPE_MAP || shape == XD_SHAPE_MIXED) &&
               value->type == XD_JSON_OBJECT) {
        for (uint32_t i = 0; i < value->count; i++) {
            XD_TRY(index_value(c, &value->members[i].value, XD_SHAPE_SCHEMA, resource,
                               pointer_step(arena, pointer, value->members[i].name), depth));
        }
    }
    return XD_OK;
}

/* Gives the node a resource of its own when it has an $id. */
static xd_status read_id(xd_schema_compiler *c, xd_schema_node *node, bool is_root)
{
    const xd_json *value = XD_GET(node->source, "$id");
    if (!value) {
        return XD_OK;
    }
    xd_str fragment;
    xd_str id =
        value->type == XD_JSON_STRING ? xd_schema_uri_split(value->text, &fragment) : XD_STR_NULL;
    if (value->type != XD_JSON_STRING || fragment.len > 0) {
        return xd_schema_bad(c, XD_INVALID, node, "$id", "schema.id",
                             "$id must be a URI without fragment; use $anchor for a name inside a "
                             "document");
    }
    if (id.len == 0 && !is_root) {
        return XD_OK;
    }
    xd_str uri = xd_schema_uri_resolve(&c->schema->arena, node->resource->uri, id);
    if (!is_root) {
        xd_schema_resource *own = xd_arena_zalloc(&c->schema->arena, sizeof *own);
        if (!own || !uri.ptr) {
            return xd_schema_no_memory(c);
        }
        own->root = node;
        own->vocabularies = node->resource->vocabularies;
        own->foreign = node->resource->foreign;
        node->resource = own;
        node->pointer = XD_STR("");
    }
    node->resource->uri = uri;
    return add_alias(c, node->resource, uri);
}

static xd_status index_schema(xd_schema_compiler *c, const xd_json *source,
                              xd_schema_resource *resource, xd_str pointer, unsigned depth,
                              xd_schema_node **ret)
{
    xd_schema_node *node = xd_schema_node_of(c, source);
    if (node) {
        *ret = node;
        return XD_OK;
    }
    if (depth > DEPTH_MAX) {
        return xd_fail(c->fault, XD_LIMIT, "schema.depth",
                       "the schema is nested more than %d deep; use $defs and $ref", DEPTH_MAX);
    }
    XD_TRY(add_node(c, source, resource, pointer, &node));
    *ret = node;
    if (source->type != XD_JSON_OBJECT) {
        return XD_OK;
    }
    bool is_root = !resource->root;
    if (is_root) {
        resource->root = node;
    }
    XD_TRY(read_id(c, node, is_root));
    resource = node->resource;
    if (resource->root == node) {
        XD_TRY(read_dialect(c, node));
        const xd_json *recursive = XD_GET(source, "$recursiveAnchor");
        resource->recursive = recursive && recursive->type == XD_JSON_TRUE &&
                              (resource->vocabularies & XD_VOCAB_2019);
    }
    XD_TRY(add_anchor(c, node, "$anchor"));
    if (!(resource->vocabularies & XD_VOCAB_2019)) {
        XD_TRY(add_anchor(c, node, "$dynamicAnchor"));
    }
    for (uint32_t i = 0; i < source->count; i++) {
        const xd_json_member *member = &source->members[i];
        xd_schema_shape shape = xd_schema_keyword_shape(member->name, resource->vocabularies);
        if (shape == XD_SHAPE_MIXED) {
            bool list = member->value.type == XD_JSON_ARRAY;
            bool dependencies = xd_str_eq(member->name, XD_STR("dependencies"));
            shape = list ? XD_SHAPE_LIST : dependencies ? XD_SHAPE_MAP : XD_SHAPE_SCHEMA;
        }
        if (shape != XD_SHAPE_NONE) {
            XD_TRY(index_value(c, &member->value, shape, resource,
                               pointer_step(&c->schema->arena, node->pointer, member->name),
                               depth + 1));
        }
    }
    return XD_OK;
}

/* --- documents --- */

static xd_status copy_tree(xd_schema_compiler *c, const xd_json *from, xd_json *to, unsigned depth)
{
    xd_arena *arena = &c->schema->arena;
    *to = *from;
    if (depth > DEPTH_MAX) {
        return xd_fail(c->fault, XD_LIMIT, "schema.depth",
                       "the schema is nested more than %d deep; use $defs and $ref", DEPTH_MAX);
    }
    if (from->type == XD_JSON_STRING || from->type == XD_JSON_NUMBER) {
        to->text = xd_arena_copy(arena, from->text);
        return to->text.ptr ? XD_OK : xd_schema_no_memory(c);
    }
    if (from->type == XD_JSON_ARRAY) {
        to->items = xd_arena_alloc(arena, from->count * sizeof *to->items);
        if (!to->items) {
            return xd_schema_no_memory(c);
        }
        for (uint32_t i = 0; i < from->count; i++) {
            XD_TRY(copy_tree(c, &from->items[i], &to->items[i], depth + 1));
        }
    } else if (from->type == XD_JSON_OBJECT) {
        to->members = xd_arena_alloc(arena, from->count * sizeof *to->members);
        if (!to->members) {
            return xd_schema_no_memory(c);
        }
        for (uint32_t i = 0; i < from->count; i++) {
            to->members[i].name = xd_arena_copy(arena, from->members[i].name);
            if (!to->members[i].name.ptr) {
                return xd_schema_no_memory(c);
            }
            XD_TRY(copy_tree(c, &from->members[i].value, &to->members[i].value, depth + 1));
        }
    }
    return XD_OK;
}

xd_status xd_schema_add_document(xd_schema_compiler *c, const xd_json *tree, xd_str base,
                                 uint32_t dialect, xd_schema_node **ret)
{
    xd_arena *arena = &c->schema->arena;
    xd_json *copy = xd_arena_alloc(arena, sizeof *copy);
    xd_schema_resource *resource = xd_arena_zalloc(arena, sizeof *resource);
    xd_str fragment;
    xd_str uri = xd_arena_copy(arena, xd_schema_uri_split(base, &fragment));
    if (!copy || !resource || !uri.ptr) {
        return xd_schema_no_memory(c);
    }
    XD_TRY(copy_tree(c, tree, copy, 0));
    *resource = (xd_schema_resource){
        .uri = uri, .vocabularies = dialect, .foreign = c->schema->root != NULL};
    if (copy->type != XD_JSON_OBJECT && copy->type != XD_JSON_TRUE && copy->type != XD_JSON_FALSE) {
        xd_status status = xd_fail(
            c->fault, XD_INVALID, "schema.type",
            "a schema must be an object, true or false; %s%.*s is a%s %s", uri.len ? "" : "this",
            XD_FMT(uri), copy->type == XD_JSON_ARRAY ? "n" : "", xd_json_type_name(copy->type));
        xd_fault_at(c->fault, (int64_t)copy->offset, "");
        return status;
    }
    XD_TRY(index_schema(c, copy, resource, XD_STR(""), 0, ret));
    resource->root = *ret;
    /* A document is known by where it was found as well as by what it calls itself. */
    return find_resource(c, uri) ? XD_OK : add_alias(c, resource, uri);
}

static xd_status load_document(xd_schema_compiler *c, const xd_schema_node *from,
                               const char *keyword, xd_str uri, xd_schema_resource **ret)
{
    const xd_json *tree = NULL;
    xd_status status = fetch(c, uri, &tree);
    if (status == XD_NOT_FOUND) {
        return xd_schema_bad(c, XD_INVALID, from, keyword, "schema.ref",
                             "%s names \"%.*s\", which is not known; nothing is fetched from the "
                             "network, so put the document into the folder of schemas",
                             keyword, XD_FMT(uri));
    }
    XD_TRY(status);
    /* The same document may be known by its $id already. */
    xd_str fragment;
    xd_str id = xd_schema_uri_split(XD_TEXT(tree, "$id"), &fragment);
    if (id.len) {
        id = xd_schema_uri_resolve(&c->schema->arena, uri, id);
        xd_schema_resource *known = id.ptr ? find_resource(c, id) : NULL;
        if (known) {
            *ret = known;
            return add_alias(c, known, uri);
        }
    }
    xd_schema_node *root;
    XD_TRY(xd_schema_add_document(c, tree, uri, XD_VOCAB_STANDARD, &root));
    *ret = root->resource;
    return XD_OK;
}

/* --- references --- */

/* One step of a JSON pointer in value; NULL when there is no such part. */
static const xd_json *step_into(xd_arena *arena, const xd_json *value, xd_str token)
{
    if (value->type == XD_JSON_ARRAY) {
        int64_t index;
        bool plain = token.len > 0 && token.ptr[0] != '-' && token.ptr[0] != '+' &&
                     (token.len == 1 || token.ptr[0] != '0') && xd_str_to_int64(token, &index);
        return plain && index < (int64_t)value->count ? &value->items[index] : NULL;
    }
    if (value->type != XD_JSON_OBJECT) {
        return NULL;
    }
    if (memchr(token.ptr, '~', token.len)) {
        char *out = xd_arena_alloc(arena, token.len);
        size_t n = 0;
        for (size_t i = 0; out && i < token.len; i++) {
            bool escape = token.ptr[i] == '~' && i + 1 < token.len &&
                          (token.ptr[i + 1] == '0' || token.ptr[i + 1] == '1');
            out[n++] = (char)(!escape ? token.ptr[i] : token.ptr[i + 1] == '0' ? '~' : '/');
            i += escape;
        }
        token = (xd_str){out, n};
    }
    return token.ptr ? xd_json_get(value, token) : NULL;
}

/* The node at a JSON pointer from the root of resource; indexed now when it stands where no schema
 * was expected. *ret NULL: there is nothing. */
static xd_status follow_pointer(xd_schema_compiler *c, xd_schema_resource *resource, xd_str pointer,
                                xd_schema_node **ret)
{
    xd_arena *arena = &c->schema->arena;
    const xd_json *value = resource->root->source;
    const xd_schema_node *nearest = resource->root;
    size_t since = 0; /* where the pointer goes on from the nearest node */
    size_t at = 0;
    *ret = NULL;
    while (at < pointer.len) {
        size_t end = at + 1;
        while (end < pointer.len && pointer.ptr[end] != '/') {
            end++;
        }
        value = step_into(arena, value, (xd_str){pointer.ptr + at + 1, end - at - 1});
        if (!value) {
            return XD_OK;
        }
        at = end;
        const xd_schema_node *node = xd_schema_node_of(c, value);
        if (node) {
            nearest = node;
            since = at;
        }
    }
    bool schema_like = value->type == XD_JSON_OBJECT || value->type == XD_JSON_TRUE ||
                       value->type == XD_JSON_FALSE;
    if (!schema_like) {
        return XD_OK;
    }
    xd_str own = xd_arena_printf(arena, "%.*s%.*s", XD_FMT(nearest->pointer),
                                 (int)(pointer.len - since), pointer.ptr + since);
    if (!own.ptr) {
        return xd_schema_no_memory(c);
    }
    return index_schema(c, value, nearest->resource, own, 0, ret);
}

static xd_status find_target(xd_schema_compiler *c, const xd_schema_node *from, const char *keyword,
                             xd_str ref, xd_schema_node **ret, xd_str *ret_anchor)
{
    xd_arena *arena = &c->schema->arena;
    xd_str fragment;
    xd_str reference = xd_schema_uri_split(ref, &fragment);
    xd_schema_resource *resource = from->resource;
    if (reference.len > 0) {
        xd_str uri = xd_schema_uri_resolve(arena, resource->uri, reference);
        if (!uri.ptr) {
            return xd_schema_no_memory(c);
        }
        resource = find_resource(c, uri);
        if (!resource) {
            XD_TRY(load_document(c, from, keyword, uri, &resource));
        }
    }
    fragment = xd_schema_uri_decode(arena, fragment);
    *ret = resource->root;
    *ret_anchor = XD_STR_NULL;
    if (fragment.len == 0) {
        return XD_OK;
    }
    if (fragment.ptr[0] == '/') {
        return follow_pointer(c, resource, fragment, ret);
    }
    const xd_schema_anchor *anchor = find_anchor(resource, fragment);
    *ret = anchor ? anchor->node : NULL;
    if (anchor && anchor->dynamic) {
        *ret_anchor = anchor->name;
    }
    return XD_OK;
}

xd_status xd_schema_resolve(xd_schema_compiler *c, const xd_schema_node *from, const char *keyword,
                            xd_str ref, xd_schema_node **ret, xd_str *ret_anchor)
{
    xd_schema_node *node = NULL;
    xd_str anchor = XD_STR_NULL;
    XD_TRY(find_target(c, from, keyword, ref, &node, &anchor));
    if (!node) {
        return xd_schema_bad(c, XD_INVALID, from, keyword, "schema.ref",
                             "%s names \"%.*s\", and there is no schema at that place", keyword,
                             XD_FMT(ref));
    }
    *ret = node;
    *ret_anchor = anchor;
    return XD_OK;
}
