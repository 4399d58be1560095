/* From a JSON tree to a compiled schema: every schema that can be reached is turned into a node
 * once, references are resolved, and loops that would never end are refused. See schema_int.h.
 * Pure. */
#include "schema/schema_int.h"
#include "schema/value.h"

#include <assert.h>
#include <stdlib.h>

enum { MAGIC = 0x5343484d, CHAIN_MAX = 1000, ANCHORS_MAX = 4096, FEW_CHOICES = 8 };
#define DEFAULT_BYTES ((size_t)64 << 20)

static const xd_json *keyword_value(const xd_schema_node *node, const char *keyword)
{
    return xd_json_get(node->source, xd_str_from(keyword));
}

/* --- subschemas --- */

static void request(xd_schema_compiler *c, xd_schema_node *node)
{
    if (!node->compiled) {
        node->compiled = true;
        node->next_pending = c->pending;
        c->pending = node;
    }
}

xd_status xd_schema_child(xd_schema_compiler *c, const xd_schema_node *node, const char *keyword,
                          const xd_json *value, const xd_schema_node **ret)
{
    xd_schema_node *child = xd_schema_node_of(c, value);
    if (!child) {
        return xd_schema_bad(c, XD_INVALID, node, keyword, "schema.keyword",
                             "%s must hold a schema (an object, true or false), not a%s %s",
                             keyword, value->type == XD_JSON_ARRAY ? "n" : "",
                             xd_json_type_name(value->type));
    }
    request(c, child);
    *ret = child;
    return XD_OK;
}

xd_status xd_schema_sub(xd_schema_compiler *c, const xd_schema_node *node, const char *keyword,
                        const xd_schema_node **ret)
{
    const xd_json *value = keyword_value(node, keyword);
    if (!value) {
        *ret = NULL;
        return XD_OK;
    }
    return xd_schema_child(c, node, keyword, value, ret);
}

xd_status xd_schema_list(xd_schema_compiler *c, const xd_schema_node *node, const char *keyword,
                         uint32_t *ret_count, const xd_schema_node ***ret)
{
    const xd_json *list = keyword_value(node, keyword);
    if (!list) {
        *ret_count = 0;
        *ret = NULL;
        return XD_OK;
    }
    if (list->type != XD_JSON_ARRAY || list->count == 0) {
        return xd_schema_bad(c, XD_INVALID, node, keyword, "schema.keyword",
                             "%s must be an array of at least one schema", keyword);
    }
    const xd_schema_node **nodes = xd_arena_alloc(&c->schema->arena, list->count * sizeof *nodes);
    if (!nodes) {
        return xd_schema_no_memory(c);
    }
    for (uint32_t i = 0; i < list->count; i++) {
        XD_TRY(xd_schema_child(c, node, keyword, &list->items[i], &nodes[i]));
    }
    *ret_count = list->count;
    *ret = nodes;
    return XD_OK;
}

xd_status xd_schema_count(xd_schema_compiler *c, const xd_schema_node *node, const char *keyword,
                          uint64_t *ret, bool *ret_given)
{
    const xd_json *value = keyword_value(node, keyword);
    *ret_given = value != NULL;
    if (!value) {
        return XD_OK;
    }
    xd_schema_number n = {0};
    bool whole = value->type == XD_JSON_NUMBER && xd_schema_number_read(value->text, &n) &&
                 !n.negative && xd_schema_number_is_integer(value->text);
    if (!whole) {
        return xd_schema_bad(c, XD_INVALID, node, keyword, "schema.keyword",
                             "%s must be a whole number of at least 0", keyword);
    }
    /* No document counts beyond 2^32, so larger limits are all the same. */
    uint64_t count = 0;
    if (n.count && n.point > 18) {
        count = UINT64_MAX;
    } else {
        for (int64_t i = 0, at = 0; i < n.point; at++) {
            char digit = at < (int64_t)n.span ? n.digits[at] : '0';
            if (digit != '.') {
                count = count * 10 + (uint64_t)(digit - '0');
                i++;
            }
        }
    }
    *ret = count;
    return XD_OK;
}

