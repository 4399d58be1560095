/* Compiling a CSV layout. See csv.h and docs/formats.md. */
#include "format/csv_int.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    LAYOUT_BYTES = 8 << 20,
    ROW_BYTES = 1 << 20,
    COLUMNS = 1024,
    MOST_ROW_BYTES = 256 << 20,
    MOST_COLUMNS = 65536
};

static const char *const members[] = {
    "format",        "encoding",        "separator",   "quote",   "escape",
    "comment",       "header",          "trim",        "rows",    "line_end",
    "bom",           "quotes",          "rules",       "columns", "max_row_bytes",
    "other_columns", "max_field_bytes", "max_columns", NULL};
static const char *const column_members[] = {"name", "header", "optional", XD_VALUE_MEMBERS, NULL};

static xd_status out_of_memory(xd_fault *fault)
{
    return xd_fail(fault, XD_NO_MEMORY, NULL, "no memory for the layout");
}

static xd_status copy(xd_arena *arena, xd_str *text, xd_fault *fault)
{
    *text = xd_arena_copy(arena, *text);
    return text->ptr ? XD_OK : out_of_memory(fault);
}

static xd_status read_column(xd_csv_layout *csv, const xd_json *item, uint32_t index,
                             xd_fault *fault)
{
    xd_csv_column *column = &csv->columns[index];
    xd_layout layout;
    char path[32];
    snprintf(path, sizeof path, "/columns/%u", index);
    if (item->type == XD_JSON_STRING) { /* a name alone is a text */
        *column = csv->other;
        column->name = item->text;
        XD_TRY(copy(&csv->arena, &column->name, fault));
        column->header = column->name;
        return XD_OK;
    }
    XD_TRY(xd_layout_open(item, path, fault, &layout));
    XD_TRY(xd_layout_only(&layout, column_members));
    *column = (xd_csv_column){.optional = false};
    XD_TRY(xd_layout_text(&layout, "name", &column->name));
    if (column->name.len == 0) {
        return xd_layout_fail(&layout, NULL, "layout.required", "a column needs a name");
    }
    column->header = column->name;
    XD_TRY(xd_layout_text(&layout, "header", &column->header));
    if (!csv->header && xd_json_get(item, XD_STR("header"))) {
        return xd_layout_fail(&layout, "header", "layout.header",
                              "a column has a header only when the layout says \"header\": true");
    }
    XD_TRY(copy(&csv->arena, &column->name, fault));
    XD_TRY(copy(&csv->arena, &column->header, fault));
    XD_TRY(xd_layout_bool(&layout, "optional", &column->optional));
    XD_TRY(xd_value_compile(&layout, &csv->arena, false, &column->value));
    column->plain = column->value.type == XD_VALUE_TEXT && !column->value.required &&
                    !column->value.null_text.ptr;
    for (uint32_t i = 0; i < index; i++) {
        bool same_name = xd_str_eq(csv->columns[i].name, column->name);
        if (same_name || (csv->header && xd_str_eq(csv->columns[i].header, column->header))) {
            return xd_layout_fail(&layout, same_name ? "name" : "header", "layout.twice",
                                  "two columns are called \"%.*s\"",
                                  XD_FMT(same_name ? column->name : column->header));
        }
    }
    return XD_OK;
}

static xd_status read_columns(xd_csv_layout *csv, const xd_layout *layout)
{
    const xd_json *list = NULL;
    XD_TRY(xd_layout_list(layout, "columns", &list));
    if (!list) {
        return XD_OK;
    }
    if (list->count == 0 || list->count > csv->max_columns) {
        return xd_layout_fail(layout, "columns", "layout.range",
                              "columns must name 1 to %u columns", csv->max_columns);
    }
    csv->columns = xd_arena_zalloc(&csv->arena, list->count * sizeof *csv->columns);
    if (!csv->columns) {
        return out_of_memory(layout->fault);
    }
    for (uint32_t i = 0; i < list->count; i++) {
        XD_TRY(read_column(csv, &list->items[i], i, layout->fault));
    }
    csv->column_count = list->count;
    return XD_OK;
}

