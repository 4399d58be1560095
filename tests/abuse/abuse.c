/* Abuse of a real hub on 127.0.0.1: one attack after the other, while clients that behave go on
 * sending. For each attack the 99th percentile of those clients, until the hub has acknowledged an
 * item and until it has reached its system, is compared with the same before and after the attack;
 * what counts is the median of several windows, and an attack gets up to three tries, since the
 * machine may be busy with other things. At the end everything acknowledged must be in the log.
 *
 *     abuse [NAME...]     CROSSDOCK names the program; a NAME that there is not lists the attacks
 *
 * Says what it does, then for each attack what it is and a line for each try: "ok", "again" when
 * another try follows, or "FAILED". Closes with "N passed, N failed". When something failed, the
 * folder of the hub is kept and named. */
#include "attack.h"
#include "child.h"
#include "client.h"
#include "items.h"
#include "remote.h"
#include "web.h"

#include "base/arena.h"
#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    WINDOW_MS = 700,
    CALM_WINDOWS = 3, /* before, and again after */
    ATTACK_WINDOWS = 5,
    ONSET_MS = 1500, /* of an attack, before it is measured */
    CALM_MS = 800,   /* after it */
    TRIES = 3,
    WARM_MS = 2000,
    TIMES = 2,            /* slower than without the attack: no more */
    IDLE_TIMEOUT_S = 2,   /* of the hub */
    CONNECTIONS = 600,    /* its limit */
    NEWCOMER_MS = 6000,   /* a new client is served within this */
    DRAIN_MS = 60000,     /* all deliveries are made within this after the last attack */
    MEMORY_MB = 160,      /* resident, at most */
    PAGE_ARENA = 64 << 20 /* for one page of the read API */
};

static bench_child hub;
static bench_scratch folder;
static int passed, failed;

static void verdict(bool good, const char *name, const char *text)
{
    printf("%-6s %-14s %s\n", good ? "ok" : "FAILED", name, text);
    fflush(stdout);
    *(good ? &passed : &failed) += 1;
}

/* --- the hub --- */

static void start_hub(uint16_t remote_port)
{
    const char *program = getenv("CROSSDOCK");
    if (!program) {
        bench_die("CROSSDOCK must name the program to abuse");
    }
    setenv("ABUSE_SECRET", ABUSE_SECRET, 1);
    folder = scratch_make();
    uint16_t port = child_free_port();
    char path[1024];
    char log[1024];
    snprintf(path, sizeof path, "%s/crossdock.yaml", folder.path);
    snprintf(log, sizeof log, "%s/log", folder.path);
    FILE *file = fopen(path, "w");
    if (!file) {
        bench_die("cannot write %s: %s", path, strerror(errno));
    }
    fprintf(file,
            "hub:\n  listen: 127.0.0.1:%u\n  limits: {max_connections: %d, idle_timeout_s: %d, "
            "max_body_bytes: 1MiB, max_event_bytes: 256KiB, max_inflight_bytes: 16MiB}\n"
            "keys:\n  abuse: {secret_env: ABUSE_SECRET, scopes: [events:write, read, metrics]}\n"
            "flow: {currency: USD}\nsystems:\n",
            port, CONNECTIONS, IDLE_TIMEOUT_S);
    fprintf(file,
            "  good: {url: 'http://127.0.0.1:%u/good', receives: [master], attempts: 3, "
            "backoff_ms: 20, backoff_max_ms: 100}\n",
            remote_port);
    fprintf(file,
            "  mute: {url: 'http://127.0.0.1:%u/mute', receives: [master], timeout_ms: 300, "
            "attempts: 1000, backoff_ms: 20, backoff_max_ms: 500, breaker_open_ms: 300, "
            "concurrency: 32}\n",
            remote_port);
    fclose(file);
    const char *const argv[] = {program, "-C", folder.path, "run", NULL};
    hub = child_start(argv, port, "/readyz", log);
}

/* --- one attack --- */

