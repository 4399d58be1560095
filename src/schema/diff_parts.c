/* Comparing schemas: objects, arrays, and what surely excludes one another. See diff_int.h. Pure.
 */
#include "schema/diff_int.h"

#include "schema/run.h"

enum { DISJOINT_DEPTH_MAX = 4 };

/* --- parts of the given side --- */

/* Whether name matches; what cannot be matched within the limits counts as not matching, and
 * *ret_known tells so. */
static bool matches(const xd_schema_pattern *pattern, xd_str name, bool *ret_known)
{
    bool found = false;
    uint64_t steps = 0;
    *ret_known = xd_schema_pattern_match(pattern, name, &steps, &found, NULL) == XD_OK;
    return *ret_known && found;
}

/* Calls for what node says of a member: the schemas that its name falls under. */
static void add_member(xd_diff_set *set, const xd_schema_objects *o, xd_str name)
{
    bool named = false;
    uint32_t position = o->name_count ? xd_schema_find_name(o, name) : UINT32_MAX;
    if (position != UINT32_MAX && o->names[position].node) {
        named = true;
        xd_diff_add(set, o->names[position].node);
    }
    for (uint32_t i = 0; i < o->pattern_count; i++) {
        bool known;
        if (matches(o->patterns[i].pattern, name, &known)) {
            named = true;
            xd_diff_add(set, o->patterns[i].node);
        }
        named |= !known;
    }
    if (!named && o->additional) {
        xd_diff_add(set, o->additional);
    }
}

/* A set must have a node to speak of; this one says nothing. */
static const xd_schema_node *any_node(const xd_diff_set *set)
{
    return set->nodes[0];
}

xd_diff_set xd_diff_member(const xd_diff_set *set, xd_str name)
{
    xd_diff_set member = {0};
    for (uint32_t i = 0; i < set->count; i++) {
        if (set->nodes[i]->objects) {
            add_member(&member, set->nodes[i]->objects, name);
        }
    }
    return member;
}

xd_diff_set xd_diff_item(const xd_diff_set *set, uint64_t i)
{
    xd_diff_set item = {0};
    for (uint32_t k = 0; k < set->count; k++) {
        const xd_schema_arrays *a = set->nodes[k]->arrays;
        if (a && i < a->prefix_count) {
            xd_diff_add(&item, a->prefix[i]);
        } else if (a && a->items) {
            xd_diff_add(&item, a->items);
        }
    }
    return item;
}

static bool is_required(const xd_schema_objects *o, xd_str name)
{
    uint32_t position = o && o->name_count ? xd_schema_find_name(o, name) : UINT32_MAX;
    return position != UINT32_MAX && o->names[position].tracked &&
           o->names[position].tracked - 1 < o->required_count;
}

static bool set_requires(const xd_diff_set *set, xd_str name)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (is_required(set->nodes[i]->objects, name)) {
            return true;
        }
    }
    return false;
}

/* Compares a part, which may be anything when part says nothing. */
static bool includes_part(xd_diff *d, const xd_diff_set *given, const xd_diff_set *part,
                          const xd_schema_node *wanted)
{
    static const xd_json anything = {.type = XD_JSON_TRUE};
    if (part->count) {
        return xd_diff_includes(d, part, wanted);
    }
    /* Located where the schema that says nothing stands. */
    xd_schema_node open = {.types = XD_TYPE_ANY,
                           .source = &anything,
                           .resource = any_node(given)->resource,
                           .pointer = any_node(given)->pointer};
    open.direct = &open; /* values are tried on it */
    xd_diff_set set = {.count = 1, .nodes = {&open}};
    return xd_diff_includes(d, &set, wanted);
}

/* --- objects --- */

static bool is_closed(const xd_diff_set *set, xd_str name)
{
    xd_diff_set member = xd_diff_member(set, name);
    return member.count && xd_diff_is_empty(&member);
}

static bool includes_required(xd_diff *d, const xd_diff_set *given, const xd_schema_node *wanted)
{
    const xd_schema_objects *o = wanted->objects;
    bool good = true;
    for (uint32_t bit = 0; bit < o->required_count; bit++) {
        xd_str name = o->names[o->tracked_name[bit]].name;
        if (!set_requires(given, name)) {
            good = xd_diff_break(d, given, wanted, "required", false,
                                 "%s requires the member \"%.*s\", and %s does not",
                                 xd_diff_wanted_name(d), XD_FMT(name), xd_diff_given_name(d));
        }
    }
    return good;
}

