/* JSON and NDJSON as formats. See text_int.h. */
#include "format/text_int.h"

#include "format/window_int.h"

#include <stdlib.h>

enum {
    LAYOUT_BYTES = 1 << 20,
    DOCUMENT_BYTES = 64 << 20,
    LINE_BYTES = 1 << 20,
    DEPTH = 64,
    MOST_STEPS = 16,
    TREE_FACTOR = 64 /* a tree takes at most this times its text: "[0,0,0" is the worst */
};

struct xd_text_layout {
    xd_arena arena; /* owns the steps */
    bool lines;     /* NDJSON */
    bool each;
    xd_str steps[MOST_STEPS]; /* members on the way to the array */
    uint32_t step_count;
    xd_json_limits limits;
};

struct xd_text_reader {
    const xd_text_layout *layout; /* borrows */
    xd_window window;             /* NDJSON */
    size_t scanned;
    int64_t line, offset;
    xd_buf document; /* owns; JSON: what was fed so far */
    xd_str piece;    /* borrows */
    bool last, parsed, failed;
    xd_arena arena; /* owns the tree */
    const xd_json *items;
    uint32_t item_count, item_next;
};

struct xd_text_writer {
    const xd_text_layout *layout; /* borrows */
    bool started, ended;
};

static xd_status out_of_memory(xd_fault *fault)
{
    return xd_fail(fault, XD_NO_MEMORY, NULL, "no memory for JSON");
}

/* "/orders" or "" (the document itself): a JSON pointer without array places. */
static xd_status read_each(xd_text_layout *text, const xd_layout *layout)
{
    xd_str each = XD_STR_NULL;
    XD_TRY(xd_layout_text(layout, "each", &each));
    if (!each.ptr) {
        return XD_OK;
    }
    each = xd_arena_copy(&text->arena, each);
    if (!each.ptr) {
        return out_of_memory(layout->fault);
    }
    text->each = true;
    if (each.len && each.ptr[0] != '/') {
        return xd_layout_fail(layout, "each", "layout.path",
                              "each is the way to an array, such as /orders; \"\" is the document");
    }
    for (size_t begin = 1, i = 1; each.len && i <= each.len; i++) {
        if (i < each.len && each.ptr[i] != '/') {
            continue;
        }
        if (text->step_count == MOST_STEPS || memchr(each.ptr + begin, '~', i - begin)) {
            return xd_layout_fail(layout, "each", "layout.path",
                                  "each has at most %d steps and no ~", MOST_STEPS);
        }
        text->steps[text->step_count++] = (xd_str){each.ptr + begin, i - begin};
        begin = i + 1;
    }
    return XD_OK;
}

static xd_status compile(xd_text_layout *text, const xd_json *tree, xd_fault *fault)
{
    static const char *const json_members[] = {"format", "each", "max_bytes", "max_depth", NULL};
    static const char *const line_members[] = {"format", "max_row_bytes", "max_depth", NULL};
    xd_layout layout;
    int64_t bytes = text->lines ? LINE_BYTES : DOCUMENT_BYTES;
    int64_t depth = DEPTH;
    XD_TRY(xd_layout_open(tree, "", fault, &layout));
    XD_TRY(xd_layout_only(&layout, text->lines ? line_members : json_members));
    XD_TRY(xd_layout_int(&layout, text->lines ? "max_row_bytes" : "max_bytes", 16, INT64_C(1) << 30,
                         &bytes));
    XD_TRY(xd_layout_int(&layout, "max_depth", 1, 10000, &depth));
    text->limits = (xd_json_limits){.max_bytes = (size_t)bytes, .max_depth = (uint32_t)depth};
    return read_each(text, &layout);
}

xd_status xd_text_compile(const xd_json *tree, bool lines, xd_text_layout **ret, xd_fault *fault)
{
    xd_text_layout *text = calloc(1, sizeof *text);
    if (!text) {
        return out_of_memory(fault);
    }
    text->lines = lines;
    xd_arena_init(&text->arena, LAYOUT_BYTES);
    xd_status status = compile(text, tree, fault);
    if (status != XD_OK) {
        xd_text_layout_destroy(text);
        return status;
    }
    *ret = text;
    return XD_OK;
}

void xd_text_layout_destroy(xd_text_layout *layout)
{
    if (layout) {
        xd_arena_finish(&layout->arena);
        free(layout);
    }
}

