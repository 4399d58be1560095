/* Paths: steps over sequences, without copying what the input already holds as an array; filters;
 * member look-up. Streams of tuples, which @ # and % need, are in tuple.c. Owns nothing. Pure. */
#include "mapping/map_int.h"

/* The member that a step names. Objects of one kind hold it at the same place, so the place where
 * it was last is tried first; a wrong guess costs one comparison. */
static const xd_value *find_member(const xd_node *step, const xd_value *object)
{
    const xd_value *o = xd_object_of(object);
    const xd_json_member *members = o->members;
    xd_str name = step->name;
    xd_node *memory = (xd_node *)(uintptr_t)step;
    uint32_t hint = atomic_load_explicit(&memory->hint, memory_order_relaxed);
    if (hint < o->count && members[hint].name.len == name.len &&
        memcmp(members[hint].name.ptr, name.ptr, name.len) == 0) {
        return &members[hint].value;
    }
    for (uint32_t i = 0; i < o->count; i++) {
        if (members[i].name.len == name.len &&
            memcmp(members[i].name.ptr, name.ptr, name.len) == 0) {
            if (i < 256) {
                atomic_store_explicit(&memory->hint, (uint8_t)i, memory_order_relaxed);
            }
            return &members[i].value;
        }
    }
    return NULL;
}

static xd_status lookup_all(xd_run *run, xd_list *list, const xd_value *input, xd_str name)
{
    if (!xd_is_array(input)) {
        const xd_value *found = xd_is_object(input) ? xd_value_member(input, name) : NULL;
        if (!found) {
            return XD_OK;
        }
        return xd_is_array(found) ? xd_list_push_all(run, list, found)
                                  : xd_list_push(run, list, found);
    }
    XD_TRY(xd_run_enter(run, input->count));
    for (uint32_t i = 0; i < input->count && !(xd_value_flags(input) & XD_F_RANGE); i++) {
        XD_TRY(lookup_all(run, list, &input->items[i], name));
    }
    return XD_OK;
}

xd_status xd_lookup(xd_run *run, const xd_value *input, xd_str name, xd_value *ret)
{
    if (!xd_is_array(input)) {
        const xd_value *found = xd_is_object(input) ? xd_value_member(input, name) : NULL;
        *ret = found ? *found : xd_undefined();
        return XD_OK;
    }
    xd_list list = {0};
    XD_TRY(lookup_all(run, &list, input, name));
    *ret = xd_list_value(&list, XD_F_SEQUENCE);
    return XD_OK;
}

/* --- filters --- */

static xd_status filter_by_index(xd_run *run, xd_number index, const xd_value *array, xd_value *ret)
{
    int64_t i = xd_number_int64(xd_number_floor(index));
    if (i < 0) {
        i += array->count;
    }
    if (i < 0 || i >= array->count) {
        *ret = xd_array_value(NULL, 0, XD_F_SEQUENCE);
        return XD_OK;
    }
    xd_value item = xd_value_item(array, (uint32_t)i);
    if (xd_is_array(&item)) {
        *ret = item;
        return XD_OK;
    }
    if (xd_value_flags(array) & XD_F_RANGE) {
        xd_list list = {0};
        XD_TRY(xd_list_push(run, &list, &item));
        *ret = xd_list_value(&list, XD_F_SEQUENCE);
        return XD_OK;
    }
    uint32_t tuples = xd_value_flags(array) & XD_F_TUPLES;
    *ret = xd_array_value(array->items + i, 1, XD_F_SEQUENCE | tuples);
    return XD_OK;
}

/* Whether and how often an item stays: as often as its index is named, or once when v is true. */
static uint32_t times_kept(const xd_value *v, uint32_t index, uint32_t count)
{
    uint32_t n = xd_is_array(v) ? v->count : 1;
    uint32_t times = 0;
    for (uint32_t i = 0; i < n; i++) {
        xd_value item = xd_is_array(v) ? xd_value_item(v, i) : *v;
        if (!xd_is_number(&item) || item.type == XD_V_INFINITE) {
            return xd_value_truth(v) ? 1 : 0;
        }
        int64_t at = xd_number_int64(xd_number_floor(xd_number_of(&item)));
        times += (at < 0 ? at + count : at) == index;
    }
    return times;
}

