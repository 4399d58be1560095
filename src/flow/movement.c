/* Stock movements without an order: adjustments, counts, transfers, sales shipments (golden
 * journals 18 to 21), and journal entries prepared elsewhere. Pure. */
#include "flow/stock.h"

/* A document of this file on its way. */
typedef struct moving {
    xd_movement *doc;
    xd_str site;
    const xd_json *lines;
    xd_journal *journal;
} moving;

/* --- shared --- */

/* Loads the document's state; *ret_go is false when it was answered as repeated. */
static xd_status admit(xd_flow *f, moving *m, const char *kind, const char *site_member,
                       bool *ret_go)
{
    xd_str digest, number = f->event->key;
    xd_str key = xd_key_pair(f->arena, xd_str_from(kind), number);
    *ret_go = false;
    m->site = xd_json_get_text(f->data, xd_str_from(site_member));
    m->lines = XD_GET(f->data, "lines");
    XD_TRY(xd_flow_load(f, &xd_movement_type, key, &m->doc));
    XD_TRY(xd_flow_digest(f, &digest));
    xd_movement *doc = m->doc;
    bool failed = xd_str_eq(doc->status, XD_STR("EXCEPTION")); /* may be sent again, corrected */
    if (doc->doc.exists && doc->seq != f->event->seq && !failed) {
        return xd_str_eq(doc->digest, digest)
                   ? xd_answer_duplicate(f, "%s %.*s is known with the same content", kind,
                                         XD_FMT(number))
                   : xd_answer_exception(f, "DUPLICATE_CONFLICT",
                                         "%s %.*s is known with other content: one of the two is "
                                         "wrong",
                                         kind, XD_FMT(number));
    }
    if (failed) {
        XD_TRY(xd_exception_outdated(f, doc->seq));
    }
    doc->kind = xd_str_from(kind);
    doc->number = number;
    doc->site = m->site;
    doc->date = f->date;
    doc->seq = f->event->seq;
    doc->digest = digest;
    doc->status = XD_STR("POSTED");
    xd_doc_change(&doc->doc);
    *ret_go = true;
    return XD_OK;
}

static xd_status begin(xd_flow *f, moving *m, const char *kind)
{
    XD_TRY(xd_answer(f, "posted"));
    return xd_entry_begin(f, kind, m->doc->doc.key, XD_STR_NULL, &m->journal);
}

static xd_status end(xd_flow *f, moving *m)
{
    xd_entry *entry = NULL;
    XD_TRY(xd_entry_post(f, m->journal, &entry));
    return xd_flow_send(f, XD_MESSAGE_INVENTORY);
}

/* Inventory account of an item without an order line. */
static xd_status inventory_account(xd_flow *f, xd_str item, xd_str *ret)
{
    const xd_json *master = NULL;
    XD_TRY(xd_step_get(f->step, XD_STATE_ITEM, xd_key_part(f->arena, item), &master, f->fault));
    return xd_flow_account(f, XD_ACCOUNT_INV, XD_TEXT(master, "category"), ret);
}

/* Moves quantity worth value into the site's stock (below zero: out of it) against role's account.
 */
static xd_status post_stock(xd_flow *f, moving *m, xd_stock_doc *stock, xd_str item,
                            xd_decimal quantity, xd_decimal value, xd_account role)
{
    xd_str account;
    XD_TRY(xd_flow_exact(f, xd_stock_receive(&stock->stock, quantity, value)));
    xd_doc_change(&stock->doc);
    XD_TRY(inventory_account(f, item, &account));
    XD_TRY(xd_entry_line(f, m->journal, XD_ACCOUNT_INV, account, value, 0, item, XD_STR_NULL));
    XD_TRY(xd_entry_role(f, m->journal, role, xd_decimal_neg(value), 0));
    return xd_stock_wake(f, stock);
}

/* The first item of which the document takes more out of stock than there is; its key is what to
 * wait for. */
