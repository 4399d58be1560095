/* Import of one file into a running hub. See import.h. */
#include "ingress/import.h"

#include "base/hash.h"
#include "base/json.h"
#include "ingress/cutter.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

enum {
    CHUNK_DEFAULT = 1 << 20,
    LINE_MAX_BYTES = 8 << 20,      /* longer lines are beyond what any hub takes */
    DOCUMENT_MAX_BYTES = 64 << 20, /* of a .json file */
    READ_BYTES = 256 << 10,
    ANSWER_MAX_BYTES = 8 << 20,
    PROBLEMS_MAX_BYTES = 16 << 20,
    ATTEMPTS_DEFAULT = 20,
    BODY_DEFAULT = 8 << 20, /* as hub.limits.max_body_bytes */
    BACKOFF_MS = 100,
    BACKOFF_MAX_MS = 5000,
    TIMEOUT_S = 120,
    DRAW_EVERY_US = 100000,
    BAR_CELLS = 30,
};

/* Where an earlier run stopped, the file it was reading and where to: another file, and the same
 * one for another hub or source, starts afresh. */
typedef struct bookmark {
    long long size, modified_ns; /* of the file on disk */
    long long target;            /* a hash of the hub's address and of the source */
    long long offset;            /* text bytes that are finished */
    long long line;              /* line feeds in them */
    long long lines, accepted, duplicates, refused;
} bookmark;

typedef struct importer {
    const xd_import_options *options;
    xd_import_result *result;
    xd_fault *fault;
    gzFile in;
    CURL *curl;
    struct curl_slist *headers;
    char url[1024];
    xd_buf answer;
    bookmark begun;    /* where an earlier run stopped; zero when there was none */
    int64_t base_line; /* line feeds before the request under way */
    int64_t offset;    /* text bytes before it */
    int64_t total;     /* bytes of the file on disk */
    bool has_answered; /* the hub has answered at least once */
    bookmark mark;
} importer;

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
}

/* --- the bookmark beside the file --- */

static bool bookmark_path(const importer *im, const char *ending, char *path, size_t size)
{
    int n = snprintf(path, size, "%s.crossdock-import%s", im->options->file, ending);
    return n > 0 && (size_t)n < size;
}

static bool next_number(xd_str *rest, long long *ret)
{
    const char *space = rest->len ? memchr(rest->ptr, ' ', rest->len) : NULL;
    size_t n = space ? (size_t)(space - rest->ptr) : rest->len;
    int64_t value;
    if (!xd_str_to_int64((xd_str){rest->ptr, n}, &value) || value < 0) {
        return false;
    }
    *ret = value;
    size_t step = n + (space ? 1 : 0);
    *rest = (xd_str){rest->ptr + step, rest->len - step};
    return true;
}

/* Fills offset and counts when the bookmark is of this very file. */
static bool read_bookmark(const importer *im, bookmark *ret)
{
    char path[4096];
    char text[512];
    FILE *f = bookmark_path(im, "", path, sizeof path) ? fopen(path, "re") : NULL;
    if (!f) {
        return false;
    }
    size_t n = fread(text, 1, sizeof text, f);
    fclose(f);
    while (n > 0 && text[n - 1] == '\n') {
        n--;
    }
    bookmark mark;
    long long *const fields[] = {&mark.size,     &mark.modified_ns, &mark.target,
                                 &mark.offset,   &mark.line,        &mark.lines,
                                 &mark.accepted, &mark.duplicates,  &mark.refused};
    xd_str rest = {text, n};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (!next_number(&rest, fields[i])) {
            return false;
        }
    }
    if (mark.size != im->mark.size || mark.modified_ns != im->mark.modified_ns ||
        mark.target != im->mark.target) {
        return false;
    }
    *ret = mark;
    return true;
}

static long long target_of(const importer *im)
{
    uint64_t address = xd_hash64(xd_str_from(im->url), 0);
    return (long long)(xd_hash64(xd_str_from(im->options->control_path), address) >> 1);
}

