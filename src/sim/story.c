/* The story of one purchase order: ordered, changed, acknowledged, shipped, received in parts,
 * billed, credited, paid; and what is then sold. Most orders go well; what goes wrong is drawn from
 * the seed. Pure; calls base. */
#include "sim/author_int.h"

#include <stdio.h>

enum {
    MAX_LINES = 8,
    PLACES_PER_ORDER = 40, /* distance of two orders: about a dozen are open at a time */
    /* places after the start of the story */
    AT_CHANGE = 12,
    AT_ACKNOWLEDGEMENT = 20,
    AT_EARLY_INVOICE = 30,
    AT_RECEIPTS = 60,
    PLACES_PER_RECEIPT = 90,
    NUMBER_BYTES = 64,
    QUANTITY_SCALE = 3,
    PRICE_SCALE = 4,
    AMOUNT_SCALE = 2,
};

typedef struct order_line {
    uint32_t item;
    int64_t quantity, price;
    int64_t open;     /* still to come */
    int64_t received; /* taken in so far, without what was rejected */
    int64_t billed;
} order_line;

typedef struct story {
    xd_author *author;
    uint32_t index;
    uint64_t start;
    uint32_t supplier_no;
    const char *site;
    char po[NUMBER_BYTES];
    char supplier[16];
    char wms[32]; /* source of what the site's warehouse system says */
    uint32_t line_count;
    order_line lines[MAX_LINES];
    uint32_t version;
    uint32_t invoices;
    uint64_t end; /* place of the last movement */
} story;

/* A bill: an invoice or, with credit set, a credit memo. */
typedef struct bill {
    const char *credit; /* its kind; NULL: an invoice */
    uint64_t place;
    int64_t quantity[MAX_LINES]; /* 0: the line is not in it */
    int64_t price[MAX_LINES];
    bool taxed, freight;
} bill;

uint64_t xd_story_place(uint32_t index)
{
    return 100 + (uint64_t)index * PLACES_PER_ORDER;
}

static void number_of(const story *s, char *text, const char *prefix, uint32_t part)
{
    int n = snprintf(text, NUMBER_BYTES, "%s-%llu-%06u", prefix,
                     (unsigned long long)s->author->plan->seed, s->index);
    if (part > 0) {
        snprintf(text + n, NUMBER_BYTES - (size_t)n, "-%u", part);
    }
}

static uint64_t jitter(const story *s, uint64_t offset)
{
    return s->start + offset + (uint64_t)xd_author_between(s->author, 0, 8);
}

static void begin(const story *s, const char *kind, const char *source, const char *number,
                  uint64_t place)
{
    char type[64];
    snprintf(type, sizeof type, "crossdock.%s.v1", kind);
    xd_heading heading = {.type = type,
                          .source = source,
                          .number = number,
                          .tag = "",
                          .place = place,
                          .business_place = place,
                          .order = s->index};
    xd_author_begin(s->author, &heading);
}

static void item_member(xd_author *a, uint32_t item)
{
    char code[16];
    snprintf(code, sizeof code, "ITM-%04u", item);
    xd_author_text(a, "item", code);
}

/* about percent of quantity, in steps of the item, at least one step. */
static int64_t share(const order_line *line, int64_t percent)
{
    int64_t step = xd_catalogue_item_at(line->item).step;
    int64_t part = line->quantity * percent / 100 / step * step;
    return part > 0 ? part : step;
}

/* --- the order and what is said about it --- */

static void invent_lines(story *s)
{
    xd_author *a = s->author;
    s->line_count = (uint32_t)xd_author_between(a, 1, MAX_LINES);
    uint32_t first = (uint32_t)xd_author_between(a, 0, XD_ITEMS - 1);
    for (uint32_t i = 0; i < s->line_count; i++) {
        /* Items of an order differ, as a buyer would write them. */
        uint32_t item = (first + i * 7) % XD_ITEMS;
        xd_catalogue_item known = xd_catalogue_item_at(item);
        int64_t quantity = xd_author_between(a, 4, 400) * known.step;
        int64_t price = known.price + known.price * xd_author_between(a, -5, 5) / 100;
        s->lines[i] =
            (order_line){.item = item, .quantity = quantity, .price = price, .open = quantity};
    }
}

