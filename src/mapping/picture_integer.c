/* $formatInteger, $parseInteger and $formatBase, and the integers within pictures of instants
 * (XPath functions 3.1, section 4.6). Pure; see picture.h. */
#include "mapping/picture_int.h"

/* Beyond these an integer is written in digits, as the standard allows. */
enum { MAX_ROMAN = 100000 };

static const struct {
    int value;
    const char *numeral;
} romans[] = {{1000, "m"}, {900, "cm"}, {500, "d"}, {400, "cd"}, {100, "c"}, {90, "xc"}, {50, "l"},
              {40, "xl"},  {10, "x"},   {9, "ix"},  {5, "v"},    {4, "iv"},  {1, "i"}};

/* ---- the picture ---- */

/* Sets repeat when all separators are alike and as far apart as the first is from the end. */
static void find_repeat(xd_picture_integer *format)
{
    for (uint32_t i = 0; i < format->separator_count; i++) {
        if (format->separators[i].character != format->separators[0].character ||
            format->separators[i].position != (int32_t)(i + 1) * format->separators[0].position) {
            return;
        }
    }
    if (format->separator_count > 0) {
        format->repeat = format->separators[0].position;
    }
}

/* A decimal digit pattern, if there is a digit in it. */
static xd_status read_digits(xd_str picture, xd_picture_integer *format, xd_fault *fault)
{
    int32_t left = 0; /* digits to the left of the separator; turned round below */
    for (size_t at = 0; at < picture.len;) {
        uint32_t c = xd_picture_next(picture, &at);
        uint32_t zero = xd_picture_family(c);
        if (zero) {
            if (format->zero && zero != format->zero) {
                return xd_fail(fault, XD_INVALID, "D3131",
                               "All digits of the picture \"%.*s\" must be of one script.",
                               XD_FMT(picture));
            }
            format->zero = zero;
            format->mandatory++;
            left++;
        } else if (c == '#') {
            format->optional++;
            left++;
        } else if (format->separator_count == XD_PICTURE_MAX_SEPARATORS) {
            /* A text without digits is a name of a sequence, however long. */
            continue;
        } else {
            format->separators[format->separator_count++] = (xd_picture_separator){left, c};
        }
    }
    if (format->mandatory == 0) {
        format->primary = XD_PICTURE_SEQUENCE;
        format->optional = 0;
        format->separator_count = 0;
        return XD_OK;
    }
    if (format->separator_count == XD_PICTURE_MAX_SEPARATORS) {
        return xd_fail(fault, XD_LIMIT, "picture.limit",
                       "The picture \"%.*s\" has more than %d separators.", XD_FMT(picture),
                       XD_PICTURE_MAX_SEPARATORS - 1);
    }
    for (uint32_t i = 0; i < format->separator_count / 2; i++) {
        xd_picture_separator *a = &format->separators[i];
        xd_picture_separator *b = &format->separators[format->separator_count - 1 - i];
        xd_picture_separator kept = *a;
        *a = *b;
        *b = kept;
    }
    for (uint32_t i = 0; i < format->separator_count; i++) {
        format->separators[i].position = left - format->separators[i].position;
    }
    find_repeat(format);
    return XD_OK;
}

xd_status xd_picture_read_integer(xd_str picture, bool ordinal, xd_picture_integer *ret,
                                  xd_fault *fault)
{
    static const struct {
        const char *token;
        xd_picture_primary primary;
        xd_picture_case letter_case;
    } tokens[] = {
        {"A", XD_PICTURE_LETTERS, XD_PICTURE_UPPER}, {"a", XD_PICTURE_LETTERS, XD_PICTURE_LOWER},
        {"I", XD_PICTURE_ROMAN, XD_PICTURE_UPPER},   {"i", XD_PICTURE_ROMAN, XD_PICTURE_LOWER},
        {"W", XD_PICTURE_WORDS, XD_PICTURE_UPPER},   {"w", XD_PICTURE_WORDS, XD_PICTURE_LOWER},
        {"Ww", XD_PICTURE_WORDS, XD_PICTURE_TITLE},
    };
    if (picture.len > XD_PICTURE_MAX_CHARS) {
        return xd_fail(fault, XD_LIMIT, "picture.limit", "A picture has %zu bytes; at most %d.",
                       picture.len, XD_PICTURE_MAX_CHARS);
    }
    *ret = (xd_picture_integer){.ordinal = ordinal, .token = picture};
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        if (xd_str_eq(picture, xd_str_from(tokens[i].token))) {
            ret->primary = tokens[i].primary;
            ret->letter_case = tokens[i].letter_case;
            return XD_OK;
        }
    }
    return read_digits(picture, ret, fault);
}

