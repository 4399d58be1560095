/* Cutter. See cutter.h. */
#include "ingress/cutter.h"

#include <stdlib.h>

enum { KEY_BYTES = 1 << 20, KEY_RUN_BYTES = 96 << 20 };

struct xd_cutter {
    const xd_source *source;
    size_t piece_bytes;
    xd_buf buffer; /* of the file, from what no piece has yet */
    size_t gone;   /* bytes of the buffer that the last piece took */
    xd_buf prefix; /* what every piece begins with */
    bool prefix_known;
    int64_t prefix_lines;
    int64_t lines; /* of the file, before the buffer */
    int64_t bytes;
    xd_buf piece;
    bool over;
    xd_arena run; /* of the expression by */
    xd_buf key, last_key;
};

/* Looking for the place to cut. */
typedef struct search {
    xd_cutter *c;
    xd_format_reader *reader;
    size_t start;       /* of the lines that are not yet a record */
    int64_t line;       /* of the buffer, where start is */
    size_t cut;         /* last place where a piece may end; 0: none */
    int64_t first_line; /* of the first record; 0: none yet, or unknown */
    bool has_key, unsure;
    bool stopped; /* by a fault behind which nothing can be read */
} search;

static xd_status no_memory(xd_fault *fault)
{
    return xd_fail(fault, XD_NO_MEMORY, "source.memory", "no memory to cut a file");
}

bool xd_cutter_can(const xd_source *source)
{
    return source->of_lines;
}

xd_status xd_cutter_create(const xd_source *source, size_t piece_bytes, xd_cutter **ret,
                           xd_fault *fault)
{
    xd_cutter *c = calloc(1, sizeof *c);
    if (!c) {
        return no_memory(fault);
    }
    c->source = source;
    c->piece_bytes = piece_bytes;
    xd_buf_init(&c->buffer, piece_bytes + 2 * (size_t)XD_CUTTER_ADD_BYTES);
    xd_buf_init(&c->prefix, piece_bytes);
    xd_buf_init(&c->piece, c->prefix.cap_bytes + c->buffer.cap_bytes);
    xd_buf_init(&c->key, KEY_BYTES);
    xd_buf_init(&c->last_key, KEY_BYTES);
    xd_arena_init(&c->run, KEY_RUN_BYTES);
    *ret = c;
    return XD_OK;
}

void xd_cutter_destroy(xd_cutter *c)
{
    if (!c) {
        return;
    }
    xd_buf_finish(&c->buffer);
    xd_buf_finish(&c->prefix);
    xd_buf_finish(&c->piece);
    xd_buf_finish(&c->key);
    xd_buf_finish(&c->last_key);
    xd_arena_finish(&c->run);
    free(c);
}

static void drop_gone(xd_cutter *c)
{
    memmove(c->buffer.ptr, c->buffer.ptr + c->gone, c->buffer.len - c->gone);
    c->buffer.len -= c->gone;
    c->gone = 0;
}

bool xd_cutter_add(xd_cutter *c, xd_str bytes)
{
    if (c->gone > 0) {
        drop_gone(c);
    }
    xd_buf_str_add(&c->buffer, bytes);
    return !c->buffer.failed;
}

static int64_t count_lines(xd_str text)
{
    int64_t lines = 0;
    for (const char *p = text.ptr, *end = text.ptr + text.len;
         p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL; p++) {
        lines++;
    }
    return lines;
}

/* --- looking for a place --- */

/* Whether the record may begin a piece: it does not belong to the one before it. */
static xd_status begins_group(search *s, const xd_json *record, bool *ret, xd_fault *fault)
{
    xd_cutter *c = s->c;
    *ret = true;
    if (!c->source->by) {
        return XD_OK;
    }
    xd_arena_reset(&c->run);
    xd_status status = xd_source_key(c->source, record, &c->run, &c->key, fault);
    if (status == XD_NO_MEMORY) {
        return status;
    }
    bool good = status == XD_OK && !c->key.failed;
    *ret = good && s->has_key && !s->unsure &&
           !xd_str_eq(xd_buf_str(&c->key), xd_buf_str(&c->last_key));
    s->unsure = !good; /* where it belongs nobody knows */
    s->has_key = s->has_key || good;
    xd_buf_clear(&c->last_key);
    xd_buf_str_add(&c->last_key, xd_buf_str(&c->key));
    return XD_OK;
}

