/* $formatNumber: decimal-format pictures (XPath functions 3.1, section 4.7), on exact digits. Pure;
 * see picture.h. */
#include "mapping/picture_int.h"

enum { MAX_OPTION_CHARS = 16, MAX_SUB_PICTURES = 2 };

typedef struct characters {
    const uint32_t *at; /* borrows the arena, or a properties struct */
    int32_t count;
} characters;

/* Decimal-format properties; those of one character as characters, the others as text. */
typedef struct properties {
    uint32_t decimal, grouping, exponent, zero, digit, pattern;
    xd_str minus, percent, per_mille;
} properties;

/* A sub-picture, cut up (section 4.7.3) and measured (4.7.4). */
typedef struct sub_picture {
    characters all, prefix, suffix, active, mantissa, whole, fraction, exponent;
    bool has_exponent;
    int32_t shift; /* of percent and per-mille: 2, 3 or 0 */
    int32_t min_whole, min_fraction, max_fraction, min_exponent;
    int32_t scaling;
    int32_t repeat; /* > 0: whole digits are grouped by so many */
} sub_picture;

static characters cut(characters c, int32_t from, int32_t to)
{
    return (characters){c.at + from, to - from};
}

static int32_t find(characters in, uint32_t c)
{
    for (int32_t i = 0; i < in.count; i++) {
        if (in.at[i] == c) {
            return i;
        }
    }
    return -1;
}

static bool is_digit(const properties *p, uint32_t c)
{
    return xd_picture_digit(c, p->zero) >= 0;
}

static bool is_active(const properties *p, uint32_t c)
{
    return is_digit(p, c) || c == p->decimal || c == p->grouping || c == p->exponent ||
           c == p->digit || c == p->pattern;
}

static int32_t count_digits(const properties *p, characters in, bool optional_too)
{
    int32_t n = 0;
    for (int32_t i = 0; i < in.count; i++) {
        n += is_digit(p, in.at[i]) || (optional_too && in.at[i] == p->digit);
    }
    return n;
}

static int32_t count_text(characters in, xd_str wanted)
{
    int32_t n = 0;
    for (int32_t i = 0; i < in.count; i++) {
        int32_t j = i;
        size_t at = 0;
        while (at < wanted.len && j < in.count && in.at[j] == xd_picture_next(wanted, &at)) {
            j++;
            if (at == wanted.len) {
                n++;
                break;
            }
        }
    }
    return n;
}

/* ---- options ---- */

static xd_status read_option(const xd_json_member *member, properties *p, xd_fault *fault)
{
    const struct {
        const char *name;
        uint32_t *character;
        xd_str *text;
    } known[] = {
        {"decimal-separator", &p->decimal, NULL},
        {"grouping-separator", &p->grouping, NULL},
        {"exponent-separator", &p->exponent, NULL},
        {"zero-digit", &p->zero, NULL},
        {"digit", &p->digit, NULL},
        {"pattern-separator", &p->pattern, NULL},
        {"minus-sign", NULL, &p->minus},
        {"percent", NULL, &p->percent},
        {"per-mille", NULL, &p->per_mille},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (!xd_str_eq(member->name, xd_str_from(known[i].name))) {
            continue;
        }
        xd_str text = member->value.type == XD_JSON_STRING ? member->value.text : XD_STR_NULL;
        size_t at = 0;
        uint32_t first = text.len ? xd_picture_next(text, &at) : 0;
        if (text.len == 0 || text.len > MAX_OPTION_CHARS ||
            (known[i].character && at != text.len)) {
            return xd_fail(fault, XD_INVALID, "picture.option",
                           "The option \"%s\" of $formatNumber must be %s.", known[i].name,
                           known[i].character ? "one character" : "a short text");
        }
        if (known[i].character) {
            *known[i].character = first;
        } else {
            *known[i].text = text;
        }
    }
    return XD_OK;
}

