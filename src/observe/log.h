/* The hub's own log: one JSON object a line on standard error, one line per fact. Libraries return
 * faults; only stations log. Secrets have a type of their own and never get here. */
#ifndef XD_OBSERVE_LOG_H
#define XD_OBSERVE_LOG_H

#include "base/status.h"

typedef enum xd_log_level { XD_LOG_DEBUG, XD_LOG_INFO, XD_LOG_WARNING, XD_LOG_ERROR } xd_log_level;

/* One member of a line: text when it has a pointer, else the number. */
typedef struct xd_log_field {
    const char *name;
    xd_str text;
    int64_t number;
} xd_log_field;

/* Writes {"at":...,"level":...,"event":event, fields...}. event is a dotted constant such as
 * "hub.ready". Thread-safe; a line is written with one call so that lines never mix. */
void xd_log_write(xd_log_level level, const char *event, const xd_log_field *fields, size_t count);

#define XD_LOG(level, event, ...)                                                                  \
    xd_log_write((level), (event), (const xd_log_field[]){__VA_ARGS__},                            \
                 sizeof((const xd_log_field[]){__VA_ARGS__}) / sizeof(xd_log_field))
#define XD_LOG_TEXT(field, value) ((xd_log_field){.name = (field), .text = (value)})
#define XD_LOG_INT(field, value) ((xd_log_field){.name = (field), .number = (value)})

/* A fault as a line: code, rule, path, text. */
void xd_log_fault(xd_log_level level, const char *event, const xd_fault *fault);

#endif
