/* Writing XML. See xml.h; the convention is in docs/formats.md. Every name, namespace prefix and
 * character is checked, so what is written can be read. Owns its scratch memory. */
#include "format/xml_int.h"

#include <stdio.h>
#include <stdlib.h>

enum { SCRATCH_BYTES = 64 << 20, FIRST_SCOPES = 32 };

typedef struct scope { /* a namespace declaration in force */
    xd_str prefix, uri;
} scope;

struct xd_xml_writer {
    const xd_xml_layout *layout; /* borrows */
    bool started, ended;
    xd_arena scratch; /* owns; of one record */
    scope *scopes;    /* owns */
    uint32_t scope_count, scope_size;
    uint32_t depth;
    xd_buf *buf; /* borrows, during a call */
    xd_fault *fault;
    char path[192]; /* of the element being written */
};

static xd_status out_of_memory(xd_fault *fault)
{
    return xd_fail(fault, XD_NO_MEMORY, NULL, "no memory to write XML");
}

xd_status xd_xml_writer_create(const xd_xml_layout *layout, xd_xml_writer **ret, xd_fault *fault)
{
    xd_xml_writer *writer = calloc(1, sizeof *writer);
    if (!writer) {
        return out_of_memory(fault);
    }
    writer->layout = layout;
    xd_arena_init(&writer->scratch, SCRATCH_BYTES);
    *ret = writer;
    return XD_OK;
}

void xd_xml_writer_destroy(xd_xml_writer *writer)
{
    if (!writer) {
        return;
    }
    xd_arena_finish(&writer->scratch);
    free(writer->scopes);
    free(writer);
}

static xd_status fail(xd_xml_writer *writer, const char *rule, const char *text, xd_str found)
{
    xd_status status = xd_fail(writer->fault, XD_INVALID, rule, "%s: '%.*s'", text,
                               found.len < 80 ? (int)found.len : 80, found.len ? found.ptr : "");
    xd_fault_at(writer->fault, -1, writer->path);
    return status;
}

/* --- characters --- */

/* Appends text with what XML needs escaped. In attributes white space is escaped too, since a
 * reader turns it into blanks. */
static xd_status put_text(xd_xml_writer *writer, xd_str text, bool attribute)
{
    xd_buf *buf = writer->buf;
    size_t from = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t)text.ptr[i];
        const char *escape = NULL;
        switch (c) {
        case '&':
            escape = "&amp;";
            break;
        case '<':
            escape = "&lt;";
            break;
        case '>':
            escape = "&gt;";
            break;
        case '\r':
            escape = "&#13;";
            break;
        case '"':
            escape = attribute ? "&quot;" : NULL;
            break;
        case '\t':
            escape = attribute ? "&#9;" : NULL;
            break;
        case '\n':
            escape = attribute ? "&#10;" : NULL;
            break;
        default:
            if (c < 0x20 || (c == 0xEF && i + 2 < text.len && (uint8_t)text.ptr[i + 1] == 0xBF &&
                             (uint8_t)text.ptr[i + 2] >= 0xBE)) {
                char code[16];
                snprintf(code, sizeof code, c < 0x20 ? "U+%04X" : "U+FFFE or U+FFFF", c);
                return fail(writer, "xml.character", "XML cannot hold this character",
                            xd_str_from(code));
            }
            break;
        }
        if (escape) {
            xd_buf_add(buf, text.ptr + from, i - from);
            xd_buf_str_add(buf, xd_str_from(escape));
            from = i + 1;
        }
    }
    xd_buf_add(buf, text.ptr + from, text.len - from);
    return XD_OK;
}

static bool is_scalar(const xd_json *value)
{
    return value->type != XD_JSON_ARRAY && value->type != XD_JSON_OBJECT;
}

static xd_str scalar_text(const xd_json *value)
{
    switch (value->type) {
    case XD_JSON_TRUE:
        return XD_STR("true");
    case XD_JSON_FALSE:
        return XD_STR("false");
    case XD_JSON_NULL:
        return XD_STR("");
    default:
        return value->text;
    }
}

/* --- namespaces --- */

