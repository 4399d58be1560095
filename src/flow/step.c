/* The step's own work: an overlay of changes over the state view with a hash index, parking and
 * waking of events, and deliveries. Owns nothing beyond its two buffers; everything else lives in
 * the arena. Pure. */
#include "flow/step.h"

#include "base/hash.h"
#include "base/planted.h"
#include "flow/doc.h"
#include "flow/key.h"
#include "flow/maps.h"

#include <assert.h>
#include <stdio.h>

enum {
    FIRST_CHANGES = 32,
    VALUE_CAP = 16 << 20 /* largest state document or effect */
};

static xd_status no_memory(xd_fault *fault)
{
    return xd_fail(fault, XD_NO_MEMORY, "step.memory",
                   "the step of one event needs too much memory");
}

void xd_step_init(xd_step *step)
{
    *step = (xd_step){0};
    xd_buf_init(&step->scratch, VALUE_CAP);
    xd_buf_init(&step->effect_text, VALUE_CAP);
}

void xd_step_finish(xd_step *step)
{
    if (step) {
        xd_buf_finish(&step->scratch);
        xd_buf_finish(&step->effect_text);
        xd_maps_destroy(step->maps);
        step->maps = NULL;
    }
}

void xd_step_begin(xd_step *step, const xd_definition *definition, xd_state_view view,
                   const xd_event *event, xd_arena *arena)
{
    xd_buf scratch = step->scratch;
    xd_buf effect_text = step->effect_text;
    xd_maps *maps = step->maps;
    *step = (xd_step){.definition = definition,
                      .view = view,
                      .event = event,
                      .arena = arena,
                      .scratch = scratch,
                      .effect_text = effect_text,
                      .maps = maps};
    xd_buf_clear(&step->scratch);
    xd_buf_clear(&step->effect_text);
}

xd_buf *xd_step_scratch(xd_step *step)
{
    step->starved = step->starved || step->scratch.starved;
    xd_buf_clear(&step->scratch);
    return &step->scratch;
}

bool xd_step_is_starved(const xd_step *step)
{
    return step->starved || step->scratch.starved || step->effect_text.starved ||
           step->arena->starved;
}

/* Makes room for one more element of an arena array. */
static void *grown(xd_step *step, void *old, uint32_t count, uint32_t *size, size_t element,
                   uint32_t first)
{
    if (count < *size) {
        return old;
    }
    uint32_t next = *size ? *size * 2 : first;
    void *fresh = xd_arena_alloc(step->arena, next * element);
    if (fresh) {
        if (count) {
            memcpy(fresh, old, count * element);
        }
        *size = next;
    }
    return fresh;
}

/* --- changes --- */

/* The slot of (kind, key) in the index: its value is the change's position + 1, or 0 when free. */
static uint32_t *slot_of(const xd_step *step, xd_state_kind kind, xd_str key)
{
    uint32_t mask = step->change_index_size - 1;
    uint32_t at = (uint32_t)xd_hash64(key, (uint64_t)kind) & mask;
    while (step->change_index[at]) {
        const xd_change *change = &step->changes[step->change_index[at] - 1];
        if (change->kind == kind && xd_str_eq(change->key, key)) {
            break;
        }
        at = (at + 1) & mask;
    }
    return &step->change_index[at];
}

static xd_status grow_index(xd_step *step, xd_fault *fault)
{
    uint32_t size = step->change_index_size ? step->change_index_size * 2 : FIRST_CHANGES * 2;
    uint32_t *index = xd_arena_zalloc(step->arena, size * sizeof *index);
    if (!index) {
        return no_memory(fault);
    }
    step->change_index = index;
    step->change_index_size = size;
    for (uint32_t i = 0; i < step->change_count; i++) {
        *slot_of(step, step->changes[i].kind, step->changes[i].key) = i + 1;
    }
    return XD_OK;
}

