/* The validator: walks a document and its kind's field table side by side. See field.h.
 * Members usually come in the order of the table, so the field after the last one is tried first
 * and a well-formed document costs one name comparison a member. Places (JSON pointers) are a chain
 * of stack frames, written out only when something is wrong.
 * Owns nothing; calls base only. Pure. */
#include "canon/field.h"
#include "canon/nearest.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* Where in the document a value is; the outermost has no parent and no name. */
typedef struct xd_place {
    const struct xd_place *parent;
    xd_str name;   /* of a member; ptr NULL for an item */
    uint32_t item; /* of an array */
    const xd_json *json;
} xd_place;

typedef struct walk {
    xd_fault *fault;
    xd_str currency; /* first one met; ptr NULL before */
} walk;

/* What a record tells the list it is an item of. */
typedef struct item {
    xd_sum *sum;
    int64_t number; /* of its XD_UNIQUE field; 0 when it has none */
    xd_str unique;  /* name of that field */
} item;

/* ---- faults ---- */

/* RFC 6901; a pointer too long for the buffer ends early. */
static void write_place(const xd_place *place, char *path, size_t size, size_t *len)
{
    if (!place->parent) {
        return;
    }
    write_place(place->parent, path, size, len);
    char number[16];
    xd_str name = place->name;
    if (!name.ptr) {
        int n = snprintf(number, sizeof number, "%u", place->item);
        name = (xd_str){number, (size_t)n};
    }
    size_t at = *len;
    if (at + 1 < size) {
        path[at++] = '/';
    }
    for (size_t i = 0; i < name.len && at + 2 < size; i++) {
        char c = name.ptr[i];
        if (c == '~' || c == '/') {
            path[at++] = '~';
            path[at++] = c == '~' ? '0' : '1';
        } else {
            path[at++] = c;
        }
    }
    path[at] = '\0';
    *len = at;
}

static xd_status fail_at(xd_fault *fault, const xd_place *place, const char *rule,
                         const char *format, va_list arguments)
    __attribute__((format(printf, 4, 0)));
static xd_status fail_at(xd_fault *fault, const xd_place *place, const char *rule,
                         const char *format, va_list arguments)
{
    char text[sizeof fault->text];
    char path[sizeof fault->path] = "";
    size_t len = 0;
    if (!fault) {
        return XD_INVALID;
    }
    vsnprintf(text, sizeof text, format, arguments);
    write_place(place, path, sizeof path, &len);
    xd_fail(fault, XD_INVALID, rule, "%s", text);
    xd_fault_at(fault, place->json->offset, path);
    return XD_INVALID;
}

/* A fault of one value: rule is "<field>.<rule>". */
static xd_status refuse(const walk *w, const xd_place *place, const xd_field *field,
                        const char *rule, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
static xd_status refuse(const walk *w, const xd_place *place, const xd_field *field,
                        const char *rule, const char *format, ...)
{
    char full[sizeof w->fault->rule];
    snprintf(full, sizeof full, "%s.%s", field->name[0] ? field->name : "data", rule);
    va_list arguments;
    va_start(arguments, format);
    xd_status status = fail_at(w->fault, place, full, format, arguments);
    va_end(arguments);
    return status;
}

xd_status xd_field_fail(const xd_values *values, uint32_t field, const char *rule,
                        const char *format, ...)
{
    const xd_field *row = &values->record->fields[field];
    const xd_json *json = values->value[field].json;
    char full[sizeof values->fault->rule];
    snprintf(full, sizeof full, "%s.%s", row->name, rule);
    xd_place place = {values->place, {row->name, row->name_len}, 0, values->place->json};
    if (json) {
        place.json = json;
    }
    va_list arguments;
    va_start(arguments, format);
    xd_status status = fail_at(values->fault, &place, full, format, arguments);
    va_end(arguments);
    return status;
}

xd_status xd_sum_add(const xd_values *values, uint32_t field, xd_sum *sum)
{
    if (!sum) {
        return XD_OK;
    }
    if (xd_decimal_add(sum->total, values->value[field].decimal, &sum->total) != XD_OK) {
        return xd_field_fail(values, field, "range", "the sum of the items is beyond 38 digits");
    }
    sum->parts++;
    return XD_OK;
}

/* Enough of a value to recognise it in a message. */
#define SHOWN(text) (text).len < 40 ? (int)(text).len : 40, (text).len ? (text).ptr : ""

/* ---- single values ---- */

static xd_status wrong_type(const walk *w, const xd_place *place, const xd_field *field,
                            const char *wanted)
{
    return refuse(w, place, field, "type", "%s must be %s, but is %s",
                  field->name[0] ? field->name : "the document", wanted,
                  xd_json_type_name(place->json->type));
}

/* True when some byte is a control character: U+0000..U+001F, U+007F or U+0080..U+009F. */
static bool has_control(xd_str s, bool *ret_line_ends_only)
{
    bool found = false;
    bool line_ends_only = true;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c < 0x20 || c == 0x7F ||
            (c == 0xC2 && i + 1 < s.len && (unsigned char)s.ptr[i + 1] < 0xA0)) {
            found = true;
            line_ends_only = line_ends_only && (c == '\t' || c == '\n' || c == '\r');
        }
    }
    *ret_line_ends_only = line_ends_only;
    return found;
}

