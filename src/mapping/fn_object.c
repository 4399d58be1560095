/* Built-in functions on objects and on values of any kind, and $eval. Owns nothing. Pure. */
#include "mapping/functions.h"

static xd_status add_keys(xd_run *run, xd_members *names, const xd_value *v)
{
    if (xd_is_array(v)) {
        XD_TRY(xd_run_enter(run, v->count));
        for (uint32_t i = 0; i < v->count; i++) {
            xd_value item = xd_value_item(v, i);
            XD_TRY(add_keys(run, names, &item));
        }
        return XD_OK;
    }
    if (xd_is_object(v)) {
        const xd_value *object = xd_object_of(v);
        bool fresh;
        for (uint32_t i = 0; i < object->count; i++) {
            if (!xd_members_at(run, names, object->members[i].name, &fresh)) {
                return run->fault->code;
            }
        }
    }
    return XD_OK;
}

XD_FN(keys)
{
    (void)arg_count;
    xd_members names = {0};
    XD_TRY(add_keys(call->run, &names, &args[0]));
    xd_list list = {0};
    XD_TRY(xd_list_reserve(call->run, &list, names.count));
    for (uint32_t i = 0; i < names.count; i++) {
        list.items[list.count++] = xd_string_value(names.items[i].name);
    }
    *ret = xd_list_value(&list, XD_F_SEQUENCE);
    return XD_OK;
}

XD_FN(lookup)
{
    (void)arg_count;
    *ret = xd_undefined();
    return xd_is_undefined(&args[1]) ? XD_OK : xd_lookup(call->run, &args[0], args[1].text, ret);
}

static xd_status spread(xd_run *run, const xd_value *v, xd_list *list)
{
    if (xd_is_array(v)) {
        XD_TRY(xd_run_enter(run, v->count));
        for (uint32_t i = 0; i < v->count; i++) {
            xd_value item = xd_value_item(v, i);
            XD_TRY(spread(run, &item, list));
        }
        return XD_OK;
    }
    if (!xd_is_object(v)) {
        return xd_list_push(run, list, v);
    }
    const xd_value *object = xd_object_of(v);
    for (uint32_t i = 0; i < object->count; i++) {
        xd_json_member *member = xd_arena_alloc(run->arena, sizeof *member);
        if (!member) {
            return xd_run_no_memory(run);
        }
        *member = object->members[i];
        xd_value one = {.type = XD_JSON_OBJECT, .count = 1, .members = member};
        XD_TRY(xd_list_push(run, list, &one));
    }
    return XD_OK;
}

XD_FN(spread)
{
    (void)arg_count;
    *ret = args[0];
    if (!xd_is_array(&args[0]) && !xd_is_object(&args[0])) {
        if (xd_is_function(&args[0])) {
            *ret = xd_string_value(XD_STR(""));
        }
        return XD_OK;
    }
    xd_list list = {0};
    XD_TRY(spread(call->run, &args[0], &list));
    bool one = !xd_is_array(&args[0]) || args[0].count == 0;
    *ret = xd_list_value(&list, one ? XD_F_SEQUENCE : 0);
    return XD_OK;
}

XD_FN(merge)
{
    (void)arg_count;
    *ret = args[0];
    if (xd_is_undefined(&args[0])) {
        return XD_OK;
    }
    xd_members members = {0};
    for (uint32_t i = 0; i < args[0].count; i++) {
        const xd_value *object = xd_object_of(&args[0].items[i]);
        for (uint32_t k = 0; k < object->count; k++) {
            bool fresh;
            xd_value *place = xd_members_at(call->run, &members, object->members[k].name, &fresh);
            if (!place) {
                return call->run->fault->code;
            }
            *place = object->members[k].value;
        }
    }
    *ret = xd_members_value(&members);
    return XD_OK;
}

XD_FN(type)
{
    (void)call;
    (void)arg_count;
    const xd_value *v = &args[0];
    *ret = *v;
    if (xd_is_undefined(v)) {
        return XD_OK;
    }
    xd_str name = v->type == XD_JSON_NULL ? XD_STR("null")
                  : xd_is_string(v)       ? XD_STR("string")
                  : xd_is_boolean(v)      ? XD_STR("boolean")
                  : xd_is_array(v)        ? XD_STR("array")
                  : xd_is_object(v)       ? XD_STR("object")
                  : xd_is_function(v)     ? XD_STR("function")
                                          : XD_STR("number");
    *ret = xd_string_value(name);
    return XD_OK;
}

