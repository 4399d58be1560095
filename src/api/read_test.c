/* The read side over a small hand-written database: every route, its paging, its faults. */
#include "api/api_test.h"
#include "api/ask_test.h"

#include <pthread.h>
#include <sqlite3.h>

static test_folder at;
static test_asker asker;

static xd_instant ten_o_clock(void)
{
    return TEST_START + 60 * (xd_instant)TEST_SECOND;
}

static int open_all(void **state)
{
    (void)state;
    test_folder_make(&at);
    test_hub_write(at.path);
    return test_asker_open(&asker, at.path, ten_o_clock);
}

static int close_all(void **state)
{
    (void)state;
    test_asker_close(&asker);
    test_folder_remove(&at);
    return 0;
}

static xd_status ask_with(const char *path, const char *const *arguments, xd_fault *fault)
{
    return test_ask_for(&asker, path, arguments, fault);
}

static const xd_json *ask(const char *path, const char *const *arguments)
{
    return test_ask(&asker, path, arguments);
}

static void assert_refused(const char *path, const char *const *arguments, xd_status expected,
                           const char *rule)
{
    xd_fault fault;
    assert_int_equal(ask_with(path, arguments, &fault), expected);
    assert_string_equal(fault.rule, rule);
    assert_int_equal(asker.body.len, 0);
}

/* Value at "items/0/id"; NULL when there is none. */
static const xd_json *at_path(const xd_json *json, const char *path)
{
    while (json && *path) {
        const char *end = strchr(path, '/');
        size_t length = end ? (size_t)(end - path) : strlen(path);
        int64_t index = 0;
        xd_str name = {path, length};
        if (json->type == XD_JSON_ARRAY && xd_str_to_int64(name, &index)) {
            json = index < json->count ? &json->items[index] : NULL;
        } else {
            json = xd_json_get(json, name);
        }
        path += length + (end != NULL);
    }
    return json;
}

static void assert_at(const xd_json *json, const char *path, const char *expected)
{
    const xd_json *value = at_path(json, path);
    if (!value) {
        fail_msg("nothing at %s in %.*s", path, XD_FMT(xd_buf_str(&asker.body)));
    }
    char text[256];
    snprintf(text, sizeof text, "%.*s",
             XD_FMT(value->type == XD_JSON_STRING || value->type == XD_JSON_NUMBER
                        ? value->text
                        : xd_json_source(value, xd_buf_str(&asker.body))));
    assert_string_equal(text, expected);
}

static uint32_t items(const xd_json *page)
{
    const xd_json *list = XD_GET(page, "items");
    assert_non_null(list);
    return list->count;
}

static void lists_come_in_pages_that_continue_where_the_last_ended(void **state)
{
    (void)state;
    const xd_json *page = ask("/documents/order_line", TEST_ARGUMENTS("limit", "2"));
    assert_int_equal(items(page), 2);
    assert_at(page, "items/0/id", "PO%2F9%25/10");
    assert_at(page, "next", "PO-1/10");
    page = ask("/documents/order_line", TEST_ARGUMENTS("limit", "2", "cursor", "PO-1/10"));
    assert_int_equal(items(page), 1);
    assert_at(page, "items/0/id", "PO-1/9");
    assert_at(page, "next", "null");
    assert_refused("/documents/order_line", TEST_ARGUMENTS("limit", "0"), XD_INVALID, "read.limit");
    assert_refused("/documents/order_line", TEST_ARGUMENTS("limit", "1001"), XD_INVALID,
                   "read.limit");
    assert_refused("/journal", TEST_ARGUMENTS("cursor", "x"), XD_INVALID, "read.cursor");
}

static void lists_can_be_narrowed(void **state)
{
    (void)state;
    assert_int_equal(items(ask("/documents/supplier_invoice", NULL)), 2);
    const xd_json *page = ask("/documents/supplier_invoice", TEST_ARGUMENTS("status", "PARKED"));
    assert_int_equal(items(page), 1);
    assert_at(page, "items/0/supplier", "SUP-2");
    assert_int_equal(items(ask("/documents/goods_receipt", TEST_ARGUMENTS("po", "PO-1"))), 1);
    assert_int_equal(items(ask("/documents/adjustment", NULL)), 0);
}