static bool has_dependency(const xd_diff_set *given, xd_str trigger, xd_str need)
{
    for (uint32_t i = 0; i < given->count; i++) {
        const xd_schema_objects *o = given->nodes[i]->objects;
        for (uint32_t k = 0; o && k < o->dependency_count; k++) {
            const xd_schema_dependency *dep = &o->dependencies[k];
            for (uint32_t n = 0; xd_str_eq(dep->name, trigger) && n < dep->needs_count; n++) {
                if (xd_str_eq(o->names[o->tracked_name[dep->needs[n]]].name, need)) {
                    return true;
                }
            }
        }
    }
    return false;
}

static bool includes_dependencies(xd_diff *d, const xd_diff_set *given,
                                  const xd_schema_node *wanted)
{
    const xd_schema_objects *o = wanted->objects;
    bool good = true;
    for (uint32_t i = 0; i < o->dependency_count; i++) {
        const xd_schema_dependency *dep = &o->dependencies[i];
        for (uint32_t k = 0; k < dep->needs_count; k++) {
            xd_str need = o->names[o->tracked_name[dep->needs[k]]].name;
            if (!set_requires(given, need) && !has_dependency(given, dep->name, need) &&
                !is_closed(given, dep->name)) {
                good = xd_diff_break(d, given, wanted, dep->keyword, false,
                                     "%s requires \"%.*s\" beside \"%.*s\", and %s does not",
                                     xd_diff_wanted_name(d), XD_FMT(need), XD_FMT(dep->name),
                                     xd_diff_given_name(d));
            }
        }
    }
    return good;
}

static bool includes_member_counts(xd_diff *d, const xd_diff_set *given,
                                   const xd_schema_node *wanted)
{
    const xd_schema_objects *w = wanted->objects;
    uint64_t min = 0;
    uint64_t max = UINT64_MAX;
    for (uint32_t i = 0; i < given->count; i++) {
        const xd_schema_objects *o = given->nodes[i]->objects;
        if (!o) {
            continue;
        }
        min = o->min_properties > min ? o->min_properties : min;
        min = o->required_count > min ? o->required_count : min;
        max = o->has_max && o->max_properties < max ? o->max_properties : max;
        if (o->additional && o->additional->never && !o->pattern_count && o->name_count < max) {
            max = o->name_count;
        }
    }
    bool good = true;
    if (min < w->min_properties) {
        good = xd_diff_break(d, given, wanted, "minProperties", false,
                             "%s asks for at least %llu members, and %s for %llu",
                             xd_diff_wanted_name(d), (unsigned long long)w->min_properties,
                             xd_diff_given_name(d), (unsigned long long)min);
    }
    if (w->has_max && max > w->max_properties) {
        good = xd_diff_break(d, given, wanted, "maxProperties", false,
                             "%s allows at most %llu members, and %s more", xd_diff_wanted_name(d),
                             (unsigned long long)w->max_properties, xd_diff_given_name(d));
    }
    return good;
}

/* One member by name, against all that wanted says of it. */
static bool includes_member(xd_diff *d, const xd_diff_set *given, const xd_schema_node *wanted,
                            xd_str name)
{
    xd_diff_set part = xd_diff_member(given, name);
    xd_diff_set asked = {0};
    const xd_schema_objects *o = wanted->objects;
    for (uint32_t i = 0; i < o->pattern_count; i++) {
        bool known;
        (void)matches(o->patterns[i].pattern, name, &known);
        if (!known) {
            return xd_diff_break(d, given, wanted, "patternProperties", true,
                                 "whether \"%.*s\" matches a pattern", XD_FMT(name));
        }
    }
    if (part.count && xd_diff_is_empty(&part)) {
        return true;
    }
    /* Only what is asked for directly: its references are followed when it is compared. */
    uint32_t position = o->name_count ? xd_schema_find_name(o, name) : UINT32_MAX;
    if (position != UINT32_MAX && o->names[position].node) {
        asked.nodes[asked.count++] = o->names[position].node;
    }
    bool good = true;
    size_t before = xd_diff_enter(d, name);
    bool named = asked.count > 0;
    if (named) {
        good = includes_part(d, given, &part, asked.nodes[0]);
    }
    for (uint32_t i = 0; i < o->pattern_count; i++) {
        bool known;
        if (matches(o->patterns[i].pattern, name, &known)) {
            named = true;
            good &= includes_part(d, given, &part, o->patterns[i].node);
        }
    }
    if (!named && o->additional) {
        good = o->additional->never
                   ? xd_diff_break(d, given, wanted, "additionalProperties", false,
                                   "%s allows the member \"%.*s\", and %s no longer names it",
                                   xd_diff_given_name(d), XD_FMT(name), xd_diff_wanted_name(d))
                   : includes_part(d, given, &part, o->additional);
    }
    xd_diff_leave(d, before);
    return good;
}

