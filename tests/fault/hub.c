/* A small hub for fault tests. See hub.h. Calls engine and store by their headers, and SQLite to
 * look. */
#include "hub.h"

#include "engine/replay.h"

#include <assert.h>
#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    ARENA_CAP = 4 << 20,
    TEXT_BYTES = 16384,
    TURNS = 6,          /* in which an answer comes */
    SETTLE_TURNS = 200, /* in which everything comes to rest */
    PAUSE_US = 250000,  /* past the engine's pause between two tries of a store that refuses */
    RESUME_TRIES = 4,   /* of an event, once the store takes writes again */
    NOTE_BYTES = 12000  /* more than a page of the database */
};

static const char STORE_VFS[] = "crossdock"; /* which seals pages as it writes them */

static const char definition[] =
    "{\"company\":\"ACME\",\"currency\":\"USD\",\"ledger\":\"main\",\"systems\":[{\"name\":\"erp\","
    "\"receives\":[\"inventory\"]},{\"name\":\"finance\",\"receives\":[\"journal\","
    "\"invoice_status\"]},{\"name\":\"procurement\",\"receives\":[\"receipt_status\"]}]}";

/* --- time can be skipped, so that nobody waits for a retry --- */

static int64_t skipped_us;

/* Takes the place of the C library's. */
int clock_gettime(clockid_t clock, struct timespec *ret)
{
    int rc = (int)syscall(SYS_clock_gettime, clock, ret);
    if (rc == 0 && clock == CLOCK_MONOTONIC) {
        int64_t ns = ret->tv_nsec + skipped_us % 1000000 * 1000;
        ret->tv_sec += skipped_us / 1000000 + ns / 1000000000;
        ret->tv_nsec = ns % 1000000000;
    }
    return rc;
}

static xd_instant fixed_clock(void)
{
    return INT64_C(1795392000000000); /* 2026-11-23T00:00:00Z */
}

/* --- the workload --- */

