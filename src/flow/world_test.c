/* The little world for tests of flows. See world_test.h. */
#include "flow/world_test.h"

#include "ledger/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { TABLE = 1 << 14, EVENTS = 1 << 13, POSTINGS = 1 << 14, TEXTS = 64 };

typedef struct row {
    struct row *next;
    xd_state_kind kind;
    xd_str key, value;
} row;

struct world {
    xd_arena arena; /* of everything kept */
    xd_arena step_arena;
    int reads, starved_read; /* of state; 0: none */
    xd_status starved_status;
    xd_arena look_arena; /* of what tests look at; the last TEXTS answers live */
    uint32_t looks;
    xd_definition definition;
    row *table[TABLE];
    xd_event *events; /* by seq - 1 */
    int64_t event_count;
    xd_str *effects;
    xd_str *postings;
    int64_t posting_count;
    xd_step step;
    xd_instant now;
};

static xd_str keep(xd_arena *arena, xd_str s)
{
    xd_str copy = xd_arena_copy(arena, s);
    assert_non_null(copy.ptr);
    return copy;
}

static void must(xd_status status, const xd_fault *fault)
{
    if (status != XD_OK) {
        fail_msg("%s: %s (%s)", xd_code_name(status), fault->text, fault->path);
    }
}

static const xd_json *parse(xd_arena *arena, xd_str text)
{
    const xd_json *json = NULL;
    xd_fault fault = XD_FAULT_NONE;
    must(xd_json_parse(text, XD_JSON_LIMITS_DEFAULT, arena, &json, &fault), &fault);
    return json;
}

/* --- state --- */

static row **slot(world *w, xd_state_kind kind, xd_str key)
{
    row **at = &w->table[xd_hash64(key, kind) % TABLE];
    while (*at && !((*at)->kind == kind && xd_str_eq((*at)->key, key))) {
        at = &(*at)->next;
    }
    return at;
}

static xd_status view_get(void *self, xd_state_kind kind, xd_str key, xd_arena *arena,
                          xd_str *ret_value, xd_fault *fault)
{
    world *w = self;
    if (++w->reads == w->starved_read) {
        arena->starved = true;
        *ret_value = XD_STR_NULL;
        return w->starved_status == XD_OK
                   ? XD_OK
                   : xd_fail(fault, w->starved_status, "test.memory", "none");
    }
    row *found = *slot(self, kind, key);
    *ret_value = found && found->value.ptr ? keep(arena, found->value) : XD_STR_NULL;
    return XD_OK;
}

static void put(world *w, xd_state_kind kind, xd_str key, xd_str value)
{
    row **at = slot(w, kind, key);
    if (!*at) {
        *at = xd_arena_zalloc(&w->arena, sizeof **at);
        assert_non_null(*at);
        (*at)->kind = kind;
        (*at)->key = keep(&w->arena, key);
    }
    (*at)->value = value.ptr ? keep(&w->arena, value) : XD_STR_NULL;
}

/* --- stepping --- */

static xd_str quoted(xd_arena *arena, const char *text)
{
    xd_str copy = keep(arena, xd_str_from(text));
    char *bytes = xd_arena_alloc(arena, copy.len + 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < copy.len; i++) {
        bytes[i] = copy.ptr[i] == '\'' ? '"' : copy.ptr[i];
    }
    return (xd_str){bytes, copy.len};
}

static void define(world *w, xd_str text)
{
    xd_fault fault = XD_FAULT_NONE;
    text = keep(&w->arena, text);
    must(xd_definition_read(parse(&w->arena, text), &w->arena, &w->definition, &fault), &fault);
}

world *world_create(const char *definition)
{
    world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    xd_arena_init(&w->arena, (size_t)2 << 30);
    xd_arena_init(&w->step_arena, 256u << 20);
    xd_arena_init(&w->look_arena, 256u << 20);
    w->events = calloc(EVENTS, sizeof *w->events);
    w->effects = calloc(EVENTS, sizeof *w->effects);
    w->postings = calloc(POSTINGS, sizeof *w->postings);
    xd_step_init(&w->step);
    world_today(w, "2026-03-01");
    define(w, quoted(&w->arena, definition ? definition : "{'duplicate_days':0}"));
    return w;
}

