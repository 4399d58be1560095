/* Pictures of instants (XPath functions 3.1, section 9.8.4) and $fromMillis. Pure; see picture.h.
 */
#include "mapping/picture_int.h"

#define MAX_MILLIS INT64_C(8640000000000000) /* what the language's own dates reach */

/* ---- the picture ---- */

/* First presentation modifier where the picture gives none; NULL: there is no such component. */
static const char *default_presentation(char component)
{
    switch (component) {
    case 'Y':
    case 'M':
    case 'D':
    case 'd':
    case 'W':
    case 'w':
    case 'X':
    case 'x':
    case 'H':
    case 'h':
    case 'f':
        return "1";
    case 'F':
    case 'P':
    case 'C':
    case 'E':
        return "n";
    case 'm':
    case 's':
        return "01";
    case 'Z':
    case 'z':
        return "01:01";
    default:
        return NULL;
    }
}

static bool is_numeric(char component)
{
    return component && strchr("YMDdFWwXxHhmsf", component);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* An unsigned number, or -1 for "*" and what is none. */
static int32_t read_width(xd_str text)
{
    int64_t value;
    if (text.len == 0 || text.len > 3 || text.ptr[0] == '-' || text.ptr[0] == '+' ||
        !xd_str_to_int64(text, &value)) {
        return -1;
    }
    return (int32_t)value;
}

/* "min-max" behind the comma. */
static void read_widths(xd_str text, xd_picture_part *part)
{
    xd_str min = text;
    xd_str max = XD_STR_NULL;
    const char *dash = text.len ? memchr(text.ptr, '-', text.len) : NULL;
    if (dash) {
        min.len = (size_t)(dash - text.ptr);
        max = (xd_str){dash + 1, text.len - min.len - 1};
    }
    part->min_width = read_width(min);
    part->max_width = read_width(max);
}

/* Section 9.8.4.4: to how many digits a year is cut. */
static void measure_year(xd_picture_part *part)
{
    part->year_digits = -1;
    if (part->max_width >= 0) {
        part->year_digits = part->max_width;
        part->integer.mandatory = part->max_width;
    } else if (part->integer.mandatory + part->integer.optional >= 2) {
        part->year_digits = part->integer.mandatory + part->integer.optional;
    }
}

/* The presentation modifiers: [token[second]]. */
static xd_status read_presentation(xd_str text, xd_picture_part *part, xd_fault *fault)
{
    const char *fallback = default_presentation(part->component);
    if (!fallback) {
        return xd_fail(fault, XD_INVALID, "D3132",
                       "A picture of an instant has no component \"%c\".",
                       part->component > 32 ? part->component : '?');
    }
    if (text.len == 0) {
        text = xd_str_from(fallback);
    } else if (text.len > 1 && text.ptr[text.len - 1] && strchr("atco", text.ptr[text.len - 1])) {
        part->second = text.ptr[--text.len];
    }
    if (part->component == 'Z' || part->component == 'z') {
        return xd_picture_read_integer(text, false, &part->integer, fault);
    }
    if (text.ptr[0] == 'n' || text.ptr[0] == 'N') {
        part->names = text.len > 1 && text.ptr[0] == 'N' && text.ptr[1] == 'n' ? 'T' : text.ptr[0];
        return XD_OK;
    }
    if (!is_numeric(part->component)) {
        part->names = 'n';
        return XD_OK;
    }
    XD_TRY(xd_picture_read_integer(text, part->second == 'o', &part->integer, fault));
    if (part->integer.mandatory > 0 && part->integer.mandatory < part->min_width) {
        part->integer.mandatory = part->min_width;
    }
    if (part->component == 'Y') {
        measure_year(part);
    }
    return XD_OK;
}

/* What stands between the brackets; white space there is ignored. */
static xd_status read_marker(xd_str marker, xd_picture_instant *picture, xd_picture_part *part,
                             xd_fault *fault)
{
    char *text = picture->text + picture->text_used;
    picture->text_used += marker.len;
    size_t n = 0;
    size_t comma = SIZE_MAX;
    for (size_t i = 0; i < marker.len; i++) {
        if (!is_space(marker.ptr[i])) {
            comma = marker.ptr[i] == ',' ? n : comma;
            text[n++] = marker.ptr[i];
        }
    }
    part->component = n > 0 && text[0] ? text[0] : ' ';
    part->min_width = -1;
    part->max_width = -1;
    part->parse_width = -1;
    part->year_digits = -1;
    size_t end = n;
    if (comma != SIZE_MAX && comma > 0) {
        read_widths((xd_str){text + comma + 1, n - comma - 1}, part);
        end = comma;
    }
    return read_presentation((xd_str){text + 1, end > 0 ? end - 1 : 0}, part, fault);
}

static xd_status add_part(xd_picture_instant *picture, xd_picture_part **ret, xd_fault *fault)
{
    if (picture->count == XD_PICTURE_MAX_PARTS) {
        return xd_fail(fault, XD_LIMIT, "picture.limit", "A picture has more than %d parts.",
                       XD_PICTURE_MAX_PARTS);
    }
    *ret = &picture->parts[picture->count++];
    (*ret)->component = 0;
    (*ret)->names = 0;
    (*ret)->second = 0;
    (*ret)->integer.primary = XD_PICTURE_SEQUENCE;
    return XD_OK;
}

static xd_status add_literal(xd_picture_instant *picture, xd_str literal, xd_fault *fault)
{
    if (literal.len == 0) {
        return XD_OK;
    }
    xd_picture_part *part = NULL;
    XD_TRY(add_part(picture, &part, fault));
    part->literal = literal;
    return XD_OK;
}

xd_status xd_picture_read_instant(xd_str picture, xd_picture_instant *ret, xd_fault *fault)
{
    if (picture.len > XD_PICTURE_MAX_CHARS) {
        return xd_fail(fault, XD_LIMIT, "picture.limit", "A picture has %zu bytes; at most %d.",
                       picture.len, XD_PICTURE_MAX_CHARS);
    }
    ret->count = 0;
    ret->text_used = 0;
    size_t start = 0;
    bool after_number = false;
    for (size_t at = 0; at < picture.len; at++) {
        if (picture.ptr[at] != '[') {
            continue;
        }
        if (at + 1 < picture.len && picture.ptr[at + 1] == '[') { /* "[[" is a bracket */
            XD_TRY(add_literal(ret, (xd_str){picture.ptr + start, at + 1 - start}, fault));
            start = at + 2;
            at++;
            after_number = false;
            continue;
        }
        after_number = after_number && at == start;
        XD_TRY(add_literal(ret, (xd_str){picture.ptr + start, at - start}, fault));
        const char *close = memchr(picture.ptr + at, ']', picture.len - at);
        if (!close) {
            return xd_fail(fault, XD_INVALID, "D3135",
                           "The picture \"%.*s\" has no closing bracket for the one at byte %zu.",
                           XD_FMT(picture), at);
        }
        xd_str marker = {picture.ptr + at + 1, (size_t)(close - picture.ptr) - at - 1};
        xd_picture_part *part = NULL;
        XD_TRY(add_part(ret, &part, fault));
        XD_TRY(read_marker(marker, ret, part, fault));
        bool number = is_numeric(part->component) && !part->names;
        if (number && after_number && ret->parts[ret->count - 2].integer.mandatory > 0) {
            ret->parts[ret->count - 2].parse_width = ret->parts[ret->count - 2].integer.mandatory;
        }
        after_number = number;
        at += marker.len + 1;
        start = at + 1;
    }
    return add_literal(ret, (xd_str){picture.ptr + start, picture.len - start}, fault);
}

xd_status xd_picture_no_names(char component, xd_fault *fault)
{
    return xd_fail(fault, XD_INVALID, "D3133",
                   "Only months and days have names in a picture of an instant, not \"%c\".",
                   component);
}

/* ---- writing ---- */

/* A text of letters in the case that names asks for, cut to the width. */
static void put_name(const xd_picture_part *part, xd_str name, xd_picture_text *out)
{
    size_t n = part->max_width >= 0 && (size_t)part->max_width < name.len ? (size_t)part->max_width
                                                                          : name.len;
    for (size_t i = 0; i < n; i++) {
        bool upper = part->names == 'N' || (part->names == 'T' && i == 0);
        char c = upper ? xd_picture_upper(name.ptr[i]) : xd_picture_lower(name.ptr[i]);
        xd_picture_put(out, (xd_str){&c, 1});
    }
}

static xd_status put_named(const xd_picture_part *part, int64_t value, xd_picture_text *out,
                           xd_fault *fault)
{
    if (part->component == 'M' || part->component == 'x') {
        put_name(part, xd_picture_months[value - 1], out);
    } else if (part->component == 'F') {
        put_name(part, xd_picture_days[value - 1], out);
    } else {
        return xd_picture_no_names(part->component, fault);
    }
    return XD_OK;
}

static xd_status put_integer(const xd_picture_integer *format, int64_t value, bool negative,
                             xd_picture_text *out, xd_fault *fault)
{
    char digits[24];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return xd_picture_write_integer(format, negative, (xd_str){digits + at, sizeof digits - at},
                                    out, fault);
}

/* Fractional seconds (section 9.8.4.5): digits from the left. One digit without widths means as
 * many as there are. */
static xd_status put_fraction(const xd_picture_part *part, int32_t millis, xd_picture_text *out,
                              xd_fault *fault)
{
    const xd_picture_integer *format = &part->integer;
    if (format->primary != XD_PICTURE_DECIMAL) {
        return put_integer(format, millis, false, out, fault);
    }
    int32_t min = format->mandatory;
    int32_t max = min + format->optional;
    if (part->max_width >= 0) {
        max = part->max_width;
    } else if (max == 1 && part->min_width < 0) {
        max = 3;
    }
    char digits[3] = {(char)('0' + millis / 100), (char)('0' + millis / 10 % 10),
                      (char)('0' + millis % 10)};
    int32_t n = 3;
    while (n > max || (n > min && n > 0 && digits[n - 1] == '0')) {
        n--;
    }
    for (int32_t i = 0; i < (n > min ? n : min); i++) {
        xd_picture_put_char(out, format->zero + (uint32_t)(i < n ? digits[i] - '0' : 0));
    }
    return XD_OK;
}

/* Section 9.8.4.6. A zone of no whole hours has no letter. */
static bool put_military(const xd_picture_part *part, int32_t minutes, xd_picture_text *out)
{
    int32_t hours = minutes / 60;
    if (!xd_str_eq(part->integer.token, XD_STR("Z")) || minutes % 60 != 0 || hours < -12 ||
        hours > 12) {
        return false;
    }
    char c = "YXWVUTSRQPONZABCDEFGHIKLM"[hours + 12];
    xd_picture_put(out, (xd_str){&c, 1});
    return true;
}

static xd_status put_zone(const xd_picture_part *part, int32_t minutes, xd_picture_text *out,
                          xd_fault *fault)
{
    static const xd_picture_integer usual = {.primary = XD_PICTURE_DECIMAL,
                                             .zero = '0',
                                             .mandatory = 4,
                                             .repeat = 2,
                                             .separator_count = 1,
                                             .separators = {{2, ':'}}};
    static const xd_picture_integer two_digits = {
        .primary = XD_PICTURE_DECIMAL, .zero = '0', .mandatory = 2};
    const xd_picture_integer *format = &part->integer;
    if (minutes == 0 && part->second == 't') {
        xd_picture_put(out, XD_STR("Z"));
        return XD_OK;
    }
    if (format->primary == XD_PICTURE_SEQUENCE &&
        (xd_str_eq(format->token, XD_STR("Z")) || xd_str_eq(format->token, XD_STR("N")))) {
        if (put_military(part, minutes, out)) {
            return XD_OK;
        }
        format = &usual; /* the hub knows offsets, not the names of zones */
    }
    if (format->primary != XD_PICTURE_DECIMAL || format->mandatory > 4) {
        return xd_fail(fault, XD_INVALID, "D3134",
                       "The picture \"%.*s\" of a time zone must have one to four digits.",
                       XD_FMT(format->token));
    }
    if (part->component == 'z') {
        xd_picture_put(out, XD_STR("GMT"));
    }
    xd_picture_put(out, minutes < 0 ? XD_STR("-") : XD_STR("+"));
    int32_t distance = minutes < 0 ? -minutes : minutes;
    if (format->repeat > 0 || format->mandatory > 2) {
        return put_integer(format, distance / 60 * 100 + distance % 60, false, out, fault);
    }
    XD_TRY(put_integer(format, distance / 60, false, out, fault));
    if (distance % 60 != 0) {
        xd_picture_put(out, XD_STR(":"));
        return put_integer(&two_digits, distance % 60, false, out, fault);
    }
    return XD_OK;
}

static void put_literal(xd_str literal, xd_picture_text *out)
{
    for (size_t i = 0; i < literal.len; i++) {
        xd_picture_put(out, (xd_str){literal.ptr + i, 1});
        if (literal.ptr[i] == ']' && i + 1 < literal.len && literal.ptr[i + 1] == ']') {
            i++;
        }
    }
}

static xd_status put_part(const xd_picture_part *part, const xd_picture_calendar *calendar,
                          int32_t zone_minutes, xd_picture_text *out, xd_fault *fault)
{
    int64_t value = xd_picture_component(calendar, part->component);
    switch (part->component) {
    case 0:
        put_literal(part->literal, out);
        return XD_OK;
    case 'Z':
    case 'z':
        return put_zone(part, zone_minutes, out, fault);
    case 'C':
    case 'E':
        xd_picture_put(out, XD_STR("ISO"));
        return XD_OK;
    case 'P':
        put_name(part, value ? XD_STR("pm") : XD_STR("am"), out);
        return XD_OK;
    case 'f':
        if (!part->names) {
            return put_fraction(part, (int32_t)value, out, fault);
        }
        return xd_picture_no_names('f', fault);
    default:
        break;
    }
    if (part->names) {
        return put_named(part, value, out, fault);
    }
    bool negative = value < 0;
    value = negative ? -value : value;
    if (part->component == 'Y' && part->year_digits >= 0 && part->year_digits < 18) {
        int64_t modulus = 1;
        for (int32_t i = 0; i < part->year_digits; i++) {
            modulus *= 10;
        }
        value %= modulus;
    }
    return put_integer(&part->integer, value, negative, out, fault);
}

/* "+0530", "-5", "0000", "+05:30" or "Z"; minutes east of Greenwich. */
static bool read_zone(xd_str text, int32_t *ret_minutes)
{
    char digits[4];
    size_t n = 0;
    size_t at = text.len > 0 && (text.ptr[0] == '+' || text.ptr[0] == '-') ? 1 : 0;
    bool negative = at && text.ptr[0] == '-';
    for (; at < text.len; at++) {
        char c = text.ptr[at];
        if (c == ':' && n == 2 && text.len - at == 3) {
            continue;
        }
        if (c < '0' || c > '9' || n == 4) {
            return xd_str_eq(text, XD_STR("Z")) && (*ret_minutes = 0, true);
        }
        digits[n++] = c;
    }
    int32_t value = 0;
    for (size_t i = 0; i < n; i++) {
        value = value * 10 + (digits[i] - '0');
    }
    if (n == 0 || value % 100 > 59 || value > 2359) {
        return false;
    }
    *ret_minutes = (value / 100 * 60 + value % 100) * (negative ? -1 : 1);
    return true;
}

static void put_digits(char *at, int64_t value, int width)
{
    for (int i = width - 1; i >= 0; i--, value /= 10) {
        at[i] = (char)('0' + value % 10);
    }
}

/* The picture that is used when none is given, for years of four digits, without reading it: most
 * instants are written this way. */
static void put_iso(const xd_picture_calendar *c, int32_t zone_minutes, xd_picture_text *out)
{
    char text[] = "YYYY-MM-DDThh:mm:ss.fff+hh:mm";
    const struct {
        int at, width;
        int64_t value;
    } parts[] = {{0, 4, c->year},    {5, 2, c->month},   {8, 2, c->day},    {11, 2, c->hour},
                 {14, 2, c->minute}, {17, 2, c->second}, {20, 3, c->millis}};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        put_digits(text + parts[i].at, parts[i].value, parts[i].width);
    }
    int32_t distance = zone_minutes < 0 ? -zone_minutes : zone_minutes;
    text[23] = zone_minutes == 0 ? 'Z' : zone_minutes < 0 ? '-' : '+';
    put_digits(text + 24, distance / 60, 2);
    put_digits(text + 27, distance % 60, 2);
    xd_picture_put(out, (xd_str){text, zone_minutes == 0 ? 24 : 29});
}

