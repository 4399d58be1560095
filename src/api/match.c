/* How an invoice was matched: per line what was ordered, received and invoiced, every rule with its
 * numbers and limits, the allocations, the holds with the evidence that the decision used, and what
 * was posted. May call flow (the definition), base and SQLite. */
#include "api/read_int.h"
#include "base/decimal.h"
#include "flow/definition.h"
#include "flow/key.h"

enum { PRICE_DIGITS = 12, PERCENT_DIGITS = 4 };

typedef struct matching {
    xd_ask *ask;
    xd_str key; /* of the invoice */
    const xd_json *invoice;
    const xd_definition *definition; /* NULL when the log has none */
} matching;

/* One line of the invoice and what it is compared with. */
typedef struct matched_line {
    const xd_json *bill, *line, *ordered, *order; /* state; NULL when absent */
    xd_decimal quantity, net, price;              /* invoiced */
    bool has_ordered;                             /* false: open-ended */
    xd_decimal ordered_quantity;                  /* in base units */
    xd_decimal order_price, numerator, denominator;
    xd_decimal received, reversed, returned, net_received, billed, billed_amount;
} matched_line;

/* --- numbers --- */

static xd_status too_large(xd_ask *ask)
{
    return xd_fail(ask->fault, XD_OVERFLOW, "read.overflow",
                   "the quantities or amounts of this invoice leave the range of exact arithmetic");
}

static xd_status exact(xd_ask *ask, xd_status status)
{
    return status == XD_OK ? XD_OK : too_large(ask);
}

/* A member that is absent is zero. */
static xd_status number(xd_ask *ask, const xd_json *object, const char *name, xd_decimal *ret)
{
    xd_str text = xd_json_get_text(object, xd_str_from(name));
    *ret = XD_ZERO;
    return text.ptr ? xd_decimal_parse(text, ret, ask->fault) : XD_OK;
}

static void out_decimal(xd_buf *out, const char *name, xd_decimal value)
{
    char text[XD_DECIMAL_MAX_TEXT];
    xd_out_text(out, name, xd_decimal_text(xd_decimal_normal(value), text));
}

/* quantity (base units) at the order's price per order unit. */
static xd_status order_value(xd_ask *ask, const matched_line *m, xd_decimal quantity,
                             xd_decimal *ret)
{
    xd_decimal value;
    XD_TRY(exact(ask, xd_decimal_mul(quantity, m->order_price, &value)));
    if (xd_decimal_sign(m->numerator) > 0) {
        XD_TRY(exact(ask, xd_decimal_mul_div(value, m->denominator, m->numerator, PRICE_DIGITS,
                                             XD_HALF_AWAY, &value)));
    }
    *ret = value;
    return XD_OK;
}

/* --- loading --- */

static xd_status load(xd_ask *ask, xd_state_kind kind, xd_str key, const xd_json **ret)
{
    xd_str text = XD_STR_NULL;
    *ret = NULL;
    if (!key.ptr) {
        return xd_ask_no_memory(ask);
    }
    XD_TRY(xd_ask_state(ask, kind, key, &text));
    return text.ptr ? xd_ask_parse(ask, text, ret) : XD_OK;
}

static xd_status load_ordered(xd_ask *ask, matched_line *m)
{
    const xd_json *factor = XD_GET(m->ordered, "factor");
    m->has_ordered = XD_TEXT(m->ordered, "quantity").ptr != NULL;
    XD_TRY(number(ask, m->ordered, "quantity", &m->ordered_quantity));
    XD_TRY(number(ask, m->ordered, "unit_price", &m->order_price));
    if (factor && factor->type == XD_JSON_ARRAY && factor->count == 2) {
        XD_TRY(xd_decimal_parse(factor->items[0].text, &m->numerator, ask->fault));
        XD_TRY(xd_decimal_parse(factor->items[1].text, &m->denominator, ask->fault));
        if (xd_decimal_sign(m->denominator) > 0) {
            XD_TRY(
                exact(ask, xd_decimal_mul_div(m->ordered_quantity, m->numerator, m->denominator,
                                              PRICE_DIGITS, XD_HALF_AWAY, &m->ordered_quantity)));
        }
    }
    return XD_OK;
}