void world_destroy(world *w)
{
    xd_step_finish(&w->step);
    xd_arena_finish(&w->arena);
    xd_arena_finish(&w->step_arena);
    xd_arena_finish(&w->look_arena);
    free(w->events);
    free(w->effects);
    free(w->postings);
    free(w);
}

void world_today(world *w, const char *date)
{
    xd_fault fault = XD_FAULT_NONE;
    char text[32];
    snprintf(text, sizeof text, "%sT12:00:00Z", date);
    must(xd_instant_parse(xd_str_from(text), &w->now, &fault), &fault);
}

static void step(world *w, const xd_event *event, bool resumed)
{
    xd_fault fault = XD_FAULT_NONE;
    xd_state_view view = {w, view_get};
    xd_arena_reset(&w->step_arena);
    xd_step_begin(&w->step, &w->definition, view, event, &w->step_arena);
    w->step.resumed = resumed;
    w->step.log_seq = w->event_count;
    must(xd_flow_step(&w->step, &fault), &fault);
    for (uint32_t i = 0; i < w->step.change_count; i++) {
        const xd_change *change = &w->step.changes[i];
        put(w, change->kind, change->key, change->value);
        if (change->kind == XD_STATE_DEFINITION) {
            define(w, change->value);
        }
    }
    for (uint32_t i = 0; i < w->step.posting_count; i++) {
        assert_int_equal(w->step.postings[i].ordinal, w->posting_count + 1);
        assert_true(w->posting_count < POSTINGS);
        w->postings[w->posting_count++] = keep(&w->arena, w->step.postings[i].value);
    }
    if (w->step.effect.ptr) {
        w->effects[event->seq - 1] = keep(&w->arena, w->step.effect);
    }
}

xd_status world_starve(world *w, int64_t seq, int read, xd_status says)
{
    xd_state_view view = {w, view_get};
    xd_arena_reset(&w->step_arena);
    xd_step_begin(&w->step, &w->definition, view, &w->events[seq - 1], &w->step_arena);
    w->step.log_seq = w->event_count;
    w->reads = 0;
    w->starved_read = read;
    w->starved_status = says;
    xd_status status = xd_flow_step(&w->step, NULL);
    w->starved_read = 0;
    return status;
}

/* Depth first, as the engine does it. */
static void step_all(world *w, int64_t seq, bool resumed)
{
    step(w, &w->events[seq - 1], resumed);
    uint32_t count = w->step.wake_count;
    int64_t *wake = malloc((count + 1) * sizeof *wake);
    assert_non_null(wake);
    if (count) {
        memcpy(wake, w->step.wake, count * sizeof *wake);
    }
    for (uint32_t i = 0; i < count; i++) {
        step_all(w, wake[i], true);
    }
    free(wake);
}

static int64_t send(world *w, const char *actor, const char *kind, const char *json, va_list args)
{
    char text[16384];
    int n = vsnprintf(text, sizeof text, json, args);
    assert_true(n > 0 && (size_t)n < sizeof text);
    assert_true(w->event_count < EVENTS);
    xd_fault fault = XD_FAULT_NONE;
    xd_event *event = &w->events[w->event_count++];
    *event = (xd_event){.seq = w->event_count,
                        .recorded_at = w->now,
                        .kind = xd_kind_by_name(xd_str_from(kind)),
                        .source = XD_STR("urn:test"),
                        .id = xd_arena_printf(&w->arena, "e%lld", (long long)w->event_count),
                        .time = XD_INSTANT_NONE,
                        .actor = keep(&w->arena, xd_str_from(actor)),
                        .data_text = quoted(&w->arena, text)};
    assert_non_null(event->kind);
    must(xd_event_open(event, !event->kind->internal, &w->arena, &fault), &fault);
    step_all(w, event->seq, false);
    return event->seq;
}

int64_t world_send(world *w, const char *kind, const char *json, ...)
{
    va_list args;
    va_start(args, json);
    int64_t seq = send(w, "", kind, json, args);
    va_end(args);
    return seq;
}

int64_t world_send_as(world *w, const char *actor, const char *kind, const char *json, ...)
{
    va_list args;
    va_start(args, json);
    int64_t seq = send(w, actor, kind, json, args);
    va_end(args);
    return seq;
}

/* --- documents in a few words --- */

