/* What would have been: steps the log again in memory, once as it is and once with a new text of a
 * map, and tells how documents, answers, holds, deliveries and money differ. Writes nothing
 * anywhere but in memory. */
#ifndef XD_APP_WHATIF_H
#define XD_APP_WHATIF_H

#include "engine/replay.h"

typedef struct xd_whatif_options {
    xd_str map;       /* name of a map of what comes in */
    xd_str text;      /* the new one */
    xd_instant since; /* documents recorded from then on are mapped anew; XD_INSTANT_NONE: all */
    int64_t limit;    /* most events that are shown; all are counted */
    xd_replay_progress progress; /* may be NULL */
    void *context;               /* of progress and show */
    /* Told of each difference, a JSON object (docs/mapping.md): events in order, then holds, then
     * accounts. A status other than XD_OK ends it. */
    xd_status (*show)(void *context, xd_str row, xd_fault *fault);
} xd_whatif_options;

typedef struct xd_whatif_result {
    int64_t events;    /* in the log */
    int64_t documents; /* that any version of the map made, or waits to make, since then */
    int64_t changed, unchanged, refused, waiting, dropped;
    int64_t added;      /* documents that only the new map makes */
    int64_t unproved;   /* among documents: their own map does not give the logged data again */
    int64_t downstream; /* other events whose outcome differs */
    int64_t holds;      /* that differ */
    int64_t accounts;   /* whose sums differ */
    int64_t hidden;     /* events that differ and were not shown */
    bool different;
} xd_whatif_result;

/* log is only read. XD_NOT_FOUND when the log knows no such map; faults of the new text carry its
 * byte. */
XD_CHECKED xd_status xd_whatif_run(xd_store *log, const xd_whatif_options *options,
                                   xd_whatif_result *ret, xd_fault *fault);

#endif
