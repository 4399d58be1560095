/* libFuzzer target for the flows. The bytes are a little program: each step is one document about a
 * few orders, made from templates with ordinary and absurd figures, or a piece of JSON of the
 * fuzzer's own under some kind. Whatever comes, a step must not crash, must end in success or in a
 * limit of arithmetic or size, and every entry it posts must balance, be numbered and chained. */
#include "base/hash.h"
#include "flow/step.h"
#include "ledger/journal.h"

#include "fuzz.h"

#include <stdio.h>

enum { ARENA_BYTES = 64 << 20, TABLE = 1024, EVENTS = 256, TEXT = 2048 };

typedef struct row {
    struct row *next;
    xd_state_kind kind;
    xd_str key, value;
} row;

typedef struct hub {
    xd_arena kept, step_arena;
    xd_definition definition;
    row *table[TABLE];
    xd_event events[EVENTS];
    int count;
    xd_step step;
    char head[XD_SHA256_HEX + 1];
    int64_t ordinal;
} hub;

typedef struct input {
    const uint8_t *at, *end;
} input;

static unsigned take(input *in, unsigned limit)
{
    return in->at < in->end ? *in->at++ % limit : 0;
}

/* --- the hub --- */

static row **slot(hub *h, xd_state_kind kind, xd_str key)
{
    row **at = &h->table[xd_hash64(key, kind) % TABLE];
    while (*at && !((*at)->kind == kind && xd_str_eq((*at)->key, key))) {
        at = &(*at)->next;
    }
    return at;
}

static xd_status view_get(void *self, xd_state_kind kind, xd_str key, xd_arena *arena,
                          xd_str *ret_value, xd_fault *fault)
{
    (void)fault;
    const row *found = *slot(self, kind, key);
    *ret_value = found && found->value.ptr ? xd_arena_copy(arena, found->value) : XD_STR_NULL;
    return XD_OK;
}

static void put(hub *h, const xd_change *change)
{
    row **at = slot(h, change->kind, change->key);
    if (!*at) {
        *at = xd_arena_zalloc(&h->kept, sizeof **at);
        REQUIRE(*at);
        (*at)->kind = change->kind;
        (*at)->key = xd_arena_copy(&h->kept, change->key);
    }
    (*at)->value = change->value.ptr ? xd_arena_copy(&h->kept, change->value) : XD_STR_NULL;
}

static void check_posting(hub *h, const xd_posting *posting)
{
    xd_str hash;
    REQUIRE(posting->ordinal == ++h->ordinal);
    REQUIRE(xd_journal_verify(posting->value, xd_str_from(h->head), &hash, NULL) == XD_OK);
    memcpy(h->head, hash.ptr, XD_SHA256_HEX);
    const xd_json *entry = NULL;
    REQUIRE(xd_json_parse(posting->value, XD_JSON_LIMITS_DEFAULT, &h->step_arena, &entry, NULL) ==
            XD_OK);
    const xd_json *lines = XD_GET(entry, "lines");
    xd_decimal sum = XD_ZERO, amount;
    REQUIRE(lines->count >= 2);
    for (uint32_t i = 0; i < lines->count; i++) {
        xd_str debit = XD_TEXT(&lines->items[i], "debit");
        xd_str credit = XD_TEXT(&lines->items[i], "credit");
        REQUIRE((debit.ptr != NULL) != (credit.ptr != NULL));
        REQUIRE(xd_decimal_parse(debit.ptr ? debit : credit, &amount, NULL) == XD_OK);
        REQUIRE(xd_decimal_sign(amount) > 0);
        REQUIRE(xd_decimal_add(sum, debit.ptr ? amount : xd_decimal_neg(amount), &sum) == XD_OK);
    }
    REQUIRE(xd_decimal_sign(sum) == 0);
}

