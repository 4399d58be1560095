/* JSON reader: one pass over the text, no recursion, into an arena tree.
 *
 * Children of the containers that are open live on one working stack and are copied to the arena,
 * contiguous, when their container closes. An open container's own slot on that stack is its frame,
 * so nesting costs 32 or 48 bytes a level and never C stack. The working stack starts inside the
 * reader and moves to the heap when it grows; it is freed before the parse returns.
 *
 * Owns nothing that outlives a call. May call status, arena, hash. Pure. */
#include "base/json_int.h"

#include "base/hash.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    WORK_BYTES = 8192,     /* of the working stack before the heap is needed */
    SMALL_MEMBERS = 16,    /* up to here duplicates are sought by comparing names directly */
    FRAME_UNIT_BYTES = 16, /* offsets on the working stack are kept in this unit */
    NAME_SHOWN_BYTES = 64  /* of a name in the text of a fault */
};

/* Frames keep offsets in units, and slots follow one another without gaps. */
_Static_assert(sizeof(xd_json) % FRAME_UNIT_BYTES == 0, "items must keep the alignment");
_Static_assert(sizeof(xd_json_member) % FRAME_UNIT_BYTES == 0, "members must keep the alignment");
_Static_assert(offsetof(xd_json_member, value) + sizeof(xd_json) == sizeof(xd_json_member),
               "a member must end with its value");

struct reader {
    const uint8_t *text;
    const uint8_t *end;
    xd_json_limits limits;
    xd_arena *arena;
    xd_fault *fault;
    xd_status status; /* of the first failure; the functions then return NULL */
    uint32_t depth;   /* containers open */
    bool in_object;   /* kind of the innermost one */
    char *work;       /* bottom of the working stack */
    char *work_limit;
    char *first;   /* first child of the innermost open container */
    xd_json *slot; /* of the value being read, or read last; the working stack ends with it */
    union {
        xd_json items[WORK_BYTES / sizeof(xd_json)];
        xd_json_member members[WORK_BYTES / sizeof(xd_json_member)];
    } initial;
};

/* --- faults --- */

/* The slot of the container whose children start at first. */
static xd_json *frame_of(char *first)
{
    return (xd_json *)(void *)first - 1;
}

static char *frame_parent(const struct reader *r, const xd_json *frame)
{
    return r->work + (size_t)frame->length * FRAME_UNIT_BYTES;
}

/* Puts one escaped step of a JSON pointer in front of *at; false when there is no room. */
static bool prepend_step(char *begin, char **at, xd_str step)
{
    char *p = *at;
    for (size_t i = step.len; i > 0; i--) {
        char c = step.ptr[i - 1];
        bool escape = c == '~' || c == '/';
        if (p - begin < 3 || c == '\0') {
            return false;
        }
        *--p = (char)(c == '~' ? '0' : c == '/' ? '1' : c);
        if (escape) {
            *--p = '~';
        }
    }
    if (p == begin) {
        return false;
    }
    *--p = '/';
    *at = p;
    return true;
}

/* Writes the JSON pointer of the value in slot, a child of the open container whose children start
 * at first, with `above` containers around it. A pointer too long for the fault is left out rather
 * than cut: half a pointer names another value. */
static void set_path(struct reader *r, const xd_json *slot, char *first, uint32_t above)
{
    char path[sizeof r->fault->path];
    char *at = path + sizeof path - 1;
    *at = '\0';
    for (; above > 0; above--) {
        const xd_json *frame = frame_of(first);
        xd_str step;
        char digits[24];
        if (frame->type == XD_JSON_OBJECT) {
            const char *member = (const char *)slot - offsetof(xd_json_member, value);
            step = ((const xd_json_member *)(const void *)member)->name;
            if (!step.ptr) {
                slot = frame; /* The fault lies in this name. */
                first = frame_parent(r, frame);
                continue;
            }
        } else {
            size_t index = (size_t)((const char *)slot - first) / sizeof(xd_json);
            step.ptr = digits;
            step.len = (size_t)snprintf(digits, sizeof digits, "%zu", index);
        }
        if (!prepend_step(path, &at, step)) {
            return;
        }
        slot = frame;
        first = frame_parent(r, frame);
    }
    xd_fault_at(r->fault, r->fault->offset, at);
}

