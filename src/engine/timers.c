/* Timers: a binary heap. See timers.h. */
#include "engine/timers.h"

#include <assert.h>
#include <stdlib.h>

void xd_timers_finish(xd_timers *timers)
{
    for (size_t i = 0; i < timers->count; i++) {
        free(timers->heap[i].key);
    }
    free(timers->heap);
    *timers = (xd_timers){0};
}

static void swap(xd_timer *a, xd_timer *b)
{
    xd_timer t = *a;
    *a = *b;
    *b = t;
}

bool xd_timers_add(xd_timers *timers, xd_instant due, xd_str key)
{
    if (timers->count == timers->size) {
        size_t size = timers->size ? timers->size * 2 : 64;
        xd_timer *grown = realloc(timers->heap, size * sizeof *grown);
        if (!grown) {
            return false;
        }
        timers->heap = grown;
        timers->size = size;
    }
    char *copy = malloc(key.len + 1);
    if (!copy) {
        return false;
    }
    memcpy(copy, key.ptr, key.len);
    copy[key.len] = '\0';
    size_t i = timers->count++;
    timers->heap[i] = (xd_timer){due, copy, key.len};
    while (i > 0 && timers->heap[(i - 1) / 2].due > timers->heap[i].due) {
        swap(&timers->heap[(i - 1) / 2], &timers->heap[i]);
        i = (i - 1) / 2;
    }
    return true;
}

xd_instant xd_timers_next(const xd_timers *timers)
{
    return timers->count ? timers->heap[0].due : INT64_MAX;
}

xd_timer xd_timers_take(xd_timers *timers)
{
    assert(timers->count > 0);
    xd_timer top = timers->heap[0];
    timers->heap[0] = timers->heap[--timers->count];
    size_t i = 0;
    for (;;) {
        size_t least = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < timers->count; child++) {
            if (timers->heap[child].due < timers->heap[least].due) {
                least = child;
            }
        }
        if (least == i) {
            return top;
        }
        swap(&timers->heap[i], &timers->heap[least]);
        i = least;
    }
}

xd_instant xd_timer_due(xd_str key)
{
    uint64_t due = 0;
    for (size_t i = 0; i < 16 && i < key.len; i++) {
        char c = key.ptr[i];
        due = due << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return (xd_instant)due;
}
