/* Reading and writing fixed-width records. See fixed.h. A record is framed first (a line, a block,
 * or a record descriptor word), then its kind is found, then its fields. Owns the window and the
 * record's memory. */
#include "format/fixed_int.h"
#include "format/window_int.h"

#include <stdio.h>
#include <stdlib.h>

struct xd_fixed_reader {
    const xd_fixed_layout *layout; /* borrows */
    xd_window window;
    size_t scanned; /* bytes of the view known to hold no line end */
    int64_t offset; /* of the record in the stream */
    int64_t line;   /* number of the record */
    bool failed;
    xd_arena values; /* owns the record */
    xd_buf text;     /* owns; one field as UTF-8 */
    xd_json result;
};

struct xd_fixed_writer {
    const xd_fixed_layout *layout; /* borrows */
    bool started;
    xd_buf record; /* owns; bytes in the file's encoding */
    xd_buf text;   /* owns; one value as UTF-8 */
    xd_buf bytes;  /* owns; the same in the file's encoding */
};

enum { RDW_HEAD = 4, SLACK = 1 << 16 };
#define MARK "\xEF\xBB\xBF" /* the byte order mark of UTF-8 */

static xd_status out_of_memory(xd_fault *fault)
{
    return xd_fail(fault, XD_NO_MEMORY, NULL, "no memory for fixed-width records");
}

xd_status xd_fixed_reader_create(const xd_fixed_layout *layout, xd_fixed_reader **ret,
                                 xd_fault *fault)
{
    xd_fixed_reader *reader = calloc(1, sizeof *reader);
    if (!reader) {
        return out_of_memory(fault);
    }
    reader->layout = layout;
    xd_window_init(&reader->window, layout->max_record_bytes + RDW_HEAD);
    /* Every byte becomes at most three of UTF-8, every field a member and a number. */
    xd_arena_init(&reader->values, (size_t)layout->max_record_bytes * 256 + SLACK);
    xd_buf_init(&reader->text, (size_t)layout->max_record_bytes * 3 + SLACK);
    *ret = reader;
    return XD_OK;
}

void xd_fixed_reader_destroy(xd_fixed_reader *reader)
{
    if (!reader) {
        return;
    }
    xd_window_finish(&reader->window);
    xd_arena_finish(&reader->values);
    xd_buf_finish(&reader->text);
    free(reader);
}

void xd_fixed_feed(xd_fixed_reader *reader, xd_str piece, bool last)
{
    if (!reader->failed) {
        xd_window_feed(&reader->window, piece, last);
    }
}

int64_t xd_fixed_line(const xd_fixed_reader *reader)
{
    return reader->line;
}

static xd_status fail_at(const xd_fixed_reader *reader, size_t at, xd_status status,
                         const xd_fixed_field *field, xd_fault *fault)
{
    if (fault) {
        char path[192];
        snprintf(path, sizeof path, "%s%.*s", field ? "/" : "", field ? (int)field->name.len : 0,
                 field ? field->name.ptr : "");
        xd_fault_at(fault, reader->offset + (int64_t)at, path);
        fault->line = (int32_t)(reader->line < INT32_MAX ? reader->line : INT32_MAX);
        fault->column = (int32_t)at + 1;
    }
    return status;
}

/* --- framing --- */

/* Bytes of the record in the view and of what encloses it; *ret_total = 0: not whole yet. */
static xd_status frame_line(xd_fixed_reader *reader, xd_str view, bool final, xd_str *ret_record,
                            size_t *ret_total, xd_fault *fault)
{
    const xd_fixed_layout *layout = reader->layout;
    bool ebcdic = layout->encoding.one_byte && layout->encoding.page->ebcdic;
    size_t left = view.len - reader->scanned;
    const char *from = view.ptr + reader->scanned;
    const char *end = left ? memchr(from, ebcdic ? 0x15 : '\n', left) : NULL;
    if (ebcdic && left) { /* NEL is usual, LF is possible */
        const char *lf = memchr(from, 0x25, end ? (size_t)(end - from) : left);
        end = lf ? lf : end;
    }
    if (!end && !final) {
        reader->scanned = view.len;
    }
    size_t len = end ? (size_t)(end - view.ptr) : view.len;
    if (len > layout->max_record_bytes + 1) {
        return fail_at(reader, layout->max_record_bytes,
                       xd_fail(fault, XD_LIMIT, "fixed.length",
                               "a line goes on for more than %u bytes (max_record_bytes)",
                               layout->max_record_bytes),
                       NULL, fault);
    }
    if (!end && !final) {
        return XD_OK;
    }
    *ret_total = end ? len + 1 : len;
    len -= len && view.ptr[len - 1] == '\r';
    *ret_record = (xd_str){view.ptr, len};
    return XD_OK;
}

