/* CSV (RFC 4180 and its dialects) by a layout: rows of a stream as JSON objects or arrays, and
 * back. The layout's members are documented in docs/formats.md. Pure but for iconv's tables. */
#ifndef XD_FORMAT_CSV_H
#define XD_FORMAT_CSV_H

#include "base/json.h"

typedef struct xd_csv_layout xd_csv_layout; /* immutable; any number of readers may share it */
typedef struct xd_csv_reader xd_csv_reader;
typedef struct xd_csv_writer xd_csv_writer;

/* Compiles a layout; nothing of the tree is kept. Faults: XD_INVALID with the member's path and its
 * offset in the layout's text, XD_NO_MEMORY. */
XD_CHECKED xd_status xd_csv_compile(const xd_json *layout, xd_csv_layout **ret, xd_fault *fault);
/* Accepts NULL. */
void xd_csv_layout_destroy(xd_csv_layout *layout);

/* layout must outlive the reader. */
XD_CHECKED xd_status xd_csv_reader_create(const xd_csv_layout *layout, xd_csv_reader **ret,
                                          xd_fault *fault);
/* Accepts NULL. */
void xd_csv_reader_destroy(xd_csv_reader *reader);
/* Hands over the next piece of the stream, of any length, which must live until next asks for more.
 * last: nothing follows it. */
void xd_csv_feed(xd_csv_reader *reader, xd_str piece, bool last);
/* The next row, good until the next call; texts borrow the piece where they can. *ret = NULL: feed
 * more, or, after the last piece, the end. Faults: XD_INVALID (rules "csv.*", "value.*",
 * "encoding.*"), XD_LIMIT, XD_NO_MEMORY, with line, column (1-based, in bytes of the row as UTF-8),
 * offset, and the column's name as path. After a fault of one row's own (xd_csv_goes_on) the next
 * call goes on with the next row; after any other the reader is at its end. */
XD_CHECKED xd_status xd_csv_next(xd_csv_reader *reader, const xd_json **ret, xd_fault *fault);
/* Whether the rows behind a fault can be read: one of a value, or of how many fields a row has. */
bool xd_csv_goes_on(const xd_fault *fault);
/* Line of the file, 1-based, where the last row began. */
int64_t xd_csv_line(const xd_csv_reader *reader);

XD_CHECKED xd_status xd_csv_writer_create(const xd_csv_layout *layout, xd_csv_writer **ret,
                                          xd_fault *fault);
/* Accepts NULL. */
void xd_csv_writer_destroy(xd_csv_writer *writer);
/* Appends one row (an object, or an array in order of the columns), before the first the header.
 * Without columns in the layout, or with a header that may have others, the first row's members are
 * the columns. Nothing is appended on a
 * fault: XD_INVALID (rules "csv.*", "value.*", "encoding.missing", the column's name as path),
 * XD_NO_MEMORY when buf is full. */
XD_CHECKED xd_status xd_csv_write(xd_csv_writer *writer, const xd_json *row, xd_buf *buf,
                                  xd_fault *fault);
/* Appends what a file without rows must hold still: the header. */
XD_CHECKED xd_status xd_csv_write_end(xd_csv_writer *writer, xd_buf *buf, xd_fault *fault);

#endif
