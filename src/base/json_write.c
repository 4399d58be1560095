/* JSON writers: strings, trees as they are, and the canonical form; and the sort of members that
 * the canonical form and the reader's search for duplicates share.
 *
 * No recursion: the containers being written are kept on a stack of frames that starts on the C
 * stack and moves to the heap when a tree is nested deeper than usual. Owns nothing that outlives a
 * call. May call status, arena, buf. Pure. */
#include "base/json_int.h"

#include <assert.h>
#include <stdlib.h>

enum {
    FRAMES = 32,            /* nesting before the heap is needed */
    MAX_PADDING_ZEROS = 400 /* a canonical number may need beside its significant digits */
};

/* --- strings --- */

static void write_escape(xd_buf *buf, uint8_t c)
{
    static const char hex[] = "0123456789abcdef";
    static const char letters[] = "btn?fr"; /* U+0008 to U+000D; U+000B has no letter */
    char escape[6] = {'\\', (char)c, '0', '0', hex[c >> 4], hex[c & 15]};
    size_t length = 2;
    if (c >= 0x08 && c <= 0x0d && c != 0x0b) {
        escape[1] = letters[c - 0x08];
    } else if (c < 0x20) {
        escape[1] = 'u';
        length = 6;
    }
    xd_buf_add(buf, escape, length);
}

void xd_json_write_string(xd_buf *buf, xd_str s)
{
    const uint8_t *p = (const uint8_t *)(s.len ? s.ptr : "");
    const uint8_t *end = p + s.len;
    xd_buf_char(buf, '"');
    for (;;) {
        const uint8_t *q = xd_json_plain_run(p, end, false);
        xd_buf_add(buf, p, (size_t)(q - p));
        if (q == end) {
            break;
        }
        write_escape(buf, *q);
        p = q + 1;
    }
    xd_buf_char(buf, '"');
}

/* --- numbers in canonical form --- */

/* A number as significant digits times a power of ten: digits d1 d2 ... dn stand for 0.d1d2...dn
 * times 10 to the power of point. The digits are bytes of the lexeme, perhaps with its point among
 * them. */
struct number {
    const char *digits; /* borrows; from the first to the last that is not zero */
    size_t span;        /* bytes from the first digit to the last */
    size_t count;       /* digits among them; 0 for zero */
    int64_t point;
    bool negative;
};

/* The exponent after the e at p. Beyond any text's length it does not matter how large it is. */
static int64_t read_exponent(const char *p, const char *end)
{
    const int64_t enough = (int64_t)1 << 40;
    bool negative = *p == '-';
    int64_t value = 0;
    for (p += *p == '-' || *p == '+'; p < end; p++) {
        value = value < enough ? value * 10 + (*p - '0') : enough;
    }
    return negative ? -value : value;
}

static struct number read_number(xd_str lexeme)
{
    struct number n = {.negative = lexeme.ptr[0] == '-'};
    const char *p = lexeme.ptr + n.negative;
    const char *end = lexeme.ptr + lexeme.len;
    const char *last = NULL;
    bool fraction = false;
    for (; p < end && (*p | 0x20) != 'e'; p++) {
        if (*p == '.') {
            fraction = true;
            continue;
        }
        if (*p != '0') {
            n.digits = n.digits ? n.digits : p;
            last = p;
        }
        /* The point stands after every digit of the whole part and before the zeros that lead the
         * fraction. */
        n.point += n.digits ? !fraction : -(int64_t)fraction;
    }
    if (!n.digits) {
        return (struct number){0};
    }
    n.span = (size_t)(last - n.digits) + 1;
    n.count = n.span - (memchr(n.digits, '.', n.span) != NULL);
    n.point += p < end ? read_exponent(p + 1, end) : 0;
    return n;
}

/* Appends n of the number's digits, skipping the lexeme's point, and moves *at after them. */
static void write_digits(xd_buf *buf, const char **at, size_t n)
{
    while (n > 0) {
        const char *point = memchr(*at, '.', n);
        size_t run = point ? (size_t)(point - *at) : n;
        xd_buf_add(buf, *at, run);
        *at += run + (point != NULL);
        n -= run;
    }
}

static void write_zeros(xd_buf *buf, int64_t n)
{
    for (; n > 0; n--) {
        xd_buf_char(buf, '0');
    }
}

