/* SPDX-License-Identifier: MIT
 * sampler: the source of a training run: shuffled training batches, then evaluation batches after the
 * epochs that want them. Order follows from (seed, epoch). Loop thread only.
 * The last batch of an epoch that is smaller than `batch` is kept when it has at least 2 samples; a
 * single one left over sits that epoch out (batch-norm needs two), another one each epoch. When one
 * sample is all there is, it is the batch.
 * With `balance` each batch has a fixed fraction of rows with a label: those and the others are two decks,
 * each dealt pass after pass, shuffled anew for each pass by (seed, pass); all batches are full, and a row of
 * the shorter deck comes several times an epoch. An epoch is then as many updates as a pass of the deck that
 * takes longest.
 * The last training batch of an epoch, also of one cut short by `steps`, or where the run ended once, is marked
 * RT_MARK_EPOCH, the last of an evaluation RT_MARK_EVAL, and the last of all RT_MARK_END besides. */
#ifndef RT_SAMPLER_H
#define RT_SAMPLER_H

#include "pipeline/flow/runner.h"
#include <stdbool.h>

struct rt_sampler_config {
    const int *train, *eval; /* manifest rows, copied; eval may be empty */
    int train_count, eval_count;
    int labelled;   /* so many of train, the first ones, have a label; of use with balance only */
    double balance; /* fraction of each batch that has a label, at least one row; 0 = as the data are,
                     * as where all rows have a label or none */
    int batch;
    int shards, first_shard, own_shards; /* every batch is cut into so many, and these kept (rt_batch_cut); 0 = not */
    uint64_t seed;
    int64_t steps;     /* updates in all */
    /* Was the run so many updates long, before it was made longer? May be NULL. */
    bool (*ended)(void *self, int64_t step);
    int eval_interval; /* epochs; the last epoch is always evaluated, also when cut short, as is where the run ended
                        * once */
    /* Told before the batch of update `step` is made; returns the interval from then on, or RT_EBUSY: it may not be
     * made yet, and the source says so. May be NULL. */
    int (*hand_out)(void *self, int64_t step);
    void *self;
    int64_t start;     /* updates already done (resume): the sampler continues after them */
    bool eval_done;    /* the evaluation due after update `start`, if any, was made before; else it comes
                          first (only where `start` is the end of an epoch or of the run) */
};
struct rt_sampler; /* opaque */

/* RT_ENODATA without a training row; RT_ERANGE for a batch, interval, steps or start out of range. */
int rt_sampler_create(struct rt_sampler **out, const struct rt_sampler_config *c);
void rt_sampler_destroy(struct rt_sampler *s);
struct rt_source rt_sampler_source(struct rt_sampler *s);
int rt_sampler_epoch_steps(int train_count, int batch); /* updates per epoch */
int rt_sampler_balanced_steps(int labelled, int rest, int batch, double balance); /* the same with balance */

/* A source that gives rows once, in order, as batches of one kind, the last marked EVAL and END.
 * Without rows it ends at once. RT_ERANGE, RT_EMEM. */
struct rt_lister; /* opaque */
int rt_lister_create(struct rt_lister **out, enum rt_batch_kind kind, const int *rows, int count,
                     int batch);
void rt_lister_destroy(struct rt_lister *l);
struct rt_source rt_lister_source(struct rt_lister *l);

#endif
