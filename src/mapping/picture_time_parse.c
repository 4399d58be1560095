/* $toMillis: reads an instant as a picture shows it, or as ISO 8601. Pure; see picture.h. */
#include "mapping/picture_int.h"

#define MAX_MILLIS INT64_C(8640000000000000)
#define MILLIS_PER_DAY INT64_C(86400000)

enum {
    MAX_TEXT = 256, /* of an instant; a longer text is none */
    MAX_RUN = 48,   /* of one number or zone that is not in words */
    COMPONENTS = 128
};

/* What a text says, by component letter. */
typedef struct components {
    bool has[COMPONENTS];
    int64_t value[COMPONENTS];
} components;

typedef struct matcher {
    const xd_picture_instant *picture;
    xd_str text;
    components *found;
    uint8_t failed[(XD_PICTURE_MAX_PARTS + 1) * (MAX_TEXT + 1) / 8 + 1]; /* (part, byte) tried */
} matcher;

static bool is_number(char c)
{
    return c >= '0' && c <= '9';
}

/* ---- one part ---- */

/* Reads digits only. */
static bool read_digits(xd_str text, int64_t *ret)
{
    int64_t value = 0;
    if (text.len == 0 || text.len > 18) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (!is_number(text.ptr[i])) {
            return false;
        }
        value = value * 10 + (text.ptr[i] - '0');
    }
    *ret = value;
    return true;
}

static bool same_letters(xd_str text, xd_str name)
{
    if (text.len != name.len) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (xd_picture_lower(text.ptr[i]) != xd_picture_lower(name.ptr[i])) {
            return false;
        }
    }
    return true;
}

static bool read_name(const xd_picture_part *part, xd_str text, int64_t *ret)
{
    if (part->component == 'P') {
        *ret = same_letters(text, XD_STR("pm"));
        return *ret || same_letters(text, XD_STR("am"));
    }
    const xd_str *names = part->component == 'F' ? xd_picture_days : xd_picture_months;
    int64_t count = part->component == 'F' ? 7 : 12;
    for (int64_t i = 0; i < count; i++) {
        xd_str name = names[i];
        if (part->max_width > 0 && (size_t)part->max_width < name.len) {
            name.len = (size_t)part->max_width;
        }
        if (same_letters(text, name)) {
            *ret = i + 1;
            return true;
        }
    }
    return false;
}

/* Hours and minutes behind the sign. */
static bool read_offset(const xd_picture_integer *format, xd_str text, int64_t *ret_minutes)
{
    size_t split = text.len;
    size_t skip = 0;
    if (format->repeat > 0) {
        char separator = (char)format->separators[0].character;
        const char *at = memchr(text.ptr, separator, text.len);
        if (!at) {
            return false;
        }
        split = (size_t)(at - text.ptr);
        skip = 1;
    } else if (format->mandatory <= 2 && memchr(text.ptr, ':', text.len)) {
        split = (size_t)((const char *)memchr(text.ptr, ':', text.len) - text.ptr);
        skip = 1;
    } else if (text.len > 2) {
        split = 2;
    }
    int64_t hours;
    int64_t minutes = 0;
    bool fine = read_digits((xd_str){text.ptr, split}, &hours) &&
                (split == text.len ||
                 read_digits((xd_str){text.ptr + split + skip, text.len - split - skip}, &minutes));
    *ret_minutes = fine ? hours * 60 + minutes : 0;
    return fine && hours < 24 && minutes < 60;
}

static bool read_zone(const xd_picture_part *part, xd_str text, int64_t *ret)
{
    if (text.len == 1 && xd_picture_is_letter(text.ptr[0])) {
        static const char letters[] = "YXWVUTSRQPONZABCDEFGHIKLM";
        char c = xd_picture_upper(text.ptr[0]);
        bool military = xd_str_eq(part->integer.token, XD_STR("Z"));
        const char *at = strchr(letters, c);
        *ret = at ? (at - letters - 12) * 60 : 0;
        return at && (military || (c == 'Z' && part->second == 't'));
    }
    if (part->component == 'z') {
        if (text.len < 3 || !same_letters((xd_str){text.ptr, 3}, XD_STR("GMT"))) {
            return false;
        }
        text = (xd_str){text.ptr + 3, text.len - 3};
    }
    if (text.len < 2 || (text.ptr[0] != '+' && text.ptr[0] != '-')) {
        return false;
    }
    if (!read_offset(&part->integer, (xd_str){text.ptr + 1, text.len - 1}, ret)) {
        return false;
    }
    *ret = text.ptr[0] == '-' ? -*ret : *ret;
    return true;
}

