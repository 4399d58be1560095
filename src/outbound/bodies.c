/* Bodies. See bodies.h. */
#include "outbound/bodies.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    KEPT = 128, /* opened events kept; a power of two */
    ARENA_CAP = 64 << 20
};

typedef struct kept {
    int64_t seq;       /* 0: empty */
    int64_t mark;      /* state that was in the store when it was read from there */
    xd_parcel *parcel; /* owns one share; NULL when the texts are in the arena */
    xd_arena arena;
    xd_opened opened;
} kept;

struct xd_bodies {
    xd_store *reader; /* owns */
    xd_progress_port progress;
    int64_t written_seq; /* state up to here is known to be in the store */
    kept kept[KEPT];
};

xd_bodies *xd_bodies_create(xd_store *reader, xd_progress_port progress)
{
    xd_bodies *b = calloc(1, sizeof *b);
    if (!b) {
        return NULL;
    }
    b->reader = reader;
    b->progress = progress;
    for (size_t i = 0; i < KEPT; i++) {
        xd_arena_init(&b->kept[i].arena, ARENA_CAP);
    }
    return b;
}

static void kept_clear(kept *k)
{
    xd_parcel_release(k->parcel);
    k->parcel = NULL;
    k->seq = 0;
    xd_arena_reset(&k->arena);
}

void xd_bodies_destroy(xd_bodies *b)
{
    if (!b) {
        return;
    }
    for (size_t i = 0; i < KEPT; i++) {
        kept_clear(&b->kept[i]);
        xd_arena_finish(&b->kept[i].arena);
    }
    xd_store_destroy(b->reader);
    free(b);
}

void xd_bodies_disown(xd_bodies *b)
{
    b->reader = NULL;
}

xd_store *xd_bodies_store(xd_bodies *b)
{
    return b->reader;
}

xd_status xd_bodies_written(xd_bodies *b, int64_t seq, bool *ret, xd_fault *fault)
{
    int64_t head = 0;
    if (seq > b->written_seq) {
        /* The head is read first: state that has reached it holds everything logged before. */
        head = b->progress.get(b->progress.self).log_head;
        XD_TRY(b->reader->ops->meta_get(b->reader, XD_STR("state_seq"), &b->written_seq, fault));
    }
    *ret = seq <= b->written_seq || (head > 0 && head <= b->written_seq);
    return XD_OK;
}

void xd_bodies_forget(xd_bodies *b, int64_t seq)
{
    kept *k = &b->kept[(uint64_t)seq % KEPT];
    if (k->seq == seq) {
        kept_clear(k);
    }
}

static xd_status parse_effect(xd_str text, xd_arena *arena, const xd_json **ret, xd_fault *fault)
{
    return xd_json_parse(text, XD_JSON_LIMITS_DEFAULT, arena, ret, fault);
}

static xd_status open_parcel(kept *k, xd_parcel *parcel, xd_fault *fault)
{
    k->opened.event = (xd_event){.seq = parcel->seq,
                                 .recorded_at = parcel->recorded_at,
                                 .kind = xd_kind_find(parcel->kind),
                                 .source = parcel->source,
                                 .id = parcel->id,
                                 .time = parcel->time,
                                 .trace = parcel->trace,
                                 .data_text = parcel->data_text};
    XD_TRY(xd_event_open(&k->opened.event, false, &k->arena, fault));
    XD_TRY(parse_effect(parcel->effect, &k->arena, &k->opened.effect, fault));
    atomic_fetch_add(&parcel->owners, 1);
    k->parcel = parcel;
    return XD_OK;
}

static xd_status not_yet(int64_t seq, xd_fault *fault)
{
    return xd_fail(fault, XD_BUSY, "outbound.body", "what event %lld sends is not in the store yet",
                   (long long)seq);
}

static xd_status open_stored(xd_bodies *b, kept *k, int64_t seq, int64_t mark, xd_fault *fault)
{
    bool written;
    XD_TRY(xd_bodies_written(b, mark, &written, fault));
    if (!written) {
        return not_yet(seq, fault);
    }
    xd_log_row row;
    xd_str effect = XD_STR_NULL;
    const xd_store_ops *ops = b->reader->ops;
    xd_status status = ops->log_get(b->reader, seq, &k->arena, &row, fault);
    if (status == XD_OK) {
        status = ops->numbered_get(b->reader, XD_NUMBERED_EFFECT, seq, &k->arena, &effect, fault);
    }
    if (status == XD_NOT_FOUND || (status == XD_OK && !effect.ptr)) {
        return not_yet(seq, fault);
    }
    XD_TRY(status);
    k->opened.event = (xd_event){.seq = row.seq,
                                 .recorded_at = row.recorded_at,
                                 .kind = xd_kind_find((xd_kind)row.kind),
                                 .source = row.source,
                                 .id = row.id,
                                 .time = row.time,
                                 .actor = row.actor,
                                 .trace = row.trace,
                                 .data_text = row.body};
    XD_TRY(xd_event_open(&k->opened.event, false, &k->arena, fault));
    return parse_effect(effect, &k->arena, &k->opened.effect, fault);
}

xd_status xd_bodies_open(xd_bodies *b, const xd_tracked *delivery, const xd_opened **ret,
                         xd_fault *fault)
{
    kept *k = &b->kept[(uint64_t)delivery->seq % KEPT];
    xd_parcel *parcel = delivery->cargo;
    if (k->seq != delivery->seq || delivery->mark > k->mark ||
        (parcel && k->parcel && k->parcel != parcel)) {
        kept_clear(k);
        xd_status status = parcel ? open_parcel(k, parcel, fault)
                                  : open_stored(b, k, delivery->seq, delivery->mark, fault);
        if (status != XD_OK) {
            kept_clear(k);
            return status;
        }
        k->seq = delivery->seq;
        k->mark = delivery->mark;
    }
    *ret = &k->opened;
    return XD_OK;
}

xd_status xd_bodies_was_sending(xd_bodies *b, const xd_tracked *delivery, bool *ret,
                                xd_fault *fault)
{
    bool written;
    XD_TRY(xd_bodies_written(b, delivery->mark, &written, fault));
    if (!written) {
        return not_yet(delivery->seq, fault);
    }
    char key[17];
    snprintf(key, sizeof key, "%016llx", (unsigned long long)delivery->seq);
    xd_arena arena;
    xd_arena_init(&arena, ARENA_CAP);
    xd_str text = XD_STR_NULL;
    const xd_json *row = NULL;
    xd_status status = b->reader->ops->state_get(b->reader, XD_STATE_OUTBOX, xd_str_from(key),
                                                 &arena, &text, fault);
    if (status == XD_OK && text.ptr) {
        status = xd_json_parse(text, XD_JSON_LIMITS_DEFAULT, &arena, &row, fault);
    }
    if (status == XD_OK) {
        const xd_json *sending = XD_GET(row, "sending");
        bool found = false;
        for (uint32_t i = 0; sending && i < sending->count; i++) {
            int64_t index = -1;
            found |= xd_str_to_int64(sending->items[i].text, &index) && index == delivery->index;
        }
        *ret = found;
    }
    xd_arena_finish(&arena);
    return status;
}