/* True when every byte is printable ASCII, which settles nearly all identifiers at once. */
static inline bool all_printable(xd_str s)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    size_t i = 0;
    uint64_t bad = 0;
    for (; s.len - i >= 8; i += 8) {
        uint64_t x;
        memcpy(&x, s.ptr + i, sizeof x);
        /* High bit of a byte: not ASCII, below 0x20, or 0x7F. */
        bad |= x | (x - ones * 0x20) | (x + ones);
    }
    for (; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bad |= (uint64_t)(c < 0x20 || c >= 0x7F) << 7;
    }
    return (bad & ones * 0x80) == 0;
}

static xd_status check_code(const walk *w, const xd_place *place, const xd_field *field)
{
    const xd_json *json = place->json;
    if (json->type != XD_JSON_STRING) {
        return wrong_type(w, place, field, "a string");
    }
    xd_str text = json->text;
    if (text.len == 0) {
        return refuse(w, place, field, "empty", "%s is empty; give a value or leave it out",
                      field->name);
    }
    if (text.len > (size_t)field->max) {
        return refuse(w, place, field, "length",
                      "%s '%.*s...' has %zu bytes; at most %lld are allowed", field->name,
                      SHOWN(text), text.len, (long long)field->max);
    }
    bool ignored;
    if (!all_printable(text) && has_control(text, &ignored)) {
        return refuse(w, place, field, "control",
                      "%s has a NUL or control character; send the plain identifier", field->name);
    }
    if (text.ptr[0] == ' ' || text.ptr[text.len - 1] == ' ') {
        return refuse(w, place, field, "trim", "%s '%.*s' has spaces around it; send it trimmed",
                      field->name, SHOWN(text));
    }
    return XD_OK;
}

static xd_status check_text(const walk *w, const xd_place *place, const xd_field *field)
{
    const xd_json *json = place->json;
    if (json->type != XD_JSON_STRING) {
        return wrong_type(w, place, field, "a string");
    }
    if (json->text.len > (size_t)field->max) {
        return refuse(w, place, field, "length", "%s has %zu bytes; at most %lld are allowed",
                      field->name, json->text.len, (long long)field->max);
    }
    if (json->text.len < (size_t)field->min) {
        return refuse(w, place, field, "empty", "%s is empty; it is required", field->name);
    }
    bool line_ends_only;
    if (!all_printable(json->text) && has_control(json->text, &line_ends_only) && !line_ends_only) {
        return refuse(w, place, field, "control",
                      "%s has a NUL or control character other than tab and line end; remove it",
                      field->name);
    }
    return XD_OK;
}

static xd_status check_choice(const walk *w, const xd_place *place, const xd_field *field,
                              xd_value *value)
{
    const xd_json *json = place->json;
    if (json->type != XD_JSON_STRING) {
        return wrong_type(w, place, field, "a string");
    }
    for (int i = 0; field->words[i]; i++) {
        if (xd_str_eq(json->text, xd_str_from(field->words[i]))) {
            value->integer = i;
            return XD_OK;
        }
    }
    char words[200] = "";
    size_t len = 0;
    for (int i = 0; field->words[i] && len < sizeof words; i++) {
        len += (size_t)snprintf(words + len, sizeof words - len, "%s%s", i ? ", " : "",
                                field->words[i]);
    }
    return refuse(w, place, field, "choice", "%s '%.*s' is not one of: %s", field->name,
                  SHOWN(json->text), words);
}

