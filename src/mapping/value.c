/* Building values in the arena of a run: lists, objects, texts; arrays as the language means them.
 * See value.h. Owns nothing. Pure. */
#include "mapping/map_int.h"

#include "base/hash.h"

enum { SMALL_OBJECT = 12 /* members that are searched one by one */ };

const xd_value *xd_value_member(const xd_value *object, xd_str name)
{
    const xd_value *o = xd_object_of(object);
    for (uint32_t i = 0; i < o->count; i++) {
        if (xd_str_eq(o->members[i].name, name)) {
            return &o->members[i].value;
        }
    }
    return NULL;
}

/* --- lists --- */

/* Makes an arena array of `used` bytes grow to `size`; in place when it lies last. */
static void *grow_bytes(xd_run *run, void *old, size_t used, size_t old_size, size_t size)
{
    xd_arena *arena = run->arena;
    size_t held = (old_size + 15) & ~(size_t)15;
    size_t want = (size + 15) & ~(size_t)15;
    if (old && (char *)old + held == arena->cursor &&
        want - held <= (size_t)(arena->limit - arena->cursor)) {
        arena->cursor += want - held;
        return old;
    }
    void *p = xd_arena_alloc(arena, size);
    if (p && used) {
        memcpy(p, old, used);
    }
    return p;
}

xd_status xd_list_reserve(xd_run *run, xd_list *list, uint32_t extra)
{
    xd_run_charge(run, extra / 8);
    if (extra <= list->size - list->count) {
        return XD_OK;
    }
    size_t want = (size_t)list->count + extra;
    size_t size = (size_t)list->size * 2 > want ? (size_t)list->size * 2 : want;
    size = size < 4 ? 4 : size;
    if (size > UINT32_MAX / 2) {
        return xd_run_no_memory(run);
    }
    void *items = grow_bytes(run, list->items, list->count * sizeof(xd_value),
                             list->size * sizeof(xd_value), size * sizeof(xd_value));
    if (!items) {
        return xd_run_no_memory(run);
    }
    list->items = items;
    list->size = (uint32_t)size;
    return XD_OK;
}

xd_value *xd_list_slot(xd_run *run, xd_list *list)
{
    if (list->count == list->size && xd_list_reserve(run, list, 1) != XD_OK) {
        return NULL;
    }
    return &list->items[list->count];
}

xd_status xd_list_push(xd_run *run, xd_list *list, const xd_value *v)
{
    if (list->count == list->size) {
        XD_TRY(xd_list_reserve(run, list, 1));
    }
    list->items[list->count++] = *v;
    return XD_OK;
}

xd_status xd_list_push_all(xd_run *run, xd_list *list, const xd_value *array)
{
    XD_TRY(xd_list_reserve(run, list, array->count));
    if (xd_value_flags(array) & XD_F_RANGE) {
        for (uint32_t i = 0; i < array->count; i++) {
            list->items[list->count++] = xd_value_item(array, i);
        }
    } else if (array->count) {
        memcpy(&list->items[list->count], array->items, array->count * sizeof(xd_value));
        list->count += array->count;
    }
    return XD_OK;
}

xd_status xd_value_force(xd_run *run, xd_value *array)
{
    if (!(xd_value_flags(array) & XD_F_RANGE)) {
        return XD_OK;
    }
    xd_list list = {0};
    XD_TRY(xd_list_push_all(run, &list, array));
    *array = xd_list_value(&list, array->offset & ~(uint32_t)XD_F_RANGE);
    return XD_OK;
}

xd_status xd_value_array(xd_run *run, const xd_value *v, xd_value *ret)
{
    if (xd_is_array(v)) {
        *ret = *v;
        return xd_value_force(run, ret);
    }
    xd_list list = {0};
    if (!xd_is_undefined(v)) {
        XD_TRY(xd_list_push(run, &list, v));
    }
    *ret = xd_list_value(&list, XD_F_SEQUENCE);
    return XD_OK;
}

