/* Writes the documents of a simulated distributor: masters, orders and their changes, receipts,
 * invoices, credits and whatever else the hub takes, right and wrong, early, late and twice. The
 * author keeps books of what was ordered, received and billed only to be plausible. */
#include "plan.h"

#include <assert.h>
#include <stdio.h>

enum {
    ITEMS = 5,
    SUPPLIERS = 3,
    SITES = 2,
    LINES_MAX = 3,
    ORDERS_MAX = 64,
    PAPERS_MAX = 512,
    LATE_MAX = 40 /* places a document may be late */
};

typedef struct order {
    uint32_t number, supplier, site, lines, version;
    int32_t item[LINES_MAX]; /* -1: an expense */
    uint32_t price[LINES_MAX];
} order;

/* A receipt or invoice that others refer to. */
typedef struct paper {
    uint32_t number;
    const order *order;
    uint32_t line;
    uint32_t quantity;
} paper;

typedef struct author {
    sim_writing *out;
    xd_random *random;
    order orders[ORDERS_MAX];
    uint32_t order_count;
    paper receipts[PAPERS_MAX], invoices[PAPERS_MAX];
    uint32_t receipt_count, invoice_count;
    uint32_t number; /* of the newest document */
    uint32_t transfers;
    int32_t day;
    bool coded; /* some receipts come as records of the warehouse, which need codes */
} author;

static uint32_t below(author *a, uint32_t limit)
{
    return (uint32_t)xd_random_below(a->random, limit);
}

static bool chance(author *a, uint32_t percent)
{
    return below(a, 100) < percent;
}

/* --- writing --- */

static const char *const quantities[] = {"1", "2", "3", "5", "7.5", "10", "0.5", "0.333", "12"};
static const char *const prices[] = {"10.00", "9.99", "12.5", "10.0050", "0.35", "7.3333"};
static const char *const people[] = {"ann", "bob", "carol", "dave"};

static const char *person(author *a)
{
    return people[below(a, 4)];
}

static const char *quantity(author *a)
{
    return quantities[below(a, sizeof quantities / sizeof *quantities)];
}

static const char *price_near(author *a, uint32_t price)
{
    return prices[chance(a, 80) ? price : below(a, sizeof prices / sizeof *prices)];
}

/* Adds a document; its id is its kind's and number's. */
static void add(author *a, xd_kind kind, const char *source, const xd_buf *data)
{
    sim_writing *out = a->out;
    xd_arena *arena = &out->plan->arena;
    if (out->count == out->size) {
        return;
    }
    assert(!data->failed);
    out->documents[out->count++] =
        (sim_document){.kind = kind,
                       .source = xd_str_from(source),
                       .id = xd_arena_printf(arena, "%s-%u", xd_kind_find(kind)->name, a->number),
                       .data = xd_arena_copy(arena, xd_buf_str(data)),
                       .actor = xd_str_from(chance(a, 30) ? person(a) : "")};
}

static void instant(author *a, xd_buf *b)
{
    xd_buf_printf(b, "\"2026-%02d-%02dT%02u:%02u:00Z\"", 1 + a->day / 28, 1 + a->day % 28,
                  below(a, 24), below(a, 60));
}

static void date(author *a, xd_buf *b)
{
    /* Across the turn of a year now and then: numbers of journals start anew. */
    int32_t day = a->day;
    if (chance(a, 3)) {
        XD_BUF_LIT(b, "\"2025-12-31\"");
        return;
    }
    xd_buf_printf(b, "\"2026-%02d-%02d\"", 1 + day / 28, 1 + day % 28);
}

static const order *any_order(author *a)
{
    return a->order_count ? &a->orders[below(a, a->order_count)] : NULL;
}

/* --- masters --- */

static void item(author *a, xd_buf *b, uint32_t i)
{
    xd_buf_printf(b, "{\"item\":\"I%u\",\"uom\":\"EA\",\"category\":\"c%u\"", i, i % 2);
    if (i != 3) {
        xd_buf_printf(b, ",\"standard_cost\":\"%s\"", prices[below(a, 3)]);
    }
    xd_buf_char(b, '}');
    add(a, XD_KIND_ITEM, "urn:erp", b);
}

