/* SPDX-License-Identifier: MIT
 * learner: a network that learns: model, objective, sample weights and optimiser together, one
 * update at a time. It knows no pipeline: what it learns from are plain arrays, what it has done it
 * reports. Files: learner.c (an update), learner_keep.c (samples that take no part), learner_shards.c
 * (forward and backward), learner_weights.c, learner_eval.c, learner_state.c (checkpoint),
 * learner_settings.h (what of a recipe it reads); learner_parts.h is theirs alone. */
#ifndef RT_LEARNER_H
#define RT_LEARNER_H

#include "formats/trials.h"
#include "stages/distill/exchange.h"
#include "stages/distill/learner_settings.h"
#include "stages/distill/sample_states.h"
#include "stages/metrics/predictions.h"
#include "stages/model/model.h"
#include "stages/nn/op.h"

/* The contract.
 * - Made once, from a model that it changes and teachers that it only reads facts of; both are
 *   borrowed and must outlive it.
 * - One thread at a time calls it, any thread; in a call it shares its loops over `threads` of its
 *   own. The bytes of all that it makes are the same for any number of threads.
 * - An update is rt_learner_step. It is given its settings, so they may change between two updates,
 *   within what rt_learner_check accepts.
 * - When an update fails (no memory, not finite, an exchange that broke) the learner is good for
 *   nothing but rt_learner_destroy: the run ends, and goes on from its last checkpoint.
 * - A batch may be cut into shards, which go through the network one by one: memory for one of them is enough. What is
 *   of the batch stays so: weights, counts, means, margins and the clipped norm are of all its samples. By shard are
 *   batch-norm's statistics (the running ones move by the mean over the shards) and what terms that compare rows see;
 *   a shard in which one sample is left sits the update out. One shard gives the bytes of a batch that is not cut.
 * - Between what is measured and what is made of it stands the exchange; NULL = alone. With one, several learners with
 *   equal models and settings make each update together, each from its own shards of the batch, as many as every other;
 *   all end with equal weights, sample states and evaluations, which are those of one learner with all the shards. */
struct rt_learner; /* opaque */

struct rt_learner_config {
    struct rt_model *model;
    const struct rt_model *const *teacher; /* [teachers]; the list is read while it is made */
    int teachers;                          /* 0 = labels only; RT_EUSAGE: not those of the model */
    const struct rt_learner_settings *settings; /* checked while it is made, not kept */
    enum rt_optim_id optimizer;
    int batch;                      /* the most rows of a minibatch */
    int shards;                     /* it is cut into; a power of two. With others: those it has itself */
    int shard_rows;                 /* the most rows of one, what the network needs memory for; 0 = batch */
    int threads;                    /* that share its work */
    int rows;                       /* of the data set: there are states of so many samples */
    const char *const *measure;     /* [measures] names of the columns of rt_minibatch.value; borrowed */
    const int *measure_of;          /* [measures] enum rt_modality_id that it is a measure of, -1 = of the sample as a
                                     * whole; borrowed; NULL = as rt_measure_find says */
    int measures;                   /* 0 = nothing is measured */
    const struct rt_trials *trials; /* what is measured besides, and decides which evaluation is the best; NULL or
                                     * empty = top-1 does. Of rows of the data set; borrowed */
    int64_t steps;                  /* of the whole run: the schedules' length */
    const struct rt_exchange *others; /* NULL = alone; borrowed */
};

/* Checks the settings as rt_learner_check does, allocates. RT_EUSAGE, RT_EMISMATCH, RT_EMEM. */
int rt_learner_create(struct rt_learner **out, const struct rt_learner_config *c, struct rt_error *e);
void rt_learner_destroy(struct rt_learner *l); /* NULL is fine */

/* The run is `steps` updates long from now on: the schedules' length. Between two updates. */
void rt_learner_prolong(struct rt_learner *l, int64_t steps);

/* Would it accept these settings? Reads only what is fixed after create: any thread, also while it
 * learns. RT_EUSAGE, RT_EMISMATCH. */
int rt_learner_check(const struct rt_learner *l, const struct rt_learner_settings *s, struct rt_error *e);