/* The picture up to the last semicolon, and whether the modifier behind it asks for ordinals. */
static xd_status read_picture(xd_str picture, xd_picture_integer *ret, xd_fault *fault)
{
    xd_str primary = picture;
    bool ordinal = false;
    for (size_t i = picture.len; i > 0; i--) {
        if (picture.ptr[i - 1] == ';') {
            ordinal = i < picture.len && picture.ptr[i] == 'o';
            primary.len = i - 1;
            break;
        }
    }
    return xd_picture_read_integer(primary, ordinal, ret, fault);
}

xd_status xd_picture_unknown_sequence(const xd_picture_integer *format, xd_fault *fault)
{
    return xd_fail(fault, XD_INVALID, "D3130",
                   "Numbering as \"%.*s\" is not supported; use digits, A, a, I, i, W, w or Ww.",
                   XD_FMT(format->token));
}

/* ---- writing ---- */

static void put_decimal(const xd_picture_integer *format, xd_str digits, xd_picture_text *out)
{
    int32_t count = (int32_t)digits.len;
    int32_t total = format->mandatory > count ? format->mandatory : count;
    for (int32_t right = total; right > 0; right--) { /* digits still to come, this one included */
        char digit = right > count ? '0' : digits.ptr[count - right];
        xd_picture_put_char(out, format->zero + (uint32_t)(digit - '0'));
        int32_t after = right - 1;
        if (after == 0) {
            break;
        }
        if (format->repeat > 0) {
            if (after % format->repeat == 0) {
                xd_picture_put_char(out, format->separators[0].character);
            }
            continue;
        }
        for (uint32_t i = format->separator_count; i > 0; i--) {
            if (format->separators[i - 1].position == after) {
                xd_picture_put_char(out, format->separators[i - 1].character);
            }
        }
    }
    if (format->ordinal) {
        char last = digits.ptr[count - 1];
        bool teen = count > 1 && digits.ptr[count - 2] == '1';
        const char *suffix = teen || last == '0' || last > '3' ? "th"
                             : last == '1'                     ? "st"
                             : last == '2'                     ? "nd"
                                                               : "rd";
        xd_picture_put(out, xd_str_from(suffix));
    }
}

/* The value when it is at most limit, else -1. */
static int64_t small_value(xd_str digits, int64_t limit)
{
    int64_t value = 0;
    for (size_t i = 0; i < digits.len && value >= 0; i++) {
        value = value * 10 + (digits.ptr[i] - '0');
        value = value > limit ? -1 : value;
    }
    return value;
}

static void put_roman(int64_t value, bool upper, xd_picture_text *out)
{
    for (size_t i = 0; i < sizeof romans / sizeof romans[0]; i++) {
        for (; value >= romans[i].value; value -= romans[i].value) {
            for (const char *p = romans[i].numeral; *p; p++) {
                char c = upper ? xd_picture_upper(*p) : *p;
                xd_picture_put(out, (xd_str){&c, 1});
            }
        }
    }
}

static void put_letters(int64_t value, char first, xd_picture_text *out)
{
    char letters[16];
    size_t at = sizeof letters;
    for (; value > 0; value = (value - 1) / 26) {
        letters[--at] = (char)(first + (value - 1) % 26);
    }
    xd_picture_put(out, (xd_str){letters + at, sizeof letters - at});
}

