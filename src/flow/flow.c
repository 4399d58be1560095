/* Runs the flow of an event's kind and closes its step: documents, journal numbers, effect,
 * deliveries. Pure; may call everything in src/flow and src/ledger. */
#include "flow/flow_int.h"

#include "base/planted.h"
#include "flow/match.h"

#include <stdarg.h>
#include <stdio.h>

typedef struct flow_row {
    const char *name;
    xd_status (*run)(xd_flow *f);
    const char
        *date_field; /* the document's business date or instant; NULL: the day it was recorded */
    const char *person_field;
} flow_row;

static const flow_row rows[XD_KIND_LIMIT] = {
    [XD_KIND_ITEM] = {"master", xd_flow_master, NULL, NULL},
    [XD_KIND_SUPPLIER] = {"master", xd_flow_master, NULL, NULL},
    [XD_KIND_SITE] = {"master", xd_flow_master, NULL, NULL},
    [XD_KIND_UOM] = {"master", xd_flow_master, NULL, NULL},
    [XD_KIND_ACCOUNT] = {"master", xd_flow_master, NULL, NULL},
    [XD_KIND_CROSSWALK] = {"crosswalk", xd_flow_crosswalk, NULL, NULL},
    [XD_KIND_PURCHASE_ORDER] = {"order", xd_flow_purchase_order, NULL, "created_by"},
    [XD_KIND_ORDER_CHANGE] = {"order_change", xd_flow_order_change, NULL, "requested_by"},
    [XD_KIND_ACKNOWLEDGEMENT] = {"acknowledgement", xd_flow_acknowledgement, NULL, NULL},
    [XD_KIND_SHIP_NOTICE] = {"ship_notice", xd_flow_ship_notice, "shipped_at", NULL},
    [XD_KIND_ORDER_ACTIVITY] = {"order_activity", xd_flow_order_activity, NULL, "person"},
    [XD_KIND_GOODS_RECEIPT] = {"receiving", xd_flow_goods_receipt, "received_at", "received_by"},
    [XD_KIND_SUPPLIER_RETURN] = {"return", xd_flow_supplier_return, "returned_at", NULL},
    [XD_KIND_ADJUSTMENT] = {"adjustment", xd_flow_adjustment, "adjusted_at", NULL},
    [XD_KIND_CYCLE_COUNT] = {"cycle_count", xd_flow_cycle_count, "counted_at", NULL},
    [XD_KIND_TRANSFER] = {"transfer", xd_flow_transfer, "moved_at", NULL},
    [XD_KIND_SALES_SHIPMENT] = {"shipment", xd_flow_sales_shipment, "shipped_at", NULL},
    [XD_KIND_SUPPLIER_INVOICE] = {"invoice", xd_flow_supplier_invoice, "invoice_date",
                                  "entered_by"},
    [XD_KIND_CREDIT_MEMO] = {"credit", xd_flow_credit_memo, "credit_date", NULL},
    [XD_KIND_PAYMENT_STATUS] = {"payment", xd_flow_payment_status, NULL, NULL},
    [XD_KIND_JOURNAL_ENTRY] = {"journal", xd_flow_journal_entry, "date", "prepared_by"},
    [XD_KIND_DOCUMENT] = {"document", xd_flow_document, NULL, NULL},
    [XD_KIND_HUB_DEFINITION] = {"definition", xd_flow_definition, NULL, NULL},
    [XD_KIND_HUB_OUTCOMES] = {"delivery", xd_flow_outcomes, NULL, NULL},
    [XD_KIND_HUB_HOLD_RELEASE] = {"hold_release", xd_flow_hold_release, NULL, "person"},
    [XD_KIND_HUB_DEAD_LETTER] = {"dead_letter", xd_flow_dead_letter, NULL, "person"},
    [XD_KIND_HUB_TIMER] = {"timer", xd_flow_timer, NULL, NULL},
    [XD_KIND_HUB_MAP] = {"map", xd_flow_map, NULL, NULL},
    [XD_KIND_HUB_EXCEPTION] = {"exception", xd_flow_exception, NULL, "person"},
};

/* --- arithmetic and memory --- */

xd_status xd_flow_no_memory(xd_flow *f)
{
    return xd_fail(f->fault, XD_NO_MEMORY, "step.memory",
                   "the step of one event needs too much memory");
}