static xd_status read_options(const xd_json *options, properties *p, xd_fault *fault)
{
    *p = (properties){.decimal = '.',
                      .grouping = ',',
                      .exponent = 'e',
                      .zero = '0',
                      .digit = '#',
                      .pattern = ';',
                      .minus = XD_STR("-"),
                      .percent = XD_STR("%"),
                      .per_mille = XD_STR("\xE2\x80\xB0")};
    for (uint32_t i = 0; options && options->type == XD_JSON_OBJECT && i < options->count; i++) {
        XD_TRY(read_option(&options->members[i], p, fault));
    }
    return XD_OK;
}

/* ---- the picture ---- */

static void cut_up(const properties *p, characters all, sub_picture *s)
{
    int32_t first = 0;
    int32_t end = all.count;
    while (first < end && !(is_active(p, all.at[first]) && all.at[first] != p->exponent)) {
        first++;
    }
    if (first == all.count) { /* nothing active: all of it counts as the active part */
        first = 0;
    } else {
        while (!(is_active(p, all.at[end - 1]) && all.at[end - 1] != p->exponent)) {
            end--;
        }
    }
    *s = (sub_picture){.all = all};
    s->prefix = cut(all, 0, first);
    s->active = cut(all, first, end);
    s->suffix = cut(all, end, all.count);
    int32_t e = find(s->active, p->exponent);
    s->has_exponent = e >= 0;
    s->mantissa = cut(s->active, 0, e >= 0 ? e : s->active.count);
    s->exponent = cut(s->active, e >= 0 ? e + 1 : s->active.count, s->active.count);
    int32_t point = find(s->mantissa, p->decimal);
    s->whole = cut(s->mantissa, 0, point >= 0 ? point : s->mantissa.count);
    s->fraction = cut(s->mantissa, point >= 0 ? point + 1 : s->mantissa.count, s->mantissa.count);
}

/* In a whole part a digit may not stand before an optional one, in a fraction not behind. */
static bool digits_out_of_order(const properties *p, characters in, bool fraction)
{
    bool before = false;
    for (int32_t i = 0; i < in.count; i++) {
        bool is = is_digit(p, in.at[i]);
        bool optional = in.at[i] == p->digit;
        if (before && (fraction ? is : optional)) {
            return true;
        }
        before = before || (fraction ? optional : is);
    }
    return false;
}

static bool has_passive(const properties *p, characters in)
{
    for (int32_t i = 0; i < in.count; i++) {
        if (!is_active(p, in.at[i])) {
            return true;
        }
    }
    return false;
}

static bool has_double(characters in, uint32_t c)
{
    for (int32_t i = 1; i < in.count; i++) {
        if (in.at[i] == c && in.at[i - 1] == c) {
            return true;
        }
    }
    return false;
}

/* Section 4.7.3. Of several faults the one with the highest number is told, as the reference
 * implementation does. */