/* What one teacher says of the samples of a minibatch. */
struct rt_taught {
    const uint8_t *have;    /* [count] 1 = its rows are filled; NULL = no outputs at all */
    const float *embedding; /* [count, dim of the teacher] */
    const float *logits;    /* [count, classes of the teacher]; NULL when it has no classifier */
};

/* Samples to learn from, or to be measured on; all borrowed for the call. */
struct rt_minibatch {
    int count;
    const int *sample;         /* [count] rows of the data set: whose states these are */
    const int *shard;          /* [count] the own shard of each, ascending from 0; NULL = all in the first */
    const int *keep;           /* [kept] places of those that take part, ascending; NULL = all do.
                                * The rest is not looked at: as if it were not there */
    int kept;
    const float *input;        /* [count, shape of the model's input], or NULL with bags */
    const int32_t *length;     /* [count] to be measured on, whole recordings: input is [all frames, bands], and these
                                * are the frames of each; NULL = all have the model's length */
    struct rt_bags bags;
    const int32_t *label;      /* [count], -1 = none */
    const float *factor;       /* [count] by hand, on the weight: 0 = muted; NULL = all 1 */
    const float *value;        /* [count, measures] in the measure's unit, NaN = not measured; NULL = none is */
    const float *percentile;   /* [count, measures] 0..1, as value */
    const struct rt_taught *taught; /* [teachers] */
};

struct rt_step_report {
    int64_t step; /* updates done, this one included */
    int epoch;    /* the caller's to set; the learner knows none */
    int samples;  /* that took part */
    double lr, gradient_norm, total, effective; /* sample size by the weights of distillation */
    /* The learner's, until the next update; distances by place among the kept. */
    const struct rt_objective_out *terms;
};

/* One update. 1 = learned; 0 = too few samples for batch-norm (less than 2): nothing changed but
 * the count of updates, and there is no report. RT_ENOTFINITE: *e says of which update, and what
 * was not. */
int rt_learner_step(struct rt_learner *l, const struct rt_minibatch *b, const struct rt_learner_settings *settings,
                    struct rt_step_report *report, struct rt_error *e);

struct rt_eval_report {
    int64_t step;
    int epoch;   /* the caller's to set */
    int samples;
    double top1[RT_HEADS]; /* by enum rt_head_id; NaN = no such head */
    double top5, macro_f1, loss; /* of the answer */
    double teacher_top1;   /* NaN = no teacher outputs */
    double eer, min_dcf;   /* of the trials; NaN = there are none */
    enum rt_head_id answer;
    bool best; /* the best so far */
    /* What the answer says of each sample, with or without a label: [predictions], of rows of the data set. The
     * learner's, until its next call. */
    int predictions;
    const struct rt_prediction *prediction;
    const int *row;
};

/* An evaluation: the outputs for all samples, batch by batch (keep and factor are not read; label
 * is what is true, and trials also take samples without one), then what they come to: chooses the
 * model's answer among the heads, and forgets the outputs. RT_EMEM, RT_ENOTFINITE; RT_ENODATA where the
 * samples at hand make trials of one kind alone. */
int rt_learner_measure(struct rt_learner *l, const struct rt_minibatch *b, struct rt_error *e);
int rt_learner_conclude(struct rt_learner *l, const struct rt_learner_settings *settings,
                        struct rt_eval_report *report, struct rt_error *e);

/* Everything a learner that goes on needs, the model included; into one made with the same
 * configuration, and it continues bit for bit. name stands for the file in messages. RT_EFORMAT,
 * RT_EMISMATCH. */
int rt_learner_save(const struct rt_learner *l, struct rt_safetensors *out);
int rt_learner_load(struct rt_learner *l, const struct rt_safetensors *in, const char *name, struct rt_error *e);

struct rt_learner_progress {
    int64_t step, steps; /* updates done, and of the whole run */
    double best;         /* of the evaluations: highest top-1, or with trials 1 - lowest EER; -1 before the first */
};
/* l may be NULL: nothing was done. */
struct rt_learner_progress rt_learner_progress(const struct rt_learner *l);
const struct rt_sample_states *rt_learner_samples(const struct rt_learner *l);
/* While it is held no sample's state changes: for another thread that looks at them, for a moment. An update waits. */
void rt_learner_hold(struct rt_learner *l, bool on);

#endif
