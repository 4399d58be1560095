/* The evaluator: one function per kind of node. Paths are in path.c, calls in apply.c. Owns
 * nothing. Pure. */
#include "mapping/map_int.h"

/* --- faults --- */

xd_status xd_run_no_memory(xd_run *run)
{
    if (run->arena_capped && !run->arena->starved) {
        return xd_fail(run->fault, XD_LIMIT, "map.bytes",
                       "the map needs more memory than it may use (%zu bytes); look for a range or "
                       "a join that grows without bound",
                       run->arena->cap_bytes);
    }
    return xd_fail(run->fault, XD_NO_MEMORY, "map.memory", "no memory left to run the map");
}

xd_status xd_run_too_deep(xd_run *run)
{
    return xd_fail(run->fault, XD_LIMIT, "U1001",
                   "the map nests its calls or values too deeply; look for a recursion that does "
                   "not end, or make its last act the call itself");
}

xd_status xd_run_range(xd_run *run)
{
    return xd_fail(run->fault, XD_INVALID, "D1001",
                   "a number is out of range (division by zero, or beyond 1e308)");
}

xd_status xd_run_at(xd_run *run, const xd_node *node, xd_status status)
{
    if (status != XD_OK && run->fault->offset < 0 && node) {
        xd_fault_at(run->fault, node->position, NULL);
    }
    return status;
}

xd_status xd_run_too_long(xd_run *run)
{
    return xd_fail(run->fault, XD_LIMIT, "U1001",
                   "the map takes more steps than it may; look for a loop that does not end");
}

/* --- frames --- */

const xd_value *xd_frame_find(const xd_frame *frame, xd_str name)
{
    for (; frame; frame = frame->parent) {
        for (const xd_binding *b = frame->bindings; b; b = b->next) {
            if (xd_str_eq(b->name, name)) {
                return &b->value;
            }
        }
        if (frame->lambda) {
            for (uint32_t i = frame->arg_count; i-- > 0;) {
                if (xd_str_eq(frame->lambda->items[i]->name, name)) {
                    return &frame->args[i];
                }
            }
        }
    }
    return NULL;
}

xd_frame *xd_frame_new(xd_run *run, const xd_frame *parent)
{
    xd_frame *frame = xd_arena_alloc(run->arena, sizeof *frame);
    if (!frame) {
        (void)xd_run_no_memory(run);
        return NULL;
    }
    *frame = (xd_frame){.parent = parent};
    return frame;
}

xd_status xd_frame_bind(xd_run *run, xd_frame *frame, xd_str name, const xd_value *v)
{
    xd_binding *b = xd_arena_alloc(run->arena, sizeof *b);
    if (!b) {
        return xd_run_no_memory(run);
    }
    *b = (xd_binding){frame->bindings, frame, name, *v};
    frame->bindings = b;
    return XD_OK;
}

/* --- values --- */

static xd_status eval_variable(const xd_node *node, const xd_value *input, xd_frame *env,
                               xd_value *ret)
{
    if (node->name.len == 0) {
        bool outer = xd_is_array(input) && (xd_value_flags(input) & XD_F_OUTER);
        *ret = outer ? input->items[0] : *input;
        return XD_OK;
    }
    const xd_value *found = xd_frame_find(env, node->name);
    if (found) {
        *ret = *found;
    } else if (node->builtin) {
        *ret = xd_function_value(node->builtin);
    } else {
        *ret = xd_undefined();
    }
    return XD_OK;
}

static xd_status flatten(xd_run *run, xd_list *list, const xd_value *v)
{
    if (!xd_is_array(v)) {
        return xd_list_push(run, list, v);
    }
    XD_TRY(xd_run_enter(run, v->count));
    for (uint32_t i = 0; i < v->count; i++) {
        xd_value item = xd_value_item(v, i);
        XD_TRY(flatten(run, list, &item));
    }
    return XD_OK;
}

static xd_status eval_wildcard(xd_run *run, const xd_value *input, xd_value *ret)
{
    xd_list list = {0};
    if (xd_is_array(input) && (xd_value_flags(input) & XD_F_OUTER) && input->count > 0) {
        input = &input->items[0];
    }
    if (xd_is_array(input)) {
        for (uint32_t i = 0; i < input->count; i++) {
            xd_value item = xd_value_item(input, i);
            XD_TRY(flatten(run, &list, &item));
        }
    } else if (xd_is_object(input)) {
        const xd_value *object = xd_object_of(input);
        for (uint32_t i = 0; i < object->count; i++) {
            XD_TRY(flatten(run, &list, &object->members[i].value));
        }
    }
    *ret = xd_list_value(&list, XD_F_SEQUENCE);
    return XD_OK;
}

static xd_status descend(xd_run *run, xd_list *list, const xd_value *v)
{
    XD_TRY(xd_run_enter(run, xd_is_array(v) || xd_is_object(v) ? v->count : 0));
    if (xd_is_array(v)) {
        for (uint32_t i = 0; i < v->count; i++) {
            xd_value item = xd_value_item(v, i);
            XD_TRY(descend(run, list, &item));
        }
        return XD_OK;
    }
    XD_TRY(xd_list_push(run, list, v));
    if (xd_is_object(v)) {
        const xd_value *object = xd_object_of(v);
        for (uint32_t i = 0; i < object->count; i++) {
            XD_TRY(descend(run, list, &object->members[i].value));
        }
    }
    return XD_OK;
}

