/* Errors of a project folder, collected so that one run reports them all: where (file, line,
 * column), what (path of the setting), the rule broken, and a sentence that says what was found and
 * what is allowed. Owns the texts; capped, the rest is counted. */
#ifndef XD_APP_CONFIG_ERROR_H
#define XD_APP_CONFIG_ERROR_H

#include "base/buf.h"
#include "base/status.h"

enum { XD_CONFIG_ERRORS_MAX = 50 };

typedef struct xd_config_error {
    char file[128]; /* relative to the project folder */
    int32_t line;   /* 1-based; 0 when the error has no place in the file */
    int32_t column; /* 1-based, in bytes */
    char path[192]; /* JSON pointer of the setting, "" for the whole file */
    char rule[64];
    char text[512];
} xd_config_error;

typedef struct xd_config_errors {
    xd_config_error items[XD_CONFIG_ERRORS_MAX];
    uint32_t count; /* of items */
    uint32_t more;  /* found but not kept */
} xd_config_errors;

/* Adds one error at a byte offset of text (the file's contents); offset -1 when it has no place. */
void xd_config_errors_add(xd_config_errors *errors, const char *file, xd_str text, int64_t offset,
                          const char *path, const char *rule, const char *format, ...)
    __attribute__((format(printf, 7, 8)));

/* Orders errors as they stand in the file. */
void xd_config_errors_sort(xd_config_errors *errors);

/* One line each: "crossdock.yaml:12:5: /hub/threads: must be ... (config.range)". prefix is put
 * before the file name ("" or "folder/"). */
void xd_config_errors_write(const xd_config_errors *errors, const char *prefix, xd_buf *buf);
/* A JSON array of {"file","line","column","path","rule","message"}. */
void xd_config_errors_json(const xd_config_errors *errors, xd_buf *buf);

#endif
