/* Inside the transport: trips (calls under way), the connections that carry them, and what its
 * files do for each other. Private to src/outbound: transport.c is its life, its turns and its
 * waiting, carry.c connections and what goes out over them, reply.c what comes back.
 *
 * A connection carries up to `pipeline` trips of its target at a time; their requests go out in one
 * order, and the answers come back in it. It may carry another trip only while every answer was
 * whole and beyond doubt (http1.h), nothing came that nobody waits for, and the peer has not closed
 * it. A trip of which nothing has left may change to another connection; any other one whose
 * connection ends is unknown, unless the peer said that it does not look at it. */
#ifndef XD_OUTBOUND_TRANSPORT_INT_H
#define XD_OUTBOUND_TRANSPORT_INT_H

#include "outbound/endpoint.h"
#include "outbound/http1.h"
#include "outbound/link.h"
#include "outbound/transport.h"

#include <sys/epoll.h>

enum {
    XD_RECEIVE_BUFFER = 16 << 10,
    XD_READY_MAX = 256 /* sockets handled per turn */
};

typedef struct xd_trip xd_trip;
typedef struct xd_conn xd_conn;
typedef struct xd_target xd_target;

struct xd_trip {
    xd_call face; /* first: a trip is found from its face */
    xd_target *target;
    bool lookup;
    xd_buf out;   /* the head, with the body when that is short; holds a secret */
    size_t total; /* bytes of the request */
    size_t sent;  /* of them, handed over */
    int64_t deadline_us;
    xd_conn *conn;            /* borrows: NULL when not under way */
    xd_trip *behind;          /* the next one on its connection */
    xd_trip *earlier, *later; /* under way to the same target, by deadline */
    xd_trip *next;            /* free list, or those that could not be started */
    xd_trip *next_all;        /* every trip of the transport */
};

typedef enum xd_conn_state {
    XD_CONN_OPENING,
    XD_CONN_BUSY,
    XD_CONN_IDLE,
    XD_CONN_DEAD
} xd_conn_state;

struct xd_conn {
    xd_link link;
    xd_target *target;
    xd_conn_state state;
    xd_trip *first, *last; /* borrows: its trips; the answer to the first one is being read */
    xd_trip *sending;      /* the first of them that has not left whole */
    uint32_t count;        /* of trips */
    bool proven;           /* a whole answer has come over it */
    bool early;            /* the first one's answer is whole, its request is not */
    bool broken;           /* it takes no more bytes: looked at in the next perform */
    bool listed;           /* in loads[count] of its target */
    bool due;              /* bytes wait for the end of the turn */
    xd_conn *next_due;
    int64_t idle_since_us;
    xd_conn *colder, *hotter; /* of the target, with as many trips */
    xd_conn *before, *after;  /* all living ones of the target; after also among the dead */
    xd_http1 reply;
};

/* Connections with the same number of trips, the one that came last is the hottest. */
typedef struct xd_load {
    xd_conn *coldest, *hottest;
} xd_load;

struct xd_target {
    const xd_remote_options *options; /* borrows */
    xd_endpoint endpoint;
    uint32_t pipeline; /* trips that a connection carries at one time, >= 1 */
    uint32_t most;     /* connections, while each has room for another trip */
    uint32_t conn_count;
    xd_conn *conns;
    xd_trip *free_trips;
    xd_trip *first, *last;          /* under way, by deadline */
    xd_load loads[XD_PIPELINE_MAX]; /* those that may carry more, by number of trips */
};

struct xd_transport {
    CURLM *multi;
    int epoll;
    int wake;            /* eventfd */
    int64_t timer_at_us; /* when libcurl wants to be called; XD_NEVER_US */
    uint32_t opening;    /* connections that libcurl is opening */
    bool attend;         /* a connection needs a look without an event of its own */
    int64_t now_us;      /* of this turn, when known */
    bool now_known;
    xd_trip *trips;
    xd_trip *stillborn; /* could not be started: reported in the next perform */
    xd_conn *due;       /* those with bytes that wait for the end of the turn */
    xd_conn *dead;      /* freed when no event of this turn can name them any more */
    int ready_count;
    struct epoll_event ready[XD_READY_MAX];
    char in[XD_RECEIVE_BUFFER];
    uint32_t target_count;
    xd_target targets[];
};

/* Who is told of answers, in one perform. */
typedef struct xd_sink {
    xd_transport_answered answered;
    void *self;
} xd_sink;

/* Read once between two waits. */
int64_t xd_transport_now_us(xd_transport *t);

/* --- carry.c --- */

/* Puts a trip that is ready to go on a connection: an idle one, a new one, or behind others.
 * XD_NO_MEMORY: it has none. */
XD_CHECKED xd_status xd_carry(xd_transport *t, xd_trip *trip);
/* Hands over what can be handed over; sets broken when the connection does not take any more. */
void xd_conn_push(xd_conn *n);
/* Hands over what waits for the end of the turn. */
void xd_conn_push_due(xd_transport *t);
/* libcurl has opened it; false, with the link's error, when it cannot be used. */
bool xd_conn_opened(xd_transport *t, xd_conn *n);
/* The first trip has its answer: takes it off, and the connection goes on with the next one, or is
 * idle. */
void xd_conn_answered(xd_transport *t, xd_conn *n);
/* It carries nothing more than it has. */
void xd_conn_unlist(xd_conn *n);
/* Nothing has come: no byte and no end. */
bool xd_conn_is_quiet(xd_conn *n);
/* Closes it and gives back its trips, in order, linked by behind. It is freed by the next
 * xd_conn_free_dead. */
xd_trip *xd_conn_close(xd_transport *t, xd_conn *n);
void xd_conn_free_dead(xd_transport *t);

/* --- reply.c --- */

/* Something may have happened to a busy connection: moves bytes both ways. */
void xd_conn_move(xd_transport *t, const xd_sink *to, xd_conn *n, uint32_t events);
/* Ends a connection and what it carries: blamed (one of its trips, or NULL) and those of which
 * nothing left for that reason, text; others go over another connection when they may. */
void xd_conn_end(xd_transport *t, const xd_sink *to, xd_conn *n, const xd_trip *blamed,
                 const char *text);

#endif