/* Adds position to the fault just filled and remembers the status. in_value tells whether the fault
 * lies in the value being read or between the values of the innermost container. */
static const uint8_t *fail_here(struct reader *r, const uint8_t *p, bool in_value, xd_status status)
{
    r->status = status;
    if (r->fault) {
        xd_fault_at(r->fault, p - r->text, NULL);
        xd_fault_locate(r->fault, (xd_str){(const char *)r->text, (size_t)(r->end - r->text)});
        if (in_value) {
            set_path(r, r->slot, r->first, r->depth);
        } else if (r->depth > 0) {
            const xd_json *frame = frame_of(r->first);
            set_path(r, frame, frame_parent(r, frame), r->depth - 1);
        }
    }
    return NULL;
}

/* The text is not JSON at p: what was expected there. */
static const uint8_t *fail_syntax(struct reader *r, const uint8_t *p, bool in_value,
                                  const char *rule, const char *expected)
{
    char found[32];
    if (p >= r->end) {
        snprintf(found, sizeof found, "the text ends");
    } else if (*p > 0x20 && *p < 0x7f) {
        snprintf(found, sizeof found, "found '%c'", *p);
    } else {
        snprintf(found, sizeof found, "found byte 0x%02x", *p);
    }
    return fail_here(r, p, in_value,
                     xd_fail(r->fault, XD_INVALID, rule, "%s, but %s", expected, found));
}

static const uint8_t *fail_memory(struct reader *r, const uint8_t *p)
{
    return fail_here(
        r, p, false,
        xd_fail(r->fault, XD_NO_MEMORY, "json.memory",
                "the JSON document needs more memory than the %zu bytes allowed for it; "
                "send a smaller document",
                r->arena->cap_bytes));
}

/* --- strings --- */

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Value of four hexadecimal digits that are known to be there. */
static uint32_t hex4(const uint8_t *p)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        value = value << 4 | (uint32_t)hex_value(p[i]);
    }
    return value;
}

static bool is_high_surrogate(uint32_t unit)
{
    return unit >> 10 == 0xd800u >> 10;
}

static bool is_low_surrogate(uint32_t unit)
{
    return unit >> 10 == 0xdc00u >> 10;
}

/* Checks the \uXXXX at p; returns the byte after it. */
static const uint8_t *check_hex_escape(struct reader *r, const uint8_t *p)
{
    for (int i = 2; i < 6; i++) {
        if (r->end - p <= i || hex_value(p[i]) < 0) {
            const uint8_t *bad = r->end - p <= i ? r->end : p + i;
            return fail_syntax(r, bad, true, "json.escape",
                               "\\u must be followed by four hexadecimal digits");
        }
    }
    return p + 6;
}

/* Checks the escape at the backslash p; returns the byte after it. Two \u escapes that form a
 * surrogate pair are one. */
static const uint8_t *check_escape(struct reader *r, const uint8_t *p)
{
    uint8_t c = r->end - p > 1 ? p[1] : 0;
    if (c != 'u') {
        if (c != 0 && memchr("\"\\/bfnrt", c, 8)) {
            return p + 2;
        }
        return fail_syntax(r, p + 1, true, "json.escape",
                           "a backslash must be followed by one of \" \\ / b f n r t u");
    }
    const uint8_t *next = check_hex_escape(r, p);
    if (!next) {
        return NULL;
    }
    uint32_t unit = hex4(p + 2);
    if (is_high_surrogate(unit) && r->end - next >= 2 && next[0] == '\\' && next[1] == 'u') {
        const uint8_t *low = next;
        next = check_hex_escape(r, low);
        if (!next || is_low_surrogate(hex4(low + 2))) {
            return next;
        }
    } else if (!is_high_surrogate(unit) && !is_low_surrogate(unit)) {
        return next;
    }
    return fail_here(
        r, p, true,
        xd_fail(r->fault, XD_INVALID, "json.surrogate",
                "the escape \\u%.4s is half of a surrogate pair without its other half; "
                "it stands for no character",
                (const char *)p + 2));
}

