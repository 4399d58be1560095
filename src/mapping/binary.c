/* Operators with two sides: arithmetic, comparison, and, or, in, ranges. Owns nothing. Pure. */
#include "mapping/map_int.h"

enum { MAX_RANGE = 10000000 };

#define MAX_END INT64_C(1000000000000000000)

static xd_status fail_operand(xd_run *run, const xd_node *node, const char *code, const char *side,
                              const char *want)
{
    char op[3] = {(char)node->op, '\0', '\0'};
    static const char *const pairs[] = {"..", ":=", "!=", ">=", "<="};
    if (node->op >= XD_OP_RANGE && node->op <= XD_OP_LE) {
        memcpy(op, pairs[node->op - XD_OP_RANGE], 2);
    }
    return xd_run_at(run, node,
                     xd_fail(run->fault, XD_INVALID, code, "the %s side of the \"%s\" operator %s",
                             side, op, want));
}

/* Whether v can take part in arithmetic; undefined can, and makes the result so. */
static xd_status check_number(xd_run *run, const xd_node *node, const xd_value *v, bool left)
{
    if (v->type == XD_V_INFINITE) {
        return xd_run_at(run, node, xd_run_range(run));
    }
    if (!xd_is_undefined(v) && !xd_is_number(v)) {
        return fail_operand(run, node, left ? "T2001" : "T2002", left ? "left" : "right",
                            "must be a number");
    }
    return XD_OK;
}

static xd_status arithmetic(xd_run *run, const xd_node *node, const xd_value *left,
                            const xd_value *right, xd_value *ret)
{
    XD_TRY(check_number(run, node, left, true));
    XD_TRY(check_number(run, node, right, false));
    if (xd_is_undefined(left) || xd_is_undefined(right)) {
        *ret = xd_undefined();
        return XD_OK;
    }
    xd_number a = xd_number_of(left);
    xd_number b = xd_number_of(right);
    xd_number result;
    bool fits;
    switch (node->op) {
    case '+':
        fits = xd_number_add(a, b, &result);
        break;
    case '-':
        fits = xd_number_add(a, xd_number_neg(b), &result);
        break;
    case '*':
        fits = xd_number_mul(a, b, &result);
        break;
    case '/':
        fits = xd_number_div(a, b, XD_QUOTIENT_DIGITS, &result);
        break;
    default:
        fits = xd_number_mod(a, b, &result);
    }
    if (!fits) { /* a fault only when it is used, as the language has it */
        *ret = (xd_value){.type = XD_V_INFINITE, .count = node->position};
        return XD_OK;
    }
    return xd_number_value(run, result, ret);
}

static xd_status compare(xd_run *run, const xd_node *node, const xd_value *left,
                         const xd_value *right, xd_value *ret)
{
    const xd_value *sides[] = {left, right};
    for (int i = 0; i < 2; i++) {
        if (!xd_is_undefined(sides[i]) && !xd_is_string(sides[i]) && !xd_is_number(sides[i])) {
            return fail_operand(run, node, "T2010", i == 0 ? "left" : "right",
                                "must be a string or a number to be compared");
        }
        if (sides[i]->type == XD_V_INFINITE) {
            return xd_run_at(run, node, xd_run_range(run));
        }
    }
    if (xd_is_undefined(left) || xd_is_undefined(right)) {
        *ret = xd_undefined();
        return XD_OK;
    }
    if (xd_is_string(left) != xd_is_string(right)) {
        return fail_operand(run, node, "T2009", "right",
                            "must be of the same type as the left one to be compared");
    }
    int order = xd_is_string(left) ? xd_str_cmp(left->text, right->text)
                                   : xd_number_cmp(xd_number_of(left), xd_number_of(right));
    bool result = node->op == '<'        ? order < 0
                  : node->op == '>'      ? order > 0
                  : node->op == XD_OP_LE ? order <= 0
                                         : order >= 0;
    *ret = xd_bool_value(result);
    return XD_OK;
}

