/* Transform. See transform.h. */
#include "ingress/transform.h"

#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    CHUNK_EVENTS = 512,
    CHUNK_BYTES = 4 << 20, /* of a submission, unless one record makes more */
    SUBMISSION_CAP = 256 << 20,
    GROUP_BYTES = 64 << 20, /* records that are mapped together */
    RUN_CAP = 96 << 20,     /* one run of a map, with the records it is given */
    ID_DIGITS = 16
};

/* What stands between two calls of next: records read and mapped, not yet in a submission. */
typedef struct mapped {
    bool ready;
    const xd_json *made; /* by the map; NULL: nothing */
    uint32_t count;      /* of documents in it */
    bool missing;        /* it needs a code: the record itself goes on, once for each document */
    const xd_json *record;
    xd_instant time;
} mapped;

struct xd_transform {
    const xd_source *source;
    xd_bulk *bulk;
    xd_str bytes;
    xd_instant now;
    char raw_hash[XD_SHA256_HEX + 1];
    xd_format_reader *reader; /* owns */
    bool over;                /* nothing more can be read */
    bool whole;               /* one submission is wanted */
    int64_t lines_before, bytes_before;
    int64_t number; /* of what is mapped, 1-based */
    int64_t line;   /* where it begins; 0 when unknown */
    mapped next;
    xd_arena run; /* of one run of the map */
    xd_buf text;  /* one document */
    xd_buf canonical;
    /* With by: the group under way, as the items of an array, and the record that begins the next
     * one. */
    xd_arena key_arena;
    xd_buf group, group_key, held, held_key;
    int64_t group_line, held_line;
    bool has_group, has_held;
    bool broken; /* a neighbour of the group could not be read: it may be a part of it */
};

static xd_status no_memory(xd_fault *fault)
{
    return xd_fail(fault, XD_NO_MEMORY, "source.memory", "no memory for the records of a source");
}

xd_status xd_transform_create(const xd_source *source, xd_str bytes, xd_instant now, xd_bulk *bulk,
                              xd_transform **ret, xd_fault *fault)
{
    if (bytes.len > XD_TRANSFORM_MAX_BYTES) {
        return xd_fail(fault, XD_LIMIT, "source.bytes",
                       "the file has %zu bytes and at most %d are kept: split it", bytes.len,
                       XD_TRANSFORM_MAX_BYTES);
    }
    xd_transform *t = calloc(1, sizeof *t);
    if (!t) {
        return no_memory(fault);
    }
    t->source = source;
    t->bulk = bulk;
    t->bytes = bytes.ptr ? bytes : XD_STR("");
    t->now = now;
    xd_arena_init(&t->run, RUN_CAP);
    xd_arena_init(&t->key_arena, RUN_CAP);
    xd_buf_init(&t->text, GROUP_BYTES);
    xd_buf_init(&t->canonical, GROUP_BYTES);
    xd_buf_init(&t->group, GROUP_BYTES);
    xd_buf_init(&t->group_key, GROUP_BYTES);
    xd_buf_init(&t->held, GROUP_BYTES);
    xd_buf_init(&t->held_key, GROUP_BYTES);
    xd_status status = xd_format_reader_create(source->layout, &t->reader, fault);
    if (status != XD_OK) {
        xd_transform_destroy(t);
        return status;
    }
    uint8_t digest[XD_SHA256_BYTES];
    xd_sha256_of(t->bytes, digest);
    xd_hex(digest, sizeof digest, t->raw_hash);
    xd_format_feed(t->reader, t->bytes, true);
    *ret = t;
    return XD_OK;
}

void xd_transform_destroy(xd_transform *t)
{
    if (!t) {
        return;
    }
    xd_format_reader_destroy(t->reader);
    xd_arena_finish(&t->run);
    xd_arena_finish(&t->key_arena);
    xd_buf_finish(&t->text);
    xd_buf_finish(&t->canonical);
    xd_buf_finish(&t->group);
    xd_buf_finish(&t->group_key);
    xd_buf_finish(&t->held);
    xd_buf_finish(&t->held_key);
    free(t);
}

