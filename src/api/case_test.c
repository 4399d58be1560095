/* A whole case through the real engine: what the timeline says was delivered, after nothing of it
 * is stored any more, is what the outbox held while it was. */
#include "api/api_test.h"
#include "api/ask_test.h"
#include "engine/engine.h"

enum { ARENA_CAP = 8 << 20, DELIVERIES_MAX = 256 };

static const char DEFINITION[] =
    "{\"edition\":3,\"company\":\"northwind\",\"currency\":\"USD\",\"ledger\":\"main\","
    "\"accounts\":{\"INV\":"
    "\"1310\"},\"tolerances\":{\"price\":{\"upper_percent\":\"2\"}},\"systems\":["
    "{\"name\":\"erp\",\"receives\":[\"inventory\",\"journal\",\"master\"]},"
    "{\"name\":\"procurement\",\"receives\":[\"receipt_status\",\"order_status\",\"order\"]},"
    "{\"name\":\"finance\",\"receives\":[\"journal\",\"invoice_status\",\"inventory\"]}]}";

static const char *const DOCUMENTS[][2] = {
    {"item", "{\"item\":\"SKU-1\",\"uom\":\"EA\"}"},
    {"supplier", "{\"supplier\":\"SUP-1\",\"name\":\"Acme\"}"},
    {"purchase_order",
     "{\"po\":\"PO-1\",\"supplier\":\"SUP-1\",\"site\":\"EAST\",\"currency\":\"USD\",\"lines\":[{"
     "\"po_line\":10,\"item\":\"SKU-1\",\"uom\":\"EA\",\"quantity\":\"100\",\"unit_price\":\"10\"}]"
     "}"},
    {"order_change", "{\"po\":\"PO-1\",\"based_on\":1,\"version\":2,\"requested_by\":\"ann\","
                     "\"lines\":[{\"po_line\":"
                     "10,\"action\":\"change\",\"quantity\":\"120\"}]}"},
    {"acknowledgement", "{\"po\":\"PO-1\",\"acknowledgement_no\":\"ACK-1\",\"lines\":[{\"po_line\":"
                        "10,\"code\":\"IA\"}]}"},
    {"acknowledgement",
     "{\"po\":\"PO-1\",\"acknowledgement_no\":\"ACK-2\",\"lines\":[{\"po_line\":10,"
     "\"code\":\"IQ\",\"quantity\":\"90\"}]}"},
    {"ship_notice", "{\"shipment\":\"SH-1\",\"supplier\":\"SUP-1\",\"po\":\"PO-1\",\"shipped_at\":"
                    "\"2026-11-16T08:00:00Z\",\"lines\":[{\"line\":1,\"po_line\":10,\"quantity\":"
                    "\"60\"}]}"},
    {"supplier_invoice",
     "{\"invoice\":\"INV-EARLY\",\"supplier\":\"SUP-1\",\"po\":\"PO-1\",\"currency\":\"USD\","
     "\"invoice_date\":\"2026-11-16\",\"lines\":[{\"line\":1,\"po_line\":10,\"quantity\":\"20\","
     "\"unit_price\":\"10\"}],\"total\":\"200\"}"},
    {"goods_receipt",
     "{\"receipt_no\":\"GR-1\",\"purchase_order\":\"PO-1\",\"site\":\"EAST\",\"received_at\":"
     "\"2026-11-17T10:00:00Z\",\"lines\":[{\"line\":1,\"po_line\":10,\"item\":\"SKU-1\","
     "\"quantity\":\"60\"}]}"},
    {"supplier_invoice",
     "{\"invoice\":\"INV-DEAR\",\"supplier\":\"SUP-1\",\"po\":\"PO-1\",\"currency\":\"USD\","
     "\"invoice_date\":\"2026-11-17\",\"entered_by\":\"dana\",\"lines\":[{\"line\":1,\"po_line\":"
     "10,"
     "\"quantity\":\"30\",\"unit_price\":\"11\"}],\"total\":\"330\"}"},
    {"supplier_return",
     "{\"return_no\":\"RT-1\",\"po\":\"PO-1\",\"site\":\"EAST\",\"returned_at\":"
     "\"2026-11-18T10:00:00Z\",\"lines\":[{\"line\":1,\"po_line\":10,\"quantity\":\"5\"}]}"},
    {"goods_receipt",
     "{\"receipt_no\":\"GR-0\",\"purchase_order\":\"PO-NONE\",\"site\":\"EAST\",\"received_at\":"
     "\"2026-11-17T10:00:00Z\",\"lines\":[{\"line\":1,\"po_line\":10,\"quantity\":\"1\"}]}"},
    {"adjustment",
     "{\"adjustment_no\":\"AD-1\",\"site\":\"EAST\",\"adjusted_at\":"
     "\"2026-11-18T11:00:00Z\",\"lines\":[{\"line\":1,\"item\":\"SKU-1\",\"quantity\":"
     "\"-1\",\"reason\":\"broken\"}]}"},
    {"sales_shipment", "{\"shipment_no\":\"SS-1\",\"site\":\"EAST\",\"shipped_at\":"
                       "\"2026-11-18T12:00:00Z\",\"lines\":[{\"line\":1,\"item\":\"SKU-1\","
                       "\"quantity\":\"2\"}]}"},
    {"goods_receipt",
     "{\"receipt_no\":\"GR-2\",\"purchase_order\":\"PO-1\",\"site\":\"EAST\",\"received_at\":"
     "\"2026-11-19T10:00:00Z\",\"movement\":\"reversal\",\"lines\":[{\"line\":1,\"po_line\":10,"
     "\"quantity\":\"10\"}]}"},
};
enum { DOCUMENT_COUNT = sizeof DOCUMENTS / sizeof DOCUMENTS[0] };

