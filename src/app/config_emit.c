/* What people and editors read about the settings, from the same table that reads them: the
 * reference in Markdown and a JSON Schema. Pure. */
#include "app/config_int.h"

/* --- Markdown --- */

static const char *type_words(const xd_config_field *field)
{
    switch (field->type) {
    case XD_CONFIG_TEXT:
        return "text";
    case XD_CONFIG_INTEGER:
        return "integer";
    case XD_CONFIG_BYTES:
        return "bytes";
    case XD_CONFIG_DECIMAL:
        return "number";
    case XD_CONFIG_BOOLEAN:
        return "true or false";
    case XD_CONFIG_CHOICE:
        return "one of";
    case XD_CONFIG_CHOICES:
        return "list of";
    case XD_CONFIG_TEXTS:
        return "list of texts";
    default:
        return "mapping";
    }
}

static void write_allowed(xd_buf *buf, const xd_config_field *field)
{
    xd_buf_str_add(buf, xd_str_from(type_words(field)));
    if (field->choices) {
        for (size_t i = 0; field->choices->names[i]; i++) {
            xd_buf_printf(buf, "%s `%s`", i ? "," : "", field->choices->names[i]);
        }
    } else if (field->type == XD_CONFIG_INTEGER || field->type == XD_CONFIG_BYTES) {
        xd_buf_printf(buf, ", %lld to %lld", (long long)field->min, (long long)field->max);
    } else if (field->type == XD_CONFIG_DECIMAL) {
        if (field->max < INT64_MAX) {
            xd_buf_printf(buf, ", 0 to %lld", (long long)field->max);
        } else {
            XD_BUF_LIT(buf, ", not negative");
        }
    } else if (field->type == XD_CONFIG_TEXT && field->format != XD_CONFIG_ANY) {
        xd_buf_printf(buf, ": %s", xd_config_formats[field->format].words);
    }
    if (field->unit) {
        xd_buf_printf(buf, ", in %s", field->unit);
    }
}

static void write_section(xd_buf *buf, const xd_config_section *section)
{
    xd_buf_printf(buf, "## %s\n\n%s\n\n", section->title, section->doc);
    XD_BUF_LIT(buf, "| Setting | Value | Default | Meaning |\n|---|---|---|---|\n");
    for (const xd_config_field *field = section->fields; field->name; field++) {
        xd_buf_printf(buf, "| `%s` | ", field->name);
        write_allowed(buf, field);
        if (field->required) {
            XD_BUF_LIT(buf, " | required | ");
        } else if (field->fallback && field->fallback[0]) {
            xd_buf_printf(buf, " | `%s` | ", field->fallback);
        } else {
            XD_BUF_LIT(buf, " | | ");
        }
        xd_buf_str_add(buf, xd_str_from(field->doc));
        XD_BUF_LIT(buf, " |\n");
    }
    XD_BUF_LIT(buf, "\n");
    for (const xd_config_field *field = section->fields; field->name; field++) {
        /* Rows that share a section (the tolerance rules) stand next to each other. */
        bool told = field > section->fields && field[-1].section == field->section;
        if (field->section && !told) {
            write_section(buf, field->section);
        }
    }
}

void xd_config_write_markdown(xd_buf *buf)
{
    XD_BUF_LIT(
        buf,
        "# Configuration\n\n"
        "<!-- Made by `make generated` from src/app/config_table.c. Do not edit. -->\n\n"
        "One folder is one hub: `crossdock.yaml` in it holds every setting below. `crossdock init "
        "DIR` writes a\ncommented start, `crossdock check DIR` verifies a folder and names each "
        "error with its line and the rule it\nbreaks, and editors that know JSON Schema complete "
        "settings from `schemas/crossdock.yaml.json` when the\nfile's first line is\n"
        "`# yaml-language-server: $schema=PATH/crossdock.yaml.json`.\n\n"
        "The file is plain YAML without anchors, aliases, tags or repeated keys. Numbers keep the "
        "digits given. Secrets\nnever stand in it: settings name an environment variable "
        "(`secret_env`) or a file (`secret_file`). A running\nhub takes changed `keys` on SIGHUP; "
        "any other change needs a restart, and SIGHUP says so.\n\n"
        "Where a setting is part of the flow definition (company, accounts, matching, tolerances, "
        "and which system\nreceives what), a change is itself an event in the log and holds from "
        "there on.\n\n");
    write_section(buf, &xd_config_root);
    /* The last section ends with an empty line that the file does not need. */
    if (buf->len && !buf->failed) {
        buf->len--;
    }
}

/* --- JSON Schema --- */

static void write_default(xd_buf *buf, const xd_config_field *field)
{
    if (!field->fallback || !field->fallback[0]) {
        return;
    }
    XD_BUF_LIT(buf, ",\"default\":");
    if (field->type == XD_CONFIG_TEXT || field->type == XD_CONFIG_BYTES ||
        field->type == XD_CONFIG_CHOICE) {
        xd_json_write_string(buf, xd_str_from(field->fallback));
    } else {
        xd_buf_str_add(buf, xd_str_from(field->fallback));
    }
}

