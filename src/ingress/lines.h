/* Lines of a stream that arrives in pieces: cuts at LF (CR before it is dropped), skips blank
 * lines, numbers what it hands out, and never holds more than its cap. Owns a buffer; pure. */
#ifndef XD_INGRESS_LINES_H
#define XD_INGRESS_LINES_H

#include "base/buf.h"

typedef enum xd_line_kind {
    XD_LINE_NONE,    /* no whole line is buffered: add more, or say that it was the last */
    XD_LINE_TEXT,    /* a line */
    XD_LINE_TOO_LONG /* a line longer than the limit; its text is the beginning of it */
} xd_line_kind;

typedef struct xd_line {
    xd_str text;    /* borrows the buffer until the next add */
    int64_t number; /* 1-based, blank lines count */
    int64_t offset; /* of its first byte in the stream */
    size_t taken;   /* bytes of the buffer that drop gives back */
    bool ended;     /* by a line feed; false for the last line of a stream that has none */
} xd_line;

typedef struct xd_lines {
    xd_buf buffer;         /* owns: bytes from start on are not yet cut */
    size_t start;          /* first byte not yet handed out */
    size_t scanned;        /* from here on no line feed was looked for yet */
    size_t max_line_bytes; /* without the line end */
    int64_t offset;        /* of buffer[start] in the stream */
    int64_t number;        /* of the last line dropped */
    bool skipping;         /* the rest of a line that was too long goes away unseen */
} xd_lines;

/* max_buffer_bytes bounds one add plus the unfinished line before it. */
void xd_lines_init(xd_lines *lines, size_t max_line_bytes, size_t max_buffer_bytes);
void xd_lines_finish(xd_lines *lines);
/* Appends bytes; false when there is no room or memory: drop lines first. */
bool xd_lines_add(xd_lines *lines, xd_str bytes);
/* Bytes that wait to be cut. */
static inline size_t xd_lines_waiting(const xd_lines *lines)
{
    return lines->buffer.len - lines->start;
}
/* Looks at the next line that is not blank; last says that nothing more will be added, so that an
 * unended line counts. The same line is returned until it is dropped. */
xd_line_kind xd_lines_peek(xd_lines *lines, bool last, xd_line *ret);
void xd_lines_drop(xd_lines *lines, const xd_line *line);

#endif
