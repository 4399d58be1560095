/* One door to all formats. See format.h. Chooses the reader or writer by the layout's format; owns
 * them. */
#include "format/format.h"

#include "format/csv.h"
#include "format/fixed.h"
#include "format/soap.h"
#include "format/text_int.h"
#include "format/xml_int.h"

#include <stdlib.h>

typedef enum format_kind { KIND_CSV, KIND_FIXED, KIND_XML, KIND_JSON, KIND_NDJSON } format_kind;

static const char *const kinds[] = {"csv", "fixed", "xml", "json", "ndjson", NULL};

struct xd_format {
    format_kind kind;
    union { /* owns */
        xd_csv_layout *csv;
        xd_fixed_layout *fixed;
        xd_xml_layout *xml;
        xd_text_layout *text;
    };
};

struct xd_format_reader {
    const xd_format *format; /* borrows */
    xd_arena soap;           /* owns what unwrapping adds */
    union {                  /* owns */
        xd_csv_reader *csv;
        xd_fixed_reader *fixed;
        xd_xml_reader *xml;
        xd_text_reader *text;
    };
};

struct xd_format_writer {
    const xd_format *format; /* borrows */
    union {                  /* owns */
        xd_csv_writer *csv;
        xd_fixed_writer *fixed;
        xd_xml_writer *xml;
        xd_text_writer *text;
    };
};

enum { SOAP_BYTES = 16 << 20 };

static xd_status out_of_memory(xd_fault *fault)
{
    return xd_fail(fault, XD_NO_MEMORY, NULL, "no memory for a format");
}

xd_status xd_format_open(const xd_json *tree, xd_format **ret, xd_fault *fault)
{
    xd_layout layout;
    int kind = -1;
    XD_TRY(xd_layout_open(tree, "", fault, &layout));
    XD_TRY(xd_layout_word(&layout, "format", kinds, &kind));
    if (kind < 0) {
        return xd_layout_fail(&layout, NULL, "layout.required",
                              "a layout needs \"format\": csv, fixed, xml, json or ndjson");
    }
    xd_format *format = calloc(1, sizeof *format);
    if (!format) {
        return out_of_memory(fault);
    }
    format->kind = (format_kind)kind;
    xd_status status;
    switch (format->kind) {
    case KIND_CSV:
        status = xd_csv_compile(tree, &format->csv, fault);
        break;
    case KIND_FIXED:
        status = xd_fixed_compile(tree, &format->fixed, fault);
        break;
    case KIND_XML:
        status = xd_xml_compile(tree, &format->xml, fault);
        break;
    default:
        status = xd_text_compile(tree, format->kind == KIND_NDJSON, &format->text, fault);
        break;
    }
    if (status != XD_OK) {
        free(format);
        return status;
    }
    *ret = format;
    return XD_OK;
}

void xd_format_close(xd_format *format)
{
    if (!format) {
        return;
    }
    switch (format->kind) {
    case KIND_CSV:
        xd_csv_layout_destroy(format->csv);
        break;
    case KIND_FIXED:
        xd_fixed_layout_destroy(format->fixed);
        break;
    case KIND_XML:
        xd_xml_layout_destroy(format->xml);
        break;
    default:
        xd_text_layout_destroy(format->text);
        break;
    }
    free(format);
}

const char *xd_format_name(const xd_format *format)
{
    return kinds[format->kind];
}

/* --- reading --- */

xd_status xd_format_reader_create(const xd_format *format, xd_format_reader **ret, xd_fault *fault)
{
    xd_format_reader *reader = calloc(1, sizeof *reader);
    if (!reader) {
        return out_of_memory(fault);
    }
    reader->format = format;
    xd_arena_init(&reader->soap, SOAP_BYTES);
    xd_status status;
    switch (format->kind) {
    case KIND_CSV:
        status = xd_csv_reader_create(format->csv, &reader->csv, fault);
        break;
    case KIND_FIXED:
        status = xd_fixed_reader_create(format->fixed, &reader->fixed, fault);
        break;
    case KIND_XML:
        status = xd_xml_reader_create(format->xml, &reader->xml, fault);
        break;
    default:
        status = xd_text_reader_create(format->text, &reader->text, fault);
        break;
    }
    if (status != XD_OK) {
        free(reader);
        return status;
    }
    *ret = reader;
    return XD_OK;
}

void xd_format_reader_destroy(xd_format_reader *reader)
{
    if (!reader) {
        return;
    }
    switch (reader->format->kind) {
    case KIND_CSV:
        xd_csv_reader_destroy(reader->csv);
        break;
    case KIND_FIXED:
        xd_fixed_reader_destroy(reader->fixed);
        break;
    case KIND_XML:
        xd_xml_reader_destroy(reader->xml);
        break;
    default:
        xd_text_reader_destroy(reader->text);
        break;
    }
    xd_arena_finish(&reader->soap);
    free(reader);
}

