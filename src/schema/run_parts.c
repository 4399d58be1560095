/* Evaluation of the keywords that look into objects and arrays. See run.h. Pure. */
#include "schema/run.h"

uint32_t xd_schema_find_name(const xd_schema_objects *objects, xd_str name)
{
    uint32_t at = xd_schema_name_hash(name) & objects->slot_mask;
    while (objects->slots[at]) {
        uint32_t position = objects->slots[at] - 1;
        if (xd_schema_same(objects->names[position].name, name)) {
            return position;
        }
        at = (at + 1) & objects->slot_mask;
    }
    return UINT32_MAX;
}

/* --- objects --- */

/* Evaluates the schema of one member. */
static inline bool run_member(xd_schema_run *r, const xd_schema_frame *frame,
                              const xd_schema_node *node, const char *keyword, xd_str name,
                              uint32_t i)
{
    const xd_json_member *member = &frame->value->members[i];
    if (!r->collect && node->direct->leaf) {
        return xd_schema_assert_leaf(r, node->direct, &member->value);
    }
    xd_schema_frame part = {.up = frame,
                            .node = node,
                            .value = &member->value,
                            .keyword = keyword,
                            .name = name,
                            .into_member = true,
                            .member = member->name,
                            .depth = frame->depth + 1};
    return xd_schema_evaluate(r, &part, NULL);
}

/* patternProperties and, when nothing else has spoken of the member, additionalProperties. */
static bool run_unnamed(xd_schema_run *r, const xd_schema_frame *frame, uint32_t i, bool named,
                        const xd_schema_marks *marks)
{
    const xd_schema_objects *o = frame->node->objects;
    xd_str name = frame->value->members[i].name;
    bool good = true;
    for (uint32_t k = 0; k < o->pattern_count && (good || r->collect); k++) {
        bool matches = false;
        if (!xd_schema_charge(r, 1)) {
            return false;
        }
        xd_status status =
            xd_schema_pattern_match(o->patterns[k].pattern, name, &r->steps, &matches, r->fault);
        if (status != XD_OK) {
            r->status = status;
            return false;
        }
        if (matches) {
            named = true;
            good &= run_member(r, frame, o->patterns[k].node, "patternProperties",
                               xd_schema_pattern_text(o->patterns[k].pattern), i);
        }
    }
    if (!named && o->additional && (good || r->collect)) {
        named = true;
        good &= run_member(r, frame, o->additional, "additionalProperties", XD_STR_NULL, i);
    }
    if (named) {
        xd_schema_mark(r, marks, i);
    }
    return good;
}

static bool run_property_name(xd_schema_run *r, const xd_schema_frame *frame, uint32_t i)
{
    const xd_json_member *member = &frame->value->members[i];
    const xd_json name = {
        .type = XD_JSON_STRING, .offset = member->value.offset, .text = member->name};
    xd_schema_frame part = {.up = frame,
                            .node = frame->node->objects->property_names,
                            .value = &name,
                            .keyword = "propertyNames",
                            .depth = frame->depth + 1};
    xd_schema_point before = xd_schema_here(r);
    bool good = xd_schema_evaluate(r, &part, NULL);
    xd_schema_forget_notes(r, &before);
    if (good) {
        return true;
    }
    return FAIL(r, frame, "propertyNames", "the member name \"%.*s\" is not allowed",
                XD_FMT(member->name));
}

static bool check_dependencies(xd_schema_run *r, const xd_schema_frame *frame, const uint64_t *seen)
{
    const xd_schema_objects *o = frame->node->objects;
    bool good = true;
    for (uint32_t i = 0; i < o->dependency_count && (good || r->collect); i++) {
        const xd_schema_dependency *d = &o->dependencies[i];
        if (!(seen[d->trigger >> 6] >> (d->trigger & 63) & 1)) {
            continue;
        }
        if (!xd_schema_charge(r, d->needs_count)) {
            return false;
        }
        for (uint32_t k = 0; k < d->needs_count && (good || r->collect); k++) {
            uint32_t bit = d->needs[k];
            if (!(seen[bit >> 6] >> (bit & 63) & 1)) {
                xd_str missing = o->names[o->tracked_name[bit]].name;
                good = FAIL(r, frame, d->keyword,
                            "expected the member \"%.*s\" because \"%.*s\" is there, found none",
                            XD_FMT(missing), XD_FMT(d->name));
            }
        }
    }
    return good;
}

