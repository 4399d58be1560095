/* The keywords that speak of objects, compiled: all names that a schema mentions go into one hash
 * table, so that one pass over a document's members settles properties, required, dependencies and
 * additionalProperties. See schema_int.h. Pure. */
#include "schema/schema_int.h"

struct builder {
    xd_schema_compiler *c;
    const xd_schema_node *node;
    xd_schema_objects *objects;
    xd_schema_name *names;
    uint32_t *slots;
    uint32_t *tracked;
    xd_schema_dependency *dependencies;
};

static uint32_t find_slot(const struct builder *b, xd_str name)
{
    uint32_t at = xd_schema_name_hash(name) & b->objects->slot_mask;
    while (b->slots[at] && !xd_str_eq(b->names[b->slots[at] - 1].name, name)) {
        at = (at + 1) & b->objects->slot_mask;
    }
    return at;
}

/* Position of the name, which is added when it is new. */
static uint32_t enter_name(struct builder *b, xd_str name)
{
    uint32_t at = find_slot(b, name);
    if (!b->slots[at]) {
        b->names[b->objects->name_count] = (xd_schema_name){.name = name};
        b->slots[at] = ++b->objects->name_count;
    }
    return b->slots[at] - 1;
}

/* Bit of the name's presence. */
static uint32_t track_name(struct builder *b, xd_str name)
{
    uint32_t position = enter_name(b, name);
    if (!b->names[position].tracked) {
        b->tracked[b->objects->tracked_count] = position;
        b->names[position].tracked = ++b->objects->tracked_count;
    }
    return b->names[position].tracked - 1;
}

static xd_status check_names(struct builder *b, const char *keyword, const xd_json *list)
{
    bool good = list->type == XD_JSON_ARRAY;
    for (uint32_t i = 0; good && i < list->count; i++) {
        good = list->items[i].type == XD_JSON_STRING;
    }
    return good ? XD_OK
                : xd_schema_bad(b->c, XD_INVALID, b->node, keyword, "schema.keyword",
                                "%s must list member names", keyword);
}

/* The member of that keyword as an object, in *ret; NULL when it is not there. */
static xd_status map_of(struct builder *b, const char *keyword, uint32_t vocabulary,
                        const xd_json **ret)
{
    const xd_json *map = b->node->resource->vocabularies & vocabulary
                             ? xd_json_get(b->node->source, xd_str_from(keyword))
                             : NULL;
    if (map && map->type != XD_JSON_OBJECT) {
        return xd_schema_bad(b->c, XD_INVALID, b->node, keyword, "schema.keyword",
                             "%s must be an object, not a%s %s", keyword,
                             map->type == XD_JSON_ARRAY ? "n" : "", xd_json_type_name(map->type));
    }
    *ret = map;
    return XD_OK;
}

static xd_status make_room(struct builder *b, uint64_t names, uint64_t dependencies)
{
    xd_arena *arena = &b->c->schema->arena;
    uint64_t slots = 8;
    while (slots < names * 2) {
        slots *= 2;
    }
    if (slots > UINT32_MAX) {
        return xd_schema_no_memory(b->c);
    }
    b->names = xd_arena_zalloc(arena, names * sizeof *b->names);
    b->slots = xd_arena_zalloc(arena, slots * sizeof *b->slots);
    b->tracked = xd_arena_zalloc(arena, names * sizeof *b->tracked);
    b->dependencies = xd_arena_zalloc(arena, dependencies * sizeof *b->dependencies);
    if (!b->names || !b->slots || !b->tracked || !b->dependencies) {
        return xd_schema_no_memory(b->c);
    }
    b->objects->slot_mask = (uint32_t)(slots - 1);
    return XD_OK;
}

/* Names that the lists of a dependency map hold, with its own. */
static uint64_t count_dependency_names(const xd_json *map)
{
    uint64_t count = 0;
    for (uint32_t i = 0; map && i < map->count; i++) {
        const xd_json *value = &map->members[i].value;
        count += 1 + (value->type == XD_JSON_ARRAY ? value->count : 0);
    }
    return count;
}

static xd_status add_dependencies(struct builder *b, const char *keyword, const xd_json *map)
{
    for (uint32_t i = 0; map && i < map->count; i++) {
        const xd_json *list = &map->members[i].value;
        if (list->type != XD_JSON_ARRAY && strcmp(keyword, "dependencies") == 0) {
            continue; /* A schema: it is applied in place. */
        }
        XD_TRY(check_names(b, keyword, list));
        uint32_t *needs = xd_arena_alloc(&b->c->schema->arena, list->count * sizeof *needs);
        if (!needs) {
            return xd_schema_no_memory(b->c);
        }
        for (uint32_t k = 0; k < list->count; k++) {
            needs[k] = track_name(b, list->items[k].text);
        }
        xd_schema_dependency dependency = {.keyword = keyword,
                                           .name = map->members[i].name,
                                           .trigger = track_name(b, map->members[i].name),
                                           .needs_count = list->count,
                                           .needs = needs};
        b->dependencies[b->objects->dependency_count++] = dependency;
    }
    return XD_OK;
}

