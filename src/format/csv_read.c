/* Reading CSV. See csv.h. Rows are split first, into places relative to the row's start, by a state
 * machine that can stop after any byte and go on when more is fed; a whole row is then turned into
 * JSON. Owns the window, the decoder and the row's memory. */
#include "format/csv_read_int.h"

#include <stdio.h>
#include <stdlib.h>

static xd_status out_of_memory(xd_fault *fault)
{
    return xd_fail(fault, XD_NO_MEMORY, NULL, "no memory to read CSV");
}

xd_status xd_csv_reader_create(const xd_csv_layout *layout, xd_csv_reader **ret, xd_fault *fault)
{
    xd_csv_reader *reader = calloc(1, sizeof *reader);
    if (!reader) {
        return out_of_memory(fault);
    }
    reader->layout = layout;
    reader->marks = (xd_csv_marks){layout->separator, layout->quote, layout->escape};
    reader->marks.quote = layout->quote ? layout->quote : layout->separator;
    reader->marks.escape = layout->escape ? layout->escape : layout->separator;
    reader->line = reader->next_line = 1;
    reader->row = reader->view_end = reader->block = "";
    xd_decoder_init(&reader->decoder, &layout->encoding);
    xd_window_init(&reader->window, layout->max_row_bytes);
    xd_arena_init(&reader->names, 2 * layout->max_row_bytes + (1 << 16));
    /* Numbers that need rewriting take at most a few bytes more than they have. */
    xd_arena_init(&reader->values, 64 * layout->max_row_bytes);
    if (layout->columns && !layout->header) {
        reader->plan_count = layout->column_count;
    }
    *ret = reader;
    return XD_OK;
}

void xd_csv_reader_destroy(xd_csv_reader *reader)
{
    if (!reader) {
        return;
    }
    xd_decoder_finish(&reader->decoder);
    xd_window_finish(&reader->window);
    xd_arena_finish(&reader->names);
    xd_arena_finish(&reader->values);
    free(reader->fields);
    free(reader->slots);
    free(reader->plan);
    free(reader->dropped);
    free(reader);
}

void xd_csv_feed(xd_csv_reader *reader, xd_str piece, bool last)
{
    xd_decoder_feed(&reader->decoder, piece, last);
}

int64_t xd_csv_line(const xd_csv_reader *reader)
{
    return reader->last_line;
}

/* --- faults --- */

/* Places a fault at a byte of the row. */
static xd_status fail_at(xd_csv_reader *reader, size_t at, xd_status status, const char *path,
                         xd_fault *fault)
{
    if (fault) {
        size_t column = at >= reader->line_start ? at - reader->line_start : at;
        xd_fault_at(fault, reader->offset + (int64_t)at, path);
        fault->line = (int32_t)(reader->next_line < INT32_MAX ? reader->next_line : INT32_MAX);
        fault->column = (int32_t)(column < INT32_MAX ? column + 1 : INT32_MAX);
    }
    return status;
}

/* --- the scan --- */

static void load_block(xd_csv_reader *reader)
{
    size_t left = (size_t)(reader->view_end - reader->block);
    if (left >= XD_CSV_BLOCK) {
        reader->high = xd_csv_block(reader->block, reader->marks, &reader->mask);
        return;
    }
    char tail[XD_CSV_BLOCK] = {0};
    memcpy(tail, reader->block, left);
    reader->high = xd_csv_block(tail, reader->marks, &reader->mask);
    /* A view never holds NUL as a mark: layouts refuse it. */
}

/* Begins to scan at p. */
static void scan_from(xd_csv_reader *reader, const char *p, const char *end)
{
    reader->any_high = reader->any_high || reader->high != 0;
    reader->block = p;
    reader->view_end = end;
    reader->mask = reader->high = 0;
    if (p < end) {
        load_block(reader);
    }
}

/* The next mark, or the end of the view. */
static inline const char *scan_next(xd_csv_reader *reader)
{
    while (reader->mask == 0) {
        if (reader->view_end - reader->block <= XD_CSV_BLOCK) {
            return reader->view_end;
        }
        reader->any_high = reader->any_high || reader->high != 0;
        reader->block += XD_CSV_BLOCK;
        load_block(reader);
    }
    const char *p = reader->block + __builtin_ctzll(reader->mask);
    reader->mask &= reader->mask - 1;
    return p;
}

