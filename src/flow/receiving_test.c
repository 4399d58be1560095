/* Receiving: enrichment from the order, tolerances, damage and refusal, repeated documents, parking
 * and resuming, controls, and what other systems are told. */
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

#define assert_result(w, seq, result)                                                              \
    assert_string_equal(world_effect_member((w), (seq), "result"), (result))

static int64_t receive_line(world *w, const char *number, const char *line)
{
    return world_send(w, "goods_receipt",
                      "{'receipt_no':'%s','purchase_order':'P','site':'S','received_at':"
                      "'2026-03-01T23:30:00-05:00','lines':[{'line':1,'po_line':10,%s}]}",
                      number, line);
}

/* --- against the order --- */

static void over_the_tolerance_is_posted_and_raised(void **state)
{
    (void)state;
    world *w = world_create("{'tolerances':{'over_receipt':{'upper_percent':'5'}}}");
    world_order(w, "100", "10");
    int64_t within = world_receive(w, "R1", "105");
    assert_false(world_has(w, XD_STATE_EXCEPTION, "0000000000000002"));
    assert_non_null(strstr(world_effect(w, within), "\"result\":\"FULL\""));
    int64_t over = world_receive(w, "R2", "0.001");
    assert_string_equal(world_get(w, XD_STATE_EXCEPTION, "0000000000000003", "code"),
                        "OVER_RECEIPT");
    assert_non_null(strstr(world_effect(w, over), "\"status\":\"VARIANCE\""));
    assert_string_equal(world_get(w, XD_STATE_ORDER_LINE, "P/10", "received"), "105.001");
    finish(w);
}

static void the_orders_own_tolerance_wins(void **state)
{
    (void)state;
    world *w = world_create("{'tolerances':{'over_receipt':{'upper_percent':'5','lower_percent':"
                            "'2'}}}");
    world_send(w, "purchase_order",
               "{'po':'P','supplier':'V','site':'S','currency':'USD','tolerance_pct':'0','lines':[{"
               "'po_line':10,'item':'I','quantity':'100','unit_price':'10'}]}");
    int64_t full = world_receive(w, "R1", "98");
    assert_non_null(strstr(world_effect(w, full), "\"result\":\"FULL\""));
    int64_t over = world_receive(w, "R2", "3");
    assert_non_null(strstr(world_effect(w, over), "\"result\":\"OVER\""));
    finish(w);
}

static void refused_goods_do_not_come_in_and_damaged_ones_are_blocked(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "100", "10");
    receive_line(w, "R1", "'quantity':'100','rejected':'5','damaged':'8'");
    assert_journal(w, 1, "INV 950.00 | GRNI 950.00");
    assert_string_equal(world_get(w, XD_STATE_STOCK, "S/I", "quantity"), "95");
    assert_string_equal(world_get(w, XD_STATE_STOCK, "S/I", "blocked"), "3");
    assert_string_equal(world_get(w, XD_STATE_ORDER_LINE, "P/10", "rejected"), "5");
    receive_line(w, "R2", "'quantity':'5','rejected':'5'");
    assert_int_equal(world_journals(w), 1);
    finish(w);
}

static void the_business_day_is_the_one_at_the_site(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "100", "10");
    receive_line(w, "R1", "'quantity':'1'");
    assert_string_equal(world_get(w, XD_STATE_RECEIPT, "S/R1", "date"), "2026-03-01");
    finish(w);
}

static void what_does_not_fit_the_order_is_an_exception_and_may_be_corrected(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "100", "10");
    assert_result(w, receive_line(w, "R1", "'quantity':'1','item':'OTHER'"), "exception");
    assert_int_equal(world_journals(w), 0);
    assert_string_equal(world_get(w, XD_STATE_RECEIPT, "S/R1", "status"), "EXCEPTION");
    assert_result(w, receive_line(w, "R1", "'quantity':'1','item':'I'"), "posted");
    finish(w);
}