static xd_status read_dialect(xd_csv_layout *csv, const xd_layout *layout)
{
    static const char *const escapes[] = {"double", "backslash", NULL};
    static const char *const ends[] = {"crlf", "lf", "cr", NULL};
    static const char *const end_texts[] = {"\r\n", "\n", "\r"};
    static const char *const rules[] = {"usual", "strict", "lenient", NULL};
    static const char *const others[] = {"keep", "drop", "refuse", NULL};
    static const char *const quotes[] = {"needed", "all", NULL};
    static const char *const rows[] = {"objects", "arrays", NULL};
    xd_str encoding = XD_STR("");
    int escape = 0, end = 0, rule = 0, other = 0, quoting = 0, shape = 0;
    XD_TRY(xd_layout_text(layout, "encoding", &encoding));
    xd_status status = xd_encoding_init(&csv->encoding, encoding, layout->fault);
    if (status != XD_OK) {
        xd_fault_at(layout->fault, XD_GET(layout->object, "encoding")->offset, "/encoding");
        return status;
    }
    XD_TRY(xd_layout_char(layout, "separator", &csv->separator));
    XD_TRY(xd_layout_char(layout, "quote", &csv->quote));
    XD_TRY(xd_layout_char(layout, "comment", &csv->comment));
    XD_TRY(xd_layout_word(layout, "escape", escapes, &escape));
    XD_TRY(xd_layout_word(layout, "line_end", ends, &end));
    XD_TRY(xd_layout_word(layout, "rules", rules, &rule));
    XD_TRY(xd_layout_word(layout, "other_columns", others, &other));
    XD_TRY(xd_layout_word(layout, "quotes", quotes, &quoting));
    XD_TRY(xd_layout_word(layout, "rows", rows, &shape));
    XD_TRY(xd_layout_bool(layout, "header", &csv->header));
    XD_TRY(xd_layout_bool(layout, "trim", &csv->trim));
    XD_TRY(xd_layout_bool(layout, "bom", &csv->bom));
    csv->escape = escape ? '\\' : 0;
    csv->line_end = end_texts[end];
    csv->rules = (xd_csv_rules)rule;
    csv->others = (xd_csv_others)other;
    csv->quote_all = quoting == 1;
    csv->arrays = shape == 1;
    if (!csv->separator) {
        return xd_layout_fail(layout, "separator", "layout.character",
                              "separator cannot be empty; for one column choose a character that "
                              "does not occur");
    }
    const char marks[] = {csv->separator, csv->quote, csv->escape, csv->comment};
    for (size_t i = 0; i < sizeof marks; i++) {
        for (size_t k = 0; k < i; k++) {
            if (marks[i] && marks[i] == marks[k]) {
                return xd_layout_fail(layout, NULL, "layout.character",
                                      "separator, quote, escape and comment must differ; '%c' is "
                                      "used twice",
                                      marks[i]);
            }
        }
    }
    if (csv->quote_all && !csv->quote) {
        return xd_layout_fail(layout, "quotes", "layout.character",
                              "there is no quote to put around all fields");
    }
    return XD_OK;
}

static xd_status read_limits(xd_csv_layout *csv, const xd_layout *layout)
{
    int64_t row = ROW_BYTES;
    int64_t columns = COLUMNS;
    XD_TRY(xd_layout_int(layout, "max_row_bytes", 16, MOST_ROW_BYTES, &row));
    int64_t field = row;
    XD_TRY(xd_layout_int(layout, "max_field_bytes", 1, MOST_ROW_BYTES, &field));
    XD_TRY(xd_layout_int(layout, "max_columns", 1, MOST_COLUMNS, &columns));
    csv->max_row_bytes = (size_t)row;
    csv->max_field_bytes = (size_t)field;
    csv->max_columns = (uint32_t)columns;
    return XD_OK;
}

static xd_status compile(xd_csv_layout *csv, const xd_json *tree, xd_fault *fault)
{
    xd_layout layout;
    XD_TRY(xd_layout_open(tree, "", fault, &layout));
    XD_TRY(xd_layout_only(&layout, members));
    XD_TRY(read_limits(csv, &layout));
    XD_TRY(read_dialect(csv, &layout));
    csv->other = (xd_csv_column){.plain = true};
    return read_columns(csv, &layout);
}

xd_status xd_csv_compile(const xd_json *tree, xd_csv_layout **ret, xd_fault *fault)
{
    xd_csv_layout *csv = calloc(1, sizeof *csv);
    if (!csv) {
        return out_of_memory(fault);
    }
    xd_arena_init(&csv->arena, LAYOUT_BYTES);
    csv->separator = ',';
    csv->quote = '"';
    xd_status status = compile(csv, tree, fault);
    if (status != XD_OK) {
        xd_csv_layout_destroy(csv);
        return status;
    }
    *ret = csv;
    return XD_OK;
}

void xd_csv_layout_destroy(xd_csv_layout *layout)
{
    if (!layout) {
        return;
    }
    xd_encoding_finish(&layout->encoding);
    xd_arena_finish(&layout->arena);
    free(layout);
}
