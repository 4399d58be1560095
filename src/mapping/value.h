/* Values while a map runs. A value is an xd_json, so that data of the input is used in place, with
 * a few private types beside those of JSON; nothing private leaves xd_map_run. Private to
 * src/mapping. Owns nothing; pure. */
#ifndef XD_MAPPING_VALUE_H
#define XD_MAPPING_VALUE_H

#include "base/arena.h"
#include "base/json.h"

typedef xd_json xd_value;

struct xd_run;
struct xd_function;
struct xd_tuple;

/* Types beyond xd_json_type. */
enum {
    XD_V_UNDEFINED = 16, /* no value: an absent member, an empty sequence */
    XD_V_SMALL,      /* number: text.len is the coefficient (int64), count the exponent (int32) */
    XD_V_WIDE,       /* number: text.ptr is a const xd_number * */
    XD_V_INFINITE,   /* a number beyond all; count is where it arose in the source */
    XD_V_FUNCTION,   /* text.ptr is a const struct xd_function * */
    XD_V_OBJECT_REF, /* items is the object; copies of the value share it (transform) */
    XD_V_TUPLE,      /* text.ptr is a const struct xd_tuple * */
    XD_V_TAIL        /* a call still to be made; see struct xd_run.tail */
};

/* Flags of built arrays (length 0), kept in offset. A sequence is the language's own kind of array:
 * one item stands for itself, no item for no value. */
enum {
    XD_F_SEQUENCE = 1,
    XD_F_KEEP = 2,    /* a sequence of one stays an array */
    XD_F_CONS = 4,    /* written with [] as a step of a path: not flattened */
    XD_F_OUTER = 8,   /* holds the input, which is an array, as its one item */
    XD_F_TUPLES = 16, /* items are XD_V_TUPLE */
    XD_F_RANGE = 32   /* items is NULL; text.len is the first of count whole numbers */
};

static inline uint32_t xd_value_flags(const xd_value *v)
{
    return v->length == 0 ? v->offset : 0;
}
static inline xd_value xd_undefined(void)
{
    return (xd_value){.type = XD_V_UNDEFINED};
}
static inline bool xd_is_undefined(const xd_value *v)
{
    return v->type == XD_V_UNDEFINED;
}
static inline bool xd_is_array(const xd_value *v)
{
    return v->type == XD_JSON_ARRAY;
}
static inline bool xd_is_sequence(const xd_value *v)
{
    return v->type == XD_JSON_ARRAY && (xd_value_flags(v) & XD_F_SEQUENCE);
}
static inline bool xd_is_object(const xd_value *v)
{
    return v->type == XD_JSON_OBJECT || v->type == XD_V_OBJECT_REF;
}
static inline bool xd_is_number(const xd_value *v)
{
    return v->type == XD_JSON_NUMBER || v->type == XD_V_SMALL || v->type == XD_V_WIDE ||
           v->type == XD_V_INFINITE;
}
static inline bool xd_is_string(const xd_value *v)
{
    return v->type == XD_JSON_STRING;
}
static inline bool xd_is_boolean(const xd_value *v)
{
    return v->type == XD_JSON_TRUE || v->type == XD_JSON_FALSE;
}
static inline bool xd_is_function(const xd_value *v)
{
    return v->type == XD_V_FUNCTION;
}
/* The object itself; v is one. */
static inline const xd_value *xd_object_of(const xd_value *v)
{
    return v->type == XD_V_OBJECT_REF ? v->items : v;
}
static inline xd_value xd_bool_value(bool b)
{
    return (xd_value){.type = b ? XD_JSON_TRUE : XD_JSON_FALSE};
}
static inline xd_value xd_string_value(xd_str s)
{
    return (xd_value){.type = XD_JSON_STRING, .text = s};
}
static inline xd_value xd_int_value(int64_t n)
{
    return (xd_value){.type = XD_V_SMALL, .text = {NULL, (size_t)n}};
}
static inline const struct xd_function *xd_function_of(const xd_value *v)
{
    return (const struct xd_function *)(const void *)v->text.ptr;
}
static inline xd_value xd_function_value(const struct xd_function *f)
{
    return (xd_value){.type = XD_V_FUNCTION, .text = {(const char *)(const void *)f, 0}};
}
static inline const struct xd_tuple *xd_tuple_of(const xd_value *v)
{
    return (const struct xd_tuple *)(const void *)v->text.ptr;
}
static inline xd_value xd_array_value(const xd_value *items, uint32_t count, uint32_t flags)
{
    return (xd_value){.type = XD_JSON_ARRAY,
                      .count = count,
                      .offset = flags,
                      .items = (xd_value *)(uintptr_t)items};
}
/* Item i of an array, ranges included. */
static inline xd_value xd_value_item(const xd_value *array, uint32_t i)
{
    if (xd_value_flags(array) & XD_F_RANGE) {
        return xd_int_value((int64_t)array->text.len + i);
    }
    return array->items[i];
}
/* A member's value, NULL when there is none. object is one. */
const xd_value *xd_value_member(const xd_value *object, xd_str name);