static void write_order(story *s, uint64_t place)
{
    xd_author *a = s->author;
    xd_heading heading = {.type = "crossdock.purchase_order.v1",
                          .source = "urn:procurement",
                          .number = s->po,
                          .tag = "",
                          .place = place,
                          .business_place = s->start,
                          .order = s->index,
                          .role = XD_ROLE_ORDER};
    xd_author_begin(a, &heading);
    xd_author_text(a, "po", s->po);
    xd_author_text(a, "supplier", s->supplier);
    xd_author_text(a, "site", s->site);
    xd_author_text(a, "currency", "USD");
    xd_author_instant_member(a, "ordered_at", s->start);
    xd_author_text(a, "terms", "NET30");
    xd_author_text(a, "created_by", "bea.buyer");
    xd_author_text(a, "approved_by", "max.manager");
    xd_author_list(a, "lines");
    for (uint32_t i = 0; i < s->line_count; i++) {
        const order_line *line = &s->lines[i];
        xd_author_item(a);
        xd_author_int(a, "po_line", (i + 1) * 10);
        item_member(a, line->item);
        xd_author_text(a, "uom", xd_catalogue_item_at(line->item).uom);
        xd_author_decimal(a, "quantity", line->quantity, QUANTITY_SCALE);
        xd_author_decimal(a, "unit_price", line->price, PRICE_SCALE);
        xd_author_item_end(a);
    }
    xd_author_list_end(a);
    xd_author_end(a);
}

/* More of one line, at a slightly better price. */
static void write_change(story *s, uint64_t place)
{
    xd_author *a = s->author;
    uint32_t i = (uint32_t)xd_author_between(a, 0, s->line_count - 1);
    order_line *line = &s->lines[i];
    int64_t more = share(line, 10);
    char number[NUMBER_BYTES];
    line->quantity += more;
    line->open += more;
    line->price -= line->price / 50;
    number_of(s, number, "CHG", ++s->version);
    begin(s, "order_change", "urn:procurement", number, place);
    xd_author_text(a, "po", s->po);
    xd_author_int(a, "based_on", s->version - 1);
    xd_author_int(a, "version", s->version);
    xd_author_text(a, "requested_by", "bea.buyer");
    xd_author_text(a, "status", "approved");
    xd_author_list(a, "lines");
    xd_author_item(a);
    xd_author_int(a, "po_line", (i + 1) * 10);
    xd_author_text(a, "action", "change");
    xd_author_decimal(a, "quantity", line->quantity, QUANTITY_SCALE);
    xd_author_decimal(a, "unit_price", line->price, PRICE_SCALE);
    xd_author_item_end(a);
    xd_author_list_end(a);
    xd_author_end(a);
}

static void write_acknowledgement(const story *s, uint64_t place)
{
    xd_author *a = s->author;
    char number[NUMBER_BYTES];
    number_of(s, number, "ACK", 0);
    begin(s, "acknowledgement", "urn:procurement", number, place);
    xd_author_text(a, "po", s->po);
    xd_author_int(a, "version", s->version);
    xd_author_text(a, "acknowledgement_no", number);
    xd_author_list(a, "lines");
    for (uint32_t i = 0; i < s->line_count; i++) {
        bool late = xd_author_chance(a, 6);
        xd_author_item(a);
        xd_author_int(a, "po_line", (i + 1) * 10);
        xd_author_text(a, "code", late ? "DR" : "IA");
        if (late) {
            xd_author_date_member(a, "date", place + AT_RECEIPTS + PLACES_PER_RECEIPT);
        } else {
            xd_author_decimal(a, "quantity", s->lines[i].quantity, QUANTITY_SCALE);
        }
        xd_author_item_end(a);
    }
    xd_author_list_end(a);
    xd_author_end(a);
}

/* --- goods --- */

