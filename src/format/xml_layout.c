/* Compiling an XML layout. See xml.h and docs/formats.md. */
#include "format/xml_int.h"

#include <libxml/tree.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    LAYOUT_BYTES = 8 << 20,
    DEPTH = 128,
    MOST_DEPTH = 250, /* libxml2 itself stops at 256 */
    ATTRIBUTES = 256,
    RECORD_BYTES = 64 << 20,
    MOST_RULES = 1024
};

static const char *const members[] = {
    "format", "each", "arrays",    "objects",        "namespaces",       "whitespace", "comments",
    "indent", "soap", "max_depth", "max_attributes", "max_record_bytes", "max_bytes",  NULL};

static xd_status out_of_memory(xd_fault *fault)
{
    return xd_fail(fault, XD_NO_MEMORY, NULL, "no memory for the layout");
}

bool xd_xml_is_name(xd_str name)
{
    char text[256];
    if (name.len == 0 || memchr(name.ptr, '\0', name.len)) {
        return false;
    }
    if (name.len < sizeof text) {
        memcpy(text, name.ptr, name.len);
        text[name.len] = '\0';
        return xmlValidateQName((const xmlChar *)text, 0) == 0;
    }
    char *copy = malloc(name.len + 1);
    if (!copy) {
        return false;
    }
    memcpy(copy, name.ptr, name.len);
    copy[name.len] = '\0';
    bool good = xmlValidateQName((const xmlChar *)copy, 0) == 0;
    free(copy);
    return good;
}

/* Takes "/a/b" or "a" apart. */
static xd_status read_path(xd_xml_layout *xml, const xd_layout *layout, const char *member,
                           xd_str text, xd_str *steps, uint32_t *ret_count)
{
    xd_str own = xd_arena_copy(&xml->arena, text);
    if (!own.ptr) {
        return out_of_memory(layout->fault);
    }
    uint32_t count = 0;
    size_t begin = own.len && own.ptr[0] == '/' ? 1 : 0;
    for (size_t i = begin; i <= own.len; i++) {
        if (i < own.len && own.ptr[i] != '/') {
            continue;
        }
        xd_str step = {own.ptr + begin, i - begin};
        if (count == XD_XML_STEPS || !xd_xml_is_name(step)) {
            return xd_layout_fail(layout, member, "layout.path",
                                  "\"%.*s\" is no path of element names such as /orders/order (at "
                                  "most %d)",
                                  text.len < 80 ? (int)text.len : 80, text.ptr, XD_XML_STEPS);
        }
        steps[count++] = step;
        begin = i + 1;
    }
    *ret_count = count;
    return XD_OK;
}

static xd_status read_rules(xd_xml_layout *xml, const xd_layout *layout, const char *member,
                            xd_xml_rules *ret)
{
    const xd_json *list = NULL;
    XD_TRY(xd_layout_list(layout, member, &list));
    if (!list || list->count == 0) {
        return XD_OK;
    }
    if (list->count > MOST_RULES) {
        return xd_layout_fail(layout, member, "layout.range", "%s names at most %d elements",
                              member, MOST_RULES);
    }
    xd_xml_rule *rules = xd_arena_zalloc(&xml->arena, list->count * sizeof *rules);
    if (!rules) {
        return out_of_memory(layout->fault);
    }
    for (uint32_t i = 0; i < list->count; i++) {
        const xd_json *item = &list->items[i];
        xd_str text = item->type == XD_JSON_STRING ? item->text : XD_STR("");
        XD_TRY(read_path(xml, layout, member, text, rules[i].steps, &rules[i].step_count));
        rules[i].absolute = text.ptr[0] == '/';
        if (!rules[i].absolute && rules[i].step_count > 1) {
            return xd_layout_fail(layout, member, "layout.path",
                                  "\"%.*s\" must be a name, or a path from the root that begins "
                                  "with /",
                                  XD_FMT(text));
        }
    }
    *ret = (xd_xml_rules){rules, list->count};
    return XD_OK;
}

