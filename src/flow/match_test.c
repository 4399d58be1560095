/* The three-way match: pairing, tolerances, early invoices, holds and their release, duplicates,
 * credits; and the traps that others fell into (DOMAIN section 6). */
#include "flow/world_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void finish(world *w)
{
    world_audit(w);
    world_destroy(w);
}

#define assert_status(w, invoice, status)                                                          \
    assert_string_equal(world_status((w), (invoice)), (status))
#define assert_hold(w, invoice, hold, status)                                                      \
    assert_string_equal(world_hold((w), (invoice), (hold), "status"), (status))
#define assert_result(w, seq, result)                                                              \
    assert_string_equal(world_effect_member((w), (seq), "result"), (result))

/* --- tolerances --- */

static void worked_case_of_unit_price_and_total_price(void **state)
{
    (void)state;
    world *w = world_create("{'duplicate_days':0,'tolerances':{'price':{'upper_percent':'10'},"
                            "'extended_price':{'upper_percent':'15','upper_absolute':'500'},"
                            "'quantity_ordered':{}}}");
    world_order(w, "1000", "10");
    world_receive(w, "R1", "1100");
    world_invoice(w, "B1", "800", "10.80", "");
    world_invoice(w, "B2", "100", "10.80", "");
    world_invoice(w, "B3", "200", "10.80", "");
    assert_status(w, "B1", "MATCHED");
    assert_status(w, "B2", "MATCHED");
    assert_status(w, "B3", "HELD");
    assert_hold(w, "B3", "1/AMOUNT", "OPEN");
    assert_string_equal(world_hold(w, "B3", "1/AMOUNT", "excess"), "1380.00"); /* 1880 - 500 */
    assert_hold(w, "B3", "1/PRICE", "");
    finish(w);
}

static void zero_is_a_limit_and_absent_is_none(void **state)
{
    (void)state;
    world *zero = world_create("{'duplicate_days':0,'tolerances':{'price':{'upper_absolute':0}}}");
    world *none =
        world_create("{'duplicate_days':0,'tolerances':{'price':{'upper_absolute':null}}}");
    world *unset = world_create("{'duplicate_days':0}");
    world *worlds[] = {zero, none, unset};
    static const char *const expected[] = {"HELD", "MATCHED", "HELD"};
    for (int i = 0; i < 3; i++) {
        world_order(worlds[i], "10", "10");
        world_receive(worlds[i], "R1", "10");
        world_invoice(worlds[i], "B1", "10", "10.01", "");
        assert_status(worlds[i], "B1", expected[i]);
        finish(worlds[i]);
    }
}

static void a_percentage_is_compared_exactly(void **state)
{
    (void)state;
    /* 0.5 % of 0.0199 is 0.0000995: a ratio rounded to cents or to four digits would say something
     * else. */
    world *w = world_create("{'duplicate_days':0,'tolerances':{'price':{'upper_percent':'0.5'}}}");
    world_order(w, "200000", "0.0199");
    world_receive(w, "R1", "200000");
    world_invoice(w, "B1", "1000", "0.01999950", "");
    world_invoice(w, "B2", "1000", "0.01999951", "");
    assert_status(w, "B1", "MATCHED");
    assert_status(w, "B2", "HELD");
    finish(w);
}

static void rounding_to_cents_is_no_price_difference(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "3", "41.4690");
    world_receive(w, "R1", "3");
    world_invoice(w, "B1", "3", "41.4690", ",'net':'124.41','tax':'0','total':'124.41'");
    assert_status(w, "B1", "MATCHED"); /* 124.41 / 3 is 41.47 */
    finish(w);
}

static void quantity_ahead_of_goods_within_tolerance_posts(void **state)
{
    (void)state;
    world *w = world_create("{'duplicate_days':0,'tolerances':{'quantity_received':{"
                            "'upper_percent':'2'}}}");
    world_order(w, "200", "10");
    world_receive(w, "R1", "100");
    world_invoice(w, "B1", "102", "10", "");
    assert_status(w, "B1", "MATCHED");
    assert_journal(w, 2, "GRNI 1020.00 | AP 1020.00");
    world_invoice(w, "B2", "1", "10", ""); /* the allowance is used up */
    assert_status(w, "B2", "PARKED");
    world_receive(w, "R2", "10");
    assert_status(w, "B2", "MATCHED");
    assert_string_equal(world_balance(w, "GRNI"), "-70.00");
    finish(w);
}

