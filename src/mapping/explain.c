/* Lineage: which fields of the input feed which field of the result, read off the tree of the map
 * without running it. A context is the list of input paths that a value may come from; variables
 * and parameters are followed to what they stand for. Owns nothing. Pure. */
#include "mapping/map_int.h"

enum { MAX_ROWS = 10000, MAX_DEPTH = 64, MAX_WORK = 200000 };

struct path {
    struct path *next;
    xd_str text; /* "" is the input itself */
};

/* What a variable stands for: an expression in its own context, or paths. */
struct name {
    const struct name *next;
    xd_str name;
    const xd_node *node; /* NULL: paths */
    const struct path *context;
    const struct name *names;
};

struct explainer {
    xd_run run; /* for lists and their faults only */
    xd_arena *arena;
    xd_list rows;
    uint32_t depth;
    uint32_t work;
};

struct scope {
    const struct path *context;
    const struct name *names;
};

/* A use of input paths while one target is explained. */
struct uses {
    struct path *paths;
    struct path *functions; /* passed on the way */
};

static xd_status find(struct explainer *e, const xd_node *node, struct scope *scope, xd_str target,
                      struct uses *uses);

static xd_status fail_memory(struct explainer *e)
{
    return xd_run_no_memory(&e->run);
}

static xd_status add_path(struct explainer *e, struct path **list, xd_str text)
{
    struct path **at = list;
    while (*at) {
        if (xd_str_eq((*at)->text, text)) {
            return XD_OK;
        }
        at = &(*at)->next;
    }
    struct path *fresh = xd_arena_alloc(e->arena, sizeof *fresh);
    if (!fresh) {
        return fail_memory(e);
    }
    *fresh = (struct path){NULL, text};
    *at = fresh;
    return XD_OK;
}

static bool is_simple_name(xd_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c < 0;
        if (!letter && !(i > 0 && c >= '0' && c <= '9')) {
            return false;
        }
    }
    return name.len > 0;
}

/* Every path of from followed by step, as the language writes it. */
static xd_status extend(struct explainer *e, const struct path *from, xd_str step, bool is_name,
                        struct path **ret)
{
    struct path *list = NULL;
    for (; from; from = from->next) {
        const char *quote = is_name && !is_simple_name(step) ? "`" : "";
        xd_str text = xd_arena_printf(e->arena, "%.*s%s%s%.*s%s", XD_FMT(from->text),
                                      from->text.len ? "." : "", quote, XD_FMT(step), quote);
        if (!text.ptr) {
            return fail_memory(e);
        }
        XD_TRY(add_path(e, &list, text));
    }
    *ret = list;
    return XD_OK;
}

/* The paths one step up. */
static xd_status parents(struct explainer *e, const struct path *from, struct path **ret)
{
    struct path *list = NULL;
    for (; from; from = from->next) {
        size_t n = from->text.len;
        while (n > 0 && from->text.ptr[n - 1] != '.') {
            n--;
        }
        XD_TRY(add_path(e, &list, (xd_str){from->text.ptr, n ? n - 1 : 0}));
    }
    *ret = list;
    return XD_OK;
}

static const struct name *find_name(const struct name *names, xd_str name)
{
    while (names && !xd_str_eq(names->name, name)) {
        names = names->next;
    }
    return names;
}

static xd_status bind(struct explainer *e, struct scope *scope, xd_str name, const xd_node *node,
                      const struct scope *of)
{
    struct name *fresh = xd_arena_alloc(e->arena, sizeof *fresh);
    if (!fresh) {
        return fail_memory(e);
    }
    *fresh = (struct name){scope->names, name, node, of->context, of->names};
    scope->names = fresh;
    return XD_OK;
}

/* --- rows --- */

static xd_status put_text(struct explainer *e, xd_json_member *member, const char *name,
                          const struct path *list, xd_str otherwise)
{
    xd_text text = {.run = &e->run};
    for (const struct path *p = list; p; p = p->next) {
        if (text.len) {
            xd_text_add(&text, ", ", 2);
        }
        xd_text_str(&text, p->text);
    }
    member->name = xd_str_from(name);
    if (!list) {
        xd_text_str(&text, otherwise);
    }
    return xd_text_value(&text, &member->value);
}