static xd_status read_namespaces(xd_xml_layout *xml, const xd_layout *layout)
{
    const xd_json *object = XD_GET(layout->object, "namespaces");
    xd_layout inner;
    if (!object) {
        return XD_OK;
    }
    XD_TRY(xd_layout_open(object, "/namespaces", layout->fault, &inner));
    xml->namespaces = xd_arena_zalloc(&xml->arena, (object->count + 1) * sizeof *xml->namespaces);
    if (!xml->namespaces) {
        return out_of_memory(layout->fault);
    }
    for (uint32_t i = 0; i < object->count; i++) {
        const xd_json_member *member = &object->members[i];
        xd_xml_namespace *ns = &xml->namespaces[i];
        bool name = member->name.len == 0 || (xd_xml_is_name(member->name) &&
                                              !memchr(member->name.ptr, ':', member->name.len));
        bool reserved = member->name.len >= 3 && memcmp(member->name.ptr, "xml", 3) == 0;
        if (!name || reserved || member->value.type != XD_JSON_STRING ||
            member->value.text.len == 0) {
            return xd_layout_fail(layout, "namespaces", "layout.namespace",
                                  "namespaces gives a URI to each prefix (\"\" for none), such as "
                                  "{\"cbc\": \"urn:...\"}");
        }
        ns->prefix = xd_arena_copy(&xml->arena, member->name);
        ns->uri = xd_arena_copy(&xml->arena, member->value.text);
        if (!ns->prefix.ptr || !ns->uri.ptr) {
            return out_of_memory(layout->fault);
        }
        for (uint32_t k = 0; k < i; k++) {
            if (xd_str_eq(xml->namespaces[k].uri, ns->uri)) {
                return xd_layout_fail(layout, "namespaces", "layout.twice",
                                      "two prefixes stand for %.*s", XD_FMT(ns->uri));
            }
        }
    }
    xml->namespace_count = object->count;
    return XD_OK;
}

static xd_status compile(xd_xml_layout *xml, const xd_json *tree, xd_fault *fault)
{
    static const char *const spaces[] = {"drop", "keep", NULL};
    static const char *const soaps[] = {"1.1", "1.2", NULL};
    xd_layout layout;
    xd_str each = XD_STR_NULL;
    int space = 0;
    int soap = -1;
    int64_t depth = DEPTH;
    int64_t attributes = ATTRIBUTES;
    int64_t record_bytes = RECORD_BYTES;
    int64_t bytes = 0;
    XD_TRY(xd_layout_open(tree, "", fault, &layout));
    XD_TRY(xd_layout_only(&layout, members));
    XD_TRY(xd_layout_text(&layout, "each", &each));
    if (each.ptr) {
        XD_TRY(read_path(xml, &layout, "each", each, xml->each, &xml->each_count));
        if (each.ptr[0] != '/') {
            return xd_layout_fail(&layout, "each", "layout.path",
                                  "each is a path from the root, such as /orders/order");
        }
    }
    XD_TRY(read_rules(xml, &layout, "arrays", &xml->arrays));
    XD_TRY(read_rules(xml, &layout, "objects", &xml->objects));
    XD_TRY(read_namespaces(xml, &layout));
    XD_TRY(xd_layout_word(&layout, "whitespace", spaces, &space));
    XD_TRY(xd_layout_word(&layout, "soap", soaps, &soap));
    XD_TRY(xd_layout_bool(&layout, "comments", &xml->comments));
    XD_TRY(xd_layout_bool(&layout, "indent", &xml->indent));
    XD_TRY(xd_layout_int(&layout, "max_depth", 1, MOST_DEPTH, &depth));
    XD_TRY(xd_layout_int(&layout, "max_attributes", 1, 4096, &attributes));
    XD_TRY(xd_layout_int(&layout, "max_record_bytes", 4096, INT64_C(4) << 30, &record_bytes));
    XD_TRY(xd_layout_int(&layout, "max_bytes", 1, INT64_MAX, &bytes));
    if (soap >= 0 && xml->each_count) {
        return xd_layout_fail(&layout, "soap", "layout.soap",
                              "an envelope is one message: soap and each exclude each other");
    }
    xml->keep_space = space == 1;
    xml->soap = soap < 0 ? XD_SOAP_NONE : soap == 0 ? XD_SOAP_11 : XD_SOAP_12;
    xml->max_depth = (uint32_t)depth;
    xml->max_attributes = (uint32_t)attributes;
    xml->max_record_bytes = (size_t)record_bytes;
    xml->max_bytes = (uint64_t)bytes;
    return XD_OK;
}

xd_status xd_xml_compile(const xd_json *tree, xd_xml_layout **ret, xd_fault *fault)
{
    xd_xml_layout *xml = calloc(1, sizeof *xml);
    if (!xml) {
        return out_of_memory(fault);
    }
    xd_arena_init(&xml->arena, LAYOUT_BYTES);
    xd_status status = compile(xml, tree, fault);
    if (status != XD_OK) {
        xd_xml_layout_destroy(xml);
        return status;
    }
    *ret = xml;
    return XD_OK;
}

void xd_xml_layout_destroy(xd_xml_layout *layout)
{
    if (!layout) {
        return;
    }
    xd_arena_finish(&layout->arena);
    free(layout);
}