/* --- reading --- */

static void refuse(xd_transform *t, xd_fault *fault)
{
    int64_t line = fault->line > 0 ? fault->line : t->line;
    if (line > 0) {
        line += t->lines_before;
        fault->line = (int32_t)(line < INT32_MAX ? line : INT32_MAX);
    }
    fault->offset += fault->offset >= 0 ? t->bytes_before : 0;
    xd_bulk_refuse(t->bulk, fault);
}

/* A record that has filled the memory of its own run would do so again: that is no lack of the
 * machine, which is worth another try. */
static xd_status judge_memory(const xd_transform *t, xd_status status, xd_fault *fault)
{
    return status != XD_NO_MEMORY || t->run.used_bytes <= RUN_CAP / 2
               ? status
               : xd_fail(fault, XD_LIMIT, "source.size",
                         "this record, or what by holds together with it, needs more than %d bytes "
                         "to be mapped: send it in parts",
                         RUN_CAP);
}

/* The next record that can be read; *ret NULL at the end. What cannot be is refused, and
 * *ret_broken says so. */
static xd_status read_record(xd_transform *t, const xd_json **ret, bool *ret_broken,
                             xd_fault *fault)
{
    *ret_broken = false;
    while (!t->over) {
        xd_fault why = XD_FAULT_NONE;
        bool goes_on = false;
        xd_status status = xd_format_next(t->reader, ret, &goes_on, &why);
        t->line = xd_format_line(t->reader);
        if (status == XD_OK) {
            t->over = !*ret;
            return XD_OK;
        }
        if (status == XD_NO_MEMORY) {
            *fault = why;
            return status;
        }
        t->over = !goes_on;
        *ret_broken = true;
        if (t->over && strcmp(xd_format_name(t->source->layout), "json") != 0) {
            size_t n = strlen(why.text);
            snprintf(why.text + n, sizeof why.text - n, "; nothing behind it was read");
        }
        refuse(t, &why);
    }
    *ret = NULL;
    return XD_OK;
}

static void swap(xd_buf *a, xd_buf *b)
{
    xd_buf other = *a;
    *a = *b;
    *b = other;
}

static void begin_group(xd_transform *t)
{
    swap(&t->group, &t->held);
    swap(&t->group_key, &t->held_key);
    t->group_line = t->held_line;
    t->has_group = true;
    t->has_held = false;
}

static xd_status grow_group(xd_transform *t, xd_fault *fault)
{
    xd_buf_char(&t->group, ',');
    xd_buf_str_add(&t->group, xd_buf_str(&t->held));
    t->has_held = false;
    return t->group.starved ? no_memory(fault) : XD_OK;
}

/* Reads one record into held; has_held stays false at the end. A record that has no key breaks its
 * neighbours as one that cannot be read does. */
static xd_status hold_record(xd_transform *t, bool *ret_broken, xd_fault *fault)
{
    const xd_json *record;
    *ret_broken = false;
    for (;;) {
        bool broken;
        XD_TRY(read_record(t, &record, &broken, fault));
        *ret_broken = *ret_broken || broken;
        if (!record) {
            return XD_OK;
        }
        xd_fault why = XD_FAULT_NONE;
        xd_arena_reset(&t->key_arena);
        xd_status status = xd_source_key(t->source, record, &t->key_arena, &t->held_key, &why);
        if (status == XD_NO_MEMORY) {
            *fault = why;
            return status;
        }
        if (status == XD_OK) {
            xd_buf_clear(&t->held);
            xd_json_write(&t->held, record);
            t->held_line = t->line;
            t->has_held = true;
            return t->held.starved ? no_memory(fault) : XD_OK;
        }
        *ret_broken = true;
        refuse(t, &why);
    }
}