/* Fractional seconds: digits from the left, those past milliseconds dropped. */
static bool read_fraction(const xd_picture_part *part, xd_str text, int64_t *ret)
{
    int64_t value = 0;
    size_t n = 0;
    for (size_t at = 0; at < text.len; n++) {
        int digit = xd_picture_digit(xd_picture_next(text, &at), part->integer.zero);
        if (digit < 0) {
            return false;
        }
        value = n < 3 ? value * 10 + digit : value;
    }
    for (size_t i = n; i < 3; i++) {
        value *= 10;
    }
    *ret = value;
    return n > 0 && (part->parse_width < 0 || n == (size_t)part->parse_width);
}

static bool read_integer(const xd_picture_part *part, xd_str text, int64_t *ret)
{
    const xd_picture_integer *format = &part->integer;
    char digits[XD_PICTURE_MAX_DIGITS];
    size_t count;
    if (part->parse_width >= 0 && format->separator_count == 0) {
        int32_t given = 0;
        for (size_t at = 0; at < text.len;) {
            given += xd_picture_digit(xd_picture_next(text, &at), format->zero) >= 0;
        }
        if (given != part->parse_width) {
            return false;
        }
    }
    return xd_picture_match_integer(format, text, digits, &count) &&
           read_digits((xd_str){digits, count}, ret);
}

static bool read_part(const xd_picture_part *part, xd_str text, int64_t *ret)
{
    if (part->component == 'Z' || part->component == 'z') {
        return read_zone(part, text, ret);
    }
    if (part->names) {
        return read_name(part, text, ret);
    }
    if (part->component == 'f' && part->integer.primary == XD_PICTURE_DECIMAL) {
        return read_fraction(part, text, ret);
    }
    return read_integer(part, text, ret);
}

/* Whether the byte may be part of what stands for the part. */
static bool may_hold(const xd_picture_part *part, char c)
{
    bool letter = xd_picture_is_letter(c);
    if (part->names) {
        return letter;
    }
    switch (part->integer.primary) {
    case XD_PICTURE_WORDS:
        return letter || c == ' ' || c == '-' || c == ',';
    case XD_PICTURE_LETTERS:
    case XD_PICTURE_ROMAN:
        return letter;
    default:
        break;
    }
    if (is_number(c) || (unsigned char)c >= 0x80) {
        return true;
    }
    for (uint32_t i = 0; i < part->integer.separator_count; i++) {
        if (part->integer.separators[i].character == (unsigned char)c) {
            return true;
        }
    }
    if (part->component == 'Z' || part->component == 'z') {
        return letter || c == '+' || c == '-' || c == ':';
    }
    return letter && part->integer.ordinal;
}

/* ---- all parts ---- */

static bool match_from(matcher *m, uint32_t index, size_t at);

static bool match_literal(matcher *m, uint32_t index, size_t at)
{
    xd_str literal = m->picture->parts[index].literal;
    for (size_t i = 0; i < literal.len; i++, at++) {
        if (at == m->text.len ||
            xd_picture_lower(m->text.ptr[at]) != xd_picture_lower(literal.ptr[i])) {
            return false;
        }
        if (literal.ptr[i] == ']' && i + 1 < literal.len && literal.ptr[i + 1] == ']') {
            i++;
        }
    }
    return match_from(m, index + 1, at);
}

/* Tries the longest text first, then ever shorter ones. */
static bool match_marker(matcher *m, uint32_t index, size_t at)
{
    const xd_picture_part *part = &m->picture->parts[index];
    size_t limit = part->integer.primary == XD_PICTURE_WORDS && !part->names ? MAX_TEXT : MAX_RUN;
    size_t end = at;
    while (end < m->text.len && end - at < limit && may_hold(part, m->text.ptr[end])) {
        end++;
    }
    for (; end > at; end--) {
        bool whole = end == m->text.len || ((unsigned char)m->text.ptr[end] & 0xC0) != 0x80;
        int64_t value;
        if (whole && read_part(part, (xd_str){m->text.ptr + at, end - at}, &value) &&
            match_from(m, index + 1, end)) {
            size_t slot = part->component == 'z' ? 'Z' : (size_t)part->component;
            if (!m->found->has[slot]) { /* of two of a kind the later one, which was set first */
                m->found->has[slot] = true;
                m->found->value[slot] = value;
            }
            return true;
        }
    }
    return false;
}

