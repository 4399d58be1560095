/* Decimals against an independent slow reference: schoolbook arithmetic on arrays of decimal
 * digits, which shares no idea with the code under test. */
#include "base/decimal.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* ---- the reference ---- */

enum { BIG_DIGITS = 256 };

typedef struct big {
    int n;
    uint8_t digit[BIG_DIGITS]; /* least significant first */
} big;

typedef struct exact { /* value = (negative ? -1 : 1) x magnitude x 10^-scale */
    bool negative;
    big magnitude;
    int scale;
} exact;

static void big_trim(big *b)
{
    while (b->n > 0 && b->digit[b->n - 1] == 0) {
        b->n--;
    }
}

static big big_shift(big b, int tens)
{
    big shifted = {.n = b.n + tens};
    assert_true(shifted.n <= BIG_DIGITS);
    memcpy(shifted.digit + tens, b.digit, (size_t)b.n);
    big_trim(&shifted);
    return shifted;
}

static int big_cmp(const big *a, const big *b)
{
    if (a->n != b->n) {
        return a->n < b->n ? -1 : 1;
    }
    for (int i = a->n - 1; i >= 0; i--) {
        if (a->digit[i] != b->digit[i]) {
            return a->digit[i] < b->digit[i] ? -1 : 1;
        }
    }
    return 0;
}

static big big_add(const big *a, const big *b)
{
    big sum = {.n = (a->n > b->n ? a->n : b->n) + 1};
    int carry = 0;
    for (int i = 0; i < sum.n; i++) {
        carry += (i < a->n ? a->digit[i] : 0) + (i < b->n ? b->digit[i] : 0);
        sum.digit[i] = (uint8_t)(carry % 10);
        carry /= 10;
    }
    big_trim(&sum);
    return sum;
}

static big big_sub(const big *a, const big *b)
{
    big difference = {.n = a->n};
    int borrow = 0;
    for (int i = 0; i < a->n; i++) {
        int d = a->digit[i] - (i < b->n ? b->digit[i] : 0) - borrow;
        borrow = d < 0;
        difference.digit[i] = (uint8_t)(d + 10 * borrow);
    }
    big_trim(&difference);
    return difference;
}

static big big_mul(const big *a, const big *b)
{
    int sums[BIG_DIGITS] = {0};
    big product = {.n = a->n + b->n};
    assert_true(product.n <= BIG_DIGITS);
    for (int i = 0; i < a->n; i++) {
        for (int j = 0; j < b->n; j++) {
            sums[i + j] += a->digit[i] * b->digit[j];
        }
    }
    for (int i = 0; i < product.n; i++) {
        product.digit[i] = (uint8_t)(sums[i] % 10);
        if (i + 1 < product.n) {
            sums[i + 1] += sums[i] / 10;
        }
    }
    big_trim(&product);
    return product;
}

static big big_divide(const big *a, const big *b, big *ret_rest)
{
    big quotient = {.n = a->n};
    big rest = {.n = 0};
    for (int i = a->n - 1; i >= 0; i--) {
        rest = big_shift(rest, 1);
        if (a->digit[i] != 0 || rest.n > 0) {
            rest.digit[0] = a->digit[i];
            rest.n += rest.n == 0;
        }
        while (big_cmp(&rest, b) >= 0) {
            rest = big_sub(&rest, b);
            quotient.digit[i]++;
        }
    }
    big_trim(&quotient);
    *ret_rest = rest;
    return quotient;
}

static exact exact_of(xd_decimal value)
{
    exact e = {.negative = value.coefficient < 0, .scale = value.scale};
    xd_int128 left = value.coefficient;
    while (left != 0) {
        int digit = (int)(left % 10);
        e.magnitude.digit[e.magnitude.n++] = (uint8_t)(digit < 0 ? -digit : digit);
        left /= 10;
    }
    return e;
}

static exact exact_add(exact a, exact b)
{
    int scale = a.scale > b.scale ? a.scale : b.scale;
    big x = big_shift(a.magnitude, scale - a.scale);
    big y = big_shift(b.magnitude, scale - b.scale);
    if (a.negative == b.negative) {
        return (exact){a.negative, big_add(&x, &y), scale};
    }
    return big_cmp(&x, &y) >= 0 ? (exact){a.negative, big_sub(&x, &y), scale}
                                : (exact){b.negative, big_sub(&y, &x), scale};
}

