/* The simulated world: one hub (the real engine, flows and outbound dispatch), the store under it,
 * senders, people and remote systems, moved by a plan on simulated time, all on one thread. */
#ifndef XD_SIM_WORLD_H
#define XD_SIM_WORLD_H

#include "audit.h"
#include "plan.h"
#include "verdict.h"

typedef struct sim_figures {
    audit_figures audit;
    remotes_counts remotes;
    int64_t steps, crashes, stops, store_faults, store_operations, refused_at_door, conflicts,
        decisions;
    int64_t simulated_us;
} sim_figures;

/* Runs the plan. Actions whose keep entry is false are left out; keep NULL: all are done. */
void sim_run(const sim_plan *plan, const bool *keep, sim_verdict *verdict, sim_figures *ret);

#endif
