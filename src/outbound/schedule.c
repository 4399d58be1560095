/* Schedule: order keys, ready lists, slots and answers. See schedule.h for the rules.
 *
 * Everything is O(1) per delivery, save the back-off heap (log of the keys that wait). A key is in
 * exactly one place: in a ready list (its head may go), in the heap (its head waits until due),
 * busy (its head is in a request, or settled and not yet recorded), or blocked. */
#include "outbound/schedule.h"

#include "base/hash.h"
#include "base/planted.h"

#include <assert.h>
#include <stdlib.h>

enum {
    LIST_ALONE = XD_SCHEDULE_MESSAGES, /* heads that go in a request of their own */
    LIST_COUNT,
    FIRST_BUCKETS = 64,
    RETRY_AFTER_MAX_S = 3600, /* a remote that asks for more is asked again sooner */
    COUNTER_MAX = UINT16_MAX
};

typedef enum key_place {
    PLACE_READY,
    PLACE_WAITING,
    PLACE_BUSY,
    PLACE_BLOCKED /* by outcomes of superseded deliveries that are not recorded yet */
} key_place;

struct xd_order_key {
    xd_order_key *same_hash;
    uint64_t hash;
    xd_tracked *first, *last;     /* its deliveries, in order */
    xd_order_key *before, *after; /* in the ready list */
    int64_t ready_us;             /* when it became ready */
    uint64_t ready_number;        /* order of that between lists */
    int64_t due_us;               /* while waiting */
    size_t heap_index;            /* while waiting */
    key_place place;
    uint32_t blocks; /* superseded deliveries not recorded yet */
    uint32_t list;   /* while ready */
    uint32_t lane;
    size_t len;
    char text[];
};

typedef struct ready_list {
    xd_order_key *first, *last;
    uint32_t count;
} ready_list;

typedef struct lane {
    xd_lane_options options;
    xd_bucket bucket;
    xd_breaker breaker;
    ready_list ready[LIST_COUNT];
    xd_order_key **heap; /* owns the array */
    size_t heap_count, heap_size;
    size_t key_count;
    xd_request *slots;       /* owns: concurrency of them */
    xd_tracked **slot_space; /* owns: batch_max per slot */
    xd_request *free_slots;
    xd_tracked *oldest, *newest;
    xd_lane_stats stats;
} lane;

struct xd_schedule {
    xd_schedule_port port;
    xd_random random;
    uint32_t lane_count;
    uint32_t turn; /* lane that is asked first, so that none starves */
    uint32_t tracked_count;
    uint64_t ready_number;
    xd_tracked **tracked_buckets; /* owns; by (seq, index) */
    size_t tracked_buckets_size;  /* a power of two, as below */
    xd_order_key **key_buckets;   /* owns; by (lane, text) */
    size_t key_buckets_size;
    size_t key_count;
    lane lanes[];
};

/* --- identity of deliveries --- */

static uint64_t tracked_hash(int64_t seq, uint32_t index)
{
    xd_random mix = {(uint64_t)seq * 64 + index};
    return xd_random_next(&mix);
}

static xd_tracked **tracked_bucket(const xd_schedule *s, int64_t seq, uint32_t index)
{
    return &s->tracked_buckets[tracked_hash(seq, index) & (s->tracked_buckets_size - 1)];
}

bool xd_schedule_has(const xd_schedule *s, int64_t seq, uint32_t index)
{
    const xd_tracked *d = *tracked_bucket(s, seq, index);
    while (d && (d->seq != seq || d->index != index)) {
        d = d->same_hash;
    }
    return d != NULL;
}