static void lots_member(xd_author *a, const char *number, int64_t quantity, int64_t step,
                        uint64_t place)
{
    int64_t first = quantity > 2 * step ? quantity / 3 / step * step : 0;
    const int64_t parts[] = {quantity - first, first};
    xd_author_list(a, "lots");
    for (uint32_t i = 0; i < 2; i++) {
        char lot[NUMBER_BYTES + 8];
        if (parts[i] == 0) {
            continue;
        }
        snprintf(lot, sizeof lot, "L%u-%s", i + 1, number);
        xd_author_item(a);
        xd_author_text(a, "lot", lot);
        xd_author_decimal(a, "quantity", parts[i], QUANTITY_SCALE);
        xd_author_date_member(a, "expires", place + 1000);
        xd_author_item_end(a);
    }
    xd_author_list_end(a);
}

static void write_ship_notice(const story *s, uint32_t part, const int64_t *quantity,
                              uint64_t place)
{
    xd_author *a = s->author;
    char number[NUMBER_BYTES];
    number_of(s, number, "ASN", part);
    begin(s, "ship_notice", "urn:procurement", number, place);
    xd_author_text(a, "shipment", number);
    xd_author_text(a, "supplier", s->supplier);
    xd_author_text(a, "po", s->po);
    xd_author_instant_member(a, "shipped_at", place);
    xd_author_instant_member(a, "expected_at", place + 20);
    xd_author_text(a, "carrier", "RDWY");
    xd_author_list(a, "lines");
    for (uint32_t i = 0, n = 0; i < s->line_count; i++) {
        if (quantity[i] > 0) {
            xd_author_item(a);
            xd_author_int(a, "line", ++n);
            xd_author_int(a, "po_line", (i + 1) * 10);
            item_member(a, s->lines[i].item);
            xd_author_decimal(a, "quantity", quantity[i], QUANTITY_SCALE);
            xd_author_item_end(a);
        }
    }
    xd_author_list_end(a);
    xd_author_end(a);
}

static void write_receipt_line(story *s, uint32_t i, uint32_t n, int64_t quantity,
                               const char *number, uint64_t place)
{
    static const char *const dispositions[] = {"stock", "quarantine", "return"};
    xd_author *a = s->author;
    order_line *line = &s->lines[i];
    xd_catalogue_item known = xd_catalogue_item_at(line->item);
    int64_t damaged = 0;
    int64_t rejected = 0;
    if (quantity >= 4 * known.step) {
        damaged = xd_author_chance(a, 6) ? known.step : 0;
        rejected = xd_author_chance(a, 2) ? known.step : 0;
    }
    xd_author_item(a);
    xd_author_int(a, "line", n);
    xd_author_int(a, "po_line", (i + 1) * 10);
    item_member(a, line->item);
    xd_author_text(a, "uom", known.uom);
    xd_author_decimal(a, "quantity", quantity, QUANTITY_SCALE);
    if (known.lots) {
        lots_member(a, number, quantity, known.step, place);
    }
    if (damaged > 0) {
        xd_author_decimal(a, "damaged", damaged, QUANTITY_SCALE);
        xd_author_text(a, "disposition", dispositions[xd_author_between(a, 0, 2)]);
    }
    if (rejected > 0) {
        xd_author_decimal(a, "rejected", rejected, QUANTITY_SCALE);
    }
    xd_author_item_end(a);
    line->open = line->open > quantity ? line->open - quantity : 0;
    line->received += quantity - rejected;
}

static void write_receipt(story *s, uint32_t part, const int64_t *quantity, uint64_t place)
{
    xd_author *a = s->author;
    char number[NUMBER_BYTES];
    number_of(s, number, "GR", part);
    xd_heading heading = {.type = xd_author_chance(a, 50) ? "goods.receipt.confirmed"
                                                          : "crossdock.goods_receipt.v1",
                          .source = s->wms,
                          .number = number,
                          .tag = "",
                          .place = place,
                          .business_place = place,
                          .order = s->index,
                          .role = XD_ROLE_RECEIPT};
    xd_author_begin(a, &heading);
    xd_author_text(a, "receipt_no", number);
    xd_author_text(a, "purchase_order", s->po);
    xd_author_text(a, "supplier", s->supplier);
    xd_author_text(a, "site", s->site);
    xd_author_instant_member(a, "received_at", place);
    xd_author_text(a, "carrier", "RDWY");
    xd_author_text(a, "received_by", "rob.receiver");
    xd_author_list(a, "lines");
    for (uint32_t i = 0, n = 0; i < s->line_count; i++) {
        if (quantity[i] > 0) {
            write_receipt_line(s, i, ++n, quantity[i], number, place);
        }
    }
    xd_author_list_end(a);
    xd_author_end(a);
    s->end = place;
}