static void a_document_is_found_by_its_key_or_its_own_number(void **state)
{
    (void)state;
    const xd_json *one = ask("/documents/goods_receipt/EAST/GR-1", NULL);
    assert_at(one, "state/status", "POSTED");
    assert_at(one, "events/0/seq", "3");
    assert_at(one, "events/0/body/receipt_no", "GR-1");
    assert_at(one, "events/0/effect/result", "posted");
    one = ask("/documents/goods_receipt/GR-1", NULL);
    assert_at(one, "id", "EAST/GR-1");
    one = ask("/documents/purchase_order/PO-1", NULL);
    assert_at(one, "lines/0/id", "PO-1/9");
    assert_at(one, "lines/1/received", "60.5");
    one = ask("/documents/supplier_invoice/SUP-1/INV0017/2026", NULL);
    assert_at(one, "lines/0/unit_price", "10.60");
    assert_at(one, "holds/0/code", "PRICE");
    assert_refused("/documents/supplier_invoice/INV-0017", NULL, XD_CONFLICT, "read.ambiguous");
    assert_refused("/documents/goods_receipt/GR-9", NULL, XD_NOT_FOUND, "read.unknown");
    assert_refused("/documents/nonsense", NULL, XD_NOT_FOUND, "read.kind");
    assert_refused("/documents/order_activity", NULL, XD_INVALID, "read.list");
    assert_refused("/nonsense", NULL, XD_NOT_FOUND, "read.route");
}

static void holds_are_the_open_ones_unless_all_are_asked_for(void **state)
{
    (void)state;
    const xd_json *page = ask("/holds", NULL);
    assert_int_equal(items(page), 1);
    assert_at(page, "items/0/id", "SUP-1/INV0017/2026/1/PRICE");
    assert_at(page, "items/0/evidence/limit/upper_percent", "2");
    assert_int_equal(items(ask("/holds", TEST_ARGUMENTS("all", "true"))), 2);
    assert_int_equal(items(ask("/holds", TEST_ARGUMENTS("code", "TAX"))), 0);
    assert_at(ask("/holds/SUP-1/INV0017/2026/1/PRICE", NULL), "excess", "24.20");
    assert_refused("/holds/none", NULL, XD_NOT_FOUND, "read.unknown");
}

static void a_dead_letter_shows_the_body_that_was_not_taken(void **state)
{
    (void)state;
    const xd_json *page = ask("/dead-letters", NULL);
    assert_int_equal(items(page), 1);
    assert_at(page, "items/0/id", "3.1");
    assert_int_equal(items(ask("/dead-letters", TEST_ARGUMENTS("system", "erp"))), 0);
    const xd_json *one = ask("/dead-letters/3.1", NULL);
    assert_at(one, "reason", "http 422 no such receipt");
    assert_at(one, "event/document", "GR-1");
    assert_at(one, "body/document", "RECEIPT_STATUS");
    assert_at(one, "body/reference", "GR-1");
    assert_refused("/dead-letters/3.9", NULL, XD_NOT_FOUND, "read.unknown");
}

static void what_waits_says_for_what_and_since_when(void **state)
{
    (void)state;
    const xd_json *page = ask("/parked", NULL);
    assert_at(page, "items/0/wait_key", "PO%2F9%25");
    assert_int_equal(items(ask("/parked", TEST_ARGUMENTS("waits_for", "item"))), 0);
    assert_at(ask("/exceptions", NULL), "items/0/code", "SAME_PERSON");
    assert_at(ask("/exceptions", NULL), "items/0/id", "6");
    assert_at(ask("/exceptions/6", NULL), "text", "no");
    assert_refused("/exceptions/7", NULL, XD_NOT_FOUND, "read.unknown");
    assert_refused("/exceptions/0000000000000006x", NULL, XD_NOT_FOUND, "read.unknown");
    page = ask("/outbox", NULL);
    assert_int_equal(items(page), 2);
    assert_at(page, "items/0/delivery", "3.2");
    assert_at(page, "items/0/document", "GR-1");
    assert_at(page, "items/1/order_key", "INV-0017");
    page = ask("/outbox", TEST_ARGUMENTS("limit", "1"));
    assert_at(page, "next", "0000000000000003");
    page = ask("/outbox", TEST_ARGUMENTS("cursor", "0000000000000003"));
    assert_int_equal(items(page), 1);
}

static void the_journal_is_narrowed_by_account_date_and_document(void **state)
{
    (void)state;
    const xd_json *page = ask("/journal", TEST_ARGUMENTS("limit", "1"));
    assert_at(page, "items/0/ordinal", "1");
    assert_at(page, "next", "1");
    assert_at(ask("/journal", TEST_ARGUMENTS("cursor", "1")), "items/0/ordinal", "2");
    assert_int_equal(items(ask("/journal", TEST_ARGUMENTS("account", "2110"))), 2);
    assert_int_equal(items(ask("/journal", TEST_ARGUMENTS("account", "6000"))), 1);
    assert_int_equal(items(ask("/journal", TEST_ARGUMENTS("from", "2026-11-18"))), 1);
    assert_int_equal(items(ask("/journal", TEST_ARGUMENTS("to", "2026-11-17"))), 1);
    assert_int_equal(items(ask("/journal", TEST_ARGUMENTS("document", "PO-1"))), 1);
    assert_refused("/journal", TEST_ARGUMENTS("from", "2026-02-30"), XD_INVALID, "read.date");
    page = ask("/balances", NULL);
    assert_int_equal(items(page), 3);
    assert_at(page, "items/1/account", "2110");
    assert_at(page, "items/1/balance", "-604.90");
}