/* Matches the parts from index on against the text from at on; each pair is tried once. */
static bool match_from(matcher *m, uint32_t index, size_t at)
{
    if (index == m->picture->count) {
        return at == m->text.len;
    }
    size_t bit = index * (size_t)(MAX_TEXT + 1) + at;
    if (m->failed[bit / 8] & (1u << (bit % 8))) {
        return false;
    }
    bool fits = m->picture->parts[index].component ? match_marker(m, index, at)
                                                   : match_literal(m, index, at);
    if (!fits) {
        m->failed[bit / 8] |= (uint8_t)(1u << (bit % 8));
    }
    return fits;
}

/* ---- from components to milliseconds ---- */

/* At least one of the listed components is there, and none of the others of all. */
static bool only(const components *c, const char *all, const char *listed)
{
    bool any = false;
    for (const char *p = all; *p; p++) {
        bool here = c->has[(size_t)*p] && c->value[(size_t)*p] != 0;
        if (here && !strchr(listed, *p)) {
            return false;
        }
        any = any || here;
    }
    return any;
}

static xd_status not_enough(xd_fault *fault)
{
    return xd_fail(fault, XD_INVALID, "D3136",
                   "The picture leaves out a part between the ones it has, or names the day by its "
                   "week; give year, month and day, or year and day of the year.");
}

/* What is more significant than all given parts comes from now, what is less is the least there is;
 * nothing between them may be missing. */
static xd_status fill(components *c, const char *order, int64_t now_millis, xd_fault *fault)
{
    xd_picture_calendar now;
    xd_picture_calendar_of(now_millis, &now);
    bool started = false;
    bool ended = false;
    for (const char *p = order; *p; p++) {
        size_t i = (size_t)*p;
        if (c->has[i]) {
            started = true;
            if (ended) {
                return not_enough(fault);
            }
        } else {
            ended = started;
            c->value[i] = started ? strchr("MDd", *p) != NULL : xd_picture_component(&now, *p);
        }
    }
    return XD_OK;
}

/* False when there is no such day or time. */
static bool compose(const components *c, bool by_year_day, bool half_days, int64_t *ret)
{
    int64_t year = c->value['Y'];
    int64_t month = by_year_day ? 1 : c->value['M'];
    int64_t day = c->value[by_year_day ? 'd' : 'D'];
    int64_t hour = c->value[half_days ? 'h' : 'H'];
    year += year >= 0 && year < 100 ? 1900 : 0; /* as the language's own dates */
    if (year > 275760 || month < 1 || month > 12 || day < 1) {
        return false;
    }
    int64_t year_days = 337 + xd_picture_month_days(year, 2);
    if (day > (by_year_day ? year_days : xd_picture_month_days(year, (int32_t)month))) {
        return false;
    }
    if (half_days) {
        if (hour > 12) {
            return false;
        }
        hour = hour % 12 + (c->value['P'] ? 12 : 0);
    }
    if (hour > 23 || c->value['m'] > 59 || c->value['s'] > 59) {
        return false;
    }
    int64_t days = xd_picture_days_from(year, (int32_t)month, 1) + day - 1;
    int64_t minutes = hour * 60 + c->value['m'] - (c->has['Z'] ? c->value['Z'] : 0);
    int64_t millis = days * MILLIS_PER_DAY + minutes * 60000 + c->value['s'] * 1000 + c->value['f'];
    *ret = millis;
    return millis >= -MAX_MILLIS && millis <= MAX_MILLIS;
}

static xd_status to_millis(components *c, int64_t now_millis, int64_t *ret, bool *ret_found,
                           xd_fault *fault)
{
    static const char dates[] = "YXMxWwdD";
    static const char times[] = "PHhmsf";
    bool by_date = only(c, dates, "YMD");
    bool by_year_day = !by_date && only(c, dates, "Yd");
    if (only(c, dates, "Xxw") || only(c, dates, "XW")) {
        return not_enough(fault);
    }
    bool half_days = !only(c, times, "Hmsf") && only(c, times, "Phmsf");
    XD_TRY(fill(
        c, by_year_day ? (half_days ? "YdPhmsf" : "YdHmsf") : (half_days ? "YMDPhmsf" : "YMDHmsf"),
        now_millis, fault));
    int64_t millis;
    *ret_found = compose(c, by_year_day, half_days, &millis);
    if (*ret_found) {
        *ret = millis;
    }
    return XD_OK;
}

static xd_status check_parts(const xd_picture_instant *picture, xd_fault *fault)
{
    for (uint32_t i = 0; i < picture->count; i++) {
        const xd_picture_part *part = &picture->parts[i];
        char c = part->component;
        if (c == 0 || c == 'Z' || c == 'z') {
            continue;
        }
        if (part->names && c != 'M' && c != 'x' && c != 'F' && c != 'P') {
            return xd_picture_no_names(c, fault);
        }
        if (!part->names && part->integer.primary == XD_PICTURE_SEQUENCE) {
            return xd_picture_unknown_sequence(&part->integer, fault);
        }
    }
    return XD_OK;
}

