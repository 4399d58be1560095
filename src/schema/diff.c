/* Comparing schemas: whether all that the given side accepts is accepted by the wanted one. See
 * diff.h.
 *
 * The given side is a set of nodes that hold together, the wanted side one node at a time. Every
 * rule here is sound: it answers yes only when inclusion follows. Pure. */
#include "schema/diff_int.h"
#include "schema/run.h"

#include <stdarg.h>
#include <stdio.h>

enum { WORK_MAX = 2000000, DEPTH_MAX = 100, BREAKS_MAX = 500, SPLIT_MAX = 32 };

const char *xd_diff_given_name(const xd_diff *d)
{
    return d->given_is_old ? "the older schema" : "the newer schema";
}

const char *xd_diff_wanted_name(const xd_diff *d)
{
    return d->given_is_old ? "the newer schema" : "the older schema";
}

/* --- reporting --- */

static xd_str location(xd_diff *d, const xd_schema_node *node, const char *keyword)
{
    bool own = node->resource == d->roots[0] || node->resource == d->roots[1];
    xd_str uri = own ? XD_STR_NULL : node->resource->uri;
    return xd_arena_printf(d->arena, "%.*s#%.*s%s%s", XD_FMT(uri), XD_FMT(node->pointer),
                           keyword ? "/" : "", keyword ? keyword : "");
}

static bool is_known_break(const xd_diff *d, const xd_schema_break *found)
{
    for (const xd_schema_break *b = d->first; b; b = b->next) {
        if (xd_str_eq(b->place, found->place) && xd_str_eq(b->new_location, found->new_location) &&
            xd_str_eq(b->old_location, found->old_location) &&
            xd_str_eq(b->reason, found->reason)) {
            return true;
        }
    }
    return false;
}

/* Whether given has keywords that the comparison leaves out, so that it may allow less than is
 * seen. */
static bool allows_less(const xd_diff_set *given)
{
    for (uint32_t i = 0; i < given->count; i++) {
        const xd_schema_node *node = given->nodes[i];
        for (const xd_schema_inplace *in = node->inplace; in; in = in->next) {
            if (in->apply == XD_APPLY_NOT || in->apply == XD_APPLY_IF ||
                in->apply == XD_APPLY_DEPENDENT) {
                return true;
            }
        }
        if (node->unevaluated_properties || node->unevaluated_items) {
            return true;
        }
    }
    return false;
}

bool xd_diff_break(xd_diff *d, const xd_diff_set *given, const xd_schema_node *wanted,
                   const char *keyword, bool undecided, const char *format, ...)
{
    if (d->quiet || d->break_count >= BREAKS_MAX) {
        return false;
    }
    const char *prefix = undecided ? "cannot be decided: " : "";
    if (!undecided && allows_less(given)) {
        undecided = true;
        prefix = "cannot be decided, but it seems that ";
    }
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    xd_str said = {text, n < (int)sizeof text ? (size_t)n : sizeof text - 1};
    size_t bad;
    said.len = xd_utf8_valid(said, &bad) ? said.len : bad;
    xd_str here = location(d, wanted, keyword);
    xd_str there = location(d, given->nodes[0], NULL);
    xd_schema_break *found = xd_arena_zalloc(d->arena, sizeof *found);
    xd_str reason = xd_arena_printf(d->arena, "%s%.*s", prefix, XD_FMT(said));
    xd_str place = xd_arena_copy(d->arena, (xd_str){d->path, d->path_length});
    if (!found || !reason.ptr || !place.ptr || !here.ptr || !there.ptr) {
        d->failed = true;
        return false;
    }
    *found = (xd_schema_break){.place = place,
                               .old_location = d->given_is_old ? there : here,
                               .new_location = d->given_is_old ? here : there,
                               .undecided = undecided,
                               .reason = reason};
    if (is_known_break(d, found)) {
        return false;
    }
    if (d->last) {
        d->last->next = found;
    } else {
        d->first = found;
    }
    d->last = found;
    d->break_count++;
    return false;
}

size_t xd_diff_enter(xd_diff *d, xd_str step)
{
    size_t before = d->path_length;
    if (step.len + 1 < sizeof d->path - d->path_length) {
        d->path[d->path_length++] = '/';
        memcpy(d->path + d->path_length, step.ptr, step.len);
        d->path_length += step.len;
    }
    return before;
}

