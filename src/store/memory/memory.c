/* The memory store: the reference the SQLite driver is compared with, and the store of replay and
 * simulation. Everything but the log lives in one ordered map (a skip list) under (table, key);
 * a transaction keeps the values it replaced and puts them back on rollback. Owns all it holds.
 * May call base only. */
#include "base/hash.h"
#include "port/store.h"

#include <assert.h>
#include <stdlib.h>

enum {
    MAGIC = 0x4d454d53,
    LEVELS = 20,
    /* Tables of the map. State kinds are their own numbers, so that their order is the port's. */
    TABLE_NUMBERED = 100, /* + xd_numbered; key is the number as 8 big-endian bytes */
    TABLE_META = 200,
    TABLE_ANSWER = 201,   /* key is consumer, NUL, key; value is an answer_head and its texts */
    TABLE_IDENTITY = 202, /* key is source, NUL, id; value is the seq */
    TABLE_RAW = 203       /* key is the hash; value is media, NUL, bytes */
};

typedef struct node {
    uint32_t table;
    uint32_t height;
    bool doomed;  /* being unlinked */
    xd_str key;   /* owns; stored behind next */
    xd_str value; /* owns; ptr NULL: absent, to be unlinked when the transaction ends */
    struct node *next[];
} node;

typedef struct undo {
    node *node;
    xd_str value; /* owns what the transaction replaced; ptr NULL: was absent */
} undo;

typedef struct answer_head {
    xd_instant at;
    size_t hash_len;
} answer_head;

typedef struct memory_store {
    xd_store base;
    uint32_t magic;
    bool open; /* a transaction is */
    node *head;
    xd_log_row **log; /* log[seq - 1]; each row and its texts are one block */
    size_t log_count;
    size_t log_size;
    size_t log_committed;
    undo *undos;
    size_t undo_count;
    size_t undo_size;
} memory_store;

static memory_store *self_of(xd_store *store)
{
    memory_store *self = (memory_store *)store;
    assert(self->magic == MAGIC);
    return self;
}

static xd_status no_memory(xd_fault *fault)
{
    return xd_fail(fault, XD_NO_MEMORY, "store.memory",
                   "the system has no memory left for the in-memory store");
}

/* --- the ordered map --- */

static int compare(const node *n, uint32_t table, xd_str key)
{
    if (n->table != table) {
        return n->table < table ? -1 : 1;
    }
    return xd_str_cmp(n->key, key);
}

/* First node not before (table, key); before[] gets the last node ahead of it on each level. */
static node *seek(const memory_store *self, uint32_t table, xd_str key, node *before[LEVELS])
{
    node *at = self->head;
    for (int level = LEVELS - 1; level >= 0; level--) {
        while (at->next[level] && compare(at->next[level], table, key) < 0) {
            at = at->next[level];
        }
        if (before) {
            before[level] = at;
        }
    }
    return at->next[0];
}

static node *find(const memory_store *self, uint32_t table, xd_str key)
{
    node *n = seek(self, table, key, NULL);
    return n && compare(n, table, key) == 0 ? n : NULL;
}

static node *node_create(uint32_t table, xd_str key, uint32_t height)
{
    node *n = malloc(sizeof *n + height * sizeof n->next[0] + key.len + 1);
    if (!n) {
        return NULL;
    }
    char *text = (char *)&n->next[height];
    if (key.len) {
        memcpy(text, key.ptr, key.len);
    }
    *n = (node){.table = table, .height = height, .key = {text, key.len}};
    memset(n->next, 0, height * sizeof n->next[0]);
    return n;
}

/* The height comes from a hash of the key: the same content gives the same list, on every run. */
static uint32_t height_of(uint32_t table, xd_str key)
{
    uint64_t hash = xd_hash64(key, table);
    uint32_t height = 1;
    while (height < LEVELS && (hash & 3) == 0) {
        height++;
        hash >>= 2;
    }
    return height;
}