int64_t world_order(world *w, const char *quantity, const char *price)
{
    return world_send(w, "purchase_order",
                      "{'po':'P','supplier':'V','site':'S','currency':'USD','lines':[{'po_line':10,"
                      "'item':'I','quantity':'%s','unit_price':'%s'}]}",
                      quantity, price);
}

static int64_t move_goods(world *w, const char *movement, const char *number, const char *quantity)
{
    return world_send(w, "goods_receipt",
                      "{'receipt_no':'%s','purchase_order':'P','site':'S','movement':'%s',"
                      "'received_at':'2026-03-01T10:00:00Z','lines':[{'line':1,'po_line':10,"
                      "'quantity':'%s'}]}",
                      number, movement, quantity);
}

int64_t world_receive(world *w, const char *number, const char *quantity)
{
    return move_goods(w, "receipt", number, quantity);
}

int64_t world_reverse(world *w, const char *number, const char *quantity)
{
    return move_goods(w, "reversal", number, quantity);
}

int64_t world_return(world *w, const char *number, const char *quantity)
{
    return world_send(w, "supplier_return",
                      "{'return_no':'%s','po':'P','site':'S','returned_at':'2026-03-03T10:00:00Z',"
                      "'lines':[{'line':1,'po_line':10,'quantity':'%s'}]}",
                      number, quantity);
}

int64_t world_invoice(world *w, const char *number, const char *quantity, const char *price,
                      const char *more)
{
    return world_send(w, "supplier_invoice",
                      "{'invoice':'%s','supplier':'V','po':'P','currency':'USD','invoice_date':"
                      "'2026-03-02','lines':[{'line':1,'po_line':10,'quantity':'%s','unit_price':"
                      "'%s'}]%s}",
                      number, quantity, price, more);
}

int64_t world_credit(world *w, const char *number, const char *quantity, const char *price,
                     const char *more)
{
    return world_send(w, "credit_memo",
                      "{'credit_memo':'%s','supplier':'V','po':'P','currency':'USD','credit_date':"
                      "'2026-03-04','kind':'quantity','lines':[{'line':1,'po_line':10,'quantity':"
                      "'%s','unit_price':'%s'}]%s}",
                      number, quantity, price, more);
}

int64_t world_ship(world *w, const char *number, const char *quantity)
{
    return world_send(
        w, "sales_shipment",
        "{'shipment_no':'%s','site':'S','shipped_at':'2026-03-01T12:00:00Z','lines':[{"
        "'line':1,'item':'I','quantity':'%s'}]}",
        number, quantity);
}

int64_t world_reprice(world *w, const char *price)
{
    int64_t version = 0;
    const char *text = world_get(w, XD_STATE_PURCHASE_ORDER, "P", "version");
    assert_true(xd_str_to_int64(xd_str_from(text), &version));
    return world_send(w, "order_change",
                      "{'po':'P','based_on':%lld,'version':%lld,'requested_by':'bob','status':"
                      "'approved','lines':[{'po_line':10,'action':'change','unit_price':'%s'}]}",
                      (long long)version, (long long)version + 1, price);
}

int64_t world_release(world *w, const char *hold, const char *person)
{
    return world_send(w, "hub_hold_release",
                      "{'hold':'%s','person':'%s','reason':'spoke with the supplier'}", hold,
                      person);
}

const char *world_status(world *w, const char *invoice)
{
    char key[64];
    snprintf(key, sizeof key, "V/%s/2026", invoice);
    return world_get(w, XD_STATE_INVOICE, key, "status");
}

const char *world_hold(world *w, const char *invoice, const char *hold, const char *member)
{
    char key[96];
    snprintf(key, sizeof key, "V/%s/2026/%s", invoice, hold);
    return world_get(w, XD_STATE_HOLD, key, member);
}

/* --- looking --- */

static xd_arena *look(world *w)
{
    if (w->looks++ % TEXTS == 0) {
        xd_arena_reset(&w->look_arena);
    }
    return &w->look_arena;
}

static const char *text_of(xd_arena *arena, xd_str s)
{
    xd_str text = xd_arena_printf(arena, "%.*s", XD_FMT(s));
    assert_non_null(text.ptr);
    return text.ptr;
}