static void hledger_text_says_where_the_next_page_begins(void **state)
{
    (void)state;
    const char *type = NULL;
    const char *const arguments[] = {"format", "hledger", "limit", "1", NULL};
    xd_read_request request = {.path = "/journal",
                               .query = test_argument,
                               .self = (void *)(uintptr_t)arguments,
                               .ret_media_type = &type};
    xd_buf_clear(&asker.body);
    assert_int_equal(xd_read_dispatch(asker.reader, &request, &asker.body, NULL), XD_OK);
    assert_string_equal(type, "text/plain; charset=utf-8");
    xd_buf_char(&asker.body, '\0');
    assert_string_equal(asker.body.ptr,
                        "2026-11-17 * (main/2026/1) goods_receipt GR-1  ; event: 3\n"
                        "    1310  605.00 USD  ; role: INV\n"
                        "    2110  -605.00 USD  ; role: GRNI\n"
                        "\n"
                        "; next: 1\n");
    xd_fault fault;
    assert_int_equal(
        ask_with("/journal", TEST_ARGUMENTS("format", "hledger", "cursor", "1"), &fault), XD_OK);
    xd_buf_char(&asker.body, '\0');
    assert_string_equal(asker.body.ptr, "2026-11-18 * (main/2026/2) manual JE_ 1  ; event: 7\n"
                                        "    2110  0.10 USD\n"
                                        "    6000  -0.10 USD\n"
                                        "\n");
}

/* Every hop of a receipt: taken in, held, posted, delivered to one system, refused by another,
 * waiting for the third. */
static void assert_timeline(const xd_json *trace)
{
    static const char *const expected[][2] = {
        {"event", "urn:erp"},        {"event", "urn:wms"},         {"journal", "ledger"},
        {"delivery", "finance"},     {"event", "urn:procurement"}, {"hold_placed", "match"},
        {"hold_placed", "match"},    {"delivery", "finance"},      {"delivery", "erp"},
        {"delivery", "procurement"}, {"hold_released", "match"},   {"event", "crossdock"},
    };
    size_t count = sizeof expected / sizeof expected[0];
    for (size_t i = 0; i < count && i < items(trace); i++) {
        char path[32];
        snprintf(path, sizeof path, "items/%zu/what", i);
        assert_at(trace, path, expected[i][0]);
        snprintf(path, sizeof path, "items/%zu/system", i);
        assert_at(trace, path, expected[i][1]);
    }
    assert_int_equal(items(trace), count);
}

static void a_trace_tells_the_order_of_all_that_happened(void **state)
{
    (void)state;
    const xd_json *trace = ask("/trace/GR-1", NULL);
    assert_at(trace, "orders", "[\"PO-1\"]");
    assert_timeline(trace);
    assert_at(trace, "items/1/after_business_time_ms", "1500");
    assert_at(trace, "items/1/own", "true");
    assert_at(trace, "items/0/own", "false");
    assert_at(trace, "items/2/number", "main/2026/1");
    assert_at(trace, "items/3/state", "waiting");
    assert_at(trace, "items/3/waiting_ms", "58000");
    assert_at(trace, "items/8/state", "delivered");
    assert_at(trace, "items/8/delivery", "3.0");
    assert_at(trace, "items/8/message", "inventory");
    assert_at(trace, "items/8/latency_ms", "2000");
    assert_at(trace, "items/9/state", "dead");
    assert_at(trace, "items/9/latency_ms", "2000");
    assert_at(trace, "items/10/held_ms", "1000");
    assert_at(trace, "items/11/reason", "dana entered the invoice");
}

static void any_number_of_a_case_leads_to_its_trace(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"/trace/PO-1", "/trace/SUP-1/INV0017/2026/1/PRICE",
                                        "/trace/3.1", "/trace/main/2026/1", "/trace/EAST/GR-1"};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        const xd_json *trace = ask(NAMES[i], NULL);
        assert_at(trace, "orders/0", "PO-1");
        assert_in_range(items(trace), 11, 13);
    }
    assert_at(ask("/trace/GR-2", NULL), "items/0/result", "parked");
    assert_refused("/trace/GR-99", NULL, XD_NOT_FOUND, "read.unknown");
    assert_refused("/trace/9999.1", NULL, XD_NOT_FOUND, "read.unknown");
}

