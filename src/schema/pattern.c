/* Patterns. Most patterns in trade schemas are a row of character classes with fixed or bounded
 * counts between ^ and $, such as ^PO-[0-9]{10}$. Where each part can be matched greedily without
 * ever having to give back, that row is walked directly; every other pattern goes to base/regex.h.
 * Which of both is taken never changes an answer. See schema_int.h. Pure. */
#include "schema/schema_int.h"

#include <stdlib.h>

enum { PARTS_MAX = 40, RANGES_MAX = 12 };
#define UNBOUNDED UINT32_MAX

struct range {
    uint32_t first, last; /* code points from 0x80 on */
};

struct class
{
    uint64_t ascii[2];
    bool inverse_high; /* the ranges are what is left out */
    uint32_t range_count;
    struct range ranges[RANGES_MAX];
};

/* A class that occurs min to max times; or, with group set, the start of parts that may be left out
 * together. */
struct part {
    struct class class;
    uint32_t min, max;
    uint32_t group; /* number of parts of the optional group that starts here; 0: a class */
};

struct xd_schema_pattern {
    xd_str text;
    const xd_regex *regex; /* NULL when the pattern is simple; borrows from the schema */
    bool to_end;           /* ends with $ */
    uint32_t count;
    const struct part *parts;
};

/* --- reading --- */

struct reader {
    xd_str text;
    size_t at;
    struct part *parts;
    uint32_t count;
};

static bool more(const struct reader *r)
{
    return r->at < r->text.len;
}

static char peek(const struct reader *r)
{
    return more(r) ? r->text.ptr[r->at] : '\0';
}

static void add_code(struct class *class, uint32_t first, uint32_t last, bool *good)
{
    for (uint32_t c = first; c <= last && c < 0x80; c++) {
        class->ascii[c >> 6] |= (uint64_t)1 << (c & 63);
    }
    if (last >= 0x80) {
        if (class->range_count == RANGES_MAX) {
            *good = false;
            return;
        }
        class->ranges[class->range_count++] = (struct range){first < 0x80 ? 0x80 : first, last};
    }
}

static void add_digits(struct class *class, bool *good)
{
    add_code(class, '0', '9', good);
}

static void add_word(struct class *class, bool *good)
{
    add_digits(class, good);
    add_code(class, 'a', 'z', good);
    add_code(class, 'A', 'Z', good);
    add_code(class, '_', '_', good);
}

