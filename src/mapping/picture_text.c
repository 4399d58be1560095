/* What all pictures share: characters, digit families, text in an arena, numbers as digits. Pure;
 * see picture_int.h. */
#include "mapping/picture_int.h"

uint32_t xd_picture_next(xd_str s, size_t *at)
{
    unsigned char c = (unsigned char)s.ptr[(*at)++];
    if (c < 0x80) {
        return c;
    }
    uint32_t value = c >= 0xF0 ? c & 0x07u : c >= 0xE0 ? c & 0x0Fu : c & 0x1Fu;
    while (*at < s.len && ((unsigned char)s.ptr[*at] & 0xC0) == 0x80) {
        value = value << 6 | ((unsigned char)s.ptr[(*at)++] & 0x3Fu);
    }
    return value;
}

/* The zeros of Unicode 15, category Nd. */
static const uint32_t zeros[] = {
    0x30,    0x660,   0x6F0,   0x7C0,   0x966,   0x9E6,   0xA66,   0xAE6,   0xB66,   0xBE6,
    0xC66,   0xCE6,   0xD66,   0xDE6,   0xE50,   0xED0,   0xF20,   0x1040,  0x1090,  0x17E0,
    0x1810,  0x1946,  0x19D0,  0x1A80,  0x1A90,  0x1B50,  0x1BB0,  0x1C40,  0x1C50,  0xA620,
    0xA8D0,  0xA900,  0xA9D0,  0xA9F0,  0xAA50,  0xABF0,  0xFF10,  0x104A0, 0x10D30, 0x11066,
    0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x11730, 0x118E0,
    0x11950, 0x11C50, 0x11D50, 0x11DA0, 0x16A60, 0x16AC0, 0x16B50, 0x1D7CE, 0x1D7D8, 0x1D7E2,
    0x1D7EC, 0x1D7F6, 0x1E140, 0x1E2F0, 0x1E950, 0x1FBF0,
};

uint32_t xd_picture_family(uint32_t c)
{
    for (size_t i = 0; i < sizeof zeros / sizeof zeros[0] && zeros[i] <= c; i++) {
        if (c <= zeros[i] + 9) {
            return zeros[i];
        }
    }
    return 0;
}

void xd_picture_put(xd_picture_text *text, xd_str s)
{
    if (text->failed || s.len == 0) {
        return;
    }
    if (s.len > text->size - text->len) {
        size_t size = (text->size + s.len) * 2 + 48;
        char *grown = size > text->size ? xd_arena_alloc(text->arena, size) : NULL;
        if (!grown) {
            text->failed = true;
            return;
        }
        if (text->len) {
            memcpy(grown, text->ptr, text->len);
        }
        text->ptr = grown;
        text->size = size;
    }
    memcpy(text->ptr + text->len, s.ptr, s.len);
    text->len += s.len;
}

void xd_picture_put_char(xd_picture_text *text, uint32_t c)
{
    char bytes[4];
    size_t n;
    if (c < 0x80) {
        bytes[0] = (char)c;
        n = 1;
    } else if (c < 0x800) {
        bytes[0] = (char)(0xC0 | c >> 6);
        n = 2;
    } else if (c < 0x10000) {
        bytes[0] = (char)(0xE0 | c >> 12);
        n = 3;
    } else {
        bytes[0] = (char)(0xF0 | c >> 18);
        n = 4;
    }
    for (size_t i = 1; i < n; i++) {
        bytes[i] = (char)(0x80 | (c >> (6 * (n - 1 - i)) & 0x3F));
    }
    xd_picture_put(text, (xd_str){bytes, n});
}

xd_status xd_picture_finish(const xd_picture_text *text, xd_str *ret, xd_fault *fault)
{
    if (text->failed) {
        return xd_fail(fault, XD_NO_MEMORY, NULL, "There is no memory for a formatted text.");
    }
    *ret = text->len ? (xd_str){text->ptr, text->len} : XD_STR("");
    return XD_OK;
}

static void trim(xd_picture_number *n)
{
    int32_t lead = 0;
    while (lead < n->count && n->digit[lead] == '0') {
        lead++;
    }
    if (lead > 0) {
        n->count -= lead;
        n->point -= lead;
        memmove(n->digit, n->digit + lead, (size_t)n->count);
    }
    while (n->count > 0 && n->digit[n->count - 1] == '0') {
        n->count--;
    }
    if (n->count == 0) {
        n->point = 0;
        n->negative = false;
    }
}

static xd_status not_a_number(xd_str text, xd_fault *fault)
{
    return xd_fail(fault, XD_INVALID, "D3030", "\"%.*s\" is not a number.", XD_FMT(text));
}

xd_status xd_picture_read_number(xd_str text, xd_picture_number *ret, xd_fault *fault)
{
    xd_picture_number *n = ret;
    n->negative = text.len > 0 && text.ptr[0] == '-';
    n->count = 0;
    n->point = 0;
    bool fraction = false;
    bool any = false;
    size_t i = n->negative ? 1 : 0;
    for (; i < text.len && (text.ptr[i] == '.' || (text.ptr[i] >= '0' && text.ptr[i] <= '9'));
         i++) {
        if (text.ptr[i] == '.') {
            if (fraction) {
                return not_a_number(text, fault);
            }
            fraction = true;
            continue;
        }
        any = true;
        if (n->count == XD_PICTURE_MAX_DIGITS) {
            return xd_fail(fault, XD_OVERFLOW, "D1001", "A number has more than %d digits.",
                           XD_PICTURE_MAX_DIGITS);
        }
        n->digit[n->count++] = text.ptr[i];
        n->point += fraction ? 0 : 1;
    }
    int64_t exponent = 0;
    if (any && i < text.len && (text.ptr[i] | 0x20) == 'e') {
        any = xd_str_to_int64((xd_str){text.ptr + i + 1, text.len - i - 1}, &exponent);
        i = text.len;
    }
    if (!any || i < text.len) {
        return not_a_number(text, fault);
    }
    trim(n);
    if (n->count > 0) {
        if (exponent > XD_PICTURE_MAX_DIGITS || exponent < -XD_PICTURE_MAX_DIGITS ||
            n->point + exponent > XD_PICTURE_MAX_DIGITS) {
            return xd_fail(fault, XD_OVERFLOW, "D1001", "A number is out of range.");
        }
        n->point += (int32_t)exponent;
    }
    return XD_OK;
}

void xd_picture_round(xd_picture_number *n, int32_t places)
{
    int32_t keep = n->point + places; /* digits that stay */
    if (keep >= n->count) {
        return;
    }
    if (keep < 0) {
        n->count = 0;
        trim(n);
        return;
    }
    bool odd = keep > 0 && (n->digit[keep - 1] - '0') % 2 == 1;
    bool up = n->digit[keep] > '5' || (n->digit[keep] == '5' && (n->count > keep + 1 || odd));
    n->count = keep;
    int32_t at = keep - 1;
    for (; up && at >= 0; at--) {
        if (n->digit[at] < '9') {
            n->digit[at]++;
            up = false;
        } else {
            n->digit[at] = '0';
        }
    }
    if (up) { /* 9.99 became 10.0: the zeros behind the new 1 are implied */
        bool negative = n->negative;
        n->digit[0] = '1';
        n->count = 1;
        n->point++;
        n->negative = negative;
    }
    trim(n);
}
