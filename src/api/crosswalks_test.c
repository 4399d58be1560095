/* Reading codes: tables, systems, one code, an instant; and what documents wait for. */
#include "api/ask_test.h"
#include "canon/kind.h"

static test_folder at;
static test_asker asker;

static const struct {
    const char *key, *value;
} CODES[] = {
    {"item/erp/4711",
     "{\"table\":\"item\",\"system\":\"erp\",\"code\":\"4711\",\"version\":1,\"seq\":1,"
     "\"entries\":[{\"value\":\"E\",\"seq\":1}]}"},
    {"item/wms/4711",
     "{\"table\":\"item\",\"system\":\"wms\",\"code\":\"4711\",\"version\":2,\"seq\":3,"
     "\"entries\":[{\"value\":\"A\",\"to\":\"2026-02-01T00:00:00Z\",\"seq\":2},{\"value\":\"B\","
     "\"from\":\"2026-04-01T00:00:00Z\",\"seq\":3}]}"},
    {"item/wms/L%2F1",
     "{\"table\":\"item\",\"system\":\"wms\",\"code\":\"L/1\",\"version\":1,\"seq\":4,\"entries\":"
     "[{\"value\":\"L\",\"seq\":4}]}"},
    {"item2/wms/4711",
     "{\"table\":\"item2\",\"system\":\"wms\",\"code\":\"4711\",\"version\":1,\"seq\":5,"
     "\"entries\":[{\"value\":\"Z\",\"seq\":5}]}"},
};

/* Two wait for one code with a slash in it, the older one behind the younger in order of key; one
 * for a factor; one for an order, which is no code. */
static const struct {
    const char *row, *wait_kind, *wait_key;
    int seq;
} PARKED[] = {
    {"xref/site/wms/L%2F1/10", "xref", "site/wms/L%2F1", 8},
    {"xref/site/wms/L%2F1/9", "xref", "site/wms/L%2F1", 7},
    {"xref/uom/factor/CS>EA/1", "xref", "uom/factor/CS>EA", 9},
    {"purchase_order/P/1", "purchase_order", "P", 10},
};

/* A delivery that waits for a code of a way out, one for a code that a document waits for too, and
 * one that was given up. */
static const struct {
    const char *row, *code, *delivery, *state;
} UNMADE[] = {
    {"account/finance_out/GRNI/1", "account/finance_out/GRNI", "3.0", "open"},
    {"uom/factor/CS>EA/1", "uom/factor/CS>EA", "4.0", "open"},
    {"account/finance_out/INV/1", "account/finance_out/INV", "5.0", "dropped"},
};

static void write_unmade(xd_store *store)
{
    char text[512];
    for (size_t i = 0; i < sizeof UNMADE / sizeof UNMADE[0]; i++) {
        snprintf(text, sizeof text, "{\"delivery\":\"%s\"}", UNMADE[i].delivery);
        test_put(store, XD_STATE_CODE_WAIT, UNMADE[i].code, "{\"first\":1,\"next\":2}");
        test_put(store, XD_STATE_CODE_WAIT, UNMADE[i].row, text);
        snprintf(text, sizeof text,
                 "{\"id\":\"%s\",\"seq\":%d,\"at\":\"2026-11-17T13:00:%02dZ\",\"state\":\"%s\","
                 "\"wait\":\"%s\"}",
                 UNMADE[i].delivery, (int)i + 3, (int)i + 3, UNMADE[i].state, UNMADE[i].code);
        test_put(store, XD_STATE_DEAD, UNMADE[i].delivery, text);
    }
}

