/* How the hub stands, and reports. May call base and SQLite. */
#include "api/read_int.h"

/* --- status --- */

/* What waits in one kind of state, and since when. */
typedef struct queue_row {
    const char *name;
    const char *sql; /* count and oldest instant, as text */
} queue_row;

static const queue_row QUEUES[] = {
    {"parked", "SELECT count(*), min(value ->> 'since') FROM state WHERE kind = 51"},
    {"holds", "SELECT count(*), min(value ->> 'placed_at') FROM state WHERE kind = 32"
              " AND value ->> 'status' = 'OPEN'"},
    {"dead_letters", "SELECT count(*), min(value ->> 'at') FROM state WHERE kind = 53"
                     " AND value ->> 'state' = 'open'"},
    {"exceptions", "SELECT count(*), min(value ->> 'at') FROM state WHERE kind = 54"
                   " AND value ->> 'status' = 'open'"},
};

static void write_age(xd_ask *ask, xd_instant oldest)
{
    xd_out_instant(ask->out, "oldest_at", oldest);
    if (oldest != XD_INSTANT_NONE && ask->now != XD_INSTANT_NONE) {
        xd_out_int(ask->out, "oldest_age_s", ask->now > oldest ? (ask->now - oldest) / 1000000 : 0);
    }
}

static xd_status write_queue(xd_ask *ask, const queue_row *row)
{
    sqlite3_stmt *s = NULL;
    XD_TRY(xd_ask_prepare(ask, row->sql, &s));
    xd_status status = XD_OK;
    if (!xd_ask_row(ask, s, &status)) {
        return status;
    }
    xd_str text = xd_column(s, 1);
    xd_instant oldest = XD_INSTANT_NONE;
    if (text.ptr && xd_instant_parse(text, &oldest, NULL) != XD_OK) {
        oldest = XD_INSTANT_NONE;
    }
    xd_out_name(ask->out, row->name);
    xd_out_open(ask->out, '{');
    xd_out_int(ask->out, "count", sqlite3_column_int64(s, 0));
    write_age(ask, oldest);
    xd_out_close(ask->out, '}');
    sqlite3_reset(s);
    return XD_OK;
}

/* A member of a row that is a name and a count. */
static void write_count(xd_ask *ask, sqlite3_stmt *s, xd_str unnamed)
{
    xd_str name = xd_column(s, 0);
    xd_out_key(ask->out, name.ptr ? name : unnamed);
    xd_buf_int(ask->out, sqlite3_column_int64(s, 1));
}

/* {"system":n,...} of what is to be delivered. */
static xd_status write_outbox_systems(xd_ask *ask)
{
    sqlite3_stmt *s = NULL;
    XD_TRY(xd_ask_prepare(ask,
                          "SELECT t.value ->> 1, count(*) FROM state o,"
                          " json_each(o.value, '$.to') t WHERE o.kind = 52 GROUP BY 1 ORDER BY 1",
                          &s));
    xd_status status = XD_OK;
    xd_out_name(ask->out, "systems");
    xd_out_open(ask->out, '{');
    while (xd_ask_row(ask, s, &status)) {
        write_count(ask, s, XD_STR(""));
    }
    xd_out_close(ask->out, '}');
    return status;
}

static xd_status write_outbox(xd_ask *ask)
{
    sqlite3_stmt *s = NULL;
    XD_TRY(xd_ask_prepare(ask, "SELECT count(*), min(key) FROM state WHERE kind = 52", &s));
    xd_status status = XD_OK;
    if (!xd_ask_row(ask, s, &status)) {
        return status;
    }
    int64_t count = sqlite3_column_int64(s, 0);
    xd_str first = XD_STR_NULL;
    XD_TRY(xd_ask_copy(ask, xd_column(s, 1), &first));
    sqlite3_reset(s);
    xd_seen_event event = {.recorded_at = XD_INSTANT_NONE};
    if (first.ptr) {
        int64_t seq = 0;
        XD_TRY(xd_ask_seq_of_key(ask, first, &seq));
        XD_TRY(xd_ask_event(ask, seq, &event));
    }
    xd_out_name(ask->out, "outbox");
    xd_out_open(ask->out, '{');
    xd_out_int(ask->out, "count", count);
    write_age(ask, event.recorded_at);
    XD_TRY(write_outbox_systems(ask));
    xd_out_close(ask->out, '}');
    return XD_OK;
}

static xd_status write_invoices(xd_ask *ask)
{
    sqlite3_stmt *s = NULL;
    XD_TRY(xd_ask_prepare(ask,
                          "SELECT value ->> 'status', count(*) FROM state WHERE kind = 30"
                          " GROUP BY 1 ORDER BY 1",
                          &s));
    xd_status status = XD_OK;
    xd_out_name(ask->out, "invoices");
    xd_out_open(ask->out, '{');
    while (xd_ask_row(ask, s, &status)) {
        write_count(ask, s, XD_STR("UNKNOWN"));
    }
    xd_out_close(ask->out, '}');
    return status;
}

