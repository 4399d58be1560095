/* Inside the read side: one question (ask), its connection and its answer. Private to src/api. */
#ifndef XD_API_READ_INT_H
#define XD_API_READ_INT_H

#include "api/read.h"
#include "base/json.h"
#include "canon/event.h"
#include "flow/definition.h"
#include "port/store.h"

#include <sqlite3.h>

typedef struct xd_session xd_session;

typedef struct xd_ask {
    xd_session *session; /* borrows */
    sqlite3 *db;         /* borrows; in a read transaction: one moment for the whole answer */
    const char *path;    /* of the database */
    const xd_read_request *request;
    xd_str rest; /* of the path, behind the route's own part */
    xd_buf *out;
    xd_arena *arena; /* lives as long as the ask */
    xd_instant now;
    xd_fault *fault;
} xd_ask;

enum {
    XD_PAGE_DEFAULT = 100,
    XD_PAGE_MAX = 1000,
};

/* --- asking the database (query.c) --- */

/* A statement for sql (a literal, which is also its name in the session's cache), reset and without
 * bindings. One text may not be used inside a walk over itself. */
XD_CHECKED xd_status xd_ask_prepare(xd_ask *ask, const char *sql, sqlite3_stmt **ret);
void xd_bind(sqlite3_stmt *s, int column, xd_str text);
/* As xd_bind, NULL when text.ptr is. */
void xd_bind_optional(sqlite3_stmt *s, int column, xd_str text);
/* True on a row. At the end, on failure, and when *status is already a failure: false. */
bool xd_ask_row(xd_ask *ask, sqlite3_stmt *s, xd_status *status);
/* Borrows the row; ptr NULL when the column is, and only then. Not ended with a zero. A number is
 * cast in SQL: see xd_sqlite_text. */
xd_str xd_column(sqlite3_stmt *s, int column);
/* Into the ask's arena. */
XD_CHECKED xd_status xd_ask_copy(xd_ask *ask, xd_str text, xd_str *ret);
XD_CHECKED xd_status xd_ask_parse(xd_ask *ask, xd_str text, const xd_json **ret);
/* The question needs more memory than it may take, or (starved) than there is. */
xd_status xd_ask_no_memory(xd_ask *ask);
xd_status xd_ask_starved(xd_ask *ask);

/* State document in the arena; XD_STR_NULL when absent. */
XD_CHECKED xd_status xd_ask_state(xd_ask *ask, xd_state_kind kind, xd_str key, xd_str *ret);
/* One small number: first column of the first row, fallback without one. */
XD_CHECKED xd_status xd_ask_number(xd_ask *ask, const char *sql, int64_t fallback, int64_t *ret);

typedef struct xd_page {
    int64_t limit;
    xd_str cursor; /* "" at the beginning */
} xd_page;

/* Query argument; ptr NULL when absent or empty. */
xd_str xd_ask_argument(const xd_ask *ask, const char *name);
/* "1", "true" and "yes" are true; absent is false. */
bool xd_ask_flag(const xd_ask *ask, const char *name);
XD_CHECKED xd_status xd_ask_page(const xd_ask *ask, xd_page *ret);
/* The cursor as a number, 0 when empty. */
XD_CHECKED xd_status xd_page_number(const xd_ask *ask, const xd_page *page, int64_t *ret);

/* Says that the answer is not JSON; returns XD_OK. */
xd_status xd_ask_media_type(const xd_ask *ask, const char *type);

/* --- writing JSON: commas look after themselves --- */
void xd_out_open(xd_buf *buf, char bracket);
void xd_out_close(xd_buf *buf, char bracket);
/* Takes back the bracket that was just written: there is more. */
void xd_out_reopen(xd_buf *buf);
/* JSON as it is, in an array. */
void xd_out_value(xd_buf *buf, xd_str json);
void xd_out_name(xd_buf *buf, const char *name);
/* As xd_out_name, with a name that is data. */
void xd_out_key(xd_buf *buf, xd_str key);
/* A text with ptr NULL is left out, as is raw JSON. */
void xd_out_text(xd_buf *buf, const char *name, xd_str value);
void xd_out_raw(xd_buf *buf, const char *name, xd_str json);
void xd_out_int(xd_buf *buf, const char *name, int64_t value);
void xd_out_bool(xd_buf *buf, const char *name, bool value);
void xd_out_instant(xd_buf *buf, const char *name, xd_instant value);
/* An array item that is an object: {"name":"key", then the members of object (JSON text), which may
 * begin with that member itself. */
void xd_out_item(xd_buf *buf, const char *name, xd_str key, xd_str object);
/* "items":[ of a page, and its end. */
void xd_out_items(xd_buf *buf);
void xd_out_next(xd_buf *buf, xd_str next);

/* --- events (events.c) --- */

/* The kind of a row of the log or the register that SQL calls t. A record that waited for its map
 * (kind 40) is the document that came of it. */
#define XD_SQL_KIND(t)                                                                             \
    "CASE " t ".kind WHEN 40 THEN coalesce((SELECT k.kind FROM effect f JOIN v_kinds k"            \
    " ON k.name = f.body ->> 'kind' WHERE f.seq = " t ".seq), 40) ELSE " t ".kind END"

/* A row of the log, in the arena. */
typedef struct xd_seen_event {
    int64_t seq;
    xd_instant recorded_at;
    const xd_kind_info *kind; /* NULL when this program does not know it */
    xd_str source, id, key, order_key, actor, trace, body;
    xd_str map, raw; /* "name@<hash>" and "<hash>#<record>" of what was mapped; ptr NULL: was not */
    xd_instant time;
} xd_seen_event;

