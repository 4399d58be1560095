/* `crossdock run`: the hub until SIGTERM or SIGINT; SIGHUP takes changed keys. */
#include "app/cli.h"
#include "app/hub.h"
#include "observe/log.h"

#include <malloc.h>
#include <signal.h>
#include <time.h>

/* Takes what may change while running, or says which setting would need a restart. */
static void reload(xd_hub *hub, xd_config *config)
{
    static xd_config_errors errors;
    xd_config changed = {0};
    if (xd_config_load(config->folder, XD_CONFIG_WITH_SECRETS, &changed, &errors) != XD_OK) {
        const xd_config_error *first = &errors.items[0];
        XD_LOG(XD_LOG_ERROR, "reload.refused", XD_LOG_TEXT("file", xd_str_from(first->file)),
               XD_LOG_INT("line", first->line), XD_LOG_TEXT("text", xd_str_from(first->text)));
        return;
    }
    xd_fault fault = XD_FAULT_NONE;
    if (xd_config_may_reload(config, &changed, &fault) != XD_OK) {
        xd_log_fault(XD_LOG_ERROR, "reload.refused", &fault);
        xd_config_finish(&changed);
        return;
    }
    xd_hub_take_keys(hub, &changed);
    XD_LOG(XD_LOG_INFO, "reload.done", XD_LOG_INT("keys", changed.ingress.key_count));
}

/* Waits for signals; returns when the hub is to stop. False when it failed by itself. */
static bool serve(xd_hub *hub, xd_config *config, const sigset_t *signals)
{
    const struct timespec tick = {.tv_sec = 0, .tv_nsec = 500000000};
    for (;;) {
        int signal_number = sigtimedwait(signals, NULL, &tick);
        if (signal_number == SIGHUP) {
            reload(hub, config);
        } else if (signal_number == SIGTERM || signal_number == SIGINT) {
            XD_LOG(XD_LOG_INFO, "hub.stopping", XD_LOG_INT("signal", signal_number));
            return true;
        } else if (!xd_hub_healthy(hub)) {
            return false;
        }
    }
}

/* Every message comes and goes with a few blocks; giving them back to the system each time, and
 * asking for them again, costs more than keeping some tens of megabytes. */
static void keep_freed_memory(void)
{
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
    mallopt(M_TOP_PAD, 4 << 20);
    mallopt(M_ARENA_MAX, 4);
}

int xd_cmd_run(xd_cli *cli)
{
    keep_freed_memory();
    xd_config config = {0};
    int answer = xd_cli_config(cli, XD_CONFIG_WITH_SECRETS, &config);
    if (answer >= 0) {
        return answer;
    }
    /* Blocked before any thread starts, so that only this one takes them. */
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);

    xd_hub *hub;
    xd_fault fault = XD_FAULT_NONE;
    if (xd_hub_start(&config, &hub, &fault) != XD_OK) {
        answer = xd_cli_fault(&fault);
        xd_config_finish(&config);
        return answer;
    }
    bool asked = serve(hub, &config, &signals);
    xd_hub_stop(hub);
    xd_config_finish(&config);
    return asked ? XD_EXIT_OK : XD_EXIT_FAILED;
}
