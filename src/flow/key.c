/* Builds state keys. See key.h. Pure; calls base. */
#include "flow/key.h"

enum { NUMBER_MAX = 24 };

static bool is_special(char c)
{
    return c == '/' || c == '%';
}

static size_t escaped_size(xd_str part)
{
    size_t n = part.len;
    for (size_t i = 0; i < part.len; i++) {
        n += is_special(part.ptr[i]) ? 2 : 0;
    }
    return n;
}

static char *put_escaped(char *to, xd_str part, size_t size)
{
    if (size == part.len) {
        if (size) {
            memcpy(to, part.ptr, size);
        }
        return to + size;
    }
    for (size_t i = 0; i < part.len; i++) {
        char c = part.ptr[i];
        if (is_special(c)) {
            memcpy(to, c == '/' ? "%2F" : "%25", 3);
            to += 3;
        } else {
            *to++ = c;
        }
    }
    return to;
}

size_t xd_key_escape(xd_str part, char *text)
{
    return (size_t)(put_escaped(text, part, escaped_size(part)) - text);
}

static char *put_number(char *to, int64_t number, int width)
{
    char digits[NUMBER_MAX];
    char *at = digits + sizeof digits;
    uint64_t rest = (uint64_t)number;
    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
        width--;
    } while (rest || width > 0);
    size_t n = (size_t)(digits + sizeof digits - at);
    memcpy(to, at, n);
    return to + n;
}

xd_str xd_key_join(xd_arena *arena, xd_str a, xd_str b)
{
    char *text = a.ptr && b.ptr ? xd_arena_alloc(arena, a.len + 1 + b.len) : NULL;
    if (!text) {
        return XD_STR_NULL;
    }
    memcpy(text, a.ptr, a.len);
    text[a.len] = '/';
    memcpy(text + a.len + 1, b.ptr, b.len);
    return (xd_str){text, a.len + 1 + b.len};
}

xd_str xd_key_part(xd_arena *arena, xd_str part)
{
    size_t size = escaped_size(part);
    char *text = xd_arena_alloc(arena, size ? size : 1);
    if (!text) {
        return XD_STR_NULL;
    }
    (void)put_escaped(text, part, size);
    return (xd_str){text, size};
}

xd_str xd_key_pair(xd_arena *arena, xd_str a, xd_str b)
{
    size_t size_a = escaped_size(a), size_b = escaped_size(b);
    char *text = xd_arena_alloc(arena, size_a + 1 + size_b);
    if (!text) {
        return XD_STR_NULL;
    }
    char *to = put_escaped(text, a, size_a);
    *to++ = '/';
    (void)put_escaped(to, b, size_b);
    return (xd_str){text, size_a + 1 + size_b};
}

xd_str xd_key_number(xd_arena *arena, xd_str key, int64_t number)
{
    char *text = key.ptr ? xd_arena_alloc(arena, key.len + 1 + NUMBER_MAX) : NULL;
    if (!text) {
        return XD_STR_NULL;
    }
    memcpy(text, key.ptr, key.len);
    text[key.len] = '/';
    char *end = put_number(text + key.len + 1, number, 1);
    return (xd_str){text, (size_t)(end - text)};
}

xd_str xd_key_line(xd_arena *arena, xd_str part, int64_t line)
{
    size_t size = escaped_size(part);
    char *text = xd_arena_alloc(arena, size + 1 + NUMBER_MAX);
    if (!text) {
        return XD_STR_NULL;
    }
    char *to = put_escaped(text, part, size);
    *to++ = '/';
    to = put_number(to, line, 1);
    return (xd_str){text, (size_t)(to - text)};
}

xd_str xd_key_row(xd_arena *arena, xd_str line_key, int64_t n)
{
    char *text = line_key.ptr ? xd_arena_alloc(arena, NUMBER_MAX + 1 + line_key.len) : NULL;
    if (!text) {
        return XD_STR_NULL;
    }
    char *to = put_number(text, n, 6);
    *to++ = '/';
    memcpy(to, line_key.ptr, line_key.len);
    return (xd_str){text, (size_t)(to - text) + line_key.len};
}

xd_str xd_key_seq(xd_arena *arena, int64_t seq)
{
    static const char digits[] = "0123456789abcdef";
    char *text = xd_arena_alloc(arena, 16);
    if (!text) {
        return XD_STR_NULL;
    }
    for (int i = 0; i < 16; i++) {
        text[i] = digits[(uint64_t)seq >> (60 - 4 * i) & 15];
    }
    return (xd_str){text, 16};
}
