/* The timeline of a document: every event of its orders, what each did, where it was delivered,
 * which holds it placed or released and what it posted, in order of time. What a document did that
 * waited stands where it went on, not where it came. May call flow (names and the definition),
 * canon, base and SQLite. */
#include "api/deliveries.h"

#include <stdlib.h>

enum { ORDERS_MAX = 64, INVOICES_MAX = 256, TRACE_DEFAULT = 500 };

/* At one instant: the event, then what it caused, in this order. */
typedef enum rank { RANK_EVENT, RANK_HOLD, RANK_JOURNAL, RANK_DELIVERY } rank;

/* An event, and when it did what its effect says. */
typedef struct fact {
    xd_seen_event event;
    const xd_json *effect; /* NULL: none */
    int64_t by;    /* the event whose step this was: its own, or the one that it had waited for */
    xd_instant at; /* when that one was recorded */
} fact;

typedef struct entry {
    xd_instant at;
    int64_t by;    /* as of the fact */
    int64_t seq;   /* of the event */
    int64_t order; /* rank, then order of finding */
    xd_str json;
} entry;

typedef struct timeline {
    xd_ask *ask;
    xd_str document;
    int64_t after, limit;
    int64_t last; /* newest event of the page; INT64_MAX on the last page */
    xd_str orders[ORDERS_MAX];
    int order_count;
    xd_str invoices[INVOICES_MAX]; /* state keys */
    int invoice_count;
    int64_t *seqs; /* in the arena, sorted, without repeats */
    int seq_count, seq_size;
    entry *entries; /* in the arena */
    int count, size;
    const xd_definition *definition; /* NULL before the first */
    int64_t definition_seq;          /* event that brought it */
    size_t mark;                     /* of the answer, while an entry is written behind it */
} timeline;

/* --- collecting --- */

static void add_name(xd_str *names, int *count, int max, xd_str name)
{
    for (int i = 0; i < *count; i++) {
        if (xd_str_eq(names[i], name)) {
            return;
        }
    }
    if (name.len && *count < max) {
        names[(*count)++] = name;
    }
}

static void *grow(xd_arena *arena, void *old, int count, int *size, size_t item)
{
    if (count < *size) {
        return old;
    }
    int wanted = *size ? *size * 2 : 64;
    void *grown = xd_arena_alloc(arena, (size_t)wanted * item);
    if (grown && count) {
        memcpy(grown, old, (size_t)count * item);
    }
    *size = grown ? wanted : *size;
    return grown;
}

static xd_status add_seq(timeline *t, int64_t seq)
{
    int64_t *seqs = grow(t->ask->arena, t->seqs, t->seq_count, &t->seq_size, sizeof t->seqs[0]);
    if (!seqs) {
        return xd_ask_no_memory(t->ask);
    }
    t->seqs = seqs;
    t->seqs[t->seq_count++] = seq;
    return XD_OK;
}

static xd_status add_seqs(timeline *t, const char *sql, xd_str name, int64_t after)
{
    sqlite3_stmt *s = NULL;
    XD_TRY(xd_ask_prepare(t->ask, sql, &s));
    xd_bind(s, 1, name);
    sqlite3_bind_int64(s, 2, after);
    sqlite3_bind_int64(s, 3, t->limit + 1);
    xd_status status = XD_OK;
    while (xd_ask_row(t->ask, s, &status)) {
        status = add_seq(t, sqlite3_column_int64(s, 0));
    }
    return status;
}

static const char BY_KEY[] =
    "SELECT seq FROM event WHERE key = ?1 AND key <> '' AND seq > ?2 ORDER BY seq LIMIT ?3";
static const char BY_ORDER[] = "SELECT seq FROM event WHERE order_key = ?1 AND order_key <> ''"
                               " AND order_key <> key AND seq > ?2 ORDER BY seq LIMIT ?3";