/* Every name that either side mentions. */
static bool includes_named(xd_diff *d, const xd_diff_set *given, const xd_schema_node *wanted)
{
    const xd_schema_objects *o = wanted->objects;
    bool good = true;
    for (uint32_t i = 0; i < o->name_count; i++) {
        good &= includes_member(d, given, wanted, o->names[i].name);
    }
    for (uint32_t k = 0; k < given->count; k++) {
        const xd_schema_objects *g = given->nodes[k]->objects;
        for (uint32_t i = 0; g && i < g->name_count; i++) {
            xd_str name = g->names[i].name;
            bool mentioned = o->name_count && xd_schema_find_name(o, name) != UINT32_MAX;
            if (!mentioned) {
                good &= includes_member(d, given, wanted, name);
            }
        }
    }
    return good;
}

static bool has_pattern(const xd_schema_objects *o, const xd_schema_pattern *pattern,
                        const xd_schema_node **ret)
{
    for (uint32_t i = 0; i < o->pattern_count; i++) {
        if (xd_str_eq(xd_schema_pattern_text(o->patterns[i].pattern),
                      xd_schema_pattern_text(pattern))) {
            *ret = o->patterns[i].node;
            return true;
        }
    }
    return false;
}

/* Whether, by one node of given, every member that is not named fulfils part. Patterns that wanted
 * has too are left out when skip is given: their members are not meant. */
static bool rest_fulfils(xd_diff *d, const xd_schema_objects *g, const xd_schema_node *part,
                         const xd_schema_objects *skip)
{
    if (!g || !g->additional) {
        return false;
    }
    xd_diff_set set = {0};
    xd_diff_add(&set, g->additional);
    bool good = xd_diff_includes_quietly(d, &set, part);
    for (uint32_t i = 0; good && i < g->pattern_count; i++) {
        const xd_schema_node *unused;
        if (skip && has_pattern(skip, g->patterns[i].pattern, &unused)) {
            continue;
        }
        xd_diff_set matched = {0};
        xd_diff_add(&matched, g->patterns[i].node);
        good = xd_diff_includes_quietly(d, &matched, part);
    }
    return good;
}

static bool says_nothing(const xd_schema_node *node)
{
    return !node->never && node->types == XD_TYPE_ANY && node->leaf && !node->strings &&
           !node->numbers && !node->enumeration && !node->constant;
}

/* Members by pattern, and those that no one names. */
static bool includes_unnamed(xd_diff *d, const xd_diff_set *given, const xd_schema_node *wanted)
{
    const xd_schema_objects *o = wanted->objects;
    bool good = true;
    for (uint32_t i = 0; i < o->pattern_count; i++) {
        const xd_schema_pair *pair = &o->patterns[i];
        xd_diff_set same_pattern = {0};
        bool fulfilled = says_nothing(pair->node);
        for (uint32_t k = 0; !fulfilled && k < given->count; k++) {
            const xd_schema_objects *g = given->nodes[k]->objects;
            const xd_schema_node *node;
            if (g && has_pattern(g, pair->pattern, &node)) {
                xd_diff_add(&same_pattern, node);
            }
            fulfilled = rest_fulfils(d, g, pair->node, NULL);
        }
        if (!fulfilled && same_pattern.count) {
            size_t before = xd_diff_enter(d, XD_STR("*"));
            fulfilled = xd_diff_includes(d, &same_pattern, pair->node);
            xd_diff_leave(d, before);
            good &= fulfilled;
        } else if (!fulfilled) {
            good = xd_diff_break(d, given, wanted, "patternProperties", true,
                                 "whether members that match %.*s fit what %s says of them",
                                 XD_FMT(xd_schema_pattern_text(pair->pattern)),
                                 xd_diff_wanted_name(d));
        }
    }
    bool fulfilled = !o->additional || says_nothing(o->additional);
    for (uint32_t k = 0; !fulfilled && k < given->count; k++) {
        fulfilled = rest_fulfils(d, given->nodes[k]->objects, o->additional, o);
    }
    if (!fulfilled) {
        size_t before = xd_diff_enter(d, XD_STR("*"));
        good = xd_diff_break(d, given, wanted, "additionalProperties", false,
                             "%s allows members that are not named, and %s %s",
                             xd_diff_given_name(d), xd_diff_wanted_name(d),
                             o->additional->never ? "does not" : "asks more of them");
        xd_diff_leave(d, before);
    }
    return good;
}