/* Length of the well-formed UTF-8 sequence at p (RFC 3629, section 4: no overlong form, no
 * surrogate, nothing above U+10FFFF), 0 when it is none. *p is 0x80 or more. */
static size_t utf8_length(const uint8_t *p, const uint8_t *end)
{
    size_t left = (size_t)(end - p);
    uint8_t lead = p[0];
    if (lead < 0xe0) {
        return lead >= 0xc2 && left >= 2 && p[1] >> 6 == 2 ? 2 : 0;
    }
    if (lead < 0xf0) {
        if (left < 3 || p[1] >> 6 != 2 || p[2] >> 6 != 2) {
            return 0;
        }
        return (lead == 0xe0 && p[1] < 0xa0) || (lead == 0xed && p[1] >= 0xa0) ? 0 : 3;
    }
    if (lead > 0xf4 || left < 4 || p[1] >> 6 != 2 || p[2] >> 6 != 2 || p[3] >> 6 != 2) {
        return 0;
    }
    return (lead == 0xf0 && p[1] < 0x90) || (lead == 0xf4 && p[1] >= 0x90) ? 0 : 4;
}

/* Checks the run of non-ASCII characters at p; returns the byte after it. */
static const uint8_t *check_utf8(struct reader *r, const uint8_t *p)
{
    do {
        size_t length = utf8_length(p, r->end);
        if (length == 0) {
            return fail_syntax(r, p, true, "json.utf8", "text must be well-formed UTF-8");
        }
        p += length;
    } while (p < r->end && *p >= 0x80);
    return p;
}

static char *put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
        return out;
    }
    if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
    } else {
        if (c < 0x10000) {
            *out++ = (char)(0xe0 | c >> 12);
        } else {
            *out++ = (char)(0xf0 | c >> 18);
            *out++ = (char)(0x80 | (c >> 12 & 0x3f));
        }
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
    }
    *out++ = (char)(0x80 | (c & 0x3f));
    return out;
}

/* Copies the checked string [p, end) to out with its escapes resolved; returns the end of out. The
 * result is never longer than the source. */
static char *unescape(const uint8_t *p, const uint8_t *end, char *out)
{
    while (p < end) {
        const uint8_t *q = memchr(p, '\\', (size_t)(end - p));
        size_t run = (size_t)((q ? q : end) - p);
        memcpy(out, p, run);
        out += run;
        if (!q) {
            break;
        }
        p = q + 2;
        switch (q[1]) {
        case 'b':
            *out++ = '\b';
            break;
        case 'f':
            *out++ = '\f';
            break;
        case 'n':
            *out++ = '\n';
            break;
        case 'r':
            *out++ = '\r';
            break;
        case 't':
            *out++ = '\t';
            break;
        case 'u': {
            uint32_t c = hex4(p);
            p += 4;
            if (is_high_surrogate(c)) {
                c = 0x10000 + ((c & 0x3ff) << 10 | (hex4(p + 2) & 0x3ff));
                p += 6;
            }
            out = put_utf8(out, c);
            break;
        }
        default:
            *out++ = (char)q[1];
        }
    }
    return out;
}

/* Goes on with the string that starts at p from its first byte that is not plain, q. */
static const uint8_t *read_special_string(struct reader *r, const uint8_t *p, const uint8_t *q,
                                          xd_str *ret)
{
    bool escaped = false;
    for (; q == r->end || *q != '"'; q = xd_json_plain_run(q, r->end, true)) {
        if (q == r->end) {
            return fail_syntax(r, q, true, "json.string", "a string must end with a double quote");
        }
        if (*q == '\\') {
            escaped = true;
            q = check_escape(r, q);
        } else if (*q >= 0x80) {
            q = check_utf8(r, q);
        } else {
            return fail_syntax(r, q, true, "json.control",
                               "control characters in a string must be escaped");
        }
        if (!q) {
            return NULL;
        }
    }
    size_t length = (size_t)(q - p);
    if (!escaped) {
        *ret = (xd_str){(const char *)p, length};
        return q + 1;
    }
    char *copy = xd_arena_alloc(r->arena, length);
    if (!copy) {
        return fail_memory(r, p);
    }
    *ret = (xd_str){copy, (size_t)(unescape(p, q, copy) - copy)};
    return q + 1;
}

