/* Recent identities. See recent.h. */
#include "engine/recent.h"

#include "base/hash.h"

#include <stdlib.h>

enum { SIZE_MIN = 1024 };

static bool allocate(xd_recent *r, size_t size)
{
    xd_recent_entry *ring = malloc(size * sizeof *ring);
    int64_t *heads = calloc(size, sizeof *heads);
    if (!ring || !heads) {
        free(ring);
        free(heads);
        return false;
    }
    r->ring = ring;
    r->heads = heads;
    r->size = size;
    return true;
}

static xd_recent_entry *at(const xd_recent *r, int64_t seq)
{
    return &r->ring[(size_t)seq & (r->size - 1)];
}

static int64_t *head_of(const xd_recent *r, uint64_t hash)
{
    return &r->heads[hash & (r->size - 1)];
}

bool xd_recent_init(xd_recent *r, int64_t next)
{
    *r = (xd_recent){.first = next, .next = next};
    return allocate(r, SIZE_MIN);
}

void xd_recent_finish(xd_recent *r)
{
    free(r->ring);
    free(r->heads);
    *r = (xd_recent){0};
}

uint64_t xd_recent_hash(xd_str source, xd_str id)
{
    return xd_hash64(id, xd_hash64(source, 0));
}

static void link_entry(xd_recent *r, int64_t seq, uint64_t hash)
{
    int64_t *head = head_of(r, hash);
    *at(r, seq) = (xd_recent_entry){hash, *head};
    *head = seq;
}

static bool grow(xd_recent *r)
{
    xd_recent old = *r;
    if (!allocate(r, old.size * 2)) {
        return false;
    }
    for (int64_t seq = old.first; seq < old.next; seq++) {
        link_entry(r, seq, at(&old, seq)->hash);
    }
    free(old.ring);
    free(old.heads);
    return true;
}

bool xd_recent_add(xd_recent *r, uint64_t hash)
{
    if ((size_t)(r->next - r->first) == r->size && !grow(r)) {
        return false;
    }
    link_entry(r, r->next++, hash);
    return true;
}

int64_t xd_recent_find(const xd_recent *r, uint64_t hash, int64_t before)
{
    int64_t seq = *head_of(r, hash);
    while (seq >= r->first && (seq >= before || at(r, seq)->hash != hash)) {
        seq = at(r, seq)->older;
    }
    return seq >= r->first ? seq : 0;
}

void xd_recent_forget(xd_recent *r, int64_t seq)
{
    if (seq >= r->first) {
        r->first = seq + 1 < r->next ? seq + 1 : r->next;
    }
}

void xd_recent_take_back(xd_recent *r, int64_t seq)
{
    while (r->next > seq && r->next > r->first) {
        const xd_recent_entry *e = at(r, --r->next);
        *head_of(r, e->hash) = e->older;
    }
}
