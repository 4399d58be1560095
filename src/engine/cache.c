/* State cache. See cache.h.
 *
 * A chained hash table of entries. Dirty entries are also in an array. When the bytes pass the
 * bound, entries are given up in the order in which they came. Two queues: most documents of a day
 * are written once and not read again for long; those that were read (back from the store, or
 * again) must not be driven out by them. The new ones may fill a quarter. */
#include "engine/cache.h"

#include "base/hash.h"
#include "base/planted.h"

#include <assert.h>
#include <stdlib.h>

enum { TABLE_MIN = 1024, ENTRY_OVERHEAD = 96, SLACK = 16, NEW_SHARE = 4 };

/* Which queue an entry that may be given up stands in. */
typedef enum turn { TURN_NEW, TURN_READ, TURN_COUNT, TURN_NONE = TURN_COUNT } turn;

/* What the store is known to hold under the key. */
typedef enum presence { PRESENCE_UNKNOWN, PRESENCE_ABSENT, PRESENCE_STORED } presence;

typedef struct entry {
    struct entry *next;  /* in its chain */
    struct entry *later; /* in the queue of those that may be given up */
    uint64_t hash;
    char *value; /* NULL: deleted or absent; its own room behind the key until it outgrows that */
    uint32_t value_len;
    uint32_t value_size; /* of a room that was allocated apart (owns it); 0: none */
    uint32_t room;       /* bytes behind the key */
    uint16_t key_len;
    uint8_t kind;
    uint8_t stored; /* presence */
    bool dirty;
    bool used; /* asked for since it came, or since it got another turn */
    bool read; /* came back from the store */
    uint8_t turn;
    char key[];
} entry;

struct xd_cache {
    xd_store *store; /* borrows */
    entry **table;   /* owns */
    size_t table_size;
    size_t entry_count;
    entry **dirty; /* owns the array */
    size_t dirty_count;
    size_t dirty_size;
    size_t bytes; /* of all entries */
    size_t clean_bytes;
    struct {
        entry *oldest, *newest;
        size_t count;
    } queues[TURN_COUNT];
};

xd_cache *xd_cache_create(xd_store *store, size_t clean_bytes)
{
    xd_cache *cache = calloc(1, sizeof *cache);
    if (!cache) {
        return NULL;
    }
    cache->store = store;
    cache->clean_bytes = clean_bytes;
    cache->table_size = TABLE_MIN;
    cache->table = calloc(TABLE_MIN, sizeof *cache->table);
    if (!cache->table) {
        free(cache);
        return NULL;
    }
    return cache;
}

static size_t entry_bytes(const entry *e)
{
    return (size_t)ENTRY_OVERHEAD + e->key_len + e->room + e->value_size;
}

static char *room_of(entry *e)
{
    return e->key + e->key_len;
}

static void free_entry(xd_cache *cache, entry *e)
{
    cache->bytes -= entry_bytes(e);
    cache->entry_count--;
    if (e->value_size) {
        free(e->value);
    }
    free(e);
}

void xd_cache_destroy(xd_cache *cache)
{
    if (!cache) {
        return;
    }
    for (size_t i = 0; i < cache->table_size; i++) {
        entry *e = cache->table[i];
        while (e) {
            entry *next = e->next;
            free_entry(cache, e);
            e = next;
        }
    }
    free(cache->table);
    free(cache->dirty);
    free(cache);
}

static entry *find(const xd_cache *cache, uint64_t hash, xd_state_kind kind, xd_str key)
{
    entry *e = cache->table[hash & (cache->table_size - 1)];
    while (e && !(e->hash == hash && e->kind == kind && e->key_len == key.len &&
                  memcmp(e->key, key.ptr, key.len) == 0)) {
        e = e->next;
    }
    return e;
}

/* Doubling may fail without harm: chains only get longer. */
static void grow_table(xd_cache *cache)
{
    size_t size = cache->table_size * 2;
    entry **table = calloc(size, sizeof *table);
    if (!table) {
        return;
    }
    for (size_t i = 0; i < cache->table_size; i++) {
        entry *e = cache->table[i];
        while (e) {
            entry *next = e->next;
            e->next = table[e->hash & (size - 1)];
            table[e->hash & (size - 1)] = e;
            e = next;
        }
    }
    free(cache->table);
    cache->table = table;
    cache->table_size = size;
}

