/* Holds: opened with the numbers that caused them, released by themselves when the numbers are fine
 * again, or by a person who neither entered the invoice nor caused the hold. See match.h. Pure. */
#include "base/planted.h"
#include "flow/match.h"

#include <assert.h>

/* Key of a hold: invoice key/line/code; line 0 is the whole document. */
static xd_status load_hold(xd_flow *f, const xd_invoice *invoice, const xd_invoice_line *bill,
                           xd_hold_code code, xd_hold **ret)
{
    xd_str line_key = xd_key_number(f->arena, invoice->doc.key, bill ? bill->line : 0);
    xd_str key = xd_key_join(f->arena, line_key, xd_str_from(xd_hold_name(code)));
    if (invoice->is_new) {
        return xd_doc_create(&f->docs, f->step, &xd_hold_type, key, ret, f->fault);
    }
    return xd_flow_load(f, &xd_hold_type, key, ret);
}

static xd_status note_hold(xd_flow *f, xd_invoice *invoice, const xd_hold *hold, const char *change)
{
    xd_buf *buf = xd_step_scratch(f->step);
    XD_BUF_LIT(buf, "{\"id\":");
    xd_json_write_string(buf, hold->doc.key);
    xd_buf_printf(buf, ",\"code\":\"%.*s\",\"line\":%lld,\"change\":\"%s\"", XD_FMT(hold->code),
                  (long long)hold->line, change);
    if (hold->evidence.text.ptr) {
        XD_BUF_LIT(buf, ",\"evidence\":");
        xd_buf_str_add(buf, hold->evidence.text);
    }
    xd_buf_char(buf, '}');
    return xd_invoice_note(f, invoice, true, buf);
}

/* Books that a hold of code became open (by 1) or is no longer (by -1). */
static void count_hold(xd_flow *f, xd_invoice *invoice, xd_invoice_line *bill, xd_hold_code code,
                       int by)
{
    uint32_t *open = bill ? &bill->open : &invoice->open;
    *open ^= xd_hold_bit(code);
    invoice->holds += by;
    if (code == XD_HOLD_QUANTITY_RECEIVED) {
        invoice->waiting += by;
    }
    if (bill) {
        xd_doc_change(&bill->doc);
    }
    xd_invoice_touch(f, invoice);
}

static xd_status open_hold(xd_flow *f, xd_invoice *invoice, xd_invoice_line *bill,
                           xd_hold_code code, xd_hold *hold, const char *change)
{
    hold->invoice = invoice->doc.key;
    hold->supplier = invoice->supplier;
    hold->number = invoice->invoice;
    hold->line = bill ? bill->line : 0;
    hold->po = bill ? bill->po : invoice->po;
    hold->po_line = bill ? bill->po_line : 0;
    hold->code = xd_str_from(xd_hold_name(code));
    hold->status = XD_STR("OPEN");
    hold->caused_by = f->person;
    hold->placed_seq = f->event->seq;
    hold->released_by = hold->reason = hold->released_at = XD_STR_NULL;
    hold->released_seq = 0;
    XD_TRY(xd_flow_at(f, &hold->placed_at));
    count_hold(f, invoice, bill, code, 1);
    return note_hold(f, invoice, hold, change);
}

xd_status xd_hold_accepted(xd_flow *f, xd_invoice *invoice, xd_invoice_line *bill,
                           xd_hold_code code, xd_decimal excess, bool *ret)
{
    xd_hold *hold = NULL;
    *ret = (bill ? bill->waived : invoice->waived) & xd_hold_bit(code);
    if (*ret) {
        XD_TRY(load_hold(f, invoice, bill, code, &hold));
        *ret = xd_decimal_cmp(excess, hold->released_excess) <= 0;
    }
    return XD_OK;
}

xd_status xd_hold_set(xd_flow *f, xd_invoice *invoice, xd_invoice_line *bill, xd_hold_code code,
                      xd_decimal excess, xd_str evidence)
{
    uint32_t bit = xd_hold_bit(code);
    uint32_t *waived = bill ? &bill->waived : &invoice->waived;
    bool is_open = (bill ? bill->open : invoice->open) & bit;
    bool accepted;
    xd_hold *hold = NULL;
    XD_TRY(xd_hold_accepted(f, invoice, bill, code, excess, &accepted));
    if (accepted) {
        return XD_OK; /* No worse than what the person saw who released it. */
    }
    XD_TRY(load_hold(f, invoice, bill, code, &hold));
    hold->excess = excess;
    xd_doc_set(&hold->evidence, evidence);
    xd_doc_change(&hold->doc);
    if (is_open) {
        return XD_OK;
    }
    bool lapses = *waived & bit;
    if (lapses) {
        *waived ^= bit;
        hold->lapsed++;
    }
    return open_hold(f, invoice, bill, code, hold, lapses ? "lapsed" : "placed");
}

