/* The engine's transaction: append what waits, write state when it is due, commit once, answer. See
 * engine_int.h. */
#include "engine/engine_int.h"

#include "observe/log.h"

enum {
    RETAINED_BYTES_MAX = 32 << 20, /* appended events kept in memory until stepped */
    RETRY_MS = 200                 /* between attempts while the store refuses writes */
};

typedef struct transaction {
    xd_submission *batch;  /* what is appended */
    xd_submission *opened; /* first submission of the transaction now open */
    bool open;
    bool writes_state;
    int64_t rows;
} transaction;

static xd_status open_transaction(xd_engine *e, transaction *t, xd_submission *from,
                                  xd_fault *fault)
{
    t->opened = from;
    XD_TRY(e->store->ops->begin(e->store, fault));
    t->open = true;
    return XD_OK;
}

static xd_status commit(xd_engine *e, transaction *t, xd_fault *fault)
{
    int64_t start = xd_engine_now_us();
    t->open = false;
    XD_TRY(e->store->ops->commit(e->store, fault));
    xd_appender_committed(&e->appender);
    xd_figure_add(&e->commit_us, xd_engine_now_us() - start);
    xd_figure_add(&e->batches, 1);
    return XD_OK;
}

static void roll_back(xd_engine *e, transaction *t)
{
    if (t->open) {
        e->store->ops->rollback(e->store);
    }
    t->open = false;
    xd_appender_rolled_back(&e->appender);
}

static xd_status append_batch(xd_engine *e, transaction *t, xd_fault *fault)
{
    for (xd_submission *s = t->batch; s; s = s->next) {
        bool alone = s->all_or_nothing && s->count > 1;
        if (alone && t->open && e->appender.head > e->appender.committed_head) {
            XD_TRY(commit(e, t, fault));
        }
        if (!t->open) {
            XD_TRY(open_transaction(e, t, s, fault));
        }
        bool undo;
        XD_TRY(xd_append(&e->appender, s, e->options.clock(), &undo, fault));
        if (undo) {
            roll_back(e, t);
        }
    }
    return XD_OK;
}

bool xd_write_is_due(xd_engine *e, int64_t now_us)
{
    size_t dirty = xd_processor_dirty(e->processor);
    return dirty > 0 &&
           (dirty >= e->options.flush_rows || e->write_now || e->stopping ||
            (e->dirty_since_us && now_us - e->dirty_since_us >= e->options.flush_ms * 1000LL));
}

/* Appends the batch and writes state when due; one commit, unless a batch must stand alone. */
static xd_status write_all(xd_engine *e, transaction *t, xd_fault *fault)
{
    int64_t start = xd_engine_now_us();
    XD_TRY(append_batch(e, t, fault));
    if (t->writes_state) {
        if (!t->open) {
            XD_TRY(open_transaction(e, t, NULL, fault));
        }
        XD_TRY(xd_processor_write(e->processor, &t->rows, fault));
    }
    xd_figure_add(&e->append_us, xd_engine_now_us() - start);
    if (t->open) {
        XD_TRY(commit(e, t, fault));
    }
    if (t->writes_state) {
        xd_processor_written(e->processor);
        e->dirty_since_us = 0;
        xd_figure_add(&e->flushes, 1);
        xd_figure_add(&e->rows, t->rows);
        xd_figure_set(&e->state_seq, xd_processor_written_seq(e->processor));
    }
    return XD_OK;
}

/* The store said no: those of the batch that were not committed are refused with its fault. */
static void refuse(xd_engine *e, transaction *t, const xd_fault *fault)
{
    roll_back(e, t);
    bool uncommitted = false;
    for (xd_submission *s = t->batch; s; s = s->next) {
        uncommitted |= s == t->opened || !t->opened;
        if (uncommitted && s->status == XD_OK) {
            s->status = fault->code;
            s->fault = *fault;
        }
    }
    if (!e->retry_at_us) {
        xd_log_fault(XD_LOG_ERROR, "store.refuses", fault);
    }
    e->retry_at_us = xd_engine_now_us() + RETRY_MS * 1000;
    pthread_mutex_lock(&e->lock);
    e->writes_refused = true;
    e->refusal = *fault;
    pthread_mutex_unlock(&e->lock);
}

static void accept_writes(xd_engine *e)
{
    if (e->retry_at_us) {
        e->retry_at_us = 0;
        XD_LOG(XD_LOG_INFO, "store.accepts", XD_LOG_INT("log_head", e->appender.head));
        pthread_mutex_lock(&e->lock);
        e->writes_refused = false;
        pthread_mutex_unlock(&e->lock);
    }
}

static void count_results(xd_engine *e, const xd_submission *s)
{
    if (s->status != XD_OK) {
        xd_figure_add(s->status == XD_CONFLICT ? &e->conflicts : &e->refused, s->count);
        return;
    }
    /* A request answered from its idempotency key appended nothing. */
    for (uint32_t i = 0; !s->stored_answer.ptr && i < s->count; i++) {
        const xd_appended *r = &s->results[i];
        xd_figure_add(r->status != XD_OK ? &e->conflicts
                      : r->duplicate     ? &e->duplicates
                                         : &e->appended,
                      1);
    }
}

bool xd_submission_is_new(const xd_submission *s, uint32_t i)
{
    return s->results[i].status == XD_OK && !s->results[i].duplicate;
}

/* Answers the senders and keeps what is to be stepped, within bounds. */
static void finish_batch(xd_engine *e, xd_submission *batch)
{
    xd_figure_set(&e->log_head, e->appender.committed_head);
    e->turn_appended = 0;
    for (xd_submission *next, *s = batch; s; s = next) {
        next = s->next;
        s->next = NULL;
        count_results(e, s);
        bool any = false;
        for (uint32_t i = 0; s->status == XD_OK && !s->stored_answer.ptr && i < s->count; i++) {
            any |= xd_submission_is_new(s, i);
            e->turn_appended += xd_submission_is_new(s, i);
        }
        bool keep = any && e->retained_bytes + s->bytes <= RETAINED_BYTES_MAX;
        if (keep) {
            *e->retained_tail = s;
            e->retained_tail = &s->next;
            e->retained_bytes += s->bytes;
        }
        if (s->done) {
            s->done(s);
        }
        if (!keep) {
            xd_submission_release(s);
        }
    }
}

void xd_write_batch(xd_engine *e, xd_submission *batch, bool with_state)
{
    transaction t = {.batch = batch, .writes_state = with_state};
    xd_fault fault = XD_FAULT_NONE;
    xd_status status = e->failed ? xd_fail(&fault, XD_INTERNAL, "engine.failed",
                                           "the engine stopped after a failure; restart the hub "
                                           "(see its log)")
                                 : write_all(e, &t, &fault);
    if (status == XD_OK) {
        accept_writes(e);
    } else {
        refuse(e, &t, &fault);
    }
    finish_batch(e, batch);
}
