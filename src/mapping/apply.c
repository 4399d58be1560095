/* Calls: evaluating what is called and its arguments, checking signatures, running lambdas without
 * growing the stack for calls in tail position, partial application, and ~>. Owns nothing. Pure. */
#include "mapping/map_int.h"

enum { MIN_ARGS = 5 /* places a built-in function may look at */ };

/* --- calling a function value --- */

static xd_status fail_not_function(const xd_call *call, const char *code)
{
    return xd_run_at(call->run, call->node,
                     xd_fail(call->run->fault, XD_INVALID, code,
                             "attempted to %s something that is not a function%s%.*s",
                             code[4] == '6' ? "invoke" : "partially apply",
                             call->name.len ? ": " : "", XD_FMT(call->name)));
}

/* Runs a built-in with its arguments padded, so that it may look at all its parameters. */
static xd_status run_builtin(const xd_call *call, const xd_function *f, xd_value *args,
                             uint32_t arg_count, xd_value *ret)
{
    xd_value padded[MIN_ARGS];
    for (uint32_t i = 0; i < arg_count; i++) {
        uint64_t size = xd_is_string(&args[i])                            ? args[i].text.len / 16
                        : xd_is_array(&args[i]) || xd_is_object(&args[i]) ? args[i].count
                                                                          : 0;
        xd_run_charge(call->run, size / 4);
    }
    if (arg_count < MIN_ARGS) {
        if (arg_count) {
            memcpy(padded, args, arg_count * sizeof *args);
        }
        for (uint32_t i = arg_count; i < MIN_ARGS; i++) {
            padded[i] = xd_undefined();
        }
        args = padded;
    }
    return xd_run_at(call->run, call->node, f->builtin->run(call, args, arg_count, ret));
}

static xd_status run_lambda(const xd_call *call, const xd_function *f, xd_value *args,
                            uint32_t arg_count, xd_value *ret)
{
    xd_run *run = call->run;
    if (run->depth_left == 0) {
        return xd_run_at(run, call->node, xd_run_too_deep(run));
    }
    xd_frame *frame = xd_frame_new(run, f->env);
    if (!frame) {
        return run->fault->code;
    }
    frame->lambda = f->node;
    if (arg_count < f->node->count) { /* parameters without an argument hide outer variables too */
        xd_value *all = xd_arena_alloc(run->arena, f->node->count * sizeof *all);
        if (!all) {
            return xd_run_no_memory(run);
        }
        for (uint32_t i = 0; i < f->node->count; i++) {
            all[i] = i < arg_count ? args[i] : xd_undefined();
        }
        args = all;
    }
    frame->args = args;
    frame->arg_count = f->node->count;
    run->depth_left--;
    xd_status status = xd_eval(run, f->node->body, &f->input, frame, ret);
    run->depth_left++;
    return status;
}

/* The arguments of a partial application: what is open takes the new ones in turn. */
static xd_status fill_partial(const xd_call *call, const xd_function *f, xd_value **args,
                              uint32_t *arg_count)
{
    xd_value *all = xd_arena_alloc(call->run->arena, f->arg_count * sizeof *all);
    if (!all) {
        return xd_run_no_memory(call->run);
    }
    uint32_t next = 0;
    for (uint32_t i = 0; i < f->arg_count; i++) {
        all[i] = f->args[i];
        if (all[i].type == XD_V_TAIL) {
            all[i] = next < *arg_count ? (*args)[next++] : xd_undefined();
        }
    }
    *args = all;
    *arg_count = f->arg_count;
    while (*arg_count > 0 && xd_is_undefined(&all[*arg_count - 1])) {
        --*arg_count; /* what was never given is not an argument */
    }
    return XD_OK;
}