static const struct {
    const char *type, *data; /* NOTE in data stands for a long text */
} events[XD_HUB_EVENTS] = {
    {"crossdock.supplier.v1", "{'supplier':'SUP-1','name':'Acme','currency':'USD'}"},
    {"crossdock.item.v1", "{'item':'SKU-1','uom':'EA','category':'tools'}"},
    /* Waits for its order. */
    {"goods.receipt.confirmed", "{'receipt_no':'GR-1','purchase_order':'PO-1','site':'EAST','"
                                "received_at':'2026-11-20T10:00:00Z',"
                                "'lines':[{'line':1,'po_line':10,'item':'SKU-1','quantity':'5'}]}"},
    {"crossdock.purchase_order.v1",
     "{'po':'PO-1','supplier':'SUP-1','currency':'USD','lines':[{'po_line':10,'item':'SKU-1',"
     "'quantity':'100','unit_price':'10.25'},{'po_line':20,'item':'SKU-2','quantity':'7','unit_"
     "price':'3'}]}"},
    {"goods.receipt.confirmed",
     "{'receipt_no':'GR-2','purchase_order':'PO-1','site':'EAST','received_at':'2026-11-20T11:00:"
     "00Z',"
     "'lines':[{'line':1,'po_line':10,'item':'SKU-1','quantity':'40.5'},{'line':2,'po_line':20,"
     "'item':'SKU-2','quantity':'7'}],'extensions':{'note':'NOTE'}}"},
    {"crossdock.supplier_invoice.v1",
     "{'invoice':'INV-1','supplier':'SUP-1','po':'PO-1','currency':'USD','invoice_date':'2026-11-"
     "21',"
     "'lines':[{'line':1,'po':'PO-1','po_line':10,'quantity':'45.5','unit_price':'10.25'}]}"},
    /* Dearer than ordered: held. */
    {"crossdock.supplier_invoice.v1",
     "{'invoice':'INV-2','supplier':'SUP-1','po':'PO-1','currency':'USD','invoice_date':'2026-11-"
     "21',"
     "'lines':[{'line':1,'po':'PO-1','po_line':20,'quantity':'7','unit_price':'4'}]}"},
    {"crossdock.adjustment.v1", "{'adjustment_no':'ADJ-1','site':'EAST','adjusted_at':'2026-11-"
                                "21T08:00:00Z','lines':[{'line':1,"
                                "'item':'SKU-1','quantity':'-1','reason':'broken'}]}"},
    {"crossdock.purchase_order.v1",
     "{'po':'PO-2','supplier':'SUP-1','currency':'USD','lines':[{'po_line':1,'item':'SKU-1',"
     "'quantity':'10','unit_price':'10'}]}"},
    {"goods.receipt.confirmed", "{'receipt_no':'GR-3','purchase_order':'PO-2','site':'WEST','"
                                "received_at':'2026-11-21T10:00:00Z',"
                                "'lines':[{'line':1,'po_line':1,'item':'SKU-1','quantity':'4'}]}"},
    {"goods.receipt.confirmed",
     "{'receipt_no':'GR-4','purchase_order':'PO-2','site':'WEST','received_at':'2026-11-21T11:00:"
     "00Z',"
     "'movement':'reversal','lines':[{'line':1,'po_line':1,'item':'SKU-1','quantity':'1'}]}"},
    {"crossdock.sales_shipment.v1",
     "{'shipment_no':'SH-1','site':'EAST','shipped_at':'2026-11-21T12:00:00Z','lines':[{'line':1,"
     "'item':'SKU-1','quantity':'3'}]}"},
    {"goods.receipt.confirmed",
     "{'receipt_no':'GR-5','purchase_order':'PO-1','site':'EAST','received_at':'2026-11-22T10:00:"
     "00Z',"
     "'lines':[{'line':1,'po_line':10,'item':'SKU-1','quantity':'54.5'}]}"},
    {"crossdock.supplier_invoice.v1",
     "{'invoice':'INV-3','supplier':'SUP-1','po':'PO-1','currency':'USD','invoice_date':'2026-11-"
     "22',"
     "'lines':[{'line':1,'po':'PO-1','po_line':10,'quantity':'54.5','unit_price':'10.25'}]}"},
    {"crossdock.cycle_count.v1",
     "{'count_no':'CC-1','site':'EAST','counted_at':'2026-11-22T11:00:00Z','lines':[{'line':1,"
     "'item':'SKU-1','counted':'95'}]}"},
    {"crossdock.supplier_return.v1",
     "{'return_no':'RT-1','po':'PO-1','site':'EAST','returned_at':'2026-11-22T12:00:00Z',"
     "'lines':[{'line':1,'po_line':10,'quantity':'2'}]}"},
    {"crossdock.crosswalk.v1", "{'table':'item','system':'wms','code':'9','value':'SKU-1',"
                               "'valid_from':'2026-01-01'}"},
    /* Replaces it. */
    {"crossdock.crosswalk.v1", "{'table':'item','system':'wms','code':'9','value':'SKU-2',"
                               "'valid_from':'2026-01-01'}"},
    {"goods.receipt.confirmed", "{'receipt_no':'GR-6','purchase_order':'PO-3','site':'EAST','"
                                "received_at':'2026-11-22T13:00:00Z',"
                                "'lines':[{'line':1,'po_line':10,'item':'SKU-1','quantity':'1'}]}"},
    {"crossdock.purchase_order.v1",
     "{'po':'PO-3','supplier':'SUP-1','currency':'USD','lines':[{'po_line':10,'item':'SKU-1',"
     "'quantity':'1','unit_price':'9.99'}]}"},
};

size_t xd_fault_hub_event(uint32_t i, char *text, size_t size)
{
    int head = snprintf(text, size,
                        "{\"specversion\":\"1.0\",\"id\":\"e-%u\",\"source\":\"urn:test\","
                        "\"type\":\"%s\",\"data\":",
                        i, events[i].type);
    size_t n = (size_t)head;
    assert(n + strlen(events[i].data) + NOTE_BYTES < size);
    for (const char *p = events[i].data; *p; p++) {
        if (strncmp(p, "NOTE", 4) == 0) {
            memset(text + n, 'n', NOTE_BYTES);
            n += NOTE_BYTES;
            p += 3;
        } else {
            text[n++] = *p == '\'' ? '"' : *p;
        }
    }
    text[n++] = '}';
    return n;
}