xd_status xd_picture_from_millis(int64_t millis, xd_str picture, xd_str timezone, xd_arena *arena,
                                 xd_str *ret, xd_fault *fault)
{
    const xd_str iso = XD_STR("[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01].[f001][Z01:01t]");
    if (millis < -MAX_MILLIS || millis > MAX_MILLIS) {
        return xd_fail(fault, XD_INVALID, "time.instant",
                       "%lld milliseconds is no instant: it lies more than 100 million days from "
                       "1970.",
                       (long long)millis);
    }
    int32_t zone = 0;
    if (timezone.len > 0 && !read_zone(timezone, &zone)) {
        return xd_fail(fault, XD_INVALID, "time.zone",
                       "\"%.*s\" is no time zone; write it as +hhmm or -hhmm.", XD_FMT(timezone));
    }
    xd_picture_calendar calendar;
    xd_picture_calendar_of(millis + zone * INT64_C(60000), &calendar);
    xd_picture_text out = {.arena = arena};
    if (picture.len == 0 && calendar.year >= 0 && calendar.year <= 9999) {
        put_iso(&calendar, zone, &out);
        return xd_picture_finish(&out, ret, fault);
    }
    xd_picture_instant format;
    XD_TRY(xd_picture_read_instant(picture.len ? picture : iso, &format, fault));
    for (uint32_t i = 0; i < format.count; i++) {
        XD_TRY(put_part(&format.parts[i], &calendar, zone, &out, fault));
    }
    return xd_picture_finish(&out, ret, fault);
}