void xd_diff_leave(xd_diff *d, size_t before)
{
    d->path_length = before;
}

/* --- the given side --- */

void xd_diff_add(xd_diff_set *set, const xd_schema_node *node)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (set->nodes[i] == node) {
            return;
        }
    }
    if (set->count == XD_DIFF_SET_MAX) {
        return;
    }
    set->nodes[set->count++] = node;
    for (const xd_schema_inplace *in = node->inplace; in; in = in->next) {
        if (in->apply == XD_APPLY_REF || in->apply == XD_APPLY_ALL_OF) {
            for (uint32_t i = 0; i < in->count; i++) {
                xd_diff_add(set, in->nodes[i]);
            }
        }
    }
}

/* Types that a node's own `not` leaves: those that a schema of nothing but types names are out. */
static uint32_t types_left(const xd_schema_node *node)
{
    uint32_t types = node->types;
    for (const xd_schema_inplace *in = node->inplace; in; in = in->next) {
        const xd_schema_node *n = in->apply == XD_APPLY_NOT ? in->nodes[0] : NULL;
        if (n && n->leaf && !n->never && !n->strings && !n->numbers && !n->enumeration &&
            !n->constant) {
            types &= ~n->types;
        }
    }
    return types;
}

uint32_t xd_diff_types(const xd_diff_set *set)
{
    uint32_t types = XD_TYPE_ANY;
    for (uint32_t i = 0; i < set->count; i++) {
        types &= types_left(set->nodes[i]);
    }
    return types;
}

bool xd_diff_is_empty(const xd_diff_set *set)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (set->nodes[i]->never) {
            return true;
        }
    }
    return xd_diff_types(set) == 0;
}

static bool fulfils_all(const xd_diff_set *set, const xd_json *value, bool *ret_known)
{
    bool all = true;
    *ret_known = true;
    for (uint32_t i = 0; i < set->count && all && *ret_known; i++) {
        all = xd_schema_accepts(set->nodes[i], value, ret_known);
    }
    return all;
}

/* --- enumerations --- */

/* The choices that the set is limited to; NULL when it is not. */
static const xd_schema_choices *choices_of(const xd_diff_set *set)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (set->nodes[i]->constant) {
            return set->nodes[i]->constant;
        }
    }
    for (uint32_t i = 0; i < set->count; i++) {
        if (set->nodes[i]->enumeration) {
            return set->nodes[i]->enumeration;
        }
    }
    return NULL;
}

static bool includes_value(xd_diff *d, const xd_diff_set *given, const xd_schema_node *wanted,
                           const xd_json *value)
{
    bool known;
    bool possible = fulfils_all(given, value, &known);
    if (known && !possible) {
        return true;
    }
    bool known_too;
    bool fits = xd_schema_accepts(wanted, value, &known_too);
    char found[XD_SCHEMA_FOUND_BYTES];
    if (!known || !known_too) {
        return xd_diff_break(d, given, wanted, NULL, true, "whether %s is allowed",
                             xd_schema_found(value, found));
    }
    return fits || xd_diff_break(d, given, wanted, NULL, false, "%s allows %s, and %s does not",
                                 xd_diff_given_name(d), xd_schema_found(value, found),
                                 xd_diff_wanted_name(d));
}

/* When few values are possible, each is tried; *ret_done tells whether that was so. */
static bool includes_values(xd_diff *d, const xd_diff_set *given, const xd_schema_node *wanted,
                            bool *ret_done)
{
    static const xd_json plain[] = {
        {.type = XD_JSON_NULL}, {.type = XD_JSON_FALSE}, {.type = XD_JSON_TRUE}};
    const xd_schema_choices *choices = choices_of(given);
    bool few = (xd_diff_types(given) & ~(uint32_t)(XD_TYPE_NULL | XD_TYPE_BOOLEAN)) == 0;
    *ret_done = choices || few;
    bool good = true;
    uint32_t count = choices ? choices->count : few ? 3 : 0;
    for (uint32_t i = 0; i < count; i++) {
        d->work++;
        good &= includes_value(d, given, wanted, choices ? &choices->values[i] : &plain[i]);
    }
    return good;
}

