/* A hub for tests. See test_hub.h. */
#include "outbound/test_hub.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { DOCUMENTS_MAX = 8 };

typedef struct document {
    xd_state_kind kind;
    const char *key, *text;
} document;

typedef struct logged {
    test_event event;
    char order_key[64];
    bool written;
    bool settled[TEST_HUB_SYSTEMS]; /* as state says */
    test_outcome outcomes[TEST_HUB_SYSTEMS];
} logged;

struct xd_engine {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool running, stopping, held;
    uint32_t refuse;
    xd_status refusal;
    xd_submission *queue;
    logged *events; /* owns TEST_HUB_EVENTS; seq is index + 1 */
    int64_t head;   /* events and outcomes */
    int64_t event_count;
    int64_t written_seq; /* meta state_seq; -1: follows head */
    uint32_t recorded;
    document documents[DOCUMENTS_MAX];
    uint32_t document_count;
};

static xd_engine hub = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

void test_sleep_ms(int32_t ms)
{
    struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}

static void lock(void)
{
    pthread_mutex_lock(&hub.lock);
}

static void unlock(void)
{
    pthread_cond_broadcast(&hub.changed);
    pthread_mutex_unlock(&hub.lock);
}

/* Seqs of events are far apart from those of outcomes, so that an event is found from its seq. */
static logged *logged_at(int64_t seq)
{
    assert(seq >= 1 && seq <= hub.event_count);
    return &hub.events[seq - 1];
}

/* --- the engine's thread --- */

static test_outcome *outcome_of(xd_str id, logged **ret_event, int64_t *ret_index)
{
    const char *dot = memchr(id.ptr, '.', id.len);
    int64_t seq = 0;
    assert(dot && xd_str_to_int64((xd_str){id.ptr, (size_t)(dot - id.ptr)}, &seq));
    assert(xd_str_to_int64((xd_str){dot + 1, id.len - (size_t)(dot + 1 - id.ptr)}, ret_index));
    *ret_event = logged_at(seq);
    return &(*ret_event)->outcomes[*ret_index];
}

static void record(const xd_json *data)
{
    logged *event;
    int64_t index;
    const xd_json *ok = XD_GET(data, "ok");
    for (uint32_t i = 0; ok && i < ok->count; i++) {
        outcome_of(ok->items[i].text, &event, &index)->ok++;
        event->settled[index] = true;
        hub.recorded++;
    }
    const xd_json *superseded = XD_GET(data, "superseded");
    for (uint32_t i = 0; superseded && i < superseded->count; i++) {
        outcome_of(superseded->items[i].text, &event, &index)->superseded++;
    }
    const xd_json *failed = XD_GET(data, "failed");
    for (uint32_t i = 0; failed && i < failed->count; i++) {
        const xd_json *f = &failed->items[i];
        test_outcome *outcome = outcome_of(XD_TEXT(f, "id"), &event, &index);
        bool unknown = xd_str_eq(XD_TEXT(f, "class"), XD_STR("unknown"));
        outcome->unknown += unknown;
        outcome->dead += !unknown;
        outcome->attempts = (uint32_t)XD_INT(f, "attempts", 0);
        outcome->status = (int32_t)XD_INT(f, "status", -1);
        snprintf(outcome->reason, sizeof outcome->reason, "%.*s", XD_FMT(XD_TEXT(f, "reason")));
        event->settled[index] = true;
        hub.recorded++;
    }
}

static void *engine_run(void *self)
{
    (void)self;
    lock();
    for (;;) {
        while (!hub.stopping && (!hub.queue || hub.held)) {
            pthread_cond_wait(&hub.changed, &hub.lock);
        }
        xd_submission *s = hub.queue;
        if (!s) {
            break;
        }
        hub.queue = NULL;
        s->results[0] = (xd_appended){.status = XD_OK, .seq = ++hub.head};
        record(s->events[0].data);
        unlock();
        s->done(s);
        xd_submission_release(s);
        lock();
    }
    unlock();
    return NULL;
}

void test_hub_open(void)
{
    free(hub.events);
    hub.events = calloc(TEST_HUB_EVENTS, sizeof(logged));
    assert(hub.events);
    hub.running = true;
    hub.stopping = hub.held = false;
    hub.refuse = 0;
    hub.head = hub.event_count = 0;
    hub.written_seq = -1;
    hub.recorded = 0;
    hub.document_count = 0;
    assert(!hub.queue);
    int rc = pthread_create(&hub.thread, NULL, engine_run, NULL);
    assert(rc == 0);
}

void test_hub_close(void)
{
    lock();
    hub.stopping = true;
    unlock();
    pthread_join(hub.thread, NULL);
    hub.running = false;
}

xd_engine *test_hub_engine(void)
{
    return &hub;
}

/* --- what outbound calls --- */

xd_status xd_engine_submit(xd_engine *engine, xd_submission *submission, xd_fault *fault)
{
    assert(engine == &hub && submission->count == 1);
    assert(submission->events[0].kind->kind == XD_KIND_HUB_OUTCOMES);
    lock();
    xd_status status = XD_OK;
    if (hub.refuse) {
        hub.refuse--;
        status = hub.refusal;
    } else {
        assert(!hub.queue); /* one outcomes event at a time */
        hub.queue = submission;
    }
    unlock();
    if (status != XD_OK) {
        xd_submission_release(submission);
        return xd_fail(fault, status, NULL, "refused by the test");
    }
    return XD_OK;
}

