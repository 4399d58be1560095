/* Rows of the log as the read side sees them. May call canon, base and SQLite. */
#include "api/read_int.h"

/* A record that waited for its map (kind 40) has the numbers of the document that it became in the
 * register, and what it says in its effect. */
#define EVENT                                                                                      \
    "SELECT l.seq, l.recorded_at, " XD_SQL_KIND(                                                   \
        "l") ", l.source, l.id,"                                                                   \
             " CASE l.kind WHEN 40 THEN coalesce((SELECT e.key FROM event e WHERE e.seq = "        \
             "l.seq), '')"                                                                         \
             " ELSE l.key END,"                                                                    \
             " CASE l.kind WHEN 40 THEN coalesce((SELECT e.order_key FROM event e WHERE e.seq = "  \
             "l.seq),"                                                                             \
             " '') ELSE l.order_key END, l.actor, l.trace,"                                        \
             " CASE l.kind WHEN 40 THEN coalesce((SELECT f.body -> 'data' FROM effect f"           \
             " WHERE f.seq = l.seq), l.body) ELSE l.body END, l.time,"                             \
             " (SELECT value ->> 'name' FROM state WHERE kind = 57 AND key = l.map) || '@' || "    \
             "l.map,"                                                                              \
             " l.raw FROM log l "

static xd_status read_event(xd_ask *ask, sqlite3_stmt *s, xd_seen_event *ret)
{
    bool timeless = sqlite3_column_type(s, 10) == SQLITE_NULL;
    xd_seen_event e = {.seq = sqlite3_column_int64(s, 0),
                       .recorded_at = sqlite3_column_int64(s, 1),
                       .kind = xd_kind_find((xd_kind)sqlite3_column_int(s, 2)),
                       .time = timeless ? XD_INSTANT_NONE : sqlite3_column_int64(s, 10)};
    xd_str *const texts[] = {&e.source, &e.id, &e.key, &e.order_key, &e.actor, &e.trace, &e.body};
    for (int i = 0; i < 7; i++) {
        XD_TRY(xd_ask_copy(ask, xd_column(s, 3 + i), texts[i]));
    }
    if (sqlite3_column_type(s, 12) != SQLITE_NULL) {
        XD_TRY(xd_ask_copy(ask, xd_column(s, 11), &e.map));
        XD_TRY(xd_ask_copy(ask, xd_column(s, 12), &e.raw));
    }
    *ret = e;
    return XD_OK;
}

xd_status xd_ask_event(xd_ask *ask, int64_t seq, xd_seen_event *ret)
{
    sqlite3_stmt *s = NULL;
    XD_TRY(xd_ask_prepare(ask, EVENT "WHERE l.seq = ?", &s));
    sqlite3_bind_int64(s, 1, seq);
    xd_status status = XD_OK;
    if (xd_ask_row(ask, s, &status)) {
        status = read_event(ask, s, ret);
        sqlite3_reset(s);
        return status;
    }
    return status != XD_OK ? status
                           : xd_fail(ask->fault, XD_NOT_FOUND, "read.event",
                                     "the log holds no event %lld", (long long)seq);
}

xd_status xd_ask_effect(xd_ask *ask, int64_t seq, xd_str *ret)
{
    sqlite3_stmt *s = NULL;
    XD_TRY(xd_ask_prepare(ask, "SELECT body FROM effect WHERE seq = ?", &s));
    sqlite3_bind_int64(s, 1, seq);
    xd_status status = XD_OK;
    xd_str text = XD_STR_NULL;
    if (xd_ask_row(ask, s, &status)) {
        status = xd_ask_copy(ask, xd_column(s, 0), &text);
        sqlite3_reset(s);
    }
    if (status == XD_OK) {
        *ret = text;
    }
    return status;
}

xd_status xd_ask_definition(xd_ask *ask, int64_t seq, xd_seen_event *ret)
{
    sqlite3_stmt *s = NULL;
    /* kind >= 60 is said as well, so that the index of the hub's own events is used. */
    XD_TRY(xd_ask_prepare(ask,
                          EVENT
                          "WHERE l.seq = (SELECT max(seq) FROM event WHERE kind = 60 AND kind >= 60"
                          " AND seq <= ?)"
                          " ORDER BY l.seq DESC LIMIT 1",
                          &s));
    sqlite3_bind_int64(s, 1, seq);
    xd_status status = XD_OK;
    *ret = (xd_seen_event){0};
    if (xd_ask_row(ask, s, &status)) {
        status = read_event(ask, s, ret);
        sqlite3_reset(s);
    }
    return status;
}

xd_str xd_seen_kind(const xd_seen_event *event)
{
    return event->kind ? xd_str_from(event->kind->name) : XD_STR("unknown");
}

void xd_out_event(xd_buf *buf, const xd_seen_event *event)
{
    xd_out_int(buf, "seq", event->seq);
    xd_out_instant(buf, "recorded_at", event->recorded_at);
    xd_out_text(buf, "kind", xd_seen_kind(event));
    xd_out_text(buf, "document", event->key);
    xd_out_text(buf, "order", event->order_key);
    xd_out_text(buf, "source", event->source);
    xd_out_text(buf, "id", event->id);
    xd_out_instant(buf, "business_time", event->time);
    xd_out_text(buf, "actor", event->actor);
    if (event->trace.len) {
        xd_out_text(buf, "trace", event->trace);
    }
    xd_out_text(buf, "map", event->map);
    xd_out_text(buf, "raw", event->raw);
}

xd_status xd_ask_seq_of_key(xd_ask *ask, xd_str key, int64_t *ret)
{
    uint64_t seq = 0;
    bool valid = key.len == 16;
    for (size_t i = 0; i < key.len && valid; i++) {
        char c = key.ptr[i];
        bool digit = c >= '0' && c <= '9';
        valid = digit || (c >= 'a' && c <= 'f');
        seq = seq << 4 | (uint64_t)(digit ? c - '0' : c - 'a' + 10);
    }
    if (!valid) {
        return xd_fail(ask->fault, XD_CORRUPT, "read.key",
                       "the state key %.*s should be an event number in 16 hex digits",
                       XD_FMT(key));
    }
    *ret = (int64_t)seq;
    return XD_OK;
}