static xd_status eval_descendant(xd_run *run, const xd_value *input, xd_value *ret)
{
    *ret = xd_undefined();
    if (xd_is_undefined(input)) {
        return XD_OK;
    }
    xd_list list = {0};
    XD_TRY(descend(run, &list, input));
    *ret = xd_list_value(&list, XD_F_SEQUENCE);
    return XD_OK;
}

static xd_status eval_negate(xd_run *run, const xd_node *node, const xd_value *input, xd_frame *env,
                             xd_value *ret)
{
    XD_TRY(xd_eval(run, node->left, input, env, ret));
    if (xd_is_undefined(ret)) {
        return XD_OK;
    }
    if (!xd_is_number(ret)) {
        return xd_run_at(run, node,
                         xd_fail(run->fault, XD_INVALID, "D1002",
                                 "only a number can be negated (\"-\"), not %s",
                                 xd_json_type_name(ret->type)));
    }
    if (ret->type == XD_V_INFINITE) {
        return xd_run_at(run, node, xd_run_range(run));
    }
    return xd_number_value(run, xd_number_neg(xd_number_of(ret)), ret);
}

/* [a, b..c, [d]]: items that are arrays are taken apart unless they are written with brackets. */
static xd_status eval_array(xd_run *run, const xd_node *node, const xd_value *input, xd_frame *env,
                            xd_value *ret)
{
    xd_list list = {0};
    xd_value item = xd_undefined();
    uint32_t flags = node->cons ? XD_F_CONS : 0;
    for (uint32_t i = 0; i < node->count; i++) {
        const xd_node *expression = node->items[i];
        XD_TRY(xd_eval(run, expression, input, env, &item));
        if (xd_is_undefined(&item)) {
            continue;
        }
        if (expression->type == XD_N_ARRAY || !xd_is_array(&item)) {
            XD_TRY(xd_list_push(run, &list, &item));
        } else if (node->count == 1) {
            uint32_t range = xd_value_flags(&item) & XD_F_RANGE;
            *ret = item; /* the one array is the result: nothing to copy */
            ret->offset = flags | range;
            ret->length = 0;
            return XD_OK;
        } else {
            XD_TRY(xd_run_at(run, expression, xd_list_push_all(run, &list, &item)));
        }
    }
    *ret = xd_list_value(&list, flags);
    return XD_OK;
}

static xd_status eval_block(xd_run *run, const xd_node *node, const xd_value *input, xd_frame *env,
                            xd_value *ret)
{
    xd_frame *frame = env;
    *ret = xd_undefined();
    if (node->binds) {
        frame = xd_frame_new(run, env);
        if (!frame) {
            return run->fault->code;
        }
    }
    for (uint32_t i = 0; i < node->count; i++) {
        XD_TRY(xd_eval(run, node->items[i], input, frame, ret));
    }
    return XD_OK;
}

static xd_status eval_condition(xd_run *run, const xd_node *node, const xd_value *input,
                                xd_frame *env, xd_value *ret)
{
    XD_TRY(xd_eval(run, node->left, input, env, ret));
    if (node->op == XD_OP_ELVIS || node->op == XD_OP_COALESCE) {
        if (node->op == XD_OP_ELVIS ? xd_value_truth(ret) : !xd_is_undefined(ret)) {
            return XD_OK;
        }
        return xd_eval(run, node->third, input, env, ret);
    }
    if (xd_value_truth(ret)) {
        return xd_eval(run, node->right, input, env, ret);
    }
    if (node->third) {
        return xd_eval(run, node->third, input, env, ret);
    }
    *ret = xd_undefined();
    return XD_OK;
}

static xd_status eval_bind(xd_run *run, const xd_node *node, const xd_value *input, xd_frame *env,
                           xd_value *ret)
{
    XD_TRY(xd_eval(run, node->right, input, env, ret));
    /* A variable bound again and again, as in a filter, takes one place. */
    for (xd_binding *b = env->bindings; b && b->owner == env; b = b->next) {
        if (xd_str_eq(b->name, node->left->name)) {
            b->value = *ret;
            return XD_OK;
        }
    }
    return xd_frame_bind(run, env, node->left->name, ret);
}

static xd_status new_function(xd_run *run, xd_function from, xd_value *ret)
{
    xd_function *function = xd_arena_alloc(run->arena, sizeof *function);
    if (!function) {
        return xd_run_no_memory(run);
    }
    *function = from;
    *ret = xd_function_value(function);
    return XD_OK;
}