static xd_status check(const properties *p, const sub_picture *s, xd_str picture, xd_fault *fault)
{
    int32_t point = find(s->all, p->decimal);
    int32_t points = 0;
    for (int32_t i = 0; i < s->all.count; i++) {
        points += s->all.at[i] == p->decimal;
    }
    int32_t percents = count_text(s->all, p->percent);
    int32_t per_milles = count_text(s->all, p->per_mille);
    uint32_t before = point > 0 ? s->all.at[point - 1] : 0;
    uint32_t after = point >= 0 && point + 1 < s->all.count ? s->all.at[point + 1] : 0;
    bool ends_grouped = s->whole.count > 0 && s->whole.at[s->whole.count - 1] == p->grouping;
    const struct {
        bool broken;
        const char *code;
        const char *text;
    } rules[] = {
        {s->has_exponent &&
             (s->exponent.count == 0 || count_digits(p, s->exponent, false) < s->exponent.count),
         "D3093", "its exponent may only have digits, and at least one"},
        {s->exponent.count > 0 && percents + per_milles > 0, "D3092",
         "percent or per-mille may not stand with an exponent"},
        {digits_out_of_order(p, s->fraction, true), "D3091",
         "a digit of the fraction may not follow an optional digit"},
        {digits_out_of_order(p, s->whole, false), "D3090",
         "an optional digit may not follow a digit of the integer part"},
        {has_double(s->all, p->grouping), "D3089", "two grouping separators stand together"},
        {point < 0 && ends_grouped, "D3088", "the integer part ends in a grouping separator"},
        {before == p->grouping || after == p->grouping, "D3087",
         "a grouping separator stands beside the decimal separator"},
        {has_passive(p, s->active), "D3086", "there is other text between its digits"},
        {count_digits(p, s->mantissa, true) == 0, "D3085", "it has no digit"},
        {percents > 0 && per_milles > 0, "D3084", "it has both percent and per-mille"},
        {per_milles > 1, "D3083", "it has more than one per-mille"},
        {percents > 1, "D3082", "it has more than one percent"},
        {points > 1, "D3081", "it has more than one decimal separator"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (rules[i].broken) {
            return xd_fail(fault, XD_INVALID, rules[i].code,
                           "The picture \"%.*s\" of a number is wrong: %s.", XD_FMT(picture),
                           rules[i].text);
        }
    }
    return XD_OK;
}

/* Digits to the right of the i-th character of part. */
static int32_t digits_right(const properties *p, characters part, int32_t i)
{
    return count_digits(p, cut(part, i, part.count), true);
}

/* Grouping positions n, 2n, 3n ... mean that every n digits are grouped. */
static int32_t find_repeat(const properties *p, characters whole)
{
    int32_t repeat = 0;
    int32_t n = 0;
    for (int32_t i = whole.count - 1; i >= 0; i--) {
        if (whole.at[i] == p->grouping) {
            int32_t position = digits_right(p, whole, i);
            repeat = n == 0 ? position : repeat;
            n++;
            if (position != n * repeat) {
                return 0;
            }
        }
    }
    return repeat;
}

/* Section 4.7.4. */
static void measure(const properties *p, sub_picture *s)
{
    s->shift = count_text(s->all, p->percent) ? 2 : count_text(s->all, p->per_mille) ? 3 : 0;
    s->repeat = find_repeat(p, s->whole);
    s->min_whole = count_digits(p, s->whole, false);
    s->scaling = s->min_whole;
    s->min_fraction = count_digits(p, s->fraction, false);
    s->max_fraction = count_digits(p, s->fraction, true);
    if (s->min_whole == 0 && s->max_fraction == 0) {
        if (s->has_exponent) {
            s->min_fraction = 1;
            s->max_fraction = 1;
        } else {
            s->min_whole = 1;
        }
    }
    if (s->has_exponent && s->min_whole == 0 && find(s->whole, p->digit) >= 0) {
        s->min_whole = 1;
    }
    if (s->min_whole == 0 && s->min_fraction == 0) {
        s->min_fraction = 1;
    }
    s->min_exponent = s->exponent.count;
}

static xd_status read_picture(const properties *p, xd_str picture, xd_arena *arena,
                              sub_picture subs[MAX_SUB_PICTURES], int32_t *ret_count,
                              xd_fault *fault)
{
    if (picture.len > XD_PICTURE_MAX_CHARS) {
        return xd_fail(fault, XD_LIMIT, "picture.limit", "A picture has %zu bytes; at most %d.",
                       picture.len, XD_PICTURE_MAX_CHARS);
    }
    uint32_t *all = xd_arena_alloc(arena, (picture.len + 1) * sizeof *all);
    if (!all) {
        return xd_fail(fault, XD_NO_MEMORY, NULL, "There is no memory for a picture.");
    }
    int32_t n = 0;
    for (size_t at = 0; at < picture.len;) {
        all[n++] = xd_picture_next(picture, &at);
    }
    int32_t count = 0;
    int32_t start = 0;
    for (int32_t i = 0; i <= n; i++) {
        if (i < n && all[i] != p->pattern) {
            continue;
        }
        if (count == MAX_SUB_PICTURES) {
            return xd_fail(fault, XD_INVALID, "D3080",
                           "The picture \"%.*s\" has more than two sub-pictures.", XD_FMT(picture));
        }
        cut_up(p, (characters){all + start, i - start}, &subs[count++]);
        start = i + 1;
    }
    for (int32_t i = 0; i < count; i++) {
        XD_TRY(check(p, &subs[i], picture, fault));
        measure(p, &subs[i]);
    }
    *ret_count = count;
    return XD_OK;
}

/* ---- writing ---- */

static void put_characters(xd_picture_text *out, characters c)
{
    for (int32_t i = 0; i < c.count; i++) {
        xd_picture_put_char(out, c.at[i]);
    }
}

static void put_digit(const properties *p, xd_picture_text *out, char digit)
{
    xd_picture_put_char(out, p->zero + (uint32_t)(digit - '0'));
}

/* Whether a separator stands where so many digits are to the right of it. */
static bool grouped_whole(const properties *p, const sub_picture *s, int32_t right)
{
    if (s->repeat > 0) {
        return right % s->repeat == 0;
    }
    for (int32_t i = 0; i < s->whole.count; i++) {
        if (s->whole.at[i] == p->grouping && digits_right(p, s->whole, i) == right) {
            return true;
        }
    }
    return false;
}

static bool grouped_fraction(const properties *p, const sub_picture *s, int32_t left)
{
    for (int32_t i = 0; i < s->fraction.count; i++) {
        if (s->fraction.at[i] == p->grouping &&
            count_digits(p, cut(s->fraction, 0, i), true) == left) {
            return true;
        }
    }
    return false;
}

static void put_mantissa(const properties *p, const sub_picture *s, const xd_picture_number *n,
                         xd_picture_text *out)
{
    int32_t whole = n->point > s->min_whole ? n->point : s->min_whole;
    for (int32_t right = whole - 1; right >= 0; right--) {
        put_digit(p, out, xd_picture_digit_at(n, -right));
        if (right > 0 && grouped_whole(p, s, right)) {
            xd_picture_put_char(out, p->grouping);
        }
    }
    int32_t places = n->count - n->point;
    places = places > s->min_fraction ? places : s->min_fraction;
    if (places > 0) {
        xd_picture_put_char(out, p->decimal);
    }
    for (int32_t left = 1; left <= places; left++) {
        put_digit(p, out, xd_picture_digit_at(n, left));
        if (left < places && grouped_fraction(p, s, left)) {
            xd_picture_put_char(out, p->grouping);
        }
    }
}

static void put_exponent(const properties *p, const sub_picture *s, int32_t exponent,
                         xd_picture_text *out)
{
    char digits[12];
    int32_t n = 0;
    for (int32_t rest = exponent < 0 ? -exponent : exponent; rest > 0; rest /= 10) {
        digits[n++] = (char)('0' + rest % 10);
    }
    xd_picture_put_char(out, p->exponent);
    if (exponent < 0) {
        xd_picture_put(out, p->minus);
    }
    for (int32_t i = s->min_exponent; i > n; i--) {
        put_digit(p, out, '0');
    }
    while (n > 0) {
        put_digit(p, out, digits[--n]);
    }
}

xd_status xd_picture_format_number(xd_str number, xd_str picture, const xd_json *options,
                                   xd_arena *arena, xd_str *ret, xd_fault *fault)
{
    xd_picture_number n;
    properties p;
    sub_picture subs[MAX_SUB_PICTURES];
    int32_t count = 0;
    XD_TRY(xd_picture_read_number(number, &n, fault));
    XD_TRY(read_options(options, &p, fault));
    XD_TRY(read_picture(&p, picture, arena, subs, &count, fault));
    const sub_picture *s = &subs[n.negative && count == 2 ? 1 : 0];
    xd_picture_text out = {.arena = arena};
    if (n.negative && count == 1) {
        xd_picture_put(&out, p.minus);
    }
    put_characters(&out, s->prefix);
    int32_t exponent = 0;
    if (n.count > 0) {
        n.point += s->shift;
        if (s->min_exponent > 0) {
            exponent = n.point - s->scaling;
            n.point = s->scaling;
        }
        xd_picture_round(&n, s->max_fraction);
    }
    put_mantissa(&p, s, &n, &out);
    if (s->min_exponent > 0) {
        put_exponent(&p, s, exponent, &out);
    }
    put_characters(&out, s->suffix);
    return xd_picture_finish(&out, ret, fault);
}