/* Reads the string whose first byte after the quote is p; returns the byte after its closing quote.
 */
static inline const uint8_t *read_string(struct reader *r, const uint8_t *p, xd_str *ret)
{
    const uint8_t *q = xd_json_plain_run(p, r->end, true);
    if (q < r->end && *q == '"') {
        *ret = (xd_str){(const char *)p, (size_t)(q - p)};
        return q + 1;
    }
    return read_special_string(r, p, q, ret);
}

/* --- other scalars --- */

static inline bool is_digit(const uint8_t *p, const uint8_t *end)
{
    return p < end && (uint8_t)(*p - '0') < 10;
}

/* The byte after the digits at p, of which there must be one. */
static inline const uint8_t *skip_digits(struct reader *r, const uint8_t *p)
{
    if (!is_digit(p, r->end)) {
        return fail_syntax(r, p, true, "json.number", "a number needs a digit here");
    }
    do {
        p++;
    } while (is_digit(p, r->end));
    return p;
}

/* The byte after the number at p. */
static inline const uint8_t *skip_number(struct reader *r, const uint8_t *p)
{
    p += *p == '-';
    const uint8_t *whole = p;
    p = skip_digits(r, p);
    if (p && *whole == '0' && p - whole > 1) {
        return fail_syntax(r, whole + 1, true, "json.number",
                           "a number must not have leading zeros");
    }
    if (p && p < r->end && *p == '.') {
        p = skip_digits(r, p + 1);
    }
    if (p && p < r->end && (*p | 0x20) == 'e') {
        p++;
        p += p < r->end && (*p == '+' || *p == '-');
        p = skip_digits(r, p);
    }
    return p;
}

/* The byte after the literal at p. */
static const uint8_t *skip_literal(struct reader *r, const uint8_t *p, const char *literal)
{
    for (; *literal; literal++, p++) {
        if (p == r->end || *p != (uint8_t)*literal) {
            return fail_syntax(r, p, true, "json.literal",
                               "the only words are true, false and null");
        }
    }
    return p;
}

/* Reads the string, number or literal at p into the slot; returns the byte after it. */
static inline const uint8_t *read_scalar(struct reader *r, const uint8_t *p)
{
    xd_json *slot = r->slot;
    const uint8_t *from = p;
    if (*p == '"') {
        slot->type = XD_JSON_STRING;
        p = read_string(r, p + 1, &slot->text);
    } else if (*p == '-' || (uint8_t)(*p - '0') < 10) {
        slot->type = XD_JSON_NUMBER;
        p = skip_number(r, p);
        slot->text = (xd_str){(const char *)from, p ? (size_t)(p - from) : 0};
    } else if (*p == 't') {
        slot->type = XD_JSON_TRUE;
        p = skip_literal(r, p, "true");
    } else if (*p == 'f') {
        slot->type = XD_JSON_FALSE;
        p = skip_literal(r, p, "false");
    } else if (*p == 'n') {
        slot->type = XD_JSON_NULL;
        p = skip_literal(r, p, "null");
    } else {
        return fail_syntax(r, p, true, "json.value", "a value must stand here");
    }
    slot->count = 0;
    slot->offset = (uint32_t)(from - r->text);
    slot->length = p ? (uint32_t)(p - from) : 0;
    return p;
}

/* --- containers --- */

static inline const uint8_t *skip_space(const uint8_t *p, const uint8_t *end)
{
    while (p < end && *p <= ' ' && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) {
        p++;
    }
    return p;
}

/* Makes room for extra bytes after the slot; false when refused. The pointers into the working
 * stack move along. What is on it will be copied to the arena, so a document that fits the arena
 * never needs more than twice the arena's cap, which leaves room to sort names. */
