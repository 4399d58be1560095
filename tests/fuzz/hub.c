/* A hub inside a fuzz target. See hub.h. */
#include "hub.h"

#include "base/hash.h"
#include "ingress/ingress_int.h"

#include "fuzz.h"

#include <stdio.h>
#include <unistd.h>

enum { INPUTS_PER_HUB = 2000, GRACE_MS = 1000 };

static char folder[] = "/tmp/crossdock-fuzz-XXXXXX";
static char control_path[sizeof folder + 8];
#define MAP_HASH "00000000000000000000000000000000000000000000000000000000000000aa"

static fuzz_hub hub;
static xd_codes *codes;
static xd_source *source;
static xd_key key = {.name = "fuzz", .person = "", .scopes = 15};
static int inputs;

static xd_instant fixed_clock(void)
{
    return INT64_C(1790000000000000);
}

/* Stands for the read side: every hold, dead letter and exception is open, and nothing else is
 * known. */
static xd_status answer_read(void *context, const xd_read_request *request, xd_buf *ret_body,
                             xd_fault *fault)
{
    (void)context;
    const char *limit = request->query(request->self, "limit");
    if (strncmp(request->path, "/holds/", 7) == 0 ||
        strncmp(request->path, "/exceptions/", 12) == 0 ||
        strncmp(request->path, "/dead-letters/", 14) == 0) {
        XD_BUF_LIT(ret_body, "{\"status\":\"OPEN\",\"state\":\"open\"}");
        return XD_OK;
    }
    return xd_fail(fault, XD_NOT_FOUND, "read.route", "no %s here (limit %.20s)", request->path,
                   limit ? limit : "none");
}

/* A source wms, whose records need the code of their unit. */
static void open_source(void)
{
    const xd_source_options options = {
        .name = "wms",
        .map_file = "wms.jsonata",
        .map_text = XD_STR("{'uom': $xref('unit', 'wms', code), 'name': name}"),
        .map_hash = XD_STR(MAP_HASH),
        .layout = XD_STR("{\"format\":\"csv\",\"header\":true}"),
        .to = "uom",
        .codes = codes};
    REQUIRE(xd_source_open(&options, &source, NULL) == XD_OK);
}

static void stop(void)
{
    if (hub.ingress) {
        xd_ingress_stop(hub.ingress, GRACE_MS);
        xd_ingress_destroy(hub.ingress);
        xd_engine_stop(hub.engine);
        xd_engine_destroy(hub.engine);
        xd_store_destroy(hub.store);
        xd_source_close(source);
        xd_codes_destroy(codes);
        hub = (fuzz_hub){0};
    }
}

static void leave(void)
{
    stop();
    rmdir(folder);
}

static void start(void)
{
    if (!control_path[0]) {
        REQUIRE(mkdtemp(folder));
        snprintf(control_path, sizeof control_path, "%s/control", folder);
        xd_sha256_of(XD_STR(FUZZ_SECRET), key.hash);
        atexit(leave);
    }
    REQUIRE(xd_codes_create(&codes, NULL) == XD_OK);
    open_source();
    xd_engine_options engine_options = {.clock = fixed_clock};
    xd_ingress_options options = {.address = "127.0.0.1",
                                  .control_path = control_path,
                                  .idle_timeout_s = 2,
                                  .max_body_bytes = 16384,
                                  .max_event_bytes = 4096,
                                  .max_batch = 16,
                                  .keys = &key,
                                  .key_count = 1,
                                  .clock = fixed_clock,
                                  .sources = (const xd_source *const *)&source,
                                  .source_count = 1,
                                  .open_loopback = true};
    hub.store = xd_store_memory_create();
    REQUIRE(hub.store);
    REQUIRE(xd_engine_create(hub.store, hub.store, &engine_options,
                             XD_STR("{\"currency\":\"USD\"}"), &hub.engine, NULL) == XD_OK);
    REQUIRE(xd_engine_connect_codes(hub.engine, (xd_code_port){codes, xd_codes_take}, NULL) ==
            XD_OK);
    REQUIRE(xd_engine_start(hub.engine, NULL) == XD_OK);
    REQUIRE(xd_engine_post(hub.engine, XD_KIND_HUB_MAP, XD_STR("wms@1"), XD_STR("hub"),
                           XD_STR("{\"name\":\"wms\",\"hash\":\"" MAP_HASH "\",\"to\":\"uom\","
                                  "\"layout\":null,\"text\":\"{'uom': $xref('unit', 'wms', code),"
                                  " 'name': name}\"}"),
                           NULL, NULL) == XD_OK);
    REQUIRE(xd_ingress_start(&options, hub.engine, (xd_ingress_ports){.read = answer_read},
                             &hub.ingress, NULL) == XD_OK);
    hub.folder = folder;
    hub.control_path = control_path;
}

fuzz_hub *fuzz_hub_get(void)
{
    if (!hub.ingress) {
        start();
    }
    return &hub;
}

/* Every connection is gone and nothing is held for any request. */
static void check_idle(void)
{
    for (int wait = 0;
         wait < 2000 && (hub.ingress->metrics.connections_open > 0 || hub.ingress->waiting > 0);
         wait++) {
        usleep(1000);
    }
    REQUIRE(hub.ingress->metrics.connections_open == 0);
    REQUIRE(hub.ingress->inflight_bytes == 0);
    REQUIRE(hub.ingress->waiting == 0);
    xd_engine_stats stats;
    xd_engine_stats_get(hub.engine, &stats);
    REQUIRE(!stats.failed);
}

void fuzz_hub_done(void)
{
    if (++inputs % INPUTS_PER_HUB == 0) {
        check_idle();
        stop();
    }
}
