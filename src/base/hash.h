/* SHA-256 (OpenSSL), a fast 64-bit hash for in-memory tables, hex, and constant-time comparison. */
#ifndef XD_BASE_HASH_H
#define XD_BASE_HASH_H

#include "base/str.h"

enum { XD_SHA256_BYTES = 32, XD_SHA256_HEX = 64 };

typedef struct xd_sha256 xd_sha256; /* opaque running hash */

xd_sha256 *xd_sha256_create(void);
void xd_sha256_destroy(xd_sha256 *sha);
void xd_sha256_update(xd_sha256 *sha, xd_str bytes);
/* Writes the digest and starts anew. */
void xd_sha256_final(xd_sha256 *sha, uint8_t ret_digest[XD_SHA256_BYTES]);
void xd_sha256_of(xd_str bytes, uint8_t ret_digest[XD_SHA256_BYTES]);
/* Lower-case hex, NUL-terminated: ret_hex holds 2 * n + 1 bytes. */
void xd_hex(const uint8_t *bytes, size_t n, char *ret_hex);
/* True when equal; time depends on the lengths only. */
bool xd_secret_equal(xd_str a, xd_str b);
/* Not cryptographic; never persisted. */
uint64_t xd_hash64(xd_str bytes, uint64_t seed);

#endif