/* --- assertions on the value itself --- */

static uint32_t type_bit(xd_str name)
{
    static const char *const names[] = {"null",   "boolean", "integer", "number",
                                        "string", "array",   "object"};
    for (uint32_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (xd_str_eq(name, xd_str_from(names[i]))) {
            return i == 3 ? XD_TYPE_NUMBER | XD_TYPE_INTEGER : 1u << i;
        }
    }
    return 0;
}

static xd_status compile_type(xd_schema_compiler *c, xd_schema_node *node)
{
    const xd_json *value = keyword_value(node, "type");
    if (!value) {
        return XD_OK;
    }
    uint32_t types = 0;
    bool good = value->type == XD_JSON_STRING || (value->type == XD_JSON_ARRAY && value->count);
    uint32_t count = value->type == XD_JSON_ARRAY ? value->count : 1;
    for (uint32_t i = 0; good && i < count; i++) {
        const xd_json *one = value->type == XD_JSON_ARRAY ? &value->items[i] : value;
        uint32_t bit = one->type == XD_JSON_STRING ? type_bit(one->text) : 0;
        good = bit != 0;
        types |= bit;
    }
    if (!good) {
        return xd_schema_bad(c, XD_INVALID, node, "type", "schema.keyword",
                             "type must be one or several of null, boolean, object, array, number, "
                             "string and integer");
    }
    node->types = types;
    return XD_OK;
}

struct hashed {
    uint64_t hash;
    uint32_t position;
};

static int cmp_hashed(const void *a, const void *b)
{
    const struct hashed *x = a;
    const struct hashed *y = b;
    return (x->hash > y->hash) - (x->hash < y->hash);
}

static xd_status hash_choices(xd_schema_compiler *c, xd_schema_choices *choices)
{
    struct hashed *hashed = malloc(choices->count * sizeof *hashed);
    uint64_t *hashes = xd_arena_alloc(&c->schema->arena, choices->count * sizeof *hashes);
    uint32_t *position = xd_arena_alloc(&c->schema->arena, choices->count * sizeof *position);
    if (!hashed || !hashes || !position) {
        free(hashed);
        return xd_schema_no_memory(c);
    }
    for (uint32_t i = 0; i < choices->count; i++) {
        hashed[i] = (struct hashed){xd_schema_value_hash(&choices->values[i], NULL), i};
    }
    qsort(hashed, choices->count, sizeof *hashed, cmp_hashed);
    for (uint32_t i = 0; i < choices->count; i++) {
        hashes[i] = hashed[i].hash;
        position[i] = hashed[i].position;
    }
    free(hashed);
    choices->hashes = hashes;
    choices->position = position;
    return XD_OK;
}

static xd_status compile_choices(xd_schema_compiler *c, const char *keyword, const xd_json *values,
                                 uint32_t count, const xd_schema_choices **ret)
{
    xd_schema_choices *choices = xd_arena_zalloc(&c->schema->arena, sizeof *choices);
    if (!choices) {
        return xd_schema_no_memory(c);
    }
    *choices = (xd_schema_choices){.keyword = keyword, .values = values, .count = count};
    for (uint32_t i = 0; i < count; i++) {
        choices->strings += values[i].type == XD_JSON_STRING;
    }
    if (count > FEW_CHOICES) {
        XD_TRY(hash_choices(c, choices));
    }
    *ret = choices;
    return XD_OK;
}

static xd_status compile_enum_and_const(xd_schema_compiler *c, xd_schema_node *node)
{
    const xd_json *listed = keyword_value(node, "enum");
    if (listed) {
        if (listed->type != XD_JSON_ARRAY) {
            return xd_schema_bad(c, XD_INVALID, node, "enum", "schema.keyword",
                                 "enum must be an array of the values that are allowed");
        }
        XD_TRY(compile_choices(c, "enum", listed->items, listed->count, &node->enumeration));
    }
    const xd_json *constant = keyword_value(node, "const");
    if (constant) {
        XD_TRY(compile_choices(c, "const", constant, 1, &node->constant));
    }
    return XD_OK;
}