static xd_status push_scope(xd_xml_writer *writer, xd_str prefix, xd_str uri)
{
    if (writer->scope_count == writer->scope_size) {
        uint32_t size = writer->scope_size ? writer->scope_size * 2 : FIRST_SCOPES;
        scope *scopes = realloc(writer->scopes, size * sizeof *scopes);
        if (!scopes) {
            return out_of_memory(writer->fault);
        }
        writer->scopes = scopes;
        writer->scope_size = size;
    }
    writer->scopes[writer->scope_count++] = (scope){prefix, uri};
    return XD_OK;
}

/* The namespace of a prefix, {NULL, 0} when it has none. */
static xd_str uri_of(const xd_xml_writer *writer, xd_str prefix)
{
    if (xd_str_eq(prefix, XD_STR("xml"))) {
        return XD_STR("http://www.w3.org/XML/1998/namespace");
    }
    for (uint32_t i = writer->scope_count; i > 0; i--) {
        if (xd_str_eq(writer->scopes[i - 1].prefix, prefix)) {
            xd_str uri = writer->scopes[i - 1].uri;
            return uri.len ? uri : XD_STR_NULL;
        }
    }
    return XD_STR_NULL;
}

static xd_str prefix_of(xd_str name)
{
    const char *colon = name.len ? memchr(name.ptr, ':', name.len) : NULL;
    return colon ? (xd_str){name.ptr, (size_t)(colon - name.ptr)} : XD_STR("");
}

static xd_status check_name(xd_xml_writer *writer, xd_str name)
{
    if (!xd_xml_is_name(name)) {
        return fail(writer, "xml.name", "this is no name that XML allows", name);
    }
    xd_str prefix = prefix_of(name);
    if (prefix.len && !uri_of(writer, prefix).ptr) {
        return fail(writer, "xml.namespace",
                    "the prefix has no namespace here; declare it as \"@xmlns:PREFIX\" in the tree "
                    "or under namespaces in the layout",
                    name);
    }
    return XD_OK;
}

static bool is_declaration(xd_str name)
{
    return xd_str_eq(name, XD_STR("@xmlns")) || xd_str_starts(name, XD_STR("@xmlns:"));
}

static void put_declaration(xd_xml_writer *writer, xd_str prefix)
{
    XD_BUF_LIT(writer->buf, " xmlns");
    if (prefix.len) {
        xd_buf_char(writer->buf, ':');
        xd_buf_str_add(writer->buf, prefix);
    }
    XD_BUF_LIT(writer->buf, "=\"");
}

/* Writes the declarations among an element's members and brings them into force. */
static xd_status put_declarations(xd_xml_writer *writer, const xd_json *value)
{
    uint32_t before = writer->scope_count;
    for (uint32_t i = 0; value->type == XD_JSON_OBJECT && i < value->count; i++) {
        const xd_json_member *member = &value->members[i];
        if (!is_declaration(member->name)) {
            continue;
        }
        xd_str prefix = member->name.len > 7 ? (xd_str){member->name.ptr + 7, member->name.len - 7}
                                             : XD_STR("");
        xd_str uri = is_scalar(&member->value) ? scalar_text(&member->value) : XD_STR("");
        bool colon = prefix.len && memchr(prefix.ptr, ':', prefix.len);
        bool reserved = xd_str_eq(prefix, XD_STR("xml")) || xd_str_eq(prefix, XD_STR("xmlns")) ||
                        xd_str_eq(uri, XD_STR("http://www.w3.org/2000/xmlns/")) ||
                        xd_str_eq(uri, XD_STR("http://www.w3.org/XML/1998/namespace"));
        if (!is_scalar(&member->value) || reserved || colon || (prefix.len && uri.len == 0) ||
            (member->name.len > 6 && !xd_xml_is_name(prefix))) {
            return fail(writer, "xml.namespace", "a namespace cannot be declared like this",
                        member->name);
        }
        for (uint32_t k = before; k < writer->scope_count; k++) {
            if (xd_str_eq(writer->scopes[k].prefix, prefix)) {
                return fail(writer, "xml.attributes", "an attribute stands twice", member->name);
            }
        }
        put_declaration(writer, prefix);
        XD_TRY(put_text(writer, uri, true));
        xd_buf_char(writer->buf, '"');
        XD_TRY(push_scope(writer, prefix, uri));
    }
    return XD_OK;
}

