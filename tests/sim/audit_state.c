/* The audit of business state: what is matched, parked, held, and worth how much. See audit.h. */
#include "audit_int.h"

#include "canon/kind.h"

#include <assert.h>
#include <stdio.h>

typedef struct sums {
    audit *a;
    xd_store *store;
    xd_decimal grni, stock;
    xd_decimal by_line, by_row, by_bill, by_match;
    map parked; /* seq as text -> anything */
    map booked; /* kind, site and number of documents that were posted */
    const audit_codes *codes;
    audit_figures *figures;
} sums;

/* --- one kind of document after another --- */

static void check_row(sums *s, xd_str key, const xd_json *d)
{
    audit *a = s->a;
    xd_decimal open = audit_number(a, d, "quantity");
    audit_add(a, &open, xd_decimal_neg(audit_number(a, d, "matched")));
    audit_add(a, &open, xd_decimal_neg(audit_number(a, d, "gone")));
    if (xd_decimal_sign(open) < 0) {
        sim_fail(a->verdict, "receipt row %.*s is matched beyond what was received", XD_FMT(key));
    }
    audit_add(a, &s->grni, audit_number(a, d, "amount"));
    audit_add(a, &s->grni, xd_decimal_neg(audit_number(a, d, "used_amount")));
    audit_add(a, &s->by_row, audit_number(a, d, "matched"));
}

static void check_order_line(sums *s, xd_str key, const xd_json *d)
{
    audit *a = s->a;
    xd_decimal net = audit_number(a, d, "received");
    audit_add(a, &net, xd_decimal_neg(audit_number(a, d, "reversed")));
    audit_add(a, &net, xd_decimal_neg(audit_number(a, d, "returned")));
    xd_decimal matched = audit_number(a, d, "matched");
    xd_decimal billed = audit_number(a, d, "billed");
    if (xd_decimal_cmp(matched, net) > 0 || xd_decimal_cmp(matched, billed) > 0) {
        sim_fail(a->verdict,
                 "order line %.*s is matched beyond what was received less returned, or billed",
                 XD_FMT(key));
    } else if (xd_decimal_cmp(matched, xd_decimal_min(net, billed)) != 0) {
        sim_fail(a->verdict, "order line %.*s has goods and bills that are not matched",
                 XD_FMT(key));
    }
    audit_add(a, &s->by_line, matched);
}

static void check_bill(sums *s, xd_str key, const xd_json *d)
{
    audit *a = s->a;
    xd_decimal rest = audit_number(a, d, "quantity");
    audit_add(a, &rest, xd_decimal_neg(audit_number(a, d, "matched")));
    if (xd_decimal_sign(rest) < 0) {
        sim_fail(a->verdict, "invoice line %.*s is matched beyond what was billed", XD_FMT(key));
    }
    audit_add(a, &s->grni, xd_decimal_neg(audit_number(a, d, "ahead_value")));
    audit_add(a, &s->by_bill, audit_number(a, d, "matched"));
}

/* Nobody lifts a hold that they placed, or that stands on an invoice they entered. */
static void check_hold(sums *s, xd_str key, const xd_json *d)
{
    xd_str by = XD_TEXT(d, "released_by");
    if (!by.len || xd_str_eq(by, XD_STR("system"))) {
        return;
    }
    xd_str text = XD_STR_NULL;
    xd_status status = s->store->ops->state_get(s->store, XD_STATE_INVOICE, XD_TEXT(d, "invoice"),
                                                &s->a->scratch, &text, NULL);
    assert(status == XD_OK);
    const xd_json *invoice = text.ptr ? audit_parse(s->a, text) : NULL;
    if (xd_str_eq(by, XD_TEXT(d, "caused_by")) || xd_str_eq(by, XD_TEXT(invoice, "entered_by"))) {
        sim_fail(s->a->verdict, "hold %.*s was released by %.*s, who entered or caused it",
                 XD_FMT(key), XD_FMT(by));
    }
}

static bool exists(sums *s, xd_state_kind kind, xd_str key)
{
    xd_str text = XD_STR_NULL;
    xd_status status = s->store->ops->state_get(s->store, kind, key, &s->a->scratch, &text, NULL);
    assert(status == XD_OK);
    return text.ptr != NULL;
}

/* The moment as of which a record is mapped. */
static xd_instant moment_of(sums *s, int64_t seq)
{
    xd_log_row row;
    xd_status status = s->store->ops->log_get(s->store, seq, &s->a->scratch, &row, NULL);
    assert(status == XD_OK);
    return row.recorded_at;
}

