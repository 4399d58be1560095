/* Orders: versions, freeze rules, approval, what suppliers answer, master data; and deliveries with
 * their dead letters. */
#include "flow/world_test.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void finish(world *w)
{
    world_audit(w);
    world_destroy(w);
}

#define assert_result(w, seq, result)                                                              \
    assert_string_equal(world_effect_member((w), (seq), "result"), (result))
#define assert_code(w, seq, code)                                                                  \
    assert_string_equal(world_effect_member((w), (seq), "code"), (code))

static int64_t change(world *w, int based_on, int version, const char *line)
{
    return world_send(
        w, "order_change",
        "{'po':'P','based_on':%d,'version':%d,'requested_by':'bob','lines':[{'po_line'"
        ":10,%s}]}",
        based_on, version, line);
}

static const char *ordered(world *w, const char *member)
{
    static char text[64];
    xd_arena arena;
    const xd_json *json = NULL;
    xd_arena_init(&arena, 1 << 16);
    const char *order = world_get(w, XD_STATE_ORDER_LINE, "P/10", "order");
    assert_int_equal(xd_json_parse(xd_str_from(order), XD_JSON_LIMITS_DEFAULT, &arena, &json, NULL),
                     XD_OK);
    xd_str value = xd_json_get_text(json, xd_str_from(member));
    assert_true(value.len < sizeof text);
    memcpy(text, value.ptr ? value.ptr : "", value.len);
    text[value.len] = '\0';
    xd_arena_finish(&arena);
    return text;
}

/* --- versions --- */

static void a_change_names_the_version_it_is_based_on(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "100", "10");
    assert_result(w, change(w, 1, 2, "'action':'change','quantity':'80'"), "applied");
    assert_string_equal(ordered(w, "quantity"), "80");
    assert_result(w, change(w, 1, 2, "'action':'change','quantity':'80'"), "duplicate");
    int64_t stale = change(w, 1, 3, "'action':'change','quantity':'90'");
    assert_code(w, stale, "STALE_VERSION");
    assert_string_equal(world_get(w, XD_STATE_ORDER_CHANGE, "P/3", "status"), "REJECTED");
    assert_string_equal(ordered(w, "quantity"), "80");
    assert_code(w, change(w, 1, 2, "'action':'change','quantity':'70'"), "STALE_VERSION");
    assert_string_equal(world_get(w, XD_STATE_ORDER_CHANGE, "P/2", "status"), "ACCEPTED");
    finish(w);
}

static void an_order_is_taken_once_per_version(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "100", "10");
    assert_result(w, world_order(w, "100", "10"), "duplicate");
    assert_code(w, world_order(w, "100", "11"), "DUPLICATE_CONFLICT");
    int64_t next = world_send(w, "purchase_order",
                              "{'po':'P','supplier':'V','site':'S','currency':'USD','version':3,"
                              "'lines':[{'po_line':10,'item':'I','quantity':'70','unit_price':"
                              "'9'}]}");
    assert_result(w, next, "applied");
    assert_string_equal(ordered(w, "unit_price"), "9");
    assert_code(w, change(w, 1, 2, "'action':'change','quantity':'50'"), "STALE_VERSION");
    finish(w);
}

static void a_proposal_changes_nothing_until_it_is_approved(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "100", "10");
    int64_t proposal =
        world_send(w, "order_change",
                   "{'po':'P','based_on':1,'version':2,'status':'proposed','lines':[{"
                   "'po_line':10,'action':'change','quantity':'50'}]}");
    assert_result(w, proposal, "noted");
    assert_string_equal(ordered(w, "quantity"), "100");
    int64_t approved =
        world_send(w, "order_change",
                   "{'po':'P','based_on':1,'version':2,'status':'approved','lines':[{"
                   "'po_line':10,'action':'change','quantity':'50'}]}");
    assert_result(w, approved, "applied");
    assert_string_equal(ordered(w, "quantity"), "50");
    finish(w);
}

/* --- freeze rules --- */

static void what_was_received_or_billed_stays_ordered(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "100", "10");
    world_receive(w, "R1", "60");
    world_return(w, "X1", "10");
    assert_code(w, change(w, 1, 2, "'action':'change','quantity':'49.9'"), "QUANTITY_BELOW_DONE");
    assert_result(w, change(w, 1, 3, "'action':'change','quantity':'50'"), "applied");
    world_invoice(w, "B1", "50", "10", "");
    assert_code(w, change(w, 3, 4, "'action':'cancel'"), "QUANTITY_BELOW_DONE");
    assert_code(w, change(w, 3, 5, "'action':'change','item':'J'"), "FROZEN");
    assert_code(w, change(w, 3, 6, "'action':'change','uom':'CS'"), "FROZEN");
    assert_code(w, change(w, 3, 7, "'action':'add','unit_price':'1'"), "ORDER_LINE_EXISTS");
    assert_string_equal(world_get(w, XD_STATE_PURCHASE_ORDER, "P", "version"), "3");
    finish(w);
}

