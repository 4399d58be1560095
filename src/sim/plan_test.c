/* Plans: every document is a valid event, and a seed always gives the same bytes. */
#include "sim/plan.h"

#include "canon/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ORDERS = 400 };

static void make(uint64_t seed, uint32_t orders, xd_plan *ret)
{
    xd_fault fault = XD_FAULT_NONE;
    if (xd_plan_make(seed, orders, ret, &fault) != XD_OK) {
        fail_msg("%s", fault.text);
    }
}

/* Reads every document as the hub would; counts them by kind. */
static void count_kinds(const xd_plan *plan, uint32_t counts[XD_KIND_LIMIT])
{
    xd_arena arena;
    xd_arena_init(&arena, 8 << 20);
    for (uint32_t i = 0; i < plan->document_count; i++) {
        const xd_document *document = &plan->documents[i];
        const xd_json *root;
        xd_event event;
        xd_fault fault = XD_FAULT_NONE;
        xd_arena_reset(&arena);
        if (xd_json_parse(document->text, XD_JSON_LIMITS_DEFAULT, &arena, &root, &fault) != XD_OK ||
            xd_event_from_cloudevent(root, document->text, &arena, &event, &fault) != XD_OK) {
            fail_msg("%s at %s: %.*s", fault.text, fault.path, XD_FMT(document->text));
        }
        counts[event.kind->kind] += !document->repeat;
        if (document->role == XD_ROLE_RECEIPT) {
            assert_int_equal(event.kind->kind, XD_KIND_GOODS_RECEIPT);
            assert_true(xd_str_eq(event.key, document->number));
        }
    }
    xd_arena_finish(&arena);
}

static void every_document_is_a_valid_event_and_all_kinds_occur(void **state)
{
    (void)state;
    static const xd_kind wanted[] = {
        XD_KIND_ITEM,          XD_KIND_SUPPLIER,        XD_KIND_SITE,
        XD_KIND_UOM,           XD_KIND_ACCOUNT,         XD_KIND_PURCHASE_ORDER,
        XD_KIND_ORDER_CHANGE,  XD_KIND_ACKNOWLEDGEMENT, XD_KIND_SHIP_NOTICE,
        XD_KIND_GOODS_RECEIPT, XD_KIND_SALES_SHIPMENT,  XD_KIND_SUPPLIER_INVOICE,
        XD_KIND_CREDIT_MEMO,   XD_KIND_PAYMENT_STATUS};
    for (uint64_t seed = 0; seed < 4; seed++) {
        uint32_t counts[XD_KIND_LIMIT] = {0};
        xd_plan plan;
        make(seed * UINT64_C(4611686018427387905), ORDERS, &plan);
        count_kinds(&plan, counts);
        for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
            assert_true(counts[wanted[i]] > 0);
        }
        assert_int_equal(counts[XD_KIND_PURCHASE_ORDER], ORDERS);
        assert_true(counts[XD_KIND_GOODS_RECEIPT] > ORDERS);
        xd_plan_finish(&plan);
    }
}

static void the_same_seed_gives_the_same_bytes_and_another_gives_others(void **state)
{
    (void)state;
    xd_plan a;
    xd_plan b;
    xd_plan other;
    make(7, 60, &a);
    make(7, 60, &b);
    make(8, 60, &other);
    assert_int_equal(a.document_count, b.document_count);
    assert_int_equal(a.sending_count, b.sending_count);
    for (uint32_t i = 0; i < a.document_count; i++) {
        assert_true(xd_str_eq(a.documents[i].text, b.documents[i].text));
    }
    for (uint32_t i = 0; i < a.sending_count; i++) {
        assert_int_equal(a.sendings[i].count, b.sendings[i].count);
        assert_int_equal(a.sendings[i].mode, b.sendings[i].mode);
    }
    assert_false(xd_str_eq(a.documents[0].text, other.documents[0].text));
    xd_plan_finish(&a);
    xd_plan_finish(&b);
    xd_plan_finish(&other);
}

static void requests_cover_all_documents_once_and_speak_for_one_source(void **state)
{
    (void)state;
    xd_plan plan;
    uint32_t next = 0;
    uint32_t modes[3] = {0};
    make(3, ORDERS, &plan);
    for (uint32_t i = 0; i < plan.sending_count; i++) {
        const xd_sending *sending = &plan.sendings[i];
        assert_int_equal(sending->first, next);
        assert_true(sending->count >= 1);
        for (uint32_t j = 0; j < sending->count; j++) {
            assert_true(xd_str_eq(plan.documents[next].source, plan.documents[next + j].source));
        }
        next += sending->count;
        modes[sending->mode]++;
    }
    assert_int_equal(next, plan.document_count);
    assert_true(modes[XD_MODE_SINGLE] && modes[XD_MODE_BATCH] && modes[XD_MODE_NDJSON]);
    xd_plan_finish(&plan);
}

static void a_receipt_may_be_sent_before_its_order(void **state)
{
    (void)state;
    xd_plan plan;
    uint32_t early = 0;
    make(5, ORDERS, &plan);
    bool *ordered = calloc(ORDERS + 1, sizeof *ordered);
    assert_non_null(ordered);
    for (uint32_t i = 0; i < plan.document_count; i++) {
        const xd_document *document = &plan.documents[i];
        ordered[document->order] = ordered[document->order] || document->role == XD_ROLE_ORDER;
        early += document->role == XD_ROLE_RECEIPT && !ordered[document->order];
    }
    assert_true(early > 0 && early < ORDERS / 4);
    free(ordered);
    xd_plan_finish(&plan);
}

static void too_many_orders_are_refused(void **state)
{
    (void)state;
    xd_plan plan;
    assert_int_equal(xd_plan_make(1, XD_PLAN_MAX_ORDERS + 1, &plan, NULL), XD_LIMIT);
    xd_plan_finish(&plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_document_is_a_valid_event_and_all_kinds_occur),
        cmocka_unit_test(the_same_seed_gives_the_same_bytes_and_another_gives_others),
        cmocka_unit_test(requests_cover_all_documents_once_and_speak_for_one_source),
        cmocka_unit_test(a_receipt_may_be_sent_before_its_order),
        cmocka_unit_test(too_many_orders_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
