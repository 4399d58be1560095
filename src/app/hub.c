/* A running hub. See hub.h. */
#include "app/hub.h"

#include "api/read.h"
#include "ingress/intake.h"
#include "observe/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    FILES = 64,          /* descriptors for the database, the control socket and waiting */
    CONNECTIONS_MIN = 16 /* with fewer than these no hub is of use */
};

struct xd_hub {
    const xd_config *config; /* borrows */
    xd_config keys;          /* owns the configuration whose keys are in force since a reload */
    xd_store *log;           /* owns, as everything below */
    xd_store *state;
    xd_engine *engine;
    xd_outbound *outbound;
    xd_reader *reader;
    xd_codes *codes;
    xd_source **sources; /* by place in the configuration; NULL where there is no map */
    const xd_source **mapped;
    uint32_t mapped_count;
    xd_intake_folder *folders;
    xd_intake *intake;
    xd_ingress *ingress;
    uint32_t connections; /* of clients, at most */
    atomic_bool ready;
    int64_t started_us;
};

static xd_instant wall_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (xd_instant)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void write_metrics(void *context, xd_buf *buf)
{
    xd_hub *hub = context;
    xd_outbound_metrics(hub->outbound, buf);
    if (hub->intake) {
        xd_intake_metrics(hub->intake, buf);
    }
}

static bool is_ready(void *context)
{
    const xd_hub *hub = context;
    return hub->ready && xd_hub_healthy(hub);
}

/* /systems is what only the running outbound knows; the database answers everything else. */
static xd_status answer_read(void *context, const xd_read_request *request, xd_buf *ret_body,
                             xd_fault *fault)
{
    xd_hub *hub = context;
    if (strcmp(request->path, "/systems") == 0) {
        xd_outbound_status(hub->outbound, ret_body);
        return XD_OK;
    }
    return xd_read_dispatch(hub->reader, request, ret_body, fault);
}

/* --- starting, part by part --- */

/* Connections that leave enough descriptors for files and for what goes out, so that a crowd of
 * clients takes them from nobody. The soft limit is raised to what the system allows. */
static xd_status fit_connections(xd_hub *hub, xd_fault *fault)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return xd_fail(fault, XD_IO, "hub.descriptors", "the limit of descriptors is not known: %s",
                       strerror(errno));
    }
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit); /* lowers nothing, and raises what may be raised */
    uint64_t kept = FILES;
    for (uint32_t i = 0; i < hub->config->outbound.remote_count; i++) {
        kept += hub->config->outbound.remotes[i].concurrency;
    }
    if (limit.rlim_cur < kept + CONNECTIONS_MIN) {
        return xd_fail(fault, XD_UNAVAILABLE, "hub.descriptors",
                       "the system allows %llu descriptors and the hub needs %llu: raise ulimit -n "
                       "(LimitNOFILE), or lower the systems' concurrency",
                       (unsigned long long)limit.rlim_cur,
                       (unsigned long long)(kept + CONNECTIONS_MIN));
    }
    uint64_t room = limit.rlim_cur - kept;
    hub->connections = hub->config->ingress.max_connections;
    if (room < hub->connections) {
        XD_LOG(XD_LOG_WARNING, "descriptors.few",
               XD_LOG_INT("descriptors", (int64_t)limit.rlim_cur),
               XD_LOG_INT("asked_connections", hub->connections),
               XD_LOG_INT("max_connections", (int64_t)room));
        hub->connections = (uint32_t)room;
    }
    return XD_OK;
}

/* Writes down that the folder is in its parent: a power cut must not take it with all it holds. */
static bool sync_parent(const char *folder)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/..", folder) >= (int)sizeof path) {
        return false;
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return good;
}

static xd_status make_data_folder(const char *folder, xd_fault *fault)
{
    int rc = mkdir(folder, 0700);
    if (rc == 0 ? sync_parent(folder) : errno == EEXIST) {
        return XD_OK;
    }
    return xd_fail(fault, XD_IO, "hub.data_folder",
                   "cannot make the data folder %s: %s; make it or name another in hub.data",
                   folder, strerror(errno));
}