static xd_status read_by_picture(xd_str text, xd_str picture, int64_t now_millis,
                                 int64_t *ret_millis, bool *ret_found, xd_fault *fault)
{
    xd_picture_instant format;
    XD_TRY(xd_picture_read_instant(picture, &format, fault));
    XD_TRY(check_parts(&format, fault));
    components found;
    memset(&found, 0, sizeof found);
    bool any = false;
    if (text.len <= MAX_TEXT) {
        matcher m = {.picture = &format, .text = text, .found = &found};
        if (match_from(&m, 0, 0)) {
            any = memchr(found.has, 1, sizeof found.has) != NULL;
        }
    }
    if (any) {
        return to_millis(&found, now_millis, ret_millis, ret_found, fault);
    }
    *ret_found = false;
    return XD_OK;
}

/* ---- ISO 8601 ---- */

/* Takes count digits behind the sign, if any is wanted. */
static bool take(xd_str *text, char sign, size_t count, int64_t *ret)
{
    size_t skip = sign ? 1 : 0;
    if (text->len < count + skip || (sign && text->ptr[0] != sign) ||
        !read_digits((xd_str){text->ptr + skip, count}, ret)) {
        return false;
    }
    *text = (xd_str){text->ptr + skip + count, text->len - skip - count};
    return true;
}

/* YYYY[-MM[-DD]][Thh:mm:ss[.fff]][Z|+hh:mm|+hhmm]; without a zone it is UTC. */
static bool read_iso(xd_str text, int64_t *ret)
{
    components c;
    memset(&c, 0, sizeof c);
    c.value['M'] = 1;
    c.value['D'] = 1;
    xd_str rest = text;
    if (!take(&rest, 0, 4, &c.value['Y'])) {
        return false;
    }
    if (take(&rest, '-', 2, &c.value['M'])) {
        (void)take(&rest, '-', 2, &c.value['D']);
    }
    if (rest.len > 0 && rest.ptr[0] == 'T') {
        if (!take(&rest, 'T', 2, &c.value['H']) || !take(&rest, ':', 2, &c.value['m']) ||
            !take(&rest, ':', 2, &c.value['s'])) {
            return false;
        }
        size_t n = 1;
        while (rest.len > 1 && rest.ptr[0] == '.' && n < rest.len && is_number(rest.ptr[n])) {
            int64_t unit = n == 1 ? 100 : n == 2 ? 10 : n == 3 ? 1 : 0;
            c.value['f'] += unit * (rest.ptr[n] - '0');
            n++;
        }
        rest = n > 1 ? (xd_str){rest.ptr + n, rest.len - n} : rest;
    }
    int64_t year_below_100 = c.value['Y'] < 100 ? 400 : 0; /* here they are meant as written */
    c.value['Y'] += year_below_100;
    if (rest.len > 0 && !xd_str_eq(rest, XD_STR("Z"))) {
        char sign = rest.ptr[0];
        int64_t hours;
        int64_t minutes;
        if ((sign != '+' && sign != '-') || !take(&rest, sign, 2, &hours) ||
            !(take(&rest, ':', 2, &minutes) || take(&rest, 0, 2, &minutes)) || rest.len > 0 ||
            hours > 23 || minutes > 59) {
            return false;
        }
        c.has['Z'] = true;
        c.value['Z'] = (hours * 60 + minutes) * (sign == '-' ? -1 : 1);
    }
    if (!compose(&c, false, false, ret)) {
        return false;
    }
    *ret -= year_below_100 ? 146097 * MILLIS_PER_DAY : 0;
    return true;
}

xd_status xd_picture_to_millis(xd_str text, xd_str picture, int64_t now_millis, int64_t *ret_millis,
                               bool *ret_found, xd_fault *fault)
{
    if (picture.len > 0) {
        return read_by_picture(text, picture, now_millis, ret_millis, ret_found, fault);
    }
    int64_t millis;
    if (!read_iso(text, &millis)) {
        return xd_fail(
            fault, XD_INVALID, "D3110",
            "\"%.*s\" is no instant of ISO 8601; write it as 2026-11-23T08:30:00Z or give "
            "a picture.",
            XD_FMT(text));
    }
    *ret_millis = millis;
    *ret_found = true;
    return XD_OK;
}
