/* The audit: journals as they are committed, and what senders were promised. See audit.h. */
#include "audit_int.h"

#include "engine/replay.h"
#include "ledger/journal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARENA_CAP = 512 << 20 };

/* What was acknowledged. */
typedef struct accepted {
    const sim_document *document;
    int64_t seq;
} accepted;

audit *audit_create(sim_verdict *verdict)
{
    audit *a = calloc(1, sizeof *a);
    assert(a);
    a->verdict = verdict;
    xd_arena_init(&a->arena, ARENA_CAP);
    xd_arena_init(&a->scratch, ARENA_CAP);
    memset(a->head, '0', XD_SHA256_HEX);
    map_init(&a->accounts, &a->arena);
    map_init(&a->accepted, &a->arena);
    return a;
}

void audit_destroy(audit *a)
{
    xd_arena_finish(&a->arena);
    xd_arena_finish(&a->scratch);
    free(a);
}

/* --- small helps --- */

void audit_add(audit *a, xd_decimal *sum, xd_decimal part)
{
    if (xd_decimal_add(*sum, part, sum) != XD_OK) {
        sim_fail(a->verdict, "a sum leaves the range of exact arithmetic");
    }
}

xd_decimal audit_number(audit *a, const xd_json *object, const char *name)
{
    xd_decimal value = XD_ZERO;
    xd_str text = xd_json_get_text(object, xd_str_from(name));
    if (text.ptr && xd_decimal_parse(text, &value, NULL) != XD_OK) {
        sim_fail(a->verdict, "%s is no number: %.*s", name, XD_FMT(text));
    }
    return value;
}

account *audit_account(audit *a, xd_str code)
{
    void **at = map_at(&a->accounts, code);
    if (!*at) {
        *at = xd_arena_zalloc(&a->arena, sizeof(account));
        assert(*at);
    }
    return *at;
}

const xd_json *audit_parse(audit *a, xd_str text)
{
    const xd_json *json = NULL;
    if (xd_json_parse(text, XD_JSON_LIMITS_DEFAULT, &a->scratch, &json, NULL) != XD_OK) {
        sim_fail(a->verdict, "a stored document is no JSON: %.*s", XD_FMT(text));
        return NULL;
    }
    return json;
}

/* --- journals --- */

static void check_lines(audit *a, const xd_json *entry, int64_t ordinal)
{
    const xd_json *lines = XD_GET(entry, "lines");
    xd_decimal balance = XD_ZERO;
    if (!lines || lines->count < 2) {
        sim_fail(a->verdict, "journal entry %lld has fewer than two lines", (long long)ordinal);
        return;
    }
    for (uint32_t i = 0; i < lines->count; i++) {
        const xd_json *line = &lines->items[i];
        xd_decimal amount = audit_number(a, line, "debit");
        audit_add(a, &amount, xd_decimal_neg(audit_number(a, line, "credit")));
        audit_add(a, &balance, amount);
        audit_add(a, &audit_account(a, XD_TEXT(line, "account"))->booked, amount);
        xd_str role = XD_TEXT(line, "role");
        if (xd_str_eq(role, XD_STR("GRNI"))) {
            audit_add(a, &a->grni, amount);
        } else if (xd_str_eq(role, XD_STR("INV")) && XD_TEXT(line, "item").len) {
            audit_add(a, &a->stock, amount);
        }
    }
    if (xd_decimal_sign(balance) != 0) {
        sim_fail(a->verdict, "journal entry %lld does not balance", (long long)ordinal);
    }
}

static year *year_of(audit *a, int64_t number)
{
    uint32_t i = 0;
    while (i < a->year_count && a->years[i].year != number) {
        i++;
    }
    if (i == a->year_count && i < AUDIT_YEARS) {
        a->years[a->year_count++] = (year){.year = number};
    }
    return &a->years[i < AUDIT_YEARS ? i : 0];
}

