/* The views for people show what the state documents say, exactly, and name every kind there is. */
#include "api/api_test.h"

#include <sqlite3.h>

static test_folder at;
static sqlite3 *db;

static int open_db(void **state)
{
    (void)state;
    test_folder_make(&at);
    test_hub_write(at.path);
    return sqlite3_open_v2(at.path, &db, SQLITE_OPEN_READONLY, NULL);
}

static int close_db(void **state)
{
    (void)state;
    sqlite3_close(db);
    test_folder_remove(&at);
    return 0;
}

/* Rows as "a|b|c\n"; NULL as "-". */
static const char *rows(const char *sql)
{
    static char text[8192];
    size_t used = 0;
    sqlite3_stmt *s = NULL;
    text[0] = '\0';
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK) {
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    }
    while (sqlite3_step(s) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(s); i++) {
            const char *value = (const char *)sqlite3_column_text(s, i);
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i ? "|" : "",
                                     value ? value : "-");
        }
        used += (size_t)snprintf(text + used, sizeof text - used, "\n");
        assert_true(used < sizeof text);
    }
    sqlite3_finalize(s);
    return text;
}

static void every_canonical_kind_has_its_name(void **state)
{
    (void)state;
    size_t count = 0;
    const xd_kind_info *kinds = xd_kinds(&count);
    for (size_t i = 0; i < count; i++) {
        char sql[128];
        char expected[64];
        snprintf(sql, sizeof sql, "SELECT name FROM v_kinds WHERE kind = %d", (int)kinds[i].kind);
        snprintf(expected, sizeof expected, "%s\n", kinds[i].name);
        assert_string_equal(rows(sql), expected);
    }
    char expected[32];
    snprintf(expected, sizeof expected, "%d\n", (int)count);
    assert_string_equal(rows("SELECT count(*) FROM v_kinds"), expected);
}

static void order_lines_are_exact_and_their_keys_are_unescaped(void **state)
{
    (void)state;
    assert_string_equal(
        rows("SELECT po, line, supplier, ordered, received, net_received, to_receive, billed,"
             " matched, received_not_billed, billed_not_received, acknowledged, cancelled"
             " FROM v_purchase_order_lines ORDER BY po, line"),
        "PO-1|9|SUP-1|3|0|0|36|0|0|0|0|-|1\n"
        "PO-1|10|SUP-1|100|60.5|60.25|39.75|60.5|60.25|0|0.25|IA|0\n"
        "PO/9%|10|-|-|0|0|-|0|0|0|0|-|0\n");
}

static void receipts_show_what_became_of_each_line(void **state)
{
    (void)state;
    assert_string_equal(rows("SELECT receipt, site, po, po_line, status, quantity, damaged,"
                             " rejected, amount, matched, gone FROM v_receipts"),
                        "GR-1|EAST|PO-1|10|POSTED|60.5|0.5|0|605.00|60.25|0.25\n");
}

static void invoices_and_their_holds(void **state)
{
    (void)state;
    assert_string_equal(rows("SELECT id, invoice, status, total, open_holds, tax FROM v_invoices"
                             " ORDER BY id"),
                        "SUP-1/INV0017/2026|INV-0017|HELD|641.30|1|-\n"
                        "SUP-2/INV0017/2026|INV-0017|PARKED|-|0|-\n");
    assert_string_equal(rows("SELECT invoice, code, status, excess, released_by FROM"
                             " v_invoice_holds ORDER BY id"),
                        "INV-0017|PRICE|OPEN|24.20|-\n"
                        "INV-0017|QUANTITY_RECEIVED|RELEASED|-|system\n");
}

static void the_journal_balances_to_the_cent(void **state)
{
    (void)state;
    assert_string_equal(rows("SELECT ordinal, ledger, number, account, debit, credit, text, item"
                             " FROM v_journal ORDER BY ordinal"),
                        "1|main|1|1310|605.00|-|goods_receipt GR-1|SKU-1\n"
                        "1|main|1|2110|-|605.00|goods_receipt GR-1|-\n"
                        "2|main|2|2110|0.10|-|manual JE; 1|-\n"
                        "2|main|2|6000|-|0.10|manual JE; 1|-\n");
    assert_string_equal(rows("SELECT account, debit, credit, balance, lines FROM v_balances"
                             " ORDER BY account"),
                        "1310|605|0|605|1\n2110|0.1|605|-604.9|2\n6000|0|0.1|-0.1|1\n");
    assert_string_equal(rows("SELECT sum(signed_millionths) FROM v_journal"), "0\n");
}

