/* JSON Schema 2020-12 documents from the field tables. See kind.h. Schemas document: they say what
 * JSON Schema can say, and the rules between fields in words; the validator has the last word.
 * Owns nothing; calls base only. Pure. */
#include "canon/field.h"

/* Writes JSON over several lines, for people and for version control. */
typedef struct writer {
    xd_buf *buf;
    int depth;
    bool empty; /* nothing yet in the innermost object */
} writer;

static void new_line(writer *w)
{
    xd_buf_char(w->buf, '\n');
    for (int i = 0; i < w->depth; i++) {
        XD_BUF_LIT(w->buf, "  ");
    }
}

static void open_object(writer *w)
{
    xd_buf_char(w->buf, '{');
    w->depth++;
    w->empty = true;
}

static void close_object(writer *w)
{
    w->depth--;
    if (!w->empty) {
        new_line(w);
    }
    xd_buf_char(w->buf, '}');
    w->empty = false;
}

static void member(writer *w, const char *name)
{
    if (!w->empty) {
        xd_buf_char(w->buf, ',');
    }
    w->empty = false;
    new_line(w);
    xd_json_write_string(w->buf, xd_str_from(name));
    XD_BUF_LIT(w->buf, ": ");
}

static void member_text(writer *w, const char *name, const char *text)
{
    member(w, name);
    xd_json_write_string(w->buf, xd_str_from(text));
}

static void member_int(writer *w, const char *name, int64_t value)
{
    member(w, name);
    xd_buf_int(w->buf, value);
}

/* Null stands for absent, so an optional member allows it. */
static void member_type(writer *w, const xd_field *field, const char *type, const char *other)
{
    bool optional = !(field->flags & XD_REQUIRED);
    if (!optional && !other) {
        member_text(w, "type", type);
        return;
    }
    member(w, "type");
    xd_buf_printf(w->buf, "[\"%s\"", type);
    if (other) {
        xd_buf_printf(w->buf, ", \"%s\"", other);
    }
    if (optional) {
        XD_BUF_LIT(w->buf, ", \"null\"");
    }
    xd_buf_char(w->buf, ']');
}

#define CONTROL "\\u0000-\\u001F\\u007F-\\u009F"
static const char code_pattern[] = "^[^ " CONTROL "]([^" CONTROL "]*[^ " CONTROL "])?$";
static const char text_pattern[] =
    "^[^\\u0000-\\u0008\\u000B\\u000C\\u000E-\\u001F\\u007F-\\u009F]*$";
#define DECIMAL "[0-9]+(\\.[0-9]+)?([eE][+-]?[0-9]+)?$"
static const char signed_pattern[] = "^-?" DECIMAL;
static const char unsigned_pattern[] = "^" DECIMAL;
static const char positive_pattern[] = "^(?=[0-9.]*[1-9])" DECIMAL;
static const char date_pattern[] = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$";

/* Lengths are limits in bytes of UTF-8; maxLength counts characters, which are never more. */
static void write_string(writer *w, const xd_field *field, int64_t min, int64_t max,
                         const char *pattern)
{
    member_type(w, field, "string", NULL);
    if (min > 0) {
        member_int(w, "minLength", min);
    }
    member_int(w, "maxLength", max);
    member_text(w, "pattern", pattern);
}

static void write_choice(writer *w, const xd_field *field)
{
    member(w, "enum");
    xd_buf_char(w->buf, '[');
    for (int i = 0; field->words[i]; i++) {
        if (i) {
            XD_BUF_LIT(w->buf, ", ");
        }
        xd_json_write_string(w->buf, xd_str_from(field->words[i]));
    }
    if (!(field->flags & XD_REQUIRED)) {
        XD_BUF_LIT(w->buf, ", null");
    }
    xd_buf_char(w->buf, ']');
}

static void write_decimal(writer *w, const xd_field *field)
{
    member_type(w, field, "string", "number");
    bool positive = field->flags & XD_POSITIVE;
    bool is_signed = field->flags & XD_SIGNED;
    member_text(w, "pattern",
                positive    ? positive_pattern
                : is_signed ? signed_pattern
                            : unsigned_pattern);
    if (positive) {
        member_int(w, "exclusiveMinimum", 0);
    } else {
        member_int(w, "minimum", is_signed ? -field->max : 0);
    }
    member_int(w, "maximum", field->max);
}