xd_status xd_flow_exact(xd_flow *f, xd_status status)
{
    return status == XD_OK
               ? XD_OK
               : xd_fail(f->fault, status, "flow.overflow",
                         "the quantities or amounts of %s %.*s leave the range of exact arithmetic",
                         f->event->kind->name, XD_FMT(f->event->key));
}

xd_status xd_flow_decimal(xd_flow *f, const xd_json *object, xd_str name, xd_decimal *ret,
                          bool *ret_given)
{
    xd_str text = xd_json_get_text(object, name);
    xd_decimal value = XD_ZERO;
    if (text.ptr) {
        XD_TRY(xd_decimal_parse(text, &value, f->fault));
    }
    if (ret_given) {
        *ret_given = text.ptr != NULL;
    }
    *ret = value;
    return XD_OK;
}

xd_status xd_flow_round(xd_flow *f, xd_decimal value, xd_decimal *ret)
{
    return xd_flow_exact(f, xd_decimal_round(value, f->definition->digits, XD_HALF_AWAY, ret));
}

xd_status xd_flow_share(xd_flow *f, xd_decimal value, xd_decimal part, xd_decimal whole,
                        xd_decimal *ret)
{
    return xd_flow_exact(f, xd_share(value, part, whole, f->definition->digits, ret));
}

/* --- documents --- */

xd_status xd_flow_order(xd_flow *f, xd_str po, xd_order **ret)
{
    return xd_flow_load(f, &xd_order_type, xd_key_part(f->arena, po), ret);
}

xd_status xd_flow_order_line(xd_flow *f, xd_str po, int64_t po_line, xd_order_line **ret)
{
    xd_order_line *line = NULL;
    XD_TRY(xd_flow_load(f, &xd_order_line_type, xd_key_line(f->arena, po, po_line), &line));
    if (!line->head) {
        XD_TRY(xd_flow_order(f, po, &line->head));
        line->po = po;
        line->po_line = po_line;
        if (line->order.text.ptr) {
            XD_TRY(xd_members_read(xd_ordered_members, xd_ordered_count, line->order.text, f->arena,
                                   &line->ordered, f->fault));
        }
    }
    *ret = line;
    return XD_OK;
}

xd_status xd_flow_set_ordered(xd_flow *f, xd_order_line *line)
{
    xd_buf *buf = xd_step_scratch(f->step);
    xd_members_write(buf, xd_ordered_members, xd_ordered_count, &line->ordered);
    xd_doc_change(&line->doc);
    return xd_flow_keep_json(f, buf, &line->order);
}

xd_status xd_flow_keep(xd_flow *f, const xd_buf *buf, xd_str *ret)
{
    xd_str copy = buf->failed ? XD_STR_NULL : xd_arena_copy(f->arena, xd_buf_str(buf));
    if (!copy.ptr) {
        return xd_flow_no_memory(f);
    }
    *ret = copy;
    return XD_OK;
}

xd_status xd_flow_keep_json(xd_flow *f, const xd_buf *buf, xd_doc_json *ret)
{
    xd_str text;
    XD_TRY(xd_flow_keep(f, buf, &text));
    xd_doc_set(ret, text);
    return XD_OK;
}

xd_status xd_flow_tree(xd_flow *f, xd_doc_json *member, const xd_json **ret)
{
    return xd_doc_tree(member, f->arena, ret, f->fault);
}

xd_status xd_flow_at(xd_flow *f, xd_str *ret)
{
    xd_buf *buf = xd_step_scratch(f->step);
    xd_instant_write(buf, f->event->recorded_at);
    return xd_flow_keep(f, buf, ret);
}

xd_status xd_flow_digest(xd_flow *f, xd_str *ret)
{
    xd_buf *buf = xd_step_scratch(f->step);
    XD_TRY(xd_json_canonical(buf, f->data, f->arena, f->fault));
    uint8_t digest[XD_SHA256_BYTES];
    char hex[XD_SHA256_HEX + 1];
    xd_sha256_of(xd_buf_str(buf), digest);
    xd_hex(digest, sizeof digest, hex);
    xd_str copy = xd_arena_copy(f->arena, (xd_str){hex, 32});
    if (!copy.ptr) {
        return xd_flow_no_memory(f);
    }
    *ret = copy;
    return XD_OK;
}