/* A bookmark that cannot be written only means that a later run sends more again than it must. */
static void write_bookmark(importer *im)
{
    char path[4096];
    char fresh[4096];
    if (im->options->no_resume || !bookmark_path(im, "", path, sizeof path) ||
        !bookmark_path(im, ".tmp", fresh, sizeof fresh)) {
        return;
    }
    FILE *f = fopen(fresh, "we");
    if (!f) {
        return;
    }
    const xd_import_result *r = im->result;
    bool good = fprintf(f, "%lld %lld %lld %lld %lld %lld %lld %lld %lld\n", im->mark.size,
                        im->mark.modified_ns, im->mark.target, (long long)im->offset,
                        (long long)im->base_line, (long long)r->lines, (long long)r->accepted,
                        (long long)r->duplicates, (long long)r->refused) > 0;
    good = fclose(f) == 0 && good;
    if (!good || rename(fresh, path) != 0) {
        unlink(fresh);
    }
}

static void remove_bookmark(const importer *im)
{
    char path[4096];
    if (!im->options->no_resume && bookmark_path(im, "", path, sizeof path)) {
        unlink(path);
    }
}

/* Goes on with the counts of an earlier run; false when there was none. */
static bool take_up(importer *im)
{
    bookmark mark;
    if (im->options->no_resume || !read_bookmark(im, &mark)) {
        return false;
    }
    im->begun = mark;
    im->result->resumed_at_line = mark.line;
    im->result->lines = mark.lines;
    im->result->accepted = mark.accepted;
    im->result->duplicates = mark.duplicates;
    im->result->refused = mark.refused;
    return true;
}

/* --- the hub's answers --- */

static size_t take_answer(char *bytes, size_t size, size_t n, void *self)
{
    importer *im = self;
    xd_buf_add(&im->answer, bytes, size * n);
    return im->answer.failed ? 0 : size * n;
}

/* Copies the refused lines with their place in the file instead of in the request. */
static void add_problems(importer *im, const xd_json *problems)
{
    xd_buf *out = &im->result->problems;
    for (uint32_t i = 0; problems && problems->type == XD_JSON_ARRAY && i < problems->count; i++) {
        const xd_json *problem = &problems->items[i];
        size_t before = out->len;
        xd_buf_str_add(out, before ? XD_STR(",{") : XD_STR("{"));
        for (uint32_t k = 0; problem->type == XD_JSON_OBJECT && k < problem->count; k++) {
            const xd_json_member *m = &problem->members[k];
            bool is_line = xd_str_eq(m->name, XD_STR("line"));
            bool is_offset = xd_str_eq(m->name, XD_STR("offset"));
            int64_t number = xd_json_get_int(problem, m->name, 0);
            xd_buf_str_add(out, k ? XD_STR(",") : XD_STR(""));
            xd_json_write_string(out, m->name);
            xd_buf_char(out, ':');
            if (is_line || is_offset) {
                xd_buf_int(out, number + (is_line ? im->base_line : im->offset));
            } else {
                xd_json_write(out, &m->value);
            }
        }
        xd_buf_char(out, '}');
        if (out->failed) {
            out->failed = false;
            out->len = before;
            return;
        }
    }
}

/* Members of the hub's answer to one request. */
typedef struct answer_counts {
    bool is_tally;
    int64_t lines, accepted, duplicates, refused;
    char detail[256];
} answer_counts;

static void read_answer(importer *im, bool keep_problems, answer_counts *ret)
{
    *ret = (answer_counts){.detail = "the answer is not one of a hub"};
    xd_arena arena;
    xd_arena_init(&arena, (size_t)ANSWER_MAX_BYTES * 20);
    const xd_json *root;
    if (xd_json_parse(xd_buf_str(&im->answer), XD_JSON_LIMITS_DEFAULT, &arena, &root, NULL) ==
        XD_OK) {
        ret->lines = XD_INT(root, "lines", -1);
        ret->is_tally = ret->lines >= 0;
        ret->accepted = XD_INT(root, "accepted", 0);
        ret->duplicates = XD_INT(root, "duplicates", 0);
        ret->refused = XD_INT(root, "refused", 0);
        xd_str detail = XD_TEXT(root, "detail");
        if (detail.len) {
            snprintf(ret->detail, sizeof ret->detail, "%.*s", XD_FMT(detail));
        }
        if (keep_problems) {
            add_problems(im, XD_GET(root, "problems"));
        }
    }
    xd_arena_finish(&arena);
}

/* --- one request --- */

