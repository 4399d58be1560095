/* Crosswalk entries: one document of state per code; what waits for the code is mapped again at
 * every change of it, since it may wait for an entry that covers its day. Pure. */
#include "flow/crosswalk.h"
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

xd_str xd_crosswalk_in_force(const xd_json *document, xd_instant at)
{
    const xd_json *entries = XD_GET(document, "entries");
    for (uint32_t i = entries ? entries->count : 0; i > 0; i--) {
        xd_crosswalk_row row;
        if (read_entry(&entries->items[i - 1], &row, NULL) == XD_OK && row.valid_from <= at) {
            bool holds = row.valid_to == XD_INSTANT_NONE || at < row.valid_to;
            return holds ? row.value : XD_STR_NULL;
        }
    }
    return XD_STR_NULL;
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

static void write_head(xd_flow *f, const xd_crosswalk_row *row, int64_t version)
{
    xd_buf *buf = &f->step->scratch;
    xd_buf_clear(buf);
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
    XD_BUF_LIT(&f->step->scratch, "]}");
    xd_str text;
    XD_TRY(xd_flow_keep(f, &f->step->scratch, &text));
    XD_TRY(xd_step_put(f->step, XD_STATE_CROSSWALK, key, text, f->fault));
    XD_TRY(xd_step_wake(f->step, XD_STR("xref"), key, f->fault));
    return xd_answer(f, "applied");
}