static xd_status short_item(xd_flow *f, const moving *m, bool only_negative, xd_stock_doc **ret)
{
    *ret = NULL;
    for (uint32_t i = 0; i < m->lines->count; i++) {
        xd_stock_doc *stock = NULL;
        xd_decimal quantity;
        XD_TRY(xd_flow_stock(f, m->site, XD_TEXT(&m->lines->items[i], "item"), &stock));
        XD_TRY(xd_flow_decimal(f, &m->lines->items[i], XD_STR("quantity"), &quantity, NULL));
        XD_TRY(xd_flow_add(f, &stock->asked, only_negative ? xd_decimal_neg(quantity) : quantity));
        if (xd_decimal_cmp(stock->stock.quantity, stock->asked) < 0) {
            *ret = stock;
            return XD_OK;
        }
    }
    return XD_OK;
}

static xd_status park_for_stock(xd_flow *f, moving *m, xd_stock_doc *stock)
{
    m->doc->status = XD_STR("PARKED");
    stock->waiting++;
    xd_doc_change(&stock->doc);
    return xd_answer_park(f, "stock", stock->doc.key);
}

/* Issues quantity at average cost. */
static xd_status issue(xd_flow *f, moving *m, xd_str item, xd_decimal quantity, xd_account role,
                       xd_decimal *ret_value)
{
    xd_stock_doc *stock = NULL;
    XD_TRY(xd_flow_stock(f, m->site, item, &stock));
    xd_stock after = stock->stock;
    XD_TRY(xd_flow_exact(f, xd_stock_issue(&after, quantity, f->definition->digits, ret_value)));
    return post_stock(f, m, stock, item, xd_decimal_neg(quantity), xd_decimal_neg(*ret_value),
                      role);
}

/* --- adjustments and counts --- */

/* Value of quantity found beside what is on hand: at average cost, for empty stock at standard
 * cost. */
static xd_status found_value(xd_flow *f, const xd_stock_doc *stock, xd_str item,
                             xd_decimal quantity, xd_limit_value *ret)
{
    if (xd_is_positive(stock->stock.quantity)) {
        ret->set = true;
        return xd_flow_exact(f,
                             xd_decimal_mul_div(stock->stock.value, quantity, stock->stock.quantity,
                                                f->definition->digits, XD_HALF_AWAY, &ret->value));
    }
    xd_limit_value cost;
    XD_TRY(xd_stock_standard_cost(f, item, &cost));
    ret->set = cost.set;
    return cost.set
               ? xd_flow_exact(f, xd_decimal_mul_round(quantity, cost.value, f->definition->digits,
                                                       XD_HALF_AWAY, &ret->value))
               : XD_OK;
}

static xd_status cost_unknown(xd_flow *f, moving *m, xd_str item)
{
    m->doc->status = XD_STR("EXCEPTION");
    return xd_answer_exception(f, "COST_UNKNOWN",
                               "%s %.*s finds item %.*s at site %.*s, where there is none to take "
                               "a cost from: give the item a standard_cost",
                               f->event->kind->name, XD_FMT(f->event->key), XD_FMT(item),
                               XD_FMT(m->site));
}

/* Corrects stock of item by difference. The value is known: the caller has checked. */
static xd_status correct(xd_flow *f, moving *m, xd_str item, xd_decimal difference)
{
    xd_stock_doc *stock = NULL;
    xd_limit_value value = {0};
    xd_decimal issued;
    if (xd_decimal_sign(difference) < 0) {
        return issue(f, m, item, xd_decimal_neg(difference), XD_ACCOUNT_SHR, &issued);
    }
    XD_TRY(xd_flow_stock(f, m->site, item, &stock));
    XD_TRY(found_value(f, stock, item, difference, &value));
    return post_stock(f, m, stock, item, difference, value.value, XD_ACCOUNT_SHR);
}

/* The first item that would enter stock without a cost; empty when all have one. */
static xd_status costless_item(xd_flow *f, const moving *m, const char *member, xd_str *ret)
{
    *ret = XD_STR_NULL;
    for (uint32_t i = 0; i < m->lines->count; i++) {
        xd_stock_doc *stock = NULL;
        xd_limit_value value = {0};
        xd_decimal quantity;
        xd_str item = XD_TEXT(&m->lines->items[i], "item");
        XD_TRY(xd_flow_decimal(f, &m->lines->items[i], xd_str_from(member), &quantity, NULL));
        XD_TRY(xd_flow_stock(f, m->site, item, &stock));
        if (xd_is_positive(quantity)) {
            XD_TRY(found_value(f, stock, item, quantity, &value));
            if (!value.set) {
                *ret = item;
                return XD_OK;
            }
        }
    }
    return XD_OK;
}

