/* The documents of all kinds, one file each, and the records that several kinds share. Private to
 * src/canon. */
#ifndef XD_CANON_KINDS_INT_H
#define XD_CANON_KINDS_INT_H

#include "canon/field.h"

/* The type under which other systems already send a kind; NULL when there is none. */
const char *xd_kind_alias(xd_kind kind);

/* master data */
extern const xd_field xd_item_document;
extern const xd_field xd_supplier_document;
extern const xd_field xd_site_document;
extern const xd_field xd_uom_document;
extern const xd_field xd_account_document;
extern const xd_field xd_crosswalk_document;
/* process */
extern const xd_field xd_purchase_order_document;
extern const xd_field xd_order_change_document;
extern const xd_field xd_acknowledgement_document;
extern const xd_field xd_ship_notice_document;
extern const xd_field xd_order_activity_document;
/* movement */
extern const xd_field xd_goods_receipt_document;
extern const xd_field xd_supplier_return_document;
extern const xd_field xd_adjustment_document;
extern const xd_field xd_cycle_count_document;
extern const xd_field xd_transfer_document;
extern const xd_field xd_sales_shipment_document;
/* ledger */
extern const xd_field xd_supplier_invoice_document;
extern const xd_field xd_credit_memo_document;
extern const xd_field xd_payment_status_document;
extern const xd_field xd_journal_entry_document;

/* lots.c: one lot of a line; its quantity is added to the list's sum. */
extern const xd_record xd_lot_record;
/* The lots of a line, when any are given, add up to its quantity. */
xd_status xd_check_lots(const xd_values *values, uint32_t lots, uint32_t quantity);
#define XD_RULE_LOTS "The quantities of the lots add up to the quantity of the line."

/* uom_factor.c: how many base units one ordering unit holds, as a ratio. */
extern const xd_record xd_uom_factor_record;

/* billing.c: what invoices and credit memos share. */
extern const xd_record xd_bill_line_record;
extern const xd_record xd_charge_record;

/* Positions of a bill's figures in its table. */
typedef struct xd_bill {
    uint32_t lines, charges, tax, net, total;
} xd_bill;
/* Net is the sum of the lines' amounts when all give one; total is net + charges + tax when total,
 * net and tax are given. */
xd_status xd_check_bill(const xd_values *values, const xd_bill *bill);
#define XD_RULE_NET "net is the sum of the amounts of the lines when every line gives one."
#define XD_RULE_TOTAL                                                                              \
    "total is net + charges + tax when total, net and tax are given; charges not given count as "  \
    "0."

#endif