static xd_status run_regex(const xd_call *call, const xd_function *f, const xd_value *args,
                           uint32_t arg_count, xd_value *ret)
{
    if (f->kind == XD_FN_NEXT) {
        return xd_run_at(call->run, call->node, xd_regex_call(call, f, f->subject, true, ret));
    }
    if (arg_count == 0 || !xd_is_string(&args[0])) {
        *ret = xd_undefined();
        return XD_OK;
    }
    return xd_run_at(call->run, call->node, xd_regex_call(call, f, args[0].text, false, ret));
}

xd_status xd_apply(const xd_call *call, const xd_value *function, xd_value *args,
                   uint32_t arg_count, xd_value *ret)
{
    xd_run *run = call->run;
    xd_call now = *call;
    xd_value target = *function;
    for (;;) {
        if (!xd_is_function(&target)) {
            return fail_not_function(&now, "T1006");
        }
        const xd_function *f = xd_function_of(&target);
        if (f->signature) {
            XD_TRY(xd_signature_apply(f->signature, &now, &args, &arg_count));
        }
        switch (f->kind) {
        case XD_FN_BUILTIN:
            return run_builtin(&now, f, args, arg_count, ret);
        case XD_FN_REGEX:
        case XD_FN_NEXT:
            return run_regex(&now, f, args, arg_count, ret);
        case XD_FN_TRANSFORM: {
            xd_value nothing = xd_undefined();
            return xd_run_at(run, now.node,
                             xd_apply_transform(&now, f, arg_count ? &args[0] : &nothing, ret));
        }
        case XD_FN_COMPOSED:
            if (!xd_stack_left(run)) {
                return xd_run_at(run, now.node, xd_run_too_deep(run));
            }
            XD_TRY(xd_apply(&now, &f->first, args, arg_count ? 1 : 0, ret));
            args = xd_arena_alloc(run->arena, sizeof *args);
            if (!args) {
                return xd_run_no_memory(run);
            }
            args[0] = *ret;
            arg_count = 1;
            target = f->second;
            continue;
        case XD_FN_PARTIAL:
            XD_TRY(fill_partial(&now, f, &args, &arg_count));
            target = f->first;
            continue;
        case XD_FN_LAMBDA:
            break;
        }
        XD_TRY(run_lambda(&now, f, args, arg_count, ret));
        if (ret->type != XD_V_TAIL) {
            return XD_OK;
        }
        target = run->tail.function;
        args = run->tail.args;
        arg_count = run->tail.arg_count;
        now.node = run->tail.node;
        now.name = now.node->left->type == XD_N_VARIABLE ? now.node->left->name : XD_STR_NULL;
    }
}

/* --- call expressions --- */

/* What a path of one name, or a variable, is called. */
static xd_str called_name(const xd_node *procedure)
{
    if (procedure->type == XD_N_VARIABLE) {
        return procedure->name;
    }
    if (procedure->type == XD_N_PATH && procedure->items[0]->type == XD_N_NAME) {
        return procedure->items[0]->name;
    }
    return XD_STR_NULL;
}

/* A name that is no function though the variable of that name is one: the $ was forgotten. */
static bool lacks_dollar(const xd_node *procedure, const xd_frame *env)
{
    if (procedure->type != XD_N_PATH || procedure->items[0]->type != XD_N_NAME) {
        return false;
    }
    xd_str name = procedure->items[0]->name;
    const xd_value *found = xd_frame_find(env, name);
    return found ? !xd_is_undefined(found) : xd_builtin_find(name) != NULL;
}

static xd_status eval_procedure(const xd_call *call, const char *code_dollar, xd_value *ret)
{
    const xd_node *node = call->node;
    XD_TRY(xd_eval(call->run, node->left, call->input, call->env, ret));
    if (xd_is_undefined(ret) && lacks_dollar(node->left, call->env)) {
        return xd_run_at(call->run, node,
                         xd_fail(call->run->fault, XD_INVALID, code_dollar,
                                 "\"%.*s\" is not a function; did you mean $%.*s?",
                                 XD_FMT(call->name), XD_FMT(call->name)));
    }
    return XD_OK;
}

