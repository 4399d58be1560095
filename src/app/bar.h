/* One line of progress on a terminal, rewritten in place; nothing elsewhere. */
#ifndef XD_APP_BAR_H
#define XD_APP_BAR_H

#include "app/cli.h"

#include <stdio.h>
#include <unistd.h>

typedef struct xd_bar {
    const char *doing; /* "copying" */
    bool shown;
    int percent; /* last drawn */
} xd_bar;

static inline xd_bar xd_bar_make(const xd_cli *cli)
{
    return (xd_bar){.shown = isatty(STDERR_FILENO) && !cli->json, .percent = -1};
}

static inline void xd_bar_draw(xd_bar *bar, int64_t done, int64_t total)
{
    int percent = total > 0 ? (int)(done * 100 / total) : 100;
    if (bar->shown && percent != bar->percent) {
        fprintf(stderr, "\r\033[K%s: %d %%", bar->doing, percent);
        bar->percent = percent;
    }
}

/* Begins another piece of work. */
static inline void xd_bar_turn(xd_bar *bar, const char *doing)
{
    bar->doing = doing;
    bar->percent = -1;
    xd_bar_draw(bar, 0, 1);
}

static inline void xd_bar_end(const xd_bar *bar)
{
    if (bar->shown) {
        fputs("\r\033[K", stderr);
    }
}

#endif