void xd_engine_stats_get(xd_engine *engine, xd_engine_stats *ret)
{
    assert(engine == &hub);
    lock();
    *ret = (xd_engine_stats){.log_head = hub.head, .stepped_seq = hub.head};
    unlock();
}

xd_status xd_flow_render(xd_message message, const xd_event *event, const xd_json *effect,
                         xd_buf *ret_body, xd_fault *fault)
{
    if (event->seq != XD_INT(effect, "seq", -1)) {
        return xd_fail(fault, XD_INVALID, "test", "this effect belongs to another event");
    }
    xd_buf_printf(ret_body,
                  "{\"message\":\"%s\",\"seq\":%lld,\"receipt\":", xd_message_name(message),
                  (long long)event->seq);
    xd_json_write_string(ret_body, XD_TEXT(event->data, "receipt_no"));
    xd_buf_char(ret_body, '}');
    return XD_OK;
}

/* --- the store --- */

static void reader_destroy(xd_store *store)
{
    free(store);
}

static xd_status reader_meta_get(xd_store *store, xd_str name, int64_t *ret_value, xd_fault *fault)
{
    (void)store;
    (void)name;
    (void)fault;
    lock();
    *ret_value = hub.written_seq < 0 ? hub.head : hub.written_seq;
    unlock();
    return XD_OK;
}

static xd_status reader_log_get(xd_store *store, int64_t seq, xd_arena *arena, xd_log_row *ret_row,
                                xd_fault *fault)
{
    (void)store;
    (void)fault;
    *ret_row = (xd_log_row){
        .seq = seq,
        .recorded_at = 1000000 + seq,
        .kind = XD_KIND_GOODS_RECEIPT,
        .source = XD_STR("urn:wms:test"),
        .id = xd_arena_printf(arena, "id-%lld", (long long)seq),
        .time = XD_INSTANT_NONE,
        .body = xd_arena_printf(arena, "{\"receipt_no\":\"GR-%lld\"}", (long long)seq)};
    return XD_OK;
}

static xd_status reader_numbered_get(xd_store *store, xd_numbered table, int64_t number,
                                     xd_arena *arena, xd_str *ret_value, xd_fault *fault)
{
    (void)store;
    (void)table;
    (void)fault;
    lock();
    bool written = logged_at(number)->written;
    unlock();
    *ret_value =
        written ? xd_arena_printf(arena, "{\"seq\":%lld}", (long long)number) : XD_STR_NULL;
    return XD_OK;
}

static uint32_t outbox_row(int64_t seq, char *row, size_t size)
{
    const logged *e = logged_at(seq);
    size_t n = (size_t)snprintf(row, size, "{\"order_key\":\"%s\",\"to\":[", e->order_key);
    uint32_t count = 0;
    for (uint32_t i = 0; i < TEST_HUB_SYSTEMS; i++) {
        if (e->event.systems[i] && !e->settled[i]) {
            n += (size_t)snprintf(row + n, size - n, "%s[%u,\"%s\",\"%s\"", count ? "," : "", i,
                                  e->event.systems[i], xd_message_name(e->event.message));
            if (e->event.map) {
                n += (size_t)snprintf(row + n, size - n, ",\"%s\",\"%s\",%lld", e->order_key,
                                      e->event.map, (long long)seq);
            }
            n += (size_t)snprintf(row + n, size - n, "]");
            count++;
        }
    }
    snprintf(row + n, size - n, "]}");
    return count;
}

static xd_status reader_state_each(xd_store *store, xd_state_kind only_kind, xd_state_visit visit,
                                   void *context, xd_fault *fault)
{
    (void)store;
    (void)fault;
    assert(only_kind == XD_STATE_OUTBOX);
    for (int64_t seq = 1;; seq++) {
        lock();
        bool over = seq > hub.event_count;
        char row[512] = "";
        uint32_t count = !over && logged_at(seq)->written ? outbox_row(seq, row, sizeof row) : 0;
        unlock();
        if (over) {
            return XD_OK;
        }
        char key[17];
        snprintf(key, sizeof key, "%016llx", (unsigned long long)seq);
        if (count) {
            XD_TRY(visit(context, only_kind, xd_str_from(key), xd_str_from(row)));
        }
    }
}

static xd_status reader_state_get(xd_store *store, xd_state_kind kind, xd_str key, xd_arena *arena,
                                  xd_str *ret_value, xd_fault *fault)
{
    (void)store;
    (void)fault;
    *ret_value = XD_STR_NULL;
    lock();
    for (uint32_t i = 0; i < hub.document_count; i++) {
        const document *d = &hub.documents[i];
        if (d->kind == kind && xd_str_eq(xd_str_from(d->key), key)) {
            *ret_value = xd_arena_copy(arena, xd_str_from(d->text));
        }
    }
    unlock();
    return XD_OK;
}

