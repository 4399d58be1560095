/* The plan of a run: every document that the simulated systems publish, as finished bytes, in the
 * order and the grouping in which they are sent. A pure function of seed and number of orders. */
#ifndef XD_SIM_PLAN_H
#define XD_SIM_PLAN_H

#include "base/arena.h"
#include "base/status.h"

enum { XD_PLAN_MAX_ORDERS = 50000 };

typedef enum xd_role { XD_ROLE_OTHER, XD_ROLE_ORDER, XD_ROLE_RECEIPT } xd_role;

typedef struct xd_document {
    xd_str text;    /* one CloudEvent, in the plan's arena */
    xd_str source;  /* who publishes it, in the plan's arena or static */
    xd_str number;  /* business number, in the plan's arena */
    uint32_t order; /* 1..orders; 0 for master data */
    xd_role role;
    bool repeat;     /* the same bytes were or will be sent by another document, too */
    uint64_t place;  /* on the time line of the run */
    uint32_t serial; /* order of creation; breaks ties of place */
} xd_document;

typedef enum xd_mode { XD_MODE_SINGLE, XD_MODE_BATCH, XD_MODE_NDJSON } xd_mode;

/* One request: documents first .. first + count - 1. */
typedef struct xd_sending {
    uint32_t first, count;
    xd_mode mode;
} xd_sending;

typedef struct xd_plan {
    uint64_t seed;
    uint32_t orders;
    xd_arena arena;
    xd_document *documents; /* owns */
    uint32_t document_count, document_size;
    xd_sending *sendings; /* owns */
    uint32_t sending_count;
} xd_plan;

/* Fills ret; finish it also after a failure. XD_LIMIT, XD_NO_MEMORY. */
XD_CHECKED xd_status xd_plan_make(uint64_t seed, uint32_t orders, xd_plan *ret, xd_fault *fault);
/* Frees everything. Accepts NULL and a zeroed plan. */
void xd_plan_finish(xd_plan *plan);

#endif