/* --- types, strings, numbers --- */

static bool includes_types(xd_diff *d, const xd_diff_set *given, const xd_schema_node *wanted)
{
    static const char *const names[] = {"null",   "boolean", "integer", "number with a fraction",
                                        "string", "array",   "object"};
    uint32_t missing = xd_diff_types(given) & ~wanted->types;
    bool good = true;
    for (uint32_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (missing >> i & 1) {
            good = xd_diff_break(d, given, wanted, "type", false,
                                 "%s allows the type %s, and %s does not", xd_diff_given_name(d),
                                 names[i], xd_diff_wanted_name(d));
        }
    }
    return good;
}

static bool includes_pattern(xd_diff *d, const xd_diff_set *given, const xd_schema_node *wanted)
{
    const xd_schema_pattern *pattern = wanted->strings->pattern;
    bool any = false;
    for (uint32_t i = 0; pattern && i < given->count; i++) {
        const xd_schema_strings *s = given->nodes[i]->strings;
        any |= s && s->pattern;
        if (s && s->pattern &&
            xd_str_eq(xd_schema_pattern_text(s->pattern), xd_schema_pattern_text(pattern))) {
            return true;
        }
    }
    if (!pattern) {
        return true;
    }
    if (any) {
        return xd_diff_break(d, given, wanted, "pattern", true,
                             "whether every text of the one pattern matches the other, %.*s",
                             XD_FMT(xd_schema_pattern_text(pattern)));
    }
    return xd_diff_break(
        d, given, wanted, "pattern", false, "%s asks for a text that matches %.*s, and %s does not",
        xd_diff_wanted_name(d), XD_FMT(xd_schema_pattern_text(pattern)), xd_diff_given_name(d));
}

static bool includes_strings(xd_diff *d, const xd_diff_set *given, const xd_schema_node *wanted)
{
    const xd_schema_strings *w = wanted->strings;
    uint64_t min = 0;
    uint64_t max = UINT64_MAX;
    bool format = false;
    for (uint32_t i = 0; i < given->count; i++) {
        const xd_schema_strings *s = given->nodes[i]->strings;
        if (s) {
            min = s->min_length > min ? s->min_length : min;
            max = s->has_max && s->max_length < max ? s->max_length : max;
            format |= w->format && s->format == w->format;
        }
    }
    bool good = true;
    if (min < w->min_length) {
        good = xd_diff_break(d, given, wanted, "minLength", false,
                             "%s asks for at least %llu characters, and %s for %llu",
                             xd_diff_wanted_name(d), (unsigned long long)w->min_length,
                             xd_diff_given_name(d), (unsigned long long)min);
    }
    if (w->has_max && max > w->max_length) {
        good = xd_diff_break(
            d, given, wanted, "maxLength", false, "%s allows at most %llu characters, and %s more",
            xd_diff_wanted_name(d), (unsigned long long)w->max_length, xd_diff_given_name(d));
    }
    if (w->format && !format) {
        good = xd_diff_break(d, given, wanted, "format", false, "%s asks for a %s, and %s does not",
                             xd_diff_wanted_name(d), w->format->name, xd_diff_given_name(d));
    }
    return includes_pattern(d, given, wanted) && good;
}

/* Whether given keeps to a bound at least as tight. sign is 1 for lower bounds and -1 for upper
 * ones; strict tells whether the bound itself is out. */
static bool keeps_bound(const xd_diff_set *given, const xd_schema_bound *bound, int sign,
                        bool strict)
{
    bool integers = !(xd_diff_types(given) & XD_TYPE_NUMBER);
    for (uint32_t i = 0; i < given->count; i++) {
        const xd_schema_numbers *n = given->nodes[i]->numbers;
        if (!n) {
            continue;
        }
        const xd_schema_bound *with = sign > 0 ? &n->minimum : &n->maximum;
        const xd_schema_bound *without = sign > 0 ? &n->above : &n->below;
        if (with->given) {
            int c = sign * xd_schema_number_cmp(&with->number, &bound->number);
            if (c > 0 || (c == 0 && !strict)) {
                return true;
            }
        }
        if (without->given && sign * xd_schema_number_cmp(&without->number, &bound->number) >= 0) {
            return true;
        }
        /* Among whole numbers, above 5 is from 6 on. */
        if (without->given && integers && without->is_small && bound->is_small && !strict &&
            sign * without->small + 1 >= sign * bound->small) {
            return true;
        }
    }
    return false;
}