/* Appends the one plain spelling of the number: no exponent, no zeros that change nothing. */
static xd_status write_canonical_number(xd_buf *buf, xd_str lexeme, xd_fault *fault)
{
    struct number n = read_number(lexeme);
    int64_t count = (int64_t)n.count;
    int64_t padding = n.point > count ? n.point - count : -n.point;
    if (padding > MAX_PADDING_ZEROS) {
        return xd_fail(fault, XD_LIMIT, "json.exponent",
                       "the number %.*s has an exponent that needs more than %d zeros written out; "
                       "give a number of ordinary size",
                       (int)(lexeme.len < 40 ? lexeme.len : 40), lexeme.ptr, MAX_PADDING_ZEROS);
    }
    if (n.negative) {
        xd_buf_char(buf, '-');
    }
    const char *at = n.digits;
    if (n.point <= 0) {
        xd_buf_char(buf, '0');
    } else {
        int64_t whole = n.point < count ? n.point : count;
        write_digits(buf, &at, (size_t)whole);
        write_zeros(buf, n.point - whole);
        count -= whole;
    }
    if (count > 0) {
        xd_buf_char(buf, '.');
        write_zeros(buf, -n.point);
        write_digits(buf, &at, (size_t)count);
    }
    return XD_OK;
}

/* --- sorting --- */

static bool entry_less(const xd_json_entry *a, const xd_json_entry *b)
{
    return a->key != b->key ? a->key < b->key : xd_str_cmp(a->member->name, b->member->name) < 0;
}

static void sort_by_insertion(xd_json_entry *entries, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        xd_json_entry entry = entries[i];
        size_t j = i;
        for (; j > 0 && entry_less(&entry, &entries[j - 1]); j--) {
            entries[j] = entries[j - 1];
        }
        entries[j] = entry;
    }
}

/* Merges the sorted runs [0, middle) and [middle, n) of from into to. */
static void merge(const xd_json_entry *from, size_t middle, size_t n, xd_json_entry *to)
{
    size_t left = 0;
    size_t right = middle;
    for (size_t i = 0; i < n; i++) {
        bool take_right = left == middle || (right < n && entry_less(&from[right], &from[left]));
        to[i] = from[take_right ? right++ : left++];
    }
}

void xd_json_sort(xd_json_entry *entries, xd_json_entry *spare, size_t n)
{
    enum { RUN = 16 };
    for (size_t at = 0; at < n; at += RUN) {
        sort_by_insertion(entries + at, n - at < RUN ? n - at : RUN);
    }
    xd_json_entry *from = entries;
    xd_json_entry *to = spare;
    for (size_t run = RUN; run < n; run *= 2) {
        for (size_t at = 0; at < n; at += 2 * run) {
            size_t rest = n - at;
            merge(from + at, run < rest ? run : rest, 2 * run < rest ? 2 * run : rest, to + at);
        }
        xd_json_entry *swap = from;
        from = to;
        to = swap;
    }
    if (from != entries) {
        memcpy(entries, from, n * sizeof *entries);
    }
}

/* The first eight bytes of the name as a number, so that numbers sort as the bytes do. */
static uint64_t order_key(xd_str name)
{
    uint64_t key = 0;
    for (size_t i = 0; i < 8; i++) {
        key = key << 8 | (i < name.len ? (uint8_t)name.ptr[i] : 0);
    }
    return key;
}

static bool names_ascend(const xd_json *object)
{
    for (uint32_t i = 1; i < object->count; i++) {
        if (xd_str_cmp(object->members[i - 1].name, object->members[i].name) > 0) {
            return false;
        }
    }
    return true;
}

/* --- trees --- */

struct frame {
    const xd_json *container;
    const xd_json_entry *order; /* borrows from scratch; NULL is the order of the tree */
    uint32_t next;              /* child to be written next */
};

struct writer {
    xd_buf *buf;
    bool canonical;
    xd_arena *scratch; /* for the canonical form */
    xd_fault *fault;
    struct frame *frames;
    size_t depth;
    size_t size; /* frames there is room for */
    struct frame initial[FRAMES];
};

static xd_status fail_memory(struct writer *w)
{
    return xd_fail(w->fault, XD_NO_MEMORY, "json.memory",
                   "writing the JSON document needs more memory than is allowed for it; "
                   "split the document");
}

static xd_status sort_members(struct writer *w, const xd_json *object, const xd_json_entry **ret)
{
    if (names_ascend(object)) {
        return XD_OK;
    }
    size_t n = object->count;
    if (n > SIZE_MAX / (2 * sizeof(xd_json_entry))) {
        return fail_memory(w);
    }
    xd_json_entry *entries = xd_arena_alloc(w->scratch, 2 * n * sizeof *entries);
    if (!entries) {
        return fail_memory(w);
    }
    for (size_t i = 0; i < n; i++) {
        entries[i] = (xd_json_entry){order_key(object->members[i].name), &object->members[i]};
    }
    xd_json_sort(entries, entries + n, n);
    *ret = entries;
    return XD_OK;
}