static void run(hub *h, int64_t seq, int depth)
{
    xd_fault fault = XD_FAULT_NONE;
    int64_t woken[EVENTS];
    REQUIRE(depth < EVENTS);
    xd_arena_reset(&h->step_arena);
    xd_step_begin(&h->step, &h->definition, (xd_state_view){h, view_get}, &h->events[seq - 1],
                  &h->step_arena);
    xd_status status = xd_flow_step(&h->step, &fault);
    if (status != XD_OK) {
        bool hub_made = h->events[seq - 1].kind->internal;
        if (status != XD_OVERFLOW && status != XD_LIMIT && !(hub_made && status == XD_INVALID)) {
            fprintf(stderr, "step: a %s fails with %d: %s\n", h->events[seq - 1].kind->name,
                    (int)status, fault.text);
            abort();
        }
        REQUIRE(fault.text[0]);
        return;
    }
    for (uint32_t i = 0; i < h->step.change_count; i++) {
        put(h, &h->step.changes[i]);
    }
    for (uint32_t i = 0; i < h->step.posting_count; i++) {
        check_posting(h, &h->step.postings[i]);
    }
    uint32_t count = h->step.wake_count;
    REQUIRE(count <= EVENTS);
    if (count) {
        memcpy(woken, h->step.wake, count * sizeof *woken);
    }
    for (uint32_t i = 0; i < count; i++) {
        REQUIRE(woken[i] >= 1 && woken[i] <= h->count);
        run(h, woken[i], depth + 1);
    }
}

static void offer(hub *h, const char *kind, const char *json)
{
    if (h->count == EVENTS) {
        return;
    }
    xd_event *event = &h->events[h->count];
    *event = (xd_event){.seq = h->count + 1,
                        .recorded_at = INT64_C(1772366400000000),
                        .kind = xd_kind_by_name(xd_str_from(kind)),
                        .source = XD_STR("urn:fuzz"),
                        .id = XD_STR("e"),
                        .time = XD_INSTANT_NONE,
                        .actor = XD_STR("ann"),
                        .data_text = xd_arena_copy(&h->kept, xd_str_from(json))};
    if (xd_event_open(event, !event->kind->internal, &h->kept, NULL) == XD_OK) {
        h->count++;
        run(h, event->seq, 0);
    }
}

/* --- the program --- */

static const char *quantity(input *in)
{
    static const char *const some[] = {"1",   "2",     "10",       "0.5",          "100",
                                       "7.5", "0.333", "0.000001", "999999999999", "3"};
    return some[take(in, 10)];
}

static const char *price(input *in)
{
    static const char *const some[] = {"10",         "10.01", "9.99",         "0.00000001",
                                       "10.0050000", "0",     "999999999999", "12.5"};
    return some[take(in, 8)];
}

/* Lines of a document; priced ones have prices. */
static void write_lines(input *in, bool priced, char *text, size_t size)
{
    static const char *const units[] = {"", ",\"uom\":\"EA\"", ",\"uom\":\"CS\"", ""};
    size_t n = 0;
    unsigned count = 1 + take(in, 3);
    text[0] = '\0';
    for (unsigned i = 0; i < count && n < size; i++) {
        n += (size_t)snprintf(text + n, size - n,
                              "%s{\"line\":%u,\"po_line\":%u,\"quantity\":\"%s\"%s", i ? "," : "",
                              i + 1, 1 + take(in, 4), quantity(in), units[take(in, 4)]);
        if (priced && n < size) {
            n += (size_t)snprintf(text + n, size - n, ",\"unit_price\":\"%s\"", price(in));
        }
        n += n < size ? (size_t)snprintf(text + n, size - n, "}") : 0;
    }
}

static void order(hub *h, input *in)
{
    static const char *const factors[] = {
        "", ",\"uom\":\"CS\",\"uom_factor\":{\"numerator\":12,\"denominator\":1}",
        ",\"uom\":\"CS\",\"uom_factor\":{\"numerator\":1,\"denominator\":3}", ",\"uom\":\"EA\""};
    char text[TEXT];
    const char *open = take(in, 3) ? "" : "\"quantity\":\"100\",";
    snprintf(
        text, sizeof text,
        "{\"po\":\"P%u\",\"supplier\":\"V\",\"site\":\"S\",\"currency\":\"USD\",\"version\":%u,"
        "\"lines\":[{\"po_line\":1,\"item\":\"I\",%s\"unit_price\":\"%s\"%s},{\"po_line\":2,"
        "\"item\":\"I\",\"quantity\":\"%s\",\"unit_price\":\"%s\"},{\"po_line\":3,"
        "\"unit_price\":\"%s\"}]}",
        take(in, 2), 1 + take(in, 3), open, price(in), factors[take(in, 4)], quantity(in),
        price(in), price(in));
    offer(h, "purchase_order", text);
}