static node *find_or_insert(memory_store *self, uint32_t table, xd_str key)
{
    node *before[LEVELS];
    node *n = seek(self, table, key, before);
    if (n && compare(n, table, key) == 0) {
        return n;
    }
    n = node_create(table, key, height_of(table, key));
    if (!n) {
        return NULL;
    }
    for (uint32_t level = 0; level < n->height; level++) {
        n->next[level] = before[level]->next[level];
        before[level]->next[level] = n;
    }
    return n;
}

static void unlink_node(memory_store *self, node *gone)
{
    node *before[LEVELS];
    seek(self, gone->table, gone->key, before);
    for (uint32_t level = 0; level < gone->height; level++) {
        if (before[level]->next[level] == gone) {
            before[level]->next[level] = gone->next[level];
        }
    }
    free(gone);
}

static char *copy_bytes(xd_str s)
{
    char *p = malloc(s.len + 1);
    if (p && s.len) {
        memcpy(p, s.ptr, s.len);
    }
    return p;
}

/* value is owned by the map from here on, also on failure; ptr NULL deletes. */
static xd_status map_put(memory_store *self, uint32_t table, xd_str key, xd_str value,
                         xd_fault *fault)
{
    assert(self->open);
    if (self->undo_count == self->undo_size) {
        size_t size = self->undo_size ? self->undo_size * 2 : 64;
        undo *grown = realloc(self->undos, size * sizeof *grown);
        if (!grown) {
            free((char *)value.ptr);
            return no_memory(fault);
        }
        self->undos = grown;
        self->undo_size = size;
    }
    node *n = value.ptr ? find_or_insert(self, table, key) : find(self, table, key);
    if (!n) {
        free((char *)value.ptr);
        return value.ptr ? no_memory(fault) : XD_OK;
    }
    self->undos[self->undo_count++] = (undo){n, n->value};
    n->value = value;
    return XD_OK;
}

static xd_status map_put_copy(memory_store *self, uint32_t table, xd_str key, xd_str value,
                              xd_fault *fault)
{
    xd_str copy = {copy_bytes(value), value.len};
    return copy.ptr ? map_put(self, table, key, copy, fault) : no_memory(fault);
}

static xd_str map_get(const memory_store *self, uint32_t table, xd_str key)
{
    node *n = find(self, table, key);
    return n ? n->value : XD_STR_NULL;
}

static xd_status copy_out(xd_arena *arena, xd_str value, xd_str *ret_value, xd_fault *fault)
{
    if (value.ptr) {
        value = xd_arena_copy(arena, value);
        if (!value.ptr) {
            return no_memory(fault);
        }
    }
    *ret_value = value;
    return XD_OK;
}

/* --- transactions --- */

static xd_status memory_begin(xd_store *store, xd_fault *fault)
{
    (void)fault;
    memory_store *self = self_of(store);
    assert(!self->open);
    self->open = true;
    return XD_OK;
}

/* Unlinks what ended up absent. A node may stand in the list of undos more than once; only its
 * first mention frees it. */
static void drop_absent(memory_store *self)
{
    for (size_t i = 0; i < self->undo_count; i++) {
        node *n = self->undos[i].node;
        if (n->value.ptr || n->doomed) {
            self->undos[i].node = NULL;
        } else {
            n->doomed = true;
        }
    }
    for (size_t i = 0; i < self->undo_count; i++) {
        if (self->undos[i].node) {
            unlink_node(self, self->undos[i].node);
        }
    }
    self->undo_count = 0;
}

static xd_status memory_commit(xd_store *store, xd_fault *fault)
{
    (void)fault;
    memory_store *self = self_of(store);
    assert(self->open);
    for (size_t i = 0; i < self->undo_count; i++) {
        free((char *)self->undos[i].value.ptr);
    }
    drop_absent(self);
    self->log_committed = self->log_count;
    self->open = false;
    return XD_OK;
}