/* The next run of neighbours with one key, as an array in the run's arena; NULL at the end. */
static xd_status read_group(xd_transform *t, const xd_json **ret, bool *ret_broken, xd_fault *fault)
{
    bool broken = t->broken;
    t->broken = false;
    *ret = NULL;
    for (;;) {
        bool next_broken = false;
        if (!t->has_held) {
            XD_TRY(hold_record(t, &next_broken, fault));
        }
        broken = broken || next_broken;
        if (t->has_held && !t->has_group) {
            begin_group(t);
        } else if (t->has_held && xd_str_eq(xd_buf_str(&t->held_key), xd_buf_str(&t->group_key))) {
            XD_TRY(grow_group(t, fault));
        } else {
            t->broken = next_broken; /* it may as well have been a part of the next one */
            break;
        }
    }
    if (!t->has_group) {
        return XD_OK;
    }
    t->has_group = false;
    t->line = t->group_line;
    *ret_broken = broken;
    xd_str text = xd_arena_printf(&t->run, "[%.*s]", XD_FMT(xd_buf_str(&t->group)));
    if (t->group.failed) {
        return xd_fail(fault, XD_LIMIT, "source.group",
                       "the records that by holds together are larger than %d bytes", GROUP_BYTES);
    }
    if (!text.ptr) { /* there is room for it in the run: the machine has none */
        return no_memory(fault);
    }
    xd_json_limits limits = {.max_bytes = GROUP_BYTES, .max_depth = 512, .allow_duplicates = true};
    return xd_json_parse(text, limits, &t->run, ret, fault);
}

/* --- mapping --- */

static xd_status find_time(const xd_transform *t, const xd_json *record, xd_arena *arena,
                           xd_instant *ret, xd_fault *fault)
{
    *ret = XD_INSTANT_NONE;
    if (!t->source->time) {
        return XD_OK;
    }
    const xd_json *made = NULL;
    xd_map_world world = {.now = t->now};
    xd_map_limits limits = XD_MAP_LIMITS_DOCUMENT;
    xd_fault why = XD_FAULT_NONE;
    xd_status status =
        xd_map_run(t->source->time, record, NULL, &world, &limits, arena, &made, &why);
    if (status != XD_OK) {
        return xd_fail(fault, status, why.rule, "time: %s", why.text);
    }
    if (!made || made->type == XD_JSON_NULL) {
        return XD_OK;
    }
    if (made->type != XD_JSON_STRING || !xd_moment_parse(made->text, false, ret)) {
        return xd_fail(fault, XD_INVALID, "source.time",
                       "time must give a date such as 2026-11-23, or an instant such as "
                       "2026-11-23T08:30:00Z");
    }
    return XD_OK;
}

static xd_status run_map(const xd_transform *t, const xd_json *record, xd_codes_look *look,
                         xd_arena *arena, const xd_json **ret, xd_fault *fault)
{
    xd_map_world world = xd_codes_world(look);
    xd_map_limits limits = XD_MAP_LIMITS_DOCUMENT;
    xd_status status = xd_map_run(t->source->map, record, NULL, &world, &limits, arena, ret, fault);
    if (status != XD_OK) {
        xd_source_name_place(t->source, fault);
    }
    return status;
}

static uint32_t documents_in(const xd_json *made)
{
    return !made ? 0 : made->type == XD_JSON_ARRAY ? made->count : 1;
}

/* What the map would make of a record that needs a code that is missing: maps it with codes in the
 * place of their meanings. NULL when that cannot be told: then it is taken for one document, and
 * its step says if it was more. */
static xd_status guess_documents(xd_transform *t, const xd_json *record, xd_codes_look *look,
                                 const xd_json **ret, xd_fault *fault)
{
    xd_fault why = XD_FAULT_NONE;
    look->guess = true;
    *ret = NULL;
    if (run_map(t, record, look, &t->run, ret, &why) == XD_NO_MEMORY) {
        *fault = why;
        return XD_NO_MEMORY;
    }
    return XD_OK;
}