/* Milliseconds until somebody new has an answer; -1 when that takes too long. */
static int newcomer_ms(void)
{
    static web_reader reader;
    int64_t from_ns = bench_now_ns();
    while (bench_now_ns() - from_ns < (int64_t)NEWCOMER_MS * 1000000) {
        reader.len = 0;
        reader.fd = web_connect(hub.port, 500);
        int status = 0;
        if (reader.fd >= 0 &&
            web_send(reader.fd, "GET /healthz HTTP/1.1\r\nHost: hub\r\n\r\n", 36)) {
            status = web_answer(&reader, NULL);
        }
        if (reader.fd >= 0) {
            web_reset(reader.fd);
        }
        if (status == 200) {
            return (int)((bench_now_ns() - from_ns) / 1000000);
        }
        bench_sleep_ms(5);
    }
    return -1;
}

typedef struct figures {
    double accept_ms, deliver_ms; /* medians of the windows' 99th percentiles */
} figures;

static figures median_of(const client_window *windows, int count)
{
    double accept[WINDOWS_MAX];
    double deliver[WINDOWS_MAX];
    for (int i = 0; i < count; i++) {
        accept[i] = bench_histogram_ms(&windows[i].accept, 990);
        deliver[i] = bench_histogram_ms(&windows[i].deliver, 990);
    }
    return (figures){bench_median(accept, (uint32_t)count), bench_median(deliver, (uint32_t)count)};
}

/* Appends to a text. */
__attribute__((format(printf, 3, 4))) static void say(char *text, size_t size, const char *format,
                                                      ...)
{
    size_t len = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + len, size - len, format, args);
    va_end(args);
}

static void say_count(char *text, size_t size, uint64_t count, const char *of_what)
{
    if (count > 0) {
        say(text, size, "; %llu %s", (unsigned long long)count, of_what);
    }
}

/* What the attacker did and what the hub did to it. */
static void say_attack(char *text, size_t size, const attack *a)
{
    say_count(text, size, a->opened, "hostile connections opened");
    say_count(text, size, a->closed_on_us, "cut by the hub");
    say_count(text, size, a->answers[2], "answers of 2xx");
    say_count(text, size, a->answers[4], "of 4xx");
    say_count(text, size, a->answers[5], "of 5xx");
    if (!a->plan->piece) {
        say_count(text, size, a->pieces, a->plan->wanted);
    }
}

/* One try; text says what was seen. */
static bool try_attack(const attack_plan *plan, char *text, size_t size)
{
    static client_window calm[2 * CALM_WINDOWS];
    static client_window stormy[ATTACK_WINDOWS];
    static attack a;
    uint64_t refused = clients_refused();
    uint64_t broken = clients_broken();
    uint64_t pushed_back = clients_pushed_back();
    clients_measure(CALM_WINDOWS, WINDOW_MS, calm);
    attack_start(&a, plan, hub.port);
    bench_sleep_ms(ONSET_MS);
    clients_measure(ATTACK_WINDOWS, WINDOW_MS, stormy);
    int newcomer = newcomer_ms();
    attack_stop(&a);
    bench_sleep_ms(CALM_MS);
    clients_measure(CALM_WINDOWS, WINDOW_MS, calm + CALM_WINDOWS);
    figures without = median_of(calm, 2 * CALM_WINDOWS);
    figures under = median_of(stormy, ATTACK_WINDOWS);
    bool seen = plan->withstood(&a);
    bool in_time = under.accept_ms <= TIMES * without.accept_ms &&
                   under.deliver_ms <= TIMES * without.deliver_ms;
    refused = clients_refused() - refused;
    broken = clients_broken() - broken;
    pushed_back = clients_pushed_back() - pushed_back;
    say(text, size, "p99 accepted %.2f ms (%.2f without)", under.accept_ms, without.accept_ms);
    say(text, size, ", delivered %.2f ms (%.2f)", under.deliver_ms, without.deliver_ms);
    if (newcomer < 0) {
        say(text, size, "; no newcomer served within %d ms", NEWCOMER_MS);
    } else {
        say(text, size, "; newcomer served after %d ms", newcomer);
    }
    say_count(text, size, broken, "connections of clients that behave broke");
    say_count(text, size, pushed_back, "times one that behaves was told to wait");
    say_count(text, size, refused, "requests of clients that behave were refused");
    say_attack(text, size, &a);
    if (!seen) {
        say(text, size, "; not seen: %s", plan->wanted);
    }
    return seen && in_time && !refused && !broken && newcomer >= 0;
}