static void supplier(author *a, xd_buf *b, uint32_t i)
{
    xd_buf_printf(b, "{\"supplier\":\"V%u\",\"name\":\"Supplier %u\"%s}", i, i,
                  i == 2 ? "" : ",\"group\":\"G\"");
    add(a, XD_KIND_SUPPLIER, "urn:erp", b);
}

static void site(author *a, xd_buf *b, uint32_t i)
{
    xd_buf_printf(b, "{\"site\":\"S%u\",\"name\":\"Site %u\"}", i, i);
    add(a, XD_KIND_SITE, "urn:erp", b);
}

static void master(author *a, xd_buf *b)
{
    switch (below(a, 5)) {
    case 0:
        supplier(a, b, below(a, SUPPLIERS));
        break;
    case 1:
        site(a, b, below(a, SITES));
        break;
    case 2:
        xd_buf_printf(b, "{\"role\":\"%s\",\"account\":\"%u00\"}",
                      (const char *[]){"IPV", "VAT", "GRNI", "COGS", "INV"}[below(a, 5)],
                      1 + below(a, 9));
        add(a, XD_KIND_ACCOUNT, "urn:finance", b);
        break;
    case 3:
        XD_BUF_LIT(b, "{\"uom\":\"EA\",\"name\":\"each\"}");
        add(a, XD_KIND_UOM, "urn:erp", b);
        break;
    default:
        item(a, b, below(a, ITEMS));
        break;
    }
}

/* --- orders --- */

static void order_lines(author *a, xd_buf *b, order *o)
{
    for (uint32_t i = 0; i < o->lines; i++) {
        xd_buf_printf(b, "%s{\"po_line\":%u,\"unit_price\":\"%s\"", i ? "," : "", (i + 1) * 10,
                      prices[o->price[i]]);
        if (o->item[i] >= 0) {
            xd_buf_printf(b, ",\"item\":\"I%d\"", (int)o->item[i]);
        } else {
            XD_BUF_LIT(b, ",\"gl\":\"6100\"");
        }
        if (!chance(a, 25)) {
            xd_buf_printf(b, ",\"quantity\":\"%u\"", 10 + below(a, 60));
        }
        if (chance(a, 15)) {
            xd_buf_printf(b, ",\"uom\":\"CS\",\"uom_factor\":{\"numerator\":%u,\"denominator\":%u}",
                          1 + below(a, 12), 1 + below(a, 3));
        }
        if (chance(a, 10)) {
            XD_BUF_LIT(b, ",\"tax_code\":\"T1\"");
        }
        xd_buf_char(b, '}');
    }
}

static void purchase_order(author *a, xd_buf *b)
{
    if (a->order_count == ORDERS_MAX) {
        master(a, b);
        return;
    }
    order *o = &a->orders[a->order_count++];
    *o = (order){.number = a->number,
                 .supplier = below(a, SUPPLIERS),
                 .site = below(a, SITES),
                 .lines = 1 + below(a, LINES_MAX),
                 .version = 1};
    for (uint32_t i = 0; i < o->lines; i++) {
        o->item[i] = chance(a, 80) ? (int32_t)below(a, ITEMS) : -1;
        o->price[i] = below(a, sizeof prices / sizeof *prices);
    }
    xd_buf_printf(b,
                  "{\"po\":\"P%u\",\"supplier\":\"V%u\",\"site\":\"S%u\",\"currency\":\"%s\","
                  "\"lines\":[",
                  o->number, o->supplier, o->site, chance(a, 3) ? "EUR" : "USD");
    order_lines(a, b, o);
    xd_buf_char(b, ']');
    if (chance(a, 20)) {
        xd_buf_printf(b, ",\"created_by\":\"%s\"", person(a));
    }
    if (chance(a, 20)) {
        xd_buf_printf(b, ",\"approved_by\":\"%s\"", person(a));
    }
    if (chance(a, 15)) {
        xd_buf_printf(b, ",\"tolerance_pct\":\"%u\"", below(a, 30));
    }
    if (chance(a, 15)) {
        xd_buf_printf(b, ",\"match_level\":%u", 2 + below(a, 2));
    }
    xd_buf_char(b, '}');
    add(a, XD_KIND_PURCHASE_ORDER, "urn:procurement", b);
}

