/* crossdock-simtest: runs seeds of the simulation. A failing one is shrunk and printed with the
 * command that runs it again. */
#include "bugs.h"
#include "shrink.h"
#include "world.h"

#include "base/planted.h"
#include "clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct options {
    uint64_t seed, seeds;
    uint32_t events;
    int64_t minutes;
    bool verbose, no_shrink, bugs;
    const char *bug, *list;
} options;

static const char usage[] =
    "Usage: crossdock-simtest [--seed N] [--seeds N] [--events N] [--minutes N] [--verbose]\n"
    "                         [--list FILE] [--no-shrink] [--bug NAME] [--bugs]\n"
    "  --seed N      first seed (default 1)\n"
    "  --seeds N     how many, one after the other (default 1)\n"
    "  --events N    documents per seed (default 200)\n"
    "  --minutes N   seeds until so much time has passed\n"
    "  --list FILE   the seeds in FILE, one a line: seed, documents, and why\n"
    "  --no-shrink   do not look for a smaller plan that fails\n"
    "  --bug NAME    with one planted bug (build with -Dplanted_bugs=true)\n"
    "  --bugs        every planted bug, until it is caught\n";

static bool number(const char *text, int64_t *ret)
{
    return text && xd_str_to_int64(xd_str_from(text), ret) && *ret >= 0;
}

static bool read_options(int argc, char **argv, options *o)
{
    *o = (options){.seed = 1, .seeds = 1, .events = 200};
    for (int i = 1; i < argc; i++) {
        int64_t value = 0;
        if (strcmp(argv[i], "--verbose") == 0) {
            o->verbose = true;
        } else if (strcmp(argv[i], "--no-shrink") == 0) {
            o->no_shrink = true;
        } else if (strcmp(argv[i], "--bugs") == 0) {
            o->bugs = true;
        } else if (i + 1 < argc && strcmp(argv[i], "--list") == 0) {
            o->list = argv[++i];
        } else if (i + 1 < argc && strcmp(argv[i], "--bug") == 0) {
            o->bug = argv[++i];
        } else if (i + 1 == argc || !number(argv[i + 1], &value)) {
            return false;
        } else if (strcmp(argv[i], "--seed") == 0) {
            o->seed = (uint64_t)value;
            i++;
        } else if (strcmp(argv[i], "--seeds") == 0) {
            o->seeds = (uint64_t)value;
            i++;
        } else if (strcmp(argv[i], "--events") == 0 && value > 0 && value <= 100000) {
            o->events = (uint32_t)value;
            i++;
        } else if (strcmp(argv[i], "--minutes") == 0 && value > 0) {
            o->minutes = value;
            o->seeds = UINT64_MAX;
            i++;
        } else {
            return false;
        }
    }
    return true;
}

static bool run_seed(const options *o, uint64_t seed, bool last)
{
    sim_plan plan;
    sim_verdict verdict;
    sim_figures f;
    sim_plan_make(&plan, seed, o->events);
    int64_t before_us = sim_machine_us();
    sim_run(&plan, NULL, &verdict, &f);
    if (o->verbose || last) {
        printf(
            "seed %llu: %u actions, %lld events in the log, %lld journals, %lld deliveries, %lld "
            "requests, %lld crashes, %lld store faults, %lld mapped, %lld parked, %lld exceptions, "
            "%lld steps, %.1f simulated s, %.1f ms\n",
            (unsigned long long)seed, plan.count, (long long)f.audit.events,
            (long long)f.audit.journals, (long long)f.audit.deliveries,
            (long long)f.remotes.requests, (long long)f.crashes, (long long)f.store_faults,
            (long long)f.audit.mapped, (long long)f.audit.parked, (long long)f.audit.exceptions,
            (long long)f.steps, (double)f.simulated_us / 1e6,
            (double)(sim_machine_us() - before_us) / 1e3);
    }
    if (verdict.failed) {
        sim_report(&plan, o->events, o->bug, &verdict, !o->no_shrink);
    }
    sim_plan_finish(&plan);
    return !verdict.failed;
}

