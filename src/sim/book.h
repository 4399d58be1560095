/* The book: what a receiving system has taken, by idempotency key. It is the outside record that
 * the audit trusts; nothing in it comes from the hub's own words about itself. Thread-safe. */
#ifndef XD_SIM_BOOK_H
#define XD_SIM_BOOK_H

#include "base/arena.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/status.h"

#include <pthread.h>
#include <stdio.h>

typedef enum xd_party {
    XD_PARTY_ERP,
    XD_PARTY_PROCUREMENT,
    XD_PARTY_FINANCE,
    XD_PARTY_WMS,
    XD_PARTY_COUNT
} xd_party;

/* "erp", "procurement", "finance", "wms". */
const char *xd_party_name(xd_party party);

/* One message taken, at its first arrival. Texts live in the book. */
typedef struct xd_arrival xd_arrival;
struct xd_arrival {
    xd_str key, path;
    uint8_t digest[XD_SHA256_BYTES];
    xd_party party;
    bool taken;       /* false: only faults met it so far */
    uint32_t order;   /* of first arrivals in the book, 1.. */
    uint32_t repeats; /* arrivals after the first */
    uint32_t faults;  /* injected so far on its account */
    /* what the body says */
    xd_str document, kind, reference, po;
    int64_t seq;
    xd_arrival *same_hash;
};

/* A journal entry that finance got. */
typedef struct xd_entry_seen {
    int32_t year; /* of its posting date */
    int64_t number;
} xd_entry_seen;

typedef struct xd_party_tally {
    uint64_t taken;   /* messages */
    uint64_t repeats; /* further arrivals of the same */
} xd_party_tally;

typedef struct xd_book {
    pthread_mutex_t lock; /* guards all below */
    xd_arena arena;
    xd_arrival **buckets; /* owns; bucket_count, a power of two */
    size_t bucket_count, key_count;
    xd_arrival **arrivals; /* owns; arrival_count, taken ones in order of arrival */
    size_t arrival_count, arrival_size;
    xd_entry_seen *entries; /* owns; entry_count */
    size_t entry_count, entry_size;
    xd_party_tally tally[XD_PARTY_COUNT];
    uint64_t unbalanced;    /* entries that are not zero in sum */
    uint64_t conflicting;   /* arrivals under a known key with another body */
    uint64_t unreadable;    /* bodies that are not the documented JSON */
    uint32_t largest_batch; /* messages of one request */
    FILE *ledger;           /* owns; NULL: not kept on disk */
} xd_book;

/* path: NDJSON file to append to, NULL for none. XD_IO, XD_NO_MEMORY. */
XD_CHECKED xd_status xd_book_init(xd_book *book, const char *path, xd_fault *fault);
void xd_book_finish(xd_book *book);

/* Takes a message whose body (parsed from text) is given; a known key only counts.
 * XD_NO_MEMORY; XD_IO when the ledger cannot be written: then it must not be acknowledged. */
XD_CHECKED xd_status xd_book_take(xd_book *book, xd_party party, xd_str key, xd_str path,
                                  const xd_json *body, xd_str text, xd_fault *fault);
bool xd_book_has(xd_book *book, xd_party party, xd_str key);
/* Draws for one request on account of key: a number below limit that depends on seed, key and the
 * faults it met before only, or limit when it has met most_faults of them. */
uint32_t xd_book_draw(xd_book *book, xd_party party, xd_str key, uint64_t seed,
                      uint32_t most_faults, uint32_t limit);
/* Counts a fault on the account of key. */
void xd_book_fault(xd_book *book, xd_party party, xd_str key);
/* Notes a request of that many messages. */
void xd_book_batch(xd_book *book, uint32_t count);
/* Arrivals of any kind so far; grows with each. */
uint64_t xd_book_activity(xd_book *book);

/* facts.c: fills what the body says, and counts journal entries. The lock is held. */
XD_CHECKED xd_status xd_book_read(xd_book *book, xd_arrival *arrival, const xd_json *body);

#endif
