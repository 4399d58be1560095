/* Objects and groups ({key: value}), and sorting (^). Owns nothing. Pure. */
#include "mapping/map_int.h"

/* --- groups --- */

/* What has one key: the items that gave it, and which pair it came from. */
struct entry {
    uint32_t pair;
    uint32_t count;
    xd_value first;
    xd_list list; /* from the second item on */
};

struct groups {
    xd_members keys; /* values are indexes of entries */
    struct entry *entries;
    uint32_t size;
};

static xd_status push_data(xd_run *run, xd_list *list, const xd_value *v)
{
    return xd_is_array(v) ? xd_list_push_all(run, list, v) : xd_list_push(run, list, v);
}

static xd_status add_entry(xd_run *run, struct groups *groups, uint32_t pair, const xd_value *item)
{
    uint32_t n = groups->keys.count - 1;
    if (n == groups->size) {
        uint32_t size = groups->size ? groups->size * 2 : 8;
        struct entry *entries = xd_arena_alloc(run->arena, size * sizeof *entries);
        if (!entries) {
            return xd_run_no_memory(run);
        }
        if (n) {
            memcpy(entries, groups->entries, n * sizeof *entries);
        }
        groups->entries = entries;
        groups->size = size;
    }
    groups->entries[n] = (struct entry){.pair = pair, .count = 1, .first = *item};
    return XD_OK;
}

static xd_status add_to_group(xd_run *run, const xd_group *group, struct groups *groups,
                              uint32_t pair, xd_str key, const xd_value *item)
{
    bool fresh;
    xd_value *place = xd_members_at(run, &groups->keys, key, &fresh);
    if (!place) {
        return run->fault->code;
    }
    if (fresh) {
        *place = xd_int_value((int64_t)groups->keys.count - 1);
        return add_entry(run, groups, pair, item);
    }
    struct entry *entry = &groups->entries[place->text.len];
    if (entry->pair != pair) {
        return xd_run_at(run, group->pairs[pair].key,
                         xd_fail(run->fault, XD_INVALID, "D1009",
                                 "two keys of the object evaluate to the same name \"%.*s\"",
                                 (int)(key.len < 80 ? key.len : 80), key.ptr));
    }
    if (entry->count++ == 1) {
        XD_TRY(push_data(run, &entry->list, &entry->first));
    }
    return push_data(run, &entry->list, item);
}

static xd_status eval_key(xd_run *run, const xd_pair *pair, const xd_value *context, xd_frame *env,
                          xd_value *ret)
{
    XD_TRY(xd_eval(run, pair->key, context, env, ret));
    if (!xd_is_undefined(ret) && !xd_is_string(ret)) {
        return xd_run_at(
            run, pair->key,
            xd_fail(run->fault, XD_INVALID, "T1003",
                    "a key of an object must evaluate to a string, not to %s",
                    ret->type <= XD_JSON_OBJECT ? xd_json_type_name(ret->type) : "number"));
    }
    return XD_OK;
}

static xd_frame *tuple_frame(xd_run *run, const xd_value *tuple, xd_frame *env)
{
    xd_frame *frame = xd_frame_new(run, env);
    if (frame) {
        frame->bindings = xd_tuple_of(tuple)->bindings;
    }
    return frame;
}

static xd_status collect(xd_run *run, const xd_group *group, const xd_value *input, bool tuples,
                         xd_frame *env, struct groups *groups)
{
    for (uint32_t i = 0; i < input->count; i++) {
        xd_value item = xd_value_item(input, i);
        const xd_value *context = tuples ? &xd_tuple_of(&item)->item : &item;
        xd_frame *frame = tuples ? tuple_frame(run, &item, env) : env;
        if (!frame) {
            return run->fault->code;
        }
        for (uint32_t pair = 0; pair < group->count; pair++) {
            xd_value key;
            XD_TRY(eval_key(run, &group->pairs[pair], context, frame, &key));
            if (!xd_is_undefined(&key)) {
                XD_TRY(add_to_group(run, group, groups, pair, key.text, &item));
            }
        }
    }
    return XD_OK;
}

/* Values that the tuples of one group have under one name. */
struct column {
    struct column *next;
    xd_str name;
    xd_list list;
    uint32_t count;
    xd_value first;
};

static xd_status add_to_column(xd_run *run, struct column **columns, xd_str name, const xd_value *v)
{
    struct column **at = columns;
    while (*at && !xd_str_eq((*at)->name, name)) {
        at = &(*at)->next;
    }
    if (!*at) {
        struct column *fresh = xd_arena_zalloc(run->arena, sizeof *fresh);
        if (!fresh) {
            return xd_run_no_memory(run);
        }
        fresh->name = name;
        fresh->count = 1;
        fresh->first = *v;
        *at = fresh;
        return XD_OK;
    }
    if ((*at)->count++ == 1) {
        XD_TRY(push_data(run, &(*at)->list, &(*at)->first));
    }
    return push_data(run, &(*at)->list, v);
}

