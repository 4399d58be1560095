/* Crosswalk entries: one document of state per code; what waits for the code is mapped again at
 * every change of it, since it may wait for an entry that covers its day. Pure. */
#include "flow/crosswalk.h"
#include "base/planted.h"
#include "flow/flow_int.h"

static xd_status read_time(const xd_json *value, bool last_day, xd_instant *ret, xd_fault *fault)
{
    *ret = XD_INSTANT_NONE;
    if (!value || value->type != XD_JSON_STRING || value->text.len == 0 ||
        xd_moment_parse(value->text, last_day, ret)) {
        return XD_OK;
    }
    return xd_fail(fault, XD_INVALID, "xref.time", "%.*s is neither a date nor an instant",
                   (int)(value->text.len < 60 ? value->text.len : 60), value->text.ptr);
}

xd_status xd_crosswalk_of_event(const xd_json *data, xd_crosswalk_row *ret, xd_fault *fault)
{
    xd_crosswalk_row row = {.table = XD_TEXT(data, "table"),
                            .system = XD_TEXT(data, "system"),
                            .code = XD_TEXT(data, "code"),
                            .value = XD_TEXT(data, "value")};
    XD_TRY(read_time(XD_GET(data, "valid_from"), false, &row.valid_from, fault));
    XD_TRY(read_time(XD_GET(data, "valid_to"), true, &row.valid_to, fault));
    *ret = row;
    return XD_OK;
}

static xd_status read_entry(const xd_json *entry, xd_crosswalk_row *row, xd_fault *fault)
{
    row->value = XD_TEXT(entry, "value");
    XD_TRY(read_time(XD_GET(entry, "from"), false, &row->valid_from, fault));
    return read_time(XD_GET(entry, "to"), false, &row->valid_to, fault);
}

xd_status xd_crosswalk_of_state(const xd_json *document,
                                xd_status (*visit)(void *context, const xd_crosswalk_row *row),
                                void *context, xd_fault *fault)
{
    const xd_json *entries = XD_GET(document, "entries");
    xd_crosswalk_row row = {.table = XD_TEXT(document, "table"),
                            .system = XD_TEXT(document, "system"),
                            .code = XD_TEXT(document, "code")};
    for (uint32_t i = 0; entries && i < entries->count; i++) {
        XD_TRY(read_entry(&entries->items[i], &row, fault));
        XD_TRY(visit(context, &row));
    }
    return XD_OK;
}

/* Whether the entry was in state right after event seq. */
static bool was_known(const xd_json *entry, int64_t seq)
{
    int64_t until = XD_INT(entry, "until", 0);
    return XD_INT(entry, "seq", 0) <= seq && (until == 0 || until > seq);
}

xd_str xd_crosswalk_as_of(const xd_json *document, xd_instant at, int64_t seq)
{
    const xd_json *const lists[] = {XD_GET(document, "entries"), XD_GET(document, "past")};
    xd_crosswalk_row newest = {.valid_from = XD_INSTANT_NONE};
    for (int k = 0; k < 2; k++) {
        for (uint32_t i = 0; lists[k] && i < lists[k]->count; i++) {
            xd_crosswalk_row row;
            if (was_known(&lists[k]->items[i], seq) &&
                read_entry(&lists[k]->items[i], &row, NULL) == XD_OK && row.valid_from <= at &&
                row.valid_from >= newest.valid_from) {
                newest = row;
            }
        }
    }
    bool holds =
        newest.valid_to == XD_INSTANT_NONE || at < newest.valid_to || XD_PLANTED(code_never_ends);
    return newest.value.ptr && holds ? newest.value : XD_STR_NULL;
}

xd_str xd_crosswalk_in_force(const xd_json *document, xd_instant at)
{
    return xd_crosswalk_as_of(document, at, INT64_MAX);
}

/* --- the flow --- */

static void write_time(xd_buf *buf, const char *name, xd_instant at)
{
    if (at != XD_INSTANT_NONE) {
        xd_buf_printf(buf, ",\"%s\":\"", name);
        xd_instant_write(buf, at);
        xd_buf_char(buf, '"');
    }
}

static void write_entry(xd_flow *f, const xd_crosswalk_row *row, bool *more)
{
    xd_buf *buf = &f->step->scratch;
    xd_buf_str_add(buf, *more ? XD_STR(",{\"value\":") : XD_STR("{\"value\":"));
    xd_json_write_string(buf, row->value);
    write_time(buf, "from", row->valid_from);
    write_time(buf, "to", row->valid_to);
    XD_BUF_LIT(buf, ",\"seq\":");
    xd_buf_int(buf, f->event->seq);
    xd_buf_char(buf, '}');
    *more = true;
}

static void keep_entry(xd_flow *f, const xd_json *entry, bool *more)
{
    if (*more) {
        xd_buf_char(&f->step->scratch, ',');
    }
    xd_json_write(&f->step->scratch, entry);
    *more = true;
}

