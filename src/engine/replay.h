/* Replay: rebuilds state from the log in memory and compares it, document by document, with what
 * the store holds. State is a pure function of the log, so both must be the same bytes. */
#ifndef XD_ENGINE_REPLAY_H
#define XD_ENGINE_REPLAY_H

#include "port/store.h"

typedef struct xd_replay_result {
    int64_t events;    /* stepped */
    int64_t documents; /* state documents, effects and journal entries in the store */
    int64_t journals;
    char live_hash[65];   /* SHA-256 over the store's state at state_seq */
    char replay_hash[65]; /* the same over the rebuilt state */
    bool equal;
    char difference[512]; /* the first difference in words, "" when equal */
} xd_replay_result;

/* Called now and then with the number of events done, of total. May be NULL. */
typedef void (*xd_replay_progress)(void *context, int64_t done, int64_t total);

/* Replays the log up to the store's written state (its tail has no state yet) and compares. The
 * store is only read. */
XD_CHECKED xd_status xd_replay_verify(xd_store *store, xd_replay_progress progress, void *context,
                                      xd_replay_result *ret, xd_fault *fault);
/* The state hash alone: over (kind, key, value) of every document in order, then effects, then
 * journals. */
XD_CHECKED xd_status xd_state_hash(xd_store *store, char ret_hex[65], int64_t *ret_documents,
                                   int64_t *ret_journals, xd_fault *fault);

#endif
