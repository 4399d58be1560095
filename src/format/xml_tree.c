/* Building a JSON tree from the events of an XML parser. See xml_tree_int.h; the convention is in
 * docs/formats.md. */
#include "format/xml_tree_int.h"

#include "base/hash.h"

#include <stdlib.h>

enum { FIRST_ENTRIES = 256, FIRST_NAMES = 256, MOST_NAMES = 1 << 20, ROOM_BYTES = 4 << 10 };

/* --- names --- */

void xd_xml_names_init(xd_xml_names *names, const xd_xml_layout *layout, xd_arena *arena)
{
    *names = (xd_xml_names){.layout = layout, .arena = arena};
}

void xd_xml_names_finish(xd_xml_names *names)
{
    free(names->slots);
    free(names->by_text);
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
static xd_str unescape(xd_arena *arena, xd_str raw)
{
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

/* The name that is written like this one, or the slot where it may go. The hash begins from an
 * address, so that nobody can make names that meet in it. */
static xd_xml_name **find_text(xd_xml_name **slots, uint32_t count, xd_str text, const void *seed)
{
    uint32_t at = (uint32_t)xd_hash64(text, (uint64_t)(uintptr_t)seed) & (count - 1);
    while (slots[at] && !xd_str_eq(slots[at]->element, text)) {
        at = (at + 1) & (count - 1);
    }
    return &slots[at];
}

static bool grow_names(xd_xml_names *names)
{
    uint32_t size = names->slot_count ? names->slot_count * 2 : FIRST_NAMES;
    if (size > MOST_NAMES) {
        return false;
    }
    xd_xml_name **slots = calloc(size, sizeof *slots);
    xd_xml_name **by_text = calloc(size, sizeof *by_text);
    if (!slots || !by_text) {
        free(slots);
        free(by_text);
        return false;
    }
    uint32_t old_count = names->slot_count;
    names->slot_count = size; /* slot_of asks for it */
    for (uint32_t i = 0; i < old_count; i++) {
        xd_xml_name *name = names->slots[i];
        if (name) {
            uint32_t at = slot_of(names, name->local, name->prefix, name->uri);
            while (slots[at]) {
                at = (at + 1) & (size - 1);
            }
            slots[at] = name;
            *find_text(by_text, size, name->element, names->arena) = name->same;
        }
    }
    free(names->slots);
    free(names->by_text);
    names->slots = slots;
    names->by_text = by_text;
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
    name->space = xd_str_eq(name->element, XD_STR("xml:space"));
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
            return name->same;
        }
        at = (at + 1) & (names->slot_count - 1);
    }
    xd_xml_name *name = make_name(names, local, prefix, uri);
    if (!name) {
        return NULL;
    }
    names->slots[at] = name;
    names->count++;
    xd_xml_name **first = find_text(names->by_text, names->slot_count, name->element, names->arena);
    *first = *first ? *first : name;
    name->same = *first;
    return name->same;
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
    xd_buf_init(&builder->long_text, layout->max_record_bytes);
    builder->frames = malloc((layout->max_depth + 2) * sizeof *builder->frames);
    builder->entries = malloc(FIRST_ENTRIES * sizeof *builder->entries);
    builder->entry_size = FIRST_ENTRIES;
    return builder->frames && builder->entries;
}

void xd_xml_builder_finish(xd_xml_builder *builder)
{
    xd_buf_finish(&builder->long_text);
    free(builder->frames);
    free(builder->entries);
}

void xd_xml_build_in(xd_xml_builder *builder, xd_arena *arena)
{
    if (builder->arena != arena) {
        builder->arena = arena;
        builder->room = NULL;
        builder->room_bytes = 0;
        memset(builder->blanks, 0, sizeof builder->blanks);
    }
}

static bool grow_entries(xd_xml_builder *builder)
{
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
    return true;
}

/* One more entry, NULL when refused. The caller writes its value in place: a value that is put
 * together elsewhere and copied at once makes the processor wait for it. */
static inline xd_json *push(xd_xml_builder *builder, xd_xml_name *name, bool is_attribute)
{
    if (builder->entry_count == builder->entry_size && !grow_entries(builder)) {
        return NULL;
    }
    xd_xml_entry *entry = &builder->entries[builder->entry_count++];
    entry->name = name;
    entry->is_attribute = is_attribute;
    return &entry->value;
}