/* a & b & c: what is undefined adds nothing. */
static xd_status eval_concat(xd_run *run, const xd_node *node, const xd_value *input, xd_frame *env,
                             xd_value *ret)
{
    xd_text text = {.run = run};
    xd_value first = xd_undefined();
    for (uint32_t i = 0; i < node->count; i++) {
        xd_value part;
        XD_TRY(xd_eval(run, node->items[i], input, env, &part));
        if (xd_is_undefined(&part)) {
            continue;
        }
        if (!xd_is_string(&part)) {
            XD_TRY(xd_run_at(run, node->items[i], xd_value_string(run, &part, false, &part)));
        }
        if (xd_is_undefined(&first)) {
            first = part;
            continue;
        }
        if (!text.ptr) {
            xd_text_str(&text, first.text);
        }
        xd_run_charge(run, (part.text.len + text.len) / 64);
        xd_text_str(&text, part.text);
    }
    if (!text.ptr && !xd_is_undefined(&first)) {
        *ret = first;
        return XD_OK;
    }
    return xd_run_at(run, node, xd_text_value(&text, ret));
}

static xd_status eval_filters(xd_run *run, const xd_node *node, const xd_value *input,
                              xd_frame *env, xd_value *ret)
{
    const xd_extra *extra = node->extra;
    (void)input;
    for (uint32_t i = 0; i < extra->predicate_count; i++) {
        XD_TRY(xd_eval_filter(run, extra->predicates[i].filter, ret, env, ret));
    }
    if (extra->group && node->type != XD_N_PATH) {
        xd_value data = *ret;
        XD_TRY(xd_eval_group(run, extra->group, &data, env, ret));
    }
    return XD_OK;
}

static xd_status eval_by_type(xd_run *run, const xd_node *node, const xd_value *input,
                              xd_frame *env, xd_value *ret)
{
    switch (node->type) {
    case XD_N_PATH:
        return xd_eval_path(run, node, input, env, ret);
    case XD_N_LITERAL:
        *ret = node->literal;
        return XD_OK;
    case XD_N_VARIABLE:
        return eval_variable(node, input, env, ret);
    case XD_N_CALL:
        return xd_eval_call(run, node, input, env, NULL, ret);
    case XD_N_BINARY:
        return xd_eval_binary(run, node, input, env, ret);
    case XD_N_CONCAT:
        return eval_concat(run, node, input, env, ret);
    case XD_N_CONDITION:
        return eval_condition(run, node, input, env, ret);
    case XD_N_OBJECT:
        return xd_eval_group(run, node->object, input, env, ret);
    case XD_N_ARRAY:
        return eval_array(run, node, input, env, ret);
    case XD_N_BLOCK:
        return eval_block(run, node, input, env, ret);
    case XD_N_BIND:
        return eval_bind(run, node, input, env, ret);
    case XD_N_NAME:
        return xd_lookup(run, input, node->name, ret);
    case XD_N_WILDCARD:
        return eval_wildcard(run, input, ret);
    case XD_N_DESCENDANT:
        return eval_descendant(run, input, ret);
    case XD_N_PARENT: {
        const xd_value *found = xd_frame_find(env, node->slot->label);
        *ret = found ? *found : xd_undefined();
        return XD_OK;
    }
    case XD_N_NEGATE:
        return eval_negate(run, node, input, env, ret);
    case XD_N_LAMBDA:
        return new_function(run,
                            (xd_function){.kind = XD_FN_LAMBDA,
                                          .arity = node->count,
                                          .signature = node->signature,
                                          .name = XD_STR("function"),
                                          .node = node,
                                          .env = env,
                                          .input = *input},
                            ret);
    case XD_N_REGEX:
        return new_function(
            run,
            (xd_function){
                .kind = XD_FN_REGEX, .arity = 2, .name = XD_STR("regex"), .regex = node->regex},
            ret);
    case XD_N_TRANSFORM:
        return new_function(run,
                            (xd_function){.kind = XD_FN_TRANSFORM,
                                          .arity = 1,
                                          .name = XD_STR("transform"),
                                          .node = node,
                                          .env = env},
                            ret);
    case XD_N_PARTIAL:
        return xd_eval_partial(run, node, input, env, ret);
    case XD_N_APPLY:
        return xd_eval_apply(run, node, input, env, ret);
    default:
        return xd_run_at(run, node,
                         xd_fail(run->fault, XD_INTERNAL, "map.node",
                                 "a node of kind %d cannot be evaluated", node->type));
    }
}

xd_status xd_eval(xd_run *run, const xd_node *node, const xd_value *input, xd_frame *env,
                  xd_value *ret)
{
    if (run->steps_left == 0) {
        return xd_run_at(run, node, xd_run_too_long(run));
    }
    run->steps_left--;
    if (!xd_stack_left(run)) {
        return xd_run_at(run, node, xd_run_too_deep(run));
    }
    xd_status status = eval_by_type(run, node, input, env, ret);
    if (status == XD_OK && node->extra && (node->extra->predicate_count || node->extra->group)) {
        status = eval_filters(run, node, input, env, ret);
    }
    if (status != XD_OK) {
        return xd_run_at(run, node, status);
    }
    if (ret->type == XD_JSON_ARRAY) {
        if (node->keep_array && xd_is_sequence(ret)) {
            ret->offset |= XD_F_KEEP;
        }
        xd_value_settle(ret);
    }
    return XD_OK;
}
