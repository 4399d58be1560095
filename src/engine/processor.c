/* Processor. See processor.h. */
#include "engine/processor.h"

#include "base/planted.h"
#include "engine/timers.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    STEP_ARENA_CAP = 64 << 20,
    WOKEN_MAX = 1 << 20, /* parked events that one event may set going */
    DEFINITION_CAP = 16 << 20,
    REGISTER_CAP = 1 << 30 /* lines not yet written; the engine writes long before */
};

typedef struct numbered {
    xd_numbered table;
    int64_t number;
    char *value; /* owns */
    size_t len;
} numbered;

struct xd_processor {
    xd_store *store; /* borrows: writes the state, reads the log */
    xd_cache *cache; /* owns */
    xd_processor_ports ports;
    xd_step step;
    xd_arena step_arena;
    xd_arena woken_arena;
    xd_arena definition_arena;
    xd_definition definition;
    xd_arena register_arena;
    xd_log_row *lines; /* owns; texts in register_arena: stepped, not yet in the register */
    size_t line_count;
    size_t line_size;
    numbered *numbered; /* owns: effects and journal entries not yet written */
    size_t numbered_count;
    size_t numbered_size;
    int64_t *woken; /* owns: stack of parked events still to step */
    size_t woken_count;
    size_t woken_size;
    int64_t stepped;
    int64_t written;
    int64_t writing; /* stepped, as of the write under way */
};

/* A copy, since flows keep pieces of what they read (keys of neighbours in a list, for one) until
 * their changes are applied, and applying one change overwrites the cache's own bytes of a
 * document. */
static xd_status view_get(void *self, xd_state_kind kind, xd_str key, xd_arena *arena,
                          xd_str *ret_value, xd_fault *fault)
{
    xd_str value;
    XD_TRY(xd_cache_get(self, kind, key, arena, &value, fault));
    if (!value.ptr) {
        *ret_value = XD_STR_NULL;
        return XD_OK;
    }
    xd_str copy = xd_arena_copy(arena, value);
    if (!copy.ptr) {
        return xd_fail(fault, XD_LIMIT, "step.memory",
                       "the step of one event reads too much state");
    }
    *ret_value = copy;
    return XD_OK;
}

/* Builds the definition anew from its state document. */
static xd_status load_definition(xd_processor *p, xd_fault *fault)
{
    xd_arena arena;
    xd_arena_init(&arena, DEFINITION_CAP);
    xd_str stored = XD_STR_NULL;
    const xd_json *json = NULL;
    xd_definition definition;
    /* The first event of every log is a definition; until it is stepped nothing depends on this. */
    xd_str text = XD_STR("{\"currency\":\"USD\"}");
    xd_status status =
        xd_cache_get(p->cache, XD_STATE_DEFINITION, XD_STR("current"), &arena, &stored, fault);
    if (status == XD_OK && stored.ptr) {
        text = xd_arena_copy(&arena, stored);
        status = text.ptr ? XD_OK : xd_fail(fault, XD_NO_MEMORY, NULL, "definition too large");
    }
    if (status == XD_OK) {
        status = xd_json_parse(text, XD_JSON_LIMITS_DEFAULT, &arena, &json, fault);
    }
    if (status == XD_OK) {
        status = xd_definition_read(json, &arena, &definition, fault);
    }
    if (status != XD_OK) {
        xd_arena_finish(&arena);
        return status;
    }
    xd_arena_finish(&p->definition_arena);
    p->definition_arena = arena;
    p->definition = definition;
    return XD_OK;
}

xd_status xd_processor_create(xd_store *store, size_t cache_bytes, xd_processor_ports ports,
                              xd_processor **ret, xd_fault *fault)
{
    xd_processor *p = calloc(1, sizeof *p);
    if (!p) {
        return xd_fail(fault, XD_NO_MEMORY, NULL, "no memory for the processor");
    }
    p->store = store;
    p->ports = ports;
    p->cache = xd_cache_create(store, cache_bytes);
    xd_step_init(&p->step);
    xd_arena_init(&p->step_arena, STEP_ARENA_CAP);
    xd_arena_init(&p->woken_arena, STEP_ARENA_CAP);
    xd_arena_init(&p->definition_arena, DEFINITION_CAP);
    xd_arena_init(&p->register_arena, REGISTER_CAP);
    xd_status status =
        p->cache ? XD_OK : xd_fail(fault, XD_NO_MEMORY, NULL, "no memory for the state cache");
    if (status == XD_OK) {
        status = store->ops->meta_get(store, XD_STR("state_seq"), &p->stepped, fault);
    }
    if (status == XD_OK) {
        p->written = p->stepped;
        status = load_definition(p, fault);
    }
    if (status != XD_OK) {
        xd_processor_destroy(p);
        return status;
    }
    *ret = p;
    return XD_OK;
}

