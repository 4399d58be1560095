/* Gives the raw tree its final shape: chains of dots become paths with steps, predicates and
 * bindings move to the step they belong to, every % finds the step that must remember its parent,
 * calls in tail position are marked, and what can be known in advance is worked out. Builds new
 * nodes and leaves the raw ones alone. Owns nothing. Pure. */
#include "mapping/lex.h"
#include "mapping/map_int.h"

struct shaper {
    xd_program *program;
    xd_fault *fault;
    uint32_t labels; /* of ancestors so far */
    uint32_t binds;  /* := so far, and $eval, which may hold one */
};

static xd_status shape(struct shaper *s, const xd_node *raw, xd_node **ret);

static xd_status fail_memory(struct shaper *s)
{
    return xd_fail(s->fault, XD_NO_MEMORY, "map.memory", "no memory to compile the map");
}

static xd_status copy_node(struct shaper *s, const xd_node *raw, xd_node **ret)
{
    xd_node *node = xd_arena_alloc(s->program->arena, sizeof *node);
    if (!node) {
        return fail_memory(s);
    }
    memcpy(node, raw, sizeof *node);
    node->extra = NULL;
    *ret = node;
    return XD_OK;
}

static xd_status need_extra(struct shaper *s, xd_node *node)
{
    if (!node->extra) {
        node->extra = xd_arena_zalloc(s->program->arena, sizeof *node->extra);
    }
    return node->extra ? XD_OK : fail_memory(s);
}

static xd_status shape_items(struct shaper *s, xd_node *node)
{
    xd_node **items = xd_arena_alloc(s->program->arena, (node->count + 1) * sizeof(xd_node *));
    if (!items) {
        return fail_memory(s);
    }
    for (uint32_t i = 0; i < node->count; i++) {
        XD_TRY(shape(s, node->items[i], &items[i]));
    }
    node->items = items;
    return XD_OK;
}

/* Doubles an array in the arena when it is full. */
static xd_status grow(struct shaper *s, void **items, uint32_t count, uint32_t *size, size_t each)
{
    if (count < *size) {
        return XD_OK;
    }
    uint32_t grown = *size ? *size * 2 : 4;
    void *copy = xd_arena_alloc(s->program->arena, grown * each);
    if (!copy) {
        return fail_memory(s);
    }
    if (count) {
        memcpy(copy, *items, count * each);
    }
    *items = copy;
    *size = grown;
    return XD_OK;
}

/* --- ancestors --- */

static xd_status add_slot(struct shaper *s, xd_slots *slots, xd_slot *slot)
{
    void *items = slots->items;
    XD_TRY(grow(s, &items, slots->count, &slots->size, sizeof(xd_slot *)));
    slots->items = items;
    slots->items[slots->count++] = slot;
    return XD_OK;
}

/* What value still seeks, node seeks as well. */
static xd_status push_ancestry(struct shaper *s, xd_node *node, const xd_node *value)
{
    bool is_parent = value->type == XD_N_PARENT;
    if (!is_parent && !(value->extra && value->extra->seeking.count)) {
        return XD_OK;
    }
    XD_TRY(need_extra(s, node));
    for (uint32_t i = 0; value->extra && i < value->extra->seeking.count; i++) {
        XD_TRY(add_slot(s, &node->extra->seeking, value->extra->seeking.items[i]));
    }
    return is_parent ? add_slot(s, &node->extra->seeking, value->slot) : XD_OK;
}

static xd_status fail_parent(struct shaper *s, const xd_node *node)
{
    return xd_lex_fail(s->fault, node->position, "S0217",
                       "the parent (%%) cannot be derived from this expression");
}

/* One step back on the way of slot to its ancestor. */
static xd_status seek_parent(struct shaper *s, xd_node *node, xd_slot *slot)
{
    switch (node->type) {
    case XD_N_NAME:
    case XD_N_WILDCARD:
        if (--slot->level == 0) {
            XD_TRY(need_extra(s, node));
            if (node->extra->ancestor) {
                slot->label = node->extra->ancestor->label;
            }
            node->extra->ancestor = slot;
            node->tuple = true;
        }
        return XD_OK;
    case XD_N_PARENT:
        slot->level++;
        return XD_OK;
    case XD_N_BLOCK:
        if (node->count > 0) {
            node->tuple = true;
            return seek_parent(s, node->items[node->count - 1], slot);
        }
        return XD_OK;
    case XD_N_PATH: {
        node->tuple = true;
        uint32_t i = node->count;
        do {
            XD_TRY(seek_parent(s, node->items[--i], slot));
        } while (slot->level > 0 && i > 0);
        return XD_OK;
    }
    default:
        return fail_parent(s, node);
    }
}

