/* The content of a database. See content.h. */
#include "app/content.h"

#include "base/hash.h"
#include "engine/replay.h"
#include "ledger/journal.h"

#include <stdio.h>

enum { PROGRESS_EVERY = 10000, RAW_CAP = 1 << 30 };

typedef struct reading {
    xd_content *content;
    xd_sha256 *sha;
    xd_damage_visit visit;
    xd_store_progress progress;
    void *context;
    xd_instant last_at;
    int64_t head;
    int64_t state_seq;
    xd_store *store; /* while the log is read */
    xd_fault *fault;
    char raw_checked[XD_SHA256_HEX]; /* hash of the bytes looked at last */
} reading;

static void tell(const reading *r, const char *where, const char *what)
{
    xd_damage damage = {.page = 0};
    snprintf(damage.where, sizeof damage.where, "%s", where);
    snprintf(damage.what, sizeof damage.what, "%s", what);
    r->visit(r->context, &damage);
}

/* --- the log --- */

/* Lengths go in before bytes, so that no two sequences of texts hash alike. */
static void hash_text(xd_sha256 *sha, xd_str text)
{
    uint64_t len = text.len;
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++) {
        bytes[i] = (unsigned char)(len >> (8 * i));
    }
    xd_sha256_update(sha, (xd_str){(const char *)bytes, sizeof bytes});
    xd_sha256_update(sha, text);
}

static void hash_row(xd_sha256 *sha, const xd_log_row *row)
{
    char numbers[128];
    int n = snprintf(numbers, sizeof numbers, "%lld %lld %d %lld", (long long)row->seq,
                     (long long)row->recorded_at, (int)row->kind, (long long)row->time);
    hash_text(sha, (xd_str){numbers, (size_t)n});
    const xd_str texts[] = {row->source, row->id,    row->key, row->order_key,
                            row->actor,  row->trace, row->body};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        hash_text(sha, texts[i]);
    }
    if (row->map.len || row->raw.len) { /* without them the hash is what older versions made */
        hash_text(sha, row->map);
        hash_text(sha, row->raw);
    }
}

/* That the bytes an event was mapped from are there, and are those of their name. Events of one
 * file stand together, so that each file is read about once. */
static xd_status check_raw(reading *r, const char *where, const xd_log_row *row)
{
    if (row->raw.len == 0) {
        return XD_OK;
    }
    xd_str hash = {row->raw.ptr, row->raw.len < XD_SHA256_HEX ? row->raw.len : XD_SHA256_HEX};
    if (xd_str_eq(hash, (xd_str){r->raw_checked, XD_SHA256_HEX})) {
        return XD_OK;
    }
    xd_arena arena;
    xd_arena_init(&arena, RAW_CAP);
    xd_str media;
    xd_str bytes;
    xd_status status = r->store->ops->raw_get(r->store, hash, &arena, &media, &bytes, r->fault);
    if (status == XD_OK && !bytes.ptr) {
        tell(r, where, "was mapped from bytes that are missing");
    } else if (status == XD_OK) {
        uint8_t digest[XD_SHA256_BYTES];
        char hex[XD_SHA256_HEX + 1];
        xd_sha256_of(bytes, digest);
        xd_hex(digest, sizeof digest, hex);
        if (!xd_str_eq(hash, xd_str_from(hex))) {
            tell(r, where, "was mapped from bytes that are not those of their name any more");
        }
    }
    memcpy(r->raw_checked, hash.ptr, hash.len);
    xd_arena_finish(&arena);
    return status;
}

static xd_status read_row(void *context, const xd_log_row *row)
{
    reading *r = context;
    char where[64];
    char what[128];
    snprintf(where, sizeof where, "the log, event %lld", (long long)row->seq);
    if (row->seq != r->content->log_head + 1) {
        snprintf(what, sizeof what, "follows event %lld: what was between is missing",
                 (long long)r->content->log_head);
        tell(r, where, what);
    }
    if (row->recorded_at < r->last_at) {
        tell(r, where, "was recorded before the event in front of it");
    }
    hash_row(r->sha, row);
    XD_TRY(check_raw(r, where, row));
    r->content->log_head = row->seq;
    r->last_at = row->recorded_at;
    if (r->progress && row->seq % PROGRESS_EVERY == 0) {
        r->progress(r->context, row->seq, r->head);
    }
    return XD_OK;
}