/* The known entries with the row put, replaced or taken out, in order of time. */
static xd_status write_entries(xd_flow *f, const xd_json *entries, const xd_crosswalk_row *row,
                               bool *ret_changed)
{
    bool more = false;
    bool placed = false;
    bool changed = row->value.ptr != NULL;
    for (uint32_t i = 0; entries && i < entries->count; i++) {
        const xd_json *entry = &entries->items[i];
        xd_crosswalk_row known;
        XD_TRY(read_entry(entry, &known, f->fault));
        if (!placed && row->value.ptr && known.valid_from > row->valid_from) {
            write_entry(f, row, &more);
            placed = true;
        }
        if (known.valid_from != row->valid_from) {
            keep_entry(f, entry, &more);
        } else if (!row->value.ptr) {
            changed = true;
        } else if (xd_str_eq(known.value, row->value) && known.valid_to == row->valid_to) {
            keep_entry(f, entry, &more);
            changed = false;
            placed = true;
        }
    }
    if (!placed && row->value.ptr) {
        write_entry(f, row, &more);
    }
    *ret_changed = changed;
    return XD_OK;
}

enum { PAST_MAX = 64 };

static void write_past_entry(xd_flow *f, const xd_json *entry, bool *more)
{
    xd_buf *buf = &f->step->scratch;
    xd_buf_str_add(buf, *more ? XD_STR(",") : XD_STR(",\"past\":["));
    xd_json_write(buf, entry);
    *more = true;
}

/* What the row replaces or takes back, behind what earlier ones did: a delivery that was made with
 * it and is sent again is made with it again. The newest PAST_MAX are kept. */
static xd_status write_past(xd_flow *f, const xd_json *known, const xd_crosswalk_row *row)
{
    const xd_json *entries = XD_GET(known, "entries"), *past = XD_GET(known, "past");
    uint32_t count = past ? past->count : 0;
    bool more = false;
    for (uint32_t i = count < PAST_MAX ? 0 : count - PAST_MAX + 1; i < count; i++) {
        write_past_entry(f, &past->items[i], &more);
    }
    for (uint32_t i = 0; entries && i < entries->count; i++) {
        xd_crosswalk_row old;
        XD_TRY(read_entry(&entries->items[i], &old, f->fault));
        if (old.valid_from == row->valid_from) {
            write_past_entry(f, &entries->items[i], &more);
            xd_buf *buf = &f->step->scratch;
            buf->len -= buf->len > 0; /* reopen it; without memory there may be nothing */
            xd_buf_printf(buf, ",\"until\":%lld}", (long long)f->event->seq);
        }
    }
    if (more) {
        xd_buf_char(&f->step->scratch, ']');
    }
    return XD_OK;
}

static void write_head(xd_flow *f, const xd_crosswalk_row *row, int64_t version)
{
    xd_buf *buf = xd_step_scratch(f->step);
    XD_BUF_LIT(buf, "{\"table\":");
    xd_json_write_string(buf, row->table);
    XD_BUF_LIT(buf, ",\"system\":");
    xd_json_write_string(buf, row->system);
    XD_BUF_LIT(buf, ",\"code\":");
    xd_json_write_string(buf, row->code);
    XD_BUF_LIT(buf, ",\"version\":");
    xd_buf_int(buf, version);
    XD_BUF_LIT(buf, ",\"seq\":");
    xd_buf_int(buf, f->event->seq);
    XD_BUF_LIT(buf, ",\"at\":\"");
    xd_instant_write(buf, f->event->recorded_at);
    XD_BUF_LIT(buf, "\",\"entries\":[");
}

xd_status xd_flow_crosswalk(xd_flow *f)
{
    xd_crosswalk_row row;
    XD_TRY(xd_crosswalk_of_event(f->data, &row, f->fault));
    xd_str key = xd_key_join(f->arena, xd_key_pair(f->arena, row.table, row.system),
                             xd_key_part(f->arena, row.code));
    if (f->step->resumed) { /* more waited for this code than one step wakes */
        XD_TRY(xd_step_wake_in_parts(f->step, XD_STR("xref"), key, f->fault));
        XD_TRY(xd_answer(f, "applied"));
        return xd_flow_resend(f, key);
    }
    const xd_json *known = NULL;
    XD_TRY(xd_step_get(f->step, XD_STATE_CROSSWALK, key, &known, f->fault));
    bool changed = false;
    write_head(f, &row, XD_INT(known, "version", 0) + 1);
    XD_TRY(write_entries(f, XD_GET(known, "entries"), &row, &changed));
    if (!changed) {
        XD_TRY(xd_answer(f, "noted"));
        xd_buf_printf(xd_effect(f), ",\"reason\":\"%s\"",
                      row.value.ptr ? "the entry is known already"
                                    : "there is no entry that begins then");
        return XD_OK;
    }
    xd_buf_char(&f->step->scratch, ']');
    XD_TRY(write_past(f, known, &row));
    xd_buf_char(&f->step->scratch, '}');
    xd_str text;
    XD_TRY(xd_flow_keep(f, &f->step->scratch, &text));
    XD_TRY(xd_step_put(f->step, XD_STATE_CROSSWALK, key, text, f->fault));
    if (!XD_PLANTED(code_wakes_nobody)) {
        XD_TRY(xd_step_wake_in_parts(f->step, XD_STR("xref"), key, f->fault));
    }
    XD_TRY(xd_answer(f, "applied"));
    return xd_flow_resend(f, key);
}
