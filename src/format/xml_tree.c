/* Building a JSON tree from the events of an XML parser. See xml_tree_int.h; the convention is in
 * docs/formats.md. */
#include "format/xml_tree_int.h"

#include <stdlib.h>

enum { FIRST_ENTRIES = 256, FIRST_NAMES = 256, MOST_NAMES = 1 << 20 };

/* --- names --- */

void xd_xml_names_init(xd_xml_names *names, const xd_xml_layout *layout, xd_arena *arena)
{
    *names = (xd_xml_names){.layout = layout, .arena = arena};
}

void xd_xml_names_finish(xd_xml_names *names)
{
    free(names->slots);
}

static const xd_str escaped_and = {"&#38;", 5};

bool xd_xml_same_uri(xd_str uri, const char *raw)
{
    xd_str rest = xd_str_from(raw);
    for (size_t i = 0; i < uri.len; i++) {
        if (rest.len == 0 || *rest.ptr != uri.ptr[i]) {
            return false;
        }
        size_t n = xd_str_starts(rest, escaped_and) ? escaped_and.len : 1;
        rest = (xd_str){rest.ptr + n, rest.len - n};
    }
    return rest.len == 0;
}

/* A copy with every &#38; as &. */
static xd_str copy_value(xd_arena *arena, xd_str raw)
{
    if (raw.len == 0 || !memchr(raw.ptr, '&', raw.len)) {
        return xd_arena_copy(arena, raw);
    }
    char *to = xd_arena_alloc(arena, raw.len);
    size_t n = 0;
    for (size_t i = 0; to && i < raw.len;) {
        xd_str rest = {raw.ptr + i, raw.len - i};
        to[n++] = raw.ptr[i];
        i += xd_str_starts(rest, escaped_and) ? escaped_and.len : 1;
    }
    return (xd_str){to, to ? n : 0};
}

static uint32_t slot_of(const xd_xml_names *names, const void *local, const void *prefix,
                        const void *uri)
{
    uint64_t hash = (uint64_t)(uintptr_t)local * UINT64_C(0x9e3779b97f4a7c15);
    hash ^= (uint64_t)(uintptr_t)prefix * UINT64_C(0xbf58476d1ce4e5b9);
    hash ^= (uint64_t)(uintptr_t)uri * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)(hash >> 32) & (names->slot_count - 1);
}

static bool grow_names(xd_xml_names *names)
{
    uint32_t size = names->slot_count ? names->slot_count * 2 : FIRST_NAMES;
    xd_xml_name **old = names->slots;
    uint32_t old_count = names->slot_count;
    if (size > MOST_NAMES) {
        return false;
    }
    names->slots = calloc(size, sizeof *names->slots);
    if (!names->slots) {
        names->slots = old;
        return false;
    }
    names->slot_count = size;
    for (uint32_t i = 0; i < old_count; i++) {
        if (old[i]) {
            uint32_t at = slot_of(names, old[i]->local, old[i]->prefix, old[i]->uri);
            while (names->slots[at]) {
                at = (at + 1) & (size - 1);
            }
            names->slots[at] = old[i];
        }
    }
    free(old);
    return true;
}

static void apply_rules(xd_xml_name *name, const xd_xml_rules *rules, bool *ret_always)
{
    for (uint32_t i = 0; i < rules->count; i++) {
        const xd_xml_rule *rule = &rules->items[i];
        if (xd_str_eq(rule->steps[rule->step_count - 1], name->element)) {
            *ret_always = *ret_always || !rule->absolute;
            name->path_rule = name->path_rule || rule->absolute;
        }
    }
}

static xd_xml_name *make_name(xd_xml_names *names, const char *local, const char *prefix,
                              const char *uri)
{
    xd_str shown = xd_str_from(prefix);
    for (uint32_t i = 0; uri && i < names->layout->namespace_count; i++) {
        if (xd_xml_same_uri(names->layout->namespaces[i].uri, uri)) {
            shown = names->layout->namespaces[i].prefix;
        }
    }
    xd_xml_name *name = xd_arena_zalloc(names->arena, sizeof *name);
    xd_str text =
        xd_arena_printf(names->arena, "@%.*s%s%s", XD_FMT(shown), shown.len ? ":" : "", local);
    if (!name || !text.ptr) {
        return NULL;
    }
    name->local = local;
    name->prefix = prefix;
    name->uri = uri;
    name->attribute = text;
    name->element = (xd_str){text.ptr + 1, text.len - 1};
    apply_rules(name, &names->layout->arrays, &name->array);
    apply_rules(name, &names->layout->objects, &name->object);
    return name;
}