/* Finds the steps of path that the slots of its last step mean. */
static xd_status resolve_ancestry(struct shaper *s, xd_node *path)
{
    const xd_node *last = path->items[path->count - 1];
    xd_slots slots = {0};
    for (uint32_t i = 0; last->extra && i < last->extra->seeking.count; i++) {
        XD_TRY(add_slot(s, &slots, last->extra->seeking.items[i]));
    }
    if (last->type == XD_N_PARENT) {
        XD_TRY(add_slot(s, &slots, last->slot));
    }
    for (uint32_t i = 0; i < slots.count; i++) {
        int64_t at = (int64_t)path->count - 2;
        while (slots.items[i]->level > 0) {
            if (at < 0) {
                XD_TRY(need_extra(s, path));
                XD_TRY(add_slot(s, &path->extra->seeking, slots.items[i]));
                break;
            }
            xd_node *step = path->items[at--];
            /* Steps that only bind their focus share one context. */
            while (at >= 0 && step->extra && step->extra->focus.ptr && path->items[at]->extra &&
                   path->items[at]->extra->focus.ptr) {
                step = path->items[at--];
            }
            XD_TRY(seek_parent(s, step, slots.items[i]));
        }
    }
    return XD_OK;
}

/* --- paths --- */

static xd_status add_step(struct shaper *s, xd_node *path, xd_node *step)
{
    uint32_t n = path->count;
    if ((n & (n - 1)) == 0) {
        xd_node **items =
            xd_arena_alloc(s->program->arena, (n ? (size_t)n * 2 : 1) * sizeof(xd_node *));
        if (!items) {
            return fail_memory(s);
        }
        if (n) {
            memcpy(items, path->items, n * sizeof(xd_node *));
        }
        path->items = items;
    }
    path->items[path->count++] = step;
    return XD_OK;
}

/* A path of the one step. */
static xd_status path_of(struct shaper *s, xd_node *step, xd_node **ret)
{
    xd_node *path = xd_arena_zalloc(s->program->arena, sizeof *path);
    if (!path) {
        return fail_memory(s);
    }
    path->type = XD_N_PATH;
    path->position = step->position;
    path->height = step->height + 1;
    *ret = path;
    return add_step(s, path, step);
}

/* A step that was a value of its own: its predicates filter the step, item by item. */
static void predicates_to_stages(xd_node *step)
{
    xd_extra *extra = step->extra;
    if (extra && extra->predicate_count) {
        extra->stages = extra->predicates;
        extra->stage_count = extra->predicate_count;
        extra->stage_size = extra->predicate_size;
        extra->predicates = NULL;
        extra->predicate_count = extra->predicate_size = 0;
    }
}

/* Checks the steps, names what a string literal names, and notes what concerns the whole path. */
static xd_status settle_steps(struct shaper *s, xd_node *path)
{
    for (uint32_t i = 0; i < path->count; i++) {
        xd_node *step = path->items[i];
        if (step->type == XD_N_LITERAL) {
            if (!xd_is_string(&step->literal)) {
                return xd_lex_fail(s->fault, step->position, "S0213",
                                   "a literal value cannot be a step of a path");
            }
            step->type = XD_N_NAME;
            step->name = step->literal.text;
        }
        path->keep_singleton = path->keep_singleton || step->keep_array;
    }
    xd_node *first = path->items[0];
    xd_node *last = path->items[path->count - 1];
    first->cons = first->cons || first->type == XD_N_ARRAY;
    last->cons = last->cons || last->type == XD_N_ARRAY;
    return XD_OK;
}