static void order_change(author *a, xd_buf *b)
{
    if (!a->order_count) {
        purchase_order(a, b);
        return;
    }
    order *o = &a->orders[below(a, a->order_count)];
    uint32_t based_on = chance(a, 90) ? o->version : 1;
    o->version = based_on + 1;
    xd_buf_printf(
        b, "{\"po\":\"P%u\",\"based_on\":%u,\"version\":%u,\"status\":\"%s\"", o->number, based_on,
        based_on + 1,
        (const char *[]){"approved", "approved", "accepted", "proposed", "rejected"}[below(a, 5)]);
    if (chance(a, 50)) {
        xd_buf_printf(b, ",\"requested_by\":\"%s\"", person(a));
    }
    uint32_t line = 10 * (1 + below(a, o->lines));
    switch (below(a, 4)) {
    case 0:
        xd_buf_printf(b, ",\"lines\":[{\"po_line\":%u,\"action\":\"cancel\"}]}", line);
        break;
    case 1:
        xd_buf_printf(b, ",\"lines\":[{\"po_line\":%u,\"action\":\"change\",\"quantity\":\"%s\"}]}",
                      line, quantity(a));
        break;
    case 2:
        xd_buf_printf(b,
                      ",\"lines\":[{\"po_line\":%u,\"action\":\"add\",\"quantity\":\"20\","
                      "\"unit_price\":\"%s\",\"item\":\"I%u\"}]}",
                      10 * (o->lines + 1), prices[below(a, 6)], below(a, ITEMS));
        break;
    default:
        xd_buf_printf(b,
                      ",\"lines\":[{\"po_line\":%u,\"action\":\"change\",\"unit_price\":\"%s\"}]}",
                      line, prices[below(a, 6)]);
        break;
    }
    add(a, XD_KIND_ORDER_CHANGE, "urn:procurement", b);
}

static void acknowledgement(author *a, xd_buf *b, const order *o)
{
    xd_buf_printf(b,
                  "{\"po\":\"P%u\",\"acknowledgement_no\":\"A%u\",\"lines\":[{\"po_line\":%u,"
                  "\"code\":\"%s\",\"quantity\":\"%s\"}]}",
                  o->number, a->number, 10 * (1 + below(a, o->lines)),
                  (const char *[]){"IA", "IQ", "IR", "IP", "BP"}[below(a, 5)], quantity(a));
    add(a, XD_KIND_ACKNOWLEDGEMENT, "urn:suppliers", b);
}

static void ship_notice(author *a, xd_buf *b, const order *o)
{
    xd_buf_printf(b, "{\"shipment\":\"H%u\",\"supplier\":\"V%u\",\"po\":\"P%u\",\"shipped_at\":",
                  a->number, o->supplier, o->number);
    instant(a, b);
    xd_buf_printf(b, ",\"lines\":[{\"line\":1,\"po_line\":%u,\"quantity\":\"%s\"}]}",
                  10 * (1 + below(a, o->lines)), quantity(a));
    add(a, XD_KIND_SHIP_NOTICE, "urn:suppliers", b);
}

static void order_activity(author *a, xd_buf *b, const order *o)
{
    xd_buf_printf(b,
                  "{\"activity_no\":\"Y%u\",\"po\":\"P%u\",\"po_line\":10,\"activity\":\"call\"}",
                  a->number, o->number);
    add(a, XD_KIND_ORDER_ACTIVITY, "urn:procurement", b);
}

/* --- movement --- */

static void note(author *a, paper *papers, uint32_t *count, const order *o, uint32_t line,
                 uint32_t quantity_index)
{
    papers[*count % PAPERS_MAX] = (paper){a->number, o, line, quantity_index};
    ++*count;
}

static const paper *any_paper(author *a, const paper *papers, uint32_t count)
{
    uint32_t kept = count < PAPERS_MAX ? count : PAPERS_MAX;
    return kept ? &papers[below(a, kept)] : NULL;
}

