/* Bodies of outbound messages, from the event and the effect that its step kept (docs/messages.md).
 * Nothing of a body is stored. Pure. */
#include "flow/key.h"
#include "flow/step.h"

/* ,"name": - written for every member of every body, so without printf. */
static void name_member(xd_buf *buf, const char *name)
{
    XD_BUF_LIT(buf, ",\"");
    xd_buf_str_add(buf, xd_str_from(name));
    XD_BUF_LIT(buf, "\":");
}

static void text_member(xd_buf *buf, const char *name, xd_str value)
{
    name_member(buf, name);
    xd_json_write_string(buf, value);
}

/* Copies a member when it is there. */
static void copy_member(xd_buf *buf, const char *name, const xd_json *value)
{
    if (value && value->type != XD_JSON_NULL) {
        name_member(buf, name);
        xd_json_write(buf, value);
    }
}

static xd_decimal decimal_of(const xd_json *object, const char *name)
{
    xd_decimal value = XD_ZERO;
    xd_str text = xd_json_get_text(object, xd_str_from(name));
    if (text.ptr && xd_decimal_parse(text, &value, NULL) != XD_OK) {
        value = XD_ZERO;
    }
    return value;
}

static void decimal_member(xd_buf *buf, const char *name, xd_decimal value)
{
    name_member(buf, name);
    xd_buf_char(buf, '"');
    xd_decimal_write(buf, value);
    xd_buf_char(buf, '"');
}

static void begin(xd_buf *buf, const char *document, const xd_event *event)
{
    XD_BUF_LIT(buf, "{\"id\":");
    xd_json_write_string(buf, event->id);
    text_member(buf, "document", xd_str_from(document));
    text_member(buf, "kind", xd_str_from(event->kind->name));
    text_member(buf, "reference", event->key);
    XD_BUF_LIT(buf, ",\"seq\":");
    xd_buf_int(buf, event->seq);
}

static bool is_reversal(const xd_event *event)
{
    return xd_str_eq(XD_TEXT(event->data, "movement"), XD_STR("reversal"));
}

/* --- inventory --- */

static void batches(xd_buf *buf, const xd_json *line)
{
    const xd_json *lots = XD_GET(line, "lots");
    XD_BUF_LIT(buf, ",\"batches\":[");
    for (uint32_t i = 0; lots && lots->type == XD_JSON_ARRAY && i < lots->count; i++) {
        xd_buf_str_add(buf, i ? XD_STR(",{\"batch\":") : XD_STR("{\"batch\":"));
        xd_json_write_string(buf, XD_TEXT(&lots->items[i], "lot"));
        copy_member(buf, "quantity", XD_GET(&lots->items[i], "quantity"));
        copy_member(buf, "expiry", XD_GET(&lots->items[i], "expires"));
        xd_buf_char(buf, '}');
    }
    xd_buf_char(buf, ']');
}

/* SAP's movement types: 101 receipt, 103 receipt into blocked stock, 102 its reversal, 122 return
 * to supplier. */
static const char *movement_of(const xd_event *event, bool damaged)
{
    if (event->kind->kind == XD_KIND_SUPPLIER_RETURN) {
        return "122";
    }
    return is_reversal(event) ? "102" : damaged ? "103" : "101";
}

static xd_status goods_line(xd_buf *buf, const xd_event *event, const xd_json *line,
                            const xd_json *kept)
{
    /* What was refused at the dock came in neither way; damaged goods may be among them. */
    xd_decimal accepted, blocked, free_quantity;
    XD_TRY(xd_decimal_sub(decimal_of(line, "quantity"), decimal_of(line, "rejected"), &accepted));
    XD_TRY(xd_decimal_sub(decimal_of(line, "damaged"), decimal_of(line, "rejected"), &blocked));
    blocked = blocked.coefficient > 0 ? blocked : XD_ZERO;
    XD_TRY(xd_decimal_sub(accepted, blocked, &free_quantity));
    XD_BUF_LIT(buf, "{\"po_line\":");
    xd_buf_int(buf, XD_INT(line, "po_line", 0));
    copy_member(buf, "item", XD_GET(kept, "item"));
    copy_member(buf, "uom", XD_GET(line, "uom"));
    decimal_member(buf, "unrestricted", free_quantity);
    decimal_member(buf, "blocked", blocked);
    text_member(buf, "movement", xd_str_from(movement_of(event, blocked.coefficient > 0)));
    batches(buf, line);
    xd_buf_char(buf, '}');
    return XD_OK;
}

