/* The journal and its balances, as JSON and as hledger reads it. May call base and SQLite. */
#include "api/read_int.h"
#include "base/decimal.h"
#include "base/hash.h"

#include <stdlib.h>

/* --- one page of entries --- */

static const char ENTRIES[] =
    "SELECT ordinal, body FROM journal j WHERE ordinal > ?1"
    " AND (?2 IS NULL OR body ->> 'date' >= ?2) AND (?3 IS NULL OR body ->> 'date' <= ?3)"
    " AND (?4 IS NULL OR EXISTS (SELECT 1 FROM json_each(j.body, '$.lines') l"
    " WHERE l.value ->> 'account' = ?4))"
    " AND (?5 IS NULL OR body ->> 'document' = ?5 OR body ->> 'po' = ?5)"
    " AND (?6 IS NULL OR body ->> 'ledger' = ?6) ORDER BY ordinal LIMIT ?7";

static xd_status date_argument(const xd_ask *ask, const char *name, xd_str *ret)
{
    xd_str text = xd_ask_argument(ask, name);
    xd_date date;
    if (text.ptr && xd_date_parse(text, &date, NULL) != XD_OK) {
        return xd_fail(ask->fault, XD_INVALID, "read.date", "%s must be a date such as 2026-11-23",
                       name);
    }
    *ret = text;
    return XD_OK;
}

static xd_status select_entries(xd_ask *ask, const xd_page *page, sqlite3_stmt **ret)
{
    int64_t after = 0;
    xd_str from = XD_STR_NULL;
    xd_str to = XD_STR_NULL;
    sqlite3_stmt *s = NULL;
    XD_TRY(xd_page_number(ask, page, &after));
    XD_TRY(date_argument(ask, "from", &from));
    XD_TRY(date_argument(ask, "to", &to));
    XD_TRY(xd_ask_prepare(ask, ENTRIES, &s));
    sqlite3_bind_int64(s, 1, after);
    xd_bind_optional(s, 2, from);
    xd_bind_optional(s, 3, to);
    xd_bind_optional(s, 4, xd_ask_argument(ask, "account"));
    xd_bind_optional(s, 5, xd_ask_argument(ask, "document"));
    xd_bind_optional(s, 6, xd_ask_argument(ask, "ledger"));
    sqlite3_bind_int64(s, 7, page->limit + 1);
    *ret = s;
    return XD_OK;
}

typedef xd_status (*write_entry)(xd_ask *ask, xd_str body);

/* Writes a page of entries; *ret_next is the cursor of the next one, 0 at the end. */
static xd_status write_entries(xd_ask *ask, write_entry write, int64_t *ret_next)
{
    xd_page page;
    sqlite3_stmt *s = NULL;
    XD_TRY(xd_ask_page(ask, &page));
    XD_TRY(select_entries(ask, &page, &s));
    xd_status status = XD_OK;
    int64_t last = 0;
    *ret_next = 0;
    for (int64_t n = 0; xd_ask_row(ask, s, &status); n++) {
        if (n == page.limit) {
            *ret_next = last;
            sqlite3_reset(s);
            break;
        }
        last = sqlite3_column_int64(s, 0);
        status = write(ask, xd_column(s, 1));
    }
    return status;
}

/* --- hledger --- */

/* An account or text must not hold what would end it: two spaces, a line break, a comment sign. */
static void write_plain(xd_buf *buf, xd_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool second_space = c == ' ' && buf->len && buf->ptr[buf->len - 1] == ' ';
        xd_buf_char(buf, c < 0x20 || c == ';' || second_space ? '_' : (char)c);
    }
}

static void write_posting(xd_buf *buf, const xd_json *line, xd_str currency)
{
    xd_str debit = XD_TEXT(line, "debit");
    xd_str credit = XD_TEXT(line, "credit");
    xd_str role = XD_TEXT(line, "role");
    XD_BUF_LIT(buf, "    ");
    write_plain(buf, XD_TEXT(line, "account"));
    xd_buf_printf(buf, "  %s%.*s %.*s", debit.ptr ? "" : "-", XD_FMT(debit.ptr ? debit : credit),
                  XD_FMT(currency));
    if (role.len) {
        XD_BUF_LIT(buf, "  ; role: ");
        write_plain(buf, role);
    }
    xd_buf_char(buf, '\n');
}