/* Passes over marks before p. */
static inline void scan_skip(xd_csv_reader *reader, const char *p)
{
    while (p - reader->block >= XD_CSV_BLOCK) {
        if (reader->view_end - reader->block <= XD_CSV_BLOCK) {
            reader->mask = 0;
            return;
        }
        reader->any_high = reader->any_high || reader->high != 0;
        reader->block += XD_CSV_BLOCK;
        load_block(reader);
    }
    if (p > reader->block) {
        reader->mask &= ~UINT64_C(0) << (p - reader->block);
    }
}

/* --- splitting --- */

static bool grow_fields(xd_csv_reader *reader)
{
    uint32_t size = reader->field_size ? reader->field_size * 2 : 32;
    xd_csv_field *fields = realloc(reader->fields, size * sizeof *fields);
    if (fields) {
        reader->fields = fields;
    }
    xd_json_member *slots = realloc(reader->slots, size * sizeof *slots);
    if (slots) {
        reader->slots = slots;
    }
    if (!fields || !slots) {
        return false;
    }
    reader->field_size = size;
    return true;
}

static xd_status too_long(xd_csv_reader *reader, xd_fault *fault)
{
    bool quoted = reader->state == QUOTED;
    return fail_at(reader, quoted ? reader->field_start : reader->at,
                   xd_fail(fault, XD_LIMIT, "csv.row",
                           "a row goes on for more than %zu bytes (max_row_bytes)%s",
                           reader->layout->max_row_bytes,
                           quoted ? "; its last field begins with a quote that is not closed" : ""),
                   NULL, fault);
}

/* Ends the field at bytes [start, end) of the row. */
static inline xd_status end_field(xd_csv_reader *reader, size_t start, size_t end, xd_fault *fault)
{
    if (reader->field_count == reader->field_size && !grow_fields(reader)) {
        return out_of_memory(fault);
    }
    if (reader->field_count == reader->layout->max_columns) {
        return fail_at(reader, start,
                       xd_fail(fault, XD_LIMIT, "csv.columns",
                               "a row has more than %u fields; max_columns in the layout raises "
                               "this, a wrong separator causes it",
                               reader->layout->max_columns),
                       NULL, fault);
    }
    if (end - start > reader->layout->max_field_bytes) {
        return fail_at(reader, start,
                       xd_fail(fault, XD_LIMIT, "csv.field",
                               "a field has %zu bytes; at most %zu are allowed (max_field_bytes)",
                               end - start, reader->layout->max_field_bytes),
                       NULL, fault);
    }
    reader->fields[reader->field_count++] =
        (xd_csv_field){(uint32_t)start, (uint32_t)(end - start), reader->quoted, reader->uneven};
    reader->quoted = reader->uneven = false;
    return XD_OK;
}

static xd_status unclosed(xd_csv_reader *reader, xd_fault *fault)
{
    /* The quote is what must be mended, so the fault is placed there. */
    reader->at = reader->field_start;
    return xd_csv_fail_in_row(
        reader, reader->field_start,
        xd_fail(fault, XD_INVALID, "csv.quote",
                "expected a closing quote, found the end of the file; the field "
                "begins here"),
        NULL, fault);
}

static xd_status stray(xd_csv_reader *reader, size_t at, const char *rule, const char *text,
                       xd_fault *fault)
{
    if (at > reader->layout->max_row_bytes) {
        return too_long(reader, fault);
    }
    return fail_at(reader, at, xd_fail(fault, XD_INVALID, rule, "%s", text), NULL, fault);
}

/* Ends the row behind its line end at p. */
static void end_line(xd_csv_reader *reader, const char *p, const char *end)
{
    const char *next = p + 1;
    if (*p == '\r') {
        if (next < end && *next == '\n') {
            next++;
            scan_skip(reader, next);
        }
        reader->skip_lf = next == end && next == p + 1;
    }
    reader->at = (size_t)(next - reader->row);
    reader->next_line++;
    reader->line_start = 0;
}

typedef enum split_result { SPLIT_MORE, SPLIT_ROW, SPLIT_FAULT } split_result;

/* Behind the quote at at - 1: a second one, or the end of the field. SPLIT_ROW: the separator or
 * line end that follows is the next mark. */
