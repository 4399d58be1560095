/* What would have been. See whatif.h.
 *
 * A document that the map made goes into the second state as the record that it was made of, which
 * its step maps: the new map meets the codes and rules that the hub would have had at that moment,
 * and a missing code parks it as it would have. */
#include "app/whatif.h"

#include "app/whatif_book.h"
#include "app/whatif_diff.h"
#include "app/whatif_records.h"
#include "app/whatif_report.h"
#include "engine/processor.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    GROUP = 1000,
    PROGRESS_EVERY = 2000,
    CACHE_BYTES = 8 << 20,
    EVENT_CAP = 512 << 20,
    RUN_CAP = 96 << 20 /* as for a source: one run of a map, with the record */
};

/* Events that are not in the log stand behind every place that it can have. */
static const int64_t BESIDE = (int64_t)1 << 52;

/* The record under way, and which documents its own map makes of it. Rows of one record follow each
 * other in the log. */
typedef struct one_record {
    xd_str raw; /* ptr NULL: none */
    const xd_whatif_version *version;
    xd_instant at;
    xd_arena arena; /* of all below */
    xd_str text;
    const xd_json *tree;
    const xd_json *old; /* what its own map makes */
    int64_t old_count;  /* -1: it makes nothing that can be counted */
    int64_t refused;    /* first document of the new map that is none, -1: all are good */
    int64_t new_count;  /* of the new one; -1: as above */
    bool *taken;        /* old_count: by rows of the log */
    char why[256];      /* the old map's fault */
    int64_t rows;
    int64_t last; /* row of the log */
} one_record;

typedef struct run {
    const xd_whatif_options *options;
    xd_store *log;           /* borrows */
    xd_whatif_store *states; /* owns, as the following */
    xd_processor *processors[XD_SIDES];
    xd_codes *codes[XD_SIDES];
    xd_whatif_records *records;
    xd_map *map; /* the new one */
    xd_whatif_book book;
    xd_arena arena; /* of one row */
    one_record record;
    int64_t seen;   /* rows of the log */
    int64_t beside; /* events stepped beside it */
    bool forked;
    xd_whatif_result result;
    xd_fault *fault;
} run;

static xd_status no_memory(run *r)
{
    return xd_fail(r->fault, XD_NO_MEMORY, "replay.memory",
                   "an event or record is too large to be replayed");
}

/* --- the two sides --- */

static void offer(run *r, xd_whatif_side side, xd_parcel *parcel)
{
    r->book.starved |= xd_whatif_book_offer(&r->book, side, parcel, r->fault) != XD_OK;
    xd_parcel_release(parcel);
}

static void offer_before(void *self, xd_parcel *parcel)
{
    offer(self, XD_BEFORE, parcel);
}

static void offer_after(void *self, xd_parcel *parcel)
{
    offer(self, XD_AFTER, parcel);
}

static void code_before(void *self, const xd_event *event)
{
    const run *r = self;
    xd_codes_take(r->codes[XD_BEFORE], event);
    if (!r->forked) {
        xd_codes_take(r->codes[XD_AFTER], event);
    }
}

static void code_after(void *self, const xd_event *event)
{
    const run *r = self;
    xd_codes_take(r->codes[XD_AFTER], event);
}

static xd_status make_processor(run *r, xd_whatif_side side)
{
    xd_processor_ports ports = {.self = r,
                                .offer = side == XD_BEFORE ? offer_before : offer_after,
                                .crosswalk = side == XD_BEFORE ? code_before : code_after};
    return xd_processor_create(xd_whatif_face(r->states, side), CACHE_BYTES, ports,
                               &r->processors[side], r->fault);
}

static xd_status write_side(run *r, xd_whatif_side side)
{
    int64_t rows;
    xd_store *face = xd_whatif_face(r->states, side);
    XD_TRY(face->ops->begin(face, r->fault));
    XD_TRY(xd_processor_write(r->processors[side], &rows, r->fault));
    XD_TRY(face->ops->commit(face, r->fault));
    xd_processor_written(r->processors[side]);
    return r->book.starved ? XD_NO_MEMORY : XD_OK;
}

