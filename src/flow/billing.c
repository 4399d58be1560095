/* Numbers, lines, amounts and pairing of invoices and credit memos. See billing.h. Pure. */
#include "flow/billing.h"

/* --- numbers --- */

static bool is_significant(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c & 0x80);
}

static xd_status normalise(xd_flow *f, xd_str number, xd_str *ret)
{
    char *text = xd_arena_alloc(f->arena, number.len + 1);
    size_t n = 0;
    if (!text) {
        return xd_flow_no_memory(f);
    }
    for (size_t i = 0; i < number.len; i++) {
        char c = number.ptr[i];
        c = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
        if (is_significant(c) && !(n == 0 && c == '0')) {
            text[n++] = c;
        }
    }
    *ret = n ? (xd_str){text, n} : number; /* A number of signs alone stands for itself. */
    return XD_OK;
}

xd_status xd_billing_number(xd_flow *f, xd_str supplier, xd_str number, xd_str *ret)
{
    xd_str plain;
    XD_TRY(normalise(f, number, &plain));
    *ret = xd_key_pair(f->arena, supplier, plain);
    return ret->ptr ? XD_OK : xd_flow_no_memory(f);
}

xd_status xd_billing_key(xd_flow *f, xd_str supplier, xd_str number, xd_str date, xd_str *ret)
{
    xd_str head;
    XD_TRY(xd_billing_number(f, supplier, number, &head));
    *ret = xd_key_join(f->arena, head, (xd_str){date.ptr, date.len < 4 ? date.len : 4});
    return ret->ptr ? XD_OK : xd_flow_no_memory(f);
}

xd_status xd_billing_find(xd_flow *f, xd_str supplier, xd_str number, xd_str date, xd_invoice **ret)
{
    int64_t year = 0;
    *ret = NULL;
    (void)xd_str_to_int64((xd_str){date.ptr, 4}, &year);
    for (int back = 0; number.len && supplier.len && back < 2 && !*ret; back++) {
        xd_str key, text = xd_arena_printf(f->arena, "%04lld", (long long)year - back);
        xd_invoice *invoice = NULL;
        XD_TRY(xd_billing_key(f, supplier, number, text, &key));
        XD_TRY(xd_invoice_load(f, key, &invoice));
        *ret = invoice->doc.exists && invoice->lines > 0 ? invoice : NULL;
    }
    return XD_OK;
}

/* --- lines and amounts --- */

xd_status xd_billing_lines(xd_flow *f, xd_billed **ret_lines, uint32_t *ret_count)
{
    const xd_json *lines = XD_GET(f->data, "lines");
    xd_str po = XD_TEXT(f->data, "po");
    xd_billed *billed = xd_arena_zalloc(f->arena, (lines->count + 1) * sizeof *billed);
    if (!billed) {
        return xd_flow_no_memory(f);
    }
    for (uint32_t i = 0; i < lines->count; i++) {
        const xd_json *json = &lines->items[i];
        xd_billed *line = &billed[i];
        xd_str own_po = XD_TEXT(json, "po");
        bool stated;
        line->json = json;
        line->number = XD_INT(json, "line", 0);
        line->po = own_po.len ? own_po : po;
        XD_TRY(xd_flow_decimal(f, json, XD_STR("quantity"), &line->quantity, NULL));
        line->stated = line->quantity;
        XD_TRY(xd_flow_decimal(f, json, XD_STR("unit_price"), &line->unit_price, NULL));
        XD_TRY(xd_flow_decimal(f, json, XD_STR("amount"), &line->amount, &stated));
        if (!stated) {
            XD_TRY(
                xd_flow_exact(f, xd_decimal_mul(line->quantity, line->unit_price, &line->amount)));
        }
        XD_TRY(xd_flow_round(f, line->amount, &line->amount));
    }
    *ret_lines = billed;
    *ret_count = lines->count;
    return XD_OK;
}

/* Net amounts per tax code and rate: tax is rounded once for each. */
typedef struct tax_group {
    struct tax_group *next;
    xd_str code;
    xd_decimal rate, net;
} tax_group;

static xd_status recompute_tax(xd_flow *f, const xd_billed *lines, uint32_t count,
                               xd_bill_amounts *amounts)
{
    tax_group *groups = NULL;
    for (uint32_t i = 0; i < count; i++) {
        xd_str code = XD_TEXT(lines[i].json, "tax_code");
        xd_decimal rate;
        bool given;
        XD_TRY(xd_flow_decimal(f, lines[i].json, XD_STR("tax_rate"), &rate, &given));
        if (!given) {
            continue;
        }
        amounts->has_rates = true;
        tax_group *group = groups;
        while (group && !(xd_str_eq(group->code, code) && !xd_decimal_cmp(group->rate, rate))) {
            group = group->next;
        }
        if (!group) {
            group = xd_arena_zalloc(f->arena, sizeof *group);
            if (!group) {
                return xd_flow_no_memory(f);
            }
            *group = (tax_group){.next = groups, .code = code, .rate = rate};
            groups = group;
        }
        XD_TRY(xd_flow_add(f, &group->net, lines[i].amount));
    }
    for (; groups; groups = groups->next) {
        xd_decimal tax;
        XD_TRY(xd_flow_exact(f, xd_decimal_mul_div(groups->net, groups->rate, xd_decimal_int(100),
                                                   f->definition->digits, XD_HALF_AWAY, &tax)));
        XD_TRY(xd_flow_add(f, &amounts->rated_tax, tax));
    }
    return XD_OK;
}

