/* Evaluation of a compiled schema: the keywords that combine schemas, what has been evaluated, and
 * the limits. See run.h. Recursion is bounded by DEPTH_MAX, work by STEPS_MAX. Pure. */
#include "schema/run.h"

#include <assert.h>
#include <stdlib.h>

enum { DEPTH_MAX = 1000, WORDS_MAX = 8 << 20, NAMES_PER_STEP = 8, REPORT_TEXT_MAX = 8 << 20 };
#define STEPS_MAX ((uint64_t)20000000)

bool xd_schema_stop(xd_schema_run *r, xd_status status, const char *rule, const char *text)
{
    if (r->status == XD_OK) {
        r->status = xd_fail(r->fault, status, rule, "%s", text);
    }
    return false;
}

bool xd_schema_charge(xd_schema_run *r, uint64_t steps)
{
    r->steps += steps;
    if (r->steps <= STEPS_MAX) {
        return true;
    }
    return xd_schema_stop(
        r, XD_LIMIT, "schema.steps",
        "checking the document takes more work than is allowed; make the document "
        "smaller or the schema simpler");
}

bool xd_schema_push_words(xd_schema_run *r, size_t words, size_t *ret_first)
{
    if (r->word_size - r->word_count < words) {
        size_t size = r->word_size ? r->word_size : 64;
        while (size - r->word_count < words && size < WORDS_MAX) {
            size *= 2;
        }
        uint64_t *grown =
            size - r->word_count < words ? NULL : realloc(r->words, size * sizeof *grown);
        if (!grown) {
            return xd_schema_stop(r, XD_NO_MEMORY, "schema.memory",
                                  "checking the document needs more memory than is allowed");
        }
        r->words = grown;
        r->word_size = size;
    }
    *ret_first = r->word_count;
    if (!words) {
        return true;
    }
    memset(r->words + r->word_count, 0, words * sizeof *r->words);
    r->word_count += words;
    return true;
}

/* --- branches --- */

/* Evaluates another node on the same value. Its marks are added to marks. */
static bool branch(xd_schema_run *r, const xd_schema_frame *up, const xd_schema_node *node,
                   const char *keyword, const xd_str *name, uint32_t index, bool has_index,
                   xd_schema_marks *marks)
{
    if (!r->collect && !marks && node->direct->leaf) {
        return xd_schema_assert_leaf(r, node->direct, up->value);
    }
    xd_schema_frame frame = xd_schema_frame_inplace(up, node, keyword);
    frame.depth = up->depth + 1;
    frame.index = index;
    frame.has_index = has_index;
    if (name) {
        frame.name = *name;
    }
    return xd_schema_evaluate(r, &frame, marks);
}

static bool any_of(xd_schema_run *r, const xd_schema_frame *frame, const xd_schema_inplace *in,
                   xd_schema_marks *marks)
{
    xd_schema_point before = xd_schema_here(r);
    bool found = false;
    for (uint32_t i = 0; i < in->count && r->status == XD_OK; i++) {
        found |= branch(r, frame, in->nodes[i], in->keyword, NULL, i, true, marks);
        if (found && !marks && !r->collect) {
            return true;
        }
    }
    if (found) {
        xd_schema_forget_failures(r, &before);
        return true;
    }
    return FAIL(r, frame, in->keyword, "expected one of %u alternatives, found none that fits",
                in->count);
}

static bool one_of(xd_schema_run *r, const xd_schema_frame *frame, const xd_schema_inplace *in,
                   xd_schema_marks *marks)
{
    xd_schema_point before = xd_schema_here(r);
    uint32_t found = 0;
    uint32_t places[2] = {0};
    for (uint32_t i = 0; i < in->count && found < 2 && r->status == XD_OK; i++) {
        if (branch(r, frame, in->nodes[i], in->keyword, NULL, i, true, marks)) {
            places[found++] = i;
        }
    }
    if (found > 0) {
        xd_schema_forget_failures(r, &before);
    }
    if (found == 1) {
        return true;
    }
    if (found == 0) {
        return FAIL(r, frame, in->keyword,
                    "expected exactly one of %u alternatives, found none that fits", in->count);
    }
    return FAIL(r, frame, in->keyword,
                "expected exactly one of %u alternatives, found that number %u and number %u both "
                "fit (counted from 0)",
                in->count, places[0], places[1]);
}

static bool negation(xd_schema_run *r, const xd_schema_frame *frame, const xd_schema_inplace *in)
{
    xd_schema_point before = xd_schema_here(r);
    bool fits = branch(r, frame, in->nodes[0], in->keyword, NULL, 0, false, NULL);
    xd_schema_forget_failures(r, &before);
    xd_schema_forget_notes(r, &before);
    if (!fits) {
        return true;
    }
    char found[XD_SCHEMA_FOUND_BYTES];
    return FAIL(r, frame, "not", "expected a value that does not fit, found %s, which does",
                xd_schema_found(frame->value, found));
}

