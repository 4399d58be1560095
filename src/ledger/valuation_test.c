/* Valuation: whatever is taken in whatever parts, the parts add up to the whole. */
#include "base/random.h"
#include "ledger/valuation.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static xd_decimal cents(int64_t value)
{
    return (xd_decimal){value, 2};
}

static void assert_decimal(xd_decimal a, xd_decimal b)
{
    char x[XD_DECIMAL_MAX_TEXT], y[XD_DECIMAL_MAX_TEXT];
    (void)xd_decimal_text(xd_decimal_normal(a), x);
    (void)xd_decimal_text(xd_decimal_normal(b), y);
    assert_string_equal(x, y);
}

static void the_last_third_takes_the_residual(void **state)
{
    (void)state;
    xd_layer layer = {.quantity = xd_decimal_int(3), .amount = cents(11111)};
    static const int64_t expected[] = {3704, 3703, 3704};
    for (int i = 0; i < 3; i++) {
        xd_decimal amount;
        assert_int_equal(xd_layer_take(&layer, xd_decimal_int(1), 2, &amount), XD_OK);
        assert_decimal(amount, cents(expected[i]));
    }
}

static void takings_and_put_backs_never_lose_a_cent(void **state)
{
    (void)state;
    xd_random random = {99};
    for (int round = 0; round < 500; round++) {
        int64_t left = 1 + (int64_t)xd_random_below(&random, 1000), total = left;
        xd_layer layer = {.quantity = xd_decimal_int(left),
                          .amount = cents((int64_t)xd_random_below(&random, 1000000))};
        xd_decimal sum = XD_ZERO;
        while (left > 0) {
            int64_t part = 1 + (int64_t)xd_random_below(&random, (uint64_t)left);
            xd_decimal amount;
            assert_int_equal(xd_layer_take(&layer, xd_decimal_int(part), 2, &amount), XD_OK);
            assert_true(xd_decimal_sign(amount) >= 0);
            if (xd_random_below(&random, 4) == 0) {
                assert_int_equal(xd_layer_put_back(&layer, xd_decimal_int(part), amount), XD_OK);
                continue;
            }
            assert_int_equal(xd_decimal_add(sum, amount, &sum), XD_OK);
            left -= part;
        }
        assert_decimal(layer.used, xd_decimal_int(total));
        assert_decimal(sum, layer.amount);
    }
}

static void stock_leaves_at_average_and_never_leaves_value_behind(void **state)
{
    (void)state;
    xd_stock stock = {0};
    xd_decimal value;
    assert_int_equal(xd_stock_receive(&stock, xd_decimal_int(10), cents(100000)), XD_OK);
    assert_int_equal(xd_stock_receive(&stock, xd_decimal_int(5), cents(55000)), XD_OK);
    assert_int_equal(xd_stock_issue(&stock, xd_decimal_int(5), 2, &value), XD_OK);
    assert_decimal(value, cents(51667));
    assert_int_equal(xd_stock_reverse(&stock, xd_decimal_int(5), cents(55000), &value), XD_OK);
    assert_decimal(value, cents(55000)); /* a reversal leaves as it came */
    assert_int_equal(xd_stock_reverse(&stock, xd_decimal_int(5), cents(55000), &value), XD_OK);
    assert_decimal(value, cents(48333)); /* but empty stock is worth nothing */
    assert_decimal(stock.value, XD_ZERO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_third_takes_the_residual),
        cmocka_unit_test(takings_and_put_backs_never_lose_a_cent),
        cmocka_unit_test(stock_leaves_at_average_and_never_leaves_value_behind),
    };
    return cmocka_run_group_tests_name("valuation", tests, NULL, NULL);
}
