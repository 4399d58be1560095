/* Lines. See lines.h. */
#include "ingress/lines.h"

#include <assert.h>

void xd_lines_init(xd_lines *lines, size_t max_line_bytes, size_t max_buffer_bytes)
{
    *lines = (xd_lines){.max_line_bytes = max_line_bytes};
    xd_buf_init(&lines->buffer, max_buffer_bytes);
}

void xd_lines_finish(xd_lines *lines)
{
    xd_buf_finish(&lines->buffer);
}

/* Gives back n bytes from the start. */
static void consume(xd_lines *lines, size_t n)
{
    assert(n <= xd_lines_waiting(lines));
    lines->start += n;
    lines->offset += (int64_t)n;
    if (lines->scanned < lines->start) {
        lines->scanned = lines->start;
    }
}

/* Drops the rest of a line that was too long. */
static void skip_rest(xd_lines *lines)
{
    const char *from = lines->buffer.ptr + lines->start;
    size_t n = xd_lines_waiting(lines);
    const char *end = n ? memchr(from, '\n', n) : NULL;
    lines->skipping = !end;
    consume(lines, end ? (size_t)(end - from) + 1 : n);
}

bool xd_lines_add(xd_lines *lines, xd_str bytes)
{
    xd_buf *buf = &lines->buffer;
    if (lines->start > 0) {
        size_t rest = xd_lines_waiting(lines);
        if (rest) {
            memmove(buf->ptr, buf->ptr + lines->start, rest);
        }
        buf->len = rest;
        lines->scanned -= lines->start;
        lines->start = 0;
    }
    xd_buf_str_add(buf, bytes);
    if (buf->failed) {
        buf->failed = false;
        return false;
    }
    if (lines->skipping) {
        skip_rest(lines);
    }
    return true;
}

static bool is_blank(xd_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] != ' ' && s.ptr[i] != '\t' && s.ptr[i] != '\r') {
            return false;
        }
    }
    return true;
}

/* The next line whatever it holds; XD_LINE_NONE when none is whole. */
static xd_line_kind cut(xd_lines *lines, bool last, xd_line *ret)
{
    if (xd_lines_waiting(lines) == 0) {
        return XD_LINE_NONE;
    }
    const char *from = lines->buffer.ptr + lines->start;
    size_t unseen = lines->buffer.len - lines->scanned;
    const char *end = unseen ? memchr(lines->buffer.ptr + lines->scanned, '\n', unseen) : NULL;
    size_t length = end ? (size_t)(end - from) : xd_lines_waiting(lines);
    /* When there is a line feed it is found again at once; when there is none it is not sought
     * twice in the same bytes. */
    lines->scanned = lines->start + length;
    *ret = (xd_line){.text = {from, length},
                     .number = lines->number + 1,
                     .offset = lines->offset,
                     .taken = length + (end ? 1 : 0),
                     .ended = end != NULL};
    bool may_end_here = length > 0 && from[length - 1] == '\r';
    if (end && may_end_here) {
        ret->text.len--;
    }
    if (!end && !last && may_end_here && length == lines->max_line_bytes + 1) {
        return XD_LINE_NONE; /* Only the next byte tells whether this is too long. */
    }
    if (ret->text.len > lines->max_line_bytes) {
        ret->text.len = lines->max_line_bytes;
        return XD_LINE_TOO_LONG;
    }
    return end || last ? XD_LINE_TEXT : XD_LINE_NONE;
}

xd_line_kind xd_lines_peek(xd_lines *lines, bool last, xd_line *ret)
{
    for (;;) {
        xd_line line;
        xd_line_kind kind = cut(lines, last, &line);
        if (kind != XD_LINE_TEXT || !is_blank(line.text)) {
            if (kind != XD_LINE_NONE) {
                *ret = line;
            }
            return kind;
        }
        xd_lines_drop(lines, &line);
    }
}

void xd_lines_drop(xd_lines *lines, const xd_line *line)
{
    lines->number = line->number;
    /* A line cut off because it was too long has its rest still to come. */
    lines->skipping = !line->ended;
    consume(lines, line->taken);
}
