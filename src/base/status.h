/* Status and fault: how every fallible function in Crossdock reports. Pure.
 *
 * A function returns xd_status; XD_OK is success. On failure it leaves its outputs untouched and,
 * when given a fault, fills it: code, class, position in the document and a short sentence that
 * says what, where and what to do. Callers decide by class and code, never by text. */
#ifndef XD_BASE_STATUS_H
#define XD_BASE_STATUS_H

#include "base/str.h"

#include <stdarg.h>

typedef enum xd_code {
    XD_OK = 0,
    XD_INVALID,     /* the input breaks a rule */
    XD_NOT_FOUND,   /* what was named does not exist */
    XD_CONFLICT,    /* same identity, other content; or a stale version */
    XD_DENIED,      /* not allowed for this caller */
    XD_LIMIT,       /* a named limit was passed */
    XD_OVERFLOW,    /* arithmetic left the representable range */
    XD_NO_MEMORY,   /* the allocator or an arena's cap said no */
    XD_BUSY,        /* a queue is full or a lock is held: try later */
    XD_FULL,        /* the disk is full */
    XD_IO,          /* reading or writing failed */
    XD_CORRUPT,     /* stored bytes are not what was written */
    XD_TIMEOUT,     /* no answer in time: outcome unknown */
    XD_UNAVAILABLE, /* a remote system or a part of the hub is down */
    XD_INTERNAL,    /* our own bug */
    XD_CODE_COUNT
} xd_code;

typedef xd_code xd_status;

#define XD_CHECKED __attribute__((warn_unused_result))

typedef enum xd_class {
    XD_PERMANENT = 0, /* trying again with the same input gives the same answer */
    XD_TRANSIENT,     /* trying again later may succeed */
    XD_POISON         /* the input can never be processed: quarantine it */
} xd_class;

typedef struct xd_fault {
    xd_code code;
    xd_class klass;
    int64_t offset; /* byte offset in the input, -1 when unknown */
    int32_t line;   /* 1-based, 0 when unknown */
    int32_t column; /* 1-based in bytes, 0 when unknown */
    char path[192]; /* JSON pointer (RFC 6901) or file name, "" when unknown */
    char rule[64];  /* short name of the broken rule, such as "quantity.positive" */
    char text[320]; /* one sentence for a person */
} xd_fault;

#define XD_FAULT_NONE ((xd_fault){.offset = -1})

/* Fills *fault (may be NULL) and returns code. Class is derived: BUSY, FULL, IO, TIMEOUT and
 * UNAVAILABLE are TRANSIENT, CORRUPT is POISON, everything else PERMANENT. */
xd_status xd_fail(xd_fault *fault, xd_code code, const char *rule, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Sets where the fault is; each argument may be left unknown (-1, NULL). */
void xd_fault_at(xd_fault *fault, int64_t offset, const char *path);

/* Computes line and column of fault->offset in text. */
void xd_fault_locate(xd_fault *fault, xd_str text);

/* Lower-case name of a code, such as "not_found". Static storage. */
const char *xd_code_name(xd_code code);

#define XD_TRY(expression)                                                                         \
    do {                                                                                           \
        xd_status xd_try_status_ = (expression);                                                   \
        if (xd_try_status_ != XD_OK) {                                                             \
            return xd_try_status_;                                                                 \
        }                                                                                          \
    } while (0)

#endif