static xd_status fail_status(importer *im, long status, const char *detail)
{
    xd_code code = status == 401 || status == 403 ? XD_DENIED
                   : status == 413                ? XD_LIMIT
                   : status == 404                ? XD_NOT_FOUND
                                                  : XD_INVALID;
    return xd_fail(im->fault, code, "import.refused", "the hub refused the import (status %ld): %s",
                   status, detail);
}

static const char *hub_name(const importer *im)
{
    return im->options->control_path ? im->options->control_path : im->url;
}

/* Whether another attempt makes sense after the transport failed. */
static bool may_retry(const importer *im, CURLcode rc, uint32_t attempt, uint32_t attempts)
{
    bool nobody = rc == CURLE_COULDNT_CONNECT || rc == CURLE_COULDNT_RESOLVE_HOST ||
                  rc == CURLE_COULDNT_RESOLVE_PROXY;
    bool broken = rc == CURLE_SEND_ERROR || rc == CURLE_RECV_ERROR || rc == CURLE_GOT_NOTHING ||
                  rc == CURLE_PARTIAL_FILE || rc == CURLE_OPERATION_TIMEDOUT;
    return attempt < attempts && (broken || (nobody && im->has_answered));
}

static long backoff(uint32_t attempt)
{
    long ms = BACKOFF_MS;
    for (uint32_t i = 1; i < attempt && ms < BACKOFF_MAX_MS; i++) {
        ms *= 2;
    }
    return ms < BACKOFF_MAX_MS ? ms : BACKOFF_MAX_MS;
}

static long wait_asked(importer *im, uint32_t attempt)
{
    curl_off_t seconds = 0;
    curl_easy_getinfo(im->curl, CURLINFO_RETRY_AFTER, &seconds);
    return seconds > 0 && seconds <= 60 ? (long)seconds * 1000 : backoff(attempt);
}

/* Sends lines until the hub has dealt with all of them. When it stops half-way for lack of room,
 * all are sent again: those it has are duplicates then, but were accepted by this import. */
static xd_status send_lines(importer *im, xd_str lines)
{
    uint32_t attempts = im->options->attempts ? im->options->attempts : ATTEMPTS_DEFAULT;
    int64_t accepted_before = 0;
    curl_easy_setopt(im->curl, CURLOPT_POSTFIELDS, lines.ptr);
    curl_easy_setopt(im->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)lines.len);
    for (uint32_t attempt = 1;; attempt++) {
        xd_buf_clear(&im->answer);
        CURLcode rc = curl_easy_perform(im->curl);
        if (rc != CURLE_OK) {
            if (!may_retry(im, rc, attempt, attempts)) {
                return xd_fail(im->fault, XD_UNAVAILABLE, "import.hub",
                               "no answer from the hub at %s (%s); is it running?", hub_name(im),
                               curl_easy_strerror(rc));
            }
            pause_ms(backoff(attempt));
            continue;
        }
        im->has_answered = true;
        long status = 0;
        curl_easy_getinfo(im->curl, CURLINFO_RESPONSE_CODE, &status);
        bool over = status == 202 || status == 207 || status == 422;
        bool later = status == 503 || status == 429 || status == 507 || status == 408;
        answer_counts counts;
        read_answer(im, over, &counts);
        if (over && counts.is_tally) {
            xd_import_result *r = im->result;
            int64_t again =
                accepted_before < counts.duplicates ? accepted_before : counts.duplicates;
            r->lines += counts.lines;
            r->accepted += counts.accepted + again;
            r->duplicates += counts.duplicates - again;
            r->refused += counts.refused;
            return XD_OK;
        }
        if (!later) {
            return fail_status(im, status, counts.detail);
        }
        if (attempt >= attempts) {
            return xd_fail(im->fault, XD_UNAVAILABLE, "import.busy",
                           "the hub takes nothing at the moment: %s", counts.detail);
        }
        accepted_before += counts.accepted;
        pause_ms(wait_asked(im, attempt));
    }
}

static int64_t line_feeds(xd_str text)
{
    int64_t count = 0;
    for (const char *p = text.ptr, *end = p + text.len;
         p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL; p++) {
        count++;
    }
    return count;
}