static void memory_rollback(xd_store *store)
{
    memory_store *self = self_of(store);
    if (!self->open) {
        return;
    }
    for (size_t i = self->undo_count; i > 0; i--) {
        undo *u = &self->undos[i - 1];
        free((char *)u->node->value.ptr);
        u->node->value = u->value;
    }
    drop_absent(self);
    while (self->log_count > self->log_committed) {
        free(self->log[--self->log_count]);
    }
    self->open = false;
}

static void memory_destroy(xd_store *store)
{
    memory_store *self = self_of(store);
    memory_rollback(store);
    for (node *n = self->head; n;) {
        node *next = n->next[0];
        free((char *)n->value.ptr);
        free(n);
        n = next;
    }
    for (size_t i = 0; i < self->log_count; i++) {
        free(self->log[i]);
    }
    free(self->log);
    free(self->undos);
    free(self);
}

/* --- the log --- */

/* a, NUL, b as one key; freed by the caller. */
static xd_str pair_key(xd_str a, xd_str b)
{
    char *p = malloc(a.len + b.len + 1);
    if (p) {
        memcpy(p, a.ptr ? a.ptr : "", a.len);
        p[a.len] = '\0';
        memcpy(p + a.len + 1, b.ptr ? b.ptr : "", b.len);
    }
    return (xd_str){p, a.len + b.len + 1};
}

static xd_str place(char **cursor, xd_str s)
{
    char *p = *cursor;
    if (s.len) {
        memcpy(p, s.ptr, s.len);
    }
    *cursor += s.len;
    return (xd_str){p, s.len};
}

static size_t text_bytes(const xd_log_row *row)
{
    return row->source.len + row->id.len + row->key.len + row->order_key.len + row->actor.len +
           row->trace.len + row->body.len + row->map.len + row->raw.len;
}

/* Copies row and its texts to a block of sizeof row + text_bytes(row). */
static void row_copy(xd_log_row *to, const xd_log_row *row)
{
    char *cursor = (char *)(to + 1);
    *to = *row;
    to->source = place(&cursor, row->source);
    to->id = place(&cursor, row->id);
    to->key = place(&cursor, row->key);
    to->order_key = place(&cursor, row->order_key);
    to->actor = place(&cursor, row->actor);
    to->trace = place(&cursor, row->trace);
    to->body = place(&cursor, row->body);
    to->map = place(&cursor, row->map);
    to->raw = place(&cursor, row->raw);
}

static xd_status log_push(memory_store *self, const xd_log_row *row, xd_fault *fault)
{
    if (self->log_count == self->log_size) {
        size_t size = self->log_size ? self->log_size * 2 : 256;
        xd_log_row **grown = realloc(self->log, size * sizeof(xd_log_row *));
        if (!grown) {
            return no_memory(fault);
        }
        self->log = grown;
        self->log_size = size;
    }
    xd_log_row *copy = malloc(sizeof *copy + text_bytes(row));
    if (!copy) {
        return no_memory(fault);
    }
    row_copy(copy, row);
    self->log[self->log_count++] = copy;
    return XD_OK;
}

static xd_status memory_log_append(xd_store *store, const xd_log_row *row, xd_fault *fault)
{
    memory_store *self = self_of(store);
    assert(self->open);
    assert(row->seq == (int64_t)self->log_count + 1);
    return log_push(self, row, fault);
}

static xd_status memory_raw_put(xd_store *store, xd_str hash, xd_str media, xd_str bytes,
                                xd_fault *fault)
{
    memory_store *self = self_of(store);
    if (map_get(self, TABLE_RAW, hash).ptr) {
        return XD_OK;
    }
    xd_str pair = pair_key(media, bytes);
    return pair.ptr ? map_put(self, TABLE_RAW, hash, pair, fault) : no_memory(fault);
}