static void change(hub *h, input *in)
{
    static const char *const actions[] = {"\"change\",\"unit_price\":\"11\"", "\"cancel\"",
                                          "\"change\",\"quantity\":\"5\"",
                                          "\"add\",\"unit_price\":\"3\""};
    char text[TEXT];
    unsigned based_on = 1 + take(in, 3);
    snprintf(
        text, sizeof text,
        "{\"po\":\"P%u\",\"based_on\":%u,\"version\":%u,\"lines\":[{\"po_line\":%u,\"action\":%s}"
        "]}",
        take(in, 2), based_on, based_on + 1, 1 + take(in, 4), actions[take(in, 4)]);
    offer(h, "order_change", text);
}

static void goods(hub *h, input *in, const char *kind)
{
    bool is_return = strcmp(kind, "supplier_return") == 0;
    char text[TEXT], lines[TEXT / 2];
    unsigned po = take(in, 2), number = take(in, 30);
    const char *movement = take(in, 3) ? "receipt" : "reversal";
    write_lines(in, false, lines, sizeof lines);
    if (is_return) {
        snprintf(text, sizeof text,
                 "{\"return_no\":\"X%u\",\"po\":\"P%u\",\"site\":\"S\",\"returned_at\":"
                 "\"2026-03-01T10:00:00Z\",\"lines\":[%s]}",
                 number, po, lines);
    } else {
        snprintf(text, sizeof text,
                 "{\"receipt_no\":\"R%u\",\"purchase_order\":\"P%u\",\"site\":\"S\",\"movement\":"
                 "\"%s\",\"received_at\":\"2026-03-01T10:00:00Z\",\"lines\":[%s]}",
                 number, po, movement, lines);
    }
    offer(h, kind, text);
}

static void bill(hub *h, input *in, bool is_credit)
{
    static const char *const extras[] = {"", ",\"tax\":\"3.33\"", ",\"total\":\"100\"",
                                         ",\"charges\":[{\"code\":\"f\",\"amount\":\"5\"}]"};
    static const char *const kinds[] = {"quantity", "quantity", "price", "charge"};
    char text[TEXT], lines[TEXT / 2], reference[32] = "";
    unsigned number = take(in, 30), po = take(in, 2);
    const char *extra = extras[take(in, 4)], *kind = kinds[take(in, 4)];
    write_lines(in, true, lines, sizeof lines);
    if (take(in, 3) == 0) {
        snprintf(reference, sizeof reference, ",\"invoice\":\"B%u\"", take(in, 30));
    }
    if (is_credit) {
        snprintf(text, sizeof text,
                 "{\"credit_memo\":\"C%u\",\"supplier\":\"V\",\"po\":\"P%u\",\"currency\":\"USD\","
                 "\"credit_date\":\"2026-03-02\",\"kind\":\"%s\",\"lines\":[%s]%s%s}",
                 number, po, kind, lines, extra, reference);
    } else {
        snprintf(text, sizeof text,
                 "{\"invoice\":\"B%u\",\"supplier\":\"V\",\"po\":\"P%u\",\"currency\":\"USD\","
                 "\"invoice_date\":\"2026-03-02\",\"lines\":[%s]%s}",
                 number, po, lines, extra);
    }
    offer(h, is_credit ? "credit_memo" : "supplier_invoice", text);
}

static void decide(hub *h, input *in)
{
    static const char *const codes[] = {
        "1/PRICE", "1/QUANTITY_RECEIVED", "1/QUANTITY_ORDERED", "0/CHARGE",
        "0/TOTAL", "1/LINE_UNMATCHED"};
    char text[TEXT];
    if (take(in, 2)) {
        snprintf(text, sizeof text,
                 "{\"hold\":\"V/B%u/2026/%s\",\"person\":\"bob\",\"reason\":\"fine\"}",
                 take(in, 30), codes[take(in, 6)]);
        offer(h, "hub_hold_release", text);
        return;
    }
    snprintf(text, sizeof text,
             "{\"payment\":\"Z%u\",\"supplier\":\"V\",\"invoice\":\"B%u\",\"status\":\"%s\"}",
             take(in, 9), take(in, 30), take(in, 2) ? "paid" : "blocked");
    offer(h, "payment_status", text);
}

