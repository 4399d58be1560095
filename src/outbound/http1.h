/* HTTP/1.1 answers as bytes: reads one response (RFC 9112) from pieces of any size and says what it
 * decided, where it ended, and whether its connection may carry another request. Knows no sockets
 * and no clock, allocates nothing. Section numbers are those of RFC 9112 unless they say otherwise.
 *
 * A response that can be read in two ways could make a later delivery take another one's answer. So
 * whatever is doubtful ends the connection: it is never guessed where such a response ends. */
#ifndef XD_OUTBOUND_HTTP1_H
#define XD_OUTBOUND_HTTP1_H

#include "base/str.h"

enum {
    XD_HTTP1_LINE_MAX = 8192,      /* bytes of a line, folded ones together */
    XD_HTTP1_HEAD_MAX = 64 << 10,  /* bytes of a head with its interim ones; of trailers as well */
    XD_HTTP1_FIELDS_MAX = 128,     /* header fields of a head; of trailers as well */
    XD_HTTP1_CHUNK_LINE_MAX = 256, /* bytes of a line with a chunk's size */
    XD_HTTP1_BODY_MAX = 1 << 20,   /* bytes of content that are read; then the connection ends */
    XD_HTTP1_BODY_KEPT = 160,      /* bytes of content that are kept, the first ones */
    XD_HTTP1_RETRY_AFTER_MAX = 64
};

typedef enum xd_http1_progress {
    XD_HTTP1_MORE, /* the answer goes on */
    XD_HTTP1_DONE, /* it is whole */
    XD_HTTP1_BAD   /* no one can say where it ends; see fault */
} xd_http1_progress;

typedef enum xd_http1_state {
    XD_HTTP1_STATUS,
    XD_HTTP1_FIELD,
    XD_HTTP1_LENGTH, /* content of a known length */
    XD_HTTP1_CLOSE,  /* content until the connection ends */
    XD_HTTP1_CHUNK_SIZE,
    XD_HTTP1_CHUNK,
    XD_HTTP1_CHUNK_END,
    XD_HTTP1_TRAILER,
    XD_HTTP1_ENDED
} xd_http1_state;

/* One answer being read. What callers look at comes first. */
typedef struct xd_http1 {
    int32_t status;    /* of the final response, from 200 on; 0: not known (yet) */
    bool keep;         /* when DONE: the connection may carry another request */
    bool last;         /* when DONE: it said that no other one follows (section 9.6) */
    bool begun;        /* a byte has come */
    const char *fault; /* when BAD: why, for people; static */
    size_t body_len;   /* of body, at most XD_HTTP1_BODY_KEPT */
    char body[XD_HTTP1_BODY_KEPT];
    char retry_after[XD_HTTP1_RETRY_AFTER_MAX]; /* "" when not said or too long */

    xd_http1_state state;
    xd_http1_progress progress;
    bool version_10, lax, close_said, keep_alive_said; /* of the head being read */
    bool length_seen, length_bad, coding_seen, coding_bad, chunked, chunked_last;
    bool pending; /* line holds a field that may go on in the next line */
    bool folding; /* the next line is more of the one in line */
    int32_t code; /* of the head being read, interim ones too */
    uint32_t fields;
    uint64_t length; /* as announced; then what is left of the content or of a chunk */
    uint64_t body_bytes;
    size_t head_bytes;
    size_t line_len;
    char line[XD_HTTP1_LINE_MAX]; /* the part of a line that has come */
} xd_http1;

/* Before each answer. */
void xd_http1_begin(xd_http1 *answer);
/* Reads on; *ret_used is how many of the n bytes belong to the answer, all of them unless it ended.
 * Not to be called again once it has returned DONE or BAD. */
xd_http1_progress xd_http1_feed(xd_http1 *answer, const char *bytes, size_t n, size_t *ret_used);
/* The connection ended after what was fed: DONE when that is how the content ends, else BAD. */
xd_http1_progress xd_http1_end(xd_http1 *answer);

#endif