static xd_status check_currency(walk *w, const xd_place *place, const xd_field *field)
{
    const xd_json *json = place->json;
    if (json->type != XD_JSON_STRING) {
        return wrong_type(w, place, field, "a string");
    }
    if (xd_currency_digits(json->text) < 0) {
        return refuse(w, place, field, "code",
                      "%s '%.*s' is not an ISO 4217 code; use three capitals such as USD",
                      field->name, SHOWN(json->text));
    }
    if (w->currency.ptr && !xd_str_eq(w->currency, json->text)) {
        return refuse(w, place, field, "mixed",
                      "%s is %.3s here and %.3s before; a document has one currency, so split it",
                      field->name, json->text.ptr, w->currency.ptr);
    }
    w->currency = json->text;
    return XD_OK;
}

static xd_status check_day(const walk *w, const xd_place *place, const xd_field *field,
                           xd_value *value)
{
    const xd_json *json = place->json;
    if (json->type != XD_JSON_STRING) {
        return wrong_type(w, place, field, "a string");
    }
    if (field->type == XD_FIELD_DATE) {
        if (xd_date_parse(json->text, &value->date, NULL) != XD_OK) {
            return refuse(w, place, field, "date",
                          "%s '%.*s' is not a date that exists; write YYYY-MM-DD", field->name,
                          SHOWN(json->text));
        }
    } else if (xd_instant_parse(json->text, &value->instant, NULL) != XD_OK) {
        return refuse(w, place, field, "instant",
                      "%s '%.*s' is not an instant that exists; write it as 2026-11-17T13:06:04Z",
                      field->name, SHOWN(json->text));
    }
    return XD_OK;
}

static xd_status check_integer(const walk *w, const xd_place *place, const xd_field *field,
                               xd_value *value, item *of)
{
    const xd_json *json = place->json;
    int64_t integer;
    if (json->type != XD_JSON_NUMBER || !xd_str_to_int64(json->text, &integer)) {
        if (json->type != XD_JSON_NUMBER) {
            return wrong_type(w, place, field, "a whole number");
        }
        return refuse(w, place, field, "type",
                      "%s must be a whole number without fraction or exponent, but is %.*s",
                      field->name, SHOWN(json->text));
    }
    if (integer < field->min || integer > field->max) {
        return refuse(w, place, field, "range", "%s is %lld; it must be from %lld to %lld",
                      field->name, (long long)integer, (long long)field->min,
                      (long long)field->max);
    }
    value->integer = integer;
    if (field->flags & XD_UNIQUE) {
        of->number = integer;
        of->unique = (xd_str){field->name, field->name_len};
    }
    return XD_OK;
}

static xd_status check_decimal(const walk *w, const xd_place *place, const xd_field *field,
                               xd_value *value)
{
    const xd_json *json = place->json;
    if (json->type != XD_JSON_STRING && json->type != XD_JSON_NUMBER) {
        return wrong_type(w, place, field, "a decimal number or a string holding one");
    }
    xd_decimal decimal;
    xd_status status = xd_decimal_parse(json->text, &decimal, NULL);
    if (status == XD_OVERFLOW) {
        return refuse(w, place, field, "digits", "%s '%.*s' has too many digits to be exact",
                      field->name, SHOWN(json->text));
    }
    if (status != XD_OK) {
        return refuse(w, place, field, "decimal",
                      "%s '%.*s' is not a decimal number; write digits with a point, such as 12.50",
                      field->name, SHOWN(json->text));
    }
    if (decimal.scale > field->digits && xd_decimal_normal(decimal).scale > field->digits) {
        return refuse(w, place, field, "scale", "%s %.*s has more than %d decimal places",
                      field->name, SHOWN(json->text), field->digits);
    }
    if ((field->flags & XD_POSITIVE) && decimal.coefficient <= 0) {
        return refuse(w, place, field, "positive", "%s is %.*s; it must be above zero", field->name,
                      SHOWN(json->text));
    }
    if (!(field->flags & XD_SIGNED) && decimal.coefficient < 0) {
        return refuse(w, place, field, "negative", "%s is %.*s; it must not be negative",
                      field->name, SHOWN(json->text));
    }
    /* A coefficient within the limit needs no comparison: the point only makes it smaller. */
    xd_decimal size = xd_decimal_abs(decimal);
    if (size.coefficient > field->max && xd_decimal_cmp(size, xd_decimal_int(field->max)) > 0) {
        return refuse(w, place, field, "range",
                      "%s is %.*s, which is beyond %lld; check the unit and the decimal point",
                      field->name, SHOWN(json->text), (long long)field->max);
    }
    value->decimal = decimal;
    return XD_OK;
}