enum { TELL_EVERY_US = 3000000 };

typedef struct upgrade_told {
    const char *what;
    xd_instant at;
} upgrade_told;

/* A large database of an older version takes its time: a line at each beginning, then now and then.
 */
static void tell_upgrade(void *context, const xd_store_upgrade *is)
{
    upgrade_told *told = context;
    xd_instant now = wall_clock();
    if (told->what == is->what && now - told->at < TELL_EVERY_US && now >= told->at) {
        return;
    }
    *told = (upgrade_told){is->what, now};
    XD_LOG(XD_LOG_INFO, "store.upgrading", XD_LOG_TEXT("what", xd_str_from(is->what)),
           XD_LOG_TEXT("unit", xd_str_from(is->unit)), XD_LOG_INT("done", is->done),
           XD_LOG_INT("total", is->total));
}

static xd_status start_engine(xd_hub *hub, xd_fault *fault)
{
    const xd_config *config = hub->config;
    XD_TRY(make_data_folder(config->data_folder, fault));
    upgrade_told told = {0};
    XD_TRY(xd_store_sqlite_open_upgrading(config->database, tell_upgrade, &told, &hub->log, fault));
    XD_TRY(xd_store_sqlite_open(config->database, XD_STORE_WRITE_STATE, &hub->state, fault));
    xd_engine_options options = config->engine;
    options.clock = wall_clock;
    return xd_engine_create(hub->log, hub->state, &options, config->definition, &hub->engine,
                            fault);
}

/* The codes for maps on the way in. State is written behind the log, and what is stepped from here
 * on is told; what the engine's creation stepped is in state once it has been written, which the
 * loading waits for (load_codes). */
static xd_status connect_codes(xd_hub *hub, xd_fault *fault)
{
    XD_TRY(xd_codes_create(&hub->codes, fault));
    return xd_engine_connect_codes(hub->engine, (xd_code_port){hub->codes, xd_codes_take}, fault);
}

static xd_status start_outbound(xd_hub *hub, xd_fault *fault)
{
    xd_store *reader;
    XD_TRY(xd_store_sqlite_open(hub->config->database, XD_STORE_READ, &reader, fault));
    xd_outbound_options options = hub->config->outbound;
    options.seed = (uint64_t)wall_clock();
    xd_status status = xd_outbound_create(&options, reader, &hub->outbound, fault);
    if (status != XD_OK) {
        xd_store_destroy(reader);
        return status;
    }
    XD_TRY(xd_engine_connect(hub->engine, xd_outbound_port(hub->outbound), fault));
    XD_TRY(connect_codes(hub, fault));
    XD_TRY(xd_outbound_start(hub->outbound, hub->engine, fault));
    return xd_engine_start(hub->engine, fault);
}

/* --- maps --- */

enum { SETTLE_MS = 10000 };

/* Seq and hash of the version of a map that the log names last; 0 and "" when there is none. */
static xd_status map_in_log(xd_store *store, const xd_config_map *map, int64_t *ret_seq, bool *ret,
                            xd_fault *fault)
{
    xd_arena arena;
    xd_arena_init(&arena, 1 << 20);
    xd_str key = xd_arena_printf(&arena, "name/%s", map->name);
    xd_str text = XD_STR_NULL;
    const xd_json *known = NULL;
    xd_status status = key.ptr
                           ? store->ops->state_get(store, XD_STATE_MAP, key, &arena, &text, fault)
                           : xd_fail(fault, XD_NO_MEMORY, NULL, "no memory for a map");
    if (status == XD_OK && text.ptr) {
        status = xd_json_parse(text, XD_JSON_LIMITS_DEFAULT, &arena, &known, fault);
    }
    if (status == XD_OK) {
        *ret_seq = XD_INT(known, "seq", 0);
        *ret = xd_str_eq(XD_TEXT(known, "hash"), xd_str_from(map->hash));
    }
    xd_arena_finish(&arena);
    return status;
}

