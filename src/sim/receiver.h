/* The receiving side of the simulated systems: one HTTP server (libmicrohttpd, a thread per
 * connection) for /erp, /procurement, /finance and /wms, that takes messages into the book and
 * fails on purpose as drawn from the seed. */
#ifndef XD_SIM_RECEIVER_H
#define XD_SIM_RECEIVER_H

#include "sim/book.h"

#include <stdatomic.h>

typedef enum xd_fault_level { XD_FAULTS_NONE, XD_FAULTS_LIGHT, XD_FAULTS_HEAVY } xd_fault_level;

/* What may be done to a request. */
typedef enum xd_mishap {
    XD_MISHAP_NONE,
    XD_MISHAP_SLOW,        /* taken, answered after a while */
    XD_MISHAP_LATE,        /* taken, answered after slow_ms */
    XD_MISHAP_DROP,        /* taken, then the connection is closed without an answer */
    XD_MISHAP_RESET,       /* not taken, the connection is reset */
    XD_MISHAP_UNAVAILABLE, /* not taken, 503 */
    XD_MISHAP_TOO_MANY,    /* not taken, 429 with Retry-After */
    XD_MISHAP_COUNT
} xd_mishap;

const char *xd_mishap_name(xd_mishap mishap);

typedef struct xd_receiver_options {
    uint16_t port; /* on 127.0.0.1; 0: any free one */
    uint64_t seed;
    xd_fault_level faults;
    int32_t slow_ms;
    /* Folder in which every message is kept as a file SYSTEM/DELIVERY-MESSAGE.EXT; bodies may then
     * be of any format, and are not read. NULL: not kept, and JSON as docs/messages.md says. */
    const char *inbox;
} xd_receiver_options;

typedef struct xd_receiver xd_receiver;
/* book is borrowed and outlives the receiver. XD_UNAVAILABLE when the port cannot be had. */
XD_CHECKED xd_status xd_receiver_start(const xd_receiver_options *options, xd_book *book,
                                       xd_receiver **ret, xd_fault *fault);
uint16_t xd_receiver_port(const xd_receiver *receiver);
/* Answers at once whatever is being delayed, closes all connections and frees. Accepts NULL. */
void xd_receiver_stop(xd_receiver *receiver);

/* Mishaps of this kind so far. */
uint64_t xd_receiver_mishaps(const xd_receiver *receiver, xd_mishap mishap);
/* Messages that were taken but whose sender may not have learnt it: answers that were dropped or
 * took half a second and more. Each may come once more. */
uint64_t xd_receiver_doubtful(const xd_receiver *receiver);

#endif