static int compare_seqs(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void sort_seqs(timeline *t)
{
    int kept = 0;
    if (t->seq_count) {
        qsort(t->seqs, (size_t)t->seq_count, sizeof t->seqs[0], compare_seqs);
    }
    for (int i = 0; i < t->seq_count; i++) {
        if (kept == 0 || t->seqs[kept - 1] != t->seqs[i]) {
            t->seqs[kept++] = t->seqs[i];
        }
    }
    t->seq_count = kept;
}

/* The orders that an event is about: its order key, and for invoices those of its lines. */
static xd_status add_orders(timeline *t, const xd_seen_event *event)
{
    if (event->kind && event->kind->internal) {
        return XD_OK;
    }
    add_name(t->orders, &t->order_count, ORDERS_MAX, event->order_key);
    if (event->kind && event->kind->kind != XD_KIND_SUPPLIER_INVOICE &&
        event->kind->kind != XD_KIND_CREDIT_MEMO) {
        return XD_OK;
    }
    const xd_json *body = NULL;
    XD_TRY(xd_ask_parse(t->ask, event->body, &body));
    const xd_json *lines = XD_GET(body, "lines");
    for (uint32_t i = 0; lines && lines->type == XD_JSON_ARRAY && i < lines->count; i++) {
        add_name(t->orders, &t->order_count, ORDERS_MAX, XD_TEXT(&lines->items[i], "po"));
    }
    return XD_OK;
}

/* --- finding what the name means --- */

/* "ledger/year/number" of a journal entry. */
static const char BY_ENTRY[] =
    "SELECT body ->> 'seq' FROM journal WHERE (body ->> 'ledger') || '/' ||"
    " (body ->> 'year') || '/' || (body ->> 'number') = ?1 LIMIT 1";
/* The key of a hold, receipt, invoice or the like: the event that made it. */
static const char BY_STATE[] =
    "SELECT coalesce(value ->> 'seq', value ->> 'placed_seq') FROM state"
    " WHERE kind IN (13, 14, 15, 20, 21, 22, 30, 32, 34, 35, 53) AND key = ?1 LIMIT 1";

/* The event that sql finds for the document; *ret_seq stays as it is without one. */
static xd_status find_first(timeline *t, const char *sql, int64_t *ret_seq)
{
    sqlite3_stmt *s = NULL;
    XD_TRY(xd_ask_prepare(t->ask, sql, &s));
    xd_bind(s, 1, t->document);
    xd_status status = XD_OK;
    if (xd_ask_row(t->ask, s, &status)) {
        *ret_seq = sqlite3_column_int64(s, 0);
        sqlite3_reset(s);
    }
    return status;
}

/* Delivery "seq.index", or the sequence alone. */
static int64_t seq_of_delivery(xd_str name)
{
    const char *dot = memchr(name.ptr, '.', name.len);
    int64_t seq = 0;
    int64_t index = 0;
    size_t head = dot ? (size_t)(dot - name.ptr) : name.len;
    bool valid = xd_str_to_int64((xd_str){name.ptr, head}, &seq) && seq > 0;
    if (valid && dot) {
        valid = xd_str_to_int64((xd_str){dot + 1, name.len - head - 1}, &index);
    }
    return valid ? seq : 0;
}

static xd_status find_otherwise(timeline *t)
{
    int64_t seq = 0;
    xd_seen_event event = {0};
    XD_TRY(find_first(t, BY_STATE, &seq));
    seq = seq ? seq : seq_of_delivery(t->document);
    if (!seq && memchr(t->document.ptr, '/', t->document.len)) {
        XD_TRY(find_first(t, BY_ENTRY, &seq));
    }
    xd_status status = seq ? xd_ask_event(t->ask, seq, &event) : XD_NOT_FOUND;
    bool found = status == XD_OK;
    if (!found && status != XD_NOT_FOUND) {
        return status;
    }
    if (!found && t->seq_count > 0) {
        return XD_OK; /* its own events are all there is */
    }
    if (!found) {
        return xd_fail(t->ask->fault, XD_NOT_FOUND, "read.unknown",
                       "no document has the number %.*s; `crossdock search` or GET "
                       "/v1/search?q=... finds numbers by their beginning",
                       (int)(t->document.len < 100 ? t->document.len : 100), t->document.ptr);
    }
    XD_TRY(add_seq(t, seq));
    return add_orders(t, &event);
}

/* Fills seqs with one page of events of the document and of all its orders. */
static xd_status find_events(timeline *t)
{
    XD_TRY(add_seqs(t, BY_KEY, t->document, 0));
    int own = t->seq_count;
    for (int i = 0; i < own; i++) {
        xd_seen_event event;
        XD_TRY(xd_ask_event(t->ask, t->seqs[i], &event));
        XD_TRY(add_orders(t, &event));
    }
    own = t->seq_count;
    XD_TRY(add_seqs(t, BY_ORDER, t->document, 0));
    if (t->seq_count > own) {
        add_name(t->orders, &t->order_count, ORDERS_MAX, t->document);
    }
    if (t->order_count == 0) {
        XD_TRY(find_otherwise(t));
    }
    for (int i = 0; i < t->order_count; i++) {
        XD_TRY(add_seqs(t, BY_KEY, t->orders[i], t->after));
        XD_TRY(add_seqs(t, BY_ORDER, t->orders[i], t->after));
    }
    sort_seqs(t);
    int first = 0;
    while (first < t->seq_count && t->seqs[first] <= t->after) {
        first++;
    }
    t->seqs += first;
    t->seq_count -= first;
    t->seq_size -= first;
    t->last = INT64_MAX;
    if (t->seq_count > t->limit) {
        t->seq_count = (int)t->limit;
        t->last = t->seqs[t->seq_count - 1];
    }
    return XD_OK;
}

/* --- decisions of people --- */

/* An event's effect, parsed; NULL without one. */
static xd_status load_effect(timeline *t, int64_t seq, const xd_json **ret)
{
    xd_str text = XD_STR_NULL;
    *ret = NULL;
    XD_TRY(xd_ask_effect(t->ask, seq, &text));
    return text.ptr ? xd_ask_parse(t->ask, text, ret) : XD_OK;
}

/* What still waits has done nothing yet but come. */
static xd_status load_fact(timeline *t, int64_t seq, fact *ret)
{
    xd_seen_event cause;
    XD_TRY(xd_ask_event(t->ask, seq, &ret->event));
    XD_TRY(load_effect(t, seq, &ret->effect));
    ret->by = seq;
    ret->at = ret->event.recorded_at;
    int64_t by = XD_INT(ret->effect, "resumed_by", seq);
    if (by != seq && !xd_str_eq(XD_TEXT(ret->effect, "result"), XD_STR("parked"))) {
        XD_TRY(xd_ask_event(t->ask, by, &cause));
        ret->by = by;
        ret->at = cause.recorded_at;
    }
    return XD_OK;
}

static const char DECISIONS[] =
    "SELECT seq FROM event WHERE key >= ?1 AND key < ?2 AND key <> ''"
    " AND kind IN (62, 63) AND seq > ?3 AND seq <= ?4 UNION ALL "
    "SELECT seq FROM event WHERE key = ?5 AND key <> '' AND kind = 66 AND seq > ?3 AND seq <= ?4";

/* Decisions: those on holds and deliveries have a number that begins with name and the separator,
 * those on exceptions have the name itself. */
static xd_status add_decisions(timeline *t, xd_str name, char separator)
{
    sqlite3_stmt *s = NULL;
    xd_str from = xd_arena_printf(t->ask->arena, "%.*s%c", XD_FMT(name), separator);
    xd_str to = xd_arena_printf(t->ask->arena, "%.*s%c", XD_FMT(name), separator + 1);
    XD_TRY(xd_ask_prepare(t->ask, DECISIONS, &s));
    xd_bind(s, 1, from);
    xd_bind(s, 2, to);
    sqlite3_bind_int64(s, 3, t->after);
    sqlite3_bind_int64(s, 4, t->last);
    xd_bind(s, 5, name);
    xd_status status = XD_OK;
    while (xd_ask_row(t->ask, s, &status)) {
        status = add_seq(t, sqlite3_column_int64(s, 0));
    }
    return status;
}

/* A retry or drop has the delivery's id as its number ("seq.index"), a decision on an exception the
 * seq, a release the hold's id, which begins with the invoice's key. */
static xd_status find_decisions(timeline *t)
{
    int events = t->seq_count;
    for (int i = 0; i < events; i++) {
        const xd_json *effect = NULL;
        xd_str seq = xd_arena_printf(t->ask->arena, "%lld", (long long)t->seqs[i]);
        XD_TRY(add_decisions(t, seq, '.'));
        XD_TRY(load_effect(t, t->seqs[i], &effect));
        const xd_json *invoices = XD_GET(effect, "invoices");
        for (uint32_t k = 0; invoices && invoices->type == XD_JSON_ARRAY && k < invoices->count;
             k++) {
            add_name(t->invoices, &t->invoice_count, INVOICES_MAX,
                     XD_TEXT(&invoices->items[k], "key"));
        }
    }
    for (int i = 0; i < t->invoice_count; i++) {
        XD_TRY(add_decisions(t, t->invoices[i], '/'));
    }
    sort_seqs(t);
    return XD_OK;
}

/* --- entries --- */

static bool in_page(const timeline *t, int64_t seq)
{
    return seq > t->after && seq <= t->last;
}

/* An entry is written behind the answer, then moved to the arena. */
static void entry_begin(timeline *t, const char *what, xd_instant at, xd_str system)
{
    xd_buf *out = t->ask->out;
    t->mark = out->len;
    XD_BUF_LIT(out, "\n{\"at\":\"");
    xd_instant_write(out, at);
    xd_buf_printf(out, "\",\"what\":\"%s\"", what);
    xd_out_text(out, "system", system);
}

static xd_status entry_end(timeline *t, xd_instant at, int64_t by, int64_t seq, rank of)
{
    xd_buf *out = t->ask->out;
    xd_out_close(out, '}');
    entry *entries = grow(t->ask->arena, t->entries, t->count, &t->size, sizeof t->entries[0]);
    xd_str json = {out->ptr + t->mark, out->len - t->mark};
    if (!entries || out->failed) {
        return xd_ask_no_memory(t->ask);
    }
    t->entries = entries;
    entry *e = &t->entries[t->count];
    *e = (entry){at, by, seq, ((int64_t)of << 32) + t->count, XD_STR_NULL};
    XD_TRY(xd_ask_copy(t->ask, json, &e->json));
    t->count++;
    out->len = t->mark;
    return XD_OK;
}

static void out_ms(xd_buf *out, const char *name, xd_instant from, xd_instant to)
{
    if (from != XD_INSTANT_NONE) {
        xd_out_int(out, name, (to - from) / 1000);
    }
}

static void out_result(xd_buf *out, const xd_json *effect)
{
    xd_out_text(out, "result", XD_TEXT(effect, "result"));
    xd_out_text(out, "reason", XD_TEXT(effect, "reason"));
}

static xd_status write_event(timeline *t, const fact *f)
{
    xd_buf *out = t->ask->out;
    const xd_seen_event *event = &f->event;
    entry_begin(t, "event", event->recorded_at, event->source);
    xd_out_event(out, event);
    out_ms(out, "after_business_time_ms", event->time, event->recorded_at);
    out_result(out, f->effect);
    const xd_json *wait = XD_GET(f->effect, "wait");
    if (wait) {
        xd_out_name(out, "waits_for");
        xd_json_write(out, wait);
    }
    if (f->by != event->seq) {
        xd_out_int(out, "resumed_by", f->by);
        xd_out_instant(out, "resumed_at", f->at);
    }
    xd_out_bool(out, "own", xd_str_eq(event->key, t->document));
    return entry_end(t, event->recorded_at, event->seq, event->seq, RANK_EVENT);
}

/* That it went on, what came of it then, and what it had waited for. */
static xd_status write_resumed(timeline *t, const fact *f)
{
    xd_buf *out = t->ask->out;
    const xd_seen_event *event = &f->event;
    xd_seen_event by;
    if (f->by == event->seq) {
        return XD_OK;
    }
    XD_TRY(xd_ask_event(t->ask, f->by, &by));
    entry_begin(t, "resumed", f->at, event->source);
    xd_out_int(out, "seq", event->seq);
    xd_out_text(out, "kind", xd_seen_kind(event));
    xd_out_text(out, "document", event->key);
    xd_out_text(out, "order", event->order_key);
    out_result(out, f->effect);
    out_ms(out, "waited_ms", event->recorded_at, f->at);
    xd_out_int(out, "resumed_by", by.seq);
    xd_out_text(out, "by_kind", xd_seen_kind(&by));
    xd_out_text(out, "by_document", by.key);
    xd_out_text(out, "map", event->map);
    xd_out_text(out, "raw", event->raw);
    xd_out_bool(out, "own", xd_str_eq(event->key, t->document));
    return entry_end(t, f->at, f->by, event->seq, RANK_EVENT);
}

static xd_status write_journal(timeline *t, const fact *f, int64_t ordinal)
{
    sqlite3_stmt *s = NULL;
    XD_TRY(xd_ask_prepare(t->ask,
                          "SELECT body ->> 'ledger', CAST(body ->> 'year' AS TEXT),"
                          " CAST(body ->> 'number' AS TEXT),"
                          " body ->> 'date', body ->> 'kind', body ->> 'document',"
                          " body ->> 'currency', body -> 'lines' FROM journal WHERE ordinal = ?",
                          &s));
    sqlite3_bind_int64(s, 1, ordinal);
    xd_status status = XD_OK;
    if (!xd_ask_row(t->ask, s, &status)) {
        return status;
    }
    xd_buf *out = t->ask->out;
    entry_begin(t, "journal", f->at, XD_STR("ledger"));
    xd_out_int(out, "seq", f->event.seq);
    xd_out_text(out, "number",
                xd_arena_printf(t->ask->arena, "%.*s/%.*s/%.*s", XD_FMT(xd_column(s, 0)),
                                XD_FMT(xd_column(s, 1)), XD_FMT(xd_column(s, 2))));
    xd_out_int(out, "ordinal", ordinal);
    xd_out_text(out, "date", xd_column(s, 3));
    xd_out_text(out, "kind", xd_column(s, 4));
    xd_out_text(out, "document", xd_column(s, 5));
    xd_out_text(out, "currency", xd_column(s, 6));
    xd_out_raw(out, "lines", xd_column(s, 7));
    sqlite3_reset(s);
    return entry_end(t, f->at, f->by, f->event.seq, RANK_JOURNAL);
}

/* The event's own entry ("journal":[ordinal, number]) and the others it posted ("entries"). */
static xd_status write_journals(timeline *t, const fact *f)
{
    const xd_json *own = XD_GET(f->effect, "journal");
    const xd_json *entries = XD_GET(f->effect, "entries");
    int64_t ordinal = 0;
    if (own && own->type == XD_JSON_ARRAY && own->count > 0 &&
        xd_str_to_int64(own->items[0].text, &ordinal)) {
        XD_TRY(write_journal(t, f, ordinal));
    }
    for (uint32_t i = 0; entries && entries->type == XD_JSON_ARRAY && i < entries->count; i++) {
        XD_TRY(write_journal(t, f, XD_INT(&entries->items[i], "ordinal", 0)));
    }
    return XD_OK;
}

/* --- deliveries --- */

static xd_status write_delivery(timeline *t, const fact *f, int index, const xd_told_delivery *d,
                                bool sure)
{
    xd_buf *out = t->ask->out;
    const xd_seen_event *event = &f->event;
    xd_instant at = d->at == XD_INSTANT_NONE ? f->at : d->at;
    bool known = sure || d->reason.ptr || strcmp(d->state, "waiting") == 0;
    entry_begin(t, "delivery", at, known ? d->system : XD_STR_NULL);
    xd_out_int(out, "seq", event->seq);
    xd_out_text(out, "delivery",
                xd_arena_printf(t->ask->arena, "%lld.%d", (long long)event->seq, index));
    xd_out_text(out, "message", known ? d->message : XD_STR_NULL);
    xd_out_text(out, "map", d->map);
    xd_out_text(out, "kind", event->kind ? xd_str_from(event->kind->name) : XD_STR_NULL);
    xd_out_text(out, "document", event->key);
    xd_out_text(out, "state", xd_str_from(d->state));
    if (d->at != XD_INSTANT_NONE) {
        out_ms(out, "latency_ms", f->at, d->at);
    } else if (t->ask->now != XD_INSTANT_NONE && strcmp(d->state, "waiting") == 0) {
        out_ms(out, "waiting_ms", f->at, t->ask->now);
    }
    xd_out_text(out, "reason", d->reason);
    if (d->attempts) {
        xd_out_int(out, "attempts", d->attempts);
    }
    return entry_end(t, at, f->by, event->seq, RANK_DELIVERY);
}

/* Events come mostly in order, so the definition is read again only when it changed. */
static xd_status load_definition(timeline *t, int64_t seq)
{
    xd_seen_event event;
    const xd_json *json = NULL;
    XD_TRY(xd_ask_definition(t->ask, seq, &event));
    if (event.seq == t->definition_seq) {
        return XD_OK;
    }
    xd_definition *definition = xd_arena_alloc(t->ask->arena, sizeof *definition);
    if (!definition) {
        return xd_ask_no_memory(t->ask);
    }
    XD_TRY(xd_ask_parse(t->ask, event.body, &json));
    XD_TRY(xd_definition_read(json, t->ask->arena, definition, t->ask->fault));
    t->definition = definition;
    t->definition_seq = event.seq;
    return XD_OK;
}

static xd_status write_deliveries(timeline *t, const fact *f)
{
    xd_deliveries d;
    XD_TRY(load_definition(t, f->by));
    XD_TRY(xd_ask_deliveries(t->ask, &f->event, f->by, t->definition, f->effect, &d));
    for (int i = 0; i < XD_TOLD_MAX; i++) {
        if (d.at[i].state) {
            XD_TRY(write_delivery(t, f, i, &d.at[i], d.sure));
        }
    }
    return XD_OK;
}

/* --- holds --- */

/* The hold itself says when the event was recorded that placed or released it. */
static xd_status write_hold(timeline *t, xd_str id, const xd_json *hold, bool released)
{
    xd_buf *out = t->ask->out;
    int64_t seq = released ? XD_INT(hold, "released_seq", 0) : XD_INT(hold, "placed_seq", 0);
    fact f;
    if (!seq || !in_page(t, seq)) {
        return XD_OK;
    }
    XD_TRY(load_fact(t, seq, &f));
    entry_begin(t, released ? "hold_released" : "hold_placed", f.at, XD_STR("match"));
    xd_out_int(out, "seq", seq);
    xd_out_text(out, "hold", id);
    xd_out_text(out, "code", XD_TEXT(hold, "code"));
    xd_out_text(out, "invoice", XD_TEXT(hold, "number"));
    if (released) {
        xd_out_text(out, "released_by", XD_TEXT(hold, "released_by"));
        xd_out_text(out, "reason", XD_TEXT(hold, "reason"));
        fact placed;
        XD_TRY(load_fact(t, XD_INT(hold, "placed_seq", seq), &placed));
        out_ms(out, "held_ms", placed.at, f.at);
    } else {
        const xd_json *evidence = XD_GET(hold, "evidence");
        if (evidence) {
            xd_out_name(out, "evidence");
            xd_json_write(out, evidence);
        }
    }
    return entry_end(t, f.at, f.by, seq, RANK_HOLD);
}

static xd_status write_holds(timeline *t, xd_str invoice)
{
    sqlite3_stmt *s = NULL;
    XD_TRY(xd_ask_prepare(
        t->ask, "SELECT key, value FROM state WHERE kind = 32 AND key > ? AND key < ?", &s));
    xd_bind(s, 1, xd_arena_printf(t->ask->arena, "%.*s/", XD_FMT(invoice)));
    xd_bind(s, 2, xd_arena_printf(t->ask->arena, "%.*s0", XD_FMT(invoice)));
    xd_status status = XD_OK;
    while (xd_ask_row(t->ask, s, &status)) {
        xd_str id = XD_STR_NULL;
        xd_str text = XD_STR_NULL;
        const xd_json *hold = NULL;
        status = xd_ask_copy(t->ask, xd_column(s, 0), &id);
        status = status == XD_OK ? xd_ask_copy(t->ask, xd_column(s, 1), &text) : status;
        status = status == XD_OK ? xd_ask_parse(t->ask, text, &hold) : status;
        status = status == XD_OK ? write_hold(t, id, hold, false) : status;
        status = status == XD_OK ? write_hold(t, id, hold, true) : status;
    }
    return status;
}

/* --- the answer --- */

static xd_status write_all_of(timeline *t, int64_t seq)
{
    fact f;
    XD_TRY(load_fact(t, seq, &f));
    XD_TRY(write_event(t, &f));
    XD_TRY(write_resumed(t, &f));
    XD_TRY(write_journals(t, &f));
    return write_deliveries(t, &f);
}

static int compare_entries(const void *a, const void *b)
{
    const entry *x = a;
    const entry *y = b;
    if (x->at != y->at) {
        return x->at < y->at ? -1 : 1;
    }
    if (x->by != y->by) {
        return x->by < y->by ? -1 : 1;
    }
    if (x->seq != y->seq) { /* what went on stands behind what it had waited for */
        bool first = x->seq == x->by || (y->seq != y->by && x->seq < y->seq);
        return first ? -1 : 1;
    }
    return (x->order > y->order) - (x->order < y->order);
}

xd_status xd_ask_trace(xd_ask *ask)
{
    xd_page page;
    timeline t = {.ask = ask, .document = ask->rest};
    XD_TRY(xd_ask_page(ask, &page));
    XD_TRY(xd_page_number(ask, &page, &t.after));
    t.limit = xd_ask_argument(ask, "limit").ptr ? page.limit : TRACE_DEFAULT;
    XD_TRY(find_events(&t));
    XD_TRY(find_decisions(&t));
    xd_out_open(ask->out, '{');
    xd_out_text(ask->out, "document", t.document);
    xd_out_name(ask->out, "orders");
    xd_out_open(ask->out, '[');
    for (int i = 0; i < t.order_count; i++) {
        xd_buf_add(ask->out, ",", i > 0);
        xd_json_write_string(ask->out, t.orders[i]);
    }
    xd_out_close(ask->out, ']');
    for (int i = 0; i < t.seq_count; i++) {
        XD_TRY(write_all_of(&t, t.seqs[i]));
    }
    for (int i = 0; i < t.invoice_count; i++) {
        XD_TRY(write_holds(&t, t.invoices[i]));
    }
    if (t.count) {
        qsort(t.entries, (size_t)t.count, sizeof t.entries[0], compare_entries);
    }
    XD_BUF_LIT(ask->out, ",\"items\":[");
    for (int i = 0; i < t.count; i++) {
        xd_buf_add(ask->out, ",", i > 0);
        xd_buf_str_add(ask->out, t.entries[i].json);
    }
    xd_out_next(ask->out, t.last == INT64_MAX
                              ? XD_STR_NULL
                              : xd_arena_printf(ask->arena, "%lld", (long long)t.last));
    return XD_OK;
}
