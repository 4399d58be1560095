/* Reader of HTTP/1.1 answers. See http1.h.
 *
 * Lines that came whole are read where they lie; one that was cut is put together in `line`. What
 * an answer means never depends on where its bytes were cut. */
#include "outbound/http1.h"

#include <assert.h>

/* What is left of the bytes given. */
typedef struct input {
    const char *at;
    const char *end;
} input;

static void fail(xd_http1 *a, const char *fault)
{
    a->state = XD_HTTP1_ENDED;
    a->progress = XD_HTTP1_BAD;
    a->fault = fault;
    a->keep = false;
}

static void finish(xd_http1 *a, bool keep)
{
    a->state = XD_HTTP1_ENDED;
    a->progress = XD_HTTP1_DONE;
    a->keep = keep;
    a->last = a->close_said && !a->lax;
}

/* --- texts --- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* word is in lower case. */
static bool is_word(xd_str s, xd_str word)
{
    size_t i = 0;
    while (i < s.len && s.len == word.len && lower(s.ptr[i]) == word.ptr[i]) {
        i++;
    }
    return s.len == word.len && i == s.len;
}

/* tchar, RFC 9110 section 5.6.2. */
static bool is_token_char(char c)
{
    static const bool mark[128] = {
        ['!'] = true,  ['#'] = true, ['$'] = true, ['%'] = true, ['&'] = true,
        ['\''] = true, ['*'] = true, ['+'] = true, ['-'] = true, ['.'] = true,
        ['^'] = true,  ['_'] = true, ['`'] = true, ['|'] = true, ['~'] = true};
    char l = lower(c);
    return is_digit(c) || (l >= 'a' && l <= 'z') || ((unsigned char)c < 128 && mark[(int)c]);
}

static xd_str trim(xd_str s)
{
    while (s.len && is_space(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len && is_space(s.ptr[s.len - 1])) {
        s.len--;
    }
    return s;
}

/* Takes the next element of a comma-separated list off *list; false at its end. */
static bool next_element(xd_str *list, bool *more, xd_str *ret)
{
    if (!*more) {
        return false;
    }
    const char *comma = list->len ? memchr(list->ptr, ',', list->len) : NULL;
    size_t n = comma ? (size_t)(comma - list->ptr) : list->len;
    *ret = trim((xd_str){list->ptr, n});
    *more = comma != NULL;
    if (comma) {
        *list = (xd_str){comma + 1, list->len - n - 1};
    }
    return true;
}

/* --- fields that say where the answer ends --- */

/* 1*DIGIT that fits, RFC 9110 section 8.6. */
static bool read_length(xd_str s, uint64_t *ret)
{
    uint64_t value = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (!is_digit(s.ptr[i]) || value > (INT64_MAX - 9) / 10) {
            return false;
        }
        value = value * 10 + (uint64_t)(s.ptr[i] - '0');
    }
    *ret = value;
    return s.len > 0;
}

/* Section 6.3, rule 5: several values are one when they are all valid and all the same. */
static void take_length(xd_http1 *a, xd_str list)
{
    bool more = true;
    bool any = false;
    for (xd_str element; next_element(&list, &more, &element);) {
        uint64_t value = 0;
        if (element.len == 0) { /* RFC 9110 section 5.6.1.2: to be ignored */
            a->lax = true;
            continue;
        }
        a->length_bad |= !read_length(element, &value) || (a->length_seen && value != a->length);
        a->lax |= a->length_seen; /* the same twice is one, but nothing to build on */
        a->length_seen = any = true;
        a->length = value;
    }
    a->length_bad |= !any;
    a->length_seen = true;
}

/* Section 6.1: codings in the order they were applied, over all lines of the field. */
static void take_coding(xd_http1 *a, xd_str list)
{
    a->coding_seen = true;
    bool more = true;
    for (xd_str element; next_element(&list, &more, &element);) {
        bool chunked = is_word(element, XD_STR("chunked"));
        for (size_t i = 0; i < element.len; i++) {
            a->coding_bad |= !is_token_char(element.ptr[i]); /* a parameter, or nonsense */
        }
        a->coding_bad |= element.len == 0 || (chunked && a->chunked); /* "more than once" */
        a->chunked |= chunked;
        a->chunked_last = chunked;
    }
}

