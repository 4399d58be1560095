/* The audit. See audit.h. Arrivals are sorted, so that what belongs together is side by side. */
#include "sim/audit.h"

#include <stdlib.h>

/* Who is told of a goods receipt, and with which document. */
static const struct {
    xd_party party;
    xd_str document;
} told[] = {
    {XD_PARTY_ERP, {"GOODS_MOVEMENT", 14}},
    {XD_PARTY_PROCUREMENT, {"RECEIPT_STATUS", 14}},
    {XD_PARTY_FINANCE, {"JOURNAL", 7}},
};

/* An arrival that tells its system of a goods receipt; other messages may follow from a receipt,
 * such as the status of an invoice that waited for it. */
static bool tells_receipt(const xd_arrival *arrival)
{
    for (size_t t = 0; t < sizeof told / sizeof *told; t++) {
        if (arrival->party == told[t].party && xd_str_eq(arrival->document, told[t].document)) {
            return xd_str_eq(arrival->kind, XD_STR("goods_receipt"));
        }
    }
    return false;
}

/* Sort keys of an arrival; text is the reference or the order. */
static int compare(const xd_arrival *a, const xd_arrival *b, xd_str text_a, xd_str text_b)
{
    int order = (a->party > b->party) - (a->party < b->party);
    order = order ? order : xd_str_cmp(a->document, b->document);
    return order ? order : xd_str_cmp(text_a, text_b);
}

static int by_reference(const void *left, const void *right)
{
    const xd_arrival *a = *(const xd_arrival *const *)left;
    const xd_arrival *b = *(const xd_arrival *const *)right;
    return compare(a, b, a->reference, b->reference);
}

static int by_po(const void *left, const void *right)
{
    const xd_arrival *a = *(const xd_arrival *const *)left;
    const xd_arrival *b = *(const xd_arrival *const *)right;
    int order = compare(a, b, a->po, b->po);
    return order ? order : (a->order > b->order) - (a->order < b->order);
}

static int by_number(const void *left, const void *right)
{
    const xd_entry_seen *a = left;
    const xd_entry_seen *b = right;
    int order = (a->year > b->year) - (a->year < b->year);
    return order ? order : (a->number > b->number) - (a->number < b->number);
}

/* --- receipts --- */

/* The orders that the hub acknowledged; by index. NULL without memory. */
static bool *acknowledged_orders(const xd_plan *plan, const xd_published *published)
{
    bool *orders = calloc((size_t)plan->orders + 1, sizeof *orders);
    for (uint32_t i = 0; orders && i < plan->document_count; i++) {
        const xd_document *document = &plan->documents[i];
        if (document->role == XD_ROLE_ORDER && published->accepted[i]) {
            orders[document->order] = true;
        }
    }
    return orders;
}

static void expect_receipt(xd_audit *audit, xd_arrival **receipts, size_t count, xd_str number)
{
    audit->expected++;
    for (size_t t = 0; t < sizeof told / sizeof *told; t++) {
        const xd_arrival wanted = {
            .party = told[t].party, .document = told[t].document, .reference = number};
        const xd_arrival *key = &wanted;
        if (count > 0 && bsearch(&key, receipts, count, sizeof *receipts, by_reference)) {
            continue;
        }
        audit->lost++;
        audit->parties[told[t].party].missing++;
        if (!audit->first_lost[0]) {
            snprintf(audit->first_lost, sizeof audit->first_lost, "%.*s at %s", XD_FMT(number),
                     xd_party_name(told[t].party));
        }
    }
}

static bool check_receipts(xd_audit *audit, const xd_plan *plan, const xd_published *published,
                           xd_arrival **receipts, size_t count)
{
    bool *orders = acknowledged_orders(plan, published);
    if (!orders) {
        return false;
    }
    if (count > 0) {
        qsort(receipts, count, sizeof *receipts, by_reference);
    }
    for (size_t i = 1; i < count; i++) {
        audit->duplicated += by_reference(&receipts[i - 1], &receipts[i]) == 0;
    }
    for (uint32_t i = 0; i < plan->document_count; i++) {
        const xd_document *document = &plan->documents[i];
        /* Its repeat says nothing more: the original is in the plan as well. */
        bool first = document->role == XD_ROLE_RECEIPT && !document->repeat;
        if (first && published->accepted[i] && orders[document->order]) {
            expect_receipt(audit, receipts, count, document->number);
        }
    }
    free(orders);
    return true;
}

