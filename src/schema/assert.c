/* The keywords that look at a value alone: type, enum, const, numbers and strings. See run.h. Pure.
 */
#include "schema/run.h"

enum { CHARS_PER_STEP = 64 };

static bool has_type(uint32_t types, const xd_json *value)
{
    uint32_t bit = xd_schema_type_of(value);
    if (types & bit) {
        return true;
    }
    return bit == XD_TYPE_NUMBER && types & XD_TYPE_INTEGER &&
           xd_schema_number_is_integer(value->text);
}

static bool fail_type(xd_schema_run *r, const xd_schema_node *node, const xd_json *value,
                      const xd_schema_frame *frame)
{
    static const char *const names[] = {"null",   "boolean", "integer", "number",
                                        "string", "array",   "object"};
    char expected[96] = "";
    size_t n = 0;
    for (uint32_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        bool covered = i == 2 && node->types & XD_TYPE_NUMBER;
        if (node->types >> i & 1 && !covered) {
            size_t length = strlen(names[i]);
            if (n) {
                memcpy(expected + n, " or ", 4);
                n += 4;
            }
            memcpy(expected + n, names[i], length);
            n += length;
        }
    }
    char found[XD_SCHEMA_FOUND_BYTES];
    return FAIL(r, frame, "type", "expected %.*s, found %s", (int)n, expected,
                xd_schema_found(value, found));
}

/* --- enum and const --- */

static bool is_among_few(xd_schema_run *r, const xd_schema_choices *choices, const xd_json *value)
{
    for (uint32_t i = 0; i < choices->count; i++) {
        const xd_json *choice = &choices->values[i];
        if (choice->type == value->type) {
            if (value->type == XD_JSON_STRING ? xd_schema_same(choice->text, value->text)
                                              : xd_schema_value_equal(choice, value, &r->steps)) {
                return true;
            }
        }
    }
    return false;
}

static bool is_among_many(xd_schema_run *r, const xd_schema_choices *choices, const xd_json *value)
{
    uint64_t hash = xd_schema_value_hash(value, &r->steps);
    uint32_t low = 0;
    uint32_t high = choices->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (choices->hashes[middle] < hash) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < choices->count && choices->hashes[low] == hash; low++) {
        if (xd_schema_value_equal(&choices->values[choices->position[low]], value, &r->steps)) {
            return true;
        }
    }
    return false;
}

static bool is_among(xd_schema_run *r, const xd_schema_choices *choices, const xd_json *value)
{
    return choices->hashes ? is_among_many(r, choices, value) : is_among_few(r, choices, value);
}

static bool fail_choice(xd_schema_run *r, const xd_schema_choices *choices, const xd_json *value,
                        const xd_schema_frame *frame)
{
    if (!r->collect) {
        return false;
    }
    enum { SHOWN = 6, LIST_BYTES = 200 };
    char list[LIST_BYTES + XD_SCHEMA_FOUND_BYTES];
    size_t n = 0;
    uint32_t i = 0;
    for (; i < choices->count && i < SHOWN && n < LIST_BYTES; i++) {
        char one[XD_SCHEMA_FOUND_BYTES];
        const char *text = xd_schema_found(&choices->values[i], one);
        size_t length = strlen(text);
        if (n + length + 2 > LIST_BYTES) {
            break;
        }
        if (n) {
            memcpy(list + n, ", ", 2);
            n += 2;
        }
        memcpy(list + n, text, length);
        n += length;
    }
    char found[XD_SCHEMA_FOUND_BYTES];
    const char *more = i < choices->count ? ", ..." : "";
    return FAIL(r, frame, choices->keyword, "expected %s%.*s%s, found %s",
                choices->count == 1 ? "" : "one of ", (int)n, list, more,
                xd_schema_found(value, found));
}

/* --- numbers --- */

/* <0, 0, >0 as the value is below, at or above the bound. */
static int cmp_bound(const xd_schema_bound *bound, bool small, int64_t value,
                     const xd_schema_number *number)
{
    if (small && bound->is_small) {
        return (value > bound->small) - (value < bound->small);
    }
    return xd_schema_number_cmp(number, &bound->number);
}

static bool fail_bound(xd_schema_run *r, const xd_schema_frame *frame, const char *keyword,
                       const char *relation, xd_str bound, const xd_json *value)
{
    char found[XD_SCHEMA_FOUND_BYTES];
    return FAIL(r, frame, keyword, "expected a number %s %.*s, found %s", relation, XD_FMT(bound),
                xd_schema_found(value, found));
}