static void wrong(xd_fault_hub *hub, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void wrong(xd_fault_hub *hub, const char *format, ...)
{
    va_list arguments;
    if (!hub->wrong[0]) {
        va_start(arguments, format);
        vsnprintf(hub->wrong, sizeof hub->wrong, format, arguments);
        va_end(arguments);
    }
}

/* Nothing is wrong with the workload: trouble with disk or memory must not be taken for that. */
static xd_status judge(xd_fault_hub *hub, xd_status status, const xd_fault *fault,
                       const char *doing)
{
    switch (status) {
    case XD_OK:
    case XD_NO_MEMORY:
    case XD_IO:
    case XD_FULL:
    case XD_BUSY:
        break;
    case XD_INTERNAL:
        if (strcmp(fault->rule, "engine.failed") == 0) {
            break;
        }
        /* fall through */
    default:
        wrong(hub, "%s: %s (%s)", doing, xd_code_name(status), fault->text);
    }
    return status;
}

/* --- opening and closing --- */

void xd_fault_hub_init(xd_fault_hub *hub)
{
    /* Where a sync costs nothing, if there is such a place: what survives is not the real disk's to
     * say here. */
    const char *base = getenv("TMPDIR");
    base = !base && access("/dev/shm", W_OK) == 0 ? "/dev/shm" : base;
    *hub = (xd_fault_hub){0};
    snprintf(hub->folder, sizeof hub->folder, "%s/xd-fault-XXXXXX",
             base && strlen(base) < 40 ? base : "/tmp");
    if (!mkdtemp(hub->folder)) {
        perror(hub->folder);
        exit(EXIT_FAILURE);
    }
    snprintf(hub->path, sizeof hub->path, "%s/hub.db", hub->folder);
    snprintf(hub->log_path, sizeof hub->log_path, "%s/hub-log.db", hub->folder);
}

static void empty_folder(const xd_fault_hub *hub)
{
    DIR *dir = opendir(hub->folder);
    for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
        char name[400];
        snprintf(name, sizeof name, "%s/%s", hub->folder, e->d_name);
        unlink(name); /* not "." and "..", which it refuses */
    }
    if (dir) {
        closedir(dir);
    }
}

void xd_fault_hub_finish(xd_fault_hub *hub)
{
    xd_fault_hub_close(hub, false);
    empty_folder(hub);
    rmdir(hub->folder);
}

void xd_fault_hub_reset(xd_fault_hub *hub)
{
    empty_folder(hub);
    memset(hub->accepted, 0, sizeof hub->accepted);
    memset(hub->settled, 0, sizeof hub->settled);
    hub->offer_count = hub->reports = 0;
    hub->wrong[0] = '\0';
}

static void take_offer(void *self, xd_parcel *parcel)
{
    xd_fault_hub *hub = self;
    for (uint32_t i = 0; i < parcel->count; i++) {
        xd_hub_offer offer = {parcel->seq, parcel->deliveries[i].index,
                              parcel->deliveries[i].message};
        if (offer.seq >= XD_HUB_SEQS || offer.index >= XD_HUB_INDEXES ||
            hub->offer_count == XD_HUB_OFFERS) {
            wrong(hub, "delivery %lld.%u is beyond what the test holds", (long long)offer.seq,
                  offer.index);
        } else if (hub->settled[offer.seq][offer.index]) {
            wrong(hub, "delivery %lld.%u is offered again though its outcome was taken",
                  (long long)offer.seq, offer.index);
        } else {
            hub->offers[hub->offer_count++] = offer;
        }
    }
    xd_parcel_release(parcel);
}

xd_status xd_fault_hub_open(xd_fault_hub *hub, xd_fault *fault)
{
    /* Small groups, so that state is written in between. */
    const xd_engine_options options = {.clock = fixed_clock, .flush_ms = 1, .flush_rows = 20};
    hub->offer_count = 0; /* what was under way is offered again */
    XD_TRY(xd_store_sqlite_open(hub->path, XD_STORE_WRITE, &hub->state, fault));
    xd_status status =
        xd_engine_create(hub->state, hub->state, &options, XD_STR(definition), &hub->engine, fault);
    if (status == XD_OK) {
        status = xd_engine_connect(hub->engine, (xd_delivery_port){hub, take_offer}, fault);
    }
    if (status != XD_OK) {
        xd_fault_hub_close(hub, false);
    }
    return status;
}

void xd_fault_hub_close(xd_fault_hub *hub, bool orderly)
{
    if (hub->engine && orderly) {
        xd_engine_destroy(hub->engine);
    } else if (hub->engine) {
        xd_engine_abandon(hub->engine);
    }
    xd_store_destroy(hub->state);
    xd_store_destroy(hub->log);
    hub->engine = NULL;
    hub->state = hub->log = NULL;
}

bool xd_fault_hub_failed(const xd_fault_hub *hub)
{
    xd_engine_stats stats;
    xd_engine_stats_get(hub->engine, &stats);
    return stats.failed;
}

