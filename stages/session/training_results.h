/* SPDX-License-Identifier: MIT
 * training_results: what a run's result is worth: its answers for every sample that it can read, the figures of each
 * split, and of lists of trials; in run.db, and in t. Called once, by the thread that leads the run, after the
 * updates, with t->result set. */
#ifndef RT_TRAINING_RESULTS_H
#define RT_TRAINING_RESULTS_H

#include "stages/session/training.h"

/* RT_ESTOPPED: a signal came; what was measured before it stays. */
int rt_training_results(struct rt_training *t, struct rt_error *e);

#endif
