/* YAML to a JSON tree with positions, on libyaml's event parser. See config_yaml.h. */
#include "app/config_yaml.h"

#include <yaml.h>

typedef struct yaml_reader {
    yaml_parser_t parser;
    const char *file;
    xd_str text;
    xd_arena *arena;
    xd_config_errors *errors;
    /* libyaml counts characters, we count bytes: the last translation, as marks only grow. */
    size_t mark_characters;
    size_t mark_bytes;
    uint32_t nodes;
    uint32_t depth;
    xd_status status; /* why reading must stop; XD_OK while it may go on */
} yaml_reader;

static int64_t offset_of(yaml_reader *reader, yaml_mark_t mark)
{
    if (mark.index < reader->mark_characters) {
        reader->mark_characters = 0;
        reader->mark_bytes = 0;
    }
    size_t byte = reader->mark_bytes;
    for (size_t n = mark.index - reader->mark_characters; n && byte < reader->text.len; n--) {
        byte++;
        while (byte < reader->text.len && ((uint8_t)reader->text.ptr[byte] & 0xC0) == 0x80) {
            byte++;
        }
    }
    reader->mark_characters = mark.index;
    reader->mark_bytes = byte;
    return (int64_t)byte;
}

#define REPORT(reader, offset, rule, ...)                                                          \
    xd_config_errors_add((reader)->errors, (reader)->file, (reader)->text, (offset), "", (rule),   \
                         __VA_ARGS__)

static void stop(yaml_reader *reader, xd_status status)
{
    if (reader->status == XD_OK) {
        reader->status = status;
    }
}

/* Fetches the next event; false when reading must stop. The caller deletes the event. */
static bool next_event(yaml_reader *reader, yaml_event_t *event)
{
    if (reader->status != XD_OK) {
        return false;
    }
    if (yaml_parser_parse(&reader->parser, event)) {
        return true;
    }
    if (reader->parser.error == YAML_MEMORY_ERROR) {
        stop(reader, XD_NO_MEMORY);
        return false;
    }
    const char *context = reader->parser.context;
    REPORT(reader, offset_of(reader, reader->parser.problem_mark), "yaml.syntax",
           "this is not readable as YAML: %s%s%s", reader->parser.problem, context ? ", " : "",
           context ? context : "");
    stop(reader, XD_INVALID);
    return false;
}

/* A JSON number, which is what the numbers of this YAML are. */
static bool is_number(xd_str s)
{
    size_t i = s.len && s.ptr[0] == '-' ? 1 : 0;
    size_t digits = i;
    while (i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9') {
        i++;
    }
    if (i == digits || (s.ptr[digits] == '0' && i > digits + 1)) {
        return false;
    }
    if (i < s.len && s.ptr[i] == '.') {
        size_t start = ++i;
        while (i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9') {
            i++;
        }
        if (i == start) {
            return false;
        }
    }
    if (i < s.len && (s.ptr[i] == 'e' || s.ptr[i] == 'E')) {
        i++;
        i += i < s.len && (s.ptr[i] == '+' || s.ptr[i] == '-');
        size_t start = i;
        while (i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9') {
            i++;
        }
        if (i == start) {
            return false;
        }
    }
    return i == s.len;
}

static uint32_t plain_type(xd_str s)
{
    if (s.len == 0 || xd_str_eq(s, XD_STR("null")) || xd_str_eq(s, XD_STR("~"))) {
        return XD_JSON_NULL;
    }
    if (xd_str_eq(s, XD_STR("true"))) {
        return XD_JSON_TRUE;
    }
    if (xd_str_eq(s, XD_STR("false"))) {
        return XD_JSON_FALSE;
    }
    return is_number(s) ? XD_JSON_NUMBER : XD_JSON_STRING;
}

static void refuse_decorations(yaml_reader *reader, int64_t offset, const yaml_char_t *anchor,
                               const yaml_char_t *tag)
{
    if (anchor) {
        REPORT(reader, offset, "yaml.anchor",
               "anchors and aliases are not used here: write the value where it is needed");
    }
    if (tag) {
        REPORT(reader, offset, "yaml.tag",
               "tags such as %s are not used here: the field itself says its type",
               (const char *)tag);
    }
}