/* What a parked document waits for must be missing. */
static void check_parked(sums *s, xd_str key, const xd_json *d)
{
    static const struct {
        const char *wait;
        xd_state_kind kind;
    } waits[] = {{"item", XD_STATE_ITEM},
                 {"supplier", XD_STATE_SUPPLIER},
                 {"site", XD_STATE_SITE},
                 {"purchase_order", XD_STATE_PURCHASE_ORDER},
                 {"order_line", XD_STATE_ORDER_LINE}};
    xd_str wait = XD_TEXT(d, "wait_kind");
    xd_str wait_key = XD_TEXT(d, "wait_key");
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        if (xd_str_eq(wait, xd_str_from(waits[i].wait)) && exists(s, waits[i].kind, wait_key)) {
            sim_fail(s->a->verdict, "event %lld is parked for %.*s %.*s, which is there",
                     (long long)XD_INT(d, "seq", 0), XD_FMT(wait), XD_FMT(wait_key));
        }
    }
    if (xd_str_eq(wait, XD_STR("xref")) &&
        audit_codes_holds(s->codes, wait_key, moment_of(s, XD_INT(d, "seq", 0)))) {
        sim_fail(s->a->verdict, "event %lld is parked for the code %.*s, which is there",
                 (long long)XD_INT(d, "seq", 0), XD_FMT(wait_key));
    }
    /* Its number lies within its queue. */
    size_t slash = key.len;
    while (slash > 0 && key.ptr[slash - 1] != '/') {
        slash--;
    }
    int64_t number = 0;
    xd_str queue = XD_STR_NULL;
    xd_status status = s->store->ops->state_get(s->store, XD_STATE_PARK_QUEUE,
                                                (xd_str){key.ptr, slash ? slash - 1 : 0},
                                                &s->a->scratch, &queue, NULL);
    assert(status == XD_OK);
    const xd_json *q = queue.ptr ? audit_parse(s->a, queue) : NULL;
    bool numbered = xd_str_to_int64((xd_str){key.ptr + slash, key.len - slash}, &number);
    if (!q || !numbered || number < XD_INT(q, "first", 0) || number >= XD_INT(q, "next", 0)) {
        sim_fail(s->a->verdict, "parked document %.*s is outside its queue: nothing will wake it",
                 XD_FMT(key));
    }
    char text[32];
    int n = snprintf(text, sizeof text, "%lld", (long long)XD_INT(d, "seq", 0));
    void **at = map_at(&s->parked, (xd_str){text, (size_t)n});
    if (*at) {
        sim_fail(s->a->verdict, "event %s is parked twice", text);
    }
    *at = s;
    s->figures->parked++;
}

/* A document that no flow could take is an answer only to figures beyond arithmetic. */
static void check_exception(sums *s, xd_str key, const xd_json *d)
{
    xd_str rule = XD_TEXT(d, "rule");
    s->figures->exceptions++;
    if (xd_str_eq(XD_TEXT(d, "code"), XD_STR("QUARANTINED")) &&
        !xd_str_eq(rule, XD_STR("flow.overflow"))) {
        sim_fail(s->a->verdict, "event %.*s was quarantined: %.*s: %.*s", XD_FMT(key), XD_FMT(rule),
                 XD_FMT(XD_TEXT(d, "text")));
    }
}

static xd_status visit(void *context, xd_state_kind kind, xd_str key, xd_str value)
{
    sums *s = context;
    xd_arena_reset(&s->a->scratch);
    const xd_json *d = audit_parse(s->a, value);
    switch (kind) {
    case XD_STATE_RECEIPT_LINE:
        check_row(s, key, d);
        break;
    case XD_STATE_ORDER_LINE:
        check_order_line(s, key, d);
        break;
    case XD_STATE_INVOICE_LINE:
        check_bill(s, key, d);
        break;
    case XD_STATE_MATCH:
        audit_add(s->a, &s->by_match, audit_number(s->a, d, "quantity"));
        break;
    case XD_STATE_STOCK:
        audit_add(s->a, &s->stock, audit_number(s->a, d, "value"));
        break;
    case XD_STATE_HOLD:
        check_hold(s, key, d);
        break;
    case XD_STATE_PARKED:
        check_parked(s, key, d);
        break;
    case XD_STATE_EXCEPTION:
        check_exception(s, key, d);
        break;
    case XD_STATE_OUTBOX:
        sim_fail(s->a->verdict, "the deliveries of event %.*s are still open: %.*s", XD_FMT(key),
                 XD_FMT(value));
        break;
    case XD_STATE_DEAD:
        s->figures->dead++;
        break;
    default:
        break;
    }
    return XD_OK;
}

/* --- every event has come to something --- */

/* A document that moves goods is booked once, however often and under whatever id it was sent. */
static void check_booked(sums *s, const xd_log_row *row, xd_kind kind, xd_str site, xd_str number)
{
    static const xd_kind kinds[] = {XD_KIND_GOODS_RECEIPT, XD_KIND_SUPPLIER_RETURN,
                                    XD_KIND_ADJUSTMENT, XD_KIND_CYCLE_COUNT,
                                    XD_KIND_SALES_SHIPMENT};
    bool moves = false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        moves |= kind == kinds[i];
    }
    if (!moves) {
        return;
    }
    char text[256];
    int n = snprintf(text, sizeof text, "%d %.*s %.*s", (int)kind, XD_FMT(site), XD_FMT(number));
    void **at = map_at(&s->booked, (xd_str){text, (size_t)n});
    if (*at) {
        sim_fail(s->a->verdict, "event %lld (%.*s) was booked although its document was already",
                 (long long)row->seq, XD_FMT(row->id));
    }
    *at = s;
}

