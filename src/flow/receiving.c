/* Goods receipts, their reversal, and returns to the supplier: enriched from the order, checked
 * against what was ordered, accrued to GRNI. Pure. */
#include "base/planted.h"
#include "flow/controls.h"
#include "flow/match.h"
#include "flow/stock.h"
#include "flow/tolerance.h"

/* One line of the document, with what the order says about it. */
typedef struct moved {
    const xd_json *json;
    int64_t number; /* of the line on the document */
    xd_order_line *line;
    xd_decimal quantity;          /* as reported, in base units */
    xd_decimal damaged, rejected; /* parts of it */
    xd_decimal accepted;          /* quantity less rejected */
    xd_decimal before;            /* net received before this line */
    xd_limit_value ordered;
    xd_str result; /* FULL, PARTIAL, OVER, REVERSED, RETURNED */
    xd_decimal amount;
    int64_t row; /* first receipt row; of a return: the one it takes from, 0: any */
    bool unit_unknown;
    bool other_unit; /* the document counts in another unit than the order */
} moved;

/* What a receipt, a reversal and a return have in common. */
typedef struct movement {
    xd_str number, site, po;
    xd_receipt *receipt; /* the document's own state */
    xd_order *order;
    const xd_json *lines;
    moved *moved;
    bool variance;
    xd_entry *entry;
} movement;

/* --- reading and checking --- */

static xd_status read_line(xd_flow *f, const movement *m, const xd_json *json, moved *ret)
{
    xd_str unit = XD_TEXT(json, "uom");
    bool known;
    ret->json = json;
    ret->number = XD_INT(json, "line", 0);
    XD_TRY(xd_flow_order_line(f, m->po, XD_INT(json, "po_line", 0), &ret->line));
    XD_TRY(xd_flow_decimal(f, json, XD_STR("quantity"), &ret->quantity, NULL));
    XD_TRY(xd_flow_decimal(f, json, XD_STR("damaged"), &ret->damaged, NULL));
    XD_TRY(xd_flow_decimal(f, json, XD_STR("rejected"), &ret->rejected, NULL));
    xd_decimal *const quantities[] = {&ret->quantity, &ret->damaged, &ret->rejected};
    for (int i = 0; i < 3; i++) {
        if (!xd_is_zero(*quantities[i])) {
            xd_decimal told = *quantities[i];
            XD_TRY(xd_line_base(f, ret->line, unit, told, quantities[i], &known));
            ret->unit_unknown |= !known;
            ret->other_unit |= xd_decimal_cmp(told, *quantities[i]) != 0;
        }
    }
    ret->accepted = ret->quantity;
    return xd_flow_subtract(f, &ret->accepted, ret->rejected);
}

static xd_status read_lines(xd_flow *f, movement *m)
{
    m->moved = xd_arena_zalloc(f->arena, (m->lines->count + 1) * sizeof *m->moved);
    if (!m->moved) {
        return xd_flow_no_memory(f);
    }
    for (uint32_t i = 0; i < m->lines->count; i++) {
        XD_TRY(read_line(f, m, &m->lines->items[i], &m->moved[i]));
    }
    return XD_OK;
}

/* The first line whose order line is missing, NULL when all are known. */
static const moved *missing_line(const movement *m)
{
    for (uint32_t i = 0; i < m->lines->count; i++) {
        if (!m->moved[i].line->doc.exists) {
            return &m->moved[i];
        }
    }
    return NULL;
}