/* A receipt in the warehouse's own words, which SIM_MAP turns into one. */
static void record(author *a, xd_buf *b, const order *o)
{
    xd_buf_printf(b,
                  "{\"source\":\"wms\",\"map\":\"" SIM_MAP "\",\"n\":0,\"record\":{\"nr\":\"R%u\","
                  "\"po\":\"P%u\",\"lager\":\"L%u\",\"am\":",
                  a->number, o->number, chance(a, 95) ? o->site : below(a, SITES));
    instant(a, b);
    XD_BUF_LIT(b, ",\"zeilen\":[");
    uint32_t lines = 1 + below(a, o->lines);
    for (uint32_t i = 0; i < lines; i++) {
        uint32_t line = 10 * (1 + below(a, o->lines));
        uint32_t q = below(a, 9);
        xd_buf_printf(b, "%s{\"n\":%u,\"pos\":%u,\"menge\":%s,\"einheit\":\"%s\"}", i ? "," : "",
                      i + 1, line, quantities[q], chance(a, 85) ? "ST" : "KAR");
        note(a, a->receipts, &a->receipt_count, o, line, q);
    }
    XD_BUF_LIT(b, "]}}");
    add(a, XD_KIND_DOCUMENT, "urn:wms", b);
}

/* A row of the crosswalks that records need: mostly what it should be, now and then that of
 * another, for another time, or taken back. */
static void code(author *a, xd_buf *b)
{
    if (chance(a, 20)) { /* corrects what finance is told, from now on */
        xd_buf_printf(b,
                      "{\"table\":\"out\",\"system\":\"finance\",\"code\":\"X\","
                      "\"value\":\"v%u\"}",
                      below(a, 4));
        add(a, XD_KIND_CROSSWALK, "urn:codes", b);
        return;
    }
    static const struct {
        const char *table, *system, *code, *values[2];
    } codes[] = {{"site", "wms", "L0", {"S0", "S1"}},
                 {"site", "wms", "L1", {"S1", "S0"}},
                 {"unit", "wms", "ST", {"EA", "CS"}},
                 {"unit", "wms", "KAR", {"CS", "EA"}},
                 {"uom", "factor", "CS>EA", {"12", "1/3"}}};
    uint32_t at = below(a, sizeof codes / sizeof *codes);
    xd_buf_printf(b, "{\"table\":\"%s\",\"system\":\"%s\",\"code\":\"%s\"", codes[at].table,
                  codes[at].system, codes[at].code);
    if (chance(a, 15)) {
        XD_BUF_LIT(b, ",\"value\":null");
    } else {
        xd_buf_printf(b, ",\"value\":\"%s\"", codes[at].values[chance(a, 15)]);
    }
    if (chance(a, 30)) {
        xd_buf_printf(b, ",\"valid_from\":\"%s\"",
                      (const char *[]){"2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z",
                                       "2026-03-01T12:00:00Z",
                                       "2027-01-01T00:00:00Z"}[below(a, 4)]);
    }
    if (chance(a, 15)) {
        xd_buf_printf(b, ",\"valid_to\":\"%s\"",
                      (const char *[]){"2026-02-15T00:00:00Z", "2026-03-01T16:00:00Z",
                                       "2028-01-01T00:00:00Z"}[below(a, 3)]);
    }
    xd_buf_char(b, '}');
    add(a, XD_KIND_CROSSWALK, "urn:codes", b);
}

static void goods_receipt(author *a, xd_buf *b, const order *o)
{
    if (a->coded && chance(a, 40)) {
        record(a, b, o);
        return;
    }
    const paper *old = chance(a, 12) ? any_paper(a, a->receipts, a->receipt_count) : NULL;
    o = old ? old->order : o;
    xd_buf_printf(b,
                  "{\"receipt_no\":\"R%u\",\"purchase_order\":\"P%u\",\"site\":\"S%u\","
                  "\"received_at\":",
                  a->number, o->number, chance(a, 95) ? o->site : below(a, SITES));
    instant(a, b);
    xd_buf_printf(b, ",\"movement\":\"%s\"", old ? "reversal" : "receipt");
    if (chance(a, 20)) {
        xd_buf_printf(b, ",\"received_by\":\"%s\"", person(a));
    }
    XD_BUF_LIT(b, ",\"lines\":[");
    uint32_t lines = old ? 1 : 1 + below(a, o->lines);
    for (uint32_t i = 0; i < lines; i++) {
        uint32_t line = old ? old->line : 10 * (1 + below(a, o->lines));
        uint32_t q = old && chance(a, 70) ? old->quantity : below(a, 9);
        xd_buf_printf(b, "%s{\"line\":%u,\"po_line\":%u,\"quantity\":\"%s\"", i ? "," : "", i + 1,
                      line, quantities[q]);
        if (!old && chance(a, 10)) {
            xd_buf_printf(b, ",\"damaged\":\"0.2\"");
        }
        if (!old && chance(a, 8)) {
            xd_buf_printf(b, ",\"rejected\":\"%s\"", chance(a, 30) ? quantities[q] : "0.1");
        }
        xd_buf_char(b, '}');
        if (!old) {
            note(a, a->receipts, &a->receipt_count, o, line, q);
        }
    }
    XD_BUF_LIT(b, "]}");
    add(a, XD_KIND_GOODS_RECEIPT, "urn:wms", b);
}