static bool keeps_multiple(const xd_diff_set *given, const xd_schema_number *multiple)
{
    xd_schema_number one;
    bool integers = !(xd_diff_types(given) & XD_TYPE_NUMBER);
    if (integers && xd_schema_number_read(XD_STR("1"), &one) &&
        xd_schema_number_is_multiple(&one, multiple)) {
        return true;
    }
    for (uint32_t i = 0; i < given->count; i++) {
        const xd_schema_numbers *n = given->nodes[i]->numbers;
        if (n && n->has_multiple && xd_schema_number_is_multiple(&n->multiple, multiple)) {
            return true;
        }
    }
    return false;
}

static bool includes_numbers(xd_diff *d, const xd_diff_set *given, const xd_schema_node *wanted)
{
    const xd_schema_numbers *w = wanted->numbers;
    const struct {
        const xd_schema_bound *bound;
        const char *keyword;
        int sign;
        bool strict;
    } bounds[] = {{&w->minimum, "minimum", 1, false},
                  {&w->above, "exclusiveMinimum", 1, true},
                  {&w->maximum, "maximum", -1, false},
                  {&w->below, "exclusiveMaximum", -1, true}};
    bool good = true;
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
        const xd_schema_bound *bound = bounds[i].bound;
        if (bound->given && !keeps_bound(given, bound, bounds[i].sign, bounds[i].strict)) {
            good =
                xd_diff_break(d, given, wanted, bounds[i].keyword, false,
                              "%s has the limit %.*s, and %s a wider one or none",
                              xd_diff_wanted_name(d), XD_FMT(bound->text), xd_diff_given_name(d));
        }
    }
    if (w->has_multiple && !keeps_multiple(given, &w->multiple)) {
        good =
            xd_diff_break(d, given, wanted, "multipleOf", false,
                          "%s allows only multiples of %.*s, and %s others too",
                          xd_diff_wanted_name(d), XD_FMT(w->multiple_text), xd_diff_given_name(d));
    }
    return good;
}

/* --- keywords that combine schemas --- */

/* Whether a node of given has this very keyword with the same content. */
static bool has_same_inplace(xd_diff *d, const xd_diff_set *given, const xd_schema_inplace *wanted)
{
    for (uint32_t i = 0; i < given->count; i++) {
        for (const xd_schema_inplace *in = given->nodes[i]->inplace; in; in = in->next) {
            bool equal = in->apply == wanted->apply && in->count == wanted->count &&
                         xd_str_eq(in->name, wanted->name);
            for (uint32_t k = 0; equal && k < in->count; k++) {
                const xd_schema_node *a = in->nodes[k];
                const xd_schema_node *b = wanted->nodes[k];
                equal = a && b ? xd_diff_same(d, a, b, false) : a == b;
            }
            if (equal) {
                return true;
            }
        }
    }
    return false;
}

/* Whether some alternative surely takes all of given. */
static bool fits_some(xd_diff *d, const xd_diff_set *given, const xd_schema_inplace *in)
{
    for (uint32_t i = 0; i < in->count; i++) {
        if (xd_diff_includes_quietly(d, given, in->nodes[i])) {
            return true;
        }
    }
    return false;
}

/* Whether some alternative surely takes all of given, and the others nothing of it. */
static bool fits_one_only(xd_diff *d, const xd_diff_set *given, const xd_schema_inplace *in)
{
    for (uint32_t i = 0; i < in->count; i++) {
        bool fits = xd_diff_includes_quietly(d, given, in->nodes[i]);
        for (uint32_t k = 0; fits && k < in->count; k++) {
            fits = k == i || xd_diff_disjoint(d, given, in->nodes[k], 0);
        }
        if (fits) {
            return true;
        }
    }
    return false;
}

typedef bool (*fits_function)(xd_diff *d, const xd_diff_set *given, const xd_schema_inplace *in);

