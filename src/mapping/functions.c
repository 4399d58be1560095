/* The table of built-in functions: name, signature, and how many arguments higher-order functions
 * give them. Owns nothing. Pure. */
#include "mapping/functions.h"

#include <stdio.h>

const xd_builtin xd_builtins[] = {
    {"string", "<x-b?:s>", 1, xd_fn_string},
    {"length", "<s-:n>", 1, xd_fn_length},
    {"substring", "<s-nn?:s>", 3, xd_fn_substring},
    {"substringBefore", "<s-s:s>", 2, xd_fn_substring_before},
    {"substringAfter", "<s-s:s>", 2, xd_fn_substring_after},
    {"lowercase", "<s-:s>", 1, xd_fn_lowercase},
    {"uppercase", "<s-:s>", 1, xd_fn_uppercase},
    {"trim", "<s-:s>", 1, xd_fn_trim},
    {"pad", "<s-ns?:s>", 3, xd_fn_pad},
    {"join", "<a<s>s?:s>", 2, xd_fn_join},
    {"contains", "<s-(sf):b>", 2, xd_fn_contains},
    {"split", "<s-(sf)n?:a<s>>", 3, xd_fn_split},
    {"replace", "<s-(sf)(sf)n?:s>", 4, xd_fn_replace},
    {"match", "<s-f<s:o>n?:a<o>>", 3, xd_fn_match},
    {"base64encode", "<s-:s>", 1, xd_fn_base64encode},
    {"base64decode", "<s-:s>", 1, xd_fn_base64decode},
    {"encodeUrl", "<s-:s>", 1, xd_fn_encode_url},
    {"encodeUrlComponent", "<s-:s>", 1, xd_fn_encode_url_component},
    {"decodeUrl", "<s-:s>", 1, xd_fn_decode_url},
    {"decodeUrlComponent", "<s-:s>", 1, xd_fn_decode_url_component},
    {"number", "<(nsb)-:n>", 1, xd_fn_number},
    {"abs", "<n-:n>", 1, xd_fn_abs},
    {"floor", "<n-:n>", 1, xd_fn_floor},
    {"ceil", "<n-:n>", 1, xd_fn_ceil},
    {"round", "<n-n?:n>", 2, xd_fn_round},
    {"power", "<n-n:n>", 2, xd_fn_power},
    {"sqrt", "<n-:n>", 1, xd_fn_sqrt},
    {"random", "<:n>", 0, xd_fn_random},
    {"formatNumber", "<n-so?:s>", 3, xd_fn_format_number},
    {"formatBase", "<n-n?:s>", 2, xd_fn_format_base},
    {"formatInteger", "<n-s:s>", 2, xd_fn_format_integer},
    {"parseInteger", "<s-s:n>", 2, xd_fn_parse_integer},
    {"sum", "<a<n>:n>", 1, xd_fn_sum},
    {"max", "<a<n>:n>", 1, xd_fn_max},
    {"min", "<a<n>:n>", 1, xd_fn_min},
    {"average", "<a<n>:n>", 1, xd_fn_average},
    {"count", "<a:n>", 1, xd_fn_count},
    {"append", "<xx:a>", 2, xd_fn_append},
    {"sort", "<af?:a>", 2, xd_fn_sort},
    {"reverse", "<a:a>", 1, xd_fn_reverse},
    {"shuffle", "<a:a>", 1, xd_fn_shuffle},
    {"distinct", "<x:x>", 1, xd_fn_distinct},
    {"zip", "<a+>", 0, xd_fn_zip},
    {"map", "<af>", 2, xd_fn_map},
    {"filter", "<af>", 2, xd_fn_filter},
    {"single", "<af?>", 2, xd_fn_single},
    {"reduce", "<afj?:j>", 3, xd_fn_reduce},
    {"sift", "<o-f?:o>", 2, xd_fn_sift},
    {"each", "<o-f:a>", 2, xd_fn_each},
    {"keys", "<x-:a<s>>", 1, xd_fn_keys},
    {"lookup", "<x-s:x>", 2, xd_fn_lookup},
    {"spread", "<x-:a<o>>", 1, xd_fn_spread},
    {"merge", "<a<o>:o>", 1, xd_fn_merge},
    {"type", "<x:s>", 1, xd_fn_type},
    {"exists", "<x:b>", 1, xd_fn_exists},
    {"boolean", "<x-:b>", 1, xd_fn_boolean},
    {"not", "<x-:b>", 1, xd_fn_not},
    {"clone", "<(oa)-:o>", 1, xd_fn_clone},
    {"error", "<s?:x>", 1, xd_fn_error},
    {"assert", "<bs?:x>", 2, xd_fn_assert},
    {"eval", "<sx?:x>", 2, xd_fn_eval},
    {"now", "<s?s?:s>", 2, xd_fn_now},
    {"millis", "<:n>", 0, xd_fn_millis},
    {"fromMillis", "<n-s?s?:s>", 3, xd_fn_from_millis},
    {"toMillis", "<s-s?:n>", 2, xd_fn_to_millis},
    {"xref", "<sss:s>", 3, xd_fn_xref},
    {"uom", "<(ns)ss:n>", 3, xd_fn_uom},
    {"money", "<(ns)-(sn)?:s>", 2, xd_fn_money},
    {"date", "<s-s?:s>", 2, xd_fn_date},
    {NULL, NULL, 0, NULL},
};

const xd_builtin *xd_builtin_find(xd_str name)
{
    for (const xd_builtin *b = xd_builtins; b->name; b++) {
        if (strlen(b->name) == name.len && memcmp(b->name, name.ptr, name.len) == 0) {
            return b;
        }
    }
    return NULL;
}

const xd_function *xd_builtin_function(const xd_builtin *builtin, xd_arena *arena)
{
    xd_function *f = xd_arena_zalloc(arena, sizeof *f);
    if (!f) {
        return NULL;
    }
    f->kind = XD_FN_BUILTIN;
    f->arity = builtin->arity;
    f->name = xd_str_from(builtin->name);
    f->builtin = builtin;
    xd_status status =
        xd_signature_parse(xd_str_from(builtin->signature), arena, &f->signature, NULL);
    return status == XD_OK ? f : NULL;
}

xd_status xd_call_fail(const xd_call *call, const char *code, const char *format, ...)
{
    char text[sizeof call->run->fault->text];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return xd_fail(call->run->fault, XD_INVALID, code, "%s", text);
}

xd_status xd_call_with(const xd_call *call, const xd_value *function, const xd_value *a,
                       const xd_value *b, const xd_value *c, xd_value *ret)
{
    uint32_t arity = xd_is_function(function) ? xd_function_of(function)->arity : 1;
    uint32_t n = arity < 1 ? 1 : arity > 3 ? 3 : arity;
    xd_value *args = xd_arena_alloc(call->run->arena, n * sizeof *args);
    if (!args) {
        return xd_run_no_memory(call->run);
    }
    args[0] = *a;
    if (n > 1) {
        args[1] = *b;
    }
    if (n > 2) {
        args[2] = *c;
    }
    xd_call inner = *call;
    inner.input = NULL;
    inner.name = xd_is_function(function) ? xd_function_of(function)->name : XD_STR_NULL;
    return xd_apply(&inner, function, args, n, ret);
}
