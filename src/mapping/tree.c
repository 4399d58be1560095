/* What is done with whole trees of values: equality, hashes, truth, JSON text, copies, and the form
 * in which a result leaves the map. Recursion is bounded by the run's stack. Owns nothing. Pure. */
#include "mapping/map_int.h"

#include "base/hash.h"

enum { MAX_RESULT_DEPTH = 500, MAX_LOOKED_AT = 100000, STRING_DIGITS = 15, MANY_MEMBERS = 32 };

/* --- equality --- */

static bool is_container(const xd_value *v)
{
    return xd_is_array(v) || xd_is_object(v);
}

static xd_status equal_arrays(xd_run *run, const xd_value *a, const xd_value *b, bool *ret)
{
    *ret = a->count == b->count;
    xd_run_charge(run, *ret ? a->count / 4 : 0);
    for (uint32_t i = 0; i < a->count && *ret; i++) {
        xd_value x = xd_value_item(a, i);
        xd_value y = xd_value_item(b, i);
        XD_TRY(xd_value_equal(run, &x, &y, ret));
    }
    return XD_OK;
}

/* Finds partners by name in constant time. */
static xd_status equal_large_objects(xd_run *run, const xd_value *a, const xd_value *b, bool *ret)
{
    xd_members index = {0};
    bool fresh;
    for (uint32_t i = 0; i < b->count && *ret; i++) {
        xd_value *place = xd_members_at(run, &index, b->members[i].name, &fresh);
        if (!place) {
            return run->fault->code;
        }
        *place = b->members[i].value;
    }
    for (uint32_t i = 0; i < a->count && *ret; i++) {
        const xd_value *other = xd_members_at(run, &index, a->members[i].name, &fresh);
        if (!other) {
            return run->fault->code;
        }
        *ret = !fresh;
        if (*ret) {
            XD_TRY(xd_value_equal(run, &a->members[i].value, other, ret));
        }
    }
    return XD_OK;
}

static xd_status equal_objects(xd_run *run, const xd_value *a, const xd_value *b, bool *ret)
{
    a = xd_object_of(a);
    b = xd_object_of(b);
    *ret = a->count == b->count;
    xd_run_charge(run, a->count / 4);
    if (a->count > MANY_MEMBERS) {
        return equal_large_objects(run, a, b, ret);
    }
    for (uint32_t i = 0; i < a->count && *ret; i++) {
        /* The same place is where the partner nearly always is. */
        const xd_json_member *member = &a->members[i];
        const xd_value *other = xd_str_eq(b->members[i].name, member->name)
                                    ? &b->members[i].value
                                    : xd_value_member(b, member->name);
        *ret = other != NULL;
        if (other) {
            XD_TRY(xd_value_equal(run, &member->value, other, ret));
        }
    }
    return XD_OK;
}

xd_status xd_value_equal(xd_run *run, const xd_value *a, const xd_value *b, bool *ret)
{
    if (xd_is_string(a) && xd_is_string(b)) {
        *ret = xd_str_eq(a->text, b->text);
        return XD_OK;
    }
    if (xd_is_number(a) && xd_is_number(b)) {
        if (a->type == XD_V_INFINITE || b->type == XD_V_INFINITE) {
            *ret = a->type == b->type;
        } else {
            *ret = xd_number_cmp(xd_number_of(a), xd_number_of(b)) == 0;
        }
        return XD_OK;
    }
    if (is_container(a) && is_container(b)) {
        XD_TRY(xd_run_enter(run, a->count));
        if (xd_is_array(a) != xd_is_array(b)) {
            *ret = false;
            return XD_OK;
        }
        return xd_is_array(a) ? equal_arrays(run, a, b, ret) : equal_objects(run, a, b, ret);
    }
    *ret = a->type == b->type && (a->type != XD_V_FUNCTION || a->text.ptr == b->text.ptr);
    return XD_OK;
}