static void note_disorder(xd_audit *audit, const xd_arrival *first, const xd_arrival *second)
{
    if (audit->out_of_order++ == 0) {
        snprintf(audit->first_disorder, sizeof audit->first_disorder,
                 "order %.*s at %s: %.*s (seq %lld) came after %.*s (seq %lld)", XD_FMT(second->po),
                 xd_party_name(second->party), XD_FMT(second->reference), (long long)second->seq,
                 XD_FMT(first->reference), (long long)first->seq);
    }
}

static void check_order(xd_audit *audit, xd_arrival **receipts, size_t count)
{
    if (count > 0) {
        qsort(receipts, count, sizeof *receipts, by_po);
    }
    for (size_t i = 1; i < count; i++) {
        const xd_arrival *a = receipts[i - 1];
        const xd_arrival *b = receipts[i];
        /* A message that names no order promises no order. */
        if (a->po.len > 0 && compare(a, b, a->po, b->po) == 0 && b->seq <= a->seq) {
            note_disorder(audit, a, b);
        }
    }
}

/* --- journals --- */

/* Numbers of a year follow each other; where they begin depends on what the hub knew before. */
static void check_numbers(xd_audit *audit, xd_entry_seen *entries, size_t count)
{
    if (count > 0) {
        qsort(entries, count, sizeof *entries, by_number);
    }
    for (size_t i = 1; i < count; i++) {
        int64_t step = entries[i].number - entries[i - 1].number;
        if (entries[i].year == entries[i - 1].year) {
            audit->gaps += step == 0 ? 1 : (uint64_t)(step - 1);
        }
    }
}

xd_status xd_audit_look(const xd_plan *plan, const xd_published *published, xd_book *book,
                        uint64_t repeats_allowed, xd_audit *ret, xd_fault *fault)
{
    xd_audit audit = {.repeats_allowed = repeats_allowed};
    size_t count = 0;
    pthread_mutex_lock(&book->lock);
    xd_arrival **receipts = calloc(book->arrival_count + 1, sizeof *receipts);
    for (size_t i = 0; receipts && i < book->arrival_count; i++) {
        if (tells_receipt(book->arrivals[i])) {
            receipts[count++] = book->arrivals[i];
        }
    }
    bool done = receipts && check_receipts(&audit, plan, published, receipts, count);
    if (done) {
        check_order(&audit, receipts, count);
        check_numbers(&audit, book->entries, book->entry_count);
    }
    for (uint32_t i = 0; i < XD_PARTY_COUNT; i++) {
        audit.parties[i].taken = book->tally[i].taken;
        audit.parties[i].repeats = book->tally[i].repeats;
        audit.repeats += book->tally[i].repeats;
    }
    audit.journals = book->entry_count;
    audit.unbalanced = book->unbalanced;
    audit.conflicting = book->conflicting;
    audit.unreadable = book->unreadable;
    pthread_mutex_unlock(&book->lock);
    free(receipts);
    if (!done) {
        return xd_fail(fault, XD_NO_MEMORY, "audit.memory", "no memory for the audit");
    }
    *ret = audit;
    return XD_OK;
}

bool xd_audit_complete(const xd_audit *audit)
{
    return audit->lost == 0 && audit->gaps == 0;
}

bool xd_audit_clean(const xd_audit *audit)
{
    return xd_audit_complete(audit) && audit->duplicated == 0 &&
           audit->repeats <= audit->repeats_allowed && audit->conflicting == 0 &&
           audit->unreadable == 0 && audit->unbalanced == 0 && audit->out_of_order == 0;
}