/* Moves the place in the file: the hub has dealt with bytes more. */
static void note(importer *im, int64_t line, int64_t offset, size_t bytes)
{
    im->base_line = line;
    im->offset = offset;
    im->result->bytes += (int64_t)bytes;
    if (im->options->progress) {
        int64_t at = im->in ? gzoffset(im->in) : im->offset;
        im->options->progress(im->options->progress_context, at < im->total ? at : im->total,
                              im->total, im->result);
    }
}

/* Sends, then moves the place in the file and remembers it. */
static xd_status send_and_note(importer *im, xd_str lines)
{
    XD_TRY(send_lines(im, lines));
    note(im, im->base_line + line_feeds(lines), im->offset + (int64_t)lines.len, lines.len);
    return XD_OK;
}

/* --- reading the file --- */

/* Appends the next piece of text; *ret_n 0 at the end. */
static xd_status read_some(importer *im, xd_buf *text, size_t *ret_n)
{
    if (!xd_buf_reserve(text, READ_BYTES)) {
        return xd_fail(im->fault, XD_NO_MEMORY, "import.memory", "no memory for the file");
    }
    int n = gzread(im->in, text->ptr + text->len, READ_BYTES);
    int code = Z_OK;
    const char *why = n <= 0 ? gzerror(im->in, &code) : "";
    if (n < 0 || code == Z_BUF_ERROR) {
        return xd_fail(im->fault, code == Z_ERRNO ? XD_IO : XD_CORRUPT, "import.read",
                       "reading %s failed at byte %lld of its text: %s", im->options->file,
                       (long long)(im->offset + (int64_t)text->len),
                       code == Z_ERRNO       ? strerror(errno)
                       : code == Z_BUF_ERROR ? "the gzip file ends in the middle"
                                             : why);
    }
    text->len += (size_t)n;
    *ret_n = (size_t)n;
    return XD_OK;
}

/* All of the text, or more than most bytes of it; finish ret_text in any case. */
static xd_status read_whole(importer *im, size_t most, xd_buf *ret_text)
{
    xd_status status = XD_OK;
    xd_buf_init(ret_text, most + 2 * (size_t)READ_BYTES);
    for (size_t n = 1; status == XD_OK && n > 0 && ret_text->len <= most;) {
        status = read_some(im, ret_text, &n);
    }
    return status;
}

/* Bytes up to and including the last line feed. */
static size_t whole_lines(xd_str text)
{
    size_t n = text.len;
    while (n > 0 && text.ptr[n - 1] != '\n') {
        n--;
    }
    return n;
}

static xd_status send_line_file(importer *im)
{
    size_t chunk = im->options->chunk_bytes ? im->options->chunk_bytes : CHUNK_DEFAULT;
    xd_buf text;
    xd_buf_init(&text, LINE_MAX_BYTES + chunk + 2 * (size_t)READ_BYTES);
    xd_status status = XD_OK;
    for (size_t n = 1; status == XD_OK && n > 0;) {
        status = read_some(im, &text, &n);
        if (status != XD_OK || (n > 0 && text.len < chunk)) {
            continue;
        }
        size_t ready = n > 0 ? whole_lines(xd_buf_str(&text)) : text.len;
        if (ready == 0 && text.len > LINE_MAX_BYTES) {
            status = xd_fail(im->fault, XD_LIMIT, "import.line",
                             "line %lld is longer than %d bytes; is this a file of lines?",
                             (long long)im->base_line + 1, LINE_MAX_BYTES);
        } else if (ready > 0) {
            status = send_and_note(im, (xd_str){text.ptr, ready});
            if (status == XD_OK) {
                memmove(text.ptr, text.ptr + ready, text.len - ready);
                text.len -= ready;
                write_bookmark(im);
            }
        }
    }
    xd_buf_finish(&text);
    return status;
}

/* Writes every event of the document on a line of its own, digits as they stand. */
static void flatten(const xd_json *root, xd_buf *lines)
{
    bool many = root->type == XD_JSON_ARRAY;
    for (uint32_t i = 0; i < (many ? root->count : 1); i++) {
        xd_json_write(lines, many ? &root->items[i] : root);
        xd_buf_char(lines, '\n');
    }
}