/* Maps a record. */
static xd_status map_record(xd_transform *t, const xd_json *record, xd_fault *fault)
{
    mapped m = {.ready = true, .record = record};
    XD_TRY(find_time(t, record, &t->run, &m.time, fault));
    xd_codes_look look = {.codes = t->source->codes,
                          .at = m.time != XD_INSTANT_NONE ? m.time : t->now};
    xd_status status = run_map(t, record, &look, &t->run, &m.made, fault);
    if (status == XD_NOT_FOUND && look.missing) {
        XD_TRY(guess_documents(t, record, &look, &m.made, fault));
        m.missing = true;
        m.count = m.made ? documents_in(m.made) : 1;
    } else {
        XD_TRY(status);
        m.count = documents_in(m.made);
    }
    if (m.count > t->bulk->limits.max_batch) {
        return xd_fail(fault, XD_LIMIT, "source.documents",
                       "the map makes %u documents of one record, and %u are allowed (limit "
                       "max_batch)",
                       m.count, t->bulk->limits.max_batch);
    }
    t->next = m;
    return XD_OK;
}

/* Reads and maps until there is something to submit; next.ready stays false at the end. */
static xd_status prepare(xd_transform *t, xd_fault *fault)
{
    while (!t->next.ready) {
        const xd_json *record = NULL;
        bool broken = false;
        xd_fault why = XD_FAULT_NONE;
        xd_arena_reset(&t->run);
        xd_status status = t->source->by ? read_group(t, &record, &broken, &why)
                                         : read_record(t, &record, &broken, &why);
        if (status == XD_OK && !record) {
            return XD_OK;
        }
        t->number++;
        if (status == XD_OK && broken && t->source->by) {
            status = xd_fail(&why, XD_INVALID, "source.group",
                             "a record beside this one cannot be read and may belong to the same "
                             "document: correct it first");
        }
        if (status == XD_OK) {
            status = map_record(t, record, &why);
        }
        status = judge_memory(t, status, &why);
        if (status == XD_NO_MEMORY) {
            *fault = why;
            return status;
        }
        if (status != XD_OK) {
            refuse(t, &why);
        } else if (t->next.count == 0) {
            t->next.ready = false; /* the map makes nothing of it */
            t->bulk->tally.lines++;
        }
    }
    return XD_OK;
}

/* --- events --- */

static xd_status no_room(xd_fault *fault)
{
    return xd_fail(fault, XD_NO_MEMORY, "source.memory", "no memory for a document");
}

/* SHA-256 of what the tree says, however it is spelled, in hexadecimal. */
static xd_status digest_of(xd_transform *t, const xd_json *tree, char *ret_hex, xd_fault *fault)
{
    uint8_t digest[XD_SHA256_BYTES];
    xd_buf_clear(&t->canonical);
    XD_TRY(xd_json_canonical(&t->canonical, tree, &t->run, fault));
    if (t->canonical.failed) {
        return no_room(fault);
    }
    xd_sha256_of(xd_buf_str(&t->canonical), digest);
    xd_hex(digest, sizeof digest, ret_hex);
    return XD_OK;
}

/* One document that the map made. Its id is its own number and what it says: the same document
 * again is a repeat, a corrected one is an event of its own. */
static xd_status make_document(xd_transform *t, const xd_json *document, xd_arena *arena,
                               xd_event *event, xd_fault *fault)
{
    char hex[XD_SHA256_HEX + 1];
    XD_TRY(digest_of(t, document, hex, fault));
    event->kind = t->source->to;
    event->id = xd_str_from(hex);
    xd_status status = xd_event_open(event, true, arena, fault);
    if (status != XD_OK) {
        if (status != XD_NO_MEMORY) {
            xd_source_name_field(t->source, fault);
        }
        return status;
    }
    bool fits = event->key.len > 0 && event->key.len + 1 + ID_DIGITS <= XD_EVENT_ID_MAX;
    event->id = fits ? xd_arena_printf(arena, "%.*s@%.*s", XD_FMT(event->key), (int)ID_DIGITS, hex)
                     : xd_arena_copy(arena, xd_str_from(hex));
    return event->id.ptr ? XD_OK : no_room(fault);
}

