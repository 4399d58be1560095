/* backup: the latency of single-event POSTs at a fixed rate, alone and while backups of the
 * database are made one after the other. First a closed loop fills the database. bench_backup
 * [FILL_SECONDS [SECONDS [RATE]]] */
#include "feed.h"
#include "hubrun.h"
#include "load.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CONNECTIONS = 64, ORDERS = 10000 };

static void write_receipt(void *context, uint64_t number, xd_buf *buf)
{
    (void)context;
    feed_receipt(buf, number, number % ORDERS);
}

static void run_load(const bench_hub *hub, double rate_per_s, int64_t duration_ms, uint64_t *next,
                     load_result *ret)
{
    const load_options options = {.port = hub->process.port,
                                  .path = HUB_EVENTS_PATH,
                                  .content_type = "application/cloudevents+json",
                                  .authorization = HUB_AUTHORIZATION,
                                  .connections = CONNECTIONS,
                                  .rate_per_s = rate_per_s,
                                  .duration_ms = duration_ms,
                                  .first = *next,
                                  .body = write_receipt};
    load_run(&options, ret);
    *next = ret->next;
    if (ret->refused) {
        bench_die("%llu events were refused", (unsigned long long)ret->refused);
    }
}

static void backup_path(const bench_hub *hub, int number, char *path, size_t size)
{
    snprintf(path, size, "%s/backup-%d", hub->folder.path, number);
}

static void run_backup(const bench_hub *hub, const char *path)
{
    execl(getenv("CROSSDOCK"), "crossdock", "-C", hub->folder.path, "backup", path, "--json",
          (char *)NULL);
    _exit(127);
}

/* Makes one backup after the other, each kept only until the next is there. */
static void run_backups(const bench_hub *hub)
{
    for (int i = 1;; i++) {
        char path[700];
        backup_path(hub, i, path, sizeof path);
        pid_t pid = fork();
        if (pid == 0) {
            if (!freopen("/dev/null", "w", stdout)) {
                _exit(127);
            }
            run_backup(hub, path);
        }
        int status = 1;
        if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
            _exit(1);
        }
    }
}

static pid_t start_backups(const bench_hub *hub)
{
    pid_t pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        run_backups(hub);
    }
    if (pid < 0) {
        bench_die("cannot fork: %s", strerror(errno));
    }
    setpgid(pid, pid);
    return pid;
}

static int stop_backups(const bench_hub *hub, pid_t pid)
{
    int status = 0;
    if (waitpid(pid, &status, WNOHANG) == pid) {
        bench_die("a backup failed");
    }
    kill(-pid, SIGKILL);
    waitpid(pid, &status, 0);
    int made = 0;
    char path[700];
    struct stat st;
    for (backup_path(hub, 1, path, sizeof path); stat(path, &st) == 0;
         backup_path(hub, made + 1, path, sizeof path)) {
        made++;
    }
    return made;
}

static double database_mb(const bench_hub *hub)
{
    char path[700];
    struct stat st;
    snprintf(path, sizeof path, "%s/data/crossdock.db", hub->folder.path);
    return stat(path, &st) == 0 ? (double)st.st_size / 1e6 : 0;
}

int main(int argc, char **argv)
{
    static load_result fill, alone, beside;
    long fill_s = argc > 1 ? strtol(argv[1], NULL, 10) : 5;
    long run_s = argc > 2 ? strtol(argv[2], NULL, 10) : 5;
    double rate = argc > 3 ? (double)strtol(argv[3], NULL, 10) : 3000;
    uint64_t next = 0;
    bench_hub hub = hub_start(&(hub_options){.batch_max = 1});
    hub_load_orders(&hub, 0, ORDERS);
    run_load(&hub, 0, fill_s * 1000, &next, &fill);
    while (hub_metric(&hub, "crossdock_backlog") > 0) {
        bench_sleep_ms(100);
    }
    run_load(&hub, rate, run_s * 1000, &next, &alone);
    pid_t backups = start_backups(&hub);
    run_load(&hub, rate, run_s * 1000, &next, &beside);
    int made = stop_backups(&hub, backups);
    fprintf(stderr,
            "bench: %.0f MB, %.0f events/s: p99 %.1f ms alone, %.1f ms beside backups (%d "
            "finished in %ld s); p99.9 %.1f and %.1f ms\n",
            database_mb(&hub), rate, bench_histogram_ms(&alone.latency, 990),
            bench_histogram_ms(&beside.latency, 990), made, run_s,
            bench_histogram_ms(&alone.latency, 999), bench_histogram_ms(&beside.latency, 999));
    bench_print(&(bench_figure){.bench = "backup",
                                .value = (double)beside.accepted / beside.seconds,
                                .unit = "events/s beside backups",
                                .floor = (double)alone.accepted / alone.seconds,
                                .p50_ms = bench_histogram_ms(&beside.latency, 500),
                                .p99_ms = bench_histogram_ms(&beside.latency, 990),
                                .rss_mb = bench_rss_peak_mb(hub.process.pid)});
    hub_stop(&hub);
    return 0;
}
