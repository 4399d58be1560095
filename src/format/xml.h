/* XML by a layout: documents, or each element at a path of a large one, as JSON trees, and back,
 * without loss (the convention is in docs/formats.md). Parsed by libxml2, which here never reads
 * another file, never touches the network and expands no entities. Pure. */
#ifndef XD_FORMAT_XML_H
#define XD_FORMAT_XML_H

#include "base/json.h"

typedef struct xd_xml_layout xd_xml_layout; /* immutable; any number of readers may share it */
typedef struct xd_xml_reader xd_xml_reader;
typedef struct xd_xml_writer xd_xml_writer;

/* Compiles a layout; nothing of the tree is kept. Faults: XD_INVALID with the member's path and its
 * offset in the layout's text, XD_NO_MEMORY. */
XD_CHECKED xd_status xd_xml_compile(const xd_json *layout, xd_xml_layout **ret, xd_fault *fault);
/* Accepts NULL. */
void xd_xml_layout_destroy(xd_xml_layout *layout);

/* layout must outlive the reader. */
XD_CHECKED xd_status xd_xml_reader_create(const xd_xml_layout *layout, xd_xml_reader **ret,
                                          xd_fault *fault);
/* Accepts NULL. */
void xd_xml_reader_destroy(xd_xml_reader *reader);
/* Hands over the next piece of the document, of any length, which must live until next asks for
 * more. last: nothing follows it. */
void xd_xml_feed(xd_xml_reader *reader, xd_str piece, bool last);
/* The next record, good until the next call: the whole document, or each element at the layout's
 * path. *ret = NULL: feed more, or, after the last piece, the end. Faults: XD_INVALID (rules
 * "xml.*"), XD_LIMIT (size, depth, attributes), XD_NO_MEMORY, with line, column and offset; the
 * reader is then at its end. Records before a fault have been given already; the end is reached
 * without a fault only when the whole document is well-formed. */
XD_CHECKED xd_status xd_xml_next(xd_xml_reader *reader, const xd_json **ret, xd_fault *fault);
/* Line, 1-based, of the start tag of the record given last; without one, what has been read. */
int64_t xd_xml_line(const xd_xml_reader *reader);

XD_CHECKED xd_status xd_xml_writer_create(const xd_xml_layout *layout, xd_xml_writer **ret,
                                          xd_fault *fault);
/* Accepts NULL. */
void xd_xml_writer_destroy(xd_xml_writer *writer);
/* Appends one record: the document, or with a path in the layout one element of many. Nothing is
 * appended on a fault: XD_INVALID (rules "xml.*", path of the place in the tree), XD_LIMIT,
 * XD_NO_MEMORY when buf is full. */
XD_CHECKED xd_status xd_xml_write(xd_xml_writer *writer, const xd_json *record, xd_buf *buf,
                                  xd_fault *fault);
/* Appends what closes the document. */
XD_CHECKED xd_status xd_xml_write_end(xd_xml_writer *writer, xd_buf *buf, xd_fault *fault);

#endif
