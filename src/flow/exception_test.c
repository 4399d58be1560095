/* Exceptions: what a person decides about them, and what of it is kept. */
#include "flow/world_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define settle(w, id, person)                                                                      \
    world_send((w), "hub_exception",                                                               \
               "{'exception':'%lld','decision':'settle','person':'%s','reason':'sent back'}",      \
               (long long)(id), (person))

static int64_t receive(world *w, const char *receipt, const char *item)
{
    return world_send(w, "goods_receipt",
                      "{'receipt_no':'%s','purchase_order':'P','site':'S','received_at':"
                      "'2026-03-01T10:00:00Z','lines':[{'line':1,'po_line':10,'quantity':'1',"
                      "'item':'%s'}]}",
                      receipt, item);
}

/* Raises one: a receipt of another item than was ordered. Its number. */
static int64_t raise_one(world *w, const char *receipt)
{
    return receive(w, receipt, "OTHER");
}

static int64_t adjust(world *w, const char *approved_by)
{
    return world_send(w, "adjustment",
                      "{'adjustment_no':'A1','site':'S','adjusted_at':'2026-03-02T10:00:00Z',"
                      "'adjusted_by':'ann','approved_by':'%s','lines':[{'line':1,'item':'I',"
                      "'quantity':'1','reason':'found'}]}",
                      approved_by);
}

static int64_t credit(world *w, const char *currency)
{
    return world_send(w, "credit_memo",
                      "{'credit_memo':'C1','supplier':'V','po':'P','currency':'%s','credit_date':"
                      "'2026-03-04','kind':'price','invoice':'B1','lines':[{'line':1,'po_line':10,"
                      "'quantity':'1','unit_price':'0.50'}]}",
                      currency);
}

static const char *member(world *w, int64_t id, const char *name)
{
    char key[17];
    snprintf(key, sizeof key, "%016llx", (unsigned long long)id);
    return world_get(w, XD_STATE_EXCEPTION, key, name);
}

static void a_person_settles_an_exception_and_says_how(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "10", "10");
    int64_t id = raise_one(w, "R1");
    int64_t other = raise_one(w, "R2");
    assert_string_equal(member(w, id, "status"), "open");
    int64_t decision = settle(w, id, "ann");
    assert_string_equal(world_effect_member(w, decision, "result"), "applied");
    assert_string_equal(world_effect_member(w, decision, "reason"), "settled by ann: sent back");
    assert_string_equal(member(w, id, "status"), "settled");
    assert_string_equal(member(w, id, "settled_by"), "ann");
    assert_string_equal(member(w, id, "settled_reason"), "sent back");
    assert_string_equal(member(w, id, "settled_at"), "2026-03-01T12:00:00Z");
    assert_string_equal(member(w, id, "code"), "ORDER_MISMATCH");
    assert_string_equal(member(w, id, "key"), "R1");
    assert_string_equal(member(w, other, "status"), "open");
    assert_int_equal(world_journals(w), 0); /* a decision moves neither goods nor money */
    world_destroy(w);
}

static void what_cannot_be_decided_is_refused_with_its_reason(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    world_order(w, "10", "10");
    int64_t id = raise_one(w, "R1");
    const struct {
        const char *data, *reason;
    } cases[] = {
        {"{'exception':'999','decision':'settle','person':'ann'}", "there is no exception 999"},
        {"{'exception':'0002x','decision':'settle','person':'ann'}", "there is no exception 0002x"},
        {"{'exception':'2','decision':'forget','person':'ann'}",
         "the decision must be settle, not forget"},
    };
    assert_int_equal(id, 2);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t seq = world_send(w, "hub_exception", "%s", cases[i].data);
        assert_string_equal(world_effect_member(w, seq, "result"), "refused");
        assert_string_equal(world_effect_member(w, seq, "reason"), cases[i].reason);
        assert_string_equal(member(w, id, "status"), "open");
    }
    int64_t nobody = world_send_as(w, "", "hub_exception", "{'exception':'2','decision':'settle'}");
    assert_string_equal(world_effect_member(w, nobody, "reason"),
                        "a decision needs the name of the person who takes it");
    settle(w, id, "ann");
    int64_t again = settle(w, id, "bob");
    assert_string_equal(world_effect_member(w, again, "reason"),
                        "exception 2 is not open: ann settled it");
    assert_string_equal(member(w, id, "settled_by"), "ann");
    world_destroy(w);
}

static void a_document_sent_again_settles_its_exception(void **state)
{
    (void)state;
    world *w = world_create("{'edition':4}");
    world_order(w, "10", "10");
    int64_t first = raise_one(w, "R1");
    int64_t other = raise_one(w, "R2");
    int64_t second = raise_one(w, "R1"); /* as wrong as before */
    assert_string_equal(member(w, first, "status"), "settled");
    assert_string_equal(member(w, first, "settled_by"), "system");
    assert_string_equal(member(w, first, "settled_reason"), "sent again as event 4");
    assert_string_equal(member(w, second, "status"), "open");
    int64_t third = receive(w, "R1", "I");
    assert_string_equal(world_effect_member(w, third, "result"), "posted");
    assert_string_equal(member(w, second, "status"), "settled");
    assert_string_equal(member(w, other, "status"), "open");
    /* Movements and credit memos too. */
    int64_t adjusted = adjust(w, "ann");
    int64_t credited = credit(w, "EUR");
    assert_string_equal(member(w, adjusted, "code"), "SAME_PERSON");
    assert_string_equal(member(w, credited, "code"), "ORDER_CURRENCY");
    adjust(w, "bob");
    credit(w, "USD");
    assert_string_equal(member(w, adjusted, "status"), "settled");
    assert_string_equal(member(w, credited, "status"), "settled");
    world_destroy(w);
}

static void what_an_older_log_led_to_stays_as_it_was(void **state)
{
    (void)state;
    world *w = world_create("{'edition':3}");
    world_order(w, "10", "10");
    int64_t id = raise_one(w, "R1");
    receive(w, "R1", "I");
    assert_string_equal(member(w, id, "status"), "open");
    world_destroy(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_sent_again_settles_its_exception),
        cmocka_unit_test(what_an_older_log_led_to_stays_as_it_was),
        cmocka_unit_test(a_person_settles_an_exception_and_says_how),
        cmocka_unit_test(what_cannot_be_decided_is_refused_with_its_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
