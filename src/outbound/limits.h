/* What protects one remote system: token bucket, circuit breaker, back-off. Small machines driven
 * by the instants they are given (monotonic microseconds), so tests and simulation own the clock.
 * Pure.
 */
#ifndef XD_OUTBOUND_LIMITS_H
#define XD_OUTBOUND_LIMITS_H

#include "base/random.h"

#include <stdbool.h>
#include <stdint.h>

#define XD_NEVER_US INT64_MAX

/* Token bucket, kept as the instant at which it would be full again (the generic cell rate
 * algorithm, ITU-T I.371): no tokens to top up, no rounding drift. */
typedef struct xd_bucket {
    int64_t interval_ns;  /* between two requests at the configured rate; 0: unlimited */
    int64_t tolerance_ns; /* how far a burst may run ahead of the rate */
    int64_t full_at_ns;
} xd_bucket;

/* rate_per_s 0 means unlimited; burst 0 means max(1, rate). */
void xd_bucket_init(xd_bucket *bucket, double rate_per_s, uint32_t burst);
/* First instant at which one request may go; INT64_MIN when at any time. */
int64_t xd_bucket_ready_at(const xd_bucket *bucket);
/* Takes one token; the caller has checked xd_bucket_ready_at. */
void xd_bucket_take(xd_bucket *bucket, int64_t now_us);

typedef enum xd_breaker_state {
    XD_BREAKER_CLOSED,   /* requests flow */
    XD_BREAKER_OPEN,     /* nothing goes until open_until_us, then one probe */
    XD_BREAKER_HALF_OPEN /* the probe is under way; its answer decides */
} xd_breaker_state;

typedef struct xd_breaker {
    xd_breaker_state state;
    uint32_t failures;     /* in a row */
    uint32_t failures_max; /* that open it */
    int64_t open_us;
    int64_t open_until_us;
    int64_t opened; /* times, for metrics */
} xd_breaker;

void xd_breaker_init(xd_breaker *breaker, uint32_t failures_max, int32_t open_ms);
/* First instant at which a request may go: INT64_MIN now, XD_NEVER_US while a probe is under way.
 */
int64_t xd_breaker_ready_at(const xd_breaker *breaker);
/* Notes that a request goes now; true when it is the probe. */
bool xd_breaker_begin(xd_breaker *breaker);
/* The answer to a request: answers to requests that went before the breaker opened change nothing
 * once it is open. */
void xd_breaker_succeeded(xd_breaker *breaker, bool probe);
void xd_breaker_failed(xd_breaker *breaker, bool probe, int64_t now_us);
/* The probe was not sent after all; the next request is the probe. */
void xd_breaker_cancel(xd_breaker *breaker);
const char *xd_breaker_name(xd_breaker_state state);

/* Delay before try number tries + 1: uniform in 0..min(max, first * 2^(tries - 1)), "full jitter",
 * so that callers that failed together do not come back together. tries >= 1. */
int64_t xd_backoff_us(xd_random *random, uint32_t tries, int32_t first_ms, int32_t max_ms);

#endif