/* Otherwise a replay, which has memory, would come to something else. */
static void a_step_without_memory_decides_nothing(void **state)
{
    (void)state;
    static const xd_status says[] = {XD_NO_MEMORY, XD_LIMIT, XD_INVALID, XD_OK};
    world *w = world_create(NULL);
    world_order(w, "100", "10");
    int64_t seq = world_receive(w, "R1", "10");
    int read = 1;
    for (; world_starve(w, seq, read, XD_NO_MEMORY) != XD_OK; read++) {
        for (size_t i = 0; i < sizeof says / sizeof says[0]; i++) {
            assert_int_equal(world_starve(w, seq, read, says[i]), XD_NO_MEMORY);
        }
    }
    assert_true(read > 3);
    finish(w);
}

static void a_receipt_number_is_booked_once_per_site(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "100", "10");
    receive_line(w, "R1", "'quantity':'10.0'");
    assert_result(w, receive_line(w, "R1", "'quantity':'10'"), "duplicate");
    assert_result(w, receive_line(w, "R1", "'quantity':'11'"), "exception");
    assert_int_equal(world_journals(w), 1);
    world_send(w, "goods_receipt",
               "{'receipt_no':'R1','purchase_order':'P','site':'T','received_at':'2026-03-01T10:00:"
               "00Z','lines':[{'line':1,'po_line':10,'quantity':'10'}]}");
    assert_int_equal(world_journals(w), 2);
    finish(w);
}

static void keys_of_different_parts_never_meet(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "100", "10");
    static const char *const places[][2] = {{"A/B", "C"}, {"A", "B/C"}, {"A%2FB", "C"}};
    for (int i = 0; i < 3; i++) {
        world_send(w, "goods_receipt",
                   "{'receipt_no':'%s','purchase_order':'P','site':'%s','received_at':"
                   "'2026-03-01T10:00:00Z','lines':[{'line':1,'po_line':10,'quantity':'1'}]}",
                   places[i][1], places[i][0]);
    }
    assert_int_equal(world_count(w, XD_STATE_RECEIPT), 3);
    finish(w);
}

static void names_with_quotes_and_backslashes_survive(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_send(w, "purchase_order",
               "{'po':'P','supplier':'V','site':'S','currency':'USD','lines':[{'po_line':10,'item':"
               "'A\\'B','description':'pipe 3/4\\' \\\\ {[','quantity':'5','unit_price':'10'}]}");
    receive_line(w, "R1", "'quantity':'1'");
    receive_line(w, "R2", "'quantity':'1','item':'A\\'B'");
    assert_string_equal(world_get(w, XD_STATE_STOCK, "S/A\"B", "quantity"), "2");
    finish(w);
}

/* --- parking --- */

static void receipts_wait_for_their_order_and_resume_in_order(void **state)
{
    (void)state;
    world *w = world_create("{'duplicate_days':0,'controls':true}");
    assert_result(w, world_receive(w, "R1", "1"), "parked");
    assert_result(w, world_invoice(w, "B1", "2", "10", ""), "parked");
    assert_result(w, world_receive(w, "R2", "2"), "parked");
    assert_result(w, world_receive(w, "R1", "1"), "duplicate"); /* while the first one waits */
    assert_int_equal(world_count(w, XD_STATE_PARKED), 3);
    assert_string_equal(world_get(w, XD_STATE_PARKED, "purchase_order/P/2", "kind"),
                        "supplier_invoice");
    world_order(w, "10", "10");
    assert_int_equal(world_count(w, XD_STATE_PARKED), 0);
    assert_int_equal(world_count(w, XD_STATE_PARK_QUEUE), 0);
    assert_string_equal(world_get(w, XD_STATE_RECEIPT_LINE, "000001/P/10", "receipt"), "R1");
    assert_string_equal(world_get(w, XD_STATE_RECEIPT_LINE, "000002/P/10", "receipt"), "R2");
    assert_string_equal(world_status(w, "B1"), "MATCHED");
    /* Counted when they came, not again when they resumed. */
    assert_string_equal(world_get(w, XD_STATE_CONTROL, "P/10", "receipts"), "2");
    assert_string_equal(world_get(w, XD_STATE_CONTROL, "P/10", "invoices"), "1");
    finish(w);
}