static void two_way_level_ignores_receipts(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_send(w, "purchase_order",
               "{'po':'P','supplier':'V','site':'S','currency':'USD','match_level':2,'lines':[{"
               "'po_line':10,'item':'I','quantity':'10','unit_price':'10'}]}");
    world_invoice(w, "B1", "10", "10", "");
    assert_status(w, "B1", "MATCHED");
    world_invoice(w, "B2", "1", "10", "");
    assert_hold(w, "B2", "1/QUANTITY_ORDERED", "OPEN");
    finish(w);
}

/* --- goods --- */

static void billed_more_than_received_is_no_match(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "2", "10");
    world_receive(w, "R1", "1");
    world_invoice(w, "B1", "2", "10", "");
    assert_status(w, "B1", "PARKED");
    assert_int_equal(world_journals(w), 1);
    assert_hold(w, "B1", "1/QUANTITY_RECEIVED", "OPEN");
    world_receive(w, "R2", "1");
    assert_status(w, "B1", "MATCHED");
    assert_hold(w, "B1", "1/QUANTITY_RECEIVED", "RELEASED");
    assert_string_equal(world_hold(w, "B1", "1/QUANTITY_RECEIVED", "released_by"), "system");
    finish(w);
}

static void a_receipt_is_matched_once(void **state)
{
    (void)state;
    world *w = world_create("{'duplicate_days':0,'tolerances':{'quantity_ordered':{}}}");
    world_order(w, "10", "10");
    world_receive(w, "R1", "10");
    world_invoice(w, "B1", "10", "10", ",'extensions':{}");
    world_invoice(w, "B2", "10", "10", "");
    assert_status(w, "B1", "MATCHED");
    assert_status(w, "B2", "PARKED");
    assert_string_equal(world_get(w, XD_STATE_RECEIPT_LINE, "000001/P/10", "matched"), "10");
    finish(w);
}

static void price_variance_does_not_stay_in_grni(void **state)
{
    (void)state;
    world *w = world_create("{'duplicate_days':0,'tolerances':{'price':{}}}");
    world_order(w, "30", "10");
    world_receive(w, "R1", "10");
    world_receive(w, "R2", "20");
    world_invoice(w, "B1", "15", "11.37", "");
    world_invoice(w, "B2", "15", "9.03", "");
    assert_string_equal(world_balance(w, "GRNI"), "0.00");
    finish(w);
}

static void an_early_invoice_waits_and_matches_by_itself(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "10", "10");
    int64_t early = world_invoice(w, "B1", "10", "10", "");
    assert_result(w, early, "applied");
    assert_status(w, "B1", "PARKED");
    assert_int_equal(world_journals(w), 0);
    world_receive(w, "R1", "4");
    assert_status(w, "B1", "PARKED");
    world_receive(w, "R2", "6");
    assert_status(w, "B1", "MATCHED");
    assert_journal(w, 2, "INV 60.00 | GRNI 60.00"); /* the receipt posts before what it sets free */
    assert_journal(w, 3, "GRNI 100.00 | AP 100.00");
    finish(w);
}

static void an_invoice_posts_when_all_its_lines_match(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_send(w, "purchase_order",
               "{'po':'P','supplier':'V','site':'S','currency':'USD','lines':[{'po_line':10,'item':"
               "'I','quantity':'5','unit_price':'10'},{'po_line':20,'quantity':'1','unit_price':"
               "'7','gl':'6000'}]}");
    world_send(
        w, "supplier_invoice",
        "{'invoice':'B1','supplier':'V','po':'P','currency':'USD','invoice_date':'2026-03-02'"
        ",'lines':[{'line':1,'po_line':10,'quantity':'5','unit_price':'10'},{'line':2,"
        "'po_line':20,'quantity':'1','unit_price':'7'}]}");
    world_receive(w, "R1", "5");
    assert_status(w, "B1", "PARKED");
    world_send(w, "goods_receipt",
               "{'receipt_no':'R2','purchase_order':'P','site':'S','received_at':'2026-03-05T10:00:"
               "00Z','lines':[{'line':1,'po_line':20,'quantity':'1'}]}");
    assert_status(w, "B1", "MATCHED");
    assert_journal(w, 3, "GRNI 50.00 GRNI 7.00 | AP 57.00");
    finish(w);
}