static xd_status cut_record(const xd_fixed_reader *reader, size_t expected, size_t found,
                            xd_fault *fault)
{
    return fail_at(reader, found,
                   xd_fail(fault, XD_INVALID, "fixed.length",
                           "expected a record of %zu bytes, found %zu at the end of the file",
                           expected, found),
                   NULL, fault);
}

static xd_status frame_block(const xd_fixed_reader *reader, xd_str view, bool final,
                             xd_str *ret_record, size_t *ret_total, xd_fault *fault)
{
    size_t need = reader->layout->record_bytes;
    if (view.len < need) {
        return final ? cut_record(reader, need, view.len, fault) : XD_OK;
    }
    *ret_record = (xd_str){view.ptr, need};
    *ret_total = need;
    return XD_OK;
}

/* A record descriptor word: two bytes of length, which counts the word itself, and two of zeros. */
static xd_status frame_rdw(const xd_fixed_reader *reader, xd_str view, bool final,
                           xd_str *ret_record, size_t *ret_total, xd_fault *fault)
{
    if (view.len < RDW_HEAD) {
        return final ? cut_record(reader, RDW_HEAD, view.len, fault) : XD_OK;
    }
    const uint8_t *p = (const uint8_t *)view.ptr;
    size_t need = (size_t)p[0] << 8 | p[1];
    if (need < RDW_HEAD || need > reader->layout->max_record_bytes + RDW_HEAD || p[2] || p[3]) {
        return fail_at(reader, 0,
                       xd_fail(fault, XD_INVALID, "fixed.rdw",
                               "expected a record descriptor word (length and two zero bytes), "
                               "found %02X%02X%02X%02X",
                               p[0], p[1], p[2], p[3]),
                       NULL, fault);
    }
    if (view.len < need) {
        return final ? cut_record(reader, need, view.len, fault) : XD_OK;
    }
    *ret_record = (xd_str){view.ptr + RDW_HEAD, need - RDW_HEAD};
    *ret_total = need;
    return XD_OK;
}

/* *ret_total = 0: feed more, or the end. */
static xd_status next_frame(xd_fixed_reader *reader, xd_str *ret_record, size_t *ret_total,
                            xd_fault *fault)
{
    for (;;) {
        xd_str view = xd_window_view(&reader->window);
        bool final = reader->window.last && reader->window.at == reader->window.piece.len;
        if (view.len == 0 && final) {
            return XD_OK;
        }
        size_t total = 0;
        switch (reader->layout->framing) {
        case XD_FIXED_LINES:
            XD_TRY(frame_line(reader, view, false, ret_record, &total, fault));
            break;
        case XD_FIXED_BLOCKS:
            XD_TRY(frame_block(reader, view, false, ret_record, &total, fault));
            break;
        default:
            XD_TRY(frame_rdw(reader, view, false, ret_record, &total, fault));
            break;
        }
        if (total) {
            *ret_total = total;
            return XD_OK;
        }
        if (xd_window_grow(&reader->window)) {
            continue;
        }
        if (reader->window.carry.failed) {
            return out_of_memory(fault);
        }
        if (!reader->window.last) {
            return XD_OK;
        }
        view = xd_window_view(&reader->window);
        switch (reader->layout->framing) {
        case XD_FIXED_LINES:
            return frame_line(reader, view, true, ret_record, ret_total, fault);
        case XD_FIXED_BLOCKS:
            return frame_block(reader, view, true, ret_record, ret_total, fault);
        default:
            return frame_rdw(reader, view, true, ret_record, ret_total, fault);
        }
    }
}

/* --- reading --- */

static const xd_fixed_record *kind_of(const xd_fixed_layout *layout, xd_str bytes)
{
    for (uint32_t i = 0; i < layout->record_count; i++) {
        const xd_fixed_record *record = &layout->records[i];
        uint32_t end = record->when_start + record->when_length;
        if (!record->when.len ||
            (end <= bytes.len &&
             memcmp(bytes.ptr + record->when_start, record->when.ptr, record->when.len) == 0)) {
            return record;
        }
    }
    return NULL;
}