static void an_order_waits_for_each_of_its_masters(void **state)
{
    (void)state;
    world *w = world_create("{'require':['item','supplier','site']}");
    world_order(w, "10", "10");
    world_receive(w, "R1", "1");
    world_send(w, "site", "{'site':'S','name':'South'}");
    world_send(w, "item", "{'item':'I','uom':'EA'}");
    assert_false(world_has(w, XD_STATE_PURCHASE_ORDER, "P"));
    assert_int_equal(world_count(w, XD_STATE_PARKED), 2);
    world_send(w, "supplier", "{'supplier':'V','name':'Vendor'}");
    assert_int_equal(world_count(w, XD_STATE_PARKED), 0);
    assert_int_equal(world_journals(w), 1); /* the order resumed, and with it the receipt */
    finish(w);
}

static void a_receipt_waits_for_a_line_that_a_change_adds(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "10", "10");
    int64_t early = world_send(w, "goods_receipt",
                               "{'receipt_no':'R1','purchase_order':'P','site':'S','received_at':"
                               "'2026-03-01T10:00:00Z','lines':[{'line':1,'po_line':20,'quantity':"
                               "'1'}]}");
    assert_result(w, early, "parked");
    world_send(w, "order_change",
               "{'po':'P','based_on':1,'version':2,'lines':[{'po_line':20,'action':'add','item':"
               "'I','quantity':'1','unit_price':'5'}]}");
    assert_result(w, early, "posted");
    assert_journal(w, 1, "INV 5.00 | GRNI 5.00");
    finish(w);
}

static void a_shipment_waits_for_goods(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "10", "10");
    assert_result(w, world_ship(w, "S1", "6"), "parked");
    assert_result(w, world_ship(w, "S2", "1"), "parked");
    world_receive(w, "R1", "5");
    world_receive(w, "R2", "5");
    assert_int_equal(world_count(w, XD_STATE_PARKED), 0);
    assert_string_equal(world_get(w, XD_STATE_STOCK, "S/I", "quantity"), "3");
    finish(w);
}

/* --- controls --- */

static void controls_count_in_order_of_arrival(void **state)
{
    (void)state;
    world *w = world_create("{'duplicate_days':0,'controls':true}");
    const char *key = "P/10";
    world_send(w, "purchase_order",
               "{'po':'P','supplier':'V','site':'S','currency':'USD','lines':[{'po_line':10,"
               "'unit_price':'10','gl':'6000'}]}");
    world_receive(w, "R1", "1");
    world_invoice(w, "B1", "1", "10", "");
    assert_string_equal(world_get(w, XD_STATE_CONTROL, key, "invoice_held_ever"), "");
    world_invoice(w, "B2", "1", "10", "");
    assert_string_equal(world_get(w, XD_STATE_CONTROL, key, "invoice_held_ever"), "true");
    world_receive(w, "R2", "1");
    assert_string_equal(world_get(w, XD_STATE_CONTROL, key, "receipt_after_excess_invoice"),
                        "true");
    world_reverse(w, "R3", "1");
    world_credit(w, "C1", "1", "10", "");
    for (int i = 0; i < 3; i++) {
        world_send(w, "payment_status",
                   "{'payment':'Z%d','po':'P','po_line':10,'status':'cleared'}", i);
    }
    world_send(w, "payment_status",
               "{'payment':'Z9','po':'P','po_line':10,'status':'block_removed'}");
    world_receive(w, "R4", "1");
    world_invoice(w, "B4", "1", "10", "");
    static const char *const expected[][2] = {{"receipts", "3"},
                                              {"receipts_cancelled", "1"},
                                              {"invoices", "3"},
                                              {"invoices_cancelled", "1"},
                                              {"clearings", "3"},
                                              {"payment_blocks_removed", "1"},
                                              {"receipt_after_excess_clearing", "true"},
                                              {"invoice_after_excess_clearing", "true"},
                                              {"open_grni", ""}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        assert_string_equal(world_get(w, XD_STATE_CONTROL, key, expected[i][0]), expected[i][1]);
    }
    finish(w);
}

/* --- messages --- */