static inline bool push_text(xd_xml_builder *builder, xd_xml_name *name, bool is_attribute,
                             xd_str text)
{
    xd_json *value = push(builder, name, is_attribute);
    if (!value) {
        return false;
    }
    value->type = XD_JSON_STRING;
    value->count = value->offset = value->length = 0;
    value->text = text;
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

/* Room for a short text of so many bytes behind those that are there already. */
static bool make_room(xd_xml_builder *builder, size_t bytes)
{
    char *room = bytes <= XD_XML_SHORT_BYTES ? xd_arena_alloc(builder->arena, ROOM_BYTES) : NULL;
    if (!room) {
        return false;
    }
    if (builder->text_bytes) {
        memcpy(room, builder->room, builder->text_bytes);
    }
    builder->room = room;
    builder->room_bytes = ROOM_BYTES;
    return true;
}

bool xd_xml_build_more_text(xd_xml_builder *builder, const char *bytes, size_t n)
{
    if (!builder->long_text.len) {
        if (n <= XD_XML_SHORT_BYTES && make_room(builder, builder->text_bytes + n)) {
            return xd_xml_build_text(builder, bytes, n);
        }
        xd_buf_add(&builder->long_text, builder->room, builder->text_bytes);
        builder->text_bytes = 0;
    }
    xd_buf_add(&builder->long_text, bytes, n);
    return !builder->long_text.failed;
}

/* Characters gathered so far, if any. */
static inline xd_str pending(const xd_xml_builder *builder)
{
    return builder->long_text.len ? xd_buf_str(&builder->long_text)
                                  : (xd_str){builder->room, builder->text_bytes};
}

/* Where the pending text stays: in its room, or in a copy when it is long. */
static xd_str settle(xd_xml_builder *builder, xd_str text)
{
    if (builder->long_text.len) {
        text = xd_arena_copy(builder->arena, text);
        xd_buf_clear(&builder->long_text);
    } else {
        builder->room += text.len;
        builder->room_bytes -= (uint32_t)text.len;
    }
    builder->text_bytes = 0;
    return text;
}

/* The characters gathered so far, of which there are some, as a text; {NULL, 0} when refused. */
static xd_str take_text(xd_xml_builder *builder)
{
    xd_xml_frame *frame = &builder->frames[builder->depth - 1];
    xd_str text = pending(builder);
    xd_str *last = &builder->blanks[text.len & (XD_XML_BLANKS - 1)];
    if (last->len == text.len && memcmp(last->ptr, text.ptr, text.len) == 0) {
        xd_buf_clear(&builder->long_text);
        builder->text_bytes = 0;
        return *last;
    }
    if (is_blank(text)) {
        *last = settle(builder, text);
        return *last;
    }
    size_t bad;
    if (!xd_utf8_valid(text, &bad)) {
        builder->not_utf8 = true;
        return XD_STR_NULL;
    }
    frame->has_ink = true;
    return settle(builder, text);
}

/* Makes a node of the characters collected so far. */
static inline bool flush_text(xd_xml_builder *builder)
{
    if (pending(builder).len == 0) {
        return true;
    }
    xd_str text = take_text(builder);
    return text.ptr && push_text(builder, &builder->text_name, false, text);
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
    xd_xml_frame *frame = &builder->frames[builder->depth++];
    frame->name = name;
    frame->first = builder->entry_count;
    frame->preserve = preserve;
    frame->has_elements = frame->has_ink = false;
    return true;
}

static xd_str copy_value(xd_xml_builder *builder, xd_str raw)
{
    if (raw.len == 0) {
        return XD_STR("");
    }
    if (raw.len > XD_XML_SHORT_BYTES || memchr(raw.ptr, '&', raw.len)) {
        return unescape(builder->arena, raw);
    }
    if (raw.len > builder->room_bytes && !make_room(builder, raw.len)) {
        return xd_arena_copy(builder->arena, raw);
    }
    char *to = builder->room;
    memcpy(to, raw.ptr, raw.len);
    builder->room += raw.len;
    builder->room_bytes -= (uint32_t)raw.len;
    return (xd_str){to, raw.len};
}

/* Attributes come right after their element was opened, so no text is pending. */
bool xd_xml_build_attribute(xd_xml_builder *builder, xd_xml_name *name, xd_str value)
{
    xd_str own = copy_value(builder, value);
    if (!own.ptr) {
        return false;
    }
    if (name->space) {
        xd_xml_frame *frame = &builder->frames[builder->depth - 1];
        frame->preserve = xd_str_eq(value, XD_STR("preserve")) || builder->layout->keep_space;
    }
    return push_text(builder, name, true, own);
}

bool xd_xml_build_node(xd_xml_builder *builder, xd_xml_name *name, xd_json value)
{
    xd_json *to = flush_text(builder) ? push(builder, name, false) : NULL;
    if (!to) {
        return false;
    }
    *to = value;
    return true;
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
    uint64_t stamp = builder->stamp += 2;
    uint32_t last = UINT32_MAX;
    for (const xd_xml_entry *entry = g->entries, *end = entry + g->count; entry < end; entry++) {
        xd_xml_name *name = entry->name;
        if (entry->is_attribute) {
            g->groups++; /* attributes are unique */
            continue;
        }
        if (skipped(builder, g, entry)) {
            continue;
        }
        g->nodes++;
        if (name->stamp != stamp) {
            name->stamp = stamp;
            name->slot = g->groups++;
            name->cursor = 0;
        } else if (name->slot != last) {
            g->broken = true;
        }
        name->cursor++;
        last = name->slot;
    }
}

/* Second pass: members in order of first appearance; names that came several times become arrays.
 * A name's stamp becomes odd when its member is made. */
static bool fill_groups(xd_xml_builder *builder, grouping *g, xd_json_member *members)
{
    uint64_t made = builder->stamp + 1;
    xd_json_member *attribute = members;
    for (const xd_xml_entry *entry = g->entries, *end = entry + g->count; entry < end; entry++) {
        xd_xml_name *name = entry->name;
        if (entry->is_attribute) {
            attribute->name = name->attribute;
            attribute->value = entry->value;
            attribute++;
            continue;
        }
        if (skipped(builder, g, entry)) {
            continue;
        }
        xd_json_member *member = &members[name->slot];
        /* The value's offset of an element says that it must be an array (see build_close). */
        if (name->stamp != made) {
            name->stamp = made;
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

/* The members of an element's object, *ret_count of them; NULL when refused. */
static xd_json_member *group(xd_xml_builder *builder, grouping *g, uint32_t *ret_count)
{
    count_groups(builder, g);
    uint32_t count = g->groups + (g->broken ? 1 : 0);
    xd_json_member *members = xd_arena_alloc(builder->arena, count * sizeof *members);
    if (!members || !fill_groups(builder, g, members) ||
        (g->broken && !add_order(builder, g, &members[g->groups]))) {
        return NULL;
    }
    *ret_count = count;
    return members;
}

/* Ends an element that has nothing but a text, or nothing at all. */
static bool close_plain(xd_xml_builder *builder, const xd_xml_frame *frame, bool as_array)
{
    xd_str text = pending(builder).len ? take_text(builder) : XD_STR("");
    xd_json *value = text.ptr ? push(builder, frame->name, false) : NULL;
    if (!value) {
        return false;
    }
    value->type = XD_JSON_STRING;
    value->count = value->length = 0;
    value->offset = as_array; /* until the element around it is grouped */
    value->text = text;
    builder->depth--;
    return true;
}

bool xd_xml_build_close(xd_xml_builder *builder, bool as_array, bool as_object, xd_json *ret_whole)
{
    const xd_xml_frame *frame = &builder->frames[builder->depth - 1];
    if (frame->first == builder->entry_count && !as_object && builder->depth > 1) {
        return close_plain(builder, frame, as_array);
    }
    if (!flush_text(builder)) {
        return false;
    }
    builder->depth--;
    grouping g = {.entries = builder->entries + frame->first,
                  .count = builder->entry_count - frame->first,
                  .skip_text = frame->has_elements && !frame->has_ink && !frame->preserve};
    uint32_t count = 0;
    xd_json_member *members = group(builder, &g, &count);
    if (!members) {
        return false;
    }
    builder->entry_count = frame->first;
    if (builder->depth == 0) {
        *ret_whole = (xd_json){.type = XD_JSON_OBJECT, .count = count, .members = members};
        return true;
    }
    xd_json *value = push(builder, frame->name, false);
    if (!value) {
        return false;
    }
    value->type = XD_JSON_OBJECT;
    value->count = count;
    value->offset = as_array; /* until the element around it is grouped */
    value->length = 0;
    value->members = members;
    return true;
}