static xd_status set_change(xd_step *step, xd_state_kind kind, xd_str key, xd_str value,
                            xd_fault *fault)
{
    if (step->change_count * 2 >= step->change_index_size) {
        XD_TRY(grow_index(step, fault));
    }
    uint32_t *slot = slot_of(step, kind, key);
    if (*slot) {
        step->changes[*slot - 1].value = value;
        return XD_OK;
    }
    if (step->change_count >= XD_STEP_MAX_CHANGES) {
        return xd_fail(fault, XD_LIMIT, "step.changes",
                       "one event changes more than %d documents; send it in smaller documents",
                       XD_STEP_MAX_CHANGES);
    }
    step->changes = grown(step, step->changes, step->change_count, &step->change_size,
                          sizeof *step->changes, FIRST_CHANGES);
    if (!step->changes) {
        return no_memory(fault);
    }
    step->changes[step->change_count++] = (xd_change){kind, key, value};
    *slot = step->change_count;
    return XD_OK;
}

xd_status xd_step_get_text(xd_step *step, xd_state_kind kind, xd_str key, xd_str *ret_text,
                           xd_fault *fault)
{
    if (!key.ptr) {
        return no_memory(fault);
    }
    if (step->change_count) {
        uint32_t *slot = slot_of(step, kind, key);
        if (*slot) {
            *ret_text = step->changes[*slot - 1].value;
            return XD_OK;
        }
    }
    return step->view.get(step->view.self, kind, key, step->arena, ret_text, fault);
}

xd_status xd_step_get(xd_step *step, xd_state_kind kind, xd_str key, const xd_json **ret,
                      xd_fault *fault)
{
    xd_str text = XD_STR_NULL;
    XD_TRY(xd_step_get_text(step, kind, key, &text, fault));
    if (!text.ptr) {
        *ret = NULL;
        return XD_OK;
    }
    return xd_json_parse(text, XD_STATE_JSON, step->arena, ret, fault);
}

xd_status xd_step_put(xd_step *step, xd_state_kind kind, xd_str key, xd_str value, xd_fault *fault)
{
    xd_str copy = xd_arena_copy(step->arena, value);
    if (!copy.ptr || !key.ptr) {
        return no_memory(fault);
    }
    return set_change(step, kind, key, copy, fault);
}

xd_status xd_step_delete(xd_step *step, xd_state_kind kind, xd_str key, xd_fault *fault)
{
    return key.ptr ? set_change(step, kind, key, XD_STR_NULL, fault) : no_memory(fault);
}

/* --- deliveries --- */

int64_t xd_step_log_seq(const xd_step *step)
{
    return step->log_seq ? step->log_seq : step->event->seq;
}

xd_status xd_step_deliver(xd_step *step, xd_delivery delivery, xd_fault *fault)
{
    if (step->delivery_count >= XD_STEP_MAX_DELIVERIES) {
        return xd_fail(fault, XD_LIMIT, "step.deliveries",
                       "one event causes more than %d deliveries; fewer systems may receive each "
                       "message",
                       XD_STEP_MAX_DELIVERIES);
    }
    step->deliveries = grown(step, step->deliveries, step->delivery_count, &step->delivery_size,
                             sizeof *step->deliveries, 8);
    if (!step->deliveries) {
        return no_memory(fault);
    }
    step->deliveries[step->delivery_count++] = delivery;
    return XD_OK;
}

xd_status xd_step_send(xd_step *step, xd_message message, xd_str order_key, xd_fault *fault)
{
    const xd_definition *definition = step->definition;
    for (uint32_t i = 0; i < definition->system_count; i++) {
        if (definition->systems[i].receives & (1u << message)) {
            XD_TRY(xd_step_deliver(step,
                                   (xd_delivery){.seq = step->event->seq,
                                                 .index = step->delivery_count,
                                                 .system = i,
                                                 .message = message,
                                                 .order_key = order_key,
                                                 .map = definition->systems[i].maps[message],
                                                 .codes_at = xd_step_log_seq(step)},
                                   fault));
        }
    }
    return XD_OK;
}

/* --- timers --- */

static xd_str timer_key(xd_step *step, xd_instant due, xd_str about)
{
    return xd_arena_printf(step->arena, "%016llx/%.*s", (unsigned long long)due, XD_FMT(about));
}

xd_status xd_step_timer(xd_step *step, xd_instant due, xd_str about, xd_str value, xd_fault *fault)
{
    xd_str key = timer_key(step, due, about);
    return key.ptr ? xd_step_put(step, XD_STATE_TIMER, key, value, fault) : no_memory(fault);
}

xd_status xd_step_cancel_timer(xd_step *step, xd_instant due, xd_str about, xd_fault *fault)
{
    xd_str key = timer_key(step, due, about);
    return key.ptr ? xd_step_delete(step, XD_STATE_TIMER, key, fault) : no_memory(fault);
}

