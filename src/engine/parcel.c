/* Parcels: what outbound gets of one event, in one block of memory. See engine.h and processor.h.
 */
#include "engine/processor.h"
#include "engine/timers.h"

#include <stdlib.h>

enum {
    DELIVERIES_MAX = 2 * XD_DEFINITION_MAX_SYSTEMS > XD_STEP_MAX_DELIVERIES
                         ? 2 * XD_DEFINITION_MAX_SYSTEMS
                         : XD_STEP_MAX_DELIVERIES
};

/* Copies s to *cursor and moves it on; an absent string stays absent. */
static xd_str pack(char **cursor, xd_str s)
{
    if (!s.ptr) {
        return XD_STR_NULL;
    }
    char *at = *cursor;
    if (s.len) {
        memcpy(at, s.ptr, s.len);
    }
    *cursor += s.len;
    return (xd_str){at, s.len};
}

static xd_parcel *build(const xd_event *event, xd_str effect,
                        const struct xd_parcel_delivery *deliveries, uint32_t count)
{
    size_t head = sizeof(xd_parcel) + count * sizeof *deliveries;
    size_t bytes = head + event->data_text.len + effect.len + event->source.len + event->id.len +
                   event->key.len + event->trace.len;
    for (uint32_t i = 0; i < count; i++) {
        bytes += deliveries[i].system.len + deliveries[i].order_key.len + deliveries[i].map.len;
    }
    xd_parcel *parcel = malloc(bytes);
    if (!parcel) {
        return NULL;
    }
    char *cursor = (char *)parcel + head;
    *parcel = (xd_parcel){.seq = event->seq,
                          .kind = event->kind ? event->kind->kind : XD_KIND_NONE,
                          .recorded_at = event->recorded_at,
                          .time = event->time,
                          .count = count};
    atomic_init(&parcel->owners, 1);
    parcel->data_text = pack(&cursor, event->data_text);
    parcel->effect = pack(&cursor, effect);
    parcel->source = pack(&cursor, event->source);
    parcel->id = pack(&cursor, event->id);
    parcel->key = pack(&cursor, event->key);
    parcel->trace = pack(&cursor, event->trace);
    for (uint32_t i = 0; i < count; i++) {
        parcel->deliveries[i] = deliveries[i];
        parcel->deliveries[i].system = pack(&cursor, deliveries[i].system);
        parcel->deliveries[i].order_key = pack(&cursor, deliveries[i].order_key);
        parcel->deliveries[i].map = pack(&cursor, deliveries[i].map);
    }
    return parcel;
}

xd_parcel *xd_parcel_create(const xd_event *event, xd_str effect, const xd_delivery *deliveries,
                            uint32_t count, const xd_definition *definition)
{
    struct xd_parcel_delivery packed[DELIVERIES_MAX];
    if (count > DELIVERIES_MAX) {
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        packed[i] = (struct xd_parcel_delivery){
            .index = deliveries[i].index,
            .message = deliveries[i].message,
            .system = definition->systems[deliveries[i].system].name,
            .order_key = deliveries[i].order_key,
            .map = deliveries[i].map,
            .codes_at = deliveries[i].codes_at,
        };
    }
    return build(event, effect, packed, count);
}

xd_parcel *xd_parcel_of_outbox(xd_str key, const xd_json *row)
{
    struct xd_parcel_delivery packed[DELIVERIES_MAX];
    const xd_json *to = XD_GET(row, "to");
    uint32_t count = to && to->type == XD_JSON_ARRAY ? to->count : 0;
    if (count > DELIVERIES_MAX) {
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        const xd_json *entry = &to->items[i];
        int64_t index = 0;
        if (entry->type != XD_JSON_ARRAY || entry->count < 3 ||
            !xd_str_to_int64(entry->items[0].text, &index)) {
            return NULL;
        }
        packed[i] = (struct xd_parcel_delivery){
            .index = (uint32_t)index,
            .system = entry->items[1].text,
            .message = (uint32_t)xd_message_by_name(entry->items[2].text),
            .order_key = entry->count > 3 ? entry->items[3].text : XD_TEXT(row, "order_key"),
        };
        if (entry->count > 5 && xd_str_to_int64(entry->items[5].text, &packed[i].codes_at)) {
            packed[i].map = entry->items[4].text;
        }
    }
    const xd_event event = {.seq = (int64_t)xd_timer_due(key), .time = XD_INSTANT_NONE};
    return build(&event, XD_STR_NULL, packed, count);
}

void xd_parcel_release(xd_parcel *parcel)
{
    if (parcel && atomic_fetch_sub(&parcel->owners, 1) == 1) {
        free(parcel);
    }
}
