/* Edit distance between short words. See nearest.h. Owns nothing; calls str only. */
#include "canon/nearest.h"

enum { MAX_WORD = 48 }; /* longer words have no near neighbour among ours */

xd_nearest xd_nearest_to(xd_str word)
{
    return (xd_nearest){.word = word, .distance = word.len / 3 + 2};
}

/* Levenshtein distance; both at most MAX_WORD bytes. */
static size_t edits(xd_str a, xd_str b)
{
    size_t row[MAX_WORD + 1];
    for (size_t j = 0; j <= b.len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t replaced = diagonal + (a.ptr[i - 1] != b.ptr[j - 1]);
            size_t moved = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = replaced < moved ? replaced : moved;
        }
    }
    return row[b.len];
}

void xd_nearest_offer(xd_nearest *nearest, const char *candidate)
{
    xd_str other = xd_str_from(candidate);
    if (nearest->word.len > MAX_WORD || other.len > MAX_WORD) {
        return;
    }
    size_t distance = edits(nearest->word, other);
    if (distance < nearest->distance) {
        nearest->best = candidate;
        nearest->distance = distance;
    }
}