xd_status xd_flow_account(xd_flow *f, xd_account role, xd_str category, xd_str *ret)
{
    const xd_json *account = NULL;
    xd_str name = xd_str_from(xd_account_role(role));
    if (category.len) {
        XD_TRY(xd_step_get(f->step, XD_STATE_ACCOUNT, xd_key_pair(f->arena, name, category),
                           &account, f->fault));
    }
    if (!account && f->accounts[role].ptr) {
        *ret = f->accounts[role];
        return XD_OK;
    }
    bool general = !account;
    if (general) {
        XD_TRY(xd_step_get(f->step, XD_STATE_ACCOUNT, name, &account, f->fault));
    }
    xd_str code = XD_TEXT(account, "account");
    *ret = code.ptr ? code : f->definition->accounts[role];
    if (general) {
        f->accounts[role] = *ret;
    }
    return XD_OK;
}

/* --- answers --- */

xd_status xd_answer(xd_flow *f, const char *result)
{
    xd_buf *buf = xd_effect(f);
    f->step->starved = f->step->starved || buf->starved;
    xd_buf_clear(buf);
    XD_BUF_LIT(buf, "{\"flow\":\"");
    xd_buf_str_add(buf, xd_str_from(f->name));
    XD_BUF_LIT(buf, "\",\"result\":\"");
    xd_buf_str_add(buf, xd_str_from(result));
    xd_buf_char(buf, '"');
    return buf->failed ? xd_flow_no_memory(f) : XD_OK;
}

xd_status xd_answer_reason(xd_flow *f, const char *result, xd_str text)
{
    XD_TRY(xd_answer(f, result));
    xd_buf *buf = xd_effect(f);
    XD_BUF_LIT(buf, ",\"reason\":");
    xd_json_write_string(buf, text);
    return buf->failed ? xd_flow_no_memory(f) : XD_OK;
}

/* Formats into the arena; a truncated sentence is still a sentence. */
static xd_status format(xd_flow *f, const char *pattern, va_list arguments, xd_str *ret)
{
    char text[512];
    int n = vsnprintf(text, sizeof text, pattern, arguments);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    while (len > 0 && !xd_utf8_valid((xd_str){text, len}, &(size_t){0})) {
        len--; /* The cut fell inside a character. */
    }
    *ret = xd_arena_copy(f->arena, (xd_str){text, len});
    return ret->ptr ? XD_OK : xd_flow_no_memory(f);
}

xd_status xd_answer_park(xd_flow *f, const char *wait_kind, xd_str wait_key)
{
    XD_TRY(xd_step_park(f->step, xd_str_from(wait_kind), wait_key, f->fault));
    XD_TRY(xd_answer(f, "parked"));
    xd_buf *buf = xd_effect(f);
    xd_buf_printf(buf, ",\"wait\":[\"%s\",", wait_kind);
    xd_json_write_string(buf, wait_key);
    xd_buf_char(buf, ']');
    return buf->failed ? xd_flow_no_memory(f) : XD_OK;
}

xd_status xd_answer_duplicate(xd_flow *f, const char *pattern, ...)
{
    va_list arguments;
    va_start(arguments, pattern);
    xd_str text;
    xd_status status = format(f, pattern, arguments, &text);
    va_end(arguments);
    return status == XD_OK ? xd_answer_reason(f, "duplicate", text) : status;
}

xd_status xd_answer_refused(xd_flow *f, const char *pattern, ...)
{
    va_list arguments;
    va_start(arguments, pattern);
    xd_str text;
    xd_status status = format(f, pattern, arguments, &text);
    va_end(arguments);
    return status == XD_OK ? xd_answer_reason(f, "refused", text) : status;
}

xd_status xd_answer_exception(xd_flow *f, const char *code, const char *pattern, ...)
{
    va_list arguments;
    va_start(arguments, pattern);
    xd_str text;
    xd_status status = format(f, pattern, arguments, &text);
    va_end(arguments);
    XD_TRY(status);
    XD_TRY(xd_raise(f, code, text));
    XD_TRY(xd_answer_reason(f, "exception", text));
    xd_buf_printf(xd_effect(f), ",\"code\":\"%s\"", code);
    return XD_OK;
}

/* --- journal entries --- */