xd_status xd_picture_write_integer(const xd_picture_integer *format, bool negative, xd_str digits,
                                   xd_picture_text *out, xd_fault *fault)
{
    static const xd_picture_integer plain = {.primary = XD_PICTURE_DECIMAL, .zero = '0'};
    if (format->primary == XD_PICTURE_SEQUENCE) {
        return xd_picture_unknown_sequence(format, fault);
    }
    if (negative) {
        xd_picture_put(out, XD_STR("-"));
    }
    int64_t value = -1;
    switch (format->primary) {
    case XD_PICTURE_ROMAN:
        value = small_value(digits, MAX_ROMAN);
        put_roman(value, format->letter_case == XD_PICTURE_UPPER, out);
        break;
    case XD_PICTURE_LETTERS:
        value = small_value(digits, INT64_MAX / 100);
        put_letters(value, format->letter_case == XD_PICTURE_UPPER ? 'A' : 'a', out);
        break;
    case XD_PICTURE_WORDS:
        value = 0;
        xd_picture_write_words(digits, format->letter_case, format->ordinal, out);
        break;
    default:
        value = 0;
        put_decimal(format, digits, out);
        break;
    }
    if (value < 0) {
        put_decimal(&plain, digits, out);
    }
    return XD_OK;
}

/* Digits of the integer at or below number. */
static xd_str floor_digits(const xd_picture_number *n, char *digits)
{
    int32_t count = n->point > 0 ? n->point : 0;
    for (int32_t i = 0; i < count; i++) {
        digits[i + 1] = i < n->count ? n->digit[i] : '0';
    }
    digits[0] = '0';
    if (n->negative && n->count > count) { /* there is a fraction: away from zero */
        int32_t at = count;
        for (; digits[at] == '9'; at--) {
            digits[at] = '0';
        }
        digits[at]++;
    }
    xd_str all = {digits, (size_t)count + 1};
    while (all.len > 1 && all.ptr[0] == '0') {
        all.ptr++;
        all.len--;
    }
    return all;
}

xd_status xd_picture_format_integer(xd_str number, xd_str picture, xd_arena *arena, xd_str *ret,
                                    xd_fault *fault)
{
    xd_picture_number value;
    xd_picture_integer format;
    char digits[XD_PICTURE_MAX_DIGITS + 1];
    XD_TRY(xd_picture_read_number(number, &value, fault));
    XD_TRY(read_picture(picture, &format, fault));
    xd_picture_text out = {.arena = arena};
    xd_str whole = floor_digits(&value, digits);
    XD_TRY(xd_picture_write_integer(&format, value.negative, whole, &out, fault));
    return xd_picture_finish(&out, ret, fault);
}

/* Divides the number of these digits (values, not characters) by radix; the remainder. */
static int divide_digits(char *digits, size_t *count, int radix)
{
    int rest = 0;
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        rest = rest * 10 + digits[i];
        char digit = (char)(rest / radix);
        rest %= radix;
        if (digit || kept) {
            digits[kept++] = digit;
        }
    }
    *count = kept;
    return rest;
}

xd_status xd_picture_format_base(xd_str number, int radix, xd_arena *arena, xd_str *ret,
                                 xd_fault *fault)
{
    xd_picture_number n;
    char digits[XD_PICTURE_MAX_DIGITS];
    char text[XD_PICTURE_MAX_DIGITS * 4]; /* a decimal digit takes at most 3.4 binary ones */
    size_t at = sizeof text;
    XD_TRY(xd_picture_read_number(number, &n, fault));
    size_t count = n.point > 0 ? (size_t)n.point : 0;
    for (size_t i = 0; i < count; i++) {
        digits[i] = (char)(i < (size_t)n.count ? n.digit[i] - '0' : 0);
    }
    bool negative = n.negative && count > 0;
    do {
        text[--at] = "0123456789abcdefghijklmnopqrstuvwxyz"[divide_digits(digits, &count, radix)];
    } while (count > 0);
    xd_picture_text out = {.arena = arena};
    if (negative) {
        xd_picture_put(&out, XD_STR("-"));
    }
    xd_picture_put(&out, (xd_str){text + at, sizeof text - at});
    return xd_picture_finish(&out, ret, fault);
}

/* ---- reading ---- */

static bool is_separator(const xd_picture_integer *format, uint32_t c)
{
    for (uint32_t i = 0; i < format->separator_count; i++) {
        if (format->separators[i].character == c) {
            return true;
        }
    }
    return false;
}

/* Takes the suffix of an ordinal off. */
static bool drop_suffix(xd_str *text)
{
    static const char *const suffixes[] = {"th", "st", "nd", "rd"};
    for (size_t i = 0; i < 4 && text->len > 2; i++) {
        if (xd_picture_lower(text->ptr[text->len - 2]) == suffixes[i][0] &&
            xd_picture_lower(text->ptr[text->len - 1]) == suffixes[i][1]) {
            text->len -= 2;
            return true;
        }
    }
    return false;
}