/* The record itself, for its step to map. Recognised by what it says, in whatever file it comes. */
static xd_status make_record(xd_transform *t, xd_arena *arena, xd_event *event, xd_fault *fault)
{
    char hex[XD_SHA256_HEX + 1];
    event->kind = xd_kind_find(XD_KIND_DOCUMENT);
    event->id = XD_STR("record");
    XD_TRY(xd_event_open(event, false, arena, fault));
    XD_TRY(digest_of(t, event->data, hex, fault));
    event->id = xd_arena_printf(arena, "record@%s", hex);
    return event->id.ptr ? XD_OK : no_room(fault);
}

/* of: how many documents the record stands for, as far as can be told without the code. */
static void write_record(xd_transform *t, uint32_t n)
{
    XD_BUF_LIT(&t->text, "{\"source\":");
    xd_json_write_string(&t->text, xd_str_from(t->source->name));
    xd_buf_printf(&t->text, ",\"map\":\"%s\",\"record\":", t->source->map_hash);
    xd_json_write(&t->text, t->next.record);
    xd_buf_printf(&t->text, ",\"n\":%u,\"of\":%u}", n, t->next.count);
}

/* Fills the event with the record's document n. */
static xd_status make_event(xd_transform *t, uint32_t n, xd_arena *arena, xd_event *event,
                            xd_fault *fault)
{
    const mapped *m = &t->next;
    const xd_json *document =
        m->made && m->made->type == XD_JSON_ARRAY ? &m->made->items[n] : m->made;
    xd_buf_clear(&t->text);
    if (m->missing) {
        write_record(t, n);
    } else {
        xd_json_write(&t->text, document);
    }
    if (t->text.starved) {
        return no_room(fault);
    }
    if (t->text.failed || t->text.len > t->bulk->limits.max_event_bytes) {
        return xd_fail(fault, XD_LIMIT, "event.size",
                       "the document is larger than the %zu bytes that an event may have (limit "
                       "max_event_bytes)",
                       t->bulk->limits.max_event_bytes);
    }
    event->time = m->time;
    event->map = xd_arena_copy(arena, xd_str_from(t->source->map_hash));
    event->raw = xd_arena_printf(arena, "%s#%lld", t->raw_hash, (long long)t->number);
    event->data_text = xd_arena_copy(arena, xd_buf_str(&t->text));
    if (!event->map.ptr || !event->raw.ptr || !event->data_text.ptr) {
        return no_room(fault);
    }
    return m->missing ? make_record(t, arena, event, fault)
                      : make_document(t, document, arena, event, fault);
}

/* --- submissions --- */

static void discard(xd_submission *s)
{
    xd_submission_release(s);
    xd_submission_release(s);
}

/* What the events of a submission under way share. */
typedef struct chunk {
    xd_line *places; /* room of them, in the submission's arena */
    uint32_t room;
    xd_str source, actor;
} chunk;

static xd_status begin_submission(xd_transform *t, xd_submission **ret, chunk *c, xd_fault *fault)
{
    uint32_t least = t->whole ? t->bulk->limits.max_batch : CHUNK_EVENTS;
    uint32_t room = t->next.count > least ? t->next.count : least;
    xd_submission *s = xd_submission_create(room, SUBMISSION_CAP);
    if (!s) {
        return no_memory(fault);
    }
    *c = (chunk){.places = xd_arena_zalloc(&s->arena, room * sizeof *c->places),
                 .room = room,
                 .source = xd_arena_copy(&s->arena, xd_str_from(t->source->name)),
                 .actor = xd_arena_copy(&s->arena, t->bulk->actor)};
    s->raw_hash = xd_arena_copy(&s->arena, xd_str_from(t->raw_hash));
    s->raw_media = xd_str_from(t->source->media);
    s->raw_bytes = t->bytes;
    s->count = 0;
    if (!c->places || !c->source.ptr || !c->actor.ptr || !s->raw_hash.ptr) {
        discard(s);
        return no_memory(fault);
    }
    *ret = s;
    return XD_OK;
}