/* ---- lists ---- */

static xd_status check_count(const walk *w, const xd_place *place, const xd_field *field)
{
    const xd_json *json = place->json;
    if (json->type != XD_JSON_ARRAY) {
        return wrong_type(w, place, field, "an array");
    }
    if (json->count < (uint64_t)field->min || json->count > (uint64_t)field->max) {
        return refuse(w, place, field, "count", "%s has %u items; it must have from %lld to %lld",
                      field->name, json->count, (long long)field->min, (long long)field->max);
    }
    return XD_OK;
}

static xd_status check_codes(const walk *w, const xd_place *place, const xd_field *field)
{
    XD_TRY(check_count(w, place, field));
    xd_field code = *field;
    code.max = XD_CODE_MAX_BYTES;
    for (uint32_t i = 0; i < place->json->count; i++) {
        xd_place at = {place, XD_STR_NULL, i, &place->json->items[i]};
        XD_TRY(check_code(w, &at, &code));
    }
    return XD_OK;
}

static int number_order(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Finds a number that two items share; the slow way for lists not in ascending order. */
static xd_status check_unique(const walk *w, const xd_place *place, xd_str name)
{
    uint32_t numbers[XD_LINES_MAX];
    const xd_json *list = place->json;
    for (uint32_t i = 0; i < list->count; i++) {
        numbers[i] = (uint32_t)xd_json_get_int(&list->items[i], name, 0);
    }
    qsort(numbers, list->count, sizeof *numbers, number_order);
    uint32_t twice = 0;
    for (uint32_t i = 1; i < list->count && !twice; i++) {
        twice = numbers[i] == numbers[i - 1] ? numbers[i] : 0;
    }
    if (!twice) {
        return XD_OK;
    }
    bool seen = false;
    for (uint32_t i = 0; i < list->count; i++) {
        if (xd_json_get_int(&list->items[i], name, 0) != twice) {
            continue;
        }
        if (seen) {
            xd_place at = {place, XD_STR_NULL, i, &list->items[i]};
            xd_place member = {&at, name, 0, xd_json_get(&list->items[i], name)};
            const xd_field field = {.name = name.ptr};
            return refuse(w, &member, &field, "unique",
                          "%s %u is used by two items; number them apart", name.ptr, twice);
        }
        seen = true;
    }
    return XD_OK;
}

static xd_status walk_record(walk *w, const xd_place *place, const xd_field *field, item *of);

static xd_status check_list(walk *w, const xd_place *place, const xd_field *field, xd_value *value)
{
    XD_TRY(check_count(w, place, field));
    assert(field->max <= XD_LINES_MAX);
    value->sum = (xd_sum){XD_ZERO, 0};
    int64_t last = 0;
    bool ascending = true;
    item each = {.sum = &value->sum};
    for (uint32_t i = 0; i < place->json->count; i++) {
        xd_place at = {place, XD_STR_NULL, i, &place->json->items[i]};
        XD_TRY(walk_record(w, &at, field, &each));
        ascending = ascending && each.number > last;
        last = each.number;
    }
    if (each.unique.ptr && !ascending) {
        return check_unique(w, place, each.unique);
    }
    return XD_OK;
}

/* ---- records ---- */

static xd_status check_value(walk *w, const xd_place *place, const xd_field *field, xd_value *value,
                             item *of)
{
    switch ((xd_field_type)field->type) {
    case XD_FIELD_CODE:
        return check_code(w, place, field);
    case XD_FIELD_TEXT:
        return check_text(w, place, field);
    case XD_FIELD_CHOICE:
        return check_choice(w, place, field, value);
    case XD_FIELD_CURRENCY:
        return check_currency(w, place, field);
    case XD_FIELD_DATE:
    case XD_FIELD_INSTANT:
        return check_day(w, place, field, value);
    case XD_FIELD_INTEGER:
        return check_integer(w, place, field, value, of);
    case XD_FIELD_DECIMAL:
        return check_decimal(w, place, field, value);
    case XD_FIELD_RECORD: {
        item none = {.sum = NULL};
        return walk_record(w, place, field, &none);
    }
    case XD_FIELD_LIST:
        return check_list(w, place, field, value);
    case XD_FIELD_CODES:
        return check_codes(w, place, field);
    case XD_FIELD_EXTENSIONS:
        return place->json->type == XD_JSON_OBJECT ? XD_OK
                                                   : wrong_type(w, place, field, "an object");
    }
    assert(!"a field of no known type");
    return XD_INTERNAL;
}

static xd_status unknown_member(const walk *w, const xd_place *place, const xd_record *record)
{
    const xd_field rule_name = {.name = "member"};
    xd_nearest nearest = xd_nearest_to(place->name);
    char known[200] = "";
    size_t len = 0;
    for (uint32_t i = 0; i < record->count; i++) {
        xd_nearest_offer(&nearest, record->fields[i].name);
        if (len < sizeof known) {
            len += (size_t)snprintf(known + len, sizeof known - len, "%s%s", i ? ", " : "",
                                    record->fields[i].name);
        }
    }
    if (nearest.best) {
        return refuse(
            w, place, &rule_name, "unknown",
            "'%.*s' is not a known member; did you mean '%s'? Members of your own go into "
            "extensions",
            SHOWN(place->name), nearest.best);
    }
    return refuse(
        w, place, &rule_name, "unknown",
        "'%.*s' is not a known member (known: %s); members of your own go into extensions",
        SHOWN(place->name), known);
}

static inline bool is_named(const xd_field *field, xd_str name)
{
    return field->name_len == name.len && memcmp(field->name, name.ptr, name.len) == 0;
}

/* Position of the field called name, searching from the one expected next; count when unknown. */
static inline uint32_t find_field(const xd_record *record, uint32_t expected, xd_str name)
{
    for (uint32_t i = expected; i < record->count; i++) {
        if (is_named(&record->fields[i], name)) {
            return i;
        }
    }
    for (uint32_t i = 0; i < expected; i++) {
        if (is_named(&record->fields[i], name)) {
            return i;
        }
    }
    return record->count;
}

static xd_status missing_member(const walk *w, const xd_place *place, const xd_field *field)
{
    xd_place at = {place, {field->name, field->name_len}, 0, place->json};
    return refuse(w, &at, field, "required", "%s is missing; it is required", field->name);
}

static xd_status walk_record(walk *w, const xd_place *place, const xd_field *field, item *of)
{
    const xd_record *record = field->record;
    const xd_json *object = place->json;
    xd_value value[XD_RECORD_MAX_FIELDS];
    assert(record->count <= XD_RECORD_MAX_FIELDS);
    if (object->type != XD_JSON_OBJECT) {
        return wrong_type(w, place, field, "an object");
    }
    for (uint32_t i = 0; i < record->count; i++) {
        value[i].json = NULL;
    }
    uint32_t next = 0;
    for (uint32_t m = 0; m < object->count; m++) {
        const xd_json_member *member = &object->members[m];
        xd_place at = {place, member->name, 0, &member->value};
        uint32_t i = find_field(record, next, member->name);
        if (i == record->count) {
            return unknown_member(w, &at, record);
        }
        next = i + 1;
        if (member->value.type == XD_JSON_NULL) {
            continue;
        }
        if (value[i].json) {
            return refuse(w, &at, &record->fields[i], "duplicate", "%s is given twice",
                          record->fields[i].name);
        }
        XD_TRY(check_value(w, &at, &record->fields[i], &value[i], of));
        value[i].json = &member->value;
    }
    for (uint32_t i = 0; i < record->count; i++) {
        if ((record->fields[i].flags & XD_REQUIRED) && !value[i].json) {
            return missing_member(w, place, &record->fields[i]);
        }
    }
    if (!record->check) {
        return XD_OK;
    }
    xd_values values = {record, value, place, w->fault};
    return record->check(&values, of->sum);
}

xd_status xd_canon_validate(const xd_kind_info *info, const xd_json *data, xd_fault *fault)
{
    walk w = {.fault = fault};
    xd_place place = {.json = data};
    item none = {.sum = NULL};
    /* The hub writes its own events itself and needs no table for them. */
    return info->fields ? walk_record(&w, &place, info->fields, &none) : XD_OK;
}