static void write_record(writer *w, const xd_record *record);

static void write_array(writer *w, const xd_field *field)
{
    static const xd_field code = {.flags = XD_REQUIRED};
    member_type(w, field, "array", NULL);
    if (field->min > 0) {
        member_int(w, "minItems", field->min);
    }
    member_int(w, "maxItems", field->max);
    member(w, "items");
    open_object(w);
    if (field->type == XD_FIELD_CODES) {
        write_string(w, &code, 1, XD_CODE_MAX_BYTES, code_pattern);
    } else {
        member_text(w, "type", "object");
        write_record(w, field->record);
    }
    close_object(w);
}

static void write_type(writer *w, const xd_field *field)
{
    switch ((xd_field_type)field->type) {
    case XD_FIELD_CODE:
        write_string(w, field, field->min, field->max, code_pattern);
        break;
    case XD_FIELD_TEXT:
        write_string(w, field, field->min, field->max, text_pattern);
        break;
    case XD_FIELD_CHOICE:
        write_choice(w, field);
        break;
    case XD_FIELD_CURRENCY:
        write_string(w, field, 3, 3, "^[A-Z]{3}$");
        break;
    case XD_FIELD_DATE:
        member_type(w, field, "string", NULL);
        member_text(w, "format", "date");
        member_text(w, "pattern", date_pattern);
        break;
    case XD_FIELD_INSTANT:
        member_type(w, field, "string", NULL);
        member_text(w, "format", "date-time");
        break;
    case XD_FIELD_INTEGER:
        member_type(w, field, "integer", NULL);
        member_int(w, "minimum", field->min);
        member_int(w, "maximum", field->max);
        break;
    case XD_FIELD_DECIMAL:
        write_decimal(w, field);
        break;
    case XD_FIELD_RECORD:
        member_type(w, field, "object", NULL);
        write_record(w, field->record);
        break;
    case XD_FIELD_LIST:
    case XD_FIELD_CODES:
        write_array(w, field);
        break;
    case XD_FIELD_EXTENSIONS:
        member_type(w, field, "object", NULL);
        break;
    }
}

static void write_rules(writer *w, const xd_record *record)
{
    if (!record->rules) {
        return;
    }
    member(w, "$comment");
    xd_buf_char(w->buf, '"');
    for (int i = 0; record->rules[i]; i++) {
        /* Rules are our own words and need no escaping. */
        xd_buf_printf(w->buf, "%s%s", i ? " " : "", record->rules[i]);
    }
    xd_buf_char(w->buf, '"');
}

static void write_record(writer *w, const xd_record *record)
{
    bool first = true;
    write_rules(w, record);
    member(w, "required");
    xd_buf_char(w->buf, '[');
    for (uint32_t i = 0; i < record->count; i++) {
        if (record->fields[i].flags & XD_REQUIRED) {
            xd_buf_printf(w->buf, "%s\"%s\"", first ? "" : ", ", record->fields[i].name);
            first = false;
        }
    }
    xd_buf_char(w->buf, ']');
    member(w, "properties");
    open_object(w);
    for (uint32_t i = 0; i < record->count; i++) {
        member(w, record->fields[i].name);
        open_object(w);
        member_text(w, "description", record->fields[i].about);
        write_type(w, &record->fields[i]);
        close_object(w);
    }
    close_object(w);
    member(w, "additionalProperties");
    XD_BUF_LIT(w->buf, "false");
}

void xd_canon_schema(const xd_kind_info *info, xd_buf *buf)
{
    writer w = {.buf = buf};
    open_object(&w);
    member_text(&w, "$schema", "https://json-schema.org/draft/2020-12/schema");
    member(&w, "$id");
    xd_buf_printf(buf, "\"urn:crossdock:schema:%s:v%u\"", info->name, info->version);
    member_text(&w, "title", info->title);
    member_text(&w, "type", "object");
    if (info->fields) {
        write_record(&w, info->fields->record);
    }
    close_object(&w);
    xd_buf_char(buf, '\n');
}
