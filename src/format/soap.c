/* SOAP envelopes over XML trees. See soap.h. Owns nothing; pure. */
#include "format/soap.h"

#include "format/xml_int.h"

#define URI_11 "http://schemas.xmlsoap.org/soap/envelope/"
#define URI_12 "http://www.w3.org/2003/05/soap-envelope"

static xd_status out_of_memory(xd_fault *fault)
{
    return xd_fail(fault, XD_NO_MEMORY, NULL, "no memory for a SOAP envelope");
}

static xd_status bad(xd_fault *fault, const char *rule, const char *text)
{
    return xd_fail(fault, XD_INVALID, rule, "%s", text);
}

/* Splits "p:Local". */
static void split_name(xd_str name, xd_str *ret_prefix, xd_str *ret_local)
{
    const char *colon = name.len ? memchr(name.ptr, ':', name.len) : NULL;
    size_t n = colon ? (size_t)(colon - name.ptr) : 0;
    *ret_prefix = (xd_str){name.ptr, n};
    *ret_local = colon ? (xd_str){colon + 1, name.len - n - 1} : name;
}

/* The namespace that element declares for prefix, {NULL, 0} when it declares none. */
static xd_str declared(const xd_json *element, xd_str prefix)
{
    for (uint32_t i = 0; element->type == XD_JSON_OBJECT && i < element->count; i++) {
        xd_str name = element->members[i].name;
        bool same = prefix.len
                        ? name.len == prefix.len + 7 && xd_str_starts(name, XD_STR("@xmlns:")) &&
                              memcmp(name.ptr + 7, prefix.ptr, prefix.len) == 0
                        : xd_str_eq(name, XD_STR("@xmlns"));
        if (same && element->members[i].value.type == XD_JSON_STRING) {
            return element->members[i].value.text;
        }
    }
    return XD_STR_NULL;
}

/* The child of parent with this local name and the envelope's namespace, as declared on the child,
 * its parent or the envelope. */
static const xd_json *soap_child(const xd_json *parent, const xd_json *envelope, xd_str uri,
                                 const char *local)
{
    for (uint32_t i = 0; parent->type == XD_JSON_OBJECT && i < parent->count; i++) {
        const xd_json_member *member = &parent->members[i];
        xd_str prefix;
        xd_str name;
        split_name(member->name, &prefix, &name);
        if (!xd_str_eq(name, xd_str_from(local))) {
            continue;
        }
        xd_str found = declared(&member->value, prefix);
        found = found.ptr ? found : declared(parent, prefix);
        found = found.ptr ? found : declared(envelope, prefix);
        if (xd_str_eq(found, uri)) {
            return &member->value;
        }
    }
    return NULL;
}

/* Copies the declarations of an outer element that value does not repeat in front of its members.
 */
static bool inherit(const xd_json *value, const xd_json *const *outer, uint32_t outer_count,
                    xd_arena *arena, xd_json *ret)
{
    uint32_t most = value->type == XD_JSON_OBJECT ? value->count : 1;
    for (uint32_t i = 0; i < outer_count; i++) {
        most += outer[i]->type == XD_JSON_OBJECT ? outer[i]->count : 0;
    }
    xd_json_member *members = xd_arena_alloc(arena, (most ? most : 1) * sizeof *members);
    if (!members) {
        return false;
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < outer_count; i++) { /* the innermost first */
        for (uint32_t k = 0; outer[i]->type == XD_JSON_OBJECT && k < outer[i]->count; k++) {
            const xd_json_member *member = &outer[i]->members[k];
            bool declaration = xd_str_eq(member->name, XD_STR("@xmlns")) ||
                               xd_str_starts(member->name, XD_STR("@xmlns:"));
            bool hidden = xd_json_get(value, member->name) != NULL;
            for (uint32_t m = 0; m < count && !hidden; m++) {
                hidden = xd_str_eq(members[m].name, member->name);
            }
            if (declaration && !hidden) {
                members[count++] = *member;
            }
        }
    }
    if (count == 0) {
        *ret = *value;
        return true;
    }
    if (value->type == XD_JSON_OBJECT) {
        memcpy(members + count, value->members, value->count * sizeof *members);
        count += value->count;
    } else if (value->type == XD_JSON_STRING && value->text.len) {
        members[count++] = (xd_json_member){XD_STR(XD_XML_TEXT), *value};
    }
    *ret = (xd_json){.type = XD_JSON_OBJECT, .count = count, .members = members};
    return true;
}

