/* The member tables of the state documents: the only place that knows their JSON names. See docs.h.
 * Pure. */
#include "flow/docs.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define TYPE(name, state_kind, struct_type, members)                                               \
    const xd_doc_type name = {state_kind, sizeof(struct_type), COUNT(members), members}

#define DEC(s, m) XD_DOC_MEMBER(s, XD_DOC_DECIMAL, m, #m)
#define OPT(s, m) XD_DOC_MEMBER(s, XD_DOC_OPTIONAL, m, #m)
#define INT(s, m) XD_DOC_MEMBER(s, XD_DOC_INTEGER, m, #m)
#define TXT(s, m) XD_DOC_MEMBER(s, XD_DOC_TEXT, m, #m)
#define FLAG(s, m) XD_DOC_MEMBER(s, XD_DOC_FLAG, m, #m)
#define CODES(s, m) XD_DOC_MEMBER(s, XD_DOC_CODES, m, #m)
#define JSON(s, m) XD_DOC_MEMBER(s, XD_DOC_JSON, m, #m)

static const xd_doc_member order_members[] = {
    TXT(xd_order, po),
    TXT(xd_order, supplier),
    TXT(xd_order, site),
    TXT(xd_order, currency),
    TXT(xd_order, ordered_at),
    TXT(xd_order, terms),
    INT(xd_order, version),
    TXT(xd_order, status),
    TXT(xd_order, created_by),
    TXT(xd_order, approved_by),
    TXT(xd_order, changed_by),
    INT(xd_order, match_level),
    OPT(xd_order, tolerance_pct),
    TXT(xd_order, grni),
    INT(xd_order, lines),
    INT(xd_order, seq),
    TXT(xd_order, at),
    TXT(xd_order, digest),
};
TYPE(xd_order_type, XD_STATE_PURCHASE_ORDER, xd_order, order_members);

const xd_doc_member xd_ordered_members[] = {
    OPT(xd_ordered, quantity),
    DEC(xd_ordered, unit_price),
    TXT(xd_ordered, item),
    TXT(xd_ordered, description),
    TXT(xd_ordered, uom),
    DEC(xd_ordered, factor_numerator),
    DEC(xd_ordered, factor_denominator),
    TXT(xd_ordered, account),
    TXT(xd_ordered, tax_code),
    FLAG(xd_ordered, cancelled),
    JSON(xd_ordered, acknowledged),
};
const uint32_t xd_ordered_count = COUNT(xd_ordered_members);

#define LIST(position, name)                                                                       \
    XD_DOC_MEMBER(xd_order_line, XD_DOC_TEXT, list_first[position], name "_first"),                \
        XD_DOC_MEMBER(xd_order_line, XD_DOC_TEXT, list_last[position], name "_last")

/* What nearly every order line has comes first: reading is quickest in the table's order. */
static const xd_doc_member order_line_members[] = {
    JSON(xd_order_line, order),
    DEC(xd_order_line, received),
    INT(xd_order_line, receipts),
    INT(xd_order_line, first),
    INT(xd_order_line, last),
    DEC(xd_order_line, rejected),
    DEC(xd_order_line, damaged),
    DEC(xd_order_line, reversed),
    DEC(xd_order_line, returned),
    DEC(xd_order_line, shipped),
    DEC(xd_order_line, billed),
    DEC(xd_order_line, billed_amount),
    DEC(xd_order_line, matched),
    DEC(xd_order_line, granted),
    INT(xd_order_line, freed),
    LIST(XD_BILL_WAITING, "waiting"),
    LIST(XD_BILL_AHEAD, "ahead"),
    LIST(XD_BILL_MATCHES, "matches"),
    LIST(XD_BILL_PENDING, "pending"),
    INT(xd_order_line, waiting_reversals),
    INT(xd_order_line, waiting_credits),
};
TYPE(xd_order_line_type, XD_STATE_ORDER_LINE, xd_order_line, order_line_members);

static const xd_doc_member order_item_members[] = {JSON(xd_order_item, lines)};
TYPE(xd_order_item_type, XD_STATE_ORDER_ITEM, xd_order_item, order_item_members);

