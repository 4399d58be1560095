/* Arena: bump allocation with a cap, freed all at once. One per message; nothing outlives it except
 * by explicit copy. Not thread-safe. Owns its blocks. */
#ifndef XD_BASE_ARENA_H
#define XD_BASE_ARENA_H

#include "base/str.h"

typedef struct xd_arena_block xd_arena_block;

typedef struct xd_arena {
    xd_arena_block *first; /* owns; kept across resets */
    xd_arena_block *last;  /* owns through first */
    char *cursor;          /* borrows from the current block */
    char *limit;
    size_t used_bytes; /* handed to blocks so far */
    size_t cap_bytes;  /* most that blocks may take together */
    size_t likely_bytes;
    bool failed;  /* since it was prepared or reset, an allocation was refused */
    bool starved; /* because there was no memory, not because of the cap */
} xd_arena;

/* Prepares an empty arena; allocates nothing. */
void xd_arena_init(xd_arena *arena, size_t cap_bytes);
/* Before the first allocation: what will likely be allocated in all, so that one block holds it. 0:
 * not known. */
void xd_arena_expect(xd_arena *arena, size_t likely_bytes);
/* Frees every block. Accepts NULL and a finished arena. */
void xd_arena_finish(xd_arena *arena);
/* Makes every allocation invalid; keeps the first block for reuse, and forgets that it refused. */
void xd_arena_reset(xd_arena *arena);

/* Slow path of xd_arena_alloc. */
void *xd_arena_grow(xd_arena *arena, size_t size);

/* size bytes aligned to 16, not cleared; NULL when the cap or the system refuses
 * (size 0 takes a place of its own, so NULL always means refused). */
static inline void *xd_arena_alloc(xd_arena *arena, size_t size)
{
    size = size ? size : 1;
    size_t rounded = (size + 15) & ~(size_t)15;
    if (rounded >= size && rounded <= (size_t)(arena->limit - arena->cursor)) {
        void *p = arena->cursor;
        arena->cursor += rounded;
        return p;
    }
    return xd_arena_grow(arena, size);
}

/* As xd_arena_alloc, cleared. */
void *xd_arena_zalloc(xd_arena *arena, size_t size);
/* A copy of s in the arena; {NULL, 0} when refused (a copy of an empty string has a pointer). */
xd_str xd_arena_copy(xd_arena *arena, xd_str s);
/* printf into the arena; {NULL, 0} when refused. */
xd_str xd_arena_printf(xd_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