static xd_status add_patterns(struct builder *b, const xd_json *map)
{
    if (!map) {
        return XD_OK;
    }
    xd_schema_pair *pairs = xd_arena_alloc(&b->c->schema->arena, map->count * sizeof *pairs);
    if (!pairs) {
        return xd_schema_no_memory(b->c);
    }
    for (uint32_t i = 0; i < map->count; i++) {
        xd_fault fault = XD_FAULT_NONE;
        xd_status status =
            xd_schema_pattern_create(b->c->schema, map->members[i].name, &pairs[i].pattern, &fault);
        if (status != XD_OK) {
            return xd_schema_bad(b->c, status, b->node, "patternProperties", "schema.pattern",
                                 "\"%.*s\" cannot be used as a pattern: %s",
                                 XD_FMT(map->members[i].name), fault.text);
        }
        XD_TRY(xd_schema_child(b->c, b->node, "patternProperties", &map->members[i].value,
                               &pairs[i].node));
    }
    b->objects->patterns = pairs;
    b->objects->pattern_count = map->count;
    return XD_OK;
}

/* Fills the table of names. */
static xd_status add_names(struct builder *b)
{
    const xd_json *properties;
    const xd_json *dependent;
    const xd_json *older;
    XD_TRY(map_of(b, "properties", XD_VOCAB_APPLICATOR, &properties));
    XD_TRY(map_of(b, "dependentRequired", XD_VOCAB_VALIDATION, &dependent));
    XD_TRY(map_of(b, "dependencies", XD_VOCAB_VALIDATION, &older));
    const xd_json *required = b->node->resource->vocabularies & XD_VOCAB_VALIDATION
                                  ? XD_GET(b->node->source, "required")
                                  : NULL;
    uint64_t room = (properties ? properties->count : 0) + count_dependency_names(dependent) +
                    count_dependency_names(older);
    if (required) {
        XD_TRY(check_names(b, "required", required));
        room += required->count;
    }
    XD_TRY(make_room(b, room,
                     (uint64_t)(dependent ? dependent->count : 0) + (older ? older->count : 0)));
    for (uint32_t i = 0; properties && i < properties->count; i++) {
        uint32_t position = enter_name(b, properties->members[i].name);
        XD_TRY(xd_schema_child(b->c, b->node, "properties", &properties->members[i].value,
                               &b->names[position].node));
    }
    for (uint32_t i = 0; required && i < required->count; i++) {
        (void)track_name(b, required->items[i].text);
    }
    b->objects->required_count = b->objects->tracked_count;
    XD_TRY(add_dependencies(b, "dependentRequired", dependent));
    return add_dependencies(b, "dependencies", older);
}

static bool says_anything(const xd_schema_objects *objects)
{
    return objects->name_count || objects->pattern_count || objects->additional ||
           objects->property_names || objects->min_properties || objects->has_max;
}

xd_status xd_schema_compile_objects(xd_schema_compiler *c, xd_schema_node *node)
{
    xd_schema_objects *objects = xd_arena_zalloc(&c->schema->arena, sizeof *objects);
    if (!objects) {
        return xd_schema_no_memory(c);
    }
    struct builder b = {.c = c, .node = node, .objects = objects};
    XD_TRY(add_names(&b));
    const xd_json *patterns;
    XD_TRY(map_of(&b, "patternProperties", XD_VOCAB_APPLICATOR, &patterns));
    XD_TRY(add_patterns(&b, patterns));
    if (node->resource->vocabularies & XD_VOCAB_APPLICATOR) {
        XD_TRY(xd_schema_sub(c, node, "additionalProperties", &objects->additional));
        XD_TRY(xd_schema_sub(c, node, "propertyNames", &objects->property_names));
    }
    if (node->resource->vocabularies & XD_VOCAB_VALIDATION) {
        bool given;
        XD_TRY(xd_schema_count(c, node, "minProperties", &objects->min_properties, &given));
        XD_TRY(
            xd_schema_count(c, node, "maxProperties", &objects->max_properties, &objects->has_max));
    }
    objects->names = b.names;
    objects->slots = b.slots;
    objects->tracked_name = b.tracked;
    objects->dependencies = b.dependencies;
    if (says_anything(objects)) {
        node->objects = objects;
    }
    return XD_OK;
}
