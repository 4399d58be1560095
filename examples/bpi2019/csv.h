/* CSV records (RFC 4180) read as a stream from a plain or gzip-compressed file: quoted fields,
 * doubled quotes, line breaks inside quotes, CRLF or LF. Owns its file and buffers. */
#ifndef BPI2019_CSV_H
#define BPI2019_CSV_H

#include "base/status.h"

enum {
    CSV_MAX_FIELDS = 256,
    CSV_MAX_RECORD_BYTES = 1 << 20,
};

typedef struct csv_reader csv_reader;

/* path "-" is standard input. NULL when the file cannot be opened (errno says why) or memory ran
 * out. */
csv_reader *csv_open(const char *path);
void csv_close(csv_reader *reader);

/* The next record: *ret_fields has *ret_count strings that live until the next call; count 0 at the
 * end of the file. Faults: XD_INVALID (a quote in the wrong place, an unclosed quote), XD_LIMIT,
 * XD_IO, XD_CORRUPT (damaged compression). */
XD_CHECKED xd_status csv_next(csv_reader *reader, const xd_str **ret_fields, uint32_t *ret_count,
                              xd_fault *fault);
/* Line of the file, 1-based, where the last record started. */
int32_t csv_line(const csv_reader *reader);

#endif
