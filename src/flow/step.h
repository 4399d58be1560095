/* The step: what a flow may read and what it may say. A flow is a pure function
 *     step(definition, view of state, event) -> changes + effects
 * with no I/O, no clock and no randomness; time is event->recorded_at. It runs against an xd_step,
 * which collects changes; the engine applies them whole, or drops them whole when the step fails.
 * Pure. */
#ifndef XD_FLOW_STEP_H
#define XD_FLOW_STEP_H

#include "base/decimal.h"
#include "canon/event.h"
#include "flow/definition.h"
#include "port/store.h"

/* Reads state: the value (JSON text, alive until the arena is reset) or XD_STR_NULL when absent. */
typedef struct xd_state_view {
    void *self;
    xd_status (*get)(void *self, xd_state_kind kind, xd_str key, xd_arena *arena, xd_str *ret_value,
                     xd_fault *fault);
} xd_state_view;

typedef struct xd_change {
    xd_state_kind kind;
    xd_str key;
    xd_str value; /* ptr NULL: delete */
} xd_change;

typedef struct xd_posting { /* one journal entry as persisted */
    int64_t ordinal;        /* key in XD_NUMBERED_JOURNAL */
    xd_str value;
} xd_posting;

typedef struct xd_delivery {
    int64_t seq;      /* event that caused it */
    uint32_t index;   /* 0.. within the event; delivery id = "<seq>.<index>" */
    uint32_t system;  /* index into definition->systems */
    uint32_t message; /* xd_message */
    xd_str order_key; /* deliveries of one system and order key go out in order */
    xd_str map;       /* "name@<hash>": version of the map that makes the body; ptr NULL: none */
    int64_t codes_at; /* event as of which that map sees codes, itself included */
    bool seen;        /* the system may have seen that body before */
} xd_delivery;

enum {
    XD_STEP_MAX_DELIVERIES = 64, /* per event */
    XD_STEP_MAX_CHANGES = 65536, /* per event */
    XD_STEP_WAKE_PART = 4096,    /* events woken at once, where any number may wait */
};

typedef struct xd_step xd_step;
typedef struct xd_maps xd_maps; /* compiled maps, see maps.h */

struct xd_step {
    const xd_definition *definition; /* borrows */
    xd_state_view view;
    const xd_event *event;
    xd_arena *arena; /* borrows; everything the step makes lives here */
    bool resumed;    /* the event was parked and is stepped again */
    int64_t log_seq; /* event that the log is at: that of the step, or the one that resumed it; 0:
                        the step's own */
    /* What the step says (grown in the arena by the functions below). */
    xd_change *changes;
    uint32_t change_count;
    uint32_t change_size;
    uint32_t *change_index; /* hash index into changes */
    uint32_t change_index_size;
    xd_posting *postings;
    uint32_t posting_count;
    uint32_t posting_size;
    xd_delivery *deliveries;
    uint32_t delivery_count;
    uint32_t delivery_size;
    int64_t *wake; /* seqs of parked events to step again right after this one, in order */
    uint32_t wake_count;
    uint32_t wake_size;
    xd_str effect;  /* JSON object text for XD_NUMBERED_EFFECT; XD_STR_NULL when nothing is to be
                       kept */
    xd_buf scratch; /* for building one value at a time (xd_step_scratch); lives across steps */
    bool starved;   /* what was built there had no memory */
    xd_buf effect_text; /* where the effect grows; lives across steps */
    xd_maps *maps;      /* owns; NULL until the first is needed; lives across steps */
};

/* Prepares a step; scratch memory is kept across steps, finish frees it. */
void xd_step_init(xd_step *step);
void xd_step_finish(xd_step *step);
/* Starts a step on event; arena must be empty or hold only what the event borrows. The caller sets
 * resumed and log_seq afterwards when the event was parked before. */
void xd_step_begin(xd_step *step, const xd_definition *definition, xd_state_view view,
                   const xd_event *event, xd_arena *arena);

/* Runs the flow of the event's kind. XD_OK also when the document was parked, held or made an
 * exception: those are business answers and are in the changes. Faults mean nothing may be applied:
 * XD_NO_MEMORY, XD_OVERFLOW, XD_LIMIT (POISON for the engine: the event is quarantined as an
 * exception), store faults. */