/* What comes with this part: a share of each line, and with the last part the rest, which now and
 * then is too much or too little. False when nothing comes. */
static bool choose_quantities(story *s, bool last, int64_t *quantity)
{
    bool any = false;
    for (uint32_t i = 0; i < s->line_count; i++) {
        const order_line *line = &s->lines[i];
        int64_t open = line->open;
        if (!last) {
            int64_t part = share(line, xd_author_between(s->author, 20, 60));
            quantity[i] = xd_author_chance(s->author, 80) ? (part < open ? part : open) : 0;
        } else if (xd_author_chance(s->author, 4)) {
            quantity[i] = open + share(line, 4);
        } else if (xd_author_chance(s->author, 6) && open > share(line, 5)) {
            quantity[i] = open - share(line, 5);
        } else {
            quantity[i] = open;
        }
        any = any || quantity[i] > 0;
    }
    return any;
}

/* --- bills --- */

static int64_t amount_of(int64_t quantity, int64_t price)
{
    return (quantity * price + 50000) / 100000; /* 10^-7 to 10^-2, half up */
}

static int64_t write_bill_lines(const story *s, const bill *b)
{
    xd_author *a = s->author;
    int64_t net = 0;
    xd_author_list(a, "lines");
    for (uint32_t i = 0, n = 0; i < s->line_count; i++) {
        if (b->quantity[i] == 0) {
            continue;
        }
        int64_t amount = amount_of(b->quantity[i], b->price[i]);
        xd_author_item(a);
        xd_author_int(a, "line", ++n);
        xd_author_int(a, "po_line", (i + 1) * 10);
        item_member(a, s->lines[i].item);
        xd_author_decimal(a, "quantity", b->quantity[i], QUANTITY_SCALE);
        xd_author_decimal(a, "unit_price", b->price[i], PRICE_SCALE);
        xd_author_decimal(a, "amount", amount, AMOUNT_SCALE);
        xd_author_item_end(a);
        net += amount;
    }
    xd_author_list_end(a);
    return net;
}

/* Net, charges, tax and total; returns the total. */
static int64_t write_bill_totals(xd_author *a, const bill *b, int64_t net)
{
    int64_t freight = b->freight ? xd_author_between(a, 1500, 9000) : 0;
    int64_t tax = b->taxed ? (net * 7 + 50) / 100 : 0;
    if (freight > 0) {
        xd_author_list(a, "charges");
        xd_author_item(a);
        xd_author_text(a, "code", "freight");
        xd_author_decimal(a, "amount", freight, AMOUNT_SCALE);
        xd_author_item_end(a);
        xd_author_list_end(a);
    }
    xd_author_decimal(a, "net", net, AMOUNT_SCALE);
    xd_author_decimal(a, "tax", tax, AMOUNT_SCALE);
    xd_author_decimal(a, "total", net + freight + tax, AMOUNT_SCALE);
    return net + freight + tax;
}

