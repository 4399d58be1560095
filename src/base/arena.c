/* Arena blocks. See arena.h. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct xd_arena_block {
    xd_arena_block *next;
    size_t size; /* of bytes */
    _Alignas(16) char bytes[];
};

/* With its head a block is a size that allocators hand out without waste. */
enum { HEAD_BYTES = sizeof(xd_arena_block), BLOCK_BYTES = 8192 - HEAD_BYTES };

void xd_arena_init(xd_arena *arena, size_t cap_bytes)
{
    *arena = (xd_arena){.cap_bytes = cap_bytes};
}

void xd_arena_expect(xd_arena *arena, size_t likely_bytes)
{
    arena->likely_bytes = likely_bytes;
}

static void use_block(xd_arena *arena, xd_arena_block *block)
{
    arena->last = block;
    arena->cursor = block->bytes;
    arena->limit = block->bytes + block->size;
}

static void free_from(xd_arena *arena, xd_arena_block *block)
{
    while (block) {
        xd_arena_block *next = block->next;
        arena->used_bytes -= block->size;
        free(block);
        block = next;
    }
}

void xd_arena_finish(xd_arena *arena)
{
    if (!arena) {
        return;
    }
    free_from(arena, arena->first);
    xd_arena_init(arena, arena->cap_bytes);
}

void xd_arena_reset(xd_arena *arena)
{
    arena->failed = arena->starved = false;
    if (!arena->first) {
        return;
    }
    free_from(arena, arena->first->next);
    arena->first->next = NULL;
    use_block(arena, arena->first);
}

static void *refuse(xd_arena *arena, bool starved)
{
    arena->failed = true;
    arena->starved = arena->starved || starved;
    return NULL;
}

void *xd_arena_grow(xd_arena *arena, size_t size)
{
    size_t rounded = (size + 15) & ~(size_t)15;
    if (rounded < size || arena->cap_bytes - arena->used_bytes < rounded) {
        return refuse(arena, false);
    }
    /* Doubling keeps the number of blocks logarithmic; the cap always wins. */
    size_t want = arena->last           ? (arena->last->size + HEAD_BYTES) * 2 - HEAD_BYTES
                  : arena->likely_bytes ? (arena->likely_bytes + 15) & ~(size_t)15
                                        : (size_t)BLOCK_BYTES;
    size_t room = arena->cap_bytes - arena->used_bytes;
    want = want < rounded ? rounded : want;
    want = want > room ? room & ~(size_t)15 : want;
    if (want < rounded) {
        return refuse(arena, false);
    }
    xd_arena_block *block = malloc(sizeof *block + want);
    if (!block) {
        return refuse(arena, true);
    }
    block->next = NULL;
    block->size = want;
    if (arena->last) {
        arena->last->next = block;
    } else {
        arena->first = block;
    }
    arena->used_bytes += want;
    use_block(arena, block);
    arena->cursor += rounded;
    return block->bytes;
}

void *xd_arena_zalloc(xd_arena *arena, size_t size)
{
    void *p = xd_arena_alloc(arena, size);
    if (p) {
        memset(p, 0, size);
    }
    return p;
}

xd_str xd_arena_copy(xd_arena *arena, xd_str s)
{
    char *p = xd_arena_alloc(arena, s.len ? s.len : 1);
    if (!p) {
        return XD_STR_NULL;
    }
    if (s.len) {
        memcpy(p, s.ptr, s.len);
    }
    return (xd_str){p, s.len};
}

xd_str xd_arena_printf(xd_arena *arena, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (n < 0) {
        return XD_STR_NULL;
    }
    char *p = xd_arena_alloc(arena, (size_t)n + 1);
    if (!p) {
        return XD_STR_NULL;
    }
    va_start(arguments, format);
    vsnprintf(p, (size_t)n + 1, format, arguments);
    va_end(arguments);
    return (xd_str){p, (size_t)n};
}