static xd_status tell_map(xd_hub *hub, xd_store *store, const xd_config_map *map, xd_fault *fault)
{
    int64_t seq = 0;
    bool same = false;
    XD_TRY(map_in_log(store, map, &seq, &same, fault));
    if (same) {
        return XD_OK;
    }
    /* With the version that it follows in its id, so that one that comes back is an event too. */
    char id[XD_EVENT_ID_MAX + 1];
    snprintf(id, sizeof id, "%s@%.16s@%lld", map->name, map->hash, (long long)seq);
    XD_TRY(xd_engine_post(hub->engine, XD_KIND_HUB_MAP, xd_str_from(id), XD_STR("hub"), map->data,
                          NULL, fault));
    XD_LOG(XD_LOG_INFO, "map.changed", XD_LOG_TEXT("map", xd_str_from(map->name)),
           XD_LOG_TEXT("hash", xd_str_from(map->hash)));
    return XD_OK;
}

/* Puts every version that is configured into the log before anything is mapped by it. */
static xd_status tell_maps(xd_hub *hub, const xd_config *config, xd_fault *fault)
{
    if (config->map_count == 0) {
        return XD_OK;
    }
    (void)xd_engine_settle(hub->engine, SETTLE_MS); /* else a version may be told twice */
    xd_store *store = NULL;
    XD_TRY(xd_store_sqlite_open(config->database, XD_STORE_READ, &store, fault));
    xd_status status = XD_OK;
    for (uint32_t i = 0; i < config->map_count && status == XD_OK; i++) {
        status = tell_map(hub, store, &config->maps[i], fault);
    }
    xd_store_destroy(store);
    return status;
}

/* --- sources whose records are mapped --- */

static xd_status load_codes(xd_hub *hub, xd_fault *fault)
{
    xd_store *store = NULL;
    XD_TRY(xd_store_sqlite_open(hub->config->database, XD_STORE_READ, &store, fault));
    xd_status status = xd_codes_load(hub->codes, store, fault);
    xd_store_destroy(store);
    return status;
}

static xd_status open_sources(xd_hub *hub, xd_fault *fault)
{
    const xd_config *config = hub->config;
    uint32_t count = config->source_count;
    hub->sources = calloc(count + 1, sizeof(xd_source *));
    hub->mapped = calloc(count + 1, sizeof(xd_source *));
    hub->folders = calloc(count + 1, sizeof *hub->folders);
    if (!hub->sources || !hub->mapped || !hub->folders) {
        return xd_fail(fault, XD_NO_MEMORY, NULL, "no memory for the sources");
    }
    uint32_t folder_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        const xd_config_source *given = &config->sources[i];
        if (given->map_of) {
            XD_TRY(xd_config_open_source(given, hub->codes, &hub->sources[i], fault));
            hub->mapped[hub->mapped_count++] = hub->sources[i];
        }
        if (given->folder) {
            hub->folders[folder_count] = config->intake.folders[folder_count];
            hub->folders[folder_count++].source = hub->sources[i];
        }
    }
    return hub->mapped_count ? load_codes(hub, fault) : XD_OK;
}

static void close_sources(xd_hub *hub)
{
    for (uint32_t i = 0; hub->sources && i < hub->config->source_count; i++) {
        xd_source_close(hub->sources[i]);
    }
    free(hub->sources);
    free(hub->mapped);
    free(hub->folders);
    xd_codes_destroy(hub->codes);
}

static xd_status start_intake(xd_hub *hub, xd_fault *fault)
{
    if (hub->config->intake.folder_count == 0) {
        return XD_OK;
    }
    xd_intake_options options = hub->config->intake;
    options.folders = hub->folders;
    options.clock = wall_clock;
    XD_TRY(xd_intake_create(&options, hub->engine, &hub->intake, fault));
    return xd_intake_start(hub->intake, fault);
}