static xd_status check_journal(void *context, int64_t ordinal, xd_str text)
{
    audit *a = context;
    xd_fault fault = XD_FAULT_NONE;
    xd_str hash = XD_STR_NULL;
    xd_arena_reset(&a->scratch);
    if (ordinal != a->ordinal + 1) {
        sim_fail(a->verdict, "journal entry %lld follows entry %lld", (long long)ordinal,
                 (long long)a->ordinal);
    }
    if (xd_journal_verify(text, (xd_str){a->head, XD_SHA256_HEX}, &hash, &fault) != XD_OK) {
        sim_fail(a->verdict, "journal entry %lld: %s", (long long)ordinal, fault.text);
        return XD_CONFLICT;
    }
    memcpy(a->head, hash.ptr, XD_SHA256_HEX);
    a->ordinal = ordinal;
    const xd_json *entry = audit_parse(a, text);
    year *y = year_of(a, XD_INT(entry, "year", 0));
    if (XD_INT(entry, "number", 0) != y->last + 1) {
        sim_fail(a->verdict, "journal entry %lld has number %lld, but the last of %lld was %lld",
                 (long long)ordinal, (long long)XD_INT(entry, "number", 0), (long long)y->year,
                 (long long)y->last);
    }
    y->last++;
    check_lines(a, entry, ordinal);
    return XD_OK;
}

void audit_commit(audit *a, xd_store *store)
{
    int64_t state_seq = 0;
    int64_t head = 0;
    xd_status status = store->ops->meta_get(store, XD_STR("state_seq"), &state_seq, NULL);
    status = status == XD_OK ? store->ops->log_head(store, &head, NULL) : status;
    assert(status == XD_OK);
    if (state_seq > head) {
        sim_fail(a->verdict, "state is that after event %lld, but the log ends at %lld",
                 (long long)state_seq, (long long)head);
    }
    if (state_seq < a->state_seq) {
        sim_fail(a->verdict, "state went back from event %lld to %lld", (long long)a->state_seq,
                 (long long)state_seq);
    }
    a->state_seq = state_seq;
    status = store->ops->numbered_each(store, XD_NUMBERED_JOURNAL, a->ordinal, INT64_MAX,
                                       check_journal, a, NULL);
    assert(status == XD_OK || a->verdict->failed);
}

void audit_rewind(audit *a)
{
    memset(a->head, '0', XD_SHA256_HEX);
    a->ordinal = 0;
    a->state_seq = 0;
    a->year_count = 0;
    a->grni = a->stock = XD_ZERO;
    map_init(&a->accounts, &a->arena);
}

/* --- what senders were promised --- */

static bool same_content(audit *a, xd_str left, xd_str right)
{
    if (xd_str_eq(left, right)) {
        return true;
    }
    xd_buf forms[2];
    xd_str texts[2] = {left, right};
    bool fine = true;
    for (int i = 0; i < 2; i++) {
        const xd_json *json = audit_parse(a, texts[i]);
        xd_buf_init(&forms[i], 1 << 20);
        fine = fine && json && xd_json_canonical(&forms[i], json, &a->scratch, NULL) == XD_OK;
    }
    fine = fine && xd_str_eq(xd_buf_str(&forms[0]), xd_buf_str(&forms[1]));
    xd_buf_finish(&forms[0]);
    xd_buf_finish(&forms[1]);
    return fine;
}