static xd_status load_line(matching *mt, const xd_json *bill, matched_line *m)
{
    xd_ask *ask = mt->ask;
    xd_str po = XD_TEXT(bill, "po");
    int64_t po_line = XD_INT(bill, "po_line", 0);
    *m = (matched_line){.bill = bill};
    if (po.ptr && po_line) {
        XD_TRY(load(ask, XD_STATE_ORDER_LINE, xd_key_line(ask->arena, po, po_line), &m->line));
        XD_TRY(load(ask, XD_STATE_PURCHASE_ORDER, xd_key_part(ask->arena, po), &m->order));
    }
    m->ordered = XD_GET(m->line, "order");
    XD_TRY(load_ordered(ask, m));
    XD_TRY(number(ask, bill, "invoiced_quantity", &m->quantity));
    XD_TRY(number(ask, bill, "invoiced_amount", &m->net));
    XD_TRY(number(ask, bill, "unit_price", &m->price));
    XD_TRY(number(ask, m->line, "received", &m->received));
    XD_TRY(number(ask, m->line, "reversed", &m->reversed));
    XD_TRY(number(ask, m->line, "returned", &m->returned));
    XD_TRY(number(ask, m->line, "billed", &m->billed));
    XD_TRY(number(ask, m->line, "billed_amount", &m->billed_amount));
    XD_TRY(exact(ask, xd_decimal_sub(m->received, m->reversed, &m->net_received)));
    return exact(ask, xd_decimal_sub(m->net_received, m->returned, &m->net_received));
}

/* --- rules --- */

static void out_side(xd_buf *out, const char *name, xd_limit_value side)
{
    if (side.set) {
        out_decimal(out, name, side.value);
    }
}

/* The nearer of percent and absolute on one side; sign 1 is the upper side. */
static xd_status limit_of(xd_ask *ask, xd_limit_value percent, xd_limit_value absolute,
                          xd_decimal expected, int sign, xd_limit_value *ret)
{
    xd_limit_value limit = {0};
    xd_decimal value;
    if (percent.set) {
        xd_decimal factor = sign > 0 ? percent.value : xd_decimal_neg(percent.value);
        XD_TRY(exact(ask, xd_decimal_add(factor, xd_decimal_int(100), &factor)));
        XD_TRY(exact(ask, xd_decimal_mul(factor, (xd_decimal){1, 2}, &factor)));
        XD_TRY(exact(ask, xd_decimal_mul(expected, factor, &value)));
        limit = (xd_limit_value){true, value};
    }
    if (absolute.set) {
        xd_decimal by = sign > 0 ? absolute.value : xd_decimal_neg(absolute.value);
        XD_TRY(exact(ask, xd_decimal_add(expected, by, &value)));
        if (!limit.set || xd_decimal_cmp(value, limit.value) * sign < 0) {
            limit = (xd_limit_value){true, value};
        }
    }
    *ret = limit;
    return XD_OK;
}

/* {"rule","expected","actual","difference","difference_percent","limit","upper","lower","within"}
 */
