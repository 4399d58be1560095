/* Built-in functions that take functions. Owns nothing. Pure. */
#include "mapping/functions.h"

XD_FN(map)
{
    (void)arg_count;
    *ret = args[0];
    if (xd_is_undefined(&args[0])) {
        return XD_OK;
    }
    xd_list list = {0};
    for (uint32_t i = 0; i < args[0].count; i++) {
        xd_value item = xd_value_item(&args[0], i);
        xd_value index = xd_int_value(i);
        xd_value v;
        XD_TRY(xd_call_with(call, &args[1], &item, &index, &args[0], &v));
        if (!xd_is_undefined(&v)) {
            XD_TRY(xd_list_push(call->run, &list, &v));
        }
    }
    *ret = xd_list_value(&list, XD_F_SEQUENCE);
    return XD_OK;
}

XD_FN(filter)
{
    (void)arg_count;
    *ret = args[0];
    if (xd_is_undefined(&args[0])) {
        return XD_OK;
    }
    xd_list list = {0};
    for (uint32_t i = 0; i < args[0].count; i++) {
        xd_value item = xd_value_item(&args[0], i);
        xd_value index = xd_int_value(i);
        xd_value v;
        XD_TRY(xd_call_with(call, &args[1], &item, &index, &args[0], &v));
        if (xd_value_truth(&v)) {
            XD_TRY(xd_list_push(call->run, &list, &item));
        }
    }
    *ret = xd_list_value(&list, XD_F_SEQUENCE);
    return XD_OK;
}

XD_FN(single)
{
    (void)arg_count;
    *ret = args[0];
    if (xd_is_undefined(&args[0])) {
        return XD_OK;
    }
    bool found = false;
    xd_value result = xd_undefined();
    for (uint32_t i = 0; i < args[0].count; i++) {
        xd_value item = xd_value_item(&args[0], i);
        bool fits = true;
        if (!xd_is_undefined(&args[1])) {
            xd_value index = xd_int_value(i);
            xd_value v;
            XD_TRY(xd_call_with(call, &args[1], &item, &index, &args[0], &v));
            fits = xd_value_truth(&v);
        }
        if (fits && found) {
            return xd_call_fail(call, "D3138",
                                "\"single\" expected exactly one matching item, and there are "
                                "more");
        }
        if (fits) {
            found = true;
            result = item;
        }
    }
    if (!found) {
        return xd_call_fail(call, "D3139",
                            "\"single\" expected exactly one matching item, and there is none");
    }
    *ret = result;
    return XD_OK;
}

/* Calls the folding function with as many of its four arguments as it takes. */
static xd_status fold(const xd_call *call, const xd_value *function, const xd_value *so_far,
                      const xd_value *array, uint32_t index, xd_value *ret)
{
    uint32_t arity = xd_function_of(function)->arity;
    uint32_t n = arity < 4 ? arity : 4;
    xd_value *args = xd_arena_alloc(call->run->arena, 4 * sizeof *args);
    if (!args) {
        return xd_run_no_memory(call->run);
    }
    args[0] = *so_far;
    args[1] = xd_value_item(array, index);
    args[2] = xd_int_value(index);
    args[3] = *array;
    xd_call inner = *call;
    inner.input = NULL;
    inner.name = xd_function_of(function)->name;
    return xd_apply(&inner, function, args, n, ret);
}

XD_FN(reduce)
{
    (void)arg_count;
    *ret = args[0];
    if (xd_is_undefined(&args[0])) {
        return XD_OK;
    }
    if (xd_function_of(&args[1])->arity < 2) {
        return xd_call_fail(call, "D3050",
                            "the second argument of \"reduce\" must be a function with at least "
                            "two arguments");
    }
    xd_value result = args[2];
    uint32_t index = 0;
    if (xd_is_undefined(&result) && args[0].count > 0) {
        result = xd_value_item(&args[0], index++);
    }
    for (; index < args[0].count; index++) {
        XD_TRY(fold(call, &args[1], &result, &args[0], index, &result));
    }
    *ret = result;
    return XD_OK;
}

XD_FN(sift)
{
    (void)arg_count;
    *ret = xd_undefined();
    if (!xd_is_object(&args[0]) || !xd_is_function(&args[1])) {
        return XD_OK;
    }
    const xd_value *object = xd_object_of(&args[0]);
    xd_json_member *members = xd_arena_alloc(call->run->arena, object->count * sizeof *members);
    if (!members) {
        return xd_run_no_memory(call->run);
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < object->count; i++) {
        xd_value name = xd_string_value(object->members[i].name);
        xd_value v;
        XD_TRY(xd_call_with(call, &args[1], &object->members[i].value, &name, &args[0], &v));
        if (xd_value_truth(&v)) {
            members[kept++] = object->members[i];
        }
    }
    if (kept > 0) {
        *ret = (xd_value){.type = XD_JSON_OBJECT, .count = kept, .members = members};
    }
    return XD_OK;
}

XD_FN(each)
{
    (void)arg_count;
    *ret = xd_undefined();
    if (!xd_is_object(&args[0])) {
        return XD_OK;
    }
    const xd_value *object = xd_object_of(&args[0]);
    xd_list list = {0};
    for (uint32_t i = 0; i < object->count; i++) {
        xd_value name = xd_string_value(object->members[i].name);
        xd_value v;
        XD_TRY(xd_call_with(call, &args[1], &object->members[i].value, &name, &args[0], &v));
        if (!xd_is_undefined(&v)) {
            XD_TRY(xd_list_push(call->run, &list, &v));
        }
    }
    *ret = xd_list_value(&list, XD_F_SEQUENCE);
    return XD_OK;
}