static void check_promise(audit *a, xd_store *store, const accepted *promise, const char *when)
{
    const sim_document *d = promise->document;
    xd_log_row row;
    xd_arena_reset(&a->scratch);
    if (store->ops->log_get(store, promise->seq, &a->scratch, &row, NULL) != XD_OK) {
        sim_fail(a->verdict, "%.*s of %.*s was accepted as event %lld, which is not in the log %s",
                 XD_FMT(d->id), XD_FMT(d->source), (long long)promise->seq, when);
        return;
    }
    if (!xd_str_eq(row.source, d->source) || !xd_str_eq(row.id, d->id) ||
        !same_content(a, row.body, d->data)) {
        sim_fail(a->verdict, "event %lld is not %.*s of %.*s, as its sender was told %s",
                 (long long)promise->seq, XD_FMT(d->id), XD_FMT(d->source), when);
    }
    xd_str media, bytes;
    if (row.raw.len && (store->ops->raw_get(store, (xd_str){row.raw.ptr, XD_SHA256_HEX},
                                            &a->scratch, &media, &bytes, NULL) != XD_OK ||
                        !xd_str_eq(bytes, d->data))) {
        sim_fail(a->verdict, "the bytes of event %lld (%.*s) are not kept %s",
                 (long long)promise->seq, XD_FMT(d->id), when);
    }
}

void audit_accepted(audit *a, xd_store *store, const sim_document *d, int64_t seq, bool duplicate,
                    int64_t committed_head)
{
    char text[512];
    int n = snprintf(text, sizeof text, "%.*s %.*s", XD_FMT(d->source), XD_FMT(d->id));
    void **at = map_at(&a->accepted, (xd_str){text, (size_t)n});
    accepted *known = *at;
    if (seq > committed_head) {
        sim_fail(a->verdict, "%.*s was acknowledged as event %lld before it was committed",
                 XD_FMT(d->id), (long long)seq);
        return;
    }
    if (known && known->seq != seq) {
        sim_fail(a->verdict, "%.*s was accepted twice, as events %lld and %lld", XD_FMT(d->id),
                 (long long)known->seq, (long long)seq);
        return;
    }
    if (known && !duplicate) {
        sim_fail(a->verdict, "%.*s was accepted again as if it were new", XD_FMT(d->id));
        return;
    }
    if (!known) {
        known = xd_arena_zalloc(&a->arena, sizeof *known);
        assert(known);
        *known = (accepted){d, seq};
        *at = known;
        check_promise(a, store, known, "when it was acknowledged");
    }
}

static void check_promises(audit *a, xd_store *store, const char *when)
{
    for (size_t i = 0; i < a->accepted.size; i++) {
        const accepted *promise = a->accepted.slots[i].value;
        if (promise) {
            check_promise(a, store, promise, when);
        }
    }
}

void audit_restart(audit *a, xd_store *store)
{
    check_promises(a, store, "after a crash");
}

/* --- the end --- */

/* Every identity once, and nothing in the log that nobody sent. */
typedef struct log_check {
    audit *a;
    map seen;
    int64_t of_senders;
} log_check;

static xd_status check_row(void *context, const xd_log_row *row)
{
    log_check *check = context;
    char text[512];
    int n = snprintf(text, sizeof text, "%.*s %.*s", XD_FMT(row->source), XD_FMT(row->id));
    void **at = map_at(&check->seen, (xd_str){text, (size_t)n});
    if (*at) {
        sim_fail(check->a->verdict, "%s is in the log twice", text);
    }
    *at = check;
    check->of_senders += !xd_str_eq(row->source, XD_STR("hub"));
    return XD_OK;
}

static void check_log(audit *a, xd_store *store, audit_figures *ret)
{
    log_check check = {.a = a};
    map_init(&check.seen, &a->arena);
    xd_status status = store->ops->log_each(store, 0, INT64_MAX, check_row, &check, NULL);
    assert(status == XD_OK);
    ret->documents = check.of_senders;
}

void audit_end(audit *a, xd_store *store, const sim_plan *plan, remotes *systems,
               audit_figures *ret)
{
    *ret = (audit_figures){0};
    xd_status status = store->ops->log_head(store, &ret->events, NULL);
    assert(status == XD_OK);
    check_promises(a, store, "at the end");
    check_log(a, store, ret);
    ret->journals = a->ordinal;
    audit_state(a, store, ret);
    audit_deliveries(a, store, plan, systems, ret);
}
