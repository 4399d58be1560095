/* Golden journals: what a controller expects to be posted, case by case (DOMAIN section 3). Each
 * case runs real documents through the flows and states its entries as "debits | credits". */
#include "flow/world_test.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void transfer(world *w, const char *movement, const char *quantity)
{
    world_send(w, "transfer",
               "{'transfer_no':'T1','from_site':'S','to_site':'B','movement':'%s','moved_at':"
               "'2026-03-02T10:00:00Z','lines':[{'line':1,'item':'I','quantity':'%s'}]}",
               movement, quantity);
}

static void finish(world *w)
{
    world_audit(w);
    world_destroy(w);
}

static world *loose(void)
{
    return world_create("{'duplicate_days':0,'tolerances':{'price':{}}}");
}

/* --- cases --- */

static void case_1_receipt_accrues_at_order_price(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "100", "10");
    world_receive(w, "R1", "100");
    assert_journal(w, 1, "INV 1000.00 | GRNI 1000.00");
    finish(w);
}

static void case_2_exact_invoice_with_vat(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "100", "10");
    world_receive(w, "R1", "100");
    world_invoice(w, "B1", "100", "10", ",'tax':'200','total':'1200'");
    assert_journal(w, 2, "GRNI 1000.00 VAT 200.00 | AP 1200.00");
    assert_string_equal(world_get(w, XD_STATE_INVOICE, "V/B1/2026", "status"), "MATCHED");
    finish(w);
}

static void case_3_price_variance_goes_to_stock_on_hand(void **state)
{
    (void)state;
    world *w = loose();
    world_order(w, "100", "10");
    world_receive(w, "R1", "100");
    world_invoice(w, "B1", "100", "10.60", "");
    assert_journal(w, 2, "GRNI 1000.00 INV 60.00 | AP 1060.00");
    assert_string_equal(world_get(w, XD_STATE_STOCK, "S/I", "value"), "1060.00");
    finish(w);
}

static void case_4_price_variance_of_what_was_sold_is_a_variance(void **state)
{
    (void)state;
    world *w = loose();
    world_order(w, "100", "10");
    world_receive(w, "R1", "100");
    world_ship(w, "S1", "20");
    assert_journal(w, 2, "COGS 200.00 | INV 200.00");
    world_invoice(w, "B1", "100", "10.60", "");
    assert_journal(w, 3, "GRNI 1000.00 INV 48.00 IPV 12.00 | AP 1060.00");
    finish(w);
}

static void case_5_standard_cost(void **state)
{
    (void)state;
    world *w =
        world_create("{'duplicate_days':0,'valuation':'standard','tolerances':{'price':{}}}");
    world_send(w, "item", "{'item':'I','uom':'EA','standard_cost':'9.50'}");
    world_order(w, "100", "10");
    world_receive(w, "R1", "100");
    assert_journal(w, 1, "INV 950.00 PPV 50.00 | GRNI 1000.00");
    world_invoice(w, "B1", "100", "10.20", "");
    assert_journal(w, 2, "GRNI 1000.00 IPV 20.00 | AP 1020.00");
    finish(w);
}

static const char *const post_early =
    "{'duplicate_days':0,'match':{'early_invoice':'post'},'tolerances':{'price':{}}}";

static void case_6_invoice_between_two_receipts(void **state)
{
    (void)state;
    world *w = world_create(post_early);
    world_order(w, "100", "10");
    world_receive(w, "R1", "60");
    assert_journal(w, 1, "INV 600.00 | GRNI 600.00");
    world_invoice(w, "B1", "100", "11", "");
    assert_journal(w, 2, "GRNI 1040.00 INV 60.00 | AP 1100.00");
    world_receive(w, "R2", "40");
    assert_journal(w, 3, "INV 440.00 | GRNI 440.00");
    assert_string_equal(world_balance(w, "GRNI"), "0.00");
    assert_string_equal(world_get(w, XD_STATE_INVOICE, "V/B1/2026", "status"), "MATCHED");
    finish(w);
}

