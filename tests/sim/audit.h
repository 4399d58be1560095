/* The audit of a simulated run: what must hold after every commit, and what must hold once faults
 * have stopped and everything is quiet. Knows the store's contents, what senders were told, and
 * what the remote systems did; shares with the hub only the flows' own rendering and the
 * processor, with which it steps the log a second time. */
#ifndef XD_SIM_AUDIT_H
#define XD_SIM_AUDIT_H

#include "map.h"
#include "plan.h"
#include "remotes.h"
#include "verdict.h"

#include "port/store.h"

typedef struct audit audit;

audit *audit_create(sim_verdict *verdict);
void audit_destroy(audit *a);

/* After every commit: journals written since the last one, and the cursors. */
void audit_commit(audit *a, xd_store *store);
/* A sender was told that its document is in the log at seq. committed_head: last event on disk. */
void audit_accepted(audit *a, xd_store *store, const sim_document *document, int64_t seq,
                    bool duplicate, int64_t committed_head);
/* State has fallen back: journals are read again from the first. */
void audit_rewind(audit *a);
/* The store after a crash or stop: everything that was promised is there. */
void audit_restart(audit *a, xd_store *store);

typedef struct audit_figures {
    int64_t events, documents, journals, deliveries, dropped, superseded, parked, exceptions, dead,
        mapped;
} audit_figures;

/* When everything is quiet. */
void audit_end(audit *a, xd_store *store, const sim_plan *plan, remotes *systems,
               audit_figures *ret);

#endif