static bool assert_numbers(xd_schema_run *r, const xd_schema_numbers *n, const xd_json *value,
                           const xd_schema_frame *frame)
{
    int64_t integer = 0;
    bool small = xd_schema_number_small(value->text, &integer);
    bool exact = n->has_multiple || !small || (n->minimum.given && !n->minimum.is_small) ||
                 (n->maximum.given && !n->maximum.is_small) ||
                 (n->above.given && !n->above.is_small) || (n->below.given && !n->below.is_small);
    xd_schema_number number = {0};
    if (exact && !xd_schema_number_read(value->text, &number)) {
        return xd_schema_stop(r, XD_LIMIT, "schema.number",
                              "a number has an exponent beyond 10^12 and cannot be compared; give "
                              "a number of ordinary size");
    }
    if (exact && !xd_schema_charge(r, value->text.len / CHARS_PER_STEP)) {
        return false;
    }
    bool good = true;
    if (n->minimum.given && cmp_bound(&n->minimum, small, integer, &number) < 0) {
        good = fail_bound(r, frame, "minimum", "of at least", n->minimum.text, value);
    }
    if (n->maximum.given && cmp_bound(&n->maximum, small, integer, &number) > 0) {
        good = fail_bound(r, frame, "maximum", "of at most", n->maximum.text, value);
    }
    if (n->above.given && cmp_bound(&n->above, small, integer, &number) <= 0) {
        good = fail_bound(r, frame, "exclusiveMinimum", "above", n->above.text, value);
    }
    if (n->below.given && cmp_bound(&n->below, small, integer, &number) >= 0) {
        good = fail_bound(r, frame, "exclusiveMaximum", "below", n->below.text, value);
    }
    if (n->has_multiple && !xd_schema_number_is_multiple(&number, &n->multiple)) {
        char found[XD_SCHEMA_FOUND_BYTES];
        good = FAIL(r, frame, "multipleOf", "expected a multiple of %.*s, found %s",
                    XD_FMT(n->multiple_text), xd_schema_found(value, found));
    }
    return good;
}

/* --- strings --- */

static uint64_t count_chars(xd_str text)
{
    uint64_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        count += ((uint8_t)text.ptr[i] & 0xc0) != 0x80;
    }
    return count;
}

static bool assert_length(xd_schema_run *r, const xd_schema_strings *s, const xd_json *value,
                          const xd_schema_frame *frame)
{
    xd_str text = value->text;
    /* A character takes one to four bytes, which settles most cases without counting. */
    bool surely_long = text.len / 4 >= s->min_length;
    bool surely_short = !s->has_max || text.len <= s->max_length;
    if (surely_long && surely_short) {
        return true;
    }
    if (!xd_schema_charge(r, text.len / CHARS_PER_STEP)) {
        return false;
    }
    uint64_t count = count_chars(text);
    if (count < s->min_length) {
        return FAIL(r, frame, "minLength", "expected at least %llu character%s, found %llu",
                    (unsigned long long)s->min_length, s->min_length == 1 ? "" : "s",
                    (unsigned long long)count);
    }
    if (s->has_max && count > s->max_length) {
        return FAIL(r, frame, "maxLength", "expected at most %llu character%s, found %llu",
                    (unsigned long long)s->max_length, s->max_length == 1 ? "" : "s",
                    (unsigned long long)count);
    }
    return true;
}

static bool assert_strings(xd_schema_run *r, const xd_schema_strings *s, const xd_json *value,
                           const xd_schema_frame *frame)
{
    bool good = assert_length(r, s, value, frame);
    if (!good && !r->collect) {
        return false;
    }
    char found[XD_SCHEMA_FOUND_BYTES];
    if (s->pattern) {
        bool matches = false;
        if (!xd_schema_charge(r, 1)) {
            return false;
        }
        xd_status status =
            xd_schema_pattern_match(s->pattern, value->text, &r->steps, &matches, r->fault);
        if (status != XD_OK) {
            r->status = status;
            return false;
        }
        if (!matches) {
            good = FAIL(r, frame, "pattern", "expected a text that matches %.*s, found %s",
                        XD_FMT(xd_schema_pattern_text(s->pattern)), xd_schema_found(value, found));
        }
    }
    if (s->format) {
        r->steps += value->text.len / CHARS_PER_STEP;
        if (!s->format->matches(value->text)) {
            good = FAIL(r, frame, "format", "expected a %s such as %s, found %s", s->format->name,
                        s->format->example, xd_schema_found(value, found));
        }
    }
    return good;
}

bool xd_schema_assert(xd_schema_run *r, const xd_schema_node *node, const xd_json *value,
                      const xd_schema_frame *frame)
{
    if (node->never) {
        char found[XD_SCHEMA_FOUND_BYTES];
        bool unnamed = frame && frame->into_member && !frame->name.ptr;
        return unnamed ? FAIL(r, frame, NULL,
                              "expected only members that the schema names, found \"%.*s\"",
                              XD_FMT(frame->member))
                       : FAIL(r, frame, NULL, "expected nothing here, found %s",
                              xd_schema_found(value, found));
    }
    bool good = true;
    if (node->types != XD_TYPE_ANY && !has_type(node->types, value)) {
        good = fail_type(r, node, value, frame);
    }
    if (good && value->type == XD_JSON_STRING && node->strings) {
        good = assert_strings(r, node->strings, value, frame);
    } else if (good && value->type == XD_JSON_NUMBER && node->numbers) {
        good = assert_numbers(r, node->numbers, value, frame);
    }
    if (!good && !r->collect) {
        return false;
    }
    if (node->enumeration && !is_among(r, node->enumeration, value)) {
        good = fail_choice(r, node->enumeration, value, frame);
    }
    if (node->constant && !is_among(r, node->constant, value)) {
        good = fail_choice(r, node->constant, value, frame);
    }
    return good;
}

bool xd_schema_assert_leaf(xd_schema_run *r, const xd_schema_node *node, const xd_json *value)
{
    r->steps++;
    if (node->string_only) {
        return value->type == XD_JSON_STRING &&
               (!node->strings || assert_strings(r, node->strings, value, NULL));
    }
    return xd_schema_assert(r, node, value, NULL);
}