static xd_status unknown_kind(xd_fixed_reader *reader, xd_str bytes, xd_fault *fault)
{
    const xd_fixed_record *first = &reader->layout->records[0];
    size_t at = first->when_start < bytes.len ? first->when_start : bytes.len;
    size_t n = bytes.len - at < first->when_length ? bytes.len - at : first->when_length;
    xd_str found = {bytes.ptr + at, n};
    xd_buf_clear(&reader->text);
    if (reader->layout->encoding.one_byte &&
        xd_code_page_read(reader->layout->encoding.page, found, &reader->text, NULL) == XD_OK) {
        found = xd_buf_str(&reader->text);
    }
    return fail_at(reader, at,
                   xd_fail(fault, XD_INVALID, "fixed.record",
                           "expected a record of the layout (the first is %.*s), found '%.*s' here",
                           XD_FMT(first->name), XD_FMT(found)),
                   NULL, fault);
}

static xd_str strip_pad(xd_str text, char pad, bool right)
{
    while (text.len && !right && text.ptr[text.len - 1] == pad) {
        text.len--;
    }
    while (text.len && right && text.ptr[0] == pad) {
        text.ptr++;
        text.len--;
    }
    return text;
}

/* A field's bytes as UTF-8, which borrow the record where they can. */
static xd_status field_text(xd_fixed_reader *reader, const xd_fixed_field *field, xd_str bytes,
                            xd_str *ret, xd_fault *fault)
{
    const xd_encoding *encoding = &reader->layout->encoding;
    xd_status status = XD_OK;
    size_t bad = 0;
    if (encoding->utf8) {
        if (!xd_utf8_valid(bytes, &bad)) {
            status = xd_fail(fault, XD_INVALID, "encoding.invalid",
                             "expected UTF-8, found the byte 0x%02X, which is none here; the "
                             "layout's encoding may be another",
                             (uint8_t)bytes.ptr[bad]);
        }
        *ret = bytes;
    } else {
        xd_buf_clear(&reader->text);
        xd_fault own = XD_FAULT_NONE;
        status = xd_code_page_read(encoding->page, bytes, &reader->text, fault ? fault : &own);
        bad = status == XD_INVALID ? (size_t)(fault ? fault : &own)->offset : 0;
        *ret = status == XD_OK ? xd_arena_copy(&reader->values, xd_buf_str(&reader->text))
                               : XD_STR_NULL;
        if (status == XD_OK && !ret->ptr) {
            return out_of_memory(fault);
        }
    }
    return status == XD_OK ? XD_OK : fail_at(reader, field->start + bad, status, field, fault);
}

static xd_status read_field(xd_fixed_reader *reader, const xd_fixed_field *field, xd_str record,
                            xd_json *ret, xd_fault *fault)
{
    size_t start = field->start < record.len ? field->start : record.len;
    size_t left = record.len - start;
    xd_str bytes = {record.ptr + start, left < field->length ? left : field->length};
    if (field->kind >= XD_FIXED_PACKED) {
        xd_status status = bytes.len < field->length
                               ? xd_fail(fault, XD_INVALID, "value.packed",
                                         "expected %u bytes, found %zu", field->length, bytes.len)
                               : xd_fixed_number_read(field, bytes, &reader->values, ret, fault);
        return status == XD_OK ? XD_OK : fail_at(reader, field->start, status, field, fault);
    }
    xd_str text;
    XD_TRY(field_text(reader, field, bytes, &text, fault));
    xd_status status;
    if (field->kind == XD_FIXED_DIGITS) {
        if (field->pad != '0') {
            text = strip_pad(text, field->pad, field->right);
        }
        status = xd_fixed_number_read(field, text, &reader->values, ret, fault);
    } else {
        /* Zeros that pad a number may stay, they do not change it; alone they are the number. */
        bool zeros = field->pad == '0' && field->value.type != XD_VALUE_TEXT;
        text = zeros ? text : strip_pad(text, field->pad, field->right);
        status = xd_value_read(&field->value, text, &reader->values, ret, fault);
    }
    return status == XD_OK ? XD_OK : fail_at(reader, field->start, status, field, fault);
}

