/* The setting behind planted bugs. See planted.h. Built only with the meson option planted_bugs. */
#include "base/planted.h"

#include <string.h>

static const char *planted_name; /* borrows; process-wide on purpose */
static bool was_met;

void xd_planted_set(const char *name)
{
    planted_name = name;
    was_met = false;
}

bool xd_planted(const char *name)
{
    bool is_on = planted_name && strcmp(planted_name, name) == 0;
    was_met |= is_on;
    return is_on;
}

bool xd_planted_was_met(void)
{
    return was_met;
}
