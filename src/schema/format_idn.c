/* Host names: RFC 1123, and those in all scripts (RFC 5890 to 5893, punycode of RFC 3492). A label
 * is read into code points, and then every code point must be allowed where it stands. That labels
 * are in normalisation form C is not checked. See schema_int.h. Pure. */
#include "schema/schema_int.h"
#include "schema/unicode.h"

enum { LABEL_BYTES = 63, NAME_BYTES = 253 };

struct label {
    uint32_t code[LABEL_BYTES]; /* more never fit into 63 bytes of punycode */
    size_t count;
};

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

/* --- punycode --- */

enum { BASE = 36, T_MIN = 1, T_MAX = 26, SKEW = 38, DAMP = 700, FIRST_BIAS = 72, FIRST_CODE = 128 };

static uint32_t adapt(uint32_t delta, uint32_t points, bool first)
{
    delta = first ? delta / DAMP : delta / 2;
    delta += delta / points;
    uint32_t k = 0;
    for (; delta > (BASE - T_MIN) * T_MAX / 2; k += BASE) {
        delta /= BASE - T_MIN;
    }
    return k + (BASE - T_MIN + 1) * delta / (delta + SKEW);
}

static uint32_t threshold(uint32_t k, uint32_t bias)
{
    return k <= bias ? T_MIN : k >= bias + T_MAX ? T_MAX : k - bias;
}

static bool decode_punycode(xd_str text, struct label *label)
{
    size_t basic = text.len;
    while (basic > 0 && text.ptr[basic - 1] != '-') {
        basic--;
    }
    label->count = 0;
    for (size_t i = 0; i + 1 < basic; i++) {
        label->code[label->count++] = (uint8_t)lower(text.ptr[i]);
    }
    uint32_t n = FIRST_CODE;
    uint32_t i = 0;
    uint32_t bias = FIRST_BIAS;
    for (size_t at = basic; at < text.len;) {
        uint32_t before = i;
        uint32_t weight = 1;
        for (uint32_t k = BASE;; k += BASE) {
            if (at == text.len) {
                return false;
            }
            char c = lower(text.ptr[at++]);
            uint32_t digit = c >= 'a' && c <= 'z'   ? (uint32_t)(c - 'a')
                             : c >= '0' && c <= '9' ? (uint32_t)(c - '0' + 26)
                                                    : BASE;
            if (digit >= BASE || (digit && weight > (UINT32_MAX - i) / digit)) {
                return false;
            }
            i += digit * weight;
            uint32_t t = threshold(k, bias);
            if (digit < t) {
                break;
            }
            if (weight > UINT32_MAX / (BASE - t)) {
                return false;
            }
            weight *= BASE - t;
        }
        uint32_t points = (uint32_t)label->count + 1;
        bias = adapt(i - before, points, before == 0);
        if (i / points > 0x10ffff - n || label->count == LABEL_BYTES) {
            return false;
        }
        n += i / points;
        i %= points;
        memmove(&label->code[i + 1], &label->code[i], (label->count - i) * sizeof label->code[0]);
        label->code[i++] = n;
        label->count++;
    }
    return true;
}

/* Length of the label in punycode, without "xn--"; what is written goes to out (64 bytes), and a
 * longer one answers 64. */
static size_t encode_punycode(const struct label *label, char *out)
{
    size_t length = 0;
    uint32_t done = 0;
    for (size_t i = 0; i < label->count; i++) {
        if (label->code[i] < FIRST_CODE) {
            out[length++] = (char)label->code[i];
            done++;
        }
    }
    uint32_t basic = done;
    if (basic && length < LABEL_BYTES) {
        out[length++] = '-';
    }
    uint32_t n = FIRST_CODE;
    uint32_t delta = 0;
    uint32_t bias = FIRST_BIAS;
    while (done < label->count) {
        uint32_t next = UINT32_MAX;
        for (size_t i = 0; i < label->count; i++) {
            next = label->code[i] >= n && label->code[i] < next ? label->code[i] : next;
        }
        delta += (next - n) * (done + 1);
        n = next;
        for (size_t i = 0; i < label->count; i++) {
            delta += label->code[i] < n;
            if (label->code[i] != n) {
                continue;
            }
            uint32_t q = delta;
            for (uint32_t k = BASE;; k += BASE) {
                uint32_t t = threshold(k, bias);
                if (length == 64) {
                    return 64;
                }
                uint32_t digit = q < t ? q : t + (q - t) % (BASE - t);
                out[length++] = (char)(digit < 26 ? 'a' + digit : '0' + (digit - 26));
                if (q < t) {
                    break;
                }
                q = (q - t) / (BASE - t);
            }
            bias = adapt(delta, done + 1, done == basic);
            delta = 0;
            done++;
        }
        delta++;
        n++;
    }
    return length;
}

/* --- the rules of one label --- */

static bool is_hebrew(uint32_t c)
{
    return c >= 0x591 && c <= 0x5f4;
}

static bool is_greek(uint32_t c)
{
    return (c >= 0x370 && c <= 0x3ff && c != 0x374) || (c >= 0x1f00 && c <= 0x1fff);
}