static const char *body(world *w, int64_t seq, xd_message message, xd_buf *buf)
{
    xd_arena arena;
    const xd_json *effect = NULL;
    xd_fault fault = XD_FAULT_NONE;
    xd_arena_init(&arena, 1 << 20);
    assert_int_equal(xd_json_parse(xd_str_from(world_effect(w, seq)), XD_JSON_LIMITS_DEFAULT,
                                   &arena, &effect, &fault),
                     XD_OK);
    xd_buf_clear(buf);
    assert_int_equal(xd_flow_render(message, world_event(w, seq), effect, buf, &fault), XD_OK);
    xd_buf_char(buf, '\0');
    xd_arena_finish(&arena);
    return buf->ptr;
}

static void other_systems_are_told_what_they_need(void **state)
{
    (void)state;
    world *w =
        world_create("{'accounts':{'GRNI':'2110'},'systems':[{'name':'erp','receives':["
                     "'inventory','journal']},{'name':'buy','receives':['receipt_status']}]}");
    world_order(w, "100", "10.005");
    int64_t seq = receive_line(w, "R1",
                               "'quantity':'60','damaged':'2','lots':[{'lot':'L1','quantity':'60',"
                               "'expires':'2027-01-01'}]");
    xd_buf buf;
    xd_buf_init(&buf, 1 << 16);
    assert_string_equal(
        body(w, seq, XD_MESSAGE_INVENTORY, &buf),
        "{\"id\":\"e2\",\"document\":\"GOODS_MOVEMENT\",\"kind\":\"goods_receipt\",\"reference\":"
        "\"R1\",\"seq\":2,\"po\":\"P\",\"plant\":\"S\",\"posting_date\":\"2026-03-01\",\"lines\":[{"
        "\"po_line\":10,\"item\":\"I\",\"unrestricted\":\"58\",\"blocked\":\"2\",\"movement\":"
        "\"103\",\"batches\":[{\"batch\":\"L1\",\"quantity\":\"60\",\"expiry\":\"2027-01-01\"}]}]"
        "}");
    assert_string_equal(
        body(w, seq, XD_MESSAGE_RECEIPT_STATUS, &buf),
        "{\"id\":\"e2\",\"document\":\"RECEIPT_STATUS\",\"kind\":\"goods_receipt\",\"reference\":"
        "\"R1\",\"seq\":2,\"receipt_no\":\"R1\",\"po\":\"P\",\"supplier\":\"V\",\"status\":\"OK\","
        "\"lines\":[{\"po_line\":10,\"ordered\":\"100\",\"received_before\":\"0\",\"received\":"
        "\"60\",\"damaged\":\"2\",\"result\":\"PARTIAL\"}]}");
    assert_string_equal(
        body(w, seq, XD_MESSAGE_JOURNAL, &buf),
        "{\"id\":\"e2\",\"document\":\"JOURNAL\",\"kind\":\"goods_receipt\",\"reference\":\"R1\","
        "\"seq\":2,\"entries\":[{\"ordinal\":1,\"number\":1,\"date\":\"2026-03-01\",\"currency\":"
        "\"USD\",\"kind\":\"goods_receipt\",\"document\":\"S/R1\",\"po\":\"P\",\"lines\":"
        "[{\"account\":\"INV\",\"role\":\"INV\",\"debit\":\"600.30\",\"po_line\":10,\"item\":\"I\"}"
        ",{"
        "\"account\":\"2110\",\"role\":\"GRNI\",\"credit\":\"600.30\",\"po_line\":10}]}]}");
    const xd_step *step = world_last_step(w);
    assert_int_equal(step->delivery_count, 3);
    assert_string_equal(
        world_get(w, XD_STATE_OUTBOX, "0000000000000002", "to"),
        "[[0,\"erp\",\"inventory\"],[1,\"buy\",\"receipt_status\"],[2,\"erp\",\"journal\"]]");
    xd_buf_finish(&buf);
    world_destroy(w);
}

