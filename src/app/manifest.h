/* The manifest of a backup, manifest.json: what the copy of the database is, so that it can be
 * checked years later and on another machine. Its last member is the SHA-256 of all the text before
 * it, so that a damaged manifest is told from a damaged database. */
#ifndef XD_APP_MANIFEST_H
#define XD_APP_MANIFEST_H

#include "app/content.h"
#include "app/files.h"
#include "base/time.h"

#define XD_MANIFEST_FILE "manifest.json"
#define XD_DATABASE_FILE "crossdock.db"
#define XD_LOG_FILE "crossdock-log.db"

/* The files of a data directory that a backup holds. */
enum { XD_FILE_STATE, XD_FILE_LOG, XD_FILES };
extern const char *const xd_file_names[XD_FILES];

typedef struct xd_manifest {
    char program[48]; /* "crossdock 0.1.0" */
    int64_t schema_version;
    char made_at[40]; /* RFC 3339 */
    xd_file_print files[XD_FILES];
    xd_content content;
} xd_manifest;

void xd_manifest_write(const xd_manifest *manifest, xd_buf *buf);
/* Reads folder/manifest.json. XD_NOT_FOUND (no backup is there), XD_CORRUPT (rule
 * "backup.manifest"), XD_CONFLICT (of a newer version), XD_IO, XD_NO_MEMORY. */
XD_CHECKED xd_status xd_manifest_read(const char *folder, xd_manifest *ret, xd_fault *fault);

#endif
