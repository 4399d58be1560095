/* The table of kinds, and how a CloudEvents type names one. See kind.h.
 * Owns nothing; calls base and the kinds' tables only. Pure. */
#include "canon/kind.h"

#include "canon/kinds_int.h"
#include "canon/nearest.h"

#define ROW(kind_, name_, title_, key_, order_)                                                    \
    {                                                                                              \
        .kind = (kind_), .name = #name_, .title = (title_), .key_field = (key_),                   \
        .order_field = (order_), .fields = &xd_##name_##_document, .version = 1                    \
    }
#define HUB_ROW(kind_, name_, title_, key_)                                                        \
    {                                                                                              \
        .kind = (kind_), .name = (name_), .title = (title_), .key_field = (key_),                  \
        .order_field = (key_), .version = 1, .internal = true                                      \
    }

static const xd_kind_info kinds[] = {
    ROW(XD_KIND_ITEM, item, "Item", "item", "item"),
    ROW(XD_KIND_SUPPLIER, supplier, "Supplier", "supplier", "supplier"),
    ROW(XD_KIND_SITE, site, "Site", "site", "site"),
    ROW(XD_KIND_UOM, uom, "Unit of measure", "uom", "uom"),
    ROW(XD_KIND_ACCOUNT, account, "Account mapping", "role", "role"),
    ROW(XD_KIND_CROSSWALK, crosswalk, "Crosswalk entry", "code", "code"),
    ROW(XD_KIND_PURCHASE_ORDER, purchase_order, "Purchase order", "po", "po"),
    ROW(XD_KIND_ORDER_CHANGE, order_change, "Purchase order change", "po", "po"),
    ROW(XD_KIND_ACKNOWLEDGEMENT, acknowledgement, "Order acknowledgement", "acknowledgement_no",
        "po"),
    ROW(XD_KIND_SHIP_NOTICE, ship_notice, "Advance ship notice", "shipment", "po"),
    ROW(XD_KIND_ORDER_ACTIVITY, order_activity, "Order activity", "activity_no", "po"),
    ROW(XD_KIND_GOODS_RECEIPT, goods_receipt, "Goods receipt", "receipt_no", "purchase_order"),
    ROW(XD_KIND_SUPPLIER_RETURN, supplier_return, "Return to supplier", "return_no", "po"),
    ROW(XD_KIND_ADJUSTMENT, adjustment, "Inventory adjustment", "adjustment_no", "adjustment_no"),
    ROW(XD_KIND_CYCLE_COUNT, cycle_count, "Cycle count", "count_no", "count_no"),
    ROW(XD_KIND_TRANSFER, transfer, "Transfer between sites", "transfer_no", "transfer_no"),
    ROW(XD_KIND_SALES_SHIPMENT, sales_shipment, "Sales shipment", "shipment_no", "shipment_no"),
    ROW(XD_KIND_SUPPLIER_INVOICE, supplier_invoice, "Supplier invoice", "invoice", "po"),
    ROW(XD_KIND_CREDIT_MEMO, credit_memo, "Supplier credit memo", "credit_memo", "po"),
    ROW(XD_KIND_PAYMENT_STATUS, payment_status, "Payment status", "payment", "po"),
    ROW(XD_KIND_JOURNAL_ENTRY, journal_entry, "Journal entry", "entry_no", "entry_no"),
    HUB_ROW(XD_KIND_DOCUMENT, "document", "Record that waits to be mapped", NULL),
    HUB_ROW(XD_KIND_HUB_DEFINITION, "hub_definition", "Flow definition in force", NULL),
    HUB_ROW(XD_KIND_HUB_OUTCOMES, "hub_outcomes", "Results of deliveries", NULL),
    HUB_ROW(XD_KIND_HUB_HOLD_RELEASE, "hub_hold_release", "Release of a hold", "hold"),
    HUB_ROW(XD_KIND_HUB_DEAD_LETTER, "hub_dead_letter", "Decision on a dead letter", "delivery"),
    HUB_ROW(XD_KIND_HUB_TIMER, "hub_timer", "Timer that ran out", NULL),
    HUB_ROW(XD_KIND_HUB_MAP, "hub_map", "Version of a map", "name"),
    HUB_ROW(XD_KIND_HUB_EXCEPTION, "hub_exception", "Decision on an exception", "exception"),
};