static void supplier_return(author *a, xd_buf *b, const order *o)
{
    const paper *receipt = any_paper(a, a->receipts, a->receipt_count);
    o = receipt ? receipt->order : o;
    xd_buf_printf(b, "{\"return_no\":\"X%u\",\"po\":\"P%u\",\"site\":\"S%u\",\"returned_at\":",
                  a->number, o->number, o->site);
    instant(a, b);
    xd_buf_printf(b, ",\"lines\":[{\"line\":1,\"po_line\":%u,\"quantity\":\"%s\"",
                  receipt ? receipt->line : 10, quantity(a));
    if (receipt && chance(a, 40)) {
        xd_buf_printf(b, ",\"receipt_no\":\"R%u\"", receipt->number);
    }
    XD_BUF_LIT(b, "}]}");
    add(a, XD_KIND_SUPPLIER_RETURN, "urn:wms", b);
}

static void stock_document(author *a, xd_buf *b)
{
    uint32_t s = below(a, SITES);
    uint32_t i = below(a, ITEMS);
    const char *q = quantity(a);
    switch (below(a, 5)) {
    case 0:
        xd_buf_printf(b, "{\"adjustment_no\":\"J%u\",\"site\":\"S%u\",\"adjusted_at\":", a->number,
                      s);
        instant(a, b);
        xd_buf_printf(b,
                      ",\"lines\":[{\"line\":1,\"item\":\"I%u\",\"quantity\":\"%s%s\",\"reason\":"
                      "\"r\"}]}",
                      i, chance(a, 50) ? "-" : "", q);
        add(a, XD_KIND_ADJUSTMENT, "urn:wms", b);
        break;
    case 1:
        xd_buf_printf(b, "{\"count_no\":\"K%u\",\"site\":\"S%u\",\"counted_at\":", a->number, s);
        instant(a, b);
        xd_buf_printf(b, ",\"lines\":[{\"line\":1,\"item\":\"I%u\",\"counted\":\"%s\"}]}", i, q);
        add(a, XD_KIND_CYCLE_COUNT, "urn:wms", b);
        break;
    case 2: {
        bool arrives = a->transfers > 0 && chance(a, 50);
        uint32_t number = arrives ? 1 + below(a, a->transfers) : ++a->transfers;
        /* Both ends of a way are drawn from its number, so that they agree. */
        xd_buf_printf(b,
                      "{\"transfer_no\":\"T%u\",\"from_site\":\"S%u\",\"to_site\":\"S%u\","
                      "\"movement\":\"%s\",\"moved_at\":",
                      number, number % 2, 1 - number % 2, arrives ? "received" : "shipped");
        instant(a, b);
        xd_buf_printf(b, ",\"lines\":[{\"line\":1,\"item\":\"I%u\",\"quantity\":\"%s\"}]}",
                      number % ITEMS, quantities[chance(a, 90) ? number % 9 : below(a, 9)]);
        add(a, XD_KIND_TRANSFER, "urn:wms", b);
        break;
    }
    default:
        xd_buf_printf(b, "{\"shipment_no\":\"D%u\",\"site\":\"S%u\",\"shipped_at\":", a->number, s);
        instant(a, b);
        xd_buf_printf(b, ",\"lines\":[{\"line\":1,\"item\":\"I%u\",\"quantity\":\"%s\"}]}", i, q);
        add(a, XD_KIND_SALES_SHIPMENT, "urn:wms", b);
        break;
    }
}

/* --- money --- */