static split_result after_quote(xd_csv_reader *reader, const char *p, const char *end,
                                xd_status *ret_status, xd_fault *fault)
{
    const xd_csv_layout *layout = reader->layout;
    if (*p == layout->quote && p[-1] == layout->quote) { /* not behind blanks */
        scan_skip(reader, p + 1);
        reader->uneven = true;
        reader->state = QUOTED;
        reader->at = (size_t)(p + 1 - reader->row);
        return SPLIT_MORE;
    }
    const char *q = p;
    while (layout->trim && q < end && (*q == ' ' || *q == '\t') && *q != layout->separator) {
        q++;
    }
    bool ends = q < end && (*q == layout->separator || *q == '\n' || *q == '\r');
    if (q == end || ends) {
        if (q == end) {
            reader->at = (size_t)(q - reader->row);
            reader->uneven = reader->uneven || q > p; /* blanks behind the quote */
            return SPLIT_MORE;
        }
        reader->uneven = reader->uneven || q > p;
        reader->at = (size_t)(q - reader->row);
        return SPLIT_ROW;
    }
    if (layout->rules != XD_CSV_LENIENT) {
        *ret_status =
            stray(reader, (size_t)(q - reader->row), "csv.quote",
                  "expected a separator or line end behind the closing quote, found text", fault);
        return SPLIT_FAULT;
    }
    reader->uneven = true;
    reader->state = UNQUOTED;
    reader->at = (size_t)(q - reader->row);
    return SPLIT_MORE;
}

/* Ends a field whose bytes are [field_start, at): the content of an even quoted one lies between
 * its quotes. */
static xd_status close_field(xd_csv_reader *reader, size_t at, xd_fault *fault)
{
    size_t start = reader->field_start;
    if (at > reader->layout->max_row_bytes) { /* the closing quote counts, however bytes are cut */
        return too_long(reader, fault);
    }
    if (reader->quoted && !reader->uneven) {
        return end_field(reader, start + 1, at - 1, fault);
    }
    return end_field(reader, start, at, fault);
}

/* Tells a quoted field, an unquoted one and a comment apart. XD_BUSY: more must be seen. */
static xd_status start_field(xd_csv_reader *reader, const char *p, const char *end)
{
    const xd_csv_layout *layout = reader->layout;
    reader->field_start = (size_t)(p - reader->row);
    if (reader->field_count == 0 && layout->comment && *p == layout->comment) {
        reader->state = COMMENT;
        return XD_OK;
    }
    const char *q = p;
    while (layout->trim && q < end && (*q == ' ' || *q == '\t') && *q != layout->separator) {
        q++;
    }
    if (q == end && q > p) {
        return XD_BUSY; /* blanks up to the end: not known yet whether a quote follows */
    }
    if (layout->quote && q < end && *q == layout->quote) {
        scan_skip(reader, q + 1);
        reader->field_start = (size_t)(q - reader->row);
        reader->quoted = true;
        reader->state = QUOTED;
        reader->at = reader->field_start + 1;
        return XD_OK;
    }
    reader->state = UNQUOTED;
    return XD_OK;
}

/* An escape at the end of the view: it must be seen again with what follows it. */
static split_result cut_escape(xd_csv_reader *reader, size_t at)
{
    reader->at = at;
    reader->rescan = true;
    return SPLIT_MORE;
}

