/* The event log of the BPI Challenge 2019 in memory: its rows in order of business time, the
 * purchase orders they belong to and the lines (cases) of those orders. Owns everything in it. */
#ifndef BPI2019_LOG_H
#define BPI2019_LOG_H

#include "base/arena.h"
#include "base/time.h"

/* Distinct texts, numbered 0.. in order of appearance. */
typedef struct log_names {
    xd_str *texts; /* owns the array; the texts live in the log's arena */
    uint32_t count;
    uint32_t size;
    uint32_t *slots; /* owns; number + 1, 0 is free */
    uint32_t slot_count;
} log_names;

enum { LOG_NO_LINE = UINT32_MAX };

typedef struct log_line { /* one line of an order: a case of the log */
    uint32_t order;
    uint32_t po_line;
    uint32_t next; /* the order's next line in order of appearance, or LOG_NO_LINE */
    uint32_t rows; /* events read so far */
} log_line;

typedef struct log_order { /* one purchasing document */
    xd_str supplier;
    uint32_t first_line, last_line;
} log_order;

typedef struct log_row { /* one event */
    xd_instant at;
    xd_date date;     /* in the log's own zone */
    uint32_t line;    /* index into lines */
    uint32_t ordinal; /* 1.. within its line, in order of the file */
    uint32_t activity;
    uint32_t person;
} log_row;

typedef struct p2p_log {
    xd_arena arena;
    log_names cases, documents, activities, persons;
    log_line *lines; /* as cases */
    uint32_t line_size;
    log_order *orders; /* as documents */
    uint32_t order_size;
    log_row *rows;
    size_t row_count;
    size_t row_size;
} p2p_log;

/* Reads the CSV at path ("-": standard input; .gz is decompressed). Rows come sorted by time, those
 * of one time in order of the file. Faults: XD_NOT_FOUND, XD_INVALID (missing column, bad row),
 * XD_LIMIT, XD_IO, XD_CORRUPT, XD_NO_MEMORY; fault->line is the line of the file. */
XD_CHECKED xd_status log_read(const char *path, p2p_log *ret, xd_fault *fault);
void log_finish(p2p_log *log);

#endif