xd_status xd_text_reader_create(const xd_text_layout *layout, xd_text_reader **ret, xd_fault *fault)
{
    xd_text_reader *reader = calloc(1, sizeof *reader);
    if (!reader) {
        return out_of_memory(fault);
    }
    reader->layout = layout;
    xd_window_init(&reader->window, layout->limits.max_bytes);
    xd_buf_init(&reader->document, layout->limits.max_bytes + 1);
    xd_arena_init(&reader->arena, layout->limits.max_bytes * TREE_FACTOR);
    *ret = reader;
    return XD_OK;
}

void xd_text_reader_destroy(xd_text_reader *reader)
{
    if (reader) {
        xd_window_finish(&reader->window);
        xd_buf_finish(&reader->document);
        xd_arena_finish(&reader->arena);
        free(reader);
    }
}

void xd_text_feed(xd_text_reader *reader, xd_str piece, bool last)
{
    reader->last = last;
    if (reader->failed) {
        return;
    }
    if (reader->layout->lines) {
        xd_window_feed(&reader->window, piece, last);
    } else {
        reader->piece = piece;
    }
}

int64_t xd_text_line(const xd_text_reader *reader)
{
    return reader->line;
}

static xd_str without_mark(xd_str text)
{
    bool mark = text.len >= 3 && memcmp(text.ptr, "\xEF\xBB\xBF", 3) == 0;
    return mark ? (xd_str){text.ptr + 3, text.len - 3} : text;
}

/* --- documents --- */

/* Goes down to the array whose items are the records. */
static xd_status find_items(xd_text_reader *reader, const xd_json *root, xd_fault *fault)
{
    const xd_text_layout *layout = reader->layout;
    reader->items = root;
    reader->item_count = 1;
    if (!layout->each) {
        return XD_OK;
    }
    for (uint32_t i = 0; root && i < layout->step_count; i++) {
        root = xd_json_get(root, layout->steps[i]);
    }
    if (!root || root->type != XD_JSON_ARRAY) {
        return xd_fail(fault, XD_INVALID, "json.each",
                       "expected an array where the layout's each points, found %s",
                       root ? xd_json_type_name(root->type) : "nothing");
    }
    reader->items = root->items;
    reader->item_count = root->count;
    return XD_OK;
}

static xd_status parse_document(xd_text_reader *reader, xd_fault *fault)
{
    xd_str text = reader->piece;
    if (reader->document.len || !reader->last) {
        xd_buf_str_add(&reader->document, reader->piece);
        reader->piece = XD_STR_NULL;
        text = xd_buf_str(&reader->document);
    }
    if (reader->document.failed || text.len > reader->layout->limits.max_bytes) {
        return xd_fail(fault, XD_LIMIT, "json.size",
                       "the document is longer than %zu bytes (max_bytes)",
                       reader->layout->limits.max_bytes);
    }
    if (!reader->last) {
        return XD_OK;
    }
    reader->parsed = true;
    text = without_mark(text);
    const xd_json *root = NULL;
    xd_status status = xd_json_parse(text, reader->layout->limits, &reader->arena, &root, fault);
    if (status != XD_OK) {
        xd_fault_locate(fault, text);
        return status;
    }
    return find_items(reader, root, fault);
}

/* --- lines --- */

static xd_status parse_line(xd_text_reader *reader, xd_str line, const xd_json **ret,
                            xd_fault *fault)
{
    line = reader->line == 1 ? without_mark(line) : line;
    line.len -= line.len && line.ptr[line.len - 1] == '\r';
    if (line.len == 0) {
        return XD_OK;
    }
    xd_arena_reset(&reader->arena);
    xd_status status = xd_json_parse(line, reader->layout->limits, &reader->arena, ret, fault);
    if (status != XD_OK && fault) {
        int64_t at = fault->offset < 0 ? 0 : fault->offset;
        fault->line = (int32_t)(reader->line < INT32_MAX ? reader->line : INT32_MAX);
        fault->column = (int32_t)at + 1;
        xd_fault_at(fault, reader->offset + at, NULL);
    }
    return status;
}

static xd_status line_too_long(xd_text_reader *reader, xd_fault *fault)
{
    reader->failed = true;
    xd_status status =
        xd_fail(fault, XD_LIMIT, "json.size", "a line is longer than %zu bytes (max_row_bytes)",
                reader->layout->limits.max_bytes);
    if (fault) {
        fault->line = (int32_t)(reader->line < INT32_MAX ? reader->line + 1 : INT32_MAX);
        xd_fault_at(fault, reader->offset, NULL);
    }
    return status;
}