/* Splits on in the view from row + at. */
static split_result split(xd_csv_reader *reader, const char *end, bool final, xd_status *ret_status,
                          xd_fault *fault)
{
    const xd_csv_layout *layout = reader->layout;
    for (;;) {
        const char *p = reader->row + reader->at;
        if (reader->state == FIELD_START) {
            if (p == end) {
                return SPLIT_MORE;
            }
            if (start_field(reader, p, end) == XD_BUSY) {
                if (!final) {
                    return SPLIT_MORE;
                }
                reader->state = UNQUOTED;
            }
            continue;
        }
        if (reader->state == AFTER_QUOTE) {
            if (p == end) {
                return SPLIT_MORE;
            }
            split_result result = after_quote(reader, p, end, ret_status, fault);
            if (result == SPLIT_FAULT) {
                return result;
            }
            if (result == SPLIT_MORE) {
                continue;
            }
        }
        p = scan_next(reader);
        if (p == end) {
            reader->at = (size_t)(end - reader->row);
            return SPLIT_MORE;
        }
        char c = *p;
        size_t at = (size_t)(p - reader->row);
        if (reader->state == QUOTED) {
            if (c == layout->quote) {
                reader->state = AFTER_QUOTE;
            } else if (c == '\n') {
                reader->next_line++;
                reader->line_start = at + 1;
            } else if (layout->escape && c == layout->escape) {
                if (p + 1 == end) {
                    return cut_escape(reader, at);
                }
                reader->uneven = true;
                if (p[1] == '\n') {
                    reader->next_line++;
                    reader->line_start = at + 2;
                }
                scan_skip(reader, p + 2);
                at++;
            }
            reader->at = at + 1;
            if (at > layout->max_row_bytes) {
                *ret_status = too_long(reader, fault);
                return SPLIT_FAULT;
            }
            continue;
        }
        if (c == '\n' || c == '\r') {
            if (reader->state == COMMENT) {
                end_line(reader, p, end);
                return SPLIT_ROW;
            }
            if (at > 0 || reader->field_count) {
                *ret_status = close_field(reader, at, fault);
                if (*ret_status != XD_OK) {
                    return SPLIT_FAULT;
                }
            }
            end_line(reader, p, end);
            return SPLIT_ROW;
        }
        reader->at = at + 1;
        if (reader->state == COMMENT) {
            continue;
        }
        if (c == layout->separator) {
            *ret_status = close_field(reader, at, fault);
            if (*ret_status != XD_OK) {
                return SPLIT_FAULT;
            }
            reader->state = FIELD_START;
            reader->field_start = at + 1;
        } else if (layout->escape && c == layout->escape) {
            if (p + 1 == end) {
                return cut_escape(reader, at);
            }
            reader->uneven = true;
            scan_skip(reader, p + 2);
            reader->at = at + 2;
        } else if (layout->rules == XD_CSV_STRICT) {
            *ret_status =
                stray(reader, at, "csv.quote",
                      "expected no quote inside a field that does not begin with one", fault);
            return SPLIT_FAULT;
        }
        if (at > layout->max_row_bytes) {
            *ret_status = too_long(reader, fault);
            return SPLIT_FAULT;
        }
    }
}

/* The view ended and nothing follows: what is open ends here. */
static split_result split_end(xd_csv_reader *reader, xd_status *ret_status, xd_fault *fault)
{
    if (reader->state == QUOTED) {
        *ret_status = unclosed(reader, fault);
        return SPLIT_FAULT;
    }
    if (reader->state != COMMENT && (reader->at > 0 || reader->field_count)) {
        *ret_status = close_field(reader, reader->at, fault);
        if (*ret_status != XD_OK) {
            return SPLIT_FAULT;
        }
    }
    return SPLIT_ROW;
}

/* --- pulling --- */

/* Forgets the row before and begins the next one at the view's start. */
static void begin_row(xd_csv_reader *reader)
{
    reader->state = FIELD_START;
    reader->field_count = 0;
    reader->at = reader->field_start = reader->line_start = 0;
    reader->quoted = reader->uneven = false;
    reader->last_line = reader->line;
    reader->line = reader->next_line;
}

/* More bytes for the window. *ret_more = false: feed, or the end when decoded_last. */
static xd_status refill(xd_csv_reader *reader, bool *ret_more, xd_fault *fault)
{
    if (xd_window_grow(&reader->window)) {
        *ret_more = true;
        return XD_OK;
    }
    if (reader->window.carry.failed) {
        return too_long(reader, fault);
    }
    *ret_more = false;
    if (reader->decoded_last) {
        return XD_OK;
    }
    xd_str text = XD_STR_NULL;
    bool last = false;
    xd_status status = xd_decoder_next(&reader->decoder, &text, &last, fault);
    if (status != XD_OK) {
        if (fault) {
            fault->line = (int32_t)(reader->next_line < INT32_MAX ? reader->next_line : INT32_MAX);
        }
        return status;
    }
    reader->decoded_last = last;
    xd_window_feed(&reader->window, text, last);
    *ret_more = text.len > 0;
    return XD_OK;
}

/* Sets row and the scan to the view, which may have moved. */
static void look(xd_csv_reader *reader)
{
    xd_str view = xd_window_view(&reader->window);
    if (reader->rescan || reader->row != view.ptr || reader->view_end != view.ptr + view.len) {
        reader->row = view.ptr;
        reader->rescan = false;
        scan_from(reader, view.ptr + reader->at, view.ptr + view.len);
    }
}