static void case_7_partly_billed_receipt_stays_open(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "100", "10");
    world_receive(w, "R1", "100");
    world_invoice(w, "B1", "90", "10", "");
    assert_journal(w, 2, "GRNI 900.00 | AP 900.00");
    assert_string_equal(world_balance(w, "GRNI"), "-100.00");
    finish(w);
}

static void case_8_invoice_before_receipt_values_the_goods(void **state)
{
    (void)state;
    world *w = world_create(post_early);
    world_order(w, "120", "10");
    world_invoice(w, "B1", "100", "10.20", "");
    assert_journal(w, 1, "GRNI 1020.00 | AP 1020.00");
    assert_string_equal(world_get(w, XD_STATE_INVOICE, "V/B1/2026", "status"), "HELD");
    world_receive(w, "R1", "120");
    assert_string_equal(world_get(w, XD_STATE_STOCK, "S/I", "value"), "1220.00");
    assert_journal(w, 2, "INV 1220.00 | GRNI 1220.00");
    assert_string_equal(world_get(w, XD_STATE_INVOICE, "V/B1/2026", "status"), "MATCHED");
    finish(w);
}

static void case_10_the_last_relief_takes_the_residual(void **state)
{
    (void)state;
    world *w = world_create("{'duplicate_days':0,'tolerances':{'price':{}}}");
    world_order(w, "3", "37.0366");
    world_receive(w, "R1", "3");
    assert_journal(w, 1, "INV 111.11 | GRNI 111.11");
    const char *const relief[] = {"GRNI 37.04 | AP 37.04", "GRNI 37.03 INV 0.01 | AP 37.04",
                                  "GRNI 37.04 | AP 37.04"};
    const char *const numbers[] = {"B1", "B2", "B3"};
    for (int i = 0; i < 3; i++) {
        world_invoice(w, numbers[i], "1", "37.0366", "");
        assert_journal(w, 2 + i, relief[i]);
    }
    assert_string_equal(world_balance(w, "GRNI"), "0.00");
    finish(w);
}

static void case_13_return_before_invoice(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "100", "10");
    world_receive(w, "R1", "100");
    world_return(w, "X1", "10");
    assert_journal(w, 2, "GRNI 100.00 | INV 100.00");
    finish(w);
}

static void case_14_return_of_the_first_lot_leaves_at_average(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_send(w, "purchase_order",
               "{'po':'P','supplier':'V','site':'S','currency':'USD','lines':[{'po_line':10,'item':"
               "'I','quantity':'10','unit_price':'100'},{'po_line':20,'item':'I','quantity':'5',"
               "'unit_price':'110'}]}");
    world_receive(w, "R1", "10");
    world_send(w, "goods_receipt",
               "{'receipt_no':'R2','purchase_order':'P','site':'S','received_at':'2026-03-01T10:00:"
               "00Z','lines':[{'line':1,'po_line':20,'quantity':'5'}]}");
    world_return(w, "X1", "5");
    assert_journal(w, 3, "GRNI 500.00 IPV 16.67 | INV 516.67");
    finish(w);
}

static void case_15_return_after_invoice_then_credit_memo(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "100", "10");
    world_receive(w, "R1", "100");
    world_invoice(w, "B1", "100", "10", ",'tax':'200','total':'1200'");
    world_return(w, "X1", "10");
    assert_journal(w, 3, "GRNI 100.00 | INV 100.00");
    assert_string_equal(world_get(w, XD_STATE_INVOICE, "V/B1/2026", "status"), "HELD");
    world_send(w, "credit_memo",
               "{'credit_memo':'C1','supplier':'V','po':'P','currency':'USD','credit_date':"
               "'2026-03-04','kind':'quantity','invoice':'B1','lines':[{'line':1,'po_line':10,"
               "'quantity':'10','unit_price':'10'}],'tax':'20','total':'120'}");
    assert_journal(w, 4, "AP 120.00 | GRNI 100.00 VAT 20.00");
    assert_string_equal(world_get(w, XD_STATE_INVOICE, "V/B1/2026", "status"), "MATCHED");
    assert_string_equal(world_balance(w, "GRNI"), "0.00");
    finish(w);
}