static xd_status add_row(struct explainer *e, xd_str target, xd_str source, const char *role,
                         const struct path *functions, const xd_node *node)
{
    if (e->rows.count >= MAX_ROWS) {
        return XD_OK;
    }
    xd_json_member *members = xd_arena_alloc(e->arena, 5 * sizeof *members);
    if (!members) {
        return fail_memory(e);
    }
    xd_str position = xd_arena_printf(e->arena, "%u", node->position);
    if (!position.ptr) {
        return fail_memory(e);
    }
    XD_TRY(put_text(e, &members[0], "target", NULL, target.len ? target : XD_STR("(result)")));
    XD_TRY(put_text(e, &members[1], "source", NULL, source));
    XD_TRY(put_text(e, &members[2], "role", NULL, xd_str_from(role)));
    XD_TRY(put_text(e, &members[3], "via", functions, XD_STR("")));
    members[4] = (xd_json_member){XD_STR("offset"), {.type = XD_JSON_NUMBER, .text = position}};
    xd_value row = {.type = XD_JSON_OBJECT, .count = 5, .members = members};
    return xd_list_push(&e->run, &e->rows, &row);
}

static xd_status add_rows(struct explainer *e, xd_str target, const struct uses *uses,
                          const char *role, const xd_node *node)
{
    for (const struct path *p = uses->paths; p; p = p->next) {
        xd_str source = p->text.len ? p->text : XD_STR("(input)");
        XD_TRY(add_row(e, target, source, role, uses->functions, node));
    }
    return XD_OK;
}

/* Explains a part that only steers: its sources get a role of their own. */
static xd_status steer(struct explainer *e, const xd_node *node, const struct scope *scope,
                       xd_str target, const char *role)
{
    struct uses uses = {0};
    struct scope inner = *scope;
    XD_TRY(find(e, node, &inner, XD_STR_NULL, &uses));
    return target.ptr ? add_rows(e, target, &uses, role, node) : XD_OK;
}

/* --- paths --- */

static xd_status steer_extra(struct explainer *e, const xd_node *node, const struct scope *scope,
                             xd_str target)
{
    const xd_extra *extra = node->extra;
    for (uint32_t i = 0; extra && i < extra->stage_count; i++) {
        if (extra->stages[i].filter) {
            XD_TRY(steer(e, extra->stages[i].filter, scope, target, "filter"));
        }
    }
    for (uint32_t i = 0; extra && i < extra->predicate_count; i++) {
        XD_TRY(steer(e, extra->predicates[i].filter, scope, target, "filter"));
    }
    return XD_OK;
}

static xd_status find_group(struct explainer *e, const xd_group *group, struct scope *scope,
                            xd_str target, struct uses *uses)
{
    for (uint32_t i = 0; i < group->count; i++) {
        const xd_node *key = group->pairs[i].key;
        xd_str inner = XD_STR_NULL;
        if (target.ptr) {
            bool literal = key->type == XD_N_LITERAL && xd_is_string(&key->literal);
            xd_str name = literal ? key->literal.text : XD_STR("*");
            inner = xd_arena_printf(e->arena, "%.*s%s%.*s", XD_FMT(target), target.len ? "." : "",
                                    XD_FMT(name));
            if (!inner.ptr) {
                return fail_memory(e);
            }
            if (!literal) {
                XD_TRY(steer(e, key, scope, inner, "name"));
            }
        }
        struct scope of = *scope;
        XD_TRY(find(e, group->pairs[i].value, &of, inner, uses));
    }
    return XD_OK;
}

/* Where a step leads that is neither a name nor the end of the path. */
static xd_status step_context(struct explainer *e, const xd_node *step, struct scope *scope,
                              struct path **ret)
{
    switch (step->type) {
    case XD_N_NAME:
        return extend(e, scope->context, step->name, true, ret);
    case XD_N_WILDCARD:
        return extend(e, scope->context, XD_STR("*"), false, ret);
    case XD_N_DESCENDANT:
        return extend(e, scope->context, XD_STR("**"), false, ret);
    case XD_N_PARENT:
        return parents(e, scope->context, ret);
    default: {
        struct uses uses = {0};
        XD_TRY(find(e, step, scope, XD_STR_NULL, &uses));
        *ret = uses.paths;
        return XD_OK;
    }
    }
}

