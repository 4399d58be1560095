/* A small hub's database, written by hand through the store: one order, what arrived for it, one
 * invoice that is held. The read side's and the views' tests look at it. */
#ifndef XD_API_TEST_H
#define XD_API_TEST_H

#include "canon/kind.h"
#include "store/store_test.h"

enum { TEST_SECOND = 1000000 };
/* 2026-11-17T13:00:00Z */
static const xd_instant TEST_START = 1794920400LL * TEST_SECOND;

typedef struct test_event {
    xd_kind kind;
    const char *source, *id, *key, *order_key, *body, *effect; /* effect NULL: none */
} test_event;

/* One a second, seq 1.. */
static const test_event TEST_EVENTS[] = {
    {XD_KIND_HUB_DEFINITION, "crossdock", "def-1", "", "",
     "{\"company\":\"northwind\",\"currency\":\"USD\",\"ledger\":\"main\","
     "\"tolerances\":{\"price\":{\"upper_percent\":\"2\"}},"
     "\"systems\":[{\"name\":\"erp\",\"receives\":[\"inventory\"]},"
     "{\"name\":\"procurement\",\"receives\":[\"receipt_status\"]},"
     "{\"name\":\"finance\",\"receives\":[\"journal\",\"invoice_status\"]}]}",
     NULL},
    {XD_KIND_PURCHASE_ORDER, "urn:erp", "po-1", "PO-1", "PO-1",
     "{\"po\":\"PO-1\",\"supplier\":\"SUP-1\",\"currency\":\"USD\",\"lines\":[{\"po_line\":10,"
     "\"item\":\"SKU-1\",\"quantity\":\"100\",\"unit_price\":\"10.00\"}]}",
     "{\"flow\":\"order\",\"result\":\"applied\"}"},
    {XD_KIND_GOODS_RECEIPT, "urn:wms", "gr-1", "GR-1", "PO-1",
     "{\"receipt_no\":\"GR-1\",\"purchase_order\":\"PO-1\",\"site\":\"EAST\",\"received_at\":"
     "\"2026-11-17T12:59:59Z\",\"lines\":[{\"line\":1,\"po_line\":10,\"quantity\":\"60.5\"}]}",
     "{\"flow\":\"receiving\",\"result\":\"posted\",\"supplier\":\"SUP-1\",\"currency\":\"USD\","
     "\"date\":\"2026-11-17\",\"status\":\"OK\",\"grni\":\"2110\",\"journal\":[1,1],"
     "\"lines\":[{\"po_line\":10,\"ordered\":\"100\",\"before\":\"0\",\"result\":\"PARTIAL\","
     "\"unit_price\":\"10.00\",\"amount\":\"605.00\",\"account\":\"1310\",\"item\":\"SKU-1\"}]}"},
    {XD_KIND_SUPPLIER_INVOICE, "urn:procurement", "inv-1", "INV-0017", "PO-1",
     "{\"invoice\":\"INV-0017\",\"supplier\":\"SUP-1\",\"po\":\"PO-1\",\"currency\":\"USD\","
     "\"invoice_date\":\"2026-11-17\",\"lines\":[{\"line\":1,\"po\":\"PO-1\",\"po_line\":10,"
     "\"quantity\":\"60.5\",\"unit_price\":\"10.60\"}]}",
     "{\"flow\":\"invoice\",\"result\":\"applied\",\"invoices\":[{\"invoice\":\"INV-0017\","
     "\"key\":\"SUP-1/INV0017/2026\",\"supplier\":\"SUP-1\",\"status\":\"HELD\",\"total\":"
     "\"641.30\"}]}"},
    {XD_KIND_HUB_OUTCOMES, "crossdock", "out-1", "", "",
     "{\"ok\":[\"3.0\"],\"failed\":[{\"id\":\"3.1\",\"system\":\"procurement\",\"order_key\":"
     "\"PO-1\",\"message\":\"receipt_status\",\"class\":\"dead\",\"reason\":\"http 422 no such "
     "receipt\",\"status\":422,\"attempts\":1}]}",
     NULL},
    {XD_KIND_HUB_HOLD_RELEASE, "crossdock", "rel-1", "SUP-1/INV0017/2026/1/PRICE",
     "SUP-1/INV0017/2026/1/PRICE",
     "{\"hold\":\"SUP-1/INV0017/2026/1/PRICE\",\"person\":\"dana\",\"reason\":\"agreed\"}",
     "{\"flow\":\"hold_release\",\"result\":\"refused\",\"reason\":\"dana entered the invoice\"}"},
    {XD_KIND_GOODS_RECEIPT, "urn:wms", "gr-2", "GR-2", "PO/9%",
     "{\"receipt_no\":\"GR-2\",\"purchase_order\":\"PO/9%\",\"site\":\"EAST\",\"lines\":[]}",
     "{\"flow\":\"receiving\",\"result\":\"parked\",\"wait\":[\"purchase_order\",\"PO%2F9%25\"]}"},
    {XD_KIND_SUPPLIER_INVOICE, "urn:procurement", "inv-2", "INV-0017", "PO-2",
     "{\"invoice\":\"INV-0017\",\"supplier\":\"SUP-2\",\"po\":\"PO-2\",\"lines\":[]}",
     "{\"flow\":\"invoice\",\"result\":\"parked\",\"wait\":[\"purchase_order\",\"PO-2\"]}"},
};
enum { TEST_EVENT_COUNT = sizeof TEST_EVENTS / sizeof TEST_EVENTS[0] };