static void read_scalar(yaml_reader *reader, const yaml_event_t *event, xd_json *ret)
{
    xd_str value = {(const char *)event->data.scalar.value, event->data.scalar.length};
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    ret->type = plain ? plain_type(value) : (uint32_t)XD_JSON_STRING;
    if (ret->type == XD_JSON_NUMBER || ret->type == XD_JSON_STRING) {
        ret->text = xd_arena_copy(reader->arena, value);
        if (!ret->text.ptr) {
            stop(reader, XD_NO_MEMORY);
        }
    }
}

/* Room for one more element in an arena array that doubles; NULL when the arena refuses. */
static void *grown(yaml_reader *reader, void *array, uint32_t count, uint32_t *size, size_t each)
{
    if (count < *size) {
        return array;
    }
    uint32_t larger = *size ? *size * 2 : 8;
    void *copy = xd_arena_alloc(reader->arena, larger * each);
    if (!copy) {
        stop(reader, XD_NO_MEMORY);
        return NULL;
    }
    if (count) {
        memcpy(copy, array, count * each);
    }
    *size = larger;
    return copy;
}

static void read_node(yaml_reader *reader, const yaml_event_t *event, xd_json *ret);

static void read_sequence(yaml_reader *reader, xd_json *ret)
{
    xd_json *items = NULL;
    uint32_t count = 0;
    uint32_t size = 0;
    yaml_event_t event;
    while (next_event(reader, &event)) {
        bool end = event.type == YAML_SEQUENCE_END_EVENT;
        if (!end && (items = grown(reader, items, count, &size, sizeof *items))) {
            read_node(reader, &event, &items[count++]);
        }
        yaml_event_delete(&event);
        if (end) {
            break;
        }
    }
    ret->type = XD_JSON_ARRAY;
    ret->items = items;
    ret->count = count;
}

/* The name of a member, borrowing the source text; false when the key is not one we take. */
static bool read_key(yaml_reader *reader, const yaml_event_t *event, xd_str *ret)
{
    int64_t offset = offset_of(reader, event->start_mark);
    if (event->type == YAML_SCALAR_EVENT) {
        refuse_decorations(reader, offset, event->data.scalar.anchor, event->data.scalar.tag);
        size_t start = (size_t)offset + (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE);
        size_t length = event->data.scalar.length;
        if (length && start + length <= reader->text.len &&
            memcmp(reader->text.ptr + start, event->data.scalar.value, length) == 0) {
            *ret = (xd_str){reader->text.ptr + start, length};
            return true;
        }
    }
    REPORT(reader, offset, "yaml.key", "a key is one plain word, written on one line");
    return false;
}

static void read_mapping(yaml_reader *reader, xd_json *ret)
{
    xd_json_member *members = NULL;
    uint32_t count = 0;
    uint32_t size = 0;
    yaml_event_t event;
    while (next_event(reader, &event)) {
        if (event.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&event);
            break;
        }
        xd_json_member member = {0};
        bool keep = read_key(reader, &event, &member.name);
        if (!keep) {
            read_node(reader, &event, &member.value); /* skips the whole of a compound key */
        }
        yaml_event_delete(&event);
        if (!next_event(reader, &event)) {
            break;
        }
        read_node(reader, &event, &member.value);
        yaml_event_delete(&event);
        for (uint32_t i = 0; keep && i < count; i++) {
            if (xd_str_eq(members[i].name, member.name)) {
                int64_t offset = member.name.ptr - reader->text.ptr;
                REPORT(reader, offset, "yaml.duplicate", "\"%.*s\" stands twice in this mapping",
                       XD_FMT(member.name));
                keep = false;
            }
        }
        if (keep && (members = grown(reader, members, count, &size, sizeof *members))) {
            members[count++] = member;
        }
    }
    ret->type = XD_JSON_OBJECT;
    ret->members = members;
    ret->count = count;
}

