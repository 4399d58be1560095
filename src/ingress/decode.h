/* Decode: request bytes to validated events, in the three content modes of the CloudEvents 1.0 HTTP
 * and JSON bindings. Owns nothing; everything made lives in the caller's arena. Pure. */
#ifndef XD_INGRESS_DECODE_H
#define XD_INGRESS_DECODE_H

#include "engine/engine.h"

typedef struct xd_decode_limits {
    size_t max_event_bytes;
    uint32_t max_depth; /* of one event; a batch may be one deeper */
    uint32_t max_batch; /* events */
} xd_decode_limits;

/* Attributes of an event in binary mode, as the header values stand; ptr NULL: absent. */
typedef struct xd_binary_attributes {
    xd_str specversion, id, source, type, time, subject, dataschema;
} xd_binary_attributes;

/* Cap for the arena of a request of that many bytes. A JSON tree takes at most 16 bytes for each
 * byte of its text (an array of one-digit numbers); the rest is for copies and rounding. */
size_t xd_decode_arena_cap(size_t text_bytes);

/* One event in structured mode. ret borrows text and arena. Faults as xd_json_parse and
 * xd_event_from_cloudevent, with line and column; XD_LIMIT, rule "event.size". */
XD_CHECKED xd_status xd_decode_event(xd_str text, const xd_decode_limits *limits, xd_arena *arena,
                                     xd_event *ret, xd_fault *fault);

/* A JSON array of events: replaces the submission's events and results (allocated in its arena) and
 * sets count, which may be 0. The first event that breaks a rule refuses all; *ret_index is then
 * its place, -1 when the fault is not in one event, and the fault's path starts with it. */
XD_CHECKED xd_status xd_decode_batch(xd_str text, const xd_decode_limits *limits,
                                     xd_submission *submission, int64_t *ret_index,
                                     xd_fault *fault);

/* The JSON value of a text of one event or an array of them. */
XD_CHECKED xd_status xd_decode_tree(xd_str text, const xd_decode_limits *limits, xd_arena *arena,
                                    const xd_json **ret_root, xd_fault *fault);
/* One event of a tree parsed from text; index >= 0 is put in front of the fault's path. */
XD_CHECKED xd_status xd_decode_item(const xd_json *item, int64_t index, xd_str text,
                                    const xd_decode_limits *limits, xd_arena *arena, xd_event *ret,
                                    xd_fault *fault);

/* Gives a submission fresh room for count events in its arena. XD_NO_MEMORY. */
XD_CHECKED xd_status xd_decode_make_room(xd_submission *submission, uint32_t count,
                                         xd_fault *fault);

/* One event in binary mode: body is data. Header values are unquoted and percent-decoded as the
 * HTTP binding asks. A path that names an attribute names its header ("ce-time"). */
XD_CHECKED xd_status xd_decode_binary(const xd_binary_attributes *attributes, xd_str body,
                                      const xd_decode_limits *limits, xd_arena *arena,
                                      xd_event *ret, xd_fault *fault);

/* True when the first character that is not white space opens an array. */
bool xd_decode_is_array(xd_str text);

#endif
