/* SPDX-License-Identifier: MIT
 * pipeline_batch: what is in the batch that a stage put out last, as the run says it (verb `batch`),
 * and as a table for people. */
#ifndef RT_PIPELINE_BATCH_H
#define RT_PIPELINE_BATCH_H

#include "pipeline/live/link.h"
#include "tui/screen/base/canvas.h"

#define RT_LAST_FRAMES 48

struct rt_last_frame {
    char name[72], type[8], shape[48];
    double raw, packed, min, mean, max, nan, inf; /* bytes; NaN: has no values, or no finite ones */
};
struct rt_last_batch {
    char stage[32]; /* "" = nothing is known */
    char words[240]; /* which batch it is */
    char ids[1200];
    int frames, listed;
    struct rt_last_frame frame[RT_LAST_FRAMES]; /* [listed] */
};

void rt_last_batch_read(struct rt_last_batch *b, const struct rt_link_line *line);
/* Nothing is known; why. */
void rt_last_batch_refused(struct rt_last_batch *b, const char *why);
/* From frame `first` on; returns how many frames there is room for. */
int rt_last_batch_draw(const struct rt_last_batch *b, struct rt_canvas *c, struct rt_rect r, int first);

#endif