static void a_long_trace_comes_in_pages_of_events(void **state)
{
    (void)state;
    const xd_json *trace = ask("/trace/PO-1", TEST_ARGUMENTS("limit", "2"));
    assert_at(trace, "items/0/seq", "2");
    assert_at(trace, "next", "3");
    trace = ask("/trace/PO-1", TEST_ARGUMENTS("limit", "2", "cursor", "3"));
    assert_at(trace, "items/0/document", "INV-0017");
    assert_at(trace, "next", "null");
}

static void a_match_explains_every_line_with_its_numbers(void **state)
{
    (void)state;
    const xd_json *match = ask("/invoices/SUP-1/INV0017/2026/match", NULL);
    assert_at(match, "payable", "false");
    assert_at(match, "lines/0/ordered/quantity", "100");
    assert_at(match, "lines/0/received/net", "60.25");
    assert_at(match, "lines/0/invoiced/unit_price", "10.6");
    assert_at(match, "lines/0/rules/0/rule", "price");
    assert_at(match, "lines/0/rules/0/expected", "605");
    assert_at(match, "lines/0/rules/0/actual", "641.3");
    assert_at(match, "lines/0/rules/0/difference_percent", "6");
    assert_at(match, "lines/0/rules/0/limit/upper_percent", "2");
    assert_at(match, "lines/0/rules/0/upper", "617.1");
    assert_at(match, "lines/0/rules/0/within", "false");
    assert_at(match, "lines/0/rules/1/rule", "quantity_ordered");
    assert_at(match, "lines/0/rules/1/within", "true");
    assert_at(match, "lines/0/rules/3/rule", "quantity_received");
    assert_at(match, "lines/0/allocations/0/receipt", "GR-1");
    assert_at(match, "lines/0/allocations/0/quantity", "60.25");
    assert_at(match, "lines/0/holds/0/code", "PRICE");
    assert_at(match, "journal", "[]");
    assert_refused("/invoices/INV-0017/match", NULL, XD_CONFLICT, "read.ambiguous");
    assert_refused("/invoices/none/match", NULL, XD_NOT_FOUND, "read.unknown");
}

static void status_counts_what_waits_and_for_how_long(void **state)
{
    (void)state;
    const xd_json *status = ask("/status", NULL);
    assert_at(status, "log_head", "8");
    assert_at(status, "state_seq", "7");
    assert_at(status, "backlog", "1");
    assert_at(status, "journal_entries", "2");
    assert_at(status, "outbox/count", "2");
    assert_at(status, "outbox/oldest_age_s", "58");
    assert_at(status, "outbox/systems/finance", "2");
    assert_at(status, "holds/count", "1");
    assert_at(status, "holds/oldest_age_s", "57");
    assert_at(status, "dead_letters/count", "1");
    assert_at(status, "parked/count", "1");
    assert_at(status, "exceptions/count", "1");
    assert_at(status, "invoices/HELD", "1");
}

static void what_waits_is_counted_alone_too(void **state)
{
    (void)state;
    const xd_json *queues = ask("/queues", NULL);
    assert_int_equal(queues->count, 4);
    assert_at(queues, "holds/count", "1");
    assert_at(queues, "exceptions/oldest_age_s", "55");
}

static void search_finds_numbers_and_their_beginnings(void **state)
{
    (void)state;
    const xd_json *hits = ask("/search", TEST_ARGUMENTS("q", "GR-1"));
    assert_int_equal(items(hits), 1);
    assert_at(hits, "items/0/kind", "goods_receipt");
    assert_at(hits, "items/0/order", "PO-1");
    hits = ask("/search", TEST_ARGUMENTS("q", "GR-"));
    assert_int_equal(items(hits), 2);
    assert_at(hits, "more", "false");
    assert_at(ask("/search", TEST_ARGUMENTS("q", "INV-0017")), "items/0/events", "2");
    assert_int_equal(items(ask("/search", TEST_ARGUMENTS("q", "ZZZ"))), 0);
    assert_refused("/search", NULL, XD_INVALID, "read.q");
}

