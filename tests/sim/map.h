/* A small table from text to a number of the caller's, in one arena; nothing is ever removed. */
#ifndef XD_SIM_MAP_H
#define XD_SIM_MAP_H

#include "base/arena.h"

typedef struct map_entry {
    xd_str key;
    uint64_t hash;
    void *value;
} map_entry;

typedef struct map {
    xd_arena *arena; /* borrows */
    map_entry *slots;
    size_t size, count;
} map;

void map_init(map *m, xd_arena *arena);
/* The value under key, NULL when absent. */
void *map_get(const map *m, xd_str key);
/* Where the value under key is kept; NULL in it when it is new. The key is copied. */
void **map_at(map *m, xd_str key);

#endif
