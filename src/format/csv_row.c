/* What a CSV row becomes: texts with quotes and escapes undone, values by column, members by
 * header. See csv.h. Owns nothing but what the reader holds. */
#include "format/csv_read_int.h"

#include <stdio.h>
#include <stdlib.h>

static xd_status out_of_memory(xd_fault *fault)
{
    return xd_fail(fault, XD_NO_MEMORY, NULL, "no memory to read CSV");
}

/* Line and column of a place in the split row, whose line breaks inside quotes are known only by
 * counting. */
xd_status xd_csv_fail_in_row(xd_csv_reader *reader, size_t at, xd_status status, const char *path,
                             xd_fault *fault)
{
    if (fault) {
        int64_t line = reader->line;
        size_t start = 0;
        for (size_t i = 0; i < at; i++) {
            if (reader->row[i] == '\n') {
                line++;
                start = i + 1;
            }
        }
        xd_fault_at(fault, reader->offset + (int64_t)at, path);
        fault->line = (int32_t)(line < INT32_MAX ? line : INT32_MAX);
        fault->column = (int32_t)(at - start + 1);
    }
    return status;
}

/* --- what a row becomes --- */

/* A field's text: its content, with doubled quotes and escapes undone. */
static bool field_text(xd_csv_reader *reader, const xd_csv_field *f, xd_str *ret)
{
    const xd_csv_layout *layout = reader->layout;
    xd_str raw = {reader->row + f->start, f->len};
    if (!f->uneven) {
        if (layout->trim && !f->quoted) {
            while (raw.len && (raw.ptr[0] == ' ' || raw.ptr[0] == '\t')) {
                raw.ptr++;
                raw.len--;
            }
            while (raw.len && (raw.ptr[raw.len - 1] == ' ' || raw.ptr[raw.len - 1] == '\t')) {
                raw.len--;
            }
        }
        *ret = raw;
        return true;
    }
    char *out = xd_arena_alloc(&reader->values, raw.len);
    if (!out) {
        return false;
    }
    bool inside = f->quoted;
    size_t n = 0;
    size_t kept = 0; /* bytes that trimming must not take */
    for (size_t i = f->quoted ? 1 : 0; i < raw.len; i++) {
        char c = raw.ptr[i];
        if (layout->escape && c == layout->escape && i + 1 < raw.len) {
            out[n++] = raw.ptr[++i];
            kept = n;
        } else if (inside && c == layout->quote && i + 1 < raw.len && raw.ptr[i + 1] == c) {
            out[n++] = raw.ptr[i++];
        } else if (inside && c == layout->quote) {
            inside = false;
            kept = n;
        } else {
            out[n++] = c;
            kept = inside ? n : kept;
        }
    }
    while (layout->trim && n > kept && (out[n - 1] == ' ' || out[n - 1] == '\t')) {
        n--;
    }
    size_t start = 0;
    while (layout->trim && !f->quoted && start < n && (out[start] == ' ' || out[start] == '\t')) {
        start++;
    }
    *ret = (xd_str){out + start, n - start};
    return true;
}

static const char *column_path(const xd_csv_column *column, char *path, size_t size)
{
    snprintf(path, size, "/%.*s", XD_FMT(column->name));
    return path;
}

static xd_status wrong_count(xd_csv_reader *reader, xd_fault *fault)
{
    bool few = reader->field_count < reader->plan_count;
    size_t at = few ? (reader->field_count ? reader->fields[reader->field_count - 1].start : 0)
                    : reader->fields[reader->plan_count].start;
    xd_status status =
        xd_fail(fault, XD_INVALID, "csv.columns", "expected %u field%s, found %u%s%.*s%s",
                reader->plan_count, reader->plan_count == 1 ? "" : "s", reader->field_count,
                few ? "; the first that is missing is " : "",
                few ? (int)reader->plan[reader->field_count].name.len : 0,
                few ? reader->plan[reader->field_count].name.ptr : "",
                few ? "" : "; a value that holds the separator must stand in quotes");
    return xd_csv_fail_in_row(reader, at, status, NULL, fault);
}