/* A record whose code is missing, an invoice that comes before its order, and what they wait for.
 * Between them the hub gets another definition. */
#define MAP "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
static const char *const EARLY[][2] = {
    {"supplier", "{\"supplier\":\"SUP-1\",\"name\":\"Acme\"}"},
    {"item", "{\"item\":\"SKU-1\",\"uom\":\"EA\"}"},
    {"purchase_order",
     "{\"po\":\"PO-1\",\"supplier\":\"SUP-1\",\"site\":\"EAST\",\"currency\":\"USD\",\"lines\":[{"
     "\"po_line\":10,\"item\":\"SKU-1\",\"uom\":\"EA\",\"quantity\":\"100\",\"unit_price\":\"10\"}]"
     "}"},
    {"hub_map", "{\"hash\":\"" MAP "\",\"name\":\"wms\",\"to\":\"goods_receipt\",\"layout\":null,"
                "\"text\":\"{'receipt_no':nr,'purchase_order':'PO-1','site':'EAST','received_at':"
                "'2026-11-17T10:00:00Z','lines':[{'line':1,'po_line':10,'item':$xref('item','wms',"
                "art),'quantity':n}]}\"}"},
    {"document",
     "{\"source\":\"wms\",\"map\":\"" MAP "\",\"record\":{\"nr\":\"GR-1\",\"art\":\"4711\""
     ",\"n\":\"5\"},\"n\":0,\"of\":1}"},
    {"supplier_invoice",
     "{\"invoice\":\"INV-1\",\"supplier\":\"SUP-1\",\"po\":\"PO-2\",\"currency\":\"USD\","
     "\"invoice_date\":\"2026-11-16\",\"lines\":[{\"line\":1,\"po_line\":10,\"quantity\":\"20\","
     "\"unit_price\":\"12\"}],\"total\":\"240\"}"},
    {"hub_definition",
     "{\"edition\":3,\"company\":\"northwind\",\"currency\":\"USD\",\"ledger\":\"main\","
     "\"accounts\":{\"INV\":"
     "\"1310\"},\"tolerances\":{\"price\":{\"upper_percent\":\"2\"}},\"systems\":["
     "{\"name\":\"lake\",\"receives\":[\"receipt_status\",\"inventory\"]},"
     "{\"name\":\"finance\",\"receives\":[\"journal\",\"invoice_status\"]}]}"},
    {"crosswalk", "{\"table\":\"item\",\"system\":\"wms\",\"code\":\"4711\",\"value\":\"SKU-1\"}"},
    {"purchase_order",
     "{\"po\":\"PO-2\",\"supplier\":\"SUP-1\",\"site\":\"EAST\",\"currency\":\"USD\",\"lines\":[{"
     "\"po_line\":10,\"item\":\"SKU-1\",\"uom\":\"EA\",\"quantity\":\"100\",\"unit_price\":\"10\"}]"
     "}"},
};
enum { EARLY_COUNT = sizeof EARLY / sizeof EARLY[0] };

static xd_instant today; /* of every clock; moved by the tests */

static xd_instant clock_now(void)
{
    return today;
}

static void ignore(xd_submission *s)
{
    (void)s;
}