/* Why the document cannot be booked against the order at all, NULL when it can. */
static xd_status objection(xd_flow *f, const movement *m, const char **ret_code, xd_str *ret_text)
{
    xd_str supplier = XD_TEXT(f->data, "supplier");
    *ret_code = NULL;
    if (supplier.len && !xd_str_eq(supplier, m->order->supplier)) {
        *ret_code = "ORDER_MISMATCH";
        *ret_text = xd_arena_printf(f->arena, "it names supplier %.*s, but order %.*s is with %.*s",
                                    XD_FMT(supplier), XD_FMT(m->po), XD_FMT(m->order->supplier));
    }
    for (uint32_t i = 0; i < m->lines->count && !*ret_code; i++) {
        const moved *line = &m->moved[i];
        xd_str item = XD_TEXT(line->json, "item"), ordered = line->line->ordered.item;
        if (line->unit_unknown) {
            *ret_code = "UNIT_UNKNOWN";
            *ret_text = xd_arena_printf(
                f->arena, "line %lld counts in %.*s, which is not a unit of order line %.*s",
                (long long)line->number, XD_FMT(XD_TEXT(line->json, "uom")),
                XD_FMT(line->line->doc.key));
        } else if (item.len && ordered.len && !xd_str_eq(item, ordered)) {
            *ret_code = "ORDER_MISMATCH";
            *ret_text =
                xd_arena_printf(f->arena, "line %lld is item %.*s, but order line %.*s is for %.*s",
                                (long long)line->number, XD_FMT(item), XD_FMT(line->line->doc.key),
                                XD_FMT(ordered));
        }
    }
    return *ret_code && !ret_text->ptr ? xd_flow_no_memory(f) : XD_OK;
}

/* What differs between two documents of one number, or NULL. The stored lines are the measure. */
static bool same_lines(xd_flow *f, xd_receipt *known, const movement *m)
{
    const xd_json *stored = NULL;
    if (xd_flow_tree(f, &known->lines, &stored) != XD_OK) {
        return false;
    }
    uint32_t count = stored ? stored->count : 0;
    if (!xd_str_eq(known->po, m->po) || count != m->lines->count) {
        return false;
    }
    static const char *const numbers[] = {"quantity", "damaged", "rejected"};
    for (uint32_t i = 0; i < count; i++) {
        const xd_json *a = &stored->items[i], *b = &m->lines->items[i];
        bool same = XD_INT(a, "line", 0) == XD_INT(b, "line", 0) &&
                    XD_INT(a, "po_line", 0) == XD_INT(b, "po_line", 0);
        for (int k = 0; same && k < 3; k++) {
            xd_decimal x, y;
            same = xd_flow_decimal(f, a, xd_str_from(numbers[k]), &x, NULL) == XD_OK &&
                   xd_flow_decimal(f, b, xd_str_from(numbers[k]), &y, NULL) == XD_OK &&
                   xd_decimal_cmp(x, y) == 0;
        }
        if (!same) {
            return false;
        }
    }
    return true;
}

static xd_status answer_known(xd_flow *f, const movement *m)
{
    xd_receipt *known = m->receipt;
    if (same_lines(f, known, m) && xd_str_eq(known->movement, XD_TEXT(f->data, "movement"))) {
        return xd_answer_duplicate(f,
                                   "%s %.*s at site %.*s is known from event %lld with the "
                                   "same content",
                                   f->event->kind->name, XD_FMT(m->number), XD_FMT(m->site),
                                   (long long)known->seq);
    }
    return xd_answer_exception(f, "DUPLICATE_CONFLICT",
                               "%s %.*s at site %.*s is known from event %lld with other content: "
                               "one of the two is wrong",
                               f->event->kind->name, XD_FMT(m->number), XD_FMT(m->site),
                               (long long)known->seq);
}

/* --- keeping --- */

static void write_decimal(xd_buf *buf, const char *name, xd_decimal value)
{
    xd_buf_str_add(buf, XD_STR(",\""));
    xd_buf_str_add(buf, xd_str_from(name));
    xd_buf_str_add(buf, XD_STR("\":\""));
    xd_decimal_write(buf, value);
    xd_buf_char(buf, '"');
}

/* Whether a decimal as given is anything but zero. */
static bool has_value(xd_str text)
{
    for (size_t i = 0; i < text.len && text.ptr[i] != 'e' && text.ptr[i] != 'E'; i++) {
        if (text.ptr[i] >= '1' && text.ptr[i] <= '9') {
            return true;
        }
    }
    return false;
}

/* The document's state: what tells a repeated one, and what an invoice may refer to. Quantities
 * stay in the document's own unit. */