static void drop_numbered(xd_processor *p)
{
    for (size_t i = 0; i < p->numbered_count; i++) {
        free(p->numbered[i].value);
    }
    p->numbered_count = 0;
}

void xd_processor_destroy(xd_processor *p)
{
    if (!p) {
        return;
    }
    drop_numbered(p);
    free(p->numbered);
    free(p->lines);
    free(p->woken);
    xd_step_finish(&p->step);
    xd_arena_finish(&p->step_arena);
    xd_arena_finish(&p->woken_arena);
    xd_arena_finish(&p->definition_arena);
    xd_arena_finish(&p->register_arena);
    xd_cache_destroy(p->cache);
    free(p);
}

static xd_status no_memory(xd_fault *fault)
{
    return xd_fail(fault, XD_NO_MEMORY, "processor.memory",
                   "no memory to keep what an event changed");
}

static xd_status keep_numbered(xd_processor *p, xd_numbered table, int64_t number, xd_str value,
                               xd_fault *fault)
{
    if (p->numbered_count == p->numbered_size) {
        size_t size = p->numbered_size ? p->numbered_size * 2 : 256;
        numbered *grown = realloc(p->numbered, size * sizeof *grown);
        if (!grown) {
            return no_memory(fault);
        }
        p->numbered = grown;
        p->numbered_size = size;
    }
    char *copy = malloc(value.len ? value.len : 1);
    if (!copy) {
        return no_memory(fault);
    }
    memcpy(copy, value.ptr, value.len);
    p->numbered[p->numbered_count++] = (numbered){table, number, copy, value.len};
    return XD_OK;
}

/* Keeps the line of the event just stepped in the register until the next write. It is found by the
 * keys of the document that the event stands for, which for a record is known once it is mapped. */
static xd_status keep_line(xd_processor *p, const xd_event *event, xd_fault *fault)
{
    const xd_event *subject = p->step.event;
    if (p->line_count == p->line_size) {
        size_t size = p->line_size ? p->line_size * 2 : 256;
        xd_log_row *grown = realloc(p->lines, size * sizeof *grown);
        if (!grown) {
            return no_memory(fault);
        }
        p->lines = grown;
        p->line_size = size;
    }
    xd_arena *arena = &p->register_arena;
    xd_log_row *line = &p->lines[p->line_count];
    *line = (xd_log_row){.seq = event->seq,
                         .recorded_at = event->recorded_at,
                         .kind = (int32_t)event->kind->kind,
                         .source = xd_arena_copy(arena, event->source),
                         .id = xd_arena_copy(arena, event->id),
                         .key = xd_arena_copy(arena, subject->key),
                         .order_key = xd_arena_copy(arena, subject->order_key),
                         .time = event->time,
                         .actor = xd_arena_copy(arena, event->actor),
                         .body = {NULL, event->data_text.len}};
    if (!line->source.ptr || !line->id.ptr || !line->key.ptr || !line->order_key.ptr ||
        !line->actor.ptr) {
        return no_memory(fault);
    }
    p->line_count++;
    return XD_OK;
}

/* Groups the step's deliveries by the event that caused them (a retried dead letter belongs to an
 * older one, whose texts are read from the store when it is sent). */
static xd_status offer_deliveries(xd_processor *p, const xd_event *event, xd_fault *fault)
{
    const xd_step *step = &p->step;
    uint32_t i = 0;
    while (p->ports.offer && i < step->delivery_count) {
        uint32_t end = i + 1;
        while (end < step->delivery_count && step->deliveries[end].seq == step->deliveries[i].seq) {
            end++;
        }
        const xd_event older = {.seq = step->deliveries[i].seq, .time = XD_INSTANT_NONE};
        bool own = older.seq == event->seq;
        xd_parcel *parcel = xd_parcel_create(own ? event : &older, own ? step->effect : XD_STR_NULL,
                                             step->deliveries + i, end - i, &p->definition);
        if (!parcel) {
            return no_memory(fault);
        }
        p->ports.offer(p->ports.self, parcel);
        i = end;
    }
    return XD_OK;
}