static xd_status write_rule(xd_ask *ask, const char *name, const xd_tolerance *rule,
                            xd_decimal actual, xd_decimal expected)
{
    xd_buf *out = ask->out;
    xd_limit_value upper;
    xd_limit_value lower;
    xd_decimal difference;
    xd_decimal percent;
    XD_TRY(limit_of(ask, rule->upper_percent, rule->upper_absolute, expected, 1, &upper));
    XD_TRY(limit_of(ask, rule->lower_percent, rule->lower_absolute, expected, -1, &lower));
    XD_TRY(exact(ask, xd_decimal_sub(actual, expected, &difference)));
    xd_out_open(out, '{');
    xd_out_text(out, "rule", xd_str_from(name));
    out_decimal(out, "expected", expected);
    out_decimal(out, "actual", actual);
    out_decimal(out, "difference", difference);
    if (xd_decimal_sign(expected) != 0 &&
        xd_decimal_mul_div(difference, xd_decimal_int(100), expected, PERCENT_DIGITS, XD_HALF_AWAY,
                           &percent) == XD_OK) {
        out_decimal(out, "difference_percent", percent);
    }
    xd_out_name(out, "limit");
    xd_out_open(out, '{');
    out_side(out, "upper_percent", rule->upper_percent);
    out_side(out, "upper_absolute", rule->upper_absolute);
    out_side(out, "lower_percent", rule->lower_percent);
    out_side(out, "lower_absolute", rule->lower_absolute);
    xd_out_close(out, '}');
    out_side(out, "upper", upper);
    out_side(out, "lower", lower);
    bool within = !(upper.set && xd_decimal_cmp(actual, upper.value) > 0) &&
                  !(lower.set && xd_decimal_cmp(actual, lower.value) < 0);
    xd_out_bool(out, "within", within);
    xd_out_close(out, '}');
    return XD_OK;
}

/* What the price rule looks at: quantity x unit price exactly, unless the line states another
 * amount than that rounded (a discount), which is then the real price. */
static xd_status priced_net(matching *mt, const matched_line *m, xd_decimal *ret)
{
    xd_decimal product;
    xd_decimal rounded;
    XD_TRY(exact(mt->ask, xd_decimal_mul(m->quantity, m->price, &product)));
    XD_TRY(
        exact(mt->ask, xd_decimal_round(product, mt->definition->digits, XD_HALF_AWAY, &rounded)));
    *ret = xd_decimal_cmp(rounded, m->net) == 0 ? product : m->net;
    return XD_OK;
}

/* The price rule compares the line's net; its absolute sides are per unit (docs/matching.md). */
static xd_status write_price_rule(matching *mt, const matched_line *m)
{
    xd_tolerance rule = mt->definition->price;
    xd_decimal actual;
    xd_limit_value *const sides[] = {&rule.upper_absolute, &rule.lower_absolute};
    xd_decimal expected;
    for (int i = 0; i < 2; i++) {
        if (sides[i]->set) {
            XD_TRY(exact(mt->ask, xd_decimal_mul(sides[i]->value, m->quantity, &sides[i]->value)));
        }
    }
    XD_TRY(order_value(mt->ask, m, m->quantity, &expected));
    XD_TRY(priced_net(mt, m, &actual));
    return write_rule(mt->ask, "price", &rule, actual, expected);
}

static xd_status write_rules(matching *mt, const matched_line *m)
{
    xd_ask *ask = mt->ask;
    int64_t level = XD_INT(m->order, "match_level", 0);
    level = level ? level : mt->definition ? mt->definition->match_level : 0;
    xd_out_int(ask->out, "match_level", level);
    if (!m->ordered || !mt->definition) {
        return XD_OK;
    }
    xd_out_name(ask->out, "rules");
    xd_out_open(ask->out, '[');
    XD_TRY(write_price_rule(mt, m));
    if (m->has_ordered) {
        xd_decimal net;
        XD_TRY(write_rule(ask, "quantity_ordered", &mt->definition->quantity_ordered, m->billed,
                          m->ordered_quantity));
        XD_TRY(order_value(ask, m, m->ordered_quantity, &net));
        XD_TRY(exact(ask, xd_decimal_round(net, mt->definition->digits, XD_HALF_AWAY, &net)));
        XD_TRY(write_rule(ask, "extended_price", &mt->definition->extended_price, m->billed_amount,
                          net));
    }
    if (level >= 3) {
        XD_TRY(write_rule(ask, "quantity_received", &mt->definition->quantity_received, m->billed,
                          m->net_received));
    }
    xd_out_close(ask->out, ']');
    return XD_OK;
}

/* --- one line --- */