static xd_status keep_receipt(xd_flow *f, const movement *m, const char *status)
{
    static const char *const numbers[] = {"quantity", "damaged", "rejected"};
    static const xd_str names[] = {
        {",\"quantity\":\"", 13}, {",\"damaged\":\"", 12}, {",\"rejected\":\"", 13}};
    xd_receipt *receipt = m->receipt;
    receipt->number = m->number;
    receipt->site = m->site;
    receipt->po = m->po;
    receipt->movement = XD_TEXT(f->data, "movement");
    receipt->status = xd_str_from(status);
    receipt->date = f->date;
    receipt->seq = f->event->seq;
    xd_buf *buf = xd_step_scratch(f->step);
    xd_buf_char(buf, '[');
    for (uint32_t i = 0; i < m->lines->count; i++) {
        const xd_json *json = &m->lines->items[i];
        xd_buf_str_add(buf, i ? XD_STR(",{\"line\":") : XD_STR("{\"line\":"));
        xd_buf_int(buf, XD_INT(json, "line", 0));
        XD_BUF_LIT(buf, ",\"po_line\":");
        xd_buf_int(buf, XD_INT(json, "po_line", 0));
        if (m->moved && m->moved[i].row) {
            XD_BUF_LIT(buf, ",\"n\":");
            xd_buf_int(buf, m->moved[i].row);
        }
        for (int k = 0; k < 3; k++) {
            xd_str text = xd_json_get_text(json, xd_str_from(numbers[k]));
            if (has_value(text)) {
                xd_buf_str_add(buf, names[k]);
                xd_buf_str_add(buf, text);
                xd_buf_char(buf, '"');
            }
        }
        xd_buf_char(buf, '}');
    }
    xd_buf_char(buf, ']');
    xd_doc_change(&receipt->doc);
    return xd_flow_keep_json(f, buf, &receipt->lines);
}

/* The effect's members: all that the messages need beside the document. */
static xd_status write_effect(xd_flow *f, const movement *m)
{
    xd_buf *buf = xd_effect(f);
    XD_BUF_LIT(buf, ",\"supplier\":");
    xd_json_write_string(buf, m->order->supplier);
    XD_BUF_LIT(buf, ",\"currency\":");
    xd_json_write_string(buf, f->definition->currency);
    XD_BUF_LIT(buf, ",\"date\":\"");
    xd_buf_str_add(buf, f->date);
    xd_buf_str_add(buf, m->variance ? XD_STR("\",\"status\":\"VARIANCE\"")
                                    : XD_STR("\",\"status\":\"OK\""));
    if (m->entry && m->entry->own) {
        XD_BUF_LIT(buf, ",\"grni\":");
        xd_json_write_string(buf, m->order->grni);
        XD_BUF_LIT(buf, ",\"journal\":[");
        xd_buf_int(buf, m->entry->ordinal);
        xd_buf_char(buf, ',');
        xd_buf_int(buf, m->entry->number);
        xd_buf_char(buf, ']');
    }
    for (uint32_t i = 0; i < m->lines->count; i++) {
        const moved *line = &m->moved[i];
        const xd_ordered *ordered = &line->line->ordered;
        xd_buf_str_add(buf, i ? XD_STR(",{\"po_line\":") : XD_STR(",\"lines\":[{\"po_line\":"));
        xd_buf_int(buf, line->line->po_line);
        if (line->ordered.set) {
            write_decimal(buf, "ordered", line->ordered.value);
        }
        write_decimal(buf, "before", line->before);
        if (line->other_unit) {
            write_decimal(buf, "received", line->quantity);
            write_decimal(buf, "damaged", line->damaged);
            write_decimal(buf, "rejected", line->rejected);
        }
        XD_BUF_LIT(buf, ",\"result\":\"");
        xd_buf_str_add(buf, line->result);
        xd_buf_char(buf, '"');
        write_decimal(buf, "unit_price", ordered->unit_price);
        write_decimal(buf, "amount", line->amount);
        XD_BUF_LIT(buf, ",\"account\":");
        xd_json_write_string(buf, ordered->account);
        if (ordered->item.len) {
            XD_BUF_LIT(buf, ",\"item\":");
            xd_json_write_string(buf, ordered->item);
        }
        xd_buf_char(buf, '}');
    }
    xd_buf_char(buf, ']');
    return buf->failed ? xd_flow_no_memory(f) : XD_OK;
}