/* Makes the step's changes the state in force. */
static xd_status apply(xd_processor *p, const xd_event *event, xd_fault *fault)
{
    const xd_step *step = &p->step;
    bool redefined = false;
    for (uint32_t i = 0; i < step->change_count; i++) {
        const xd_change *change = &step->changes[i];
        XD_TRY(xd_cache_put(p->cache, change->kind, change->key, change->value, fault));
        redefined |= change->kind == XD_STATE_DEFINITION;
        if (change->kind == XD_STATE_TIMER && change->value.ptr && p->ports.timer) {
            p->ports.timer(p->ports.self, xd_timer_due(change->key), change->key);
        }
    }
    for (uint32_t i = 0; i < step->posting_count; i++) {
        XD_TRY(keep_numbered(p, XD_NUMBERED_JOURNAL, step->postings[i].ordinal,
                             step->postings[i].value, fault));
    }
    if (step->effect.ptr) {
        XD_TRY(keep_numbered(p, XD_NUMBERED_EFFECT, event->seq, step->effect, fault));
    }
    XD_TRY(offer_deliveries(p, event, fault));
    return redefined ? load_definition(p, fault) : XD_OK;
}

/* True when the fault says that this document can never be processed, rather than that the hub
 * cannot go on. */
static bool is_poison(xd_status status)
{
    switch (status) {
    case XD_INVALID:
    case XD_NOT_FOUND:
    case XD_CONFLICT:
    case XD_DENIED:
    case XD_LIMIT:
    case XD_OVERFLOW:
        return true;
    default:
        return false;
    }
}

/* Keeps a document that no flow could take as an exception for a person; nothing of its step was
 * applied. */
static xd_status quarantine(xd_processor *p, const xd_event *event, const xd_fault *why,
                            xd_fault *fault)
{
    char key[17];
    snprintf(key, sizeof key, "%016llx", (unsigned long long)event->seq);
    xd_buf text;
    xd_buf_init(&text, 4096);
    xd_buf_printf(&text, "{\"seq\":%lld,\"kind\":\"%s\",\"key\":", (long long)event->seq,
                  event->kind->name);
    xd_json_write_string(&text, event->key);
    XD_BUF_LIT(&text, ",\"code\":\"QUARANTINED\",\"rule\":");
    xd_json_write_string(&text, xd_str_from(why->rule));
    XD_BUF_LIT(&text, ",\"text\":");
    xd_json_write_string(&text, xd_str_from(why->text));
    XD_BUF_LIT(&text, ",\"status\":\"open\",\"at\":\"");
    xd_instant_write(&text, event->recorded_at);
    XD_BUF_LIT(&text, "\"}");
    xd_status status = text.failed ? no_memory(fault)
                                   : xd_cache_put(p->cache, XD_STATE_EXCEPTION, xd_str_from(key),
                                                  xd_buf_str(&text), fault);
    xd_buf_finish(&text);
    return status;
}

static xd_status step_one(xd_processor *p, const xd_event *event, bool resumed, xd_fault *fault)
{
    xd_arena_reset(&p->step_arena);
    xd_state_view view = {.self = p->cache, .get = view_get};
    xd_step_begin(&p->step, &p->definition, view, event, &p->step_arena);
    p->step.resumed = resumed;
    p->step.log_seq = p->stepped + 1;
    xd_fault why = XD_FAULT_NONE;
    xd_status status = xd_flow_step(&p->step, &why);
    if (status == XD_OK) {
        XD_TRY(apply(p, event, fault));
    } else if (is_poison(status)) {
        return quarantine(p, event, &why, fault);
    } else {
        if (fault) {
            *fault = why;
        }
        return status;
    }
    /* Woken events go on top of the stack in reverse, so that they run in order and before older
     * ones. */
    size_t need = p->woken_count + p->step.wake_count;
    if (need > p->woken_size) {
        size_t size = need * 2;
        int64_t *grown = size <= WOKEN_MAX ? realloc(p->woken, size * sizeof *grown) : NULL;
        if (!grown) {
            return no_memory(fault);
        }
        p->woken = grown;
        p->woken_size = size;
    }
    for (uint32_t i = p->step.wake_count; i > 0; i--) {
        p->woken[p->woken_count++] = p->step.wake[i - 1];
    }
    return XD_OK;
}