static void enqueue(xd_cache *cache, entry *e, turn at)
{
    e->turn = (uint8_t)at;
    e->later = NULL;
    if (cache->queues[at].newest) {
        cache->queues[at].newest->later = e;
    } else {
        cache->queues[at].oldest = e;
    }
    cache->queues[at].newest = e;
    cache->queues[at].count++;
}

static entry *dequeue(xd_cache *cache, turn at)
{
    entry *e = cache->queues[at].oldest;
    cache->queues[at].oldest = e->later;
    if (!e->later) {
        cache->queues[at].newest = NULL;
    }
    cache->queues[at].count--;
    e->turn = TURN_NONE;
    return e;
}

static void forget(xd_cache *cache, entry *e)
{
    entry **link = &cache->table[e->hash & (cache->table_size - 1)];
    while (*link != e) {
        link = &(*link)->next;
    }
    *link = e->next;
    free_entry(cache, e);
}

/* Gives up clean entries until the bound holds. Dirty ones leave their queue and come back when
 * they are written. */
static void trim(xd_cache *cache)
{
    while (cache->bytes > cache->clean_bytes) {
        size_t of_new = cache->queues[TURN_NEW].count, of_read = cache->queues[TURN_READ].count;
        if (of_new + of_read == 0) {
            return;
        }
        /* Sizes are alike enough for counting heads. */
        bool many_new = of_new * NEW_SHARE > of_new + of_read;
        entry *e = dequeue(cache, many_new || of_read == 0 ? TURN_NEW : TURN_READ);
        if (e->dirty) {
            continue;
        }
        if (e->used) {
            e->used = false;
            enqueue(cache, e, TURN_READ);
        } else {
            forget(cache, e);
        }
    }
}

/* With room for value. The caller sets it. */
static entry *add_entry(xd_cache *cache, uint64_t hash, xd_state_kind kind, xd_str key,
                        xd_str value)
{
    if (cache->entry_count * 2 >= cache->table_size) {
        grow_table(cache);
    }
    /* A little slack, since counters grow by a digit now and then. */
    size_t room = value.ptr ? value.len + SLACK : 0;
    entry *e = malloc(sizeof *e + key.len + room);
    if (!e) {
        return NULL;
    }
    *e = (entry){.hash = hash,
                 .kind = (uint8_t)kind,
                 .key_len = (uint16_t)key.len,
                 .turn = TURN_NONE,
                 .room = (uint32_t)room};
    memcpy(e->key, key.ptr, key.len);
    e->next = cache->table[hash & (cache->table_size - 1)];
    cache->table[hash & (cache->table_size - 1)] = e;
    cache->entry_count++;
    cache->bytes += entry_bytes(e);
    return e;
}

static bool set_value(xd_cache *cache, entry *e, xd_str value)
{
    if (!value.ptr || value.len <= e->room) {
        if (e->value_size) {
            cache->bytes -= e->value_size;
            free(e->value);
            e->value_size = 0;
        }
        e->value = value.ptr ? room_of(e) : NULL;
    } else if (value.len > e->value_size) {
        size_t size = value.len + SLACK;
        char *grown = malloc(size);
        if (!grown) {
            return false;
        }
        if (e->value_size) {
            free(e->value);
        }
        cache->bytes += size - e->value_size;
        e->value = grown;
        e->value_size = (uint32_t)size;
    }
    if (value.ptr) {
        memcpy(e->value, value.ptr, value.len);
    }
    e->value_len = (uint32_t)value.len;
    return true;
}

static uint64_t hash_of(xd_state_kind kind, xd_str key)
{
    return xd_hash64(key, (uint64_t)kind);
}