/* What waits when the sides part may go on later, on one of them only. */
static xd_status take_parked(void *context, xd_state_kind kind, xd_str key, xd_str value)
{
    (void)kind;
    (void)key;
    run *r = context;
    const xd_json *parked;
    xd_arena_reset(&r->record.arena);
    XD_TRY(xd_json_parse(value, XD_JSON_LIMITS_DEFAULT, &r->record.arena, &parked, r->fault));
    xd_whatif_entry *entry = xd_whatif_book_entry(&r->book, XD_INT(parked, "seq", 0));
    for (int side = 0; entry && side < XD_SIDES; side++) {
        xd_buf *effect = &entry->sides[side].effect;
        xd_buf_clear(effect);
        XD_BUF_LIT(effect, "{\"result\":\"parked\",\"wait\":[");
        xd_json_write_string(effect, XD_TEXT(parked, "wait_kind"));
        xd_buf_char(effect, ',');
        xd_json_write_string(effect, XD_TEXT(parked, "wait_key"));
        XD_BUF_LIT(effect, "]}");
        r->book.starved |= effect->failed;
    }
    return entry && !r->book.starved ? XD_OK : no_memory(r);
}

static xd_status fork_sides(run *r)
{
    XD_TRY(write_side(r, XD_BEFORE));
    xd_whatif_fork(r->states);
    XD_TRY(make_processor(r, XD_AFTER));
    r->book.counts = r->forked = true;
    xd_store *before = xd_whatif_face(r->states, XD_BEFORE);
    xd_arena_init(&r->record.arena, RUN_CAP);
    XD_TRY(before->ops->state_each(before, XD_STATE_PARKED, take_parked, r, r->fault));
    return xd_whatif_book_settle(&r->book, r->fault);
}

/* --- versions of the map --- */

static xd_status take_version(run *r, const xd_event *event)
{
    const xd_whatif_version *version;
    if (event->kind->kind != XD_KIND_HUB_MAP ||
        !xd_str_eq(XD_TEXT(event->data, "name"), r->options->map)) {
        return XD_OK;
    }
    XD_TRY(xd_whatif_version_add(r->records, event->data, r->options->text, &version, r->fault));
    return xd_whatif_put_after(r->states, XD_STATE_MAP, xd_str_from(version->instead),
                               version->data, r->fault);
}

/* --- one record --- */

static int64_t documents_in(const xd_json *made)
{
    return !made ? 0 : made->type == XD_JSON_ARRAY ? made->count : 1;
}

static const xd_json *document_of(const xd_json *made, int64_t n)
{
    return made && made->type == XD_JSON_ARRAY ? &made->items[n] : made;
}

/* How many documents a map makes of the record, as an ingress counts them: where a code is missing,
 * with codes in the place of their meanings; *ret is then NULL. -1: it fails. */
static int64_t count_documents(const one_record *record, const xd_map *map, xd_codes *codes,
                               xd_arena *arena, const xd_json **ret, xd_fault *why)
{
    xd_codes_look look = {.codes = codes, .at = record->at};
    xd_map_limits limits = XD_MAP_LIMITS_DOCUMENT;
    xd_map_world world = xd_codes_world(&look);
    xd_status status = xd_map_run(map, record->tree, NULL, &world, &limits, arena, ret, why);
    bool whole = status == XD_OK;
    if (status == XD_NOT_FOUND && look.missing) {
        look.guess = true;
        status = xd_map_run(map, record->tree, NULL, &world, &limits, arena, ret, why);
    }
    int64_t count = status == XD_OK ? documents_in(*ret) : -1;
    *ret = whole ? *ret : NULL;
    return count;
}

static xd_status read_record(run *r, const xd_event *event, const xd_whatif_version *version,
                             const xd_json **ret)
{
    if (event->kind->kind == XD_KIND_DOCUMENT) {
        *ret = XD_GET(event->data, "record");
        return *ret ? XD_OK
                    : xd_fail(r->fault, XD_CORRUPT, "replay.record",
                              "event %lld waits to be mapped but holds no record",
                              (long long)event->seq);
    }
    return xd_whatif_record(r->records, version, event->raw, ret, r->fault);
}

static xd_status keep_record(run *r, const xd_json *tree)
{
    one_record *record = &r->record;
    xd_json_limits limits = {.max_bytes = RUN_CAP, .max_depth = 512, .allow_duplicates = true};
    xd_buf buf;
    xd_buf_init(&buf, RUN_CAP);
    xd_json_write(&buf, tree);
    record->text = buf.failed ? XD_STR_NULL : xd_arena_copy(&record->arena, xd_buf_str(&buf));
    xd_buf_finish(&buf);
    if (!record->text.ptr) {
        return no_memory(r);
    }
    return xd_json_parse(record->text, limits, &record->arena, &record->tree, r->fault);
}