static xd_status close_hold(xd_flow *f, xd_invoice *invoice, xd_invoice_line *bill,
                            xd_hold_code code, xd_str by, xd_str reason)
{
    xd_hold *hold = NULL;
    XD_TRY(load_hold(f, invoice, bill, code, &hold));
    hold->status = XD_STR("RELEASED");
    hold->released_by = by;
    hold->reason = reason;
    hold->released_seq = f->event->seq;
    hold->released_excess = hold->excess;
    XD_TRY(xd_flow_at(f, &hold->released_at));
    xd_doc_change(&hold->doc);
    count_hold(f, invoice, bill, code, -1);
    return note_hold(f, invoice, hold, "released");
}

xd_status xd_hold_clear(xd_flow *f, xd_invoice *invoice, xd_invoice_line *bill, xd_hold_code code)
{
    if (!((bill ? bill->open : invoice->open) & xd_hold_bit(code))) {
        return XD_OK;
    }
    return close_hold(f, invoice, bill, code, XD_STR("system"), XD_STR("the numbers are fine now"));
}

xd_status xd_bill_pend(xd_flow *f, xd_order_line *line, const xd_invoice *invoice,
                       xd_invoice_line *bill)
{
    bool pending =
        xd_is_positive(bill->quantity) && (!invoice->posted || bill->open || bill->waived);
    if (pending == bill->pending) {
        return XD_OK;
    }
    bill->pending = pending;
    return pending ? xd_list_append(f, line, XD_BILL_PENDING, bill)
                   : xd_list_remove(f, line, XD_BILL_PENDING, bill);
}

/* --- release by a person --- */

/* Holds that no decision can lift, because there is nothing to post against. */
static bool needs_correction(xd_hold_code code)
{
    return code == XD_HOLD_LINE_UNMATCHED || code == XD_HOLD_CURRENCY || code == XD_HOLD_UNIT;
}

static bool is_controller(const xd_definition *definition, xd_str person)
{
    for (uint32_t i = 0; i < definition->controller_count; i++) {
        if (xd_str_eq(definition->controllers[i], person)) {
            return true;
        }
    }
    return false;
}

/* The invoice line that a hold stands on; NULL for the whole document. */
static xd_status bill_of(xd_flow *f, const xd_invoice *invoice, const xd_hold *hold,
                         xd_invoice_line **ret)
{
    *ret = NULL;
    for (int64_t n = 1; hold->line && n <= invoice->lines; n++) {
        XD_TRY(xd_invoice_line_load(f, invoice, n, ret));
        if ((*ret)->line == hold->line) {
            return XD_OK;
        }
    }
    return XD_OK;
}

/* Why person may not release hold; NULL when they may. */
static const char *objection(const xd_flow *f, const xd_invoice *invoice, const xd_hold *hold,
                             xd_hold_code code, xd_str person)
{
    const xd_definition *definition = f->definition;
    if (person.len == 0) {
        return "a release needs the name of the person who decides";
    }
    if (needs_correction(code)) {
        return "this hold cannot be released: correct the order, or credit the invoice and send a "
               "right one";
    }
    if (XD_PLANTED(no_second_person)) {
        return NULL;
    }
    if (xd_str_eq(person, invoice->entered_by)) {
        return "the person who entered the invoice may not release its holds";
    }
    if (xd_str_eq(person, hold->caused_by)) {
        return "the person who caused the hold may not release it";
    }
    if (xd_is_positive(definition->controller_limit) &&
        xd_decimal_cmp(invoice->total, definition->controller_limit) > 0 &&
        !is_controller(definition, person)) {
        return "the invoice is above the controller limit: only a controller may release its holds";
    }
    return NULL;
}

xd_status xd_flow_hold_release(xd_flow *f)
{
    xd_str id = XD_TEXT(f->data, "hold");
    xd_str reason = XD_TEXT(f->data, "reason");
    xd_hold *hold = NULL;
    xd_invoice *invoice = NULL;
    xd_invoice_line *bill = NULL;
    if (id.len) {
        XD_TRY(xd_flow_load(f, &xd_hold_type, id, &hold));
    }
    if (!hold || !hold->doc.exists) {
        return xd_answer_refused(f, "there is no hold %.*s", XD_FMT(id));
    }
    if (!xd_str_eq(hold->status, XD_STR("OPEN"))) {
        return xd_answer_refused(f, "hold %.*s is not open: %.*s released it", XD_FMT(id),
                                 XD_FMT(hold->released_by));
    }
    xd_hold_code code = xd_hold_by_name(hold->code);
    XD_TRY(xd_invoice_load(f, hold->invoice, &invoice));
    const char *why_not = objection(f, invoice, hold, code, f->person);
    if (why_not) {
        return xd_answer_refused(f, "%s", why_not);
    }
    XD_TRY(bill_of(f, invoice, hold, &bill));
    XD_TRY(xd_answer(f, "applied"));
    *(bill ? &bill->waived : &invoice->waived) |= xd_hold_bit(code);
    XD_TRY(close_hold(f, invoice, bill, code, f->person, reason));
    if (bill && xd_bill_paired(bill)) {
        xd_order_line *line = NULL;
        XD_TRY(xd_bill_order_line(f, bill, &line));
        XD_TRY(xd_match_requeue(f, line, invoice, bill));
    }
    return XD_OK;
}