static xd_status compile_bound(xd_schema_compiler *c, const xd_schema_node *node,
                               const char *keyword, xd_schema_bound *ret)
{
    const xd_json *value = keyword_value(node, keyword);
    if (!value) {
        return XD_OK;
    }
    if (value->type != XD_JSON_NUMBER || !xd_schema_number_read(value->text, &ret->number)) {
        return xd_schema_bad(c, XD_INVALID, node, keyword, "schema.keyword",
                             "%s must be a number with an exponent of at most 10^12", keyword);
    }
    ret->given = true;
    ret->text = value->text;
    ret->is_small = xd_schema_number_small(value->text, &ret->small);
    return XD_OK;
}

static xd_status compile_numbers(xd_schema_compiler *c, xd_schema_node *node)
{
    xd_schema_numbers n = {0};
    XD_TRY(compile_bound(c, node, "minimum", &n.minimum));
    XD_TRY(compile_bound(c, node, "maximum", &n.maximum));
    XD_TRY(compile_bound(c, node, "exclusiveMinimum", &n.above));
    XD_TRY(compile_bound(c, node, "exclusiveMaximum", &n.below));
    const xd_json *multiple = keyword_value(node, "multipleOf");
    if (multiple) {
        bool good = multiple->type == XD_JSON_NUMBER &&
                    xd_schema_number_read(multiple->text, &n.multiple) && n.multiple.count > 0 &&
                    !n.multiple.negative && n.multiple.count <= XD_SCHEMA_NUMBER_MAX_DIVISOR_DIGITS;
        if (!good) {
            return xd_schema_bad(c, XD_INVALID, node, "multipleOf", "schema.keyword",
                                 "multipleOf must be a number above 0 of at most %d digits",
                                 XD_SCHEMA_NUMBER_MAX_DIVISOR_DIGITS);
        }
        n.has_multiple = true;
        n.multiple_text = multiple->text;
    }
    if (n.minimum.given || n.maximum.given || n.above.given || n.below.given || n.has_multiple) {
        xd_schema_numbers *kept = xd_arena_alloc(&c->schema->arena, sizeof *kept);
        if (!kept) {
            return xd_schema_no_memory(c);
        }
        *kept = n;
        node->numbers = kept;
    }
    return XD_OK;
}

/* The format to be asserted, if any. */
static xd_status compile_format(xd_schema_compiler *c, const xd_schema_node *node,
                                const xd_schema_format **ret)
{
    uint32_t vocabularies = node->resource->vocabularies;
    const xd_json *value = keyword_value(node, "format");
    if (!value || !(vocabularies & (XD_VOCAB_FORMAT_ANNOTATION | XD_VOCAB_FORMAT_ASSERTION))) {
        return XD_OK;
    }
    if (value->type != XD_JSON_STRING) {
        return xd_schema_bad(c, XD_INVALID, node, "format", "schema.keyword",
                             "format must be a name");
    }
    if (c->options->assert_formats || vocabularies & XD_VOCAB_FORMAT_ASSERTION) {
        *ret = xd_schema_format_find(value->text);
    }
    return XD_OK;
}