xd_status xd_event_of_row(const xd_log_row *row, xd_arena *arena, xd_event *ret, xd_fault *fault)
{
    xd_event event = {.seq = row->seq,
                      .recorded_at = row->recorded_at,
                      .kind = xd_kind_find((xd_kind)row->kind),
                      .source = row->source,
                      .id = row->id,
                      .time = row->time,
                      .actor = row->actor,
                      .trace = row->trace,
                      .map = row->map,
                      .raw = row->raw,
                      .data_text = row->body};
    if (!event.kind) {
        return xd_fail(fault, XD_CORRUPT, "log.kind",
                       "event %lld in the log has kind %d, which this version does not know",
                       (long long)row->seq, (int)row->kind);
    }
    XD_TRY(xd_event_open(&event, false, arena, fault));
    *ret = event;
    return XD_OK;
}

static xd_status step_woken(xd_processor *p, xd_fault *fault)
{
    while (p->woken_count > 0) {
        int64_t seq = p->woken[--p->woken_count];
        xd_arena_reset(&p->woken_arena);
        xd_log_row row;
        XD_TRY(p->store->ops->log_get(p->store, seq, &p->woken_arena, &row, fault));
        xd_event event;
        XD_TRY(xd_event_of_row(&row, &p->woken_arena, &event, fault));
        XD_TRY(step_one(p, &event, true, fault));
        if (event.kind->kind == XD_KIND_DOCUMENT) {
            XD_TRY(keep_line(p, &event, fault));
        }
    }
    return XD_OK;
}

xd_status xd_processor_step(xd_processor *p, const xd_event *event, xd_fault *fault)
{
    assert(event->seq == p->stepped + 1);
    if (XD_PLANTED(skip_an_event) && event->seq % 97 == 50) {
        p->stepped = event->seq;
        return XD_OK;
    }
    XD_TRY(step_one(p, event, false, fault));
    XD_TRY(keep_line(p, event, fault));
    XD_TRY(step_woken(p, fault));
    if (p->ports.crosswalk && event->kind->kind == XD_KIND_CROSSWALK) {
        p->ports.crosswalk(p->ports.self, event);
    }
    p->stepped = event->seq;
    return XD_OK;
}

xd_status xd_processor_step_beside(xd_processor *p, const xd_event *event, xd_fault *fault)
{
    XD_TRY(step_one(p, event, false, fault));
    XD_TRY(step_woken(p, fault));
    if (p->ports.crosswalk && event->kind->kind == XD_KIND_CROSSWALK) {
        p->ports.crosswalk(p->ports.self, event);
    }
    return XD_OK;
}

int64_t xd_processor_stepped(const xd_processor *p)
{
    return p->stepped;
}

int64_t xd_processor_written_seq(const xd_processor *p)
{
    return p->written;
}

size_t xd_processor_dirty(const xd_processor *p)
{
    return xd_cache_dirty_count(p->cache) + p->numbered_count + p->line_count;
}

xd_status xd_processor_write(xd_processor *p, int64_t *ret_rows, xd_fault *fault)
{
    int64_t rows = 0;
    XD_TRY(xd_cache_write(p->cache, &rows, fault));
    for (size_t i = 0; i < p->numbered_count; i++) {
        const numbered *n = &p->numbered[i];
        XD_TRY(p->store->ops->numbered_put(p->store, n->table, n->number,
                                           (xd_str){n->value, n->len}, fault));
    }
    for (size_t i = 0; i < p->line_count; i++) {
        XD_TRY(p->store->ops->event_put(p->store, &p->lines[i], fault));
    }
    XD_TRY(p->store->ops->meta_put(p->store, XD_STR("state_seq"), p->stepped, fault));
    p->writing = p->stepped;
    *ret_rows = rows + (int64_t)(p->numbered_count + p->line_count);
    return XD_OK;
}

void xd_processor_written(xd_processor *p)
{
    xd_cache_written(p->cache);
    drop_numbered(p);
    p->line_count = 0;
    xd_arena_reset(&p->register_arena);
    p->written = p->writing;
}