/* First document that is refused as its kind, which refuses the record at the door; -1: none. */
static int64_t find_refused(const one_record *record, const xd_event *like, const xd_json *made,
                            xd_arena *arena)
{
    for (int64_t i = 0; made && i < record->new_count; i++) {
        xd_fault why = XD_FAULT_NONE;
        xd_event event = *like;
        xd_buf buf;
        event.kind = record->version->reader->to;
        xd_buf_init(&buf, RUN_CAP);
        xd_json_write(&buf, document_of(made, i));
        event.data_text = xd_arena_copy(arena, xd_buf_str(&buf));
        xd_buf_finish(&buf);
        if (!event.data_text.ptr || xd_event_open(&event, true, arena, &why) != XD_OK) {
            return i;
        }
    }
    return -1;
}

static xd_status begin_record(run *r, const xd_event *event, const xd_whatif_version *version)
{
    one_record *record = &r->record;
    const xd_json *tree = NULL, *made = NULL;
    xd_fault why = XD_FAULT_NONE;
    XD_TRY(read_record(r, event, version, &tree));
    xd_arena_finish(&record->arena);
    xd_arena_init(&record->arena, 4 * (size_t)RUN_CAP);
    record->raw = xd_arena_copy(&record->arena, event->raw);
    record->version = version;
    record->at = event->time != XD_INSTANT_NONE ? event->time : event->recorded_at;
    record->rows = 0;
    record->why[0] = '\0';
    XD_TRY(keep_record(r, tree));
    record->new_count =
        count_documents(record, r->map, r->codes[XD_AFTER], &record->arena, &made, &why);
    record->refused = find_refused(record, event, made, &record->arena);
    record->old_count = count_documents(record, version->map, r->codes[XD_BEFORE], &record->arena,
                                        &record->old, &why);
    if (record->old_count < 0) {
        snprintf(record->why, sizeof record->why, "%.180s (%s)", why.text, why.rule);
    }
    record->taken =
        xd_arena_zalloc(&record->arena, record->old_count > 0 ? (size_t)record->old_count : 1);
    return record->taken && record->raw.ptr ? XD_OK : no_memory(r);
}

/* Which document of the record a row is. *ret_proved: the map it was made by makes it again. */
static xd_status find_place(run *r, const xd_event *event, int64_t *ret, bool *ret_proved)
{
    one_record *record = &r->record;
    *ret_proved = true;
    if (event->kind->kind == XD_KIND_DOCUMENT) {
        *ret = XD_INT(event->data, "n", 0);
    } else {
        bool same = false;
        int64_t first = -1, i = 0;
        for (; record->old && i < record->old_count && !same; i++) {
            if (record->taken[i]) {
                continue;
            }
            first = first < 0 ? i : first;
            XD_TRY(xd_whatif_equal(document_of(record->old, i), event->data, &r->arena, &same,
                                   r->fault));
        }
        *ret_proved = same;
        *ret = same ? i - 1 : first >= 0 ? first : record->rows;
    }
    if (*ret >= 0 && *ret < record->old_count) {
        record->taken[*ret] = true;
    }
    record->rows++;
    record->last = event->seq;
    return XD_OK;
}

/* The n-th document of the record under way as the new map will make it: the record, to be mapped
 * by its step. */
static xd_status as_record(run *r, const xd_event *like, int64_t n, xd_event *ret)
{
    const one_record *record = &r->record;
    xd_buf buf;
    xd_buf_init(&buf, RUN_CAP);
    XD_BUF_LIT(&buf, "{\"source\":");
    xd_json_write_string(&buf, like->source);
    xd_buf_printf(&buf, ",\"map\":\"%s\",\"record\":", record->version->instead);
    xd_buf_str_add(&buf, record->text);
    xd_buf_printf(&buf, ",\"n\":%lld}", (long long)(record->refused >= 0 ? record->refused : n));
    *ret = *like;
    ret->kind = xd_kind_find(XD_KIND_DOCUMENT);
    ret->data_text = buf.failed ? XD_STR_NULL : xd_arena_copy(&r->arena, xd_buf_str(&buf));
    xd_buf_finish(&buf);
    if (!ret->data_text.ptr) {
        return no_memory(r);
    }
    return xd_event_open(ret, false, &r->arena, r->fault);
}