static void run_attack(const attack_plan *plan)
{
    char text[768];
    bool good = false;
    for (int i = 0; i < TRIES && !good; i++) {
        text[0] = '\0';
        good = try_attack(plan, text, sizeof text);
        if (!good && i + 1 < TRIES) {
            printf("again  %-14s %s\n", plan->name, text);
            fflush(stdout);
        }
    }
    verdict(good, plan->name, text);
}

/* --- afterwards --- */

/* A page of the read API into root; the arena is the caller's. */
static const xd_json *read_page(web_reader *reader, const char *path, xd_arena *arena)
{
    char request[1024];
    const char *body = NULL;
    const xd_json *root = NULL;
    int n = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\n" ABUSE_HEADERS "\r\n", path);
    xd_arena_reset(arena);
    if (!web_send(reader->fd, request, (size_t)n) || web_answer(reader, &body) != 200) {
        return NULL;
    }
    xd_str text = xd_arena_copy(arena, xd_str_from(body));
    xd_status status = xd_json_parse(text, XD_JSON_LIMITS_DEFAULT, arena, &root, NULL);
    return status == XD_OK ? root : NULL;
}

/* Marks what the log has; returns how many items it holds, -1 when it cannot be read. */
static int64_t read_items(web_reader *reader, bool *present)
{
    char path[512] = "/v1/documents/item?limit=1000";
    int64_t count = 0;
    xd_arena arena;
    xd_arena_init(&arena, PAGE_ARENA);
    for (;;) {
        const xd_json *page = read_page(reader, path, &arena);
        const xd_json *items = XD_GET(page, "items");
        if (!items) {
            count = -1;
            break;
        }
        for (uint32_t i = 0; i < items->count; i++) {
            char quoted[128];
            uint32_t number;
            snprintf(quoted, sizeof quoted, "\"%.*s\"", XD_FMT(XD_TEXT(&items->items[i], "id")));
            if (item_find(quoted, &number, NULL)) {
                count += !present[number];
                present[number] = true;
            }
        }
        xd_str next = XD_TEXT(page, "next");
        if (next.len == 0) {
            break;
        }
        snprintf(path, sizeof path, "/v1/documents/item?limit=1000&cursor=%.*s", XD_FMT(next));
    }
    xd_arena_finish(&arena);
    return count;
}

static void check_nothing_lost(void)
{
    static web_reader reader;
    static bool present[ITEMS_MAX];
    reader.fd = web_connect(hub.port, 10000);
    bench_sleep_ms(300); /* state is written within 100 ms of the last event */
    int64_t in_log = reader.fd >= 0 ? read_items(&reader, present) : -1;
    uint32_t lost = 0;
    for (uint32_t i = 0; i < items_sent(); i++) {
        lost += item_is_acknowledged(i) && !present[i];
    }
    char text[256];
    snprintf(text, sizeof text, "%u items acknowledged, %lld in the hub, %u lost",
             items_acknowledged(), (long long)in_log, lost);
    verdict(in_log >= 0 && lost == 0, "nothing-lost", text);
    close(reader.fd);
}

static void check_drained(void)
{
    static web_reader reader;
    xd_arena arena;
    xd_arena_init(&arena, PAGE_ARENA);
    int64_t from_ns = bench_now_ns();
    int64_t open = -1;
    reader.fd = web_connect(hub.port, 10000);
    while (open != 0 && bench_now_ns() - from_ns < (int64_t)DRAIN_MS * 1000000) {
        const xd_json *page = read_page(&reader, "/v1/outbox?limit=1", &arena);
        const xd_json *items = XD_GET(page, "items");
        open = items ? (int64_t)items->count : -1;
        bench_sleep_ms(200);
    }
    char text[256];
    snprintf(text, sizeof text, "every delivery made or a dead letter %.1f s after the last attack",
             (double)(bench_now_ns() - from_ns) / 1e9);
    verdict(open == 0, "drained", open == 0 ? text : "deliveries are still open");
    close(reader.fd);
    xd_arena_finish(&arena);
}

static void check_memory(void)
{
    char text[256];
    double peak = bench_rss_peak_mb(hub.pid);
    snprintf(text, sizeof text, "%.0f MB resident at most, %.0f MB now (%d MB allowed)", peak,
             bench_rss_mb(hub.pid), MEMORY_MB);
    verdict(peak <= MEMORY_MB, "memory", text);
}