static void goods_that_never_came_unpost_their_invoice(void **state)
{
    (void)state;
    world *w = world_create("{'duplicate_days':0,'tolerances':{'price':{}}}");
    world_order(w, "10", "10");
    world_receive(w, "R1", "10");
    world_invoice(w, "B1", "10", "10.50", "");
    world_reverse(w, "R2", "4");
    assert_status(w, "B1", "PARKED");
    assert_journal(w, 3, "AP 105.00 | GRNI 100.00 INV 5.00");
    assert_string_equal(world_balance(w, "AP"), "0.00");
    assert_string_equal(world_balance(w, "INV"), "60.00");
    world_receive(w, "R3", "4");
    assert_status(w, "B1", "MATCHED");
    assert_string_equal(world_balances(w), "AP -105.00 INV 105.00 ");
    finish(w);
}

static void a_return_keeps_the_invoice_and_waits_for_credit_or_goods(void **state)
{
    (void)state;
    world *w = world_create("{'duplicate_days':0,'tolerances':{'price':{}}}");
    world_order(w, "10", "10");
    world_receive(w, "R1", "10");
    world_invoice(w, "B1", "10", "10.50", "");
    world_return(w, "X1", "4");
    assert_status(w, "B1", "HELD");
    assert_string_equal(world_balance(w, "GRNI"),
                        "42.00"); /* billed ahead, at the invoice's price */
    world_receive(w, "R2", "4");
    assert_status(w, "B1", "MATCHED");
    assert_string_equal(world_balances(w), "AP -105.00 INV 105.00 ");
    finish(w);
}

static void units_are_converted_to_the_base_of_the_order_line(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_send(w, "purchase_order",
               "{'po':'P','supplier':'V','site':'S','currency':'USD','lines':[{'po_line':10,'item':"
               "'I','uom':'CS','uom_factor':{'numerator':12,'denominator':1},'quantity':'5',"
               "'unit_price':'24'}]}");
    world_send(w, "goods_receipt",
               "{'receipt_no':'R1','purchase_order':'P','site':'S','received_at':'2026-03-01T10:00:"
               "00Z','lines':[{'line':1,'po_line':10,'uom':'EA','quantity':'36'}]}");
    assert_journal(w, 1, "INV 72.00 | GRNI 72.00");
    world_send(
        w, "supplier_invoice",
        "{'invoice':'B1','supplier':'V','po':'P','currency':'USD','invoice_date':'2026-03-02'"
        ",'lines':[{'line':1,'po_line':10,'uom':'CS','quantity':'3','unit_price':'24'}]}");
    assert_journal(w, 2, "GRNI 72.00 | AP 72.00");
    world_send(
        w, "supplier_invoice",
        "{'invoice':'B2','supplier':'V','po':'P','currency':'USD','invoice_date':'2026-03-02'"
        ",'lines':[{'line':1,'po_line':10,'uom':'EA','quantity':'24','unit_price':'2'}]}");
    assert_status(w, "B2", "PARKED");
    assert_hold(w, "B2", "1/PRICE", "");
    finish(w);
}

/* --- pairing --- */

