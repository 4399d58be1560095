/* The CSV reader: one state machine over the decompressed bytes, one record at a time. Calls zlib,
 * which passes plain files through unchanged. */
#include "csv.h"

#include "base/buf.h"

#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

enum { READ_BYTES = 1 << 16 };

typedef enum csv_place {
    AT_START,  /* nothing of the field read yet */
    IN_PLAIN,  /* inside an unquoted field */
    IN_QUOTED, /* inside quotes */
    AT_QUOTE   /* just behind a quote that closes the field or is the first of a pair */
} csv_place;

struct csv_reader {
    gzFile file; /* owns */
    unsigned char chunk[READ_BYTES];
    size_t at, end;
    int32_t line;        /* of the next byte, 1-based */
    int32_t record_line; /* where the last record started */
    xd_buf record;
    size_t ends[CSV_MAX_FIELDS]; /* where each field of the record ends */
    xd_str fields[CSV_MAX_FIELDS];
};

csv_reader *csv_open(const char *path)
{
    csv_reader *reader = calloc(1, sizeof *reader);
    if (!reader) {
        return NULL;
    }
    reader->file = strcmp(path, "-") == 0 ? gzdopen(dup(STDIN_FILENO), "rb") : gzopen(path, "rb");
    if (!reader->file) {
        free(reader);
        return NULL;
    }
    reader->line = 1;
    xd_buf_init(&reader->record, CSV_MAX_RECORD_BYTES);
    if (!xd_buf_reserve(&reader->record, READ_BYTES)) {
        csv_close(reader);
        return NULL;
    }
    return reader;
}

void csv_close(csv_reader *reader)
{
    if (reader) {
        gzclose(reader->file);
        xd_buf_finish(&reader->record);
        free(reader);
    }
}

/* The next byte, or -1 at the end of the file. */
static xd_status next_byte(csv_reader *reader, int *ret_byte, xd_fault *fault)
{
    if (reader->at == reader->end) {
        int n = gzread(reader->file, reader->chunk, READ_BYTES);
        int code = Z_OK;
        const char *message = gzerror(reader->file, &code);
        /* A file cut in the middle of its compression reads short and only tells so afterwards. */
        if (n < 0 || (n == 0 && code == Z_BUF_ERROR)) {
            return xd_fail(fault, code == Z_ERRNO ? XD_IO : XD_CORRUPT, "csv.read",
                           "The log cannot be read to its end (%s): it is damaged or incomplete.",
                           message && *message ? message : "unexpected end of file");
        }
        reader->at = 0;
        reader->end = (size_t)n;
        if (n == 0) {
            *ret_byte = -1;
            return XD_OK;
        }
    }
    *ret_byte = reader->chunk[reader->at++];
    reader->line += *ret_byte == '\n';
    return XD_OK;
}

static xd_status end_field(csv_reader *reader, uint32_t *count, xd_fault *fault)
{
    if (*count == CSV_MAX_FIELDS) {
        return xd_fail(fault, XD_LIMIT, "csv.fields", "A record has more than %d fields.",
                       (int)CSV_MAX_FIELDS);
    }
    reader->ends[(*count)++] = reader->record.len;
    return XD_OK;
}

/* Takes one byte of a record (-1: the end of the file); *done when it ended the record. */
static xd_status take_byte(csv_reader *reader, int byte, csv_place *place, uint32_t *count,
                           bool *done, xd_fault *fault)
{
    if (*place == IN_QUOTED) {
        if (byte < 0) {
            return xd_fail(fault, XD_INVALID, "csv.quote", "A quoted field is never closed.");
        }
        if (byte == '"') {
            *place = AT_QUOTE;
        } else {
            xd_buf_char(&reader->record, (char)byte);
        }
        return XD_OK;
    }
    if (byte == ',' || byte == '\n' || byte < 0) {
        XD_TRY(end_field(reader, count, fault));
        *place = AT_START;
        *done = byte != ',';
        return XD_OK;
    }
    if (byte == '"') {
        if (*place == IN_PLAIN) {
            return xd_fail(fault, XD_INVALID, "csv.quote",
                           "A quote stands inside a field that does not begin with one.");
        }
        if (*place == AT_QUOTE) {
            xd_buf_char(&reader->record, '"');
        }
        *place = IN_QUOTED;
        return XD_OK;
    }
    if (byte == '\r') {
        return XD_OK; /* of CRLF; nothing else in this log may hold one outside quotes */
    }
    if (*place == AT_QUOTE) {
        return xd_fail(fault, XD_INVALID, "csv.quote", "Text follows the end of a quoted field.");
    }
    *place = IN_PLAIN;
    xd_buf_char(&reader->record, (char)byte);
    return XD_OK;
}

static xd_status read_record(csv_reader *reader, uint32_t *ret_count, xd_fault *fault)
{
    csv_place place = AT_START;
    uint32_t count = 0;
    bool done = false;
    xd_buf_clear(&reader->record);
    while (!done) {
        int byte = -1;
        XD_TRY(next_byte(reader, &byte, fault));
        if (byte < 0 && count == 0 && place == AT_START && reader->record.len == 0) {
            *ret_count = 0;
            return XD_OK;
        }
        XD_TRY(take_byte(reader, byte, &place, &count, &done, fault));
        if (reader->record.failed) {
            return xd_fail(fault, XD_LIMIT, "csv.record", "A record has more than %d bytes.",
                           (int)CSV_MAX_RECORD_BYTES);
        }
    }
    size_t begin = 0;
    for (uint32_t i = 0; i < count; i++) {
        reader->fields[i] = (xd_str){reader->record.ptr + begin, reader->ends[i] - begin};
        begin = reader->ends[i];
    }
    *ret_count = count;
    return XD_OK;
}

xd_status csv_next(csv_reader *reader, const xd_str **ret_fields, uint32_t *ret_count,
                   xd_fault *fault)
{
    uint32_t count = 0;
    reader->record_line = reader->line;
    XD_TRY(read_record(reader, &count, fault));
    *ret_fields = reader->fields;
    *ret_count = count;
    return XD_OK;
}

int32_t csv_line(const csv_reader *reader)
{
    return reader->record_line;
}
