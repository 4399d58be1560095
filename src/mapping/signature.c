/* Function signatures such as <s-nn?:s>: read once, then checked at every call, where they also
 * fill in the context for arguments left out and wrap single values where an array is wanted.
 * Owns nothing. Pure. */
#include "mapping/map_int.h"

enum { MAX_PARAMS = 16 };

/* Kinds of arguments, as bits. */
enum {
    K_STRING = 1,
    K_NUMBER = 2,
    K_BOOLEAN = 4,
    K_NULL = 8,
    K_OBJECT = 16,
    K_ARRAY = 32,
    K_FUNCTION = 64,
    K_MISSING = 128,
    K_DATA = K_STRING | K_NUMBER | K_BOOLEAN | K_NULL | K_OBJECT | K_ARRAY | K_MISSING,
    K_ANY = K_DATA | K_FUNCTION
};

struct param {
    uint8_t kinds;
    char letter;     /* type; '(' for a choice */
    char item;       /* arrays: letter of the items, 0 when any */
    char quantifier; /* 0, '?' or '+' */
    bool context;
};

struct xd_signature {
    uint32_t count;
    struct param params[MAX_PARAMS];
};

static uint8_t kinds_of_letter(char c)
{
    switch (c) {
    case 's':
        return K_STRING | K_MISSING;
    case 'n':
        return K_NUMBER | K_MISSING;
    case 'b':
        return K_BOOLEAN | K_MISSING;
    case 'l':
        return K_NULL | K_MISSING;
    case 'o':
        return K_OBJECT | K_MISSING;
    case 'a':
    case 'x':
        return K_ANY;
    case 'f':
        return K_FUNCTION;
    case 'j':
        return K_DATA;
    default:
        return 0;
    }
}

static uint8_t kind_of(const xd_value *v)
{
    switch (v->type) {
    case XD_JSON_NULL:
        return K_NULL;
    case XD_JSON_FALSE:
    case XD_JSON_TRUE:
        return K_BOOLEAN;
    case XD_JSON_STRING:
        return K_STRING;
    case XD_JSON_ARRAY:
        return K_ARRAY;
    case XD_JSON_OBJECT:
    case XD_V_OBJECT_REF:
        return K_OBJECT;
    case XD_V_FUNCTION:
        return K_FUNCTION;
    case XD_V_UNDEFINED:
        return K_MISSING;
    default:
        return K_NUMBER;
    }
}

/* --- reading --- */

static xd_status fail_syntax(xd_fault *fault, size_t offset, const char *code, const char *text)
{
    xd_status status = xd_fail(fault, XD_INVALID, code, "%s", text);
    xd_fault_at(fault, (int64_t)offset, NULL);
    return status;
}

/* The choice (..) at *at. */
static xd_status read_choice(xd_str text, size_t *at, struct param *param, xd_fault *fault)
{
    param->letter = '(';
    param->kinds = K_MISSING;
    for (size_t i = *at + 1; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '<') {
            return fail_syntax(fault, i, "S0402",
                               "a choice in a signature must not hold parameterized types");
        }
        if (c == ')') {
            *at = i;
            return XD_OK;
        }
        param->kinds |= kinds_of_letter(c);
    }
    return fail_syntax(fault, *at, "S0402", "a choice in a signature has no closing )");
}

/* The <..> at *at, which belongs to last. */
static xd_status read_subtype(xd_str text, size_t *at, struct param *last, xd_fault *fault)
{
    if (!last || (last->letter != 'a' && last->letter != 'f')) {
        return fail_syntax(
            fault, *at, "S0401",
            "in a signature only functions (f) and arrays (a) take a type parameter");
    }
    size_t start = *at;
    int depth = 0;
    for (; *at < text.len; ++*at) {
        depth += (text.ptr[*at] == '<') - (text.ptr[*at] == '>');
        if (depth == 0) {
            last->item = last->letter == 'a' ? text.ptr[start + 1] : '\0';
            return XD_OK;
        }
    }
    return fail_syntax(fault, start, "S0401", "a type parameter has no closing >");
}

