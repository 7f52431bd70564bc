/* SPDX-License-Identifier: MIT
 * runs_card: the card of a run on the Runs screen (tui/report/run_card.h), read anew while it is seen. */
#ifndef RT_RUNS_CARD_H
#define RT_RUNS_CARD_H

#include "tui/report/run_card.h"
#include "tui/screen/base/canvas.h"

/* Zeroed is of no run. */
struct rt_runs_card {
    char folder[4096];
    double read; /* when, seconds */
    struct rt_run_card card;
};

/* Of this run from now on; reads it when it is another one, or some time has passed. True: it was read. */
bool rt_runs_card_follow(struct rt_runs_card *v, const char *folder, double now);
/* Returns the lines of r that are left. */
int rt_runs_card_draw(const struct rt_runs_card *v, struct rt_canvas *c, struct rt_rect r);

#endif