static bool condition(xd_schema_run *r, const xd_schema_frame *frame, const xd_schema_inplace *in,
                      xd_schema_marks *marks)
{
    if (!in->nodes[1] && !in->nodes[2] && !marks && !r->collect) {
        return true;
    }
    xd_schema_point before = xd_schema_here(r);
    bool fits = branch(r, frame, in->nodes[0], "if", NULL, 0, false, marks);
    xd_schema_forget_failures(r, &before);
    const xd_schema_node *next = fits ? in->nodes[1] : in->nodes[2];
    if (!next || r->status != XD_OK) {
        return true;
    }
    return branch(r, frame, next, fits ? "then" : "else", NULL, 0, false, marks);
}

/* The outermost resource on the way that has a dynamic anchor of the name decides. */
static const xd_schema_node *dynamic_target(xd_schema_run *r, const xd_schema_frame *frame,
                                            const xd_schema_inplace *in)
{
    const xd_schema_node *target = in->nodes[0];
    const xd_schema_resource *last = NULL;
    for (const xd_schema_frame *f = frame; f; f = f->up) {
        r->steps++;
        const xd_schema_resource *resource = f->node->resource;
        if (resource == last) {
            continue;
        }
        last = resource;
        if (in->apply == XD_APPLY_RECURSIVE_REF) {
            target = resource->recursive ? resource->root : target;
            continue;
        }
        for (const xd_schema_anchor *a = resource->anchors; a; a = a->next) {
            r->steps++;
            if (a->dynamic && xd_schema_same(a->name, in->name)) {
                target = a->node;
                break;
            }
        }
    }
    return target;
}

static bool apply(xd_schema_run *r, const xd_schema_frame *frame, const xd_schema_inplace *in,
                  xd_schema_marks *marks)
{
    bool good = true;
    switch (in->apply) {
    case XD_APPLY_REF:
        return branch(r, frame, in->nodes[0], in->keyword, NULL, 0, false, marks);
    case XD_APPLY_DYNAMIC_REF:
    case XD_APPLY_RECURSIVE_REF:
        r->looked_back = true;
        return branch(r, frame, dynamic_target(r, frame, in), in->keyword, NULL, 0, false, marks);
    case XD_APPLY_ALL_OF:
        for (uint32_t i = 0; i < in->count && (good || r->collect); i++) {
            good &= branch(r, frame, in->nodes[i], in->keyword, NULL, i, true, marks);
        }
        return good;
    case XD_APPLY_ANY_OF:
        return any_of(r, frame, in, marks);
    case XD_APPLY_ONE_OF:
        return one_of(r, frame, in, marks);
    case XD_APPLY_NOT:
        return negation(r, frame, in);
    case XD_APPLY_IF:
        return condition(r, frame, in, marks);
    case XD_APPLY_DEPENDENT:
        r->steps += frame->value->type == XD_JSON_OBJECT ? frame->value->count / NAMES_PER_STEP : 0;
        if (!xd_json_get(frame->value, in->name)) {
            return true;
        }
        return branch(r, frame, in->nodes[0], in->keyword, &in->name, 0, false, marks);
    }
    return good;
}

/* --- what nothing else has evaluated --- */

static bool run_unevaluated(xd_schema_run *r, const xd_schema_frame *frame,
                            const xd_schema_marks *marks)
{
    const xd_json *value = frame->value;
    bool object = value->type == XD_JSON_OBJECT;
    const xd_schema_node *node =
        object ? frame->node->unevaluated_properties : frame->node->unevaluated_items;
    bool good = true;
    for (uint32_t i = 0; i < value->count && (good || r->collect); i++) {
        if (xd_schema_is_marked(r, marks, i)) {
            continue;
        }
        xd_schema_frame part = {
            .up = frame,
            .node = node,
            .value = object ? &value->members[i].value : &value->items[i],
            .keyword = object ? "unevaluatedProperties" : "unevaluatedItems",
            .into_member = object,
            .into_item = !object,
            .member = object ? value->members[i].name : XD_STR_NULL,
            .item = i,
            .depth = frame->depth + 1,
        };
        good &= xd_schema_evaluate(r, &part, NULL);
        xd_schema_mark(r, marks, i);
    }
    return good;
}

/* --- one node --- */

