/* Inbox: what the engine's thread hands to the delivery thread, in the order it came: parcels, and
 * outcome submissions that are done. That one order matters: a parcel offered before an outcome was
 * recorded must be seen before it. Bounded: parcels beyond the limits are let go and only their
 * range is kept. Thread-safe. */
#ifndef XD_OUTBOUND_INBOX_H
#define XD_OUTBOUND_INBOX_H

#include "engine/engine.h"

#include <pthread.h>

typedef struct xd_inbox_item { /* one of the two */
    xd_parcel *parcel;
    xd_submission *done;
} xd_inbox_item;

/* A taken load; items belong to the inbox until the next take. */
typedef struct xd_inbox_load {
    xd_inbox_item *items;
    size_t count;
    int64_t lost_from, lost_to; /* parcels let go after these; lost_to 0: none */
} xd_inbox_load;

typedef struct xd_inbox {
    pthread_mutex_t lock;
    xd_inbox_item *items; /* owns; being filled */
    size_t count, size;
    xd_inbox_item *taken; /* owns; being read */
    size_t taken_size;
    size_t parcel_count, parcel_bytes;
    size_t parcels_max, bytes_max;
    int64_t last_seq; /* newest event seen */
    int64_t lost_from, lost_to;
    bool closed; /* parcels are let go from now on */
    bool asleep; /* the reader waits and must be woken */
} xd_inbox;

/* False when out of memory. */
bool xd_inbox_init(xd_inbox *inbox, size_t parcels_max, size_t bytes_max);
/* Releases what is still inside. */
void xd_inbox_finish(xd_inbox *inbox);
/* Both return true when the reader must be woken. */
bool xd_inbox_put_parcel(xd_inbox *inbox, xd_parcel *parcel);
bool xd_inbox_put_done(xd_inbox *inbox, xd_submission *submission);
/* Takes everything. */
void xd_inbox_take(xd_inbox *inbox, xd_inbox_load *ret);
/* The reader wants to sleep: false when something came meanwhile. */
bool xd_inbox_may_sleep(xd_inbox *inbox);
/* Lets parcels go from now on; done submissions are still taken in. */
void xd_inbox_close(xd_inbox *inbox);

#endif