xd_status xd_flow_adjustment(xd_flow *f)
{
    moving m = {0};
    xd_stock_doc *lacking = NULL;
    xd_str item;
    bool go;
    XD_TRY(admit(f, &m, "adjustment", "site", &go));
    if (!go) {
        return XD_OK;
    }
    xd_str approved_by = XD_TEXT(f->data, "approved_by");
    if (approved_by.len && xd_str_eq(approved_by, XD_TEXT(f->data, "adjusted_by"))) {
        m.doc->status = XD_STR("EXCEPTION");
        return xd_answer_exception(f, "SAME_PERSON", "%.*s both made and approved adjustment %.*s",
                                   XD_FMT(approved_by), XD_FMT(f->event->key));
    }
    XD_TRY(short_item(f, &m, true, &lacking));
    if (lacking) {
        return park_for_stock(f, &m, lacking);
    }
    XD_TRY(costless_item(f, &m, "quantity", &item));
    if (item.ptr) {
        return cost_unknown(f, &m, item);
    }
    XD_TRY(begin(f, &m, "adjustment"));
    for (uint32_t i = 0; i < m.lines->count; i++) {
        xd_decimal quantity;
        XD_TRY(xd_flow_decimal(f, &m.lines->items[i], XD_STR("quantity"), &quantity, NULL));
        XD_TRY(correct(f, &m, XD_TEXT(&m.lines->items[i], "item"), quantity));
    }
    return end(f, &m);
}

xd_status xd_flow_cycle_count(xd_flow *f)
{
    moving m = {0};
    xd_str item;
    bool go;
    XD_TRY(admit(f, &m, "cycle_count", "site", &go));
    if (!go) {
        return XD_OK;
    }
    XD_TRY(costless_item(f, &m, "counted", &item));
    if (item.ptr) {
        return cost_unknown(f, &m, item);
    }
    XD_TRY(begin(f, &m, "cycle_count"));
    for (uint32_t i = 0; i < m.lines->count; i++) {
        xd_stock_doc *stock = NULL;
        xd_decimal difference;
        item = XD_TEXT(&m.lines->items[i], "item");
        XD_TRY(xd_flow_decimal(f, &m.lines->items[i], XD_STR("counted"), &difference, NULL));
        XD_TRY(xd_flow_stock(f, m.site, item, &stock));
        XD_TRY(xd_flow_subtract(f, &difference, stock->stock.quantity));
        if (!xd_is_zero(difference)) {
            XD_TRY(correct(f, &m, item, difference));
        }
    }
    return end(f, &m);
}

/* --- sales shipments --- */

xd_status xd_flow_sales_shipment(xd_flow *f)
{
    moving m = {0};
    xd_stock_doc *lacking = NULL;
    bool go;
    XD_TRY(admit(f, &m, "sales_shipment", "site", &go));
    if (!go) {
        return XD_OK;
    }
    XD_TRY(short_item(f, &m, false, &lacking));
    if (lacking) {
        return park_for_stock(f, &m, lacking);
    }
    XD_TRY(begin(f, &m, "sales_shipment"));
    for (uint32_t i = 0; i < m.lines->count; i++) {
        const xd_json *line = &m.lines->items[i];
        xd_decimal quantity, value;
        XD_TRY(xd_flow_decimal(f, line, XD_STR("quantity"), &quantity, NULL));
        XD_TRY(issue(f, &m, XD_TEXT(line, "item"), quantity, XD_ACCOUNT_COGS, &value));
    }
    return end(f, &m);
}

/* --- transfers --- */