static void case_16_price_credit_follows_the_goods(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "100", "10");
    world_receive(w, "R1", "100");
    world_invoice(w, "B1", "100", "10", "");
    world_ship(w, "S1", "30");
    world_send(w, "credit_memo",
               "{'credit_memo':'C1','supplier':'V','po':'P','currency':'USD','credit_date':"
               "'2026-03-04','kind':'price','lines':[{'line':1,'po_line':10,'quantity':'100',"
               "'unit_price':'0.50'}]}");
    assert_journal(w, 4, "AP 50.00 | INV 35.00 IPV 15.00");
    finish(w);
}

static void case_18_adjustment_at_average(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "12", "10.3333");
    world_receive(w, "R1", "12");
    world_send(w, "adjustment",
               "{'adjustment_no':'A1','site':'S','adjusted_at':'2026-03-02T10:00:00Z','lines':[{"
               "'line':1,'item':'I','quantity':'-3','reason':'broken'}]}");
    assert_journal(w, 2, "SHR 31.00 | INV 31.00");
    finish(w);
}

static void case_19_count_finds_more(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "10", "10");
    world_receive(w, "R1", "10");
    world_send(w, "cycle_count",
               "{'count_no':'K1','site':'S','counted_at':'2026-03-02T10:00:00Z','lines':[{'line':1,"
               "'item':'I','counted':'12'}]}");
    assert_journal(w, 2, "INV 20.00 | SHR 20.00");
    finish(w);
}

static void case_20_transfer_with_a_loss(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "50", "10");
    world_receive(w, "R1", "50");
    transfer(w, "received", "19"); /* comes before the report of what was shipped */
    transfer(w, "shipped", "20");
    assert_journal(w, 2, "GIT 200.00 | INV 200.00");
    assert_journal(w, 3, "INV 190.00 SHR 10.00 | GIT 190.00 GIT 10.00");
    assert_string_equal(world_get(w, XD_STATE_STOCK, "B/I", "quantity"), "19");
    finish(w);
}

static void case_21_shipment(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "50", "10");
    world_receive(w, "R1", "50");
    world_ship(w, "S1", "30");
    assert_journal(w, 2, "COGS 300.00 | INV 300.00");
    finish(w);
}

static void case_25_small_difference_is_a_line_of_its_own(void **state)
{
    (void)state;
    world *w = world_create("{'duplicate_days':0,'rounding_cap':'0.05'}");
    world_order(w, "100", "10");
    world_receive(w, "R1", "100");
    world_invoice(w, "B1", "100", "10", ",'tax':'200','total':'1200.02'");
    assert_journal(w, 2, "GRNI 1000.00 VAT 200.00 RND 0.02 | AP 1200.02");
    finish(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_1_receipt_accrues_at_order_price),
        cmocka_unit_test(case_2_exact_invoice_with_vat),
        cmocka_unit_test(case_3_price_variance_goes_to_stock_on_hand),
        cmocka_unit_test(case_4_price_variance_of_what_was_sold_is_a_variance),
        cmocka_unit_test(case_5_standard_cost),
        cmocka_unit_test(case_6_invoice_between_two_receipts),
        cmocka_unit_test(case_7_partly_billed_receipt_stays_open),
        cmocka_unit_test(case_8_invoice_before_receipt_values_the_goods),
        cmocka_unit_test(case_10_the_last_relief_takes_the_residual),
        cmocka_unit_test(case_13_return_before_invoice),
        cmocka_unit_test(case_14_return_of_the_first_lot_leaves_at_average),
        cmocka_unit_test(case_15_return_after_invoice_then_credit_memo),
        cmocka_unit_test(case_16_price_credit_follows_the_goods),
        cmocka_unit_test(case_18_adjustment_at_average),
        cmocka_unit_test(case_19_count_finds_more),
        cmocka_unit_test(case_20_transfer_with_a_loss),
        cmocka_unit_test(case_21_shipment),
        cmocka_unit_test(case_25_small_difference_is_a_line_of_its_own),
    };
    return cmocka_run_group_tests_name("golden", tests, NULL, NULL);
}