static void bill_line(author *a, xd_buf *b, const order *o, uint32_t number, const paper *receipt)
{
    uint32_t at = below(a, o->lines);
    uint32_t q = below(a, 9);
    uint32_t line = 10 * (at + 1);
    if (receipt) {
        line = receipt->line;
        at = line / 10 - 1;
        q = chance(a, 80) ? receipt->quantity : q;
    }
    xd_buf_printf(b, "{\"line\":%u,\"quantity\":\"%s\",\"unit_price\":\"%s\"", number,
                  quantities[q], price_near(a, o->price[at]));
    if (o->item[at] >= 0 && chance(a, 15)) {
        xd_buf_printf(b, ",\"item\":\"I%d\"", (int)o->item[at]);
    } else {
        xd_buf_printf(b, ",\"po_line\":%u", line);
    }
    if (receipt && chance(a, 20)) {
        xd_buf_printf(b, ",\"receipt_no\":\"R%u\"", receipt->number);
    }
    if (chance(a, 4)) {
        XD_BUF_LIT(b, ",\"uom\":\"BX\"");
    }
    xd_buf_char(b, '}');
}

static void bill_lines(author *a, xd_buf *b, const order *o, const paper *receipt)
{
    uint32_t lines = 1 + below(a, 2);
    XD_BUF_LIT(b, ",\"lines\":[");
    for (uint32_t i = 0; i < lines; i++) {
        xd_buf_str_add(b, i ? XD_STR(",") : XD_STR(""));
        bill_line(a, b, o, i + 1, i == 0 ? receipt : NULL);
    }
    xd_buf_char(b, ']');
    if (chance(a, 8)) {
        XD_BUF_LIT(b, ",\"charges\":[{\"code\":\"FRT\",\"amount\":\"12.34\"}]");
    }
    if (chance(a, 12)) {
        XD_BUF_LIT(b, ",\"tax\":\"3.21\"");
    }
    if (chance(a, 8)) {
        xd_buf_printf(b, ",\"total\":\"%u.%02u\"", 10 + below(a, 200), below(a, 100));
    }
}

static void supplier_invoice(author *a, xd_buf *b, const order *o)
{
    const paper *receipt = chance(a, 60) ? any_paper(a, a->receipts, a->receipt_count) : NULL;
    o = receipt ? receipt->order : o;
    xd_buf_printf(b,
                  "{\"invoice\":\"B%u\",\"supplier\":\"V%u\",\"po\":\"P%u\",\"currency\":\"%s\","
                  "\"invoice_date\":",
                  a->number, chance(a, 97) ? o->supplier : below(a, SUPPLIERS), o->number,
                  chance(a, 3) ? "EUR" : "USD");
    date(a, b);
    if (chance(a, 40)) {
        xd_buf_printf(b, ",\"entered_by\":\"%s\"", person(a));
    }
    bill_lines(a, b, o, receipt);
    xd_buf_char(b, '}');
    note(a, a->invoices, &a->invoice_count, o, 0, 0);
    add(a, XD_KIND_SUPPLIER_INVOICE, "urn:suppliers", b);
}

static void credit_memo(author *a, xd_buf *b, const order *o)
{
    const paper *invoice = any_paper(a, a->invoices, a->invoice_count);
    o = invoice ? invoice->order : o;
    xd_buf_printf(b,
                  "{\"credit_memo\":\"C%u\",\"supplier\":\"V%u\",\"po\":\"P%u\",\"currency\":"
                  "\"USD\",\"kind\":\"%s\",\"credit_date\":",
                  a->number, o->supplier, o->number,
                  (const char *[]){"quantity", "quantity", "price", "charge"}[below(a, 4)]);
    date(a, b);
    if (invoice && chance(a, 60)) {
        xd_buf_printf(b, ",\"invoice\":\"B%u\"", invoice->number);
    }
    bill_lines(a, b, o, NULL);
    xd_buf_char(b, '}');
    add(a, XD_KIND_CREDIT_MEMO, "urn:suppliers", b);
}

static void payment_status(author *a, xd_buf *b)
{
    const paper *invoice = any_paper(a, a->invoices, a->invoice_count);
    uint32_t number = invoice ? invoice->number : 1;
    uint32_t supplier_index = invoice ? invoice->order->supplier : 0;
    xd_buf_printf(
        b, "{\"payment\":\"Z%u\",\"supplier\":\"V%u\",\"invoice\":\"B%u\",\"status\":\"%s\"}",
        chance(a, 80) ? a->number : number, supplier_index, number,
        (const char *[]){"paid", "cleared", "blocked", "block_removed"}[below(a, 4)]);
    add(a, XD_KIND_PAYMENT_STATUS, "urn:finance", b);
}

