/* What became of events. See whatif_book.h. */
#include "app/whatif_book.h"

#include "app/whatif_diff.h"
#include "flow/step.h"

#include <stdio.h>
#include <stdlib.h>

enum { ARENA_CAP = 512 << 20, TEXT_CAP = 256 << 20 };

static xd_status no_memory(xd_fault *fault)
{
    return xd_fail(fault, XD_NO_MEMORY, "replay.memory",
                   "no memory to keep what differs; choose a later --since");
}

void xd_whatif_book_init(xd_whatif_book *book, xd_store *log)
{
    *book = (xd_whatif_book){.log = log};
    xd_arena_init(&book->arena, ARENA_CAP);
}

static void entry_destroy(xd_whatif_entry *entry)
{
    for (int side = 0; side < XD_SIDES; side++) {
        xd_buf_finish(&entry->sides[side].effect);
        xd_buf_finish(&entry->sides[side].entries);
        xd_buf_finish(&entry->sides[side].deliveries);
    }
    free(entry);
}

void xd_whatif_book_finish(xd_whatif_book *book)
{
    for (size_t i = 0; i < book->count; i++) {
        entry_destroy(book->entries[i]);
    }
    free(book->entries);
    free(book->touched);
    xd_whatif_sums_finish(&book->sums);
    xd_arena_finish(&book->arena);
}

/* --- entries --- */