/* Reads what the lines fed so far give; *ret_any says whether a record ended, *ret_begins whether
 * the first of them may begin a piece. */
static xd_status read_records(search *s, bool *ret_any, bool *ret_begins, xd_fault *fault)
{
    *ret_any = false;
    *ret_begins = false;
    for (;;) {
        const xd_json *record = NULL;
        bool goes_on = false;
        xd_fault why = XD_FAULT_NONE;
        xd_status status = xd_format_next(s->reader, &record, &goes_on, &why);
        if (status == XD_NO_MEMORY) {
            *fault = why;
            return status;
        }
        if (status == XD_OK && !record) {
            return XD_OK;
        }
        if (s->first_line == 0 && (status == XD_OK || goes_on)) {
            s->first_line = xd_format_line(s->reader);
        }
        bool begins = !s->c->source->by;
        if (status == XD_OK) {
            XD_TRY(begins_group(s, record, &begins, fault));
        } else {
            s->unsure = true;
            s->stopped = !goes_on;
        }
        *ret_begins = *ret_any ? *ret_begins : begins;
        *ret_any = true;
        if (s->stopped) {
            return XD_OK;
        }
    }
}

/* Bytes before the line of the first record, as a reader of CSV counts lines: a carriage return
 * ends one too, but not between quotes. */
static size_t bytes_before(const xd_cutter *c, int64_t line)
{
    const char *text = c->buffer.ptr;
    bool quoted = false;
    size_t n = 0;
    for (int64_t at = 1; n < c->buffer.len && at < line; n++) {
        char next = n + 1 < c->buffer.len ? text[n + 1] : '\n';
        quoted = quoted != (c->source->quote && text[n] == c->source->quote);
        at += text[n] == '\n' || (text[n] == '\r' && !quoted && next != '\n');
    }
    return n;
}

/* Keeps the header, in a search from the file's beginning. */
static xd_status keep_prefix(search *s, xd_fault *fault)
{
    xd_cutter *c = s->c;
    size_t n = c->source->has_header ? bytes_before(c, s->first_line) : 0;
    c->prefix_known = true;
    if (n > c->piece_bytes) {
        return xd_fail(fault, XD_LIMIT, "source.piece",
                       "more than %zu bytes stand before the first record, and every piece of a "
                       "long file needs them",
                       c->piece_bytes);
    }
    c->prefix_lines = count_lines((xd_str){c->buffer.ptr, n});
    xd_buf_add(&c->prefix, c->buffer.ptr, n);
    return c->prefix.failed ? no_memory(fault) : XD_OK;
}

/* A reader may take a lone carriage return for the end of a line, and the first record for a part
 * of the header's: then nobody knows what every piece must begin with. */
static bool has_lone_return(const xd_cutter *c, size_t end)
{
    bool alone = false;
    for (size_t i = 0; i < end && !alone; i++) {
        alone = c->buffer.ptr[i] == '\r' && (i + 1 == end || c->buffer.ptr[i + 1] != '\n');
    }
    return alone;
}

/* A piece that begins with U+FEFF would lose it, as a file's byte order mark. */
static bool begins_with_mark(const xd_cutter *c, size_t at)
{
    xd_str rest = {c->buffer.ptr + at, c->buffer.len - at};
    return c->prefix.len == 0 && xd_str_starts(rest, XD_STR("\xEF\xBB\xBF"));
}

/* The line feed, or the carriage return without one, that comes next; NULL: none. */
static const char *end_of_line(const xd_cutter *c, size_t at)
{
    const char *line = c->buffer.ptr + at;
    const char *feed = memchr(line, '\n', c->buffer.len - at);
    size_t n = feed ? (size_t)(feed - line) : c->buffer.len - at;
    const char *back = n > 1 ? memchr(line, '\r', n - 1) : NULL;
    return back ? back : feed;
}

static xd_status look(search *s, xd_fault *fault)
{
    xd_cutter *c = s->c;
    int64_t line = 0;
    for (size_t at = 0; at < c->buffer.len && !s->stopped;) {
        const char *end = end_of_line(c, at);
        if (!end || (s->cut > 0 && at > c->piece_bytes)) {
            return XD_OK;
        }
        size_t n = (size_t)(end - c->buffer.ptr) + 1;
        bool any;
        bool begins;
        xd_format_feed(s->reader, (xd_str){c->buffer.ptr + at, n - at}, false);
        XD_TRY(read_records(s, &any, &begins, fault));
        at = n;
        line++;
        if (!any) {
            continue;
        }
        if (!c->prefix_known && has_lone_return(c, n)) {
            return xd_fail(fault, XD_LIMIT, "source.piece",
                           "a carriage return stands alone in the first lines: a file of more than "
                           "%zu bytes needs line feeds",
                           c->piece_bytes);
        }
        if (!c->prefix_known) {
            XD_TRY(keep_prefix(s, fault));
        } else if (begins && s->start > 0 && s->start <= c->piece_bytes &&
                   !begins_with_mark(c, s->start)) {
            s->cut = s->start;
        }
        s->start = at;
        s->line = line;
    }
    return XD_OK;
}