static exact exact_mul(exact a, exact b)
{
    return (exact){a.negative != b.negative, big_mul(&a.magnitude, &b.magnitude),
                   a.scale + b.scale};
}

/* a / b at scale by the definition of each mode. */
static exact exact_div(exact a, exact b, int scale, xd_rounding mode)
{
    int shift = scale + b.scale - a.scale;
    big dividend = big_shift(a.magnitude, shift > 0 ? shift : 0);
    big divisor = big_shift(b.magnitude, shift < 0 ? -shift : 0);
    big rest;
    big quotient = big_divide(&dividend, &divisor, &rest);
    big twice = big_add(&rest, &rest);
    int half = big_cmp(&twice, &divisor);
    bool up = false;
    if (rest.n > 0) {
        bool odd = quotient.n > 0 && quotient.digit[0] % 2;
        up = mode == XD_UP || (mode == XD_HALF_AWAY && half >= 0) ||
             (mode == XD_HALF_EVEN && (half > 0 || (half == 0 && odd)));
    }
    big one = {.n = 1, .digit = {1}};
    return (exact){a.negative != b.negative, up ? big_add(&quotient, &one) : quotient, scale};
}

static exact exact_normal(exact e)
{
    while (e.scale > 0 && (e.magnitude.n == 0 || e.magnitude.digit[0] == 0)) {
        if (e.magnitude.n > 0) {
            memmove(e.magnitude.digit, e.magnitude.digit + 1, (size_t)--e.magnitude.n);
        }
        e.scale--;
    }
    e.negative = e.negative && e.magnitude.n > 0;
    return e;
}

static int exact_cmp(exact a, exact b)
{
    b.negative = !b.negative;
    exact difference = exact_normal(exact_add(a, b));
    return difference.magnitude.n == 0 ? 0 : difference.negative ? -1 : 1;
}

/* Plain notation; text holds BIG_DIGITS + 4 bytes. */
static void exact_text(const exact *e, char *text)
{
    char *p = text;
    int top = e->magnitude.n > e->scale ? e->magnitude.n : e->scale + 1;
    if (e->negative && e->magnitude.n > 0) {
        *p++ = '-';
    }
    for (int i = top - 1; i >= 0; i--) {
        *p++ = (char)('0' + (i < e->magnitude.n ? e->magnitude.digit[i] : 0));
        if (i == e->scale && i > 0) {
            *p++ = '.';
        }
    }
    *p = '\0';
}

/* ---- random figures, dense at the edges of the fast ways ---- */

static xd_random numbers = {20261123};

static int below(int limit)
{
    return (int)xd_random_below(&numbers, (uint64_t)limit);
}

static xd_decimal random_decimal(void)
{
    static const int lengths[] = {0, 1, 2, 3, 5, 8, 9, 10, 17, 18, 19, 20, 37, 38, 38};
    static const int64_t edges[] = {INT64_MAX, INT64_MIN, INT64_MIN + 1, 1, 5, 50, 25};
    xd_decimal value = {.scale = below(3) ? below(8) : below(39)};
    if (below(12) == 0) {
        value.coefficient = edges[below(7)];
        return value;
    }
    int digits = lengths[below(15)];
    int pattern = below(6);
    for (int i = 0; i < digits; i++) {
        int digit = pattern == 0   ? 9
                    : pattern == 1 ? i == 0
                    : pattern == 2 ? (i < digits / 2 ? below(10) : 0)
                                   : below(10);
        value.coefficient = value.coefficient * 10 + digit;
    }
    return below(2) ? xd_decimal_neg(value) : value;
}

/* got (when status is XD_OK) must be the value of want; overflow is right only when want does not
 * fit. */
static void check(const char *what, xd_status status, xd_decimal got, exact want)
{
    want = exact_normal(want);
    bool fits = want.magnitude.n <= 38 && want.scale <= XD_DECIMAL_MAX_SCALE;
    if (status != (fits ? XD_OK : XD_OVERFLOW)) {
        fail_msg("%s: status %d, want %s", what, status, fits ? "a value" : "overflow");
    }
    if (fits) {
        char want_text[BIG_DIGITS + 4];
        char got_text[XD_DECIMAL_MAX_TEXT];
        exact_text(&want, want_text);
        xd_decimal_text(xd_decimal_normal(got), got_text);
        if (strcmp(want_text, got_text) != 0) {
            fail_msg("%s: got %s, want %s", what, got_text, want_text);
        }
    }
}