static xd_status memory_raw_get(xd_store *store, xd_str hash, xd_arena *arena, xd_str *ret_media,
                                xd_str *ret_bytes, xd_fault *fault)
{
    xd_str pair = XD_STR_NULL;
    XD_TRY(copy_out(arena, map_get(self_of(store), TABLE_RAW, hash), &pair, fault));
    if (!pair.ptr) {
        *ret_bytes = XD_STR_NULL;
        return XD_OK;
    }
    size_t media = strlen(pair.ptr);
    *ret_media = (xd_str){pair.ptr, media};
    *ret_bytes = (xd_str){pair.ptr + media + 1, pair.len - media - 1};
    return XD_OK;
}

/* The register keeps what finds an event; the rest of its line is in the log of the same store. */
static xd_status memory_event_put(xd_store *store, const xd_log_row *row, xd_fault *fault)
{
    memory_store *self = self_of(store);
    xd_str identity = pair_key(row->source, row->id);
    if (!identity.ptr) {
        return no_memory(fault);
    }
    xd_str seq = {(const char *)&row->seq, sizeof row->seq};
    xd_status status = map_get(self, TABLE_IDENTITY, identity).ptr
                           ? XD_OK
                           : map_put_copy(self, TABLE_IDENTITY, identity, seq, fault);
    free((char *)identity.ptr);
    return status;
}

static xd_status memory_event_find(xd_store *store, xd_str source, xd_str id, int64_t *ret_seq,
                                   xd_fault *fault)
{
    xd_str identity = pair_key(source, id);
    if (!identity.ptr) {
        return no_memory(fault);
    }
    xd_str found = map_get(self_of(store), TABLE_IDENTITY, identity);
    int64_t seq = 0;
    if (found.ptr) {
        memcpy(&seq, found.ptr, sizeof seq);
    }
    *ret_seq = seq;
    free((char *)identity.ptr);
    return XD_OK;
}

static xd_status memory_log_get(xd_store *store, int64_t seq, xd_arena *arena, xd_log_row *ret_row,
                                xd_fault *fault)
{
    memory_store *self = self_of(store);
    if (seq < 1 || seq > (int64_t)self->log_count) {
        return xd_fail(fault, XD_NOT_FOUND, "log.seq", "the log holds no event %lld",
                       (long long)seq);
    }
    const xd_log_row *row = self->log[seq - 1];
    xd_log_row *copy = xd_arena_alloc(arena, sizeof *copy + text_bytes(row));
    if (!copy) {
        return no_memory(fault);
    }
    row_copy(copy, row);
    *ret_row = *copy;
    return XD_OK;
}

static xd_status memory_log_each(xd_store *store, int64_t after, int64_t limit, xd_log_visit visit,
                                 void *context, xd_fault *fault)
{
    (void)fault;
    memory_store *self = self_of(store);
    for (int64_t i = after < 0 ? 0 : after; i < (int64_t)self->log_count && limit > 0; i++) {
        XD_TRY(visit(context, self->log[i]));
        limit--;
    }
    return XD_OK;
}

static xd_status memory_log_head(xd_store *store, int64_t *ret_seq, xd_fault *fault)
{
    (void)fault;
    *ret_seq = (int64_t)self_of(store)->log_count;
    return XD_OK;
}

/* --- state and numbered documents --- */

static xd_status memory_state_get(xd_store *store, xd_state_kind kind, xd_str key, xd_arena *arena,
                                  xd_str *ret_value, xd_fault *fault)
{
    return copy_out(arena, map_get(self_of(store), kind, key), ret_value, fault);
}

static xd_status memory_state_put(xd_store *store, xd_state_kind kind, xd_str key, xd_str value,
                                  xd_fault *fault)
{
    memory_store *self = self_of(store);
    return value.ptr ? map_put_copy(self, kind, key, value, fault)
                     : map_put(self, kind, key, XD_STR_NULL, fault);
}