xd_status xd_entry_begin(xd_flow *f, const char *kind, xd_str document, xd_str po, xd_journal **ret)
{
    const xd_event *event = f->event;
    xd_journal *journal = xd_arena_alloc(f->arena, sizeof *journal);
    if (!journal) {
        return xd_flow_no_memory(f);
    }
    *journal = (xd_journal){.ledger = f->definition->ledger,
                            .currency = f->definition->currency,
                            .digits = f->definition->digits,
                            .date = f->date,
                            .kind = kind,
                            .document = document,
                            .po = po,
                            .seq = event->seq,
                            .source = event->source,
                            .event = event->id,
                            .actor = f->person,
                            .arena = f->arena};
    *ret = journal;
    return XD_OK;
}

xd_status xd_entry_line(xd_flow *f, xd_journal *journal, xd_account role, xd_str account,
                        xd_decimal amount, int64_t po_line, xd_str item, xd_str site)
{
    return xd_journal_add(journal,
                          (xd_journal_line){.account = account,
                                            .role = xd_str_from(xd_account_role(role)),
                                            .amount = amount,
                                            .po_line = po_line,
                                            .item = item,
                                            .site = site},
                          f->fault);
}

xd_status xd_entry_role(xd_flow *f, xd_journal *journal, xd_account role, xd_decimal amount,
                        int64_t po_line)
{
    if (xd_is_zero(amount)) {
        return XD_OK;
    }
    xd_str account;
    XD_TRY(xd_flow_account(f, role, XD_STR_NULL, &account));
    return xd_entry_line(f, journal, role, account, amount, po_line, XD_STR_NULL, XD_STR_NULL);
}

xd_status xd_entry_difference(xd_flow *f, xd_journal *journal, xd_decimal difference)
{
    if (XD_PLANTED(unbalanced_rounding)) {
        return XD_OK;
    }
    bool small = xd_decimal_cmp(xd_decimal_abs(difference), f->definition->rounding_cap) <= 0;
    return xd_entry_role(f, journal, small ? XD_ACCOUNT_RND : XD_ACCOUNT_IPV, difference, 0);
}

static xd_status load_chain(xd_flow *f)
{
    if (!f->chain_loaded) {
        const xd_json *stored = NULL;
        XD_TRY(xd_step_get(f->step, XD_STATE_LEDGER, XD_STR("journal"), &stored, f->fault));
        XD_TRY(xd_journal_chain_read(stored, f->arena, &f->chain, f->fault));
        f->chain_loaded = true;
    }
    return XD_OK;
}

/* Appends to the step's postings. */
static xd_status keep_posting(xd_flow *f, int64_t ordinal, xd_str text)
{
    xd_step *step = f->step;
    if (step->posting_count == step->posting_size) {
        uint32_t size = step->posting_size ? step->posting_size * 2 : 4;
        xd_posting *grown = xd_arena_alloc(f->arena, size * sizeof *grown);
        if (!grown) {
            return xd_flow_no_memory(f);
        }
        if (step->posting_count) {
            memcpy(grown, step->postings, step->posting_count * sizeof *grown);
        }
        step->postings = grown;
        step->posting_size = size;
    }
    step->postings[step->posting_count++] = (xd_posting){ordinal, text};
    return XD_OK;
}

xd_status xd_entry_post(xd_flow *f, xd_journal *journal, xd_entry **ret)
{
    *ret = NULL;
    if (journal->count == 0) {
        return XD_OK;
    }
    XD_TRY(load_chain(f));
    xd_buf *buf = xd_step_scratch(f->step);
    xd_entry *entry = xd_arena_alloc(f->arena, sizeof *entry);
    if (!entry) {
        return xd_flow_no_memory(f);
    }
    *entry = (xd_entry){.journal = journal};
    XD_TRY(xd_journal_post(journal, &f->chain, f->arena, buf, &entry->number, f->fault));
    entry->ordinal = f->chain.ordinal;
    xd_str text;
    XD_TRY(xd_flow_keep(f, buf, &text));
    XD_TRY(keep_posting(f, entry->ordinal, text));
    *(f->last_entry ? &f->last_entry->next : &f->entries) = entry;
    f->last_entry = entry;
    *ret = entry;
    return XD_OK;
}

/* --- closing --- */