static void lines_pair_by_number_then_by_item_and_never_by_guess(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_send(w, "purchase_order",
               "{'po':'P','supplier':'V','site':'S','currency':'USD','lines':[{'po_line':10,'item':"
               "'I','quantity':'5','unit_price':'10'},{'po_line':20,'item':'J','quantity':'5',"
               "'unit_price':'10'},{'po_line':30,'item':'J','quantity':'5','unit_price':'12'}]}");
    static const char *const lines[] = {
        "'item':'I','quantity':'1','unit_price':'10'",   /* the only line of the item */
        "'item':'J','quantity':'1','unit_price':'12'",   /* the only line at that price */
        "'item':'J','quantity':'1','unit_price':'11'",   /* neither line has this price */
        "'item':'J','quantity':'6','unit_price':'12'",   /* the price, but not enough open */
        "'po_line':99,'quantity':'1','unit_price':'10'", /* no such line */
        "'quantity':'1','unit_price':'10'",              /* says nothing */
    };
    static const int paired[] = {1, 1, 0, 0, 0, 0};
    for (int i = 0; i < 6; i++) {
        char key[64];
        snprintf(key, sizeof key, "V/B%d/2026/1", i);
        world_send(w, "supplier_invoice",
                   "{'invoice':'B%d','supplier':'V','po':'P','currency':'USD','invoice_date':"
                   "'2026-03-02','lines':[{'line':1,%s}]}",
                   i, lines[i]);
        assert_string_equal(world_get(w, XD_STATE_INVOICE_LINE, key, "po"), paired[i] ? "P" : "");
        snprintf(key, sizeof key, "V/B%d/2026/1/LINE_UNMATCHED", i);
        assert_string_equal(world_get(w, XD_STATE_HOLD, key, "status"), paired[i] ? "" : "OPEN");
    }
    assert_string_equal(world_get(w, XD_STATE_INVOICE_LINE, "V/B1/2026/1", "po_line"), "30");
    finish(w);
}

static void an_order_of_another_supplier_is_not_billed(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "10", "10");
    world_receive(w, "R1", "10");
    world_send(
        w, "supplier_invoice",
        "{'invoice':'B1','supplier':'W','po':'P','currency':'USD','invoice_date':'2026-03-02'"
        ",'lines':[{'line':1,'po_line':10,'quantity':'10','unit_price':'10'}]}");
    assert_string_equal(world_get(w, XD_STATE_INVOICE, "W/B1/2026", "status"), "HELD");
    assert_int_equal(world_journals(w), 1);
    finish(w);
}

static void a_named_receipt_is_preferred(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "10", "10");
    world_receive(w, "R1", "4");
    world_receive(w, "R2", "4");
    world_send(
        w, "supplier_invoice",
        "{'invoice':'B1','supplier':'V','po':'P','currency':'USD','invoice_date':'2026-03-02'"
        ",'lines':[{'line':1,'po_line':10,'receipt_no':'R2','quantity':'5','unit_price':"
        "'10'}]}");
    assert_string_equal(world_get(w, XD_STATE_RECEIPT_LINE, "000002/P/10", "matched"), "4");
    assert_string_equal(world_get(w, XD_STATE_RECEIPT_LINE, "000001/P/10", "matched"), "1");
    finish(w);
}

/* --- duplicates --- */

static void one_invoice_number_is_booked_once_a_year(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "100", "10");
    world_receive(w, "R1", "100");
    world_invoice(w, "INV-0007", "10", "10", "");
    int64_t again = world_invoice(w, "INV-0007", "10", "10", "");
    assert_result(w, again, "duplicate");
    int64_t other = world_invoice(w, "inv 0007", "11", "10", "");
    assert_result(w, other, "exception");
    assert_string_equal(world_get(w, XD_STATE_EXCEPTION, "0000000000000005", "code"),
                        "DUPLICATE_CONFLICT");
    assert_int_equal(world_journals(w), 2);
    world_send(w, "supplier_invoice",
               "{'invoice':'INV-0007','supplier':'V','po':'P','currency':'USD','invoice_date':"
               "'2027-01-02','lines':[{'line':1,'po_line':10,'quantity':'5','unit_price':'10'}]}");
    assert_string_equal(world_get(w, XD_STATE_INVOICE, "V/INV0007/2027", "status"), "MATCHED");
    finish(w);
}

static void the_same_bill_under_another_number_is_held(void **state)
{
    (void)state;
    world *w = world_create("{'duplicate_days':7}");
    world_order(w, "100", "10");
    world_receive(w, "R1", "100");
    world_invoice(w, "B1", "10", "10", "");
    world_invoice(w, "B2", "10", "10", "");
    assert_hold(w, "B2", "0/DUPLICATE", "OPEN");
    assert_int_equal(world_journals(w), 2);
    world_send(
        w, "supplier_invoice",
        "{'invoice':'B3','supplier':'V','po':'P','currency':'USD','invoice_date':'2026-03-12'"
        ",'lines':[{'line':1,'po_line':10,'quantity':'10','unit_price':'10'}]}");
    assert_status(w, "B3", "MATCHED"); /* ten days later it is a new delivery */
    world_release(w, "V/B2/2026/0/DUPLICATE", "ann");
    assert_status(w, "B2", "MATCHED");
    finish(w);
}