/* Adds every document of the record, or none. */
static xd_status add_record(xd_transform *t, xd_submission *s, const chunk *c, xd_fault *fault)
{
    uint32_t count = t->next.count;
    for (uint32_t n = 0; n < count; n++) {
        xd_event *event = &s->events[s->count + n];
        *event = (xd_event){.source = c->source, .actor = c->actor, .trace = XD_STR("")};
        XD_TRY(make_event(t, n, &s->arena, event, fault));
        c->places[s->count + n] = (xd_line){.number = t->line + t->lines_before, .offset = -1};
    }
    s->count += count;
    t->bulk->tally.lines += count;
    return XD_OK;
}

void xd_transform_stand_behind(xd_transform *t, int64_t lines, int64_t bytes)
{
    t->lines_before = lines;
    t->bytes_before = bytes;
}

void xd_transform_take_whole(xd_transform *t)
{
    t->whole = true;
}

/* Whether the record that is ready has to wait for the next submission. */
static bool is_full(const xd_transform *t, const xd_submission *s, uint32_t room)
{
    return s->count + t->next.count > room || (!t->whole && s->arena.used_bytes > CHUNK_BYTES);
}

/* Moves what is ready into the submission; XD_NO_MEMORY. */
static xd_status take_record(xd_transform *t, xd_submission *s, const chunk *c, xd_fault *fault)
{
    xd_fault why = XD_FAULT_NONE;
    xd_status status = add_record(t, s, c, &why);
    t->next.ready = false;
    status = judge_memory(t, status, &why);
    if (status == XD_NO_MEMORY && s->arena.used_bytes > SUBMISSION_CAP / 2) {
        /* Not the machine's lack: trying again would end the same. */
        status = xd_fail(&why, XD_LIMIT, "source.size",
                         "the %u documents of this record take more than %d bytes together: send "
                         "it in parts",
                         t->next.count, SUBMISSION_CAP / 2);
    }
    if (status == XD_NO_MEMORY) {
        *fault = why;
        return status;
    }
    if (status != XD_OK) {
        refuse(t, &why);
    }
    return XD_OK;
}

/* Fills the submission; *ret_s stays NULL when there is nothing to put into one. */
static xd_status fill(xd_transform *t, xd_submission **ret_s, chunk *c, xd_fault *fault)
{
    for (;;) {
        XD_TRY(prepare(t, fault));
        if (!t->next.ready) {
            return XD_OK;
        }
        if (!*ret_s) {
            XD_TRY(begin_submission(t, ret_s, c, fault));
        }
        if (is_full(t, *ret_s, c->room)) {
            return !t->whole ? XD_OK
                             : xd_fail(fault, XD_LIMIT, "source.whole",
                                       "the body makes more than %u documents, which are too many "
                                       "for one Idempotency-Key (limit max_batch): send it "
                                       "without one, since documents are recognised by what they "
                                       "say",
                                       t->bulk->limits.max_batch);
        }
        XD_TRY(take_record(t, *ret_s, c, fault));
    }
}

xd_status xd_transform_next(xd_transform *t, xd_submission **ret, xd_fault *fault)
{
    *ret = NULL;
    for (;;) {
        chunk c = {0};
        xd_submission *s = NULL;
        xd_status status = fill(t, &s, &c, fault);
        if (status == XD_OK && s && s->count > 0) {
            s->bytes = s->arena.used_bytes;
            t->bulk->numbers = c.places;
            *ret = s;
            return XD_OK;
        }
        bool more = status == XD_OK && s && t->next.ready;
        if (s) {
            t->bulk->tally.lines -= s->count;
            discard(s);
        }
        if (!more) {
            return status;
        }
    }
}