/* After a step of the second side: what parked must be found when it is woken. */
static xd_status keep_parked(run *r, const xd_event *event, int64_t like)
{
    const xd_whatif_entry *entry = xd_whatif_book_entry(&r->book, event->seq);
    const xd_json *effect = NULL;
    if (!entry) {
        return no_memory(r);
    }
    xd_str text = xd_buf_str(&entry->sides[XD_AFTER].effect);
    if (text.len) {
        XD_TRY(xd_json_parse(text, XD_JSON_LIMITS_DEFAULT, &r->arena, &effect, r->fault));
    }
    return xd_whatif_has_result(effect, "parked")
               ? xd_whatif_put_event(r->states, event->seq, like, event->data_text, r->fault)
               : XD_OK;
}

/* A code that wakes very many is stepped again itself, and must be found then. */
static xd_status keep_codes(run *r, const xd_event *event, int64_t like)
{
    return r->record.version->reader->to->kind == XD_KIND_CROSSWALK
               ? xd_whatif_put_event(r->states, event->seq, like, event->data_text, r->fault)
               : XD_OK;
}

/* Documents that only the new map makes of the record under way: behind the last of its rows. */
static xd_status end_record(run *r)
{
    one_record *record = &r->record;
    int64_t known = record->old_count >= 0 ? record->old_count : record->rows;
    bool under_way = record->raw.ptr != NULL && record->refused < 0;
    record->raw = XD_STR_NULL;
    for (int64_t n = known; under_way && n < record->new_count; n++) {
        xd_log_row row;
        xd_event like, event;
        xd_arena_reset(&r->arena);
        XD_TRY(r->log->ops->log_get(r->log, record->last, &r->arena, &row, r->fault));
        XD_TRY(xd_event_of_row(&row, &r->arena, &like, r->fault));
        like.seq = BESIDE + r->beside++;
        like.id = xd_arena_printf(&r->arena, "%.*s+%lld", XD_FMT(like.id), (long long)n);
        if (!like.id.ptr) {
            return no_memory(r);
        }
        XD_TRY(as_record(r, &like, n, &event));
        XD_TRY(keep_codes(r, &event, record->last));
        XD_TRY(xd_processor_step_beside(r->processors[XD_AFTER], &event, r->fault));
        XD_TRY(write_side(r, XD_AFTER));
        xd_whatif_entry *entry = xd_whatif_book_entry(&r->book, event.seq);
        if (!entry) {
            return no_memory(r);
        }
        entry->mapped = entry->added = true;
        entry->like = record->last;
        XD_TRY(keep_parked(r, &event, record->last));
        XD_TRY(xd_whatif_book_settle(&r->book, r->fault));
    }
    return XD_OK;
}

/* --- one row of the log --- */

/* The event as the second side gets it. *ret_mapped: by the new map. */
static xd_status map_anew(run *r, const xd_event *event, const xd_whatif_version *version,
                          xd_event *ret, bool *ret_mapped)
{
    bool proved = true;
    int64_t n = 0;
    char why[sizeof r->record.why] = "";
    xd_status status = XD_OK;
    if (!r->record.raw.ptr) {
        status = begin_record(r, event, version);
    }
    if (status == XD_NOT_FOUND) {
        proved = false; /* goes on as it is, and says why */
        r->record.raw = XD_STR_NULL;
        snprintf(why, sizeof why, "%.180s", r->fault->text);
        *ret = *event;
    } else {
        XD_TRY(status);
        XD_TRY(find_place(r, event, &n, &proved));
        XD_TRY(as_record(r, event, n, ret));
    }
    *ret_mapped = status == XD_OK;
    xd_whatif_entry *entry = xd_whatif_book_entry(&r->book, event->seq);
    if (!entry) {
        return no_memory(r);
    }
    entry->mapped = *ret_mapped;
    entry->unproved = !proved;
    if (!proved) {
        r->result.unproved++;
        snprintf(entry->why, sizeof entry->why, "%s",
                 why[0]             ? why
                 : r->record.why[0] ? r->record.why
                                    : "codes changed since, or the map asks for the time");
    }
    r->result.documents++;
    return XD_OK;
}