enum { KIND_COUNT = sizeof kinds / sizeof *kinds };

/* Types other systems already send. */
static const struct {
    const char *type;
    xd_kind kind;
} aliases[] = {
    {"goods.receipt.confirmed", XD_KIND_GOODS_RECEIPT},
};

const xd_kind_info *xd_kinds(size_t *ret_count)
{
    *ret_count = KIND_COUNT;
    return kinds;
}

const xd_kind_info *xd_kind_find(xd_kind kind)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (kinds[i].kind == kind) {
            return &kinds[i];
        }
    }
    return NULL;
}

const xd_kind_info *xd_kind_by_name(xd_str name)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (xd_str_eq(xd_str_from(kinds[i].name), name)) {
            return &kinds[i];
        }
    }
    return NULL;
}

const char *xd_kind_alias(xd_kind kind)
{
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++) {
        if (aliases[i].kind == kind) {
            return aliases[i].type;
        }
    }
    return NULL;
}

static xd_status unknown_type(xd_str type, xd_str name, xd_fault *fault)
{
    xd_nearest nearest = xd_nearest_to(name);
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (!kinds[i].internal) {
            xd_nearest_offer(&nearest, kinds[i].name);
        }
    }
    int shown = type.len < 80 ? (int)type.len : 80;
    const char *text = type.len ? type.ptr : "";
    if (nearest.best) {
        return xd_fail(fault, XD_INVALID, "event.type",
                       "type '%.*s' is not known; did you mean 'crossdock.%s.v1'?", shown, text,
                       nearest.best);
    }
    return xd_fail(fault, XD_INVALID, "event.type",
                   "type '%.*s' is not known; types look like crossdock.goods_receipt.v1", shown,
                   text);
}

/* Splits "crossdock.<name>.v<version>"; a type without these parts is all name. */
static void split_type(xd_str type, xd_str *ret_name, xd_str *ret_version)
{
    static const char prefix[] = "crossdock.";
    *ret_name = type;
    *ret_version = XD_STR_NULL;
    if (!xd_str_starts(type, XD_STR(prefix))) {
        return;
    }
    type.ptr += sizeof prefix - 1;
    type.len -= sizeof prefix - 1;
    *ret_name = type;
    for (size_t i = type.len; i-- > 0;) {
        if (type.ptr[i] == '.' && i + 1 < type.len && type.ptr[i + 1] == 'v') {
            *ret_name = (xd_str){type.ptr, i};
            *ret_version = (xd_str){type.ptr + i + 2, type.len - i - 2};
            return;
        }
    }
}

xd_status xd_kind_of_type(xd_str type, const xd_kind_info **ret, xd_fault *fault)
{
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++) {
        if (xd_str_eq(xd_str_from(aliases[i].type), type)) {
            *ret = xd_kind_find(aliases[i].kind);
            return XD_OK;
        }
    }
    xd_str name;
    xd_str version;
    split_type(type, &name, &version);
    const xd_kind_info *info = version.ptr ? xd_kind_by_name(name) : NULL;
    if (!info) {
        return unknown_type(type, name, fault);
    }
    int64_t number;
    if (version.len == 0 || version.ptr[0] < '1' || version.ptr[0] > '9' ||
        !xd_str_to_int64(version, &number) || number > info->version) {
        return xd_fail(fault, XD_INVALID, "event.version",
                       "version 'v%.*s' of %s is not known; the newest is v%u",
                       version.len < 20 ? (int)version.len : 20, version.ptr, info->name,
                       info->version);
    }
    *ret = info;
    return XD_OK;
}