/* Place of seq, or where it would stand; nearly always the end. */
static size_t place_of(const xd_whatif_book *book, int64_t seq)
{
    size_t low = 0, high = book->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (book->entries[middle]->seq < seq) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Room for one more pointer. */
static bool grow(xd_whatif_entry ***list, size_t count, size_t *size)
{
    if (count < *size) {
        return true;
    }
    size_t more = *size ? *size * 2 : 64;
    xd_whatif_entry **grown = realloc(*list, more * sizeof(xd_whatif_entry *));
    if (!grown) {
        return false;
    }
    *list = grown;
    *size = more;
    return true;
}

static xd_whatif_entry *insert(xd_whatif_book *book, size_t at, int64_t seq)
{
    xd_whatif_entry *entry = calloc(1, sizeof *entry);
    if (!entry || !grow(&book->entries, book->count, &book->size)) {
        free(entry);
        return NULL;
    }
    entry->seq = entry->like = seq;
    for (int side = 0; side < XD_SIDES; side++) {
        xd_buf_init(&entry->sides[side].effect, TEXT_CAP);
        xd_buf_init(&entry->sides[side].entries, TEXT_CAP);
        xd_buf_init(&entry->sides[side].deliveries, TEXT_CAP);
    }
    memmove(book->entries + at + 1, book->entries + at,
            (book->count - at) * sizeof(xd_whatif_entry *));
    book->entries[at] = entry;
    book->count++;
    return entry;
}

xd_whatif_entry *xd_whatif_book_entry(xd_whatif_book *book, int64_t seq)
{
    size_t at = place_of(book, seq);
    xd_whatif_entry *entry = at < book->count && book->entries[at]->seq == seq
                                 ? book->entries[at]
                                 : insert(book, at, seq);
    if (entry && !entry->touched) {
        if (!grow(&book->touched, book->touched_count, &book->touched_size)) {
            return NULL;
        }
        entry->touched = true;
        book->touched[book->touched_count++] = entry;
    }
    return entry;
}

static void drop(xd_whatif_book *book, xd_whatif_entry *entry)
{
    size_t at = place_of(book, entry->seq);
    memmove(book->entries + at, book->entries + at + 1,
            (book->count - at - 1) * sizeof(xd_whatif_entry *));
    book->count--;
    entry_destroy(entry);
}

/* --- taking --- */

static void copy_member(xd_buf *buf, const xd_json *from, const char *name)
{
    const xd_json *value = xd_json_get(from, xd_str_from(name));
    if (value) {
        xd_buf_printf(buf, ",\"%s\":", name);
        xd_json_write(buf, value);
    }
}

static xd_status take_journal(xd_whatif_book *book, xd_whatif_side side, xd_str value,
                              xd_fault *fault)
{
    const xd_json *journal;
    xd_arena_reset(&book->arena);
    XD_TRY(xd_json_parse(value, XD_JSON_LIMITS_DEFAULT, &book->arena, &journal, fault));
    const xd_json *lines = XD_GET(journal, "lines");
    XD_TRY(xd_whatif_sums_add(&book->sums, side, lines, XD_TEXT(journal, "currency"), fault));
    xd_whatif_entry *entry = xd_whatif_book_entry(book, XD_INT(journal, "seq", 0));
    if (!entry) {
        return no_memory(fault);
    }
    xd_buf *buf = &entry->sides[side].entries;
    xd_buf_str_add(buf, buf->len ? XD_STR(",{\"date\":") : XD_STR("{\"date\":"));
    xd_json_write_string(buf, XD_TEXT(journal, "date"));
    copy_member(buf, journal, "currency");
    copy_member(buf, journal, "kind");
    copy_member(buf, journal, "document");
    copy_member(buf, journal, "po");
    copy_member(buf, journal, "lines");
    xd_buf_char(buf, '}');
    return buf->failed ? no_memory(fault) : XD_OK;
}

xd_status xd_whatif_book_take(void *context, xd_whatif_side side, xd_numbered table, int64_t number,
                              xd_str value, xd_fault *fault)
{
    xd_whatif_book *book = context;
    if (!book->counts) {
        return XD_OK;
    }
    if (table == XD_NUMBERED_JOURNAL) {
        return take_journal(book, side, value, fault);
    }
    xd_whatif_entry *entry = xd_whatif_book_entry(book, number);
    if (!entry) {
        return no_memory(fault);
    }
    xd_buf *effect = &entry->sides[side].effect;
    xd_buf_clear(effect);
    xd_buf_str_add(effect, value);
    return effect->failed ? no_memory(fault) : XD_OK;
}

xd_status xd_whatif_book_offer(xd_whatif_book *book, xd_whatif_side side, const xd_parcel *parcel,
                               xd_fault *fault)
{
    /* A retried dead letter comes without its texts: it is told already. */
    if (!book->counts || !parcel->data_text.ptr) {
        return XD_OK;
    }
    xd_whatif_entry *entry = xd_whatif_book_entry(book, parcel->seq);
    if (!entry) {
        return no_memory(fault);
    }
    xd_buf *buf = &entry->sides[side].deliveries;
    for (uint32_t i = 0; i < parcel->count; i++) {
        xd_buf_printf(buf, "%.*s %s\n", XD_FMT(parcel->deliveries[i].system),
                      xd_message_name((xd_message)parcel->deliveries[i].message));
    }
    return buf->failed ? no_memory(fault) : XD_OK;
}

/* --- comparing --- */

bool xd_whatif_has_result(const xd_json *effect, const char *result)
{
    return xd_str_eq(XD_TEXT(effect, "result"), xd_str_from(result));
}

static bool is_left_out(xd_str name, bool top, bool numbered)
{
    static const char *const told[] = {"journal", "kind", "data", "maps", "entries", "resumed_by"};
    static const char *const numbers[] = {"ordinal", "number", "reversal_of"};
    for (size_t i = 0; top && i < sizeof told / sizeof told[0]; i++) {
        if (xd_str_eq(name, xd_str_from(told[i]))) {
            return true;
        }
    }
    for (size_t i = 0; numbered && i < sizeof numbers / sizeof numbers[0]; i++) {
        if (xd_str_eq(name, xd_str_from(numbers[i]))) {
            return true;
        }
    }
    return false;
}

static bool copy_plain(const xd_json *tree, bool top, bool numbered, xd_arena *arena, xd_json *ret);

static bool copy_members(const xd_json *tree, bool top, bool numbered, xd_arena *arena,
                         xd_json *ret)
{
    ret->count = 0;
    ret->members = xd_arena_zalloc(arena, tree->count * sizeof *ret->members);
    if (!ret->members) {
        return false;
    }
    for (uint32_t i = 0; i < tree->count; i++) {
        const xd_json_member *from = &tree->members[i];
        if (is_left_out(from->name, top, numbered)) {
            continue;
        }
        xd_json_member *to = &ret->members[ret->count++];
        to->name = from->name;
        bool outcome = xd_str_eq(from->name, XD_STR("outcome"));
        if (!copy_plain(&from->value, outcome, xd_str_eq(from->name, XD_STR("entries")), arena,
                        &to->value)) {
            return false;
        }
        /* Of an invoice: the number of its entry. */
        if (xd_str_eq(from->name, XD_STR("posted"))) {
            to->value = (xd_json){.type = XD_JSON_TRUE};
        }
    }
    return true;
}

static bool copy_plain(const xd_json *tree, bool top, bool numbered, xd_arena *arena, xd_json *ret)
{
    *ret = *tree;
    if (tree->type == XD_JSON_OBJECT) {
        return copy_members(tree, top, numbered, arena, ret);
    }
    if (tree->type == XD_JSON_ARRAY) {
        ret->items = xd_arena_zalloc(arena, tree->count * sizeof *ret->items);
        for (uint32_t i = 0; ret->items && i < tree->count; i++) {
            if (!copy_plain(&tree->items[i], false, numbered, arena, &ret->items[i])) {
                return false;
            }
        }
        return ret->items != NULL;
    }
    return true;
}

const xd_json *xd_whatif_plain(const xd_json *tree, bool is_effect, xd_arena *arena)
{
    xd_json *copy = xd_arena_alloc(arena, sizeof *copy);
    return copy && copy_plain(tree, is_effect, false, arena, copy) ? copy : NULL;
}

static xd_status parse_effect(const xd_buf *text, xd_arena *arena, const xd_json **ret,
                              xd_fault *fault)
{
    *ret = NULL;
    xd_json_limits limits = {.max_bytes = TEXT_CAP, .max_depth = 512, .allow_duplicates = true};
    return text->len ? xd_json_parse(xd_buf_str(text), limits, arena, ret, fault) : XD_OK;
}

xd_status xd_whatif_subject(const xd_whatif_entry *entry, xd_whatif_side side,
                            const xd_log_row *row, xd_arena *arena, xd_event *ret,
                            const xd_json **ret_effect, xd_fault *fault)
{
    XD_TRY(parse_effect(&entry->sides[side].effect, arena, ret_effect, fault));
    bool record = row->kind == XD_KIND_DOCUMENT || (side == XD_AFTER && entry->mapped);
    xd_event event = {.seq = entry->seq,
                      .recorded_at = row->recorded_at,
                      .kind = xd_kind_find(record ? XD_KIND_DOCUMENT : (xd_kind)row->kind),
                      .source = row->source,
                      .id = row->id,
                      .key = XD_STR(""),
                      .order_key = XD_STR(""),
                      .time = row->time,
                      .actor = row->actor,
                      .trace = row->trace,
                      .data_text = row->body};
    if (side == XD_BEFORE && entry->added) {
        event.kind = NULL; /* nothing was made of it */
        *ret = event;
        return XD_OK;
    }
    if (!record) {
        XD_TRY(xd_event_open(&event, false, arena, fault));
        *ret = event;
        return XD_OK;
    }
    xd_flow_subject(&event, *ret_effect, ret);
    if (ret->kind->kind == XD_KIND_DOCUMENT) {
        ret->kind = NULL;
        ret->data = NULL;
    }
    return XD_OK;
}

/* Whether the effects say the same, though entries may be numbered otherwise. */
static xd_status same_effects(xd_whatif_book *book, const xd_json *before, const xd_json *after,
                              bool *ret, xd_fault *fault)
{
    const xd_json *a = before ? xd_whatif_plain(before, true, &book->arena) : NULL;
    const xd_json *b = after ? xd_whatif_plain(after, true, &book->arena) : NULL;
    if ((before && !a) || (after && !b)) {
        return no_memory(fault);
    }
    return xd_whatif_equal(a, b, &book->arena, ret, fault);
}

/* Same on both sides, and nothing can change it any more. */
static xd_status is_settled(xd_whatif_book *book, const xd_whatif_entry *entry, bool *ret,
                            xd_fault *fault)
{
    const xd_whatif_outcome *before = &entry->sides[XD_BEFORE], *after = &entry->sides[XD_AFTER];
    const xd_json *effects[XD_SIDES];
    xd_event subjects[XD_SIDES];
    xd_log_row row;
    *ret = false;
    if (entry->added || entry->unproved ||
        !xd_str_eq(xd_buf_str(&before->entries), xd_buf_str(&after->entries)) ||
        !xd_str_eq(xd_buf_str(&before->deliveries), xd_buf_str(&after->deliveries))) {
        return XD_OK;
    }
    bool same = xd_str_eq(xd_buf_str(&before->effect), xd_buf_str(&after->effect));
    xd_arena_reset(&book->arena);
    XD_TRY(parse_effect(&before->effect, &book->arena, &effects[XD_BEFORE], fault));
    if (xd_whatif_has_result(effects[XD_BEFORE], "parked")) {
        return XD_OK; /* it may resume on one side only */
    }
    if (!entry->mapped && same) {
        *ret = true;
        return XD_OK;
    }
    XD_TRY(book->log->ops->log_get(book->log, entry->like, &book->arena, &row, fault));
    for (int side = 0; side < XD_SIDES; side++) {
        XD_TRY(xd_whatif_subject(entry, (xd_whatif_side)side, &row, &book->arena, &subjects[side],
                                 &effects[side], fault));
    }
    XD_TRY(same_effects(book, effects[XD_BEFORE], effects[XD_AFTER], &same, fault));
    if (same && entry->mapped) {
        XD_TRY(xd_whatif_equal(subjects[XD_BEFORE].data, subjects[XD_AFTER].data, &book->arena,
                               &same, fault));
        same = same && subjects[XD_BEFORE].kind == subjects[XD_AFTER].kind;
    }
    *ret = same;
    return XD_OK;
}

xd_status xd_whatif_book_settle(xd_whatif_book *book, xd_fault *fault)
{
    for (size_t i = 0; i < book->touched_count; i++) {
        xd_whatif_entry *entry = book->touched[i];
        bool settled = false;
        entry->touched = false;
        XD_TRY(is_settled(book, entry, &settled, fault));
        if (settled) {
            book->unchanged += entry->mapped;
            drop(book, entry);
        }
    }
    book->touched_count = 0;
    return XD_OK;
}
