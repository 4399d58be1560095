/* Collecting and showing configuration errors. See config_error.h. Pure. */
#include "app/config_error.h"

#include "base/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Texts of the file are cut to fit into a sentence, perhaps inside a character: what is left of
 * that one becomes '?', so that the text can go into JSON. */
static void mend_utf8(char *text)
{
    size_t bad;
    while (!xd_utf8_valid(xd_str_from(text), &bad)) {
        text[bad] = '?';
    }
}

void xd_config_errors_add(xd_config_errors *errors, const char *file, xd_str text, int64_t offset,
                          const char *path, const char *rule, const char *format, ...)
{
    if (errors->count == XD_CONFIG_ERRORS_MAX) {
        errors->more++;
        return;
    }
    xd_config_error *error = &errors->items[errors->count++];
    *error = (xd_config_error){0};
    if (offset >= 0) {
        xd_fault place = XD_FAULT_NONE;
        place.offset = offset;
        xd_fault_locate(&place, text);
        error->line = place.line;
        error->column = place.column;
    }
    snprintf(error->file, sizeof error->file, "%s", file);
    snprintf(error->path, sizeof error->path, "%s", path);
    snprintf(error->rule, sizeof error->rule, "%s", rule);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    mend_utf8(error->path);
    mend_utf8(error->text);
}

static int compare_places(const void *a, const void *b)
{
    const xd_config_error *left = a;
    const xd_config_error *right = b;
    int files = strcmp(left->file, right->file);
    if (files) {
        return files;
    }
    /* Errors without a place come last: they are about what is missing as a whole. */
    int32_t left_line = left->line ? left->line : INT32_MAX;
    int32_t right_line = right->line ? right->line : INT32_MAX;
    if (left_line != right_line) {
        return left_line < right_line ? -1 : 1;
    }
    if (left->column != right->column) {
        return left->column < right->column ? -1 : 1;
    }
    int paths = strcmp(left->path, right->path);
    return paths ? paths : strcmp(left->text, right->text);
}

void xd_config_errors_sort(xd_config_errors *errors)
{
    qsort(errors->items, errors->count, sizeof errors->items[0], compare_places);
}

void xd_config_errors_write(const xd_config_errors *errors, const char *prefix, xd_buf *buf)
{
    for (uint32_t i = 0; i < errors->count; i++) {
        const xd_config_error *error = &errors->items[i];
        xd_buf_printf(buf, "%s%s", prefix, error->file);
        if (error->line) {
            xd_buf_printf(buf, ":%d:%d", (int)error->line, (int)error->column);
        }
        xd_buf_printf(buf, ": %s%s%s (%s)\n", error->path, error->path[0] ? ": " : "", error->text,
                      error->rule);
    }
    if (errors->more) {
        xd_buf_printf(buf, "... and %u more.\n", (unsigned)errors->more);
    }
}

static void write_text_member(xd_buf *buf, const char *name, const char *value)
{
    xd_buf_printf(buf, "\"%s\":", name);
    xd_json_write_string(buf, xd_str_from(value));
    xd_buf_char(buf, ',');
}

void xd_config_errors_json(const xd_config_errors *errors, xd_buf *buf)
{
    xd_buf_char(buf, '[');
    for (uint32_t i = 0; i < errors->count; i++) {
        const xd_config_error *error = &errors->items[i];
        XD_BUF_LIT(buf, "{");
        write_text_member(buf, "file", error->file);
        xd_buf_printf(buf, "\"line\":%d,\"column\":%d,", (int)error->line, (int)error->column);
        write_text_member(buf, "path", error->path);
        write_text_member(buf, "rule", error->rule);
        XD_BUF_LIT(buf, "\"message\":");
        xd_json_write_string(buf, xd_str_from(error->text));
        xd_buf_str_add(buf, i + 1 < errors->count ? XD_STR("},") : XD_STR("}"));
    }
    xd_buf_char(buf, ']');
}