/* Kind, numbers and body of a record that waited for its map are those of the document that came of
 * it. XD_NOT_FOUND when the log has no such row. */
XD_CHECKED xd_status xd_ask_event(xd_ask *ask, int64_t seq, xd_seen_event *ret);
/* Effect text of an event, XD_STR_NULL without one. */
XD_CHECKED xd_status xd_ask_effect(xd_ask *ask, int64_t seq, xd_str *ret);
/* The sequence that a key of 16 hex digits names. XD_CORRUPT when it is none. */
XD_CHECKED xd_status xd_ask_seq_of_key(xd_ask *ask, xd_str key, int64_t *ret);
/* Name of its kind, or "unknown". */
xd_str xd_seen_kind(const xd_seen_event *event);
/* Members seq, recorded_at, kind, document, order, source, id, business_time, actor, trace, map,
 * raw. */
void xd_out_event(xd_buf *buf, const xd_seen_event *event);
/* The newest definition at or before seq, as an event; ret->seq 0 when there was none. */
XD_CHECKED xd_status xd_ask_definition(xd_ask *ask, int64_t seq, xd_seen_event *ret);

/* --- bodies (message.c) --- */

/* One delivery, as far as its body depends on it. */
typedef struct xd_message_told {
    xd_message message;
    uint32_t index; /* within its event */
    xd_str system;
    xd_str map; /* "name@<hash>"; ptr NULL: none */
    int64_t codes_at;
} xd_message_told;

/* Members body and, where a map makes it, content_type and unmapped (what the map was given); when
 * the map makes nothing, body_fault says why. A body that is no JSON is a text, or body_hex. */
XD_CHECKED xd_status xd_out_message(xd_ask *ask, const xd_message_told *told,
                                    const xd_seen_event *seen);

/* --- documents (documents.c) --- */

/* What people call a kind of document, and where its state is. */
typedef struct xd_named_kind {
    const char *name;
    xd_kind kind;         /* of its events; XD_KIND_NONE when it has none of its own */
    xd_state_kind state;  /* XD_STATE_NONE when it keeps none */
    const char *scope;    /* member of the event that is the state key's first part; NULL: none */
    const char *movement; /* first part of the state key itself; NULL: see scope */
} xd_named_kind;

typedef struct xd_found { /* a document with state */
    xd_str key;           /* of the state; ptr NULL: there is none */
    xd_str value;
    xd_seen_event event; /* the newest with its number; seq 0: none */
} xd_found;

/* Kind by canonical or state name; NULL when there is none. */
const xd_named_kind *xd_named_kind_find(xd_str name);
/* A document by its state key, else by its own number. XD_CONFLICT when that means several,
 * XD_NOT_FOUND when none. */
XD_CHECKED xd_status xd_ask_find(xd_ask *ask, const xd_named_kind *kind, xd_str name,
                                 xd_found *ret);
/* "name":[...] of the state documents whose keys begin with key and '/', in the order of the number
 * that ends them; left out when there are none. */
XD_CHECKED xd_status xd_out_parts(xd_ask *ask, const char *name, xd_state_kind kind, xd_str key);

/* --- lists (lists.c) --- */

enum { XD_LISTING_FILTERS = 3 };

/* State documents of one kind with keys after from and before to; member[i] = wanted[i] where that
 * is given. */
typedef struct xd_listing {
    xd_state_kind kind;
    xd_str from, to; /* ptr NULL: no bound */
    const char *member[XD_LISTING_FILTERS];
    xd_str wanted[XD_LISTING_FILTERS];
} xd_listing;
/* A page of {"id": state key, members...}. */
XD_CHECKED xd_status xd_ask_list(xd_ask *ask, const xd_listing *list);
/* A page whose rows are written by write, which may leave one out; key and value are in the arena.
 */
typedef xd_status (*xd_write_row)(xd_ask *ask, xd_str key, xd_str value);
XD_CHECKED xd_status xd_ask_rows(xd_ask *ask, const xd_listing *list, xd_write_row write);

/* --- the routes --- */
xd_status xd_ask_documents(xd_ask *ask);
xd_status xd_ask_trace(xd_ask *ask);
xd_status xd_ask_holds(xd_ask *ask);
xd_status xd_ask_hold(xd_ask *ask);
xd_status xd_ask_dead_letters(xd_ask *ask);
xd_status xd_ask_dead_letter(xd_ask *ask);
xd_status xd_ask_exception(xd_ask *ask);
xd_status xd_ask_parked(xd_ask *ask);
xd_status xd_ask_exceptions(xd_ask *ask);
xd_status xd_ask_outbox(xd_ask *ask);
xd_status xd_ask_crosswalks(xd_ask *ask);
xd_status xd_ask_crosswalk(xd_ask *ask);
xd_status xd_ask_missing_codes(xd_ask *ask);
xd_status xd_ask_journal(xd_ask *ask);
xd_status xd_ask_balances(xd_ask *ask);
xd_status xd_ask_match(xd_ask *ask);
xd_status xd_ask_status(xd_ask *ask);
xd_status xd_ask_queues(xd_ask *ask);
xd_status xd_ask_search(xd_ask *ask);
xd_status xd_ask_controls(xd_ask *ask);
xd_status xd_ask_raw(xd_ask *ask);

#endif
