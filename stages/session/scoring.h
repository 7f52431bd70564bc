/* SPDX-License-Identifier: MIT
 * scoring: verification trials scored by an evaluation's embeddings: the cosine, what a cohort makes of it, and the
 * calibration that turns it into a log likelihood ratio. Main thread. */
#ifndef RT_SCORING_H
#define RT_SCORING_H

#include "formats/trials.h"
#include "stages/metrics/score_calibration.h"
#include "stages/metrics/score_norm.h"
#include "stages/session/evaluation.h"

/* What besides the score may speak for or against a pair; of each, the lower and the higher of its two sides. */
enum rt_scoring_input { RT_SCORING_DURATION, RT_SCORING_NORM, RT_SCORING_QUALITY, RT_SCORING_INPUTS };
extern const char *const rt_scoring_input_names[RT_SCORING_INPUTS + 1]; /* "duration" (its logarithm), "norm" of the
                              * embedding, "quality" (product of the modality's knees); NULL at the end */

struct rt_scoring_request {
    const char *cohort; /* a manifest, or "train": the evaluation's rows of that split; NULL = none */
    int top;            /* nearest of the cohort that AS-Norm takes; more than there are = all; 0 = no AS-Norm */
    bool centre;        /* the cohort's mean is taken off every embedding; only with a cohort */
};

struct rt_scoring {
    struct rt_evaluation *v;
    int *place;       /* [rows of the manifest] which of v's outputs, or -1 */
    double *norm;     /* [v->count] of the embeddings, before anything is taken off */
    float *cohort;    /* [people, dim] */
    int people, top;
    struct rt_norm_side *side; /* [v->count]; mean NaN = not yet asked for */
    double *room;     /* [people] */
    bool product;     /* a score is the product of two means of unit embeddings, not the cosine */
    bool by[RT_SCORING_INPUTS];
    char words[600];  /* how scores are made: a calibration is for the same words only */
    bool calibrated;
    struct rt_score_calibration calibration;
    double p_target;  /* that it was fitted for */
};

/* Trials as they were scored; usable ones only. */
struct rt_scored {
    size_t n, left_out;
    const struct rt_trial **trial; /* [n] of the list */
    double *score, *llr;           /* [n]; llr NULL without a calibration */
    uint8_t *same;
};

/* q: how v was opened; a cohort's manifest is opened the same way, and its samples are averaged by label. Takes v's
 * embeddings over: centred, they are not v's any more. The model's own calibration is used where it was made for scores
 * like these; warning (or "") says why not. RT_EUSAGE, RT_ENODATA, RT_EMEM, and what opening a manifest gives. */
int rt_scoring_open(struct rt_scoring *s, struct rt_evaluation *v, const struct rt_evaluation_request *q,
                    const struct rt_scoring_request *r, char warning[400], struct rt_error *e);
void rt_scoring_close(struct rt_scoring *s);

/* Scores a list of v's manifest; rt_scored_fini in any case. RT_EMEM. */
int rt_scoring_trials(struct rt_scoring *s, const struct rt_trials *t, struct rt_scored *out, struct rt_error *e);
void rt_scored_fini(struct rt_scored *s);

/* Who is on either side of the trials that were scored, as far as labels and the list say it: samples of one label are
 * one person, and so are the two of a target trial. side: 2 * n numbers from 0, the n of the enrolled and then those of
 * the tests, malloc'ed; NULL where all is one person, or there is no memory. Returns how many people. */
int rt_scored_people(int **side, const struct rt_scored *s, const struct rt_dataset *d);

/* From now on scores are calibrated by these trials, and by what is said besides the score. RT_ENODATA: one kind is
 * missing; RT_ENOTFINITE; RT_EMEM. */
int rt_scoring_fit(struct rt_scoring *s, const struct rt_trials *t, double p_target, const bool by[RT_SCORING_INPUTS],
                   struct rt_error *e);
/* The calibration as the metadata of a model keeps it (RT_MODEL_SCORING). */
void rt_scoring_text(const struct rt_scoring *s, char *text, size_t size);

/* Before anything is computed: every sample that a list names must have a file, or RT_EMISSING with the list's line. */
int rt_scoring_check_files(const struct rt_trials *t, const char *path, const struct rt_session *s, int modality,
                           struct rt_error *e);

#endif