static void read_node(yaml_reader *reader, const yaml_event_t *event, xd_json *ret)
{
    int64_t offset = offset_of(reader, event->start_mark);
    *ret = (xd_json){.type = XD_JSON_NULL, .offset = (uint32_t)offset};
    bool compound =
        event->type == YAML_SEQUENCE_START_EVENT || event->type == YAML_MAPPING_START_EVENT;
    if (++reader->nodes > XD_YAML_MAX_NODES || (compound && reader->depth == XD_YAML_MAX_DEPTH)) {
        REPORT(reader, offset, "yaml.limit",
               "this file holds more than %d values or nests deeper than %d", XD_YAML_MAX_NODES,
               XD_YAML_MAX_DEPTH);
        stop(reader, XD_LIMIT);
        return;
    }
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        refuse_decorations(reader, offset, event->data.scalar.anchor, event->data.scalar.tag);
        read_scalar(reader, event, ret);
        break;
    case YAML_SEQUENCE_START_EVENT:
        refuse_decorations(reader, offset, event->data.sequence_start.anchor,
                           event->data.sequence_start.tag);
        reader->depth++;
        read_sequence(reader, ret);
        reader->depth--;
        break;
    case YAML_MAPPING_START_EVENT:
        refuse_decorations(reader, offset, event->data.mapping_start.anchor,
                           event->data.mapping_start.tag);
        reader->depth++;
        read_mapping(reader, ret);
        reader->depth--;
        break;
    default: /* an alias: nothing else may stand where a node is expected */
        refuse_decorations(reader, offset, (const yaml_char_t *)"", NULL);
        break;
    }
}

static void read_document(yaml_reader *reader, xd_json *root)
{
    yaml_event_t event;
    bool seen = false;
    while (next_event(reader, &event)) {
        int64_t offset = offset_of(reader, event.start_mark);
        yaml_event_type_t type = event.type;
        if (type == YAML_DOCUMENT_START_EVENT) {
            if (event.data.document_start.version_directive ||
                event.data.document_start.tag_directives.start !=
                    event.data.document_start.tag_directives.end) {
                REPORT(reader, offset, "yaml.directive", "directives (%%YAML, %%TAG) are not used");
            }
            if (seen) {
                REPORT(reader, offset, "yaml.documents", "one file holds one document");
                stop(reader, XD_INVALID);
            }
            seen = true;
        } else if (type == YAML_SCALAR_EVENT || type == YAML_SEQUENCE_START_EVENT ||
                   type == YAML_MAPPING_START_EVENT || type == YAML_ALIAS_EVENT) {
            read_node(reader, &event, root);
        }
        yaml_event_delete(&event);
        if (type == YAML_STREAM_END_EVENT) {
            break;
        }
    }
}

xd_status xd_yaml_parse(const char *file, xd_str text, xd_arena *arena, const xd_json **ret_root,
                        xd_config_errors *errors)
{
    uint32_t errors_before = errors->count + errors->more;
    size_t bad = 0;
    if (text.len > XD_YAML_MAX_BYTES) {
        xd_config_errors_add(errors, file, text, -1, "", "yaml.limit",
                             "this file has %zu bytes; a configuration may have %d", text.len,
                             XD_YAML_MAX_BYTES);
        return XD_LIMIT;
    }
    if (!xd_utf8_valid(text, &bad) || xd_str_starts(text, XD_STR("\xEF\xBB\xBF"))) {
        xd_config_errors_add(errors, file, text, (int64_t)bad, "", "yaml.utf8",
                             "the file must be plain UTF-8, without a byte order mark");
        return XD_INVALID;
    }
    xd_json *root = xd_arena_zalloc(arena, sizeof *root);
    yaml_reader reader = {.file = file, .text = text, .arena = arena, .errors = errors};
    if (!root || !yaml_parser_initialize(&reader.parser)) {
        return XD_NO_MEMORY;
    }
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text.ptr, text.len);
    read_document(&reader, root);
    yaml_parser_delete(&reader.parser);
    if (reader.status != XD_OK) {
        return reader.status;
    }
    if (errors->count + errors->more != errors_before) {
        return XD_INVALID;
    }
    *ret_root = root;
    return XD_OK;
}
