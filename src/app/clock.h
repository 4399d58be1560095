/* The wall clock: only src/app reads it and hands it down as data. */
#ifndef XD_APP_CLOCK_H
#define XD_APP_CLOCK_H

#include "base/time.h"

#include <time.h>

static inline xd_instant xd_clock_wall(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (xd_instant)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

#endif
