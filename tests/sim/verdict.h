/* What a run came to: fine, or the first thing that broke. */
#ifndef XD_SIM_VERDICT_H
#define XD_SIM_VERDICT_H

#include <stdbool.h>

typedef struct sim_verdict {
    bool failed;
    char text[1024];
} sim_verdict;

/* Notes that something broke, unless something did before. */
void sim_fail(sim_verdict *verdict, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