static xd_status shape_dot(struct shaper *s, const xd_node *raw, xd_node **ret)
{
    xd_node *left;
    xd_node *right;
    XD_TRY(shape(s, raw->left, &left));
    xd_node *path = left;
    if (left->type != XD_N_PATH) {
        XD_TRY(path_of(s, left, &path));
        if (left->type == XD_N_PARENT) {
            XD_TRY(need_extra(s, path));
            XD_TRY(add_slot(s, &path->extra->seeking, left->slot));
        }
    }
    XD_TRY(shape(s, raw->right, &right));
    if (right->type == XD_N_PATH) {
        for (uint32_t i = 0; i < right->count; i++) {
            XD_TRY(add_step(s, path, right->items[i]));
        }
    } else {
        predicates_to_stages(right);
        XD_TRY(add_step(s, path, right));
    }
    XD_TRY(settle_steps(s, path));
    path->height = raw->height;
    *ret = path;
    return resolve_ancestry(s, path);
}

static xd_node *last_step(xd_node *node)
{
    return node->type == XD_N_PATH ? node->items[node->count - 1] : node;
}

static xd_status shape_filter(struct shaper *s, const xd_node *raw, xd_node **ret)
{
    xd_node *result;
    XD_TRY(shape(s, raw->left, &result));
    xd_node *step = last_step(result);
    XD_TRY(need_extra(s, step));
    xd_extra *extra = step->extra;
    if (extra->group) {
        return xd_lex_fail(s->fault, raw->position, "S0209",
                           "a predicate cannot follow a grouping expression in a step");
    }
    xd_node *predicate;
    XD_TRY(shape(s, raw->right, &predicate));
    if (predicate->extra && predicate->extra->seeking.count) {
        for (uint32_t i = 0; i < predicate->extra->seeking.count; i++) {
            xd_slot *slot = predicate->extra->seeking.items[i];
            if (slot->level == 1) {
                XD_TRY(seek_parent(s, step, slot));
            } else {
                slot->level--;
            }
        }
        XD_TRY(push_ancestry(s, step, predicate));
    }
    bool is_path = result->type == XD_N_PATH;
    void *stages = is_path ? extra->stages : extra->predicates;
    uint32_t *count = is_path ? &extra->stage_count : &extra->predicate_count;
    uint32_t *size = is_path ? &extra->stage_size : &extra->predicate_size;
    XD_TRY(grow(s, &stages, *count, size, sizeof(xd_stage)));
    ((xd_stage *)stages)[(*count)++] = (xd_stage){.filter = predicate};
    if (is_path) {
        extra->stages = stages;
    } else {
        extra->predicates = stages;
    }
    *ret = result;
    return XD_OK;
}

/* Whether all keys are different strings, so that no group can meet another. */
static bool keys_are_literal(const xd_group *group)
{
    for (uint32_t i = 0; i < group->count; i++) {
        const xd_node *key = group->pairs[i].key;
        if (key->type != XD_N_LITERAL || !xd_is_string(&key->literal) || key->extra ||
            group->count > 64) {
            return false;
        }
        for (uint32_t j = 0; j < i; j++) {
            if (xd_str_eq(group->pairs[j].key->literal.text, key->literal.text)) {
                return false;
            }
        }
    }
    return true;
}

static xd_status shape_pairs(struct shaper *s, const xd_group *raw, xd_group **ret)
{
    xd_group *group = xd_arena_alloc(s->program->arena, sizeof *group);
    xd_pair *pairs = xd_arena_alloc(s->program->arena, (raw->count + 1) * sizeof *pairs);
    if (!group || !pairs) {
        return fail_memory(s);
    }
    *group = *raw;
    group->pairs = pairs;
    for (uint32_t i = 0; i < raw->count; i++) {
        XD_TRY(shape(s, raw->pairs[i].key, &pairs[i].key));
        XD_TRY(shape(s, raw->pairs[i].value, &pairs[i].value));
    }
    group->literal_keys = keys_are_literal(group);
    *ret = group;
    return XD_OK;
}

