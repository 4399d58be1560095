/* Token bucket, circuit breaker and back-off. See limits.h. */
#include "outbound/limits.h"

#include "base/planted.h"

#include <assert.h>

void xd_bucket_init(xd_bucket *bucket, double rate_per_s, uint32_t burst)
{
    *bucket = (xd_bucket){0};
    if (rate_per_s <= 0) {
        return;
    }
    double slowest_per_s = 1.0 / 86400; /* one request a day keeps the arithmetic far from limits */
    double rate = rate_per_s < slowest_per_s ? slowest_per_s : rate_per_s;
    bucket->interval_ns = (int64_t)(1e9 / rate);
    if (bucket->interval_ns < 1) {
        bucket->interval_ns = 1;
    }
    double size = burst ? burst : (rate < 1 ? 1 : rate);
    bucket->tolerance_ns = (int64_t)((size - 1) * (double)bucket->interval_ns);
    bucket->full_at_ns = INT64_MIN / 2;
}

int64_t xd_bucket_ready_at(const xd_bucket *bucket)
{
    if (!bucket->interval_ns) {
        return INT64_MIN;
    }
    int64_t ready_ns = bucket->full_at_ns - bucket->tolerance_ns;
    return ready_ns < 0 ? INT64_MIN : (ready_ns + 999) / 1000;
}

void xd_bucket_take(xd_bucket *bucket, int64_t now_us)
{
    if (!bucket->interval_ns) {
        return;
    }
    int64_t now_ns = now_us * 1000;
    int64_t from_ns = bucket->full_at_ns > now_ns ? bucket->full_at_ns : now_ns;
    bucket->full_at_ns = from_ns + bucket->interval_ns;
}

void xd_breaker_init(xd_breaker *breaker, uint32_t failures_max, int32_t open_ms)
{
    *breaker = (xd_breaker){.failures_max = failures_max ? failures_max : 1,
                            .open_us = (int64_t)(open_ms > 0 ? open_ms : 1) * 1000};
}

int64_t xd_breaker_ready_at(const xd_breaker *breaker)
{
    switch (breaker->state) {
    case XD_BREAKER_CLOSED:
        return INT64_MIN;
    case XD_BREAKER_OPEN:
        return XD_PLANTED(breaker_never_half_opens) ? XD_NEVER_US : breaker->open_until_us;
    case XD_BREAKER_HALF_OPEN:
        break;
    }
    return XD_NEVER_US;
}

bool xd_breaker_begin(xd_breaker *breaker)
{
    assert(breaker->state != XD_BREAKER_HALF_OPEN);
    if (breaker->state == XD_BREAKER_CLOSED) {
        return false;
    }
    breaker->state = XD_BREAKER_HALF_OPEN;
    return true;
}

void xd_breaker_succeeded(xd_breaker *breaker, bool probe)
{
    if (probe || breaker->state == XD_BREAKER_CLOSED) {
        breaker->state = XD_BREAKER_CLOSED;
        breaker->failures = 0;
    }
}

void xd_breaker_failed(xd_breaker *breaker, bool probe, int64_t now_us)
{
    if (!probe && breaker->state != XD_BREAKER_CLOSED) {
        return;
    }
    breaker->failures++;
    if (probe || breaker->failures >= breaker->failures_max) {
        breaker->opened += breaker->state == XD_BREAKER_CLOSED;
        breaker->state = XD_BREAKER_OPEN;
        breaker->open_until_us = now_us + breaker->open_us;
    }
}

void xd_breaker_cancel(xd_breaker *breaker)
{
    assert(breaker->state == XD_BREAKER_HALF_OPEN);
    breaker->state = XD_BREAKER_OPEN; /* open_until_us has passed already */
}

const char *xd_breaker_name(xd_breaker_state state)
{
    static const char *const names[] = {"closed", "open", "half_open"};
    return names[state];
}

int64_t xd_backoff_us(xd_random *random, uint32_t tries, int32_t first_ms, int32_t max_ms)
{
    assert(tries >= 1);
    int64_t ceiling_us = (int64_t)(first_ms > 0 ? first_ms : 1) * 1000;
    int64_t max_us = (int64_t)max_ms * 1000;
    for (uint32_t i = 1; i < tries && ceiling_us < max_us; i++) {
        ceiling_us *= 2;
    }
    if (max_us > 0 && ceiling_us > max_us) {
        ceiling_us = max_us;
    }
    return (int64_t)xd_random_below(random, (uint64_t)ceiling_us + 1);
}