/* tag tells apart the events that carry the same number. Returns the total in cents. */
static int64_t write_bill(const story *s, const bill *b, const char *number, const char *invoice,
                          const char *tag, uint64_t place)
{
    xd_author *a = s->author;
    xd_heading heading = {.type = b->credit ? "crossdock.credit_memo.v1"
                                            : "crossdock.supplier_invoice.v1",
                          .source = "urn:finance",
                          .number = number,
                          .tag = tag,
                          .place = place,
                          .business_place = b->place,
                          .order = s->index};
    xd_author_begin(a, &heading);
    xd_author_text(a, b->credit ? "credit_memo" : "invoice", number);
    xd_author_text(a, "supplier", s->supplier);
    xd_author_text(a, "po", s->po);
    xd_author_text(a, "currency", "USD");
    xd_author_date_member(a, b->credit ? "credit_date" : "invoice_date", b->place);
    xd_author_text(a, "entered_by", "ann.payable");
    if (b->credit) {
        xd_author_text(a, "kind", b->credit);
        xd_author_text(a, "invoice", invoice);
    }
    int64_t net = write_bill_lines(s, b);
    int64_t total = write_bill_totals(a, b, net);
    xd_author_end(a);
    return total;
}

static void write_payment(const story *s, const char *invoice, uint32_t part, int64_t total,
                          uint64_t place)
{
    xd_author *a = s->author;
    char number[NUMBER_BYTES];
    number_of(s, number, "PAY", part);
    begin(s, "payment_status", "urn:finance", number, place);
    xd_author_text(a, "payment", number);
    xd_author_text(a, "supplier", s->supplier);
    xd_author_text(a, "invoice", invoice);
    xd_author_text(a, "po", s->po);
    xd_author_text(a, "status", "paid");
    xd_author_decimal(a, "amount", total, AMOUNT_SCALE);
    xd_author_text(a, "currency", "USD");
    xd_author_end(a);
}

/* The credit memo for what an invoice billed too dear (price) or too much (quantity). */
static void write_credit(const story *s, const bill *b, const char *invoice, bool dear,
                         uint64_t place)
{
    bill credit = {.credit = dear ? "price" : "quantity", .place = place};
    char number[NUMBER_BYTES];
    bool any = false;
    for (uint32_t i = 0; i < s->line_count; i++) {
        int64_t over = b->quantity[i] - s->lines[i].received;
        if (b->quantity[i] == 0) {
            continue;
        }
        if (dear && b->price[i] > s->lines[i].price) {
            credit.quantity[i] = b->quantity[i];
            credit.price[i] = b->price[i] - s->lines[i].price;
        } else if (!dear && over > 0) {
            credit.quantity[i] = over;
            credit.price[i] = b->price[i];
        }
        any = any || credit.quantity[i] > 0;
    }
    if (any) {
        number_of(s, number, "CM", s->invoices);
        write_bill(s, &credit, number, invoice, "", place);
    }
}

/* Bills what is in b, with this order's share of mistakes, and what follows from them. */
static void play_invoice(story *s, bill *b)
{
    xd_author *a = s->author;
    char number[NUMBER_BYTES];
    uint32_t line = (uint32_t)xd_author_between(a, 0, s->line_count - 1);
    bool dear = xd_author_chance(a, 12);
    bool much = !dear && xd_author_chance(a, 8);
    bool any = false;
    for (uint32_t i = 0; i < s->line_count; i++) {
        b->price[i] = s->lines[i].price;
        any = any || b->quantity[i] > 0;
    }
    if (!any) {
        return;
    }
    if (dear) {
        b->price[line] += b->price[line] * xd_author_between(a, 1, 9) / 100;
    } else if (much && b->quantity[line] > 0) {
        b->quantity[line] += share(&s->lines[line], 8);
    }
    b->taxed = xd_author_chance(a, 25);
    b->freight = xd_author_chance(a, 10);
    number_of(s, number, "INV", ++s->invoices);
    /* A sent-again invoice must say the same, so the draws for it are repeated. */
    xd_random before = a->random;
    int64_t total = write_bill(s, b, number, NULL, "", b->place);
    if (xd_author_chance(a, 5)) {
        xd_random after = a->random;
        a->random = before;
        write_bill(s, b, number, NULL, "-again", b->place + 25);
        a->random = after;
    }
    for (uint32_t i = 0; i < s->line_count; i++) {
        s->lines[i].billed += b->quantity[i];
    }
    if ((dear || much) && xd_author_chance(a, 50)) {
        write_credit(s, b, number, dear, b->place + 30);
    }
    if (!dear && !much && xd_author_chance(a, 60)) {
        write_payment(s, number, s->invoices, total, b->place + 60);
    }
}