static xd_status send_pieces(importer *im, xd_str lines)
{
    size_t chunk = im->options->chunk_bytes ? im->options->chunk_bytes : CHUNK_DEFAULT;
    while (lines.len > 0) {
        size_t n = lines.len;
        if (n > chunk) {
            n = whole_lines((xd_str){lines.ptr, chunk});
            const char *end = n ? NULL : memchr(lines.ptr, '\n', lines.len);
            n = n ? n : (size_t)(end - lines.ptr) + 1;
        }
        XD_TRY(send_and_note(im, (xd_str){lines.ptr, n}));
        lines = (xd_str){lines.ptr + n, lines.len - n};
    }
    return XD_OK;
}

/* A .json file: one event or an array of them. */
static xd_status send_document(importer *im)
{
    xd_buf text;
    xd_buf lines;
    xd_arena arena;
    xd_buf_init(&lines, (size_t)2 * DOCUMENT_MAX_BYTES);
    xd_arena_init(&arena, (size_t)DOCUMENT_MAX_BYTES * 20);
    xd_status status = read_whole(im, DOCUMENT_MAX_BYTES, &text);
    if (status == XD_OK && text.len > DOCUMENT_MAX_BYTES) {
        status = xd_fail(im->fault, XD_LIMIT, "import.document",
                         "a .json file may have %d bytes; put one event on each line and name it "
                         ".ndjson for more",
                         DOCUMENT_MAX_BYTES);
    }
    const xd_json *root;
    xd_json_limits limits = XD_JSON_LIMITS_DEFAULT;
    limits.max_bytes = (size_t)DOCUMENT_MAX_BYTES + 1;
    if (status == XD_OK) {
        status = xd_json_parse(xd_buf_str(&text), limits, &arena, &root, im->fault);
    }
    if (status == XD_OK) {
        flatten(root, &lines);
        status = lines.failed ? xd_fail(im->fault, XD_NO_MEMORY, "import.memory",
                                        "no memory for the events of the file")
                              : send_pieces(im, xd_buf_str(&lines));
    }
    xd_arena_finish(&arena);
    xd_buf_finish(&lines);
    xd_buf_finish(&text);
    return status;
}

/* --- a file in a source's own words --- */

/* Sends a piece, unless an earlier run has. Pieces of one file are always the same. */
static xd_status send_piece(importer *im, const xd_piece *piece, int64_t *ret_done)
{
    int64_t line = piece->lines_before + line_feeds(piece->bytes);
    *ret_done += (int64_t)piece->taken;
    if (*ret_done > im->begun.offset) {
        im->base_line = piece->lines_before; /* for the places of what is refused */
        im->offset = piece->bytes_before;
        XD_TRY(send_lines(im, piece->bytes));
    }
    note(im, line, *ret_done, piece->taken);
    write_bookmark(im);
    return XD_OK;
}

static xd_status send_in_pieces(importer *im, xd_cutter *cutter)
{
    xd_buf text;
    xd_buf_init(&text, 2 * (size_t)READ_BYTES);
    xd_status status = XD_OK;
    int64_t done = 0;
    bool over = false;
    for (size_t n = 1; status == XD_OK && n > 0 && !over;) {
        xd_buf_clear(&text);
        status = read_some(im, &text, &n);
        if (status == XD_OK && n > 0 && !xd_cutter_add(cutter, xd_buf_str(&text))) {
            status = xd_fail(im->fault, XD_NO_MEMORY, "import.memory", "no memory for the file");
        }
        xd_piece piece = {.bytes = XD_STR("")};
        while (status == XD_OK && piece.bytes.ptr) {
            status = xd_cutter_next(cutter, n == 0, &piece, im->fault);
            over = status == XD_OK && piece.over;
            if (status == XD_OK && piece.bytes.ptr) {
                status = send_piece(im, &piece, &done);
            }
        }
    }
    xd_buf_finish(&text);
    return status;
}

static xd_status send_in_one(importer *im, size_t most)
{
    xd_buf text;
    xd_status status = read_whole(im, most, &text);
    if (status == XD_OK && text.len > most) {
        status = xd_fail(im->fault, XD_LIMIT, "import.document",
                         "a file in the format %s is sent whole and may have %zu bytes "
                         "(hub.limits.max_body_bytes): send it in parts, or allow more",
                         xd_format_name(im->options->source->layout), most);
    }
    int64_t done = 0;
    xd_piece piece = {.bytes = xd_buf_str(&text), .taken = text.len};
    status = status == XD_OK ? send_piece(im, &piece, &done) : status;
    xd_buf_finish(&text);
    return status;
}

