/* Outcomes: settled deliveries on their way back into the log, as hub.outcomes events. One event is
 * under way at a time; what settles meanwhile goes with the next, so that groups grow with load. A
 * refused event is submitted again until it is durable: an outcome is never lost while the process
 * lives, and after a crash the delivery is simply still open. One thread, save that the engine
 * calls the done function given. */
#ifndef XD_OUTBOUND_OUTCOMES_H
#define XD_OUTBOUND_OUTCOMES_H

#include "engine/engine.h"
#include "outbound/schedule.h"

typedef struct xd_outcomes xd_outcomes;

/* start: instant of the process start, makes ids unique. done and context go into every submission:
 * done is called on the engine's thread and must see to it that xd_outcomes_recorded is called on
 * this one. NULL when out of memory. */
xd_outcomes *xd_outcomes_create(xd_instant start, void (*done)(xd_submission *submission),
                                void *context);
void xd_outcomes_destroy(xd_outcomes *outcomes);

/* What there is to tell of a delivery. */
typedef enum xd_told {
    XD_TOLD_SETTLED,
    XD_TOLD_SENDING, /* it is about to be sent to a system that could not be asked afterwards */
    XD_TOLD_UNSENT   /* the system has said that it did not act: nothing is under way any more */
} xd_told;

/* What became of one delivery. */
typedef struct xd_outcome {
    xd_told told;
    int64_t seq;
    uint32_t index;
    xd_settled settled;
    bool superseded;
    xd_str system, order_key, message; /* the rest is for failures only */
    xd_str reason;
    xd_str wait; /* key of the code without which it cannot be made; ptr NULL: none */
    bool seen;   /* the remote may have seen its body all the same */
    int32_t status;
    uint32_t attempts;
} xd_outcome;

/* Adds an outcome (copied); delivery is given back by xd_outcomes_recorded, and may be NULL. False
 * when out of memory: nothing was added. */
bool xd_outcomes_add(xd_outcomes *outcomes, const xd_outcome *outcome, xd_tracked *delivery);
/* Submits when nothing is under way, something waits, and a refusal is not too recent. */
void xd_outcomes_submit(xd_outcomes *outcomes, xd_engine *engine, int64_t now_us);
/* Takes back a submission whose done function was called, and releases it. When it is durable,
 * recorded is called for each delivery, with the event's seq; else it will be submitted again. */
typedef void (*xd_outcome_recorded)(void *self, xd_tracked *delivery, xd_told told, int64_t seq);
void xd_outcomes_recorded(xd_outcomes *outcomes, xd_submission *submission, int64_t now_us,
                          xd_outcome_recorded recorded, void *self);
/* Takes a submission back at the end, when its outcome no longer matters, and releases it. */
void xd_outcomes_drop(xd_outcomes *outcomes, xd_submission *submission);
/* Outcomes not durable yet. */
size_t xd_outcomes_count(const xd_outcomes *outcomes);
/* When to call xd_outcomes_submit again if nothing happens; XD_NEVER_US when there is no need. */
int64_t xd_outcomes_wake_at(const xd_outcomes *outcomes);

#endif
