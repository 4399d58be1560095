/* Built-in functions on strings. Characters are code points. Owns nothing. Pure. */
#include "mapping/functions.h"

size_t xd_utf8_count(xd_str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        n += ((uint8_t)s.ptr[i] & 0xc0) != 0x80;
    }
    return n;
}

size_t xd_utf8_offset(xd_str s, size_t n)
{
    size_t i = 0;
    while (i < s.len) {
        if (((uint8_t)s.ptr[i] & 0xc0) != 0x80 && n-- == 0) {
            break;
        }
        i++;
    }
    return i;
}

size_t xd_str_find(xd_str s, xd_str needle, size_t from)
{
    if (needle.len == 0) {
        return from;
    }
    while (from + needle.len <= s.len) {
        const char *found = memchr(s.ptr + from, needle.ptr[0], s.len - from - needle.len + 1);
        if (!found) {
            break;
        }
        from = (size_t)(found - s.ptr);
        if (memcmp(found, needle.ptr, needle.len) == 0) {
            return from;
        }
        from++;
    }
    return SIZE_MAX;
}

XD_FN(string)
{
    (void)arg_count;
    if (xd_is_undefined(&args[0])) {
        *ret = args[0];
        return XD_OK;
    }
    xd_value v = args[0];
    if (xd_is_array(&v) && (xd_value_flags(&v) & XD_F_OUTER)) {
        v = v.items[0];
    }
    return xd_value_string(call->run, &v, args[1].type == XD_JSON_TRUE, ret);
}

XD_FN(length)
{
    (void)call;
    (void)arg_count;
    *ret = xd_is_undefined(&args[0]) ? args[0] : xd_int_value((int64_t)xd_utf8_count(args[0].text));
    return XD_OK;
}

XD_FN(substring)
{
    (void)call;
    (void)arg_count;
    *ret = args[0];
    if (xd_is_undefined(&args[0])) {
        return XD_OK;
    }
    if (args[1].type == XD_V_INFINITE || args[2].type == XD_V_INFINITE) {
        return xd_run_range(call->run);
    }
    if (xd_is_undefined(&args[1]) && !xd_is_undefined(&args[2])) {
        *ret = xd_string_value(XD_STR("")); /* a piece of known length from nowhere */
        return XD_OK;
    }
    xd_str s = args[0].text;
    int64_t length = (int64_t)xd_utf8_count(s);
    int64_t start = xd_is_undefined(&args[1]) ? 0 : xd_number_int64(xd_number_of(&args[1]));
    if (length + start < 0) {
        start = 0;
    }
    int64_t end = length;
    if (!xd_is_undefined(&args[2])) {
        xd_number n = xd_number_of(&args[2]);
        if (n.coefficient <= 0) {
            *ret = xd_string_value(XD_STR(""));
            return XD_OK;
        }
        /* The end is worked out before fractions are cut off, as the language does. */
        xd_number from = xd_is_undefined(&args[1]) ? (xd_number){0} : xd_number_of(&args[1]);
        xd_number base = from.coefficient < 0 ? (xd_number){length, 0, false} : (xd_number){0};
        if (start == 0 && from.coefficient < 0) {
            base = from = (xd_number){0};
        }
        if (!xd_number_add(from, base, &from) || !xd_number_add(from, n, &from)) {
            return xd_run_range(call->run);
        }
        end = xd_number_int64(from);
    }
    start = start < 0 ? start + length : start;
    start = start < length ? start : length;
    end = end < length ? end : length;
    end = end > start ? end : start;
    size_t first = xd_utf8_offset(s, (size_t)start);
    xd_str rest = {s.ptr + first, s.len - first};
    *ret = xd_string_value((xd_str){rest.ptr, xd_utf8_offset(rest, (size_t)(end - start))});
    return XD_OK;
}

XD_FN(substring_before)
{
    (void)call;
    (void)arg_count;
    *ret = args[0];
    if (!xd_is_undefined(&args[0]) && !xd_is_undefined(&args[1])) {
        size_t at = xd_str_find(args[0].text, args[1].text, 0);
        if (at != SIZE_MAX) {
            ret->length = 0;
            *ret = xd_string_value((xd_str){args[0].text.ptr, at});
        }
    }
    return XD_OK;
}

XD_FN(substring_after)
{
    (void)call;
    (void)arg_count;
    *ret = args[0];
    if (!xd_is_undefined(&args[0]) && !xd_is_undefined(&args[1])) {
        xd_str s = args[0].text;
        size_t at = xd_str_find(s, args[1].text, 0);
        if (at != SIZE_MAX) {
            at += args[1].text.len;
            *ret = xd_string_value((xd_str){s.ptr + at, s.len - at});
        }
    }
    return XD_OK;
}

/* --- case --- */