/* The body's elements, each able to stand alone. */
static xd_status take_body(const xd_json *body, const xd_json *envelope, xd_arena *arena,
                           xd_json *ret, xd_fault *fault)
{
    const xd_json *const outer[] = {body, envelope};
    uint32_t most = body->type == XD_JSON_OBJECT ? body->count : 0;
    xd_json_member *members = xd_arena_alloc(arena, (most + 1) * sizeof *members);
    if (!members) {
        return out_of_memory(fault);
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < most; i++) {
        const xd_json_member *member = &body->members[i];
        if (member->name.len && (member->name.ptr[0] == '@' || member->name.ptr[0] == '#')) {
            continue;
        }
        members[count].name = member->name;
        if (member->value.type == XD_JSON_ARRAY) { /* several elements of one name: kept as is */
            members[count].value = member->value;
        } else if (!inherit(&member->value, outer, 2, arena, &members[count].value)) {
            return out_of_memory(fault);
        }
        count++;
    }
    *ret = (xd_json){.type = XD_JSON_OBJECT, .count = count, .members = members};
    return XD_OK;
}

static xd_str text_of(const xd_json *value)
{
    if (value && value->type == XD_JSON_ARRAY && value->count) {
        value = &value->items[0];
    }
    if (value && value->type == XD_JSON_OBJECT) {
        value = XD_GET(value, XD_XML_TEXT);
    }
    return value && value->type == XD_JSON_STRING ? value->text : XD_STR_NULL;
}

static void read_fault(const xd_json *fault, const xd_json *envelope, xd_str uri,
                       xd_soap_message *message)
{
    message->is_fault = true;
    if (message->version == XD_SOAP_11) { /* in no namespace: SOAP 1.1, section 4.4 */
        message->fault_code = text_of(XD_GET(fault, "faultcode"));
        message->fault_string = text_of(XD_GET(fault, "faultstring"));
        return;
    }
    const xd_json *code = soap_child(fault, envelope, uri, "Code");
    const xd_json *reason = soap_child(fault, envelope, uri, "Reason");
    message->fault_code = code ? text_of(soap_child(code, envelope, uri, "Value")) : XD_STR_NULL;
    message->fault_string =
        reason ? text_of(soap_child(reason, envelope, uri, "Text")) : XD_STR_NULL;
}

/* The envelope is the document's only element. */
static xd_status find_envelope(const xd_json *document, const xd_json **ret, xd_str *ret_uri,
                               xd_fault *fault)
{
    for (uint32_t i = 0; document && document->type == XD_JSON_OBJECT && i < document->count; i++) {
        const xd_json_member *member = &document->members[i];
        xd_str prefix;
        xd_str local;
        split_name(member->name, &prefix, &local);
        if (!xd_str_eq(local, XD_STR("Envelope"))) {
            continue;
        }
        xd_str uri = declared(&member->value, prefix);
        if (!xd_str_eq(uri, XD_STR(URI_11)) && !xd_str_eq(uri, XD_STR(URI_12))) {
            return bad(fault, "soap.version",
                       "the Envelope is neither of SOAP 1.1 nor of SOAP 1.2 (its namespace says "
                       "which)");
        }
        *ret = &member->value;
        *ret_uri = uri;
        return XD_OK;
    }
    return bad(fault, "soap.envelope", "expected a SOAP Envelope as the document's root element");
}