static xd_status check_length(const xd_fixed_reader *reader, const xd_fixed_record *kind,
                              xd_str bytes, xd_fault *fault)
{
    const xd_fixed_layout *layout = reader->layout;
    if (bytes.len < kind->length && !layout->short_lines) {
        return fail_at(reader, bytes.len,
                       xd_fail(fault, XD_INVALID, "fixed.record",
                               "expected a record of %u bytes, found %zu; \"short_lines\": true in "
                               "the layout takes what is missing as blanks",
                               kind->length, bytes.len),
                       NULL, fault);
    }
    for (size_t i = kind->length; layout->framing == XD_FIXED_LINES && i < bytes.len; i++) {
        if (bytes.ptr[i] != layout->blank) {
            return fail_at(reader, i,
                           xd_fail(fault, XD_INVALID, "fixed.record",
                                   "expected the record to end at byte %u, found more text",
                                   kind->length),
                           NULL, fault);
        }
    }
    return XD_OK;
}

static xd_status read_record(xd_fixed_reader *reader, xd_str bytes, const xd_json **ret,
                             xd_fault *fault)
{
    const xd_fixed_layout *layout = reader->layout;
    const xd_fixed_record *kind = kind_of(layout, bytes);
    if (!kind) {
        return unknown_kind(reader, bytes, fault);
    }
    XD_TRY(check_length(reader, kind, bytes, fault));
    xd_arena_reset(&reader->values);
    xd_json_member *slots =
        xd_arena_alloc(&reader->values, (kind->field_count + 1) * sizeof *slots);
    if (!slots) {
        return out_of_memory(fault);
    }
    uint32_t count = 0;
    if (kind->name.len) {
        slots[count++] =
            (xd_json_member){layout->record_member, {.type = XD_JSON_STRING, .text = kind->name}};
    }
    for (uint32_t i = 0; i < kind->field_count; i++) {
        const xd_fixed_field *field = &kind->fields[i];
        if (field->name.len == 0) {
            continue;
        }
        slots[count].name = field->name;
        XD_TRY(read_field(reader, field, bytes, &slots[count].value, fault));
        count++;
    }
    reader->result = (xd_json){.type = XD_JSON_OBJECT, .count = count, .members = slots};
    *ret = &reader->result;
    return XD_OK;
}

static bool goes_on(const xd_fault *fault)
{
    return strncmp(fault->rule, "value.", 6) == 0 || strncmp(fault->rule, "encoding.", 9) == 0 ||
           strcmp(fault->rule, "fixed.record") == 0;
}

xd_status xd_fixed_next(xd_fixed_reader *reader, const xd_json **ret, xd_fault *fault)
{
    xd_fault own = XD_FAULT_NONE;
    xd_fault *place = fault ? fault : &own;
    const xd_json *record = NULL;
    while (!record && !reader->failed) {
        xd_str bytes = XD_STR_NULL;
        size_t total = 0;
        reader->line++;
        xd_status status = next_frame(reader, &bytes, &total, place);
        if (status != XD_OK) {
            reader->failed = true;
            return status;
        }
        if (total == 0) {
            reader->line--;
            break;
        }
        size_t skipped = 0;
        if (reader->line == 1 && reader->layout->encoding.utf8 &&
            xd_str_starts(bytes, XD_STR(MARK))) {
            skipped = 3; /* a byte order mark */
            bytes = (xd_str){bytes.ptr + 3, bytes.len - 3};
        }
        reader->offset += (int64_t)skipped;
        bool blank = reader->layout->framing == XD_FIXED_LINES && bytes.len == 0;
        status = blank ? XD_OK : read_record(reader, bytes, &record, place);
        reader->offset += (int64_t)(total - skipped);
        xd_window_take(&reader->window, total);
        reader->scanned = 0;
        if (status != XD_OK) {
            reader->failed = !goes_on(place);
            return status;
        }
    }
    *ret = record;
    return XD_OK;
}

/* --- writing --- */

xd_status xd_fixed_writer_create(const xd_fixed_layout *layout, xd_fixed_writer **ret,
                                 xd_fault *fault)
{
    xd_fixed_writer *writer = calloc(1, sizeof *writer);
    if (!writer) {
        return out_of_memory(fault);
    }
    writer->layout = layout;
    xd_buf_init(&writer->record, (size_t)layout->max_record_bytes + SLACK);
    xd_buf_init(&writer->text, (size_t)layout->max_record_bytes * 4 + SLACK);
    xd_buf_init(&writer->bytes, (size_t)layout->max_record_bytes * 16 + 4 * SLACK);
    *ret = writer;
    return XD_OK;
}

void xd_fixed_writer_destroy(xd_fixed_writer *writer)
{
    if (!writer) {
        return;
    }
    xd_buf_finish(&writer->record);
    xd_buf_finish(&writer->text);
    xd_buf_finish(&writer->bytes);
    free(writer);
}

