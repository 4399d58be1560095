/* Numbers of fixed-width fields: digits with an implied point and overpunched signs (COBOL
 * DISPLAY), packed (COMP-3) and binary (COMP). See fixed_int.h. Owns nothing; pure. */
#include "format/fixed_int.h"

#include <assert.h>

enum { MAX_DIGITS = 38 };

static xd_status found(const char *rule, const char *expected, xd_str bytes, xd_fault *fault)
{
    return xd_fail(fault, XD_INVALID, rule, "expected %s, found '%.*s'", expected,
                   bytes.len < 40 ? (int)bytes.len : 40, bytes.ptr);
}

static xd_status found_bytes(const char *rule, const char *expected, xd_str bytes, xd_fault *fault)
{
    char hex[2 * 20 + 1] = "";
    for (size_t i = 0; i < bytes.len && i < 20; i++) {
        static const char digits[] = "0123456789ABCDEF";
        hex[2 * i] = digits[(uint8_t)bytes.ptr[i] >> 4];
        hex[2 * i + 1] = digits[(uint8_t)bytes.ptr[i] & 15];
        hex[2 * i + 2] = '\0';
    }
    return xd_fail(fault, XD_INVALID, rule, "expected %s, found the bytes %s", expected, hex);
}

/* The digit and sign that one overpunched character carries: { A-I and } J-R as EBCDIC terminals
 * show them, p-y for negative digits in ASCII files, plain digits without a sign. */
static bool read_overpunch(char c, int *ret_digit, bool *ret_negative)
{
    static const char positive[] = "{ABCDEFGHI";
    static const char negative[] = "}JKLMNOPQR";
    for (int i = 0; i < 10; i++) {
        if (c == positive[i] || c == negative[i] || c == 'p' + i || c == '0' + i) {
            *ret_digit = i;
            *ret_negative = c == negative[i] || c == 'p' + i;
            return true;
        }
    }
    return false;
}

/* Takes the sign off the characters, which may become fewer. */
static bool take_sign(const xd_fixed_field *field, xd_str *text, char *last_or_first,
                      bool *ret_negative)
{
    int digit = 0;
    *ret_negative = false;
    switch (field->sign) {
    case XD_SIGN_OVERPUNCH:
    case XD_SIGN_OVERPUNCH_LEADING: {
        bool leading = field->sign == XD_SIGN_OVERPUNCH_LEADING;
        char c = leading ? text->ptr[0] : text->ptr[text->len - 1];
        if (!read_overpunch(c, &digit, ret_negative)) {
            return false;
        }
        *last_or_first = (char)('0' + digit);
        return true;
    }
    case XD_SIGN_LEADING:
        if (text->ptr[0] == '-' || text->ptr[0] == '+') {
            *ret_negative = text->ptr[0] == '-';
            text->ptr++;
            text->len--;
        }
        return true;
    case XD_SIGN_TRAILING: {
        char c = text->ptr[text->len - 1];
        if (c == '-' || c == '+') {
            *ret_negative = c == '-';
            text->len--;
        }
        return true;
    }
    default:
        return true;
    }
}

static xd_str strip(xd_str text)
{
    while (text.len && text.ptr[0] == ' ') {
        text.ptr++;
        text.len--;
    }
    while (text.len && text.ptr[text.len - 1] == ' ') {
        text.len--;
    }
    return text;
}

static bool read_digits(const xd_fixed_field *field, xd_str text, xd_int128 *ret)
{
    char punched = 0;
    bool negative;
    if (!take_sign(field, &text, &punched, &negative)) {
        return false;
    }
    if (field->sign == XD_SIGN_LEADING || field->sign == XD_SIGN_TRAILING) {
        text = strip(text); /* blanks between sign and digits */
    }
    size_t at = field->sign == XD_SIGN_OVERPUNCH_LEADING ? 0 : text.len - 1;
    xd_int128 value = 0;
    int significant = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = punched && i == at ? punched : text.ptr[i];
        if (c < '0' || c > '9' || significant == MAX_DIGITS) {
            return false;
        }
        value = value * 10 + (c - '0');
        significant += value != 0;
    }
    *ret = negative ? -value : value;
    return text.len > 0;
}