static void journal_entry(author *a, xd_buf *b)
{
    xd_buf_printf(b, "{\"entry_no\":\"N%u\",\"currency\":\"USD\",\"date\":", a->number);
    date(a, b);
    if (chance(a, 50)) {
        xd_buf_printf(b, ",\"prepared_by\":\"%s\"", person(a));
    }
    xd_buf_printf(b,
                  ",\"lines\":[{\"account\":\"9100\",\"debit\":\"%u.50\"},{\"account\":\"9200\","
                  "\"credit\":\"%u.50\"}]}",
                  a->number, a->number);
    add(a, XD_KIND_JOURNAL_ENTRY, "urn:finance", b);
}

/* --- poison: documents that break a rule, or wait for what never comes --- */

static void poison(author *a, xd_buf *b)
{
    static const order nowhere = {.number = 99999, .supplier = 0, .site = 0, .lines = 1};
    switch (below(a, 6)) {
    case 0:
        goods_receipt(a, b, &nowhere);
        break;
    case 1:
        supplier_invoice(a, b, &nowhere);
        break;
    case 2: /* refused at the door: debits and credits differ */
        XD_BUF_LIT(b,
                   "{\"entry_no\":\"N0\",\"currency\":\"USD\",\"date\":\"2026-01-01\",\"lines\":"
                   "[{\"account\":\"1\",\"debit\":\"1\"},{\"account\":\"2\",\"credit\":\"2\"}]}");
        add(a, XD_KIND_JOURNAL_ENTRY, "urn:finance", b);
        break;
    case 3: /* at the edge of arithmetic */
        xd_buf_printf(b,
                      "{\"adjustment_no\":\"J%u\",\"site\":\"S0\",\"adjusted_at\":\"2026-01-01T00:"
                      "00:00Z\",\"lines\":[{\"line\":1,\"item\":\"I%u\",\"quantity\":"
                      "\"999999999999\",\"reason\":\"r\"}]}",
                      a->number, below(a, ITEMS));
        add(a, XD_KIND_ADJUSTMENT, "urn:wms", b);
        break;
    case 4: /* refused at the door: no such member */
        XD_BUF_LIT(b, "{\"site\":\"S0\",\"nmae\":\"Site\"}");
        add(a, XD_KIND_SITE, "urn:erp", b);
        break;
    default: /* a key that must be escaped */
        xd_buf_printf(b, "{\"item\":\"I/%%%u\",\"uom\":\"EA\"}", below(a, 3));
        add(a, XD_KIND_ITEM, "urn:erp", b);
        break;
    }
}

/* --- the whole --- */

static void any_document(author *a, xd_buf *b)
{
    if (a->coded && chance(a, 8)) {
        code(a, b);
        return;
    }
    const order *o = any_order(a);
    uint32_t at = below(a, 100);
    if (!o || at < 11) {
        purchase_order(a, b);
    } else if (at < 38) {
        goods_receipt(a, b, o);
    } else if (at < 60) {
        supplier_invoice(a, b, o);
    } else if (at < 65) {
        credit_memo(a, b, o);
    } else if (at < 69) {
        supplier_return(a, b, o);
    } else if (at < 74) {
        order_change(a, b);
    } else if (at < 77) {
        payment_status(a, b);
    } else if (at < 87) {
        stock_document(a, b);
    } else if (at < 89) {
        acknowledgement(a, b, o);
    } else if (at < 91) {
        ship_notice(a, b, o);
    } else if (at < 92) {
        order_activity(a, b, o);
    } else if (at < 94) {
        journal_entry(a, b);
    } else if (at < 97) {
        master(a, b);
    } else {
        poison(a, b);
    }
}

/* Some come late: each goes back by a few places at most. */
static void make_late(author *a)
{
    sim_document *d = a->out->documents;
    for (uint32_t i = 0; i + 1 < a->out->count; i++) {
        if (!chance(a, 15)) {
            continue;
        }
        uint32_t to = i + 1 + below(a, LATE_MAX);
        to = to < a->out->count ? to : a->out->count - 1;
        sim_document late = d[i];
        memmove(&d[i], &d[i + 1], (to - i) * sizeof *d);
        d[to] = late;
    }
}