xd_str world_document(world *w, xd_state_kind kind, const char *key)
{
    row *found = *slot(w, kind, xd_str_from(key));
    return found ? found->value : XD_STR_NULL;
}

bool world_has(world *w, xd_state_kind kind, const char *key)
{
    return world_document(w, kind, key).ptr != NULL;
}

static const char *member_text(xd_arena *arena, xd_str document, const char *name)
{
    if (!document.ptr) {
        return "";
    }
    const xd_json *member = xd_json_get(parse(arena, document), xd_str_from(name));
    if (!member) {
        return "";
    }
    bool plain = member->type == XD_JSON_STRING || member->type == XD_JSON_NUMBER;
    return text_of(arena, plain ? member->text : xd_json_source(member, document));
}

const char *world_get(world *w, xd_state_kind kind, const char *key, const char *member)
{
    return member_text(look(w), world_document(w, kind, key), member);
}

uint32_t world_count(world *w, xd_state_kind kind)
{
    uint32_t count = 0;
    for (size_t i = 0; i < TABLE; i++) {
        for (const row *at = w->table[i]; at; at = at->next) {
            count += at->kind == kind && at->value.ptr;
        }
    }
    return count;
}

void world_each(world *w, xd_state_kind kind,
                void (*visit)(void *context, xd_str key, const xd_json *document), void *context)
{
    for (size_t i = 0; i < TABLE; i++) {
        for (const row *at = w->table[i]; at; at = at->next) {
            if (at->kind == kind && at->value.ptr) {
                visit(context, at->key, parse(look(w), at->value));
            }
        }
    }
}

const char *world_effect(world *w, int64_t seq)
{
    return text_of(look(w), w->effects[seq - 1]);
}

const char *world_effect_member(world *w, int64_t seq, const char *member)
{
    return member_text(look(w), w->effects[seq - 1], member);
}

const xd_step *world_last_step(world *w)
{
    return &w->step;
}

const xd_event *world_event(world *w, int64_t seq)
{
    return &w->events[seq - 1];
}

const xd_definition *world_definition(world *w)
{
    return &w->definition;
}

int64_t world_journals(world *w)
{
    return w->posting_count;
}

xd_str world_journal_text(world *w, int64_t ordinal)
{
    assert_true(ordinal >= 1 && ordinal <= w->posting_count);
    return w->postings[ordinal - 1];
}

const char *world_journal(world *w, int64_t ordinal)
{
    static const char *const sides[] = {"debit", "credit"};
    xd_arena *arena = look(w);
    const xd_json *lines = XD_GET(parse(arena, world_journal_text(w, ordinal)), "lines");
    xd_buf buf;
    xd_buf_init(&buf, 1 << 20);
    for (int side = 0; side < 2; side++) {
        for (uint32_t i = 0; i < lines->count; i++) {
            xd_str amount = xd_json_get_text(&lines->items[i], xd_str_from(sides[side]));
            xd_str role = XD_TEXT(&lines->items[i], "role");
            if (amount.ptr) {
                xd_buf_printf(&buf, "%.*s %.*s ",
                              XD_FMT(role.len ? role : XD_TEXT(&lines->items[i], "account")),
                              XD_FMT(amount));
            }
        }
        xd_buf_str_add(&buf, side ? XD_STR("") : XD_STR("| "));
    }
    const char *text = text_of(arena, (xd_str){buf.ptr, buf.len - 1});
    xd_buf_finish(&buf);
    return text;
}

/* --- books --- */

typedef struct account {
    xd_str code;
    xd_decimal balance;
} account;

static void add(xd_decimal *sum, xd_decimal value)
{
    assert_int_equal(xd_decimal_add(*sum, value, sum), XD_OK);
}

static xd_decimal number(const xd_json *object, const char *name)
{
    xd_decimal value = XD_ZERO;
    xd_str text = xd_json_get_text(object, xd_str_from(name));
    if (text.ptr) {
        assert_int_equal(xd_decimal_parse(text, &value, NULL), XD_OK);
    }
    return value;
}

static int by_code(const void *a, const void *b)
{
    return xd_str_cmp(((const account *)a)->code, ((const account *)b)->code);
}

