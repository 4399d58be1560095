/* URIs and their templates, international ones too, and the addresses of hosts in them (RFC 3986,
 * 3987, 6570, 4291, 2673). See schema_int.h. Pure. */
#include "schema/schema_int.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool is_hex(char c)
{
    return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* --- addresses --- */

bool xd_schema_format_is_ipv4(xd_str text)
{
    size_t at = 0;
    for (int part = 0; part < 4; part++) {
        if (part && (at == text.len || text.ptr[at++] != '.')) {
            return false;
        }
        size_t from = at;
        int value = 0;
        while (at < text.len && is_digit(text.ptr[at]) && at - from < 3) {
            value = value * 10 + (text.ptr[at++] - '0');
        }
        if (at == from || value > 255 || (at - from > 1 && text.ptr[from] == '0')) {
            return false;
        }
    }
    return at == text.len;
}

bool xd_schema_format_is_ipv6(xd_str text)
{
    size_t at = 0;
    int groups = 0;
    bool gap = false;
    if (text.len >= 2 && text.ptr[0] == ':' && text.ptr[1] == ':') {
        gap = true;
        at = 2;
    }
    while (at < text.len) {
        size_t from = at;
        while (at < text.len && is_hex(text.ptr[at])) {
            at++;
        }
        if (at < text.len && text.ptr[at] == '.') {
            groups += 2; /* The last 32 bits may be an IPv4 address. */
            return (gap ? groups < 8 : groups == 8) &&
                   xd_schema_format_is_ipv4((xd_str){text.ptr + from, text.len - from});
        }
        if (at == from || at - from > 4 || ++groups > 8) {
            return false;
        }
        if (at == text.len) {
            break;
        }
        if (text.ptr[at++] != ':') {
            return false;
        }
        if (at < text.len && text.ptr[at] == ':') {
            if (gap) {
                return false;
            }
            gap = true;
            at++;
        } else if (at == text.len) {
            return false;
        }
    }
    return gap ? groups < 8 : groups == 8;
}

/* --- URIs and IRIs --- */

/* Which characters beyond the unreserved ones a part may hold. */
#define SUB_DELIMS "!$&'()*+,;="
#define IN_USERINFO SUB_DELIMS ":"
#define IN_NAME SUB_DELIMS
#define IN_PATH SUB_DELIMS ":@/"
#define IN_QUERY SUB_DELIMS ":@/?"

/* ucschar of RFC 3987, and iprivate where it is allowed. */
static bool is_international(uint32_t c, bool in_query)
{
    if (in_query && ((c >= 0xe000 && c <= 0xf8ff) || c >= 0xf0000)) {
        return (c & 0xffff) < 0xfffe;
    }
    return (c >= 0xa0 && c <= 0xd7ff) || (c >= 0xf900 && c <= 0xfdcf) ||
           (c >= 0xfdf0 && c <= 0xffef) ||
           (c >= 0x10000 && c <= 0xefffd && (c & 0xffff) < 0xfffe &&
            !(c >= 0xe0000 && c < 0xe1000));
}

static uint32_t decode(xd_str text, size_t *at)
{
    const uint8_t *b = (const uint8_t *)text.ptr + *at;
    size_t length = b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : 4;
    uint32_t c = b[0] & (0x7fu >> length);
    for (size_t i = 1; i < length && *at + i < text.len; i++) {
        c = c << 6 | (b[i] & 0x3f);
    }
    *at += length;
    return c;
}

/* Whether text holds only unreserved characters, percent encodings, those of also and, when
 * international, those of RFC 3987. */
static bool holds_only(xd_str text, const char *also, bool international)
{
    size_t at = 0;
    while (at < text.len) {
        char c = text.ptr[at];
        if ((uint8_t)c >= 0x80) {
            bool in_query = strchr(also, '?') != NULL;
            if (!international || !is_international(decode(text, &at), in_query)) {
                return false;
            }
            continue;
        }
        if (c == '%') {
            if (text.len - at < 3 || !is_hex(text.ptr[at + 1]) || !is_hex(text.ptr[at + 2])) {
                return false;
            }
            at += 3;
            continue;
        }
        if (!is_alpha(c) && !is_digit(c) && !(c && strchr("-._~", c)) && !(c && strchr(also, c))) {
            return false;
        }
        at++;
    }
    return true;
}

/* "[...]": IPv6, or a later version of it. */
static bool is_ip_literal(xd_str text)
{
    if (text.len && (text.ptr[0] | 0x20) == 'v') {
        size_t at = 1;
        while (at < text.len && is_hex(text.ptr[at])) {
            at++;
        }
        xd_str rest = {text.ptr + at, text.len - at};
        return at > 1 && rest.len > 1 && rest.ptr[0] == '.' && !memchr(rest.ptr, '%', rest.len) &&
               holds_only(rest, IN_USERINFO, false);
    }
    return xd_schema_format_is_ipv6(text);
}

static bool is_authority(xd_str text, bool international)
{
    const char *at_sign = text.len ? memchr(text.ptr, '@', text.len) : NULL;
    if (at_sign) {
        size_t n = (size_t)(at_sign - text.ptr);
        if (!holds_only((xd_str){text.ptr, n}, IN_USERINFO, international)) {
            return false;
        }
        text = (xd_str){text.ptr + n + 1, text.len - n - 1};
    }
    size_t port = text.len;
    while (port > 0 && is_digit(text.ptr[port - 1])) {
        port--;
    }
    if (port > 0 && text.ptr[port - 1] == ':') {
        text.len = port - 1;
    }
    if (text.len && text.ptr[0] == '[') {
        return text.ptr[text.len - 1] == ']' && text.len > 2 &&
               is_ip_literal((xd_str){text.ptr + 1, text.len - 2});
    }
    return holds_only(text, IN_NAME, international);
}

/* Takes what stands before the first of stops off the front of *rest. */
static xd_str take_until(xd_str *rest, const char *stops)
{
    size_t n = 0;
    while (n < rest->len && !(rest->ptr[n] && strchr(stops, rest->ptr[n]))) {
        n++;
    }
    xd_str part = {rest->ptr, n};
    *rest = (xd_str){rest->ptr + n, rest->len - n};
    return part;
}

static bool take_char(xd_str *rest, char c)
{
    bool found = rest->len && rest->ptr[0] == c;
    *rest = (xd_str){rest->ptr + found, rest->len - found};
    return found;
}

static bool is_scheme(xd_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!is_alpha(c) && !(i && (is_digit(c) || c == '+' || c == '-' || c == '.'))) {
            return false;
        }
    }
    return text.len > 0;
}

