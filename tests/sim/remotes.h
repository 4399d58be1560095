/* The remote systems of the simulation, behind the transport port that outbound's dispatch sends
 * through. They answer late, wrongly, twice or not at all, as the weather of the moment says, and
 * remember what they have done. What happens to a request depends on the seed, its key and how
 * often it came, so it does not change when other parts of the plan are left out. One thread. */
#ifndef XD_SIM_REMOTES_H
#define XD_SIM_REMOTES_H

#include "outbound/dispatch.h"
#include "plan.h"
#include "verdict.h"

typedef struct remotes remotes;

/* One message that a system has acted upon. */
typedef struct remote_effect {
    uint32_t system;
    int64_t seq;
    uint32_t index;
    xd_message message;
    uint64_t order; /* in which all systems acted */
    xd_str body;
    bool compared; /* the audit's */
} remote_effect;

typedef struct remotes_counts {
    int64_t requests, lookups, effects, repeats, unknown, refused, zombies;
} remotes_counts;

remotes *remotes_create(const sim_plan *plan, sim_verdict *verdict);
void remotes_destroy(remotes *r);
xd_transport_port remotes_port(remotes *r);

/* Lets requests arrive that are due. */
void remotes_run(remotes *r);
/* When something happens next by itself; XD_NEVER_US. */
int64_t remotes_next_us(const remotes *r);
void remotes_set_weather(remotes *r, uint32_t system, sim_weather weather, int64_t until_us);
/* Fine weather from now on. */
void remotes_calm(remotes *r);
/* The hub is gone: nobody waits for answers any more, but requests may still arrive. */
void remotes_hub_gone(remotes *r);

/* A person sends the delivery again, whatever the system had asked for. */
void remotes_hurry(remotes *r, uint32_t system, int64_t seq, uint32_t index);

/* Whether system has acted upon the delivery, and whether a request with it is still under way. */
bool remotes_has(const remotes *r, uint32_t system, int64_t seq, uint32_t index);
bool remotes_busy_with(const remotes *r, int64_t seq, uint32_t index);
/* Everything that was acted upon, in order. */
remote_effect *remotes_effects(remotes *r, size_t *ret_count);
remotes_counts remotes_count(const remotes *r);

#endif
