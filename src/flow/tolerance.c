/* Tolerances. See tolerance.h. Pure; calls base. */
#include "flow/tolerance.h"

/* expected x (100 + percent) / 100; the division by 100 only moves the point. */
static xd_status percent_limit(xd_flow *f, xd_decimal expected, xd_decimal percent, xd_decimal *ret)
{
    xd_decimal factor = xd_decimal_int(100);
    XD_TRY(xd_flow_add(f, &factor, percent));
    XD_TRY(xd_flow_exact(f, xd_decimal_mul(factor, (xd_decimal){1, 2}, &factor)));
    return xd_flow_exact(f, xd_decimal_mul(expected, factor, ret));
}

static void keep(xd_limit_value *limit, xd_decimal value, int sign)
{
    if (!limit->set || xd_decimal_cmp(value, limit->value) * sign < 0) {
        *limit = (xd_limit_value){true, value};
    }
}

/* sign 1: upper limits, the lowest counts; -1: lower limits, the highest counts. */
static xd_status limit_of(xd_flow *f, xd_limit_value percent, xd_limit_value absolute,
                          xd_decimal expected, int sign, xd_limit_value *ret)
{
    xd_limit_value limit = {0};
    if (percent.set) {
        xd_decimal value;
        XD_TRY(percent_limit(f, expected, sign > 0 ? percent.value : xd_decimal_neg(percent.value),
                             &value));
        keep(&limit, value, sign);
    }
    if (absolute.set) {
        xd_decimal value = expected;
        XD_TRY(xd_flow_add(f, &value, sign > 0 ? absolute.value : xd_decimal_neg(absolute.value)));
        keep(&limit, value, sign);
    }
    *ret = limit;
    return XD_OK;
}

xd_status xd_tolerance_upper(xd_flow *f, const xd_tolerance *rule, xd_decimal expected,
                             xd_limit_value *ret)
{
    return limit_of(f, rule->upper_percent, rule->upper_absolute, expected, 1, ret);
}

xd_status xd_tolerance_lower(xd_flow *f, const xd_tolerance *rule, xd_decimal expected,
                             xd_limit_value *ret)
{
    return limit_of(f, rule->lower_percent, rule->lower_absolute, expected, -1, ret);
}

xd_status xd_tolerance_excess(xd_flow *f, const xd_tolerance *rule, xd_decimal actual,
                              xd_decimal expected, xd_decimal *ret_excess)
{
    xd_limit_value upper, lower;
    XD_TRY(xd_tolerance_upper(f, rule, expected, &upper));
    XD_TRY(xd_tolerance_lower(f, rule, expected, &lower));
    xd_decimal excess = XD_ZERO;
    if (upper.set && xd_decimal_cmp(actual, upper.value) > 0) {
        excess = actual;
        XD_TRY(xd_flow_subtract(f, &excess, upper.value));
    } else if (lower.set && xd_decimal_cmp(actual, lower.value) < 0) {
        excess = lower.value;
        XD_TRY(xd_flow_subtract(f, &excess, actual));
    }
    *ret_excess = excess;
    return XD_OK;
}

void xd_tolerance_write(xd_buf *buf, const xd_tolerance *rule)
{
    static const xd_doc_member sides[] = {
        XD_DOC_MEMBER(xd_tolerance, XD_DOC_OPTIONAL, upper_percent, "upper_percent"),
        XD_DOC_MEMBER(xd_tolerance, XD_DOC_OPTIONAL, upper_absolute, "upper_absolute"),
        XD_DOC_MEMBER(xd_tolerance, XD_DOC_OPTIONAL, lower_percent, "lower_percent"),
        XD_DOC_MEMBER(xd_tolerance, XD_DOC_OPTIONAL, lower_absolute, "lower_absolute"),
    };
    xd_members_write(buf, sides, sizeof sides / sizeof *sides, rule);
}
