/* Rows of crosswalks that a person hands in: read from a file, checked as the hub's door will check
 * them, in order of code and time. What is wrong is kept with line and column. Private to src/app.
 */
#ifndef XD_APP_XREF_ROWS_H
#define XD_APP_XREF_ROWS_H

#include "base/arena.h"
#include "format/format.h"
#include "mapping/crosswalk.h"

typedef struct xd_xref_row {
    xd_crosswalk_row row; /* value.ptr NULL: the entry is taken back */
    int64_t line;         /* of the file; 0 when there is none */
} xd_xref_row;

typedef struct xd_xref_problem {
    int64_t line;
    xd_str column; /* "" when it is not one column's */
    xd_str text;
} xd_xref_problem;

enum { XD_XREF_PROBLEMS_KEPT = 1000 };

typedef struct xd_xref_rows {
    xd_arena arena;    /* of all texts */
    xd_xref_row *rows; /* owns */
    size_t count, size;
    int64_t read;     /* rows of the file, good and bad */
    int64_t repeated; /* the same row again */
    int64_t bad;      /* rows with a problem; the first of them are kept */
    xd_xref_problem problems[XD_XREF_PROBLEMS_KEPT];
} xd_xref_rows;

/* Makes an empty set. XD_NO_MEMORY. */
XD_CHECKED xd_status xd_xref_rows_create(xd_xref_rows **ret, xd_fault *fault);
/* Accepts NULL. */
void xd_xref_rows_destroy(xd_xref_rows *rows);

typedef struct xd_xref_source {
    const char *path;        /* "-": standard input */
    const xd_format *format; /* of its records */
    xd_str table, system;    /* of rows that name none; ptr NULL: every row must */
} xd_xref_source;

/* Reads a file. Rows that are wrong are problems, not faults. Faults: XD_NOT_FOUND, XD_IO (file),
 * XD_NO_MEMORY. */
XD_CHECKED xd_status xd_xref_rows_read(xd_xref_rows *rows, const xd_xref_source *source,
                                       xd_fault *fault);
/* Adds one row from its members (table, system, code, value, valid_from, valid_to, delete); wrong
 * ones become problems at that line. */
XD_CHECKED xd_status xd_xref_rows_add(xd_xref_rows *rows, const xd_xref_source *source,
                                      const xd_json *record, int64_t line, xd_fault *fault);
/* Puts the rows in order of table, system, code and valid_from. Of rows about one entry that are
 * the same one stays; that say different things they become problems. Problems are then in order of
 * line. Once, behind the last. */
void xd_xref_rows_sort(xd_xref_rows *rows);

/* Keeps a problem; "FILE:LINE: COLUMN: text" is how they are said. */
void xd_xref_problem_add(xd_xref_rows *rows, int64_t line, xd_str column, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Appends an end of a validity as people write it: a date where it is one. last_day: at is the
 * first moment behind it. Nothing for XD_INSTANT_NONE. */
void xd_xref_time_write(xd_buf *buf, xd_instant at, bool last_day);

#endif
