/* A small table of compiled maps, the least recently used giving way. See maps.h. */
#include "flow/maps.h"

#include "base/hash.h"

#include <stdlib.h>

enum { KEPT = 64 };

typedef struct kept_map {
    char hash[XD_SHA256_HEX];
    xd_map *map; /* owns; NULL: free */
    uint64_t used;
} kept_map;

struct xd_maps {
    kept_map kept[KEPT];
    uint64_t calls;
};

xd_status xd_maps_get(xd_maps **maps, xd_str hash, xd_str text, const xd_map **ret, xd_fault *fault)
{
    if (!*maps) {
        *maps = calloc(1, sizeof **maps);
    }
    if (!*maps) {
        return xd_fail(fault, XD_NO_MEMORY, "map.memory", "no memory to keep compiled maps");
    }
    xd_maps *all = *maps;
    kept_map *place = &all->kept[0];
    for (int i = 0; i < KEPT; i++) {
        kept_map *one = &all->kept[i];
        if (one->map && xd_str_eq((xd_str){one->hash, sizeof one->hash}, hash)) {
            one->used = ++all->calls;
            *ret = one->map;
            return XD_OK;
        }
        if (one->used < place->used) {
            place = one;
        }
    }
    if (hash.len != sizeof place->hash) {
        return xd_fail(fault, XD_INVALID, "map.hash", "a map is named by 64 hex digits");
    }
    xd_map *map = NULL;
    XD_TRY(xd_map_compile(text, &map, fault));
    xd_map_destroy(place->map);
    memcpy(place->hash, hash.ptr, sizeof place->hash);
    place->map = map;
    place->used = ++all->calls;
    *ret = map;
    return XD_OK;
}

void xd_maps_destroy(xd_maps *maps)
{
    if (maps) {
        for (int i = 0; i < KEPT; i++) {
            xd_map_destroy(maps->kept[i].map);
        }
        free(maps);
    }
}