static void a_receipt_status_counts_in_the_unit_of_the_order(void **state)
{
    (void)state;
    world *w = world_create("{'systems':[{'name':'buy','receives':['receipt_status']}]}");
    world_send(w, "purchase_order",
               "{'po':'P','supplier':'V','site':'S','currency':'USD','lines':[{'po_line':10,'item':"
               "'I','uom':'CS','uom_factor':{'numerator':12,'denominator':1},'quantity':'5',"
               "'unit_price':'24'}]}");
    int64_t seq = receive_line(w, "R1", "'uom':'CS','quantity':'2','damaged':'1'");
    xd_buf buf;
    xd_buf_init(&buf, 1 << 16);
    const char *text = body(w, seq, XD_MESSAGE_RECEIPT_STATUS, &buf);
    assert_non_null(strstr(text, "\"ordered\":\"60\",\"received_before\":\"0\",\"received\":\"24\","
                                 "\"damaged\":\"12\""));
    xd_buf_finish(&buf);
    world_destroy(w);
}

/* The key of the one timer that is set, as the engine would give it back. */
static const char *timer_of(world *w, const char *parked)
{
    static char key[128];
    int64_t due = 0;
    assert_true(
        xd_str_to_int64(xd_str_from(world_get(w, XD_STATE_PARKED, parked, "overdue_us")), &due));
    snprintf(key, sizeof key, "%016llx/%s", (unsigned long long)due, parked);
    assert_true(world_has(w, XD_STATE_TIMER, key));
    return key;
}

static void what_waits_too_long_is_told_and_goes_on_all_the_same(void **state)
{
    (void)state;
    world *w = world_create("{'parked_days':3}");
    int64_t early = world_receive(w, "R1", "5");
    int64_t other = world_receive(w, "R2", "1");
    assert_result(w, early, "parked");
    const char *timer = timer_of(w, "purchase_order/P/1");
    assert_result(w, world_send(w, "hub_timer", "{'timer':'%s'}", timer), "applied");
    assert_false(world_has(w, XD_STATE_TIMER, timer));
    assert_string_equal(world_get(w, XD_STATE_EXCEPTION, "0000000000000001", "code"),
                        "PARKED_TOO_LONG");
    assert_string_equal(world_get(w, XD_STATE_EXCEPTION, "0000000000000001", "status"), "open");
    assert_string_equal(world_get(w, XD_STATE_EXCEPTION, "0000000000000001", "key"), "R1");
    assert_result(w, world_send(w, "hub_timer", "{'timer':'%s'}", timer), "noted"); /* again */
    char second[128];
    snprintf(second, sizeof second, "%s", timer_of(w, "purchase_order/P/2"));

    world_order(w, "100", "10");
    assert_result(w, early, "posted");
    assert_result(w, other, "posted");
    assert_string_equal(world_get(w, XD_STATE_EXCEPTION, "0000000000000001", "status"), "settled");
    assert_false(world_has(w, XD_STATE_TIMER, second));
    assert_result(w, world_send(w, "hub_timer", "{'timer':'%s'}", second), "noted");
    assert_false(world_has(w, XD_STATE_EXCEPTION, "0000000000000002"));
    finish(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(over_the_tolerance_is_posted_and_raised),
        cmocka_unit_test(the_orders_own_tolerance_wins),
        cmocka_unit_test(refused_goods_do_not_come_in_and_damaged_ones_are_blocked),
        cmocka_unit_test(the_business_day_is_the_one_at_the_site),
        cmocka_unit_test(what_does_not_fit_the_order_is_an_exception_and_may_be_corrected),
        cmocka_unit_test(a_step_without_memory_decides_nothing),
        cmocka_unit_test(a_receipt_number_is_booked_once_per_site),
        cmocka_unit_test(keys_of_different_parts_never_meet),
        cmocka_unit_test(names_with_quotes_and_backslashes_survive),
        cmocka_unit_test(receipts_wait_for_their_order_and_resume_in_order),
        cmocka_unit_test(an_order_waits_for_each_of_its_masters),
        cmocka_unit_test(a_receipt_waits_for_a_line_that_a_change_adds),
        cmocka_unit_test(a_shipment_waits_for_goods),
        cmocka_unit_test(what_waits_too_long_is_told_and_goes_on_all_the_same),
        cmocka_unit_test(controls_count_in_order_of_arrival),
        cmocka_unit_test(other_systems_are_told_what_they_need),
        cmocka_unit_test(a_receipt_status_counts_in_the_unit_of_the_order),
    };
    return cmocka_run_group_tests_name("receiving", tests, NULL, NULL);
}