static bool grow_work(struct reader *r, size_t extra)
{
    char *old = r->work;
    size_t used = (size_t)((char *)(r->slot + 1) - old);
    size_t first = (size_t)(r->first - old);
    size_t size = (size_t)(r->work_limit - old);
    size_t cap = r->arena->cap_bytes;
    cap = cap < SIZE_MAX / 2 ? cap * 2 : SIZE_MAX;
    if (extra > SIZE_MAX / 4 || used + extra > cap) {
        return false;
    }
    while (size - used < extra) {
        size *= 2;
    }
    size = size < cap ? size : cap;
    bool on_heap = old != (char *)&r->initial;
    char *work = realloc(on_heap ? old : NULL, size);
    if (!work) {
        return false;
    }
    if (!on_heap) {
        memcpy(work, old, used);
    }
    r->work = work;
    r->work_limit = work + size;
    r->first = work + first;
    r->slot = (xd_json *)(void *)(work + used) - 1;
    return true;
}

/* Makes sure that extra bytes after the slot can be used; false after a fault. */
static inline bool reserve_work(struct reader *r, const uint8_t *p, size_t extra)
{
    if ((size_t)(r->work_limit - (char *)(r->slot + 1)) < extra && !grow_work(r, extra)) {
        (void)fail_memory(r, p);
        return false;
    }
    return true;
}

/* Opens the container at p: the slot becomes its frame. Returns the byte after the bracket. */
static inline const uint8_t *open_container(struct reader *r, const uint8_t *p)
{
    if (r->depth >= r->limits.max_depth) {
        return fail_here(r, p, true,
                         xd_fail(r->fault, XD_LIMIT, "json.depth",
                                 "arrays and objects may be nested %u deep; flatten the document",
                                 r->limits.max_depth));
    }
    xd_json *frame = r->slot;
    r->in_object = *p == '{';
    frame->type = r->in_object ? XD_JSON_OBJECT : XD_JSON_ARRAY;
    frame->offset = (uint32_t)(p - r->text);
    frame->length = (uint32_t)((size_t)(r->first - r->work) / FRAME_UNIT_BYTES);
    r->first = (char *)(frame + 1);
    r->depth++;
    return p + 1;
}

/* The first of n members whose name an earlier one has, or NULL: without more memory, for few. */
static const xd_json_member *find_duplicate_small(const xd_json_member *members, size_t n)
{
    uint64_t seen = 0;
    for (size_t i = 0; i < n; i++) {
        xd_str name = members[i].name;
        unsigned sign = (unsigned)name.len * 9;
        if (name.len) {
            sign += (uint8_t)name.ptr[0] * 5u + (uint8_t)name.ptr[name.len - 1];
        }
        uint64_t bit = (uint64_t)1 << (sign & 63);
        if (seen & bit) {
            for (size_t j = 0; j < i; j++) {
                if (xd_str_eq(members[j].name, name)) {
                    return &members[i];
                }
            }
        }
        seen |= bit;
    }
    return NULL;
}

/* The same for many members. Hashes are sorted rather than put into a table, so that names made to
 * collide cost a comparison of strings but never a quadratic search. entries holds 2 n. */
static const xd_json_member *find_duplicate_large(const xd_json_member *members, size_t n,
                                                  xd_json_entry *entries)
{
    for (size_t i = 0; i < n; i++) {
        entries[i] = (xd_json_entry){xd_hash64(members[i].name, 0), &members[i]};
    }
    xd_json_sort(entries, entries + n, n);
    const xd_json_member *duplicate = NULL;
    for (size_t i = 1; i < n; i++) {
        if (entries[i].key == entries[i - 1].key &&
            xd_str_eq(entries[i].member->name, entries[i - 1].member->name) &&
            (!duplicate || entries[i].member < duplicate)) {
            duplicate = entries[i].member;
        }
    }
    return duplicate;
}

/* Checks that the innermost object, which ends before p and has n members, names none twice; false
 * after a fault. */