static size_t collect(world *w, xd_arena *arena, account *accounts, size_t max)
{
    size_t count = 0;
    for (int64_t i = 0; i < w->posting_count; i++) {
        const xd_json *lines = XD_GET(parse(arena, w->postings[i]), "lines");
        for (uint32_t k = 0; k < lines->count; k++) {
            xd_str code = XD_TEXT(&lines->items[k], "account");
            size_t at = 0;
            while (at < count && !xd_str_eq(accounts[at].code, code)) {
                at++;
            }
            if (at == count) {
                assert_true(count < max);
                accounts[count++] = (account){code, {0, 2}};
            }
            add(&accounts[at].balance, number(&lines->items[k], "debit"));
            add(&accounts[at].balance, xd_decimal_neg(number(&lines->items[k], "credit")));
        }
    }
    qsort(accounts, count, sizeof *accounts, by_code);
    return count;
}

const char *world_balance(world *w, const char *code)
{
    account accounts[64];
    xd_arena *arena = look(w);
    size_t count = collect(w, arena, accounts, 64);
    xd_decimal balance = {0, 2};
    for (size_t i = 0; i < count; i++) {
        if (xd_str_eq(accounts[i].code, xd_str_from(code))) {
            balance = accounts[i].balance;
        }
    }
    char text[XD_DECIMAL_MAX_TEXT];
    return text_of(arena, xd_decimal_text(balance, text));
}

const char *world_balances(world *w)
{
    account accounts[64];
    xd_arena *arena = look(w);
    size_t count = collect(w, arena, accounts, 64);
    xd_buf buf;
    xd_buf_init(&buf, 1 << 16);
    for (size_t i = 0; i < count; i++) {
        if (xd_decimal_sign(accounts[i].balance)) {
            xd_buf_printf(&buf, "%.*s ", XD_FMT(accounts[i].code));
            xd_decimal_write(&buf, accounts[i].balance);
            xd_buf_char(&buf, ' ');
        }
    }
    const char *text = text_of(arena, xd_buf_str(&buf));
    xd_buf_finish(&buf);
    return text;
}

static void audit_journals(world *w)
{
    xd_arena arena;
    xd_arena_init(&arena, (size_t)1 << 30);
    char first[XD_SHA256_HEX + 1];
    memset(first, '0', XD_SHA256_HEX);
    xd_str previous = {first, XD_SHA256_HEX};
    struct {
        int64_t year, last;
    } years[64];
    size_t year_count = 0;
    for (int64_t i = 0; i < w->posting_count; i++) {
        xd_fault fault = XD_FAULT_NONE;
        must(xd_journal_verify(w->postings[i], previous, &previous, &fault), &fault);
        const xd_json *entry = parse(&arena, w->postings[i]);
        const xd_json *lines = XD_GET(entry, "lines");
        xd_decimal sum = XD_ZERO;
        assert_true(lines->count >= 2);
        for (uint32_t k = 0; k < lines->count; k++) {
            xd_decimal debit = number(&lines->items[k], "debit");
            xd_decimal credit = number(&lines->items[k], "credit");
            assert_true(xd_decimal_sign(debit) + xd_decimal_sign(credit) == 1);
            add(&sum, debit);
            add(&sum, xd_decimal_neg(credit));
        }
        assert_int_equal(xd_decimal_sign(sum), 0);
        assert_int_equal(XD_INT(entry, "ordinal", 0), i + 1);
        size_t y = 0;
        while (y < year_count && years[y].year != XD_INT(entry, "year", 0)) {
            y++;
        }
        if (y == year_count) {
            years[year_count++].year = XD_INT(entry, "year", 0);
            years[y].last = 0;
        }
        assert_int_equal(XD_INT(entry, "number", 0), ++years[y].last);
    }
    xd_arena_finish(&arena);
}

static void check_row(void *context, xd_str key, const xd_json *document)
{
    xd_decimal open = number(document, "quantity"), *value = context;
    add(&open, xd_decimal_neg(number(document, "matched")));
    add(&open, xd_decimal_neg(number(document, "gone")));
    if (xd_decimal_sign(open) < 0) {
        fail_msg("receipt row %.*s is matched beyond what was received", XD_FMT(key));
    }
    add(value, number(document, "amount"));
    add(value, xd_decimal_neg(number(document, "used_amount")));
}