static xd_status inventory(xd_buf *buf, const xd_event *event, const xd_json *effect)
{
    const xd_json *lines = XD_GET(event->data, "lines"), *kept = XD_GET(effect, "lines");
    begin(buf, "GOODS_MOVEMENT", event);
    if (!kept || !lines || kept->count != lines->count) {
        copy_member(buf, "data", event->data); /* A movement without an order. */
        xd_buf_char(buf, '}');
        return XD_OK;
    }
    text_member(buf, "po", event->order_key);
    text_member(buf, "plant", XD_TEXT(event->data, "site"));
    text_member(buf, "posting_date", XD_TEXT(effect, "date"));
    XD_BUF_LIT(buf, ",\"lines\":[");
    for (uint32_t i = 0; i < lines->count; i++) {
        if (i) {
            xd_buf_char(buf, ',');
        }
        XD_TRY(goods_line(buf, event, &lines->items[i], &kept->items[i]));
    }
    XD_BUF_LIT(buf, "]}");
    return XD_OK;
}

/* --- receipt status --- */

static void receipt_status(xd_buf *buf, const xd_event *event, const xd_json *effect)
{
    const xd_json *lines = XD_GET(event->data, "lines"), *kept = XD_GET(effect, "lines");
    begin(buf, "RECEIPT_STATUS", event);
    text_member(buf, "receipt_no", event->key);
    text_member(buf, "po", event->order_key);
    copy_member(buf, "supplier", XD_GET(effect, "supplier"));
    copy_member(buf, "status", XD_GET(effect, "status"));
    XD_BUF_LIT(buf, ",\"lines\":[");
    for (uint32_t i = 0; lines && kept && i < lines->count && i < kept->count; i++) {
        const xd_json *line = &lines->items[i], *result = &kept->items[i];
        xd_buf_str_add(buf, i ? XD_STR(",{\"po_line\":") : XD_STR("{\"po_line\":"));
        xd_buf_int(buf, XD_INT(line, "po_line", 0));
        copy_member(buf, "ordered", XD_GET(result, "ordered"));
        copy_member(buf, "received_before", XD_GET(result, "before"));
        /* All in the order's unit: the effect has those that the document counts in another. */
        const xd_json *counted = XD_GET(result, "received") ? result : line;
        copy_member(buf, "received",
                    counted == line ? XD_GET(line, "quantity") : XD_GET(result, "received"));
        copy_member(buf, "damaged", XD_GET(counted, "damaged"));
        copy_member(buf, "rejected", XD_GET(counted, "rejected"));
        copy_member(buf, "result", XD_GET(result, "result"));
        xd_buf_char(buf, '}');
    }
    XD_BUF_LIT(buf, "]}");
}

/* --- journal --- */

/* The side of an accrual line; amounts are not negative there. */
static void accrual_line(xd_buf *buf, xd_str account, const char *role, const char *side,
                         const xd_json *line, bool with_item)
{
    XD_BUF_LIT(buf, "{\"account\":");
    xd_json_write_string(buf, account);
    text_member(buf, "role", xd_str_from(role));
    text_member(buf, side, XD_TEXT(line, "amount"));
    copy_member(buf, "po_line", XD_GET(line, "po_line"));
    if (with_item) {
        copy_member(buf, "item", XD_GET(line, "item"));
    }
    xd_buf_char(buf, '}');
}

/* The document as the journal names it: site/receipt number, the parts escaped as in state keys. */
static void receipt_key(xd_buf *buf, const xd_event *event)
{
    const xd_str parts[] = {XD_TEXT(event->data, "site"), event->key};
    char key[3 * 2 * XD_EVENT_KEY_MAX + 1];
    size_t n = 0;
    for (int i = 0; i < 2; i++) {
        if (i) {
            key[n++] = '/';
        }
        size_t len = parts[i].len < XD_EVENT_KEY_MAX ? parts[i].len : XD_EVENT_KEY_MAX;
        n += xd_key_escape((xd_str){parts[i].ptr, len}, key + n);
    }
    text_member(buf, "document", (xd_str){key, n});
}

/* The entry of a goods receipt: its lines are the effect's own. */
static void accrual(xd_buf *buf, const xd_event *event, const xd_json *effect)
{
    const xd_json *lines = XD_GET(effect, "lines"), *number = XD_GET(effect, "journal");
    XD_BUF_LIT(buf, "{\"ordinal\":");
    xd_json_write(buf, &number->items[0]);
    XD_BUF_LIT(buf, ",\"number\":");
    xd_json_write(buf, &number->items[1]);
    text_member(buf, "date", XD_TEXT(effect, "date"));
    text_member(buf, "currency", XD_TEXT(effect, "currency"));
    text_member(buf, "kind", XD_STR("goods_receipt"));
    receipt_key(buf, event);
    text_member(buf, "po", event->order_key);
    XD_BUF_LIT(buf, ",\"lines\":[");
    bool more = false;
    for (uint32_t i = 0; lines && i < lines->count; i++) {
        const xd_json *line = &lines->items[i];
        if (xd_decimal_sign(decimal_of(line, "amount")) == 0) {
            continue;
        }
        if (more) {
            xd_buf_char(buf, ',');
        }
        more = true;
        accrual_line(buf, XD_TEXT(line, "account"), "INV", "debit", line, true);
        xd_buf_char(buf, ',');
        accrual_line(buf, XD_TEXT(effect, "grni"), "GRNI", "credit", line, false);
    }
    XD_BUF_LIT(buf, "]}");
}