static bool check_names(struct reader *r, const uint8_t *p, size_t n)
{
    const xd_json_member *duplicate;
    if (n <= SMALL_MEMBERS) {
        duplicate = find_duplicate_small((const xd_json_member *)(void *)r->first, n);
    } else {
        if (!reserve_work(r, p, 2 * n * sizeof(xd_json_entry))) {
            return false;
        }
        duplicate = find_duplicate_large((const xd_json_member *)(void *)r->first, n,
                                         (xd_json_entry *)(void *)(r->slot + 1));
    }
    if (!duplicate) {
        return true;
    }
    /* The name's opening quote is the first one after the member before it. */
    const xd_json *before = &(duplicate - 1)->value;
    const uint8_t *at = r->text + before->offset + before->length;
    at = memchr(at, '"', (size_t)(r->end - at));
    assert(at);
    xd_str name = duplicate->name;
    if (name.len > NAME_SHOWN_BYTES) {
        name.len = NAME_SHOWN_BYTES;
        while (name.len > 0 && ((uint8_t)name.ptr[name.len] & 0xc0) == 0x80) {
            name.len--; /* A character cut in half would spoil the fault's text. */
        }
    }
    (void)fail_here(r, at, false,
                    xd_fail(r->fault, XD_INVALID, "json.duplicate",
                            "the object has two members named \"%.*s\"; keep one", XD_FMT(name)));
    return false;
}

/* Closes the innermost container at the bracket p: its children move to the arena and its frame is
 * a value like any other again. Returns the byte after the bracket. */
static inline const uint8_t *close_container(struct reader *r, const uint8_t *p)
{
    size_t bytes = (size_t)((char *)(r->slot + 1) - r->first);
    size_t count = bytes / (r->in_object ? sizeof(xd_json_member) : sizeof(xd_json));
    void *children = NULL;
    if (bytes) {
        if (r->in_object && !r->limits.allow_duplicates && !check_names(r, p, count)) {
            return NULL;
        }
        children = xd_arena_alloc(r->arena, bytes);
        if (!children) {
            return fail_memory(r, p);
        }
        memcpy(children, r->first, bytes);
    }
    xd_json *frame = frame_of(r->first);
    r->first = frame_parent(r, frame);
    r->slot = frame;
    frame->count = (uint32_t)count;
    frame->length = (uint32_t)(p + 1 - r->text) - frame->offset;
    if (frame->type == XD_JSON_OBJECT) {
        frame->members = children;
    } else {
        frame->items = children;
    }
    r->depth--;
    r->in_object = r->depth > 0 && frame_of(r->first)->type == XD_JSON_OBJECT;
    return p + 1;
}

/* --- the document --- */

/* Makes the slot that of the next child of the innermost container, reading its name at p when it
 * has one. Returns the first byte of the value. */
static inline const uint8_t *begin_child(struct reader *r, const uint8_t *p)
{
    if (!reserve_work(r, p, sizeof(xd_json_member))) {
        return NULL;
    }
    if (!r->in_object) {
        r->slot++;
        return p;
    }
    if (p == r->end || *p != '"') {
        return fail_syntax(r, p, false, "json.name",
                           "a member name in double quotes must stand here");
    }
    xd_json_member *member = (xd_json_member *)(void *)(r->slot + 1);
    r->slot = &member->value;
    member->name = XD_STR_NULL;
    p = read_string(r, p + 1, &member->name);
    if (!p) {
        return NULL;
    }
    p = skip_space(p, r->end);
    if (p == r->end || *p != ':') {
        return fail_syntax(r, p, true, "json.colon", "a colon must follow the member name");
    }
    return skip_space(p + 1, r->end);
}

/* Reads the value at p, then one value after the other until the outermost is complete; returns the
 * byte after it. */
static const uint8_t *read_tree(struct reader *r, const uint8_t *p)
{
    for (;;) {
        if (p == r->end) {
            return fail_syntax(r, p, true, "json.value", "a value must stand here");
        }
        bool opened = *p == '{' || *p == '[';
        p = opened ? open_container(r, p) : read_scalar(r, p);
        if (!p) {
            return NULL;
        }
        /* Close whatever ends here, then go to the next child. Right after an opening bracket both
         * are possible without a comma; afterwards a child needs one. */
        for (;; opened = false) {
            if (r->depth == 0) {
                return p;
            }
            p = skip_space(p, r->end);
            if (p < r->end && *p == (r->in_object ? '}' : ']')) {
                p = close_container(r, p);
                if (!p) {
                    return NULL;
                }
                continue;
            }
            if (!opened) {
                if (p == r->end || *p != ',') {
                    return fail_syntax(r, p, false, "json.comma",
                                       r->in_object
                                           ? "a comma or the closing } must follow a member"
                                           : "a comma or the closing ] must follow an item");
                }
                p = skip_space(p + 1, r->end);
            }
            p = begin_child(r, p);
            break;
        }
        if (!p) {
            return NULL;
        }
    }
}