static bool names_fit(const xd_schema_objects *g, const xd_schema_node *names)
{
    if (!g || !g->additional || !g->additional->never || g->pattern_count) {
        return false;
    }
    for (uint32_t i = 0; i < g->name_count; i++) {
        const xd_json name = {.type = XD_JSON_STRING, .text = g->names[i].name};
        bool known;
        if (g->names[i].node && !xd_schema_accepts(names, &name, &known)) {
            return false;
        }
    }
    return true;
}

static bool includes_property_names(xd_diff *d, const xd_diff_set *given,
                                    const xd_schema_node *wanted)
{
    const xd_schema_node *names = wanted->objects->property_names;
    if (!names) {
        return true;
    }
    for (uint32_t i = 0; i < given->count; i++) {
        const xd_schema_objects *g = given->nodes[i]->objects;
        if (names_fit(g, names)) {
            return true;
        }
        if (g && g->property_names) {
            xd_diff_set set = {0};
            xd_diff_add(&set, g->property_names);
            if (xd_diff_includes_quietly(d, &set, names)) {
                return true;
            }
        }
    }
    return xd_diff_break(d, given, wanted, "propertyNames", true,
                         "whether all member names of %s are allowed in %s", xd_diff_given_name(d),
                         xd_diff_wanted_name(d));
}

bool xd_diff_objects(xd_diff *d, const xd_diff_set *given, const xd_schema_node *wanted)
{
    bool good = includes_required(d, given, wanted);
    good &= includes_member_counts(d, given, wanted);
    good &= includes_named(d, given, wanted);
    good &= includes_unnamed(d, given, wanted);
    good &= includes_property_names(d, given, wanted);
    return includes_dependencies(d, given, wanted) && good;
}

/* --- arrays --- */

struct array_facts {
    uint64_t min, max, prefix;
    bool unique;
};

static struct array_facts array_facts(const xd_diff_set *given)
{
    struct array_facts facts = {.max = UINT64_MAX};
    for (uint32_t i = 0; i < given->count; i++) {
        const xd_schema_arrays *a = given->nodes[i]->arrays;
        if (!a) {
            continue;
        }
        facts.min = a->min_items > facts.min ? a->min_items : facts.min;
        facts.max = a->has_max && a->max_items < facts.max ? a->max_items : facts.max;
        facts.prefix = a->prefix_count > facts.prefix ? a->prefix_count : facts.prefix;
        facts.unique |= a->unique;
        if (a->items && a->items->never && a->prefix_count < facts.max) {
            facts.max = a->prefix_count;
        }
    }
    return facts;
}

static bool includes_contains(xd_diff *d, const xd_diff_set *given, const xd_schema_node *wanted,
                              const struct array_facts *facts)
{
    const xd_schema_arrays *w = wanted->arrays;
    bool enough = w->min_contains == 0;
    bool few = !w->has_max_contains || facts->max <= w->max_contains;
    xd_diff_set any = xd_diff_item(given, UINT32_MAX);
    if (!enough && facts->prefix == 0 && any.count && facts->min >= w->min_contains) {
        enough = xd_diff_includes_quietly(d, &any, w->contains);
    }
    for (uint32_t i = 0; i < given->count && !(enough && few); i++) {
        const xd_schema_arrays *a = given->nodes[i]->arrays;
        if (!a || !a->contains) {
            continue;
        }
        xd_diff_set contained = {0};
        xd_diff_add(&contained, a->contains);
        enough |= a->min_contains >= w->min_contains &&
                  xd_diff_includes_quietly(d, &contained, w->contains);
        few |= a->has_max_contains && a->max_contains <= w->max_contains &&
               xd_diff_same(d, a->contains, w->contains, false);
    }
    return (enough && few) || xd_diff_break(d, given, wanted, "contains", true,
                                            "whether arrays of %s contain what %s asks for",
                                            xd_diff_given_name(d), xd_diff_wanted_name(d));
}

static bool includes_items(xd_diff *d, const xd_diff_set *given, const xd_schema_node *wanted,
                           const struct array_facts *facts)
{
    enum { PLACES_MAX = 1000 };
    const xd_schema_arrays *w = wanted->arrays;
    uint64_t prefix = facts->prefix > w->prefix_count ? facts->prefix : w->prefix_count;
    bool good = true;
    if (prefix > PLACES_MAX) {
        return xd_diff_break(d, given, wanted, w->prefix_keyword, true,
                             "whether more than %d places agree", PLACES_MAX);
    }
    for (uint64_t i = 0; i <= prefix && i < facts->max; i++) {
        const xd_schema_node *asked = i < w->prefix_count ? w->prefix[i] : w->items;
        if (!asked) {
            break;
        }
        char digits[24];
        xd_str step = XD_STR("*");
        if (i < prefix) {
            size_t n = sizeof digits;
            uint64_t rest = i;
            do {
                digits[--n] = (char)('0' + rest % 10);
                rest /= 10;
            } while (rest);
            step = (xd_str){digits + n, sizeof digits - n};
        }
        xd_diff_set part = xd_diff_item(given, i);
        size_t before = xd_diff_enter(d, step);
        good &= includes_part(d, given, &part, asked);
        xd_diff_leave(d, before);
    }
    return good;
}