/* Column of a field that the plan does not know: lenient reading keeps it under a name of its own.
 */
static bool surplus_column(xd_csv_reader *reader, uint32_t index, xd_csv_column *ret)
{
    *ret = reader->layout->other;
    if (!reader->layout->arrays) {
        ret->name = xd_arena_printf(&reader->values, "column%u", index + 1);
    }
    return ret->name.ptr || reader->layout->arrays;
}

static xd_status read_field(xd_csv_reader *reader, uint32_t index, const xd_csv_column *column,
                            xd_json *ret, xd_fault *fault)
{
    const xd_csv_field *f = &reader->fields[index];
    if (column->plain && !f->uneven && !reader->layout->trim) {
        *ret = (xd_json){.type = XD_JSON_STRING, .text = {reader->row + f->start, f->len}};
        return XD_OK;
    }
    xd_str text;
    if (!field_text(reader, f, &text)) {
        return out_of_memory(fault);
    }
    if (column->plain) {
        *ret = (xd_json){.type = XD_JSON_STRING, .text = text};
        return XD_OK;
    }
    if (f->quoted && column->value.null_text.ptr && column->value.type == XD_VALUE_TEXT &&
        !column->value.required) {
        *ret = (xd_json){.type = XD_JSON_STRING, .text = text}; /* in quotes it is no null */
        return XD_OK;
    }
    xd_status status = xd_value_read(&column->value, text, &reader->values, ret, fault);
    if (status != XD_OK) {
        char path[192];
        return xd_csv_fail_in_row(reader, f->start, status, column_path(column, path, sizeof path),
                                  fault);
    }
    return XD_OK;
}

/* --- the header --- */

static xd_status alloc_plan(xd_csv_reader *reader, uint32_t count, xd_fault *fault)
{
    reader->plan = calloc(count ? count : 1, sizeof *reader->plan);
    reader->dropped = calloc(count ? count : 1, sizeof *reader->dropped);
    reader->plan_count = count;
    return reader->plan && reader->dropped ? XD_OK : out_of_memory(fault);
}

/* Without a header: the layout's columns, or as many as the first row has. */
static xd_status plan_without_header(xd_csv_reader *reader, xd_fault *fault)
{
    const xd_csv_layout *layout = reader->layout;
    bool named = layout->columns != NULL;
    XD_TRY(alloc_plan(reader, named ? layout->column_count : reader->field_count, fault));
    for (uint32_t i = 0; i < reader->plan_count; i++) {
        if (named) {
            reader->plan[i] = layout->columns[i];
            continue;
        }
        reader->plan[i] = layout->other;
        if (!layout->arrays) {
            reader->plan[i].name = xd_arena_printf(&reader->names, "column%u", i + 1);
            if (!reader->plan[i].name.ptr) {
                return out_of_memory(fault);
            }
        }
    }
    return XD_OK;
}

static const xd_csv_column *column_by_header(const xd_csv_layout *layout, xd_str header)
{
    for (uint32_t i = 0; i < layout->column_count; i++) {
        if (xd_str_eq(layout->columns[i].header, header)) {
            return &layout->columns[i];
        }
    }
    return NULL;
}

static bool name_taken(const xd_csv_reader *reader, uint32_t count, xd_str name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!reader->dropped[i] && xd_str_eq(reader->plan[i].name, name)) {
            return true;
        }
    }
    return false;
}