static void queues_name_the_documents_that_wait(void **state)
{
    (void)state;
    assert_string_equal(
        rows("SELECT * FROM v_outbox ORDER BY delivery"),
        "3.2|3|finance|journal|PO-1|goods_receipt|GR-1|2026-11-17T13:00:02.000000Z\n"
        "4.0|4|finance|invoice_status|INV-0017|supplier_invoice|INV-0017|"
        "2026-11-17T13:00:03.000000Z\n");
    assert_string_equal(rows("SELECT delivery, system, http_status, state, kind, document FROM"
                             " v_dead_letters"),
                        "3.1|procurement|422|open|goods_receipt|GR-1\n");
    assert_string_equal(rows("SELECT kind, document, waits_for, order_key FROM v_parked"),
                        "goods_receipt|GR-2|purchase_order|PO/9%\n");
    assert_string_equal(rows("SELECT seq, code, status FROM v_exceptions"), "6|SAME_PERSON|open\n");
}

static void events_show_times_and_results(void **state)
{
    (void)state;
    assert_string_equal(rows("SELECT seq, recorded_at, kind, document, source, business_time,"
                             " result FROM v_events WHERE seq IN (1, 3)"),
                        "1|2026-11-17T13:00:00.000000Z|hub_definition||crossdock|-|-\n"
                        "3|2026-11-17T13:00:02.000000Z|goods_receipt|GR-1|urn:wms|"
                        "2026-11-17T13:00:00.500000Z|posted\n");
}

/* A record that was mapped late, with a delivery that waits and one that is dead, and one that
 * still waits for its code. */
static void write_records(const char *path)
{
    static const char *const effects[] = {
        "{\"flow\":\"receiving\",\"result\":\"posted\",\"kind\":\"goods_receipt\",\"data\":{}}",
        "{\"flow\":\"document\",\"result\":\"parked\",\"wait\":[\"xref\",\"item/wms/7\"]}"};
    xd_store *store = test_open(path, XD_STORE_WRITE);
    test_begin(store);
    for (int i = 0; i < 2; i++) {
        xd_log_row row = test_row(i + 1, "urn:wms", i ? "r-2" : "r-1", "{}");
        row.kind = XD_KIND_DOCUMENT;
        row.key = i ? XD_STR("") : XD_STR("GR-1");
        test_append(store, row);
        assert_int_equal(store->ops->event_put(store, &row, NULL), XD_OK);
        assert_int_equal(store->ops->numbered_put(store, XD_NUMBERED_EFFECT, i + 1,
                                                  xd_str_from(effects[i]), NULL),
                         XD_OK);
    }
    test_put(store, XD_STATE_OUTBOX, "0000000000000001", "{\"to\":[[0,\"erp\",\"inventory\"]]}");
    test_put(store, XD_STATE_DEAD, "1.1", "{\"id\":\"1.1\",\"seq\":1,\"state\":\"open\"}");
    test_commit(store);
    xd_store_destroy(store);
}

static void a_record_mapped_late_is_shown_as_what_it_became(void **state)
{
    (void)state;
    test_folder folder;
    sqlite3 *kept = db;
    test_folder_make(&folder);
    write_records(folder.path);
    assert_int_equal(sqlite3_open_v2(folder.path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_string_equal(rows("SELECT seq, kind, document, result FROM v_events ORDER BY seq"),
                        "1|goods_receipt|GR-1|posted\n2|document||parked\n");
    assert_string_equal(rows("SELECT delivery, kind, document FROM v_outbox"),
                        "1.0|goods_receipt|GR-1\n");
    assert_string_equal(rows("SELECT delivery, kind, document FROM v_dead_letters"),
                        "1.1|goods_receipt|GR-1\n");
    sqlite3_close(db);
    db = kept;
    test_folder_remove(&folder);
}

static void controls_count_per_order_line(void **state)
{
    (void)state;
    assert_string_equal(rows("SELECT po, line, receipts, receipts_cancelled, invoices,"
                             " invoice_held_ever, open_grni, payment_blocks_removed"
                             " FROM v_controls ORDER BY po, line"),
                        "PO-1|9|0|0|0|0|0|3\nPO-1|10|2|1|1|1|1|0\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_canonical_kind_has_its_name),
        cmocka_unit_test(order_lines_are_exact_and_their_keys_are_unescaped),
        cmocka_unit_test(receipts_show_what_became_of_each_line),
        cmocka_unit_test(invoices_and_their_holds),
        cmocka_unit_test(the_journal_balances_to_the_cent),
        cmocka_unit_test(queues_name_the_documents_that_wait),
        cmocka_unit_test(events_show_times_and_results),
        cmocka_unit_test(a_record_mapped_late_is_shown_as_what_it_became),
        cmocka_unit_test(controls_count_per_order_line),
    };
    return cmocka_run_group_tests(tests, open_db, close_db);
}