static const xd_store_ops reader_ops = {.destroy = reader_destroy,
                                        .log_get = reader_log_get,
                                        .state_get = reader_state_get,
                                        .state_each = reader_state_each,
                                        .numbered_get = reader_numbered_get,
                                        .meta_get = reader_meta_get};

xd_store *test_hub_reader(void)
{
    xd_store *store = calloc(1, sizeof *store);
    assert(store);
    store->ops = &reader_ops;
    return store;
}

/* --- what tests do --- */

static xd_str pack(char **cursor, const char *text)
{
    size_t n = strlen(text);
    memcpy(*cursor, text, n);
    xd_str s = {*cursor, n};
    *cursor += n;
    return s;
}

static xd_parcel *make_parcel(int64_t seq)
{
    const logged *e = logged_at(seq);
    size_t head = sizeof(xd_parcel) + TEST_HUB_SYSTEMS * sizeof(struct xd_parcel_delivery);
    xd_parcel *p = calloc(1, head + 1024);
    assert(p);
    char *cursor = (char *)p + head;
    char text[64];
    atomic_init(&p->owners, 1);
    p->seq = seq;
    p->kind = XD_KIND_GOODS_RECEIPT;
    p->recorded_at = 1000000 + seq;
    p->time = XD_INSTANT_NONE;
    p->source = pack(&cursor, "urn:wms:test");
    snprintf(text, sizeof text, "id-%lld", (long long)seq);
    p->id = pack(&cursor, text);
    if (!e->event.without_texts) {
        snprintf(text, sizeof text, "{\"receipt_no\":\"GR-%lld\"}", (long long)seq);
        p->data_text = pack(&cursor, text);
        snprintf(text, sizeof text, "{\"seq\":%lld}", (long long)seq);
        p->effect = pack(&cursor, text);
    }
    for (uint32_t i = 0; i < TEST_HUB_SYSTEMS; i++) {
        if (e->event.systems[i] && !e->settled[i]) {
            p->deliveries[p->count++] =
                (struct xd_parcel_delivery){.index = i,
                                            .message = e->event.message,
                                            .system = pack(&cursor, e->event.systems[i]),
                                            .order_key = pack(&cursor, e->order_key),
                                            .codes_at = seq};
            if (e->event.map) {
                p->deliveries[p->count - 1].map = pack(&cursor, e->event.map);
            }
        }
    }
    return p;
}

int64_t test_hub_emit(xd_delivery_port port, const test_event *event)
{
    lock();
    /* Only events are numbered from 1 on: outcomes count in head alone, as tests emit first. */
    assert(hub.event_count < TEST_HUB_EVENTS);
    int64_t seq = ++hub.event_count;
    hub.head = hub.head > seq ? hub.head : seq;
    logged *e = logged_at(seq);
    e->event = *event;
    snprintf(e->order_key, sizeof e->order_key, "%s", event->order_key);
    e->written = !event->unwritten;
    if (event->unwritten && hub.written_seq < 0) {
        hub.written_seq = seq - 1;
    }
    xd_parcel *parcel = port.offer ? make_parcel(seq) : NULL;
    unlock();
    if (parcel) {
        port.offer(port.self, parcel);
    }
    return seq;
}

void test_hub_state(xd_state_kind kind, const char *key, const char *text)
{
    lock();
    uint32_t i = 0;
    while (i < hub.document_count &&
           (hub.documents[i].kind != kind || strcmp(hub.documents[i].key, key) != 0)) {
        i++;
    }
    assert(i < DOCUMENTS_MAX);
    hub.documents[i] = (document){kind, key, text};
    hub.document_count += i == hub.document_count;
    unlock();
}

void test_hub_offer_again(xd_delivery_port port, int64_t seq)
{
    lock();
    xd_parcel *parcel = make_parcel(seq);
    unlock();
    port.offer(port.self, parcel);
}

void test_hub_write(void)
{
    lock();
    for (int64_t seq = 1; seq <= hub.event_count; seq++) {
        logged_at(seq)->written = true;
    }
    hub.written_seq = -1;
    unlock();
}

void test_hub_hold(bool held)
{
    lock();
    hub.held = held;
    unlock();
}

void test_hub_refuse(uint32_t n, xd_status status)
{
    lock();
    hub.refuse = n;
    hub.refusal = status;
    unlock();
}

uint32_t test_hub_recorded(void)
{
    lock();
    uint32_t n = hub.recorded;
    unlock();
    return n;
}

bool test_hub_wait(uint32_t n)
{
    for (int i = 0; i < 4000; i++) {
        if (test_hub_recorded() >= n) {
            return true;
        }
        test_sleep_ms(5);
    }
    return false;
}

test_outcome test_hub_outcome(int64_t seq, uint32_t index)
{
    lock();
    test_outcome outcome = logged_at(seq)->outcomes[index];
    unlock();
    return outcome;
}

uint32_t test_hub_open_deliveries(void)
{
    uint32_t open = 0;
    lock();
    for (int64_t seq = 1; seq <= hub.event_count; seq++) {
        char row[512];
        open += outbox_row(seq, row, sizeof row);
    }
    unlock();
    return open;
}