static void send_event(xd_engine *engine, const char *kind, const char *source, int number,
                       const char *body)
{
    xd_submission *s = xd_submission_create(1, ARENA_CAP);
    assert_non_null(s);
    xd_event *event = &s->events[0];
    xd_fault fault = XD_FAULT_NONE;
    *event = (xd_event){.kind = xd_kind_by_name(xd_str_from(kind)),
                        .source = xd_str_from(source),
                        .id = xd_arena_printf(&s->arena, "%d", number),
                        .time = XD_INSTANT_NONE,
                        .actor = XD_STR("test"),
                        .trace = XD_STR(""),
                        .data_text = xd_arena_copy(&s->arena, xd_str_from(body))};
    assert_non_null(event->kind);
    if (xd_event_open(event, !event->kind->internal, &s->arena, &fault) != XD_OK) {
        fail_msg("%s: %s %s", kind, fault.path, fault.text);
    }
    s->bytes = event->data_text.len;
    s->done = ignore;
    assert_int_equal(xd_engine_submit(engine, s, &fault), XD_OK);
    while (xd_engine_turn(engine)) {
    }
    assert_int_equal(s->status, XD_OK);
    assert_int_equal(s->results[0].status, XD_OK);
    xd_submission_release(s);
}

typedef struct expected {
    char id[24];
    char text[96]; /* "system message document" */
    bool seen;
} expected;

typedef struct case_file {
    test_asker asker;
    expected deliveries[DELIVERIES_MAX];
    int count;
} case_file;

static const xd_json *ask(case_file *c, const char *path)
{
    return XD_GET(test_ask(&c->asker, path, NULL), "items");
}

static void text_of(const xd_json *delivery, char *text, size_t size)
{
    snprintf(text, size, "%.*s %.*s %.*s", XD_FMT(XD_TEXT(delivery, "system")),
             XD_FMT(XD_TEXT(delivery, "message")), XD_FMT(XD_TEXT(delivery, "document")));
}

static void note_outbox(case_file *c)
{
    const xd_json *items = ask(c, "/outbox");
    for (uint32_t i = 0; i < items->count; i++) {
        assert_true(c->count < DELIVERIES_MAX);
        expected *e = &c->deliveries[c->count++];
        snprintf(e->id, sizeof e->id, "%.*s", XD_FMT(XD_TEXT(&items->items[i], "delivery")));
        text_of(&items->items[i], e->text, sizeof e->text);
    }
}

static void settle_all(case_file *c, xd_engine *engine)
{
    xd_buf buf;
    xd_buf_init(&buf, 1 << 20);
    XD_BUF_LIT(&buf, "{\"ok\":[");
    for (int i = 0; i < c->count; i++) {
        xd_buf_printf(&buf, "%s\"%s\"", i ? "," : "", c->deliveries[i].id);
    }
    XD_BUF_LIT(&buf, "]}");
    xd_buf_char(&buf, '\0');
    send_event(engine, "hub_outcomes", "crossdock", 1, buf.ptr);
    xd_buf_finish(&buf);
    assert_int_equal(ask(c, "/outbox")->count, 0);
}

static void compare_traces(case_file *c)
{
    for (int i = 0; i < c->count; i++) {
        char path[64];
        snprintf(path, sizeof path, "/trace/%s", c->deliveries[i].id);
        const xd_json *items = ask(c, path);
        for (uint32_t k = 0; k < items->count; k++) {
            const xd_json *item = &items->items[k];
            char text[96];
            if (!xd_str_eq(XD_TEXT(item, "delivery"), xd_str_from(c->deliveries[i].id))) {
                continue;
            }
            text_of(item, text, sizeof text);
            assert_string_equal(text, c->deliveries[i].text);
            assert_true(xd_str_eq(XD_TEXT(item, "state"), XD_STR("delivered")));
            c->deliveries[i].seen = true;
        }
        if (!c->deliveries[i].seen) {
            fail_msg("delivery %s is missing in %.*s", c->deliveries[i].id,
                     XD_FMT(xd_buf_str(&c->asker.body)));
        }
    }
}

typedef struct hub {
    test_folder at;
    xd_store *store;
    xd_engine *engine;
    case_file *file;
} hub;

static void hub_open(hub *h)
{
    xd_fault fault = XD_FAULT_NONE;
    xd_engine_options options = {.clock = clock_now, .flush_ms = 1};
    *h = (hub){.file = calloc(1, sizeof *h->file)};
    assert_non_null(h->file);
    today = TEST_START;
    test_folder_make(&h->at);
    h->store = test_open(h->at.path, XD_STORE_WRITE);
    if (xd_engine_create(h->store, h->store, &options, XD_STR(DEFINITION), &h->engine, &fault) !=
        XD_OK) {
        fail_msg("%s", fault.text);
    }
    assert_int_equal(test_asker_open(&h->file->asker, h->at.path, clock_now), XD_OK);
}

static void hub_close(hub *h)
{
    test_asker_close(&h->file->asker);
    free(h->file);
    xd_engine_destroy(h->engine);
    xd_store_destroy(h->store);
    test_folder_remove(&h->at);
}