static xd_status shape_group(struct shaper *s, const xd_node *raw, xd_node **ret)
{
    xd_node *result;
    XD_TRY(shape(s, raw->left, &result));
    XD_TRY(need_extra(s, result));
    if (result->extra->group) {
        return xd_lex_fail(s->fault, raw->position, "S0210",
                           "each step can only have one grouping expression");
    }
    XD_TRY(shape_pairs(s, raw->extra->group, &result->extra->group));
    *ret = result;
    return XD_OK;
}

static xd_status shape_order(struct shaper *s, const xd_node *raw, xd_node **ret)
{
    xd_node *path;
    xd_node *sort;
    XD_TRY(shape(s, raw->left, &path));
    if (path->type != XD_N_PATH) {
        xd_node *step = path;
        XD_TRY(path_of(s, step, &path));
    }
    XD_TRY(copy_node(s, raw->right, &sort));
    sort->terms = xd_arena_alloc(s->program->arena, sort->term_count * sizeof *sort->terms);
    if (!sort->terms) {
        return fail_memory(s);
    }
    for (uint32_t i = 0; i < sort->term_count; i++) {
        sort->terms[i].descending = raw->right->terms[i].descending;
        XD_TRY(shape(s, raw->right->terms[i].expression, &sort->terms[i].expression));
        XD_TRY(push_ancestry(s, sort, sort->terms[i].expression));
    }
    XD_TRY(add_step(s, path, sort));
    *ret = path;
    return resolve_ancestry(s, path);
}

static xd_status shape_focus(struct shaper *s, const xd_node *raw, xd_node **ret)
{
    xd_node *result;
    XD_TRY(shape(s, raw->left, &result));
    xd_node *step = last_step(result);
    XD_TRY(need_extra(s, step));
    if (step->extra->stage_count || step->extra->predicate_count) {
        return xd_lex_fail(s->fault, raw->position, "S0215",
                           "a context variable binding (@) must precede any predicates on a step");
    }
    if (step->type == XD_N_SORT) {
        return xd_lex_fail(s->fault, raw->position, "S0216",
                           "a context variable binding (@) must precede the order-by clause");
    }
    step->keep_array = step->keep_array || raw->keep_array;
    step->extra->focus = raw->right->name;
    step->tuple = true;
    *ret = result;
    return XD_OK;
}

static xd_status shape_index(struct shaper *s, const xd_node *raw, xd_node **ret)
{
    xd_node *result;
    XD_TRY(shape(s, raw->left, &result));
    xd_node *step = last_step(result);
    if (result->type != XD_N_PATH) {
        XD_TRY(path_of(s, step, &result));
        predicates_to_stages(step);
    }
    XD_TRY(need_extra(s, step));
    xd_extra *extra = step->extra;
    if (extra->stage_count == 0) {
        extra->index = raw->right->name;
    } else {
        void *stages = extra->stages;
        XD_TRY(grow(s, &stages, extra->stage_count, &extra->stage_size, sizeof(xd_stage)));
        extra->stages = stages;
        extra->stages[extra->stage_count++] = (xd_stage){.index = raw->right->name};
    }
    step->tuple = true;
    *ret = result;
    return XD_OK;
}

/* --- everything else --- */

static bool is_plain(const xd_node *node)
{
    return !node->extra && !node->keep_array;
}

/* Marks the calls that end a lambda: they need no frame of the one that makes them. */
static void mark_tail(xd_node *node)
{
    if (node->extra && (node->extra->predicate_count || node->extra->group)) {
        return;
    }
    if (node->keep_array) {
        return;
    }
    if (node->type == XD_N_CALL) {
        node->tail = true;
    } else if (node->type == XD_N_CONDITION) {
        if (node->right) {
            mark_tail(node->right);
        }
        if (node->third) {
            mark_tail(node->third);
        }
    } else if (node->type == XD_N_BLOCK && node->count > 0) {
        mark_tail(node->items[node->count - 1]);
    }
}

static xd_status shape_name(struct shaper *s, const xd_node *raw, xd_node **ret)
{
    xd_node *step;
    XD_TRY(copy_node(s, raw, &step));
    XD_TRY(path_of(s, step, ret));
    (*ret)->keep_singleton = raw->keep_array;
    return XD_OK;
}