/* Section 9.3. */
static void take_connection(xd_http1 *a, xd_str list)
{
    bool more = true;
    for (xd_str element; next_element(&list, &more, &element);) {
        a->close_said |= is_word(element, XD_STR("close"));
        a->keep_alive_said |= is_word(element, XD_STR("keep-alive"));
    }
}

static void take_retry_after(xd_http1 *a, xd_str value)
{
    size_t len = value.len < sizeof a->retry_after ? value.len : 0;
    memcpy(a->retry_after, value.ptr, len);
    a->retry_after[len] = '\0';
}

static void take_known(xd_http1 *a, xd_str name, xd_str value)
{
    switch (name.len) {
    case sizeof "connection" - 1:
        if (is_word(name, XD_STR("connection"))) {
            take_connection(a, value);
        }
        break;
    case sizeof "retry-after" - 1:
        if (is_word(name, XD_STR("retry-after"))) {
            take_retry_after(a, value);
        }
        break;
    case sizeof "content-length" - 1:
        if (is_word(name, XD_STR("content-length"))) {
            take_length(a, value);
        }
        break;
    case sizeof "transfer-encoding" - 1:
        if (is_word(name, XD_STR("transfer-encoding"))) {
            take_coding(a, value);
        }
        break;
    default:
        break;
    }
}

/* field-line = field-name ":" OWS field-value OWS, section 5. */
static void take_field(xd_http1 *a, xd_str line)
{
    size_t n = 0;
    while (n < line.len && is_token_char(line.ptr[n])) {
        n++;
    }
    /* Section 5.1: no whitespace between name and colon. Section 2.2: none before the first one. */
    if (n == 0 || n == line.len || line.ptr[n] != ':') {
        fail(a, "a header line is not \"name: value\"");
        return;
    }
    xd_str value = trim((xd_str){line.ptr + n + 1, line.len - n - 1});
    /* RFC 9110 section 5.5: invalid and dangerous. The line's own end is gone already. */
    if (value.len && (memchr(value.ptr, '\0', value.len) || memchr(value.ptr, '\r', value.len))) {
        fail(a, "a header value holds a control character");
        return;
    }
    if (++a->fields > XD_HTTP1_FIELDS_MAX) {
        fail(a, "too many header lines");
        return;
    }
    if (a->state == XD_HTTP1_FIELD) { /* section 7.1.2: trailers may be discarded */
        take_known(a, (xd_str){line.ptr, n}, value);
    }
}

/* --- the head --- */

static void begin_head(xd_http1 *a)
{
    a->state = XD_HTTP1_STATUS;
    a->version_10 = a->close_said = a->keep_alive_said = false;
    a->length_seen = a->length_bad = a->coding_seen = a->coding_bad = false;
    a->chunked = a->chunked_last = false;
    a->code = 0;
    a->fields = 0;
    a->length = 0;
    a->retry_after[0] = '\0';
}

/* status-line = HTTP-version SP status-code SP [reason-phrase], section 4; the second space may be
 * missing where there are no words. */
static void take_status(xd_http1 *a, xd_str line)
{
    enum { VERSION_AT = 5, MINOR_AT = 7, CODE_AT = 9, CODE_END = 12 };
    const char *s = line.ptr;
    if (line.len < CODE_END || memcmp(s, "HTTP/", VERSION_AT) != 0 || s[VERSION_AT] != '1' ||
        s[VERSION_AT + 1] != '.' || !is_digit(s[MINOR_AT]) || s[MINOR_AT + 1] != ' ' ||
        s[CODE_AT] < '1' || !is_digit(s[CODE_AT]) || !is_digit(s[CODE_AT + 1]) ||
        !is_digit(s[CODE_AT + 2]) || (line.len > CODE_END && s[CODE_END] != ' ')) {
        fail(a, "it is not HTTP/1.1");
        return;
    }
    if (memchr(s, '\0', line.len) || memchr(s, '\r', line.len)) {
        fail(a, "its status line holds a control character");
        return;
    }
    a->version_10 = s[MINOR_AT] == '0';
    a->code = (s[CODE_AT] - '0') * 100 + (s[CODE_AT + 1] - '0') * 10 + (s[CODE_AT + 2] - '0');
    a->status = a->code >= 200 ? a->code : 0;
    a->state = XD_HTTP1_FIELD;
}

/* Whether the connection may be used again after an answer whose end is known: sections 9.3, 9.6.
 */
static bool may_persist(const xd_http1 *a)
{
    return !a->lax && !a->close_said && (!a->version_10 || a->keep_alive_said);
}

