/* SPDX-License-Identifier: MIT
 * checkpoints: the states of a run that --resume may go on from: checkpoints/step-NNNNNNNN.safetensors in its
 * folder, where N is the number of updates done. What is in one is the student's business; the best by
 * validation (RT_RUN_BEST) lies beside them and is none of them. For whoever has the folder's lock to write;
 * anyone may list and read. */
#ifndef RT_CHECKPOINTS_H
#define RT_CHECKPOINTS_H

#include <stddef.h>
#include <stdint.h>

/* Path of the checkpoint of a step into out (RT_RUN_PATH bytes hold any); returns out. */
char *rt_checkpoints_path(const char *folder, int64_t step, char *out, size_t size);
/* Path of the newest into out, *step set. RT_ENOTFOUND when there is none, RT_EIO, RT_EMEM. */
int rt_checkpoints_latest(const char *folder, char *out, size_t size, int64_t *step);
/* Steps of all, newest first, malloc'ed; their number, RT_EIO or RT_EMEM. */
int rt_checkpoints_steps(const char *folder, int64_t **steps);
/* Deletes all but the newest `keep`; other files stay. */
void rt_checkpoints_prune(const char *folder, int keep);
/* Deletes what a process killed while writing has left half-written, here and in the run folder itself. */
void rt_checkpoints_sweep(const char *folder);

#endif