static int checkpoint(const char *path)
{
    sqlite3 *db = NULL;
    int frames;
    int copied;
    int rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, STORE_VFS);
    if (rc == SQLITE_OK) {
        rc = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, &frames, &copied);
    }
    sqlite3_close(db);
    return rc;
}

xd_status xd_fault_hub_checkpoint(xd_fault_hub *hub)
{
    int rc = checkpoint(hub->log_path);
    rc = rc == SQLITE_OK ? checkpoint(hub->path) : rc;
    return rc == SQLITE_OK ? XD_OK : XD_IO;
}

/* --- sending --- */

static void mark_done(xd_submission *s)
{
    *(bool *)s->context = true;
}

/* Hands a submission over and turns the engine until it is answered. Releases it. */
static xd_status submit(xd_fault_hub *hub, xd_submission *s, xd_fault *fault)
{
    bool done = false;
    s->context = &done;
    s->done = mark_done;
    xd_status status = xd_engine_submit(hub->engine, s, fault);
    if (status == XD_OK) {
        for (int turn = 0; turn < TURNS; turn++) {
            skipped_us += turn ? PAUSE_US : 0;
            xd_engine_turn(hub->engine);
        }
        status = !done ? XD_INTERNAL : s->status != XD_OK ? s->status : s->results[0].status;
        if (status != XD_OK && fault) {
            *fault = s->fault;
        }
        if (!done) {
            wrong(hub, "a submission that was taken is never answered");
        }
    } else {
        skipped_us += PAUSE_US;
        xd_engine_turn(hub->engine);
    }
    xd_submission_release(s);
    return status;
}

static void discard(xd_submission *s)
{
    xd_submission_release(s);
    xd_submission_release(s);
}

xd_status xd_fault_hub_send(xd_fault_hub *hub, uint32_t i, xd_fault *fault)
{
    char buffer[TEXT_BYTES];
    size_t n = xd_fault_hub_event(i, buffer, sizeof buffer);
    xd_submission *s = xd_submission_create(1, ARENA_CAP);
    if (!s) {
        return xd_fail(fault, XD_NO_MEMORY, NULL, "no memory for a submission");
    }
    xd_str text = xd_arena_copy(&s->arena, (xd_str){buffer, n});
    const xd_json *json;
    xd_status status = text.ptr ? XD_OK : xd_fail(fault, XD_NO_MEMORY, NULL, "no memory");
    if (status == XD_OK) {
        status = xd_json_parse(text, XD_JSON_LIMITS_DEFAULT, &s->arena, &json, fault);
    }
    if (status == XD_OK) {
        status = xd_event_from_cloudevent(json, text, &s->arena, &s->events[0], fault);
    }
    if (status != XD_OK) {
        discard(s);
        return judge(hub, status, fault, "reading an event");
    }
    s->bytes = n;
    status = judge(hub, submit(hub, s, fault), fault, "sending an event");
    hub->accepted[i] = hub->accepted[i] || status == XD_OK;
    return status;
}

/* The body of a delivery, as outbound makes it: from the log and the effect. */
static xd_status render(xd_fault_hub *hub, const xd_hub_offer *offer, xd_arena *arena, xd_buf *body,
                        xd_fault *fault)
{
    xd_log_row row = {0};
    xd_str effect;
    xd_event event;
    const xd_json *json;
    const xd_store_ops *ops = hub->state->ops;
    XD_TRY(ops->log_get(hub->state, offer->seq, arena, &row, fault));
    XD_TRY(ops->numbered_get(hub->state, XD_NUMBERED_EFFECT, offer->seq, arena, &effect, fault));
    if (!effect.ptr) {
        return XD_OK; /* not written yet: it would come with the parcel */
    }
    event = (xd_event){.seq = row.seq,
                       .recorded_at = row.recorded_at,
                       .kind = xd_kind_find((xd_kind)row.kind),
                       .source = row.source,
                       .id = row.id,
                       .time = row.time,
                       .data_text = row.body};
    XD_TRY(xd_event_open(&event, false, arena, fault));
    XD_TRY(xd_json_parse(effect, XD_JSON_LIMITS_DEFAULT, arena, &json, fault));
    XD_TRY(xd_flow_render((xd_message)offer->message, &event, json, body, fault));
    /* What is sent has to be JSON, whole. */
    xd_status status = xd_json_parse(xd_buf_str(body), XD_JSON_LIMITS_DEFAULT, arena, &json, fault);
    return body->failed ? XD_INTERNAL : status;
}