xd_status xd_signature_parse(xd_str text, xd_arena *arena, const xd_signature **ret,
                             xd_fault *fault)
{
    xd_signature *signature = xd_arena_zalloc(arena, sizeof *signature);
    if (!signature) {
        return xd_fail(fault, XD_NO_MEMORY, "map.memory", "no memory to compile the map");
    }
    struct param *last = NULL;
    for (size_t at = 1; at < text.len && text.ptr[at] != ':' && text.ptr[at] != '>'; at++) {
        char c = text.ptr[at];
        if (c == '-' || c == '?' || c == '+') {
            if (last && c == '-') {
                last->context = true;
                last->quantifier = '?';
            } else if (last && !last->quantifier) {
                last->quantifier = c;
            }
            continue;
        }
        if (c == '<') {
            XD_TRY(read_subtype(text, &at, last, fault));
            continue;
        }
        if (kinds_of_letter(c) == 0 && c != '(') {
            continue;
        }
        if (signature->count == MAX_PARAMS) {
            return fail_syntax(fault, at, "S0401", "a signature may have 16 parameters");
        }
        last = &signature->params[signature->count++];
        last->letter = c;
        last->kinds = kinds_of_letter(c);
        if (c == '(') {
            XD_TRY(read_choice(text, &at, last, fault));
        }
    }
    *ret = signature;
    return XD_OK;
}

uint32_t xd_signature_params(const xd_signature *signature)
{
    return signature->count;
}

/* --- checking --- */

/* How many arguments each parameter takes; found by trying the longest first, as a regular
 * expression over the kinds would. */
struct match {
    const xd_signature *signature;
    const xd_value *args;
    uint32_t arg_count;
    uint32_t taken[MAX_PARAMS];
    uint32_t tries; /* left */
    uint32_t furthest;
};

static bool try_match(struct match *m, uint32_t param, uint32_t arg)
{
    if (arg > m->furthest) {
        m->furthest = arg;
    }
    if (param == m->signature->count) {
        return arg == m->arg_count;
    }
    if (m->tries == 0) {
        return false;
    }
    m->tries--;
    const struct param *p = &m->signature->params[param];
    uint32_t least = p->quantifier == '?' ? 0 : 1;
    uint32_t most = p->quantifier == '+' ? m->arg_count - arg : 1;
    uint32_t n = 0;
    while (n < most && arg + n < m->arg_count && (kind_of(&m->args[arg + n]) & p->kinds)) {
        n++;
    }
    for (;; n--) {
        if (n < least) {
            return false;
        }
        m->taken[param] = n;
        if (try_match(m, param + 1, arg + n)) {
            return true;
        }
        if (n == 0) {
            return false;
        }
    }
}

static xd_status fail_argument(const xd_call *call, const char *code, uint32_t index,
                               const char *what)
{
    return xd_run_at(call->run, call->node,
                     xd_fail(call->run->fault, XD_INVALID, code,
                             "argument %u of function \"%.*s\" %s", index + 1, XD_FMT(call->name),
                             what));
}

static const char *item_name(char letter)
{
    switch (letter) {
    case 'a':
        return "arrays";
    case 'b':
        return "booleans";
    case 'f':
        return "functions";
    case 'n':
        return "numbers";
    case 'o':
        return "objects";
    default:
        return "strings";
    }
}

