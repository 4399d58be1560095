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

/* --- one member --- */

static bool read_codes(const xd_json *value, uint32_t *ret)
{
    uint32_t codes = 0;
    for (uint32_t i = 0; value->type == XD_JSON_ARRAY && i < value->count; i++) {
        xd_hold_code code = xd_hold_by_name(value->items[i].text);
        if (code == XD_HOLD_COUNT) {
            return false;
        }
        codes |= xd_hold_bit(code);
    }
    *ret = codes;
    return true;
}

static bool read_member(const xd_doc_member *member, const xd_json *value, xd_str source, void *ret)
{
    void *to = (char *)ret + member->offset;
    bool scalar = value->type == XD_JSON_STRING || value->type == XD_JSON_NUMBER;
    if (!scalar && member->type <= XD_DOC_TEXT) {
        return false;
    }
    switch ((xd_doc_member_type)member->type) {
    case XD_DOC_DECIMAL:
        return xd_decimal_parse(value->text, to, NULL) == XD_OK;
    case XD_DOC_OPTIONAL: {
        xd_limit_value *limit = to;
        limit->set = true;
        return xd_decimal_parse(value->text, &limit->value, NULL) == XD_OK;
    }
    case XD_DOC_INTEGER:
        return value->type == XD_JSON_NUMBER && xd_str_to_int64(value->text, to);
    case XD_DOC_TEXT:
        *(xd_str *)to = value->text;
        return value->type == XD_JSON_STRING;
    case XD_DOC_FLAG:
        *(bool *)to = value->type == XD_JSON_TRUE;
        return true;
    case XD_DOC_CODES:
        return read_codes(value, to);
    case XD_DOC_JSON:
        *(xd_doc_json *)to = (xd_doc_json){value, xd_json_source(value, source)};
        return true;
    }
    return false;
}

xd_status xd_members_read(const xd_doc_member *members, uint32_t count, const xd_json *object,
                          xd_str source, void *ret, xd_fault *fault)
{
    uint32_t at = 0; /* Documents are written in the table's order, so the next name is near. */
    for (uint32_t i = 0; i < object->count; i++) {
        const xd_json_member *given = &object->members[i];
        uint32_t tried = 0;
        while (tried < count &&
               !(members[at].name_len == given->name.len &&
                 memcmp(members[at].name, given->name.ptr, given->name.len) == 0)) {
            at = at + 1 < count ? at + 1 : 0;
            tried++;
        }
        if (tried == count) {
            continue;
        }
        if (!read_member(&members[at], &given->value, source, ret)) {
            return xd_fail(fault, XD_CORRUPT, "state.member",
                           "member %s of a stored document cannot be read", members[at].name);
        }
        at = at + 1 < count ? at + 1 : 0;
    }
    return XD_OK;
}

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
    const xd_json *json = NULL;
    XD_TRY(xd_step_get_text(step, doc->type->kind, doc->key, &text, fault));
    if (text.ptr) {
        XD_TRY(xd_json_parse(text, XD_STATE_JSON, step->arena, &json, fault));
        XD_TRY(xd_members_read(doc->type->members, doc->type->count, json, text, doc, fault));
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
        xd_buf *buf = &step->scratch;
        xd_buf_clear(buf);
        xd_members_write(buf, doc->type->members, doc->type->count, doc);
        if (buf->failed) {
            return xd_fail(fault, XD_LIMIT, "state.size", "a state document grows past 16 MiB");
        }
        XD_TRY(xd_step_put(step, doc->type->kind, doc->key, xd_buf_str(buf), fault));
    }
    return XD_OK;
}