/* --- totals --- */

static void figures_that_do_not_add_up_are_held(void **state)
{
    (void)state;
    world *w = world_create("{'duplicate_days':0,'rounding_cap':'0.05'}");
    world_order(w, "100", "10");
    world_receive(w, "R1", "100");
    world_invoice(w, "B1", "10", "10", ",'tax':'20','total':'120.06'");
    assert_hold(w, "B1", "0/TOTAL", "OPEN");
    world_invoice(w, "B2", "10", "10", ",'charges':[{'code':'freight','amount':'30'}]");
    assert_hold(w, "B2", "0/CHARGE", "OPEN");
    world_send(
        w, "supplier_invoice",
        "{'invoice':'B3','supplier':'V','po':'P','currency':'USD','invoice_date':'2026-03-02'"
        ",'lines':[{'line':1,'po_line':10,'quantity':'10','unit_price':'10','tax_code':'S',"
        "'tax_rate':'20'}],'tax':'21'}");
    assert_hold(w, "B3", "0/TAX", "OPEN");
    world_send(
        w, "supplier_invoice",
        "{'invoice':'B4','supplier':'V','po':'P','currency':'EUR','invoice_date':'2026-03-02'"
        ",'lines':[{'line':1,'po_line':10,'quantity':'10','unit_price':'10'}]}");
    assert_hold(w, "B4", "0/CURRENCY", "OPEN");
    assert_int_equal(world_journals(w), 1);
    world_release(w, "V/B2/2026/0/CHARGE", "ann");
    assert_journal(w, 2, "GRNI 100.00 LCC 30.00 | AP 130.00");
    finish(w);
}

/* --- holds --- */

static void a_hold_keeps_the_numbers_that_caused_it(void **state)
{
    (void)state;
    world *w = world_create("{'duplicate_days':0,'tolerances':{'price':{'upper_percent':'2'}}}");
    world_order(w, "10", "10");
    world_receive(w, "R1", "10");
    world_invoice(w, "B1", "10", "10.50", ",'entered_by':'eve'");
    assert_status(w, "B1", "HELD");
    assert_string_equal(
        world_hold(w, "B1", "1/PRICE", "evidence"),
        "{\"rule\":\"price\",\"limit\":{\"upper_percent\":\"2\"},\"order_price\":\"10\","
        "\"invoice_price\":\"10.5\",\"quantity\":\"10\",\"net_at_order_price\":\"100\","
        "\"net\":\"105\"}");
    assert_string_equal(world_hold(w, "B1", "1/PRICE", "excess"), "3.00");
    assert_string_equal(world_hold(w, "B1", "1/PRICE", "caused_by"), "eve");
    finish(w);
}

static void the_person_who_entered_or_caused_may_not_release(void **state)
{
    (void)state;
    world *w =
        world_create("{'duplicate_days':0,'controller_limit':'1000','controllers':['carl']}");
    world_order(w, "1000", "10");
    world_receive(w, "R1", "1000");
    world_invoice(w, "B1", "10", "11", ",'entered_by':'eve'");
    assert_result(w, world_release(w, "V/B1/2026/1/PRICE", "eve"), "refused");
    assert_result(w, world_release(w, "V/B1/2026/1/PRICE", ""), "refused");
    assert_result(w, world_release(w, "V/B1/2026/1/NONE", "ann"), "refused");
    assert_status(w, "B1", "HELD");
    assert_result(w, world_release(w, "V/B1/2026/1/PRICE", "ann"), "applied");
    assert_status(w, "B1", "MATCHED");
    assert_journal(w, 2, "GRNI 100.00 INV 10.00 | AP 110.00");
    assert_result(w, world_release(w, "V/B1/2026/1/PRICE", "ann"), "refused"); /* it is released */

    world_invoice(w, "B2", "100", "11", ",'entered_by':'eve'"); /* above the controller limit */
    assert_result(w, world_release(w, "V/B2/2026/1/PRICE", "ann"), "refused");
    assert_result(w, world_release(w, "V/B2/2026/1/PRICE", "carl"), "applied");
    assert_status(w, "B2", "MATCHED");
    finish(w);
}