/* Bills what was received and not billed yet. */
static void bill_received(story *s, uint64_t place)
{
    bill b = {.place = place};
    for (uint32_t i = 0; i < s->line_count; i++) {
        int64_t open = s->lines[i].received - s->lines[i].billed;
        b.quantity[i] = open > 0 ? open : 0;
    }
    play_invoice(s, &b);
}

/* The supplier bills the whole order before any goods are in. */
static void bill_early(story *s)
{
    bill b = {.place = jitter(s, AT_EARLY_INVOICE)};
    for (uint32_t i = 0; i < s->line_count; i++) {
        b.quantity[i] = s->lines[i].quantity;
    }
    play_invoice(s, &b);
}

/* --- sales --- */

static void write_shipment(const story *s, uint64_t place)
{
    xd_author *a = s->author;
    char number[NUMBER_BYTES];
    const order_line *line = &s->lines[0];
    int64_t step = xd_catalogue_item_at(line->item).step;
    int64_t quantity = line->received / 2 / step * step;
    if (quantity <= 0) {
        return;
    }
    number_of(s, number, "SHP", 0);
    begin(s, "sales_shipment", s->wms, number, place);
    xd_author_text(a, "shipment_no", number);
    xd_author_text(a, "site", s->site);
    xd_author_instant_member(a, "shipped_at", place);
    xd_author_text(a, "customer", "CUST-001");
    xd_author_list(a, "lines");
    xd_author_item(a);
    xd_author_int(a, "line", 1);
    item_member(a, line->item);
    xd_author_decimal(a, "quantity", quantity, QUANTITY_SCALE);
    xd_author_item_end(a);
    xd_author_list_end(a);
    xd_author_end(a);
}

static void play_receipts(story *s, uint32_t parts, bool bill_each)
{
    xd_author *a = s->author;
    for (uint32_t part = 1; part <= parts; part++) {
        int64_t quantity[MAX_LINES];
        uint64_t place = jitter(s, AT_RECEIPTS + (uint64_t)(part - 1) * PLACES_PER_RECEIPT);
        if (!choose_quantities(s, part == parts, quantity)) {
            continue;
        }
        if (xd_author_chance(a, 60)) {
            write_ship_notice(s, part, quantity, place - 25);
        }
        write_receipt(s, part, quantity, place);
        if (bill_each) {
            bill_received(s, place + 20);
        }
    }
}

void xd_author_order(xd_author *author, uint32_t index)
{
    story s = {.author = author, .index = index, .start = xd_story_place(index), .version = 1};
    s.supplier_no = (uint32_t)xd_author_between(author, 0, XD_SUPPLIERS - 1);
    s.site = xd_catalogue_site((uint32_t)xd_author_between(author, 0, XD_SITES - 1));
    s.end = s.start;
    snprintf(s.supplier, sizeof s.supplier, "SUP-%03u", s.supplier_no);
    snprintf(s.wms, sizeof s.wms, "urn:wms:%s", s.site);
    number_of(&s, s.po, "PO", 0);
    invent_lines(&s);
    uint32_t parts = (uint32_t)xd_author_between(author, 1, 3);
    /* Some orders reach the hub only after their first goods have been received. */
    bool late = xd_author_chance(author, 5);
    write_order(&s, late ? s.start + AT_RECEIPTS + 20 : s.start);
    if (xd_author_chance(author, 15)) {
        write_change(&s, jitter(&s, AT_CHANGE));
    }
    if (xd_author_chance(author, 70)) {
        write_acknowledgement(&s, jitter(&s, AT_ACKNOWLEDGEMENT));
    }
    bool early = xd_author_chance(author, 10);
    bool bill_each = !early && xd_author_chance(author, 30);
    if (early) {
        bill_early(&s);
    }
    play_receipts(&s, parts, bill_each);
    if (!early && !bill_each && xd_author_chance(author, 90)) {
        bill_received(&s, s.end + 30);
    }
    if (xd_author_chance(author, 30)) {
        write_shipment(&s, s.end + 40);
    }
}
