/* A whole case through the real engine: what the timeline says was delivered, after nothing of it
 * is stored any more, is what the outbox held while it was. */
#include "api/api_test.h"
#include "api/read.h"
#include "engine/engine.h"

enum { ARENA_CAP = 8 << 20, DELIVERIES_MAX = 256 };

static const char DEFINITION[] =
    "{\"company\":\"northwind\",\"currency\":\"USD\",\"ledger\":\"main\",\"accounts\":{\"INV\":"
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

static xd_instant at_once(void)
{
    return TEST_START;
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
    xd_reader *reader;
    xd_arena arena;
    xd_buf body;
    expected deliveries[DELIVERIES_MAX];
    int count;
} case_file;

static const xd_json *ask(case_file *c, const char *path)
{
    xd_fault fault = XD_FAULT_NONE;
    const xd_json *root = NULL;
    xd_read_request request = {.path = path};
    xd_arena_reset(&c->arena);
    xd_buf_clear(&c->body);
    if (xd_read_dispatch(c->reader, &request, &c->body, &fault) != XD_OK ||
        xd_json_parse(xd_buf_str(&c->body), XD_JSON_LIMITS_DEFAULT, &c->arena, &root, &fault) !=
            XD_OK) {
        fail_msg("%s: %s", path, fault.text);
    }
    return XD_GET(root, "items");
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
                     XD_FMT(xd_buf_str(&c->body)));
        }
    }
}

static void what_was_delivered_is_told_after_it_is_forgotten(void **state)
{
    (void)state;
    test_folder at;
    case_file *c = calloc(1, sizeof *c);
    xd_engine *engine = NULL;
    xd_fault fault = XD_FAULT_NONE;
    assert_non_null(c);
    test_folder_make(&at);
    xd_store *store = test_open(at.path, XD_STORE_WRITE);
    xd_engine_options options = {.clock = at_once, .flush_ms = 1};
    if (xd_engine_create(store, store, &options, XD_STR(DEFINITION), &engine, &fault) != XD_OK) {
        fail_msg("%s", fault.text);
    }
    assert_int_equal(xd_read_open(at.path, at_once, &c->reader, &fault), XD_OK);
    xd_arena_init(&c->arena, ARENA_CAP);
    xd_buf_init(&c->body, ARENA_CAP);
    for (int i = 0; i < DOCUMENT_COUNT; i++) {
        send_event(engine, DOCUMENTS[i][0], "urn:test", i, DOCUMENTS[i][1]);
    }
    note_outbox(c);
    assert_in_range(c->count, 30, DELIVERIES_MAX);
    settle_all(c, engine);
    compare_traces(c);
    xd_buf_finish(&c->body);
    xd_arena_finish(&c->arena);
    xd_read_close(c->reader);
    free(c);
    xd_engine_destroy(engine);
    xd_store_destroy(store);
    test_folder_remove(&at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_delivered_is_told_after_it_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