/* Whether the values of each type that given allows fit, taken by themselves. */
static bool fits_by_types(xd_diff *d, const xd_diff_set *given, const xd_schema_inplace *in,
                          fits_function fits)
{
    uint32_t types = xd_diff_types(given);
    bool good = given->count > 0 && (types & (types - 1)) != 0;
    for (uint32_t bit = 1; good && bit <= types; bit <<= 1) {
        if (types & bit) {
            xd_schema_node only = *given->nodes[0];
            xd_diff_set narrowed = *given;
            only.types &= bit;
            only.direct = only.direct == given->nodes[0] ? &only : only.direct;
            narrowed.nodes[0] = &only;
            good = fits(d, &narrowed, in);
        }
    }
    return good;
}

/* Whether given fits as a whole, or each of its own alternatives does: every value of it falls
 * under one of them. */
static bool fits_by_alternatives(xd_diff *d, const xd_diff_set *given, const xd_schema_inplace *in,
                                 fits_function fits)
{
    bool good = fits(d, given, in);
    for (uint32_t i = 0; i < given->count && !good; i++) {
        const xd_schema_inplace *own = given->nodes[i]->inplace;
        for (; own && !good; own = own->next) {
            bool splits = own->apply == XD_APPLY_ANY_OF || own->apply == XD_APPLY_ONE_OF;
            good = splits && own->count <= SPLIT_MAX;
            for (uint32_t k = 0; good && k < own->count; k++) {
                xd_diff_set narrowed = *given;
                xd_diff_add(&narrowed, own->nodes[k]);
                good = fits(d, &narrowed, in);
            }
        }
    }
    return good || fits_by_types(d, given, in, fits);
}

static bool includes_any_of(xd_diff *d, const xd_diff_set *given, const xd_schema_node *wanted,
                            const xd_schema_inplace *in)
{
    return fits_by_alternatives(d, given, in, fits_some) ||
           xd_diff_break(d, given, wanted, in->keyword, true,
                         "whether one of the %u alternatives of %s always fits", in->count,
                         xd_diff_wanted_name(d));
}

static bool includes_one_of(xd_diff *d, const xd_diff_set *given, const xd_schema_node *wanted,
                            const xd_schema_inplace *in)
{
    return fits_by_alternatives(d, given, in, fits_one_only) ||
           xd_diff_break(d, given, wanted, in->keyword, true,
                         "whether exactly one of the %u alternatives of %s always fits", in->count,
                         xd_diff_wanted_name(d));
}

static bool includes_not(xd_diff *d, const xd_diff_set *given, const xd_schema_node *wanted,
                         const xd_schema_inplace *in)
{
    if (xd_diff_disjoint(d, given, in->nodes[0], 0)) {
        return true;
    }
    for (uint32_t i = 0; i < given->count; i++) {
        for (const xd_schema_inplace *a = given->nodes[i]->inplace; a; a = a->next) {
            xd_diff_set refused = {0};
            xd_diff_add(&refused, in->nodes[0]);
            if (a->apply == XD_APPLY_NOT && xd_diff_includes_quietly(d, &refused, a->nodes[0])) {
                return true;
            }
        }
    }
    return xd_diff_break(d, given, wanted, "not", true,
                         "whether %s allows what \"not\" refuses in %s", xd_diff_given_name(d),
                         xd_diff_wanted_name(d));
}

static bool includes_condition(xd_diff *d, const xd_diff_set *given, const xd_schema_node *wanted,
                               const xd_schema_inplace *in)
{
    const xd_schema_node *then = in->nodes[1];
    const xd_schema_node *otherwise = in->nodes[2];
    bool always = xd_diff_includes_quietly(d, given, in->nodes[0]);
    bool never = !always && xd_diff_disjoint(d, given, in->nodes[0], 0);
    if (always) {
        return !then || xd_diff_includes(d, given, then);
    }
    if (never) {
        return !otherwise || xd_diff_includes(d, given, otherwise);
    }
    xd_diff_set narrowed = *given;
    xd_diff_add(&narrowed, in->nodes[0]);
    bool first = !then || xd_diff_includes_quietly(d, &narrowed, then);
    bool second = !otherwise || xd_diff_includes_quietly(d, given, otherwise);
    return (first && second) ||
           xd_diff_break(d, given, wanted, "if", true,
                         "whether the condition of %s holds for what %s allows",
                         xd_diff_wanted_name(d), xd_diff_given_name(d));
}