static xd_status shape_variable(struct shaper *s, const xd_node *raw, xd_node **ret)
{
    s->binds += xd_str_eq(raw->name, XD_STR("eval"));
    XD_TRY(copy_node(s, raw, ret));
    const xd_builtin *builtin = xd_builtin_find(raw->name);
    (*ret)->builtin = NULL;
    if (builtin) {
        (*ret)->builtin = xd_builtin_function(builtin, s->program->arena);
        if (!(*ret)->builtin) {
            return fail_memory(s);
        }
    }
    return XD_OK;
}

static xd_status shape_negate(struct shaper *s, const xd_node *raw, xd_node **ret)
{
    xd_node *inner;
    XD_TRY(shape(s, raw->left, &inner));
    if (inner->type == XD_N_LITERAL && is_plain(inner) && inner->literal.type == XD_V_SMALL &&
        (int64_t)inner->literal.text.len != INT64_MIN) {
        inner->literal.text.len = (size_t) - (int64_t)inner->literal.text.len;
        *ret = inner;
        return XD_OK;
    }
    XD_TRY(copy_node(s, raw, ret));
    (*ret)->left = inner;
    return push_ancestry(s, *ret, inner);
}

/* a & b & c as one list of operands. */
static xd_status shape_concat(struct shaper *s, const xd_node *raw, xd_node **ret)
{
    XD_TRY(copy_node(s, raw, ret));
    xd_node *node = *ret;
    const xd_node *first = raw->left;
    uint32_t count = 2;
    while (first->type == XD_N_BINARY && first->op == '&' && !first->keep_array) {
        first = first->left;
        count++;
    }
    node->type = XD_N_CONCAT;
    node->count = count;
    node->items = xd_arena_alloc(s->program->arena, count * sizeof(xd_node *));
    if (!node->items) {
        return fail_memory(s);
    }
    const xd_node *at = raw;
    for (uint32_t i = count - 1; i > 0; i--) {
        XD_TRY(shape(s, at->right, &node->items[i]));
        at = at->left;
    }
    XD_TRY(shape(s, first, &node->items[0]));
    for (uint32_t i = 0; i < count; i++) {
        XD_TRY(push_ancestry(s, node, node->items[i]));
    }
    return XD_OK;
}

static xd_status shape_binary(struct shaper *s, const xd_node *raw, xd_node **ret)
{
    if (raw->op == '&') {
        return shape_concat(s, raw, ret);
    }
    XD_TRY(copy_node(s, raw, ret));
    xd_node *node = *ret;
    XD_TRY(shape(s, raw->left, &node->left));
    XD_TRY(shape(s, raw->right, &node->right));
    XD_TRY(push_ancestry(s, node, node->left));
    return push_ancestry(s, node, node->right);
}

/* The up to three parts of a condition, binding, transform or application. Those whose parts are
 * seen from outside pass on what they seek. */
static xd_status shape_parts(struct shaper *s, const xd_node *raw, bool seen, xd_node **ret)
{
    XD_TRY(copy_node(s, raw, ret));
    xd_node *node = *ret;
    xd_node **parts[] = {&node->left, &node->right, &node->third};
    for (size_t i = 0; i < 3; i++) {
        if (*parts[i]) {
            XD_TRY(shape(s, *parts[i], parts[i]));
            if (seen) {
                XD_TRY(push_ancestry(s, node, *parts[i]));
            }
        }
    }
    return XD_OK;
}

static xd_status shape_call(struct shaper *s, const xd_node *raw, xd_node **ret)
{
    XD_TRY(copy_node(s, raw, ret));
    xd_node *node = *ret;
    XD_TRY(shape_items(s, node));
    for (uint32_t i = 0; i < node->count; i++) {
        XD_TRY(push_ancestry(s, node, node->items[i]));
    }
    return shape(s, raw->left, &node->left);
}

static xd_status shape_list(struct shaper *s, const xd_node *raw, xd_node **ret)
{
    XD_TRY(copy_node(s, raw, ret));
    xd_node *node = *ret;
    uint32_t binds = s->binds;
    XD_TRY(shape_items(s, node));
    node->binds = s->binds != binds;
    for (uint32_t i = 0; i < node->count; i++) {
        const xd_node *item = node->items[i];
        XD_TRY(push_ancestry(s, node, item));
        if (node->type == XD_N_BLOCK) {
            node->cons =
                node->cons || item->cons || (item->type == XD_N_PATH && item->items[0]->cons);
        }
    }
    return XD_OK;
}

