/* What the flows share: one flow's context, loading of documents, exact arithmetic, answers,
 * journal entries. Private to src/flow. Pure.
 *
 * A flow first checks, changing nothing (it may then park, refuse or raise an exception), and only
 * then applies. Documents are changed in place (xd_doc_change) and written when the flow is done.
 */
#ifndef XD_FLOW_INT_H
#define XD_FLOW_INT_H

#include "flow/docs.h"
#include "flow/hold_code.h"
#include "flow/key.h"
#include "ledger/journal.h"

typedef struct xd_entry { /* a journal entry posted in this step */
    struct xd_entry *next;
    int64_t ordinal, number;
    xd_str date;
    const xd_journal *journal;
    bool own; /* the effect's own lines tell it: not repeated in the effect's entries */
} xd_entry;

typedef struct xd_flow {
    xd_step *step;
    const xd_definition *definition;
    const xd_event *event;
    const xd_json *data;
    xd_arena *arena;
    xd_fault *fault;
    xd_docs docs;
    const char *name; /* of the flow, for the effect */
    xd_str date;      /* business date of the event, YYYY-MM-DD */
    xd_str person;    /* who did it; "" when nobody is named */
    bool chain_loaded;
    xd_journal_chain chain;
    xd_str accounts[XD_ACCOUNT_COUNT]; /* resolved so far */
    xd_entry *entries, *last_entry;
    xd_invoice *touched, *last_touched; /* invoices changed, in order */
    bool mapped; /* event is what a map made of a record: the effect tells kind and data */
} xd_flow;

/* Goes on with the document that a map made of the event's record: runs the flow of its kind. */
XD_CHECKED xd_status xd_flow_become(xd_flow *f, const xd_event *event);

/* --- arithmetic: a failure becomes an XD_OVERFLOW fault of the event --- */
XD_CHECKED xd_status xd_flow_exact(xd_flow *f, xd_status status);
XD_CHECKED static inline xd_status xd_flow_add(xd_flow *f, xd_decimal *sum, xd_decimal value)
{
    xd_status status = xd_decimal_add(*sum, value, sum);
    return status == XD_OK ? XD_OK : xd_flow_exact(f, status);
}
XD_CHECKED static inline xd_status xd_flow_subtract(xd_flow *f, xd_decimal *rest, xd_decimal value)
{
    return xd_flow_add(f, rest, xd_decimal_neg(value));
}
/* part / whole of value, rounded to the ledger currency's minor unit (xd_share). */
XD_CHECKED xd_status xd_flow_share(xd_flow *f, xd_decimal value, xd_decimal part, xd_decimal whole,
                                   xd_decimal *ret);
/* Member of object as decimal; zero when absent or null, *ret_given (may be NULL) tells. */
XD_CHECKED xd_status xd_flow_decimal(xd_flow *f, const xd_json *object, xd_str name,
                                     xd_decimal *ret, bool *ret_given);
/* Rounds to the ledger currency's minor unit. */
XD_CHECKED xd_status xd_flow_round(xd_flow *f, xd_decimal value, xd_decimal *ret);

static inline bool xd_is_positive(xd_decimal value)
{
    return value.coefficient > 0;
}
static inline bool xd_is_zero(xd_decimal value)
{
    return value.coefficient == 0;
}

/* The fault of a step for which the arena has no more room. */
xd_status xd_flow_no_memory(xd_flow *f);

/* --- documents --- */
XD_CHECKED static inline xd_status xd_flow_load(xd_flow *f, const xd_doc_type *type, xd_str key,
                                                void *ret_document)
{
    return xd_doc_load(&f->docs, f->step, type, key, ret_document, f->fault);
}
XD_CHECKED xd_status xd_flow_order(xd_flow *f, xd_str po, xd_order **ret);
/* The order line; its head and its "order" member are loaded as well. */
XD_CHECKED xd_status xd_flow_order_line(xd_flow *f, xd_str po, int64_t po_line,
                                        xd_order_line **ret);
/* Writes line->ordered back into line->order. */
XD_CHECKED xd_status xd_flow_set_ordered(xd_flow *f, xd_order_line *line);
/* The event's recorded_at as text. */
XD_CHECKED xd_status xd_flow_at(xd_flow *f, xd_str *ret);
/* Fingerprint of the event's data: 32 hex digits of SHA-256 over its canonical form. */
XD_CHECKED xd_status xd_flow_digest(xd_flow *f, xd_str *ret);
/* A copy of what buf holds, in the arena. */
XD_CHECKED xd_status xd_flow_keep(xd_flow *f, const xd_buf *buf, xd_str *ret);
/* The same as a document's JSON member. */
XD_CHECKED xd_status xd_flow_keep_json(xd_flow *f, const xd_buf *buf, xd_doc_json *ret);
/* Tree of a document's JSON member; NULL when it is absent. */
XD_CHECKED xd_status xd_flow_tree(xd_flow *f, xd_doc_json *member, const xd_json **ret);
/* Account of a role: the account master document (role/category first, when category is not empty),
 * else the definition's. */