XD_CHECKED xd_status xd_flow_step(xd_step *step, xd_fault *fault);

/* Memory ran out somewhere in this step: whatever it says may be wrong. */
bool xd_step_is_starved(const xd_step *step);

/* --- for flows --- */
/* The buffer for one value, emptied. */
xd_buf *xd_step_scratch(xd_step *step);
/* Current value including this step's own changes, parsed; *ret NULL when absent. */
XD_CHECKED xd_status xd_step_get(xd_step *step, xd_state_kind kind, xd_str key, const xd_json **ret,
                                 xd_fault *fault);
/* As xd_step_get, with the text it was parsed from; borrows the arena. */
XD_CHECKED xd_status xd_step_get_text(xd_step *step, xd_state_kind kind, xd_str key,
                                      xd_str *ret_text, xd_fault *fault);
/* Sets a value (JSON text; copied into the arena). key is borrowed: it lives in the arena. */
XD_CHECKED xd_status xd_step_put(xd_step *step, xd_state_kind kind, xd_str key, xd_str value,
                                 xd_fault *fault);
XD_CHECKED xd_status xd_step_delete(xd_step *step, xd_state_kind kind, xd_str key, xd_fault *fault);
/* The event that the log is at. */
int64_t xd_step_log_seq(const xd_step *step);
/* One delivery to every system of the definition that receives message. */
XD_CHECKED xd_status xd_step_send(xd_step *step, xd_message message, xd_str order_key,
                                  xd_fault *fault);
/* One delivery, as given: the retry of an older one. */
XD_CHECKED xd_status xd_step_deliver(xd_step *step, xd_delivery delivery, xd_fault *fault);
/* Parks the event until (wait_kind name, wait_key) is defined. */
XD_CHECKED xd_status xd_step_park(xd_step *step, xd_str wait_kind, xd_str wait_key,
                                  xd_fault *fault);
/* As xd_step_wake, for the one that has waited longest; the rest stay parked. */
XD_CHECKED xd_status xd_step_wake_next(xd_step *step, xd_str wait_kind, xd_str wait_key,
                                       xd_fault *fault);
/* Schedules everything parked under (wait_kind, wait_key) to run after this step. */
XD_CHECKED xd_status xd_step_wake(xd_step *step, xd_str wait_kind, xd_str wait_key,
                                  xd_fault *fault);

/* As xd_step_wake, for what any number of events may wait for: wakes XD_STEP_WAKE_PART of them at
 * most, and behind them the event itself, which is then resumed, and whose flow has to call this
 * again, until all that waited at first are woken. */
XD_CHECKED xd_status xd_step_wake_in_parts(xd_step *step, xd_str wait_kind, xd_str wait_key,
                                           xd_fault *fault);

/* Steps the event itself again, as resumed, right after this step and what it wakes. */
XD_CHECKED xd_status xd_step_again(xd_step *step, xd_fault *fault);

/* Sets a timer: once due, the flow of hub_timer gets its key, which is due as 16 hex digits, '/',
 * and about; value (JSON text) is kept until then. */
XD_CHECKED xd_status xd_step_timer(xd_step *step, xd_instant due, xd_str about, xd_str value,
                                   xd_fault *fault);
/* Takes it back; one that is not set is fine. */
XD_CHECKED xd_status xd_step_cancel_timer(xd_step *step, xd_instant due, xd_str about,
                                          xd_fault *fault);

/* The event a person means: itself, or, when it is a record that its flow has mapped (kind
 * document), the document that the map made, as the effect has it. ret borrows both. */
void xd_flow_subject(const xd_event *event, const xd_json *effect, xd_event *ret);

/* Body of one outbound message, from the event and what its step kept (effect). Pure, so nothing of
 * it is stored. Content is documented in docs/messages.md. */
XD_CHECKED xd_status xd_flow_render(xd_message message, const xd_event *event,
                                    const xd_json *effect, xd_buf *ret_body, xd_fault *fault);

#endif