xd_xml_name *xd_xml_names_get(xd_xml_names *names, const char *local, const char *prefix,
                              const char *uri)
{
    if (names->count * 2 >= names->slot_count && !grow_names(names)) {
        return NULL;
    }
    uint32_t at = slot_of(names, local, prefix, uri);
    for (xd_xml_name *name; (name = names->slots[at]);) {
        if (name->local == local && name->prefix == prefix && name->uri == uri) {
            return name;
        }
        at = (at + 1) & (names->slot_count - 1);
    }
    xd_xml_name *name = make_name(names, local, prefix, uri);
    if (name) {
        names->slots[at] = name;
        names->count++;
    }
    return name;
}

/* --- the stack --- */

static xd_xml_name special(const char *text)
{
    xd_str name = xd_str_from(text);
    return (xd_xml_name){.attribute = name, .element = name};
}

bool xd_xml_builder_init(xd_xml_builder *builder, const xd_xml_layout *layout)
{
    *builder = (xd_xml_builder){.layout = layout,
                                .text_name = special(XD_XML_TEXT),
                                .comment_name = special(XD_XML_COMMENT),
                                .instruction_name = special(XD_XML_INSTRUCTION),
                                .doctype_name = special(XD_XML_DOCTYPE)};
    xd_buf_init(&builder->text, layout->max_record_bytes);
    builder->frames = malloc((layout->max_depth + 2) * sizeof *builder->frames);
    builder->entries = malloc(FIRST_ENTRIES * sizeof *builder->entries);
    builder->entry_size = FIRST_ENTRIES;
    return builder->frames && builder->entries;
}

void xd_xml_builder_finish(xd_xml_builder *builder)
{
    xd_buf_finish(&builder->text);
    free(builder->frames);
    free(builder->entries);
}

static bool push(xd_xml_builder *builder, xd_xml_name *name, bool is_attribute, xd_json value)
{
    if (builder->entry_count == builder->entry_size) {
        size_t size = (size_t)builder->entry_size * 2;
        /* An entry becomes a member or item, so the arena's cap bounds them as well. */
        if (size * sizeof(xd_json) > builder->layout->max_record_bytes + (1 << 20) ||
            size > UINT32_MAX / 2) {
            return false;
        }
        xd_xml_entry *entries = realloc(builder->entries, size * sizeof *entries);
        if (!entries) {
            return false;
        }
        builder->entries = entries;
        builder->entry_size = (uint32_t)size;
    }
    builder->entries[builder->entry_count++] = (xd_xml_entry){name, is_attribute, value};
    return true;
}

static bool is_blank(xd_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c != ' ' && c != '\n' && c != '\t' && c != '\r') {
            return false;
        }
    }
    return true;
}

/* Makes a node of the characters collected so far. */
static bool flush_text(xd_xml_builder *builder)
{
    if (builder->text.len == 0) {
        return true;
    }
    xd_xml_frame *frame = &builder->frames[builder->depth - 1];
    xd_str text = xd_buf_str(&builder->text);
    bool blank = is_blank(text);
    size_t bad;
    if (!blank && !xd_utf8_valid(text, &bad)) {
        builder->not_utf8 = true;
        return false;
    }
    if (blank && xd_str_eq(text, builder->blank)) {
        text = builder->blank;
    } else {
        text = xd_arena_copy(builder->arena, text);
        builder->blank = blank ? text : builder->blank;
    }
    xd_buf_clear(&builder->text);
    if (!text.ptr) {
        return false;
    }
    frame->has_ink = frame->has_ink || !blank;
    return push(builder, &builder->text_name, false,
                (xd_json){.type = XD_JSON_STRING, .text = text});
}

bool xd_xml_build_open(xd_xml_builder *builder, xd_xml_name *name)
{
    bool preserve = builder->layout->keep_space;
    if (builder->depth) {
        if (!flush_text(builder)) {
            return false;
        }
        xd_xml_frame *outer = &builder->frames[builder->depth - 1];
        outer->has_elements = true;
        preserve = outer->preserve;
    }
    builder->frames[builder->depth++] =
        (xd_xml_frame){.name = name, .first = builder->entry_count, .preserve = preserve};
    return true;
}

bool xd_xml_build_attribute(xd_xml_builder *builder, xd_xml_name *name, xd_str value)
{
    xd_xml_frame *frame = &builder->frames[builder->depth - 1];
    xd_str own = copy_value(builder->arena, value);
    if (!own.ptr) {
        return false;
    }
    if (xd_str_eq(name->element, XD_STR("xml:space"))) {
        frame->preserve = xd_str_eq(value, XD_STR("preserve")) || builder->layout->keep_space;
    }
    frame->attributes++;
    return push(builder, name, true, (xd_json){.type = XD_JSON_STRING, .text = own});
}

bool xd_xml_build_node(xd_xml_builder *builder, xd_xml_name *name, xd_json value)
{
    return flush_text(builder) && push(builder, name, false, value);
}

/* --- grouping --- */