bool xd_diff_arrays(xd_diff *d, const xd_diff_set *given, const xd_schema_node *wanted)
{
    const xd_schema_arrays *w = wanted->arrays;
    struct array_facts facts = array_facts(given);
    bool good = true;
    if (facts.min < w->min_items) {
        good = xd_diff_break(d, given, wanted, "minItems", false,
                             "%s asks for at least %llu items, and %s for %llu",
                             xd_diff_wanted_name(d), (unsigned long long)w->min_items,
                             xd_diff_given_name(d), (unsigned long long)facts.min);
    }
    if (w->has_max && facts.max > w->max_items) {
        good = xd_diff_break(d, given, wanted, "maxItems", false,
                             "%s allows at most %llu items, and %s more", xd_diff_wanted_name(d),
                             (unsigned long long)w->max_items, xd_diff_given_name(d));
    }
    if (w->unique && !facts.unique && facts.max > 1) {
        good = xd_diff_break(d, given, wanted, "uniqueItems", false,
                             "%s asks for items that all differ, and %s does not",
                             xd_diff_wanted_name(d), xd_diff_given_name(d));
    }
    good &= includes_items(d, given, wanted, &facts);
    return (!w->contains || includes_contains(d, given, wanted, &facts)) && good;
}

/* --- what excludes one another --- */

static const xd_schema_choices *listed(const xd_diff_set *set)
{
    const xd_schema_choices *found = NULL;
    for (uint32_t i = 0; i < set->count && !found; i++) {
        found = set->nodes[i]->constant ? set->nodes[i]->constant : set->nodes[i]->enumeration;
    }
    return found;
}

/* Whether no value that one side lists is accepted by the other. */
static bool lists_exclude(const xd_schema_choices *choices, const xd_diff_set *other)
{
    for (uint32_t i = 0; i < choices->count; i++) {
        bool refused = false;
        for (uint32_t k = 0; k < other->count && !refused; k++) {
            bool known;
            refused = !xd_schema_accepts(other->nodes[k], &choices->values[i], &known) && known;
        }
        if (!refused) {
            return false;
        }
    }
    return true;
}

/* Whether a member that both have to be told apart by excludes them. */
static bool members_exclude(xd_diff *d, const xd_diff_set *given, const xd_diff_set *other,
                            unsigned depth)
{
    for (uint32_t k = 0; k < other->count; k++) {
        const xd_schema_objects *o = other->nodes[k]->objects;
        for (uint32_t i = 0; o && i < o->name_count; i++) {
            xd_str name = o->names[i].name;
            if (!set_requires(given, name) && !set_requires(other, name)) {
                continue;
            }
            xd_diff_set a = xd_diff_member(given, name);
            xd_diff_set b = xd_diff_member(other, name);
            bool closed = (set_requires(other, name) && a.count && xd_diff_is_empty(&a)) ||
                          (set_requires(given, name) && b.count && xd_diff_is_empty(&b));
            if (closed) {
                return true;
            }
            /* The member may be missing on the side that does not require it, unless the other
             * one does, as here: whoever has it must fulfil both. */
            for (uint32_t n = 0; a.count && n < b.count; n++) {
                if (xd_diff_disjoint(d, &a, b.nodes[n], depth + 1)) {
                    return true;
                }
            }
        }
    }
    return false;
}

bool xd_diff_disjoint(xd_diff *d, const xd_diff_set *given, const xd_schema_node *other,
                      unsigned depth)
{
    xd_diff_set set = {0};
    xd_diff_add(&set, other);
    uint32_t a = xd_diff_types(given);
    uint32_t b = xd_diff_types(&set);
    d->work++;
    if (xd_diff_is_empty(given) || xd_diff_is_empty(&set) || (a & b) == 0) {
        return true;
    }
    const xd_schema_choices *choices = listed(given);
    if (choices && lists_exclude(choices, &set)) {
        return true;
    }
    choices = listed(&set);
    if (choices && lists_exclude(choices, given)) {
        return true;
    }
    bool objects = (a & b) == XD_TYPE_OBJECT;
    return objects && depth < DISJOINT_DEPTH_MAX && members_exclude(d, given, &set, depth);
}
