/* What a database holds, in figures and hashes, and whether it hangs together: the log without
 * gaps, the chain of the journal, state that follows from the log. */
#ifndef XD_APP_CONTENT_H
#define XD_APP_CONTENT_H

#include "port/store.h"
#include "store/sqlite/check.h"

typedef struct xd_content {
    int64_t log_head;
    char log_at[40];   /* when its last event was recorded, RFC 3339; "" when there is none */
    char log_hash[65]; /* SHA-256 over every event in order */
    int64_t state_seq; /* state is as after this event */
    char state_hash[65];
    int64_t documents; /* state documents, effects and journal entries */
    int64_t journals;
    char journal_head[65]; /* hash of the last entry */
} xd_content;

/* Walks log and journal and hashes state, in one read transaction. What does not hang together goes
 * to visit. The replay, which takes the longest and memory in proportion to state, is left out
 * unless replay is set. */
XD_CHECKED xd_status xd_content_read(xd_store *store, bool replay, xd_store_progress progress,
                                     xd_damage_visit visit, void *context, xd_content *ret,
                                     xd_fault *fault);

#endif