static void a_release_lapses_when_the_numbers_get_worse(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "20", "10");
    world_receive(w, "R1", "6");
    world_invoice(w, "B1", "10", "10.50", "");
    world_release(w, "V/B1/2026/1/PRICE", "ann");
    assert_status(w, "B1", "PARKED");
    world_reprice(w, "10.20"); /* better than what ann saw */
    assert_hold(w, "B1", "1/PRICE", "RELEASED");
    world_reprice(w, "9.90"); /* worse */
    assert_hold(w, "B1", "1/PRICE", "OPEN");
    assert_string_equal(world_hold(w, "B1", "1/PRICE", "lapsed"), "1");
    assert_string_equal(world_hold(w, "B1", "1/PRICE", "caused_by"), "bob");
    world_reprice(w, "10.50"); /* the order now says what the invoice says */
    assert_hold(w, "B1", "1/PRICE", "RELEASED");

    world_release(w, "V/B1/2026/1/QUANTITY_RECEIVED", "ann"); /* pay ahead of four */
    assert_status(w, "B1", "MATCHED");
    world_reverse(w, "R2", "2"); /* now six are missing */
    assert_hold(w, "B1", "1/QUANTITY_RECEIVED", "OPEN");
    assert_status(w, "B1", "PARKED");
    world_receive(w, "R3", "6");
    assert_status(w, "B1", "MATCHED");
    finish(w);
}

static void some_holds_no_decision_can_lift(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "10", "10");
    world_send(
        w, "supplier_invoice",
        "{'invoice':'B1','supplier':'V','po':'P','currency':'USD','invoice_date':'2026-03-02'"
        ",'lines':[{'line':1,'po_line':77,'quantity':'10','unit_price':'10'}]}");
    assert_result(w, world_release(w, "V/B1/2026/1/LINE_UNMATCHED", "ann"), "refused");
    world_send(w, "credit_memo",
               "{'credit_memo':'C1','supplier':'V','currency':'USD','credit_date':'2026-03-04',"
               "'kind':'quantity','invoice':'B1','lines':[{'line':1,'quantity':'10','unit_price':"
               "'10'}]}");
    assert_status(w, "B1", "VOID");
    assert_int_equal(world_journals(w), 0);
    finish(w);
}

static int64_t credit_twice(world *w, const char *first, const char *second)
{
    return world_send(w, "credit_memo",
                      "{'credit_memo':'C1','supplier':'V','po':'P','currency':'USD','credit_date':"
                      "'2026-03-04','kind':'quantity','invoice':'B1','lines':[{'line':1,'item':'I',"
                      "'quantity':'%s','unit_price':'10'},{'line':2,'item':'I','quantity':'%s',"
                      "'unit_price':'10'}]}",
                      first, second);
}

/* Which order line is meant nobody can tell, so the credit takes from the invoice's line itself. */
static void lines_of_a_credit_share_what_an_unmatched_line_has(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_send(w, "purchase_order",
               "{'po':'P','supplier':'V','site':'S','currency':'USD','lines':[{'po_line':10,'item':"
               "'I','unit_price':'10'},{'po_line':20,'item':'I','unit_price':'10'}]}");
    world_send(w, "supplier_invoice",
               "{'invoice':'B1','supplier':'V','po':'P','currency':'USD','invoice_date':"
               "'2026-03-02','lines':[{'line':1,'item':'I','quantity':'10','unit_price':'10'}]}");
    assert_string_equal(world_effect_member(w, credit_twice(w, "6", "5"), "code"),
                        "CREDIT_UNMATCHED");
    assert_result(w, credit_twice(w, "6", "4"), "applied");
    assert_status(w, "B1", "VOID");
    assert_int_equal(world_journals(w), 0);
    finish(w);
}