/* As check, where the result keeps exactly the scale asked for. */
static void check_rounded(const char *what, xd_status status, xd_decimal got, exact want)
{
    if (status == XD_OK) {
        assert_int_equal(got.scale, want.scale);
        check(what, status, got, want);
    } else {
        assert_int_equal(status, XD_OVERFLOW);
        assert_true(want.magnitude.n > 38);
    }
}

static void every_operation_agrees_with_schoolbook_arithmetic(void **state)
{
    (void)state;
    for (int i = 0; i < 60000; i++) {
        xd_decimal a = random_decimal();
        xd_decimal b = random_decimal();
        xd_decimal got = {77, 7};
        exact x = exact_of(a);
        exact y = exact_of(b);
        exact minus_y = {!y.negative, y.magnitude, y.scale};
        xd_status status = xd_decimal_add(a, b, &got);
        check("add", status, got, exact_add(x, y));
        status = xd_decimal_sub(a, b, &got);
        check("sub", status, got, exact_add(x, minus_y));
        status = xd_decimal_mul(a, b, &got);
        check("mul", status, got, exact_mul(x, y));
        int order = xd_decimal_cmp(a, b);
        assert_int_equal((order > 0) - (order < 0), exact_cmp(x, y));
        assert_int_equal(xd_decimal_cmp(b, a), -order);
        check("normal", XD_OK, xd_decimal_normal(a), x);
    }
}

static void every_rounding_agrees_with_its_definition(void **state)
{
    (void)state;
    const exact one = exact_of(xd_decimal_int(1));
    for (int i = 0; i < 20000; i++) {
        xd_decimal a = random_decimal();
        xd_decimal b = random_decimal();
        xd_decimal c = random_decimal();
        int scale = below(2) ? below(5) : below(39);
        xd_rounding mode = (xd_rounding)below(4);
        xd_decimal got;
        exact ab = exact_mul(exact_of(a), exact_of(b));
        xd_status status = xd_decimal_round(a, scale, mode, &got);
        check_rounded("round", status, got, exact_div(exact_of(a), one, scale, mode));
        status = xd_decimal_mul_round(a, b, scale, mode, &got);
        check_rounded("mul_round", status, got, exact_div(ab, one, scale, mode));
        if (c.coefficient == 0) {
            assert_int_equal(xd_decimal_div(a, c, scale, mode, &got), XD_INVALID);
            assert_int_equal(xd_decimal_mul_div(a, b, c, scale, mode, &got), XD_INVALID);
            continue;
        }
        status = xd_decimal_div(a, c, scale, mode, &got);
        check_rounded("div", status, got, exact_div(exact_of(a), exact_of(c), scale, mode));
        status = xd_decimal_mul_div(a, b, c, scale, mode, &got);
        check_rounded("mul_div", status, got, exact_div(ab, exact_of(c), scale, mode));
    }
}

/* Knuth's rare correction (the trial digit one too large) needs divisors picked for it. */
static void division_survives_divisors_that_mislead_its_trial_digits(void **state)
{
    (void)state;
    for (int i = 0; i < 20000; i++) {
        uint32_t edges[] = {0, 1, 0x7FFFFFFF, 0x80000000, 0x80000001, 0xFFFFFFFE, 0xFFFFFFFF};
        xd_decimal v[3];
        for (int k = 0; k < 3; k++) {
            v[k] = XD_ZERO;
            int limbs = 1 + below(4);
            for (int j = 0; j < limbs; j++) {
                xd_int128 limb = edges[below(7)];
                /* The top limb stays small enough for 38 digits. */
                v[k].coefficient =
                    v[k].coefficient << 32 | (limbs == 4 && j == 0 ? limb >> 2 : limb);
            }
        }
        if (v[2].coefficient == 0) {
            continue;
        }
        xd_decimal got;
        exact want =
            exact_div(exact_mul(exact_of(v[0]), exact_of(v[1])), exact_of(v[2]), 0, XD_HALF_EVEN);
        xd_status status = xd_decimal_mul_div(v[0], v[1], v[2], 0, XD_HALF_EVEN, &got);
        check_rounded("mul_div", status, got, want);
    }
}

