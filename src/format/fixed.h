/* Fixed-width records by a layout: text files and mainframe files (EBCDIC, signed overpunch, packed
 * and binary numbers) as JSON objects, and back. The layout's members are documented in
 * docs/formats.md. Pure but for iconv's tables. */
#ifndef XD_FORMAT_FIXED_H
#define XD_FORMAT_FIXED_H

#include "base/json.h"

typedef struct xd_fixed_layout xd_fixed_layout; /* immutable; any number of readers may share it */
typedef struct xd_fixed_reader xd_fixed_reader;
typedef struct xd_fixed_writer xd_fixed_writer;

/* Compiles a layout; nothing of the tree is kept. Faults: XD_INVALID with the member's path and its
 * offset in the layout's text, XD_NO_MEMORY. */
XD_CHECKED xd_status xd_fixed_compile(const xd_json *layout, xd_fixed_layout **ret,
                                      xd_fault *fault);
/* Accepts NULL. */
void xd_fixed_layout_destroy(xd_fixed_layout *layout);

/* layout must outlive the reader. */
XD_CHECKED xd_status xd_fixed_reader_create(const xd_fixed_layout *layout, xd_fixed_reader **ret,
                                            xd_fault *fault);
/* Accepts NULL. */
void xd_fixed_reader_destroy(xd_fixed_reader *reader);
/* Hands over the next piece of the stream, of any length, which must live until next asks for more.
 * last: nothing follows it. */
void xd_fixed_feed(xd_fixed_reader *reader, xd_str piece, bool last);
/* The next record, good until the next call; texts borrow the piece where they can. *ret = NULL:
 * feed more, or, after the last piece, the end. Faults: XD_INVALID (rules "fixed.*", "value.*",
 * "encoding.*"), XD_LIMIT, XD_NO_MEMORY; line is the record's number, column the byte in the record
 * (both 1-based), offset the byte in the stream, path the field's name. After a fault of rule
 * "value.*", "encoding.*" or "fixed.record" the next call goes on with the next record; after any
 * other the reader is at its end. */
XD_CHECKED xd_status xd_fixed_next(xd_fixed_reader *reader, const xd_json **ret, xd_fault *fault);
/* Number of the last record, 1-based. */
int64_t xd_fixed_line(const xd_fixed_reader *reader);

XD_CHECKED xd_status xd_fixed_writer_create(const xd_fixed_layout *layout, xd_fixed_writer **ret,
                                            xd_fault *fault);
/* Accepts NULL. */
void xd_fixed_writer_destroy(xd_fixed_writer *writer);
/* Appends one record (an object). Nothing is appended on a fault: XD_INVALID (a value that is too
 * long, needs rounding or has a character the encoding lacks; the field's name as path),
 * XD_NO_MEMORY when buf is full. */
XD_CHECKED xd_status xd_fixed_write(xd_fixed_writer *writer, const xd_json *record, xd_buf *buf,
                                    xd_fault *fault);

#endif