/* Reads the whole text into r->slot. */
static const uint8_t *read_document(struct reader *r)
{
    const uint8_t *p = r->text;
    if (r->end - p >= 3 && p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf) {
        return fail_here(r, p, false,
                         xd_fail(r->fault, XD_INVALID, "json.bom",
                                 "the text starts with a byte order mark; send UTF-8 without one"));
    }
    p = read_tree(r, skip_space(p, r->end));
    if (!p) {
        return NULL;
    }
    p = skip_space(p, r->end);
    if (p < r->end) {
        return fail_syntax(r, p, false, "json.end", "nothing may follow the document");
    }
    return p;
}

xd_status xd_json_parse(xd_str text, xd_json_limits limits, xd_arena *arena,
                        const xd_json **ret_root, xd_fault *fault)
{
    assert(arena && ret_root);
    size_t max_bytes = limits.max_bytes < UINT32_MAX ? limits.max_bytes : UINT32_MAX - 1;
    if (text.len > max_bytes) {
        xd_status status = xd_fail(fault, XD_LIMIT, "json.bytes",
                                   "the JSON document has %zu bytes and %zu are allowed; split it",
                                   text.len, max_bytes);
        xd_fault_at(fault, (int64_t)max_bytes, NULL);
        return status;
    }
    const uint8_t *bytes = (const uint8_t *)(text.len ? text.ptr : "");
    struct reader r;
    r.text = bytes;
    r.end = bytes + text.len;
    r.limits = limits;
    r.arena = arena;
    r.fault = fault;
    r.status = XD_OK;
    r.depth = 0;
    r.in_object = false;
    r.work = (char *)&r.initial;
    r.work_limit = r.work + sizeof r.initial;
    r.first = r.work;
    r.slot = r.initial.items;
    if (read_document(&r)) {
        xd_json *root = xd_arena_alloc(arena, sizeof *root);
        if (root) {
            *root = *r.slot;
            *ret_root = root;
        } else {
            (void)fail_memory(&r, r.text);
        }
    }
    if (r.work != (char *)&r.initial) {
        free(r.work);
    }
    return r.status;
}

/* --- looking into a tree --- */

const xd_json *xd_json_get(const xd_json *object, xd_str name)
{
    if (object && object->type == XD_JSON_OBJECT) {
        for (uint32_t i = 0; i < object->count; i++) {
            if (xd_str_eq(object->members[i].name, name)) {
                return &object->members[i].value;
            }
        }
    }
    return NULL;
}

xd_str xd_json_get_text(const xd_json *object, xd_str name)
{
    const xd_json *value = xd_json_get(object, name);
    bool has_text = value && (value->type == XD_JSON_STRING || value->type == XD_JSON_NUMBER);
    return has_text ? value->text : XD_STR_NULL;
}

int64_t xd_json_get_int(const xd_json *object, xd_str name, int64_t fallback)
{
    const xd_json *value = xd_json_get(object, name);
    int64_t number;
    if (value && value->type == XD_JSON_NUMBER && xd_str_to_int64(value->text, &number)) {
        return number;
    }
    return fallback;
}

bool xd_json_get_bool(const xd_json *object, xd_str name)
{
    const xd_json *value = xd_json_get(object, name);
    return value && value->type == XD_JSON_TRUE;
}

xd_str xd_json_source(const xd_json *value, xd_str source)
{
    assert((size_t)value->offset + value->length <= source.len);
    return (xd_str){source.ptr + value->offset, value->length};
}

const char *xd_json_type_name(uint32_t type)
{
    static const char *const names[] = {"null",   "boolean", "boolean", "number",
                                        "string", "array",   "object"};
    return type < sizeof names / sizeof names[0] ? names[type] : "unknown";
}
