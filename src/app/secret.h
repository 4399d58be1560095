/* A secret in memory: bytes that no printing function takes by accident, wiped when released. It
 * comes from an environment variable or a file, never from the configuration itself. */
#ifndef XD_APP_SECRET_H
#define XD_APP_SECRET_H

#include "base/status.h"
#include "base/str.h"

enum { XD_SECRET_MAX_BYTES = 8192 };

typedef struct xd_secret xd_secret; /* opaque on purpose */

/* A copy of bytes. NULL when out of memory. */
xd_secret *xd_secret_create(xd_str bytes);
/* The value of an environment variable. XD_NOT_FOUND when it is not set or empty. */
XD_CHECKED xd_status xd_secret_from_env(const char *variable, xd_secret **ret, xd_fault *fault);
/* The contents of a file without the line end at its end. XD_NOT_FOUND, XD_LIMIT, XD_IO,
 * XD_INVALID when it is empty or holds control characters. */
XD_CHECKED xd_status xd_secret_from_file(const char *path, xd_secret **ret, xd_fault *fault);
/* Wipes and frees. Accepts NULL. */
void xd_secret_destroy(xd_secret *secret);

/* The bytes, NUL-terminated, alive until destroy: for handing to what must know them, and for
 * nothing else. */
const char *xd_secret_reveal(const xd_secret *secret);

/* Overwrites memory in a way the compiler keeps. */
void xd_secret_wipe(void *bytes, size_t n);

#endif