static bool run_node(xd_schema_run *r, xd_schema_frame *frame, xd_schema_marks *marks)
{
    const xd_schema_node *node = frame->node;
    const xd_json *value = frame->value;
    bool good = xd_schema_assert(r, node, value, frame);
    if (!good && !r->collect) {
        return false;
    }
    if (value->type == XD_JSON_OBJECT && node->objects) {
        good &= xd_schema_run_object(r, frame, marks);
    } else if (value->type == XD_JSON_ARRAY && node->arrays) {
        good &= xd_schema_run_array(r, frame, marks);
    }
    for (const xd_schema_inplace *in = node->inplace; in && (good || r->collect); in = in->next) {
        good &= apply(r, frame, in, marks);
    }
    /* After a failure it is not known what would have been evaluated, so the rest is not asked. */
    bool rest = (value->type == XD_JSON_OBJECT && node->unevaluated_properties) ||
                (value->type == XD_JSON_ARRAY && node->unevaluated_items);
    if (rest && good && r->status == XD_OK) {
        good &= run_unevaluated(r, frame, marks);
    }
    return good;
}

/* With marks of its own, which count only when the node says yes. */
static bool run_marked(xd_schema_run *r, xd_schema_frame *frame, xd_schema_marks *marks)
{
    xd_schema_marks own = {.words = ((size_t)frame->value->count + 63) / 64};
    if (!xd_schema_charge(r, own.words) || !xd_schema_push_words(r, own.words, &own.first_word)) {
        return false;
    }
    bool good = run_node(r, frame, &own);
    if (good && marks) {
        for (size_t i = 0; i < own.words; i++) {
            r->words[marks->first_word + i] |= r->words[own.first_word + i];
        }
    }
    xd_schema_pop_words(r, own.first_word);
    return good;
}

bool xd_schema_evaluate(xd_schema_run *r, xd_schema_frame *frame, xd_schema_marks *marks)
{
    if (r->status != XD_OK || !xd_schema_charge(r, 1)) {
        return false;
    }
    if (frame->depth > DEPTH_MAX) {
        return xd_schema_stop(r, XD_LIMIT, "schema.depth",
                              "the schema leads more than 1000 schemas deep into one document; "
                              "look for a reference that goes in circles");
    }
    const xd_json *value = frame->value;
    if (!r->collect) {
        frame->node = frame->node->direct;
    }
    const xd_schema_node *node = frame->node;
    bool container = value->type == XD_JSON_OBJECT || value->type == XD_JSON_ARRAY;
    bool marked =
        container && (marks || (value->type == XD_JSON_OBJECT ? node->unevaluated_properties != NULL
                                                              : node->unevaluated_items != NULL));
    if (!r->collect) {
        return marked ? run_marked(r, frame, marks) : run_node(r, frame, NULL);
    }
    xd_schema_point before = xd_schema_here(r);
    bool good = marked ? run_marked(r, frame, marks) : run_node(r, frame, NULL);
    if (good) {
        xd_schema_note_all(r, frame);
    } else {
        xd_schema_forget_notes(r, &before);
    }
    return good;
}

/* --- the whole --- */

static xd_status finish(xd_schema_run *r)
{
    free(r->words);
    if (r->status == XD_OK && r->steps > STEPS_MAX) {
        (void)xd_schema_charge(r, 0);
    }
    return r->status;
}

xd_status xd_schema_check(const xd_schema *schema, const xd_json *document, bool *ret_valid,
                          xd_fault *fault)
{
    assert(schema && document && ret_valid);
    xd_schema_run r = {.schema = schema, .fault = fault};
    xd_schema_frame frame = {.node = schema->root, .value = document};
    bool valid = xd_schema_evaluate(&r, &frame, NULL);
    xd_status status = finish(&r);
    if (status == XD_OK) {
        *ret_valid = valid;
    }
    return status;
}

bool xd_schema_accepts(const xd_schema_node *node, const xd_json *value, bool *ret_known)
{
    xd_schema_run r = {0};
    xd_schema_frame frame = {.node = node, .value = value};
    bool fits = xd_schema_evaluate(&r, &frame, NULL);
    *ret_known = finish(&r) == XD_OK && !r.looked_back;
    return fits && *ret_known;
}

xd_status xd_schema_validate(const xd_schema *schema, const xd_json *document,
                             uint32_t max_failures, xd_arena *arena, const xd_schema_report **ret,
                             xd_fault *fault)
{
    enum { FAILURES_DEFAULT = 1000 };
    assert(schema && document && arena && ret);
    xd_schema_run r = {.schema = schema,
                       .fault = fault,
                       .collect = true,
                       .failure_max = max_failures ? max_failures : FAILURES_DEFAULT};
    xd_buf_init(&r.text, REPORT_TEXT_MAX);
    xd_schema_frame frame = {.node = schema->root, .value = document};
    bool valid = xd_schema_evaluate(&r, &frame, NULL);
    xd_status status = finish(&r);
    if (status == XD_OK) {
        status = xd_schema_deliver(&r, valid, arena, ret);
    }
    xd_schema_forget_failures(&r, &(xd_schema_point){0});
    xd_schema_forget_notes(&r, &(xd_schema_point){0});
    xd_buf_finish(&r.text);
    return status;
}
