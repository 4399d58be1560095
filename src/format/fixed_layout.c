/* Compiling a fixed-width layout. See fixed.h and docs/formats.md. */
#include "format/fixed_int.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    LAYOUT_BYTES = 8 << 20,
    MOST_RECORD_BYTES = 1 << 20,
    RDW_BYTES = 32760, /* the most of a record in a variable-length data set */
    MOST_FIELDS = 4096,
    MOST_RECORDS = 256,
    PACKED_BYTES = 19,
    BINARY_BYTES = 8,
    DIGITS = 38
};

static const char *const members[] = {
    "format",   "encoding",    "record_bytes",     "rdw", "fields", "records", "record_member",
    "line_end", "short_lines", "max_record_bytes", NULL};
static const char *const record_members[] = {"name", "when", "fields", NULL};
static const char *const when_members[] = {"start", "value", NULL};
static const char *const field_members[] = {"name",     "start", "length",         "pad", "justify",
                                            "decimals", "sign",  XD_VALUE_MEMBERS, NULL};
static const char *const field_types[] = {"text",    "decimal", "integer", "date",   "instant",
                                          "boolean", "zoned",   "packed",  "binary", NULL};
enum { TYPE_ZONED = XD_VALUE_BOOLEAN + 1, TYPE_PACKED, TYPE_BINARY };

static xd_status out_of_memory(xd_fault *fault)
{
    return xd_fail(fault, XD_NO_MEMORY, NULL, "no memory for the layout");
}

/* Sets kind, sign and decimals from the type. */
static xd_status read_number_form(const xd_layout *layout, int type, xd_fixed_field *field)
{
    static const char *const signs[] = {"leading",           "trailing", "overpunch",
                                        "overpunch_leading", "none",     NULL};
    int sign = type == TYPE_ZONED ? XD_SIGN_OVERPUNCH : XD_SIGN_LEADING;
    int64_t decimals = 0;
    bool number = type == XD_VALUE_DECIMAL || type == XD_VALUE_INTEGER || type >= TYPE_ZONED;
    bool has_sign = XD_GET(layout->object, "sign") != NULL;
    bool has_decimals = XD_GET(layout->object, "decimals") != NULL;
    XD_TRY(xd_layout_word(layout, "sign", signs, &sign));
    XD_TRY(xd_layout_int(layout, "decimals", 0, DIGITS, &decimals));
    if (!number && (has_sign || has_decimals)) {
        return xd_layout_fail(layout, has_sign ? "sign" : "decimals", "layout.type",
                              "%s has no meaning for the type %s", has_sign ? "sign" : "decimals",
                              field_types[type]);
    }
    if (type == XD_VALUE_INTEGER && decimals) {
        return xd_layout_fail(layout, "decimals", "layout.type",
                              "an integer has no decimals; use the type decimal");
    }
    if (type >= TYPE_PACKED && sign != XD_SIGN_LEADING && sign != XD_SIGN_NONE) {
        return xd_layout_fail(layout, "sign", "layout.sign",
                              "a %s number carries its sign by itself; only none can be said",
                              field_types[type]);
    }
    field->sign = (xd_fixed_sign)sign;
    field->decimals = (int32_t)decimals;
    field->kind = type == TYPE_PACKED                              ? XD_FIXED_PACKED
                  : type == TYPE_BINARY                            ? XD_FIXED_BINARY
                  : type == TYPE_ZONED || has_sign || has_decimals ? XD_FIXED_DIGITS
                                                                   : XD_FIXED_TEXT;
    field->value.type = type >= TYPE_ZONED ? XD_VALUE_DECIMAL : (xd_value_type)type;
    field->right = number;
    field->pad = ' ';
    return XD_OK;
}

