/* From rows of crosswalks to events: what differs from the hub's state, and sending just that.
 * Private to src/app. */
#ifndef XD_APP_XREF_POST_H
#define XD_APP_XREF_POST_H

#include "app/question.h"
#include "app/xref_rows.h"
#include "ingress/import.h"

typedef enum xd_xref_act {
    XD_XREF_NEW,
    XD_XREF_CHANGED,
    XD_XREF_TAKEN_BACK,
} xd_xref_act;

typedef struct xd_xref_change {
    const xd_xref_row *row; /* borrows the rows */
    xd_xref_act act;
    xd_str before;        /* the value there is, "" for a new entry; in the plan's arena */
    xd_instant before_to; /* its end */
} xd_xref_change;

/* What is to be sent. */
typedef struct xd_xref_plan {
    xd_arena arena;
    xd_buf events;           /* NDJSON, a line for each change, in the order of changes */
    xd_xref_change *changes; /* owns */
    size_t count, size;
    int64_t counts[XD_XREF_TAKEN_BACK + 1]; /* by act; what is refused no longer counts */
    int64_t same;                           /* rows that are as they are already */
} xd_xref_plan;

void xd_xref_plan_init(xd_xref_plan *plan);
void xd_xref_plan_finish(xd_xref_plan *plan);

/* Compares sorted rows with the state that question reads. An event's identity names the code and
 * the version of it that was compared with: two people who change one entry from the same version
 * meet in a conflict, and the same change sent twice is one. */
XD_CHECKED xd_status xd_xref_compare(xd_question *question, const xd_xref_rows *rows,
                                     xd_xref_plan *plan, xd_fault *fault);

/* Waits until all that the hub has taken can be read. Faults: XD_UNAVAILABLE (no hub), XD_BUSY. */
XD_CHECKED xd_status xd_xref_settle(const char *control_path, xd_fault *fault);

/* Sends the plan's events as person (NULL: the login account). *ret_refused: changes that the hub
 * did not take; each is a problem of rows then, and *ret_conflicts of them because somebody else
 * has changed the code meanwhile. Faults: those of xd_import_run. */
XD_CHECKED xd_status xd_xref_send(const char *control_path, const char *name, const char *person,
                                  xd_xref_plan *plan, xd_xref_rows *rows, int64_t *ret_refused,
                                  int64_t *ret_conflicts, xd_fault *fault);

#endif
