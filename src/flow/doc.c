/* Loads, reads and writes typed state documents. See doc.h. Pure; calls base and the step. */
#include "flow/doc.h"

#include "base/hash.h"
#include "flow/hold_code.h"

enum { FIRST_TABLE = 64 };

static xd_status no_memory(xd_fault *fault)
{
    return xd_fail(fault, XD_NO_MEMORY, "step.memory",
                   "the step of one event needs too much memory");
}

static const char *const hold_names[XD_HOLD_COUNT] = {"PRICE",
                                                      "QUANTITY_ORDERED",
                                                      "QUANTITY_RECEIVED",
                                                      "AMOUNT",
                                                      "LINE_UNMATCHED",
                                                      "DUPLICATE",
                                                      "CURRENCY",
                                                      "TOTAL",
                                                      "TAX",
                                                      "CHARGE",
                                                      "ORDER_NOT_APPROVED",
                                                      "UNIT"};

const char *xd_hold_name(xd_hold_code code)
{
    return hold_names[code];
}

xd_hold_code xd_hold_by_name(xd_str name)
{
    int code = 0;
    while (code < XD_HOLD_COUNT && !xd_str_eq(name, xd_str_from(hold_names[code]))) {
        code++;
    }
    return (xd_hold_code)code;
}

/* --- reading --- */

/* Names between quotes; the hub writes them without escapes. */
static bool read_codes(xd_str text, uint32_t *ret)
{
    uint32_t codes = 0;
    const char *p = text.ptr, *end = text.ptr + text.len;
    while ((p = memchr(p, '"', (size_t)(end - p)))) {
        const char *close = memchr(p + 1, '"', (size_t)(end - p - 1));
        xd_hold_code code =
            close ? xd_hold_by_name((xd_str){p + 1, (size_t)(close - p - 1)}) : XD_HOLD_COUNT;
        if (code == XD_HOLD_COUNT) {
            return false;
        }
        codes |= xd_hold_bit(code);
        p = close + 1;
    }
    *ret = codes;
    return true;
}

/* text is the value of a string or the lexeme of a number, and else the source text. */
static bool read_member(const xd_doc_member *member, xd_json_type type, xd_str text, void *ret)
{
    void *to = (char *)ret + member->offset;
    bool scalar = type == XD_JSON_STRING || type == XD_JSON_NUMBER;
    switch ((xd_doc_member_type)member->type) {
    case XD_DOC_DECIMAL:
        return scalar && xd_decimal_parse(text, to, NULL) == XD_OK;
    case XD_DOC_OPTIONAL: {
        xd_limit_value *limit = to;
        limit->set = true;
        return scalar && xd_decimal_parse(text, &limit->value, NULL) == XD_OK;
    }
    case XD_DOC_INTEGER:
        return type == XD_JSON_NUMBER && xd_str_to_int64(text, to);
    case XD_DOC_TEXT:
        *(xd_str *)to = text;
        return type == XD_JSON_STRING;
    case XD_DOC_FLAG:
        *(bool *)to = type == XD_JSON_TRUE;
        return true;
    case XD_DOC_CODES:
        return type == XD_JSON_ARRAY && read_codes(text, to);
    case XD_DOC_JSON:
        xd_doc_set(to, text);
        return true;
    }
    return false;
}

/* Finds the member whose name stands between the quotes at p, starting at *at: documents are
 * written in the table's order, so the next name is near. NULL when the table does not know it. */
static const xd_doc_member *find_member(const xd_doc_member *members, uint32_t count, uint32_t *at,
                                        const char *p, size_t room)
{
    uint32_t i = *at;
    for (uint32_t tried = 0; tried < count; tried++) {
        const xd_doc_member *member = &members[i];
        i = i + 1 < count ? i + 1 : 0;
        if (member->name[0] == p[0] && member->name_len < room && p[member->name_len] == '"' &&
            memcmp(member->name, p, member->name_len) == 0) {
            *at = i;
            return member;
        }
    }
    return NULL;
}

