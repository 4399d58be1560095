/* Writing CSV. See csv.h. A row is put together as UTF-8 in a buffer of the writer and appended in
 * the layout's encoding when it is whole. */
#include "format/csv_int.h"

#include <stdio.h>
#include <stdlib.h>

struct xd_csv_writer {
    const xd_csv_layout *layout; /* borrows */
    bool started;
    xd_arena names;         /* owns what columns taken from the first row need */
    xd_csv_column *columns; /* borrows the layout's or lives in names */
    uint32_t column_count;
    xd_buf row;   /* owns */
    xd_buf value; /* owns; one field before it is quoted */
};

enum { ROW_SLACK = 4096 };

static xd_status out_of_memory(xd_fault *fault)
{
    return xd_fail(fault, XD_NO_MEMORY, NULL, "no memory to write CSV");
}

xd_status xd_csv_writer_create(const xd_csv_layout *layout, xd_csv_writer **ret, xd_fault *fault)
{
    xd_csv_writer *writer = calloc(1, sizeof *writer);
    if (!writer) {
        return out_of_memory(fault);
    }
    writer->layout = layout;
    writer->columns = layout->columns;
    writer->column_count = layout->column_count;
    xd_arena_init(&writer->names, 2 * layout->max_row_bytes + (1 << 16));
    xd_buf_init(&writer->row, 2 * layout->max_row_bytes + ROW_SLACK);
    xd_buf_init(&writer->value, layout->max_row_bytes + ROW_SLACK);
    *ret = writer;
    return XD_OK;
}

void xd_csv_writer_destroy(xd_csv_writer *writer)
{
    if (!writer) {
        return;
    }
    xd_arena_finish(&writer->names);
    xd_buf_finish(&writer->row);
    xd_buf_finish(&writer->value);
    free(writer);
}

/* Whether text would not be read back as it is without quotes. */
static bool needs_quotes(const xd_csv_layout *layout, xd_str text, bool first)
{
    if (text.len == 0) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == layout->separator || c == '\n' || c == '\r' ||
            (layout->quote && c == layout->quote) || (layout->escape && c == layout->escape)) {
            return true;
        }
    }
    char last = text.ptr[text.len - 1];
    bool blank = text.ptr[0] == ' ' || text.ptr[0] == '\t' || last == ' ' || last == '\t';
    bool mark = first && text.len >= 3 && memcmp(text.ptr, "\xEF\xBB\xBF", 3) == 0;
    return (layout->trim && blank) ||
           (first && layout->comment && text.ptr[0] == layout->comment) || mark;
}

static void add_quoted(const xd_csv_layout *layout, xd_str text, xd_buf *row)
{
    xd_buf_char(row, layout->quote);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == layout->quote || (layout->escape && c == layout->escape)) {
            xd_buf_char(row, layout->escape ? layout->escape : layout->quote);
        }
        xd_buf_char(row, c);
    }
    xd_buf_char(row, layout->quote);
}

/* Without a quote character only an escape can help. */
static bool add_escaped(const xd_csv_layout *layout, xd_str text, xd_buf *row)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool special = c == layout->separator || c == '\n' || c == '\r' || c == layout->escape ||
                       (i == 0 && layout->comment && c == layout->comment);
        if (special) {
            if (!layout->escape) {
                return false;
            }
            xd_buf_char(row, layout->escape);
        }
        xd_buf_char(row, c);
    }
    return true;
}

/* A null that is written as text must not look like it, so a text equal to it is quoted. */
static xd_status add_field(xd_csv_writer *writer, xd_str text, uint32_t index, bool quote,
                           xd_fault *fault)
{
    const xd_csv_layout *layout = writer->layout;
    xd_buf *row = &writer->row;
    if (index) {
        xd_buf_char(row, layout->separator);
    }
    if (text.len > layout->max_field_bytes) {
        return xd_fail(fault, XD_LIMIT, "csv.field",
                       "a field has %zu bytes; at most %zu are allowed (max_field_bytes)", text.len,
                       layout->max_field_bytes);
    }
    /* A row of one empty field would be a blank line, which readers pass over. */
    bool blank_line = text.len == 0 && writer->column_count == 1;
    bool quoted =
        quote || layout->quote_all || blank_line || needs_quotes(layout, text, index == 0);
    if (!quoted) {
        xd_buf_str_add(row, text);
    } else if (layout->quote) {
        add_quoted(layout, text, row);
    } else if (!add_escaped(layout, text, row)) {
        return xd_fail(fault, XD_INVALID, "csv.quote",
                       "the value holds the separator or a line end, and the layout has neither "
                       "quote nor escape");
    }
    return XD_OK;
}

