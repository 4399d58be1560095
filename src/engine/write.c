/* The appender's transaction: append what waits, commit once, answer, hand over. See engine_int.h.
 */
#include "engine/engine_int.h"

#include "base/planted.h"
#include "observe/log.h"

enum {
    RETAINED_BYTES_MAX = 24 << 20, /* appended events kept in memory until stepped */
    RETRY_MS = 200                 /* between attempts while the store refuses writes */
};

typedef struct transaction {
    xd_submission *batch;  /* what is appended */
    xd_submission *opened; /* first submission of the transaction now open */
    bool open;
} transaction;

static xd_status open_transaction(xd_engine *e, transaction *t, xd_submission *from,
                                  xd_fault *fault)
{
    t->opened = from;
    XD_TRY(e->log->ops->begin(e->log, fault));
    t->open = true;
    return XD_OK;
}

static xd_status commit(xd_engine *e, transaction *t, xd_fault *fault)
{
    int64_t start = xd_engine_now_us();
    t->open = false;
    for (xd_submission *s = t->batch; XD_PLANTED(acknowledge_before_commit) && s; s = s->next) {
        s->done(s);
        s->done = NULL;
    }
    xd_status status = e->log->ops->commit(e->log, fault);
    if (status != XD_OK && !XD_PLANTED(accept_a_failed_commit)) {
        return status;
    }
    xd_appender_committed(&e->appender);
    xd_figure_add(&e->commit_us, xd_engine_now_us() - start);
    xd_figure_add(&e->batches, 1);
    return XD_OK;
}

static void roll_back(xd_engine *e, transaction *t)
{
    if (t->open) {
        e->log->ops->rollback(e->log);
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

/* Appends the batch; one commit, unless a submission must stand alone. */
static xd_status write_all(xd_engine *e, transaction *t, xd_fault *fault)
{
    int64_t start = xd_engine_now_us();
    xd_appender_registered(&e->appender, atomic_load(&e->state_seq));
    XD_TRY(append_batch(e, t, fault));
    xd_figure_add(&e->append_us, xd_engine_now_us() - start);
    return t->open ? commit(e, t, fault) : XD_OK;
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
    if (!e->log_refused) {
        xd_log_fault(XD_LOG_ERROR, "store.refuses", fault);
    }
    e->retry_at_us = xd_engine_now_us() + RETRY_MS * 1000;
    pthread_mutex_lock(&e->lock);
    e->log_refused = true;
    e->refusal = *fault;
    pthread_mutex_unlock(&e->lock);
}

static void accept_writes(xd_engine *e)
{
    if (e->log_refused) {
        XD_LOG(XD_LOG_INFO, "store.accepts", XD_LOG_INT("log_head", e->appender.head));
        e->log_refused = false;
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

static bool has_new(const xd_submission *s)
{
    bool any = false;
    for (uint32_t i = 0; s->status == XD_OK && !s->stored_answer.ptr && i < s->count; i++) {
        any |= xd_submission_is_new(s, i);
    }
    return any;
}

/* Answers the senders and hands what is to be stepped to the stepper; past a bound it is let go,
 * and read back from the log. */
static void finish_batch(xd_engine *e, xd_submission *batch)
{
    xd_submission *kept = NULL;
    xd_submission **tail = &kept;
    for (xd_submission *next, *s = batch; s; s = next) {
        next = s->next;
        s->next = NULL;
        count_results(e, s);
        bool keep = has_new(s) && e->retained_bytes + s->bytes <= RETAINED_BYTES_MAX;
        if (s->done) {
            s->done(s);
        }
        if (keep) {
            e->retained_bytes += s->bytes;
            *tail = s;
            tail = &s->next;
        } else {
            xd_submission_release(s);
        }
    }
    pthread_mutex_lock(&e->lock);
    *e->handed_tail = kept;
    e->handed_tail = kept ? tail : e->handed_tail;
    e->committed_head = e->appender.committed_head;
    e->appending = false;
    if (e->stepper_waits) {
        e->stepper_waits = false;
        pthread_cond_signal(&e->steps);
    }
    pthread_mutex_unlock(&e->lock);
}

void xd_append_batch(xd_engine *e, xd_submission *batch)
{
    transaction t = {.batch = batch};
    xd_fault fault = XD_FAULT_NONE;
    if (e->one_store) {
        pthread_mutex_lock(&e->turn_lock);
    }
    xd_status status = e->failed ? xd_fail(&fault, XD_INTERNAL, "engine.failed",
                                           "the engine stopped after a failure; restart the hub "
                                           "(see its log)")
                                 : write_all(e, &t, &fault);
    if (status == XD_OK) {
        accept_writes(e);
    } else {
        refuse(e, &t, &fault);
    }
    if (e->one_store) {
        pthread_mutex_unlock(&e->turn_lock);
    }
    finish_batch(e, batch);
}
