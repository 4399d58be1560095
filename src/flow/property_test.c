/* Properties of the match that must hold whatever comes in whatever order:
 *  - every journal balances, is numbered without gaps and chained; nothing is matched twice; GRNI
 * in the books is exactly what is received and not billed, at its value (world_audit, after every
 * document);
 *  - for unit quantities at one price, the outcome does not depend on the order of arrival;
 *  - state is a function of the log: the same log gives the same bytes. */
#include "base/random.h"
#include "flow/world_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { LINES = 3, DOCUMENTS = 60 };

typedef enum what { RECEIPT, REVERSAL, RETURN, INVOICE, CREDIT, SHIPMENT, CHANGE, WHATS } what;

typedef struct document {
    what kind;
    int number; /* of the document */
    int lines;
    int line[LINES];
    int quantity[LINES]; /* in tenths */
    int price[LINES];    /* in cents */
} document;

static int below(xd_random *random, int limit)
{
    return (int)xd_random_below(random, (uint64_t)limit);
}

static void order(world *w, const char *price)
{
    world_send(w, "purchase_order",
               "{'po':'P','supplier':'V','site':'S','currency':'USD','lines':["
               "{'po_line':1,'item':'I1','unit_price':'%s'},"
               "{'po_line':2,'item':'I2','quantity':'30','unit_price':'%s'},"
               "{'po_line':3,'unit_price':'%s','gl':'EXP'}]}",
               price, price, price);
}

/* Lines of a document: po_line and quantity, and the price where bills have one. */
static const char *lines_of(const document *d, bool billed, char *text, size_t size)
{
    size_t n = 0;
    for (int i = 0; i < d->lines; i++) {
        n += (size_t)snprintf(text + n, size - n, "%s{'line':%d,'po_line':%d,'quantity':'%d.%d'",
                              i ? "," : "", i + 1, d->line[i], d->quantity[i] / 10,
                              d->quantity[i] % 10);
        if (billed) {
            n += (size_t)snprintf(text + n, size - n, ",'unit_price':'%d.%02d'", d->price[i] / 100,
                                  d->price[i] % 100);
        }
        n += (size_t)snprintf(text + n, size - n, "}");
    }
    return text;
}

static int order_version(world *w)
{
    int64_t version = 0;
    (void)xd_str_to_int64(xd_str_from(world_get(w, XD_STATE_PURCHASE_ORDER, "P", "version")),
                          &version);
    return (int)version;
}

static void send(world *w, const document *d)
{
    char text[1024];
    switch (d->kind) {
    case RECEIPT:
    case REVERSAL:
        world_send(w, "goods_receipt",
                   "{'receipt_no':'R%d','purchase_order':'P','site':'S','movement':'%s',"
                   "'received_at':'2026-03-01T10:00:00Z','lines':[%s]}",
                   d->number, d->kind == RECEIPT ? "receipt" : "reversal",
                   lines_of(d, false, text, sizeof text));
        break;
    case RETURN:
        world_send(w, "supplier_return",
                   "{'return_no':'X%d','po':'P','site':'S','returned_at':'2026-03-01T10:00:00Z',"
                   "'lines':[%s]}",
                   d->number, lines_of(d, false, text, sizeof text));
        break;
    case INVOICE:
        world_send(w, "supplier_invoice",
                   "{'invoice':'B%d','supplier':'V','po':'P','currency':'USD','invoice_date':"
                   "'2026-03-01','lines':[%s]}",
                   d->number, lines_of(d, true, text, sizeof text));
        break;
    case CREDIT:
        world_send(w, "credit_memo",
                   "{'credit_memo':'C%d','supplier':'V','po':'P','currency':'USD','credit_date':"
                   "'2026-03-01','kind':'quantity','lines':[%s]}",
                   d->number, lines_of(d, true, text, sizeof text));
        break;
    case SHIPMENT:
        world_send(w, "sales_shipment",
                   "{'shipment_no':'S%d','site':'S','shipped_at':'2026-03-01T10:00:00Z','lines':[{"
                   "'line':1,'item':'I%d','quantity':'%d.%d'}]}",
                   d->number, d->line[0] % 2 + 1, d->quantity[0] / 10, d->quantity[0] % 10);
        break;
    default:
        world_send(
            w, "order_change",
            "{'po':'P','based_on':%d,'version':%d,'status':'approved','lines':[{'po_line':%d,"
            "'action':'change','unit_price':'%d.%02d'}]}",
            order_version(w), order_version(w) + 1, d->line[0], d->price[0] / 100,
            d->price[0] % 100);
        break;
    }
}

/* --- anything in any order keeps the books right --- */

static document any_document(xd_random *random, int number)
{
    static const what kinds[] = {RECEIPT,  RECEIPT, RECEIPT, INVOICE,  INVOICE, INVOICE,
                                 REVERSAL, RETURN,  CREDIT,  SHIPMENT, CHANGE};
    document d = {.kind = kinds[below(random, sizeof kinds / sizeof *kinds)],
                  .number = number,
                  .lines = 1 + below(random, LINES)};
    for (int i = 0; i < d.lines; i++) {
        d.line[i] = (d.kind == INVOICE ? below(random, LINES) : i) + 1;
        d.quantity[i] = 1 + below(random, 100);
        d.price[i] = 950 + below(random, 100);
    }
    return d;
}