static void check_end(void)
{
    int status = 0;
    char text[256];
    kill(hub.pid, SIGTERM);
    while (waitpid(hub.pid, &status, 0) < 0 && errno == EINTR) {
    }
    bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    snprintf(text, sizeof text, "the hub, told to stop, ended with %s %d",
             WIFSIGNALED(status) ? "signal" : "exit code",
             WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    verdict(good, "end", text);
}

/* What the log gives, stepped anew, is the state that the attacks left. */
static void check_replay(void)
{
    char log[1024];
    int status = -1;
    snprintf(log, sizeof log, "%s/replay", folder.path);
    pid_t pid = fork();
    if (pid == 0) {
        int fd = open(log, O_WRONLY | O_CREAT, 0600);
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
        execl(getenv("CROSSDOCK"), "crossdock", "-C", folder.path, "replay", "--verify", NULL);
        _exit(127);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    verdict(good, "replay",
            good ? "the log, replayed, gives the same state" : "it differs, or cannot be done");
}

/* --- what is asked for --- */

static bool is_wanted(const char *name, int argc, char **argv)
{
    bool wanted = argc < 2;
    for (int i = 1; i < argc; i++) {
        wanted = wanted || strcmp(argv[i], name) == 0;
    }
    return wanted;
}

/* How many attacks are asked for; ends the program at a name that there is not. */
static uint32_t wanted_count(int argc, char **argv)
{
    uint32_t count = 0;
    for (int i = 1; i < argc; i++) {
        bool known = false;
        for (uint32_t k = 0; k < attack_count; k++) {
            known = known || strcmp(argv[i], attack_plans[k].name) == 0;
        }
        if (!known) {
            fprintf(stderr, "abuse: there is no attack %s; there are:\n", argv[i]);
            for (uint32_t k = 0; k < attack_count; k++) {
                fprintf(stderr, "  %-14s %s\n", attack_plans[k].name, attack_plans[k].about);
            }
            exit(2);
        }
    }
    for (uint32_t k = 0; k < attack_count; k++) {
        count += is_wanted(attack_plans[k].name, argc, argv);
    }
    return count;
}

static void introduce(uint32_t count)
{
    enum {
        TRY_MS = ONSET_MS + CALM_MS + (2 * CALM_WINDOWS + ATTACK_WINDOWS) * WINDOW_MS +
                 3 * CLIENT_GRACE_MS
    };
    printf(
        "%u attacks of %d s each on a hub at 127.0.0.1:%u, while %d clients that behave send "
        "%d items a second.\n"
        "Withstood: their p99, until the hub has accepted and until it has delivered, is at most "
        "%d times that without the attack,\nnone of them is refused or cut, and somebody new "
        "is served within %d ms. Up to %d tries, since other programs disturb.\n",
        count, (TRY_MS + 500) / 1000, hub.port, CLIENTS, CLIENTS * CLIENT_RATE_PER_S, TIMES,
        NEWCOMER_MS, TRIES);
    fflush(stdout);
}

static void run_attacks(uint32_t count, int argc, char **argv)
{
    uint32_t number = 0;
    for (uint32_t i = 0; i < attack_count; i++) {
        if (is_wanted(attack_plans[i].name, argc, argv)) {
            printf("%u of %u, %s: %s\n", ++number, count, attack_plans[i].name,
                   attack_plans[i].about);
            fflush(stdout);
            run_attack(&attack_plans[i]);
        }
    }
}

int main(int argc, char **argv)
{
    uint32_t count = wanted_count(argc, argv);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur < 12000) {
        fprintf(stderr, "abuse: only %llu descriptors: ulimit -n 12000\n",
                (unsigned long long)files.rlim_cur);
        return 1;
    }
    start_hub(remote_start(clients_arrived));
    introduce(count);
    clients_start(hub.port);
    bench_sleep_ms(WARM_MS);
    run_attacks(count, argc, argv);
    clients_stop();
    printf("Afterwards:\n");
    check_drained();
    check_nothing_lost();
    check_memory();
    check_end();
    check_replay();
    if (failed) {
        printf("the hub's log, its data and the replay's words are in %s\n", folder.path);
    } else {
        scratch_remove(&folder);
    }
    remote_stop();
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
