/* Records that wait for codes, and the codes: what is missing parks, what comes wakes, and the
 * books are those of a document that was never late. */
#include "base/hash.h"
#include "flow/world_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char MAP[] =
    "{'receipt_no': nr, 'purchase_order': 'P', 'site': $xref('site', 'wms', lager),"
    " 'received_at': '2026-03-01T10:00:00Z', 'lines': [{'line': 1, 'po_line': 10,"
    " 'quantity': $uom(menge, $xref('unit', 'wms', einheit), 'EA')}]}";

static const char HASH[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static void define_map(world *w, const char *hash, const char *text)
{
    /* The map's own quotes are single ones already; a JSON text holds them as they are. */
    char json[2048];
    size_t n = 0;
    for (const char *at = text; *at; at++) {
        n += (size_t)snprintf(json + n, sizeof json - n, *at == '\'' ? "\\u0027" : "%c", *at);
    }
    world_send(w, "hub_map",
               "{'name':'wms','hash':'%s','to':'goods_receipt','text':'%s','layout':null}", hash,
               json);
}

static int64_t record(world *w, const char *number, const char *site, const char *quantity,
                      const char *unit)
{
    return world_send(w, "document",
                      "{'source':'wms','map':'%s','record':{'nr':'%s','lager':'%s','menge':%s,"
                      "'einheit':'%s'},'n':0}",
                      HASH, number, site, quantity, unit);
}

static int64_t code(world *w, const char *table, const char *system, const char *name,
                    const char *value)
{
    return world_send(w, "crosswalk", "{'table':'%s','system':'%s','code':'%s','value':'%s'}",
                      table, system, name, value);
}

static world *begin(void)
{
    world *w = world_create(NULL);
    define_map(w, HASH, MAP);
    world_order(w, "100", "10");
    return w;
}

static void a_record_waits_for_each_code_in_turn_and_then_posts(void **state)
{
    (void)state;
    world *w = begin();
    int64_t seq = record(w, "R1", "L/1", "2", "KAR");
    assert_string_equal(world_effect_member(w, seq, "result"), "parked");
    assert_true(world_has(w, XD_STATE_PARKED, "xref/site/wms/L%2F1/1"));
    code(w, "site", "wms", "L/1", "S");
    assert_true(world_has(w, XD_STATE_PARKED, "xref/unit/wms/KAR/1"));
    code(w, "unit", "wms", "KAR", "CS");
    assert_true(world_has(w, XD_STATE_PARKED, "xref/uom/factor/CS>EA/1"));
    code(w, "uom", "factor", "CS>EA", "12");
    assert_int_equal(world_count(w, XD_STATE_PARKED), 0);
    assert_int_equal(world_count(w, XD_STATE_PARK_QUEUE), 0);
    assert_journal(w, 1, "INV 240.00 | GRNI 240.00");
    assert_string_equal(world_effect_member(w, seq, "flow"), "receiving");
    assert_string_equal(world_effect_member(w, seq, "kind"), "goods_receipt");
    world_audit(w);
    world_destroy(w);
}

/* Every order of two records and their three codes ends in the same books. */
static void books_do_not_depend_on_when_codes_come(void **state)
{
    (void)state;
    char first[4096] = "";
    for (int order = 0; order < 120; order++) {
        world *w = begin();
        int rest = order;
        int left[5] = {0, 1, 2, 3, 4};
        for (int count = 5; count > 0; count--) {
            int at = rest % count;
            rest /= count;
            switch (left[at]) {
            case 0:
                record(w, "R1", "L1", "2", "KAR");
                break;
            case 1:
                code(w, "site", "wms", "L1", "S");
                break;
            case 2:
                code(w, "unit", "wms", "KAR", "CS");
                break;
            case 3:
                record(w, "R2", "L1", "0.5", "KAR");
                break;
            default:
                code(w, "uom", "factor", "CS>EA", "12/1");
                break;
            }
            memmove(left + at, left + at + 1, (size_t)(count - at - 1) * sizeof *left);
        }
        char now[sizeof first];
        snprintf(now, sizeof now, "%s %s %s stock %s %s line %s %d parked %d", world_balances(w),
                 world_get(w, XD_STATE_RECEIPT, "S/R1", "status"),
                 world_get(w, XD_STATE_RECEIPT, "S/R2", "status"),
                 world_get(w, XD_STATE_STOCK, "S/I", "quantity"),
                 world_get(w, XD_STATE_STOCK, "S/I", "value"),
                 world_get(w, XD_STATE_ORDER_LINE, "P/10", "received"), (int)world_journals(w),
                 (int)world_count(w, XD_STATE_PARKED));
        if (order == 0) {
            snprintf(first, sizeof first, "%s", now);
            assert_non_null(strstr(now, "GRNI -300.00 INV 300.00  POSTED POSTED stock 30 "));
        }
        assert_string_equal(now, first);
        world_audit(w);
        world_destroy(w);
    }
}

static void a_mapped_document_may_wait_for_its_order_as_any_other(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    define_map(w, HASH, MAP);
    code(w, "site", "wms", "L1", "S");
    code(w, "unit", "wms", "ST", "EA");
    int64_t seq = record(w, "R1", "L1", "5", "ST");
    assert_string_equal(world_effect_member(w, seq, "result"), "parked");
    assert_string_equal(world_get(w, XD_STATE_PARKED, "purchase_order/P/1", "kind"),
                        "goods_receipt");
    world_order(w, "100", "10");
    assert_journal(w, 1, "INV 50.00 | GRNI 50.00");
    assert_int_equal(world_count(w, XD_STATE_PARKED), 0);
    world_destroy(w);
}

static void a_record_is_mapped_as_of_its_own_day(void **state)
{
    (void)state;
    world *w = begin();
    code(w, "unit", "wms", "ST", "EA");
    world_today(w, "2026-03-05");
    int64_t seq = record(w, "R1", "L1", "5", "ST");
    world_today(w, "2026-04-10");
    world_send(w, "crosswalk",
               "{'table':'site','system':'wms','code':'L1','value':'LATER','valid_from':"
               "'2026-04-01'}");
    assert_string_equal(world_effect_member(w, seq, "result"), "parked"); /* not yet its day */
    assert_true(world_has(w, XD_STATE_PARKED, "xref/site/wms/L1/1") ||
                world_has(w, XD_STATE_PARKED, "xref/site/wms/L1/2"));
    world_send(w, "crosswalk",
               "{'table':'site','system':'wms','code':'L1','value':'S','valid_from':'2026-01-01',"
               "'valid_to':'2026-03-05'}"); /* the last day counts whole */
    assert_journal(w, 1, "INV 50.00 | GRNI 50.00");
    assert_true(world_has(w, XD_STATE_STOCK, "S/I"));
    assert_false(world_has(w, XD_STATE_STOCK, "LATER/I"));
    world_destroy(w);
}

static void what_no_map_can_do_is_an_exception_for_a_person(void **state)
{
    (void)state;
    world *w = begin();
    code(w, "site", "wms", "L1", "S");
    int64_t bad = record(w, "R1", "L1", "{}", "EA"); /* $uom of an object */
    code(w, "unit", "wms", "EA", "EA");
    assert_string_equal(world_effect_member(w, bad, "code"), "MAP_FAILED");
    assert_non_null(strstr(world_effect_member(w, bad, "reason"), "map wms, line 1, column "));
    int64_t refused = record(w, "", "L1", "5", "EA");
    assert_string_equal(world_effect_member(w, refused, "code"), "MAP_RESULT");
    int64_t beyond = world_send(w, "document",
                                "{'source':'wms','map':'%s','record':{'nr':'R','lager':'L1',"
                                "'menge':5,'einheit':'EA'},'n':1}",
                                HASH);
    assert_string_equal(world_effect_member(w, beyond, "result"), "noted");
    int64_t unknown = world_send(w, "document", "{'source':'wms','map':'none','record':{},'n':0}");
    assert_string_equal(world_effect_member(w, unknown, "code"), "MAP_UNKNOWN");
    assert_int_equal(world_journals(w), 0);
    world_destroy(w);
}

static void entries_are_put_corrected_and_taken_back(void **state)
{
    (void)state;
    world *w = world_create(NULL);
    const char *key = "item/wms/4711";
    int64_t seq = code(w, "item", "wms", "4711", "A");
    assert_string_equal(world_effect_member(w, seq, "result"), "applied");
    seq = code(w, "item", "wms", "4711", "A");
    assert_string_equal(world_effect_member(w, seq, "result"), "noted");
    assert_string_equal(world_get(w, XD_STATE_CROSSWALK, key, "version"), "1");
    world_send(w, "crosswalk",
               "{'table':'item','system':'wms','code':'4711','value':'C','valid_from':"
               "'2026-07-01'}");
    world_send(w, "crosswalk",
               "{'table':'item','system':'wms','code':'4711','value':'B','valid_from':"
               "'2026-04-01','valid_to':'2026-04-30'}");
    code(w, "item", "wms", "4711", "A2"); /* corrects the first */
    const char *document = world_document(w, XD_STATE_CROSSWALK, key).ptr;
    const char *a = strstr(document, "\"A2\""), *b = strstr(document, "\"B\"");
    const char *c = strstr(document, "\"C\"");
    assert_true(a && b && c && a < b && b < c);
    assert_non_null(strstr(document, "\"to\":\"2026-05-01T00:00:00Z\""));
    seq = world_send(w, "crosswalk",
                     "{'table':'item','system':'wms','code':'4711','value':null,'valid_from':"
                     "'2026-04-01'}");
    assert_string_equal(world_effect_member(w, seq, "result"), "applied");
    document = world_document(w, XD_STATE_CROSSWALK, key).ptr;
    const char *past = strstr(document, "\"past\""); /* where replaced ones are kept */
    b = strstr(document, "\"B\"");
    assert_true(!b || (past && past < b));
    seq = world_send(w, "crosswalk",
                     "{'table':'item','system':'wms','code':'4711','value':null,'valid_from':"
                     "'2026-04-01'}");
    assert_string_equal(world_effect_member(w, seq, "result"), "noted");
    assert_string_equal(world_get(w, XD_STATE_CROSSWALK, key, "version"), "5");
    world_destroy(w);
}

/* Postings from first on, in order, are those of the receipts that say yes. */
static int64_t posted_in_order(world *w, int64_t first, int count, bool (*wanted)(int n))
{
    char number[32];
    for (int n = 0; n < count; n++) {
        if (wanted(n)) {
            snprintf(number, sizeof number, "\"document\":\"S/R%05d\"", n);
            char text[600];
            snprintf(text, sizeof text, "%.*s", XD_FMT(world_journal_text(w, first)));
            if (!strstr(text, number)) {
                fail_msg("entry %lld is not of %s: %s", (long long)first, number, text);
            }
            first++;
        }
    }
    return first;
}

static bool is_odd(int n)
{
    return n % 2 != 0;
}

static bool is_even(int n)
{
    return n % 2 == 0;
}

/* More than one step wakes, and half of them only to wait on, in their old order. */
static void any_number_of_records_goes_on_in_order(void **state)
{
    (void)state;
    enum { RECORDS = XD_STEP_WAKE_PART + 1000 };
    world *w = world_create(NULL);
    char number[32];
    define_map(w, HASH, MAP);
    world_order(w, "1000000", "10");
    code(w, "unit", "wms", "ST", "EA");
    for (int n = 0; n < RECORDS; n++) {
        snprintf(number, sizeof number, "R%05d", n);
        world_today(w, is_odd(n) ? "2026-04-02" : "2026-03-02");
        record(w, number, "L1", "1", "ST");
    }
    assert_int_equal(world_count(w, XD_STATE_PARKED), RECORDS);
    int64_t seq = world_send(w, "crosswalk",
                             "{'table':'site','system':'wms','code':'L1','value':'S',"
                             "'valid_from':'2026-04-01'}");
    assert_string_equal(world_effect_member(w, seq, "result"), "applied");
    assert_int_equal(world_count(w, XD_STATE_PARKED), RECORDS / 2);
    int64_t next = posted_in_order(w, 1, RECORDS, is_odd);
    assert_int_equal(world_journals(w), next - 1);
    code(w, "site", "wms", "L1", "S");
    assert_int_equal(posted_in_order(w, next, RECORDS, is_even) - 1, world_journals(w));
    assert_int_equal(world_journals(w), RECORDS);
    assert_int_equal(world_count(w, XD_STATE_PARKED), 0);
    assert_int_equal(world_count(w, XD_STATE_PARK_QUEUE), 0);
    world_destroy(w);
}

static void a_code_changes_its_meaning_at_midnight(void **state)
{
    (void)state;
    world *w = begin();
    code(w, "unit", "wms", "ST", "EA");
    code(w, "site", "wms", "L1", "S");
    world_send(w, "crosswalk",
               "{'table':'site','system':'wms','code':'L1','value':'NEW','valid_from':"
               "'2026-01-01'}");
    world_today(w, "2025-12-31");
    record(w, "R1", "L1", "1", "ST");
    world_today(w, "2026-01-01");
    record(w, "R2", "L1", "2", "ST");
    assert_string_equal(world_get(w, XD_STATE_STOCK, "S/I", "quantity"), "1");
    assert_string_equal(world_get(w, XD_STATE_STOCK, "NEW/I", "quantity"), "2");
    world_destroy(w);
}

static void what_is_posted_stays_whatever_becomes_of_its_codes(void **state)
{
    (void)state;
    world *w = begin();
    char before[1024];
    code(w, "unit", "wms", "KAR", "CS");
    code(w, "uom", "factor", "CS>EA", "0.5");
    code(w, "site", "wms", "L1", "S");
    int64_t seq = record(w, "R1", "L1", "3", "KAR");
    assert_journal(w, 1, "INV 15.00 | GRNI 15.00");
    snprintf(before, sizeof before, "%s", world_effect(w, seq));
    code(w, "uom", "factor", "CS>EA", "12"); /* a correction that comes late */
    code(w, "site", "wms", "L1", "ELSEWHERE");
    world_send(w, "crosswalk", "{'table':'unit','system':'wms','code':'KAR','value':null}");
    assert_int_equal(world_journals(w), 1);
    assert_string_equal(world_effect(w, seq), before);
    assert_string_equal(world_get(w, XD_STATE_STOCK, "S/I", "quantity"), "1.5");
    assert_false(world_has(w, XD_STATE_STOCK, "ELSEWHERE/I"));
    int64_t later = record(w, "R2", "L1", "3", "KAR"); /* but nothing new is mapped by it */
    assert_string_equal(world_effect_member(w, later, "result"), "parked");
    assert_true(world_has(w, XD_STATE_PARKED, "xref/unit/wms/KAR/1"));
    world_audit(w);
    world_destroy(w);
}

static const char *timer_of(world *w, const char *parked)
{
    static char key[160];
    int64_t due = 0;
    assert_true(
        xd_str_to_int64(xd_str_from(world_get(w, XD_STATE_PARKED, parked, "overdue_us")), &due));
    snprintf(key, sizeof key, "%016llx/%s", (unsigned long long)due, parked);
    assert_true(world_has(w, XD_STATE_TIMER, key));
    return key;
}

static void a_record_that_waits_too_long_for_a_code_is_told(void **state)
{
    (void)state;
    world *w = world_create("{'parked_days':3}");
    char exception[32];
    define_map(w, HASH, MAP);
    world_order(w, "100", "10");
    code(w, "unit", "wms", "ST", "EA");
    int64_t seq = record(w, "R1", "L/1", "5", "ST");
    snprintf(exception, sizeof exception, "%016llx", (unsigned long long)seq);
    world_send(w, "hub_timer", "{'timer':'%s'}", timer_of(w, "xref/site/wms/L%2F1/1"));
    assert_string_equal(world_get(w, XD_STATE_EXCEPTION, exception, "code"), "PARKED_TOO_LONG");
    assert_non_null(strstr(world_get(w, XD_STATE_EXCEPTION, exception, "text"),
                           "waits for xref site/wms/L%2F1 since 2026-03-01"));
    /* An entry that does not cover its day leaves it waiting, and told again. */
    world_send(w, "crosswalk",
               "{'table':'site','system':'wms','code':'L/1','value':'S','valid_from':"
               "'2026-04-01'}");
    const char *again = world_has(w, XD_STATE_PARKED, "xref/site/wms/L%2F1/1")
                            ? "xref/site/wms/L%2F1/1"
                            : "xref/site/wms/L%2F1/2";
    world_send(w, "hub_timer", "{'timer':'%s'}", timer_of(w, again));
    assert_string_equal(world_get(w, XD_STATE_EXCEPTION, exception, "status"), "open");
    code(w, "site", "wms", "L/1", "S");
    assert_string_equal(world_get(w, XD_STATE_EXCEPTION, exception, "status"), "settled");
    assert_int_equal(world_count(w, XD_STATE_TIMER), 0);
    assert_journal(w, 1, "INV 50.00 | GRNI 50.00");
    world_destroy(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_waits_for_each_code_in_turn_and_then_posts),
        cmocka_unit_test(books_do_not_depend_on_when_codes_come),
        cmocka_unit_test(a_mapped_document_may_wait_for_its_order_as_any_other),
        cmocka_unit_test(a_record_is_mapped_as_of_its_own_day),
        cmocka_unit_test(what_no_map_can_do_is_an_exception_for_a_person),
        cmocka_unit_test(entries_are_put_corrected_and_taken_back),
        cmocka_unit_test(any_number_of_records_goes_on_in_order),
        cmocka_unit_test(a_code_changes_its_meaning_at_midnight),
        cmocka_unit_test(what_is_posted_stays_whatever_becomes_of_its_codes),
        cmocka_unit_test(a_record_that_waits_too_long_for_a_code_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
