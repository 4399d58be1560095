/* Growable byte buffer on the heap with a cap and a sticky failure: writers append without
 * checking and ask once at the end. Owns its bytes. */
#ifndef XD_BASE_BUF_H
#define XD_BASE_BUF_H

#include "base/str.h"

typedef struct xd_buf {
    char *ptr; /* owns */
    size_t len;
    size_t size;      /* allocated */
    size_t cap_bytes; /* most it may grow to */
    bool failed;      /* an append was refused; contents are then incomplete */
    bool starved;     /* because there was no memory, not because of the cap */
} xd_buf;

void xd_buf_init(xd_buf *buf, size_t cap_bytes);
/* Frees the bytes. Accepts NULL. */
void xd_buf_finish(xd_buf *buf);
static inline void xd_buf_clear(xd_buf *buf)
{
    buf->len = 0;
    buf->failed = buf->starved = false;
}
static inline xd_str xd_buf_str(const xd_buf *buf)
{
    return (xd_str){buf->ptr, buf->len};
}

/* Makes room for extra bytes; false (and failed) when refused. */
bool xd_buf_reserve(xd_buf *buf, size_t extra);

static inline void xd_buf_add(xd_buf *buf, const void *bytes, size_t n)
{
    if (n > buf->size - buf->len && !xd_buf_reserve(buf, n)) {
        return;
    }
    if (n) {
        memcpy(buf->ptr + buf->len, bytes, n);
        buf->len += n;
    }
}
static inline void xd_buf_str_add(xd_buf *buf, xd_str s)
{
    xd_buf_add(buf, s.ptr, s.len);
}
static inline void xd_buf_char(xd_buf *buf, char c)
{
    xd_buf_add(buf, &c, 1);
}
#define XD_BUF_LIT(buf, literal) xd_buf_add((buf), (literal), sizeof(literal) - 1)
void xd_buf_int(xd_buf *buf, int64_t value);
void xd_buf_printf(xd_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