static void write_all(const char *path)
{
    xd_store *store = test_open(path, XD_STORE_WRITE);
    char text[512];
    test_begin(store);
    for (int seq = 1; seq <= 10; seq++) {
        snprintf(text, sizeof text, "id-%d", seq);
        xd_log_row row = test_row(seq, "urn:wms", text, "{}");
        row.kind = XD_KIND_DOCUMENT;
        test_append(store, row);
        assert_int_equal(store->ops->event_put(store, &row, NULL), XD_OK);
    }
    for (size_t i = 0; i < sizeof CODES / sizeof CODES[0]; i++) {
        test_put(store, XD_STATE_CROSSWALK, CODES[i].key, CODES[i].value);
    }
    for (size_t i = 0; i < sizeof PARKED / sizeof PARKED[0]; i++) {
        snprintf(text, sizeof text,
                 "{\"seq\":%d,\"kind\":\"document\",\"key\":\"\",\"order_key\":\"\",\"wait_kind\":"
                 "\"%s\",\"wait_key\":\"%s\",\"since\":\"2026-11-17T13:00:%02dZ\"}",
                 PARKED[i].seq, PARKED[i].wait_kind, PARKED[i].wait_key, PARKED[i].seq);
        test_put(store, XD_STATE_PARKED, PARKED[i].row, text);
    }
    write_unmade(store);
    assert_int_equal(store->ops->meta_put(store, XD_STR("state_seq"), 10, NULL), XD_OK);
    test_commit(store);
    xd_store_destroy(store);
}

static int open_all(void **state)
{
    (void)state;
    test_folder_make(&at);
    write_all(at.path);
    return test_asker_open(&asker, at.path, NULL);
}

static int close_all(void **state)
{
    (void)state;
    test_asker_close(&asker);
    test_folder_remove(&at);
    return 0;
}

/* The ids of a page with a space behind each, then the cursor of the next. */
static const char *ids(const char *path, const char *const *arguments)
{
    static char text[512];
    const xd_json *page = test_ask(&asker, path, arguments);
    const xd_json *items = XD_GET(page, "items");
    size_t n = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < items->count; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "%.*s ",
                              XD_FMT(XD_TEXT(&items->items[i], "id")));
    }
    snprintf(text + n, sizeof text - n, "| %.*s", XD_FMT(XD_TEXT(page, "next")));
    return text;
}

static void codes_are_narrowed_by_table_system_and_code(void **state)
{
    (void)state;
    assert_string_equal(ids("/crosswalks", NULL),
                        "item/erp/4711 item/wms/4711 item/wms/L%2F1 item2/wms/4711 | ");
    assert_string_equal(ids("/crosswalks", TEST_ARGUMENTS("table", "item")),
                        "item/erp/4711 item/wms/4711 item/wms/L%2F1 | ");
    assert_string_equal(ids("/crosswalks", TEST_ARGUMENTS("table", "item", "system", "wms")),
                        "item/wms/4711 item/wms/L%2F1 | ");
    assert_string_equal(ids("/crosswalks", TEST_ARGUMENTS("system", "erp")), "item/erp/4711 | ");
    assert_string_equal(ids("/crosswalks", TEST_ARGUMENTS("table", "item", "code", "4711")),
                        "item/erp/4711 item/wms/4711 | ");
    assert_string_equal(
        ids("/crosswalks", TEST_ARGUMENTS("table", "item", "system", "wms", "code", "L/1")),
        "item/wms/L%2F1 | ");
    assert_string_equal(
        ids("/crosswalks", TEST_ARGUMENTS("table", "item", "system", "wms", "code", "no")), "| ");
    assert_string_equal(ids("/crosswalks", TEST_ARGUMENTS("table", "item", "limit", "2")),
                        "item/erp/4711 item/wms/4711 | item/wms/4711");
    assert_string_equal(ids("/crosswalks", TEST_ARGUMENTS("table", "item", "limit", "2", "cursor",
                                                          "item/wms/4711")),
                        "item/wms/L%2F1 | ");
}

