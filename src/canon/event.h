/* An event: one canonical document on its way, or as stored in the log. Plain data; strings borrow
 * the message's arena or bytes. Pure. */
#ifndef XD_CANON_EVENT_H
#define XD_CANON_EVENT_H

#include "base/time.h"
#include "canon/kind.h"

typedef struct xd_event {
    int64_t seq;            /* position in the log, 1..; 0 before append */
    xd_instant recorded_at; /* when the hub appended it; the only "now" a flow knows */
    const xd_kind_info *kind;
    xd_str source; /* CloudEvents source; with id the identity, at most 256 and 128 bytes */
    xd_str id;
    xd_str key;          /* the document's own number (kind->key_field); "" when it has none */
    xd_str order_key;    /* the business key that keeps order (kind->order_field) */
    xd_instant time;     /* business time given by the source, XD_INSTANT_NONE when absent */
    xd_str actor;        /* person or system that sent it, from the credential; "" when unknown */
    xd_str trace;        /* W3C traceparent or "" */
    xd_str map;          /* hash of the map that made the data; "" when it came as it is */
    xd_str raw;          /* "<hash>#<record>": what the map was given; "" when nothing is kept */
    xd_str data_text;    /* JSON bytes of data exactly as received; what the log stores */
    const xd_json *data; /* data_text parsed */
} xd_event;

enum {
    XD_EVENT_SOURCE_MAX = 256,
    XD_EVENT_ID_MAX = 128,
    XD_EVENT_KEY_MAX = 128,
};

/* Fills an event from one structured-mode CloudEvents 1.0 object: checks specversion, id, source,
 * type, time, subject, datacontenttype (JSON only), then validates data (xd_canon_validate) and
 * sets key and order_key. text is the source the tree was parsed from; ret borrows both. Unknown
 * extension attributes are allowed by CloudEvents and ignored, save traceparent. Internal kinds are
 * refused (XD_DENIED). Paths in faults are pointers into the envelope ("/data/lines/0/quantity").
 */
XD_CHECKED xd_status xd_event_from_cloudevent(const xd_json *envelope, xd_str text, xd_arena *arena,
                                              xd_event *ret, xd_fault *fault);
/* Fills key, order_key and data (parsing data_text) of an event whose kind, source, id and
 * data_text are set: binary mode, and rows read back from the log (which skip validation). */
XD_CHECKED xd_status xd_event_open(xd_event *event, bool validate, xd_arena *arena,
                                   xd_fault *fault);
/* Gives an event another document: kind and data, and with them key and order_key. data_text is the
 * caller's to set. */
void xd_event_become(xd_event *event, const xd_kind_info *kind, const xd_json *data);

#endif
