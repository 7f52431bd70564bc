/* SPDX-License-Identifier: MIT
 * sweep_run: runs what a sweep's plan lists, each in a process of its own, some at a time. Main thread. */
#ifndef RT_SWEEP_RUN_H
#define RT_SWEEP_RUN_H

#include "tui/cli/sweep_plan.h"

/* Runs all that is not done, at most at_once at a time. After a run that fails, and after SIGINT, SIGTERM or SIGHUP,
 * no further one starts and those under way end: by themselves after a failure, at a checkpoint after a signal.
 * RT_ESTOPPED after a signal; after a failure a negative code, all that there is to say has been said. quiet: only
 * that. */
int rt_sweep_run(struct rt_sweep_plan *p, int at_once, bool quiet, struct rt_error *e);

#endif
