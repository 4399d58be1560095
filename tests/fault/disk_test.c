/* The hub on a failing disk: a small workload is run again and again, and each time the disk fails
 * at another of its operations, in each of several ways, once or for good, or the power fails
 * there. Every run has to end with a clean refusal or a clean restart: what was accepted is in the
 * log, nothing that was settled is offered again, and state is what a replay gives.
 *
 *     disk_test [EVERY [SEEDS]]   tries every EVERY-th operation (default 29) with SEEDS seeds
 * (default 1) disk_test TROUBLE N LASTING SEED   that one run, as a failure names it Last line: "N
 * passed, N failed". */
#include "hub.h"
#include "vfs.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { RESTARTS_MAX = 3, SECOND_CUT_MAX = 150 };

typedef struct run {
    xd_vfs_trouble trouble;
    uint64_t number;
    bool lasting;
    uint64_t seed;
} run;

typedef struct tally {
    uint64_t passed, failed, refused, restarts, accepted;
} tally;

static tally totals;
static bool second_cut_due; /* in this run */

/* The disk is good again and the hub's process has ended: what a supervisor does. */
static void start_anew(xd_fault_hub *hub, const run *r)
{
    xd_fault_hub_close(hub, false);
    if (xd_vfs_power_is_cut()) {
        xd_vfs_power_on(r->seed + 1);
    }
    xd_vfs_mend();
    totals.restarts++;
    if (second_cut_due) {
        /* And once more, while it recovers or soon after. */
        second_cut_due = false;
        xd_vfs_plan(XD_VFS_POWER, 1 + r->seed * 31 % SECOND_CUT_MAX, false, r->seed);
    }
}

/* Whether the hub is open, restarting it as often as a supervisor would in the midst of trouble. */
static bool is_up(xd_fault_hub *hub, const run *r)
{
    if (hub->engine && (xd_fault_hub_failed(hub) || xd_vfs_power_is_cut())) {
        start_anew(hub, r);
    }
    for (int i = 0; !hub->engine && i < RESTARTS_MAX; i++) {
        xd_fault fault = XD_FAULT_NONE;
        if (xd_fault_hub_open(hub, &fault) != XD_OK) {
            if (!fault.text[0]) {
                snprintf(hub->wrong, sizeof hub->wrong, "opening fails without a reason");
            }
            start_anew(hub, r);
        }
    }
    return hub->engine != NULL;
}

static void work(xd_fault_hub *hub, const run *r)
{
    for (uint32_t i = 0; i < XD_HUB_EVENTS && is_up(hub, r); i++) {
        xd_fault fault = XD_FAULT_NONE;
        if (xd_fault_hub_send(hub, i, &fault) != XD_OK) {
            totals.refused++;
        } else {
            totals.accepted++;
        }
        if (i % 4 == 3 && is_up(hub, r)) {
            (void)!xd_fault_hub_report(hub, &fault);
        }
        if (i % 5 == 4 && is_up(hub, r)) {
            (void)!xd_fault_hub_checkpoint(hub); /* the next will do it */
        }
        if (i == 11 && is_up(hub, r)) {
            xd_fault_hub_close(hub, true); /* a stop and a start amid the rest */
        }
    }
}

/* True when all is right in the end. */
static bool try(xd_fault_hub *hub, const run *r)
{
    xd_vfs_forget();
    xd_fault_hub_reset(hub);
    xd_vfs_plan(r->trouble, r->number, r->lasting, r->seed);
    second_cut_due = r->trouble == XD_VFS_POWER && r->seed % 3 == 0;
    work(hub, r);
    second_cut_due = false;
    if (hub->engine && r->seed % 2) {
        /* Goes on with the disk mended, and has to recover by itself. */
        xd_vfs_mend();
        if (xd_fault_hub_failed(hub) || xd_vfs_power_is_cut()) {
            start_anew(hub, r);
        }
    } else if (hub->engine) {
        /* What is not synced now may go. */
        xd_vfs_power_cut();
        start_anew(hub, r);
    }
    xd_vfs_mend();
    if (xd_vfs_power_is_cut()) {
        xd_vfs_power_on(r->seed + 2);
    }
    bool right = xd_fault_hub_is_right(hub);
    if (!right) {
        printf("disk_test: %s at operation %llu%s, seed %llu: %s\n",
               xd_vfs_trouble_name(r->trouble), (unsigned long long)r->number,
               r->lasting ? " and all after" : "", (unsigned long long)r->seed, hub->wrong);
        printf("disk_test: again with: disk_test %s %llu %d %llu\n",
               xd_vfs_trouble_name(r->trouble), (unsigned long long)r->number, r->lasting,
               (unsigned long long)r->seed);
        fflush(stdout);
        xd_fault_hub_close(hub, false);
    }
    totals.passed += right;
    totals.failed += !right;
    return right;
}

/* Operations of a run without trouble. */
static uint64_t measure(xd_fault_hub *hub)
{
    const run none = {.trouble = XD_VFS_NONE, .seed = 1};
    xd_vfs_forget();
    xd_fault_hub_reset(hub);
    xd_vfs_plan(XD_VFS_NONE, 0, false, 1);
    work(hub, &none);
    uint64_t operations = xd_vfs_operations();
    if (!xd_fault_hub_is_right(hub)) {
        printf("disk_test: wrong without any trouble: %s\n", hub->wrong);
        totals.failed++;
    }
    return operations;
}

static void try_all(xd_fault_hub *hub, uint64_t every, uint64_t seeds)
{
    uint64_t operations = measure(hub);
    for (xd_vfs_trouble trouble = XD_VFS_ERROR; trouble < XD_VFS_TROUBLES; trouble++) {
        tally before = totals;
        for (uint64_t n = 1 + (uint64_t)trouble % every; n <= operations; n += every) {
            for (uint64_t seed = n; seed < n + 2 * seeds; seed++) {
                bool lasting = trouble != XD_VFS_POWER && (seed / 2) % 2;
                try(hub, &(run){trouble, n, lasting, seed});
            }
        }
        printf("%-6s %6llu runs over %llu operations: %llu wrong; %llu events accepted, %llu "
               "refused, %llu restarts\n",
               xd_vfs_trouble_name(trouble),
               (unsigned long long)(totals.passed + totals.failed - before.passed - before.failed),
               (unsigned long long)operations, (unsigned long long)(totals.failed - before.failed),
               (unsigned long long)(totals.accepted - before.accepted),
               (unsigned long long)(totals.refused - before.refused),
               (unsigned long long)(totals.restarts - before.restarts));
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    static xd_fault_hub hub;
    if (!getenv("LOUD") && !freopen("/dev/null", "w", stderr)) {
        return EXIT_FAILURE; /* the hub says a lot about its disk */
    }
    xd_vfs_register();
    xd_fault_hub_init(&hub);
    if (argc == 5) {
        run r = {.number = xd_fault_number(argv[2], 0),
                 .lasting = xd_fault_number(argv[3], 0),
                 .seed = xd_fault_number(argv[4], 0)};
        for (xd_vfs_trouble t = XD_VFS_NONE; t < XD_VFS_TROUBLES; t++) {
            r.trouble = strcmp(xd_vfs_trouble_name(t), argv[1]) == 0 ? t : r.trouble;
        }
        try(&hub, &r);
    } else {
        try_all(&hub, argc > 1 ? xd_fault_number(argv[1], 1) : 29,
                argc > 2 ? xd_fault_number(argv[2], 1) : 1);
    }
    xd_fault_hub_finish(&hub);
    printf("%llu passed, %llu failed\n", (unsigned long long)totals.passed,
           (unsigned long long)totals.failed);
    return totals.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
