/* JSON documents and NDJSON as formats beside the others: whole documents, the items of an array in
 * one, or a document a line. Private to src/format. */
#ifndef XD_FORMAT_TEXT_INT_H
#define XD_FORMAT_TEXT_INT_H

#include "format/layout_int.h"

typedef struct xd_text_layout xd_text_layout;
typedef struct xd_text_reader xd_text_reader;
typedef struct xd_text_writer xd_text_writer;

XD_CHECKED xd_status xd_text_compile(const xd_json *layout, bool lines, xd_text_layout **ret,
                                     xd_fault *fault);
void xd_text_layout_destroy(xd_text_layout *layout);

XD_CHECKED xd_status xd_text_reader_create(const xd_text_layout *layout, xd_text_reader **ret,
                                           xd_fault *fault);
void xd_text_reader_destroy(xd_text_reader *reader);
void xd_text_feed(xd_text_reader *reader, xd_str piece, bool last);
XD_CHECKED xd_status xd_text_next(xd_text_reader *reader, const xd_json **ret, bool *ret_goes_on,
                                  xd_fault *fault);
int64_t xd_text_line(const xd_text_reader *reader);

XD_CHECKED xd_status xd_text_writer_create(const xd_text_layout *layout, xd_text_writer **ret,
                                           xd_fault *fault);
void xd_text_writer_destroy(xd_text_writer *writer);
XD_CHECKED xd_status xd_text_write(xd_text_writer *writer, const xd_json *record, xd_buf *buf,
                                   xd_fault *fault);
XD_CHECKED xd_status xd_text_write_end(xd_text_writer *writer, xd_buf *buf, xd_fault *fault);

#endif