xd_status xd_eval_filter(xd_run *run, const xd_node *predicate, const xd_value *input,
                         xd_frame *env, xd_value *ret)
{
    if (xd_is_undefined(input)) {
        *ret = *input;
        return XD_OK;
    }
    xd_value single = *input;
    xd_value array = xd_is_array(input) ? *input : xd_array_value(&single, 1, 0);
    if (predicate->type == XD_N_LITERAL && xd_is_number(&predicate->literal)) {
        if (array.items == &single) { /* what is found must outlive this call */
            xd_list list = {0};
            XD_TRY(xd_list_push(run, &list, &single));
            array = xd_list_value(&list, 0);
        }
        return filter_by_index(run, xd_number_of(&predicate->literal), &array, ret);
    }
    uint32_t tuples = xd_value_flags(&array) & XD_F_TUPLES;
    xd_list list = {0};
    for (uint32_t i = 0; i < array.count; i++) {
        xd_value item = xd_value_item(&array, i);
        xd_value kept;
        if (tuples) {
            const struct xd_tuple *tuple = xd_tuple_of(&item);
            xd_frame *frame = xd_frame_new(run, env);
            if (!frame) {
                return run->fault->code;
            }
            frame->bindings = tuple->bindings;
            XD_TRY(xd_eval(run, predicate, &tuple->item, frame, &kept));
        } else {
            XD_TRY(xd_eval(run, predicate, &item, env, &kept));
        }
        for (uint32_t n = times_kept(&kept, i, array.count); n > 0; n--) {
            XD_TRY(xd_list_push(run, &list, &item));
        }
    }
    *ret = xd_list_value(&list, XD_F_SEQUENCE | tuples);
    return XD_OK;
}

/* --- steps --- */

static bool is_plain_name(const xd_node *step)
{
    return step->type == XD_N_NAME && !step->extra;
}

/* Adds a step's value for one item: arrays are flattened unless written as steps. */
static xd_status push_flat(xd_run *run, xd_list *list, const xd_value *v)
{
    if (xd_is_array(v) && !(xd_value_flags(v) & XD_F_CONS)) {
        return xd_list_push_all(run, list, v);
    }
    return xd_list_push(run, list, v);
}

static xd_status eval_item(xd_run *run, const xd_node *step, const xd_value *item, xd_frame *env,
                           xd_value *ret)
{
    XD_TRY(xd_eval(run, step, item, env, ret));
    const xd_extra *extra = step->extra;
    for (uint32_t i = 0; extra && i < extra->stage_count; i++) {
        if (extra->stages[i].filter) {
            XD_TRY(xd_eval_filter(run, extra->stages[i].filter, ret, env, ret));
        }
    }
    return XD_OK;
}

static xd_status eval_sort_step(xd_run *run, const xd_node *step, const xd_value *items,
                                uint32_t count, xd_frame *env, xd_value *ret)
{
    xd_list list = {0}; /* items may lie on the C stack and the result may be they */
    if (count == 1) {
        XD_TRY(xd_list_push(run, &list, items));
        items = list.items;
    }
    xd_value input = xd_array_value(items, count, XD_F_SEQUENCE);
    XD_TRY(xd_eval_sort(run, step, &input, env, ret));
    for (uint32_t i = 0; step->extra && i < step->extra->stage_count; i++) {
        XD_TRY(xd_eval_filter(run, step->extra->stages[i].filter, ret, env, ret));
    }
    return XD_OK;
}

/* One step over all items. *ret is a sequence, or the one array or other value that came out. */
static xd_status eval_step(xd_run *run, const xd_node *step, const xd_value *items, uint32_t count,
                           xd_frame *env, bool last, xd_value *ret)
{
    if (step->type == XD_N_SORT) {
        return eval_sort_step(run, step, items, count, env, ret);
    }
    xd_list list = {0};
    xd_value first = xd_undefined();
    uint32_t made = 0;
    bool plain = is_plain_name(step);
    for (uint32_t i = 0; i < count; i++) {
        xd_value v;
        if (plain && items[i].type == XD_JSON_OBJECT) {
            const xd_value *found = find_member(step, &items[i]);
            if (!found) {
                continue;
            }
            v = *found;
        } else {
            XD_TRY(eval_item(run, step, &items[i], env, &v));
            if (xd_is_undefined(&v)) {
                continue;
            }
        }
        if (++made == 1) {
            first = v;
            continue;
        }
        if (made == 2) {
            XD_TRY(xd_list_reserve(run, &list, count));
            XD_TRY(push_flat(run, &list, &first));
        }
        XD_TRY(push_flat(run, &list, &v));
    }
    if (made != 1) {
        *ret = xd_list_value(&list, XD_F_SEQUENCE);
        return XD_OK;
    }
    *ret = first;
    if (xd_is_array(&first) && !(last && !xd_is_sequence(&first))) {
        if (xd_value_flags(&first) & XD_F_CONS) {
            XD_TRY(xd_list_push(run, &list, &first));
            *ret = xd_list_value(&list, XD_F_SEQUENCE);
        } else {
            uint32_t range = xd_value_flags(&first) & XD_F_RANGE;
            ret->length = 0;
            ret->offset = XD_F_SEQUENCE | range;
        }
    }
    return XD_OK;
}