/* The quote that closes the string opened before p, NULL when it holds an escape or does not end.
 */
static const char *plain_end(const char *p, const char *end)
{
    while (p < end && *p != '"' && *p != '\\') {
        p++;
    }
    return p < end && *p == '"' ? p : NULL;
}

/* The end of the array or object that starts at p, NULL when it does not end. */
static const char *nested_end(const char *p, const char *end)
{
    int depth = 0;
    for (; p < end; p++) {
        if (*p == '"') {
            for (p++; p < end && *p != '"'; p++) {
                p += *p == '\\';
            }
        } else if (*p == '{' || *p == '[') {
            depth++;
        } else if ((*p == '}' || *p == ']') && --depth == 0) {
            return p + 1;
        }
    }
    return NULL;
}

/* One value at p as the hub writes it, without white space: its type and text, and where it ends.
 * NULL when it is anything else. */
static const char *scan_value(const char *p, const char *end, xd_json_type *ret_type,
                              xd_str *ret_text)
{
    const char *stop;
    switch (*p) {
    case '"':
        stop = plain_end(p + 1, end);
        *ret_type = XD_JSON_STRING;
        *ret_text = (xd_str){p + 1, stop ? (size_t)(stop - p - 1) : 0};
        return stop ? stop + 1 : NULL;
    case '{':
    case '[':
        stop = nested_end(p, end);
        *ret_type = *p == '[' ? XD_JSON_ARRAY : XD_JSON_OBJECT;
        break;
    default:
        for (stop = p; stop < end && *stop != ',' && *stop != '}'; stop++) {
        }
        *ret_type = *p == 't' ? XD_JSON_TRUE : *p == 'f' ? XD_JSON_FALSE : XD_JSON_NUMBER;
    }
    *ret_text = (xd_str){p, stop ? (size_t)(stop - p) : 0};
    return stop;
}

/* Reads an object in the form in which the hub writes it. State is read far more often than
 * anything else, so the plain form gets by without a tree; false when text is in another form. */
static bool scan(const xd_doc_member *members, uint32_t count, xd_str text, void *ret,
                 xd_status *ret_status)
{
    const char *p = text.ptr, *end = text.ptr + text.len;
    uint32_t at = 0;
    *ret_status = XD_OK;
    if (text.len < 2 || *p++ != '{') {
        return false;
    }
    if (*p == '}') {
        return p + 1 == end;
    }
    for (;;) {
        if (end - p < 5 || *p++ != '"') {
            return false;
        }
        const xd_doc_member *member = find_member(members, count, &at, p, (size_t)(end - p));
        const char *close = member ? p + member->name_len : plain_end(p, end);
        if (!close || end - close < 3 || close[1] != ':') {
            return false;
        }
        xd_str value;
        xd_json_type type;
        p = scan_value(close + 2, end, &type, &value);
        if (!p || p >= end || (*p != ',' && *p != '}')) {
            return false;
        }
        if (member && !read_member(member, type, value, ret)) {
            *ret_status = XD_CORRUPT;
        }
        if (*p++ == '}') {
            return p == end;
        }
    }
}

static xd_status corrupt(xd_fault *fault)
{
    return xd_fail(fault, XD_CORRUPT, "state.member",
                   "a member of a stored document is not what "
                   "the hub writes there");
}

xd_status xd_members_read(const xd_doc_member *members, uint32_t count, xd_str text,
                          xd_arena *arena, void *ret, xd_fault *fault)
{
    xd_status status;
    if (scan(members, count, text, ret, &status)) {
        return status == XD_OK ? XD_OK : corrupt(fault);
    }
    const xd_json *object = NULL;
    uint32_t at = 0;
    XD_TRY(xd_json_parse(text, XD_STATE_JSON, arena, &object, fault));
    for (uint32_t i = 0; object->type == XD_JSON_OBJECT && i < object->count; i++) {
        const xd_json *value = &object->members[i].value;
        bool scalar = value->type == XD_JSON_STRING || value->type == XD_JSON_NUMBER;
        xd_str name = xd_arena_printf(arena, "%.*s\"", XD_FMT(object->members[i].name));
        const xd_doc_member *member =
            name.ptr ? find_member(members, count, &at, name.ptr, name.len) : NULL;
        if (member && !read_member(member, (xd_json_type)value->type,
                                   scalar ? value->text : xd_json_source(value, text), ret)) {
            return corrupt(fault);
        }
    }
    return XD_OK;
}

