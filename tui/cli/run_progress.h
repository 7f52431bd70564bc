/* SPDX-License-Identifier: MIT
 * run_progress: what a person at a terminal sees of a run besides its results: what it is (once it has opened), a
 * line that moves while it goes on, warnings. All of it on stderr. */
#ifndef RT_RUN_PROGRESS_H
#define RT_RUN_PROGRESS_H

#include "tui/cli/progress.h"
#include "stages/session/training.h"

struct rt_run_progress {
    struct rt_progress line; /* .quiet: only warnings from now on */
    struct rt_watch watch;
    const struct rt_training *training;
    bool noted;         /* that nobody reads it */
    int64_t first_step; /* of this process */
    int64_t until;      /* the update that it is stopped after (a replay's); 0 = it goes to its end */
    double top1, eer;   /* of the last evaluation; NaN before the first, and without trials */
};

/* Before the training is opened: it may warn while it opens. *p must stand as long as the training does. */
void rt_run_progress_init(struct rt_run_progress *p, const struct rt_training *t, bool quiet);
/* For the request: its watch and its observer. */
void rt_run_progress_join(struct rt_run_progress *p, struct rt_training_request *request);
/* Once it is open: says what will be trained, on what, with whose help; the rate counts from here on. */
void rt_run_progress_announce(struct rt_run_progress *p);
/* After the last update: takes the line away. */
void rt_run_progress_end(struct rt_run_progress *p);

#endif