xd_status xd_eval_call(xd_run *run, const xd_node *node, const xd_value *input, xd_frame *env,
                       const xd_value *first, xd_value *ret)
{
    xd_call call = {run, input, env, node, called_name(node->left)};
    xd_value function;
    XD_TRY(eval_procedure(&call, "T1005", &function));
    uint32_t n = node->count + (first ? 1 : 0);
    xd_value small[4];
    xd_value *args = small;
    bool builtin = xd_is_function(&function) && xd_function_of(&function)->kind == XD_FN_BUILTIN;
    if (n > 4 || !builtin || node->tail) { /* lambdas keep their arguments */
        args = xd_arena_alloc(run->arena, n * sizeof *args);
        if (!args) {
            return xd_run_at(run, node, xd_run_no_memory(run));
        }
    }
    uint32_t at = 0;
    if (first) {
        args[at++] = *first;
    }
    for (uint32_t i = 0; i < node->count; i++) {
        XD_TRY(xd_eval(run, node->items[i], input, env, &args[at++]));
    }
    if (node->tail && !first) { /* whoever called the lambda makes the call in its place */
        run->tail.function = function;
        run->tail.args = args;
        run->tail.arg_count = n;
        run->tail.node = node;
        *ret = (xd_value){.type = XD_V_TAIL};
        return XD_OK;
    }
    return xd_apply(&call, &function, args, n, ret);
}

xd_status xd_eval_partial(xd_run *run, const xd_node *node, const xd_value *input, xd_frame *env,
                          xd_value *ret)
{
    xd_call call = {run, input, env, node, called_name(node->left)};
    xd_value *args = xd_arena_alloc(run->arena, node->count * sizeof *args);
    xd_function *f = xd_arena_zalloc(run->arena, sizeof *f);
    if (!args || !f) {
        return xd_run_at(run, node, xd_run_no_memory(run));
    }
    uint32_t open = 0;
    for (uint32_t i = 0; i < node->count; i++) {
        if (node->items[i]->type == XD_N_PLACEHOLDER) {
            args[i] = (xd_value){.type = XD_V_TAIL};
            open++;
        } else {
            XD_TRY(xd_eval(run, node->items[i], input, env, &args[i]));
        }
    }
    xd_value function;
    XD_TRY(eval_procedure(&call, "T1007", &function));
    if (!xd_is_function(&function)) {
        return fail_not_function(&call, "T1008");
    }
    *f = (xd_function){.kind = XD_FN_PARTIAL,
                       .arity = open,
                       .name = call.name,
                       .first = function,
                       .args = args,
                       .arg_count = node->count};
    *ret = xd_function_value(f);
    return XD_OK;
}

xd_status xd_eval_apply(xd_run *run, const xd_node *node, const xd_value *input, xd_frame *env,
                        xd_value *ret)
{
    xd_value left;
    XD_TRY(xd_eval(run, node->left, input, env, &left));
    const xd_node *right = node->right;
    if (right->type == XD_N_CALL && !right->extra) {
        return xd_eval_call(run, right, input, env, &left, ret);
    }
    xd_value function;
    XD_TRY(xd_eval(run, right, input, env, &function));
    if (!xd_is_function(&function)) {
        return xd_run_at(run, node,
                         xd_fail(run->fault, XD_INVALID, "T2006",
                                 "the right side of the function application operator ~> must be "
                                 "a function"));
    }
    if (xd_is_function(&left)) {
        xd_function *f = xd_arena_zalloc(run->arena, sizeof *f);
        if (!f) {
            return xd_run_at(run, node, xd_run_no_memory(run));
        }
        *f = (xd_function){.kind = XD_FN_COMPOSED,
                           .arity = 1,
                           .name = XD_STR("composed"),
                           .first = left,
                           .second = function};
        *ret = xd_function_value(f);
        return XD_OK;
    }
    xd_call call = {run, input, env, node, xd_function_of(&function)->name};
    xd_value *args = xd_arena_alloc(run->arena, sizeof *args);
    if (!args) {
        return xd_run_at(run, node, xd_run_no_memory(run));
    }
    args[0] = left;
    return xd_apply(&call, &function, args, 1, ret);
}

