/* The systems behind the hub: one port, the first element of the path is the system. "good" answers
 * 200 at once, except that it refuses the poisoned key with 503 while there is poison; "mute" takes
 * every request and, while it is mute, never answers. */
#ifndef ABUSE_REMOTE_H
#define ABUSE_REMOTE_H

#include <stdbool.h>
#include <stdint.h>

#define POISONED_KEY "POISON"

/* arrived is called on the remote's thread as an item reaches the good system. */
uint16_t remote_start(void (*arrived)(uint32_t number, int64_t at_ns));
void remote_set_mute(bool mute);
void remote_set_poison(bool poison);
/* Refusals so far, and requests that were never answered. */
uint64_t remote_refused(void);
uint64_t remote_swallowed(void);
void remote_stop(void);

#endif