static void write_figures(xd_ask *ask, const matched_line *m)
{
    xd_buf *out = ask->out;
    xd_out_name(out, "invoiced");
    xd_out_open(out, '{');
    out_decimal(out, "quantity", m->quantity);
    out_decimal(out, "unit_price", m->price);
    out_decimal(out, "amount", m->net);
    xd_out_close(out, '}');
    if (!m->line) {
        return;
    }
    xd_out_name(out, "ordered");
    xd_out_open(out, '{');
    if (m->has_ordered) {
        out_decimal(out, "quantity", m->ordered_quantity);
    }
    out_decimal(out, "unit_price", m->order_price);
    xd_out_text(out, "uom", XD_TEXT(m->ordered, "uom"));
    xd_out_int(out, "version", XD_INT(m->order, "version", 1));
    xd_out_close(out, '}');
    xd_out_name(out, "received");
    xd_out_open(out, '{');
    out_decimal(out, "quantity", m->received);
    out_decimal(out, "reversed", m->reversed);
    out_decimal(out, "returned", m->returned);
    out_decimal(out, "net", m->net_received);
    xd_out_close(out, '}');
    xd_out_name(out, "billed");
    xd_out_open(out, '{');
    out_decimal(out, "quantity", m->billed);
    out_decimal(out, "amount", m->billed_amount);
    xd_out_close(out, '}');
}

static xd_status write_allocation(xd_ask *ask, const xd_json *match)
{
    const xd_json *row = NULL;
    xd_str line_key = xd_key_line(ask->arena, XD_TEXT(match, "po"), XD_INT(match, "po_line", 0));
    XD_TRY(load(ask, XD_STATE_RECEIPT_LINE,
                xd_key_row(ask->arena, line_key, XD_INT(match, "receipt", 0)), &row));
    xd_buf *out = ask->out;
    xd_out_open(out, '{');
    xd_out_text(out, "receipt", XD_TEXT(row, "receipt"));
    xd_out_text(out, "site", XD_TEXT(row, "site"));
    xd_out_int(out, "receipt_line", XD_INT(row, "line", 0));
    xd_out_text(out, "date", XD_TEXT(row, "date"));
    xd_out_text(out, "received", XD_TEXT(row, "quantity"));
    xd_out_text(out, "quantity", XD_TEXT(match, "quantity"));
    xd_out_text(out, "grni_relieved", XD_TEXT(match, "amount"));
    xd_out_close(out, '}');
    return XD_OK;
}

static xd_status write_allocations(matching *mt, const xd_json *bill, xd_str bill_key)
{
    xd_ask *ask = mt->ask;
    int64_t count = XD_INT(bill, "allocations", 0);
    xd_out_name(ask->out, "allocations");
    xd_out_open(ask->out, '[');
    for (int64_t j = 1; j <= count; j++) {
        const xd_json *match = NULL;
        XD_TRY(load(ask, XD_STATE_MATCH, xd_key_number(ask->arena, bill_key, j), &match));
        if (match) {
            XD_TRY(write_allocation(ask, match));
        }
    }
    xd_out_close(ask->out, ']');
    return XD_OK;
}

/* Line 0 is the document itself. */
static xd_status write_holds(matching *mt, int64_t line)
{
    return xd_out_parts(mt->ask, "holds", XD_STATE_HOLD,
                        xd_key_number(mt->ask->arena, mt->key, line));
}

static xd_status write_line(matching *mt, int64_t n)
{
    xd_ask *ask = mt->ask;
    const xd_json *bill = NULL;
    matched_line m;
    xd_str bill_key = xd_key_number(ask->arena, mt->key, n);
    XD_TRY(load(ask, XD_STATE_INVOICE_LINE, bill_key, &bill));
    if (!bill) {
        return XD_OK;
    }
    XD_TRY(load_line(mt, bill, &m));
    xd_out_open(ask->out, '{');
    xd_out_int(ask->out, "line", XD_INT(bill, "line", 0));
    xd_out_text(ask->out, "po", XD_TEXT(bill, "po"));
    xd_out_int(ask->out, "po_line", XD_INT(bill, "po_line", 0));
    xd_out_text(ask->out, "item", XD_TEXT(bill, "item"));
    write_figures(ask, &m);
    XD_TRY(write_rules(mt, &m));
    xd_out_text(ask->out, "matched",
                XD_TEXT(bill, "matched").ptr ? XD_TEXT(bill, "matched") : XD_STR("0"));
    XD_TRY(write_allocations(mt, bill, bill_key));
    XD_TRY(write_holds(mt, XD_INT(bill, "line", 0)));
    xd_out_close(ask->out, '}');
    return XD_OK;
}