/* Some come again: as they were, under their id with another content, or under a new id. */
static void repeat(author *a)
{
    sim_document *d = a->out->documents;
    uint32_t count = a->out->count;
    for (uint32_t i = 0; i < count / 10 && a->out->count < a->out->size; i++) {
        uint32_t from = below(a, a->out->count);
        uint32_t to = from + 1 + below(a, a->out->count - from);
        sim_document again = d[from];
        switch (below(a, 5)) {
        case 0:
            again.data = d[below(a, a->out->count)].data;
            break;
        case 1:
            again.id = xd_arena_printf(&a->out->plan->arena, "again-%u", i);
            break;
        default:
            break;
        }
        memmove(&d[to + 1], &d[to], (a->out->count - to) * sizeof *d);
        d[to] = again;
        a->out->count++;
    }
}

static const char map_text[] =
    "{'receipt_no': nr, 'purchase_order': po, 'site': $xref('site', 'wms', lager),"
    " 'received_at': am, 'lines': zeilen.{'line': n, 'po_line': pos,"
    " 'quantity': $uom(menge, $xref('unit', 'wms', einheit), 'EA')}[]}";

static const char out_map_text[] = "$merge([$, {'unit': $xref('out', 'finance', 'X')}])";

static void write_out_map(author *a, xd_buf *b)
{
    xd_buf_clear(b);
    XD_BUF_LIT(b, "{\"name\":\"out\",\"hash\":\"" SIM_OUT_MAP
                  "\",\"from\":\"journal\",\"layout\":null,\"text\":");
    xd_json_write_string(b, xd_str_from(out_map_text));
    xd_buf_char(b, '}');
    a->out->plan->out_map =
        (sim_document){.kind = XD_KIND_HUB_MAP,
                       .source = XD_STR("hub"),
                       .id = XD_STR("out@1"),
                       .data = xd_arena_copy(&a->out->plan->arena, xd_buf_str(b))};
    a->out->plan->out_code =
        (sim_document){.kind = XD_KIND_CROSSWALK,
                       .source = XD_STR("urn:codes"),
                       .id = XD_STR("out@1"),
                       .data = XD_STR("{\"table\":\"out\",\"system\":\"finance\","
                                      "\"code\":\"X\",\"value\":\"first\"}")};
}

static void write_map(author *a, xd_buf *b)
{
    XD_BUF_LIT(b, "{\"name\":\"wms\",\"hash\":\"" SIM_MAP
                  "\",\"to\":\"goods_receipt\",\"layout\":null,\"text\":");
    xd_json_write_string(b, xd_str_from(map_text));
    xd_buf_char(b, '}');
    a->out->plan->map = (sim_document){.kind = XD_KIND_HUB_MAP,
                                       .source = XD_STR("hub"),
                                       .id = XD_STR("wms@1"),
                                       .data = xd_arena_copy(&a->out->plan->arena, xd_buf_str(b))};
}

void sim_write_documents(sim_writing *writing, uint32_t count)
{
    author *a = xd_arena_zalloc(&writing->plan->arena, sizeof *a);
    writing->documents =
        xd_arena_zalloc(&writing->plan->arena, (count + 1) * sizeof *writing->documents);
    assert(a && writing->documents);
    writing->size = count;
    a->out = writing;
    a->random = &writing->random;
    a->coded = writing->plan->seed % 2 == 0;
    xd_buf b;
    xd_buf_init(&b, 1 << 16);
    if (a->coded) {
        write_map(a, &b);
        write_out_map(a, &b);
    }
    uint32_t fresh = count - count / 11;
    uint32_t masters = ITEMS + SUPPLIERS + SITES;
    while (writing->count < fresh) {
        uint32_t i = a->number++;
        xd_buf_clear(&b);
        a->day = (int32_t)(i * 50 / (count + 1));
        if (count >= 40 && i < masters) {
            i < ITEMS               ? item(a, &b, i)
            : i < ITEMS + SUPPLIERS ? supplier(a, &b, i - ITEMS)
                                    : site(a, &b, i - ITEMS - SUPPLIERS);
        } else {
            any_document(a, &b);
        }
    }
    xd_buf_finish(&b);
    make_late(a);
    repeat(a);
}