/* --- receipts --- */

/* Compares with the order: over what is allowed, complete, or not yet. */
static xd_status judge(xd_flow *f, const movement *m, moved *line, bool *ret_over)
{
    const xd_definition *definition = f->definition;
    xd_tolerance rule = definition->over_receipt;
    if (m->order->tolerance_pct.set) {
        rule.upper_percent = m->order->tolerance_pct;
    }
    *ret_over = false;
    XD_TRY(xd_line_received(f, line->line, &line->before));
    XD_TRY(xd_line_ordered(f, line->line, &line->ordered));
    line->result = XD_STR("PARTIAL");
    if (!line->ordered.set) {
        return XD_OK;
    }
    xd_decimal after = line->before;
    xd_limit_value upper, lower;
    XD_TRY(xd_flow_add(f, &after, line->accepted));
    if (xd_decimal_cmp(after, line->ordered.value) > 0) {
        XD_TRY(xd_tolerance_upper(f, &rule, line->ordered.value, &upper));
        *ret_over = upper.set && xd_decimal_cmp(after, upper.value) > 0;
    }
    XD_TRY(xd_tolerance_lower(f, &rule, line->ordered.value, &lower));
    xd_decimal full = lower.set ? lower.value : line->ordered.value;
    if (*ret_over) {
        line->result = XD_STR("OVER");
    } else if (xd_decimal_cmp(after, full) >= 0) {
        line->result = XD_STR("FULL");
    }
    return XD_OK;
}

/* Adds the damaged part to what of the stock is blocked; refused goods never were stock. */
static xd_status block_damaged(xd_flow *f, const movement *m, const moved *line)
{
    xd_decimal blocked = line->damaged;
    XD_TRY(xd_flow_subtract(f, &blocked, line->rejected));
    if (!xd_is_positive(blocked) || line->line->ordered.item.len == 0) {
        return XD_OK;
    }
    xd_stock_doc *stock = NULL;
    XD_TRY(xd_flow_stock(f, m->site, line->line->ordered.item, &stock));
    xd_doc_change(&stock->doc);
    return xd_flow_add(f, &stock->blocked, blocked);
}

static xd_status receive_line(xd_flow *f, const movement *m, moved *line, xd_journal *journal)
{
    xd_order_line *order_line = line->line;
    XD_TRY(xd_flow_add(f, &order_line->damaged, line->damaged));
    XD_TRY(xd_flow_add(f, &order_line->rejected, line->rejected));
    xd_doc_change(&order_line->doc);
    if (!xd_is_positive(line->accepted)) {
        return XD_OK; /* All of it was refused at the dock: nothing came in. */
    }
    const xd_arrival arrival = {m->site, m->number, line->number, line->accepted};
    XD_TRY(xd_match_receive(f, order_line, &arrival, &line->amount, &line->row));
    XD_TRY(xd_stock_goods_in(f, journal, order_line, m->site, line->accepted, line->amount));
    XD_TRY(block_damaged(f, m, line));
    return xd_entry_line(f, journal, XD_ACCOUNT_GRNI, order_line->head->grni,
                         xd_decimal_neg(line->amount), order_line->po_line, XD_STR_NULL,
                         XD_STR_NULL);
}

/* Documents that came before anything they could take back resume one by one. */
static xd_status wake_reversals(xd_flow *f, xd_order_line *line)
{
    if (line->waiting_reversals == 0) {
        return XD_OK;
    }
    line->waiting_reversals--;
    xd_doc_change(&line->doc);
    return xd_step_wake_next(f->step, XD_STR("receipt"), line->doc.key, f->fault);
}