/* --- transform --- */

static xd_status fail_transform(xd_run *run, const xd_node *node, const char *code,
                                const char *text)
{
    return xd_run_at(run, node, xd_fail(run->fault, XD_INVALID, code, "%s", text));
}

/* Sets the members of update in the object. */
static xd_status merge_update(xd_run *run, xd_value *object, const xd_value *update)
{
    const xd_value *from = xd_object_of(update);
    xd_members members = {0};
    bool fresh;
    const xd_value *sources[] = {object, from};
    for (int k = 0; k < 2; k++) {
        for (uint32_t i = 0; i < sources[k]->count; i++) {
            xd_value *place = xd_members_at(run, &members, sources[k]->members[i].name, &fresh);
            if (!place) {
                return run->fault->code;
            }
            *place = sources[k]->members[i].value;
        }
    }
    *object = xd_members_value(&members);
    return XD_OK;
}

static xd_status delete_names(xd_run *run, const xd_node *node, xd_value *object,
                              const xd_value *names)
{
    uint32_t n = xd_is_array(names) ? names->count : 1;
    for (uint32_t i = 0; i < n; i++) {
        xd_value name = xd_is_array(names) ? xd_value_item(names, i) : *names;
        if (!xd_is_string(&name)) {
            return fail_transform(run, node, "T2012",
                                  "the delete clause of a transform must evaluate to a string or "
                                  "an array of strings");
        }
        uint32_t kept = 0;
        for (uint32_t k = 0; k < object->count; k++) {
            if (!xd_str_eq(object->members[k].name, name.text)) {
                if (kept != k) {
                    object->members[kept] = object->members[k];
                }
                kept++;
            }
        }
        object->count = kept;
    }
    return XD_OK;
}

static xd_status transform_one(const xd_call *call, const xd_function *f, const xd_value *match)
{
    xd_run *run = call->run;
    const xd_node *node = f->node;
    xd_value update;
    XD_TRY(xd_eval(run, node->right, match, f->env, &update));
    xd_value *object = match->type == XD_V_OBJECT_REF ? match->items : NULL;
    if (!xd_is_undefined(&update)) {
        if (!xd_is_object(&update)) {
            return fail_transform(run, node->right, "T2011",
                                  "the insert/update clause of a transform must evaluate to an "
                                  "object");
        }
        if (object) {
            XD_TRY(merge_update(run, object, &update));
        }
    }
    if (node->third) {
        xd_value names;
        XD_TRY(xd_eval(run, node->third, match, f->env, &names));
        xd_value none = {.type = XD_JSON_OBJECT};
        if (!xd_is_undefined(&names)) {
            XD_TRY(delete_names(run, node->third, object ? object : &none, &names));
        }
    }
    return XD_OK;
}

xd_status xd_apply_transform(const xd_call *call, const xd_function *function,
                             const xd_value *subject, xd_value *ret)
{
    xd_run *run = call->run;
    if (xd_is_undefined(subject)) {
        *ret = xd_undefined();
        return XD_OK;
    }
    if (!xd_is_object(subject) && !xd_is_array(subject)) {
        return xd_fail(run->fault, XD_INVALID, "T0410",
                       "a transform applies to an object or an array of objects");
    }
    xd_value result;
    XD_TRY(xd_clone_refs(run, subject, &result));
    xd_value matches;
    XD_TRY(xd_eval(run, function->node->left, &result, function->env, &matches));
    if (!xd_is_undefined(&matches)) {
        uint32_t n = xd_is_array(&matches) ? matches.count : 1;
        for (uint32_t i = 0; i < n; i++) {
            xd_value match = xd_is_array(&matches) ? xd_value_item(&matches, i) : matches;
            XD_TRY(transform_one(call, function, &match));
        }
    }
    *ret = result;
    return XD_OK;
}