/* The namespaces of the layout are declared on the outermost element. */
static xd_status put_layout_namespaces(xd_xml_writer *writer, const xd_json *value)
{
    const xd_xml_layout *layout = writer->layout;
    for (uint32_t i = 0; i < layout->namespace_count; i++) {
        const xd_xml_namespace *ns = &layout->namespaces[i];
        xd_str name = ns->prefix.len
                          ? xd_arena_printf(&writer->scratch, "@xmlns:%.*s", XD_FMT(ns->prefix))
                          : XD_STR("@xmlns");
        if (!name.ptr) {
            return out_of_memory(writer->fault);
        }
        if (value && xd_json_get(value, name)) {
            continue; /* the tree says it itself */
        }
        put_declaration(writer, ns->prefix);
        XD_TRY(put_text(writer, ns->uri, true));
        xd_buf_char(writer->buf, '"');
        XD_TRY(push_scope(writer, ns->prefix, ns->uri));
    }
    return XD_OK;
}

/* --- attributes --- */

/* Attributes must differ in namespace and local name, not only as they are written. */
static xd_status check_twice(xd_xml_writer *writer, const xd_json *value, uint32_t index)
{
    xd_str name = value->members[index].name;
    xd_str prefix = prefix_of((xd_str){name.ptr + 1, name.len - 1});
    xd_str local = {name.ptr + 1 + (prefix.len ? prefix.len + 1 : 0),
                    name.len - 1 - (prefix.len ? prefix.len + 1 : 0)};
    xd_str uri = prefix.len ? uri_of(writer, prefix) : XD_STR_NULL;
    for (uint32_t i = 0; i < index; i++) {
        xd_str other = value->members[i].name;
        if (other.len == 0 || other.ptr[0] != '@' || is_declaration(other) ||
            value->members[i].value.type == XD_JSON_NULL) {
            continue;
        }
        xd_str other_prefix = prefix_of((xd_str){other.ptr + 1, other.len - 1});
        size_t skip = 1 + (other_prefix.len ? other_prefix.len + 1 : 0);
        xd_str other_local = {other.ptr + skip, other.len - skip};
        xd_str other_uri = other_prefix.len ? uri_of(writer, other_prefix) : XD_STR_NULL;
        if (xd_str_eq(local, other_local) && xd_str_eq(uri, other_uri)) {
            return fail(writer, "xml.attributes", "an attribute stands twice", name);
        }
    }
    return XD_OK;
}

static xd_status put_attributes(xd_xml_writer *writer, const xd_json *value)
{
    uint32_t count = 0;
    for (uint32_t i = 0; value->type == XD_JSON_OBJECT && i < value->count; i++) {
        const xd_json_member *member = &value->members[i];
        if (member->name.len == 0 || member->name.ptr[0] != '@') {
            continue;
        }
        if (++count > writer->layout->max_attributes) {
            return fail(writer, "xml.attributes",
                        "an element has too many attributes (max_attributes)", member->name);
        }
        if (is_declaration(member->name) || member->value.type == XD_JSON_NULL) {
            continue;
        }
        xd_str name = {member->name.ptr + 1, member->name.len - 1};
        XD_TRY(check_name(writer, name));
        if (!is_scalar(&member->value)) {
            return fail(writer, "xml.attributes", "an attribute must be a text", name);
        }
        XD_TRY(check_twice(writer, value, i));
        xd_buf_char(writer->buf, ' ');
        xd_buf_str_add(writer->buf, name);
        XD_BUF_LIT(writer->buf, "=\"");
        XD_TRY(put_text(writer, scalar_text(&member->value), true));
        xd_buf_char(writer->buf, '"');
    }
    return XD_OK;
}

/* --- content --- */

static xd_status put_element(xd_xml_writer *writer, xd_str name, const xd_json *value);

static void break_line(xd_xml_writer *writer)
{
    xd_buf_char(writer->buf, '\n');
    for (uint32_t i = 0; i < writer->depth; i++) {
        XD_BUF_LIT(writer->buf, "  ");
    }
}

