/* A read connection with its statements. Private to src/api: read.c keeps them, query.c uses them.
 */
#ifndef XD_API_SESSION_H
#define XD_API_SESSION_H

#include "api/read_int.h"

#include <assert.h>

enum { XD_SESSION_STATEMENTS = 64 };

struct xd_session {
    xd_session *next; /* idle one */
    sqlite3 *db;      /* owns */
    xd_arena arena;
    int64_t deadline_ms; /* monotonic; a question that runs longer is stopped */
    int count;
    const char *sql[XD_SESSION_STATEMENTS];          /* literals, by address */
    sqlite3_stmt *statements[XD_SESSION_STATEMENTS]; /* owns */
};

#endif