static xd_status compile_strings(xd_schema_compiler *c, xd_schema_node *node)
{
    xd_schema_strings s = {0};
    XD_TRY(compile_format(c, node, &s.format));
    if (node->resource->vocabularies & XD_VOCAB_VALIDATION) {
        bool given;
        XD_TRY(xd_schema_count(c, node, "minLength", &s.min_length, &given));
        XD_TRY(xd_schema_count(c, node, "maxLength", &s.max_length, &s.has_max));
        const xd_json *pattern = keyword_value(node, "pattern");
        if (pattern && pattern->type != XD_JSON_STRING) {
            return xd_schema_bad(c, XD_INVALID, node, "pattern", "schema.keyword",
                                 "pattern must be a string");
        }
        xd_fault fault = XD_FAULT_NONE;
        xd_status status =
            pattern ? xd_schema_pattern_create(c->schema, pattern->text, &s.pattern, &fault)
                    : XD_OK;
        if (status != XD_OK) {
            return xd_schema_bad(c, status, node, "pattern", "schema.pattern",
                                 "\"%.*s\" cannot be used as a pattern: %s", XD_FMT(pattern->text),
                                 fault.text);
        }
    }
    if (s.min_length || s.has_max || s.pattern || s.format) {
        xd_schema_strings *kept = xd_arena_alloc(&c->schema->arena, sizeof *kept);
        if (!kept) {
            return xd_schema_no_memory(c);
        }
        *kept = s;
        node->strings = kept;
    }
    return XD_OK;
}

/* --- keywords that apply other schemas to the same value --- */

struct inplace_list {
    xd_schema_compiler *c;
    xd_schema_node *node;
    const xd_schema_inplace **end; /* where the next one is hooked in */
};

static xd_status add_inplace(struct inplace_list *list, xd_schema_apply apply, const char *keyword,
                             xd_str name, uint32_t count, const xd_schema_node **nodes)
{
    xd_schema_inplace *entry = xd_arena_alloc(&list->c->schema->arena, sizeof *entry);
    if (!entry) {
        return xd_schema_no_memory(list->c);
    }
    *entry = (xd_schema_inplace){
        .apply = apply, .keyword = keyword, .name = name, .count = count, .nodes = nodes};
    *list->end = entry;
    list->end = &entry->next;
    return XD_OK;
}

static xd_status add_single(struct inplace_list *list, xd_schema_apply apply, const char *keyword,
                            xd_str name, const xd_schema_node *target)
{
    const xd_schema_node **nodes = xd_arena_alloc(&list->c->schema->arena, sizeof *nodes);
    if (!nodes) {
        return xd_schema_no_memory(list->c);
    }
    nodes[0] = target;
    return add_inplace(list, apply, keyword, name, 1, nodes);
}

/* Remembers that every anchor of this name may be asked for. */
static xd_status want_anchor(xd_schema_compiler *c, xd_str name)
{
    for (const xd_schema_anchor *a = c->dynamic_names; a; a = a->next) {
        if (xd_str_eq(a->name, name)) {
            return XD_OK;
        }
    }
    if (++c->anchor_count > ANCHORS_MAX) {
        return xd_fail(c->fault, XD_LIMIT, "schema.anchors",
                       "more than %d anchors; leave out what is not used", ANCHORS_MAX);
    }
    xd_schema_anchor *anchor = xd_arena_zalloc(&c->schema->arena, sizeof *anchor);
    if (!anchor) {
        return xd_schema_no_memory(c);
    }
    anchor->name = name;
    anchor->next = c->dynamic_names;
    c->dynamic_names = anchor;
    c->schema->dynamic = true;
    return XD_OK;
}

static xd_status compile_reference(struct inplace_list *list, const char *keyword)
{
    xd_schema_compiler *c = list->c;
    const xd_json *value = keyword_value(list->node, keyword);
    if (!value) {
        return XD_OK;
    }
    if (value->type != XD_JSON_STRING) {
        return xd_schema_bad(c, XD_INVALID, list->node, keyword, "schema.keyword",
                             "%s must be a URI reference", keyword);
    }
    xd_schema_node *target;
    xd_str anchor;
    XD_TRY(xd_schema_resolve(c, list->node, keyword, value->text, &target, &anchor));
    request(c, target);
    xd_schema_apply apply = XD_APPLY_REF;
    if (strcmp(keyword, "$dynamicRef") == 0 && anchor.len) {
        apply = XD_APPLY_DYNAMIC_REF;
        XD_TRY(want_anchor(c, anchor));
    } else if (strcmp(keyword, "$recursiveRef") == 0 && target->resource->recursive) {
        apply = XD_APPLY_RECURSIVE_REF;
        c->schema->dynamic = true;
    }
    return add_single(list, apply, keyword, anchor, target);
}