static void move(hub *h, input *in)
{
    char text[TEXT];
    const char *amount = quantity(in);
    switch (take(in, 4)) {
    case 0:
        snprintf(text, sizeof text,
                 "{\"shipment_no\":\"S%u\",\"site\":\"S\",\"shipped_at\":\"2026-03-01T10:00:00Z\","
                 "\"lines\":[{\"line\":1,\"item\":\"I\",\"quantity\":\"%s\"}]}",
                 take(in, 9), amount);
        offer(h, "sales_shipment", text);
        break;
    case 1:
        snprintf(
            text, sizeof text,
            "{\"adjustment_no\":\"A%u\",\"site\":\"S\",\"adjusted_at\":\"2026-03-01T10:00:00Z\","
            "\"lines\":[{\"line\":1,\"item\":\"I\",\"quantity\":\"%s%s\",\"reason\":\"r\"}]}",
            take(in, 9), take(in, 2) ? "-" : "", amount);
        offer(h, "adjustment", text);
        break;
    case 2:
        snprintf(text, sizeof text,
                 "{\"count_no\":\"K%u\",\"site\":\"S\",\"counted_at\":\"2026-03-01T10:00:00Z\","
                 "\"lines\":[{\"line\":1,\"item\":\"I\",\"counted\":\"%s\"}]}",
                 take(in, 9), amount);
        offer(h, "cycle_count", text);
        break;
    default:
        snprintf(
            text, sizeof text,
            "{\"transfer_no\":\"T%u\",\"from_site\":\"S\",\"to_site\":\"T\",\"movement\":\"%s\","
            "\"moved_at\":\"2026-03-01T10:00:00Z\",\"lines\":[{\"line\":1,\"item\":\"I\","
            "\"quantity\":\"%s\"}]}",
            take(in, 3), take(in, 2) ? "shipped" : "received", amount);
        offer(h, "transfer", text);
        break;
    }
}

/* The rest of the input as a document of some kind, hub kinds included. */
static void own_words(hub *h, input *in)
{
    size_t count = 0;
    const xd_kind_info *kinds = xd_kinds(&count);
    const xd_kind_info *kind = &kinds[take(in, (unsigned)count)];
    xd_str text = {(const char *)in->at, (size_t)(in->end - in->at)};
    in->at = in->end;
    char *copy = xd_arena_alloc(&h->kept, text.len + 1);
    if (!copy || kind->kind == XD_KIND_HUB_DEFINITION) {
        return;
    }
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    offer(h, kind->name, copy);
}

static void define(hub *h, unsigned which)
{
    static const char *const definitions[] = {
        "{}",
        "{\"controls\":true,\"tolerances\":{\"price\":{},\"quantity_ordered\":{},"
        "\"quantity_received\":{\"upper_percent\":10}}}",
        "{\"match\":{\"early_invoice\":\"post\"},\"duplicate_days\":0,\"rounding_cap\":\"0.05\","
        "\"tolerances\":{\"price\":{\"upper_percent\":50},\"quantity_ordered\":{}}}",
        "{\"match\":{\"level\":2},\"valuation\":\"standard\",\"duplicate_days\":0,\"tolerances\":{"
        "\"price\":{}}}",
    };
    const xd_json *json = NULL;
    REQUIRE(xd_json_parse(xd_str_from(definitions[which]), XD_JSON_LIMITS_DEFAULT, &h->kept, &json,
                          NULL) == XD_OK);
    REQUIRE(xd_definition_read(json, &h->kept, &h->definition, NULL) == XD_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {data, data + size};
    hub *h = calloc(1, sizeof *h);
    REQUIRE(h);
    xd_arena_init(&h->kept, ARENA_BYTES);
    xd_arena_init(&h->step_arena, ARENA_BYTES);
    xd_step_init(&h->step);
    memset(h->head, '0', XD_SHA256_HEX);
    define(h, take(&in, 4));
    order(h, &in);
    while (in.at < in.end) {
        switch (take(&in, 12)) {
        case 0:
            order(h, &in);
            break;
        case 1:
            change(h, &in);
            break;
        case 2:
        case 3:
        case 4:
            goods(h, &in, "goods_receipt");
            break;
        case 5:
            goods(h, &in, "supplier_return");
            break;
        case 6:
        case 7:
            bill(h, &in, false);
            break;
        case 8:
            bill(h, &in, true);
            break;
        case 9:
            decide(h, &in);
            break;
        case 10:
            move(h, &in);
            break;
        default:
            own_words(h, &in);
            break;
        }
    }
    xd_step_finish(&h->step);
    xd_arena_finish(&h->kept);
    xd_arena_finish(&h->step_arena);
    free(h);
    return 0;
}
