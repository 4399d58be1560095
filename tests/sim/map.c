/* A table from text to pointers. See map.h. */
#include "map.h"

#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>

void map_init(map *m, xd_arena *arena)
{
    *m = (map){.arena = arena};
}

static map_entry *slot_of(const map *m, uint64_t hash, xd_str key)
{
    size_t at = (size_t)hash & (m->size - 1);
    while (m->slots[at].key.ptr &&
           !(m->slots[at].hash == hash && xd_str_eq(m->slots[at].key, key))) {
        at = (at + 1) & (m->size - 1);
    }
    return &m->slots[at];
}

void *map_get(const map *m, xd_str key)
{
    return m->size ? slot_of(m, xd_hash64(key, 1), key)->value : NULL;
}

static void grow(map *m)
{
    map old = *m;
    m->size = old.size ? old.size * 2 : 64;
    m->slots = xd_arena_zalloc(m->arena, m->size * sizeof *m->slots);
    if (!m->slots) {
        fputs("simulation: out of memory\n", stderr);
        exit(2);
    }
    for (size_t i = 0; i < old.size; i++) {
        if (old.slots[i].key.ptr) {
            *slot_of(m, old.slots[i].hash, old.slots[i].key) = old.slots[i];
        }
    }
}

void **map_at(map *m, xd_str key)
{
    if (m->count * 2 >= m->size) {
        grow(m);
    }
    uint64_t hash = xd_hash64(key, 1);
    map_entry *slot = slot_of(m, hash, key);
    if (!slot->key.ptr) {
        slot->key = xd_arena_copy(m->arena, key);
        slot->hash = hash;
        m->count++;
    }
    return &slot->value;
}
