/* Bodies: the event and effect from which a delivery's message is rendered, from the parcel the
 * engine handed over or, when that was let go to save memory, from the store. What was opened last
 * is kept for a moment, since the deliveries of one event go to several systems at about the same
 * time. Owns its read connection; one thread. */
#ifndef XD_OUTBOUND_BODIES_H
#define XD_OUTBOUND_BODIES_H

#include "engine/engine.h"
#include "outbound/schedule.h"

typedef struct xd_bodies xd_bodies;

/* How far the engine is. */
typedef struct xd_progress {
    int64_t stepped_seq; /* last event stepped */
    int64_t log_head;    /* last event in the log */
} xd_progress;

typedef struct xd_progress_port {
    void *self;
    xd_progress (*get)(void *self);
} xd_progress_port;

/* One event with what its flow kept. Borrowed until the next call. */
typedef struct xd_opened {
    xd_event event;
    const xd_json *effect;
} xd_opened;

/* reader is owned from here on, until it is disowned. NULL when out of memory. */
xd_bodies *xd_bodies_create(xd_store *reader, xd_progress_port progress);
void xd_bodies_destroy(xd_bodies *bodies);
void xd_bodies_disown(xd_bodies *bodies);
/* True when the state up to event seq is in the store. Faults: the store's. */
XD_CHECKED xd_status xd_bodies_written(xd_bodies *bodies, int64_t seq, bool *ret, xd_fault *fault);
/* delivery->cargo is its parcel or NULL; delivery->mark is the event whose state must be in the
 * store before its effect can be read. Faults: XD_BUSY (not in the store yet: try again in a
 * moment), XD_NO_MEMORY, the store's; everything else means that the message can never be made. */
XD_CHECKED xd_status xd_bodies_open(xd_bodies *bodies, const xd_tracked *delivery,
                                    const xd_opened **ret, xd_fault *fault);
/* Whether the outbox says that the delivery was being sent, by a process that did not live to say
 * what became of it. Faults as xd_bodies_open. */
XD_CHECKED xd_status xd_bodies_was_sending(xd_bodies *bodies, const xd_tracked *delivery, bool *ret,
                                           xd_fault *fault);
/* Forgets what is kept of event seq, because its effect changed. */
void xd_bodies_forget(xd_bodies *bodies, int64_t seq);
xd_store *xd_bodies_store(xd_bodies *bodies);

#endif
