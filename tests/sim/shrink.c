/* Shrinking by leaving actions out (delta debugging, Zeller and Hildebrandt 2002). Each attempt
 * runs in a process of its own, so that a failed assertion is a failure like any other. See
 * shrink.h. */
#include "shrink.h"

#include "clock.h"
#include "world.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SHRINK_US = 40 * 1000 * 1000 };

/* --- attempts --- */

/* Whether the plan fails with these actions alone; *shared gets the verdict. */
static bool fails(const sim_plan *plan, const bool *keep, sim_verdict *shared)
{
    fflush(stdout);
    *shared = (sim_verdict){.failed = true, .text = "the process ended by a signal"};
    pid_t child = fork();
    if (child == 0) {
        sim_figures figures;
        sim_verdict verdict;
        if (!freopen("/dev/null", "w", stderr)) {
            _exit(2);
        }
        sim_run(plan, keep, &verdict, &figures);
        *shared = verdict;
        _exit(0);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        return false;
    }
    return shared->failed;
}

/* Leaves out chunk actions at a time, smaller chunks when nothing more can go. */
static uint32_t shrink(const sim_plan *plan, bool *keep, sim_verdict *shared, sim_verdict *ret)
{
    int64_t end_us = sim_machine_us() + SHRINK_US;
    bool *trial = malloc(plan->count * sizeof *trial);
    assert(trial);
    uint32_t left = plan->count;
    for (uint32_t chunk = plan->count / 2; chunk > 0; chunk = chunk > 1 ? chunk / 2 : 0) {
        bool again = true;
        while (again && sim_machine_us() < end_us) {
            again = false;
            for (uint32_t at = 0; at < plan->count && sim_machine_us() < end_us;) {
                memcpy(trial, keep, plan->count * sizeof *trial);
                uint32_t taken = 0;
                for (; at < plan->count && taken < chunk; at++) {
                    taken += trial[at];
                    trial[at] = false;
                }
                if (taken && fails(plan, trial, shared)) {
                    memcpy(keep, trial, plan->count * sizeof *trial);
                    *ret = *shared;
                    left -= taken;
                    again = chunk == 1;
                }
            }
        }
    }
    free(trial);
    return left;
}

void sim_report(const sim_plan *plan, uint32_t events, const char *bug, const sim_verdict *verdict,
                bool may_shrink)
{
    printf("FAILED: %s\nagain: build/crossdock-simtest --seed %llu --events %u%s%s\n",
           verdict->text, (unsigned long long)plan->seed, events, bug ? " --bug " : "",
           bug ? bug : "");
    if (!may_shrink) {
        return;
    }
    sim_verdict *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    bool *keep = malloc((plan->count + 1) * sizeof *keep);
    assert(shared != MAP_FAILED && keep);
    memset(keep, 1, plan->count * sizeof *keep);
    sim_verdict smallest = *verdict;
    uint32_t left = shrink(plan, keep, shared, &smallest);
    printf("%u of %u actions are enough: %s\n", left, plan->count, smallest.text);
    for (uint32_t i = 0; i < plan->count; i++) {
        if (keep[i]) {
            sim_action_print(&plan->actions[i]);
        }
    }
    free(keep);
    munmap(shared, sizeof *shared);
}
