/* Simple case mapping of characters (Unicode 15, UnicodeData.txt) for the scripts that have case
 * and are in use: Latin, Greek, Cyrillic, Armenian, full-width. Pure. */
#include "mapping/functions.h"

/* Upper-case letters first..last, every step-th one, and how far away the small letter is. */
static const struct range {
    uint32_t first, last, step;
    int32_t to_lower;
} ranges[] = {
    {0x41, 0x5a, 1, 32},     {0xc0, 0xd6, 1, 32},     {0xd8, 0xde, 1, 32},
    {0x100, 0x12e, 2, 1},    {0x132, 0x136, 2, 1},    {0x139, 0x147, 2, 1},
    {0x14a, 0x176, 2, 1},    {0x178, 0x178, 1, -121}, {0x179, 0x17d, 2, 1},
    {0x1cd, 0x1db, 2, 1},    {0x1de, 0x1ee, 2, 1},    {0x1f8, 0x21e, 2, 1},
    {0x222, 0x232, 2, 1},    {0x386, 0x386, 1, 38},   {0x388, 0x38a, 1, 37},
    {0x38c, 0x38c, 1, 64},   {0x38e, 0x38f, 1, 63},   {0x391, 0x3a1, 1, 32},
    {0x3a3, 0x3ab, 1, 32},   {0x400, 0x40f, 1, 80},   {0x410, 0x42f, 1, 32},
    {0x460, 0x480, 2, 1},    {0x48a, 0x4be, 2, 1},    {0x4c0, 0x4c0, 1, 15},
    {0x4c1, 0x4cd, 2, 1},    {0x4d0, 0x52e, 2, 1},    {0x531, 0x556, 1, 48},
    {0x1e00, 0x1e94, 2, 1},  {0x1ea0, 0x1efe, 2, 1},  {0x2160, 0x216f, 1, 16},
    {0x24b6, 0x24cf, 1, 26}, {0xff21, 0xff3a, 1, 32}, {0x10400, 0x10427, 1, 40},
};

enum { RANGES = sizeof ranges / sizeof ranges[0] };

uint32_t xd_unicode_lower(uint32_t c)
{
    for (int i = 0; i < RANGES && ranges[i].first <= c; i++) {
        if (c <= ranges[i].last && (c - ranges[i].first) % ranges[i].step == 0) {
            return (uint32_t)((int32_t)c + ranges[i].to_lower);
        }
    }
    return c;
}

uint32_t xd_unicode_upper(uint32_t c)
{
    switch (c) { /* small letters that share their capital with another */
    case 0xb5:
        return 0x39c;
    case 0x131:
        return 'I';
    case 0x17f:
        return 'S';
    case 0x3c2:
        return 0x3a3;
    default:
        break;
    }
    for (int i = 0; i < RANGES; i++) {
        uint32_t capital = (uint32_t)((int32_t)c - ranges[i].to_lower);
        if (capital >= ranges[i].first && capital <= ranges[i].last &&
            (capital - ranges[i].first) % ranges[i].step == 0) {
            return capital;
        }
    }
    return c;
}
