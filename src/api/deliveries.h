/* Deliveries of one event, as far as they can be told. Private to src/api. */
#ifndef XD_API_DELIVERIES_H
#define XD_API_DELIVERIES_H

#include "api/read_int.h"
#include "flow/definition.h"

enum { XD_TOLD_MAX = 64 };

typedef struct xd_told_delivery {
    xd_str system, message;
    xd_str map;        /* "name@<hash>": version of the map of its body; ptr NULL: none */
    const char *state; /* "waiting", "delivered", "dead", "unknown", "dropped"; NULL: no such one */
    xd_instant at;     /* of the outcome, XD_INSTANT_NONE without one */
    xd_str reason;
    int64_t attempts;
} xd_told_delivery;

typedef struct xd_deliveries {
    xd_told_delivery at[XD_TOLD_MAX]; /* by index within the event */
    int count;                        /* as far as the effect tells */
    bool sure; /* what is known of some agrees with what the effect tells of all: otherwise system
                  and message of delivered ones are not to be trusted */
} xd_deliveries;

/* by is the event whose step made them: the event's own, or that of the one that it had waited for.
 * definition is the one in force then; it and effect may be NULL. */
XD_CHECKED xd_status xd_ask_deliveries(xd_ask *ask, const xd_seen_event *event, int64_t by,
                                       const xd_definition *definition, const xd_json *effect,
                                       xd_deliveries *ret);

#endif