/* A record became what its own words and the codes of its day say: the number and the order are
 * its own, and the site is what its code meant at some time since it came. */
static void check_mapped(sums *s, const xd_log_row *row, const xd_json *data)
{
    const xd_json *record = XD_GET(audit_parse(s->a, row->body), "record");
    xd_str key = xd_arena_printf(&s->a->scratch, "site/wms/%.*s", XD_FMT(XD_TEXT(record, "lager")));
    assert(key.ptr);
    s->figures->mapped++;
    if (!xd_str_eq(XD_TEXT(data, "receipt_no"), XD_TEXT(record, "nr")) ||
        !xd_str_eq(XD_TEXT(data, "purchase_order"), XD_TEXT(record, "po")) ||
        !audit_codes_had(s->codes, key, row->recorded_at, row->seq, XD_TEXT(data, "site"))) {
        sim_fail(s->a->verdict, "event %lld (%.*s) was mapped to another document than its own",
                 (long long)row->seq, XD_FMT(row->id));
    }
}

static xd_status check_event(void *context, const xd_log_row *row)
{
    sums *s = context;
    char text[32];
    bool is_record = row->kind == XD_KIND_DOCUMENT;
    if (xd_kind_find((xd_kind)row->kind)->internal && !is_record) {
        return XD_OK;
    }
    xd_arena_reset(&s->a->scratch);
    xd_str effect = XD_STR_NULL;
    xd_status status = s->store->ops->numbered_get(s->store, XD_NUMBERED_EFFECT, row->seq,
                                                   &s->a->scratch, &effect, NULL);
    assert(status == XD_OK);
    int n = snprintf(text, sizeof text, "%016llx", (unsigned long long)row->seq);
    if (!effect.ptr) {
        /* Quarantined: an exception takes the place of an effect. */
        if (!exists(s, XD_STATE_EXCEPTION, (xd_str){text, (size_t)n})) {
            sim_fail(s->a->verdict, "event %lld (%.*s) came to nothing", (long long)row->seq,
                     XD_FMT(row->id));
        }
        return XD_OK;
    }
    n = snprintf(text, sizeof text, "%lld", (long long)row->seq);
    const xd_json *e = audit_parse(s->a, effect);
    if (is_record && XD_GET(e, "data")) {
        check_mapped(s, row, XD_GET(e, "data"));
    }
    if (xd_str_eq(XD_TEXT(e, "result"), XD_STR("posted"))) {
        const xd_json *data = is_record ? XD_GET(e, "data") : audit_parse(s->a, row->body);
        check_booked(s, row, is_record ? XD_KIND_GOODS_RECEIPT : (xd_kind)row->kind,
                     XD_TEXT(data, "site"), is_record ? XD_TEXT(data, "receipt_no") : row->key);
    }
    bool says_parked = xd_str_eq(XD_TEXT(e, "result"), XD_STR("parked"));
    bool is_parked = map_get(&s->parked, (xd_str){text, (size_t)n}) != NULL;
    if (says_parked != is_parked) {
        sim_fail(s->a->verdict, "event %lld (%.*s) is %s: its effect says %.*s",
                 (long long)row->seq, XD_FMT(row->id),
                 is_parked ? "parked" : "neither parked nor done", XD_FMT(effect));
    }
    return XD_OK;
}

static void same(audit *a, xd_decimal left, xd_decimal right, const char *what)
{
    char x[XD_DECIMAL_MAX_TEXT], y[XD_DECIMAL_MAX_TEXT];
    if (xd_decimal_cmp(left, right) != 0) {
        sim_fail(a->verdict, "%s: %s is not %s", what, xd_decimal_text(left, x).ptr,
                 xd_decimal_text(right, y).ptr);
    }
}

void audit_state(audit *a, xd_store *store, audit_figures *ret)
{
    sums s = {.a = a, .store = store, .figures = ret, .codes = audit_codes_read(a, store)};
    map_init(&s.parked, &a->arena);
    map_init(&s.booked, &a->arena);
    xd_status status = store->ops->state_each(store, XD_STATE_NONE, visit, &s, NULL);
    assert(status == XD_OK);
    status = store->ops->log_each(store, 0, INT64_MAX, check_event, &s, NULL);
    assert(status == XD_OK);
    same(a, s.by_line, s.by_row, "matched by order line and by receipt row");
    same(a, s.by_line, s.by_bill, "matched by order line and by invoice line");
    same(a, s.by_line, s.by_match, "matched by order line and by allocation");
    same(a, xd_decimal_neg(a->grni), s.grni,
         "GRNI in the books against received less billed, at their values");
    same(a, a->stock, s.stock, "inventory in the books against the valuation of stock");
}