xd_status xd_value_hash(xd_run *run, const xd_value *v, uint64_t *ret)
{
    if (xd_is_string(v)) {
        *ret = xd_hash64(v->text, 1);
        return XD_OK;
    }
    if (xd_is_number(v)) {
        char text[XD_NUMBER_TEXT];
        *ret =
            v->type == XD_V_INFINITE ? 2 : xd_hash64(xd_number_text(xd_number_of(v), 0, text), 2);
        return XD_OK;
    }
    *ret = v->type * UINT64_C(0x9e3779b97f4a7c15);
    if (!is_container(v)) {
        return XD_OK;
    }
    XD_TRY(xd_run_enter(run, v->count));
    uint64_t part;
    if (xd_is_array(v)) {
        for (uint32_t i = 0; i < v->count; i++) {
            xd_value item = xd_value_item(v, i);
            XD_TRY(xd_value_hash(run, &item, &part));
            *ret = (*ret ^ part) * UINT64_C(0xbf58476d1ce4e5b9) + i;
        }
        return XD_OK;
    }
    const xd_value *object = xd_object_of(v);
    *ret = 7;
    for (uint32_t i = 0; i < object->count; i++) { /* members count in any order */
        XD_TRY(xd_value_hash(run, &object->members[i].value, &part));
        *ret += xd_hash64(object->members[i].name, part);
    }
    return XD_OK;
}

/* Arrays count as true when any item does; too deep to look through counts as true. */
static bool truth(const xd_value *v, int depth, uint32_t *left)
{
    switch (v->type) {
    case XD_JSON_TRUE:
    case XD_V_INFINITE:
        return true;
    case XD_JSON_STRING:
        return v->text.len > 0;
    case XD_JSON_NUMBER:
    case XD_V_SMALL:
    case XD_V_WIDE:
        return xd_number_of(v).coefficient != 0;
    case XD_JSON_OBJECT:
    case XD_V_OBJECT_REF:
        return xd_object_of(v)->count > 0;
    case XD_JSON_ARRAY:
        for (uint32_t i = 0; i < v->count; i++) {
            xd_value item = xd_value_item(v, i);
            *left -= *left > 0;
            if (depth == 0 || *left == 0 || truth(&item, depth - 1, left)) {
                return true;
            }
        }
        return false;
    default:
        return false;
    }
}

bool xd_value_truth(const xd_value *v)
{
    /* Arrays of empty arrays may share them without end: after so many, it is something. */
    uint32_t left = MAX_LOOKED_AT;
    return truth(v, MAX_RESULT_DEPTH, &left);
}

/* --- text --- */

static void write_string(xd_text *text, xd_str s)
{
    static const char hex[] = "0123456789abcdef";
    xd_text_add(text, "\"", 1);
    size_t from = 0;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = (uint8_t)s.ptr[i];
        if (c >= 0x20 && c != '"' && c != '\\') {
            continue;
        }
        xd_text_add(text, s.ptr + from, i - from);
        from = i + 1;
        char escape[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
        static const char letters[] = "btn?fr";
        if (c == '"' || c == '\\') {
            escape[1] = (char)c;
        } else if (c >= 8 && c <= 13 && c != 11) {
            escape[1] = letters[c - 8];
        }
        xd_text_add(text, escape, escape[1] == 'u' ? 6 : 2);
    }
    xd_text_add(text, s.ptr + from, s.len - from);
    xd_text_add(text, "\"", 1);
}

/* A number that was rounded on its way shows as many digits as the language gives all numbers. */
static xd_str number_text(const xd_value *v, char *text)
{
    xd_number n = xd_number_of(v);
    return xd_number_text(n, n.inexact ? STRING_DIGITS : 0, text);
}

static void write_break(xd_text *text, int indent)
{
    if (indent >= 0) {
        xd_text_add(text, "\n", 1);
        for (int i = 0; i < indent; i++) {
            xd_text_add(text, "  ", 2);
        }
    }
}

static xd_status write_value(xd_text *text, const xd_value *v, int indent);

static xd_status write_container(xd_text *text, const xd_value *v, int indent)
{
    xd_run *run = text->run;
    XD_TRY(xd_run_enter(run, v->count));
    bool is_array = xd_is_array(v);
    const xd_value *c = is_array ? v : xd_object_of(v);
    int inner = indent >= 0 ? indent + 1 : -1;
    xd_text_add(text, is_array ? "[" : "{", 1);
    for (uint32_t i = 0; i < c->count; i++) {
        if (i > 0) {
            xd_text_add(text, ",", 1);
        }
        write_break(text, inner);
        if (is_array) {
            xd_value item = xd_value_item(c, i);
            XD_TRY(write_value(text, &item, inner));
        } else {
            write_string(text, c->members[i].name);
            xd_text_add(text, ": ", inner >= 0 ? 2 : 1);
            XD_TRY(write_value(text, &c->members[i].value, inner));
        }
    }
    if (c->count > 0) {
        write_break(text, indent);
    }
    xd_text_add(text, is_array ? "]" : "}", 1);
    return XD_OK;
}