static bool is_shadowed(const xd_binding *first, const xd_binding *b)
{
    for (; first != b; first = first->next) {
        if (xd_str_eq(first->name, b->name)) {
            return true;
        }
    }
    return false;
}

/* Makes one tuple of those of a group: every name stands for all its values. */
static xd_status reduce(xd_run *run, const struct entry *entry, xd_frame *frame, xd_value *ret)
{
    if (entry->count == 1) {
        frame->bindings = xd_tuple_of(&entry->first)->bindings;
        *ret = xd_tuple_of(&entry->first)->item;
        return XD_OK;
    }
    struct column *columns = NULL;
    for (uint32_t i = 0; i < entry->list.count; i++) {
        const struct xd_tuple *tuple = xd_tuple_of(&entry->list.items[i]);
        XD_TRY(add_to_column(run, &columns, XD_STR("@"), &tuple->item));
        for (const xd_binding *b = tuple->bindings; b; b = b->next) {
            if (!is_shadowed(tuple->bindings, b)) {
                XD_TRY(add_to_column(run, &columns, b->name, &b->value));
            }
        }
    }
    for (struct column *c = columns; c; c = c->next) {
        xd_value v = c->count == 1 ? c->first : xd_list_value(&c->list, 0);
        if (xd_str_eq(c->name, XD_STR("@"))) {
            *ret = v;
        } else {
            XD_TRY(xd_frame_bind(run, frame, c->name, &v));
        }
    }
    return XD_OK;
}

static xd_status eval_values(xd_run *run, const xd_group *group, const struct groups *groups,
                             bool tuples, xd_frame *env, xd_value *ret)
{
    uint32_t n = groups->keys.count;
    xd_json_member *members = xd_arena_alloc(run->arena, n * sizeof *members);
    if (!members) {
        return xd_run_no_memory(run);
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; i++) {
        const struct entry *entry = &groups->entries[i];
        xd_value context = entry->count == 1 ? entry->first : xd_list_value(&entry->list, 0);
        xd_frame *frame = env;
        if (tuples) {
            frame = xd_frame_new(run, env);
            if (!frame) {
                return run->fault->code;
            }
            XD_TRY(reduce(run, entry, frame, &context));
        }
        members[kept].name = groups->keys.items[i].name;
        XD_TRY(
            xd_eval(run, group->pairs[entry->pair].value, &context, frame, &members[kept].value));
        kept += !xd_is_undefined(&members[kept].value);
    }
    *ret = (xd_value){.type = XD_JSON_OBJECT, .count = kept, .members = members};
    return XD_OK;
}

/* The object of literal keys for one context: nothing has to be grouped. */
static xd_status eval_literal(xd_run *run, const xd_group *group, const xd_value *context,
                              xd_frame *env, xd_value *ret)
{
    xd_json_member *members = xd_arena_alloc(run->arena, group->count * sizeof *members);
    if (!members) {
        return xd_run_no_memory(run);
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < group->count; i++) {
        members[kept].name = group->pairs[i].key->literal.text;
        XD_TRY(xd_eval(run, group->pairs[i].value, context, env, &members[kept].value));
        kept += !xd_is_undefined(&members[kept].value);
    }
    *ret = (xd_value){.type = XD_JSON_OBJECT, .count = kept, .members = members};
    return XD_OK;
}

xd_status xd_eval_group(xd_run *run, const xd_group *group, const xd_value *input, xd_frame *env,
                        xd_value *ret)
{
    xd_value nothing = xd_undefined();
    xd_value single = *input;
    bool is_array = xd_is_array(input);
    bool tuples = is_array && (xd_value_flags(input) & XD_F_TUPLES) && input->count > 0;
    if (is_array && input->count == 0 && (xd_value_flags(input) & XD_F_TUPLES)) {
        *ret = (xd_value){.type = XD_JSON_OBJECT};
        return XD_OK;
    }
    if (is_array && input->count <= 1 && !tuples) {
        single = input->count == 1 ? xd_value_item(input, 0) : nothing;
        is_array = false;
    }
    if (!is_array && group->literal_keys) {
        return eval_literal(run, group, &single, env, ret);
    }
    xd_value array = is_array ? *input : xd_array_value(&single, 1, 0);
    struct groups groups = {0};
    XD_TRY(collect(run, group, &array, tuples, env, &groups));
    return eval_values(run, group, &groups, tuples, env, ret);
}

/* --- sorting --- */

struct sorter {
    xd_run *run;
    const xd_node *node;
    const xd_value *items;
    xd_frame *env;
    xd_value *keys; /* XD_V_TAIL: not worked out yet */
    bool tuples;
};