static bool has_structure(const xd_node *step)
{
    switch (step->type) {
    case XD_N_NAME:
    case XD_N_WILDCARD:
    case XD_N_DESCENDANT:
    case XD_N_PARENT:
    case XD_N_SORT:
        return false;
    default:
        return true;
    }
}

static xd_status find_path(struct explainer *e, const xd_node *node, struct scope *scope,
                           xd_str target, struct uses *uses)
{
    struct scope at = *scope;
    bool grouped = node->extra && node->extra->group;
    for (uint32_t i = 0; i < node->count; i++) {
        const xd_node *step = node->items[i];
        if (step->type == XD_N_SORT) {
            for (uint32_t t = 0; t < step->term_count; t++) {
                XD_TRY(steer(e, step->terms[t].expression, &at, target, "order"));
            }
            continue;
        }
        if (i + 1 == node->count && has_structure(step) && !grouped) {
            return find(e, step, &at, target, uses);
        }
        struct path *next = NULL;
        XD_TRY(step_context(e, step, &at, &next));
        struct scope inner = {next, at.names};
        XD_TRY(steer_extra(e, step, &inner, target));
        if (step->extra && step->extra->focus.ptr) {
            XD_TRY(bind(e, &at, step->extra->focus, NULL, &inner));
        } else {
            at.context = next;
        }
    }
    if (grouped) {
        return find_group(e, node->extra->group, &at, target, uses);
    }
    for (const struct path *p = at.context; p; p = p->next) {
        XD_TRY(add_path(e, &uses->paths, p->text));
    }
    return XD_OK;
}

/* --- calls --- */

/* Runs a function's body over the places its arguments come from. */
static xd_status find_lambda(struct explainer *e, const xd_node *lambda, const struct scope *home,
                             const xd_node *const *args, uint32_t arg_count,
                             const struct scope *scope, xd_str target, struct uses *uses)
{
    struct scope inner = *home;
    for (uint32_t i = 0; i < lambda->count && i < arg_count; i++) {
        XD_TRY(bind(e, &inner, lambda->items[i]->name, args[i], scope));
    }
    return find(e, lambda->body, &inner, target, uses);
}

/* What is called, when it is a lambda that can be seen. */
static const xd_node *lambda_of(const xd_node *node, const struct scope *scope,
                                struct scope *ret_home)
{
    *ret_home = *scope;
    for (int i = 0; i < MAX_DEPTH && node; i++) {
        if (node->type == XD_N_LAMBDA) {
            return node;
        }
        const struct name *name =
            node->type == XD_N_VARIABLE ? find_name(ret_home->names, node->name) : NULL;
        if (!name) {
            return NULL;
        }
        node = name->node;
        *ret_home = (struct scope){name->context, name->next};
        if (name->names) {
            ret_home->names = name->names;
        }
    }
    return NULL;
}