static bool includes_dependent(xd_diff *d, const xd_diff_set *given, const xd_schema_node *wanted,
                               const xd_schema_inplace *in)
{
    xd_diff_set member = xd_diff_member(given, in->name);
    if (xd_diff_is_empty(&member) || !(xd_diff_types(given) & XD_TYPE_OBJECT) ||
        xd_diff_includes_quietly(d, given, in->nodes[0])) {
        return true;
    }
    return xd_diff_break(d, given, wanted, in->keyword, true,
                         "whether what depends on the member \"%.*s\" in %s holds in %s",
                         XD_FMT(in->name), xd_diff_wanted_name(d), xd_diff_given_name(d));
}

static bool includes_inplace(xd_diff *d, const xd_diff_set *given, const xd_schema_node *wanted,
                             const xd_schema_inplace *in)
{
    bool good = true;
    if (in->apply == XD_APPLY_REF || in->apply == XD_APPLY_ALL_OF) {
        for (uint32_t i = 0; i < in->count; i++) {
            good &= xd_diff_includes(d, given, in->nodes[i]);
        }
        return good;
    }
    if (has_same_inplace(d, given, in)) {
        return true;
    }
    switch (in->apply) {
    case XD_APPLY_ANY_OF:
        return includes_any_of(d, given, wanted, in);
    case XD_APPLY_ONE_OF:
        return includes_one_of(d, given, wanted, in);
    case XD_APPLY_NOT:
        return includes_not(d, given, wanted, in);
    case XD_APPLY_IF:
        return includes_condition(d, given, wanted, in);
    case XD_APPLY_DEPENDENT:
        return includes_dependent(d, given, wanted, in);
    default:
        return xd_diff_break(d, given, wanted, in->keyword, true,
                             "%s leads to where the way of evaluation decides", in->keyword);
    }
}

/* --- one pair --- */

static bool includes_node(xd_diff *d, const xd_diff_set *given, const xd_schema_node *wanted)
{
    if (wanted->never) {
        return xd_diff_break(d, given, wanted, NULL, false, "%s allows nothing here, and %s does",
                             xd_diff_wanted_name(d), xd_diff_given_name(d));
    }
    bool done;
    bool good = includes_values(d, given, wanted, &done);
    if (done) {
        return good;
    }
    uint32_t types = xd_diff_types(given);
    good &= includes_types(d, given, wanted);
    if (wanted->enumeration || wanted->constant) {
        good = xd_diff_break(d, given, wanted, wanted->constant ? "const" : "enum", false,
                             "%s allows only values that it lists, and %s others too",
                             xd_diff_wanted_name(d), xd_diff_given_name(d));
    }
    if (wanted->strings && types & XD_TYPE_STRING) {
        good &= includes_strings(d, given, wanted);
    }
    if (wanted->numbers && types & (XD_TYPE_NUMBER | XD_TYPE_INTEGER)) {
        good &= includes_numbers(d, given, wanted);
    }
    if (wanted->objects && types & XD_TYPE_OBJECT) {
        good &= xd_diff_objects(d, given, wanted);
    }
    if (wanted->arrays && types & XD_TYPE_ARRAY) {
        good &= xd_diff_arrays(d, given, wanted);
    }
    for (const xd_schema_inplace *in = wanted->inplace; in; in = in->next) {
        good &= includes_inplace(d, given, wanted, in);
    }
    bool rest = (wanted->unevaluated_properties && types & XD_TYPE_OBJECT) ||
                (wanted->unevaluated_items && types & XD_TYPE_ARRAY);
    if (rest) {
        good = xd_diff_break(
            d, given, wanted,
            wanted->unevaluated_properties ? "unevaluatedProperties" : "unevaluatedItems", true,
            "what else has been evaluated when %s speaks", xd_diff_wanted_name(d));
    }
    return good;
}