static xd_status memory_state_each(xd_store *store, xd_state_kind only_kind, xd_state_visit visit,
                                   void *context, xd_fault *fault)
{
    (void)fault;
    memory_store *self = self_of(store);
    uint32_t from = only_kind == XD_STATE_NONE ? 1 : only_kind;
    uint32_t to = only_kind == XD_STATE_NONE ? XD_STATE_LIMIT : only_kind + 1;
    node *n = seek(self, from, XD_STR_NULL, NULL);
    for (; n && n->table < to; n = n->next[0]) {
        if (n->value.ptr) {
            XD_TRY(visit(context, (xd_state_kind)n->table, n->key, n->value));
        }
    }
    return XD_OK;
}

typedef struct number_key {
    char bytes[8];
} number_key;

/* Big-endian, so that byte order is number order. */
static xd_str number_text(int64_t number, number_key *key)
{
    assert(number >= 0);
    for (int i = 0; i < 8; i++) {
        key->bytes[i] = (char)(unsigned char)((uint64_t)number >> (56 - 8 * i));
    }
    return (xd_str){key->bytes, sizeof key->bytes};
}

static int64_t number_of(xd_str key)
{
    uint64_t number = 0;
    for (size_t i = 0; i < key.len; i++) {
        number = number << 8 | (unsigned char)key.ptr[i];
    }
    return (int64_t)number;
}

static xd_status memory_numbered_put(xd_store *store, xd_numbered table, int64_t number,
                                     xd_str value, xd_fault *fault)
{
    memory_store *self = self_of(store);
    number_key key;
    xd_str text = number_text(number, &key);
    if (table != XD_NUMBERED_EFFECT && map_get(self, TABLE_NUMBERED + table, text).ptr) {
        return xd_fail(fault, XD_CONFLICT, "store.append_only",
                       "journal entry %lld is already in the store and may not be replaced",
                       (long long)number);
    }
    return map_put_copy(self, TABLE_NUMBERED + table, text, value, fault);
}

static xd_status memory_numbered_get(xd_store *store, xd_numbered table, int64_t number,
                                     xd_arena *arena, xd_str *ret_value, xd_fault *fault)
{
    number_key key;
    xd_str value = map_get(self_of(store), TABLE_NUMBERED + table, number_text(number, &key));
    return copy_out(arena, value, ret_value, fault);
}

static xd_status memory_numbered_each(xd_store *store, xd_numbered table, int64_t after,
                                      int64_t limit, xd_numbered_visit visit, void *context,
                                      xd_fault *fault)
{
    (void)fault;
    memory_store *self = self_of(store);
    number_key key;
    xd_str from = number_text(after < 0 ? 0 : after + 1, &key);
    node *n = seek(self, TABLE_NUMBERED + table, from, NULL);
    for (; n && n->table == (uint32_t)(TABLE_NUMBERED + table) && limit > 0; n = n->next[0]) {
        if (n->value.ptr) {
            XD_TRY(visit(context, number_of(n->key), n->value));
            limit--;
        }
    }
    return XD_OK;
}

/* --- meta values and kept answers --- */

static xd_status memory_meta_get(xd_store *store, xd_str name, int64_t *ret_value, xd_fault *fault)
{
    (void)fault;
    xd_str value = map_get(self_of(store), TABLE_META, name);
    *ret_value = 0;
    if (value.ptr) {
        memcpy(ret_value, value.ptr, sizeof *ret_value);
    }
    return XD_OK;
}

static xd_status memory_meta_put(xd_store *store, xd_str name, int64_t value, xd_fault *fault)
{
    xd_str bytes = {(const char *)&value, sizeof value};
    return map_put_copy(self_of(store), TABLE_META, name, bytes, fault);
}