xd_status xd_doc_tree(xd_doc_json *member, xd_arena *arena, const xd_json **ret, xd_fault *fault)
{
    if (member->text.ptr && !member->tree) {
        XD_TRY(xd_json_parse(member->text, XD_STATE_JSON, arena, &member->tree, fault));
    }
    *ret = member->tree;
    return XD_OK;
}

/* --- writing --- */

static void write_codes(xd_buf *buf, uint32_t codes)
{
    xd_buf_char(buf, '[');
    bool more = false;
    for (int code = 0; code < XD_HOLD_COUNT; code++) {
        if (codes & xd_hold_bit((xd_hold_code)code)) {
            xd_buf_str_add(buf, more ? XD_STR(",\"") : XD_STR("\""));
            xd_buf_str_add(buf, xd_str_from(hold_names[code]));
            xd_buf_char(buf, '"');
            more = true;
        }
    }
    xd_buf_char(buf, ']');
}

static bool is_empty(const xd_doc_member *member, const void *from)
{
    switch ((xd_doc_member_type)member->type) {
    case XD_DOC_DECIMAL:
        return ((const xd_decimal *)from)->coefficient == 0;
    case XD_DOC_OPTIONAL:
        return !((const xd_limit_value *)from)->set;
    case XD_DOC_INTEGER:
        return *(const int64_t *)from == 0;
    case XD_DOC_TEXT:
        return ((const xd_str *)from)->len == 0;
    case XD_DOC_FLAG:
        return !*(const bool *)from;
    case XD_DOC_CODES:
        return *(const uint32_t *)from == 0;
    case XD_DOC_JSON:
        return !((const xd_doc_json *)from)->text.ptr;
    }
    return true;
}

static void write_decimal(xd_buf *buf, xd_decimal value)
{
    xd_buf_char(buf, '"');
    xd_decimal_write(buf, value);
    xd_buf_char(buf, '"');
}

static void write_member(xd_buf *buf, const xd_doc_member *member, const void *from)
{
    switch ((xd_doc_member_type)member->type) {
    case XD_DOC_DECIMAL:
        write_decimal(buf, *(const xd_decimal *)from);
        break;
    case XD_DOC_OPTIONAL:
        write_decimal(buf, ((const xd_limit_value *)from)->value);
        break;
    case XD_DOC_INTEGER:
        xd_buf_int(buf, *(const int64_t *)from);
        break;
    case XD_DOC_TEXT:
        xd_json_write_string(buf, *(const xd_str *)from);
        break;
    case XD_DOC_FLAG:
        XD_BUF_LIT(buf, "true");
        break;
    case XD_DOC_CODES:
        write_codes(buf, *(const uint32_t *)from);
        break;
    case XD_DOC_JSON:
        xd_buf_str_add(buf, ((const xd_doc_json *)from)->text);
        break;
    }
}

void xd_members_write(xd_buf *buf, const xd_doc_member *members, uint32_t count, const void *values)
{
    xd_buf_char(buf, '{');
    bool more = false;
    for (uint32_t i = 0; i < count; i++) {
        const void *from = (const char *)values + members[i].offset;
        if (is_empty(&members[i], from)) {
            continue;
        }
        xd_buf_str_add(buf, more ? XD_STR(",\"") : XD_STR("\""));
        xd_buf_add(buf, members[i].name, members[i].name_len);
        XD_BUF_LIT(buf, "\":");
        write_member(buf, &members[i], from);
        more = true;
    }
    xd_buf_char(buf, '}');
}

