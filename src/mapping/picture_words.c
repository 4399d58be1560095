/* Integers as English words, both ways. Pure; see picture_int.h. */
#include "mapping/picture_int.h"

enum { MAX_SEGMENTS = 24, SEGMENT_PLACES = 48, TRILLION_ZEROS = 12 };

static const char *const cardinals[20] = {
    "Zero",     "One",     "Two",     "Three",     "Four",     "Five",    "Six",
    "Seven",    "Eight",   "Nine",    "Ten",       "Eleven",   "Twelve",  "Thirteen",
    "Fourteen", "Fifteen", "Sixteen", "Seventeen", "Eighteen", "Nineteen"};
static const char *const ordinals[20] = {
    "Zeroth",     "First",     "Second",    "Third",       "Fourth",     "Fifth",     "Sixth",
    "Seventh",    "Eighth",    "Ninth",     "Tenth",       "Eleventh",   "Twelfth",   "Thirteenth",
    "Fourteenth", "Fifteenth", "Sixteenth", "Seventeenth", "Eighteenth", "Nineteenth"};
static const char *const tens[10] = {"",      "",      "Twenty",  "Thirty", "Forty",
                                     "Fifty", "Sixty", "Seventy", "Eighty", "Ninety"};
static const char *const tenths[10] = {"",          "",         "Twentieth", "Thirtieth",
                                       "Fortieth",  "Fiftieth", "Sixtieth",  "Seventieth",
                                       "Eightieth", "Ninetieth"};
static const char *const magnitudes[5] = {"Hundred", "Thousand", "Million", "Billion", "Trillion"};
static const int magnitude_zeros[5] = {2, 3, 6, 9, TRILLION_ZEROS};

typedef struct writer {
    xd_picture_text *out;
    xd_picture_case letter_case;
} writer;

/* Words are kept in title case; the small words between them stay small there. */
static void put_word(const writer *w, const char *word)
{
    for (const char *p = word; *p; p++) {
        char c = w->letter_case == XD_PICTURE_UPPER   ? xd_picture_upper(*p)
                 : w->letter_case == XD_PICTURE_LOWER ? xd_picture_lower(*p)
                                                      : *p;
        xd_picture_put(w->out, (xd_str){&c, 1});
    }
}

static xd_str without_zeros(xd_str digits)
{
    while (digits.len > 1 && digits.ptr[0] == '0') {
        digits.ptr++;
        digits.len--;
    }
    return digits;
}

static void put_below_hundred(const writer *w, int value, bool follows, bool ordinal)
{
    if (follows) {
        put_word(w, " and ");
    }
    if (value < 20) {
        put_word(w, ordinal ? ordinals[value] : cardinals[value]);
    } else if (value % 10 == 0) {
        put_word(w, ordinal ? tenths[value / 10] : tens[value / 10]);
    } else {
        put_word(w, tens[value / 10]);
        put_word(w, "-");
        put_word(w, ordinal ? ordinals[value % 10] : cardinals[value % 10]);
    }
}

/* follows: words of larger value stand before. Calls itself for the parts, one level for every
 * twelve digits. */
static void put_number(const writer *w, xd_str digits, bool follows, bool ordinal)
{
    digits = without_zeros(digits);
    if (digits.len <= 2) {
        int value = digits.ptr[0] - '0';
        value = digits.len == 2 ? value * 10 + digits.ptr[1] - '0' : value;
        put_below_hundred(w, value, follows, ordinal);
        return;
    }
    if (follows) {
        put_word(w, ", ");
    }
    size_t magnitude = digits.len == 3 ? 0 : (digits.len - 1) / 3;
    magnitude = magnitude > 4 ? 4 : magnitude;
    size_t split = digits.len - (size_t)magnitude_zeros[magnitude];
    put_number(w, (xd_str){digits.ptr, split}, false, false);
    put_word(w, " ");
    put_word(w, magnitudes[magnitude]);
    xd_str rest = without_zeros((xd_str){digits.ptr + split, digits.len - split});
    if (rest.ptr[0] != '0') {
        put_number(w, rest, true, ordinal);
    } else if (ordinal) {
        put_word(w, "th");
    }
}

void xd_picture_write_words(xd_str digits, xd_picture_case letter_case, bool ordinal,
                            xd_picture_text *out)
{
    writer w = {out, letter_case};
    put_number(&w, digits, false, ordinal);
}

/* ---- reading ---- */

/* A part of the number, base 10^6, least first: enough for 10^288. */
typedef struct segment {
    uint32_t place[SEGMENT_PLACES];
} segment;

enum { PLACE_BASE = 1000000 };

/* Both false when the sum or product has no room. */
static bool segment_add(segment *a, const segment *b)
{
    uint32_t carry = 0;
    for (int i = 0; i < SEGMENT_PLACES; i++) {
        uint32_t sum = a->place[i] + b->place[i] + carry;
        carry = sum / PLACE_BASE;
        a->place[i] = sum % PLACE_BASE;
    }
    return carry == 0;
}