static xd_status shape_lambda(struct shaper *s, const xd_node *raw, xd_node **ret)
{
    XD_TRY(copy_node(s, raw, ret));
    XD_TRY(shape(s, raw->body, &(*ret)->body));
    mark_tail((*ret)->body);
    return XD_OK;
}

static xd_status shape_object(struct shaper *s, const xd_node *raw, xd_node **ret)
{
    XD_TRY(copy_node(s, raw, ret));
    xd_node *node = *ret;
    XD_TRY(shape_pairs(s, raw->object, &node->object));
    for (uint32_t i = 0; i < node->object->count; i++) {
        XD_TRY(push_ancestry(s, node, node->object->pairs[i].key));
        XD_TRY(push_ancestry(s, node, node->object->pairs[i].value));
    }
    return XD_OK;
}

static xd_status shape_parent(struct shaper *s, const xd_node *raw, xd_node **ret)
{
    XD_TRY(copy_node(s, raw, ret));
    xd_slot *slot = xd_arena_alloc(s->program->arena, sizeof *slot);
    if (!slot) {
        return fail_memory(s);
    }
    *slot = (xd_slot){xd_arena_printf(s->program->arena, "!%u", s->labels++), 1};
    (*ret)->slot = slot;
    return slot->label.ptr ? XD_OK : fail_memory(s);
}

static xd_status shape_by_type(struct shaper *s, const xd_node *raw, xd_node **ret)
{
    switch (raw->type) {
    case XD_N_DOT:
        return shape_dot(s, raw, ret);
    case XD_N_FILTER:
        return shape_filter(s, raw, ret);
    case XD_N_GROUP:
        return shape_group(s, raw, ret);
    case XD_N_ORDER:
        return shape_order(s, raw, ret);
    case XD_N_FOCUS:
        return shape_focus(s, raw, ret);
    case XD_N_INDEX:
        return shape_index(s, raw, ret);
    case XD_N_NAME:
        return shape_name(s, raw, ret);
    case XD_N_VARIABLE:
        return shape_variable(s, raw, ret);
    case XD_N_NEGATE:
        return shape_negate(s, raw, ret);
    case XD_N_BINARY:
        return shape_binary(s, raw, ret);
    case XD_N_ARRAY:
    case XD_N_BLOCK:
        return shape_list(s, raw, ret);
    case XD_N_OBJECT:
        return shape_object(s, raw, ret);
    case XD_N_BIND:
        s->binds++;
        return shape_parts(s, raw, true, ret);
    case XD_N_CONDITION:
        return shape_parts(s, raw, true, ret);
    case XD_N_TRANSFORM:
        return shape_parts(s, raw, false, ret);
    case XD_N_APPLY:
        XD_TRY(shape_parts(s, raw, false, ret));
        (*ret)->keep_array = (*ret)->left->keep_array || (*ret)->right->keep_array;
        return XD_OK;
    case XD_N_CALL:
    case XD_N_PARTIAL:
        return shape_call(s, raw, ret);
    case XD_N_LAMBDA:
        return shape_lambda(s, raw, ret);
    case XD_N_PARENT:
        return shape_parent(s, raw, ret);
    case XD_N_END:
        return xd_lex_fail(s->fault, raw->position, "S0207", "unexpected end of the expression");
    default:
        return copy_node(s, raw, ret);
    }
}

static xd_status shape(struct shaper *s, const xd_node *raw, xd_node **ret)
{
    XD_TRY(shape_by_type(s, raw, ret));
    (*ret)->keep_array = (*ret)->keep_array || raw->keep_array;
    return XD_OK;
}

xd_status xd_program_shape(xd_program *program, xd_node *raw, xd_node **ret, xd_fault *fault)
{
    struct shaper s = {.program = program, .fault = fault};
    XD_TRY(shape(&s, raw, ret));
    const xd_node *root = *ret;
    if (root->type == XD_N_PARENT || (root->extra && root->extra->seeking.count)) {
        return fail_parent(&s, root);
    }
    return XD_OK;
}