static xd_status step_both(run *r, const xd_event *event)
{
    xd_event other = *event;
    bool mapped = false;
    bool waits = event->kind->kind == XD_KIND_DOCUMENT;
    const xd_whatif_version *version =
        xd_whatif_version_find(r->records, waits ? XD_TEXT(event->data, "map") : event->map);
    if (version) {
        XD_TRY(map_anew(r, event, version, &other, &mapped));
        XD_TRY(mapped ? keep_codes(r, &other, event->seq) : XD_OK);
    }
    XD_TRY(xd_processor_step(r->processors[XD_BEFORE], event, r->fault));
    XD_TRY(xd_processor_step(r->processors[XD_AFTER], &other, r->fault));
    XD_TRY(write_side(r, XD_BEFORE));
    XD_TRY(write_side(r, XD_AFTER));
    if (mapped) {
        XD_TRY(keep_parked(r, &other, event->seq));
    }
    return xd_whatif_book_settle(&r->book, r->fault);
}

/* Whether the row is another document of the record under way. */
static bool goes_on(const one_record *record, const xd_log_row *row)
{
    return record->raw.len > 0 && xd_str_eq(record->raw, row->raw) &&
           xd_str_eq(xd_str_from(record->version->hash), row->map);
}

static xd_status take_row(void *context, const xd_log_row *row)
{
    run *r = context;
    xd_event event;
    if (!goes_on(&r->record, row)) {
        XD_TRY(end_record(r));
    }
    xd_arena_reset(&r->arena);
    XD_TRY(xd_event_of_row(row, &r->arena, &event, r->fault));
    if (!r->forked && event.recorded_at >= r->options->since) {
        XD_TRY(fork_sides(r));
    }
    XD_TRY(take_version(r, &event));
    r->seen = event.seq;
    if (r->forked) {
        return step_both(r, &event);
    }
    XD_TRY(xd_processor_step(r->processors[XD_BEFORE], &event, r->fault));
    return event.seq % GROUP == 0 ? write_side(r, XD_BEFORE) : XD_OK;
}

static xd_status replay(run *r)
{
    int64_t head;
    XD_TRY(r->log->ops->log_head(r->log, &head, r->fault));
    while (r->seen < head) {
        int64_t before = r->seen;
        XD_TRY(r->log->ops->log_each(r->log, r->seen,
                                     head - r->seen < GROUP ? head - r->seen : GROUP, take_row, r,
                                     r->fault));
        if (r->seen == before) {
            return xd_fail(r->fault, XD_CORRUPT, "log.gap",
                           "the log ends at event %lld, and says it has %lld", (long long)before,
                           (long long)head);
        }
        if (r->options->progress && r->seen / PROGRESS_EVERY != before / PROGRESS_EVERY) {
            r->options->progress(r->options->context, r->seen, head);
        }
    }
    r->result.events = r->seen;
    return end_record(r);
}

static xd_status prepare(run *r)
{
    XD_TRY(xd_map_compile(r->options->text, &r->map, r->fault));
    XD_TRY(xd_whatif_store_create(r->log, xd_whatif_book_take, &r->book, &r->states, r->fault));
    XD_TRY(xd_whatif_records_create(r->log, &r->records, r->fault));
    XD_TRY(xd_codes_create(&r->codes[XD_BEFORE], r->fault));
    XD_TRY(xd_codes_create(&r->codes[XD_AFTER], r->fault));
    return make_processor(r, XD_BEFORE);
}

xd_status xd_whatif_run(xd_store *log, const xd_whatif_options *options, xd_whatif_result *ret,
                        xd_fault *fault)
{
    xd_fault own = XD_FAULT_NONE;
    run r = {.options = options, .log = log, .fault = fault ? fault : &own};
    xd_whatif_book_init(&r.book, log);
    xd_arena_init(&r.arena, EVENT_CAP);
    xd_status status = prepare(&r);
    if (status == XD_OK) {
        status = replay(&r);
    }
    if (status == XD_OK) {
        status = xd_whatif_report(&r.book, r.states, options, &r.result, r.fault);
    }
    if (status == XD_OK) {
        *ret = r.result;
    }
    xd_processor_destroy(r.processors[XD_BEFORE]);
    xd_processor_destroy(r.processors[XD_AFTER]);
    xd_codes_destroy(r.codes[XD_BEFORE]);
    xd_codes_destroy(r.codes[XD_AFTER]);
    xd_whatif_records_destroy(r.records);
    xd_whatif_store_destroy(r.states);
    xd_whatif_book_finish(&r.book);
    xd_map_destroy(r.map);
    xd_arena_finish(&r.record.arena);
    xd_arena_finish(&r.arena);
    return status;
}
