/* The audit: a run in which everything arrived is clean, and each way to go wrong is found. */
#include "sim/audit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ORDERS = 12, TEXT_MAX = 1024 };

/* A run whose messages the test delivers in the hub's stead. */
typedef struct scene {
    xd_plan plan;
    xd_published published;
    xd_book book;
    xd_arena arena;
    int64_t seq;
    int64_t number; /* of journal entries */
} scene;

static void open_scene(scene *s)
{
    *s = (scene){0};
    assert_int_equal(xd_plan_make(11, ORDERS, &s->plan, NULL), XD_OK);
    assert_int_equal(xd_book_init(&s->book, NULL, NULL), XD_OK);
    xd_arena_init(&s->arena, 4 << 20);
    s->published.accepted = calloc(s->plan.document_count, sizeof *s->published.accepted);
    assert_non_null(s->published.accepted);
    for (uint32_t i = 0; i < s->plan.document_count; i++) {
        s->published.accepted[i] = true;
    }
}

static void close_scene(scene *s)
{
    xd_published_finish(&s->published);
    xd_book_finish(&s->book);
    xd_plan_finish(&s->plan);
    xd_arena_finish(&s->arena);
}

static void take(scene *s, xd_party party, const char *key, const char *body)
{
    const xd_json *root;
    xd_str text = xd_str_from(body);
    assert_int_equal(xd_json_parse(text, XD_JSON_LIMITS_DEFAULT, &s->arena, &root, NULL), XD_OK);
    assert_int_equal(
        xd_book_take(&s->book, party, xd_str_from(key), XD_STR("/x"), root, text, NULL), XD_OK);
}

/* Delivers the message that tells one party of one receipt. */
static void tell(scene *s, xd_party party, const xd_document *receipt, int64_t seq,
                 const char *credit)
{
    static const char *const documents[] = {"GOODS_MOVEMENT", "RECEIPT_STATUS", "JOURNAL"};
    char body[TEXT_MAX];
    char key[64];
    char entry[TEXT_MAX / 2] = "";
    if (party == XD_PARTY_FINANCE) {
        snprintf(entry, sizeof entry,
                 ",\"entries\":[{\"number\":%lld,\"date\":\"2026-03-01\",\"po\":\"%u\",\"lines\":["
                 "{\"account\":\"a\",\"debit\":\"0.30\"},{\"account\":\"b\",\"credit\":\"0.10\"},"
                 "{\"account\":\"c\",\"credit\":\"%s\"}]}]",
                 (long long)++s->number, receipt->order, credit);
    }
    snprintf(body, sizeof body,
             "{\"id\":\"x\",\"document\":\"%s\",\"kind\":\"goods_receipt\",\"reference\":\"%.*s\","
             "\"seq\":%lld,\"po\":\"%u\"%s}",
             documents[party], XD_FMT(receipt->number), (long long)seq, receipt->order, entry);
    snprintf(key, sizeof key, "cd-%lld-%d", (long long)seq, (int)party);
    take(s, party, key, body);
}

static void tell_all(scene *s, const xd_document *receipt)
{
    s->seq++;
    for (xd_party party = XD_PARTY_ERP; party <= XD_PARTY_FINANCE; party++) {
        tell(s, party, receipt, s->seq, "0.20");
    }
}

/* The receipts of the plan, one after the other; NULL when there are no more. */
static const xd_document *next_receipt(const scene *s, uint32_t *at)
{
    while (*at < s->plan.document_count) {
        const xd_document *document = &s->plan.documents[(*at)++];
        if (document->role == XD_ROLE_RECEIPT && !document->repeat) {
            return document;
        }
    }
    return NULL;
}

/* Delivers everything but the first receipt, which is returned. */
static const xd_document *tell_all_but_first(scene *s)
{
    uint32_t at = 0;
    const xd_document *first = next_receipt(s, &at);
    for (const xd_document *r; (r = next_receipt(s, &at));) {
        tell_all(s, r);
    }
    return first;
}

static xd_audit look(scene *s)
{
    xd_audit audit;
    assert_int_equal(xd_audit_look(&s->plan, &s->published, &s->book, 0, &audit, NULL), XD_OK);
    return audit;
}

static void a_run_in_which_all_arrived_is_clean(void **state)
{
    (void)state;
    scene s;
    open_scene(&s);
    tell_all(&s, tell_all_but_first(&s));
    xd_audit audit = look(&s);
    assert_true(xd_audit_clean(&audit));
    assert_true(audit.expected >= ORDERS);
    assert_int_equal(audit.journals, audit.expected);
    close_scene(&s);
}