enum { PROGRESS_US = 10 * 1000 * 1000, LINE_MAX_BYTES = 256 };

/* The seed that runs now, in shared memory. */
typedef struct current {
    uint64_t seed;
    uint32_t events;
} current;

/* "37 200 why" a line. */
static int run_list(const options *o, current *now)
{
    char line[LINE_MAX_BYTES];
    uint32_t done = 0;
    FILE *file = fopen(o->list, "r");
    if (!file) {
        perror(o->list);
        return 2;
    }
    bool fine = true;
    while (fine && fgets(line, sizeof line, file)) {
        unsigned long long seed;
        options one = *o;
        if (line[0] != '#' && sscanf(line, "%llu %u", &seed, &one.events) == 2) {
            *now = (current){seed, one.events};
            fine = run_seed(&one, seed, false);
            done++;
        }
    }
    fclose(file);
    if (fine) {
        printf("%u seeds of %s: ok\n", done, o->list);
    }
    return fine ? 0 : 1;
}

static void show_progress(uint64_t done, int64_t start_us, int64_t *last_us)
{
    int64_t at_us = sim_machine_us();
    if (at_us - *last_us >= PROGRESS_US) {
        *last_us = at_us;
        printf("%llu seeds, %lld s\n", (unsigned long long)done,
               (long long)((at_us - start_us) / 1000000));
        fflush(stdout);
    }
}

/* Runs the seeds, one after the other; *now is always the one that runs. */
static int run_seeds(const options *o, current *now)
{
    int64_t start_us = sim_machine_us();
    int64_t end_us = start_us + o->minutes * 60 * 1000000;
    int64_t last_us = start_us;
    uint64_t done = 0;
    for (; done < o->seeds && (!o->minutes || sim_machine_us() < end_us); done++) {
        *now = (current){o->seed + done, o->events};
        if (!run_seed(o, now->seed, o->seeds == 1)) {
            return 1;
        }
        if (o->minutes) {
            show_progress(done + 1, start_us, &last_us);
        }
    }
    double seconds = (double)(sim_machine_us() - start_us) / 1e6;
    printf("%llu seeds from %llu with %u events each: ok, %.1f s, %.0f seeds a minute\n",
           (unsigned long long)done, (unsigned long long)o->seed, o->events, seconds,
           seconds > 0 ? (double)done * 60 / seconds : 0);
    return 0;
}

/* In a process of its own, so that a failed assertion is reported and shrunk as any other failure.
 */
static int run_guarded(const options *o)
{
    current *now =
        mmap(NULL, sizeof *now, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (now == MAP_FAILED) {
        perror("mmap");
        return 2;
    }
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        int code = o->list ? run_list(o, now) : run_seeds(o, now);
        exit(code); /* not _exit: sanitizers look for leaks then */
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("fork");
        return 2;
    }
    if (!WIFSIGNALED(status)) {
        return WEXITSTATUS(status);
    }
    sim_plan plan;
    sim_verdict verdict = {.failed = true};
    snprintf(verdict.text, sizeof verdict.text, "the process ended by signal %d", WTERMSIG(status));
    sim_plan_make(&plan, now->seed, now->events);
    sim_report(&plan, now->events, o->bug, &verdict, !o->no_shrink);
    sim_plan_finish(&plan);
    return 1;
}

int main(int argc, char **argv)
{
    options o;
    if (!read_options(argc, argv, &o)) {
        fputs(usage, stderr);
        return 2;
    }
#ifdef XD_PLANTED_BUGS
    xd_planted_set(o.bug);
#else
    if (o.bug || o.bugs) {
        fputs("crossdock-simtest: planted bugs need a build with -Dplanted_bugs=true\n", stderr);
        return 2;
    }
#endif
    if (o.bugs) {
        return sim_bugs_run(o.events);
    }
    return run_guarded(&o);
}