/* Splits until a row is whole. *ret_row = false: feed more, or the end. */
static xd_status next_row(xd_csv_reader *reader, bool *ret_row, xd_fault *fault)
{
    for (;;) {
        look(reader);
        if (reader->skip_lf && reader->row < reader->view_end) {
            reader->skip_lf = false;
            if (reader->row[0] == '\n') {
                scan_skip(reader, reader->row + 1);
                reader->offset++;
                xd_window_take(&reader->window, 1);
                look(reader);
            }
        }
        xd_status status = XD_OK;
        bool more = false;
        split_result result = split(reader, reader->view_end, false, &status, fault);
        if (result == SPLIT_ROW) {
            *ret_row = true;
            return XD_OK;
        }
        if (result == SPLIT_FAULT) {
            return status;
        }
        if (reader->at > reader->layout->max_row_bytes) {
            return too_long(reader, fault);
        }
        XD_TRY(refill(reader, &more, fault));
        if (more) {
            continue;
        }
        if (!reader->decoded_last) {
            *ret_row = false;
            return XD_OK;
        }
        /* The very last bytes: blanks that waited for a quote are text after all. */
        result = split(reader, reader->view_end, true, &status, fault);
        if (result == SPLIT_MORE) {
            bool any = reader->view_end > reader->row;
            result = split_end(reader, &status, fault);
            *ret_row = any;
            return result == SPLIT_FAULT ? status : XD_OK;
        }
        *ret_row = result == SPLIT_ROW;
        return result == SPLIT_FAULT ? status : XD_OK;
    }
}

/* Whether the row that was split used bytes beyond ASCII; the rest of the block is the next row's.
 */
static bool row_has_high(xd_csv_reader *reader, const char *end)
{
    uint64_t upto = end - reader->block >= XD_CSV_BLOCK
                        ? ~UINT64_C(0)
                        : (end > reader->block ? (UINT64_C(1) << (end - reader->block)) - 1 : 0);
    bool high = reader->any_high || (reader->high & upto) != 0;
    reader->any_high = false;
    reader->high &= ~upto;
    return high;
}

static xd_status check_utf8(xd_csv_reader *reader, size_t row_len, xd_fault *fault)
{
    size_t bad;
    if (xd_utf8_valid((xd_str){reader->row, row_len}, &bad)) {
        return XD_OK;
    }
    return xd_csv_fail_in_row(
        reader, bad,
        xd_fail(fault, XD_INVALID, "encoding.invalid",
                "expected UTF-8, found the byte 0x%02X, which is none here; if the "
                "file is Latin-1, say \"encoding\": \"ISO-8859-1\" in the layout",
                (uint8_t)reader->row[bad]),
        NULL, fault);
}

static xd_status use_row(xd_csv_reader *reader, const xd_json **ret, xd_fault *fault)
{
    if (row_has_high(reader, reader->row + reader->at)) {
        XD_TRY(check_utf8(reader, reader->at, fault));
    }
    if (reader->state == COMMENT || reader->field_count == 0) {
        return XD_OK; /* a comment or a blank line */
    }
    if (reader->layout->header && !reader->header_read) {
        return xd_csv_read_header(reader, fault);
    }
    return xd_csv_make_row(reader, ret, fault);
}

static xd_status next(xd_csv_reader *reader, const xd_json **ret, xd_fault *fault)
{
    const xd_json *row = NULL;
    while (!row) {
        bool whole = false;
        XD_TRY(next_row(reader, &whole, fault));
        if (!whole) {
            break;
        }
        xd_status status = use_row(reader, &row, fault);
        if (status != XD_OK && (!fault || !xd_csv_goes_on(fault))) {
            return status;
        }
        reader->offset += (int64_t)reader->at;
        xd_window_take(&reader->window, reader->at);
        const char *here = reader->row + reader->at;
        begin_row(reader);
        xd_str view = xd_window_view(&reader->window);
        if (view.ptr == here) {
            reader->row = here; /* the scan goes on where it is */
        }
        if (status != XD_OK) {
            return status;
        }
    }
    *ret = row;
    return XD_OK;
}

xd_status xd_csv_next(xd_csv_reader *reader, const xd_json **ret, xd_fault *fault)
{
    xd_fault own = XD_FAULT_NONE;
    if (reader->failed) {
        *ret = NULL;
        return XD_OK;
    }
    xd_status status = next(reader, ret, fault ? fault : &own);
    reader->failed = status != XD_OK && !xd_csv_goes_on(fault ? fault : &own);
    return status;
}

bool xd_csv_goes_on(const xd_fault *fault)
{
    return strncmp(fault->rule, "value.", 6) == 0 ||
           (fault->code == XD_INVALID && strcmp(fault->rule, "csv.columns") == 0);
}