/* --- parking --- */

enum { DAY_US = 24 * 60 * 60 };

/* When a document parked now has waited too long; 0: never. */
static xd_instant patience_end(const xd_step *step)
{
    int64_t days = step->definition->parked_days;
    return days ? step->event->recorded_at + days * DAY_US * 1000000LL : 0;
}

static xd_str wait_key_of(xd_step *step, xd_str wait_kind, xd_str wait_key)
{
    return xd_key_join(step->arena, wait_kind, wait_key);
}

/* Rows of a park queue have the numbers from first to before next. */
typedef struct park_queue {
    int64_t first, next; /* both 1 when it is empty */
    int64_t until;       /* up to where a wake in parts goes; 0: none is under way */
} park_queue;

static xd_status read_queue(xd_step *step, xd_str key, park_queue *ret, xd_fault *fault)
{
    const xd_json *queue = NULL;
    XD_TRY(xd_step_get(step, XD_STATE_PARK_QUEUE, key, &queue, fault));
    *ret = (park_queue){XD_INT(queue, "first", 1), XD_INT(queue, "next", 1),
                        XD_INT(queue, "until", 0)};
    return XD_OK;
}

static xd_status write_queue(xd_step *step, xd_str key, park_queue queue, xd_fault *fault)
{
    if (queue.first == queue.next) {
        return xd_step_delete(step, XD_STATE_PARK_QUEUE, key, fault);
    }
    char until[32] = "";
    char text[128];
    if (queue.until) {
        snprintf(until, sizeof until, ",\"until\":%lld", (long long)queue.until);
    }
    int n = snprintf(text, sizeof text, "{\"first\":%lld,\"next\":%lld%s}", (long long)queue.first,
                     (long long)queue.next, until);
    return xd_step_put(step, XD_STATE_PARK_QUEUE, key, (xd_str){text, (size_t)n}, fault);
}

xd_status xd_step_park(xd_step *step, xd_str wait_kind, xd_str wait_key, xd_fault *fault)
{
    const xd_event *event = step->event;
    xd_str key = wait_key_of(step, wait_kind, wait_key);
    park_queue queue;
    XD_TRY(read_queue(step, key, &queue, fault));
    xd_buf *buf = xd_step_scratch(step);
    XD_BUF_LIT(buf, "{\"seq\":");
    xd_buf_int(buf, event->seq);
    xd_buf_printf(buf, ",\"kind\":\"%s\",\"key\":", event->kind->name);
    xd_json_write_string(buf, event->key);
    XD_BUF_LIT(buf, ",\"order_key\":");
    xd_json_write_string(buf, event->order_key);
    XD_BUF_LIT(buf, ",\"wait_kind\":");
    xd_json_write_string(buf, wait_kind);
    XD_BUF_LIT(buf, ",\"wait_key\":");
    xd_json_write_string(buf, wait_key);
    XD_BUF_LIT(buf, ",\"since\":\"");
    xd_instant_write(buf, event->recorded_at);
    XD_BUF_LIT(buf, "\"");
    xd_instant due = patience_end(step);
    if (due) {
        XD_BUF_LIT(buf, ",\"overdue_us\":");
        xd_buf_int(buf, due);
    }
    xd_buf_char(buf, '}');
    if (buf->failed) {
        return no_memory(fault);
    }
    xd_str row = xd_key_number(step->arena, key, queue.next);
    XD_TRY(xd_step_put(step, XD_STATE_PARKED, row, xd_buf_str(buf), fault));
    if (due) {
        XD_TRY(xd_step_timer(step, due, row, XD_STR("{}"), fault));
    }
    queue.next += XD_PLANTED(park_forgets_last) && queue.next > queue.first ? 0 : 1;
    return write_queue(step, key, queue, fault);
}

