/* What every question needs: prepared statements, arguments, pages, and writing JSON. May call base
 * and SQLite. */
#include "api/session.h"
#include "store/sqlite/open.h"

#include <limits.h>

/* --- asking the database --- */

xd_status xd_ask_starved(xd_ask *ask)
{
    return xd_fail(ask->fault, XD_NO_MEMORY, "read.memory", "no memory left for this answer");
}

xd_status xd_ask_no_memory(xd_ask *ask)
{
    if (ask->arena->starved || ask->out->starved) {
        return xd_ask_starved(ask);
    }
    return xd_fail(ask->fault, XD_LIMIT, "read.memory",
                   "this answer needs more memory than one question may take; ask for less, with "
                   "a smaller limit or a narrower filter");
}

static xd_status failed(xd_ask *ask, int rc)
{
    if ((rc & 0xff) == SQLITE_INTERRUPT) {
        return xd_fail(ask->fault, XD_LIMIT, "read.time",
                       "this answer takes too long; ask for less, with a smaller limit or a "
                       "narrower filter");
    }
    return xd_sqlite_fail(ask->fault, ask->db, rc, ask->path, "reading the database");
}

xd_status xd_ask_prepare(xd_ask *ask, const char *sql, sqlite3_stmt **ret)
{
    xd_session *session = ask->session;
    for (int i = 0; i < session->count; i++) {
        if (session->sql[i] == sql) {
            *ret = session->statements[i];
            sqlite3_reset(*ret);
            sqlite3_clear_bindings(*ret);
            return XD_OK;
        }
    }
    assert(session->count < XD_SESSION_STATEMENTS);
    sqlite3_stmt *made = NULL;
    int rc = sqlite3_prepare_v3(ask->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &made, NULL);
    if (rc != SQLITE_OK) {
        return failed(ask, rc);
    }
    session->sql[session->count] = sql;
    session->statements[session->count++] = made;
    *ret = made;
    return XD_OK;
}

void xd_bind(sqlite3_stmt *s, int column, xd_str text)
{
    sqlite3_bind_text64(s, column, text.ptr ? text.ptr : "", text.len, SQLITE_STATIC, SQLITE_UTF8);
}

void xd_bind_optional(sqlite3_stmt *s, int column, xd_str text)
{
    if (text.ptr) {
        xd_bind(s, column, text);
    } else {
        sqlite3_bind_null(s, column);
    }
}

bool xd_ask_row(xd_ask *ask, sqlite3_stmt *s, xd_status *status)
{
    if (*status != XD_OK) {
        sqlite3_reset(s);
        return false;
    }
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        return true;
    }
    if (rc != SQLITE_DONE) {
        *status = failed(ask, rc);
    }
    sqlite3_reset(s);
    return false;
}

xd_str xd_column(sqlite3_stmt *s, int column)
{
    return sqlite3_column_type(s, column) == SQLITE_NULL ? XD_STR_NULL : xd_sqlite_text(s, column);
}

xd_status xd_ask_copy(xd_ask *ask, xd_str text, xd_str *ret)
{
    xd_str copy = text.ptr ? xd_arena_copy(ask->arena, text) : XD_STR_NULL;
    if (text.ptr && !copy.ptr) {
        return xd_ask_no_memory(ask);
    }
    *ret = copy;
    return XD_OK;
}

xd_status xd_ask_parse(xd_ask *ask, xd_str text, const xd_json **ret)
{
    xd_json_limits limits = {.max_bytes = UINT_MAX - 1, .max_depth = 64, .allow_duplicates = true};
    return xd_json_parse(text, limits, ask->arena, ret, ask->fault);
}

xd_status xd_ask_state(xd_ask *ask, xd_state_kind kind, xd_str key, xd_str *ret)
{
    sqlite3_stmt *s = NULL;
    XD_TRY(xd_ask_prepare(ask, "SELECT value FROM state WHERE kind = ? AND key = ?", &s));
    sqlite3_bind_int(s, 1, (int)kind);
    xd_bind(s, 2, key);
    xd_status status = XD_OK;
    xd_str value = XD_STR_NULL;
    if (xd_ask_row(ask, s, &status)) {
        status = xd_ask_copy(ask, xd_column(s, 0), &value);
        sqlite3_reset(s);
    }
    if (status == XD_OK) {
        *ret = value;
    }
    return status;
}

xd_status xd_ask_number(xd_ask *ask, const char *sql, int64_t fallback, int64_t *ret)
{
    sqlite3_stmt *s = NULL;
    XD_TRY(xd_ask_prepare(ask, sql, &s));
    xd_status status = XD_OK;
    int64_t value = fallback;
    if (xd_ask_row(ask, s, &status)) {
        value = sqlite3_column_type(s, 0) == SQLITE_NULL ? fallback : sqlite3_column_int64(s, 0);
        sqlite3_reset(s);
    }
    if (status == XD_OK) {
        *ret = value;
    }
    return status;
}

/* --- arguments --- */