static void what_was_delivered_is_told_after_it_is_forgotten(void **state)
{
    (void)state;
    hub h;
    hub_open(&h);
    for (int i = 0; i < DOCUMENT_COUNT; i++) {
        send_event(h.engine, DOCUMENTS[i][0], "urn:test", i, DOCUMENTS[i][1]);
    }
    note_outbox(h.file);
    assert_in_range(h.file->count, 30, DELIVERIES_MAX);
    settle_all(h.file, h.engine);
    compare_traces(h.file);
    hub_close(&h);
}

/* "MINUTE WHAT KIND CODE-OR-MESSAGE" of each item that is the document's. */
static const char *timeline(case_file *c, const char *path, const char *document)
{
    static char text[2048];
    const xd_json *items = ask(c, path);
    size_t n = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < items->count; i++) {
        const xd_json *item = &items->items[i];
        xd_instant at = 0;
        assert_int_equal(xd_instant_parse(XD_TEXT(item, "at"), &at, NULL), XD_OK);
        xd_str of = XD_TEXT(item, "document");
        of = of.ptr ? of : XD_TEXT(item, "invoice");
        size_t length = strlen(document); /* entries say EAST/GR-1 */
        if (of.len >= length && memcmp(of.ptr + of.len - length, document, length) == 0) {
            n += (size_t)snprintf(text + n, sizeof text - n, "%d %.*s %.*s %.*s%.*s\n",
                                  (int)((at - TEST_START) / (60 * TEST_SECOND)),
                                  XD_FMT(XD_TEXT(item, "what")), XD_FMT(XD_TEXT(item, "kind")),
                                  XD_FMT(XD_TEXT(item, "code")), XD_FMT(XD_TEXT(item, "message")));
        }
        assert_true(n < sizeof text);
    }
    return text;
}

/* An event a minute: each is number and minute in one. */
static void what_waited_is_told_where_it_went_on(void **state)
{
    (void)state;
    hub h;
    hub_open(&h);
    for (int i = 0; i < EARLY_COUNT; i++) {
        today = TEST_START + (int64_t)(i + 2) * 60 * TEST_SECOND; /* event 1 is the definition */
        send_event(h.engine, EARLY[i][0], "urn:test", i, EARLY[i][1]);
    }
    note_outbox(h.file);
    settle_all(h.file, h.engine);
    compare_traces(h.file);
    const char *const paths[] = {"/trace/PO-1", "/trace/GR-1"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        assert_string_equal(timeline(h.file, paths[i], "GR-1"),
                            "6 event goods_receipt \n"
                            "9 resumed goods_receipt \n"
                            "9 journal goods_receipt \n"
                            "10 delivery goods_receipt inventory\n"
                            "10 delivery goods_receipt receipt_status\n"
                            "10 delivery goods_receipt journal\n");
    }
    const char *resumed = strstr(h.file->asker.body.ptr, "\"what\":\"resumed\"");
    assert_non_null(resumed);
    assert_non_null(strstr(resumed, "\"result\":\"posted\",\"waited_ms\":180000,\"resumed_by\":9,"
                                    "\"by_kind\":\"crosswalk\""));
    assert_non_null(strstr(h.file->asker.body.ptr, "\"resumed_by\":9,\"resumed_at\":\""));
    assert_non_null(strstr(h.file->asker.body.ptr, "\"orders\":[\"PO-1\"]"));
    assert_string_equal(timeline(h.file, "/trace/INV-1", "INV-1"),
                        "7 event supplier_invoice \n"
                        "10 resumed supplier_invoice \n"
                        "10 hold_placed  PRICE\n"
                        "10 hold_placed  QUANTITY_RECEIVED\n"
                        "10 delivery supplier_invoice invoice_status\n");
    hub_close(&h);
}

/* By its number as by its key, as if it had been one from the beginning. */
static void a_record_that_was_mapped_late_is_found_as_what_it_became(void **state)
{
    (void)state;
    hub h;
    hub_open(&h);
    for (int i = 0; i < EARLY_COUNT; i++) {
        send_event(h.engine, EARLY[i][0], "urn:test", i, EARLY[i][1]);
    }
    const char *const paths[] = {"/documents/goods_receipt/GR-1",
                                 "/documents/goods_receipt/EAST/GR-1", "/search"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        test_ask(&h.file->asker, paths[i], TEST_ARGUMENTS("q", "GR"));
        assert_non_null(
            strstr(h.file->asker.body.ptr, "\"kind\":\"goods_receipt\",\"document\":\"GR-1\""));
    }
    hub_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_delivered_is_told_after_it_is_forgotten),
        cmocka_unit_test(what_waited_is_told_where_it_went_on),
        cmocka_unit_test(a_record_that_was_mapped_late_is_found_as_what_it_became),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