/* Arrays and objects are in an array only as themselves, not as equals. */
static xd_status is_same(xd_run *run, const xd_value *a, const xd_value *b, bool *ret)
{
    if (xd_is_array(a) || xd_is_object(a)) {
        *ret = a->type == b->type && a->items && a->items == b->items && a->count == b->count;
        return XD_OK;
    }
    return xd_value_equal(run, a, b, ret);
}

static xd_status is_in(xd_run *run, const xd_value *left, const xd_value *right, xd_value *ret)
{
    bool found = false;
    if (!xd_is_undefined(left) && !xd_is_undefined(right)) {
        xd_run_charge(run, xd_is_array(right) ? right->count / 4 : 0);
        if (!xd_is_array(right)) {
            XD_TRY(is_same(run, left, right, &found));
        }
        for (uint32_t i = 0; xd_is_array(right) && i < right->count && !found; i++) {
            xd_value item = xd_value_item(right, i);
            XD_TRY(is_same(run, left, &item, &found));
        }
    }
    *ret = xd_bool_value(found);
    return XD_OK;
}

static bool is_whole(const xd_value *v)
{
    return xd_is_number(v) && v->type != XD_V_INFINITE && xd_number_is_whole(xd_number_of(v));
}

/* left..right, kept as its two ends until somebody needs the numbers. */
static xd_status range(xd_run *run, const xd_node *node, const xd_value *left,
                       const xd_value *right, xd_value *ret)
{
    if (!xd_is_undefined(left) && !is_whole(left)) {
        return fail_operand(run, node, "T2003", "left", "must be a whole number");
    }
    if (!xd_is_undefined(right) && !is_whole(right)) {
        return fail_operand(run, node, "T2004", "right", "must be a whole number");
    }
    *ret = xd_undefined();
    if (xd_is_undefined(left) || xd_is_undefined(right)) {
        return XD_OK;
    }
    int64_t first = xd_number_int64(xd_number_of(left));
    int64_t last = xd_number_int64(xd_number_of(right));
    if (xd_number_cmp(xd_number_of(left), xd_number_of(right)) > 0) {
        return XD_OK;
    }
    bool far = first <= -MAX_END || first >= MAX_END || last <= -MAX_END || last >= MAX_END;
    if (far || last - first >= MAX_RANGE) {
        return xd_run_at(run, node,
                         xd_fail(run->fault, XD_INVALID, "D2014",
                                 "the range \"..\" from %lld to %lld has more than %d numbers",
                                 (long long)first, (long long)last, (int)MAX_RANGE));
    }
    *ret = (xd_value){.type = XD_JSON_ARRAY,
                      .count = (uint32_t)(last - first + 1),
                      .offset = XD_F_SEQUENCE | XD_F_RANGE,
                      .text = {NULL, (size_t)first}};
    return XD_OK;
}

xd_status xd_eval_binary(xd_run *run, const xd_node *node, const xd_value *input, xd_frame *env,
                         xd_value *ret)
{
    xd_value left;
    xd_value right;
    bool equal;
    XD_TRY(xd_eval(run, node->left, input, env, &left));
    if (node->op == XD_OP_AND || node->op == XD_OP_OR) {
        bool decided = node->op == XD_OP_OR;
        bool truth = xd_value_truth(&left);
        if (truth != decided) {
            XD_TRY(xd_eval(run, node->right, input, env, &right));
            truth = xd_value_truth(&right);
        }
        *ret = xd_bool_value(truth);
        return XD_OK;
    }
    XD_TRY(xd_eval(run, node->right, input, env, &right));
    switch (node->op) {
    case '=':
    case XD_OP_NE:
        if (xd_is_undefined(&left) || xd_is_undefined(&right)) {
            *ret = xd_bool_value(false);
            return XD_OK;
        }
        XD_TRY(xd_value_equal(run, &left, &right, &equal));
        *ret = xd_bool_value(equal == (node->op == '='));
        return XD_OK;
    case '<':
    case '>':
    case XD_OP_LE:
    case XD_OP_GE:
        return compare(run, node, &left, &right, ret);
    case XD_OP_IN:
        return is_in(run, &left, &right, ret);
    case XD_OP_RANGE:
        return range(run, node, &left, &right, ret);
    default:
        return arithmetic(run, node, &left, &right, ret);
    }
}
