/* Timers: a heap of due instants in memory over the TIMER documents in state. When one is due the
 * engine appends a hub.timer event; the flow that gets it removes the document. Owns copies of the
 * keys. */
#ifndef XD_ENGINE_TIMERS_H
#define XD_ENGINE_TIMERS_H

#include "base/time.h"

typedef struct xd_timer {
    xd_instant due;
    char *key; /* owns */
    size_t key_len;
} xd_timer;

typedef struct xd_timers {
    xd_timer *heap; /* owns; smallest due first */
    size_t count;
    size_t size;
} xd_timers;

void xd_timers_finish(xd_timers *timers);
/* False when out of memory. */
bool xd_timers_add(xd_timers *timers, xd_instant due, xd_str key);
/* The next due instant; INT64_MAX when there is none. */
xd_instant xd_timers_next(const xd_timers *timers);
/* Takes out the next timer; the caller frees its key. Asserts that there is one. */
xd_timer xd_timers_take(xd_timers *timers);

/* Due instant in a timer's key, which begins with it as 16 hex digits. */
xd_instant xd_timer_due(xd_str key);

#endif
