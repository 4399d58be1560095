/* The keywords that speak of arrays, compiled. See schema_int.h. Pure. */
#include "schema/schema_int.h"

/* Draft 2019-09: items may be a list, and additionalItems goes on after it. */
static xd_status compile_items_2019(xd_schema_compiler *c, xd_schema_node *node,
                                    xd_schema_arrays *arrays)
{
    const xd_json *items = XD_GET(node->source, "items");
    if (items && items->type == XD_JSON_ARRAY) {
        const xd_schema_node **list;
        XD_TRY(xd_schema_list(c, node, "items", &arrays->prefix_count, &list));
        arrays->prefix = list;
        arrays->prefix_keyword = "items";
        arrays->items_keyword = "additionalItems";
        return xd_schema_sub(c, node, "additionalItems", &arrays->items);
    }
    arrays->items_keyword = "items";
    return xd_schema_sub(c, node, "items", &arrays->items);
}

static xd_status compile_items(xd_schema_compiler *c, xd_schema_node *node,
                               xd_schema_arrays *arrays)
{
    const xd_schema_node **list;
    XD_TRY(xd_schema_list(c, node, "prefixItems", &arrays->prefix_count, &list));
    arrays->prefix = list;
    arrays->prefix_keyword = "prefixItems";
    arrays->items_keyword = "items";
    return xd_schema_sub(c, node, "items", &arrays->items);
}

static xd_status compile_counts(xd_schema_compiler *c, xd_schema_node *node,
                                xd_schema_arrays *arrays)
{
    bool given;
    XD_TRY(xd_schema_count(c, node, "minItems", &arrays->min_items, &given));
    XD_TRY(xd_schema_count(c, node, "maxItems", &arrays->max_items, &arrays->has_max));
    XD_TRY(
        xd_schema_count(c, node, "maxContains", &arrays->max_contains, &arrays->has_max_contains));
    XD_TRY(xd_schema_count(c, node, "minContains", &arrays->min_contains, &given));
    const xd_json *unique = XD_GET(node->source, "uniqueItems");
    if (unique && unique->type != XD_JSON_TRUE && unique->type != XD_JSON_FALSE) {
        return xd_schema_bad(c, XD_INVALID, node, "uniqueItems", "schema.keyword",
                             "uniqueItems must be true or false");
    }
    arrays->unique = unique && unique->type == XD_JSON_TRUE;
    return XD_OK;
}

xd_status xd_schema_compile_arrays(xd_schema_compiler *c, xd_schema_node *node)
{
    xd_schema_arrays *arrays = xd_arena_zalloc(&c->schema->arena, sizeof *arrays);
    if (!arrays) {
        return xd_schema_no_memory(c);
    }
    uint32_t vocabularies = node->resource->vocabularies;
    arrays->min_contains = 1;
    if (vocabularies & XD_VOCAB_APPLICATOR) {
        XD_TRY(vocabularies & XD_VOCAB_2019 ? compile_items_2019(c, node, arrays)
                                            : compile_items(c, node, arrays));
        XD_TRY(xd_schema_sub(c, node, "contains", &arrays->contains));
    }
    if (vocabularies & XD_VOCAB_VALIDATION) {
        XD_TRY(compile_counts(c, node, arrays));
    }
    if (arrays->prefix_count || arrays->items || arrays->contains || arrays->min_items ||
        arrays->has_max || arrays->unique) {
        node->arrays = arrays;
    }
    return XD_OK;
}