static void run_any(const char *definition, uint64_t seed)
{
    xd_random random = {seed};
    world *w = world_create(definition);
    order(w, "10.0033");
    for (int i = 0; i < DOCUMENTS; i++) {
        document d = any_document(&random, i);
        send(w, &d);
        if (i % 3 == 0 || i > DOCUMENTS - 5) {
            world_audit(w);
        }
        if (below(&random, 10) == 0) {
            world_send(w, "hub_hold_release",
                       "{'hold':'V/B%d/2026/1/%s','person':'ann','reason':'looks right'}",
                       below(&random, i + 1), below(&random, 2) ? "QUANTITY_RECEIVED" : "PRICE");
            world_audit(w);
        }
    }
    world_destroy(w);
}

static void books_stay_right_whatever_comes(void **state)
{
    (void)state;
    static const char *const definitions[] = {
        "{'duplicate_days':0}",
        "{'duplicate_days':0,'tolerances':{'price':{},'quantity_ordered':{}}}",
        "{'duplicate_days':0,'tolerances':{'price':{},'quantity_ordered':{},'quantity_received':{"
        "'upper_percent':'10'}}}",
        "{'duplicate_days':0,'match':{'early_invoice':'post'},'tolerances':{'price':{},"
        "'quantity_ordered':{}}}",
        "{'duplicate_days':0,'match':{'level':2},'tolerances':{'price':{},'quantity_ordered':{}}}",
        "{'duplicate_days':0,'valuation':'standard','tolerances':{'price':{}}}",
    };
    for (size_t i = 0; i < sizeof definitions / sizeof *definitions; i++) {
        for (uint64_t seed = 1; seed <= 40; seed++) {
            run_any(definitions[i], seed * 7919 + i);
        }
    }
}

/* --- the order of arrival does not matter --- */

enum { UNITS = 40, SHUFFLES = 12 };

static size_t unit_documents(xd_random *random, document *documents)
{
    static const what kinds[] = {RECEIPT, RECEIPT, RECEIPT,  INVOICE,
                                 INVOICE, INVOICE, REVERSAL, CREDIT};
    size_t count = (size_t)(8 + below(random, UNITS - 8));
    for (size_t i = 0; i < count; i++) {
        documents[i] = (document){.kind = kinds[below(random, 8)],
                                  .number = (int)i,
                                  .lines = 1,
                                  .line = {below(random, 2) ? 1 : 3},
                                  .quantity = {10},
                                  .price = {1250}};
    }
    return count;
}

static void shuffle(xd_random *random, document *documents, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t j = (size_t)below(random, (int)i);
        document swap = documents[i - 1];
        documents[i - 1] = documents[j];
        documents[j] = swap;
    }
}

/* What must be the same: quantities of the order lines and account balances. */
static void outcome(world *w, char *text, size_t size)
{
    size_t n = 0;
    static const char *const keys[] = {"P/1", "P/3"};
    static const char *const members[] = {"received", "reversed", "billed", "matched"};
    for (int i = 0; i < 2; i++) {
        for (int k = 0; k < 4; k++) {
            n += (size_t)snprintf(text + n, size - n, "%s %s %s; ", keys[i], members[k],
                                  world_get(w, XD_STATE_ORDER_LINE, keys[i], members[k]));
        }
    }
    snprintf(text + n, size - n, "%s parked %u", world_balances(w),
             (unsigned)world_count(w, XD_STATE_PARKED));
}

/* Runs the documents in many orders, with the order itself sometimes late, and compares the
 * outcomes. */
static void run_shuffled(const char *definition, uint64_t seed)
{
    xd_random random = {seed};
    document documents[UNITS];
    char first[2048] = "", now[2048];
    size_t count = unit_documents(&random, documents);
    for (int i = 0; i < SHUFFLES; i++) {
        world *w = world_create(definition);
        size_t at = i % 3 == 2 ? (size_t)below(&random, (int)count) : 0;
        for (size_t k = 0; k < count; k++) {
            if (k == at) {
                order(w, "12.50");
            }
            send(w, &documents[k]);
        }
        world_audit(w);
        outcome(w, now, sizeof now);
        if (i == 0) {
            memcpy(first, now, sizeof first);
        }
        if (strcmp(first, now) != 0) {
            fail_msg("seed %llu shuffle %d of %s:\n%s\n%s", (unsigned long long)seed, i, definition,
                     first, now);
        }
        world_destroy(w);
        shuffle(&random, documents, count);
    }
}

static void arrival_order_does_not_matter(void **state)
{
    (void)state;
    static const char *const definitions[] = {
        "{'duplicate_days':0}",
        "{'duplicate_days':0,'match':{'early_invoice':'post'}}",
        "{'duplicate_days':0,'match':{'level':2}}",
    };
    for (size_t i = 0; i < sizeof definitions / sizeof *definitions; i++) {
        for (uint64_t seed = 1; seed <= 30; seed++) {
            run_shuffled(definitions[i], seed);
        }
    }
}

static void the_same_log_gives_the_same_bytes(void **state)
{
    (void)state;
    xd_str dumps[2];
    world *worlds[2];
    for (int i = 0; i < 2; i++) {
        xd_random random = {4711};
        worlds[i] = world_create("{'duplicate_days':7,'controls':true}");
        order(worlds[i], "10.01");
        for (int k = 0; k < 200; k++) {
            document d = any_document(&random, k);
            send(worlds[i], &d);
        }
        dumps[i] = world_dump(worlds[i]);
    }
    assert_true(dumps[0].len > 1000);
    assert_true(xd_str_eq(dumps[0], dumps[1]));
    world_destroy(worlds[0]);
    world_destroy(worlds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(books_stay_right_whatever_comes),
        cmocka_unit_test(arrival_order_does_not_matter),
        cmocka_unit_test(the_same_log_gives_the_same_bytes),
    };
    return cmocka_run_group_tests_name("properties", tests, NULL, NULL);
}