static bool segment_scale(segment *a, int zeros)
{
    for (; zeros > 0; zeros -= 3) {
        uint64_t factor = zeros == 2 ? 100 : 1000;
        uint64_t carry = 0;
        for (int i = 0; i < SEGMENT_PLACES; i++) {
            uint64_t product = a->place[i] * factor + carry;
            carry = product / PLACE_BASE;
            a->place[i] = (uint32_t)(product % PLACE_BASE);
        }
        if (carry) {
            return false;
        }
    }
    return true;
}

static bool word_is(xd_str word, const char *known, const char *ending)
{
    size_t n = strlen(known);
    size_t e = strlen(ending);
    if (word.len != n + e) {
        return false;
    }
    for (size_t i = 0; i < word.len; i++) {
        if (xd_picture_lower(word.ptr[i]) != xd_picture_lower(i < n ? known[i] : ending[i - n])) {
            return false;
        }
    }
    return true;
}

/* A value below 100 in *ret_value, or the zeros of a magnitude in *ret_zeros. */
static bool find_word(xd_str word, uint32_t *ret_value, int *ret_zeros)
{
    *ret_zeros = 0;
    for (uint32_t i = 0; i < 20; i++) {
        if (word_is(word, cardinals[i], "") || word_is(word, ordinals[i], "")) {
            *ret_value = i;
            return true;
        }
    }
    for (uint32_t i = 2; i < 10; i++) {
        if (word_is(word, tens[i], "") || word_is(word, tenths[i], "")) {
            *ret_value = i * 10;
            return true;
        }
    }
    for (int i = 0; i < 5; i++) {
        if (word_is(word, magnitudes[i], "") || word_is(word, magnitudes[i], "th")) {
            *ret_zeros = magnitude_zeros[i];
            return true;
        }
    }
    return false;
}

/* Parts in the order read. A magnitude multiplies the last part; trillion, the largest word,
 * multiplies all that stand before it: "one thousand and two trillion" is 1,002 trillion. */
typedef struct reader {
    segment segments[MAX_SEGMENTS];
    uint32_t count;
} reader;

static bool take_value(reader *r, uint32_t value)
{
    segment *last = &r->segments[r->count - 1];
    bool large = last->place[0] >= 1000;
    for (int i = 1; i < SEGMENT_PLACES; i++) {
        large = large || last->place[i] > 0;
    }
    if (large) {
        if (r->count == MAX_SEGMENTS) {
            return false;
        }
        r->count++;
        last++;
        memset(last, 0, sizeof *last);
    }
    last->place[0] += value;
    return true;
}

static bool take_magnitude(reader *r, int zeros)
{
    segment product = r->segments[r->count - 1];
    if (!segment_scale(&product, zeros)) {
        return false;
    }
    while (zeros == TRILLION_ZEROS && r->count > 1) {
        segment before = r->segments[r->count - 2];
        if (!segment_scale(&before, zeros) || !segment_add(&product, &before)) {
            return false;
        }
        r->count--;
    }
    r->segments[r->count - 1] = product;
    return true;
}

static bool write_sum(reader *r, char *ret_digits, size_t *ret_count)
{
    segment *sum = &r->segments[0];
    for (uint32_t i = 1; i < r->count; i++) {
        if (!segment_add(sum, &r->segments[i])) {
            return false;
        }
    }
    size_t n = 0;
    for (int i = SEGMENT_PLACES - 1; i >= 0; i--) {
        for (uint32_t unit = PLACE_BASE / 10; unit > 0; unit /= 10) {
            char digit = (char)('0' + sum->place[i] / unit % 10);
            if (n > 0 || digit != '0') {
                ret_digits[n++] = digit;
            }
        }
    }
    if (n == 0) {
        ret_digits[n++] = '0';
    }
    *ret_count = n;
    return true;
}

bool xd_picture_match_words(xd_str text, char *ret_digits, size_t *ret_count)
{
    reader r;
    memset(&r.segments[0], 0, sizeof r.segments[0]);
    r.count = 1;
    bool any = false;
    size_t at = 0;
    while (at < text.len) {
        size_t end = at;
        while (end < text.len && xd_picture_is_letter(text.ptr[end])) {
            end++;
        }
        xd_str word = {text.ptr + at, end - at};
        uint32_t value = 0;
        int zeros = 0;
        if (word.len == 0) { /* one of the signs between words */
            if (!any || (text.ptr[at] != ' ' && text.ptr[at] != '-' && text.ptr[at] != ',') ||
                at + 1 == text.len) {
                return false;
            }
            end = at + 1;
        } else if (any && word_is(word, "and", "")) {
            if (end == text.len) {
                return false;
            }
        } else if (!find_word(word, &value, &zeros) ||
                   !(zeros ? take_magnitude(&r, zeros) : take_value(&r, value))) {
            return false;
        } else {
            any = true;
        }
        at = end;
    }
    return any && write_sum(&r, ret_digits, ret_count);
}
