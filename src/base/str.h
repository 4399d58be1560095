/* Strings as {pointer, length}. A xd_str borrows its bytes and is not NUL-terminated.
 * Owns nothing; pure. */
#ifndef XD_BASE_STR_H
#define XD_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct xd_str {
    const char *ptr; /* borrows */
    size_t len;      /* bytes */
} xd_str;

#define XD_STR(literal) ((xd_str){(literal), sizeof(literal) - 1})
#define XD_STR_NULL ((xd_str){NULL, 0})
/* For printf("%.*s"). */
#define XD_FMT(s) (int)(s).len, (s).len ? (s).ptr : ""

static inline xd_str xd_str_from(const char *z)
{
    return (xd_str){z, z ? strlen(z) : 0};
}

static inline bool xd_str_eq(xd_str a, xd_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Byte order, shorter first on a common prefix: <0, 0, >0. */
static inline int xd_str_cmp(xd_str a, xd_str b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.ptr, b.ptr, n) : 0;
    return c ? c : (a.len > b.len) - (a.len < b.len);
}

static inline bool xd_str_starts(xd_str s, xd_str prefix)
{
    return s.len >= prefix.len && memcmp(s.ptr, prefix.ptr, prefix.len) == 0;
}

/* Parses an optionally signed decimal integer that fills the whole string.
 * Returns false on anything else, including overflow; *ret_value is then untouched. */
bool xd_str_to_int64(xd_str s, int64_t *ret_value);

/* True when the bytes are well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms).
 * On failure *ret_bad is the offset of the first bad byte. */
bool xd_utf8_valid(xd_str s, size_t *ret_bad);

#endif