static xd_status receive(xd_flow *f, movement *m)
{
    xd_journal *journal = NULL;
    xd_str over = XD_STR_NULL;
    XD_TRY(xd_answer(f, "posted"));
    XD_TRY(xd_entry_begin(f, "goods_receipt", m->receipt->doc.key, m->po, &journal));
    for (uint32_t i = 0; i < m->lines->count; i++) {
        moved *line = &m->moved[i];
        bool is_over;
        XD_TRY(judge(f, m, line, &is_over));
        XD_TRY(receive_line(f, m, line, journal));
        XD_TRY(wake_reversals(f, line->line));
        m->variance |= is_over;
        if (is_over && !over.ptr) {
            char text[XD_DECIMAL_MAX_TEXT];
            over = xd_arena_printf(
                f->arena,
                "receipt %.*s brings line %lld of order %.*s above the ordered %s and its "
                "tolerance: keep, return or change the order",
                XD_FMT(m->number), (long long)line->line->po_line, XD_FMT(m->po),
                xd_decimal_text(line->ordered.value, text).ptr);
        }
    }
    XD_TRY(over.ptr ? xd_raise(f, "OVER_RECEIPT", over) : XD_OK);
    XD_TRY(xd_entry_post(f, journal, &m->entry));
    if (m->entry) {
        m->entry->own = !f->definition->standard_cost;
    }
    return keep_receipt(f, m, "POSTED");
}

/* --- taking back --- */

/* The first line for which less was received than is to be taken back; NULL when there is enough
 * for all. */
static xd_status short_line(xd_flow *f, const movement *m, const moved **ret)
{
    *ret = NULL;
    for (uint32_t i = 0; i < m->lines->count && !*ret; i++) {
        const moved *line = &m->moved[i];
        xd_decimal have;
        XD_TRY(xd_line_received(f, line->line, &have));
        XD_TRY(xd_flow_add(f, &line->line->asked, line->quantity));
        if (xd_decimal_cmp(have, line->line->asked) < 0) {
            *ret = line;
        }
    }
    return XD_OK;
}

/* The receipt row that a return names, 0 when it names none that is known. */
static xd_status named_row(xd_flow *f, const movement *m, moved *line)
{
    xd_str number = XD_TEXT(line->json, "receipt_no");
    xd_receipt *receipt = NULL;
    if (number.len == 0) {
        return XD_OK;
    }
    XD_TRY(xd_flow_load(f, &xd_receipt_type, xd_key_pair(f->arena, m->site, number), &receipt));
    return xd_receipt_row(f, receipt, line->line, XD_INT(line->json, "receipt_line", 0),
                          &line->row);
}

static xd_status take_back_line(xd_flow *f, const movement *m, moved *line, bool is_return,
                                xd_journal *journal)
{
    xd_order_line *order_line = line->line;
    xd_departure *departures = NULL;
    XD_TRY(xd_line_received(f, order_line, &line->before));
    XD_TRY(xd_line_ordered(f, order_line, &line->ordered));
    line->result = is_return ? XD_STR("RETURNED") : XD_STR("REVERSED");
    if (is_return) {
        XD_TRY(named_row(f, m, line));
    }
    XD_TRY(xd_match_take_back(f, order_line, line->quantity, is_return, line->row, &departures));
    for (; departures; departures = departures->next) {
        XD_TRY(xd_entry_line(f, journal, XD_ACCOUNT_GRNI, order_line->head->grni,
                             departures->amount, order_line->po_line, XD_STR_NULL, XD_STR_NULL));
        XD_TRY(xd_stock_goods_out(f, journal, order_line, departures->site, departures->quantity,
                                  departures->amount, !is_return));
        XD_TRY(xd_flow_add(f, &line->amount, departures->amount));
    }
    line->row = 0;
    return wake_reversals(f, order_line);
}

static xd_status take_back(xd_flow *f, movement *m, bool is_return)
{
    const moved *lacking = NULL;
    XD_TRY(short_line(f, m, &lacking));
    if (lacking) {
        lacking->line->waiting_reversals++;
        xd_doc_change(&lacking->line->doc);
        XD_TRY(keep_receipt(f, m, "PARKED"));
        return xd_answer_park(f, "receipt", lacking->line->doc.key);
    }
    xd_journal *journal = NULL;
    XD_TRY(xd_answer(f, "posted"));
    XD_TRY(xd_entry_begin(f, is_return ? "supplier_return" : "receipt_reversal",
                          m->receipt->doc.key, m->po, &journal));
    for (uint32_t i = 0; i < m->lines->count; i++) {
        XD_TRY(take_back_line(f, m, &m->moved[i], is_return, journal));
    }
    XD_TRY(xd_entry_post(f, journal, &m->entry));
    return keep_receipt(f, m, "POSTED");
}