/* A path marked with [] gives an array even of one item. */
static xd_status keep_singleton(xd_run *run, xd_value *ret)
{
    if (xd_is_undefined(ret)) {
        return XD_OK;
    }
    uint32_t flags = xd_value_flags(ret);
    if (!xd_is_array(ret) || ((flags & XD_F_CONS) && !(flags & XD_F_SEQUENCE))) {
        xd_list list = {0};
        XD_TRY(xd_list_push(run, &list, ret));
        *ret = xd_list_value(&list, XD_F_SEQUENCE);
    }
    if (xd_is_sequence(ret)) {
        ret->offset |= XD_F_KEEP;
    }
    return XD_OK;
}

static xd_status finish_path(xd_run *run, const xd_node *node, xd_frame *env, xd_value *ret)
{
    if (node->keep_singleton) {
        XD_TRY(keep_singleton(run, ret));
    }
    if (node->extra && node->extra->group) {
        xd_value data = *ret;
        return xd_eval_group(run, node->extra->group, &data, env, ret);
    }
    return XD_OK;
}

/* The rest of a path from a step that makes tuples. */
static xd_status eval_tuple_steps(xd_run *run, const xd_node *node, uint32_t step,
                                  const xd_value *items, uint32_t count, xd_frame *env,
                                  xd_value *ret)
{
    xd_value input = xd_array_value(items, count, 0);
    xd_value tuples;
    XD_TRY(xd_eval_tuples(run, node, step, &input, env, &tuples));
    bool grouped = node->extra && node->extra->group;
    if (node->tuple || grouped) {
        *ret = tuples;
        return grouped ? xd_eval_group(run, node->extra->group, &tuples, env, ret) : XD_OK;
    }
    xd_list list = {0};
    XD_TRY(xd_list_reserve(run, &list, tuples.count));
    for (uint32_t i = 0; i < tuples.count; i++) {
        list.items[list.count++] = xd_tuple_of(&tuples.items[i])->item;
    }
    *ret = xd_list_value(&list, XD_F_SEQUENCE);
    return finish_path(run, node, env, ret);
}

/* The items that the next step goes over. */
struct cursor {
    const xd_value *items;
    uint32_t count;
    xd_value held; /* what items may point into */
};

static xd_status move_to(xd_run *run, struct cursor *at, const xd_value *v)
{
    at->held = *v;
    if (xd_is_array(v)) {
        XD_TRY(xd_value_force(run, &at->held));
        at->items = at->held.items;
        at->count = at->held.count;
    } else {
        at->items = &at->held;
        at->count = xd_is_undefined(v) ? 0 : 1;
    }
    return XD_OK;
}

xd_status xd_eval_path(xd_run *run, const xd_node *node, const xd_value *input, xd_frame *env,
                       xd_value *ret)
{
    struct cursor at = {.items = input, .count = 1};
    if (xd_is_array(input) && node->items[0]->type != XD_N_VARIABLE) {
        XD_TRY(move_to(run, &at, input));
    }
    *ret = xd_undefined();
    for (uint32_t i = 0; i < node->count; i++) {
        const xd_node *step = node->items[i];
        bool last = i + 1 == node->count;
        if (step->tuple && i == 0 && step->cons) { /* made once, not for each item around it */
            return eval_tuple_steps(run, node, i, input, 1, env, ret);
        }
        if (step->tuple) {
            return eval_tuple_steps(run, node, i, at.items, at.count, env, ret);
        }
        if (at.count == 1 && at.items->type == XD_JSON_OBJECT && is_plain_name(step)) {
            const xd_value *found = find_member(step, at.items);
            if (!found) {
                *ret = xd_undefined();
                break;
            }
            if (last) {
                *ret = *found;
            } else if (!xd_is_array(found) || (xd_value_flags(found) & XD_F_CONS)) {
                at.items = found;
            } else {
                XD_TRY(move_to(run, &at, found));
            }
        } else {
            if (i == 0 && step->cons) { /* sees its context as the sequence that it is */
                xd_value context = *input;
                if (!xd_is_undefined(input) && !xd_is_array(input)) {
                    XD_TRY(xd_value_array(run, input, &context));
                }
                XD_TRY(xd_eval(run, step, &context, env, ret));
            } else {
                XD_TRY(eval_step(run, step, at.items, at.count, env, last, ret));
            }
            if (!last) {
                XD_TRY(move_to(run, &at, ret));
            }
        }
        if (at.count == 0 && !last) {
            if (!(i == 0 && step->cons)) { /* an empty array written as a step is itself */
                *ret = xd_undefined();
            }
            break;
        }
    }
    return node->extra || node->keep_singleton ? finish_path(run, node, env, ret) : XD_OK;
}
