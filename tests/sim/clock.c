/* The simulation's clock, and a log that says nothing. See clock.h. */
#include "clock.h"

#include "observe/log.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { START_S = 1772352000 }; /* 2026-03-01T08:00:00Z */

static int64_t now_us;
static int64_t wall_offset_us;

int __real_clock_gettime(clockid_t id, struct timespec *ret);
int __wrap_clock_gettime(clockid_t id, struct timespec *ret);

void sim_clock_reset(void)
{
    now_us = 1000000;
    wall_offset_us = (int64_t)START_S * 1000000;
}

int64_t sim_now_us(void)
{
    return now_us;
}

void sim_advance_to(int64_t to_us)
{
    assert(to_us >= now_us);
    now_us = to_us;
}

xd_instant sim_wall(void)
{
    return now_us + wall_offset_us;
}

void sim_wall_jump(int64_t by_us)
{
    wall_offset_us += by_us;
}

int64_t sim_machine_us(void)
{
    struct timespec t;
    __real_clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* What every library of the hub gets instead of the machine's clocks. */
int __wrap_clock_gettime(clockid_t id, struct timespec *ret)
{
    int64_t t = id == CLOCK_REALTIME ? sim_wall() : now_us;
    *ret = (struct timespec){.tv_sec = t / 1000000, .tv_nsec = t % 1000000 * 1000};
    return 0;
}

/* The hub's log would say thousands of times that a simulated system is down. SIM_LOG=1 shows it.
 */
void xd_log_write(xd_log_level level, const char *event, const xd_log_field *fields, size_t count)
{
    if (!getenv("SIM_LOG")) {
        return;
    }
    fprintf(stderr, "  %lld.%06lld log %d %s", (long long)(now_us / 1000000),
            (long long)(now_us % 1000000), (int)level, event);
    for (size_t i = 0; i < count; i++) {
        if (fields[i].text.ptr) {
            fprintf(stderr, " %s=%.*s", fields[i].name, XD_FMT(fields[i].text));
        } else {
            fprintf(stderr, " %s=%lld", fields[i].name, (long long)fields[i].number);
        }
    }
    fputc('\n', stderr);
}

void xd_log_fault(xd_log_level level, const char *event, const xd_fault *fault)
{
    XD_LOG(level, event, XD_LOG_TEXT("code", xd_str_from(xd_code_name(fault->code))),
           XD_LOG_TEXT("text", xd_str_from(fault->text)));
}