XD_CHECKED xd_status xd_flow_account(xd_flow *f, xd_account role, xd_str category, xd_str *ret);

/* --- answers: what the event came to; each opens or replaces the effect --- */
XD_CHECKED xd_status xd_answer(xd_flow *f, const char *result);
XD_CHECKED xd_status xd_answer_reason(xd_flow *f, const char *result, xd_str text);
XD_CHECKED xd_status xd_answer_park(xd_flow *f, const char *wait_kind, xd_str wait_key);
XD_CHECKED xd_status xd_answer_duplicate(xd_flow *f, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
XD_CHECKED xd_status xd_answer_refused(xd_flow *f, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Raises an exception for a person and makes it the answer. */
XD_CHECKED xd_status xd_answer_exception(xd_flow *f, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* What an exception is about: the event that it is numbered after, and the document of that. */
typedef struct xd_exception_subject {
    int64_t seq;
    xd_str kind;
    xd_str key;
    xd_str order_key;
} xd_exception_subject;

/* Opens one; another one of that number is replaced. */
XD_CHECKED xd_status xd_exception_open(xd_flow *f, const xd_exception_subject *about,
                                       const char *code, xd_str text);
/* Raises an exception about the event itself, beside whatever the answer is. */
XD_CHECKED xd_status xd_raise(xd_flow *f, const char *code, xd_str text);
/* The document of event seq, which had raised an exception, is sent again: that one is settled, and
 * what becomes of this one is another matter. */
XD_CHECKED xd_status xd_exception_outdated(xd_flow *f, int64_t seq);
/* Where members of the effect are added; each starts with a comma. */
static inline xd_buf *xd_effect(xd_flow *f)
{
    return &f->step->effect_text;
}
XD_CHECKED static inline xd_status xd_flow_send(xd_flow *f, xd_message message)
{
    return xd_step_send(f->step, message, f->event->order_key, f->fault);
}

/* Sends the deliveries again that could not be made without this code (its key in state); a part of
 * them, and then the event is stepped again for the rest. */
XD_CHECKED xd_status xd_flow_resend(xd_flow *f, xd_str code);
/* Of an entry in an outbox document: ,"name@hash",event where a map makes the body, and ,true when
 * the system may have seen that body before. */
void xd_delivery_write_map(xd_buf *buf, const xd_delivery *delivery, int32_t edition);

/* --- journal entries --- */
XD_CHECKED xd_status xd_entry_begin(xd_flow *f, const char *kind, xd_str document, xd_str po,
                                    xd_journal **ret);
/* Amount above zero: debit; below: credit. po_line 0, item and site empty: none. */
XD_CHECKED xd_status xd_entry_line(xd_flow *f, xd_journal *journal, xd_account role, xd_str account,
                                   xd_decimal amount, int64_t po_line, xd_str item, xd_str site);
/* As xd_entry_line with the role's own account. */
XD_CHECKED xd_status xd_entry_role(xd_flow *f, xd_journal *journal, xd_account role,
                                   xd_decimal amount, int64_t po_line);
/* What a document's total differs from its parts: rounding within the definition's cap; above it,
 * once a person has accepted it, a matter of price. */
XD_CHECKED xd_status xd_entry_difference(xd_flow *f, xd_journal *journal, xd_decimal difference);
/* Posts the entry; one without lines is not posted and *ret is NULL. */
XD_CHECKED xd_status xd_entry_post(xd_flow *f, xd_journal *journal, xd_entry **ret);

/* --- flows, one per kind (see flow.c) --- */
xd_status xd_flow_master(xd_flow *f);
xd_status xd_flow_purchase_order(xd_flow *f);
xd_status xd_flow_order_change(xd_flow *f);
xd_status xd_flow_acknowledgement(xd_flow *f);
xd_status xd_flow_ship_notice(xd_flow *f);
xd_status xd_flow_order_activity(xd_flow *f);
xd_status xd_flow_goods_receipt(xd_flow *f);
xd_status xd_flow_supplier_return(xd_flow *f);
xd_status xd_flow_adjustment(xd_flow *f);
xd_status xd_flow_cycle_count(xd_flow *f);
xd_status xd_flow_transfer(xd_flow *f);
xd_status xd_flow_sales_shipment(xd_flow *f);
xd_status xd_flow_supplier_invoice(xd_flow *f);
xd_status xd_flow_credit_memo(xd_flow *f);
xd_status xd_flow_payment_status(xd_flow *f);
xd_status xd_flow_journal_entry(xd_flow *f);
xd_status xd_flow_definition(xd_flow *f);
xd_status xd_flow_crosswalk(xd_flow *f);
xd_status xd_flow_map(xd_flow *f);
xd_status xd_flow_document(xd_flow *f);
xd_status xd_flow_outcomes(xd_flow *f);
xd_status xd_flow_hold_release(xd_flow *f);
xd_status xd_flow_timer(xd_flow *f);
xd_status xd_flow_dead_letter(xd_flow *f);
xd_status xd_flow_exception(xd_flow *f);

#endif