/* Starts writing a container that is not empty. */
static xd_status push_frame(struct writer *w, const xd_json *container)
{
    if (w->depth == w->size) {
        bool on_heap = w->frames != w->initial;
        struct frame *frames = realloc(on_heap ? w->frames : NULL, 2 * w->size * sizeof *frames);
        if (!frames) {
            return fail_memory(w);
        }
        if (!on_heap) {
            memcpy(frames, w->initial, sizeof w->initial);
        }
        w->frames = frames;
        w->size *= 2;
    }
    struct frame *frame = &w->frames[w->depth];
    *frame = (struct frame){.container = container};
    if (w->canonical && container->type == XD_JSON_OBJECT) {
        XD_TRY(sort_members(w, container, &frame->order));
    }
    w->depth++;
    xd_buf_char(w->buf, container->type == XD_JSON_OBJECT ? '{' : '[');
    return XD_OK;
}

/* Writes a scalar or an empty container, or opens one with children. */
static xd_status write_value(struct writer *w, const xd_json *value)
{
    switch (value->type) {
    case XD_JSON_NULL:
        XD_BUF_LIT(w->buf, "null");
        return XD_OK;
    case XD_JSON_FALSE:
        XD_BUF_LIT(w->buf, "false");
        return XD_OK;
    case XD_JSON_TRUE:
        XD_BUF_LIT(w->buf, "true");
        return XD_OK;
    case XD_JSON_NUMBER:
        if (w->canonical) {
            return write_canonical_number(w->buf, value->text, w->fault);
        }
        xd_buf_str_add(w->buf, value->text);
        return XD_OK;
    case XD_JSON_STRING:
        xd_json_write_string(w->buf, value->text);
        return XD_OK;
    default:
        assert(value->type == XD_JSON_ARRAY || value->type == XD_JSON_OBJECT);
        if (value->count > 0) {
            return push_frame(w, value);
        }
        xd_buf_add(w->buf, value->type == XD_JSON_OBJECT ? "{}" : "[]", 2);
        return XD_OK;
    }
}

/* Writes what stands before the next child of the innermost container and returns the child. */
static const xd_json *begin_child(struct writer *w)
{
    struct frame *frame = &w->frames[w->depth - 1];
    const xd_json *container = frame->container;
    uint32_t index = frame->next++;
    if (index > 0) {
        xd_buf_char(w->buf, ',');
    }
    if (container->type == XD_JSON_ARRAY) {
        return &container->items[index];
    }
    const xd_json_member *member =
        frame->order ? frame->order[index].member : &container->members[index];
    xd_json_write_string(w->buf, member->name);
    xd_buf_char(w->buf, ':');
    return &member->value;
}

static xd_status write_tree(struct writer *w, const xd_json *value)
{
    for (;;) {
        XD_TRY(write_value(w, value));
        while (w->depth > 0) {
            const struct frame *frame = &w->frames[w->depth - 1];
            if (frame->next < frame->container->count) {
                break;
            }
            xd_buf_char(w->buf, frame->container->type == XD_JSON_OBJECT ? '}' : ']');
            w->depth--;
        }
        if (w->depth == 0) {
            return XD_OK;
        }
        value = begin_child(w);
    }
}

static xd_status run_writer(struct writer *w, const xd_json *value)
{
    w->frames = w->initial;
    w->size = FRAMES;
    w->depth = 0;
    xd_status status = write_tree(w, value);
    if (w->frames != w->initial) {
        free(w->frames);
    }
    return status;
}

void xd_json_write(xd_buf *buf, const xd_json *value)
{
    struct writer w;
    w.buf = buf;
    w.canonical = false;
    w.scratch = NULL;
    w.fault = NULL;
    if (run_writer(&w, value) != XD_OK) {
        buf->failed = true;
    }
}

void xd_json_write_without(xd_buf *buf, const xd_json *object, xd_str name)
{
    xd_buf_char(buf, '{');
    for (uint32_t i = 0; i < object->count; i++) {
        if (!xd_str_eq(object->members[i].name, name)) {
            xd_json_write_string(buf, object->members[i].name);
            xd_buf_char(buf, ':');
            xd_json_write(buf, &object->members[i].value);
            xd_buf_char(buf, ',');
        }
    }
}

xd_status xd_json_canonical(xd_buf *buf, const xd_json *value, xd_arena *scratch, xd_fault *fault)
{
    assert(scratch);
    size_t before = buf->len;
    struct writer w;
    w.buf = buf;
    w.canonical = true;
    w.scratch = scratch;
    w.fault = fault;
    xd_status status = run_writer(&w, value);
    if (status == XD_OK && buf->failed) {
        status = fail_memory(&w);
    }
    if (status != XD_OK) {
        buf->len = before;
    }
    return status;
}