static xd_status check_lengths(const xd_layout *layout, const xd_fixed_layout *fixed,
                               const xd_fixed_field *field)
{
    uint32_t most = field->kind == XD_FIXED_PACKED   ? PACKED_BYTES
                    : field->kind == XD_FIXED_BINARY ? BINARY_BYTES
                    : field->kind == XD_FIXED_DIGITS ? DIGITS + 1
                                                     : MOST_RECORD_BYTES;
    if (field->length > most) {
        return xd_layout_fail(layout, "length", "layout.range",
                              "a number of this type has at most %u bytes", most);
    }
    if (field->kind >= XD_FIXED_PACKED && fixed->framing == XD_FIXED_LINES) {
        return xd_layout_fail(layout, "type", "layout.framing",
                              "bytes of packed and binary numbers can look like line ends; the "
                              "layout needs record_bytes or rdw");
    }
    if (fixed->framing == XD_FIXED_BLOCKS && field->start + field->length > fixed->record_bytes) {
        return xd_layout_fail(layout, NULL, "layout.range",
                              "the field ends at byte %u; records have %u bytes",
                              field->start + field->length, fixed->record_bytes);
    }
    return XD_OK;
}

static xd_status read_field(xd_fixed_layout *fixed, const xd_json *item, const char *path,
                            uint32_t follows, xd_fixed_field *ret, xd_fault *fault)
{
    static const char *const sides[] = {"left", "right", NULL};
    xd_layout layout;
    xd_fixed_field field = {.name = XD_STR("")};
    int type = XD_VALUE_TEXT;
    int64_t start = (int64_t)follows + 1;
    int64_t length = 0;
    XD_TRY(xd_layout_open(item, path, fault, &layout));
    XD_TRY(xd_layout_only(&layout, field_members));
    XD_TRY(xd_layout_text(&layout, "name", &field.name));
    XD_TRY(xd_layout_word(&layout, "type", field_types, &type));
    XD_TRY(xd_layout_int(&layout, "start", 1, MOST_RECORD_BYTES, &start));
    XD_TRY(xd_layout_int(&layout, "length", 1, MOST_RECORD_BYTES, &length));
    if (length == 0 || start + length - 1 > MOST_RECORD_BYTES) {
        return xd_layout_fail(&layout, length ? "start" : NULL, "layout.required",
                              length ? "the field ends behind byte %d"
                                     : "a field needs its length in bytes (at most %d)",
                              MOST_RECORD_BYTES);
    }
    field.start = (uint32_t)start - 1;
    field.length = (uint32_t)length;
    XD_TRY(read_number_form(&layout, type, &field));
    int side = field.right;
    XD_TRY(xd_layout_word(&layout, "justify", sides, &side));
    field.right = side == 1;
    XD_TRY(xd_layout_char(&layout, "pad", &field.pad));
    if (!field.pad) {
        return xd_layout_fail(&layout, "pad", "layout.character", "pad must be one character");
    }
    if (!field.right && field.pad >= '0' && field.pad <= '9' && field.value.type != XD_VALUE_TEXT) {
        return xd_layout_fail(&layout, "pad", "layout.character",
                              "digits cannot pad a number on the right: they would be part of it");
    }
    XD_TRY(check_lengths(&layout, fixed, &field));
    field.name = xd_arena_copy(&fixed->arena, field.name);
    if (!field.name.ptr) {
        return out_of_memory(fault);
    }
    XD_TRY(xd_value_compile(&layout, &fixed->arena, true, &field.value));
    *ret = field;
    return XD_OK;
}

static xd_status read_fields(xd_fixed_layout *fixed, const xd_layout *layout,
                             xd_fixed_record *record)
{
    const xd_json *list = NULL;
    XD_TRY(xd_layout_list(layout, "fields", &list));
    if (!list || list->count == 0 || list->count > MOST_FIELDS) {
        return xd_layout_fail(layout, list ? "fields" : NULL, "layout.required",
                              "a record needs fields, 1 to %d of them", MOST_FIELDS);
    }
    record->fields = xd_arena_zalloc(&fixed->arena, list->count * sizeof *record->fields);
    if (!record->fields) {
        return out_of_memory(layout->fault);
    }
    uint32_t follows = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/fields/%u", layout->path, i);
        xd_fixed_field *field = &record->fields[i];
        XD_TRY(read_field(fixed, &list->items[i], path, follows, field, layout->fault));
        follows = field->start + field->length;
        record->length = follows > record->length ? follows : record->length;
        for (uint32_t k = 0; k < i && field->name.len; k++) {
            if (xd_str_eq(record->fields[k].name, field->name)) {
                return xd_layout_fail(layout, "fields", "layout.twice",
                                      "two fields are called \"%.*s\"", XD_FMT(field->name));
            }
        }
    }
    record->field_count = list->count;
    return XD_OK;
}