xd_str xd_ask_argument(const xd_ask *ask, const char *name)
{
    const char *value = ask->request->query ? ask->request->query(ask->request->self, name) : NULL;
    return value && *value ? xd_str_from(value) : XD_STR_NULL;
}

bool xd_ask_flag(const xd_ask *ask, const char *name)
{
    xd_str value = xd_ask_argument(ask, name);
    return xd_str_eq(value, XD_STR("1")) || xd_str_eq(value, XD_STR("true")) ||
           xd_str_eq(value, XD_STR("yes"));
}

xd_status xd_ask_page(const xd_ask *ask, xd_page *ret)
{
    int64_t limit = XD_PAGE_DEFAULT;
    xd_str text = xd_ask_argument(ask, "limit");
    if (text.ptr && (!xd_str_to_int64(text, &limit) || limit < 1 || limit > XD_PAGE_MAX)) {
        return xd_fail(ask->fault, XD_INVALID, "read.limit", "limit must be a number from 1 to %d",
                       XD_PAGE_MAX);
    }
    xd_str cursor = xd_ask_argument(ask, "cursor");
    *ret = (xd_page){limit, cursor.ptr ? cursor : XD_STR("")};
    return XD_OK;
}

xd_status xd_page_number(const xd_ask *ask, const xd_page *page, int64_t *ret)
{
    int64_t number = 0;
    if (page->cursor.len && (!xd_str_to_int64(page->cursor, &number) || number < 0)) {
        return xd_fail(ask->fault, XD_INVALID, "read.cursor",
                       "cursor must be the \"next\" of an earlier page of the same list");
    }
    *ret = number;
    return XD_OK;
}

xd_status xd_ask_media_type(const xd_ask *ask, const char *type)
{
    if (ask->request->ret_media_type) {
        *ask->request->ret_media_type = type;
    }
    return XD_OK;
}

/* --- writing JSON --- */

/* A value ends in none of these, so the last byte tells whether a comma is due. */
static void comma(xd_buf *buf)
{
    char last = buf->len ? buf->ptr[buf->len - 1] : '{';
    if (last != '{' && last != '[' && last != ':' && last != '\n') {
        xd_buf_char(buf, ',');
    }
}

void xd_out_open(xd_buf *buf, char bracket)
{
    comma(buf);
    xd_buf_char(buf, bracket);
}

void xd_out_close(xd_buf *buf, char bracket)
{
    xd_buf_char(buf, bracket);
}

void xd_out_reopen(xd_buf *buf)
{
    buf->len -= buf->len > 0; /* without memory there may be nothing yet */
}

void xd_out_value(xd_buf *buf, xd_str json)
{
    comma(buf);
    xd_buf_str_add(buf, json);
}

void xd_out_name(xd_buf *buf, const char *name)
{
    comma(buf);
    xd_buf_printf(buf, "\"%s\":", name);
}

void xd_out_key(xd_buf *buf, xd_str key)
{
    comma(buf);
    xd_json_write_string(buf, key);
    xd_buf_char(buf, ':');
}

void xd_out_text(xd_buf *buf, const char *name, xd_str value)
{
    if (value.ptr) {
        xd_out_name(buf, name);
        xd_json_write_string(buf, value);
    }
}

void xd_out_raw(xd_buf *buf, const char *name, xd_str json)
{
    if (json.ptr) {
        xd_out_name(buf, name);
        xd_buf_str_add(buf, json);
    }
}

void xd_out_int(xd_buf *buf, const char *name, int64_t value)
{
    xd_out_name(buf, name);
    xd_buf_int(buf, value);
}

void xd_out_bool(xd_buf *buf, const char *name, bool value)
{
    xd_out_name(buf, name);
    xd_buf_str_add(buf, value ? XD_STR("true") : XD_STR("false"));
}

void xd_out_instant(xd_buf *buf, const char *name, xd_instant value)
{
    if (value != XD_INSTANT_NONE) {
        xd_out_name(buf, name);
        xd_buf_char(buf, '"');
        xd_instant_write(buf, value);
        xd_buf_char(buf, '"');
    }
}

void xd_out_item(xd_buf *buf, const char *name, xd_str key, xd_str object)
{
    size_t length = strlen(name);
    if (object.len > length + 3 && object.ptr[1] == '"' && object.ptr[2 + length] == '"' &&
        memcmp(object.ptr + 2, name, length) == 0) {
        comma(buf);
        xd_buf_str_add(buf, object);
        return;
    }
    xd_out_open(buf, '{');
    xd_out_text(buf, name, key);
    if (object.len > 2) { /* more than "{}" */
        xd_buf_char(buf, ',');
        xd_buf_add(buf, object.ptr + 1, object.len - 2);
    }
    xd_out_close(buf, '}');
}

void xd_out_items(xd_buf *buf)
{
    XD_BUF_LIT(buf, "{\"items\":[");
}

void xd_out_next(xd_buf *buf, xd_str next)
{
    XD_BUF_LIT(buf, "],\"next\":");
    if (next.ptr) {
        xd_json_write_string(buf, next);
    } else {
        XD_BUF_LIT(buf, "null");
    }
    xd_buf_char(buf, '}');
}