typedef struct test_state {
    xd_state_kind kind;
    const char *key, *value;
} test_state;

static const test_state TEST_STATE[] = {
    {XD_STATE_SUPPLIER, "SUP-1", "{\"supplier\":\"SUP-1\",\"name\":\"Acme\",\"version\":1}"},
    {XD_STATE_PURCHASE_ORDER, "PO-1",
     "{\"po\":\"PO-1\",\"supplier\":\"SUP-1\",\"site\":\"EAST\",\"currency\":\"USD\",\"version\":1,"
     "\"status\":\"OPEN\",\"lines\":2,\"seq\":2}"},
    {XD_STATE_ORDER_LINE, "PO-1/10",
     "{\"received\":\"60.5\",\"reversed\":\"0.25\",\"billed\":\"60.5\",\"billed_amount\":"
     "\"641.30\",\"matched\":\"60.25\",\"receipts\":1,\"order\":{\"quantity\":\"100\","
     "\"unit_price\":\"10.00\",\"item\":\"SKU-1\",\"uom\":\"EA\",\"acknowledged\":{\"code\":"
     "\"IA\"}}}"},
    {XD_STATE_ORDER_LINE, "PO-1/9",
     "{\"order\":{\"quantity\":\"3\",\"unit_price\":\"5\",\"factor\":[12,1],\"cancelled\":true}}"},
    {XD_STATE_ORDER_LINE, "PO%2F9%25/10", "{\"order\":{\"unit_price\":\"1\"}}"},
    {XD_STATE_RECEIPT, "EAST/GR-1",
     "{\"receipt_no\":\"GR-1\",\"site\":\"EAST\",\"po\":\"PO-1\",\"status\":\"POSTED\",\"date\":"
     "\"2026-11-17\",\"seq\":3,\"lines\":[{\"line\":1,\"po_line\":10,\"n\":1,\"quantity\":\"60.5\","
     "\"damaged\":\"0.5\"}]}"},
    {XD_STATE_RECEIPT, "EAST/GR-2",
     "{\"receipt_no\":\"GR-2\",\"site\":\"EAST\",\"po\":\"PO/"
     "9%\",\"status\":\"PARKED\",\"seq\":7}"},
    {XD_STATE_RECEIPT_LINE, "000001/PO-1/10",
     "{\"site\":\"EAST\",\"receipt\":\"GR-1\",\"line\":1,\"date\":\"2026-11-17\",\"quantity\":"
     "\"60.5\",\"amount\":\"605.00\",\"matched\":\"60.25\",\"gone\":\"0.25\"}"},
    {XD_STATE_INVOICE, "SUP-1/INV0017/2026",
     "{\"invoice\":\"INV-0017\",\"supplier\":\"SUP-1\",\"po\":\"PO-1\",\"currency\":\"USD\","
     "\"date\":\"2026-11-17\",\"entered_by\":\"dana\",\"status\":\"HELD\",\"net\":\"641.30\","
     "\"total\":\"641.30\",\"lines\":1,\"holds\":1,\"seq\":4,\"at\":\"2026-11-17T13:00:03Z\"}"},
    {XD_STATE_INVOICE, "SUP-2/INV0017/2026",
     "{\"invoice\":\"INV-0017\",\"supplier\":\"SUP-2\",\"status\":\"PARKED\",\"seq\":8}"},
    {XD_STATE_INVOICE_LINE, "SUP-1/INV0017/2026/1",
     "{\"invoice\":\"SUP-1/INV0017/2026\",\"line\":1,\"po\":\"PO-1\",\"po_line\":10,\"item\":"
     "\"SKU-1\",\"quantity\":\"60.5\",\"amount\":\"641.30\",\"invoiced_quantity\":\"60.5\","
     "\"invoiced_amount\":\"641.30\",\"unit_price\":\"10.60\",\"matched\":\"60.25\","
     "\"allocations\":1,\"open\":[\"PRICE\"]}"},
    {XD_STATE_MATCH, "SUP-1/INV0017/2026/1/1",
     "{\"po\":\"PO-1\",\"po_line\":10,\"receipt\":1,\"quantity\":\"60.25\"}"},
    {XD_STATE_HOLD, "SUP-1/INV0017/2026/1/PRICE",
     "{\"invoice\":\"SUP-1/INV0017/"
     "2026\",\"supplier\":\"SUP-1\",\"number\":\"INV-0017\",\"line\":1,"
     "\"po\":\"PO-1\",\"po_line\":10,\"code\":\"PRICE\",\"status\":\"OPEN\",\"evidence\":{\"rule\":"
     "\"price\",\"limit\":{\"upper_percent\":\"2\"}},\"excess\":\"24.20\",\"caused_by\":\"dana\","
     "\"placed_seq\":4,\"placed_at\":\"2026-11-17T13:00:03Z\"}"},
    {XD_STATE_HOLD, "SUP-1/INV0017/2026/1/QUANTITY_RECEIVED",
     "{\"invoice\":\"SUP-1/INV0017/"
     "2026\",\"supplier\":\"SUP-1\",\"number\":\"INV-0017\",\"line\":1,"
     "\"po\":\"PO-1\",\"po_line\":10,\"code\":\"QUANTITY_RECEIVED\",\"status\":\"RELEASED\","
     "\"placed_seq\":4,\"placed_at\":\"2026-11-17T13:00:03Z\",\"released_by\":\"system\","
     "\"reason\":\"the numbers are fine now\",\"released_seq\":5,\"released_at\":"
     "\"2026-11-17T13:00:04Z\"}"},
    {XD_STATE_CONTROL, "PO-1/10",
     "{\"receipts\":2,\"receipts_cancelled\":1,\"invoices\":1,\"invoice_held_ever\":true,"
     "\"open_grni\":1}"},
    {XD_STATE_CONTROL, "PO-1/9", "{\"payment_blocks_removed\":3}"},
    {XD_STATE_PARKED, "purchase_order/PO%2F9%25/1",
     "{\"seq\":7,\"kind\":\"goods_receipt\",\"key\":\"GR-2\",\"order_key\":\"PO/9%\",\"wait_kind\":"
     "\"purchase_order\",\"wait_key\":\"PO%2F9%25\",\"since\":\"2026-11-17T13:00:06Z\"}"},
    {XD_STATE_OUTBOX, "0000000000000003",
     "{\"order_key\":\"PO-1\",\"to\":[[2,\"finance\",\"journal\"]]}"},
    {XD_STATE_OUTBOX, "0000000000000004",
     "{\"order_key\":\"PO-1\",\"to\":[[0,\"finance\",\"invoice_status\",\"INV-0017\"]]}"},
    {XD_STATE_DEAD, "3.1",
     "{\"id\":\"3.1\",\"seq\":3,\"index\":1,\"system\":\"procurement\",\"message\":"
     "\"receipt_status\",\"order_key\":\"PO-1\",\"class\":\"dead\",\"reason\":\"http 422 no such "
     "receipt\",\"status\":422,\"attempts\":1,\"at\":\"2026-11-17T13:00:04Z\",\"state\":\"open\"}"},
    {XD_STATE_EXCEPTION, "0000000000000006",
     "{\"seq\":6,\"kind\":\"hub_hold_release\",\"key\":\"x\",\"code\":\"SAME_PERSON\",\"text\":"
     "\"no\",\"status\":\"open\",\"at\":\"2026-11-17T13:00:05Z\"}"},
};

