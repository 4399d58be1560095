/* The canonical kinds: one row per kind of document or hub event. Numbers are persisted in the log
 * and never reused. Pure. */
#ifndef XD_CANON_KIND_H
#define XD_CANON_KIND_H

#include "base/json.h"

typedef enum xd_kind {
    XD_KIND_NONE = 0,
    /* master data */
    XD_KIND_ITEM = 1,
    XD_KIND_SUPPLIER = 2,
    XD_KIND_SITE = 3,
    XD_KIND_UOM = 4,
    XD_KIND_ACCOUNT = 5,   /* account mapping: role (and item category) -> ledger account */
    XD_KIND_CROSSWALK = 6, /* what one system calls a thing, in the words of another */
    /* process */
    XD_KIND_PURCHASE_ORDER = 10,
    XD_KIND_ORDER_CHANGE = 11,
    XD_KIND_ACKNOWLEDGEMENT = 12,
    XD_KIND_SHIP_NOTICE = 13,
    XD_KIND_ORDER_ACTIVITY = 14, /* a milestone of an order line that moves no quantity or money */
    /* movement */
    XD_KIND_GOODS_RECEIPT = 20, /* movement "receipt" or "reversal" */
    XD_KIND_SUPPLIER_RETURN = 21,
    XD_KIND_ADJUSTMENT = 22,
    XD_KIND_CYCLE_COUNT = 23,
    XD_KIND_TRANSFER = 24,
    XD_KIND_SALES_SHIPMENT = 25,
    /* ledger */
    XD_KIND_SUPPLIER_INVOICE = 30,
    XD_KIND_CREDIT_MEMO = 31,
    XD_KIND_PAYMENT_STATUS = 32,
    XD_KIND_JOURNAL_ENTRY = 33,
    /* A record of a source whose map needs codes that were not known when it came in; only the hub
     * appends it: {"source","map":"<sha256 of the map>","record":..,"n":place among the documents
     * that the map makes of the record, from 0}. */
    XD_KIND_DOCUMENT = 40,
    /* the hub's own events; only the hub appends them */
    XD_KIND_HUB_DEFINITION = 60, /* the flow definition in force from here on */
    XD_KIND_HUB_OUTCOMES = 61,   /* results of deliveries */
    XD_KIND_HUB_HOLD_RELEASE = 62,
    XD_KIND_HUB_DEAD_LETTER = 63, /* retry or drop */
    XD_KIND_HUB_TIMER = 64,
    /* A version of a map: {"name","hash","to":kind name,"text":"<JSONata>","layout":{..}|null}. */
    XD_KIND_HUB_MAP = 65,
    XD_KIND_HUB_EXCEPTION = 66, /* settled by a person */
    XD_KIND_LIMIT = 80
} xd_kind;

typedef struct xd_field xd_field; /* the field tables, canon/field.h */

typedef struct xd_kind_info {
    xd_kind kind;
    const char *name;        /* "goods_receipt": used in URLs, views and messages */
    const char *title;       /* one line for people */
    const char *key_field;   /* member of data that is the document's own number */
    const char *order_field; /* member of data whose value keeps order between documents: the
                                purchase order number for order documents, else the key */
    const xd_field *fields;  /* NULL for hub kinds */
    uint32_t version;        /* newest version accepted; older ones are 1..version */
    bool internal;           /* only the hub may append it */
} xd_kind_info;

/* Row of a kind; NULL when there is none. */
const xd_kind_info *xd_kind_find(xd_kind kind);
const xd_kind_info *xd_kind_by_name(xd_str name);
/* Kind of a CloudEvents type: "crossdock.<name>.v<version>" or a registered alias such as
 * "goods.receipt.confirmed". Faults: XD_INVALID, rule "event.type" (unknown) or "event.version". */
XD_CHECKED xd_status xd_kind_of_type(xd_str type, const xd_kind_info **ret, xd_fault *fault);
/* All rows, in order of kind; ret_count rows. */
const xd_kind_info *xd_kinds(size_t *ret_count);

/* Checks data against the kind's fields and cross-field rules (quantities not negative or absurd,
 * one currency, dates that exist, lots adding up, totals adding up where given). Unknown members
 * are refused except inside "extensions". Faults: XD_INVALID with rule "<field>.<rule>" and a JSON
 * pointer; the offset is that of the offending value. */
XD_CHECKED xd_status xd_canon_validate(const xd_kind_info *info, const xd_json *data,
                                       xd_fault *fault);
/* The JSON Schema 2020-12 document of a kind, from the same table. */
void xd_canon_schema(const xd_kind_info *info, xd_buf *buf);

#endif
