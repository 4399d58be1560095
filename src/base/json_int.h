/* What the JSON reader and writer share: the scan for bytes that need no treatment inside a string,
 * and a stable sort of members. Private to src/base. Owns nothing; pure. */
#ifndef XD_BASE_JSON_INT_H
#define XD_BASE_JSON_INT_H

#include "base/json.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* Whether c stands for itself in a JSON string: no quote, backslash or control character, and,
 * where stop_high asks for it, ASCII. */
static inline bool xd_json_is_plain(uint8_t c, bool stop_high)
{
    return c >= 0x20 && c != '"' && c != '\\' && !(stop_high && c >= 0x80);
}

/* The first byte of [p, end) that is not plain, or end. Eight bytes a step with ordinary integers:
 * the form for machines without SSE2, and the reference the other form is tested against. */
static inline const uint8_t *xd_json_plain_run_swar(const uint8_t *p, const uint8_t *end,
                                                    bool stop_high)
{
    const uint64_t ones = 0x0101010101010101u;
    const uint64_t highs = 0x8080808080808080u;
    while (end - p >= 8) {
        uint64_t x;
        memcpy(&x, p, sizeof x);
        uint64_t quote = x ^ (ones * '"');
        uint64_t backslash = x ^ (ones * '\\');
        /* Each term raises the high bit of a byte that is zero (or below 0x20) and may raise those
         * after it; that is enough to know that the exact search below has something to find. */
        uint64_t stop = ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) |
                        ((x - ones * 0x20) & ~x) | (stop_high ? x : 0);
        if (stop & highs) {
            break;
        }
        p += 8;
    }
    while (p < end && xd_json_is_plain(*p, stop_high)) {
        p++;
    }
    return p;
}

/* The first byte of [p, end) that is not plain, or end. Never reads outside [p, end). */
static inline const uint8_t *xd_json_plain_run(const uint8_t *p, const uint8_t *end, bool stop_high)
{
#if defined(__SSE2__)
    const __m128i quotes = _mm_set1_epi8('"');
    const __m128i backslashes = _mm_set1_epi8('\\');
    while (end - p >= 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
        /* Signed, bytes from 0x80 on are below 0x20 as well, so one comparison finds both. */
        __m128i low = stop_high ? _mm_cmplt_epi8(x, _mm_set1_epi8(0x20))
                                : _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(0x1f)), x);
        __m128i stop = _mm_or_si128(
            low, _mm_or_si128(_mm_cmpeq_epi8(x, quotes), _mm_cmpeq_epi8(x, backslashes)));
        unsigned mask = (unsigned)_mm_movemask_epi8(stop);
        if (mask) {
            return p + __builtin_ctz(mask);
        }
        p += 16;
    }
#endif
    return xd_json_plain_run_swar(p, end, stop_high);
}

/* One member to be sorted. key decides first and name breaks ties, so that most comparisons touch
 * no string: a hash where only equal names need to meet, the first bytes where order matters. */
typedef struct xd_json_entry {
    uint64_t key;
    const xd_json_member *member; /* borrows */
} xd_json_entry;

/* Sorts n entries by key and then by the bytes of the name; equal ones keep their order. spare
 * holds n entries as well. Never worse than n log n comparisons, whatever the names. */
void xd_json_sort(xd_json_entry *entries, xd_json_entry *spare, size_t n);

#endif