static xd_status read_log(reading *r, xd_store *store, xd_fault *fault)
{
    r->store = store;
    r->fault = fault;
    XD_TRY(store->ops->log_head(store, &r->head, fault));
    XD_TRY(store->ops->log_each(store, 0, INT64_MAX, read_row, r, fault));
    uint8_t digest[XD_SHA256_BYTES];
    xd_sha256_final(r->sha, digest);
    xd_hex(digest, sizeof digest, r->content->log_hash);
    if (r->content->log_head > 0) {
        xd_buf at;
        xd_buf_init(&at, 64);
        xd_instant_write(&at, r->last_at);
        snprintf(r->content->log_at, sizeof r->content->log_at, "%.*s", XD_FMT(xd_buf_str(&at)));
        xd_buf_finish(&at);
    }
    return XD_OK;
}

/* --- the journal --- */

typedef struct chain {
    const reading *r;
    int64_t last;
    char head[XD_SHA256_HEX + 1];
} chain;

static xd_status read_entry(void *context, int64_t ordinal, xd_str text)
{
    chain *c = context;
    char where[64];
    snprintf(where, sizeof where, "the journal, entry %lld", (long long)ordinal);
    xd_str hash = XD_STR_NULL;
    xd_fault broken = XD_FAULT_NONE;
    if (ordinal != c->last + 1) {
        tell(c->r, where, "does not follow the one before it: entries are missing");
    } else if (xd_journal_verify(text, (xd_str){c->head, XD_SHA256_HEX}, &hash, &broken) != XD_OK) {
        tell(c->r, where, broken.text);
    }
    if (hash.len == XD_SHA256_HEX) {
        memcpy(c->head, hash.ptr, hash.len);
    }
    c->last = ordinal;
    return XD_OK;
}

static xd_status read_journal(const reading *r, xd_store *store, xd_fault *fault)
{
    chain c = {.r = r};
    memset(c.head, '0', XD_SHA256_HEX);
    XD_TRY(
        store->ops->numbered_each(store, XD_NUMBERED_JOURNAL, 0, INT64_MAX, read_entry, &c, fault));
    memcpy(r->content->journal_head, c.head, sizeof c.head);
    return XD_OK;
}

/* --- state --- */

static xd_status replay_state(const reading *r, xd_store *store, xd_fault *fault)
{
    xd_replay_result result = {0};
    xd_status status = xd_replay_verify(store, r->progress, r->context, &result, fault);
    if (status == XD_OK && !result.equal) {
        tell(r, "state", result.difference);
    } else if (status != XD_OK && status != XD_NO_MEMORY && fault) {
        tell(r, "state cannot be rebuilt from the log", fault->text);
        status = XD_OK;
    }
    return status;
}

static xd_status read_state(const reading *r, xd_store *store, bool replay, xd_fault *fault)
{
    xd_content *content = r->content;
    if (content->state_seq > content->log_head) {
        char what[128];
        snprintf(what, sizeof what, "is as after event %lld, but the log ends at %lld",
                 (long long)content->state_seq, (long long)content->log_head);
        tell(r, "state", what);
    }
    XD_TRY(
        xd_state_hash(store, content->state_hash, &content->documents, &content->journals, fault));
    return replay ? replay_state(r, store, fault) : XD_OK;
}

xd_status xd_content_read(xd_store *store, bool replay, xd_store_progress progress,
                          xd_damage_visit visit, void *context, xd_content *ret, xd_fault *fault)
{
    xd_content content = {0};
    reading r = {.content = &content,
                 .sha = xd_sha256_create(),
                 .visit = visit,
                 .progress = progress,
                 .context = context,
                 .last_at = INT64_MIN};
    if (!r.sha) {
        return xd_fail(fault, XD_NO_MEMORY, NULL, "no memory to hash the log");
    }
    xd_status status = store->ops->begin(store, fault);
    if (status == XD_OK) {
        /* The state's snapshot before the log's: the log may be ahead of state, never behind. */
        status = store->ops->meta_get(store, XD_STR("state_seq"), &content.state_seq, fault);
        status = status == XD_OK ? read_log(&r, store, fault) : status;
        status = status == XD_OK ? read_journal(&r, store, fault) : status;
        status = status == XD_OK ? read_state(&r, store, replay, fault) : status;
        store->ops->rollback(store);
    }
    xd_sha256_destroy(r.sha);
    if (status == XD_OK) {
        *ret = content;
    }
    return status;
}