static xd_status read_when(xd_fixed_layout *fixed, const xd_layout *layout, xd_fixed_record *record)
{
    xd_layout when;
    char path[128];
    int64_t start = 1;
    xd_str value = XD_STR("");
    snprintf(path, sizeof path, "%s/when", layout->path);
    XD_TRY(xd_layout_open(XD_GET(layout->object, "when"), path, layout->fault, &when));
    XD_TRY(xd_layout_only(&when, when_members));
    XD_TRY(xd_layout_int(&when, "start", 1, MOST_RECORD_BYTES, &start));
    XD_TRY(xd_layout_text(&when, "value", &value));
    if (value.len == 0 || value.len > 256) {
        return xd_layout_fail(&when, NULL, "layout.required",
                              "when needs the value by which the record is known, such as \"01\"");
    }
    xd_buf bytes;
    xd_buf_init(&bytes, 4096);
    xd_status status = xd_encoding_write(&fixed->encoding, value, &bytes, layout->fault);
    if (status == XD_OK) {
        record->when = xd_arena_copy(&fixed->arena, xd_buf_str(&bytes));
        record->when_start = (uint32_t)start - 1;
        record->when_length = (uint32_t)bytes.len;
        status = record->when.ptr ? XD_OK : out_of_memory(layout->fault);
    }
    xd_buf_finish(&bytes);
    uint32_t end = record->when_start + record->when_length;
    record->length = end > record->length ? end : record->length;
    return status;
}

static xd_status read_records(xd_fixed_layout *fixed, const xd_layout *layout)
{
    const xd_json *list = NULL;
    XD_TRY(xd_layout_list(layout, "records", &list));
    bool fields = XD_GET(layout->object, "fields") != NULL;
    if (fields == (list != NULL)) {
        return xd_layout_fail(layout, NULL, "layout.required",
                              "say either fields (one kind of record) or records (several)");
    }
    uint32_t count = list ? list->count : 1;
    if (count == 0 || count > MOST_RECORDS) {
        return xd_layout_fail(layout, "records", "layout.range", "records must be 1 to %d",
                              MOST_RECORDS);
    }
    fixed->records = xd_arena_zalloc(&fixed->arena, count * sizeof *fixed->records);
    if (!fixed->records) {
        return out_of_memory(layout->fault);
    }
    fixed->record_count = count;
    if (!list) {
        return read_fields(fixed, layout, &fixed->records[0]);
    }
    for (uint32_t i = 0; i < count; i++) {
        xd_fixed_record *record = &fixed->records[i];
        xd_layout item;
        char path[64];
        snprintf(path, sizeof path, "/records/%u", i);
        XD_TRY(xd_layout_open(&list->items[i], path, layout->fault, &item));
        XD_TRY(xd_layout_only(&item, record_members));
        XD_TRY(xd_layout_text(&item, "name", &record->name));
        if (record->name.len == 0) {
            return xd_layout_fail(&item, NULL, "layout.required", "a record needs a name");
        }
        record->name = xd_arena_copy(&fixed->arena, record->name);
        if (!record->name.ptr) {
            return out_of_memory(layout->fault);
        }
        XD_TRY(read_fields(fixed, &item, record));
        if (XD_GET(item.object, "when")) {
            XD_TRY(read_when(fixed, &item, record));
        } else if (i + 1 < count) {
            return xd_layout_fail(&item, NULL, "layout.required",
                                  "only the last record may be without when: it takes what no "
                                  "other takes");
        }
        for (uint32_t k = 0; k < i; k++) {
            if (xd_str_eq(fixed->records[k].name, record->name)) {
                return xd_layout_fail(&item, "name", "layout.twice",
                                      "two records are called \"%.*s\"", XD_FMT(record->name));
            }
        }
    }
    return XD_OK;
}