static void the_controls_report_is_sorted_by_case(void **state)
{
    (void)state;
    xd_fault fault;
    assert_int_equal(ask_with("/reports/p2p-controls", NULL, &fault), XD_OK);
    xd_buf_char(&asker.body, '\0');
    assert_string_equal(
        asker.body.ptr,
        "case_id,receipts,receipts_cancelled,invoices,invoices_cancelled,clearings,"
        "invoice_held_ever,receipt_after_excess_invoice,receipt_after_excess_clearing,"
        "invoice_after_excess_clearing,open_grni,payment_blocks_removed\n"
        "PO-1_00009,0,0,0,0,0,false,false,false,false,0,3\n"
        "PO-1_00010,2,1,1,0,0,true,false,false,false,1,0\n");
}

static void an_answer_past_the_callers_limit_is_refused_whole(void **state)
{
    (void)state;
    xd_buf small;
    xd_buf_init(&small, 256);
    XD_BUF_LIT(&small, "kept");
    xd_fault fault = XD_FAULT_NONE;
    xd_read_request request = {.path = "/holds", .query = NULL};
    assert_int_equal(xd_read_dispatch(asker.reader, &request, &small, &fault), XD_LIMIT);
    assert_string_equal(fault.rule, "read.size");
    assert_int_equal(small.len, 4);
    xd_buf_finish(&small);
}

static void *ask_often(void *context)
{
    const char *path = context;
    xd_buf own;
    xd_buf_init(&own, 1 << 20);
    intptr_t failures = 0;
    for (int i = 0; i < 50; i++) {
        xd_read_request request = {.path = path};
        xd_buf_clear(&own);
        failures += xd_read_dispatch(asker.reader, &request, &own, NULL) != XD_OK;
    }
    xd_buf_finish(&own);
    return (void *)failures;
}

static void several_threads_may_ask_at_once(void **state)
{
    (void)state;
    static const char *const PATHS[] = {"/trace/GR-1", "/status", "/holds", "/journal"};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, (void *)(uintptr_t)PATHS[i]),
                         0);
    }
    for (int i = 0; i < 4; i++) {
        void *failures = NULL;
        assert_int_equal(pthread_join(threads[i], &failures), 0);
        assert_null(failures);
    }
}

/* A missing index shows as a scan of the log, which grows without end. */
static void looking_documents_up_never_scans_the_log(void **state)
{
    (void)state;
    static const char *const QUERIES[] = {
        "SELECT seq FROM event WHERE key = ?1 AND key <> '' AND seq > ?2 ORDER BY seq LIMIT ?3",
        "SELECT seq FROM event WHERE order_key = ?1 AND order_key <> '' AND order_key <> key AND"
        " seq > ?2 ORDER BY seq LIMIT ?3",
        "SELECT seq FROM event l WHERE l.kind = 60 AND l.kind >= 60 AND l.seq <= ? ORDER BY l.seq"
        " DESC LIMIT 1",
    };
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open_v2(at.path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    for (size_t i = 0; i < sizeof QUERIES / sizeof QUERIES[0]; i++) {
        char sql[400];
        sqlite3_stmt *s = NULL;
        snprintf(sql, sizeof sql, "EXPLAIN QUERY PLAN %s", QUERIES[i]);
        assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
        while (sqlite3_step(s) == SQLITE_ROW) {
            const char *step = (const char *)sqlite3_column_text(s, 3);
            assert_non_null(strstr(step, "INDEX event_"));
        }
        sqlite3_finalize(s);
    }
    sqlite3_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_come_in_pages_that_continue_where_the_last_ended),
        cmocka_unit_test(lists_can_be_narrowed),
        cmocka_unit_test(a_document_is_found_by_its_key_or_its_own_number),
        cmocka_unit_test(holds_are_the_open_ones_unless_all_are_asked_for),
        cmocka_unit_test(a_dead_letter_shows_the_body_that_was_not_taken),
        cmocka_unit_test(what_waits_says_for_what_and_since_when),
        cmocka_unit_test(the_journal_is_narrowed_by_account_date_and_document),
        cmocka_unit_test(hledger_text_says_where_the_next_page_begins),
        cmocka_unit_test(a_trace_tells_the_order_of_all_that_happened),
        cmocka_unit_test(any_number_of_a_case_leads_to_its_trace),
        cmocka_unit_test(a_long_trace_comes_in_pages_of_events),
        cmocka_unit_test(a_match_explains_every_line_with_its_numbers),
        cmocka_unit_test(status_counts_what_waits_and_for_how_long),
        cmocka_unit_test(what_waits_is_counted_alone_too),
        cmocka_unit_test(search_finds_numbers_and_their_beginnings),
        cmocka_unit_test(the_controls_report_is_sorted_by_case),
        cmocka_unit_test(an_answer_past_the_callers_limit_is_refused_whole),
        cmocka_unit_test(several_threads_may_ask_at_once),
        cmocka_unit_test(looking_documents_up_never_scans_the_log),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