static bool match_decimal(const xd_picture_integer *format, xd_str text, char *ret_digits,
                          size_t *ret_count)
{
    if (format->ordinal && !drop_suffix(&text)) {
        return false;
    }
    size_t n = 0;
    bool last_is_digit = false;
    bool any = false;
    for (size_t at = 0; at < text.len;) {
        uint32_t c = xd_picture_next(text, &at);
        int digit = xd_picture_digit(c, format->zero);
        if (digit < 0 && !(any && last_is_digit && is_separator(format, c))) {
            return false;
        }
        last_is_digit = digit >= 0;
        any = any || last_is_digit;
        if (digit > 0 || (digit == 0 && n > 0)) {
            if (n == XD_PICTURE_MAX_DIGITS) {
                return false;
            }
            ret_digits[n++] = (char)('0' + digit);
        }
    }
    if (any && n == 0) {
        ret_digits[n++] = '0';
    }
    *ret_count = n;
    return last_is_digit;
}

static bool write_value(int64_t value, char *ret_digits, size_t *ret_count)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    memcpy(ret_digits, digits + at, sizeof digits - at);
    *ret_count = sizeof digits - at;
    return true;
}

static bool match_roman(xd_str text, char *ret_digits, size_t *ret_count)
{
    static const char letters[] = "mdclxvi";
    static const int values[] = {1000, 500, 100, 50, 10, 5, 1};
    int64_t sum = 0;
    int64_t largest = 1;
    for (size_t i = text.len; i > 0; i--) {
        char c = xd_picture_lower(text.ptr[i - 1]);
        const char *known = c ? strchr(letters, c) : NULL;
        if (!known) {
            return false;
        }
        int64_t value = values[known - letters];
        largest = value > largest ? value : largest;
        sum += value < largest ? -value : value;
    }
    return sum >= 0 && write_value(sum, ret_digits, ret_count);
}

static bool match_letters(xd_str text, char *ret_digits, size_t *ret_count)
{
    int64_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (!xd_picture_is_letter(text.ptr[i]) || __builtin_mul_overflow(value, 26, &value) ||
            __builtin_add_overflow(value, xd_picture_lower(text.ptr[i]) - 'a' + 1, &value)) {
            return false;
        }
    }
    return write_value(value, ret_digits, ret_count);
}

bool xd_picture_match_integer(const xd_picture_integer *format, xd_str text, char *ret_digits,
                              size_t *ret_count)
{
    switch (format->primary) {
    case XD_PICTURE_DECIMAL:
        return match_decimal(format, text, ret_digits, ret_count);
    case XD_PICTURE_ROMAN:
        return match_roman(text, ret_digits, ret_count);
    case XD_PICTURE_LETTERS:
        return match_letters(text, ret_digits, ret_count);
    case XD_PICTURE_WORDS:
        return xd_picture_match_words(text, ret_digits, ret_count);
    default:
        return false;
    }
}

xd_status xd_picture_parse_integer(xd_str text, xd_str picture, xd_arena *arena, xd_str *ret,
                                   xd_fault *fault)
{
    xd_picture_integer format;
    XD_TRY(read_picture(picture, &format, fault));
    if (format.primary == XD_PICTURE_SEQUENCE) {
        return xd_picture_unknown_sequence(&format, fault);
    }
    xd_str rest = text;
    bool negative = rest.len > 0 && rest.ptr[0] == '-';
    if (negative) {
        rest.ptr++;
        rest.len--;
    }
    char digits[XD_PICTURE_MAX_DIGITS];
    size_t count;
    if (!xd_picture_match_integer(&format, rest, digits, &count)) {
        return xd_fail(fault, XD_INVALID, "D3030",
                       "\"%.*s\" does not fit the picture \"%.*s\" of an integer.", XD_FMT(text),
                       XD_FMT(picture));
    }
    xd_picture_text out = {.arena = arena};
    if (negative && digits[0] != '0') {
        xd_picture_put(&out, XD_STR("-"));
    }
    xd_picture_put(&out, (xd_str){digits, count});
    return xd_picture_finish(&out, ret, fault);
}
