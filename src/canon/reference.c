/* Writes the reference page of the canonical documents. See reference.h.
 * Owns nothing; calls base and the tables only. Pure. */
#include "canon/reference.h"

#include "canon/kinds_int.h"

#include <stdio.h>

static void write_words(xd_buf *buf, const xd_field *field)
{
    for (int i = 0; field->words[i]; i++) {
        xd_buf_printf(buf, "%s`%s`", i ? ", " : "", field->words[i]);
    }
}

static void write_decimal(xd_buf *buf, const xd_field *field)
{
    const char *sign = field->flags & XD_POSITIVE ? "above 0"
                       : field->flags & XD_SIGNED ? "may be negative"
                                                  : "0 or above";
    xd_buf_printf(buf, "decimal, %s, up to %d places", sign, field->digits);
}

static void write_type(xd_buf *buf, const xd_field *field)
{
    switch ((xd_field_type)field->type) {
    case XD_FIELD_CODE:
        XD_BUF_LIT(buf, "code");
        break;
    case XD_FIELD_TEXT:
        xd_buf_printf(buf, "text, up to %lld bytes", (long long)field->max);
        break;
    case XD_FIELD_CHOICE:
        write_words(buf, field);
        break;
    case XD_FIELD_CURRENCY:
        XD_BUF_LIT(buf, "currency");
        break;
    case XD_FIELD_DATE:
        XD_BUF_LIT(buf, "date");
        break;
    case XD_FIELD_INSTANT:
        XD_BUF_LIT(buf, "instant");
        break;
    case XD_FIELD_INTEGER:
        xd_buf_printf(buf, "integer %lld to %lld%s", (long long)field->min, (long long)field->max,
                      field->flags & XD_UNIQUE ? ", unique in the list" : "");
        break;
    case XD_FIELD_DECIMAL:
        write_decimal(buf, field);
        break;
    case XD_FIELD_RECORD:
        XD_BUF_LIT(buf, "object");
        break;
    case XD_FIELD_LIST:
        xd_buf_printf(buf, "list of %lld to %lld objects", (long long)field->min,
                      (long long)field->max);
        break;
    case XD_FIELD_CODES:
        xd_buf_printf(buf, "list of up to %lld codes", (long long)field->max);
        break;
    case XD_FIELD_EXTENSIONS:
        XD_BUF_LIT(buf, "object");
        break;
    }
}

/* Rows of a record, those of its records and lists right after their own row. */
static void write_rows(xd_buf *buf, const xd_record *record, const char *prefix)
{
    char nested[128];
    for (uint32_t i = 0; i < record->count; i++) {
        const xd_field *field = &record->fields[i];
        xd_buf_printf(buf, "| `%s%s` | ", prefix, field->name);
        write_type(buf, field);
        xd_buf_printf(buf, " | %s | %s |\n", field->flags & XD_REQUIRED ? "yes" : "", field->about);
        if (field->record) {
            const char *items = field->type == XD_FIELD_LIST ? "[]" : "";
            snprintf(nested, sizeof nested, "%s%s%s.", prefix, field->name, items);
            write_rows(buf, field->record, nested);
        }
    }
}

static void write_rules(xd_buf *buf, const xd_record *record, const char *owner)
{
    for (int i = 0; record->rules && record->rules[i]; i++) {
        xd_buf_printf(buf, "- %s%s%s\n", owner, owner[0] ? ": " : "", record->rules[i]);
    }
    for (uint32_t i = 0; i < record->count; i++) {
        if (record->fields[i].record) {
            write_rules(buf, record->fields[i].record, record->fields[i].name);
        }
    }
}

static const char introduction[] =
    "# Canonical documents\n"
    "\n"
    "<!-- Written from the field tables in src/canon; change those, not this page. -->\n"
    "\n"
    "Documents travel as the `data` of CloudEvents 1.0. Each kind has a JSON Schema in `schemas/`; "
    "the rules below\nthat JSON Schema cannot express are checked as well.\n"
    "\n"
    "- **code**: an identifier of 1 to 64 bytes of UTF-8, without control characters and without "
    "spaces around it.\n"
    "- **text**: words for people; tabs and line ends are the only control characters allowed.\n"
    "- **decimal**: an exact number as a JSON string or number, kept with the digits given. "
    "Quantities and prices\n  beyond 10^12 and amounts beyond 10^15 are refused as absurd.\n"
    "- **currency**: an ISO 4217 code. All currencies of a document are the same.\n"
    "- **date**: `YYYY-MM-DD`; **instant**: RFC 3339 with an offset; both must exist.\n"
    "- An optional member may be absent or `null`, which mean the same.\n"
    "- Members not listed are refused; what is your own goes into `extensions`, which takes any "
    "object.\n";

static void write_kind(xd_buf *buf, const xd_kind_info *info)
{
    const char *alias = xd_kind_alias(info->kind);
    xd_buf_printf(buf, "\n## %s\n\n", info->title);
    xd_buf_printf(buf, "Type `crossdock.%s.v%u`", info->name, info->version);
    if (alias) {
        xd_buf_printf(buf, ", also `%s`", alias);
    }
    xd_buf_printf(buf, ". Schema: [%s.json](../schemas/%s.json). Key: `%s`. ", info->name,
                  info->name, info->key_field);
    if (strcmp(info->key_field, info->order_field) == 0) {
        XD_BUF_LIT(buf, "Kept in order by its key.\n\n");
    } else {
        xd_buf_printf(buf, "Kept in order by `%s`, by its key without one.\n\n", info->order_field);
    }
    XD_BUF_LIT(buf, "| Member | Type | Required | Meaning |\n|---|---|---|---|\n");
    write_rows(buf, info->fields->record, "");
    size_t before = buf->len;
    xd_buf_char(buf, '\n');
    write_rules(buf, info->fields->record, "");
    if (buf->len == before + 1) {
        buf->len = before;
    }
}

void xd_canon_reference(xd_buf *buf)
{
    size_t count;
    const xd_kind_info *kinds = xd_kinds(&count);
    XD_BUF_LIT(buf, introduction);
    for (size_t i = 0; i < count; i++) {
        if (kinds[i].fields) {
            write_kind(buf, &kinds[i]);
        }
    }
}
