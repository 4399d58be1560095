/* Built-in functions that code strings as base64 and as parts of addresses. Owns nothing. Pure. */
#include "mapping/functions.h"

/* --- base64 --- */

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The bytes of the characters U+0000 to U+00FF; others are none. */
static xd_status to_bytes(const xd_call *call, xd_str s, xd_str *ret)
{
    char *out = xd_arena_alloc(call->run->arena, s.len);
    if (!out) {
        return xd_run_no_memory(call->run);
    }
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = (uint8_t)s.ptr[i];
        if (c >= 0xc0) {
            uint32_t value = c & (c < 0xe0 ? 0x1f : c < 0xf0 ? 0x0f : 7);
            while (i + 1 < s.len && ((uint8_t)s.ptr[i + 1] & 0xc0) == 0x80) {
                value = value << 6 | ((uint8_t)s.ptr[++i] & 0x3f);
            }
            if (value > 0xff) {
                return xd_call_fail(call, "map.base64",
                                    "the string has the character U+%04X, and base64 takes bytes, "
                                    "U+0000 to U+00FF; encode it with $encodeUrlComponent before",
                                    value);
            }
            c = (uint8_t)value;
        }
        out[n++] = (char)c;
    }
    *ret = (xd_str){out, n};
    return XD_OK;
}

XD_FN(base64encode)
{
    (void)arg_count;
    *ret = args[0];
    if (xd_is_undefined(&args[0])) {
        return XD_OK;
    }
    xd_str s = XD_STR_NULL;
    XD_TRY(to_bytes(call, args[0].text, &s));
    xd_text text = {.run = call->run};
    for (size_t i = 0; i < s.len; i += 3) {
        size_t left = s.len - i;
        uint32_t group = (uint32_t)(uint8_t)s.ptr[i] << 16;
        group |= left > 1 ? (uint32_t)(uint8_t)s.ptr[i + 1] << 8 : 0;
        group |= left > 2 ? (uint8_t)s.ptr[i + 2] : 0;
        char four[4] = {letters[group >> 18], letters[group >> 12 & 63],
                        left > 1 ? letters[group >> 6 & 63] : '=',
                        left > 2 ? letters[group & 63] : '='};
        xd_text_add(&text, four, 4);
    }
    return xd_text_value(&text, ret);
}

XD_FN(base64decode)
{
    (void)arg_count;
    *ret = args[0];
    if (xd_is_undefined(&args[0])) {
        return XD_OK;
    }
    xd_text text = {.run = call->run};
    xd_str s = args[0].text;
    uint32_t bits = 0;
    int have = 0;
    for (size_t i = 0; i < s.len && s.ptr[i] != '='; i++) {
        char c = s.ptr[i] == '-' ? '+' : s.ptr[i] == '_' ? '/' : s.ptr[i];
        const char *found = c ? strchr(letters, c) : NULL;
        if (!found) {
            continue; /* line breaks and the like */
        }
        bits = bits << 6 | (uint32_t)(found - letters);
        have += 6;
        if (have >= 8) {
            have -= 8;
            uint8_t byte = (uint8_t)(bits >> have);
            char two[2] = {(char)(0xc0 | byte >> 6), (char)(0x80 | (byte & 0x3f))};
            if (byte < 0x80) {
                xd_text_add(&text, (const char *)&byte, 1);
            } else {
                xd_text_add(&text, two, 2);
            }
        }
    }
    return xd_text_value(&text, ret);
}

/* --- addresses --- */

static xd_status fail_url(const xd_call *call, xd_str text)
{
    return xd_call_fail(call, "D3140", "Malformed URL passed to $%.*s(): \"%.*s\"",
                        XD_FMT(call->name), (int)(text.len < 200 ? text.len : 200), text.ptr);
}

static bool is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static xd_status encode(const xd_call *call, const xd_value *v, const char *plain, xd_value *ret)
{
    static const char hex[] = "0123456789ABCDEF";
    *ret = *v;
    if (xd_is_undefined(v)) {
        return XD_OK;
    }
    size_t bad;
    if (!xd_utf8_valid(v->text, &bad)) { /* half a surrogate pair */
        return fail_url(call, v->text);
    }
    xd_text text = {.run = call->run};
    for (size_t i = 0; i < v->text.len; i++) {
        char c = v->text.ptr[i];
        if (is_alphanumeric(c) || (c && strchr(plain, c))) {
            xd_text_add(&text, &c, 1);
        } else {
            char three[3] = {'%', hex[(uint8_t)c >> 4], hex[(uint8_t)c & 15]};
            xd_text_add(&text, three, 3);
        }
    }
    return xd_text_value(&text, ret);
}

XD_FN(encode_url_component)
{
    (void)arg_count;
    return encode(call, &args[0], "-_.!~*'()", ret);
}

XD_FN(encode_url)
{
    (void)arg_count;
    return encode(call, &args[0], "-_.!~*'();/?:@&=+$,#", ret);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Escapes of the reserved characters stay as they are. */
static xd_status decode(const xd_call *call, const xd_value *v, const char *reserved, xd_value *ret)
{
    *ret = *v;
    if (xd_is_undefined(v)) {
        return XD_OK;
    }
    xd_text text = {.run = call->run};
    xd_str s = v->text;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] != '%') {
            xd_text_add(&text, s.ptr + i, 1);
            continue;
        }
        int high = i + 2 < s.len ? hex_digit(s.ptr[i + 1]) : -1;
        int low = i + 2 < s.len ? hex_digit(s.ptr[i + 2]) : -1;
        if (high < 0 || low < 0) {
            return fail_url(call, v->text);
        }
        char c = (char)(high << 4 | low);
        if (c && strchr(reserved, c)) {
            xd_text_add(&text, s.ptr + i, 3);
        } else {
            xd_text_add(&text, &c, 1);
        }
        i += 2;
    }
    XD_TRY(xd_text_value(&text, ret));
    size_t bad;
    return xd_utf8_valid(ret->text, &bad) ? XD_OK : fail_url(call, v->text);
}

XD_FN(decode_url_component)
{
    (void)arg_count;
    return decode(call, &args[0], "", ret);
}

XD_FN(decode_url)
{
    (void)arg_count;
    return decode(call, &args[0], ";/?:@&=+$,#", ret);
}
