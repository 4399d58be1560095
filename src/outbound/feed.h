/* Feed: from the engine's parcels to deliveries in the schedule, within bounds. Knows which texts
 * stay in memory, and what happens when more is waiting than may be tracked: nothing is lost, since
 * every open delivery is in the store's OUTBOX documents.
 *
 * OPEN: what is offered is tracked. When max_entries are tracked the feed is FULL: what is
 * offered is let go, up to some event `to`. When half has drained it is CLOSING: what is offered
 * now is held back, the gap from..to is read again from the OUTBOX documents, then what was held
 * follows, and it is OPEN again. So the order of a key is kept throughout.
 *
 * Deliveries of an event older than one already offered (a parked document that resumed, a retried
 * dead letter) are tracked at once while the feed is OPEN, beyond max_entries if need be; their
 * number is bounded by what was parked or dead. While there is a gap they become part of it, so
 * that they do not overtake older ones of their key. One thread. */
#ifndef XD_OUTBOUND_FEED_H
#define XD_OUTBOUND_FEED_H

#include "outbound/bodies.h"
#include "outbound/schedule.h"

typedef struct xd_feed xd_feed;

typedef struct xd_feed_options {
    const xd_str *systems; /* names by lane, borrowed */
    uint32_t system_count;
    size_t memory_bytes;
    uint32_t max_entries;
    xd_instant (*clock)(void); /* age of deliveries whose event's instant is not at hand */
} xd_feed_options;

typedef struct xd_feed_port {
    void *self;
    xd_progress (*progress)(void *self);
    /* A delivery nobody can make: its system is not configured. order_key and system are borrowed
     * during the call. */
    void (*refuse)(void *self, int64_t seq, uint32_t index, uint32_t message, xd_str system,
                   xd_str order_key);
    /* A number for the version of a map; 0 when out of memory. */
    uint32_t (*number_map)(void *self, xd_str version);
} xd_feed_port;

/* schedule and bodies are borrowed. NULL when out of memory. */
xd_feed *xd_feed_create(const xd_feed_options *options, xd_schedule *schedule, xd_bodies *bodies,
                        xd_feed_port port);
void xd_feed_destroy(xd_feed *feed);

/* Takes over one share of the parcel. Parcels come in the order the engine offered them. */
void xd_feed_offer(xd_feed *feed, xd_parcel *parcel, int64_t now_us);
/* Parcels from..to were let go before they got here. */
void xd_feed_lost(xd_feed *feed, int64_t from, int64_t to);
/* Reads what was let go again when there is room. Faults: the store's; try again later. */
XD_CHECKED xd_status xd_feed_refill(xd_feed *feed, int64_t now_us, xd_fault *fault);
/* When to call refill; XD_NEVER_US when nothing was let go. */
int64_t xd_feed_wake_at(const xd_feed *feed);
/* A delivery is settled or forgotten: its texts are let go. */
void xd_feed_release(xd_feed *feed, xd_tracked *delivery);
/* The outcome of a delivery is in the log at outcome_seq. */
void xd_feed_recorded(xd_feed *feed, const xd_tracked *delivery, int64_t outcome_seq);
/* True while events that were let go are to be read again. */
bool xd_feed_is_full(const xd_feed *feed);
/* Bytes of texts held in memory. */
size_t xd_feed_bytes(const xd_feed *feed);

#endif