/* https://hledger.org/hledger.html#transactions: date, status, (code), description, postings. */
static xd_status write_hledger(xd_ask *ask, xd_str body)
{
    xd_str copy = XD_STR_NULL;
    const xd_json *entry = NULL;
    XD_TRY(xd_ask_copy(ask, body, &copy));
    XD_TRY(xd_ask_parse(ask, copy, &entry));
    xd_buf *out = ask->out;
    const xd_json *lines = XD_GET(entry, "lines");
    write_plain(out, XD_TEXT(entry, "date"));
    XD_BUF_LIT(out, " * (");
    write_plain(out, XD_TEXT(entry, "ledger"));
    xd_buf_printf(out, "/%.*s/%.*s) ", XD_FMT(XD_TEXT(entry, "year")),
                  XD_FMT(XD_TEXT(entry, "number")));
    write_plain(out, XD_TEXT(entry, "kind"));
    xd_buf_char(out, ' ');
    write_plain(out, XD_TEXT(entry, "document"));
    xd_buf_printf(out, "  ; event: %lld\n", (long long)XD_INT(entry, "seq", 0));
    for (uint32_t i = 0; lines && i < lines->count; i++) {
        write_posting(out, &lines->items[i], XD_TEXT(entry, "currency"));
    }
    xd_buf_char(out, '\n');
    return XD_OK;
}

static xd_status write_json(xd_ask *ask, xd_str body)
{
    xd_out_value(ask->out, body);
    return XD_OK;
}

/* --- routes --- */

xd_status xd_ask_journal(xd_ask *ask)
{
    xd_str format = xd_ask_argument(ask, "format");
    int64_t next = 0;
    if (xd_str_eq(format, XD_STR("hledger"))) {
        XD_TRY(write_entries(ask, write_hledger, &next));
        if (next) {
            xd_buf_printf(ask->out, "; next: %lld\n", (long long)next);
        }
        return xd_ask_media_type(ask, "text/plain; charset=utf-8");
    }
    if (format.ptr && !xd_str_eq(format, XD_STR("json"))) {
        return xd_fail(ask->fault, XD_INVALID, "read.format", "format must be json or hledger");
    }
    xd_out_items(ask->out);
    XD_TRY(write_entries(ask, write_json, &next));
    xd_out_next(ask->out,
                next ? xd_arena_printf(ask->arena, "%lld", (long long)next) : XD_STR_NULL);
    return XD_OK;
}

/* --- balances --- */

/* Exact sums need the decimals of base, so the lines are summed here and not in SQL: one walk, and
 * a row per account. */
static const char LINES[] =
    "SELECT j.body ->> 'ledger', l.value ->> 'account', j.body ->> 'currency',"
    " l.value ->> 'debit', l.value ->> 'credit' FROM journal j, json_each(j.body, '$.lines') l"
    " WHERE ?1 IS NULL OR j.body ->> 'ledger' = ?1";

enum { ACCOUNTS_MAX = 4096, SLOTS = 2 * ACCOUNTS_MAX };

typedef struct balance {
    xd_str name[3]; /* ledger, account, currency */
    xd_decimal debit, credit;
    int64_t lines;
} balance;

typedef struct balances {
    balance rows[ACCOUNTS_MAX];
    int count;
    uint16_t slots[SLOTS]; /* row + 1; 0: empty */
} balances;

static bool is_of(const balance *b, const xd_str name[3])
{
    return xd_str_eq(b->name[1], name[1]) && xd_str_eq(b->name[0], name[0]) &&
           xd_str_eq(b->name[2], name[2]);
}

