/* SPDX-License-Identifier: MIT
 * training_pipeline: the part of a training run that goes through the pipeline: its stages, what limits them, who
 * may ask and change meanwhile. */
#ifndef RT_TRAINING_PIPELINE_H
#define RT_TRAINING_PIPELINE_H

#include "stages/session/training.h"

/* All batches, from the student's step to the last. What rt_runner_run returns. */
int rt_training_pipeline(struct rt_training *t, struct rt_error *e);
/* May the pipeline run with these settings? Any thread. RT_ERANGE, RT_EUSAGE. */
int rt_training_pipeline_check(const struct rt_training *t, const struct rt_recipe *r, struct rt_error *e);
/* Puts the limits that the settings in effect ask for in force: workers, queues, memory, caches. For the thread
 * of the student, and while there is a runner. */
void rt_training_pipeline_limits(const struct rt_training *t);

#endif