void xd_format_feed(xd_format_reader *reader, xd_str piece, bool last)
{
    switch (reader->format->kind) {
    case KIND_CSV:
        xd_csv_feed(reader->csv, piece, last);
        break;
    case KIND_FIXED:
        xd_fixed_feed(reader->fixed, piece, last);
        break;
    case KIND_XML:
        xd_xml_feed(reader->xml, piece, last);
        break;
    default:
        xd_text_feed(reader->text, piece, last);
        break;
    }
}

/* Under a layout with soap the record is the body of the envelope. */
static xd_status next_xml(xd_format_reader *reader, const xd_json **ret, xd_fault *fault)
{
    const xd_json *record = NULL;
    XD_TRY(xd_xml_next(reader->xml, &record, fault));
    if (record && reader->format->xml->soap != XD_SOAP_NONE) {
        xd_soap_message message;
        xd_arena_reset(&reader->soap);
        XD_TRY(xd_soap_unwrap(record, &reader->soap, &message, fault));
        record = message.body;
    }
    *ret = record;
    return XD_OK;
}

static bool begins(const xd_fault *fault, const char *prefix)
{
    return strncmp(fault->rule, prefix, strlen(prefix)) == 0;
}

xd_status xd_format_next(xd_format_reader *reader, const xd_json **ret, bool *ret_goes_on,
                         xd_fault *fault)
{
    xd_fault own = XD_FAULT_NONE;
    xd_fault *place = fault ? fault : &own;
    bool goes_on = false;
    xd_status status;
    switch (reader->format->kind) {
    case KIND_CSV:
        status = xd_csv_next(reader->csv, ret, place);
        goes_on = status != XD_OK && xd_csv_goes_on(place);
        break;
    case KIND_FIXED:
        status = xd_fixed_next(reader->fixed, ret, place);
        goes_on = status != XD_OK && (begins(place, "value.") || begins(place, "encoding.") ||
                                      begins(place, "fixed.record"));
        break;
    case KIND_XML:
        status = next_xml(reader, ret, place);
        break;
    default:
        status = xd_text_next(reader->text, ret, &goes_on, place);
        break;
    }
    if (ret_goes_on) {
        *ret_goes_on = goes_on;
    }
    return status;
}

int64_t xd_format_line(const xd_format_reader *reader)
{
    switch (reader->format->kind) {
    case KIND_CSV:
        return xd_csv_line(reader->csv);
    case KIND_FIXED:
        return xd_fixed_line(reader->fixed);
    case KIND_XML:
        return xd_xml_line(reader->xml);
    default:
        return xd_text_line(reader->text);
    }
}

/* --- writing --- */

xd_status xd_format_writer_create(const xd_format *format, xd_format_writer **ret, xd_fault *fault)
{
    xd_format_writer *writer = calloc(1, sizeof *writer);
    if (!writer) {
        return out_of_memory(fault);
    }
    writer->format = format;
    xd_status status;
    switch (format->kind) {
    case KIND_CSV:
        status = xd_csv_writer_create(format->csv, &writer->csv, fault);
        break;
    case KIND_FIXED:
        status = xd_fixed_writer_create(format->fixed, &writer->fixed, fault);
        break;
    case KIND_XML:
        status = xd_xml_writer_create(format->xml, &writer->xml, fault);
        break;
    default:
        status = xd_text_writer_create(format->text, &writer->text, fault);
        break;
    }
    if (status != XD_OK) {
        free(writer);
        return status;
    }
    *ret = writer;
    return XD_OK;
}

void xd_format_writer_destroy(xd_format_writer *writer)
{
    if (!writer) {
        return;
    }
    switch (writer->format->kind) {
    case KIND_CSV:
        xd_csv_writer_destroy(writer->csv);
        break;
    case KIND_FIXED:
        xd_fixed_writer_destroy(writer->fixed);
        break;
    case KIND_XML:
        xd_xml_writer_destroy(writer->xml);
        break;
    default:
        xd_text_writer_destroy(writer->text);
        break;
    }
    free(writer);
}

xd_status xd_format_write(xd_format_writer *writer, const xd_json *record, xd_buf *buf,
                          xd_fault *fault)
{
    switch (writer->format->kind) {
    case KIND_CSV:
        return xd_csv_write(writer->csv, record, buf, fault);
    case KIND_FIXED:
        return xd_fixed_write(writer->fixed, record, buf, fault);
    case KIND_XML:
        return xd_xml_write(writer->xml, record, buf, fault);
    default:
        return xd_text_write(writer->text, record, buf, fault);
    }
}

xd_status xd_format_write_end(xd_format_writer *writer, xd_buf *buf, xd_fault *fault)
{
    switch (writer->format->kind) {
    case KIND_CSV:
        return xd_csv_write_end(writer->csv, buf, fault);
    case KIND_FIXED:
        return XD_OK;
    case KIND_XML:
        return xd_xml_write_end(writer->xml, buf, fault);
    default:
        return xd_text_write_end(writer->text, buf, fault);
    }
}