static xd_status write_value(xd_text *text, const xd_value *v, int indent)
{
    char number[XD_NUMBER_TEXT];
    if (text->failed) {
        return xd_run_no_memory(text->run);
    }
    switch (v->type) {
    case XD_JSON_STRING:
        write_string(text, v->text);
        return XD_OK;
    case XD_JSON_NUMBER:
    case XD_V_SMALL:
    case XD_V_WIDE:
        xd_text_str(text, number_text(v, number));
        return XD_OK;
    case XD_V_INFINITE:
        return xd_run_range(text->run);
    case XD_JSON_TRUE:
        xd_text_str(text, XD_STR("true"));
        return XD_OK;
    case XD_JSON_FALSE:
        xd_text_str(text, XD_STR("false"));
        return XD_OK;
    case XD_V_FUNCTION:
        xd_text_str(text, XD_STR("\"\""));
        return XD_OK;
    case XD_JSON_ARRAY:
    case XD_JSON_OBJECT:
    case XD_V_OBJECT_REF:
        return write_container(text, v, indent);
    default:
        xd_text_str(text, XD_STR("null"));
        return XD_OK;
    }
}

xd_status xd_value_string(xd_run *run, const xd_value *v, bool pretty, xd_value *ret)
{
    char number[XD_NUMBER_TEXT];
    switch (v->type) {
    case XD_JSON_STRING:
        *ret = *v;
        return XD_OK;
    case XD_V_FUNCTION:
        *ret = xd_string_value(XD_STR(""));
        return XD_OK;
    case XD_JSON_NUMBER:
    case XD_V_SMALL:
    case XD_V_WIDE: {
        xd_str s = xd_arena_copy(run->arena, number_text(v, number));
        *ret = xd_string_value(s);
        return s.ptr ? XD_OK : xd_run_no_memory(run);
    }
    case XD_V_INFINITE:
        return xd_fail(run->fault, XD_INVALID, "D3001",
                       "a number out of range (division by zero?) cannot be cast to a string");
    default: {
        xd_text text = {.run = run};
        XD_TRY(write_value(&text, v, pretty ? 0 : -1));
        return xd_text_value(&text, ret);
    }
    }
}

/* --- copies --- */

/* A copy of an object with room of its own, so that it can be told from every other. */
static xd_status clone_object(xd_run *run, const xd_value *v, xd_value *ret)
{
    const xd_value *from = xd_object_of(v);
    xd_value *object = xd_arena_alloc(run->arena, sizeof *object);
    xd_json_member *members = xd_arena_alloc(run->arena, from->count * sizeof(xd_json_member));
    if (!object || !members) {
        return xd_run_no_memory(run);
    }
    for (uint32_t i = 0; i < from->count; i++) {
        members[i].name = from->members[i].name;
        XD_TRY(xd_clone_refs(run, &from->members[i].value, &members[i].value));
    }
    *object = (xd_value){.type = XD_JSON_OBJECT, .count = from->count, .members = members};
    *ret = (xd_value){.type = XD_V_OBJECT_REF, .items = object};
    return XD_OK;
}

xd_status xd_clone_refs(xd_run *run, const xd_value *v, xd_value *ret)
{
    if (!is_container(v)) {
        *ret = *v;
        return XD_OK;
    }
    XD_TRY(xd_run_enter(run, v->count));
    if (!xd_is_array(v)) {
        return clone_object(run, v, ret);
    }
    xd_list list = {0};
    XD_TRY(xd_list_reserve(run, &list, v->count));
    for (uint32_t i = 0; i < v->count; i++) {
        xd_value item = xd_value_item(v, i);
        XD_TRY(xd_clone_refs(run, &item, &list.items[list.count++]));
    }
    *ret = xd_list_value(&list, xd_value_flags(v) & ~(uint32_t)XD_F_RANGE);
    return XD_OK;
}