static bool is_japanese(uint32_t c)
{
    return (c >= 0x3041 && c <= 0x309f && c != 0x3099 && c != 0x309a) ||
           (c >= 0x30a1 && c <= 0x30ff && c != 0x30fb && c != 0x30fc) || c == 0x3005 ||
           c == 0x3007 || (c >= 0x31f0 && c <= 0x31ff) || (c >= 0x3400 && c <= 0x9fff) ||
           (c >= 0x20000 && c <= 0x3ffff);
}

/* Letters of scripts whose letters join: those that join on both sides, and those that only join to
 * the one before (Unicode, ArabicShaping). */
static bool joins_after(uint32_t c)
{
    static const uint16_t only_before[] = {
        0x622, 0x623, 0x624, 0x625, 0x627, 0x629, 0x62f, 0x630, 0x631, 0x632, 0x648, 0x671,
        0x672, 0x673, 0x675, 0x676, 0x677, 0x6c0, 0x6c3, 0x6c4, 0x6c5, 0x6c6, 0x6c7, 0x6c8,
        0x6c9, 0x6ca, 0x6cb, 0x6cd, 0x6cf, 0x6d2, 0x6d3, 0x6d5, 0x6ee, 0x6ef, 0x621, 0x674};
    for (size_t i = 0; i < sizeof only_before / sizeof only_before[0]; i++) {
        if (c == only_before[i]) {
            return false;
        }
    }
    return (c >= 0x620 && c <= 0x6ff && !(c >= 0x688 && c <= 0x699) && c != 0x6d4) ||
           (c >= 0x712 && c <= 0x7ff) || (c >= 0x840 && c <= 0x8ff) || (c >= 0x1807 && c <= 0x18aa);
}

static bool joins_before(uint32_t c)
{
    return c != 0x621 && c != 0x674 &&
           (joins_after(c) || (c >= 0x620 && c <= 0x6ff) || (c >= 0x710 && c <= 0x74f));
}

/* Zero width non-joiner between letters that would join (RFC 5892, appendix A.1). */
static bool is_between_joining(const struct label *label, size_t at)
{
    size_t before = at;
    while (before > 0 && xd_unicode_is_mark(label->code[before - 1])) {
        before--;
    }
    size_t after = at + 1;
    while (after < label->count && xd_unicode_is_mark(label->code[after])) {
        after++;
    }
    return before > 0 && after < label->count && joins_after(label->code[before - 1]) &&
           joins_before(label->code[after]);
}

static bool holds_any(const struct label *label, uint32_t first, uint32_t last)
{
    for (size_t i = 0; i < label->count; i++) {
        if (label->code[i] >= first && label->code[i] <= last) {
            return true;
        }
    }
    return false;
}

static bool holds_japanese(const struct label *label)
{
    for (size_t i = 0; i < label->count; i++) {
        if (is_japanese(label->code[i])) {
            return true;
        }
    }
    return false;
}

/* What may stand only in some company (RFC 5892, appendix A); *ret_known tells whether c is such.
 */
static bool fits_context(const struct label *label, size_t at, bool *ret_known)
{
    uint32_t before = at ? label->code[at - 1] : 0;
    uint32_t after = at + 1 < label->count ? label->code[at + 1] : 0;
    uint32_t c = label->code[at];
    *ret_known = true;
    if (c >= 0x660 && c <= 0x669) {
        return !holds_any(label, 0x6f0, 0x6f9);
    }
    if (c >= 0x6f0 && c <= 0x6f9) {
        return !holds_any(label, 0x660, 0x669);
    }
    switch (c) {
    case 0xb7:
        return before == 'l' && after == 'l';
    case 0x375:
        return is_greek(after);
    case 0x5f3:
    case 0x5f4:
        return is_hebrew(before);
    case 0x30fb:
        return holds_japanese(label);
    case 0x200d:
        return xd_unicode_is_virama(before);
    case 0x200c:
        return xd_unicode_is_virama(before) || is_between_joining(label, at);
    default:
        *ret_known = false;
        return false;
    }
}

static bool is_u_label(const struct label *label)
{
    const uint32_t *code = label->code;
    size_t count = label->count;
    bool hyphens = count >= 4 && code[2] == '-' && code[3] == '-';
    if (count == 0 || hyphens || code[0] == '-' || code[count - 1] == '-' ||
        xd_unicode_is_mark(code[0])) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        bool known;
        bool fits = fits_context(label, i, &known);
        if (!(known ? fits : xd_unicode_is_allowed(code[i]))) {
            return false;
        }
    }
    return true;
}