static xd_decimal dec(const char *text)
{
    xd_decimal value;
    xd_fault fault;
    if (xd_decimal_parse(xd_str_from(text), &value, &fault) != XD_OK) {
        fail_msg("%s: %s", text, fault.text);
    }
    return value;
}

static void assert_text(xd_decimal value, const char *want)
{
    char text[XD_DECIMAL_MAX_TEXT];
    assert_string_equal(xd_decimal_text(value, text).ptr, want);
}

static void what_is_written_reads_back_and_keeps_its_digits(void **state)
{
    (void)state;
    xd_buf buf;
    xd_buf_init(&buf, 4096);
    for (int i = 0; i < 50000; i++) {
        xd_decimal value = random_decimal();
        exact e = exact_of(value);
        char want[BIG_DIGITS + 4];
        exact_text(&e, want);
        xd_buf_clear(&buf);
        xd_decimal_write(&buf, value);
        assert_int_equal(buf.len, strlen(want));
        assert_memory_equal(buf.ptr, want, buf.len);
        xd_decimal again = dec(want);
        assert_true(again.coefficient == value.coefficient);
        assert_int_equal(again.scale, value.scale);
    }
    xd_buf_finish(&buf);
}

static void exponents_zeros_and_long_fractions_are_read_exactly(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"1.50", "1.50"},
        {"-0", "0"},
        {"-0.00", "0.00"},
        {"0e999999999999999999999", "0"},
        {"15e-1", "1.5"},
        {"1.50e1", "15.0"},
        {"1.5E+3", "1500"},
        {"1e37", "10000000000000000000000000000000000000"},
        {"0.0001e4", "1"},
        {"1e-38", "0.00000000000000000000000000000000000001"},
        {"10e-39", "0.00000000000000000000000000000000000001"},
        {"100000000000000000000000000000000000000e-1", "10000000000000000000000000000000000000"},
        {"0000000000000000000000000000000000000000000012.5", "12.5"},
        {"1.00000000000000000000000000000000000000000000000000", "1"},
        {"12345678901234567890123456789012345678", "12345678901234567890123456789012345678"},
        {"-9999999999999999999", "-9999999999999999999"},
        {"18446744073709551616", "18446744073709551616"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_text(dec(cases[i][0]), cases[i][1]);
    }
}

static void malformed_and_oversized_texts_are_refused_and_leave_the_output_alone(void **state)
{
    (void)state;
    static const char *const malformed[] = {
        "",   "-",   "+1",  ".5",    "5.",  "1.e2", "1e",    "1e+", "--1", "1 ",
        " 1", "1,5", "0x1", "1.2.3", "NaN", "inf",  "1e2.5", "1_0", "-.5", "12345678901234567890.",
    };
    static const char *const oversized[] = {
        "123456789012345678901234567890123456789",
        "1e38",
        "1e-39",
        "0.000000000000000000000000000000000000001",
        "1e99999999999999999999",
        "1e-99999999999999999999",
        "1.23456789012345678901234567890123456789",
    };
    xd_decimal value = {42, 1};
    xd_fault fault;
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        fault = XD_FAULT_NONE;
        assert_int_equal(xd_decimal_parse(xd_str_from(malformed[i]), &value, &fault), XD_INVALID);
        assert_string_equal(fault.rule, "decimal.syntax");
        assert_int_equal(xd_decimal_parse(xd_str_from(malformed[i]), &value, NULL), XD_INVALID);
    }
    assert_int_equal(xd_decimal_parse((xd_str){"1\0", 2}, &value, &fault), XD_INVALID);
    for (size_t i = 0; i < sizeof oversized / sizeof *oversized; i++) {
        assert_int_equal(xd_decimal_parse(xd_str_from(oversized[i]), &value, &fault), XD_OVERFLOW);
        assert_string_equal(fault.rule, "decimal.digits");
    }
    assert_true(value.coefficient == 42);
    xd_decimal most = dec("99999999999999999999999999999999999999");
    assert_int_equal(xd_decimal_add(most, xd_decimal_int(1), &value), XD_OVERFLOW);
    assert_int_equal(xd_decimal_mul(most, xd_decimal_int(2), &value), XD_OVERFLOW);
    assert_int_equal(xd_decimal_round(most, 1, XD_DOWN, &value), XD_OVERFLOW);
    assert_true(value.coefficient == 42 && value.scale == 1);
}