/* --- leaving the map --- */

/* Half pairs of UTF-16, which only escapes in the map's own text can make, are no UTF-8. */
static xd_status mend_surrogates(xd_run *run, xd_str *s)
{
    size_t bad;
    if (!run->surrogates || xd_utf8_valid(*s, &bad)) {
        return XD_OK;
    }
    xd_str copy = xd_arena_copy(run->arena, *s);
    if (!copy.ptr) {
        return xd_run_no_memory(run);
    }
    char *p = (char *)(uintptr_t)copy.ptr;
    for (size_t i = 0; i + 2 < copy.len; i++) {
        if ((uint8_t)p[i] == 0xed && (uint8_t)p[i + 1] >= 0xa0) {
            memcpy(p + i, "\xef\xbf\xbd", 3);
        }
    }
    *s = copy;
    return XD_OK;
}

static xd_status finish_array(xd_run *run, xd_value *v, uint32_t depth)
{
    XD_TRY(xd_value_force(run, v));
    v->offset = 0;
    for (uint32_t i = 0; i < v->count; i++) {
        xd_value item = v->items[i];
        XD_TRY(xd_value_finish(run, &item, depth + 1));
        if (xd_is_undefined(&item)) {
            item = (xd_value){.type = XD_JSON_NULL};
        }
        if (memcmp(&item, &v->items[i], sizeof item) != 0) {
            v->items[i] = item;
        }
    }
    return XD_OK;
}

static xd_status finish_object(xd_run *run, xd_value *v, uint32_t depth)
{
    if (v->type == XD_V_OBJECT_REF) {
        *v = *v->items;
    }
    uint32_t dropped = 0;
    for (uint32_t i = 0; i < v->count; i++) {
        xd_json_member member = v->members[i];
        XD_TRY(xd_value_finish(run, &member.value, depth + 1));
        XD_TRY(mend_surrogates(run, &member.name));
        dropped += xd_is_undefined(&member.value);
        if (memcmp(&member, &v->members[i], sizeof member) != 0) {
            v->members[i] = member;
        }
    }
    if (dropped == 0) {
        return XD_OK;
    }
    /* The members may be shared, so those that stay go into a place of their own. */
    xd_json_member *kept = xd_arena_alloc(run->arena, v->count * sizeof *kept);
    if (!kept) {
        return xd_run_no_memory(run);
    }
    uint32_t n = 0;
    for (uint32_t i = 0; i < v->count; i++) {
        if (!xd_is_undefined(&v->members[i].value)) {
            kept[n++] = v->members[i];
        }
    }
    v->members = kept;
    v->count = n;
    return XD_OK;
}

xd_status xd_value_finish(xd_run *run, xd_value *v, uint32_t depth)
{
    switch (v->type) {
    case XD_JSON_ARRAY:
    case XD_JSON_OBJECT:
    case XD_V_OBJECT_REF:
        if (v->length > 0) {
            return XD_OK; /* as it was parsed */
        }
        XD_TRY(xd_run_enter(run, v->count));
        if (depth >= MAX_RESULT_DEPTH) {
            return xd_fail(run->fault, XD_LIMIT, "map.depth",
                           "the map's result is nested more than %d deep", (int)MAX_RESULT_DEPTH);
        }
        return xd_is_array(v) ? finish_array(run, v, depth) : finish_object(run, v, depth);
    case XD_JSON_STRING:
        return mend_surrogates(run, &v->text);
    case XD_V_SMALL:
    case XD_V_WIDE: {
        char text[XD_NUMBER_TEXT];
        xd_str s = xd_arena_copy(run->arena, xd_number_text(xd_number_of(v), 0, text));
        *v = (xd_value){.type = XD_JSON_NUMBER, .text = s};
        return s.ptr ? XD_OK : xd_run_no_memory(run);
    }
    case XD_V_INFINITE:
        (void)xd_run_range(run);
        xd_fault_at(run->fault, v->count, NULL);
        return XD_INVALID;
    case XD_V_FUNCTION:
    case XD_V_TUPLE:
    case XD_V_TAIL:
        *v = xd_undefined();
        return XD_OK;
    default:
        return XD_OK;
    }
}