static xd_status compile_if(struct inplace_list *list)
{
    if (!keyword_value(list->node, "if")) {
        return XD_OK;
    }
    const xd_schema_node **nodes = xd_arena_alloc(&list->c->schema->arena, 3 * sizeof *nodes);
    if (!nodes) {
        return xd_schema_no_memory(list->c);
    }
    XD_TRY(xd_schema_sub(list->c, list->node, "if", &nodes[0]));
    XD_TRY(xd_schema_sub(list->c, list->node, "then", &nodes[1]));
    XD_TRY(xd_schema_sub(list->c, list->node, "else", &nodes[2]));
    return add_inplace(list, XD_APPLY_IF, "if", XD_STR_NULL, 3, nodes);
}

static xd_status compile_dependents(struct inplace_list *list, const char *keyword)
{
    const xd_json *map = keyword_value(list->node, keyword);
    if (map && map->type != XD_JSON_OBJECT) {
        return xd_schema_bad(list->c, XD_INVALID, list->node, keyword, "schema.keyword",
                             "%s must be an object of schemas by member name", keyword);
    }
    bool lists = strcmp(keyword, "dependencies") == 0;
    for (uint32_t i = 0; map && i < map->count; i++) {
        const xd_json *value = &map->members[i].value;
        if (lists && value->type == XD_JSON_ARRAY) {
            continue; /* Names: they are looked after with the other names. */
        }
        const xd_schema_node *child;
        XD_TRY(xd_schema_child(list->c, list->node, keyword, value, &child));
        XD_TRY(add_single(list, XD_APPLY_DEPENDENT, keyword, map->members[i].name, child));
    }
    return XD_OK;
}

static xd_status compile_inplace(xd_schema_compiler *c, xd_schema_node *node)
{
    struct inplace_list list = {.c = c, .node = node, .end = &node->inplace};
    uint32_t vocabularies = node->resource->vocabularies;
    XD_TRY(compile_reference(&list, "$ref"));
    XD_TRY(
        compile_reference(&list, vocabularies & XD_VOCAB_2019 ? "$recursiveRef" : "$dynamicRef"));
    if (!(vocabularies & XD_VOCAB_APPLICATOR)) {
        return XD_OK;
    }
    static const struct {
        xd_schema_apply apply;
        const char *keyword;
    } combiners[] = {
        {XD_APPLY_ALL_OF, "allOf"}, {XD_APPLY_ANY_OF, "anyOf"}, {XD_APPLY_ONE_OF, "oneOf"}};
    for (size_t i = 0; i < sizeof combiners / sizeof combiners[0]; i++) {
        uint32_t count;
        const xd_schema_node **nodes;
        XD_TRY(xd_schema_list(c, node, combiners[i].keyword, &count, &nodes));
        if (count) {
            XD_TRY(add_inplace(&list, combiners[i].apply, combiners[i].keyword, XD_STR_NULL, count,
                               nodes));
        }
    }
    const xd_schema_node *negated;
    XD_TRY(xd_schema_sub(c, node, "not", &negated));
    if (negated) {
        XD_TRY(add_single(&list, XD_APPLY_NOT, "not", XD_STR_NULL, negated));
    }
    XD_TRY(compile_if(&list));
    XD_TRY(compile_dependents(&list, "dependentSchemas"));
    return compile_dependents(&list, "dependencies");
}

/* --- annotations --- */