static xd_status send_source_file(importer *im)
{
    const xd_source *source = im->options->source;
    size_t most = im->options->max_body_bytes ? im->options->max_body_bytes : BODY_DEFAULT;
    xd_cutter *cutter;
    (void)take_up(im);
    if (!xd_cutter_can(source)) {
        return send_in_one(im, most);
    }
    /* With room for the header line that is repeated. */
    size_t piece = most / 2 < XD_CUTTER_BYTES ? most / 2 : XD_CUTTER_BYTES;
    XD_TRY(xd_cutter_create(source, piece, &cutter, im->fault));
    xd_status status = send_in_pieces(im, cutter);
    xd_cutter_destroy(cutter);
    return status;
}

/* --- setting up --- */

static bool has_ending(const char *name, const char *ending)
{
    size_t n = strlen(name);
    size_t m = strlen(ending);
    return n >= m && strcasecmp(name + n - m, ending) == 0;
}

static bool add_header(importer *im, const char *name, const char *value)
{
    char line[1024];
    int n = snprintf(line, sizeof line, "%s: %s", name, value);
    struct curl_slist *longer =
        n > 0 && (size_t)n < sizeof line ? curl_slist_append(im->headers, line) : NULL;
    if (longer) {
        im->headers = longer;
    }
    return longer != NULL;
}