static xd_status plan_field(xd_csv_reader *reader, uint32_t index, xd_fault *fault)
{
    const xd_csv_layout *layout = reader->layout;
    xd_csv_column *column = &reader->plan[index];
    xd_str header;
    if (!field_text(reader, &reader->fields[index], &header)) {
        return out_of_memory(fault);
    }
    const xd_csv_column *known = column_by_header(layout, header);
    *column = known ? *known : layout->other;
    if (!known) {
        column->name = header.len ? xd_arena_copy(&reader->names, header)
                                  : xd_arena_printf(&reader->names, "column%u", index + 1);
        if (!column->name.ptr) {
            return out_of_memory(fault);
        }
        if (layout->columns && layout->others == XD_CSV_REFUSE) {
            return xd_csv_fail_in_row(reader, reader->fields[index].start,
                                      xd_fail(fault, XD_INVALID, "csv.header",
                                              "the layout has no column for the header \"%.*s\"",
                                              header.len < 80 ? (int)header.len : 80, header.ptr),
                                      NULL, fault);
        }
        reader->dropped[index] = layout->columns && layout->others == XD_CSV_DROP;
    }
    if (!reader->dropped[index] && name_taken(reader, index, column->name)) {
        if (layout->rules != XD_CSV_LENIENT) {
            return xd_csv_fail_in_row(reader, reader->fields[index].start,
                                      xd_fail(fault, XD_INVALID, "csv.header",
                                              "expected each header once, found \"%.*s\" again",
                                              header.len < 80 ? (int)header.len : 80, header.ptr),
                                      NULL, fault);
        }
        column->name = xd_arena_printf(&reader->names, "column%u", index + 1);
        if (!column->name.ptr) {
            return out_of_memory(fault);
        }
    }
    return XD_OK;
}

xd_status xd_csv_read_header(xd_csv_reader *reader, xd_fault *fault)
{
    const xd_csv_layout *layout = reader->layout;
    xd_arena_reset(&reader->values);
    XD_TRY(alloc_plan(reader, reader->field_count, fault));
    for (uint32_t i = 0; i < reader->field_count; i++) {
        XD_TRY(plan_field(reader, i, fault));
    }
    for (uint32_t i = 0; i < layout->column_count; i++) {
        const xd_csv_column *column = &layout->columns[i];
        if (!column->optional && !name_taken(reader, reader->plan_count, column->name)) {
            return xd_csv_fail_in_row(
                reader, 0,
                xd_fail(fault, XD_INVALID, "csv.header",
                        "expected a column with the header \"%.*s\", found none",
                        column->header.len < 80 ? (int)column->header.len : 80, column->header.ptr),
                NULL, fault);
        }
    }
    reader->header_read = true;
    return XD_OK;
}

/* --- the row --- */

xd_status xd_csv_make_row(xd_csv_reader *reader, const xd_json **ret, xd_fault *fault)
{
    const xd_csv_layout *layout = reader->layout;
    if (!reader->plan) {
        XD_TRY(plan_without_header(reader, fault));
    }
    uint32_t planned = reader->plan_count;
    if (reader->field_count != planned && layout->rules != XD_CSV_LENIENT) {
        return wrong_count(reader, fault);
    }
    xd_arena_reset(&reader->values);
    uint32_t count = 0;
    xd_json *items = (xd_json *)(void *)reader->slots; /* members are larger than items */
    for (uint32_t i = 0; i < reader->field_count; i++) {
        const xd_csv_column *column = &reader->plan[i < planned ? i : 0];
        xd_csv_column surplus;
        if (i >= planned) {
            if (!surplus_column(reader, i, &surplus)) {
                return out_of_memory(fault);
            }
            column = &surplus;
        } else if (reader->dropped[i]) {
            continue;
        }
        xd_json value;
        XD_TRY(read_field(reader, i, column, &value, fault));
        if (layout->arrays) {
            items[count++] = value;
        } else {
            reader->slots[count++] = (xd_json_member){column->name, value};
        }
    }
    reader->result =
        (xd_json){.type = layout->arrays ? XD_JSON_ARRAY : XD_JSON_OBJECT, .count = count};
    if (layout->arrays) {
        reader->result.items = items;
    } else {
        reader->result.members = reader->slots;
    }
    *ret = &reader->result;
    return XD_OK;
}
