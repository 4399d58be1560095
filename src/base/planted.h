/* Planted bugs: places where the simulation may break the hub on purpose, one at a time, to show
 * that it would notice (make sim-bugs). In every ordinary build XD_PLANTED(NAME) is the constant
 * false and leaves no trace; only a build with the meson option planted_bugs asks the setting. */
#ifndef XD_BASE_PLANTED_H
#define XD_BASE_PLANTED_H

#include <stdbool.h>

#ifdef XD_PLANTED_BUGS
/* Whether this bug is the one switched on. name is an identifier such as "drop_dedup". */
bool xd_planted(const char *name);
/* Whether a place of the bug that is on has been passed. */
bool xd_planted_was_met(void);
/* Switches one bug on for the whole process; NULL: none. name is borrowed. */
void xd_planted_set(const char *name);
#define XD_PLANTED(NAME) xd_planted(#NAME)
#else
#define XD_PLANTED(NAME) false
#endif

#endif
