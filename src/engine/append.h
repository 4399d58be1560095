/* Append: the only door into the log. Turns submissions into log rows inside one transaction. */
#ifndef XD_ENGINE_APPEND_H
#define XD_ENGINE_APPEND_H

#include "engine/engine.h"
#include "engine/recent.h"

typedef struct xd_appender {
    xd_store *store;        /* borrows: writes the log, asks the register */
    xd_recent recent;       /* identities that the register may not hold yet */
    int64_t head;           /* last seq in the log, counting this transaction */
    int64_t committed_head; /* last seq as of the last commit */
    xd_instant last_at;     /* recorded_at never goes back */
    int64_t definition_seq; /* of the last definition found at the start; 0: none */
    xd_arena scratch;
} xd_appender;

/* registered: the last event that the register holds. The log is read from there to its head. */
XD_CHECKED xd_status xd_appender_init(xd_appender *appender, xd_store *store, int64_t registered,
                                      xd_fault *fault);
void xd_appender_finish(xd_appender *appender);

/* Appends one submission in the open transaction and fills its results and status. A business
 * refusal (conflict, idempotency) is XD_OK with submission->status set; a returned fault is the
 * store's and means that the transaction must be rolled back. An all-or-nothing submission with
 * more than one event must be the first in its transaction; *ret_undo then asks the caller to roll
 * back because of a conflict. */
XD_CHECKED xd_status xd_append(xd_appender *appender, xd_submission *submission, xd_instant now,
                               bool *ret_undo, xd_fault *fault);
/* Between transactions: the register now holds events up to seq. */
void xd_appender_registered(xd_appender *appender, int64_t seq);
void xd_appender_committed(xd_appender *appender);
void xd_appender_rolled_back(xd_appender *appender);

#endif