static void write_enum(xd_buf *buf, const xd_config_choices *choices)
{
    XD_BUF_LIT(buf, "\"enum\":[");
    for (size_t i = 0; choices->names[i]; i++) {
        xd_buf_str_add(buf, i ? XD_STR(",") : XD_STR(""));
        xd_json_write_string(buf, xd_str_from(choices->names[i]));
    }
    XD_BUF_LIT(buf, "]");
}

static void write_object_schema(xd_buf *buf, const xd_config_section *section);

static void write_type_schema(xd_buf *buf, const xd_config_field *field)
{
    const char *pattern = xd_config_formats[field->format].pattern;
    switch (field->type) {
    case XD_CONFIG_TEXT:
        if (pattern) {
            XD_BUF_LIT(buf, "\"type\":\"string\",\"pattern\":");
            xd_json_write_string(buf, xd_str_from(pattern));
        } else {
            XD_BUF_LIT(buf, "\"type\":[\"string\",\"number\"]");
        }
        break;
    case XD_CONFIG_INTEGER:
        xd_buf_printf(buf, "\"type\":\"integer\",\"minimum\":%lld,\"maximum\":%lld",
                      (long long)field->min, (long long)field->max);
        break;
    case XD_CONFIG_BYTES:
        xd_buf_printf(buf,
                      "\"type\":[\"integer\",\"string\"],\"minimum\":%lld,\"maximum\":%lld,"
                      "\"pattern\":\"^[0-9]+( *[KMG]iB)?$\"",
                      (long long)field->min, (long long)field->max);
        break;
    case XD_CONFIG_DECIMAL:
        XD_BUF_LIT(buf, "\"type\":[\"number\",\"string\"],\"minimum\":0,"
                        "\"pattern\":\"^[0-9]+([.][0-9]+)?$\"");
        if (field->max < INT64_MAX) {
            xd_buf_printf(buf, ",\"maximum\":%lld", (long long)field->max);
        }
        break;
    case XD_CONFIG_BOOLEAN:
        XD_BUF_LIT(buf, "\"type\":\"boolean\"");
        break;
    case XD_CONFIG_CHOICE:
        write_enum(buf, field->choices);
        break;
    case XD_CONFIG_CHOICES:
        XD_BUF_LIT(buf, "\"type\":\"array\",\"uniqueItems\":true,\"items\":{");
        write_enum(buf, field->choices);
        XD_BUF_LIT(buf, "}");
        break;
    case XD_CONFIG_TEXTS:
        xd_buf_printf(buf,
                      "\"type\":\"array\",\"maxItems\":%u,"
                      "\"items\":{\"type\":[\"string\",\"number\"]}",
                      (unsigned)field->max_count);
        break;
    case XD_CONFIG_SECTION:
        write_object_schema(buf, field->section);
        break;
    case XD_CONFIG_NAMED:
        XD_BUF_LIT(buf, "\"type\":[\"object\",\"null\"],\"propertyNames\":{\"pattern\":");
        xd_json_write_string(buf, xd_str_from(xd_config_formats[XD_CONFIG_NAME].pattern));
        XD_BUF_LIT(buf, "},\"additionalProperties\":{");
        write_object_schema(buf, field->section);
        XD_BUF_LIT(buf, "}");
        break;
    }
}

static void write_object_schema(xd_buf *buf, const xd_config_section *section)
{
    XD_BUF_LIT(buf, "\"type\":[\"object\",\"null\"],\"additionalProperties\":false,");
    const char *separator = "\"required\":[";
    for (const xd_config_field *field = section->fields; field->name; field++) {
        if (field->required) {
            xd_buf_printf(buf, "%s\"%s\"", separator, field->name);
            separator = ",";
        }
    }
    if (separator[0] == ',') {
        XD_BUF_LIT(buf, "],");
    }
    XD_BUF_LIT(buf, "\"properties\":{");
    for (const xd_config_field *field = section->fields; field->name; field++) {
        xd_buf_printf(buf, "%s\n\"%s\":{\"description\":", field == section->fields ? "" : ",",
                      field->name);
        xd_json_write_string(buf, xd_str_from(field->doc));
        XD_BUF_LIT(buf, ",");
        write_type_schema(buf, field);
        write_default(buf, field);
        XD_BUF_LIT(buf, "}");
    }
    XD_BUF_LIT(buf, "}");
}

void xd_config_write_schema(xd_buf *buf)
{
    XD_BUF_LIT(buf, "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\n"
                    "\"title\":\"Crossdock project file\",\n");
    write_object_schema(buf, &xd_config_root);
    XD_BUF_LIT(buf, "}\n");
}