static void what_did_not_arrive_is_lost_unless_the_hub_never_acknowledged_it(void **state)
{
    (void)state;
    scene s;
    open_scene(&s);
    const xd_document *first = tell_all_but_first(&s);
    tell(&s, XD_PARTY_ERP, first, 900, "0.20");
    xd_audit audit = look(&s);
    assert_int_equal(audit.lost, 2);
    assert_int_equal(audit.parties[XD_PARTY_ERP].missing, 0);
    assert_int_equal(audit.parties[XD_PARTY_FINANCE].missing, 1);
    assert_false(xd_audit_complete(&audit));
    s.published.accepted[first - s.plan.documents] = false;
    audit = look(&s);
    assert_int_equal(audit.lost, 0);
    close_scene(&s);
}

static void one_receipt_under_two_keys_is_told_twice(void **state)
{
    (void)state;
    scene s;
    open_scene(&s);
    const xd_document *first = tell_all_but_first(&s);
    tell_all(&s, first);
    tell(&s, XD_PARTY_PROCUREMENT, first, 901, "0.20");
    xd_audit audit = look(&s);
    assert_int_equal(audit.duplicated, 1);
    assert_false(xd_audit_clean(&audit));
    close_scene(&s);
}

static void repeats_count_and_another_body_under_a_known_key_conflicts(void **state)
{
    (void)state;
    scene s;
    open_scene(&s);
    const xd_document *first = tell_all_but_first(&s);
    tell_all(&s, first);
    tell(&s, XD_PARTY_ERP, first, s.seq, "0.20");
    xd_audit audit = look(&s);
    assert_int_equal(audit.repeats, 1);
    assert_int_equal(audit.conflicting, 0);
    assert_false(xd_audit_clean(&audit));
    audit.repeats_allowed = 1;
    assert_true(xd_audit_clean(&audit));
    take(&s, XD_PARTY_ERP, "cd-1-0", "{\"document\":\"OTHER\",\"seq\":1}");
    audit = look(&s);
    assert_int_equal(audit.conflicting, 1);
    close_scene(&s);
}

static void journals_must_balance_exactly_and_have_no_gaps(void **state)
{
    (void)state;
    scene s;
    open_scene(&s);
    const xd_document *first = tell_all_but_first(&s);
    s.number++; /* one number is never told */
    s.seq++;
    tell(&s, XD_PARTY_ERP, first, s.seq, "0.20");
    tell(&s, XD_PARTY_PROCUREMENT, first, s.seq, "0.20");
    tell(&s, XD_PARTY_FINANCE, first, s.seq, "0.2000000000000000001");
    xd_audit audit = look(&s);
    assert_int_equal(audit.unbalanced, 1);
    assert_int_equal(audit.gaps, 1);
    assert_int_equal(audit.lost, 0);
    assert_false(xd_audit_clean(&audit));
    close_scene(&s);
}

static void an_earlier_receipt_of_the_same_order_may_not_arrive_later(void **state)
{
    (void)state;
    scene s;
    open_scene(&s);
    const xd_document late = {.number = XD_STR("GR-B"), .order = 77};
    const xd_document early = {.number = XD_STR("GR-A"), .order = 77};
    const xd_document other = {.number = XD_STR("GR-C"), .order = 78};
    tell(&s, XD_PARTY_ERP, &late, 5, "0.20");
    tell(&s, XD_PARTY_ERP, &other, 3, "0.20");
    take(&s, XD_PARTY_ERP, "k",
         "{\"document\":\"INVOICE_STATUS\",\"kind\":\"goods_receipt\",\"seq\":5}");
    take(&s, XD_PARTY_ERP, "l",
         "{\"document\":\"INVOICE_STATUS\",\"kind\":\"goods_receipt\",\"seq\":4}");
    xd_audit audit = look(&s);
    assert_int_equal(audit.out_of_order, 0);
    tell(&s, XD_PARTY_ERP, &early, 4, "0.20");
    audit = look(&s);
    assert_int_equal(audit.out_of_order, 1);
    close_scene(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_in_which_all_arrived_is_clean),
        cmocka_unit_test(what_did_not_arrive_is_lost_unless_the_hub_never_acknowledged_it),
        cmocka_unit_test(one_receipt_under_two_keys_is_told_twice),
        cmocka_unit_test(repeats_count_and_another_body_under_a_known_key_conflicts),
        cmocka_unit_test(journals_must_balance_exactly_and_have_no_gaps),
        cmocka_unit_test(an_earlier_receipt_of_the_same_order_may_not_arrive_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
