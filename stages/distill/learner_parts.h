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
    struct rt_learner_room keep, sample, shard, input, offset, bucket, weight, label, factor, value, percentile;
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

/* What is added up over the shards of an update besides gradients: doubles alone. */
struct rt_learner_sums {
    struct rt_objective_sums place[RT_PLACES];
    double rows;
    double weight[2], task[2]; /* what the mean weights need (rt_weight_measure) */
    double squares[2];         /* rt_weight_squares */
};
#define RT_LEARNER_SUMS ((int)(sizeof(struct rt_learner_sums) / sizeof(double)))
#define RT_LEARNER_LEAST 2 /* rows of an update: batch-norm needs two */

struct rt_learner {
    struct rt_learner_config c;
    const struct rt_model *teacher; /* of c, or NULL */
    size_t input_row;               /* numbers of a dense input; 0 = bags */
    int shard_rows;                 /* of one shard, at most: what the network has memory for */

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
    /* What is added up over the shards: gradients, [gradients], and where the batch is cut, running statistics. */
    struct rt_exchange_part *part; /* [parts] */
    int parts, gradients;
    float *before;                 /* the statistics as the update found them */
    struct rt_shard_sum *sum;
    int *first;                    /* [shards + 1] the first row of each shard; then the count of rows */
    struct rt_learner_sums *sums, all; /* [shards]; of all shards everywhere, as counted before the update */
    char broken[RT_NAME + 32];     /* what is not finite of the update under way; "" = nothing known */

    /* [batch] of one update */
    double *weight, *task_weight, *quality, *task_quality, *scale; /* weight holds the other four too */
    struct rt_objective_weights weights; /* of these, by weight.task */
    double *distance, *agreed; /* [places, batch]; what agreement was, NaN where it is not followed */
    double *factor; /* [batch, RT_WEIGHT_COLUMNS] */
    float *head, *d_head; /* of one shard */
    struct rt_objective_out out;
    struct rt_learner_kept kept;
    struct rt_learner_eval eval;
};

/* Batches are cut, here or into parts of others. */
bool rt_learner_is_cut(const struct rt_learner *l);
/* Sets l->first for b. RT_EUSAGE: it is cut otherwise than the learner is made for. */
int rt_learner_cut(struct rt_learner *l, const struct rt_minibatch *b, struct rt_error *e);
/* Rows, samples that have what each term needs, and weights, of all who share the update: l->all. RT_EMEM, or what the
 * exchange returned. */
int rt_learner_count(struct rt_learner *l, const struct rt_minibatch *b, const struct rt_objective_settings *objective,
                     struct rt_error *e);
/* All shards forward and backward: the parts then hold the sums of all who share the update, l->sums those of each own
 * shard. RT_EMEM, or what the exchange returned. */
int rt_learner_shards(struct rt_learner *l, const struct rt_minibatch *b, const struct rt_objective_settings *objective,
                      const struct rt_learner_settings *settings, struct rt_error *e);
int rt_learner_not_finite(const struct rt_learner *l, const char *what, struct rt_error *e);

/* view: b with the rows alone that take part; refers to b or to copies in l, until the next call.
 * RT_EMEM. */
int rt_learner_keep(struct rt_learner *l, const struct rt_minibatch *b, struct rt_minibatch *view,
                    struct rt_error *e);
void rt_learner_keep_fini(struct rt_learner *l);
/* Weight and quality of the samples of b, of distillation and of the task, in two steps: each sample by itself, and
 * into l->sums what is to be added up of all; then, with l->all, the weights, and into l->sums their squares. */
int rt_learner_measure_weights(struct rt_learner *l, const struct rt_minibatch *b, const struct rt_learner_settings *s,
                               struct rt_error *e);
void rt_learner_weigh(struct rt_learner *l, const struct rt_minibatch *b);
/* Behind the forward pass: how far student and teacher agree on each sample; NaN where it is not followed. */
void rt_learner_agree(struct rt_learner *l, const struct rt_minibatch *b, const struct rt_learner_settings *s,
                      double *now);
/* A sample's agreement is followed over its updates; NaN changes nothing. */
void rt_learner_follow_agreement(struct rt_learner *l, int sample, double now);
/* What the teacher's posterior of the label is: people are shown it, no update depends on it. NaN = it has none. */
double rt_learner_teacher_p(const struct rt_learner *l, const struct rt_minibatch *b, int i);
/* What weight.terms may name. */
struct rt_weight_source rt_learner_weight_source(const struct rt_learner *l);
void rt_learner_eval_fini(struct rt_learner *l);

#endif
