/* Whether two nodes say the same. See diff_int.h. Order of members and of alternatives is taken as
 * written: a "no" costs only the chance to prove more. Pure. */
#include "schema/diff_int.h"
#include "schema/value.h"

enum { WORK_MAX = 2000000, DEPTH_MAX = 200 };

struct pair {
    const struct pair *up;
    const xd_schema_node *a, *b;
    unsigned depth;
};

struct comparer {
    xd_diff *d;
    bool whole;
};

static bool same(struct comparer *c, const xd_schema_node *a, const xd_schema_node *b,
                 const struct pair *up);

/* Both absent, or both there and the same. */
static bool same_or_none(struct comparer *c, const xd_schema_node *a, const xd_schema_node *b,
                         const struct pair *up)
{
    return a && b ? same(c, a, b, up) : a == b;
}

static bool same_pattern(const xd_schema_pattern *a, const xd_schema_pattern *b)
{
    return a && b ? xd_str_eq(xd_schema_pattern_text(a), xd_schema_pattern_text(b)) : a == b;
}

static bool same_strings(const xd_schema_strings *a, const xd_schema_strings *b)
{
    if (!a || !b) {
        return a == b;
    }
    return a->min_length == b->min_length && a->has_max == b->has_max &&
           a->max_length == b->max_length && a->format == b->format &&
           same_pattern(a->pattern, b->pattern);
}

static bool same_bound(const xd_schema_bound *a, const xd_schema_bound *b)
{
    return a->given == b->given && (!a->given || xd_schema_number_cmp(&a->number, &b->number) == 0);
}

static bool same_numbers(const xd_schema_numbers *a, const xd_schema_numbers *b)
{
    if (!a || !b) {
        return a == b;
    }
    return same_bound(&a->minimum, &b->minimum) && same_bound(&a->maximum, &b->maximum) &&
           same_bound(&a->above, &b->above) && same_bound(&a->below, &b->below) &&
           a->has_multiple == b->has_multiple &&
           (!a->has_multiple || xd_schema_number_cmp(&a->multiple, &b->multiple) == 0);
}

static bool same_choices(const xd_schema_choices *a, const xd_schema_choices *b)
{
    if (!a || !b) {
        return a == b;
    }
    bool equal = a->count == b->count;
    for (uint32_t i = 0; equal && i < a->count; i++) {
        equal = xd_schema_value_equal(&a->values[i], &b->values[i], NULL);
    }
    return equal;
}

static bool same_arrays(struct comparer *c, const xd_schema_arrays *a, const xd_schema_arrays *b,
                        const struct pair *up)
{
    if (!a || !b) {
        return a == b;
    }
    bool equal = a->min_items == b->min_items && a->has_max == b->has_max &&
                 a->max_items == b->max_items && a->unique == b->unique &&
                 a->prefix_count == b->prefix_count && a->min_contains == b->min_contains &&
                 a->has_max_contains == b->has_max_contains && a->max_contains == b->max_contains;
    for (uint32_t i = 0; equal && i < a->prefix_count; i++) {
        equal = same(c, a->prefix[i], b->prefix[i], up);
    }
    return equal && same_or_none(c, a->items, b->items, up) &&
           same_or_none(c, a->contains, b->contains, up);
}

static bool same_dependencies(const xd_schema_objects *a, const xd_schema_objects *b)
{
    bool equal = a->dependency_count == b->dependency_count;
    for (uint32_t i = 0; equal && i < a->dependency_count; i++) {
        const xd_schema_dependency *x = &a->dependencies[i];
        const xd_schema_dependency *y = &b->dependencies[i];
        equal = xd_str_eq(x->name, y->name) && x->needs_count == y->needs_count;
        for (uint32_t k = 0; equal && k < x->needs_count; k++) {
            equal = xd_str_eq(a->names[a->tracked_name[x->needs[k]]].name,
                              b->names[b->tracked_name[y->needs[k]]].name);
        }
    }
    return equal;
}

static bool same_objects(struct comparer *c, const xd_schema_objects *a, const xd_schema_objects *b,
                         const struct pair *up)
{
    if (!a || !b) {
        return a == b;
    }
    bool equal = a->min_properties == b->min_properties && a->has_max == b->has_max &&
                 a->max_properties == b->max_properties && a->name_count == b->name_count &&
                 a->required_count == b->required_count && a->pattern_count == b->pattern_count &&
                 same_dependencies(a, b);
    for (uint32_t i = 0; equal && i < a->name_count; i++) {
        equal = xd_str_eq(a->names[i].name, b->names[i].name) &&
                (a->names[i].tracked - 1 < a->required_count) ==
                    (b->names[i].tracked - 1 < b->required_count) &&
                same_or_none(c, a->names[i].node, b->names[i].node, up);
    }
    for (uint32_t i = 0; equal && i < a->pattern_count; i++) {
        equal = same_pattern(a->patterns[i].pattern, b->patterns[i].pattern) &&
                same(c, a->patterns[i].node, b->patterns[i].node, up);
    }
    return equal && same_or_none(c, a->additional, b->additional, up) &&
           same_or_none(c, a->property_names, b->property_names, up);
}

static bool same_inplace(struct comparer *c, const xd_schema_inplace *a, const xd_schema_inplace *b,
                         const struct pair *up)
{
    for (; a && b; a = a->next, b = b->next) {
        bool dynamic = a->apply == XD_APPLY_DYNAMIC_REF || a->apply == XD_APPLY_RECURSIVE_REF;
        if (a->apply != b->apply || a->count != b->count || !xd_str_eq(a->name, b->name) ||
            (dynamic && !c->whole)) {
            return false;
        }
        for (uint32_t i = 0; i < a->count; i++) {
            if (!same_or_none(c, a->nodes[i], b->nodes[i], up)) {
                return false;
            }
        }
    }
    return a == b;
}

static bool same(struct comparer *c, const xd_schema_node *a, const xd_schema_node *b,
                 const struct pair *up)
{
    if (a == b) {
        return true;
    }
    struct pair pair = {.up = up, .a = a, .b = b, .depth = up ? up->depth + 1 : 0};
    if (++c->d->work > WORK_MAX || pair.depth > DEPTH_MAX) {
        return false;
    }
    for (const struct pair *p = up; p; p = p->up) {
        if (p->a == a && p->b == b) {
            return true;
        }
    }
    if ((a->resource->vocabularies ^ b->resource->vocabularies) & XD_VOCAB_2019) {
        return false;
    }
    return a->never == b->never && a->types == b->types && same_strings(a->strings, b->strings) &&
           same_numbers(a->numbers, b->numbers) && same_choices(a->enumeration, b->enumeration) &&
           same_choices(a->constant, b->constant) &&
           same_objects(c, a->objects, b->objects, &pair) &&
           same_arrays(c, a->arrays, b->arrays, &pair) &&
           same_inplace(c, a->inplace, b->inplace, &pair) &&
           same_or_none(c, a->unevaluated_properties, b->unevaluated_properties, &pair) &&
           same_or_none(c, a->unevaluated_items, b->unevaluated_items, &pair);
}

bool xd_diff_same(xd_diff *d, const xd_schema_node *a, const xd_schema_node *b, bool whole)
{
    struct comparer c = {.d = d, .whole = whole};
    return same(&c, a, b, NULL);
}