static bool is_reference(xd_str text, bool absolute, bool international)
{
    if (text.len == 0) {
        return !absolute;
    }
    xd_str rest = text;
    xd_str scheme = take_until(&rest, ":/?#");
    bool has_scheme = rest.len && rest.ptr[0] == ':';
    if (has_scheme) {
        if (!is_scheme(scheme)) {
            return false; /* Nor may a relative path have a colon in its first step. */
        }
        (void)take_char(&rest, ':');
    } else if (absolute) {
        return false;
    } else {
        rest = text;
    }
    if (rest.len >= 2 && rest.ptr[0] == '/' && rest.ptr[1] == '/') {
        rest = (xd_str){rest.ptr + 2, rest.len - 2};
        if (!is_authority(take_until(&rest, "/?#"), international)) {
            return false;
        }
    }
    if (!holds_only(take_until(&rest, "?#"), IN_PATH, international)) {
        return false;
    }
    if (take_char(&rest, '?') && !holds_only(take_until(&rest, "#"), IN_QUERY, international)) {
        return false;
    }
    if (take_char(&rest, '#')) {
        /* A fragment holds what a query holds, without private characters. */
        for (size_t i = 0; international && i < rest.len;) {
            bool high = (uint8_t)rest.ptr[i] >= 0x80;
            if (high && !is_international(decode(rest, &i), false)) {
                return false;
            }
            i += !high;
        }
        return holds_only(rest, IN_QUERY, international);
    }
    return true;
}

bool xd_schema_format_is_uri(xd_str text)
{
    return is_reference(text, true, false);
}

bool xd_schema_format_is_uri_reference(xd_str text)
{
    return is_reference(text, false, false);
}

bool xd_schema_format_is_iri(xd_str text)
{
    return is_reference(text, true, true);
}

bool xd_schema_format_is_iri_reference(xd_str text)
{
    return is_reference(text, false, true);
}

/* --- templates --- */

/* One variable of an expression: a name, then "*" or ":" and a length below 10,000. */
static bool is_variable(xd_str text)
{
    size_t at = 0;
    bool dot = true;
    while (at < text.len) {
        char c = text.ptr[at];
        if (c == '%') {
            if (text.len - at < 3 || !is_hex(text.ptr[at + 1]) || !is_hex(text.ptr[at + 2])) {
                return false;
            }
            at += 3;
            dot = false;
        } else if (c == '.' ? !dot : is_alpha(c) || is_digit(c) || c == '_') {
            dot = c == '.';
            at++;
        } else {
            break;
        }
    }
    if (dot) {
        return false;
    }
    xd_str rest = {text.ptr + at, text.len - at};
    if (rest.len == 0 || (rest.len == 1 && rest.ptr[0] == '*')) {
        return true;
    }
    bool digits = rest.len >= 2 && rest.len <= 5 && rest.ptr[0] == ':' && rest.ptr[1] != '0';
    for (size_t i = 1; digits && i < rest.len; i++) {
        digits = is_digit(rest.ptr[i]);
    }
    return digits;
}

static bool is_expression(xd_str text)
{
    if (text.len && text.ptr[0] && strchr("+#./;?&", text.ptr[0])) {
        text = (xd_str){text.ptr + 1, text.len - 1};
    }
    for (;;) {
        if (!is_variable(take_until(&text, ","))) {
            return false;
        }
        if (!take_char(&text, ',')) {
            return true;
        }
    }
}

bool xd_schema_format_is_uri_template(xd_str text)
{
    size_t at = 0;
    while (at < text.len) {
        char c = text.ptr[at];
        if ((uint8_t)c >= 0x80) {
            if (!is_international(decode(text, &at), true)) {
                return false;
            }
        } else if (c == '{') {
            const char *end = memchr(text.ptr + at, '}', text.len - at);
            if (!end) {
                return false;
            }
            size_t close = (size_t)(end - text.ptr);
            if (!is_expression((xd_str){text.ptr + at + 1, close - at - 1})) {
                return false;
            }
            at = close + 1;
        } else if (c == '%') {
            if (text.len - at < 3 || !is_hex(text.ptr[at + 1]) || !is_hex(text.ptr[at + 2])) {
                return false;
            }
            at += 3;
        } else if (c <= ' ' || c == 0x7f || strchr("\"<>\\^`|}", c)) {
            return false;
        } else {
            at++;
        }
    }
    return true;
}
