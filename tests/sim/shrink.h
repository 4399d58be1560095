/* What is done about a failure: the plan is made smaller while it still fails, and printed with the
 * command that repeats it. */
#ifndef XD_SIM_SHRINK_H
#define XD_SIM_SHRINK_H

#include "plan.h"
#include "verdict.h"

/* Prints the failure, the command, and, when asked to, the smallest plan found that fails alike. */
void sim_report(const sim_plan *plan, uint32_t events, const char *bug, const sim_verdict *verdict,
                bool shrink);

#endif
