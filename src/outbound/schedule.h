/* Schedule: which delivery goes to which system when, and what an answer means for it. Owns the
 * deliveries from admission until their outcome is recorded in the log. Knows nothing of HTTP, the
 * store or the clock: instants (monotonic microseconds), answers and the seed are given, so one
 * seed and one sequence of calls always give the same decisions.
 *
 *   waiting -> in a request -> settled (ok, dead, unknown) -> recorded (forgotten)
 *      ^             |
 *      +-- back-off -+
 *
 * Rules, per system ("lane"):
 * - Deliveries of one order key go one at a time, in the order given; the next goes only after the
 *   outcome of the one before is recorded. A failing one holds its own key and nothing else.
 * - A request takes a slot until the outcomes of all its deliveries are recorded (or they were put
 *   back to wait). So after a crash at most `concurrency` requests can be sent a second time.
 * - An attempt is counted when the remote answered or may have got the request. A probe of an open
 *   breaker that could not even connect is not counted: it says something about the system, not
 *   about the message.
 * - A delivery that ends without success after an attempt whose outcome stayed unknown is UNKNOWN,
 *   never dead; a definite refusal (4xx) settles the doubt.
 * - A 500, 502, 504 or the like does not say whether the remote acted before it failed. It is an
 *   unknown outcome, save where the remote deduplicates (unknown_retry and no look-up). */
#ifndef XD_OUTBOUND_SCHEDULE_H
#define XD_OUTBOUND_SCHEDULE_H

#include "base/status.h"
#include "outbound/limits.h"

typedef struct xd_schedule xd_schedule;
typedef struct xd_order_key xd_order_key; /* the schedule's: deliveries of one lane and order key */
typedef struct xd_request xd_request;

typedef struct xd_lane_options {
    uint32_t concurrency; /* slots, >= 1 */
    double rate_per_s;    /* requests; 0: unlimited */
    uint32_t burst;
    uint32_t attempts; /* >= 1 */
    int32_t backoff_ms;
    int32_t backoff_max_ms;
    uint32_t breaker_failures;
    int32_t breaker_open_ms;
    uint32_t batch_max; /* deliveries per request, >= 1 */
    int32_t batch_wait_ms;
    bool coalesce;
    bool lookup;        /* ask after an unknown outcome */
    bool unknown_retry; /* without lookup: send again after an unknown outcome */
} xd_lane_options;

/* One delivery in the schedule's care. The caller may read everything, and owns what cargo means.
 */
typedef struct xd_tracked xd_tracked;
struct xd_tracked {
    int64_t seq;
    uint32_t index;
    uint16_t lane;
    uint8_t message; /* 0..XD_SCHEDULE_MESSAGES - 1 */
    bool superseded; /* a newer message took its place before it was sent */
    bool alone;      /* was refused as part of a batch: goes alone from now on */
    bool lookup;     /* its next request asks whether the remote has it */
    bool doubtful;   /* the remote may have it: an attempt ended with an unknown outcome */
    bool settled;
    bool from_before;         /* the caller's: an earlier process may have sent it */
    bool declaring, declared; /* the caller's: the log is to say, or says, that it is being sent */
    uint16_t attempts;
    uint16_t lookups;  /* that brought no answer */
    uint16_t put_back; /* times a request could not be made for it */
    int64_t since;     /* given at admission, for age */
    int64_t mark;      /* the caller's */
    uint32_t map;      /* the caller's: version of the map of its body, 0: none */
    int64_t codes_at;  /* the caller's: event as of which that map sees codes */
    bool told;         /* the caller's: the remote may have seen its body */
    void *cargo;       /* the caller's */
    xd_order_key *key;
    xd_order_key *blocked; /* of a superseded one: the key that waits for its record */
    xd_request *request;
    xd_tracked *next;          /* in its order key's queue */
    xd_tracked *older, *newer; /* in its lane */
    xd_tracked *same_hash;
};

enum { XD_SCHEDULE_MESSAGES = 8, XD_SCHEDULE_MAX_LANES = 32 };

/* One slot: what is to be sent now. */
struct xd_request {
    uint32_t lane;
    uint32_t message;
    bool lookup; /* ask for deliveries[0] instead of sending */
    bool probe;
    bool in_flight;
    uint32_t count;          /* deliveries it carries */
    uint32_t open;           /* of them not yet recorded or put back */
    xd_tracked **deliveries; /* count, in order */
    xd_request *next_free;
};

typedef enum xd_answer_kind {
    XD_ANSWER_OK,
    XD_ANSWER_TRANSIENT, /* the remote said: not now */
    XD_ANSWER_PERMANENT, /* the remote said: never */
    XD_ANSWER_UNSENT,    /* no byte of the request left */
    XD_ANSWER_UNKNOWN,   /* sent, and no answer */
    XD_ANSWER_ABSENT     /* look-up only: the remote does not have it */
} xd_answer_kind;