/* Section 6.3: how long the content is. */
static void end_head(xd_http1 *a)
{
    if (a->code == 101) { /* RFC 9110 section 15.2.2: only when asked for */
        fail(a, "it switches to another protocol");
    } else if (a->code < 200) { /* RFC 9110 section 15.2: interim, the final one follows */
        begin_head(a);
    } else if (a->code == 204 || a->code == 304) { /* rule 1 */
        finish(a, may_persist(a));
    } else if (a->coding_seen && (a->length_seen || a->version_10 || a->coding_bad)) {
        /* Rule 3 and section 6.1: an attempt at smuggling, or a fault. */
        fail(a, "its Transfer-Encoding is in doubt");
    } else if (a->chunked_last) { /* rule 4 */
        a->state = XD_HTTP1_CHUNK_SIZE;
    } else if (a->coding_seen) { /* rule 4: chunked is not the last one */
        a->state = XD_HTTP1_CLOSE;
    } else if (a->length_bad) { /* rule 5: "discard the received response" */
        a->status = 0;
        fail(a, "its Content-Length is in doubt");
    } else if (a->length_seen) { /* rule 6 */
        a->state = XD_HTTP1_LENGTH;
        if (a->length == 0) {
            finish(a, may_persist(a));
        }
    } else { /* rule 8 */
        a->state = XD_HTTP1_CLOSE;
    }
}

/* --- lines --- */

/* Takes a line off the input, without its end; false when it goes on in later bytes, or failed. The
 * line is valid until the next one. */
static bool take_line(xd_http1 *a, input *in, size_t max, xd_str *ret)
{
    size_t n = (size_t)(in->end - in->at);
    const char *lf = n ? memchr(in->at, '\n', n) : NULL;
    size_t part = lf ? (size_t)(lf - in->at) : n;
    if (part > max - a->line_len) {
        fail(a, "a line is too long");
        return false;
    }
    xd_str line = {in->at, part};
    if (a->line_len || !lf) {
        memcpy(a->line + a->line_len, in->at, part);
        a->line_len += part;
        line = (xd_str){a->line, a->line_len};
    }
    in->at += part + (lf ? 1 : 0);
    if (!lf) {
        return false;
    }
    a->line_len = 0;
    a->head_bytes += line.len + 1;
    if (a->head_bytes > XD_HTTP1_HEAD_MAX) {
        fail(a, "its head is too long");
        return false;
    }
    if (line.len && line.ptr[line.len - 1] == '\r') {
        line.len--;
    } else {
        a->lax = true; /* section 2.2: a bare LF may end a line; nothing to build on */
    }
    *ret = line;
    return true;
}

/* A field whose end is known only with the first byte of the next line: section 5.2, obs-fold. */
static void keep_field(xd_http1 *a, xd_str line)
{
    if (line.ptr != a->line) {
        memcpy(a->line, line.ptr, line.len);
    }
    a->line_len = line.len;
    a->pending = true;
}

/* Takes one line of a head or of trailers. */
static void read_field(xd_http1 *a, input *in)
{
    if (a->pending) {
        a->pending = false;
        if (!is_space(*in->at)) {
            size_t len = a->line_len;
            a->line_len = 0;
            take_field(a, (xd_str){a->line, len});
            return;
        }
        a->folding = true; /* the next line is more of this one */
    }
    xd_str line;
    if (!take_line(a, in, XD_HTTP1_LINE_MAX, &line)) {
        return;
    }
    bool more = a->folding;
    a->folding = false;
    if (line.len == 0 && !more) {
        if (a->state == XD_HTTP1_FIELD) {
            end_head(a);
        } else {
            finish(a, may_persist(a));
        }
    } else if (line.ptr != a->line && in->at < in->end && !is_space(*in->at)) {
        take_field(a, line);
    } else {
        keep_field(a, line);
    }
}

/* --- content --- */

/* Takes what there is of n bytes of content; false when no more of it is wanted. */
static bool read_content(xd_http1 *a, input *in, uint64_t n)
{
    uint64_t there = (uint64_t)(in->end - in->at);
    uint64_t wanted = XD_HTTP1_BODY_MAX + 1 - a->body_bytes;
    size_t take = (size_t)(n < there ? n : there);
    take = take < wanted ? take : (size_t)wanted;
    size_t room = sizeof a->body - a->body_len;
    size_t kept = take < room ? take : room;
    memcpy(a->body + a->body_len, in->at, kept);
    a->body_len += kept;
    a->body_bytes += take;
    a->length -= a->state == XD_HTTP1_CLOSE ? 0 : take;
    in->at += take;
    if (a->body_bytes > XD_HTTP1_BODY_MAX) {
        finish(a, false); /* a new connection costs less than the rest */
        return false;
    }
    return true;
}