xd_status xd_soap_unwrap(const xd_json *document, xd_arena *arena, xd_soap_message *ret,
                         xd_fault *fault)
{
    const xd_json *envelope = NULL;
    xd_str uri;
    XD_TRY(find_envelope(document, &envelope, &uri, fault));
    xd_soap_message message = {.version = xd_str_eq(uri, XD_STR(URI_11)) ? XD_SOAP_11 : XD_SOAP_12};
    const xd_json *body = soap_child(envelope, envelope, uri, "Body");
    if (!body || body->type == XD_JSON_ARRAY) {
        return bad(fault, "soap.body", "expected one Body in the Envelope");
    }
    message.header = soap_child(envelope, envelope, uri, "Header");
    const xd_json *soap_fault = soap_child(body, envelope, uri, "Fault");
    if (soap_fault) {
        read_fault(soap_fault, envelope, uri, &message);
    }
    xd_json *taken = xd_arena_alloc(arena, sizeof *taken);
    if (!taken) {
        return out_of_memory(fault);
    }
    XD_TRY(take_body(body, envelope, arena, taken, fault));
    message.body = taken;
    *ret = message;
    return XD_OK;
}

static xd_json string(const char *text)
{
    return (xd_json){.type = XD_JSON_STRING, .text = xd_str_from(text)};
}

static xd_json object_of(xd_json_member *members, uint32_t count)
{
    return (xd_json){.type = XD_JSON_OBJECT, .count = count, .members = members};
}

xd_status xd_soap_wrap(xd_soap_version version, const xd_json *header, const xd_json *body,
                       xd_arena *arena, const xd_json **ret, xd_fault *fault)
{
    if (!body || body->type != XD_JSON_OBJECT || (header && header->type != XD_JSON_OBJECT)) {
        return bad(fault, "soap.body", "a SOAP body must be an object of elements by name");
    }
    xd_json_member *members = xd_arena_alloc(arena, 4 * sizeof *members);
    xd_json *document = xd_arena_alloc(arena, sizeof *document);
    if (!members || !document) {
        return out_of_memory(fault);
    }
    uint32_t count = 0;
    xd_json_member *inner = members + 1;
    inner[count++] =
        (xd_json_member){XD_STR("@xmlns:soap"), string(version == XD_SOAP_12 ? URI_12 : URI_11)};
    if (header) {
        inner[count++] = (xd_json_member){XD_STR("soap:Header"), *header};
    }
    inner[count++] = (xd_json_member){XD_STR("soap:Body"), *body};
    members[0] = (xd_json_member){XD_STR("soap:Envelope"), object_of(inner, count)};
    *document = object_of(members, 1);
    *ret = document;
    return XD_OK;
}

xd_status xd_soap_wrap_fault(xd_soap_version version, bool sender_fault, xd_str text,
                             xd_arena *arena, const xd_json **ret, xd_fault *fault)
{
    xd_json_member *m = xd_arena_alloc(arena, 8 * sizeof *m);
    xd_json *body = xd_arena_alloc(arena, sizeof *body);
    if (!m || !body) {
        return out_of_memory(fault);
    }
    xd_json reason = {.type = XD_JSON_STRING, .text = text};
    if (version == XD_SOAP_12) {
        m[5] = (xd_json_member){XD_STR("soap:Value"),
                                string(sender_fault ? "soap:Sender" : "soap:Receiver")};
        m[6] = (xd_json_member){XD_STR("@xml:lang"), string("en")};
        m[7] = (xd_json_member){XD_STR(XD_XML_TEXT), reason};
        m[4] = (xd_json_member){XD_STR("soap:Text"), object_of(&m[6], 2)};
        m[1] = (xd_json_member){XD_STR("soap:Code"), object_of(&m[5], 1)};
        m[2] = (xd_json_member){XD_STR("soap:Reason"), object_of(&m[4], 1)};
    } else {
        m[1] = (xd_json_member){XD_STR("faultcode"),
                                string(sender_fault ? "soap:Client" : "soap:Server")};
        m[2] = (xd_json_member){XD_STR("faultstring"), reason};
    }
    m[0] = (xd_json_member){XD_STR("soap:Fault"), object_of(&m[1], 2)};
    *body = object_of(&m[0], 1);
    return xd_soap_wrap(version, NULL, body, arena, ret, fault);
}