/* Growable array of values in the arena of a run. */
typedef struct xd_list {
    xd_value *items; /* owned by the arena */
    uint32_t count, size;
} xd_list;

/* Room for one more; NULL after a fault. The place is not yet counted. */
xd_value *xd_list_slot(struct xd_run *run, xd_list *list);
XD_CHECKED xd_status xd_list_push(struct xd_run *run, xd_list *list, const xd_value *v);
/* Every item of array, ranges included. */
XD_CHECKED xd_status xd_list_push_all(struct xd_run *run, xd_list *list, const xd_value *array);
XD_CHECKED xd_status xd_list_reserve(struct xd_run *run, xd_list *list, uint32_t extra);
static inline xd_value xd_list_value(const xd_list *list, uint32_t flags)
{
    return xd_array_value(list->items, list->count, flags);
}

/* Growable object in the arena of a run; finds names in constant time. */
typedef struct xd_members {
    xd_json_member *items;
    uint32_t count, size;
    uint32_t *table; /* of index + 1; NULL while small */
    uint32_t table_size;
} xd_members;

/* The place of name's value, made (undefined) when new; NULL after a fault. */
xd_value *xd_members_at(struct xd_run *run, xd_members *members, xd_str name, bool *ret_new);
/* The object; members that are undefined are left out. */
xd_value xd_members_value(xd_members *members);

/* Growable text in the arena of a run; a refused append is kept in failed. */
typedef struct xd_text {
    struct xd_run *run; /* borrows */
    char *ptr;
    size_t len, size;
    bool failed;
} xd_text;

void xd_text_add(xd_text *text, const char *bytes, size_t n);
static inline void xd_text_str(xd_text *text, xd_str s)
{
    xd_text_add(text, s.ptr, s.len);
}
/* The string; after a refusal the run's fault. */
XD_CHECKED xd_status xd_text_value(xd_text *text, xd_value *ret);

/* Turns a range into an ordinary array. */
XD_CHECKED xd_status xd_value_force(struct xd_run *run, xd_value *array);
/* v itself when it is an array, else an array of it (of nothing when undefined). Forces ranges. */
XD_CHECKED xd_status xd_value_array(struct xd_run *run, const xd_value *v, xd_value *ret);
/* What the language's $append gives: both as arrays, one after the other; no flags. */
XD_CHECKED xd_status xd_value_append(struct xd_run *run, const xd_value *a, const xd_value *b,
                                     xd_value *ret);
/* Sequences of one and none become what they stand for. */
static inline void xd_value_settle(xd_value *v)
{
    if (v->type == XD_JSON_ARRAY && v->count <= 1 && v->length == 0 &&
        (v->offset & (XD_F_SEQUENCE | XD_F_TUPLES)) == XD_F_SEQUENCE) {
        if (v->count == 0) {
            *v = xd_undefined();
        } else if (!(v->offset & XD_F_KEEP)) {
            *v = xd_value_item(v, 0);
        }
    }
}

/* Deep equality, numbers by value, members in any order. */
XD_CHECKED xd_status xd_value_equal(struct xd_run *run, const xd_value *a, const xd_value *b,
                                    bool *ret);
/* Equal values have equal hashes. */
XD_CHECKED xd_status xd_value_hash(struct xd_run *run, const xd_value *v, uint64_t *ret);
/* Whether the value counts as true; undefined does not. */
bool xd_value_truth(const xd_value *v);
/* $string: *ret is a string; JSON of everything but strings. v is not undefined. */
XD_CHECKED xd_status xd_value_string(struct xd_run *run, const xd_value *v, bool pretty,
                                     xd_value *ret);
/* A deep copy whose objects are XD_V_OBJECT_REF, to be changed in place. */
XD_CHECKED xd_status xd_clone_refs(struct xd_run *run, const xd_value *v, xd_value *ret);
/* Gives the tree the form that leaves the map: no private types, no flags. */
XD_CHECKED xd_status xd_value_finish(struct xd_run *run, xd_value *v, uint32_t depth);

#endif