static bool read_packed(xd_str bytes, xd_int128 *ret)
{
    xd_int128 value = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned high = (uint8_t)bytes.ptr[i] >> 4;
        unsigned low = (uint8_t)bytes.ptr[i] & 15;
        if (high > 9) {
            return false;
        }
        value = value * 10 + (int)high;
        if (i + 1 < bytes.len) {
            if (low > 9) {
                return false;
            }
            value = value * 10 + (int)low;
        } else if (low == 0xD || low == 0xB) {
            value = -value;
        } else if (low < 0xA) {
            return false; /* the sign is one of A to F */
        }
    }
    *ret = value;
    return true;
}

static xd_int128 read_binary(xd_str bytes, bool is_signed)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        bits = bits << 8 | (uint8_t)bytes.ptr[i];
    }
    xd_int128 value = bits;
    if (is_signed && bytes.len && ((uint8_t)bytes.ptr[0] & 0x80)) {
        value -= (xd_int128)1 << (8 * bytes.len);
    }
    return value;
}

xd_status xd_fixed_number_read(const xd_fixed_field *field, xd_str bytes, xd_arena *arena,
                               xd_json *ret, xd_fault *fault)
{
    xd_decimal number = {.scale = field->decimals};
    if (field->kind == XD_FIXED_DIGITS) {
        xd_str text = strip(bytes);
        if (text.len == 0) {
            if (field->value.required) {
                return xd_fail(fault, XD_INVALID, "value.required", "expected a value, found none");
            }
            *ret = (xd_json){.type = XD_JSON_NULL};
            return XD_OK;
        }
        if (!read_digits(field, text, &number.coefficient)) {
            return found("value.decimal", "digits with the layout's sign", text, fault);
        }
    } else if (field->kind == XD_FIXED_PACKED) {
        if (!read_packed(bytes, &number.coefficient)) {
            return found_bytes("value.packed", "packed digits and a sign (COMP-3)", bytes, fault);
        }
    } else {
        number.coefficient = read_binary(bytes, field->sign != XD_SIGN_NONE);
    }
    char text[XD_DECIMAL_MAX_TEXT];
    xd_str lexeme = xd_arena_copy(arena, xd_decimal_text(number, text));
    if (!lexeme.ptr) {
        return xd_fail(fault, XD_NO_MEMORY, NULL, "no memory for a number");
    }
    *ret = (xd_json){.type = XD_JSON_NUMBER, .text = lexeme};
    return XD_OK;
}

/* value as a whole number of the field's last place. */
static xd_status coefficient_of(const xd_fixed_field *field, const xd_json *value, xd_int128 *ret,
                                xd_fault *fault)
{
    bool text = value->type == XD_JSON_NUMBER || value->type == XD_JSON_STRING;
    xd_decimal number;
    if (!text || xd_decimal_parse(value->text, &number, NULL) != XD_OK) {
        return text ? found("value.decimal", "a number", value->text, fault)
                    : xd_fail(fault, XD_INVALID, "value.type", "expected a number, found %s",
                              xd_json_type_name(value->type));
    }
    number = xd_decimal_normal(number);
    if (number.scale > field->decimals) {
        return xd_fail(fault, XD_INVALID, "value.decimal",
                       "expected at most %d decimals, found '%.*s'; rounding is not done silently",
                       (int)field->decimals, XD_FMT(value->text));
    }
    xd_int128 coefficient = number.coefficient;
    for (int32_t i = number.scale; i < field->decimals; i++) {
        if (__builtin_mul_overflow(coefficient, (xd_int128)10, &coefficient)) {
            return found("value.range", "a number that fits the field", value->text, fault);
        }
    }
    *ret = coefficient;
    return XD_OK;
}