static xd_status write_entries(xd_flow *f)
{
    xd_buf *buf = xd_effect(f);
    bool more = false;
    for (const xd_entry *entry = f->entries; entry; entry = entry->next) {
        if (entry->own) {
            continue;
        }
        const xd_journal *journal = entry->journal;
        xd_buf_str_add(buf, more ? XD_STR(",") : XD_STR(",\"entries\":["));
        more = true;
        XD_BUF_LIT(buf, "{\"ordinal\":");
        xd_buf_int(buf, entry->ordinal);
        XD_BUF_LIT(buf, ",\"number\":");
        xd_buf_int(buf, entry->number);
        xd_buf_printf(buf, ",\"date\":\"%.*s\",\"currency\":\"%.*s\",\"kind\":\"%s\",\"document\":",
                      XD_FMT(journal->date), XD_FMT(journal->currency), journal->kind);
        xd_json_write_string(buf, journal->document);
        if (journal->po.len) {
            XD_BUF_LIT(buf, ",\"po\":");
            xd_json_write_string(buf, journal->po);
        }
        if (journal->reversal_of) {
            XD_BUF_LIT(buf, ",\"reversal_of\":");
            xd_buf_int(buf, journal->reversal_of);
        }
        XD_BUF_LIT(buf, ",\"lines\":");
        xd_journal_write_lines(buf, journal->lines, journal->count);
        xd_buf_char(buf, '}');
    }
    if (more) {
        xd_buf_char(buf, ']');
    }
    return buf->failed ? xd_flow_no_memory(f) : XD_OK;
}

void xd_delivery_write_map(xd_buf *buf, const xd_delivery *delivery, int32_t edition)
{
    if (!delivery->map.ptr) {
        xd_buf_str_add(buf, delivery->seen && edition >= 3 ? XD_STR(",true") : XD_STR(""));
    } else {
        xd_buf_char(buf, ',');
        xd_json_write_string(buf, delivery->map);
        xd_buf_char(buf, ',');
        xd_buf_int(buf, delivery->codes_at);
        xd_buf_str_add(buf, delivery->seen ? XD_STR(",true") : XD_STR(""));
    }
}

/* The deliveries whose bodies a map makes, by index: ,"maps":{"2":"name@hash"}. */
static void write_maps(xd_flow *f)
{
    xd_buf *effect = xd_effect(f);
    bool more = false;
    for (uint32_t i = 0; i < f->step->delivery_count; i++) {
        const xd_delivery *delivery = &f->step->deliveries[i];
        if (delivery->map.ptr && delivery->seq == f->event->seq) {
            xd_buf_printf(effect, "%s\"%u\":", more ? "," : ",\"maps\":{", delivery->index);
            xd_json_write_string(effect, delivery->map);
            more = true;
        }
    }
    if (more) {
        xd_buf_char(effect, '}');
    }
}

/* The deliveries that this event waits for, as one outbox document. */
static xd_status write_outbox(xd_flow *f)
{
    const xd_step *step = f->step;
    xd_buf *buf = xd_step_scratch(f->step);
    XD_BUF_LIT(buf, "{\"order_key\":");
    xd_json_write_string(buf, f->event->order_key);
    XD_BUF_LIT(buf, ",\"to\":");
    bool more = false;
    if (XD_PLANTED(forget_outbox_row) && f->event->seq % 4 == 0) {
        return XD_OK;
    }
    for (uint32_t i = 0; i < step->delivery_count; i++) {
        const xd_delivery *delivery = &step->deliveries[i];
        if (delivery->seq != f->event->seq) {
            continue; /* A retried dead letter: its outbox document is another event's. */
        }
        xd_buf_str_add(buf, more ? XD_STR(",[") : XD_STR("[["));
        more = true;
        xd_buf_int(buf, delivery->index);
        xd_buf_char(buf, ',');
        xd_json_write_string(buf, step->definition->systems[delivery->system].name);
        xd_buf_char(buf, ',');
        xd_json_write_string(buf, xd_str_from(xd_message_name((xd_message)delivery->message)));
        if (delivery->map.ptr || !xd_str_eq(delivery->order_key, f->event->order_key)) {
            xd_buf_char(buf, ',');
            xd_json_write_string(buf, delivery->order_key);
        }
        xd_delivery_write_map(buf, delivery, f->definition->edition);
        xd_buf_char(buf, ']');
    }
    if (!more) {
        return XD_OK;
    }
    XD_BUF_LIT(buf, "]}");
    if (buf->failed) {
        return xd_flow_no_memory(f);
    }
    return xd_step_put(f->step, XD_STATE_OUTBOX, xd_key_seq(f->arena, f->event->seq),
                       xd_buf_str(buf), f->fault);
}