static void render_all(xd_fault_hub *hub)
{
    for (uint32_t i = 0; i < hub->offer_count; i++) {
        xd_fault fault = XD_FAULT_NONE;
        xd_arena arena;
        xd_buf body;
        xd_arena_init(&arena, ARENA_CAP);
        xd_buf_init(&body, 1 << 20);
        judge(hub, render(hub, &hub->offers[i], &arena, &body, &fault), &fault, "rendering");
        xd_buf_finish(&body);
        xd_arena_finish(&arena);
    }
}

/* A hub.outcomes event of the offers from on; *ret_count says how many it holds. */
static xd_submission *outcomes_of(xd_fault_hub *hub, xd_fault *fault)
{
    xd_submission *s = xd_submission_create(1, ARENA_CAP);
    if (!s) {
        xd_fail(fault, XD_NO_MEMORY, NULL, "no memory for a submission");
        return NULL;
    }
    xd_buf data;
    xd_buf_init(&data, 1 << 16);
    XD_BUF_LIT(&data, "{\"ok\":[");
    for (uint32_t i = 0; i < hub->offer_count; i++) {
        xd_buf_printf(&data, "%s\"%lld.%u\"", i ? "," : "", (long long)hub->offers[i].seq,
                      hub->offers[i].index);
    }
    XD_BUF_LIT(&data, "]}");
    xd_event *event = &s->events[0];
    *event = (xd_event){.kind = xd_kind_find(XD_KIND_HUB_OUTCOMES),
                        .source = XD_STR("hub"),
                        .id = xd_arena_printf(&s->arena, "out-%u", ++hub->reports),
                        .actor = XD_STR("hub"),
                        .time = XD_INSTANT_NONE};
    event->data_text = data.failed ? XD_STR_NULL : xd_arena_copy(&s->arena, xd_buf_str(&data));
    xd_buf_finish(&data);
    xd_status status = event->data_text.ptr && event->id.ptr
                           ? xd_event_open(event, false, &s->arena, fault)
                           : xd_fail(fault, XD_NO_MEMORY, NULL, "no memory");
    if (status != XD_OK) {
        discard(s);
        return NULL;
    }
    return s;
}

xd_status xd_fault_hub_report(xd_fault_hub *hub, xd_fault *fault)
{
    uint32_t count = hub->offer_count;
    if (count == 0) {
        return XD_OK;
    }
    render_all(hub);
    xd_submission *s = outcomes_of(hub, fault);
    xd_status status = s ? submit(hub, s, fault) : XD_NO_MEMORY;
    if (status == XD_OK) {
        for (uint32_t i = 0; i < count; i++) {
            hub->settled[hub->offers[i].seq][hub->offers[i].index] = true;
        }
        hub->offer_count -= count;
        memmove(hub->offers, hub->offers + count, hub->offer_count * sizeof *hub->offers);
    }
    return status;
}

/* --- looking --- */

typedef struct look {
    xd_fault_hub *hub;
    uint32_t found[XD_HUB_EVENTS];
    int64_t last;
} look;

static xd_status look_at_row(void *context, const xd_log_row *row)
{
    look *l = context;
    if (row->seq != l->last + 1) {
        wrong(l->hub, "the log has a gap before %lld", (long long)row->seq);
    }
    l->last = row->seq;
    if (!xd_str_eq(row->source, XD_STR("urn:test"))) {
        return XD_OK;
    }
    for (uint32_t i = 0; i < XD_HUB_EVENTS; i++) {
        char id[16];
        snprintf(id, sizeof id, "e-%u", i);
        if (xd_str_eq(row->id, xd_str_from(id))) {
            char text[TEXT_BYTES];
            xd_str sent = {text, xd_fault_hub_event(i, text, sizeof text)};
            bool same = sent.len > row->body.len && memcmp(sent.ptr + sent.len - 1 - row->body.len,
                                                           row->body.ptr, row->body.len) == 0;
            l->found[i]++;
            if (!same) {
                wrong(l->hub, "event e-%u is in the log with another body", i);
            }
        }
    }
    return XD_OK;
}

