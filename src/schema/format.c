/* The formats of draft 2020-12, section 7.3: the table of names, and those that a short scan
 * settles. Every one follows the document that the draft names beside it. See schema_int.h. Pure.
 */
#include "schema/schema_int.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* RFC 4122: 8-4-4-4-12 hexadecimal digits. */
static bool is_uuid(xd_str text)
{
    if (text.len != 36) {
        return false;
    }
    for (size_t i = 0; i < 36; i++) {
        bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
        if (hyphen ? text.ptr[i] != '-' : !is_hex(text.ptr[i])) {
            return false;
        }
    }
    return true;
}

/* RFC 6901: empty, or steps that begin with '/' and in which '~' is followed by 0 or 1. */
static bool is_json_pointer(xd_str text)
{
    if (text.len && text.ptr[0] != '/') {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '~' &&
            !(i + 1 < text.len && (text.ptr[i + 1] == '0' || text.ptr[i + 1] == '1'))) {
            return false;
        }
    }
    return true;
}

/* draft-handrews-relative-json-pointer-01: a whole number, then a pointer or '#'. */
static bool is_relative_json_pointer(xd_str text)
{
    size_t n = 0;
    while (n < text.len && is_digit(text.ptr[n])) {
        n++;
    }
    if (n == 0 || (n > 1 && text.ptr[0] == '0')) {
        return false;
    }
    xd_str rest = {text.ptr + n, text.len - n};
    return (rest.len == 1 && rest.ptr[0] == '#') || is_json_pointer(rest);
}

static bool is_regex(xd_str text)
{
    xd_regex *regex;
    if (xd_regex_create(text, XD_REGEX_STRICT, &regex, NULL) != XD_OK) {
        return false;
    }
    xd_regex_destroy(regex);
    return true;
}

/* --- addresses of people --- */

static bool is_atom_char(char c, bool international)
{
    bool plain = is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
                 (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
    return plain || (international && (uint8_t)c >= 0x80);
}

enum { LOCAL_PART_BYTES = 64 }; /* RFC 5321, section 4.5.3.1.1 */

/* RFC 5321, section 4.1.2, Local-part; *ret_length is its length before the '@'. */
static bool read_local_part(xd_str text, bool international, size_t *ret_length)
{
    size_t i = 0;
    if (text.len && text.ptr[0] == '"') {
        for (i = 1; i < text.len && text.ptr[i] != '"'; i++) {
            i += text.ptr[i] == '\\';
            uint8_t c = i < text.len ? (uint8_t)text.ptr[i] : 0;
            if (c < 0x20 || c == 0x7f || (c >= 0x80 && !international)) {
                return false;
            }
        }
        i++;
    } else {
        bool dot = true; /* none may begin, end or follow another */
        for (; i < text.len && text.ptr[i] != '@'; i++) {
            bool is_dot = text.ptr[i] == '.';
            if (is_dot ? dot : !is_atom_char(text.ptr[i], international)) {
                return false;
            }
            dot = is_dot;
        }
        if (dot) {
            return false;
        }
    }
    *ret_length = i;
    return i <= LOCAL_PART_BYTES && i < text.len && text.ptr[i] == '@';
}

static bool is_address_literal(xd_str text)
{
    static const char tag[] = "ipv6:"; /* of either case, as all words of the grammar */
    size_t n = 0;
    while (n < sizeof tag - 1 && n < text.len && (text.ptr[n] | 0x20) == (tag[n] | 0x20)) {
        n++;
    }
    if (n == sizeof tag - 1) {
        return xd_schema_format_is_ipv6((xd_str){text.ptr + n, text.len - n});
    }
    return xd_schema_format_is_ipv4(text);
}

/* RFC 6531 lets a domain hold what is not ASCII; that it can be registered is asked by
 * idn-hostname. */
static bool is_international_domain(xd_str text)
{
    size_t label = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool letter = is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (uint8_t)c >= 0x80;
        bool end = i + 1 == text.len || text.ptr[i + 1] == '.';
        if (c == '.') {
            if (!label) {
                return false;
            }
            label = 0;
            continue;
        }
        if (!letter && !(c == '-' && label && !end)) {
            return false;
        }
        label++;
    }
    return label > 0;
}

static bool is_address(xd_str text, bool international)
{
    size_t local;
    if (!read_local_part(text, international, &local)) {
        return false;
    }
    xd_str domain = {text.ptr + local + 1, text.len - local - 1};
    if (domain.len > 2 && domain.ptr[0] == '[' && domain.ptr[domain.len - 1] == ']') {
        return is_address_literal((xd_str){domain.ptr + 1, domain.len - 2});
    }
    return international ? is_international_domain(domain) : xd_schema_format_is_hostname(domain);
}

static bool is_email(xd_str text)
{
    return is_address(text, false);
}

static bool is_idn_email(xd_str text)
{
    return is_address(text, true);
}

/* --- the table --- */

static const xd_schema_format formats[] = {
    {"date-time", XD_TYPE_STRING, xd_schema_format_is_date_time, "2026-11-23T08:30:06Z"},
    {"date", XD_TYPE_STRING, xd_schema_format_is_date, "2026-11-23"},
    {"time", XD_TYPE_STRING, xd_schema_format_is_time, "08:30:06Z"},
    {"duration", XD_TYPE_STRING, xd_schema_format_is_duration, "P3DT12H"},
    {"email", XD_TYPE_STRING, is_email, "a.buyer@example.com"},
    {"idn-email", XD_TYPE_STRING, is_idn_email, "a.buyer@example.com"},
    {"hostname", XD_TYPE_STRING, xd_schema_format_is_hostname, "www.example.com"},
    {"idn-hostname", XD_TYPE_STRING, xd_schema_format_is_idn_hostname, "www.example.com"},
    {"ipv4", XD_TYPE_STRING, xd_schema_format_is_ipv4, "192.0.2.1"},
    {"ipv6", XD_TYPE_STRING, xd_schema_format_is_ipv6, "2001:db8::1"},
    {"uri", XD_TYPE_STRING, xd_schema_format_is_uri, "https://example.com/a"},
    {"uri-reference", XD_TYPE_STRING, xd_schema_format_is_uri_reference, "/a?b"},
    {"iri", XD_TYPE_STRING, xd_schema_format_is_iri, "https://example.com/a"},
    {"iri-reference", XD_TYPE_STRING, xd_schema_format_is_iri_reference, "/a?b"},
    {"uuid", XD_TYPE_STRING, is_uuid, "2eb8aa08-aa98-11ea-b4aa-73b441d16380"},
    {"uri-template", XD_TYPE_STRING, xd_schema_format_is_uri_template, "/orders/{po}"},
    {"json-pointer", XD_TYPE_STRING, is_json_pointer, "/lines/0"},
    {"relative-json-pointer", XD_TYPE_STRING, is_relative_json_pointer, "1/item"},
    {"regex", XD_TYPE_STRING, is_regex, "^[0-9]+$"},
};

const xd_schema_format *xd_schema_format_find(xd_str name)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (xd_str_eq(name, xd_str_from(formats[i].name))) {
            return &formats[i];
        }
    }
    return NULL;
}
