/* Page checksums. See page_sum.h. */
#include "page_sum.h"

#include <string.h>

static const uint64_t P1 = UINT64_C(0x9E3779B185EBCA87);
static const uint64_t P2 = UINT64_C(0xC2B2AE3D27D4EB4F);
static const uint64_t P3 = UINT64_C(0x165667B19E3779F9);
static const uint64_t P4 = UINT64_C(0x85EBCA77C2B2AE63);
static const uint64_t P5 = UINT64_C(0x27D4EB2F165667C5);

static uint64_t rotate(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static uint64_t word64(const unsigned char *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof x);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    x = __builtin_bswap64(x);
#endif
    return x;
}

static uint64_t word32(const unsigned char *p)
{
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24;
}

static uint64_t mix_in(uint64_t lane, uint64_t word)
{
    return rotate(lane + word * P2, 31) * P1;
}

static uint64_t merge(uint64_t h, uint64_t lane)
{
    return (h ^ mix_in(0, lane)) * P1 + P4;
}

static uint64_t four_lanes(const unsigned char **cursor, const unsigned char *end, uint64_t seed)
{
    const unsigned char *p = *cursor;
    uint64_t a = seed + P1 + P2;
    uint64_t b = seed + P2;
    uint64_t c = seed;
    uint64_t d = seed - P1;
    for (; end - p >= 32; p += 32) {
        a = mix_in(a, word64(p));
        b = mix_in(b, word64(p + 8));
        c = mix_in(c, word64(p + 16));
        d = mix_in(d, word64(p + 24));
    }
    *cursor = p;
    uint64_t h = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18);
    return merge(merge(merge(merge(h, a), b), c), d);
}

uint64_t xd_xxh64(const void *bytes, size_t n, uint64_t seed)
{
    const unsigned char *p = bytes;
    const unsigned char *end = p + n;
    uint64_t h = (n >= 32 ? four_lanes(&p, end, seed) : seed + P5) + n;
    for (; end - p >= 8; p += 8) {
        h = rotate(h ^ mix_in(0, word64(p)), 27) * P1 + P4;
    }
    if (end - p >= 4) {
        h = rotate(h ^ word32(p) * P1, 23) * P2 + P3;
        p += 4;
    }
    for (; p < end; p++) {
        h = rotate(h ^ *p * P5, 11) * P1;
    }
    h = (h ^ h >> 33) * P2;
    h = (h ^ h >> 29) * P3;
    return h ^ h >> 32;
}

uint64_t xd_page_sum(const void *page, uint32_t number)
{
    uint64_t sum = xd_xxh64(page, XD_SQLITE_SUMMED_BYTES, number);
    return sum ? sum : P5;
}

xd_page_state xd_page_check(const void *page, uint32_t number)
{
    uint64_t stored = word64((const unsigned char *)page + XD_SQLITE_SUMMED_BYTES);
    if (stored == 0) {
        return XD_PAGE_UNSUMMED;
    }
    return stored == xd_page_sum(page, number) ? XD_PAGE_GOOD : XD_PAGE_DAMAGED;
}

void xd_page_seal(void *page, uint32_t number)
{
    unsigned char *sum = (unsigned char *)page + XD_SQLITE_SUMMED_BYTES;
    uint64_t value = xd_page_sum(page, number);
    for (int i = 0; i < XD_SQLITE_SUM_BYTES; i++) {
        sum[i] = (unsigned char)(value >> (8 * i));
    }
}