static const xd_doc_member receipt_line_members[] = {
    TXT(xd_receipt_line, site),
    TXT(xd_receipt_line, receipt),
    INT(xd_receipt_line, line),
    TXT(xd_receipt_line, date),
    XD_DOC_MEMBER(xd_receipt_line, XD_DOC_DECIMAL, layer.quantity, "quantity"),
    XD_DOC_MEMBER(xd_receipt_line, XD_DOC_DECIMAL, layer.amount, "amount"),
    DEC(xd_receipt_line, matched),
    DEC(xd_receipt_line, gone),
    XD_DOC_MEMBER(xd_receipt_line, XD_DOC_DECIMAL, layer.used, "used"),
    XD_DOC_MEMBER(xd_receipt_line, XD_DOC_DECIMAL, layer.used_amount, "used_amount"),
    INT(xd_receipt_line, below),
    INT(xd_receipt_line, next),
    FLAG(xd_receipt_line, in_freed),
    FLAG(xd_receipt_line, popped),
};
TYPE(xd_receipt_line_type, XD_STATE_RECEIPT_LINE, xd_receipt_line, receipt_line_members);

#define RECEIPT_MEMBERS(number_name)                                                               \
    XD_DOC_MEMBER(xd_receipt, XD_DOC_TEXT, number, number_name), TXT(xd_receipt, site),            \
        TXT(xd_receipt, po), TXT(xd_receipt, movement), TXT(xd_receipt, status),                   \
        TXT(xd_receipt, date), INT(xd_receipt, seq), JSON(xd_receipt, lines)

static const xd_doc_member receipt_members[] = {RECEIPT_MEMBERS("receipt_no")};
TYPE(xd_receipt_type, XD_STATE_RECEIPT, xd_receipt, receipt_members);
static const xd_doc_member return_members[] = {RECEIPT_MEMBERS("return_no")};
TYPE(xd_return_type, XD_STATE_RETURN, xd_receipt, return_members);

static const xd_doc_member stock_members[] = {
    XD_DOC_MEMBER(xd_stock_doc, XD_DOC_DECIMAL, stock.quantity, "quantity"),
    XD_DOC_MEMBER(xd_stock_doc, XD_DOC_DECIMAL, stock.value, "value"),
    DEC(xd_stock_doc, blocked),
    INT(xd_stock_doc, waiting),
};
TYPE(xd_stock_type, XD_STATE_STOCK, xd_stock_doc, stock_members);

static const xd_doc_member movement_members[] = {
    TXT(xd_movement, kind),    TXT(xd_movement, number), TXT(xd_movement, site),
    TXT(xd_movement, to_site), TXT(xd_movement, status), TXT(xd_movement, date),
    INT(xd_movement, seq),     TXT(xd_movement, digest), JSON(xd_movement, lines),
};
TYPE(xd_movement_type, XD_STATE_MOVEMENT, xd_movement, movement_members);

static const xd_doc_member invoice_members[] = {
    TXT(xd_invoice, invoice),    TXT(xd_invoice, supplier),  TXT(xd_invoice, po),
    TXT(xd_invoice, currency),   TXT(xd_invoice, date),      TXT(xd_invoice, posting_date),
    TXT(xd_invoice, entered_by), TXT(xd_invoice, status),    DEC(xd_invoice, net),
    DEC(xd_invoice, tax),        DEC(xd_invoice, charges),   DEC(xd_invoice, total),
    INT(xd_invoice, lines),      INT(xd_invoice, live),      INT(xd_invoice, holds),
    INT(xd_invoice, waiting),    CODES(xd_invoice, open),    CODES(xd_invoice, waived),
    INT(xd_invoice, posted),     JSON(xd_invoice, postings), TXT(xd_invoice, payment),
    INT(xd_invoice, seq),        TXT(xd_invoice, at),        TXT(xd_invoice, digest),
};
TYPE(xd_invoice_type, XD_STATE_INVOICE, xd_invoice, invoice_members);

#define LINKS(position, name)                                                                      \
    XD_DOC_MEMBER(xd_invoice_line, XD_DOC_TEXT, link_previous[position], name "_previous"),        \
        XD_DOC_MEMBER(xd_invoice_line, XD_DOC_TEXT, link_next[position], name "_next")