/* Which kind of record this is: its name in the record member. */
static xd_status kind_to_write(const xd_fixed_layout *layout, const xd_json *record,
                               const xd_fixed_record **ret, xd_fault *fault)
{
    if (layout->records[0].name.len == 0) {
        *ret = &layout->records[0];
        return XD_OK;
    }
    xd_str name = xd_json_get_text(record, layout->record_member);
    for (uint32_t i = 0; i < layout->record_count; i++) {
        if (xd_str_eq(layout->records[i].name, name)) {
            *ret = &layout->records[i];
            return XD_OK;
        }
    }
    return xd_fail(fault, XD_INVALID, "fixed.record",
                   "the member \"%.*s\" must name a record of the layout; found '%.*s'",
                   XD_FMT(layout->record_member), XD_FMT(name));
}

/* A value's bytes, padded, to their place in the record. */
static xd_status write_text(xd_fixed_writer *writer, const xd_fixed_field *field, char *to,
                            xd_fault *fault)
{
    xd_str text = xd_buf_str(&writer->text);
    xd_buf_clear(&writer->bytes);
    XD_TRY(xd_encoding_write(&writer->layout->encoding, text, &writer->bytes, fault));
    char pad = field->pad;
    if (writer->layout->encoding.one_byte && writer->layout->encoding.page->ebcdic) {
        xd_buf_clear(&writer->text);
        xd_buf_char(&writer->text, field->pad);
        size_t before = writer->bytes.len;
        XD_TRY(xd_encoding_write(&writer->layout->encoding, xd_buf_str(&writer->text),
                                 &writer->bytes, fault));
        pad = writer->bytes.ptr[before];
        writer->bytes.len = before;
    }
    size_t n = writer->bytes.len;
    if (n > field->length) {
        return xd_fail(fault, XD_INVALID, "fixed.length",
                       "the value has %zu bytes; the field has %u", n, field->length);
    }
    memset(to, pad, field->length);
    if (n) {
        char *at = field->right ? to + field->length - n : to;
        memcpy(at, writer->bytes.ptr, n);
        /* The sign of a number stands before zeros that pad it. */
        if (field->right && field->pad == '0' && n < field->length &&
            field->value.type != XD_VALUE_TEXT && text.ptr[0] == '-') {
            to[0] = at[0];
            at[0] = pad;
        }
    }
    return XD_OK;
}

static xd_status write_field(xd_fixed_writer *writer, const xd_fixed_field *field,
                             const xd_json *value, char *to, xd_fault *fault)
{
    bool null = !value || value->type == XD_JSON_NULL;
    xd_buf_clear(&writer->text);
    if (field->kind != XD_FIXED_TEXT && (!null || field->kind >= XD_FIXED_PACKED)) {
        if (null) {
            return xd_fail(fault, XD_INVALID, "value.required",
                           "expected a number: packed and binary fields cannot be empty");
        }
        if (field->kind >= XD_FIXED_PACKED) {
            return xd_fixed_number_write(field, value, to, fault);
        }
        char digits[64];
        XD_TRY(xd_fixed_number_write(field, value, digits, fault));
        xd_buf_add(&writer->text, digits, field->length);
        return write_text(writer, field, to, fault);
    }
    XD_TRY(xd_value_write(&field->value, value, &writer->text, fault));
    if (writer->text.failed) {
        return xd_fail(fault, XD_INVALID, "fixed.length", "the value is longer than its field");
    }
    if (null && writer->text.len == 0) {
        memset(to, writer->layout->blank, field->length); /* never zeros: they are a number */
        return XD_OK;
    }
    return write_text(writer, field, to, fault);
}