static int hex_digit(char c)
{
    char l = lower(c);
    return is_digit(c) ? c - '0' : l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

/* chunk-size [ chunk-ext ] CRLF, section 7.1; extensions are not understood and so ignored. */
static void read_chunk_size(xd_http1 *a, input *in)
{
    enum { DIGITS_MAX = 15 };
    bool lax = a->lax;
    xd_str line;
    a->head_bytes = 0; /* a body may have many chunks */
    if (!take_line(a, in, XD_HTTP1_CHUNK_LINE_MAX, &line)) {
        return;
    }
    size_t i = 0;
    a->length = 0;
    while (i < line.len && i <= DIGITS_MAX && hex_digit(line.ptr[i]) >= 0) {
        a->length = a->length * 16 + (uint64_t)hex_digit(line.ptr[i++]);
    }
    xd_str rest = trim((xd_str){line.ptr + i, line.len - i});
    bool extended = rest.len > 0 && rest.ptr[0] == ';' && !memchr(rest.ptr, '\r', rest.len);
    bool whole = rest.len == 0 || extended;
    if (i == 0 || i > DIGITS_MAX || !whole || (a->lax && !lax)) {
        fail(a, "a chunk has no size");
        return;
    }
    a->state = a->length ? XD_HTTP1_CHUNK : XD_HTTP1_TRAILER;
    if (a->state == XD_HTTP1_TRAILER) {
        a->head_bytes = 0;
        a->fields = 0;
    }
}

/* The CRLF after a chunk: length counts how many of its bytes have come. */
static void read_chunk_end(xd_http1 *a, input *in)
{
    if (*in->at++ != "\r\n"[a->length]) {
        fail(a, "a chunk is longer than it says");
    } else if (++a->length == 2) {
        a->state = XD_HTTP1_CHUNK_SIZE;
    }
}

static void read_some(xd_http1 *a, input *in)
{
    xd_str line;
    switch (a->state) {
    case XD_HTTP1_STATUS:
        if (take_line(a, in, XD_HTTP1_LINE_MAX, &line)) {
            take_status(a, line);
        }
        break;
    case XD_HTTP1_FIELD:
    case XD_HTTP1_TRAILER:
        read_field(a, in);
        break;
    case XD_HTTP1_LENGTH:
        if (read_content(a, in, a->length) && a->length == 0) {
            finish(a, may_persist(a));
        }
        break;
    case XD_HTTP1_CLOSE:
        read_content(a, in, UINT64_MAX);
        break;
    case XD_HTTP1_CHUNK_SIZE:
        read_chunk_size(a, in);
        break;
    case XD_HTTP1_CHUNK:
        if (read_content(a, in, a->length) && a->length == 0) {
            a->state = XD_HTTP1_CHUNK_END;
        }
        break;
    case XD_HTTP1_CHUNK_END:
        read_chunk_end(a, in);
        break;
    case XD_HTTP1_ENDED:
        break;
    }
}

void xd_http1_begin(xd_http1 *a)
{
    memset(a, 0, offsetof(xd_http1, line)); /* the line is long, and nothing of it counts */
    begin_head(a);
}

xd_http1_progress xd_http1_feed(xd_http1 *a, const char *bytes, size_t n, size_t *ret_used)
{
    assert(a->state != XD_HTTP1_ENDED);
    input in = {bytes, bytes + n};
    a->begun |= n > 0;
    while (a->state != XD_HTTP1_ENDED && in.at < in.end) {
        read_some(a, &in);
    }
    *ret_used = (size_t)(in.at - bytes);
    return a->progress;
}

xd_http1_progress xd_http1_end(xd_http1 *a)
{
    assert(a->state != XD_HTTP1_ENDED);
    if (a->state == XD_HTTP1_CLOSE) { /* section 6.3, rule 8 */
        finish(a, false);
    } else { /* section 8: incomplete */
        fail(a, a->begun ? "the connection was closed before the answer was whole"
                         : "the connection was closed before an answer came");
    }
    return a->progress;
}