/* The digits of magnitude filling count places; false when there are more. */
static bool put_digits(xd_int128 magnitude, char *to, size_t count)
{
    for (size_t i = count; i > 0; i--) {
        to[i - 1] = (char)('0' + (int)(magnitude % 10));
        magnitude /= 10;
    }
    return magnitude == 0;
}

static bool write_digits(const xd_fixed_field *field, xd_int128 coefficient, char *to)
{
    bool negative = coefficient < 0;
    xd_int128 magnitude = negative ? -coefficient : coefficient;
    size_t length = field->length;
    size_t at = 0;
    switch (field->sign) {
    case XD_SIGN_LEADING:
        if (!negative) {
            return put_digits(magnitude, to, length);
        }
        to[0] = '-';
        return put_digits(magnitude, to + 1, length - 1) && length > 1;
    case XD_SIGN_TRAILING:
        to[length - 1] = negative ? '-' : ' ';
        return put_digits(magnitude, to, length - 1) && length > 1;
    case XD_SIGN_NONE:
        return !negative && put_digits(magnitude, to, length);
    default:
        if (!put_digits(magnitude, to, length)) {
            return false;
        }
        at = field->sign == XD_SIGN_OVERPUNCH ? length - 1 : 0;
        to[at] = negative ? "}JKLMNOPQR"[to[at] - '0'] : "{ABCDEFGHI"[to[at] - '0'];
        return true;
    }
}

static bool write_packed(const xd_fixed_field *field, xd_int128 coefficient, char *to)
{
    char digits[MAX_DIGITS + 2];
    size_t count = 2 * (size_t)field->length - 1;
    bool negative = coefficient < 0;
    assert(count <= sizeof digits);
    if ((negative && field->sign == XD_SIGN_NONE) ||
        !put_digits(negative ? -coefficient : coefficient, digits, count)) {
        return false;
    }
    for (size_t i = 0; i < field->length; i++) {
        int high = digits[2 * i] - '0';
        int low = negative ? 0xD : field->sign == XD_SIGN_NONE ? 0xF : 0xC;
        if (2 * i + 1 < count) {
            low = digits[2 * i + 1] - '0';
        }
        to[i] = (char)(high << 4 | low);
    }
    return true;
}

static bool write_binary(const xd_fixed_field *field, xd_int128 coefficient, char *to)
{
    xd_int128 span = (xd_int128)1 << (8 * field->length);
    bool is_signed = field->sign != XD_SIGN_NONE;
    xd_int128 lowest = is_signed ? -(span / 2) : 0;
    if (coefficient < lowest || coefficient >= lowest + span) {
        return false;
    }
    uint64_t bits = (uint64_t)coefficient;
    for (size_t i = field->length; i > 0; i--) {
        to[i - 1] = (char)(bits & 0xFF);
        bits >>= 8;
    }
    return true;
}

xd_status xd_fixed_number_write(const xd_fixed_field *field, const xd_json *value, char *ret_bytes,
                                xd_fault *fault)
{
    xd_int128 coefficient = 0;
    XD_TRY(coefficient_of(field, value, &coefficient, fault));
    bool fits = field->kind == XD_FIXED_DIGITS   ? write_digits(field, coefficient, ret_bytes)
                : field->kind == XD_FIXED_PACKED ? write_packed(field, coefficient, ret_bytes)
                                                 : write_binary(field, coefficient, ret_bytes);
    if (!fits) {
        return xd_fail(fault, XD_INVALID, "value.range",
                       "expected a number that fits %u bytes with %d decimals%s, found '%.*s'",
                       field->length, (int)field->decimals,
                       field->sign == XD_SIGN_NONE ? " and no sign" : "", XD_FMT(value->text));
    }
    return XD_OK;
}
