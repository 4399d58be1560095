/* SOAP 1.1 and 1.2 envelopes over XML trees (docs/formats.md): unwrapping a body, recognising a
 * fault, wrapping. Pure. */
#ifndef XD_FORMAT_SOAP_H
#define XD_FORMAT_SOAP_H

#include "base/json.h"

typedef enum xd_soap_version { XD_SOAP_NONE, XD_SOAP_11, XD_SOAP_12 } xd_soap_version;

typedef struct xd_soap_message {
    xd_soap_version version;
    const xd_json *header; /* tree of the Header element; NULL when there is none */
    const xd_json *body;   /* object: the body's elements by name, namespaces declared on each */
    bool is_fault;
    xd_str fault_code;   /* of a fault: faultcode, or Code/Value; else {NULL, 0} */
    xd_str fault_string; /* faultstring, or the first Reason/Text */
} xd_soap_message;

/* Takes an envelope apart; the results borrow document and live in arena. Faults: XD_INVALID, rule
 * "soap.*"; XD_NO_MEMORY. */
XD_CHECKED xd_status xd_soap_unwrap(const xd_json *document, xd_arena *arena, xd_soap_message *ret,
                                    xd_fault *fault);
/* An envelope around body (an object of elements by name) and header (the same, or NULL). */
XD_CHECKED xd_status xd_soap_wrap(xd_soap_version version, const xd_json *header,
                                  const xd_json *body, xd_arena *arena, const xd_json **ret,
                                  xd_fault *fault);
/* An envelope that says a fault: sender_fault blames the request (Client, Sender), else the server.
 */
XD_CHECKED xd_status xd_soap_wrap_fault(xd_soap_version version, bool sender_fault, xd_str text,
                                        xd_arena *arena, const xd_json **ret, xd_fault *fault);

#endif