/* Ships out of one site into transit, and keeps what is on its way. */
static xd_status ship_transfer(xd_flow *f, moving *m)
{
    xd_stock_doc *lacking = NULL;
    XD_TRY(short_item(f, m, false, &lacking));
    if (lacking) {
        return park_for_stock(f, m, lacking);
    }
    XD_TRY(begin(f, m, "transfer_shipped"));
    xd_buf text; /* beside the scratch buffer, which posting uses */
    xd_buf_init(&text, 1 << 20);
    xd_status status = XD_OK;
    for (uint32_t i = 0; status == XD_OK && i < m->lines->count; i++) {
        const xd_json *line = &m->lines->items[i];
        xd_str item = XD_TEXT(line, "item");
        xd_decimal quantity = XD_ZERO, value = XD_ZERO;
        status = xd_flow_decimal(f, line, XD_STR("quantity"), &quantity, NULL);
        if (status == XD_OK) {
            status = issue(f, m, item, quantity, XD_ACCOUNT_GIT, &value);
        }
        xd_buf_str_add(&text, i ? XD_STR(",{\"item\":") : XD_STR("[{\"item\":"));
        xd_json_write_string(&text, item);
        XD_BUF_LIT(&text, ",\"quantity\":\"");
        xd_decimal_write(&text, quantity);
        XD_BUF_LIT(&text, "\",\"value\":\"");
        xd_decimal_write(&text, value);
        XD_BUF_LIT(&text, "\"}");
    }
    xd_buf_char(&text, ']');
    if (status == XD_OK) {
        status = xd_flow_keep_json(f, &text, &m->doc->lines);
    }
    xd_buf_finish(&text);
    m->doc->to_site = XD_TEXT(f->data, "to_site");
    m->doc->status = XD_STR("SHIPPED");
    XD_TRY(status);
    XD_TRY(xd_step_wake(f->step, XD_STR("transfer"), m->doc->doc.key, f->fault));
    return end(f, m);
}

/* How much of item the receiving document counts; each line of the transfer takes from it in turn.
 */
static xd_status arrived_of(xd_flow *f, const moving *m, xd_str item, xd_decimal *ret)
{
    *ret = XD_ZERO;
    for (uint32_t i = 0; i < m->lines->count; i++) {
        xd_decimal quantity;
        if (xd_str_eq(XD_TEXT(&m->lines->items[i], "item"), item)) {
            XD_TRY(xd_flow_decimal(f, &m->lines->items[i], XD_STR("quantity"), &quantity, NULL));
            XD_TRY(xd_flow_add(f, ret, quantity));
        }
    }
    return XD_OK;
}

/* Receives at the other site: what arrived comes out of transit at its value, the rest is
 * shrinkage. */
static xd_status receive_transfer(xd_flow *f, moving *m)
{
    const xd_json *sent = NULL;
    XD_TRY(xd_flow_tree(f, &m->doc->lines, &sent));
    m->site = m->doc->to_site;
    XD_TRY(begin(f, m, "transfer_received"));
    for (uint32_t i = 0; i < sent->count; i++) {
        xd_str item = XD_TEXT(&sent->items[i], "item");
        xd_decimal quantity, value, arrived, part, lost;
        xd_stock_doc *stock = NULL;
        XD_TRY(xd_flow_decimal(f, &sent->items[i], XD_STR("quantity"), &quantity, NULL));
        XD_TRY(xd_flow_decimal(f, &sent->items[i], XD_STR("value"), &value, NULL));
        XD_TRY(arrived_of(f, m, item, &arrived));
        arrived = xd_decimal_min(arrived, quantity);
        XD_TRY(xd_flow_exact(f, xd_share(value, arrived, quantity, f->definition->digits, &part)));
        lost = value;
        XD_TRY(xd_flow_subtract(f, &lost, part));
        XD_TRY(xd_flow_stock(f, m->site, item, &stock));
        XD_TRY(post_stock(f, m, stock, item, arrived, part, XD_ACCOUNT_GIT));
        XD_TRY(xd_entry_role(f, m->journal, XD_ACCOUNT_SHR, lost, 0));
        XD_TRY(xd_entry_role(f, m->journal, XD_ACCOUNT_GIT, xd_decimal_neg(lost), 0));
    }
    m->doc->status = XD_STR("CLOSED");
    xd_doc_change(&m->doc->doc);
    return end(f, m);
}

