/* The state documents that flows work on, as structs; docs/state.md describes their members. Pure.
 */
#ifndef XD_FLOW_DOCS_H
#define XD_FLOW_DOCS_H

#include "flow/doc.h"
#include "ledger/valuation.h"

typedef struct xd_order {
    xd_doc doc;
    xd_str po, supplier, site, currency, ordered_at, terms;
    int64_t version;
    xd_str status; /* OPEN, PENDING_APPROVAL */
    xd_str created_by, approved_by, changed_by;
    int64_t match_level; /* 0: the definition's */
    xd_limit_value tolerance_pct;
    xd_str grni;
    int64_t lines;
    int64_t seq;
    xd_str at, digest;
} xd_order;
extern const xd_doc_type xd_order_type;

/* What was ordered: the "order" member of an order line. */
typedef struct xd_ordered {
    xd_limit_value quantity; /* in the order's unit; absent: open-ended */
    xd_decimal unit_price;
    xd_str item, description, uom;
    xd_decimal factor_numerator, factor_denominator; /* base units per order unit; 0: the same */
    xd_str account, tax_code;
    bool cancelled;
    xd_doc_json acknowledged;
} xd_ordered;
extern const xd_doc_member xd_ordered_members[];
extern const uint32_t xd_ordered_count;

/* Lists of invoice lines that an order line keeps. */
typedef enum xd_bill_list {
    XD_BILL_WAITING, /* billed ahead of goods, not postable because of that */
    XD_BILL_AHEAD,   /* billed ahead of goods, but posted or within tolerance */
    XD_BILL_MATCHES, /* with matched quantity, the newest last */
    XD_BILL_PENDING, /* not posted, or with holds */
    XD_BILL_LISTS
} xd_bill_list;

typedef struct xd_order_line {
    xd_doc doc;
    xd_decimal received, rejected, damaged, reversed, returned, shipped;
    xd_decimal billed, billed_amount, matched, granted;
    int64_t receipts, first, last, freed;
    xd_str list_first[XD_BILL_LISTS], list_last[XD_BILL_LISTS];
    int64_t waiting_reversals, waiting_credits;
    xd_doc_json order;
    /* Not stored. */
    xd_order *head;
    xd_str po;
    int64_t po_line;
    xd_ordered ordered;
    xd_decimal asked; /* what the document in hand wants of the line */
} xd_order_line;
extern const xd_doc_type xd_order_line_type;

typedef struct xd_order_item {
    xd_doc doc;
    xd_doc_json lines;
} xd_order_item;
extern const xd_doc_type xd_order_item_type;

typedef struct xd_receipt_line {
    xd_doc doc;
    xd_str site, receipt;
    int64_t line;
    xd_str date;
    xd_layer layer; /* quantity, amount, used, used_amount */
    xd_decimal matched, gone;
    int64_t below, next;
    bool in_freed;
    bool popped; /* left the queue at its newer end: only the freed list leads to it */
    int64_t n;   /* not stored */
} xd_receipt_line;
extern const xd_doc_type xd_receipt_line_type;

/* A receipt or a supplier return. */
typedef struct xd_receipt {
    xd_doc doc;
    xd_str number, site, po, movement, status, date;
    int64_t seq;
    xd_doc_json lines;
} xd_receipt;
extern const xd_doc_type xd_receipt_type;
extern const xd_doc_type xd_return_type; /* the same struct */

typedef struct xd_stock_doc {
    xd_doc doc;
    xd_stock stock;
    xd_decimal blocked;
    int64_t waiting;
    xd_decimal asked; /* not stored: what the document in hand takes out */
} xd_stock_doc;
extern const xd_doc_type xd_stock_type;

typedef struct xd_movement {
    xd_doc doc;
    xd_str kind, number, site, to_site, status, date;
    int64_t seq;
    xd_str digest;
    xd_doc_json lines;
} xd_movement;
extern const xd_doc_type xd_movement_type;

typedef struct xd_invoice xd_invoice;
struct xd_invoice {
    xd_doc doc;
    xd_str invoice, supplier, po, currency, date, posting_date, entered_by, status;
    xd_decimal net, tax, charges, total;
    int64_t lines;
    int64_t live; /* lines with quantity left */
    int64_t holds, waiting;
    uint32_t open, waived; /* document-level hold codes */
    int64_t posted;
    xd_doc_json postings;
    xd_str payment;
    int64_t seq;
    xd_str at, digest;
    /* Not stored. */
    bool is_new, touched;
    xd_invoice *next_touched;
    struct xd_note *notes, *last_note;
};
extern const xd_doc_type xd_invoice_type;

enum { XD_LINKS = 3 }; /* waiting and ahead share one pair of links: a line is in one of them */

typedef struct xd_invoice_line {
    xd_doc doc;
    xd_str invoice; /* key */
    int64_t line;
    xd_str po;
    int64_t po_line;
    xd_str item;
    xd_decimal quantity, amount, invoiced_quantity, invoiced_amount, unit_price;
    xd_decimal stated_quantity; /* as on the document, where it counts in another unit; else 0 */
    xd_decimal matched;
    int64_t allocations;
    xd_decimal ahead_value, matched_value, granted;
    xd_str queue; /* "waiting", "ahead" or empty */
    bool pending;
    uint32_t open, waived;
    xd_str link_previous[XD_LINKS], link_next[XD_LINKS];
} xd_invoice_line;
extern const xd_doc_type xd_invoice_line_type;

typedef struct xd_match {
    xd_doc doc;
    xd_str po;
    int64_t po_line, receipt;
    xd_decimal quantity;
    xd_limit_value amount;
} xd_match;
extern const xd_doc_type xd_match_type;

typedef struct xd_hold {
    xd_doc doc;
    xd_str invoice, supplier, number;
    int64_t line;
    xd_str po;
    int64_t po_line;
    xd_str code, status;
    xd_doc_json evidence;
    xd_decimal excess;
    xd_str caused_by;
    int64_t placed_seq;
    xd_str placed_at, released_by, reason;
    int64_t released_seq;
    xd_str released_at;
    xd_decimal released_excess;
    int64_t lapsed;
} xd_hold;
extern const xd_doc_type xd_hold_type;

typedef struct xd_credit {
    xd_doc doc;
    xd_str credit_memo, supplier, po, currency, kind, date, invoice;
    xd_decimal total;
    xd_str status;
    int64_t seq;
    xd_str at, digest;
} xd_credit;
extern const xd_doc_type xd_credit_type;

typedef struct xd_payment {
    xd_doc doc;
    xd_str payment, supplier, invoice, po;
    int64_t po_line;
    xd_decimal amount;
    xd_str currency, status;
    xd_doc_json seen;
    int64_t seq;
    xd_str at;
} xd_payment;
extern const xd_doc_type xd_payment_type;

typedef struct xd_control {
    xd_doc doc;
    int64_t receipts, receipts_cancelled, invoices, invoices_cancelled, clearings;
    int64_t payment_blocks_removed;
    bool invoice_held_ever, receipt_after_excess_invoice;
    bool receipt_after_excess_clearing, invoice_after_excess_clearing;
    int64_t open_grni;
} xd_control;
extern const xd_doc_type xd_control_type;

#endif
