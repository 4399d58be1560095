/* The planted bugs, and the proof that the simulation catches each of them. */
#ifndef XD_SIM_BUGS_H
#define XD_SIM_BUGS_H

#include <stdint.h>

/* Runs every planted bug until a seed catches it, prints one line each and "N passed, N failed".
 * Returns the exit code. Only in builds with planted_bugs. */
int sim_bugs_run(uint32_t events);

#endif
