/* Recent identities: the events of the log that the register of events does not hold yet, by a hash
 * of (source, id). Deduplication asks here first, then the register. A ring in order of seq, so
 * that forgetting what has been registered is moving its start. Owned by the appender; one thread.
 */
#ifndef XD_ENGINE_RECENT_H
#define XD_ENGINE_RECENT_H

#include "base/str.h"

typedef struct xd_recent_entry {
    uint64_t hash;
    int64_t older; /* the one before it in its chain; may be forgotten already */
} xd_recent_entry;

typedef struct xd_recent {
    int64_t first;         /* seq of the oldest that is kept */
    int64_t next;          /* seq that comes next; first == next: empty */
    size_t size;           /* of ring and heads; a power of two */
    xd_recent_entry *ring; /* owns: of seq at seq % size */
    int64_t *heads;        /* owns: newest seq of each chain */
} xd_recent;

/* Empty, with next the seq to be added first. False when out of memory. */
bool xd_recent_init(xd_recent *recent, int64_t next);
void xd_recent_finish(xd_recent *recent);
uint64_t xd_recent_hash(xd_str source, xd_str id);
/* Adds the event at recent->next. False when out of memory. */
bool xd_recent_add(xd_recent *recent, uint64_t hash);
/* Newest seq with this hash that is below before, 0 when there is none: whether it is the same
 * event, only the log can say. */
int64_t xd_recent_find(const xd_recent *recent, uint64_t hash, int64_t before);
/* Forgets those up to seq, since the register holds them. */
void xd_recent_forget(xd_recent *recent, int64_t seq);
/* Takes back those from seq on, which were rolled back. */
void xd_recent_take_back(xd_recent *recent, int64_t seq);

#endif
