/* From the project file's tree to the flow definition's JSON: the flow section as it stands there,
 * texts as strings and decimals as strings with their digits, and for each system its name, what it
 * receives, and the versions of its maps; and the edition of this program's flows. What the file
 * leaves out stays out: xd_definition_read has the defaults. Pure. */
#include "app/config_int.h"

#include "flow/definition.h"

enum { DEFINITION_MAX_BYTES = 1 << 20 };

static void write_strings(xd_buf *buf, const xd_json *list)
{
    XD_BUF_LIT(buf, "[");
    for (uint32_t i = 0; list && i < list->count; i++) {
        xd_buf_str_add(buf, i ? XD_STR(",") : XD_STR(""));
        xd_json_write_string(buf, list->items[i].text);
    }
    XD_BUF_LIT(buf, "]");
}

static void write_section(xd_buf *buf, const xd_config_section *section, const xd_json *given);

static void write_value(xd_buf *buf, const xd_config_field *field, const xd_json *given)
{
    switch (field->type) {
    case XD_CONFIG_TEXT:
    case XD_CONFIG_CHOICE:
    case XD_CONFIG_DECIMAL:
        xd_json_write_string(buf, given->text);
        break;
    case XD_CONFIG_CHOICES:
    case XD_CONFIG_TEXTS:
        write_strings(buf, given);
        break;
    case XD_CONFIG_SECTION:
        write_section(buf, field->section, given);
        break;
    default:
        xd_json_write(buf, given);
    }
}

static void write_section(xd_buf *buf, const xd_config_section *section, const xd_json *given)
{
    XD_BUF_LIT(buf, "{");
    bool first = true;
    for (const xd_config_field *field = section->fields; field->name; field++) {
        const xd_json *value = xd_json_get(given, xd_str_from(field->name));
        if (value && value->type != XD_JSON_NULL) {
            xd_buf_printf(buf, "%s\"%s\":", first ? "" : ",", field->name);
            write_value(buf, field, value);
            first = false;
        }
    }
    XD_BUF_LIT(buf, "}");
}

static void write_system_maps(xd_buf *buf, const xd_config_system *system)
{
    bool more = false;
    for (int i = XD_MESSAGE_NONE + 1; i < XD_MESSAGE_LIMIT; i++) {
        const xd_config_map *map = system->map_of[i];
        if (map) {
            xd_buf_printf(buf, "%s\"%s\":\"%s@%s\"", more ? "," : ",\"maps\":{",
                          xd_message_name((xd_message)i), map->name, map->hash);
            more = true;
        }
    }
    xd_buf_str_add(buf, more ? XD_STR("}") : XD_STR(""));
}

static void write_systems(xd_buf *buf, const xd_json *systems, const xd_config_draft *draft)
{
    XD_BUF_LIT(buf, "[");
    for (uint32_t i = 0; systems && i < systems->count; i++) {
        xd_buf_str_add(buf, i ? XD_STR(",{\"name\":") : XD_STR("{\"name\":"));
        xd_json_write_string(buf, systems->members[i].name);
        XD_BUF_LIT(buf, ",\"receives\":");
        write_strings(buf, XD_GET(&systems->members[i].value, "receives"));
        write_system_maps(buf, &draft->systems[i]);
        XD_BUF_LIT(buf, "}");
    }
    XD_BUF_LIT(buf, "]");
}

xd_status xd_config_definition(const xd_json *root, const xd_config_draft *draft, xd_arena *arena,
                               xd_str *ret, xd_fault *fault)
{
    xd_buf text;
    xd_buf canonical;
    xd_buf_init(&text, DEFINITION_MAX_BYTES);
    xd_buf_init(&canonical, DEFINITION_MAX_BYTES);
    write_section(&text, &xd_config_flow, XD_GET(root, "flow"));
    if (text.len) {
        text.len--; /* reopen the object for the systems */
        xd_buf_printf(&text, "%s\"edition\":%d,\"systems\":", text.len > 1 ? "," : "", XD_EDITION);
        write_systems(&text, XD_GET(root, "systems"), draft);
        XD_BUF_LIT(&text, "}");
    }
    const xd_json *tree = NULL;
    xd_status status =
        text.failed ? xd_fail(fault, XD_LIMIT, "flow.size", "the flow definition is over %d bytes",
                              DEFINITION_MAX_BYTES)
                    : xd_json_parse(xd_buf_str(&text), XD_JSON_LIMITS_DEFAULT, arena, &tree, fault);
    if (status == XD_OK) {
        status = xd_json_canonical(&canonical, tree, arena, fault);
    }
    if (status == XD_OK) {
        xd_str copy = xd_arena_copy(arena, xd_buf_str(&canonical));
        if (canonical.failed || !copy.ptr) {
            status = xd_fail(fault, XD_NO_MEMORY, NULL, "out of memory");
        } else {
            *ret = copy;
        }
    }
    xd_buf_finish(&canonical);
    xd_buf_finish(&text);
    return status;
}