static void a_credit_makes_room_for_what_was_over_ordered(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "10", "10");
    world_receive(w, "R1", "10");
    world_invoice(w, "B1", "6", "10", "");
    world_invoice(w, "B2", "6", "10", "");
    assert_hold(w, "B2", "1/QUANTITY_ORDERED", "OPEN");
    world_credit(w, "C1", "2", "10", ",'invoice':'B1'");
    assert_hold(w, "B2", "1/QUANTITY_ORDERED", "RELEASED");
    assert_status(w, "B2", "MATCHED");
    assert_string_equal(world_balances(w), "AP -100.00 INV 100.00 ");
    finish(w);
}

/* --- credits --- */

static void a_credit_takes_from_what_waits_before_what_is_matched(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "20", "10");
    world_receive(w, "R1", "5");
    world_invoice(w, "B1", "5", "10", ",'tax':'10'");
    world_invoice(w, "B2", "5", "10", ",'tax':'10'");
    world_credit(w, "C1", "7", "10", ",'tax':'14'");
    assert_status(w, "B2", "VOID");
    assert_status(w, "B1", "MATCHED");
    assert_string_equal(world_get(w, XD_STATE_ORDER_LINE, "P/10", "matched"), "3");
    assert_journal(w, 3, "AP 24.00 | GRNI 20.00 VAT 4.00");
    assert_string_equal(world_balances(w), "AP -36.00 GRNI -20.00 INV 50.00 VAT 6.00 ");
    finish(w);
}

static void an_unposted_invoice_posts_what_a_credit_left_of_it(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "20", "10");
    world_invoice(w, "B1", "10", "10", ",'tax':'20','total':'120'");
    world_credit(w, "C1", "4", "10", ",'tax':'8','total':'48'");
    world_receive(w, "R1", "6");
    assert_status(w, "B1", "MATCHED");
    assert_journal(w, 2, "GRNI 60.00 VAT 12.00 | AP 72.00");
    finish(w);
}

static void credits_and_reversals_before_their_time_wait(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "20", "10");
    assert_result(w, world_credit(w, "C1", "4", "10", ""), "parked");
    assert_result(w, world_reverse(w, "R0", "3"), "parked");
    world_invoice(w, "B1", "10", "10", "");
    assert_string_equal(world_get(w, XD_STATE_CREDIT, "V/C1/2026", "status"), "POSTED");
    world_receive(w, "R1", "2");
    assert_int_equal(world_count(w, XD_STATE_PARKED), 1);
    world_receive(w, "R2", "7");
    assert_int_equal(world_count(w, XD_STATE_PARKED), 0);
    assert_status(w, "B1", "MATCHED");
    assert_string_equal(world_balances(w), "AP -60.00 INV 60.00 ");
    finish(w);
}

static void a_credit_waits_for_the_invoice_that_it_names(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "20", "10");
    world_receive(w, "R1", "10");
    assert_result(w, world_credit(w, "C1", "4", "10", ",'invoice':'B1'"), "parked");
    world_invoice(w, "B0", "5", "10", "");
    assert_int_equal(world_count(w, XD_STATE_PARKED), 1);
    world_invoice(w, "B1", "5", "10", "");
    assert_int_equal(world_count(w, XD_STATE_PARKED), 0);
    assert_string_equal(world_get(w, XD_STATE_INVOICE_LINE, "V/B1/2026/1", "quantity"), "1");
    finish(w);
}

static void a_price_credit_lifts_the_price_hold(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_send(w, "purchase_order",
               "{'po':'P','supplier':'V','site':'S','currency':'USD','lines':[{'po_line':10,'item':"
               "'I','unit_price':'10'}]}");
    world_receive(w, "R1", "10");
    world_invoice(w, "B1", "10", "10.50", "");
    assert_hold(w, "B1", "1/PRICE", "OPEN");
    world_send(w, "credit_memo",
               "{'credit_memo':'C1','supplier':'V','po':'P','currency':'USD','credit_date':"
               "'2026-03-04','kind':'price','invoice':'B1','lines':[{'line':1,'po_line':10,"
               "'quantity':'10','unit_price':'0.50'}]}");
    assert_hold(w, "B1", "1/PRICE", "RELEASED");
    assert_journal(w, 2, "GRNI 100.00 | AP 100.00");
    finish(w);
}