/* The alternatives of given, taken one by one: every value of it falls under one of them. */
static bool includes_each_alternative(xd_diff *d, const xd_diff_set *given,
                                      const xd_schema_node *wanted)
{
    for (uint32_t i = 0; i < given->count; i++) {
        for (const xd_schema_inplace *in = given->nodes[i]->inplace; in; in = in->next) {
            if ((in->apply != XD_APPLY_ANY_OF && in->apply != XD_APPLY_ONE_OF) ||
                in->count > SPLIT_MAX) {
                continue;
            }
            bool all = true;
            for (uint32_t k = 0; all && k < in->count; k++) {
                xd_diff_set narrowed = *given;
                xd_diff_add(&narrowed, in->nodes[k]);
                bool narrower = narrowed.count > given->count;
                all = narrower && xd_diff_includes_quietly(d, &narrowed, wanted);
            }
            if (all) {
                return true;
            }
        }
    }
    return false;
}

static bool is_same_set(const xd_diff_set *a, const xd_diff_set *b)
{
    bool equal = a->count == b->count;
    for (uint32_t i = 0; equal && i < a->count; i++) {
        equal = a->nodes[i] == b->nodes[i];
    }
    return equal;
}

bool xd_diff_includes(xd_diff *d, const xd_diff_set *given, const xd_schema_node *wanted)
{
    if (++d->work > WORK_MAX || d->depth > DEPTH_MAX) {
        return xd_diff_break(d, given, wanted, NULL, true, "the schemas are too intricate");
    }
    if (xd_diff_is_empty(given)) {
        return true;
    }
    for (uint32_t i = 0; i < given->count; i++) {
        if (given->nodes[i] == wanted || xd_diff_same(d, given->nodes[i], wanted, false)) {
            return true;
        }
    }
    for (const xd_diff_pair *p = d->pairs; p; p = p->up) {
        if (p->wanted == wanted && is_same_set(p->given, given)) {
            return true;
        }
    }
    xd_diff_pair pair = {.up = d->pairs, .given = given, .wanted = wanted};
    xd_schema_break *last = d->last;
    uint32_t count = d->break_count;
    d->pairs = &pair;
    d->depth++;
    bool good = includes_node(d, given, wanted);
    if (!good && includes_each_alternative(d, given, wanted)) {
        good = true;
        d->last = last;
        d->break_count = count;
        if (last) {
            last->next = NULL;
        } else {
            d->first = NULL;
        }
    }
    d->depth--;
    d->pairs = pair.up;
    return good;
}

bool xd_diff_includes_quietly(xd_diff *d, const xd_diff_set *given, const xd_schema_node *wanted)
{
    d->quiet++;
    bool good = xd_diff_includes(d, given, wanted);
    d->quiet--;
    return good;
}

bool xd_diff_includes_node(xd_diff *d, const xd_schema_node *given, const xd_schema_node *wanted)
{
    xd_diff_set set = {0};
    xd_diff_add(&set, given);
    return xd_diff_includes(d, &set, wanted);
}

/* --- the whole --- */

static xd_status compare_one_way(const xd_schema *given, const xd_schema *wanted, bool given_is_old,
                                 xd_arena *arena, bool *ret_good, const xd_schema_break **ret,
                                 xd_fault *fault)
{
    xd_diff d = {.arena = arena,
                 .given_is_old = given_is_old,
                 .roots = {given->root->resource, wanted->root->resource}};
    bool good = xd_diff_same(&d, given->root, wanted->root, true);
    d.work = 0;
    good = good || xd_diff_includes_node(&d, given->root, wanted->root);
    if (d.failed) {
        return xd_fail(fault, XD_NO_MEMORY, "schema.memory", "no memory to compare the schemas");
    }
    *ret_good = good;
    *ret = d.first;
    return XD_OK;
}

xd_status xd_schema_compare(const xd_schema *older, const xd_schema *newer, xd_arena *arena,
                            const xd_schema_comparison **ret, xd_fault *fault)
{
    xd_schema_comparison *c = xd_arena_zalloc(arena, sizeof *c);
    if (!c) {
        return xd_fail(fault, XD_NO_MEMORY, "schema.memory", "no memory to compare the schemas");
    }
    XD_TRY(compare_one_way(older, newer, true, arena, &c->backward, &c->backward_breaks, fault));
    XD_TRY(compare_one_way(newer, older, false, arena, &c->forward, &c->forward_breaks, fault));
    *ret = c;
    return XD_OK;
}
