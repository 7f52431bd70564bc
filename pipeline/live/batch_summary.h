/* SPDX-License-Identifier: MIT
 * batch_summary: what is in a batch, as the answer to someone who asks: whose samples, which frames of what shape and
 * size, and what range of values. */
#ifndef RT_BATCH_SUMMARY_H
#define RT_BATCH_SUMMARY_H

#include "pipeline/flow/batch.h"

#include <jansson.h>

#define RT_BATCH_SUMMARY_FRAMES 48 /* listed at most; `frames` counts all */
#define RT_BATCH_SUMMARY_IDS 64    /* likewise, `samples` */

/* Adds to the object o: kind, epoch (from 1), batch (from 1), update (when it is for one), samples, ids,
 * left_out, frames, raw, packed (bytes), and list: of each frame name, type, shape, raw, packed; of its values,
 * if it has any, min, mean and max of those that are finite, and how many are nan and inf. id names a sample's row,
 * NULL: rows are named by number. Unpacks every frame: takes about as long as a stage that does. RT_EMEM,
 * RT_ECHECKSUM. */
int rt_batch_summary(json_t *o, const struct rt_batch *b, const char *(*id)(const void *self, int row),
                     const void *self, struct rt_error *e);

#endif