static void check_bill(void *context, xd_str key, const xd_json *document)
{
    xd_decimal rest = number(document, "quantity");
    add(&rest, xd_decimal_neg(number(document, "matched")));
    if (xd_decimal_sign(rest) < 0) {
        fail_msg("invoice line %.*s is matched beyond what was billed", XD_FMT(key));
    }
    add(context, xd_decimal_neg(number(document, "ahead_value")));
}

static void sum_matched(void *context, xd_str key, const xd_json *document)
{
    (void)key;
    add(context, number(document, "matched"));
}

static void sum_quantity(void *context, xd_str key, const xd_json *document)
{
    (void)key;
    add(context, number(document, "quantity"));
}

static void sum_value(void *context, xd_str key, const xd_json *document)
{
    (void)key;
    add(context, number(document, "value"));
}

static void assert_same(xd_decimal a, xd_decimal b, const char *what)
{
    char x[XD_DECIMAL_MAX_TEXT], y[XD_DECIMAL_MAX_TEXT];
    if (xd_decimal_cmp(a, b) != 0) {
        fail_msg("%s: %s is not %s", what, xd_decimal_text(a, x).ptr, xd_decimal_text(b, y).ptr);
    }
}

void world_audit(world *w)
{
    xd_decimal grni = XD_ZERO, books = XD_ZERO, stock = XD_ZERO;
    xd_decimal by_line = XD_ZERO, by_row = XD_ZERO, by_bill = XD_ZERO, by_match = XD_ZERO;
    audit_journals(w);
    world_each(w, XD_STATE_RECEIPT_LINE, check_row, &grni);
    world_each(w, XD_STATE_INVOICE_LINE, check_bill, &grni);
    assert_int_equal(xd_decimal_parse(xd_str_from(world_balance(w, "GRNI")), &books, NULL), XD_OK);
    assert_same(xd_decimal_neg(books), grni,
                "GRNI in the books against received less billed, at their values");
    world_each(w, XD_STATE_STOCK, sum_value, &stock);
    assert_int_equal(xd_decimal_parse(xd_str_from(world_balance(w, "INV")), &books, NULL), XD_OK);
    assert_same(books, stock, "inventory in the books against the valuation of stock");
    world_each(w, XD_STATE_ORDER_LINE, sum_matched, &by_line);
    world_each(w, XD_STATE_RECEIPT_LINE, sum_matched, &by_row);
    world_each(w, XD_STATE_INVOICE_LINE, sum_matched, &by_bill);
    world_each(w, XD_STATE_MATCH, sum_quantity, &by_match);
    assert_same(by_line, by_row, "matched by order line and by receipt row");
    assert_same(by_line, by_bill, "matched by order line and by invoice line");
    assert_same(by_line, by_match, "matched by order line and by allocation");
}

static int by_place(const void *a, const void *b)
{
    const row *x = *(row *const *)a, *y = *(row *const *)b;
    return x->kind != y->kind ? (int)x->kind - (int)y->kind : xd_str_cmp(x->key, y->key);
}

xd_str world_dump(world *w)
{
    size_t count = 0;
    for (size_t i = 0; i < TABLE; i++) {
        for (row *at = w->table[i]; at; at = at->next) {
            count += at->value.ptr != NULL;
        }
    }
    row **rows = calloc(count + 1, sizeof *rows);
    count = 0;
    for (size_t i = 0; i < TABLE; i++) {
        for (row *at = w->table[i]; at; at = at->next) {
            if (at->value.ptr) {
                rows[count++] = at;
            }
        }
    }
    qsort(rows, count, sizeof *rows, by_place);
    xd_buf buf;
    xd_buf_init(&buf, 256u << 20);
    for (size_t i = 0; i < count; i++) {
        xd_buf_printf(&buf, "%d %.*s %.*s\n", (int)rows[i]->kind, XD_FMT(rows[i]->key),
                      XD_FMT(rows[i]->value));
    }
    for (int64_t i = 0; i < w->posting_count; i++) {
        xd_buf_str_add(&buf, w->postings[i]);
        xd_buf_char(&buf, '\n');
    }
    for (int64_t i = 0; i < w->event_count; i++) {
        xd_buf_str_add(&buf, w->effects[i]);
        xd_buf_char(&buf, '\n');
    }
    xd_str dump = keep(look(w), xd_buf_str(&buf));
    xd_buf_finish(&buf);
    free(rows);
    return dump;
}