/* The document goes on: no reminder any more, and one that was given is settled. */
static xd_status end_patience(xd_step *step, const xd_json *parked, xd_str row, xd_fault *fault)
{
    int64_t due = XD_INT(parked, "overdue_us", 0);
    if (due == 0) {
        return XD_OK;
    }
    XD_TRY(xd_step_cancel_timer(step, due, row, fault));
    xd_str key = xd_key_seq(step->arena, XD_INT(parked, "seq", 0));
    const xd_json *exception = NULL;
    XD_TRY(xd_step_get(step, XD_STATE_EXCEPTION, key, &exception, fault));
    if (!xd_str_eq(XD_TEXT(exception, "code"), XD_STR("PARKED_TOO_LONG"))) {
        return XD_OK;
    }
    xd_buf *buf = xd_step_scratch(step);
    for (uint32_t i = 0; i < exception->count; i++) {
        const xd_json_member *member = &exception->members[i];
        xd_buf_char(buf, i ? ',' : '{');
        xd_json_write_string(buf, member->name);
        xd_buf_char(buf, ':');
        if (xd_str_eq(member->name, XD_STR("status"))) {
            XD_BUF_LIT(buf, "\"settled\"");
        } else {
            xd_json_write(buf, &member->value);
        }
    }
    xd_buf_char(buf, '}');
    return buf->failed ? no_memory(fault)
                       : xd_step_put(step, XD_STATE_EXCEPTION, key, xd_buf_str(buf), fault);
}

static xd_status add_woken(xd_step *step, int64_t seq, xd_fault *fault)
{
    step->wake =
        grown(step, step->wake, step->wake_count, &step->wake_size, sizeof *step->wake, 16);
    if (!step->wake) {
        return no_memory(fault);
    }
    step->wake[step->wake_count++] = seq;
    return XD_OK;
}

/* Takes the rows from first to end out of the queue of key, and wakes their events. */
static xd_status wake_rows(xd_step *step, xd_str key, int64_t first, int64_t end, xd_fault *fault)
{
    for (; first < end; first++) {
        xd_str row = xd_key_number(step->arena, key, first);
        const xd_json *parked = NULL;
        XD_TRY(xd_step_get(step, XD_STATE_PARKED, row, &parked, fault));
        XD_TRY(xd_step_delete(step, XD_STATE_PARKED, row, fault));
        XD_TRY(end_patience(step, parked, row, fault));
        XD_TRY(add_woken(step, XD_INT(parked, "seq", 0), fault));
    }
    return XD_OK;
}

static xd_status wake(xd_step *step, xd_str wait_kind, xd_str wait_key, bool all, xd_fault *fault)
{
    xd_str key = wait_key_of(step, wait_kind, wait_key);
    park_queue queue;
    XD_TRY(read_queue(step, key, &queue, fault));
    if (queue.first == queue.next) {
        return XD_OK;
    }
    int64_t end = all ? queue.next : queue.first + 1;
    XD_TRY(wake_rows(step, key, queue.first, end, fault));
    if (XD_PLANTED(lose_one_woken) && all && step->wake_count > 1) {
        step->wake_count--;
    }
    queue.first = end;
    return write_queue(step, key, queue, fault);
}

xd_status xd_step_wake_in_parts(xd_step *step, xd_str wait_kind, xd_str wait_key, xd_fault *fault)
{
    xd_str key = wait_key_of(step, wait_kind, wait_key);
    park_queue queue;
    XD_TRY(read_queue(step, key, &queue, fault));
    /* Those that park here again while this goes on are behind, and wait for the next change. */
    int64_t until = !step->resumed ? queue.next : queue.until ? queue.until : queue.first;
    if (queue.first == until) {
        return XD_OK;
    }
    bool more = until - queue.first > XD_STEP_WAKE_PART;
    int64_t end = more ? queue.first + XD_STEP_WAKE_PART : until;
    XD_TRY(wake_rows(step, key, queue.first, end, fault));
    if (more) {
        XD_TRY(add_woken(step, step->event->seq, fault));
    }
    if (XD_PLANTED(lose_one_woken) && step->wake_count > 1) {
        step->wake_count--;
    }
    queue.first = end;
    queue.until = more ? until : 0;
    return write_queue(step, key, queue, fault);
}

xd_status xd_step_again(xd_step *step, xd_fault *fault)
{
    return add_woken(step, step->event->seq, fault);
}

xd_status xd_step_wake(xd_step *step, xd_str wait_kind, xd_str wait_key, xd_fault *fault)
{
    return wake(step, wait_kind, wait_key, true, fault);
}

xd_status xd_step_wake_next(xd_step *step, xd_str wait_kind, xd_str wait_key, xd_fault *fault)
{
    return wake(step, wait_kind, wait_key, false, fault);
}
