/* A small seeded generator (splitmix64, Steele, Lea, Flood 2014) for jitter, tests and simulation:
 * the same seed gives the same numbers everywhere. Not for secrets. Pure. */
#ifndef XD_BASE_RANDOM_H
#define XD_BASE_RANDOM_H

#include <stdint.h>

typedef struct xd_random {
    uint64_t state;
} xd_random;

static inline uint64_t xd_random_next(xd_random *random)
{
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* 0..limit-1; limit 0 gives 0. The bias of the remainder is below limit / 2^64. */
static inline uint64_t xd_random_below(xd_random *random, uint64_t limit)
{
    return limit ? xd_random_next(random) % limit : 0;
}

#endif
