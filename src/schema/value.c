/* Equality and hash of JSON values. See value.h. */
#include "schema/value.h"

#include "base/hash.h"
#include "schema/number.h"

#include <stdlib.h>

enum { DEPTH_MAX = 1000, FEW_MEMBERS = 8, FEW_ITEMS = 8, BYTES_PER_STEP = 64 };

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t h = (a ^ b) * UINT64_C(0x9E3779B97F4A7C15);
    return (h ^ h >> 32) * UINT64_C(0xD6E8FEB86659FD93);
}

static uint64_t hash_value(const xd_json *value, uint64_t *steps, unsigned depth)
{
    *steps += 1;
    if (depth > DEPTH_MAX) {
        *steps += XD_SCHEMA_TOO_DEEP;
        return 0;
    }
    uint64_t hash = mix(value->type, 0x5eed);
    switch (value->type) {
    case XD_JSON_NUMBER:
        *steps += value->text.len / BYTES_PER_STEP;
        return mix(hash, xd_schema_number_hash(value->text));
    case XD_JSON_STRING:
        *steps += value->text.len / BYTES_PER_STEP;
        return mix(hash, xd_hash64(value->text, 1));
    case XD_JSON_ARRAY:
        for (uint32_t i = 0; i < value->count; i++) {
            hash = mix(hash, hash_value(&value->items[i], steps, depth + 1) + i);
        }
        return hash;
    case XD_JSON_OBJECT: {
        uint64_t sum = 0; /* Members have no order, so their hashes are added. */
        for (uint32_t i = 0; i < value->count; i++) {
            sum += mix(xd_hash64(value->members[i].name, 2),
                       hash_value(&value->members[i].value, steps, depth + 1));
        }
        return mix(hash, sum + value->count);
    }
    default:
        return hash;
    }
}

uint64_t xd_schema_value_hash(const xd_json *value, uint64_t *steps)
{
    uint64_t unused = 0;
    return hash_value(value, steps ? steps : &unused, 0);
}

static bool equal_values(const xd_json *a, const xd_json *b, uint64_t *steps, unsigned depth);

static int cmp_members(const void *a, const void *b)
{
    return xd_str_cmp((*(const xd_json_member *const *)a)->name,
                      (*(const xd_json_member *const *)b)->name);
}

static const xd_json_member **sorted_members(const xd_json *object)
{
    const xd_json_member **list = malloc(object->count * sizeof *list);
    for (uint32_t i = 0; list && i < object->count; i++) {
        list[i] = &object->members[i];
    }
    if (list) {
        qsort(list, object->count, sizeof *list, cmp_members);
    }
    return list;
}

/* Objects of many members in different orders: both are sorted, so that it stays n log n. */
static bool equal_sorted(const xd_json *a, const xd_json *b, uint64_t *steps, unsigned depth)
{
    const xd_json_member **x = sorted_members(a);
    const xd_json_member **y = sorted_members(b);
    bool equal = x && y;
    if (!equal) {
        *steps += XD_SCHEMA_TOO_DEEP; /* No memory: the caller must not take this for an answer. */
    }
    for (uint32_t i = 0; equal && i < a->count; i++) {
        equal = xd_str_eq(x[i]->name, y[i]->name) &&
                equal_values(&x[i]->value, &y[i]->value, steps, depth + 1);
    }
    free(x);
    free(y);
    return equal;
}

static bool equal_objects(const xd_json *a, const xd_json *b, uint64_t *steps, unsigned depth)
{
    bool same_order = true;
    for (uint32_t i = 0; same_order && i < a->count; i++) {
        same_order = xd_str_eq(a->members[i].name, b->members[i].name);
    }
    if (!same_order && a->count > FEW_MEMBERS) {
        return equal_sorted(a, b, steps, depth);
    }
    for (uint32_t i = 0; i < a->count; i++) {
        const xd_json *other =
            same_order ? &b->members[i].value : xd_json_get(b, a->members[i].name);
        if (!other || !equal_values(&a->members[i].value, other, steps, depth + 1)) {
            return false;
        }
    }
    return true;
}

static bool equal_values(const xd_json *a, const xd_json *b, uint64_t *steps, unsigned depth)
{
    *steps += 1;
    if (a->type != b->type) {
        return false;
    }
    if (depth > DEPTH_MAX) {
        *steps += XD_SCHEMA_TOO_DEEP;
        return false;
    }
    switch (a->type) {
    case XD_JSON_NUMBER:
        *steps += (a->text.len + b->text.len) / BYTES_PER_STEP;
        return xd_schema_number_equal(a->text, b->text);
    case XD_JSON_STRING:
        *steps += a->text.len / BYTES_PER_STEP;
        return xd_str_eq(a->text, b->text);
    case XD_JSON_ARRAY:
        if (a->count != b->count) {
            return false;
        }
        for (uint32_t i = 0; i < a->count; i++) {
            if (!equal_values(&a->items[i], &b->items[i], steps, depth + 1)) {
                return false;
            }
        }
        return true;
    case XD_JSON_OBJECT:
        return a->count == b->count && equal_objects(a, b, steps, depth);
    default:
        return true;
    }
}

bool xd_schema_value_equal(const xd_json *a, const xd_json *b, uint64_t *steps)
{
    uint64_t unused = 0;
    return equal_values(a, b, steps ? steps : &unused, 0);
}

/* --- items that occur twice --- */

struct entry {
    uint64_t hash;
    uint32_t position;
};

static int cmp_entries(const void *a, const void *b)
{
    const struct entry *x = a;
    const struct entry *y = b;
    if (x->hash != y->hash) {
        return x->hash < y->hash ? -1 : 1;
    }
    return (x->position > y->position) - (x->position < y->position);
}

static bool twins_of_few(const xd_json *array, uint64_t *steps, uint32_t *ret_first,
                         uint32_t *ret_second)
{
    for (uint32_t i = 1; i < array->count; i++) {
        for (uint32_t k = 0; k < i; k++) {
            if (equal_values(&array->items[k], &array->items[i], steps, 0)) {
                *ret_first = k;
                *ret_second = i;
                return true;
            }
        }
    }
    return false;
}

bool xd_schema_value_find_twins(const xd_json *array, uint64_t *steps, uint32_t *ret_first,
                                uint32_t *ret_second, bool *ret_failed)
{
    if (array->count <= FEW_ITEMS) {
        return twins_of_few(array, steps, ret_first, ret_second);
    }
    struct entry *entries = malloc(array->count * sizeof *entries);
    if (!entries) {
        *ret_failed = true;
        return false;
    }
    for (uint32_t i = 0; i < array->count; i++) {
        entries[i] = (struct entry){hash_value(&array->items[i], steps, 0), i};
    }
    qsort(entries, array->count, sizeof *entries, cmp_entries);
    bool found = false;
    /* Only items of one hash are compared. Whoever makes hashes collide pays by steps. */
    for (uint32_t start = 0; start < array->count && !found; start++) {
        for (uint32_t i = start + 1; i < array->count && entries[i].hash == entries[start].hash &&
                                     !found && *steps < XD_SCHEMA_TOO_DEEP;
             i++) {
            found = equal_values(&array->items[entries[start].position],
                                 &array->items[entries[i].position], steps, 0);
            if (found) {
                *ret_first = entries[start].position;
                *ret_second = entries[i].position;
            }
        }
    }
    free(entries);
    return found;
}