/* An argument for an array parameter: checks its items, wraps a single value. */
static xd_status take_array(const xd_call *call, const struct param *p, uint32_t index,
                            xd_value *arg)
{
    if (xd_is_undefined(arg)) {
        return XD_OK;
    }
    if (p->item) {
        uint8_t want = kinds_of_letter(p->item) & (uint8_t)~K_MISSING;
        bool fits = true;
        if (!xd_is_array(arg)) {
            fits = (kind_of(arg) & want) != 0;
        } else if (!(xd_value_flags(arg) & XD_F_RANGE)) {
            for (uint32_t i = 0; i < arg->count && fits; i++) {
                fits = (kind_of(&arg->items[i]) & want) != 0;
            }
        } else {
            fits = (want & K_NUMBER) != 0;
        }
        if (!fits) {
            char what[64] = "must be an array of ";
            size_t n = strlen(what);
            const char *name = item_name(p->item);
            memcpy(what + n, name, strlen(name) + 1);
            return fail_argument(call, "T0412", index, what);
        }
    }
    if (!xd_is_array(arg)) {
        xd_value *items = xd_arena_alloc(call->run->arena, sizeof *items);
        if (!items) {
            return xd_run_no_memory(call->run);
        }
        items[0] = *arg;
        *arg = xd_array_value(items, 1, 0);
    }
    return XD_OK;
}

/* The common case: every argument fits its own parameter and the rest may be left out. Arguments
 * stay where they are. */
static bool fits_directly(const xd_signature *signature, const xd_value *args, uint32_t n)
{
    if (n > signature->count) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (signature->params[i].quantifier == '+' ||
            !(kind_of(&args[i]) & signature->params[i].kinds)) {
            return false;
        }
    }
    for (uint32_t i = n; i < signature->count; i++) {
        if (signature->params[i].quantifier != '?' || signature->params[i].context) {
            return false;
        }
    }
    return true;
}

/* The context in place of an argument that was left out. */
static xd_status take_context(const xd_call *call, const struct param *p, uint32_t index,
                              xd_value *ret)
{
    *ret = call->input ? *call->input : (xd_value){.type = XD_JSON_NULL};
    if (kind_of(ret) & p->kinds) {
        return XD_OK;
    }
    return xd_run_at(call->run, call->node,
                     xd_fail(call->run->fault, XD_INVALID, "T0411",
                             "the context value is no fit for argument %u of function \"%.*s\", "
                             "which was left out",
                             index + 1, XD_FMT(call->name)));
}

/* Moves the arguments to the places that match found, with the context where one is missing. */
static xd_status place(const struct match *m, const xd_call *call, xd_value **args,
                       uint32_t *arg_count)
{
    const xd_signature *signature = m->signature;
    xd_value *placed =
        xd_arena_alloc(call->run->arena, (signature->count + m->arg_count) * sizeof *placed);
    if (!placed) {
        return xd_run_no_memory(call->run);
    }
    uint32_t n = 0;
    uint32_t arg = 0;
    for (uint32_t i = 0; i < signature->count; i++) {
        const struct param *p = &signature->params[i];
        if (m->taken[i] == 0) {
            if (!p->context) { /* one left out before others takes the next, as the language has it
                                */
                placed[n++] = arg < *arg_count ? (*args)[arg] : xd_undefined();
                arg++;
                continue;
            }
            XD_TRY(take_context(call, p, arg, &placed[n++]));
            continue;
        }
        for (uint32_t k = 0; k < m->taken[i]; k++, arg++, n++) {
            placed[n] = arg < *arg_count ? (*args)[arg] : xd_undefined();
            if (p->letter == 'a') {
                XD_TRY(take_array(call, p, arg, &placed[n]));
            }
        }
    }
    *args = placed;
    *arg_count = n;
    return XD_OK;
}

xd_status xd_signature_apply(const xd_signature *signature, const xd_call *call, xd_value **args,
                             uint32_t *arg_count)
{
    if (fits_directly(signature, *args, *arg_count)) {
        for (uint32_t i = 0; i < *arg_count; i++) {
            if (signature->params[i].letter == 'a') {
                XD_TRY(take_array(call, &signature->params[i], i, &(*args)[i]));
            }
        }
        return XD_OK;
    }
    struct match m = {
        .signature = signature, .args = *args, .arg_count = *arg_count, .tries = 10000};
    if (try_match(&m, 0, 0)) {
        return place(&m, call, args, arg_count);
    }
    return fail_argument(call, "T0410", m.furthest,
                         m.furthest < *arg_count ? "does not match the function's signature"
                                                 : "is missing");
}