static void check_log(xd_fault_hub *hub, const char *when)
{
    look l = {.hub = hub};
    xd_fault fault = XD_FAULT_NONE;
    if (hub->state->ops->log_each(hub->state, 0, INT64_MAX, look_at_row, &l, &fault) != XD_OK) {
        wrong(hub, "%s the log cannot be read: %s", when, fault.text);
    }
    for (uint32_t i = 0; i < XD_HUB_EVENTS; i++) {
        if (hub->accepted[i] && l.found[i] != 1) {
            wrong(hub, "%s event e-%u, accepted, is in the log %u times", when, i, l.found[i]);
        }
    }
}

static xd_status count_document(void *context, xd_state_kind kind, xd_str key, xd_str value)
{
    (void)kind;
    (void)key;
    (void)value;
    ++*(int64_t *)context;
    return XD_OK;
}

static void check_state(xd_fault_hub *hub)
{
    xd_fault fault = XD_FAULT_NONE;
    xd_engine_stats stats;
    xd_engine_stats_get(hub->engine, &stats);
    if (stats.failed || stats.state_seq != stats.log_head) {
        wrong(hub, "state is written up to %lld of %lld%s", (long long)stats.state_seq,
              (long long)stats.log_head, stats.failed ? ": the engine gave up" : "");
    }
    int64_t waiting = 0;
    int64_t parked = 0;
    xd_status status =
        hub->state->ops->state_each(hub->state, XD_STATE_OUTBOX, count_document, &waiting, &fault);
    if (status == XD_OK) {
        status = hub->state->ops->state_each(hub->state, XD_STATE_PARKED, count_document, &parked,
                                             &fault);
    }
    if (status != XD_OK || waiting || parked) {
        wrong(hub, "%lld deliveries are left and %lld documents parked: %s", (long long)waiting,
              (long long)parked, fault.text);
    }
    xd_replay_result result;
    if (xd_replay_verify(hub->state, NULL, NULL, &result, &fault) != XD_OK) {
        wrong(hub, "the log cannot be replayed: %s", fault.text);
    } else if (!result.equal) {
        wrong(hub, "state is not what the log says: %s", result.difference);
    }
}

static void check_database(xd_fault_hub *hub, const char *path)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, STORE_VFS);
    if (rc == SQLITE_OK) {
        rc = sqlite3_prepare_v2(db, "PRAGMA integrity_check(1)", -1, &s, NULL);
    }
    if (rc == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW) {
        const char *said = (const char *)sqlite3_column_text(s, 0);
        if (strcmp(said, "ok") != 0) {
            wrong(hub, "%s is damaged: %s", path, said);
        }
    } else {
        wrong(hub, "%s cannot be checked: %s", path, sqlite3_errmsg(db));
    }
    sqlite3_finalize(s);
    sqlite3_close(db);
}

static void settle(xd_fault_hub *hub)
{
    xd_fault fault = XD_FAULT_NONE;
    for (uint32_t i = 0; i < XD_HUB_EVENTS; i++) {
        for (int tries = 0; !hub->accepted[i] && tries < RESUME_TRIES; tries++) {
            (void)!xd_fault_hub_send(hub, i, &fault);
        }
        if (!hub->accepted[i]) {
            wrong(hub, "event e-%u is refused with nothing in the way: %s", i, fault.text);
        }
    }
    for (int turn = 0; turn < SETTLE_TURNS; turn++) {
        skipped_us += PAUSE_US;
        bool more = xd_engine_turn(hub->engine);
        if (!more && hub->offer_count == 0) {
            return;
        }
        if (xd_fault_hub_report(hub, &fault) != XD_OK) {
            wrong(hub, "outcomes are refused with nothing in the way: %s", fault.text);
        }
    }
    wrong(hub, "the hub does not come to rest");
}

bool xd_fault_hub_is_right(xd_fault_hub *hub)
{
    xd_fault fault = XD_FAULT_NONE;
    if (!hub->engine && xd_fault_hub_open(hub, &fault) != XD_OK) {
        wrong(hub, "the database does not open: %s", fault.text);
        return false;
    }
    check_log(hub, "after the fault");
    settle(hub);
    check_log(hub, "at the end");
    check_state(hub);
    xd_fault_hub_close(hub, true);
    check_database(hub, hub->path);
    check_database(hub, hub->log_path);
    return !hub->wrong[0];
}

uint64_t xd_fault_number(const char *text, int64_t least)
{
    int64_t number = 0;
    if (!xd_str_to_int64(xd_str_from(text), &number) || number < least) {
        printf("not a number from %lld: %s\n", (long long)least, text);
        exit(2);
    }
    return (uint64_t)number;
}
