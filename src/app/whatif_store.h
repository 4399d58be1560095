/* Two states side by side, for asking what would have been: what the log led to (before) and what
 * it would have led to (after), each as a store for a processor. Only the first is kept whole; of
 * the second only what differs from it, so that memory grows with one state and the differences.
 * Events, effects and journal entries are not kept: those who want them are told. Owns both states;
 * borrows the store whose log is read. One thread. */
#ifndef XD_APP_WHATIF_STORE_H
#define XD_APP_WHATIF_STORE_H

#include "app/whatif_sums.h"
#include "port/store.h"

typedef struct xd_whatif_store xd_whatif_store;

/* Told of every effect and journal entry that a processor writes. */
typedef xd_status (*xd_whatif_sink)(void *context, xd_whatif_side side, xd_numbered table,
                                    int64_t number, xd_str value, xd_fault *fault);

/* log: where events are read from. sink may be NULL. */
XD_CHECKED xd_status xd_whatif_store_create(xd_store *log, xd_whatif_sink sink, void *context,
                                            xd_whatif_store **ret, xd_fault *fault);
/* Accepts NULL. */
void xd_whatif_store_destroy(xd_whatif_store *states);
/* The store of one side: what a processor asks for, and of the first state_each. Begin and commit
 * are those of both. Until fork only the first may be written. */
xd_store *xd_whatif_face(xd_whatif_store *states, xd_whatif_side side);
/* From here on the sides may differ. All of the first must be written. */
void xd_whatif_fork(xd_whatif_store *states);
/* Puts a document into the second state only. */
XD_CHECKED xd_status xd_whatif_put_after(xd_whatif_store *states, xd_state_kind kind, xd_str key,
                                         xd_str value, xd_fault *fault);
/* What log_get of the second finds under seq: the row of event like, with this body, as a record
 * that waits to be mapped. */
XD_CHECKED xd_status xd_whatif_put_event(xd_whatif_store *states, int64_t seq, int64_t like,
                                         xd_str body, xd_fault *fault);

/* Every document of a kind in which the sides differ; ptr NULL: absent there. */
typedef xd_status (*xd_whatif_visit)(void *context, xd_str key, xd_str before, xd_str after);
XD_CHECKED xd_status xd_whatif_each(xd_whatif_store *states, xd_state_kind kind,
                                    xd_whatif_visit visit, void *context, xd_fault *fault);

#endif
