/* Records that wait to be mapped: the step maps them with the codes that are in state by then. What
 * is still missing parks the record under xref and table/system/code, and a change of that code
 * wakes it; what the map makes goes on as a document of its own kind. Codes are those in force at
 * the record's business time, so a record that waited is mapped as of its own day. Pure. */
#include "flow/crosswalk.h"
#include "flow/flow_int.h"
#include "flow/maps.h"

/* They decide results, so they are the same everywhere and for ever. */
static const xd_map_limits limits = {.steps = 1000000, .depth = 200, .bytes = (size_t)16 << 20};

xd_status xd_flow_map(xd_flow *f)
{
    xd_str hash = XD_TEXT(f->data, "hash");
    XD_TRY(xd_step_put(f->step, XD_STATE_MAP, hash, f->event->data_text, f->fault));
    xd_buf *buf = &f->step->scratch;
    xd_buf_clear(buf);
    xd_buf_printf(buf, "{\"hash\":\"%.*s\",\"seq\":%lld}", XD_FMT(hash), (long long)f->event->seq);
    XD_TRY(xd_step_put(f->step, XD_STATE_MAP,
                       xd_key_join(f->arena, XD_STR("name"), XD_TEXT(f->data, "name")),
                       xd_buf_str(buf), f->fault));
    return xd_answer(f, "applied");
}

/* --- codes --- */

typedef struct codes {
    xd_flow *f;
    xd_instant at;
    xd_str missing; /* key of the code that was asked for last and not there */
} codes;

static xd_status look_up(codes *c, xd_str table, xd_str system, xd_str code, xd_str *ret_value,
                         xd_fault *fault)
{
    xd_arena *arena = c->f->arena;
    xd_str key = xd_key_join(arena, xd_key_pair(arena, table, system), xd_key_part(arena, code));
    const xd_json *known = NULL;
    XD_TRY(xd_step_get(c->f->step, XD_STATE_CROSSWALK, key, &known, fault));
    *ret_value = xd_crosswalk_in_force(known, c->at);
    c->missing = ret_value->ptr ? XD_STR_NULL : key;
    return XD_OK;
}

static xd_status find_code(void *self, xd_str table, xd_str system, xd_str code, xd_arena *arena,
                           xd_str *ret_value, xd_fault *fault)
{
    (void)arena;
    return look_up(self, table, system, code, ret_value, fault);
}

/* "12/1", or "12", in the table uom, system factor, code "FROM>TO". */
static xd_status find_factor(void *self, xd_str from, xd_str to, int64_t *ret_numerator,
                             int64_t *ret_denominator, xd_fault *fault)
{
    codes *c = self;
    xd_str pair = xd_arena_printf(c->f->arena, "%.*s>%.*s", XD_FMT(from), XD_FMT(to));
    xd_str found = XD_STR_NULL;
    if (!pair.ptr) {
        return xd_flow_no_memory(c->f);
    }
    XD_TRY(look_up(c, XD_STR("uom"), XD_STR("factor"), pair, &found, fault));
    const char *slash = found.len ? memchr(found.ptr, '/', found.len) : NULL;
    xd_str above = {found.ptr, slash ? (size_t)(slash - found.ptr) : found.len};
    xd_str below = slash ? (xd_str){slash + 1, found.len - above.len - 1} : XD_STR("1");
    int64_t numerator = 0;
    int64_t denominator = 0;
    bool known = found.ptr && xd_str_to_int64(above, &numerator) &&
                 xd_str_to_int64(below, &denominator) && numerator > 0 && denominator > 0;
    *ret_numerator = known ? numerator : 0;
    *ret_denominator = known ? denominator : 1;
    return XD_OK;
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
    codes c = {.f = f,
               .at = f->event->time != XD_INSTANT_NONE ? f->event->time : f->event->recorded_at};
    xd_map_world world = {.self = &c,
                          .now = c.at,
                          .seed = (uint64_t)f->event->seq,
                          .xref = find_code,
                          .uom = find_factor};
    const xd_map *map = NULL;
    xd_fault why = XD_FAULT_NONE;
    xd_status status =
        xd_maps_get(&f->step->maps, XD_TEXT(version, "hash"), XD_TEXT(version, "text"), &map, &why);
    if (status == XD_OK) {
        status =
            xd_map_run(map, XD_GET(f->data, "record"), NULL, &world, &limits, f->arena, ret, &why);
    }
    *ret_done = status != XD_OK;
    if (status == XD_NOT_FOUND && c.missing.ptr) {
        return xd_answer_park(f, "xref", c.missing);
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
    xd_buf *buf = &f->step->scratch;
    xd_buf_clear(buf);
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
    XD_TRY(xd_step_get(f->step, XD_STATE_MAP, XD_TEXT(f->data, "map"), &version, f->fault));
    if (!version) {
        return xd_answer_exception(f, "MAP_UNKNOWN", "the map of this record is not in the log");
    }
    XD_TRY(map_record(f, version, &made, &done));
    if (done) {
        return XD_OK;
    }
    const xd_json *document = pick(made, XD_INT(f->data, "n", 0));
    if (!document) {
        XD_TRY(xd_answer(f, "noted"));
        XD_BUF_LIT(xd_effect(f), ",\"reason\":\"the map makes no document of this record\"");
        return XD_OK;
    }
    return become(f, version, document);
}
