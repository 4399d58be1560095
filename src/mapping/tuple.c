/* Streams of tuples: the steps of a path from the first that binds its context (@), its index (#)
 * or must be remembered as a parent (%). Owns nothing. Pure. */
#include "mapping/map_int.h"

static xd_status push_tuple(xd_run *run, xd_list *list, const xd_value *item, xd_binding *bindings)
{
    struct xd_tuple *tuple = xd_arena_alloc(run->arena, sizeof *tuple);
    if (!tuple) {
        return xd_run_no_memory(run);
    }
    *tuple = (struct xd_tuple){*item, bindings};
    xd_value v = {.type = XD_V_TUPLE, .text = {(const char *)(const void *)tuple, 0}};
    return xd_list_push(run, list, &v);
}

static xd_status bind(xd_run *run, xd_binding **bindings, xd_str name, const xd_value *v)
{
    xd_binding *b = xd_arena_alloc(run->arena, sizeof *b);
    if (!b) {
        return xd_run_no_memory(run);
    }
    *b = (xd_binding){*bindings, NULL, name, *v};
    *bindings = b;
    return XD_OK;
}

/* Puts copies of the bindings of a nested stream before those there are. */
static xd_status bind_all(xd_run *run, xd_binding **bindings, const xd_binding *more)
{
    xd_binding *first = *bindings;
    xd_binding **end = &first;
    for (; more; more = more->next) {
        xd_binding *b = xd_arena_alloc(run->arena, sizeof *b);
        if (!b) {
            return xd_run_no_memory(run);
        }
        *b = (xd_binding){*end, NULL, more->name, more->value};
        *end = b;
        end = &b->next;
    }
    *bindings = first;
    return XD_OK;
}

/* The tuple for value number index that step gave for from. */
static xd_status extend(xd_run *run, const xd_node *step, const struct xd_tuple *from,
                        const xd_value *v, uint32_t index, xd_list *list)
{
    xd_binding *bindings = from->bindings;
    const xd_value *item = v;
    const xd_extra *extra = step->extra;
    if (v->type == XD_V_TUPLE) {
        XD_TRY(bind_all(run, &bindings, xd_tuple_of(v)->bindings));
        return push_tuple(run, list, &xd_tuple_of(v)->item, bindings);
    }
    if (extra && extra->focus.ptr) {
        XD_TRY(bind(run, &bindings, extra->focus, v));
        item = &from->item;
    }
    if (extra && extra->index.ptr) {
        xd_value number = xd_int_value(index);
        XD_TRY(bind(run, &bindings, extra->index, &number));
    }
    if (extra && extra->ancestor) {
        XD_TRY(bind(run, &bindings, extra->ancestor->label, &from->item));
    }
    return push_tuple(run, list, item, bindings);
}

static xd_status eval_stages(xd_run *run, const xd_node *step, xd_frame *env, xd_value *tuples)
{
    for (uint32_t i = 0; step->extra && i < step->extra->stage_count; i++) {
        const xd_stage *stage = &step->extra->stages[i];
        if (stage->filter) {
            XD_TRY(xd_eval_filter(run, stage->filter, tuples, env, tuples));
            continue;
        }
        xd_list list = {0};
        for (uint32_t k = 0; k < tuples->count; k++) {
            const struct xd_tuple *tuple = xd_tuple_of(&tuples->items[k]);
            xd_binding *bindings = tuple->bindings;
            xd_value number = xd_int_value(k);
            XD_TRY(bind(run, &bindings, stage->index, &number));
            XD_TRY(push_tuple(run, &list, &tuple->item, bindings));
        }
        *tuples = xd_list_value(&list, XD_F_SEQUENCE | XD_F_TUPLES);
    }
    return XD_OK;
}

static xd_status sort_tuples(xd_run *run, const xd_node *step, xd_frame *env, xd_value *tuples)
{
    xd_value sorted;
    XD_TRY(xd_eval_sort(run, step, tuples, env, &sorted));
    *tuples = sorted;
    if (step->extra && step->extra->index.ptr) {
        xd_list list = {0};
        for (uint32_t k = 0; k < sorted.count; k++) {
            const struct xd_tuple *tuple = xd_tuple_of(&sorted.items[k]);
            xd_binding *bindings = tuple->bindings;
            xd_value number = xd_int_value(k);
            XD_TRY(bind(run, &bindings, step->extra->index, &number));
            XD_TRY(push_tuple(run, &list, &tuple->item, bindings));
        }
        *tuples = xd_list_value(&list, XD_F_SEQUENCE | XD_F_TUPLES);
    }
    return eval_stages(run, step, env, tuples);
}

static xd_status eval_step(xd_run *run, const xd_node *step, xd_frame *env, xd_value *tuples)
{
    if (step->type == XD_N_SORT) {
        return sort_tuples(run, step, env, tuples);
    }
    xd_list list = {0};
    for (uint32_t i = 0; i < tuples->count; i++) {
        const struct xd_tuple *tuple = xd_tuple_of(&tuples->items[i]);
        xd_frame *frame = xd_frame_new(run, env);
        if (!frame) {
            return run->fault->code;
        }
        frame->bindings = tuple->bindings;
        xd_value v;
        XD_TRY(xd_eval(run, step, &tuple->item, frame, &v));
        if (xd_is_undefined(&v)) {
            continue;
        }
        uint32_t n = xd_is_array(&v) ? v.count : 1;
        for (uint32_t k = 0; k < n; k++) {
            xd_value item = xd_is_array(&v) ? xd_value_item(&v, k) : v;
            XD_TRY(extend(run, step, tuple, &item, k, &list));
        }
    }
    *tuples = xd_list_value(&list, XD_F_SEQUENCE | XD_F_TUPLES);
    return eval_stages(run, step, env, tuples);
}

xd_status xd_eval_tuples(xd_run *run, const xd_node *node, uint32_t step, const xd_value *input,
                         xd_frame *env, xd_value *ret)
{
    xd_list list = {0};
    for (uint32_t i = 0; i < input->count; i++) {
        xd_value item = xd_value_item(input, i);
        if (!xd_is_undefined(&item)) {
            XD_TRY(push_tuple(run, &list, &item, NULL));
        }
    }
    xd_value tuples = xd_list_value(&list, XD_F_SEQUENCE | XD_F_TUPLES);
    for (; step < node->count; step++) {
        XD_TRY(eval_step(run, node->items[step], env, &tuples));
    }
    *ret = tuples;
    return XD_OK;
}