static bool contains(xd_str text, const char *part)
{
    size_t n = strlen(part);
    for (size_t i = 0; i + n <= text.len; i++) {
        if (memcmp(text.ptr + i, part, n) == 0) {
            return true;
        }
    }
    return false;
}

/* Comments and instructions have no escapes: what would end them early cannot be written. */
static xd_status put_raw(xd_xml_writer *writer, xd_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t)text.ptr[i];
        if ((c < 0x20 && c != '\t' && c != '\n') ||
            (c == 0xEF && i + 2 < text.len && (uint8_t)text.ptr[i + 1] == 0xBF &&
             (uint8_t)text.ptr[i + 2] >= 0xBE)) {
            return fail(writer, "xml.character", "a comment or instruction cannot hold this", text);
        }
    }
    xd_buf_str_add(writer->buf, text);
    return XD_OK;
}

static xd_status put_comment(xd_xml_writer *writer, const xd_json *value)
{
    xd_str text = is_scalar(value) ? scalar_text(value) : XD_STR("--");
    if (contains(text, "--") || (text.len && text.ptr[text.len - 1] == '-')) {
        return fail(writer, "xml.comment", "a comment must be a text without --", text);
    }
    XD_BUF_LIT(writer->buf, "<!--");
    XD_TRY(put_raw(writer, text));
    XD_BUF_LIT(writer->buf, "-->");
    return XD_OK;
}

static xd_status put_instruction(xd_xml_writer *writer, const xd_json *value)
{
    xd_str target = XD_TEXT(value, "target");
    xd_str data = XD_TEXT(value, "data");
    bool reserved = target.len == 3 && (target.ptr[0] | 0x20) == 'x' &&
                    (target.ptr[1] | 0x20) == 'm' && (target.ptr[2] | 0x20) == 'l';
    if (!xd_xml_is_name(target) || memchr(target.ptr, ':', target.len) || reserved ||
        contains(data, "?>") ||
        (data.len && (data.ptr[0] == ' ' || data.ptr[0] == '\n' || data.ptr[0] == '\t'))) {
        return fail(writer, "xml.instruction",
                    "an instruction needs a target and data that does not hold ?>", target);
    }
    XD_BUF_LIT(writer->buf, "<?");
    xd_buf_str_add(writer->buf, target);
    if (data.len) {
        xd_buf_char(writer->buf, ' ');
        XD_TRY(put_raw(writer, data));
    }
    XD_BUF_LIT(writer->buf, "?>");
    return XD_OK;
}

/* One node under its member's name. */
static xd_status put_node(xd_xml_writer *writer, xd_str name, const xd_json *value, bool breaks)
{
    if (xd_str_eq(name, XD_STR(XD_XML_TEXT))) {
        if (!is_scalar(value)) {
            return fail(writer, "xml.text", "#text must be a text or a list of texts", name);
        }
        return put_text(writer, scalar_text(value), false);
    }
    if (breaks) {
        break_line(writer);
    }
    if (xd_str_eq(name, XD_STR(XD_XML_COMMENT))) {
        return put_comment(writer, value);
    }
    if (xd_str_eq(name, XD_STR(XD_XML_INSTRUCTION))) {
        return put_instruction(writer, value);
    }
    if (value->type == XD_JSON_ARRAY) {
        return fail(writer, "xml.array", "a list inside a list has no form in XML", name);
    }
    return put_element(writer, name, value);
}

static uint32_t items_of(const xd_json *value)
{
    return value->type == XD_JSON_ARRAY ? value->count : 1;
}

static const xd_json *item_of(const xd_json *value, uint32_t index)
{
    return value->type == XD_JSON_ARRAY ? &value->items[index] : value;
}

/* What can stand between the tags: no attribute, no order. */
static bool is_content(xd_str name)
{
    return !(name.len && name.ptr[0] == '@') && !xd_str_eq(name, XD_STR(XD_XML_ORDER)) &&
           !xd_str_eq(name, XD_STR(XD_XML_DOCTYPE));
}

typedef struct place { /* a member and how many of its items are written */
    const xd_json_member *member;
    uint32_t used;
} place;