static xd_status finish(xd_flow *f)
{
    xd_step *step = f->step;
    XD_TRY(xd_match_settle(f));
    XD_TRY(xd_docs_write(&f->docs, step, f->fault));
    if (f->entries) {
        xd_buf *buf = xd_step_scratch(step);
        xd_journal_chain_write(&f->chain, buf);
        XD_TRY(xd_step_put(step, XD_STATE_LEDGER, XD_STR("journal"), xd_buf_str(buf), f->fault));
        XD_TRY(xd_flow_send(f, XD_MESSAGE_JOURNAL));
    }
    if (f->touched) {
        XD_TRY(xd_flow_send(f, XD_MESSAGE_INVOICE_STATUS));
    }
    xd_buf *effect = xd_effect(f);
    if (effect->len) {
        XD_TRY(xd_match_write_effect(f));
        XD_TRY(write_entries(f));
        write_maps(f);
        if (step->resumed && xd_step_log_seq(step) != f->event->seq &&
            f->definition->edition >= 2) {
            xd_buf_printf(effect, ",\"resumed_by\":%lld", (long long)xd_step_log_seq(step));
        }
        if (f->mapped) {
            XD_BUF_LIT(effect, ",\"kind\":\"");
            xd_buf_str_add(effect, xd_str_from(f->event->kind->name));
            XD_BUF_LIT(effect, "\",\"data\":");
            xd_buf_str_add(effect, f->event->data_text);
        }
        xd_buf_char(effect, '}');
        XD_TRY(xd_flow_keep(f, effect, &step->effect));
    }
    return step->delivery_count ? write_outbox(f) : XD_OK;
}

/* First ten characters of a date or instant: the day as the sender wrote it, at the place it
 * happened. */
static xd_status business_date(xd_flow *f, const char *field)
{
    xd_str text = field ? xd_json_get_text(f->data, xd_str_from(field)) : XD_STR_NULL;
    if (text.len >= 10) {
        f->date = (xd_str){text.ptr, 10};
        return XD_OK;
    }
    XD_TRY(xd_flow_at(f, &f->date));
    f->date.len = 10;
    return XD_OK;
}

/* Turns to an event: its document, its day, who did it, and the flow that runs. */
static xd_status turn_to(xd_flow *f, const xd_event *event)
{
    const flow_row *row = &rows[event->kind->kind];
    f->event = event;
    f->data = event->data;
    f->name = row->name;
    XD_TRY(business_date(f, row->date_field));
    xd_str person =
        row->person_field ? xd_json_get_text(f->data, xd_str_from(row->person_field)) : XD_STR_NULL;
    f->person = person.len ? person : event->actor;
    return XD_OK;
}

xd_status xd_flow_become(xd_flow *f, const xd_event *event)
{
    XD_TRY(turn_to(f, event));
    f->step->event = event;
    f->mapped = true;
    return rows[event->kind->kind].run(f);
}

xd_status xd_flow_step(xd_step *step, xd_fault *fault)
{
    const flow_row *row = &rows[step->event->kind->kind];
    if (!row->run) {
        return XD_OK;
    }
    xd_flow f = {
        .step = step, .definition = step->definition, .arena = step->arena, .fault = fault};
    XD_TRY(turn_to(&f, step->event));
    xd_status status = row->run(&f);
    if (status == XD_OK) {
        status = finish(&f);
    }
    /* Whatever was made of it, a fault of the document or an answer: with memory it might have been
     * something else, and a replay would find that. */
    if (xd_step_is_starved(step)) {
        return xd_fail(fault, XD_NO_MEMORY, "step.memory",
                       "no memory left for the step of an event");
    }
    /* Running into the arena's cap is the document's doing, not the machine's: it must not stop the
     * hub. */
    if (status == XD_NO_MEMORY && step->arena->used_bytes > step->arena->cap_bytes / 2) {
        return xd_fail(fault, XD_LIMIT, "step.memory",
                       "%s %.*s is too large to be processed at once; send it in smaller documents",
                       step->event->kind->name, XD_FMT(step->event->key));
    }
    return status;
}
