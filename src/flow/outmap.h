/* Maps of what goes out: a message's body becomes what its system wants, by a map and, where the
 * system does not speak JSON, a layout. Nothing but the event, its effect, the version of the map
 * and the codes as of one event decide the bytes, so whoever makes them again makes the same. Pure.
 */
#ifndef XD_FLOW_OUTMAP_H
#define XD_FLOW_OUTMAP_H

#include "flow/step.h"

enum { XD_OUTMAP_MEDIA_BYTES = 512, XD_OUTMAP_ACTION_MAX = 256, XD_OUTMAP_TYPE_MAX = 127 };

typedef struct xd_outmap xd_outmap; /* one version, compiled: immutable */

/* version is the data of its hub.map event: {"name","hash","from","text","layout","file",
 * "content_type","soap_action"}; nothing of it is kept. Faults: XD_INVALID (the map or the layout,
 * with place; "map.soap_action"), XD_NO_MEMORY. */
XD_CHECKED xd_status xd_outmap_open(const xd_json *version, xd_outmap **ret, xd_fault *fault);
/* Accepts NULL. */
void xd_outmap_close(xd_outmap *map);
/* Content-Type of what it makes, with the action of SOAP 1.2 (RFC 3902); owned by the map. */
const char *xd_outmap_media(const xd_outmap *map);
/* Whether what it makes is JSON, or at least text in UTF-8. */
bool xd_outmap_is_json(const xd_outmap *map);
/* Value of the SOAPAction header that SOAP 1.1 wants beside it, in its quotes (section 6.1.1);
 * owned by the map. NULL: none. */
const char *xd_outmap_soap_action(const xd_outmap *map);
/* Whether a header can carry the text as an action, in quotes: a URI of visible ASCII, without
 * quote and backslash, XD_OUTMAP_ACTION_MAX bytes at most. "" is one. */
bool xd_soap_action_is_sound(xd_str action);

/* Whether the text is a media type that a header can carry: type/subtype and parameters in
 * printable ASCII, XD_OUTMAP_TYPE_MAX bytes at most. */
bool xd_content_type_is_sound(xd_str type);

/* The version that "name@hash" names: its hash, which is its key in XD_STATE_MAP. */
xd_str xd_outmap_hash(xd_str version);

typedef struct xd_outmap_use {
    xd_str body;   /* as xd_flow_render makes it */
    xd_str system; /* that it goes to: $system */
    xd_message message;
    const xd_event *event;
    uint32_t index;     /* of the delivery within the event */
    int64_t codes_at;   /* codes are those known right after this event, which state has reached */
    xd_state_view view; /* where they are read */
} xd_outmap_use;

/* Appends the bytes; nothing on a fault. arena is scratch. *ret_missing (may be NULL) is set to the
 * key of the code that is not there, in arena, when that is the fault. Faults, with a text that
 * names file, line and column of the map: XD_INVALID, XD_LIMIT, XD_OVERFLOW, XD_NOT_FOUND
 * ("xref.missing", "uom.missing"); XD_NO_MEMORY, and those of view, as they are. */
XD_CHECKED xd_status xd_outmap_write(const xd_outmap *map, const xd_outmap_use *use,
                                     xd_arena *arena, xd_buf *buf, xd_str *ret_missing,
                                     xd_fault *fault);

#endif
