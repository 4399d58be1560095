/* Files of a backup: hashed, copied and put on disk for good. */
#ifndef XD_APP_FILES_H
#define XD_APP_FILES_H

#include "base/hash.h"
#include "base/status.h"

typedef struct xd_file_print {
    int64_t bytes;
    char sha256[XD_SHA256_HEX + 1];
} xd_file_print;

/* Size and SHA-256 of a file. XD_NOT_FOUND, XD_IO, XD_NO_MEMORY. */
XD_CHECKED xd_status xd_file_print_of(const char *path, xd_file_print *ret, xd_fault *fault);
/* Copies a file to a new name, for its owner only, and syncs it. XD_FULL, XD_IO, XD_NOT_FOUND. */
XD_CHECKED xd_status xd_file_copy(const char *from, const char *to, xd_file_print *ret,
                                  xd_fault *fault);
/* Writes a new file, for its owner only, and syncs it. */
XD_CHECKED xd_status xd_file_write(const char *path, xd_str text, xd_fault *fault);
/* Everything written to the file or folder is on disk when it returns. */
XD_CHECKED xd_status xd_file_sync(const char *path, xd_fault *fault);
/* The same for the folder that path is in. */
XD_CHECKED xd_status xd_file_sync_parent(const char *path, xd_fault *fault);
/* A fault with errno's words: "DOING PATH: ...". XD_FULL, XD_NOT_FOUND, else XD_IO. */
xd_status xd_file_fault(const char *doing, const char *path, xd_fault *fault);
/* A name with malloc, "FOLDER/NAME"; NULL when out of memory. */
char *xd_file_in(const char *folder, const char *name);

#endif
