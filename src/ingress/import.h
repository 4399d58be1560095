/* Import of one file into a running hub, over its control socket or HTTP: cuts the file into NDJSON
 * requests, retries what the hub cannot take yet, and counts. Safe to repeat: events are recognised
 * by source and id. An import that was cut short goes on where it stopped, remembered in a small
 * file beside the imported one (FILE.crossdock-import). gzip files are read as they are. A file in
 * a source's own words goes to that source, cut where its records end. */
#ifndef XD_INGRESS_IMPORT_H
#define XD_INGRESS_IMPORT_H

#include "ingress/source.h"

typedef struct xd_import_result {
    int64_t lines; /* that were not blank; elements of a .json file */
    int64_t accepted, duplicates, refused;
    int64_t resumed_at_line; /* lines that an earlier run had finished; 0 when started afresh */
    int64_t bytes;           /* of text, after decompression */
    xd_buf problems;         /* JSON objects with commas between them: "line" counts in the file */
} xd_import_result;

typedef struct xd_import_options {
    const char *file;
    xd_str lines; /* events, one a line, to send instead of the file's; ptr NULL: the file's */
    const xd_source *source; /* the file is in its words; NULL: it holds events */
    size_t max_body_bytes;   /* of the hub, for a source's file that cannot be cut; default 8 MiB */
    const char *control_path; /* Unix socket of the hub; NULL: use url */
    const char *url;          /* base, such as "https://hub.example"; ignored with control_path */
    const char *secret;       /* bearer key for url, or NULL; never shown */
    const char *person;       /* who imports, over the control socket; NULL: the login account */
    uint32_t chunk_bytes;     /* of one request, default 1 MiB */
    uint32_t attempts;        /* per request while the hub is away or full, default 20 */
    bool no_resume;           /* start afresh and leave no trace beside the file */
    /* Called after every request; may be NULL. done and total are bytes of the file as it lies on
     * disk. */
    void *progress_context;
    void (*progress)(void *context, int64_t done, int64_t total, const xd_import_result *so_far);
} xd_import_options;

/* ret_result is filled also on failure, with what was done until then; finish it in any case.
 * Faults: XD_NOT_FOUND or XD_IO (file), XD_UNAVAILABLE (no hub answers), XD_DENIED, XD_LIMIT,
 * XD_INVALID (a .json file that cannot be read). Refused lines are no fault: look at the counts. */
XD_CHECKED xd_status xd_import_run(const xd_import_options *options, xd_import_result *ret_result,
                                   xd_fault *fault);
void xd_import_finish(xd_import_result *result);

/* A progress function that draws one line on standard error when that is a terminal. context is an
 * xd_import_bar set to zero. */
typedef struct xd_import_bar {
    int64_t next_us;
    int64_t started_us;
    bool drawn;
} xd_import_bar;
void xd_import_draw(void *context, int64_t done, int64_t total, const xd_import_result *so_far);
/* Ends the line that was drawn, if any. */
void xd_import_draw_end(xd_import_bar *bar);

/* {"lines","accepted","duplicates","refused","resumed_at_line","problems"} for --json. */
void xd_import_write(const xd_import_result *result, xd_buf *buf);

#endif
