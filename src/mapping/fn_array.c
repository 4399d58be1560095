/* Built-in functions on arrays. Owns nothing. Pure. */
#include "mapping/functions.h"

XD_FN(count)
{
    (void)call;
    (void)arg_count;
    *ret = xd_int_value(xd_is_undefined(&args[0]) ? 0 : (int64_t)args[0].count);
    return XD_OK;
}

XD_FN(append)
{
    (void)arg_count;
    return xd_value_append(call->run, &args[0], &args[1], ret);
}

XD_FN(reverse)
{
    (void)arg_count;
    *ret = args[0];
    if (xd_is_undefined(&args[0]) || args[0].count <= 1) {
        return XD_OK;
    }
    xd_list list = {0};
    XD_TRY(xd_list_reserve(call->run, &list, args[0].count));
    for (uint32_t i = args[0].count; i-- > 0;) {
        list.items[list.count++] = xd_value_item(&args[0], i);
    }
    *ret = xd_list_value(&list, 0);
    return XD_OK;
}

XD_FN(shuffle)
{
    (void)arg_count;
    *ret = args[0];
    if (xd_is_undefined(&args[0]) || args[0].count <= 1) {
        return XD_OK;
    }
    xd_list list = {0};
    XD_TRY(xd_list_push_all(call->run, &list, &args[0]));
    for (uint32_t i = list.count - 1; i > 0; i--) {
        uint32_t j = (uint32_t)xd_random_below(&call->run->random, (uint64_t)i + 1);
        xd_value swap = list.items[i];
        list.items[i] = list.items[j];
        list.items[j] = swap;
    }
    *ret = xd_list_value(&list, 0);
    return XD_OK;
}

/* Finds equals by their hash, so that many different items do not cost their square. */
XD_FN(distinct)
{
    (void)arg_count;
    *ret = args[0];
    if (!xd_is_array(&args[0]) || args[0].count <= 1) {
        return XD_OK;
    }
    xd_run *run = call->run;
    size_t size = 4;
    while (size < (size_t)args[0].count * 2) {
        size *= 2;
    }
    uint32_t *table = xd_arena_zalloc(run->arena, size * sizeof *table);
    if (!table) {
        return xd_run_no_memory(run);
    }
    xd_list list = {0};
    for (uint32_t i = 0; i < args[0].count; i++) {
        xd_value item = xd_value_item(&args[0], i);
        uint64_t at;
        bool known = false;
        XD_TRY(xd_value_hash(run, &item, &at));
        for (; !known && table[at & (size - 1)]; at++) {
            XD_TRY(xd_value_equal(run, &list.items[table[at & (size - 1)] - 1], &item, &known));
        }
        if (!known) {
            XD_TRY(xd_list_push(run, &list, &item));
            table[at & (size - 1)] = list.count;
        }
    }
    *ret = xd_list_value(&list, xd_value_flags(&args[0]) & XD_F_SEQUENCE);
    return XD_OK;
}

XD_FN(zip)
{
    xd_run *run = call->run;
    uint32_t length = UINT32_MAX;
    for (uint32_t k = 0; k < arg_count; k++) {
        uint32_t n = xd_is_array(&args[k]) ? args[k].count : 0;
        length = n < length ? n : length;
    }
    xd_list list = {0};
    for (uint32_t i = 0; arg_count > 0 && i < length; i++) {
        xd_list tuple = {0};
        XD_TRY(xd_list_reserve(run, &tuple, arg_count));
        for (uint32_t k = 0; k < arg_count; k++) {
            tuple.items[tuple.count++] = xd_value_item(&args[k], i);
        }
        xd_value v = xd_list_value(&tuple, 0);
        XD_TRY(xd_list_push(run, &list, &v));
    }
    *ret = xd_list_value(&list, 0);
    return XD_OK;
}

/* --- sort --- */

/* Whether b must come before a. */
static xd_status comes_first(const xd_call *call, const xd_value *function, const xd_value *a,
                             const xd_value *b, bool *ret)
{
    if (xd_is_undefined(function)) {
        *ret = xd_is_string(a) ? xd_str_cmp(a->text, b->text) > 0
                               : xd_number_cmp(xd_number_of(a), xd_number_of(b)) > 0;
        return XD_OK;
    }
    xd_value result;
    xd_value *both = xd_arena_alloc(call->run->arena, 2 * sizeof *both);
    if (!both) {
        return xd_run_no_memory(call->run);
    }
    both[0] = *a;
    both[1] = *b;
    xd_call inner = *call;
    inner.input = NULL;
    XD_TRY(xd_apply(&inner, function, both, 2, &result));
    *ret = xd_value_truth(&result);
    return XD_OK;
}

static xd_status merge_sort(const xd_call *call, const xd_value *function, xd_value *from,
                            xd_value *to, uint32_t n)
{
    for (uint64_t width = 1; width < n; width *= 2) {
        for (uint64_t start = 0; start < n; start += 2 * width) {
            uint64_t left = start;
            uint64_t middle = start + width < n ? start + width : n;
            uint64_t right = middle;
            uint64_t end = start + 2 * width < n ? start + 2 * width : n;
            for (uint64_t i = start; i < end; i++) {
                bool take_right = left == middle;
                if (!take_right && right < end) {
                    XD_TRY(comes_first(call, function, &from[left], &from[right], &take_right));
                }
                to[i] = from[take_right ? right++ : left++];
            }
        }
        memcpy(from, to, n * sizeof *from);
    }
    return XD_OK;
}

static bool all_of(const xd_value *array, bool strings)
{
    for (uint32_t i = 0; i < array->count; i++) {
        xd_value item = xd_value_item(array, i);
        if (strings ? !xd_is_string(&item) : !xd_is_number(&item) || item.type == XD_V_INFINITE) {
            return false;
        }
    }
    return true;
}

XD_FN(sort)
{
    (void)arg_count;
    *ret = args[0];
    if (xd_is_undefined(&args[0]) || args[0].count <= 1) {
        return XD_OK;
    }
    if (xd_is_undefined(&args[1]) && !all_of(&args[0], false) && !all_of(&args[0], true)) {
        return xd_call_fail(call, "D3070",
                            "\"sort\" without a function only sorts an array of numbers or an "
                            "array of strings");
    }
    xd_list list = {0};
    XD_TRY(xd_list_push_all(call->run, &list, &args[0]));
    xd_value *spare = xd_arena_alloc(call->run->arena, list.count * sizeof *spare);
    if (!spare) {
        return xd_run_no_memory(call->run);
    }
    XD_TRY(merge_sort(call, &args[1], list.items, spare, list.count));
    *ret = xd_list_value(&list, 0);
    return XD_OK;
}