static xd_status compile_notes(xd_schema_compiler *c, xd_schema_node *node)
{
    static const struct {
        const char *keyword;
        uint32_t vocabulary;
        uint32_t types;
    } kinds[] = {
        {"title", XD_VOCAB_METADATA, XD_TYPE_ANY},
        {"description", XD_VOCAB_METADATA, XD_TYPE_ANY},
        {"default", XD_VOCAB_METADATA, XD_TYPE_ANY},
        {"deprecated", XD_VOCAB_METADATA, XD_TYPE_ANY},
        {"readOnly", XD_VOCAB_METADATA, XD_TYPE_ANY},
        {"writeOnly", XD_VOCAB_METADATA, XD_TYPE_ANY},
        {"examples", XD_VOCAB_METADATA, XD_TYPE_ANY},
        {"format", XD_VOCAB_FORMAT_ANNOTATION | XD_VOCAB_FORMAT_ASSERTION, XD_TYPE_ANY},
        {"contentEncoding", XD_VOCAB_CONTENT, XD_TYPE_STRING},
        {"contentMediaType", XD_VOCAB_CONTENT, XD_TYPE_STRING},
        {"contentSchema", XD_VOCAB_CONTENT, XD_TYPE_STRING},
    };
    const xd_schema_note **end = &node->notes;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const xd_json *value = node->resource->vocabularies & kinds[i].vocabulary
                                   ? keyword_value(node, kinds[i].keyword)
                                   : NULL;
        if (value) {
            xd_schema_note *note = xd_arena_alloc(&c->schema->arena, sizeof *note);
            if (!note) {
                return xd_schema_no_memory(c);
            }
            *note = (xd_schema_note){
                .keyword = kinds[i].keyword, .value = value, .types = kinds[i].types};
            *end = note;
            end = &note->next;
        }
    }
    return XD_OK;
}

xd_status xd_schema_compile_node(xd_schema_compiler *c, xd_schema_node *node)
{
    if (node->source->type != XD_JSON_OBJECT) {
        node->never = node->source->type == XD_JSON_FALSE;
        node->leaf = true;
        return XD_OK;
    }
    uint32_t vocabularies = node->resource->vocabularies;
    if (vocabularies & XD_VOCAB_VALIDATION) {
        XD_TRY(compile_type(c, node));
        XD_TRY(compile_enum_and_const(c, node));
        XD_TRY(compile_numbers(c, node));
    }
    XD_TRY(compile_strings(c, node));
    XD_TRY(xd_schema_compile_objects(c, node));
    XD_TRY(xd_schema_compile_arrays(c, node));
    XD_TRY(compile_inplace(c, node));
    if (vocabularies & XD_VOCAB_UNEVALUATED) {
        XD_TRY(xd_schema_sub(c, node, "unevaluatedProperties", &node->unevaluated_properties));
        XD_TRY(xd_schema_sub(c, node, "unevaluatedItems", &node->unevaluated_items));
    }
    XD_TRY(compile_notes(c, node));
    node->leaf = !node->objects && !node->arrays && !node->inplace &&
                 !node->unevaluated_properties && !node->unevaluated_items;
    node->string_only =
        node->leaf && node->types == XD_TYPE_STRING && !node->enumeration && !node->constant;
    return XD_OK;
}

/* --- the whole --- */

/* Dynamic references may lead to any anchor of their name. True when that brought new nodes. */
static bool request_dynamic(xd_schema_compiler *c)
{
    for (const xd_schema_alias *alias = c->aliases; alias; alias = alias->next) {
        if (alias->resource->recursive && c->schema->dynamic) {
            request(c, alias->resource->root);
        }
        for (const xd_schema_anchor *a = alias->resource->anchors; a; a = a->next) {
            const xd_schema_anchor *wanted = c->dynamic_names;
            while (wanted && !(a->dynamic && xd_str_eq(wanted->name, a->name))) {
                wanted = wanted->next;
            }
            if (wanted) {
                request(c, a->node);
            }
        }
    }
    return c->pending != NULL;
}

static xd_status compile_pending(xd_schema_compiler *c)
{
    do {
        while (c->pending) {
            xd_schema_node *node = c->pending;
            c->pending = node->next_pending;
            XD_TRY(xd_schema_compile_node(c, node));
        }
    } while (request_dynamic(c));
    return XD_OK;
}

