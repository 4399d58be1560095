/* Feed. See feed.h. */
#include "outbound/feed.h"

#include "base/planted.h"
#include "engine/processor.h"
#include "engine/timers.h"

#include <assert.h>
#include <stdlib.h>

enum {
    HELD_MAX = 16384,       /* parcels held back while closing */
    REFILL_WAIT_US = 50000, /* state is written every 100 ms or so */
    ROW_ARENA_CAP = 1 << 20
};

typedef enum feed_mode { MODE_OPEN, MODE_FULL, MODE_CLOSING } feed_mode;

struct xd_feed {
    xd_feed_options options;
    xd_schedule *schedule;
    xd_bodies *bodies;
    xd_feed_port port;
    size_t held_bytes; /* of texts, by the deliveries that hold them */
    int64_t last_seq;  /* newest event offered */
    int64_t last_outcome_seq;
    int64_t old_to; /* what an earlier process may have sent: events up to this one; -1: not known
                       yet */
    feed_mode mode;
    int64_t from, to;   /* events that were let go and must be read again */
    bool late;          /* among them are some that a later event set going, up to `to`: their rows
                           may be missing until that is written */
    int64_t settled_to; /* outcomes up to this event concern from..to: read only after they are in
                           state */
    int64_t next_refill_us;
    xd_parcel **held; /* owns HELD_MAX: offered while closing */
    size_t held_count;
    xd_arena row_arena;
};

xd_feed *xd_feed_create(const xd_feed_options *options, xd_schedule *schedule, xd_bodies *bodies,
                        xd_feed_port port)
{
    xd_feed *in = calloc(1, sizeof *in);
    xd_parcel **held = calloc(HELD_MAX, sizeof(xd_parcel *));
    if (!in || !held) {
        free(in);
        free(held);
        return NULL;
    }
    in->options = *options;
    in->schedule = schedule;
    in->bodies = bodies;
    in->port = port;
    in->held = held;
    in->old_to = -1;
    xd_arena_init(&in->row_arena, ROW_ARENA_CAP);
    return in;
}

static void let_held_go(xd_feed *in)
{
    for (size_t i = 0; i < in->held_count; i++) {
        xd_parcel_release(in->held[i]);
    }
    in->held_count = 0;
}

void xd_feed_destroy(xd_feed *in)
{
    if (!in) {
        return;
    }
    let_held_go(in);
    free(in->held);
    xd_arena_finish(&in->row_arena);
    free(in);
}

size_t xd_feed_bytes(const xd_feed *in)
{
    return in->held_bytes;
}

bool xd_feed_is_full(const xd_feed *in)
{
    return in->mode != MODE_OPEN;
}

/* --- texts in memory --- */

static size_t parcel_bytes(const xd_parcel *p)
{
    return sizeof *p + p->data_text.len + p->effect.len + p->source.len + p->id.len + p->key.len +
           p->trace.len;
}

/* Each delivery of a parcel accounts for its part, rounded up. */
static size_t share_bytes(const xd_parcel *p)
{
    return parcel_bytes(p) / p->count + 1;
}

void xd_feed_release(xd_feed *in, xd_tracked *delivery)
{
    xd_parcel *parcel = delivery->cargo;
    if (parcel) {
        in->held_bytes -= share_bytes(parcel);
        delivery->cargo = NULL;
        xd_parcel_release(parcel);
    }
}

/* --- tracking --- */

static uint32_t lane_of(const xd_feed *in, xd_str system)
{
    uint32_t lane = 0;
    while (lane < in->options.system_count && !xd_str_eq(in->options.systems[lane], system)) {
        lane++;
    }
    return lane;
}

/* Tracks the deliveries of a parcel. Those whose texts are not kept need the state up to the event
 * that offered them, which is the one under step now or an earlier one; written: it is in the store
 * already. XD_NO_MEMORY: some may not be tracked. */