/* --- the flows --- */

/* Parks or refuses what cannot go on; *ret_go is whether the flow goes on. */
static xd_status admit(xd_flow *f, movement *m, bool *ret_go)
{
    *ret_go = false;
    bool failed =
        xd_str_eq(m->receipt->status, XD_STR("EXCEPTION")); /* may be sent again, corrected */
    if (m->receipt->doc.exists && m->receipt->seq != f->event->seq && !failed &&
        !XD_PLANTED(double_accrual)) {
        return answer_known(f, m);
    }
    if (failed) {
        XD_TRY(xd_exception_outdated(f, m->receipt->seq));
    }
    XD_TRY(xd_flow_order(f, m->po, &m->order));
    if (!m->order->doc.exists) {
        XD_TRY(keep_receipt(f, m, "PARKED"));
        return xd_answer_park(f, "purchase_order", m->order->doc.key);
    }
    XD_TRY(read_lines(f, m));
    const moved *line = missing_line(m);
    if (line) {
        XD_TRY(keep_receipt(f, m, "PARKED"));
        return xd_answer_park(f, "order_line", line->line->doc.key);
    }
    const char *code;
    xd_str text;
    XD_TRY(objection(f, m, &code, &text));
    if (code) {
        XD_TRY(keep_receipt(f, m, "EXCEPTION"));
        return xd_answer_exception(f, code, "%s %.*s cannot be booked: %.*s", f->event->kind->name,
                                   XD_FMT(m->number), XD_FMT(text));
    }
    *ret_go = true;
    return XD_OK;
}

static xd_status tell(xd_flow *f, const movement *m)
{
    XD_TRY(write_effect(f, m));
    XD_TRY(xd_flow_send(f, XD_MESSAGE_INVENTORY));
    return xd_flow_send(f, XD_MESSAGE_RECEIPT_STATUS);
}

xd_status xd_flow_goods_receipt(xd_flow *f)
{
    movement m = {.number = XD_TEXT(f->data, "receipt_no"),
                  .site = XD_TEXT(f->data, "site"),
                  .po = XD_TEXT(f->data, "purchase_order"),
                  .lines = XD_GET(f->data, "lines")};
    bool go, is_reversal = xd_str_eq(XD_TEXT(f->data, "movement"), XD_STR("reversal"));
    XD_TRY(xd_flow_load(f, &xd_receipt_type, xd_key_pair(f->arena, m.site, m.number), &m.receipt));
    if (!m.receipt->doc.exists) {
        XD_TRY(xd_control_count_lines(
            f, m.po, is_reversal ? XD_CONTROL_RECEIPT_CANCELLED : XD_CONTROL_RECEIPT));
    }
    XD_TRY(admit(f, &m, &go));
    if (!go) {
        return XD_OK;
    }
    XD_TRY(is_reversal ? take_back(f, &m, false) : receive(f, &m));
    return xd_str_eq(m.receipt->status, XD_STR("POSTED")) ? tell(f, &m) : XD_OK;
}

xd_status xd_flow_supplier_return(xd_flow *f)
{
    movement m = {.number = XD_TEXT(f->data, "return_no"),
                  .site = XD_TEXT(f->data, "site"),
                  .po = XD_TEXT(f->data, "po"),
                  .lines = XD_GET(f->data, "lines")};
    bool go;
    XD_TRY(xd_flow_load(f, &xd_return_type, xd_key_pair(f->arena, m.site, m.number), &m.receipt));
    XD_TRY(admit(f, &m, &go));
    if (!go) {
        return XD_OK;
    }
    XD_TRY(take_back(f, &m, true));
    return xd_str_eq(m.receipt->status, XD_STR("POSTED")) ? tell(f, &m) : XD_OK;
}
