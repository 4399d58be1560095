/* A CSV reader's state, shared by what splits rows (csv_read.c) and what makes JSON of them
 * (csv_row.c). Private to src/format. */
#ifndef XD_FORMAT_CSV_READ_INT_H
#define XD_FORMAT_CSV_READ_INT_H

#include "format/csv_int.h"
#include "format/window_int.h"

typedef enum xd_csv_state {
    FIELD_START,
    UNQUOTED,
    QUOTED,
    AFTER_QUOTE, /* behind a quote that closes the field, or is the first of two */
    COMMENT
} xd_csv_state;

typedef struct xd_csv_field {
    uint32_t start, len; /* of the content; of all the field when uneven */
    bool quoted;
    bool uneven; /* holds doubled quotes, escapes or text behind a closing quote */
} xd_csv_field;

struct xd_csv_reader {
    const xd_csv_layout *layout; /* borrows */
    xd_decoder decoder;
    xd_window window;
    xd_csv_marks marks;
    bool decoded_last, failed;

    /* the scan, in the view at hand */
    const char *block; /* start of the block that mask is of */
    const char *view_end;
    uint64_t mask; /* marks of the block not yet passed */
    uint64_t high; /* not ASCII, of the block */
    bool any_high; /* in earlier blocks of the row */
    bool rescan;   /* begin anew at row + at, even in the same view */

    /* the row that is being split */
    const char *row; /* start; moves with the view */
    size_t at;       /* bytes of it split so far */
    size_t field_start, line_start;
    xd_csv_state state;
    bool uneven, quoted;
    bool skip_lf;         /* the row before ended with CR at the end of the view */
    xd_csv_field *fields; /* owns */
    uint32_t field_count, field_size;
    int64_t offset;          /* of the row in the stream (as UTF-8) */
    int64_t line, next_line; /* where the row began; of the byte at hand */
    int64_t last_line;       /* where the row before began */

    /* what rows become */
    bool header_read;
    xd_arena names;        /* owns the names of columns from the header */
    xd_csv_column *plan;   /* owns; column of each field */
    bool *dropped;         /* owns; fields that are left out */
    uint32_t plan_count;   /* fields that a row must have; 0 while not known */
    xd_json_member *slots; /* owns; of the row, field_size of them */
    xd_arena values;       /* owns what the row cannot borrow */
    xd_json result;
};

/* Places a fault at a byte of the split row, whose line breaks inside quotes are known only by
 * counting. Returns status. */
xd_status xd_csv_fail_in_row(xd_csv_reader *reader, size_t at, xd_status status, const char *path,
                             xd_fault *fault);
/* Takes the split row as the header. */
XD_CHECKED xd_status xd_csv_read_header(xd_csv_reader *reader, xd_fault *fault);
/* Turns the split row into a record. */
XD_CHECKED xd_status xd_csv_make_row(xd_csv_reader *reader, const xd_json **ret, xd_fault *fault);

#endif