xd_status xd_cache_get(xd_cache *cache, xd_state_kind kind, xd_str key, xd_arena *arena,
                       xd_str *ret_value, xd_fault *fault)
{
    uint64_t hash = hash_of(kind, key);
    entry *e = find(cache, hash, kind, key);
    if (!e) {
        xd_str stored;
        XD_TRY(cache->store->ops->state_get(cache->store, kind, key, arena, &stored, fault));
        if (key.len > UINT16_MAX) {
            *ret_value = stored;
            return XD_OK;
        }
        e = add_entry(cache, hash, kind, key, stored);
        if (!e || !set_value(cache, e, stored)) {
            return xd_fail(fault, XD_NO_MEMORY, "cache.memory", "no memory for a state document");
        }
        e->stored = stored.ptr ? PRESENCE_STORED : PRESENCE_ABSENT;
        e->read = stored.ptr;
        enqueue(cache, e, e->read ? TURN_READ : TURN_NEW);
    } else {
        e->used = true;
    }
    *ret_value = e->value ? (xd_str){e->value, e->value_len} : XD_STR_NULL;
    return XD_OK;
}

static bool reserve_dirty(xd_cache *cache)
{
    if (cache->dirty_count == cache->dirty_size) {
        size_t size = cache->dirty_size ? cache->dirty_size * 2 : 256;
        entry **grown = realloc(cache->dirty, size * sizeof *grown);
        if (!grown) {
            return false;
        }
        cache->dirty = grown;
        cache->dirty_size = size;
    }
    return true;
}

xd_status xd_cache_put(xd_cache *cache, xd_state_kind kind, xd_str key, xd_str value,
                       xd_fault *fault)
{
    if (key.len > UINT16_MAX || value.len > UINT32_MAX / 2) {
        return xd_fail(fault, XD_LIMIT, "state.size", "a state document of %zu bytes is too large",
                       key.len + value.len);
    }
    uint64_t hash = hash_of(kind, key);
    entry *e = reserve_dirty(cache) ? find(cache, hash, kind, key) : NULL;
    if (!e && cache->dirty_count < cache->dirty_size) {
        e = add_entry(cache, hash, kind, key, value);
        if (e && kind == XD_STATE_OUTBOX) {
            /* Its key is the event's own sequence, so a first put is of a new row. Most are settled
             * and deleted before they are ever written. */
            e->stored = PRESENCE_ABSENT;
        }
    }
    if (!e || !set_value(cache, e, value)) {
        return xd_fail(fault, XD_NO_MEMORY, "cache.memory", "no memory for a state document");
    }
    if (!e->dirty) {
        e->dirty = true;
        cache->dirty[cache->dirty_count++] = e;
    }
    return XD_OK;
}

size_t xd_cache_dirty_count(const xd_cache *cache)
{
    return cache->dirty_count;
}

static int by_key(const void *left, const void *right)
{
    const entry *a = *(entry *const *)left;
    const entry *b = *(entry *const *)right;
    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }
    return xd_str_cmp((xd_str){a->key, a->key_len}, (xd_str){b->key, b->key_len});
}

xd_status xd_cache_write(xd_cache *cache, int64_t *ret_rows, xd_fault *fault)
{
    /* Key order keeps the B-tree's pages hot: neighbours are written together. */
    if (cache->dirty_count == 0) {
        *ret_rows = 0;
        return XD_OK;
    }
    qsort(cache->dirty, cache->dirty_count, sizeof *cache->dirty, by_key);
    int64_t rows = 0;
    for (size_t i = 0; i < cache->dirty_count; i++) {
        entry *e = cache->dirty[i];
        if (!e->value && e->stored == PRESENCE_ABSENT) {
            continue;
        }
        if (XD_PLANTED(forget_dirty_state) && e->kind == XD_STATE_STOCK && i % 5 == 3) {
            continue;
        }
        xd_str value = e->value ? (xd_str){e->value, e->value_len} : XD_STR_NULL;
        XD_TRY(cache->store->ops->state_put(cache->store, (xd_state_kind)e->kind,
                                            (xd_str){e->key, e->key_len}, value, fault));
        rows++;
    }
    *ret_rows = rows;
    return XD_OK;
}

void xd_cache_written(xd_cache *cache)
{
    for (size_t i = 0; i < cache->dirty_count; i++) {
        entry *e = cache->dirty[i];
        e->dirty = false;
        e->stored = e->value ? PRESENCE_STORED : PRESENCE_ABSENT;
        if (e->turn == TURN_NONE) {
            enqueue(cache, e, e->read ? TURN_READ : TURN_NEW);
        }
    }
    cache->dirty_count = 0;
    trim(cache);
}
