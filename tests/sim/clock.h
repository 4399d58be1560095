/* The simulation's clock: one true time that only moves when it is told to, and a wall clock beside
 * it that can be set back and forth. Takes the place of clock_gettime for everything linked into
 * the simulation (see meson.build), so that the engine's waiting follows it too. The one mutable
 * global of the simulation, since clock_gettime has no argument to carry it. */
#ifndef XD_SIM_CLOCK_H
#define XD_SIM_CLOCK_H

#include "base/time.h"

/* Starts anew at a fixed instant. */
void sim_clock_reset(void);
/* The true time, monotonic. */
int64_t sim_now_us(void);
void sim_advance_to(int64_t now_us);
/* The wall clock, as set. */
xd_instant sim_wall(void);
/* Sets the wall clock forward or back. */
void sim_wall_jump(int64_t by_us);
/* Time of the machine, for progress only. */
int64_t sim_machine_us(void);

#endif
