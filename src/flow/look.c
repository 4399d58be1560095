/* Codes for one run of a map. See look.h. */
#include "flow/look.h"

#include "base/fraction.h"
#include "flow/crosswalk.h"
#include "flow/doc.h"
#include "flow/key.h"

/* The map's doing, or the machine's. */
static xd_status no_room(const xd_look *l, const char *text, xd_fault *fault)
{
    return xd_fail(fault, l->arena->starved ? XD_NO_MEMORY : XD_LIMIT, "map.bytes", "%s", text);
}

static xd_status find(xd_look *l, xd_str table, xd_str system, xd_str code, xd_str *ret_value,
                      xd_fault *fault)
{
    xd_str key =
        xd_key_join(l->arena, xd_key_pair(l->arena, table, system), xd_key_part(l->arena, code));
    xd_str text = XD_STR_NULL;
    const xd_json *document = NULL;
    if (!key.ptr) {
        return no_room(l, "no room to look a code up", fault);
    }
    XD_TRY(l->view.get(l->view.self, XD_STATE_CROSSWALK, key, l->arena, &text, fault));
    if (text.ptr) {
        XD_TRY(xd_json_parse(text, XD_STATE_JSON, l->arena, &document, fault));
    }
    *ret_value = xd_crosswalk_as_of(document, l->at, l->seq);
    l->missing = ret_value->ptr ? XD_STR_NULL : key;
    return XD_OK;
}

static xd_status find_code(void *self, xd_str table, xd_str system, xd_str code, xd_arena *arena,
                           xd_str *ret_value, xd_fault *fault)
{
    (void)arena;
    return find(self, table, system, code, ret_value, fault);
}

/* In the table uom, system factor, code "FROM>TO". */
static xd_status find_factor(void *self, xd_str from, xd_str to, int64_t *ret_numerator,
                             int64_t *ret_denominator, xd_fault *fault)
{
    xd_look *l = self;
    xd_str pair = xd_arena_printf(l->arena, "%.*s>%.*s", XD_FMT(from), XD_FMT(to));
    xd_str found = XD_STR_NULL;
    if (!pair.ptr) {
        return no_room(l, "no room to look a unit up", fault);
    }
    XD_TRY(find(l, XD_STR("uom"), XD_STR("factor"), pair, &found, fault));
    *ret_numerator = 0; /* there is none */
    *ret_denominator = 1;
    (void)xd_fraction_parse(found, ret_numerator, ret_denominator);
    return XD_OK;
}

xd_map_world xd_look_world(xd_look *look, uint64_t seed)
{
    return (xd_map_world){
        .self = look, .now = look->at, .seed = seed, .xref = find_code, .uom = find_factor};
}