static xd_status track(xd_feed *in, xd_parcel *parcel, bool written, int64_t now_us)
{
    /* What comes without its texts is older than the step that offers it. The first offer comes
     * before anything that this process could have sent. */
    if (in->old_to < 0) {
        in->old_to = in->port.progress(in->port.self).log_head;
    }
    bool from_before = !parcel->data_text.ptr && parcel->seq <= in->old_to;
    bool keep = parcel->data_text.ptr && parcel->count > 0 &&
                in->held_bytes + parcel_bytes(parcel) <= in->options.memory_bytes;
    int64_t mark = keep || written ? 0 : in->port.progress(in->port.self).stepped_seq + 1;
    xd_instant since = parcel->recorded_at ? parcel->recorded_at : in->options.clock();
    for (uint32_t i = 0; i < parcel->count; i++) {
        const struct xd_parcel_delivery *d = &parcel->deliveries[i];
        uint32_t lane = lane_of(in, d->system);
        if (lane == in->options.system_count || d->message == XD_MESSAGE_NONE ||
            d->message >= XD_MESSAGE_LIMIT) {
            in->port.refuse(in->port.self, parcel->seq, d->index, d->message, d->system,
                            d->order_key);
            continue;
        }
        xd_tracked *tracked;
        uint32_t map = d->map.ptr ? in->port.number_map(in->port.self, d->map) : 0;
        if (d->map.ptr && !map) {
            return XD_NO_MEMORY;
        }
        xd_status status = xd_schedule_add(in->schedule, now_us, lane, parcel->seq, d->index,
                                           d->message, d->order_key, since, &tracked);
        if (status == XD_NO_MEMORY) {
            return status;
        }
        if (status == XD_OK) {
            tracked->mark = mark;
            tracked->map = map;
            tracked->codes_at = d->codes_at;
            if (from_before) {
                xd_schedule_doubt(in->schedule, tracked);
                tracked->told = true;
            }
            if (keep) {
                atomic_fetch_add(&parcel->owners, 1);
                tracked->cargo = parcel;
                in->held_bytes += share_bytes(parcel);
            }
        }
    }
    return XD_OK;
}

/* --- modes --- */

static void let_go(xd_feed *in, int64_t seq)
{
    if (in->mode == MODE_OPEN || seq < in->from) {
        in->from = seq;
        in->settled_to = in->last_outcome_seq;
    }
    if (in->mode == MODE_CLOSING && in->held_count) {
        in->to = in->held[in->held_count - 1]->seq;
        let_held_go(in);
    }
    in->mode = MODE_FULL;
    in->to = seq > in->to ? seq : in->to;
    in->last_seq = seq > in->last_seq ? seq : in->last_seq;
}

/* Lets an event go that was offered late, or may have been: the one that set it going is under step
 * now, or an earlier one. */
static void let_late_go(xd_feed *in, int64_t seq)
{
    int64_t cause = in->port.progress(in->port.self).stepped_seq + 1;
    let_go(in, seq);
    in->late = true;
    in->to = cause > in->to ? cause : in->to;
}

void xd_feed_lost(xd_feed *in, int64_t from, int64_t to)
{
    let_late_go(in, from);
    let_go(in, to);
}

void xd_feed_offer(xd_feed *in, xd_parcel *parcel, int64_t now_us)
{
    xd_bodies_forget(in->bodies, parcel->seq);
    bool late = parcel->seq <= in->last_seq;
    if (!late) {
        in->last_seq = parcel->seq;
    }
    if (!late && in->mode == MODE_CLOSING && XD_PLANTED(forget_the_held)) {
        xd_parcel_release(parcel);
        return;
    }
    if (!late && in->mode == MODE_CLOSING && in->held_count < HELD_MAX) {
        in->held[in->held_count++] = parcel;
        return;
    }
    /* While there is a gap, what is late must not overtake what is in it. */
    bool room = in->mode == MODE_OPEN && (late || xd_schedule_count(in->schedule) + parcel->count <=
                                                      in->options.max_entries);
    if (!room && late) {
        let_late_go(in, parcel->seq);
    } else if (!room || track(in, parcel, false, now_us) != XD_OK) {
        let_go(in, parcel->seq);
    }
    xd_parcel_release(parcel);
}

