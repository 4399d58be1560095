/* The flow definition: everything outside the log's documents that a flow's answer depends on. It
 * is itself an event (hub.definition), so that state stays a pure function of the log. Built from
 * its JSON form, which the configuration loader produces. Immutable once built. Pure. */
#ifndef XD_FLOW_DEFINITION_H
#define XD_FLOW_DEFINITION_H

#include "base/decimal.h"
#include "base/json.h"

/* What the hub can say to a system. */
typedef enum xd_message {
    XD_MESSAGE_NONE = 0,
    XD_MESSAGE_INVENTORY = 1, /* "inventory": goods movement for the ERP */
    XD_MESSAGE_RECEIPT_STATUS =
        2,                  /* "receipt_status": what arrived against the order, for procurement */
    XD_MESSAGE_JOURNAL = 3, /* "journal": a posted journal entry, for finance */
    XD_MESSAGE_ORDER = 4,   /* "order": order or order change, for supplier or WMS */
    XD_MESSAGE_ORDER_STATUS =
        5, /* "order_status": acknowledgement and change results, for procurement */
    XD_MESSAGE_INVOICE_STATUS = 6, /* "invoice_status": matched, held, parked, released */
    XD_MESSAGE_MASTER = 7,         /* "master": master data change */
    XD_MESSAGE_LIMIT = 8
} xd_message;

const char *xd_message_name(xd_message message);
xd_message xd_message_by_name(xd_str name); /* XD_MESSAGE_NONE when unknown */

/* One side of a tolerance: absent means not checked; a limit of 0 allows nothing. */
typedef struct xd_limit_value {
    bool set;
    xd_decimal value;
} xd_limit_value;

typedef struct xd_tolerance {
    xd_limit_value upper_percent, upper_absolute, lower_percent, lower_absolute;
} xd_tolerance;

/* Account roles of the journals in DOMAIN section 3. */
typedef enum xd_account {
    XD_ACCOUNT_INV,
    XD_ACCOUNT_GRNI,
    XD_ACCOUNT_AP,
    XD_ACCOUNT_VAT,
    XD_ACCOUNT_IPV,
    XD_ACCOUNT_PPV,
    XD_ACCOUNT_RND,
    XD_ACCOUNT_COGS,
    XD_ACCOUNT_SHR,
    XD_ACCOUNT_GIT,
    XD_ACCOUNT_FX,
    XD_ACCOUNT_LCC,
    XD_ACCOUNT_COUNT
} xd_account;

const char *xd_account_role(xd_account account); /* "INV" */

enum { XD_DEFINITION_MAX_SYSTEMS = 32, XD_DEFINITION_MAX_CONTROLLERS = 16 };

typedef struct xd_system_rule {
    xd_str name;
    uint32_t receives; /* bit per xd_message */
    /* By message: "name@<hash>", the version of the map that makes its body; ptr NULL: none. */
    xd_str maps[XD_MESSAGE_LIMIT];
} xd_system_rule;

/* Editions of the flows, since what an old log led to must stay as it is:
 * 1: those of logs that name none; 2: the effect of an event that had waited says what ended it;
 * 3: a retry of a body that no map made and the system may have seen says so;
 * 4: a document that is sent again after an exception settles that. */
enum { XD_EDITION = 4 };

typedef struct xd_definition {
    int32_t edition;
    xd_str company;
    xd_str currency;
    int32_t digits; /* minor-unit digits of currency: every posted amount has them */
    xd_str ledger;
    xd_str accounts[XD_ACCOUNT_COUNT]; /* code per role; the role's own name when not configured */
    int match_level;                   /* 2 or 3 */
    bool post_early_invoices; /* false: park until goods arrive; true: post against GRNI (golden 6
                                 and 8) */
    bool standard_cost;       /* false: moving average */
    bool require_item, require_supplier, require_site; /* an order waits for these masters */
    bool controls;                                     /* keep p2p-controls per order line */
    xd_tolerance price, extended_price, quantity_ordered, quantity_received, invoice_total,
        over_receipt;
    xd_decimal rounding_cap;     /* largest rounding line (RND), in the ledger's currency */
    xd_decimal controller_limit; /* holds on invoices above it need a controller; 0: none do */
    uint32_t controller_count;
    xd_str controllers[XD_DEFINITION_MAX_CONTROLLERS];
    int32_t duplicate_days; /* window of the soft duplicate check; 0: none */
    int32_t
        parked_days; /* after which a document that still waits becomes an exception; 0: never */
    uint32_t system_count;
    xd_system_rule systems[XD_DEFINITION_MAX_SYSTEMS];
} xd_definition;

/* Reads the JSON form (docs/definition.md lists the members); defaults fill what is absent.
 * Strings borrow json's source and arena. Faults: XD_INVALID with a JSON pointer. */
XD_CHECKED xd_status xd_definition_read(const xd_json *json, xd_arena *arena, xd_definition *ret,
                                        xd_fault *fault);

#endif