/* Ends the row and appends it in the file's encoding. */
static xd_status put_row(xd_csv_writer *writer, bool first, xd_buf *buf, xd_fault *fault)
{
    const xd_csv_layout *layout = writer->layout;
    xd_str end = xd_str_from(layout->line_end);
    xd_buf_str_add(&writer->row, end);
    if (writer->row.failed) {
        return out_of_memory(fault);
    }
    size_t begin = buf->len;
    xd_status status = XD_OK;
    /* A row that begins with a mark of its own gets one more: a reader takes the first for the
     * file's. (With quotes it stands in them.) */
    if (first && (layout->bom || xd_str_starts(xd_buf_str(&writer->row), XD_STR("\xEF\xBB\xBF")))) {
        status = xd_encoding_write(&layout->encoding, XD_STR("\xEF\xBB\xBF"), buf, fault);
    }
    if (status == XD_OK) {
        status = xd_encoding_write(&layout->encoding, xd_buf_str(&writer->row), buf, fault);
    }
    if (status == XD_OK && buf->failed) {
        status = out_of_memory(fault);
    }
    if (status != XD_OK) {
        buf->len = begin;
    }
    return status;
}

static xd_status put_header(xd_csv_writer *writer, xd_buf *buf, xd_fault *fault)
{
    xd_buf_clear(&writer->row);
    for (uint32_t i = 0; i < writer->column_count; i++) {
        XD_TRY(add_field(writer, writer->columns[i].header, i, false, fault));
    }
    return put_row(writer, true, buf, fault);
}

static const xd_csv_column *layout_column(const xd_csv_layout *layout, xd_str name)
{
    for (uint32_t i = 0; i < layout->column_count; i++) {
        if (xd_str_eq(layout->columns[i].name, name)) {
            return &layout->columns[i];
        }
    }
    return NULL;
}

/* The column of the first row's member i, which the layout does not name. */
static bool name_column(xd_csv_writer *writer, const xd_json *row, uint32_t i, xd_csv_column *ret)
{
    *ret = writer->layout->other;
    ret->name = row->type == XD_JSON_OBJECT ? xd_arena_copy(&writer->names, row->members[i].name)
                                            : xd_arena_printf(&writer->names, "column%u", i + 1);
    ret->header = ret->name;
    return ret->name.ptr != NULL;
}

/* Adds the layout's columns from *next to end that the row lacks. */
static void add_lacking(const xd_csv_layout *layout, const xd_json *row, uint32_t end,
                        uint32_t *next, xd_csv_column *columns, uint32_t *count)
{
    for (; *next < end; ++*next) {
        if (!xd_json_get(row, layout->columns[*next].name)) {
            columns[(*count)++] = layout->columns[*next];
        }
    }
}

/* The first row says what the columns are; those of the layout that it lacks stand before the one
 * that follows them there, so that a file looks the same whatever its first row lacks. */
static xd_status take_columns(xd_csv_writer *writer, const xd_json *row, xd_fault *fault)
{
    const xd_csv_layout *layout = writer->layout;
    uint32_t most = layout->max_columns;
    if (row->count == 0 || row->count > most) {
        return xd_fail(fault, XD_INVALID, "csv.columns",
                       "the first row has %u members; expected 1 to %u (max_columns)", row->count,
                       most);
    }
    size_t size = row->count + layout->column_count;
    xd_csv_column *columns = xd_arena_zalloc(&writer->names, size * sizeof *columns);
    uint32_t count = 0;
    uint32_t next = 0;
    for (uint32_t i = 0; columns && i < row->count; i++) {
        const xd_csv_column *known =
            row->type == XD_JSON_OBJECT ? layout_column(layout, row->members[i].name) : NULL;
        if (known) {
            uint32_t place = (uint32_t)(known - layout->columns);
            add_lacking(layout, row, place, &next, columns, &count);
            columns[count++] = *known;
        } else if (!name_column(writer, row, i, &columns[count++])) {
            return out_of_memory(fault);
        }
    }
    if (columns) {
        add_lacking(layout, row, layout->column_count, &next, columns, &count);
    }
    if (!columns) {
        return out_of_memory(fault);
    }
    if (count > most) {
        return xd_fail(fault, XD_LIMIT, "csv.columns",
                       "the first row and the layout have %u columns; at most %u are allowed "
                       "(max_columns)",
                       count, most);
    }
    writer->columns = columns;
    writer->column_count = count;
    return XD_OK;
}

