/* Growable buffer. See buf.h. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void xd_buf_init(xd_buf *buf, size_t cap_bytes)
{
    *buf = (xd_buf){.cap_bytes = cap_bytes};
}

void xd_buf_finish(xd_buf *buf)
{
    if (buf) {
        free(buf->ptr);
        xd_buf_init(buf, buf->cap_bytes);
    }
}

bool xd_buf_reserve(xd_buf *buf, size_t extra)
{
    if (buf->failed || extra > buf->cap_bytes - buf->len) {
        buf->failed = true;
        return false;
    }
    size_t need = buf->len + extra;
    if (need <= buf->size) {
        return true;
    }
    size_t size = buf->size ? buf->size : 256;
    size = size < buf->cap_bytes ? size : buf->cap_bytes;
    while (size < need) {
        size = size > buf->cap_bytes / 2 ? buf->cap_bytes : size * 2;
    }
    char *grown = realloc(buf->ptr, size);
    if (!grown) {
        buf->failed = buf->starved = true;
        return false;
    }
    buf->ptr = grown;
    buf->size = size;
    return true;
}

void xd_buf_int(xd_buf *buf, int64_t value)
{
    char digits[20];
    size_t i = sizeof digits;
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        digits[--i] = (char)('0' + left % 10);
        left /= 10;
    } while (left);
    if (value < 0) {
        digits[--i] = '-';
    }
    xd_buf_add(buf, digits + i, sizeof digits - i);
}

void xd_buf_printf(xd_buf *buf, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    /* vsnprintf writes a terminator, which needs room but is not part of the contents. */
    if (n < 0 || !xd_buf_reserve(buf, (size_t)n + 1)) {
        buf->failed = true;
        return;
    }
    va_start(arguments, format);
    vsnprintf(buf->ptr + buf->len, (size_t)n + 1, format, arguments);
    va_end(arguments);
    buf->len += (size_t)n;
}