static void an_order_in_a_foreign_currency_is_refused(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    int64_t seq = world_send(w, "purchase_order",
                             "{'po':'P','supplier':'V','site':'S','currency':'EUR','lines':[{"
                             "'po_line':10,'quantity':'1','unit_price':'1'}]}");
    assert_code(w, seq, "ORDER_CURRENCY");
    assert_false(world_has(w, XD_STATE_PURCHASE_ORDER, "P"));
    finish(w);
}

/* --- approval --- */

static void an_invoice_waits_for_the_orders_approval(void **state)
{
    (void)state;
    world *w = world_create("{'duplicate_days':0,'tolerances':{'price':{}}}");
    world_order(w, "10", "10");
    world_receive(w, "R1", "5");
    assert_result(w, change(w, 1, 2, "'action':'change','unit_price':'11'"), "applied");
    assert_string_equal(world_get(w, XD_STATE_PURCHASE_ORDER, "P", "status"), "PENDING_APPROVAL");
    world_invoice(w, "B1", "5", "10", "");
    assert_string_equal(world_hold(w, "B1", "1/ORDER_NOT_APPROVED", "status"), "OPEN");
    world_send(
        w, "purchase_order",
        "{'po':'P','supplier':'V','site':'S','currency':'USD','version':3,'created_by':'bob',"
        "'approved_by':'bob','lines':[{'po_line':10,'item':'I','quantity':'10','unit_price':"
        "'11'}]}");
    assert_string_equal(world_status(w, "B1"), "HELD"); /* nobody approves their own order */
    world_send(
        w, "purchase_order",
        "{'po':'P','supplier':'V','site':'S','currency':'USD','version':4,'created_by':'bob',"
        "'approved_by':'ann','lines':[{'po_line':10,'item':'I','quantity':'10','unit_price':"
        "'11'}]}");
    assert_string_equal(world_status(w, "B1"), "MATCHED");
    finish(w);
}

/* --- what suppliers answer --- */

static void an_acknowledgement_that_differs_needs_a_buyer(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    int64_t early = world_send(w, "acknowledgement",
                               "{'po':'P','acknowledgement_no':'A1','lines':[{'po_line':10,'code':"
                               "'IA'}]}");
    assert_result(w, early, "parked");
    world_order(w, "10", "10");
    assert_result(w, early, "applied");
    int64_t differs =
        world_send(w, "acknowledgement",
                   "{'po':'P','acknowledgement_no':'A2','lines':[{'po_line':10,'code':"
                   "'IP','unit_price':'12'}]}");
    assert_code(w, differs, "ACKNOWLEDGED_DIFFERENTLY");
    assert_string_equal(world_get(w, XD_STATE_ACKNOWLEDGEMENT, "P/A2", "status"), "EXCEPTION");
    assert_string_equal(ordered(w, "unit_price"), "10"); /* only a change changes the order */
    finish(w);
}

static void a_ship_notice_announces_goods(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "10", "10");
    const char *const notice = "{'shipment':'N1','supplier':'V','po':'P','shipped_at':"
                               "'2026-03-01T10:00:00Z','lines':[{'line':1,'po_line':10,'quantity':"
                               "'4'}]}";
    world_send(w, "ship_notice", "%s", notice);
    assert_result(w, world_send(w, "ship_notice", "%s", notice), "duplicate");
    assert_string_equal(world_get(w, XD_STATE_ORDER_LINE, "P/10", "shipped"), "4");
    assert_string_equal(world_get(w, XD_STATE_SHIP_NOTICE, "V/N1", "status"), "EXPECTED");
    finish(w);
}

/* --- master data --- */

static void masters_are_versioned_and_effective_dated(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_send(w, "item", "{'item':'I','uom':'EA','description':'a','valid_from':'2026-02-01'}");
    world_send(w, "item", "{'item':'I','uom':'EA','description':'b','valid_from':'2026-03-01'}");
    int64_t late = world_send(w, "item",
                              "{'item':'I','uom':'EA','description':'c','valid_from':"
                              "'2026-01-01'}");
    assert_result(w, late, "noted");
    assert_string_equal(world_get(w, XD_STATE_ITEM, "I", "description"), "b");
    assert_string_equal(world_get(w, XD_STATE_ITEM, "I", "version"), "2");
    finish(w);
}