/* --- what was posted --- */

static xd_status write_entry(matching *mt, int64_t ordinal)
{
    xd_ask *ask = mt->ask;
    sqlite3_stmt *s = NULL;
    XD_TRY(xd_ask_prepare(ask, "SELECT body FROM journal WHERE ordinal = ?", &s));
    sqlite3_bind_int64(s, 1, ordinal);
    xd_status status = XD_OK;
    if (xd_ask_row(ask, s, &status)) {
        xd_out_value(ask->out, xd_column(s, 0));
        sqlite3_reset(s);
    }
    return status;
}

/* Entries in force: those that a reversal would mirror. */
static xd_status write_postings(matching *mt)
{
    const xd_json *postings = XD_GET(mt->invoice, "postings");
    int64_t posted = XD_INT(mt->invoice, "posted", 0);
    xd_out_name(mt->ask->out, "journal");
    xd_out_open(mt->ask->out, '[');
    if (postings && postings->type == XD_JSON_ARRAY) {
        for (uint32_t i = 0; i < postings->count; i++) {
            XD_TRY(write_entry(mt, XD_INT(&postings->items[i], "ordinal", 0)));
        }
    } else if (posted > 0) {
        XD_TRY(write_entry(mt, posted));
    }
    xd_out_close(mt->ask->out, ']');
    return XD_OK;
}

/* --- the answer --- */

static xd_status load_definition(matching *mt)
{
    xd_seen_event event;
    xd_ask *ask = mt->ask;
    XD_TRY(xd_ask_definition(ask, INT64_MAX, &event));
    if (!event.seq) {
        return XD_OK;
    }
    xd_definition *definition = xd_arena_alloc(ask->arena, sizeof *definition);
    const xd_json *json = NULL;
    if (!definition) {
        return xd_ask_no_memory(ask);
    }
    XD_TRY(xd_ask_parse(ask, event.body, &json));
    XD_TRY(xd_definition_read(json, ask->arena, definition, ask->fault));
    mt->definition = definition;
    return XD_OK;
}

xd_status xd_ask_match(xd_ask *ask)
{
    xd_found found;
    matching mt = {.ask = ask};
    XD_TRY(xd_ask_find(ask, xd_named_kind_find(XD_STR("supplier_invoice")), ask->rest, &found));
    if (!found.key.ptr) {
        return xd_fail(ask->fault, XD_NOT_FOUND, "read.unstepped",
                       "invoice %.*s is in the log but was not taken as an invoice of its own; "
                       "/trace/%.*s tells what happened to it",
                       (int)(ask->rest.len < 60 ? ask->rest.len : 60), ask->rest.ptr,
                       (int)(ask->rest.len < 60 ? ask->rest.len : 60), ask->rest.ptr);
    }
    mt.key = found.key;
    XD_TRY(xd_ask_parse(ask, found.value, &mt.invoice));
    XD_TRY(load_definition(&mt));
    xd_out_open(ask->out, '{');
    xd_out_text(ask->out, "id", found.key);
    xd_out_raw(ask->out, "invoice", found.value);
    xd_out_bool(ask->out, "payable",
                XD_INT(mt.invoice, "holds", 0) == 0 && XD_INT(mt.invoice, "posted", 0) != 0);
    xd_out_name(ask->out, "lines");
    xd_out_open(ask->out, '[');
    int64_t lines = XD_INT(mt.invoice, "lines", 0);
    for (int64_t n = 1; n <= lines; n++) {
        XD_TRY(write_line(&mt, n));
    }
    xd_out_close(ask->out, ']');
    XD_TRY(write_holds(&mt, 0));
    XD_TRY(write_postings(&mt));
    xd_out_close(ask->out, '}');
    return XD_OK;
}