static xd_status memory_answer_get(xd_store *store, xd_str consumer, xd_str key, xd_arena *arena,
                                   xd_str *ret_payload_hash, xd_str *ret_answer, xd_fault *fault)
{
    xd_str name = pair_key(consumer, key);
    if (!name.ptr) {
        return no_memory(fault);
    }
    xd_str value = map_get(self_of(store), TABLE_ANSWER, name);
    free((char *)name.ptr);
    if (!value.ptr) {
        *ret_payload_hash = XD_STR_NULL;
        *ret_answer = XD_STR_NULL;
        return XD_OK;
    }
    answer_head head;
    memcpy(&head, value.ptr, sizeof head);
    xd_str copy = XD_STR_NULL;
    XD_TRY(
        copy_out(arena, (xd_str){value.ptr + sizeof head, value.len - sizeof head}, &copy, fault));
    *ret_payload_hash = (xd_str){copy.ptr, head.hash_len};
    *ret_answer = (xd_str){copy.ptr + head.hash_len, copy.len - head.hash_len};
    return XD_OK;
}

static xd_status memory_answer_put(xd_store *store, xd_str consumer, xd_str key,
                                   xd_str payload_hash, xd_str answer, xd_instant at,
                                   xd_fault *fault)
{
    xd_str name = pair_key(consumer, key);
    answer_head head = {at, payload_hash.len};
    char *value = malloc(sizeof head + payload_hash.len + answer.len);
    if (!name.ptr || !value) {
        free((char *)name.ptr);
        free(value);
        return no_memory(fault);
    }
    memcpy(value, &head, sizeof head);
    char *cursor = value + sizeof head;
    place(&cursor, payload_hash);
    place(&cursor, answer);
    xd_status status = map_put(self_of(store), TABLE_ANSWER, name,
                               (xd_str){value, (size_t)(cursor - value)}, fault);
    free((char *)name.ptr);
    return status;
}

static xd_status memory_answer_purge(xd_store *store, xd_instant before, xd_fault *fault)
{
    memory_store *self = self_of(store);
    node *n = seek(self, TABLE_ANSWER, XD_STR_NULL, NULL);
    for (; n && n->table == TABLE_ANSWER; n = n->next[0]) {
        answer_head head = {before, 0};
        if (n->value.ptr) {
            memcpy(&head, n->value.ptr, sizeof head);
        }
        if (head.at < before) {
            XD_TRY(map_put(self, TABLE_ANSWER, n->key, XD_STR_NULL, fault));
        }
    }
    return XD_OK;
}

/* Nothing to hold: reads cost no lock. */
static void memory_hold(xd_store *store)
{
    (void)store;
}

static const xd_store_ops OPS = {
    .destroy = memory_destroy,
    .begin = memory_begin,
    .commit = memory_commit,
    .rollback = memory_rollback,
    .hold = memory_hold,
    .let_go = memory_hold,
    .log_append = memory_log_append,
    .raw_put = memory_raw_put,
    .raw_get = memory_raw_get,
    .log_get = memory_log_get,
    .log_each = memory_log_each,
    .log_head = memory_log_head,
    .event_put = memory_event_put,
    .event_find = memory_event_find,
    .state_get = memory_state_get,
    .state_put = memory_state_put,
    .state_each = memory_state_each,
    .numbered_put = memory_numbered_put,
    .numbered_get = memory_numbered_get,
    .numbered_each = memory_numbered_each,
    .meta_get = memory_meta_get,
    .meta_put = memory_meta_put,
    .answer_get = memory_answer_get,
    .answer_put = memory_answer_put,
    .answer_purge = memory_answer_purge,
};

xd_store *xd_store_memory_create(void)
{
    memory_store *self = calloc(1, sizeof *self);
    node *head = node_create(0, XD_STR_NULL, LEVELS);
    if (!self || !head) {
        free(self);
        free(head);
        return NULL;
    }
    *self = (memory_store){.base = {&OPS}, .magic = MAGIC, .head = head};
    return &self->base;
}
