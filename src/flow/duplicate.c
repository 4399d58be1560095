/* Soft duplicates of invoices. See duplicate.h. Pure. */
#include "flow/duplicate.h"

enum { RECENT_MAX = 16 };

/* Days between two dates, as many as there are digits for when one of them does not exist. */
static int64_t days_between(xd_str a, xd_str b)
{
    xd_date x = 0, y = INT32_MAX;
    if (xd_date_parse(a, &x, NULL) != XD_OK || xd_date_parse(b, &y, NULL) != XD_OK) {
        return INT32_MAX;
    }
    return x > y ? (int64_t)x - y : (int64_t)y - x;
}

/* The newest other invoice remembered under key within days; then this one is remembered as well.
 */
static xd_status look_up(xd_flow *f, const xd_invoice *invoice, xd_str key, int64_t days,
                         xd_str *ret_other)
{
    const xd_json *known = NULL;
    XD_TRY(xd_step_get(f->step, XD_STATE_DUPLICATE, key, &known, f->fault));
    const xd_json *recent = XD_GET(known, "recent");
    uint32_t count = recent ? recent->count : 0;
    xd_buf *buf = xd_step_scratch(f->step);
    XD_BUF_LIT(buf, "{\"recent\":[");
    for (uint32_t i = count >= RECENT_MAX ? count - RECENT_MAX + 1 : 0; i < count; i++) {
        const xd_json *other = &recent->items[i];
        if (days_between(XD_TEXT(other, "date"), invoice->date) <= days) {
            *ret_other = XD_TEXT(other, "invoice");
        }
        xd_json_write(buf, other);
        xd_buf_char(buf, ',');
    }
    XD_BUF_LIT(buf, "{\"invoice\":");
    xd_json_write_string(buf, invoice->doc.key);
    xd_buf_printf(buf, ",\"date\":\"%.*s\"}]}", XD_FMT(invoice->date));
    return xd_step_put(f->step, XD_STATE_DUPLICATE, key, xd_buf_str(buf), f->fault);
}

static xd_status gross_key(xd_flow *f, const xd_invoice *invoice, xd_str *ret)
{
    char text[XD_DECIMAL_MAX_TEXT];
    *ret = xd_arena_printf(
        f->arena, "gross/%.*s/%.*s/%s", XD_FMT(xd_key_part(f->arena, invoice->supplier)),
        XD_FMT(invoice->currency), xd_decimal_text(xd_decimal_normal(invoice->total), text).ptr);
    return ret->ptr ? XD_OK : xd_flow_no_memory(f);
}

/* Order lines and quantities in the order of the document, as a fingerprint. */
static xd_status lines_key(xd_flow *f, const xd_invoice *invoice, const xd_billed *lines,
                           uint32_t count, xd_str *ret)
{
    xd_buf *buf = xd_step_scratch(f->step);
    for (uint32_t i = 0; i < count; i++) {
        if (!lines[i].line) {
            *ret = XD_STR_NULL; /* Lines that nobody could pair say nothing. */
            return XD_OK;
        }
        xd_buf_str_add(buf, lines[i].line->doc.key);
        xd_buf_char(buf, '=');
        xd_decimal_write(buf, xd_decimal_normal(lines[i].quantity));
        xd_buf_char(buf, ';');
    }
    uint8_t digest[XD_SHA256_BYTES];
    char hex[XD_SHA256_HEX + 1];
    xd_sha256_of(xd_buf_str(buf), digest);
    xd_hex(digest, 16, hex);
    *ret = xd_arena_printf(f->arena, "lines/%.*s/%s",
                           XD_FMT(xd_key_part(f->arena, invoice->supplier)), hex);
    return ret->ptr ? XD_OK : xd_flow_no_memory(f);
}

/* The number within the supplier's group; none when the supplier belongs to no group. */
static xd_status number_key(xd_flow *f, const xd_invoice *invoice, xd_str *ret)
{
    const xd_json *supplier = NULL;
    *ret = XD_STR_NULL;
    XD_TRY(xd_step_get(f->step, XD_STATE_SUPPLIER, xd_key_part(f->arena, invoice->supplier),
                       &supplier, f->fault));
    xd_str group = XD_TEXT(supplier, "group");
    if (group.len == 0) {
        return XD_OK;
    }
    xd_str key;
    XD_TRY(xd_billing_key(f, group, invoice->invoice, invoice->date, &key));
    *ret = xd_key_join(f->arena, XD_STR("number"), key);
    return ret->ptr ? XD_OK : xd_flow_no_memory(f);
}

xd_status xd_duplicate_check(xd_flow *f, xd_invoice *invoice, const xd_billed *lines,
                             uint32_t count)
{
    int64_t days = f->definition->duplicate_days;
    static const char *const rules[] = {"same_gross", "same_lines", "same_number_in_group"};
    xd_str keys[3] = {XD_STR_NULL, XD_STR_NULL, XD_STR_NULL};
    xd_str other = XD_STR_NULL;
    int rule = 0;
    XD_TRY(number_key(f, invoice, &keys[2]));
    if (days > 0) {
        XD_TRY(gross_key(f, invoice, &keys[0]));
        XD_TRY(lines_key(f, invoice, lines, count, &keys[1]));
    }
    for (int i = 0; i < 3; i++) {
        xd_str found = XD_STR_NULL;
        if (keys[i].ptr) {
            XD_TRY(look_up(f, invoice, keys[i], i == 2 ? INT32_MAX - 1 : days, &found));
        }
        if (found.ptr && !other.ptr) {
            other = found;
            rule = i;
        }
    }
    if (!other.ptr) {
        return XD_OK;
    }
    xd_buf *buf = xd_step_scratch(f->step);
    xd_str evidence;
    xd_buf_printf(buf, "{\"rule\":\"%s\",\"days\":%lld,\"other\":", rules[rule], (long long)days);
    xd_json_write_string(buf, other);
    xd_buf_char(buf, '}');
    XD_TRY(xd_flow_keep(f, buf, &evidence));
    return xd_hold_set(f, invoice, NULL, XD_HOLD_DUPLICATE, xd_decimal_int(1), evidence);
}
