/* Planted bugs, one at a time: each must be caught within a bounded number of seeds. See bugs.h. */
#include "bugs.h"

#include "base/planted.h"
#include "clock.h"
#include "world.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SEEDS_MAX = 200, SEEDS_FINE = 30, SEEDS_TO_MEET = 20 };

typedef struct bug {
    const char *name, *what;
} bug;

static const bug bugs[] = {
    /* engine */
    {"drop_dedup", "an event seen before is appended again"},
    {"acknowledge_before_commit", "senders are answered before the commit"},
    {"accept_a_failed_commit", "a commit that failed is taken for one that did not"},
    {"forget_dirty_state", "a document changed by a step is not written"},
    {"skip_an_event", "an event in the log is not stepped"},
    {"forget_open_deliveries", "what was open at a start is not offered again"},
    /* flows */
    {"forget_outbox_row", "deliveries are offered but not kept"},
    {"double_accrual", "a receipt sent twice is booked twice"},
    {"match_beyond_received", "an invoice is matched with more than came"},
    {"unbalanced_rounding", "the rounding line of an entry is left out"},
    {"journal_number_reused", "a journal number is given twice"},
    {"park_forgets_last", "a parked document is not counted in its queue"},
    {"code_wakes_nobody", "records that wait for a code go on waiting when it comes"},
    {"code_never_ends", "a code is in force beyond its end"},
    {"forget_raw_bytes", "what a record was read from is not kept"},
    {"lose_one_woken", "of the documents that resume, the last is lost"},
    {"no_second_person", "whoever entered an invoice may release its holds"},
    {"lose_dead_letter", "an undeliverable message is not kept"},
    /* outbound */
    {"timeout_is_success", "no answer is taken for yes"},
    {"double_post_after_timeout", "what may have been done is sent again without asking"},
    {"send_undeclared", "a system without keys is sent to before the log says so"},
    {"lose_retry", "a delivery that failed twice is never tried again"},
    {"release_out_of_order", "younger deliveries of a key overtake one that failed"},
    {"ignore_retry_after", "a system that asks for time gets none"},
    {"breaker_never_half_opens", "a system that was down is never tried again"},
    {"codes_of_now", "what is sent again is made with codes that were corrected since"},
    {"outcome_recorded_twice", "an outcome is put into the log twice"},
    {"forget_the_held", "what comes while a gap is closed is forgotten"},
    /* store */
    {"state_without_cursor", "state is written without saying how far it goes"},
    {"commit_lies", "a commit says yes and does nothing"},
};

/* What the child process tells. */
typedef struct outcome {
    uint64_t seed;
    bool met;
    sim_verdict verdict;
} outcome;

/* Runs seeds from 1 until one fails; true when one did. */
static bool run(const char *name, uint32_t seeds, uint32_t events, outcome *shared)
{
    fflush(stdout);
    *shared = (outcome){.verdict.text = "the process ended by a signal"};
    pid_t child = fork();
    if (child == 0) {
        if (!freopen("/dev/null", "w", stderr)) {
            _exit(2);
        }
#ifdef XD_PLANTED_BUGS
        xd_planted_set(name);
#endif
        for (uint64_t seed = 1; seed <= seeds; seed++) {
            sim_plan plan;
            sim_figures figures;
            sim_verdict verdict;
            shared->seed = seed;
            sim_plan_make(&plan, seed, events);
            sim_run(&plan, NULL, &verdict, &figures);
            sim_plan_finish(&plan);
#ifdef XD_PLANTED_BUGS
            shared->met = xd_planted_was_met();
#endif
            if (verdict.failed) {
                shared->verdict = verdict;
                _exit(1);
            }
            if (name && seed == SEEDS_TO_MEET && !shared->met) {
                break;
            }
        }
        _exit(0);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        return false;
    }
    return WIFSIGNALED(status) || WEXITSTATUS(status) == 1;
}

int sim_bugs_run(uint32_t events)
{
    outcome *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert(shared != MAP_FAILED);
    uint32_t passed = 0, failed = 0, absent = 0;
    if (run(NULL, SEEDS_FINE, events, shared)) {
        printf("FAILED without any bug, at seed %llu: %s\n", (unsigned long long)shared->seed,
               shared->verdict.text);
        failed++;
    } else {
        printf("ok     no bug: %d seeds are fine\n", SEEDS_FINE);
        passed++;
    }
    for (size_t i = 0; i < sizeof bugs / sizeof *bugs; i++) {
        if (run(bugs[i].name, SEEDS_MAX, events, shared)) {
            printf("ok     %-26s caught by seed %llu: %.110s\n", bugs[i].name,
                   (unsigned long long)shared->seed, shared->verdict.text);
            passed++;
        } else if (!shared->met) {
            printf("absent %-26s is not planted in this build\n", bugs[i].name);
            absent++;
        } else {
            printf("FAILED %-26s not caught by %d seeds: %s\n", bugs[i].name, SEEDS_MAX,
                   bugs[i].what);
            failed++;
        }
    }
    munmap(shared, sizeof *shared);
    if (absent) {
        printf("%u passed, %u failed, %u skipped\n", passed, failed, absent);
    } else {
        printf("%u passed, %u failed\n", passed, failed);
    }
    return failed ? 1 : 0;
}