static xd_status sort_key(struct sorter *s, uint32_t item, uint32_t term, xd_value **ret)
{
    xd_value *key = &s->keys[(size_t)item * s->node->term_count + term];
    *ret = key;
    if (key->type != XD_V_TAIL) {
        return XD_OK;
    }
    const xd_value *context = &s->items[item];
    xd_frame *frame = s->env;
    if (s->tuples) {
        frame = tuple_frame(s->run, context, s->env);
        if (!frame) {
            return s->run->fault->code;
        }
        context = &xd_tuple_of(context)->item;
    }
    return xd_eval(s->run, s->node->terms[term].expression, context, frame, key);
}

static bool is_sortable(const xd_value *v)
{
    return xd_is_string(v) || (xd_is_number(v) && v->type != XD_V_INFINITE);
}

/* Whether item b must come before a, which now stands before it. */
static xd_status comes_first(struct sorter *s, uint32_t a, uint32_t b, bool *ret)
{
    *ret = false;
    for (uint32_t t = 0; t < s->node->term_count; t++) {
        xd_value *x;
        xd_value *y;
        XD_TRY(sort_key(s, a, t, &x));
        XD_TRY(sort_key(s, b, t, &y));
        if (xd_is_undefined(x) || xd_is_undefined(y)) {
            if (xd_is_undefined(x) != xd_is_undefined(y)) { /* what is absent comes last */
                *ret = xd_is_undefined(x);
                return XD_OK;
            }
            continue;
        }
        if (!is_sortable(x) || !is_sortable(y)) {
            return xd_run_at(s->run, s->node->terms[t].expression,
                             xd_fail(s->run->fault, XD_INVALID, "T2008",
                                     "the expressions of an order-by clause must evaluate to "
                                     "numbers or strings"));
        }
        if (xd_is_string(x) != xd_is_string(y)) {
            return xd_run_at(s->run, s->node->terms[t].expression,
                             xd_fail(s->run->fault, XD_INVALID, "T2007",
                                     "an order-by clause cannot compare a string with a number"));
        }
        int order = xd_is_string(x) ? xd_str_cmp(x->text, y->text)
                                    : xd_number_cmp(xd_number_of(x), xd_number_of(y));
        if (order != 0) {
            *ret = s->node->terms[t].descending ? order < 0 : order > 0;
            return XD_OK;
        }
    }
    return XD_OK;
}

/* Merge sort of n indexes; stable. */
static xd_status sort_indexes(struct sorter *s, uint32_t *from, uint32_t *to, uint32_t n)
{
    for (uint32_t width = 1; width < n; width *= 2) {
        for (uint32_t start = 0; start < n; start += 2 * width) {
            uint32_t left = start;
            uint32_t middle = start + width < n ? start + width : n;
            uint32_t right = middle;
            uint32_t end = start + 2 * width < n ? start + 2 * width : n;
            for (uint32_t i = start; i < end; i++) {
                bool take_right = left == middle;
                if (!take_right && right < end) {
                    XD_TRY(comes_first(s, from[left], from[right], &take_right));
                }
                to[i] = from[take_right ? right++ : left++];
            }
        }
        memcpy(from, to, n * sizeof *from);
    }
    return XD_OK;
}

xd_status xd_eval_sort(xd_run *run, const xd_node *node, const xd_value *input, xd_frame *env,
                       xd_value *ret)
{
    xd_value array = *input;
    XD_TRY(xd_value_force(run, &array));
    uint32_t n = array.count;
    *ret = array;
    if (n <= 1) {
        return XD_OK;
    }
    size_t key_count = (size_t)n * node->term_count;
    struct sorter s = {
        .run = run,
        .node = node,
        .items = array.items,
        .env = env,
        .keys = xd_arena_alloc(run->arena, key_count * sizeof(xd_value)),
        .tuples = xd_value_flags(&array) & XD_F_TUPLES,
    };
    uint32_t *indexes = xd_arena_alloc(run->arena, (size_t)n * 2 * sizeof *indexes);
    xd_value *sorted = xd_arena_alloc(run->arena, (size_t)n * sizeof *sorted);
    if (!s.keys || !indexes || !sorted) {
        return xd_run_no_memory(run);
    }
    for (size_t i = 0; i < key_count; i++) {
        s.keys[i].type = XD_V_TAIL;
    }
    for (uint32_t i = 0; i < n; i++) {
        indexes[i] = i;
    }
    XD_TRY(sort_indexes(&s, indexes, indexes + n, n));
    for (uint32_t i = 0; i < n; i++) {
        sorted[i] = array.items[indexes[i]];
    }
    *ret = xd_array_value(sorted, n, s.tuples ? XD_F_SEQUENCE | XD_F_TUPLES : 0);
    return XD_OK;
}