static xd_status find_call(struct explainer *e, const xd_node *node, const xd_node *first,
                           struct scope *scope, xd_str target, struct uses *uses)
{
    const xd_node *args[16];
    uint32_t n = 0;
    if (first) {
        args[n++] = first;
    }
    for (uint32_t i = 0; i < node->count && n < 16; i++) {
        args[n++] = node->items[i];
    }
    struct scope home;
    const xd_node *lambda = lambda_of(node->left, scope, &home);
    if (lambda) {
        return find_lambda(e, lambda, &home, args, n, scope, target, uses);
    }
    if (node->left->type == XD_N_VARIABLE) {
        xd_str name = xd_arena_printf(e->arena, "$%.*s", XD_FMT(node->left->name));
        if (!name.ptr) {
            return fail_memory(e);
        }
        XD_TRY(add_path(e, &uses->functions, name));
    }
    /* A function among the arguments is applied to (the items of) the first. */
    lambda = n > 1 ? lambda_of(args[1], scope, &home) : NULL;
    if (lambda) {
        const xd_node *given[4] = {args[0], args[0], args[0], args[0]};
        bool tests =
            node->left->type == XD_N_VARIABLE && (xd_str_eq(node->left->name, XD_STR("filter")) ||
                                                  xd_str_eq(node->left->name, XD_STR("sort")) ||
                                                  xd_str_eq(node->left->name, XD_STR("sift")) ||
                                                  xd_str_eq(node->left->name, XD_STR("single")));
        if (!tests) {
            return find_lambda(e, lambda, &home, given, 4, scope, target, uses);
        }
        struct uses tested = {0};
        XD_TRY(find_lambda(e, lambda, &home, given, 4, scope, XD_STR_NULL, &tested));
        if (target.ptr) {
            XD_TRY(add_rows(e, target, &tested, "filter", node));
        }
        n = 1;
    }
    if (n == 0 && node->left->type == XD_N_VARIABLE && node->left->builtin &&
        node->left->builtin->signature && node->left->builtin->arity > 0) {
        for (const struct path *p = scope->context; p; p = p->next) { /* the context stands in */
            XD_TRY(add_path(e, &uses->paths, p->text));
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        XD_TRY(find(e, args[i], scope, XD_STR_NULL, uses));
    }
    return XD_OK;
}

/* --- expressions --- */

static xd_status find_variable(struct explainer *e, const xd_node *node, struct scope *scope,
                               xd_str target, struct uses *uses)
{
    const struct path root = {NULL, XD_STR("")};
    const struct path *paths = scope->context;
    if (xd_str_eq(node->name, XD_STR("$"))) {
        paths = &root;
    } else if (node->name.len) {
        const struct name *name = find_name(scope->names, node->name);
        if (!name) {
            return XD_OK;
        }
        if (name->node) {
            struct scope of = {name->context, name->names};
            return find(e, name->node, &of, target, uses);
        }
        paths = name->context;
    }
    for (; paths; paths = paths->next) {
        XD_TRY(add_path(e, &uses->paths, paths->text));
    }
    return XD_OK;
}

static xd_status find_condition(struct explainer *e, const xd_node *node, struct scope *scope,
                                xd_str target, struct uses *uses)
{
    struct uses decides = {0};
    XD_TRY(find(e, node->left, scope, XD_STR_NULL, node->right ? &decides : uses));
    if (target.ptr && node->right) {
        XD_TRY(add_rows(e, target, &decides, "condition", node));
    }
    if (node->right) {
        XD_TRY(find(e, node->right, scope, target, uses));
    }
    return node->third ? find(e, node->third, scope, target, uses) : XD_OK;
}

static xd_status find_block(struct explainer *e, const xd_node *node, struct scope *scope,
                            xd_str target, struct uses *uses)
{
    struct scope inner = *scope;
    for (uint32_t i = 0; i < node->count; i++) {
        const xd_node *item = node->items[i];
        if (item->type == XD_N_BIND) {
            XD_TRY(bind(e, &inner, item->left->name, item->right, &inner));
        }
        if (i + 1 == node->count) {
            XD_TRY(find(e, item, &inner, target, uses));
        }
    }
    return XD_OK;
}

static xd_status find_array(struct explainer *e, const xd_node *node, struct scope *scope,
                            xd_str target, struct uses *uses)
{
    xd_str inner = target;
    if (target.ptr) {
        inner = xd_arena_printf(e->arena, "%.*s[]", XD_FMT(target));
        if (!inner.ptr) {
            return fail_memory(e);
        }
    }
    for (uint32_t i = 0; i < node->count; i++) {
        XD_TRY(find(e, node->items[i], scope, inner, uses));
    }
    return XD_OK;
}

static xd_status find_parts(struct explainer *e, const xd_node *node, struct scope *scope,
                            struct uses *uses)
{
    const xd_node *parts[] = {node->left, node->right, node->third};
    for (int i = 0; i < 3; i++) {
        if (parts[i]) {
            XD_TRY(find(e, parts[i], scope, XD_STR_NULL, uses));
        }
    }
    return XD_OK;
}

static xd_status find_by_type(struct explainer *e, const xd_node *node, struct scope *scope,
                              xd_str target, struct uses *uses)
{
    switch (node->type) {
    case XD_N_PATH:
        return find_path(e, node, scope, target, uses);
    case XD_N_VARIABLE:
        return find_variable(e, node, scope, target, uses);
    case XD_N_OBJECT:
        return find_group(e, node->object, scope, target, uses);
    case XD_N_ARRAY:
        return find_array(e, node, scope, target, uses);
    case XD_N_BLOCK:
        return find_block(e, node, scope, target, uses);
    case XD_N_CONDITION:
        return find_condition(e, node, scope, target, uses);
    case XD_N_BIND:
        return find(e, node->right, scope, target, uses);
    case XD_N_CALL:
    case XD_N_PARTIAL:
        return find_call(e, node, NULL, scope, target, uses);
    case XD_N_APPLY:
        if (node->right->type == XD_N_CALL) {
            return find_call(e, node->right, node->left, scope, target, uses);
        }
        return find_parts(e, node, scope, uses);
    case XD_N_TRANSFORM:
    case XD_N_BINARY:
        return find_parts(e, node, scope, uses);
    case XD_N_NEGATE:
        return find(e, node->left, scope, XD_STR_NULL, uses);
    case XD_N_CONCAT:
        for (uint32_t i = 0; i < node->count; i++) {
            XD_TRY(find(e, node->items[i], scope, XD_STR_NULL, uses));
        }
        return XD_OK;
    case XD_N_NAME:
    case XD_N_WILDCARD:
    case XD_N_DESCENDANT:
    case XD_N_PARENT: {
        struct path *paths = NULL;
        XD_TRY(step_context(e, node, scope, &paths));
        for (; paths; paths = paths->next) {
            XD_TRY(add_path(e, &uses->paths, paths->text));
        }
        return XD_OK;
    }
    default:
        return XD_OK;
    }
}

/* Whether rows for the target are made further down. */
static bool is_structure(const xd_node *node)
{
    if (node->type == XD_N_PATH) {
        const xd_node *last = node->items[node->count - 1];
        return (node->extra && node->extra->group) || last->type == XD_N_OBJECT ||
               last->type == XD_N_ARRAY;
    }
    return node->type == XD_N_OBJECT || node->type == XD_N_ARRAY;
}

/* Finds what feeds node. With a target its rows are made here, or below when node has parts of its
 * own; without one (target.ptr NULL) the paths are only collected in uses. */
static xd_status find(struct explainer *e, const xd_node *node, struct scope *scope, xd_str target,
                      struct uses *uses)
{
    if (e->depth >= MAX_DEPTH || e->work >= MAX_WORK) {
        return XD_OK; /* a recursive function: what it has shown so far is what there is */
    }
    e->depth++;
    e->work++;
    xd_status status;
    if (!target.ptr) {
        status = find_by_type(e, node, scope, target, uses);
        if (status == XD_OK && node->type != XD_N_PATH) {
            status = steer_extra(e, node, scope, target);
        }
    } else {
        struct uses own = {0};
        uint32_t rows = e->rows.count;
        status = find_by_type(e, node, scope, target, &own);
        if (status == XD_OK) {
            status = add_rows(e, target, &own, "value", node);
        }
        if (status == XD_OK && e->rows.count == rows && !is_structure(node)) {
            status = add_row(e, target, XD_STR("(constant)"), "value", own.functions, node);
        }
    }
    e->depth--;
    return status;
}

xd_status xd_map_explain(const xd_map *map, xd_arena *arena, const xd_json **ret, xd_fault *fault)
{
    static const xd_map_world no_world = {0};
    xd_fault local = XD_FAULT_NONE;
    struct explainer e = {.arena = arena};
    e.run = (xd_run){.arena = arena, .fault = &local, .world = &no_world};
    struct path root = {NULL, XD_STR("")};
    struct scope scope = {&root, NULL};
    struct uses uses = {0};
    xd_status status = find(&e, map->program.root, &scope, XD_STR(""), &uses);
    xd_json *place = status == XD_OK ? xd_arena_alloc(arena, sizeof *place) : NULL;
    if (!place) {
        if (fault) {
            *fault = local;
        }
        return xd_fail(fault, XD_NO_MEMORY, "map.memory", "no memory to explain the map");
    }
    *place = xd_list_value(&e.rows, 0);
    *ret = place;
    return XD_OK;
}
