/* One door to all formats: a layout (a JSON tree whose member "format" is csv, fixed, xml, json or
 * ndjson) gives readers that turn bytes into records, and writers that turn records into bytes.
 * Layouts are documented in docs/formats.md. Pure but for iconv's tables. */
#ifndef XD_FORMAT_FORMAT_H
#define XD_FORMAT_FORMAT_H

#include "base/json.h"

typedef struct xd_format xd_format; /* a compiled layout: immutable, shared by any number of
                                       readers, writers and threads */
typedef struct xd_format_reader xd_format_reader;
typedef struct xd_format_writer xd_format_writer;

/* Compiles a layout; nothing of the tree is kept. Faults: XD_INVALID (rules "layout.*", path of the
 * member, offset in the layout's text), XD_NO_MEMORY. */
XD_CHECKED xd_status xd_format_open(const xd_json *layout, xd_format **ret, xd_fault *fault);
/* Accepts NULL. */
void xd_format_close(xd_format *format);
/* "csv", "fixed", "xml", "json" or "ndjson". */
const char *xd_format_name(const xd_format *format);

/* format must outlive the reader. */
XD_CHECKED xd_status xd_format_reader_create(const xd_format *format, xd_format_reader **ret,
                                             xd_fault *fault);
/* Accepts NULL. */
void xd_format_reader_destroy(xd_format_reader *reader);
/* Hands over the next piece of the stream, of any length, which must live until next asks for more.
 * last: nothing follows it. */
void xd_format_feed(xd_format_reader *reader, xd_str piece, bool last);
/* The next record, good until the next call. *ret = NULL: feed more, or, after the last piece, the
 * end. Faults carry rule, line, column and offset as far as they are known, and the member as path.
 * *ret_goes_on (may be NULL) says whether the records behind the fault can still be read. */
XD_CHECKED xd_status xd_format_next(xd_format_reader *reader, const xd_json **ret,
                                    bool *ret_goes_on, xd_fault *fault);
/* Line (CSV, XML, NDJSON) or number (fixed width) of the last record, 1-based; 0 when unknown. */
int64_t xd_format_line(const xd_format_reader *reader);

XD_CHECKED xd_status xd_format_writer_create(const xd_format *format, xd_format_writer **ret,
                                             xd_fault *fault);
/* Accepts NULL. */
void xd_format_writer_destroy(xd_format_writer *writer);
/* Appends one record; nothing on a fault, whose path is the member. */
XD_CHECKED xd_status xd_format_write(xd_format_writer *writer, const xd_json *record, xd_buf *buf,
                                     xd_fault *fault);
/* Appends what closes the file; once, behind the last record. */
XD_CHECKED xd_status xd_format_write_end(xd_format_writer *writer, xd_buf *buf, xd_fault *fault);

#endif