static xd_status open_connection(importer *im)
{
    const xd_import_options *o = im->options;
    im->curl = curl_easy_init();
    int n = snprintf(im->url, sizeof im->url, "%s/v1/%s%s",
                     o->control_path ? "http://localhost"
                     : o->url        ? o->url
                                     : "",
                     o->source ? "sources/" : "events", o->source ? o->source->name : "");
    bool good =
        im->curl && n > 0 && (size_t)n < sizeof im->url &&
        add_header(im, "Content-Type", o->source ? o->source->media : "application/x-ndjson") &&
        /* The hub refuses what is too large by its length; no need to ask first. */
        (im->headers = curl_slist_append(im->headers, "Expect:")) != NULL;
    if (good && o->secret && !o->control_path) {
        char value[1024];
        n = snprintf(value, sizeof value, "Bearer %s", o->secret);
        good = n > 0 && (size_t)n < sizeof value && add_header(im, "Authorization", value);
        memset(value, 0, sizeof value);
    }
    if (good && o->person && o->control_path) {
        good = add_header(im, "X-Crossdock-Person", o->person);
    }
    if (!good) {
        return xd_fail(im->fault, XD_INVALID, "import.hub",
                       "the address or key of the hub cannot "
                       "be used");
    }
    curl_easy_setopt(im->curl, CURLOPT_URL, im->url);
    curl_easy_setopt(im->curl, CURLOPT_UNIX_SOCKET_PATH, o->control_path);
    curl_easy_setopt(im->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(im->curl, CURLOPT_HTTPHEADER, im->headers);
    curl_easy_setopt(im->curl, CURLOPT_POST, 1L);
    curl_easy_setopt(im->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(im->curl, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
    curl_easy_setopt(im->curl, CURLOPT_CONNECTTIMEOUT, 10L);
    curl_easy_setopt(im->curl, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(im->curl, CURLOPT_WRITEDATA, im);
    return XD_OK;
}

static xd_status open_file(importer *im)
{
    const char *file = im->options->file;
    struct stat info;
    if (im->options->lines.ptr) {
        im->total = (int64_t)im->options->lines.len;
        return XD_OK;
    }
    if (stat(file, &info) != 0 || !S_ISREG(info.st_mode)) {
        return xd_fail(im->fault, errno == ENOENT ? XD_NOT_FOUND : XD_IO, "import.file",
                       "cannot read %s: %s", file,
                       errno ? strerror(errno) : "it is not a plain file");
    }
    im->total = info.st_size;
    im->mark.size = info.st_size;
    im->mark.modified_ns = (long long)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec;
    im->in = gzopen(file, "re");
    if (!im->in) {
        return xd_fail(im->fault, XD_IO, "import.file", "cannot open %s: %s", file,
                       strerror(errno));
    }
    gzbuffer(im->in, READ_BYTES);
    return XD_OK;
}

/* Skips what an earlier run has finished. */
static xd_status resume(importer *im)
{
    if (!take_up(im)) {
        return XD_OK;
    }
    bookmark mark = im->begun;
    if (gzseek(im->in, (z_off_t)mark.offset, SEEK_SET) < 0) {
        return xd_fail(im->fault, XD_IO, "import.resume",
                       "cannot go to byte %lld of %s, where the last import stopped", mark.offset,
                       im->options->file);
    }
    im->offset = mark.offset;
    im->base_line = mark.line;
    return XD_OK;
}

xd_status xd_import_run(const xd_import_options *options, xd_import_result *ret_result,
                        xd_fault *fault)
{
    *ret_result = (xd_import_result){0};
    xd_buf_init(&ret_result->problems, PROBLEMS_MAX_BYTES);
    importer im = {.options = options, .result = ret_result, .fault = fault};
    xd_buf_init(&im.answer, ANSWER_MAX_BYTES);
    errno = 0;
    xd_status status = open_file(&im);
    if (status == XD_OK && curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
        status = xd_fail(fault, XD_INTERNAL, "import.curl", "libcurl does not start");
    } else if (status == XD_OK) {
        status = open_connection(&im);
        im.mark.target = target_of(&im);
        bool is_document = !options->lines.ptr && (has_ending(options->file, ".json") ||
                                                   has_ending(options->file, ".json.gz"));
        if (status == XD_OK && options->lines.ptr) {
            status = send_pieces(&im, options->lines);
        } else if (status == XD_OK && options->source) {
            status = send_source_file(&im);
        } else if (status == XD_OK && is_document) {
            status = send_document(&im);
        } else if (status == XD_OK) {
            status = resume(&im);
            status = status == XD_OK ? send_line_file(&im) : status;
        }
        if (status == XD_OK && im.in) {
            remove_bookmark(&im);
        }
        curl_slist_free_all(im.headers);
        curl_easy_cleanup(im.curl);
        curl_global_cleanup();
    }
    if (im.in) {
        gzclose(im.in);
    }
    xd_buf_finish(&im.answer);
    return status;
}

void xd_import_finish(xd_import_result *result)
{
    if (result) {
        xd_buf_finish(&result->problems);
    }
}

/* --- showing --- */

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void xd_import_draw(void *context, int64_t done, int64_t total, const xd_import_result *so_far)
{
    xd_import_bar *bar = context;
    int64_t now = now_us();
    bar->started_us = bar->started_us ? bar->started_us : now;
    if ((now < bar->next_us && done < total) || !isatty(STDERR_FILENO)) {
        return;
    }
    bar->next_us = now + DRAW_EVERY_US;
    bar->drawn = true;
    char cells[BAR_CELLS + 1];
    int64_t full = total > 0 ? done * BAR_CELLS / total : BAR_CELLS;
    for (int i = 0; i < BAR_CELLS; i++) {
        cells[i] = i < full ? '#' : '.';
    }
    cells[BAR_CELLS] = '\0';
    int64_t elapsed = now - bar->started_us;
    int64_t fresh = so_far->accepted + so_far->duplicates;
    fprintf(stderr, "\r[%s] %3lld %%  %lld lines, %lld new, %lld refused, %lld/s\033[K", cells,
            (long long)(total > 0 ? done * 100 / total : 100), (long long)so_far->lines,
            (long long)so_far->accepted, (long long)so_far->refused,
            (long long)(elapsed > 1000 ? fresh * 1000 / (elapsed / 1000) : 0));
    fflush(stderr);
}

void xd_import_draw_end(xd_import_bar *bar)
{
    if (bar->drawn) {
        fputc('\n', stderr);
        bar->drawn = false;
    }
}

void xd_import_write(const xd_import_result *r, xd_buf *buf)
{
    xd_buf_printf(buf,
                  "{\"lines\":%lld,\"accepted\":%lld,\"duplicates\":%lld,\"refused\":%lld,"
                  "\"resumed_at_line\":%lld,\"problems\":[",
                  (long long)r->lines, (long long)r->accepted, (long long)r->duplicates,
                  (long long)r->refused, (long long)r->resumed_at_line);
    xd_buf_str_add(buf, xd_buf_str(&r->problems));
    XD_BUF_LIT(buf, "]}");
}
