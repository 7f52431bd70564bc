/* SPDX-License-Identifier: MIT
 * weight_preview: what weights the training samples of a run would have under given settings: the formula of
 * stages/distill/weights.h over the whole data set instead of a batch. Quality is kept in steps of
 * 1/4095, so that another gamma or floor costs a table and one pass. */
#ifndef RT_WEIGHT_PREVIEW_H
#define RT_WEIGHT_PREVIEW_H

#include "pipeline/data/table.h"
#include "tui/report/factors.h"

#include <stdint.h>

#define RT_WEIGHT_PREVIEW_BINS 4096

struct rt_weight_preview {
    struct rt_weight_settings at; /* what the rest follows from */
    int samples, muted;           /* training samples that can be used; muted ones count to both */
    int *row;                     /* [samples] of the table */
    uint16_t *bin;                /* [samples] quality * 4095 */
    float *hand;                  /* [samples] the factor by hand */
    double count[RT_WEIGHT_PREVIEW_BINS]; /* samples not muted, by quality */
    double mean;                  /* of g over these */
    double effective;             /* sample size (sum w)^2 / sum w^2 */
    double most;                  /* the greatest weight */
    int room;                     /* of row, bin and hand */
    unsigned version;             /* of the table that they are of */
};

/* Zeroed is one without samples. Takes the samples of the table: training split, not left out; which these
 * are is looked up only when `version` (from 1) is another one than before. `now` are the settings in effect,
 * in whose recorded quality the teacher's factors hide. RT_EMEM leaves it empty. */
int rt_weight_preview_fill(struct rt_weight_preview *w, const struct rt_table *t, unsigned version,
                           const struct rt_weight_settings *s, const struct rt_weight_settings *now);
/* With this gamma and floor. */
void rt_weight_preview_apply(struct rt_weight_preview *w, double gamma, double floor);
void rt_weight_preview_fini(struct rt_weight_preview *w);
/* Samples by weight from 0 to `high` into count[columns]; greater ones into the last. */
void rt_weight_preview_weights(const struct rt_weight_preview *w, double high, double *count, int columns);
/* Samples by quality from 0 to 1 into count[columns]. */
void rt_weight_preview_qualities(const struct rt_weight_preview *w, double *count, int columns);

#endif