XD_FN(exists)
{
    (void)call;
    (void)arg_count;
    *ret = xd_bool_value(!xd_is_undefined(&args[0]));
    return XD_OK;
}

XD_FN(boolean)
{
    (void)call;
    (void)arg_count;
    *ret = xd_is_undefined(&args[0]) ? args[0] : xd_bool_value(xd_value_truth(&args[0]));
    return XD_OK;
}

XD_FN(not )
{
    (void)call;
    (void)arg_count;
    *ret = xd_is_undefined(&args[0]) ? args[0] : xd_bool_value(!xd_value_truth(&args[0]));
    return XD_OK;
}

XD_FN(clone)
{
    (void)call; /* values never change, so a copy is the value itself */
    (void)arg_count;
    *ret = args[0];
    return XD_OK;
}

static xd_status fail_with(const xd_call *call, const char *code, const xd_value *message,
                           const char *otherwise)
{
    if (xd_is_string(message)) {
        return xd_call_fail(call, code, "%.*s",
                            (int)(message->text.len < 300 ? message->text.len : 300),
                            message->text.ptr);
    }
    return xd_call_fail(call, code, "%s", otherwise);
}

XD_FN(error)
{
    (void)arg_count;
    (void)ret;
    return fail_with(call, "D3137", &args[0], "$error() function evaluated");
}

XD_FN(assert)
{
    (void)arg_count;
    if (!xd_value_truth(&args[0])) {
        return fail_with(call, "D3141", &args[1], "$assert() statement failed");
    }
    *ret = xd_undefined();
    return XD_OK;
}

/* --- eval --- */

/* What went wrong within the evaluated text is told in the terms of the call. */
static xd_status fail_eval(const xd_call *call, const char *code, const char *what)
{
    xd_fault inner = *call->run->fault;
    if (inner.code != XD_INVALID) {
        call->run->fault->offset = -1; /* limits stay what they are */
        return inner.code;
    }
    return xd_call_fail(call, code, "%s passed to \"eval\" (%s at byte %lld): %s", what, inner.rule,
                        (long long)inner.offset, inner.text);
}

static xd_status program_of(const xd_call *call, xd_str source, const xd_program **ret)
{
    xd_run *run = call->run;
    int tries = 16; /* an expression in a loop is compiled once */
    for (xd_program *p = run->evaluated; p && tries > 0; p = p->next, tries--) {
        if (xd_str_eq(p->source, source)) {
            *ret = p;
            return XD_OK;
        }
    }
    if (run->evaluated_count++ == 10000) {
        return xd_fail(run->fault, XD_LIMIT, "U1001",
                       "the map evaluates more than 10000 different expressions");
    }
    if (source.len > 1 << 20) {
        return xd_fail(run->fault, XD_LIMIT, "U1001",
                       "the expression passed to \"eval\" is longer than 1 MiB");
    }
    xd_program *program = xd_arena_alloc(run->arena, sizeof *program);
    if (!program) {
        return xd_run_no_memory(run);
    }
    xd_status status = xd_program_compile(program, source, run->arena, run->fault);
    if (status != XD_OK) {
        return status == XD_NO_MEMORY ? xd_run_no_memory(run)
                                      : fail_eval(call, "D3120", "syntax error in the expression");
    }
    program->next = run->evaluated;
    run->evaluated = program;
    run->surrogates = run->surrogates || program->surrogates;
    *ret = program;
    return XD_OK;
}

XD_FN(eval)
{
    *ret = args[0];
    if (xd_is_undefined(&args[0])) {
        return XD_OK;
    }
    xd_run *run = call->run;
    const xd_program *program = NULL;
    XD_TRY(program_of(call, args[0].text, &program));
    xd_value nothing = xd_undefined();
    xd_value input = call->input ? *call->input : nothing;
    if (arg_count > 1 && !xd_is_undefined(&args[1])) {
        input = args[1];
        if (xd_is_array(&input) && !xd_is_sequence(&input)) {
            xd_list list = {0};
            XD_TRY(xd_list_push(run, &list, &input));
            input = xd_list_value(&list, XD_F_SEQUENCE | XD_F_OUTER);
        }
    }
    xd_status status = xd_eval(run, program->root, &input, call->env, ret);
    return status == XD_OK ? XD_OK : fail_eval(call, "D3121", "error in the expression");
}