static xd_status find_balance(xd_ask *ask, balances *all, const xd_str name[3], balance **ret)
{
    size_t at = xd_hash64(name[2], xd_hash64(name[1], xd_hash64(name[0], 0))) % SLOTS;
    while (all->slots[at] && !is_of(&all->rows[all->slots[at] - 1], name)) {
        at = (at + 1) % SLOTS;
    }
    if (!all->slots[at]) {
        if (all->count == ACCOUNTS_MAX) {
            return xd_fail(ask->fault, XD_LIMIT, "read.accounts",
                           "the journal has more than %d accounts; ask for one ledger",
                           ACCOUNTS_MAX);
        }
        balance *b = &all->rows[all->count++];
        for (int i = 0; i < 3; i++) {
            XD_TRY(xd_ask_copy(ask, name[i], &b->name[i]));
        }
        all->slots[at] = (uint16_t)all->count;
    }
    *ret = &all->rows[all->slots[at] - 1];
    return XD_OK;
}

static xd_status add_amount(xd_ask *ask, xd_str text, xd_decimal *sum)
{
    xd_decimal amount = XD_ZERO;
    if (!text.ptr) {
        return XD_OK;
    }
    XD_TRY(xd_decimal_parse(text, &amount, ask->fault));
    return xd_decimal_add(*sum, amount, sum) == XD_OK
               ? XD_OK
               : xd_fail(ask->fault, XD_OVERFLOW, "read.balance", "an account's sum is too large");
}

static xd_status add_line(xd_ask *ask, sqlite3_stmt *s, balances *all)
{
    const xd_str name[3] = {xd_column(s, 0), xd_column(s, 1), xd_column(s, 2)};
    balance *b = NULL;
    XD_TRY(find_balance(ask, all, name, &b));
    b->lines++;
    XD_TRY(add_amount(ask, xd_column(s, 3), &b->debit));
    return add_amount(ask, xd_column(s, 4), &b->credit);
}

static int compare_balances(const void *a, const void *b)
{
    const balance *x = a;
    const balance *y = b;
    int order = 0;
    for (int i = 0; i < 3 && order == 0; i++) {
        order = xd_str_cmp(x->name[i], y->name[i]);
    }
    return order;
}

static void out_decimal(xd_buf *buf, const char *name, xd_decimal value)
{
    char text[XD_DECIMAL_MAX_TEXT];
    xd_out_text(buf, name, xd_decimal_text(value, text));
}

static xd_status write_balance(xd_ask *ask, const balance *b)
{
    xd_decimal net = XD_ZERO;
    if (xd_decimal_sub(b->debit, b->credit, &net) != XD_OK) {
        return xd_fail(ask->fault, XD_OVERFLOW, "read.balance", "the balance of %.*s is too large",
                       XD_FMT(b->name[1]));
    }
    xd_out_open(ask->out, '{');
    xd_out_text(ask->out, "ledger", b->name[0]);
    xd_out_text(ask->out, "account", b->name[1]);
    xd_out_text(ask->out, "currency", b->name[2]);
    out_decimal(ask->out, "debit", b->debit);
    out_decimal(ask->out, "credit", b->credit);
    out_decimal(ask->out, "balance", net);
    xd_out_int(ask->out, "lines", b->lines);
    xd_out_close(ask->out, '}');
    return XD_OK;
}

xd_status xd_ask_balances(xd_ask *ask)
{
    sqlite3_stmt *s = NULL;
    balances *all = xd_arena_zalloc(ask->arena, sizeof *all);
    if (!all) {
        return xd_ask_no_memory(ask);
    }
    XD_TRY(xd_ask_prepare(ask, LINES, &s));
    xd_bind_optional(s, 1, xd_ask_argument(ask, "ledger"));
    xd_status status = XD_OK;
    while (xd_ask_row(ask, s, &status)) {
        status = add_line(ask, s, all);
    }
    XD_TRY(status);
    qsort(all->rows, (size_t)all->count, sizeof all->rows[0], compare_balances);
    xd_out_items(ask->out);
    for (int i = 0; i < all->count; i++) {
        XD_TRY(write_balance(ask, &all->rows[i]));
    }
    xd_out_next(ask->out, XD_STR_NULL);
    return XD_OK;
}