/* Doubles a table that became full. Without memory it stays as it is, only slower. */
static void tracked_buckets_grow(xd_schedule *s)
{
    if (s->tracked_count < s->tracked_buckets_size) {
        return;
    }
    size_t old_size = s->tracked_buckets_size;
    xd_tracked **old = s->tracked_buckets;
    xd_tracked **grown = calloc(old_size * 2, sizeof(xd_tracked *));
    if (!grown) {
        return;
    }
    s->tracked_buckets = grown;
    s->tracked_buckets_size = old_size * 2;
    for (size_t i = 0; i < old_size; i++) {
        for (xd_tracked *d = old[i], *next = NULL; d; d = next) {
            next = d->same_hash;
            xd_tracked **bucket = tracked_bucket(s, d->seq, d->index);
            d->same_hash = *bucket;
            *bucket = d;
        }
    }
    free(old);
}

static void tracked_unlink(xd_schedule *s, xd_tracked *d)
{
    xd_tracked **link = tracked_bucket(s, d->seq, d->index);
    while (*link != d) {
        link = &(*link)->same_hash;
    }
    *link = d->same_hash;
    lane *l = &s->lanes[d->lane];
    *(d->older ? &d->older->newer : &l->oldest) = d->newer;
    *(d->newer ? &d->newer->older : &l->newest) = d->older;
    s->tracked_count--;
}

static void tracked_link(xd_schedule *s, xd_tracked *d)
{
    xd_tracked **bucket = tracked_bucket(s, d->seq, d->index);
    d->same_hash = *bucket;
    *bucket = d;
    lane *l = &s->lanes[d->lane];
    d->older = l->newest;
    d->newer = NULL;
    *(l->newest ? &l->newest->newer : &l->oldest) = d;
    l->newest = d;
    s->tracked_count++;
    tracked_buckets_grow(s);
}

/* --- order keys --- */

static uint64_t key_hash(uint32_t lane_index, xd_str text)
{
    return xd_hash64(text, lane_index);
}

static xd_order_key *key_find(const xd_schedule *s, uint32_t lane_index, xd_str text)
{
    uint64_t hash = key_hash(lane_index, text);
    xd_order_key *key = s->key_buckets[hash & (s->key_buckets_size - 1)];
    while (key && (key->hash != hash || key->lane != lane_index ||
                   !xd_str_eq((xd_str){key->text, key->len}, text))) {
        key = key->same_hash;
    }
    return key;
}

static void key_buckets_grow(xd_schedule *s)
{
    if (s->key_count < s->key_buckets_size) {
        return;
    }
    size_t old_size = s->key_buckets_size;
    xd_order_key **old = s->key_buckets;
    xd_order_key **grown = calloc(old_size * 2, sizeof(xd_order_key *));
    if (!grown) {
        return;
    }
    s->key_buckets = grown;
    s->key_buckets_size = old_size * 2;
    for (size_t i = 0; i < old_size; i++) {
        for (xd_order_key *key = old[i], *next = NULL; key; key = next) {
            next = key->same_hash;
            xd_order_key **bucket = &grown[key->hash & (s->key_buckets_size - 1)];
            key->same_hash = *bucket;
            *bucket = key;
        }
    }
    free(old);
}

/* Space for one more key to wait: waiting must never fail for want of memory. */
static bool heap_reserve(lane *l)
{
    if (l->key_count < l->heap_size) {
        return true;
    }
    size_t size = l->heap_size ? l->heap_size * 2 : 64;
    xd_order_key **heap = realloc(l->heap, size * sizeof(xd_order_key *));
    if (!heap) {
        return false;
    }
    l->heap = heap;
    l->heap_size = size;
    return true;
}

static xd_order_key *key_create(xd_schedule *s, uint32_t lane_index, xd_str text)
{
    lane *l = &s->lanes[lane_index];
    if (!heap_reserve(l)) {
        return NULL;
    }
    xd_order_key *key = calloc(1, sizeof *key + text.len);
    if (!key) {
        return NULL;
    }
    key->hash = key_hash(lane_index, text);
    key->lane = lane_index;
    key->len = text.len;
    if (text.len) {
        memcpy(key->text, text.ptr, text.len);
    }
    xd_order_key **bucket = &s->key_buckets[key->hash & (s->key_buckets_size - 1)];
    key->same_hash = *bucket;
    *bucket = key;
    s->key_count++;
    l->key_count++;
    key_buckets_grow(s);
    return key;
}