xd_status xd_value_append(xd_run *run, const xd_value *a, const xd_value *b, xd_value *ret)
{
    if (xd_is_undefined(a) || xd_is_undefined(b)) {
        *ret = xd_is_undefined(a) ? *b : *a;
        return XD_OK;
    }
    xd_list list = {0};
    const xd_value *parts[] = {a, b};
    XD_TRY(xd_list_reserve(run, &list,
                           (xd_is_array(a) ? a->count : 1) + (xd_is_array(b) ? b->count : 1)));
    for (int i = 0; i < 2; i++) {
        XD_TRY(xd_is_array(parts[i]) ? xd_list_push_all(run, &list, parts[i])
                                     : xd_list_push(run, &list, parts[i]));
    }
    *ret = xd_list_value(&list, xd_is_array(a) ? 0 : XD_F_SEQUENCE);
    ret->offset = 0;
    return XD_OK;
}

/* --- objects --- */

static void table_put(xd_members *members, uint32_t index)
{
    uint64_t at = xd_hash64(members->items[index].name, 0);
    uint32_t mask = members->table_size - 1;
    while (members->table[at & mask]) {
        at++;
    }
    members->table[at & mask] = index + 1;
}

static bool table_grow(xd_run *run, xd_members *members)
{
    uint32_t size = members->table_size ? members->table_size * 2 : 64;
    members->table = xd_arena_zalloc(run->arena, size * sizeof(uint32_t));
    if (!members->table) {
        return false;
    }
    members->table_size = size;
    for (uint32_t i = 0; i < members->count; i++) {
        table_put(members, i);
    }
    return true;
}

static xd_value *members_find(const xd_members *members, xd_str name)
{
    if (!members->table) {
        for (uint32_t i = 0; i < members->count; i++) {
            if (xd_str_eq(members->items[i].name, name)) {
                return &members->items[i].value;
            }
        }
        return NULL;
    }
    uint32_t mask = members->table_size - 1;
    for (uint64_t at = xd_hash64(name, 0); members->table[at & mask]; at++) {
        xd_json_member *member = &members->items[members->table[at & mask] - 1];
        if (xd_str_eq(member->name, name)) {
            return &member->value;
        }
    }
    return NULL;
}

xd_value *xd_members_at(xd_run *run, xd_members *members, xd_str name, bool *ret_new)
{
    xd_value *found = members_find(members, name);
    *ret_new = !found;
    if (found) {
        return found;
    }
    if (members->count == members->size) {
        uint32_t size = members->size ? members->size * 2 : 8;
        void *items =
            size > UINT32_MAX / 64
                ? NULL
                : grow_bytes(run, members->items, members->count * sizeof(xd_json_member),
                             members->size * sizeof(xd_json_member), size * sizeof(xd_json_member));
        if (!items) {
            (void)xd_run_no_memory(run);
            return NULL;
        }
        members->items = items;
        members->size = size;
    }
    xd_json_member *member = &members->items[members->count++];
    member->name = name;
    member->value = xd_undefined();
    if (members->count > SMALL_OBJECT) {
        if (members->count * 2 > members->table_size) {
            if (!table_grow(run, members)) {
                (void)xd_run_no_memory(run);
                return NULL;
            }
        } else {
            table_put(members, members->count - 1);
        }
    }
    return &member->value;
}

xd_value xd_members_value(xd_members *members)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < members->count; i++) {
        if (!xd_is_undefined(&members->items[i].value)) {
            if (kept != i) {
                members->items[kept] = members->items[i];
            }
            kept++;
        }
    }
    return (xd_value){.type = XD_JSON_OBJECT, .count = kept, .members = members->items};
}

/* --- texts --- */

void xd_text_add(xd_text *text, const char *bytes, size_t n)
{
    if (n > text->size - text->len) {
        size_t size = text->size * 2 > text->len + n ? text->size * 2 : text->len + n;
        size = size < 64 ? 64 : size;
        char *p =
            text->failed ? NULL : grow_bytes(text->run, text->ptr, text->len, text->size, size);
        if (!p) {
            text->failed = true;
            return;
        }
        text->ptr = p;
        text->size = size;
    }
    if (n) {
        memcpy(text->ptr + text->len, bytes, n);
        text->len += n;
    }
}

xd_status xd_text_value(xd_text *text, xd_value *ret)
{
    if (text->failed) {
        return xd_run_no_memory(text->run);
    }
    *ret = xd_string_value((xd_str){text->len ? text->ptr : "", text->len});
    return XD_OK;
}