/* The first item of which more arrives than is on its way, empty when there is none. */
static xd_status surplus_item(xd_flow *f, const moving *m, xd_str *ret)
{
    const xd_json *sent = NULL;
    XD_TRY(xd_flow_tree(f, &m->doc->lines, &sent));
    *ret = XD_STR_NULL;
    for (uint32_t i = 0; i < m->lines->count; i++) {
        xd_str item = XD_TEXT(&m->lines->items[i], "item");
        xd_decimal arrived, shipped = XD_ZERO, quantity;
        XD_TRY(arrived_of(f, m, item, &arrived));
        for (uint32_t k = 0; k < sent->count; k++) {
            if (xd_str_eq(XD_TEXT(&sent->items[k], "item"), item)) {
                XD_TRY(xd_flow_decimal(f, &sent->items[k], XD_STR("quantity"), &quantity, NULL));
                XD_TRY(xd_flow_add(f, &shipped, quantity));
            }
        }
        if (xd_decimal_cmp(arrived, shipped) > 0) {
            *ret = item;
            return XD_OK;
        }
    }
    return XD_OK;
}

xd_status xd_flow_transfer(xd_flow *f)
{
    moving m = {.lines = XD_GET(f->data, "lines")};
    xd_str key = xd_key_pair(f->arena, XD_STR("transfer"), f->event->key), item;
    bool go;
    if (!xd_str_eq(XD_TEXT(f->data, "movement"), XD_STR("received"))) {
        XD_TRY(admit(f, &m, "transfer", "from_site", &go));
        return go ? ship_transfer(f, &m) : XD_OK;
    }
    XD_TRY(xd_flow_load(f, &xd_movement_type, key, &m.doc));
    if (!m.doc->doc.exists || xd_str_eq(m.doc->status, XD_STR("PARKED"))) {
        return xd_answer_park(f, "transfer", key);
    }
    if (!xd_str_eq(m.doc->status, XD_STR("SHIPPED"))) {
        return xd_answer_duplicate(f, "transfer %.*s was received before", XD_FMT(f->event->key));
    }
    XD_TRY(surplus_item(f, &m, &item));
    if (item.ptr) {
        return xd_answer_exception(f, "TRANSFER_SURPLUS",
                                   "more of item %.*s arrived with transfer %.*s than was shipped: "
                                   "receive what was shipped and adjust the rest",
                                   XD_FMT(item), XD_FMT(f->event->key));
    }
    return receive_transfer(f, &m);
}

/* --- journal entries prepared elsewhere --- */

static xd_status build_manual(xd_flow *f, moving *m)
{
    for (uint32_t i = 0; i < m->lines->count; i++) {
        const xd_json *line = &m->lines->items[i];
        xd_decimal debit, credit;
        XD_TRY(xd_flow_decimal(f, line, XD_STR("debit"), &debit, NULL));
        XD_TRY(xd_flow_decimal(f, line, XD_STR("credit"), &credit, NULL));
        XD_TRY(xd_flow_subtract(f, &debit, credit));
        XD_TRY(xd_journal_add(
            m->journal, (xd_journal_line){.account = XD_TEXT(line, "account"), .amount = debit},
            f->fault));
    }
    return xd_journal_check(m->journal, f->fault);
}

xd_status xd_flow_journal_entry(xd_flow *f)
{
    moving m = {0};
    xd_str prepared_by = XD_TEXT(f->data, "prepared_by");
    xd_fault why = XD_FAULT_NONE, *fault = f->fault;
    xd_entry *entry = NULL;
    bool go;
    XD_TRY(admit(f, &m, "journal_entry", "site", &go));
    if (!go) {
        return XD_OK;
    }
    if (prepared_by.len && xd_str_eq(prepared_by, f->event->actor)) {
        m.doc->status = XD_STR("EXCEPTION");
        return xd_answer_exception(f, "SAME_PERSON",
                                   "%.*s prepared journal entry %.*s and may not post it",
                                   XD_FMT(prepared_by), XD_FMT(f->event->key));
    }
    XD_TRY(begin(f, &m, "manual"));
    m.journal->currency = XD_TEXT(f->data, "currency");
    bool same = xd_str_eq(m.journal->currency, f->definition->currency);
    f->fault = &why;
    xd_status status = same ? build_manual(f, &m)
                            : xd_fail(&why, XD_INVALID, NULL, "it is not in the ledger's currency");
    f->fault = fault;
    if (status != XD_OK) {
        m.doc->status = XD_STR("EXCEPTION");
        return xd_answer_exception(f, "UNBALANCED", "journal entry %.*s is not posted: %s",
                                   XD_FMT(f->event->key), why.text);
    }
    return xd_entry_post(f, m.journal, &entry);
}