typedef struct xd_answer {
    xd_answer_kind kind;
    int32_t status;         /* HTTP, 0 without an answer */
    int64_t retry_after_us; /* 0: not said */
    const char *reason;     /* one line for people, "" when ok; borrowed during the call */
    bool beside; /* a failure that another request's brought about: no other word on the system */
} xd_answer;

/* Whether a status leaves open if the remote acted: 5xx, save those that say it did not begin (501,
 * 503, 505). */
bool xd_answer_is_ambiguous(int32_t status);
/* What an HTTP status means (RFC 9110 section 15): 2xx OK; 408, 425, 429 and 5xx TRANSIENT; 404 to
 * a look-up ABSENT; everything else PERMANENT, redirects included, since they are not followed. */
xd_answer_kind xd_answer_of_status(int32_t status, bool lookup);

typedef enum xd_settled { XD_SETTLED_OK, XD_SETTLED_DEAD, XD_SETTLED_UNKNOWN } xd_settled;

/* Called when a delivery is settled, inside the call that settled it. The delivery stays until
 * xd_schedule_recorded; reason is borrowed during the call. */
typedef struct xd_schedule_port {
    void *self;
    void (*settle)(void *self, xd_tracked *delivery, xd_settled settled, int32_t status,
                   const char *reason);
    /* The delivery is about to be freed: let go of its cargo. */
    void (*forget)(void *self, xd_tracked *delivery);
} xd_schedule_port;

typedef struct xd_lane_stats {
    int64_t requests, lookups; /* answered */
    int64_t ok, superseded, dead, unknown, retried;
    int64_t waiting;    /* deliveries not in a request and not settled */
    int64_t in_flight;  /* requests */
    int64_t unrecorded; /* deliveries settled and not yet recorded */
    int64_t oldest;     /* since of the oldest delivery, INT64_MAX when there is none */
    int64_t breaker_opened;
    xd_breaker_state breaker;
} xd_lane_stats;

/* options: count rows (copied), count <= XD_SCHEDULE_MAX_LANES. NULL when out of memory. */
xd_schedule *xd_schedule_create(const xd_lane_options *options, uint32_t count, uint64_t seed,
                                xd_schedule_port port);
/* Forgets everything. Accepts NULL. */
void xd_schedule_destroy(xd_schedule *schedule);

/* Takes a delivery in. Faults: XD_CONFLICT (already tracked), XD_NO_MEMORY. On success *ret may get
 * its cargo and mark from the caller. */
XD_CHECKED xd_status xd_schedule_add(xd_schedule *schedule, int64_t now_us, uint32_t lane,
                                     int64_t seq, uint32_t index, uint32_t message,
                                     xd_str order_key, int64_t since, xd_tracked **ret);
/* An earlier process may have sent it: where the remote can be asked, it is, before it is sent; and
 * nothing newer takes its place, since that could then arrive before it. For a delivery just added.
 */
void xd_schedule_doubt(xd_schedule *schedule, xd_tracked *delivery);
/* Deliveries tracked now. */
uint32_t xd_schedule_count(const xd_schedule *schedule);
bool xd_schedule_has(const xd_schedule *schedule, int64_t seq, uint32_t index);

/* The next request that may go at now_us, or NULL. The caller sends it and calls answered, or takes
 * its deliveries out with put_back or refuse until none is left. */
xd_request *xd_schedule_next(xd_schedule *schedule, int64_t now_us);
/* When xd_schedule_next returned NULL: the instant at which to ask again if nothing happens before;
 * XD_NEVER_US when only an event can change that. */
int64_t xd_schedule_wake_at(const xd_schedule *schedule);

/* Takes deliveries[position] out of a request not yet sent, to try again after delay_us; no attempt
 * is counted. Returns how many the request still carries; at 0 it is gone. */
uint32_t xd_schedule_put_back(xd_schedule *schedule, int64_t now_us, xd_request *request,
                              uint32_t position, int64_t delay_us);
/* Takes it out as dead, for example because no body can be made for it. Same return. */
uint32_t xd_schedule_refuse(xd_schedule *schedule, xd_request *request, uint32_t position,
                            const char *reason);
/* The answer to a request, for all it carries; the request is gone or waits for records. */
void xd_schedule_answered(xd_schedule *schedule, int64_t now_us, xd_request *request,
                          const xd_answer *answer);
/* The outcome of a settled delivery is durable: forgets it and lets its order key go on. */
void xd_schedule_recorded(xd_schedule *schedule, int64_t now_us, xd_tracked *delivery);

xd_breaker_state xd_schedule_breaker(const xd_schedule *schedule, uint32_t lane);
void xd_schedule_stats(const xd_schedule *schedule, uint32_t lane, xd_lane_stats *ret);
xd_str xd_tracked_key(const xd_tracked *delivery);

#endif