void xd_feed_recorded(xd_feed *in, const xd_tracked *delivery, int64_t outcome_seq)
{
    in->last_outcome_seq = outcome_seq;
    if (in->mode != MODE_OPEN && delivery->seq >= in->from) {
        in->settled_to = outcome_seq;
    }
}

int64_t xd_feed_wake_at(const xd_feed *in)
{
    bool room = xd_schedule_count(in->schedule) <= in->options.max_entries / 2;
    return in->mode != MODE_OPEN && room ? in->next_refill_us : XD_NEVER_US;
}

typedef struct refill {
    xd_feed *feed;
    int64_t now_us;
    bool full; /* stopped before the end */
} refill;

static bool all_tracked(const xd_feed *in, const xd_parcel *parcel)
{
    for (uint32_t i = 0; i < parcel->count; i++) {
        if (!xd_schedule_has(in->schedule, parcel->seq, parcel->deliveries[i].index)) {
            return false;
        }
    }
    return true;
}

static xd_status refill_row(void *context, xd_state_kind kind, xd_str key, xd_str value)
{
    refill *r = context;
    xd_feed *in = r->feed;
    (void)kind;
    int64_t seq = (int64_t)xd_timer_due(key); /* the same 16 hex digits */
    if (seq < in->from || seq > in->to) {
        return XD_OK;
    }
    const xd_json *row;
    xd_arena_reset(&in->row_arena);
    XD_TRY(xd_json_parse(value, XD_JSON_LIMITS_DEFAULT, &in->row_arena, &row, NULL));
    xd_parcel *parcel = xd_parcel_of_outbox(key, row);
    if (!parcel) {
        return XD_NO_MEMORY;
    }
    xd_status status = all_tracked(in, parcel) ? XD_OK : XD_LIMIT;
    if (status != XD_OK &&
        xd_schedule_count(in->schedule) + parcel->count <= in->options.max_entries) {
        status = track(in, parcel, true, r->now_us);
    }
    xd_parcel_release(parcel);
    if (status != XD_OK) {
        in->from = in->late ? in->from : seq;
        r->full = true;
    }
    return status;
}

/* The gap is closed: what was held back follows. */
static void open_again(xd_feed *in, int64_t now_us)
{
    size_t count = in->held_count;
    in->held_count = 0;
    in->mode = MODE_OPEN;
    in->to = 0;
    in->late = false;
    for (size_t i = 0; i < count; i++) {
        xd_parcel *parcel = in->held[i];
        bool room = in->mode == MODE_OPEN &&
                    xd_schedule_count(in->schedule) + parcel->count <= in->options.max_entries;
        if (!room || track(in, parcel, false, now_us) != XD_OK) {
            let_go(in, parcel->seq);
        }
        xd_parcel_release(parcel);
    }
}

xd_status xd_feed_refill(xd_feed *in, int64_t now_us, xd_fault *fault)
{
    if (xd_feed_wake_at(in) > now_us) {
        return XD_OK;
    }
    in->next_refill_us = now_us + REFILL_WAIT_US;
    in->mode = MODE_CLOSING;
    bool settled;
    XD_TRY(xd_bodies_written(in->bodies, in->settled_to, &settled, fault));
    if (!settled) {
        return XD_OK;
    }
    xd_store *store = xd_bodies_store(in->bodies);
    /* Read in this order: state that has reached the head holds everything offered before, and the
     * rows are at least as new. */
    int64_t head = in->port.progress(in->port.self).log_head;
    int64_t state_seq;
    XD_TRY(store->ops->meta_get(store, XD_STR("state_seq"), &state_seq, fault));
    refill r = {.feed = in, .now_us = now_us};
    xd_status status = store->ops->state_each(store, XD_STATE_OUTBOX, refill_row, &r, fault);
    if (r.full) {
        in->next_refill_us = 0; /* as soon as there is room again */
        let_go(in, in->from);
        return XD_OK;
    }
    XD_TRY(status);
    if (state_seq >= in->to || state_seq >= head) {
        open_again(in, now_us);
    } else if (state_seq >= in->from && !in->late) {
        in->from = state_seq + 1;
    }
    return XD_OK;
}