/* --- the documents of a step --- */

static xd_doc **slot_of(const xd_docs *docs, xd_state_kind kind, xd_str key)
{
    uint32_t mask = docs->table_size - 1;
    uint32_t at = (uint32_t)xd_hash64(key, (uint64_t)kind) & mask;
    while (docs->table[at] &&
           !(docs->table[at]->type->kind == kind && xd_str_eq(docs->table[at]->key, key))) {
        at = (at + 1) & mask;
    }
    return &docs->table[at];
}

static xd_status grow_table(xd_docs *docs, xd_step *step, xd_fault *fault)
{
    uint32_t size = docs->table_size ? docs->table_size * 2 : FIRST_TABLE;
    xd_doc **table = xd_arena_zalloc(step->arena, size * sizeof *table);
    if (!table) {
        return no_memory(fault);
    }
    docs->table = table;
    docs->table_size = size;
    for (xd_doc *doc = docs->first; doc; doc = doc->next) {
        *slot_of(docs, doc->type->kind, doc->key) = doc;
    }
    return XD_OK;
}

static xd_status read_document(xd_step *step, xd_doc *doc, xd_fault *fault)
{
    xd_str text = XD_STR_NULL;
    XD_TRY(xd_step_get_text(step, doc->type->kind, doc->key, &text, fault));
    if (text.ptr) {
        XD_TRY(
            xd_members_read(doc->type->members, doc->type->count, text, step->arena, doc, fault));
        doc->exists = true;
    }
    return XD_OK;
}

static xd_status obtain(xd_docs *docs, xd_step *step, const xd_doc_type *type, xd_str key,
                        bool read, void *ret_document, xd_fault *fault)
{
    if (!key.ptr) {
        return no_memory(fault);
    }
    if (docs->count * 2 >= docs->table_size) {
        XD_TRY(grow_table(docs, step, fault));
    }
    xd_doc **slot = slot_of(docs, type->kind, key);
    if (!*slot) {
        xd_doc *doc = xd_arena_zalloc(step->arena, type->size);
        if (!doc) {
            return no_memory(fault);
        }
        *doc = (xd_doc){.type = type, .key = key};
        if (read) {
            XD_TRY(read_document(step, doc, fault));
        }
        *(docs->last ? &docs->last->next : &docs->first) = doc;
        docs->last = doc;
        docs->count++;
        *slot = doc;
    }
    memcpy(ret_document, slot,
           sizeof *slot); /* The caller's pointer is to the struct it expects. */
    return XD_OK;
}

xd_status xd_doc_load(xd_docs *docs, xd_step *step, const xd_doc_type *type, xd_str key,
                      void *ret_document, xd_fault *fault)
{
    return obtain(docs, step, type, key, true, ret_document, fault);
}

xd_status xd_doc_create(xd_docs *docs, xd_step *step, const xd_doc_type *type, xd_str key,
                        void *ret_document, xd_fault *fault)
{
    return obtain(docs, step, type, key, false, ret_document, fault);
}

xd_status xd_docs_write(xd_docs *docs, xd_step *step, xd_fault *fault)
{
    for (xd_doc *doc = docs->first; doc; doc = doc->next) {
        if (!doc->changed) {
            continue;
        }
        doc->changed = false;
        if (!doc->exists) {
            XD_TRY(xd_step_delete(step, doc->type->kind, doc->key, fault));
            continue;
        }
        xd_buf *buf = xd_step_scratch(step);
        xd_members_write(buf, doc->type->members, doc->type->count, doc);
        if (buf->failed) {
            return xd_fail(fault, XD_LIMIT, "state.size", "a state document grows past 16 MiB");
        }
        XD_TRY(xd_step_put(step, doc->type->kind, doc->key, xd_buf_str(buf), fault));
    }
    return XD_OK;
}
