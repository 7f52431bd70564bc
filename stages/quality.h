/* SPDX-License-Identifier: MIT
 * quality: second stage: how good is each sample, in numbers.
 * In the scoring pass (SCORE batches) it measures raw samples and fills rt_scores; results are kept in
 * a store by content, so a later run starts at once. In TRAIN and EVAL batches it adds
 *   measures  F32 [batch, columns]   each measure's value in its own unit, NaN = not measured
 *   quality   F32 [batch, columns]   its percentile in the data set
 * Which of them count, and how, is the student's business (distill/weight_scale.h). */
#ifndef RT_QUALITY_H
#define RT_QUALITY_H

#include "pipeline/flow/stage.h"
#include "pipeline/data/dataset.h"
#include "pipeline/data/store.h"
#include "stages/decode.h"
#include "stages/modality/modality.h"

#define RT_SCORE_MORE 8 /* columns besides the modalities' own */
#define RT_SCORE_COLUMNS (RT_MODALITIES * RT_MEASURES_MAX + RT_SCORE_MORE)

struct rt_score_column {
    int modality; /* enum rt_modality_id; -1 = of the sample as a whole */
    const struct rt_measure *measure;
};

/* Filled by the scoring pass (each row by one worker), ranked once, read afterwards. */
struct rt_scores {
    int rows, columns;
    struct rt_score_column column[RT_SCORE_COLUMNS];
    int first[RT_MODALITIES]; /* first column of a modality, -1 = not scored */
    float *value;      /* [rows, columns], NaN = not measured */
    float *percentile; /* [rows, columns] share of the measured samples that are no better, NaN */
};

/* Columns for every measure of the modalities marked true, and behind them those of more [RT_SCORE_MORE at most], whose
 * values are the caller's to fill in before they are ranked; what it points to must outlive s. RT_EMEM. */
int rt_scores_init(struct rt_scores *s, int rows, const bool modality[RT_MODALITIES],
                   const struct rt_score_column *more, int count);
void rt_scores_fini(struct rt_scores *s);
/* Percentiles from the values: 1 = best of the data set. RT_EMEM. */
int rt_scores_rank(struct rt_scores *s);
/* The names of the columns, in their order; returns how many. */
int rt_scores_names(const struct rt_scores *s, const char *name[RT_SCORE_COLUMNS]);

struct rt_quality {
    struct rt_dataset *dataset; /* reason[] is filled in the scoring pass */
    const struct rt_content *content;
    struct rt_scores *scores;
    struct rt_store *store; /* measures by content, or NULL */
    int level;
    int strict; /* a bad sample ends the run */
    bool measured[RT_MODALITIES]; /* scoring pass: somebody else has measured these */
    /* Scoring pass: told of each sample left out, from a worker thread; may be NULL. */
    void (*left_out)(void *self, const struct rt_drop *drop);
    void *left_out_self;
};

/* self is a struct rt_quality. */
extern const struct rt_stage_ops rt_stage_quality;

#endif