static void journal(xd_buf *buf, const xd_event *event, const xd_json *effect)
{
    const xd_json *entries = XD_GET(effect, "entries");
    bool own = XD_GET(effect, "journal") != NULL;
    begin(buf, "JOURNAL", event);
    XD_BUF_LIT(buf, ",\"entries\":[");
    if (own) {
        accrual(buf, event, effect);
    }
    for (uint32_t i = 0; entries && i < entries->count; i++) {
        if (own || i) {
            xd_buf_char(buf, ',');
        }
        xd_json_write(buf, &entries->items[i]);
    }
    XD_BUF_LIT(buf, "]}");
}

/* --- the rest --- */

/* The effect, save what it tells of deliveries. */
static void write_outcome(xd_buf *buf, const xd_json *effect)
{
    bool more = false;
    name_member(buf, "outcome");
    xd_buf_char(buf, '{');
    for (uint32_t i = 0; i < effect->count; i++) {
        const xd_json_member *member = &effect->members[i];
        if (!xd_str_eq(member->name, XD_STR("maps"))) {
            xd_buf_str_add(buf, more ? XD_STR(",") : XD_STR(""));
            xd_json_write_string(buf, member->name);
            xd_buf_char(buf, ':');
            xd_json_write(buf, &member->value);
            more = true;
        }
    }
    xd_buf_char(buf, '}');
}

static void with_data(xd_buf *buf, const char *document, const xd_event *event,
                      const xd_json *outcome)
{
    begin(buf, document, event);
    copy_member(buf, "data", event->data);
    if (outcome && outcome->type == XD_JSON_OBJECT) {
        write_outcome(buf, outcome);
    }
    xd_buf_char(buf, '}');
}

static void invoice_status(xd_buf *buf, const xd_event *event, const xd_json *effect)
{
    begin(buf, "INVOICE_STATUS", event);
    copy_member(buf, "invoices", XD_GET(effect, "invoices"));
    xd_buf_char(buf, '}');
}

void xd_flow_subject(const xd_event *event, const xd_json *effect, xd_event *ret)
{
    *ret = *event;
    const xd_json *data = XD_GET(effect, "data");
    const xd_kind_info *kind = xd_kind_by_name(XD_TEXT(effect, "kind"));
    if (event->kind && event->kind->kind == XD_KIND_DOCUMENT && data && kind) {
        xd_event_become(ret, kind, data);
    }
}

xd_status xd_flow_render(xd_message message, const xd_event *logged, const xd_json *effect,
                         xd_buf *ret_body, xd_fault *fault)
{
    xd_status status = XD_OK;
    xd_event subject;
    xd_flow_subject(logged, effect, &subject);
    const xd_event *event = &subject;
    switch (message) {
    case XD_MESSAGE_INVENTORY:
        status = inventory(ret_body, event, effect);
        break;
    case XD_MESSAGE_RECEIPT_STATUS:
        receipt_status(ret_body, event, effect);
        break;
    case XD_MESSAGE_JOURNAL:
        journal(ret_body, event, effect);
        break;
    case XD_MESSAGE_ORDER:
        with_data(ret_body, "ORDER", event, NULL);
        break;
    case XD_MESSAGE_ORDER_STATUS:
        with_data(ret_body, "ORDER_STATUS", event, effect);
        break;
    case XD_MESSAGE_INVOICE_STATUS:
        invoice_status(ret_body, event, effect);
        break;
    case XD_MESSAGE_MASTER:
        with_data(ret_body, "MASTER", event, NULL);
        break;
    case XD_MESSAGE_NONE:
    case XD_MESSAGE_LIMIT:
        return xd_fail(fault, XD_INVALID, "message.kind", "there is no message %d", (int)message);
    }
    if (status != XD_OK) {
        return xd_fail(fault, status, "message.range",
                       "the quantities of the document leave the range of exact arithmetic");
    }
    if (ret_body->starved) {
        return xd_fail(fault, XD_NO_MEMORY, "message.memory", "no memory for the message");
    }
    return ret_body->failed
               ? xd_fail(fault, XD_LIMIT, "message.size", "the message to be sent is too large")
               : XD_OK;
}
