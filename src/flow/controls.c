/* Purchase-to-pay controls. See controls.h. Pure. */
#include "flow/controls.h"

static void count(xd_control *c, xd_control_event what)
{
    switch (what) {
    case XD_CONTROL_ORDERED:
        break;
    case XD_CONTROL_RECEIPT:
        c->receipt_after_excess_invoice |= c->invoices > c->receipts;
        c->receipt_after_excess_clearing |= c->clearings > c->receipts;
        c->receipts++;
        break;
    case XD_CONTROL_RECEIPT_CANCELLED:
        c->receipts_cancelled++;
        break;
    case XD_CONTROL_INVOICE:
        c->invoice_after_excess_clearing |= c->clearings > c->invoices;
        c->invoices++;
        c->invoice_held_ever |=
            c->invoices - c->invoices_cancelled > c->receipts - c->receipts_cancelled;
        break;
    case XD_CONTROL_INVOICE_CANCELLED:
        c->invoices_cancelled++;
        break;
    case XD_CONTROL_CLEARING:
        c->clearings++;
        break;
    case XD_CONTROL_BLOCK_REMOVED:
        c->payment_blocks_removed++;
        break;
    }
    int64_t open = c->receipts - c->receipts_cancelled - (c->invoices - c->invoices_cancelled);
    c->open_grni = open > 0 ? open : 0;
}

xd_status xd_control_count(xd_flow *f, xd_str po, int64_t po_line, xd_control_event what)
{
    if (!f->definition->controls || po.len == 0 || po_line == 0) {
        return XD_OK;
    }
    xd_control *control = NULL;
    XD_TRY(xd_flow_load(f, &xd_control_type, xd_key_line(f->arena, po, po_line), &control));
    count(control, what);
    xd_doc_change(&control->doc);
    return XD_OK;
}

xd_status xd_control_count_lines(xd_flow *f, xd_str po, xd_control_event what)
{
    const xd_json *lines = XD_GET(f->data, "lines");
    for (uint32_t i = 0; f->definition->controls && i < lines->count; i++) {
        xd_str own = XD_TEXT(&lines->items[i], "po");
        XD_TRY(
            xd_control_count(f, own.len ? own : po, XD_INT(&lines->items[i], "po_line", 0), what));
    }
    return XD_OK;
}