static const xd_doc_member invoice_line_members[] = {
    TXT(xd_invoice_line, invoice),
    INT(xd_invoice_line, line),
    TXT(xd_invoice_line, po),
    INT(xd_invoice_line, po_line),
    TXT(xd_invoice_line, item),
    DEC(xd_invoice_line, quantity),
    DEC(xd_invoice_line, amount),
    DEC(xd_invoice_line, invoiced_quantity),
    DEC(xd_invoice_line, invoiced_amount),
    DEC(xd_invoice_line, unit_price),
    DEC(xd_invoice_line, stated_quantity),
    DEC(xd_invoice_line, matched),
    INT(xd_invoice_line, allocations),
    DEC(xd_invoice_line, ahead_value),
    DEC(xd_invoice_line, matched_value),
    DEC(xd_invoice_line, granted),
    TXT(xd_invoice_line, queue),
    FLAG(xd_invoice_line, pending),
    CODES(xd_invoice_line, open),
    CODES(xd_invoice_line, waived),
    LINKS(0, "queue"),
    LINKS(1, "matches"),
    LINKS(2, "pending"),
};
TYPE(xd_invoice_line_type, XD_STATE_INVOICE_LINE, xd_invoice_line, invoice_line_members);

static const xd_doc_member match_members[] = {
    TXT(xd_match, po),       INT(xd_match, po_line), INT(xd_match, receipt),
    DEC(xd_match, quantity), OPT(xd_match, amount),
};
TYPE(xd_match_type, XD_STATE_MATCH, xd_match, match_members);

static const xd_doc_member hold_members[] = {
    TXT(xd_hold, invoice),      TXT(xd_hold, supplier),    TXT(xd_hold, number),
    INT(xd_hold, line),         TXT(xd_hold, po),          INT(xd_hold, po_line),
    TXT(xd_hold, code),         TXT(xd_hold, status),      JSON(xd_hold, evidence),
    DEC(xd_hold, excess),       TXT(xd_hold, caused_by),   INT(xd_hold, placed_seq),
    TXT(xd_hold, placed_at),    TXT(xd_hold, released_by), TXT(xd_hold, reason),
    INT(xd_hold, released_seq), TXT(xd_hold, released_at), DEC(xd_hold, released_excess),
    INT(xd_hold, lapsed),
};
TYPE(xd_hold_type, XD_STATE_HOLD, xd_hold, hold_members);

static const xd_doc_member credit_members[] = {
    TXT(xd_credit, credit_memo), TXT(xd_credit, supplier), TXT(xd_credit, po),
    TXT(xd_credit, currency),    TXT(xd_credit, kind),     TXT(xd_credit, date),
    TXT(xd_credit, invoice),     DEC(xd_credit, total),    TXT(xd_credit, status),
    INT(xd_credit, seq),         TXT(xd_credit, at),       TXT(xd_credit, digest),
};
TYPE(xd_credit_type, XD_STATE_CREDIT, xd_credit, credit_members);

static const xd_doc_member payment_members[] = {
    TXT(xd_payment, payment),  TXT(xd_payment, supplier), TXT(xd_payment, invoice),
    TXT(xd_payment, po),       INT(xd_payment, po_line),  DEC(xd_payment, amount),
    TXT(xd_payment, currency), TXT(xd_payment, status),   JSON(xd_payment, seen),
    INT(xd_payment, seq),      TXT(xd_payment, at),
};
TYPE(xd_payment_type, XD_STATE_PAYMENT, xd_payment, payment_members);

static const xd_doc_member control_members[] = {
    INT(xd_control, receipts),
    INT(xd_control, receipts_cancelled),
    INT(xd_control, invoices),
    INT(xd_control, invoices_cancelled),
    INT(xd_control, clearings),
    INT(xd_control, payment_blocks_removed),
    FLAG(xd_control, invoice_held_ever),
    FLAG(xd_control, receipt_after_excess_invoice),
    FLAG(xd_control, receipt_after_excess_clearing),
    FLAG(xd_control, invoice_after_excess_clearing),
    INT(xd_control, open_grni),
};
TYPE(xd_control_type, XD_STATE_CONTROL, xd_control, control_members);
