/* Records that wait to be mapped: the step maps them with the codes that are in state by then. What
 * is still missing parks the record under xref and table/system/code, and a change of that code
 * wakes it; what the map makes goes on as a document of its own kind. Codes are those in force at
 * the record's business time, so a record that waited is mapped as of its own day. Pure. */
#include "flow/flow_int.h"
#include "flow/look.h"
#include "flow/maps.h"

xd_status xd_flow_map(xd_flow *f)
{
    xd_str hash = XD_TEXT(f->data, "hash");
    if (!hash.ptr || !XD_TEXT(f->data, "name").ptr) {
        return xd_fail(f->fault, XD_INVALID, "map.version",
                       "a version of a map needs its name and its hash");
    }
    XD_TRY(xd_step_put(f->step, XD_STATE_MAP, hash, f->event->data_text, f->fault));
    xd_buf *buf = xd_step_scratch(f->step);
    xd_buf_printf(buf, "{\"hash\":\"%.*s\",\"seq\":%lld}", XD_FMT(hash), (long long)f->event->seq);
    XD_TRY(xd_step_put(f->step, XD_STATE_MAP,
                       xd_key_join(f->arena, XD_STR("name"), XD_TEXT(f->data, "name")),
                       xd_buf_str(buf), f->fault));
    return xd_answer(f, "applied");
}

/* --- codes --- */

static xd_status view_get(void *self, xd_state_kind kind, xd_str key, xd_arena *arena,
                          xd_str *ret_value, xd_fault *fault)
{
    (void)arena; /* the step's own */
    return xd_step_get_text(self, kind, key, ret_value, fault);
}

/* --- the map --- */

static xd_status map_failed(xd_flow *f, const xd_json *version, xd_fault *why)
{
    xd_str name = XD_TEXT(version, "name");
    xd_fault_locate(why, XD_TEXT(version, "text"));
    return xd_answer_exception(f, "MAP_FAILED", "map %.*s, line %d, column %d: %s (%s)",
                               XD_FMT(name), (int)why->line, (int)why->column, why->text,
                               why->rule);
}

/* Faults that are the hub's, not the record's. */
static bool is_ours(xd_status status)
{
    return status != XD_INVALID && status != XD_NOT_FOUND && status != XD_LIMIT &&
           status != XD_OVERFLOW && status != XD_CONFLICT && status != XD_DENIED;
}

static xd_status give_up(xd_flow *f, const xd_fault *why)
{
    if (f->fault) {
        *f->fault = *why;
    }
    return why->code;
}

/* Maps the record. *ret_done: the answer is given already, and there is nothing to go on with. */
static xd_status map_record(xd_flow *f, const xd_json *version, const xd_json **ret, bool *ret_done)
{
    xd_look look = {.view = {f->step, view_get},
                    .at =
                        f->event->time != XD_INSTANT_NONE ? f->event->time : f->event->recorded_at,
                    .seq = INT64_MAX,
                    .arena = f->arena};
    xd_map_world world = xd_look_world(&look, (uint64_t)f->event->seq);
    const xd_map *map = NULL;
    xd_map_limits limits = XD_MAP_LIMITS_DOCUMENT;
    xd_fault why = XD_FAULT_NONE;
    xd_status status =
        xd_maps_get(&f->step->maps, XD_TEXT(version, "hash"), XD_TEXT(version, "text"), &map, &why);
    if (status == XD_OK) {
        status =
            xd_map_run(map, XD_GET(f->data, "record"), NULL, &world, &limits, f->arena, ret, &why);
    }
    *ret_done = status != XD_OK;
    if (status == XD_NOT_FOUND && look.missing.ptr) {
        return xd_answer_park(f, "xref", look.missing);
    }
    if (status != XD_OK && is_ours(status)) {
        return give_up(f, &why);
    }
    return status == XD_OK ? XD_OK : map_failed(f, version, &why);
}

/* One of the documents that the map made; NULL when it made none there. */
static const xd_json *pick(const xd_json *made, int64_t n)
{
    if (made && made->type == XD_JSON_ARRAY) {
        return n >= 0 && n < made->count ? &made->items[n] : NULL;
    }
    return n == 0 ? made : NULL;
}

/* Whether the map makes more of the record than was expected when it came, and this is the event
 * that has to say so: the rest stands in no event. */
static bool is_more(const xd_flow *f, const xd_json *made)
{
    int64_t of = XD_INT(f->data, "of", 0);
    return of > 0 && XD_INT(f->data, "n", 0) == of - 1 && made && made->type == XD_JSON_ARRAY &&
           made->count > of;
}

/* The document as an event in the record's place. */
static xd_status become(xd_flow *f, const xd_json *version, const xd_json *document)
{
    xd_event *event = xd_arena_alloc(f->arena, sizeof *event);
    if (!event) {
        return xd_flow_no_memory(f);
    }
    *event = *f->event;
    event->kind = xd_kind_by_name(XD_TEXT(version, "to"));
    if (!event->kind || event->kind->internal) {
        return xd_answer_exception(f, "MAP_UNKNOWN", "the map makes documents of no known kind");
    }
    xd_buf *buf = xd_step_scratch(f->step);
    xd_json_write(buf, document);
    XD_TRY(xd_flow_keep(f, buf, &event->data_text));
    xd_fault why = XD_FAULT_NONE;
    xd_status status = xd_event_open(event, true, f->arena, &why);
    if (status != XD_OK && is_ours(status)) {
        return give_up(f, &why);
    }
    if (status != XD_OK) {
        return xd_answer_exception(f, "MAP_RESULT", "map %.*s made a %s that is refused: %s (%s)",
                                   XD_FMT(XD_TEXT(version, "name")), event->kind->name, why.text,
                                   why.path);
    }
    return xd_flow_become(f, event);
}

xd_status xd_flow_document(xd_flow *f)
{
    const xd_json *version = NULL;
    const xd_json *made = NULL;
    bool done = false;
    xd_str hash = XD_TEXT(f->data, "map");
    if (hash.ptr) {
        XD_TRY(xd_step_get(f->step, XD_STATE_MAP, hash, &version, f->fault));
    }
    if (!version) {
        return xd_answer_exception(f, "MAP_UNKNOWN", "the map of this record is not in the log");
    }
    XD_TRY(map_record(f, version, &made, &done));
    if (done) {
        return XD_OK;
    }
    if (is_more(f, made)) {
        return xd_answer_exception(f, "MAP_RESULT",
                                   "map %.*s makes %u documents of this record, more than could be "
                                   "told before its codes were there: send it again",
                                   XD_FMT(XD_TEXT(version, "name")), made->count);
    }
    const xd_json *document = pick(made, XD_INT(f->data, "n", 0));
    if (!document) {
        XD_TRY(xd_answer(f, "noted"));
        XD_BUF_LIT(xd_effect(f), ",\"reason\":\"the map makes no document of this record\"");
        return XD_OK;
    }
    return become(f, version, document);
}
