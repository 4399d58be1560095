/* The book of arrivals: a hash table by party and key, and a list in order. See book.h. */
#include "sim/book.h"

#include "base/random.h"

#include <errno.h>
#include <stdlib.h>

enum { BUCKETS_FIRST = 1024 };
#define ARENA_CAP ((size_t)8 << 30)

const char *xd_party_name(xd_party party)
{
    static const char *const names[] = {"erp", "procurement", "finance", "wms"};
    return names[party];
}

xd_status xd_book_init(xd_book *book, const char *path, xd_fault *fault)
{
    *book = (xd_book){.bucket_count = BUCKETS_FIRST};
    pthread_mutex_init(&book->lock, NULL);
    xd_arena_init(&book->arena, ARENA_CAP);
    book->buckets = calloc(book->bucket_count, sizeof *book->buckets);
    if (!book->buckets) {
        return xd_fail(fault, XD_NO_MEMORY, "book.memory", "no memory for the book of arrivals");
    }
    if (path && !(book->ledger = fopen(path, "a"))) {
        return xd_fail(fault, XD_IO, "book.ledger", "cannot open ledger %s: %s", path,
                       strerror(errno));
    }
    return XD_OK;
}

void xd_book_finish(xd_book *book)
{
    if (book->ledger) {
        fclose(book->ledger);
    }
    free(book->buckets);
    free(book->arrivals);
    free(book->entries);
    xd_arena_finish(&book->arena);
    pthread_mutex_destroy(&book->lock);
}

static uint64_t hash_of(xd_party party, xd_str key)
{
    return xd_hash64(key, (uint64_t)party + 1);
}

static bool grow_buckets(xd_book *book)
{
    size_t count = book->bucket_count * 2;
    xd_arrival **buckets = calloc(count, sizeof *buckets);
    if (!buckets) {
        return false;
    }
    for (size_t i = 0; i < book->bucket_count; i++) {
        for (xd_arrival *a = book->buckets[i], *next; a; a = next) {
            xd_arrival **slot = &buckets[hash_of(a->party, a->key) & (count - 1)];
            next = a->same_hash;
            a->same_hash = *slot;
            *slot = a;
        }
    }
    free(book->buckets);
    book->buckets = buckets;
    book->bucket_count = count;
    return true;
}

static xd_arrival *find(const xd_book *book, xd_party party, xd_str key)
{
    xd_arrival *a = book->buckets[hash_of(party, key) & (book->bucket_count - 1)];
    while (a && (a->party != party || !xd_str_eq(a->key, key))) {
        a = a->same_hash;
    }
    return a;
}

/* The arrival of this key, made when there is none; NULL without memory. */
static xd_arrival *find_or_add(xd_book *book, xd_party party, xd_str key)
{
    xd_arrival *a = find(book, party, key);
    if (a || (book->key_count >= book->bucket_count && !grow_buckets(book))) {
        return a;
    }
    a = xd_arena_zalloc(&book->arena, sizeof *a);
    xd_str copy = xd_arena_copy(&book->arena, key);
    if (!a || !copy.ptr) {
        return NULL;
    }
    xd_arrival **slot = &book->buckets[hash_of(party, key) & (book->bucket_count - 1)];
    *a = (xd_arrival){.key = copy, .party = party, .same_hash = *slot};
    *slot = a;
    book->key_count++;
    return a;
}

/* One line per arrival, the first and the further ones. */
static xd_status write_ledger(xd_book *book, const xd_arrival *a, uint32_t order, uint32_t repeats,
                              xd_fault *fault)
{
    if (!book->ledger) {
        return XD_OK;
    }
    char digest[XD_SHA256_HEX + 1];
    xd_buf line;
    xd_hex(a->digest, sizeof a->digest, digest);
    xd_buf_init(&line, 1 << 16);
    xd_buf_printf(&line, "{\"order\":%u,\"system\":\"%s\",\"key\":", order,
                  xd_party_name(a->party));
    xd_json_write_string(&line, a->key);
    XD_BUF_LIT(&line, ",\"path\":");
    xd_json_write_string(&line, a->path);
    xd_buf_printf(&line, ",\"digest\":\"%s\",\"repeats\":%u}\n", digest, repeats);
    bool written = !line.failed && fwrite(line.ptr, 1, line.len, book->ledger) == line.len &&
                   fflush(book->ledger) == 0;
    xd_buf_finish(&line);
    return written ? XD_OK
                   : xd_fail(fault, XD_IO, "book.ledger", "the ledger cannot be written: %s",
                             strerror(errno));
}

