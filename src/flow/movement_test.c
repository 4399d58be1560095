/* Movements without an order, journal entries prepared elsewhere, charge credits, and the messages
 * that these and other documents cause. */
#include "flow/world_test.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define assert_result(w, seq, result)                                                              \
    assert_string_equal(world_effect_member((w), (seq), "result"), (result))
#define assert_code(w, seq, code)                                                                  \
    assert_string_equal(world_effect_member((w), (seq), "code"), (code))

static void finish(world *w)
{
    world_audit(w);
    world_destroy(w);
}

static int64_t count(world *w, const char *number, const char *item, const char *counted)
{
    return world_send(w, "cycle_count",
                      "{'count_no':'%s','site':'S','counted_at':'2026-03-02T10:00:00Z','lines':[{"
                      "'line':1,'item':'%s','counted':'%s'}]}",
                      number, item, counted);
}

static void what_is_found_needs_a_cost(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    assert_code(w, count(w, "K1", "I", "5"), "COST_UNKNOWN");
    world_send(w, "item", "{'item':'I','uom':'EA','standard_cost':'2.50'}");
    assert_result(w, count(w, "K1", "I", "5"),
                  "posted"); /* the same count, now that there is one */
    assert_journal(w, 1, "INV 12.50 | SHR 12.50");
    assert_result(w, count(w, "K2", "I", "3"), "posted");
    assert_journal(w, 2, "SHR 5.00 | INV 5.00");
    assert_result(w, count(w, "K3", "I", "3"), "posted");
    assert_int_equal(world_journals(w), 2); /* nothing differs */
    assert_result(w, count(w, "K3", "I", "3"), "duplicate");
    assert_code(w, count(w, "K3", "I", "4"), "DUPLICATE_CONFLICT");
    finish(w);
}

static void nobody_approves_their_own_adjustment(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_send(w, "item", "{'item':'I','uom':'EA','standard_cost':'2.50'}");
    int64_t own =
        world_send(w, "adjustment",
                   "{'adjustment_no':'A1','site':'S','adjusted_at':'2026-03-02T10:00:00Z',"
                   "'adjusted_by':'ann','approved_by':'ann','lines':[{'line':1,'item':'I',"
                   "'quantity':'1','reason':'found'}]}");
    assert_code(w, own, "SAME_PERSON");
    assert_int_equal(world_journals(w), 0);
    finish(w);
}

static void more_cannot_arrive_than_was_shipped(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "10", "10");
    world_receive(w, "R1", "10");
    world_send(w, "transfer", "%s",
               "{'transfer_no':'T1','from_site':'S','to_site':'B','movement':'shipped','moved_at':"
               "'2026-03-02T10:00:00Z','lines':[{'line':1,'item':'I','quantity':'4'}]}");
    int64_t more = world_send(w, "transfer", "%s",
                              "{'transfer_no':'T1','from_site':'S','to_site':'B','movement':"
                              "'received','moved_at':'2026-03-02T10:00:00Z','lines':[{'line':1,"
                              "'item':'I','quantity':'5'}]}");
    assert_code(w, more, "TRANSFER_SURPLUS");
    int64_t all = world_send(w, "transfer", "%s",
                             "{'transfer_no':'T1','from_site':'S','to_site':'B','movement':"
                             "'received','moved_at':'2026-03-02T10:00:00Z','lines':[{'line':1,"
                             "'item':'I','quantity':'4'}]}");
    assert_result(w, all, "posted");
    assert_string_equal(world_balance(w, "GIT"), "0.00");
    finish(w);
}

static int64_t manual(world *w, const char *actor, const char *number)
{
    return world_send_as(
        w, actor, "journal_entry",
        "{'entry_no':'%s','date':'2026-03-31','currency':'USD','prepared_by':'ann',"
        "'lines':[{'account':'6000','debit':'10.5'},{'account':'2100','credit':"
        "'10.50'}]}",
        number);
}

static void a_prepared_entry_is_posted_by_another_person(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    assert_code(w, manual(w, "ann", "J1"), "SAME_PERSON");
    assert_result(w, manual(w, "bob", "J1"), "posted");
    assert_journal(w, 1, "6000 10.50 | 2100 10.50");
    assert_result(w, manual(w, "bob", "J1"), "duplicate");
    int64_t foreign = world_send(w, "journal_entry",
                                 "{'entry_no':'J2','date':'2026-03-31','currency':'EUR','lines':[{"
                                 "'account':'1','debit':'1'},{'account':'2','credit':'1'}]}");
    assert_code(w, foreign, "UNBALANCED");
    int64_t fine = world_send(w, "journal_entry",
                              "{'entry_no':'J3','date':'2026-03-31','currency':'USD','lines':[{"
                              "'account':'1','debit':'1.005'},{'account':'2','credit':'1.005'}]}");
    assert_code(w, fine, "UNBALANCED"); /* there is no half cent */
    finish(w);
}

static int64_t charge_credit(world *w, const char *number, const char *reference)
{
    return world_send(w, "credit_memo",
                      "{'credit_memo':'%s','supplier':'V','currency':'USD','credit_date':"
                      "'2026-03-04','kind':'charge'%s,'lines':[{'line':1,'quantity':'1',"
                      "'unit_price':'30'}]}",
                      number, reference);
}

