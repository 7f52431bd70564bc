/* SPDX-License-Identifier: MIT
 * sweep_progress: what is told of a sweep while it goes on, on stderr: on a terminal a line per run under way, redrawn
 * in place, finished ones above; else a line now and then. Reads the runs' data bases, so no run waits for it. Main
 * thread. */
#ifndef RT_SWEEP_PROGRESS_H
#define RT_SWEEP_PROGRESS_H

#include "tui/cli/sweep_plan.h"

#include <stdint.h>

#define RT_SWEEP_AT_ONCE 64

struct rt_sweep_line; /* a run under way */
struct rt_sweep_progress {
    const struct rt_sweep_plan *plan;
    bool quiet, terminal;
    int lines;              /* that stand on the terminal */
    int finished;           /* since the start */
    uint64_t started, told; /* ns */
    struct rt_sweep_line *line[RT_SWEEP_AT_ONCE];
};

void rt_sweep_progress_init(struct rt_sweep_progress *p, const struct rt_sweep_plan *plan, bool quiet);
void rt_sweep_progress_start(struct rt_sweep_progress *p, int job);
/* The job has ended; where it is done its result is told. */
void rt_sweep_progress_end(struct rt_sweep_progress *p, int job);
/* Looks at the runs and shows them: to be called about twice a second. */
void rt_sweep_progress_show(struct rt_sweep_progress *p);
/* A line that stays, also when quiet. */
void rt_sweep_progress_say(struct rt_sweep_progress *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Takes the lines away. */
void rt_sweep_progress_fini(struct rt_sweep_progress *p);

#endif