/* Decodes the character at p of n bytes, well-formed UTF-8. */
static uint32_t decode(const char *p, size_t *ret_length)
{
    const uint8_t *b = (const uint8_t *)p;
    if (b[0] < 0x80) {
        *ret_length = 1;
        return b[0];
    }
    if (b[0] < 0xe0) {
        *ret_length = 2;
        return (uint32_t)(b[0] & 0x1f) << 6 | (b[1] & 0x3f);
    }
    if (b[0] < 0xf0) {
        *ret_length = 3;
        return (uint32_t)(b[0] & 0x0f) << 12 | (uint32_t)(b[1] & 0x3f) << 6 | (b[2] & 0x3f);
    }
    *ret_length = 4;
    return (uint32_t)(b[0] & 0x07) << 18 | (uint32_t)(b[1] & 0x3f) << 12 |
           (uint32_t)(b[2] & 0x3f) << 6 | (b[3] & 0x3f);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The character of an escape after its backslash; false for all that are not a single character
 * without doubt. */
static bool read_escape(struct reader *r, uint32_t *ret)
{
    char c = peek(r);
    r->at++;
    if (c == 'u' || c == 'x') {
        size_t digits = c == 'u' ? 4 : 2;
        uint32_t value = 0;
        for (size_t i = 0; i < digits; i++) {
            int digit = more(r) ? hex_value(peek(r)) : -1;
            if (digit < 0) {
                return false;
            }
            value = value << 4 | (uint32_t)digit;
            r->at++;
        }
        *ret = value;
        return value < 0xd800 || value > 0xdfff;
    }
    if (c == 't' || c == 'n' || c == 'r') {
        *ret = c == 't' ? '\t' : c == 'n' ? '\n' : '\r';
        return true;
    }
    *ret = (uint8_t)c;
    return c != '\0' && strchr("^$\\.*+?()[]{}|/-", c) != NULL;
}

/* One character inside brackets; *ret_set when it was \d or \w, which are added at once. */
static bool read_class_atom(struct reader *r, struct class *class, uint32_t *ret, bool *ret_set)
{
    bool good = true;
    *ret_set = false;
    if (peek(r) == '\\') {
        r->at++;
        if (peek(r) == 'd' || peek(r) == 'w') {
            *ret_set = true;
            if (peek(r) == 'd') {
                add_digits(class, &good);
            } else {
                add_word(class, &good);
            }
            r->at++;
            return good;
        }
        return read_escape(r, ret);
    }
    size_t length;
    *ret = decode(r->text.ptr + r->at, &length);
    r->at += length;
    return true;
}

static bool read_class(struct reader *r, struct class *class)
{
    bool good = true;
    r->at++;
    bool inverse = peek(r) == '^';
    r->at += inverse;
    while (good && more(r) && peek(r) != ']') {
        uint32_t first = 0;
        bool set;
        good = peek(r) != '[' && read_class_atom(r, class, &first, &set);
        if (!good || set) {
            good = good && peek(r) != '-';
            continue;
        }
        uint32_t last = first;
        if (peek(r) == '-' && r->at + 1 < r->text.len && r->text.ptr[r->at + 1] != ']') {
            r->at++;
            good =
                peek(r) != '[' && read_class_atom(r, class, &last, &set) && !set && first <= last;
        }
        if (good) {
            add_code(class, first, last, &good);
        }
    }
    good = good && more(r);
    r->at++;
    if (inverse) {
        class->ascii[0] = ~class->ascii[0];
        class->ascii[1] = ~class->ascii[1];
        class->inverse_high = true;
    }
    return good;
}

static bool read_number(struct reader *r, uint32_t *ret)
{
    uint32_t value = 0;
    size_t from = r->at;
    while (peek(r) >= '0' && peek(r) <= '9' && r->at - from < 6) {
        value = value * 10 + (uint32_t)(peek(r) - '0');
        r->at++;
    }
    *ret = value;
    return r->at > from && r->at - from < 6;
}

static bool read_count(struct reader *r, uint32_t *ret_min, uint32_t *ret_max)
{
    *ret_min = *ret_max = 1;
    char c = peek(r);
    if (c == '*' || c == '+' || c == '?') {
        *ret_min = c == '+';
        *ret_max = c == '?' ? 1 : UNBOUNDED;
        r->at++;
    } else if (c == '{') {
        r->at++;
        if (!read_number(r, ret_min)) {
            return false;
        }
        *ret_max = *ret_min;
        if (peek(r) == ',') {
            r->at++;
            *ret_max = UNBOUNDED;
            if (peek(r) != '}' && !read_number(r, ret_max)) {
                return false;
            }
        }
        if (peek(r) != '}' || *ret_min > *ret_max) {
            return false;
        }
        r->at++;
    } else {
        return true;
    }
    return peek(r) != '?' && peek(r) != '+'; /* Lazy counts are left to the regular expression. */
}

static bool read_part(struct reader *r)
{
    if (r->count == PARTS_MAX) {
        return false;
    }
    struct part *part = &r->parts[r->count];
    *part = (struct part){0};
    char c = peek(r);
    bool good = true;
    if (c == '[') {
        good = read_class(r, &part->class);
    } else if (c == '\\') {
        uint32_t code;
        bool set;
        bool dash = r->at + 1 < r->text.len && r->text.ptr[r->at + 1] == '-'; /* only in a class */
        good = !dash && read_class_atom(r, &part->class, &code, &set);
        if (good && !set) {
            add_code(&part->class, code, code, &good);
        }
    } else if (strchr("^$.*+?(){}|]", c)) {
        return false;
    } else {
        size_t length;
        uint32_t code = decode(r->text.ptr + r->at, &length);
        r->at += length;
        add_code(&part->class, code, code, &good);
    }
    r->count++;
    return good && read_count(r, &part->min, &part->max);
}

/* An optional group that holds no other: "(...)?" or "(?:...)?". */
static bool read_group(struct reader *r)
{
    if (r->count == PARTS_MAX) {
        return false;
    }
    uint32_t head = r->count++;
    r->parts[head] = (struct part){0};
    r->at++;
    if (peek(r) == '?') {
        if (r->text.len - r->at < 2 || r->text.ptr[r->at + 1] != ':') {
            return false;
        }
        r->at += 2;
    }
    while (more(r) && peek(r) != ')') {
        if (!read_part(r)) {
            return false;
        }
    }
    r->at++;
    r->parts[head].group = r->count - head - 1;
    bool optional = peek(r) == '?';
    r->at++;
    return optional && r->parts[head].group > 0 && peek(r) != '?' && peek(r) != '+';
}

/* --- whether greedy is exact --- */

static bool in_high(const struct class *class, uint32_t code)
{
    bool found = false;
    for (uint32_t i = 0; i < class->range_count && !found; i++) {
        found = code >= class->ranges[i].first && code <= class->ranges[i].last;
    }
    return found != class->inverse_high;
}

static bool may_meet(const struct class *a, const struct class *b)
{
    bool a_high = a->range_count || a->inverse_high;
    bool b_high = b->range_count || b->inverse_high;
    return (a->ascii[0] & b->ascii[0]) || (a->ascii[1] & b->ascii[1]) || (a_high && b_high);
}

/* Whether something must follow from part i on. */
static bool must_follow(const struct reader *r, uint32_t i)
{
    while (i < r->count && (r->parts[i].group || r->parts[i].min == 0)) {
        i += r->parts[i].group + 1;
    }
    return i < r->count;
}

/* Whether class can also begin what stands in parts from to to. */
static bool meets_first(const struct reader *r, const struct class *class, uint32_t from,
                        uint32_t to)
{
    uint32_t i = from;
    while (i < to) {
        const struct part *part = &r->parts[i];
        if (part->group) {
            if (meets_first(r, class, i + 1, i + 1 + part->group)) {
                return true;
            }
            i += part->group + 1;
            continue;
        }
        if (may_meet(class, &part->class)) {
            return true;
        }
        if (part->min > 0) {
            return false;
        }
        i++;
    }
    return false;
}

/* Whether taking as much as fits, part by part, finds a match whenever there is one. */
static bool greedy_is_exact(const struct reader *r, bool to_end)
{
    for (uint32_t i = 0; i < r->count; i++) {
        const struct part *part = &r->parts[i];
        if (part->group) {
            uint32_t group_end = i + 1 + part->group;
            /* A group is entered when its first character fits, and never left again: it must
             * begin with a character that nothing after it begins with, and something after it
             * must be there, if only the end. */
            const struct part *first = &r->parts[i + 1];
            if (first->min == 0 || meets_first(r, &first->class, group_end, r->count) ||
                !(to_end || must_follow(r, group_end))) {
                return false;
            }
            continue;
        }
        /* The rest of a group up to its end is followed by what stands after the group, which is
         * simply the next part: the list is flat. */
        if (part->min != part->max && meets_first(r, &part->class, i + 1, r->count)) {
            return false;
        }
    }
    return true;
}

static bool read_simple(struct reader *r, bool *ret_to_end)
{
    if (peek(r) != '^') {
        return false;
    }
    r->at++;
    *ret_to_end = false;
    while (more(r)) {
        if (peek(r) == '$' && r->at + 1 == r->text.len) {
            *ret_to_end = true;
            break;
        }
        if (!(peek(r) == '(' ? read_group(r) : read_part(r))) {
            return false;
        }
    }
    return greedy_is_exact(r, *ret_to_end);
}

/* --- making --- */

static xd_status own_regex(xd_schema *schema, xd_str text, const xd_regex **ret, xd_fault *fault)
{
    struct xd_schema_owned *owned = xd_arena_alloc(&schema->arena, sizeof *owned);
    if (!owned) {
        return xd_fail(fault, XD_NO_MEMORY, "schema.memory", "no memory for the pattern");
    }
    xd_regex *regex;
    XD_TRY(xd_regex_create(text, XD_REGEX_STRICT, &regex, fault));
    *owned = (struct xd_schema_owned){.next = schema->regexes, .regex = regex};
    schema->regexes = owned;
    *ret = regex;
    return XD_OK;
}

xd_status xd_schema_pattern_create(xd_schema *schema, xd_str text, const xd_schema_pattern **ret,
                                   xd_fault *fault)
{
    struct part *parts = calloc(PARTS_MAX, sizeof *parts);
    xd_schema_pattern *pattern = xd_arena_zalloc(&schema->arena, sizeof *pattern);
    if (!parts || !pattern) {
        free(parts);
        return xd_fail(fault, XD_NO_MEMORY, "schema.memory", "no memory for the pattern");
    }
    pattern->text = text;
    struct reader r = {.text = text, .parts = parts};
    xd_status status = XD_OK;
    if (read_simple(&r, &pattern->to_end)) {
        size_t bytes = r.count * sizeof *parts;
        struct part *kept = xd_arena_alloc(&schema->arena, bytes);
        if (kept) {
            memcpy(kept, parts, bytes);
        } else {
            status = xd_fail(fault, XD_NO_MEMORY, "schema.memory", "no memory for the pattern");
        }
        pattern->parts = kept;
        pattern->count = r.count;
    } else {
        status = own_regex(schema, text, &pattern->regex, fault);
    }
    free(parts);
    if (status == XD_OK) {
        *ret = pattern;
    }
    return status;
}

/* --- matching --- */

/* How far the class goes on from p, at most max characters; *ret_count tells how many. */
static inline const char *walk(const struct class *class, const char *p, const char *end,
                               uint32_t max, uint32_t *ret_count)
{
    uint32_t count = 0;
    while (count < max && p < end) {
        uint8_t c = (uint8_t)*p;
        if (c < 0x80) {
            if (!(class->ascii[c >> 6] >> (c & 63) & 1)) {
                break;
            }
            p++;
        } else {
            size_t length;
            if (!in_high(class, decode(p, &length))) {
                break;
            }
            p += length;
        }
        count++;
    }
    *ret_count = count;
    return p;
}

static bool match_simple(const xd_schema_pattern *pattern, xd_str subject)
{
    const char *p = subject.ptr;
    const char *end = p + subject.len;
    const struct part *part = pattern->parts;
    const struct part *last = part + pattern->count;
    while (part < last) {
        uint32_t count;
        if (part->group) {
            /* Enter the optional group only when it can begin here. */
            (void)walk(&part[1].class, p, end, 1, &count);
            part += count ? 1 : part->group + 1;
            continue;
        }
        p = walk(&part->class, p, end, part->max, &count);
        if (count < part->min) {
            return false;
        }
        part++;
    }
    return !pattern->to_end || p == end;
}

xd_status xd_schema_pattern_match(const xd_schema_pattern *pattern, xd_str subject, uint64_t *steps,
                                  bool *ret_found, xd_fault *fault)
{
    enum { BYTES_PER_STEP = 64, REGEX_STEPS_PER_STEP = 8 };
    *steps += subject.len / BYTES_PER_STEP;
    if (!pattern->regex) {
        *ret_found = match_simple(pattern, subject.ptr ? subject : XD_STR(""));
        return XD_OK;
    }
    uint64_t taken = 0;
    xd_status status = xd_regex_test(pattern->regex, subject, &taken, ret_found, fault);
    *steps += 1 + taken / REGEX_STEPS_PER_STEP;
    return status;
}

xd_str xd_schema_pattern_text(const xd_schema_pattern *pattern)
{
    return pattern->text;
}

bool xd_schema_pattern_is_simple(const xd_schema_pattern *pattern)
{
    return !pattern->regex;
}