static void halves_go_where_the_mode_says(void **state)
{
    (void)state;
    static const char *const cases[][5] = {
        /* value, half away, half even, down, up: at one decimal place */
        {"0.25", "0.3", "0.2", "0.2", "0.3"},      {"0.35", "0.4", "0.4", "0.3", "0.4"},
        {"-0.25", "-0.3", "-0.2", "-0.2", "-0.3"}, {"-0.05", "-0.1", "0.0", "0.0", "-0.1"},
        {"0.249", "0.2", "0.2", "0.2", "0.3"},     {"0.251", "0.3", "0.3", "0.2", "0.3"},
        {"0.2", "0.2", "0.2", "0.2", "0.2"},       {"9.95", "10.0", "10.0", "9.9", "10.0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int mode = 0; mode < 4; mode++) {
            xd_decimal got;
            assert_int_equal(xd_decimal_round(dec(cases[i][0]), 1, (xd_rounding)mode, &got), XD_OK);
            assert_text(got, cases[i][mode + 1]);
        }
    }
}

static void proportional_relief_takes_the_residual_last(void **state)
{
    (void)state;
    /* DOMAIN journal 10: 111.11 in three thirds is 37.04, 37.03, 37.04. */
    static const char *const want[] = {"37.04", "37.03", "37.04"};
    xd_decimal relieved = XD_ZERO;
    for (int i = 1; i <= 3; i++) {
        xd_decimal cumulative;
        xd_decimal part;
        assert_int_equal(xd_decimal_mul_div(dec("111.11"), xd_decimal_int(i), xd_decimal_int(3), 2,
                                            XD_HALF_AWAY, &cumulative),
                         XD_OK);
        assert_int_equal(xd_decimal_sub(cumulative, relieved, &part), XD_OK);
        assert_text(part, want[i - 1]);
        relieved = cumulative;
    }
}

static void money_keeps_its_currency_and_minor_unit(void **state)
{
    (void)state;
    xd_money usd;
    xd_money jpy;
    xd_money sum;
    xd_fault fault;
    assert_int_equal(xd_currency_digits(XD_STR("USD")), 2);
    assert_int_equal(xd_currency_digits(XD_STR("JPY")), 0);
    assert_int_equal(xd_currency_digits(XD_STR("KWD")), 3);
    assert_int_equal(xd_currency_digits(XD_STR("CLF")), 4);
    const char *const bad[] = {"", "US", "USDX", "usd", "XXX", "ABC", "ZZZ", "AAA", "U\xC3\x84"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(xd_currency_digits(xd_str_from(bad[i])), -1);
        assert_int_equal(
            xd_money_extend(XD_ZERO, XD_ZERO, xd_str_from(bad[i]), XD_DOWN, &sum, &fault),
            XD_INVALID);
    }
    assert_int_equal(
        xd_money_extend(dec("154.000"), dec("41.4690"), XD_STR("USD"), XD_HALF_AWAY, &usd, &fault),
        XD_OK);
    assert_text(usd.amount, "6386.23");
    assert_int_equal(
        xd_money_extend(dec("3"), dec("0.5"), XD_STR("JPY"), XD_HALF_AWAY, &jpy, &fault), XD_OK);
    assert_text(jpy.amount, "2");
    assert_int_equal(xd_money_add(usd, jpy, &sum, &fault), XD_INVALID);
    assert_string_equal(fault.rule, "money.currency");
    assert_int_equal(xd_money_add(usd, usd, &sum, &fault), XD_OK);
    assert_text(sum.amount, "12772.46");
    assert_string_equal(sum.currency, "USD");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation_agrees_with_schoolbook_arithmetic),
        cmocka_unit_test(every_rounding_agrees_with_its_definition),
        cmocka_unit_test(division_survives_divisors_that_mislead_its_trial_digits),
        cmocka_unit_test(what_is_written_reads_back_and_keeps_its_digits),
        cmocka_unit_test(exponents_zeros_and_long_fractions_are_read_exactly),
        cmocka_unit_test(malformed_and_oversized_texts_are_refused_and_leave_the_output_alone),
        cmocka_unit_test(halves_go_where_the_mode_says),
        cmocka_unit_test(proportional_relief_takes_the_residual_last),
        cmocka_unit_test(money_keeps_its_currency_and_minor_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
