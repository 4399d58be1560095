/* Idempotency keys, look-up paths and trace context. See wire.h. */
#include "outbound/wire.h"

enum {
    TRACEPARENT_LEN = 55,
    TRACE_AT = 3,
    TRACE_LEN = 32,
    SPAN_AT = 36,
    SPAN_LEN = 16,
    FLAGS_AT = 53,
    FLAGS_LEN = 2
};

static bool unreserved(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static void escaped(xd_buf *buf, xd_str s, xd_wire_escape escape)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool plain = escape == XD_WIRE_URL ? unreserved(c) : c >= 0x20 && c != 0x7f && c != '%';
        if (plain) {
            xd_buf_char(buf, (char)c);
        } else {
            xd_buf_char(buf, '%');
            xd_buf_char(buf, digits[c >> 4]);
            xd_buf_char(buf, digits[c & 15]);
        }
    }
}

/* Appends the value of a name; false when there is no such name. */
static bool named(xd_buf *buf, xd_str name, const xd_wire_names *names, xd_wire_escape escape)
{
    if (xd_str_eq(name, XD_STR("seq"))) {
        xd_buf_int(buf, names->seq);
    } else if (xd_str_eq(name, XD_STR("index"))) {
        xd_buf_int(buf, names->index);
    } else if (xd_str_eq(name, XD_STR("id"))) {
        escaped(buf, names->id, escape);
    } else if (xd_str_eq(name, XD_STR("source"))) {
        escaped(buf, names->source, escape);
    } else if (xd_str_eq(name, XD_STR("key"))) {
        escaped(buf, names->key, escape);
    } else if (xd_str_eq(name, XD_STR("idempotency_key"))) {
        escaped(buf, names->idempotency_key, escape);
    } else {
        return false;
    }
    return true;
}

void xd_wire_expand(xd_buf *buf, const char *template, const xd_wire_names *names,
                    xd_wire_escape escape)
{
    for (const char *p = template; *p;) {
        const char *end = *p == '{' ? strchr(p, '}') : NULL;
        if (end && named(buf, (xd_str){p + 1, (size_t)(end - p - 1)}, names, escape)) {
            p = end + 1;
        } else {
            xd_buf_char(buf, *p++);
        }
    }
}

/* n lower-case hex digits at at, not all zero unless they may be. */
static bool hex_field(xd_str s, size_t at, size_t n, bool may_be_zero)
{
    bool zero = !may_be_zero;
    for (size_t i = at; i < at + n; i++) {
        char c = s.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
        zero = zero && c == '0';
    }
    return !zero;
}

static bool traceparent_valid(xd_str s)
{
    return s.len == TRACEPARENT_LEN && memcmp(s.ptr, "00-", TRACE_AT) == 0 &&
           hex_field(s, TRACE_AT, TRACE_LEN, false) && s.ptr[TRACE_AT + TRACE_LEN] == '-' &&
           hex_field(s, SPAN_AT, SPAN_LEN, false) && s.ptr[SPAN_AT + SPAN_LEN] == '-' &&
           hex_field(s, FLAGS_AT, FLAGS_LEN, true);
}

static void hex64(xd_buf *buf, uint64_t value)
{
    static const char digits[] = "0123456789abcdef";
    char text[16];
    for (int i = 15; i >= 0; i--, value >>= 4) {
        text[i] = digits[value & 15];
    }
    xd_buf_add(buf, text, sizeof text);
}

void xd_wire_traceparent(xd_buf *buf, xd_str parent, int64_t seq, xd_random *random)
{
    XD_BUF_LIT(buf, "00-");
    bool given = traceparent_valid(parent);
    if (given) {
        xd_buf_add(buf, parent.ptr + TRACE_AT, TRACE_LEN);
    } else {
        xd_random derived = {(uint64_t)seq};
        hex64(buf, xd_random_next(&derived));
        hex64(buf, xd_random_next(&derived) | 1);
    }
    xd_buf_char(buf, '-');
    hex64(buf, xd_random_next(random) | 1);
    xd_buf_char(buf, '-');
    if (given) {
        xd_buf_add(buf, parent.ptr + FLAGS_AT, FLAGS_LEN);
    } else {
        XD_BUF_LIT(buf, "01");
    }
}