static void paying_a_held_invoice_is_an_exception(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "10", "10");
    world_receive(w, "R1", "10");
    world_invoice(w, "B1", "5", "10", "");
    world_invoice(w, "B2", "5", "12", "");
    world_send(w, "payment_status",
               "{'payment':'Z1','supplier':'V','invoice':'B1','status':'paid'}");
    assert_status(w, "B1", "PAID");
    int64_t paid = world_send(w, "payment_status",
                              "{'payment':'Z2','supplier':'V','invoice':'B2','status':'paid'}");
    assert_result(w, paid, "exception");
    assert_status(w, "B2", "HELD");
    int64_t again = world_send(w, "payment_status",
                               "{'payment':'Z1','supplier':'V','invoice':'B1','status':'paid'}");
    assert_result(w, again, "duplicate");
    finish(w);
}

/* R2 is billed by its number, what came after it and before it goes back, more comes: when R2's
 * goods become free again, only the freed list leads to them. */
static void goods_freed_behind_the_newest_receipt_are_found_again(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "44", "10");
    world_receive(w, "R1", "12");
    world_receive(w, "R2", "12");
    world_receive(w, "R3", "7.5");
    world_send(w, "supplier_invoice",
               "{'invoice':'B1','supplier':'V','po':'P','currency':'USD','invoice_date':"
               "'2026-03-02','lines':[{'line':1,'po_line':10,'quantity':'12','unit_price':'10',"
               "'receipt_no':'R2'}]}");
    world_reverse(w, "V1", "7.5");
    world_reverse(w, "V2", "12");
    world_receive(w, "R4", "0.5");
    world_return(w, "X1", "3");
    world_audit(w);
    world_receive(w, "R5", "3");
    world_audit(w);
    world_destroy(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worked_case_of_unit_price_and_total_price),
        cmocka_unit_test(zero_is_a_limit_and_absent_is_none),
        cmocka_unit_test(a_percentage_is_compared_exactly),
        cmocka_unit_test(rounding_to_cents_is_no_price_difference),
        cmocka_unit_test(quantity_ahead_of_goods_within_tolerance_posts),
        cmocka_unit_test(two_way_level_ignores_receipts),
        cmocka_unit_test(billed_more_than_received_is_no_match),
        cmocka_unit_test(a_receipt_is_matched_once),
        cmocka_unit_test(price_variance_does_not_stay_in_grni),
        cmocka_unit_test(an_early_invoice_waits_and_matches_by_itself),
        cmocka_unit_test(an_invoice_posts_when_all_its_lines_match),
        cmocka_unit_test(goods_that_never_came_unpost_their_invoice),
        cmocka_unit_test(a_return_keeps_the_invoice_and_waits_for_credit_or_goods),
        cmocka_unit_test(units_are_converted_to_the_base_of_the_order_line),
        cmocka_unit_test(lines_pair_by_number_then_by_item_and_never_by_guess),
        cmocka_unit_test(an_order_of_another_supplier_is_not_billed),
        cmocka_unit_test(a_named_receipt_is_preferred),
        cmocka_unit_test(one_invoice_number_is_booked_once_a_year),
        cmocka_unit_test(the_same_bill_under_another_number_is_held),
        cmocka_unit_test(figures_that_do_not_add_up_are_held),
        cmocka_unit_test(a_hold_keeps_the_numbers_that_caused_it),
        cmocka_unit_test(the_person_who_entered_or_caused_may_not_release),
        cmocka_unit_test(a_release_lapses_when_the_numbers_get_worse),
        cmocka_unit_test(some_holds_no_decision_can_lift),
        cmocka_unit_test(lines_of_a_credit_share_what_an_unmatched_line_has),
        cmocka_unit_test(a_credit_makes_room_for_what_was_over_ordered),
        cmocka_unit_test(a_credit_takes_from_what_waits_before_what_is_matched),
        cmocka_unit_test(an_unposted_invoice_posts_what_a_credit_left_of_it),
        cmocka_unit_test(credits_and_reversals_before_their_time_wait),
        cmocka_unit_test(a_credit_waits_for_the_invoice_that_it_names),
        cmocka_unit_test(a_price_credit_lifts_the_price_hold),
        cmocka_unit_test(paying_a_held_invoice_is_an_exception),
        cmocka_unit_test(goods_freed_behind_the_newest_receipt_are_found_again),
    };
    return cmocka_run_group_tests_name("match", tests, NULL, NULL);
}
