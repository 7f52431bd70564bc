/* SPDX-License-Identifier: MIT
 * learner_parts: the learner's inside, for its own files (learner*.c). */
#ifndef RT_LEARNER_PARTS_H
#define RT_LEARNER_PARTS_H

#include "stages/distill/learner.h"
#include "stages/distill/objective_settings.h"
#include "stages/distill/weight_scale.h"
#include "stages/nn/exec.h"
#include "stages/nn/stretch.h"
#include "stages/nn/optim/optim.h"

#include <uv.h>

/* Memory that grows. */
struct rt_learner_room {
    void *data;
    size_t size;
};
int rt_learner_room(struct rt_learner_room *r, size_t bytes); /* RT_EMEM; keeps what was there */

/* Copies of the rows that take part, when some do not (learner_keep.c). */
struct rt_learner_kept {
    struct rt_learner_room sample, input, offset, bucket, weight, label, factor, value, percentile;
    struct {
        struct rt_learner_room have, embedding, logits;
    } teacher[RT_TEACHERS];
    struct rt_taught taught[RT_TEACHERS];
};

/* Outputs of an evaluation under way (learner_eval.c). */
struct rt_learner_eval {
    struct rt_learner_room own, head; /* [count, classes] raw node outputs */
    struct rt_learner_room teacher;   /* [count, teacher_classes] */
    struct rt_learner_room label, taught;
    struct rt_learner_room row, prediction; /* [count] row of the data set; what the answer says, when all are in */
    struct rt_learner_room embedding;       /* with trials: [count, dim] */
    int count;
};

struct rt_learner {
    struct rt_learner_config c;
    const struct rt_model *teacher; /* of c, or NULL */
    size_t input_row;               /* numbers of a dense input; 0 = bags */

    /* progress, in the checkpoint */
    int64_t step;
    double best;
    struct rt_objective objective;
    double norm_mean, norm_var; /* running, of the teacher's feature norm; NaN before the first */
    struct rt_sample_states samples; /* written with `hold` held */
    uv_mutex_t hold;

    struct rt_parallel *parallel;
    struct rt_exec *exec;
    struct rt_stretch *stretch; /* whole recordings in evaluations; NULL: none has come yet */
    struct rt_optim *optim;
    struct rt_exchange_part *part; /* [parts] what is trained; NULL when alone */
    int parts;

    /* [batch] of one update */
    double *weight, *task_weight, *quality, *task_quality, *scale; /* weight holds the other four too */
    struct rt_objective_weights weights; /* of these, by weight.task */
    double *distance;
    double *factor; /* [batch, RT_WEIGHT_COLUMNS] */
    float *head, *d_head;
    struct rt_objective_out out;
    struct rt_learner_kept kept;
    struct rt_learner_eval eval;
};

/* What the teacher's posterior of each label is, into the samples' states: people are shown it, no update depends on
 * it. */
void rt_learner_note_teacher(struct rt_learner *l, const struct rt_minibatch *b);

/* view: b with the rows alone that take part; refers to b or to copies in l, until the next call.
 * RT_EMEM. */
int rt_learner_keep(struct rt_learner *l, const struct rt_minibatch *b, struct rt_minibatch *view,
                    struct rt_error *e);
void rt_learner_keep_fini(struct rt_learner *l);
/* Fills weight and quality, of distillation and of the task, for the samples of b. */
int rt_learner_weigh(struct rt_learner *l, const struct rt_minibatch *b,
                     const struct rt_learner_settings *s, double *effective, struct rt_error *e);
/* Behind the forward pass: what agreement, if it is in weight.terms, will be at each sample's next update. */
void rt_learner_follow_agreement(struct rt_learner *l, const struct rt_minibatch *b,
                                 const struct rt_learner_settings *s);
/* What weight.terms may name. */
struct rt_weight_source rt_learner_weight_source(const struct rt_learner *l);
void rt_learner_eval_fini(struct rt_learner *l);

#endif