static bool check_required(xd_schema_run *r, const xd_schema_frame *frame, const uint64_t *seen)
{
    const xd_schema_objects *o = frame->node->objects;
    bool good = true;
    for (uint32_t i = 0; i < o->required_count; i += 64) {
        uint32_t left = o->required_count - i;
        uint64_t wanted = left >= 64 ? UINT64_MAX : ((uint64_t)1 << left) - 1;
        uint64_t missing = wanted & ~seen[i >> 6];
        if (missing && !r->collect) {
            return false;
        }
        for (; missing; missing &= missing - 1) {
            uint32_t bit = i + (uint32_t)__builtin_ctzll(missing);
            good = FAIL(r, frame, "required", "expected the member \"%.*s\", found none",
                        XD_FMT(o->names[o->tracked_name[bit]].name));
        }
    }
    return good;
}

static bool check_member_count(xd_schema_run *r, const xd_schema_frame *frame)
{
    const xd_schema_objects *o = frame->node->objects;
    uint32_t count = frame->value->count;
    bool good = true;
    if (count < o->min_properties) {
        good = FAIL(r, frame, "minProperties", "expected at least %llu members, found %u",
                    (unsigned long long)o->min_properties, count);
    }
    if (o->has_max && count > o->max_properties) {
        good = FAIL(r, frame, "maxProperties", "expected at most %llu members, found %u",
                    (unsigned long long)o->max_properties, count);
    }
    return good;
}

/* Goes through the members once. word holds the presence bits when they fit, else those of the word
 * stack from first_word on do: evaluation of a member may move that stack. */
static bool run_members(xd_schema_run *r, const xd_schema_frame *frame,
                        const xd_schema_marks *marks, uint64_t *word, size_t first_word)
{
    const xd_schema_objects *o = frame->node->objects;
    const xd_json *value = frame->value;
    bool unnamed = o->pattern_count || o->additional;
    bool good = true;
    uint32_t next = 0; /* documents often keep the schema's order */
    for (uint32_t i = 0; i < value->count && (good || r->collect); i++) {
        xd_str name = value->members[i].name;
        uint32_t position = UINT32_MAX;
        if (next < o->name_count && xd_schema_same(o->names[next].name, name)) {
            position = next;
        } else if (o->name_count) {
            position = xd_schema_find_name(o, name);
        }
        bool named = false;
        if (position != UINT32_MAX) {
            const xd_schema_name *known = &o->names[position];
            next = position + 1;
            if (known->tracked) {
                uint32_t bit = known->tracked - 1;
                uint64_t *words = word ? word : r->words + first_word;
                words[bit >> 6] |= (uint64_t)1 << (bit & 63);
            }
            if (known->node) {
                named = true;
                good &= run_member(r, frame, known->node, "properties", known->name, i);
                xd_schema_mark(r, marks, i);
            }
        }
        if (unnamed && (!named || o->pattern_count) && (good || r->collect)) {
            good &= run_unnamed(r, frame, i, named, marks);
        }
        if (o->property_names && (good || r->collect)) {
            good &= run_property_name(r, frame, i);
        }
        if (r->status != XD_OK) {
            return false;
        }
    }
    return good;
}

bool xd_schema_run_object(xd_schema_run *r, const xd_schema_frame *frame,
                          const xd_schema_marks *marks)
{
    const xd_schema_objects *o = frame->node->objects;
    uint64_t word = 0;
    bool fits = o->tracked_count <= 64;
    size_t first_word = 0;
    if (!fits && !xd_schema_push_words(r, ((size_t)o->tracked_count + 63) / 64, &first_word)) {
        return false;
    }
    bool good = check_member_count(r, frame);
    if (good || r->collect) {
        good &= run_members(r, frame, marks, fits ? &word : NULL, first_word);
    }
    if ((good || r->collect) && r->status == XD_OK) {
        const uint64_t *seen = fits ? &word : r->words + first_word;
        good &= check_required(r, frame, seen);
        good &= check_dependencies(r, frame, seen);
    }
    if (!fits) {
        xd_schema_pop_words(r, first_word);
    }
    return good;
}

/* --- arrays --- */