static void at_an_instant_only_what_is_in_force_is_listed(void **state)
{
    (void)state;
    const char *one[] = {"table", "item", "system", "wms", "code", "4711", "at", "", NULL};
    one[7] = "2026-01-31";
    assert_string_equal(ids("/crosswalks", one), "item/wms/4711 | ");
    assert_non_null(strstr(asker.body.ptr, "\"value\":\"A\"}]"));
    one[7] = "2026-02-01";
    assert_string_equal(ids("/crosswalks", one), "| ");
    one[7] = "2026-04-01T00:00:00Z";
    assert_string_equal(ids("/crosswalks", one), "item/wms/4711 | ");
    assert_non_null(strstr(asker.body.ptr, "\"value\":\"B\"}]"));
    assert_string_equal(ids("/crosswalks", TEST_ARGUMENTS("at", "2026-03-01")),
                        "item/erp/4711 item/wms/L%2F1 item2/wms/4711 | ");
    xd_fault fault;
    assert_int_equal(test_ask_for(&asker, "/crosswalks", TEST_ARGUMENTS("at", "yesterday"), &fault),
                     XD_INVALID);
    assert_string_equal(fault.rule, "read.at");
}

static void one_code_is_found_by_its_key(void **state)
{
    (void)state;
    xd_fault fault;
    assert_int_equal(test_ask_for(&asker, "/crosswalks/item/wms/L%2F1", NULL, &fault), XD_OK);
    assert_non_null(strstr(asker.body.ptr, "\"code\":\"L/1\""));
    assert_int_equal(test_ask_for(&asker, "/crosswalks/item/wms/no", NULL, &fault), XD_NOT_FOUND);
    assert_string_equal(fault.rule, "read.unknown");
}

static void what_is_waited_for_is_counted_by_code(void **state)
{
    (void)state;
    assert_string_equal(ids("/crosswalks/missing", NULL),
                        "account/finance_out/GRNI site/wms/L%2F1 uom/factor/CS>EA | ");
    assert_non_null(strstr(asker.body.ptr,
                           "\"code\":\"GRNI\",\"waiting\":0,\"deliveries\":1,\"since\":"
                           "\"2026-11-17T13:00:03Z\",\"example\":{\"seq\":3,"));
    assert_non_null(strstr(asker.body.ptr,
                           "\"code\":\"CS>EA\",\"waiting\":1,\"deliveries\":1,\"since\":"
                           "\"2026-11-17T13:00:04Z\",\"example\":{\"seq\":4,"));
    assert_string_equal(ids("/crosswalks/missing", TEST_ARGUMENTS("table", "site")),
                        "site/wms/L%2F1 | ");
    const char *first = "{\"items\":[{\"id\":\"site/wms/L%2F1\",\"table\":\"site\",\"system\":"
                        "\"wms\",\"code\":\"L/"
                        "1\",\"waiting\":2,\"deliveries\":0,\"since\":\"2026-11-17T13:00:07Z\","
                        "\"example\":{\"seq\":7,";
    assert_true(strncmp(asker.body.ptr, first, strlen(first)) == 0);
    assert_non_null(strstr(asker.body.ptr, "\"id\":\"id-7\""));
    assert_string_equal(ids("/crosswalks/missing", TEST_ARGUMENTS("limit", "2")),
                        "account/finance_out/GRNI site/wms/L%2F1 | site/wms/L%2F1");
    assert_string_equal(
        ids("/crosswalks/missing", TEST_ARGUMENTS("limit", "1", "cursor", "site/wms/L%2F1")),
        "uom/factor/CS>EA | ");
    assert_string_equal(ids("/crosswalks/missing", TEST_ARGUMENTS("table", "uom")),
                        "uom/factor/CS>EA | ");
    assert_string_equal(
        ids("/crosswalks/missing", TEST_ARGUMENTS("table", "site", "system", "erp")), "| ");
    xd_fault fault;
    assert_int_equal(
        test_ask_for(&asker, "/crosswalks/missing", TEST_ARGUMENTS("system", "wms"), &fault),
        XD_INVALID);
    assert_string_equal(fault.rule, "read.table");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_are_narrowed_by_table_system_and_code),
        cmocka_unit_test(at_an_instant_only_what_is_in_force_is_listed),
        cmocka_unit_test(one_code_is_found_by_its_key),
        cmocka_unit_test(what_is_waited_for_is_counted_by_code),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
