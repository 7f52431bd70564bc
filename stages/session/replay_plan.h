/* SPDX-License-Identifier: MIT
 * replay_plan: a run's journal of changed settings, read back so that another run makes the same changes. */
#ifndef RT_REPLAY_PLAN_H
#define RT_REPLAY_PLAN_H

#include "pipeline/live/control.h"
#include "pipeline/data/dataset.h"
#include "pipeline/run/rundb.h"

/* Plans every change in the journal of run (a run folder or run.db). A change that this run would
 * refuse is an error: RT_EMISSING, RT_EFORMAT, RT_EUSAGE, RT_ERANGE, ... Changes of samples name rows, so
 * where there are any, the run must have the rows of d: RT_EMISMATCH says the first that differs. */
int rt_replay_plan_read(struct rt_control *control, const char *run, const struct rt_dataset *d,
                        struct rt_error *e);

/* The changes in the journal of the run's own data base are what undo takes back first. RT_EMEM, RT_EIO. */
int rt_replay_plan_recall(struct rt_control *control, struct rt_rundb *db, struct rt_error *e);

#endif
