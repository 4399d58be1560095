/* `crossdock replay --verify`: rebuilds state from the log in memory and compares it with the
 * stored one. With --map it asks what another map would have done (cmd_replay_map.c). */
#include "app/cmd_replay.h"
#include "engine/replay.h"

#include <stdio.h>
#include <unistd.h>

static void show_progress(void *context, int64_t done, int64_t total)
{
    (void)context;
    fprintf(stderr, "\rreplaying %lld of %lld events (%d %%)", (long long)done, (long long)total,
            total ? (int)(done * 100 / total) : 100);
}

static void write_result(const xd_replay_result *r, bool json, xd_buf *buf)
{
    if (json) {
        xd_buf_printf(buf,
                      "{\"equal\":%s,\"events\":%lld,\"documents\":%lld,\"journals\":%lld,"
                      "\"state_hash\":\"%s\",\"replay_hash\":\"%s\",\"difference\":",
                      r->equal ? "true" : "false", (long long)r->events, (long long)r->documents,
                      (long long)r->journals, r->live_hash, r->replay_hash);
        xd_json_write_string(buf, xd_str_from(r->difference));
        XD_BUF_LIT(buf, "}\n");
        return;
    }
    xd_buf_printf(buf, "%lld events replayed: %lld documents, %lld journal entries among them\n",
                  (long long)r->events, (long long)r->documents, (long long)r->journals);
    xd_buf_printf(buf, "state hash  %s\nreplay hash %s\n%s\n", r->live_hash, r->replay_hash,
                  r->equal ? "equal" : r->difference);
}

/* One read transaction, so that a hub that goes on meanwhile does not disturb the comparison. */
static xd_status verify(const char *database, bool progress, xd_replay_result *ret, xd_fault *fault)
{
    xd_store *store;
    XD_TRY(xd_store_sqlite_open(database, XD_STORE_READ, &store, fault));
    xd_status status = store->ops->begin(store, fault);
    if (status == XD_OK) {
        status = xd_replay_verify(store, progress ? show_progress : NULL, NULL, ret, fault);
        store->ops->rollback(store);
    }
    xd_store_destroy(store);
    return status;
}

int xd_cmd_replay(xd_cli *cli)
{
    bool verifies = xd_cli_option(cli, "verify") != NULL;
    if (verifies == (xd_cli_option(cli, "map") != NULL)) {
        return xd_cli_say(XD_EXIT_USAGE, "replay needs %s --verify or --map MAP@NEW",
                          verifies ? "one of" : "either");
    }
    if (!verifies) {
        return xd_replay_map(cli);
    }
    xd_config config = {0};
    int answer = xd_cli_config(cli, XD_CONFIG_WITHOUT_SECRETS, &config);
    if (answer >= 0) {
        return answer;
    }
    bool progress = isatty(STDERR_FILENO) && !cli->json;
    xd_replay_result result;
    xd_fault fault = XD_FAULT_NONE;
    xd_status status = verify(config.database, progress, &result, &fault);
    if (progress) {
        fputs("\r\033[K", stderr);
    }
    if (status == XD_OK) {
        xd_buf buf;
        xd_buf_init(&buf, 1 << 16);
        write_result(&result, cli->json, &buf);
        answer = xd_cli_print(&buf);
        answer = answer == XD_EXIT_OK && !result.equal ? XD_EXIT_FAILED : answer;
        xd_buf_finish(&buf);
    } else {
        answer = xd_cli_fault(&fault);
    }
    xd_config_finish(&config);
    return answer;
}