static inline bool run_item(xd_schema_run *r, const xd_schema_frame *frame,
                            const xd_schema_node *node, const char *keyword, bool has_index,
                            uint32_t i)
{
    const xd_json *item = &frame->value->items[i];
    if (!r->collect && node->direct->leaf) {
        return xd_schema_assert_leaf(r, node->direct, item);
    }
    xd_schema_frame part = {.up = frame,
                            .node = node,
                            .value = item,
                            .keyword = keyword,
                            .index = i,
                            .has_index = has_index,
                            .into_item = true,
                            .item = i,
                            .depth = frame->depth + 1};
    return xd_schema_evaluate(r, &part, NULL);
}

static bool check_item_count(xd_schema_run *r, const xd_schema_frame *frame)
{
    const xd_schema_arrays *a = frame->node->arrays;
    uint32_t count = frame->value->count;
    bool good = true;
    if (count < a->min_items) {
        good = FAIL(r, frame, "minItems", "expected at least %llu item%s, found %u",
                    (unsigned long long)a->min_items, a->min_items == 1 ? "" : "s", count);
    }
    if (a->has_max && count > a->max_items) {
        good = FAIL(r, frame, "maxItems", "expected at most %llu item%s, found %u",
                    (unsigned long long)a->max_items, a->max_items == 1 ? "" : "s", count);
    }
    return good;
}

static bool run_contains(xd_schema_run *r, const xd_schema_frame *frame,
                         const xd_schema_marks *marks)
{
    const xd_schema_arrays *a = frame->node->arrays;
    bool counts_as_evaluated = !(frame->node->resource->vocabularies & XD_VOCAB_2019);
    uint64_t found = 0;
    for (uint32_t i = 0; i < frame->value->count && r->status == XD_OK; i++) {
        xd_schema_point before = xd_schema_here(r);
        if (run_item(r, frame, a->contains, "contains", false, i)) {
            found++;
            if (counts_as_evaluated) {
                xd_schema_mark(r, marks, i);
            }
        }
        xd_schema_forget_failures(r, &before);
        bool decided = a->has_max_contains ? found > a->max_contains : found >= a->min_contains;
        if (decided && !marks && !r->collect) {
            break;
        }
    }
    if (found < a->min_contains) {
        return FAIL(r, frame, a->min_contains == 1 ? "contains" : "minContains",
                    "expected at least %llu item%s that fit%s, found %llu",
                    (unsigned long long)a->min_contains, a->min_contains == 1 ? "" : "s",
                    a->min_contains == 1 ? "s" : "", (unsigned long long)found);
    }
    if (a->has_max_contains && found > a->max_contains) {
        return FAIL(r, frame, "maxContains", "expected at most %llu items that fit, found %llu",
                    (unsigned long long)a->max_contains, (unsigned long long)found);
    }
    return true;
}

static bool check_unique(xd_schema_run *r, const xd_schema_frame *frame)
{
    uint32_t first = 0;
    uint32_t second = 0;
    bool failed = false;
    bool twins = xd_schema_value_find_twins(frame->value, &r->steps, &first, &second, &failed);
    if (failed) {
        return xd_schema_stop(r, XD_NO_MEMORY, "schema.memory", "no memory to compare the items");
    }
    if (!xd_schema_charge(r, 0)) {
        return false;
    }
    return !twins ||
           FAIL(r, frame, "uniqueItems",
                "expected items that all differ, found that item %u equals item %u", second, first);
}

bool xd_schema_run_array(xd_schema_run *r, const xd_schema_frame *frame,
                         const xd_schema_marks *marks)
{
    const xd_schema_arrays *a = frame->node->arrays;
    uint32_t count = frame->value->count;
    bool good = check_item_count(r, frame);
    for (uint32_t i = 0; i < count && (good || r->collect) && r->status == XD_OK; i++) {
        if (i < a->prefix_count) {
            good &= run_item(r, frame, a->prefix[i], a->prefix_keyword, true, i);
        } else if (a->items) {
            good &= run_item(r, frame, a->items, a->items_keyword, false, i);
        } else {
            break;
        }
        xd_schema_mark(r, marks, i);
    }
    if (a->contains && (good || r->collect)) {
        good &= run_contains(r, frame, marks);
    }
    if (a->unique && count > 1 && (good || r->collect)) {
        good &= check_unique(r, frame);
    }
    return good;
}