xd_status xd_billing_amounts(xd_flow *f, const xd_billed *lines, uint32_t count,
                             xd_bill_amounts *ret)
{
    xd_bill_amounts amounts = {0};
    const xd_json *charges = XD_GET(f->data, "charges");
    for (uint32_t i = 0; i < count; i++) {
        XD_TRY(xd_flow_add(f, &amounts.net, lines[i].amount));
    }
    for (uint32_t i = 0; charges && charges->type == XD_JSON_ARRAY && i < charges->count; i++) {
        xd_decimal charge;
        XD_TRY(xd_flow_decimal(f, &charges->items[i], XD_STR("amount"), &charge, NULL));
        XD_TRY(xd_flow_round(f, charge, &charge));
        XD_TRY(xd_flow_add(f, &amounts.charges, charge));
    }
    XD_TRY(recompute_tax(f, lines, count, &amounts));
    XD_TRY(xd_flow_decimal(f, f->data, XD_STR("tax"), &amounts.tax, &amounts.has_tax));
    XD_TRY(xd_flow_decimal(f, f->data, XD_STR("total"), &amounts.total, &amounts.has_total));
    if (!amounts.has_tax) {
        amounts.tax = amounts.rated_tax;
    }
    if (!amounts.has_total) {
        amounts.total = amounts.net;
        XD_TRY(xd_flow_add(f, &amounts.total, amounts.charges));
        XD_TRY(xd_flow_add(f, &amounts.total, amounts.tax));
    }
    XD_TRY(xd_flow_round(f, amounts.tax, &amounts.tax));
    XD_TRY(xd_flow_round(f, amounts.total, &amounts.total));
    *ret = amounts;
    return XD_OK;
}

/* --- pairing --- */

static xd_status pair_line(xd_flow *f, xd_billed *billed, xd_order_line *line)
{
    bool known;
    XD_TRY(xd_line_base(f, line, XD_TEXT(billed->json, "uom"), billed->quantity, &billed->quantity,
                        &known));
    billed->unit_unknown = !known;
    billed->line = known ? line : NULL;
    return XD_OK;
}

/* Whether the order line has exactly this price and room for this quantity. */
static xd_status fits(xd_flow *f, const xd_order_line *line, const xd_billed *billed, bool *ret)
{
    xd_limit_value ordered;
    xd_decimal after = line->billed;
    XD_TRY(xd_line_ordered(f, line, &ordered));
    XD_TRY(xd_flow_add(f, &after, billed->quantity));
    *ret = !line->ordered.cancelled &&
           xd_decimal_cmp(line->ordered.unit_price, billed->unit_price) == 0 &&
           (!ordered.set || xd_decimal_cmp(after, ordered.value) <= 0);
    return XD_OK;
}

/* The order line of an item: the only one, or the only one that fits; never a guess. */
static xd_status pair_item(xd_flow *f, xd_billed *billed)
{
    xd_str item = XD_TEXT(billed->json, "item");
    xd_order_item *index = NULL;
    xd_order_line *found = NULL;
    uint32_t fitting = 0;
    if (item.len == 0) {
        return XD_OK;
    }
    XD_TRY(xd_flow_load(f, &xd_order_item_type, xd_key_pair(f->arena, billed->po, item), &index));
    const xd_json *numbers = NULL;
    XD_TRY(xd_flow_tree(f, &index->lines, &numbers));
    uint32_t count = numbers ? numbers->count : 0;
    for (uint32_t i = 0; i < count && fitting < 2; i++) {
        xd_order_line *line = NULL;
        int64_t number = 0;
        bool fit = true;
        (void)xd_str_to_int64(numbers->items[i].text, &number);
        XD_TRY(xd_flow_order_line(f, billed->po, number, &line));
        if (!xd_str_eq(line->ordered.item, item)) {
            continue; /* A change gave the line another item. */
        }
        if (count > 1) {
            XD_TRY(fits(f, line, billed, &fit));
        }
        fitting += fit;
        found = fit ? line : found;
    }
    return fitting == 1 ? pair_line(f, billed, found) : XD_OK;
}

/* The receipt that the line names, at the order's site. */
static xd_status find_row(xd_flow *f, const xd_order *order, xd_billed *billed)
{
    xd_str number = XD_TEXT(billed->json, "receipt_no");
    xd_receipt *receipt = NULL;
    if (number.len == 0 || order->site.len == 0) {
        return XD_OK;
    }
    XD_TRY(xd_flow_load(f, &xd_receipt_type, xd_key_pair(f->arena, order->site, number), &receipt));
    return xd_receipt_row(f, receipt, billed->line, XD_INT(billed->json, "receipt_line", 0),
                          &billed->row);
}

xd_status xd_billing_pair(xd_flow *f, xd_str supplier, xd_billed *billed, xd_str *ret_missing_order)
{
    int64_t po_line = XD_INT(billed->json, "po_line", 0);
    xd_order *order = NULL;
    *ret_missing_order = XD_STR_NULL;
    if (billed->po.len == 0) {
        return XD_OK;
    }
    XD_TRY(xd_flow_order(f, billed->po, &order));
    if (!order->doc.exists) {
        *ret_missing_order = order->doc.key;
        return XD_OK;
    }
    if (!xd_str_eq(order->supplier, supplier)) {
        return XD_OK; /* Somebody else's order is not matched, whatever its number. */
    }
    if (po_line) {
        xd_order_line *line = NULL;
        XD_TRY(xd_flow_order_line(f, billed->po, po_line, &line));
        if (line->doc.exists) {
            XD_TRY(pair_line(f, billed, line));
        }
    } else {
        XD_TRY(pair_item(f, billed));
    }
    return billed->line ? find_row(f, order, billed) : XD_OK;
}