static const char *const TEST_JOURNAL[] = {
    "{\"ordinal\":1,\"ledger\":\"main\",\"year\":2026,\"number\":1,\"date\":\"2026-11-17\","
    "\"currency\":\"USD\",\"kind\":\"goods_receipt\",\"document\":\"GR-1\",\"po\":\"PO-1\",\"seq\":"
    "3,\"actor\":\"wms\",\"lines\":[{\"account\":\"1310\",\"role\":\"INV\",\"debit\":\"605.00\","
    "\"po_line\":10,\"item\":\"SKU-1\"},{\"account\":\"2110\",\"role\":\"GRNI\",\"credit\":"
    "\"605.00\"}],\"prev\":\"0\",\"hash\":\"1\"}",
    "{\"ordinal\":2,\"ledger\":\"main\",\"year\":2026,\"number\":2,\"date\":\"2026-11-18\","
    "\"currency\":\"USD\",\"kind\":\"manual\",\"document\":\"JE; 1\",\"seq\":7,\"lines\":["
    "{\"account\":\"2110\",\"debit\":\"0.10\"},{\"account\":\"6000\",\"credit\":\"0.10\"}],"
    "\"prev\":\"1\",\"hash\":\"2\"}",
};

static inline void test_hub_write(const char *path)
{
    xd_store *store = test_open(path, XD_STORE_WRITE);
    test_begin(store);
    for (int i = 0; i < TEST_EVENT_COUNT; i++) {
        const test_event *e = &TEST_EVENTS[i];
        xd_log_row row = test_row(i + 1, e->source, e->id, e->body);
        row.kind = e->kind;
        row.key = xd_str_from(e->key);
        row.order_key = xd_str_from(e->order_key);
        row.recorded_at = TEST_START + (int64_t)i * TEST_SECOND;
        row.time = e->kind == XD_KIND_GOODS_RECEIPT ? row.recorded_at - 1500000 : XD_INSTANT_NONE;
        test_append(store, row);
        assert_int_equal(store->ops->event_put(store, &row, NULL), XD_OK);
        if (e->effect) {
            assert_int_equal(store->ops->numbered_put(store, XD_NUMBERED_EFFECT, i + 1,
                                                      xd_str_from(e->effect), NULL),
                             XD_OK);
        }
    }
    for (size_t i = 0; i < sizeof TEST_STATE / sizeof TEST_STATE[0]; i++) {
        test_put(store, TEST_STATE[i].kind, TEST_STATE[i].key, TEST_STATE[i].value);
    }
    for (size_t i = 0; i < sizeof TEST_JOURNAL / sizeof TEST_JOURNAL[0]; i++) {
        assert_int_equal(store->ops->numbered_put(store, XD_NUMBERED_JOURNAL, (int64_t)i + 1,
                                                  xd_str_from(TEST_JOURNAL[i]), NULL),
                         XD_OK);
    }
    assert_int_equal(store->ops->meta_put(store, XD_STR("state_seq"), TEST_EVENT_COUNT - 1, NULL),
                     XD_OK);
    test_commit(store);
    xd_store_destroy(store);
}

#endif