/* Looks for a way from node back to itself that never goes into the value. */
static xd_status find_loop(xd_schema_compiler *c, xd_schema_node *node, unsigned depth)
{
    enum { WHITE, GREY, BLACK };
    if (node->color == BLACK) {
        return XD_OK;
    }
    if (node->color == GREY) {
        return xd_schema_bad(c, XD_INVALID, node, NULL, "schema.loop",
                             "the schema refers to itself without looking deeper into the "
                             "document, so checking would never end");
    }
    if (depth > CHAIN_MAX) {
        return xd_schema_bad(c, XD_LIMIT, node, NULL, "schema.depth",
                             "more than %d schemas refer to one another for the same value",
                             CHAIN_MAX);
    }
    node->color = GREY;
    for (const xd_schema_inplace *in = node->inplace; in; in = in->next) {
        for (uint32_t i = 0; i < in->count; i++) {
            if (in->nodes[i]) {
                XD_TRY(find_loop(c, xd_schema_node_of(c, in->nodes[i]->source), depth + 1));
            }
        }
    }
    node->color = BLACK;
    return XD_OK;
}

static bool is_lone_reference(const xd_schema_node *node)
{
    return node->inplace && !node->inplace->next && node->inplace->apply == XD_APPLY_REF &&
           node->types == XD_TYPE_ANY && !node->strings && !node->numbers && !node->enumeration &&
           !node->constant && !node->objects && !node->arrays && !node->unevaluated_properties &&
           !node->unevaluated_items;
}

static xd_status link_nodes(xd_schema_compiler *c)
{
    for (xd_schema_node *node = c->first_indexed; node; node = node->next_indexed) {
        if (node->compiled) {
            XD_TRY(find_loop(c, node, 0));
        }
    }
    for (xd_schema_node *node = c->first_indexed; node && !c->schema->dynamic;
         node = node->next_indexed) {
        const xd_schema_node *target = node;
        while (node->compiled && is_lone_reference(target)) {
            target = target->inplace->nodes[0];
        }
        node->direct = target;
    }
    return XD_OK;
}

static xd_status compile_all(xd_schema_compiler *c, const xd_json *tree)
{
    xd_schema_node *root;
    uint32_t dialect = XD_VOCAB_STANDARD;
    XD_TRY(xd_schema_add_document(c, tree, c->options->base_uri, dialect, &root));
    c->schema->root = root;
    request(c, root);
    XD_TRY(compile_pending(c));
    return link_nodes(c);
}

xd_status xd_schema_compile(const xd_json *tree, const xd_schema_options *options, xd_schema **ret,
                            xd_fault *fault)
{
    assert(tree && options && ret);
    size_t max_bytes = options->max_bytes ? options->max_bytes : DEFAULT_BYTES;
    xd_schema *schema = calloc(1, sizeof *schema);
    if (!schema) {
        return xd_fail(fault, XD_NO_MEMORY, "schema.memory", "no memory for a schema");
    }
    schema->magic = MAGIC;
    xd_arena_init(&schema->arena, max_bytes);
    xd_schema_compiler c = {.schema = schema, .options = options, .fault = fault};
    xd_arena_init(&c.scratch, max_bytes);
    xd_status status = compile_all(&c, tree);
    free(c.table);
    xd_arena_finish(&c.scratch);
    if (status != XD_OK) {
        xd_schema_destroy(schema);
        return status;
    }
    *ret = schema;
    return XD_OK;
}

void xd_schema_destroy(xd_schema *schema)
{
    if (!schema) {
        return;
    }
    assert(schema->magic == MAGIC);
    schema->magic = 0;
    while (schema->regexes) {
        struct xd_schema_owned *next = schema->regexes->next;
        xd_regex_destroy(schema->regexes->regex);
        schema->regexes = next; /* The list itself lies in the arena. */
    }
    xd_arena_finish(&schema->arena);
    free(schema);
}