static xd_status start_ingress(xd_hub *hub, xd_fault *fault)
{
    xd_ingress_options options = hub->config->ingress;
    options.max_connections = hub->connections;
    options.clock = wall_clock;
    options.sources = hub->mapped;
    options.source_count = hub->mapped_count;
    XD_TRY(xd_read_open(hub->config->database, wall_clock, &hub->reader, fault));
    xd_ingress_ports ports = {.read_context = hub,
                              .read = answer_read,
                              .metrics_context = hub,
                              .metrics = write_metrics,
                              .ready = is_ready};
    return xd_ingress_start(&options, hub->engine, ports, &hub->ingress, fault);
}

/* Everything behind the port first, the port last: who can connect is served. */
static xd_status start_parts(xd_hub *hub, xd_fault *fault)
{
    XD_TRY(fit_connections(hub, fault));
    XD_TRY(start_engine(hub, fault));
    XD_TRY(start_outbound(hub, fault));
    XD_TRY(tell_maps(hub, hub->config, fault));
    XD_TRY(open_sources(hub, fault));
    XD_TRY(start_intake(hub, fault));
    return start_ingress(hub, fault);
}

xd_status xd_hub_start(const xd_config *config, xd_hub **ret, xd_fault *fault)
{
    xd_hub *hub = calloc(1, sizeof *hub);
    if (!hub) {
        return xd_fail(fault, XD_NO_MEMORY, NULL, "no memory for the hub");
    }
    hub->config = config;
    hub->started_us = monotonic_us();
    xd_status status = start_parts(hub, fault);
    if (status != XD_OK) {
        xd_hub_stop(hub);
        return status;
    }
    hub->ready = true;
    XD_LOG(XD_LOG_INFO, "hub.ready", XD_LOG_TEXT("name", xd_str_from(config->name)),
           XD_LOG_TEXT("version", XD_STR(XD_VERSION)),
           XD_LOG_TEXT("address", xd_str_from(config->ingress.address)),
           XD_LOG_INT("port", xd_ingress_port(hub->ingress)),
           XD_LOG_INT("start_us", monotonic_us() - hub->started_us));
    *ret = hub;
    return XD_OK;
}

bool xd_hub_healthy(const xd_hub *hub)
{
    xd_engine_stats stats;
    xd_engine_stats_get(hub->engine, &stats);
    return !stats.failed;
}

void xd_hub_take_keys(xd_hub *hub, xd_config *changed)
{
    xd_ingress_set_keys(hub->ingress, changed->ingress.keys, changed->ingress.key_count);
    xd_config_finish(&hub->keys);
    hub->keys = *changed;
    *changed = (xd_config){0};
}

void xd_hub_stop(xd_hub *hub)
{
    if (!hub) {
        return;
    }
    hub->ready = false;
    int32_t grace_ms = hub->config->drain_ms;
    if (hub->ingress) {
        xd_ingress_stop(hub->ingress, grace_ms);
    }
    if (hub->intake) {
        xd_intake_stop(hub->intake);
    }
    if (hub->outbound) {
        xd_outbound_stop(hub->outbound, grace_ms);
    }
    if (hub->engine) {
        xd_engine_stop(hub->engine);
    }
    xd_ingress_destroy(hub->ingress);
    xd_intake_destroy(hub->intake);
    xd_outbound_destroy(hub->outbound);
    xd_engine_destroy(hub->engine);
    close_sources(hub);
    xd_read_close(hub->reader);
    xd_store_destroy(hub->state);
    xd_store_destroy(hub->log); /* which holds the lock */
    xd_config_finish(&hub->keys);
    XD_LOG(XD_LOG_INFO, "hub.stopped",
           XD_LOG_INT("served_ms", (monotonic_us() - hub->started_us) / 1000));
    free(hub);
}