static bool reserve(xd_book *book)
{
    if (book->arrival_count < book->arrival_size) {
        return true;
    }
    size_t size = book->arrival_size ? book->arrival_size * 2 : 1024;
    xd_arrival **grown = realloc(book->arrivals, size * sizeof *grown);
    if (!grown) {
        return false;
    }
    book->arrivals = grown;
    book->arrival_size = size;
    return true;
}

static xd_status take_first(xd_book *book, xd_arrival *a, xd_str path, const xd_json *body,
                            const uint8_t *digest, xd_fault *fault)
{
    memcpy(a->digest, digest, sizeof a->digest);
    a->path = xd_arena_copy(&book->arena, path);
    if (!a->path.ptr || !reserve(book)) {
        return xd_fail(fault, XD_NO_MEMORY, "book.memory", "no memory for an arrival");
    }
    XD_TRY(write_ledger(book, a, (uint32_t)book->arrival_count + 1, 0, fault));
    if (xd_book_read(book, a, body) != XD_OK) {
        return xd_fail(fault, XD_NO_MEMORY, "book.memory", "no memory for an arrival");
    }
    a->taken = true;
    book->arrivals[book->arrival_count++] = a;
    a->order = (uint32_t)book->arrival_count;
    book->tally[a->party].taken++;
    return XD_OK;
}

static xd_status take_again(xd_book *book, xd_arrival *a, const uint8_t *digest, xd_fault *fault)
{
    a->repeats++;
    book->tally[a->party].repeats++;
    book->conflicting += memcmp(a->digest, digest, sizeof a->digest) != 0;
    return write_ledger(book, a, a->order, a->repeats, fault);
}

xd_status xd_book_take(xd_book *book, xd_party party, xd_str key, xd_str path, const xd_json *body,
                       xd_str text, xd_fault *fault)
{
    uint8_t digest[XD_SHA256_BYTES];
    xd_sha256_of(text, digest);
    pthread_mutex_lock(&book->lock);
    xd_arrival *a = find_or_add(book, party, key);
    xd_status status;
    if (!a) {
        status = xd_fail(fault, XD_NO_MEMORY, "book.memory", "no memory for an arrival");
    } else if (a->taken) {
        status = take_again(book, a, digest, fault);
    } else {
        status = take_first(book, a, path, body, digest, fault);
    }
    pthread_mutex_unlock(&book->lock);
    return status;
}

bool xd_book_has(xd_book *book, xd_party party, xd_str key)
{
    pthread_mutex_lock(&book->lock);
    const xd_arrival *a = find(book, party, key);
    bool has = a && a->taken;
    pthread_mutex_unlock(&book->lock);
    return has;
}

uint32_t xd_book_draw(xd_book *book, xd_party party, xd_str key, uint64_t seed,
                      uint32_t most_faults, uint32_t limit)
{
    pthread_mutex_lock(&book->lock);
    const xd_arrival *a = find(book, party, key);
    uint32_t faults = a ? a->faults : 0;
    pthread_mutex_unlock(&book->lock);
    if (faults >= most_faults) {
        return limit;
    }
    xd_random random = {seed ^ hash_of(party, key)};
    uint32_t draw = 0;
    for (uint32_t i = 0; i <= faults; i++) {
        draw = (uint32_t)xd_random_below(&random, limit);
    }
    return draw;
}

void xd_book_fault(xd_book *book, xd_party party, xd_str key)
{
    pthread_mutex_lock(&book->lock);
    xd_arrival *a = find_or_add(book, party, key);
    if (a) {
        a->faults++;
    }
    pthread_mutex_unlock(&book->lock);
}

void xd_book_batch(xd_book *book, uint32_t count)
{
    pthread_mutex_lock(&book->lock);
    book->largest_batch = count > book->largest_batch ? count : book->largest_batch;
    pthread_mutex_unlock(&book->lock);
}

uint64_t xd_book_activity(xd_book *book)
{
    uint64_t sum = 0;
    pthread_mutex_lock(&book->lock);
    for (uint32_t i = 0; i < XD_PARTY_COUNT; i++) {
        sum += book->tally[i].taken + book->tally[i].repeats;
    }
    pthread_mutex_unlock(&book->lock);
    return sum;
}