static void key_destroy(xd_schedule *s, xd_order_key *key)
{
    xd_order_key **link = &s->key_buckets[key->hash & (s->key_buckets_size - 1)];
    while (*link != key) {
        link = &(*link)->same_hash;
    }
    *link = key->same_hash;
    s->key_count--;
    s->lanes[key->lane].key_count--;
    free(key);
}

xd_str xd_tracked_key(const xd_tracked *delivery)
{
    const xd_order_key *key = delivery->key;
    return key ? (xd_str){key->text, key->len} : XD_STR("");
}

/* --- ready lists --- */

static uint32_t list_of(const lane *l, const xd_order_key *key)
{
    const xd_tracked *head = key->first;
    bool alone = l->options.batch_max == 1 || head->alone || head->lookup;
    return alone ? LIST_ALONE : head->message;
}

static void ready_push(xd_schedule *s, xd_order_key *key, int64_t now_us)
{
    lane *l = &s->lanes[key->lane];
    if (key->blocks) {
        key->place = PLACE_BLOCKED;
        return;
    }
    key->place = PLACE_READY;
    key->list = list_of(l, key);
    key->ready_us = now_us;
    key->ready_number = s->ready_number++;
    ready_list *list = &l->ready[key->list];
    key->after = NULL;
    key->before = list->last;
    *(list->last ? &list->last->after : &list->first) = key;
    list->last = key;
    list->count++;
}

static void ready_remove(lane *l, xd_order_key *key)
{
    ready_list *list = &l->ready[key->list];
    *(key->before ? &key->before->after : &list->first) = key->after;
    *(key->after ? &key->after->before : &list->last) = key->before;
    list->count--;
}

/* The head of a ready key changed: when that needs another list, it goes to the front there, so
 * that a key whose messages keep being superseded still gets its turn. */
static void ready_move(lane *l, xd_order_key *key)
{
    uint32_t to = list_of(l, key);
    if (to == key->list) {
        return;
    }
    ready_remove(l, key);
    ready_list *list = &l->ready[to];
    key->list = to;
    key->before = NULL;
    key->after = list->first;
    *(list->first ? &list->first->before : &list->last) = key;
    list->first = key;
    list->count++;
}

/* --- the back-off heap --- */

static void heap_set(lane *l, size_t i, xd_order_key *key)
{
    l->heap[i] = key;
    key->heap_index = i;
}