static uint32_t decode(const char *p, size_t left, size_t *ret_length)
{
    const uint8_t *u = (const uint8_t *)p;
    size_t n = u[0] < 0x80 ? 1 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
    if (n > left) {
        *ret_length = 1;
        return u[0];
    }
    *ret_length = n;
    switch (n) {
    case 1:
        return u[0];
    case 2:
        return (u[0] & 0x1fu) << 6 | (u[1] & 0x3fu);
    case 3:
        return (u[0] & 0x0fu) << 12 | (u[1] & 0x3fu) << 6 | (u[2] & 0x3fu);
    default:
        return (u[0] & 7u) << 18 | (u[1] & 0x3fu) << 12 | (u[2] & 0x3fu) << 6 | (u[3] & 0x3fu);
    }
}

static void put_char(xd_text *text, uint32_t c)
{
    char bytes[4];
    size_t n = 0;
    if (c < 0x80) {
        bytes[n++] = (char)c;
    } else if (c < 0x800) {
        bytes[n++] = (char)(0xc0 | c >> 6);
        bytes[n++] = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        bytes[n++] = (char)(0xe0 | c >> 12);
        bytes[n++] = (char)(0x80 | (c >> 6 & 0x3f));
        bytes[n++] = (char)(0x80 | (c & 0x3f));
    } else {
        bytes[n++] = (char)(0xf0 | c >> 18);
        bytes[n++] = (char)(0x80 | (c >> 12 & 0x3f));
        bytes[n++] = (char)(0x80 | (c >> 6 & 0x3f));
        bytes[n++] = (char)(0x80 | (c & 0x3f));
    }
    xd_text_add(text, bytes, n);
}

static xd_status change_case(const xd_call *call, const xd_value *v, bool upper, xd_value *ret)
{
    *ret = *v;
    if (xd_is_undefined(v)) {
        return XD_OK;
    }
    xd_text text = {.run = call->run};
    xd_str s = v->text;
    size_t length;
    for (size_t i = 0; i < s.len; i += length) {
        uint32_t c = decode(s.ptr + i, s.len - i, &length);
        if (upper && c == 0xdf) { /* the one letter in use that becomes two */
            xd_text_add(&text, "SS", 2);
        } else {
            uint32_t other = upper ? xd_unicode_upper(c) : xd_unicode_lower(c);
            if (other == c) {
                xd_text_add(&text, s.ptr + i, length);
            } else {
                put_char(&text, other);
            }
        }
    }
    return xd_text_value(&text, ret);
}

XD_FN(lowercase)
{
    (void)arg_count;
    return change_case(call, &args[0], false, ret);
}

XD_FN(uppercase)
{
    (void)arg_count;
    return change_case(call, &args[0], true, ret);
}

/* --- space --- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

XD_FN(trim)
{
    (void)arg_count;
    *ret = args[0];
    if (xd_is_undefined(&args[0])) {
        return XD_OK;
    }
    xd_text text = {.run = call->run};
    xd_str s = args[0].text;
    for (size_t i = 0; i < s.len;) {
        size_t word = i;
        while (i < s.len && !is_blank(s.ptr[i])) {
            i++;
        }
        if (i > word) {
            if (text.len) {
                xd_text_add(&text, " ", 1);
            }
            xd_text_add(&text, s.ptr + word, i - word);
        }
        while (i < s.len && is_blank(s.ptr[i])) {
            i++;
        }
    }
    return xd_text_value(&text, ret);
}

XD_FN(pad)
{
    (void)arg_count;
    *ret = args[0];
    if (xd_is_undefined(&args[0]) || xd_is_undefined(&args[1])) {
        return XD_OK;
    }
    if (args[1].type == XD_V_INFINITE) {
        return xd_run_range(call->run);
    }
    xd_str s = args[0].text;
    xd_str with = xd_is_undefined(&args[2]) || args[2].text.len == 0 ? XD_STR(" ") : args[2].text;
    int64_t width = xd_number_int64(xd_number_of(&args[1]));
    int64_t missing = (width < 0 ? -width : width) - (int64_t)xd_utf8_count(s);
    if (missing <= 0) {
        return XD_OK;
    }
    if ((uint64_t)missing > call->run->arena->cap_bytes) {
        return xd_run_no_memory(call->run);
    }
    xd_text text = {.run = call->run};
    if (width > 0) {
        xd_text_str(&text, s);
    }
    size_t length = xd_utf8_count(with);
    for (; missing >= (int64_t)length && !text.failed; missing -= (int64_t)length) {
        xd_text_str(&text, with);
    }
    xd_text_add(&text, with.ptr, xd_utf8_offset(with, (size_t)missing));
    if (width < 0) {
        xd_text_str(&text, s);
    }
    return xd_text_value(&text, ret);
}

XD_FN(join)
{
    (void)arg_count;
    *ret = args[0];
    if (xd_is_undefined(&args[0])) {
        return XD_OK;
    }
    xd_text text = {.run = call->run};
    for (uint32_t i = 0; i < args[0].count; i++) {
        if (i > 0 && !xd_is_undefined(&args[1])) {
            xd_text_str(&text, args[1].text);
        }
        xd_text_str(&text, args[0].items[i].text);
    }
    return xd_text_value(&text, ret);
}