static xd_status unknown_member(const xd_csv_writer *writer, const xd_json *row, xd_fault *fault)
{
    for (uint32_t i = 0; i < row->count; i++) {
        xd_str name = row->members[i].name;
        bool known = false;
        for (uint32_t k = 0; k < writer->column_count && !known; k++) {
            known = xd_str_eq(writer->columns[k].name, name);
        }
        if (!known) {
            return xd_fail(fault, XD_INVALID, "csv.columns",
                           "the row has a member \"%.*s\", which is no column; name it in the "
                           "layout, or say \"other_columns\": \"drop\"",
                           name.len < 80 ? (int)name.len : 80, name.ptr);
        }
    }
    return xd_fail(fault, XD_INVALID, "csv.columns", "the row has a member twice");
}

static xd_status put_value(xd_csv_writer *writer, const xd_json *value, uint32_t index,
                           xd_fault *fault)
{
    const xd_csv_column *column = &writer->columns[index];
    xd_buf_clear(&writer->value);
    xd_status status = xd_value_write(&column->value, value, &writer->value, fault);
    xd_str text = xd_buf_str(&writer->value);
    bool null = !value || value->type == XD_JSON_NULL;
    bool quote = !null && column->value.type == XD_VALUE_TEXT && column->value.null_text.ptr &&
                 xd_str_eq(text, column->value.null_text);
    if (status == XD_OK && writer->value.failed) {
        status = xd_fail(fault, XD_LIMIT, "csv.field", "a field is longer than a row may be");
    }
    if (status == XD_OK) {
        status = add_field(writer, text, index, quote, fault);
    }
    if (status != XD_OK && fault) {
        char path[192];
        snprintf(path, sizeof path, "/%.*s", XD_FMT(column->name));
        xd_fault_at(fault, -1, path);
    }
    return status;
}

static xd_status put_values(xd_csv_writer *writer, const xd_json *row, xd_fault *fault)
{
    const xd_csv_layout *layout = writer->layout;
    bool strict = layout->others != XD_CSV_DROP && layout->rules != XD_CSV_LENIENT;
    uint32_t found = 0;
    xd_buf_clear(&writer->row);
    for (uint32_t i = 0; i < writer->column_count; i++) {
        const xd_json *value = NULL;
        if (row->type == XD_JSON_ARRAY) {
            value = i < row->count ? &row->items[i] : NULL;
        } else if (i < row->count && xd_str_eq(row->members[i].name, writer->columns[i].name)) {
            value = &row->members[i].value; /* members usually stand in order of the columns */
        } else {
            value = xd_json_get(row, writer->columns[i].name);
        }
        found += value != NULL;
        XD_TRY(put_value(writer, value, i, fault));
    }
    if (found < row->count && strict) {
        if (row->type == XD_JSON_OBJECT) {
            return unknown_member(writer, row, fault);
        }
        return xd_fail(fault, XD_INVALID, "csv.columns", "expected %u values, found %u",
                       writer->column_count, row->count);
    }
    if (writer->row.len > layout->max_row_bytes) {
        return xd_fail(fault, XD_LIMIT, "csv.row",
                       "a row has %zu bytes; at most %zu are allowed (max_row_bytes)",
                       writer->row.len, layout->max_row_bytes);
    }
    return XD_OK;
}

xd_status xd_csv_write(xd_csv_writer *writer, const xd_json *row, xd_buf *buf, xd_fault *fault)
{
    if (!row || (row->type != XD_JSON_OBJECT && row->type != XD_JSON_ARRAY)) {
        return xd_fail(fault, XD_INVALID, "csv.row", "a row must be an object or an array, not %s",
                       row ? xd_json_type_name(row->type) : "nothing");
    }
    size_t begin = buf->len;
    bool first = !writer->started;
    /* As in reading, a file with a header may have columns that the layout does not name. */
    bool keeps = writer->layout->header && writer->layout->others == XD_CSV_KEEP &&
                 row->type == XD_JSON_OBJECT && row->count > 0;
    if (first && (!writer->layout->columns || keeps)) {
        XD_TRY(take_columns(writer, row, fault));
    }
    xd_status status = XD_OK;
    bool header = first && writer->layout->header;
    if (header) {
        status = put_header(writer, buf, fault);
    }
    if (status == XD_OK) {
        status = put_values(writer, row, fault);
    }
    if (status == XD_OK) {
        status = put_row(writer, first && !header, buf, fault);
    }
    if (status != XD_OK) {
        buf->len = begin;
        return status;
    }
    writer->started = true;
    return XD_OK;
}

xd_status xd_csv_write_end(xd_csv_writer *writer, xd_buf *buf, xd_fault *fault)
{
    if (!writer->started && writer->layout->header && writer->columns) {
        XD_TRY(put_header(writer, buf, fault));
        writer->started = true;
    }
    return XD_OK;
}