static xd_status write_fields(xd_fixed_writer *writer, const xd_fixed_record *kind,
                              const xd_json *record, xd_fault *fault)
{
    const xd_fixed_layout *layout = writer->layout;
    size_t length = layout->framing == XD_FIXED_BLOCKS ? layout->record_bytes : kind->length;
    size_t head = layout->framing == XD_FIXED_RDW ? RDW_HEAD : 0;
    xd_buf_clear(&writer->record);
    if (!xd_buf_reserve(&writer->record, head + length + 2)) {
        return out_of_memory(fault);
    }
    char *to = writer->record.ptr + head;
    if (head) {
        size_t total = head + length;
        const char rdw[RDW_HEAD] = {(char)(total >> 8), (char)(total & 0xFF), 0, 0};
        memcpy(writer->record.ptr, rdw, sizeof rdw);
    }
    memset(to, layout->blank, length);
    if (kind->when.len) {
        memcpy(to + kind->when_start, kind->when.ptr, kind->when.len);
    }
    for (uint32_t i = 0; i < kind->field_count; i++) {
        const xd_fixed_field *field = &kind->fields[i];
        const xd_json *value = field->name.len ? xd_json_get(record, field->name) : NULL;
        bool marked = field->start < kind->when_start + kind->when_length &&
                      kind->when_start < field->start + field->length;
        if (!value && (field->name.len == 0 || (marked && !field->value.required))) {
            continue; /* a filler, or the mark that is written already */
        }
        xd_status status = write_field(writer, field, value, to + field->start, fault);
        if (status != XD_OK) {
            char path[192];
            snprintf(path, sizeof path, "/%.*s", XD_FMT(field->name));
            xd_fault_at(fault, -1, path);
            return status;
        }
    }
    if (kind->when.len && memcmp(to + kind->when_start, kind->when.ptr, kind->when.len) != 0) {
        return xd_fail(fault, XD_INVALID, "fixed.record",
                       "the values overwrite the mark of a %.*s record", XD_FMT(kind->name));
    }
    writer->record.len = head + length;
    if (layout->framing == XD_FIXED_LINES) {
        if (layout->encoding.one_byte && layout->encoding.page->ebcdic) {
            xd_buf_char(&writer->record, 0x15);
        } else {
            xd_buf_str_add(&writer->record, xd_str_from(layout->line_end));
        }
    }
    return XD_OK;
}

/* A value that holds a line end would be read as two records. */
static xd_status check_line(const xd_fixed_writer *writer, xd_fault *fault)
{
    const xd_fixed_layout *layout = writer->layout;
    bool ebcdic = layout->encoding.one_byte && layout->encoding.page->ebcdic;
    size_t end = writer->record.len - (ebcdic ? 1 : strlen(layout->line_end));
    for (size_t i = 0; i < end; i++) {
        char c = writer->record.ptr[i];
        if (ebcdic ? c == 0x15 || c == 0x25 : c == '\n') {
            return xd_fail(fault, XD_INVALID, "fixed.record",
                           "a value holds a line end (byte %zu of the record)", i + 1);
        }
    }
    bool returns = !ebcdic && layout->line_end[0] == '\r';
    if (end && writer->record.ptr[end - 1] == '\r' && !returns) {
        return xd_fail(fault, XD_INVALID, "fixed.record",
                       "the last value ends in a carriage return, which would be read as part of "
                       "the line end");
    }
    return XD_OK;
}

static xd_status unknown_member(const xd_fixed_layout *layout, const xd_fixed_record *kind,
                                const xd_json *record, xd_fault *fault)
{
    for (uint32_t i = 0; i < record->count; i++) {
        xd_str name = record->members[i].name;
        bool known = kind->name.len && xd_str_eq(name, layout->record_member);
        for (uint32_t k = 0; k < kind->field_count && !known; k++) {
            known = xd_str_eq(kind->fields[k].name, name);
        }
        if (!known || name.len == 0) {
            return xd_fail(fault, XD_INVALID, "fixed.record",
                           "the record has a member \"%.*s\", which is no field of the layout",
                           name.len < 80 ? (int)name.len : 80, name.ptr);
        }
    }
    return XD_OK;
}

xd_status xd_fixed_write(xd_fixed_writer *writer, const xd_json *record, xd_buf *buf,
                         xd_fault *fault)
{
    const xd_fixed_record *kind = NULL;
    if (!record || record->type != XD_JSON_OBJECT) {
        return xd_fail(fault, XD_INVALID, "fixed.record", "a record must be an object, not %s",
                       record ? xd_json_type_name(record->type) : "nothing");
    }
    XD_TRY(kind_to_write(writer->layout, record, &kind, fault));
    XD_TRY(unknown_member(writer->layout, kind, record, fault));
    XD_TRY(write_fields(writer, kind, record, fault));
    if (writer->layout->framing == XD_FIXED_LINES) {
        XD_TRY(check_line(writer, fault));
    }
    size_t begin = buf->len;
    if (!writer->started && writer->layout->encoding.utf8 &&
        xd_str_starts(xd_buf_str(&writer->record), XD_STR(MARK))) {
        XD_BUF_LIT(buf, MARK); /* else a reader takes the text's own for the file's */
    }
    xd_buf_str_add(buf, xd_buf_str(&writer->record));
    if (buf->failed) {
        buf->len = begin;
        return out_of_memory(fault);
    }
    writer->started = true;
    return XD_OK;
}