static void heap_up(lane *l, size_t i)
{
    xd_order_key *key = l->heap[i];
    while (i > 0 && l->heap[(i - 1) / 2]->due_us > key->due_us) {
        heap_set(l, i, l->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    heap_set(l, i, key);
}

static void heap_down(lane *l, size_t i)
{
    xd_order_key *key = l->heap[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= l->heap_count) {
            break;
        }
        if (child + 1 < l->heap_count && l->heap[child + 1]->due_us < l->heap[child]->due_us) {
            child++;
        }
        if (l->heap[child]->due_us >= key->due_us) {
            break;
        }
        heap_set(l, i, l->heap[child]);
        i = child;
    }
    heap_set(l, i, key);
}

static void key_wait(lane *l, xd_order_key *key, int64_t due_us)
{
    assert(l->heap_count < l->heap_size);
    key->place = PLACE_WAITING;
    key->due_us = due_us;
    l->heap[l->heap_count++] = key;
    heap_up(l, l->heap_count - 1);
}

static void release_due(xd_schedule *s, lane *l, int64_t now_us)
{
    while (l->heap_count && l->heap[0]->due_us <= now_us) {
        xd_order_key *key = l->heap[0];
        xd_order_key *last = l->heap[--l->heap_count];
        if (last != key) {
            l->heap[0] = last;
            heap_down(l, 0);
        }
        ready_push(s, key, now_us);
    }
}

/* --- life of the whole --- */

static bool lane_init(lane *l, const xd_lane_options *options)
{
    l->options = *options;
    xd_bucket_init(&l->bucket, options->rate_per_s, options->burst);
    xd_breaker_init(&l->breaker, options->breaker_failures, options->breaker_open_ms);
    l->slots = calloc(options->concurrency, sizeof(xd_request));
    l->slot_space = calloc((size_t)options->concurrency * options->batch_max, sizeof(xd_tracked *));
    if (!l->slots || !l->slot_space) {
        return false;
    }
    for (uint32_t i = options->concurrency; i-- > 0;) {
        l->slots[i].deliveries = l->slot_space + (size_t)i * options->batch_max;
        l->slots[i].next_free = l->free_slots;
        l->free_slots = &l->slots[i];
    }
    return true;
}

xd_schedule *xd_schedule_create(const xd_lane_options *options, uint32_t count, uint64_t seed,
                                xd_schedule_port port)
{
    assert(count <= XD_SCHEDULE_MAX_LANES);
    xd_schedule *s = calloc(1, sizeof *s + count * sizeof(lane));
    if (!s) {
        return NULL;
    }
    s->port = port;
    s->random.state = seed;
    s->lane_count = count;
    s->tracked_buckets = calloc(FIRST_BUCKETS, sizeof(xd_tracked *));
    s->tracked_buckets_size = FIRST_BUCKETS;
    s->key_buckets = calloc(FIRST_BUCKETS, sizeof(xd_order_key *));
    s->key_buckets_size = FIRST_BUCKETS;
    bool whole = s->tracked_buckets && s->key_buckets;
    for (uint32_t i = 0; whole && i < count; i++) {
        assert(options[i].concurrency && options[i].attempts && options[i].batch_max);
        whole = lane_init(&s->lanes[i], &options[i]);
    }
    if (!whole) {
        xd_schedule_destroy(s);
        return NULL;
    }
    return s;
}

void xd_schedule_destroy(xd_schedule *s)
{
    if (!s) {
        return;
    }
    for (uint32_t i = 0; i < s->lane_count; i++) {
        lane *l = &s->lanes[i];
        for (xd_tracked *d = l->oldest, *next = NULL; d; d = next) {
            next = d->newer;
            s->port.forget(s->port.self, d);
            free(d);
        }
        free(l->heap);
        free(l->slots);
        free(l->slot_space);
    }
    for (size_t i = 0; s->key_buckets && i < s->key_buckets_size; i++) {
        for (xd_order_key *key = s->key_buckets[i], *next = NULL; key; key = next) {
            next = key->same_hash;
            free(key);
        }
    }
    free(s->tracked_buckets);
    free(s->key_buckets);
    free(s);
}

uint32_t xd_schedule_count(const xd_schedule *s)
{
    return s->tracked_count;
}

/* --- settling --- */

static void settle(xd_schedule *s, xd_tracked *d, xd_settled settled, int32_t status,
                   const char *reason)
{
    assert(!d->settled);
    xd_lane_stats *stats = &s->lanes[d->lane].stats;
    d->settled = true;
    stats->unrecorded++;
    stats->ok += settled == XD_SETTLED_OK && !d->superseded;
    stats->superseded += d->superseded;
    stats->dead += settled == XD_SETTLED_DEAD;
    stats->unknown += settled == XD_SETTLED_UNKNOWN;
    s->port.settle(s->port.self, d, settled, status, reason);
}

static void slot_release(lane *l, xd_request *request)
{
    request->next_free = l->free_slots;
    l->free_slots = request;
}

/* d leaves its request; the slot is free when it was the last. */
static void request_leave(xd_schedule *s, xd_tracked *d)
{
    xd_request *request = d->request;
    d->request = NULL;
    request->open--;
    if (request->open == 0) {
        slot_release(&s->lanes[d->lane], request);
    }
}

/* The head of d's key goes back to waiting until due_us. */
static void wait_until(xd_schedule *s, xd_tracked *d, int64_t now_us, int64_t due_us)
{
    lane *l = &s->lanes[d->lane];
    request_leave(s, d);
    l->stats.waiting++;
    if (XD_PLANTED(release_out_of_order) && d->next) {
        xd_order_key *key = d->key; /* those behind it do not wait for it */
        key->first = d->next;
        key->last->next = d;
        key->last = d;
        d->next = NULL;
    }
    if (due_us <= now_us) {
        ready_push(s, d->key, now_us);
    } else {
        key_wait(l, d->key, due_us);
    }
}

/* --- admission --- */

static bool may_be_superseded(const xd_tracked *d, uint32_t message)
{
    return d->message == message && !d->request && !d->settled && d->attempts == 0 &&
           !d->from_before;
}

/* Settles the waiting, never sent delivery that newest replaces. There is at most one: each
 * admission removes the one before it. The key goes on when that is recorded: after a crash before,
 * the older one would be sent once more, after the newer one. */
static void supersede(xd_schedule *s, xd_order_key *key, const xd_tracked *newest)
{
    lane *l = &s->lanes[key->lane];
    for (xd_tracked **link = &key->first; *link != newest; link = &(*link)->next) {
        xd_tracked *d = *link;
        if (!may_be_superseded(d, newest->message)) {
            continue;
        }
        *link = d->next;
        d->next = NULL;
        d->key = NULL;
        d->superseded = true;
        d->blocked = key;
        l->stats.waiting--;
        key->blocks++;
        if (key->place == PLACE_READY) {
            ready_remove(l, key);
            key->place = PLACE_BLOCKED;
        }
        settle(s, d, XD_SETTLED_OK, 0, "superseded by a newer message");
        return;
    }
}

xd_status xd_schedule_add(xd_schedule *s, int64_t now_us, uint32_t lane_index, int64_t seq,
                          uint32_t index, uint32_t message, xd_str order_key, int64_t since,
                          xd_tracked **ret)
{
    assert(lane_index < s->lane_count && message < XD_SCHEDULE_MESSAGES);
    if (xd_schedule_has(s, seq, index)) {
        return XD_CONFLICT;
    }
    xd_tracked *d = calloc(1, sizeof *d);
    if (!d) {
        return XD_NO_MEMORY;
    }
    xd_order_key *key = key_find(s, lane_index, order_key);
    bool fresh = !key;
    if (fresh) {
        key = key_create(s, lane_index, order_key);
    }
    if (!key) {
        free(d);
        return XD_NO_MEMORY;
    }
    d->seq = seq;
    d->index = index;
    d->lane = (uint16_t)lane_index;
    d->message = (uint8_t)message;
    d->since = since;
    d->key = key;
    tracked_link(s, d);
    s->lanes[lane_index].stats.waiting++;
    *(key->last ? &key->last->next : &key->first) = d;
    key->last = d;
    if (fresh) {
        ready_push(s, key, now_us);
    } else if (s->lanes[lane_index].options.coalesce) {
        supersede(s, key, d);
    }
    *ret = d;
    return XD_OK;
}

void xd_schedule_doubt(xd_schedule *s, xd_tracked *d)
{
    lane *l = &s->lanes[d->lane];
    d->from_before = true;
    if (!l->options.lookup) {
        return;
    }
    d->lookup = true;
    d->doubtful = true;
    if (d->key->first == d && d->key->place == PLACE_READY) {
        ready_move(l, d->key);
    }
}

/* --- requests --- */

/* When the list may give a request; XD_NEVER_US when it is empty. */
static int64_t list_ready_at(const lane *l, uint32_t i)
{
    const ready_list *list = &l->ready[i];
    if (!list->count) {
        return XD_NEVER_US;
    }
    if (i == LIST_ALONE || list->count >= l->options.batch_max) {
        return INT64_MIN;
    }
    return list->first->ready_us + (int64_t)l->options.batch_wait_ms * 1000;
}

static ready_list *list_choose(lane *l, int64_t now_us)
{
    ready_list *chosen = NULL;
    for (uint32_t i = 0; i < LIST_COUNT; i++) {
        ready_list *list = &l->ready[i];
        if (list_ready_at(l, i) <= now_us &&
            (!chosen || list->first->ready_number < chosen->first->ready_number)) {
            chosen = list;
        }
    }
    return chosen;
}

static xd_request *lane_next(xd_schedule *s, uint32_t lane_index, int64_t now_us)
{
    lane *l = &s->lanes[lane_index];
    release_due(s, l, now_us);
    if (!l->free_slots || xd_breaker_ready_at(&l->breaker) > now_us ||
        xd_bucket_ready_at(&l->bucket) > now_us) {
        return NULL;
    }
    ready_list *list = list_choose(l, now_us);
    if (!list) {
        return NULL;
    }
    xd_request *request = l->free_slots;
    l->free_slots = request->next_free;
    const xd_tracked *head = list->first->first;
    request->lane = lane_index;
    request->message = head->message;
    request->lookup = head->lookup;
    request->in_flight = true;
    request->count = 0;
    uint32_t most = list == &l->ready[LIST_ALONE] ? 1 : l->options.batch_max;
    while (list->first && request->count < most) {
        xd_order_key *key = list->first;
        ready_remove(l, key);
        key->place = PLACE_BUSY;
        key->first->request = request;
        request->deliveries[request->count++] = key->first;
    }
    request->open = request->count;
    xd_bucket_take(&l->bucket, now_us);
    request->probe = xd_breaker_begin(&l->breaker);
    l->stats.waiting -= request->count;
    l->stats.in_flight++;
    return request;
}

xd_request *xd_schedule_next(xd_schedule *s, int64_t now_us)
{
    for (uint32_t i = 0; i < s->lane_count; i++) {
        uint32_t lane_index = (s->turn + i) % s->lane_count;
        xd_request *request = lane_next(s, lane_index, now_us);
        if (request) {
            s->turn = (lane_index + 1) % s->lane_count;
            return request;
        }
    }
    return NULL;
}

static int64_t lane_wake_at(const lane *l)
{
    if (!l->free_slots) {
        return XD_NEVER_US;
    }
    int64_t content_us = l->heap_count ? l->heap[0]->due_us : XD_NEVER_US;
    for (uint32_t i = 0; i < LIST_COUNT; i++) {
        int64_t at_us = list_ready_at(l, i);
        content_us = at_us < content_us ? at_us : content_us;
    }
    int64_t breaker_us = xd_breaker_ready_at(&l->breaker);
    int64_t bucket_us = xd_bucket_ready_at(&l->bucket);
    int64_t gate_us = breaker_us > bucket_us ? breaker_us : bucket_us;
    return content_us > gate_us ? content_us : gate_us;
}

int64_t xd_schedule_wake_at(const xd_schedule *s)
{
    int64_t wake_us = XD_NEVER_US;
    for (uint32_t i = 0; i < s->lane_count; i++) {
        const lane *l = &s->lanes[i];
        if (l->stats.waiting) {
            int64_t at_us = lane_wake_at(l);
            wake_us = at_us < wake_us ? at_us : wake_us;
        }
    }
    return wake_us;
}

/* Removes position from what the request carries; cancels the request when nothing is left. */
static uint32_t request_drop(xd_schedule *s, xd_request *request, uint32_t position)
{
    assert(request->in_flight && position < request->count);
    lane *l = &s->lanes[request->lane];
    request->count--;
    memmove(&request->deliveries[position], &request->deliveries[position + 1],
            (request->count - position) * sizeof request->deliveries[0]);
    if (request->count == 0) {
        request->in_flight = false;
        l->stats.in_flight--;
        if (request->probe) {
            xd_breaker_cancel(&l->breaker);
        }
    }
    return request->count;
}

uint32_t xd_schedule_put_back(xd_schedule *s, int64_t now_us, xd_request *request,
                              uint32_t position, int64_t delay_us)
{
    xd_tracked *d = request->deliveries[position];
    uint32_t left = request_drop(s, request, position);
    d->put_back += d->put_back < COUNTER_MAX;
    wait_until(s, d, now_us, now_us + delay_us);
    return left;
}

uint32_t xd_schedule_refuse(xd_schedule *s, xd_request *request, uint32_t position,
                            const char *reason)
{
    xd_tracked *d = request->deliveries[position];
    uint32_t left = request_drop(s, request, position);
    settle(s, d, d->doubtful ? XD_SETTLED_UNKNOWN : XD_SETTLED_DEAD, 0, reason);
    return left;
}

/* --- answers --- */

xd_answer_kind xd_answer_of_status(int32_t status, bool lookup)
{
    if (status >= 200 && status < 300) {
        return XD_ANSWER_OK;
    }
    if (status == 408 || status == 425 || status == 429 || status >= 500) {
        return XD_ANSWER_TRANSIENT;
    }
    return lookup && status == 404 ? XD_ANSWER_ABSENT : XD_ANSWER_PERMANENT;
}

bool xd_answer_is_ambiguous(int32_t status)
{
    return status >= 500 && status != 501 && status != 503 && status != 505;
}

static void try_again(xd_schedule *s, xd_tracked *d, int64_t now_us, uint32_t tries,
                      const xd_answer *answer)
{
    lane *l = &s->lanes[d->lane];
    int64_t delay_us =
        xd_backoff_us(&s->random, tries, l->options.backoff_ms, l->options.backoff_max_ms);
    int64_t asked_us = answer->retry_after_us;
    if (asked_us > (int64_t)RETRY_AFTER_MAX_S * 1000000) {
        asked_us = (int64_t)RETRY_AFTER_MAX_S * 1000000;
    }
    l->stats.retried++;
    if (XD_PLANTED(lose_retry) && tries == 2) {
        now_us = XD_NEVER_US / 2;
    }
    if (XD_PLANTED(ignore_retry_after)) {
        asked_us = 0;
    }
    wait_until(s, d, now_us, now_us + (asked_us > delay_us ? asked_us : delay_us));
}

static void give_up(xd_schedule *s, xd_tracked *d, const xd_answer *answer)
{
    settle(s, d, d->doubtful ? XD_SETTLED_UNKNOWN : XD_SETTLED_DEAD, answer->status,
           answer->reason);
}

static void answered_lookup(xd_schedule *s, xd_tracked *d, int64_t now_us, const xd_answer *answer)
{
    uint32_t attempts_max = s->lanes[d->lane].options.attempts;
    if (answer->kind == XD_ANSWER_OK) {
        settle(s, d, XD_SETTLED_OK, answer->status, "");
        return;
    }
    if (answer->kind == XD_ANSWER_ABSENT) {
        d->doubtful = false;
        d->lookup = false;
        if (d->attempts >= attempts_max) {
            settle(s, d, XD_SETTLED_DEAD, answer->status,
                   "attempts exhausted; the look-up says the remote does not have it");
        } else {
            wait_until(s, d, now_us, now_us);
        }
        return;
    }
    d->lookups += d->lookups < COUNTER_MAX;
    if (d->lookups >= attempts_max) {
        give_up(s, d, answer);
    } else {
        try_again(s, d, now_us, d->lookups, answer);
    }
}

static void answered_send(xd_schedule *s, xd_tracked *d, int64_t now_us, bool probe, bool batch,
                          const xd_answer *answer)
{
    const xd_lane_options *options = &s->lanes[d->lane].options;
    bool counted = !(probe && answer->kind == XD_ANSWER_UNSENT);
    d->attempts += counted && d->attempts < COUNTER_MAX;
    xd_answer_kind kind = answer->kind;
    if (kind == XD_ANSWER_TRANSIENT && xd_answer_is_ambiguous(answer->status) &&
        (options->lookup || !options->unknown_retry)) {
        kind = XD_ANSWER_UNKNOWN;
    }
    if (kind == XD_ANSWER_UNKNOWN && XD_PLANTED(timeout_is_success)) {
        kind = XD_ANSWER_OK;
    }
    switch (kind) {
    case XD_ANSWER_OK:
        settle(s, d, XD_SETTLED_OK, answer->status, "");
        return;
    case XD_ANSWER_PERMANENT:
    case XD_ANSWER_ABSENT:
        if (batch) {
            d->alone = true; /* one bad message must not refuse its neighbours */
            wait_until(s, d, now_us, now_us);
            return;
        }
        d->doubtful = false;
        settle(s, d, XD_SETTLED_DEAD, answer->status, answer->reason);
        return;
    case XD_ANSWER_UNKNOWN:
        d->doubtful = true;
        d->lookup = options->lookup && !XD_PLANTED(double_post_after_timeout);
        if (XD_PLANTED(double_post_after_timeout)) {
            break;
        }
        if (!options->lookup && !options->unknown_retry) {
            give_up(s, d, answer);
            return;
        }
        break;
    case XD_ANSWER_TRANSIENT:
    case XD_ANSWER_UNSENT:
        break;
    }
    if (!d->lookup && d->attempts >= options->attempts) {
        give_up(s, d, answer);
        return;
    }
    try_again(s, d, now_us, d->attempts ? d->attempts : 1, answer);
}

void xd_schedule_answered(xd_schedule *s, int64_t now_us, xd_request *request,
                          const xd_answer *answer)
{
    assert(request->in_flight && request->count > 0);
    lane *l = &s->lanes[request->lane];
    request->in_flight = false;
    l->stats.in_flight--;
    l->stats.requests++;
    l->stats.lookups += request->lookup;
    bool alive = answer->kind == XD_ANSWER_OK || answer->kind == XD_ANSWER_PERMANENT ||
                 answer->kind == XD_ANSWER_ABSENT;
    if (alive) {
        xd_breaker_succeeded(&l->breaker, request->probe);
    } else if (!answer->beside) {
        xd_breaker_failed(&l->breaker, request->probe, now_us);
    } else if (request->probe) {
        xd_breaker_cancel(&l->breaker);
    }
    /* The last delivery that leaves frees the slot, so the loop must not look at it afterwards. */
    uint32_t count = request->count;
    bool probe = request->probe;
    bool lookup = request->lookup;
    for (uint32_t i = 0; i < count; i++) {
        xd_tracked *d = request->deliveries[i];
        if (lookup) {
            answered_lookup(s, d, now_us, answer);
        } else {
            answered_send(s, d, now_us, probe, count > 1, answer);
        }
    }
}

void xd_schedule_recorded(xd_schedule *s, int64_t now_us, xd_tracked *d)
{
    assert(d->settled);
    s->lanes[d->lane].stats.unrecorded--;
    if (d->request) {
        request_leave(s, d);
    }
    xd_order_key *key = d->key;
    if (d->blocked && --d->blocked->blocks == 0 && d->blocked->place == PLACE_BLOCKED) {
        ready_push(s, d->blocked, now_us);
    }
    if (key) { /* absent when superseded */
        assert(key->first == d && key->place == PLACE_BUSY);
        key->first = d->next;
        if (key->first) {
            ready_push(s, key, now_us);
        } else {
            key_destroy(s, key);
        }
    }
    tracked_unlink(s, d);
    s->port.forget(s->port.self, d);
    free(d);
}

xd_breaker_state xd_schedule_breaker(const xd_schedule *s, uint32_t lane_index)
{
    return s->lanes[lane_index].breaker.state;
}

void xd_schedule_stats(const xd_schedule *s, uint32_t lane_index, xd_lane_stats *ret)
{
    const lane *l = &s->lanes[lane_index];
    *ret = l->stats;
    ret->breaker = l->breaker.state;
    ret->breaker_opened = l->breaker.opened;
    ret->oldest = l->oldest ? l->oldest->since : INT64_MAX;
}