/* Entries of one element, gathered by name. */
typedef struct grouping {
    xd_xml_entry *entries;
    uint32_t count;
    bool skip_text;  /* white space between elements */
    uint32_t groups; /* distinct names */
    uint32_t nodes;  /* entries that count and are no attributes */
    bool broken;     /* a name comes again after another: order must be said */
} grouping;

static bool skipped(const xd_xml_builder *builder, const grouping *g, const xd_xml_entry *entry)
{
    return g->skip_text && entry->name == &builder->text_name;
}

/* First pass: gives every name its slot and counts. name->cursor counts the items meanwhile. */
static void count_groups(xd_xml_builder *builder, grouping *g)
{
    uint64_t stamp = ++builder->stamp;
    uint32_t last = UINT32_MAX;
    for (uint32_t i = 0; i < g->count; i++) {
        xd_xml_entry *entry = &g->entries[i];
        if (entry->is_attribute) {
            g->groups++; /* attributes are unique */
            continue;
        }
        if (skipped(builder, g, entry)) {
            continue;
        }
        g->nodes++;
        if (entry->name->stamp != stamp) {
            entry->name->stamp = stamp;
            entry->name->slot = g->groups++;
            entry->name->cursor = 0;
        } else if (entry->name->slot != last) {
            g->broken = true;
        }
        entry->name->cursor++;
        last = entry->name->slot;
    }
}

/* Second pass: members in order of first appearance; names that came several times become arrays.
 */
static bool fill_groups(xd_xml_builder *builder, grouping *g, xd_json_member *members)
{
    uint32_t attributes = 0;
    for (uint32_t i = 0; i < g->count; i++) {
        xd_xml_entry *entry = &g->entries[i];
        xd_xml_name *name = entry->name;
        if (entry->is_attribute) {
            members[attributes++] = (xd_json_member){name->attribute, entry->value};
            continue;
        }
        if (skipped(builder, g, entry)) {
            continue;
        }
        xd_json_member *member = &members[name->slot];
        /* The value's offset of an element says that it must be an array (see build_close). */
        if (member->name.ptr == NULL) {
            member->name = name->element;
            if (name->cursor == 1 && entry->value.offset == 0) {
                member->value = entry->value;
                continue;
            }
            xd_json *items = xd_arena_alloc(builder->arena, name->cursor * sizeof *items);
            if (!items) {
                return false;
            }
            member->value = (xd_json){.type = XD_JSON_ARRAY, .count = 0, .items = items};
        }
        xd_json *item = &member->value.items[member->value.count++];
        *item = entry->value;
        item->offset = 0;
    }
    return true;
}

static bool add_order(xd_xml_builder *builder, const grouping *g, xd_json_member *member)
{
    xd_json *items = xd_arena_alloc(builder->arena, g->nodes * sizeof *items);
    if (!items) {
        return false;
    }
    uint32_t n = 0;
    for (uint32_t i = 0; i < g->count; i++) {
        const xd_xml_entry *entry = &g->entries[i];
        if (!entry->is_attribute && !skipped(builder, g, entry)) {
            items[n++] = (xd_json){.type = XD_JSON_STRING, .text = entry->name->element};
        }
    }
    *member =
        (xd_json_member){XD_STR(XD_XML_ORDER), {.type = XD_JSON_ARRAY, .count = n, .items = items}};
    return true;
}

static bool group(xd_xml_builder *builder, grouping *g, xd_json *ret)
{
    count_groups(builder, g);
    uint32_t count = g->groups + (g->broken ? 1 : 0);
    xd_json_member *members = xd_arena_zalloc(builder->arena, count * sizeof *members);
    if (!members || !fill_groups(builder, g, members)) {
        return false;
    }
    if (g->broken && !add_order(builder, g, &members[g->groups])) {
        return false;
    }
    *ret = (xd_json){.type = XD_JSON_OBJECT, .count = count, .members = members};
    return true;
}

bool xd_xml_build_close(xd_xml_builder *builder, bool as_array, bool as_object, xd_json *ret_whole)
{
    if (!flush_text(builder)) {
        return false;
    }
    xd_xml_frame *frame = &builder->frames[--builder->depth];
    grouping g = {.entries = builder->entries + frame->first,
                  .count = builder->entry_count - frame->first,
                  .skip_text = frame->has_elements && !frame->has_ink && !frame->preserve};
    xd_json value = {.type = XD_JSON_STRING, .text = XD_STR("")};
    bool only_text = g.count == 1 && g.entries[0].name == &builder->text_name;
    if (only_text && !as_object) {
        value = g.entries[0].value;
    } else if (g.count || as_object) {
        if (!group(builder, &g, &value)) {
            return false;
        }
    }
    builder->entry_count = frame->first;
    if (builder->depth == 0) {
        *ret_whole = value;
        return true;
    }
    value.offset = as_array; /* until the element around it is grouped */
    return push(builder, frame->name, false, value);
}