static void a_charge_credit_takes_the_charge_off(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "20", "10");
    world_receive(w, "R1", "20");
    world_invoice(w, "B1", "10", "10", ",'charges':[{'code':'freight','amount':'30'}]");
    assert_string_equal(world_status(w, "B1"), "HELD");
    charge_credit(w, "C1", ",'invoice':'B1'");
    assert_string_equal(world_status(w, "B1"), "MATCHED");
    assert_journal(w, 2, "GRNI 100.00 | AP 100.00");
    charge_credit(w, "C2", ""); /* names no invoice: posted for itself */
    assert_journal(w, 3, "AP 30.00 | LCC 30.00");
    world_credit(w, "C3", "5", "10", ",'invoice':'B9'");
    assert_int_equal(world_count(w, XD_STATE_PARKED), 1);
    finish(w);
}

/* --- messages --- */

static void assert_told(world *w, int64_t seq, xd_message message, const char *part)
{
    xd_arena arena;
    xd_buf buf;
    const xd_json *effect = NULL;
    xd_fault fault = XD_FAULT_NONE;
    xd_arena_init(&arena, 1 << 20);
    xd_buf_init(&buf, 1 << 20);
    assert_int_equal(xd_json_parse(xd_str_from(world_effect(w, seq)), XD_JSON_LIMITS_DEFAULT,
                                   &arena, &effect, &fault),
                     XD_OK);
    assert_int_equal(xd_flow_render(message, world_event(w, seq), effect, &buf, &fault), XD_OK);
    xd_buf_char(&buf, '\0');
    if (!strstr(buf.ptr, part)) {
        fail_msg("%s lacks %s", buf.ptr, part);
    }
    xd_buf_finish(&buf);
    xd_arena_finish(&arena);
}

static void every_message_says_what_happened(void **state)
{
    (void)state;
    world *w = world_create(
        "{'duplicate_days':0,'systems':[{'name':'all','receives':['inventory','receipt_status',"
        "'journal','order','order_status','invoice_status','master']}]}");
    int64_t item = world_send(w, "item", "{'item':'I','uom':'EA'}");
    assert_told(w, item, XD_MESSAGE_MASTER, "\"document\":\"MASTER\"");
    int64_t order = world_order(w, "10", "10");
    assert_told(w, order, XD_MESSAGE_ORDER, "\"data\":{\"po\":\"P\"");
    int64_t change = world_reprice(w, "9");
    assert_told(w, change, XD_MESSAGE_ORDER_STATUS, "\"outcome\":{\"flow\":\"order_change\"");
    int64_t invoice = world_invoice(w, "B1", "6", "9", "");
    assert_told(w, invoice, XD_MESSAGE_INVOICE_STATUS,
                "\"invoices\":[{\"key\":\"V/B1/2026\",\"invoice\":\"B1\",\"supplier\":\"V\","
                "\"currency\":\"USD\",\"status\":\"PARKED\",\"total\":\"54.00\",\"holds\":[{\"id\":"
                "\"V/B1/2026/1/QUANTITY_RECEIVED\",\"code\":\"QUANTITY_RECEIVED\",\"line\":1,"
                "\"change\":\"placed\"");
    int64_t receipt = world_receive(w, "R1", "6");
    assert_int_equal(world_last_step(w)->delivery_count, 4);
    assert_told(w, receipt, XD_MESSAGE_INVOICE_STATUS, "\"status\":\"MATCHED\"");
    assert_told(w, receipt, XD_MESSAGE_JOURNAL, "\"kind\":\"goods_receipt\"");
    assert_told(w, receipt, XD_MESSAGE_JOURNAL, "\"kind\":\"invoice\",\"document\":\"V/B1/2026\"");
    int64_t back = world_return(w, "X1", "1");
    assert_told(w, back, XD_MESSAGE_INVENTORY, "\"movement\":\"122\"");
    assert_told(w, back, XD_MESSAGE_RECEIPT_STATUS, "\"result\":\"RETURNED\"");
    assert_told(w, back, XD_MESSAGE_JOURNAL, "\"kind\":\"supplier_return\"");
    int64_t undone = world_reverse(w, "R2", "1");
    assert_told(w, undone, XD_MESSAGE_INVENTORY, "\"movement\":\"102\"");
    int64_t shipment = world_ship(w, "S1", "2");
    assert_told(w, shipment, XD_MESSAGE_INVENTORY, "\"data\":{\"shipment_no\":\"S1\"");
    world_destroy(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_found_needs_a_cost),
        cmocka_unit_test(nobody_approves_their_own_adjustment),
        cmocka_unit_test(more_cannot_arrive_than_was_shipped),
        cmocka_unit_test(a_prepared_entry_is_posted_by_another_person),
        cmocka_unit_test(a_charge_credit_takes_the_charge_off),
        cmocka_unit_test(every_message_says_what_happened),
    };
    return cmocka_run_group_tests_name("movement", tests, NULL, NULL);
}
