/* Splitting and resolving URI references. See uri.h. */
#include "schema/uri.h"

struct parts {
    xd_str scheme;    /* with its colon; ptr NULL when there is none */
    xd_str authority; /* with its slashes; ptr NULL when there is none */
    xd_str path;
    xd_str query; /* with its question mark; ptr NULL when there is none */
};

xd_str xd_schema_uri_split(xd_str reference, xd_str *ret_fragment)
{
    const char *hash = reference.len ? memchr(reference.ptr, '#', reference.len) : NULL;
    *ret_fragment = XD_STR_NULL;
    if (!hash) {
        return reference;
    }
    size_t at = (size_t)(hash - reference.ptr);
    *ret_fragment = (xd_str){hash + 1, reference.len - at - 1};
    return (xd_str){reference.ptr, at};
}

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static size_t scheme_length(xd_str uri)
{
    for (size_t i = 0; i < uri.len; i++) {
        char c = uri.ptr[i];
        if (c == ':') {
            return i > 0 ? i + 1 : 0;
        }
        bool later = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
        if (!is_alpha(c) && !(i > 0 && later)) {
            return 0;
        }
    }
    return 0;
}

static xd_str rest_from(xd_str s, size_t at)
{
    return (xd_str){s.ptr + at, s.len - at};
}

static struct parts split(xd_str uri)
{
    struct parts parts = {0};
    size_t scheme = scheme_length(uri);
    if (scheme) {
        parts.scheme = (xd_str){uri.ptr, scheme};
        uri = rest_from(uri, scheme);
    }
    if (uri.len >= 2 && uri.ptr[0] == '/' && uri.ptr[1] == '/') {
        size_t end = 2;
        while (end < uri.len && uri.ptr[end] != '/' && uri.ptr[end] != '?') {
            end++;
        }
        parts.authority = (xd_str){uri.ptr, end};
        uri = rest_from(uri, end);
    }
    const char *mark = uri.len ? memchr(uri.ptr, '?', uri.len) : NULL;
    size_t path = mark ? (size_t)(mark - uri.ptr) : uri.len;
    parts.path = (xd_str){uri.ptr, path};
    if (mark) {
        parts.query = rest_from(uri, path);
    }
    return parts;
}

/* Appends path to out with its "." and ".." segments resolved (section 5.2.4). */
static size_t put_path(char *out, size_t at, const char *path, size_t length)
{
    size_t start = at;
    size_t i = 0;
    while (i < length) {
        size_t end = i + 1;
        while (end < length && path[end] != '/') {
            end++;
        }
        /* The segment with the slash before it, if any. */
        size_t slash = path[i] == '/';
        const char *name = path + i + slash;
        size_t n = end - i - slash;
        bool last = end == length;
        if (n == 1 && name[0] == '.') {
            if (last && slash) {
                out[at++] = '/';
            }
        } else if (n == 2 && name[0] == '.' && name[1] == '.') {
            while (at > start && out[at - 1] != '/') {
                at--;
            }
            at -= at > start;
            if (last && slash) {
                out[at++] = '/';
            }
        } else {
            memcpy(out + at, path + i, end - i);
            at += end - i;
        }
        i = end;
    }
    return at;
}

static size_t put(char *out, size_t at, xd_str part)
{
    if (part.len) {
        memcpy(out + at, part.ptr, part.len);
    }
    return at + part.len;
}

xd_str xd_schema_uri_resolve(xd_arena *arena, xd_str base, xd_str reference)
{
    struct parts to = split(reference);
    if (to.scheme.ptr || base.len == 0) {
        return reference;
    }
    struct parts from = split(base);
    size_t room = base.len + reference.len + 2;
    char *out = xd_arena_alloc(arena, 2 * room);
    if (!out) {
        return XD_STR_NULL;
    }
    char *merged = out + room;
    size_t at = put(out, 0, from.scheme);
    at = put(out, at, to.authority.ptr ? to.authority : from.authority);
    xd_str query = to.query;
    if (to.authority.ptr || (to.path.len && to.path.ptr[0] == '/')) {
        at = put_path(out, at, to.path.ptr, to.path.len);
    } else if (to.path.len == 0) {
        at = put(out, at, from.path);
        query = to.query.ptr ? to.query : from.query;
    } else {
        size_t keep = from.path.len;
        while (keep > 0 && from.path.ptr[keep - 1] != '/') {
            keep--;
        }
        size_t n = 0;
        if (keep == 0 && from.authority.ptr) {
            merged[n++] = '/';
        }
        n = put(merged, n, (xd_str){from.path.ptr, keep});
        n = put(merged, n, to.path);
        at = put_path(out, at, merged, n);
    }
    at = put(out, at, query);
    return (xd_str){out, at};
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

xd_str xd_schema_uri_decode(xd_arena *arena, xd_str text)
{
    if (!text.len || !memchr(text.ptr, '%', text.len)) {
        return text;
    }
    char *out = xd_arena_alloc(arena, text.len);
    if (!out) {
        return XD_STR_NULL;
    }
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        bool encoded = text.ptr[i] == '%' && text.len - i > 2 && hex_value(text.ptr[i + 1]) >= 0 &&
                       hex_value(text.ptr[i + 2]) >= 0;
        if (encoded) {
            out[n++] = (char)(hex_value(text.ptr[i + 1]) << 4 | hex_value(text.ptr[i + 2]));
            i += 2;
        } else {
            out[n++] = text.ptr[i];
        }
    }
    return (xd_str){out, n};
}