static xd_status read_framing(xd_fixed_layout *fixed, const xd_layout *layout)
{
    static const char *const ends[] = {"crlf", "lf", NULL};
    int end = 1;
    int64_t record_bytes = 0;
    bool rdw = false;
    int64_t most = 65536;
    XD_TRY(xd_layout_int(layout, "record_bytes", 1, MOST_RECORD_BYTES, &record_bytes));
    XD_TRY(xd_layout_bool(layout, "rdw", &rdw));
    XD_TRY(xd_layout_word(layout, "line_end", ends, &end));
    XD_TRY(xd_layout_bool(layout, "short_lines", &fixed->short_lines));
    XD_TRY(xd_layout_int(layout, "max_record_bytes", 16, MOST_RECORD_BYTES, &most));
    if (rdw && record_bytes) {
        return xd_layout_fail(layout, "rdw", "layout.framing",
                              "records have either all the same record_bytes or an rdw each");
    }
    fixed->framing = rdw ? XD_FIXED_RDW : record_bytes ? XD_FIXED_BLOCKS : XD_FIXED_LINES;
    fixed->record_bytes = (uint32_t)record_bytes;
    fixed->max_record_bytes = (uint32_t)(rdw ? RDW_BYTES : record_bytes ? record_bytes : most);
    fixed->line_end = end ? "\n" : "\r\n";
    return XD_OK;
}

static xd_status compile(xd_fixed_layout *fixed, const xd_json *tree, xd_fault *fault)
{
    xd_layout layout;
    xd_str encoding = XD_STR("UTF-8");
    XD_TRY(xd_layout_open(tree, "", fault, &layout));
    XD_TRY(xd_layout_only(&layout, members));
    XD_TRY(xd_layout_text(&layout, "encoding", &encoding));
    xd_status status = xd_encoding_init(&fixed->encoding, encoding, fault);
    if (status != XD_OK) {
        xd_fault_at(fault, XD_GET(tree, "encoding")->offset, "/encoding");
        return status;
    }
    if (!fixed->encoding.utf8 && !fixed->encoding.one_byte) {
        return xd_layout_fail(&layout, "encoding", "layout.encoding",
                              "fixed widths count bytes: the encoding must be UTF-8 or have one "
                              "byte a character");
    }
    fixed->blank = fixed->encoding.one_byte && fixed->encoding.page->ebcdic ? 0x40 : ' ';
    fixed->record_member = XD_STR("record");
    XD_TRY(xd_layout_text(&layout, "record_member", &fixed->record_member));
    fixed->record_member = xd_arena_copy(&fixed->arena, fixed->record_member);
    if (!fixed->record_member.ptr) {
        return out_of_memory(fault);
    }
    XD_TRY(read_framing(fixed, &layout));
    XD_TRY(read_records(fixed, &layout));
    for (uint32_t i = 0; i < fixed->record_count; i++) {
        if (fixed->records[i].length > fixed->max_record_bytes) {
            return xd_layout_fail(&layout, NULL, "layout.range",
                                  "a record has %u bytes; at most %u are allowed%s",
                                  fixed->records[i].length, fixed->max_record_bytes,
                                  fixed->framing == XD_FIXED_LINES ? " (max_record_bytes)" : "");
        }
    }
    return XD_OK;
}

xd_status xd_fixed_compile(const xd_json *tree, xd_fixed_layout **ret, xd_fault *fault)
{
    xd_fixed_layout *fixed = calloc(1, sizeof *fixed);
    if (!fixed) {
        return out_of_memory(fault);
    }
    xd_arena_init(&fixed->arena, LAYOUT_BYTES);
    xd_status status = compile(fixed, tree, fault);
    if (status != XD_OK) {
        xd_fixed_layout_destroy(fixed);
        return status;
    }
    *ret = fixed;
    return XD_OK;
}

void xd_fixed_layout_destroy(xd_fixed_layout *layout)
{
    if (!layout) {
        return;
    }
    xd_encoding_finish(&layout->encoding);
    xd_arena_finish(&layout->arena);
    free(layout);
}