/* Feeds what the piece will begin with; a record cannot come of it. */
static xd_status begin_search(search *s, xd_fault *fault)
{
    xd_cutter *c = s->c;
    XD_TRY(xd_format_reader_create(c->source->layout, &s->reader, fault));
    if (c->prefix.len == 0) {
        return XD_OK;
    }
    bool any;
    bool begins;
    xd_format_feed(s->reader, xd_buf_str(&c->prefix), false);
    return read_records(s, &any, &begins, fault);
}

static xd_status find_cut(search *s, xd_fault *fault)
{
    xd_status status = begin_search(s, fault);
    if (status == XD_OK) {
        status = look(s, fault);
    }
    xd_format_reader_destroy(s->reader);
    return status;
}

/* --- pieces --- */

/* Whether the file begins with a byte order mark of UTF-16, whose line feeds are two bytes. */
static bool is_wide(const xd_cutter *c)
{
    xd_str text = xd_buf_str(&c->buffer);
    return xd_str_starts(text, XD_STR("\xFF\xFE")) || xd_str_starts(text, XD_STR("\xFE\xFF"));
}

/* The first piece holds the prefix already. */
static xd_status give(xd_cutter *c, size_t n, xd_piece *ret, xd_fault *fault)
{
    bool first = c->bytes == 0;
    xd_str taken = {c->buffer.ptr, n};
    *ret = (xd_piece){.bytes = taken,
                      .taken = n,
                      .lines_before = first ? 0 : c->lines - c->prefix_lines,
                      .bytes_before = first ? 0 : c->bytes - (int64_t)c->prefix.len,
                      .over = c->over};
    if (!first && c->prefix.len > 0) {
        xd_buf_clear(&c->piece);
        xd_buf_str_add(&c->piece, xd_buf_str(&c->prefix));
        xd_buf_str_add(&c->piece, taken);
        if (c->piece.failed) {
            return no_memory(fault);
        }
        ret->bytes = xd_buf_str(&c->piece);
    }
    c->gone = n;
    c->lines += count_lines(taken);
    c->bytes += (int64_t)n;
    return XD_OK;
}

xd_status xd_cutter_next(xd_cutter *c, bool last, xd_piece *ret, xd_fault *fault)
{
    *ret = (xd_piece){.over = c->over};
    if (c->gone > 0) {
        drop_gone(c);
    }
    if (c->over || c->buffer.len == 0 || (!last && c->buffer.len <= c->piece_bytes)) {
        return XD_OK;
    }
    if (last && c->buffer.len <= c->piece_bytes) {
        return give(c, c->buffer.len, ret, fault);
    }
    if (c->bytes == 0 && is_wide(c)) {
        return xd_fail(fault, XD_LIMIT, "source.piece",
                       "the file says of itself that it is UTF-16: one of more than %zu bytes must "
                       "be UTF-8, or be sent in parts",
                       c->piece_bytes);
    }
    search s = {.c = c};
    XD_TRY(find_cut(&s, fault));
    if (s.stopped) {
        c->over = true; /* reading the piece says why */
        return give(c, s.start, ret, fault);
    }
    if (s.cut > 0) {
        return give(c, s.cut, ret, fault);
    }
    xd_status status = xd_fail(
        fault, XD_LIMIT, "source.piece",
        "from here on %zu bytes cannot be cut: %s; correct the file, or send it in parts",
        c->piece_bytes,
        s.start > 0 && c->source->by ? "by holds all of their records together"
                                     : "no record ends in them (a quote that is not closed, no "
                                       "line end, or another format than the layout's?)");
    if (fault) {
        fault->line = (int32_t)(c->lines + s.line < INT32_MAX ? c->lines + s.line + 1 : INT32_MAX);
        fault->offset = c->bytes + (int64_t)s.start;
    }
    return status;
}