static xd_status write_queues(xd_ask *ask)
{
    for (size_t i = 0; i < sizeof QUEUES / sizeof QUEUES[0]; i++) {
        XD_TRY(write_queue(ask, &QUEUES[i]));
    }
    return XD_OK;
}

xd_status xd_ask_queues(xd_ask *ask)
{
    xd_out_open(ask->out, '{');
    XD_TRY(write_queues(ask));
    xd_out_close(ask->out, '}');
    return XD_OK;
}

xd_status xd_ask_status(xd_ask *ask)
{
    int64_t head = 0;
    int64_t written = 0;
    int64_t entries = 0;
    int64_t pages = 0;
    int64_t page_bytes = 0;
    int64_t version = 0;
    XD_TRY(xd_ask_number(ask, "SELECT max(seq) FROM log", 0, &head));
    XD_TRY(xd_ask_number(ask, "SELECT value FROM meta WHERE name = 'state_seq'", 0, &written));
    XD_TRY(xd_ask_number(ask, "SELECT max(ordinal) FROM journal", 0, &entries));
    XD_TRY(xd_ask_number(ask, "PRAGMA page_count", 0, &pages));
    XD_TRY(xd_ask_number(ask, "PRAGMA page_size", 0, &page_bytes));
    XD_TRY(xd_ask_number(ask, "PRAGMA user_version", 0, &version));
    xd_out_open(ask->out, '{');
    xd_out_instant(ask->out, "at", ask->now);
    xd_out_int(ask->out, "log_head", head);
    xd_out_int(ask->out, "state_seq", written);
    xd_out_int(ask->out, "backlog", head - written);
    xd_out_int(ask->out, "journal_entries", entries);
    XD_TRY(write_outbox(ask));
    XD_TRY(write_queues(ask));
    XD_TRY(write_invoices(ask));
    xd_out_int(ask->out, "database_bytes", pages * page_bytes);
    xd_out_int(ask->out, "schema_version", version);
    xd_out_close(ask->out, '}');
    return XD_OK;
}

/* --- report p2p-controls --- */

/* One row per order line in order of case id, which is the order number and the line in five
 * digits. */
static const char CONTROLS[] =
    "SELECT po || '_' || printf('%05d', line), receipts, receipts_cancelled, invoices,"
    " invoices_cancelled, clearings, invoice_held_ever, receipt_after_excess_invoice,"
    " receipt_after_excess_clearing, invoice_after_excess_clearing, open_grni,"
    " payment_blocks_removed FROM v_controls ORDER BY 1";

enum { FIRST_FINDING = 6, LAST_FINDING = 9 };

/* RFC 4180: a field with a comma, a quote or a line break is quoted. */
static void write_field(xd_buf *buf, xd_str text)
{
    bool plain = true;
    for (size_t i = 0; i < text.len && plain; i++) {
        plain = !strchr(",\"\r\n", text.ptr[i]);
    }
    if (plain) {
        xd_buf_str_add(buf, text);
        return;
    }
    xd_buf_char(buf, '"');
    for (size_t i = 0; i < text.len; i++) {
        xd_buf_add(buf, "\"\"", text.ptr[i] == '"' ? 1 : 0);
        xd_buf_char(buf, text.ptr[i]);
    }
    xd_buf_char(buf, '"');
}

xd_status xd_ask_controls(xd_ask *ask)
{
    sqlite3_stmt *s = NULL;
    XD_TRY(xd_ask_prepare(ask, CONTROLS, &s));
    xd_status status = XD_OK;
    XD_BUF_LIT(ask->out,
               "case_id,receipts,receipts_cancelled,invoices,invoices_cancelled,clearings,"
               "invoice_held_ever,receipt_after_excess_invoice,receipt_after_excess_clearing,"
               "invoice_after_excess_clearing,open_grni,payment_blocks_removed\n");
    while (xd_ask_row(ask, s, &status)) {
        write_field(ask->out, xd_column(s, 0));
        for (int i = 1; i < sqlite3_column_count(s); i++) {
            xd_buf_char(ask->out, ',');
            if (i >= FIRST_FINDING && i <= LAST_FINDING) {
                xd_buf_str_add(ask->out,
                               sqlite3_column_int(s, i) ? XD_STR("true") : XD_STR("false"));
            } else {
                xd_buf_int(ask->out, sqlite3_column_int64(s, i));
            }
        }
        xd_buf_char(ask->out, '\n');
    }
    XD_TRY(status);
    return xd_ask_media_type(ask, "text/csv; charset=utf-8");
}