static int by_name(const void *left, const void *right)
{
    const place *a = left;
    const place *b = right;
    return xd_str_cmp(a->member->name, b->member->name);
}

/* The member of a name in places sorted by name. */
static place *find_place(place *places, uint32_t count, xd_str name)
{
    uint32_t low = 0;
    while (low < count) {
        uint32_t middle = low + (count - low) / 2;
        int order = xd_str_cmp(places[middle].member->name, name);
        if (order == 0) {
            return &places[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            count = middle;
        }
    }
    return NULL;
}

/* Writes in the order that #order says; what it does not name follows. */
static xd_status put_ordered(xd_xml_writer *writer, const xd_json *value, const xd_json *order,
                             bool breaks)
{
    place *places = xd_arena_alloc(&writer->scratch, value->count * sizeof *places);
    if (!places) {
        return out_of_memory(writer->fault);
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < value->count; i++) {
        if (is_content(value->members[i].name)) {
            places[count++] = (place){&value->members[i], 0};
        }
    }
    qsort(places, count, sizeof *places, by_name);
    for (uint32_t i = 0; i < order->count; i++) {
        xd_str name = order->items[i].type == XD_JSON_STRING ? order->items[i].text : XD_STR_NULL;
        place *at = find_place(places, count, name);
        if (at && at->used < items_of(&at->member->value)) {
            const xd_json *item = item_of(&at->member->value, at->used++);
            XD_TRY(put_node(writer, at->member->name, item, breaks));
        }
    }
    for (uint32_t i = 0; i < value->count; i++) { /* in order of the members */
        place *at = is_content(value->members[i].name)
                        ? find_place(places, count, value->members[i].name)
                        : NULL;
        while (at && at->used < items_of(&at->member->value)) {
            const xd_json *item = item_of(&at->member->value, at->used++);
            XD_TRY(put_node(writer, at->member->name, item, breaks));
        }
    }
    return XD_OK;
}

static xd_status put_content(xd_xml_writer *writer, const xd_json *value, bool breaks)
{
    const xd_json *order = XD_GET(value, XD_XML_ORDER);
    if (order && order->type != XD_JSON_ARRAY) {
        return fail(writer, "xml.order", "#order must be a list of names", XD_STR(XD_XML_ORDER));
    }
    if (order) {
        return put_ordered(writer, value, order, breaks);
    }
    for (uint32_t i = 0; i < value->count; i++) {
        const xd_json_member *member = &value->members[i];
        for (uint32_t k = 0; is_content(member->name) && k < items_of(&member->value); k++) {
            XD_TRY(put_node(writer, member->name, item_of(&member->value, k), breaks));
        }
    }
    return XD_OK;
}

/* Whether anything stands between the tags, and whether line breaks there change no text. */
static bool has_content(const xd_json *value, bool *ret_has_text)
{
    bool any = false;
    *ret_has_text = false;
    for (uint32_t i = 0; i < value->count; i++) {
        const xd_json_member *member = &value->members[i];
        if (is_content(member->name) && items_of(&member->value)) {
            any = true;
            *ret_has_text = *ret_has_text || xd_str_eq(member->name, XD_STR(XD_XML_TEXT));
        }
    }
    return any;
}

static xd_status put_body(xd_xml_writer *writer, xd_str name, const xd_json *value)
{
    bool has_text = false;
    bool any = is_scalar(value) ? scalar_text(value).len > 0 : has_content(value, &has_text);
    if (!any) {
        XD_BUF_LIT(writer->buf, "/>");
        return XD_OK;
    }
    xd_buf_char(writer->buf, '>');
    if (is_scalar(value)) {
        XD_TRY(put_text(writer, scalar_text(value), false));
    } else {
        bool preserved = xd_str_eq(XD_TEXT(value, "@xml:space"), XD_STR("preserve"));
        bool breaks = writer->layout->indent && !has_text && !preserved;
        writer->depth++;
        XD_TRY(put_content(writer, value, breaks));
        writer->depth--;
        if (breaks) {
            break_line(writer);
        }
    }
    XD_BUF_LIT(writer->buf, "</");
    xd_buf_str_add(writer->buf, name);
    xd_buf_char(writer->buf, '>');
    return XD_OK;
}

static xd_status put_element(xd_xml_writer *writer, xd_str name, const xd_json *value)
{
    size_t length = strlen(writer->path);
    uint32_t scopes = writer->scope_count;
    bool outermost = writer->depth == 0;
    if (writer->depth >= writer->layout->max_depth) {
        return fail(writer, "xml.depth", "elements are nested too deeply (max_depth)", name);
    }
    snprintf(writer->path + length, sizeof writer->path - length, "/%.*s",
             name.len < 60 ? (int)name.len : 60, name.ptr);
    xd_buf_char(writer->buf, '<');
    xd_buf_str_add(writer->buf, name);
    XD_TRY(put_declarations(writer, value));
    if (outermost) {
        XD_TRY(put_layout_namespaces(writer, value->type == XD_JSON_OBJECT ? value : NULL));
    }
    XD_TRY(check_name(writer, name));
    XD_TRY(put_attributes(writer, value));
    XD_TRY(put_body(writer, name, value));
    writer->scope_count = scopes;
    writer->path[length] = '\0';
    return XD_OK;
}

/* --- documents --- */

static xd_status put_doctype(xd_xml_writer *writer, const xd_json *doctype)
{
    xd_str name = XD_TEXT(doctype, "name");
    xd_str system = XD_TEXT(doctype, "system");
    xd_str public_id = XD_TEXT(doctype, "public");
    static const char *const public_marks = " \n-'()+,./:=?;!*#@$_%";
    bool plain = true;
    for (size_t i = 0; i < public_id.len; i++) {
        char c = public_id.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        plain = plain && (letter || (c && strchr(public_marks, c)));
    }
    char quote = system.len && memchr(system.ptr, '"', system.len) ? '\'' : '"';
    if (!xd_xml_is_name(name) || !plain || (public_id.ptr && !system.ptr) ||
        (quote == '\'' && memchr(system.ptr, '\'', system.len))) {
        return fail(writer, "xml.doctype",
                    "a DOCTYPE needs a name, and a public identifier needs a system one", name);
    }
    XD_BUF_LIT(writer->buf, "<!DOCTYPE ");
    xd_buf_str_add(writer->buf, name);
    if (public_id.ptr) {
        xd_buf_printf(writer->buf, " PUBLIC \"%.*s\"", XD_FMT(public_id));
    } else if (system.ptr) {
        XD_BUF_LIT(writer->buf, " SYSTEM");
    }
    if (system.ptr) {
        xd_buf_char(writer->buf, ' ');
        xd_buf_char(writer->buf, quote);
        XD_TRY(put_raw(writer, system));
        xd_buf_char(writer->buf, quote);
    }
    XD_BUF_LIT(writer->buf, ">\n");
    return XD_OK;
}

/* The one element of a document or record. */
static xd_status root_of(xd_xml_writer *writer, const xd_json *record,
                         const xd_json_member **ret_root)
{
    const xd_json_member *root = NULL;
    for (uint32_t i = 0; record && record->type == XD_JSON_OBJECT && i < record->count; i++) {
        const xd_json_member *member = &record->members[i];
        if (member->name.len && member->name.ptr[0] == '#') {
            continue;
        }
        if (root || member->value.type == XD_JSON_ARRAY) {
            return fail(writer, "xml.root", "a document has one root element; found another",
                        member->name);
        }
        root = member;
    }
    if (!root) {
        return fail(writer, "xml.root",
                    "a document must be an object with one member, the root element", XD_STR(""));
    }
    *ret_root = root;
    return XD_OK;
}

static xd_status put_document(xd_xml_writer *writer, const xd_json *record)
{
    const xd_json_member *root;
    XD_TRY(root_of(writer, record, &root));
    const xd_json *doctype = XD_GET(record, XD_XML_DOCTYPE);
    if (doctype) {
        XD_TRY(put_doctype(writer, doctype));
    }
    if (XD_GET(record, XD_XML_TEXT)) {
        return fail(writer, "xml.root", "text cannot stand outside the root element", XD_STR(""));
    }
    bool breaks = writer->layout->indent;
    const xd_json *order = XD_GET(record, XD_XML_ORDER);
    if (order && order->type == XD_JSON_ARRAY) {
        XD_TRY(put_ordered(writer, record, order, false));
    } else {
        XD_TRY(put_content(writer, record, false));
    }
    if (breaks) {
        xd_buf_char(writer->buf, '\n');
    }
    return XD_OK;
}

/* The elements around the records, opened before the first. */
static xd_status open_wrappers(xd_xml_writer *writer)
{
    const xd_xml_layout *layout = writer->layout;
    for (uint32_t i = 0; i + 1 < layout->each_count; i++) {
        if (i && layout->indent) {
            break_line(writer);
        }
        xd_buf_char(writer->buf, '<');
        xd_buf_str_add(writer->buf, layout->each[i]);
        if (i == 0) {
            XD_TRY(put_layout_namespaces(writer, NULL));
        }
        XD_TRY(check_name(writer, layout->each[i]));
        xd_buf_char(writer->buf, '>');
        writer->depth++;
    }
    return XD_OK;
}

static xd_status put_record(xd_xml_writer *writer, const xd_json *record)
{
    const xd_xml_layout *layout = writer->layout;
    if (!writer->started) {
        XD_BUF_LIT(writer->buf, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    }
    if (layout->each_count == 0) {
        return put_document(writer, record);
    }
    if (!writer->started) {
        XD_TRY(open_wrappers(writer));
    }
    const xd_json_member *root;
    XD_TRY(root_of(writer, record, &root));
    if (!xd_str_eq(root->name, layout->each[layout->each_count - 1])) {
        return fail(writer, "xml.root", "the layout's path does not end with this element",
                    root->name);
    }
    if (layout->indent && writer->depth) {
        break_line(writer);
    }
    return put_element(writer, root->name, &root->value);
}

/* Undoes what a record that failed has begun. */
static xd_status settle(xd_xml_writer *writer, size_t begin, uint32_t scopes, uint32_t depth,
                        xd_status status)
{
    if (status == XD_OK && writer->buf->failed) {
        status = out_of_memory(writer->fault);
    }
    if (status != XD_OK) {
        writer->buf->len = begin;
        writer->scope_count = scopes;
        writer->depth = depth;
    }
    writer->path[0] = '\0';
    return status;
}

xd_status xd_xml_write(xd_xml_writer *writer, const xd_json *record, xd_buf *buf, xd_fault *fault)
{
    uint32_t scopes = writer->scope_count;
    uint32_t depth = writer->depth;
    size_t begin = buf->len;
    const xd_json *document = record;
    writer->buf = buf;
    writer->fault = fault;
    xd_arena_reset(&writer->scratch);
    if (writer->ended || (writer->started && writer->layout->each_count <= 1)) {
        return xd_fail(fault, XD_INVALID, "xml.root",
                       "an XML document has one root element: a second record has no place; each "
                       "in the layout (such as /orders/order) puts many into one document");
    }
    if (writer->layout->soap != XD_SOAP_NONE) {
        XD_TRY(
            xd_soap_wrap(writer->layout->soap, NULL, record, &writer->scratch, &document, fault));
    }
    XD_TRY(settle(writer, begin, scopes, depth, put_record(writer, document)));
    writer->started = true;
    return XD_OK;
}

xd_status xd_xml_write_end(xd_xml_writer *writer, xd_buf *buf, xd_fault *fault)
{
    const xd_xml_layout *layout = writer->layout;
    size_t begin = buf->len;
    writer->buf = buf;
    writer->fault = fault;
    if (writer->ended || (!writer->started && layout->each_count < 2)) {
        return XD_OK;
    }
    if (!writer->started) { /* no record: the elements around them still make a document */
        XD_BUF_LIT(buf, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        XD_TRY(settle(writer, begin, 0, 0, open_wrappers(writer)));
    }
    for (uint32_t i = layout->each_count; i > 1; i--) {
        writer->depth--;
        if (layout->indent) {
            break_line(writer);
        }
        XD_BUF_LIT(buf, "</");
        xd_buf_str_add(buf, layout->each[i - 2]);
        xd_buf_char(buf, '>');
    }
    writer->ended = true;
    return settle(writer, begin, 0, 0, XD_OK);
}