/* RFC 5893, section 2: the rule for a label of a name in which something runs right to left. */
static bool follows_bidi_rule(const struct label *label)
{
    bool arabic = false;
    bool european = false;
    xd_unicode_direction first = xd_unicode_direction_of(label->code[0]);
    bool right = first == XD_UNICODE_RIGHT_TO_LEFT;
    if (!right && first != XD_UNICODE_LEFT_TO_RIGHT) {
        return false;
    }
    xd_unicode_direction last = first;
    for (size_t i = 0; i < label->count; i++) {
        xd_unicode_direction d = xd_unicode_direction_of(label->code[i]);
        arabic |= d == XD_UNICODE_ARABIC_NUMBER;
        european |= d == XD_UNICODE_EUROPEAN_NUMBER;
        bool against = right ? d == XD_UNICODE_LEFT_TO_RIGHT
                             : d == XD_UNICODE_RIGHT_TO_LEFT || d == XD_UNICODE_ARABIC_NUMBER;
        if (against) {
            return false;
        }
        last = d == XD_UNICODE_NOT_SPACING ? last : d;
    }
    bool ends = last == first || last == XD_UNICODE_EUROPEAN_NUMBER ||
                (right && last == XD_UNICODE_ARABIC_NUMBER);
    return ends && !(right && arabic && european);
}

/* --- labels as they are written --- */

static bool is_ascii_label(xd_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = lower(text.ptr[i]);
        bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!letter && !(c == '-' && i > 0 && i + 1 < text.len)) {
            return false;
        }
    }
    return text.len > 0 && text.len <= LABEL_BYTES;
}

static bool is_ascii(xd_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((uint8_t)text.ptr[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

static bool has_ace_prefix(xd_str text)
{
    return text.len >= 4 && lower(text.ptr[0]) == 'x' && lower(text.ptr[1]) == 'n' &&
           text.ptr[2] == '-' && text.ptr[3] == '-';
}

/* "xn--..." that decodes to a label which is encoded in just this way. */
static bool read_a_label(xd_str text, struct label *label)
{
    xd_str code = {text.ptr + 4, text.len - 4};
    if (!is_ascii_label(text) || !decode_punycode(code, label) || !is_u_label(label)) {
        return false;
    }
    bool high = holds_any(label, 0x80, 0x10ffff);
    char again[64];
    if (!high || encode_punycode(label, again) != code.len) {
        return false;
    }
    for (size_t i = 0; i < code.len; i++) {
        if (again[i] != lower(code.ptr[i])) {
            return false;
        }
    }
    return true;
}

/* Reads a label as it is written; *ret_bytes is its length as it travels, in ASCII. */
static bool read_label(xd_str text, struct label *label, size_t *ret_bytes)
{
    label->count = 0;
    *ret_bytes = text.len;
    if (is_ascii(text)) {
        if (has_ace_prefix(text)) {
            return read_a_label(text, label);
        }
        if (!is_ascii_label(text)) {
            return false;
        }
        for (size_t i = 0; i < text.len; i++) {
            label->code[label->count++] = (uint8_t)lower(text.ptr[i]);
        }
        return true;
    }
    for (size_t at = 0; at < text.len;) {
        const uint8_t *b = (const uint8_t *)text.ptr + at;
        size_t length = b[0] < 0x80 ? 1 : b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : 4;
        if (label->count == LABEL_BYTES || length > text.len - at) {
            return false;
        }
        uint32_t c = length == 1 ? b[0] : b[0] & (0x7fu >> length);
        for (size_t i = 1; i < length; i++) {
            c = c << 6 | (b[i] & 0x3f);
        }
        label->code[label->count++] = c;
        at += length;
    }
    char encoded[64];
    *ret_bytes = 4 + encode_punycode(label, encoded);
    return *ret_bytes <= LABEL_BYTES && is_u_label(label);
}

/* Length of the dot at p: '.', or one of the three that stand for it in other scripts. */
static size_t dot_length(xd_str text, size_t at, bool international)
{
    static const char *const dots[] = {"\u3002", "\uff0e", "\uff61"};
    if (text.ptr[at] == '.') {
        return 1;
    }
    for (size_t i = 0; international && i < 3; i++) {
        if (text.len - at >= 3 && memcmp(text.ptr + at, dots[i], 3) == 0) {
            return 3;
        }
    }
    return 0;
}

static bool is_name(xd_str text, bool international)
{
    size_t total = 0;
    bool bidi = false;
    bool all_follow = true;
    size_t from = 0;
    for (;;) {
        size_t end = from;
        while (end < text.len && !dot_length(text, end, international)) {
            end++;
        }
        struct label label;
        size_t bytes;
        xd_str part = {text.ptr + from, end - from};
        if (!read_label(part, &label, &bytes)) {
            return false;
        }
        total += bytes + 1;
        all_follow &= follows_bidi_rule(&label);
        for (size_t i = 0; i < label.count; i++) {
            xd_unicode_direction d = xd_unicode_direction_of(label.code[i]);
            bidi |= d == XD_UNICODE_RIGHT_TO_LEFT || d == XD_UNICODE_ARABIC_NUMBER;
        }
        if (end == text.len) {
            return total - 1 <= NAME_BYTES && (all_follow || !bidi);
        }
        from = end + dot_length(text, end, international);
    }
}

bool xd_schema_format_is_hostname(xd_str text)
{
    return text.len > 0 && text.len <= NAME_BYTES && is_ascii(text) && is_name(text, false);
}

bool xd_schema_format_is_idn_hostname(xd_str text)
{
    return text.len > 0 && is_name(text, true);
}