static xd_status next_line(xd_text_reader *reader, const xd_json **ret, xd_fault *fault)
{
    for (;;) {
        xd_str view = xd_window_view(&reader->window);
        const char *from = view.ptr + reader->scanned;
        size_t left = view.len - reader->scanned;
        const char *end = left ? memchr(from, '\n', left) : NULL;
        size_t len = end ? (size_t)(end - view.ptr) : view.len;
        if (len > reader->layout->limits.max_bytes + 1) {
            return line_too_long(reader, fault);
        }
        if (!end) {
            reader->scanned = view.len;
            if (xd_window_grow(&reader->window)) {
                continue;
            }
            if (reader->window.carry.failed) {
                return line_too_long(reader, fault);
            }
            if (!reader->window.last || view.len == 0) {
                *ret = NULL;
                return XD_OK;
            }
            view = xd_window_view(&reader->window);
            len = view.len;
        }
        reader->line++;
        const xd_json *record = NULL;
        xd_status status = parse_line(reader, (xd_str){view.ptr, len}, &record, fault);
        size_t taken = len + (end ? 1 : 0);
        reader->offset += (int64_t)taken;
        reader->scanned = 0;
        xd_window_take(&reader->window, taken);
        if (status != XD_OK) {
            return status;
        }
        if (record) {
            *ret = record;
            return XD_OK;
        }
    }
}

xd_status xd_text_next(xd_text_reader *reader, const xd_json **ret, bool *ret_goes_on,
                       xd_fault *fault)
{
    if (reader->failed) {
        *ret = NULL;
        return XD_OK;
    }
    if (reader->layout->lines) {
        xd_status status = next_line(reader, ret, fault);
        *ret_goes_on = status != XD_OK && !reader->failed;
        return status;
    }
    *ret_goes_on = false;
    if (!reader->parsed) {
        xd_status status = parse_document(reader, fault);
        if (status != XD_OK) {
            reader->failed = true;
            return status;
        }
    }
    *ret = reader->item_next < reader->item_count ? &reader->items[reader->item_next++] : NULL;
    return XD_OK;
}

/* --- writing --- */

xd_status xd_text_writer_create(const xd_text_layout *layout, xd_text_writer **ret, xd_fault *fault)
{
    xd_text_writer *writer = calloc(1, sizeof *writer);
    if (!writer) {
        return out_of_memory(fault);
    }
    writer->layout = layout;
    *ret = writer;
    return XD_OK;
}

void xd_text_writer_destroy(xd_text_writer *writer)
{
    free(writer);
}

static void open_array(const xd_text_writer *writer, xd_buf *buf)
{
    for (uint32_t i = 0; i < writer->layout->step_count; i++) {
        xd_buf_char(buf, '{');
        xd_json_write_string(buf, writer->layout->steps[i]);
        xd_buf_char(buf, ':');
    }
    xd_buf_char(buf, '[');
}

xd_status xd_text_write(xd_text_writer *writer, const xd_json *record, xd_buf *buf, xd_fault *fault)
{
    const xd_text_layout *layout = writer->layout;
    size_t begin = buf->len;
    if (!layout->lines && !layout->each && writer->started) {
        return xd_fail(fault, XD_INVALID, "json.each",
                       "a JSON document is one record; \"each\": \"\" in the layout makes an array "
                       "of many");
    }
    if (layout->each) {
        if (writer->started) {
            XD_BUF_LIT(buf, ",\n");
        } else {
            open_array(writer, buf);
        }
    }
    xd_json_write(buf, record);
    if (!layout->each) {
        xd_buf_char(buf, '\n');
    }
    if (buf->failed) {
        buf->len = begin;
        return out_of_memory(fault);
    }
    writer->started = true;
    return XD_OK;
}

xd_status xd_text_write_end(xd_text_writer *writer, xd_buf *buf, xd_fault *fault)
{
    if (!writer->layout->each || writer->ended) {
        return XD_OK;
    }
    if (!writer->started) {
        open_array(writer, buf);
    }
    xd_buf_char(buf, ']');
    for (uint32_t i = 0; i < writer->layout->step_count; i++) {
        xd_buf_char(buf, '}');
    }
    xd_buf_char(buf, '\n');
    writer->ended = true;
    return buf->failed ? out_of_memory(fault) : XD_OK;
}
