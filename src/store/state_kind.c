/* Names of state kinds, as people see them in views and addresses. Pure. */
#include "port/store.h"

static const char *const NAMES[XD_STATE_LIMIT] = {
    [XD_STATE_ITEM] = "item",
    [XD_STATE_SUPPLIER] = "supplier",
    [XD_STATE_SITE] = "site",
    [XD_STATE_UOM] = "uom",
    [XD_STATE_ACCOUNT] = "account",
    [XD_STATE_CROSSWALK] = "crosswalk",
    [XD_STATE_PURCHASE_ORDER] = "purchase_order",
    [XD_STATE_ORDER_LINE] = "order_line",
    [XD_STATE_RECEIPT_LINE] = "receipt_line",
    [XD_STATE_ORDER_CHANGE] = "order_change",
    [XD_STATE_ACKNOWLEDGEMENT] = "acknowledgement",
    [XD_STATE_SHIP_NOTICE] = "ship_notice",
    [XD_STATE_ORDER_ITEM] = "order_item",
    [XD_STATE_RECEIPT] = "receipt",
    [XD_STATE_RETURN] = "return",
    [XD_STATE_MOVEMENT] = "movement",
    [XD_STATE_STOCK] = "stock",
    [XD_STATE_INVOICE] = "invoice",
    [XD_STATE_MATCH] = "match",
    [XD_STATE_HOLD] = "hold",
    [XD_STATE_INVOICE_LINE] = "invoice_line",
    [XD_STATE_CREDIT] = "credit",
    [XD_STATE_PAYMENT] = "payment",
    [XD_STATE_LEDGER] = "ledger",
    [XD_STATE_CONTROL] = "control",
    [XD_STATE_DUPLICATE] = "duplicate",
    [XD_STATE_PARK_QUEUE] = "park_queue",
    [XD_STATE_PARKED] = "parked",
    [XD_STATE_OUTBOX] = "outbox",
    [XD_STATE_DEAD] = "dead_letter",
    [XD_STATE_EXCEPTION] = "exception",
    [XD_STATE_TIMER] = "timer",
    [XD_STATE_DEFINITION] = "definition",
    [XD_STATE_MAP] = "map",
    [XD_STATE_CODE_WAIT] = "code_wait",
};

const char *xd_state_kind_name(xd_state_kind kind)
{
    return (unsigned)kind < XD_STATE_LIMIT ? NAMES[kind] : NULL;
}
