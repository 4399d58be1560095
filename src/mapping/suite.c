/* See suite.h. Owns nothing. */
#include "mapping/suite.h"

#include "mapping/map.h"
#include "mapping/number.h"

enum { SUITE_BYTES = 512 << 20, CALLS_PER_DEPTH = 3 };

const xd_map_difference xd_map_differences[] = {
    {NULL, NULL},
};

/* The suite writes numbers as the shortest text of a binary double, so a number counts as found
 * when it is the expected one to the 15 digits that a double holds. */
static bool equal_numbers(const xd_json *a, const xd_json *b)
{
    xd_number x = xd_number_of(a);
    xd_number y = xd_number_of(b);
    xd_number difference;
    xd_number bound;
    if (!xd_number_add(x, xd_number_neg(y), &difference) ||
        !xd_number_mul(y, (xd_number){1, -15, false}, &bound)) {
        return false;
    }
    difference = difference.coefficient < 0 ? xd_number_neg(difference) : difference;
    bound = bound.coefficient < 0 ? xd_number_neg(bound) : bound;
    return xd_number_cmp(difference, bound) <= 0;
}

static bool equal(const xd_json *expected, const xd_json *found)
{
    if (expected->type != found->type) {
        return false;
    }
    switch (expected->type) {
    case XD_JSON_NUMBER:
        return equal_numbers(found, expected);
    case XD_JSON_STRING:
        return xd_str_eq(expected->text, found->text);
    case XD_JSON_ARRAY:
        if (expected->count != found->count) {
            return false;
        }
        for (uint32_t i = 0; i < expected->count; i++) {
            if (!equal(&expected->items[i], &found->items[i])) {
                return false;
            }
        }
        return true;
    case XD_JSON_OBJECT:
        if (expected->count != found->count) {
            return false;
        }
        for (uint32_t i = 0; i < expected->count; i++) {
            const xd_json *other = xd_json_get(found, expected->members[i].name);
            if (!other || !equal(&expected->members[i].value, other)) {
                return false;
            }
        }
        return true;
    default:
        return true;
    }
}

/* Whether every item of one array has a partner in the other. */
static bool equal_unordered(const xd_json *expected, const xd_json *found, xd_arena *arena)
{
    if (expected->type != XD_JSON_ARRAY || found->type != XD_JSON_ARRAY ||
        expected->count != found->count) {
        return equal(expected, found);
    }
    bool *taken = xd_arena_zalloc(arena, found->count * sizeof *taken);
    for (uint32_t i = 0; taken && i < expected->count; i++) {
        uint32_t j = 0;
        while (j < found->count && (taken[j] || !equal(&expected->items[i], &found->items[j]))) {
            j++;
        }
        if (j == found->count) {
            return false;
        }
        taken[j] = true;
    }
    return taken != NULL;
}

static xd_str as_text(const xd_json *value, xd_arena *arena)
{
    enum { SHOWN = 300 };
    if (!value) {
        return XD_STR("nothing");
    }
    xd_buf buf;
    xd_buf_init(&buf, 1 << 20);
    xd_json_write(&buf, value);
    xd_str text = {buf.ptr, buf.len < SHOWN ? buf.len : SHOWN};
    text = xd_arena_copy(arena, text);
    xd_buf_finish(&buf);
    return text;
}

static bool judge_fault(xd_str code, const xd_json *error, const xd_json *test,
                        const xd_fault *fault, xd_arena *arena, xd_str *ret_wrong)
{
    if (!xd_str_eq(code, xd_str_from(fault->rule))) {
        *ret_wrong = xd_arena_printf(arena, "expected the fault %.*s, found %s (%s)", XD_FMT(code),
                                     fault->rule, fault->text);
        return false;
    }
    xd_str token = XD_TEXT(error ? error : test, "token");
    xd_str message = XD_TEXT(error, "message");
    xd_str text = xd_str_from(fault->text);
    const char *place = fault->text;
    for (; token.len && *place && !xd_str_starts(xd_str_from(place), token); place++) {
    }
    if ((token.len && !*place) || (message.len && !xd_str_eq(message, text))) {
        *ret_wrong =
            xd_arena_printf(arena, "the text of fault %s is \"%s\"", fault->rule, fault->text);
        return false;
    }
    return true;
}

static xd_status run_case(const xd_json *test, const xd_map *map, const xd_json *input,
                          xd_arena *arena, const xd_json **ret, xd_fault *fault)
{
    /* The suite's depth counts every nested expression of the reference; about three make a call.
     */
    int64_t depth = XD_INT(test, "depth", 0);
    xd_map_limits limits = {.bytes = SUITE_BYTES, .depth = (uint32_t)depth / CALLS_PER_DEPTH};
    xd_map_world world = {.now = INT64_C(1500000000000000)};
    return xd_map_run(map, input, XD_GET(test, "bindings"), &world, &limits, arena, ret, fault);
}

static bool judge(const xd_json *test, xd_str expression, const xd_json *input, xd_arena *arena,
                  xd_map **ret_map, xd_str *ret_wrong)
{
    xd_fault fault = XD_FAULT_NONE;
    const xd_json *found = NULL;
    const xd_json *expected = XD_GET(test, "result");
    const xd_json *error = XD_GET(test, "error");
    xd_str code = error ? XD_TEXT(error, "code") : XD_TEXT(test, "code");
    xd_status status = xd_map_compile(expression, ret_map, &fault);
    if (status == XD_OK) {
        status = run_case(test, *ret_map, input, arena, &found, &fault);
    }
    if (status != XD_OK) {
        if (!code.ptr) {
            *ret_wrong = xd_arena_printf(arena, "unexpected fault %s at byte %lld: %s", fault.rule,
                                         (long long)fault.offset, fault.text);
            return false;
        }
        return judge_fault(code, error, test, &fault, arena, ret_wrong);
    }
    bool passes = !code.ptr;
    if (passes && expected) {
        passes = found && (xd_json_get_bool(test, XD_STR("unordered"))
                               ? equal_unordered(expected, found, arena)
                               : equal(expected, found));
    } else if (passes) {
        passes = !found;
    }
    if (!passes) {
        xd_str want = code.ptr ? code : as_text(expected, arena);
        *ret_wrong = xd_arena_printf(arena, "expected %.*s, found %.*s", XD_FMT(want),
                                     XD_FMT(as_text(found, arena)));
    }
    return passes;
}

bool xd_map_suite_passes(const xd_json *test, xd_str expression, const xd_json *input,
                         xd_arena *arena, xd_str *ret_wrong)
{
    xd_map *map = NULL;
    bool passes = judge(test, expression, input, arena, &map, ret_wrong);
    xd_map_destroy(map);
    return passes;
}
