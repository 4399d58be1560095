/* File intake: watched folders whose files are events. A file is read once it is complete, every
 * event in it goes through the engine, and the file moves to done/ or failed/ with its bytes
 * untouched; beside a failed one lies NAME.errors.json with the place and rule of each refusal.
 * Good lines of a failed file are accepted: after correcting the others the whole file may come
 * again. One thread for all folders. */
#ifndef XD_INGRESS_INTAKE_H
#define XD_INGRESS_INTAKE_H

#include "engine/engine.h"
#include "ingress/source.h"

typedef struct xd_intake_folder {
    const char *name;    /* of the source; the actor of its events */
    const char *folder;  /* done/ and failed/ are made in it */
    const char *pattern; /* of file names (fnmatch); NULL: what ends in .json, .ndjson or .jsonl,
                            with a source every name */
    const xd_source *source; /* maps its records; NULL: files hold events; borrows */
} xd_intake_folder;

typedef struct xd_intake_options {
    const xd_intake_folder *folders; /* borrows */
    uint32_t folder_count;
    int32_t poll_ms;        /* between two looks, default 500 */
    int32_t settle_ms;      /* a file is complete when nobody wrote to it for so long, default
                               1000; negative: at once (for files that are renamed in) */
    size_t max_event_bytes; /* default 1 MiB */
    size_t max_file_bytes;  /* of a .json file, which is read whole; default 8 MiB. Files of lines
                               may be of any size. */
    xd_instant (*clock)(void); /* as in ingress.h; needed with a source */
    uint32_t max_batch;        /* events of a .json file, default 10,000 */
    uint32_t max_depth;        /* default 32 */
} xd_intake_options;

typedef struct xd_intake xd_intake;

/* Makes done/ and failed/ in every folder (which must exist or can be made). engine is borrowed.
 * XD_IO. */
XD_CHECKED xd_status xd_intake_create(const xd_intake_options *options, xd_engine *engine,
                                      xd_intake **ret, xd_fault *fault);
XD_CHECKED xd_status xd_intake_start(xd_intake *intake, xd_fault *fault);
/* Ends after the lines under way; a file half read stays where it is and is read again at the next
 * start, which changes nothing for what is in the log already. */
void xd_intake_stop(xd_intake *intake);
void xd_intake_destroy(xd_intake *intake);

/* One look at all folders, without the thread: how many files were finished. */
uint32_t xd_intake_scan(xd_intake *intake);
/* Prometheus lines. */
void xd_intake_metrics(xd_intake *intake, xd_buf *buf);

#endif