static void accounts_come_from_the_line_the_category_or_the_role(void **state)
{
    (void)state;
    world *w = world_create("{'accounts':{'INV':'1300'}}");
    world_send(w, "item", "{'item':'I','uom':'EA','category':'PAINT'}");
    world_send(w, "account", "{'role':'INV','category':'PAINT','account':'1350'}");
    world_send(w, "account", "{'role':'GRNI','account':'2110'}");
    world_send(w, "purchase_order",
               "{'po':'P','supplier':'V','site':'S','currency':'USD','lines':[{'po_line':10,'item':"
               "'I','quantity':'1','unit_price':'1'},{'po_line':20,'item':'J','quantity':'1',"
               "'unit_price':'2'},{'po_line':30,'gl':'6100','quantity':'1','unit_price':'4'}]}");
    world_send(w, "goods_receipt",
               "{'receipt_no':'R1','purchase_order':'P','site':'S','received_at':'2026-03-01T10:00:"
               "00Z','lines':[{'line':1,'po_line':10,'quantity':'1'},{'line':2,'po_line':20,"
               "'quantity':'1'},{'line':3,'po_line':30,'quantity':'1'}]}");
    assert_string_equal(world_balances(w), "1300 2.00 1350 1.00 2110 -7.00 6100 4.00 ");
    world_destroy(w);
}

/* --- deliveries --- */

static void outcomes_settle_deliveries_and_people_decide_on_dead_letters(void **state)
{
    (void)state;
    world *w =
        world_create("{'systems':[{'name':'erp','receives':['inventory']},{'name':'buy',"
                     "'receives':['receipt_status']},{'name':'fin','receives':['journal']}]}");
    const char *row = "0000000000000002";
    world_order(w, "10", "10");
    world_receive(w, "R1", "1");
    world_send(w, "hub_outcomes",
               "{'ok':['2.0'],'failed':[{'id':'2.1','system':'buy','order_key':'P','message':"
               "'receipt_status','class':'dead','reason':'http 422','status':422,'attempts':3}]}");
    assert_string_equal(world_get(w, XD_STATE_OUTBOX, row, "to"), "[[2,\"fin\",\"journal\"]]");
    assert_string_equal(world_get(w, XD_STATE_DEAD, "2.1", "reason"), "http 422");
    world_send(w, "hub_outcomes", "{'ok':['2.2','2.0']}"); /* told twice: no harm */
    assert_false(world_has(w, XD_STATE_OUTBOX, row));

    assert_result(w, world_send(w, "hub_dead_letter", "{'delivery':'2.1','decision':'retry'}"),
                  "refused");
    int64_t retry = world_send(w, "hub_dead_letter",
                               "{'delivery':'2.1','decision':'retry','person':'ann','reason':"
                               "'fixed there'}");
    assert_result(w, retry, "applied");
    const xd_step *step = world_last_step(w);
    assert_int_equal(step->delivery_count, 1);
    assert_int_equal(step->deliveries[0].seq, 2);
    assert_int_equal(step->deliveries[0].index, 1);
    assert_false(world_has(w, XD_STATE_DEAD, "2.1"));
    assert_string_equal(world_get(w, XD_STATE_OUTBOX, row, "to"),
                        "[[1,\"buy\",\"receipt_status\",\"P\"]]");

    world_send(w, "hub_outcomes",
               "{'failed':[{'id':'2.1','class':'unknown','reason':'timeout','attempts':12}]}");
    world_send(w, "hub_dead_letter",
               "{'delivery':'2.1','decision':'drop','person':'ann','reason':'told them by phone'}");
    assert_string_equal(world_get(w, XD_STATE_DEAD, "2.1", "state"), "dropped");
    assert_string_equal(world_get(w, XD_STATE_DEAD, "2.1", "drop_reason"), "told them by phone");
    assert_result(
        w, world_send(w, "hub_dead_letter", "{'delivery':'2.1','decision':'retry','person':'ann'}"),
        "refused");
    world_destroy(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_names_the_version_it_is_based_on),
        cmocka_unit_test(an_order_is_taken_once_per_version),
        cmocka_unit_test(a_proposal_changes_nothing_until_it_is_approved),
        cmocka_unit_test(what_was_received_or_billed_stays_ordered),
        cmocka_unit_test(an_order_in_a_foreign_currency_is_refused),
        cmocka_unit_test(an_invoice_waits_for_the_orders_approval),
        cmocka_unit_test(an_acknowledgement_that_differs_needs_a_buyer),
        cmocka_unit_test(a_ship_notice_announces_goods),
        cmocka_unit_test(masters_are_versioned_and_effective_dated),
        cmocka_unit_test(accounts_come_from_the_line_the_category_or_the_role),
        cmocka_unit_test(outcomes_settle_deliveries_and_people_decide_on_dead_letters),
    };
    return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}
